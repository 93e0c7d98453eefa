/*
 * The tools of a request for Responses as a chat's functions, and which of
 * them is to be called.
 */
#include <apr_strings.h>

#include "azl_responses_int.h"

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

/*
 * Declarations
 */

/* Of a namespace says its first tool what it is for: nothing else in a chat
 * could. A grammar cannot be enforced, but told. */
static void write_about(azl_responses_in_t *in, const azl_tool_t *tool,
                        const azl_json_t *grammar)
{
    azl_span_t about = azl_json_text(tool->about);
    azl_span_t own = text_of(tool->json, "description");
    azl_buf_t *text = azl_buf_create(in->ex->pool, AZL_HUB_DOCUMENT_MAX);

    azl_buf_span(text, about);
    azl_buf_puts(text, about.len && own.len ? "\n\n" : "");
    azl_buf_span(text, own);
    if (grammar) {
        azl_buf_puts(text, text->len ? "\n\n" : "");
        azl_buf_puts(text, "The input has this grammar (");
        azl_buf_span(text, text_of(grammar, "syntax"));
        azl_buf_puts(text, "):\n");
        azl_buf_span(text, text_of(grammar, "definition"));
    }
    if (text->len) {
        azl_write_text(in->w, "description", azl_span(text->data, text->len));
    }
    azl_buf_free(text);
}

/* What a custom tool takes is text; a function takes it as its one member. */
static void write_input(azl_write_t *w)
{
    azl_write_raw(
        w, "parameters",
        azl_span_str("{\"type\":\"object\",\"properties\":{"
                     "\"" AZL_TOOL_INPUT "\":{\"type\":\"string\","
                     "\"description\":\"All of the input, as it is.\"}},"
                     "\"required\":[\"" AZL_TOOL_INPUT "\"],"
                     "\"additionalProperties\":false}"));
}

static int write_tool(azl_responses_in_t *in, const azl_tool_t *tool)
{
    const azl_json_t *format = azl_json_get(tool->json, "format");
    int custom = tool->kind == AZL_TOOL_CUSTOM;
    int grammar = custom && azl_span_is(text_of(format, "type"), "grammar");
    azl_write_t *w = in->w;

    if (grammar &&
        !azl_exchange_without(
            in->ex, apr_pstrcat(in->ex->pool, tool->path, ".format", NULL), 0,
            in->err)) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    azl_write_text(w, "name", tool->sent);
    write_about(in, tool, grammar ? format : NULL);
    if (custom) {
        write_input(w);
    }
    else {
        azl_responses_copy(w, tool->json, "parameters");
        azl_responses_copy(w, tool->json, "strict");
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

/* The model may do without searching; without the rest the answer would be
 * another. */
static int matters(azl_span_t type)
{
    static const char search[] = "web_search";

    return !(type.len >= sizeof(search) - 1 &&
             memcmp(type.at, search, sizeof(search) - 1) == 0) &&
           !azl_span_is(type, AZL_TOOL_SEARCH_NAME);
}

static int leave_hosted(azl_responses_in_t *in)
{
    const apr_array_header_t *hosted = in->tools.hosted;
    int i;

    for (i = 0; i < hosted->nelts; ++i) {
        const azl_hosted_t *one = &APR_ARRAY_IDX(hosted, i, azl_hosted_t);

        if (!azl_exchange_without(in->ex, one->path, matters(one->type),
                                  in->err)) {
            return 0;
        }
    }
    return 1;
}

/*
 * tool_choice
 */

/* There is no such tool any more, but it was to be called. */
static int leave_choice(azl_responses_in_t *in)
{
    return azl_exchange_without(in->ex, "tool_choice", 1, in->err);
}

static int is_own(const azl_json_t *choice)
{
    azl_span_t type = text_of(choice, "type");

    return azl_span_is(type, "function") || azl_span_is(type, "custom");
}

/* {"type":"function","name":...} as {"type":"function","function":{...}}. */
static int write_chosen(azl_responses_in_t *in, const char *member,
                        const azl_json_t *choice)
{
    azl_span_t name = text_of(choice, "name");

    if (!name.len) {
        return azl_responses_refuse(in->err, "tool_choice",
                                    "The tool that must be called needs its "
                                    "type and name.");
    }
    azl_write_open(in->w, member, '{');
    azl_write_str(in->w, "type", "function");
    azl_write_open(in->w, "function", '{');
    azl_write_text(
        in->w, "name",
        azl_tools_sent(&in->tools, text_of(choice, "namespace"), name));
    azl_write_close(in->w, '}');
    azl_write_close(in->w, '}');
    return 1;
}

/* Those that may be called, without the provider's. *left: how many. */
static int leave_allowed(azl_responses_in_t *in, const azl_json_t *tools,
                         int *left)
{
    apr_size_t i;

    *left = 0;
    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);

        if (!text_of(tool, "type").len) {
            return azl_responses_refuse(in->err, "tool_choice",
                                        "A tool that may be called needs its "
                                        "type.");
        }
        *left += is_own(tool);
        if (!is_own(tool) &&
            !azl_exchange_without(
                in->ex,
                apr_psprintf(in->ex->pool, "tool_choice.tools[%d]", (int)i), 0,
                in->err)) {
            return 0;
        }
    }
    return 1;
}

static int write_allowed(azl_responses_in_t *in, const azl_json_t *choice)
{
    const azl_json_t *tools = azl_json_get(choice, "tools");
    apr_size_t i;
    int left;

    if (!leave_allowed(in, tools, &left)) {
        return 0;
    }
    if (!left) {
        return leave_choice(in);
    }
    azl_write_open(in->w, "tool_choice", '{');
    azl_write_str(in->w, "type", "allowed_tools");
    azl_write_open(in->w, "allowed_tools", '{');
    azl_responses_copy(in->w, choice, "mode");
    azl_write_open(in->w, "tools", '[');
    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);

        if (is_own(tool) && !write_chosen(in, NULL, tool)) {
            return 0;
        }
    }
    azl_write_close(in->w, ']');
    azl_write_close(in->w, '}');
    azl_write_close(in->w, '}');
    return 1;
}

/* "auto", "none" and "required", which Cursor has in an object; empty: it is
 * something else. */
static azl_span_t word_of(const azl_json_t *choice)
{
    static const char *const words[] = {"auto", "none", "required"};
    azl_span_t word = azl_json_type(choice) == AZL_JSON_STRING
                          ? azl_json_text(choice)
                          : text_of(choice, "type");
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (azl_span_is(word, words[i])) {
            return word;
        }
    }
    return azl_span("", 0);
}

static int write_choice(azl_responses_in_t *in, const azl_json_t *choice)
{
    azl_span_t word = word_of(choice);

    if (word.len) {
        azl_write_text(in->w, "tool_choice", word);
        return 1;
    }
    if (azl_json_type(choice) == AZL_JSON_STRING) {
        azl_write_json(in->w, "tool_choice", choice); /* it will be told */
        return 1;
    }
    if (azl_span_is(text_of(choice, "type"), "allowed_tools")) {
        return write_allowed(in, choice);
    }
    if (text_of(choice, "type").len && !is_own(choice)) {
        return leave_choice(in);
    }
    return write_chosen(in, "tool_choice", choice);
}

int azl_responses_tools(azl_responses_in_t *in)
{
    const apr_array_header_t *list = in->tools.list;
    const azl_json_t *choice = azl_json_get(in->ex->client, "tool_choice");
    azl_span_t word = word_of(choice);
    int i;

    if (!leave_hosted(in)) {
        return 0;
    }
    if (!list->nelts) {
        /* A chat without tools refuses what is said about them. */
        return !choice || !in->tools.hosted->nelts ||
               azl_span_is(word, "auto") || azl_span_is(word, "none") ||
               leave_choice(in);
    }
    azl_write_open(in->w, "tools", '[');
    for (i = 0; i < list->nelts; ++i) {
        if (!write_tool(in, APR_ARRAY_IDX(list, i, azl_tool_t *))) {
            return 0;
        }
    }
    azl_write_close(in->w, ']');
    azl_responses_copy(in->w, in->ex->client, "parallel_tool_calls");
    return !choice || write_choice(in, choice);
}
