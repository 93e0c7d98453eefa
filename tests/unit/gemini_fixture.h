/*
 * gemini_fixture: one exchange with Google's API. JSON is written with single
 * quotes, as in dialect_fixture.h. What is kept lies in a table by
 * "kind/id".
 */
#ifndef GEMINI_FIXTURE_H
#define GEMINI_FIXTURE_H

#include "azl_gemini_int.h"
#include "dialect_fixture.h"

#define GEMINI "https://generativelanguage.googleapis.com"
#define VERTEX "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu"

#define GEMINI_OUT_MAX (4 * 1024 * 1024)

static inline char *kept_name(apr_pool_t *p, const char *kind, azl_span_t id)
{
    return apr_pstrcat(p, kind, "/", apr_pstrmemdup(p, id.at, id.len), NULL);
}

static inline void keep(void *baton, const char *kind, azl_span_t id,
                        azl_span_t state)
{
    apr_pool_t *p = apr_table_elts(baton)->pool;

    apr_table_setn(baton, kept_name(p, kind, id),
                   apr_pstrmemdup(p, state.at, state.len));
}

static inline azl_span_t recall(void *baton, apr_pool_t *p, const char *kind,
                                azl_span_t id)
{
    return azl_span_str(apr_table_get(baton, kept_name(p, kind, id)));
}

static inline azl_json_t *tree_of(const char *text)
{
    azl_json_t *json = NULL;
    const char *why = azl_json_parse(azl_test_pool, azl_span_str(text), &json);

    ck_assert_msg(!why, "%s in %s", why, text);
    return json;
}

/* With everything in `p`, which may be that of one run of many. */
static inline azl_exchange_t *exchange_at(apr_pool_t *p, const char *url,
                                          const char *family)
{
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));

    ex->pool = p;
    ex->deployment = deployment_at("gemini", url, NULL, "model");
    ex->alias = "alias";
    ex->family = family;
    ex->op = AZL_OP_CHAT;
    ex->now = apr_time_from_sec(1700000000);
    ex->request_id = "0123";
    ex->keep = keep;
    ex->recall = recall;
    ex->kept = apr_table_make(p, 4);
    return ex;
}

/* What was left out, comma-separated; "" for nothing. */
static inline const char *dropped_by(const azl_exchange_t *ex)
{
    return ex->dropped ? apr_array_pstrcat(ex->pool, ex->dropped, ',') : "";
}

#endif /* GEMINI_FIXTURE_H */
