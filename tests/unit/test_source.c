/*
 * azl_source: where it lies, as it may be shown, and when it is due.
 */
#include "azl_source.h"
#include "azl_test.h"

#define NOW apr_time_from_sec(1795305600)
#define MINUTE apr_time_from_sec(60)

START_TEST(first_time)
{
    ck_assert_int_eq(azl_source_left(0, MINUTE, NOW), 0);
}
END_TEST

START_TEST(rest_of_the_interval)
{
    ck_assert_int_eq(azl_source_left(NOW, MINUTE, NOW), MINUTE);
    ck_assert_int_eq(azl_source_left(NOW - apr_time_from_sec(59), MINUTE, NOW),
                     apr_time_from_sec(1));
    ck_assert_int_eq(azl_source_left(NOW - MINUTE, MINUTE, NOW), 0);
    ck_assert_int_eq(azl_source_left(NOW - 10 * MINUTE, MINUTE, NOW), 0);
}
END_TEST

START_TEST(clock_set_back)
{
    ck_assert_int_eq(azl_source_left(NOW + 10 * MINUTE, MINUTE, NOW), MINUTE);
}
END_TEST

/* A signature may be in the query. */
START_TEST(shown_without_query)
{
    azl_source_setup_t setup = {"https://host/a/b.yaml?sig=SECRET", NULL, NULL};
    azl_source_t *source;

    ck_assert_ptr_null(azl_source_create(azl_test_pool, &setup, &source));
    ck_assert_str_eq(azl_source_shown(source), "https://host/a/b.yaml");
}
END_TEST

TCase *azl_test_source(void)
{
    TCase *tc = azl_test_tcase("source");

    tcase_add_test(tc, first_time);
    tcase_add_test(tc, rest_of_the_interval);
    tcase_add_test(tc, clock_set_back);
    tcase_add_test(tc, shown_without_query);
    return tc;
}
