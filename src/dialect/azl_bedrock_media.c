/*
 * Images and documents. Nothing is fetched: they come inline, or lie in S3,
 * where Bedrock finds them itself.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_bedrock_int.h"

/* What the name of a document may be long. */
#define NAME_LEN_MAX 200
/* ... of which this much is left for making it different from others. */
#define NAME_TAIL 16

typedef struct media_t {
    const char *format; /* Bedrock's word */
    int document;
    const char *data; /* base64, or ... */
    const char *uri;  /* ... where it lies in S3 */
} media_t;

static const struct {
    const char *mime;
    const char *extension;
    const char *format;
    int document;
} types[] = {
    {"image/png", "png", "png", 0},
    {"image/jpeg", "jpg", "jpeg", 0},
    {"image/jpg", "jpeg", "jpeg", 0},
    {"image/gif", "gif", "gif", 0},
    {"image/webp", "webp", "webp", 0},
    {"application/pdf", "pdf", "pdf", 1},
    {"text/csv", "csv", "csv", 1},
    {"text/html", "html", "html", 1},
    {"text/plain", "txt", "txt", 1},
    {"text/markdown", "md", "md", 1},
    {"application/msword", "doc", "doc", 1},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
     "docx", "docx", 1},
    {"application/vnd.ms-excel", "xls", "xls", 1},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
     "xlsx", "xlsx", 1},
};

#define NTYPES (sizeof(types) / sizeof(types[0]))

static int is_same(azl_span_t text, const char *other)
{
    return text.len == strlen(other) &&
           strncasecmp(text.at, other, text.len) == 0;
}

static int take_type(media_t *m, apr_size_t i)
{
    m->format = types[i].format;
    m->document = types[i].document;
    return 1;
}

static int find_mime(media_t *m, azl_span_t mime)
{
    apr_size_t i;

    for (i = 0; i < NTYPES; ++i) {
        if (is_same(mime, types[i].mime)) {
            return take_type(m, i);
        }
    }
    return 0;
}

/* By what a name ends in. */
static int find_extension(media_t *m, const char *name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    apr_size_t i;

    for (i = 0; dot && i < NTYPES; ++i) {
        if (is_same(azl_span_str(dot + 1), types[i].extension)) {
            return take_type(m, i);
        }
    }
    return 0;
}

/* "data:image/png;base64,..." (RFC 2397). 0: it is none. */
static int read_data_url(const char *url, azl_span_t *mime, const char **data)
{
    static const char mark[] = ";base64";
    const char *comma = strchr(url, ',');
    apr_size_t len;

    if (strncasecmp(url, "data:", 5) != 0 || !comma) {
        return 0;
    }
    url += 5;
    len = (apr_size_t)(comma - url);
    if (len < strlen(mark) ||
        strncasecmp(comma - strlen(mark), mark, strlen(mark)) != 0) {
        return 0;
    }
    *mime = azl_span(url, strcspn(url, ";"));
    *data = comma + 1;
    return 1;
}

/* Letters, digits, single blanks, dashes, parentheses and brackets; and a
 * number, because no two of a request may be called the same. */
static const char *document_name(azl_bedrock_request_t *rq, const char *file)
{
    apr_size_t len = file ? strcspn(file, ".") : 0;
    char *name, *to;
    apr_size_t i;

    ++rq->documents;
    if (len > NAME_LEN_MAX - NAME_TAIL) {
        len = NAME_LEN_MAX - NAME_TAIL;
    }
    name = to = apr_palloc(rq->ex->pool, len + 1);
    for (i = 0; i < len; ++i) {
        char c = file[i];

        if (apr_isalnum(c) || strchr("-()[]", c)) {
            *to++ = c;
        }
        else if (to > name && to[-1] != ' ' && to[-1] != '-') {
            *to++ = c == ' ' ? ' ' : '-';
        }
    }
    *to = '\0';
    return apr_psprintf(rq->ex->pool, "%s %d", *name ? name : "Document",
                        rq->documents);
}

static void write_media(azl_bedrock_request_t *rq, const media_t *m,
                        const char *file)
{
    azl_write_t *w = &rq->w;

    azl_write_open(w, NULL, '{');
    azl_write_open(w, m->document ? "document" : "image", '{');
    azl_write_str(w, "format", m->format);
    if (m->document) {
        azl_write_str(w, "name", document_name(rq, file));
    }
    azl_write_open(w, "source", '{');
    if (m->data) {
        azl_write_str(w, "bytes", m->data);
    }
    else {
        azl_write_open(w, "s3Location", '{');
        azl_write_str(w, "uri", m->uri);
        azl_write_close(w, '}');
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static int refuse(azl_bedrock_request_t *rq, const char *path,
                  const char *message)
{
    return azl_exchange_refuse(rq->ex, rq->err, path, message);
}

/* An image, or a document that came in its place. */
static int put_image(azl_bedrock_request_t *rq, const char *path,
                     const azl_json_t *part, media_t *m)
{
    const azl_json_t *image = azl_json_get(part, "image_url");
    const char *url = azl_json_string(azl_json_get(image, "url"));
    azl_span_t mime;

    url = url ? url : azl_json_string(image);
    if (!url || !*url) {
        return refuse(rq, path, "An image needs an 'image_url' with a 'url'.");
    }
    if (strncmp(url, "s3://", 5) == 0) {
        m->uri = url;
        return find_extension(m, url) ||
               refuse(rq, path,
                      "The type of this image is not known: its name must end "
                      "in an extension such as .png.");
    }
    if (!read_data_url(url, &mime, &m->data)) {
        return refuse(rq, path,
                      "This model takes no images by their address. Send the "
                      "image as a data: URL with base64.");
    }
    return find_mime(m, mime) ||
           refuse(rq, path, "An image must be JPEG, PNG, GIF or WebP.");
}

static int put_file(azl_bedrock_request_t *rq, const char *path,
                    const azl_json_t *file, const char *name, media_t *m)
{
    const char *data = azl_json_string(azl_json_get(file, "file_data"));
    const char *id = azl_json_string(azl_json_get(file, "file_id"));
    azl_span_t mime = azl_span("", 0);
    int known;

    if (!data && id && strncmp(id, "s3://", 5) == 0) {
        m->uri = id;
        known = find_extension(m, id) || find_extension(m, name);
    }
    else if (!data || !*data) {
        return refuse(rq, path,
                      "A file must be given inline, as file_data with base64: "
                      "stored files are not known here.");
    }
    else if (read_data_url(data, &mime, &m->data)) {
        known = find_mime(m, mime) || find_extension(m, name);
    }
    else {
        m->data = data; /* base64 alone */
        known = find_extension(m, name) ||
                find_mime(m, azl_span_str("application/pdf"));
    }
    return known || refuse(rq, path,
                           "A file must be PDF, text, Markdown, HTML, CSV, "
                           "Word or Excel, or an image.");
}

int azl_bedrock_media(azl_bedrock_request_t *rq, const char *path,
                      const azl_json_t *part, int *document)
{
    azl_span_t type = azl_json_text(azl_json_get(part, "type"));
    const azl_json_t *file = azl_json_get(part, "file");
    const char *name = azl_json_string(azl_json_get(file, "filename"));
    media_t m;
    int ok;

    memset(&m, 0, sizeof(m));
    if (azl_span_is(type, "image_url")) {
        ok = put_image(rq, path, part, &m);
    }
    else if (azl_span_is(type, "file")) {
        ok = put_file(rq, path, file, name, &m);
    }
    else if (azl_span_is(type, "input_audio")) {
        return refuse(rq, path, "This model knows no audio.");
    }
    else {
        return refuse(rq, path,
                      "A part must be of the type text, image_url or file.");
    }
    if (ok) {
        write_media(rq, &m, name);
        azl_bedrock_cache(rq, part);
        *document |= m.document;
    }
    return ok;
}
