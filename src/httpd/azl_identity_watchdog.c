#include "azl_identity_watchdog.h"

#include <ap_mpm.h>
#include <mod_watchdog.h>

#include "azl_httpd.h"
#include "azl_identity.h"

#define WATCHDOG "_azurelit_identity_"

/* How often is looked whether something is due, or a file has changed. */
#define INTERVAL apr_time_from_sec(1)

/* An endpoint whose credential changes. */
typedef struct watched_t {
    const azl_endpoint_t *endpoint;
    int failing; /* and that has been said */
} watched_t;

/* A server's, made for each configuration. Each process has its own copy, of
 * which one thread makes use. */
typedef struct round_t {
    server_rec *server;
    apr_array_header_t *watched;
} round_t;

static int is_ending(void *baton)
{
    int state = AP_MPMQ_RUNNING;

    (void)baton;
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

/* Each trouble is told once, and that it is over. */
static void tell(watched_t *w, server_rec *s, azl_identity_result_e result,
                 const char *problem)
{
    const azl_endpoint_t *e = w->endpoint;

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
    round_t *round = data;
    watched_t *w = (void *)round->watched->elts;
    azl_identity_result_e result;
    const char *problem;
    apr_pool_t *p;
    int i;

    if (state == AP_WATCHDOG_STATE_STOPPING) {
        return APR_SUCCESS;
    }
    /* at its start, too: the first request may be waiting, also in a process
     * that is told to end as soon as it has begun */
    apr_pool_create(&p, pool);
    for (i = 0; i < round->watched->nelts; i++) {
        result =
            azl_identity_refresh(w[i].endpoint->identity, p, apr_time_now(),
                                 is_ending, NULL, &problem);
        if (!is_ending(NULL)) { /* or it has been given up for that */
            tell(&w[i], round->server, result, problem);
        }
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return APR_SUCCESS;
}

static round_t *make_round(apr_pool_t *p, server_rec *s, const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    round_t *round = apr_palloc(p, sizeof(*round));
    int i;

    round->server = s;
    round->watched = apr_array_make(p, 4, sizeof(watched_t));
    for (i = 0; i < conf->endpoints->nelts; i++) {
        if (endpoint[i]->identity &&
            azl_identity_changes(endpoint[i]->identity)) {
            watched_t *w = apr_array_push(round->watched);

            w->endpoint = endpoint[i];
            w->failing = 0;
        }
    }
    return round;
}

const char *azl_identity_check_modules(const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    int changes = 0;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        changes |= endpoint[i]->identity &&
                   azl_identity_changes(endpoint[i]->identity);
    }
    return changes && !ap_find_linked_module("mod_watchdog.c")
               ? "AzureLITEndpoint: mod_watchdog is not loaded, which keeps "
                 "credentials fresh; add LoadModule watchdog_module"
               : NULL;
}

static apr_status_t start(apr_pool_t *pconf, round_t *round)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add_callback =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get_instance || !add_callback) {
        return APR_ENOTIMPL;
    }
    /* in every child, in a thread of its own */
    rv = get_instance(&watchdog, WATCHDOG, 0, 0, pconf);
    return rv == APR_SUCCESS ? add_callback(watchdog, INTERVAL, round, callback)
                             : rv;
}

int azl_identity_start(apr_pool_t *pconf, server_rec *s)
{
    for (; s; s = s->next) {
        const azl_conf_t *conf = azl_conf_get(s);
        apr_status_t rv = APR_SUCCESS;
        round_t *round;

        if (conf->enabled != 1 || conf->server != s) {
            continue; /* the last: it is the main server's, seen before */
        }
        round = make_round(pconf, s, conf);
        if (round->watched->nelts) {
            rv = start(pconf, round);
        }
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, rv, s,
                         AZLNO(0102) "credentials cannot be kept fresh: "
                                     "mod_watchdog refused");
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}
