/*
 * What the kinds of credentials share. A new kind is a file with an
 * azl_identity_kind_t and its line in the table of azl_identity.c.
 */
#ifndef AZL_IDENTITY_INT_H
#define AZL_IDENTITY_INT_H

#include <apr_file_info.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "azl_http.h"
#include "azl_identity.h"
#include "azl_sigv4.h"

/* A credential; it lies in a pool of its own and goes with it. */
typedef struct azl_identity_value_t {
    apr_pool_t *pool;
    azl_aws_key_t aws;  /* of AWS */
    const char *bearer; /* a token for the Authorization header */
    apr_time_t expires; /* 0: never */
} azl_identity_value_t;

/* What may differ between two looks at a file. */
typedef struct azl_identity_file_t {
    apr_time_t mtime;
    apr_time_t ctime;
    apr_off_t size;
    apr_ino_t inode;
} azl_identity_file_t;

typedef struct azl_identity_kind_t {
    const char *name;
    int rest;   /* NAME:REST has a rest */
    int remote; /* it is fetched from a service and may expire: not at the
                   start, and again before the end */
    /* What the configuration and the environment tell: NULL, or what is
     * wrong. NULL: nothing. */
    const char *(*configure)(azl_identity_t *id);
    /* The value, in value->pool: NULL, or why there is none (in the pool `p`,
     * where everything else may lie, too). */
    const char *(*fetch)(azl_identity_t *id, apr_pool_t *p,
                         azl_identity_value_t *value);
    /* What can be said without fetching: 0 if nothing has changed. NULL:
     * nothing can be said. */
    int (*changed)(azl_identity_t *id, apr_pool_t *p);
    apr_status_t (*authorize)(const azl_identity_t *id, apr_pool_t *p,
                              const azl_identity_value_t *value,
                              const azl_identity_call_t *call, apr_time_t now,
                              apr_table_t *headers);
} azl_identity_kind_t;

struct azl_identity_t {
    apr_pool_t *pool; /* the configuration's */
    const azl_identity_kind_t *kind;
    azl_identity_setup_t setup;
    const char *rest; /* of the source; NULL: it has none */

    /* the kind's own, read-only once made */
    const char *region;
    const char *service;
    const char *url;     /* where it is fetched */
    const char *secret;  /* what has to be said there, ... */
    const char *secret_file; /* ... or the file it is in; NULL: nothing */
    const char *path;    /* of a file */
    const char *section; /* ... in it */

    /* the fetching thread's */
    azl_identity_file_t seen;
    apr_time_t due; /* fetched next */
    apr_interval_time_t patience; /* after a failure */
    int (*stop)(void *baton);
    void *baton;

    apr_thread_mutex_t *mutex; /* over what follows */
    apr_thread_cond_t *first;  /* the first fetch has ended */
    int tried;                 /* ... in this process */
    azl_identity_value_t *value; /* NULL: none yet */
};

extern const azl_identity_kind_t azl_identity_aws_env;
extern const azl_identity_kind_t azl_identity_aws_file;
extern const azl_identity_kind_t azl_identity_aws_container;
extern const azl_identity_kind_t azl_identity_aws_instance;

/* A call to a service that gives out credentials. Its answer if the status was
 * 200; NULL, or why there is none. `method` NULL: GET. */
const char *azl_identity_call(azl_identity_t *id, apr_pool_t *p,
                              const char *method, const char *url,
                              const char *const *headers, azl_span_t *answer);
/* 1 if a text can stand in a header: no control characters, not empty. */
int azl_identity_is_word(const char *text);

#endif /* AZL_IDENTITY_INT_H */
