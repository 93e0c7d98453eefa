/*
 * Anthropic's Messages API: by Anthropic, in Azure AI Foundry, on Google
 * Vertex AI and on Amazon Bedrock (InvokeModel).
 *
 * A client of the Messages API passes untouched but for the model's name; a
 * chat is translated. The endpoint's URL is what the SDK of the host has as
 * its base URL: without /v1 for Anthropic, the resource (with or without
 * /anthropic) for Foundry, .../projects/{project}/locations/{region} for
 * Vertex, the region's runtime for Bedrock.
 */
#include <apr_strings.h>

#include "azl_anthropic_int.h"
#include "azl_bedrock_int.h"

#define VERTEX_PUBLISHER "/publishers/anthropic/models"
/* Vertex and Bedrock name the API's version in the body. */
#define VERTEX_VERSION "\"anthropic_version\":\"vertex-2023-10-16\""

/*
 * Hosting
 */

static int ends_with(azl_span_t text, const char *tail)
{
    apr_size_t len = strlen(tail);

    return text.len >= len && memcmp(text.at + text.len - len, tail, len) == 0;
}

/* The host's name without its port. */
static azl_span_t host_name(const azl_endpoint_t *e)
{
    return azl_span(e->host, strcspn(e->host, ":"));
}

azl_hosting_e azl_anthropic_hosting(const azl_endpoint_t *e)
{
    azl_span_t host = host_name(e);
    azl_span_t url = azl_span_str(e->url);

    if (e->hosting != AZL_HOSTING_AUTO) {
        return (azl_hosting_e)e->hosting;
    }
    if (ends_with(host, ".services.ai.azure.com") ||
        ends_with(url, "/anthropic") || ends_with(url, "/anthropic/v1")) {
        return AZL_HOSTING_FOUNDRY;
    }
    if (ends_with(host, "aiplatform.googleapis.com") ||
        (ends_with(host, ".rep.googleapis.com") &&
         strncmp(e->host, "aiplatform.", strlen("aiplatform.")) == 0)) {
        return AZL_HOSTING_VERTEX;
    }
    if (ends_with(host, ".amazonaws.com") &&
        strncmp(e->host, "bedrock-runtime", strlen("bedrock-runtime")) == 0) {
        return AZL_HOSTING_BEDROCK;
    }
    return AZL_HOSTING_DIRECT;
}

/*
 * URLs
 */

/* The URL up to and with /v1. */
static const char *api_root(apr_pool_t *p, const azl_endpoint_t *e)
{
    azl_span_t url = azl_span_str(e->url);
    const char *tail = "/v1";

    if (ends_with(url, "/v1")) {
        tail = "";
    }
    else if (azl_anthropic_hosting(e) == AZL_HOSTING_FOUNDRY &&
             !ends_with(url, "/anthropic")) {
        tail = "/anthropic/v1";
    }
    return apr_pstrcat(p, e->url, tail, NULL);
}

/* The URL up to where a model's name follows. */
static const char *vertex_root(apr_pool_t *p, const azl_endpoint_t *e)
{
    const char *tail = ends_with(azl_span_str(e->url), VERTEX_PUBLISHER)
                           ? ""
                           : VERTEX_PUBLISHER;

    return apr_pstrcat(p, e->url, tail, "/", NULL);
}

static const char *vertex_url(apr_pool_t *p, const azl_deployment_t *d,
                              azl_op_e op, const char *verb)
{
    /* '@' stands before a version and belongs into a path as it is (RFC 3986,
     * section 3.3) */
    const char *name = op == AZL_OP_COUNT_TOKENS ? "count-tokens" : d->name;

    return apr_pstrcat(p, vertex_root(p, d->endpoint), name, verb, NULL);
}

static const char *bedrock_url(apr_pool_t *p, const azl_deployment_t *d,
                               azl_op_e op, const char *verb)
{
    if (op == AZL_OP_COUNT_TOKENS) {
        return NULL; /* InvokeModel only answers */
    }
    return apr_pstrcat(p, d->endpoint->url, "/model/",
                       azl_dialect_segment(p, d->name), verb, NULL);
}

static int is_ours(azl_op_e op)
{
    return op == AZL_OP_CHAT || op == AZL_OP_MESSAGES ||
           op == AZL_OP_COUNT_TOKENS;
}

static const char *url_of(apr_pool_t *p, const azl_deployment_t *d, azl_op_e op,
                          int streamed)
{
    const azl_endpoint_t *e = d->endpoint;

    if (!is_ours(op)) {
        return NULL;
    }
    switch (azl_anthropic_hosting(e)) {
    case AZL_HOSTING_VERTEX:
        return vertex_url(p, d, op,
                          streamed ? ":streamRawPredict" : ":rawPredict");
    case AZL_HOSTING_BEDROCK:
        return bedrock_url(
            p, d, op, streamed ? "/invoke-with-response-stream" : "/invoke");
    default:
        return apr_pstrcat(p, api_root(p, e), "/messages",
                           op == AZL_OP_COUNT_TOKENS ? "/count_tokens" : "",
                           NULL);
    }
}

static const char *anthropic_url(apr_pool_t *p, const azl_deployment_t *d,
                                 azl_op_e op, const char *response_id,
                                 const char *query)
{
    (void)response_id;
    (void)query;
    return url_of(p, d, op, 0);
}

static const char *anthropic_stream_url(apr_pool_t *p,
                                        const azl_deployment_t *d, azl_op_e op)
{
    return url_of(p, d, op, 1);
}

/*
 * Headers
 */

/* Google's and Amazon's tokens, also at Amazon's copy of Anthropic's API. */
static int takes_bearer(const azl_endpoint_t *e)
{
    azl_hosting_e hosting = azl_anthropic_hosting(e);

    return hosting == AZL_HOSTING_VERTEX || hosting == AZL_HOSTING_BEDROCK ||
           ends_with(host_name(e), ".api.aws");
}

static const char *anthropic_credential(const azl_endpoint_t *e,
                                        const char **scheme)
{
    int bearer = takes_bearer(e);

    *scheme = bearer ? "Bearer " : "";
    return bearer ? "Authorization" : "x-api-key";
}

/* Betas are the client's wish, also for a chat: an SDK can send any header. On
 * Bedrock they stand in the body. */
static void anthropic_headers(const azl_deployment_t *d, azl_op_e op,
                              const apr_table_t *client, apr_table_t *out)
{
    azl_hosting_e hosting = azl_anthropic_hosting(d->endpoint);
    const char *betas = client ? apr_table_get(client, "anthropic-beta") : NULL;
    const char *version = client && op != AZL_OP_CHAT
                              ? apr_table_get(client, "anthropic-version")
                              : NULL;

    if (hosting == AZL_HOSTING_BEDROCK) {
        return;
    }
    if (hosting != AZL_HOSTING_VERTEX) {
        apr_table_setn(out, "anthropic-version",
                       version && *version ? version : AZL_ANTHROPIC_VERSION);
    }
    if (betas && *betas) {
        apr_table_setn(out, "anthropic-beta", betas);
    }
}

/*
 * Bodies that pass
 */

/* The whole member "model", from its name on: between the two stand a colon
 * and white space, and no name of a member has escapes. */
static azl_span_t model_member(const azl_document_t *doc)
{
    const char *at = doc->model_raw.at;

    while (*at != ':') {
        --at;
    }
    while (*at != '"') {
        --at;
    }
    at -= strlen("\"model");
    return azl_span(at,
                    (apr_size_t)(doc->model_raw.at + doc->model_raw.len - at));
}

static void anthropic_body(apr_pool_t *p, const azl_deployment_t *d,
                           const azl_document_t *doc,
                           const char *previous_response_id, azl_body_t *out)
{
    azl_document_t edited = *doc;
    azl_deployment_t named = *d;
    apr_array_header_t *dropped;
    azl_span_t owned = azl_anthropic_disown(p, doc->body, &dropped);
    azl_error_t err;

    if (owned.len &&
        azl_document_read(p, doc->op, doc->params, doc->content_type, owned,
                          &edited, &err)) {
        doc = &edited;
    }
    if (azl_anthropic_hosting(d->endpoint) == AZL_HOSTING_VERTEX &&
        doc->model_raw.len) {
        edited.model_raw = model_member(doc);
        named.name_json =
            doc->op == AZL_OP_COUNT_TOKENS
                ? apr_pstrcat(p, VERTEX_VERSION ",\"model\":", d->name_json,
                              NULL)
                : VERTEX_VERSION;
    }
    azl_dialect_splice(p, &named, AZL_MODEL_IN_BODY, &edited,
                       previous_response_id, out);
    if (dropped) {
        out->dropped = apr_array_pstrcat(p, dropped, ',');
    }
}

/*
 * Translation
 */

static const azl_outbound_t outbound = {
    .stream_type = "text/event-stream",
    .request = azl_anthropic_request,
    .answer = azl_anthropic_answer,
    .decoder = azl_anthropic_decoder,
    .event = azl_anthropic_event,
    .end = azl_anthropic_end,
    .failure = azl_anthropic_failure,
};

static const azl_outbound_t outbound_bedrock = {
    .stream_type = "application/vnd.amazon.eventstream",
    .request = azl_anthropic_request,
    .answer = azl_anthropic_answer,
    .decoder = azl_anthropic_frames,
    .bytes = azl_anthropic_bytes,
    .end = azl_anthropic_frames_end,
    .failure = azl_bedrock_failure,
};

/* A client of the Messages API gets what it would get from Anthropic. */
static apr_status_t same_answer(azl_exchange_t *ex, azl_span_t doc,
                                azl_buf_t *out)
{
    (void)ex;
    return azl_buf_span(out, doc);
}

static const azl_outbound_t outbound_hosted = {
    .stream_type = "application/vnd.amazon.eventstream",
    .request = azl_anthropic_hosted,
    .answer = same_answer,
    .decoder = azl_anthropic_unframed,
    .bytes = azl_anthropic_bytes,
    .end = azl_anthropic_frames_end,
    .failure = azl_bedrock_failure,
};

static const azl_outbound_t *anthropic_outbound(const azl_deployment_t *d,
                                                azl_op_e op)
{
    int bedrock = azl_anthropic_hosting(d->endpoint) == AZL_HOSTING_BEDROCK;

    switch (op) {
    case AZL_OP_CHAT:
        return bedrock ? &outbound_bedrock : &outbound;
    case AZL_OP_MESSAGES:
        return bedrock ? &outbound_hosted : NULL;
    default:
        return NULL;
    }
}

const azl_dialect_t azl_dialect_anthropic = {
    .name = "anthropic",
    .extras = 1,
    .url = anthropic_url,
    .credential = anthropic_credential,
    .body = anthropic_body,
    .outbound = anthropic_outbound,
    .stream_url = anthropic_stream_url,
    .headers = anthropic_headers,
};
