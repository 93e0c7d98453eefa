#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_turns_int.h"

/* 64-bit FNV-1a (its authors' reference). */
#define FNV_BASIS APR_UINT64_C(14695981039346656037)
#define FNV_PRIME APR_UINT64_C(1099511628211)
#define SHORT_ID_LEN 9

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

int azl_turns_is_blank(azl_span_t text)
{
    apr_size_t i;

    for (i = 0; i < text.len && apr_isspace(text.at[i]); ++i) {
    }
    return i == text.len;
}

int azl_turns_refuse(azl_turns_t *t, apr_size_t i, const char *rest,
                     const char *message)
{
    return azl_exchange_refuse(
        t->ex, t->err,
        apr_psprintf(t->ex->pool, "messages[%d]%s", (int)i, rest), message);
}

static const char *part_path(azl_turns_t *t, apr_size_t i, apr_size_t j)
{
    return apr_psprintf(t->ex->pool, "messages[%d].content[%d]", (int)i,
                        (int)j);
}

static int refuse_part(azl_turns_t *t, apr_size_t i, apr_size_t j,
                       const char *message)
{
    return azl_exchange_refuse(t->ex, t->err, part_path(t, i, j), message);
}

/*
 * Writing
 */

static void close_turn(azl_turns_t *t)
{
    if (!t->role) {
        return;
    }
    if (t->words->end) {
        t->words->end(t->rq);
    }
    azl_write_close(t->w, ']');
    azl_write_close(t->w, '}');
    t->role = NULL;
}

/* The next block is this role's; turns of the same role become one. */
static void speak(azl_turns_t *t, const char *role)
{
    azl_write_t *w = t->w;

    if (t->role && strcmp(t->role, role) == 0) {
        return;
    }
    close_turn(t);
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "role", role);
    azl_write_open(w, "content", '[');
    t->role = role;
    if (t->words->begin) {
        t->words->begin(t->rq);
    }
}

/* Blank text is refused upstream and says nothing. */
static void say(azl_turns_t *t, const char *role, azl_span_t text,
                const azl_json_t *part)
{
    if (!azl_turns_is_blank(text)) {
        speak(t, role);
        t->words->text(t->rq, text, part);
    }
}

/*
 * System
 */

/* The text of a part of this type in the member of the same name; NULL if it
 * is none. */
static const azl_json_t *part_text(const azl_json_t *part, const char *type)
{
    const azl_json_t *text = azl_json_get(part, type);

    return is_text(azl_json_get(part, "type"), type) &&
                   azl_json_type(text) == AZL_JSON_STRING
               ? text
               : NULL;
}

static int is_system(const azl_json_t *message)
{
    const azl_json_t *role = azl_json_get(message, "role");

    return is_text(role, "system") || is_text(role, "developer");
}

static void write_instruction(azl_turns_t *t, azl_span_t text,
                              const azl_json_t *part)
{
    if (azl_turns_is_blank(text)) {
        return;
    }
    if (!t->role) {
        azl_write_open(t->w, "system", '[');
        t->role = "system";
    }
    t->words->text(t->rq, text, part);
}

static int write_instructions(azl_turns_t *t, apr_size_t i)
{
    const azl_json_t *message = azl_json_at(t->list, i);
    const azl_json_t *content = azl_json_get(message, "content");
    const azl_json_t *text;
    apr_size_t j;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        write_instruction(t, azl_json_text(content), message);
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return azl_turns_refuse(t, i, ".content", "The content must be text.");
    }
    for (j = 0; j < azl_json_length(content); ++j) {
        text = part_text(azl_json_at(content, j), "text");
        if (!text) {
            return refuse_part(t, i, j, "Instructions can only be text.");
        }
        write_instruction(t, azl_json_text(text), azl_json_at(content, j));
    }
    return 1;
}

static int write_system(azl_turns_t *t)
{
    apr_size_t i;

    for (i = 0; i < azl_json_length(t->list); ++i) {
        if (is_system(azl_json_at(t->list, i)) && !write_instructions(t, i)) {
            return 0;
        }
    }
    if (t->role) {
        azl_write_close(t->w, ']');
        t->role = NULL;
    }
    return 1;
}

/*
 * Calls of tools
 */

int azl_turns_id_fits(azl_span_t id, const char *others, apr_size_t max)
{
    apr_size_t i;

    for (i = 0; i < id.len; ++i) {
        unsigned char c = (unsigned char)id.at[i];

        if (!apr_isalnum(c) && (!c || !strchr(others, c))) {
            return 0;
        }
    }
    return id.len <= max;
}

apr_uint64_t azl_turns_id_hash(azl_span_t id)
{
    apr_uint64_t hash = FNV_BASIS;
    apr_size_t i;

    for (i = 0; i < id.len; ++i) {
        hash = (hash ^ (unsigned char)id.at[i]) * FNV_PRIME;
    }
    return hash;
}

int azl_turns_id_is_short(azl_span_t id)
{
    return id.len == SHORT_ID_LEN && azl_turns_id_fits(id, "", SHORT_ID_LEN);
}

const char *azl_turns_short_id(apr_pool_t *p, azl_span_t id)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    apr_uint64_t hash = azl_turns_id_hash(id);
    char *text = apr_palloc(p, SHORT_ID_LEN + 1);
    int i;

    for (i = 0; i < SHORT_ID_LEN; ++i) {
        text[i] = digits[hash % (sizeof(digits) - 1)];
        hash /= sizeof(digits) - 1;
    }
    text[SHORT_ID_LEN] = '\0';
    return text;
}

/* The object that a text is; without bytes: it is none. */
static azl_span_t object_text(azl_span_t text)
{
    azl_value_t v;
    azl_scan_t s;

    if (azl_turns_is_blank(text)) {
        return azl_span_str("{}");
    }
    azl_scan_init(&s, text.at, text.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT || azl_scan_value(&s, &v) != 1 ||
        azl_scan_end(&s) != 1) {
        return azl_span(NULL, 0);
    }
    return v.raw;
}

static int write_call(azl_turns_t *t, apr_size_t i, apr_size_t j,
                      const azl_json_t *call)
{
    apr_pool_t *p = t->ex->pool;
    azl_span_t id = azl_json_text(azl_json_get(call, "id"));
    const azl_json_t *function = azl_json_get(call, "function");
    const char *name = azl_json_string(azl_json_get(function, "name"));
    azl_span_t input =
        object_text(azl_json_text(azl_json_get(function, "arguments")));

    if (!id.len || !name || !*name) {
        return azl_turns_refuse(
            t, i, apr_psprintf(p, ".tool_calls[%d]", (int)j),
            "A tool call must be a function's, with an id and a "
            "name.");
    }
    if (!input.len) {
        return azl_turns_refuse(
            t, i, apr_psprintf(p, ".tool_calls[%d].function.arguments", (int)j),
            "The arguments of a tool call must be a JSON object.");
    }
    speak(t, "assistant");
    t->words->call(t->rq, id, name, input, call);
    return 1;
}

static int write_calls(azl_turns_t *t, apr_size_t i, const azl_json_t *calls)
{
    apr_size_t n = azl_json_length(calls);
    apr_size_t j;

    for (j = 0; j < n; ++j) {
        if (!write_call(t, i, j, azl_json_at(calls, j))) {
            return 0;
        }
    }
    t->calls = calls;
    t->calls_at = i;
    t->left = n;
    t->answered = apr_pcalloc(t->ex->pool, n + 1);
    return 1;
}

static int refuse_missing(azl_turns_t *t)
{
    return azl_turns_refuse(
        t, t->calls_at, ".tool_calls",
        "Each tool call must be followed by a tool message with "
        "its result.");
}

/* The call that a result belongs to has it now. */
static int take_result(azl_turns_t *t, azl_span_t id)
{
    apr_size_t j;

    for (j = 0; t->left && j < azl_json_length(t->calls); ++j) {
        azl_span_t other =
            azl_json_text(azl_json_get(azl_json_at(t->calls, j), "id"));

        if (!t->answered[j] && id.len == other.len &&
            memcmp(id.at, other.at, id.len) == 0) {
            t->answered[j] = 1;
            t->left--;
            return 1;
        }
    }
    return 0;
}

static int write_result(azl_turns_t *t, apr_size_t i, const azl_json_t *message)
{
    azl_span_t id = azl_json_text(azl_json_get(message, "tool_call_id"));

    if (!take_result(t, id)) {
        return azl_turns_refuse(
            t, i, ".tool_call_id",
            "A tool message must follow the assistant message with the call "
            "that it answers.");
    }
    speak(t, "user");
    return t->words->result(t, i, id, message);
}

/*
 * User and assistant
 */

/* Each part as a block, of a turn of this role or (NULL) inside of a block. */
static int write_parts(azl_turns_t *t, apr_size_t i, const azl_json_t *content,
                       const char *role)
{
    apr_size_t j;

    for (j = 0; j < azl_json_length(content); ++j) {
        const azl_json_t *part = azl_json_at(content, j);
        const azl_json_t *text = part_text(part, "text");

        if (text && azl_turns_is_blank(azl_json_text(text))) {
            continue;
        }
        if (role) {
            speak(t, role);
        }
        if (text) {
            t->words->text(t->rq, azl_json_text(text), part);
        }
        else if (!t->words->media(t->rq, part_path(t, i, j), part)) {
            return 0;
        }
    }
    return 1;
}

int azl_turns_parts(azl_turns_t *t, apr_size_t i, const azl_json_t *content)
{
    return write_parts(t, i, content, NULL);
}

static int write_user(azl_turns_t *t, apr_size_t i, const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");

    if (azl_json_type(content) == AZL_JSON_STRING) {
        say(t, "user", azl_json_text(content), message);
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return azl_turns_refuse(t, i, ".content",
                                "The content must be text or a list of parts.");
    }
    return write_parts(t, i, content, "user");
}

/* White space at the end of what the model is to go on from is refused. */
static azl_span_t without_tail(azl_span_t text)
{
    while (text.len && apr_isspace(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

static int write_said(azl_turns_t *t, apr_size_t i, const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");
    int last = i + 1 == azl_json_length(t->list);
    azl_span_t text;
    apr_size_t j;

    if (azl_json_type(content) == AZL_JSON_ARRAY) {
        for (j = 0; j < azl_json_length(content); ++j) {
            const azl_json_t *part = azl_json_at(content, j);
            const azl_json_t *found = part_text(part, "text");

            found = found ? found : part_text(part, "refusal");
            if (!found) {
                return refuse_part(t, i, j,
                                   "An assistant's content can only be text "
                                   "or a refusal.");
            }
            text = azl_json_text(found);
            say(t, "assistant", last ? without_tail(text) : text, part);
        }
        return 1;
    }
    if (content && azl_json_type(content) != AZL_JSON_STRING) {
        return azl_turns_refuse(t, i, ".content",
                                "The content must be text or a list of parts.");
    }
    text = azl_json_text(content);
    if (azl_turns_is_blank(text)) {
        text = azl_json_text(azl_json_get(message, "refusal"));
    }
    say(t, "assistant", last ? without_tail(text) : text, message);
    return 1;
}

static int write_assistant(azl_turns_t *t, apr_size_t i,
                           const azl_json_t *message)
{
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    azl_span_t thoughts;

    if (azl_json_get(message, "function_call")) {
        return azl_turns_refuse(t, i, ".function_call",
                                "Calls of functions must be tool_calls here.");
    }
    if (azl_json_get(message, "audio")) {
        return azl_turns_refuse(t, i, ".audio", "This model knows no audio.");
    }
    thoughts = t->words->thoughts(t->rq, message);
    if (thoughts.len) {
        speak(t, "assistant");
        azl_write_raw(t->w, NULL, thoughts);
    }
    if (!write_said(t, i, message)) {
        return 0;
    }
    if (calls && azl_json_type(calls) != AZL_JSON_ARRAY) {
        return azl_turns_refuse(t, i, ".tool_calls",
                                "The calls must be a list.");
    }
    return !azl_json_length(calls) || write_calls(t, i, calls);
}

static int write_message(azl_turns_t *t, apr_size_t i)
{
    const azl_json_t *message = azl_json_at(t->list, i);
    const azl_json_t *role = azl_json_get(message, "role");

    if (is_system(message)) {
        return 1; /* has been written */
    }
    if (is_text(role, "tool")) {
        return write_result(t, i, message);
    }
    if (t->left) {
        return refuse_missing(t);
    }
    if (is_text(role, "user")) {
        return write_user(t, i, message);
    }
    if (is_text(role, "assistant")) {
        return write_assistant(t, i, message);
    }
    return azl_turns_refuse(
        t, i, ".role",
        "The role must be system, developer, user, assistant or "
        "tool.");
}

int azl_turns_write(azl_turns_t *t)
{
    azl_buf_t *out = t->w->out;
    apr_size_t before;
    apr_size_t i;

    t->list = azl_json_get(t->ex->hub, "messages");
    if (azl_json_type(t->list) != AZL_JSON_ARRAY) {
        return azl_exchange_refuse(t->ex, t->err, "messages",
                                   "The messages must be a list.");
    }
    if (!write_system(t)) {
        return 0;
    }
    azl_write_open(t->w, "messages", '[');
    before = out->len;
    for (i = 0; i < azl_json_length(t->list); ++i) {
        if (!write_message(t, i)) {
            return 0;
        }
    }
    if (t->left) {
        return refuse_missing(t);
    }
    close_turn(t);
    azl_write_close(t->w, ']');
    if (!out->failed && out->len == before + 1) {
        return azl_exchange_refuse(t->ex, t->err, "messages",
                                   "At least one message of the user must say "
                                   "something.");
    }
    return 1;
}
