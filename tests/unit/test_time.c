#include <time.h>

#include <apr_strings.h>

#include "azl_test.h"
#include "azl_time.h"

#define MS 1000

static const char *text(apr_time_t t)
{
    char out[AZL_TIME_TEXT_LEN];

    azl_time_text(t, out);
    ck_assert_uint_eq(strlen(out), AZL_TIME_TEXT_LEN - 1);
    return apr_pstrdup(azl_test_pool, out);
}

static apr_time_t parsed(const char *s)
{
    apr_time_t t = -12345;
    azl_span_t exact = azl_span(azl_test_exact(s, strlen(s)), strlen(s));

    ck_assert_msg(azl_time_parse(exact, &t, NULL), "not read: %s", s);
    return t;
}

START_TEST(writes)
{
    ck_assert_str_eq(text(0), "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(text(apr_time_from_sec(1000000000)),
                     "2001-09-09T01:46:40.000Z");
    ck_assert_str_eq(text(apr_time_from_sec(1709251199) + 999 * MS),
                     "2024-02-29T23:59:59.999Z");
    ck_assert_str_eq(text(apr_time_from_sec(4107542400)),
                     "2100-03-01T00:00:00.000Z");
    /* Cut, not rounded. */
    ck_assert_str_eq(text(apr_time_from_sec(1) + 999999),
                     "1970-01-01T00:00:01.999Z");
    /* Before the epoch the fraction still counts forward. */
    ck_assert_str_eq(text(-1), "1969-12-31T23:59:59.999Z");
    ck_assert_str_eq(text(-1 * APR_USEC_PER_SEC), "1969-12-31T23:59:59.000Z");
}
END_TEST

START_TEST(clamps)
{
    ck_assert_str_eq(text(APR_INT64_MAX), "9999-12-31T23:59:59.000Z");
    ck_assert_str_eq(text(APR_INT64_MIN), "0000-01-01T00:00:00.000Z");
}
END_TEST

/* The C library's calendar as the judge, a day and a bit apart over centuries,
 * so that every date and many times of day come up. */
START_TEST(agrees_with_the_c_library)
{
    apr_int64_t t;

    for (t = -2208988800; t < 7258118400; t += 86400 + 977) {
        time_t seconds = (time_t)t;
        struct tm tm;
        char expected[32];

        ck_assert_ptr_nonnull(gmtime_r(&seconds, &tm));
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        ck_assert_str_eq(text(apr_time_from_sec(t)), expected);
        ck_assert_int_eq(parsed(expected), apr_time_from_sec(t));
    }
}
END_TEST

START_TEST(reads_dates)
{
    apr_time_t t;
    int only_date = -1;

    ck_assert_int_eq(azl_time_parse(azl_span_str("2027-01-31"), &t, &only_date),
                     1);
    ck_assert_int_eq(only_date, 1);
    ck_assert_str_eq(text(t), "2027-01-31T00:00:00.000Z");
    ck_assert_int_eq(
        azl_time_parse(azl_span_str("2027-01-31T00:00:00Z"), &t, &only_date),
        1);
    ck_assert_int_eq(only_date, 0);
    ck_assert_str_eq(text(t), "2027-01-31T00:00:00.000Z");
}
END_TEST

START_TEST(reads_rfc3339)
{
    static const struct {
        const char *in;
        const char *out;
    } t[] = {
        {"2026-11-21T09:30:00.5Z", "2026-11-21T09:30:00.500Z"},
        {"2026-11-21t09:30:00.123456789z", "2026-11-21T09:30:00.123Z"},
        {"2026-11-21T09:30:00+01:00", "2026-11-21T08:30:00.000Z"},
        {"2026-11-21T09:30:00-05:30", "2026-11-21T15:00:00.000Z"},
        {"2026-12-31T23:59:60Z", "2027-01-01T00:00:00.000Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000Z"},
        {"2000-02-29", "2000-02-29T00:00:00.000Z"},
        {"0000-03-01", "0000-03-01T00:00:00.000Z"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        ck_assert_str_eq(text(parsed(t[i].in)), t[i].out);
    }
}
END_TEST

START_TEST(refuses)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-1-31",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-04-31",
        "2026-02-29",
        "2100-02-29",
        "31.01.2027",
        "2026/01/31",
        "2026-01/31",
        "-026-01-31",
        "2026-01-31 ",
        "2026-01-31T",
        "2026-01-31 10:00:00Z",
        "2026-01-31T10:00Z",
        "2026-01-31T10-00:00Z",
        "2026-01-31T10:00-00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T10:60:00Z",
        "2026-01-31T10:00:61Z",
        "2026-01-31T10:00:00",
        "2026-01-31T10:00:00.Z",
        "2026-01-31T10:00:00.1234567890Z",
        "2026-01-31T10:00:00Zx",
        "2026-01-31T10:00:00+24:00",
        "2026-01-31T10:00:00+01:60",
        "2026-01-31T10:00:00+0100",
        "2026-01-31T10:00:00 01:00",
        "2026-01-31T10:00:00+01",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        apr_time_t t;
        azl_span_t exact =
            azl_span(azl_test_exact(bad[i], strlen(bad[i])), strlen(bad[i]));

        ck_assert_msg(!azl_time_parse(exact, &t, NULL), "read: %s", bad[i]);
    }
}
END_TEST

TCase *azl_test_time(void)
{
    TCase *tc = azl_test_tcase("time");

    tcase_add_test(tc, writes);
    tcase_add_test(tc, clamps);
    tcase_add_test(tc, agrees_with_the_c_library);
    tcase_add_test(tc, reads_dates);
    tcase_add_test(tc, reads_rfc3339);
    tcase_add_test(tc, refuses);
    return tc;
}
