#include "azl_usage_log.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "azl_httpd.h"
#include "azl_log_buffer.h"
#include "azl_request.h"

/* A record is below 2 KB; names have their limits. */
#define RECORD_MAX 8192

/* A record that follows the one before it so soon is gathered: at a slower pace
 * a write for each costs less than waking a thread. */
#define CLOSE_BEHIND apr_time_from_msec(1)
/* So long what is gathered may wait. */
#define GATHER_TIME apr_time_from_msec(5)

/* So long the parent waits for a program that does not read. */
#define PATIENCE_MS 1000

/* The records of this process that wait to be written. */
typedef struct gather_t {
    azl_log_part_t *part;
    apr_thread_mutex_t *lock; /* for all that follows, and the part */
    apr_thread_cond_t *more;
    apr_thread_t *thread; /* writes what is left when the time is over */
    apr_time_t last;      /* record */
    int due;              /* the thread is about to */
    int ending;
} gather_t;

struct azl_usage_log_t {
    apr_pool_t *pool;
    const char *name;
    apr_file_t *file;
    server_rec *s;
    azl_log_buffer_t *buffer; /* NULL: each record is written at once */
    gather_t *gather;         /* NULL: likewise */
};

/* Children of before a graceful restart are still the parent's: the buffers
 * are found again under this name. One that was replaced by a module with
 * another layout must not find them: count on when anything in them moves. */
#define RETAINED "mod_azurelit usage logs, layout 2"

typedef struct kept_t {
    struct kept_t *next;
    const char *name; /* of the log */
    azl_log_buffer_t *buffer;
    azl_usage_log_t *log; /* of that name now; NULL: there is none */
} kept_t;

typedef struct retained_t {
    kept_t *first;
} retained_t;

static apr_status_t open_file(apr_pool_t *pconf, const char *name,
                              apr_file_t **file)
{
    /* who pays, and what for, is for the operator's eyes */
    return apr_file_open(file, name,
                         APR_FOPEN_WRITE | APR_FOPEN_APPEND | APR_FOPEN_CREATE |
                             APR_FOPEN_LARGEFILE,
                         APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD,
                         pconf);
}

/* httpd tells such a program to end as soon as a restart or a stop begins,
 * while children still have records for it: of every answer that a graceful
 * restart lets run on. It does not hear that, and ends when nobody is left who
 * could write to it. */
static piped_log *start_program(apr_pool_t *pconf, const char *command)
{
    sigset_t end, before;
    piped_log *pl;

    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &end, &before); /* it inherits that */
    pl = ap_open_piped_log(pconf, command);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pl;
}

static kept_t *find_kept(const retained_t *retained, const char *name)
{
    kept_t *kept = retained->first;

    while (kept && strcmp(kept->name, name) != 0) {
        kept = kept->next;
    }
    return kept;
}

static apr_status_t forget_log(void *kept)
{
    ((kept_t *)kept)->log = NULL;
    return APR_SUCCESS;
}

/* A buffer for children of the generations that this process has seen and will
 * see; ServerLimit stays what it was at the start. */
static azl_log_buffer_t *keep_buffer(azl_usage_log_t *log, int processes)
{
    retained_t *retained = ap_retained_data_get(RETAINED);
    apr_pool_t *pool = log->s->process->pool;
    kept_t *kept;

    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    kept = find_kept(retained, log->name);
    if (!kept) {
        azl_log_buffer_t *buffer;

        if (azl_log_buffer_create(&buffer, pool, processes) != APR_SUCCESS) {
            return NULL;
        }
        kept = apr_pcalloc(pool, sizeof(*kept));
        kept->name = apr_pstrdup(pool, log->name);
        kept->buffer = buffer;
        kept->next = retained->first;
        retained->first = kept;
    }
    kept->log = log;
    apr_pool_cleanup_register(log->pool, kept, forget_log,
                              apr_pool_cleanup_null);
    return kept->buffer;
}

/* Without threads or memory for it each record is written at once. */
static void prepare_to_gather(azl_usage_log_t *log)
{
    int threaded = AP_MPMQ_NOT_SUPPORTED;
    int processes = 0;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &processes);
    if (threaded != AP_MPMQ_NOT_SUPPORTED && processes > 0) {
        log->buffer = keep_buffer(log, processes);
    }
}

azl_usage_log_t *azl_usage_log_open(apr_pool_t *pconf, server_rec *s,
                                    const char *name)
{
    azl_usage_log_t *log = apr_pcalloc(pconf, sizeof(*log));
    apr_status_t rv;

    log->pool = pconf;
    log->name = name;
    log->s = s;
    if (*name == '|') {
        piped_log *pl = start_program(pconf, name + 1);

        if (!pl) {
            ap_log_error(
                APLOG_MARK, APLOG_ERR, 0, s,
                AZLNO(
                    0040) "AzureLITUsageLog: the program of '%s' could not be "
                          "started",
                name);
            return NULL;
        }
        log->file = ap_piped_log_write_fd(pl);
        prepare_to_gather(log);
        return log;
    }
    rv = open_file(pconf, name, &log->file);
    if (rv != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, s,
            AZLNO(
                0041) "AzureLITUsageLog: cannot open '%s'; the directory must "
                      "exist and be writable",
            name);
        return NULL;
    }
    prepare_to_gather(log);
    return log;
}

/* What was not written is left in *lines: lines that are whole, though the
 * first of them may have been begun. One write(2): appends of several processes
 * never mix. */
static apr_status_t write_out(azl_usage_log_t *log, azl_span_t *lines)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t written = 0;
    const char *last;

    if (log->buffer && azl_log_buffer_mend(log->buffer)) {
        rv = apr_file_write_full(log->file, "\n", 1, NULL);
        if (rv != APR_SUCCESS) {
            azl_log_buffer_tear(log->buffer);
            return rv;
        }
    }
    rv = apr_file_write_full(log->file, lines->at, lines->len, &written);
    if (rv != APR_SUCCESS && written) {
        last = memrchr(lines->at, '\n', written);
        if (log->buffer && last != lines->at + written - 1) {
            azl_log_buffer_tear(log->buffer);
        }
        if (last) {
            lines->len -= (apr_size_t)(last + 1 - lines->at);
            lines->at = last + 1;
        }
    }
    return rv;
}

/*
 * Gathering
 */

/* The requests they were of are over: what is left is to say which. */
static void tell_lost(server_rec *s, azl_span_t lines, apr_status_t rv)
{
    static const char before_id[] = "\"request_id\":\"";
    const char *end = lines.at + lines.len;
    const char *at = lines.at;

    while ((at = memmem(at, (apr_size_t)(end - at), before_id,
                        sizeof(before_id) - 1)) != NULL) {
        at += sizeof(before_id) - 1;
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     AZLNO(0043) "%.*s: the usage record could not be written; "
                                 "free space on the disk of the usage log",
                     AZL_REQUEST_ID_LEN, at);
    }
}

static void write_or_tell(azl_usage_log_t *log, azl_span_t lines)
{
    apr_status_t rv = lines.len ? write_out(log, &lines) : APR_SUCCESS;

    if (rv != APR_SUCCESS) {
        tell_lost(log->s, lines, rv);
    }
}

static void *APR_THREAD_FUNC write_gathered(apr_thread_t *thread, void *data)
{
    azl_usage_log_t *log = data;
    gather_t *g = log->gather;

    (void)thread;
    apr_thread_mutex_lock(g->lock);
    while (!g->ending) {
        if (!g->due) {
            apr_thread_cond_wait(g->more, g->lock);
            continue;
        }
        apr_thread_mutex_unlock(g->lock);
        apr_sleep(GATHER_TIME);
        apr_thread_mutex_lock(g->lock);
        write_or_tell(log, azl_log_part_take(g->part));
        g->due = 0;
    }
    apr_thread_mutex_unlock(g->lock);
    return NULL;
}

static apr_status_t end_gathering(void *data)
{
    azl_usage_log_t *log = data;
    gather_t *g = log->gather;
    apr_status_t unused;

    apr_thread_mutex_lock(g->lock);
    g->ending = 1;
    apr_thread_cond_signal(g->more);
    apr_thread_mutex_unlock(g->lock);
    apr_thread_join(&unused, g->thread);
    apr_thread_mutex_lock(g->lock);
    write_or_tell(log, azl_log_part_take(g->part));
    apr_thread_mutex_unlock(g->lock);
    return APR_SUCCESS;
}

void azl_usage_log_child_init(azl_usage_log_t *log, apr_pool_t *pchild)
{
    gather_t *g;

    if (!log->buffer || log->gather) {
        return;
    }
    /* When a process ends at once, threads of it may still have something to
     * say after its pool has gone. */
    g = apr_pcalloc(log->pool, sizeof(*g));
    if (apr_thread_mutex_create(&g->lock, APR_THREAD_MUTEX_DEFAULT,
                                log->pool) != APR_SUCCESS ||
        apr_thread_cond_create(&g->more, log->pool) != APR_SUCCESS) {
        return;
    }
    /* the parent gives it back */
    g->part = azl_log_buffer_take(log->buffer, getpid());
    if (!g->part) {
        return;
    }
    log->gather = g;
    if (apr_thread_create(&g->thread, NULL, write_gathered, log, pchild) !=
        APR_SUCCESS) {
        log->gather = NULL;
        return;
    }
    /* before the thread's pool goes */
    apr_pool_pre_cleanup_register(pchild, log, end_gathering);
}

/* What a part holds goes into a pipe at once that can take anything. */
static int has_room(const azl_usage_log_t *log)
{
    struct pollfd pfd;
    apr_os_file_t fd;

    apr_os_file_get(&fd, log->file);
    pfd.fd = fd;
    pfd.events = POLLOUT;
    return poll(&pfd, 1, PATIENCE_MS) > 0;
}

void azl_usage_log_child_ended(server_rec *s, pid_t pid)
{
    const retained_t *retained = ap_retained_data_get(RETAINED);
    const kept_t *kept = retained ? retained->first : NULL;

    for (; kept; kept = kept->next) {
        azl_log_part_t *part = azl_log_buffer_find(kept->buffer, pid);
        azl_span_t lines;

        if (!part) {
            continue;
        }
        lines = azl_log_part_take(part);
        if (!kept->log) {
            tell_lost(s, lines, APR_ENOENT);
        }
        else if (lines.len && !has_room(kept->log)) {
            tell_lost(s, lines, APR_TIMEUP);
        }
        else {
            write_or_tell(kept->log, lines);
        }
        azl_log_part_release(part);
    }
}

/* 0: it is to be written at once. */
static int gather(azl_usage_log_t *log, azl_span_t line, apr_time_t now)
{
    gather_t *g = log->gather;
    int gathered = 0;

    /* nobody waits for who is writing, or has lost the processor meanwhile */
    if (!g || apr_thread_mutex_trylock(g->lock) != APR_SUCCESS) {
        return 0;
    }
    if (!g->ending && (now - g->last < CLOSE_BEHIND || g->due)) {
        gathered = azl_log_part_put(g->part, line);
        if (!gathered) {
            write_or_tell(log, azl_log_part_take(g->part));
            gathered = azl_log_part_put(g->part, line);
        }
    }
    if (gathered && !g->due) {
        g->due = 1;
        apr_thread_cond_signal(g->more);
    }
    g->last = now;
    apr_thread_mutex_unlock(g->lock);
    return gathered;
}

apr_status_t azl_usage_log_write(azl_usage_log_t *log, apr_pool_t *p,
                                 const azl_record_t *rec)
{
    azl_buf_t *buf = azl_buf_create(p, RECORD_MAX);
    apr_status_t rv = azl_record_write(buf, rec);
    azl_span_t line = azl_span(buf->data, buf->len);

    if (rv == APR_SUCCESS && !gather(log, line, rec->time + rec->total)) {
        rv = write_out(log, &line);
    }
    azl_buf_free(buf);
    return rv;
}
