/*
 * Tools and which of them is to be called.
 */
#include <apr_strings.h>

#include "azl_anthropic_int.h"

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

/*
 * Declarations
 */

static int copy_member(void *baton, const char *name, const azl_json_t *value)
{
    azl_write_json(baton, name, value);
    return 0;
}

static int refuse_tool(azl_claude_request_t *rq, apr_size_t i, const char *rest,
                       const char *message)
{
    return azl_exchange_refuse(
        rq->ex, rq->err,
        apr_psprintf(rq->ex->pool, "tools[%d]%s", (int)i, rest), message);
}

static int write_tool(azl_claude_request_t *rq, apr_size_t i,
                      const azl_json_t *tool)
{
    const azl_json_t *function = azl_json_get(tool, "function");
    const azl_json_t *schema = azl_json_get(function, "parameters");
    const char *text = azl_json_string(azl_json_get(function, "description"));
    int strict =
        azl_json_type(azl_json_get(function, "strict")) == AZL_JSON_TRUE;
    azl_write_t *w = &rq->w;

    if (schema && azl_json_type(schema) != AZL_JSON_OBJECT) {
        return refuse_tool(rq, i, ".function.parameters",
                           "The parameters must be a JSON schema.");
    }
    if (strict && !rq->memo->family->structured) {
        if (!azl_exchange_without(rq->ex, "tools.function.strict", 0,
                                  rq->err)) {
            return 0;
        }
        strict = 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "name", azl_tool_name(tool));
    if (text && *text) {
        azl_write_str(w, "description", text);
    }
    azl_anthropic_arguments(w, "input_schema", schema, strict);
    if (strict) {
        azl_write_bool(w, "strict", 1);
    }
    azl_anthropic_cache(rq,
                        azl_json_get(tool, "cache_control") ? tool : function);
    azl_write_close(w, '}');
    return 1;
}

static int write_declared(azl_claude_request_t *rq,
                          const azl_tool_choice_t *choice)
{
    const azl_json_t *tools = azl_json_get(rq->ex->hub, "tools");
    apr_size_t i;

    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);
        const char *name = azl_tool_name(tool);

        if (!is_text(azl_json_get(tool, "type"), "function") || !name ||
            !*name) {
            return refuse_tool(rq, i, "",
                               "A tool must be a function with a name.");
        }
        if (azl_tool_choice_has(choice, name) && !write_tool(rq, i, tool)) {
            return 0;
        }
    }
    return 1;
}

/* The schema of response_format as a tool that is called with the answer. */
static void write_json_tool(azl_write_t *w, const azl_json_t *format)
{
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "name", AZL_JSON_TOOL);
    azl_write_str(w, "description", azl_json_tool_about(format));
    azl_anthropic_arguments(w, "input_schema", azl_json_tool_schema(format), 0);
    azl_write_close(w, '}');
}

/* Where the request searches the web, the upstream does it by itself. */
static void write_search(azl_write_t *w, const azl_json_t *options)
{
    const azl_json_t *location = azl_json_get(options, "user_location");
    const azl_json_t *place = azl_json_get(location, "approximate");

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "web_search_20250305");
    azl_write_str(w, "name", "web_search");
    if (azl_json_type(place) == AZL_JSON_OBJECT) {
        azl_write_open(w, "user_location", '{');
        azl_write_str(w, "type", "approximate");
        azl_json_each(place, copy_member, w);
        azl_write_close(w, '}');
    }
    azl_write_close(w, '}');
}

/* A history with calls, and no tools: they have to be declared, and must not
 * be called. */
static void write_called(azl_write_t *w, const apr_array_header_t *names)
{
    int i;

    for (i = 0; i < names->nelts; ++i) {
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "name", APR_ARRAY_IDX(names, i, const char *));
        azl_anthropic_arguments(w, "input_schema", NULL, 0);
        azl_write_close(w, '}');
    }
}

/*
 * The choice
 */

static void write_choice(azl_claude_request_t *rq,
                         const azl_tool_choice_t *choice)
{
    static const char *const types[] = {"auto", "auto", "any", "tool", "none"};
    const azl_json_t *parallel =
        azl_json_get(rq->ex->hub, "parallel_tool_calls");
    int one = azl_json_type(parallel) == AZL_JSON_FALSE &&
              choice->what != AZL_TOOL_CHOICE_NEVER;
    azl_write_t *w = &rq->w;

    if (choice->what == AZL_TOOL_CHOICE_OPEN && !one) {
        return;
    }
    azl_write_open(w, "tool_choice", '{');
    azl_write_str(w, "type", types[choice->what]);
    if (choice->what == AZL_TOOL_CHOICE_NAMED) {
        azl_write_str(w, "name", choice->name);
    }
    if (one) {
        azl_write_bool(w, "disable_parallel_tool_use", 1);
    }
    azl_write_close(w, '}');
}

int azl_anthropic_tools(azl_claude_request_t *rq, const azl_json_t *json)
{
    azl_exchange_t *ex = rq->ex;
    const azl_json_t *search =
        rq->memo->hosting == AZL_HOSTING_BEDROCK
            ? NULL
            : azl_json_get(ex->hub, "web_search_options");
    apr_array_header_t *called = NULL;
    azl_tool_choice_t choice;

    if (!azl_tool_choice_read(ex, &choice)) {
        return azl_exchange_refuse(ex, rq->err, "tool_choice",
                                   "The choice must be none, auto, required, "
                                   "a function or a list of allowed ones.");
    }
    if (json) {
        azl_json_tool_choose(ex, &choice);
    }
    else if (!rq->memo->family->forces && azl_tool_choice_is_forced(ex)) {
        if (!azl_exchange_without(ex, "tool_choice", 1, rq->err)) {
            return 0;
        }
        choice.what = AZL_TOOL_CHOICE_AUTO;
    }
    if (!azl_tools_offered(ex) && !json && !search) {
        called = azl_tools_called(ex);
        choice.what = AZL_TOOL_CHOICE_NEVER;
        if (called->nelts == 0) {
            return 1;
        }
    }
    azl_write_open(&rq->w, "tools", '[');
    if (!write_declared(rq, &choice)) {
        return 0;
    }
    if (json) {
        write_json_tool(&rq->w, json);
    }
    if (search) {
        write_search(&rq->w, search);
    }
    if (called) {
        write_called(&rq->w, called);
    }
    azl_write_close(&rq->w, ']');
    write_choice(rq, &choice);
    return 1;
}
