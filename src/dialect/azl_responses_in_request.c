/*
 * A request for Responses as a chat's.
 */
#include <apr_strings.h>

#include "azl_responses_int.h"

typedef struct inbound_t {
    apr_pool_t *p;
    const azl_json_t *client;
    azl_write_t *w;
    azl_error_t *err;
} inbound_t;

static const azl_json_t *client_get(const inbound_t *in, const char *name)
{
    return azl_json_get(in->client, name);
}

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

static void copy_member(azl_write_t *w, const azl_json_t *from,
                        const char *name)
{
    const azl_json_t *value = azl_json_get(from, name);

    if (value) {
        azl_write_json(w, name, value);
    }
}

/*
 * Tools
 */

static void write_function(azl_write_t *w, const azl_json_t *tool)
{
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    copy_member(w, tool, "name");
    copy_member(w, tool, "description");
    copy_member(w, tool, "parameters");
    copy_member(w, tool, "strict");
    azl_write_close(w, '}');
}

/* {"type":"grammar","syntax","definition"} has an object of its own there. */
static void write_custom(azl_write_t *w, const azl_json_t *tool)
{
    const azl_json_t *format = azl_json_get(tool, "format");

    azl_write_str(w, "type", "custom");
    azl_write_open(w, "custom", '{');
    copy_member(w, tool, "name");
    copy_member(w, tool, "description");
    if (azl_span_is(text_of(format, "type"), "grammar")) {
        azl_write_open(w, "format", '{');
        azl_write_str(w, "type", "grammar");
        azl_write_open(w, "grammar", '{');
        copy_member(w, format, "syntax");
        copy_member(w, format, "definition");
        azl_write_close(w, '}');
        azl_write_close(w, '}');
    }
    else if (format) {
        azl_write_json(w, "format", format);
    }
    azl_write_close(w, '}');
}

static int write_tool(inbound_t *in, const azl_json_t *tool, int number)
{
    int custom = azl_span_is(text_of(tool, "type"), "custom");

    if (!custom && !azl_span_is(text_of(tool, "type"), "function")) {
        return azl_responses_refuse(
            in->err, apr_psprintf(in->p, "tools[%d]", number),
            "This model has no tools of its own: a tool is of type function or "
            "custom.");
    }
    if (!text_of(tool, "name").len) {
        return azl_responses_refuse(
            in->err, apr_psprintf(in->p, "tools[%d].name", number),
            "A tool needs a name.");
    }
    azl_write_open(in->w, NULL, '{');
    if (custom) {
        write_custom(in->w, tool);
    }
    else {
        write_function(in->w, tool);
    }
    azl_write_close(in->w, '}');
    return 1;
}

/* {"type":"function","name":...} as {"type":"function","function":{...}}. */
static int write_chosen(inbound_t *in, const char *member,
                        const azl_json_t *choice)
{
    azl_span_t type = text_of(choice, "type");
    const char *kind = azl_span_is(type, "custom") ? "custom" : "function";
    azl_span_t name = text_of(choice, "name");

    if (!azl_span_is(type, kind) || !name.len) {
        return azl_responses_refuse(in->err, "tool_choice",
                                    "The tool that must be called is a "
                                    "function or custom tool with a name.");
    }
    azl_write_open(in->w, member, '{');
    azl_write_str(in->w, "type", kind);
    azl_write_open(in->w, kind, '{');
    azl_write_text(in->w, "name", name);
    azl_write_close(in->w, '}');
    azl_write_close(in->w, '}');
    return 1;
}

static int write_allowed(inbound_t *in, const azl_json_t *choice)
{
    const azl_json_t *tools = azl_json_get(choice, "tools");
    apr_size_t i;

    azl_write_open(in->w, "tool_choice", '{');
    azl_write_str(in->w, "type", "allowed_tools");
    azl_write_open(in->w, "allowed_tools", '{');
    copy_member(in->w, choice, "mode");
    azl_write_open(in->w, "tools", '[');
    for (i = 0; i < azl_json_length(tools); ++i) {
        if (!write_chosen(in, NULL, azl_json_at(tools, i))) {
            return 0;
        }
    }
    azl_write_close(in->w, ']');
    azl_write_close(in->w, '}');
    azl_write_close(in->w, '}');
    return 1;
}

/* Cursor has the words "auto", "none" and "required" in an object. */
static int write_tool_choice(inbound_t *in)
{
    static const char *const words[] = {"auto", "none", "required"};
    const azl_json_t *choice = client_get(in, "tool_choice");
    azl_span_t type = text_of(choice, "type");
    apr_size_t i;

    if (!choice) {
        return 1;
    }
    if (azl_json_type(choice) == AZL_JSON_STRING) {
        azl_write_json(in->w, "tool_choice", choice);
        return 1;
    }
    for (i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (azl_span_is(type, words[i])) {
            azl_write_str(in->w, "tool_choice", words[i]);
            return 1;
        }
    }
    if (azl_span_is(type, "allowed_tools")) {
        return write_allowed(in, choice);
    }
    return write_chosen(in, "tool_choice", choice);
}

/* A chat without tools refuses what is said about them. */
static int write_tools(inbound_t *in)
{
    const azl_json_t *tools = client_get(in, "tools");
    apr_size_t n = azl_json_length(tools);
    apr_size_t i;

    if (!n) {
        return 1;
    }
    azl_write_open(in->w, "tools", '[');
    for (i = 0; i < n; ++i) {
        if (!write_tool(in, azl_json_at(tools, i), (int)i)) {
            return 0;
        }
    }
    azl_write_close(in->w, ']');
    copy_member(in->w, in->client, "parallel_tool_calls");
    return write_tool_choice(in);
}

/*
 * Form, reasoning
 */

static void write_schema(azl_write_t *w, const azl_json_t *format)
{
    azl_write_open(w, "response_format", '{');
    azl_write_str(w, "type", "json_schema");
    azl_write_open(w, "json_schema", '{');
    copy_member(w, format, "name");
    copy_member(w, format, "description");
    copy_member(w, format, "schema");
    copy_member(w, format, "strict");
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int write_form(inbound_t *in)
{
    const azl_json_t *text = client_get(in, "text");
    const azl_json_t *format = azl_json_get(text, "format");
    azl_span_t type = text_of(format, "type");

    copy_member(in->w, text, "verbosity");
    if (azl_span_is(type, "json_schema")) {
        write_schema(in->w, format);
    }
    else if (azl_span_is(type, "json_object")) {
        azl_write_open(in->w, "response_format", '{');
        azl_write_str(in->w, "type", "json_object");
        azl_write_close(in->w, '}');
    }
    else if (format && !azl_span_is(type, "text")) {
        return azl_responses_refuse(in->err, "text.format",
                                    "The format is text, json_object or "
                                    "json_schema.");
    }
    return 1;
}

static void write_renamed(inbound_t *in, const char *name,
                          const azl_json_t *value)
{
    if (value) {
        azl_write_json(in->w, name, value);
    }
}

/*
 * Everything else
 */

typedef enum {
    AS_IT_IS,  /* also what nobody defines: it is for the chat to know */
    ELSEWHERE, /* see above */
    NEEDLESS,  /* nothing there, and nothing is lost without */
    NEEDED     /* refused, unless it asks for nothing */
} fate_e;

static const struct {
    const char *name;
    fate_e fate;
    azl_json_type_e nothing; /* a value of this type asks for nothing */
} members[] = {
    {"input", ELSEWHERE, AZL_JSON_NONE},
    {"instructions", ELSEWHERE, AZL_JSON_NONE},
    {"max_output_tokens", ELSEWHERE, AZL_JSON_NONE},
    {"tools", ELSEWHERE, AZL_JSON_NONE},
    {"tool_choice", ELSEWHERE, AZL_JSON_NONE},
    {"parallel_tool_calls", ELSEWHERE, AZL_JSON_NONE},
    {"text", ELSEWHERE, AZL_JSON_NONE},
    {"reasoning", ELSEWHERE, AZL_JSON_NONE},
    /* the answer repeats it; a chat takes it only for what it stores */
    {"metadata", NEEDLESS, AZL_JSON_NONE},
    {"include", NEEDLESS, AZL_JSON_NONE},        /* of tools that are refused */
    {"max_tool_calls", NEEDLESS, AZL_JSON_NONE}, /* likewise */
    {"truncation", NEEDLESS, AZL_JSON_NONE},
    {"stream_options", NEEDLESS, AZL_JSON_NONE},
    {"client_metadata", NEEDLESS, AZL_JSON_NONE},
    {"store", NEEDED, AZL_JSON_FALSE},
    {"background", NEEDED, AZL_JSON_FALSE},
    {"previous_response_id", NEEDED, AZL_JSON_NULL},
    {"conversation", NEEDED, AZL_JSON_NULL},
    {"prompt", NEEDED, AZL_JSON_NULL},
    {"context_management", NEEDED, AZL_JSON_NULL},
    {"top_logprobs", NEEDED, AZL_JSON_NULL},
};

#define NMEMBERS (sizeof(members) / sizeof(members[0]))

/* Nothing is stored here, and a chat has no such thing. */
static int refuse_member(inbound_t *in, const char *name)
{
    azl_error_invalid(in->err, "unsupported_parameter", name,
                      apr_psprintf(in->p,
                                   "Unsupported parameter: '%s' is not "
                                   "supported with this model.",
                                   name));
    return 1;
}

static int asks_nothing(const azl_json_t *value, azl_json_type_e nothing)
{
    apr_int64_t n;

    return azl_json_type(value) == nothing ||
           (azl_json_int(value, &n) && n == 0);
}

static int write_other(void *baton, const char *name, const azl_json_t *value)
{
    inbound_t *in = baton;
    apr_size_t i;

    if (!value) {
        return 0;
    }
    for (i = 0; i < NMEMBERS; ++i) {
        if (strcmp(name, members[i].name) == 0) {
            return members[i].fate == NEEDED &&
                   !asks_nothing(value, members[i].nothing) &&
                   refuse_member(in, members[i].name);
        }
    }
    azl_write_json(in->w, name, value);
    return 0;
}

static int responses_request(azl_exchange_t *ex, azl_buf_t *out,
                             azl_error_t *err)
{
    const azl_json_t *client = ex->client;
    azl_write_t w;
    inbound_t in = {ex->pool, client, &w, err};

    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    if (azl_json_each(client, write_other, &in)) {
        return 0;
    }
    azl_write_open(&w, "messages", '[');
    if (!azl_responses_messages(ex->pool, client, &w, err)) {
        return 0;
    }
    azl_write_close(&w, ']');
    write_renamed(&in, "max_completion_tokens",
                  client_get(&in, "max_output_tokens"));
    write_renamed(&in, "reasoning_effort",
                  azl_json_get(client_get(&in, "reasoning"), "effort"));
    if (!write_tools(&in) || !write_form(&in)) {
        return 0;
    }
    azl_write_close(&w, '}');
    return 1;
}

const azl_inbound_t azl_inbound_responses = {.request = responses_request,
                                             .answer = azl_responses_told,
                                             .encoder = azl_responses_encoder,
                                             .event = azl_responses_chunk};
