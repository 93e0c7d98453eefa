/*
 * azl_multipart: finds the fields of a multipart/form-data body in memory.
 *
 * Stricter than the RFCs where readers are known to differ (bare line feeds,
 * text before the first boundary, folded headers, backslashes before quotes):
 * the upstream must not find another model in a form than we did. What real
 * clients send has none of that.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif

#include <strings.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "azl_multipart.h"

#define BOUNDARY_MAX 70 /* RFC 2046, section 5.1.1 */

/* Most forms have fewer fields. */
#define PARTS_FIRST 8

typedef struct cursor_t {
    const char *at;
    const char *end;
} cursor_t;

/*
 * Header values: word; name=value; name="value"
 */

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

/* RFC 9110, section 5.6.2 */
static int is_token(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Controls have no place in a header, whoever reads it. */
static int is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7F);
}

static int is_quoted(char c)
{
    return c != '"' && is_text(c);
}

/* In a value without quotes. Boundaries are often sent so although they have
 * characters that a token may not have. */
static int is_unquoted(char c)
{
    return c != ';' && is_quoted(c) && !is_blank(c);
}

/* RFC 2046, section 5.1.1: bchars */
static int is_boundary(char c)
{
    return is_alnum(c) || (c && strchr("'()+_,-./:=? ", c));
}

/* The characters from here that pass the test; the cursor moves behind. */
static azl_span_t take(cursor_t *c, int (*test)(char))
{
    const char *start = c->at;

    while (c->at < c->end && test(*c->at)) {
        c->at++;
    }
    return azl_span(start, (apr_size_t)(c->at - start));
}

static int take_char(cursor_t *c, char expected)
{
    if (c->at == c->end || *c->at != expected) {
        return 0;
    }
    c->at++;
    return 1;
}

static int take_text(cursor_t *c, const char *text)
{
    apr_size_t len = strlen(text);

    if ((apr_size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0) {
        return 0;
    }
    c->at += len;
    return 1;
}

static int is_word(azl_span_t s, const char *word)
{
    return s.len == strlen(word) && !strncasecmp(s.at, word, s.len);
}

static int take_value(cursor_t *c, azl_span_t *value)
{
    if (!take_char(c, '"')) {
        *value = take(c, is_unquoted);
        return value->len > 0;
    }
    *value = take(c, is_quoted);
    /* Behind a backslash some take the quote for the end, others do not. */
    return take_char(c, '"') &&
           !(value->len && value->at[value->len - 1] == '\\');
}

/* The next parameter: 1, 0 when there are no more, -1 when it is malformed. */
static int take_param(cursor_t *c, azl_span_t *name, azl_span_t *value)
{
    int separated = 0;

    take(c, is_blank);
    while (take_char(c, ';')) {
        separated = 1;
        take(c, is_blank);
    }
    if (c->at == c->end) {
        return 0;
    }
    *name = take(c, is_token);
    return separated && name->len && take_char(c, '=') && take_value(c, value)
               ? 1
               : -1;
}

const char *azl_multipart_boundary(apr_pool_t *p, const char *content_type)
{
    azl_span_t type, name, value, boundary = azl_span(NULL, 0);
    cursor_t c;
    int more;

    if (!content_type) {
        return NULL;
    }
    c.at = content_type;
    c.end = content_type + strlen(content_type);
    take(&c, is_blank);
    type = take(&c, is_unquoted);
    if (!is_word(type, "multipart/form-data")) {
        return NULL;
    }
    while ((more = take_param(&c, &name, &value)) == 1) {
        if (is_word(name, "boundary")) {
            if (boundary.at) {
                return NULL;
            }
            boundary = value;
        }
    }
    if (more < 0 || !boundary.len || boundary.len > BOUNDARY_MAX ||
        boundary.at[boundary.len - 1] == ' ') {
        return NULL;
    }
    c.at = boundary.at;
    c.end = boundary.at + boundary.len;
    take(&c, is_boundary);
    return c.at == c.end ? apr_pstrmemdup(p, boundary.at, boundary.len) : NULL;
}

/*
 * The headers of a part
 */

static const char *read_disposition(azl_part_t *part, cursor_t *c)
{
    azl_span_t name, value;
    int more;

    if (part->name.at) {
        return "a part has two Content-Disposition headers";
    }
    if (!is_word(take(c, is_token), "form-data")) {
        return "a part is no form-data";
    }
    while ((more = take_param(c, &name, &value)) == 1) {
        if (is_word(name, "name")) {
            if (part->name.at) {
                return "a part has two names";
            }
            if (!value.len || memchr(value.at, '\\', value.len)) {
                return "a part's name is empty or has a backslash";
            }
            part->name = value;
        }
        else if (is_word(name, "filename") || is_word(name, "filename*")) {
            part->has_filename = 1;
        }
        else if (is_word(name, "name*")) {
            return "a part's name is encoded, which RFC 7578 forbids";
        }
    }
    if (more < 0) {
        return "a part has a malformed Content-Disposition";
    }
    return part->name.at ? NULL : "a part has no name";
}

/* A field in base64 would have one value for those who decode it and another
 * for those who do not. */
static const char *read_encoding(cursor_t *c)
{
    azl_span_t encoding = take(c, is_unquoted);

    if (is_word(encoding, "binary") || is_word(encoding, "8bit") ||
        is_word(encoding, "7bit")) {
        return NULL;
    }
    return "a part has a Content-Transfer-Encoding";
}

static const char *read_header(azl_part_t *part, azl_span_t line)
{
    cursor_t c = {line.at, line.at + line.len};
    azl_span_t field;

    take(&c, is_text);
    if (c.at < c.end) {
        return "a part's header has a control character";
    }
    c.at = line.at;
    field = take(&c, is_token);
    /* Also no field name: a line that begins with a blank, and so continues
     * the one before it for those who still know that. */
    if (!field.len || !take_char(&c, ':')) {
        return "a part has a malformed header";
    }
    take(&c, is_blank);
    if (is_word(field, "Content-Disposition")) {
        return read_disposition(part, &c);
    }
    if (is_word(field, "Content-Transfer-Encoding")) {
        return read_encoding(&c);
    }
    return NULL;
}

/* From behind the boundary line to behind the empty line. */
static const char *read_headers(azl_part_t *part, cursor_t *c)
{
    const char *start = c->at, *wrong = NULL, *eol;
    azl_span_t line;

    do {
        eol = memchr(c->at, '\r', (apr_size_t)(c->end - c->at));
        if (!eol || eol - start > AZL_MULTIPART_HEADER_MAX) {
            return "a part's headers do not end or are too long";
        }
        line = azl_span(c->at, (apr_size_t)(eol - c->at));
        c->at = eol;
        if (!take_text(c, "\r\n")) {
            return "a part's header has a control character";
        }
        if (line.len) {
            wrong = read_header(part, line);
        }
    } while (line.len && !wrong);
    part->headers = azl_span(start, (apr_size_t)(eol - start));
    if (!wrong && !part->name.at) {
        wrong = "a part has no Content-Disposition";
    }
    return wrong;
}

/*
 * The body
 */

/* From a part's content to behind the delimiter that ends it. A delimiter
 * behind a bare CR or LF ends the content for some readers only; within a line
 * it is content for all. */
static const char *read_content(azl_part_t *part, cursor_t *c,
                                azl_span_t delimiter)
{
    const char *start = c->at, *hit;

    for (;;) {
        hit = memmem(c->at, (apr_size_t)(c->end - c->at), delimiter.at,
                     delimiter.len);
        if (!hit) {
            return "the closing boundary is missing";
        }
        c->at = hit + delimiter.len;
        if (hit - start >= 2 && hit[-2] == '\r' && hit[-1] == '\n') {
            break;
        }
        if (hit[-1] == '\r' || hit[-1] == '\n') {
            return "a boundary is not on a line of its own";
        }
    }
    part->content = azl_span(start, (apr_size_t)(hit - 2 - start));
    return NULL;
}

/* Behind a delimiter: 1 when it was the closing one, 0 when a part follows,
 * -1 when neither is true. */
static int read_delimiter(cursor_t *c)
{
    int closing = take_text(c, "--");

    take(c, is_blank);
    if (!closing) {
        return take_text(c, "\r\n") ? 0 : -1;
    }
    while (take_text(c, "\r\n")) {
    }
    return c->at == c->end ? 1 : -1;
}

static const char *read_parts(apr_array_header_t *parts, cursor_t *c,
                              azl_span_t delimiter)
{
    const char *wrong = NULL;
    azl_part_t *part;
    int closed;

    if (!take_text(c, delimiter.at)) {
        return "it does not start with the boundary";
    }
    while (!(closed = read_delimiter(c))) {
        if (parts->nelts == AZL_MULTIPART_PARTS_MAX) {
            return "it has too many parts";
        }
        part = apr_array_push(parts);
        memset(part, 0, sizeof(*part));
        wrong = read_headers(part, c);
        if (!wrong) {
            wrong = read_content(part, c, delimiter);
        }
        if (wrong) {
            return wrong;
        }
    }
    return closed > 0 ? NULL : "a boundary is followed by something else";
}

const char *azl_multipart_parse(apr_pool_t *p, const char *boundary,
                                const char *body, apr_size_t len,
                                azl_multipart_t *out)
{
    apr_array_header_t *parts =
        apr_array_make(p, PARTS_FIRST, sizeof(azl_part_t));
    const char *delimiter = apr_pstrcat(p, "--", boundary, NULL), *wrong;
    cursor_t c;

    c.at = len ? body : "";
    c.end = c.at + len;
    wrong = read_parts(parts, &c, azl_span(delimiter, strlen(delimiter)));
    out->nparts = wrong ? 0 : parts->nelts;
    out->parts = (azl_part_t *)parts->elts;
    return wrong;
}

const azl_part_t *azl_multipart_find(const azl_multipart_t *m, const char *name,
                                     int *twice)
{
    const azl_part_t *found = NULL;
    int i;

    *twice = 0;
    for (i = 0; i < m->nparts; i++) {
        if (azl_span_is(m->parts[i].name, name)) {
            *twice = found != NULL;
            found = found ? found : &m->parts[i];
        }
    }
    return found;
}
