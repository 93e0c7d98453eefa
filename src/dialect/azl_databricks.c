/*
 * Databricks: Model Serving and the AI Gateway.
 *
 * The endpoint's URL is the workspace's, which stands for its serving
 * endpoints, or goes on to .../serving-endpoints or
 * .../ai-gateway/mlflow/v1. The deployment is the serving endpoint's name.
 * Embeddings (and, with surface=responses, Responses) pass as they are.
 */
#include <apr_strings.h>

#include "azl_databricks_int.h"

#define SERVING "/serving-endpoints/"

static int has_path(const char *url)
{
    const char *host = strstr(url, "://");

    return strchr(host ? host + strlen("://") : url, '/') != NULL;
}

static const char *databricks_url(apr_pool_t *p, const azl_deployment_t *d,
                                  azl_op_e op, const char *response_id,
                                  const char *query)
{
    const char *url = d->endpoint->url;

    (void)response_id;
    (void)query;
    /* Few models have Responses: where nobody says so, they are made chats. */
    if (op != AZL_OP_CHAT && op != AZL_OP_EMBEDDINGS &&
        !(op == AZL_OP_RESPONSES && d->responses_only)) {
        return NULL;
    }
    return apr_pstrcat(p, url, has_path(url) ? "/" : SERVING, azl_op_path(op),
                       NULL);
}

static const char *databricks_credential(const azl_endpoint_t *e,
                                         const char **scheme)
{
    (void)e;
    *scheme = "Bearer ";
    return "Authorization";
}

static void databricks_body(apr_pool_t *p, const azl_deployment_t *d,
                            const azl_document_t *doc,
                            const char *previous_response_id, azl_body_t *out)
{
    azl_dialect_splice(p, d, AZL_MODEL_IN_BODY, doc, previous_response_id, out);
}

static const azl_outbound_t outbound = {
    .stream_type = "text/event-stream",
    .request = azl_databricks_request,
    .answer = azl_databricks_answer,
    .decoder = azl_databricks_decoder,
    .event = azl_databricks_event,
    .end = azl_databricks_end,
    .failure = azl_databricks_failure,
};

static const azl_outbound_t *databricks_outbound(const azl_deployment_t *d,
                                                 azl_op_e op)
{
    (void)d;
    return op == AZL_OP_CHAT ? &outbound : NULL;
}

const azl_dialect_t azl_dialect_databricks = {
    .name = "databricks",
    .extras = 1,
    .url = databricks_url,
    .credential = databricks_credential,
    .body = databricks_body,
    .outbound = databricks_outbound,
};
