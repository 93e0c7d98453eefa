#include <apr_strings.h>

#include "azl_log.h"
#include "azl_test.h"

static int calls;
static int last_level;
static const char *last_message;

static void keep(void *baton, int level, const char *message)
{
    calls++;
    last_level = level;
    last_message = apr_pstrdup(baton, message);
}

static void start(void)
{
    calls = 0;
    azl_log_set(keep, azl_test_pool);
}

START_TEST(silent_without_sink)
{
    start();
    azl_log_set(NULL, NULL);
    azl_log(AZL_ERR, azl_test_pool, "nobody listens");
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(passes_level_and_text)
{
    start();
    azl_log(AZL_WARNING, azl_test_pool, "%s: %d of %s", "table", 3, "x");
    azl_log_set(NULL, NULL);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(last_level, AZL_WARNING);
    ck_assert_str_eq(last_message, "table: 3 of x");
}
END_TEST

/* The border is where the text stops fitting on the stack. */
START_TEST(long_message_is_whole_with_a_pool)
{
    apr_size_t len;

    for (len = 1020; len < 1028; len++) {
        const char *text = azl_test_repeat("a", len);

        start();
        azl_log(AZL_INFO, azl_test_pool, "%s", text);
        ck_assert_str_eq(last_message, text);
        azl_log(AZL_INFO, azl_test_pool, "%s%s", text, "b");
        ck_assert_str_eq(last_message,
                         apr_pstrcat(azl_test_pool, text, "b", NULL));
    }
    azl_log_set(NULL, NULL);
}
END_TEST

START_TEST(long_message_is_cut_without_a_pool)
{
    const char *text = azl_test_repeat("a", 5000);

    start();
    azl_log(AZL_INFO, NULL, "%s", text);
    azl_log_set(NULL, NULL);
    ck_assert_uint_eq(strlen(last_message), 1023);
    ck_assert(strncmp(last_message, text, 1023) == 0);
}
END_TEST

TCase *azl_test_log(void)
{
    TCase *tc = azl_test_tcase("log");

    tcase_add_test(tc, silent_without_sink);
    tcase_add_test(tc, passes_level_and_text);
    tcase_add_test(tc, long_message_is_whole_with_a_pool);
    tcase_add_test(tc, long_message_is_cut_without_a_pool);
    return tc;
}
