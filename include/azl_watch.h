/*
 * azl_watch: waiting for an upstream's answer with one eye on the clock and
 * one on the client.
 *
 * mod_proxy_http waits for the upstream in a blocking read that knows neither
 * our time limits nor that the client may leave. An input filter on the
 * backend's connection waits in its place: for the upstream, the client and
 * the attempt's time limits at once. It belongs to the attempt that runs on
 * the connection (azl_attempt_t: first_token_by, idle, over_by) and finds none
 * when the connection is idle in its pool. When it ends an attempt,
 * azl_attempt_t.ended_by says why.
 */
#ifndef AZL_WATCH_H
#define AZL_WATCH_H

#include "azl_attempt.h"

/* How long a client that left may go unnoticed where it cannot be polled (a
 * stream of HTTP/2). */
#define AZL_WATCH_SLICE apr_time_from_msec(50)

/* The request is out; its answer will be read from answer->connection. Called
 * from mod_proxy's create_req hook. */
void azl_watch_begin(azl_attempt_t *at, request_rec *answer);
/* Wait, for the sake of waiting (before another attempt). 1 if the client left
 * meanwhile, 0 when the time is over. */
int azl_watch_pause(request_rec *r, apr_interval_time_t how_long);
/* The filter, registered once at start. */
void azl_watch_register(void);

#endif /* AZL_WATCH_H */
