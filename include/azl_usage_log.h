/*
 * azl_usage_log: the file or program that gets the usage records.
 *
 * Opened before httpd gives up its privileges (open_logs hook), once for each
 * distinct name; belongs to the configuration pool. A record is one write of
 * one line, so that many processes may append to one file.
 */
#ifndef AZL_USAGE_LOG_H
#define AZL_USAGE_LOG_H

#include <httpd.h>

#include "azl_record.h"

typedef struct azl_usage_log_t azl_usage_log_t;

/* NULL when it cannot be opened; the reason is in the error log. */
azl_usage_log_t *azl_usage_log_open(apr_pool_t *pconf, server_rec *s,
                                    const char *name);
/* APR_SUCCESS, or what the write came to. */
apr_status_t azl_usage_log_write(azl_usage_log_t *log, apr_pool_t *p,
                                 const azl_record_t *rec);

#endif /* AZL_USAGE_LOG_H */
