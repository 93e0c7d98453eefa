/*
 * A stream of chunks as a stream of the Messages API.
 *
 * Its blocks follow each other, so only the first call of a tool, and text,
 * are passed as they come. Further calls, and text behind a call, wait until
 * the answer ends: who interleaves them is not known before.
 */
#include <apr_strings.h>

#include "azl_edit_int.h"
#include "azl_failure_int.h"
#include "azl_messages_int.h"

/* OpenAI's limit on parallel calls; what feeds us numbers them from 0. */
#define CALLS_MAX 128

typedef enum { BLOCK_NONE, BLOCK_THINKING, BLOCK_TEXT, BLOCK_TOOL } block_e;

/* A call that waits. */
typedef struct call_t {
    const char *id;
    const char *name;
    azl_buf_t *arguments; /* the inside of JSON strings, one after the other */
} call_t;

typedef struct encoder_t {
    azl_exchange_t *ex;
    azl_buf_t *out;
    int started;
    int ended;
    block_e open;
    int index; /* of the block that is open, or of the next */
    int live;  /* number of the call that passes; -1: there is none */
    apr_array_header_t *calls; /* call_t, by number; the live one is empty */
    apr_size_t waiting;        /* bytes of text that waits, and of calls */
    azl_buf_t *late;  /* text behind a call, as the inside of a JSON string */
    const char *stop; /* stop_reason; NULL: not said yet */
    azl_usage_t usage;
} encoder_t;

void *azl_messages_encoder(azl_exchange_t *ex)
{
    encoder_t *e = apr_pcalloc(ex->pool, sizeof(*e));

    e->ex = ex;
    e->live = -1;
    return e;
}

static azl_span_t inside(azl_span_t raw)
{
    return azl_span(raw.at + 1, raw.len - 2);
}

static const azl_value_t *get(const azl_object_t *o, const char *name,
                              azl_json_type_e type)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && v->type == type ? v : NULL;
}

/*
 * Writing
 */

static void begin(encoder_t *e, const char *type)
{
    azl_buf_puts(e->out, "event: ");
    azl_buf_puts(e->out, type);
    azl_buf_puts(e->out, "\ndata: {\"type\":\"");
    azl_buf_puts(e->out, type);
    azl_buf_puts(e->out, "\"");
}

static void end(encoder_t *e)
{
    azl_buf_puts(e->out, "}\n\n");
}

static void begin_indexed(encoder_t *e, const char *type)
{
    begin(e, type);
    azl_buf_puts(e->out, ",\"index\":");
    azl_buf_int(e->out, e->index);
}

/* What it will cost is not known yet. */
static void start(encoder_t *e, const azl_object_t *chunk)
{
    static const azl_usage_t unknown;
    const azl_value_t *id = get(chunk, "id", AZL_JSON_STRING);
    azl_write_t w;

    begin(e, "message_start");
    azl_buf_puts(e->out, ",\"message\":");
    azl_write_init(&w, e->out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "id",
                  azl_messages_id(e->ex->pool,
                                  id ? inside(id->raw) : azl_span("", 0),
                                  e->ex->request_id));
    azl_write_str(&w, "type", "message");
    azl_write_str(&w, "role", "assistant");
    azl_write_str(&w, "model", e->ex->alias);
    azl_write_open(&w, "content", '[');
    azl_write_close(&w, ']');
    azl_write_null(&w, "stop_reason");
    azl_write_null(&w, "stop_sequence");
    azl_write_open(&w, "usage", '{');
    azl_messages_usage(&w, &unknown);
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
    end(e);
    e->started = 1;
}

/* `raw` is the inside of a JSON string. */
static void write_delta(encoder_t *e, const char *type, const char *member,
                        azl_span_t raw)
{
    begin_indexed(e, "content_block_delta");
    azl_buf_puts(e->out, ",\"delta\":{\"type\":\"");
    azl_buf_puts(e->out, type);
    azl_buf_puts(e->out, "\",\"");
    azl_buf_puts(e->out, member);
    azl_buf_puts(e->out, "\":\"");
    azl_buf_span(e->out, raw);
    azl_buf_puts(e->out, "\"}");
    end(e);
}

static void close_block(encoder_t *e)
{
    if (e->open == BLOCK_THINKING) {
        /* as Anthropic signs: when all has been thought */
        write_delta(e, "signature_delta", "signature",
                    azl_span_str(AZL_MESSAGES_UNSIGNED));
    }
    if (e->open != BLOCK_NONE) {
        begin_indexed(e, "content_block_stop");
        end(e);
        e->open = BLOCK_NONE;
        e->index++;
    }
}

static void open_block(encoder_t *e, block_e kind, const char *block)
{
    if (e->open != kind) {
        close_block(e);
        begin_indexed(e, "content_block_start");
        azl_buf_puts(e->out, ",\"content_block\":");
        azl_buf_puts(e->out, block);
        end(e);
        e->open = kind;
    }
}

static void write_text(encoder_t *e, azl_span_t raw)
{
    open_block(e, BLOCK_TEXT, "{\"type\":\"text\",\"text\":\"\"}");
    write_delta(e, "text_delta", "text", raw);
}

static void write_arguments(encoder_t *e, azl_span_t raw)
{
    if (raw.len) {
        write_delta(e, "input_json_delta", "partial_json", raw);
    }
}

static void open_call(encoder_t *e, const char *id, const char *name)
{
    azl_write_t w;

    close_block(e);
    begin_indexed(e, "content_block_start");
    azl_buf_puts(e->out, ",\"content_block\":");
    azl_write_init(&w, e->out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", "tool_use");
    azl_write_str(&w, "id", id);
    azl_write_str(&w, "name", name);
    azl_write_open(&w, "input", '{');
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
    end(e);
    e->open = BLOCK_TOOL;
}

/*
 * Deltas
 */

/* All that is kept of one answer together is no more than what one event may
 * be: an upstream could make calls without end. */
static void keep_room(encoder_t *e, apr_size_t len)
{
    e->waiting += len;
    e->out->failed |= e->waiting > AZL_STREAM_EVENT_MAX;
}

/* What cannot be passed yet. */
static void wait_with(encoder_t *e, azl_buf_t *where, azl_span_t raw)
{
    keep_room(e, raw.len);
    azl_buf_span(where, raw);
}

static void say(encoder_t *e, azl_span_t raw)
{
    if (e->live < 0) {
        write_text(e, raw);
        return;
    }
    if (!e->late) {
        e->late = azl_buf_create(e->ex->pool, AZL_STREAM_EVENT_MAX);
    }
    wait_with(e, e->late, raw);
}

static void think(encoder_t *e, azl_span_t raw)
{
    /* thoughts behind a call have no place any more */
    if (e->live < 0) {
        open_block(e, BLOCK_THINKING,
                   "{\"type\":\"thinking\",\"thinking\":\"\","
                   "\"signature\":\"\"}");
        write_delta(e, "thinking_delta", "thinking", raw);
    }
}

/* The call of this number; NULL: it has not been named. */
static call_t *find_call(encoder_t *e, apr_int64_t number)
{
    return e->calls && number < e->calls->nelts
               ? &APR_ARRAY_IDX(e->calls, (int)number, call_t)
               : NULL;
}

static void new_call(encoder_t *e, apr_int64_t number, const char *id,
                     const char *name)
{
    call_t *call;

    if (!e->calls) {
        e->calls = apr_array_make(e->ex->pool, 4, sizeof(call_t));
    }
    if (number != e->calls->nelts || number >= CALLS_MAX) {
        return; /* they are numbered in order */
    }
    call = apr_array_push(e->calls);
    memset(call, 0, sizeof(*call));
    if (e->live < 0) {
        e->live = (int)number;
        open_call(e, id, name);
        return;
    }
    call->id = id;
    call->name = name;
    call->arguments = azl_buf_create(e->ex->pool, AZL_STREAM_EVENT_MAX);
}

/* Not every upstream gives ids, but every client wants them. */
static const char *id_of(encoder_t *e, const azl_value_t *id, int number)
{
    const char *text = id ? azl_scan_text(e->ex->pool, id->raw) : NULL;

    return text && *text
               ? text
               : azl_messages_call_id(e->ex->pool, e->ex->request_id, number);
}

static void call_delta(encoder_t *e, azl_span_t raw)
{
    const azl_value_t *function, *id, *name, *arguments, *index;
    apr_int64_t number = 0;
    azl_object_t o, f;
    call_t *call;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    index = get(&o, "index", AZL_JSON_NUMBER);
    function = get(&o, "function", AZL_JSON_OBJECT);
    if (!index || !azl_scan_uint(index->raw, &number) || !function ||
        !azl_object_open(&f, function->raw)) {
        return;
    }
    id = get(&o, "id", AZL_JSON_STRING);
    name = get(&f, "name", AZL_JSON_STRING);
    if (name && azl_value_is_text(name)) {
        keep_room(e, name->raw.len + (id ? id->raw.len : 0));
        new_call(e, number, id_of(e, id, (int)number),
                 azl_scan_text(e->ex->pool, name->raw));
    }
    call = find_call(e, number);
    arguments = get(&f, "arguments", AZL_JSON_STRING);
    if (!call || !arguments) {
        return;
    }
    if (call->arguments) {
        wait_with(e, call->arguments, inside(arguments->raw));
    }
    else {
        write_arguments(e, inside(arguments->raw));
    }
}

static void read_calls(encoder_t *e, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        call_delta(e, v.raw);
    }
}

static void read_delta(encoder_t *e, azl_span_t raw)
{
    const azl_value_t *v;
    azl_object_t o;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    v = azl_object_get(&o, "reasoning_content");
    if (v && azl_value_is_text(v)) {
        think(e, inside(v->raw));
    }
    v = azl_object_get(&o, "content");
    if (v && azl_value_is_text(v)) {
        say(e, inside(v->raw));
    }
    v = azl_object_get(&o, "refusal");
    if (v && azl_value_is_text(v)) {
        say(e, inside(v->raw));
    }
    v = get(&o, "tool_calls", AZL_JSON_ARRAY);
    if (v) {
        read_calls(e, v);
    }
}

static void read_choice(encoder_t *e, azl_span_t raw)
{
    const azl_value_t *delta, *finish, *index;
    azl_object_t o;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    index = get(&o, "index", AZL_JSON_NUMBER);
    if (index && !azl_span_is(index->raw, "0")) {
        return; /* there is only one */
    }
    delta = get(&o, "delta", AZL_JSON_OBJECT);
    finish = get(&o, "finish_reason", AZL_JSON_STRING);
    if (delta) {
        read_delta(e, delta->raw);
    }
    if (finish) {
        e->stop = azl_messages_stop(inside(finish->raw));
    }
}

static void read_chunk(encoder_t *e, const azl_object_t *chunk)
{
    const azl_value_t *choices = get(chunk, "choices", AZL_JSON_ARRAY);
    const azl_value_t *usage = get(chunk, "usage", AZL_JSON_OBJECT);
    azl_value_t v;
    azl_scan_t s;

    if (!e->started) {
        start(e, chunk);
    }
    if (usage) {
        azl_usage_read(&e->usage, usage->raw);
    }
    if (choices) {
        azl_scan_init(&s, choices->raw.at, choices->raw.len);
        azl_scan_enter(&s);
        while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
            read_choice(e, v.raw);
        }
    }
}

/*
 * Ends
 */

static void write_waiting(encoder_t *e)
{
    int i;

    for (i = 0; e->calls && i < e->calls->nelts; ++i) {
        const call_t *call = &APR_ARRAY_IDX(e->calls, i, call_t);

        if (call->arguments) {
            open_call(e, call->id, call->name);
            write_arguments(
                e, azl_span(call->arguments->data, call->arguments->len));
        }
    }
    if (e->late && e->late->len) {
        write_text(e, azl_span(e->late->data, e->late->len));
    }
}

static void finish(encoder_t *e)
{
    azl_write_t w;

    if (e->ended || !e->started) {
        return;
    }
    write_waiting(e);
    close_block(e);
    if (!e->stop || (e->calls && strcmp(e->stop, "end_turn") == 0)) {
        e->stop = e->calls ? "tool_use" : "end_turn";
    }
    begin(e, "message_delta");
    azl_buf_puts(e->out, ",\"delta\":{\"stop_reason\":");
    azl_buf_json_str(e->out, e->stop);
    azl_buf_puts(e->out, ",\"stop_sequence\":null},\"usage\":");
    azl_write_init(&w, e->out);
    azl_write_open(&w, NULL, '{');
    azl_messages_usage(&w, &e->usage);
    azl_write_close(&w, '}');
    end(e);
    begin(e, "message_stop");
    end(e);
    e->ended = !e->out->failed;
}

/* OpenAI's error as Anthropic's. */
static void fail(encoder_t *e, azl_span_t data)
{
    azl_error_t err;

    e->ended = 1;
    azl_failure_event(e->ex->pool, e->ex->deployment, data, &err);
    azl_buf_puts(e->out, "event: error\ndata: ");
    azl_messages_error(&err, NULL, e->out);
    azl_buf_puts(e->out, "\n\n");
}

void azl_messages_event(void *encoder, const azl_sse_event_t *ev,
                        azl_buf_t *out)
{
    encoder_t *e = encoder;
    azl_object_t o;

    e->out = out;
    if (e->ended) {
        return;
    }
    if (ev->comment) {
        if (e->started) {
            begin(e, "ping");
            end(e);
        }
    }
    else if (azl_span_is(ev->data, "[DONE]")) {
        finish(e);
    }
    else if (azl_object_open(&o, ev->data)) {
        if (get(&o, "error", AZL_JSON_OBJECT)) {
            fail(e, ev->data);
        }
        else {
            read_chunk(e, &o);
        }
    }
}
