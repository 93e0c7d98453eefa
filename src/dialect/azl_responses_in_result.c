/*
 * The results of calls: messages of the tool. What a chat's tools cannot give
 * (images, a second result of the same call) follows as the user's, behind all
 * results of the row.
 */
#include <apr_strings.h>

#include "azl_responses_in_int.h"

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

/* Where a part of this output follows. */
static azl_write_t *follow(azl_input_t *m, apr_size_t item, int part)
{
    if (m->from) {
        azl_input_part_t *from = apr_array_push(m->from);

        from->item = item;
        from->part = part;
    }
    return &m->after;
}

static void follow_text(azl_input_t *m, apr_size_t item, azl_span_t text)
{
    azl_write_t *w = follow(m, item, -1);

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "text");
    azl_write_text(w, "text", text);
    azl_write_close(w, '}');
}

/* The text of a result; images and files, which a chat's tools cannot give,
 * follow. */
static int write_output(azl_input_t *m, apr_size_t number,
                        const azl_json_t *output)
{
    int texts = 0;
    apr_size_t i;

    azl_write_name(m->w, "content");
    for (i = 0; i < azl_json_length(output); ++i) {
        const azl_json_t *part = azl_json_at(output, i);

        azl_write_t *w = m->w;

        if (azl_responses_in_text(part)) {
            azl_buf_puts(m->w->out, texts++ ? "," : "[");
            azl_write_init(m->w, m->w->out);
        }
        else {
            w = follow(m, number, (int)i);
        }
        if (!azl_responses_in_part(w, part, 0)) {
            return azl_input_refuse_part(m, number, "output", i);
        }
    }
    azl_buf_puts(m->w->out, texts ? "]" : "\"\"");
    m->w->comma = 1;
    return 1;
}

/* One more result of a call that has one: a chat takes no second. */
static int write_more(azl_input_t *m, apr_size_t number, azl_span_t id,
                      const azl_json_t *output)
{
    apr_size_t i;

    follow_text(m, number,
                azl_span_str(apr_pstrcat(m->p, "More output of ",
                                         apr_pstrmemdup(m->p, id.at, id.len),
                                         ":", NULL)));
    if (azl_json_type(output) == AZL_JSON_STRING) {
        follow_text(m, number, azl_json_text(output));
    }
    for (i = 0; i < azl_json_length(output); ++i) {
        if (!azl_responses_in_part(follow(m, number, (int)i),
                                   azl_json_at(output, i), 0)) {
            return azl_input_refuse_part(m, number, "output", i);
        }
    }
    return 1;
}

/* The names under which what was found is declared now. */
static void write_found(azl_input_t *m, const azl_json_t *tools)
{
    azl_buf_t *text = azl_buf_create(m->p, AZL_HUB_DOCUMENT_MAX);
    apr_size_t i, j;

    for (i = 0; i < azl_json_length(tools); ++i) {
        const azl_json_t *tool = azl_json_at(tools, i);
        const azl_json_t *inner = azl_json_get(tool, "tools");
        apr_size_t n = inner ? azl_json_length(inner) : 1;

        for (j = 0; j < n; ++j) {
            azl_span_t name =
                text_of(inner ? azl_json_at(inner, j) : tool, "name");

            if (name.len) {
                azl_buf_puts(
                    text, text->len ? ", " : "Tools that can be called now: ");
                azl_buf_span(text, azl_tools_sent(&m->in->tools,
                                                  inner ? text_of(tool, "name")
                                                        : azl_span("", 0),
                                                  name));
            }
        }
    }
    if (!text->len) {
        azl_buf_puts(text, "No tools were found.");
    }
    azl_write_text(m->w, "content", azl_span(text->data, text->len));
    azl_buf_free(text);
}

int azl_input_result(azl_input_t *m, apr_size_t number, azl_input_e kind)
{
    const azl_json_t *item = azl_json_at(m->items, number);
    const azl_json_t *output = azl_json_get(item, "output");
    azl_span_t id = text_of(item, "call_id");

    if (!id.len || !apr_hash_get(m->called, id.at, (apr_ssize_t)id.len)) {
        return azl_input_refuse(
            m, number, "call_id",
            "An output needs the call_id of a call before it.");
    }
    if (kind == AZL_INPUT_RESULT && azl_json_type(output) != AZL_JSON_STRING &&
        azl_json_type(output) != AZL_JSON_ARRAY) {
        return azl_input_refuse(m, number, "output", AZL_INPUT_NEEDS_CONTENT);
    }
    if (apr_hash_get(m->answered, id.at, (apr_ssize_t)id.len)) {
        return write_more(m, number, id, output);
    }
    apr_hash_set(m->answered, id.at, (apr_ssize_t)id.len, id.at);
    if (azl_input_begin(m, azl_span_str("tool"))) {
        azl_input_found_item(m, number);
    }
    azl_write_text(m->w, "tool_call_id", id);
    if (kind == AZL_INPUT_FOUND) {
        write_found(m, azl_json_get(item, "tools"));
    }
    else if (azl_json_type(output) == AZL_JSON_STRING) {
        azl_write_json(m->w, "content", output);
    }
    else if (!write_output(m, number, output)) {
        return 0;
    }
    azl_write_close(m->w, '}');
    return 1;
}

void azl_input_after(azl_input_t *m)
{
    azl_buf_t *parts = m->after.out;

    if (parts->len) {
        if (azl_input_begin(m, azl_span_str("user"))) {
            azl_input_found_after(m);
        }
        azl_write_open(m->w, "content", '[');
        azl_write_name(m->w, NULL);
        azl_buf_append(m->w->out, parts->data, parts->len);
        azl_write_close(m->w, ']');
        azl_write_close(m->w, '}');
        azl_buf_clear(parts);
        azl_write_init(&m->after, parts);
        if (m->from) {
            apr_array_clear(m->from);
        }
    }
}
