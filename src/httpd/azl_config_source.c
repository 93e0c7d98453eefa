/*
 * In the parent: what becomes of what the agent has found.
 */
#include "azl_config_source.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <http_config.h>
#include <http_core.h>
#include <mpm_common.h>
#include <unixd.h>

#include "azl_conf.h"
#include "azl_config_source_int.h"
#include "azl_file.h"
#include "azl_httpd.h"

#define LINES_KEY "mod_azurelit configuration sources"

/* What is known of a copy's source outlives a graceful restart under this name
 * and the copy's. A module that was replaced by one with another layout must
 * not find it: count on when anything in azl_config_state_t or
 * azl_config_counts_t moves. */
#define RETAINED "mod_azurelit source, layout 3, "

/* The lines of this configuration, as children inherit them; NULL: none. */
static const apr_array_header_t *current;

/* ------------------------------------------------------------------- lines */

azl_config_source_t *azl_config_source_add(apr_pool_t *pconf)
{
    apr_array_header_t *lines = (void *)azl_config_sources(pconf);
    azl_config_source_t *line = apr_pcalloc(pconf, sizeof(*line));

    if (!lines) {
        lines = apr_array_make(pconf, 1, sizeof(line));
        apr_pool_userdata_setn(lines, LINES_KEY, NULL, pconf);
    }
    APR_ARRAY_PUSH(lines, azl_config_source_t *) = line;
    return line;
}

const apr_array_header_t *azl_config_sources(apr_pool_t *pconf)
{
    void *lines = NULL;

    apr_pool_userdata_get(&lines, LINES_KEY, pconf);
    return lines;
}

/* ------------------------------------------------------------------- state */

/* What is known of this copy's source since the first start. */
static azl_config_state_t *state_of(const azl_config_source_t *line,
                                    apr_pool_t *process_pool)
{
    const char *key = apr_pstrcat(line->pool, RETAINED, line->copy, NULL);
    azl_config_state_t *state = ap_retained_data_get(key);
    apr_shm_t *shm;

    if (!state) {
        state = ap_retained_data_create(key, sizeof(*state));
        /* zeroed, and in no file */
        if (apr_shm_create(&shm, sizeof(azl_config_counts_t), NULL,
                           process_pool) == APR_SUCCESS) {
            state->counts = apr_shm_baseaddr_get(shm);
        }
        else {
            state->counts = apr_pcalloc(process_pool, sizeof(*state->counts));
        }
    }
    return state;
}

void azl_config_source_view(const azl_config_source_t *line,
                            azl_config_view_t *view)
{
    memset(view, 0, sizeof(*view));
    view->shown = azl_source_shown(line->source);
    view->copy = line->copy;
    if (line->state) {
        azl_config_counts_t *counts = line->state->counts;

        view->read = (apr_time_t)atomic_load(&counts->read);
        view->changes = atomic_load(&counts->changes);
        view->refused = atomic_load(&counts->refused);
        view->failed = atomic_load(&counts->failed);
    }
}

int azl_config_source_leaving(void)
{
    int i;

    for (i = 0; current && i < current->nelts; i++) {
        const azl_config_source_t *line =
            APR_ARRAY_IDX(current, i, azl_config_source_t *);

        if (line->state &&
            (atomic_load(&line->state->counts->found) ||
             atomic_load(&line->state->counts->changes) != line->changes)) {
            return 1;
        }
    }
    return 0;
}

/* ------------------------------------------------------------------- files */

/* What the agent has written, which is a less trusted user: a regular file of
 * a sensible size, not where a link leads. */
static apr_status_t read_staged(const azl_config_source_t *line, apr_pool_t *p,
                                azl_span_t *text)
{
    int fd = open(line->staged, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    apr_size_t len = 0;
    struct stat info;
    char *data;
    ssize_t n = 0;

    if (fd < 0) {
        return errno;
    }
    if (fstat(fd, &info) || !S_ISREG(info.st_mode) ||
        info.st_size > AZL_SOURCE_MAX) {
        close(fd);
        return APR_EINVAL;
    }
    data = apr_palloc(p, (apr_size_t)info.st_size + 1);
    while (len < (apr_size_t)info.st_size &&
           (n = read(fd, data + len, (apr_size_t)info.st_size - len)) > 0) {
        len += (apr_size_t)n;
    }
    close(fd);
    *text = azl_span(data, len);
    return n < 0 ? APR_EGENERAL : APR_SUCCESS;
}

apr_status_t azl_config_write(const char *path, azl_span_t text, apr_pool_t *p)
{
    const char *draft = apr_pstrcat(p, path, ".tmp", NULL);
    apr_size_t len = text.len;
    apr_file_t *file;
    apr_status_t rv, closed;

    /* left by somebody who was killed */
    apr_file_remove(draft, p);
    rv = apr_file_open(&file, draft,
                       APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL,
                       APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_write_full(file, text.at, len, NULL);
    if (rv == APR_SUCCESS) {
        rv = apr_file_sync(file);
    }
    closed = apr_file_close(file);
    rv = rv == APR_SUCCESS ? closed : rv;
    if (rv == APR_SUCCESS) {
        rv = apr_file_rename(draft, path, p);
    }
    if (rv != APR_SUCCESS) {
        apr_file_remove(draft, p);
    }
    return rv;
}

/* Only the user of the children may write there, and nobody else read. */
static apr_status_t make_folder(const azl_config_source_t *line, apr_pool_t *p)
{
    apr_status_t rv = apr_dir_make(
        line->folder, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE,
        p);
    struct stat info;

    if (rv != APR_SUCCESS && !APR_STATUS_IS_EEXIST(rv)) {
        return rv;
    }
    if (lstat(line->folder, &info) || !S_ISDIR(info.st_mode)) {
        return APR_ENOTDIR;
    }
    return geteuid() == 0 && chown(line->folder, ap_unixd_config.user_id,
                                   ap_unixd_config.group_id)
               ? errno
               : APR_SUCCESS;
}

/* ------------------------------------------------------------- the new one */

static void start_agent(azl_config_source_t *line, apr_interval_time_t delay);

static void start_again(azl_config_source_t *line)
{
    atomic_store(&line->state->counts->found, 0);
    start_agent(line, azl_config_pause(line));
}

static int is_running(void)
{
    int state = AP_MPMQ_STOPPING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state != AP_MPMQ_STOPPING;
}

/* `ended` is told what became of it. */
static void watch_process(azl_config_source_t *line, pid_t pid,
                          void (*ended)(int, void *, int))
{
    apr_proc_t *proc = apr_pcalloc(line->run, sizeof(*proc));

    proc->pid = pid;
    apr_pool_note_subprocess(line->run, proc, APR_KILL_AFTER_TIMEOUT);
    apr_proc_other_child_register(proc, ended, line, NULL, line->run);
}

/* What came of it is known: forget the process. */
static void forget_process(azl_config_source_t *line)
{
    apr_proc_other_child_unregister(line);
    apr_pool_destroy(line->run);
    line->run = NULL;
}

/* NULL: it has not said why. */
static void refuse(azl_config_source_t *line, const char *reason, apr_pool_t *p)
{
    azl_config_refused(line, line->state->tried);
    atomic_store(&line->state->counts->found, 0);
    apr_file_rename(line->next, apr_pstrcat(p, line->copy, ".refused", NULL),
                    p);
    if (reason) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, line->server,
                     AZLNO(0152) "AzureLITConfigSource %s: what it says now is "
                                 "refused, the old configuration stays: %s "
                                 "(kept as %s.refused)",
                     azl_source_shown(line->source), reason, line->copy);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, line->server,
                 AZLNO(0164) "AzureLITConfigSource %s: what it says now is "
                             "refused, the old configuration stays: httpd -t "
                             "was not done with it in %" APR_TIME_T_FMT
                             " seconds (check-limit=) and was ended (kept as "
                             "%s.refused)",
                 azl_source_shown(line->source),
                 apr_time_sec(line->check_limit), line->copy);
}

static void notice_ended(int reason, void *data, apr_wait_t status)
{
    if (reason == APR_OC_REASON_DEATH) {
        forget_process(data);
        if (status != 0 && is_running()) {
            azl_config_restart(getpid());
        }
    }
}

/* Who has a connection is told that it ends, before it does. */
static void start_notice(azl_config_source_t *line)
{
    azl_config_counts_t *counts = line->state->counts;
    pid_t pid = azl_config_notice((apr_time_t)atomic_load(&counts->found));

    if (pid) {
        apr_pool_create(&line->run, line->pool);
        watch_process(line, pid, notice_ended);
    }
}

static void accept_next(azl_config_source_t *line, apr_pool_t *p)
{
    apr_status_t rv = apr_file_rename(line->next, line->copy, p);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, line->server,
                     AZLNO(0153) "AzureLITConfigSource %s: the new "
                                 "configuration cannot be kept as %s",
                     azl_source_shown(line->source), line->copy);
        start_again(line);
        return;
    }
    line->state->restarting = 1;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, line->server,
                 AZLNO(0154) "AzureLITConfigSource %s: new configuration, "
                             "restarting gracefully",
                 azl_source_shown(line->source));
    start_notice(line);
}

static void check_ended(int reason, void *data, apr_wait_t status)
{
    azl_config_source_t *line = data;
    apr_pool_t *p;

    if (reason != APR_OC_REASON_DEATH) {
        return; /* with the configuration it was for */
    }
    forget_process(line);
    if (!is_running()) {
        return;
    }
    apr_pool_create(&p, line->pool);
    switch (status) {
    case 0:
        accept_next(line, p);
        break;
    case AZL_CONFIG_REFUSED:
        refuse(line, azl_config_check_said(line, p), p);
        break;
    case AZL_CONFIG_LATE:
        refuse(line, NULL, p);
        break;
    default:
        /* whoever killed it has nothing against the configuration */
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, line->server,
                     AZLNO(0165) "AzureLITConfigSource %s: httpd -t ended "
                                 "before it knew whether the new "
                                 "configuration is good (status %d); it is "
                                 "tried again",
                     azl_source_shown(line->source), status);
    }
    if (status != 0) {
        start_again(line);
    }
    azl_config_check_forget(line, p);
    apr_pool_destroy(p);
}

/* In a process of its own: it takes its time, and the parent has others to
 * look after. */
static apr_status_t start_check(azl_config_source_t *line)
{
    apr_proc_t *keeper;
    apr_status_t rv;

    apr_pool_create(&line->run, line->pool);
    rv = azl_config_check(line, line->run, &keeper);
    if (rv == APR_SUCCESS) {
        apr_pool_note_subprocess(line->run, keeper, APR_KILL_AFTER_TIMEOUT);
        apr_proc_other_child_register(keeper, check_ended, line, NULL,
                                      line->run);
    }
    else {
        azl_config_check_forget(line, line->run);
        apr_pool_destroy(line->run);
        line->run = NULL;
    }
    return rv;
}

/* 1: there is something to be checked. */
static int take_staged(azl_config_source_t *line, apr_pool_t *p)
{
    azl_config_state_t *state = line->state;
    apr_status_t rv;
    azl_span_t text;

    rv = read_staged(line, p, &text);
    if (rv == APR_SUCCESS) {
        azl_crypto_sha256(text.at, text.len, state->tried);
        if (azl_config_is_known(line, state->tried)) {
            apr_file_remove(line->staged, p);
            return 0;
        }
        rv = azl_config_write(line->next, text, p);
        apr_file_remove(line->staged, p);
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, line->server,
                     AZLNO(0159) "AzureLITConfigSource %s: the new "
                                 "configuration cannot be kept as %s",
                     azl_source_shown(line->source), line->next);
    }
    return rv == APR_SUCCESS;
}

/* ------------------------------------------------------------- the process */

static void agent_ended(int reason, void *data, apr_wait_t status)
{
    azl_config_source_t *line = data;
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *p;

    (void)status; /* what it has left behind says more */
    if (reason != APR_OC_REASON_DEATH) {
        return;
    }
    forget_process(line);
    if (!is_running()) {
        return;
    }
    apr_pool_create(&p, line->pool);
    if (!take_staged(line, p)) {
        start_again(line);
    }
    else if ((rv = start_check(line)) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, line->server,
                     AZLNO(0155) "AzureLITConfigSource %s: httpd -t could not "
                                 "be started to check the new configuration",
                     azl_source_shown(line->source));
        start_again(line);
    }
    apr_pool_destroy(p);
}

static void start_agent(azl_config_source_t *line, apr_interval_time_t delay)
{
    pid_t parent = getpid(), pid;

    apr_pool_create(&line->run, line->pool);
    /* by one who was killed before anybody looked: older than what he would
     * have found since */
    apr_file_remove(line->staged, line->run);
    pid = fork();
    if (pid == 0) {
        azl_config_agent(line, parent, delay); /* does not come back */
    }
    if (pid < 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, line->server,
                     AZLNO(0151) "AzureLITConfigSource %s: no process could be "
                                 "started to watch it; the configuration stays "
                                 "as it is until the next restart",
                     azl_source_shown(line->source));
        return;
    }
    watch_process(line, pid, agent_ended);
}

/* A restart, of whoever's making, neither puts off when a source is read nor
 * loses what had been found. */
static apr_interval_time_t delay_of(const azl_config_source_t *line)
{
    azl_config_counts_t *counts = line->state->counts;

    return atomic_exchange(&counts->found, 0)
               ? 0
               : azl_source_left((apr_time_t)atomic_load(&counts->read),
                                 azl_config_pause(line), apr_time_now());
}

/* Whoever else restarts httpd may have changed what a document was refused
 * for: it is tried once more, and at once. */
static void recall(const apr_array_header_t *lines, server_rec *s)
{
    azl_config_source_t **line = (void *)lines->elts;
    int ours = 0;
    int i;

    for (i = 0; i < lines->nelts; i++) {
        azl_config_state_t *state = state_of(line[i], s->process->pool);

        if (state->restarting) {
            state->restarting = 0;
            atomic_store(&state->counts->found, 0);
            atomic_fetch_add(&state->counts->changes, 1);
            ours = 1;
        }
        line[i]->changes = atomic_load(&state->counts->changes);
        line[i]->state = state;
    }
    for (i = 0; i < lines->nelts && !ours; i++) {
        azl_config_counts_t *counts = line[i]->state->counts;

        if (atomic_exchange(&counts->has_refused, 0)) {
            atomic_store(&counts->found, (apr_uint64_t)apr_time_now());
        }
    }
}

void azl_config_source_start(apr_pool_t *pconf, server_rec *s)
{
    const apr_array_header_t *lines = azl_config_sources(pconf);
    azl_config_source_t **line;
    int i;

    current = lines;
    if (!lines) {
        return;
    }
    recall(lines, s);
    line = (void *)lines->elts;
    for (i = 0; i < lines->nelts; i++) {
        const azl_conf_t *conf = azl_conf_get(line[i]->server);
        apr_status_t rv = make_folder(line[i], pconf);

        azl_source_hosts(line[i]->source, conf->authority, conf->metadata);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, rv, s,
                         AZLNO(0156) "AzureLITConfigSource %s: the folder %s "
                                     "could not be made; the configuration "
                                     "stays as it is",
                         azl_source_shown(line[i]->source), line[i]->folder);
            /* nobody will look, so there is nothing to come */
            atomic_store(&line[i]->state->counts->found, 0);
            continue;
        }
        start_agent(line[i], delay_of(line[i]));
    }
}
