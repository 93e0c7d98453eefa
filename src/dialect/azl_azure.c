/*
 * Azure OpenAI and Azure AI Foundry.
 *
 * With a dated api-version the classic surface: the deployment stands in the
 * path, except for Responses, which take it from the body. Without one, or
 * with one of the names the v1 surface knows, /openai/v1 and the deployment in
 * the body. An endpoint's URL may name the resource alone or end in /openai or
 * /openai/v1, as it is shown in different places of the portal.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_dialect_int.h"

/* The v1 surface has one optional version name besides the default. */
#define V1_PREVIEW "preview"

/* A date says classic. */
static int is_classic(const azl_endpoint_t *e)
{
    return e->api_version && apr_isdigit(*e->api_version);
}

static int is_response_op(azl_op_e op)
{
    return op == AZL_OP_RESPONSES || op > AZL_OP_LAST_MODEL_CALL;
}

/* The URL without /openai or /openai/v1 at its end. */
static azl_span_t resource(const azl_endpoint_t *e)
{
    static const char *const tails[] = {"/openai/v1", "/openai"};
    azl_span_t url = azl_span_str(e->url);
    apr_size_t i;

    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); ++i) {
        apr_size_t len = strlen(tails[i]);

        if (url.len > len &&
            memcmp(url.at + url.len - len, tails[i], len) == 0) {
            url.len -= len;
            break;
        }
    }
    return url;
}

static const char *azure_url(apr_pool_t *p, const azl_deployment_t *d,
                             azl_op_e op, const char *response_id,
                             const char *query)
{
    const azl_endpoint_t *e = d->endpoint;
    const char *path = azl_dialect_op_path(p, op, response_id);
    const char *more = azl_dialect_query(p, op, query);
    azl_span_t base = resource(e);
    const char *version = NULL;
    const char *root;

    /* Azure OpenAI has no moderations. */
    if (!path || op == AZL_OP_MODERATIONS || op == AZL_OP_MESSAGES ||
        op == AZL_OP_COUNT_TOKENS || op == AZL_OP_RERANK) {
        return NULL;
    }
    if (is_classic(e)) {
        version = e->api_version;
        root = is_response_op(op)
                   ? "/openai/"
                   : apr_pstrcat(p, "/openai/deployments/",
                                 azl_dialect_segment(p, d->name), "/", NULL);
    }
    else {
        root = "/openai/v1/";
        if (e->api_version && strcmp(e->api_version, V1_PREVIEW) == 0) {
            version = V1_PREVIEW;
        }
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, base.at, base.len), root, path,
                       version || more ? "?" : "",
                       version ? "api-version=" : "", version ? version : "",
                       version && more ? "&" : "", more ? more : "", NULL);
}

static const char *azure_credential(const azl_endpoint_t *e,
                                    const char **scheme)
{
    (void)e;
    *scheme = "";
    return "api-key";
}

static void azure_body(apr_pool_t *p, const azl_deployment_t *d,
                       const azl_document_t *doc,
                       const char *previous_response_id, azl_body_t *out)
{
    azl_model_place_e place =
        is_classic(d->endpoint) && !is_response_op(doc->op) ? AZL_MODEL_IN_PATH
                                                            : AZL_MODEL_IN_BODY;

    azl_dialect_splice(p, d, place, doc, previous_response_id, out);
}

const azl_dialect_t azl_dialect_azure = {.name = "azure",
                                         .url = azure_url,
                                         .credential = azure_credential,
                                         .body = azure_body};
