/*
 * azl_span: a piece of somebody else's bytes.
 *
 * A span owns nothing and is valid only as long as the bytes it points into.
 * It is what the scanners hand out instead of copies.
 */
#ifndef AZL_SPAN_H
#define AZL_SPAN_H

#include <string.h>

#include <apr.h>

typedef struct azl_span_t {
    const char *at;
    apr_size_t len;
} azl_span_t;

static inline azl_span_t azl_span(const char *at, apr_size_t len)
{
    azl_span_t s;

    s.at = at;
    s.len = len;
    return s;
}

static inline azl_span_t azl_span_str(const char *str)
{
    return azl_span(str, str ? strlen(str) : 0);
}

/* Byte for byte equal. An empty span equals only an empty text. */
static inline int azl_span_is(azl_span_t s, const char *text)
{
    apr_size_t len = strlen(text);

    return s.len == len && (len == 0 || memcmp(s.at, text, len) == 0);
}

static inline int azl_span_equals(azl_span_t a, azl_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

#endif /* AZL_SPAN_H */
