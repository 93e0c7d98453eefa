/*
 * A chat's messages as Anthropic's blocks.
 */
#include <apr_strings.h>

#include "azl_anthropic_int.h"
#include "azl_turns_int.h"

/* What may stand in the id of a call. */
#define ID_MAX 64

/* In OpenAI's words a breakpoint has no lifetime of its own. */
void azl_anthropic_cache(azl_claude_request_t *rq, const azl_json_t *part)
{
    const azl_json_t *control = azl_json_get(part, "cache_control");
    const azl_json_t *breakpoint =
        azl_json_get(part, "prompt_cache_breakpoint");

    if (azl_json_type(control) == AZL_JSON_OBJECT) {
        azl_write_json(&rq->w, "cache_control", control);
    }
    else if (azl_json_type(breakpoint) == AZL_JSON_OBJECT) {
        azl_write_open(&rq->w, "cache_control", '{');
        azl_write_str(&rq->w, "type", "ephemeral");
        azl_write_close(&rq->w, '}');
    }
}

static void write_text(void *baton, azl_span_t text, const azl_json_t *of)
{
    azl_claude_request_t *rq = baton;

    azl_write_open(&rq->w, NULL, '{');
    azl_write_str(&rq->w, "type", "text");
    azl_write_text(&rq->w, "text", text);
    azl_anthropic_cache(rq, of);
    azl_write_close(&rq->w, '}');
}

static int write_media(void *baton, const char *path, const azl_json_t *part)
{
    return azl_anthropic_media(baton, path, part);
}

static void write_thought(azl_write_t *w, const azl_json_t *text,
                          const azl_json_t *signature)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "thinking");
    azl_write_json(w, "thinking", text);
    azl_write_json(w, "signature", signature);
    azl_write_close(w, '}');
}

static void write_hidden(azl_write_t *w, const azl_json_t *data)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "redacted_thinking");
    azl_write_json(w, "data", data);
    azl_write_close(w, '}');
}

const azl_claude_memory_t azl_anthropic_memory = {.kind = AZL_ANTHROPIC_KIND,
                                                  .thought = write_thought,
                                                  .hidden = write_hidden};

azl_span_t azl_anthropic_thoughts(azl_exchange_t *ex, const azl_json_t *message)
{
    return azl_claude_thoughts(ex, message, &azl_anthropic_memory);
}

static azl_span_t read_thoughts(void *baton, const azl_json_t *message)
{
    azl_claude_request_t *rq = baton;

    return rq->thinking ? azl_anthropic_thoughts(rq->ex, message)
                        : azl_span("", 0);
}

/* As it is, if Anthropic takes it, else one that is made of it. */
static const char *call_id(apr_pool_t *p, azl_span_t id)
{
    return azl_turns_id_fits(id, "_-", ID_MAX)
               ? apr_pstrmemdup(p, id.at, id.len)
               : apr_psprintf(p, "toolu_%016" APR_UINT64_T_HEX_FMT,
                              azl_turns_id_hash(id));
}

static void write_call(void *baton, azl_span_t id, const char *name,
                       azl_span_t input, const azl_json_t *call)
{
    azl_claude_request_t *rq = baton;
    azl_write_t *w = &rq->w;

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "tool_use");
    azl_write_str(w, "id", call_id(rq->ex->pool, id));
    azl_write_str(w, "name", name);
    azl_write_raw(w, "input", input);
    azl_anthropic_cache(rq, call);
    azl_write_close(w, '}');
}

static int write_result(azl_turns_t *t, apr_size_t i, azl_span_t id,
                        const azl_json_t *message)
{
    azl_claude_request_t *rq = t->rq;
    azl_write_t *w = &rq->w;
    const azl_json_t *content = azl_json_get(message, "content");

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "tool_result");
    azl_write_str(w, "tool_use_id", call_id(rq->ex->pool, id));
    if (azl_json_type(content) == AZL_JSON_ARRAY) {
        azl_write_open(w, "content", '[');
        if (!azl_turns_parts(t, i, content)) {
            return 0;
        }
        azl_write_close(w, ']');
    }
    else if (azl_json_type(content) == AZL_JSON_STRING) {
        if (!azl_turns_is_blank(azl_json_text(content))) {
            azl_write_json(w, "content", content);
        }
    }
    else if (content) {
        return azl_turns_refuse(t, i, ".content", "The content must be text.");
    }
    if (azl_json_type(azl_json_get(message, "is_error")) == AZL_JSON_TRUE) {
        azl_write_bool(w, "is_error", 1);
    }
    azl_anthropic_cache(rq, message);
    azl_write_close(w, '}');
    return 1;
}

static const azl_turns_words_t words = {.text = write_text,
                                        .media = write_media,
                                        .thoughts = read_thoughts,
                                        .call = write_call,
                                        .result = write_result};

int azl_anthropic_messages(azl_claude_request_t *rq)
{
    azl_turns_t turns = {
        .ex = rq->ex, .err = rq->err, .w = &rq->w, .words = &words, .rq = rq};

    return azl_turns_write(&turns);
}
