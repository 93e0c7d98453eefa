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

/* Which of these n (all of one order) comes first. Nothing to choose from
 * (one left, or no weight left): the first as configured. */
static int choose(const azl_deployment_t **d, int n, azl_random_fn *random,
                  void *baton)
{
    apr_uint64_t total = 0;
    apr_uint64_t point;
    int i;

    for (i = 0; i < n; ++i) {
        total += (apr_uint64_t)(d[i]->weight > 0 ? d[i]->weight : 0);
    }
    if (n == 1 || total == 0) {
        return 0;
    }
    /* 32 random bits scaled to [0, total): the bias is total / 2^32. */
    point = ((apr_uint64_t)random(baton) * total) >> 32;
    for (i = 0; i < n - 1; ++i) {
        apr_uint64_t share =
            (apr_uint64_t)(d[i]->weight > 0 ? d[i]->weight : 0);

        if (point < share) {
            break;
        }
        point -= share;
    }
    return i;
}

int azl_candidates(const azl_model_t *model, azl_random_fn *random, void *baton,
                   const azl_deployment_t **out)
{
    int n = model->deployments->nelts;
    int i, j, group;

    for (i = 0; i < n; ++i) {
        const azl_deployment_t *d =
            APR_ARRAY_IDX(model->deployments, i, const azl_deployment_t *);

        for (j = i; j > 0 && out[j - 1]->order > d->order; --j) {
            out[j] = out[j - 1];
        }
        out[j] = d;
    }
    for (i = 0, group = 0; i < n; ++i) {
        const azl_deployment_t *chosen;

        while (group < n && out[group]->order == out[i]->order) {
            ++group;
        }
        j = i + choose(out + i, group - i, random, baton);
        chosen = out[j];
        /* The rest keeps its order, so that weightless ones stay as they
         * were configured. */
        memmove(out + i + 1, out + i, (size_t)(j - i) * sizeof(*out));
        out[i] = chosen;
    }
    return n;
}
