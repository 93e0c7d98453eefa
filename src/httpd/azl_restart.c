/*
 * A graceful restart, seen by who asks meanwhile.
 *
 * From its beginning on the old children take no new connections. The parent
 * starts a new one for each old one that has ended by the time it has read the
 * configuration; then it sleeps for a second, and starts those that are still
 * missing. Where every old child has a stream to finish, as it is with many
 * streams, none has ended, and for that second nobody would answer. That sleep
 * ends when a signal comes: so one does, again and again until the parent has
 * started what was missing.
 */
#include <signal.h>
#include <sys/time.h>

#include <ap_mpm.h>
#include <scoreboard.h>

#include "azl_hooks.h"
#include "azl_restart.h"

/* Between two signals. The first may come before the parent sleeps. */
#define TICK_USEC 20000

static int wanted; /* the module is on somewhere */
static struct sigaction before;
static int ticking;
static int old_children; /* that have not ended yet */
static int ended_slot;   /* whose child has just ended; -1: none has */

static void wake(int signal_number)
{
    (void)signal_number;
}

static void set_timer(long usec)
{
    struct itimerval timer = {{0, usec}, {0, usec}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

static void stop(void)
{
    if (ticking) {
        set_timer(0);
        signal(SIGALRM, SIG_IGN); /* one that is under way is lost */
        sigaction(SIGALRM, &before, NULL);
        ticking = 0;
    }
}

/* Before the module, and with it the handler, is unloaded. */
static apr_status_t forget(void *data)
{
    (void)data;
    stop();
    wanted = 0;
    return APR_SUCCESS;
}

static int count_children(void)
{
    int limit = 0, n = 0, i;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &limit);
    for (i = 0; i < limit && ap_scoreboard_image; i++) {
        n += ap_get_scoreboard_process(i)->pid != 0;
    }
    return n;
}

void azl_restart_prepare(apr_pool_t *pconf)
{
    wanted = 1;
    apr_pool_cleanup_register(pconf, NULL, forget, apr_pool_cleanup_null);
}

void azl_hook_before_children(void)
{
    struct sigaction action;

    old_children = wanted ? count_children() : 0;
    ended_slot = -1;
    if (!old_children || sigaction(SIGALRM, NULL, &before) ||
        before.sa_handler != SIG_DFL) {
        return; /* the first start, or somebody else's signal */
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = wake;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) == 0) {
        ticking = 1;
        set_timer(TICK_USEC);
    }
}

/* A child that is started in the place of one that has just ended says nothing
 * about the others. Once they have been started as well, or no old one is left
 * to be waited for, another signal would only make the parent look too early
 * whether there are enough. */
void azl_restart_child(int slot, mpm_child_status state)
{
    if (state == MPM_CHILD_EXITED) {
        ended_slot = slot;
        if (--old_children <= 0) {
            stop();
        }
    }
    else if (state == MPM_CHILD_STARTED) {
        if (slot != ended_slot) {
            stop();
        }
        ended_slot = -1;
    }
}
