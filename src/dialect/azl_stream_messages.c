/*
 * Streams of the Messages API that pass: named events from message_start to
 * message_stop. The model's name stands in the first, what it cost in the
 * first and the last but one.
 */
#include "azl_messages_int.h"
#include "azl_stream_int.h"

static azl_span_t type_of(const azl_object_t *o, azl_span_t name)
{
    const azl_value_t *v = azl_object_get(o, "type");

    return v && azl_value_is_text(v) ? azl_span(v->raw.at + 1, v->raw.len - 2)
                                     : name;
}

static int is_object(const azl_value_t *v)
{
    return v && v->type == AZL_JSON_OBJECT;
}

/* `starts`: the answer has just begun, and what is counted of it is not what it
 * will be. */
static void read_usage(azl_stream_t *st, const azl_object_t *o, int starts)
{
    const azl_value_t *v = azl_object_get(o, "usage");
    azl_usage_t usage = st->told;

    if (is_object(v) && azl_usage_read_messages(&usage, v->raw)) {
        usage.told &= starts ? ~AZL_USAGE_COMPLETION : AZL_USAGE_ALL;
        azl_stream_told(st, &usage);
    }
}

/* Edits the model's name in the first event. */
static void edit_start(azl_stream_t *st, azl_edit_t *e, const azl_object_t *ev)
{
    const azl_value_t *message = azl_object_get(ev, "message");
    const azl_value_t *model;
    azl_object_t o;

    if (!is_object(message) || !azl_object_open(&o, message->raw)) {
        return;
    }
    read_usage(st, &o, 1);
    model = azl_object_get(&o, "model");
    if (model) {
        azl_edit_replace(e, model->raw, azl_span_str(st->rules->alias_json));
    }
}

static void read_delta(azl_stream_t *st, const azl_object_t *ev)
{
    static const char *const texts[] = {"text", "partial_json", "thinking"};
    const azl_value_t *delta = azl_object_get(ev, "delta");
    const azl_value_t *v;
    azl_object_t o;
    apr_size_t i;

    st->state.content = 1;
    if (!is_object(delta) || !azl_object_open(&o, delta->raw)) {
        return;
    }
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        v = azl_object_get(&o, texts[i]);
        if (v && azl_value_is_text(v)) {
            azl_stream_count(st, v);
        }
    }
}

/* A block that begins says nothing yet, unless it is a tool's. */
static void read_block(azl_stream_t *st, const azl_object_t *ev)
{
    const azl_value_t *block = azl_object_get(ev, "content_block");
    azl_object_t o;
    azl_span_t type;

    if (is_object(block) && azl_object_open(&o, block->raw)) {
        type = type_of(&o, azl_span("", 0));
        st->state.content |=
            !azl_span_is(type, "text") && !azl_span_is(type, "thinking");
    }
}

static void read_end(azl_stream_t *st, const azl_object_t *ev)
{
    const azl_value_t *delta = azl_object_get(ev, "delta");
    const azl_value_t *reason;
    azl_object_t o;

    read_usage(st, ev, 0);
    st->state.usage = st->told;
    if (is_object(delta) && azl_object_open(&o, delta->raw)) {
        reason = azl_object_get(&o, "stop_reason");
        if (reason && azl_value_is_text(reason)) {
            st->state.finished = 1;
            st->state.content = 1;
        }
    }
}

static void write_event(azl_stream_t *st, azl_span_t type, azl_edit_t *e,
                        const azl_sse_event_t *sse)
{
    azl_edit_copy(e, azl_span_end(sse->data));
    azl_stream_end(st, sse->data);
    if (azl_span_is(type, "message_stop")) {
        st->state.finished = 1;
        st->state.content = 1;
        st->state.closed = 1;
    }
}

static void messages_event(azl_stream_t *st, const azl_sse_event_t *sse)
{
    azl_object_t o;
    azl_span_t type;
    azl_edit_t e;

    if (!azl_object_open(&o, sse->data) ||
        o.close + 1 != azl_span_end(sse->data)) {
        st->state.malformed++;
        return;
    }
    type = type_of(&o, sse->name);
    if (azl_span_is(type, "error") || azl_span_is(sse->name, "error")) {
        azl_stream_fail(st, sse->data);
        return;
    }
    /* Some clients go by the one, some by the other. */
    if (sse->name.len && (sse->name.len != type.len ||
                          memcmp(sse->name.at, type.at, type.len) != 0)) {
        st->state.malformed++;
        return;
    }
    azl_stream_begin(st, type);
    e.out = st->out;
    e.from = sse->data.at;
    if (azl_span_is(type, "content_block_delta")) {
        read_delta(st, &o);
    }
    else if (azl_span_is(type, "content_block_start")) {
        read_block(st, &o);
    }
    else if (azl_span_is(type, "message_start")) {
        edit_start(st, &e, &o);
    }
    else if (azl_span_is(type, "message_delta")) {
        read_end(st, &o);
    }
    write_event(st, type, &e, sse);
}

/* It has said why it ended, and then forgotten to. */
static void messages_last(azl_stream_t *st)
{
    azl_stream_begin(st, azl_span_str("message_stop"));
    azl_buf_puts(st->out, "{\"type\":\"message_stop\"}");
    azl_stream_end(st, azl_span("", 0));
}

static void messages_error(azl_stream_t *st, const azl_error_t *err)
{
    azl_stream_begin(st, azl_span_str("error"));
    azl_messages_error(err, NULL, st->out);
    azl_stream_end(st, azl_span("", 0));
}

const azl_surface_t azl_surface_messages = {messages_event, messages_last,
                                            messages_error, 0};
