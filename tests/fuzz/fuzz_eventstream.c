/*
 * fuzz_eventstream: a stream fed whole, cut once and in many pieces must give
 * the same frames and end in the same way.
 *
 * Input: two bytes for the cut, one for the cap (times CAP_STEP; '0', as the
 * seeds have it, is above them), then the stream. No mutation would keep a
 * checksum, so they are put right where the lengths allow it.
 */
#include <apr_errno.h>

#include "azl_buf.h"
#include "azl_eventstream.h"
#include "azl_fuzz.h"

#define CAP_STEP 8

/* Short streams are fed byte by byte, long ones in about so many pieces. */
#define PIECES 256

/* Each frame with its lengths, so that no two sequences look alike. */
static apr_status_t write_frame(void *baton, const azl_frame_t *frame)
{
    azl_buf_t *out = baton;
    azl_span_t rest = frame->headers;
    azl_frame_header_t header;
    int more;

    while ((more = azl_frame_header(&rest, &header)) > 0) {
        azl_buf_int(out, header.type);
        azl_buf_int(out, (apr_int64_t)header.name.len);
        azl_buf_puts(out, ":");
        azl_buf_span(out, header.value);
    }
    azl_fuzz_check(more == 0, "what is handed out has good headers");
    azl_buf_puts(out, "/");
    azl_buf_span(out, frame->message_type);
    azl_buf_span(out, frame->event_type);
    azl_buf_span(out, frame->exception_type);
    azl_buf_span(out, frame->error_code);
    azl_buf_int(out, (apr_int64_t)frame->payload.len);
    azl_buf_puts(out, ":");
    azl_buf_span(out, frame->payload);
    azl_buf_puts(out, "\n");
    return APR_SUCCESS;
}

static apr_size_t get_number(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (apr_size_t)b[0] << 24 | (apr_size_t)b[1] << 16 |
           (apr_size_t)b[2] << 8 | b[3];
}

static void put_crc(char *at, apr_uint32_t crc)
{
    int i;

    for (i = 0; i < 4; i++) {
        at[i] = (char)(crc >> (24 - 8 * i));
    }
}

/* A copy with right checksums, as far as it looks like frames. */
static azl_span_t put_right(apr_pool_t *p, azl_span_t in)
{
    char *copy = azl_fuzz_alloc(p, in.len);
    apr_size_t at = 0, len;

    if (in.len) {
        memcpy(copy, in.at, in.len);
    }
    while (in.len - at >= AZL_FRAME_OVERHEAD) {
        len = get_number(copy + at);
        put_crc(copy + at + 8, azl_crc32(0, copy + at, 8));
        if (len < AZL_FRAME_OVERHEAD || len > in.len - at) {
            break;
        }
        put_crc(copy + at + len - 4, azl_crc32(0, copy + at, len - 4));
        at += len;
    }
    return azl_span(copy, in.len);
}

/* The frames of the stream fed in pieces of `first` and then `step` bytes. */
static azl_buf_t *decode(apr_pool_t *p, azl_span_t in, apr_size_t cap,
                         apr_size_t first, apr_size_t step)
{
    azl_buf_t *out = azl_buf_create(p, 32 * in.len + 1024);
    azl_eventstream_t *es = azl_eventstream_create(p, cap);
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_span_t piece;

    while (in.len && rv == APR_SUCCESS) {
        piece = azl_fuzz_take(&in, len);
        rv = azl_eventstream_feed(es, azl_fuzz_copy(p, piece.at, piece.len),
                                  piece.len, write_frame, out);
        len = step;
    }
    azl_buf_int(out, rv);
    azl_buf_int(out, azl_eventstream_is_whole(es));
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
    in = put_right(p, in);
    all = in.len + 1;
    cut = (data[0] * 256u + data[1]) % all;
    cap = data[2] * CAP_STEP;
    whole = decode(p, in, cap, all, all);
    azl_fuzz_same(whole, decode(p, in, cap, cut, all),
                  "cut once, the same frames");
    azl_fuzz_same(whole, decode(p, in, cap, 1, 1 + in.len / PIECES),
                  "in many pieces, the same frames");
    return 0;
}
