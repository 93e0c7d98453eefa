#include "azl_credential.h"

#include "azl_dialect.h"

apr_status_t azl_credential_set(apr_pool_t *p, const azl_endpoint_t *ep,
                                const azl_identity_call_t *call,
                                apr_table_t *headers)
{
    apr_time_t now = apr_time_now();
    const azl_secret_t *key;
    const char *name, *value;

    if (!azl_identity_is_key(ep->identity)) {
        return azl_identity_authorize(ep->identity, p, call, now, headers);
    }
    key = azl_identity_key(ep->identity, p, now);
    if (!key) {
        return APR_ENOENT;
    }
    azl_dialect_credential(p, ep, key, &name, &value);
    apr_table_setn(headers, name, value);
    return APR_SUCCESS;
}
