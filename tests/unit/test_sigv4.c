/*
 * azl_sigv4: AWS's published examples, and what botocore made of other
 * requests.
 */
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_sigv4.h"
#include "azl_test.h"

#include "sigv4_vectors.h"

#define NVECTORS (sizeof(vectors) / sizeof(vectors[0]))

/* 2015-08-30T12:36:00Z and the key of AWS's test suite. */
#define SUITE_TIME apr_time_from_sec(1440938160)
static azl_aws_key_t suite_key(void)
{
    azl_aws_key_t key = {"AKIDEXAMPLE", NULL, NULL};

    key.secret = azl_secret_str(azl_test_pool,
                                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    return key;
}

static const char *authorization(const azl_sigv4_t *what,
                                 const azl_aws_key_t *key, apr_time_t now)
{
    apr_table_t *out = apr_table_make(azl_test_pool, 4);

    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ck_assert_int_eq(azl_sigv4_sign(azl_test_pool, what, key, now, out),
                     APR_SUCCESS);
    return apr_table_get(out, "Authorization");
}

static void suite_request(azl_sigv4_t *what)
{
    memset(what, 0, sizeof(*what));
    what->region = "us-east-1";
    what->service = "service";
    what->method = "GET";
    what->path = "/";
    what->host = "example.amazonaws.com";
}

START_TEST(published)
{
    azl_aws_key_t key = suite_key();
    apr_table_t *headers = apr_table_make(azl_test_pool, 1);
    azl_sigv4_t what;

    suite_request(&what);
    ck_assert_str_eq(
        authorization(&what, &key, SUITE_TIME),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
        "aws4_request, SignedHeaders=host;x-amz-date, Signature="
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    what.method = "POST";
    ck_assert_str_eq(
        authorization(&what, &key, SUITE_TIME),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
        "aws4_request, SignedHeaders=host;x-amz-date, Signature="
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    what.method = "GET";
    what.service = "iam";
    what.host = "iam.amazonaws.com";
    what.query = "Action=ListUsers&Version=2010-05-08";
    what.headers = headers;
    apr_table_setn(headers, "Content-Type",
                   "application/x-www-form-urlencoded; charset=utf-8");
    ck_assert_str_eq(
        authorization(&what, &key, SUITE_TIME),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/"
        "aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}
END_TEST

/* The body of a vector, in one piece or cut. */
static void check_vector(apr_size_t i, apr_size_t cut)
{
    apr_table_t *headers = apr_table_make(azl_test_pool, 2);
    azl_span_t body = azl_span_str(vectors[i].body);
    azl_span_t pieces[2];
    azl_aws_key_t key;
    azl_sigv4_t what;

    key.id = vectors[i].id;
    key.secret = azl_secret_str(azl_test_pool, vectors[i].secret);
    key.token = azl_secret_str(azl_test_pool, vectors[i].token);
    memset(&what, 0, sizeof(what));
    what.region = vectors[i].region;
    what.service = vectors[i].service;
    what.method = vectors[i].method;
    what.path = vectors[i].path;
    what.query = vectors[i].query;
    what.host = vectors[i].host;
    what.headers = headers;
    if (vectors[i].content_type) {
        apr_table_setn(headers, "Content-Type", vectors[i].content_type);
    }
    if (vectors[i].header) {
        apr_table_setn(headers, vectors[i].header, vectors[i].value);
    }
    pieces[0] = azl_span(body.at, cut);
    pieces[1] = azl_span(body.at + cut, body.len - cut);
    what.body = pieces;
    what.npieces = 2;
    ck_assert_str_eq(
        authorization(&what, &key, apr_time_from_sec(vectors[i].when)),
        vectors[i].authorization);
}

START_TEST(as_botocore)
{
    apr_size_t i, cut;

    for (i = 0; i < NVECTORS; i++) {
        for (cut = 0; cut <= strlen(vectors[i].body); cut++) {
            check_vector(i, cut);
        }
    }
}
END_TEST

/* The classic 403: what is encoded on the wire is signed encoded twice. */
START_TEST(canonical)
{
    azl_aws_key_t key = suite_key();
    const char *text, *names;
    azl_sigv4_t what;

    suite_request(&what);
    what.path = "/model/x%3A0/converse";
    what.query = "b=2&a=%20&b=1&c&a-b=x[]";
    key.token = azl_secret_str(azl_test_pool, "session");
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ck_assert_int_eq(azl_sigv4_canonical(azl_test_pool, &what, &key, SUITE_TIME,
                                         &text, &names),
                     APR_SUCCESS);
    ck_assert_str_eq(names, "host;x-amz-date;x-amz-security-token");
    ck_assert_str_eq(
        text,
        "GET\n/model/x%253A0/converse\na=%20&a-b=x%5B%5D&b=1&b=2&c=\n"
        "host:example.amazonaws.com\nx-amz-date:20150830T123600Z\n"
        "x-amz-security-token:session\n\n"
        "host;x-amz-date;x-amz-security-token\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(headers)
{
    apr_table_t *out = apr_table_make(azl_test_pool, 4);
    azl_aws_key_t key = suite_key();
    azl_sigv4_t what;

    suite_request(&what);
    apr_table_setn(out, "authorization", "of another attempt");
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ck_assert_int_eq(
        azl_sigv4_sign(azl_test_pool, &what, &key, SUITE_TIME, out),
        APR_SUCCESS);
    ck_assert_int_eq(apr_table_elts(out)->nelts, 2);
    ck_assert_str_eq(apr_table_get(out, "X-Amz-Date"), "20150830T123600Z");
    key.token = azl_secret_str(azl_test_pool, "session");
    ck_assert_int_eq(
        azl_sigv4_sign(azl_test_pool, &what, &key, SUITE_TIME, out),
        APR_SUCCESS);
    ck_assert_int_eq(apr_table_elts(out)->nelts, 3);
    ck_assert_str_eq(apr_table_get(out, "X-Amz-Security-Token"), "session");
}
END_TEST

START_TEST(without_cryptography)
{
    azl_aws_key_t key = suite_key();
    apr_table_t *out = apr_table_make(azl_test_pool, 4);
    azl_sigv4_t what;

    suite_request(&what);
    ck_assert_int_ne(
        azl_sigv4_sign(azl_test_pool, &what, &key, SUITE_TIME, out),
        APR_SUCCESS);
    ck_assert_ptr_eq(apr_table_get(out, "Authorization"), NULL);
}
END_TEST

TCase *azl_test_sigv4(void)
{
    TCase *tc = azl_test_tcase("sigv4");

    tcase_add_test(tc, published);
    tcase_add_test(tc, as_botocore);
    tcase_add_test(tc, canonical);
    tcase_add_test(tc, headers);
    tcase_add_test(tc, without_cryptography);
    return tc;
}
