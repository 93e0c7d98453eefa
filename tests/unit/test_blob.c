/*
 * azl_blob: signatures as an independent implementation makes them, and what
 * is refused.
 */
#include <apr_strings.h>

#include "azl_blob.h"
#include "azl_crypto.h"
#include "azl_test.h"

/* 2026-11-22T00:00:00Z, and the key that every emulator has. */
#define NOW apr_time_from_sec(1795305600)
#define EMULATOR                                                               \
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="   \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTO"  \
    "tr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"

static azl_blob_access_t emulator(void)
{
    azl_blob_access_t access;

    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ck_assert_ptr_null(azl_blob_connection(
        azl_test_pool, azl_span_str(EMULATOR "\n"), &access));
    return access;
}

static const char *signature(const char *url, const char *etag)
{
    apr_table_t *headers = apr_table_make(azl_test_pool, 4);
    azl_blob_access_t access = emulator();

    ck_assert_int_eq(
        azl_blob_headers(azl_test_pool, url, &access, etag, NOW, headers),
        APR_SUCCESS);
    ck_assert_str_eq(apr_table_get(headers, "x-ms-date"),
                     "Sun, 22 Nov 2026 00:00:00 GMT");
    ck_assert_str_eq(apr_table_get(headers, "x-ms-version"), "2023-11-03");
    ck_assert_pstr_eq(apr_table_get(headers, "If-None-Match"), etag);
    return apr_table_get(headers, "Authorization");
}

START_TEST(connection_string)
{
    azl_blob_access_t access = emulator();

    ck_assert_str_eq(access.account, "devstoreaccount1");
    ck_assert_uint_eq(azl_secret_len(access.key), 64);
    ck_assert_ptr_null(access.sas);
}
END_TEST

START_TEST(connection_string_with_a_signature)
{
    azl_blob_access_t access;

    ck_assert_ptr_null(azl_blob_connection(
        azl_test_pool,
        azl_span_str("BlobEndpoint=https://a.blob.core.windows.net;"
                     "SharedAccessSignature=sv=2023-11-03&sig=a%2Fb%3D"),
        &access));
    ck_assert_ptr_null(access.key);
    ck_assert_str_eq(azl_secret_reveal(access.sas),
                     "sv=2023-11-03&sig=a%2Fb%3D");
}
END_TEST

START_TEST(no_connection_string)
{
    static const char *const text[] = {"",
                                       "AccountName=a",
                                       "AccountKey=YQ==",
                                       "AccountName=a;AccountKey=",
                                       "AccountName=a;AccountKey=no base64",
                                       "AccountName=a;AccountKey=YQ=",
                                       "AccountName=a;AccountKey=====",
                                       "XAccountName=a;AccountKey=YQ==",
                                       "SharedAccessSignature=sv=1"};
    azl_blob_access_t access;
    size_t i;

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        ck_assert_msg(azl_blob_connection(azl_test_pool, azl_span_str(text[i]),
                                          &access) != NULL,
                      "%s", text[i]);
        ck_assert_ptr_null(access.key);
        ck_assert_ptr_null(access.sas);
    }
}
END_TEST

START_TEST(signed_path)
{
    /* an emulator's account is in the path, too */
    ck_assert_str_eq(
        signature("http://127.0.0.1:10000/devstoreaccount1/cfg/gw.json", NULL),
        "SharedKey devstoreaccount1:"
        "8KsELrGBgrSUffU7i0zlVxRqTEJFjVZ6n6VvihxTuTU=");
}
END_TEST

START_TEST(signed_etag_and_query)
{
    ck_assert_str_eq(signature("https://a.blob.core.windows.net/cfg/gw.json"
                               "?Zone=1&snapshot=a%20b",
                               "\"0x8DC1\""),
                     "SharedKey devstoreaccount1:"
                     "gKjFfoMDGPIJtrGI+lQd2vxy3zwE6AeUAqoIbJP7Bc0=");
}
END_TEST

START_TEST(no_path)
{
    apr_table_t *headers = apr_table_make(azl_test_pool, 4);
    azl_blob_access_t access = emulator();

    ck_assert_int_eq(azl_blob_headers(azl_test_pool, "https://host", &access,
                                      NULL, NOW, headers),
                     APR_EINVAL);
}
END_TEST

START_TEST(shared_access_signature)
{
    apr_table_t *headers = apr_table_make(azl_test_pool, 4);
    azl_blob_access_t access;

    ck_assert_ptr_null(azl_blob_sas(
        azl_test_pool, azl_span_str(" ?sv=1&sig=x%3D\n"), &access));
    ck_assert_str_eq(azl_blob_url(azl_test_pool, "https://a/c/b", &access),
                     "https://a/c/b?sv=1&sig=x%3D");
    ck_assert_str_eq(
        azl_blob_url(azl_test_pool, "https://a/c/b?snapshot=1", &access),
        "https://a/c/b?snapshot=1&sv=1&sig=x%3D");
    ck_assert_int_eq(azl_blob_headers(azl_test_pool, "https://a/c/b", &access,
                                      NULL, NOW, headers),
                     APR_SUCCESS);
    ck_assert_ptr_null(apr_table_get(headers, "Authorization"));
    ck_assert_ptr_nonnull(
        azl_blob_sas(azl_test_pool, azl_span_str("sv=1"), &access));
    ck_assert_ptr_nonnull(
        azl_blob_sas(azl_test_pool, azl_span_str("sig=1 2"), &access));
}
END_TEST

START_TEST(error_code)
{
    ck_assert_str_eq(
        azl_blob_error(azl_test_pool,
                       azl_span_str("\xef\xbb\xbf<?xml version=\"1.0\"?><Error>"
                                    "<Code>BlobNotFound</Code><Message>x")),
        "BlobNotFound");
    ck_assert_ptr_null(azl_blob_error(azl_test_pool, azl_span_str("")));
    ck_assert_ptr_null(azl_blob_error(azl_test_pool, azl_span_str("<Code>")));
    ck_assert_ptr_null(
        azl_blob_error(azl_test_pool, azl_span_str("<Code>Blob")));
    ck_assert_ptr_null(
        azl_blob_error(azl_test_pool, azl_span_str("<Code>a b</Code>")));
}
END_TEST

TCase *azl_test_blob(void)
{
    TCase *tc = azl_test_tcase("blob");

    tcase_add_test(tc, connection_string);
    tcase_add_test(tc, connection_string_with_a_signature);
    tcase_add_test(tc, no_connection_string);
    tcase_add_test(tc, signed_path);
    tcase_add_test(tc, signed_etag_and_query);
    tcase_add_test(tc, no_path);
    tcase_add_test(tc, shared_access_signature);
    tcase_add_test(tc, error_code);
    return tc;
}
