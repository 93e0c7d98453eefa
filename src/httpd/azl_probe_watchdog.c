#include "azl_probe.h"

#include <ap_mpm.h>
#include <mod_watchdog.h>

#include "azl_httpd.h"
#include "azl_store.h"

#define WATCHDOG "_azurelit_"

/* Nobody waits for it, but the next one does. */
#define PROBE_LIMIT apr_time_from_sec(30)
/* As long the trial of a deployment that has cooled down is ours. */
#define PROBE_LEASE PROBE_LIMIT

/* A deployment that is watched. */
typedef struct watched_t {
    const azl_model_t *model;
    azl_deployment_t *deployment;
    apr_uint64_t calls; /* when it was looked at last */
} watched_t;

/* A server's, made for each configuration. One thread of one process uses it
 * at a time. */
typedef struct round_t {
    const azl_conf_t *conf;
    apr_array_header_t *watched;
} round_t;

static int is_ending(void *baton)
{
    int state = AP_MPMQ_RUNNING;

    (void)baton;
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

/* While it cools down it is left alone; when the time is over somebody must
 * try, better us than a client. Whoever has traffic is known anyway. */
static int wants_probe(const watched_t *w, apr_time_t now)
{
    azl_health_t *h = w->deployment->health;
    azl_health_view_t view;

    azl_health_view(h, now, &view);
    if (view.state == AZL_HEALTH_HALF_OPEN) {
        return azl_health_probe(h, now, PROBE_LEASE);
    }
    return view.state == AZL_HEALTH_OK && view.total_calls == w->calls &&
           view.in_flight == 0;
}

static void look_after(watched_t *w, const azl_conf_t *conf, apr_pool_t *p)
{
    azl_health_t *endpoint = w->deployment->endpoint->health;
    apr_time_t now = apr_time_now();
    azl_health_view_t view;
    azl_probe_t probe;

    if ((!endpoint || azl_health_state(endpoint, now) != AZL_HEALTH_COOLING) &&
        wants_probe(w, now)) {
        azl_probe_run(p, conf, w->model, w->deployment, PROBE_LIMIT, is_ending,
                      &probe);
    }
    azl_health_view(w->deployment->health, apr_time_now(), &view);
    w->calls = view.total_calls;
}

static apr_status_t callback(int state, void *data, apr_pool_t *pool)
{
    round_t *round = data;
    watched_t *w = (void *)round->watched->elts;
    apr_pool_t *p;
    int i;

    if (state != AP_WATCHDOG_STATE_RUNNING) {
        return APR_SUCCESS;
    }
    apr_pool_create(&p, pool);
    for (i = 0; i < round->watched->nelts && !is_ending(NULL); i++) {
        look_after(&w[i], round->conf, p);
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return APR_SUCCESS;
}

static void watch(round_t *round, const azl_model_t *model, azl_deployment_t *d)
{
    watched_t *w;
    int i;

    for (i = 0; i < round->watched->nelts; i++) {
        w = &APR_ARRAY_IDX(round->watched, i, watched_t);
        if (w->deployment->health == d->health) {
            return; /* another alias has it, too */
        }
    }
    if (d->health) {
        w = apr_array_push(round->watched);
        w->model = model;
        w->deployment = d;
        w->calls = 0;
    }
}

static round_t *make_round(apr_pool_t *p, const azl_conf_t *conf)
{
    azl_model_t **model = (void *)conf->catalog->order->elts;
    round_t *round = apr_palloc(p, sizeof(*round));
    int i, j;

    round->conf = conf;
    round->watched = apr_array_make(p, 8, sizeof(watched_t));
    for (i = 0; i < conf->catalog->order->nelts; i++) {
        azl_deployment_t **d = (void *)model[i]->deployments->elts;

        for (j = 0; j < model[i]->deployments->nelts; j++) {
            azl_deployment_t *one = d[j];

            for (; one; one = one->spill) {
                watch(round, model[i], one);
            }
        }
    }
    return round;
}

const char *azl_probe_check_modules(const azl_conf_t *conf)
{
    return conf->probe > 0 && !ap_find_linked_module("mod_watchdog.c")
               ? "AzureLITProbe: mod_watchdog is not loaded; add LoadModule "
                 "watchdog_module, or write AzureLITProbe off"
               : NULL;
}

static apr_status_t start(apr_pool_t *pconf, const azl_conf_t *conf)
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
    /* in one child at a time, in a thread of its own */
    rv = get_instance(&watchdog, WATCHDOG, 0, 1, pconf);
    return rv == APR_SUCCESS ? add_callback(watchdog, conf->probe,
                                            make_round(pconf, conf), callback)
                             : rv;
}

int azl_probe_start(apr_pool_t *pconf, server_rec *s)
{
    for (; s && azl_store_shared(); s = s->next) {
        const azl_conf_t *conf = azl_conf_get(s);
        apr_status_t rv;

        if (conf->enabled != 1 || conf->probe <= 0 || conf->server != s) {
            continue; /* the last: it is the main server's, seen before */
        }
        rv = start(pconf, conf);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, rv, s,
                         AZLNO(0072) "AzureLITProbe: the probes could not be "
                                     "set up with mod_watchdog");
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}
