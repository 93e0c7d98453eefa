/*
 * azl_usage_log: the file or program that gets the usage records.
 *
 * Opened before httpd gives up its privileges (open_logs hook), once for each
 * distinct name; belongs to the configuration pool. A record is a line; a write
 * is one or more of them, so that many processes may append to one file.
 *
 * A process that has more than a few records in a moment gathers them: one
 * write(2) for each takes time from every request, and all processes wait for
 * each other in it. What is gathered lies in memory that outlives the process
 * (azl_log_buffer) and is written within milliseconds.
 */
#ifndef AZL_USAGE_LOG_H
#define AZL_USAGE_LOG_H

#include <httpd.h>

#include "azl_record.h"

typedef struct azl_usage_log_t azl_usage_log_t;

/* NULL when it cannot be opened; the reason is in the error log. */
azl_usage_log_t *azl_usage_log_open(apr_pool_t *pconf, server_rec *s,
                                    const char *name);
/* In a new child: its records may be gathered. More than once does no harm. */
void azl_usage_log_child_init(azl_usage_log_t *log, apr_pool_t *pchild);
/* In the parent: a child has ended, of this generation or one before. What it
 * had gathered for any log is written, to the one that has that name now. */
void azl_usage_log_child_ended(server_rec *s, pid_t pid);
/* APR_SUCCESS, or what the write came to. A failure to write what was gathered
 * is told in the error log instead. */
apr_status_t azl_usage_log_write(azl_usage_log_t *log, apr_pool_t *p,
                                 const azl_record_t *rec);

#endif /* AZL_USAGE_LOG_H */
