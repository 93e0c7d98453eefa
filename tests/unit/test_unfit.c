#include <apr_strings.h>

#include "azl_hub.h"
#include "azl_test.h"
#include "azl_unfit.h"

START_TEST(errors)
{
    azl_error_t err;

    azl_unfit_member(azl_test_pool, "top_k", &err);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported_parameter");
    ck_assert_str_eq(err.param, "top_k");
    ck_assert_ptr_nonnull(strstr(err.message, "'top_k'"));
    azl_unfit_value(azl_test_pool, "n", azl_span_str("7"), "1 and 2", &err);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "unsupported_value");
    ck_assert_str_eq(err.param, "n");
    ck_assert_ptr_nonnull(strstr(err.message, "'7'"));
    ck_assert_ptr_nonnull(strstr(err.message, "are: 1 and 2."));
}
END_TEST

START_TEST(lists_become_one)
{
    const char *lists[] = {NULL, "a,b", NULL, "c"};

    ck_assert_ptr_null(azl_unfit_names(azl_test_pool, lists, 1));
    ck_assert_str_eq(azl_unfit_names(azl_test_pool, lists, 3), "a,b");
    ck_assert_str_eq(azl_unfit_names(azl_test_pool, lists, 4), "a,b,c");
}
END_TEST

/* Names of this length, so many that there is room, and one more. */
START_TEST(only_so_many_fit)
{
    apr_size_t len = (apr_size_t)_i;
    apr_size_t fit = (AZL_UNFIT_NAMES_MAX + 1) / (len + 1);
    char *names = apr_pcalloc(azl_test_pool, 3 * AZL_UNFIT_NAMES_MAX);
    const char *lists[1] = {names};
    const char *told;
    apr_size_t i;

    for (i = 0; i < fit; ++i) {
        memset(names + i * (len + 1), 'x', len);
        names[i * (len + 1) + len] = i + 1 < fit ? ',' : '\0';
    }
    ck_assert_str_eq(azl_unfit_names(azl_test_pool, lists, 1), names);
    names[fit * (len + 1) - 1] = ',';
    memset(names + fit * (len + 1), 'y', len);
    told = azl_unfit_names(azl_test_pool, lists, 1);
    ck_assert_uint_le(strlen(told), AZL_UNFIT_NAMES_MAX);
    /* whole names, and not many too few */
    ck_assert_uint_gt(strlen(told), AZL_UNFIT_NAMES_MAX - len - 10);
    ck_assert_str_eq(told + strlen(told) - 4, ",...");
    ck_assert_uint_eq((strlen(told) - 3) % (len + 1), 0);
    ck_assert_ptr_null(strchr(told, 'y'));
}
END_TEST

START_TEST(one_name_that_is_too_long)
{
    char *name = apr_pcalloc(azl_test_pool, 2 * AZL_UNFIT_NAMES_MAX + 1);
    const char *lists[1] = {name};

    memset(name, 'x', 2 * AZL_UNFIT_NAMES_MAX);
    ck_assert_str_eq(azl_unfit_names(azl_test_pool, lists, 1), ",...");
}
END_TEST

/* Nobody keeps more names than can be told. */
START_TEST(names_of_an_exchange)
{
    azl_exchange_t ex;
    azl_error_t err;
    const char *told, *lists[1];
    int i;

    memset(&ex, 0, sizeof(ex));
    ex.pool = azl_test_pool;
    ex.params = AZL_PARAMS_DROP;
    for (i = 0; i < 5000; ++i) {
        ck_assert(azl_exchange_without(
            &ex, apr_psprintf(azl_test_pool, "x%d", i), 0, &err));
    }
    ck_assert_int_eq(ex.dropped->nelts, AZL_UNFIT_COUNT_MAX);
    lists[0] = apr_array_pstrcat(azl_test_pool, ex.dropped, ',');
    told = azl_unfit_names(azl_test_pool, lists, 1);
    ck_assert_uint_le(strlen(told), AZL_UNFIT_NAMES_MAX);
    ck_assert_ptr_nonnull(strstr(told, ",..."));
}
END_TEST

TCase *azl_test_unfit(void)
{
    TCase *tc = azl_test_tcase("unfit");

    tcase_add_test(tc, errors);
    tcase_add_test(tc, lists_become_one);
    tcase_add_loop_test(tc, only_so_many_fit, 1, 66);
    tcase_add_test(tc, one_name_that_is_too_long);
    tcase_add_test(tc, names_of_an_exchange);
    return tc;
}
