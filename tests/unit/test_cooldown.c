#include "health_fixture.h"

/* With a cool-down from NOW to NOW + COOL. */
static azl_health_t *cooling(void)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_cool(h, NOW, COOL, 503), 1);
    return h;
}

/* -------------------------------------------------------------- cool-down */

START_TEST(the_provider_says_how_long)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_failure(h, NOW, &never, 429, 2 * SEC, 0), 1);
    ck_assert_int_eq(view_at(h, NOW).cool_until, NOW + 2 * SEC);
    ck_assert_int_eq(azl_health_state(h, NOW + 2 * SEC - 1),
                     AZL_HEALTH_COOLING);
    ck_assert_int_eq(azl_health_state(h, NOW + 2 * SEC), AZL_HEALTH_HALF_OPEN);

    h = healthy();
    ck_assert_int_eq(azl_health_failure(h, NOW, &never, 429, 300 * SEC, 0), 1);
    ck_assert_int_eq(view_at(h, NOW).cool_until, NOW + 300 * SEC);
    /* It is no reason by itself. */
    h = healthy();
    ck_assert_int_eq(azl_health_failure(h, NOW, &never, 503, 2 * SEC, 0), 0);
}
END_TEST

START_TEST(only_the_provider_prolongs)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_failure(h, NOW, &never, 429, 0, 0), 1);
    ck_assert_int_eq(azl_health_failure(h, NOW + SEC, &never, 429, 0, 0), 0);
    ck_assert_int_eq(view_at(h, NOW + SEC).cool_until, NOW + COOL);
    ck_assert_int_eq(azl_health_failure(h, NOW + SEC, &never, 401, SEC, 0), 0);
    ck_assert_int_eq(view_at(h, NOW + SEC).cool_until, NOW + COOL);
    ck_assert_int_eq(view_at(h, NOW + SEC).cool_status, 429);
    ck_assert_int_eq(azl_health_failure(h, NOW + SEC, &never, 403, COOL, 0), 0);
    ck_assert_int_eq(view_at(h, NOW + SEC).cool_until, NOW + COOL + SEC);
    ck_assert_int_eq(view_at(h, NOW + SEC).cool_status, 403);
    ck_assert_uint_eq(view_at(h, NOW).total_cooldowns, 1);
    ck_assert_uint_eq(view_at(h, NOW).total_failures, 4);
}
END_TEST

START_TEST(cooled_from_outside)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_cool(h, NOW, 0, 503), 0);
    ck_assert_int_eq(azl_health_cool(h, NOW, -SEC, 503), 0);
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
    ck_assert_int_eq(azl_health_cool(h, NOW, COOL, 503), 1);
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_COOLING);
    ck_assert_int_eq(view_at(h, NOW).cool_status, 503);
    ck_assert_int_eq(azl_health_cool(h, NOW + SEC, SEC, 504), 0);
    ck_assert_int_eq(view_at(h, NOW).cool_until, NOW + COOL);
    ck_assert_int_eq(azl_health_cool(h, NOW + SEC, COOL, 505), 0);
    ck_assert_int_eq(view_at(h, NOW + SEC).cool_until, NOW + SEC + COOL);
    ck_assert_int_eq(azl_health_cool(h, NOW + SEC + COOL, COOL, 506), 1);
    ck_assert_uint_eq(view_at(h, NOW).failures, 0);
    ck_assert_uint_eq(view_at(h, NOW).total_cooldowns, 2);
}
END_TEST

START_TEST(the_shortest_and_the_longest)
{
    const apr_interval_time_t year = 365 * 24 * 60 * MINUTE;
    const apr_interval_time_t most = 58 * 60 * MINUTE;
    azl_health_t *h = healthy();

    azl_health_cool(h, NOW, 1, 503);
    ck_assert_int_eq(view_at(h, NOW).cool_until, NOW + 1000);
    azl_health_cool(h, NOW, year, 503);
    ck_assert_int_ge(view_at(h, NOW).cool_until, NOW + most);
    ck_assert_int_lt(view_at(h, NOW).cool_until, NOW + most + 60 * MINUTE);
    ck_assert_int_eq(view_at(h, NOW).state, AZL_HEALTH_COOLING);
}
END_TEST

/* A request from before it began, or one that went there all the same. */
START_TEST(a_success_does_not_cut_it_short)
{
    azl_health_t *h = cooling();

    ck_assert_int_eq(azl_health_success(h, NOW + SEC, 1, -1), 0);
    ck_assert_int_eq(azl_health_state(h, NOW + SEC), AZL_HEALTH_COOLING);
}
END_TEST

START_TEST(a_clock_set_back_lengthens_nothing)
{
    const apr_time_t before = NOW - 60 * MINUTE;
    azl_health_t *h = cooling();

    ck_assert_int_eq(azl_health_state(h, before), AZL_HEALTH_COOLING);
    ck_assert_int_eq(azl_health_state(h, before + COOL - 1),
                     AZL_HEALTH_COOLING);
    ck_assert_int_eq(azl_health_state(h, before + COOL), AZL_HEALTH_HALF_OPEN);
    /* Who looks only sees the same, and so does who fails. */
    h = cooling();
    ck_assert_int_eq(view_at(h, before).cool_until, before + COOL);
    h = cooling();
    ck_assert_int_eq(azl_health_cool(h, before, SEC, 429), 0);
    ck_assert_int_eq(view_at(h, before).cool_until, before + COOL);
    /* Lengths are kept in tenths of a second. */
    h = healthy();
    azl_health_cool(h, NOW, 150000, 503);
    ck_assert_int_eq(view_at(h, before).cool_until, before + 200000);
}
END_TEST

/* ----------------------------------------------------------- half open */

START_TEST(one_may_try)
{
    azl_health_t *h = cooling();
    const apr_time_t open = NOW + COOL;

    ck_assert_int_eq(azl_health_probe(h, open - 1, SEC), 0);
    ck_assert_int_eq(azl_health_state(h, open), AZL_HEALTH_HALF_OPEN);
    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(azl_health_probe(h, open, SEC), 0);
    ck_assert_int_eq(azl_health_probe(h, open, SEC / 10), 0);
    ck_assert_int_eq(azl_health_state(h, open), AZL_HEALTH_HALF_OPEN);
    ck_assert_int_eq(view_at(h, open).state, AZL_HEALTH_HALF_OPEN);
    ck_assert_int_eq(view_at(h, open).cool_until, open + SEC);
    ck_assert_int_eq(view_at(h, open).cool_status, 503);
    /* It never came back. */
    ck_assert_int_eq(azl_health_probe(h, open + SEC - 1, SEC), 0);
    ck_assert_int_eq(azl_health_state(h, open + SEC), AZL_HEALTH_HALF_OPEN);
    ck_assert_int_eq(azl_health_probe(h, open + SEC, SEC), 1);
    ck_assert_int_eq(azl_health_probe(h, open + SEC, SEC), 0);
}
END_TEST

START_TEST(everybody_may_try_a_healthy_one)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_probe(h, NOW, SEC), 1);
    ck_assert_int_eq(azl_health_probe(h, NOW, SEC), 1);
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
}
END_TEST

/* A lease is not longer after the clock was set back either. */
START_TEST(a_lease_and_a_clock_set_back)
{
    azl_health_t *h = cooling();
    const apr_time_t before = NOW - 60 * MINUTE;

    ck_assert_int_eq(azl_health_probe(h, NOW + COOL, SEC), 1);
    ck_assert_int_eq(azl_health_probe(h, before, SEC), 0);
    ck_assert_int_eq(azl_health_state(h, before), AZL_HEALTH_HALF_OPEN);
    ck_assert_int_eq(azl_health_probe(h, before + SEC, SEC), 1);
}
END_TEST

START_TEST(a_success_ends_it)
{
    azl_health_t *h = cooling();
    const apr_time_t open = NOW + COOL;

    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(azl_health_success(h, open + 1, 1, -1), 1);
    ck_assert_int_eq(azl_health_state(h, open + 1), AZL_HEALTH_OK);
    ck_assert_int_eq(view_at(h, open + 1).cool_until, 0);
    ck_assert_int_eq(view_at(h, open + 1).cool_status, 503);
    ck_assert_int_eq(azl_health_success(h, open + 2, 1, -1), 0);
    /* Without a probe as well. */
    ck_assert_int_eq(azl_health_cool(h, open, COOL, 503), 1);
    ck_assert_int_eq(azl_health_success(h, open + COOL, 1, -1), 1);
}
END_TEST

START_TEST(a_failure_begins_a_new_one)
{
    azl_health_t *h = cooling();
    apr_time_t open = NOW + COOL;

    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(failed(h, open + 1, &never), 1);
    ck_assert_int_eq(azl_health_state(h, open + 1), AZL_HEALTH_COOLING);
    ck_assert_int_eq(azl_health_probe(h, open + 1, SEC), 0);
    /* Ends at the millisecond. */
    ck_assert_int_eq(view_at(h, open + 1).cool_until, open + COOL);
    ck_assert_int_eq(view_at(h, open + 1).cool_status, 500);
    ck_assert_uint_eq(view_at(h, open + 1).total_cooldowns, 2);
    /* Without a probe as well, and with the provider's time. */
    open += COOL;
    ck_assert_int_eq(azl_health_failure(h, open, &never, 503, 5 * SEC, 0), 1);
    ck_assert_int_eq(view_at(h, open).cool_until, open + 5 * SEC);
}
END_TEST

/* A new cool-down gives no chance to the probe of the one before. */
START_TEST(a_late_success_of_a_probe)
{
    azl_health_t *h = cooling();
    const apr_time_t open = NOW + COOL;

    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(failed(h, open + 2 * SEC, &never), 1);
    ck_assert_int_eq(azl_health_success(h, open + 3 * SEC, 1, -1), 0);
    ck_assert_int_eq(azl_health_state(h, open + 3 * SEC), AZL_HEALTH_COOLING);
}
END_TEST

START_TEST(a_failure_that_does_not_cool_lets_the_next_try)
{
    azl_health_t *h = cooling();
    const apr_time_t open = NOW + COOL;

    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(azl_health_failure(h, open, &never, 429, SEC, 1), 0);
    ck_assert_int_eq(azl_health_state(h, open), AZL_HEALTH_HALF_OPEN);
    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(azl_health_failure(h, open, &no_cooldown, 429, SEC, 0), 0);
    ck_assert_int_eq(azl_health_probe(h, open, SEC), 1);
    ck_assert_int_eq(azl_health_probe(h, open, SEC), 0);
    ck_assert_int_eq(azl_health_success(h, open, 1, -1), 1);
}
END_TEST

START_TEST(a_recovered_one_begins_anew)
{
    azl_health_t *h = healthy();
    const azl_cooldown_t rule = {3, 600 * SEC, COOL, 0};
    int i;

    for (i = 0; i < 10; i++) {
        failed(h, NOW, &rule);
    }
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_COOLING);
    ck_assert_int_eq(azl_health_success(h, NOW + COOL, 1, -1), 1);
    ck_assert_int_eq(failed(h, NOW + COOL, &rule), 0);
    ck_assert_int_eq(failed(h, NOW + COOL, &rule), 0);
    ck_assert_int_eq(failed(h, NOW + COOL, &rule), 1);
}
END_TEST

/* --------------------------------------------------------- many at once */

#define PROCESSES 4

#define ROUNDS 50000

/* What they count together. */
typedef struct turns_t {
    work_t w;
    _Atomic int inside;
    _Atomic int began;
    _Atomic int ended;
    int crowded; /* how often two may try */
    int holds;   /* the one that interrupts: it may try */
} turns_t;

/* Whoever may try gives the turn back by a failure that cools nothing. Returns
 * how often it was not alone. */
static int take_turns(void *baton, int index)
{
    turns_t *t = baton;
    int crowded = 0;
    int i;

    (void)index;
    for (i = 0; i < ROUNDS; i++) {
        if (azl_health_probe(t->w.h, NOW + COOL, MINUTE)) {
            crowded += atomic_fetch_add(&t->inside, 1) != 0;
            atomic_fetch_add(&t->began, 1);
            atomic_fetch_sub(&t->inside, 1);
            azl_health_failure(t->w.h, NOW + COOL, &never, 500, 0, 1);
        }
    }
    return crowded;
}

START_TEST(one_thread_at_a_time)
{
    turns_t t = {work_for(1), 0, 0, 0, 0, 0};

    ck_assert_int_eq(azl_health_cool(t.w.h, NOW, COOL, 503), 1);
    ck_assert_int_eq(crowd(THREADS, take_turns, &t), 0);
    ck_assert_int_gt(t.began, 0);
    ck_assert_int_eq(azl_health_probe(t.w.h, NOW + COOL, MINUTE), 1);
}
END_TEST

static void begin(turns_t *t)
{
    atomic_fetch_add(&t->began,
                     azl_health_failure(t->w.h, NOW, &never, 429, 0, 0));
}

static void end(turns_t *t)
{
    atomic_fetch_add(&t->ended, azl_health_success(t->w.h, NOW + COOL, 1, -1));
}

static void begin_then_end(void *baton)
{
    begin(baton);
    end(baton);
}

static int begin_and_end_often(void *baton, int index)
{
    int i;

    (void)index;
    for (i = 0; i < ROUNDS; i++) {
        begin_then_end(baton);
    }
    return 0;
}

/* Each is told once, whoever else failed or succeeded at the same time. */
START_TEST(each_cooldown_begins_and_ends_once)
{
    turns_t t = {work_for(1), 0, 0, 0, 0, 0};

    crowd(THREADS, begin_and_end_often, &t);
    ck_assert_int_gt(t.began, 0);
    ck_assert_uint_eq(view_at(t.w.h, NOW).total_cooldowns, t.began);
    ck_assert_int_eq(t.began, t.ended + (view_at(t.w.h, NOW).cool_until != 0));
}
END_TEST

static void give_back(turns_t *t)
{
    atomic_fetch_sub(&t->inside, 1);
    azl_health_failure(t->w.h, NOW + COOL, &never, 500, 0, 1);
}

static void try_and_give_back(void *baton)
{
    turns_t *t = baton;

    if (azl_health_probe(t->w.h, NOW + COOL, MINUTE)) {
        t->crowded += atomic_fetch_add(&t->inside, 1) != 0;
        give_back(t);
    }
}

static void try_or_give_back(void *baton)
{
    turns_t *t = baton;

    if (t->holds) {
        t->holds = 0;
        give_back(t);
    }
    else if (azl_health_probe(t->w.h, NOW + COOL, MINUTE)) {
        t->holds = 1;
        t->crowded += atomic_fetch_add(&t->inside, 1) != 0;
    }
}

START_TEST(one_at_a_time_when_interrupted)
{
    turns_t t = {work_for(1), 0, 0, 0, 0, 0};

    ck_assert_int_eq(azl_health_cool(t.w.h, NOW, COOL, 503), 1);
    interrupted(try_and_give_back, try_or_give_back, &t);
    ck_assert_int_eq(t.crowded, 0);
}
END_TEST

static void begin_or_end(void *baton)
{
    turns_t *t = baton;

    t->holds = !t->holds;
    if (t->holds) {
        begin(t);
    }
    else {
        end(t);
    }
}

START_TEST(told_once_when_interrupted)
{
    turns_t t = {work_for(1), 0, 0, 0, 0, 0};

    interrupted(begin_then_end, begin_or_end, &t);
    ck_assert_uint_eq(view_at(t.w.h, NOW).total_cooldowns, t.began);
    ck_assert_int_eq(t.began, t.ended + (view_at(t.w.h, NOW).cool_until != 0));
}
END_TEST

static int try_process(void *baton, process_t *self)
{
    work_t *w = baton;

    tell_ready(self);
    wait_go(self);
    return azl_health_probe(w->h, NOW + COOL, SEC);
}

START_TEST(one_of_all_processes)
{
    work_t w = work_for(1);
    process_t processes[PROCESSES];
    int i, tried = 0;

    ck_assert_int_eq(azl_health_cool(w.h, NOW, COOL, 503), 1);
    for (i = 0; i < PROCESSES; i++) {
        processes[i] = start_process(try_process, &w);
        wait_ready(&processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        tell_go(&processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        tried += end_of(&processes[i]);
    }
    ck_assert_int_eq(tried, 1);
}
END_TEST

static int set_back_once(void *baton, int index)
{
    work_t *w = baton;

    (void)index;
    return azl_health_state(w->h, NOW - 60 * MINUTE) == AZL_HEALTH_COOLING;
}

START_TEST(all_see_the_clock_set_back)
{
    work_t w = work_for(1);

    azl_health_cool(w.h, NOW, COOL, 503);
    ck_assert_int_eq(crowd(THREADS, set_back_once, &w), THREADS);
    ck_assert_int_eq(view_at(w.h, NOW - 60 * MINUTE).cool_until,
                     NOW - 60 * MINUTE + COOL);
}
END_TEST

TCase *azl_test_cooldown(void)
{
    TCase *tc = azl_test_tcase("cooldown");

    tcase_add_test(tc, the_provider_says_how_long);
    tcase_add_test(tc, only_the_provider_prolongs);
    tcase_add_test(tc, cooled_from_outside);
    tcase_add_test(tc, the_shortest_and_the_longest);
    tcase_add_test(tc, a_success_does_not_cut_it_short);
    tcase_add_test(tc, a_clock_set_back_lengthens_nothing);
    tcase_add_test(tc, one_may_try);
    tcase_add_test(tc, everybody_may_try_a_healthy_one);
    tcase_add_test(tc, a_lease_and_a_clock_set_back);
    tcase_add_test(tc, a_success_ends_it);
    tcase_add_test(tc, a_failure_begins_a_new_one);
    tcase_add_test(tc, a_late_success_of_a_probe);
    tcase_add_test(tc, a_failure_that_does_not_cool_lets_the_next_try);
    tcase_add_test(tc, a_recovered_one_begins_anew);
    tcase_add_test(tc, one_thread_at_a_time);
    tcase_add_test(tc, each_cooldown_begins_and_ends_once);
    tcase_add_test(tc, one_at_a_time_when_interrupted);
    tcase_add_test(tc, told_once_when_interrupted);
    tcase_add_test(tc, one_of_all_processes);
    tcase_add_test(tc, all_see_the_clock_set_back);
    return tc;
}
