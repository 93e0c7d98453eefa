/*
 * A stream between two languages: what comes is made the hub's before it is
 * read, what is written is made the client's before it leaves. Between the two
 * stands the stream of chunks as for everybody else, with its order, its counts
 * and its ends.
 */
#include <apr_errno.h>

#include "azl_stream_int.h"

/* One event of an upstream may become several of the hub's; images are one. */
#define HUB_MAX (2 * AZL_STREAM_EVENT_MAX)
/* The error that we tell. */
#define ERROR_MAX 4096

void azl_stream_from(azl_stream_t *st, const azl_outbound_t *outbound,
                     azl_exchange_t *ex)
{
    st->from.outbound = outbound;
    if (!outbound) {
        return;
    }
    st->from.decoder = outbound->decoder(ex);
    st->from.sse = azl_sse_create(st->pool, AZL_STREAM_EVENT_MAX);
    if (!st->from.hub) {
        st->from.hub = azl_buf_create(st->pool, HUB_MAX);
    }
}

void azl_stream_to(azl_stream_t *st, const azl_inbound_t *inbound,
                   azl_exchange_t *ex)
{
    st->to.inbound = inbound;
    st->to.encoder = inbound->encoder(ex);
    st->to.sse = azl_sse_create(st->pool, HUB_MAX);
    st->to.hub = azl_buf_create(st->pool, HUB_MAX);
}

static apr_status_t decode_event(void *baton, const azl_sse_event_t *ev)
{
    azl_stream_t *st = baton;

    st->from.outbound->event(st->from.decoder, ev, st->from.hub);
    return st->from.hub->failed ? APR_ENOSPC : APR_SUCCESS;
}

apr_status_t azl_stream_decode(azl_stream_t *st, const char *data,
                               apr_size_t len)
{
    const azl_outbound_t *outbound = st->from.outbound;

    apr_status_t rv;

    azl_buf_clear(st->from.hub);
    rv = outbound->bytes
             ? outbound->bytes(st->from.decoder, data, len, st->from.hub)
             : azl_sse_feed(st->from.sse, data, len, decode_event, st);
    azl_buf_mend(st->from.hub);
    return rv;
}

void azl_stream_decode_end(azl_stream_t *st)
{
    const azl_outbound_t *outbound = st->from.outbound;

    azl_buf_clear(st->from.hub);
    if (!outbound->bytes) {
        azl_sse_finish(st->from.sse, decode_event, st);
    }
    if (outbound->end) {
        outbound->end(st->from.decoder, st->from.hub);
    }
    azl_buf_mend(st->from.hub);
}

/* The client's language needs more room than there is: it is told so. */
static void tell_overflow(azl_stream_t *st)
{
    azl_buf_t *text = azl_buf_create(st->pool, ERROR_MAX);
    azl_sse_event_t ev;

    azl_error_set(&st->state.error, 502, AZL_CLASS_TRUNCATED, "server_error",
                  "stream_truncated",
                  "The answer is larger than what can be passed on.");
    azl_error_write(text, &st->state.error);
    memset(&ev, 0, sizeof(ev));
    ev.name = azl_span("", 0);
    ev.data = azl_span(text->data, text->len);
    st->to.inbound->event(st->to.encoder, &ev, st->to.out);
    st->state.closed = 1;
    azl_buf_free(text);
}

static apr_status_t encode_event(void *baton, const azl_sse_event_t *ev)
{
    azl_stream_t *st = baton;
    azl_buf_t *out = st->to.out;
    apr_size_t before = out->len;

    st->to.inbound->event(st->to.encoder, ev, out);
    if (!out->failed) {
        return APR_SUCCESS;
    }
    out->len = before; /* no half events */
    out->failed = 0;
    tell_overflow(st);
    if (out->failed) {
        out->len = before;
    }
    return APR_ENOSPC;
}

void azl_stream_write_to(azl_stream_t *st, azl_buf_t *out)
{
    st->to.out = out;
    st->out = st->to.inbound ? st->to.hub : out;
}

/* Nothing is cut in the middle of an event: what is encoded here is whole. */
apr_status_t azl_stream_encode(azl_stream_t *st)
{
    apr_status_t rv = APR_SUCCESS;

    if (st->to.inbound && st->to.hub->len) {
        if (!st->from.outbound) {
            azl_buf_mend(st->to.hub);
        }
        rv = azl_sse_feed(st->to.sse, st->to.hub->data, st->to.hub->len,
                          encode_event, st);
        azl_buf_clear(st->to.hub);
    }
    return rv;
}
