/*
 * azl_eventstream: an incremental decoder for AWS's binary event streams
 * (application/vnd.amazon.eventstream).
 *
 * A stream is a row of frames: total length, length of the headers, CRC of
 * these two, headers, payload, CRC of everything before; numbers are
 * big-endian, the CRC is that of zlib. Feeds may be split at any byte. Both
 * checksums and all lengths are checked before a frame is handed out; a frame
 * that lies whole in one feed is handed out without a copy.
 *
 * Belongs to one stream, lives in the pool it was created from; what it has to
 * keep between two feeds sits in a capped buffer outside the pool.
 */
#ifndef AZL_EVENTSTREAM_H
#define AZL_EVENTSTREAM_H

#include <apr_pools.h>

#include "azl_span.h"

/* What is around a frame's headers and payload. */
#define AZL_FRAME_OVERHEAD 16
/* AWS's own limits. */
#define AZL_FRAME_HEADERS_MAX (128 * 1024)
#define AZL_FRAME_PAYLOAD_MAX (24 * 1024 * 1024)

typedef struct azl_eventstream_t azl_eventstream_t;

/* A frame whose checksums and headers are good. Valid during the call. The
 * texts are empty where the header is missing or is no string. */
typedef struct azl_frame_t {
    azl_span_t headers;        /* encoded, see azl_frame_header() */
    azl_span_t payload;
    azl_span_t message_type;   /* :message-type: event, exception, error */
    azl_span_t event_type;     /* :event-type */
    azl_span_t exception_type; /* :exception-type */
    azl_span_t error_code;     /* :error-code, of an error without payload */
} azl_frame_t;

typedef enum {
    AZL_HEADER_TRUE = 0,
    AZL_HEADER_FALSE,
    AZL_HEADER_INT8,
    AZL_HEADER_INT16,
    AZL_HEADER_INT32,
    AZL_HEADER_INT64,
    AZL_HEADER_BYTES,
    AZL_HEADER_STRING,
    AZL_HEADER_TIMESTAMP, /* milliseconds */
    AZL_HEADER_UUID       /* the last */
} azl_header_type_e;

typedef struct azl_frame_header_t {
    azl_span_t name;
    azl_header_type_e type;
    azl_span_t value; /* as it stands in the frame: numbers big-endian, nothing
                         for true and false */
} azl_frame_header_t;

/* Anything but APR_SUCCESS ends the feed and is its result. */
typedef apr_status_t azl_frame_fn(void *baton, const azl_frame_t *frame);

/* No frame may be longer than max_frame bytes. */
azl_eventstream_t *azl_eventstream_create(apr_pool_t *p, apr_size_t max_frame);
/* APR_SUCCESS; APR_EGENERAL when what comes is no such stream or a checksum is
 * wrong; APR_ENOSPC when a frame passes a limit; or what fn returned. After
 * anything but APR_SUCCESS the decoder is of no further use and goes on
 * returning that. */
apr_status_t azl_eventstream_feed(azl_eventstream_t *es, const char *data,
                                  apr_size_t len, azl_frame_fn *fn,
                                  void *baton);
/* 1 if the stream may end here: no frame is incomplete. */
int azl_eventstream_is_whole(const azl_eventstream_t *es);

/* Takes the next header off the front of a frame's encoded headers: 1, or 0 at
 * their end, or -1 if they are damaged. */
int azl_frame_header(azl_span_t *headers, azl_frame_header_t *header);

/* CRC-32 as in zlib (IEEE 802.3), of what follows the bytes that `crc` is of;
 * of nothing it is 0. */
apr_uint32_t azl_crc32(apr_uint32_t crc, const void *data, apr_size_t len);

#endif /* AZL_EVENTSTREAM_H */
