#include "azl_random.h"

#include <unistd.h>

#include "azl_crypto.h"

static __thread apr_uint64_t state;
/* The process that seeded it: a child must not go on with its parent's. */
static __thread pid_t seeded_by;

apr_uint64_t azl_random_u64(void)
{
    apr_uint64_t z;

    if (seeded_by != getpid()) {
        seeded_by = getpid();
        azl_crypto_random(&state, sizeof(state));
    }
    /* the constants are the algorithm's own */
    z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}
