/*
 * azl_shared: the memory that all processes of one httpd share.
 *
 * One segment of fixed layout, made at the first start from the process pool,
 * so that it outlives a graceful restart; the HTTP layer keeps the handle and
 * passes it on. Everything in it is a 64-bit or 32-bit atomic word: nothing
 * waits, and a process that is killed leaves no lock behind. What belongs to
 * one deployment or one key starts a cache line of its own and is found by a
 * hash of what it is, so that a new configuration finds what the old one knew.
 */
#ifndef AZL_SHARED_H
#define AZL_SHARED_H

#include <apr_pools.h>
#include <apr_time.h>

#include "azl_seal.h"

/* What a segment has room for. */
typedef struct azl_shared_sizes_t {
    int processes;   /* that may live at the same time: ServerLimit */
    int deployments; /* azl_health_t slots; endpoints take one each too */
    int gates;       /* azl_gate_t slots: the server's and one for each key
                        with a limit */
    int series;      /* of metrics, see azl_metrics.h */
} azl_shared_sizes_t;

typedef struct azl_shared_t azl_shared_t;

/* A new segment in `pool` (the process pool), all zero. */
apr_status_t azl_shared_create(azl_shared_t **shared, apr_pool_t *pool,
                               const azl_shared_sizes_t *sizes);
/* The sizes it was made with. */
const azl_shared_sizes_t *azl_shared_sizes(const azl_shared_t *shared);
/* Copy what `from` knows into `to`, which is new and not smaller: when a
 * graceful restart needs more room. In-flight counts stay where they are:
 * they belong to processes of the old generation. */
void azl_shared_inherit(azl_shared_t *to, const azl_shared_t *from);

/*
 * Processes. Each child has a row for what it has in flight; the row is empty
 * when the child has ended, whatever ended it.
 */
/* In a new child: take a row. -1: none is free (more processes than sizes
 * said), then nothing is counted for this child. */
int azl_shared_enter(azl_shared_t *shared, apr_int64_t pid);
/* In the parent, when a child has ended, or in the child when it ends: what it
 * had in flight is forgotten. Harmless for a pid without a row. */
void azl_shared_leave(azl_shared_t *shared, apr_int64_t pid);

/*
 * A gate: how many requests of one kind are in flight, over all processes.
 * One 32-bit count for each process; the sum is the truth, so that a killed
 * process takes only its own part with it.
 */
typedef struct azl_gate_t azl_gate_t;

/* Find or take the gate of that name (the first bytes of a SHA-256 digest).
 * NULL if there is no room. At start only, in the parent. */
azl_gate_t *azl_shared_gate(azl_shared_t *shared,
                            const unsigned char name[AZL_SEAL_FINGERPRINT_LEN]);
/* Enter if fewer than `max` are in flight (0: no limit). 1: entered; the caller
 * leaves exactly once. Never lets more than `max` in: a request that finds it
 * came too late goes out again, so that two that meet at the last place may
 * both be refused. `row` from azl_shared_enter(); negative: always 1, not
 * counted. */
int azl_gate_enter(azl_gate_t *gate, int row, apr_uint32_t max);
void azl_gate_leave(azl_gate_t *gate, int row);
apr_uint32_t azl_gate_in_flight(const azl_gate_t *gate);

#endif /* AZL_SHARED_H */
