#include "azl_catalog.h"
#include "azl_test.h"

static azl_deployment_t *deployment(const char *id)
{
    azl_deployment_t *d = apr_pcalloc(azl_test_pool, sizeof(*d));

    d->id = id;
    memset(d->fingerprint, *id, sizeof(d->fingerprint));
    return d;
}

static azl_model_t *model_of(const azl_deployment_t *const *d, int n)
{
    azl_model_t *model = apr_pcalloc(azl_test_pool, sizeof(*model));
    int i;

    model->deployments =
        apr_array_make(azl_test_pool, n, sizeof(azl_deployment_t *));
    for (i = 0; i < n; ++i) {
        APR_ARRAY_PUSH(model->deployments, const azl_deployment_t *) = d[i];
    }
    return model;
}

static const azl_deployment_t *found(const azl_model_t *model,
                                     const unsigned char *fingerprint)
{
    return azl_model_deployment(model, fingerprint, AZL_SEAL_FINGERPRINT_LEN);
}

START_TEST(lookups)
{
    static const unsigned char nobody[AZL_SEAL_FINGERPRINT_LEN];
    azl_catalog_t *c = azl_catalog_create(azl_test_pool);
    azl_deployment_t *b = deployment("b");
    const azl_deployment_t *const first[] = {deployment("a")};
    const azl_deployment_t *const second[] = {deployment("c"), b};
    azl_deployment_t spill = {0};
    azl_model_t *models[2];
    int i;

    models[0] = model_of(first, 1);
    models[1] = model_of(second, 2);
    models[0]->alias = "gpt";
    models[1]->alias = "gpt-4.1";
    for (i = 0; i < 2; ++i) {
        apr_hash_set(c->models, models[i]->alias, APR_HASH_KEY_STRING,
                     models[i]);
        APR_ARRAY_PUSH(c->order, azl_model_t *) = models[i];
    }
    ck_assert_ptr_eq(azl_catalog_model(c, "gpt-4.1", 7), models[1]);
    ck_assert_ptr_eq(azl_catalog_model(c, "gpt-4.1", 3), models[0]);
    ck_assert_ptr_null(azl_catalog_model(c, "gpt-4", 5));
    ck_assert_ptr_null(azl_catalog_model(c, "", 0));

    ck_assert_ptr_eq(found(models[1], b->fingerprint), b);
    ck_assert_ptr_null(found(models[0], b->fingerprint));
    ck_assert_ptr_null(found(models[1], nobody));
    b->spill = &spill;
    memset(spill.fingerprint, 'S', sizeof(spill.fingerprint));
    ck_assert_ptr_eq(found(models[1], spill.fingerprint), &spill);
    ck_assert_ptr_eq(found(models[1], b->fingerprint), b);
    ck_assert_int_eq((int)apr_hash_count(c->endpoints), 0);
}
END_TEST

/* The same place, asked with two credentials, or with one that is not known
 * any more. */
START_TEST(places)
{
    azl_deployment_t *one = deployment("a");
    azl_deployment_t *two = deployment("a");
    const azl_deployment_t *const list[] = {one, two};
    azl_model_t *model = model_of(list, 2);
    unsigned char gone[AZL_SEAL_FINGERPRINT_LEN];

    two->fingerprint[AZL_SEAL_PLACE_LEN] = 1;
    memcpy(gone, one->fingerprint, sizeof(gone));
    gone[AZL_SEAL_FINGERPRINT_LEN - 1] = 2;
    ck_assert_ptr_eq(found(model, one->fingerprint), one);
    ck_assert_ptr_eq(found(model, two->fingerprint), two);
    ck_assert_ptr_null(found(model, gone));
    ck_assert_ptr_eq(azl_model_deployment(model, gone, AZL_SEAL_PLACE_LEN),
                     one);
    gone[AZL_SEAL_PLACE_LEN - 1] ^= 1;
    ck_assert_ptr_null(azl_model_deployment(model, gone, AZL_SEAL_PLACE_LEN));
}
END_TEST

TCase *azl_test_catalog(void)
{
    TCase *tc = azl_test_tcase("catalog");

    tcase_add_test(tc, lookups);
    tcase_add_test(tc, places);
    return tc;
}
