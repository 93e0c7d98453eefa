/*
 * azl_identity: credentials that are fetched and change: an endpoint's
 * `credential=` of the form KIND or KIND:REST, as opposed to a key that is
 * written down.
 *
 * Made while the configuration is read, one for each endpoint, and belongs to
 * its pool. Requests read the current value under a short lock; threads beside
 * them (src/httpd/azl_identity_watchdog.c) fetch the next one in time, in one
 * process for all. No request ever fetches anything.
 */
#ifndef AZL_IDENTITY_H
#define AZL_IDENTITY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_seal.h"
#include "azl_secret.h"
#include "azl_span.h"

typedef struct azl_identity_t azl_identity_t;

/* What an endpoint says. */
typedef struct azl_identity_setup_t {
    const char *source;    /* credential= */
    const char *dialect;   /* its name; NULL: any */
    const char *url;       /* without a slash at its end */
    const char *host;      /* of the URL, with its port */
    const char *region;    /* region=, or NULL */
    const char *service;   /* service=, or NULL */
    const char *token_url; /* token-url=, or NULL */
    const char *scope;     /* scope=, or NULL */
    const char *vault_credential; /* vault-credential=, or NULL */
    apr_interval_time_t reread;   /* reread=; 0: as usual */
    const char *tls_ca;    /* for this host only, ... */
    int tls_verify;        /* ... like this: others are always verified */
} azl_identity_setup_t;

/* What is to be authorized. */
typedef struct azl_identity_call_t {
    const char *method;
    const char *url;          /* the whole, or from its path on */
    const char *host;         /* as in the Host header */
    const char *content_type; /* NULL: it has none */
    const azl_span_t *body;   /* in pieces, as it will be on the wire */
    int npieces;
} azl_identity_call_t;

typedef enum {
    AZL_IDENTITY_IDLE,  /* it was not due */
    AZL_IDENTITY_FRESH, /* there is a new value */
    AZL_IDENTITY_FAILED /* there is none: what was, stays while it is valid */
} azl_identity_result_e;

/* 1 if `source` is of a kind that is known here. */
int azl_identity_is(const char *source);
/* 1 if it is of a kind that wants to know what its tokens are for: scope=. */
int azl_identity_takes_scope(const char *source);
/* The source as it may be shown: without a secret that somebody has written
 * into it where only its name belongs. */
const char *azl_identity_shown(apr_pool_t *p, const char *source);
/* NULL and the identity; or what is wrong with the setup, for the operator.
 * What lies in the environment or in a file is read at once. */
const char *azl_identity_create(apr_pool_t *p,
                                const azl_identity_setup_t *setup,
                                azl_identity_t **identity);
/* What the server's directives say, wherever they stand: where tokens of Entra
 * are given out, and where a machine's metadata are. NULL: as the environment
 * says, else as everywhere. Before the first fetch. */
void azl_identity_hosts(azl_identity_t *id, const char *authority,
                        const char *metadata);
/* Where tokens of Entra are given out to it; NULL: it takes none of those. */
const char *azl_identity_authority(const azl_identity_t *id);
/* 1 if azl_identity_refresh() has to be called now and then. */
int azl_identity_changes(const azl_identity_t *id);
/* 1 if the value comes from a service, so that one process can fetch it for
 * all of them. */
int azl_identity_shares(const azl_identity_t *id);
/* Whose value it is: endpoints of the same name have the same. */
void azl_identity_name(const azl_identity_t *id, apr_pool_t *p,
                       unsigned char name[AZL_SEAL_FINGERPRINT_LEN]);
/* Who gives it out: scheme://host[:port]. */
const char *azl_identity_provider(const azl_identity_t *id, apr_pool_t *p);
/* What is known, for another process, secrets included; and what another
 * process knows. 1, or 0 if that is not what azl_identity_pack() makes of this
 * credential. By the thread that fetches. */
azl_span_t azl_identity_pack(const azl_identity_t *id, apr_pool_t *p);
int azl_identity_unpack(azl_identity_t *id, apr_pool_t *p, azl_span_t packed);
/* 1 if azl_identity_refresh() would fetch. */
int azl_identity_due(azl_identity_t *id, apr_pool_t *p, apr_time_t now);
/* Fetch the next value if it is due; blocks. One thread at a time. `stop` is
 * asked now and then: not 0 gives up, but not the first value, which the
 * requests of a process that ends already may wait for. *problem is for the
 * operator and holds no secret; in the pool, which is for everything that is
 * needed. */
azl_identity_result_e azl_identity_refresh(azl_identity_t *id, apr_pool_t *p,
                                           apr_time_t now,
                                           int (*stop)(void *baton),
                                           void *baton, const char **problem);
/* 1 if there is a value that is valid. Of an identity that has never been
 * fetched in this process the first value is waited for, until
 * AZL_IDENTITY_WAIT after the first who asks: a new process is asked before it
 * knows itself. */
#define AZL_IDENTITY_WAIT apr_time_from_sec(3)
int azl_identity_ready(azl_identity_t *id, apr_time_t now);
/* The endpoint has refused a call that was begun at `sent`: the next value is
 * fetched soon, though not again and again. 1 if that is news: the value is a
 * token that was there by then, and nobody has said so before. */
int azl_identity_refused(azl_identity_t *id, apr_time_t sent);
/* 1 if there is another value than the one that was there at `sent`. It is
 * waited for, until AZL_IDENTITY_WAIT after it was refused, if it is about to
 * be fetched; where the endpoint refuses one after the other it is not. */
int azl_identity_renewed(azl_identity_t *id, apr_time_t sent);
/* 1 if the value is a key as others are written down: the endpoint's dialect
 * says which header it goes into. */
int azl_identity_is_key(const azl_identity_t *id);
/* The key, in `p`, lent (azl_secret.h); NULL if there is none. */
const azl_secret_t *azl_identity_key(azl_identity_t *id, apr_pool_t *p,
                                     apr_time_t now);
/* 1 if a word of somebody's has a secret of the value in it. */
int azl_identity_is_in(azl_identity_t *id, azl_span_t word);
/* Set the headers of a call; not for a key. APR_ENOENT if there is no valid
 * value. */
apr_status_t azl_identity_authorize(azl_identity_t *id, apr_pool_t *p,
                                    const azl_identity_call_t *call,
                                    apr_time_t now, apr_table_t *headers);

#endif /* AZL_IDENTITY_H */
