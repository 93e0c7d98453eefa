/*
 * The input items of Responses as the messages of a chat.
 *
 * What an assistant said and called in a row is one message there: a call and
 * its result must not be torn apart. Reasoning is the provider's own and goes
 * nowhere.
 */
#include <apr_hash.h>
#include <apr_strings.h>

#include "azl_responses_int.h"

typedef struct messages_t {
    apr_pool_t *p;
    azl_write_t *w;
    azl_error_t *err;
    const azl_json_t *items;
    apr_hash_t *calls; /* ids that have been called */
} messages_t;

int azl_responses_refuse(azl_error_t *err, const char *path,
                         const char *message)
{
    azl_error_invalid(err, "invalid_value", path, message);
    return 0;
}

static int refuse(messages_t *m, apr_size_t item, const char *member,
                  const char *message)
{
    return azl_responses_refuse(m->err,
                                apr_psprintf(m->p, "input[%d]%s%s", (int)item,
                                             member ? "." : "",
                                             member ? member : ""),
                                message);
}

static int refuse_part(messages_t *m, apr_size_t item, const char *member,
                       apr_size_t part)
{
    return refuse(m, item, apr_psprintf(m->p, "%s[%d]", member, (int)part),
                  "This model does not take such a part here.");
}

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

/*
 * Parts
 */

static void copy_member(azl_write_t *w, const azl_json_t *from,
                        const char *name)
{
    const azl_json_t *value = azl_json_get(from, name);

    if (value) {
        azl_write_json(w, name, value);
    }
}

static int text_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *text = azl_json_get(part, "text");

    if (azl_json_type(text) != AZL_JSON_STRING) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "text");
    azl_write_json(w, "text", text);
    copy_member(w, part, "prompt_cache_breakpoint");
    azl_write_close(w, '}');
    return 1;
}

static int image_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *url = azl_json_get(part, "image_url");

    if (azl_json_type(url) != AZL_JSON_STRING) {
        return 0; /* a file of the provider */
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "image_url");
    azl_write_open(w, "image_url", '{');
    azl_write_json(w, "url", url);
    copy_member(w, part, "detail");
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

static int file_part(azl_write_t *w, const azl_json_t *part)
{
    if (!azl_json_get(part, "file_data") && !azl_json_get(part, "file_id")) {
        return 0; /* a chat knows no file by its URL */
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "file");
    azl_write_open(w, "file", '{');
    copy_member(w, part, "file_id");
    copy_member(w, part, "filename");
    copy_member(w, part, "file_data");
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

static int audio_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *audio = azl_json_get(part, "input_audio");

    if (azl_json_type(audio) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "input_audio");
    azl_write_json(w, "input_audio", audio);
    azl_write_close(w, '}');
    return 1;
}

static int write_part(azl_write_t *w, const azl_json_t *part, int text_only)
{
    static const struct {
        const char *type;
        int (*write)(azl_write_t *w, const azl_json_t *part);
    } media[] = {{"input_image", image_part},
                 {"input_file", file_part},
                 {"input_audio", audio_part}};
    azl_span_t type = text_of(part, "type");
    apr_size_t i;

    if (azl_span_is(type, "input_text") || azl_span_is(type, "output_text") ||
        azl_span_is(type, "text")) {
        return text_part(w, part);
    }
    for (i = 0; !text_only && i < sizeof(media) / sizeof(media[0]); ++i) {
        if (azl_span_is(type, media[i].type)) {
            return media[i].write(w, part);
        }
    }
    return 0;
}

/* A member that is a string or parts, as a message's content. */
static int write_content(messages_t *m, apr_size_t item, const char *member,
                         int text_only)
{
    const azl_json_t *content =
        azl_json_get(azl_json_at(m->items, item), member);
    apr_size_t i;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        azl_write_json(m->w, "content", content);
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse(m, item, member,
                      "A string or an array of parts is "
                      "needed.");
    }
    azl_write_open(m->w, "content", '[');
    for (i = 0; i < azl_json_length(content); ++i) {
        if (!write_part(m->w, azl_json_at(content, i), text_only)) {
            return refuse_part(m, item, member, i);
        }
    }
    azl_write_close(m->w, ']');
    return 1;
}

/*
 * What the assistant did
 */

typedef enum {
    OTHER_ITEM,
    MESSAGE,
    ANSWER, /* a message of the assistant */
    CALL,
    CUSTOM_CALL,
    RESULT,
    THOUGHT
} item_e;

static item_e kind_of(const azl_json_t *item)
{
    static const struct {
        const char *type;
        item_e kind;
    } kinds[] = {{"function_call", CALL},
                 {"custom_tool_call", CUSTOM_CALL},
                 {"function_call_output", RESULT},
                 {"custom_tool_call_output", RESULT},
                 {"reasoning", THOUGHT}};
    azl_span_t type = text_of(item, "type");
    apr_size_t i;

    if (azl_span_is(type, "message") ||
        (!type.len && azl_json_get(item, "role"))) {
        return azl_span_is(text_of(item, "role"), "assistant") ? ANSWER
                                                               : MESSAGE;
    }
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (azl_span_is(type, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    return OTHER_ITEM;
}

static int is_call(item_e kind)
{
    return kind == CALL || kind == CUSTOM_CALL;
}

/* How far the items from here make one message: something said and calls.
 * What is said after calls belongs to them, because their results follow. */
static apr_size_t end_of_turn(const messages_t *m, apr_size_t from)
{
    int said = 0, called = 0;
    apr_size_t i;

    for (i = from; i < azl_json_length(m->items); ++i) {
        item_e kind = kind_of(azl_json_at(m->items, i));

        if (kind == ANSWER && said && !called) {
            break;
        }
        if (kind != ANSWER && kind != THOUGHT && !is_call(kind)) {
            break;
        }
        said |= kind == ANSWER;
        called |= is_call(kind);
    }
    return i;
}

/* What a message of the assistant says, joined. */
static int read_answer(messages_t *m, apr_size_t item, azl_buf_t *text,
                       azl_buf_t *refusal)
{
    const azl_json_t *content =
        azl_json_get(azl_json_at(m->items, item), "content");
    apr_size_t i;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        azl_buf_span(text, azl_json_text(content));
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return refuse(m, item, "content",
                      "A string or an array of parts is "
                      "needed.");
    }
    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *part = azl_json_at(content, i);
        azl_span_t type = text_of(part, "type");
        int refuses = azl_span_is(type, "refusal");

        if (!refuses && !azl_span_is(type, "output_text") &&
            !azl_span_is(type, "text") && !azl_span_is(type, "input_text")) {
            return refuse_part(m, item, "content", i);
        }
        azl_buf_span(refuses ? refusal : text,
                     text_of(part, refuses ? "refusal" : "text"));
    }
    return 1;
}

static int write_said(messages_t *m, apr_size_t from, apr_size_t to, int calls)
{
    azl_buf_t *text = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    azl_buf_t *refusal = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    int ok = 1;
    apr_size_t i;

    for (i = from; i < to && ok; ++i) {
        if (kind_of(azl_json_at(m->items, i)) == ANSWER) {
            ok = read_answer(m, i, text, refusal);
        }
    }
    if (text->len || (!refusal->len && !calls)) {
        azl_write_text(m->w, "content", azl_span(text->data, text->len));
    }
    else {
        azl_write_null(m->w, "content");
    }
    if (refusal->len) {
        azl_write_text(m->w, "refusal", azl_span(refusal->data, refusal->len));
    }
    azl_buf_free(text);
    azl_buf_free(refusal);
    return ok;
}

static int write_call(messages_t *m, apr_size_t number, int custom)
{
    const azl_json_t *item = azl_json_at(m->items, number);
    azl_span_t id = text_of(item, "call_id");
    azl_span_t name = text_of(item, "name");
    azl_span_t text = text_of(item, custom ? "input" : "arguments");
    const char *type = custom ? "custom" : "function";

    if (!id.len || !name.len) {
        return refuse(m, number, NULL, "A call needs its call_id and name.");
    }
    apr_hash_set(m->calls, id.at, (apr_ssize_t)id.len, "");
    azl_write_open(m->w, NULL, '{');
    azl_write_text(m->w, "id", id);
    azl_write_str(m->w, "type", type);
    azl_write_open(m->w, type, '{');
    azl_write_text(m->w, "name", name);
    azl_write_text(m->w, custom ? "input" : "arguments",
                   text.len || custom ? text : azl_span_str("{}"));
    azl_write_close(m->w, '}');
    azl_write_close(m->w, '}');
    return 1;
}

static int write_turn(messages_t *m, apr_size_t from, apr_size_t to)
{
    int said = 0, calls = 0;
    apr_size_t i;

    for (i = from; i < to; ++i) {
        item_e kind = kind_of(azl_json_at(m->items, i));

        said |= kind == ANSWER;
        calls += is_call(kind);
    }
    if (!said && !calls) {
        return 1; /* it has only thought */
    }
    azl_write_open(m->w, NULL, '{');
    azl_write_str(m->w, "role", "assistant");
    if (!write_said(m, from, to, calls)) {
        return 0;
    }
    if (calls) {
        azl_write_open(m->w, "tool_calls", '[');
        for (i = from; i < to; ++i) {
            item_e kind = kind_of(azl_json_at(m->items, i));

            if (is_call(kind) && !write_call(m, i, kind == CUSTOM_CALL)) {
                return 0;
            }
        }
        azl_write_close(m->w, ']');
    }
    azl_write_close(m->w, '}');
    return 1;
}

/*
 * What others said
 */

static int write_message(messages_t *m, apr_size_t number)
{
    azl_span_t role = text_of(azl_json_at(m->items, number), "role");
    int user = azl_span_is(role, "user");

    if (!user && !azl_span_is(role, "system") &&
        !azl_span_is(role, "developer")) {
        return refuse(m, number, "role",
                      "A message needs a role: developer, system, user or "
                      "assistant.");
    }
    azl_write_open(m->w, NULL, '{');
    azl_write_text(m->w, "role", role);
    if (!write_content(m, number, "content", !user)) {
        return 0;
    }
    azl_write_close(m->w, '}');
    return 1;
}

static int write_result(messages_t *m, apr_size_t number)
{
    azl_span_t id = text_of(azl_json_at(m->items, number), "call_id");

    if (!id.len || !apr_hash_get(m->calls, id.at, (apr_ssize_t)id.len)) {
        return refuse(m, number, "call_id",
                      "An output needs the call_id of a call before it.");
    }
    azl_write_open(m->w, NULL, '{');
    azl_write_str(m->w, "role", "tool");
    azl_write_text(m->w, "tool_call_id", id);
    if (!write_content(m, number, "output", 1)) {
        return 0;
    }
    azl_write_close(m->w, '}');
    return 1;
}

static int write_items(messages_t *m)
{
    apr_size_t n = azl_json_length(m->items);
    apr_size_t i = 0;

    while (i < n) {
        apr_size_t end = end_of_turn(m, i);
        item_e kind = kind_of(azl_json_at(m->items, i));
        int ok;

        if (end > i) {
            ok = write_turn(m, i, end);
        }
        else if (kind == MESSAGE) {
            ok = write_message(m, i);
            end = i + 1;
        }
        else if (kind == RESULT) {
            ok = write_result(m, i);
            end = i + 1;
        }
        else {
            return refuse(m, i, NULL,
                          "This model takes no such item: it has nothing "
                          "stored and no tools of its own.");
        }
        if (!ok) {
            return 0;
        }
        i = end;
    }
    return 1;
}

static void write_plain(azl_write_t *w, const char *role,
                        const azl_json_t *content)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "role", role);
    azl_write_json(w, "content", content);
    azl_write_close(w, '}');
}

int azl_responses_messages(apr_pool_t *p, const azl_json_t *client,
                           azl_write_t *w, azl_error_t *err)
{
    const azl_json_t *instructions = azl_json_get(client, "instructions");
    const azl_json_t *input = azl_json_get(client, "input");
    messages_t m = {p, w, err, input, NULL};

    if (instructions) {
        if (azl_json_type(instructions) != AZL_JSON_STRING) {
            return azl_responses_refuse(err, "instructions",
                                        "Instructions are a string.");
        }
        write_plain(w, "system", instructions);
    }
    if (azl_json_type(input) == AZL_JSON_STRING) {
        write_plain(w, "user", input);
        return 1;
    }
    if (!azl_json_length(input)) {
        return azl_responses_refuse(err, "input",
                                    "The input must be a string or an array "
                                    "with at least one item.");
    }
    m.calls = apr_hash_make(p);
    return write_items(&m);
}
