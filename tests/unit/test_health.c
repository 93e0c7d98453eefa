#include "health_fixture.h"

static void calls(azl_health_t *h, apr_time_t now, int n)
{
    while (n-- > 0) {
        ck_assert_int_eq(azl_health_begin(h, 0, now, 0), 1);
        azl_health_end(h, 0);
    }
}

/* ---------------------------------------------------------------- numbers */

START_TEST(nothing_is_known_of_a_new_one)
{
    azl_health_t *h = healthy();
    azl_health_view_t view = view_at(h, NOW);

    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
    ck_assert_int_eq(view.state, AZL_HEALTH_OK);
    ck_assert_int_eq(view.cool_until, 0);
    ck_assert_int_eq(view.cool_status, 0);
    ck_assert_uint_eq(view.in_flight, 0);
    ck_assert_uint_eq(view.calls, 0);
    ck_assert_uint_eq(view.failures, 0);
    ck_assert_uint_eq(view.tokens, 0);
    ck_assert_int_eq(view.latency, 0);
    ck_assert_int_eq(view.first_token, 0);
    ck_assert_int_eq(view.remaining_requests, -1);
    ck_assert_int_eq(view.remaining_tokens, -1);
    ck_assert_int_eq(view.limits_at, 0);
    ck_assert_uint_eq(view.total_calls, 0);
    ck_assert_uint_eq(view.total_failures, 0);
    ck_assert_uint_eq(view.total_cooldowns, 0);
}
END_TEST

START_TEST(parallel_calls_have_a_limit)
{
    azl_shared_t *shared = segment(1, 1, 1, 0);
    azl_health_t *h = health_of(shared, 1);
    int row = azl_shared_enter(shared, getpid());

    ck_assert_int_eq(azl_health_begin(h, row, NOW, 2), 1);
    ck_assert_int_eq(azl_health_begin(h, row, NOW, 2), 1);
    ck_assert_int_eq(azl_health_begin(h, row, NOW, 2), 0);
    /* What was not let in was no call. */
    ck_assert_uint_eq(view_at(h, NOW).in_flight, 2);
    ck_assert_uint_eq(view_at(h, NOW).calls, 2);
    ck_assert_uint_eq(view_at(h, NOW).total_calls, 2);
    azl_health_end(h, row);
    ck_assert_uint_eq(view_at(h, NOW).in_flight, 1);
    ck_assert_int_eq(azl_health_begin(h, row, NOW, 2), 1);
    ck_assert_int_eq(azl_health_begin(h, row, NOW, 0), 1);
    ck_assert_uint_eq(view_at(h, NOW).in_flight, 3);
}
END_TEST

START_TEST(without_a_row_only_calls_count)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_begin(h, -1, NOW, 1), 1);
    ck_assert_int_eq(azl_health_begin(h, -1, NOW, 1), 1);
    ck_assert_uint_eq(view_at(h, NOW).in_flight, 0);
    ck_assert_uint_eq(view_at(h, NOW).calls, 2);
    azl_health_end(h, -1);
    ck_assert_uint_eq(view_at(h, NOW).in_flight, 0);
}
END_TEST

START_TEST(a_minute_begins_at_zero)
{
    azl_health_t *h = healthy();
    azl_health_view_t view;

    calls(h, NOW, 3);
    calls(h, NOW + MINUTE - 1, 2);
    azl_health_tokens(h, NOW, 1000);
    azl_health_tokens(h, NOW + MINUTE - 1, 1);
    failed(h, NOW + MINUTE - 1, &never);
    view = view_at(h, NOW + MINUTE - 1);
    ck_assert_uint_eq(view.calls, 5);
    ck_assert_uint_eq(view.tokens, 1001);
    ck_assert_uint_eq(view.failures, 1);

    view = view_at(h, NOW + MINUTE);
    ck_assert_uint_eq(view.calls, 0);
    ck_assert_uint_eq(view.tokens, 0);
    ck_assert_uint_eq(view.failures, 0);
    calls(h, NOW + MINUTE, 1);
    azl_health_tokens(h, NOW + MINUTE, 7);
    failed(h, NOW + MINUTE, &never);
    view = view_at(h, NOW + MINUTE);
    ck_assert_uint_eq(view.calls, 1);
    ck_assert_uint_eq(view.tokens, 7);
    ck_assert_uint_eq(view.failures, 1);
    ck_assert_uint_eq(view.total_calls, 6);
    ck_assert_uint_eq(view.total_failures, 2);
    ck_assert_uint_eq(view_at(h, NOW + 2 * MINUTE).calls, 0);
}
END_TEST

/* Two threads look at the clock, and the one that was first comes second. */
START_TEST(who_comes_late_is_counted)
{
    azl_health_t *h = healthy();

    calls(h, NOW, 2);
    calls(h, NOW - 1, 1);
    ck_assert_uint_eq(view_at(h, NOW).calls, 3);
    ck_assert_uint_eq(view_at(h, NOW - 1).calls, 3);
}
END_TEST

/* An hour back: the minute that lies ahead must not count for an hour. */
START_TEST(a_clock_set_back_begins_a_new_minute)
{
    azl_health_t *h = healthy();

    calls(h, NOW, 5);
    ck_assert_uint_eq(view_at(h, NOW - 60 * MINUTE).calls, 0);
    calls(h, NOW - 60 * MINUTE, 1);
    ck_assert_uint_eq(view_at(h, NOW - 60 * MINUTE).calls, 1);
    /* And forth again. */
    ck_assert_uint_eq(view_at(h, NOW).calls, 0);
    calls(h, NOW, 2);
    ck_assert_uint_eq(view_at(h, NOW).calls, 2);
}
END_TEST

/* More tokens than a window holds stay in it, and in their minute. */
START_TEST(a_window_runs_full)
{
    const apr_uint64_t most = ((apr_uint64_t)1 << 38) - 1;
    azl_health_t *h = healthy();

    azl_health_tokens(h, NOW, most - 1);
    ck_assert_uint_eq(view_at(h, NOW).tokens, most - 1);
    azl_health_tokens(h, NOW, 1);
    ck_assert_uint_eq(view_at(h, NOW).tokens, most);
    azl_health_tokens(h, NOW, 1);
    ck_assert_uint_eq(view_at(h, NOW).tokens, most);
    azl_health_tokens(h, NOW + MINUTE, ~(apr_uint64_t)0);
    ck_assert_uint_eq(view_at(h, NOW + MINUTE).tokens, most);
    ck_assert_uint_eq(view_at(h, NOW + 2 * MINUTE).tokens, 0);
}
END_TEST

START_TEST(averages_follow_slowly)
{
    azl_health_t *h = healthy();

    azl_health_success(h, NOW, 8000, -1);
    ck_assert_int_eq(view_at(h, NOW).latency, 8000);
    ck_assert_int_eq(view_at(h, NOW).first_token, 0);
    azl_health_success(h, NOW, 16000, 800);
    ck_assert_int_eq(view_at(h, NOW).latency, 9000);
    ck_assert_int_eq(view_at(h, NOW).first_token, 800);
    azl_health_success(h, NOW, 1000, 0);
    ck_assert_int_eq(view_at(h, NOW).latency, 8000);
    ck_assert_int_eq(view_at(h, NOW).first_token, 701);
    /* A clock that was set back meanwhile says nothing. */
    azl_health_success(h, NOW, -5000, -1);
    ck_assert_int_eq(view_at(h, NOW).latency, 8000);
    ck_assert_int_eq(view_at(h, NOW).first_token, 701);
}
END_TEST

/* 0 stands for unknown. */
START_TEST(no_time_at_all_is_known_too)
{
    azl_health_t *h = healthy();

    azl_health_success(h, NOW, 0, 0);
    ck_assert_int_eq(view_at(h, NOW).latency, 1);
    ck_assert_int_eq(view_at(h, NOW).first_token, 1);
    azl_health_success(h, NOW, 0, 0);
    ck_assert_int_eq(view_at(h, NOW).latency, 1);
}
END_TEST

START_TEST(the_providers_last_word)
{
    azl_health_t *h = healthy();

    azl_health_limits(h, NOW, -1, -1);
    ck_assert_int_eq(view_at(h, NOW).limits_at, 0);
    azl_health_limits(h, NOW, 0, -1);
    ck_assert_int_eq(view_at(h, NOW).remaining_requests, 0);
    ck_assert_int_eq(view_at(h, NOW).remaining_tokens, -1);
    ck_assert_int_eq(view_at(h, NOW).limits_at, NOW);
    azl_health_limits(h, NOW + 1, -1, 120000);
    ck_assert_int_eq(view_at(h, NOW).remaining_requests, 0);
    ck_assert_int_eq(view_at(h, NOW).remaining_tokens, 120000);
    ck_assert_int_eq(view_at(h, NOW).limits_at, NOW + 1);
    azl_health_limits(h, NOW + 2, 59, 0);
    ck_assert_int_eq(view_at(h, NOW).remaining_requests, 59);
    ck_assert_int_eq(view_at(h, NOW).remaining_tokens, 0);
    azl_health_limits(h, NOW + 2, 58, -1);
    ck_assert_int_eq(view_at(h, NOW).remaining_requests, 58);
    ck_assert_int_eq(view_at(h, NOW).remaining_tokens, 0);
    azl_health_limits(h, NOW + 3, -1, -1);
    ck_assert_int_eq(view_at(h, NOW).limits_at, NOW + 2);
}
END_TEST

/* -------------------------------------------------------------- the rules */

START_TEST(some_are_too_many_at_once)
{
    static const int at_once[] = {401, 403, 404, 408, 429};
    static const int others[] = {0, 400, 402, 409, 500, 502, 503, 504, 529};
    azl_health_t *h;
    apr_size_t i;

    for (i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++) {
        h = healthy();
        ck_assert_int_eq(azl_health_failure(h, NOW, &never, at_once[i], 0, 0),
                         1);
        ck_assert_int_eq(view_at(h, NOW).state, AZL_HEALTH_COOLING);
        ck_assert_int_eq(view_at(h, NOW).cool_until, NOW + COOL);
        ck_assert_int_eq(view_at(h, NOW).cool_status, at_once[i]);
        ck_assert_uint_eq(view_at(h, NOW).total_cooldowns, 1);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        h = healthy();
        ck_assert_int_eq(azl_health_failure(h, NOW, &never, others[i], 0, 0),
                         0);
        ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
        ck_assert_uint_eq(view_at(h, NOW).total_failures, 1);
    }
}
END_TEST

START_TEST(a_number_in_a_window)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(failed(h, NOW, &by_number), 0);
    ck_assert_int_eq(failed(h, NOW + 1, &by_number), 0);
    ck_assert_int_eq(azl_health_state(h, NOW + 2), AZL_HEALTH_OK);
    ck_assert_int_eq(failed(h, NOW + 10 * SEC - 1, &by_number), 1);
    ck_assert_int_eq(azl_health_state(h, NOW + 10 * SEC), AZL_HEALTH_COOLING);
    ck_assert_int_eq(view_at(h, NOW + 10 * SEC).cool_status, 500);
}
END_TEST

START_TEST(a_new_window_begins_at_zero)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(failed(h, NOW, &by_number), 0);
    ck_assert_int_eq(failed(h, NOW, &by_number), 0);
    ck_assert_int_eq(failed(h, NOW + 10 * SEC, &by_number), 0);
    ck_assert_int_eq(failed(h, NOW + 10 * SEC, &by_number), 0);
    ck_assert_int_eq(failed(h, NOW + 10 * SEC, &by_number), 1);
}
END_TEST

START_TEST(a_window_of_no_length_counts_nothing)
{
    const azl_cooldown_t rule = {1, 0, COOL, 0};
    azl_health_t *h = healthy();

    ck_assert_int_eq(failed(h, NOW, &rule), 0);
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
}
END_TEST

START_TEST(more_than_a_share)
{
    azl_health_t *h = healthy();

    calls(h, NOW, 8);
    ck_assert_int_eq(failed(h, NOW, &by_percent), 0);
    ck_assert_int_eq(failed(h, NOW, &by_percent), 0);
    ck_assert_int_eq(failed(h, NOW, &by_percent), 0);
    /* Half of them are not more than half. */
    ck_assert_int_eq(failed(h, NOW, &by_percent), 0);
    ck_assert_int_eq(failed(h, NOW, &by_percent), 1);
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_COOLING);
}
END_TEST

START_TEST(a_share_of_few_says_nothing)
{
    azl_health_t *h = healthy();
    int i;

    calls(h, NOW, AZL_HEALTH_MIN_CALLS - 1);
    for (i = 0; i < AZL_HEALTH_MIN_CALLS - 1; i++) {
        ck_assert_int_eq(failed(h, NOW, &by_percent), 0);
    }
    calls(h, NOW, 1);
    ck_assert_int_eq(failed(h, NOW, &by_percent), 1);
}
END_TEST

/* They began in the minute before and took their time. */
START_TEST(failures_without_calls_are_all_of_them)
{
    azl_health_t *h = healthy();
    int i;

    calls(h, NOW - 1, 10);
    for (i = 0; i < AZL_HEALTH_MIN_CALLS - 1; i++) {
        ck_assert_int_eq(failed(h, NOW + MINUTE, &by_percent), 0);
    }
    ck_assert_int_eq(failed(h, NOW + MINUTE, &by_percent), 1);
}
END_TEST

START_TEST(no_time_no_cooldown)
{
    azl_health_t *h = healthy();
    int i;

    for (i = 0; i < 10; i++) {
        ck_assert_int_eq(failed(h, NOW, &no_cooldown), 0);
        ck_assert_int_eq(azl_health_failure(h, NOW, &no_cooldown, 429, SEC, 0),
                         0);
    }
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
    ck_assert_uint_eq(view_at(h, NOW).failures, 20);
    ck_assert_uint_eq(view_at(h, NOW).total_cooldowns, 0);
}
END_TEST

START_TEST(the_sole_one_is_only_counted)
{
    azl_health_t *h = healthy();
    int i;

    for (i = 0; i < 10; i++) {
        ck_assert_int_eq(azl_health_failure(h, NOW, &by_number, 429, SEC, 1),
                         0);
    }
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_OK);
    ck_assert_uint_eq(view_at(h, NOW).total_failures, 10);
    /* Counted indeed: the next one need not be the third. */
    ck_assert_int_eq(failed(h, NOW, &by_number), 1);
}
END_TEST

/* --------------------------------------------------------- many at once */

/* Enough for some milliseconds: whoever starts first must not be done when the
 * last one starts. */
#define ROUNDS 20000
#define PROCESSES 4

static int all_of_it(void *baton, int index)
{
    static const azl_cooldown_t far = {1 << 30, 3600 * SEC, COOL, 0};
    work_t *w = baton;
    int began = 0;
    int i;

    (void)index;
    for (i = 0; i < ROUNDS; i++) {
        began += azl_health_begin(w->h, w->row, NOW, 0);
        azl_health_success(w->h, NOW, 1000, 100);
        azl_health_tokens(w->h, NOW, 3);
        azl_health_failure(w->h, NOW, &far, 500, 0, 0);
        azl_health_limits(w->h, NOW, 5, 6);
        azl_health_end(w->h, w->row);
    }
    return began;
}

static int all_of_it_process(void *baton, process_t *self)
{
    work_t *w = baton;

    w->row = azl_shared_enter(w->shared, getpid());
    tell_ready(self);
    wait_go(self);
    return all_of_it(w, 0) != ROUNDS;
}

static void check_totals(const work_t *w, apr_uint64_t n)
{
    azl_health_view_t view = view_at(w->h, NOW);

    ck_assert_uint_eq(view.in_flight, 0);
    ck_assert_uint_eq(view.calls, n);
    ck_assert_uint_eq(view.failures, n);
    ck_assert_uint_eq(view.tokens, 3 * n);
    ck_assert_uint_eq(view.total_calls, n);
    ck_assert_uint_eq(view.total_failures, n);
    ck_assert_int_eq(view.latency, 1000);
    ck_assert_int_eq(view.first_token, 100);
    ck_assert_int_eq(view.remaining_requests, 5);
    ck_assert_int_eq(view.remaining_tokens, 6);
    ck_assert_int_eq(view.state, AZL_HEALTH_OK);
}

START_TEST(threads_lose_nothing)
{
    work_t w = work_for(1);

    ck_assert_int_eq(crowd(THREADS, all_of_it, &w), THREADS * ROUNDS);
    check_totals(&w, THREADS * ROUNDS);
}
END_TEST

START_TEST(processes_lose_nothing)
{
    work_t w = work_for(PROCESSES + 1);
    process_t processes[PROCESSES];
    int i;

    for (i = 0; i < PROCESSES; i++) {
        processes[i] = start_process(all_of_it_process, &w);
        wait_ready(&processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        tell_go(&processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        ck_assert_int_eq(end_of(&processes[i]), EXIT_SUCCESS);
    }
    check_totals(&w, PROCESSES * ROUNDS);
}
END_TEST

static void count_one(void *baton)
{
    work_t *w = baton;

    azl_health_tokens(w->h, NOW, 1);
    atomic_fetch_add(&w->n, 1);
}

START_TEST(interrupts_lose_nothing)
{
    work_t w = work_for(1);

    interrupted(count_one, count_one, &w);
    ck_assert_int_ge(w.n, INTERRUPTS);
    ck_assert_uint_eq(view_at(w.h, NOW).tokens, w.n);
}
END_TEST

/* The window's border comes in the midst of it: what is counted before it and
 * after it is all there is, as long as nobody is more than a window late. */
static int around_midnight(void *baton, int index)
{
    work_t *w = baton;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        azl_health_tokens(w->h, index % 2 ? NOW : NOW - 1, 1);
    }
    return 0;
}

START_TEST(a_border_loses_nothing)
{
    work_t w = work_for(1);

    azl_health_tokens(w.h, NOW, 1);
    crowd(THREADS, around_midnight, &w);
    ck_assert_uint_eq(view_at(w.h, NOW).tokens, THREADS * ROUNDS + 1);
}
END_TEST

/* ----------------------------------------------------------------- slots */

/* Who takes over a slot knows nothing of the one before. */
START_TEST(a_reused_slot_is_new)
{
    azl_shared_t *shared = segment(1, 1, 1, 0);
    azl_health_t *h = health_of(shared, 1);
    int row = azl_shared_enter(shared, getpid());
    azl_health_view_t view;

    azl_health_begin(h, row, NOW, 0);
    azl_health_success(h, NOW, 100, 10);
    azl_health_tokens(h, NOW, 3);
    azl_health_limits(h, NOW, 5, 6);
    azl_health_failure(h, NOW, &by_number, 500, 0, 0);
    azl_health_failure(h, NOW, &by_number, 429, 0, 0);
    azl_health_end(h, row);
    azl_shared_begin_generation(shared);
    azl_shared_begin_generation(shared);

    ck_assert_ptr_eq(health_of(shared, 2), h);
    view = view_at(h, NOW);
    ck_assert_int_eq(view.state, AZL_HEALTH_OK);
    ck_assert_int_eq(view.cool_until, 0);
    ck_assert_int_eq(view.cool_status, 0);
    ck_assert_uint_eq(view.calls, 0);
    ck_assert_uint_eq(view.failures, 0);
    ck_assert_uint_eq(view.tokens, 0);
    ck_assert_int_eq(view.latency, 0);
    ck_assert_int_eq(view.first_token, 0);
    ck_assert_int_eq(view.remaining_requests, -1);
    ck_assert_int_eq(view.remaining_tokens, -1);
    ck_assert_int_eq(view.limits_at, 0);
    ck_assert_uint_eq(view.total_calls, 0);
    ck_assert_uint_eq(view.total_failures, 0);
    ck_assert_uint_eq(view.total_cooldowns, 0);
    ck_assert_int_eq(failed(h, NOW, &by_number), 0);
    ck_assert_int_eq(failed(h, NOW, &by_number), 0);
}
END_TEST

/* A new configuration that asks for it again finds what the old one knew. */
START_TEST(a_slot_remembers)
{
    azl_shared_t *shared = segment(1, 1, 1, 0);
    azl_health_t *h = health_of(shared, 1);

    azl_health_cool(h, NOW, COOL, 401);
    azl_shared_begin_generation(shared);
    azl_shared_begin_generation(shared);
    azl_shared_begin_generation(shared);
    ck_assert_ptr_eq(health_of(shared, 1), h);
    ck_assert_int_eq(azl_health_state(h, NOW), AZL_HEALTH_COOLING);
}
END_TEST

TCase *azl_test_health(void)
{
    TCase *tc = azl_test_tcase("health");

    tcase_add_test(tc, nothing_is_known_of_a_new_one);
    tcase_add_test(tc, parallel_calls_have_a_limit);
    tcase_add_test(tc, without_a_row_only_calls_count);
    tcase_add_test(tc, a_minute_begins_at_zero);
    tcase_add_test(tc, who_comes_late_is_counted);
    tcase_add_test(tc, a_clock_set_back_begins_a_new_minute);
    tcase_add_test(tc, a_window_runs_full);
    tcase_add_test(tc, averages_follow_slowly);
    tcase_add_test(tc, no_time_at_all_is_known_too);
    tcase_add_test(tc, the_providers_last_word);
    tcase_add_test(tc, some_are_too_many_at_once);
    tcase_add_test(tc, a_number_in_a_window);
    tcase_add_test(tc, a_new_window_begins_at_zero);
    tcase_add_test(tc, a_window_of_no_length_counts_nothing);
    tcase_add_test(tc, more_than_a_share);
    tcase_add_test(tc, a_share_of_few_says_nothing);
    tcase_add_test(tc, failures_without_calls_are_all_of_them);
    tcase_add_test(tc, no_time_no_cooldown);
    tcase_add_test(tc, the_sole_one_is_only_counted);
    tcase_add_test(tc, threads_lose_nothing);
    tcase_add_test(tc, processes_lose_nothing);
    tcase_add_test(tc, interrupts_lose_nothing);
    tcase_add_test(tc, a_border_loses_nothing);
    tcase_add_test(tc, a_reused_slot_is_new);
    tcase_add_test(tc, a_slot_remembers);
    return tc;
}
