#include "azl_plan.h"

#include <apr_buckets.h>
#include <apr_support.h>
#include <http_core.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "azl_buf.h"
#include "azl_httpd.h"

/* One read of the input filters. */
#define READ_SIZE (64 * 1024)
/* A declared length is believed up to here; what is beyond is allocated as it
 * comes, so that a header alone cannot claim memory. */
#define PREALLOCATE_MAX (1024 * 1024)
/* Seconds are what mod_reqtimeout counts in. */
#define WAIT_STEP apr_time_from_sec(1)

/* Append what a brigade holds. *eos is set at the end of the body. */
static apr_status_t take_brigade(apr_bucket_brigade *bb, azl_buf_t *body,
                                 int *eos)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(b)) {
            *eos = 1;
            return APR_SUCCESS;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv == APR_SUCCESS) {
            rv = azl_buf_append(body, data, len);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

static apr_off_t declared_length(request_rec *r)
{
    const char *text = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t length = -1;

    if (text && !ap_parse_strict_length(&length, text)) {
        length = -1;
    }
    return length;
}

/* The client left, as against a body that is wrong or too slow. */
static int is_goodbye(apr_status_t rv)
{
    return APR_STATUS_IS_EOF(rv) || APR_STATUS_IS_INCOMPLETE(rv) ||
           APR_STATUS_IS_ECONNRESET(rv) || APR_STATUS_IS_ECONNABORTED(rv);
}

/*
 * A client holds a thread while it sends, so it has body_time for that, and
 * another second for each body_rate bytes that came. The socket's time limit
 * ends a silence at that moment; what comes in drops is noticed between two
 * reads. But one read goes on until the line with a chunk's size is complete,
 * however slowly that comes: bodies in chunks are read without blocking, and
 * waited for here. (A stream of HTTP/2 has no socket of its own: httpd's
 * H2StreamTimeout ends its silence.) mod_reqtimeout lowers the socket's limit
 * where it is stricter.
 */
typedef struct pace_t {
    const azl_conf_t *conf;
    apr_socket_t *socket;
    apr_interval_time_t usual; /* of the socket, for everything else */
    apr_read_type_e block;
    int reads;
    apr_time_t since; /* the second read; the first one needs no clock */
    apr_interval_time_t silent; /* waited for nothing, without a pause */
} pace_t;

static void pace_begin(pace_t *pace, request_rec *r, const azl_conf_t *conf,
                       apr_off_t length)
{
    int waits = length < 0 && conf->body_time && !r->connection->master;

    pace->conf = conf;
    pace->socket = ap_get_conn_socket(r->connection);
    pace->block = waits ? APR_NONBLOCK_READ : APR_BLOCK_READ;
    pace->reads = 0;
    pace->silent = 0;
    apr_socket_timeout_get(pace->socket, &pace->usual);
}

/* Before a read, when `len` bytes have come. */
static apr_status_t pace_next(pace_t *pace, apr_size_t len)
{
    apr_interval_time_t left = pace->conf->body_time;

    if (left == 0) {
        return APR_SUCCESS;
    }
    if (pace->reads++ > 0) {
        apr_time_t now = apr_time_now();

        if (pace->reads == 2) {
            pace->since = now;
        }
        left += pace->since - now +
                (apr_time_t)len * APR_USEC_PER_SEC / pace->conf->body_rate;
    }
    if (left <= 0) {
        return APR_TIMEUP;
    }
    if (pace->usual < 0 || left < pace->usual) {
        apr_socket_timeout_set(pace->socket, left);
    }
    return APR_SUCCESS;
}

/* After a read that brought nothing. In steps, so that mod_reqtimeout can look
 * at its own clock. */
static apr_status_t pace_wait(pace_t *pace)
{
    apr_interval_time_t limit;
    apr_status_t rv;

    apr_socket_timeout_get(pace->socket, &limit);
    if (limit < 0 || limit > WAIT_STEP) {
        limit = WAIT_STEP;
        apr_socket_timeout_set(pace->socket, limit);
    }
    rv = apr_wait_for_io_or_timeout(NULL, pace->socket, 1);
    if (!APR_STATUS_IS_TIMEUP(rv)) {
        pace->silent = 0;
        return rv;
    }
    pace->silent += limit;
    return pace->usual >= 0 && pace->silent >= pace->usual ? APR_TIMEUP
                                                           : APR_SUCCESS;
}

static void pace_end(pace_t *pace)
{
    apr_socket_timeout_set(pace->socket, pace->usual);
}

/* One read of whatever there is, which may be nothing. */
static apr_status_t read_some(request_rec *r, pace_t *pace,
                              apr_bucket_brigade *bb)
{
    apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                                     pace->block, READ_SIZE);

    if (pace->block == APR_NONBLOCK_READ &&
        (APR_STATUS_IS_EAGAIN(rv) ||
         (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(bb)))) {
        rv = pace_wait(pace);
    }
    return rv;
}

int azl_body_read(request_rec *r, azl_request_t *ar)
{
    apr_size_t max = (apr_size_t)ar->conf->max_body;
    apr_off_t length = declared_length(r);
    apr_bucket_brigade *bb;
    azl_buf_t *body;
    apr_status_t rv = APR_SUCCESS;
    pace_t pace;
    int eos = 0;

    if (length > (apr_off_t)max) {
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    body = azl_buf_create(r->pool, max);
    ar->body_buf = body;
    if (length > 0) {
        rv = azl_buf_reserve(body, length > PREALLOCATE_MAX
                                       ? PREALLOCATE_MAX
                                       : (apr_size_t)length);
    }
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    pace_begin(&pace, r, ar->conf, length);
    while (rv == APR_SUCCESS && !eos) {
        rv = pace_next(&pace, body->len);
        if (rv == APR_SUCCESS) {
            rv = read_some(r, &pace, bb);
        }
        if (rv == APR_SUCCESS) {
            rv = take_brigade(bb, body, &eos);
        }
        apr_brigade_cleanup(bb);
    }
    pace_end(&pace);
    apr_brigade_destroy(bb);
    ar->body = azl_span(body->data ? body->data : "", body->len);
    ar->rec.bytes_in = (apr_off_t)body->len;
    if (rv == APR_SUCCESS) {
        return OK;
    }
    if (rv == APR_ENOSPC) {
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    if (is_goodbye(rv)) {
        ar->rec.error = AZL_CLASS_CLIENT_CLOSED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, rv, r,
                  AZLNO(0010) "the client's request body could not be read");
    return ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
}
