/*
 * azl_store: this httpd's shared memory, and who uses which part of it.
 *
 * Opened by the parent once all configuration is read; found again by the next
 * generation after a graceful restart. Each child takes a row in it and gives
 * it back when it ends; for one that was killed the parent does. Deployments,
 * endpoints, keys with a limit and servers get their slots here. Without
 * shared memory everything works, only nothing is shared: the slots are NULL.
 */
#ifndef AZL_STORE_H
#define AZL_STORE_H

#include <httpd.h>

#include "azl_conf.h"
#include "azl_health.h"
#include "azl_shared.h"
#include "azl_stash.h"

/* Make or find the segment, give every part of the configuration its slots. */
apr_status_t azl_store_open(apr_pool_t *ptemp, server_rec *s);
/* This child takes part. */
void azl_store_child_init(void);
/* In the parent: whatever ended it, what it had in flight is over. */
void azl_store_child_ended(pid_t pid);
/* The segment, or NULL; this child's row, or -1. */
azl_shared_t *azl_store_shared(void);
int azl_store_row(void);
/* What providers want back and clients cannot carry, or NULL. */
azl_stash_t *azl_store_stash(void);

#endif /* AZL_STORE_H */
