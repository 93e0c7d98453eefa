/*
 * The input items of Responses as the messages of a chat.
 *
 * What an assistant said and called in a row is one message there: a call and
 * its result must not be torn apart. What a result cannot hold in a chat
 * (images, a second one of the same call) follows as the user's, behind all
 * results of the row. Reasoning is the provider's own and goes nowhere.
 */
#include <apr_hash.h>
#include <apr_strings.h>

#include "azl_responses_int.h"

typedef struct messages_t {
    azl_responses_in_t *in;
    apr_pool_t *p;
    azl_write_t *w;
    const azl_json_t *items;
    apr_hash_t *calls; /* ids that have been called: CALLED or ANSWERED */
    azl_write_t after; /* parts that follow the results */
} messages_t;

static const char CALLED[] = "called";
static const char ANSWERED[] = "answered";

static const char NEEDS_CONTENT[] = "A string or an array of parts is needed.";

int azl_responses_refuse(azl_error_t *err, const char *path,
                         const char *message)
{
    azl_error_invalid(err, "invalid_value", path, message);
    return 0;
}

static int refuse(messages_t *m, apr_size_t item, const char *member,
                  const char *message)
{
    return azl_responses_refuse(m->in->err,
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
        return refuse(m, item, member, NEEDS_CONTENT);
    }
    azl_write_open(m->w, "content", '[');
    for (i = 0; i < azl_json_length(content); ++i) {
        if (!azl_responses_in_part(m->w, azl_json_at(content, i), text_only)) {
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
    SEARCH_CALL,
    RESULT,
    FOUND, /* tools, the result of a search */
    AGENT, /* a message of another agent */
    TOOLS, /* stand with the others */
    THOUGHT,
    SERVED, /* by the provider, and the model has told what came of it */
    OWN     /* by the provider, and the answer is its own result */
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
                 {"agent_message", AGENT},
                 {"additional_tools", TOOLS},
                 {"reasoning", THOUGHT},
                 {"web_search_call", SERVED},
                 {"file_search_call", SERVED},
                 {"mcp_list_tools", SERVED},
                 {"code_interpreter_call", OWN},
                 {"image_generation_call", OWN},
                 {"mcp_call", OWN}};
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
    /* searches of the provider's have no id, and nobody answers them */
    if (azl_span_is(type, "tool_search_call")) {
        return text_of(item, "call_id").len ? SEARCH_CALL : SERVED;
    }
    if (azl_span_is(type, "tool_search_output")) {
        return text_of(item, "call_id").len ? FOUND : SERVED;
    }
    return OTHER_ITEM;
}

static int is_call(item_e kind)
{
    return kind == CALL || kind == CUSTOM_CALL || kind == SEARCH_CALL;
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
        return refuse(m, item, "content", NEEDS_CONTENT);
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

/* What a function is called with for a tool that takes text or an object. */
static void write_arguments(messages_t *m, item_e kind, const azl_json_t *item)
{
    azl_span_t text = text_of(item, "arguments");
    azl_buf_t *made;

    if (kind == CALL) {
        azl_write_text(m->w, "arguments", text.len ? text : azl_span_str("{}"));
        return;
    }
    made = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    if (kind == CUSTOM_CALL) {
        text = text_of(item, "input");
        azl_buf_puts(made, "{\"" AZL_TOOL_INPUT "\":");
        azl_buf_json(made, text.at ? text.at : "", text.len);
        azl_buf_puts(made, "}");
    }
    else if (azl_json_get(item, "arguments")) {
        azl_json_write(made, azl_json_get(item, "arguments"));
    }
    else {
        azl_buf_puts(made, "{}");
    }
    azl_write_text(m->w, "arguments", azl_span(made->data, made->len));
    azl_buf_free(made);
}

static int write_call(messages_t *m, apr_size_t number, item_e kind)
{
    const azl_json_t *item = azl_json_at(m->items, number);
    azl_span_t id = text_of(item, "call_id");
    azl_span_t name = kind == SEARCH_CALL ? azl_span_str(AZL_TOOL_SEARCH_NAME)
                                          : text_of(item, "name");

    if (!id.len || !name.len) {
        return refuse(m, number, id.len ? "name" : "call_id",
                      "A call needs its call_id and name.");
    }
    apr_hash_set(m->calls, id.at, (apr_ssize_t)id.len, CALLED);
    azl_write_open(m->w, NULL, '{');
    azl_write_text(m->w, "id", id);
    azl_write_str(m->w, "type", "function");
    azl_write_open(m->w, "function", '{');
    azl_write_text(
        m->w, "name",
        azl_tools_sent(&m->in->tools, text_of(item, "namespace"), name));
    write_arguments(m, kind, item);
    azl_write_close(m->w, '}');
    azl_write_close(m->w, '}');
    return 1;
}

/* The parts that had no place in results, as the user's message. */
static void write_after(messages_t *m)
{
    azl_buf_t *parts = m->after.out;

    if (parts->len) {
        azl_write_open(m->w, NULL, '{');
        azl_write_str(m->w, "role", "user");
        azl_write_open(m->w, "content", '[');
        azl_write_name(m->w, NULL);
        azl_buf_append(m->w->out, parts->data, parts->len);
        azl_write_close(m->w, ']');
        azl_write_close(m->w, '}');
        azl_buf_clear(parts);
        azl_write_init(&m->after, parts);
    }
}

static int write_turn(messages_t *m, apr_size_t from, apr_size_t to)
{
    int said = 0, calls = 0;
    apr_size_t i;

    for (i = from; i < to; ++i) {
        item_e kind = kind_of(azl_json_at(m->items, i));

        said |= kind == ANSWER;
        calls += is_call(kind);
        if (kind == THOUGHT) {
            azl_exchange_note(m->in->ex, "input.reasoning");
        }
    }
    if (!said && !calls) {
        return 1; /* it has only thought */
    }
    write_after(m);
    azl_write_open(m->w, NULL, '{');
    azl_write_str(m->w, "role", "assistant");
    if (!write_said(m, from, to, calls)) {
        return 0;
    }
    if (calls) {
        azl_write_open(m->w, "tool_calls", '[');
        for (i = from; i < to; ++i) {
            item_e kind = kind_of(azl_json_at(m->items, i));

            if (is_call(kind) && !write_call(m, i, kind)) {
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

/* What other agents say comes as their model wrote it, encrypted or not. */
static int write_agent(messages_t *m, apr_size_t number)
{
    const azl_json_t *content =
        azl_json_get(azl_json_at(m->items, number), "content");
    apr_size_t i;

    azl_write_open(m->w, NULL, '{');
    azl_write_str(m->w, "role", "user");
    azl_write_open(m->w, "content", '[');
    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *part = azl_json_at(content, i);
        const azl_json_t *sealed = azl_json_get(part, "encrypted_content");

        if (sealed) {
            azl_write_open(m->w, NULL, '{');
            azl_write_str(m->w, "type", "text");
            azl_write_json(m->w, "text", sealed);
            azl_write_close(m->w, '}');
        }
        else if (!azl_responses_in_part(m->w, part, 0)) {
            return refuse_part(m, number, "content", i);
        }
    }
    azl_write_close(m->w, ']');
    azl_write_close(m->w, '}');
    return i > 0 || refuse(m, number, "content", "A message has parts.");
}

/*
 * Results
 */

/* The text of a result; images and files, which a chat's tools cannot give,
 * follow. */
static int write_output(messages_t *m, apr_size_t number,
                        const azl_json_t *output)
{
    int texts = 0;
    apr_size_t i;

    azl_write_name(m->w, "content");
    for (i = 0; i < azl_json_length(output); ++i) {
        const azl_json_t *part = azl_json_at(output, i);

        if (azl_responses_in_text(part)) {
            azl_buf_puts(m->w->out, texts++ ? "," : "[");
            azl_write_init(m->w, m->w->out);
        }
        if (!azl_responses_in_part(
                azl_responses_in_text(part) ? m->w : &m->after, part, 0)) {
            return refuse_part(m, number, "output", i);
        }
    }
    azl_buf_puts(m->w->out, texts ? "]" : "\"\"");
    m->w->comma = 1;
    return 1;
}

/* One more result of a call that has one: a chat takes no second. */
static int write_more(messages_t *m, apr_size_t number, azl_span_t id,
                      const azl_json_t *output)
{
    apr_size_t i;

    azl_write_open(&m->after, NULL, '{');
    azl_write_str(&m->after, "type", "text");
    azl_write_str(&m->after, "text",
                  apr_pstrcat(m->p, "More output of ",
                              apr_pstrmemdup(m->p, id.at, id.len), ":", NULL));
    azl_write_close(&m->after, '}');
    if (azl_json_type(output) == AZL_JSON_STRING) {
        azl_write_open(&m->after, NULL, '{');
        azl_write_str(&m->after, "type", "text");
        azl_write_json(&m->after, "text", output);
        azl_write_close(&m->after, '}');
    }
    for (i = 0; i < azl_json_length(output); ++i) {
        if (!azl_responses_in_part(&m->after, azl_json_at(output, i), 0)) {
            return refuse_part(m, number, "output", i);
        }
    }
    return 1;
}

/* The names under which what was found is declared now. */
static void write_found(messages_t *m, const azl_json_t *tools)
{
    azl_buf_t *text = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    apr_size_t i, j;

    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);
        const azl_json_t *inner = azl_json_get(tool, "tools");
        apr_size_t n = inner ? azl_json_length(inner) : 1;

        for (j = 0; j < n; ++j) {
            azl_span_t name =
                text_of(inner ? azl_json_at(inner, j) : tool, "name");

            if (name.len) {
                azl_buf_puts(
                    text, text->len ? ", " : "Tools that can be called now: ");
                azl_buf_span(text, azl_tools_sent(&m->in->tools,
                                                  inner ? text_of(tool, "name")
                                                        : azl_span("", 0),
                                                  name));
            }
        }
    }
    if (!text->len) {
        azl_buf_puts(text, "No tools were found.");
    }
    azl_write_text(m->w, "content", azl_span(text->data, text->len));
    azl_buf_free(text);
}

static int write_result(messages_t *m, apr_size_t number, item_e kind)
{
    const azl_json_t *item = azl_json_at(m->items, number);
    const azl_json_t *output = azl_json_get(item, "output");
    azl_span_t id = text_of(item, "call_id");
    const char *state =
        id.len ? apr_hash_get(m->calls, id.at, (apr_ssize_t)id.len) : NULL;

    if (!state) {
        return refuse(m, number, "call_id",
                      "An output needs the call_id of a call before it.");
    }
    if (kind == RESULT && azl_json_type(output) != AZL_JSON_STRING &&
        azl_json_type(output) != AZL_JSON_ARRAY) {
        return refuse(m, number, "output", NEEDS_CONTENT);
    }
    if (state == ANSWERED) {
        return write_more(m, number, id, output);
    }
    apr_hash_set(m->calls, id.at, (apr_ssize_t)id.len, ANSWERED);
    azl_write_open(m->w, NULL, '{');
    azl_write_str(m->w, "role", "tool");
    azl_write_text(m->w, "tool_call_id", id);
    if (kind == FOUND) {
        write_found(m, azl_json_get(item, "tools"));
    }
    else if (azl_json_type(output) == AZL_JSON_STRING) {
        azl_write_json(m->w, "content", output);
    }
    else if (!write_output(m, number, output)) {
        return 0;
    }
    azl_write_close(m->w, '}');
    return 1;
}

/*
 * All items
 */

/* What the provider did. */
static int leave_item(messages_t *m, apr_size_t number, int matters)
{
    return azl_exchange_without(m->in->ex,
                                apr_psprintf(m->p, "input[%d]", (int)number),
                                matters, m->in->err);
}

/* One that is no part of a turn of the assistant's. */
static int write_item(messages_t *m, apr_size_t number)
{
    item_e kind = kind_of(azl_json_at(m->items, number));

    switch (kind) {
    case MESSAGE:
        write_after(m);
        return write_message(m, number);
    case AGENT:
        write_after(m);
        return write_agent(m, number);
    case FOUND:
    case RESULT:
        return write_result(m, number, kind);
    case TOOLS:
        return 1;
    case SERVED:
        return leave_item(m, number, 0);
    case OWN:
        return leave_item(m, number, 1);
    default:
        return refuse(m, number, NULL,
                      "This model takes no such item: it has nothing stored "
                      "and no tools of its own.");
    }
}

static int write_items(messages_t *m)
{
    apr_size_t n = azl_json_length(m->items);
    apr_size_t i = 0;

    while (i < n) {
        apr_size_t end = end_of_turn(m, i);

        if (end > i ? !write_turn(m, i, end) : !write_item(m, i)) {
            return 0;
        }
        i = end > i ? end : i + 1;
    }
    write_after(m);
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

int azl_responses_messages(azl_responses_in_t *in)
{
    const azl_json_t *instructions =
        azl_json_get(in->ex->client, "instructions");
    const azl_json_t *input = azl_json_get(in->ex->client, "input");
    apr_pool_t *p = in->ex->pool;
    messages_t m = {in, p, in->w, input, NULL, {NULL, 0}};

    if (instructions) {
        if (azl_json_type(instructions) != AZL_JSON_STRING) {
            return azl_responses_refuse(in->err, "instructions",
                                        "Instructions are a string.");
        }
        write_plain(in->w, "system", instructions);
    }
    if (azl_json_type(input) == AZL_JSON_STRING) {
        write_plain(in->w, "user", input);
        return 1;
    }
    if (!azl_json_length(input)) {
        return azl_responses_refuse(in->err, "input",
                                    "The input must be a string or an array "
                                    "with at least one item.");
    }
    m.calls = apr_hash_make(p);
    azl_write_init(&m.after, azl_buf_create(p, AZL_HUB_DOCUMENT_MAX));
    return write_items(&m);
}
