/*
 * What the tests of routing and of its cache-affinity share: a group of
 * deployments, and statistics on the choices among them.
 */
#ifndef ROUTING_FIXTURE_H
#define ROUTING_FIXTURE_H

#include <apr_strings.h>

#include "azl_routing.h"
#include "azl_test.h"

#define GROUP_MAX 16
#define RUNS 60000
#define MS APR_TIME_C(1000)

/* A group as the tests write it: the deployments, and what is known of each
 * and of its spill. */
typedef struct group_t {
    azl_model_t model;
    azl_deployment_t d[GROUP_MAX];
    azl_deployment_t spill[GROUP_MAX];
    azl_load_t loads[GROUP_MAX];
    azl_load_t spill_loads[GROUP_MAX];
    azl_routing_t how;
    apr_uint64_t state; /* of the random numbers */
    const azl_deployment_t *out[2 * GROUP_MAX];
    int n;
    int available;
} group_t;

static group_t g;

/* splitmix64: the same numbers in each run of the tests */
static inline apr_uint64_t next(apr_uint64_t *state)
{
    apr_uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static inline apr_uint32_t some_number(void *baton)
{
    return (apr_uint32_t)(next(baton) >> 32);
}

static inline apr_uint32_t no_number(void *baton)
{
    (void)baton;
    ck_abort_msg("nothing is left to chance here");
    return 0;
}

/* Where no exploring request is wanted: numbers that never are a multiple of
 * 64. */
static inline apr_uint32_t odd_number(void *baton)
{
    return some_number(baton) | 1;
}

/* Deployments "a", "b", ... with these weights. */
static inline void group(azl_strategy_e strategy, int n, const int *weights)
{
    int i;

    memset(&g, 0, sizeof(g));
    g.model.deployments =
        apr_array_make(azl_test_pool, n, sizeof(azl_deployment_t *));
    for (i = 0; i < n; ++i) {
        azl_deployment_t *d = &g.d[i];
        azl_deployment_t *spill = &g.spill[i];
        apr_uint64_t mark = (apr_uint64_t)i + 1;

        d->id = apr_psprintf(azl_test_pool, "%c", 'a' + i);
        d->order = 1;
        d->weight = weights ? weights[i] : 1;
        azl_price_init(&d->price);
        mark = next(&mark);
        memcpy(d->fingerprint, &mark, sizeof(mark));
        *spill = *d;
        spill->id = apr_psprintf(azl_test_pool, "%c", 'A' + i);
        APR_ARRAY_PUSH(g.model.deployments, const azl_deployment_t *) = d;
    }
    g.how.strategy = strategy;
    g.how.random = some_number;
    g.how.random_baton = &g.state;
    g.state = 4711;
}

static inline void choose(void)
{
    g.n = azl_routing_order(&g.model, g.loads, g.spill_loads, &g.how, g.out,
                            &g.available);
}

/* "abC|d": the order, then those that are not available. */
static inline const char *order(void)
{
    const char *ids = "";
    int i;

    choose();
    for (i = 0; i < g.n; ++i) {
        ids = apr_pstrcat(azl_test_pool, ids, i == g.available ? "|" : "",
                          g.out[i]->id, NULL);
    }
    ck_assert_int_le(g.available, g.n);
    return ids;
}

/* The same order in each of many runs, whatever chance says. */
static inline void always(const char *expected)
{
    int i;

    for (i = 0; i < 200; ++i) {
        ck_assert_str_eq(order(), expected);
    }
}

static inline int index_of(const azl_deployment_t *d)
{
    return (int)(d - g.d);
}

/* Groups of different sizes and weights. */
static const struct {
    int n;
    int weights[10];
} uneven[] = {{2, {1, 3}},
              {2, {100, 99}},
              {3, {1, 2, 3}},
              {3, {10, 1, 5}},
              {10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
              {10, {20, 1, 1, 5, 5, 5, 2, 3, 9, 4}}};

#define UNEVEN ((int)(sizeof(uneven) / sizeof(uneven[0])))

/* ------------------------------------------------------------- statistics */

/* What chi-square exceeds once in a thousand times by chance alone, by degrees
 * of freedom. */
static inline double critical(int freedom)
{
    static const struct {
        int freedom;
        double value;
    } table[] = {{1, 10.828}, {2, 13.816}, {3, 16.266},
                 {5, 20.515}, {9, 27.877}, {89, 135.978}};
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); ++i) {
        if (table[i].freedom == freedom) {
            return table[i].value;
        }
    }
    ck_abort_msg("no critical value for %d", freedom);
    return 0;
}

static inline double chi_square(const int *seen, const double *share, int n)
{
    double sum = 0;
    int runs = 0;
    int i;

    for (i = 0; i < n; ++i) {
        runs += seen[i];
    }
    for (i = 0; i < n; ++i) {
        double expected = runs * share[i];

        /* the approximation's usual condition */
        ck_assert_double_ge(expected, 5);
        sum += (seen[i] - expected) * (seen[i] - expected) / expected;
    }
    return sum;
}

static inline void fits(const int *seen, const double *share, int n)
{
    ck_assert_double_lt(chi_square(seen, share, n), critical(n - 1));
}

static inline double total_weight(int n)
{
    double total = 0;
    int i;

    for (i = 0; i < n; ++i) {
        total += g.d[i].weight;
    }
    return total;
}

/* The first place of many choices is shared by weight among the first n. */
static inline void first_by_weight(int n)
{
    int seen[GROUP_MAX] = {0};
    double share[GROUP_MAX];
    int i;

    for (i = 0; i < RUNS; ++i) {
        choose();
        ck_assert_int_lt(index_of(g.out[0]), n);
        seen[index_of(g.out[0])]++;
    }
    for (i = 0; i < n; ++i) {
        share[i] = g.d[i].weight / total_weight(n);
    }
    fits(seen, share, n);
}

/* So are the second places among those that are left: the pairs fit. */
static inline void pairs_by_weight(int n)
{
    int seen[GROUP_MAX * GROUP_MAX] = {0};
    double share[GROUP_MAX * GROUP_MAX];
    int cell[GROUP_MAX][GROUP_MAX];
    double total = total_weight(n);
    int cells = 0;
    int i, j;

    for (i = 0; i < n; ++i) {
        for (j = 0; j < n; ++j) {
            if (i != j) {
                share[cells] = g.d[i].weight / total * g.d[j].weight /
                               (total - g.d[i].weight);
                cell[i][j] = cells++;
            }
        }
    }
    for (i = 0; i < RUNS; ++i) {
        choose();
        ck_assert_int_eq(g.n, n);
        seen[cell[index_of(g.out[0])][index_of(g.out[1])]]++;
    }
    fits(seen, share, cells);
}

static inline void price(int i, azl_pico_t input, azl_pico_t output,
                         azl_pico_t second)
{
    g.d[i].price.input = input;
    g.d[i].price.output = output;
    g.d[i].price.second = second;
}

#endif /* ROUTING_FIXTURE_H */
