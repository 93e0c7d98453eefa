/*
 * bench-upstream: answers like Azure OpenAI, fast enough never to be what a
 * benchmark measures. One thread, epoll, HTTP/1.1 with keep-alive.
 *
 *     bench-upstream PORT
 *
 * The deployment in the path says what comes:
 *     .../deployments/small/...   a chat completion of 0.6 KB
 *     .../deployments/burst/...   an event stream of 50 chunks in one write
 *     .../deployments/paced/...   the same kind of chunks, one every 20 ms,
 *                                 PACED_EVENTS of them
 *     .../deployments/slow/...    one every second, SLOW_EVENTS of them
 *     .../deployments/silent/...  nothing, ever
 *     .../deployments/limited/... 429, as Azure says it
 *     .../talk/...                50 events as Anthropic sends them, in one
 *                                 write
 *     .../talk-paced/...          the same, one every 20 ms, PACED_EVENTS
 *     .../told/...                a whole answer of Anthropic's
 *     GET /stats                  {"connections":...,"requests":...} so far;
 *                                 "streams" and "silent" answers that are
 *                                 under way now; "left_at", seconds of the
 *                                 steady clock: when the last one of them was
 *                                 closed by its client
 * Request bodies are read and dropped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BURST_EVENTS 50
#define PACED_EVENTS 250
#define PACE_NS 20000000LL
#define SLOW_EVENTS 60
#define SLOW_NS 1000000000LL
#define TICK_NS 1000000LL
/* Headers of a request; one that is longer ends the connection. */
#define HEAD_MAX 8192
#define READ_MAX 262144

typedef struct conn_t {
    int fd;
    char head[HEAD_MAX + 1];
    size_t head_len;
    long long body_left; /* of the request being read */
    int in_body;
    const char *out; /* what is still to be written */
    size_t out_len;
    int silent;     /* never answered */
    int paced_left; /* events still to be sent, 0: no stream */
    const char *paced_event;
    const char *paced_tail;
    int64_t pace;   /* ns between two of them */
    int64_t due;    /* when the next one is */
    struct conn_t *next;
    struct conn_t *prev;
} conn_t;

static int epfd;
static conn_t paced_list = {.next = &paced_list, .prev = &paced_list};
static unsigned long long connections, requests, streams, silent;
static int64_t left_at;

static char small_answer[4096];
static char limited_answer[2048];
static char burst_answer[65536];
static char paced_head[512];
static char paced_event[2048];
static char paced_tail[4096];
static char talk_answer[65536];
static char talk_head[4096];
static char talk_event[2048];
static char talk_tail[4096];
static char told_answer[4096];
static char stats_answer[512];

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* ------------------------------------------------------------- the answers */

#define SAFE "{\"filtered\":false,\"severity\":\"safe\"}"
#define FILTERS                                                                \
    "{\"hate\":" SAFE ",\"self_harm\":" SAFE ",\"sexual\":" SAFE               \
    ",\"violence\":" SAFE "}"
#define STREAM_HEAD                                                            \
    "HTTP/1.1 200 OK\r\n"                                                      \
    "Content-Type: text/event-stream; charset=utf-8\r\n"                       \
    "apim-request-id: 5c0f2a6e-8d1b-4a55-9a43-0f4f6a6d2f11\r\n"                \
    "x-ratelimit-remaining-requests: 999\r\n"                                  \
    "Transfer-Encoding: chunked\r\n\r\n"

/* Append one HTTP chunk that holds one event. */
static void add_event(char *out, size_t size, const char *json)
{
    size_t len = strlen(out);

    snprintf(out + len, size - len, "%zx\r\ndata: %s\n\n\r\n", strlen(json) + 8,
             json);
}

static void add_delta(char *out, size_t size)
{
    add_event(out, size,
              "{\"choices\":[{\"content_filter_results\":" FILTERS
              ",\"delta\":{\"content\":\" token\"},\"finish_reason\":null,"
              "\"index\":0,\"logprobs\":null}],\"created\":1762000000,"
              "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
              "\"model\":\"gpt-4.1-2025-04-14\",\"obfuscation\":\"Yx3qR0a\","
              "\"object\":\"chat.completion.chunk\","
              "\"system_fingerprint\":\"fp_07e970ab25\",\"usage\":null}");
}

static void add_start(char *out, size_t size)
{
    add_event(out, size,
              "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\","
              "\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,"
              "\"content_filter_results\":" FILTERS "}]}");
    add_event(out, size,
              "{\"choices\":[{\"content_filter_results\":{},\"delta\":{"
              "\"content\":\"\",\"refusal\":null,\"role\":\"assistant\"},"
              "\"finish_reason\":null,\"index\":0,\"logprobs\":null}],"
              "\"created\":1762000000,"
              "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
              "\"model\":\"gpt-4.1-2025-04-14\",\"obfuscation\":\"b\","
              "\"object\":\"chat.completion.chunk\","
              "\"system_fingerprint\":\"fp_07e970ab25\",\"usage\":null}");
}

static void add_end(char *out, size_t size)
{
    add_event(out, size,
              "{\"choices\":[{\"content_filter_results\":{},\"delta\":{},"
              "\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null}],"
              "\"created\":1762000000,"
              "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
              "\"model\":\"gpt-4.1-2025-04-14\",\"obfuscation\":\"Zq\","
              "\"object\":\"chat.completion.chunk\","
              "\"system_fingerprint\":\"fp_07e970ab25\",\"usage\":null}");
    add_event(out, size,
              "{\"choices\":[],\"created\":1762000000,"
              "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
              "\"model\":\"gpt-4.1-2025-04-14\",\"obfuscation\":\"\","
              "\"object\":\"chat.completion.chunk\","
              "\"system_fingerprint\":\"fp_07e970ab25\",\"usage\":{"
              "\"completion_tokens\":46,\"completion_tokens_details\":{"
              "\"reasoning_tokens\":0},\"prompt_tokens\":200,"
              "\"prompt_tokens_details\":{\"cached_tokens\":0},"
              "\"total_tokens\":246}}");
    add_event(out, size, "[DONE]");
    strcat(out, "0\r\n\r\n");
}

/* As Anthropic sends them: each event has a name. */
static void add_named(char *out, size_t size, const char *name,
                      const char *json)
{
    size_t len = strlen(out);

    snprintf(out + len, size - len, "%zx\r\nevent: %s\ndata: %s\n\n\r\n",
             strlen(json) + strlen(name) + 16, name, json);
}

static void add_talk_start(char *out, size_t size)
{
    add_named(out, size, "message_start",
              "{\"type\":\"message_start\",\"message\":{"
              "\"id\":\"msg_BenchBenchBenchBenchBench01\",\"type\":\"message\","
              "\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\","
              "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
              "\"usage\":{\"input_tokens\":200,\"output_tokens\":1}}}");
    add_named(out, size, "content_block_start",
              "{\"type\":\"content_block_start\",\"index\":0,"
              "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
}

static void add_talk(char *out, size_t size)
{
    add_named(out, size, "content_block_delta",
              "{\"type\":\"content_block_delta\",\"index\":0,"
              "\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}");
}

static void add_talk_end(char *out, size_t size)
{
    add_named(out, size, "content_block_stop",
              "{\"type\":\"content_block_stop\",\"index\":0}");
    add_named(out, size, "message_delta",
              "{\"type\":\"message_delta\",\"delta\":{"
              "\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
              "\"usage\":{\"output_tokens\":46}}");
    add_named(out, size, "message_stop", "{\"type\":\"message_stop\"}");
    strcat(out, "0\r\n\r\n");
}

static void make_talk(void)
{
    static const char body[] =
        "{\"id\":\"msg_BenchBenchBenchBenchBench01\",\"type\":\"message\","
        "\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\","
        "\"content\":[{\"type\":\"text\",\"text\":\"The quick brown fox jumps "
        "over the lazy dog near the river bank.\"}],"
        "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
        "\"usage\":{\"input_tokens\":200,\"output_tokens\":17}}";
    int i;

    strcpy(talk_answer, STREAM_HEAD);
    add_talk_start(talk_answer, sizeof(talk_answer));
    /* start, end and stops are events as well */
    for (i = 0; i < BURST_EVENTS - 5; i++) {
        add_talk(talk_answer, sizeof(talk_answer));
    }
    add_talk_end(talk_answer, sizeof(talk_answer));
    strcpy(talk_head, STREAM_HEAD);
    add_talk_start(talk_head, sizeof(talk_head));
    add_talk(talk_event, sizeof(talk_event));
    add_talk_end(talk_tail, sizeof(talk_tail));
    snprintf(told_answer, sizeof(told_answer),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
             "request-id: req_BenchBenchBenchBenchBench01\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);
}

static void make_answers(void)
{
    static const char body[] =
        "{\"choices\":[{\"content_filter_results\":" FILTERS
        ",\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null,"
        "\"message\":{\"annotations\":[],\"content\":\"The quick brown fox "
        "jumps over the lazy dog near the river bank.\",\"refusal\":null,"
        "\"role\":\"assistant\"}}],\"created\":1762000000,"
        "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
        "\"model\":\"gpt-4.1-2025-04-14\",\"object\":\"chat.completion\","
        "\"usage\":{\"completion_tokens\":17,\"prompt_tokens\":200,"
        "\"total_tokens\":217}}";
    static const char limited[] =
        "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the "
        "ChatCompletions_Create Operation under Azure OpenAI API version "
        "2024-10-21 have exceeded the token rate limit of your current OpenAI "
        "S0 pricing tier. Please retry after 20 seconds.\"}}";
    int i;

    snprintf(limited_answer, sizeof(limited_answer),
             "HTTP/1.1 429 Too Many Requests\r\n"
             "Content-Type: application/json\r\n"
             "apim-request-id: 5c0f2a6e-8d1b-4a55-9a43-0f4f6a6d2f11\r\n"
             "Retry-After: 20\r\n"
             "x-ratelimit-remaining-tokens: 0\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(limited), limited);
    snprintf(small_answer, sizeof(small_answer),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
             "apim-request-id: 5c0f2a6e-8d1b-4a55-9a43-0f4f6a6d2f11\r\n"
             "x-ratelimit-remaining-requests: 999\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);

    strcpy(burst_answer, STREAM_HEAD);
    add_start(burst_answer, sizeof(burst_answer));
    /* preamble, role, finish and usage are chunks as well */
    for (i = 0; i < BURST_EVENTS - 4; i++) {
        add_delta(burst_answer, sizeof(burst_answer));
    }
    add_end(burst_answer, sizeof(burst_answer));

    strcpy(paced_head, STREAM_HEAD);
    add_delta(paced_event, sizeof(paced_event));
    add_end(paced_tail, sizeof(paced_tail));
    make_talk();
}

/* ---------------------------------------------------------- connections */

static void start_stream(conn_t *c, int events, int64_t pace)
{
    c->paced_left = events;
    c->pace = pace;
    c->paced_event = paced_event;
    c->paced_tail = paced_tail;
    /* Streams that start together must not tick together. */
    c->due = now_ns() + (rand() % (int)(pace / 1000)) * 1000LL;
    c->next = paced_list.next;
    c->prev = &paced_list;
    c->next->prev = c->prev->next = c;
    streams++;
}

static void end_stream(conn_t *c)
{
    c->prev->next = c->next;
    c->next->prev = c->prev;
    streams--;
}

static void drop(conn_t *c)
{
    if (c->paced_left) {
        end_stream(c);
        left_at = now_ns();
    }
    if (c->silent) {
        silent--;
        left_at = now_ns();
    }
    close(c->fd);
    free(c);
}

static void watch(conn_t *c, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = c};

    epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);
}

/* 0, or -1 when the connection is gone (and freed). */
static int flush(conn_t *c)
{
    while (c->out_len) {
        ssize_t n = write(c->fd, c->out, c->out_len);

        if (n < 0) {
            if (errno == EAGAIN) {
                watch(c, EPOLLIN | EPOLLOUT);
                return 0;
            }
            drop(c);
            return -1;
        }
        c->out += n;
        c->out_len -= (size_t)n;
    }
    return 0;
}

static int answer_with(conn_t *c, const char *text)
{
    c->out = text;
    c->out_len = strlen(text);
    return flush(c);
}

static int answer(conn_t *c)
{
    const char *line_end = memchr(c->head, '\n', c->head_len);
    size_t line = line_end ? (size_t)(line_end - c->head) : c->head_len;

    if (memmem(c->head, line, "/stats ", 7)) {
        char body[256];

        snprintf(body, sizeof(body),
                 "{\"connections\":%llu,\"requests\":%llu,\"streams\":%llu,"
                 "\"silent\":%llu,\"left_at\":%.6f}",
                 connections, requests, streams, silent, (double)left_at / 1e9);
        snprintf(stats_answer, sizeof(stats_answer),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        return answer_with(c, stats_answer);
    }
    requests++;
    if (memmem(c->head, line, "/burst/", 7)) {
        return answer_with(c, burst_answer);
    }
    if (memmem(c->head, line, "/paced/", 7)) {
        start_stream(c, PACED_EVENTS, PACE_NS);
        return answer_with(c, paced_head);
    }
    if (memmem(c->head, line, "/slow/", 6)) {
        start_stream(c, SLOW_EVENTS, SLOW_NS);
        return answer_with(c, paced_head);
    }
    if (memmem(c->head, line, "/silent/", 8)) {
        c->silent = 1;
        silent++;
        return 0;
    }
    if (memmem(c->head, line, "/limited/", 9)) {
        return answer_with(c, limited_answer);
    }
    if (memmem(c->head, line, "/talk/", 6)) {
        return answer_with(c, talk_answer);
    }
    if (memmem(c->head, line, "/talk-paced/", 12)) {
        start_stream(c, PACED_EVENTS, PACE_NS);
        c->paced_event = talk_event;
        c->paced_tail = talk_tail;
        return answer_with(c, talk_head);
    }
    if (memmem(c->head, line, "/told/", 6)) {
        return answer_with(c, told_answer);
    }
    return answer_with(c, small_answer);
}

/* The number in a header of the request, or -1. */
static long long header_number(const char *head, const char *name)
{
    const char *at = head;

    while ((at = strchr(at, '\n'))) {
        at++;
        if (strncasecmp(at, name, strlen(name)) == 0) {
            return strtoll(at + strlen(name), NULL, 10);
        }
    }
    return -1;
}

/* Take `len` bytes of requests; -1 when the connection is gone. */
static int take(conn_t *c, const char *data, size_t len)
{
    while (len) {
        if (!c->in_body) {
            size_t n = len;
            char *end;

            if (n > HEAD_MAX - c->head_len) {
                n = HEAD_MAX - c->head_len;
            }
            memcpy(c->head + c->head_len, data, n);
            c->head[c->head_len + n] = '\0';
            end = strstr(c->head, "\r\n\r\n");
            if (!end) {
                c->head_len += n;
                if (c->head_len == HEAD_MAX) {
                    drop(c);
                    return -1;
                }
                return 0;
            }
            end += 4;
            n = (size_t)(end - c->head) - c->head_len;
            data += n;
            len -= n;
            c->head_len += n;
            *end = '\0';
            c->body_left = header_number(c->head, "content-length:");
            if (c->body_left < 0) {
                c->body_left = 0;
            }
            c->in_body = 1;
        }
        if ((long long)len < c->body_left) {
            c->body_left -= (long long)len;
            return 0;
        }
        data += c->body_left;
        len -= (size_t)c->body_left;
        c->in_body = 0;
        if (answer(c) < 0) {
            return -1;
        }
        c->head_len = 0;
    }
    return 0;
}

static void readable(conn_t *c)
{
    static char buf[READ_MAX];

    for (;;) {
        ssize_t n = read(c->fd, buf, sizeof(buf));

        if (n > 0) {
            if (take(c, buf, (size_t)n) < 0) {
                return;
            }
            if ((size_t)n < sizeof(buf)) {
                return;
            }
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        drop(c);
        return;
    }
}

static void writable(conn_t *c)
{
    if (flush(c) == 0 && c->out_len == 0) {
        watch(c, EPOLLIN);
    }
}

static void accept_all(int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        conn_t *c = calloc(1, sizeof(*c));
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);
        connections++;
    }
}

/* Send what is due on the paced streams. */
static void tick(void)
{
    int64_t now = now_ns();
    conn_t *c, *next;

    for (c = paced_list.next; c != &paced_list; c = next) {
        next = c->next;
        if (c->due > now || c->out_len) {
            continue;
        }
        c->due += c->pace;
        if (--c->paced_left == 0) {
            end_stream(c);
            answer_with(c, c->paced_tail);
        }
        else {
            answer_with(c, c->paced_event);
        }
    }
}

static int listen_on(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int fd, one = 1;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    addr.sin_port = htons((uint16_t)port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        perror("bench-upstream");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    static int listener_mark, timer_mark;
    struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    struct epoll_event ev = {.events = EPOLLIN};
    struct epoll_event events[256];
    int listener, timer;

    if (argc != 2) {
        fprintf(stderr, "usage: bench-upstream PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    make_answers();
    epfd = epoll_create1(0);
    listener = listen_on(atoi(argv[1]));
    ev.data.ptr = &listener_mark;
    epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &ev);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(timer, 0, &every, NULL);
    ev.data.ptr = &timer_mark;
    epoll_ctl(epfd, EPOLL_CTL_ADD, timer, &ev);

    for (;;) {
        int i, n = epoll_wait(epfd, events, 256, -1);
        int ticked = 0;

        for (i = 0; i < n; i++) {
            if (events[i].data.ptr == &listener_mark) {
                accept_all(listener);
            }
            else if (events[i].data.ptr == &timer_mark) {
                uint64_t expired;

                ticked = read(timer, &expired, sizeof(expired)) > 0;
            }
            else if (events[i].events & EPOLLOUT) {
                writable(events[i].data.ptr);
            }
            else {
                readable(events[i].data.ptr);
            }
        }
        /* Last, because it may free connections of this batch. */
        if (ticked) {
            tick();
        }
    }
}
