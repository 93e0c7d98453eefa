/*
 * azl_survey: how the deployments are at this moment, for whoever looks:
 * /metrics, /health, mod_status. A list of values in the caller's pool.
 */
#ifndef AZL_SURVEY_H
#define AZL_SURVEY_H

#include <httpd.h>

#include "azl_conf.h"

typedef struct azl_survey_t {
    const azl_conf_t *conf;
    const azl_model_t *model; /* one that has it */
    azl_deployment_t *deployment;
    azl_health_view_t view;
    /* Its endpoint refuses our credential: that holds for all of them. */
    int endpoint_cools;
    azl_health_view_t endpoint;
} azl_survey_t;

/* Of all servers of that scope (azl_metrics.h), each deployment once. */
apr_array_header_t *azl_survey_servers(apr_pool_t *p, server_rec *s,
                                       apr_uint64_t scope, apr_time_t now);
/* Add a model's deployments, and what they spill to. */
void azl_survey_model(apr_array_header_t *list, const azl_conf_t *conf,
                      const azl_model_t *model, apr_time_t now);
/* The worse one of the deployment's and its endpoint's. */
azl_health_state_e azl_survey_state(const azl_survey_t *item);
/* "ok", "cooling", "half-open" */
const char *azl_survey_state_name(const azl_survey_t *item);
/* Requests to models in flight on all servers of that scope. */
apr_uint32_t azl_survey_in_flight(server_rec *s, apr_uint64_t scope);

#endif /* AZL_SURVEY_H */
