/*
 * azl_identity: tokens. What Google's service account says of itself, what
 * token services answer, files that hold a token, and what is refused in the
 * configuration. The whole way is tested with httpd.
 */
#include <stdlib.h>

#include "../../src/core/azl_identity_int.h"
#include "identity_fixture.h"
#include "rsa_vectors.h"

#define HOST "workspace.example.org"
#define SECRET "SECRET-MARK"
#define URL "https://" HOST "/serving-endpoints"
/* Nobody listens there. */
#define NOWHERE "http://127.0.0.1:1/token"
#define EMAIL "gateway@project.iam.gserviceaccount.com"
#define TOKEN_URI "https://oauth2.googleapis.com/token"

static azl_identity_setup_t setup_of(const char *source)
{
    azl_identity_setup_t setup = identity_setup(source, NULL, HOST);

    setup.url = URL;
    return setup;
}

static const char *create(const char *source, azl_identity_t **id)
{
    azl_identity_setup_t setup = setup_of(source);

    return azl_identity_create(azl_test_pool, &setup, id);
}

static void check_problem(const char *problem, const char *hint)
{
    ck_assert_ptr_nonnull(problem);
    ck_assert_msg(strstr(problem, hint) != NULL, "%s: not in: %s", hint,
                  problem);
    ck_assert_ptr_null(strstr(problem, SECRET));
}

/*
 * The configuration
 */

START_TEST(sources)
{
    static const char *const ours[] = {
        "google:/a",       "google:metadata", "databricks:a:env:B",
        "token-file:/a/b", "google:",         "databricks",
    };
    static const char *const others[] = {"googles:/a", "token-files:/a",
                                         "env:NAME", "databrick:a"};
    apr_size_t i;

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        ck_assert_int_eq(azl_identity_is(ours[i]), 1);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_int_eq(azl_identity_is(others[i]), 0);
    }
}
END_TEST

START_TEST(what_may_be_shown)
{
    static const struct {
        const char *source;
        const char *shown;
    } t[] = {
        {"google:/a", "google:/a"},
        {"aws:env", "aws:env"},
        {"none", "none"},
        {"databricks", "databricks"},
        {"databricks:id:env:NAME", "databricks:id:env:NAME"},
        {"databricks:id:file:/a", "databricks:id:file:/a"},
        {"databricks:id:" SECRET, "databricks:..."},
        {"databricks:" SECRET, "databricks:..."},
        {SECRET, "..."},
        {"keyvault:https://v/secrets/n", "keyvault:https://v/secrets/n"},
        {"keyvault:https://u:" SECRET "@v/secrets/n", "keyvault:..."},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        ck_assert_str_eq(azl_identity_shown(azl_test_pool, t[i].source),
                         t[i].shown);
    }
}
END_TEST

START_TEST(forms)
{
    static const struct {
        const char *source;
        const char *hint;
    } t[] = {
        {"google", "google:/path"},
        {"google:", "google:/path"},
        {"google:key.json", "begin with /"},
        {"google:metadata2", "begin with /"},
        {"google:/no/such/file", "cannot be read"},
        {"databricks", "databricks:CLIENT-ID:env:NAME"},
        {"databricks:id", "databricks:CLIENT-ID:env:NAME"},
        {"databricks:id:", "databricks:CLIENT-ID:env:NAME"},
        {"databricks::env:HOME", "databricks:CLIENT-ID:env:NAME"},
        {"databricks:id:" SECRET, "databricks:CLIENT-ID:env:NAME"},
        {"databricks:id:env:NO_SUCH_NAME", "NO_SUCH_NAME"},
        {"databricks:id:file:/no/such/file", "/no/such/file"},
        {"token-file", "token-file:/path"},
        {"token-file:token", "begin with /"},
        {"token-file:/no/such/file", "cannot be read"},
    };
    azl_identity_t *id;
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        check_problem(create(t[i].source, &id), t[i].hint);
    }
}
END_TEST

START_TEST(what_does_not_go_together)
{
    azl_identity_setup_t setup = setup_of("google:metadata");
    azl_identity_t *id;

    setup.region = "eu";
    check_problem(azl_identity_create(azl_test_pool, &setup, &id), "AWS");
    setup.region = NULL;
    setup.service = "x";
    check_problem(azl_identity_create(azl_test_pool, &setup, &id), "AWS");
    setup.service = NULL;
    setup.token_url = NOWHERE;
    check_problem(azl_identity_create(azl_test_pool, &setup, &id),
                  "token-url= is for");
    setup.token_url = NULL;
    setup.dialect = "azure";
    check_problem(azl_identity_create(azl_test_pool, &setup, &id),
                  "gemini, anthropic, openai");
    setup.dialect = "gemini";
    ck_assert_ptr_null(azl_identity_create(azl_test_pool, &setup, &id));
    setup.source = "aws:env";
    check_problem(azl_identity_create(azl_test_pool, &setup, &id),
                  "bedrock, openai, anthropic");
}
END_TEST

/*
 * Service accounts
 */

/* As it stands in JSON. */
static const char *escaped(const char *pem)
{
    char *out = apr_palloc(azl_test_pool, 2 * strlen(pem) + 1);
    char *at = out;

    for (; *pem; pem++) {
        if (*pem == '\n') {
            *at++ = '\\';
            *at++ = 'n';
        }
        else {
            *at++ = *pem;
        }
    }
    *at = '\0';
    return out;
}

static const char *account_file(const char *members)
{
    return apr_pstrcat(azl_test_pool,
                       "google:", azl_test_file("account.json", members), NULL);
}

static const char *account(const char *type, const char *email, const char *uri,
                           const char *pem)
{
    return apr_pstrcat(azl_test_pool, "{\"type\":\"", type,
                       "\",\"client_email\":\"", email, "\",\"token_uri\":\"",
                       uri, "\",\"private_key\":\"", escaped(pem), "\"}", NULL);
}

static const char *section(const char *assertion, int number)
{
    const char *start = assertion;
    unsigned char *text;
    apr_size_t len;

    for (; number > 0; number--) {
        start = strchr(start, '.') + 1;
    }
    text = azl_base64url_decode(azl_test_pool,
                                azl_span(start, strcspn(start, ".")), &len);
    ck_assert_ptr_nonnull(text);
    return apr_pstrmemdup(azl_test_pool, (const char *)text, len);
}

/* A quotation mark is a byte as any other. */
START_TEST(an_assertion)
{
    azl_identity_setup_t setup = setup_of(account_file(apr_pstrcat(
        azl_test_pool, "{\"client_email\":\"" EMAIL "\",",
        "\"private_key_id\":\"a\\\"b\",", "\"token_uri\":\"" TOKEN_URI "\",",
        "\"private_key\":\"", escaped(RSA_KEY), "\"}", NULL)));
    const char *assertion, *end;
    unsigned char *signature;
    azl_crypto_rsa_t *key;
    azl_identity_t *id;
    apr_size_t len;

    setup.token_url = NOWHERE; /* to whom it is sent, not for whom it is */
    id = identity_made(&setup);
    ck_assert_str_eq(id->url, NOWHERE);
    ck_assert_ptr_null(
        azl_identity_assertion(id, azl_test_pool, NOW, &assertion));
    ck_assert_str_eq(section(assertion, 0), "{\"alg\":\"RS256\",\"typ\":"
                                            "\"JWT\",\"kid\":\"a\\\"b\"}");
    ck_assert_str_eq(
        section(assertion, 1),
        "{\"iss\":\"" EMAIL
        "\",\"scope\":\"https://www.googleapis.com/auth/cloud-platform\","
        "\"aud\":\"" TOKEN_URI "\",\"iat\":1795262400,\"exp\":1795266000}");
    end = strrchr(assertion, '.');
    ck_assert_int_eq(
        azl_crypto_rsa_read(azl_test_pool, azl_span_str(RSA_KEY), &key),
        APR_SUCCESS);
    ck_assert_int_eq(
        azl_crypto_rsa_sign(azl_test_pool, key,
                            azl_span(assertion, (apr_size_t)(end - assertion)),
                            &signature, &len),
        APR_SUCCESS);
    ck_assert_str_eq(end + 1,
                     azl_base64url_encode(azl_test_pool, signature, len));
}
END_TEST

START_TEST(as_the_file_says)
{
    azl_identity_setup_t setup = setup_of(account_file(
        account("service_account", EMAIL, "http://other/token", RSA_KEY)));
    azl_identity_t *id = identity_made(&setup);
    const char *assertion;

    ck_assert_str_eq(id->url, "http://other/token");
    ck_assert_ptr_null(
        azl_identity_assertion(id, azl_test_pool, NOW, &assertion));
    ck_assert_str_eq(section(assertion, 0),
                     "{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
}
END_TEST

/* A token of the account before is not for the one that is there now. */
START_TEST(another_account_in_the_file)
{
    static const char *const emails[] = {EMAIL, EMAIL, "other@x.example"};
    unsigned char names[3][AZL_SEAL_FINGERPRINT_LEN];
    int i;

    for (i = 0; i < 3; i++) {
        azl_identity_setup_t setup = setup_of(account_file(
            account("service_account", emails[i], TOKEN_URI, RSA_KEY)));

        azl_identity_name(identity_made(&setup), azl_test_pool, names[i]);
    }
    ck_assert_mem_eq(names[0], names[1], AZL_SEAL_FINGERPRINT_LEN);
    ck_assert_mem_ne(names[0], names[2], AZL_SEAL_FINGERPRINT_LEN);
}
END_TEST

START_TEST(files_that_are_none)
{
    const struct {
        const char *content;
        const char *hint;
    } t[] = {
        {"", "no JSON"},
        {"{\"type\":\"service_account\"", "no JSON"},
        {"[]", "client_email"},
        {account("authorized_user", EMAIL, TOKEN_URI, RSA_KEY), "\"type\""},
        {account(SECRET, EMAIL, TOKEN_URI, RSA_KEY), "\"type\""},
        {"{\"token_uri\":\"" TOKEN_URI "\"}", "client_email"},
        {account("service_account", "", TOKEN_URI, RSA_KEY), "client_email"},
        {"{\"client_email\":\"" EMAIL "\"}", "token_uri"},
        {account("service_account", EMAIL, "ftp://x", RSA_KEY), "token_uri"},
        {account("service_account", EMAIL, "http://x y", RSA_KEY), "token_uri"},
        {"{\"client_email\":\"" EMAIL "\",\"token_uri\":\"" TOKEN_URI "\"}",
         "private_key"},
        {account("service_account", EMAIL, TOKEN_URI, SECRET), "private_key"},
        {account("service_account", EMAIL, TOKEN_URI, EC_KEY), "private_key"},
        {account("service_account", EMAIL, TOKEN_URI, LOCKED_KEY),
         "private_key"},
        {azl_test_repeat(" ", 65 * 1024), "cannot be read"},
    };
    azl_identity_t *id;
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        check_problem(create(account_file(t[i].content), &id), t[i].hint);
    }
}
END_TEST

START_TEST(metadata)
{
    azl_identity_setup_t setup = setup_of("google:metadata");
    azl_identity_t *id;

    unsetenv("GCE_METADATA_HOST");
    ck_assert_str_eq(identity_made(&setup)->url,
                     "http://metadata.google.internal/computeMetadata/v1/"
                     "instance/service-accounts/default/token");
    setenv("GCE_METADATA_HOST", "127.0.0.1:8080", 1);
    ck_assert_str_eq(identity_made(&setup)->url,
                     "http://127.0.0.1:8080/computeMetadata/v1/"
                     "instance/service-accounts/default/token");
    setenv("GCE_METADATA_HOST", "a b", 1);
    check_problem(azl_identity_create(azl_test_pool, &setup, &id),
                  "GCE_METADATA_HOST");
    unsetenv("GCE_METADATA_HOST");
}
END_TEST

/*
 * Token services
 */

START_TEST(databricks)
{
    azl_identity_setup_t setup = setup_of("databricks:client:env:AZL_WORD");
    azl_identity_t *id;

    setenv("AZL_WORD", "open sesame", 1);
    id = identity_made(&setup);
    ck_assert_str_eq(id->url, "https://" HOST "/oidc/v1/token");
    ck_assert_str_eq(id->client, "client");
    ck_assert_str_eq(azl_secret_reveal(id->secret), "open sesame");
    setup.token_url = NOWHERE;
    ck_assert_str_eq(identity_made(&setup)->url, NOWHERE);
    unsetenv("AZL_WORD");
}
END_TEST

#define TOKEN(more) "{\"access_token\":\"t0\"" more "}"

START_TEST(answers)
{
    static const struct {
        const char *answer;
        const char *hint; /* NULL: it is good */
    } t[] = {
        {TOKEN(",\"expires_in\":60"), NULL},
        {TOKEN(",\"expires_in\":60,\"token_type\":\"bearer\""), NULL},
        {TOKEN(",\"expires_in\":315360000"), NULL},
        {"", "no JSON"},
        {"<html>", "no JSON"},
        {"[]", "no token"},
        {"{\"expires_in\":60}", "no token"},
        {"{\"access_token\":\"\",\"expires_in\":60}", "no token"},
        {"{\"access_token\":\"a\\r\\nb\",\"expires_in\":60}", "no token"},
        {"{\"access_token\":7,\"expires_in\":60}", "no token"},
        {TOKEN(",\"expires_in\":60,\"token_type\":\"mac\""), "no bearer"},
        {TOKEN(""), "how long"},
        {TOKEN(",\"expires_in\":0"), "how long"},
        {TOKEN(",\"expires_in\":-1"), "how long"},
        {TOKEN(",\"expires_in\":\"60\""), NULL},
        {TOKEN(",\"expires_in\":315360001"), "how long"},
    };
    azl_identity_value_t value;
    const char *problem;
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        memset(&value, 0, sizeof(value));
        value.pool = azl_test_pool;
        problem = azl_identity_take_token(
            azl_test_pool, azl_span_str(t[i].answer), NOW, &value);
        if (t[i].hint) {
            check_problem(problem, t[i].hint);
        }
        else {
            ck_assert_ptr_null(problem);
            ck_assert_str_eq(azl_secret_reveal(value.bearer), "t0");
            ck_assert_int_ge(value.expires, NOW + apr_time_from_sec(60));
        }
    }
}
END_TEST

/* As if it had been fetched. */
static void put(azl_identity_t *id, const char *token, apr_time_t since)
{
    apr_pool_t *pool;

    apr_pool_create_unmanaged(&pool);
    id->value = apr_pcalloc(pool, sizeof(*id->value));
    id->value->pool = pool;
    id->value->bearer = azl_secret_str(id->value->pool, token);
    id->value->expires = NOW + apr_time_from_sec(3600);
    id->since = since;
    id->tried = 1;
    id->due = NOW + apr_time_from_sec(3000);
}

static azl_identity_result_e refresh(azl_identity_t *id, int seconds)
{
    const char *problem;

    return azl_identity_refresh(id, azl_test_pool,
                                NOW + apr_time_from_sec(seconds), NULL, NULL,
                                &problem);
}

START_TEST(refused_tokens)
{
    azl_identity_setup_t setup = setup_of("google:metadata");
    azl_identity_t *id;

    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    id = identity_made(&setup);
    unsetenv("GCE_METADATA_HOST");
    ck_assert_int_eq(azl_identity_refused(id, NOW), 0); /* there is none */
    put(id, "t0", NOW);
    ck_assert_int_eq(refresh(id, 0), AZL_IDENTITY_IDLE);
    /* that was said of the one before */
    ck_assert_int_eq(azl_identity_refused(id, NOW - 1), 0);
    ck_assert_int_eq(refresh(id, 0), AZL_IDENTITY_IDLE);
    ck_assert_int_eq(azl_identity_refused(id, NOW), 1);
    ck_assert_int_eq(azl_identity_refused(id, NOW), 0);
    ck_assert_int_eq(refresh(id, 0), AZL_IDENTITY_FAILED);
    /* until another one comes it is better than none */
    ck_assert_str_eq(identity_authorization(id, NOW), "Bearer t0");
}
END_TEST

static apr_interval_time_t waited(azl_identity_t *id)
{
    apr_time_t start = apr_time_now();

    ck_assert_int_eq(azl_identity_renewed(id, start), 0);
    return apr_time_now() - start;
}

/* One that does not come is waited for a moment after it was refused, and not
 * by each request again: their threads would all be gone. */
START_TEST(refused_and_not_renewed)
{
    azl_identity_setup_t setup = setup_of("google:metadata");
    azl_identity_t *id;
    apr_interval_time_t first;

    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    id = identity_made(&setup);
    unsetenv("GCE_METADATA_HOST");
    put(id, "t0", NOW);
    ck_assert_int_eq(azl_identity_refused(id, NOW), 1);
    first = waited(id);
    ck_assert_int_ge(first, AZL_IDENTITY_WAIT / 2);
    ck_assert_int_lt(waited(id), first / 2);
    /* nor where the next one may be fetched in a while only */
    id->renew_at = apr_time_now() + apr_time_from_sec(60);
    ck_assert_int_lt(waited(id), first / 2);
}
END_TEST

/* More than it takes until the pauses do not grow any more. */
#define FETCHES 10

/* How many seconds pass until it is fetched again. */
static int until_fetched(azl_identity_t *id, int *now)
{
    int since = *now;

    do {
        id->refused = 1;
        id->due = NOW + apr_time_from_sec(86400);
        ++*now;
    } while (refresh(id, *now) == AZL_IDENTITY_IDLE);
    return *now - since;
}

START_TEST(refused_again_and_again)
{
    azl_identity_setup_t setup = setup_of("google:metadata");
    azl_identity_t *id;
    int waits[FETCHES];
    int now = 0;
    int i;

    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    id = identity_made(&setup);
    unsetenv("GCE_METADATA_HOST");
    put(id, "t0", NOW);
    for (i = 0; i < FETCHES; i++) {
        waits[i] = until_fetched(id, &now);
    }
    ck_assert_int_eq(waits[0], 1);
    for (i = 2; i < FETCHES; i++) {
        ck_assert_int_ge(waits[i], waits[i - 1]);
    }
    ck_assert_int_eq(waits[FETCHES - 2], waits[FETCHES - 1]);
    ck_assert_int_ge(waits[FETCHES - 1], 60);
    /* and when it was well for long, at once */
    now += 3600;
    ck_assert_int_eq(until_fetched(id, &now), 1);
    ck_assert_int_lt(until_fetched(id, &now), waits[FETCHES - 1]);
}
END_TEST

/*
 * Files
 */

START_TEST(a_file_that_changes)
{
    const char *path = azl_test_file("token", " t0\n");
    azl_identity_setup_t setup =
        setup_of(apr_pstrcat(azl_test_pool, "token-file:", path, NULL));
    azl_identity_t *id;

    setup.dialect = "azure";
    id = identity_made(&setup);
    ck_assert_int_eq(azl_identity_changes(id), 1);
    ck_assert_str_eq(identity_authorization(id, NOW), "Bearer t0");
    ck_assert_int_eq(refresh(id, 0), AZL_IDENTITY_IDLE);
    azl_test_file("token", "another-one");
    ck_assert_str_eq(identity_authorization(id, NOW), "Bearer t0");
    ck_assert_int_eq(refresh(id, 1), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(identity_authorization(id, NOW), "Bearer another-one");
    azl_test_file("token", "no word");
    ck_assert_int_eq(refresh(id, 2), AZL_IDENTITY_FAILED);
    ck_assert_str_eq(identity_authorization(id, NOW), "Bearer another-one");
    /* nobody but its writer can help */
    ck_assert_int_eq(azl_identity_refused(id, apr_time_now()), 0);
}
END_TEST

START_TEST(files_without_a_token)
{
    static const char *const contents[] = {"", "\n", "a b", "a\nb\n", "\x7f"};
    azl_identity_t *id;
    apr_size_t i;

    for (i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        check_problem(
            create(apr_pstrcat(azl_test_pool, "token-file:",
                               azl_test_file("token", contents[i]), NULL),
                   &id),
            "one token");
    }
}
END_TEST

TCase *azl_test_identity_token(void)
{
    TCase *tc = azl_test_tcase("identity_token");

    tcase_add_test(tc, sources);
    tcase_add_test(tc, what_may_be_shown);
    tcase_add_test(tc, forms);
    tcase_add_test(tc, what_does_not_go_together);
    tcase_add_test(tc, an_assertion);
    tcase_add_test(tc, as_the_file_says);
    tcase_add_test(tc, another_account_in_the_file);
    tcase_add_test(tc, files_that_are_none);
    tcase_add_test(tc, metadata);
    tcase_add_test(tc, databricks);
    tcase_add_test(tc, answers);
    tcase_add_test(tc, refused_tokens);
    tcase_add_test(tc, refused_again_and_again);
    tcase_add_test(tc, refused_and_not_renewed);
    tcase_add_test(tc, a_file_that_changes);
    tcase_add_test(tc, files_without_a_token);
    return tc;
}
