/*
 * azl_config_source_int: what the parent of a source, its agent and its check
 * share.
 */
#ifndef AZL_CONFIG_SOURCE_INT_H
#define AZL_CONFIG_SOURCE_INT_H

#include <stdatomic.h>
#include <sys/types.h>

#include <apr_thread_proc.h>

#include "azl_config_source.h"

/* In shared memory: the agent, the parent and whoever wants to see it. */
typedef struct azl_config_counts_t {
    _Atomic apr_uint64_t read; /* apr_time_t of the last time; 0: never */
    _Atomic apr_uint64_t changes;
    _Atomic apr_uint64_t refused;
    _Atomic apr_uint64_t failed;
    /* apr_time_t when the agent found something new that is neither loaded nor
     * refused yet; 0: nothing */
    _Atomic apr_uint64_t found;
    /* What was refused last. The agent writes here while it runs, the parent
     * while none does. */
    _Atomic apr_uint64_t has_refused;
    unsigned char refused_digest[AZL_SHA256_LEN];
} azl_config_counts_t;

/* The parent's, and copied into each agent. It outlives restarts. */
typedef struct azl_config_state_t {
    azl_config_counts_t *counts;
    unsigned char tried[AZL_SHA256_LEN]; /* what is being checked */
    int restarting; /* for what was accepted */
} azl_config_state_t;

/* The agent: reads the source until there is something new, or `parent` is
 * gone, and exits. */
void azl_config_agent(azl_config_source_t *line, pid_t parent,
                      apr_interval_time_t delay)
    __attribute__((noreturn));
/* 1 if that is loaded already, or was refused. */
int azl_config_is_known(const azl_config_source_t *line,
                        const unsigned char digest[AZL_SHA256_LEN]);
/* Remember and count that it was refused. */
void azl_config_refused(const azl_config_source_t *line,
                        const unsigned char digest[AZL_SHA256_LEN]);
/* How long to wait before the source is read the next time. */
apr_interval_time_t azl_config_pause(const azl_config_source_t *line);
/* How the check ends, if not with 0 (it is content) or in another way that
 * says nothing about the configuration: beyond all numbers of signals. */
#define AZL_CONFIG_REFUSED 100
#define AZL_CONFIG_LATE 101 /* after check_limit */

/* Let httpd read all of its configuration with what is to take the place of
 * the copy, in a process beside us that ends like that. */
apr_status_t azl_config_check(const azl_config_source_t *line, apr_pool_t *p,
                              apr_proc_t **keeper);
/* What it had to say when it has ended, on one line. */
const char *azl_config_check_said(const azl_config_source_t *line,
                                  apr_pool_t *p);
void azl_config_check_forget(const azl_config_source_t *line, apr_pool_t *p);
/* Restart the parent, which the caller is, when it has been given notice for
 * long enough since `found`. The process beside it that waits so long, or 0: it
 * was done at once. A process that was ended did not do it. */
pid_t azl_config_notice(apr_time_t found);
/* The way apachectl says it. */
void azl_config_restart(pid_t parent);
/* Write a file as a whole: whoever reads it sees the old one or the new one. */
apr_status_t azl_config_write(const char *path, azl_span_t text,
                              apr_pool_t *p);

#endif /* AZL_CONFIG_SOURCE_INT_H */
