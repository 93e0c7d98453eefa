/*
 * Streams of the Responses API: named events that end with a terminal one and
 * without [DONE]. What has to be changed stands in the Response object that
 * some of them carry.
 */
#include "azl_stream_int.h"

typedef struct event_t {
    azl_span_t type; /* without quotes */
    const azl_value_t *response;
    const azl_value_t *delta;
    const azl_value_t *item;
    int error; /* a member `error` that says something */
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int npairs;
} event_t;

static int read_event(azl_stream_t *st, azl_span_t data, event_t *ev)
{
    int i;

    ev->type = azl_span("", 0);
    ev->response = ev->delta = ev->item = NULL;
    ev->error = 0;
    ev->npairs = azl_pairs_read(data, ev->pairs, AZL_PAIRS_MAX);
    for (i = 0; i < ev->npairs; ++i) {
        azl_span_t key = ev->pairs[i].key;
        const azl_value_t *v = &ev->pairs[i].value;

        if (azl_span_is(key, "type") && azl_value_is_text(v)) {
            ev->type = azl_span(v->raw.at + 1, v->raw.len - 2);
        }
        else if (azl_span_is(key, "response") && v->type == AZL_JSON_OBJECT) {
            ev->response = v;
        }
        else if (azl_span_is(key, "delta")) {
            ev->delta = v;
        }
        else if (azl_span_is(key, "item")) {
            ev->item = v;
        }
        else if (azl_span_is(key, "error")) {
            ev->error = v->type != AZL_JSON_NULL;
        }
        else if (azl_span_is(key, "sequence_number")) {
            azl_scan_uint(v->raw, &st->sequence);
        }
    }
    return ev->npairs >= 0;
}

static int is_one_of(azl_span_t type, const char *const *names, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(type, names[i])) {
            return 1;
        }
    }
    return 0;
}

/* The item that begins holds nothing yet, unless it is a call of a tool. */
static int item_is_empty(const azl_value_t *item)
{
    azl_pair_t pairs[AZL_SMALL_PAIRS_MAX];
    int n = item ? azl_pairs_read(item->raw, pairs, AZL_SMALL_PAIRS_MAX) : 0;
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, "type")) {
            return azl_span_is(pairs[i].value.raw, "\"message\"") ||
                   azl_span_is(pairs[i].value.raw, "\"reasoning\"");
        }
    }
    return 1;
}

/* What an answer begins with before it says anything. An event that is not
 * known counts as content: it must not be held back. */
static int is_content(const event_t *ev)
{
    static const char *const opening[] = {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "keepalive",
        "response.reasoning_summary_part.added"};

    if (is_one_of(ev->type, opening, sizeof(opening) / sizeof(opening[0]))) {
        return 0;
    }
    if (azl_span_is(ev->type, "response.output_item.added")) {
        return !item_is_empty(ev->item);
    }
    return !ev->delta || !azl_value_is_blank(ev->delta);
}

static int is_terminal(azl_span_t type)
{
    static const char *const terminal[] = {
        "response.completed", "response.incomplete", "response.cancelled"};

    return is_one_of(type, terminal, sizeof(terminal) / sizeof(terminal[0]));
}

static void edit_response(azl_stream_t *st, azl_edit_t *e,
                          const azl_value_t *response)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(response->raw, pairs, AZL_PAIRS_MAX);
    int i;

    azl_edit_response(e, st->rules, st->ids, pairs, n);
    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, "usage")) {
            azl_usage_read(&st->state.usage, pairs[i].value.raw);
            azl_stream_told(st, &st->state.usage);
        }
        else if (azl_span_is(pairs[i].key, "service_tier")) {
            azl_usage_read_tier(&st->state.usage, pairs[i].value.raw);
        }
        else if (azl_span_is(pairs[i].key, "background")) {
            azl_usage_read_background(&st->state.usage, pairs[i].value.raw);
        }
    }
}

static void write_event(azl_stream_t *st, const azl_sse_event_t *sse,
                        const event_t *ev)
{
    azl_edit_t e;
    int i;

    azl_stream_begin(st, sse->name.len ? sse->name : ev->type);
    e.out = st->out;
    e.from = sse->data.at;
    for (i = 0; i < ev->npairs; ++i) {
        const azl_value_t *v = &ev->pairs[i].value;

        if (v == ev->response) {
            edit_response(st, &e, v);
        }
        else if (azl_span_is(ev->pairs[i].key, "response_id")) {
            azl_edit_id(&e, st->rules, &st->ids->own, v);
        }
    }
    azl_edit_copy(&e, azl_span_end(sse->data));
    azl_stream_end(st, sse->data);
}

/* The upstream failed. `response.failed` carries the whole Response and passes
 * if it is too late for another attempt. */
static void failed_event(azl_stream_t *st, const azl_sse_event_t *sse,
                         const event_t *ev)
{
    if (!ev->response) {
        azl_stream_fail(st, sse->data);
    }
    else if (!st->state.content) {
        azl_stream_fail(st, ev->response->raw);
    }
    else {
        azl_stream_note_failure(st, ev->response->raw);
        write_event(st, sse, ev);
        st->state.closed = 1;
    }
}

static void responses_event(azl_stream_t *st, const azl_sse_event_t *sse)
{
    event_t ev;

    if (!read_event(st, sse->data, &ev)) {
        st->state.malformed++;
        return;
    }
    if (!ev.type.len) {
        ev.type = sse->name;
    }
    if (ev.error || azl_span_is(ev.type, "error") ||
        azl_span_is(ev.type, "response.failed")) {
        failed_event(st, sse, &ev);
        return;
    }
    write_event(st, sse, &ev);
    st->state.content |= is_content(&ev);
    if (ev.delta && azl_value_is_text(ev.delta)) {
        azl_stream_count(st, ev.delta);
    }
    if (is_terminal(ev.type)) {
        st->state.finished = 1;
        st->state.closed = 1;
    }
}

/* OpenAI's error event, and beside its members the `error` object that makes
 * the SDKs raise: they hand a bare error event to a program that may not look
 * at it and take the end of the stream for the end of the answer. */
static void responses_error(azl_stream_t *st, const azl_error_t *err)
{
    apr_size_t object;

    azl_stream_begin(st, azl_span_str("error"));

    azl_buf_puts(st->out, "{\"type\":\"error\",\"code\":");
    azl_buf_json_str(st->out, err->code);
    azl_buf_puts(st->out, ",\"message\":");
    azl_buf_json_str(st->out, err->message);
    azl_buf_puts(st->out, ",\"param\":");
    azl_buf_json_str(st->out, err->param);
    azl_buf_puts(st->out, ",\"sequence_number\":");
    azl_buf_int(st->out, st->sequence + 1);
    object = st->out->len;
    azl_error_write(st->out, err);
    if (!st->out->failed) {
        st->out->data[object] = ','; /* its brace: it goes on in ours */
    }
    azl_stream_end(st, azl_span_str(err->innererror));
}

const azl_surface_t azl_surface_responses = {responses_event, NULL,
                                             responses_error, 0};
