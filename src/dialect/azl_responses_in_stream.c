/*
 * A chat's stream as the events of a Response, in the order in which OpenAI's
 * SDKs want them: a part or an item is announced before anything of it comes,
 * and told whole at its end.
 *
 * What is said and thought ends when something else begins. Calls of tools may
 * take turns, so they all end with the answer.
 */
#include <apr_strings.h>

#include "azl_responses_int.h"
#include "azl_stream_int.h"

/* About what an item needs beside its text. */
#define ITEM_SIZE 512

typedef struct encoder_t {
    azl_tell_t tell;
    int created;           /* the opening was sent */
    azl_told_item_t *open; /* the message or reasoning that goes on */
    azl_told_item_t *calls[AZL_TOOL_CALLS_MAX]; /* by the chat's numbers */
    apr_size_t kept; /* bytes of what has to be told once more */
    int ended;
} encoder_t;

void *azl_responses_encoder(azl_exchange_t *ex)
{
    encoder_t *e = apr_pcalloc(ex->pool, sizeof(*e));

    azl_told_init(&e->tell.told, ex);
    return e;
}

/* So much of an answer goes on; all of it is told again at its end. */
static void keep(encoder_t *e, apr_size_t len)
{
    e->kept += len;
    e->tell.out->failed |= e->kept > AZL_STREAM_EVENT_MAX;
}

static void open_response(encoder_t *e)
{
    if (!e->created) {
        e->created = 1;
        azl_tell_response(&e->tell, "response.created", "in_progress", NULL);
        azl_tell_response(&e->tell, "response.in_progress", "in_progress",
                          NULL);
    }
}

/*
 * Messages and reasoning
 */

/* What goes on is over. */
static void close_open(encoder_t *e)
{
    const azl_told_item_t *item = e->open;

    if (!item) {
        return;
    }
    if (item->kind == AZL_ITEM_REASONING) {
        azl_tell_summary_end(&e->tell, item);
    }
    if (item->text_part >= 0) {
        azl_tell_part_end(&e->tell, item, 0);
    }
    if (item->refusal_part >= 0) {
        azl_tell_part_end(&e->tell, item, 1);
    }
    azl_tell_item(&e->tell, "response.output_item.done", item, 1);
    e->open = NULL;
}

/* The message or reasoning that goes on, or a new one. */
static azl_told_item_t *go_on(encoder_t *e, azl_item_e kind)
{
    static const azl_buf_t nothing;

    if (!e->open || e->open->kind != kind) {
        close_open(e);
        e->open = azl_told_add(&e->tell.told, kind);
        keep(e, ITEM_SIZE);
        azl_tell_item(&e->tell, "response.output_item.added", e->open, 0);
        if (kind == AZL_ITEM_REASONING) {
            azl_tell_summary(&e->tell, "response.reasoning_summary_part.added",
                             e->open, &nothing);
        }
    }
    return e->open;
}

/* The message that goes on, with this part begun. */
static azl_told_item_t *speak(encoder_t *e, int refusal)
{
    azl_told_item_t *item = go_on(e, AZL_ITEM_MESSAGE);
    int *part = refusal ? &item->refusal_part : &item->text_part;
    int other = refusal ? item->text_part : item->refusal_part;

    if (*part < 0) {
        *part = other + 1;
        azl_tell_part(&e->tell, "response.content_part.added", item, refusal,
                      0);
    }
    return item;
}

static void say(encoder_t *e, azl_span_t raw, const azl_value_t *logprobs)
{
    azl_told_item_t *item = speak(e, 0);
    azl_span_t beside = azl_told_logprobs(item, logprobs);

    keep(e, raw.len + beside.len);
    azl_told_more(item->text, raw);
    azl_tell_text(&e->tell, item, raw, beside);
}

static void refuse(encoder_t *e, azl_span_t raw)
{
    azl_told_item_t *item = speak(e, 1);

    keep(e, raw.len);
    azl_told_more(item->refusal, raw);
    azl_tell_delta(&e->tell, "response.refusal.delta", item, "content_index",
                   item->refusal_part, raw);
}

static void cite(encoder_t *e, azl_span_t raw)
{
    azl_told_item_t *item;
    azl_span_t source;
    azl_object_t o;
    azl_write_t w;

    if (!azl_object_open(&o, raw) || !azl_object_get(&o, "url_citation")) {
        return;
    }
    item = speak(e, 0);
    source = azl_told_annotation(item, raw);
    if (!source.len) {
        return;
    }
    keep(e, source.len);
    w = azl_tell_begin_inside(&e->tell, "response.output_text.annotation.added",
                              item, "content_index", item->text_part);
    azl_write_int(&w, "annotation_index", item->nannotations - 1);
    azl_write_raw(&w, "annotation", source);
    azl_tell_end(&w);
}

static AZL_OWN_FRAME void cite_all(encoder_t *e, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;

    if (list->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        cite(e, v.raw);
    }
}

static void think(encoder_t *e, azl_span_t raw)
{
    azl_told_item_t *item = go_on(e, AZL_ITEM_REASONING);

    keep(e, raw.len);
    azl_told_more(item->text, raw);
    azl_tell_delta(&e->tell, "response.reasoning_summary_text.delta", item,
                   "summary_index", 0, raw);
}

/*
 * Calls
 */

static azl_span_t string_in(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && azl_value_is_text(v) ? v->raw : azl_span("", 0);
}

/* What names a call comes once, and the event it comes with is gone then. */
static void learn(encoder_t *e, azl_span_t *to, azl_span_t raw)
{
    if (!to->len && raw.len) {
        keep(e, raw.len);
        *to = azl_span(apr_pstrmemdup(e->tell.told.pool, raw.at, raw.len),
                       raw.len);
    }
}

static const char *call_event(const azl_told_item_t *item, int done)
{
    if (item->kind == AZL_ITEM_CUSTOM_CALL) {
        return done ? "response.custom_tool_call_input.done"
                    : "response.custom_tool_call_input.delta";
    }
    return done ? "response.function_call_arguments.done"
                : "response.function_call_arguments.delta";
}

/* What it said before its name was known is made up for. */
static void announce(encoder_t *e, azl_told_item_t *item)
{
    azl_write_t w;

    item->begun = 1;
    azl_tell_item(&e->tell, "response.output_item.added", item, 0);
    if (item->text->len && !item->stands) {
        w = azl_tell_begin_inside(&e->tell, call_event(item, 0), item, NULL, 0);
        azl_told_write_inside(&w, "delta", item->text);
        azl_tell_end(&w);
    }
}

static azl_told_item_t *find_call(encoder_t *e, apr_int64_t number, int custom)
{
    if (!e->calls[number]) {
        close_open(e);
        e->calls[number] =
            azl_told_add(&e->tell.told, custom ? AZL_ITEM_CUSTOM_CALL
                                               : AZL_ITEM_FUNCTION_CALL);
    }
    return e->calls[number];
}

static AZL_OWN_FRAME void more_call(encoder_t *e, azl_span_t raw)
{
    const azl_value_t *body, *index;
    azl_told_item_t *item;
    azl_object_t call, o;
    apr_int64_t number;
    azl_span_t text;
    int custom;

    index = azl_object_open(&call, raw) ? azl_object_get(&call, "index") : NULL;
    if (!index || !azl_scan_uint(index->raw, &number) ||
        number >= AZL_TOOL_CALLS_MAX) {
        return;
    }
    custom = azl_object_get(&call, "custom") != NULL;
    body = azl_object_get(&call, custom ? "custom" : "function");
    item = find_call(e, number, custom);
    learn(e, &item->call_id, string_in(&call, "id"));
    if (!body || !azl_object_open(&o, body->raw)) {
        return;
    }
    learn(e, &item->name, string_in(&o, "name"));
    text = string_in(&o, custom ? "input" : "arguments");
    if (item->name.len && !item->begun) {
        azl_told_name(&e->tell.told, item);
        announce(e, item);
    }
    if (text.len) {
        keep(e, text.len);
        azl_told_more(item->text, text);
        if (item->begun && !item->stands) {
            azl_tell_delta(&e->tell, call_event(item, 0), item, NULL, 0, text);
        }
    }
}

static AZL_OWN_FRAME void more_calls(encoder_t *e, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;

    if (list->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        more_call(e, v.raw);
    }
}

/* What a function was called with that stood for something else is its input
 * now, which comes in one piece. */
static void settle(encoder_t *e, azl_told_item_t *item)
{
    azl_write_t w;

    azl_told_settle(&e->tell.told, item);
    if (item->kind == AZL_ITEM_CUSTOM_CALL && item->text->len) {
        w = azl_tell_begin_inside(&e->tell, call_event(item, 0), item, NULL, 0);
        azl_told_write_inside(&w, "delta", item->text);
        azl_tell_end(&w);
    }
}

static void close_call(encoder_t *e, azl_told_item_t *item)
{
    int custom = item->kind == AZL_ITEM_CUSTOM_CALL;
    azl_write_t w;

    if (!item->begun) {
        announce(e, item);
    }
    if (item->stands) {
        settle(e, item);
    }
    if (item->kind == AZL_ITEM_SEARCH_CALL) {
        azl_tell_item(&e->tell, "response.output_item.done", item, 1);
        return;
    }
    if (!item->text->len && !custom) {
        /* no arguments are an empty object */
        azl_buf_puts(item->text, "{}");
        azl_tell_delta(&e->tell, call_event(item, 0), item, NULL, 0,
                       azl_span_str("\"{}\""));
    }
    w = azl_tell_begin_inside(&e->tell, call_event(item, 1), item, NULL, 0);
    if (!custom && item->name.len) {
        azl_write_raw(&w, "name", item->name);
    }
    azl_told_write_inside(&w, custom ? "input" : "arguments", item->text);
    azl_tell_end(&w);
    azl_tell_item(&e->tell, "response.output_item.done", item, 1);
}

static AZL_OWN_FRAME void close_items(encoder_t *e)
{
    int i;

    close_open(e);
    for (i = 0; i < AZL_TOOL_CALLS_MAX; ++i) {
        if (e->calls[i]) {
            close_call(e, e->calls[i]);
        }
    }
}

/*
 * Chunks
 */

static void read_delta(encoder_t *e, azl_span_t raw,
                       const azl_value_t *logprobs)
{
    const azl_value_t *calls, *sources;
    azl_object_t delta;
    azl_span_t text;

    if (!azl_object_open(&delta, raw)) {
        return;
    }
    text = string_in(&delta, "reasoning_content");
    if (!text.len) {
        text = string_in(&delta, "reasoning");
    }
    if (text.len) {
        think(e, text);
    }
    text = string_in(&delta, "content");
    if (text.len) {
        say(e, text, logprobs);
    }
    text = string_in(&delta, "refusal");
    if (text.len) {
        refuse(e, text);
    }
    sources = azl_object_get(&delta, "annotations");
    if (sources) {
        cite_all(e, sources);
    }
    calls = azl_object_get(&delta, "tool_calls");
    if (calls) {
        more_calls(e, calls);
    }
}

static void read_choice(encoder_t *e, const azl_value_t *choices)
{
    const azl_value_t *v;
    azl_value_t first;
    azl_object_t choice;
    azl_scan_t s;

    azl_scan_init(&s, choices->raw.at, choices->raw.len);
    if (choices->type != AZL_JSON_ARRAY || azl_scan_enter(&s) != 1 ||
        azl_scan_element(&s) != 1 || azl_scan_value(&s, &first) != 1 ||
        !azl_object_open(&choice, first.raw)) {
        return;
    }
    v = azl_object_get(&choice, "delta");
    if (v) {
        read_delta(e, v->raw, azl_object_get(&choice, "logprobs"));
    }
    v = azl_object_get(&choice, "finish_reason");
    if (v) {
        azl_told_finish(&e->tell.told, v->raw);
    }
}

static void read_chunk(encoder_t *e, const azl_object_t *chunk)
{
    const azl_value_t *v;

    open_response(e);
    v = azl_object_get(chunk, "choices");
    if (v) {
        read_choice(e, v);
    }
    v = azl_object_get(chunk, "usage");
    if (v) {
        azl_usage_read(&e->tell.told.usage, v->raw);
    }
    v = azl_object_get(chunk, "service_tier");
    if (v && azl_value_is_text(v) && !azl_span_is(v->raw, e->tell.told.tier)) {
        keep(e, v->raw.len);
        e->tell.told.tier =
            apr_pstrmemdup(e->tell.told.pool, v->raw.at, v->raw.len);
    }
}

static void finish(encoder_t *e)
{
    open_response(e);
    close_items(e);
    if (e->tell.told.reason) {
        azl_tell_response(&e->tell, "response.incomplete", "incomplete", NULL);
    }
    else {
        azl_tell_response(&e->tell, "response.completed", "completed", NULL);
    }
    e->ended = !e->tell.out->failed;
}

static void write_word(azl_write_t *w, const char *name, const azl_object_t *o)
{
    azl_span_t raw = string_in(o, name);

    azl_write_raw(w, name, raw.len ? raw : azl_span_str("null"));
}

/* The event in OpenAI's form, with the `error` object that makes the SDKs
 * raise beside its members; behind it the Response that failed. */
static AZL_OWN_FRAME void fail(encoder_t *e, azl_span_t error)
{
    azl_buf_t *reason = azl_buf_create(e->tell.told.pool, AZL_STREAM_EVENT_MAX);
    azl_object_t o;
    azl_write_t w;

    if (!azl_object_open(&o, error)) {
        azl_object_open(&o, azl_span_str("{}"));
    }
    open_response(e);
    w = azl_tell_begin(&e->tell, "error");
    write_word(&w, "code", &o);
    write_word(&w, "message", &o);
    write_word(&w, "param", &o);
    azl_write_raw(&w, "error", error);
    azl_tell_end(&w);
    azl_write_init(&w, reason);
    azl_write_open(&w, NULL, '{');
    write_word(&w, "code", &o);
    write_word(&w, "message", &o);
    azl_write_close(&w, '}');
    e->tell.told.cut = 1;
    azl_tell_response(&e->tell, "response.failed", "failed",
                      azl_buf_pstr(reason, e->tell.told.pool));
    azl_buf_free(reason);
    e->ended = 1;
}

void azl_responses_chunk(void *encoder, const azl_sse_event_t *ev,
                         azl_buf_t *out)
{
    encoder_t *e = encoder;
    apr_int64_t sequence = e->tell.sequence;
    const azl_value_t *error;
    azl_object_t o;

    e->tell.out = out;
    if (ev->comment) {
        azl_buf_puts(out, ":\n\n");
    }
    else if (e->ended) {
        return;
    }
    else if (azl_span_is(ev->data, "[DONE]")) {
        finish(e);
    }
    else if (azl_object_open(&o, ev->data)) {
        error = azl_object_get(&o, "error");
        if (error && error->type != AZL_JSON_NULL) {
            fail(e, error->raw);
        }
        else {
            read_chunk(e, &o);
        }
    }
    if (out->failed) {
        e->tell.sequence = sequence; /* nobody will see these */
    }
}
