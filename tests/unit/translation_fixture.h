/*
 * translation_fixture: what the tests of translations share: an exchange with a
 * store for state that is one place. JSON is written with single quotes, as in
 * dialect_fixture.h.
 */
#ifndef TRANSLATION_FIXTURE_H
#define TRANSLATION_FIXTURE_H

#include "azl_hub.h"
#include "dialect_fixture.h"

/* What has been kept, as "kind/id=state"; NULL: nothing. */
typedef struct kept_t {
    const char *what;
} kept_t;

static inline void fixture_keep(void *baton, const char *kind, azl_span_t id,
                                azl_span_t state)
{
    ((kept_t *)baton)->what = apr_pstrcat(
        azl_test_pool, kind, "/", apr_pstrmemdup(azl_test_pool, id.at, id.len),
        "=", apr_pstrmemdup(azl_test_pool, state.at, state.len), NULL);
}

static inline azl_span_t fixture_recall(void *baton, apr_pool_t *p,
                                        const char *kind, azl_span_t id)
{
    const char *what = ((kept_t *)baton)->what;
    const char *head =
        apr_pstrcat(p, kind, "/", apr_pstrmemdup(p, id.at, id.len), "=", NULL);

    if (!what || strncmp(what, head, strlen(head)) != 0) {
        return azl_span(NULL, 0);
    }
    return azl_span_str(what + strlen(head));
}

/* A value of a JSON text with single quotes. */
static inline const azl_json_t *parsed(const char *text)
{
    azl_json_t *json = NULL;

    ck_assert_ptr_null(azl_json_parse(azl_test_pool, quoted_span(text), &json));
    return json;
}

/* An exchange of a chat with deployment `d`; `hub` may be NULL. */
static inline azl_exchange_t *exchange_with(azl_deployment_t *d,
                                            const char *family, const char *hub)
{
    azl_exchange_t *ex = apr_pcalloc(azl_test_pool, sizeof(*ex));

    ex->pool = azl_test_pool;
    ex->deployment = d;
    ex->family = family;
    ex->alias = "alias";
    ex->op = AZL_OP_CHAT;
    ex->now = apr_time_from_sec(5);
    ex->request_id = "r1";
    ex->hub = hub ? parsed(hub) : NULL;
    ex->keep = fixture_keep;
    ex->recall = fixture_recall;
    ex->kept = apr_pcalloc(azl_test_pool, sizeof(kept_t));
    return ex;
}

static inline kept_t *kept_of(azl_exchange_t *ex)
{
    return ex->kept;
}

/* What was kept is this; NULL: nothing was. */
static inline void check_kept(azl_exchange_t *ex, const char *what)
{
    if (what) {
        ck_assert_str_eq(kept_of(ex)->what, what);
    }
    else {
        ck_assert_ptr_null(kept_of(ex)->what);
    }
}

/* The upstream's body, or "400 param: message". */
static inline const char *asked(azl_exchange_t *ex,
                                const azl_outbound_t *outbound)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, AZL_HUB_DOCUMENT_MAX);
    azl_json_t *json;
    azl_error_t err;

    memset(&err, 0, sizeof(err));
    if (!outbound->request(ex, out, &err)) {
        return apr_psprintf(azl_test_pool, "%d %s %s", err.status, err.code,
                            err.param);
    }
    ck_assert_ptr_null(
        azl_json_parse(azl_test_pool, azl_span(out->data, out->len), &json));
    return azl_buf_pstr(out, azl_test_pool);
}

/* The members that were left out, joined with ','. */
static inline const char *dropped_of(const azl_exchange_t *ex)
{
    return ex->dropped ? apr_array_pstrcat(azl_test_pool, ex->dropped, ',')
                       : "";
}

/* The hub's answer, or NULL. */
static inline const char *
answered(azl_exchange_t *ex, const azl_outbound_t *outbound, const char *doc)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, AZL_HUB_DOCUMENT_MAX);
    azl_json_t *json;

    if (outbound->answer(ex, quoted_span(doc), out) != APR_SUCCESS) {
        return NULL;
    }
    ck_assert_ptr_null(
        azl_json_parse(azl_test_pool, azl_span(out->data, out->len), &json));
    return azl_buf_pstr(out, azl_test_pool);
}

#endif /* TRANSLATION_FIXTURE_H */
