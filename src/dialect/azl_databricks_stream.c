/*
 * A stream of a serving endpoint of Databricks as a stream of chunks: texts
 * that are lists of parts become texts, and calls begin without arguments.
 *
 * Text goes on as it was written, as JSON; nothing of a token is kept but,
 * where state is kept for the client, the text of its thinking, until the
 * stream ends.
 */
#include <apr_strings.h>

#include "azl_databricks_int.h"
#include "azl_failure_int.h"

/* A call of a tool. */
typedef struct call_t {
    int choice;
    apr_int64_t index; /* theirs */
    int tool;          /* ours */
    int is_json;       /* it stands for the text */
    int empty;         /* began with {}, which may be all there is */
} call_t;

typedef struct decoder_t {
    azl_hub_stream_t hub;
    azl_exchange_t *ex;
    int json_tool;
    apr_array_header_t *calls; /* call_t */
    const char *first_call;    /* id of the first choice's first; NULL: none */
    azl_buf_t *state;          /* its thinking blocks; NULL: not kept */
    int thinking;              /* one is open */
    apr_size_t begun;          /* ... from there */
    azl_usage_t usage;
    int ended;
} decoder_t;

void *azl_databricks_decoder(azl_exchange_t *ex)
{
    const azl_databricks_memo_t *memo = ex->memo;
    decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    d->ex = ex;
    d->json_tool = memo->claude.json_tool;
    d->calls = apr_array_make(ex->pool, 4, sizeof(call_t));
    if (ex->keep) {
        d->state = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
    }
    azl_hub_stream_init(&d->hub, ex);
    return d;
}

static const azl_value_t *get(const azl_object_t *o, const char *name,
                              azl_json_type_e type)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && v->type == type ? v : NULL;
}

/* NULL: there is none, or an empty one. */
static const azl_value_t *word_of(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && azl_value_is_text(v) ? v : NULL;
}

static azl_span_t inside(azl_span_t raw)
{
    return azl_span(raw.at + 1, raw.len - 2);
}

/*
 * Thinking: {"type":"thinking","thinking":"...","signature":"..."} is kept for
 * each block, which ends with its signature
 */

static void think(decoder_t *d, azl_span_t raw)
{
    if (!d->state || raw.len <= 2) {
        return;
    }
    if (!d->thinking) {
        d->thinking = 1;
        d->begun = d->state->len;
        azl_buf_puts(d->state, d->state->len ? "," : "");
        azl_buf_puts(d->state, "{\"type\":\"thinking\",\"thinking\":\"");
    }
    azl_buf_span(d->state, inside(raw));
}

static void sign(decoder_t *d, azl_span_t raw)
{
    if (d->state && d->thinking && raw.len > 2) {
        azl_buf_puts(d->state, "\",\"signature\":");
        azl_buf_span(d->state, raw);
        azl_buf_puts(d->state, "}");
        d->thinking = 0;
    }
}

static void keep_state(decoder_t *d)
{
    if (!d->state) {
        return;
    }
    if (d->thinking) {
        d->state->len = d->begun; /* it would not be taken back */
    }
    if (d->first_call && d->state->len && !d->state->failed) {
        d->ex->keep(d->ex->kept, AZL_ANTHROPIC_KIND,
                    azl_span_str(d->first_call),
                    azl_span(d->state->data, d->state->len));
    }
}

static void read_thought(decoder_t *d, int choice, azl_span_t raw)
{
    const azl_value_t *text;
    const azl_value_t *signature;
    azl_object_t o;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    text = get(&o, "text", AZL_JSON_STRING);
    signature = get(&o, "signature", AZL_JSON_STRING);
    if (text) {
        azl_hub_delta(&d->hub, choice, "reasoning_content", text->raw);
    }
    if (choice == 0) {
        think(d, text ? text->raw : azl_span("", 0));
        sign(d, signature ? signature->raw : azl_span("", 0));
    }
}

/*
 * Text
 */

static void read_part(decoder_t *d, int choice, azl_span_t raw)
{
    const azl_value_t *text, *summary;
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    text = get(&o, "text", AZL_JSON_STRING);
    summary = get(&o, "summary", AZL_JSON_ARRAY);
    if (text) {
        azl_hub_delta(&d->hub, choice, "content", text->raw);
    }
    if (summary) {
        azl_scan_init(&s, summary->raw.at, summary->raw.len);
        azl_scan_enter(&s);
        while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
            read_thought(d, choice, v.raw);
        }
    }
}

static void read_content(decoder_t *d, int choice, const azl_value_t *content)
{
    azl_value_t v;
    azl_scan_t s;

    if (content->type == AZL_JSON_STRING) {
        azl_hub_delta(&d->hub, choice, "content", content->raw);
        return;
    }
    if (content->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, content->raw.at, content->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        read_part(d, choice, v.raw);
    }
}

/*
 * Calls
 */

static apr_int64_t index_of(const azl_object_t *o)
{
    const azl_value_t *v = get(o, "index", AZL_JSON_NUMBER);
    apr_int64_t n;

    return v && azl_scan_uint(v->raw, &n) ? n : 0;
}

static call_t *find_call(decoder_t *d, int choice, apr_int64_t index)
{
    call_t *calls = (call_t *)(void *)d->calls->elts;
    int i;

    for (i = d->calls->nelts; i > 0; --i) {
        if (calls[i - 1].choice == choice && calls[i - 1].index == index) {
            return &calls[i - 1];
        }
    }
    return NULL;
}

static int count_tools(const decoder_t *d, int choice)
{
    int n = 0;
    int i;

    for (i = 0; i < d->calls->nelts; ++i) {
        const call_t *call = &APR_ARRAY_IDX(d->calls, i, call_t);

        n += call->choice == choice && !call->is_json;
    }
    return n;
}

static call_t *begin_call(decoder_t *d, int choice, apr_int64_t index,
                          const azl_value_t *their_id,
                          const azl_value_t *their_name)
{
    int tool = count_tools(d, choice);
    const char *name, *id;
    call_t *call;

    if (!azl_hub_another_call(&d->hub, their_name->raw.len,
                              their_id ? their_id->raw.len : 0)) {
        return NULL;
    }
    if (!(name = azl_scan_text(d->ex->pool, their_name->raw))) {
        return NULL;
    }
    id = their_id ? azl_scan_text(d->ex->pool, their_id->raw) : NULL;
    call = apr_array_push(d->calls);
    memset(call, 0, sizeof(*call));
    call->choice = choice;
    call->index = index;
    call->empty = 1;
    if (d->json_tool && strcmp(name, AZL_JSON_TOOL) == 0) {
        call->is_json = 1;
        return call;
    }
    call->tool = tool;
    if (!id || !*id) {
        id = apr_psprintf(d->ex->pool, "call_%s_%d_%d", d->ex->request_id,
                          choice, tool);
    }
    if (choice == 0 && !d->first_call) {
        d->first_call = id;
    }
    azl_hub_tool(&d->hub, choice, tool, azl_span_str(id), azl_span_str(name));
    return call;
}

/* The whole input of a call begins as {}, before what it really is. */
static void add_arguments(decoder_t *d, call_t *call, azl_span_t raw)
{
    if (raw.len <= 2 || (call->empty && azl_span_is(raw, "\"{}\""))) {
        return;
    }
    call->empty = 0;
    if (call->is_json) {
        azl_hub_delta(&d->hub, call->choice, "content", raw);
    }
    else {
        azl_hub_arguments(&d->hub, call->choice, call->tool, raw);
    }
}

static void read_call(decoder_t *d, int choice, azl_span_t raw)
{
    const azl_value_t *function, *arguments, *name, *id;
    azl_object_t o, f;
    apr_int64_t index;
    call_t *call;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    function = get(&o, "function", AZL_JSON_OBJECT);
    if (!function || !azl_object_open(&f, function->raw)) {
        return;
    }
    index = index_of(&o);
    name = word_of(&f, "name");
    id = word_of(&o, "id");
    call = find_call(d, choice, index);
    /* a name that is said again, without an id, is no other call */
    if (name && (!call || id)) {
        call = begin_call(d, choice, index, id, name);
    }
    arguments = get(&f, "arguments", AZL_JSON_STRING);
    if (call && arguments) {
        add_arguments(d, call, arguments->raw);
    }
}

static void read_calls(decoder_t *d, int choice, const azl_value_t *calls)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, calls->raw.at, calls->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        read_call(d, choice, v.raw);
    }
}

/* What began with {} and got nothing else was that. */
static void end_calls(decoder_t *d, int choice)
{
    int i;

    for (i = 0; i < d->calls->nelts; ++i) {
        call_t *call = &APR_ARRAY_IDX(d->calls, i, call_t);

        if (call->choice == choice && call->empty) {
            call->empty = 0;
            if (call->is_json) {
                azl_hub_delta_text(&d->hub, choice, "content",
                                   azl_span_str("{}"));
            }
            else {
                azl_hub_arguments_text(&d->hub, choice, call->tool,
                                       azl_span_str("{}"));
            }
        }
    }
}

/*
 * Chunks
 */

static void finish(decoder_t *d, int choice, azl_span_t reason)
{
    const char *why = azl_databricks_finish(reason);

    end_calls(d, choice);
    if (strcmp(why, "tool_calls") == 0 && !count_tools(d, choice)) {
        why = "stop"; /* the tool stood for the text */
    }
    azl_hub_finish(&d->hub, choice, why);
}

static void read_choice(decoder_t *d, azl_span_t raw)
{
    const azl_value_t *delta, *v;
    azl_object_t o, m;
    int choice;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    choice = (int)(index_of(&o) < AZL_CHOICES_MAX ? index_of(&o) : 0);
    delta = get(&o, "delta", AZL_JSON_OBJECT);
    if (delta && azl_object_open(&m, delta->raw)) {
        if ((v = get(&m, "reasoning_content", AZL_JSON_STRING))) {
            azl_hub_delta(&d->hub, choice, "reasoning_content", v->raw);
        }
        if ((v = azl_object_get(&m, "content"))) {
            read_content(d, choice, v);
        }
        if ((v = get(&m, "tool_calls", AZL_JSON_ARRAY))) {
            read_calls(d, choice, v);
        }
    }
    v = get(&o, "finish_reason", AZL_JSON_STRING);
    if (v && v->raw.len > 2) {
        finish(d, choice, inside(v->raw));
    }
}

static void read_choices(decoder_t *d, azl_span_t raw)
{
    azl_value_t choice;
    azl_scan_t s;

    azl_scan_init(&s, raw.at, raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &choice) == 1) {
        read_choice(d, choice.raw);
    }
}

/* In the words of Databricks, or those of the model behind. */
static void failed(decoder_t *d, azl_span_t data)
{
    const char *message, *word, *code;
    azl_failure_words_t words;
    int status;

    if (azl_databricks_words(d->ex->pool, data, &word, &message)) {
        status = azl_databricks_error(word, 0, message, &code);
        azl_hub_error(&d->hub, status, NULL, code, message);
    }
    else if (azl_failure_words(d->ex->pool, data, &words)) {
        azl_hub_error(&d->hub, words.status ? words.status : 500, words.type,
                      words.code, words.message);
    }
}

static int is_error(const azl_object_t *o)
{
    const azl_value_t *error = azl_object_get(o, "error");

    return azl_object_get(o, "error_code") ||
           (error && error->type != AZL_JSON_NULL);
}

static void end_stream(decoder_t *d)
{
    if (d->ended) {
        return;
    }
    d->ended = 1;
    keep_state(d);
    if (d->usage.reported) {
        azl_hub_usage(&d->hub, &d->usage);
    }
    azl_hub_done(&d->hub);
}

void azl_databricks_event(void *decoder, const azl_sse_event_t *ev,
                          azl_buf_t *out)
{
    decoder_t *d = decoder;
    const azl_value_t *v;
    azl_object_t o;

    d->hub.out = out;
    if (d->hub.failed) {
        return;
    }
    if (azl_span_is(ev->data, "[DONE]")) {
        end_stream(d);
        return;
    }
    if (ev->comment) {
        azl_buf_puts(out, ": ping\n\n");
        return;
    }
    if (!azl_object_open(&o, ev->data)) {
        azl_hub_malformed(out);
        return;
    }
    if (is_error(&o)) {
        failed(d, ev->data);
        return;
    }
    if ((v = get(&o, "id", AZL_JSON_STRING))) {
        azl_hub_stream_id(&d->hub, v->raw);
    }
    if ((v = get(&o, "choices", AZL_JSON_ARRAY))) {
        read_choices(d, v->raw);
    }
    if ((v = get(&o, "usage", AZL_JSON_OBJECT))) {
        azl_databricks_usage(&d->usage, v->raw);
        azl_hub_usage_so_far(&d->hub, &d->usage);
    }
}

/* What ended but for its last event has ended. */
void azl_databricks_end(void *decoder, azl_buf_t *out)
{
    decoder_t *d = decoder;

    d->hub.out = out;
    if (d->hub.finished && !d->hub.failed) {
        end_stream(d);
    }
}
