/*
 * A whole answer of a serving endpoint of Databricks, and what its errors
 * stand for.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_databricks_int.h"

const char *azl_databricks_finish(azl_span_t reason)
{
    static const char *const known[] = {"length", "tool_calls",
                                        "content_filter"};
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (azl_span_is(reason, known[i])) {
            return known[i];
        }
    }
    return azl_span_is(reason, "max_tokens") ? "length" : "stop";
}

/* Tokens of the prompt that a cache had a part in. */
static void read_cached(const azl_object_t *o, const char *name,
                        const azl_usage_t *usage, apr_int64_t *count)
{
    const azl_value_t *v = azl_object_get(o, name);
    apr_int64_t n;

    if (v && !*count && azl_scan_uint(v->raw, &n) && n <= usage->prompt) {
        *count = n;
    }
}

void azl_databricks_usage(azl_usage_t *usage, azl_span_t raw)
{
    azl_object_t o;

    if (azl_usage_read(usage, raw) && azl_object_open(&o, raw)) {
        read_cached(&o, "cache_read_input_tokens", usage, &usage->cached);
        read_cached(&o, "cache_creation_input_tokens", usage,
                    &usage->cache_write);
    }
}

/*
 * The answer
 */

typedef struct message_t {
    azl_exchange_t *ex;
    const azl_databricks_memo_t *memo;
    azl_buf_t *text;
    azl_buf_t *thinking;
    azl_buf_t *state; /* thinking blocks in Anthropic's words */
    azl_write_t kept;
    int spoken; /* there was a text */
    apr_array_header_t *calls;
} message_t;

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static void read_thought(message_t *m, const azl_json_t *part)
{
    const azl_json_t *text = azl_json_get(part, "text");
    const azl_json_t *signature = azl_json_get(part, "signature");

    azl_buf_span(m->thinking, azl_json_text(text));
    if (m->ex->keep && azl_json_text(signature).len &&
        azl_json_type(text) == AZL_JSON_STRING) {
        azl_write_open(&m->kept, NULL, '{');
        azl_write_str(&m->kept, "type", "thinking");
        azl_write_json(&m->kept, "thinking", text);
        azl_write_json(&m->kept, "signature", signature);
        azl_write_close(&m->kept, '}');
    }
}

static void read_part(message_t *m, const azl_json_t *part)
{
    const azl_json_t *type = azl_json_get(part, "type");
    const azl_json_t *summary = azl_json_get(part, "summary");
    apr_size_t i;

    if (is_text(type, "text")) {
        azl_buf_span(m->text, azl_json_text(azl_json_get(part, "text")));
        m->spoken = 1;
    }
    else if (is_text(type, "reasoning")) {
        for (i = 0; i < azl_json_length(summary); ++i) {
            read_thought(m, azl_json_at(summary, i));
        }
    }
}

static void read_content(message_t *m, const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");
    apr_size_t i;

    azl_buf_span(m->thinking,
                 azl_json_text(azl_json_get(message, "reasoning_content")));
    if (azl_json_type(content) == AZL_JSON_STRING) {
        azl_buf_span(m->text, azl_json_text(content));
        m->spoken = 1;
    }
    for (i = 0; i < azl_json_length(content); ++i) {
        read_part(m, azl_json_at(content, i));
    }
}

static void read_call(message_t *m, const azl_json_t *json)
{
    const azl_json_t *function = azl_json_get(json, "function");
    const char *name = azl_json_string(azl_json_get(function, "name"));
    const char *arguments =
        azl_json_string(azl_json_get(function, "arguments"));
    azl_hub_call_t *call;

    if (!name) {
        return;
    }
    if (m->memo->claude.json_tool &&
        strcmp(name, AZL_JSON_TOOL) == 0) {
        azl_buf_puts(m->text, arguments ? arguments : "{}");
        m->spoken = 1;
        return;
    }
    call = apr_array_push(m->calls);
    call->id = azl_json_string(azl_json_get(json, "id"));
    call->name = name;
    call->arguments = arguments;
}

/* What the next request of the tool loop will need. */
static void keep_state(message_t *m)
{
    const azl_hub_call_t *first;

    if (m->ex->keep && m->calls->nelts && m->state->len && !m->state->failed) {
        first = &APR_ARRAY_IDX(m->calls, 0, azl_hub_call_t);
        if (first->id) {
            m->ex->keep(m->ex->kept, AZL_ANTHROPIC_KIND,
                        azl_span_str(first->id),
                        azl_span(m->state->data, m->state->len));
        }
    }
}

static void read_choice(message_t *m, const azl_json_t *json,
                        azl_hub_choice_t *choice)
{
    const azl_json_t *message = azl_json_get(json, "message");
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    apr_pool_t *p = m->ex->pool;
    apr_size_t i;

    m->text = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    m->thinking = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    m->state = azl_buf_create(p, AZL_HUB_KEPT_MAX);
    m->calls = apr_array_make(p, 4, sizeof(azl_hub_call_t));
    m->spoken = 0;
    azl_write_init(&m->kept, m->state);
    read_content(m, message);
    for (i = 0; i < azl_json_length(calls); ++i) {
        read_call(m, azl_json_at(calls, i));
    }
    keep_state(m);
    if (m->spoken) {
        choice->content = azl_buf_copy(m->text, p);
    }
    if (m->thinking->len) {
        choice->reasoning = azl_buf_copy(m->thinking, p);
    }
    choice->calls = m->calls;
    choice->finish = azl_databricks_finish(
        azl_json_text(azl_json_get(json, "finish_reason")));
    if (strcmp(choice->finish, "tool_calls") == 0 && !m->calls->nelts) {
        choice->finish = "stop"; /* the tool stood for the text */
    }
    azl_buf_free(m->text);
    azl_buf_free(m->thinking);
    azl_buf_free(m->state);
}

static void read_usage(azl_span_t doc, azl_usage_t *usage)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(doc, pairs, AZL_PAIRS_MAX);
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, "usage")) {
            azl_databricks_usage(usage, pairs[i].value.raw);
        }
    }
}

apr_status_t azl_databricks_answer(azl_exchange_t *ex, azl_span_t doc,
                                   azl_buf_t *out)
{
    azl_hub_choice_t *choices;
    const azl_json_t *list;
    azl_json_t *json;
    azl_usage_t usage;
    message_t m;
    apr_size_t i, n;

    if (azl_json_parse(ex->pool, doc, &json)) {
        return APR_EGENERAL;
    }
    list = azl_json_get(json, "choices");
    n = azl_json_length(list);
    if (!n) {
        return APR_EGENERAL;
    }
    memset(&m, 0, sizeof(m));
    memset(&usage, 0, sizeof(usage));
    m.ex = ex;
    m.memo = ex->memo;
    choices = apr_pcalloc(ex->pool, n * sizeof(*choices));
    for (i = 0; i < n; ++i) {
        read_choice(&m, azl_json_at(list, i), &choices[i]);
    }
    read_usage(doc, &usage);
    azl_hub_answer(ex, azl_json_string(azl_json_get(json, "id")), choices,
                   (int)n, &usage, out);
    return APR_SUCCESS;
}

/*
 * Errors
 */

/* The message may be the JSON of the model behind the endpoint. */
static const char *inner_message(apr_pool_t *p, const char *text)
{
    const azl_json_t *message;
    azl_json_t *json;

    if (!text || *text != '{' || azl_json_parse(p, azl_span_str(text), &json)) {
        return text;
    }
    message = azl_json_get(json, "message");
    if (!message) {
        message = azl_json_get(azl_json_get(json, "error"), "message");
    }
    return azl_json_string(message) ? azl_json_string(message) : text;
}

int azl_databricks_words(apr_pool_t *p, azl_span_t body, const char **word,
                         const char **message)
{
    const azl_json_t *code;
    azl_json_t *json;

    if (azl_json_parse(p, body, &json)) {
        return 0;
    }
    code = azl_json_get(json, "error_code");
    *word =
        azl_json_string(code) ? azl_json_string(code) : azl_json_number(code);
    *message = inner_message(p, azl_json_string(azl_json_get(json, "message")));
    return *word != NULL;
}

static int says(const char *message, const char *part)
{
    return message && strstr(message, part) != NULL;
}

static int status_of(const char *word)
{
    static const struct {
        const char *word;
        int status;
    } known[] = {{"BAD_REQUEST", 400},
                 {"INVALID_PARAMETER_VALUE", 400},
                 {"MALFORMED_REQUEST", 400},
                 {"UNAUTHENTICATED", 401},
                 {"PERMISSION_DENIED", 403},
                 {"RESOURCE_DOES_NOT_EXIST", 404},
                 {"ENDPOINT_NOT_FOUND", 404},
                 {"NOT_FOUND", 404},
                 {"TEMPORARILY_UNAVAILABLE", 503},
                 {"DEADLINE_EXCEEDED", 504}};
    apr_int64_t n = apr_isdigit(*word) ? apr_atoi64(word) : 0;
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (strcmp(known[i].word, word) == 0) {
            return known[i].status;
        }
    }
    return n >= 400 && n <= 599 ? (int)n : 500;
}

int azl_databricks_error(const char *word, int status, const char *message,
                         const char **code)
{
    *code = NULL;
    if (strcmp(word, "REQUEST_LIMIT_EXCEEDED") == 0 ||
        strcmp(word, "RESOURCE_EXHAUSTED") == 0) {
        return 429;
    }
    status = status ? status : status_of(word);
    if (status == 400 && (says(message, "nput is too long") ||
                          says(message, "prompt is too long") ||
                          says(message, "maximum context length"))) {
        *code = "context_length_exceeded";
    }
    else if (status == 404) {
        *code = "model_not_found";
    }
    return status;
}

int azl_databricks_failure(azl_exchange_t *ex, int status,
                           const apr_table_t *headers, azl_span_t body,
                           azl_buf_t *out)
{
    const char *message, *word, *code;
    int meant;

    (void)headers;
    if (!azl_databricks_words(ex->pool, body, &word, &message)) {
        return status;
    }
    meant = azl_databricks_error(word, status, message, &code);
    azl_hub_error_write(out, meant, NULL, code, message);
    return meant;
}
