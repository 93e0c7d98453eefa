/*
 * azl_credential: a call gets the credential of its endpoint, if that is one
 * that changes (azl_identity.h): a token, a signature, or a key where the
 * endpoint's dialect has it.
 */
#ifndef AZL_CREDENTIAL_H
#define AZL_CREDENTIAL_H

#include "azl_catalog.h"
#include "azl_identity.h"

/* Set the headers. APR_ENOENT if there is no valid credential. */
apr_status_t azl_credential_set(apr_pool_t *p, const azl_endpoint_t *ep,
                                const azl_identity_call_t *call,
                                apr_table_t *headers);

#endif /* AZL_CREDENTIAL_H */
