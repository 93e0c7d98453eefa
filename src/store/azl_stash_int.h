/*
 * azl_stash_int: what the tests know of a stash's inside, to damage it.
 */
#ifndef AZL_STASH_INT_H
#define AZL_STASH_INT_H

#include "azl_stash.h"

/* Bytes of a record before what is kept. */
#define AZL_STASH_HEAD 40

/* Where the first record begins. */
char *azl_stash_ring(const azl_stash_t *stash);

#endif /* AZL_STASH_INT_H */
