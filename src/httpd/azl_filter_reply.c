#include <apr_buckets.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>

#include "azl_admission.h"
#include "azl_answer.h"
#include "azl_attempt.h"
#include "azl_estimate.h"
#include "azl_hooks.h"
#include "azl_httpd.h"
#include "azl_watch.h"

/* A JSON answer up to this size is rewritten whole, with an exact length and
 * its cost in a header, and can still fail over when it is cut. */
#define HOLD_MAX (1024 * 1024)
/* Of an upstream's error this much is read: messages are below 4 KB. */
#define ERROR_BODY_MAX (16 * 1024)
/* When all is decided the rest of an answer is read, so that its connection can
 * be used again; not if there is more than this of it. */
#define SWALLOW_MAX (64 * 1024)
/* Re-encoded bytes go on at the latest when there are this many. */
#define PASS_SIZE (16 * 1024)
/* Bounds what one event can become: its text, twice for safety. */
#define OUT_MAX (2 * AZL_STREAM_EVENT_MAX)

/* Indexes in an attempt's tap_watch. */
#define TAP_USAGE 1
#define TAP_TIER 2
#define TAP_BACKGROUND 3

static ap_filter_rec_t *reply_filter_handle;

static int is_type(const char *have, const char *want)
{
    apr_size_t len = strlen(want);

    return have && ap_cstr_casecmpn(have, want, len) == 0 &&
           (have[len] == '\0' || have[len] == ';' || have[len] == ' ');
}

/* Speech and transcripts come in many forms; everything else must be JSON. */
static int may_be_raw(azl_op_e op)
{
    return op == AZL_OP_AUDIO_SPEECH || op == AZL_OP_AUDIO_TRANSCRIPTIONS ||
           op == AZL_OP_AUDIO_TRANSLATIONS;
}

static void fail(azl_attempt_t *at, const azl_error_t *err)
{
    at->mode = AZL_REPLY_FAILED;
    at->error = *err;
}

static void fail_transport(azl_attempt_t *at, int timed_out)
{
    azl_error_t err;

    azl_failure_transport(&err, timed_out);
    fail(at, &err);
}

/* The first bytes are here, so status and headers are final. */
static void decide(azl_attempt_t *at)
{
    request_rec *r = at->r;
    const char *type = r->content_type;

    at->status = r->status;
    at->headers = r->headers_out;
    at->out = azl_buf_create(at->r->pool, OUT_MAX);
    if (r->status < 200 || r->status > 299) {
        at->mode = AZL_REPLY_FAILED;
        at->in = azl_buf_create(at->r->pool, ERROR_BODY_MAX);
    }
    else if (r->header_only || r->status == HTTP_NO_CONTENT) {
        at->mode = AZL_REPLY_RAW; /* there is nothing to understand */
    }
    else if (apr_table_get(r->headers_out, "Content-Encoding")) {
        /* nobody asked for it, and we could not read it */
        fail_transport(at, 0);
    }
    else if (at->continues && !is_type(type, "text/event-stream")) {
        fail_transport(at, 0);
    }
    else if (at->continues) {
        at->mode = AZL_REPLY_STREAMED;
    }
    else if (is_type(type, "text/event-stream")) {
        at->mode = AZL_REPLY_STREAMED;
        at->stream = azl_stream_create(at->r->pool, &at->rules);
    }
    else if (is_type(type, "application/json")) {
        at->mode = AZL_REPLY_HELD;
        at->in = azl_buf_create(at->r->pool, HOLD_MAX);
    }
    else if (may_be_raw(at->ar->route.op)) {
        at->mode = AZL_REPLY_RAW;
    }
    else {
        fail_transport(at, 0);
    }
}

/* From here on the answer is this deployment's. */
static void commit(azl_attempt_t *at)
{
    request_rec *r = at->r;

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
    at->ar->rec.first_token = apr_time_now() - at->ar->rec.time;
    azl_attempt_committed(at);
    /* The upstream has its headers. What writes the answer must see the
     * client's: Connection, Accept-Encoding ... */
    r->headers_in = at->ar->client_headers;
    azl_answer_upstream_headers(r, at->ar);
    if (at->mode != AZL_REPLY_RAW) {
        apr_table_unset(r->headers_out, "Content-Length");
    }
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
    apr_table_setn(r->headers_out, "x-litellm-model-id",
                   at->deployment->public_id);
}

static apr_bucket_brigade *brigade(azl_attempt_t *at)
{
    if (!at->bb) {
        at->bb =
            apr_brigade_create(at->r->pool, at->r->connection->bucket_alloc);
    }
    return at->bb;
}

/* Hand on what has been re-encoded. */
static apr_status_t pass(azl_attempt_t *at, ap_filter_t *next, int flush,
                         int eos)
{
    apr_bucket_alloc_t *alloc = at->r->connection->bucket_alloc;
    apr_bucket_brigade *bb = brigade(at);
    apr_status_t rv;

    if (at->out->len) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_transient_create(
                                        at->out->data, at->out->len, alloc));
    }
    if (eos) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
        at->ended = 1;
        azl_admission_leave(at->ar);
    }
    else if (flush) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(alloc));
    }
    rv = ap_pass_brigade(next, bb);
    /* With the last word the client has everything; the end of the transfer
     * it may not wait for. */
    if (rv == APR_SUCCESS &&
        (eos || (at->stream && azl_stream_state(at->stream)->closed))) {
        at->ar->handed_on = 1;
    }
    apr_brigade_cleanup(bb);
    azl_buf_clear(at->out);
    return rv;
}

static apr_status_t emit(void *baton, const char *data, apr_size_t len)
{
    return azl_buf_append(((azl_attempt_t *)baton)->out, data, len);
}

/* The client's id in place of the upstream's, when the document passes by. */
static const char *sealed_id(void *baton, azl_span_t value)
{
    azl_attempt_t *at = baton;
    const char *id;

    if (value.len < 2 || *value.at != '"' ||
        memchr(value.at, '\\', value.len)) {
        return NULL;
    }
    id = at->rules.seal(at->rules.seal_baton,
                        azl_span(value.at + 1, value.len - 2));
    return id ? apr_pstrcat(at->r->pool, "\"", id, "\"", NULL) : NULL;
}

static void watch_id(azl_attempt_t *at, azl_tap_watch_t *watch,
                     const char *name)
{
    watch->name = name;
    watch->replacement = "null";
    watch->make = sealed_id;
    watch->make_baton = at;
}

/* The document is larger than what is held: let it pass, and read what is
 * wanted of it on the way. */
static apr_status_t start_tap(azl_attempt_t *at)
{
    azl_op_e op = at->ar->route.op;
    int n = 4;

    at->mode = AZL_REPLY_TAPPED;
    at->tap_watch[0].name = "model";
    at->tap_watch[0].replacement = at->rules.alias_json;
    at->tap_watch[TAP_USAGE].name = "usage";
    at->tap_watch[TAP_TIER].name = "service_tier";
    at->tap_watch[TAP_BACKGROUND].name = "background";
    if (at->ar->conf->seal &&
        (op == AZL_OP_RESPONSES || op > AZL_OP_LAST_MODEL_CALL)) {
        watch_id(at, &at->tap_watch[n++], "id");
        watch_id(at, &at->tap_watch[n++], "previous_response_id");
    }
    at->tap = azl_tap_create(at->r->pool, at->tap_watch, n);
    commit(at);
    return azl_tap_feed(at->tap, at->in->data, at->in->len, emit, at);
}

static apr_status_t hold(azl_attempt_t *at, const char *data, apr_size_t len)
{
    apr_status_t rv;

    if (azl_buf_append(at->in, data, len) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    rv = start_tap(at);
    azl_buf_free(at->in);
    if (rv == APR_SUCCESS) {
        rv = azl_tap_feed(at->tap, data, len, emit, at);
    }
    return rv;
}

static void swallow(azl_attempt_t *at, apr_size_t len)
{
    at->swallowed += len;
    if (at->swallowed > SWALLOW_MAX) {
        azl_watch_stop(at);
    }
}

static apr_status_t feed(azl_attempt_t *at, const char *data, apr_size_t len)
{
    switch (at->mode) {
    case AZL_REPLY_HELD:
        return hold(at, data, len);
    case AZL_REPLY_TAPPED:
        return azl_tap_feed(at->tap, data, len, emit, at);
    case AZL_REPLY_STREAMED:
        return azl_stream_feed(at->stream, data, len, at->out);
    case AZL_REPLY_RAW:
        return azl_buf_append(at->out, data, len);
    default:
        /* the start of an error is enough to understand it */
        if (at->in && at->in->len < ERROR_BODY_MAX) {
            apr_size_t room = ERROR_BODY_MAX - at->in->len;

            azl_buf_append(at->in, data, len < room ? len : room);
        }
        swallow(at, len);
        return APR_SUCCESS;
    }
}

/* A held document is complete. */
static apr_status_t finish_held(azl_attempt_t *at, ap_filter_t *next)
{
    azl_span_t doc = azl_span(at->in->data ? at->in->data : "", at->in->len);

    if (azl_reply_rewrite(&at->rules, doc, at->out, &at->usage) !=
        APR_SUCCESS) {
        fail_transport(at, 0);
        return APR_SUCCESS;
    }
    commit(at);
    ap_set_content_length(at->r, (apr_off_t)at->out->len);
    return pass(at, next, 0, 1);
}

static int is_broken_off(const azl_attempt_t *at)
{
    return at->truncated || at->ended_by == AZL_END_CLIENT_GONE ||
           azl_request_client_gone(at->r, at->ar);
}

/* The upstream says what it counted at the end, which did not come; what it
 * said until then was generated, and is paid for. */
static void read_stream_usage(azl_attempt_t *at)
{
    const azl_stream_state_t *state = azl_stream_state(at->stream);

    at->usage = state->usage;
    if (!state->usage.reported && state->deltas && is_broken_off(at)) {
        azl_estimate_usage(&at->usage, at->prompt_text, state->text_bytes,
                           state->deltas);
    }
}

/* What has been counted so far, also of an answer that does not end. */
static void read_usage(azl_attempt_t *at)
{
    azl_span_t value;

    if (at->stream) {
        read_stream_usage(at);
    }
    if (at->tap && azl_tap_value(at->tap, TAP_USAGE, &value)) {
        azl_usage_read(&at->usage, value);
    }
    if (at->tap && azl_tap_value(at->tap, TAP_TIER, &value)) {
        azl_usage_read_tier(&at->usage, value);
    }
    if (at->tap && azl_tap_value(at->tap, TAP_BACKGROUND, &value)) {
        azl_usage_read_background(&at->usage, value);
    }
}

static apr_status_t finish_tapped(azl_attempt_t *at, ap_filter_t *next)
{
    azl_span_t value;

    if (azl_tap_value(at->tap, TAP_USAGE, &value)) {
        azl_usage_read(&at->usage, value);
    }
    return pass(at, next, 0, 1);
}

/* It broke off, and another attempt may go on with it. */
static int may_go_on(azl_attempt_t *at, int eos)
{
    if (!at->committed || !at->rules.keep_said) {
        return 0;
    }
    if (eos) {
        azl_stream_flush(at->stream, at->out);
    }
    return (azl_stream_state(at->stream)->failed ||
            (eos && !azl_stream_is_whole(at->stream))) &&
           azl_stream_said(at->stream);
}

static apr_status_t interrupt(azl_attempt_t *at, ap_filter_t *next)
{
    apr_status_t rv = pass(at, next, 1, 0);

    at->ended = 1; /* of this upstream nothing more is wanted */
    at->truncated = 1;
    at->interrupted = 1;
    return rv;
}

/* A stream's events are in, or its end is (`eos`). */
static apr_status_t settle_stream(azl_attempt_t *at, ap_filter_t *next,
                                  int flush, int eos)
{
    const azl_stream_state_t *state = azl_stream_state(at->stream);

    if (!at->committed && state->failed) {
        fail(at, &state->error);
        return APR_SUCCESS;
    }
    if (!at->committed && state->content) {
        commit(at);
    }
    /* The last word is not kept until the upstream ends its transfer. Except
     * for HTTP/2, where what stands for the client's connection may be called
     * aborted from then on, which would cost us the upstream's. */
    eos |= at->committed && state->closed && !at->r->connection->master;
    if (may_go_on(at, eos)) {
        return interrupt(at, next);
    }
    if (eos) {
        int complete = azl_stream_finish(at->stream, at->out);

        if (!at->committed) {
            /* it ended before it had begun: nothing to show */
            fail_transport(at, 0);
            return APR_SUCCESS;
        }
        at->truncated = !complete || state->failed;
        at->interrupted = 0;
        return pass(at, next, 0, 1);
    }
    if (at->committed && at->out->len && (flush || at->out->len >= PASS_SIZE)) {
        return pass(at, next, flush, 0);
    }
    return APR_SUCCESS;
}

/* The connection to the upstream broke, or what came cannot be carried. */
static apr_status_t break_off(azl_attempt_t *at, ap_filter_t *next,
                              int timed_out)
{
    apr_bucket_alloc_t *alloc = at->r->connection->bucket_alloc;
    apr_bucket_brigade *bb;

    if (at->mode == AZL_REPLY_FAILED) {
        return APR_SUCCESS;
    }
    if (!at->committed) {
        fail_transport(at, timed_out);
        return APR_SUCCESS;
    }
    at->truncated = 1;
    if (at->mode == AZL_REPLY_STREAMED) {
        return settle_stream(at, next, 0, 1);
    }
    if (at->continues) {
        fail_transport(at, timed_out); /* it has not begun to go on */
        return APR_SUCCESS;
    }
    /* Without a form in which to say so, the only honest end is none: the
     * chunked body stays unterminated, the HTTP/2 stream is reset. */
    at->severed = 1;
    at->ended = 1;
    azl_admission_leave(at->ar);
    azl_buf_clear(at->out);
    bb = brigade(at);
    APR_BRIGADE_INSERT_TAIL(
        bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, at->r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    at->r->connection->keepalive = AP_CONN_CLOSE;
    /* what aborts the client's connection now is us */
    at->ar->handed_on = 1;
    return ap_pass_brigade(next, bb);
}

static int is_over(const azl_attempt_t *at)
{
    return at->ended_by > AZL_END_CLIENT_GONE;
}

/* The input has ended and the document has not: where the end of the
 * connection is the end of the body, only its text shows that. A held document
 * is read, a stream ends for itself; and what comes when the client has left
 * is no failure of the upstream. */
static int is_cut(const azl_attempt_t *at)
{
    return at->mode == AZL_REPLY_TAPPED && !azl_tap_is_whole(at->tap) &&
           !azl_watch_client_left(at);
}

static apr_status_t settle(azl_attempt_t *at, ap_filter_t *next, int flush,
                           int eos)
{
    if (eos && at->mode == AZL_REPLY_UNDECIDED) {
        decide(at); /* an answer without a body */
    }
    switch (at->mode) {
    case AZL_REPLY_HELD:
        return eos ? finish_held(at, next) : APR_SUCCESS;
    case AZL_REPLY_STREAMED:
        return settle_stream(at, next, flush, eos);
    case AZL_REPLY_TAPPED:
        return eos ? finish_tapped(at, next)
                   : (at->out->len ? pass(at, next, flush, 0) : APR_SUCCESS);
    case AZL_REPLY_RAW:
        if (!at->committed) {
            commit(at);
        }
        return pass(at, next, flush, eos);
    default:
        return APR_SUCCESS;
    }
}

/* What a brigade holds goes into the answer. APR_EGENERAL: it cannot be
 * carried, or the upstream's connection broke. */
static apr_status_t take(azl_attempt_t *at, apr_bucket_brigade *bb, int *flush,
                         int *eos)
{
    apr_status_t rv = APR_SUCCESS;
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb);
         b != APR_BRIGADE_SENTINEL(bb) && !*eos && rv == APR_SUCCESS;
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_EOS(b)) {
            *eos = 1;
        }
        else if (APR_BUCKET_IS_FLUSH(b)) {
            *flush = 1;
        }
        else if (AP_BUCKET_IS_ERROR(b) || AP_BUCKET_IS_EOC(b)) {
            /* also how mod_proxy_http says that nothing came at all on a
             * client connection that is kept alive */
            rv = APR_EGENERAL;
        }
        else if (!APR_BUCKET_IS_METADATA(b)) {
            rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
            if (rv == APR_SUCCESS && len && at->mode == AZL_REPLY_UNDECIDED) {
                decide(at);
            }
            if (rv == APR_SUCCESS && len && at->ended) {
                swallow(at, len);
            }
            else if (rv == APR_SUCCESS && len) {
                rv = feed(at, data, len);
            }
        }
    }
    apr_brigade_cleanup(bb);
    return rv;
}

/* The client has left: of the answer only what was counted is still of
 * interest, if it is about to come. */
static apr_status_t leave(azl_attempt_t *at, ap_filter_t *next)
{
    apr_bucket_brigade *bb = brigade(at);
    int flush = 0, eos = 0;

    do {
        if (at->stream) {
            azl_buf_clear(at->out);
        }
    } while (!eos && azl_watch_last_words(at, bb) == APR_SUCCESS &&
             take(at, bb, &flush, &eos) == APR_SUCCESS);
    apr_brigade_cleanup(bb);
    azl_watch_give_up(at);
    if (eos) {
        settle(at, next, 0, 1);
    }
    at->ended = 1;
    return APR_ECONNABORTED;
}

static apr_status_t reply_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    azl_attempt_t *at = f->ctx;
    int flush = 0, eos = 0;
    apr_status_t rv = take(at, bb, &flush, &eos);

    if (at->ended) {
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && at->out && !eos && azl_watch_client_left(at)) {
        return leave(at, f->next);
    }
    if (rv != APR_SUCCESS || (eos && is_cut(at))) {
        return break_off(at, f->next, is_over(at));
    }
    rv = settle(at, f->next, flush, eos);
    if (rv != APR_SUCCESS && !at->ended && azl_watch_client_left(at)) {
        return leave(at, f->next);
    }
    return rv;
}

void azl_filter_reply_register(void)
{
    /* before every filter that re-encodes contents for the client */
    reply_filter_handle = ap_register_output_filter(
        "AZURELIT_REPLY", reply_filter, NULL, AP_FTYPE_RESOURCE - 1);
}

ap_filter_t *azl_filter_reply_add(azl_attempt_t *at)
{
    return ap_add_output_filter_handle(reply_filter_handle, at, at->r,
                                       at->r->connection);
}

void azl_reply_close(azl_attempt_t *at, ap_filter_t *next, int timed_out)
{
    azl_watch_end(at);
    if (!at->ended && !azl_watch_client_left(at)) {
        break_off(at, next, timed_out || is_over(at));
    }
    read_usage(at);
    if (at->mode == AZL_REPLY_FAILED && at->status &&
        (at->status < 200 || at->status > 299)) {
        azl_failure_read(
            at->r->pool, at->deployment, at->status, at->headers,
            azl_span(at->in->data ? at->in->data : "", at->in->len),
            &at->error);
    }
}

void azl_reply_give_up(azl_attempt_t *at)
{
    const azl_stream_state_t *state = azl_stream_state(at->stream);

    if (state->failed) {
        azl_stream_abort(at->stream, &state->error, at->out);
    }
    else {
        azl_stream_finish(at->stream, at->out);
    }
    at->interrupted = 0;
    pass(at, at->r->output_filters, 0, 1);
    azl_buf_free(at->out);
}
