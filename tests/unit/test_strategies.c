#include "routing_fixture.h"

START_TEST(least_busy_for_its_weight)
{
    static const int weights[] = {1, 2, 10};

    group(AZL_STRATEGY_LEAST_BUSY, 3, weights);
    g.loads[0].in_flight = 3;  /* 3 */
    g.loads[1].in_flight = 5;  /* 2.5 */
    g.loads[2].in_flight = 20; /* 2 */
    always("cba");
    g.loads[2].in_flight = 26; /* 2.6 */
    always("bca");
    g.loads[0].in_flight = 0;
    always("abc");
}
END_TEST

START_TEST(the_idle_are_equal)
{
    static const int weights[] = {1, 2, 7};

    group(AZL_STRATEGY_LEAST_BUSY, 3, weights);
    pairs_by_weight(3);
    /* so are the equally busy */
    g.loads[0].in_flight = 3;
    g.loads[1].in_flight = 6;
    g.loads[2].in_flight = 22; /* but this one is not */
    first_by_weight(2);
}
END_TEST

/* How often each came first with the strategy latency, which lets one request
 * of 64 go by weight alone. */
static void first_by_latency(int near, int n)
{
    int seen[GROUP_MAX] = {0};
    double share[GROUP_MAX];
    int i;

    for (i = 0; i < RUNS; ++i) {
        choose();
        seen[index_of(g.out[0])]++;
    }
    for (i = 0; i < n; ++i) {
        share[i] = g.d[i].weight / total_weight(n) / 64;
        if (i < near) {
            share[i] += g.d[i].weight / total_weight(near) * 63 / 64;
        }
    }
    fits(seen, share, n);
}

START_TEST(latency_within_a_tenth_is_equal)
{
    static const int weights[] = {1, 2, 3, 4};

    group(AZL_STRATEGY_LATENCY, 4, weights);
    g.loads[0].latency = 1000 * MS;
    g.loads[1].latency = 1100 * MS;
    g.loads[2].latency = 1101 * MS;
    g.loads[3].latency = 5000 * MS;
    first_by_latency(2, 4);
    /* not a stream: the first token does not count */
    g.loads[3].first_token = 1 * MS;
    first_by_latency(2, 4);
}
END_TEST

START_TEST(the_slower_follow_by_latency)
{
    group(AZL_STRATEGY_LATENCY, 4, NULL);
    g.how.random = odd_number;
    g.loads[0].latency = 3000 * MS;
    g.loads[1].latency = 1000 * MS;
    g.loads[2].latency = 2000 * MS;
    g.loads[3].latency = 2001 * MS;
    always("bcda");
}
END_TEST

START_TEST(unknown_latency_is_as_good_as_the_best)
{
    static const int weights[] = {3, 1, 1, 2};

    group(AZL_STRATEGY_LATENCY, 4, weights);
    g.loads[0].latency = 1000 * MS;
    g.loads[2].latency = 2000 * MS;
    g.loads[3].latency = 1200 * MS;
    first_by_latency(2, 4);
    /* all unknown: as in a shuffle */
    memset(g.loads, 0, sizeof(g.loads));
    first_by_weight(4);
}
END_TEST

START_TEST(streams_by_their_first_token)
{
    group(AZL_STRATEGY_LATENCY, 3, NULL);
    g.how.random = odd_number;
    g.how.streamed = 1;
    g.loads[0].latency = 1000 * MS;
    g.loads[1].latency = 2000 * MS;
    g.loads[2].latency = 3000 * MS;
    always("abc"); /* nobody has streamed yet */
    g.loads[0].first_token = 500 * MS;
    g.loads[1].first_token = 300 * MS;
    g.loads[2].first_token = 100 * MS;
    always("cba");
    /* who has not streamed is unknown, not slow by its whole answers */
    g.how.random = some_number;
    g.loads[0] = g.loads[2];
    g.loads[1].first_token = 0;
    g.loads[2].first_token = 400 * MS;
    first_by_latency(2, 3);
}
END_TEST

START_TEST(who_is_used_up_sets_no_latency)
{
    group(AZL_STRATEGY_LATENCY, 3, NULL);
    g.d[2].rpm = 1;
    g.loads[2].requests = 1;
    g.loads[2].latency = 100 * MS;
    g.loads[0].latency = 1000 * MS;
    g.loads[1].latency = 1050 * MS;
    first_by_weight(2);
    /* nor one without weight */
    g.d[2].rpm = 0;
    g.d[2].weight = 0;
    first_by_weight(2);
}
END_TEST

START_TEST(largest_share_left)
{
    group(AZL_STRATEGY_USAGE, 4, NULL);
    g.d[0].rpm = 100;
    g.loads[0].requests = 60; /* 40 % */
    g.d[1].tpm = 10000;
    g.loads[1].tokens = 5000; /* 50 % */
    g.d[2].rpm = 100;
    g.d[2].tpm = 1000;
    g.loads[2].requests = 1;      /* 99 %, but */
    g.loads[2].tokens = 700;      /* 30 % */
    g.loads[3].requests = 100000; /* no limit said */
    always("dbac");
    g.d[3].rpm = 1000;
    g.d[3].tpm = 1000000;
    g.loads[3].requests = 550; /* 45 % */
    always("bdac");
    g.loads[3].requests = 1001; /* used up */
    always("bacd");
}
END_TEST

START_TEST(equal_shares_by_weight)
{
    static const int weights[] = {1, 3, 5, 8};

    group(AZL_STRATEGY_USAGE, 4, weights);
    g.d[0].rpm = 10;
    g.loads[0].requests = 5;
    g.d[1].tpm = 1000;
    g.loads[1].tokens = 500;
    g.d[2].rpm = 2;
    g.loads[2].requests = 1;
    g.d[3].rpm = 100;
    g.loads[3].requests = 51;
    first_by_weight(3);
    group(AZL_STRATEGY_USAGE, 3, weights);
    pairs_by_weight(3);
}
END_TEST

START_TEST(cheapest_mix_first)
{
    const azl_pico_t unset = AZL_PRICE_UNSET;

    group(AZL_STRATEGY_COST, 6, NULL);
    price(0, 2000000, 8000000, unset); /* 14 */
    price(1, 3000000, 4000000, unset); /* 13 */
    price(2, unset, unset, unset);
    price(3, 1, unset, unset); /* an unknown part is not free */
    price(4, unset, unset, 7);
    price(5, 0, 0, unset);
    always("fbadec");
    /* three tokens are read for one that is written */
    price(1, 5000000, 3000000, unset); /* 18, by halves 8 to 10 */
    always("fabdec");
    /* the most a token can cost is still more known than that */
    price(1, APR_INT64_C(999999999999), APR_INT64_C(999999999999), unset);
    always("fabdec");
}
END_TEST

START_TEST(equal_prices_by_weight)
{
    static const int weights[] = {1, 3, 5};
    int i;

    group(AZL_STRATEGY_COST, 3, weights);
    first_by_weight(3); /* nothing known */
    for (i = 0; i < 3; ++i) {
        price(i, 10, 10, AZL_PRICE_UNSET);
    }
    pairs_by_weight(3);
    price(2, 10, 11, AZL_PRICE_UNSET);
    first_by_weight(2);
}
END_TEST

TCase *azl_test_strategies(void)
{
    TCase *tc = azl_test_tcase("strategies");

    tcase_add_test(tc, least_busy_for_its_weight);
    tcase_add_test(tc, the_idle_are_equal);
    tcase_add_test(tc, latency_within_a_tenth_is_equal);
    tcase_add_test(tc, the_slower_follow_by_latency);
    tcase_add_test(tc, unknown_latency_is_as_good_as_the_best);
    tcase_add_test(tc, streams_by_their_first_token);
    tcase_add_test(tc, who_is_used_up_sets_no_latency);
    tcase_add_test(tc, largest_share_left);
    tcase_add_test(tc, equal_shares_by_weight);
    tcase_add_test(tc, cheapest_mix_first);
    tcase_add_test(tc, equal_prices_by_weight);
    return tc;
}
