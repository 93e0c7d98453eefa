/*
 * azl_identity: credentials that services give out, when they are fetched
 * again, and what becomes of requests meanwhile. The services are a thread of
 * the test.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "azl_time.h"
#include "identity_fixture.h"

#define CONTAINER_ENV "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define INSTANCE_ENV "AWS_EC2_METADATA_SERVICE_ENDPOINT"

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
    return identity_aws("aws:container");
}

static const char *key_of(azl_identity_t *id, apr_time_t now)
{
    const char *text = identity_authorization(id, now);
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
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_ptr_null(problem);
    ck_assert_str_eq(key_of(id, NOW), "AKONE");
    ck_assert_str_eq(identity_header(id, "/x", "X-Amz-Security-Token", NOW),
                     "session");
    rules[0].answer = document("AKTWO", NOW + apr_time_from_sec(7200));
    ck_assert_int_eq(identity_refresh(id, due - 1, &problem),
                     AZL_IDENTITY_IDLE);
    ck_assert_str_eq(key_of(id, due), "AKONE");
    ck_assert_int_eq(identity_refresh(id, due, &problem), AZL_IDENTITY_FRESH);
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

    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    rules[0].status = 500;
    ck_assert_int_eq(identity_refresh(id, due - 1, &problem),
                     AZL_IDENTITY_IDLE);
    ck_assert_int_eq(identity_refresh(id, due, &problem), AZL_IDENTITY_FAILED);
    ck_assert_str_eq(problem, "the answer was 500");
    /* the old one stays until its end */
    ck_assert_str_eq(key_of(id, NOW + apr_time_from_sec(60) - 1), "AKONE");
    ck_assert_int_eq(azl_identity_ready(id, NOW + apr_time_from_sec(60)), 0);
    ck_assert_str_eq(key_of(id, NOW + apr_time_from_sec(60)), "none");
    /* tried again after 2 seconds, 4, ... and never later than a minute */
    ck_assert_int_eq(
        identity_refresh(id, due + apr_time_from_sec(2) - 1, &problem),
        AZL_IDENTITY_IDLE);
    due += apr_time_from_sec(2);
    ck_assert_int_eq(identity_refresh(id, due, &problem), AZL_IDENTITY_FAILED);
    ck_assert_int_eq(
        identity_refresh(id, due + apr_time_from_sec(4) - 1, &problem),
        AZL_IDENTITY_IDLE);
    due += apr_time_from_sec(4);
    for (i = 0; i < 8; i++) {
        ck_assert_int_eq(identity_refresh(id, due, &problem),
                         AZL_IDENTITY_FAILED);
        due += apr_time_from_sec(60);
    }
    rules[0].status = 200;
    rules[0].answer = document("AKTWO", due + apr_time_from_sec(60));
    ck_assert_int_eq(identity_refresh(id, due, &problem), AZL_IDENTITY_FRESH);
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

    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FAILED);
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

    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FAILED);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-the-environment", 1);
    id = identity_aws("aws:container");
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, NOW), "AKENV");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    id = identity_aws("aws:container");
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, NOW), "AKFILE");
    identity_rewrite(path, "two words");
    ck_assert_int_eq(identity_refresh(id, 2 * NOW, &problem),
                     AZL_IDENTITY_FAILED);
    apr_file_remove(path, azl_test_pool);
    ck_assert_int_eq(identity_refresh(id, 3 * NOW, &problem),
                     AZL_IDENTITY_FAILED);
}
END_TEST

START_TEST(no_container)
{
    unsetenv(CONTAINER_ENV);
    unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    ck_assert_ptr_nonnull(identity_aws_problem("aws:container"));
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x", 1);
    ck_assert_ptr_null(identity_aws_problem("aws:container"));
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
    id = identity_aws("aws:instance");
    ck_assert_int_eq(identity_refresh(id, NOW, &problem), AZL_IDENTITY_FRESH);
    ck_assert_str_eq(key_of(id, NOW), "AKROLE");
    for (i = 0; i < 3; i++) {
        rules[0].answer = i < 2 ? wrong[i] : "tok";
        rules[1].answer = i < 2 ? "a-role" : wrong[i];
        ck_assert_int_eq(
            identity_refresh(identity_aws("aws:instance"), NOW, &problem),
            AZL_IDENTITY_FAILED);
    }
    for (i = 0; i < 3; i++) {
        rules[0].answer = "tok";
        rules[1].answer = "a-role";
        rules[i].status = 404;
        ck_assert_int_eq(
            identity_refresh(identity_aws("aws:instance"), NOW, &problem),
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
    id = identity_aws("aws:container");
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
    /* and once, not by each request */
    before = apr_time_now();
    ck_assert_int_eq(azl_identity_ready(id, NOW), 0);
    ck_assert(apr_time_now() - before < AZL_IDENTITY_WAIT);
}
END_TEST

TCase *azl_test_identity_service(void)
{
    TCase *tc = azl_test_tcase("identity_service");

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
