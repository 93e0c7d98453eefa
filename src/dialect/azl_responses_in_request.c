/*
 * A request for Responses as a chat's.
 */
#include <apr_strings.h>

#include "azl_responses_int.h"

static const azl_json_t *client_get(const azl_responses_in_t *in,
                                    const char *name)
{
    return azl_json_get(in->ex->client, name);
}

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

/*
 * Form, reasoning
 */

static void write_schema(azl_write_t *w, const azl_json_t *format)
{
    azl_write_open(w, "response_format", '{');
    azl_write_str(w, "type", "json_schema");
    azl_write_open(w, "json_schema", '{');
    azl_responses_copy(w, format, "name");
    azl_responses_copy(w, format, "description");
    azl_responses_copy(w, format, "schema");
    azl_responses_copy(w, format, "strict");
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int write_form(azl_responses_in_t *in)
{
    const azl_json_t *text = client_get(in, "text");
    const azl_json_t *format = azl_json_get(text, "format");
    azl_span_t type = text_of(format, "type");

    azl_responses_copy(in->w, text, "verbosity");
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

static int leave_reasoning(void *baton, const char *name,
                           const azl_json_t *value)
{
    azl_responses_in_t *in = baton;

    /* a summary comes of all that is told of the reasoning */
    if (value && strcmp(name, "effort") != 0 && strcmp(name, "summary") != 0 &&
        strcmp(name, "generate_summary") != 0) {
        azl_exchange_note(in->ex,
                          apr_pstrcat(in->ex->pool, "reasoning.", name, NULL));
    }
    return 0;
}

static void write_reasoning(azl_responses_in_t *in)
{
    const azl_json_t *reasoning = client_get(in, "reasoning");
    const azl_json_t *effort = azl_json_get(reasoning, "effort");

    if (effort) {
        azl_write_json(in->w, "reasoning_effort", effort);
    }
    azl_json_each(reasoning, leave_reasoning, in);
}

/* Of what an answer may include a chat has the probabilities. */
static void write_logprobs(azl_responses_in_t *in)
{
    const azl_json_t *include = client_get(in, "include");
    const azl_json_t *top = client_get(in, "top_logprobs");
    apr_int64_t n = 0;
    int asked = top && (!azl_json_int(top, &n) || n != 0);
    apr_size_t i;

    for (i = 0; i < azl_json_length(include); ++i) {
        if (azl_span_is(azl_json_text(azl_json_at(include, i)),
                        AZL_INCLUDE_LOGPROBS)) {
            asked = 1;
        }
        else {
            azl_exchange_note(in->ex, "include");
        }
    }
    if (asked) {
        azl_write_bool(in->w, "logprobs", 1);
    }
    if (asked && top) {
        azl_write_json(in->w, "top_logprobs", top);
    }
}

/*
 * Everything else
 */

typedef enum {
    AS_IT_IS,  /* also what nobody defines: it is for the chat to know */
    ELSEWHERE, /* see above, or the answer has it */
    NOTED,     /* nothing there, and nobody misses it */
    LESSER,    /* nothing there, and the answer comes about otherwise */
    NEEDED     /* refused: there is no answer without */
} fate_e;

static const struct {
    const char *name;
    fate_e fate;
    const char *nothing; /* a value that asks for nothing, as JSON; or NULL */
} members[] = {
    {"input", ELSEWHERE, NULL},
    {"instructions", ELSEWHERE, NULL},
    {"max_output_tokens", ELSEWHERE, NULL},
    {"tools", ELSEWHERE, NULL},
    {"tool_choice", ELSEWHERE, NULL},
    {"parallel_tool_calls", ELSEWHERE, NULL},
    {"text", ELSEWHERE, NULL},
    {"reasoning", ELSEWHERE, NULL},
    {"include", ELSEWHERE, NULL},
    {"top_logprobs", ELSEWHERE, NULL},
    /* the answer repeats it; a chat takes it only for what it stores */
    {"metadata", ELSEWHERE, NULL},
    {"client_metadata", NOTED, NULL},
    {"max_tool_calls", NOTED, NULL}, /* of tools that are not there */
    {"stream_options", NOTED, "{\"include_obfuscation\":false}"},
    {"truncation", LESSER, "\"disabled\""},
    {"store", NEEDED, "false"},
    {"background", NEEDED, "false"},
    {"previous_response_id", NEEDED, NULL},
    {"conversation", NEEDED, NULL},
    {"prompt", NEEDED, NULL},
    {"context_management", NEEDED, NULL},
};

#define NMEMBERS (sizeof(members) / sizeof(members[0]))

/* Nothing is stored here, and a chat has no such thing. */
static int refuse_member(azl_responses_in_t *in, const char *name)
{
    azl_error_invalid(in->err, "unsupported_parameter", name,
                      apr_psprintf(in->ex->pool,
                                   "Unsupported parameter: '%s' is not "
                                   "supported with this model.",
                                   name));
    return 0;
}

/* 1, or 0 with the error. */
static int leave_member(azl_responses_in_t *in, const char *name, fate_e fate)
{
    switch (fate) {
    case NOTED:
        azl_exchange_note(in->ex, name);
        return 1;
    case LESSER:
        return azl_exchange_without(in->ex, name, 0, in->err);
    case NEEDED:
        return refuse_member(in, name);
    default:
        return 1;
    }
}

static int write_other(void *baton, const char *name, const azl_json_t *value)
{
    azl_responses_in_t *in = baton;
    apr_size_t i;

    if (!value) {
        return 0;
    }
    for (i = 0; i < NMEMBERS; ++i) {
        if (strcmp(name, members[i].name) == 0) {
            return !azl_responses_is(in->ex->pool, value, members[i].nothing) &&
                   !leave_member(in, members[i].name, members[i].fate);
        }
    }
    azl_write_json(in->w, name, value);
    return 0;
}

static int responses_request(azl_exchange_t *ex, azl_buf_t *out,
                             azl_error_t *err)
{
    const azl_json_t *max = azl_json_get(ex->client, "max_output_tokens");
    azl_write_t w;
    azl_responses_in_t in = {.ex = ex, .w = &w, .err = err};

    if (!azl_tools_read(&in.tools, ex->pool, ex->client, err)) {
        return 0;
    }
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    if (azl_json_each(ex->client, write_other, &in)) {
        return 0;
    }
    azl_write_open(&w, "messages", '[');
    if (!azl_responses_messages(&in)) {
        return 0;
    }
    azl_write_close(&w, ']');
    if (max) {
        azl_write_json(&w, "max_completion_tokens", max);
    }
    write_reasoning(&in);
    write_logprobs(&in);
    if (!azl_responses_tools(&in) || !write_form(&in)) {
        return 0;
    }
    azl_write_close(&w, '}');
    return 1;
}

const azl_inbound_t azl_inbound_responses = {.request = responses_request,
                                             .place = azl_responses_place,
                                             .answer = azl_responses_told,
                                             .encoder = azl_responses_encoder,
                                             .event = azl_responses_chunk};
