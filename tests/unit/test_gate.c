#include <limits.h>
#include <stdlib.h>

#include "store_fixture.h"

#include "../../src/store/azl_shared_int.h"

/* ------------------------------------------------------------------ gates */

START_TEST(a_gate_lets_max_in)
{
    azl_shared_t *shared = segment(2, 1, 1, 0);
    azl_gate_t *gate = gate_of(shared, 1);
    process_t other = start_process(only_wait, NULL);
    int first = azl_shared_enter(shared, other.pid);
    int second = azl_shared_enter(shared, getpid());

    ck_assert_int_eq(azl_gate_enter(gate, first, 2), 1);
    ck_assert_int_eq(azl_gate_enter(gate, second, 2), 1);
    ck_assert_int_eq(azl_gate_enter(gate, first, 2), 0);
    ck_assert_int_eq(azl_gate_enter(gate, second, 2), 0);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 2);
    /* Another limit, then none. */
    ck_assert_int_eq(azl_gate_enter(gate, first, 3), 1);
    ck_assert_int_eq(azl_gate_enter(gate, first, 0), 1);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 4);
    azl_gate_leave(gate, first);
    azl_gate_leave(gate, first);
    azl_gate_leave(gate, first);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 1);
    ck_assert_int_eq(azl_gate_enter(gate, first, 1), 0);
    azl_gate_leave(gate, second);
    ck_assert_int_eq(azl_gate_enter(gate, first, 1), 1);
    stop_process(&other);
}
END_TEST

START_TEST(without_a_row_nothing_is_counted)
{
    azl_gate_t *gate = gate_of(segment(1, 1, 1, 0), 1);

    ck_assert_int_eq(azl_gate_enter(gate, -1, 1), 1);
    ck_assert_int_eq(azl_gate_enter(gate, -1, 1), 1);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 0);
    azl_gate_leave(gate, -1);
    ck_assert_uint_eq(azl_gate_in_flight(gate), 0);
}
END_TEST

/* Enough for some milliseconds: whoever starts first must not be done when the
 * last one starts. */
#define ROUNDS 100000
#define PROCESSES 4
#define PLACES 3

/* What the test itself counts, in shared memory. */
typedef struct contest_t {
    azl_shared_t *shared;
    azl_gate_t *gate;
    azl_health_t *h;
    azl_word32_t *inside;
    azl_word32_t *most;
    int row; /* of the process */
} contest_t;

static contest_t contest(void)
{
    contest_t c;

    c.shared = segment(PROCESSES, 2, 2, 1);
    c.gate = gate_of(c.shared, 1);
    c.h = health_of(c.shared, 1);
    c.inside = azl_shared_series_area(c.shared);
    c.most = c.inside + 1;
    c.row = -1;
    return c;
}

/* How often it came in. */
static int compete(void *baton, int index)
{
    contest_t *c = baton;
    apr_uint32_t now, most;
    int entered = 0;
    int i;

    (void)index;
    /* whoever never got in may have met others that are not run just now */
    for (i = 0; i < ROUNDS || !entered; i++) {
        if (!azl_gate_enter(c->gate, c->row, PLACES)) {
            continue;
        }
        now = atomic_fetch_add(c->inside, 1) + 1;
        most = atomic_load(c->most);
        while (most < now &&
               !atomic_compare_exchange_weak(c->most, &most, now)) {
        }
        entered++;
        atomic_fetch_sub(c->inside, 1);
        azl_gate_leave(c->gate, c->row);
    }
    return entered;
}

static int compete_process(void *baton, process_t *self)
{
    contest_t *c = baton;

    c->row = azl_shared_enter(c->shared, getpid());
    tell_ready(self);
    wait_go(self);
    return compete(c, 0) == 0 || c->row < 0;
}

START_TEST(never_more_than_max_from_threads)
{
    contest_t c = contest();

    c.row = azl_shared_enter(c.shared, getpid());
    ck_assert_int_gt(crowd(THREADS, compete, &c), 0);
    ck_assert_uint_le(atomic_load(c.most), PLACES);
    ck_assert_uint_eq(azl_gate_in_flight(c.gate), 0);
}
END_TEST

START_TEST(never_more_than_max_from_processes)
{
    contest_t c = contest();
    process_t processes[PROCESSES];
    int i;

    for (i = 0; i < PROCESSES; i++) {
        processes[i] = start_process(compete_process, &c);
    }
    for (i = 0; i < PROCESSES; i++) {
        wait_ready(&processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        tell_go(&processes[i]);
    }
    for (i = 0; i < PROCESSES; i++) {
        ck_assert_int_eq(end_of(&processes[i]), EXIT_SUCCESS);
    }
    ck_assert_uint_le(atomic_load(c.most), PLACES);
    ck_assert_uint_eq(azl_gate_in_flight(c.gate), 0);
}
END_TEST

/* Two who want the same place. */
typedef struct rivals_t {
    contest_t c;
    int crowded; /* how often both had it */
    int holds;   /* the one that interrupts */
} rivals_t;

static void enter_and_leave(void *baton)
{
    rivals_t *r = baton;

    if (azl_gate_enter(r->c.gate, r->c.row, 1)) {
        r->crowded += atomic_fetch_add(r->c.inside, 1) != 0;
        atomic_fetch_sub(r->c.inside, 1);
        azl_gate_leave(r->c.gate, r->c.row);
    }
}

static void enter_or_leave(void *baton)
{
    rivals_t *r = baton;

    if (r->holds) {
        atomic_fetch_sub(r->c.inside, 1);
        azl_gate_leave(r->c.gate, r->c.row);
        r->holds = 0;
    }
    else if (azl_gate_enter(r->c.gate, r->c.row, 1)) {
        r->holds = 1;
        r->crowded += atomic_fetch_add(r->c.inside, 1) != 0;
    }
}

START_TEST(never_more_than_max_when_interrupted)
{
    rivals_t r = {contest(), 0, 0};

    r.c.row = azl_shared_enter(r.c.shared, getpid());
    interrupted(enter_and_leave, enter_or_leave, &r);
    ck_assert_int_eq(r.crowded, 0);
    ck_assert_uint_eq(azl_gate_in_flight(r.c.gate), r.holds);
}
END_TEST

/* --------------------------------------------------------------- kill -9 */

#define HELD 7

static int hold_some(void *baton, process_t *self)
{
    contest_t *c = baton;
    int row = azl_shared_enter(c->shared, getpid());
    int i;

    for (i = 0; i < HELD; i++) {
        azl_gate_enter(c->gate, row, 0);
        azl_health_begin(c->h, row, 0, 0);
    }
    tell_ready(self);
    wait_go(self);
    for (i = 0; i < HELD; i++) {
        azl_gate_leave(c->gate, row);
        azl_health_end(c->h, row);
    }
    return EXIT_SUCCESS;
}

static apr_uint32_t calls_in_flight(const azl_health_t *h)
{
    azl_health_view_t view;

    azl_health_view(h, 0, &view);
    return view.in_flight;
}

START_TEST(a_killed_process_leaks_nothing)
{
    contest_t c = contest();
    process_t processes[PROCESSES];
    int i;

    for (i = 0; i < PROCESSES; i++) {
        processes[i] = start_process(hold_some, &c);
        wait_ready(&processes[i]);
    }
    ck_assert_uint_eq(azl_gate_in_flight(c.gate), PROCESSES * HELD);
    ck_assert_uint_eq(calls_in_flight(c.h), PROCESSES * HELD);

    kill(processes[1].pid, SIGKILL);
    ck_assert_int_eq(end_of(&processes[1]), -1);
    azl_shared_leave(c.shared, processes[1].pid);
    ck_assert_uint_eq(azl_gate_in_flight(c.gate), (PROCESSES - 1) * HELD);
    ck_assert_uint_eq(calls_in_flight(c.h), (PROCESSES - 1) * HELD);

    /* Nobody tells of the next one: its successor finds out. */
    kill(processes[2].pid, SIGKILL);
    ck_assert_int_eq(end_of(&processes[2]), -1);
    ck_assert_int_eq(azl_shared_enter(c.shared, getpid()), 1);
    ck_assert_uint_eq(azl_gate_in_flight(c.gate), (PROCESSES - 2) * HELD);

    for (i = 0; i < PROCESSES; i += 3) {
        tell_go(&processes[i]);
        ck_assert_int_eq(end_of(&processes[i]), EXIT_SUCCESS);
        azl_shared_leave(c.shared, processes[i].pid);
    }
    ck_assert_uint_eq(azl_gate_in_flight(c.gate), 0);
    ck_assert_uint_eq(calls_in_flight(c.h), 0);
}
END_TEST

/* For much longer than it will live. */
static int come_and_go(void *baton, process_t *self)
{
    contest_t *c = baton;
    int row = azl_shared_enter(c->shared, getpid());
    int i;

    tell_ready(self);
    for (i = 0; i < INT_MAX; i++) {
        azl_gate_enter(c->gate, row, 2);
        azl_health_begin(c->h, row, 0, 0);
        azl_health_end(c->h, row);
        azl_gate_leave(c->gate, row);
    }
    return EXIT_SUCCESS;
}

/* Killed between any two of its instructions. */
START_TEST(killed_at_any_moment)
{
    contest_t c = contest();
    int row = azl_shared_enter(c.shared, getpid());
    int i;

    azl_gate_enter(c.gate, row, 0);
    azl_health_begin(c.h, row, 0, 0);
    for (i = 0; i < 50; i++) {
        process_t process = start_process(come_and_go, &c);

        wait_ready(&process);
        kill(process.pid, SIGKILL);
        ck_assert_int_eq(end_of(&process), -1);
        azl_shared_leave(c.shared, process.pid);
        ck_assert_uint_eq(azl_gate_in_flight(c.gate), 1);
        ck_assert_uint_eq(calls_in_flight(c.h), 1);
    }
}
END_TEST

TCase *azl_test_gate(void)
{
    TCase *tc = azl_test_tcase("gate");

    tcase_add_test(tc, a_gate_lets_max_in);
    tcase_add_test(tc, without_a_row_nothing_is_counted);
    tcase_add_test(tc, never_more_than_max_from_threads);
    tcase_add_test(tc, never_more_than_max_from_processes);
    tcase_add_test(tc, never_more_than_max_when_interrupted);
    tcase_add_test(tc, a_killed_process_leaks_nothing);
    tcase_add_test(tc, killed_at_any_moment);
    return tc;
}
