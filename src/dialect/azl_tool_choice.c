#include "azl_tool_choice_int.h"

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

const char *azl_tool_name(const azl_json_t *tool)
{
    return azl_json_string(
        azl_json_get(azl_json_get(tool, "function"), "name"));
}

/* A mode as text; 0: there is no such. */
static int read_mode(const azl_json_t *json, azl_tool_choice_t *choice)
{
    static const struct {
        const char *text;
        azl_tool_choice_e what;
    } modes[] = {{"auto", AZL_TOOL_CHOICE_AUTO},
                 {"required", AZL_TOOL_CHOICE_ANY},
                 {"none", AZL_TOOL_CHOICE_NEVER}};
    apr_size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); ++i) {
        if (is_text(json, modes[i].text)) {
            choice->what = modes[i].what;
            return 1;
        }
    }
    return 0;
}

int azl_tool_choice_read(const azl_exchange_t *ex, azl_tool_choice_t *choice)
{
    const azl_json_t *json = azl_json_get(ex->hub, "tool_choice");
    const azl_json_t *allowed = azl_json_get(json, "allowed_tools");

    memset(choice, 0, sizeof(*choice));
    if (!json) {
        return 1;
    }
    if (azl_json_type(json) == AZL_JSON_STRING) {
        return read_mode(json, choice);
    }
    if (is_text(azl_json_get(json, "type"), "function")) {
        choice->what = AZL_TOOL_CHOICE_NAMED;
        choice->name = azl_tool_name(json);
        return choice->name != NULL;
    }
    if (is_text(azl_json_get(json, "type"), "allowed_tools")) {
        choice->allowed = azl_json_get(allowed, "tools");
        return azl_json_type(choice->allowed) == AZL_JSON_ARRAY &&
               read_mode(azl_json_get(allowed, "mode"), choice);
    }
    return 0;
}

int azl_tools_offered(const azl_exchange_t *ex)
{
    return azl_json_length(azl_json_get(ex->hub, "tools")) > 0;
}

int azl_tool_choice_is_forced(const azl_exchange_t *ex)
{
    azl_tool_choice_t choice;

    return azl_tools_offered(ex) && azl_tool_choice_read(ex, &choice) &&
           (choice.what == AZL_TOOL_CHOICE_ANY ||
            choice.what == AZL_TOOL_CHOICE_NAMED);
}

int azl_tool_choice_has(const azl_tool_choice_t *choice, const char *name)
{
    apr_size_t i;

    if (choice->only && strcmp(choice->only, name) != 0) {
        return 0;
    }
    for (i = 0; i < azl_json_length(choice->allowed); ++i) {
        const char *other = azl_tool_name(azl_json_at(choice->allowed, i));

        if (other && strcmp(other, name) == 0) {
            return 1;
        }
    }
    return !choice->allowed;
}

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

apr_array_header_t *azl_tools_called(const azl_exchange_t *ex)
{
    apr_array_header_t *names =
        apr_array_make(ex->pool, 4, sizeof(const char *));
    const azl_json_t *list = azl_json_get(ex->hub, "messages");
    apr_size_t i, j;

    for (i = 0; i < azl_json_length(list); ++i) {
        const azl_json_t *calls =
            azl_json_get(azl_json_at(list, i), "tool_calls");

        for (j = 0; j < azl_json_length(calls); ++j) {
            const char *name = azl_tool_name(azl_json_at(calls, j));

            if (name && !has_name(names, name)) {
                APR_ARRAY_PUSH(names, const char *) = name;
            }
        }
    }
    return names;
}

/*
 * The tool for JSON
 */

const char *azl_json_tool_about(const azl_json_t *format)
{
    const char *text = azl_json_string(
        azl_json_get(azl_json_get(format, "json_schema"), "description"));

    return text && *text ? text
                         : "Gives the answer. Its members are the JSON object "
                           "that was asked for.";
}

const azl_json_t *azl_json_tool_schema(const azl_json_t *format)
{
    return azl_json_get(azl_json_get(format, "json_schema"), "schema");
}

void azl_json_tool_choose(const azl_exchange_t *ex, azl_tool_choice_t *choice)
{
    if (!azl_tools_offered(ex) || choice->what == AZL_TOOL_CHOICE_NEVER) {
        choice->what = AZL_TOOL_CHOICE_NAMED;
        choice->name = AZL_JSON_TOOL;
    }
    else if (choice->what != AZL_TOOL_CHOICE_NAMED) {
        choice->what = AZL_TOOL_CHOICE_ANY;
    }
}
