/*
 * azl_tap: reads a few top-level members of a JSON document that passes by in
 * pieces.
 *
 * Most of such a document is one enormous value that nobody watches, numbers
 * in brackets or base64 in quotes; stepping over it is what must be fast.
 */
#include "azl_buf.h"
#include "azl_scan.h"
#include "azl_tap.h"

#if defined(__SSE2__) && !defined(AZL_PORTABLE)
#include <emmintrin.h>
#endif

/* A name longer than any that could be watched is no match. */
#define NAME_MAX_LEN 64

typedef enum {
    BEFORE, /* nothing but white space so far */
    MEMBER, /* behind '{' or ',': a name or the end */
    NAME,   /* in a member's name */
    COLON,  /* behind the name */
    VALUE,  /* behind the colon */
    NESTED, /* in a string, an object or an array */
    SCALAR, /* in a number, true, false or null */
    BEHIND, /* behind a value: ',' or the end */
    WHOLE,  /* behind the document's closing brace */
    PASS    /* nothing is looked at any more */
} state_e;

typedef struct watched_t {
    azl_buf_t *value;
    int whole; /* its end has been seen */
} watched_t;

struct azl_tap_t {
    const azl_tap_watch_t *watch;
    watched_t *watched;
    int n;

    state_e state;
    int depth;     /* of objects and arrays in the value */
    int in_string; /* in it or, in NAME, in the name */
    int escaped;   /* the last byte was a backslash in a string */
    char name[NAME_MAX_LEN];
    apr_size_t name_len;
    int current;  /* the watch entry this value belongs to, or -1 */
    int withheld; /* its bytes do not go on ... */
    int replaced; /* ... and the replacement has been written */
};

/* One feed. */
typedef struct feed_t {
    const char *from; /* the first byte that has not gone on */
    const char *at;
    const char *end;
    azl_tap_emit_fn *emit;
    void *baton;
    apr_status_t status; /* what emit said */
} feed_t;

azl_tap_t *azl_tap_create(apr_pool_t *p, const azl_tap_watch_t *watch, int n)
{
    azl_tap_t *t = apr_pcalloc(p, sizeof(*t));
    int i;

    t->watch = watch;
    t->n = n;
    t->watched = apr_pcalloc(p, n * sizeof(*t->watched));
    for (i = 0; i < n; i++) {
        t->watched[i].value = azl_buf_create(p, AZL_TAP_VALUE_MAX);
    }
    t->current = -1;
    return t;
}

static void emit(feed_t *f, const char *data, apr_size_t len)
{
    if (len && f->status == APR_SUCCESS) {
        f->status = f->emit(f->baton, data, len);
    }
}

/* Let everything up to here go on. */
static void flush(feed_t *f)
{
    emit(f, f->from, (apr_size_t)(f->at - f->from));
    f->from = f->at;
}

/*
 * A watched value: kept, and replaced if there is something to replace it by.
 */

static void begin_value(azl_tap_t *t, feed_t *f)
{
    const char *name;
    int i;

    for (i = 0; i < t->n && t->current < 0; i++) {
        name = t->watch[i].name;
        if (t->name_len <= NAME_MAX_LEN &&
            azl_span_is(azl_span(t->name, t->name_len), name)) {
            t->current = i;
        }
    }
    if (t->current < 0) {
        return;
    }
    /* Given twice: the later one counts, as for everybody else. */
    azl_buf_clear(t->watched[t->current].value);
    t->watched[t->current].whole = 0;
    if (t->watch[t->current].replacement) {
        flush(f);
        t->withheld = 1;
        t->replaced = 0;
    }
}

static void replace(azl_tap_t *t, feed_t *f)
{
    const azl_tap_watch_t *w = &t->watch[t->current];
    const azl_buf_t *value = t->watched[t->current].value;
    const char *text = NULL;

    if (t->replaced) {
        return;
    }
    if (w->make && !value->failed) {
        text = w->make(w->make_baton, azl_span(value->data, value->len));
    }
    t->replaced = 1;
    text = text ? text : w->replacement;
    emit(f, text, strlen(text));
}

static void keep_value(azl_tap_t *t, feed_t *f, const char *start)
{
    azl_buf_t *value = t->watched[t->current].value;

    azl_buf_append(value, start, (apr_size_t)(f->at - start));
    if (value->failed && t->withheld) {
        /* Not to be held whole: from here on it cannot be given back. */
        replace(t, f);
    }
}

static void end_value(azl_tap_t *t, feed_t *f)
{
    t->watched[t->current].whole = 1;
    if (t->withheld) {
        replace(t, f);
        t->withheld = 0;
        f->from = f->at;
    }
    t->current = -1;
}

/*
 * Steps. Each moves over at least one byte or on to another state.
 */

static inline int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Up to the next quote or bracket. */
static const char *skip_to_bracket(const char *at, const char *end)
{
#if defined(__SSE2__) && !defined(AZL_PORTABLE)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i opening = _mm_set1_epi8('{');
    const __m128i closing = _mm_set1_epi8('}');
    const __m128i curly = _mm_set1_epi8('{' - '['); /* [] to {} by one bit */
    __m128i block, bent;
    unsigned stops;

    while (end - at >= (apr_ssize_t)sizeof(block)) {
        block = _mm_loadu_si128((const __m128i *)at);
        bent = _mm_or_si128(block, curly);
        stops = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(block, quote),
                         _mm_or_si128(_mm_cmpeq_epi8(bent, opening),
                                      _mm_cmpeq_epi8(bent, closing))));
        if (stops) {
            return at + __builtin_ctz(stops);
        }
        at += sizeof(block);
    }
#endif
    while (at < end && *at != '"' && *at != '{' && *at != '}' && *at != '[' &&
           *at != ']') {
        at++;
    }
    return at;
}

/* In a string, whose end clears in_string. */
static void step_string(azl_tap_t *t, feed_t *f)
{
    if (t->escaped) {
        t->escaped = 0;
        f->at++;
        return;
    }
    f->at = azl_scan_skip_fast(f->at, f->end);
    if (f->at < f->end) {
        t->escaped = *f->at == '\\';
        t->in_string = *f->at != '"';
        f->at++;
    }
}

static void step_name(azl_tap_t *t, feed_t *f)
{
    const char *start = f->at;
    apr_size_t len;

    step_string(t, f);
    len = (apr_size_t)(f->at - start);
    if (!t->in_string) {
        len--; /* the quote */
        t->state = COLON;
    }
    if (t->name_len + len <= NAME_MAX_LEN) {
        memcpy(t->name + t->name_len, start, len);
    }
    t->name_len += len;
}

static void step_nested(azl_tap_t *t, feed_t *f)
{
    if (t->in_string) {
        step_string(t, f);
    }
    else {
        f->at = skip_to_bracket(f->at, f->end);
        if (f->at == f->end) {
            return;
        }
        switch (*f->at++) {
        case '"':
            t->in_string = 1;
            break;
        case '{':
        case '[':
            t->depth++;
            break;
        default:
            t->depth--;
        }
    }
    if (!t->in_string && t->depth <= 0) {
        t->state = BEHIND;
    }
}

static inline int ends_scalar(char c)
{
    return c == ',' || c == '}' || c == ']' || is_space(c);
}

static void step_scalar(azl_tap_t *t, feed_t *f)
{
    while (f->at < f->end && !ends_scalar(*f->at)) {
        f->at++;
    }
    if (f->at < f->end) {
        t->state = BEHIND;
    }
}

static void step_value(azl_tap_t *t, feed_t *f)
{
    const char *start = f->at;

    if (t->state == NESTED) {
        step_nested(t, f);
    }
    else {
        step_scalar(t, f);
    }
    if (t->current >= 0) {
        keep_value(t, f, start);
        if (t->state == BEHIND) {
            end_value(t, f);
        }
    }
}

/* Between names and values. Whatever does not belong there ends watching:
 * nothing is known about what follows it. */
static void step_between(azl_tap_t *t, feed_t *f)
{
    char c = *f->at;

    if (is_space(c)) {
        f->at++;
        return;
    }
    if (t->state == VALUE && !ends_scalar(c)) {
        t->state = c == '"' || c == '{' || c == '[' ? NESTED : SCALAR;
        begin_value(t, f); /* with c, which is for the next step */
        return;
    }
    f->at++;
    switch (t->state) {
    case BEFORE:
        t->state = c == '{' ? MEMBER : PASS;
        break;
    case MEMBER:
        t->state = c == '"' ? NAME : c == '}' ? WHOLE : PASS;
        t->in_string = 1;
        t->name_len = 0;
        break;
    case COLON:
        t->state = c == ':' ? VALUE : PASS;
        break;
    case BEHIND:
        t->state = c == ',' ? MEMBER : c == '}' ? WHOLE : PASS;
        break;
    default:
        t->state = PASS;
    }
}

static void step(azl_tap_t *t, feed_t *f)
{
    switch (t->state) {
    case NAME:
        step_name(t, f);
        break;
    case NESTED:
    case SCALAR:
        step_value(t, f);
        break;
    case PASS:
        f->at = f->end;
        break;
    default:
        step_between(t, f);
    }
}

apr_status_t azl_tap_feed(azl_tap_t *t, const char *data, apr_size_t len,
                          azl_tap_emit_fn *emit_fn, void *baton)
{
    feed_t f;

    if (!len) {
        return APR_SUCCESS;
    }
    f.from = f.at = data;
    f.end = data + len;
    f.emit = emit_fn;
    f.baton = baton;
    f.status = APR_SUCCESS;
    while (f.at < f.end && f.status == APR_SUCCESS) {
        step(t, &f);
    }
    if (!t->withheld) {
        flush(&f);
    }
    return f.status;
}

int azl_tap_is_whole(const azl_tap_t *tap)
{
    return tap->state == WHOLE || tap->state == PASS;
}

int azl_tap_value(const azl_tap_t *t, int i, azl_span_t *value)
{
    const watched_t *w = &t->watched[i];

    if (!w->whole || w->value->failed) {
        return 0;
    }
    *value = azl_span(w->value->data, w->value->len);
    return 1;
}
