/*
 * Google's Gemini API and Vertex AI, in their own language.
 *
 * The Gemini API's URL is its root as it is documented, with or without
 * /v1beta. Vertex AI's names project and location and may end in
 * /publishers/google; one without a project is its express mode, which takes
 * an API key as the Gemini API does.
 */
#include <apr_strings.h>

#include "azl_gemini_int.h"

#define PUBLISHER "/publishers/google"

static int ends_with(const char *text, const char *tail)
{
    apr_size_t len = strlen(text);
    apr_size_t n = strlen(tail);

    return len >= n && strcmp(text + len - n, tail) == 0;
}

int azl_gemini_is_vertex(const azl_endpoint_t *e)
{
    return strstr(e->url, "aiplatform.googleapis.com") != NULL ||
           ends_with(e->url, PUBLISHER);
}

const char *azl_gemini_kind(const azl_exchange_t *ex)
{
    return azl_gemini_is_vertex(ex->deployment->endpoint) ? "vertex" : "gemini";
}

/* Where the models are. */
static const char *root(apr_pool_t *p, const azl_endpoint_t *e)
{
    const char *host = strstr(e->url, "://");
    int bare = strchr(host ? host + strlen("://") : e->url, '/') == NULL;

    if (!azl_gemini_is_vertex(e)) {
        return apr_pstrcat(p, e->url, bare ? "/v1beta" : "", NULL);
    }
    return apr_pstrcat(p, e->url, bare ? "/v1" : "",
                       ends_with(e->url, PUBLISHER) ? "" : PUBLISHER, NULL);
}

/* It is also written as the API lists it. */
const char *azl_gemini_name(const azl_deployment_t *d)
{
    static const char listed[] = "models/";

    return strncmp(d->name, listed, strlen(listed)) == 0
               ? d->name + strlen(listed)
               : d->name;
}

static const char *method(apr_pool_t *p, const azl_deployment_t *d,
                          const char *verb)
{
    return apr_pstrcat(p, root(p, d->endpoint), "/models/",
                       azl_dialect_segment(p, azl_gemini_name(d)), verb, NULL);
}

static const char *gemini_url(apr_pool_t *p, const azl_deployment_t *d,
                              azl_op_e op, const char *response_id,
                              const char *query)
{
    (void)response_id;
    (void)query;
    if (op == AZL_OP_EMBEDDINGS) {
        return method(p, d,
                      azl_gemini_is_vertex(d->endpoint)
                          ? ":predict"
                          : ":batchEmbedContents");
    }
    return op == AZL_OP_CHAT ? method(p, d, ":generateContent") : NULL;
}

/* Without alt=sse the answer would be one array. */
static const char *gemini_stream_url(apr_pool_t *p, const azl_deployment_t *d,
                                     azl_op_e op)
{
    return op == AZL_OP_CHAT ? method(p, d, ":streamGenerateContent?alt=sse")
                             : NULL;
}

static const char *gemini_credential(const azl_endpoint_t *e,
                                     const char **scheme)
{
    int bearer = azl_gemini_is_vertex(e) && strstr(e->url, "/projects/");

    *scheme = bearer ? "Bearer " : "";
    return bearer ? "Authorization" : "x-goog-api-key";
}

static const azl_outbound_t *gemini_outbound(const azl_deployment_t *d,
                                             azl_op_e op)
{
    if (op == AZL_OP_EMBEDDINGS) {
        return azl_gemini_is_vertex(d->endpoint) ? &azl_gemini_predict
                                                 : &azl_gemini_batch;
    }
    return op == AZL_OP_CHAT ? &azl_gemini_chat : NULL;
}

const azl_dialect_t azl_dialect_gemini = {.name = "gemini",
                                          .extras = 1,
                                          .url = gemini_url,
                                          .credential = gemini_credential,
                                          .outbound = gemini_outbound,
                                          .stream_url = gemini_stream_url};
