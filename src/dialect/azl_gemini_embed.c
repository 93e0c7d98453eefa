/*
 * Embeddings at the Gemini API (batchEmbedContents) and on Vertex AI
 * (predict).
 */
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_embed_int.h"
#include "azl_gemini_int.h"

/* Texts that one request may hold. */
#define BATCH_MAX 100
#define INSTANCES_MAX 250

/* What the vectors are for, in Cohere's words; Google's own pass. */
static const char *task(const char *purpose)
{
    static const struct {
        const char *theirs;
        const char *ours;
    } tasks[] = {{"search_document", "RETRIEVAL_DOCUMENT"},
                 {"search_query", "RETRIEVAL_QUERY"},
                 {"classification", "CLASSIFICATION"},
                 {"clustering", "CLUSTERING"}};
    apr_size_t i;

    for (i = 0; purpose && i < sizeof(tasks) / sizeof(tasks[0]); ++i) {
        if (strcmp(tasks[i].theirs, purpose) == 0) {
            return tasks[i].ours;
        }
    }
    return purpose;
}

static int batch_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_embed_t e;
    azl_write_t w;
    int i;

    if (!azl_embed_read(ex, BATCH_MAX, &e, err)) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_open(&w, "requests", '[');
    for (i = 0; i < e.texts->nelts; ++i) {
        azl_write_open(&w, NULL, '{');
        azl_write_str(&w, "model",
                      apr_pstrcat(ex->pool, "models/",
                                  azl_gemini_name(ex->deployment), NULL));
        azl_write_open(&w, "content", '{');
        azl_write_open(&w, "parts", '[');
        azl_write_open(&w, NULL, '{');
        azl_write_text(&w, "text", APR_ARRAY_IDX(e.texts, i, azl_span_t));
        azl_write_close(&w, '}');
        azl_write_close(&w, ']');
        azl_write_close(&w, '}');
        if (e.purpose) {
            azl_write_str(&w, "taskType", task(e.purpose));
        }
        if (e.dimensions) {
            azl_write_int(&w, "outputDimensionality", e.dimensions);
        }
        azl_write_close(&w, '}');
    }
    azl_write_close(&w, ']');
    azl_write_close(&w, '}');
    return 1;
}

static int predict_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_embed_t e;
    azl_write_t w;
    int i;

    if (!azl_embed_read(ex, INSTANCES_MAX, &e, err)) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_open(&w, "instances", '[');
    for (i = 0; i < e.texts->nelts; ++i) {
        azl_write_open(&w, NULL, '{');
        azl_write_text(&w, "content", APR_ARRAY_IDX(e.texts, i, azl_span_t));
        if (e.purpose) {
            azl_write_str(&w, "task_type", task(e.purpose));
        }
        azl_write_close(&w, '}');
    }
    azl_write_close(&w, ']');
    if (e.dimensions) {
        azl_write_open(&w, "parameters", '{');
        azl_write_int(&w, "outputDimensionality", e.dimensions);
        azl_write_close(&w, '}');
    }
    azl_write_close(&w, '}');
    return 1;
}

/* The counts are written as numbers of any kind. */
static void add_tokens(azl_usage_t *usage, const azl_value_t *count)
{
    if (count && count->type == AZL_JSON_NUMBER) {
        usage->prompt += (apr_int64_t)strtod(count->raw.at, NULL);
        usage->reported = 1;
    }
}

static const azl_value_t *member_of(azl_object_t *o, const azl_value_t *v,
                                    const char *name)
{
    return v && azl_object_open(o, v->raw) ? azl_object_get(o, name) : NULL;
}

/* One element of the answer's list; where the vector is differs. */
static int add_vector(azl_embed_answer_t *a, azl_scan_t *s, azl_usage_t *usage)
{
    azl_object_t statistics;
    azl_object_t nested;
    azl_object_t o;
    const azl_value_t *embeddings;
    const azl_value_t *values;

    if (!azl_object_scan(&o, s)) {
        return 0;
    }
    values = azl_object_get(&o, "values");
    embeddings = azl_object_get(&o, "embeddings");
    if (!values && embeddings) {
        values = member_of(&nested, embeddings, "values");
        if (values) {
            add_tokens(usage, member_of(&statistics,
                                        azl_object_get(&nested, "statistics"),
                                        "token_count"));
        }
    }
    return values && azl_embed_vector(a, values->raw);
}

static apr_status_t embed_answer(azl_exchange_t *ex, azl_span_t doc,
                                 azl_buf_t *out)
{
    azl_embed_answer_t a;
    azl_object_t usage_object;
    azl_object_t o;
    const azl_value_t *list;
    azl_usage_t usage;
    azl_scan_t s;
    int more;

    memset(&usage, 0, sizeof(usage));
    if (!azl_object_open(&o, doc)) {
        return APR_EGENERAL;
    }
    list = azl_object_get(&o, "embeddings");
    list = list ? list : azl_object_get(&o, "predictions");
    if (!list || list->type != AZL_JSON_ARRAY) {
        return APR_EGENERAL;
    }
    add_tokens(&usage,
               member_of(&usage_object, azl_object_get(&o, "usageMetadata"),
                         "promptTokenCount"));
    azl_embed_open(&a, ex, out);
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while ((more = azl_scan_element(&s)) == 1) {
        if (!add_vector(&a, &s, &usage)) {
            return APR_EGENERAL;
        }
    }
    return more == 0 ? azl_embed_close(&a, &usage) : APR_EGENERAL;
}

const azl_outbound_t azl_gemini_batch = {.request = batch_request,
                                         .answer = embed_answer,
                                         .failure = azl_gemini_failure};
const azl_outbound_t azl_gemini_predict = {.request = predict_request,
                                           .answer = embed_answer,
                                           .failure = azl_gemini_failure};
