/*
 * Frames of AWS's event streams, made by hand.
 */
#ifndef FRAME_FIXTURE_H
#define FRAME_FIXTURE_H

#include "azl_buf.h"
#include "azl_eventstream.h"

static inline void put_number(azl_buf_t *out, apr_uint32_t n, int bytes)
{
    char c;

    while (bytes--) {
        c = (char)(n >> (8 * bytes) & 0xff);
        azl_buf_append(out, &c, 1);
    }
}

/* A header that is a string. */
static inline void put_header(azl_buf_t *out, const char *name,
                              const char *value)
{
    put_number(out, (apr_uint32_t)strlen(name), 1);
    azl_buf_puts(out, name);
    put_number(out, AZL_HEADER_STRING, 1);
    put_number(out, (apr_uint32_t)strlen(value), 2);
    azl_buf_puts(out, value);
}

static inline void put_frame(azl_buf_t *out, azl_span_t headers,
                             azl_span_t payload)
{
    apr_size_t at = out->len;

    put_number(
        out, (apr_uint32_t)(headers.len + payload.len + AZL_FRAME_OVERHEAD), 4);
    put_number(out, (apr_uint32_t)headers.len, 4);
    put_number(out, azl_crc32(0, out->data + at, 8), 4);
    azl_buf_span(out, headers);
    azl_buf_span(out, payload);
    put_number(out, azl_crc32(0, out->data + at, out->len - at), 4);
}

/* A frame as Bedrock sends it: `message` is "event" or "exception", `type`
 * which. */
static inline void put_event(apr_pool_t *p, azl_buf_t *out, const char *message,
                             const char *type, const char *payload)
{
    azl_buf_t *headers = azl_buf_create(p, AZL_FRAME_HEADERS_MAX);

    put_header(headers,
               strcmp(message, "event") ? ":exception-type" : ":event-type",
               type);
    put_header(headers, ":content-type", "application/json");
    put_header(headers, ":message-type", message);
    put_frame(out, azl_span(headers->data, headers->len),
              azl_span_str(payload));
    azl_buf_free(headers);
}

#endif /* FRAME_FIXTURE_H */
