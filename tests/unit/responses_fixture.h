/*
 * responses_fixture: one exchange between a client and an upstream that speaks
 * another language. JSON is written with single quotes, as in
 * dialect_fixture.h. State is kept in a table, "kind/id" to what was kept.
 */
#ifndef RESPONSES_FIXTURE_H
#define RESPONSES_FIXTURE_H

#include "dialect_fixture.h"

#define EXCHANGE_NOW apr_time_from_sec(1700000000)
#define EXCHANGE_OUT_MAX (4 * 1024 * 1024)

static inline char *kept_name(apr_pool_t *p, const char *kind, azl_span_t id)
{
    return apr_pstrcat(p, kind, "/", apr_pstrmemdup(p, id.at, id.len), NULL);
}

static inline void exchange_keep(void *baton, const char *kind, azl_span_t id,
                                 azl_span_t state)
{
    apr_table_t *kept = baton;
    apr_pool_t *p = apr_table_elts(kept)->pool;

    apr_table_setn(kept, kept_name(p, kind, id),
                   apr_pstrmemdup(p, state.at, state.len));
}

static inline azl_span_t exchange_recall(void *baton, apr_pool_t *p,
                                         const char *kind, azl_span_t id)
{
    return azl_span_str(apr_table_get(baton, kept_name(p, kind, id)));
}

static inline azl_json_t *tree_of(apr_pool_t *p, const char *text)
{
    azl_json_t *json = NULL;
    const char *why = azl_json_parse(p, azl_span_str(text), &json);

    ck_assert_msg(!why, "%s in %s", why, text);
    return json;
}

/* In a pool of its own, so that it may be that of one run of many. */
static inline azl_exchange_t *exchange_in(apr_pool_t *p,
                                          const azl_deployment_t *d)
{
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));

    ex->pool = p;
    ex->deployment = d;
    ex->alias = "alias";
    ex->family = "alias";
    ex->op = AZL_OP_CHAT;
    ex->now = EXCHANGE_NOW;
    ex->request_id = "0123";
    ex->keep = exchange_keep;
    ex->recall = exchange_recall;
    ex->kept = apr_table_make(p, 4);
    return ex;
}

/* What was left out, comma-separated; "" for nothing. */
static inline const char *dropped_by(const azl_exchange_t *ex)
{
    return ex->dropped ? apr_array_pstrcat(ex->pool, ex->dropped, ',') : "";
}

#endif /* RESPONSES_FIXTURE_H */
