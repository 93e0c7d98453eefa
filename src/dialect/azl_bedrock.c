/*
 * Amazon Bedrock's Converse, for models of all families. The endpoint's URL is
 * the region's runtime, https://bedrock-runtime.REGION.amazonaws.com; the
 * deployment's name is a model's id, an inference profile or the ARN of one.
 * Embeddings and rerank go by InvokeModel, or rerank by the agents' runtime,
 * https://bedrock-agent-runtime.REGION.amazonaws.com.
 *
 * The credential is either an API key of Bedrock, or requests are signed
 * (azl_sigv4.h) where they are sent.
 */
#include <apr_strings.h>

#include "azl_bedrock_int.h"
#include "azl_bedrock_invoke_int.h"

static const char *method(apr_pool_t *p, const azl_deployment_t *d,
                          const char *name)
{
    return apr_pstrcat(p, d->endpoint->url, "/model/",
                       azl_dialect_segment(p, d->name), "/", name, NULL);
}

/* The agents' runtime has no models to talk to. */
static int is_chat(const azl_deployment_t *d, azl_op_e op)
{
    return op == AZL_OP_CHAT && !azl_bedrock_is_agents(d->endpoint);
}

static const char *bedrock_url(apr_pool_t *p, const azl_deployment_t *d,
                               azl_op_e op, const char *response_id,
                               const char *query)
{
    (void)response_id;
    (void)query;
    if (azl_bedrock_invoked(d, op)) {
        return azl_bedrock_is_agents(d->endpoint)
                   ? apr_pstrcat(p, d->endpoint->url, "/rerank", NULL)
                   : method(p, d, "invoke");
    }
    return is_chat(d, op) ? method(p, d, "converse") : NULL;
}

static const char *bedrock_stream_url(apr_pool_t *p, const azl_deployment_t *d,
                                      azl_op_e op)
{
    return is_chat(d, op) ? method(p, d, "converse-stream") : NULL;
}

static const char *bedrock_credential(const azl_endpoint_t *e,
                                      const char **scheme)
{
    (void)e;
    *scheme = "Bearer ";
    return "Authorization";
}

static const azl_outbound_t converse = {
    .stream_type = "application/vnd.amazon.eventstream",
    .request = azl_bedrock_request,
    .answer = azl_bedrock_answer,
    .decoder = azl_bedrock_decoder,
    .bytes = azl_bedrock_bytes,
    .failure = azl_bedrock_failure};

static const azl_outbound_t *bedrock_outbound(const azl_deployment_t *d,
                                              azl_op_e op)
{
    return is_chat(d, op) ? &converse : azl_bedrock_invoked(d, op);
}

const azl_dialect_t azl_dialect_bedrock = {.name = "bedrock",
                                           .extras = 1,
                                           .url = bedrock_url,
                                           .credential = bedrock_credential,
                                           .outbound = bedrock_outbound,
                                           .stream_url = bedrock_stream_url};
