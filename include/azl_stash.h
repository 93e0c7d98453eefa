/*
 * azl_stash: what providers want back and a client cannot carry (signatures of
 * reasoning, encrypted reasoning), for as long as a loop of tool calls takes.
 *
 * One piece of memory shared by all processes of one httpd, never on a disk,
 * made from the process pool, so that it outlives a graceful restart. Its size
 * is fixed: the newest push out the oldest. Nothing waits: a writer takes its
 * room with one atomic step, a reader copies and then sees whether what it
 * copied was whole. Who is killed while writing leaves a record that nobody
 * accepts.
 */
#ifndef AZL_STASH_H
#define AZL_STASH_H

#include <apr_pools.h>
#include <apr_time.h>

#include "azl_span.h"

typedef struct azl_stash_t azl_stash_t;

/* Whose it is and what it is about, as a digest. */
#define AZL_STASH_NAME_LEN 16

/* `size` bytes for what is kept; a record takes its length and 40 bytes. */
apr_status_t azl_stash_create(azl_stash_t **stash, apr_pool_t *pool,
                              apr_size_t size);
/* Keep a copy until `until`. What had that name before is forgotten. A record
 * larger than a quarter of the stash is not kept. */
void azl_stash_put(azl_stash_t *stash,
                   const unsigned char name[AZL_STASH_NAME_LEN],
                   azl_span_t what, apr_time_t until);
/* A copy in `p`; an empty span if it is not there, or not any more. */
azl_span_t azl_stash_get(azl_stash_t *stash, apr_pool_t *p,
                         const unsigned char name[AZL_STASH_NAME_LEN],
                         apr_time_t now);

#endif /* AZL_STASH_H */
