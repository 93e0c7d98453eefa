/*
 * azl_sse: an incremental decoder for server-sent events (WHATWG HTML,
 * section 9.2.6).
 *
 * Belongs to one stream, lives in the pool it was created from; what it has to
 * keep between two feeds sits in capped buffers outside the pool. Feeds may
 * be split at any byte: lines end CR, LF or CRLF (also split between the two),
 * a byte order mark at the start is skipped, several data lines join with LF,
 * comments are reported as such, id and retry are dropped. An event that lies
 * whole in one feed with a single data line is handed out without a copy.
 */
#ifndef AZL_SSE_H
#define AZL_SSE_H

#include <apr_pools.h>

#include "azl_span.h"

typedef struct azl_sse_t azl_sse_t;

typedef struct azl_sse_event_t {
    azl_span_t name; /* the event field; empty when there was none */
    azl_span_t data; /* without the last LF; valid during the call only */
    int comment;     /* data is the text of a comment line */
} azl_sse_event_t;

/* Anything but APR_SUCCESS ends the feed and is its result. */
typedef apr_status_t azl_sse_event_fn(void *baton, const azl_sse_event_t *ev);

/* No event may be longer than max_event bytes: its name, its data so far and
 * the line being read, together. */
azl_sse_t *azl_sse_create(apr_pool_t *p, apr_size_t max_event);
/* APR_SUCCESS; APR_ENOSPC when an event passes the cap; or what fn returned.
 * After anything but APR_SUCCESS the decoder is of no further use and goes on
 * returning that. */
apr_status_t azl_sse_feed(azl_sse_t *sse, const char *data, apr_size_t len,
                          azl_sse_event_fn *fn, void *baton);
/* The stream ended. The standard drops an event that lacks its final empty
 * line; providers forget that line, so an event whose last line is complete
 * (has its line end) is handed out. A line cut off in the middle is not. */
apr_status_t azl_sse_finish(azl_sse_t *sse, azl_sse_event_fn *fn, void *baton);

#endif /* AZL_SSE_H */
