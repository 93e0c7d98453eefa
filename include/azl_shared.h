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
/* In the parent, each time a configuration has been read, before it asks for
 * its gates and slots: those that neither this configuration nor the one before
 * it asked for, and with nothing in flight, may be taken for others when there
 * is no free one left. */
void azl_shared_begin_generation(azl_shared_t *shared);
/* The sizes it was made with. */
const azl_shared_sizes_t *azl_shared_sizes(const azl_shared_t *shared);
/* Copy what `from` knows into `to`, which is new and not smaller: when a
 * graceful restart needs more room. In-flight counts stay where they are:
 * they belong to processes of the old generation. Metrics have their own
 * (azl_metrics.h). */
void azl_shared_inherit(azl_shared_t *to, const azl_shared_t *from);

/*
 * Processes. Each child has a row for what it has in flight; the row is empty
 * when the child has ended, whatever ended it.
 *
 * kill -9 leaks nothing. One request in flight is one addition to one word that
 * only its own process changes: killed before it, the request was never
 * counted; killed after it, it is forgotten with the row. There is no total
 * beside the words that could be left wrong between two steps. The row is
 * emptied by the parent, which httpd tells when a child has ended
 * (child_status); where it was not told, by the next child that enters and
 * finds a row whose process is gone. Whoever empties a row says so in it first,
 * so that nobody does it twice, and it is done again if that process dies.
 */
/* In a new child: take a row. `pid` is its real process id. -1: none is free
 * (more processes than sizes said), then nothing is counted for this child. */
int azl_shared_enter(azl_shared_t *shared, apr_int64_t pid);
/* In the parent, when a child has ended: what it had in flight is forgotten.
 * Not in the child itself as long as a thread of it may still leave a gate.
 * Harmless for a pid without a row. */
void azl_shared_leave(azl_shared_t *shared, apr_int64_t pid);

/*
 * A gate: how many requests of one kind are in flight, over all processes.
 * One 32-bit count for each process; the sum is the truth, so that a killed
 * process takes only its own part with it.
 */
typedef struct azl_gate_t azl_gate_t;

/* Find or take the gate of that name (the first bytes of a SHA-256 digest).
 * NULL if there is no room. At start only, in the parent. A gate that was
 * another's keeps counting what requests of an old child still enter for that
 * one. */
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

/*
 * Once: whether something has been done before, by any process. What is asked
 * for is remembered by 64 bits of a digest (not 0), as long as there is room:
 * of some thousand the oldest are forgotten.
 */
/* 1: nobody has asked for this before; 0: somebody has. */
int azl_shared_once(azl_shared_t *shared, apr_uint64_t what);

#endif /* AZL_SHARED_H */
