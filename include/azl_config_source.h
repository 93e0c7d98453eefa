/*
 * azl_config_source: an AzureLITConfigSource line, and who keeps what it names
 * up to date.
 *
 * The configuration is read from a copy on disk, never from afar: a server
 * starts without anybody's help. A process of its own for each line (the
 * agent) reads the source again and again, as the user of the children, and
 * ends when there is something new. httpd's parent then lets `httpd -t` read
 * all of its configuration with the new one; if that is content, the new one
 * takes the place of the copy and the parent restarts itself gracefully. What
 * is refused stays beside the copy, for whoever wants to know why.
 *
 * Lines belong to the pool of the configuration, what is known about a source
 * to the process: it outlives restarts.
 */
#ifndef AZL_CONFIG_SOURCE_H
#define AZL_CONFIG_SOURCE_H

#include <httpd.h>

#include <apr_time.h>

#include "azl_crypto.h"
#include "azl_source.h"

struct azl_config_state_t;

typedef struct azl_config_source_t {
    server_rec *server;
    const char *where;  /* "file:line" */
    const char *copy;   /* what is loaded at a start, and what has been */
    const char *next;   /* copy.new: what is to take its place */
    const char *folder; /* copy.staging, where the agent may write, ... */
    const char *staged; /* ... and its file there */
    const char *define; /* makes `httpd -t` read `next` instead of `copy` */
    azl_source_t *source;
    apr_interval_time_t interval;
    apr_interval_time_t check_limit; /* of `httpd -t`; whole seconds */
    int strict; /* nothing of it may be left out */
    int loaded;                            /* there was a copy, ... */
    unsigned char digest[AZL_SHA256_LEN]; /* ... with this SHA-256 */
    apr_uint64_t changes; /* so many were loaded before, and this one */
    apr_pool_t *pool;
    apr_pool_t *run; /* of the process that is at work */
    struct azl_config_state_t *state;
} azl_config_source_t;

/* Given to `httpd -t`, it reads what is to take the place of a copy: of each,
 * or, with a colon and its path, of one. */
#define AZL_CONFIG_CANDIDATE "AZURELIT_CANDIDATE"

/* What has become of a source since httpd was started first. */
typedef struct azl_config_view_t {
    const char *shown; /* where it lies */
    const char *copy;
    apr_time_t read; /* 0: never */
    apr_uint64_t changes;
    apr_uint64_t refused;
    apr_uint64_t failed; /* it could not be read */
} azl_config_view_t;

/* A new line of this configuration; the caller fills it in. */
azl_config_source_t *azl_config_source_add(apr_pool_t *pconf);
/* All lines; NULL: none. */
const apr_array_header_t *azl_config_sources(apr_pool_t *pconf);
/* In the parent, when all has been read: start the agents. */
void azl_config_source_start(apr_pool_t *pconf, server_rec *s);
/* In a child, 1: there is a new configuration. In a moment, if it is good, this
 * process will be asked to end, or has been. */
int azl_config_source_leaving(void);
void azl_config_source_view(const azl_config_source_t *line,
                            azl_config_view_t *view);

#endif /* AZL_CONFIG_SOURCE_H */
