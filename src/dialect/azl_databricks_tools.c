/*
 * Tools at a serving endpoint of Databricks, and which of them is to be
 * called.
 */
#include <apr_strings.h>

#include "azl_databricks_int.h"

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
        azl_anthropic_arguments(w, "parameters", NULL, 0);
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int write_tool(request_t *rq, apr_size_t i,
                      const azl_tool_choice_t *choice)
{
    const azl_json_t *tool = azl_json_at(get(rq, "tools"), i);
    const azl_json_t *function = azl_json_get(tool, "function");
    const azl_json_t *schema = azl_json_get(function, "parameters");
    const char *name = azl_tool_name(tool);

    if (!is_text(azl_json_get(tool, "type"), "function") || !name || !*name) {
        return refuse_tool(rq, i, "", "A tool must be a function with a name.");
    }
    if (schema && azl_json_type(schema) != AZL_JSON_OBJECT) {
        return refuse_tool(rq, i, ".function.parameters",
                           "The parameters must be a JSON schema.");
    }
    if (!azl_tool_choice_has(choice, name)) {
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
    const azl_json_t *format = rq->pl.as_tool;

    write_function(&rq->pl.rq.w, AZL_JSON_TOOL, azl_json_tool_about(format),
                   azl_json_tool_schema(format));
}

/* A Claude refuses a history with calls and no tools: they have to be
 * declared, and must not be called. */
static void write_called(request_t *rq)
{
    apr_array_header_t *names = azl_tools_called(rq->pl.rq.ex);
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

static void write_choice(azl_write_t *w, const azl_tool_choice_t *choice)
{
    static const char *const modes[] = {NULL, "auto", "required", NULL, "none"};

    if (choice->what == AZL_TOOL_CHOICE_NAMED) {
        azl_write_open(w, "tool_choice", '{');
        azl_write_str(w, "type", "function");
        azl_write_open(w, "function", '{');
        azl_write_str(w, "name", choice->name);
        azl_write_close(w, '}');
        azl_write_close(w, '}');
    }
    else if (modes[choice->what]) {
        azl_write_str(w, "tool_choice", modes[choice->what]);
    }
}

/* A model that cannot be made to call a tool decides by itself. 0: refused. */
static int may_choose(request_t *rq, azl_tool_choice_t *choice)
{
    if (rq->behind != AZL_BEHIND_CLAUDE || rq->pl.rq.memo->family->forces ||
        !azl_tool_choice_is_forced(rq->pl.rq.ex)) {
        return 1;
    }
    choice->what = AZL_TOOL_CHOICE_OPEN;
    return azl_exchange_without(rq->pl.rq.ex, "tool_choice", 1, rq->pl.rq.err);
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
    apr_size_t n = azl_json_length(tools);
    azl_tool_choice_t choice;
    apr_size_t i;

    if (tools && azl_json_type(tools) != AZL_JSON_ARRAY) {
        return refuse(rq, "tools", "The tools must be a list.");
    }
    if (!azl_tool_choice_read(rq->pl.rq.ex, &choice)) {
        return refuse(rq, "tool_choice",
                      "The choice must be none, auto, required, a function or "
                      "a list of allowed ones.");
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
        if (!write_tool(rq, i, &choice)) {
            return 0;
        }
    }
    if (rq->pl.as_tool) {
        write_json_tool(rq);
        azl_json_tool_choose(rq->pl.rq.ex, &choice);
    }
    azl_write_close(&rq->pl.rq.w, ']');
    if (!may_choose(rq, &choice)) {
        return 0;
    }
    write_choice(&rq->pl.rq.w, &choice);
    return 1;
}
