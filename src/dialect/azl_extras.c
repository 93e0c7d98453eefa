/*
 * Anthropic's own members of a chat, for targets that have nothing like them:
 * what the client hoped for is named, and the request goes on without.
 */
#include "azl_hub.h"

static int is_marked(const azl_json_t *json)
{
    return azl_json_type(azl_json_get(json, "cache_control")) ==
           AZL_JSON_OBJECT;
}

static int any_marked(const azl_json_t *list)
{
    apr_size_t i;

    for (i = 0; i < azl_json_length(list); ++i) {
        if (is_marked(azl_json_at(list, i))) {
            return 1;
        }
    }
    return 0;
}

static int message_is_marked(const azl_json_t *message)
{
    return is_marked(message) || any_marked(azl_json_get(message, "content")) ||
           any_marked(azl_json_get(message, "tool_calls"));
}

static int tool_is_marked(const azl_json_t *tool)
{
    return is_marked(tool) || is_marked(azl_json_get(tool, "function"));
}

void azl_exchange_note_caches(azl_exchange_t *ex)
{
    const azl_json_t *messages = azl_json_get(ex->hub, "messages");
    const azl_json_t *tools = azl_json_get(ex->hub, "tools");
    int marked = is_marked(ex->hub);
    apr_size_t i;

    for (i = 0; !marked && i < azl_json_length(messages); ++i) {
        marked = message_is_marked(azl_json_at(messages, i));
    }
    for (i = 0; !marked && i < azl_json_length(tools); ++i) {
        marked = tool_is_marked(azl_json_at(tools, i));
    }
    if (marked) {
        azl_exchange_note(ex, "cache_control");
    }
}

void azl_exchange_note_cache(azl_exchange_t *ex, const azl_json_t *part)
{
    if (is_marked(part)) {
        azl_exchange_note(ex, "cache_control");
    }
}

void azl_exchange_note_thoughts(azl_exchange_t *ex)
{
    const azl_json_t *messages = azl_json_get(ex->hub, "messages");
    apr_size_t i;

    for (i = 0; i < azl_json_length(messages); ++i) {
        if (azl_json_length(
                azl_json_get(azl_json_at(messages, i), "thinking_blocks"))) {
            azl_exchange_note(ex, "thinking_blocks");
            return;
        }
    }
}
