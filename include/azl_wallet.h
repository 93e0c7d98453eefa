/*
 * azl_wallet: credentials that are fetched, shared by all processes of one
 * httpd: who has fetched one puts it in, the others take it out. Never on a
 * disk, and not in a core dump.
 *
 * One anonymous segment of fixed slots, made in the parent from the process
 * pool, so that it outlives a graceful restart. Nothing waits. One process at
 * a time may write to a slot: it has to claim it, and a claim ends by itself,
 * at once if its process has gone. A reader copies, and sees by a sum whether
 * what it has is whole; what is written goes beside what is there, which is
 * then overwritten.
 */
#ifndef AZL_WALLET_H
#define AZL_WALLET_H

#include <apr_pools.h>
#include <apr_time.h>

#include "azl_seal.h"
#include "azl_span.h"

typedef struct azl_wallet_t azl_wallet_t;
typedef struct azl_wallet_slot_t azl_wallet_slot_t;

/* The most that can be put into a slot. Tokens have 1 to 4 KB. */
#define AZL_WALLET_MAX (16 * 1024)

/* A new one with room for `n`, all empty. */
apr_status_t azl_wallet_create(azl_wallet_t **wallet, apr_pool_t *pool, int n);
/* How many it has room for. */
int azl_wallet_size(const azl_wallet_t *wallet);
/* `to`, which is new, gets what `from` has; in the parent. `p` is for a
 * moment. */
void azl_wallet_inherit(azl_wallet_t *to, const azl_wallet_t *from,
                        apr_pool_t *p);
/* In the parent, each time a configuration has been read, before it asks for
 * its slots: what neither this one nor the one before it asked for may be
 * taken for others. */
void azl_wallet_begin_generation(azl_wallet_t *wallet);
/* Find or take the slot with that name; NULL if there is no room. In the
 * parent. */
azl_wallet_slot_t *
azl_wallet_slot(azl_wallet_t *wallet,
                const unsigned char name[AZL_SEAL_FINGERPRINT_LEN]);

/* Changes with each azl_wallet_put(); 0: nothing was ever put in. */
apr_uint64_t azl_wallet_version(const azl_wallet_slot_t *slot);
/* A copy of what is in it, and its version; an empty span if that is not
 * whole. */
azl_span_t azl_wallet_get(const azl_wallet_slot_t *slot, apr_pool_t *p,
                          apr_uint64_t *version);
/* 1: this process alone may write, until then or until it lets go. A process
 * cannot claim what itself has claimed. */
int azl_wallet_claim(azl_wallet_slot_t *slot, apr_int64_t pid, apr_time_t now,
                     apr_time_t until);
/* Who has claimed it puts something in; APR_ENOSPC if that is too large. */
apr_status_t azl_wallet_put(azl_wallet_slot_t *slot, azl_span_t what);
/* ... and lets go. Harmless if the claim has been lost. */
void azl_wallet_release(azl_wallet_slot_t *slot, apr_int64_t pid);
/* Note whether all is well with it (0), and what was noted before: a trouble
 * is told by one process. */
int azl_wallet_note(azl_wallet_slot_t *slot, int trouble);

#endif /* AZL_WALLET_H */
