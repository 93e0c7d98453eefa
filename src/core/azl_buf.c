/*
 * azl_buf: a growing byte buffer with a hard cap.
 */
#include <stdlib.h>

#include <apr_errno.h>
#include <apr_strings.h>

#include "azl_buf.h"

/* The first allocation: holds a usage record, an ordinary stream chunk, and
 * after one doubling most answers. */
#define FIRST_SIZE 1024

/* The longest decimal number: -9223372036854775808. */
#define INT64_DIGITS 20

static const char REPLACEMENT[] = "\xEF\xBF\xBD"; /* U+FFFD */

static apr_status_t free_memory(void *data)
{
    azl_buf_free(data);
    return APR_SUCCESS;
}

azl_buf_t *azl_buf_create(apr_pool_t *p, apr_size_t max)
{
    azl_buf_t *b = apr_pcalloc(p, sizeof(*b));

    b->max = max;
    apr_pool_cleanup_register(p, b, free_memory, apr_pool_cleanup_null);
    return b;
}

void azl_buf_clear(azl_buf_t *b)
{
    b->len = 0;
    b->failed = 0;
}

void azl_buf_free(azl_buf_t *b)
{
    free(b->data);
    b->data = NULL;
    b->size = 0;
    azl_buf_clear(b);
}

char *azl_buf_take(azl_buf_t *b)
{
    char *data = b->data;

    b->data = NULL;
    azl_buf_free(b);
    return data;
}

static apr_status_t grow(azl_buf_t *b, apr_size_t need)
{
    /* the first time what is asked for, as it may be all there ever is */
    apr_size_t size = b->size ? b->size : need > FIRST_SIZE ? need : FIRST_SIZE;
    char *data;

    while (size < need) {
        /* max is the last step: doubling beyond it might overflow. */
        size = size > b->max / 2 ? b->max : size * 2;
    }
    if (size > b->max) {
        size = b->max;
    }
    data = realloc(b->data, size);
    if (!data) {
        b->failed = 1;
        return APR_ENOMEM;
    }
    b->data = data;
    b->size = size;
    return APR_SUCCESS;
}

void azl_buf_fit(azl_buf_t *b, apr_size_t size)
{
    if (!b->data && size && size <= b->max) {
        b->data = malloc(size);
        b->size = b->data ? size : 0;
    }
}

apr_status_t azl_buf_reserve(azl_buf_t *b, apr_size_t more)
{
    if (b->failed || more > b->max - b->len) {
        b->failed = 1;
        return APR_ENOSPC;
    }
    if (more <= b->size - b->len) {
        return APR_SUCCESS;
    }
    return grow(b, b->len + more);
}

apr_status_t azl_buf_append_slow(azl_buf_t *b, const char *data, apr_size_t len)
{
    apr_status_t rv = azl_buf_reserve(b, len);

    if (rv == APR_SUCCESS && len) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
    return rv;
}

apr_status_t azl_buf_int(azl_buf_t *b, apr_int64_t n)
{
    char digits[INT64_DIGITS];
    char *at = digits + sizeof(digits);
    apr_uint64_t rest = n < 0 ? 0 - (apr_uint64_t)n : (apr_uint64_t)n;

    if (rest < 10 && n >= 0 && !b->failed && b->len < b->size) {
        b->data[b->len++] = (char)('0' + rest);
        return APR_SUCCESS;
    }
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (n < 0) {
        *--at = '-';
    }
    return azl_buf_append(b, at, (apr_size_t)(digits + sizeof(digits) - at));
}

/* The length of the well-formed UTF-8 sequence of two to four bytes that
 * starts here (Unicode, table 3-7), or 0. Overlong forms, surrogates and
 * what lies beyond U+10FFFF differ from the rest in their second byte. */
static apr_size_t utf8_length(const unsigned char *at, apr_size_t left)
{
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    apr_size_t len, i;

    if (lead >= 0xC2 && lead <= 0xDF) {
        len = 2;
    }
    else if (lead >= 0xE0 && lead <= 0xEF) {
        len = 3;
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
    }
    else if (lead >= 0xF0 && lead <= 0xF4) {
        len = 4;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
    }
    else {
        return 0;
    }
    if (left < len || at[1] < low || at[1] > high) {
        return 0;
    }
    for (i = 2; i < len; i++) {
        if (at[i] < 0x80 || at[i] > 0xBF) {
            return 0;
        }
    }
    return len;
}

static int is_plain_ascii(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

/* The same for eight bytes at once, with the "has a byte less than n" and "has
 * a zero byte" tests of word-wise string functions. */
static int are_plain_ascii(apr_uint64_t word)
{
    const apr_uint64_t ones = APR_UINT64_C(0x0101010101010101);
    const apr_uint64_t high = ones << 7;
    apr_uint64_t quote = word ^ (ones * '"');
    apr_uint64_t backslash = word ^ (ones * '\\');

    return ((word | (word - ones * ' ') | ((quote - ones) & ~quote) |
             ((backslash - ones) & ~backslash)) &
            high) == 0;
}

static int are_plain_at(const char *data)
{
    apr_uint64_t word;

    memcpy(&word, data, sizeof(word));
    return are_plain_ascii(word);
}

static apr_size_t ascii_length(const char *data, apr_size_t len)
{
    const apr_size_t word = sizeof(apr_uint64_t);
    apr_size_t i = 0;

    while (len - i >= word && are_plain_at(data + i)) {
        i += word;
    }
    if (len >= word && len - i < word && are_plain_at(data + len - word)) {
        return len; /* the last bytes together with some before them */
    }
    while (i < len && is_plain_ascii((unsigned char)data[i])) {
        i++;
    }
    return i;
}

/* How many bytes from here can be written as they are. */
static apr_size_t plain_length(const char *data, apr_size_t len)
{
    apr_size_t i = ascii_length(data, len), seq;

    while (i < len) {
        seq = utf8_length((const unsigned char *)data + i, len - i);
        if (!seq) {
            break;
        }
        i += seq;
        i += ascii_length(data + i, len - i);
    }
    return i;
}

/* One byte that cannot stand in a JSON string as it is. */
static void append_escaped(azl_buf_t *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *name = memchr(named, c, sizeof(named) - 1);

    if (name) {
        esc[1] = letters[name - named];
        azl_buf_append(b, esc, 2);
    }
    else if (c >= 0x80) {
        azl_buf_append(b, REPLACEMENT, sizeof(REPLACEMENT) - 1);
    }
    else {
        azl_buf_append(b, esc, sizeof(esc));
    }
}

/* Names, models, most tokens: a string of ASCII without an escape. */
static int append_plain(azl_buf_t *b, const char *data, apr_size_t len)
{
    char *to;

    if (b->failed || b->size - b->len < 2 || len > b->size - b->len - 2 ||
        ascii_length(data, len) < len) {
        return 0;
    }
    to = b->data + b->len;
    *to++ = '"';
    if (len) {
        memcpy(to, data, len); /* which no NULL may be given to */
    }
    to[len] = '"';
    b->len += len + 2;
    return 1;
}

apr_status_t azl_buf_json(azl_buf_t *b, const char *data, apr_size_t len)
{
    apr_size_t start = b->len, i = 0, plain;

    if (append_plain(b, data, len)) {
        return APR_SUCCESS;
    }
    azl_buf_append(b, "\"", 1);
    while (i < len && !b->failed) {
        plain = plain_length(data + i, len - i);
        azl_buf_append(b, data + i, plain);
        i += plain;
        if (i < len) {
            append_escaped(b, (unsigned char)data[i++]);
        }
    }
    azl_buf_append(b, "\"", 1);
    if (b->failed) {
        b->len = start; /* no half strings */
        return APR_ENOSPC;
    }
    return APR_SUCCESS;
}

apr_status_t azl_buf_json_str(azl_buf_t *b, const char *str)
{
    return str ? azl_buf_json(b, str, strlen(str)) : azl_buf_puts(b, "null");
}

char *azl_buf_pstr(const azl_buf_t *b, apr_pool_t *p)
{
    return apr_pstrmemdup(p, b->len ? b->data : "", b->len);
}

azl_span_t azl_buf_copy(const azl_buf_t *b, apr_pool_t *p)
{
    return azl_span(azl_buf_pstr(b, p), b->len);
}

/* How many bytes from here are ASCII, of any kind. */
static apr_size_t seven_bit_length(const char *data, apr_size_t len)
{
    const apr_uint64_t high = APR_UINT64_C(0x8080808080808080);
    apr_uint64_t word = 0;
    apr_size_t i = 0;

    while (len - i >= sizeof(word)) {
        memcpy(&word, data + i, sizeof(word));
        if (word & high) {
            break;
        }
        i += sizeof(word);
    }
    while (i < len && !(data[i] & 0x80)) {
        i++;
    }
    return i;
}

void azl_buf_mend(azl_buf_t *b)
{
    apr_size_t i = 0, seq;

    while (i < b->len) {
        i += seven_bit_length(b->data + i, b->len - i);
        if (i == b->len) {
            return;
        }
        seq = utf8_length((const unsigned char *)b->data + i, b->len - i);
        if (!seq) {
            b->data[i] = '?';
        }
        i += seq ? seq : 1;
    }
}
