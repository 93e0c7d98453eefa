#include <stdio.h>

#include "azl_estimate.h"
#include "azl_test.h"

static int text(const char *json)
{
    return (int)azl_estimate_text(azl_span_str(json));
}

START_TEST(values_count_and_names_do_not)
{
    ck_assert_int_eq(text(""), 0);
    ck_assert_int_eq(text("{}"), 0);
    ck_assert_int_eq(text("\"four\""), 4);
    ck_assert_int_eq(text("{\"name\":\"four\"}"), 4);
    ck_assert_int_eq(text("{\"name\" \n\t:\"four\", \"more\" : [\"one\"]}"), 7);
    ck_assert_int_eq(text("{\"a\":1,\"b\":null,\"c\":true,\"d\":[2.5]}"), 0);
    ck_assert_int_eq(text("[\"a\",\"b\",{\"c\":{\"d\":[\"ef\"]}}]"), 4);
}
END_TEST

START_TEST(strings_end_where_they_do)
{
    /* in C's writing: "a\"b", "a\\", "a\\\"b" */
    ck_assert_int_eq(text("[\"a\\\"b\",\"x\"]"), 5);
    ck_assert_int_eq(text("[\"a\\\\\",\"x\"]"), 4);
    ck_assert_int_eq(text("[\"a\\\\\\\"b\",\"x\"]"), 7);
    ck_assert_int_eq(text("[\"{\\\"n\\\":1}\"]"), 9);
    ck_assert_int_eq(text("[\"\",\"\",\"x\"]"), 1);
}
END_TEST

START_TEST(broken_text_ends_it)
{
    ck_assert_int_eq(text("[\"whole\",\"half"), 5);
    ck_assert_int_eq(text("[\"whole\",\"half\\\""), 5);
    ck_assert_int_eq(text("\""), 0);
}
END_TEST

/* 255 characters of base64 could be a word, 256 are a file. */
START_TEST(files_are_no_text)
{
    char json[600];
    int i;

    ck_assert_int_eq(text("[\"data:image/png;base64,iVBORw0KGgo=\",\"x\"]"), 1);
    ck_assert_int_eq(text("[\"data\",\"x\"]"), 5);
    ck_assert_int_eq(text("[\"dat\"]"), 3);
    for (i = 254; i < 258; i++) {
        snprintf(
            json, sizeof(json), "[\"%.*s\",\"x\"]", i,
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
            "0123456789+/-_==0123456789+/-_==0123456789+/-_==0123456789+/-_=="
            "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
            "YY");
        ck_assert_int_eq(text(json), i < 256 ? i + 1 : 1);
    }
    json[100] = ' ';
    ck_assert_int_eq(text(json), 257 + 1);
}
END_TEST

START_TEST(usage)
{
    azl_usage_t u;

    memset(&u, 0x55, sizeof(u));
    u.other_tier = 1;
    azl_estimate_usage(&u, 41, 9, 2);
    ck_assert_int_eq(u.reported, 1);
    ck_assert_int_eq(u.estimated, AZL_USAGE_PROMPT | AZL_USAGE_COMPLETION);
    ck_assert_int_eq(u.prompt, 11);
    ck_assert_int_eq(u.completion, 3);
    ck_assert_int_eq(u.cached, 0);
    ck_assert_int_eq(u.cache_write, 0);
    ck_assert_int_eq(u.reasoning, 0);
    ck_assert_int_eq(u.duration_ms, 0);
    ck_assert_int_eq(u.other_tier, 1);
}
END_TEST

START_TEST(no_event_is_less_than_a_token)
{
    azl_usage_t u = {0};

    azl_estimate_usage(&u, 0, 9, 9);
    ck_assert_int_eq(u.prompt, 0);
    ck_assert_int_eq(u.completion, 9);
    ck_assert_int_eq(u.other_tier, 0);
    azl_estimate_usage(&u, 4, 36, 9);
    ck_assert_int_eq(u.prompt, 1);
    ck_assert_int_eq(u.completion, 9);
    azl_estimate_usage(&u, 5, 37, 9);
    ck_assert_int_eq(u.prompt, 2);
    ck_assert_int_eq(u.completion, 10);
}
END_TEST

/* A usage of which so much was told. */
static azl_usage_t told(int what)
{
    azl_usage_t u = {0};

    u.reported = 1;
    u.told = what;
    u.prompt = 100;
    u.cached = 60;
    u.completion = 3;
    return u;
}

START_TEST(what_was_told_counts)
{
    azl_usage_t u = told(AZL_USAGE_PROMPT);

    azl_estimate_rest(&u, 4000, 41, 2);
    ck_assert_int_eq(u.prompt, 100);
    ck_assert_int_eq(u.cached, 60);
    ck_assert_int_eq(u.completion, 11);
    ck_assert_int_eq(u.estimated, AZL_USAGE_COMPLETION);
    /* a beginning that was told is the least there was */
    u = told(AZL_USAGE_PROMPT);
    azl_estimate_rest(&u, 4000, 0, 0);
    ck_assert_int_eq(u.completion, 3);
    ck_assert_int_eq(u.estimated, AZL_USAGE_COMPLETION);
    u = told(AZL_USAGE_COMPLETION);
    azl_estimate_rest(&u, 4000, 0, 0);
    ck_assert_int_eq(u.prompt, 1000);
    ck_assert_int_eq(u.cached, 60);
    ck_assert_int_eq(u.completion, 3);
    ck_assert_int_eq(u.estimated, AZL_USAGE_PROMPT);
}
END_TEST

START_TEST(what_came_since_is_added)
{
    azl_usage_t u = told(AZL_USAGE_PROMPT | AZL_USAGE_COMPLETION);

    azl_estimate_rest(&u, 4000, 0, 0);
    ck_assert_int_eq(u.completion, 3);
    ck_assert_int_eq(u.estimated, 0);
    azl_estimate_rest(&u, 4000, 9, 5);
    ck_assert_int_eq(u.prompt, 100);
    ck_assert_int_eq(u.completion, 8);
    ck_assert_int_eq(u.estimated, AZL_USAGE_COMPLETION);
}
END_TEST

START_TEST(nothing_was_told)
{
    azl_usage_t u = {0};

    azl_estimate_rest(&u, 41, 9, 2);
    ck_assert_int_eq(u.reported, 1);
    ck_assert_int_eq(u.prompt, 11);
    ck_assert_int_eq(u.completion, 3);
    ck_assert_int_eq(u.estimated, AZL_USAGE_PROMPT | AZL_USAGE_COMPLETION);
}
END_TEST

TCase *azl_test_estimate(void)
{
    TCase *tc = azl_test_tcase("estimate");

    tcase_add_test(tc, values_count_and_names_do_not);
    tcase_add_test(tc, strings_end_where_they_do);
    tcase_add_test(tc, broken_text_ends_it);
    tcase_add_test(tc, files_are_no_text);
    tcase_add_test(tc, usage);
    tcase_add_test(tc, no_event_is_less_than_a_token);
    tcase_add_test(tc, what_was_told_counts);
    tcase_add_test(tc, what_came_since_is_added);
    tcase_add_test(tc, nothing_was_told);
    return tc;
}
