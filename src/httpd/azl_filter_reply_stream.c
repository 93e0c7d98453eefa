#include "azl_filter_reply_int.h"

/* Re-encoded bytes go on at the latest when there are this many. */
#define PASS_SIZE (16 * 1024)

static int is_broken_off(const azl_attempt_t *at)
{
    return at->truncated || at->ended_by == AZL_END_CLIENT_GONE ||
           azl_request_client_gone(at->r, at->ar);
}

/* What a stream that broke off has said until then was generated, and is paid
 * for. */
void azl_reply_read_stream_usage(azl_attempt_t *at)
{
    azl_stream_usage(at->stream, is_broken_off(at), at->prompt_text,
                     &at->usage);
}

/* It broke off, and another attempt may go on with it. */
static int may_go_on(azl_attempt_t *at, int eos)
{
    if (!at->committed || !at->rules.keep_said) {
        return 0;
    }
    if (eos) {
        azl_stream_flush(at->stream, at->out);
    }
    return (azl_stream_state(at->stream)->failed ||
            (eos && !azl_stream_is_whole(at->stream))) &&
           azl_stream_said(at->stream);
}

static apr_status_t interrupt(azl_attempt_t *at, ap_filter_t *next)
{
    apr_status_t rv = azl_reply_pass(at, next, 1, 0);

    at->ended = 1; /* of this upstream nothing more is wanted */
    at->truncated = 1;
    at->interrupted = 1;
    return rv;
}

apr_status_t azl_reply_settle_stream(azl_attempt_t *at, ap_filter_t *next,
                                     int flush, int eos)
{
    const azl_stream_state_t *state = azl_stream_state(at->stream);

    if (!at->committed && state->failed) {
        azl_reply_fail(at, &state->error);
        return APR_SUCCESS;
    }
    if (!at->committed && state->content) {
        azl_reply_commit(at);
    }
    /* The last word is not kept until the upstream ends its transfer. Except
     * for HTTP/2, where what stands for the client's connection may be called
     * aborted from then on, which would cost us the upstream's. */
    eos |= at->committed && state->closed && !at->r->connection->master;
    if (may_go_on(at, eos)) {
        return interrupt(at, next);
    }
    if (eos) {
        int complete = azl_stream_finish(at->stream, at->out);

        if (!at->committed) {
            /* it ended before it had begun: nothing to show */
            azl_reply_fail_transport(at, 0);
            return APR_SUCCESS;
        }
        at->truncated = !complete || state->failed;
        at->interrupted = 0;
        return azl_reply_pass(at, next, 0, 1);
    }
    if (at->committed && at->out->len && (flush || at->out->len >= PASS_SIZE)) {
        return azl_reply_pass(at, next, flush, 0);
    }
    return APR_SUCCESS;
}

void azl_reply_give_up(azl_attempt_t *at)
{
    const azl_stream_state_t *state = azl_stream_state(at->stream);

    if (state->failed) {
        azl_stream_abort(at->stream, &state->error, at->out);
    }
    else {
        azl_stream_finish(at->stream, at->out);
    }
    at->interrupted = 0;
    azl_reply_pass(at, at->r->output_filters, 0, 1);
    azl_buf_free(at->out);
}
