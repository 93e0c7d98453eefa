#include "azl_filter_reply_int.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>

#include "azl_hooks.h"
#include "azl_translation.h"
#include "azl_watch.h"

/* Of an upstream's error this much is read: messages are below 4 KB. */
#define ERROR_BODY_MAX (16 * 1024)
/* When all is decided the rest of an answer is read, so that its connection can
 * be used again; not if there is more than this of it. */
#define SWALLOW_MAX (64 * 1024)
/* Bounds what one event can become: its text, twice for safety. */
#define OUT_MAX (2 * AZL_STREAM_EVENT_MAX)
/* A client of Responses is told a text five times: as it comes, and at the end
 * of text, part, item and answer. At the start and the end it is told what it
 * asked for. */
#define RETOLD_MAX (8 * AZL_STREAM_EVENT_MAX)

static ap_filter_rec_t *reply_filter_handle;

/* `want` may be NULL: what does not exist is never sent. */
static int is_type(const char *have, const char *want)
{
    apr_size_t len = want ? strlen(want) : 0;

    return have && want && ap_cstr_casecmpn(have, want, len) == 0 &&
           (have[len] == '\0' || have[len] == ';' || have[len] == ' ');
}

/* Speech and transcripts come in many forms; everything else must be JSON. */
static int may_be_raw(azl_op_e op)
{
    return op == AZL_OP_AUDIO_SPEECH || op == AZL_OP_AUDIO_TRANSCRIPTIONS ||
           op == AZL_OP_AUDIO_TRANSLATIONS;
}

static void begin_stream(azl_attempt_t *at)
{
    at->mode = AZL_REPLY_STREAMED;
    if (!at->stream) {
        at->stream = azl_stream_create(at->r->pool, &at->rules);
    }
    if (azl_translation_needed(at)) {
        azl_translation_stream(at);
    }
    else if (at->continues) {
        azl_stream_from(at->stream, NULL, NULL);
    }
}

/* The first bytes are here, so status and headers are final. */
static void decide(azl_attempt_t *at)
{
    request_rec *r = at->r;
    const char *type = r->content_type;

    at->status = r->status;
    at->headers = r->headers_out;
    at->out = azl_buf_create(
        at->r->pool, at->way && at->way->inbound ? RETOLD_MAX : OUT_MAX);
    if (r->status < 200 || r->status > 299) {
        at->mode = AZL_REPLY_FAILED;
        at->in = azl_buf_create(at->r->pool, ERROR_BODY_MAX);
    }
    else if (r->header_only || r->status == HTTP_NO_CONTENT) {
        at->mode = AZL_REPLY_RAW; /* there is nothing to understand */
    }
    else if (apr_table_get(r->headers_out, "Content-Encoding")) {
        /* nobody asked for it, and we could not read it */
        azl_reply_fail_transport(at, 0);
    }
    else if (is_type(type, azl_translation_stream_type(at))) {
        begin_stream(at);
    }
    else if (at->continues) {
        azl_reply_fail_transport(at, 0);
    }
    else if (is_type(type, "application/json")) {
        azl_reply_begin_document(at);
    }
    else if (may_be_raw(at->ar->route.op)) {
        at->mode = AZL_REPLY_RAW;
    }
    else {
        azl_reply_fail_transport(at, 0);
    }
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
    case AZL_REPLY_TAPPED:
        return azl_reply_feed_document(at, data, len);
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

/* The connection to the upstream broke, or what came cannot be carried. */
static apr_status_t break_off(azl_attempt_t *at, ap_filter_t *next,
                              int timed_out)
{
    if (at->mode == AZL_REPLY_FAILED) {
        return APR_SUCCESS;
    }
    if (!at->committed) {
        azl_reply_fail_transport(at, timed_out);
        return APR_SUCCESS;
    }
    at->truncated = 1;
    if (at->mode == AZL_REPLY_STREAMED) {
        return azl_reply_settle_stream(at, next, 0, 1);
    }
    if (at->continues) {
        azl_reply_fail_transport(at, timed_out); /* it has not begun to go on */
        return APR_SUCCESS;
    }
    return azl_reply_sever(at, next);
}

static int is_over(const azl_attempt_t *at)
{
    return at->ended_by > AZL_END_CLIENT_GONE;
}

static apr_status_t settle(azl_attempt_t *at, ap_filter_t *next, int flush,
                           int eos)
{
    if (eos && at->mode == AZL_REPLY_UNDECIDED) {
        decide(at); /* an answer without a body */
    }
    switch (at->mode) {
    case AZL_REPLY_HELD:
    case AZL_REPLY_TAPPED:
        return azl_reply_settle_document(at, next, flush, eos);
    case AZL_REPLY_STREAMED:
        return azl_reply_settle_stream(at, next, flush, eos);
    case AZL_REPLY_RAW:
        if (!at->committed) {
            azl_reply_commit(at);
        }
        return azl_reply_pass(at, next, flush, eos);
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
    apr_bucket_brigade *bb = azl_reply_brigade(at);
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
    int broken = rv != APR_SUCCESS || (eos && azl_reply_is_cut(at));

    if (at->ended) {
        return APR_SUCCESS;
    }
    /* how an answer ends for which nobody waits is no failure */
    if (at->out && (!eos || broken) && azl_watch_client_left(at)) {
        return leave(at, f->next);
    }
    if (broken) {
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
    if (at->stream) {
        azl_reply_read_stream_usage(at);
    }
    else if (at->tap) {
        azl_reply_read_tapped_usage(at);
    }
    if (at->mode == AZL_REPLY_FAILED && at->status &&
        (at->status < 200 || at->status > 299)) {
        azl_span_t body =
            azl_span(at->in->data ? at->in->data : "", at->in->len);

        body = azl_translation_failure(at, body);
        azl_failure_read(at->r->pool, at->deployment, at->status, at->headers,
                         body, &at->error);
    }
}
