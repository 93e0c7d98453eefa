/*
 * The parts of a message of Responses as a chat's.
 */
#include "azl_responses_int.h"

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

static void end_part(azl_write_t *w, const azl_json_t *part)
{
    azl_responses_copy(w, part, "prompt_cache_breakpoint");
    azl_write_close(w, '}');
}

static int text_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *text = azl_json_get(part, "text");

    if (azl_json_type(text) != AZL_JSON_STRING) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "text");
    azl_write_json(w, "text", text);
    end_part(w, part);
    return 1;
}

static int image_part(azl_write_t *w, const azl_json_t *part)
{
    const azl_json_t *url = azl_json_get(part, "image_url");

    if (azl_json_type(url) != AZL_JSON_STRING) {
        return 0; /* a file of the provider */
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "image_url");
    azl_write_open(w, "image_url", '{');
    azl_write_json(w, "url", url);
    azl_responses_copy(w, part, "detail");
    azl_write_close(w, '}');
    end_part(w, part);
    return 1;
}

static int file_part(azl_write_t *w, const azl_json_t *part)
{
    if (!azl_responses_has_file(part)) {
        return 0; /* a chat knows no file by its URL */
    }
    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "file");
    azl_write_open(w, "file", '{');
    azl_responses_file(w, part);
    azl_write_close(w, '}');
    end_part(w, part);
    return 1;
}

int azl_responses_in_text(const azl_json_t *part)
{
    azl_span_t type = text_of(part, "type");

    return azl_span_is(type, "input_text") ||
           azl_span_is(type, "output_text") || azl_span_is(type, "text");
}

static int media_part(azl_write_t *w, const azl_json_t *part)
{
    static const struct {
        const char *type;
        int (*write)(azl_write_t *w, const azl_json_t *part);
    } media[] = {{"input_image", image_part},
                 {"input_file", file_part},
                 {"input_audio", azl_responses_audio}};
    azl_span_t type = text_of(part, "type");
    apr_size_t i;

    for (i = 0; i < sizeof(media) / sizeof(media[0]); ++i) {
        if (azl_span_is(type, media[i].type)) {
            return media[i].write(w, part);
        }
    }
    return 0;
}

int azl_responses_in_part(azl_write_t *w, const azl_json_t *part, int text_only)
{
    return azl_responses_in_text(part) ? text_part(w, part)
                                       : !text_only && media_part(w, part);
}
