/*
 * httpd's own filter, next to the socket, copies each line it is asked for
 * into a brigade of its own. The heads of a request and its answer have a
 * dozen, each event of a stream three. Here what the connection has is taken
 * at once, and its lines are cut off in place.
 */
#include "azl_lines.h"

#include <string.h>

#include <util_filter.h>

/* As mod_proxy_http reads. */
#define READ_SIZE 8192

static ap_filter_rec_t *lines_filter_handle;

/* Take what is there. It is kept for longer than until the next read. */
static apr_status_t fill(ap_filter_t *f, apr_read_type_e block)
{
    apr_bucket_brigade *held = f->ctx;
    apr_bucket *b;
    apr_status_t rv =
        ap_get_brigade(f->next, held, AP_MODE_READBYTES, block, READ_SIZE);

    for (b = APR_BRIGADE_FIRST(held);
         rv == APR_SUCCESS && b != APR_BRIGADE_SENTINEL(held);
         b = APR_BUCKET_NEXT(b)) {
        rv = apr_bucket_setaside(b, f->c->pool);
        rv = rv == APR_ENOTIMPL ? APR_SUCCESS : rv;
    }
    return rv;
}

/* A line, or all there is of one. APR_EOF in place of the first byte behind
 * the end. */
static apr_status_t cut_line(apr_bucket_brigade *held, apr_bucket_brigade *bb)
{
    const char *data, *lf = NULL;
    apr_size_t len;
    apr_status_t rv;
    apr_bucket *b;

    while (!lf && !APR_BRIGADE_EMPTY(held)) {
        b = APR_BRIGADE_FIRST(held);
        if (APR_BUCKET_IS_EOS(b)) {
            return APR_BRIGADE_EMPTY(bb) ? APR_EOF : APR_SUCCESS;
        }
        rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        lf = len ? memchr(data, '\n', len) : NULL;
        if (lf && lf + 1 < data + len) {
            apr_bucket_split(b, (apr_size_t)(lf + 1 - data));
        }
        APR_BUCKET_REMOVE(b);
        APR_BRIGADE_INSERT_TAIL(bb, b);
    }
    return APR_SUCCESS;
}

/* No more than `readbytes` of what is held, which stays there for whoever only
 * looks ahead. */
static apr_status_t cut_bytes(apr_bucket_brigade *held, apr_bucket_brigade *bb,
                              apr_off_t readbytes, int ahead)
{
    apr_bucket *b, *next, *end;
    apr_status_t rv = apr_brigade_partition(held, readbytes, &end);

    if (rv == APR_INCOMPLETE) {
        rv = APR_SUCCESS; /* there is less */
    }
    for (b = APR_BRIGADE_FIRST(held); rv == APR_SUCCESS && b != end; b = next) {
        next = APR_BUCKET_NEXT(b);
        if (ahead) {
            rv = apr_bucket_copy(b, &b);
        }
        else {
            APR_BUCKET_REMOVE(b);
        }
        if (rv == APR_SUCCESS) {
            APR_BRIGADE_INSERT_TAIL(bb, b);
        }
    }
    return rv;
}

static apr_status_t lines_filter(ap_filter_t *f, apr_bucket_brigade *bb,
                                 ap_input_mode_t mode, apr_read_type_e block,
                                 apr_off_t readbytes)
{
    apr_bucket_brigade *held = f->ctx;
    apr_status_t rv;

    if (APR_BRIGADE_EMPTY(held)) {
        if (mode != AP_MODE_GETLINE) {
            return ap_get_brigade(f->next, bb, mode, block, readbytes);
        }
        rv = fill(f, block);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    switch (mode) {
    case AP_MODE_GETLINE:
        return cut_line(held, bb);
    case AP_MODE_READBYTES:
    case AP_MODE_SPECULATIVE:
        return cut_bytes(held, bb, readbytes, mode == AP_MODE_SPECULATIVE);
    default:
        return mode == AP_MODE_INIT ? APR_SUCCESS : APR_ENOTIMPL;
    }
}

void azl_lines_add(conn_rec *c)
{
    ap_add_input_filter_handle(lines_filter_handle,
                               apr_brigade_create(c->pool, c->bucket_alloc),
                               NULL, c);
}

void azl_lines_register(void)
{
    /* above what decrypts, below what knows HTTP */
    lines_filter_handle = ap_register_input_filter(
        "AZURELIT_LINES", lines_filter, NULL, AP_FTYPE_CONNECTION);
}
