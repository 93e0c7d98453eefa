/*
 * The messages of a chat as the input items of Responses, in their order.
 *
 * What an assistant said and called becomes several items. The reasoning that
 * came before a call, which a chat's client cannot carry, is put back before
 * it if it is still known; if not, the model thinks anew.
 */
#include <apr_hash.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_responses_int.h"

/* Longer call ids are refused. */
#define CALL_ID_MAX 64

typedef struct input_t {
    azl_exchange_t *ex;
    azl_write_t *w;
    azl_error_t *err;
    apr_hash_t *calls; /* id -> type of the item that answers it */
    int message;       /* number of the message */
} input_t;

/*
 * Paths
 */

static int refuse(input_t *in, const char *member, const char *message)
{
    return azl_exchange_refuse(in->ex, in->err,
                               apr_psprintf(in->ex->pool, "messages[%d]%s%s",
                                            in->message, member ? "." : "",
                                            member ? member : ""),
                               message);
}

static int refuse_part(input_t *in, int part)
{
    return refuse(in, apr_psprintf(in->ex->pool, "content[%d]", part),
                  "This model does not take such a part in a message of this "
                  "role.");
}

static int refuse_call(input_t *in, int call, const char *message)
{
    return refuse(in, apr_psprintf(in->ex->pool, "tool_calls[%d]", call),
                  message);
}

/* An id of another provider may be too long here; call and result get the same
 * other one. */
static azl_span_t call_id(input_t *in, azl_span_t id)
{
    unsigned char digest[AZL_SHA256_LEN];
    char hex[33];

    if (id.len <= CALL_ID_MAX) {
        return id;
    }
    azl_crypto_sha256(id.at, id.len, digest);
    azl_hex_encode(digest, sizeof(hex) / 2, hex);
    return azl_span_str(apr_pstrcat(in->ex->pool, "call_", hex, NULL));
}

/*
 * Parts
 */

static void end_part(azl_write_t *w, const azl_json_t *part)
{
    azl_responses_copy(w, part, "prompt_cache_breakpoint");
    azl_write_close(w, '}');
}

static void write_text(azl_write_t *w, const char *type, azl_span_t text)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", type);
    azl_write_text(w, "text", text);
    if (strcmp(type, "output_text") == 0) {
        azl_write_open(w, "annotations", '[');
        azl_write_close(w, ']');
    }
    azl_write_close(w, '}');
}

static int text_part(azl_write_t *w, const char *type, const azl_json_t *part)
{
    const azl_json_t *text = azl_json_get(part, "text");

    if (azl_json_type(text) != AZL_JSON_STRING) {
        return 0;
    }
    if (strcmp(type, "output_text") == 0) {
        write_text(w, type, azl_json_text(text));
        return 1;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", type);
    azl_write_json(w, "text", text);
    end_part(w, part);
    return 1;
}

static int refusal_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *refusal = azl_json_get(part, "refusal");

    if (azl_json_type(refusal) != AZL_JSON_STRING) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "refusal");
    azl_write_json(w, "refusal", refusal);
    azl_write_close(w, '}');
    return 1;
}

/* {"url":...,"detail":...}; some clients send the URL alone. */
static int image_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *image = azl_json_get(part, "image_url");
    const azl_json_t *url = azl_json_type(image) == AZL_JSON_STRING
                                ? image
                                : azl_json_get(image, "url");
    const azl_json_t *detail = azl_json_get(image, "detail");

    if (azl_json_type(url) != AZL_JSON_STRING) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "input_image");
    azl_write_json(w, "image_url", url);
    if (detail) {
        azl_write_json(w, "detail", detail);
    }
    else {
        azl_write_str(w, "detail", "auto");
    }
    end_part(w, part);
    return 1;
}

static int file_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *file = azl_json_get(part, "file");

    if (!azl_responses_has_file(file)) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "input_file");
    azl_responses_file(w, file);
    end_part(w, part);
    return 1;
}

/* What a message of each role may hold. */
typedef enum { SAYS_TEXT, SAYS_ANYTHING, SAYS_ANSWERS, SAYS_RESULTS } says_e;

/* 1 if the part was written. */
static int write_part(azl_write_t *w, says_e says, const azl_json_t *part)
{
    static const struct {
        const char *type;
        int (*write)(azl_write_t *w, const azl_json_t *part);
        int result; /* a tool may give it too */
    } media[] = {{"image_url", image_part, 1},
                 {"file", file_part, 1},
                 {"input_audio", azl_responses_audio, 0}};
    azl_span_t type = azl_json_text(azl_json_get(part, "type"));
    apr_size_t i;

    if (azl_span_is(type, "text")) {
        return text_part(w, says == SAYS_ANSWERS ? "output_text" : "input_text",
                         part);
    }
    if (says == SAYS_ANSWERS && azl_span_is(type, "refusal")) {
        return refusal_part(w, part);
    }
    for (i = 0; i < sizeof(media) / sizeof(media[0]); ++i) {
        if (azl_span_is(type, media[i].type) &&
            (says == SAYS_ANYTHING ||
             (says == SAYS_RESULTS && media[i].result))) {
            return media[i].write(w, part);
        }
    }
    return 0;
}

/* The value of `content` as parts, into the open array. */
static int write_content(input_t *in, const azl_json_t *content, says_e says)
{
    apr_size_t i;

    switch (azl_json_type(content)) {
    case AZL_JSON_STRING:
        write_text(in->w, says == SAYS_ANSWERS ? "output_text" : "input_text",
                   azl_json_text(content));
        return 1;
    case AZL_JSON_ARRAY:
        for (i = 0; i < azl_json_length(content); ++i) {
            if (!write_part(in->w, says, azl_json_at(content, i))) {
                return refuse_part(in, (int)i);
            }
        }
        return 1;
    default:
        return refuse(in, "content",
                      "A message needs its content: a string "
                      "or an array of parts.");
    }
}

/*
 * Messages
 */

static void open_message(azl_write_t *w, const char *role)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "message");
    azl_write_str(w, "role", role);
    azl_write_open(w, "content", '[');
}

static void close_message(azl_write_t *w)
{
    azl_write_close(w, ']');
    azl_write_close(w, '}');
}

static int plain_message(input_t *in, const azl_json_t *message,
                         const char *role, says_e says)
{
    open_message(in->w, role);
    if (!write_content(in, azl_json_get(message, "content"), says)) {
        return 0;
    }
    close_message(in->w);
    return 1;
}

/* The reasoning before a call, as it was kept. */
static void put_back(input_t *in, azl_span_t id)
{
    const azl_exchange_t *ex = in->ex;
    azl_span_t state;

    if (ex->recall && id.len) {
        state = ex->recall(ex->kept, ex->pool, AZL_RESPONSES_KIND, id);
        if (state.len) {
            azl_write_raw(in->w, NULL, state);
        }
    }
}

static azl_span_t id_of_call(const azl_json_t *call)
{
    return azl_json_text(azl_json_get(call, "id"));
}

/* The function (or custom tool) of a call with its text, what has none may be
 * null. */
static int write_call(input_t *in, const azl_json_t *call, int number)
{
    azl_span_t id = id_of_call(call);
    int custom =
        azl_span_is(azl_json_text(azl_json_get(call, "type")), "custom");
    const azl_json_t *body = azl_json_get(call, custom ? "custom" : "function");
    azl_span_t name = azl_json_text(azl_json_get(body, "name"));
    azl_span_t text =
        azl_json_text(azl_json_get(body, custom ? "input" : "arguments"));

    if (!id.len || !name.len) {
        return refuse_call(in, number, "A tool call needs an id and a name.");
    }
    apr_hash_set(in->calls, id.at, (apr_ssize_t)id.len,
                 custom ? "custom_tool_call_output" : "function_call_output");
    azl_write_open(in->w, NULL, '{');
    azl_write_str(in->w, "type", custom ? "custom_tool_call" : "function_call");
    azl_write_text(in->w, "call_id", call_id(in, id));
    azl_write_text(in->w, "name", name);
    azl_write_text(in->w, custom ? "input" : "arguments",
                   text.len || custom ? text : azl_span_str("{}"));
    azl_write_close(in->w, '}');
    return 1;
}

/* Text or refusal; NULL content is usual beside calls. */
static int write_said(input_t *in, const azl_json_t *message, int calls)
{
    const azl_json_t *content = azl_json_get(message, "content");
    const azl_json_t *refusal = azl_json_get(message, "refusal");
    int blank = !content || (azl_json_type(content) == AZL_JSON_STRING &&
                             azl_json_text(content).len == 0);

    if (blank && !refusal && calls) {
        return 1;
    }
    open_message(in->w, "assistant");
    if ((content || !refusal) && !write_content(in, content, SAYS_ANSWERS)) {
        return 0;
    }
    if (refusal && !refusal_part(in->w, message)) {
        return refuse(in, "refusal", "A refusal is a string.");
    }
    close_message(in->w);
    return 1;
}

static int assistant_message(input_t *in, const azl_json_t *message)
{
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    apr_size_t n = azl_json_length(calls);
    apr_size_t i;

    if (azl_json_get(message, "function_call")) {
        return refuse(in, "function_call",
                      "This model takes tool_calls, not the deprecated "
                      "function_call.");
    }
    if (azl_json_get(message, "audio")) {
        return refuse(in, "audio", "This model does not take audio answers.");
    }
    if (n) {
        put_back(in, id_of_call(azl_json_at(calls, 0)));
    }
    if (!write_said(in, message, n > 0)) {
        return 0;
    }
    for (i = 0; i < n; ++i) {
        const azl_json_t *call = azl_json_at(calls, i);

        if (i) {
            put_back(in, id_of_call(call));
        }
        if (!write_call(in, call, (int)i)) {
            return 0;
        }
    }
    return 1;
}

static int tool_message(input_t *in, const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");
    azl_span_t id = azl_json_text(azl_json_get(message, "tool_call_id"));
    const char *type =
        id.len ? apr_hash_get(in->calls, id.at, (apr_ssize_t)id.len) : NULL;

    if (!type) {
        return refuse(in, "tool_call_id",
                      "A tool result needs the id of a tool call in a message "
                      "before it.");
    }
    azl_write_open(in->w, NULL, '{');
    azl_write_str(in->w, "type", type);
    azl_write_text(in->w, "call_id", call_id(in, id));
    if (azl_json_type(content) == AZL_JSON_STRING) {
        azl_write_json(in->w, "output", content);
    }
    else {
        azl_write_open(in->w, "output", '[');
        if (!write_content(in, content, SAYS_RESULTS)) {
            return 0;
        }
        azl_write_close(in->w, ']');
    }
    azl_write_close(in->w, '}');
    return 1;
}

static int write_message(input_t *in, const azl_json_t *message)
{
    azl_span_t role = azl_json_text(azl_json_get(message, "role"));

    if (azl_span_is(role, "user")) {
        return plain_message(in, message, "user", SAYS_ANYTHING);
    }
    if (azl_span_is(role, "system")) {
        return plain_message(in, message, "system", SAYS_TEXT);
    }
    if (azl_span_is(role, "developer")) {
        return plain_message(in, message, "developer", SAYS_TEXT);
    }
    if (azl_span_is(role, "assistant")) {
        return assistant_message(in, message);
    }
    if (azl_span_is(role, "tool")) {
        return tool_message(in, message);
    }
    return refuse(in, "role",
                  "A message needs a role: developer, system, user, assistant "
                  "or tool.");
}

int azl_responses_input(azl_exchange_t *ex, azl_write_t *w, azl_error_t *err)
{
    const azl_json_t *messages = azl_json_get(ex->hub, "messages");
    input_t in = {ex, w, err, apr_hash_make(ex->pool), 0};
    apr_size_t n = azl_json_length(messages);

    if (n == 0) {
        azl_error_invalid(err, "empty_array", "messages",
                          "The messages must be an array with at least one "
                          "message.");
        return 0;
    }
    for (; (apr_size_t)in.message < n; ++in.message) {
        if (!write_message(&in,
                           azl_json_at(messages, (apr_size_t)in.message))) {
            return 0;
        }
    }
    return 1;
}
