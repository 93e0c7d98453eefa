/*
 * azl_source: a configuration that lies elsewhere and changes: in a blob of
 * Azure Storage, at any other HTTP server, or in a file.
 *
 * Made while the configuration is read and belongs to its pool. One process
 * and one thread reads it again and again (src/httpd/azl_config_agent.c); it
 * remembers the entity tag of what it was given last.
 */
#ifndef AZL_SOURCE_H
#define AZL_SOURCE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "azl_span.h"

/* Larger documents are refused: a thousand models are some hundred KB. */
#define AZL_SOURCE_MAX (4 * 1024 * 1024)

typedef struct azl_source_t azl_source_t;

typedef struct azl_source_setup_t {
    const char *url;        /* https://, http:// or file:/path */
    const char *credential; /* "none", connection-string:SECRET, sas:SECRET
                               (each env:NAME or file:/path), or what
                               azl_identity.h knows; NULL: none */
    const char *tls_ca;     /* NULL: what the system trusts */
} azl_source_setup_t;

typedef enum {
    AZL_SOURCE_SAME,  /* as it was the last time */
    AZL_SOURCE_READ,  /* here it is; perhaps as it was */
    AZL_SOURCE_FAILED /* *problem says why not */
} azl_source_result_e;

/* NULL and the source; or what is wrong with the setup, for the operator, and
 * without a secret. Secrets are read at once; one in a file again each time
 * that the source is read. The setup's texts must live as long as the pool. */
const char *azl_source_create(apr_pool_t *p, const azl_source_setup_t *setup,
                              azl_source_t **source);
/* As azl_identity_hosts(); before it is read first. */
void azl_source_hosts(azl_source_t *source, const char *authority,
                      const char *metadata);
/* Where it lies, without what may be secret. */
const char *azl_source_shown(const azl_source_t *source);
/* Read it; blocks, for a quarter of a minute at most. `stop` is asked now and
 * then: not 0 gives up. What is given lies in `p`. */
azl_source_result_e azl_source_read(azl_source_t *source, apr_pool_t *p,
                                    apr_time_t now, int (*stop)(void *baton),
                                    void *baton, azl_span_t *text,
                                    const char **problem);
/* How long until it is to be read again, which is to be every `interval`;
 * `last` is when that began the last time, 0: never. */
apr_interval_time_t azl_source_left(apr_time_t last,
                                    apr_interval_time_t interval,
                                    apr_time_t now);
/* The next time, whatever it says is wanted, also if it has not changed. */
void azl_source_forget(azl_source_t *source);

#endif /* AZL_SOURCE_H */
