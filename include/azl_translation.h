/*
 * azl_translation: an attempt at a deployment that does not speak the client's
 * language. Functions on an attempt whose way (azl_dialect.h) has an inbound
 * or an outbound; no state beside its exchange, which lives in the request's
 * pool. What the request was read into lives in a pool of its own until the
 * answer begins.
 */
#ifndef AZL_TRANSLATION_H
#define AZL_TRANSLATION_H

#include "azl_attempt.h"

/* 1 if the attempt's way has an inbound or an outbound. */
int azl_translation_needed(const azl_attempt_t *at);
/* The upstream's body from the client's document. 1, or 0 with the error: this
 * deployment cannot be asked that. */
int azl_translation_request(azl_attempt_t *at, azl_error_t *err);
/* The media type of the upstream's stream. */
const char *azl_translation_stream_type(const azl_attempt_t *at);
/* The stream of the attempt is translated. */
void azl_translation_stream(azl_attempt_t *at);
/* A whole answer as the client's. APR_EGENERAL: it is none, and perhaps
 * `regretted`. */
apr_status_t azl_translation_answer(azl_attempt_t *at, azl_span_t doc,
                                    azl_buf_t *out);
/* An error answer in words that azl_failure_read() knows, with its status. */
azl_span_t azl_translation_failure(azl_attempt_t *at, azl_span_t body);
/* The answer has begun: the request will not be needed again. */
void azl_translation_begun(azl_attempt_t *at);

#endif /* AZL_TRANSLATION_H */
