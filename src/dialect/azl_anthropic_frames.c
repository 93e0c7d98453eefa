/*
 * A stream of the Messages API as Bedrock's InvokeModel sends it: each event
 * is base64 in a frame. For a chat the events are translated, for a client of
 * the Messages API they only lose their frames.
 */
#include <apr_base64.h>
#include <apr_strings.h>

#include "azl_anthropic_int.h"
#include "azl_bedrock_int.h"
#include "azl_eventstream.h"
#include "azl_messages_int.h"

typedef struct frames_t {
    azl_exchange_t *ex;
    azl_eventstream_t *frames;
    void *decoder;   /* of the events; NULL: they are not translated */
    azl_buf_t *text; /* one event, decoded */
    azl_buf_t *out;  /* of the call that runs */
    int failed;
} frames_t;

void *azl_anthropic_unframed(azl_exchange_t *ex)
{
    frames_t *f = apr_pcalloc(ex->pool, sizeof(*f));

    f->ex = ex;
    f->frames = azl_eventstream_create(ex->pool, AZL_STREAM_EVENT_MAX);
    f->text = azl_buf_create(ex->pool, AZL_STREAM_EVENT_MAX);
    return f;
}

void *azl_anthropic_frames(azl_exchange_t *ex)
{
    frames_t *f = azl_anthropic_unframed(ex);

    f->decoder = azl_anthropic_decoder(ex);
    return f;
}

/* White space between tokens is all that could be a line end in JSON. */
static void pass(frames_t *f)
{
    apr_size_t i;

    for (i = 0; i < f->text->len; ++i) {
        if (f->text->data[i] == '\n' || f->text->data[i] == '\r') {
            f->text->data[i] = ' ';
        }
    }
    azl_buf_puts(f->out, "data: ");
    azl_buf_append(f->out, f->text->data, f->text->len);
    azl_buf_puts(f->out, "\n\n");
}

/* {"bytes":"base64"}, and padding. */
static apr_status_t on_chunk(frames_t *f, azl_span_t payload)
{
    const azl_value_t *bytes;
    azl_sse_event_t ev;
    azl_object_t o;

    bytes = azl_object_open(&o, payload) ? azl_object_get(&o, "bytes") : NULL;
    if (!bytes || bytes->type != AZL_JSON_STRING) {
        return APR_EGENERAL;
    }
    /* the decoder stops at the quote that ends it */
    azl_buf_clear(f->text);
    if (azl_buf_reserve(f->text, bytes->raw.len + 1) != APR_SUCCESS) {
        return APR_ENOSPC;
    }
    f->text->len =
        (apr_size_t)apr_base64_decode(f->text->data, bytes->raw.at + 1);
    if (!f->decoder) {
        pass(f);
        return APR_SUCCESS;
    }
    memset(&ev, 0, sizeof(ev));
    ev.data = azl_span(f->text->data, f->text->len);
    azl_anthropic_event(f->decoder, &ev, f->out);
    return APR_SUCCESS;
}

static void fail(frames_t *f, int status, const char *code, const char *message)
{
    azl_hub_stream_t hub;
    azl_error_t err;

    if (f->decoder) {
        azl_hub_stream_init(&hub, f->ex);
        hub.out = f->out;
        azl_hub_error(&hub, status, NULL, code, message);
        return;
    }
    azl_error_from_status(&err, status);
    err.message = message ? message : err.message;
    azl_buf_puts(f->out, "data: ");
    azl_messages_error(&err, NULL, f->out);
    azl_buf_puts(f->out, "\n\n");
}

/* The status was 200 long before this. */
static void on_exception(frames_t *f, const azl_frame_t *frame)
{
    azl_span_t type =
        frame->exception_type.len ? frame->exception_type : frame->error_code;
    const char *message = azl_bedrock_message(f->ex->pool, frame->payload);
    int status = azl_bedrock_error_status(type);
    const char *code;

    status = status ? status : 500;
    code = azl_bedrock_error_code(&status, message);
    fail(f, status, code, message);
    f->failed = 1;
}

static apr_status_t on_frame(void *baton, const azl_frame_t *frame)
{
    frames_t *f = baton;

    if (f->failed) {
        return APR_SUCCESS;
    }
    if (!azl_span_is(frame->message_type, "event")) {
        on_exception(f, frame);
        return APR_SUCCESS;
    }
    return azl_span_is(frame->event_type, "chunk") ? on_chunk(f, frame->payload)
                                                   : APR_SUCCESS;
}

apr_status_t azl_anthropic_bytes(void *frames, const char *data, apr_size_t len,
                                 azl_buf_t *out)
{
    frames_t *f = frames;

    f->out = out;
    return azl_eventstream_feed(f->frames, data, len, on_frame, f) ==
                   APR_SUCCESS
               ? APR_SUCCESS
               : APR_EGENERAL;
}

void azl_anthropic_frames_end(void *frames, azl_buf_t *out)
{
    frames_t *f = frames;

    if (f->decoder && !f->failed) {
        azl_anthropic_end(f->decoder, out);
    }
}
