/*
 * document_fixture: reads a request's document, and what is said when that is
 * refused. JSON is written with single quotes, as in dialect_fixture.h.
 */
#ifndef DOCUMENT_FIXTURE_H
#define DOCUMENT_FIXTURE_H

#include <apr_strings.h>

#include "azl_document.h"
#include "dialect_fixture.h"

static azl_document_t doc;
static azl_error_t err;

static inline int reads(azl_op_e op, azl_params_e params, const char *body)
{
    return azl_document_read(azl_test_pool, op, params, "application/json",
                             quoted_span(body), &doc, &err);
}

/* "code param" of the refusal, or "" if the document is taken. */
static inline const char *refusal(azl_op_e op, azl_params_e params,
                                  const char *body)
{
    if (reads(op, params, body)) {
        return "";
    }
    ck_assert_int_eq(err.status, 400);
    ck_assert_int_eq(err.cls, AZL_CLASS_VALIDATION);
    ck_assert_str_eq(err.type, "invalid_request_error");
    ck_assert_ptr_nonnull(err.message);
    return apr_pstrcat(azl_test_pool, err.code, err.param ? " " : "", err.param,
                       NULL);
}

#define REFUSES(op, body, expected)                                            \
    ck_assert_str_eq(refusal(op, AZL_PARAMS_KEEP, body), expected)

/* What is left when the drops are cut out. */
static inline const char *without_drops(void)
{
    const char *from = doc.body.at;
    const char *out = "";
    int i;

    for (i = 0; i < doc.ndrops; ++i) {
        ck_assert(doc.drops[i].at >= from);
        out = apr_pstrcat(
            azl_test_pool, out,
            apr_pstrmemdup(azl_test_pool, from, doc.drops[i].at - from), NULL);
        from = doc.drops[i].at + doc.drops[i].len;
    }
    return apr_pstrcat(
        azl_test_pool, out,
        apr_pstrmemdup(azl_test_pool, from, doc.body.at + doc.body.len - from),
        NULL);
}

#endif /* DOCUMENT_FIXTURE_H */
