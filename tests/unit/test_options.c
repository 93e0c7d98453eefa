#include <stdlib.h>

#include <apr_strings.h>

#include "azl_options.h"
#include "azl_test.h"

typedef struct target_t {
    int number;
    const char *text;
} target_t;

static const char *set_number(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 1, 9, &((target_t *)target)->number)
               ? NULL
               : "a digit";
}

static const char *set_text(apr_pool_t *p, void *target, const char *value)
{
    *(const char **)target = apr_pstrdup(p, value); /* at its offset */
    return NULL;
}

static const azl_option_t table[] = {
    {"number", set_number, 0},
    {"text", set_text, offsetof(target_t, text)},
    {NULL, NULL, 0}};

static const char *parse(target_t *t, const char *a, const char *b)
{
    const char *words[2];

    words[0] = a;
    words[1] = b;
    memset(t, 0, sizeof(*t));
    return azl_options_parse(azl_test_pool, table, t, (a != NULL) + (b != NULL),
                             words);
}

START_TEST(options_are_taken_over)
{
    target_t t;

    ck_assert_ptr_null(parse(&t, NULL, NULL));
    ck_assert_ptr_null(parse(&t, "number=7", "text=a=b"));
    ck_assert_int_eq(t.number, 7);
    ck_assert_str_eq(t.text, "a=b");
}
END_TEST

START_TEST(errors_name_the_word_and_what_is_right)
{
    target_t t;

    ck_assert_str_eq(parse(&t, "colour=red", NULL),
                     "unknown option 'colour', allowed are: number=, text=");
    ck_assert_str_eq(parse(&t, "num=1", NULL),
                     "unknown option 'num', allowed are: number=, text=");
    ck_assert_str_eq(parse(&t, "number", NULL),
                     "unknown option 'number', allowed are: number=, text=");
    ck_assert_str_eq(parse(&t, "number=", NULL), "option number= has no value");
    ck_assert_str_eq(parse(&t, "number=12", NULL),
                     "option number= must be a digit");
    ck_assert_str_eq(parse(&t, "number=1", "number=2"),
                     "option number= is given twice");
}
END_TEST

/* Who forgets a name or a sign may have written a secret there. */
START_TEST(errors_name_no_secret)
{
    static const char *const words[] = {"sk-0123456789",
                                        "Abcdefgh",
                                        "abcdefghijklmnopqrstuvwxyz",
                                        "abc/def==",
                                        "a+b",
                                        "abc0123=",
                                        "=x",
                                        "SECRET=red"};
    target_t t;
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        ck_assert_str_eq(parse(&t, words[i], NULL),
                         "what is no option=value, allowed are: number=, "
                         "text=");
    }
}
END_TEST

START_TEST(options_are_known_by_name)
{
    ck_assert_int_eq(azl_options_knows(table, "number=12"), 1);
    ck_assert_int_eq(azl_options_knows(table, "text="), 1);
    ck_assert_int_eq(azl_options_knows(table, "text"), 0);
    ck_assert_int_eq(azl_options_knows(table, "numbers=1"), 0);
    ck_assert_int_eq(azl_options_knows(table, "num=1"), 0);
    ck_assert_int_eq(azl_options_knows(table, "=1"), 0);
    ck_assert_str_eq(azl_options_allowed(azl_test_pool, table),
                     "number=, text=");
}
END_TEST

START_TEST(numbers_are_strict)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "0x1", "9999999999999999", "11"};
    int n = -1;
    size_t i;

    ck_assert(azl_option_int("10", 0, 10, &n));
    ck_assert_int_eq(n, 10);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!azl_option_int(bad[i], 0, 10, &n), "took '%s'", bad[i]);
    }
    ck_assert_int_eq(n, 10);
}
END_TEST

START_TEST(durations_have_units)
{
    apr_interval_time_t t = 0;

    ck_assert(azl_option_duration("5ms", 0, APR_INT64_MAX, &t));
    ck_assert(t == 5000);
    ck_assert(azl_option_duration("5", 0, APR_INT64_MAX, &t));
    ck_assert(t == 5000000);
    ck_assert(azl_option_duration("5s", 0, APR_INT64_MAX, &t));
    ck_assert(t == 5000000);
    ck_assert(azl_option_duration("2min", 0, APR_INT64_MAX, &t));
    ck_assert(t == 120000000);
    ck_assert(!azl_option_duration("5m", 0, APR_INT64_MAX, &t));
    ck_assert(!azl_option_duration("ms", 0, APR_INT64_MAX, &t));
    ck_assert(!azl_option_duration("5ms", 6000, APR_INT64_MAX, &t));
    ck_assert(!azl_option_duration("5ms", 0, 4000, &t));
    ck_assert(!azl_option_duration("99999999999", 0, APR_INT64_MAX, &t));
}
END_TEST

START_TEST(sizes_have_units)
{
    apr_int64_t n = 0;

    ck_assert(azl_option_size("1024", 1, 1 << 30, &n));
    ck_assert(n == 1024);
    ck_assert(azl_option_size("64k", 1, 1 << 30, &n));
    ck_assert(n == 65536);
    ck_assert(azl_option_size("32M", 1, 1 << 30, &n));
    ck_assert(n == 33554432);
    ck_assert(azl_option_size("1G", 1, 1 << 30, &n));
    ck_assert(n == 1073741824);
    ck_assert(!azl_option_size("2G", 1, 1 << 30, &n));
    ck_assert(!azl_option_size("1kb", 1, 1 << 30, &n));
    ck_assert(!azl_option_size("1T", 1, 1 << 30, &n));
    ck_assert(!azl_option_size("1", 2, 1 << 30, &n));
    ck_assert(!azl_option_size("999999999999999", 1, 1 << 30, &n));
}
END_TEST

START_TEST(secrets_from_the_environment)
{
    const azl_secret_t *secret = NULL;
    const char *err;
    int literal = -1;

    setenv("AZL_TEST_SECRET", "s3cret", 1);
    ck_assert_ptr_null(azl_option_secret(azl_test_pool, "env:AZL_TEST_SECRET",
                                         &secret, &literal));
    ck_assert_str_eq(azl_secret_reveal(secret), "s3cret");
    ck_assert_int_eq(literal, 0);

    setenv("AZL_TEST_SECRET", "s3cret\nHost: evil", 1);
    err = azl_option_secret(azl_test_pool, "env:AZL_TEST_SECRET", &secret,
                            &literal);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_null(strstr(err, "s3cret"));

    unsetenv("AZL_TEST_SECRET");
    err = azl_option_secret(azl_test_pool, "env:AZL_TEST_SECRET", &secret,
                            &literal);
    ck_assert_str_eq(err, "environment variable 'AZL_TEST_SECRET' is not set");
    err = azl_option_secret(azl_test_pool, "env:s3cret/+==", &secret, &literal);
    ck_assert_str_eq(err, "env: needs the name of an environment variable");
}
END_TEST

static const char *secret_file(const char *name, const char *content)
{
    return apr_pstrcat(azl_test_pool, "file:", azl_test_file(name, content),
                       NULL);
}

START_TEST(secrets_from_files)
{
    const char *path = secret_file("crlf", "abc\r\n");
    const char *two = secret_file("two", "abc\nd3f\n");
    const char *none = secret_file("none", "\n");
    const azl_secret_t *secret = NULL;
    const char *err;
    int literal = -1;

    ck_assert_ptr_null(
        azl_option_secret(azl_test_pool, path, &secret, &literal));
    ck_assert_str_eq(azl_secret_reveal(secret), "abc");
    ck_assert_int_eq(literal, 0);
    err = azl_option_secret(azl_test_pool, two, &secret, &literal);
    ck_assert_ptr_nonnull(strstr(err, "one line"));
    ck_assert_ptr_null(strstr(err, "d3f"));
    err = azl_option_secret(azl_test_pool, none, &secret, &literal);
    ck_assert_ptr_nonnull(strstr(err, "one line"));
    err = azl_option_secret(azl_test_pool, "file:/nowhere/at/all", &secret,
                            &literal);
    ck_assert_ptr_nonnull(strstr(err, "cannot read file"));
}
END_TEST

/* One that says so is what it says, whatever it looks like. */
START_TEST(a_secret_that_says_so)
{
    const azl_secret_t *secret = NULL;
    int literal = -1;

    ck_assert_ptr_null(
        azl_option_secret(azl_test_pool, "literal:env:X", &secret, &literal));
    ck_assert_str_eq(azl_secret_reveal(secret), "env:X");
    ck_assert_int_eq(literal, 0);
    ck_assert_ptr_null(
        azl_option_secret(azl_test_pool, "plain", &secret, &literal));
    ck_assert_str_eq(azl_secret_reveal(secret), "plain");
    ck_assert_int_eq(literal, 1);
}
END_TEST

START_TEST(literal_secrets_are_reported)
{
    const azl_secret_t *secret = NULL;
    int literal = 0;

    ck_assert_ptr_null(
        azl_option_secret(azl_test_pool, "plain", &secret, &literal));
    ck_assert_str_eq(azl_secret_reveal(secret), "plain");
    ck_assert_int_eq(literal, 1);
}
END_TEST

TCase *azl_test_options(void)
{
    TCase *tc = azl_test_tcase("options");

    tcase_add_test(tc, options_are_taken_over);
    tcase_add_test(tc, errors_name_the_word_and_what_is_right);
    tcase_add_test(tc, errors_name_no_secret);
    tcase_add_test(tc, options_are_known_by_name);
    tcase_add_test(tc, numbers_are_strict);
    tcase_add_test(tc, durations_have_units);
    tcase_add_test(tc, sizes_have_units);
    tcase_add_test(tc, secrets_from_the_environment);
    tcase_add_test(tc, secrets_from_files);
    tcase_add_test(tc, literal_secrets_are_reported);
    tcase_add_test(tc, a_secret_that_says_so);
    return tc;
}
