#include "azl_time.h"

#define SECONDS_PER_DAY 86400
#define FRACTION_DIGITS_MAX 9

/*
 * Days between 1970-01-01 and a date of the Gregorian calendar. Years are
 * counted from March, so that the leap day is the last of its year, and in
 * eras of 400 years, which all have the same number of days.
 */
static apr_int64_t days_from_civil(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int of_era = y - era * 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;

    return (apr_int64_t)era * 146097 + day_of_era - 719468;
}

static void civil_from_days(apr_int64_t days, int *year, int *month, int *day)
{
    apr_int64_t z = days + 719468;
    apr_int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int of_era = (int)(z - era * 146097);
    int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * y + y / 4 - y / 100);
    int m = (5 * of_year + 2) / 153;

    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = (int)(y + era * 400) + (*month <= 2);
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        return 29;
    }
    return days[month - 1];
}

static char *put_digits(char *at, int n, int digits)
{
    int i;

    for (i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + n % 10);
        n /= 10;
    }
    return at + digits;
}

void azl_time_text(apr_time_t t, char out[AZL_TIME_TEXT_LEN])
{
    const apr_time_t first = days_from_civil(0, 1, 1) * SECONDS_PER_DAY;
    const apr_time_t last = days_from_civil(10000, 1, 1) * SECONDS_PER_DAY - 1;
    apr_time_t seconds = t / APR_USEC_PER_SEC;
    apr_time_t days;
    int usec = (int)(t % APR_USEC_PER_SEC);
    int year, month, day, of_day;
    char *at = out;

    if (usec < 0) {
        usec += APR_USEC_PER_SEC;
        seconds--;
    }
    if (seconds < first || seconds > last) {
        seconds = seconds < first ? first : last;
        usec = 0;
    }
    days = (seconds - first) / SECONDS_PER_DAY;
    of_day = (int)((seconds - first) % SECONDS_PER_DAY);
    civil_from_days(days + first / SECONDS_PER_DAY, &year, &month, &day);

    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, of_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, of_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, of_day % 60, 2);
    *at++ = '.';
    at = put_digits(at, usec / 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}

/* Exactly `digits` digits at the start, taken off the span. */
static int take_number(azl_span_t *s, int digits, int min, int max, int *out)
{
    int n = 0;
    int i;

    if (s->len < (apr_size_t)digits) {
        return 0;
    }
    for (i = 0; i < digits; i++) {
        if (s->at[i] < '0' || s->at[i] > '9') {
            return 0;
        }
        n = n * 10 + s->at[i] - '0';
    }
    s->at += digits;
    s->len -= (apr_size_t)digits;
    *out = n;
    return n >= min && n <= max;
}

static int take_char(azl_span_t *s, char a, char b)
{
    if (s->len == 0 || (*s->at != a && *s->at != b)) {
        return 0;
    }
    s->at++;
    s->len--;
    return 1;
}

static int take_fraction(azl_span_t *s, int *usec)
{
    int scale = APR_USEC_PER_SEC / 10;
    int digits = 0;
    int n;

    *usec = 0;
    while (digits < FRACTION_DIGITS_MAX && take_number(s, 1, 0, 9, &n)) {
        *usec += n * scale;
        scale /= 10;
        digits++;
    }
    return digits > 0;
}

/* "Z" or "+01:00": what is to be taken off the local time, in seconds. */
static int take_zone(azl_span_t *s, int *offset)
{
    int sign = 1;
    int hours, minutes;

    *offset = 0;
    if (take_char(s, 'Z', 'z')) {
        return 1;
    }
    if (take_char(s, '-', '-')) {
        sign = -1;
    }
    else if (!take_char(s, '+', '+')) {
        return 0;
    }
    if (!take_number(s, 2, 0, 23, &hours) || !take_char(s, ':', ':') ||
        !take_number(s, 2, 0, 59, &minutes)) {
        return 0;
    }
    *offset = sign * (hours * 3600 + minutes * 60);
    return 1;
}

static int take_date(azl_span_t *s, apr_time_t *seconds)
{
    int year, month, day;

    if (!take_number(s, 4, 0, 9999, &year) || !take_char(s, '-', '-') ||
        !take_number(s, 2, 1, 12, &month) || !take_char(s, '-', '-') ||
        !take_number(s, 2, 1, month_days(year, month), &day)) {
        return 0;
    }
    *seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY;
    return 1;
}

int azl_time_parse(azl_span_t text, apr_time_t *t, int *only_date)
{
    apr_time_t seconds;
    int hour = 0, minute = 0, second = 0, usec = 0, offset = 0;

    if (!take_date(&text, &seconds)) {
        return 0;
    }
    if (only_date) {
        *only_date = text.len == 0;
    }
    if (text.len != 0) {
        /* 60 is a leap second, which no clock here counts: it becomes the
         * first second of the next minute. */
        if (!take_char(&text, 'T', 't') ||
            !take_number(&text, 2, 0, 23, &hour) ||
            !take_char(&text, ':', ':') ||
            !take_number(&text, 2, 0, 59, &minute) ||
            !take_char(&text, ':', ':') ||
            !take_number(&text, 2, 0, 60, &second)) {
            return 0;
        }
        if (take_char(&text, '.', '.') && !take_fraction(&text, &usec)) {
            return 0;
        }
        if (!take_zone(&text, &offset) || text.len != 0) {
            return 0;
        }
    }
    seconds += hour * 3600 + minute * 60 + second - offset;
    *t = seconds * APR_USEC_PER_SEC + usec;
    return 1;
}
