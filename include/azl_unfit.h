/*
 * azl_unfit: what a client is told of members of its request that the model
 * does not take.
 */
#ifndef AZL_UNFIT_H
#define AZL_UNFIT_H

#include <apr_pools.h>

#include "azl_error.h"
#include "azl_span.h"

/* The header with their names is not longer than this: proxies before us have
 * room for 4 or 8 KB of headers in all. */
#define AZL_UNFIT_NAMES_MAX 1024
/* So many names are more than fit, however short they are. */
#define AZL_UNFIT_COUNT_MAX (AZL_UNFIT_NAMES_MAX / 2 + 1)

/* A 400: the model has nothing for this member. `name` lives as long as the
 * error. */
void azl_unfit_member(apr_pool_t *p, const char *name, azl_error_t *err);
/* A 400: it has the member, but not this value. `taken` says in words or quoted
 * words what it may be. */
void azl_unfit_value(apr_pool_t *p, const char *name, azl_span_t value,
                     const char *taken, azl_error_t *err);
/* Lists of names with commas between them as one, each of them NULL or not
 * empty; "..." stands for those there is no room for. NULL: there are none. */
const char *azl_unfit_names(apr_pool_t *p, const char *const *lists, int n);

#endif /* AZL_UNFIT_H */
