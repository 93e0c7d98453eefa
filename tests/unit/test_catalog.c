#include <apr_strings.h>

#include "azl_catalog.h"
#include "azl_test.h"

#define DEPLOYMENTS_MAX 8

static azl_deployment_t *deployment(const char *id, int order, int weight)
{
    azl_deployment_t *d = apr_pcalloc(azl_test_pool, sizeof(*d));

    d->id = id;
    d->order = order;
    d->weight = weight;
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

/* The choices a test wants, one after the other. */
typedef struct script_t {
    const apr_uint32_t *numbers;
    int n;
    int used;
} script_t;

static apr_uint32_t scripted(void *baton)
{
    script_t *s = baton;

    ck_assert_int_lt(s->used, s->n);
    return s->numbers[s->used++];
}

/* The ids in the order in which they are tried. */
static const char *order_of(const azl_model_t *model, script_t *script)
{
    const azl_deployment_t *out[DEPLOYMENTS_MAX];
    int n = azl_candidates(model, scripted, script, out);
    const char *ids = "";
    int i;

    ck_assert_int_eq(n, model->deployments->nelts);
    for (i = 0; i < n; ++i) {
        ids = apr_pstrcat(azl_test_pool, ids, out[i]->id, NULL);
    }
    ck_assert_int_eq(script->used, script->n);
    return ids;
}

#define UP_TO(share, total) ((apr_uint32_t)(((share)*4294967296.0) / (total)))

START_TEST(lower_orders_first)
{
    const azl_deployment_t *const d[] = {
        deployment("c", 3, 1), deployment("a", 1, 1), deployment("b", 2, 1)};
    script_t none = {NULL, 0, 0};

    ck_assert_str_eq(order_of(model_of(d, 3), &none), "abc");
}
END_TEST

START_TEST(shares_of_one_order)
{
    static const struct {
        apr_uint32_t numbers[2];
        const char *expected;
    } cases[] = {
        /* a: 1 of 6, b: 2 of 6, c: 3 of 6; then of those that are left */
        {{0, 0}, "abc"},
        {{UP_TO(1, 6) - 1, 0}, "abc"},
        {{UP_TO(1, 6) + 1, 0}, "bac"},
        {{UP_TO(3, 6) - 1, UP_TO(1, 4) + 1}, "bca"},
        {{UP_TO(3, 6) + 1, 0}, "cab"},
        {{0xffffffffu, UP_TO(1, 3) + 1}, "cba"},
        {{0, UP_TO(2, 5) - 1}, "abc"},
        {{0, UP_TO(2, 5) + 1}, "acb"},
    };
    const azl_deployment_t *const d[] = {
        deployment("a", 1, 1), deployment("b", 1, 2), deployment("c", 1, 3)};
    script_t script = {cases[_i].numbers, 2, 0};

    ck_assert_str_eq(order_of(model_of(d, 3), &script), cases[_i].expected);
}
END_TEST

START_TEST(no_weight_no_choice)
{
    static const apr_uint32_t last[] = {0xffffffffu};
    const azl_deployment_t *const some[] = {
        deployment("a", 1, 0), deployment("b", 1, 5), deployment("c", 1, 0)};
    const azl_deployment_t *const none[] = {
        deployment("a", 1, 0), deployment("b", 1, 0), deployment("c", 1, -1)};
    script_t one = {last, 1, 0};
    script_t zero = {NULL, 0, 0};

    ck_assert_str_eq(order_of(model_of(some, 3), &one), "bac");
    ck_assert_str_eq(order_of(model_of(none, 3), &zero), "abc");
    ck_assert_str_eq(order_of(model_of(none, 0), &zero), "");
}
END_TEST

START_TEST(orders_choose_for_themselves)
{
    static const apr_uint32_t numbers[] = {0xffffffffu, 0xffffffffu};
    const azl_deployment_t *const d[] = {
        deployment("a", 1, 1), deployment("x", 2, 1), deployment("b", 1, 1),
        deployment("y", 2, 1)};
    script_t script = {numbers, 2, 0};

    ck_assert_str_eq(order_of(model_of(d, 4), &script), "bayx");
}
END_TEST

static apr_uint32_t counting(void *baton)
{
    apr_uint32_t *state = baton;

    /* a full cycle of an additive generator: every share is met exactly as
     * often as it is wide */
    *state += 0x9e3779b9u;
    return *state;
}

START_TEST(shares_are_kept_in_the_long_run)
{
    enum { RUNS = 60000 };
    const azl_deployment_t *const d[] = {
        deployment("a", 1, 1), deployment("b", 1, 2), deployment("c", 1, 3)};
    const azl_model_t *model = model_of(d, 3);
    const azl_deployment_t *out[3];
    int first[3] = {0, 0, 0};
    apr_uint32_t state = 1;
    int i;

    for (i = 0; i < RUNS; ++i) {
        azl_candidates(model, counting, &state, out);
        first[out[0]->id[0] - 'a']++;
    }
    for (i = 0; i < 3; ++i) {
        int expected = RUNS * (i + 1) / 6;

        ck_assert_int_ge(first[i], expected - RUNS / 50);
        ck_assert_int_le(first[i], expected + RUNS / 50);
    }
}
END_TEST

START_TEST(lookups)
{
    static const unsigned char nobody[AZL_SEAL_FINGERPRINT_LEN];
    azl_catalog_t *c = azl_catalog_create(azl_test_pool);
    azl_deployment_t *b = deployment("b", 1, 1);
    const azl_deployment_t *const first[] = {deployment("a", 1, 1)};
    const azl_deployment_t *const second[] = {deployment("c", 1, 1), b};
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

    ck_assert_ptr_eq(azl_model_deployment(models[1], b->fingerprint), b);
    ck_assert_ptr_null(azl_model_deployment(models[0], b->fingerprint));
    ck_assert_ptr_null(azl_model_deployment(models[1], nobody));
    b->spill = &spill;
    memset(spill.fingerprint, 'S', sizeof(spill.fingerprint));
    ck_assert_ptr_eq(azl_model_deployment(models[1], spill.fingerprint),
                     &spill);
    ck_assert_ptr_eq(azl_model_deployment(models[1], b->fingerprint), b);
    ck_assert_int_eq((int)apr_hash_count(c->endpoints), 0);
}
END_TEST

TCase *azl_test_catalog(void)
{
    TCase *tc = azl_test_tcase("catalog");

    tcase_add_test(tc, lower_orders_first);
    tcase_add_loop_test(tc, shares_of_one_order, 0, 8);
    tcase_add_test(tc, no_weight_no_choice);
    tcase_add_test(tc, orders_choose_for_themselves);
    tcase_add_test(tc, shares_are_kept_in_the_long_run);
    tcase_add_test(tc, lookups);
    return tc;
}
