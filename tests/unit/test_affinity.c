#include <math.h>

#include "routing_fixture.h"

/* How a conversation is known in these tests. */
static apr_uint64_t conversation(int i)
{
    char key[32];

    return azl_affinity_hash(
        azl_span(key,
                 (apr_size_t)apr_snprintf(key, sizeof(key), "\"c-%d\"", i)),
        azl_span(NULL, 0));
}

static int home_of(int i)
{
    g.how.affinity = conversation(i);
    choose();
    return index_of(g.out[0]);
}

START_TEST(conversations_are_shared_by_weight)
{
    int n = uneven[_i].n;
    int seen[GROUP_MAX] = {0};
    double share[GROUP_MAX];
    int i;

    group(AZL_STRATEGY_AFFINITY, n, uneven[_i].weights);
    g.how.random = no_number;
    for (i = 0; i < RUNS; ++i) {
        seen[home_of(i)]++;
    }
    for (i = 0; i < n; ++i) {
        share[i] = g.d[i].weight / total_weight(n);
    }
    fits(seen, share, n);
}
END_TEST

START_TEST(one_conversation_one_order)
{
    const char *first;

    group(AZL_STRATEGY_AFFINITY, 10, NULL);
    g.how.random = no_number;
    g.how.affinity = conversation(1);
    first = order();
    always(first);
    g.how.affinity = conversation(2);
    ck_assert_str_ne(order(), first);
}
END_TEST

START_TEST(a_new_deployment_takes_only_its_share)
{
    enum { KEYS = 20000 };
    static int before[KEYS];
    int moved[2] = {0, 0};
    double share[2];
    int i;

    group(AZL_STRATEGY_AFFINITY, 10, uneven[UNEVEN - 1].weights);
    g.model.deployments->nelts = 9;
    for (i = 0; i < KEYS; ++i) {
        before[i] = home_of(i);
    }
    g.model.deployments->nelts = 10;
    for (i = 0; i < KEYS; ++i) {
        int now = home_of(i);

        /* nothing moves between the old ones */
        ck_assert(now == before[i] || now == 9);
        moved[now == 9]++;
    }
    share[1] = g.d[9].weight / total_weight(10);
    share[0] = 1 - share[1];
    fits(moved, share, 2);
}
END_TEST

START_TEST(a_new_weight_moves_no_more_than_it_must)
{
    enum { KEYS = 5000 };
    static int before[KEYS];
    int i;

    group(AZL_STRATEGY_AFFINITY, 5, NULL);
    for (i = 0; i < KEYS; ++i) {
        before[i] = home_of(i);
    }
    g.d[2].weight = 3;
    for (i = 0; i < KEYS; ++i) {
        int now = home_of(i);

        ck_assert(now == before[i] || now == 2);
    }
}
END_TEST

START_TEST(away_and_back_again)
{
    char next_one, home;
    const char *ids;
    int i, other;

    group(AZL_STRATEGY_AFFINITY, 5, NULL);
    for (i = 0; i < 50; ++i) {
        g.how.affinity = conversation(i);
        ids = order();
        home = ids[0];
        next_one = ids[1];
        g.loads[home - 'a'].unavailable = 1;
        ck_assert_int_eq(order()[0], next_one);
        ck_assert_int_eq(g.available, 4);
        /* that somebody else is away changes nothing */
        g.loads[home - 'a'].unavailable = 0;
        other = next_one - 'a';
        g.loads[other].unavailable = 1;
        ck_assert_int_eq(order()[0], home);
        g.loads[other].unavailable = 0;
        ck_assert_str_eq(order(), ids);
    }
}
END_TEST

START_TEST(without_a_hash_as_in_a_shuffle)
{
    static const int weights[] = {1, 2, 3};

    group(AZL_STRATEGY_AFFINITY, 3, weights);
    g.loads[2].in_flight = 1000; /* then nobody is crowded either */
    pairs_by_weight(3);
}
END_TEST

/* Requests of one conversation come in and none ends. */
static void flood(int n, int requests)
{
    int i;

    for (i = 0; i < requests; ++i) {
        choose();
        ck_assert_int_eq(g.n, n);
        g.loads[index_of(g.out[0])].in_flight++;
    }
}

START_TEST(a_hot_conversation_overflows)
{
    enum { N = 10, REQUESTS = 400 };
    int used = 0;
    int i;

    group(AZL_STRATEGY_AFFINITY, N, NULL);
    g.how.affinity = conversation(5);
    flood(N, REQUESTS);
    for (i = 0; i < N; ++i) {
        /* 1.25 times its share, and not all are needed for that */
        ck_assert_uint_le(g.loads[i].in_flight, REQUESTS * 5 / 4 / N);
        used += g.loads[i].in_flight > 0;
    }
    ck_assert_int_ge(used, N * 4 / 5);
}
END_TEST

START_TEST(overflow_follows_the_weights)
{
    enum { REQUESTS = 1000 };
    static const int weights[] = {15, 4, 1};
    int i, home;

    group(AZL_STRATEGY_AFFINITY, 3, weights);
    /* a conversation that is at home at each of them in turn */
    for (i = 0, home = -1; home != _i; ++i) {
        home = home_of(i);
    }
    flood(3, REQUESTS);
    for (i = 0; i < 3; ++i) {
        ck_assert_uint_le(
            g.loads[i].in_flight,
            (apr_uint32_t)ceil(REQUESTS * 1.25 * weights[i] / 20));
    }
}
END_TEST

START_TEST(overflow_keeps_the_order)
{
    const char *ids;

    group(AZL_STRATEGY_AFFINITY, 4, NULL);
    g.how.affinity = conversation(8);
    ids = order();
    /* 20 in flight with this one: 1.25 * 20 / 4 = 6.25 */
    g.loads[ids[0] - 'a'].in_flight = 7;
    g.loads[ids[1] - 'a'].in_flight = 6;
    g.loads[ids[2] - 'a'].in_flight = 6;
    always(apr_psprintf(azl_test_pool, "%c%c%c%c", ids[1], ids[2], ids[3],
                        ids[0]));
    /* two that are crowded keep their order as well: 1.25 * 21 / 4 = 6.56 */
    g.loads[ids[2] - 'a'].in_flight = 7;
    always(apr_psprintf(azl_test_pool, "%c%c%c%c", ids[1], ids[3], ids[0],
                        ids[2]));
    g.loads[ids[0] - 'a'].in_flight = 6;
    ck_assert_int_eq(order()[0], ids[0]);
}
END_TEST

START_TEST(a_handful_is_no_crowd)
{
    const char *ids;
    int i, home;

    group(AZL_STRATEGY_AFFINITY, 10, NULL);
    g.how.affinity = conversation(2);
    ids = order();
    home = ids[0] - 'a';
    for (i = 0; i < 4; ++i) {
        ck_assert_int_eq(order()[0], ids[0]);
        g.loads[home].in_flight++;
    }
    ck_assert_int_eq(order()[0], ids[1]);
}
END_TEST

/* Many conversations, answers that end: nobody ever has more than the bound
 * when a request comes, and most stay at home. */
START_TEST(conversations_stay_at_home_under_load)
{
    enum { N = 5, SLOTS = 200, STEPS = 40000 };
    static int at[SLOTS];
    int away = 0;
    int i, j, chosen;

    group(AZL_STRATEGY_AFFINITY, N, NULL);
    for (i = 0; i < SLOTS; ++i) {
        at[i] = -1;
    }
    for (i = 0; i < STEPS; ++i) {
        int slot = (int)(next(&g.state) % SLOTS);
        int home;
        apr_uint32_t total = 0;

        if (at[slot] >= 0) {
            g.loads[at[slot]].in_flight--;
        }
        g.how.affinity = conversation((int)(next(&g.state) % 1000));
        choose();
        chosen = index_of(g.out[0]);
        g.loads[chosen].in_flight++;
        at[slot] = chosen;
        for (j = 0; j < N; ++j) {
            total += g.loads[j].in_flight;
        }
        ck_assert(g.loads[chosen].in_flight <= 5 ||
                  g.loads[chosen].in_flight <=
                      (apr_uint32_t)ceil(1.25 * total / N));
        {
            azl_load_t loads[GROUP_MAX];

            memcpy(loads, g.loads, sizeof(loads));
            memset(g.loads, 0, sizeof(g.loads));
            choose();
            home = index_of(g.out[0]);
            memcpy(g.loads, loads, sizeof(loads));
        }
        away += chosen != home;
    }
    ck_assert_int_lt(away, STEPS / 5);
}
END_TEST

/* ----------------------------------------------------------- what hashes */

static apr_uint64_t hash_of(const char *key, const char *prompt)
{
    return azl_affinity_hash(azl_span_str(key), azl_span_str(prompt));
}

START_TEST(the_key_goes_before_the_prompt)
{
    ck_assert_uint_eq(hash_of("", ""), 0);
    ck_assert_uint_eq(hash_of(NULL, NULL), 0);
    ck_assert_uint_ne(hash_of("k", ""), 0);
    ck_assert_uint_ne(hash_of("", "p"), 0);
    ck_assert_uint_eq(hash_of("k", "p"), hash_of("k", "another"));
    ck_assert_uint_ne(hash_of("k", "p"), hash_of("l", "p"));
    ck_assert_uint_eq(hash_of("", "same"), hash_of("same", ""));
}
END_TEST

START_TEST(every_byte_of_the_prefix_counts)
{
    char *text = azl_test_repeat("x", AZL_AFFINITY_PREFIX + 100);
    apr_uint64_t whole = hash_of("", text);
    int i;

    for (i = 0; i < AZL_AFFINITY_PREFIX; ++i) {
        text[i] = 'y';
        ck_assert_uint_ne(hash_of("", text), whole);
        text[i] = 'x';
    }
    for (; i < AZL_AFFINITY_PREFIX + 100; ++i) {
        text[i] = 'y';
        ck_assert_uint_eq(hash_of("", text), whole);
    }
    ck_assert_uint_eq(azl_affinity_hash(azl_span(NULL, 0),
                                        azl_span(text, AZL_AFFINITY_PREFIX)),
                      whole);
}
END_TEST

START_TEST(changes_do_not_cancel)
{
    char *text = azl_test_repeat("x", 64);
    apr_uint64_t whole = hash_of("", text);
    int i;

    /* the highest bits of two words in a row */
    for (i = 7; i + 8 < 64; i += 8) {
        text[i] ^= (char)0x80;
        text[i + 8] ^= (char)0x80;
        ck_assert_uint_ne(hash_of("", text), whole);
        text[i] ^= (char)0x80;
        text[i + 8] ^= (char)0x80;
    }
}
END_TEST

START_TEST(every_length_is_another)
{
    enum { LENGTHS = 40 };
    static const char zeros[LENGTHS];
    apr_uint64_t seen[LENGTHS];
    int i, j;

    for (i = 0; i < LENGTHS; ++i) {
        apr_size_t len = (apr_size_t)i;

        seen[i] = azl_affinity_hash(azl_span(NULL, 0),
                                    azl_span(azl_test_exact(zeros, len), len));
        for (j = 0; j < i; ++j) {
            ck_assert_uint_ne(seen[i], seen[j]);
        }
    }
}
END_TEST

START_TEST(conversations_go_to_the_spill_of_their_home)
{
    int i;

    group(AZL_STRATEGY_AFFINITY, 3, NULL);
    g.d[1].spill = &g.spill[1];
    for (i = 0; i < 200; ++i) {
        int home = home_of(i);

        g.loads[1].unavailable = 1;
        choose();
        ck_assert_ptr_eq(g.out[0], home == 1 ? &g.spill[1] : &g.d[home]);
        g.loads[1].unavailable = 0;
    }
    /* where it is crowded by its own load */
    g.loads[1].unavailable = 1;
    g.spill_loads[1].in_flight = 20;
    for (i = 0; i < 200; ++i) {
        g.how.affinity = conversation(i);
        choose();
        ck_assert_ptr_eq(g.out[2], &g.spill[1]);
    }
}
END_TEST

TCase *azl_test_affinity(void)
{
    TCase *tc = azl_test_tcase("affinity");

    tcase_add_loop_test(tc, conversations_are_shared_by_weight, 0, UNEVEN);
    tcase_add_test(tc, one_conversation_one_order);
    tcase_add_test(tc, a_new_deployment_takes_only_its_share);
    tcase_add_test(tc, a_new_weight_moves_no_more_than_it_must);
    tcase_add_test(tc, away_and_back_again);
    tcase_add_test(tc, without_a_hash_as_in_a_shuffle);
    tcase_add_test(tc, a_hot_conversation_overflows);
    tcase_add_loop_test(tc, overflow_follows_the_weights, 0, 3);
    tcase_add_test(tc, overflow_keeps_the_order);
    tcase_add_test(tc, a_handful_is_no_crowd);
    tcase_add_test(tc, conversations_stay_at_home_under_load);
    tcase_add_test(tc, the_key_goes_before_the_prompt);
    tcase_add_test(tc, every_byte_of_the_prefix_counts);
    tcase_add_test(tc, changes_do_not_cancel);
    tcase_add_test(tc, every_length_is_another);
    tcase_add_test(tc, conversations_go_to_the_spill_of_their_home);
    return tc;
}
