#include "azl_identity_watchdog.h"

#include <ap_mpm.h>
#include <mod_watchdog.h>

#include "azl_httpd.h"
#include "azl_identity.h"

/* How their names begin. */
#define WATCHDOG "_azurelit_identity_"

/* How often is looked whether something is due, or a file has changed. */
#define INTERVAL apr_time_from_sec(1)

/* An endpoint whose credential changes, made for each configuration. Each
 * process has its own copy, of which one thread makes use. */
typedef struct watched_t {
    server_rec *server;
    const azl_endpoint_t *endpoint;
    int failing; /* and that has been said */
} watched_t;

static int is_ending(void *baton)
{
    int state = AP_MPMQ_RUNNING;

    (void)baton;
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

/* Each trouble is told once, and that it is over. */
static void tell(watched_t *w, azl_identity_result_e result,
                 const char *problem)
{
    const azl_endpoint_t *e = w->endpoint;
    server_rec *s = w->server;

    if (result == AZL_IDENTITY_FAILED && !w->failing) {
        int left = azl_identity_ready(e->identity, apr_time_now());

        ap_log_error(APLOG_MARK, left ? APLOG_WARNING : APLOG_ERR, 0, s,
                     AZLNO(0100) "AzureLITEndpoint %s: no new credentials "
                                 "from %s: %s; %s",
                     e->name, e->credential_source, problem,
                     left ? "the old ones are still valid"
                          : "it cannot be asked");
    }
    if (result == AZL_IDENTITY_FRESH) {
        ap_log_error(APLOG_MARK, w->failing ? APLOG_NOTICE : APLOG_INFO, 0, s,
                     AZLNO(0101) "AzureLITEndpoint %s: new credentials from %s",
                     e->name, e->credential_source);
    }
    w->failing = result == AZL_IDENTITY_FAILED ||
                 (result == AZL_IDENTITY_IDLE && w->failing);
}

static apr_status_t callback(int state, void *data, apr_pool_t *pool)
{
    watched_t *w = data;
    azl_identity_result_e result;
    const char *problem;
    apr_pool_t *p;

    if (state == AP_WATCHDOG_STATE_STOPPING) {
        return APR_SUCCESS;
    }
    /* at its start, too: the first request may be waiting, also in a process
     * that is told to end as soon as it has begun */
    apr_pool_create(&p, pool);
    result = azl_identity_refresh(w->endpoint->identity, p, apr_time_now(),
                                  is_ending, NULL, &problem);
    if (!is_ending(NULL)) { /* or it has been given up for that */
        tell(w, result, problem);
    }
    apr_pool_destroy(p);
    return APR_SUCCESS;
}

static int changes(const azl_endpoint_t *e)
{
    return e->identity && azl_identity_changes(e->identity);
}

const char *azl_identity_prepare(const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    int any = 0;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        if (endpoint[i]->identity) {
            azl_identity_hosts(endpoint[i]->identity, conf->authority,
                               conf->metadata);
        }
        any |= changes(endpoint[i]);
    }
    return any && !ap_find_linked_module("mod_watchdog.c")
               ? "AzureLITEndpoint: mod_watchdog is not loaded, which keeps "
                 "credentials fresh; add LoadModule watchdog_module"
               : NULL;
}

/* In every child, and each in a thread of its own: who gives out credentials
 * and hangs must not make others late, above all not for the first request. */
static apr_status_t start(apr_pool_t *pconf, server_rec *s,
                          const azl_endpoint_t *endpoint)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add_callback =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    watched_t *w = apr_pcalloc(pconf, sizeof(*w));
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get_instance || !add_callback) {
        return APR_ENOTIMPL;
    }
    w->server = s;
    w->endpoint = endpoint;
    /* names of endpoints are unique in a server only */
    rv =
        get_instance(&watchdog, apr_psprintf(pconf, WATCHDOG "%pp_", (void *)w),
                     0, 0, pconf);
    return rv == APR_SUCCESS ? add_callback(watchdog, INTERVAL, w, callback)
                             : rv;
}

static apr_status_t start_all(apr_pool_t *pconf, server_rec *s,
                              const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < conf->endpoints->nelts && rv == APR_SUCCESS; i++) {
        if (changes(endpoint[i])) {
            rv = start(pconf, s, endpoint[i]);
        }
    }
    return rv;
}

int azl_identity_start(apr_pool_t *pconf, server_rec *s)
{
    for (; s; s = s->next) {
        const azl_conf_t *conf = azl_conf_get(s);
        apr_status_t rv;

        if (conf->enabled != 1 || conf->server != s) {
            continue; /* the last: it is the main server's, seen before */
        }
        rv = start_all(pconf, s, conf);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, rv, s,
                         AZLNO(0102) "credentials cannot be kept fresh: "
                                     "mod_watchdog refused");
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}
