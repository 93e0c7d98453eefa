/*
 * azl_buf: growing, the cap, sticking failures, JSON strings.
 */
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_test.h"

static azl_buf_t *with(const char *content, apr_size_t max)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, max);

    ck_assert_int_eq(azl_buf_puts(b, content), APR_SUCCESS);
    return b;
}

static const char *text(const azl_buf_t *b)
{
    return azl_buf_pstr(b, azl_test_pool);
}

START_TEST(starts_empty)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, 100);

    ck_assert_ptr_null(b->data);
    ck_assert_uint_eq(b->len, 0);
    ck_assert_str_eq(text(b), "");
    ck_assert_int_eq(azl_buf_append(b, NULL, 0), APR_SUCCESS);
    ck_assert_int_eq(azl_buf_span(b, azl_span_str(NULL)), APR_SUCCESS);
    ck_assert_str_eq(text(b), "");
}
END_TEST

START_TEST(appends)
{
    azl_buf_t *b = with("one", 100);

    azl_buf_append(b, ", two, three", 5);
    azl_buf_span(b, azl_span("!?", 1));
    azl_buf_int(b, 42);
    ck_assert_str_eq(text(b), "one, two!42");
    ck_assert_uint_eq(b->len, strlen("one, two!42"));
    ck_assert_int_eq(b->failed, 0);
}
END_TEST

START_TEST(grows_and_keeps_the_content)
{
    const apr_size_t total = 10 * 1000;
    azl_buf_t *b = azl_buf_create(azl_test_pool, total);
    apr_size_t i;
    char c;

    for (i = 0; i < total; i++) {
        c = (char)('a' + i % 26);
        ck_assert_int_eq(azl_buf_append(b, &c, 1), APR_SUCCESS);
        ck_assert(b->size <= total);
    }
    ck_assert_uint_eq(b->len, total);
    for (i = 0; i < total; i++) {
        ck_assert_int_eq(b->data[i], (char)('a' + i % 26));
    }
}
END_TEST

START_TEST(cap_is_reached_but_not_passed)
{
    azl_buf_t *b = with("12345", 8);

    ck_assert_int_eq(azl_buf_puts(b, "678"), APR_SUCCESS);
    ck_assert_uint_eq(b->size, 8);
    ck_assert_int_eq(azl_buf_puts(b, "9"), APR_ENOSPC);
    ck_assert_str_eq(text(b), "12345678");
}
END_TEST

START_TEST(failure_sticks_until_cleared)
{
    azl_buf_t *b = with("12345", 8);

    ck_assert_int_eq(azl_buf_puts(b, "6789"), APR_ENOSPC);
    ck_assert_int_eq(b->failed, 1);
    ck_assert_int_eq(azl_buf_puts(b, "6"), APR_ENOSPC);
    ck_assert_int_eq(azl_buf_append(b, "", 0), APR_ENOSPC);
    ck_assert_int_eq(azl_buf_reserve(b, 1), APR_ENOSPC);
    ck_assert_str_eq(text(b), "12345");
    azl_buf_clear(b);
    ck_assert_int_eq(b->failed, 0);
    ck_assert_int_eq(azl_buf_puts(b, "6"), APR_SUCCESS);
    ck_assert_str_eq(text(b), "6");
}
END_TEST

START_TEST(sizes_that_would_wrap_around)
{
    azl_buf_t *b = with("12345", APR_SIZE_MAX);

    ck_assert_int_eq(azl_buf_reserve(b, APR_SIZE_MAX - 4), APR_ENOSPC);
    ck_assert_str_eq(text(b), "12345");
}
END_TEST

START_TEST(memory_that_is_not_there)
{
    /* Within the cap, but no machine has a quarter of all addresses. */
    const apr_size_t max = APR_SIZE_MAX / 4;
    azl_buf_t *b = with("12345", max);

    ck_assert_int_eq(azl_buf_reserve(b, max - 5), APR_ENOMEM);
    ck_assert_int_eq(b->failed, 1);
    ck_assert_int_eq(azl_buf_puts(b, "6"), APR_ENOSPC);
    ck_assert_str_eq(text(b), "12345");
}
END_TEST

START_TEST(reserved_room_is_not_moved)
{
    azl_buf_t *b = with("x", 10000);
    const char *data;

    ck_assert_int_eq(azl_buf_reserve(b, 5000), APR_SUCCESS);
    ck_assert(b->size >= 5001);
    data = b->data;
    ck_assert_int_eq(azl_buf_puts(b, azl_test_repeat("y", 5000)), APR_SUCCESS);
    ck_assert_ptr_eq(b->data, data);
}
END_TEST

START_TEST(clear_keeps_memory_free_does_not)
{
    azl_buf_t *b = with("text", 100);
    const char *data = b->data;

    azl_buf_clear(b);
    ck_assert_uint_eq(b->len, 0);
    ck_assert_ptr_eq(b->data, data);
    azl_buf_free(b);
    ck_assert_ptr_null(b->data);
    ck_assert_uint_eq(b->size, 0);
    ck_assert_int_eq(azl_buf_puts(b, "again"), APR_SUCCESS);
    ck_assert_str_eq(text(b), "again");
}
END_TEST

START_TEST(content_can_be_taken)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, 100);
    char *data;

    ck_assert_ptr_null(azl_buf_take(b));
    azl_buf_puts(b, "mine");
    data = azl_buf_take(b);
    ck_assert_ptr_null(b->data);
    ck_assert_uint_eq(b->len, 0);
    ck_assert_uint_eq(b->size, 0);
    azl_buf_puts(b, "yours");
    ck_assert_mem_eq(data, "mine", 4);
    ck_assert_mem_eq(b->data, "yours", 5);
    free(data);
}
END_TEST

START_TEST(memory_goes_with_the_pool)
{
    apr_pool_t *p;

    /* Leak checkers see it if the cleanup does not run. */
    apr_pool_create(&p, azl_test_pool);
    azl_buf_puts(azl_buf_create(p, 100), "text");
    apr_pool_destroy(p);
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        apr_int64_t n;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-1, "-1"},
                 {1234567890, "1234567890"},
                 {APR_INT64_MAX, "9223372036854775807"},
                 {APR_INT64_MIN, "-9223372036854775808"}};
    azl_buf_t *b = azl_buf_create(azl_test_pool, 100);
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        azl_buf_clear(b);
        ck_assert_int_eq(azl_buf_int(b, cases[i].n), APR_SUCCESS);
        ck_assert_str_eq(text(b), cases[i].text);
    }
}
END_TEST

#define FFFD "\xEF\xBF\xBD"

START_TEST(json_strings)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"", "\"\""},
        {"plain / text", "\"plain / text\""},
        {"\"", "\"\\\"\""},
        {"a\\b\"c", "\"a\\\\b\\\"c\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        /* the first and the last of each length of UTF-8 */
        {"\xC2\x80\xDF\xBF", "\"\xC2\x80\xDF\xBF\""},
        {"\xE0\xA0\x80\xEF\xBF\xBF", "\"\xE0\xA0\x80\xEF\xBF\xBF\""},
        {"\xED\x9F\xBF\xEE\x80\x80", "\"\xED\x9F\xBF\xEE\x80\x80\""},
        {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
         "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""},
        {"\xF1\x80\x80\x80", "\"\xF1\x80\x80\x80\""},
        /* what is none: alone, cut off, overlong, surrogate, too high */
        {"a\x80z", "\"a" FFFD "z\""},
        {"\xC3", "\"" FFFD "\""},
        {"\xC3z", "\"" FFFD "z\""},
        {"\xE2\x82", "\"" FFFD FFFD "\""},
        {"\xE2\x82z", "\"" FFFD FFFD "z\""},
        {"\xF0\x9F\x98", "\"" FFFD FFFD FFFD "\""},
        {"\xE2\x82\xC3", "\"" FFFD FFFD FFFD "\""},
        {"\xF0\x9F\x98z", "\"" FFFD FFFD FFFD "z\""},
        {"\xC0\xAF", "\"" FFFD FFFD "\""},
        {"\xC1\xBF", "\"" FFFD FFFD "\""},
        {"\xE0\x9F\xBF", "\"" FFFD FFFD FFFD "\""},
        {"\xF0\x8F\xBF\xBF", "\"" FFFD FFFD FFFD FFFD "\""},
        {"\xED\xA0\x80", "\"" FFFD FFFD FFFD "\""},
        {"\xF4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""},
        {"\xF5\xFE\xFF", "\"" FFFD FFFD FFFD "\""},
        {"\xC3\xA4\n\xFF\xC3\xA4", "\"\xC3\xA4\\n" FFFD "\xC3\xA4\""},
    };
    azl_buf_t *b = azl_buf_create(azl_test_pool, 1000);
    apr_size_t i, len;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        azl_buf_clear(b);
        len = strlen(cases[i].in);
        ck_assert_int_eq(azl_buf_json(b, azl_test_exact(cases[i].in, len), len),
                         APR_SUCCESS);
        ck_assert_str_eq(text(b), cases[i].out);
    }
}
END_TEST

/* Every byte value at every place of some words: they are told from each
 * other eight at a time. */
START_TEST(json_bytes_anywhere)
{
    static const char fill[] = "\x7f ~!#[]a0123456789\x7f ~!#[]";
    const apr_size_t len = sizeof(fill) - 1;
    azl_buf_t *alone = azl_buf_create(azl_test_pool, 1000);
    azl_buf_t *expected = azl_buf_create(azl_test_pool, 1000);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 1000);
    char in[sizeof(fill)];
    apr_size_t i;
    int c;

    for (c = 0; c < 256; c++) {
        for (i = 0; i < len; i++) {
            memcpy(in, fill, sizeof(fill));
            in[i] = (char)c;
            azl_buf_clear(alone);
            azl_buf_json(alone, in + i, 1);
            azl_buf_clear(expected);
            azl_buf_append(expected, "\"", 1);
            azl_buf_append(expected, fill, i);
            azl_buf_append(expected, alone->data + 1, alone->len - 2);
            azl_buf_puts(expected, fill + i + 1);
            azl_buf_append(expected, "\"", 1);

            azl_buf_clear(out);
            azl_buf_json(out, in, len);
            ck_assert_str_eq(text(out), text(expected));
        }
    }
}
END_TEST

START_TEST(json_nul_and_null)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, 1000);

    azl_buf_json(b, "a\0b", 3);
    azl_buf_json_str(b, "s\n");
    azl_buf_json_str(b, NULL);
    azl_buf_json(b, NULL, 0);
    ck_assert_str_eq(text(b), "\"a\\u0000b\"\"s\\n\"null\"\"");
}
END_TEST

START_TEST(json_all_or_nothing)
{
    const apr_size_t need = strlen("[\"\xC3\xA9\\n12\"");
    apr_size_t max;
    azl_buf_t *b;

    for (max = 1; max < need; max++) {
        b = with("[", max);
        ck_assert_int_eq(azl_buf_json_str(b, "\xC3\xA9\n12"), APR_ENOSPC);
        ck_assert_str_eq(text(b), "[");
        ck_assert_int_eq(b->failed, 1);
    }
    b = with("[", max);
    ck_assert_int_eq(azl_buf_json_str(b, "\xC3\xA9\n12"), APR_SUCCESS);
    ck_assert_str_eq(text(b), "[\"\xC3\xA9\\n12\"");
}
END_TEST

START_TEST(copies_with_nuls)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, 1000);
    azl_span_t copy = azl_buf_copy(b, azl_test_pool);

    ck_assert_ptr_nonnull(copy.at);
    ck_assert_uint_eq(copy.len, 0);
    azl_buf_append(b, "a\0b", 3);
    copy = azl_buf_copy(b, azl_test_pool);
    ck_assert_uint_eq(copy.len, 3);
    ck_assert_mem_eq(copy.at, "a\0b", 3);
}
END_TEST

/* At each place in words of eight bytes. */
START_TEST(mended)
{
    static const struct {
        const char *bad;
        const char *good;
    } cases[] = {{"plain", "plain"},
                 {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
                  "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
                 {"\xFF", "?"},
                 {"\xC3", "?"},
                 {"\xC3(", "?("},
                 {"\xE2\x82", "??"},
                 {"\xE2\x82\xC3\xA9", "??\xC3\xA9"},
                 {"\xED\xA0\x80", "???"},
                 {"\xC0\x80", "??"}};
    azl_buf_t *b = azl_buf_create(azl_test_pool, 1000);
    apr_size_t i, before, behind;
    const char *want;

    azl_buf_mend(b);
    ck_assert_uint_eq(b->len, 0);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (before = 0; before < 20; before++) {
            for (behind = 0; behind < 10; behind++) {
                azl_buf_clear(b);
                azl_buf_append(b, "....................", before);
                azl_buf_puts(b, cases[i].bad);
                azl_buf_append(b, "....................", behind);
                azl_buf_mend(b);
                want = apr_psprintf(azl_test_pool, "%.*s%s%.*s", (int)before,
                                    "....................", cases[i].good,
                                    (int)behind, "....................");
                ck_assert_str_eq(text(b), want);
            }
        }
    }
}
END_TEST

TCase *azl_test_buf(void)
{
    TCase *tc = azl_test_tcase("buf");

    tcase_add_test(tc, starts_empty);
    tcase_add_test(tc, appends);
    tcase_add_test(tc, grows_and_keeps_the_content);
    tcase_add_test(tc, cap_is_reached_but_not_passed);
    tcase_add_test(tc, failure_sticks_until_cleared);
    tcase_add_test(tc, sizes_that_would_wrap_around);
    tcase_add_test(tc, memory_that_is_not_there);
    tcase_add_test(tc, reserved_room_is_not_moved);
    tcase_add_test(tc, clear_keeps_memory_free_does_not);
    tcase_add_test(tc, content_can_be_taken);
    tcase_add_test(tc, memory_goes_with_the_pool);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, json_strings);
    tcase_add_test(tc, json_bytes_anywhere);
    tcase_add_test(tc, json_nul_and_null);
    tcase_add_test(tc, json_all_or_nothing);
    tcase_add_test(tc, copies_with_nuls);
    tcase_add_test(tc, mended);
    return tc;
}
