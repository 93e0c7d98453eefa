/*
 * azl_identity_watchdog: keeps the credentials that change (azl_identity.h)
 * fresh.
 *
 * In each process one thread of mod_watchdog's looks ten times a second what
 * is due. What comes from a service is fetched by one process for all: who
 * claims its place in the wallet (azl_wallet.h) first; the others take it from
 * there and go on with the old one meanwhile. A fetch has a thread of its own
 * while it lasts, of which there are few, and fewer for one provider, so that
 * one that hangs makes no other late.
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
