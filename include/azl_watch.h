/*
 * azl_watch: waiting for an upstream's answer with one eye on the clock and
 * one on the client.
 *
 * mod_proxy_http waits for the upstream in a blocking read that knows neither
 * our time limits nor that the client may leave. The bucket that stands for the
 * backend's socket waits in its place: for the upstream, the client and the
 * attempt's time limits at once. The watch belongs to the attempt that runs on
 * the connection (azl_attempt_t: first_token_by, idle, over_by) and has none
 * when the connection is idle in its pool. When it ends an attempt,
 * azl_attempt_t.ended_by says why; mod_proxy's own messages about that are
 * kept from the log.
 *
 * Limits are moments of apr_time_now(), as the attempt has them, but a clock
 * that is set while an answer is under way changes nothing.
 */
#ifndef AZL_WATCH_H
#define AZL_WATCH_H

#include "azl_attempt.h"

typedef struct azl_watch_t azl_watch_t;

/* How long a client that left may go unnoticed where it cannot be polled (a
 * stream of HTTP/2). */
#define AZL_WATCH_SLICE apr_time_from_msec(50)

/* mod_proxy is about to send this attempt's request; NULL: it has returned.
 * Until the request is out nothing but the socket's own timeout ends a TLS
 * handshake that the other side does not answer: it is what is left of the
 * attempt's time. An upload that it does not take ends with that too, or when
 * the client leaves. Goes by the thread, which does one thing at a time. */
void azl_watch_expect(azl_attempt_t *at);
/* The request is out; its answer will be read from answer->connection. Called
 * from mod_proxy's create_req hook. Sets at->watch, which is NULL again when
 * mod_proxy has done with the answer, and at->reused. */
void azl_watch_begin(azl_attempt_t *at, request_rec *answer);
/* The client has left, or cannot be written to. Not every client that has is
 * known to have: it is looked for while the upstream is silent. */
int azl_watch_client_left(const azl_attempt_t *at);
/* Read more of the answer for a client that has left, because it may say what
 * was counted. Waits, but only for a moment that begins with the first call;
 * then, and when there is no more, the status is not APR_SUCCESS. */
apr_status_t azl_watch_last_words(azl_attempt_t *at, apr_bucket_brigade *bb);
/* Nothing of this attempt will reach the client any more: it is known to have
 * gone, also to httpd. */
void azl_watch_give_up(azl_attempt_t *at);
/* The upstream goes on with what nobody wants: it is not read any further. */
void azl_watch_stop(azl_attempt_t *at);
/* mod_proxy has returned: messages are logged again. */
void azl_watch_end(azl_attempt_t *at);
/* Wait, for the sake of waiting (before another attempt). 1 if the client left
 * meanwhile, 0 when the time is over. */
int azl_watch_pause(request_rec *r, apr_interval_time_t how_long);

#endif /* AZL_WATCH_H */
