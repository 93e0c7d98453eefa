/*
 * Tools at a serving endpoint of Databricks, and which of them is to be
 * called.
 */
#include <apr_strings.h>

#include "azl_databricks_int.h"
#include "azl_tool_choice_int.h"

typedef azl_databricks_request_t request_t;

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static const azl_json_t *get(const request_t *rq, const char *name)
{
    return azl_json_get(rq->pl.rq.ex->hub, name);
}

static int refuse(request_t *rq, const char *path, const char *message)
{
    return azl_exchange_refuse(rq->pl.rq.ex, rq->pl.rq.err, path, message);
}

static int refuse_tool(request_t *rq, apr_size_t i, const char *rest,
                       const char *message)
{
    return refuse(rq,
                  apr_psprintf(rq->pl.rq.ex->pool, "tools[%d]%s", (int)i, rest),
                  message);
}

static const char *name_of(const azl_json_t *tool)
{
    return azl_json_string(
        azl_json_get(azl_json_get(tool, "function"), "name"));
}

/* The only tools there are, where a choice says so; else NULL. */
static const azl_json_t *allowed_tools(const request_t *rq)
{
    return azl_json_get(azl_json_get(get(rq, "tool_choice"), "allowed_tools"),
                        "tools");
}

static int is_allowed(const azl_json_t *allowed, const char *name)
{
    apr_size_t i;

    for (i = 0; i < azl_json_length(allowed); ++i) {
        const char *other = name_of(azl_json_at(allowed, i));

        if (other && strcmp(other, name) == 0) {
            return 1;
        }
    }
    return !allowed;
}

static void write_function(azl_write_t *w, const char *name,
                           const char *description, const azl_json_t *schema)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    azl_write_str(w, "name", name);
    if (description && *description) {
        azl_write_str(w, "description", description);
    }
    if (schema) {
        azl_write_json(w, "parameters", schema);
    }
    else {
        azl_write_raw(w, "parameters",
                      azl_span_str("{\"type\":\"object\",\"properties\":{}}"));
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int write_tool(request_t *rq, apr_size_t i, const azl_json_t *allowed)
{
    const azl_json_t *tool = azl_json_at(get(rq, "tools"), i);
    const azl_json_t *function = azl_json_get(tool, "function");
    const azl_json_t *schema = azl_json_get(function, "parameters");
    const char *name = name_of(tool);

    if (!is_text(azl_json_get(tool, "type"), "function") || !name || !*name) {
        return refuse_tool(rq, i, "", "A tool must be a function with a name.");
    }
    if (schema && azl_json_type(schema) != AZL_JSON_OBJECT) {
        return refuse_tool(rq, i, ".function.parameters",
                           "The parameters must be a JSON schema.");
    }
    if (!is_allowed(allowed, name)) {
        return 1;
    }
    azl_exchange_note_cache(rq->pl.rq.ex, tool);
    azl_exchange_note_cache(rq->pl.rq.ex, function);
    write_function(&rq->pl.rq.w, name,
                   azl_json_string(azl_json_get(function, "description")),
                   schema);
    return 1;
}

/* The schema of response_format as a tool that is called with the answer. */
static void write_json_tool(request_t *rq)
{
    const azl_json_t *schema = azl_json_get(rq->pl.as_tool, "json_schema");
    const char *text = azl_json_string(azl_json_get(schema, "description"));

    write_function(&rq->pl.rq.w, AZL_ANTHROPIC_JSON_TOOL,
                   text && *text ? text
                                 : "Gives the answer. Its members are the "
                                   "JSON object that was asked for.",
                   azl_json_get(schema, "schema"));
}

/*
 * A Claude refuses a history with calls and no tools: they have to be
 * declared, and must not be called.
 */

static int has_name(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; ++i) {
        if (strcmp(APR_ARRAY_IDX(names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return 0;
}

static apr_array_header_t *called_tools(const request_t *rq)
{
    apr_array_header_t *names =
        apr_array_make(rq->pl.rq.ex->pool, 4, sizeof(const char *));
    const azl_json_t *list = get(rq, "messages");
    apr_size_t i, j;

    for (i = 0; i < azl_json_length(list); ++i) {
        const azl_json_t *calls =
            azl_json_get(azl_json_at(list, i), "tool_calls");

        for (j = 0; j < azl_json_length(calls); ++j) {
            const char *name = name_of(azl_json_at(calls, j));

            if (name && !has_name(names, name)) {
                APR_ARRAY_PUSH(names, const char *) = name;
            }
        }
    }
    return names;
}

static void write_called(request_t *rq)
{
    apr_array_header_t *names = called_tools(rq);
    azl_write_t *w = &rq->pl.rq.w;
    int i;

    if (rq->behind != AZL_BEHIND_CLAUDE || !names->nelts) {
        return;
    }
    azl_write_open(w, "tools", '[');
    for (i = 0; i < names->nelts; ++i) {
        write_function(w, APR_ARRAY_IDX(names, i, const char *), NULL, NULL);
    }
    azl_write_close(w, ']');
    azl_write_str(w, "tool_choice", "none");
}

/*
 * The choice
 */

static void name_choice(azl_write_t *w, const char *name)
{
    azl_write_open(w, "tool_choice", '{');
    azl_write_str(w, "type", "function");
    azl_write_open(w, "function", '{');
    azl_write_str(w, "name", name);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int is_mode(const azl_json_t *json)
{
    return is_text(json, "auto") || is_text(json, "none") ||
           is_text(json, "required");
}

static int write_choice(request_t *rq, int has_tools)
{
    const azl_json_t *choice = get(rq, "tool_choice");
    azl_write_t *w = &rq->pl.rq.w;
    const char *name = NULL;

    if (is_text(azl_json_get(choice, "type"), "allowed_tools")) {
        choice = azl_json_get(azl_json_get(choice, "allowed_tools"), "mode");
    }
    else if (is_text(azl_json_get(choice, "type"), "function")) {
        name = name_of(choice);
    }
    if (choice && !name && !is_mode(choice)) {
        return refuse(rq, "tool_choice",
                      "The choice must be none, auto, required, a function or "
                      "a list of allowed ones.");
    }
    if (rq->pl.as_tool && (!has_tools || is_text(choice, "none"))) {
        name_choice(w, AZL_ANTHROPIC_JSON_TOOL);
    }
    else if (name) {
        name_choice(w, name);
    }
    else if (rq->pl.as_tool) {
        azl_write_str(w, "tool_choice", "required");
    }
    else if (choice) {
        azl_write_json(w, "tool_choice", choice);
    }
    return 1;
}

/* A model that cannot be made to call a tool decides by itself. */
static int may_choose(request_t *rq)
{
    if (rq->behind != AZL_BEHIND_CLAUDE || rq->pl.rq.memo->family->forces ||
        !azl_tool_choice_is_forced(rq->pl.rq.ex)) {
        return 1;
    }
    return azl_exchange_without(rq->pl.rq.ex, "tool_choice", 1, rq->pl.rq.err)
               ? 0
               : -1;
}

/* Arguments that fit their schema for certain nobody promises there. */
static int may_be_lax(request_t *rq)
{
    const azl_json_t *tools = get(rq, "tools");
    apr_size_t i;

    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *function =
            azl_json_get(azl_json_at(tools, i), "function");

        if (azl_json_type(azl_json_get(function, "strict")) == AZL_JSON_TRUE) {
            return azl_exchange_without(rq->pl.rq.ex, "tools.function.strict",
                                        0, rq->pl.rq.err);
        }
    }
    return 1;
}

int azl_databricks_tools(request_t *rq)
{
    const azl_json_t *tools = get(rq, "tools");
    const azl_json_t *allowed = allowed_tools(rq);
    apr_size_t n = azl_json_length(tools);
    apr_size_t i;
    int choice;

    if (tools && azl_json_type(tools) != AZL_JSON_ARRAY) {
        return refuse(rq, "tools", "The tools must be a list.");
    }
    if (!n && !rq->pl.as_tool) {
        write_called(rq);
        return 1;
    }
    if (!may_be_lax(rq)) {
        return 0;
    }
    azl_write_open(&rq->pl.rq.w, "tools", '[');
    for (i = 0; i < n; ++i) {
        if (!write_tool(rq, i, allowed)) {
            return 0;
        }
    }
    if (rq->pl.as_tool) {
        write_json_tool(rq);
    }
    azl_write_close(&rq->pl.rq.w, ']');
    choice = may_choose(rq);
    return choice > 0 ? write_choice(rq, n > 0) : choice == 0;
}
