/*
 * A chat's messages as Converse's: what the system says stands apart, turns
 * alternate, the results of tools are the user's and come first in the turn
 * behind the calls.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_bedrock_int.h"

/* What may stand in the id of a call, and how long it is at Mistral's. */
#define ID_MAX 64
#define SHORT_ID_LEN 9
/* 64-bit FNV-1a (its authors' reference). */
#define FNV_BASIS APR_UINT64_C(14695981039346656037)
#define FNV_PRIME APR_UINT64_C(1099511628211)

typedef struct turns_t {
    azl_bedrock_request_t *rq;
    const azl_json_t *list;
    const char *role;        /* of the message that is open; NULL: none is */
    int text;                /* it has some */
    int document;            /* ... or a document, which may not be alone */
    const azl_json_t *calls; /* of the last assistant, that want results */
    unsigned char *answered; /* ... which have them */
    apr_size_t left;
    apr_size_t calls_at; /* index of that message */
} turns_t;

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static int is_blank(azl_span_t text)
{
    apr_size_t i;

    for (i = 0; i < text.len && apr_isspace(text.at[i]); ++i) {
    }
    return i == text.len;
}

static int refuse_at(turns_t *t, apr_size_t i, const char *rest,
                     const char *message)
{
    azl_exchange_t *ex = t->rq->ex;

    return azl_exchange_refuse(
        ex, t->rq->err, apr_psprintf(ex->pool, "messages[%d]%s", (int)i, rest),
        message);
}

static const char *part_path(turns_t *t, apr_size_t i, apr_size_t j)
{
    return apr_psprintf(t->rq->ex->pool, "messages[%d].content[%d]", (int)i,
                        (int)j);
}

static int refuse_part(turns_t *t, apr_size_t i, apr_size_t j,
                       const char *message)
{
    return azl_exchange_refuse(t->rq->ex, t->rq->err, part_path(t, i, j),
                               message);
}

/*
 * Writing
 */

/* A block with one member that is a text. */
static void write_text(azl_write_t *w, azl_span_t text)
{
    azl_write_open(w, NULL, '{');
    azl_write_text(w, "text", text);
    azl_write_close(w, '}');
}

static void close_turn(turns_t *t)
{
    if (!t->role) {
        return;
    }
    if (t->document && !t->text) {
        /* without any text beside it a document is refused */
        write_text(&t->rq->w, azl_span_str("."));
    }
    azl_write_close(&t->rq->w, ']');
    azl_write_close(&t->rq->w, '}');
    t->role = NULL;
}

/* The next block is this role's; turns of the same role become one. */
static void speak(turns_t *t, const char *role)
{
    azl_write_t *w = &t->rq->w;

    if (t->role && strcmp(t->role, role) == 0) {
        return;
    }
    close_turn(t);
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "role", role);
    azl_write_open(w, "content", '[');
    t->role = role;
    t->text = 0;
    t->document = 0;
}

void azl_bedrock_cache(azl_bedrock_request_t *rq, const azl_json_t *part)
{
    const azl_json_t *control = azl_json_get(part, "cache_control");
    const azl_json_t *breakpoint =
        azl_json_get(part, "prompt_cache_breakpoint");
    const azl_json_t *ttl = azl_json_get(control, "ttl");

    if (!rq->memo->family->caches ||
        (azl_json_type(control) != AZL_JSON_OBJECT &&
         azl_json_type(breakpoint) != AZL_JSON_OBJECT)) {
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

/* Blank text is refused upstream and says nothing. */
static void say(turns_t *t, const char *role, azl_span_t text,
                const azl_json_t *part)
{
    if (!is_blank(text)) {
        speak(t, role);
        write_text(&t->rq->w, text);
        azl_bedrock_cache(t->rq, part);
        t->text = 1;
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

static void write_instruction(turns_t *t, azl_span_t text,
                              const azl_json_t *part)
{
    if (is_blank(text)) {
        return;
    }
    if (!t->role) {
        azl_write_open(&t->rq->w, "system", '[');
        t->role = "system";
    }
    write_text(&t->rq->w, text);
    azl_bedrock_cache(t->rq, part);
}

static int write_instructions(turns_t *t, apr_size_t i)
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
        return refuse_at(t, i, ".content", "The content must be text.");
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

static int write_system(turns_t *t)
{
    apr_size_t i;

    for (i = 0; i < azl_json_length(t->list); ++i) {
        if (is_system(azl_json_at(t->list, i)) && !write_instructions(t, i)) {
            return 0;
        }
    }
    if (t->role) {
        azl_write_close(&t->rq->w, ']');
        t->role = NULL;
    }
    return 1;
}

/*
 * Calls of tools
 */

static const char *short_id(apr_pool_t *p, apr_uint64_t hash)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char *id = apr_palloc(p, SHORT_ID_LEN + 1);
    int i;

    for (i = 0; i < SHORT_ID_LEN; ++i) {
        id[i] = digits[hash % (sizeof(digits) - 1)];
        hash /= sizeof(digits) - 1;
    }
    id[SHORT_ID_LEN] = '\0';
    return id;
}

/* As it is, if the model takes it, else one that is made of it: the same for
 * the call and its result. */
static const char *call_id(const azl_bedrock_request_t *rq, azl_span_t id)
{
    int is_short = rq->memo->family->short_ids;
    apr_uint64_t hash = FNV_BASIS;
    int fits = is_short ? id.len == SHORT_ID_LEN : id.len <= ID_MAX;
    apr_size_t i;

    for (i = 0; i < id.len; ++i) {
        unsigned char c = (unsigned char)id.at[i];

        fits &= apr_isalnum(c) || (!is_short && c && strchr("_.:-", c));
        hash = (hash ^ c) * FNV_PRIME;
    }
    if (fits) {
        return apr_pstrmemdup(rq->ex->pool, id.at, id.len);
    }
    return is_short ? short_id(rq->ex->pool, hash)
                    : apr_psprintf(rq->ex->pool,
                                   "call_%016" APR_UINT64_T_HEX_FMT, hash);
}

/* The object that a text is; without bytes: it is none. */
static azl_span_t object_text(azl_span_t text)
{
    azl_value_t v;
    azl_scan_t s;

    if (is_blank(text)) {
        return azl_span_str("{}");
    }
    azl_scan_init(&s, text.at, text.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT || azl_scan_value(&s, &v) != 1 ||
        azl_scan_end(&s) != 1) {
        return azl_span(NULL, 0);
    }
    return v.raw;
}

static int write_call(turns_t *t, apr_size_t i, apr_size_t j,
                      const azl_json_t *call)
{
    apr_pool_t *p = t->rq->ex->pool;
    azl_write_t *w = &t->rq->w;
    azl_span_t id = azl_json_text(azl_json_get(call, "id"));
    const azl_json_t *function = azl_json_get(call, "function");
    const char *name = azl_json_string(azl_json_get(function, "name"));
    azl_span_t input =
        object_text(azl_json_text(azl_json_get(function, "arguments")));

    if (!id.len || !name || !*name) {
        return refuse_at(t, i, apr_psprintf(p, ".tool_calls[%d]", (int)j),
                         "A tool call must be a function's, with an id and a "
                         "name.");
    }
    if (!input.len) {
        return refuse_at(
            t, i, apr_psprintf(p, ".tool_calls[%d].function.arguments", (int)j),
            "The arguments of a tool call must be a JSON object.");
    }
    speak(t, "assistant");
    azl_write_open(w, NULL, '{');
    azl_write_open(w, "toolUse", '{');
    azl_write_str(w, "toolUseId", call_id(t->rq, id));
    azl_write_str(w, "name", azl_bedrock_tool_name(t->rq, name));
    azl_write_raw(w, "input", input);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_bedrock_cache(t->rq, call);
    return 1;
}

static int write_calls(turns_t *t, apr_size_t i, const azl_json_t *calls)
{
    apr_size_t n = azl_json_length(calls);
    apr_size_t j;

    for (j = 0; j < n; ++j) {
        if (!write_call(t, i, j, azl_json_at(calls, j))) {
            return 0;
        }
    }
    t->rq->has_calls = 1;
    t->calls = calls;
    t->calls_at = i;
    t->left = n;
    t->answered = apr_pcalloc(t->rq->ex->pool, n);
    return 1;
}

static int refuse_missing(turns_t *t)
{
    return refuse_at(t, t->calls_at, ".tool_calls",
                     "Each tool call must be followed by a tool message with "
                     "its result.");
}

/* The call that a result belongs to has it now. */
static int take_result(turns_t *t, azl_span_t id)
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

static int write_result_content(turns_t *t, apr_size_t i,
                                const azl_json_t *content)
{
    azl_write_t *w = &t->rq->w;
    int document = 0; /* here it may be alone */
    apr_size_t j;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        if (!is_blank(azl_json_text(content))) {
            write_text(w, azl_json_text(content));
        }
        return 1;
    }
    if (content && azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse_at(t, i, ".content",
                         "The content must be text or a list of parts.");
    }
    for (j = 0; j < azl_json_length(content); ++j) {
        const azl_json_t *part = azl_json_at(content, j);
        const azl_json_t *text = part_text(part, "text");

        if (text && !is_blank(azl_json_text(text))) {
            write_text(w, azl_json_text(text));
        }
        else if (!text && !azl_bedrock_media(t->rq, part_path(t, i, j), part,
                                             &document)) {
            return 0;
        }
    }
    return 1;
}

static int write_result(turns_t *t, apr_size_t i, const azl_json_t *message)
{
    azl_write_t *w = &t->rq->w;
    azl_span_t id = azl_json_text(azl_json_get(message, "tool_call_id"));

    if (!take_result(t, id)) {
        return refuse_at(t, i, ".tool_call_id",
                         "A tool message must follow the assistant message "
                         "with the call that it answers.");
    }
    speak(t, "user");
    azl_write_open(w, NULL, '{');
    azl_write_open(w, "toolResult", '{');
    azl_write_str(w, "toolUseId", call_id(t->rq, id));
    azl_write_open(w, "content", '[');
    if (!write_result_content(t, i, azl_json_get(message, "content"))) {
        return 0;
    }
    azl_write_close(w, ']');
    if (t->rq->memo->family->status &&
        azl_json_type(azl_json_get(message, "is_error")) == AZL_JSON_TRUE) {
        azl_write_str(w, "status", "error");
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_bedrock_cache(t->rq, message);
    /* text in a result is text beside a document */
    t->text = 1;
    return 1;
}

/*
 * User and assistant
 */

static int write_user(turns_t *t, apr_size_t i, const azl_json_t *message)
{
    const azl_json_t *content = azl_json_get(message, "content");
    apr_size_t j;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        say(t, "user", azl_json_text(content), message);
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse_at(t, i, ".content",
                         "The content must be text or a list of parts.");
    }
    for (j = 0; j < azl_json_length(content); ++j) {
        const azl_json_t *part = azl_json_at(content, j);
        const azl_json_t *text = part_text(part, "text");

        if (text) {
            say(t, "user", azl_json_text(text), part);
            continue;
        }
        speak(t, "user");
        if (!azl_bedrock_media(t->rq, part_path(t, i, j), part, &t->document)) {
            return 0;
        }
    }
    return 1;
}

/* White space at the end of what the model is to go on from is refused. */
static azl_span_t without_tail(azl_span_t text)
{
    while (text.len && apr_isspace(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

static int write_said(turns_t *t, apr_size_t i, const azl_json_t *message)
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
        return refuse_at(t, i, ".content",
                         "The content must be text or a list of parts.");
    }
    text = azl_json_text(content);
    if (is_blank(text)) {
        text = azl_json_text(azl_json_get(message, "refusal"));
    }
    say(t, "assistant", last ? without_tail(text) : text, message);
    return 1;
}

static int write_assistant(turns_t *t, apr_size_t i, const azl_json_t *message)
{
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    azl_span_t thoughts;

    if (azl_json_get(message, "function_call")) {
        return refuse_at(t, i, ".function_call",
                         "Calls of functions must be tool_calls here.");
    }
    if (azl_json_get(message, "audio")) {
        return refuse_at(t, i, ".audio", "This model knows no audio.");
    }
    if (t->rq->thinking) {
        thoughts = azl_bedrock_thoughts(t->rq->ex, message);
        if (thoughts.len) {
            speak(t, "assistant");
            azl_write_raw(&t->rq->w, NULL, thoughts);
        }
    }
    if (!write_said(t, i, message)) {
        return 0;
    }
    if (calls && azl_json_type(calls) != AZL_JSON_ARRAY) {
        return refuse_at(t, i, ".tool_calls", "The calls must be a list.");
    }
    return !azl_json_length(calls) || write_calls(t, i, calls);
}

static int write_message(turns_t *t, apr_size_t i)
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
    return refuse_at(t, i, ".role",
                     "The role must be system, developer, user, assistant or "
                     "tool.");
}

int azl_bedrock_messages(azl_bedrock_request_t *rq)
{
    azl_buf_t *out = rq->w.out;
    apr_size_t before;
    apr_size_t i;
    turns_t t;

    memset(&t, 0, sizeof(t));
    t.rq = rq;
    t.list = azl_json_get(rq->ex->hub, "messages");
    if (azl_json_type(t.list) != AZL_JSON_ARRAY) {
        return azl_exchange_refuse(rq->ex, rq->err, "messages",
                                   "The messages must be a list.");
    }
    if (!write_system(&t)) {
        return 0;
    }
    azl_write_open(&rq->w, "messages", '[');
    before = out->len;
    for (i = 0; i < azl_json_length(t.list); ++i) {
        if (!write_message(&t, i)) {
            return 0;
        }
    }
    if (t.left) {
        return refuse_missing(&t);
    }
    close_turn(&t);
    azl_write_close(&rq->w, ']');
    if (!out->failed && out->len == before + 1) {
        return azl_exchange_refuse(rq->ex, rq->err, "messages",
                                   "At least one message of the user must say "
                                   "something.");
    }
    return 1;
}
