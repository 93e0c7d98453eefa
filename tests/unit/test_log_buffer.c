/*
 * azl_log_buffer: lines come out as they went in, once, also those of a
 * process that was killed.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "azl_log_buffer.h"
#include "azl_test.h"

static azl_log_buffer_t *make(int parts)
{
    azl_log_buffer_t *buffer;

    ck_assert_int_eq(azl_log_buffer_create(&buffer, azl_test_pool, parts),
                     APR_SUCCESS);
    return buffer;
}

static const char *take(azl_log_part_t *part)
{
    azl_span_t lines = azl_log_part_take(part);

    return apr_pstrmemdup(azl_test_pool, lines.at, lines.len);
}

START_TEST(in_and_out)
{
    azl_log_part_t *part = azl_log_buffer_take(make(1), 7);

    ck_assert_int_eq(azl_log_part_is_empty(part), 1);
    ck_assert_str_eq(take(part), "");
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str("one\n")), 1);
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str("two\n")), 1);
    ck_assert_int_eq(azl_log_part_is_empty(part), 0);
    ck_assert_str_eq(take(part), "one\ntwo\n");
    ck_assert_int_eq(azl_log_part_is_empty(part), 1);
    ck_assert_str_eq(take(part), "");
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str("three\n")), 1);
    ck_assert_str_eq(take(part), "three\n");
}
END_TEST

/* Whole lines, or nothing of them. */
START_TEST(full)
{
    azl_log_part_t *part = azl_log_buffer_take(make(1), 7);
    const char *most = azl_test_repeat("x", AZL_LOG_PART_SIZE - 1);

    ck_assert_int_eq(azl_log_part_put(part, azl_span_str(most)), 1);
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str("12")), 0);
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str("1")), 1);
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str("2")), 0);
    ck_assert_str_eq(take(part), apr_pstrcat(azl_test_pool, most, "1", NULL));
    most = azl_test_repeat("x", AZL_LOG_PART_SIZE + 1);
    ck_assert_int_eq(azl_log_part_put(part, azl_span_str(most)), 0);
    ck_assert_str_eq(take(part), "");
}
END_TEST

START_TEST(each_has_its_own)
{
    azl_log_buffer_t *buffer = make(2);
    azl_log_part_t *one = azl_log_buffer_take(buffer, 7);
    azl_log_part_t *two = azl_log_buffer_take(buffer, 8);

    ck_assert_ptr_ne(one, two);
    ck_assert_ptr_null(azl_log_buffer_take(buffer, 9));
    ck_assert_int_eq(azl_log_part_put(one, azl_span_str("one\n")), 1);
    ck_assert_int_eq(azl_log_part_put(two, azl_span_str("two\n")), 1);
    ck_assert_ptr_eq(azl_log_buffer_find(buffer, 8), two);
    ck_assert_ptr_null(azl_log_buffer_find(buffer, 9));
    ck_assert_str_eq(take(one), "one\n");
    azl_log_part_release(two);
    ck_assert_ptr_null(azl_log_buffer_find(buffer, 8));
    ck_assert_ptr_eq(azl_log_buffer_take(buffer, 9), two);
    ck_assert_str_eq(take(two), "");
}
END_TEST

START_TEST(killed)
{
    azl_log_buffer_t *buffer = make(2);
    pid_t child = fork();
    azl_log_part_t *part;
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        part = azl_log_buffer_take(buffer, getpid());
        azl_log_part_put(part, azl_span_str("written\n"));
        azl_log_part_take(part);
        azl_log_part_put(part, azl_span_str("left\n"));
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    part = azl_log_buffer_find(buffer, child);
    ck_assert_ptr_nonnull(part);
    ck_assert_str_eq(take(part), "left\n");
}
END_TEST

/* Told once, whichever process asks. */
START_TEST(torn)
{
    azl_log_buffer_t *buffer = make(1);
    pid_t child;
    int status;

    ck_assert_int_eq(azl_log_buffer_mend(buffer), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        azl_log_buffer_tear(buffer);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(azl_log_buffer_mend(buffer), 1);
    ck_assert_int_eq(azl_log_buffer_mend(buffer), 0);
    ck_assert_ptr_nonnull(azl_log_buffer_take(buffer, 7));
    ck_assert_int_eq(azl_log_buffer_mend(buffer), 0);
}
END_TEST

TCase *azl_test_log_buffer(void)
{
    TCase *tc = azl_test_tcase("log_buffer");

    tcase_add_test(tc, in_and_out);
    tcase_add_test(tc, full);
    tcase_add_test(tc, each_has_its_own);
    tcase_add_test(tc, killed);
    tcase_add_test(tc, torn);
    return tc;
}
