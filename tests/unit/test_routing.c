#include "routing_fixture.h"

/* The measure measures: what does not fit is seen. */
START_TEST(the_statistics_can_fail)
{
    static const double half[] = {0.5, 0.5};
    static const int fair[] = {30150, 29850};
    static const int unfair[] = {30500, 29500};

    ck_assert_double_lt(chi_square(fair, half, 2), critical(1));
    ck_assert_double_gt(chi_square(unfair, half, 2), critical(1));
}
END_TEST

/* ------------------------------------------------------------------ names */

START_TEST(strategies_have_names)
{
    static const struct {
        const char *name;
        azl_strategy_e strategy;
    } known[] = {{"simple-shuffle", AZL_STRATEGY_SHUFFLE},
                 {"least-busy", AZL_STRATEGY_LEAST_BUSY},
                 {"latency", AZL_STRATEGY_LATENCY},
                 {"usage", AZL_STRATEGY_USAGE},
                 {"cost", AZL_STRATEGY_COST},
                 {"cache-affinity", AZL_STRATEGY_AFFINITY}};
    int i;

    for (i = 0; i < 6; ++i) {
        ck_assert_int_eq(azl_strategy_find(known[i].name), known[i].strategy);
        ck_assert_str_eq(azl_strategy_name(known[i].strategy), known[i].name);
        ck_assert_ptr_nonnull(strstr(azl_strategy_names(), known[i].name));
    }
    ck_assert_int_eq(azl_strategy_find("Latency"), AZL_STRATEGY_UNSET);
    ck_assert_int_eq(azl_strategy_find(""), AZL_STRATEGY_UNSET);
    ck_assert_int_eq(azl_strategy_find("cache"), AZL_STRATEGY_UNSET);
    ck_assert_str_eq(azl_strategy_name(AZL_STRATEGY_UNSET), "simple-shuffle");
    ck_assert_str_eq(azl_strategy_name((azl_strategy_e)6), "simple-shuffle");
}
END_TEST

/* -------------------------------------------------------- orders, weights */

START_TEST(first_places_by_weight)
{
    group(AZL_STRATEGY_SHUFFLE, uneven[_i].n, uneven[_i].weights);
    first_by_weight(uneven[_i].n);
}
END_TEST

START_TEST(second_places_by_weight)
{
    group(AZL_STRATEGY_SHUFFLE, uneven[_i].n, uneven[_i].weights);
    pairs_by_weight(uneven[_i].n);
}
END_TEST

START_TEST(third_places_by_weight)
{
    static const int weights[] = {1, 2, 4, 8};
    int seen[4] = {0};
    double share[4] = {0};
    int i, j, k;

    group(AZL_STRATEGY_SHUFFLE, 4, weights);
    for (i = 0; i < 4; ++i) {
        for (j = 0; j < 4; ++j) {
            for (k = 0; k < 4; ++k) {
                if (i != j && j != k && i != k) {
                    share[k] += weights[i] / 15.0 * weights[j] /
                                (15.0 - weights[i]) * weights[k] /
                                (15.0 - weights[i] - weights[j]);
                }
            }
        }
    }
    for (i = 0; i < RUNS; ++i) {
        choose();
        seen[index_of(g.out[2])]++;
    }
    fits(seen, share, 4);
}
END_TEST

START_TEST(the_ends_of_chance)
{
    static const int weights[] = {1000, 1};
    static const apr_uint64_t states[] = {0, ~(apr_uint64_t)0};
    int i;

    /* numbers that are all 0 or all ones are still an order */
    for (i = 0; i < 2; ++i) {
        group(AZL_STRATEGY_SHUFFLE, 2, weights);
        g.state = states[i];
        ck_assert_int_eq((int)strlen(order()), 2);
    }
}
END_TEST

/* 7, and all ones each third time from the second on. */
static apr_uint32_t largest_second(void *baton)
{
    apr_uint64_t *asked = baton;

    return (*asked)++ % 3 == 1 ? ~(apr_uint32_t)0 : 7;
}

START_TEST(the_largest_number_is_first)
{
    group(AZL_STRATEGY_SHUFFLE, 3, NULL);
    g.how.random = largest_second;
    g.state = 0;
    ck_assert_str_eq(order(), "bac");
    ck_assert_str_eq(order(), "bac");
}
END_TEST

START_TEST(one_is_not_chosen)
{
    group(_i, 1, NULL);
    g.how.random = no_number;
    g.how.affinity = 7;
    ck_assert_str_eq(order(), "a");
    ck_assert_int_eq(g.available, 1);
}
END_TEST

START_TEST(nobody_is_no_order)
{
    group(_i, 0, NULL);
    ck_assert_str_eq(order(), "");
    ck_assert_int_eq(g.available, 0);
}
END_TEST

START_TEST(lower_orders_first)
{
    int i;

    group(_i, 3, NULL);
    g.how.random = no_number; /* one each */
    g.d[0].order = 3;
    g.d[1].order = 1;
    g.d[2].order = 2;
    ck_assert_str_eq(order(), "bca");

    /* whatever their load */
    g.how.random = some_number;
    for (i = 0; i < 3; ++i) {
        g.loads[i].in_flight = g.d[i].order == 1 ? 1000 : 0;
        g.loads[i].latency = (4 - g.d[i].order) * 1000 * MS;
    }
    g.d[1].rpm = 1;
    g.loads[1].requests = 1;
    always("bca");
}
END_TEST

START_TEST(orders_choose_for_themselves)
{
    static const int weights[] = {1, 2, 3, 1};
    int first[4] = {0};
    int third[4] = {0};
    double share[2];
    int i;

    /* mixed: a and c of order 1, b and d of order 2 */
    group(AZL_STRATEGY_SHUFFLE, 4, weights);
    g.d[1].order = g.d[3].order = 2;
    for (i = 0; i < RUNS; ++i) {
        choose();
        ck_assert_int_eq(g.n, 4);
        first[index_of(g.out[0]) / 2]++;
        third[index_of(g.out[2]) / 2]++;
        ck_assert_int_eq(g.out[0]->order + g.out[1]->order, 2);
        ck_assert_int_eq(g.out[2]->order + g.out[3]->order, 4);
    }
    share[0] = 1 / 4.0;
    share[1] = 3 / 4.0;
    fits(first, share, 2);
    share[0] = 2 / 3.0;
    share[1] = 1 / 3.0;
    fits(third, share, 2);
}
END_TEST

START_TEST(no_weight_no_choice)
{
    static const int some[] = {0, 5, 0, -1};
    static const int none[] = {0, 0, -1};

    group(_i, 4, some);
    g.how.affinity = 99;
    /* even if they look better, and as configured whatever they look like */
    g.loads[0].latency = 9 * MS;
    g.loads[1].latency = 5 * MS;
    g.loads[2].latency = 7 * MS;
    g.loads[1].in_flight = 50;
    g.loads[0].in_flight = 3;
    always("bacd");
    g.d[1].rpm = 1;
    g.loads[1].requests = 1;
    always("bacd");

    group(_i, 3, none);
    g.how.affinity = 99;
    always("abc");
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
    enum { MANY = AZL_DEPLOYMENTS_MAX + 1 };
    azl_deployment_t *d = apr_pcalloc(azl_test_pool, 2 * MANY * sizeof(*d));
    azl_load_t *loads = apr_pcalloc(azl_test_pool, 2 * MANY * sizeof(*loads));
    const azl_deployment_t **out =
        apr_pcalloc(azl_test_pool, 2 * MANY * sizeof(*out));
    int i;

    group(AZL_STRATEGY_SHUFFLE, 0, NULL);
    for (i = 0; i < MANY; ++i) {
        d[i].weight = 1;
        d[i].spill = &d[MANY + i];
        APR_ARRAY_PUSH(g.model.deployments, azl_deployment_t *) = &d[i];
    }
    g.n = azl_routing_order(&g.model, loads, loads + MANY, &g.how, out,
                            &g.available);
    ck_assert_int_eq(g.n, 2 * AZL_DEPLOYMENTS_MAX);
    ck_assert_int_eq(g.available, g.n);
    for (i = 0; i < 2 * MANY; ++i) {
        loads[i].unavailable = 1;
    }
    g.n = azl_routing_order(&g.model, loads, loads + MANY, &g.how, out,
                            &g.available);
    ck_assert_int_eq(g.n, 2 * AZL_DEPLOYMENTS_MAX);
    ck_assert_int_eq(g.available, 0);
    for (i = 0; i < g.n; ++i) {
        ck_assert_ptr_ne(out[i], &d[MANY - 1]);
        ck_assert_ptr_ne(out[i], &d[2 * MANY - 1]);
    }
}
END_TEST

/* ------------------------------------------------- unavailable, used up */

START_TEST(the_unavailable_come_last_soonest_first)
{
    group(_i, 5, NULL);
    g.how.affinity = 99;
    g.loads[0].unavailable = 1; /* back at some time */
    g.loads[1].unavailable = 1;
    g.loads[1].back_at = 3000;
    g.loads[2].unavailable = 1;
    g.loads[2].back_at = 1000;
    g.loads[4].unavailable = 1;
    g.loads[4].back_at = 2000;
    always("d|ceba");
    g.loads[3].unavailable = 1;
    g.loads[3].back_at = 1500;
    always("|cdeba");
    ck_assert_int_eq(g.available, 0);
    /* at the same moment: by order, then as configured */
    g.loads[1].back_at = g.loads[3].back_at = 1000;
    g.d[1].order = 2;
    always("|cdbea");
    /* at some time is last wherever it stands */
    g.loads[4].back_at = 0;
    always("|cdbae");
    g.d[0].order = 3;
    always("|cdbea");
}
END_TEST

START_TEST(used_up_limits_step_back)
{
    int i;

    group(_i, 4, NULL);
    g.how.affinity = 99;
    g.d[0].rpm = 10;
    g.loads[0].requests = 10;
    g.d[1].tpm = 1000;
    g.loads[1].tokens = 1001;
    g.d[2].max_parallel = 5;
    g.loads[2].in_flight = 5;
    for (i = 0; i < 200; ++i) {
        choose();
        ck_assert_str_eq(g.out[0]->id, "d");
        ck_assert_int_eq(g.available, 4);
    }
    /* one below the limit is not used up */
    g.loads[0].requests = 9;
    g.loads[1].tokens = 999;
    g.loads[2].in_flight = 4;
    g.d[3].rpm = 1;
    g.loads[3].requests = 7;
    for (i = 0; i < 200; ++i) {
        choose();
        ck_assert_str_eq(g.out[3]->id, "d");
    }
}
END_TEST

/* ------------------------------------------------------------------ spill */

START_TEST(a_spill_follows_its_owner)
{
    group(_i, 2, NULL);
    g.d[0].order = 1;
    g.d[1].order = 2;
    g.d[0].spill = &g.spill[0];
    g.how.random = no_number;
    ck_assert_str_eq(order(), "aAb");
    /* its own order and weight mean nothing */
    g.spill[0].order = 9;
    g.spill[0].weight = 0;
    ck_assert_str_eq(order(), "aAb");
    ck_assert_int_eq(g.available, 3);
}
END_TEST

START_TEST(a_spill_stands_in)
{
    group(_i, 3, NULL);
    g.how.random = no_number;
    g.d[1].order = 2;
    g.d[2].order = 3;
    g.d[0].spill = &g.spill[0];
    g.spill[0].order = 9;
    g.loads[0].unavailable = 1;
    g.loads[0].back_at = 500;
    ck_assert_str_eq(order(), "Abc|a");
    g.spill_loads[0].unavailable = 1;
    g.spill_loads[0].back_at = 400;
    ck_assert_str_eq(order(), "bc|Aa");
    g.spill_loads[0].back_at = 600;
    ck_assert_str_eq(order(), "bc|aA");
    g.loads[0].unavailable = 0;
    ck_assert_str_eq(order(), "abc|A");
}
END_TEST

START_TEST(an_absent_spill_has_the_order_of_its_owner)
{
    group(_i, 3, NULL);
    g.d[0].order = 2;
    g.d[0].spill = &g.spill[0];
    g.spill[0].order = 0;
    g.spill_loads[0].unavailable = 1;
    g.spill_loads[0].back_at = 5;
    g.loads[1].unavailable = 1;
    g.loads[1].back_at = 5;
    always("ca|bA");
}
END_TEST

START_TEST(who_stands_in_has_the_weight_of_the_owner)
{
    static const int weights[] = {1, 3};
    int seen[2] = {0, 0};
    static const double share[] = {0.25, 0.75};
    int i;

    group(AZL_STRATEGY_SHUFFLE, 2, weights);
    g.d[1].spill = &g.spill[1];
    g.spill[1].weight = 50;
    g.loads[1].unavailable = 1;
    for (i = 0; i < RUNS; ++i) {
        choose();
        seen[g.out[0] == &g.spill[1]]++;
    }
    fits(seen, share, 2);
}
END_TEST

START_TEST(who_stands_in_is_measured_itself)
{
    group(AZL_STRATEGY_LEAST_BUSY, 2, NULL);
    g.d[1].spill = &g.spill[1];
    g.loads[1].unavailable = 1;
    g.loads[0].in_flight = 5;
    g.spill_loads[1].in_flight = 4;
    always("Ba|b");
    g.spill_loads[1].in_flight = 6;
    always("aB|b");

    g.how.strategy = AZL_STRATEGY_COST;
    price(0, 5, 5, AZL_PRICE_UNSET);
    price(1, 1, 1, AZL_PRICE_UNSET);
    g.spill[1].price.input = g.spill[1].price.output = 9;
    always("aB|b");
    g.loads[1].unavailable = 0;
    always("bBa");

    g.how.strategy = AZL_STRATEGY_USAGE;
    g.loads[1].unavailable = 1;
    g.spill[1].rpm = 10;
    g.spill_loads[1].requests = 1;
    always("aB|b");
    g.d[0].rpm = 10;
    g.loads[0].requests = 2;
    always("Ba|b");

    g.how.strategy = AZL_STRATEGY_LATENCY;
    g.how.random = odd_number;
    g.loads[0].latency = 100 * MS;
    g.loads[1].latency = 50 * MS;
    g.spill_loads[1].latency = 150 * MS;
    always("aB|b");
}
END_TEST

START_TEST(a_shared_spill_comes_once)
{
    group(AZL_STRATEGY_SHUFFLE, 3, NULL);
    g.how.random = no_number;
    g.d[1].order = 2;
    g.d[2].order = 3;
    g.d[0].spill = g.d[1].spill = &g.spill[0];
    ck_assert_str_eq(order(), "aAbc");
    g.loads[0].unavailable = 1;
    ck_assert_str_eq(order(), "Abc|a");
    g.loads[1].unavailable = 1;
    ck_assert_str_eq(order(), "Ac|ab");
    g.spill_loads[0].unavailable = g.spill_loads[1].unavailable = 1;
    g.spill_loads[0].back_at = g.spill_loads[1].back_at = 5;
    ck_assert_str_eq(order(), "c|Aab");
    g.loads[0].unavailable = g.loads[1].unavailable = 0;
    ck_assert_str_eq(order(), "abc|A");
}
END_TEST

START_TEST(without_spills_their_loads_are_not_read)
{
    group(AZL_STRATEGY_SHUFFLE, 2, NULL);
    g.loads[1].unavailable = 1;
    g.n =
        azl_routing_order(&g.model, g.loads, NULL, &g.how, g.out, &g.available);
    ck_assert_int_eq(g.n, 2);
    ck_assert_int_eq(g.available, 1);
    ck_assert_ptr_eq(g.out[1], &g.d[1]);
}
END_TEST

/* All, for a loop. */
#define STRATEGIES_END (AZL_STRATEGY_AFFINITY + 1)

TCase *azl_test_routing(void)
{
    TCase *tc = azl_test_tcase("routing");

    tcase_add_test(tc, the_statistics_can_fail);
    tcase_add_test(tc, strategies_have_names);
    tcase_add_loop_test(tc, first_places_by_weight, 0, UNEVEN);
    tcase_add_loop_test(tc, second_places_by_weight, 0, UNEVEN);
    tcase_add_test(tc, third_places_by_weight);
    tcase_add_test(tc, the_ends_of_chance);
    tcase_add_test(tc, the_largest_number_is_first);
    tcase_add_loop_test(tc, one_is_not_chosen, 0, STRATEGIES_END);
    tcase_add_loop_test(tc, nobody_is_no_order, 0, STRATEGIES_END);
    tcase_add_loop_test(tc, lower_orders_first, 0, STRATEGIES_END);
    tcase_add_test(tc, orders_choose_for_themselves);
    tcase_add_loop_test(tc, no_weight_no_choice, 0, STRATEGIES_END);
    tcase_add_test(tc, no_more_than_there_is_room_for);
    tcase_add_loop_test(tc, the_unavailable_come_last_soonest_first, 0,
                        STRATEGIES_END);
    tcase_add_loop_test(tc, used_up_limits_step_back, 0, STRATEGIES_END);
    tcase_add_loop_test(tc, a_spill_follows_its_owner, 0, STRATEGIES_END);
    tcase_add_loop_test(tc, a_spill_stands_in, 0, STRATEGIES_END);
    tcase_add_loop_test(tc, an_absent_spill_has_the_order_of_its_owner, 0,
                        STRATEGIES_END);
    tcase_add_test(tc, who_stands_in_has_the_weight_of_the_owner);
    tcase_add_test(tc, who_stands_in_is_measured_itself);
    tcase_add_test(tc, a_shared_spill_comes_once);
    tcase_add_test(tc, without_spills_their_loads_are_not_read);
    return tc;
}
