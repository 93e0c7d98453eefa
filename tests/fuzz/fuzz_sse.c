/*
 * fuzz_sse: a stream fed whole, cut once and in many pieces must give the same
 * events and end in the same way.
 *
 * Input: two bytes for the cut, one for the cap (times CAP_STEP; '0', as the
 * seeds have it, is far above them), then the stream.
 */
#include <apr_errno.h>

#include "azl_buf.h"
#include "azl_fuzz.h"
#include "azl_sse.h"

#define CAP_STEP 8

/* Short streams are fed byte by byte, long ones in about so many pieces. */
#define PIECES 256

/* Each event with its lengths, so that no two sequences look alike. */
static apr_status_t write_event(void *baton, const azl_sse_event_t *ev)
{
    azl_buf_t *out = baton;

    azl_fuzz_check(!ev->comment || !ev->name.len, "comments have no name");
    azl_buf_int(out, ev->comment);
    azl_buf_int(out, (apr_int64_t)ev->name.len);
    azl_buf_puts(out, ":");
    azl_buf_span(out, ev->name);
    azl_buf_int(out, (apr_int64_t)ev->data.len);
    azl_buf_puts(out, ":");
    azl_buf_span(out, ev->data);
    azl_buf_puts(out, "\n");
    return APR_SUCCESS;
}

/* The events of the stream fed in pieces of `first` and then `step` bytes. */
static azl_buf_t *decode(apr_pool_t *p, azl_span_t in, apr_size_t cap,
                         apr_size_t first, apr_size_t step)
{
    azl_buf_t *out = azl_buf_create(p, 16 * in.len + 1024);
    azl_sse_t *sse = azl_sse_create(p, cap);
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_span_t piece;

    while (in.len && rv == APR_SUCCESS) {
        piece = azl_fuzz_take(&in, len);
        rv = azl_sse_feed(sse, azl_fuzz_copy(p, piece.at, piece.len), piece.len,
                          write_event, out);
        len = step;
    }
    if (rv == APR_SUCCESS) {
        rv = azl_sse_finish(sse, write_event, out);
    }
    azl_buf_int(out, rv);
    azl_fuzz_check(!out->failed, "the transcript is complete");
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    apr_size_t cut, cap, all;
    azl_buf_t *whole;

    if (size < 3) {
        return 0;
    }
    azl_fuzz_take(&in, 3);
    all = in.len + 1;
    cut = (data[0] * 256u + data[1]) % all;
    cap = data[2] * CAP_STEP;
    whole = decode(p, in, cap, all, all);
    azl_fuzz_same(whole, decode(p, in, cap, cut, all),
                  "cut once, the same events");
    azl_fuzz_same(whole, decode(p, in, cap, 1, 1 + in.len / PIECES),
                  "in many pieces, the same events");
    return 0;
}
