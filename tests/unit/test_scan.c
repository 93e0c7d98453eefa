/*
 * azl_scan: what is accepted, what is refused and where, the cursor's steps,
 * decoding, and the block-wise string skipping against the portable one.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_scan.h"
#include "azl_test.h"

/* Read a document whole: NULL, or the error; *at is its offset. */
static const char *check(const char *doc, apr_size_t len, apr_size_t *at)
{
    azl_scan_t s;
    azl_value_t v;

    azl_scan_init(&s, azl_test_exact(doc, len), len);
    if (azl_scan_value(&s, &v) == 1 && azl_scan_end(&s) == 1) {
        return NULL;
    }
    *at = s.error_at;
    return s.error;
}

/* The same by entering every object and array, as a caller would. */
static int walk(azl_scan_t *s, int depth)
{
    azl_json_type_e type = azl_scan_peek(s);
    azl_value_t v;
    azl_span_t key;
    int more = 1;

    ck_assert_int_le(depth, AZL_SCAN_DEPTH_MAX);
    if (type != AZL_JSON_OBJECT && type != AZL_JSON_ARRAY) {
        return azl_scan_value(s, &v);
    }
    if (azl_scan_enter(s) < 0) {
        return -1;
    }
    while (more == 1) {
        more = type == AZL_JSON_OBJECT ? azl_scan_member(s, &key)
                                       : azl_scan_element(s);
        if (more == 1 && walk(s, depth + 1) < 0) {
            return -1;
        }
    }
    return more < 0 ? -1 : 1;
}

static int is_accepted(const char *doc)
{
    apr_size_t at, len = strlen(doc);
    const char *copy = azl_test_exact(doc, len);
    int whole = !check(doc, len, &at);
    azl_scan_t s;

    azl_scan_init(&s, copy, len);
    ck_assert_int_eq(walk(&s, 0) == 1 && azl_scan_end(&s) == 1, whole);
    return whole;
}

START_TEST(accepts)
{
    static const char *docs[] = {
        "{}",
        "[]",
        "\"\"",
        "0",
        "-0",
        "10",
        "-1.5e+10",
        "0.0E-1",
        "1e5",
        "true",
        "false",
        "null",
        " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \t\r\n",
        "[[],{},[{}],\"\",0,true,false,null]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uABcd\\uD800\"]",
        "\"\xC3\xA4\x7F\x80\xFF\"",
        "{\"a\":1,\"a\":2}",
        "{\"\":{\"\":{\"\":[]}}}",
        "[\"more than one block of 16, an escape \\n and another \\\\ \"]",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
        ck_assert_msg(is_accepted(docs[i]), "refused: %s", docs[i]);
    }
}
END_TEST

START_TEST(refuses)
{
    static const struct {
        const char *doc;
        apr_size_t at;
    } cases[] = {
        {"", 0},
        {" \n", 2},
        {"\xEF\xBB\xBF{}", 0}, /* byte order mark */
        {"{", 1},
        {"[", 1},
        {"}", 0},
        {"]", 0},
        {"{]", 1},
        {"[}", 1},
        {"[1}", 2},
        {"{\"a\":1]", 6},
        {"{}}", 2},
        {"{} x", 3},
        {"1 2", 2},
        {"{,}", 1},
        {"[,]", 1},
        {"{\"a\":1,}", 7},
        {"[1,]", 3},
        {"[1,,2]", 3},
        {"[1 2]", 3},
        {"{\"a\" 1}", 5},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1 \"b\":2}", 7},
        {"{\"a\":1,\"b\"", 10},
        {"{\"a\":1,", 7},
        {"{a:1}", 1},
        {"{'a':1}", 1},
        {"{1:1}", 1},
        {"{null:1}", 1},
        {"[1] // no", 4},
        {"/* no */ 1", 0},
        {"'a'", 0},
        {"\"abc", 4},
        {"\"abc\\", 4},
        {"\"abc\\\"", 6},
        {"\"a\\x\"", 2},
        {"\"a\\'\"", 2},
        {"\"a\\u12\"", 2},
        {"\"a\\u12", 2},
        {"\"a\\u12G4\"", 2},
        {"\"a\\u 123\"", 2},
        {"\"a\\U0041\"", 2},
        {"\"a\nb\"", 2},
        {"\"a\x1f\"", 2},
        {"\"a\tb\"", 2},
        {"{\"a\nb\":1}", 3},
        {"{\"a\\qb\":1}", 3},
        {"-", 0},
        {"+1", 0},
        {"01", 1},
        {"-01", 2},
        {".5", 0},
        {"1.", 0},
        {"1.e5", 0},
        {"1e", 0},
        {"1e+", 0},
        {"1.5.5", 3},
        {"0x10", 1},
        {"1a", 1},
        {"[-]", 1},
        {"[1e]", 1},
        {"[--1]", 1},
        {"NaN", 0},
        {"Infinity", 0},
        {"-Infinity", 0},
        {"tru", 0},
        {"truex", 4},
        {"True", 0},
        {"fals", 0},
        {"nul", 0},
        {"nulL", 0},
        {"undefined", 0},
        {"\v1", 0},
        {"\f1", 0},
        {"\xC2\xA0 1", 0}, /* a no-break space is no white space here */
    };
    const char *error, *longer;
    apr_size_t i, at, len;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i].doc);
        ck_assert_msg(!is_accepted(cases[i].doc), "accepted: %s", cases[i].doc);
        error = check(cases[i].doc, len, &at);
        ck_assert_ptr_nonnull(error);
        ck_assert_msg(at == cases[i].at, "%s: %s at %d", cases[i].doc, error,
                      (int)at);
        /* with room for whole blocks behind it */
        longer = apr_psprintf(azl_test_pool, "%s%40s", cases[i].doc, "");
        ck_assert_msg(!is_accepted(longer), "accepted: %s", longer);
        check(longer, strlen(longer), &at);
        ck_assert_uint_eq(at,
                          cases[i].at == len ? strlen(longer) : cases[i].at);
    }
}
END_TEST

START_TEST(refuses_a_nul)
{
    apr_size_t at;

    ck_assert_ptr_nonnull(check("\"a\0b\"", 5, &at));
    ck_assert_uint_eq(at, 2);
    ck_assert_ptr_nonnull(check("{}\0", 3, &at));
    ck_assert_uint_eq(at, 2);
    ck_assert_ptr_nonnull(check("\0", 1, &at));
    ck_assert_ptr_nonnull(check(NULL, 0, &at));
}
END_TEST

/* Every part of a document is refused where it ends. */
START_TEST(refuses_what_is_cut_off)
{
    static const char doc[] =
        "{\"a\":[true,false,null,-1.5e3,\"x\\u00e9\\n and a block more\"],"
        "\"b\":{\"c\":{}}}";
    apr_size_t len, at;

    ck_assert_ptr_null(check(doc, sizeof(doc) - 1, &at));
    for (len = 0; len < sizeof(doc) - 1; len++) {
        ck_assert_ptr_nonnull(check(doc, len, &at));
        ck_assert_uint_le(at, len);
    }
}
END_TEST

START_TEST(depth_has_a_limit)
{
    const char *open = azl_test_repeat("[", AZL_SCAN_DEPTH_MAX);
    const char *close = azl_test_repeat("]", AZL_SCAN_DEPTH_MAX);
    char doc[2 * AZL_SCAN_DEPTH_MAX + 3];
    apr_size_t at;

    snprintf(doc, sizeof(doc), "%s%s", open, close);
    ck_assert(is_accepted(doc));
    snprintf(doc, sizeof(doc), "[%s%s]", open, close);
    ck_assert(!is_accepted(doc));
    ck_assert_str_eq(check(doc, strlen(doc), &at), "nested too deeply");
    ck_assert_uint_eq(at, AZL_SCAN_DEPTH_MAX);
}
END_TEST

/* Objects and arrays that alternate: each level remembers what it is. */
START_TEST(depth_remembers_the_kind)
{
    const char *open = azl_test_repeat("{\"k\":[", AZL_SCAN_DEPTH_MAX / 2);
    const char *close = azl_test_repeat("]}", AZL_SCAN_DEPTH_MAX / 2);
    char doc[5 * AZL_SCAN_DEPTH_MAX];
    char *last;

    snprintf(doc, sizeof(doc), "%s%s", open, close);
    ck_assert(is_accepted(doc));
    for (last = doc + strlen(open); *last; last++) {
        *last = *last == ']' ? '}' : ']';
        ck_assert(!is_accepted(doc));
        *last = *last == ']' ? '}' : ']';
    }
}
END_TEST

START_TEST(steps_through_a_document)
{
    static const char doc[] =
        "{ \"model\" : \"gpt\", \"n\":[1,{\"x\":[]} , \"s\"], \"o\":{}, "
        "\"t\":true,\"f\" :false,\"z\":null }";
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;

    azl_scan_init(&s, doc, sizeof(doc) - 1);
    ck_assert_int_eq(azl_scan_peek(&s), AZL_JSON_OBJECT);
    ck_assert_int_eq(azl_scan_enter(&s), 1);

    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_str_eq(azl_test_str(key), "model");
    ck_assert_int_eq(azl_scan_value(&s, &v), 1);
    ck_assert_int_eq(v.type, AZL_JSON_STRING);
    ck_assert_str_eq(azl_test_str(v.raw), "\"gpt\"");

    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert(azl_span_is(key, "n"));
    ck_assert_int_eq(azl_scan_peek(&s), AZL_JSON_ARRAY);
    ck_assert_int_eq(azl_scan_enter(&s), 1);
    ck_assert_int_eq(azl_scan_element(&s), 1);
    ck_assert_int_eq(azl_scan_value(&s, &v), 1);
    ck_assert_int_eq(v.type, AZL_JSON_NUMBER);
    ck_assert_str_eq(azl_test_str(v.raw), "1");
    ck_assert_int_eq(azl_scan_element(&s), 1);
    ck_assert_int_eq(azl_scan_value(&s, &v), 1);
    ck_assert_int_eq(v.type, AZL_JSON_OBJECT);
    ck_assert_str_eq(azl_test_str(v.raw), "{\"x\":[]}");
    ck_assert_int_eq(azl_scan_element(&s), 1); /* "s" is not read */
    ck_assert_int_eq(azl_scan_element(&s), 0);

    ck_assert_int_eq(azl_scan_member(&s, &key), 1); /* "o" is not read */
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert(azl_span_is(key, "t"));
    ck_assert_int_eq(azl_scan_value(&s, &v), 1);
    ck_assert_int_eq(v.type, AZL_JSON_TRUE);
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_int_eq(azl_scan_value(&s, &v), 1);
    ck_assert_int_eq(v.type, AZL_JSON_FALSE);
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_int_eq(azl_scan_value(&s, &v), 1);
    ck_assert_int_eq(v.type, AZL_JSON_NULL);
    ck_assert_str_eq(azl_test_str(v.raw), "null");
    ck_assert_int_eq(azl_scan_member(&s, &key), 0);
    ck_assert_int_eq(azl_scan_end(&s), 1);
    ck_assert_ptr_null(s.error);
}
END_TEST

START_TEST(keys_come_as_written)
{
    static const char doc[] = "{\"mod\\u0065l\":1,\"a\\\"b\":2,\"\":3}";
    azl_scan_t s;
    azl_span_t key;

    azl_scan_init(&s, doc, sizeof(doc) - 1);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_str_eq(azl_test_str(key), "mod\\u0065l");
    ck_assert_str_eq(azl_scan_name(azl_test_pool, key), "model");
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_str_eq(azl_test_str(key), "a\\\"b");
    ck_assert_str_eq(azl_scan_name(azl_test_pool, key), "a\"b");
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_uint_eq(key.len, 0);
    ck_assert_str_eq(azl_scan_name(azl_test_pool, key), "");
    ck_assert_int_eq(azl_scan_member(&s, &key), 0);
}
END_TEST

START_TEST(errors_stick)
{
    static const char doc[] = "{\"a\":?,\"b\":1}";
    const char *error;
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;

    azl_scan_init(&s, doc, sizeof(doc) - 1);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_int_eq(azl_scan_value(&s, &v), -1);
    error = s.error;
    ck_assert_ptr_nonnull(error);
    ck_assert_uint_eq(s.error_at, 5);
    ck_assert_int_eq(azl_scan_value(&s, &v), -1);
    ck_assert_int_eq(azl_scan_enter(&s), -1);
    ck_assert_int_eq(azl_scan_member(&s, &key), -1);
    ck_assert_int_eq(azl_scan_element(&s), -1);
    ck_assert_int_eq(azl_scan_end(&s), -1);
    ck_assert_int_eq(azl_scan_peek(&s), AZL_JSON_NONE);
    ck_assert_ptr_eq(s.error, error);
    ck_assert_uint_eq(s.error_at, 5);
}
END_TEST

/* An error in a value that was not asked for is found all the same. */
START_TEST(skipped_values_are_checked)
{
    azl_scan_t s;
    azl_span_t key;

    azl_scan_init(&s, "{\"a\":[1,],\"b\":1}", 16);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_member(&s, &key), 1);
    ck_assert_int_eq(azl_scan_member(&s, &key), -1);
    ck_assert_uint_eq(s.error_at, 8);
}
END_TEST

/* Each call in a place where it has no meaning. */
START_TEST(refuses_a_wrong_step)
{
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;

    azl_scan_init(&s, "[1]", 3);
    ck_assert_int_eq(azl_scan_member(&s, &key), -1);
    azl_scan_init(&s, "[1]", 3);
    ck_assert_int_eq(azl_scan_element(&s), -1);
    azl_scan_init(&s, "[1]", 3);
    ck_assert_int_eq(azl_scan_end(&s), -1);

    azl_scan_init(&s, "[1]", 3);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_peek(&s), AZL_JSON_NONE);
    ck_assert_ptr_null(s.error);
    ck_assert_int_eq(azl_scan_value(&s, &v), -1);
    azl_scan_init(&s, "[1]", 3);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_member(&s, &key), -1);
    azl_scan_init(&s, "[1]", 3);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_enter(&s), -1);
    azl_scan_init(&s, "[1]", 3);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_end(&s), -1);

    azl_scan_init(&s, "{\"a\":1}", 7);
    azl_scan_enter(&s);
    ck_assert_int_eq(azl_scan_element(&s), -1);
    azl_scan_init(&s, "{\"a\":1}", 7);
    azl_scan_enter(&s);
    azl_scan_member(&s, &key);
    ck_assert_int_eq(azl_scan_enter(&s), -1); /* 1 is no object */
    azl_scan_init(&s, "{}", 2);
    azl_scan_value(&s, &v);
    ck_assert_int_eq(azl_scan_value(&s, &v), -1);
}
END_TEST

START_TEST(positions)
{
    static const char doc[] = "{\n  \"a\": 1,\r\n\n?";
    static const struct {
        apr_size_t offset;
        int line, column;
    } cases[] = {{0, 1, 1},  {1, 1, 2},  {2, 2, 1},  {4, 2, 3},
                 {13, 3, 1}, {14, 4, 1}, {15, 4, 2}, {1000, 4, 2}};
    int line, column;
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        azl_scan_position(doc, sizeof(doc) - 1, cases[i].offset, &line,
                          &column);
        ck_assert_int_eq(line, cases[i].line);
        ck_assert_int_eq(column, cases[i].column);
    }
    azl_scan_position(NULL, 0, 0, &line, &column);
    ck_assert_int_eq(line, 1);
    ck_assert_int_eq(column, 1);
}
END_TEST

START_TEST(decodes_text)
{
    static const struct {
        const char *raw;
        const char *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\xC3\xA9\"", "\xC3\xA9"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"x\\u0041y\"", "xAy"},
        {"\"\\u007f\\u0080\\u07ff\\u0800\\uFFFF\"",
         "\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
        {"\"\\ud7ff\\ue000\"", "\xED\x9F\xBF\xEE\x80\x80"},
        {"\"\\uD83D\\uDE00\"", "\xF0\x9F\x98\x80"},
        {"\"\\ud800\\udc00\\udbff\\udfff\"",
         "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
        {"\"\\u0000\"", NULL},
        {"\"a\\uD83D\"", NULL},
        {"\"a\\uD83Dx\"", NULL},
        {"\"a\\uD83D......\"", NULL},
        {"\"a\\uD83D\\n12345\"", NULL},
        {"\"a\\uD83D\\u0041\"", NULL},
        {"\"a\\uD83D\\uD83D\"", NULL},
        {"\"a\\uD83D\\uE000\"", NULL},
        {"\"a\\uDE00\\uD83D\"", NULL},
        /* no strings at all */
        {"", NULL},
        {"\"", NULL},
        {"1", NULL},
        {"null", NULL},
        {"{\"a\":\"b\"}", NULL},
        {"\"a", NULL},
        {"a\"", NULL},
        /* what the scanner would not have let pass */
        {"\"a\\\"", NULL},
        {"\"a\\x\"", NULL},
        {"\"a\\u12\"", NULL},
        {"\"\\uD83D\\uDE0\"", NULL},
    };
    const char *text, *raw;
    apr_size_t i, len;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i].raw);
        raw = azl_test_exact(cases[i].raw, len);
        text = azl_scan_text(azl_test_pool, azl_span(raw, len));
        if (cases[i].text) {
            ck_assert_pstr_eq(text, cases[i].text);
        }
        else {
            ck_assert_msg(!text, "%s gives %s", cases[i].raw, text);
        }
    }
    ck_assert_ptr_null(azl_scan_text(azl_test_pool, azl_span("\"a\0b\"", 5)));
    ck_assert_ptr_null(azl_scan_name(azl_test_pool, azl_span("a\0b", 3)));
    ck_assert_ptr_null(azl_scan_name(azl_test_pool, azl_span("a\\", 2)));
}
END_TEST

/* Nothing of it is lost. */
START_TEST(whole_texts)
{
    static const struct {
        const char *raw;
        const char *text;
        apr_size_t len;
    } cases[] = {
        {"\"\"", "", 0},
        {"\"a\\u0000b\\u0000\"", "a\0b", 4},
        {"\"a\\uD83Db\"",
         "a\xEF\xBF\xBD"
         "b",
         5},
        {"\"\\uDE00\\uD83D\"", "\xEF\xBF\xBD\xEF\xBF\xBD", 6},
        {"\"\\uD83D\\uDE00\"", "\xF0\x9F\x98\x80", 4},
    };
    azl_span_t text;
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = azl_scan_whole_text(azl_test_pool, azl_span_str(cases[i].raw));
        ck_assert_uint_eq(text.len, cases[i].len);
        ck_assert_mem_eq(text.at, cases[i].text, text.len);
    }
    ck_assert_ptr_null(
        azl_scan_whole_text(azl_test_pool, azl_span_str("1")).at);
    ck_assert_ptr_null(
        azl_scan_whole_text(azl_test_pool, azl_span_str("\"\\x\"")).at);
}
END_TEST

START_TEST(reads_whole_numbers)
{
    static const struct {
        const char *raw;
        apr_int64_t n; /* -1: refused */
    } cases[] = {{"0", 0},
                 {"7", 7},
                 {"1234567890123", APR_INT64_C(1234567890123)},
                 {"9223372036854775807", APR_INT64_MAX},
                 {"9223372036854775808", -1},
                 {"9223372036854775810", -1},
                 {"18446744073709551617", -1},
                 {"99999999999999999999999", -1},
                 {"", -1},
                 {"-1", -1},
                 {"-0", -1},
                 {"+1", -1},
                 {"01", -1},
                 {"00", -1},
                 {"1.0", -1},
                 {"1e3", -1},
                 {" 1", -1},
                 {"1 ", -1},
                 {"\"1\"", -1},
                 {"null", -1}};
    apr_int64_t n;
    apr_size_t i;
    int ok;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = -1;
        ok = azl_scan_uint(azl_span_str(cases[i].raw), &n);
        ck_assert_int_eq(ok, cases[i].n >= 0);
        ck_assert_int_eq(n, cases[i].n);
    }
}
END_TEST

/* Every byte value at every place of two blocks and a rest, from every
 * alignment. */
START_TEST(fast_skip_equals_portable_everywhere)
{
    enum { LEN = 40, ALIGNMENTS = 16 };
    unsigned char text[LEN];
    const char *at = (const char *)text, *end = at + LEN;
    apr_size_t i, from;
    int c;

    for (c = 0; c < 256; c++) {
        for (i = 0; i < LEN; i++) {
            memset(text, 'x', LEN);
            text[i] = (unsigned char)c;
            for (from = 0; from < ALIGNMENTS; from++) {
                ck_assert_ptr_eq(azl_scan_skip_fast(at + from, end),
                                 azl_scan_skip_portable(at + from, end));
            }
        }
    }
    ck_assert_ptr_eq(azl_scan_skip_fast(at, at), at);
}
END_TEST

START_TEST(skip_stops_where_it_must)
{
    unsigned char text[33];
    const char *at = (const char *)text;
    int c, stops;

    for (c = 0; c < 256; c++) {
        memset(text, 0xFF, sizeof(text));
        text[20] = (unsigned char)c;
        stops = c < 32 || c == '"' || c == '\\';
        ck_assert_int_eq(azl_scan_skip_fast(at, at + 33) - at, stops ? 20 : 33);
        ck_assert_int_eq(azl_scan_skip_portable(at, at + 33) - at,
                         stops ? 20 : 33);
    }
}
END_TEST

/* Random text with few stops, from and to random places. The generator is
 * seeded with a constant: a failure comes back. */
START_TEST(fast_skip_equals_portable_on_noise)
{
    static const char alphabet[] = "abc \xC3\xA9\x7f{}[]:,0189";
    static const char stops[] = "\"\\\n\t\r\x01\x1f";
    enum { LEN = 4096, RUNS = 20000 };
    char *text = azl_test_repeat("x", LEN);
    const char *from, *to;
    int i;

    srand(20261121);
    for (i = 0; i < LEN; i++) {
        text[i] = rand() % 40 ? alphabet[rand() % (sizeof(alphabet) - 1)]
                              : stops[rand() % (sizeof(stops) - 1)];
    }
    for (i = 0; i < RUNS; i++) {
        from = text + rand() % LEN;
        to = from + rand() % (text + LEN - from + 1);
        ck_assert_ptr_eq(azl_scan_skip_fast(from, to),
                         azl_scan_skip_portable(from, to));
    }
}
END_TEST

TCase *azl_test_scan(void)
{
    TCase *tc = azl_test_tcase("scan");

    tcase_add_test(tc, accepts);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, refuses_a_nul);
    tcase_add_test(tc, refuses_what_is_cut_off);
    tcase_add_test(tc, depth_has_a_limit);
    tcase_add_test(tc, depth_remembers_the_kind);
    tcase_add_test(tc, steps_through_a_document);
    tcase_add_test(tc, keys_come_as_written);
    tcase_add_test(tc, errors_stick);
    tcase_add_test(tc, skipped_values_are_checked);
    tcase_add_test(tc, refuses_a_wrong_step);
    tcase_add_test(tc, positions);
    tcase_add_test(tc, decodes_text);
    tcase_add_test(tc, reads_whole_numbers);
    tcase_add_test(tc, fast_skip_equals_portable_everywhere);
    tcase_add_test(tc, skip_stops_where_it_must);
    tcase_add_test(tc, fast_skip_equals_portable_on_noise);
    tcase_add_test(tc, whole_texts);
    return tc;
}
