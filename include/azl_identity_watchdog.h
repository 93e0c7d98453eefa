/*
 * azl_identity_watchdog: keeps the credentials that change (azl_identity.h)
 * fresh, in each process, in a thread for each of them.
 */
#ifndef AZL_IDENTITY_WATCHDOG_H
#define AZL_IDENTITY_WATCHDOG_H

#include "azl_conf.h"

/* NULL, or what the credentials of this server lack. */
const char *azl_identity_check_modules(const azl_conf_t *conf);
/* When the configuration is complete, before mod_watchdog starts. OK, or a
 * status for httpd. */
int azl_identity_start(apr_pool_t *pconf, struct server_rec *s);

#endif /* AZL_IDENTITY_WATCHDOG_H */
