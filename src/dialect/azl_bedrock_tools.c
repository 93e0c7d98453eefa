/*
 * Tools and which of them is to be called.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_bedrock_int.h"

/* What a tool's name may be long, and how much of it stays when it has to be
 * made different: the rest is "_" and 8 digits. */
#define NAME_LEN_MAX 64
#define NAME_KEPT (NAME_LEN_MAX - 9)
/* 32-bit FNV-1a (its authors' reference). */
#define FNV_BASIS 2166136261U
#define FNV_PRIME 16777619U

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

/*
 * Names
 */

static int is_good_name(const char *name)
{
    apr_size_t i;

    for (i = 0; apr_isalnum(name[i]) || name[i] == '_' || name[i] == '-'; ++i) {
    }
    return i && !name[i] && i <= NAME_LEN_MAX;
}

/* Different names become different ones: of each it holds a hash. */
static const char *make_name(apr_pool_t *p, const char *own)
{
    apr_uint32_t hash = FNV_BASIS;
    char *kept = apr_pstrndup(p, own, NAME_KEPT);
    char *at;

    for (at = kept; *at; ++at) {
        if (!apr_isalnum(*at) && *at != '-') {
            *at = '_';
        }
    }
    for (; *own; ++own) {
        hash = (hash ^ (unsigned char)*own) * FNV_PRIME;
    }
    return apr_psprintf(p, "%s_%08x", kept, hash);
}

const char *azl_bedrock_tool_name(azl_bedrock_request_t *rq, const char *own)
{
    apr_pool_t *p = rq->ex->pool;
    apr_array_header_t *names = rq->memo->names;
    azl_bedrock_name_t *name;
    int i;

    if (is_good_name(own)) {
        return own;
    }
    for (i = 0; i < names->nelts; ++i) {
        name = &APR_ARRAY_IDX(names, i, azl_bedrock_name_t);
        if (strcmp(name->own, own) == 0) {
            return name->sent;
        }
    }
    name = apr_array_push(names);
    name->own = apr_pstrdup(p, own);
    name->sent = make_name(p, own);
    return name->sent;
}

azl_span_t azl_bedrock_own_name(const azl_bedrock_memo_t *memo, azl_span_t sent)
{
    int i;

    for (i = 0; i < memo->names->nelts; ++i) {
        const azl_bedrock_name_t *name =
            &APR_ARRAY_IDX(memo->names, i, azl_bedrock_name_t);

        if (azl_span_is(sent, name->sent)) {
            return azl_span_str(name->own);
        }
    }
    return sent;
}

/*
 * tool_choice
 */

/* Where the model cannot be made to call one tool, it is shown only that and
 * made to call any. */
static int fit_choice(azl_bedrock_request_t *rq, azl_tool_choice_t *choice)
{
    if (choice->what != AZL_TOOL_CHOICE_ANY &&
        choice->what != AZL_TOOL_CHOICE_NAMED) {
        return 1;
    }
    if (rq->memo->family->choice == AZL_BEDROCK_AUTO_ONLY ||
        (rq->memo->claude && !rq->memo->claude->forces)) {
        choice->what = AZL_TOOL_CHOICE_AUTO;
        return azl_exchange_without(rq->ex, "tool_choice", 1, rq->err);
    }
    if (choice->what == AZL_TOOL_CHOICE_NAMED &&
        rq->memo->family->choice == AZL_BEDROCK_ANY) {
        choice->only = choice->name;
        choice->what = AZL_TOOL_CHOICE_ANY;
    }
    return 1;
}

static void write_choice(azl_bedrock_request_t *rq,
                         const azl_tool_choice_t *choice)
{
    azl_write_t *w = &rq->w;

    if (choice->what == AZL_TOOL_CHOICE_OPEN ||
        choice->what == AZL_TOOL_CHOICE_NEVER) {
        return;
    }
    azl_write_open(w, "toolChoice", '{');
    azl_write_open(w,
                   choice->what == AZL_TOOL_CHOICE_NAMED ? "tool"
                   : choice->what == AZL_TOOL_CHOICE_ANY ? "any"
                                                         : "auto",
                   '{');
    if (choice->what == AZL_TOOL_CHOICE_NAMED) {
        azl_write_str(w, "name", azl_bedrock_tool_name(rq, choice->name));
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

/*
 * Declarations
 */

static void write_spec(azl_write_t *w, const char *name, const char *about,
                       const azl_json_t *schema, int strict)
{
    azl_write_open(w, NULL, '{');
    azl_write_open(w, "toolSpec", '{');
    azl_write_str(w, "name", name);
    if (about && *about) {
        azl_write_str(w, "description", about);
    }
    azl_write_open(w, "inputSchema", '{');
    azl_anthropic_arguments(w, "json", schema, strict);
    azl_write_close(w, '}');
    if (strict) {
        azl_write_bool(w, "strict", 1);
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int refuse_tool(azl_bedrock_request_t *rq, apr_size_t i,
                       const char *rest, const char *message)
{
    return azl_exchange_refuse(
        rq->ex, rq->err,
        apr_psprintf(rq->ex->pool, "tools[%d]%s", (int)i, rest), message);
}

static int write_tool(azl_bedrock_request_t *rq, apr_size_t i,
                      const azl_json_t *tool)
{
    const azl_json_t *function = azl_json_get(tool, "function");
    const azl_json_t *schema = azl_json_get(function, "parameters");
    int strict =
        azl_json_type(azl_json_get(function, "strict")) == AZL_JSON_TRUE;

    if (schema && azl_json_type(schema) != AZL_JSON_OBJECT) {
        return refuse_tool(rq, i, ".function.parameters",
                           "The parameters must be a JSON schema.");
    }
    if (strict && (!rq->memo->claude || !rq->memo->claude->structured)) {
        if (!azl_exchange_without(rq->ex, "tools.function.strict", 0,
                                  rq->err)) {
            return 0;
        }
        strict = 0;
    }
    write_spec(&rq->w, azl_bedrock_tool_name(rq, azl_tool_name(tool)),
               azl_json_string(azl_json_get(function, "description")), schema,
               strict);
    azl_bedrock_cache_tool(rq, azl_json_get(tool, "cache_control") ? tool
                                                                   : function);
    return 1;
}

static int write_declared(azl_bedrock_request_t *rq,
                          const azl_tool_choice_t *choice)
{
    const azl_json_t *tools = azl_json_get(rq->ex->hub, "tools");
    int found = 0;
    apr_size_t i;

    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);
        const char *name = azl_tool_name(tool);

        if (!is_text(azl_json_get(tool, "type"), "function") || !name ||
            !*name) {
            return refuse_tool(rq, i, "",
                               "A tool must be a function with a name.");
        }
        if (azl_tool_choice_has(choice, name)) {
            if (!write_tool(rq, i, tool)) {
                return 0;
            }
            found |= !choice->name || strcmp(choice->name, name) == 0;
        }
    }
    return found || azl_exchange_refuse(rq->ex, rq->err, "tool_choice",
                                        "There is no such tool.");
}

/* The schema of response_format as a tool that is called with the answer. */
static void write_json_tool(azl_bedrock_request_t *rq, const azl_json_t *format)
{
    write_spec(&rq->w, AZL_JSON_TOOL, azl_json_tool_about(format),
               azl_json_tool_schema(format), 0);
}

/* A history with calls and no tools that may be called: Converse wants them
 * declared all the same, and has no way to say that none is to be called. */
static void write_called(azl_bedrock_request_t *rq)
{
    apr_array_header_t *names = azl_tools_called(rq->ex);
    int i;

    for (i = 0; i < names->nelts; ++i) {
        write_spec(
            &rq->w,
            azl_bedrock_tool_name(rq, APR_ARRAY_IDX(names, i, const char *)),
            "Not available any more: do not call it.", NULL, 0);
    }
}

int azl_bedrock_tools(azl_bedrock_request_t *rq, const azl_json_t *format)
{
    azl_exchange_t *ex = rq->ex;
    int open = azl_tools_offered(ex);
    azl_tool_choice_t choice;

    if (!azl_tool_choice_read(ex, &choice)) {
        return azl_exchange_refuse(ex, rq->err, "tool_choice",
                                   "The choice must be none, auto, required, "
                                   "a function or a list of allowed ones.");
    }
    open = open && choice.what != AZL_TOOL_CHOICE_NEVER;
    if (format) {
        azl_json_tool_choose(ex, &choice);
    }
    if ((open || format) && !fit_choice(rq, &choice)) {
        return 0;
    }
    if (!open && !format && !rq->has_calls) {
        return 1;
    }
    azl_write_open(&rq->w, "toolConfig", '{');
    azl_write_open(&rq->w, "tools", '[');
    if (open && !write_declared(rq, &choice)) {
        return 0;
    }
    if (format) {
        write_json_tool(rq, format);
    }
    else if (!open) {
        write_called(rq);
    }
    azl_write_close(&rq->w, ']');
    if (open || format) {
        write_choice(rq, &choice);
    }
    azl_write_close(&rq->w, '}');
    return 1;
}
