/*
 * What has been done before, by any process.
 */
#include "../../src/store/azl_shared_int.h"
#include "store_fixture.h"

#define MANY 3000

START_TEST(the_first_is_the_first)
{
    azl_shared_t *shared = segment(1, 1, 0, 0);
    apr_uint64_t what;

    for (what = 1; what <= MANY; what++) {
        ck_assert_int_eq(azl_shared_once(shared, what), 1);
    }
    for (what = 1; what <= MANY; what++) {
        ck_assert_int_eq(azl_shared_once(shared, what), 0);
    }
}
END_TEST

/* As many in one line as it has places, and one more. */
START_TEST(some_are_forgotten)
{
    azl_shared_t *shared = segment(1, 1, 0, 0);
    apr_uint64_t step = AZL_ONCE_WORDS;
    int known = 0;
    int i;

    for (i = 1; i <= 9; i++) {
        ck_assert_int_eq(azl_shared_once(shared, step * (apr_uint64_t)i), 1);
    }
    ck_assert_int_eq(azl_shared_once(shared, 9 * step), 0);
    for (i = 1; i <= 8; i++) {
        known += shared->once[0] != 0;
    }
    ck_assert_int_eq(known, 8);
}
END_TEST

static int bring(void *baton, int index)
{
    apr_uint64_t what;
    int first = 0;

    (void)index;
    for (what = 1; what <= MANY; what++) {
        first += azl_shared_once(baton, what);
    }
    return first;
}

START_TEST(one_of_many_is_first)
{
    ck_assert_int_eq(crowd(THREADS, bring, segment(1, 1, 0, 0)), MANY);
}
END_TEST

START_TEST(known_in_a_larger_segment)
{
    azl_shared_t *from = segment(1, 1, 0, 0);
    azl_shared_t *to = segment(1, 2, 0, 0);

    azl_shared_once(from, 77);
    azl_shared_inherit(to, from);
    ck_assert_int_eq(azl_shared_once(to, 77), 0);
    ck_assert_int_eq(azl_shared_once(to, 78), 1);
}
END_TEST

TCase *azl_test_once(void)
{
    TCase *tc = azl_test_tcase("once");

    tcase_add_test(tc, the_first_is_the_first);
    tcase_add_test(tc, some_are_forgotten);
    tcase_add_test(tc, one_of_many_is_first);
    tcase_add_test(tc, known_in_a_larger_segment);
    return tc;
}
