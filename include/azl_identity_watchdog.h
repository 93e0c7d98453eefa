/*
 * azl_identity_watchdog: keeps the credentials that change (azl_identity.h)
 * fresh, in each process, in a thread for each of them.
 */
#ifndef AZL_IDENTITY_WATCHDOG_H
#define AZL_IDENTITY_WATCHDOG_H

#include "azl_conf.h"

/* The credentials of a server whose configuration is complete: what its
 * directives say about them. NULL, or what they lack. */
const char *azl_identity_prepare(const azl_conf_t *conf);
/* When the configuration is complete, before mod_watchdog starts. OK, or a
 * status for httpd. */
int azl_identity_start(apr_pool_t *pconf, struct server_rec *s);

#endif /* AZL_IDENTITY_WATCHDOG_H */
