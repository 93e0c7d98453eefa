/*
 * azl_identity: keys of AWS in the environment and in files, and what they sign
 * for.
 */
#include <stdlib.h>

#include <apr_file_io.h>

#include "identity_fixture.h"

#define KEY_ENV "AWS_ACCESS_KEY_ID"
#define SECRET_ENV "AWS_SECRET_ACCESS_KEY"
#define TOKEN_ENV "AWS_SESSION_TOKEN"

static void set_key(const char *id, const char *secret, const char *token)
{
    setenv(KEY_ENV, id, 1);
    setenv(SECRET_ENV, secret, 1);
    setenv(TOKEN_ENV, token, 1);
}

/* Who signs, and for what. */
static void check_scope(azl_identity_t *id, const char *scope)
{
    const char *text = identity_authorization(id, NOW);
    const char *start = apr_pstrcat(
        azl_test_pool, "AWS4-HMAC-SHA256 Credential=", scope,
        "/aws4_request, SignedHeaders=content-type;host;x-amz-date", NULL);

    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(apr_pstrndup(azl_test_pool, text, strlen(start)), start);
}

/*
 * Kinds and places
 */

START_TEST(sources)
{
    ck_assert_int_eq(azl_identity_is("aws:env"), 1);
    ck_assert_int_eq(azl_identity_is("aws:file:/x#y"), 1);
    ck_assert_int_eq(azl_identity_is("aws:container"), 1);
    ck_assert_int_eq(azl_identity_is("aws:instance"), 1);
    ck_assert_int_eq(azl_identity_is("aws:envy"), 0);
    ck_assert_int_eq(azl_identity_is("aws:env:more"), 0);
    ck_assert_int_eq(azl_identity_is("aws"), 0);
    ck_assert_int_eq(azl_identity_is("env:NAME"), 0);
    ck_assert_int_eq(azl_identity_is("none"), 0);
    ck_assert_ptr_nonnull(identity_aws_problem("aws:nothing"));
    ck_assert_ptr_nonnull(identity_aws_problem("aws:file"));
    ck_assert_ptr_nonnull(identity_aws_problem("aws:file:"));
    ck_assert_ptr_nonnull(identity_aws_problem("aws:file:relative"));
    ck_assert_ptr_nonnull(identity_aws_problem("aws:file:#profile"));
}
END_TEST

static const struct {
    const char *host;
    const char *region;
    const char *service;
    const char *environment;
    const char *scope; /* NULL: that is not enough */
} places[] = {
    {AWS_HOST, NULL, NULL, NULL, "eu-west-3/bedrock"},
    {AWS_HOST ":8443", NULL, NULL, "x-1", "eu-west-3/bedrock"},
    {"bedrock-mantle.us-west-2.api.aws", NULL, NULL, NULL,
     "us-west-2/bedrock-mantle"},
    {"bedrock-runtime.cn-north-1.amazonaws.com.cn", NULL, NULL, NULL,
     "cn-north-1/bedrock"},
    {"bedrock-runtime-fips.us-gov-west-1.amazonaws.com", NULL, NULL, NULL,
     "us-gov-west-1/bedrock"},
    {"vpce-1-a.bedrock-runtime.us-east-2.vpce.amazonaws.com", NULL, NULL, NULL,
     "us-east-2/bedrock"},
    {"xbedrock-runtime.us-east-2.amazonaws.com", NULL, NULL, NULL, NULL},
    {AWS_HOST, "us-east-1", "other", NULL, "us-east-1/other"},
    {"127.0.0.1:80", "us-east-1", NULL, NULL, "us-east-1/bedrock"},
    {"127.0.0.1:80", NULL, NULL, "ap-1", "ap-1/bedrock"},
    {"127.0.0.1:80", NULL, NULL, NULL, NULL},
    {"bedrock-runtime", NULL, NULL, NULL, NULL},
    {"bedrock-x.example.org", NULL, NULL, NULL, NULL},
    {"s3.eu-west-3.amazonaws.com", NULL, NULL, NULL, NULL},
    {AWS_HOST, "us east", NULL, NULL, NULL},
    {AWS_HOST, "us-east-1", "", NULL, NULL},
};

START_TEST(regions_and_services)
{
    azl_identity_setup_t setup;
    const char *problem;
    azl_identity_t *id;

    set_key("AKID", "secret", "");
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    if (places[_i].environment) {
        setenv(_i % 2 ? "AWS_REGION" : "AWS_DEFAULT_REGION",
               places[_i].environment, 1);
    }
    setup = identity_setup("aws:env", NULL, places[_i].host);
    setup.region = places[_i].region;
    setup.service = places[_i].service;
    problem = azl_identity_create(azl_test_pool, &setup, &id);
    ck_assert_int_eq(problem == NULL, places[_i].scope != NULL);
    if (!problem) {
        check_scope(id, apr_pstrcat(azl_test_pool, "AKID/20261121/",
                                    places[_i].scope, NULL));
    }
}
END_TEST

/*
 * The environment
 */

START_TEST(from_the_environment)
{
    azl_identity_t *id;

    set_key("AKID", "secret", "");
    id = identity_aws("aws:env");
    ck_assert_int_eq(azl_identity_changes(id), 0);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 1);
    check_scope(id, "AKID/20261121/eu-west-3/bedrock");
    ck_assert_ptr_null(identity_header(id, "/x", "X-Amz-Security-Token", NOW));
    /* it never ends */
    ck_assert_ptr_nonnull(identity_authorization(id, 2 * NOW));
    set_key("AKID", "secret", "session");
    id = identity_aws("aws:env");
    ck_assert_str_eq(identity_header(id, "/x", "X-Amz-Security-Token", NOW),
                     "session");
}
END_TEST

START_TEST(an_environment_without_a_key)
{
    set_key("", "secret", "");
    ck_assert_ptr_nonnull(identity_aws_problem("aws:env"));
    set_key("AKID", "", "");
    ck_assert_ptr_nonnull(identity_aws_problem("aws:env"));
    set_key("AKID", "sec\nret", "");
    ck_assert_ptr_nonnull(identity_aws_problem("aws:env"));
    set_key("AKID", "secret", "a b");
    ck_assert_ptr_nonnull(identity_aws_problem("aws:env"));
}
END_TEST

/* The path and the query of whatever URL it is are what is signed. */
START_TEST(urls)
{
    static const char *const same[] = {"http://" AWS_HOST "/a?b=1", "/a?b=1",
                                       "https://other/a?b=1"};
    static const char *const others[] = {"/a", "/a?b=2", "http://" AWS_HOST,
                                         "http://" AWS_HOST "/"};
    const char *first, *root;
    azl_identity_t *id;
    int i;

    set_key("AKID", "secret", "");
    id = identity_aws("aws:env");
    first = identity_header(id, same[0], "Authorization", NOW);
    for (i = 1; i < 3; i++) {
        ck_assert_str_eq(identity_header(id, same[i], "Authorization", NOW),
                         first);
    }
    for (i = 0; i < 4; i++) {
        ck_assert_str_ne(identity_header(id, others[i], "Authorization", NOW),
                         first);
    }
    root = identity_header(id, others[2], "Authorization", NOW);
    ck_assert_str_eq(identity_header(id, others[3], "Authorization", NOW),
                     root);
}
END_TEST

/*
 * A file
 */

#define FILE_TEXT                                                              \
    "# a comment\n; another\naws_access_key_id = AKNOWHERE\n"                  \
    "[default]\naws_access_key_id = AKDEFAULT\r\n"                             \
    "aws_secret_access_key=one\n"                                              \
    "[ profile team ]\n  aws_access_key_id\t=  AKTEAM  \n"                     \
    "aws_secret_access_key = two=\nregion = x\n"                               \
    "aws_session_token = session\n#aws_session_token = old\n"                  \
    "[empty]\n[half]\naws_access_key_id = AKHALF\naws_session_token=\n"        \
    "no equals sign\n[last]\naws_access_key_id=AKLAST\n"                       \
    "aws_secret_access_key=three\naws_session_token="

static const char *of_file(const char *path, const char *profile)
{
    return apr_pstrcat(azl_test_pool, "aws:file:", path, profile, NULL);
}

START_TEST(from_a_file)
{
    const char *path = azl_test_file("credentials", FILE_TEXT);
    azl_identity_t *id = identity_aws(of_file(path, ""));

    ck_assert_int_eq(azl_identity_changes(id), 1);
    check_scope(id, "AKDEFAULT/20261121/eu-west-3/bedrock");
    check_scope(identity_aws(of_file(path, "#")),
                "AKDEFAULT/20261121/eu-west-3/bedrock");
    id = identity_aws(of_file(path, "#team"));
    ck_assert_str_eq(identity_header(id, "/x", "X-Amz-Security-Token", NOW),
                     "session");
    check_scope(identity_aws(of_file(path, "#last")),
                "AKLAST/20261121/eu-west-3/bedrock");
    ck_assert_ptr_nonnull(identity_aws_problem(of_file(path, "#empty")));
    ck_assert_ptr_nonnull(identity_aws_problem(of_file(path, "#half")));
    ck_assert_ptr_nonnull(identity_aws_problem(of_file(path, "#nobody")));
    ck_assert_ptr_nonnull(identity_aws_problem("aws:file:/nowhere/at/all"));
}
END_TEST

START_TEST(a_file_that_changes)
{
    const char *path = azl_test_file("credentials", FILE_TEXT);
    azl_identity_t *id = identity_aws(of_file(path, ""));
    const char *problem;

    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    identity_rewrite(path, "[default]\naws_access_key_id=AKNEW\n"
                           "aws_secret_access_key=new\n");
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    check_scope(id, "AKNEW/20261121/eu-west-3/bedrock");
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    /* what cannot be used leaves what was, and is told once */
    identity_rewrite(path, "[default]\n");
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FAILED);
    ck_assert_ptr_nonnull(problem);
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    check_scope(id, "AKNEW/20261121/eu-west-3/bedrock");
    apr_file_remove(path, azl_test_pool);
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 1);
    identity_rewrite(path, FILE_TEXT);
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    check_scope(id, "AKDEFAULT/20261121/eu-west-3/bedrock");
}
END_TEST

TCase *azl_test_identity(void)
{
    TCase *tc = azl_test_tcase("identity");

    tcase_add_test(tc, sources);
    tcase_add_loop_test(tc, regions_and_services, 0, N(places));
    tcase_add_test(tc, from_the_environment);
    tcase_add_test(tc, an_environment_without_a_key);
    tcase_add_test(tc, urls);
    tcase_add_test(tc, from_a_file);
    tcase_add_test(tc, a_file_that_changes);
    return tc;
}
