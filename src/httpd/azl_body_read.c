#include "azl_plan.h"

#include <apr_buckets.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "azl_buf.h"
#include "azl_httpd.h"

/* One read of the input filters. */
#define READ_SIZE (64 * 1024)
/* A declared length is believed up to here; what is beyond is allocated as it
 * comes, so that a header alone cannot claim memory. */
#define PREALLOCATE_MAX (1024 * 1024)

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

int azl_body_read(request_rec *r, azl_request_t *ar)
{
    apr_size_t max = (apr_size_t)ar->conf->max_body;
    apr_off_t length = declared_length(r);
    apr_bucket_brigade *bb;
    azl_buf_t *body;
    apr_status_t rv = APR_SUCCESS;
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
    while (rv == APR_SUCCESS && !eos) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                            APR_BLOCK_READ, READ_SIZE);
        if (rv == APR_SUCCESS) {
            rv = take_brigade(bb, body, &eos);
        }
        apr_brigade_cleanup(bb);
    }
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
