/*
 * What both directions between chats and Responses write alike.
 */
#include "azl_responses_int.h"

void azl_responses_copy(azl_write_t *w, const azl_json_t *from,
                        const char *name)
{
    const azl_json_t *value = azl_json_get(from, name);

    if (value) {
        azl_write_json(w, name, value);
    }
}

int azl_responses_audio(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *audio = azl_json_get(part, "input_audio");

    if (azl_json_type(audio) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "input_audio");
    azl_write_json(w, "input_audio", audio);
    azl_responses_copy(w, part, "prompt_cache_breakpoint");
    azl_write_close(w, '}');
    return 1;
}

void azl_responses_file(azl_write_t *w, const azl_json_t *file)
{
    azl_responses_copy(w, file, "file_id");
    azl_responses_copy(w, file, "filename");
    azl_responses_copy(w, file, "file_data");
}

int azl_responses_has_file(const azl_json_t *file)
{
    return azl_json_get(file, "file_data") || azl_json_get(file, "file_id");
}

/* Long enough for each of the values that ask for nothing. */
#define NOTHING_MAX 64

int azl_responses_is(apr_pool_t *p, const azl_json_t *value, const char *json)
{
    azl_buf_t *text;
    int same;

    if (!json) {
        return 0;
    }
    text = azl_buf_create(p, NOTHING_MAX);
    azl_json_write(text, value);
    same = !text->failed && azl_span_is(azl_span(text->data, text->len), json);
    azl_buf_free(text);
    return same;
}
