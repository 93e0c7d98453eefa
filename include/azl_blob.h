/*
 * azl_blob: how a request for one blob of Azure Storage is authorized. Pure:
 * URL, secret and time come in, the URL to ask and headers come out.
 */
#ifndef AZL_BLOB_H
#define AZL_BLOB_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_secret.h"
#include "azl_span.h"

/* From 2017-11-09 on a token may be used; this one Azurite knows too. */
#define AZL_BLOB_VERSION "2023-11-03"

/* What authorizes. Neither of both: somebody else does (a token), or the
 * container is public. */
typedef struct azl_blob_access_t {
    const char *account;      /* with a key only */
    const azl_secret_t *key;  /* of the account, decoded; NULL: none */
    const azl_secret_t *sas;  /* shared access signature, as a query; NULL:
                                 none */
} azl_blob_access_t;

/* Read a storage account's connection string; it names a key or a shared
 * access signature. NULL, or what is wrong with it, in words that do not quote
 * it. What is kept lies in the pool. */
const char *azl_blob_connection(apr_pool_t *p, azl_span_t text,
                                azl_blob_access_t *access);
/* A shared access signature as portals show it, with or without '?'. */
const char *azl_blob_sas(apr_pool_t *p, azl_span_t text,
                         azl_blob_access_t *access);
/* Where to ask: `url` (http or https, with its path) and what of the access
 * belongs into a query. */
const char *azl_blob_url(apr_pool_t *p, const char *url,
                         const azl_blob_access_t *access);
/* The headers of a GET for that URL. `etag` as it was given out, with its
 * quotes: answer only if it is another one; NULL: in any case. Not
 * APR_SUCCESS: the cryptography failed, or `url` has no host.
 * Microsoft Learn, Storage services REST API, "Authorize with Shared Key".
 */
apr_status_t azl_blob_headers(apr_pool_t *p, const char *url,
                              const azl_blob_access_t *access,
                              const char *etag, apr_time_t now,
                              apr_table_t *headers);
/* What is signed, without the key: for tests, and for whoever has to find out
 * why a signature is refused. */
const char *azl_blob_string_to_sign(apr_pool_t *p, const char *url,
                                    const char *account, const char *etag,
                                    const char *date);
/* The code of an error's XML ("BlobNotFound"), or NULL. Letters and digits
 * only, so that it can be logged. */
const char *azl_blob_error(apr_pool_t *p, azl_span_t body);

#endif /* AZL_BLOB_H */
