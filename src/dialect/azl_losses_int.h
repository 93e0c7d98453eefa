/*
 * azl_losses: what becomes of the members of a chat at an upstream: a table
 * that says which of them it carries. The rest goes through
 * azl_exchange_without(). Tables are static and end with a row without a name.
 */
#ifndef AZL_LOSSES_INT_H
#define AZL_LOSSES_INT_H

#include "azl_hub.h"

typedef enum {
    AZL_CARRIED, /* or it is nobody's business */
    AZL_LESSER,  /* without it the answer comes about differently */
    AZL_MATTERS  /* ... means something else */
} azl_loss_e;

typedef struct azl_loss_t {
    const char *name;
    azl_loss_e what;
    const char *nothing; /* a value that asks for nothing, as JSON; NULL: only
                            null does */
} azl_loss_t;

/* All members of ex->hub; what is not in the table is `others`. 1, or 0 with
 * the error: one must not be left out. */
int azl_losses(azl_exchange_t *ex, const azl_loss_t *table, azl_loss_e others,
               azl_error_t *err);

#endif /* AZL_LOSSES_INT_H */
