/*
 * azl_shared_int: how the segment is laid out. For src/store only.
 *
 *   head      one line: what is true of the whole segment
 *   rows      the pid of each process
 *   once      AZL_ONCE_WORDS words of digests
 *   gates     sizes.gates times { azl_gate_t, a word for each process }
 *   health    sizes.deployments times { azl_health_t, a word for each process }
 *   series    sizes.series times AZL_SHARED_SERIES_SIZE bytes
 *
 * Each of these, and each gate, slot and series, starts a cache line. Every
 * process is a fork of the one that made the segment, so that an address in it
 * is good in all of them.
 */
#ifndef AZL_SHARED_INT_H
#define AZL_SHARED_INT_H

#include <stdatomic.h>

#include "azl_health.h"
#include "azl_shared.h"

#define AZL_CACHE_LINE 64

/* A library's mutex behind an atomic would be each process's own: then nothing
 * here would be true. */
_Static_assert(__atomic_always_lock_free(8, 0),
               "64-bit atomics must be lock-free");
_Static_assert(__atomic_always_lock_free(4, 0),
               "32-bit atomics must be lock-free");
_Static_assert(sizeof(_Atomic apr_uint64_t) == 8 &&
                   sizeof(_Atomic apr_uint32_t) == 4,
               "an atomic must be as large as what it holds");

typedef _Atomic apr_uint32_t azl_word32_t;
typedef _Atomic apr_uint64_t azl_word64_t;

typedef struct azl_shared_head_t {
    /* Rows at and above this one were never taken: nobody adds them up. */
    _Alignas(AZL_CACHE_LINE) azl_word32_t rows_used;
    azl_word32_t generation;
} azl_shared_head_t;

/* The words follow, one for each row. */
struct azl_gate_t {
    _Alignas(AZL_CACHE_LINE) azl_word64_t name; /* 0: free */
    azl_shared_head_t *head;
    azl_word32_t generation; /* the last that asked for it */
};

/* How its words are packed: azl_health.c. */
struct azl_health_t {
    /* One line for what changes when something goes wrong: the state of a
     * healthy deployment is one load from a line that nobody writes. */
    _Alignas(AZL_CACHE_LINE) azl_word64_t cool; /* 0: healthy */
    azl_word64_t cool_status;
    azl_word64_t fails;    /* in the rule's window */
    azl_word64_t failures; /* this minute */
    azl_word64_t total_failures;
    azl_word64_t total_cooldowns;
    azl_word64_t detours[AZL_DETOUR_COUNT]; /* until when; 0: none */
    /* One for what every request writes. */
    _Alignas(AZL_CACHE_LINE) azl_word64_t calls; /* this minute */
    azl_word64_t total_calls;
    azl_word64_t tokens; /* this minute */
    azl_word64_t latency;
    azl_word64_t first_token;
    azl_word64_t remaining_requests; /* plus one; 0: none */
    azl_word64_t remaining_tokens;   /* plus one; 0: none */
    azl_word64_t limits_at;
    /* The last, as its words follow it. */
    azl_gate_t gate;
};

/* Gates in a row, alone or at the end of something larger. */
typedef struct azl_shared_table_t {
    char *base;
    apr_size_t stride;
    apr_size_t gate_at; /* where the gate is in each */
    int n;
} azl_shared_table_t;

/* In a row's word, beside the pid of the process that empties it. */
#define AZL_ROW_EMPTYING ((apr_uint64_t)1 << 63)

struct azl_shared_t {
    azl_shared_sizes_t sizes;
    azl_shared_head_t *head;
    azl_word64_t *rows; /* whose it is: a pid; 0: free */
    azl_word64_t *once; /* AZL_ONCE_WORDS of them */
    azl_shared_table_t gates;
    azl_shared_table_t health;
    char *series;
};

/* What azl_shared_once() remembers: 64 KB. A power of two. */
#define AZL_ONCE_WORDS 8192
/* `to` remembers what `from` does. */
void azl_once_copy(azl_shared_t *to, const azl_shared_t *from);

/* Find or take the element with that name; NULL if there is no room. *reused:
 * it was another's, whose numbers are still in it. */
void *azl_shared_take(azl_shared_t *shared, const azl_shared_table_t *table,
                      const unsigned char name[AZL_SEAL_FINGERPRINT_LEN],
                      int *reused);
/* The words of a gate, one for each row. */
azl_word32_t *azl_gate_words(const azl_gate_t *gate);
/* `to` gets what `from` knows; not its name and not what is in flight. */
void azl_health_copy(azl_health_t *to, const azl_health_t *from);

/*
 * The room for metrics: sizes.series elements in a row, each starting a cache
 * line, all zero in a new segment; NULL if sizes.series is 0. azl_metrics alone
 * reads and writes it, and brings it into a larger segment:
 * azl_shared_inherit() leaves it alone.
 */
#define AZL_SHARED_SERIES_SIZE 512
void *azl_shared_series_area(azl_shared_t *shared);

#endif /* AZL_SHARED_INT_H */
