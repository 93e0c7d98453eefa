#include "azl_random.h"

#include <apr_general.h>

/* 0 in a new thread, so that its first use seeds it. */
static __thread apr_uint64_t state;
static __thread unsigned int seeded;
static unsigned int generation = 1;

void azl_random_forked(void)
{
    generation++;
}

apr_uint64_t azl_random_u64(void)
{
    apr_uint64_t z;

    if (seeded != generation) {
        seeded = generation;
        /* not OpenSSL's generator, which costs each thread 5 KB for good */
        apr_generate_random_bytes((unsigned char *)&state, sizeof(state));
    }
    /* the constants are the algorithm's own */
    z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}
