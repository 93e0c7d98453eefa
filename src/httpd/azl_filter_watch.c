/*
 * httpd's own filter reads from the socket by way of a bucket, and that of an
 * upstream is ours. It reads without waiting and waits by itself, with poll():
 * that takes both sockets, and knows POLLRDHUP, which tells the end of a
 * client's connection without having to look at what the client may have sent
 * ahead.
 */
#include "azl_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_ssl.h>

#include "azl_hooks.h"
#include "azl_httpd.h"
#include "azl_lines.h"

/* Everything that belongs to an answer has been said: its transfer should end
 * by itself, so that the connection can be used again. */
#define END_WAIT apr_time_from_msec(250)
/* Every choice has its finish_reason, but neither usage nor [DONE] came. */
#define USAGE_WAIT apr_time_from_sec(2)
/* The usage follows the last word. For a client that left between them it is
 * waited for this long. */
#define LAST_WORDS_WAIT apr_time_from_msec(100)
/* As mod_proxy_http reads. */
#define READ_SIZE 8192
/* After a read that emptied the socket httpd looks for more, and mod_proxy_http
 * does, before it writes what it has. */
#define SPARES 2
/* The head of an answer is a few KB; httpd would read one without end. */
#define HEAD_MAX (256 * 1024)

/* So much of a request the system takes at once, or nearly so. Where there is
 * more, it is sent in pieces which httpd writes without waiting (below its
 * THRESHOLD_MAX_BUFFER), and the wait is ours. */
#define SEND_UNWATCHED (64 * 1024)
#define SEND_PIECE (32 * 1024)

#ifdef POLLRDHUP
#define CLIENT_EVENTS POLLRDHUP
#else
#define CLIENT_EVENTS POLLIN
#endif

/* The head of a TLS record, and what the head of one that is an alert says:
 * its type, or, where that is encrypted (TLS 1.3), a length that no answer and
 * no request has (two bytes, their type and a seal of 16). */
#define TLS_HEAD_SIZE 5
#define TLS_TYPE_ALERT 21
#define TLS_TYPE_DATA 23
#define TLS_SEALED_ALERT_SIZE 19

/* The client while an answer is under way. */
typedef struct client_t {
    conn_rec *c;
    int fd;       /* -1: cannot be polled */
    short events; /* that are waited for */
    int tls;
} client_t;

struct azl_watch_t {   /* of one connection, in its pool */
    azl_attempt_t *at; /* NULL: the connection is idle in its pool */
    request_rec *answer;
    client_t client;
    apr_socket_t *socket;
    int fd;
    int spares;               /* looks that would find nothing */
    int drained;              /* a read has just found nothing */
    int farewell;             /* the upstream took its leave, in TLS */
    apr_interval_time_t skew; /* from the wall clock to the steady one */
    apr_time_t left_by;       /* the client has left; its usage is waited for
                                 until then. 0: it has not */
    apr_off_t head;           /* bytes before the first content */
    apr_status_t over;        /* what every further read returns */
};

/* apr_bucket_type_socket, but for its read. */
static apr_bucket_type_t upstream_bucket;

static ap_filter_rec_t *send_filter_handle;

/* The attempt whose request this thread sends. */
static __thread azl_attempt_t *under_way;
/* ... and how much of it httpd was given. */
static __thread apr_off_t passed;

/* What mod_proxy says after we have ended an attempt is no news. */
static const struct ap_logconf quiet = {NULL, APLOG_CRIT};

static apr_time_t steady_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_from_sec((apr_time_t)now.tv_sec) + now.tv_nsec / 1000;
}

/*
 * The client
 */

static int fd_of(conn_rec *c)
{
    apr_socket_t *sock = ap_get_conn_socket(c);
    apr_os_sock_t fd;

    return sock && apr_os_sock_get(&fd, sock) == APR_SUCCESS ? fd : -1;
}

static void client_begin(client_t *client, conn_rec *c)
{
    client->c = c;
    client->fd = c->master ? -1 : fd_of(c);
    client->tls = client->fd >= 0 && ap_ssl_conn_is_ssl(c);
    /* A client that speaks TLS may take its leave there and wait for us to
     * close the connection. */
    client->events = CLIENT_EVENTS | (client->tls ? POLLIN : 0);
}

/* The message of TLS that says there is no more to come? */
static int is_tls_alert(const unsigned char *head, apr_size_t len)
{
    return len >= TLS_HEAD_SIZE && (head[0] == TLS_TYPE_ALERT ||
                                    (head[0] == TLS_TYPE_DATA && head[3] == 0 &&
                                     head[4] == TLS_SEALED_ALERT_SIZE));
}

/* Something came from the client. What is no goodbye is for later: it is not
 * asked for again. */
static int is_goodbye(client_t *client)
{
    unsigned char head[TLS_HEAD_SIZE];
    ssize_t len = recv(client->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

    if (len < 0) {
        return errno != EAGAIN && errno != EINTR;
    }
    if (len == 0 || (client->tls && is_tls_alert(head, (apr_size_t)len))) {
        return 1;
    }
    client->events &= ~POLLIN;
    return 0;
}

/* After a poll: has the client left? */
static int has_left(client_t *client, short events)
{
    if (client->fd < 0 || client->c->aborted) {
        return client->c->aborted;
    }
    return (events & ~POLLIN) || ((events & POLLIN) && is_goodbye(client));
}

/*
 * Waiting
 */

/* Wait for the upstream (fd, or -1) and the client until `until`. APR_SUCCESS:
 * the upstream has something, or takes something (POLLOUT); APR_ECONNABORTED:
 * the client has left; APR_TIMEUP. */
static apr_status_t wait_until(int fd, short events, client_t *client,
                               apr_time_t until)
{
    for (;;) {
        struct pollfd pfd[2] = {{fd, events, 0},
                                {client->fd, client->events, 0}};
        apr_interval_time_t left = until - steady_now();
        int n;

        if (left <= 0) {
            return APR_TIMEUP;
        }
        if (client->fd < 0 && client->c && left > AZL_WATCH_SLICE) {
            left = AZL_WATCH_SLICE;
        }
        /* rounded up: less than a millisecond is not waiting at all */
        n = poll(pfd, 2, (int)((left + 999) / 1000));
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (client->c && has_left(client, pfd[1].revents)) {
            return APR_ECONNABORTED;
        }
        if (n > 0 && pfd[0].revents) {
            return APR_SUCCESS;
        }
    }
}

static void sooner(apr_time_t *until, azl_end_e *why, apr_time_t moment,
                   azl_end_e reason)
{
    if (moment < *until) {
        *until = moment;
        *why = reason;
    }
}

/* The client has everything, or nobody can add to what it has. */
static int is_said(const azl_attempt_t *at)
{
    return at->ended || (at->stream && azl_stream_state(at->stream)->closed);
}

/* Of a stream the usage is missing, of a document that is on its way, the
 * rest. */
static int wants_usage(const azl_attempt_t *at)
{
    const azl_stream_state_t *state;

    if (!at->stream) {
        return at->mode == AZL_REPLY_HELD || at->mode == AZL_REPLY_TAPPED;
    }
    state = azl_stream_state(at->stream);
    return state->finished && !state->closed && !state->failed &&
           !state->usage.reported;
}

/* How long a wait that begins now may take, and what is over then: with
 * AZL_END_NONE nothing is lost. */
static apr_time_t time_limit(const azl_watch_t *w, azl_end_e *why)
{
    const azl_attempt_t *at = w->at;
    apr_time_t now = steady_now();
    apr_time_t until = now + at->deployment->endpoint->timeout;

    *why = AZL_END_IDLE;
    if (at->over_by) {
        sooner(&until, why, at->over_by + w->skew, AZL_END_TOTAL);
    }
    if (!at->committed) {
        if (at->first_token_by) {
            sooner(&until, why, at->first_token_by + w->skew,
                   AZL_END_FIRST_TOKEN);
        }
    }
    else if (is_said(at)) {
        sooner(&until, why, now + END_WAIT, AZL_END_NONE);
    }
    else if (at->stream && azl_stream_is_whole(at->stream)) {
        sooner(&until, why, now + (wants_usage(at) ? USAGE_WAIT : END_WAIT),
               AZL_END_NONE);
    }
    else if (at->idle) {
        sooner(&until, why, now + at->idle, AZL_END_IDLE);
    }
    if (w->left_by) {
        sooner(&until, why, w->left_by, AZL_END_CLIENT_GONE);
    }
    return until;
}

/*
 * Ending an attempt
 */

static void begin_last_words(azl_watch_t *w)
{
    if (!w->left_by) {
        w->left_by = steady_now() + LAST_WORDS_WAIT;
        w->client.fd = -1;
        w->client.c = NULL;
    }
}

static void hush(azl_attempt_t *at)
{
    if (at->r->log != &quiet) {
        at->log = at->r->log;
        at->r->log = &quiet;
    }
}

/* Every read fails from now on: mod_proxy_http goes on after a failure, here
 * and there. */
static apr_status_t end(azl_watch_t *w, azl_end_e why)
{
    static const char *const over[] = {
        "", "", "", "first token", "next token", "end of the answer"};
    azl_attempt_t *at = w->at;

    at->ended_by = why;
    if (why == AZL_END_CLIENT_GONE) {
        azl_watch_give_up(at);
    }
    else {
        w->over = APR_TIMEUP;
    }
    if (why == AZL_END_ENDLESS) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, at->r,
                      AZLNO(0061) "%s: %s goes on with what is no answer, and "
                                  "is not read any further",
                      at->ar->id, at->deployment->id);
    }
    if (why > AZL_END_CLIENT_GONE) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, at->r,
                      AZLNO(0060) "%s: %s was not waited for any longer: the "
                                  "%s did not come in time",
                      at->ar->id, at->deployment->id, over[why]);
    }
    hush(at);
    return w->over;
}

/* The upstream has nothing for now. */
static apr_status_t await(azl_watch_t *w)
{
    /* Who has everything may leave. */
    client_t nobody = {NULL, -1, 0, 0};
    azl_end_e why;
    apr_time_t until = time_limit(w, &why);
    apr_status_t rv;

    rv =
        wait_until(w->fd, POLLIN, is_said(w->at) ? &nobody : &w->client, until);
    if (rv == APR_ECONNABORTED && wants_usage(w->at)) {
        begin_last_words(w);
        return await(w);
    }
    if (rv == APR_ECONNABORTED) {
        return end(w, AZL_END_CLIENT_GONE);
    }
    return APR_STATUS_IS_TIMEUP(rv) ? end(w, why) : rv;
}

/*
 * Reading
 */

/* Like a socket's own: what was read takes the bucket's place, and a new one
 * for the rest of the socket follows it. */
static apr_status_t read_socket(apr_bucket *b, const char **data,
                                apr_size_t *len, apr_read_type_e block)
{
    apr_status_t rv = apr_bucket_type_socket.read(b, data, len, block);

    if (rv == APR_SUCCESS && *len > 0) {
        APR_BUCKET_NEXT(b)->type = &upstream_bucket;
    }
    return rv;
}

/* Has something come back? An upstream that ends an idle connection may take
 * its leave in TLS, which answers nothing. */
static void listen_to(azl_watch_t *w, const char *data, apr_size_t len)
{
    if (w->at->heard || w->farewell) {
        return;
    }
    /* mod_ssl reads the head of a record by itself */
    if (w->at->deployment->endpoint->tls &&
        is_tls_alert((const unsigned char *)data, len)) {
        w->farewell = 1;
    }
    else {
        w->at->heard = len > 0;
    }
}

/* Until an answer's first content it is all head. Counted as it comes from the
 * network: mod_ssl and mod_proxy_http go on in pieces and lines, for ever. */
static apr_status_t has_come(azl_watch_t *w, const char *data, apr_size_t len)
{
    listen_to(w, data, len);
    if (w->at->mode == AZL_REPLY_UNDECIDED) {
        w->head += (apr_off_t)len;
    }
    return w->head > HEAD_MAX ? end(w, AZL_END_ENDLESS) : APR_SUCCESS;
}

/* Read what is there. A read(2) that would find nothing is spared to those who
 * wait anyway, and some when the last one emptied the socket. */
static apr_status_t look(azl_watch_t *w, apr_bucket *b, const char **data,
                         apr_size_t *len, apr_read_type_e block)
{
    int spared = w->spares || (w->drained && block == APR_BLOCK_READ);
    apr_status_t rv =
        spared ? APR_EAGAIN : read_socket(b, data, len, APR_NONBLOCK_READ);

    if (rv != APR_SUCCESS) {
        w->spares -= w->spares > 0;
    }
    else if (*len > 0 && *len < APR_BUCKET_BUFF_SIZE) {
        w->spares = SPARES;
    }
    w->drained = APR_STATUS_IS_EAGAIN(rv);
    if (rv == APR_SUCCESS && *len == 0 && block == APR_NONBLOCK_READ) {
        /* httpd has a word for the end only for those who wait, and would
         * have forgotten it by then */
        apr_bucket_socket_make(b, w->socket);
        b->type = &upstream_bucket;
        return APR_EAGAIN;
    }
    return rv;
}

static apr_status_t read_watched(azl_watch_t *w, apr_bucket *b,
                                 const char **data, apr_size_t *len,
                                 apr_read_type_e block)
{
    apr_status_t rv;

    for (;;) {
        if (w->over) {
            return w->over;
        }
        rv = look(w, b, data, len, block);
        if (rv == APR_SUCCESS) {
            return has_come(w, *data, *len);
        }
        if (block == APR_NONBLOCK_READ || !APR_STATUS_IS_EAGAIN(rv)) {
            return rv;
        }
        rv = await(w);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        w->drained = 0;
        w->spares = 0;
    }
}

static apr_status_t read_upstream(apr_bucket *b, const char **data,
                                  apr_size_t *len, apr_read_type_e block)
{
    azl_watch_t *w = under_way ? under_way->watch : NULL;

    return w && w->socket == b->data ? read_watched(w, b, data, len, block)
                                     : read_socket(b, data, len, block);
}

apr_status_t azl_hook_upstream_bucket(conn_rec *c, apr_bucket_brigade *bb,
                                      apr_socket_t *socket)
{
    apr_bucket *b;

    if (!c->outgoing || !under_way) {
        return AP_DECLINED;
    }
    b = apr_bucket_socket_create(socket, c->bucket_alloc);
    b->type = &upstream_bucket;
    APR_BRIGADE_INSERT_TAIL(bb, b);
    return APR_SUCCESS;
}

/*
 * Sending
 */

/* Wait until httpd has written all it was given. */
static apr_status_t drain(ap_filter_t *f, azl_attempt_t *at, client_t *client,
                          int fd)
{
    apr_status_t rv;

    do {
        rv = wait_until(fd, POLLOUT, client,
                        steady_now() + azl_attempt_time_left(at));
        if (rv == APR_SUCCESS && f->c->data_in_output_filters) {
            rv = f->next->frec->filter_func.out_func(f->next, NULL);
        }
    } while (rv == APR_SUCCESS && f->c->data_in_output_filters);
    return rv;
}

/* Where the next piece ends. What is before a flush goes first, or it would be
 * waited for. */
static apr_bucket *end_of_piece(apr_bucket_brigade *bb)
{
    apr_size_t len = 0;
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_FLUSH(b)) {
            return len ? b : APR_BUCKET_NEXT(b);
        }
        if (len == SEND_PIECE) {
            return b;
        }
        if (b->length > SEND_PIECE - len) { /* it lies in memory */
            apr_bucket_split(b, SEND_PIECE - len);
        }
        len += b->length;
    }
    return b;
}

/* In pieces that httpd takes without waiting, and an eye on the client. */
static apr_status_t send_watched(ap_filter_t *f, apr_bucket_brigade *bb,
                                 azl_attempt_t *at)
{
    conn_rec *up = f->c;
    apr_bucket_brigade *rest = NULL;
    apr_status_t rv = APR_SUCCESS;
    apr_os_sock_t fd;
    client_t client;
    apr_bucket *end;

    apr_os_sock_get(&fd, f->ctx);
    client_begin(&client, at->r->connection);
    while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb)) {
        rv = drain(f, at, &client, fd);
        if (rv == APR_SUCCESS) {
            end = end_of_piece(bb);
            if (!rest) {
                rest = apr_brigade_create(at->r->pool, up->bucket_alloc);
            }
            apr_brigade_split_ex(bb, end, rest);
            rv = ap_pass_brigade(f->next, bb);
            apr_brigade_cleanup(bb);
            APR_BRIGADE_CONCAT(bb, rest);
        }
    }
    if (rv == APR_ECONNABORTED && !up->aborted) {
        azl_watch_give_up(at);
        hush(at);
    }
    return rv;
}

static apr_status_t send_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    azl_attempt_t *at = under_way;
    apr_interval_time_t left;
    apr_off_t len = 0;

    if (!at || at->sent) {
        return ap_pass_brigade(f->next, bb);
    }
    left = azl_attempt_time_left(at);
    /* APR waits for whole milliseconds and rounds down: what ends before its
     * time would be taken for another failure. */
    apr_socket_timeout_set(f->ctx,
                           (left > 0 ? left : 0) + apr_time_from_msec(1));
    if (apr_brigade_length(bb, 0, &len) == APR_SUCCESS && len > 0) {
        passed += len;
    }
    return passed > SEND_UNWATCHED ? send_watched(f, bb, at)
                                   : ap_pass_brigade(f->next, bb);
}

int azl_hook_pre_connection(conn_rec *c, void *csd)
{
    if (!c->outgoing || !under_way) {
        return DECLINED;
    }
    ap_add_output_filter_handle(send_filter_handle, csd, NULL, c);
    azl_lines_add(c);
    return OK;
}

void azl_watch_expect(azl_attempt_t *at)
{
    under_way = at;
    passed = 0;
}

/*
 * For the attempt
 */

/* The answer's pool is destroyed before its connection goes back, and before
 * the last of the answer is passed on: that the client has left is still to be
 * known then. */
static apr_status_t forget(void *data)
{
    azl_watch_t *w = data;

    if (w->at) {
        if (w->left_by && w->at->ended_by == AZL_END_NONE) {
            w->at->ended_by = AZL_END_CLIENT_GONE;
        }
        w->at->watch = NULL;
    }
    w->at = NULL;
    return APR_SUCCESS;
}

void azl_watch_begin(azl_attempt_t *at, request_rec *answer)
{
    conn_rec *up = answer->connection;
    azl_watch_t *w = ap_get_module_config(up->conn_config, &azurelit_module);

    if (!w) {
        w = apr_pcalloc(up->pool, sizeof(*w));
        w->socket = ap_get_conn_socket(up);
        w->fd = fd_of(up);
        ap_set_module_config(up->conn_config, &azurelit_module, w);
    }
    w->at = at;
    w->answer = answer;
    apr_socket_timeout_set(w->socket, at->deployment->endpoint->timeout);
    client_begin(&w->client, at->r->connection);
    /* nothing can have come yet, except from a TLS that says more than it is
     * asked */
    w->drained = !at->deployment->endpoint->tls;
    w->spares = 0;
    w->skew = steady_now() - apr_time_now();
    w->farewell = 0;
    w->left_by = 0;
    w->head = 0;
    w->over = APR_SUCCESS;
    at->watch = w;
    at->reused = up->keepalives > 0;
    apr_pool_cleanup_register(answer->pool, w, forget, apr_pool_cleanup_null);
}

int azl_watch_client_left(const azl_attempt_t *at)
{
    return (at->watch && at->watch->left_by) ||
           at->ended_by == AZL_END_CLIENT_GONE ||
           azl_request_client_gone(at->r, at->ar);
}

apr_status_t azl_watch_last_words(azl_attempt_t *at, apr_bucket_brigade *bb)
{
    if (!at->watch || !wants_usage(at)) {
        return APR_EOF;
    }
    begin_last_words(at->watch);
    return ap_get_brigade(at->watch->answer->input_filters, bb,
                          AP_MODE_READBYTES, APR_BLOCK_READ, READ_SIZE);
}

void azl_watch_give_up(azl_attempt_t *at)
{
    at->ended_by = AZL_END_CLIENT_GONE;
    if (at->watch) {
        at->watch->over = APR_ECONNABORTED;
    }
    if (!at->r->connection->master) {
        /* the connection of an HTTP/2 stream is mod_http2's to end */
        at->r->connection->aborted = 1;
    }
}

void azl_watch_stop(azl_attempt_t *at)
{
    if (at->watch && !at->watch->over) {
        end(at->watch, AZL_END_ENDLESS);
    }
}

void azl_watch_end(azl_attempt_t *at)
{
    if (at->r->log == &quiet) {
        at->r->log = at->log;
    }
}

int azl_watch_pause(request_rec *r, apr_interval_time_t how_long)
{
    client_t client;

    client_begin(&client, r->connection);
    return wait_until(-1, POLLIN, &client, steady_now() + how_long) ==
           APR_ECONNABORTED;
}

void azl_watch_register(void)
{
    upstream_bucket = apr_bucket_type_socket;
    upstream_bucket.name = "AZURELIT_UPSTREAM";
    upstream_bucket.read = read_upstream;
    send_filter_handle = ap_register_output_filter("AZURELIT_SEND", send_filter,
                                                   NULL, AP_FTYPE_NETWORK - 1);
}
