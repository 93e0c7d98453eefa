#include "azl_routing.h"

#include <math.h>

/* The typical mix of a request for comparing prices: chats read more than
 * they write. */
#define MIX_INPUT 3
#define MIX_OUTPUT 1
/* Where only a part of the price is known it counts so many times: more than
 * any price of the mix (a token costs less than 10^12 pico-dollars). */
#define PRICE_IN_PART 1e13

/* A latency of up to 11/10 of the best counts as equal to it: averages that
 * are closer than that are noise, and one deployment alone must not get
 * everything. */
#define NEAR_NUMERATOR 11
#define NEAR_DENOMINATOR 10
/* One request in so many does not look at latencies: averages only change
 * with answers, and who was slow once would never be asked again. */
#define LATENCY_IGNORED 64

/* cache-affinity: a deployment may have 5/4 of its share in flight ... */
#define BOUND_NUMERATOR 5
#define BOUND_DENOMINATOR 4
/* ... and this many in any case. With so few none is crowded, and where there
 * is little traffic two requests at a time must not already be torn away from
 * their cache. */
#define BOUND_FLOOR 4

/* Where a deployment stands among those of the same order, best first. */
enum {
    RANK_FREE = 0,
    RANK_CROWDED, /* beyond its share (cache-affinity) */
    RANK_USED_UP, /* beyond a limit that is not hard */
    RANK_RESERVE  /* without weight */
};

/* A deployment's place: sorted by rank, then key, then draw, then index.
 * Neither key nor draw is negative. */
typedef struct place_t {
    const azl_load_t *load; /* of whom would be asked: it, or its spill */
    float key;              /* the strategy's measure, lower first */
    float draw;             /* chance among equals, lower first */
    short index;            /* in the model */
    short rank;
} place_t;

/* What the functions below work on. */
typedef struct router_t {
    const azl_deployment_t *const *deployments;
    int n;
    const azl_load_t *loads;
    const azl_load_t *spill_loads;
    const azl_routing_t *how;
    const azl_deployment_t **out;
    int nout;
    int spills; /* some have one: it may be met twice */
    int absent; /* some, or their spills, are unavailable */
} router_t;

static const char *const strategies[] = {"simple-shuffle", "least-busy",
                                         "latency",        "usage",
                                         "cost",           "cache-affinity"};

#define NSTRATEGIES ((int)(sizeof(strategies) / sizeof(strategies[0])))

azl_strategy_e azl_strategy_find(const char *name)
{
    int i;

    for (i = 0; i < NSTRATEGIES; ++i) {
        if (strcmp(name, strategies[i]) == 0) {
            return (azl_strategy_e)i;
        }
    }
    return AZL_STRATEGY_UNSET;
}

const char *azl_strategy_names(void)
{
    return "simple-shuffle, least-busy, latency, usage, cost or "
           "cache-affinity";
}

const char *azl_strategy_name(azl_strategy_e strategy)
{
    return strategy >= 0 && (int)strategy < NSTRATEGIES ? strategies[strategy]
                                                        : strategies[0];
}

/* Spread what is in the bits over all of them (splitmix64's last step; the
 * constants are the algorithm's own). */
static apr_uint64_t mix(apr_uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

apr_uint64_t azl_affinity_hash(azl_span_t cache_key, azl_span_t prompt)
{
    azl_span_t s = cache_key.len ? cache_key : prompt;
    apr_uint64_t hash, word;

    if (s.len > AZL_AFFINITY_PREFIX) {
        s.len = AZL_AFFINITY_PREFIX;
    }
    if (s.len == 0) {
        return 0;
    }
    for (hash = s.len; s.len >= sizeof(word);
         s.at += sizeof(word), s.len -= sizeof(word)) {
        memcpy(&word, s.at, sizeof(word));
        /* the odd constant of splitmix64; the shift brings high bits down,
         * which a product alone never does */
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 32;
    }
    if (s.len) {
        word = 0;
        memcpy(&word, s.at, s.len);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    }
    hash = mix(hash);
    return hash ? hash : 1;
}

/* The one that would be asked: the spill where its owner cannot be. */
static const azl_deployment_t *serving(const router_t *rt, int i)
{
    const azl_deployment_t *d = rt->deployments[i];

    return rt->loads[i].unavailable ? d->spill : d;
}

static int used_up(const azl_deployment_t *d, const azl_load_t *load)
{
    return (d->rpm && load->requests >= d->rpm) ||
           (d->tpm && load->tokens >= d->tpm) ||
           (d->max_parallel && load->in_flight >= d->max_parallel);
}

/*
 * An exponential variate with the weight as its rate. The smallest of several
 * belongs to each with a probability in proportion to its weight, and so for
 * the second, third ... of those that are left: sorting by them is weighted
 * choice without replacement (Efraimidis, Spirakis 2006). Drawn from a hash of
 * the request and the deployment instead of from chance it is weighted
 * rendezvous hashing: nothing moves but to a deployment that is new or from
 * one that is gone.
 */
static float draw(const azl_routing_t *how, const azl_deployment_t *owner)
{
    apr_uint64_t seed;
    apr_uint32_t bits;
    float uniform; /* in (0, 1] */

    if (how->strategy == AZL_STRATEGY_AFFINITY && how->affinity) {
        memcpy(&seed, owner->fingerprint, sizeof(seed));
        bits = (apr_uint32_t)(mix(how->affinity ^ seed) >> 32);
    }
    else {
        bits = how->random(how->random_baton);
    }
    uniform = ((float)bits + 0.5F) * 0x1p-32F;
    /* a minus would make -0 of the logarithm of 1, and that has a sign */
    return fabsf(logf(uniform)) / (float)owner->weight;
}

static float share_used(apr_uint64_t used, apr_uint32_t limit)
{
    if (!limit) {
        return 0;
    }
    return used < limit ? (float)used / (float)limit : 1;
}

static float usage_key(const azl_deployment_t *d, const azl_load_t *load)
{
    float requests = share_used(load->requests, d->rpm);
    float tokens = share_used(load->tokens, d->tpm);

    return requests > tokens ? requests : tokens;
}

/* Embeddings have no output price and transcriptions one for each second:
 * where a part is missing the rest is compared, behind the complete ones. */
static float cost_key(const azl_price_t *price)
{
    if (price->input != AZL_PRICE_UNSET && price->output != AZL_PRICE_UNSET) {
        return (float)price->input * MIX_INPUT +
               (float)price->output * MIX_OUTPUT;
    }
    if (price->input != AZL_PRICE_UNSET) {
        return (float)(price->input + 1) * (float)PRICE_IN_PART;
    }
    if (price->second != AZL_PRICE_UNSET) {
        return (float)(price->second + 1) * (float)PRICE_IN_PART;
    }
    return HUGE_VALF;
}

/* Streams are compared by their first token, unless nobody knows that yet;
 * one measure for all, or who has not streamed would look slow. 0: unknown. */
static void latency_keys(const router_t *rt, place_t *places, int n)
{
    const azl_routing_t *how = rt->how;
    float best = HUGE_VALF;
    int rank = RANK_RESERVE;
    int by_first_token = 0;
    int i;

    if (how->random(how->random_baton) % LATENCY_IGNORED == 0) {
        return;
    }
    for (i = 0; how->streamed && i < n; ++i) {
        by_first_token |= places[i].load->first_token > 0;
    }
    for (i = 0; i < n; ++i) {
        const azl_load_t *load = places[i].load;

        if (places[i].rank != RANK_RESERVE) {
            places[i].key =
                (float)(by_first_token ? load->first_token : load->latency);
        }
        rank = places[i].rank < rank ? places[i].rank : rank;
    }
    /* The best is one of those that come first for other reasons. */
    for (i = 0; i < n; ++i) {
        if (places[i].rank == rank && places[i].key > 0 &&
            places[i].key < best) {
            best = places[i].key;
        }
    }
    for (i = 0; i < n; ++i) {
        if (places[i].key * NEAR_DENOMINATOR <= best * NEAR_NUMERATOR) {
            places[i].key = 0;
        }
    }
}

/* The order of the hash stays, but who is crowded steps back. */
static void bound_load(const router_t *rt, place_t *places, int n)
{
    apr_uint64_t in_flight = 1; /* with this request */
    apr_uint64_t weight = 0;
    int i;

    for (i = 0; i < n; ++i) {
        if (places[i].rank == RANK_FREE) {
            in_flight += places[i].load->in_flight;
            weight += (apr_uint64_t)rt->deployments[places[i].index]->weight;
        }
    }
    for (i = 0; i < n; ++i) {
        const azl_load_t *load = places[i].load;
        apr_uint64_t share =
            in_flight * (apr_uint64_t)rt->deployments[places[i].index]->weight;

        if (places[i].rank == RANK_FREE && load->in_flight >= BOUND_FLOOR &&
            load->in_flight * weight * BOUND_DENOMINATOR >=
                share * BOUND_NUMERATOR) {
            places[i].rank = RANK_CROWDED;
        }
    }
}

/* Measure those of one order. */
static void measure(const router_t *rt, place_t *places, int n)
{
    const azl_routing_t *how = rt->how;
    int i;

    for (i = 0; i < n; ++i) {
        place_t *place = &places[i];
        const azl_deployment_t *owner = rt->deployments[place->index];
        const azl_deployment_t *d = serving(rt, place->index);
        const azl_load_t *load = place->load;

        if (owner->weight <= 0) {
            place->rank = RANK_RESERVE; /* in the order of configuration */
            continue;
        }
        place->rank = used_up(d, load) ? RANK_USED_UP : RANK_FREE;
        place->draw = draw(how, owner);
        if (how->strategy == AZL_STRATEGY_LEAST_BUSY) {
            place->key = (float)load->in_flight / (float)owner->weight;
        }
        else if (how->strategy == AZL_STRATEGY_USAGE) {
            place->key = usage_key(d, load);
        }
        else if (how->strategy == AZL_STRATEGY_COST) {
            place->key = cost_key(&d->price);
        }
        else if (how->strategy != AZL_STRATEGY_LATENCY) {
            place->key = place->draw;
        }
    }
    if (how->strategy == AZL_STRATEGY_LATENCY) {
        latency_keys(rt, places, n);
    }
    else if (how->strategy == AZL_STRATEGY_AFFINITY && how->affinity) {
        bound_load(rt, places, n);
    }
}

/*
 * All that decides in one word, the index last, so that sorting moves and
 * compares nothing else: two bits of rank, 31 of the key, 23 of the draw (less
 * would do: the key itself is drawn where only chance decides), 8 of the index.
 * A float that is not negative has no sign and sorts like its bits.
 */
#define INDEX_MASK 0xffu

static apr_uint64_t pack(const place_t *place)
{
    apr_uint32_t key, draw;

    memcpy(&key, &place->key, sizeof(key));
    memcpy(&draw, &place->draw, sizeof(draw));
    return (apr_uint64_t)place->rank << 62 | (apr_uint64_t)key << 31 |
           (draw & ~INDEX_MASK) | (apr_uint64_t)place->index;
}

/* By insertion: for groups of this size nothing is faster. In front of all
 * stands a word that none is less than. */
static void sort(place_t *places, int n)
{
    apr_uint64_t words[1 + AZL_DEPLOYMENTS_MAX];
    apr_uint64_t *end = words, *at;
    int i;

    *end = 0;
    for (i = 0; i < n; ++i) {
        apr_uint64_t word = pack(&places[i]);

        for (at = end++; word < *at; --at) {
            at[1] = *at;
        }
        at[1] = word;
    }
    for (i = 0; i < n; ++i) {
        places[i].index = (short)(words[1 + i] & INDEX_MASK);
    }
}

static void emit(router_t *rt, const azl_deployment_t *d)
{
    int i;

    for (i = 0; rt->spills && i < rt->nout; ++i) {
        if (rt->out[i] == d) {
            return;
        }
    }
    rt->out[rt->nout++] = d;
}

static int order_at(const router_t *rt, const place_t *place)
{
    return rt->deployments[place->index]->order;
}

static int has_spill(const router_t *rt, int i)
{
    return rt->deployments[i]->spill && !rt->spill_loads[i].unavailable;
}

/* The deployments that can serve, or whose spill can, by their order. */
static int find_available(router_t *rt, place_t *places)
{
    int n = 0;
    int i, j;

    for (i = 0; i < rt->n; ++i) {
        const azl_deployment_t *d = rt->deployments[i];

        if (d->spill) {
            rt->spills = 1;
            rt->absent |= rt->spill_loads[i].unavailable;
        }
        rt->absent |= rt->loads[i].unavailable;
        if (rt->loads[i].unavailable && !has_spill(rt, i)) {
            continue;
        }
        /* they come sorted but for those of one who filled it otherwise */
        for (j = n++; j > 0 && order_at(rt, &places[j - 1]) > d->order; --j) {
            places[j] = places[j - 1];
        }
        memset(&places[j], 0, sizeof(places[j]));
        places[j].load =
            rt->loads[i].unavailable ? &rt->spill_loads[i] : &rt->loads[i];
        places[j].index = (short)i;
    }
    return n;
}

static void emit_available(router_t *rt)
{
    /* not cleared: only what is used is touched */
    place_t places[AZL_DEPLOYMENTS_MAX];
    int n = find_available(rt, places);
    int i, from, to;

    for (from = 0; from < n; from = to) {
        int order = order_at(rt, &places[from]);

        for (to = from + 1; to < n && order_at(rt, &places[to]) == order;
             ++to) {
        }
        if (to - from > 1) {
            measure(rt, places + from, to - from);
            sort(places + from, to - from);
        }
    }
    for (i = 0; i < n; ++i) {
        int index = places[i].index;

        emit(rt, serving(rt, index));
        if (has_spill(rt, index)) {
            emit(rt, rt->deployments[index]->spill);
        }
    }
}

/* One that is not available, or its spill. */
typedef struct absent_t {
    const azl_deployment_t *d;
    apr_time_t back_at;
    int order;
} absent_t;

/* Put it among those that are sorted already, behind its equals. */
static void insert_absent(absent_t *absent, int n, const azl_deployment_t *d,
                          const azl_load_t *load, int order)
{
    apr_time_t back_at = load->back_at;
    int i;

    for (i = n; i > 0; --i) {
        const absent_t *other = &absent[i - 1];

        if (back_at == other->back_at
                ? order >= other->order
                : other->back_at && (!back_at || back_at > other->back_at)) {
            break;
        }
        absent[i] = absent[i - 1];
    }
    absent[i].d = d;
    absent[i].back_at = back_at;
    absent[i].order = order;
}

static void emit_unavailable(router_t *rt)
{
    absent_t absent[2 * AZL_DEPLOYMENTS_MAX];
    int n = 0;
    int i;

    for (i = 0; i < rt->n; ++i) {
        const azl_deployment_t *d = rt->deployments[i];

        if (rt->loads[i].unavailable) {
            insert_absent(absent, n++, d, &rt->loads[i], d->order);
        }
        if (d->spill && rt->spill_loads[i].unavailable) {
            insert_absent(absent, n++, d->spill, &rt->spill_loads[i], d->order);
        }
    }
    for (i = 0; i < n; ++i) {
        emit(rt, absent[i].d);
    }
}

int azl_routing_order(const azl_model_t *model, const azl_load_t *loads,
                      const azl_load_t *spill_loads, const azl_routing_t *how,
                      const azl_deployment_t **out, int *navailable)
{
    router_t rt;

    rt.deployments =
        (const azl_deployment_t *const *)(void *)model->deployments->elts;
    rt.n = model->deployments->nelts;
    if (rt.n > AZL_DEPLOYMENTS_MAX) {
        rt.n = AZL_DEPLOYMENTS_MAX;
    }
    rt.loads = loads;
    rt.spill_loads = spill_loads;
    rt.how = how;
    rt.out = out;
    rt.nout = 0;
    rt.spills = 0;
    rt.absent = 0;
    emit_available(&rt);
    *navailable = rt.nout;
    if (rt.absent) {
        emit_unavailable(&rt);
    }
    return rt.nout;
}
