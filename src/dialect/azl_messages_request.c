/*
 * A request of the Messages API as a chat.
 */
#include <string.h>

#include <apr_strings.h>

#include "azl_members_int.h"
#include "azl_messages_int.h"

/* OpenAI's limit on who the user is, in bytes. */
#define USER_MAX 64

int azl_messages_refuse(azl_messages_in_t *in, const char *path,
                        const char *message)
{
    azl_error_invalid(in->err, "invalid_value", apr_pstrdup(in->p, path),
                      message);
    return 0;
}

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

void azl_messages_cache(azl_messages_in_t *in, const azl_json_t *block)
{
    const azl_json_t *control = azl_json_get(block, "cache_control");

    if (azl_json_type(control) != AZL_JSON_OBJECT) {
        return;
    }
    if (in->ex->plain) {
        azl_exchange_note(in->ex, "cache_control");
    }
    else {
        azl_write_json(&in->w, "cache_control", control);
    }
}

static void copy(azl_messages_in_t *in, const azl_json_t *client,
                 const char *name, const char *as)
{
    const azl_json_t *value = azl_json_get(client, name);

    if (value) {
        azl_write_json(&in->w, as, value);
    }
}

/*
 * Tools
 */

static int write_tool(azl_messages_in_t *in, apr_size_t i,
                      const azl_json_t *tool)
{
    const azl_json_t *type = azl_json_get(tool, "type");
    azl_write_t *w = &in->w;

    if ((type && !is_text(type, "custom")) ||
        !azl_json_text(azl_json_get(tool, "name")).len) {
        return azl_messages_refuse(
            in, apr_psprintf(in->p, "tools[%d]", (int)i),
            "This model knows only tools of the client's own, with a name.");
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    copy(in, tool, "name", "name");
    copy(in, tool, "description", "description");
    copy(in, tool, "input_schema", "parameters");
    copy(in, tool, "strict", "strict");
    azl_write_close(w, '}');
    azl_messages_cache(in, tool);
    azl_write_close(w, '}');
    return 1;
}

static int write_choice(azl_messages_in_t *in, const azl_json_t *choice)
{
    const azl_json_t *type = azl_json_get(choice, "type");
    azl_write_t *w = &in->w;

    if (is_text(type, "auto") || is_text(type, "none")) {
        azl_write_json(w, "tool_choice", type);
    }
    else if (is_text(type, "any")) {
        azl_write_str(w, "tool_choice", "required");
    }
    else if (is_text(type, "tool") && azl_json_get(choice, "name")) {
        azl_write_open(w, "tool_choice", '{');
        azl_write_str(w, "type", "function");
        azl_write_open(w, "function", '{');
        copy(in, choice, "name", "name");
        azl_write_close(w, '}');
        azl_write_close(w, '}');
    }
    else {
        return azl_messages_refuse(in, "tool_choice",
                                   "The type must be auto, any, tool (with a "
                                   "name) or none.");
    }
    if (azl_json_type(azl_json_get(choice, "disable_parallel_tool_use")) ==
        AZL_JSON_TRUE) {
        azl_write_bool(w, "parallel_tool_calls", 0);
    }
    return 1;
}

static int write_tools(azl_messages_in_t *in, const azl_json_t *client)
{
    const azl_json_t *tools = azl_json_get(client, "tools");
    const azl_json_t *choice = azl_json_get(client, "tool_choice");
    apr_size_t i;

    if (!azl_json_length(tools)) {
        return 1; /* nothing to choose from */
    }
    azl_write_open(&in->w, "tools", '[');
    for (i = 0; i < azl_json_length(tools); ++i) {
        if (!write_tool(in, i, azl_json_at(tools, i))) {
            return 0;
        }
    }
    azl_write_close(&in->w, ']');
    return !choice || write_choice(in, choice);
}

/*
 * Thinking and the form of the answer
 */

/* How much effort so many tokens of thinking are. */
static const char *effort_of(apr_int64_t budget)
{
    static const struct {
        apr_int64_t from;
        const char *effort;
    } steps[] = {{10000, "high"}, {5000, "medium"}, {2000, "low"}};
    apr_size_t i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); ++i) {
        if (budget >= steps[i].from) {
            return steps[i].effort;
        }
    }
    return "minimal";
}

static void write_effort(azl_messages_in_t *in, const azl_json_t *client)
{
    const azl_json_t *thinking = azl_json_get(client, "thinking");
    const azl_json_t *type = azl_json_get(thinking, "type");
    const azl_json_t *effort =
        azl_json_get(azl_json_get(client, "output_config"), "effort");
    apr_int64_t budget = 0;

    if (is_text(type, "disabled")) {
        return;
    }
    if (is_text(type, "enabled") &&
        azl_json_int(azl_json_get(thinking, "budget_tokens"), &budget)) {
        azl_write_str(&in->w, "reasoning_effort", effort_of(budget));
    }
    else if (azl_json_type(effort) == AZL_JSON_STRING) {
        azl_write_json(&in->w, "reasoning_effort", effort);
    }
    else if (is_text(type, "adaptive")) {
        azl_write_str(&in->w, "reasoning_effort", "high");
    }
}

static int write_format(azl_messages_in_t *in, const azl_json_t *client)
{
    const azl_json_t *format =
        azl_json_get(azl_json_get(client, "output_config"), "format");
    azl_write_t *w = &in->w;

    if (!format) {
        /* what it was called while it was new */
        format = azl_json_get(client, "output_format");
    }
    if (!format) {
        return 1;
    }
    if (!is_text(azl_json_get(format, "type"), "json_schema") ||
        azl_json_type(azl_json_get(format, "schema")) != AZL_JSON_OBJECT) {
        return azl_messages_refuse(in, "output_config.format",
                                   "The format must be a json_schema.");
    }
    azl_write_open(w, "response_format", '{');
    azl_write_str(w, "type", "json_schema");
    azl_write_open(w, "json_schema", '{');
    azl_write_str(w, "name", "structured_output");
    copy(in, format, "schema", "schema");
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

/*
 * The rest
 */

static void write_user(azl_messages_in_t *in, const azl_json_t *client)
{
    azl_span_t user = azl_json_text(
        azl_json_get(azl_json_get(client, "metadata"), "user_id"));

    if (!user.len) {
        return;
    }
    if (user.len > USER_MAX) {
        user.len = USER_MAX;
        while (user.len && ((unsigned char)user.at[user.len] & 0xc0) == 0x80) {
            user.len--;
        }
    }
    azl_write_text(&in->w, "user", user);
}

static void write_tier(azl_messages_in_t *in, const azl_json_t *client)
{
    const azl_json_t *tier = azl_json_get(client, "service_tier");

    if (is_text(tier, "auto") || is_text(tier, "standard_only")) {
        azl_write_str(&in->w, "service_tier",
                      is_text(tier, "auto") ? "auto" : "default");
    }
}

static void write_stream(azl_messages_in_t *in, const azl_json_t *client)
{
    if (azl_json_type(azl_json_get(client, "stream")) == AZL_JSON_TRUE) {
        azl_write_bool(&in->w, "stream", 1);
        azl_write_open(&in->w, "stream_options", '{');
        azl_write_bool(&in->w, "include_usage", 1);
        azl_write_close(&in->w, '}');
    }
}

/* Not every model that speaks OpenAI's language has it. */
static int write_top_k(azl_messages_in_t *in, const azl_json_t *client)
{
    const azl_json_t *top_k = azl_json_get(client, "top_k");

    if (top_k && in->ex->plain) {
        return azl_exchange_without(in->ex, "top_k", 0, in->err);
    }
    copy(in, client, "top_k", "top_k");
    return 1;
}

/* Does a member ask for anything? */
static int any_member(void *baton, const char *name, const azl_json_t *value)
{
    (void)baton;
    (void)name;
    (void)value;
    return 1;
}

static int says_nothing(const azl_json_t *value)
{
    switch (azl_json_type(value)) {
    case AZL_JSON_ARRAY:
        return azl_json_length(value) == 0;
    case AZL_JSON_OBJECT:
        return !azl_json_each(value, any_member, NULL);
    default:
        return value == NULL;
    }
}

/* What the API does not define was left out when the document was read, if
 * that is what is wanted, and has been named. */
static int is_named(const azl_exchange_t *ex, const char *name)
{
    return ex->params == AZL_PARAMS_DROP &&
           !azl_member_defined(azl_member_find(name, strlen(name)),
                               AZL_OP_MESSAGES);
}

/* Containers, servers of tools, management of the context and whatever else
 * comes have no place in a chat. 1 ends the walk: refused. */
static int check_member(void *baton, const char *name, const azl_json_t *value)
{
    static const char *const carried[] = {
        "model",          "messages",      "system",       "max_tokens",
        "stream",         "temperature",   "top_p",        "top_k",
        "stop_sequences", "tools",         "tool_choice",  "thinking",
        "output_config",  "output_format", "service_tier", "metadata",
        "cache_control",  "betas"};
    azl_messages_in_t *in = baton;
    apr_size_t i;

    for (i = 0; i < sizeof(carried) / sizeof(carried[0]); ++i) {
        if (strcmp(name, carried[i]) == 0) {
            return 0;
        }
    }
    return !says_nothing(value) && !is_named(in->ex, name) &&
           !azl_exchange_without(in->ex, name, 0, in->err);
}

static int messages_request(azl_exchange_t *ex, azl_buf_t *out,
                            azl_error_t *err)
{
    const azl_json_t *client = ex->client;
    azl_messages_in_t in;
    apr_int64_t max_tokens;

    in.ex = ex;
    in.p = ex->pool;
    in.err = err;
    azl_write_init(&in.w, out);
    if (!azl_json_int(azl_json_get(client, "max_tokens"), &max_tokens) ||
        max_tokens < 1) {
        return azl_messages_refuse(&in, "max_tokens",
                                   "A whole number of at least 1 is expected.");
    }
    azl_write_open(&in.w, NULL, '{');
    copy(&in, client, "model", "model");
    azl_write_int(&in.w, "max_completion_tokens", max_tokens);
    write_stream(&in, client);
    if (!azl_messages_talk(&in, client) || !write_tools(&in, client) ||
        !write_format(&in, client) || !write_top_k(&in, client) ||
        azl_json_each(client, check_member, &in)) {
        return 0;
    }
    copy(&in, client, "temperature", "temperature");
    copy(&in, client, "top_p", "top_p");
    if (azl_json_length(azl_json_get(client, "stop_sequences"))) {
        copy(&in, client, "stop_sequences", "stop");
    }
    write_effort(&in, client);
    write_user(&in, client);
    write_tier(&in, client);
    azl_messages_cache(&in, client);
    azl_write_close(&in.w, '}');
    return 1;
}

const azl_inbound_t azl_inbound_messages = {.request = messages_request,
                                            .answer = azl_messages_answer,
                                            .encoder = azl_messages_encoder,
                                            .event = azl_messages_event,
                                            .error = azl_messages_error};

const azl_inbound_t azl_inbound_count_tokens = {.error = azl_messages_error};
