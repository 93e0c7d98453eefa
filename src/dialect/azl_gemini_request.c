/*
 * A chat request as Google has it: conversation, tools, and the members that
 * azl_gemini_config.c knows.
 */
#include <apr_strings.h>

#include "azl_gemini_int.h"

static int refuse(const azl_gemini_request_t *rq, const char *path,
                  const char *message)
{
    return azl_exchange_refuse(rq->ex, rq->err, path, message);
}

static azl_json_t *member(const azl_gemini_request_t *rq, const char *name)
{
    return azl_json_get(rq->ex->hub, name);
}

static int is_word(const azl_json_t *value, const char *word)
{
    return azl_span_is(azl_json_text(value), word);
}

/*
 * Tools
 */

/* May this function be called at all? The list of "allowed_tools" in mode
 * auto: Google has one for its mode ANY only, so what is not in it is not
 * declared. */
static int is_allowed(const azl_json_t *allowed, const azl_json_t *name)
{
    apr_size_t n = azl_json_length(allowed);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        const azl_json_t *function =
            azl_json_get(azl_json_at(allowed, i), "function");
        const char *one = azl_json_string(azl_json_get(function, "name"));

        if (one && is_word(name, one)) {
            return 1;
        }
    }
    return allowed == NULL;
}

static int put_function(azl_gemini_request_t *rq, const azl_json_t *function,
                        const azl_json_t *allowed, const char *path)
{
    azl_json_t *name = azl_json_get(function, "name");
    azl_json_t *about = azl_json_get(function, "description");
    azl_json_t *parameters = azl_json_get(function, "parameters");

    if (azl_json_type(name) != AZL_JSON_STRING) {
        return refuse(rq, path, "A function needs a name.");
    }
    if (!is_allowed(allowed, name)) {
        return 1;
    }
    azl_write_open(rq->w, NULL, '{');
    azl_write_json(rq->w, "name", name);
    if (about) {
        azl_write_json(rq->w, "description", about);
    }
    if (parameters) {
        azl_write_json(rq->w, "parametersJsonSchema", parameters);
    }
    azl_write_close(rq->w, '}');
    return 1;
}

static int put_functions(azl_gemini_request_t *rq, const azl_json_t *tools,
                         const azl_json_t *functions, const azl_json_t *allowed)
{
    apr_size_t n = azl_json_length(tools);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);
        const char *path = apr_psprintf(rq->ex->pool, "tools[%d]", (int)i);

        if (!is_word(azl_json_get(tool, "type"), "function")) {
            return refuse(rq, path, "This model takes no tools but functions.");
        }
        if (!put_function(rq, azl_json_get(tool, "function"), allowed, path)) {
            return 0;
        }
    }
    n = azl_json_length(functions);
    for (i = 0; i < n; ++i) {
        if (!put_function(
                rq, azl_json_at(functions, i), NULL,
                apr_psprintf(rq->ex->pool, "functions[%d]", (int)i))) {
            return 0;
        }
    }
    return 1;
}

static void put_mode(azl_gemini_request_t *rq, const char *mode)
{
    azl_write_open(rq->w, "toolConfig", '{');
    azl_write_open(rq->w, "functionCallingConfig", '{');
    azl_write_str(rq->w, "mode", mode);
}

static void end_mode(azl_gemini_request_t *rq)
{
    azl_write_close(rq->w, '}');
    azl_write_close(rq->w, '}');
}

/* One of these functions must be called. */
static void put_named(azl_gemini_request_t *rq, const azl_json_t *name,
                      const azl_json_t *list)
{
    apr_size_t n = azl_json_length(list);
    apr_size_t i;

    put_mode(rq, "ANY");
    azl_write_open(rq->w, "allowedFunctionNames", '[');
    if (name) {
        azl_write_json(rq->w, NULL, name);
    }
    for (i = 0; i < n; ++i) {
        const azl_json_t *function =
            azl_json_get(azl_json_at(list, i), "function");

        azl_write_json(rq->w, NULL, azl_json_get(function, "name"));
    }
    azl_write_close(rq->w, ']');
    end_mode(rq);
}

static int put_choice(azl_gemini_request_t *rq, const azl_json_t *choice)
{
    static const struct {
        const char *word;
        const char *mode;
    } modes[] = {{"auto", "AUTO"}, {"required", "ANY"}, {"none", "NONE"}};
    const azl_json_t *type = azl_json_get(choice, "type");
    /* the old function_call has the name itself */
    azl_json_t *name =
        type ? azl_json_get(azl_json_get(choice, "function"), "name")
             : azl_json_get(choice, "name");
    const azl_json_t *set = azl_json_get(choice, "allowed_tools");
    apr_size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); ++i) {
        if (is_word(choice, modes[i].word)) {
            put_mode(rq, modes[i].mode);
            end_mode(rq);
            return 1;
        }
    }
    if (name && (!type || is_word(type, "function"))) {
        put_named(rq, name, NULL);
        return 1;
    }
    if (set && is_word(type, "allowed_tools")) {
        if (is_word(azl_json_get(set, "mode"), "required")) {
            put_named(rq, NULL, azl_json_get(set, "tools"));
        }
        return 1;
    }
    return refuse(rq,
                  member(rq, "tool_choice") ? "tool_choice" : "function_call",
                  "This must be none, auto, required, or name a function.");
}

static int put_tools(azl_gemini_request_t *rq)
{
    const azl_json_t *tools = member(rq, "tools");
    const azl_json_t *functions = member(rq, "functions");
    const azl_json_t *choice = member(rq, "tool_choice");
    const azl_json_t *allowed =
        azl_json_get(azl_json_get(choice, "allowed_tools"), "tools");

    if (!azl_json_length(tools) && !azl_json_length(functions)) {
        return 1;
    }
    azl_write_open(rq->w, "tools", '[');
    azl_write_open(rq->w, NULL, '{');
    azl_write_open(rq->w, "functionDeclarations", '[');
    if (!put_functions(rq, tools, functions, allowed)) {
        return 0;
    }
    azl_write_close(rq->w, ']');
    azl_write_close(rq->w, '}');
    azl_write_close(rq->w, ']');
    choice = choice ? choice : member(rq, "function_call");
    return !choice || put_choice(rq, choice);
}

/*
 * The whole
 */

static int put_tier(azl_gemini_request_t *rq)
{
    static const struct {
        const char *ours;
        const char *theirs;
    } tiers[] = {{"default", "standard"},
                 {"flex", "flex"},
                 {"priority", "priority"},
                 {"fast", "priority"}};
    const azl_json_t *tier = member(rq, "service_tier");
    apr_size_t i;

    if (!tier || is_word(tier, "auto")) {
        return 1;
    }
    for (i = 0; !rq->vertex && i < sizeof(tiers) / sizeof(tiers[0]); ++i) {
        if (is_word(tier, tiers[i].ours)) {
            azl_write_str(rq->w, "serviceTier", tiers[i].theirs);
            return 1;
        }
    }
    return azl_exchange_without(rq->ex, "service_tier", 0, rq->err);
}

static void put_extension(azl_gemini_request_t *rq, const char *camel,
                          const char *snake)
{
    const azl_json_t *value = azl_gemini_extension(rq, camel, snake);

    if (value) {
        azl_write_json(rq->w, camel, value);
    }
}

static int gemini_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_write_t w;
    azl_gemini_request_t rq = {ex, &w, err, azl_gemini_model(ex->family),
                               azl_gemini_is_vertex(ex->deployment->endpoint)};

    azl_write_init(&w, out);
    azl_exchange_note_caches(ex);
    azl_exchange_note_thoughts(ex);
    azl_write_open(&w, NULL, '{');
    if (!azl_gemini_contents(ex, &w, err) || !put_tools(&rq) ||
        !azl_gemini_config(&rq) || !put_tier(&rq)) {
        return 0;
    }
    put_extension(&rq, "safetySettings", "safety_settings");
    put_extension(&rq, "cachedContent", "cached_content");
    azl_write_close(&w, '}');
    return 1;
}

const azl_outbound_t azl_gemini_chat = {.stream_type = "text/event-stream",
                                        .request = gemini_request,
                                        .answer = azl_gemini_answer,
                                        .decoder = azl_gemini_decoder,
                                        .event = azl_gemini_event,
                                        .end = azl_gemini_end,
                                        .failure = azl_gemini_failure};
