/*
 * A chat completion as a Message, and errors as the Messages API has them.
 */
#include <apr_strings.h>

#include "azl_dialect.h"
#include "azl_edit_int.h"
#include "azl_estimate.h"
#include "azl_messages_int.h"

#define ID_PREFIX "msg_"
/* A message with the place it is about before it; longer ones are cut. */
#define ERROR_TEXT_MAX 6144

const char *azl_messages_stop(azl_span_t finish)
{
    static const azl_word_t known[] = {{"length", "max_tokens"},
                                       {"tool_calls", "tool_use"},
                                       {"function_call", "tool_use"},
                                       {"content_filter", "refusal"},
                                       {NULL, NULL}};

    return azl_word(known, finish, "end_turn");
}

void azl_messages_usage(azl_write_t *w, const azl_usage_t *usage)
{
    apr_int64_t input = usage->prompt - usage->cached - usage->cache_write;

    azl_write_int(w, "input_tokens", input > 0 ? input : 0);
    azl_write_int(w, "cache_read_input_tokens", usage->cached);
    azl_write_int(w, "cache_creation_input_tokens", usage->cache_write);
    if (usage->cache_write_1h) {
        azl_write_open(w, "cache_creation", '{');
        azl_write_int(w, "ephemeral_5m_input_tokens",
                      azl_usage_cache_write_5m(usage));
        azl_write_int(w, "ephemeral_1h_input_tokens", usage->cache_write_1h);
        azl_write_close(w, '}');
    }
    azl_write_int(w, "output_tokens", usage->completion);
    if (usage->reasoning) {
        azl_write_open(w, "output_tokens_details", '{');
        azl_write_int(w, "thinking_tokens", usage->reasoning);
        azl_write_close(w, '}');
    }
}

const char *azl_messages_id(apr_pool_t *p, azl_span_t hub_id,
                            const char *request_id)
{
    apr_size_t len = strlen(ID_PREFIX);

    if (hub_id.len > len && memcmp(hub_id.at, ID_PREFIX, len) == 0) {
        return apr_pstrmemdup(p, hub_id.at, hub_id.len);
    }
    return apr_pstrcat(p, ID_PREFIX, request_id, NULL);
}

const char *azl_messages_call_id(apr_pool_t *p, const char *request_id,
                                 int number)
{
    return apr_psprintf(p, "toolu_%s_%d", request_id, number);
}

/*
 * A whole answer
 */

static void write_text(azl_write_t *w, const azl_json_t *text)
{
    if (azl_json_text(text).len) {
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "type", "text");
        azl_write_json(w, "text", text);
        azl_write_close(w, '}');
    }
}

/* It comes back with the history, and has to be known again there. */
static void write_thinking(azl_write_t *w, const azl_json_t *text)
{
    if (azl_json_text(text).len) {
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "type", "thinking");
        azl_write_json(w, "thinking", text);
        azl_write_str(w, "signature", AZL_MESSAGES_UNSIGNED);
        azl_write_close(w, '}');
    }
}

/* Arguments that are no object (they may have been cut) are none. */
static azl_span_t object_of(azl_span_t text)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, text.at, text.len);
    if (text.len && azl_scan_peek(&s) == AZL_JSON_OBJECT &&
        azl_scan_value(&s, &v) == 1 && azl_scan_end(&s) == 1) {
        return v.raw;
    }
    return azl_span_str("{}");
}

static void write_call(azl_write_t *w, const azl_exchange_t *ex,
                       const azl_json_t *call, int number)
{
    const azl_json_t *function = azl_json_get(call, "function");
    azl_span_t id = azl_json_text(azl_json_get(call, "id"));

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "tool_use");
    azl_write_text(w, "id",
                   id.len ? id
                          : azl_span_str(azl_messages_call_id(
                                ex->pool, ex->request_id, number)));
    azl_write_json(w, "name", azl_json_get(function, "name"));
    azl_write_raw(
        w, "input",
        object_of(azl_json_text(azl_json_get(function, "arguments"))));
    azl_write_close(w, '}');
}

static void write_content(azl_write_t *w, const azl_exchange_t *ex,
                          const azl_json_t *message)
{
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    apr_size_t i;

    azl_write_open(w, "content", '[');
    write_thinking(w, azl_json_get(message, "reasoning_content"));
    write_text(w, azl_json_get(message, "content"));
    write_text(w, azl_json_get(message, "refusal"));
    for (i = 0; i < azl_json_length(calls); ++i) {
        write_call(w, ex, azl_json_at(calls, i), (int)i);
    }
    azl_write_close(w, ']');
}

static void read_usage(azl_span_t doc, azl_usage_t *usage)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(doc, pairs, AZL_PAIRS_MAX);
    int i;

    memset(usage, 0, sizeof(*usage));
    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, "usage")) {
            azl_usage_read(usage, pairs[i].value.raw);
        }
    }
}

apr_status_t azl_messages_answer(azl_exchange_t *ex, azl_span_t hub,
                                 azl_buf_t *out)
{
    const azl_json_t *choice, *message;
    azl_usage_t usage;
    azl_json_t *json;
    azl_write_t w;

    if (azl_json_parse(ex->pool, hub, &json)) {
        return APR_EGENERAL;
    }
    choice = azl_json_at(azl_json_get(json, "choices"), 0);
    message = azl_json_get(choice, "message");
    if (!message) {
        return APR_EGENERAL;
    }
    read_usage(hub, &usage);
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "id",
                  azl_messages_id(ex->pool,
                                  azl_json_text(azl_json_get(json, "id")),
                                  ex->request_id));
    azl_write_str(&w, "type", "message");
    azl_write_str(&w, "role", "assistant");
    azl_write_str(&w, "model", ex->alias);
    write_content(&w, ex, message);
    azl_write_str(&w, "stop_reason",
                  azl_json_length(azl_json_get(message, "tool_calls")) &&
                          azl_span_is(azl_json_text(azl_json_get(
                                          choice, "finish_reason")),
                                      "stop")
                      ? "tool_use"
                      : azl_messages_stop(azl_json_text(
                            azl_json_get(choice, "finish_reason"))));
    azl_write_null(&w, "stop_sequence");
    azl_write_open(&w, "usage", '{');
    azl_messages_usage(&w, &usage);
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
    return APR_SUCCESS;
}

/*
 * What a request would cost
 */

void azl_dialect_count_tokens(azl_span_t body, azl_buf_t *out)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(body, pairs, AZL_PAIRS_MAX);
    apr_uint64_t text = 0;
    azl_usage_t usage;
    azl_write_t w;
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, "system") ||
            azl_span_is(pairs[i].key, "messages") ||
            azl_span_is(pairs[i].key, "tools")) {
            text += azl_estimate_text(pairs[i].value.raw);
        }
    }
    memset(&usage, 0, sizeof(usage));
    azl_estimate_usage(&usage, text, 0, 0);
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_int(&w, "input_tokens", usage.prompt);
    azl_write_close(&w, '}');
}

/*
 * Errors
 */

static const char *error_type(int status)
{
    static const struct {
        int status;
        const char *type;
    } known[] = {{400, "invalid_request_error"}, {401, "authentication_error"},
                 {402, "billing_error"},         {403, "permission_error"},
                 {404, "not_found_error"},       {408, "timeout_error"},
                 {413, "request_too_large"},     {429, "rate_limit_error"},
                 {503, "overloaded_error"},      {504, "timeout_error"},
                 {529, "overloaded_error"}};
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (known[i].status == status) {
            return known[i].type;
        }
    }
    return status < 500 ? "invalid_request_error" : "api_error";
}

apr_status_t azl_messages_error(const azl_error_t *err, const char *request_id,
                                azl_buf_t *out)
{
    const char *message = err->message;
    char text[ERROR_TEXT_MAX];
    azl_write_t w;

    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", "error");
    azl_write_open(&w, "error", '{');
    azl_write_str(&w, "type", error_type(err->status));
    if (err->param) {
        /* there is no member for the place */
        apr_snprintf(text, sizeof(text), "%s: %s", err->param, err->message);
        message = text;
    }
    azl_write_str(&w, "message", message);
    azl_write_close(&w, '}');
    if (request_id) {
        azl_write_str(&w, "request_id", request_id);
    }
    azl_write_close(&w, '}');
    return out->failed ? APR_ENOSPC : APR_SUCCESS;
}
