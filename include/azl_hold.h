/*
 * azl_hold: keeps a thread with a connection for a moment after an answer.
 *
 * The event MPM gives a connection back to its listener after each answer,
 * which costs more than the request when the next one follows within a
 * millisecond. One small state for each client connection, in its pool;
 * counters for each process. Off (AzureLITKeepAliveHold off) nothing of it
 * runs.
 */
#ifndef AZL_HOLD_H
#define AZL_HOLD_H

#include <httpd.h>

/* Count the threads of this process; call once in each child. `used`: some
 * server has the hold switched on. */
void azl_hold_child_init(int used);
/* The connection's last answer, which has just been given, is ours: it may be
 * held that long. */
void azl_hold_mark(conn_rec *c, apr_interval_time_t hold);

#endif /* AZL_HOLD_H */
