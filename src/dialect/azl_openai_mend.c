/*
 * What servers that resemble OpenAI's leave out, write as null or as something
 * else, in a whole message as in a delta.
 */
#include <apr_strings.h>

#include "azl_openai_int.h"

/* Of the request's id, which is in every id that is made here. */
#define ID_PART 20

void azl_mend_init(azl_mend_t *m, azl_exchange_t *ex, int streamed)
{
    memset(m, 0, sizeof(*m));
    m->ex = ex;
    m->streamed = streamed;
    m->text = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    m->thought = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
}

azl_span_t azl_mend_id(azl_exchange_t *ex)
{
    return azl_span_str(apr_pstrcat(ex->pool, "\"chatcmpl-",
                                    ex->request_id ? ex->request_id : "0", "\"",
                                    NULL));
}

static azl_span_t inside(azl_span_t raw)
{
    return azl_span(raw.at + 1, raw.len - 2);
}

static const azl_value_t *text_of(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && azl_value_is_text(v) ? v : NULL;
}

static int is_list(const azl_value_t *v)
{
    azl_scan_t s;

    if (!v || v->type != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_init(&s, v->raw.at, v->raw.len);
    azl_scan_enter(&s);
    return azl_scan_element(&s) == 1;
}

static void replace_text(azl_edit_t *e, azl_span_t raw, const char *text)
{
    azl_edit_replace(e, raw, azl_span_str(text));
}

/*
 * Text in parts
 */

static void add_text(azl_buf_t *to, const azl_value_t *text)
{
    if (text) {
        azl_buf_append(to, "\"", to->len ? 0 : 1);
        azl_buf_span(to, inside(text->raw));
    }
}

static azl_span_t whole_text(azl_buf_t *text)
{
    azl_buf_append(text, "\"", 1);
    return azl_span(text->data, text->len);
}

/* {"type":"text","text":...} in a list. */
static void add_texts(azl_buf_t *to, azl_span_t list, const char *name)
{
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, list.at, list.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (azl_object_open(&o, v.raw)) {
            add_text(to, text_of(&o, name));
        }
    }
}

/* Mistral's {"type":"thinking","thinking":[texts]}, or a text. */
static void read_part(azl_mend_t *m, const azl_object_t *part)
{
    const azl_value_t *thinking = azl_object_get(part, "thinking");

    if (thinking && thinking->type == AZL_JSON_ARRAY) {
        add_texts(m->thought, thinking->raw, "text");
    }
    else if (thinking && azl_value_is_text(thinking)) {
        add_text(m->thought, thinking);
    }
    else {
        add_text(m->text, text_of(part, "text"));
    }
}

static void read_content(azl_mend_t *m, const azl_value_t *content)
{
    azl_object_t part;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, content->raw.at, content->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (v.type == AZL_JSON_STRING) {
            add_text(m->text, azl_value_is_text(&v) ? &v : NULL);
        }
        else if (azl_object_open(&part, v.raw)) {
            read_part(m, &part);
        }
    }
}

/* OpenRouter tells reasoning in two forms, sometimes only in this one. */
static void read_details(azl_mend_t *m, const azl_value_t *details)
{
    add_texts(m->thought, details->raw, "text");
    if (!m->thought->len) {
        add_texts(m->thought, details->raw, "summary");
    }
}

/* The SDKs' helpers put entries together by their index. */
static void number_details(azl_mend_t *m, azl_span_t list)
{
    char number[AZL_INT_TEXT_MAX];
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;
    int i = 0;

    azl_scan_init(&s, list.at, list.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (azl_object_open(&o, v.raw) && !azl_object_get(&o, "index")) {
            if (o.n) {
                o.list.kept_end = azl_span_end(o.pairs[o.n - 1].value.raw);
            }
            azl_edit_add(&m->edit, &o.list, o.close, "index",
                         azl_int_text(number, i));
        }
        ++i;
    }
}

/*
 * Calls of tools
 */

/* A JSON text as a JSON string. */
static void quote(azl_edit_t *e, azl_span_t raw)
{
    azl_edit_copy(e, raw.at);
    azl_buf_json(e->out, raw.at, raw.len);
    e->from = azl_span_end(raw);
}

static void mend_arguments(azl_mend_t *m, const azl_value_t *v)
{
    if (v->type != AZL_JSON_STRING && v->type != AZL_JSON_NULL) {
        quote(&m->edit, v->raw);
    }
    else if (azl_value_is_blank(v) && !m->streamed) {
        replace_text(&m->edit, v->raw, "\"{}\"");
    }
}

static void mend_function(azl_mend_t *m, azl_span_t raw)
{
    azl_object_t o;
    int has = 0;
    int i;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    for (i = 0; i < o.n; ++i) {
        const azl_pair_t *pair = &o.pairs[i];

        azl_pair_keep(&m->edit, &o.list, pair);
        if (azl_span_is(pair->key, "arguments")) {
            mend_arguments(m, &pair->value);
            has = 1;
        }
    }
    if (!has && !m->streamed) {
        azl_edit_add(&m->edit, &o.list, o.close, "arguments",
                     azl_span_str("\"{}\""));
    }
    azl_edit_close(&m->edit, &o.list, o.close);
}

/* All of a call's arguments are here: an object, or what looks like one. */
static int is_complete(const azl_value_t *arguments)
{
    azl_span_t raw;

    if (!arguments || arguments->type != AZL_JSON_STRING) {
        return arguments && arguments->type == AZL_JSON_OBJECT;
    }
    raw = inside(arguments->raw);
    return raw.len >= 2 && raw.at[0] == '{' && raw.at[raw.len - 1] == '}';
}

/* Does a call begin here? In a stream it has its name then; one that has it
 * again, with an index that has been, is another one only if it comes whole. */
static int begins(const azl_mend_t *m, const azl_object_t *call,
                  azl_mend_choice_t *choice)
{
    const azl_value_t *function = azl_object_get(call, "function");
    const azl_value_t *index = azl_object_get(call, "index");
    apr_int64_t n;
    azl_object_t f;
    int known;

    if (!m->streamed) {
        return 1;
    }
    if (!function || !azl_object_open(&f, function->raw) ||
        !text_of(&f, "name")) {
        return 0;
    }
    if (!index || !azl_scan_uint(index->raw, &n) || n >= AZL_MEND_CALLS_MAX) {
        return 1;
    }
    known = choice->seen[n / 8] & (1 << (n % 8));
    choice->seen[n / 8] |= (unsigned char)(1 << (n % 8));
    return !known || is_complete(azl_object_get(&f, "arguments"));
}

static azl_span_t make_id(azl_mend_t *m, const azl_mend_choice_t *choice)
{
    apr_snprintf(m->made, sizeof(m->made), "\"call_%.*s_%d_%d\"", ID_PART,
                 m->ex->request_id ? m->ex->request_id : "0", choice->index,
                 choice->calls);
    return azl_span_str(m->made);
}

/* Members of a call that say nothing are left out: they are added, or have been
 * said. */
static void keep_members(azl_mend_t *m, azl_object_t *o)
{
    int i;

    for (i = 0; i < o->n; ++i) {
        const azl_pair_t *pair = &o->pairs[i];

        if (azl_value_is_blank(&pair->value)) {
            azl_pair_drop(&m->edit, &o->list, pair);
            continue;
        }
        azl_pair_keep(&m->edit, &o->list, pair);
        if (azl_span_is(pair->key, "function")) {
            mend_function(m, pair->value.raw);
        }
    }
}

static void mend_call(azl_mend_t *m, azl_mend_choice_t *choice, azl_span_t raw)
{
    const azl_value_t *id;
    azl_object_t o;
    azl_span_t name;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    id = text_of(&o, "id");
    keep_members(m, &o);
    if (begins(m, &o, choice)) {
        name = id ? id->raw : make_id(m, choice);
        if (!id) {
            azl_edit_add(&m->edit, &o.list, o.close, "id", name);
        }
        if (!choice->calls++) {
            m->call_id = inside(name);
        }
    }
    if (!m->streamed && !text_of(&o, "type") &&
        azl_object_get(&o, "function")) {
        azl_edit_add(&m->edit, &o.list, o.close, "type",
                     azl_span_str("\"function\""));
    }
    azl_edit_close(&m->edit, &o.list, o.close);
}

static void mend_calls(azl_mend_t *m, azl_mend_choice_t *choice, azl_span_t raw)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, raw.at, raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        mend_call(m, choice, v.raw);
    }
}

/*
 * Messages
 */

/* OpenAI itself writes these two as null. */
static int may_be_null(azl_span_t key)
{
    return azl_span_is(key, "content") || azl_span_is(key, "refusal");
}

static int stays(const azl_pair_t *pair)
{
    return azl_span_is(pair->key, "tool_calls")
               ? is_list(&pair->value)
               : pair->value.type != AZL_JSON_NULL || may_be_null(pair->key);
}

static void mend_member(azl_mend_t *m, const azl_pair_t *pair,
                        azl_mend_choice_t *choice)
{
    const azl_value_t *v = &pair->value;

    if (azl_span_is(pair->key, "content") && v->type == AZL_JSON_ARRAY) {
        azl_edit_replace(&m->edit, v->raw,
                         m->text->len  ? whole_text(m->text)
                         : m->streamed ? azl_span_str("\"\"")
                                       : azl_span_str("null"));
    }
    else if (azl_span_is(pair->key, "tool_calls")) {
        mend_calls(m, choice, v->raw);
    }
    else if (m->streamed && azl_span_is(pair->key, "reasoning_details") &&
             v->type == AZL_JSON_ARRAY) {
        number_details(m, v->raw);
    }
}

void azl_mend_message(azl_mend_t *m, azl_object_t *o, azl_mend_choice_t *choice)
{
    const azl_value_t *content = azl_object_get(o, "content");
    const azl_value_t *details = azl_object_get(o, "reasoning_details");
    int thinks = text_of(o, "reasoning_content") || text_of(o, "reasoning");
    int i;

    azl_buf_clear(m->text);
    azl_buf_clear(m->thought);
    m->call_id = azl_span("", 0);
    if (content && content->type == AZL_JSON_ARRAY) {
        read_content(m, content);
    }
    if (!thinks && !m->thought->len && is_list(details)) {
        read_details(m, details);
    }
    for (i = 0; i < o->n; ++i) {
        const azl_pair_t *pair = &o->pairs[i];

        if (!stays(pair)) {
            azl_pair_drop(&m->edit, &o->list, pair);
            continue;
        }
        azl_pair_keep(&m->edit, &o->list, pair);
        mend_member(m, pair, choice);
    }
    if (!m->streamed && !text_of(o, "role")) {
        azl_edit_add(&m->edit, &o->list, o->close, "role",
                     azl_span_str("\"assistant\""));
    }
    if (!m->streamed && !content) {
        azl_edit_add(&m->edit, &o->list, o->close, "content",
                     azl_span_str("null"));
    }
    if (!thinks && m->thought->len) {
        azl_edit_add(&m->edit, &o->list, o->close, "reasoning_content",
                     whole_text(m->thought));
    }
    azl_edit_close(&m->edit, &o->list, o->close);
}

/*
 * Ends
 */

static const struct {
    const char *word;
    const char *means; /* as JSON; NULL: it is OpenAI's own */
} reasons[] = {{"\"tool_calls\"", NULL},
               {"\"length\"", NULL},
               {"\"content_filter\"", NULL},
               {"\"function_call\"", NULL},
               {"\"model_length\"", "\"length\""}, /* Mistral */
               {"\"max_tokens\"", "\"length\""},
               {"\"max_length\"", "\"length\""},
               {"\"tool_use\"", "\"tool_calls\""},
               {"\"safety\"", "\"content_filter\""},
               {"\"sensitive\"", "\"content_filter\""}};

const char *azl_mend_finish(const azl_mend_t *m, const azl_value_t *v,
                            int calls)
{
    const char *stop = calls ? "\"tool_calls\"" : "\"stop\"";
    apr_size_t i;

    if (!v || !azl_value_is_text(v)) {
        return m->streamed ? NULL : stop;
    }
    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); ++i) {
        if (azl_span_is(v->raw, reasons[i].word)) {
            return reasons[i].means;
        }
    }
    /* "stop", xAI's "end_turn" and what nobody has heard of */
    return azl_span_is(v->raw, stop) ? NULL : stop;
}

int azl_mend_failure(const azl_object_t *choice, azl_buf_t *out)
{
    const azl_value_t *error = azl_object_get(choice, "error");
    const azl_value_t *finish = azl_object_get(choice, "finish_reason");

    if (error && error->type != AZL_JSON_NULL) { /* OpenRouter */
        azl_buf_puts(out, "{\"error\":");
        azl_buf_span(out, error->raw);
        azl_buf_puts(out, "}");
        return 1;
    }
    if (finish && azl_span_is(finish->raw, "\"error\"")) { /* Mistral */
        azl_hub_error_write(out, 502, NULL, NULL,
                            "The model broke off with an error.");
        return 1;
    }
    if (finish &&
        azl_span_is(finish->raw, "\"insufficient_system_resource\"")) {
        azl_hub_error_write(out, 503, NULL, NULL, /* DeepSeek */
                            "The upstream service had no room for the answer.");
        return 1;
    }
    return 0;
}

/*
 * Usage
 */

/* Details that are missing or null, where there is something to tell. */
static void mend_details(azl_mend_t *m, azl_object_t *o, const char *name,
                         const char *member, apr_int64_t n)
{
    const azl_value_t *v = azl_object_get(o, name);
    char text[64];

    if (n <= 0 || (v && v->type != AZL_JSON_NULL)) {
        return;
    }
    apr_snprintf(text, sizeof(text), "{\"%s\":%" APR_INT64_T_FMT "}", member,
                 n);
    azl_edit_add(&m->edit, &o->list, o->close, name, azl_span_str(text));
}

static int is_count(const azl_object_t *o, const char *name, apr_int64_t *n)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && azl_scan_uint(v->raw, n);
}

void azl_mend_usage(azl_mend_t *m, azl_span_t raw)
{
    apr_int64_t total = 0, told = 0;
    char text[AZL_INT_TEXT_MAX + 12];
    azl_usage_t usage;
    azl_object_t o;
    int beside;
    int i;

    memset(&usage, 0, sizeof(usage));
    if (!azl_usage_read(&usage, raw) || !azl_object_open(&o, raw)) {
        return;
    }
    /* the completion as told may leave out what was thought */
    beside =
        is_count(&o, "completion_tokens", &told) && told != usage.completion;
    for (i = 0; i < o.n; ++i) {
        const azl_pair_t *pair = &o.pairs[i];

        if (pair->value.type == AZL_JSON_NULL) {
            azl_pair_drop(&m->edit, &o.list, pair);
            continue;
        }
        azl_pair_keep(&m->edit, &o.list, pair);
        if (beside && azl_span_is(pair->key, "completion_tokens")) {
            apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT,
                         usage.completion);
            replace_text(&m->edit, pair->value.raw, text);
        }
    }
    mend_details(m, &o, "completion_tokens_details", "reasoning_tokens",
                 usage.reasoning);
    mend_details(m, &o, "prompt_tokens_details", "cached_tokens", usage.cached);
    if (!is_count(&o, "total_tokens", &total)) {
        apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT,
                     usage.prompt + usage.completion);
        azl_edit_add(&m->edit, &o.list, o.close, "total_tokens",
                     azl_span_str(text));
    }
    azl_edit_close(&m->edit, &o.list, o.close);
}
