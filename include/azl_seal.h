/*
 * azl_seal: the response ids that clients see.
 *
 * A stored response lives at the deployment that made it and belongs to the
 * key that asked for it. The id the client gets carries both, sealed: anyone
 * with the same configuration can open it, nobody else can read or make one,
 * and no table is kept. The same response has the same sealed id each time
 * (the nonce is derived from the content), because a stream repeats it in
 * every event.
 *
 * A sealer is made once per configuration and is read-only after that.
 */
#ifndef AZL_SEAL_H
#define AZL_SEAL_H

#include <apr_pools.h>

#include "azl_span.h"

typedef struct azl_seal_t azl_seal_t;

/* Who made the response and for whom: both are short fingerprints that are the
 * same in every process with the same configuration. */
#define AZL_SEAL_FINGERPRINT_LEN 8
/* The beginning of a deployment's says where it is, the rest with which
 * credential it is asked: one account's stored responses may be none of the
 * other's, but a credential may come from another place tomorrow. */
#define AZL_SEAL_PLACE_LEN 6

typedef struct azl_sealed_t {
    unsigned char deployment[AZL_SEAL_FINGERPRINT_LEN];
    unsigned char key[AZL_SEAL_FINGERPRINT_LEN];
    const char *upstream_id; /* "resp_..." as the upstream knows it */
} azl_sealed_t;

/* `secret` (any length, at least one byte) is hashed with a label and may be
 * forgotten afterwards. */
azl_seal_t *azl_seal_create(apr_pool_t *p, const void *secret, apr_size_t len);
/* "resp_" followed by base64url; NULL if the upstream id is empty or longer
 * than 512 bytes. */
const char *azl_seal_make(apr_pool_t *p, const azl_seal_t *seal,
                          const azl_sealed_t *what);
/* APR_SUCCESS, or APR_EINVAL for anything that was not sealed with this
 * secret. */
apr_status_t azl_seal_open(apr_pool_t *p, const azl_seal_t *seal,
                           const char *id, azl_sealed_t *what);

#endif /* AZL_SEAL_H */
