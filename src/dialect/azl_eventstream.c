/*
 * azl_eventstream: an incremental decoder for AWS's binary event streams.
 */
#include <apr_errno.h>

#include "azl_buf.h"
#include "azl_eventstream.h"

/* Total length, length of the headers, and the CRC of these. */
#define PRELUDE 12
#define CRC_LEN 4
/* A buffer that has grown beyond this is given back after the frame instead of
 * kept for the stream's life. */
#define KEEP_MAX 32768

struct azl_eventstream_t {
    apr_size_t max_frame;
    apr_status_t status; /* what ended decoding for good */
    azl_buf_t *held;     /* a frame that a feed's end has cut off */
    apr_size_t total;    /* length of that frame; 0: not known yet */
};

/* The remainders of all bytes, for the polynomial 0xedb88320. */
static const apr_uint32_t crc_table[256] = {
    0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f,
    0xe963a535, 0x9e6495a3, 0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988,
    0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91, 0x1db71064, 0x6ab020f2,
    0xf3b97148, 0x84be41de, 0x1adad47d, 0x6ddde4eb, 0xf4d4b551, 0x83d385c7,
    0x136c9856, 0x646ba8c0, 0xfd62f97a, 0x8a65c9ec, 0x14015c4f, 0x63066cd9,
    0xfa0f3d63, 0x8d080df5, 0x3b6e20c8, 0x4c69105e, 0xd56041e4, 0xa2677172,
    0x3c03e4d1, 0x4b04d447, 0xd20d85fd, 0xa50ab56b, 0x35b5a8fa, 0x42b2986c,
    0xdbbbc9d6, 0xacbcf940, 0x32d86ce3, 0x45df5c75, 0xdcd60dcf, 0xabd13d59,
    0x26d930ac, 0x51de003a, 0xc8d75180, 0xbfd06116, 0x21b4f4b5, 0x56b3c423,
    0xcfba9599, 0xb8bda50f, 0x2802b89e, 0x5f058808, 0xc60cd9b2, 0xb10be924,
    0x2f6f7c87, 0x58684c11, 0xc1611dab, 0xb6662d3d, 0x76dc4190, 0x01db7106,
    0x98d220bc, 0xefd5102a, 0x71b18589, 0x06b6b51f, 0x9fbfe4a5, 0xe8b8d433,
    0x7807c9a2, 0x0f00f934, 0x9609a88e, 0xe10e9818, 0x7f6a0dbb, 0x086d3d2d,
    0x91646c97, 0xe6635c01, 0x6b6b51f4, 0x1c6c6162, 0x856530d8, 0xf262004e,
    0x6c0695ed, 0x1b01a57b, 0x8208f4c1, 0xf50fc457, 0x65b0d9c6, 0x12b7e950,
    0x8bbeb8ea, 0xfcb9887c, 0x62dd1ddf, 0x15da2d49, 0x8cd37cf3, 0xfbd44c65,
    0x4db26158, 0x3ab551ce, 0xa3bc0074, 0xd4bb30e2, 0x4adfa541, 0x3dd895d7,
    0xa4d1c46d, 0xd3d6f4fb, 0x4369e96a, 0x346ed9fc, 0xad678846, 0xda60b8d0,
    0x44042d73, 0x33031de5, 0xaa0a4c5f, 0xdd0d7cc9, 0x5005713c, 0x270241aa,
    0xbe0b1010, 0xc90c2086, 0x5768b525, 0x206f85b3, 0xb966d409, 0xce61e49f,
    0x5edef90e, 0x29d9c998, 0xb0d09822, 0xc7d7a8b4, 0x59b33d17, 0x2eb40d81,
    0xb7bd5c3b, 0xc0ba6cad, 0xedb88320, 0x9abfb3b6, 0x03b6e20c, 0x74b1d29a,
    0xead54739, 0x9dd277af, 0x04db2615, 0x73dc1683, 0xe3630b12, 0x94643b84,
    0x0d6d6a3e, 0x7a6a5aa8, 0xe40ecf0b, 0x9309ff9d, 0x0a00ae27, 0x7d079eb1,
    0xf00f9344, 0x8708a3d2, 0x1e01f268, 0x6906c2fe, 0xf762575d, 0x806567cb,
    0x196c3671, 0x6e6b06e7, 0xfed41b76, 0x89d32be0, 0x10da7a5a, 0x67dd4acc,
    0xf9b9df6f, 0x8ebeeff9, 0x17b7be43, 0x60b08ed5, 0xd6d6a3e8, 0xa1d1937e,
    0x38d8c2c4, 0x4fdff252, 0xd1bb67f1, 0xa6bc5767, 0x3fb506dd, 0x48b2364b,
    0xd80d2bda, 0xaf0a1b4c, 0x36034af6, 0x41047a60, 0xdf60efc3, 0xa867df55,
    0x316e8eef, 0x4669be79, 0xcb61b38c, 0xbc66831a, 0x256fd2a0, 0x5268e236,
    0xcc0c7795, 0xbb0b4703, 0x220216b9, 0x5505262f, 0xc5ba3bbe, 0xb2bd0b28,
    0x2bb45a92, 0x5cb36a04, 0xc2d7ffa7, 0xb5d0cf31, 0x2cd99e8b, 0x5bdeae1d,
    0x9b64c2b0, 0xec63f226, 0x756aa39c, 0x026d930a, 0x9c0906a9, 0xeb0e363f,
    0x72076785, 0x05005713, 0x95bf4a82, 0xe2b87a14, 0x7bb12bae, 0x0cb61b38,
    0x92d28e9b, 0xe5d5be0d, 0x7cdcefb7, 0x0bdbdf21, 0x86d3d2d4, 0xf1d4e242,
    0x68ddb3f8, 0x1fda836e, 0x81be16cd, 0xf6b9265b, 0x6fb077e1, 0x18b74777,
    0x88085ae6, 0xff0f6a70, 0x66063bca, 0x11010b5c, 0x8f659eff, 0xf862ae69,
    0x616bffd3, 0x166ccf45, 0xa00ae278, 0xd70dd2ee, 0x4e048354, 0x3903b3c2,
    0xa7672661, 0xd06016f7, 0x4969474d, 0x3e6e77db, 0xaed16a4a, 0xd9d65adc,
    0x40df0b66, 0x37d83bf0, 0xa9bcae53, 0xdebb9ec5, 0x47b2cf7f, 0x30b5ffe9,
    0xbdbdf21c, 0xcabac28a, 0x53b39330, 0x24b4a3a6, 0xbad03605, 0xcdd70693,
    0x54de5729, 0x23d967bf, 0xb3667a2e, 0xc4614ab8, 0x5d681b02, 0x2a6f2b94,
    0xb40bbe37, 0xc30c8ea1, 0x5a05df1b, 0x2d02ef8d,
};

apr_uint32_t azl_crc32(apr_uint32_t crc, const void *data, apr_size_t len)
{
    const unsigned char *at = data;
    const unsigned char *end = at + len;

    crc = ~crc;
    for (; at < end; at++) {
        crc = crc_table[(crc ^ *at) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

static apr_uint32_t read_u32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (apr_uint32_t)b[0] << 24 | (apr_uint32_t)b[1] << 16 |
           (apr_uint32_t)b[2] << 8 | b[3];
}

static apr_size_t read_u16(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (apr_size_t)b[0] << 8 | b[1];
}

/* Take so many bytes off the front. 0: there are not so many. */
static int take(azl_span_t *from, apr_size_t len, azl_span_t *taken)
{
    if (len > from->len) {
        return 0;
    }
    *taken = azl_span(from->at, len);
    from->at += len;
    from->len -= len;
    return 1;
}

/* The number in so many bytes at the front, or -1. */
static int take_number(azl_span_t *from, apr_size_t bytes)
{
    azl_span_t piece;

    if (!take(from, bytes, &piece)) {
        return -1;
    }
    return bytes == 1 ? (unsigned char)*piece.at : (int)read_u16(piece.at);
}

/* The length of a value; -1: it stands before the value. */
static const int value_lengths[] = {
    [AZL_HEADER_TRUE] = 0,      [AZL_HEADER_FALSE] = 0,
    [AZL_HEADER_INT8] = 1,      [AZL_HEADER_INT16] = 2,
    [AZL_HEADER_INT32] = 4,     [AZL_HEADER_INT64] = 8,
    [AZL_HEADER_BYTES] = -1,    [AZL_HEADER_STRING] = -1,
    [AZL_HEADER_TIMESTAMP] = 8, [AZL_HEADER_UUID] = 16};

int azl_frame_header(azl_span_t *headers, azl_frame_header_t *header)
{
    int len, type;

    if (!headers->len) {
        return 0;
    }
    len = take_number(headers, 1);
    if (!take(headers, (apr_size_t)len, &header->name)) {
        return -1;
    }
    type = take_number(headers, 1);
    if (type < 0 || type > AZL_HEADER_UUID) {
        return -1;
    }
    header->type = (azl_header_type_e)type;
    len =
        value_lengths[type] < 0 ? take_number(headers, 2) : value_lengths[type];
    return len >= 0 && take(headers, (apr_size_t)len, &header->value) ? 1 : -1;
}

/* Those that are known stand in the frame; none of them may come twice. */
static apr_status_t read_headers(azl_frame_t *frame)
{
    const struct {
        const char *name;
        azl_span_t *value;
    } known[] = {{":message-type", &frame->message_type},
                 {":event-type", &frame->event_type},
                 {":exception-type", &frame->exception_type},
                 {":error-code", &frame->error_code}};
    azl_span_t rest = frame->headers;
    azl_frame_header_t header;
    apr_size_t i;
    int more;

    while ((more = azl_frame_header(&rest, &header)) > 0) {
        for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (header.type == AZL_HEADER_STRING &&
                azl_span_is(header.name, known[i].name)) {
                if (known[i].value->at) {
                    return APR_EGENERAL;
                }
                *known[i].value = header.value;
            }
        }
    }
    return more == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* The first bytes of a frame: its length, if that can be believed. */
static apr_status_t read_prelude(const azl_eventstream_t *es, const char *at,
                                 apr_size_t *total)
{
    apr_uint32_t frame = read_u32(at);
    apr_uint32_t headers = read_u32(at + 4);

    if (read_u32(at + 8) != azl_crc32(0, at, 8) || frame < AZL_FRAME_OVERHEAD ||
        headers > frame - AZL_FRAME_OVERHEAD) {
        return APR_EGENERAL;
    }
    if (headers > AZL_FRAME_HEADERS_MAX || frame > es->max_frame ||
        frame - AZL_FRAME_OVERHEAD - headers > AZL_FRAME_PAYLOAD_MAX) {
        return APR_ENOSPC;
    }
    *total = frame;
    return APR_SUCCESS;
}

/* A frame whose prelude is good. */
static apr_status_t read_frame(azl_span_t all, azl_frame_fn *fn, void *baton)
{
    apr_size_t headers = read_u32(all.at + 4);
    apr_size_t before_crc = all.len - CRC_LEN;
    azl_frame_t frame;

    if (read_u32(all.at + before_crc) != azl_crc32(0, all.at, before_crc)) {
        return APR_EGENERAL;
    }
    memset(&frame, 0, sizeof(frame));
    frame.headers = azl_span(all.at + PRELUDE, headers);
    frame.payload =
        azl_span(all.at + PRELUDE + headers, before_crc - PRELUDE - headers);
    if (read_headers(&frame) != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    return fn(baton, &frame);
}

/* Frames that lie whole in the feed, up to what its end has cut off. */
static apr_status_t read_feed(azl_eventstream_t *es, azl_span_t *feed,
                              azl_frame_fn *fn, void *baton)
{
    apr_status_t rv = APR_SUCCESS;
    azl_span_t frame;

    while (rv == APR_SUCCESS && feed->len >= PRELUDE) {
        rv = read_prelude(es, feed->at, &es->total);
        if (rv != APR_SUCCESS || !take(feed, es->total, &frame)) {
            return rv;
        }
        es->total = 0;
        rv = read_frame(frame, fn, baton);
    }
    return rv;
}

/* Go on with the frame that is held, from the front of the feed. */
static apr_status_t read_held(azl_eventstream_t *es, azl_span_t *feed,
                              azl_frame_fn *fn, void *baton)
{
    azl_buf_t *held = es->held;
    apr_size_t want = (es->total ? es->total : PRELUDE) - held->len;
    apr_status_t rv;
    azl_span_t piece;

    take(feed, want < feed->len ? want : feed->len, &piece);
    rv = azl_buf_span(held, piece);
    if (rv != APR_SUCCESS || piece.len < want) {
        return rv;
    }
    if (!es->total) {
        return read_prelude(es, held->data, &es->total);
    }
    es->total = 0;
    rv = read_frame(azl_span(held->data, held->len), fn, baton);
    azl_buf_clear(held);
    if (held->size > KEEP_MAX) {
        azl_buf_free(held);
    }
    return rv;
}

azl_eventstream_t *azl_eventstream_create(apr_pool_t *p, apr_size_t max_frame)
{
    azl_eventstream_t *es = apr_pcalloc(p, sizeof(*es));

    es->max_frame = max_frame;
    es->held = azl_buf_create(p, max_frame > PRELUDE ? max_frame : PRELUDE);
    return es;
}

apr_status_t azl_eventstream_feed(azl_eventstream_t *es, const char *data,
                                  apr_size_t len, azl_frame_fn *fn, void *baton)
{
    azl_span_t feed = azl_span(data, len);

    while (es->status == APR_SUCCESS && feed.len && es->held->len) {
        es->status = read_held(es, &feed, fn, baton);
    }
    if (es->status == APR_SUCCESS) {
        es->status = read_feed(es, &feed, fn, baton);
    }
    if (es->status == APR_SUCCESS && feed.len) {
        es->status = azl_buf_span(es->held, feed);
    }
    return es->status;
}

int azl_eventstream_is_whole(const azl_eventstream_t *es)
{
    return es->status == APR_SUCCESS && !es->held->len;
}
