/*
 * azl_log_buffer: lines of a log that wait to be written together.
 *
 * One anonymous segment for each log, made in the parent, from a pool that
 * outlives all children that may use it. Each child takes a part of it for
 * itself, which outlives the child: what one that was killed had not written
 * yet, the parent finds there. One thread at a time uses a part; that is the
 * caller's care.
 */
#ifndef AZL_LOG_BUFFER_H
#define AZL_LOG_BUFFER_H

#include <apr_pools.h>

#include "azl_span.h"

typedef struct azl_log_buffer_t azl_log_buffer_t;
typedef struct azl_log_part_t azl_log_part_t;

/* What is written together: so much several processes can write to a pipe
 * without their lines getting mixed (PIPE_BUF of Linux; POSIX, write()). */
#define AZL_LOG_PART_SIZE 4096

/* A new one for so many processes. */
apr_status_t azl_log_buffer_create(azl_log_buffer_t **buffer, apr_pool_t *pool,
                                   int parts);
/* The last line in the log has no end: who wrote it could not write it all. */
void azl_log_buffer_tear(azl_log_buffer_t *buffer);
/* 1 if that is so, to the first of all processes that asks: it ends the line
 * before it writes another. */
int azl_log_buffer_mend(azl_log_buffer_t *buffer);
/* One of its parts for this process, empty; NULL if there is none left. */
azl_log_part_t *azl_log_buffer_take(azl_log_buffer_t *buffer, apr_int64_t pid);
/* The part of a process that has gone; NULL if it has none. */
azl_log_part_t *azl_log_buffer_find(azl_log_buffer_t *buffer, apr_int64_t pid);
/* Nobody's from now on; what is in it is forgotten. */
void azl_log_part_release(azl_log_part_t *part);

/* 1 when the line is in it, whole; 0 when there is no room for it. */
int azl_log_part_put(azl_log_part_t *part, azl_span_t line);
int azl_log_part_is_empty(const azl_log_part_t *part);
/* Take all that is in it. It stays readable until the next put. Who is killed
 * before it is written has lost it, as with a line written at once: twice
 * would be worse, these lines are added up. */
azl_span_t azl_log_part_take(azl_log_part_t *part);

#endif /* AZL_LOG_BUFFER_H */
