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
    const azl_secret_t *bearer; /* a token for the Authorization header */
    apr_time_t expires; /* 0: never */
    apr_interval_time_t refresh_in; /* who gave it wants to be asked again;
                                       0: not said */
} azl_identity_value_t;

/* What may differ between two looks at a file. */
typedef struct azl_identity_file_t {
    apr_time_t mtime;
    apr_time_t ctime;
    apr_off_t size;
    apr_ino_t inode;
} azl_identity_file_t;

/* The type of what OAuth's token services are sent. */
#define AZL_IDENTITY_FORM "Content-Type: application/x-www-form-urlencoded"

typedef struct azl_identity_kind_t {
    const char *name;
    const char *form; /* what NAME:REST must look like, for the operator; NULL:
                         there is no rest */
    int optional; /* ... or there may be one */
    const char *const *dialects; /* that take it, up to NULL; NULL: all */
    int place;     /* region= and service= are for it */
    int token_url; /* ... and token-url= */
    int scope;     /* ... and scope= */
    int key;       /* the value is a key, see azl_identity_is_key() */
    int vault;     /* vault-credential= and reread= are for it */
    int secret; /* behind the first colon of REST is the reference of one */
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
    const azl_secret_t *secret;  /* what has to be said there, ... */
    const char *secret_file; /* ... or the file it is in; NULL: nothing */
    const char *path;    /* of a file */
    const char *section; /* ... in it */
    const void *own;     /* what no other kind has */

    /* of Entra */
    const char *authority; /* without a slash at its end */
    const char *metadata;  /* likewise */
    const char *tenant;
    const char *client;
    const char *scope;
    const char *secret_source; /* where the secret stands */

    azl_identity_t *inner; /* who asks a vault; else NULL */

    /* the fetching thread's */
    azl_identity_file_t seen;
    apr_time_t due; /* fetched next */
    apr_time_t attempted; /* the last time */
    apr_interval_time_t patience; /* after a failure */
    int hopeless; /* the last failure will not pass by itself */
    apr_interval_time_t wait; /* ... or passes then, as we are told; -1: not */
    apr_interval_time_t calm; /* between two fetches of what is refused */
    int (*stop)(void *baton);
    void *baton;

    apr_thread_mutex_t *mutex; /* over what follows */
    apr_time_t renew_at;       /* not before, however often it is refused */
    apr_thread_cond_t *first;  /* the first fetch has ended */
    int tried;                 /* ... or was made by another process */
    apr_time_t first_by;       /* it is waited for until then; 0: nobody does */
    int failures;              /* fetches that brought nothing */
    apr_time_t serial;         /* of the value: when it was fetched */
    azl_identity_value_t *value; /* NULL: none yet */
    apr_time_t since;          /* it is there */
    int refused;               /* by the endpoint, whatever its time */
    apr_time_t renew_by;       /* ... and another is waited for until then */
    int renewing;              /* ... and it is fetched because of that */
};

extern const azl_identity_kind_t azl_identity_aws_env;
extern const azl_identity_kind_t azl_identity_aws_file;
extern const azl_identity_kind_t azl_identity_aws_container;
extern const azl_identity_kind_t azl_identity_aws_instance;
extern const azl_identity_kind_t azl_identity_google;
extern const azl_identity_kind_t azl_identity_google_metadata;
extern const azl_identity_kind_t azl_identity_databricks;
extern const azl_identity_kind_t azl_identity_token_file;
extern const azl_identity_kind_t azl_identity_key_file;
extern const azl_identity_kind_t azl_identity_vault;
extern const azl_identity_kind_t azl_identity_managed;
extern const azl_identity_kind_t azl_identity_workload;
extern const azl_identity_kind_t azl_identity_principal;
extern const azl_identity_kind_t azl_identity_azure_default;

/* An empty value in a pool of its own. */
azl_identity_value_t *azl_identity_value(void);
/* A value takes the place of the one before; NULL: there is none. Whoever
 * waits is told. */
void azl_identity_put(azl_identity_t *id, azl_identity_value_t *value,
                      apr_time_t renew_at);

/* Make a call to a service that gives out credentials: url, method, headers
 * and body are the caller's, the rest is set here. NULL and the answer,
 * whatever its status; or why there is none. */
const char *azl_identity_http(azl_identity_t *id, apr_pool_t *p,
                              azl_http_request_t *request,
                              azl_http_answer_t *got);
/* A call to a service that gives out credentials. Its answer if the status was
 * 200; NULL, or why there is none. `method` NULL: GET. */
const char *azl_identity_call(azl_identity_t *id, apr_pool_t *p,
                              const char *method, const char *url,
                              const char *const *headers, azl_span_t *answer);
/* A file whole; NULL, or why it cannot be read. */
const char *azl_identity_read(apr_pool_t *p, const char *path, apr_off_t max,
                              azl_span_t *content);
/* 1 if a text can stand in a header: no control characters, not empty. */
int azl_identity_is_word(const char *text);
/* The same up to white space at its ends, which is cut off. NULL: it cannot. */
const char *azl_identity_word(apr_pool_t *p, azl_span_t text);
/* The length of scheme://host[:port] in a URL. */
apr_size_t azl_identity_origin(const char *url);

/* For kinds whose value is the file at id->path. Note what it looks like now;
 * 0 if it cannot be looked at. */
int azl_identity_look(azl_identity_t *id, apr_pool_t *p,
                      azl_identity_file_t *now);
/* 1 if it looks another way than id->seen. A file that is gone is about to be
 * replaced, or its loss will be told when httpd is started again; the last
 * value stays. */
int azl_identity_file_changed(azl_identity_t *id, apr_pool_t *p);

/* For kinds with a client's secret: where that stands, env:NAME or file:/path.
 * It must be there now. NULL, or what is wrong. */
const char *azl_identity_find_secret(azl_identity_t *id, const char *source);
/* What it is now, as a new one may be in its file; one that only root may read
 * is as it was at the start. In the pool. */
const azl_secret_t *azl_identity_current_secret(const azl_identity_t *id,
                                                apr_pool_t *p);
/* Ask a token service of OAuth 2.0 (RFC 6749) and take what it gives. NULL, or
 * why there is no token and what may help. */
const char *azl_identity_token(azl_identity_t *id, apr_pool_t *p,
                               azl_http_request_t *request,
                               azl_identity_value_t *value);
/* The same of its answer, whatever its status. */
const char *azl_identity_token_of(azl_identity_t *id, apr_pool_t *p,
                                  const azl_http_answer_t *got,
                                  apr_time_t asked,
                                  azl_identity_value_t *value);
/* When something ends, as token services write that: seconds since 1970 or one
 * of several dates. 1, or 0 if it is none. */
int azl_identity_moment(apr_pool_t *p, const char *text, apr_time_t *t);
/* Its answer's token; `asked` is when it was asked for. */
const char *azl_identity_take_token(apr_pool_t *p, azl_span_t answer,
                                    apr_time_t asked,
                                    azl_identity_value_t *value);
/* Authorization: Bearer */
apr_status_t azl_identity_bear(const azl_identity_t *id, apr_pool_t *p,
                               const azl_identity_value_t *value,
                               const azl_identity_call_t *call, apr_time_t now,
                               apr_table_t *headers);
/* A variable of the environment; NULL if it is empty, too. */
const char *azl_identity_environment(const char *name);
/* "name=value" for a form or a query. */
const char *azl_identity_field(apr_pool_t *p, const char *name,
                               const char *value);
/* For kinds of Entra: which dialects take them; what scope= says, or what is
 * right for the endpoint; the same as v1 of the protocol names it. */
extern const char *const azl_identity_entra_dialects[];
const char *azl_identity_entra_scope(azl_identity_t *id);
const char *azl_identity_resource(const azl_identity_t *id, apr_pool_t *p);
/* 1 if a text has letters, digits, dots and dashes, as ids have. */
int azl_identity_is_id(const char *text);
/* Who a service account is, signed (RFC 7523): for a moment. NULL, or what is
 * wrong. */
const char *azl_identity_assertion(const azl_identity_t *id, apr_pool_t *p,
                                   apr_time_t now, const char **assertion);

#endif /* AZL_IDENTITY_INT_H */
