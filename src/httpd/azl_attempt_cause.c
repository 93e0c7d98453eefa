/*
 * Why an attempt came to nothing, for the log: it says where to look. Nothing
 * of it is the upstream's own text.
 */
#include <apr_strings.h>

#include "azl_attempt.h"

static const char *limit_of(azl_end_e end)
{
    switch (end) {
    case AZL_END_FIRST_TOKEN:
        return "its first token took longer than first-token-timeout=";
    case AZL_END_IDLE:
        return "it was silent for longer than idle-timeout=";
    case AZL_END_TOTAL:
        return "it took longer than timeout=";
    default:
        return NULL;
    }
}

/* What the stream came to; NULL: nothing is wrong with what came. */
static const char *stream_cause(const azl_attempt_t *at)
{
    const azl_stream_state_t *state = azl_stream_state(at->stream);

    if (azl_stream_is_broken(at->stream)) {
        return "what it sent cannot be read, or is larger than may be held";
    }
    if (state->failed) {
        return apr_psprintf(at->r->pool, "it sent an error event (%s)",
                            state->error.code);
    }
    return NULL;
}

const char *azl_attempt_cause(const azl_attempt_t *at)
{
    const char *cause = limit_of(at->ended_by);

    if (!cause && at->stream) {
        cause = stream_cause(at);
    }
    if (cause) {
        return cause;
    }
    if (at->unfit) {
        return "it cannot be asked this";
    }
    if (at->status && (at->status < 200 || at->status > 299)) {
        return "that was its answer";
    }
    if (at->regretted) {
        return "an error came in place of an answer";
    }
    if (strcmp(at->error.code ? at->error.code : "", AZL_CODE_NO_CREDENTIAL) ==
        0) {
        return "there was no credential to ask with";
    }
    if (at->ended_by == AZL_END_ENDLESS) {
        return "it went on with what is no answer";
    }
    if (!at->sent) {
        return "the request could not be sent";
    }
    return at->heard ? "it ended before the answer did" : "nothing came back";
}
