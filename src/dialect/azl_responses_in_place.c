/*
 * A place in the chat that was made of a request for Responses by the name the
 * client has for it. Nothing is kept for that while the chat is made: nearly
 * always nobody asks. It is made once more, and what the place is made of is
 * noticed on the way.
 */
#include <limits.h>
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_responses_in_int.h"
#include "azl_unfit.h"

static const azl_word_t members[] = {
    {"messages", "input"},
    {"max_completion_tokens", "max_output_tokens"},
    {"reasoning_effort", "reasoning.effort"},
    {"response_format", "text.format"},
    {"verbosity", "text.verbosity"},
    {NULL, NULL}};

/* "messages[12].content": 12, and what follows; -1: it is no such path. */
static int index_of(const char *path, const char *list, const char **rest)
{
    apr_size_t len = strlen(list);
    char *end;
    long n;

    if (strncmp(path, list, len) != 0 || path[len] != '[') {
        return -1;
    }
    n = strtol(path + len + 1, &end, 10);
    if (end == path + len + 1 || *end != ']' || n < 0 || n > INT_MAX) {
        return -1;
    }
    *rest = end + 1;
    return (int)n;
}

/*
 * Messages
 */

void azl_input_found(azl_input_t *m, const char *path)
{
    m->in->sought->found = path;
}

void azl_input_found_item(azl_input_t *m, apr_size_t item)
{
    azl_input_found(m, apr_psprintf(m->p, "input[%d]", (int)item));
}

static void found_part(azl_input_t *m, apr_size_t item, const char *member,
                       int part)
{
    if (part < 0) {
        azl_input_found_item(m, item);
    }
    else {
        azl_input_found(
            m, apr_psprintf(m->p, "input[%d].%s[%d]", (int)item, member, part));
    }
}

void azl_input_found_message(azl_input_t *m, apr_size_t item)
{
    const char *rest = m->in->sought->rest;

    if (strcmp(rest, ".role") == 0 || strcmp(rest, ".content") == 0) {
        azl_input_found(m, apr_psprintf(m->p, "input[%d]%s", (int)item, rest));
        return;
    }
    found_part(m, item, "content", index_of(rest, ".content", &rest));
}

/* The call with this number, or else what was said, or the first of all. */
void azl_input_found_turn(azl_input_t *m, apr_size_t from, apr_size_t to)
{
    const char *rest;
    int call = index_of(m->in->sought->rest, ".tool_calls", &rest);
    apr_size_t i;

    for (i = from; i < to; ++i) {
        azl_input_e kind = azl_input_kind(azl_json_at(m->items, i));

        if (call < 0 ? kind == AZL_INPUT_ANSWER
                     : azl_input_is_call(kind) && call-- == 0) {
            break;
        }
    }
    azl_input_found_item(m, i < to ? i : from);
}

void azl_input_found_after(azl_input_t *m)
{
    const azl_input_part_t *parts = (void *)m->from->elts;
    const char *rest;
    int n = index_of(m->in->sought->rest, ".content", &rest);

    n = n < 0 || n >= m->from->nelts ? 0 : n;
    found_part(m, parts[n].item, "output", parts[n].part);
}

/*
 * All places
 */

static const char *place_of_message(azl_responses_in_t *in, int message,
                                    const char *rest)
{
    azl_sought_t sought = {message, rest, NULL};
    azl_buf_t *out = azl_buf_create(in->ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_write_t w;

    azl_write_init(&w, out);
    in->w = &w;
    in->sought = &sought;
    azl_responses_messages(in);
    azl_buf_free(out);
    return sought.found;
}

static const char *place_of_tool(azl_responses_in_t *in, int number,
                                 const char *rest)
{
    const char *function = ".function";
    const azl_tool_t *tool;

    if (number >= in->tools.list->nelts) {
        return NULL;
    }
    tool = APR_ARRAY_IDX(in->tools.list, number, azl_tool_t *);
    if (tool->kind != AZL_TOOL_FUNCTION) {
        return tool->path;
    }
    if (strncmp(rest, function, strlen(function)) == 0) {
        rest += strlen(function);
    }
    return apr_pstrcat(in->ex->pool, tool->path, rest, NULL);
}

static const char *place_of(azl_exchange_t *ex, const char *path)
{
    azl_exchange_t again = *ex; /* what is left out has been told */
    azl_error_t none;
    azl_responses_in_t in = {.ex = &again, .err = &none};
    const char *rest;
    int n;

    again.dropped = NULL;
    if (!azl_tools_read(&in.tools, ex->pool, ex->client, &none)) {
        return NULL;
    }
    n = index_of(path, "messages", &rest);
    if (n >= 0) {
        return place_of_message(&in, n, rest);
    }
    n = index_of(path, "tools", &rest);
    return n >= 0 ? place_of_tool(&in, n, rest)
                  : azl_word(members, azl_span_str(path), NULL);
}

void azl_responses_place(azl_exchange_t *ex, azl_error_t *err)
{
    const char *place = err->param ? place_of(ex, err->param) : NULL;

    if (place && strcmp(err->code, "unsupported_parameter") == 0) {
        azl_unfit_member(ex->pool, place, err);
    }
    else if (place) {
        err->param = place;
    }
}
