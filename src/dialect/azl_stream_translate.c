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

    azl_buf_clear(st->from.hub);
    if (outbound->bytes) {
        return outbound->bytes(st->from.decoder, data, len, st->from.hub);
    }
    return azl_sse_feed(st->from.sse, data, len, decode_event, st);
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
}

static apr_status_t encode_event(void *baton, const azl_sse_event_t *ev)
{
    azl_stream_t *st = baton;

    st->to.inbound->event(st->to.encoder, ev, st->to.out);
    return st->to.out->failed ? APR_ENOSPC : APR_SUCCESS;
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
        rv = azl_sse_feed(st->to.sse, st->to.hub->data, st->to.hub->len,
                          encode_event, st);
        azl_buf_clear(st->to.hub);
    }
    return rv;
}
