/*
 * A stream of Responses as a chat's chunks.
 *
 * Deltas become deltas; what ends a part or an item repeats what they said and
 * becomes nothing, unless there were none. Unknown events are left alone.
 */
#include "azl_failure_int.h"
#include "azl_responses_int.h"
#include "azl_stream_int.h"

/* A call of a tool, by its place in the list. */
typedef struct call_t {
    apr_int64_t output_index;
    int custom;
    int said; /* some of its text came */
} call_t;

typedef struct decoder_t {
    azl_exchange_t *ex;
    azl_hub_stream_t hub;
    azl_responses_kept_t kept;
    call_t *calls; /* made with the first one */
    int ncalls;
    int role;         /* who speaks has been said */
    int thoughts;     /* a part of the reasoning has been said */
    int sources;      /* so many were told */
    apr_int64_t said; /* characters of the text so far */
    apr_int64_t part; /* ... before the part that goes on */
    int ended;
} decoder_t;

typedef void event_fn(decoder_t *d, const azl_object_t *o, azl_span_t data);

void *azl_responses_decoder(azl_exchange_t *ex)
{
    decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    d->ex = ex;
    azl_hub_stream_init(&d->hub, ex);
    azl_responses_kept_init(&d->kept, ex);
    return d;
}

static const azl_value_t *member(const azl_pair_t *pairs, int n,
                                 const char *name)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, name)) {
            return &pairs[i].value;
        }
    }
    return NULL;
}

static azl_span_t string_of(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && v->type == AZL_JSON_STRING ? v->raw : azl_span("", 0);
}

/*
 * Chunks of which the hub has no writer
 */

static void begin_chunk(const decoder_t *d)
{
    azl_buf_t *out = d->hub.out;

    azl_buf_puts(out, "data: {\"id\":");
    azl_buf_puts(out, d->hub.id);
    azl_buf_puts(out, ",\"object\":\"chat.completion.chunk\",\"created\":");
    azl_buf_int(out, d->hub.created);
    azl_buf_puts(out, ",\"model\":\"\",\"choices\":[");
}

static void begin_custom(const decoder_t *d, int index)
{
    begin_chunk(d);
    azl_buf_puts(d->hub.out,
                 "{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":");
    azl_buf_int(d->hub.out, index);
}

static void end_custom(const decoder_t *d)
{
    azl_buf_puts(d->hub.out, "}}]},\"finish_reason\":null}]}\n\n");
}

static void custom_tool(const decoder_t *d, int index, azl_span_t id,
                        azl_span_t name)
{
    begin_custom(d, index);
    azl_buf_puts(d->hub.out, ",\"id\":");
    azl_buf_json(d->hub.out, id.at, id.len);
    azl_buf_puts(d->hub.out, ",\"type\":\"custom\",\"custom\":{\"name\":");
    azl_buf_json(d->hub.out, name.at, name.len);
    azl_buf_puts(d->hub.out, ",\"input\":\"\"");
    end_custom(d);
}

static void custom_input(const decoder_t *d, int index, azl_span_t raw)
{
    begin_custom(d, index);
    azl_buf_puts(d->hub.out, ",\"custom\":{\"input\":");
    azl_buf_span(d->hub.out, raw);
    end_custom(d);
}

/* With the tier it was billed at. */
static void usage_chunk(const decoder_t *d, const azl_usage_t *usage,
                        const azl_value_t *tier)
{
    begin_chunk(d);
    azl_buf_puts(d->hub.out, "],");
    if (tier && tier->type == AZL_JSON_STRING) {
        azl_buf_puts(d->hub.out, "\"service_tier\":");
        azl_buf_span(d->hub.out, tier->raw);
        azl_buf_puts(d->hub.out, ",");
    }
    azl_buf_puts(d->hub.out, "\"usage\":");
    azl_hub_usage_write(d->hub.out, usage);
    azl_buf_puts(d->hub.out, "}\n\n");
}

/*
 * Calls of tools
 */

static apr_int64_t output_index(const azl_object_t *o)
{
    const azl_value_t *v = azl_object_get(o, "output_index");
    apr_int64_t n;

    return v && azl_scan_uint(v->raw, &n) ? n : -1;
}

/* The number of the call at this place, or -1. */
static int find_call(const decoder_t *d, apr_int64_t at)
{
    int i;

    for (i = d->ncalls - 1; i >= 0; --i) {
        if (d->calls[i].output_index == at) {
            return i;
        }
    }
    return -1;
}

/* A call that nobody could answer must not be lost without a word. */
static void too_many(decoder_t *d)
{
    azl_hub_error(&d->hub, 502, "server_error", "too_many_tool_calls",
                  "The upstream service called more tools at once than can be "
                  "passed on.");
    d->ended = 1;
}

static AZL_OWN_FRAME int begin_call(decoder_t *d, apr_int64_t at,
                                    const azl_object_t *item, int custom)
{
    azl_span_t id, name;
    apr_pool_t *p;
    call_t *call;

    if (d->ncalls == AZL_TOOL_CALLS_MAX) {
        too_many(d);
        return -1;
    }
    apr_pool_create(&p, d->ex->pool);
    apr_pool_tag(p, "azurelit_call");
    id = azl_responses_text(p, item, "call_id");
    name = azl_responses_text(p, item, "name");
    if (!d->calls) {
        d->calls =
            apr_pcalloc(d->ex->pool, AZL_TOOL_CALLS_MAX * sizeof(*d->calls));
    }
    azl_responses_kept_call(&d->kept, id);
    call = &d->calls[d->ncalls];
    call->output_index = at;
    call->custom = custom;
    if (custom) {
        custom_tool(d, d->ncalls, id, name);
    }
    else {
        azl_hub_tool(&d->hub, 0, d->ncalls, id, name);
    }
    apr_pool_destroy(p);
    return d->ncalls++;
}

static void say_call(decoder_t *d, int number, azl_span_t raw)
{
    if (number < 0 || raw.len <= 2) {
        return;
    }
    d->calls[number].said = 1;
    if (d->calls[number].custom) {
        custom_input(d, number, raw);
    }
    else {
        azl_hub_arguments(&d->hub, 0, number, raw);
    }
}

/*
 * Events
 */

static AZL_OWN_FRAME void on_created(decoder_t *d, const azl_object_t *o,
                                     azl_span_t data)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    const azl_value_t *response = azl_object_get(o, "response");
    const azl_value_t *v;
    int n;

    (void)data;
    if (d->role) {
        return;
    }
    n = response ? azl_pairs_read(response->raw, pairs, AZL_PAIRS_MAX) : 0;
    v = member(pairs, n, "id");
    if (v && v->type == AZL_JSON_STRING) {
        azl_hub_stream_id(&d->hub, v->raw);
    }
    v = member(pairs, n, "created_at");
    if (v) {
        azl_scan_uint(v->raw, &d->hub.created);
    }
    azl_hub_role(&d->hub, 0);
    d->role = 1;
}

/* A text with what stands beside it. */
static void text_chunk(const decoder_t *d, azl_span_t raw, azl_span_t logprobs)
{
    azl_buf_t *out = d->hub.out;

    begin_chunk(d);
    azl_buf_puts(out, "{\"index\":0,\"delta\":{\"content\":");
    azl_buf_span(out, raw);
    azl_buf_puts(out, "},\"logprobs\":{\"content\":");
    azl_buf_span(out, logprobs);
    azl_buf_puts(out, ",\"refusal\":null},\"finish_reason\":null}]}\n\n");
}

static void on_text(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    const azl_value_t *logprobs = azl_object_get(o, "logprobs");
    azl_span_t raw = string_of(o, "delta");

    (void)data;
    if (raw.len <= 2) {
        return;
    }
    d->said += azl_responses_characters(azl_span(raw.at + 1, raw.len - 2));
    if (logprobs && logprobs->type == AZL_JSON_ARRAY && logprobs->raw.len > 2) {
        text_chunk(d, raw, logprobs->raw);
    }
    else {
        azl_hub_delta(&d->hub, 0, "content", raw);
    }
}

/* Sources count from the beginning of their part there. */
static void on_part(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    (void)o;
    (void)data;
    d->part = d->said;
}

static AZL_OWN_FRAME void on_source(decoder_t *d, const azl_object_t *o,
                                    azl_span_t data)
{
    const azl_value_t *v = azl_object_get(o, "annotation");
    apr_size_t before = d->hub.out->len;
    azl_write_t w;

    (void)data;
    begin_chunk(d);
    azl_buf_puts(d->hub.out, "{\"index\":0,\"delta\":{\"annotations\":[");
    azl_write_init(&w, d->hub.out);
    if (v && azl_responses_citation(&w, v->raw, d->part, d->sources)) {
        azl_buf_puts(d->hub.out, "]},\"finish_reason\":null}]}\n\n");
        d->sources++;
    }
    else {
        d->hub.out->len = before;
    }
}

static void on_refusal(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    (void)data;
    azl_hub_delta(&d->hub, 0, "refusal", string_of(o, "delta"));
}

static void on_thought(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    azl_span_t raw = string_of(o, "delta");

    (void)data;
    azl_hub_delta(&d->hub, 0, "reasoning_content", raw);
    d->thoughts |= raw.len > 2;
}

/* Between two parts of the reasoning. */
static void on_next_thought(decoder_t *d, const azl_object_t *o,
                            azl_span_t data)
{
    (void)o;
    (void)data;
    if (d->thoughts) {
        azl_hub_delta_text(&d->hub, 0, "reasoning_content",
                           azl_span_str("\n\n"));
        d->thoughts = 0;
    }
}

static void on_arguments(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    (void)data;
    say_call(d, find_call(d, output_index(o)), string_of(o, "delta"));
}

static AZL_OWN_FRAME void on_item(decoder_t *d, const azl_object_t *o,
                                  azl_span_t data)
{
    const azl_value_t *v = azl_object_get(o, "item");
    apr_int64_t at = output_index(o);
    azl_object_t item;
    azl_item_e kind;

    (void)data;
    if (!v || !azl_object_open(&item, v->raw)) {
        return;
    }
    kind = azl_responses_item(&item);
    if ((kind == AZL_ITEM_FUNCTION_CALL || kind == AZL_ITEM_CUSTOM_CALL) &&
        find_call(d, at) < 0) {
        begin_call(d, at, &item, kind == AZL_ITEM_CUSTOM_CALL);
    }
}

/* Encrypted reasoning is whole only here; and a call that nothing was heard of
 * on the way is told now. */
static AZL_OWN_FRAME void on_item_done(decoder_t *d, const azl_object_t *o,
                                       azl_span_t data)
{
    const azl_value_t *v = azl_object_get(o, "item");
    azl_object_t item;
    int number;

    on_item(d, o, data);
    if (!v || !azl_object_open(&item, v->raw)) {
        return;
    }
    number = find_call(d, output_index(o));
    if (azl_responses_item(&item) == AZL_ITEM_REASONING) {
        azl_responses_kept_item(&d->kept, &item);
    }
    else if (number >= 0 && !d->calls[number].said) {
        say_call(
            d, number,
            string_of(&item, d->calls[number].custom ? "input" : "arguments"));
    }
}

static void fail(decoder_t *d, azl_span_t data)
{
    azl_error_t err;

    azl_failure_event(d->ex->pool, d->ex->deployment, data, &err);
    azl_hub_error(&d->hub, err.status, err.type, err.code, err.message);
    d->ended = 1;
}

static AZL_OWN_FRAME void on_end(decoder_t *d, const azl_object_t *o,
                                 azl_span_t data)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    const azl_value_t *response = azl_object_get(o, "response");
    int n = response ? azl_pairs_read(response->raw, pairs, AZL_PAIRS_MAX) : 0;
    const azl_value_t *usage = member(pairs, n, "usage");
    const char *finish = azl_responses_finish(
        member(pairs, n, "status"), member(pairs, n, "incomplete_details"),
        d->ncalls > 0);
    azl_usage_t counts;

    if (!finish) {
        fail(d, response->raw);
        return;
    }
    (void)data;
    azl_hub_finish(&d->hub, 0, finish);
    memset(&counts, 0, sizeof(counts));
    if (usage && azl_usage_read(&counts, usage->raw)) {
        usage_chunk(d, &counts, member(pairs, n, "service_tier"));
    }
    azl_hub_done(&d->hub);
    d->ended = 1;
}

static void on_failed(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    const azl_value_t *response = azl_object_get(o, "response");

    fail(d, response ? response->raw : data);
}

/* Flat as in the specification, or with an object `error` as it comes. */
static void on_error(decoder_t *d, const azl_object_t *o, azl_span_t data)
{
    (void)o;
    fail(d, data);
}

#define EVENT(type, fn)                                                        \
    {                                                                          \
        type, sizeof(type) - 1, fn                                             \
    }

/* The most frequent first. */
static const struct {
    const char *type;
    apr_size_t len;
    event_fn *fn;
} events[] = {
    EVENT("response.output_text.delta", on_text),
    EVENT("response.function_call_arguments.delta", on_arguments),
    EVENT("response.custom_tool_call_input.delta", on_arguments),
    EVENT("response.reasoning_summary_text.delta", on_thought),
    EVENT("response.reasoning_text.delta", on_thought),
    EVENT("response.refusal.delta", on_refusal),
    EVENT("response.reasoning_summary_part.added", on_next_thought),
    EVENT("response.content_part.added", on_part),
    EVENT("response.output_text.annotation.added", on_source),
    EVENT("response.output_item.added", on_item),
    EVENT("response.output_item.done", on_item_done),
    EVENT("response.created", on_created),
    EVENT("response.in_progress", on_created),
    EVENT("response.completed", on_end),
    EVENT("response.incomplete", on_end),
    EVENT("response.failed", on_failed),
    EVENT("error", on_error),
};

#define NEVENTS (sizeof(events) / sizeof(events[0]))

static event_fn *handler_of(azl_span_t type)
{
    apr_size_t i;

    for (i = 0; i < NEVENTS; ++i) {
        if (type.len == events[i].len &&
            memcmp(type.at, events[i].type, type.len) == 0) {
            return events[i].fn;
        }
    }
    return NULL;
}

void azl_responses_event(void *decoder, const azl_sse_event_t *ev,
                         azl_buf_t *out)
{
    decoder_t *d = decoder;
    azl_span_t type = ev->name;
    azl_object_t o;
    azl_span_t own;
    event_fn *fn;

    if (d->ended || ev->comment || azl_span_is(ev->data, "[DONE]")) {
        return;
    }
    if (!azl_object_open(&o, ev->data)) {
        azl_hub_malformed(out);
        return;
    }
    own = string_of(&o, "type");
    if (own.len > 2) {
        type = azl_span(own.at + 1, own.len - 2);
    }
    fn = handler_of(type);
    if (fn) {
        d->hub.out = out;
        fn(d, &o, ev->data);
    }
}
