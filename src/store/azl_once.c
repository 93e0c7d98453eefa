/*
 * What has been done, as words of digests. A word may stand in any of a few
 * places that follow each other; when all are taken, one of them is forgotten.
 * Two processes that bring the same word at the same moment meet in the same
 * places, and the exchange lets one of them be first.
 */
#include "azl_shared_int.h"

/* A line of the cache. */
#define PLACES (AZL_CACHE_LINE / (int)sizeof(azl_word64_t))
#define LINES (AZL_ONCE_WORDS / PLACES)

static azl_word64_t *places_of(const azl_shared_t *shared, apr_uint64_t what)
{
    return shared->once + (what % LINES) * PLACES;
}

int azl_shared_once(azl_shared_t *shared, apr_uint64_t what)
{
    azl_word64_t *place = places_of(shared, what);
    int i;

    for (i = 0; i < PLACES; i++) {
        apr_uint64_t held = 0;

        if (atomic_compare_exchange_strong(&place[i], &held, what)) {
            return 1;
        }
        if (held == what) {
            return 0;
        }
    }
    /* which one is as good as any: bits that did not choose the line */
    atomic_store(&place[(what / LINES) % PLACES], what);
    return 1;
}

void azl_once_copy(azl_shared_t *to, const azl_shared_t *from)
{
    int i;

    for (i = 0; i < AZL_ONCE_WORDS; i++) {
        atomic_store(&to->once[i], atomic_load(&from->once[i]));
    }
}
