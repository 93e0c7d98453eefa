/*
 * azl_scan_int: the escapes of JSON strings, which the cursor checks
 * (azl_scan.c) and the values decode (azl_scan_value.c).
 */
#ifndef AZL_SCAN_INT_H
#define AZL_SCAN_INT_H

#include "azl_scan.h"

/* The length of a backslash, u and four digits. */
#define AZL_ESCAPE_UNICODE 6

/* What the character behind a backslash stands for; 0 if it must not stand
 * there, and for u. */
static const char azl_escape_meaning[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* The value of a hexadecimal digit plus one; 0 for any other character. */
static const unsigned char azl_escape_digit[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

/* The value of four hexadecimal digits, or -1. */
static inline long azl_escape_hex(const char *at, const char *end)
{
    const unsigned char *c = (const unsigned char *)at;
    long code = 0;
    int i, digit;

    if (end - at < 4) {
        return -1;
    }
    for (i = 0; i < 4; i++) {
        digit = azl_escape_digit[c[i]];
        if (!digit) {
            return -1;
        }
        code = code << 4 | (digit - 1);
    }
    return code;
}

/* Just behind the escape that starts with the backslash here, or NULL. */
static inline const char *azl_escape_end(const char *at, const char *end)
{
    if (end - at < 2) {
        return NULL;
    }
    if (azl_escape_meaning[(unsigned char)at[1]]) {
        return at + 2;
    }
    return at[1] == 'u' && azl_escape_hex(at + 2, end) >= 0
               ? at + AZL_ESCAPE_UNICODE
               : NULL;
}

#endif /* AZL_SCAN_INT_H */
