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
    azl_told_t told;
    azl_buf_t *out;        /* of the event that runs */
    apr_int64_t sequence;  /* number of the next event */
    int created;           /* the opening was sent */
    azl_told_item_t *open; /* the message or reasoning that goes on */
    azl_told_item_t *calls[AZL_TOOL_CALLS_MAX]; /* by the chat's numbers */
    apr_size_t kept; /* bytes of what has to be told once more */
    int ended;
} encoder_t;

void *azl_responses_encoder(azl_exchange_t *ex)
{
    encoder_t *e = apr_pcalloc(ex->pool, sizeof(*e));

    azl_told_init(&e->told, ex);
    return e;
}

/* So much of an answer goes on; all of it is told again at its end. */
static void keep(encoder_t *e, apr_size_t len)
{
    e->kept += len;
    e->out->failed |= e->kept > AZL_STREAM_EVENT_MAX;
}

/*
 * Events
 */

static azl_write_t begin_event(encoder_t *e, const char *type)
{
    azl_write_t w;

    azl_buf_puts(e->out, "event: ");
    azl_buf_puts(e->out, type);
    azl_buf_puts(e->out, "\ndata: ");
    azl_write_init(&w, e->out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", type);
    azl_write_int(&w, "sequence_number", e->sequence++);
    return w;
}

static void end_event(azl_write_t *w)
{
    azl_write_close(w, '}');
    azl_buf_puts(w->out, "\n\n");
}

static void tell_response(encoder_t *e, const char *type, const char *status,
                          const char *error)
{
    azl_write_t w = begin_event(e, type);

    azl_told_write(&e->told, &w, "response", status, error);
    end_event(&w);
}

static void open_response(encoder_t *e)
{
    if (!e->created) {
        e->created = 1;
        tell_response(e, "response.created", "in_progress", NULL);
        tell_response(e, "response.in_progress", "in_progress", NULL);
    }
}

static void tell_item(encoder_t *e, const char *type,
                      const azl_told_item_t *item, int whole)
{
    azl_write_t w = begin_event(e, type);

    azl_write_int(&w, "output_index", item->number);
    azl_told_write_item(&e->told, &w, "item", item, whole);
    end_event(&w);
}

/* An event about a place in an item. `part` NULL: the item has no parts. */
static azl_write_t begin_inside(encoder_t *e, const char *type,
                                const azl_told_item_t *item, const char *part,
                                int number)
{
    azl_write_t w = begin_event(e, type);

    azl_write_str(&w, "item_id", item->id);
    azl_write_int(&w, "output_index", item->number);
    if (part) {
        azl_write_int(&w, part, number);
    }
    return w;
}

static void tell_delta(encoder_t *e, const char *type,
                       const azl_told_item_t *item, const char *part,
                       int number, azl_span_t raw)
{
    azl_write_t w = begin_inside(e, type, item, part, number);

    azl_write_raw(&w, "delta", raw);
    end_event(&w);
}

static void tell_text(encoder_t *e, const azl_told_item_t *item, azl_span_t raw,
                      azl_span_t logprobs)
{
    azl_write_t w = begin_inside(e, "response.output_text.delta", item,
                                 "content_index", item->text_part);

    azl_write_raw(&w, "delta", raw);
    azl_write_open(&w, "logprobs", '[');
    azl_buf_span(w.out, logprobs);
    azl_write_close(&w, ']');
    end_event(&w);
}

/*
 * Messages and reasoning
 */

static void tell_part(encoder_t *e, const char *type,
                      const azl_told_item_t *item, int refusal, int whole)
{
    azl_write_t w =
        begin_inside(e, type, item, "content_index",
                     refusal ? item->refusal_part : item->text_part);

    azl_told_write_part(&w, "part", item, refusal, whole);
    end_event(&w);
}

static void end_part(encoder_t *e, const azl_told_item_t *item, int refusal)
{
    azl_write_t w = begin_inside(
        e, refusal ? "response.refusal.done" : "response.output_text.done",
        item, "content_index", refusal ? item->refusal_part : item->text_part);

    azl_told_write_inside(&w, refusal ? "refusal" : "text",
                          refusal ? item->refusal : item->text);
    if (!refusal) {
        azl_told_write_logprobs(&w, item->logprobs);
    }
    end_event(&w);
    tell_part(e, "response.content_part.done", item, refusal, 1);
}

static void tell_summary(encoder_t *e, const char *type,
                         const azl_told_item_t *item, const azl_buf_t *text)
{
    azl_write_t w = begin_inside(e, type, item, "summary_index", 0);

    azl_write_open(&w, "part", '{');
    azl_write_str(&w, "type", "summary_text");
    azl_told_write_inside(&w, "text", text);
    azl_write_close(&w, '}');
    end_event(&w);
}

static void end_summary(encoder_t *e, const azl_told_item_t *item)
{
    azl_write_t w = begin_inside(e, "response.reasoning_summary_text.done",
                                 item, "summary_index", 0);

    azl_told_write_inside(&w, "text", item->text);
    end_event(&w);
    tell_summary(e, "response.reasoning_summary_part.done", item, item->text);
}

/* What goes on is over. */
static void close_open(encoder_t *e)
{
    const azl_told_item_t *item = e->open;

    if (!item) {
        return;
    }
    if (item->kind == AZL_ITEM_REASONING) {
        end_summary(e, item);
    }
    if (item->text_part >= 0) {
        end_part(e, item, 0);
    }
    if (item->refusal_part >= 0) {
        end_part(e, item, 1);
    }
    tell_item(e, "response.output_item.done", item, 1);
    e->open = NULL;
}

/* The message or reasoning that goes on, or a new one. */
static azl_told_item_t *go_on(encoder_t *e, azl_item_e kind)
{
    static const azl_buf_t nothing;

    if (!e->open || e->open->kind != kind) {
        close_open(e);
        e->open = azl_told_add(&e->told, kind);
        keep(e, ITEM_SIZE);
        tell_item(e, "response.output_item.added", e->open, 0);
        if (kind == AZL_ITEM_REASONING) {
            tell_summary(e, "response.reasoning_summary_part.added", e->open,
                         &nothing);
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
        tell_part(e, "response.content_part.added", item, refusal, 0);
    }
    return item;
}

static void say(encoder_t *e, azl_span_t raw, const azl_value_t *logprobs)
{
    azl_told_item_t *item = speak(e, 0);
    azl_span_t beside = azl_told_logprobs(item, logprobs);

    keep(e, raw.len + beside.len);
    azl_told_more(item->text, raw);
    tell_text(e, item, raw, beside);
}

static void refuse(encoder_t *e, azl_span_t raw)
{
    azl_told_item_t *item = speak(e, 1);

    keep(e, raw.len);
    azl_told_more(item->refusal, raw);
    tell_delta(e, "response.refusal.delta", item, "content_index",
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
    w = begin_inside(e, "response.output_text.annotation.added", item,
                     "content_index", item->text_part);
    azl_write_int(&w, "annotation_index", item->nannotations - 1);
    azl_write_raw(&w, "annotation", source);
    end_event(&w);
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
    tell_delta(e, "response.reasoning_summary_text.delta", item,
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
        *to = azl_span(apr_pstrmemdup(e->told.pool, raw.at, raw.len), raw.len);
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
    tell_item(e, "response.output_item.added", item, 0);
    if (item->text->len && !item->stands) {
        w = begin_inside(e, call_event(item, 0), item, NULL, 0);
        azl_told_write_inside(&w, "delta", item->text);
        end_event(&w);
    }
}

static azl_told_item_t *find_call(encoder_t *e, apr_int64_t number, int custom)
{
    if (!e->calls[number]) {
        close_open(e);
        e->calls[number] = azl_told_add(
            &e->told, custom ? AZL_ITEM_CUSTOM_CALL : AZL_ITEM_FUNCTION_CALL);
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
        azl_told_name(&e->told, item);
        announce(e, item);
    }
    if (text.len) {
        keep(e, text.len);
        azl_told_more(item->text, text);
        if (item->begun && !item->stands) {
            tell_delta(e, call_event(item, 0), item, NULL, 0, text);
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

    azl_told_settle(&e->told, item);
    if (item->kind == AZL_ITEM_CUSTOM_CALL && item->text->len) {
        w = begin_inside(e, call_event(item, 0), item, NULL, 0);
        azl_told_write_inside(&w, "delta", item->text);
        end_event(&w);
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
        tell_item(e, "response.output_item.done", item, 1);
        return;
    }
    if (!item->text->len && !custom) {
        /* no arguments are an empty object */
        azl_buf_puts(item->text, "{}");
        tell_delta(e, call_event(item, 0), item, NULL, 0,
                   azl_span_str("\"{}\""));
    }
    w = begin_inside(e, call_event(item, 1), item, NULL, 0);
    if (!custom && item->name.len) {
        azl_write_raw(&w, "name", item->name);
    }
    azl_told_write_inside(&w, custom ? "input" : "arguments", item->text);
    end_event(&w);
    tell_item(e, "response.output_item.done", item, 1);
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
        azl_told_finish(&e->told, v->raw);
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
        azl_usage_read(&e->told.usage, v->raw);
    }
    v = azl_object_get(chunk, "service_tier");
    if (v && azl_value_is_text(v) && !azl_span_is(v->raw, e->told.tier)) {
        keep(e, v->raw.len);
        e->told.tier = apr_pstrmemdup(e->told.pool, v->raw.at, v->raw.len);
    }
}

static void finish(encoder_t *e)
{
    open_response(e);
    close_items(e);
    if (e->told.reason) {
        tell_response(e, "response.incomplete", "incomplete", NULL);
    }
    else {
        tell_response(e, "response.completed", "completed", NULL);
    }
    e->ended = !e->out->failed;
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
    azl_buf_t *reason = azl_buf_create(e->told.pool, AZL_STREAM_EVENT_MAX);
    azl_object_t o;
    azl_write_t w;

    if (!azl_object_open(&o, error)) {
        azl_object_open(&o, azl_span_str("{}"));
    }
    open_response(e);
    w = begin_event(e, "error");
    write_word(&w, "code", &o);
    write_word(&w, "message", &o);
    write_word(&w, "param", &o);
    azl_write_raw(&w, "error", error);
    end_event(&w);
    azl_write_init(&w, reason);
    azl_write_open(&w, NULL, '{');
    write_word(&w, "code", &o);
    write_word(&w, "message", &o);
    azl_write_close(&w, '}');
    e->told.cut = 1;
    tell_response(e, "response.failed", "failed",
                  azl_buf_pstr(reason, e->told.pool));
    azl_buf_free(reason);
    e->ended = 1;
}

void azl_responses_chunk(void *encoder, const azl_sse_event_t *ev,
                         azl_buf_t *out)
{
    encoder_t *e = encoder;
    apr_int64_t sequence = e->sequence;
    const azl_value_t *error;
    azl_object_t o;

    e->out = out;
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
        e->sequence = sequence; /* nobody will see these */
    }
}
