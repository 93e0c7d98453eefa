/*
 * azl_identity: where credentials come from, when they are fetched again, and
 * what becomes of requests meanwhile. The services that give them out are a
 * thread of the test.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_crypto.h"
#include "azl_identity.h"
#include "azl_test.h"
#include "azl_time.h"

#define KEY_ENV "AWS_ACCESS_KEY_ID"
#define SECRET_ENV "AWS_SECRET_ACCESS_KEY"
#define TOKEN_ENV "AWS_SESSION_TOKEN"
#define CONTAINER_ENV "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define INSTANCE_ENV "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#define HOST "bedrock-runtime.eu-west-3.amazonaws.com"
/* 2026-11-21T12:00:00Z */
#define NOW apr_time_from_sec(1795262400)

static const char *create(const char *source, azl_identity_t **id)
{
    azl_identity_setup_t setup;

    memset(&setup, 0, sizeof(setup));
    setup.source = source;
    setup.host = HOST;
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    return azl_identity_create(azl_test_pool, &setup, id);
}

static azl_identity_t *made(const char *source)
{
    azl_identity_t *id;
    const char *problem = create(source, &id);

    ck_assert_msg(!problem, "%s: %s", source, problem);
    return id;
}

static void set_key(const char *id, const char *secret, const char *token)
{
    setenv(KEY_ENV, id, 1);
    setenv(SECRET_ENV, secret, 1);
    setenv(TOKEN_ENV, token, 1);
}

/* A header that a call got; NULL: it has none. */
static const char *header_at(azl_identity_t *id, const char *url,
                             const char *name, apr_time_t now)
{
    apr_table_t *headers = apr_table_make(azl_test_pool, 4);
    azl_span_t body = azl_span_str("{}");
    azl_identity_call_t call;

    memset(&call, 0, sizeof(call));
    call.method = "POST";
    call.url = url;
    call.host = HOST;
    call.content_type = "application/json";
    call.body = &body;
    call.npieces = 1;
    return azl_identity_authorize(id, azl_test_pool, &call, now, headers) ==
                   APR_SUCCESS
               ? apr_table_get(headers, name)
               : NULL;
}

static const char *authorization(azl_identity_t *id, apr_time_t now)
{
    return header_at(id, "http://" HOST "/model/m/converse", "Authorization",
                     now);
}

/* Who signs, and for what. */
static void check_scope(azl_identity_t *id, const char *scope)
{
    const char *text = authorization(id, NOW);
    const char *start = apr_pstrcat(
        azl_test_pool, "AWS4-HMAC-SHA256 Credential=", scope,
        "/aws4_request, SignedHeaders=content-type;host;x-amz-date", NULL);

    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(apr_pstrndup(azl_test_pool, text, strlen(start)), start);
}

static azl_identity_result_e refresh(azl_identity_t *id, apr_time_t now,
                                     const char **problem)
{
    return azl_identity_refresh(id, azl_test_pool, now, NULL, NULL, problem);
}

/*
 * Kinds and places
 */

START_TEST(sources)
{
    azl_identity_t *id;

    ck_assert_int_eq(azl_identity_is("aws:env"), 1);
    ck_assert_int_eq(azl_identity_is("aws:file:/x#y"), 1);
    ck_assert_int_eq(azl_identity_is("aws:container"), 1);
    ck_assert_int_eq(azl_identity_is("aws:instance"), 1);
    ck_assert_int_eq(azl_identity_is("aws:envy"), 0);
    ck_assert_int_eq(azl_identity_is("aws:env:more"), 0);
    ck_assert_int_eq(azl_identity_is("aws"), 0);
    ck_assert_int_eq(azl_identity_is("env:NAME"), 0);
    ck_assert_int_eq(azl_identity_is("none"), 0);
    ck_assert_ptr_nonnull(create("aws:nothing", &id));
    ck_assert_ptr_nonnull(create("aws:file", &id));
    ck_assert_ptr_nonnull(create("aws:file:", &id));
    ck_assert_ptr_nonnull(create("aws:file:relative", &id));
    ck_assert_ptr_nonnull(create("aws:file:#profile", &id));
}
END_TEST

static const struct {
    const char *host;
    const char *region;
    const char *service;
    const char *environment;
    const char *scope; /* NULL: that is not enough */
} places[] = {
    {HOST, NULL, NULL, NULL, "eu-west-3/bedrock"},
    {HOST ":8443", NULL, NULL, "x-1", "eu-west-3/bedrock"},
    {"bedrock-mantle.us-west-2.api.aws", NULL, NULL, NULL,
     "us-west-2/bedrock-mantle"},
    {"bedrock-runtime.cn-north-1.amazonaws.com.cn", NULL, NULL, NULL,
     "cn-north-1/bedrock"},
    {"bedrock-runtime-fips.us-gov-west-1.amazonaws.com", NULL, NULL, NULL,
     "us-gov-west-1/bedrock"},
    {"vpce-1-a.bedrock-runtime.us-east-2.vpce.amazonaws.com", NULL, NULL, NULL,
     "us-east-2/bedrock"},
    {"xbedrock-runtime.us-east-2.amazonaws.com", NULL, NULL, NULL, NULL},
    {HOST, "us-east-1", "other", NULL, "us-east-1/other"},
    {"127.0.0.1:80", "us-east-1", NULL, NULL, "us-east-1/bedrock"},
    {"127.0.0.1:80", NULL, NULL, "ap-1", "ap-1/bedrock"},
    {"127.0.0.1:80", NULL, NULL, NULL, NULL},
    {"bedrock-runtime", NULL, NULL, NULL, NULL},
    {"bedrock-x.example.org", NULL, NULL, NULL, NULL},
    {"s3.eu-west-3.amazonaws.com", NULL, NULL, NULL, NULL},
    {HOST, "us east", NULL, NULL, NULL},
    {HOST, "us-east-1", "", NULL, NULL},
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
    memset(&setup, 0, sizeof(setup));
    setup.source = "aws:env";
    setup.host = places[_i].host;
    setup.region = places[_i].region;
    setup.service = places[_i].service;
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
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
    id = made("aws:env");
    ck_assert_int_eq(azl_identity_changes(id), 0);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 1);
    check_scope(id, "AKID/20261121/eu-west-3/bedrock");
    ck_assert_ptr_null(header_at(id, "/x", "X-Amz-Security-Token", NOW));
    /* it never ends */
    ck_assert_ptr_nonnull(authorization(id, 2 * NOW));
    set_key("AKID", "secret", "session");
    id = made("aws:env");
    ck_assert_str_eq(header_at(id, "/x", "X-Amz-Security-Token", NOW),
                     "session");
}
END_TEST

START_TEST(an_environment_without_a_key)
{
    azl_identity_t *id;

    set_key("", "secret", "");
    ck_assert_ptr_nonnull(create("aws:env", &id));
    set_key("AKID", "", "");
    ck_assert_ptr_nonnull(create("aws:env", &id));
    set_key("AKID", "sec\nret", "");
    ck_assert_ptr_nonnull(create("aws:env", &id));
    set_key("AKID", "secret", "a b");
    ck_assert_ptr_nonnull(create("aws:env", &id));
}
END_TEST

/* The path and the query of whatever URL it is are what is signed. */
START_TEST(urls)
{
    static const char *const same[] = {"http://" HOST "/a?b=1", "/a?b=1",
                                       "https://other/a?b=1"};
    static const char *const others[] = {"/a", "/a?b=2", "http://" HOST,
                                         "http://" HOST "/"};
    const char *first, *root;
    azl_identity_t *id;
    int i;

    set_key("AKID", "secret", "");
    id = made("aws:env");
    first = header_at(id, same[0], "Authorization", NOW);
    for (i = 1; i < 3; i++) {
        ck_assert_str_eq(header_at(id, same[i], "Authorization", NOW), first);
    }
    for (i = 0; i < 4; i++) {
        ck_assert_str_ne(header_at(id, others[i], "Authorization", NOW), first);
    }
    root = header_at(id, others[2], "Authorization", NOW);
    ck_assert_str_eq(header_at(id, others[3], "Authorization", NOW), root);
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
    azl_identity_t *id = made(of_file(path, ""));

    ck_assert_int_eq(azl_identity_changes(id), 1);
    check_scope(id, "AKDEFAULT/20261121/eu-west-3/bedrock");
    check_scope(made(of_file(path, "#")),
                "AKDEFAULT/20261121/eu-west-3/bedrock");
    id = made(of_file(path, "#team"));
    ck_assert_str_eq(header_at(id, "/x", "X-Amz-Security-Token", NOW),
                     "session");
    check_scope(made(of_file(path, "#last")),
                "AKLAST/20261121/eu-west-3/bedrock");
    ck_assert_ptr_nonnull(create(of_file(path, "#empty"), &id));
    ck_assert_ptr_nonnull(create(of_file(path, "#half"), &id));
    ck_assert_ptr_nonnull(create(of_file(path, "#nobody"), &id));
    ck_assert_ptr_nonnull(create("aws:file:/nowhere/at/all", &id));
}
END_TEST

static void rewrite(const char *path, const char *text)
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

START_TEST(a_file_that_changes)
{
    const char *path = azl_test_file("credentials", FILE_TEXT);
    azl_identity_t *id = made(of_file(path, ""));
    const char *problem;

    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    rewrite(path, "[default]\naws_access_key_id=AKNEW\n"
                  "aws_secret_access_key=new\n");
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    check_scope(id, "AKNEW/20261121/eu-west-3/bedrock");
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    /* what cannot be used leaves what was, and is told once */
    rewrite(path, "[default]\n");
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FAILED);
    ck_assert_ptr_nonnull(problem);
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    check_scope(id, "AKNEW/20261121/eu-west-3/bedrock");
    apr_file_remove(path, azl_test_pool);
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_IDLE);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 1);
    rewrite(path, FILE_TEXT);
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    check_scope(id, "AKDEFAULT/20261121/eu-west-3/bedrock");
}
END_TEST

/*
 * Services
 */

typedef struct rule_t {
    const char *request; /* the first line begins so */
    const char *header;  /* that has to be there; NULL: none */
    int status;
    const char *answer;
} rule_t;

typedef struct service_t {
    int socket;
    const rule_t *rules;
    char url[64];
} service_t;

static service_t service;

static void answer(int client)
{
    char in[4096], out[4096];
    const rule_t *rule = service.rules;
    apr_size_t len = 0;
    ssize_t n;

    do {
        n = read(client, in + len, sizeof(in) - 1 - len);
        len += n > 0 ? (apr_size_t)n : 0;
        in[len] = '\0';
    } while (n > 0 && !strstr(in, "\r\n\r\n"));
    while (rule->request &&
           (strncmp(in, rule->request, strlen(rule->request)) != 0 ||
            (rule->header && !strstr(in, rule->header)))) {
        rule++;
    }
    n = apr_snprintf(out, sizeof(out),
                     "HTTP/1.1 %d X\r\nContent-Length: %d\r\n"
                     "Connection: close\r\n\r\n%s",
                     rule->request ? rule->status : 400,
                     (int)strlen(rule->request ? rule->answer : ""),
                     rule->request ? rule->answer : "");
    (void)!write(client, out, (size_t)n);
    close(client);
}

static void *serve(void *unused)
{
    int client;

    (void)unused;
    while ((client = accept(service.socket, NULL, NULL)) >= 0) {
        answer(client);
    }
    return NULL;
}

static void start(const rule_t *rules)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    pthread_t thread;

    memset(&at, 0, sizeof(at));
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    service.socket = socket(AF_INET, SOCK_STREAM, 0);
    service.rules = rules;
    ck_assert_int_eq(bind(service.socket, (void *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(service.socket, 8), 0);
    ck_assert_int_eq(getsockname(service.socket, (void *)&at, &len), 0);
    apr_snprintf(service.url, sizeof(service.url), "http://127.0.0.1:%d",
                 ntohs(at.sin_port));
    ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
    pthread_detach(thread);
}

static const char *document(const char *key, apr_time_t expires)
{
    char until[AZL_TIME_TEXT_LEN];

    azl_time_text(expires, until);
    return apr_pstrcat(azl_test_pool, "{\"AccessKeyId\":\"", key,
                       "\",\"SecretAccessKey\":\"s\",\"Token\":\"session\","
                       "\"Expiration\":\"",
                       until, "\"}", NULL);
}

static azl_identity_t *container(rule_t *rules)
{
    start(rules);
    setenv(CONTAINER_ENV, apr_pstrcat(azl_test_pool, service.url, "/c", NULL),
           1);
    unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    return made("aws:container");
}

static const char *key_of(azl_identity_t *id, apr_time_t now)
{
    const char *text = authorization(id, now);
    const char *key = text ? strstr(text, "Credential=") + 11 : "none";

    return apr_pstrmemdup(azl_test_pool, key, strcspn(key, "/"));
}

/* Good for an hour: fetched again a quarter of an hour before its end. */
START_TEST(from_a_container)
{
    rule_t rules[] = {{"GET /c ", NULL, 200,
                       document("AKONE", NOW + apr_time_from_sec(3600))},
                      {NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    apr_time_t due = NOW + apr_time_from_sec(2700);
    const char *problem;

    ck_assert_int_eq(azl_identity_changes(id), 1);
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_ptr_null(problem);
    ck_assert_str_eq(key_of(id, NOW), "AKONE");
    ck_assert_str_eq(header_at(id, "/x", "X-Amz-Security-Token", NOW),
                     "session");
    rules[0].answer = document("AKTWO", NOW + apr_time_from_sec(7200));
    ck_assert_int_eq(refresh(id, due - 1, &problem), AZL_IDENTITY_IDLE);
    ck_assert_str_eq(key_of(id, due), "AKONE");
    ck_assert_int_eq(refresh(id, due, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, due), "AKTWO");
}
END_TEST

/* Good for a minute: when a quarter of that is left. */
START_TEST(a_short_life)
{
    rule_t rules[] = {
        {"GET /c ", NULL, 200, document("AKONE", NOW + apr_time_from_sec(60))},
        {NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    apr_time_t due = NOW + apr_time_from_sec(45);
    const char *problem;
    int i;

    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    rules[0].status = 500;
    ck_assert_int_eq(refresh(id, due - 1, &problem), AZL_IDENTITY_IDLE);
    ck_assert_int_eq(refresh(id, due, &problem), AZL_IDENTITY_FAILED);
    ck_assert_str_eq(problem, "the answer was 500");
    /* the old one stays until its end */
    ck_assert_str_eq(key_of(id, NOW + apr_time_from_sec(60) - 1), "AKONE");
    ck_assert_int_eq(azl_identity_ready(id, NOW + apr_time_from_sec(60)), 0);
    ck_assert_str_eq(key_of(id, NOW + apr_time_from_sec(60)), "none");
    /* tried again after 2 seconds, 4, ... and never later than a minute */
    ck_assert_int_eq(refresh(id, due + apr_time_from_sec(2) - 1, &problem),
                     AZL_IDENTITY_IDLE);
    due += apr_time_from_sec(2);
    ck_assert_int_eq(refresh(id, due, &problem), AZL_IDENTITY_FAILED);
    ck_assert_int_eq(refresh(id, due + apr_time_from_sec(4) - 1, &problem),
                     AZL_IDENTITY_IDLE);
    due += apr_time_from_sec(4);
    for (i = 0; i < 8; i++) {
        ck_assert_int_eq(refresh(id, due, &problem), AZL_IDENTITY_FAILED);
        due += apr_time_from_sec(60);
    }
    rules[0].status = 200;
    rules[0].answer = document("AKTWO", due + apr_time_from_sec(60));
    ck_assert_int_eq(refresh(id, due, &problem), AZL_IDENTITY_FRESH);
    ck_assert_int_eq(azl_identity_ready(id, due), 1);
}
END_TEST

static const char *const no_credentials[] = {
    "",
    "[]",
    "{}",
    "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}",
    "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"soon\"}",
    "{\"AccessKeyId\":\"a\",\"Expiration\":\"2030-01-01T00:00:00Z\"}",
    "{\"AccessKeyId\":\"a b\",\"SecretAccessKey\":\"b\","
    "\"Expiration\":\"2030-01-01T00:00:00Z\"}",
    /* over already */
    "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","
    "\"Expiration\":\"2026-11-21T12:00:00Z\"}",
};

START_TEST(answers_without_credentials)
{
    rule_t rules[] = {{"GET /c ", NULL, 200, no_credentials[_i]},
                      {NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    const char *problem;

    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FAILED);
    ck_assert_ptr_nonnull(problem);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 0);
    ck_assert_str_eq(key_of(id, NOW), "none");
}
END_TEST

START_TEST(what_a_container_has_to_say)
{
    const char *path = azl_test_file("token", " of-the-file\n");
    rule_t rules[] = {{"GET /c ", "Authorization: of-the-environment", 200,
                       document("AKENV", NOW + apr_time_from_sec(3600))},
                      {"GET /c ", "Authorization: of-the-file", 200,
                       document("AKFILE", NOW + apr_time_from_sec(3600))},
                      {NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    const char *problem;

    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FAILED);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-the-environment", 1);
    id = made("aws:container");
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, NOW), "AKENV");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    id = made("aws:container");
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, NOW), "AKFILE");
    rewrite(path, "two words");
    ck_assert_int_eq(refresh(id, 2 * NOW, &problem), AZL_IDENTITY_FAILED);
    apr_file_remove(path, azl_test_pool);
    ck_assert_int_eq(refresh(id, 3 * NOW, &problem), AZL_IDENTITY_FAILED);
}
END_TEST

START_TEST(no_container)
{
    azl_identity_t *id;

    unsetenv(CONTAINER_ENV);
    unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    ck_assert_ptr_nonnull(create("aws:container", &id));
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x", 1);
    ck_assert_ptr_null(create("aws:container", &id));
}
END_TEST

#define ROLES "GET /latest/meta-data/iam/security-credentials/"

START_TEST(from_an_instance)
{
    rule_t rules[] = {
        {"PUT /latest/api/token ", "ttl-seconds: 21600", 200, "tok\n"},
        {ROLES " ", "X-aws-ec2-metadata-token: tok", 200, "a-role\n"},
        {ROLES "a-role ", "X-aws-ec2-metadata-token: tok", 200,
         document("AKROLE", NOW + apr_time_from_sec(3600))},
        {NULL, NULL, 0, NULL}};
    static const char *const wrong[] = {"", "two words", "<html>"};
    const char *problem;
    azl_identity_t *id;
    int i;

    start(rules);
    setenv(INSTANCE_ENV, apr_pstrcat(azl_test_pool, service.url, "//", NULL),
           1);
    id = made("aws:instance");
    ck_assert_int_eq(refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, NOW), "AKROLE");
    for (i = 0; i < 3; i++) {
        rules[0].answer = i < 2 ? wrong[i] : "tok";
        rules[1].answer = i < 2 ? "a-role" : wrong[i];
        ck_assert_int_eq(refresh(made("aws:instance"), NOW, &problem),
                         AZL_IDENTITY_FAILED);
    }
    for (i = 0; i < 3; i++) {
        rules[0].answer = "tok";
        rules[1].answer = "a-role";
        rules[i].status = 404;
        ck_assert_int_eq(refresh(made("aws:instance"), NOW, &problem),
                         AZL_IDENTITY_FAILED);
        ck_assert_str_eq(problem, "the answer was 404");
        rules[i].status = 200;
    }
}
END_TEST

static int give_up(void *baton)
{
    ++*(int *)baton;
    return 1;
}

/* But for the first value, which requests may wait for. */
START_TEST(it_can_be_given_up)
{
    rule_t rules[] = {
        {"GET /c ", NULL, 200, document("AKONE", NOW + apr_time_from_sec(60))},
        {NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    apr_time_t due = NOW + apr_time_from_sec(45);
    const char *problem;
    int asked = 0;

    ck_assert_int_eq(
        azl_identity_refresh(id, azl_test_pool, NOW, give_up, &asked, &problem),
        AZL_IDENTITY_FRESH);
    ck_assert_int_eq(asked, 0);
    ck_assert_int_eq(
        azl_identity_refresh(id, azl_test_pool, due, give_up, &asked, &problem),
        AZL_IDENTITY_FAILED);
    ck_assert_int_gt(asked, 0);
    ck_assert_str_eq(key_of(id, due), "AKONE");
}
END_TEST

/*
 * Waiting
 */

static void *fetch_later(void *id)
{
    const char *problem;
    apr_pool_t *p;

    apr_sleep(apr_time_from_msec(200));
    apr_pool_create_unmanaged(&p);
    azl_identity_refresh(id, p, NOW, NULL, NULL, &problem);
    apr_pool_destroy(p);
    return NULL;
}

/* Whoever comes before the first value waits for it, but not for a second
 * try. */
START_TEST(the_first_is_waited_for)
{
    rule_t rules[] = {
        {"GET /c ", NULL, 200, document("AKONE", NOW + apr_time_from_sec(60))},
        {NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    apr_time_t before = apr_time_now();
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, fetch_later, id), 0);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 1);
    ck_assert(apr_time_now() - before >= apr_time_from_msec(100));
    pthread_join(thread, NULL);
    rules[0].status = 500;
    id = made("aws:container");
    ck_assert_int_eq(pthread_create(&thread, NULL, fetch_later, id), 0);
    ck_assert_int_eq(azl_identity_ready(id, NOW), 0);
    pthread_join(thread, NULL);
    before = apr_time_now();
    ck_assert_int_eq(azl_identity_ready(id, NOW), 0);
    ck_assert(apr_time_now() - before < AZL_IDENTITY_WAIT);
}
END_TEST

START_TEST(it_is_not_waited_for_long)
{
    rule_t rules[] = {{NULL, NULL, 0, NULL}};
    azl_identity_t *id = container(rules);
    apr_time_t before = apr_time_now();

    ck_assert_int_eq(azl_identity_ready(id, NOW), 0);
    ck_assert(apr_time_now() - before >= AZL_IDENTITY_WAIT);
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof(table[0])))

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
    tcase_add_test(tc, from_a_container);
    tcase_add_test(tc, a_short_life);
    tcase_add_loop_test(tc, answers_without_credentials, 0, N(no_credentials));
    tcase_add_test(tc, what_a_container_has_to_say);
    tcase_add_test(tc, no_container);
    tcase_add_test(tc, from_an_instance);
    tcase_add_test(tc, it_can_be_given_up);
    tcase_add_test(tc, the_first_is_waited_for);
    tcase_add_test(tc, it_is_not_waited_for_long);
    return tc;
}
