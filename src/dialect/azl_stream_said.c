/*
 * What a stream has said so far, for another upstream to go on from. Kept as
 * it was written, inside of a JSON string, so that it need not be decoded to
 * be sent on.
 */
#include "azl_stream_int.h"

/* Its end can be cut off in the middle of a surrogate pair, which a next chunk
 * would have completed: an escape of six characters. */
#define SURROGATE_LEN 6

void azl_stream_says(azl_stream_t *st, const azl_span_t *raw)
{
    if (!st->rules->keep_said || st->said_other) {
        return;
    }
    if (!raw || st->chunks.nstarted > 1) {
        st->said_other = 1;
        return;
    }
    if (!st->said) {
        st->said = azl_buf_create(st->pool, AZL_STREAM_SAID_MAX);
    }
    if (azl_buf_append(st->said, raw->at + 1, raw->len - 2) != APR_SUCCESS) {
        st->said_other = 1;
    }
}

/* Does it end with the first half of a character? */
static int ends_in_half(const azl_buf_t *said)
{
    const char *tail;

    if (said->len < SURROGATE_LEN) {
        return 0;
    }
    tail = said->data + said->len - SURROGATE_LEN;
    return tail[0] == '\\' && tail[1] == 'u' && (tail[2] | 0x20) == 'd' &&
           strchr("89abAB", tail[3]);
}

const char *azl_stream_said(azl_stream_t *st)
{
    if (!st->said || st->said_other || st->state.finished || st->state.closed ||
        st->rules->op != AZL_OP_CHAT || st->rules->choices > 1 ||
        ends_in_half(st->said)) {
        return NULL;
    }
    /* a string ends with NUL, which is not part of it */
    if (azl_buf_append(st->said, "", 1) != APR_SUCCESS) {
        return NULL;
    }
    st->said->len--;
    return st->said->data;
}

void azl_stream_resume(azl_stream_t *st)
{
    st->sse = azl_sse_create(st->pool, AZL_STREAM_EVENT_MAX);
    st->broken = 0;
    st->state.failed = 0;
    st->state.text_bytes = 0;
    st->state.deltas = 0;
    memset(&st->state.usage, 0, sizeof(st->state.usage));
    memset(&st->told, 0, sizeof(st->told));
    st->told_text = 0;
    st->told_deltas = 0;
    st->chunks.resumed = 1;
    azl_repeat_forget(&st->chunks.repeat);
    if (st->chunks.usage) {
        azl_buf_clear(st->chunks.usage);
    }
}
