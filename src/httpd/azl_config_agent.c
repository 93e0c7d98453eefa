/*
 * The agent of a source: a process that has httpd's parent for its own, as
 * mod_cgid's daemon has, and the rights of the children.
 */
#include <signal.h>
#include <unistd.h>

#include <ap_listen.h>
#include <apr_signal.h>
#include <apr_strings.h>
#include <http_config.h>
#include <mpm_common.h>

#include "azl_config_source_int.h"
#include "azl_httpd.h"
#include "azl_litellm.h"
#include "azl_random.h"

/* As long as there is no configuration at all, or it is being waited for. */
#define IMPATIENT apr_time_from_sec(5)

/* How often it looks whether it is still wanted. */
#define SLICE apr_time_from_msec(500)

/* Servers that were started together do not come together: the time between
 * two looks is up to this share shorter than it was configured. */
#define JITTER_SHARE 10

/* For `stop` of azl_source_read(). */
typedef struct agent_t {
    pid_t parent;
} agent_t;

int azl_config_is_known(const azl_config_source_t *line,
                        const unsigned char digest[AZL_SHA256_LEN])
{
    const azl_config_counts_t *counts = line->state->counts;

    return (line->loaded &&
            memcmp(digest, line->digest, AZL_SHA256_LEN) == 0) ||
           (atomic_load(&counts->has_refused) &&
            memcmp(digest, counts->refused_digest, AZL_SHA256_LEN) == 0);
}

void azl_config_refused(const azl_config_source_t *line,
                        const unsigned char digest[AZL_SHA256_LEN])
{
    azl_config_counts_t *counts = line->state->counts;

    memcpy(counts->refused_digest, digest, AZL_SHA256_LEN);
    atomic_store(&counts->has_refused, 1);
    atomic_fetch_add(&counts->refused, 1);
}

apr_interval_time_t azl_config_pause(const azl_config_source_t *line)
{
    apr_interval_time_t wait = line->interval;
    apr_uint64_t share = (apr_uint64_t)wait / JITTER_SHARE;

    if (!line->loaded && wait > IMPATIENT) {
        wait = IMPATIENT;
        share = 0;
    }
    return wait - (share ? (apr_interval_time_t)(azl_random_u64() % share) : 0);
}

static int is_alone(void *baton)
{
    return getppid() != ((agent_t *)baton)->parent;
}

static void rest(agent_t *agent, apr_interval_time_t time)
{
    apr_time_t end = apr_time_now() + time;

    while (apr_time_now() < end) {
        if (is_alone(agent)) {
            _exit(0);
        }
        apr_sleep(SLICE);
    }
}

static void tell(const azl_config_source_t *line, const char *problem,
                 int *failing)
{
    if (problem) {
        atomic_fetch_add(&line->state->counts->failed, 1);
    }
    if (problem && !*failing) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, line->server,
                     AZLNO(0157) "AzureLITConfigSource %s: what it says now "
                                 "cannot be had: %s; %s",
                     azl_source_shown(line->source), problem,
                     line->loaded ? "the configuration stays as it is"
                                  : "there is none yet, and readiness is 503");
    }
    if (!problem && *failing) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, line->server,
            AZLNO(0158) "AzureLITConfigSource %s: it can be read again",
            azl_source_shown(line->source));
    }
    *failing = problem != NULL;
}

/* Why a document is not even written down, or NULL. What cannot be read may
 * hold a secret too. Nothing of it is quoted but names. */
static const char *mistake_in(azl_span_t text, int strict, apr_pool_t *p)
{
    static const azl_litellm_setup_t setup = {azl_litellm_environment, NULL,
                                              NULL};
    const azl_litellm_t *config = azl_litellm_read(p, text, &setup);
    const azl_litellm_message_t *message = (void *)config->messages->elts;
    int wrong = azl_litellm_wrong(config, strict);

    if (wrong) {
        while (!azl_litellm_is_wrong(message, strict)) {
            message++;
        }
        return apr_psprintf(
            p, "line %d: %s%s", message->line, message->text,
            wrong > 1 ? apr_psprintf(p, " (and %d more)", wrong - 1) : "");
    }
    return config->secret
               ? apr_psprintf(p,
                              "what stands at line %d has a secret in it, and "
                              "would be kept on the disk: say os.environ/NAME",
                              config->secret)
               : NULL;
}

static int is_refused(const azl_config_source_t *line, azl_span_t text,
                      const unsigned char digest[AZL_SHA256_LEN], apr_pool_t *p)
{
    const char *mistake = mistake_in(text, line->strict, p);

    if (mistake) {
        azl_config_refused(line, digest);
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, line->server,
                     AZLNO(0160) "AzureLITConfigSource %s: what it says now is "
                                 "refused and not kept, the old configuration "
                                 "stays: %s",
                     azl_source_shown(line->source), mistake);
    }
    return mistake != NULL;
}

/* 1: there is something new, and it has been written down. */
static int look(azl_config_source_t *line, agent_t *agent, int *failing,
                apr_pool_t *p)
{
    unsigned char digest[AZL_SHA256_LEN];
    apr_time_t now = apr_time_now();
    char reason[128];
    const char *problem = NULL;
    azl_source_result_e result;
    apr_status_t rv;
    azl_span_t text;

    result =
        azl_source_read(line->source, p, now, is_alone, agent, &text, &problem);
    if (result == AZL_SOURCE_FAILED) {
        tell(line, problem, failing);
        return 0;
    }
    atomic_store(&line->state->counts->read, (apr_uint64_t)now);
    if (result == AZL_SOURCE_SAME) {
        tell(line, NULL, failing);
        return 0;
    }
    azl_crypto_sha256(text.at, text.len, digest);
    if (azl_config_is_known(line, digest) ||
        is_refused(line, text, digest, p)) {
        tell(line, NULL, failing);
        return 0;
    }
    rv = azl_config_write(line->staged, text, p);
    if (rv != APR_SUCCESS) {
        azl_source_forget(line->source); /* or it would not be given again */
        apr_strerror(rv, reason, sizeof(reason));
        tell(line,
             apr_psprintf(p, "%s cannot be written: %s", line->staged, reason),
             failing);
        return 0;
    }
    tell(line, NULL, failing);
    /* the time it is, not that of the question */
    atomic_store(&line->state->counts->found, (apr_uint64_t)apr_time_now());
    return 1;
}

static void settle(const azl_config_source_t *line, apr_pool_t *p)
{
    static const int signals[] = {SIGTERM,         SIGHUP,
                                  AP_SIG_GRACEFUL, AP_SIG_GRACEFUL_STOP,
                                  SIGINT,          SIGCHLD};
    size_t i;

    /* those of the parent are about httpd */
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        apr_signal(signals[i], SIG_DFL);
    }
    apr_signal(SIGPIPE, SIG_IGN);
    ap_close_listeners();
    azl_random_forked();
    /* ends the process if it cannot */
    ap_run_drop_privileges(p, line->server);
}

void azl_config_agent(azl_config_source_t *line, pid_t parent,
                      apr_interval_time_t delay)
{
    agent_t agent = {parent};
    int failing = 0, found = 0;
    apr_pool_t *pool, *p;

    apr_pool_create(&pool, line->run);
    settle(line, pool);
    apr_pool_create(&p, pool);
    rest(&agent, delay);
    do {
        found = look(line, &agent, &failing, p);
        apr_pool_clear(p);
        if (!found) {
            rest(&agent, azl_config_pause(line));
        }
    } while (!found);
    /* nothing of the parent's is to be torn down here */
    _exit(0);
}
