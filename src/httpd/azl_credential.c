#include "azl_credential.h"

#include "azl_dialect.h"

apr_status_t azl_credential_set(apr_pool_t *p, const azl_endpoint_t *ep,
                                const azl_identity_call_t *call,
                                apr_table_t *headers)
{
    apr_time_t now = apr_time_now();
    const char *name, *value;
    azl_endpoint_t with;

    if (!azl_identity_is_key(ep->identity)) {
        return azl_identity_authorize(ep->identity, p, call, now, headers);
    }
    /* the endpoint as if the key of this moment were written down there */
    with = *ep;
    with.credential = azl_identity_key(ep->identity, p, now);
    if (!with.credential) {
        return APR_ENOENT;
    }
    ep->dialect->credential(p, &with, &name, &value);
    apr_table_setn(headers, name, value);
    return APR_SUCCESS;
}
