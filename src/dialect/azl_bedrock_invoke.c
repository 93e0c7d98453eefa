/*
 * What Converse has not: embeddings (Titan, Cohere) and rerank, by InvokeModel
 * with the body of each family, or by the agents' runtime, which has a Rerank
 * of its own.
 */
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_bedrock_int.h"
#include "azl_bedrock_invoke_int.h"
#include "azl_embed_int.h"
#include "azl_rerank_int.h"

/* Texts that Cohere embeds at once. */
#define TEXTS_MAX 96
/* The version of Cohere's API that its models on Bedrock speak. */
#define API_VERSION 2

/* The deployment's name is the model's id; an inference profile may be called
 * anything, and wants base-model=. */
static int is_model(const azl_deployment_t *d, const char *part)
{
    return strstr(d->name, part) != NULL ||
           (d->base_model && strstr(d->base_model, part) != NULL);
}

/*
 * Titan: one text for each call
 */

static int titan_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_embed_t e;
    azl_write_t w;

    if (!azl_embed_read(ex, 1, &e, err) ||
        (e.purpose && !azl_exchange_without(ex, "input_type", 0, err))) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_text(&w, "inputText", APR_ARRAY_IDX(e.texts, 0, azl_span_t));
    if (e.dimensions) {
        azl_write_int(&w, "dimensions", e.dimensions);
    }
    azl_write_close(&w, '}');
    return 1;
}

static apr_status_t titan_answer(azl_exchange_t *ex, azl_span_t doc,
                                 azl_buf_t *out)
{
    azl_embed_answer_t a;
    const azl_value_t *vector;
    const azl_value_t *count;
    azl_usage_t usage;
    azl_object_t o;

    memset(&usage, 0, sizeof(usage));
    if (!azl_object_open(&o, doc)) {
        return APR_EGENERAL;
    }
    vector = azl_object_get(&o, "embedding");
    count = azl_object_get(&o, "inputTextTokenCount");
    usage.reported = count && azl_scan_uint(count->raw, &usage.prompt);
    azl_embed_open(&a, ex, out);
    if (!vector || !azl_embed_vector(&a, vector->raw)) {
        return APR_EGENERAL;
    }
    return azl_embed_close(&a, &usage);
}

static const azl_outbound_t titan = {.request = titan_request,
                                     .answer = titan_answer,
                                     .failure = azl_bedrock_failure};

/*
 * Cohere
 */

/* Only the fourth takes a size. */
static int put_size(azl_exchange_t *ex, azl_write_t *w, const azl_embed_t *e,
                    azl_error_t *err)
{
    if (!e->dimensions) {
        return 1;
    }
    if (!is_model(ex->deployment, "embed-v4")) {
        return azl_exchange_without(ex, "dimensions", 1, err);
    }
    azl_write_int(w, "output_dimension", e->dimensions);
    return 1;
}

static int cohere_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_embed_t e;
    azl_write_t w;
    int i;

    if (!azl_embed_read(ex, TEXTS_MAX, &e, err)) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_open(&w, "texts", '[');
    for (i = 0; i < e.texts->nelts; ++i) {
        azl_write_text(&w, NULL, APR_ARRAY_IDX(e.texts, i, azl_span_t));
    }
    azl_write_close(&w, ']');
    /* it must be said; what is stored is more often embedded than asked */
    azl_write_str(&w, "input_type", e.purpose ? e.purpose : "search_document");
    if (!put_size(ex, &w, &e, err)) {
        return 0;
    }
    azl_write_close(&w, '}');
    return 1;
}

/* {"embeddings":[[..]]}, or by type: {"embeddings":{"float":[[..]]}} */
static apr_status_t cohere_answer(azl_exchange_t *ex, azl_span_t doc,
                                  azl_buf_t *out)
{
    static const azl_usage_t uncounted;
    const azl_value_t *list;
    azl_embed_answer_t a;
    azl_object_t types;
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;
    int more;

    list = azl_object_open(&o, doc) ? azl_object_get(&o, "embeddings") : NULL;
    if (list && azl_object_open(&types, list->raw)) {
        list = azl_object_get(&types, "float");
    }
    if (!list || list->type != AZL_JSON_ARRAY) {
        return APR_EGENERAL;
    }
    azl_embed_open(&a, ex, out);
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while ((more = azl_scan_element(&s)) == 1) {
        if (azl_scan_value(&s, &v) != 1 || !azl_embed_vector(&a, v.raw)) {
            return APR_EGENERAL;
        }
    }
    return more == 0 ? azl_embed_close(&a, &uncounted) : APR_EGENERAL;
}

static const azl_outbound_t cohere = {.request = cohere_request,
                                      .answer = cohere_answer,
                                      .failure = azl_bedrock_failure};

/*
 * Rerank
 */

/* Cohere's own form, and Amazon's, which is like it but for the version. */
static int rerank_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_rerank_t rr;
    azl_write_t w;
    int i;

    if (!azl_rerank_read(ex, &rr, err)) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_text(&w, "query", rr.query);
    azl_write_open(&w, "documents", '[');
    for (i = 0; i < rr.documents->nelts; ++i) {
        azl_write_text(&w, NULL, APR_ARRAY_IDX(rr.documents, i, azl_span_t));
    }
    azl_write_close(&w, ']');
    if (rr.top) {
        azl_write_int(&w, "top_n", rr.top);
    }
    if (is_model(ex->deployment, "cohere.")) {
        azl_write_int(&w, "api_version", API_VERSION);
    }
    azl_write_close(&w, '}');
    return 1;
}

static const azl_outbound_t rerank = {.request = rerank_request,
                                      .answer = azl_rerank_answer,
                                      .failure = azl_bedrock_failure};

/* The agents' runtime takes the model's ARN. */
static const char *arn(apr_pool_t *p, const azl_deployment_t *d)
{
    const char *region = strstr(d->endpoint->url, AZL_BEDROCK_AGENTS);
    apr_size_t len;

    if (strncmp(d->name, "arn:", strlen("arn:")) == 0 || !region) {
        return d->name;
    }
    region += strlen(AZL_BEDROCK_AGENTS);
    len = strcspn(region, "./:");
    return apr_pstrcat(p, "arn:aws:bedrock:", apr_pstrmemdup(p, region, len),
                       "::foundation-model/", d->name, NULL);
}

static void put_source(azl_write_t *w, azl_span_t text)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "INLINE");
    azl_write_open(w, "inlineDocumentSource", '{');
    azl_write_str(w, "type", "TEXT");
    azl_write_open(w, "textDocument", '{');
    azl_write_text(w, "text", text);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static void put_configuration(azl_write_t *w, const char *model,
                              apr_int64_t results)
{
    azl_write_open(w, "rerankingConfiguration", '{');
    azl_write_str(w, "type", "BEDROCK_RERANKING_MODEL");
    azl_write_open(w, "bedrockRerankingConfiguration", '{');
    azl_write_open(w, "modelConfiguration", '{');
    azl_write_str(w, "modelArn", model);
    azl_write_close(w, '}');
    azl_write_int(w, "numberOfResults", results);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int agents_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_rerank_t rr;
    azl_write_t w;
    int i;

    if (!azl_rerank_read(ex, &rr, err)) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_open(&w, "queries", '[');
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", "TEXT");
    azl_write_open(&w, "textQuery", '{');
    azl_write_text(&w, "text", rr.query);
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
    azl_write_close(&w, ']');
    azl_write_open(&w, "sources", '[');
    for (i = 0; i < rr.documents->nelts; ++i) {
        put_source(&w, APR_ARRAY_IDX(rr.documents, i, azl_span_t));
    }
    azl_write_close(&w, ']');
    /* without a number it would be a few of them */
    put_configuration(
        &w, arn(ex->pool, ex->deployment),
        rr.top && rr.top < rr.documents->nelts ? rr.top : rr.documents->nelts);
    azl_write_close(&w, '}');
    return 1;
}

static const azl_outbound_t agents_rerank = {.request = agents_request,
                                             .answer = azl_rerank_answer,
                                             .failure = azl_bedrock_failure};

int azl_bedrock_is_agents(const azl_endpoint_t *e)
{
    return strstr(e->url, AZL_BEDROCK_AGENTS) != NULL;
}

const azl_outbound_t *azl_bedrock_invoked(const azl_deployment_t *d,
                                          azl_op_e op)
{
    if (azl_bedrock_is_agents(d->endpoint)) {
        return op == AZL_OP_RERANK ? &agents_rerank : NULL;
    }
    if (op == AZL_OP_EMBEDDINGS && is_model(d, "titan-embed")) {
        return &titan;
    }
    if (op == AZL_OP_EMBEDDINGS && is_model(d, "cohere.embed")) {
        return &cohere;
    }
    return op == AZL_OP_RERANK && is_model(d, "rerank") ? &rerank : NULL;
}
