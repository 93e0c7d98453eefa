/*
 * A stream of the Messages API as a stream of chunks.
 *
 * Text goes on as it was written, as JSON; nothing of a token is kept but,
 * where state is kept for the client, the text of its thinking, until the
 * stream ends.
 */
#include <apr_strings.h>

#include "azl_anthropic_int.h"

/* Blocks come one after the other; more than these are never open at once. */
#define OPEN_MAX 8

typedef enum {
    BLOCK_FREE = 0,
    BLOCK_TEXT,
    BLOCK_TOOL,
    BLOCK_JSON, /* a tool that stands for text */
    BLOCK_THINKING,
    BLOCK_OTHER
} block_e;

typedef struct block_t {
    block_e kind;
    apr_int64_t index; /* theirs */
    int tool;          /* ours, of BLOCK_TOOL */
    int said;          /* ... it has arguments */
    int is_signed;     /* of BLOCK_THINKING */
    apr_size_t at;     /* ... where it begins in the state */
} block_t;

typedef struct decoder_t {
    azl_hub_stream_t hub;
    azl_exchange_t *ex;
    int json_tool;
    block_t open[OPEN_MAX];
    int ntools;
    const char *first_call; /* id of the first tool; NULL: there is none */
    azl_buf_t *state;       /* thinking blocks; NULL: they are not kept */
    azl_usage_t usage;
    const char *finish; /* finish_reason; NULL: not said yet */
    int ended;
} decoder_t;

void *azl_anthropic_decoder(azl_exchange_t *ex)
{
    const azl_anthropic_memo_t *memo = ex->memo;
    decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    d->ex = ex;
    d->json_tool = memo->json_tool;
    if (ex->keep) {
        d->state = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
    }
    azl_hub_stream_init(&d->hub, ex);
    return d;
}

/* A string of JSON without its quotes. */
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

/* The inside of a string member; empty: there is none. It is a word, or has to
 * be decoded. */
static azl_span_t word_of(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = get(o, name, AZL_JSON_STRING);

    return v ? inside(v->raw) : azl_span("", 0);
}

/* The same for what the upstream may have written with escapes; NULL: none. */
static const char *text_of(decoder_t *d, const azl_object_t *o,
                           const char *name)
{
    const azl_value_t *v = get(o, name, AZL_JSON_STRING);

    return v ? azl_scan_text(d->ex->pool, v->raw) : NULL;
}

/*
 * Blocks
 */

static apr_int64_t index_of(const azl_object_t *o)
{
    const azl_value_t *v = get(o, "index", AZL_JSON_NUMBER);
    apr_int64_t n;

    return v && azl_scan_uint(v->raw, &n) ? n : 0;
}

static block_t *find_block(decoder_t *d, apr_int64_t index)
{
    int i;

    for (i = 0; i < OPEN_MAX; ++i) {
        if (d->open[i].kind != BLOCK_FREE && d->open[i].index == index) {
            return &d->open[i];
        }
    }
    return NULL;
}

/* Thinking is kept as the block it will have to be again:
 * {"type":"thinking","thinking":"...","signature":"..."}. */
static void end_state(decoder_t *d, const block_t *b)
{
    if (!d->state) {
        return;
    }
    if (b->is_signed) {
        azl_buf_puts(d->state, "\"}");
    }
    else if (b->at < d->state->len) {
        d->state->len = b->at; /* it would not be taken back */
    }
}

static void close_block(decoder_t *d, block_t *b)
{
    if (b->kind == BLOCK_TOOL && !b->said) {
        azl_hub_arguments_text(&d->hub, 0, b->tool, azl_span_str("{}"));
    }
    else if (b->kind == BLOCK_THINKING) {
        end_state(d, b);
    }
    b->kind = BLOCK_FREE;
}

/* The place of a new block: its own, if it was not closed, or one that is
 * free, or the first, if upstream forgets to close any. */
static block_t *new_block(decoder_t *d, apr_int64_t index)
{
    block_t *b = find_block(d, index);
    int i;

    for (i = 0; !b && i < OPEN_MAX; ++i) {
        if (d->open[i].kind == BLOCK_FREE) {
            b = &d->open[i];
        }
    }
    b = b ? b : &d->open[0];
    close_block(d, b);
    memset(b, 0, sizeof(*b));
    b->index = index;
    b->kind = BLOCK_OTHER;
    return b;
}

/* One block of thinking at a time, or what is kept would be mixed. */
static void end_thinking(decoder_t *d)
{
    int i;

    for (i = 0; i < OPEN_MAX; ++i) {
        if (d->open[i].kind == BLOCK_THINKING) {
            close_block(d, &d->open[i]);
        }
    }
}

static void begin_state(decoder_t *d, block_t *b)
{
    if (d->state) {
        b->at = d->state->len;
        azl_buf_puts(d->state, d->state->len ? "," : "");
        azl_buf_puts(d->state, "{\"type\":\"thinking\",\"thinking\":\"");
    }
}

static void add_state(decoder_t *d, azl_span_t raw)
{
    if (d->state) {
        azl_buf_span(d->state, inside(raw));
    }
}

static void add_signature(decoder_t *d, block_t *b, azl_span_t raw)
{
    if (d->state && raw.len > 2) {
        azl_buf_puts(d->state, b->is_signed ? "" : "\",\"signature\":\"");
        add_state(d, raw);
        b->is_signed = 1;
    }
}

static void think(decoder_t *d, const block_t *b, azl_span_t raw)
{
    if (!b->is_signed) {
        add_state(d, raw);
    }
    azl_hub_delta(&d->hub, 0, "reasoning_content", raw);
}

static void start_thinking(decoder_t *d, block_t *b, const azl_object_t *o)
{
    const azl_value_t *text = get(o, "thinking", AZL_JSON_STRING);
    const azl_value_t *sign = get(o, "signature", AZL_JSON_STRING);

    end_thinking(d);
    b->kind = BLOCK_THINKING;
    begin_state(d, b);
    if (text) {
        think(d, b, text->raw);
    }
    if (sign) {
        add_signature(d, b, sign->raw);
    }
}

static void keep_redacted(decoder_t *d, const azl_object_t *o)
{
    const azl_value_t *data = get(o, "data", AZL_JSON_STRING);

    end_thinking(d);
    if (d->state && data && data->raw.len > 2) {
        azl_buf_puts(d->state, d->state->len ? "," : "");
        azl_buf_puts(d->state, "{\"type\":\"redacted_thinking\",\"data\":");
        azl_buf_span(d->state, data->raw);
        azl_buf_puts(d->state, "}");
    }
}

/* Some upstreams give the whole input at once. */
static void whole_input(decoder_t *d, block_t *b, const azl_object_t *o)
{
    const azl_value_t *input = get(o, "input", AZL_JSON_OBJECT);
    azl_scan_t s;
    azl_span_t key;

    if (!input) {
        return;
    }
    azl_scan_init(&s, input->raw.at, input->raw.len);
    azl_scan_enter(&s);
    if (azl_scan_member(&s, &key) != 1) {
        return;
    }
    b->said = 1;
    if (b->kind == BLOCK_JSON) {
        azl_hub_delta_text(&d->hub, 0, "content", input->raw);
    }
    else {
        azl_hub_arguments_text(&d->hub, 0, b->tool, input->raw);
    }
}

static void start_tool(decoder_t *d, block_t *b, const azl_object_t *o)
{
    const char *id, *name;

    if (!azl_hub_another_call(&d->hub, word_of(o, "name").len,
                              word_of(o, "id").len)) {
        return;
    }
    id = text_of(d, o, "id");
    name = text_of(d, o, "name");
    if (!name) {
        return;
    }
    if (d->json_tool && strcmp(name, AZL_JSON_TOOL) == 0) {
        b->kind = BLOCK_JSON;
    }
    else {
        b->kind = BLOCK_TOOL;
        b->tool = d->ntools++;
        if (!id || !*id) {
            id = apr_psprintf(d->ex->pool, "call_%s_%d", d->ex->request_id,
                              b->tool);
        }
        d->first_call = d->first_call ? d->first_call : id;
        azl_hub_tool(&d->hub, 0, b->tool, azl_span_str(id), azl_span_str(name));
    }
    whole_input(d, b, o);
}

static void block_start(decoder_t *d, const azl_object_t *ev)
{
    const azl_value_t *content = get(ev, "content_block", AZL_JSON_OBJECT);
    const azl_value_t *text;
    azl_object_t o;
    azl_span_t type;
    block_t *b;

    if (!content || !azl_object_open(&o, content->raw)) {
        return;
    }
    b = new_block(d, index_of(ev));
    type = word_of(&o, "type");
    if (azl_span_is(type, "text")) {
        b->kind = BLOCK_TEXT;
        text = get(&o, "text", AZL_JSON_STRING);
        if (text) {
            azl_hub_delta(&d->hub, 0, "content", text->raw);
        }
    }
    else if (azl_span_is(type, "tool_use")) {
        start_tool(d, b, &o);
    }
    else if (azl_span_is(type, "thinking")) {
        start_thinking(d, b, &o);
    }
    else if (azl_span_is(type, "redacted_thinking")) {
        keep_redacted(d, &o);
    }
}

static void input_delta(decoder_t *d, block_t *b, azl_span_t raw)
{
    if (b->kind == BLOCK_JSON) {
        azl_hub_delta(&d->hub, 0, "content", raw);
    }
    else if (b->kind == BLOCK_TOOL) {
        b->said |= raw.len > 2;
        azl_hub_arguments(&d->hub, 0, b->tool, raw);
    }
}

/* What a delta has to say stands in a member that its type goes by. */
static void block_delta(decoder_t *d, const azl_object_t *ev)
{
    const azl_value_t *delta = get(ev, "delta", AZL_JSON_OBJECT);
    block_t *b = find_block(d, index_of(ev));
    const azl_value_t *v;
    azl_object_t o;

    if (!b || !delta || !azl_object_open(&o, delta->raw)) {
        return;
    }
    if ((v = get(&o, "text", AZL_JSON_STRING)) && b->kind == BLOCK_TEXT) {
        azl_hub_delta(&d->hub, 0, "content", v->raw);
    }
    else if ((v = get(&o, "partial_json", AZL_JSON_STRING))) {
        input_delta(d, b, v->raw);
    }
    else if (b->kind == BLOCK_THINKING) {
        if ((v = get(&o, "thinking", AZL_JSON_STRING))) {
            think(d, b, v->raw);
        }
        else if ((v = get(&o, "signature", AZL_JSON_STRING))) {
            add_signature(d, b, v->raw);
        }
    }
}

static void block_stop(decoder_t *d, const azl_object_t *ev)
{
    block_t *b = find_block(d, index_of(ev));

    if (b) {
        close_block(d, b);
    }
}

/*
 * The message
 */

/* `starts`: the answer has just begun, and what is counted of it is not what it
 * will be. */
static void read_usage(decoder_t *d, const azl_object_t *o, int starts)
{
    const azl_value_t *usage = get(o, "usage", AZL_JSON_OBJECT);

    if (usage && azl_usage_read_messages(&d->usage, usage->raw)) {
        d->usage.told &= starts ? ~AZL_USAGE_COMPLETION : AZL_USAGE_ALL;
        azl_hub_usage_so_far(&d->hub, &d->usage);
    }
}

static void message_start(decoder_t *d, const azl_object_t *ev)
{
    const azl_value_t *message = get(ev, "message", AZL_JSON_OBJECT);
    azl_object_t o;

    if (message && azl_object_open(&o, message->raw)) {
        azl_hub_stream_id(&d->hub, word_of(&o, "id"));
        read_usage(d, &o, 1);
    }
    azl_hub_role(&d->hub, 0);
}

/* Why a request was refused, in words for the user. */
static void explain(decoder_t *d, const azl_object_t *delta)
{
    const azl_value_t *details = get(delta, "stop_details", AZL_JSON_OBJECT);
    const azl_value_t *text;
    azl_object_t o;

    if (details && azl_object_open(&o, details->raw)) {
        text = get(&o, "explanation", AZL_JSON_STRING);
        if (text) {
            azl_hub_delta(&d->hub, 0, "refusal", text->raw);
        }
    }
}

static void message_delta(decoder_t *d, const azl_object_t *ev)
{
    const azl_value_t *delta = get(ev, "delta", AZL_JSON_OBJECT);
    const azl_value_t *reason;
    azl_object_t o;

    read_usage(d, ev, 0);
    if (!delta || !azl_object_open(&o, delta->raw)) {
        return;
    }
    reason = get(&o, "stop_reason", AZL_JSON_STRING);
    if (reason) {
        d->finish = azl_anthropic_finish(inside(reason->raw));
        if (strcmp(d->finish, "content_filter") == 0) {
            explain(d, &o);
        }
    }
}

static void keep_state(decoder_t *d)
{
    if (d->state && d->first_call && d->state->len && !d->state->failed) {
        d->ex->keep(d->ex->kept, AZL_ANTHROPIC_KIND,
                    azl_span_str(d->first_call),
                    azl_span(d->state->data, d->state->len));
    }
}

static void message_stop(decoder_t *d)
{
    int i;

    if (d->ended) {
        return;
    }
    d->ended = 1;
    for (i = 0; i < OPEN_MAX; ++i) {
        close_block(d, &d->open[i]);
    }
    keep_state(d);
    if (!d->finish ||
        (strcmp(d->finish, "tool_calls") == 0 && d->ntools == 0)) {
        d->finish = "stop"; /* the tool stood for the text */
    }
    azl_hub_finish(&d->hub, 0, d->finish);
    if (d->usage.reported) {
        azl_hub_usage_at(&d->hub, &d->usage, azl_anthropic_tier(&d->usage));
    }
    azl_hub_done(&d->hub);
}

static void failed(decoder_t *d, const azl_object_t *ev)
{
    const azl_value_t *error = get(ev, "error", AZL_JSON_OBJECT);
    const char *message = NULL;
    const char *code = NULL;
    int status = 500;
    azl_object_t o;

    if (error && azl_object_open(&o, error->raw)) {
        message = text_of(d, &o, "message");
        status = azl_anthropic_error(word_of(&o, "type"), 0, message, &code);
    }
    azl_hub_error(&d->hub, status, NULL, code, message);
}

void azl_anthropic_event(void *decoder, const azl_sse_event_t *ev,
                         azl_buf_t *out)
{
    decoder_t *d = decoder;
    azl_object_t o;
    azl_span_t type;

    d->hub.out = out;
    if (d->hub.failed) {
        return;
    }
    if (ev->comment || azl_span_is(ev->data, "[DONE]")) {
        return;
    }
    if (!azl_object_open(&o, ev->data)) {
        azl_hub_malformed(out);
        return;
    }
    type = word_of(&o, "type");
    if (azl_span_is(type, "content_block_delta")) {
        block_delta(d, &o);
    }
    else if (azl_span_is(type, "content_block_start")) {
        block_start(d, &o);
    }
    else if (azl_span_is(type, "content_block_stop")) {
        block_stop(d, &o);
    }
    else if (azl_span_is(type, "message_start")) {
        message_start(d, &o);
    }
    else if (azl_span_is(type, "message_delta")) {
        message_delta(d, &o);
    }
    else if (azl_span_is(type, "message_stop")) {
        message_stop(d);
    }
    else if (azl_span_is(type, "ping")) {
        azl_buf_puts(out, ": ping\n\n");
    }
    else if (azl_span_is(type, "error")) {
        failed(d, &o);
    }
}

/* What ended but for its last event has ended. */
void azl_anthropic_end(void *decoder, azl_buf_t *out)
{
    decoder_t *d = decoder;

    d->hub.out = out;
    if (d->finish && !d->hub.failed) {
        message_stop(d);
    }
}
