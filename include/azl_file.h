/*
 * azl_file: read a small file whole. Stateless.
 */
#ifndef AZL_FILE_H
#define AZL_FILE_H

#include <apr_pools.h>

#include "azl_span.h"

/* The content of a regular file, in the pool (and a NUL behind it, which is
 * not counted). APR_ENOSPC if it is larger than `max`, APR_EINVAL if it is no
 * regular file (a pipe is not waited for), else what the system says. */
apr_status_t azl_file_read(apr_pool_t *p, const char *path, apr_off_t max,
                           azl_span_t *content);
/* What of that stands in a message: why the file cannot be read. */
const char *azl_file_reason(apr_pool_t *p, apr_status_t rv);

#endif /* AZL_FILE_H */
