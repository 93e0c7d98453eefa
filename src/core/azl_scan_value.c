/*
 * azl_scan_value: what a scanned value means, and where in a document an
 * offset is.
 */
#include <apr_strings.h>

#include "azl_scan_int.h"

#define HIGH_SURROGATE 0xD800
#define LOW_SURROGATE 0xDC00
#define LAST_SURROGATE 0xDFFF
/* What stands for half a pair: no character has this number. */
#define LONE 0x110000
#define REPLACEMENT 0xFFFD

/* A byte that continues a UTF-8 sequence. */
static char six_bits(apr_uint32_t bits)
{
    return (char)(0x80 | (bits & 0x3F));
}

static char *put_utf8(char *out, apr_uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    }
    else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = six_bits(code);
    }
    else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = six_bits(code >> 6);
        *out++ = six_bits(code);
    }
    else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = six_bits(code >> 12);
        *out++ = six_bits(code >> 6);
        *out++ = six_bits(code);
    }
    return out;
}

/* The character a valid \u escape at *at stands for, both halves of a pair
 * taken together; LONE for one half. */
static apr_uint32_t unicode_escape(const char **at, const char *end)
{
    long code = azl_escape_hex(*at + 2, end), low;

    *at += AZL_ESCAPE_UNICODE;
    if (code < HIGH_SURROGATE || code > LAST_SURROGATE) {
        return (apr_uint32_t)code;
    }
    if (code >= LOW_SURROGATE || end - *at < AZL_ESCAPE_UNICODE ||
        (*at)[0] != '\\' || (*at)[1] != 'u') {
        return LONE;
    }
    low = azl_escape_hex(*at + 2, end);
    if (low < LOW_SURROGATE || low > LAST_SURROGATE) {
        return LONE;
    }
    *at += AZL_ESCAPE_UNICODE;
    return 0x10000 + (apr_uint32_t)((code - HIGH_SURROGATE) << 10 |
                                    (low - LOW_SURROGATE));
}

/* The text between the quotes, with a NUL behind it. It never grows: the six
 * bytes of an escape are three at most, the twelve of a pair are four. What
 * cannot stand in a C string is counted: NULs, and halves of pairs, which
 * become U+FFFD. 0: it is no JSON. */
static int decode(apr_pool_t *p, azl_span_t s, azl_span_t *text, int *odd)
{
    const char *at = s.at, *end = s.at + s.len;
    char *out = apr_palloc(p, s.len + 1);
    apr_uint32_t code;

    *odd = 0;
    text->at = out;
    while (at < end) {
        if (*at != '\\') {
            *odd += !*at;
            *out++ = *at++;
        }
        else if (!azl_escape_end(at, end)) {
            return 0;
        }
        else if (at[1] == 'u') {
            code = unicode_escape(&at, end);
            *odd += !code || code == LONE;
            out = put_utf8(out, code == LONE ? REPLACEMENT : code);
        }
        else {
            *out++ = azl_escape_meaning[(unsigned char)at[1]];
            at += 2;
        }
    }
    *out = '\0';
    text->len = (apr_size_t)(out - text->at);
    return 1;
}

/* What is inside of the quotes. 0: it is no string. */
static int unquote(azl_span_t *raw)
{
    if (raw->len < 2 || raw->at[0] != '"' || raw->at[raw->len - 1] != '"') {
        return 0;
    }
    *raw = azl_span(raw->at + 1, raw->len - 2);
    return 1;
}

const char *azl_scan_name(apr_pool_t *p, azl_span_t key)
{
    azl_span_t text;
    int odd;

    if (!key.len) {
        return "";
    }
    return decode(p, key, &text, &odd) && !odd ? text.at : NULL;
}

const char *azl_scan_text(apr_pool_t *p, azl_span_t raw)
{
    return unquote(&raw) ? azl_scan_name(p, raw) : NULL;
}

azl_span_t azl_scan_whole_text(apr_pool_t *p, azl_span_t raw)
{
    azl_span_t text;
    int odd;

    return unquote(&raw) && decode(p, raw, &text, &odd) ? text
                                                        : azl_span(NULL, 0);
}

int azl_scan_uint(azl_span_t raw, apr_int64_t *n)
{
    apr_int64_t value = 0;
    apr_size_t i;
    int digit;

    if (!raw.len || (raw.len > 1 && raw.at[0] == '0')) {
        return 0;
    }
    for (i = 0; i < raw.len; i++) {
        digit = raw.at[i] - '0';
        if (digit < 0 || digit > 9 || value > (APR_INT64_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    *n = value;
    return 1;
}

void azl_scan_position(const char *doc, apr_size_t len, apr_size_t offset,
                       int *line, int *column)
{
    const char *start = len ? doc : "";
    const char *stop = start + (offset < len ? offset : len);
    const char *lf;

    *line = 1;
    while (start < stop && (lf = memchr(start, '\n', stop - start))) {
        ++*line;
        start = lf + 1;
    }
    *column = (int)(stop - start) + 1;
}
