#include <stdlib.h>

#include <apr_network_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "azl_http.h"
#include "azl_test.h"

/* A server that answers one connection with given bytes and keeps what it was
 * sent. */
typedef struct server_t {
    apr_socket_t *listener;
    apr_thread_t *thread;
    const char *answer; /* NULL: it only listens */
    char got[8192];
    apr_size_t len;
} server_t;

static int is_whole(const server_t *server)
{
    const char *end = strstr(server->got, "\r\n\r\n");
    const char *length = strstr(server->got, "Content-Length: ");

    return end &&
           (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static void *APR_THREAD_FUNC serve(apr_thread_t *thread, void *data)
{
    server_t *server = data;
    apr_socket_t *client;
    apr_pool_t *p;
    apr_size_t n;

    (void)thread;
    apr_pool_create(&p, NULL);
    if (apr_socket_accept(&client, server->listener, p) == APR_SUCCESS) {
        do {
            n = sizeof(server->got) - 1 - server->len;
            if (apr_socket_recv(client, server->got + server->len, &n) !=
                APR_SUCCESS) {
                break;
            }
            server->len += n;
        } while (!is_whole(server));
        n = strlen(server->answer);
        apr_socket_send(client, server->answer, &n);
        apr_socket_close(client);
    }
    apr_pool_destroy(p);
    return NULL;
}

static const char *start(server_t *server, const char *answer)
{
    apr_sockaddr_t *address;

    memset(server, 0, sizeof(*server));
    server->answer = answer;
    ck_assert_int_eq(azl_http_init(), APR_SUCCESS);
    ck_assert_int_eq(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0,
                                           0, azl_test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(apr_socket_create(&server->listener, APR_INET, SOCK_STREAM,
                                       APR_PROTO_TCP, azl_test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(apr_socket_bind(server->listener, address), APR_SUCCESS);
    ck_assert_int_eq(apr_socket_listen(server->listener, 5), APR_SUCCESS);
    ck_assert_int_eq(apr_socket_addr_get(&address, APR_LOCAL, server->listener),
                     APR_SUCCESS);
    if (answer) {
        ck_assert_int_eq(apr_thread_create(&server->thread, NULL, serve, server,
                                           azl_test_pool),
                         APR_SUCCESS);
    }
    return apr_psprintf(azl_test_pool, "http://127.0.0.1:%d/path",
                        address->port);
}

static void join(server_t *server)
{
    apr_status_t rv;

    apr_thread_join(&rv, server->thread);
}

static azl_http_request_t request_to(const char *url)
{
    azl_http_request_t request;

    memset(&request, 0, sizeof(request));
    request.url = url;
    request.body = azl_span("", 0);
    request.verify = 1;
    request.connect_timeout = apr_time_from_sec(20);
    request.timeout = apr_time_from_sec(20);
    request.max = 1000;
    return request;
}

static const char *call(const azl_http_request_t *request,
                        azl_http_answer_t *answer)
{
    return azl_http_call(azl_test_pool, request, answer);
}

#define OK_ANSWER                                                              \
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

START_TEST(tells_the_etag)
{
    static const char *const head[] = {
        "HTTP/1.1 304 Not Modified\r\nETag: \"0x8DC1\"\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nETag: \"other\"\r\n\r\n"
        "HTTP/1.1 304 Not Modified\r\netag:\"0x8DC1\"\r\n\r\n"};
    azl_http_answer_t answer;
    server_t server;
    size_t i;

    for (i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        azl_http_request_t request = request_to(start(&server, head[i]));

        ck_assert_ptr_null(call(&request, &answer));
        join(&server);
        ck_assert_int_eq(answer.status, 304);
        ck_assert_str_eq(answer.etag, "\"0x8DC1\"");
    }
}
END_TEST

START_TEST(an_interim_answer_has_no_etag)
{
    server_t server;
    azl_http_request_t request =
        request_to(start(&server, "HTTP/1.1 100 Continue\r\nETag: \"x\"\r\n"
                                  "\r\n" OK_ANSWER));
    azl_http_answer_t answer;

    ck_assert_ptr_null(call(&request, &answer));
    join(&server);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_null(answer.etag);
}
END_TEST

START_TEST(gets)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, OK_ANSWER));
    azl_http_answer_t answer;

    ck_assert_ptr_null(call(&request, &answer));
    join(&server);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(azl_test_str(answer.body), "hello");
    ck_assert_int_eq(answer.retry_after, -1);
    ck_assert_int_gt(answer.took, 0);
    ck_assert(strncmp(server.got, "GET /path HTTP/1.1\r\n", 20) == 0);
}
END_TEST

START_TEST(posts)
{
    static const char *const headers[] = {
        "api-key: sekrit", "Content-Type: application/json", NULL};
    server_t server;
    azl_http_request_t request = request_to(
        start(&server, "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n"
                       "Content-Length: 0\r\nConnection: close\r\n\r\n"));
    azl_http_answer_t answer;

    request.headers = headers;
    request.body = azl_span_str("{\"a\":1}");
    ck_assert_ptr_null(call(&request, &answer));
    join(&server);
    ck_assert_int_eq(answer.status, 429);
    ck_assert_int_eq(answer.retry_after, apr_time_from_sec(7));
    ck_assert_uint_eq(answer.body.len, 0);
    ck_assert(strncmp(server.got, "POST /path HTTP/1.1\r\n", 21) == 0);
    ck_assert_ptr_nonnull(strstr(server.got, "\r\napi-key: sekrit\r\n"));
    ck_assert_ptr_nonnull(
        strstr(server.got, "\r\nContent-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(server.got, "\r\n\r\n{\"a\":1}"));
}
END_TEST

START_TEST(body_not_wanted)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, OK_ANSWER));
    azl_http_answer_t answer;

    request.max = 0;
    ck_assert_ptr_null(call(&request, &answer));
    join(&server);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.body.len, 0);
}
END_TEST

START_TEST(body_too_large)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, OK_ANSWER));
    azl_http_answer_t answer;

    request.max = 4;
    ck_assert_str_eq(call(&request, &answer), "the answer is too large");
    join(&server);
    ck_assert_int_eq(answer.status, 0);
}
END_TEST

START_TEST(follows_no_redirect)
{
    server_t server;
    azl_http_request_t request = request_to(
        start(&server, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                       "Content-Length: 0\r\nConnection: close\r\n\r\n"));
    azl_http_answer_t answer;

    ck_assert_ptr_null(call(&request, &answer));
    join(&server);
    ck_assert_int_eq(answer.status, 302);
}
END_TEST

START_TEST(heeds_no_proxy)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, OK_ANSWER));
    azl_http_answer_t answer;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    ck_assert_ptr_null(call(&request, &answer));
    join(&server);
    ck_assert_int_eq(answer.status, 200);
}
END_TEST

START_TEST(no_http)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, "garbage\r\n\r\n"));
    azl_http_answer_t answer;

    ck_assert_str_eq(call(&request, &answer),
                     "the connection broke, or what came is no HTTP");
    join(&server);
    ck_assert_int_eq(answer.status, 0);
}
END_TEST

START_TEST(refused)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, NULL));
    azl_http_answer_t answer;

    apr_socket_close(server.listener);
    ck_assert_str_eq(call(&request, &answer), "the connection was refused");
}
END_TEST

START_TEST(too_slow)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, NULL));
    azl_http_answer_t answer;

    request.timeout = apr_time_from_msec(50);
    ck_assert_str_eq(call(&request, &answer), "it took too long");
}
END_TEST

static int stop_now(void *baton)
{
    ++*(int *)baton;
    return 1;
}

START_TEST(stopped)
{
    server_t server;
    azl_http_request_t request = request_to(start(&server, NULL));
    azl_http_answer_t answer;
    int asked = 0;

    request.stop = stop_now;
    request.baton = &asked;
    ck_assert_str_eq(call(&request, &answer), "it was given up");
    ck_assert_int_gt(asked, 0);
}
END_TEST

START_TEST(knows_who_can_listen)
{
    static const char *const nobody[] = {
        "https://vault.example", "http://localhost",  "http://LocalHost:80/x",
        "http://127.0.0.1/x",    "http://127.8.9.1?", "http://[::1]:8080/",
        "http://u:p@[::1]:80/",  "file:/http://x",    "HTTP://127.0.0.1"};
    static const char *const others[][2] = {
        {"http://vault.example:80/x", "vault.example"},
        {"HTTP://vault.example", "vault.example"},
        {"http://10.0.0.1", "10.0.0.1"},
        {"http://127.0.0.1.example/", "127.0.0.1.example"},
        {"http://127.example", "127.example"},
        {"http://localhost.example", "localhost.example"},
        {"http://localhost:x@vault.example/", "vault.example"},
        {"http://127.0.0.1@vault.example:80", "vault.example"},
        {"http://[fd00::1]:80/", "[fd00::1]"},
        {"http://[", "["}};
    size_t i;

    for (i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
        ck_assert_msg(!azl_http_open_host(azl_test_pool, nobody[i]), "%s",
                      nobody[i]);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_str_eq(azl_http_open_host(azl_test_pool, others[i][0]),
                         others[i][1]);
    }
}
END_TEST

START_TEST(other_schemes)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
                                       "http://", ""};
    azl_http_answer_t answer;
    apr_size_t i;

    ck_assert_int_eq(azl_http_init(), APR_SUCCESS);
    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        azl_http_request_t request = request_to(urls[i]);

        ck_assert_str_eq(call(&request, &answer),
                         "this is no URL of http or https");
    }
}
END_TEST

TCase *azl_test_http(void)
{
    TCase *tc = azl_test_tcase("http");

    tcase_add_test(tc, tells_the_etag);
    tcase_add_test(tc, an_interim_answer_has_no_etag);
    tcase_add_test(tc, gets);
    tcase_add_test(tc, posts);
    tcase_add_test(tc, body_not_wanted);
    tcase_add_test(tc, body_too_large);
    tcase_add_test(tc, follows_no_redirect);
    tcase_add_test(tc, heeds_no_proxy);
    tcase_add_test(tc, no_http);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, too_slow);
    tcase_add_test(tc, stopped);
    tcase_add_test(tc, knows_who_can_listen);
    tcase_add_test(tc, other_schemes);
    return tc;
}
