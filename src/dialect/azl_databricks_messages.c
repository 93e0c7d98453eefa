/*
 * The messages of a chat as a serving endpoint of Databricks takes them: no
 * member that it does not know, and for a Claude no empty texts, no images
 * that would have to be fetched, and the thoughts of a loop of tool calls.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_databricks_int.h"

typedef azl_databricks_request_t request_t;

/* What a tool says that says nothing, where that is refused. */
#define NOTHING_SAID "(empty)"

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static int is_claude(const request_t *rq)
{
    return rq->behind == AZL_BEHIND_CLAUDE;
}

/* `rest` is what follows "messages[i]". */
static int refuse_at(request_t *rq, apr_size_t i, const char *rest,
                     const char *message)
{
    azl_exchange_t *ex = rq->pl.rq.ex;

    return azl_exchange_refuse(
        ex, rq->pl.rq.err,
        apr_psprintf(ex->pool, "messages[%d]%s", (int)i, rest), message);
}

static int is_blank(const azl_json_t *text)
{
    azl_span_t span = azl_json_text(text);
    apr_size_t i;

    for (i = 0; i < span.len && apr_isspace(span.at[i]); ++i) {
    }
    return i == span.len;
}

/*
 * Content
 */

static void write_text(request_t *rq, const azl_json_t *text,
                       const azl_json_t *part)
{
    azl_write_t *w = &rq->pl.rq.w;

    if (is_claude(rq) && is_blank(text)) {
        return; /* refused there */
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "text");
    azl_write_json(w, "text", text);
    if (is_claude(rq) && azl_json_get(part, "cache_control")) {
        azl_write_json(w, "cache_control", azl_json_get(part, "cache_control"));
    }
    azl_write_close(w, '}');
}

static int write_image(request_t *rq, apr_size_t i, const char *rest,
                       const azl_json_t *part)
{
    const azl_json_t *image = azl_json_get(part, "image_url");
    azl_span_t url = azl_json_text(azl_json_get(image, "url"));
    azl_write_t *w = &rq->pl.rq.w;

    if (!url.len) {
        return refuse_at(rq, i, rest, "An image must have an image_url.url.");
    }
    if (is_claude(rq) &&
        (url.len < 5 || strncasecmp(url.at, "data:", 5) != 0)) {
        return refuse_at(rq, i, rest,
                         "This model takes images as data: URLs only.");
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "image_url");
    azl_write_open(w, "image_url", '{');
    azl_write_text(w, "url", url);
    if (!is_claude(rq) && azl_json_get(image, "detail")) {
        azl_write_json(w, "detail", azl_json_get(image, "detail"));
    }
    azl_exchange_note_cache(rq->pl.rq.ex, part);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

static int write_part(request_t *rq, apr_size_t i, apr_size_t j,
                      const azl_json_t *part)
{
    const azl_json_t *type = azl_json_get(part, "type");
    const char *rest = apr_psprintf(rq->pl.rq.ex->pool, ".content[%d]", (int)j);
    const azl_json_t *text = NULL;

    if (is_text(type, "image_url")) {
        return write_image(rq, i, rest, part);
    }
    if (is_text(type, "text")) {
        text = azl_json_get(part, "text");
    }
    else if (is_text(type, "refusal")) {
        text = azl_json_get(part, "refusal");
    }
    else {
        return refuse_at(rq, i, rest,
                         "This model takes parts of type text and image_url.");
    }
    if (azl_json_type(text) != AZL_JSON_STRING) {
        return refuse_at(rq, i, rest, "A text is expected.");
    }
    write_text(rq, text, part);
    return 1;
}

static int write_parts(request_t *rq, apr_size_t i, const azl_json_t *content)
{
    apr_size_t j;

    for (j = 0; j < azl_json_length(content); ++j) {
        if (!write_part(rq, i, j, azl_json_at(content, j))) {
            return 0;
        }
    }
    return 1;
}

/* Nothing in it that a Claude would take. */
static int is_empty(const azl_json_t *content)
{
    apr_size_t j;

    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return (!content || azl_json_type(content) == AZL_JSON_STRING) &&
               is_blank(content);
    }
    for (j = 0; j < azl_json_length(content); ++j) {
        const azl_json_t *part = azl_json_at(content, j);

        if (!is_text(azl_json_get(part, "type"), "text") ||
            !is_blank(azl_json_get(part, "text"))) {
            return 0;
        }
    }
    return 1;
}

/* The thoughts of a turn, which have been kept in Anthropic's words. */
static void write_thoughts(request_t *rq, azl_span_t blocks)
{
    azl_exchange_t *ex = rq->pl.rq.ex;
    azl_write_t *w = &rq->pl.rq.w;
    const char *list =
        apr_pstrcat(ex->pool, "[",
                    apr_pstrmemdup(ex->pool, blocks.at, blocks.len), "]", NULL);
    azl_json_t *json;
    apr_size_t i;

    if (azl_json_parse(ex->pool, azl_span_str(list), &json)) {
        return;
    }
    for (i = 0; i < azl_json_length(json); ++i) {
        const azl_json_t *block = azl_json_at(json, i);
        const azl_json_t *text = azl_json_get(block, "thinking");

        if (azl_json_type(text) != AZL_JSON_STRING) {
            continue; /* there is no place for one that is encrypted */
        }
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "type", "reasoning");
        azl_write_open(w, "summary", '[');
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "type", "summary_text");
        azl_write_json(w, "text", text);
        azl_write_json(w, "signature", azl_json_get(block, "signature"));
        azl_write_close(w, '}');
        azl_write_close(w, ']');
        azl_write_close(w, '}');
    }
}

/* The member `content`, behind the thoughts if there are any. */
static int write_content(request_t *rq, apr_size_t i, const azl_json_t *content,
                         azl_span_t thoughts)
{
    azl_json_type_e type = azl_json_type(content);
    azl_write_t *w = &rq->pl.rq.w;

    if (content && type != AZL_JSON_STRING && type != AZL_JSON_ARRAY) {
        return refuse_at(rq, i, ".content",
                         "The content must be a text or a list of parts.");
    }
    if (!thoughts.len && (is_claude(rq) ? is_empty(content) : !content)) {
        azl_write_null(w, "content");
        return 1;
    }
    if (!thoughts.len && type == AZL_JSON_STRING) {
        azl_write_json(w, "content", content);
        return 1;
    }
    azl_write_open(w, "content", '[');
    if (thoughts.len) {
        write_thoughts(rq, thoughts);
    }
    if (type == AZL_JSON_STRING) {
        write_text(rq, content, NULL);
    }
    else if (!write_parts(rq, i, content)) {
        return 0;
    }
    azl_write_close(w, ']');
    return 1;
}

/*
 * Messages
 */

static void open_message(request_t *rq, const char *role)
{
    azl_write_open(&rq->pl.rq.w, NULL, '{');
    azl_write_str(&rq->pl.rq.w, "role", role);
}

/* Of the system or a user. */
static int write_plain(request_t *rq, apr_size_t i, const azl_json_t *message,
                       const char *role)
{
    const azl_json_t *content = azl_json_get(message, "content");
    const azl_json_t *name = azl_json_get(message, "name");

    if (!content) {
        return refuse_at(rq, i, ".content", "The message has no content.");
    }
    if (is_claude(rq) && is_empty(content)) {
        return 1;
    }
    open_message(rq, role);
    if (!write_content(rq, i, content, azl_span("", 0))) {
        return 0;
    }
    if (name && strcmp(role, "user") == 0) {
        azl_write_json(&rq->pl.rq.w, "name", name);
    }
    azl_write_close(&rq->pl.rq.w, '}');
    return 1;
}

/* Arguments are JSON in a string, which the model behind wants to read. */
static int is_object(request_t *rq, const azl_json_t *arguments)
{
    azl_span_t text = azl_json_text(arguments);
    azl_json_t *json;

    return is_blank(arguments) ||
           (!azl_json_parse(rq->pl.rq.ex->pool, text, &json) &&
            azl_json_type(json) == AZL_JSON_OBJECT);
}

static int write_call(request_t *rq, apr_size_t i, apr_size_t j,
                      const azl_json_t *call)
{
    const azl_json_t *function = azl_json_get(call, "function");
    const azl_json_t *name = azl_json_get(function, "name");
    const azl_json_t *arguments = azl_json_get(function, "arguments");
    const char *rest =
        apr_psprintf(rq->pl.rq.ex->pool, ".tool_calls[%d]", (int)j);
    azl_write_t *w = &rq->pl.rq.w;

    if (!azl_json_text(name).len) {
        return refuse_at(rq, i, rest, "A call must be that of a function.");
    }
    if (!azl_json_text(azl_json_get(call, "id")).len) {
        return refuse_at(rq, i, rest, "A call must have an id.");
    }
    if (!is_object(rq, arguments)) {
        return refuse_at(
            rq, i,
            apr_pstrcat(rq->pl.rq.ex->pool, rest, ".function.arguments", NULL),
            "The arguments are no JSON object.");
    }
    azl_exchange_note_cache(rq->pl.rq.ex, call);
    azl_write_open(w, NULL, '{');
    azl_write_json(w, "id", azl_json_get(call, "id"));
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    azl_write_json(w, "name", name);
    if (is_blank(arguments)) {
        azl_write_str(w, "arguments", "{}");
    }
    else {
        azl_write_json(w, "arguments", arguments);
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

static int write_calls(request_t *rq, apr_size_t i, const azl_json_t *calls)
{
    apr_size_t j;

    azl_write_open(&rq->pl.rq.w, "tool_calls", '[');
    for (j = 0; j < azl_json_length(calls); ++j) {
        if (!write_call(rq, i, j, azl_json_at(calls, j))) {
            return 0;
        }
    }
    azl_write_close(&rq->pl.rq.w, ']');
    return 1;
}

static int write_assistant(request_t *rq, apr_size_t i,
                           const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    azl_span_t thoughts = azl_span("", 0);

    if (azl_json_get(message, "function_call") ||
        (calls && azl_json_type(calls) != AZL_JSON_ARRAY)) {
        return refuse_at(rq, i, ".tool_calls",
                         "Calls must be a list of tool_calls.");
    }
    if (!content) {
        content = azl_json_get(message, "refusal");
    }
    if (rq->pl.rq.thinking && azl_json_length(calls)) {
        thoughts = azl_anthropic_thoughts(rq->pl.rq.ex, message);
    }
    if (!azl_json_length(calls) && is_claude(rq) && is_empty(content)) {
        return 1;
    }
    open_message(rq, "assistant");
    if (!write_content(rq, i, content, thoughts) ||
        (azl_json_length(calls) && !write_calls(rq, i, calls))) {
        return 0;
    }
    azl_write_close(&rq->pl.rq.w, '}');
    return 1;
}

/* Does a call with this id stand before, with nothing but results between? */
static int answers_call(const azl_json_t *list, apr_size_t i, azl_span_t id)
{
    const azl_json_t *calls;
    apr_size_t j;

    while (i > 0 &&
           is_text(azl_json_get(azl_json_at(list, i - 1), "role"), "tool")) {
        --i;
    }
    calls = i ? azl_json_get(azl_json_at(list, i - 1), "tool_calls") : NULL;
    for (j = 0; j < azl_json_length(calls); ++j) {
        azl_span_t other =
            azl_json_text(azl_json_get(azl_json_at(calls, j), "id"));

        if (other.len == id.len && memcmp(other.at, id.at, id.len) == 0) {
            return 1;
        }
    }
    return 0;
}

static int write_result(request_t *rq, const azl_json_t *list, apr_size_t i)
{
    const azl_json_t *message = azl_json_at(list, i);
    const azl_json_t *content = azl_json_get(message, "content");
    const azl_json_t *id = azl_json_get(message, "tool_call_id");

    if (!azl_json_text(id).len || !answers_call(list, i, azl_json_text(id))) {
        return refuse_at(rq, i, ".tool_call_id",
                         "No call with this id stands before the message.");
    }
    open_message(rq, "tool");
    azl_write_json(&rq->pl.rq.w, "tool_call_id", id);
    if (is_claude(rq) && is_empty(content)) {
        azl_write_str(&rq->pl.rq.w, "content", NOTHING_SAID);
    }
    else if (!write_content(rq, i, content, azl_span("", 0))) {
        return 0;
    }
    azl_exchange_note_cache(rq->pl.rq.ex, message);
    azl_write_close(&rq->pl.rq.w, '}');
    return 1;
}

static int write_message(request_t *rq, const azl_json_t *list, apr_size_t i)
{
    const azl_json_t *message = azl_json_at(list, i);
    const azl_json_t *role = azl_json_get(message, "role");

    if (is_text(role, "system") || is_text(role, "developer")) {
        return write_plain(rq, i, message, "system");
    }
    if (is_text(role, "user")) {
        return write_plain(rq, i, message, "user");
    }
    if (is_text(role, "assistant")) {
        return write_assistant(rq, i, message);
    }
    if (is_text(role, "tool")) {
        return write_result(rq, list, i);
    }
    return refuse_at(rq, i, ".role",
                     "The role must be system, developer, user, assistant or "
                     "tool.");
}

int azl_databricks_messages(request_t *rq)
{
    azl_exchange_t *ex = rq->pl.rq.ex;
    const azl_json_t *list = azl_json_get(ex->hub, "messages");
    apr_size_t i;

    if (!azl_json_length(list)) {
        return azl_exchange_refuse(ex, rq->pl.rq.err, "messages",
                                   "At least one message is needed.");
    }
    azl_write_open(&rq->pl.rq.w, "messages", '[');
    for (i = 0; i < azl_json_length(list); ++i) {
        if (!write_message(rq, list, i)) {
            return 0;
        }
    }
    azl_write_close(&rq->pl.rq.w, ']');
    return 1;
}
