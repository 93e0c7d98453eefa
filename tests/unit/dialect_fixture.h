/*
 * dialect_fixture: what the tests of the dialects share. JSON is written with
 * single quotes, which become double ones.
 */
#ifndef DIALECT_FIXTURE_H
#define DIALECT_FIXTURE_H

#include <apr_strings.h>

#include "azl_dialect.h"
#include "azl_test.h"

static inline char *quoted(const char *text)
{
    char *out = apr_pstrdup(azl_test_pool, text);
    char *at;

    for (at = out; *at; ++at) {
        if (*at == '\'') {
            *at = '"';
        }
    }
    return out;
}

/* The same as an exact copy: reading one byte too many is seen. */
static inline azl_span_t quoted_span(const char *text)
{
    const char *out = quoted(text);

    return azl_span(azl_test_exact(out, strlen(out)), strlen(out));
}

/* A deployment `name` at an endpoint with this URL. */
static inline azl_deployment_t *deployment_at(const char *dialect,
                                              const char *url,
                                              const char *api_version,
                                              const char *name)
{
    azl_endpoint_t *e = apr_pcalloc(azl_test_pool, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(azl_test_pool, sizeof(*d));
    const char *host = strstr(url, "://") + 3;

    e->name = "here";
    e->url = url;
    e->host = apr_pstrmemdup(azl_test_pool, host, strcspn(host, "/"));
    e->dialect = azl_dialect_find(dialect);
    ck_assert_ptr_nonnull(e->dialect);
    e->api_version = api_version;
    e->credential = azl_secret_str(azl_test_pool, "a-credential-0123456789");
    d->endpoint = e;
    d->id = apr_pstrcat(azl_test_pool, "here/", name, NULL);
    d->name = name;
    d->name_json = apr_pstrcat(azl_test_pool, "\"", name, "\"", NULL);
    return d;
}

#endif /* DIALECT_FIXTURE_H */
