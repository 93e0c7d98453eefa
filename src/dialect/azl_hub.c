#include "azl_hub.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_error.h"
#include "azl_unfit.h"
#include "azl_write.h"

/* The longest name of a member that is told to the client. */
#define NAME_MAX_TOLD 64

/*
 * Members that cannot be carried
 */

/* A name that nobody knows is the client's own text, and becomes part of a
 * header. A copy: it may be the request's, which is gone before the answer's
 * headers. */
static const char *told_name(apr_pool_t *p, const char *member)
{
    apr_size_t len;

    for (len = 0; apr_isalnum(member[len]) ||
                  (member[len] && strchr("_-.[]", member[len]));
         ++len) {
    }
    return len && len <= NAME_MAX_TOLD && !member[len] ? apr_pstrdup(p, member)
                                                       : "(unknown)";
}

void azl_exchange_note(azl_exchange_t *ex, const char *member)
{
    int i;

    member = told_name(ex->pool, member);
    if (!ex->dropped) {
        ex->dropped = apr_array_make(ex->pool, 4, sizeof(const char *));
    }
    for (i = 0; i < ex->dropped->nelts; ++i) {
        if (strcmp(APR_ARRAY_IDX(ex->dropped, i, const char *), member) == 0) {
            return;
        }
    }
    if (ex->dropped->nelts < AZL_UNFIT_COUNT_MAX) {
        APR_ARRAY_PUSH(ex->dropped, const char *) = member;
    }
}

int azl_exchange_without(azl_exchange_t *ex, const char *member, int matters,
                         azl_error_t *err)
{
    member = told_name(ex->pool, member);
    if (ex->params == AZL_PARAMS_REJECT ||
        (ex->params == AZL_PARAMS_KEEP && matters)) {
        azl_unfit_member(ex->pool, member, err);
        return 0;
    }
    azl_exchange_note(ex, member);
    return 1;
}

int azl_exchange_refuse(azl_exchange_t *ex, azl_error_t *err, const char *path,
                        const char *message)
{
    azl_error_invalid(err, "invalid_value", apr_pstrdup(ex->pool, path),
                      message);
    return 0;
}

const char *azl_word(const azl_word_t *words, azl_span_t from,
                     const char *otherwise)
{
    for (; words->from; ++words) {
        if (azl_span_is(from, words->from)) {
            return words->to;
        }
    }
    return otherwise;
}

/*
 * Usage and errors, the same in answers and streams
 */

void azl_hub_usage_write(azl_buf_t *out, const azl_usage_t *usage)
{
    azl_write_t w;

    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_int(&w, "prompt_tokens", usage->prompt);
    azl_write_int(&w, "completion_tokens", usage->completion);
    azl_write_int(&w, "total_tokens", usage->prompt + usage->completion);
    azl_write_open(&w, "prompt_tokens_details", '{');
    azl_write_int(&w, "cached_tokens", usage->cached);
    azl_write_int(&w, "cache_write_tokens", usage->cache_write);
    if (usage->cache_write_1h) {
        azl_write_open(&w, "cache_creation_token_details", '{');
        azl_write_int(&w, "ephemeral_5m_input_tokens",
                      azl_usage_cache_write_5m(usage));
        azl_write_int(&w, "ephemeral_1h_input_tokens", usage->cache_write_1h);
        azl_write_close(&w, '}');
    }
    if (usage->audio_prompt) {
        azl_write_int(&w, "audio_tokens", usage->audio_prompt);
    }
    azl_write_close(&w, '}');
    azl_write_open(&w, "completion_tokens_details", '{');
    azl_write_int(&w, "reasoning_tokens", usage->reasoning);
    if (usage->audio_completion) {
        azl_write_int(&w, "audio_tokens", usage->audio_completion);
    }
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
}

static void error_of(azl_error_t *err, int status, const char *type,
                     const char *code, const char *message)
{
    azl_error_from_status(err, status);
    err->message = message ? message : err->message;
    err->type = type ? type : err->type;
    err->code = code ? code : err->code;
}

void azl_hub_error_write(azl_buf_t *out, int status, const char *type,
                         const char *code, const char *message)
{
    azl_error_t err;

    error_of(&err, status, type, code, message);
    azl_error_write(out, &err);
}

/*
 * A stream
 */

void azl_hub_stream_init(azl_hub_stream_t *h, const azl_exchange_t *ex)
{
    memset(h, 0, sizeof(*h));
    h->created = apr_time_sec(ex->now);
    azl_hub_stream_id(h, azl_span_str(apr_pstrcat(
                             ex->pool, "chatcmpl-",
                             ex->request_id ? ex->request_id : "0", NULL)));
}

/* Ids are words; what could not stand in JSON as it is, is none. */
void azl_hub_stream_id(azl_hub_stream_t *h, azl_span_t text)
{
    apr_size_t i;

    if (text.len >= 2 && *text.at == '"') {
        text = azl_span(text.at + 1, text.len - 2);
    }
    if (text.len == 0 || text.len > sizeof(h->id) - 3) {
        return;
    }
    for (i = 0; i < text.len; ++i) {
        unsigned char c = (unsigned char)text.at[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\') {
            return;
        }
    }
    h->id[0] = '"';
    memcpy(h->id + 1, text.at, text.len);
    h->id[text.len + 1] = '"';
    h->id[text.len + 2] = '\0';
}

static void begin(azl_hub_stream_t *h)
{
    azl_buf_puts(h->out, "data: {\"id\":");
    azl_buf_puts(h->out, h->id);
    azl_buf_puts(h->out, ",\"object\":\"chat.completion.chunk\",\"created\":");
    azl_buf_int(h->out, h->created);
    azl_buf_puts(h->out, ",\"model\":\"\",\"choices\":[");
}

static void begin_delta(azl_hub_stream_t *h, int choice)
{
    begin(h);
    azl_buf_puts(h->out, "{\"index\":");
    azl_buf_int(h->out, choice);
    azl_buf_puts(h->out, ",\"delta\":{");
}

static void end_delta(azl_hub_stream_t *h)
{
    azl_buf_puts(h->out, "},\"finish_reason\":null}]}\n\n");
}

static void begin_member(azl_hub_stream_t *h, int choice, const char *member)
{
    begin_delta(h, choice);
    azl_buf_puts(h->out, "\"");
    azl_buf_puts(h->out, member);
    azl_buf_puts(h->out, "\":");
}

void azl_hub_delta(azl_hub_stream_t *h, int choice, const char *member,
                   azl_span_t raw)
{
    if (raw.len > 2) {
        begin_member(h, choice, member);
        azl_buf_span(h->out, raw);
        end_delta(h);
    }
}

void azl_hub_delta_text(azl_hub_stream_t *h, int choice, const char *member,
                        azl_span_t text)
{
    if (text.len) {
        begin_member(h, choice, member);
        azl_buf_json(h->out, text.at, text.len);
        end_delta(h);
    }
}

void azl_hub_role(azl_hub_stream_t *h, int choice)
{
    begin_delta(h, choice);
    azl_buf_puts(h->out, "\"role\":\"assistant\",\"content\":\"\"");
    end_delta(h);
}

static void begin_tool(azl_hub_stream_t *h, int choice, int index)
{
    begin_delta(h, choice);
    azl_buf_puts(h->out, "\"tool_calls\":[{\"index\":");
    azl_buf_int(h->out, index);
}

void azl_hub_tool(azl_hub_stream_t *h, int choice, int index, azl_span_t id,
                  azl_span_t name)
{
    begin_tool(h, choice, index);
    azl_buf_puts(h->out, ",\"id\":");
    azl_buf_json(h->out, id.at, id.len);
    azl_buf_puts(h->out, ",\"type\":\"function\",\"function\":{\"name\":");
    azl_buf_json(h->out, name.at, name.len);
    azl_buf_puts(h->out, ",\"arguments\":\"\"}}]");
    end_delta(h);
}

int azl_hub_another_call(azl_hub_stream_t *h, apr_size_t name, apr_size_t id)
{
    if (h->failed) {
        return 0;
    }
    h->calls++;
    h->call_text += name + id;
    if (h->calls <= AZL_HUB_CALLS_MAX &&
        h->call_text <= AZL_HUB_CALL_TEXT_MAX) {
        return 1;
    }
    azl_hub_error(h, 502, NULL, NULL,
                  "The upstream service called more tools in one answer than "
                  "can be passed on.");
    return 0;
}

static void begin_arguments(azl_hub_stream_t *h, int choice, int index)
{
    begin_tool(h, choice, index);
    azl_buf_puts(h->out, ",\"function\":{\"arguments\":");
}

static void end_arguments(azl_hub_stream_t *h)
{
    azl_buf_puts(h->out, "}}]");
    end_delta(h);
}

void azl_hub_arguments(azl_hub_stream_t *h, int choice, int index,
                       azl_span_t raw)
{
    if (raw.len > 2) {
        begin_arguments(h, choice, index);
        azl_buf_span(h->out, raw);
        end_arguments(h);
    }
}

void azl_hub_arguments_text(azl_hub_stream_t *h, int choice, int index,
                            azl_span_t text)
{
    if (text.len) {
        begin_arguments(h, choice, index);
        azl_buf_json(h->out, text.at, text.len);
        end_arguments(h);
    }
}

void azl_hub_finish(azl_hub_stream_t *h, int choice, const char *reason)
{
    begin_delta(h, choice);
    azl_buf_puts(h->out, "},\"finish_reason\":");
    azl_buf_json_str(h->out, reason);
    azl_buf_puts(h->out, "}]}\n\n");
    h->finished = 1;
}

void azl_hub_usage_at(azl_hub_stream_t *h, const azl_usage_t *usage,
                      const char *tier)
{
    begin(h);
    azl_buf_puts(h->out, "]");
    if (tier) {
        azl_buf_puts(h->out, ",\"service_tier\":");
        azl_buf_json_str(h->out, tier);
    }
    azl_buf_puts(h->out, ",\"usage\":");
    azl_hub_usage_write(h->out, usage);
    azl_buf_puts(h->out, "}\n\n");
}

void azl_hub_usage(azl_hub_stream_t *h, const azl_usage_t *usage)
{
    azl_hub_usage_at(h, usage, NULL);
}

void azl_hub_usage_so_far(azl_hub_stream_t *h, const azl_usage_t *usage)
{
    if (!usage->reported) {
        return;
    }
    azl_buf_puts(h->out, "event: " AZL_HUB_SO_FAR "\ndata: {\"told\":");
    azl_buf_int(h->out, usage->told);
    azl_buf_puts(h->out, ",\"service_tier\":");
    azl_buf_puts(h->out, usage->other_tier ? "\"other\"" : "null");
    azl_buf_puts(h->out, ",\"usage\":");
    azl_hub_usage_write(h->out, usage);
    azl_buf_puts(h->out, "}\n\n");
}

void azl_hub_done(azl_hub_stream_t *h)
{
    azl_buf_puts(h->out, "data: [DONE]\n\n");
}

/* What is no JSON there is none here, and whoever reads this counts it. */
void azl_hub_malformed(azl_buf_t *out)
{
    azl_buf_puts(out, "data: {\n\n");
}

void azl_hub_error(azl_hub_stream_t *h, int status, const char *type,
                   const char *code, const char *message)
{
    azl_error_t err;

    error_of(&err, status, type, code, message);
    azl_buf_puts(h->out, "data: {\"error\":{\"status\":");
    azl_buf_int(h->out, status);
    azl_buf_puts(h->out, ",\"message\":");
    azl_buf_json_str(h->out, err.message);
    azl_buf_puts(h->out, ",\"type\":");
    azl_buf_json_str(h->out, err.type);
    azl_buf_puts(h->out, ",\"code\":");
    azl_buf_json_str(h->out, err.code);
    azl_buf_puts(h->out, "}}\n\n");
    h->failed = 1;
}

/*
 * A whole answer
 */

static void write_calls(azl_write_t *w, const azl_exchange_t *ex,
                        const azl_hub_choice_t *choice)
{
    int i;

    azl_write_open(w, "tool_calls", '[');
    for (i = 0; i < choice->calls->nelts; ++i) {
        const azl_hub_call_t *call =
            &APR_ARRAY_IDX(choice->calls, i, azl_hub_call_t);
        const char *id =
            call->id && *call->id
                ? call->id
                : apr_psprintf(ex->pool, "call_%s_%d", ex->request_id, i);

        azl_write_open(w, NULL, '{');
        azl_write_str(w, "id", id);
        azl_write_str(w, "type", "function");
        azl_write_open(w, "function", '{');
        azl_write_str(w, "name", call->name);
        azl_write_str(w, "arguments",
                      call->arguments && *call->arguments ? call->arguments
                                                          : "{}");
        azl_write_close(w, '}');
        azl_write_close(w, '}');
    }
    azl_write_close(w, ']');
}

static void write_words(azl_write_t *w, const char *name, azl_span_t words)
{
    if (words.at) {
        azl_write_text(w, name, words);
    }
    else {
        azl_write_null(w, name);
    }
}

static void write_choice(azl_write_t *w, const azl_exchange_t *ex,
                         const azl_hub_choice_t *choice, int index)
{
    azl_write_open(w, NULL, '{');
    azl_write_int(w, "index", index);
    azl_write_open(w, "message", '{');
    azl_write_str(w, "role", "assistant");
    write_words(w, "content", choice->content);
    azl_write_str(w, "refusal", choice->refusal);
    if (choice->reasoning.at) {
        azl_write_text(w, "reasoning_content", choice->reasoning);
    }
    if (choice->calls && choice->calls->nelts) {
        write_calls(w, ex, choice);
    }
    if (choice->more) {
        azl_write_name(w, NULL);
        azl_buf_puts(w->out, choice->more);
    }
    azl_write_close(w, '}');
    azl_write_null(w, "logprobs");
    azl_write_str(w, "finish_reason", choice->finish);
    azl_write_close(w, '}');
}

void azl_hub_answer(const azl_exchange_t *ex, const char *id,
                    const azl_hub_choice_t *choices, int nchoices,
                    const azl_usage_t *usage, azl_buf_t *out)
{
    azl_write_t w;
    int i;

    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(
        &w, "id",
        id && *id ? id
                  : apr_pstrcat(ex->pool, "chatcmpl-", ex->request_id, NULL));
    azl_write_str(&w, "object", "chat.completion");
    azl_write_int(&w, "created", apr_time_sec(ex->now));
    azl_write_str(&w, "model", "");
    azl_write_open(&w, "choices", '[');
    for (i = 0; i < nchoices; ++i) {
        write_choice(&w, ex, &choices[i], i);
    }
    azl_write_close(&w, ']');
    if (usage->reported) {
        azl_write_name(&w, "usage");
        azl_hub_usage_write(out, usage);
    }
    azl_write_close(&w, '}');
}

void azl_hub_answer_tier(azl_buf_t *out, const char *tier)
{
    if (tier && out->len && !out->failed) {
        out->len--; /* the document's last bracket */
        azl_buf_puts(out, ",\"service_tier\":");
        azl_buf_json_str(out, tier);
        azl_buf_puts(out, "}");
    }
}
