/*
 * The input items of Responses as the messages of a chat, from the first to the
 * last; and what others said than the assistant.
 */
#include <apr_strings.h>

#include "azl_responses_in_int.h"

int azl_responses_refuse(azl_error_t *err, const char *path,
                         const char *message)
{
    azl_error_invalid(err, "invalid_value", path, message);
    return 0;
}

int azl_input_refuse(azl_input_t *m, apr_size_t item, const char *member,
                     const char *message)
{
    return azl_responses_refuse(m->in->err,
                                apr_psprintf(m->p, "input[%d]%s%s", (int)item,
                                             member ? "." : "",
                                             member ? member : ""),
                                message);
}

int azl_input_refuse_part(azl_input_t *m, apr_size_t item, const char *member,
                          apr_size_t part)
{
    return azl_input_refuse(m, item,
                            apr_psprintf(m->p, "%s[%d]", member, (int)part),
                            "This model does not take such a part here.");
}

int azl_input_begin(azl_input_t *m, azl_span_t role)
{
    const azl_sought_t *sought = m->in->sought;

    azl_write_open(m->w, NULL, '{');
    azl_write_text(m->w, "role", role);
    return sought && sought->message == m->messages++;
}

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

/* A member that is a string or parts, as a message's content. */
static int write_content(azl_input_t *m, apr_size_t item, const char *member,
                         int text_only)
{
    const azl_json_t *content =
        azl_json_get(azl_json_at(m->items, item), member);
    apr_size_t i;

    if (azl_json_type(content) == AZL_JSON_STRING) {
        azl_write_json(m->w, "content", content);
        return 1;
    }
    if (azl_json_type(content) != AZL_JSON_ARRAY) {
        return azl_input_refuse(m, item, member, AZL_INPUT_NEEDS_CONTENT);
    }
    azl_write_open(m->w, "content", '[');
    for (i = 0; i < azl_json_length(content); ++i) {
        if (!azl_responses_in_part(m->w, azl_json_at(content, i), text_only)) {
            return azl_input_refuse_part(m, item, member, i);
        }
    }
    azl_write_close(m->w, ']');
    return 1;
}

/*
 * What others said
 */

static int write_message(azl_input_t *m, apr_size_t number)
{
    azl_span_t role = text_of(azl_json_at(m->items, number), "role");
    int user = azl_span_is(role, "user");

    if (!user && !azl_span_is(role, "system") &&
        !azl_span_is(role, "developer")) {
        return azl_input_refuse(
            m, number, "role",
            "A message needs a role: developer, system, user or "
            "assistant.");
    }
    if (azl_input_begin(m, role)) {
        azl_input_found_message(m, number);
    }
    if (!write_content(m, number, "content", !user)) {
        return 0;
    }
    azl_write_close(m->w, '}');
    return 1;
}

/* What other agents say comes as their model wrote it, encrypted or not. */
static int write_agent(azl_input_t *m, apr_size_t number)
{
    const azl_json_t *content =
        azl_json_get(azl_json_at(m->items, number), "content");
    apr_size_t i;

    if (azl_input_begin(m, azl_span_str("user"))) {
        azl_input_found_message(m, number);
    }
    azl_write_open(m->w, "content", '[');
    for (i = 0; i < azl_json_length(content); ++i) {
        const azl_json_t *part = azl_json_at(content, i);
        const azl_json_t *sealed = azl_json_get(part, "encrypted_content");

        if (sealed) {
            azl_write_open(m->w, NULL, '{');
            azl_write_str(m->w, "type", "text");
            azl_write_json(m->w, "text", sealed);
            azl_write_close(m->w, '}');
        }
        else if (!azl_responses_in_part(m->w, part, 0)) {
            return azl_input_refuse_part(m, number, "content", i);
        }
    }
    azl_write_close(m->w, ']');
    azl_write_close(m->w, '}');
    return i > 0 ||
           azl_input_refuse(m, number, "content", "A message has parts.");
}

/*
 * All items
 */

/* What the provider did. */
static int leave_item(azl_input_t *m, apr_size_t number, int matters)
{
    return azl_exchange_without(m->in->ex,
                                apr_psprintf(m->p, "input[%d]", (int)number),
                                matters, m->in->err);
}

/* One that is no part of a turn of the assistant's. */
static int write_item(azl_input_t *m, apr_size_t number)
{
    azl_input_e kind = azl_input_kind(azl_json_at(m->items, number));

    switch (kind) {
    case AZL_INPUT_MESSAGE:
        azl_input_after(m);
        return write_message(m, number);
    case AZL_INPUT_AGENT:
        azl_input_after(m);
        return write_agent(m, number);
    case AZL_INPUT_FOUND:
    case AZL_INPUT_RESULT:
        return azl_input_result(m, number, kind);
    case AZL_INPUT_TOOLS:
        return 1;
    case AZL_INPUT_SERVED:
        return leave_item(m, number, 0);
    case AZL_INPUT_OWN:
        return leave_item(m, number, 1);
    default:
        return azl_input_refuse(
            m, number, NULL,
            "This model takes no such item: it has nothing stored "
            "and no tools of its own.");
    }
}

static int write_items(azl_input_t *m)
{
    apr_size_t n = azl_json_length(m->items);
    apr_size_t i = 0;

    while (i < n) {
        apr_size_t end = azl_input_turn_end(m, i);

        if (end > i ? !azl_input_turn(m, i, end) : !write_item(m, i)) {
            return 0;
        }
        i = end > i ? end : i + 1;
    }
    azl_input_after(m);
    return 1;
}

/* A member of the request that is a message. */
static void write_plain(azl_input_t *m, const char *role, const char *member,
                        const azl_json_t *content)
{
    if (azl_input_begin(m, azl_span_str(role))) {
        azl_input_found(m, member);
    }
    azl_write_json(m->w, "content", content);
    azl_write_close(m->w, '}');
}

int azl_responses_messages(azl_responses_in_t *in)
{
    const azl_json_t *instructions =
        azl_json_get(in->ex->client, "instructions");
    const azl_json_t *input = azl_json_get(in->ex->client, "input");
    apr_pool_t *p = in->ex->pool;
    azl_input_t m = {.in = in, .p = p, .w = in->w, .items = input};

    if (instructions) {
        if (azl_json_type(instructions) != AZL_JSON_STRING) {
            return azl_responses_refuse(in->err, "instructions",
                                        "Instructions are a string.");
        }
        write_plain(&m, "system", "instructions", instructions);
    }
    if (azl_json_type(input) == AZL_JSON_STRING) {
        write_plain(&m, "user", "input", input);
        return 1;
    }
    if (!azl_json_length(input)) {
        return azl_responses_refuse(in->err, "input",
                                    "The input must be a string or an array "
                                    "with at least one item.");
    }
    m.called = apr_hash_make(p);
    m.answered = apr_hash_make(p);
    m.from = in->sought ? apr_array_make(p, 4, sizeof(azl_input_part_t)) : NULL;
    azl_write_init(&m.after, azl_buf_create(p, AZL_HUB_DOCUMENT_MAX));
    return write_items(&m);
}
