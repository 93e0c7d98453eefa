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
                     const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN],
                     apr_size_t len)
{
    int i;

    for (i = 0; i < model->deployments->nelts; ++i) {
        const azl_deployment_t *d =
            APR_ARRAY_IDX(model->deployments, i, const azl_deployment_t *);

        for (; d; d = d->spill) {
            if (memcmp(d->fingerprint, fingerprint, len) == 0) {
                return d;
            }
        }
    }
    return NULL;
}

static int has_prefill(const azl_model_t *model)
{
    int i;

    for (i = 0; i < model->deployments->nelts; ++i) {
        const azl_deployment_t *d =
            APR_ARRAY_IDX(model->deployments, i, azl_deployment_t *);

        for (; d; d = d->spill) {
            if (d->endpoint->prefill != AZL_PREFILL_NONE) {
                return 1;
            }
        }
    }
    return 0;
}

int azl_model_may_go_on(const azl_model_t *model)
{
    const apr_array_header_t *list = model->fallbacks;
    int i, may = has_prefill(model);

    for (i = 0; list && i < list->nelts && !may; ++i) {
        const azl_fallback_t *f = &APR_ARRAY_IDX(list, i, azl_fallback_t);

        may = (f->on & AZL_FALLBACK_ERROR) && has_prefill(f->model);
    }
    return may;
}
