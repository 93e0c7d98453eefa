#include "store_fixture.h"

#include "../../src/store/azl_shared_int.h"

#define LINE AZL_CACHE_LINE

static apr_size_t address(const void *at)
{
    return (apr_size_t)(apr_uintptr_t)at;
}

/* ----------------------------------------------------------------- layout */

START_TEST(sizes_must_make_sense)
{
    static const azl_shared_sizes_t bad[] = {
        {-1, 1, 1, 1}, {1, -1, 1, 1}, {1, 1, -1, 1}, {1, 1, 1, -1}};
    /* 2^48 bytes: more than a process can have. */
    const azl_shared_sizes_t large = {1 << 20, 0, 1 << 26, 0};
    azl_shared_t *shared = NULL;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(azl_shared_create(&shared, azl_test_pool, &bad[i]),
                         APR_EINVAL);
    }
    ck_assert_int_ne(azl_shared_create(&shared, azl_test_pool, &large),
                     APR_SUCCESS);
    ck_assert_ptr_null(shared);
}
END_TEST

START_TEST(remembers_its_sizes)
{
    const azl_shared_sizes_t *sizes = azl_shared_sizes(segment(3, 5, 7, 11));

    ck_assert_int_eq(sizes->processes, 3);
    ck_assert_int_eq(sizes->deployments, 5);
    ck_assert_int_eq(sizes->gates, 7);
    ck_assert_int_eq(sizes->series, 11);
}
END_TEST

START_TEST(room_for_nothing)
{
    azl_shared_t *shared = segment(0, 0, 0, 0);

    ck_assert_int_eq(azl_shared_enter(shared, getpid()), -1);
    ck_assert_ptr_null(gate_of(shared, 1));
    ck_assert_ptr_null(health_of(shared, 1));
    ck_assert_ptr_null(azl_shared_series_area(shared));
    azl_shared_leave(shared, getpid());
}
END_TEST

/* What belongs to one must not slow down another: no two share a line. With 17
 * processes the words of one take two lines. */
START_TEST(each_has_cache_lines_of_its_own)
{
    azl_shared_t *shared = segment(17, 2, 2, 2);
    azl_gate_t *a = gate_of(shared, 2), *b = gate_of(shared, 3);
    azl_health_t *h = health_of(shared, 2), *i = health_of(shared, 3);
    char *series = azl_shared_series_area(shared);

    ck_assert_uint_eq(address(a) % LINE, 0);
    ck_assert_uint_eq(address(b) - address(a), LINE + 2 * LINE);
    ck_assert_uint_eq(address(h) % LINE, 0);
    ck_assert_uint_eq(address(i) - address(h), sizeof(*h) + 2 * LINE);
    ck_assert_uint_eq(address(&h->calls) % LINE, 0);
    ck_assert_uint_eq(address(azl_gate_words(&h->gate)) % LINE, 0);
    ck_assert_uint_le(address(&h->limits_at), address(&h->calls) + LINE - 8);
    ck_assert_uint_eq(address(series) % LINE, 0);
}
END_TEST

/* Fill all there is with what would be seen elsewhere. */
START_TEST(nothing_overlaps)
{
    azl_shared_t *shared = segment(3, 2, 2, 2);
    char *series = azl_shared_series_area(shared);
    process_t others[2] = {start_process(only_wait, NULL),
                           start_process(only_wait, NULL)};
    pid_t pids[3] = {others[0].pid, others[1].pid, getpid()};
    azl_health_view_t view;
    apr_size_t i;
    int n, row;

    for (i = 0; i < 2 * AZL_SHARED_SERIES_SIZE; i++) {
        ck_assert_int_eq(series[i], 0);
    }
    memset(series, 0xff, 2 * AZL_SHARED_SERIES_SIZE);
    for (n = 0; n < 3; n++) {
        row = azl_shared_enter(shared, pids[n]);
        ck_assert_int_eq(row, n);
        for (i = 0; i < 2; i++) {
            ck_assert(azl_gate_enter(gate_of(shared, i + 1), row, 0));
            ck_assert(azl_health_begin(health_of(shared, i + 1), row, 0, 0));
        }
    }
    for (i = 0; i < 2; i++) {
        ck_assert_uint_eq(azl_gate_in_flight(gate_of(shared, i + 1)), 3);
        azl_health_view(health_of(shared, i + 1), 0, &view);
        ck_assert_uint_eq(view.in_flight, 3);
        ck_assert_uint_eq(view.total_calls, 3);
        ck_assert_int_eq(view.state, AZL_HEALTH_OK);
    }
    for (i = 0; i < 2 * AZL_SHARED_SERIES_SIZE; i++) {
        ck_assert_int_eq(series[i], (char)0xff);
    }
    stop_process(&others[0]);
    stop_process(&others[1]);
}
END_TEST

/* ------------------------------------------------------------------ slots */

START_TEST(the_same_name_is_the_same_slot)
{
    azl_shared_t *shared = segment(1, 3, 3, 0);
    azl_gate_t *gate = gate_of(shared, 7);
    azl_health_t *h = health_of(shared, 7);

    ck_assert_ptr_nonnull(gate);
    ck_assert_ptr_nonnull(h);
    ck_assert_ptr_ne(gate_of(shared, 8), gate);
    ck_assert_ptr_ne(health_of(shared, 8), h);
    ck_assert_ptr_eq(gate_of(shared, 7), gate);
    ck_assert_ptr_eq(health_of(shared, 7), h);
}
END_TEST

/* All of them want to be at the same place. */
START_TEST(names_that_collide)
{
    azl_shared_t *shared = segment(1, 1, 4, 0);
    azl_gate_t *gates[4];
    int i, j;

    for (i = 0; i < 4; i++) {
        gates[i] = gate_of(shared, 3 + 4 * (apr_uint64_t)i);
        ck_assert_ptr_nonnull(gates[i]);
        for (j = 0; j < i; j++) {
            ck_assert_ptr_ne(gates[i], gates[j]);
        }
    }
    for (i = 0; i < 4; i++) {
        ck_assert_ptr_eq(gate_of(shared, 3 + 4 * (apr_uint64_t)i), gates[i]);
    }
}
END_TEST

/* A free slot has the name 0. */
START_TEST(a_name_of_zeros)
{
    azl_shared_t *shared = segment(1, 1, 2, 0);
    azl_gate_t *gate = gate_of(shared, 0);

    ck_assert_ptr_nonnull(gate);
    ck_assert_ptr_eq(gate_of(shared, 0), gate);
    ck_assert_ptr_ne(gate_of(shared, 2), gate);
    ck_assert_ptr_null(gate_of(shared, 4));
}
END_TEST

START_TEST(a_full_table)
{
    azl_shared_t *shared = segment(1, 2, 1, 0);

    ck_assert_ptr_nonnull(health_of(shared, 1));
    ck_assert_ptr_nonnull(health_of(shared, 2));
    ck_assert_ptr_null(health_of(shared, 3));
    ck_assert_ptr_nonnull(gate_of(shared, 1));
    ck_assert_ptr_null(gate_of(shared, 2));
    ck_assert_ptr_nonnull(health_of(shared, 1));
}
END_TEST

#define CLAIMED 2000

/* Every name wants the same place: all threads are at the first free one. */
static int claim_some(void *baton, int index)
{
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN];
    apr_uint64_t number;
    int claimed = 0;
    int i;

    for (i = index; i < CLAIMED; i += THREADS) {
        number = (apr_uint64_t)CLAIMED * (apr_uint64_t)(i + 1);
        memcpy(name, &number, sizeof(name));
        claimed += azl_shared_gate(baton, name) != NULL;
    }
    return claimed;
}

/* At start there is one process only; but nothing breaks if not. */
START_TEST(taken_by_many_at_once)
{
    azl_shared_t *shared = segment(1, 1, CLAIMED, 0);
    int row = azl_shared_enter(shared, getpid());
    azl_gate_t *gate;
    int i;

    ck_assert_int_eq(crowd(THREADS, claim_some, shared), CLAIMED);
    for (i = 0; i < CLAIMED; i++) {
        gate = gate_of(shared, (apr_uint64_t)CLAIMED * (apr_uint64_t)(i + 1));
        ck_assert_ptr_nonnull(gate);
        /* Nobody else has the same one. */
        ck_assert_int_eq(azl_gate_enter(gate, row, 1), 1);
    }
}
END_TEST

START_TEST(a_slot_is_kept_for_two_generations)
{
    azl_shared_t *shared = segment(1, 1, 2, 0);
    azl_gate_t *old;

    azl_shared_begin_generation(shared);
    old = gate_of(shared, 1);
    ck_assert_ptr_nonnull(gate_of(shared, 2));
    azl_shared_begin_generation(shared);
    gate_of(shared, 2);
    ck_assert_ptr_null(gate_of(shared, 3));
    azl_shared_begin_generation(shared);
    gate_of(shared, 2);
    ck_assert_ptr_eq(gate_of(shared, 3), old);
    /* Both are in use now. */
    ck_assert_ptr_null(gate_of(shared, 1));
    ck_assert_ptr_eq(gate_of(shared, 3), old);
}
END_TEST

START_TEST(a_free_slot_goes_before_an_old_one)
{
    azl_shared_t *shared = segment(1, 2, 1, 0);
    azl_health_t *old = health_of(shared, 1);

    azl_shared_begin_generation(shared);
    azl_shared_begin_generation(shared);
    ck_assert_ptr_ne(health_of(shared, 2), old);
    ck_assert_ptr_eq(health_of(shared, 1), old);
}
END_TEST

START_TEST(an_old_slot_in_use_is_kept)
{
    azl_shared_t *shared = segment(1, 1, 1, 0);
    int row = azl_shared_enter(shared, getpid());
    azl_gate_t *old = gate_of(shared, 1);

    azl_gate_enter(old, row, 0);
    azl_shared_begin_generation(shared);
    azl_shared_begin_generation(shared);
    ck_assert_ptr_null(gate_of(shared, 2));
    azl_gate_leave(old, row);
    ck_assert_ptr_eq(gate_of(shared, 2), old);
}
END_TEST

/* The name that takes over another's place is found there, and those that
 * collided with the old one are still found as well. */
START_TEST(a_reused_slot_breaks_no_search)
{
    azl_shared_t *shared = segment(1, 1, 3, 0);
    azl_gate_t *first = gate_of(shared, 3), *second = gate_of(shared, 6),
               *third = gate_of(shared, 9);

    azl_shared_begin_generation(shared);
    azl_shared_begin_generation(shared);
    gate_of(shared, 3);
    gate_of(shared, 9);
    ck_assert_ptr_eq(gate_of(shared, 8), second);
    ck_assert_ptr_eq(gate_of(shared, 3), first);
    ck_assert_ptr_eq(gate_of(shared, 9), third);
    ck_assert_ptr_eq(gate_of(shared, 8), second);
}
END_TEST

/* ------------------------------------------------------------------- rows */

START_TEST(rows_from_the_lowest_on)
{
    azl_shared_t *shared = segment(2, 1, 1, 0);
    process_t one = start_process(only_wait, NULL);
    process_t two = start_process(only_wait, NULL);

    ck_assert_int_eq(azl_shared_enter(shared, one.pid), 0);
    ck_assert_int_eq(azl_shared_enter(shared, getpid()), 1);
    ck_assert_int_eq(azl_shared_enter(shared, two.pid), -1);
    azl_shared_leave(shared, one.pid);
    ck_assert_int_eq(azl_shared_enter(shared, two.pid), 0);
    azl_shared_leave(shared, one.pid);
    ck_assert_int_eq(azl_shared_enter(shared, one.pid), -1);
    stop_process(&one);
    stop_process(&two);
}
END_TEST

START_TEST(who_leaves_takes_only_its_own_along)
{
    azl_shared_t *shared = segment(2, 2, 2, 0);
    azl_health_t *h = health_of(shared, 5);
    azl_gate_t *gate = gate_of(shared, 5);
    process_t other = start_process(only_wait, NULL);
    int first = azl_shared_enter(shared, other.pid);
    int second = azl_shared_enter(shared, getpid());
    azl_health_view_t view;

    azl_gate_enter(gate, first, 0);
    azl_gate_enter(gate, first, 0);
    azl_gate_enter(gate, second, 0);
    azl_health_begin(h, first, 0, 0);
    azl_health_begin(h, second, 0, 0);
    azl_health_begin(h, second, 0, 0);
    stop_process(&other);
    azl_shared_leave(shared, other.pid);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 1);
    azl_health_view(h, 0, &view);
    ck_assert_uint_eq(view.in_flight, 2);
    ck_assert_uint_eq(view.total_calls, 3);
}
END_TEST

START_TEST(a_dead_process_has_no_row)
{
    azl_shared_t *shared = segment(2, 1, 1, 0);
    azl_gate_t *gate = gate_of(shared, 1);
    int theirs = azl_shared_enter(shared, dead_pid());

    azl_gate_enter(gate, theirs, 0);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 1);
    ck_assert_int_eq(azl_shared_enter(shared, getpid()), theirs);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 0);
}
END_TEST

static int enter_as_nobody(void *baton, process_t *self)
{
    const uid_t nobody = 65534;

    (void)self;
    if (geteuid() == 0 && setuid(nobody) != 0) {
        return EXIT_FAILURE;
    }
    return azl_shared_enter(baton, getpid());
}

/* Children run as somebody else than their parent and may not ask it. */
START_TEST(a_process_of_another_user_lives)
{
    azl_shared_t *shared = segment(2, 1, 1, 0);
    process_t process;

    ck_assert_int_eq(azl_shared_enter(shared, getpid()), 0);
    process = start_process(enter_as_nobody, shared);
    ck_assert_int_eq(end_of(&process), 1);
}
END_TEST

/* Process ids come round again. */
START_TEST(the_same_pid_again)
{
    azl_shared_t *shared = segment(2, 1, 1, 0);
    azl_gate_t *gate = gate_of(shared, 1);

    azl_gate_enter(gate, azl_shared_enter(shared, getpid()), 0);
    ck_assert_int_eq(azl_shared_enter(shared, getpid()), 0);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 0);
}
END_TEST

START_TEST(a_row_that_is_being_emptied)
{
    azl_shared_t *shared = segment(2, 1, 1, 0);
    azl_gate_t *gate = gate_of(shared, 1);
    process_t other = start_process(only_wait, NULL);
    pid_t dead = dead_pid();

    azl_gate_enter(gate, azl_shared_enter(shared, dead), 0);
    /* By a living process: it will come to an end with it. */
    shared->rows[0] = AZL_ROW_EMPTYING | (apr_uint64_t)other.pid;
    ck_assert_int_eq(azl_shared_enter(shared, getpid()), 1);
    azl_shared_leave(shared, dead);
    azl_shared_leave(shared, other.pid);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 1);
    /* By one that has died over it. */
    stop_process(&other);
    azl_shared_leave(shared, getpid());
    ck_assert_int_eq(azl_shared_enter(shared, getpid()), 0);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 0);
    /* By one of this pid, which must have died then. */
    azl_gate_enter(gate, 0, 0);
    shared->rows[0] = AZL_ROW_EMPTYING | (apr_uint64_t)getpid();
    ck_assert_int_eq(azl_shared_enter(shared, getpid()), 0);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 0);
}
END_TEST

typedef struct emptied_t {
    azl_shared_t *shared;
    azl_gate_t *gate;
    pid_t dead;
    pid_t new;
    int row; /* of the new one; -1: it is not there */
    int lost;
} emptied_t;

static int empty_or_enter(void *baton, int index)
{
    emptied_t *e = baton;
    int row;

    if (index != 0) {
        azl_shared_leave(e->shared, e->dead);
        return 0;
    }
    row = azl_shared_enter(e->shared, e->new);
    return azl_gate_enter(e->gate, row, 0);
}

/* A new process takes the row of a dead one just while the parent empties it:
 * what it counts stays. */
START_TEST(a_row_is_emptied_once)
{
    process_t new = start_process(only_wait, NULL);
    emptied_t e;
    int i;

    e.shared = segment(2, 8, 8, 0);
    e.gate = gate_of(e.shared, 7);
    e.dead = dead_pid();
    e.new = new.pid;
    for (i = 0; i < 1000; i++) {
        ck_assert_int_eq(azl_shared_enter(e.shared, e.dead), 0);
        azl_gate_enter(e.gate, 0, 0);
        ck_assert_int_eq(crowd(3, empty_or_enter, &e), 1);
        ck_assert_uint_eq(azl_gate_in_flight(e.gate), 1);
        azl_shared_leave(e.shared, e.new);
    }
    stop_process(&new);
}
END_TEST

static void come_and_be_emptied(void *baton)
{
    emptied_t *e = baton;

    azl_shared_enter(e->shared, e->dead);
    azl_shared_leave(e->shared, e->dead);
}

static void enter_or_look(void *baton)
{
    emptied_t *e = baton;

    if (e->row < 0) {
        e->row = azl_shared_enter(e->shared, e->new);
        azl_gate_enter(e->gate, e->row, 0);
    }
    else {
        e->lost += azl_gate_in_flight(e->gate) != 1;
        azl_shared_leave(e->shared, e->new);
        e->row = -1;
    }
}

START_TEST(a_row_is_emptied_once_when_interrupted)
{
    process_t new = start_process(only_wait, NULL);
    emptied_t e;

    e.shared = segment(2, 1, 1, 0);
    e.gate = gate_of(e.shared, 1);
    e.dead = dead_pid();
    e.new = new.pid;
    e.row = -1;
    e.lost = 0;
    interrupted(come_and_be_emptied, enter_or_look, &e);
    ck_assert_int_eq(e.lost, 0);
    stop_process(&new);
}
END_TEST

/* ---------------------------------------------------------------- inherit */

START_TEST(a_larger_segment_inherits)
{
    static const azl_cooldown_t rule = {2, APR_USEC_PER_SEC, APR_USEC_PER_SEC,
                                        0};
    const apr_time_t now = apr_time_from_sec(1000);
    azl_shared_t *from = segment(2, 3, 1, 1);
    azl_shared_t *to = segment(4, 9, 9, 2);
    azl_health_t *h = health_of(from, 5);
    int row = azl_shared_enter(from, getpid());
    azl_health_view_t old, new;

    azl_shared_begin_generation(from);
    ck_assert(!azl_health_failure(health_of(from, 6), now, &rule, 500, 0, 0));
    azl_health_begin(h, row, now, 0);
    azl_health_begin(h, row, now, 0);
    azl_health_success(h, now, 4000, 300);
    azl_health_tokens(h, now, 77);
    azl_health_limits(h, now, 11, 0);
    ck_assert(azl_health_failure(h, now, &rule, 429, 0, 0));
    azl_health_view(h, now, &old);

    azl_shared_inherit(to, from);
    azl_health_view(health_of(to, 5), now, &new);
    ck_assert_uint_eq(old.in_flight, 2);
    ck_assert_uint_eq(new.in_flight, 0);
    new.in_flight = old.in_flight;
    ck_assert_int_eq(new.state, AZL_HEALTH_COOLING);
    ck_assert_int_eq(new.cool_until, now + rule.time);
    ck_assert_int_eq(new.cool_status, 429);
    ck_assert_uint_eq(new.calls, 2);
    ck_assert_uint_eq(new.failures, 1);
    ck_assert_uint_eq(new.tokens, 77);
    ck_assert_int_eq(new.latency, 4000);
    ck_assert_int_eq(new.first_token, 300);
    ck_assert_int_eq(new.remaining_requests, 11);
    ck_assert_int_eq(new.remaining_tokens, 0);
    ck_assert_int_eq(new.limits_at, now);
    ck_assert_uint_eq(new.total_calls, 2);
    ck_assert_uint_eq(new.total_failures, 1);
    ck_assert_uint_eq(new.total_cooldowns, 1);
    /* The other one's first failure is not forgotten: this is the second. */
    ck_assert(azl_health_failure(health_of(to, 6), now, &rule, 500, 0, 0));
}
END_TEST

/* The new segment knows as well which slots nobody has asked for of late. */
START_TEST(generations_are_inherited)
{
    azl_shared_t *from = segment(1, 2, 0, 0);
    azl_shared_t *to = segment(1, 2, 0, 0);
    azl_health_t *stale;

    health_of(from, 2);
    azl_shared_begin_generation(from);
    health_of(from, 3);
    azl_shared_inherit(to, from);
    azl_shared_begin_generation(to);
    stale = health_of(to, 4);
    ck_assert_ptr_nonnull(stale);
    ck_assert_ptr_ne(health_of(to, 3), stale);
    ck_assert_ptr_null(health_of(to, 2));
}
END_TEST

START_TEST(what_does_not_fit_is_left_out)
{
    azl_shared_t *from = segment(1, 2, 0, 0);
    azl_shared_t *to = segment(1, 1, 0, 0);

    health_of(from, 2);
    health_of(from, 3);
    azl_shared_inherit(to, from);
    ck_assert_ptr_nonnull(health_of(to, 2));
    ck_assert_ptr_null(health_of(to, 3));
}
END_TEST

TCase *azl_test_shared(void)
{
    TCase *tc = azl_test_tcase("shared");

    tcase_add_test(tc, sizes_must_make_sense);
    tcase_add_test(tc, remembers_its_sizes);
    tcase_add_test(tc, room_for_nothing);
    tcase_add_test(tc, each_has_cache_lines_of_its_own);
    tcase_add_test(tc, nothing_overlaps);
    tcase_add_test(tc, the_same_name_is_the_same_slot);
    tcase_add_test(tc, names_that_collide);
    tcase_add_test(tc, a_name_of_zeros);
    tcase_add_test(tc, a_full_table);
    tcase_add_test(tc, taken_by_many_at_once);
    tcase_add_test(tc, a_slot_is_kept_for_two_generations);
    tcase_add_test(tc, a_free_slot_goes_before_an_old_one);
    tcase_add_test(tc, an_old_slot_in_use_is_kept);
    tcase_add_test(tc, a_reused_slot_breaks_no_search);
    tcase_add_test(tc, rows_from_the_lowest_on);
    tcase_add_test(tc, who_leaves_takes_only_its_own_along);
    tcase_add_test(tc, a_dead_process_has_no_row);
    tcase_add_test(tc, a_process_of_another_user_lives);
    tcase_add_test(tc, the_same_pid_again);
    tcase_add_test(tc, a_row_that_is_being_emptied);
    tcase_add_test(tc, a_row_is_emptied_once);
    tcase_add_test(tc, a_row_is_emptied_once_when_interrupted);
    tcase_add_test(tc, a_larger_segment_inherits);
    tcase_add_test(tc, generations_are_inherited);
    tcase_add_test(tc, what_does_not_fit_is_left_out);
    return tc;
}
