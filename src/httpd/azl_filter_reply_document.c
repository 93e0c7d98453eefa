#include "azl_filter_reply_int.h"
#include "azl_translation.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* A JSON answer up to this size is rewritten whole, with an exact length and
 * its cost in a header, and can still fail over when it is cut. */
#define HOLD_MAX (1024 * 1024)

/* Indexes in an attempt's tap_watch. */
#define TAP_USAGE 1
#define TAP_TIER 2
#define TAP_BACKGROUND 3

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
    azl_reply_commit(at);
    return azl_tap_feed(at->tap, at->in->data, at->in->len, emit, at);
}

/* What is rewritten as a whole, however large it is. */
static int is_rewritten(const azl_attempt_t *at)
{
    return azl_translation_needed(at) ||
           (at->rules.base64 &&
            azl_reply_has_arrays(azl_span(at->in->data, at->in->len)));
}

static apr_status_t hold(azl_attempt_t *at, const char *data, apr_size_t len)
{
    apr_status_t rv;

    if (azl_buf_append(at->in, data, len) != APR_SUCCESS) {
        return APR_ENOSPC;
    }
    if (at->in->len <= HOLD_MAX || is_rewritten(at)) {
        return APR_SUCCESS;
    }
    rv = start_tap(at);
    azl_buf_free(at->in);
    return rv;
}

void azl_reply_begin_document(azl_attempt_t *at)
{
    at->mode = AZL_REPLY_HELD;
    at->in = azl_buf_create(at->r->pool, AZL_HUB_DOCUMENT_MAX);
}

apr_status_t azl_reply_feed_document(azl_attempt_t *at, const char *data,
                                     apr_size_t len)
{
    if (at->mode == AZL_REPLY_HELD) {
        return hold(at, data, len);
    }
    return azl_tap_feed(at->tap, data, len, emit, at);
}

/* A held document is complete. */
static apr_status_t finish_held(azl_attempt_t *at, ap_filter_t *next)
{
    int translated = azl_translation_needed(at);
    azl_span_t doc = azl_span(at->in->data ? at->in->data : "", at->in->len);
    apr_status_t rv;

    if (translated) {
        azl_buf_mend(at->in);
    }
    rv = translated ? azl_translation_answer(at, doc, at->out)
                    : azl_reply_rewrite(&at->rules, doc, at->out, &at->usage);
    if (rv != APR_SUCCESS && at->regretted) {
        at->mode = AZL_REPLY_FAILED;
        return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS) {
        azl_reply_fail_transport(at, 0);
        return APR_SUCCESS;
    }
    azl_reply_commit(at);
    ap_set_content_length(at->r, (apr_off_t)at->out->len);
    return azl_reply_pass(at, next, 0, 1);
}

apr_status_t azl_reply_settle_document(azl_attempt_t *at, ap_filter_t *next,
                                       int flush, int eos)
{
    if (at->mode == AZL_REPLY_HELD) {
        return eos ? finish_held(at, next) : APR_SUCCESS;
    }
    if (eos || at->out->len) {
        return azl_reply_pass(at, next, flush, eos);
    }
    return APR_SUCCESS;
}

/* Where the end of the connection is the end of the body, only its text shows
 * that it was cut. A held document is read, a stream ends for itself. */
int azl_reply_is_cut(const azl_attempt_t *at)
{
    return at->mode == AZL_REPLY_TAPPED && !azl_tap_is_whole(at->tap);
}

void azl_reply_read_tapped_usage(azl_attempt_t *at)
{
    azl_span_t value;

    if (azl_tap_value(at->tap, TAP_USAGE, &value)) {
        azl_reply_usage(&at->rules, value, &at->usage);
    }
    if (azl_tap_value(at->tap, TAP_TIER, &value)) {
        azl_usage_read_tier(&at->usage, value);
    }
    if (azl_tap_value(at->tap, TAP_BACKGROUND, &value)) {
        azl_usage_read_background(&at->usage, value);
    }
}
