/*
 * What was said, from blocks to a chat's messages: the system's words first,
 * results of tools as messages of their own before what the user said in the
 * same turn. Thinking that is signed goes along for those who know it; any
 * other is of no use to another model.
 */
#include <apr_strings.h>

#include "azl_messages_int.h"

/* Claude Code says in its first system text whom to bill; it differs from one
 * conversation to the next and would spoil every prompt cache. */
#define BILLING "x-anthropic-billing-header:"
/* What a result is told with if the tool failed: a chat has no member for it.
 */
#define FAILED "Error: "

typedef struct talk_t {
    azl_messages_in_t *in;
    const azl_json_t *list;
    const azl_json_t *calls; /* content of the last assistant turn, or NULL */
    apr_size_t at;           /* index of the message */
} talk_t;

static int refuse_block(talk_t *t, apr_size_t j, const char *message)
{
    return azl_messages_refuse(
        t->in,
        apr_psprintf(t->in->p, "messages[%d].content[%d]", (int)t->at, (int)j),
        message);
}

static int refuse_message(talk_t *t, const char *member, const char *message)
{
    return azl_messages_refuse(
        t->in, apr_psprintf(t->in->p, "messages[%d].%s", (int)t->at, member),
        message);
}

/*
 * Texts
 */

/* A cache may begin behind this text. */
static int is_marked(const azl_json_t *block)
{
    return azl_messages_is_type(block, "text") &&
           azl_json_get(block, "cache_control");
}

/* All texts of a list of blocks in one, with `between` between them. */
static azl_span_t join_texts(apr_pool_t *p, const azl_json_t *blocks,
                             const char *between)
{
    azl_buf_t *out = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    int any = 0;
    apr_size_t i;

    for (i = 0; i < azl_json_length(blocks); ++i) {
        const azl_json_t *block = azl_json_at(blocks, i);

        if (azl_messages_is_type(block, "text")) {
            azl_buf_puts(out, any ? between : "");
            azl_buf_span(out, azl_json_text(azl_json_get(block, "text")));
            any = 1;
        }
    }
    return azl_span(out->data, out->len);
}

static int is_billing(const azl_json_t *text)
{
    azl_span_t span = azl_json_text(text);

    return span.len >= strlen(BILLING) &&
           memcmp(span.at, BILLING, strlen(BILLING)) == 0;
}

static void open_message(azl_write_t *w, const char *role)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "role", role);
}

static int write_system_blocks(azl_messages_in_t *in, const azl_json_t *blocks)
{
    azl_write_t *w = &in->w;
    int open = 0;
    apr_size_t i;

    for (i = 0; i < azl_json_length(blocks); ++i) {
        const azl_json_t *block = azl_json_at(blocks, i);
        const azl_json_t *text = azl_json_get(block, "text");

        if (!azl_messages_is_type(block, "text") ||
            azl_json_type(text) != AZL_JSON_STRING) {
            return azl_messages_refuse(
                in, apr_psprintf(in->p, "system[%d]", (int)i),
                "Only text can be a system's.");
        }
        if (is_billing(text) || !azl_json_text(text).len) {
            continue;
        }
        if (!open) {
            open_message(w, "system");
            azl_write_open(w, "content", '[');
            open = 1;
        }
        azl_messages_text_part(in, text, block);
    }
    if (open) {
        azl_write_close(w, ']');
        azl_write_close(w, '}');
    }
    return 1;
}

static int write_system(azl_messages_in_t *in, const azl_json_t *system)
{
    if (azl_json_type(system) == AZL_JSON_STRING) {
        if (!is_billing(system) && azl_json_text(system).len) {
            open_message(&in->w, "system");
            azl_write_json(&in->w, "content", system);
            azl_write_close(&in->w, '}');
        }
        return 1;
    }
    if (system && azl_json_type(system) != AZL_JSON_ARRAY) {
        return azl_messages_refuse(in, "system",
                                   "A text or a list of texts is expected.");
    }
    return write_system_blocks(in, system);
}

/*
 * The user
 */

/* Is there such a call in the turn before? */
static int was_called(const talk_t *t, azl_span_t id)
{
    apr_size_t i;

    for (i = 0; i < azl_json_length(t->calls); ++i) {
        const azl_json_t *block = azl_json_at(t->calls, i);
        azl_span_t other = azl_json_text(azl_json_get(block, "id"));

        if (azl_messages_is_type(block, "tool_use") && other.len == id.len &&
            memcmp(other.at, id.at, id.len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A chat's result has one place for where a cache may begin. */
static const azl_json_t *marked(const azl_json_t *result)
{
    const azl_json_t *content = azl_json_get(result, "content");
    apr_size_t i;

    for (i = azl_json_length(content);
         i > 0 && !azl_json_get(result, "cache_control"); --i) {
        const azl_json_t *block = azl_json_at(content, i - 1);

        if (is_marked(block)) {
            return block;
        }
    }
    return result;
}

static int write_result(talk_t *t, apr_size_t j, const azl_json_t *block)
{
    const azl_json_t *id = azl_json_get(block, "tool_use_id");
    const azl_json_t *content = azl_json_get(block, "content");
    int failed =
        azl_json_type(azl_json_get(block, "is_error")) == AZL_JSON_TRUE;
    azl_span_t text = azl_json_type(content) == AZL_JSON_STRING
                          ? azl_json_text(content)
                          : join_texts(t->in->p, content, "\n");
    azl_write_t *w = &t->in->w;

    if (!azl_json_text(id).len || !was_called(t, azl_json_text(id))) {
        return refuse_block(t, j,
                            "A tool_result must follow the turn with the "
                            "tool_use that it answers.");
    }
    open_message(w, "tool");
    azl_write_json(w, "tool_call_id", id);
    if (failed) {
        text = azl_span_str(apr_pstrcat(
            t->in->p, FAILED,
            apr_pstrmemdup(t->in->p, text.len ? text.at : "", text.len), NULL));
    }
    azl_write_text(w, "content", text);
    azl_messages_cache(t->in, marked(block));
    azl_write_close(w, '}');
    return 1;
}

/* Images in what a tool said: a chat's tools only speak. */
static int write_result_media(talk_t *t, apr_size_t j, const azl_json_t *block)
{
    const azl_json_t *content = azl_json_get(block, "content");
    apr_size_t i;

    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *part = azl_json_at(content, i);

        if (azl_messages_is_media(part) ? !azl_messages_media(t->in, part)
                                        : !azl_messages_is_type(part, "text")) {
            return refuse_block(t, j,
                                "A tool's result must be text, images or "
                                "documents that are given inline.");
        }
    }
    return 1;
}

static int write_user_block(talk_t *t, apr_size_t j, const azl_json_t *block)
{
    const azl_json_t *text = azl_json_get(block, "text");

    if (azl_messages_is_type(block, "text") &&
        azl_json_type(text) == AZL_JSON_STRING) {
        azl_messages_text_part(t->in, text, block);
        return 1;
    }
    if (azl_messages_is_type(block, "tool_result")) {
        return write_result_media(t, j, block);
    }
    if (azl_messages_is_media(block) && azl_messages_media(t->in, block)) {
        return 1;
    }
    return refuse_block(t, j,
                        "A block must be text, an image, a document that is "
                        "given inline, or a tool's result.");
}

/* Is there anything but what tools have said in words? */
static int says_more(const azl_json_t *content)
{
    apr_size_t i, k;

    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *block = azl_json_at(content, i);
        const azl_json_t *said = azl_json_get(block, "content");

        if (!azl_messages_is_type(block, "tool_result")) {
            return 1;
        }
        for (k = 0; k < azl_json_length(said); ++k) {
            if (!azl_messages_is_type(azl_json_at(said, k), "text")) {
                return 1;
            }
        }
    }
    return 0;
}

static int write_user(talk_t *t, const azl_json_t *content)
{
    azl_write_t *w = &t->in->w;
    apr_size_t j;

    for (j = 0; j < azl_json_length(content); ++j) {
        const azl_json_t *block = azl_json_at(content, j);

        if (azl_messages_is_type(block, "tool_result") &&
            !write_result(t, j, block)) {
            return 0;
        }
    }
    if (!says_more(content)) {
        return 1;
    }
    open_message(w, "user");
    azl_write_open(w, "content", '[');
    for (j = 0; j < azl_json_length(content); ++j) {
        if (!write_user_block(t, j, azl_json_at(content, j))) {
            return 0;
        }
    }
    azl_write_close(w, ']');
    azl_write_close(w, '}');
    return 1;
}

/*
 * The assistant
 */

static int write_call(talk_t *t, apr_size_t j, const azl_json_t *block)
{
    const azl_json_t *id = azl_json_get(block, "id");
    const azl_json_t *name = azl_json_get(block, "name");
    const azl_json_t *input = azl_json_get(block, "input");
    azl_write_t *w = &t->in->w;
    azl_buf_t *text;

    if (!azl_json_text(id).len || !azl_json_text(name).len ||
        azl_json_type(input) != AZL_JSON_OBJECT) {
        return refuse_block(t, j,
                            "A tool_use must have an id, a name and an object "
                            "as input.");
    }
    text = azl_buf_create(t->in->p, AZL_HUB_DOCUMENT_MAX);
    azl_json_write(text, input);
    azl_write_open(w, NULL, '{');
    azl_write_json(w, "id", id);
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    azl_write_json(w, "name", name);
    azl_write_text(w, "arguments", azl_span(text->data, text->len));
    azl_write_close(w, '}');
    azl_messages_cache(t->in, block);
    azl_write_close(w, '}');
    azl_buf_free(text);
    return 1;
}

static int count_calls(const azl_json_t *content)
{
    int n = 0;
    apr_size_t i;

    for (i = 0; i < azl_json_length(content); ++i) {
        n += azl_messages_is_type(azl_json_at(content, i), "tool_use");
    }
    return n;
}

/*
 * Thoughts
 */

/* What a Claude has thought, and can be given back. */
static int is_signed(const azl_json_t *block)
{
    azl_span_t signature = azl_json_text(azl_json_get(block, "signature"));

    return azl_messages_is_type(block, "redacted_thinking") ||
           (azl_messages_is_type(block, "thinking") && signature.len &&
            !azl_span_is(signature, AZL_MESSAGES_UNSIGNED));
}

static void write_thoughts(talk_t *t, const azl_json_t *content)
{
    azl_write_t *w = &t->in->w;
    int open = 0;
    apr_size_t i;

    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *block = azl_json_at(content, i);

        if (!is_signed(block)) {
            continue;
        }
        if (t->in->ex->plain) {
            azl_exchange_note(t->in->ex, "thinking_blocks");
            return;
        }
        if (!open) {
            azl_write_open(w, "thinking_blocks", '[');
            open = 1;
        }
        azl_write_json(w, NULL, block);
    }
    if (open) {
        azl_write_close(w, ']');
    }
}

/* What a server's own tool did is nobody else's; thoughts have a place of
 * their own. */
static int is_left_out(const azl_json_t *block)
{
    azl_span_t type = azl_json_text(azl_json_get(block, "type"));
    static const char tail[] = "_tool_result";
    apr_size_t len = sizeof(tail) - 1;

    return azl_span_is(type, "thinking") ||
           azl_span_is(type, "redacted_thinking") ||
           azl_span_is(type, "server_tool_use") ||
           (type.len > len && memcmp(type.at + type.len - len, tail, len) == 0);
}

static int check_assistant(talk_t *t, const azl_json_t *content)
{
    apr_size_t j;

    for (j = 0; j < azl_json_length(content); ++j) {
        const azl_json_t *block = azl_json_at(content, j);

        if (!azl_messages_is_type(block, "text") &&
            !azl_messages_is_type(block, "tool_use") && !is_left_out(block)) {
            return refuse_block(t, j,
                                "A block of the assistant must be text, a "
                                "tool_use or thinking.");
        }
    }
    return 1;
}

/* Texts in one, which everybody understands, unless a cache may begin behind
 * one of them. */
static void write_said(talk_t *t, const azl_json_t *content, azl_span_t text)
{
    azl_write_t *w = &t->in->w;
    apr_size_t i;

    for (i = 0;
         i < azl_json_length(content) && !is_marked(azl_json_at(content, i));
         ++i) {
    }
    if (!text.len) {
        azl_write_null(w, "content");
        return;
    }
    if (i == azl_json_length(content) || t->in->ex->plain) {
        azl_write_text(w, "content", text);
        azl_messages_cache(t->in, azl_json_at(content, i));
        return;
    }
    azl_write_open(w, "content", '[');
    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *block = azl_json_at(content, i);
        const azl_json_t *said = azl_json_get(block, "text");

        if (azl_messages_is_type(block, "text") && azl_json_text(said).len) {
            azl_messages_text_part(t->in, said, block);
        }
    }
    azl_write_close(w, ']');
}

static int write_assistant(talk_t *t, const azl_json_t *content)
{
    azl_span_t text = join_texts(t->in->p, content, "");
    azl_write_t *w = &t->in->w;
    apr_size_t j;

    if (!check_assistant(t, content)) {
        return 0;
    }
    t->calls = content;
    if (!text.len && !count_calls(content)) {
        return 1; /* it has only thought */
    }
    open_message(w, "assistant");
    write_said(t, content, text);
    write_thoughts(t, content);
    if (count_calls(content)) {
        azl_write_open(w, "tool_calls", '[');
        for (j = 0; j < azl_json_length(content); ++j) {
            const azl_json_t *block = azl_json_at(content, j);

            if (azl_messages_is_type(block, "tool_use") &&
                !write_call(t, j, block)) {
                return 0;
            }
        }
        azl_write_close(w, ']');
    }
    azl_write_close(w, '}');
    return 1;
}

/*
 * All
 */

static int write_words(talk_t *t, const azl_json_t *role,
                       const azl_json_t *content)
{
    open_message(&t->in->w, azl_json_string(role));
    azl_write_json(&t->in->w, "content", content);
    azl_write_close(&t->in->w, '}');
    return 1;
}

static int write_message(talk_t *t)
{
    const azl_json_t *message = azl_json_at(t->list, t->at);
    const azl_json_t *role = azl_json_get(message, "role");
    const azl_json_t *content = azl_json_get(message, "content");
    azl_span_t who = azl_json_text(role);
    int user = azl_span_is(who, "user");
    int system = azl_span_is(who, "system");

    if (!user && !system && !azl_span_is(who, "assistant")) {
        return refuse_message(t, "role", "The role must be user or assistant.");
    }
    if (azl_json_type(content) == AZL_JSON_STRING) {
        t->calls = NULL;
        return write_words(t, role, content);
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse_message(t, "content",
                              "A text or a list of blocks is expected.");
    }
    if (system) {
        return write_system_blocks(t->in, content);
    }
    if (!user) {
        return write_assistant(t, content);
    }
    if (!write_user(t, content)) {
        return 0;
    }
    t->calls = NULL;
    return 1;
}

int azl_messages_talk(azl_messages_in_t *in, const azl_json_t *client)
{
    talk_t t;

    memset(&t, 0, sizeof(t));
    t.in = in;
    t.list = azl_json_get(client, "messages");
    if (!azl_json_length(t.list)) {
        return azl_messages_refuse(in, "messages",
                                   "A list with at least one message is "
                                   "expected.");
    }
    azl_write_open(&in->w, "messages", '[');
    if (!write_system(in, azl_json_get(client, "system"))) {
        return 0;
    }
    for (t.at = 0; t.at < azl_json_length(t.list); ++t.at) {
        if (!write_message(&t)) {
            return 0;
        }
    }
    azl_write_close(&in->w, ']');
    return 1;
}
