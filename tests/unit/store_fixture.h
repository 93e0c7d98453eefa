/*
 * store_fixture: what the tests of shared memory share: segments, names, and
 * threads and processes that start all at once.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "azl_health.h"
#include "azl_test.h"

#define THREADS 8

static inline azl_shared_t *segment(int processes, int deployments, int gates,
                                    int series)
{
    azl_shared_sizes_t sizes = {processes, deployments, gates, series};
    azl_shared_t *shared;

    ck_assert_int_eq(azl_shared_create(&shared, azl_test_pool, &sizes),
                     APR_SUCCESS);
    return shared;
}

/* The name with this number, in bytes as a digest's would be used. */
static inline const unsigned char *name_of(apr_uint64_t number)
{
    unsigned char *name = apr_palloc(azl_test_pool, sizeof(number));

    memcpy(name, &number, sizeof(number));
    return name;
}

static inline azl_gate_t *gate_of(azl_shared_t *shared, apr_uint64_t number)
{
    return azl_shared_gate(shared, name_of(number));
}

static inline azl_health_t *health_of(azl_shared_t *shared, apr_uint64_t number)
{
    return azl_shared_health(shared, name_of(number));
}

/* What one of several threads does. Returns a number that is added up. */
typedef int crowd_fn(void *baton, int index);

typedef struct crowd_t {
    pthread_t thread;
    pthread_barrier_t *start;
    crowd_fn *run;
    void *baton;
    int index;
    int result;
} crowd_t;

static inline void *crowd_run(void *member)
{
    crowd_t *m = member;

    pthread_barrier_wait(m->start);
    m->result = m->run(m->baton, m->index);
    return NULL;
}

/* `n` threads at once; the sum of what they return. */
static inline int crowd(int n, crowd_fn *run, void *baton)
{
    pthread_barrier_t start;
    crowd_t members[THREADS];
    int sum = 0;
    int i;

    pthread_barrier_init(&start, NULL, (unsigned)n);
    for (i = 0; i < n; i++) {
        crowd_t *m = &members[i];

        m->start = &start;
        m->run = run;
        m->baton = baton;
        m->index = i;
        ck_assert_int_eq(pthread_create(&m->thread, NULL, crowd_run, m), 0);
    }
    for (i = 0; i < n; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].result;
    }
    pthread_barrier_destroy(&start);
    return sum;
}

/*
 * One thread does step() again and again, and is interrupted in the midst of
 * it, where interrupt() does what another thread could do there. That happens
 * at many more places than where threads meet on a busy machine, or on one with
 * a single CPU.
 */
#define INTERRUPTS 1000
#define INTERRUPT_USEC 10

typedef void step_fn(void *baton);

typedef struct interrupted_t {
    step_fn *interrupt;
    void *baton;
    volatile sig_atomic_t times;
} interrupted_t;

static inline interrupted_t *interrupted_now(void)
{
    static interrupted_t now;

    return &now;
}

static inline void on_interrupt(int signal)
{
    interrupted_t *now = interrupted_now();
    int kept = errno; /* each thread has one of its own */

    (void)signal;
    now->interrupt(now->baton);
    now->times++;
    errno = kept;
}

static inline void interrupted(step_fn *step, step_fn *interrupt, void *baton)
{
    const struct itimerval often = {{0, INTERRUPT_USEC}, {0, INTERRUPT_USEC}};
    const struct itimerval never_more = {{0, 0}, {0, 0}};
    interrupted_t *now = interrupted_now();
    struct sigaction action, before;

    now->interrupt = interrupt;
    now->baton = baton;
    now->times = 0;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_interrupt;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    while (now->times < INTERRUPTS) {
        step(baton);
    }
    setitimer(ITIMER_REAL, &never_more, NULL);
    sigaction(SIGALRM, &before, NULL);
}

/* A process that runs until it is told to go on, and then until it is killed
 * or done. `ready` tells that it has come as far as tell_ready(). */
typedef struct process_t {
    pid_t pid;
    int ready;
    int go;
} process_t;

typedef int process_fn(void *baton, process_t *self);

static inline void tell_ready(process_t *self)
{
    if (write(self->ready, "r", 1) != 1) {
        _exit(EXIT_FAILURE);
    }
}

static inline void wait_ready(process_t *process)
{
    char c;

    ck_assert_int_eq(read(process->ready, &c, 1), 1);
}

static inline void wait_go(process_t *self)
{
    char c;

    if (read(self->go, &c, 1) != 1) {
        _exit(EXIT_FAILURE);
    }
}

static inline void tell_go(process_t *process)
{
    ck_assert_int_eq(write(process->go, "g", 1), 1);
}

/* run() is the whole life of the process; what it returns is its status. */
static inline process_t start_process(process_fn *run, void *baton)
{
    int ready[2], go[2];
    process_t process;

    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(go), 0);
    process.pid = fork();
    ck_assert_int_ge(process.pid, 0);
    if (process.pid == 0) {
        process.ready = ready[1];
        process.go = go[0];
        close(ready[0]);
        close(go[1]);
        _exit(run(baton, &process));
    }
    close(ready[1]);
    close(go[0]);
    process.ready = ready[0];
    process.go = go[1];
    return process;
}

/* Its status, or -1 if it was killed. */
static inline int end_of(process_t *process)
{
    int status;

    ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
    close(process->ready);
    close(process->go);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int only_wait(void *baton, process_t *self)
{
    (void)baton;
    wait_go(self);
    return EXIT_SUCCESS;
}

static inline void stop_process(process_t *process)
{
    tell_go(process);
    ck_assert_int_eq(end_of(process), EXIT_SUCCESS);
}

/* The pid of a process that has ended. */
static inline pid_t dead_pid(void)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return pid;
}

#endif /* STORE_FIXTURE_H */
