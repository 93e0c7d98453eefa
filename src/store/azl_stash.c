/*
 * A ring of bytes and an index of places in it.
 *
 * Places are counted on and on; where one is in the ring is its remainder. What
 * was written at a place is there until the count has gone on by a whole ring.
 * A word of the index holds a place and a few bits of the name, so that it
 * changes in one step; a record begins with its whole name and a sum over
 * everything.
 */
#include <apr_shm.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_shared_int.h"
#include "azl_stash_int.h"

/* Words of the index; a power of two. They stand in lines of the cache. */
#define INDEX_WORDS 16384
#define PLACES (AZL_CACHE_LINE / (int)sizeof(azl_word64_t))
/* Records begin at multiples of this. */
#define ALIGNMENT 16
/* A word: the place (in units of ALIGNMENT, plus one) below, bits of the name
 * above. At a gigabyte a second the count lasts for half a year. */
#define PLACE_BITS 50
#define PLACE_MASK (((apr_uint64_t)1 << PLACE_BITS) - 1)
/* Of the sum: enough that nothing torn is taken for whole. */
#define SUM_LEN 8

typedef struct record_t {
    unsigned char sum[SUM_LEN]; /* of all that follows */
    unsigned char name[AZL_STASH_NAME_LEN];
    apr_uint64_t len;
    apr_int64_t until;
} record_t;

_Static_assert(sizeof(record_t) == AZL_STASH_HEAD, "as it is told to others");

typedef struct head_t {
    _Alignas(AZL_CACHE_LINE) azl_word64_t next; /* the place to write at */
} head_t;

struct azl_stash_t {
    head_t *head;
    azl_word64_t *index;
    char *ring;
    apr_size_t size; /* of the ring */
};

apr_status_t azl_stash_create(azl_stash_t **stash, apr_pool_t *pool,
                              apr_size_t size)
{
    azl_stash_t *s = apr_pcalloc(pool, sizeof(*s));
    apr_size_t index_size = INDEX_WORDS * sizeof(azl_word64_t);
    apr_status_t rv;
    apr_shm_t *shm;
    char *base;

    s->size = size - size % ALIGNMENT;
    rv = apr_shm_create(&shm,
                        sizeof(head_t) + index_size + s->size + AZL_CACHE_LINE,
                        NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    base = apr_shm_baseaddr_get(shm);
    base += (AZL_CACHE_LINE - (apr_uintptr_t)base % AZL_CACHE_LINE) %
            AZL_CACHE_LINE;
    s->head = (head_t *)base;
    s->index = (azl_word64_t *)(base + sizeof(head_t));
    s->ring = base + sizeof(head_t) + index_size;
    *stash = s;
    return APR_SUCCESS;
}

char *azl_stash_ring(const azl_stash_t *stash)
{
    return stash->ring;
}

/* The line of the index for a name, and the bits that tell names in it
 * apart. */
static azl_word64_t *line_of(const azl_stash_t *stash,
                             const unsigned char name[AZL_STASH_NAME_LEN],
                             apr_uint64_t *tag)
{
    apr_uint64_t words[2];

    memcpy(words, name, sizeof(words));
    *tag = words[1] << PLACE_BITS;
    return stash->index + words[0] % (INDEX_WORDS / PLACES) * PLACES;
}

/* 1 if there is one. */
static int sum_of(const record_t *record, azl_span_t what,
                  unsigned char sum[AZL_SHA256_LEN])
{
    azl_span_t pieces[2];

    pieces[0] =
        azl_span((const char *)record + SUM_LEN, sizeof(*record) - SUM_LEN);
    pieces[1] = what;
    return azl_crypto_sha256_pieces(pieces, 2, sum) == APR_SUCCESS;
}

/* The place is taken before anything is written there. */
static apr_uint64_t take_room(azl_stash_t *stash, apr_size_t len)
{
    apr_uint64_t at = atomic_load(&stash->head->next);
    apr_uint64_t from;

    do {
        apr_uint64_t left = stash->size - at % stash->size;

        from = left < len ? at + left : at; /* in one piece */
    } while (
        !atomic_compare_exchange_weak(&stash->head->next, &at, from + len));
    return from;
}

static void publish(azl_stash_t *stash,
                    const unsigned char name[AZL_STASH_NAME_LEN],
                    apr_uint64_t place)
{
    apr_uint64_t tag;
    azl_word64_t *line = line_of(stash, name, &tag);
    apr_uint64_t word = tag | (place / ALIGNMENT + 1);
    int oldest = 0;
    int i;

    for (i = 0; i < PLACES; i++) {
        apr_uint64_t held = atomic_load(&line[i]);

        if (!held || (held & ~PLACE_MASK) == tag) {
            oldest = i;
            break;
        }
        if ((held & PLACE_MASK) < (atomic_load(&line[oldest]) & PLACE_MASK)) {
            oldest = i;
        }
    }
    atomic_store(&line[oldest], word);
}

void azl_stash_put(azl_stash_t *stash,
                   const unsigned char name[AZL_STASH_NAME_LEN],
                   azl_span_t what, apr_time_t until)
{
    unsigned char sum[AZL_SHA256_LEN];
    apr_size_t len = sizeof(record_t) + what.len;
    record_t record;
    apr_uint64_t place;
    char *to;

    len += (ALIGNMENT - len % ALIGNMENT) % ALIGNMENT;
    if (len > stash->size / 4) {
        return;
    }
    memset(&record, 0, sizeof(record));
    memcpy(record.name, name, sizeof(record.name));
    record.len = what.len;
    record.until = until;
    if (!sum_of(&record, what, sum)) {
        return;
    }
    memcpy(record.sum, sum, sizeof(record.sum));
    place = take_room(stash, len);
    to = stash->ring + place % stash->size;
    memcpy(to, &record, sizeof(record));
    memcpy(to + sizeof(record), what.at, what.len);
    atomic_thread_fence(memory_order_release);
    publish(stash, name, place);
}

/* What is at a place, copied, if it is whole and has that name. */
static azl_span_t read_record(azl_stash_t *stash, apr_pool_t *p,
                              apr_uint64_t place,
                              const unsigned char name[AZL_STASH_NAME_LEN],
                              apr_time_t now)
{
    const char *from = stash->ring + place % stash->size;
    apr_size_t room = stash->size - place % stash->size;
    azl_span_t none = azl_span("", 0);
    unsigned char sum[AZL_SHA256_LEN];
    record_t record;
    char *copy;

    if (room < sizeof(record)) {
        return none;
    }
    memcpy(&record, from, sizeof(record));
    if (memcmp(record.name, name, sizeof(record.name)) != 0 ||
        record.len > room - sizeof(record) || record.until <= now) {
        return none;
    }
    copy = apr_pstrmemdup(p, from + sizeof(record), record.len);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load(&stash->head->next) - place > stash->size) {
        return none; /* it may have been written over meanwhile */
    }
    return sum_of(&record, azl_span(copy, record.len), sum) &&
                   memcmp(sum, record.sum, sizeof(record.sum)) == 0
               ? azl_span(copy, record.len)
               : none;
}

azl_span_t azl_stash_get(azl_stash_t *stash, apr_pool_t *p,
                         const unsigned char name[AZL_STASH_NAME_LEN],
                         apr_time_t now)
{
    apr_uint64_t tag;
    azl_word64_t *line = line_of(stash, name, &tag);
    int i;

    for (i = 0; i < PLACES; i++) {
        apr_uint64_t word = atomic_load(&line[i]);
        azl_span_t found;

        if (!word || (word & ~PLACE_MASK) != tag) {
            continue;
        }
        found = read_record(stash, p, ((word & PLACE_MASK) - 1) * ALIGNMENT,
                            name, now);
        if (found.len) {
            return found;
        }
    }
    return azl_span("", 0);
}
