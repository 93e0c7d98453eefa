/*
 * A whole Message as a chat completion, and what Anthropic's errors stand for.
 */
#include <apr_strings.h>

#include "azl_anthropic_int.h"
#include "azl_failure_int.h"

/*
 * Why it ended
 */

const char *azl_anthropic_finish(azl_span_t reason)
{
    static const azl_word_t known[] = {
        {"max_tokens", "length"},
        {"model_context_window_exceeded", "length"},
        {"tool_use", "tool_calls"},
        {"refusal", "content_filter"},
        {NULL, NULL}};

    /* end_turn, stop_sequence, pause_turn, and what comes next year */
    return azl_word(known, reason, "stop");
}

/*
 * The answer
 */

typedef struct message_t {
    azl_exchange_t *ex;
    const azl_anthropic_memo_t *memo;
    azl_buf_t *text;     /* what is said */
    azl_buf_t *thinking; /* ... and thought */
    azl_buf_t *state;    /* thinking blocks to be kept */
    azl_write_t kept;
    int spoken; /* there was a text */
    apr_array_header_t *calls;
} message_t;

static void append_text(azl_buf_t *out, const azl_json_t *json)
{
    azl_buf_span(out, azl_json_text(json));
}

/* The input of a tool as text. */
static const char *input_text(message_t *m, const azl_json_t *block)
{
    const azl_json_t *input = azl_json_get(block, "input");
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

static void read_call(message_t *m, const azl_json_t *block)
{
    const char *name = azl_json_string(azl_json_get(block, "name"));
    azl_hub_call_t *call;

    if (!name) {
        return;
    }
    if (m->memo->json_tool && strcmp(name, AZL_JSON_TOOL) == 0) {
        azl_buf_puts(m->text, input_text(m, block));
        m->spoken = 1;
        return;
    }
    call = apr_array_push(m->calls);
    call->id = azl_json_string(azl_json_get(block, "id"));
    call->name = name;
    call->arguments = input_text(m, block);
}

static void keep_block(message_t *m, const azl_json_t *block)
{
    if (m->ex->keep) {
        azl_write_json(&m->kept, NULL, block);
    }
}

static void read_block(message_t *m, const azl_json_t *block)
{
    azl_span_t type = azl_json_text(azl_json_get(block, "type"));

    if (azl_span_is(type, "text")) {
        append_text(m->text, azl_json_get(block, "text"));
        m->spoken = 1;
    }
    else if (azl_span_is(type, "thinking")) {
        append_text(m->thinking, azl_json_get(block, "thinking"));
        if (azl_json_text(azl_json_get(block, "signature")).len) {
            keep_block(m, block);
        }
    }
    else if (azl_span_is(type, "redacted_thinking")) {
        keep_block(m, block);
    }
    else if (azl_span_is(type, "tool_use")) {
        read_call(m, block);
    }
    /* what a server's tool did shows in the text */
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

const char *azl_anthropic_tier(const azl_usage_t *usage)
{
    return usage->other_tier ? "priority" : NULL;
}

static void read_usage(azl_span_t doc, azl_usage_t *usage)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(doc, pairs, AZL_PAIRS_MAX);
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, "usage")) {
            azl_usage_read_messages(usage, pairs[i].value.raw);
        }
    }
}

static void read_end(message_t *m, const azl_json_t *message,
                     azl_hub_choice_t *choice)
{
    const azl_json_t *details = azl_json_get(message, "stop_details");

    choice->finish = azl_anthropic_finish(
        azl_json_text(azl_json_get(message, "stop_reason")));
    if (strcmp(choice->finish, "tool_calls") == 0 && !m->calls->nelts) {
        choice->finish = "stop"; /* the tool stood for the text */
    }
    if (strcmp(choice->finish, "content_filter") == 0) {
        choice->refusal = azl_json_string(azl_json_get(details, "explanation"));
    }
}

apr_status_t azl_anthropic_answer(azl_exchange_t *ex, azl_span_t doc,
                                  azl_buf_t *out)
{
    azl_hub_choice_t choice;
    const azl_json_t *content;
    azl_json_t *json;
    azl_usage_t usage;
    message_t m;
    apr_size_t i;

    if (azl_json_parse(ex->pool, doc, &json)) {
        return APR_EGENERAL;
    }
    content = azl_json_get(json, "content");
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return APR_EGENERAL;
    }
    memset(&m, 0, sizeof(m));
    memset(&choice, 0, sizeof(choice));
    memset(&usage, 0, sizeof(usage));
    m.ex = ex;
    m.memo = ex->memo;
    m.text = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    m.thinking = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    m.state = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
    m.calls = apr_array_make(ex->pool, 4, sizeof(azl_hub_call_t));
    azl_write_init(&m.kept, m.state);
    for (i = 0; i < azl_json_length(content); ++i) {
        read_block(&m, azl_json_at(content, i));
    }
    read_end(&m, json, &choice);
    read_usage(doc, &usage);
    keep_state(&m);
    if (m.spoken) {
        choice.content = azl_buf_copy(m.text, ex->pool);
    }
    if (m.thinking->len) {
        choice.reasoning = azl_buf_copy(m.thinking, ex->pool);
    }
    choice.calls = m.calls;
    azl_hub_answer(ex, azl_json_string(azl_json_get(json, "id")), &choice, 1,
                   &usage, out);
    azl_hub_answer_tier(out, azl_anthropic_tier(&usage));
    return APR_SUCCESS;
}

/*
 * Errors
 */

static int status_of(azl_span_t type)
{
    static const struct {
        const char *type;
        int status;
    } known[] = {{"invalid_request_error", 400}, {"authentication_error", 401},
                 {"billing_error", 402},         {"permission_error", 403},
                 {"not_found_error", 404},       {"request_too_large", 413},
                 {"rate_limit_error", 429},      {"timeout_error", 504},
                 {"overloaded_error", 529}};
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (azl_span_is(type, known[i].type)) {
            return known[i].status;
        }
    }
    return 500;
}

static int says(const char *message, const char *part)
{
    return message && strstr(message, part) != NULL;
}

int azl_anthropic_error(azl_span_t type, int status, const char *message,
                        const char **code)
{
    status = status ? status : status_of(type);
    *code = NULL;
    if (status == 400 && (says(message, "prompt is too long") ||
                          says(message, "exceed context limit"))) {
        *code = "context_length_exceeded";
    }
    else if (status == 402 ||
             (status == 400 && says(message, "credit balance is too low"))) {
        *code = "insufficient_quota";
        return 429;
    }
    else if (status == 404) {
        *code = "model_not_found";
    }
    /* nobody's standard; 503 says the same */
    return status == 529 ? 503 : status;
}

int azl_anthropic_failure(azl_exchange_t *ex, int status,
                          const apr_table_t *headers, azl_span_t body,
                          azl_buf_t *out)
{
    azl_failure_words_t words;
    const char *code;
    int meant;

    (void)headers;
    if (!azl_failure_words(ex->pool, body, &words) || !words.type) {
        return status;
    }
    meant = azl_anthropic_error(azl_span_str(words.type), status, words.message,
                                &code);
    azl_hub_error_write(out, meant, NULL, code, words.message);
    return meant;
}
