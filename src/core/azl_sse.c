/*
 * azl_sse: an incremental decoder for server-sent events.
 *
 * The usual feed holds whole events of one data line each; those are handed
 * out where they lie. Only what a feed's end cuts apart, and the lines of an
 * event that has several, is copied.
 */
#include <apr_errno.h>

#include "azl_buf.h"
#include "azl_sse.h"

/* An image can make an event of megabytes. A buffer that has grown beyond
 * this is given back after the event instead of kept for the stream's life. */
#define KEEP_MAX 32768

static const char BOM[] = "\xEF\xBB\xBF";
#define BOM_LEN (sizeof(BOM) - 1)

struct azl_sse_t {
    apr_size_t max_event;
    apr_status_t status; /* what ended decoding for good */
    int started;         /* the first line has been read */
    int after_cr;        /* the last feed ended CR: drop an LF */

    azl_buf_t *name;

    /* The event's data, if it has any. One line that lies in the feed: `line`
     * is it and `held` has nothing of it. Otherwise `line.at` is NULL and the
     * first `joined` bytes of `held` are its lines, each with an LF. */
    int has_data;
    azl_span_t line;
    apr_size_t joined;
    /* Behind those: a line that the feed's end has cut off. */
    azl_buf_t *held;
};

azl_sse_t *azl_sse_create(apr_pool_t *p, apr_size_t max_event)
{
    azl_sse_t *sse = apr_pcalloc(p, sizeof(*sse));

    sse->max_event = max_event;
    sse->name = azl_buf_create(p, max_event);
    sse->held = azl_buf_create(p, max_event);
    return sse;
}

/* Counted in the same way wherever the bytes are, so that an event is too
 * long or not regardless of how it was fed. */
static int fits(const azl_sse_t *sse, apr_size_t line_len)
{
    apr_size_t used = sse->name->len + sse->joined;

    if (sse->line.at) {
        used += sse->line.len + 1;
    }
    return used + line_len <= sse->max_event;
}

/* Copy a data line that lies in the feed. A failure shows in `held`. */
static void hold_line(azl_sse_t *sse)
{
    if (sse->line.at) {
        azl_buf_span(sse->held, sse->line);
        azl_buf_append(sse->held, "\n", 1);
        sse->joined = sse->held->len;
        sse->line.at = NULL;
    }
}

/* Is the line being read the one at the end of `held`? */
static int is_held(const azl_sse_t *sse)
{
    return sse->held->len > sse->joined;
}

static apr_status_t add_data(azl_sse_t *sse, azl_span_t value)
{
    azl_buf_t *held = sse->held;
    int first = !sse->has_data;

    sse->has_data = 1;
    if (is_held(sse)) {
        memmove(held->data + sse->joined, value.at, value.len);
        held->len = sse->joined + value.len;
    }
    else if (first) {
        sse->line = value;
        return APR_SUCCESS;
    }
    else {
        hold_line(sse);
        azl_buf_span(held, value);
    }
    azl_buf_append(held, "\n", 1);
    sse->joined = held->len;
    return held->failed ? APR_ENOSPC : APR_SUCCESS;
}

/* An empty line: hand out the event it ends, if it has data. */
static apr_status_t dispatch(azl_sse_t *sse, azl_sse_event_fn *fn, void *baton)
{
    apr_status_t rv = APR_SUCCESS;
    azl_sse_event_t ev;

    if (sse->has_data) {
        ev.name =
            azl_span(sse->name->len ? sse->name->data : "", sse->name->len);
        ev.data = sse->line.at ? sse->line
                               : azl_span(sse->held->data, sse->joined - 1);
        ev.comment = 0;
        rv = fn(baton, &ev);
    }
    azl_buf_clear(sse->name);
    azl_buf_clear(sse->held);
    if (sse->held->size > KEEP_MAX) {
        azl_buf_free(sse->held);
    }
    sse->has_data = 0;
    sse->line.at = NULL;
    sse->joined = 0;
    return rv;
}

static apr_status_t comment(azl_span_t text, azl_sse_event_fn *fn, void *baton)
{
    azl_sse_event_t ev;

    ev.name = azl_span("", 0);
    ev.data = text;
    ev.comment = 1;
    return fn(baton, &ev);
}

/* "name", "name:value" or "name: value"; without a name it is a comment. */
static apr_status_t read_field(azl_sse_t *sse, azl_span_t line,
                               azl_sse_event_fn *fn, void *baton)
{
    const char *colon = memchr(line.at, ':', line.len);
    azl_span_t name = line, value = azl_span("", 0);

    if (colon) {
        name.len = (apr_size_t)(colon - line.at);
        value = azl_span(colon + 1, line.len - name.len - 1);
        if (value.len && value.at[0] == ' ') {
            value.at++;
            value.len--;
        }
    }
    if (azl_span_is(name, "data")) {
        return add_data(sse, value);
    }
    if (azl_span_is(name, "event")) {
        azl_buf_clear(sse->name);
        return azl_buf_span(sse->name, value);
    }
    if (!name.len) {
        return comment(value, fn, baton);
    }
    return APR_SUCCESS; /* id, retry and what the standard does not know */
}

/* A line ended; these are its bytes in the feed, which go behind those that
 * earlier feeds have left in `held`. */
static apr_status_t read_line(azl_sse_t *sse, azl_span_t line,
                              azl_sse_event_fn *fn, void *baton)
{
    azl_buf_t *held = sse->held;
    apr_status_t rv;

    if (!fits(sse, held->len - sse->joined + line.len)) {
        return APR_ENOSPC;
    }
    if (is_held(sse)) {
        rv = azl_buf_span(held, line);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        line = azl_span(held->data + sse->joined, held->len - sse->joined);
    }
    if (!sse->started) {
        sse->started = 1;
        if (line.len >= BOM_LEN && !memcmp(line.at, BOM, BOM_LEN)) {
            line = azl_span(line.at + BOM_LEN, line.len - BOM_LEN);
        }
    }
    if (!line.len) {
        return dispatch(sse, fn, baton);
    }
    rv = read_field(sse, line, fn, baton);
    held->len = sse->joined; /* what was held of the line has been read */
    return rv;
}

/* The feed is over: keep what is needed of it. */
static apr_status_t hold_rest(azl_sse_t *sse, azl_span_t rest)
{
    if (!fits(sse, sse->held->len - sse->joined + rest.len)) {
        return APR_ENOSPC;
    }
    hold_line(sse);
    return azl_buf_span(sse->held, rest);
}

static const char *find(const char *at, const char *end, char c)
{
    const char *hit = memchr(at, c, (apr_size_t)(end - at));

    return hit ? hit : end;
}

static apr_status_t feed(azl_sse_t *sse, const char *at, const char *end,
                         azl_sse_event_fn *fn, void *baton)
{
    const char *lf, *cr, *eol;
    apr_status_t rv;

    if (sse->after_cr && *at == '\n') {
        at++;
    }
    sse->after_cr = 0;
    /* The next LF and the next CR are only looked for again once passed, so
     * that a feed without the one is not searched for it at every line. */
    lf = find(at, end, '\n');
    cr = find(at, end, '\r');
    while (lf < end || cr < end) {
        eol = lf < cr ? lf : cr;
        rv = read_line(sse, azl_span(at, (apr_size_t)(eol - at)), fn, baton);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        at = eol + 1;
        if (eol == cr) {
            sse->after_cr = at == end;
            at += at < end && *at == '\n';
        }
        lf = lf < at ? find(at, end, '\n') : lf;
        cr = cr < at ? find(at, end, '\r') : cr;
    }
    return hold_rest(sse, azl_span(at, (apr_size_t)(end - at)));
}

apr_status_t azl_sse_feed(azl_sse_t *sse, const char *data, apr_size_t len,
                          azl_sse_event_fn *fn, void *baton)
{
    if (sse->status == APR_SUCCESS && len) {
        sse->status = feed(sse, data, data + len, fn, baton);
    }
    return sse->status;
}

apr_status_t azl_sse_finish(azl_sse_t *sse, azl_sse_event_fn *fn, void *baton)
{
    if (sse->status == APR_SUCCESS) {
        sse->status = dispatch(sse, fn, baton);
    }
    return sse->status;
}
