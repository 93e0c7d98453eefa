/*
 * What an assistant said and called in a row: one message of a chat. A call and
 * its result must not be torn apart. Reasoning is the provider's own and goes
 * nowhere.
 */
#include "azl_responses_in_int.h"

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

azl_input_e azl_input_kind(const azl_json_t *item)
{
    static const struct {
        const char *type;
        azl_input_e kind;
    } kinds[] = {{"function_call", AZL_INPUT_CALL},
                 {"custom_tool_call", AZL_INPUT_CUSTOM_CALL},
                 {"function_call_output", AZL_INPUT_RESULT},
                 {"custom_tool_call_output", AZL_INPUT_RESULT},
                 {"agent_message", AZL_INPUT_AGENT},
                 {"additional_tools", AZL_INPUT_TOOLS},
                 {"reasoning", AZL_INPUT_THOUGHT},
                 {"web_search_call", AZL_INPUT_SERVED},
                 {"file_search_call", AZL_INPUT_SERVED},
                 {"mcp_list_tools", AZL_INPUT_SERVED},
                 {"code_interpreter_call", AZL_INPUT_OWN},
                 {"image_generation_call", AZL_INPUT_OWN},
                 {"mcp_call", AZL_INPUT_OWN}};
    azl_span_t type = text_of(item, "type");
    apr_size_t i;

    if (azl_span_is(type, "message") ||
        (!type.len && azl_json_get(item, "role"))) {
        return azl_span_is(text_of(item, "role"), "assistant")
                   ? AZL_INPUT_ANSWER
                   : AZL_INPUT_MESSAGE;
    }
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (azl_span_is(type, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    /* searches of the provider's have no id, and nobody answers them */
    if (azl_span_is(type, "tool_search_call")) {
        return text_of(item, "call_id").len ? AZL_INPUT_SEARCH_CALL
                                            : AZL_INPUT_SERVED;
    }
    if (azl_span_is(type, "tool_search_output")) {
        return text_of(item, "call_id").len ? AZL_INPUT_FOUND
                                            : AZL_INPUT_SERVED;
    }
    return AZL_INPUT_OTHER;
}

int azl_input_is_call(azl_input_e kind)
{
    return kind == AZL_INPUT_CALL || kind == AZL_INPUT_CUSTOM_CALL ||
           kind == AZL_INPUT_SEARCH_CALL;
}

apr_size_t azl_input_turn_end(const azl_input_t *m, apr_size_t from)
{
    int said = 0, called = 0;
    apr_size_t i;

    for (i = from; i < azl_json_length(m->items); ++i) {
        azl_input_e kind = azl_input_kind(azl_json_at(m->items, i));

        if (kind == AZL_INPUT_ANSWER && said && !called) {
            break;
        }
        if (kind != AZL_INPUT_ANSWER && kind != AZL_INPUT_THOUGHT &&
            !azl_input_is_call(kind)) {
            break;
        }
        said |= kind == AZL_INPUT_ANSWER;
        called |= azl_input_is_call(kind);
    }
    return i;
}

/* What a message of the assistant says, joined. */
static int read_answer(azl_input_t *m, apr_size_t item, azl_buf_t *text,
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
        return azl_input_refuse(m, item, "content", AZL_INPUT_NEEDS_CONTENT);
    }
    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *part = azl_json_at(content, i);
        azl_span_t type = text_of(part, "type");
        int refuses = azl_span_is(type, "refusal");

        if (!refuses && !azl_span_is(type, "output_text") &&
            !azl_span_is(type, "text") && !azl_span_is(type, "input_text")) {
            return azl_input_refuse_part(m, item, "content", i);
        }
        azl_buf_span(refuses ? refusal : text,
                     text_of(part, refuses ? "refusal" : "text"));
    }
    return 1;
}

static int write_said(azl_input_t *m, apr_size_t from, apr_size_t to, int calls)
{
    azl_buf_t *text = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    azl_buf_t *refusal = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    int ok = 1;
    apr_size_t i;

    for (i = from; i < to && ok; ++i) {
        if (azl_input_kind(azl_json_at(m->items, i)) == AZL_INPUT_ANSWER) {
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
static void write_arguments(azl_input_t *m, azl_input_e kind,
                            const azl_json_t *item)
{
    azl_span_t text = text_of(item, "arguments");
    azl_buf_t *made;

    if (kind == AZL_INPUT_CALL) {
        azl_write_text(m->w, "arguments", text.len ? text : azl_span_str("{}"));
        return;
    }
    made = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    if (kind == AZL_INPUT_CUSTOM_CALL) {
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

static int write_call(azl_input_t *m, apr_size_t number, azl_input_e kind)
{
    const azl_json_t *item = azl_json_at(m->items, number);
    azl_span_t id = text_of(item, "call_id");
    azl_span_t name = kind == AZL_INPUT_SEARCH_CALL
                          ? azl_span_str(AZL_TOOL_SEARCH_NAME)
                          : text_of(item, "name");

    if (!id.len || !name.len) {
        return azl_input_refuse(m, number, id.len ? "name" : "call_id",
                                "A call needs its call_id and name.");
    }
    apr_hash_set(m->called, id.at, (apr_ssize_t)id.len, id.at);
    apr_hash_set(m->answered, id.at, (apr_ssize_t)id.len, NULL);
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

int azl_input_turn(azl_input_t *m, apr_size_t from, apr_size_t to)
{
    int said = 0, calls = 0;
    apr_size_t i;

    for (i = from; i < to; ++i) {
        azl_input_e kind = azl_input_kind(azl_json_at(m->items, i));

        said |= kind == AZL_INPUT_ANSWER;
        calls += azl_input_is_call(kind);
        if (kind == AZL_INPUT_THOUGHT) {
            azl_exchange_note(m->in->ex, "input.reasoning");
        }
    }
    if (!said && !calls) {
        return 1; /* it has only thought */
    }
    azl_input_after(m);
    if (azl_input_begin(m, azl_span_str("assistant"))) {
        azl_input_found_turn(m, from, to);
    }
    if (!write_said(m, from, to, calls)) {
        return 0;
    }
    if (calls) {
        azl_write_open(m->w, "tool_calls", '[');
        for (i = from; i < to; ++i) {
            azl_input_e kind = azl_input_kind(azl_json_at(m->items, i));

            if (azl_input_is_call(kind) && !write_call(m, i, kind)) {
                return 0;
            }
        }
        azl_write_close(m->w, ']');
    }
    azl_write_close(m->w, '}');
    return 1;
}
