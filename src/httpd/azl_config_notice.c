/*
 * Between the moment when a new configuration is there and the restart.
 *
 * httpd closes the connections that are idle when it restarts, and a request
 * that a client sends at that very moment is lost. For a while before, each
 * answer says that it is the last one of its connection: a client that asks at
 * least that often opens another one by itself, and finds it served.
 */
#include <signal.h>
#include <unistd.h>

#include <ap_listen.h>
#include <apr_signal.h>
#include <mpm_common.h>

#include "azl_config_source_int.h"

/* Long enough for clients that are likely to ask at the wrong moment. Most of
 * it is over when the configuration has been checked: the rest is little of the
 * five seconds after which a change is promised to be live. */
#define NOTICE apr_time_from_sec(2)

void azl_config_restart(pid_t parent)
{
    kill(parent, AP_SIG_GRACEFUL);
}

/* httpd's parent has no clock that a module could set. */
pid_t azl_config_notice(apr_time_t found)
{
    apr_interval_time_t left = NOTICE - (apr_time_now() - found);
    pid_t parent = getpid();
    pid_t pid = left > 0 ? fork() : 0;

    if (left <= 0 || pid < 0) {
        azl_config_restart(parent);
        return 0;
    }
    if (pid > 0) {
        return pid;
    }
    ap_close_listeners();
    apr_signal(SIGTERM, SIG_DFL);
    /* a clock that was set back meanwhile does not make it longer */
    apr_sleep(left < NOTICE ? left : NOTICE);
    if (getppid() == parent) {
        azl_config_restart(parent);
    }
    /* nothing of the parent's is to be torn down here */
    _exit(0);
}
