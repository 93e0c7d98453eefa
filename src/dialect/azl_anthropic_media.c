/*
 * Images and documents in a user's message, and the thinking that belongs to
 * an assistant's.
 */
#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_anthropic_int.h"

#define PDF "application/pdf"
#define PLAIN_TEXT "text/plain"

static int refuse(azl_claude_request_t *rq, const char *path,
                  const char *message)
{
    return azl_exchange_refuse(rq->ex, rq->err, path, message);
}

/*
 * data: URLs
 */

typedef struct media_t {
    const char *type; /* in small letters, without parameters */
    const char *data; /* base64 */
} media_t;

static int read_data_url(apr_pool_t *p, const char *url, media_t *m)
{
    static const char mark[] = ";base64";
    const char *comma = strchr(url, ',');
    char *type;
    apr_size_t len;

    if (strncasecmp(url, "data:", 5) != 0 || !comma ||
        (apr_size_t)(comma - url) < 5 + strlen(mark) ||
        strncasecmp(comma - strlen(mark), mark, strlen(mark)) != 0) {
        return 0;
    }
    len = (apr_size_t)(comma - url) - 5 - strlen(mark);
    type = apr_pstrmemdup(p, url + 5, len);
    type[strcspn(type, ";")] = '\0';
    for (m->type = type; *type; ++type) {
        *type = (char)apr_tolower(*type);
    }
    m->data = comma + 1;
    return 1;
}

static const char *image_type(const char *type)
{
    static const char *const taken[] = {"image/jpeg", "image/png", "image/gif",
                                        "image/webp"};
    apr_size_t i;

    if (strcmp(type, "image/jpg") == 0) {
        return taken[0];
    }
    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); ++i) {
        if (strcmp(type, taken[i]) == 0) {
            return taken[i];
        }
    }
    return NULL;
}

static void write_source(azl_write_t *w, const char *kind, const char *type,
                         const char *member, const char *value)
{
    azl_write_open(w, "source", '{');
    azl_write_str(w, "type", kind);
    if (type) {
        azl_write_str(w, "media_type", type);
    }
    azl_write_str(w, member, value);
    azl_write_close(w, '}');
}

static void open_block(azl_claude_request_t *rq, const char *type)
{
    azl_write_open(&rq->w, NULL, '{');
    azl_write_str(&rq->w, "type", type);
}

static void close_block(azl_claude_request_t *rq, const azl_json_t *part)
{
    azl_anthropic_cache(rq, part);
    azl_write_close(&rq->w, '}');
}

static void write_pdf(azl_claude_request_t *rq, const char *data,
                      const char *title)
{
    open_block(rq, "document");
    write_source(&rq->w, "base64", PDF, "data", data);
    if (title && *title) {
        azl_write_str(&rq->w, "title", title);
    }
}

/*
 * image_url
 */

/* Somebody else's server has to be asked for it. */
static int write_remote(azl_claude_request_t *rq, const char *path,
                        const char *url)
{
    apr_size_t len = strcspn(url, "?#");
    int pdf = len > 4 && strncasecmp(url + len - 4, ".pdf", 4) == 0;

    if (rq->memo->hosting == AZL_HOSTING_VERTEX ||
        rq->memo->hosting == AZL_HOSTING_BEDROCK) {
        return refuse(rq, path,
                      "This model takes images and documents inline only, as a "
                      "data: URL with base64.");
    }
    open_block(rq, pdf ? "document" : "image");
    write_source(&rq->w, "url", NULL, "url", url);
    return 1;
}

static int write_image(azl_claude_request_t *rq, const char *path,
                       const azl_json_t *part)
{
    const azl_json_t *image = azl_json_get(part, "image_url");
    const char *url = azl_json_type(image) == AZL_JSON_STRING
                          ? azl_json_string(image)
                          : azl_json_string(azl_json_get(image, "url"));
    const char *type;
    media_t m;

    if (url && (strncasecmp(url, "https://", 8) == 0 ||
                strncasecmp(url, "http://", 7) == 0)) {
        if (!write_remote(rq, path, url)) {
            return 0;
        }
    }
    else if (!url || !read_data_url(rq->ex->pool, url, &m)) {
        return refuse(rq, path,
                      "An image must be an http(s) URL or a data: URL with "
                      "base64.");
    }
    else if (strcmp(m.type, PDF) == 0) {
        write_pdf(rq, m.data, NULL);
    }
    else {
        type = image_type(m.type);
        if (!type) {
            return refuse(rq, path, "An image must be JPEG, PNG, GIF or WebP.");
        }
        open_block(rq, "image");
        write_source(&rq->w, "base64", type, "data", m.data);
    }
    close_block(rq, part);
    return 1;
}

/*
 * file
 */

static int write_plain(azl_claude_request_t *rq, const char *path,
                       const char *data, const char *title)
{
    char *text =
        apr_palloc(rq->ex->pool, (apr_size_t)apr_base64_decode_len(data) + 1);
    int len = apr_base64_decode(text, data);

    if (len <= 0) {
        return refuse(rq, path, "The file is empty, or no base64.");
    }
    open_block(rq, "document");
    azl_write_open(&rq->w, "source", '{');
    azl_write_str(&rq->w, "type", "text");
    azl_write_str(&rq->w, "media_type", PLAIN_TEXT);
    azl_write_text(&rq->w, "data", azl_span(text, (apr_size_t)len));
    azl_write_close(&rq->w, '}');
    if (title && *title) {
        azl_write_str(&rq->w, "title", title);
    }
    return 1;
}

static int write_file(azl_claude_request_t *rq, const char *path,
                      const azl_json_t *part)
{
    const azl_json_t *file = azl_json_get(part, "file");
    const char *data = azl_json_string(azl_json_get(file, "file_data"));
    const char *title = azl_json_string(azl_json_get(file, "filename"));
    const char *type;
    media_t m;

    if (!data) {
        return refuse(rq, path,
                      "A file must be given inline, as file_data with base64: "
                      "stored files are not known here.");
    }
    if (!read_data_url(rq->ex->pool, data, &m)) {
        m.type = PDF; /* base64 alone */
        m.data = data;
    }
    type = image_type(m.type);
    if (strcmp(m.type, PDF) == 0) {
        write_pdf(rq, m.data, title);
    }
    else if (strcmp(m.type, PLAIN_TEXT) == 0) {
        if (!write_plain(rq, path, m.data, title)) {
            return 0;
        }
    }
    else if (type) {
        open_block(rq, "image");
        write_source(&rq->w, "base64", type, "data", m.data);
    }
    else {
        return refuse(rq, path,
                      "A file must be a PDF, plain text, or a JPEG, PNG, GIF "
                      "or WebP image.");
    }
    close_block(rq, part);
    return 1;
}

int azl_anthropic_media(azl_claude_request_t *rq, const char *path,
                        const azl_json_t *part)
{
    azl_span_t type = azl_json_text(azl_json_get(part, "type"));

    if (azl_span_is(type, "image_url")) {
        return write_image(rq, path, part);
    }
    if (azl_span_is(type, "file")) {
        return write_file(rq, path, part);
    }
    if (azl_span_is(type, "input_audio")) {
        return refuse(rq, path, "This model knows no audio.");
    }
    return refuse(rq, path,
                  "A part must be of the type text, image_url or file.");
}
