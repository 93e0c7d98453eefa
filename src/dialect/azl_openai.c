/*
 * OpenAI, and everything that is compatible with it. The endpoint's URL is the
 * API root as an SDK's base_url has it; a URL without any path stands for
 * /v1.
 */
#include <apr_strings.h>

#include "azl_openai_int.h"

static int has_path(const char *url)
{
    const char *host = strstr(url, "://");

    return strchr(host ? host + strlen("://") : url, '/') != NULL;
}

static const char *openai_url(apr_pool_t *p, const azl_deployment_t *d,
                              azl_op_e op, const char *response_id,
                              const char *query)
{
    const char *path = azl_dialect_op_path(p, op, response_id);
    const char *more = azl_dialect_query(p, op, query);
    const char *url = d->endpoint->url;

    if (!path || op == AZL_OP_MESSAGES || op == AZL_OP_COUNT_TOKENS) {
        return NULL;
    }
    return apr_pstrcat(p, url, has_path(url) ? "/" : "/v1/", path,
                       more ? "?" : "", more ? more : "", NULL);
}

static const char *openai_credential(const azl_endpoint_t *e,
                                     const char **scheme)
{
    (void)e;
    *scheme = "Bearer ";
    return "Authorization";
}

static void openai_body(apr_pool_t *p, const azl_deployment_t *d,
                        const azl_document_t *doc,
                        const char *previous_response_id, azl_body_t *out)
{
    azl_dialect_splice(p, d, AZL_MODEL_IN_BODY, doc, previous_response_id, out);
}

/* It speaks the hub's language, with an accent. */
static const azl_outbound_t outbound_quirks = {
    .stream_type = "text/event-stream",
    .request = azl_openai_request,
    .answer = azl_openai_answer,
    .decoder = azl_openai_decoder,
    .event = azl_openai_event,
    .end = azl_openai_end,
};

static const azl_outbound_t *openai_outbound(const azl_deployment_t *d,
                                             azl_op_e op)
{
    return op == AZL_OP_CHAT && (d->endpoint->quirks & AZL_QUIRKS_INSIDE)
               ? &outbound_quirks
               : NULL;
}

const azl_dialect_t azl_dialect_openai = {
    .name = "openai",
    .url = openai_url,
    .credential = openai_credential,
    .body = openai_body,
    .outbound = openai_outbound,
};
