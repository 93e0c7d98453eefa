/*
 * azl_routing: in which order the deployments of a model are tried.
 *
 * Pure: what is known of the deployments at this moment is given as numbers,
 * chance as a function. Nothing is kept.
 */
#ifndef AZL_ROUTING_H
#define AZL_ROUTING_H

#include "azl_catalog.h"
#include "azl_span.h"

typedef enum {
    AZL_STRATEGY_UNSET = -1,
    AZL_STRATEGY_SHUFFLE = 0, /* "simple-shuffle": weighted random */
    AZL_STRATEGY_LEAST_BUSY,  /* fewest in flight for their weight */
    AZL_STRATEGY_LATENCY,     /* random among those within a tenth of the
                                 fastest; streams by their first token */
    AZL_STRATEGY_USAGE,       /* largest share of rpm and tpm left */
    AZL_STRATEGY_COST,        /* cheapest; unknown prices last */
    AZL_STRATEGY_AFFINITY     /* "cache-affinity": one prompt, one deployment */
} azl_strategy_e;

/* AZL_STRATEGY_UNSET if there is none of that name. */
azl_strategy_e azl_strategy_find(const char *name);
/* "simple-shuffle, least-busy, ... or cache-affinity": for error texts. */
const char *azl_strategy_names(void);
/* UNSET: the default's. */
const char *azl_strategy_name(azl_strategy_e strategy);

/* One deployment at this moment. */
typedef struct azl_load_t {
    int unavailable;        /* cooling down, or full with a hard limit */
    apr_time_t back_at;     /* then: when it may be asked again; 0: unknown */
    apr_uint32_t in_flight;
    apr_uint32_t requests;  /* this minute */
    apr_uint64_t tokens;    /* this minute */
    apr_interval_time_t latency;     /* 0: unknown */
    apr_interval_time_t first_token; /* 0: unknown */
} azl_load_t;

/* 32 uniform bits. */
typedef apr_uint32_t azl_random_fn(void *baton);

typedef struct azl_routing_t {
    azl_strategy_e strategy;
    int streamed;          /* this request */
    apr_uint64_t affinity; /* hash of what the provider's cache goes by; 0:
                              none, the choice is as in simple-shuffle */
    azl_random_fn *random;
    void *random_baton;
} azl_routing_t;

/*
 * Put the deployments of `model` in the order to be tried: those available
 * first, by `order`, within an order by the strategy; then those that are not,
 * soonest back first (`back_at` 0: last). A deployment's spill
 * (azl_deployment_t.spill) follows it directly; where it is unavailable the
 * spill stands in its place, with its owner's order and weight and its own
 * load and price. A spill that several share comes once, where it is first
 * met.
 *
 * In any strategy, within an order: one that has reached its rpm, tpm or
 * max_parallel (and is not unavailable for it) comes after those that have
 * not; one without weight comes last, as configured. What the strategy holds
 * equal is a weighted random choice.
 *
 * loads[i], and if it has a spill spill_loads[i], belong to
 * azl_model_t.deployments[i]; spill_loads may be NULL when none has one. `out`
 * has room for twice the deployments' number. Returns how many were filled in;
 * *navailable of them, the first ones, are available. No more than
 * AZL_DEPLOYMENTS_MAX deployments are looked at. Needs 10 KB of stack at most
 * and no other memory.
 *
 * latency: streams are compared by first_token, as soon as one of their order
 * has it. Unknown is as good as the best: who was never asked must be, but not
 * by all at once. One request in 64 is placed by weight alone, so that one
 * that was slow can show that it no longer is.
 *
 * cost: by 3 input tokens to 1 output token, without tiers and caches.
 *
 * cache-affinity: rendezvous hashing by weight and fingerprint; a deployment
 * with more in flight than 1.25 times its share (and more than a handful)
 * passes the request to the next (consistent hashing with bounded loads,
 * arXiv:1608.01350).
 */
int azl_routing_order(const azl_model_t *model, const azl_load_t *loads,
                      const azl_load_t *spill_loads,
                      const azl_routing_t *how, const azl_deployment_t **out,
                      int *navailable);

#define AZL_AFFINITY_PREFIX 2048
/* The hash for cache-affinity: of prompt_cache_key (or what stands for it)
 * when there is one, else of the prompt; of the first AZL_AFFINITY_PREFIX
 * bytes, which is what a conversation keeps while it grows. Providers cache
 * prompts from 1024 tokens on, so that shorter ones lose nothing by moving. 0
 * when there is neither. Both as azl_document_t has them. */
apr_uint64_t azl_affinity_hash(azl_span_t cache_key, azl_span_t prompt);

#endif /* AZL_ROUTING_H */
