/*
 * azl_sigv4: AWS's Signature Version 4. Pure: what is signed comes in, headers
 * come out.
 */
#ifndef AZL_SIGV4_H
#define AZL_SIGV4_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_secret.h"
#include "azl_span.h"

/* Who signs. */
typedef struct azl_aws_key_t {
    const char *id;
    const azl_secret_t *secret;
    const azl_secret_t *token; /* of a session; NULL: none */
} azl_aws_key_t;

typedef struct azl_sigv4_t {
    const char *region;  /* "us-east-1" */
    const char *service; /* "bedrock" */
    const char *method;
    const char *path;    /* as it is on the wire, encoded; NULL or "": "/" */
    const char *query;   /* likewise, without '?'; NULL: none */
    const char *host;    /* as in the Host header */
    const apr_table_t *headers; /* to be signed too, each name once; NULL:
                                   none. Nothing that is changed on its way */
    const azl_span_t *body;     /* in pieces */
    int npieces;
} azl_sigv4_t;

/* Sets Authorization, X-Amz-Date and, with a session, X-Amz-Security-Token in
 * `out`, in its pool. The body must go out as it was signed, and within five
 * minutes of `now`. Not APR_SUCCESS: the cryptography failed. */
apr_status_t azl_sigv4_sign(apr_pool_t *p, const azl_sigv4_t *what,
                            const azl_aws_key_t *key, apr_time_t now,
                            apr_table_t *out);

/* What is hashed and signed (AWS's "canonical request"), for tests and for
 * whoever has to find out why a signature is refused. It holds no secret but
 * the session's token. */
apr_status_t azl_sigv4_canonical(apr_pool_t *p, const azl_sigv4_t *what,
                                 const azl_aws_key_t *key, apr_time_t now,
                                 const char **text,
                                 const char **signed_headers);

#endif /* AZL_SIGV4_H */
