/*
 * A chat's request as one for Responses.
 */
#include <apr_strings.h>

#include "azl_family.h"
#include "azl_responses_int.h"
#include "azl_unfit.h"

/* Less is refused. */
#define OUTPUT_TOKENS_MIN 16

typedef struct request_t {
    azl_exchange_t *ex;
    azl_write_t *w;
    azl_error_t *err;
    unsigned
        refused; /* settings that the model does not take, by azl_param_e */
} request_t;

static const azl_json_t *hub_get(const request_t *rq, const char *name)
{
    return azl_json_get(rq->ex->hub, name);
}

static int is_word(const azl_json_t *json, const char *word)
{
    return azl_span_is(azl_json_text(json), word);
}

/*
 * Tools
 */

static int refuse_tool(request_t *rq, int number, const char *message)
{
    return azl_exchange_refuse(rq->ex, rq->err,
                               apr_psprintf(rq->ex->pool, "tools[%d]", number),
                               message);
}

/* `parameters` and `strict` are required there; a chat without `strict` is not
 * strict. */
static void write_function(azl_write_t *w, const azl_json_t *function)
{
    const azl_json_t *parameters = azl_json_get(function, "parameters");

    azl_write_str(w, "type", "function");
    azl_responses_copy(w, function, "name");
    azl_responses_copy(w, function, "description");
    if (parameters) {
        azl_write_json(w, "parameters", parameters);
    }
    else {
        azl_write_raw(w, "parameters",
                      azl_span_str("{\"type\":\"object\",\"properties\":{}}"));
    }
    azl_write_bool(w, "strict",
                   azl_json_type(azl_json_get(function, "strict")) ==
                       AZL_JSON_TRUE);
}

/* {"type":"grammar","grammar":{"syntax","definition"}} is flat there. */
static void write_custom(azl_write_t *w, const azl_json_t *custom)
{
    const azl_json_t *format = azl_json_get(custom, "format");
    const azl_json_t *grammar = azl_json_get(format, "grammar");

    azl_write_str(w, "type", "custom");
    azl_responses_copy(w, custom, "name");
    azl_responses_copy(w, custom, "description");
    if (grammar) {
        azl_write_open(w, "format", '{');
        azl_write_str(w, "type", "grammar");
        azl_responses_copy(w, grammar, "syntax");
        azl_responses_copy(w, grammar, "definition");
        azl_write_close(w, '}');
    }
    else if (format) {
        azl_write_json(w, "format", format);
    }
}

static int write_tool(request_t *rq, const azl_json_t *tool, int number)
{
    const azl_json_t *type = azl_json_get(tool, "type");
    int custom = is_word(type, "custom");
    const azl_json_t *body = azl_json_get(tool, custom ? "custom" : "function");

    if (!custom && !is_word(type, "function")) {
        return refuse_tool(rq, number, "A tool is of type function or custom.");
    }
    if (!azl_json_text(azl_json_get(body, "name")).len) {
        return refuse_tool(rq, number, "A tool needs a name.");
    }
    azl_write_open(rq->w, NULL, '{');
    if (custom) {
        write_custom(rq->w, body);
    }
    else {
        write_function(rq->w, body);
    }
    azl_write_close(rq->w, '}');
    return 1;
}

static int copy_place(void *baton, const char *name, const azl_json_t *value)
{
    azl_write_json(baton, name, value);
    return 0;
}

/* A chat that searches the web has the provider do it. */
static void write_search(azl_write_t *w, const azl_json_t *options)
{
    const azl_json_t *place =
        azl_json_get(azl_json_get(options, "user_location"), "approximate");

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "web_search");
    azl_responses_copy(w, options, "search_context_size");
    if (place) {
        azl_write_open(w, "user_location", '{');
        azl_write_str(w, "type", "approximate");
        azl_json_each(place, copy_place, w);
        azl_write_close(w, '}');
    }
    azl_write_close(w, '}');
}

static int write_tools(request_t *rq)
{
    const azl_json_t *tools = hub_get(rq, "tools");
    const azl_json_t *search = hub_get(rq, "web_search_options");
    apr_size_t i;

    if (!azl_json_length(tools) && !search) {
        return 1;
    }
    azl_write_open(rq->w, "tools", '[');
    if (search) {
        write_search(rq->w, search);
    }
    for (i = 0; i < azl_json_length(tools); ++i) {
        if (!write_tool(rq, azl_json_at(tools, i), (int)i)) {
            return 0;
        }
    }
    azl_write_close(rq->w, ']');
    return 1;
}

/* {"type":"function","function":{"name":...}} flattened. */
static int write_chosen(request_t *rq, const char *member,
                        const azl_json_t *choice)
{
    int custom = is_word(azl_json_get(choice, "type"), "custom");
    const azl_json_t *name = azl_json_get(
        azl_json_get(choice, custom ? "custom" : "function"), "name");

    if (azl_json_type(name) != AZL_JSON_STRING) {
        return azl_exchange_refuse(rq->ex, rq->err, "tool_choice",
                                   "The tool that must be called needs its "
                                   "type and name.");
    }
    azl_write_open(rq->w, member, '{');
    azl_write_str(rq->w, "type", custom ? "custom" : "function");
    azl_write_json(rq->w, "name", name);
    azl_write_close(rq->w, '}');
    return 1;
}

static int write_allowed(request_t *rq, const azl_json_t *choice)
{
    const azl_json_t *allowed = azl_json_get(choice, "allowed_tools");
    const azl_json_t *tools = azl_json_get(allowed, "tools");
    apr_size_t i;

    azl_write_open(rq->w, "tool_choice", '{');
    azl_write_str(rq->w, "type", "allowed_tools");
    azl_responses_copy(rq->w, allowed, "mode");
    azl_write_open(rq->w, "tools", '[');
    for (i = 0; i < azl_json_length(tools); ++i) {
        if (!write_chosen(rq, NULL, azl_json_at(tools, i))) {
            return 0;
        }
    }
    azl_write_close(rq->w, ']');
    azl_write_close(rq->w, '}');
    return 1;
}

static int write_tool_choice(request_t *rq)
{
    const azl_json_t *choice = hub_get(rq, "tool_choice");

    if (azl_json_type(choice) == AZL_JSON_STRING) {
        azl_write_json(rq->w, "tool_choice", choice);
        return 1;
    }
    if (!choice) {
        return 1;
    }
    if (is_word(azl_json_get(choice, "type"), "allowed_tools")) {
        return write_allowed(rq, choice);
    }
    return write_chosen(rq, "tool_choice", choice);
}

/*
 * Form, reasoning, length
 */

static int write_format(request_t *rq, const azl_json_t *format)
{
    const azl_json_t *type = azl_json_get(format, "type");
    const azl_json_t *schema = azl_json_get(format, "json_schema");

    if (azl_json_type(type) != AZL_JSON_STRING ||
        (is_word(type, "json_schema") &&
         azl_json_type(schema) != AZL_JSON_OBJECT)) {
        return azl_exchange_refuse(rq->ex, rq->err, "response_format",
                                   "The response format needs its type, and "
                                   "json_schema its schema.");
    }
    azl_write_open(rq->w, "format", '{');
    azl_write_json(rq->w, "type", type);
    azl_responses_copy(rq->w, schema, "name");
    azl_responses_copy(rq->w, schema, "description");
    azl_responses_copy(rq->w, schema, "schema");
    azl_responses_copy(rq->w, schema, "strict");
    azl_write_close(rq->w, '}');
    return 1;
}

static int write_form(request_t *rq)
{
    const azl_json_t *format = hub_get(rq, "response_format");
    const azl_json_t *verbosity = hub_get(rq, "verbosity");

    if (!format && !verbosity) {
        return 1;
    }
    azl_write_open(rq->w, "text", '{');
    if (format && !write_format(rq, format)) {
        return 0;
    }
    if (verbosity) {
        azl_write_json(rq->w, "verbosity", verbosity);
    }
    azl_write_close(rq->w, '}');
    return 1;
}

/* A setting that the model's family does not take. AZL_PARAMS_KEEP passes it
 * on all the same: the upstream says what it thinks of it. */
static int is_refused(const request_t *rq, const char *name)
{
    const azl_document_t *doc = rq->ex->doc;
    int i;

    for (i = 0; rq->refused && i < doc->nsettings; ++i) {
        if (strcmp(doc->settings[i].name, name) == 0) {
            return (rq->refused & (1u << doc->settings[i].param)) != 0;
        }
    }
    return 0;
}

/* Who asks for reasoning wants to read it, and only a summary can be read. */
static int write_reasoning(request_t *rq)
{
    static const char name[] = "reasoning_effort";
    azl_exchange_t *ex = rq->ex;
    const azl_family_t *family = ex->deployment->family;
    const azl_json_t *effort = hub_get(rq, name);
    const char *nearest = NULL;

    if (!effort) {
        return 1;
    }
    if (is_refused(rq, name)) {
        return azl_exchange_without(ex, name, 0, rq->err);
    }
    if (family && ex->params != AZL_PARAMS_KEEP) {
        nearest = azl_family_effort(family, azl_json_text(effort));
    }
    if (nearest && ex->params == AZL_PARAMS_REJECT) {
        azl_unfit_value(ex->pool, name, azl_json_text(effort),
                        azl_family_efforts(ex->pool, family), rq->err);
        return 0;
    }
    azl_write_open(rq->w, "reasoning", '{');
    if (nearest) {
        azl_exchange_note(ex, name); /* not as it was said */
        azl_write_str(rq->w, "effort", nearest);
    }
    else {
        azl_write_json(rq->w, "effort", effort);
    }
    if (!is_word(effort, "none")) {
        azl_write_str(rq->w, "summary", "auto");
    }
    azl_write_close(rq->w, '}');
    return 1;
}

static void write_length(request_t *rq)
{
    const azl_json_t *max = hub_get(rq, "max_completion_tokens");
    apr_int64_t n;

    if (!max) {
        max = hub_get(rq, "max_tokens");
    }
    if (!max) {
        return;
    }
    if (azl_json_int(max, &n) && n > 0 && n < OUTPUT_TOKENS_MIN) {
        azl_write_int(rq->w, "max_output_tokens", OUTPUT_TOKENS_MIN);
        return;
    }
    azl_write_json(rq->w, "max_output_tokens", max);
}

static int asks_logprobs(const request_t *rq)
{
    return azl_json_type(hub_get(rq, "logprobs")) == AZL_JSON_TRUE &&
           !is_refused(rq, "logprobs");
}

/* Families that do not think refuse to be asked for their reasoning. */
static int thinks(const char *family)
{
    static const char *const plain[] = {"gpt-3", "gpt-4", "gpt-5-chat"};
    apr_size_t i;

    for (i = 0; family && i < sizeof(plain) / sizeof(plain[0]); ++i) {
        if (strncmp(family, plain[i], strlen(plain[i])) == 0) {
            return 0;
        }
    }
    return 1;
}

/* Nothing is stored there unless the client wants it. The reasoning before a
 * call of a tool is asked for in a form that can be given back. */
static void write_state(request_t *rq)
{
    int keeps = azl_json_length(hub_get(rq, "tools")) && thinks(rq->ex->family);
    int probable = asks_logprobs(rq);

    azl_write_bool(rq->w, "store",
                   azl_json_type(hub_get(rq, "store")) == AZL_JSON_TRUE);
    if (!keeps && !probable) {
        return;
    }
    azl_write_open(rq->w, "include", '[');
    if (keeps) {
        azl_write_str(rq->w, NULL, "reasoning.encrypted_content");
    }
    if (probable) {
        azl_write_str(rq->w, NULL, AZL_INCLUDE_LOGPROBS);
    }
    azl_write_close(rq->w, ']');
}

/* As the chat refuses it too, how many there are says nothing of what is not
 * asked for. */
static int write_logprobs(request_t *rq)
{
    const azl_json_t *asked = hub_get(rq, "logprobs");
    const azl_json_t *top = hub_get(rq, "top_logprobs");
    int probable = asks_logprobs(rq);
    apr_int64_t n;

    if (asked && !probable && azl_json_type(asked) != AZL_JSON_FALSE &&
        !azl_exchange_without(rq->ex, "logprobs", 1, rq->err)) {
        return 0;
    }
    if (!top || (azl_json_int(top, &n) && n == 0)) {
        return 1;
    }
    if (!probable || is_refused(rq, "top_logprobs")) {
        return azl_exchange_without(rq->ex, "top_logprobs", 1, rq->err);
    }
    azl_write_json(rq->w, "top_logprobs", top);
    return 1;
}

/*
 * Everything else
 */

typedef enum {
    ELSEWHERE = 0, /* see above */
    SAME,          /* has the same name there */
    UNNEEDED,      /* nothing there, and the answer would be about the same */
    MATTERS        /* nothing there, and the answer would not */
} fate_e;

static const struct {
    const char *name;
    fate_e fate;
    const char *nothing; /* a value that asks for nothing, as JSON */
} members[] = {
    {"model", ELSEWHERE, NULL},
    {"messages", ELSEWHERE, NULL},
    {"stream", ELSEWHERE, NULL},
    {"stream_options", ELSEWHERE, NULL},
    {"store", ELSEWHERE, NULL},
    {"tools", ELSEWHERE, NULL},
    {"tool_choice", ELSEWHERE, NULL},
    {"response_format", ELSEWHERE, NULL},
    {"verbosity", ELSEWHERE, NULL},
    {"reasoning_effort", ELSEWHERE, NULL},
    {"max_tokens", ELSEWHERE, NULL},
    {"max_completion_tokens", ELSEWHERE, NULL},
    {"temperature", SAME, NULL},
    {"top_p", SAME, NULL},
    {"metadata", SAME, NULL},
    {"moderation", SAME, NULL},
    {"parallel_tool_calls", SAME, NULL},
    {"prompt_cache_key", SAME, NULL},
    {"prompt_cache_options", SAME, NULL},
    {"prompt_cache_retention", SAME, NULL},
    {"safety_identifier", SAME, NULL},
    {"service_tier", SAME, NULL},
    {"user", SAME, NULL},
    {"frequency_penalty", UNNEEDED, "0"},
    {"presence_penalty", UNNEEDED, "0"},
    {"seed", UNNEEDED, NULL},
    {"prediction", UNNEEDED, NULL},
    {"n", MATTERS, "1"},
    {"stop", MATTERS, "[]"},
    {"logit_bias", MATTERS, "{}"},
    {"logprobs", ELSEWHERE, NULL},
    {"top_logprobs", ELSEWHERE, NULL},
    {"audio", MATTERS, NULL},
    {"modalities", MATTERS, "[\"text\"]"},
    {"functions", MATTERS, "[]"},
    {"function_call", MATTERS, NULL},
    {"web_search_options", ELSEWHERE, NULL},
    {"data_sources", MATTERS, "[]"},
};

#define NMEMBERS (sizeof(members) / sizeof(members[0]))

static unsigned find_refused(const azl_exchange_t *ex)
{
    return ex->doc && ex->deployment->family && ex->params != AZL_PARAMS_KEEP
               ? azl_family_refused(ex->deployment->family, ex->doc)
               : 0;
}

static int write_other(void *baton, const char *name, const azl_json_t *value)
{
    request_t *rq = baton;
    fate_e fate = UNNEEDED; /* whatever nobody defines */
    const char *nothing = NULL;
    apr_size_t i;

    if (!value) {
        return 0;
    }
    for (i = 0; i < NMEMBERS; ++i) {
        if (strcmp(name, members[i].name) == 0) {
            fate = members[i].fate;
            nothing = members[i].nothing;
        }
    }
    if (fate == SAME && is_refused(rq, name)) {
        return !azl_exchange_without(rq->ex, name, 1, rq->err);
    }
    if (fate == SAME) {
        azl_write_json(rq->w, name, value);
    }
    else if (fate != ELSEWHERE &&
             !azl_responses_is(rq->ex->pool, value, nothing)) {
        return !azl_exchange_without(rq->ex, name, fate == MATTERS, rq->err);
    }
    return 0;
}

static void write_stream(request_t *rq)
{
    const azl_json_t *padding =
        azl_json_get(hub_get(rq, "stream_options"), "include_obfuscation");

    if (!rq->ex->streamed) {
        return;
    }
    azl_write_bool(rq->w, "stream", 1);
    if (padding) {
        azl_write_open(rq->w, "stream_options", '{');
        azl_write_json(rq->w, "include_obfuscation", padding);
        azl_write_close(rq->w, '}');
    }
}

static int responses_request(azl_exchange_t *ex, azl_buf_t *out,
                             azl_error_t *err)
{
    azl_write_t w;
    request_t rq = {ex, &w, err, find_refused(ex)};

    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "model", ex->deployment->name);
    write_stream(&rq);
    azl_write_open(&w, "input", '[');
    if (!azl_responses_input(ex, &w, err)) {
        return 0;
    }
    azl_write_close(&w, ']');
    write_state(&rq);
    write_length(&rq);
    if (!write_logprobs(&rq) || !write_reasoning(&rq) || !write_tools(&rq) ||
        !write_tool_choice(&rq) || !write_form(&rq) ||
        azl_json_each(ex->hub, write_other, &rq)) {
        return 0;
    }
    azl_write_close(&w, '}');
    if (out->failed) {
        azl_error_from_status(err, 413);
        return 0;
    }
    return 1;
}

const azl_outbound_t azl_outbound_responses = {.stream_type =
                                                   "text/event-stream",
                                               .request = responses_request,
                                               .answer = azl_responses_answer,
                                               .decoder = azl_responses_decoder,
                                               .event = azl_responses_event};
