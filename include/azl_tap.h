/*
 * azl_tap: reads a few top-level members of a JSON document that passes by in
 * pieces and is too large to be held (embeddings, images).
 *
 * Belongs to one answer, lives in the pool it was created from, and holds at
 * most AZL_TAP_VALUE_MAX bytes of each watched value. Bytes go on to `emit` as
 * they come, except that a watched value with a replacement is left out and
 * the replacement written in its place (also when the value is longer). It
 * does not check the document: an upstream's answer is passed as it is, and
 * what is no JSON object passes unchanged. Of a member given twice the later
 * value counts, and both are replaced. Of a value that is to be replaced and
 * is cut off nothing goes on.
 */
#ifndef AZL_TAP_H
#define AZL_TAP_H

#include <apr_pools.h>

#include "azl_span.h"

#define AZL_TAP_VALUE_MAX 8192

typedef struct azl_tap_t azl_tap_t;

/* JSON text to write in place of this value, or NULL for the replacement. */
typedef const char *azl_tap_make_fn(void *baton, azl_span_t value);

typedef struct azl_tap_watch_t {
    const char *name; /* member name, without escapes, at most 64 bytes */
    const char *replacement; /* JSON text to write instead, or NULL */
    azl_tap_make_fn *make;   /* asked first, if there is a replacement and the
                                value is no longer than AZL_TAP_VALUE_MAX; or
                                NULL */
    void *make_baton;
} azl_tap_watch_t;

typedef apr_status_t azl_tap_emit_fn(void *baton, const char *data,
                                     apr_size_t len);

/* `watch` (n entries) must outlive the tap. */
azl_tap_t *azl_tap_create(apr_pool_t *p, const azl_tap_watch_t *watch, int n);
/* APR_SUCCESS, or what emit returned, which ends the tap's use. Split anywhere,
 * also inside a name, an escape or a value. */
apr_status_t azl_tap_feed(azl_tap_t *t, const char *data, apr_size_t len,
                          azl_tap_emit_fn *emit, void *baton);
/* 0 while the document's closing brace has not come: what ends there was cut
 * off. 1 behind it, whatever follows, and when nothing can be known of the
 * end: the document is no JSON object, or holds between its members what
 * belongs to none, from where on it passes unread. */
int azl_tap_is_whole(const azl_tap_t *tap);
/* 1 and the value as written when watch entry i was seen whole; 0 when it was
 * absent, cut off or longer than AZL_TAP_VALUE_MAX. */
int azl_tap_value(const azl_tap_t *t, int i, azl_span_t *value);

#endif /* AZL_TAP_H */
