/*
 * Images, sound and files in a user's message: inlineData, or fileData for
 * what Google holds itself. Nothing is fetched.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_gemini_int.h"

/* Where files that were given to the Gemini API are. */
static const char files_api[] = "https://generativelanguage.googleapis.com/";

typedef struct media_t {
    azl_exchange_t *ex;
    azl_write_t *w;
    azl_error_t *err;
    const char *path; /* of the part */
} media_t;

static const struct {
    const char *extension;
    const char *mime;
} types[] = {
    {"png", "image/png"},         {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},       {"webp", "image/webp"},
    {"gif", "image/gif"},         {"heic", "image/heic"},
    {"heif", "image/heif"},       {"pdf", "application/pdf"},
    {"txt", "text/plain"},        {"md", "text/markdown"},
    {"csv", "text/csv"},          {"html", "text/html"},
    {"json", "application/json"}, {"wav", "audio/wav"},
    {"mp3", "audio/mpeg"},        {"flac", "audio/flac"},
    {"ogg", "audio/ogg"},         {"aac", "audio/aac"},
    {"aiff", "audio/aiff"},       {"mp4", "video/mp4"},
    {"mov", "video/quicktime"},   {"webm", "video/webm"},
    {"mpeg", "video/mpeg"},
};

static const char *type_of(const char *extension)
{
    apr_size_t i;

    for (i = 0; extension && i < sizeof(types) / sizeof(types[0]); ++i) {
        if (strcasecmp(types[i].extension, extension) == 0) {
            return types[i].mime;
        }
    }
    return NULL;
}

/* By the name of a file or the end of an address. */
static const char *type_of_name(const char *name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;

    return dot ? type_of(dot + 1) : NULL;
}

static int refuse(const media_t *m, const char *message)
{
    return azl_exchange_refuse(m->ex, m->err, m->path, message);
}

static int starts_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static int write_inline(const media_t *m, const char *mime, azl_span_t data)
{
    if (strcasecmp(mime, "image/jpg") == 0) {
        mime = "image/jpeg";
    }
    azl_write_open(m->w, NULL, '{');
    azl_write_open(m->w, "inlineData", '{');
    azl_write_str(m->w, "mimeType", mime);
    azl_write_text(m->w, "data", data);
    azl_write_close(m->w, '}');
    azl_write_close(m->w, '}');
    return 1;
}

/* "data:image/png;base64,..." (RFC 2397). */
static int write_data_url(const media_t *m, const char *url)
{
    static const char mark[] = ";base64";
    const char *head = url + strlen("data:");
    const char *comma = strchr(head, ',');
    apr_size_t len = comma ? (apr_size_t)(comma - head) : 0;

    if (len < strlen(mark) ||
        strncasecmp(comma - strlen(mark), mark, strlen(mark)) != 0) {
        return refuse(m, "A data URL must be 'data:TYPE;base64,DATA'.");
    }
    len = strcspn(head, ";");
    if (!len) {
        return refuse(m, "A data URL must say what type its data is of.");
    }
    return write_inline(m, apr_pstrmemdup(m->ex->pool, head, len),
                        azl_span_str(comma + 1));
}

/* `more` may have the type in `format`, as clients of LiteLLM write it. */
static int write_file(const media_t *m, const char *uri, const azl_json_t *more,
                      const char *name)
{
    const char *mime = azl_json_string(azl_json_get(more, "format"));

    mime = mime && strchr(mime, '/') ? mime : type_of_name(name);
    mime = mime ? mime : type_of_name(uri);
    if (!mime && starts_with(uri, "gs://")) {
        return refuse(m, "The type of this file is not known: its name must "
                         "end in an extension, or 'format' must tell it.");
    }
    azl_write_open(m->w, NULL, '{');
    azl_write_open(m->w, "fileData", '{');
    if (mime) {
        azl_write_str(m->w, "mimeType", mime);
    }
    azl_write_str(m->w, "fileUri", uri);
    azl_write_close(m->w, '}');
    azl_write_close(m->w, '}');
    return 1;
}

static int is_held(const char *uri)
{
    return starts_with(uri, "gs://") || starts_with(uri, files_api);
}

static int write_image(const media_t *m, const azl_json_t *part)
{
    const azl_json_t *image = azl_json_get(part, "image_url");
    const char *url = azl_json_string(azl_json_get(image, "url"));

    /* some clients write the address itself */
    url = url ? url : azl_json_string(image);
    if (!url) {
        return refuse(m, "An image needs an 'image_url' with a 'url'.");
    }
    if (starts_with(url, "data:")) {
        return write_data_url(m, url);
    }
    if (is_held(url)) {
        return write_file(m, url, image, NULL);
    }
    return refuse(m, "This model takes no images by their address. Send the "
                     "image as a data URL.");
}

static int write_audio(const media_t *m, const azl_json_t *part)
{
    const azl_json_t *audio = azl_json_get(part, "input_audio");
    azl_span_t data = azl_json_text(azl_json_get(audio, "data"));
    const char *mime = type_of(azl_json_string(azl_json_get(audio, "format")));

    if (!data.len || !mime || !starts_with(mime, "audio/")) {
        return refuse(m, "Sound needs an 'input_audio' with its 'data' and a "
                         "'format' such as wav or mp3.");
    }
    return write_inline(m, mime, data);
}

static int write_document(const media_t *m, const azl_json_t *part)
{
    const azl_json_t *file = azl_json_get(part, "file");
    const char *id = azl_json_string(azl_json_get(file, "file_id"));
    const char *name = azl_json_string(azl_json_get(file, "filename"));
    azl_json_t *data = azl_json_get(file, "file_data");
    const char *text = azl_json_string(data);
    const char *mime;

    if (id && is_held(id)) {
        return write_file(m, id, file, name);
    }
    if (id) {
        return refuse(m, "This model knows no files by this id. Send the file "
                         "in 'file_data'.");
    }
    if (!text || !*text) {
        return refuse(m, "A file needs its 'file_data'.");
    }
    if (starts_with(text, "data:")) {
        return write_data_url(m, text);
    }
    mime = type_of_name(name);
    if (!mime) {
        return refuse(m, "The type of this file is not known: send a data URL, "
                         "or a 'filename' with an extension.");
    }
    return write_inline(m, mime, azl_json_text(data));
}

int azl_gemini_media(azl_exchange_t *ex, azl_write_t *w, const char *type,
                     const azl_json_t *part, const char *path, azl_error_t *err)
{
    media_t m = {ex, w, err, path};

    if (type && strcmp(type, "image_url") == 0) {
        return write_image(&m, part);
    }
    if (type && strcmp(type, "input_audio") == 0) {
        return write_audio(&m, part);
    }
    if (type && strcmp(type, "file") == 0) {
        return write_document(&m, part);
    }
    return refuse(&m, "This model takes no content of this type.");
}
