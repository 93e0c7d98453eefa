/*
 * A chat's messages as Converse's blocks.
 */
#include <apr_strings.h>

#include "azl_bedrock_int.h"
#include "azl_turns_int.h"

/* The longest id of a call. */
#define ID_MAX 64

/* A block with one member that is a text. */
static void write_text(azl_write_t *w, azl_span_t text)
{
    azl_write_open(w, NULL, '{');
    azl_write_text(w, "text", text);
    azl_write_close(w, '}');
}

/* `caches`: there may be one here. */
static void write_cache(azl_bedrock_request_t *rq, const azl_json_t *part,
                        int caches)
{
    const azl_json_t *control = azl_json_get(part, "cache_control");
    const azl_json_t *breakpoint =
        azl_json_get(part, "prompt_cache_breakpoint");
    const azl_json_t *ttl = azl_json_get(control, "ttl");

    if (!caches) {
        azl_exchange_note_cache(rq->ex, part);
        return;
    }
    if (azl_json_type(control) != AZL_JSON_OBJECT &&
        azl_json_type(breakpoint) != AZL_JSON_OBJECT) {
        return;
    }
    azl_write_open(&rq->w, NULL, '{');
    azl_write_open(&rq->w, "cachePoint", '{');
    azl_write_str(&rq->w, "type", "default");
    if (azl_json_type(ttl) == AZL_JSON_STRING) {
        azl_write_json(&rq->w, "ttl", ttl);
    }
    azl_write_close(&rq->w, '}');
    azl_write_close(&rq->w, '}');
}

void azl_bedrock_cache(azl_bedrock_request_t *rq, const azl_json_t *part)
{
    /* in a result there is no place for it */
    write_cache(rq, part,
                rq->memo->family->caches != AZL_BEDROCK_NO_CACHE &&
                    !rq->in_result);
}

void azl_bedrock_cache_tool(azl_bedrock_request_t *rq, const azl_json_t *tool)
{
    write_cache(rq, tool, rq->memo->family->caches == AZL_BEDROCK_CACHES_ALL);
}

static void begin_turn(void *baton)
{
    azl_bedrock_request_t *rq = baton;

    rq->text = 0;
    rq->document = 0;
}

static void end_turn(void *baton)
{
    azl_bedrock_request_t *rq = baton;

    if (rq->document && !rq->text) {
        /* without any text beside it a document is refused */
        write_text(&rq->w, azl_span_str("."));
    }
}

static void say(void *baton, azl_span_t text, const azl_json_t *of)
{
    azl_bedrock_request_t *rq = baton;

    write_text(&rq->w, text);
    azl_bedrock_cache(rq, of);
    rq->text = 1;
}

static int write_media(void *baton, const char *path, const azl_json_t *part)
{
    azl_bedrock_request_t *rq = baton;
    int document = 0;

    if (!azl_bedrock_media(rq, path, part, &document)) {
        return 0;
    }
    /* in a result a document may be alone */
    rq->document |= document && !rq->in_result;
    return 1;
}

static azl_span_t read_thoughts(void *baton, const azl_json_t *message)
{
    azl_bedrock_request_t *rq = baton;

    return rq->thinking ? azl_bedrock_thoughts(rq->ex, message)
                        : azl_span("", 0);
}

/*
 * Calls of tools
 */

/* As it is, if the model takes it, else one that is made of it. */
static const char *call_id(const azl_bedrock_request_t *rq, azl_span_t id)
{
    apr_pool_t *p = rq->ex->pool;
    int is_short = rq->memo->family->short_ids;

    if (is_short ? azl_turns_id_is_short(id)
                 : azl_turns_id_fits(id, "_.:-", ID_MAX)) {
        return apr_pstrmemdup(p, id.at, id.len);
    }
    return is_short ? azl_turns_short_id(p, id)
                    : apr_psprintf(p, "call_%016" APR_UINT64_T_HEX_FMT,
                                   azl_turns_id_hash(id));
}

static void write_call(void *baton, azl_span_t id, const char *name,
                       azl_span_t input, const azl_json_t *call)
{
    azl_bedrock_request_t *rq = baton;
    azl_write_t *w = &rq->w;

    azl_write_open(w, NULL, '{');
    azl_write_open(w, "toolUse", '{');
    azl_write_str(w, "toolUseId", call_id(rq, id));
    azl_write_str(w, "name", azl_bedrock_tool_name(rq, name));
    azl_write_raw(w, "input", input);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_bedrock_cache(rq, call);
    rq->has_calls = 1;
}

static int write_content(azl_turns_t *t, apr_size_t i,
                         const azl_json_t *content)
{
    azl_bedrock_request_t *rq = t->rq;
    int rv;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        if (!azl_turns_is_blank(azl_json_text(content))) {
            write_text(&rq->w, azl_json_text(content));
        }
        return 1;
    }
    if (content && azl_json_type(content) != AZL_JSON_ARRAY) {
        return azl_turns_refuse(t, i, ".content",
                                "The content must be text or a list of parts.");
    }
    rq->in_result = 1;
    rv = azl_turns_parts(t, i, content);
    rq->in_result = 0;
    return rv;
}

static int write_result(azl_turns_t *t, apr_size_t i, azl_span_t id,
                        const azl_json_t *message)
{
    azl_bedrock_request_t *rq = t->rq;
    azl_write_t *w = &rq->w;

    azl_write_open(w, NULL, '{');
    azl_write_open(w, "toolResult", '{');
    azl_write_str(w, "toolUseId", call_id(rq, id));
    azl_write_open(w, "content", '[');
    if (!write_content(t, i, azl_json_get(message, "content"))) {
        return 0;
    }
    azl_write_close(w, ']');
    if (rq->memo->family->status &&
        azl_json_type(azl_json_get(message, "is_error")) == AZL_JSON_TRUE) {
        azl_write_str(w, "status", "error");
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_bedrock_cache(rq, message);
    /* text in a result is text beside a document */
    rq->text = 1;
    return 1;
}

static const azl_turns_words_t words = {.text = say,
                                        .media = write_media,
                                        .thoughts = read_thoughts,
                                        .call = write_call,
                                        .result = write_result,
                                        .begin = begin_turn,
                                        .end = end_turn};

int azl_bedrock_messages(azl_bedrock_request_t *rq)
{
    azl_turns_t turns = {
        .ex = rq->ex, .err = rq->err, .w = &rq->w, .words = &words, .rq = rq};

    return azl_turns_write(&turns);
}
