/*
 * The check of what a source says now: `httpd -t` reads all of the
 * configuration with it.
 *
 * Whatever that waits for (an Include of a pipe, a disk that is away), nobody
 * waits for ever: it is the child of a keeper, a process of its own, which ends
 * it with all that it has started when its time is over, or when httpd does
 * not want to know any more.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ap_listen.h>
#include <apr_signal.h>
#include <apr_strings.h>

#include "azl_config_source_int.h"
#include "azl_file.h"

/* The first lines of what `httpd -t` says. */
#define REASON_MAX 4000

/* Who was killed is gone after that many seconds, or hangs where nobody can
 * help it. */
#define KILLED_BY 2

/* As shells have it. */
#define NOT_FOUND 127
#define BY_SIGNAL 128

/* "httpd -t" with the arguments of this server. */
static const char *const *arguments(const azl_config_source_t *line,
                                    apr_pool_t *p)
{
    const process_rec *process = line->server->process;
    const char **args =
        apr_pcalloc(p, sizeof(*args) * (apr_size_t)(process->argc + 4));
    int i, n = 0;

    for (i = 0; i < process->argc; i++) {
        if (strcmp(process->argv[i], "-E") == 0) {
            i++; /* where its first errors go: ours go elsewhere */
            continue;
        }
        args[n++] = process->argv[i];
    }
    args[n++] = "-t";
    args[n++] = "-D";
    args[n++] = line->define;
    return args;
}

/* Where `httpd -t` writes what it has to say. */
static const char *said_file(const azl_config_source_t *line, apr_pool_t *p)
{
    return apr_pstrcat(p, line->copy, ".check", NULL);
}

/* Nobody else's file, wherever a link may lead. */
static int open_said(const azl_config_source_t *line, apr_pool_t *p)
{
    const char *path = said_file(line, p);

    apr_file_remove(path, p);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                S_IRUSR | S_IWUSR);
}

/* ------------------------------------------------------------ the processes */

/* Ends with the keeper. */
static void check(const char *const *args, int said, pid_t keeper,
                  const sigset_t *mask)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == keeper && setpgid(0, 0) == 0 &&
        dup2(said, STDERR_FILENO) >= 0) {
        apr_pool_cleanup_for_exec();
        pthread_sigmask(SIG_SETMASK, mask, NULL);
        execv("/proc/self/exe", (char *const *)args);
    }
    _exit(NOT_FOUND);
}

static int verdict(int status)
{
    if (WIFSIGNALED(status)) {
        return BY_SIGNAL + WTERMSIG(status);
    }
    if (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NOT_FOUND) {
        return WEXITSTATUS(status);
    }
    return AZL_CONFIG_REFUSED;
}

/* Wait for the check; a signal that is not about it ends it. */
static int wait_for(pid_t pid, const sigset_t *signals)
{
    int sig, status, why = 0;

    for (;;) {
        sigwait(signals, &sig);
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return why ? why : verdict(status);
        }
        if (sig == SIGCHLD) {
            continue; /* it was stopped, or goes on */
        }
        if (why) {
            return why;
        }
        why = sig == SIGALRM ? AZL_CONFIG_LATE : BY_SIGNAL + sig;
        kill(-pid, SIGKILL);
        alarm(KILLED_BY);
    }
}

/* All signals are blocked. */
static void keep(const azl_config_source_t *line, const char *const *args,
                 int said, pid_t parent, const sigset_t *mask)
{
    sigset_t signals;
    pid_t self = getpid(), pid;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    apr_signal(SIGCHLD, SIG_DFL);
    ap_close_listeners();
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGALRM);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pid = getppid() == parent ? fork() : -1;
    if (pid == 0) {
        check(args, said, self, mask);
    }
    if (pid < 0) {
        _exit(NOT_FOUND);
    }
    setpgid(pid, pid); /* perhaps before it does so itself */
    alarm((unsigned)apr_time_sec(line->check_limit));
    _exit(wait_for(pid, &signals));
}

apr_status_t azl_config_check(const azl_config_source_t *line, apr_pool_t *p,
                              apr_proc_t **keeper)
{
    const char *const *args = arguments(line, p);
    int said = open_said(line, p);
    pid_t parent = getpid(), pid;
    apr_status_t rv = APR_SUCCESS;
    sigset_t all, mask;

    if (said < 0) {
        return errno;
    }
    /* what is meant for the keeper is not taken as the parent would */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    pid = fork();
    if (pid == 0) {
        keep(line, args, said, parent, &mask);
    }
    if (pid < 0) {
        rv = errno;
    }
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    close(said);
    *keeper = apr_pcalloc(p, sizeof(**keeper));
    (*keeper)->pid = pid;
    return rv;
}

/* ------------------------------------------------------------------ its end */

const char *azl_config_check_said(const azl_config_source_t *line,
                                  apr_pool_t *p)
{
    azl_span_t text;
    char *said, *at;

    if (azl_file_read(p, said_file(line, p), AZL_SOURCE_MAX, &text) !=
            APR_SUCCESS ||
        text.len == 0) {
        return "httpd -t has said nothing";
    }
    said = apr_pstrmemdup(p, text.at,
                          text.len < REASON_MAX ? text.len : REASON_MAX);
    for (at = said; *at; at++) {
        if (*at == '\n' || *at == '\r') {
            *at = ' ';
        }
    }
    return said;
}

void azl_config_check_forget(const azl_config_source_t *line, apr_pool_t *p)
{
    apr_file_remove(said_file(line, p), p);
}
