#include "azl_file.h"
#include "azl_test.h"

START_TEST(reads_whole)
{
    azl_span_t content;

    ck_assert_int_eq(azl_file_read(azl_test_pool,
                                   azl_test_file("a", "line\nlast"), 9,
                                   &content),
                     APR_SUCCESS);
    ck_assert_str_eq(azl_test_str(content), "line\nlast");
    ck_assert_int_eq(content.at[content.len], '\0');
    ck_assert_int_eq(
        azl_file_read(azl_test_pool, azl_test_file("b", ""), 9, &content),
        APR_SUCCESS);
    ck_assert_uint_eq(content.len, 0);
}
END_TEST

START_TEST(refuses)
{
    azl_span_t content;
    const char *path = azl_test_file("a", "0123456789");

    ck_assert_int_eq(azl_file_read(azl_test_pool, path, 9, &content),
                     APR_ENOSPC);
    ck_assert_int_eq(azl_file_read(azl_test_pool, "/", 9, &content),
                     APR_EINVAL);
    ck_assert(APR_STATUS_IS_ENOENT(
        azl_file_read(azl_test_pool, "/nonexistent/file", 9, &content)));
}
END_TEST

TCase *azl_test_file_read(void)
{
    TCase *tc = azl_test_tcase("file_read");

    tcase_add_test(tc, reads_whole);
    tcase_add_test(tc, refuses);
    return tc;
}
