/*
 * azl_secret: what it holds comes out in one way only, and is overwritten when
 * its pool goes.
 */
#include <string.h>

#include <apr_strings.h>

#include "azl_secret.h"
#include "azl_test.h"

#define TEXT "sk-0123456789abcdef"

START_TEST(in_and_out)
{
    char text[] = TEXT;
    const azl_secret_t *secret =
        azl_secret_make(azl_test_pool, azl_span(text, strlen(text)));

    memset(text, 'x', sizeof(text) - 1);
    ck_assert_str_eq(azl_secret_reveal(secret), TEXT);
    ck_assert_uint_eq(azl_secret_len(secret), strlen(TEXT));
    ck_assert_str_eq(
        azl_secret_reveal(azl_secret_str(azl_test_pool, "another")), "another");
    ck_assert_str_eq(
        azl_secret_reveal(azl_secret_make(azl_test_pool, azl_span(NULL, 0))),
        "");
}
END_TEST

START_TEST(nothing)
{
    ck_assert_ptr_null(azl_secret_str(azl_test_pool, NULL));
    ck_assert_ptr_null(azl_secret_lend(azl_test_pool, NULL));
    ck_assert_ptr_null(azl_secret_reveal(NULL));
    ck_assert_uint_eq(azl_secret_len(NULL), 0);
    ck_assert_int_eq(azl_secret_is_in(NULL, azl_span_str("a")), 0);
}
END_TEST

/* Where no compiler looks: as a text it is empty. */
START_TEST(as_a_text)
{
    const azl_secret_t *secret = azl_secret_str(azl_test_pool, TEXT);

    ck_assert_str_eq((const char *)secret, "");
    ck_assert_str_eq(apr_pstrcat(azl_test_pool, "key: ", secret, ".", NULL),
                     "key: .");
}
END_TEST

START_TEST(lent)
{
    const azl_secret_t *secret = azl_secret_str(azl_test_pool, TEXT);
    const azl_secret_t *lent = azl_secret_lend(azl_test_pool, secret);

    ck_assert_ptr_ne(lent, secret);
    ck_assert_str_eq(azl_secret_reveal(lent), TEXT);
}
END_TEST

/* Cleanups of a pool run in turn, the last one first. */
static apr_status_t see(void *data)
{
    const char **seen = data;

    seen[1] = apr_pstrmemdup(azl_test_pool, seen[0], strlen(TEXT));
    return APR_SUCCESS;
}

START_TEST(overwritten)
{
    const char *seen[2] = {NULL, NULL};
    apr_pool_t *pool;

    apr_pool_create(&pool, azl_test_pool);
    apr_pool_cleanup_register(pool, seen, see, apr_pool_cleanup_null);
    seen[0] = azl_secret_reveal(azl_secret_str(pool, TEXT));
    apr_pool_destroy(pool);
    ck_assert_ptr_nonnull(seen[1]);
    ck_assert_str_eq(seen[1], "");
}
END_TEST

START_TEST(in_a_word)
{
    const azl_secret_t *secret = azl_secret_str(azl_test_pool, "Secret");

    ck_assert_int_eq(azl_secret_is_in(secret, azl_span_str("Secret")), 1);
    ck_assert_int_eq(azl_secret_is_in(secret, azl_span_str("key=SECRET.")), 1);
    ck_assert_int_eq(azl_secret_is_in(secret, azl_span_str("Secre")), 0);
    ck_assert_int_eq(azl_secret_is_in(secret, azl_span("Secret", 5)), 0);
    ck_assert_int_eq(azl_secret_is_in(secret, azl_span_str("")), 0);
    ck_assert_int_eq(
        azl_secret_is_in(azl_secret_str(azl_test_pool, ""), azl_span_str("a")),
        0);
}
END_TEST

TCase *azl_test_secret(void)
{
    TCase *tc = azl_test_tcase("secret");

    tcase_add_test(tc, in_and_out);
    tcase_add_test(tc, nothing);
    tcase_add_test(tc, as_a_text);
    tcase_add_test(tc, lent);
    tcase_add_test(tc, overwritten);
    tcase_add_test(tc, in_a_word);
    return tc;
}
