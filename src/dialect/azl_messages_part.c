/*
 * Blocks of a client's message as parts of a chat's: texts, images and
 * documents.
 */
#include <apr_strings.h>

#include "azl_messages_int.h"

int azl_messages_is_type(const azl_json_t *block, const char *type)
{
    return azl_span_is(azl_json_text(azl_json_get(block, "type")), type);
}

void azl_messages_text_part(azl_messages_in_t *in, const azl_json_t *text,
                            const azl_json_t *block)
{
    azl_write_t *w = &in->w;

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "text");
    azl_write_json(w, "text", text);
    azl_messages_cache(in, block);
    azl_write_close(w, '}');
}

static void write_image(azl_messages_in_t *in, const char *url,
                        const azl_json_t *block)
{
    azl_write_t *w = &in->w;

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "image_url");
    azl_write_open(w, "image_url", '{');
    azl_write_str(w, "url", url);
    azl_write_close(w, '}');
    azl_messages_cache(in, block);
    azl_write_close(w, '}');
}

static void write_file(azl_messages_in_t *in, const char *data,
                       const azl_json_t *block)
{
    const char *title = azl_json_string(azl_json_get(block, "title"));
    azl_write_t *w = &in->w;

    azl_write_open(w, NULL, '{');
    azl_write_str(w, "type", "file");
    azl_write_open(w, "file", '{');
    azl_write_str(w, "filename", title ? title : "document.pdf");
    azl_write_str(w, "file_data", data);
    azl_write_close(w, '}');
    azl_messages_cache(in, block);
    azl_write_close(w, '}');
}

static const char *data_url(apr_pool_t *p, const azl_json_t *source)
{
    const char *type = azl_json_string(azl_json_get(source, "media_type"));
    const char *data = azl_json_string(azl_json_get(source, "data"));

    return type && data ? apr_pstrcat(p, "data:", type, ";base64,", data, NULL)
                        : NULL;
}

int azl_messages_media(azl_messages_in_t *in, const azl_json_t *block)
{
    const azl_json_t *source = azl_json_get(block, "source");
    int image = azl_messages_is_type(block, "image");
    const char *url = NULL;

    if (azl_messages_is_type(source, "base64")) {
        url = data_url(in->p, source);
    }
    else if (azl_messages_is_type(source, "url") && image) {
        url = azl_json_string(azl_json_get(source, "url"));
    }
    else if (azl_messages_is_type(source, "text") && !image &&
             azl_json_type(azl_json_get(source, "data")) == AZL_JSON_STRING) {
        azl_messages_text_part(in, azl_json_get(source, "data"), block);
        return 1;
    }
    if (!url) {
        return 0;
    }
    if (image) {
        write_image(in, url, block);
    }
    else {
        write_file(in, url, block);
    }
    return 1;
}

int azl_messages_is_media(const azl_json_t *block)
{
    return azl_messages_is_type(block, "image") ||
           azl_messages_is_type(block, "document");
}
