#include "azl_survey.h"

#include <apr_hash.h>

#include "azl_metrics.h"

static void look(const azl_health_t *h, apr_time_t now, azl_health_view_t *view)
{
    if (h) {
        azl_health_view(h, now, view);
        return;
    }
    memset(view, 0, sizeof(*view));
    view->remaining_requests = -1;
    view->remaining_tokens = -1;
}

static void add(apr_array_header_t *list, const azl_conf_t *conf,
                const azl_model_t *model, azl_deployment_t *d, apr_time_t now)
{
    azl_survey_t *item = apr_array_push(list);

    item->conf = conf;
    item->model = model;
    item->deployment = d;
    look(d->health, now, &item->view);
    look(d->endpoint->health, now, &item->endpoint);
    item->endpoint_cools = item->endpoint.state == AZL_HEALTH_COOLING;
}

void azl_survey_model(apr_array_header_t *list, const azl_conf_t *conf,
                      const azl_model_t *model, apr_time_t now)
{
    azl_deployment_t **d = (void *)model->deployments->elts;
    int i;

    for (i = 0; i < model->deployments->nelts; i++) {
        add(list, conf, model, d[i], now);
        if (d[i]->spill) {
            add(list, conf, model, d[i]->spill, now);
        }
    }
}

/* A virtual host without directives of ours has its main server's
 * configuration itself, which is looked at once. */
static int is_seen(const azl_conf_t *conf, const server_rec *s,
                   apr_uint64_t scope)
{
    return conf->enabled == 1 && conf->server == s &&
           (scope == AZL_METRICS_EVERY || conf->scope == scope);
}

static void add_server(apr_array_header_t *list, const azl_conf_t *conf,
                       apr_time_t now)
{
    azl_model_t **model = (void *)conf->catalog->order->elts;
    int i;

    for (i = 0; i < conf->catalog->order->nelts; i++) {
        azl_survey_model(list, conf, model[i], now);
    }
}

/* Several aliases, and several servers, may have the same deployment. */
static apr_array_header_t *each_once(apr_pool_t *p,
                                     const apr_array_header_t *all)
{
    apr_array_header_t *list =
        apr_array_make(p, all->nelts + 1, sizeof(azl_survey_t));
    apr_hash_t *seen = apr_hash_make(p);
    int i;

    for (i = 0; i < all->nelts; i++) {
        const azl_survey_t *item = &APR_ARRAY_IDX(all, i, azl_survey_t);
        const unsigned char *name = item->deployment->fingerprint;

        if (!apr_hash_get(seen, name, AZL_SEAL_FINGERPRINT_LEN)) {
            apr_hash_set(seen, name, AZL_SEAL_FINGERPRINT_LEN, item);
            APR_ARRAY_PUSH(list, azl_survey_t) = *item;
        }
    }
    return list;
}

apr_array_header_t *azl_survey_servers(apr_pool_t *p, server_rec *s,
                                       apr_uint64_t scope, apr_time_t now)
{
    apr_array_header_t *all = apr_array_make(p, 16, sizeof(azl_survey_t));

    for (; s; s = s->next) {
        const azl_conf_t *conf = azl_conf_get(s);

        if (is_seen(conf, s, scope)) {
            add_server(all, conf, now);
        }
    }
    return each_once(p, all);
}

azl_health_state_e azl_survey_state(const azl_survey_t *item)
{
    return item->endpoint_cools ? AZL_HEALTH_COOLING : item->view.state;
}

const char *azl_survey_state_name(const azl_survey_t *item)
{
    static const char *const names[] = {[AZL_HEALTH_OK] = "ok",
                                        [AZL_HEALTH_COOLING] = "cooling",
                                        [AZL_HEALTH_HALF_OPEN] = "half-open"};

    return names[azl_survey_state(item)];
}

apr_uint32_t azl_survey_in_flight(server_rec *s, apr_uint64_t scope)
{
    apr_uint32_t sum = 0;

    for (; s; s = s->next) {
        const azl_conf_t *conf = azl_conf_get(s);

        if (is_seen(conf, s, scope) && conf->gate) {
            sum += azl_gate_in_flight(conf->gate);
        }
    }
    return sum;
}
