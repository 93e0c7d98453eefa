#include "azl_filter_reply_int.h"

#include <stdlib.h>

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_protocol.h>

#include "azl_admission.h"
#include "azl_answer.h"
#include "azl_estimate.h"
#include "azl_translation.h"
#include "azl_unfit.h"

void azl_reply_fail(azl_attempt_t *at, const azl_error_t *err)
{
    at->mode = AZL_REPLY_FAILED;
    at->error = *err;
}

void azl_reply_fail_transport(azl_attempt_t *at, int timed_out)
{
    azl_error_t err;

    azl_failure_transport(&err, timed_out);
    azl_reply_fail(at, &err);
}

/* Members of the request that were left out: everywhere, or for this
 * upstream. */
static void tell_dropped(azl_attempt_t *at)
{
    const apr_array_header_t *list =
        at->exchange ? at->exchange->dropped : NULL;
    const char *names[3];
    const char *told;

    names[0] = at->ar->doc.dropped;
    names[1] = list ? apr_array_pstrcat(at->r->pool, list, ',') : NULL;
    names[2] = at->body.dropped;
    told = azl_unfit_names(at->r->pool, names, 3);
    if (told) {
        apr_table_addn(at->r->headers_out, "x-azurelit-dropped-params", told);
    }
}

void azl_reply_commit(azl_attempt_t *at)
{
    request_rec *r = at->r;
    apr_table_t *headers = at->ar->base_headers;

    at->committed = 1;
    if (at->mode == AZL_REPLY_STREAMED && !at->ar->doc.multipart) {
        at->prompt_text = azl_estimate_text(at->ar->body);
    }
    /* No other attempt will be made, unless to go on with a text that breaks
     * off. A stream may go on for minutes, and its prompt need not wait in
     * memory for the end. */
    if (at->ar->body_buf && !at->rules.keep_said) {
        azl_buf_free(at->ar->body_buf);
    }
    if (at->exchange) {
        azl_translation_begun(at);
    }
    at->ar->rec.first_token = apr_time_now() - at->ar->rec.time;
    azl_attempt_committed(at);
    /* The upstream has its headers. What writes the answer must see the
     * client's: Connection, Accept-Encoding ... */
    r->headers_in = at->ar->client_headers;
    if (at->rules.keep_said || headers == r->headers_out) {
        headers = apr_table_copy(r->pool, headers); /* they are still wanted */
    }
    azl_answer_upstream_headers(r, headers, at->mode == AZL_REPLY_RAW);
    if (at->mode == AZL_REPLY_STREAMED) {
        ap_set_content_type(r, "text/event-stream; charset=utf-8");
        apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
        apr_table_setn(r->headers_out, "X-Accel-Buffering", "no");
        /* Compressed events are late, and many clients cannot read them. */
        apr_table_setn(r->subprocess_env, "no-gzip", "1");
        apr_table_setn(r->subprocess_env, "no-brotli", "1");
    }
    if (at->usage.reported) {
        at->ar->rec.cost = azl_price_cost(&at->deployment->price, &at->usage);
    }
    azl_answer_headers(r, at->ar);
    tell_dropped(at);
    apr_table_addn(r->headers_out, "x-litellm-model-id",
                   at->deployment->public_id);
}

apr_bucket_brigade *azl_reply_brigade(azl_attempt_t *at)
{
    if (!at->bb) {
        at->bb =
            apr_brigade_create(at->r->pool, at->r->connection->bucket_alloc);
    }
    return at->bb;
}

apr_status_t azl_reply_pass(azl_attempt_t *at, ap_filter_t *next, int flush,
                            int eos)
{
    apr_bucket_alloc_t *alloc = at->r->connection->bucket_alloc;
    apr_bucket_brigade *bb = azl_reply_brigade(at);
    apr_size_t len = at->out->len;
    apr_bucket *b;
    apr_status_t rv;

    if (len) {
        /* Nothing else is written: the bytes go with the bucket, where httpd
         * would copy them to keep them until it sends. */
        b = eos ? apr_bucket_heap_create(azl_buf_take(at->out), len, free,
                                         alloc)
                : apr_bucket_transient_create(at->out->data, len, alloc);
        APR_BRIGADE_INSERT_TAIL(bb, b);
    }
    if (eos) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
        at->ended = 1;
        azl_admission_leave(at->ar);
    }
    else if (flush) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(alloc));
    }
    /* With the last word of a stream the client has everything; the end of the
     * transfer it may not wait for, and be gone before this returns. */
    if (at->stream && azl_stream_state(at->stream)->closed &&
        !at->r->connection->aborted) {
        at->ar->handed_on = 1;
    }
    rv = ap_pass_brigade(next, bb);
    if (rv == APR_SUCCESS && eos) {
        at->ar->handed_on = 1;
    }
    apr_brigade_cleanup(bb);
    azl_buf_clear(at->out);
    return rv;
}

apr_status_t azl_reply_sever(azl_attempt_t *at, ap_filter_t *next)
{
    apr_bucket_alloc_t *alloc = at->r->connection->bucket_alloc;
    apr_bucket_brigade *bb = azl_reply_brigade(at);

    /* The only honest end is none: the chunked body stays unterminated, the
     * HTTP/2 stream is reset. */
    at->severed = 1;
    at->ended = 1;
    azl_admission_leave(at->ar);
    azl_buf_clear(at->out);
    APR_BRIGADE_INSERT_TAIL(
        bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, at->r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    at->r->connection->keepalive = AP_CONN_CLOSE;
    /* what aborts the client's connection now is us */
    at->ar->handed_on = 1;
    return ap_pass_brigade(next, bb);
}
