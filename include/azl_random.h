/*
 * azl_random: fast random numbers for what is no secret: request ids and the
 * choice among candidates. Keys and everything that must not be guessed use
 * azl_crypto_random().
 *
 * One generator for each thread (splitmix64; Steele, Lea, Flood 2014), seeded
 * from the operating system at its first use, so that threads and forked
 * processes never repeat each other; no lock, no allocation.
 */
#ifndef AZL_RANDOM_H
#define AZL_RANDOM_H

#include <apr.h>

apr_uint64_t azl_random_u64(void);
/* Call in a new process before it has threads: it must not go on with what its
 * parent was about to draw. */
void azl_random_forked(void);

#endif /* AZL_RANDOM_H */
