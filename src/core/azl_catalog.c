#include "azl_catalog.h"

azl_catalog_t *azl_catalog_create(apr_pool_t *p)
{
    azl_catalog_t *c = apr_pcalloc(p, sizeof(*c));

    c->pool = p;
    c->endpoints = apr_hash_make(p);
    c->models = apr_hash_make(p);
    c->order = apr_array_make(p, 16, sizeof(azl_model_t *));
    return c;
}

const azl_model_t *azl_catalog_model(const azl_catalog_t *c, const char *alias,
                                     apr_size_t len)
{
    return apr_hash_get(c->models, alias, (apr_ssize_t)len);
}

const azl_deployment_t *
azl_model_deployment(const azl_model_t *model,
                     const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN])
{
    int i;

    for (i = 0; i < model->deployments->nelts; ++i) {
        const azl_deployment_t *d =
            APR_ARRAY_IDX(model->deployments, i, const azl_deployment_t *);

        for (; d; d = d->spill) {
            if (memcmp(d->fingerprint, fingerprint, AZL_SEAL_FINGERPRINT_LEN) ==
                0) {
                return d;
            }
        }
    }
    return NULL;
}
