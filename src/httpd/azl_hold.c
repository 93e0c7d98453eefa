#include "azl_hold.h"

#include <apr_atomic.h>
#include <apr_poll.h>
#include <ap_mpm.h>
#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_core.h>
#include <util_filter.h>

#include "azl_config_source.h"
#include "azl_hooks.h"
#include "azl_httpd.h"
#include "azl_lines.h"

/* After a hold that ran out, this many answers of the connection are not held:
 * a client that is slow now and then does not lose the hold for good, one that
 * always is costs little. */
#define PAUSE 3

/* An eighth of the threads is never held: they are for connections that come
 * or wait, and an MPM without any closes what it can. With more connections
 * than that, those that have a request wait for each other. */
#define PART 8

/* Whose answer began before it was known that there is a new configuration was
 * told that the connection stays: who asks so soon after its end is answered,
 * whenever this process is asked to end. */
#define LAST_HOLD apr_time_from_sec(2)

typedef struct hold_t {
    int inner;                /* the connection is being processed */
    int pause;                /* answers that are not held */
    apr_interval_time_t hold; /* set by the last answer; 0: not ours */
} hold_t;

/* The client of this thread that has just been answered, or whose last read
 * took all there was. httpd looks whether there is more, once, without waiting:
 * for the rest of a request, for the next one; when the answer is then held,
 * the hold looks again. The first look is spared: a read(2) for each. */
static __thread const apr_socket_t *quiet;

/* apr_bucket_type_socket, but for its read. */
static apr_bucket_type_t client_bucket;

static apr_uint32_t connections; /* of this process, busy or idle */
static apr_uint32_t few;      /* with no more of them nobody waits for others */
static apr_uint32_t max_held; /* hold with no more of them; 0: never */

/* Like a socket's own: what was read takes the bucket's place, and a new one
 * for the rest of the socket follows it. */
static apr_status_t read_client(apr_bucket *b, const char **data,
                                apr_size_t *len, apr_read_type_e block)
{
    int spared = b->data == quiet && block == APR_NONBLOCK_READ;
    const apr_socket_t *socket;
    apr_status_t rv;

    quiet = NULL;
    if (spared) {
        return APR_EAGAIN;
    }
    socket = b->data;
    rv = apr_bucket_type_socket.read(b, data, len, block);
    if (rv == APR_SUCCESS && *len > 0) {
        APR_BUCKET_NEXT(b)->type = &client_bucket;
        quiet = *len < APR_BUCKET_BUFF_SIZE ? socket : NULL;
    }
    return rv;
}

apr_status_t azl_hook_network_bucket(conn_rec *c, apr_bucket_brigade *bb,
                                     apr_socket_t *socket)
{
    apr_bucket *b;

    if (!max_held || c->master || c->outgoing) {
        return AP_DECLINED;
    }
    b = apr_bucket_socket_create(socket, c->bucket_alloc);
    b->type = &client_bucket;
    APR_BRIGADE_INSERT_TAIL(bb, b);
    return APR_SUCCESS;
}

void azl_hold_child_init(int used)
{
    int threads = 0;

    max_held = 0;
    client_bucket = apr_bucket_type_socket;
    client_bucket.name = "AZURELIT_CLIENT";
    client_bucket.read = read_client;
    if (used && ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) == APR_SUCCESS &&
        threads > PART) {
        few = (apr_uint32_t)(threads / PART);
        max_held = (apr_uint32_t)threads - few;
    }
}

void azl_hold_mark(conn_rec *c, apr_interval_time_t hold)
{
    hold_t *h = ap_get_module_config(c->conn_config, &azurelit_module);

    if (h) {
        h->hold = hold;
        if (hold > 0 && !h->pause) {
            quiet = ap_get_conn_socket(c);
        }
    }
}

static int stopping(void)
{
    int state = AP_MPMQ_RUNNING;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS &&
           state == AP_MPMQ_STOPPING;
}

static int is_kept(const conn_rec *c, const hold_t *h, int rc)
{
    return rc == OK && h->hold > 0 && c->cs &&
           c->cs->state == CONN_STATE_WRITE_COMPLETION &&
           c->keepalive == AP_CONN_KEEPALIVE && !c->aborted &&
           strcmp(ap_get_protocol((conn_rec *)c), AP_PROTOCOL_HTTP1) == 0;
}

/* How long to wait for the next request; 0: not here. */
static apr_interval_time_t patience(hold_t *h)
{
    if (apr_atomic_read32(&connections) > max_held) {
        return 0;
    }
    if (azl_config_source_leaving()) {
        return LAST_HOLD;
    }
    if (stopping()) {
        return 0;
    }
    if (h->pause) {
        h->pause--;
        return 0;
    }
    return h->hold;
}

/* Write what the core filter has set aside, as the MPM would. */
static int flushed(conn_rec *c)
{
    ap_filter_t *last = c->output_filters;

    while (last->next) {
        last = last->next;
    }
    return last->frec->filter_func.out_func(last, NULL) == APR_SUCCESS &&
           !c->data_in_output_filters;
}

/* 1 when the next request (or the client's goodbye) is there. */
static int next_request(conn_rec *c, hold_t *h, apr_interval_time_t time)
{
    apr_pollfd_t pfd;
    apr_int32_t ready;

    if (c->data_in_input_filters) {
        return 1;
    }
    memset(&pfd, 0, sizeof(pfd));
    pfd.p = c->pool;
    pfd.desc_type = APR_POLL_SOCKET;
    pfd.reqevents = APR_POLLIN;
    pfd.desc.s = ap_get_conn_socket(c);
    if (!pfd.desc.s) {
        return 0;
    }
    if (apr_poll(&pfd, 1, &ready, time) == APR_SUCCESS && ready == 1) {
        return 1;
    }
    h->pause = PAUSE;
    return 0;
}

/* 1 when this thread goes on with the connection's next request. */
static int stays(conn_rec *c, hold_t *h)
{
    int crowded = apr_atomic_read32(&connections) > few;
    apr_interval_time_t time = patience(h);

    if ((!crowded && !time) || !flushed(c)) {
        return 0;
    }
    /* A scheduler lets who has slept for a moment go on before those that have
     * waited longer, until its slice is over: dozens of small requests of the
     * same few clients, while all others wait. */
    if (crowded) {
        apr_thread_yield();
    }
    return time && next_request(c, h, time);
}

static apr_status_t forget_connection(void *data)
{
    (void)data;
    apr_atomic_dec32(&connections);
    return APR_SUCCESS;
}

static hold_t *make_hold(conn_rec *c)
{
    hold_t *h = apr_pcalloc(c->pool, sizeof(*h));

    ap_set_module_config(c->conn_config, &azurelit_module, h);
    apr_atomic_inc32(&connections);
    apr_pool_cleanup_register(c->pool, h, forget_connection,
                              apr_pool_cleanup_null);
    azl_lines_add(c);
    return h;
}

int azl_hook_hold_connection(conn_rec *c)
{
    hold_t *h;
    int rc;

    if (!max_held || c->master || c->outgoing) {
        return DECLINED;
    }
    h = ap_get_module_config(c->conn_config, &azurelit_module);
    if (!h) {
        h = make_hold(c);
    }
    if (h->inner) {
        return DECLINED;
    }
    for (;;) {
        h->hold = 0;
        h->inner = 1;
        rc = ap_run_process_connection(c);
        h->inner = 0;
        quiet = NULL;
        if (!is_kept(c, h, rc) || !stays(c, h)) {
            break;
        }
        c->cs->state = CONN_STATE_READ_REQUEST_LINE;
    }
    return rc;
}
