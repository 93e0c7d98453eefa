#include <apr_errno.h>
#include <apr_lib.h>

#include "azl_estimate.h"
#include "azl_failure_int.h"
#include "azl_stream_int.h"

static const char done_mark[] = "[DONE]";

/*
 * Writing
 */

void azl_stream_begin(azl_stream_t *st, azl_span_t name)
{
    if (name.len) {
        azl_buf_append(st->out, "event: ", 7);
        azl_buf_span(st->out, name);
        azl_buf_append(st->out, "\n", 1);
    }
    azl_buf_append(st->out, "data: ", 6);
    st->data_at = st->out->len;
}

void azl_stream_end(azl_stream_t *st, azl_span_t source)
{
    apr_size_t i;

    /* An event of several data lines: in JSON they can only be broken at white
     * space, and one line is what every client reads. */
    if (source.len && memchr(source.at, '\n', source.len)) {
        for (i = st->data_at; i < st->out->len; ++i) {
            if (st->out->data[i] == '\n') {
                st->out->data[i] = ' ';
            }
        }
    }
    azl_buf_append(st->out, "\n\n", 2);
}

void azl_stream_count(azl_stream_t *st, const azl_value_t *v)
{
    st->state.text_bytes +=
        v->type == AZL_JSON_STRING ? v->raw.len - 2 : azl_estimate_text(v->raw);
    st->state.deltas++;
}

/*
 * Usage
 */

void azl_stream_told(azl_stream_t *st, const azl_usage_t *usage)
{
    st->told = *usage;
    if (usage->told & AZL_USAGE_COMPLETION) {
        st->told_text = st->state.text_bytes;
        st->told_deltas = st->state.deltas;
    }
}

/* A decoder's azl_hub_usage_so_far(). */
static AZL_OWN_FRAME void told_so_far(azl_stream_t *st, azl_span_t data)
{
    const azl_value_t *bits, *tier, *counts;
    azl_usage_t usage;
    apr_int64_t told;
    azl_object_t o;

    memset(&usage, 0, sizeof(usage));
    if (azl_object_open(&o, data) && (bits = azl_object_get(&o, "told")) &&
        (tier = azl_object_get(&o, "service_tier")) &&
        (counts = azl_object_get(&o, "usage")) &&
        azl_usage_read(&usage, counts->raw) &&
        azl_scan_uint(bits->raw, &told)) {
        usage.told &= (int)told;
        azl_usage_read_tier(&usage, tier->raw);
        azl_stream_told(st, &usage);
    }
}

void azl_stream_usage(const azl_stream_t *st, int cut, apr_uint64_t prompt_text,
                      azl_usage_t *usage)
{
    *usage = st->state.usage;
    if (!cut) {
        return;
    }
    if (!usage->reported) {
        *usage = st->told;
        usage->other_tier |= st->state.usage.other_tier;
        usage->background = st->state.usage.background;
    }
    if (usage->reported || st->state.deltas) {
        azl_estimate_rest(usage, prompt_text,
                          st->state.text_bytes - st->told_text,
                          st->state.deltas - st->told_deltas);
    }
}

void azl_stream_error(azl_stream_t *st, const azl_error_t *err)
{
    azl_stream_begin(st, azl_span("", 0));
    azl_error_write(st->out, err);
    azl_stream_end(st, azl_span_str(err->innererror));
}

/*
 * Images, speech and transcripts: events pass as they are
 */

static int ends_with(azl_span_t s, const char *tail)
{
    apr_size_t len = strlen(tail);

    return s.len >= len && memcmp(azl_span_end(s) - len, tail, len) == 0;
}

static void media_event(azl_stream_t *st, const azl_sse_event_t *ev)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(ev->data, pairs, AZL_PAIRS_MAX);
    azl_span_t type = ev->name;
    int failed = azl_span_is(ev->name, "error");
    int i;

    if (n < 0) {
        st->state.malformed++;
        return;
    }
    for (i = 0; i < n; ++i) {
        const azl_value_t *v = &pairs[i].value;

        if (azl_span_is(pairs[i].key, "type") && azl_value_is_text(v)) {
            type = azl_span(v->raw.at + 1, v->raw.len - 2);
            failed |= azl_span_is(type, "error");
        }
        else if (azl_span_is(pairs[i].key, "error")) {
            failed |= v->type != AZL_JSON_NULL;
        }
        else if (azl_span_is(pairs[i].key, "usage")) {
            azl_usage_read(&st->state.usage, v->raw);
            azl_stream_told(st, &st->state.usage);
        }
    }
    if (failed) {
        azl_stream_fail(st, ev->data);
        return;
    }
    azl_stream_begin(st, ev->name);
    azl_buf_span(st->out, ev->data);
    azl_stream_end(st, ev->data);
    st->state.content = 1;
    st->state.finished |=
        ends_with(type, ".completed") || ends_with(type, ".done");
}

static const azl_surface_t surface_media = {media_event, NULL, azl_stream_error,
                                            0};

/*
 * The stream
 */

static const azl_surface_t *surface_of(azl_op_e op)
{
    switch (op) {
    case AZL_OP_CHAT:
    case AZL_OP_COMPLETIONS:
        return &azl_surface_chunks;
    case AZL_OP_RESPONSES:
    case AZL_OP_RESPONSE_GET:
        return &azl_surface_responses;
    case AZL_OP_MESSAGES:
        return &azl_surface_messages;
    default:
        return &surface_media;
    }
}

azl_stream_t *azl_stream_create(apr_pool_t *p, const azl_reply_rules_t *rules)
{
    azl_stream_t *st = apr_pcalloc(p, sizeof(*st));

    st->pool = p;
    st->rules = rules;
    st->surface = surface_of(rules->op);
    if (st->surface == &azl_surface_responses) {
        st->ids = apr_pcalloc(p, sizeof(*st->ids));
    }
    st->sse = azl_sse_create(p, AZL_STREAM_EVENT_MAX);
    return st;
}

const azl_stream_state_t *azl_stream_state(const azl_stream_t *st)
{
    return &st->state;
}

void azl_stream_note_failure(azl_stream_t *st, azl_span_t data)
{
    azl_failure_event(st->pool, st->rules->deployment, data, &st->state.error);
    st->state.failed = 1;
}

void azl_stream_fail(azl_stream_t *st, azl_span_t data)
{
    azl_stream_note_failure(st, data);
    if (st->state.content && !azl_stream_said(st)) {
        st->surface->error(st, &st->state.error);
        st->state.closed = 1;
    }
}

/* Everything has been said: close as the surface does. */
static void close_stream(azl_stream_t *st, int done)
{
    if (st->surface->last) {
        st->surface->last(st);
    }
    if (done) {
        azl_buf_puts(st->out, "data: [DONE]\n\n");
    }
    st->state.closed = 1;
}

/* A [DONE] without an end of what was begun is no end: the answer is cut.
 * Where it is not known how things end, it is taken for one. */
static void done_came(azl_stream_t *st)
{
    if (st->surface == &surface_media) {
        st->state.finished = st->state.content;
    }
    if (st->state.finished) {
        close_stream(st, st->surface != &azl_surface_responses &&
                             st->surface != &azl_surface_messages);
    }
}

static azl_span_t trim(azl_span_t s)
{
    while (s.len && apr_isspace(*s.at)) {
        s.at++;
        s.len--;
    }
    while (s.len && apr_isspace(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

static apr_status_t on_event(void *baton, const azl_sse_event_t *ev)
{
    azl_stream_t *st = baton;
    azl_sse_event_t event = *ev;
    apr_size_t before = st->out->len;

    if (st->state.closed || st->state.failed) {
        return APR_SUCCESS;
    }
    event.data = trim(ev->data);
    if (ev->comment) {
        /* A sign of life. Before the first content nobody waits for it. */
        if (st->state.content) {
            azl_buf_append(st->out, ":\n\n", 3);
        }
    }
    else if (st->from.outbound && azl_span_is(event.name, AZL_HUB_SO_FAR)) {
        told_so_far(st, event.data);
    }
    else if (azl_span_is(event.data, done_mark)) {
        done_came(st);
    }
    else if (event.data.len) {
        st->surface->event(st, &event);
    }
    if (st->out->failed) {
        st->out->len = before; /* no half events */
        return APR_ENOSPC;
    }
    return APR_SUCCESS;
}

/* What came is in the language of the rules. */
static apr_status_t read_events(azl_stream_t *st, const char *data,
                                apr_size_t len)
{
    return len ? azl_sse_feed(st->sse, data, len, on_event, st) : APR_SUCCESS;
}

apr_status_t azl_stream_feed(azl_stream_t *st, const char *data, apr_size_t len,
                             azl_buf_t *out)
{
    apr_status_t rv, encoded;

    if (st->broken) {
        return APR_ENOSPC;
    }
    azl_stream_write_to(st, out);
    if (st->from.outbound) {
        apr_status_t read;

        /* also of what breaks off is read what was understood of it */
        rv = azl_stream_decode(st, data, len);
        read = read_events(st, st->from.hub->data, st->from.hub->len);
        rv = rv == APR_SUCCESS ? read : rv;
    }
    else {
        rv = read_events(st, data, len);
    }
    encoded = azl_stream_encode(st);
    rv = rv == APR_SUCCESS ? encoded : rv;
    st->broken = rv != APR_SUCCESS;
    return rv;
}

/* A choice that nothing was heard of cannot be known to be missing, unless it
 * is known how many there are. An upstream that says [DONE] is believed: it may
 * have no n, one that just ends may have been cut off between two choices. */
static int misses_choices(const azl_stream_t *st)
{
    return st->surface == &azl_surface_chunks &&
           st->chunks.nfinished < st->rules->choices;
}

int azl_stream_is_whole(const azl_stream_t *st)
{
    return st->state.finished && !misses_choices(st);
}

int azl_stream_is_broken(const azl_stream_t *st)
{
    return st->broken;
}

/* The same without the last step, encoding. */
static void read_rest(azl_stream_t *st, azl_buf_t *out)
{
    azl_stream_write_to(st, out);
    if (st->broken || st->state.closed) {
        return;
    }
    if (st->from.outbound) {
        azl_stream_decode_end(st);
        st->broken = read_events(st, st->from.hub->data, st->from.hub->len) !=
                     APR_SUCCESS;
    }
    if (!st->broken) {
        st->broken = azl_sse_finish(st->sse, on_event, st) != APR_SUCCESS;
    }
}

void azl_stream_flush(azl_stream_t *st, azl_buf_t *out)
{
    read_rest(st, out);
    azl_stream_encode(st);
}

int azl_stream_finish(azl_stream_t *st, azl_buf_t *out)
{
    read_rest(st, out);
    if (!st->state.closed && !st->state.failed) {
        st->state.finished &= !misses_choices(st);
        if (st->state.finished && !st->broken) {
            close_stream(st, st->surface->done);
        }
        else {
            azl_error_set(&st->state.error, 502, AZL_CLASS_TRUNCATED,
                          "server_error", "stream_truncated",
                          "The upstream service ended the stream before the "
                          "answer was complete.");
            azl_stream_abort(st, &st->state.error, out);
            return 0;
        }
    }
    azl_stream_encode(st);
    return st->state.finished && !st->state.failed && !st->broken;
}

void azl_stream_abort(azl_stream_t *st, const azl_error_t *err, azl_buf_t *out)
{
    azl_stream_write_to(st, out);
    if (!st->state.closed) {
        st->surface->error(st, err);
        st->state.closed = 1;
    }
    azl_stream_encode(st);
}
