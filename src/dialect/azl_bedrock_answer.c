/*
 * A whole answer of Converse as a chat completion, and what Bedrock's errors
 * stand for.
 */
#include <apr_strings.h>

#include "azl_bedrock_int.h"
#include "azl_edit_int.h"

/*
 * Why it ended, and what it took
 */

const char *azl_bedrock_finish(azl_span_t reason)
{
    static const azl_word_t known[] = {
        {"max_tokens", "length"},
        {"model_context_window_exceeded", "length"},
        {"tool_use", "tool_calls"},
        {"content_filtered", "content_filter"},
        {"guardrail_intervened", "content_filter"},
        {NULL, NULL}};

    /* end_turn, stop_sequence, malformed_..., and what comes next year */
    return azl_word(known, reason, "stop");
}

/* Of what was written to a cache, how much it keeps for an hour. */
static void read_cache_times(azl_usage_t *usage, const azl_value_t *details)
{
    const azl_value_t *ttl, *tokens;
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    if (details->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, details->raw.at, details->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        ttl = azl_object_open(&o, v.raw) ? azl_object_get(&o, "ttl") : NULL;
        if (ttl && azl_span_is(ttl->raw, "\"1h\"") &&
            (tokens = azl_object_get(&o, "inputTokens"))) {
            azl_scan_uint(tokens->raw, &usage->cache_write_1h);
        }
    }
}

/* inputTokens leaves out what was read from the cache or written to it. */
static void read_usage(azl_usage_t *usage, azl_span_t raw)
{
    apr_int64_t fresh = 0;
    const struct {
        const char *name;
        apr_int64_t *count;
    } counts[] = {{"inputTokens", &fresh},
                  {"outputTokens", &usage->completion},
                  {"cacheReadInputTokens", &usage->cached},
                  {"cacheWriteInputTokens", &usage->cache_write}};
    const azl_value_t *details;
    azl_object_t o;
    apr_size_t i;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    details = azl_object_get(&o, "cacheDetails");
    if (details) {
        read_cache_times(usage, details);
    }
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); ++i) {
        const azl_value_t *v = azl_object_get(&o, counts[i].name);

        if (v && azl_scan_uint(v->raw, counts[i].count)) {
            usage->reported = 1;
        }
    }
    usage->prompt = fresh + usage->cached + usage->cache_write;
}

/* OpenAI's name of a tier, or NULL. */
static const char *read_tier(azl_span_t raw)
{
    static const char *const tiers[] = {"default", "flex", "priority",
                                        "reserved"};
    const azl_value_t *v;
    azl_object_t o;
    apr_size_t i;

    v = azl_object_open(&o, raw) ? azl_object_get(&o, "type") : NULL;
    for (i = 0; v && i < sizeof(tiers) / sizeof(tiers[0]); ++i) {
        if (azl_span_is(azl_value_is_text(v)
                            ? azl_span(v->raw.at + 1, v->raw.len - 2)
                            : v->raw,
                        tiers[i])) {
            return tiers[i];
        }
    }
    return NULL;
}

int azl_bedrock_costs(azl_span_t doc, azl_bedrock_costs_t *costs)
{
    const azl_value_t *v;
    azl_object_t o;

    memset(costs, 0, sizeof(*costs));
    if (!azl_object_open(&o, doc)) {
        return 0;
    }
    v = azl_object_get(&o, "usage");
    if (v) {
        read_usage(&costs->usage, v->raw);
    }
    v = azl_object_get(&o, "serviceTier");
    costs->tier = v ? read_tier(v->raw) : NULL;
    return 1;
}

/*
 * The answer
 */

typedef struct message_t {
    azl_exchange_t *ex;
    const azl_bedrock_memo_t *memo;
    azl_buf_t *text;     /* what is said */
    azl_buf_t *thinking; /* ... and thought */
    azl_buf_t *state;    /* reasoning blocks to be kept */
    azl_write_t kept;
    int spoken; /* there was a text */
    apr_array_header_t *calls;
} message_t;

/* The input of a tool as text. */
static const char *input_text(message_t *m, const azl_json_t *use)
{
    const azl_json_t *input = azl_json_get(use, "input");
    azl_buf_t *out;
    const char *text;

    if (azl_json_type(input) != AZL_JSON_OBJECT) {
        return "{}";
    }
    out = azl_buf_create(m->ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_json_write(out, input);
    text = azl_buf_pstr(out, m->ex->pool);
    azl_buf_free(out);
    return text;
}

static void read_call(message_t *m, const azl_json_t *use)
{
    azl_span_t name = azl_json_text(azl_json_get(use, "name"));
    azl_hub_call_t *call;

    if (!name.len) {
        return;
    }
    if (m->memo->json_tool && azl_span_is(name, AZL_JSON_TOOL)) {
        azl_buf_puts(m->text, input_text(m, use));
        m->spoken = 1;
        return;
    }
    name = azl_bedrock_own_name(m->memo, name);
    call = apr_array_push(m->calls);
    call->id = azl_json_string(azl_json_get(use, "toolUseId"));
    call->name = apr_pstrmemdup(m->ex->pool, name.at, name.len);
    call->arguments = input_text(m, use);
}

/* Only what is signed (or cannot be read) is wanted back. */
static void read_reasoning(message_t *m, const azl_json_t *block,
                           const azl_json_t *reasoning)
{
    const azl_json_t *text = azl_json_get(reasoning, "reasoningText");

    azl_buf_span(m->thinking, azl_json_text(azl_json_get(text, "text")));
    if (m->ex->keep &&
        (azl_json_text(azl_json_get(text, "signature")).len ||
         azl_json_text(azl_json_get(reasoning, "redactedContent")).len)) {
        azl_write_json(&m->kept, NULL, block);
    }
}

static void read_block(message_t *m, const azl_json_t *block)
{
    const azl_json_t *text = azl_json_get(block, "text");
    const azl_json_t *reasoning = azl_json_get(block, "reasoningContent");
    const azl_json_t *use = azl_json_get(block, "toolUse");

    if (azl_json_type(text) == AZL_JSON_STRING) {
        azl_buf_span(m->text, azl_json_text(text));
        m->spoken = 1;
    }
    else if (reasoning) {
        read_reasoning(m, block, reasoning);
    }
    else if (use) {
        read_call(m, use);
    }
}

/* What the next request of the tool loop will need. */
static void keep_state(message_t *m)
{
    const azl_hub_call_t *first;

    if (m->ex->keep && m->calls->nelts && m->state->len && !m->state->failed) {
        first = &APR_ARRAY_IDX(m->calls, 0, azl_hub_call_t);
        if (first->id) {
            m->ex->keep(m->ex->kept, AZL_BEDROCK_KIND, azl_span_str(first->id),
                        azl_span(m->state->data, m->state->len));
        }
    }
}

static void write_tier(azl_buf_t *out, const char *tier)
{
    if (tier && out->len && !out->failed) {
        out->len--; /* the document's last bracket */
        azl_buf_puts(out, ",\"service_tier\":\"");
        azl_buf_puts(out, tier);
        azl_buf_puts(out, "\"}");
    }
}

static void begin_message(message_t *m, azl_exchange_t *ex)
{
    memset(m, 0, sizeof(*m));
    m->ex = ex;
    m->memo = ex->memo;
    m->text = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    m->thinking = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    m->state = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
    m->calls = apr_array_make(ex->pool, 4, sizeof(azl_hub_call_t));
    azl_write_init(&m->kept, m->state);
}

static const char *finish_of(const message_t *m, const azl_json_t *json)
{
    const char *finish =
        azl_bedrock_finish(azl_json_text(azl_json_get(json, "stopReason")));

    if (m->calls->nelts && strcmp(finish, "stop") == 0) {
        return "tool_calls";
    }
    /* the tool may have stood for the text */
    return strcmp(finish, "tool_calls") != 0 || m->calls->nelts ? finish
                                                                : "stop";
}

apr_status_t azl_bedrock_answer(azl_exchange_t *ex, azl_span_t doc,
                                azl_buf_t *out)
{
    azl_bedrock_costs_t costs;
    azl_hub_choice_t choice;
    const azl_json_t *content;
    azl_json_t *json;
    message_t m;
    apr_size_t i;

    if (azl_json_parse(ex->pool, doc, &json) ||
        !azl_bedrock_costs(doc, &costs)) {
        return APR_EGENERAL;
    }
    content = azl_json_get(
        azl_json_get(azl_json_get(json, "output"), "message"), "content");
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return APR_EGENERAL;
    }
    begin_message(&m, ex);
    for (i = 0; i < azl_json_length(content); ++i) {
        read_block(&m, azl_json_at(content, i));
    }
    keep_state(&m);
    memset(&choice, 0, sizeof(choice));
    choice.finish = finish_of(&m, json);
    if (m.spoken) {
        choice.content = azl_buf_copy(m.text, ex->pool);
    }
    if (m.thinking->len) {
        choice.reasoning = azl_buf_copy(m.thinking, ex->pool);
    }
    choice.calls = m.calls;
    azl_hub_answer(ex, NULL, &choice, 1, &costs.usage, out);
    write_tier(out, costs.tier);
    return APR_SUCCESS;
}

/*
 * Errors
 */

static int is_type(azl_span_t type, const char *known)
{
    apr_size_t len = strlen(known);

    return type.len == len && strncasecmp(type.at, known, len) == 0;
}

int azl_bedrock_error_status(azl_span_t type)
{
    static const struct {
        const char *type;
        int status;
    } known[] = {{"ValidationException", 400},
                 {"AccessDeniedException", 403},
                 {"ExpiredTokenException", 403},
                 {"IncompleteSignatureException", 403},
                 {"InvalidSignatureException", 403},
                 {"MissingAuthenticationTokenException", 403},
                 {"UnrecognizedClientException", 403},
                 {"ResourceNotFoundException", 404},
                 {"ServiceQuotaExceededException", 429},
                 {"ThrottlingException", 429},
                 {"ModelNotReadyException", 429},
                 {"InternalServerException", 500},
                 {"InternalFailure", 500},
                 {"ModelErrorException", 502},
                 {"ModelStreamErrorException", 502},
                 {"ServiceUnavailableException", 503},
                 {"ModelTimeoutException", 504}};
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (is_type(type, known[i].type)) {
            return known[i].status;
        }
    }
    return 0;
}

static int says(const char *message, const char *part)
{
    return message && strstr(message, part) != NULL;
}

const char *azl_bedrock_error_code(int *status, const char *message)
{
    if (*status == 400 && (says(message, "nput is too long") ||
                           says(message, "prompt is too long") ||
                           says(message, "exceed context limit"))) {
        return "context_length_exceeded";
    }
    /* Of a model that it has not it says that the request is not valid, of one
     * that has not been enabled that we may not: the others are there. */
    if ((*status == 400 && says(message, "model identifier is invalid")) ||
        (*status == 403 && says(message, "access to the model"))) {
        *status = 404;
    }
    return *status == 404 ? "model_not_found" : NULL;
}

const char *azl_bedrock_message(apr_pool_t *p, azl_span_t body)
{
    static const char *const names[] = {"message", "Message"};
    const azl_value_t *v;
    azl_object_t o;
    apr_size_t i;

    for (i = 0; i < 2 && azl_object_open(&o, body); ++i) {
        v = azl_object_get(&o, names[i]);
        if (v && azl_value_is_text(v)) {
            return azl_scan_text(p, v->raw);
        }
    }
    return NULL;
}

/* "ValidationException:http://..." */
static azl_span_t error_type(const apr_table_t *headers)
{
    const char *type =
        headers ? apr_table_get(headers, "x-amzn-errortype") : NULL;

    return azl_span(type, type ? strcspn(type, ":") : 0);
}

/* A model that failed or timed out says so with statuses nobody knows. */
static int meant_by(int status)
{
    return status == 424 ? 502 : status == 408 ? 504 : status;
}

int azl_bedrock_failure(azl_exchange_t *ex, int status,
                        const apr_table_t *headers, azl_span_t body,
                        azl_buf_t *out)
{
    azl_span_t type = error_type(headers);
    const char *message = azl_bedrock_message(ex->pool, body);
    int meant = azl_bedrock_error_status(type);
    const char *code;

    if (!message && !meant) {
        return meant_by(status);
    }
    meant = meant ? meant : meant_by(status);
    code = azl_bedrock_error_code(&meant, message);
    azl_hub_error_write(out, meant, NULL, code, message);
    return meant;
}
