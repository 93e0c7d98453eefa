/*
 * The Response object that is told to a client: what it asked for, what came
 * of it so far, and how it ended.
 */
#include <apr_strings.h>

#include "azl_responses_int.h"

/* Members that repeat the request, and what they say without one. */
static const struct {
    const char *name;
    const char *otherwise;
} echoes[] = {{"instructions", "null"},        {"max_output_tokens", "null"},
              {"max_tool_calls", "null"},      {"metadata", "{}"},
              {"parallel_tool_calls", "true"}, {"prompt_cache_key", "null"},
              {"safety_identifier", "null"},   {"temperature", "null"},
              {"tool_choice", "\"auto\""},     {"tools", "[]"},
              {"top_logprobs", "0"},           {"top_p", "null"},
              {"truncation", "\"disabled\""},  {"user", "null"}};

#define NECHOES (sizeof(echoes) / sizeof(echoes[0]))

/* An object of which some members are always there. */
static void echo_object(azl_write_t *w, const azl_json_t *client,
                        const char *name, const char *first,
                        const char *first_otherwise, const char *second)
{
    const azl_json_t *given = azl_json_get(client, name);
    const azl_json_t *value = azl_json_get(given, first);

    azl_write_open(w, name, '{');
    if (value) {
        azl_write_json(w, first, value);
    }
    else {
        azl_write_raw(w, first, azl_span_str(first_otherwise));
    }
    value = azl_json_get(given, second);
    if (value) {
        azl_write_json(w, second, value);
    }
    else {
        azl_write_null(w, second);
    }
    azl_write_close(w, '}');
}

static void write_echo(azl_buf_t *echo, const azl_json_t *client)
{
    azl_write_t w;
    apr_size_t i;

    azl_write_init(&w, echo);
    w.comma = 1;
    azl_write_bool(&w, "background", 0);
    for (i = 0; i < NECHOES; ++i) {
        const azl_json_t *value = azl_json_get(client, echoes[i].name);

        if (value) {
            azl_write_json(&w, echoes[i].name, value);
        }
        else {
            azl_write_raw(&w, echoes[i].name,
                          azl_span_str(echoes[i].otherwise));
        }
    }
    azl_write_null(&w, "previous_response_id");
    echo_object(&w, client, "reasoning", "effort", "null", "summary");
    azl_write_bool(&w, "store", 0);
    echo_object(&w, client, "text", "format", "{\"type\":\"text\"}",
                "verbosity");
}

/*
 * Tools by their own names
 */

/* What a function stands for that is no function of the client's own. */
typedef struct stands_t {
    azl_item_e kind;
    azl_span_t name; /* JSON */
    azl_span_t space;
} stands_t;

static azl_span_t as_json(apr_pool_t *p, azl_span_t text)
{
    azl_buf_t *json = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    azl_span_t copy;

    azl_buf_json(json, text.at, text.len);
    copy = azl_span(apr_pstrmemdup(p, json->data, json->len), json->len);
    azl_buf_free(json);
    return copy;
}

static void add_stands(azl_told_t *told, const azl_tool_t *tool)
{
    static const azl_item_e kinds[] = {
        AZL_ITEM_FUNCTION_CALL, AZL_ITEM_CUSTOM_CALL, AZL_ITEM_SEARCH_CALL};
    stands_t *stands = apr_pcalloc(told->pool, sizeof(*stands));

    stands->kind = kinds[tool->kind];
    stands->name = as_json(told->pool, tool->name);
    if (tool->space.len) {
        stands->space = as_json(told->pool, tool->space);
    }
    if (!told->tools) {
        told->tools = apr_hash_make(told->pool);
    }
    apr_hash_set(told->tools,
                 apr_pstrmemdup(told->pool, tool->sent.at, tool->sent.len),
                 (apr_ssize_t)tool->sent.len, stands);
}

/* The request is gone when the calls come: what is needed of it is copied. */
static void read_tools(azl_told_t *told, const azl_json_t *client)
{
    azl_tools_t tools;
    azl_error_t err;
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, told->pool);
    apr_pool_tag(p, "azurelit_tools");
    if (azl_tools_read(&tools, p, client, &err)) {
        for (i = 0; i < tools.list->nelts; ++i) {
            const azl_tool_t *tool =
                APR_ARRAY_IDX(tools.list, i, const azl_tool_t *);

            if (tool->kind != AZL_TOOL_FUNCTION ||
                tool->sent.at != tool->name.at) {
                add_stands(told, tool);
            }
        }
    }
    apr_pool_destroy(p);
}

void azl_told_init(azl_told_t *told, const azl_exchange_t *ex)
{
    memset(told, 0, sizeof(*told));
    told->pool = ex->pool;
    told->id = ex->request_id;
    told->alias = ex->alias;
    told->created = apr_time_sec(ex->now);
    told->echo = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    told->items = apr_array_make(ex->pool, 4, sizeof(azl_told_item_t *));
    told->tier = "\"default\"";
    write_echo(told->echo, ex->client);
    read_tools(told, ex->client);
}

static const char *prefix_of(azl_item_e kind)
{
    switch (kind) {
    case AZL_ITEM_MESSAGE:
        return "msg";
    case AZL_ITEM_REASONING:
        return "rs";
    case AZL_ITEM_CUSTOM_CALL:
        return "ctc";
    case AZL_ITEM_SEARCH_CALL:
        return "tsc";
    default:
        return "fc";
    }
}

static void set_kind(azl_told_t *told, azl_told_item_t *item, azl_item_e kind)
{
    item->kind = kind;
    item->id = apr_psprintf(told->pool, "%s_%s_%d", prefix_of(kind), told->id,
                            item->number);
}

azl_told_item_t *azl_told_add(azl_told_t *told, azl_item_e kind)
{
    azl_told_item_t *item = apr_pcalloc(told->pool, sizeof(*item));

    item->number = told->items->nelts;
    set_kind(told, item, kind);
    item->text_part = item->refusal_part = -1;
    item->text = azl_buf_create(told->pool, AZL_STREAM_EVENT_MAX);
    if (kind == AZL_ITEM_MESSAGE) {
        item->refusal = azl_buf_create(told->pool, AZL_STREAM_EVENT_MAX);
        item->annotations = azl_buf_create(told->pool, AZL_STREAM_EVENT_MAX);
        item->logprobs = azl_buf_create(told->pool, AZL_STREAM_EVENT_MAX);
    }
    APR_ARRAY_PUSH(told->items, azl_told_item_t *) = item;
    return item;
}

void azl_told_name(azl_told_t *told, azl_told_item_t *item)
{
    const stands_t *stands;

    if (!told->tools || item->name.len <= 2 ||
        item->kind != AZL_ITEM_FUNCTION_CALL) {
        return;
    }
    stands = apr_hash_get(told->tools, item->name.at + 1,
                          (apr_ssize_t)item->name.len - 2);
    if (stands) {
        item->name = stands->name;
        item->space = stands->space;
        item->stands = stands->kind != AZL_ITEM_FUNCTION_CALL;
        if (item->stands) {
            set_kind(told, item, stands->kind);
        }
    }
}

/* The input of a custom tool out of the object a function takes. A model that
 * has not minded the form has said the input itself. */
static void settle_input(azl_told_item_t *item, azl_span_t object)
{
    const azl_value_t *input;
    azl_object_t o;

    input =
        azl_object_open(&o, object) ? azl_object_get(&o, AZL_TOOL_INPUT) : NULL;
    if (input && input->type == AZL_JSON_STRING) {
        azl_buf_clear(item->text);
        azl_told_more(item->text, input->raw);
    }
}

/* What a search is made with is an object, not text. */
static void settle_search(azl_told_item_t *item, azl_span_t object)
{
    azl_scan_t s;
    azl_value_t v;

    azl_scan_init(&s, object.at, object.len);
    azl_buf_clear(item->text);
    if (azl_scan_value(&s, &v) == 1 && v.type == AZL_JSON_OBJECT) {
        azl_buf_span(item->text, v.raw);
    }
    else {
        azl_buf_puts(item->text, "{}");
    }
}

void azl_told_settle(azl_told_t *told, azl_told_item_t *item)
{
    const char *text;
    azl_buf_t *quoted;
    apr_pool_t *p;

    if (!item->stands) {
        return;
    }
    apr_pool_create(&p, told->pool);
    apr_pool_tag(p, "azurelit_call");
    quoted = azl_buf_create(p, AZL_STREAM_EVENT_MAX + 2);
    azl_buf_puts(quoted, "\"");
    azl_buf_append(quoted, item->text->data, item->text->len);
    azl_buf_puts(quoted, "\"");
    text = azl_scan_text(p, azl_span(quoted->data, quoted->len));
    if (item->kind == AZL_ITEM_SEARCH_CALL) {
        settle_search(item, azl_span_str(text ? text : ""));
    }
    else {
        settle_input(item, azl_span_str(text ? text : ""));
    }
    item->stands = 0;
    apr_pool_destroy(p);
}

void azl_told_finish(azl_told_t *told, azl_span_t raw)
{
    if (azl_span_is(raw, "\"length\"")) {
        told->reason = "max_output_tokens";
    }
    else if (azl_span_is(raw, "\"content_filter\"")) {
        told->reason = "content_filter";
    }
    told->cut = told->reason != NULL;
}

/* {"type":"url_citation","url_citation":{...}} is flat there. */
azl_span_t azl_told_annotation(azl_told_item_t *item, azl_span_t raw)
{
    static const char *const names[] = {"start_index", "end_index", "title",
                                        "url"};
    azl_buf_t *list = item->annotations;
    const azl_value_t *citation;
    azl_object_t o, inner;
    apr_size_t begin;
    azl_write_t w;
    apr_size_t i;

    citation =
        azl_object_open(&o, raw) ? azl_object_get(&o, "url_citation") : NULL;
    if (!citation || !azl_object_open(&inner, citation->raw)) {
        return azl_span("", 0);
    }
    azl_buf_puts(list, list->len ? "," : "");
    begin = list->len;
    azl_write_init(&w, list);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", "url_citation");
    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        const azl_value_t *v = azl_object_get(&inner, names[i]);

        if (v) {
            azl_write_raw(&w, names[i], v->raw);
        }
    }
    azl_write_close(&w, '}');
    item->nannotations++;
    return azl_span(list->data + begin, list->len - begin);
}

azl_span_t azl_told_logprobs(azl_told_item_t *item, const azl_value_t *v)
{
    const azl_value_t *content;
    azl_span_t inside;
    azl_value_t first;
    azl_object_t o;
    azl_scan_t s;

    content =
        v && azl_object_open(&o, v->raw) ? azl_object_get(&o, "content") : NULL;
    if (!content || content->type != AZL_JSON_ARRAY) {
        return azl_span("", 0);
    }
    azl_scan_init(&s, content->raw.at, content->raw.len);
    azl_scan_enter(&s);
    if (azl_scan_element(&s) != 1 || azl_scan_value(&s, &first) != 1) {
        return azl_span("", 0);
    }
    inside = azl_span(content->raw.at + 1, content->raw.len - 2);
    azl_buf_puts(item->logprobs, item->logprobs->len ? "," : "");
    azl_buf_span(item->logprobs, inside);
    return inside;
}

void azl_told_more(azl_buf_t *to, azl_span_t raw)
{
    azl_buf_append(to, raw.at + 1, raw.len - 2);
}

/*
 * Writing
 */

void azl_told_write_inside(azl_write_t *w, const char *name,
                           const azl_buf_t *inside)
{
    azl_write_name(w, name);
    azl_buf_append(w->out, "\"", 1);
    azl_buf_append(w->out, inside->data, inside->len);
    azl_buf_append(w->out, "\"", 1);
}

void azl_told_write_logprobs(azl_write_t *w, const azl_buf_t *elements)
{
    azl_write_open(w, "logprobs", '[');
    azl_buf_append(w->out, elements->data, elements->len);
    azl_write_close(w, ']');
}

void azl_told_write_part(azl_write_t *w, const char *name,
                         const azl_told_item_t *item, int refusal, int whole)
{
    static const azl_buf_t nothing;

    azl_write_open(w, name, '{');
    if (refusal) {
        azl_write_str(w, "type", "refusal");
        azl_told_write_inside(w, "refusal", whole ? item->refusal : &nothing);
    }
    else {
        azl_write_str(w, "type", "output_text");
        azl_told_write_inside(w, "text", whole ? item->text : &nothing);
        azl_write_open(w, "annotations", '[');
        if (whole) {
            azl_buf_append(w->out, item->annotations->data,
                           item->annotations->len);
        }
        azl_write_close(w, ']');
        azl_told_write_logprobs(w, whole ? item->logprobs : &nothing);
    }
    azl_write_close(w, '}');
}

static void write_parts(azl_write_t *w, const azl_told_item_t *item, int whole)
{
    int first = item->refusal_part == 0;
    int i;

    azl_write_open(w, "content", '[');
    for (i = 0; whole && i < 2; ++i) {
        int refusal = i == 0 ? first : !first;

        if ((refusal ? item->refusal_part : item->text_part) >= 0) {
            azl_told_write_part(w, NULL, item, refusal, 1);
        }
    }
    azl_write_close(w, ']');
}

static void write_summary(azl_write_t *w, const azl_told_item_t *item,
                          int whole)
{
    azl_write_open(w, "summary", '[');
    if (whole) {
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "type", "summary_text");
        azl_told_write_inside(w, "text", item->text);
        azl_write_close(w, '}');
    }
    azl_write_close(w, ']');
}

static void write_call(const azl_told_t *told, azl_write_t *w,
                       const azl_told_item_t *item, int whole)
{
    int custom = item->kind == AZL_ITEM_CUSTOM_CALL;
    const char *member = custom ? "input" : "arguments";

    whole &= !item->stands; /* half an object is nothing */
    if (item->call_id.len) {
        azl_write_raw(w, "call_id", item->call_id);
    }
    else {
        azl_write_str(
            w, "call_id",
            apr_psprintf(told->pool, "call_%s_%d", told->id, item->number));
    }
    if (item->kind == AZL_ITEM_SEARCH_CALL) {
        azl_write_str(w, "execution", "client");
        azl_write_raw(w, "arguments",
                      whole ? azl_span(item->text->data, item->text->len)
                            : azl_span_str("{}"));
        return;
    }
    if (item->space.len) {
        azl_write_raw(w, "namespace", item->space);
    }
    azl_write_raw(w, "name",
                  item->name.len ? item->name : azl_span_str("\"\""));
    if (!whole) {
        azl_write_str(w, member, "");
    }
    else if (item->text->len || custom) {
        azl_told_write_inside(w, member, item->text);
    }
    else {
        azl_write_str(w, member, "{}");
    }
}

static const char *status_of(const azl_told_t *told,
                             const azl_told_item_t *item, int whole)
{
    if (!whole) {
        return "in_progress";
    }
    return told->cut && item->number == told->items->nelts - 1 ? "incomplete"
                                                               : "completed";
}

void azl_told_write_item(const azl_told_t *told, azl_write_t *w,
                         const char *name, const azl_told_item_t *item,
                         int whole)
{
    azl_write_open(w, name, '{');
    azl_write_str(w, "id", item->id);
    switch (item->kind) {
    case AZL_ITEM_REASONING:
        azl_write_str(w, "type", "reasoning");
        write_summary(w, item, whole);
        break;
    case AZL_ITEM_MESSAGE:
        azl_write_str(w, "type", "message");
        azl_write_str(w, "role", "assistant");
        write_parts(w, item, whole);
        break;
    case AZL_ITEM_CUSTOM_CALL:
        azl_write_str(w, "type", "custom_tool_call");
        write_call(told, w, item, whole);
        break;
    case AZL_ITEM_SEARCH_CALL:
        azl_write_str(w, "type", "tool_search_call");
        write_call(told, w, item, whole);
        break;
    default:
        azl_write_str(w, "type", "function_call");
        write_call(told, w, item, whole);
        break;
    }
    azl_write_str(w, "status", status_of(told, item, whole));
    azl_write_close(w, '}');
}

static void write_usage(azl_write_t *w, const azl_usage_t *usage)
{
    if (!usage->reported) {
        azl_write_null(w, "usage");
        return;
    }
    azl_write_open(w, "usage", '{');
    azl_write_int(w, "input_tokens", usage->prompt);
    azl_write_open(w, "input_tokens_details", '{');
    azl_write_int(w, "cached_tokens", usage->cached);
    azl_write_int(w, "cache_write_tokens", usage->cache_write);
    azl_write_close(w, '}');
    azl_write_int(w, "output_tokens", usage->completion);
    azl_write_open(w, "output_tokens_details", '{');
    azl_write_int(w, "reasoning_tokens", usage->reasoning);
    azl_write_close(w, '}');
    azl_write_int(w, "total_tokens", usage->prompt + usage->completion);
    azl_write_close(w, '}');
}

static void write_output(const azl_told_t *told, azl_write_t *w, int running)
{
    int i;

    azl_write_open(w, "output", '[');
    for (i = 0; !running && i < told->items->nelts; ++i) {
        azl_told_write_item(
            told, w, NULL, APR_ARRAY_IDX(told->items, i, azl_told_item_t *), 1);
    }
    azl_write_close(w, ']');
}

void azl_told_write(const azl_told_t *told, azl_write_t *w, const char *name,
                    const char *status, const char *error)
{
    int running = strcmp(status, "in_progress") == 0;

    azl_write_open(w, name, '{');
    azl_write_str(w, "id", apr_pstrcat(told->pool, "resp_", told->id, NULL));
    azl_write_str(w, "object", "response");
    azl_write_int(w, "created_at", told->created);
    azl_write_str(w, "status", status);
    azl_write_raw(w, "error", azl_span_str(error ? error : "null"));
    if (strcmp(status, "incomplete") == 0) {
        azl_write_open(w, "incomplete_details", '{');
        azl_write_str(w, "reason", told->reason);
        azl_write_close(w, '}');
    }
    else {
        azl_write_null(w, "incomplete_details");
    }
    azl_write_str(w, "model", told->alias);
    write_output(told, w, running);
    azl_write_raw(w, "service_tier", azl_span_str(told->tier));
    write_usage(w, &told->usage);
    azl_buf_append(w->out, told->echo->data, told->echo->len);
    azl_write_close(w, '}');
}
