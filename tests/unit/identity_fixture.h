/*
 * identity_fixture: what the tests of credentials share.
 */
#ifndef IDENTITY_FIXTURE_H
#define IDENTITY_FIXTURE_H

#include <stdlib.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_identity.h"
#include "azl_test.h"

/* 2026-11-21T12:00:00Z */
#define NOON 1795262400
#define NOW apr_time_from_sec(NOON)
/* What the variable ENTRA_SECRET has. */
#define ENTRA_SECRET "SECRET-MARK"
/* Of an endpoint that AWS signs for. */
#define AWS_HOST "bedrock-runtime.eu-west-3.amazonaws.com"

#define N(table) ((int)(sizeof(table) / sizeof(table[0])))

/* Of an endpoint that is the root of its host; `dialect` may be NULL. */
static inline azl_identity_setup_t
identity_setup(const char *source, const char *dialect, const char *host)
{
    azl_identity_setup_t setup;

    memset(&setup, 0, sizeof(setup));
    setup.source = source;
    setup.dialect = dialect;
    setup.url = apr_pstrcat(azl_test_pool, "https://", host, NULL);
    setup.host = host;
    setup.tls_verify = 1;
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    return setup;
}

static inline azl_identity_t *identity_made(const azl_identity_setup_t *setup)
{
    azl_identity_t *id;
    const char *problem = azl_identity_create(azl_test_pool, setup, &id);

    ck_assert_msg(!problem, "%s: %s", setup->source, problem);
    return id;
}

/* One of AWS. */
static inline azl_identity_t *identity_aws(const char *source)
{
    azl_identity_setup_t setup = identity_setup(source, NULL, AWS_HOST);

    return identity_made(&setup);
}

/* What is wrong with one of AWS; NULL: nothing. */
static inline const char *identity_aws_problem(const char *source)
{
    azl_identity_setup_t setup = identity_setup(source, NULL, AWS_HOST);
    azl_identity_t *id;

    return azl_identity_create(azl_test_pool, &setup, &id);
}

/* A header that a call got; NULL: it has none. */
static inline const char *identity_header(azl_identity_t *id, const char *url,
                                          const char *name, apr_time_t now)
{
    apr_table_t *headers = apr_table_make(azl_test_pool, 4);
    azl_span_t body = azl_span_str("{}");
    azl_identity_call_t call;

    memset(&call, 0, sizeof(call));
    call.method = "POST";
    call.url = url;
    call.host = AWS_HOST;
    call.content_type = "application/json";
    call.body = &body;
    call.npieces = 1;
    return azl_identity_authorize(id, azl_test_pool, &call, now, headers) ==
                   APR_SUCCESS
               ? apr_table_get(headers, name)
               : NULL;
}

static inline const char *identity_authorization(azl_identity_t *id,
                                                 apr_time_t now)
{
    return identity_header(id, "http://" AWS_HOST "/model/m/converse",
                           "Authorization", now);
}

static inline azl_identity_result_e
identity_refresh(azl_identity_t *id, apr_time_t now, const char **problem)
{
    return azl_identity_refresh(id, azl_test_pool, now, NULL, NULL, problem);
}

/* Another file takes its place. */
static inline void identity_rewrite(const char *path, const char *text)
{
    const char *next = apr_pstrcat(azl_test_pool, path, ".next", NULL);
    apr_file_t *f;

    ck_assert_int_eq(
        apr_file_open(&f, next,
                      APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                      APR_FPROT_OS_DEFAULT, azl_test_pool),
        APR_SUCCESS);
    apr_file_puts(text, f);
    apr_file_close(f);
    ck_assert_int_eq(apr_file_rename(next, path, azl_test_pool), APR_SUCCESS);
}

/* `environment` is "NAME=value NAME=value"; nothing else is there. */
static inline void identity_environment(const char *environment)
{
    static const char *const variables[] = {
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
        "DEFAULT_IDENTITY_CLIENT_ID",
    };
    char *text = apr_pstrdup(azl_test_pool, environment);
    char *state, *word;
    apr_size_t i;

    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        unsetenv(variables[i]);
    }
    setenv("ENTRA_SECRET", ENTRA_SECRET, 1);
    for (word = apr_strtok(text, " ", &state); word;
         word = apr_strtok(NULL, " ", &state)) {
        char *equals = strchr(word, '=');

        *equals = '\0';
        setenv(word, equals + 1, 1);
    }
}

#endif /* IDENTITY_FIXTURE_H */
