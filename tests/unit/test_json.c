#include <limits.h>

#include <apr_strings.h>

#include "azl_json.h"
#include "azl_test.h"

static const char *parse(const char *text, azl_json_t **json)
{
    *json = NULL;
    return azl_json_parse(
        azl_test_pool,
        azl_span(azl_test_exact(text, strlen(text)), strlen(text)), json);
}

static azl_json_t *parsed(const char *text)
{
    azl_json_t *json;
    const char *err = parse(text, &json);

    ck_assert_msg(err == NULL, "%s: %s", text, err);
    return json;
}

static azl_json_t *member(const azl_json_t *json, const char *name)
{
    azl_json_t *value;

    ck_assert_msg(azl_json_member(json, name, &value), "no member %s", name);
    return value;
}

START_TEST(types)
{
    azl_json_t *j = parsed("{\"o\":{},\"a\":[],\"s\":\"x\",\"n\":1,\"d\":1.5,"
                           "\"t\":true,\"f\":false,\"z\":null}");

    ck_assert_int_eq(azl_json_type(j), AZL_JSON_OBJECT);
    ck_assert_int_eq(azl_json_type(member(j, "o")), AZL_JSON_OBJECT);
    ck_assert_int_eq(azl_json_type(member(j, "a")), AZL_JSON_ARRAY);
    ck_assert_int_eq(azl_json_type(member(j, "s")), AZL_JSON_STRING);
    ck_assert_int_eq(azl_json_type(member(j, "n")), AZL_JSON_NUMBER);
    ck_assert_int_eq(azl_json_type(member(j, "d")), AZL_JSON_NUMBER);
    ck_assert_int_eq(azl_json_type(member(j, "t")), AZL_JSON_TRUE);
    ck_assert_int_eq(azl_json_type(member(j, "f")), AZL_JSON_FALSE);
    ck_assert_int_eq(azl_json_type(member(j, "z")), AZL_JSON_NULL);
    ck_assert_int_eq(azl_json_type(NULL), AZL_JSON_NULL);
}
END_TEST

/* A short text and a long one lie in different places. */
START_TEST(wiped)
{
    const char *doc =
        apr_psprintf(azl_test_pool, "{\"s\":\"secret\",\"l\":\"%s\",\"n\":7}",
                     azl_test_repeat("secret", 500));
    azl_json_t *j = parsed(doc);
    azl_json_t *s = member(j, "s"), *l = member(j, "l");

    azl_json_wipe(s);
    azl_json_wipe(l);
    azl_json_wipe(member(j, "n"));
    azl_json_wipe(NULL);
    ck_assert_uint_eq(azl_json_text(s).len, 6);
    ck_assert_mem_eq(azl_json_text(s).at, "\0\0\0\0\0\0", 6);
    ck_assert_uint_eq(azl_json_text(l).len, 3000);
    ck_assert_ptr_null(memchr(azl_json_text(l).at, 's', 3000));
    ck_assert_str_eq(azl_json_number(member(j, "n")), "7");
}
END_TEST

START_TEST(members)
{
    azl_json_t *j = parsed("{\"a\\u0062\":\"x\",\"z\":null}");
    azl_json_t *value = j;

    ck_assert_str_eq(azl_json_string(member(j, "ab")), "x");
    ck_assert_int_eq(azl_json_member(j, "c", &value), 0);
    ck_assert_ptr_eq(value, j);
    ck_assert_int_eq(azl_json_member(j, "z", &value), 1);
    ck_assert_ptr_null(value);
    ck_assert_int_eq(azl_json_member(NULL, "z", &value), 0);
    ck_assert_int_eq(azl_json_member(parsed("[1]"), "z", &value), 0);
}
END_TEST

static int collect(void *baton, const char *name, const azl_json_t *value)
{
    const char **text = baton;

    ck_assert_int_eq(azl_json_type(value), AZL_JSON_NUMBER);
    *text = apr_pstrcat(azl_test_pool, *text, name, NULL);
    return strcmp(name, "stop") == 0 ? 17 : 0;
}

START_TEST(each)
{
    const char *text = "";

    ck_assert_int_eq(
        azl_json_each(parsed("{\"b\":1,\"a\":2,\"c\":3}"), collect, &text), 0);
    ck_assert_str_eq(text, "bac");
    ck_assert_int_eq(
        azl_json_each(parsed("{\"x\":1,\"stop\":2,\"y\":3}"), collect, &text),
        17);
    ck_assert_str_eq(text, "bacxstop");
    ck_assert_int_eq(azl_json_each(parsed("[1,2]"), collect, &text), 0);
    ck_assert_int_eq(azl_json_each(NULL, collect, &text), 0);
    ck_assert_str_eq(text, "bacxstop");
}
END_TEST

START_TEST(arrays)
{
    azl_json_t *j = parsed("[\"a\",[1,2,3],{}]");

    ck_assert_uint_eq(azl_json_length(j), 3);
    ck_assert_uint_eq(azl_json_length(azl_json_at(j, 1)), 3);
    ck_assert_str_eq(azl_json_string(azl_json_at(j, 0)), "a");
    ck_assert_ptr_null(azl_json_at(j, 3));
    ck_assert_ptr_null(azl_json_at(azl_json_at(j, 2), 0));
    ck_assert_uint_eq(azl_json_length(azl_json_at(j, 2)), 0);
    ck_assert_uint_eq(azl_json_length(NULL), 0);
}
END_TEST

START_TEST(strings)
{
    azl_json_t *j = parsed("[\"\",\"a\\n\\u00e4\\ud83d\\ude00\","
                           "\"a\\u0000b\",1]");

    ck_assert_str_eq(azl_json_string(azl_json_at(j, 0)), "");
    ck_assert_str_eq(azl_json_string(azl_json_at(j, 1)),
                     "a\n\xc3\xa4\xf0\x9f\x98\x80");
    ck_assert_ptr_null(azl_json_string(azl_json_at(j, 2)));
    ck_assert_ptr_null(azl_json_string(azl_json_at(j, 3)));
    ck_assert_ptr_null(azl_json_string(NULL));
}
END_TEST

/* A double would make 0.1 and 1e-7 something else, and lose the zeros. */
START_TEST(numbers_keep_their_text)
{
    static const char *const t[] = {"0",
                                    "1",
                                    "-1",
                                    "1.25",
                                    "0.10",
                                    "2.000",
                                    "0.1",
                                    "1e-7",
                                    "1E+5",
                                    "0.30000000000000004",
                                    "123456789.123456789123456789",
                                    "9223372036854775807",
                                    "-9223372036854775808"};
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        azl_json_t *j = parsed(apr_psprintf(azl_test_pool, "[%s]", t[i]));

        ck_assert_str_eq(azl_json_number(azl_json_at(j, 0)), t[i]);
    }
    ck_assert_ptr_null(azl_json_number(parsed("[]")));
    ck_assert_ptr_null(azl_json_number(NULL));
}
END_TEST

START_TEST(integers)
{
    azl_json_t *j = parsed("[0,-5,9223372036854775807,272000,1.0,1e3,\"7\","
                           "9223372036854775808,18446744073709551615,"
                           "-9223372036854775807]");
    apr_int64_t n = 4711;

    ck_assert_int_eq(azl_json_int(azl_json_at(j, 0), &n), 1);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 1), &n), 1);
    ck_assert_int_eq(n, -5);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 2), &n), 1);
    ck_assert_int_eq(n, APR_INT64_MAX);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 9), &n), 1);
    ck_assert_int_eq(n, -APR_INT64_MAX);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 3), &n), 1);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 4), &n), 0);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 5), &n), 0);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 6), &n), 0);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 7), &n), 0);
    ck_assert_int_eq(azl_json_int(azl_json_at(j, 8), &n), 0);
    ck_assert_int_eq(n, 272000);
}
END_TEST

/* What json-c alone would forgive is here too. */
START_TEST(refuses)
{
    static const struct {
        const char *text;
        const char *says;
    } t[] = {
        {"", "line 1, column 1: there is no JSON object"},
        {"1", "no JSON object"},
        {"\"a\"", "no JSON object"},
        {"null", "no JSON object"},
        {"{", "line 1"},
        {"{\"a\":1,}", "line 1"},
        {"[1,]", "line 1"},
        {"{'a':1}", "line 1"},
        {"{\"a\":1}x", "line 1"},
        {"{\"a\":1}{}", "line 1"},
        {"{\"a\":1} // c", "line 1"},
        {"{\"a\":01}", "line 1"},
        {"{\"a\":NaN}", "line 1"},
        {"{\"a\":-Infinity}", "line 1"},
        {"{\"a\":TRUE}", "line 1"},
        {"{\"a\":\"\t\"}", "line 1"},
        {"{\"a\":\"\\x\"}", "line 1"},
        {"\xef\xbb\xbf{}", "line 1"},
        {"{\"a\":1,\n  \"b\":{\"c\":1,\n\"c\":2}}", "line 3, column 2"},
        {"{\"a\":1,\"\\u0061\":2}", "member is in the object twice"},
        {"[{\"a\":1,\"a\":1}]", "member is in the object twice"},
        {"{\"a\\u0000\":1}", "this name is no text"},
        {"{\"\\ud800\":1}", "this name is no text"},
        {"{\"a\":\"\xff\"}", "line 1"},
        {"{\"a\":\"\xc3(\"}", "line 1"},
        {"{\n\"a\" 1}", "line 2"},
        {"[[1,2],[3,}]", "line 1"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        azl_json_t *json;
        const char *err = parse(t[i].text, &json);

        ck_assert_msg(err != NULL, "accepted: %s", t[i].text);
        ck_assert_msg(strstr(err, t[i].says) != NULL, "%s: %s", t[i].text, err);
        ck_assert_ptr_null(json);
    }
}
END_TEST

START_TEST(depth)
{
    azl_json_t *json;
    apr_size_t max = AZL_SCAN_DEPTH_MAX;

    parsed(apr_pstrcat(azl_test_pool, azl_test_repeat("[", max),
                       azl_test_repeat("]", max), NULL));
    ck_assert_ptr_nonnull(
        parse(apr_pstrcat(azl_test_pool, azl_test_repeat("[", max + 1),
                          azl_test_repeat("]", max + 1), NULL),
              &json));
    ck_assert_ptr_nonnull(parse(azl_test_repeat("{\"a\":", max + 1), &json));
}
END_TEST

START_TEST(too_large_for_the_library)
{
    azl_json_t *json;

    ck_assert_ptr_nonnull(azl_json_parse(
        azl_test_pool, azl_span("{}", (apr_size_t)INT_MAX + 1), &json));
}
END_TEST

TCase *azl_test_json(void)
{
    TCase *tc = azl_test_tcase("json");

    tcase_add_test(tc, types);
    tcase_add_test(tc, wiped);
    tcase_add_test(tc, members);
    tcase_add_test(tc, each);
    tcase_add_test(tc, arrays);
    tcase_add_test(tc, strings);
    tcase_add_test(tc, numbers_keep_their_text);
    tcase_add_test(tc, integers);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, depth);
    tcase_add_test(tc, too_large_for_the_library);
    return tc;
}
