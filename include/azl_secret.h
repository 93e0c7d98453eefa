/*
 * azl_secret: a key, a token or a password, in a form that nothing prints.
 *
 * It is no text: a compiler refuses it for %s, and where texts are taken
 * without a format (apr_pstrcat) it reads as an empty one. What it holds is
 * given out by azl_secret_reveal() alone, which a guard allows only where a
 * secret goes on its way, never in a message.
 */
#ifndef AZL_SECRET_H
#define AZL_SECRET_H

#include <apr_pools.h>

#include "azl_span.h"

typedef struct azl_secret_t azl_secret_t;

/* A copy of some bytes, in the pool; it is overwritten when the pool goes. */
const azl_secret_t *azl_secret_make(apr_pool_t *p, azl_span_t bytes);
/* ... of a text; NULL is NULL. */
const azl_secret_t *azl_secret_str(apr_pool_t *p, const char *text);
/* ... of a secret, for a moment: it is not overwritten. For requests, in
 * whose pools it will stand as a header anyway. NULL is NULL. */
const azl_secret_t *azl_secret_lend(apr_pool_t *p, const azl_secret_t *secret);
/* What it holds, with a NUL behind it; as long as the secret is there. NULL is
 * NULL. */
const char *azl_secret_reveal(const azl_secret_t *secret);
/* How long that is; of NULL 0. */
apr_size_t azl_secret_len(const azl_secret_t *secret);
/* 1 if a word of somebody else's text has it in it, in whatever case. NULL and
 * what is empty are in none. */
int azl_secret_is_in(const azl_secret_t *secret, azl_span_t word);

#endif /* AZL_SECRET_H */
