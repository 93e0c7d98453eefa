/*
 * bench-client: sends one request again and again and counts what comes back,
 * event streams included, which wrk cannot do. One thread, epoll.
 *
 *     bench-client PORT PATH CONNECTIONS REQUESTS BODY-FILE [HEADER...]
 *
 * Each connection sends its next request when an answer has ended, until
 * REQUESTS have been sent over all of them. Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <ctype.h>
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define READ_MAX 65536

/* Where the reader of an answer stands. */
typedef enum {
    IN_HEAD,
    IN_BODY,       /* `left` bytes of it to come */
    IN_CHUNK_SIZE, /* the line with the size */
    IN_CHUNK,      /* `left` bytes of it to come */
    IN_CHUNK_END,  /* the line end behind it */
    IN_TRAILER     /* lines up to an empty one */
} where_e;

typedef struct conn_t {
    int fd;
    where_e where;
    char head[HEAD_MAX + 1];
    size_t head_len;
    long long left;
    size_t line_len; /* of a trailer line so far */
    size_t matched;  /* of "data: " */
    int busy;        /* a request is under way */
    int good;        /* the status is 200 */
    size_t sent;     /* of the request */
} conn_t;

static int epfd, port;
static char *request;
static size_t request_len;
static long to_send, in_flight;
static unsigned long long answers, errors, events, bytes;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    char *data;

    if (!f || fstat(fileno(f), &st) < 0) {
        fail(path);
    }
    *len = (size_t)st.st_size;
    data = malloc(*len + 1);
    if (fread(data, 1, *len, f) != *len) {
        fail(path);
    }
    fclose(f);
    return data;
}

static void make_request(const char *path, const char *body_file, int nheaders,
                         char **headers)
{
    size_t body_len, len;
    char *body = read_file(body_file, &body_len);
    int i;

    len = strlen(path) + body_len + 512;
    for (i = 0; i < nheaders; i++) {
        len += strlen(headers[i]) + 2;
    }
    request = malloc(len);
    request_len = (size_t)sprintf(request,
                                  "POST %s HTTP/1.1\r\n"
                                  "Host: 127.0.0.1\r\n"
                                  "Content-Type: application/json\r\n"
                                  "Content-Length: %zu\r\n",
                                  path, body_len);
    for (i = 0; i < nheaders; i++) {
        request_len +=
            (size_t)sprintf(request + request_len, "%s\r\n", headers[i]);
    }
    memcpy(request + request_len, "\r\n", 2);
    memcpy(request + request_len + 2, body, body_len);
    request_len += 2 + body_len;
    free(body);
}

static void watch(conn_t *c, int op, uint32_t what)
{
    struct epoll_event ev = {.events = what, .data.ptr = c};

    epoll_ctl(epfd, op, c->fd, &ev);
}

static void push(conn_t *c)
{
    while (c->sent < request_len) {
        ssize_t n = write(c->fd, request + c->sent, request_len - c->sent);

        if (n < 0 && errno == EAGAIN) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            return; /* the read that follows tells */
        }
        c->sent += (size_t)n;
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void next_request(conn_t *c)
{
    if (to_send == 0) {
        return;
    }
    to_send--;
    in_flight++;
    c->busy = 1;
    c->where = IN_HEAD;
    c->head_len = 0;
    c->sent = 0;
    push(c);
}

static void open_connection(conn_t *c)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int one = 1;

    memset(c, 0, sizeof(*c));
    addr.sin_port = htons((uint16_t)port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        fail("connect");
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    next_request(c);
}

static void answer_ended(conn_t *c)
{
    in_flight--;
    c->busy = 0;
    answers++;
    if (!c->good) {
        errors++;
    }
    next_request(c);
}

/* The connection broke, in the middle of an answer or not. */
static void lost(conn_t *c)
{
    close(c->fd);
    if (c->busy) {
        in_flight--;
        errors++;
    }
    if (to_send) {
        open_connection(c);
    }
}

static void count_events(conn_t *c, const char *data, size_t len)
{
    static const char mark[] = "data: ";
    size_t i;

    bytes += len;
    for (i = 0; i < len; i++) {
        if (data[i] == mark[c->matched]) {
            if (++c->matched == sizeof(mark) - 1) {
                events++;
                c->matched = 0;
            }
        }
        else {
            c->matched = data[i] == mark[0];
        }
    }
}

static const char *find_header(const char *head, const char *name)
{
    const char *at = head;

    while ((at = strchr(at, '\n'))) {
        at++;
        if (strncasecmp(at, name, strlen(name)) == 0) {
            return at + strlen(name);
        }
    }
    return NULL;
}

/* Collect the head; returns how many bytes were taken. */
static size_t take_head(conn_t *c, const char *data, size_t len)
{
    size_t had = c->head_len, n = len;
    const char *length;
    char *end;

    if (n > HEAD_MAX - had) {
        n = HEAD_MAX - had;
    }
    memcpy(c->head + had, data, n);
    c->head[had + n] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        c->head_len += n;
        if (c->head_len == HEAD_MAX) {
            fprintf(stderr, "bench-client: the answer's head is too long\n");
            exit(1);
        }
        return n;
    }
    end += 4;
    n = (size_t)(end - c->head) - had;
    *end = '\0';
    c->good = strncmp(c->head + 8, " 200", 4) == 0;
    length = find_header(c->head, "content-length:");
    if (length) {
        c->left = strtoll(length, NULL, 10);
        c->where = IN_BODY;
        if (c->left == 0) {
            answer_ended(c);
        }
    }
    else {
        c->left = 0;
        c->where = IN_CHUNK_SIZE;
    }
    return n;
}

/* The body's bytes; returns how many were taken. */
static size_t take_data(conn_t *c, const char *data, size_t len)
{
    size_t n = len;

    if ((long long)n > c->left) {
        n = (size_t)c->left;
    }
    count_events(c, data, n);
    c->left -= (long long)n;
    if (c->left == 0) {
        if (c->where == IN_CHUNK) {
            c->where = IN_CHUNK_END;
        }
        else {
            answer_ended(c);
        }
    }
    return n;
}

static void take_frame_byte(conn_t *c, char byte)
{
    if (c->where == IN_CHUNK_SIZE) {
        if (isxdigit((unsigned char)byte)) {
            int digit = isdigit((unsigned char)byte)
                            ? byte - '0'
                            : tolower((unsigned char)byte) - 'a' + 10;

            c->left = c->left * 16 + digit;
        }
        else if (byte == '\n') {
            c->where = c->left ? IN_CHUNK : IN_TRAILER;
            c->line_len = 0;
        }
    }
    else if (c->where == IN_CHUNK_END) {
        if (byte == '\n') {
            c->where = IN_CHUNK_SIZE;
            c->left = 0;
        }
    }
    else if (byte == '\n') {
        if (c->line_len == 0) {
            answer_ended(c);
        }
        c->line_len = 0;
    }
    else if (byte != '\r') {
        c->line_len++;
    }
}

static void take(conn_t *c, const char *data, size_t len)
{
    while (len) {
        size_t n = 1;

        if (c->where == IN_HEAD) {
            n = take_head(c, data, len);
        }
        else if (c->where == IN_BODY || c->where == IN_CHUNK) {
            n = take_data(c, data, len);
        }
        else {
            take_frame_byte(c, *data);
        }
        data += n;
        len -= n;
    }
}

static void readable(conn_t *c)
{
    static char buf[READ_MAX];
    ssize_t n = read(c->fd, buf, sizeof(buf));

    if (n > 0) {
        take(c, buf, (size_t)n);
    }
    else if (n == 0 || errno != EAGAIN) {
        lost(c);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event ready[256];
    double start;
    conn_t *conns;
    long i, nconns;

    if (argc < 6) {
        fprintf(stderr, "usage: bench-client PORT PATH CONNECTIONS REQUESTS "
                        "BODY-FILE [HEADER...]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    nconns = atol(argv[3]);
    to_send = atol(argv[4]);
    make_request(argv[2], argv[5], argc - 6, argv + 6);
    epfd = epoll_create1(0);
    conns = calloc((size_t)nconns, sizeof(*conns));
    start = now();
    for (i = 0; i < nconns && to_send; i++) {
        open_connection(&conns[i]);
    }
    while (in_flight > 0) {
        int k, n = epoll_wait(epfd, ready, 256, -1);

        for (k = 0; k < n; k++) {
            conn_t *c = ready[k].data.ptr;

            if ((ready[k].events & EPOLLOUT) && c->sent < request_len) {
                push(c);
            }
            if (ready[k].events & ~(uint32_t)EPOLLOUT) {
                readable(c);
            }
        }
    }
    printf("{\"answers\":%llu,\"errors\":%llu,\"events\":%llu,"
           "\"bytes\":%llu,\"seconds\":%.3f}\n",
           answers, errors, events, bytes, now() - start);
    return 0;
}
