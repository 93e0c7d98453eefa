/*
 * azl_probe: ask a deployment for next to nothing, to learn whether it answers.
 *
 * For whoever is not serving a client: /health?probe=1, which asks on its
 * request's thread and says so, and a watchdog that asks in the background.
 * Goes through libcurl (azl_http.h), with the endpoint's own URL, credential
 * and TLS settings. An answer is an answer: a 400 shows as well as a 200 that
 * name, credential, quota and deployment are there.
 */
#ifndef AZL_PROBE_H
#define AZL_PROBE_H

#include "azl_conf.h"

typedef struct azl_probe_t {
    int asked;       /* 0: nothing cheap can be asked of that kind of model */
    int alive;
    int status;      /* 0: no answer */
    const char *why; /* why there was none; static */
    apr_interval_time_t took;
    apr_interval_time_t retry_after; /* -1: not said */
} azl_probe_t;

/* The server ends: asked while a probe waits. */
typedef int azl_probe_stop_fn(void *baton);

/* Ask it, at most `limit`. What is in its health afterwards is the caller's
 * business. `stop` may be NULL. */
void azl_probe_ask(apr_pool_t *p, const azl_model_t *model,
                   const azl_deployment_t *d, apr_interval_time_t limit,
                   azl_probe_stop_fn *stop, azl_probe_t *probe);
/* Ask it and let everybody know: a call in flight meanwhile; a success, or a
 * failure that cools it down unless it is the last one of a group. */
void azl_probe_run(apr_pool_t *p, const azl_conf_t *conf,
                   const azl_model_t *model, azl_deployment_t *d,
                   apr_interval_time_t limit, azl_probe_stop_fn *stop,
                   azl_probe_t *probe);

/* azl_probe_watchdog.c: probes in the background, where AzureLITProbe asks for
 * them. NULL, or what they lack. */
const char *azl_probe_check_modules(const azl_conf_t *conf);
/* When the configuration is complete and the store open, before mod_watchdog
 * starts. OK, or a status for httpd. */
int azl_probe_start(apr_pool_t *pconf, struct server_rec *s);

#endif /* AZL_PROBE_H */
