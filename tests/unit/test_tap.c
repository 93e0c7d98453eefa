/*
 * azl_tap: what is read, what is replaced and that all else passes unchanged,
 * with every document fed in all its splits.
 */
#include <apr_errno.h>
#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_tap.h"
#include "azl_test.h"

#define NO_CAP 10000000

/* Digits doubled, of anything else nothing. */
static const char *doubled(void *baton, azl_span_t value)
{
    apr_pool_t **p = baton;
    const char *text = apr_pstrmemdup(*p, value.at, value.len);

    return strspn(text, "0123456789") == value.len
               ? apr_pstrcat(*p, text, text, NULL)
               : NULL;
}

static const azl_tap_watch_t watch[] = {
    {"model", "\"alias\"", NULL, NULL},
    {"usage", NULL, NULL, NULL},
    {"made", "null", doubled, &azl_test_pool}};
enum { MODEL, USAGE, MADE, WATCHED };

/* What a document must come to. A value is NULL when it is not there. */
typedef struct expect_t {
    const char *out;
    const char *model;
    const char *usage;
} expect_t;

static apr_status_t append(void *baton, const char *data, apr_size_t len)
{
    ck_assert_uint_gt(len, 0);
    return azl_buf_append(baton, data, len);
}

static const char *value(apr_pool_t *p, const azl_tap_t *t, int i)
{
    azl_span_t v;

    return azl_tap_value(t, i, &v) ? apr_pstrmemdup(p, v.at, v.len) : NULL;
}

static void tap(apr_pool_t *p, void *baton, const azl_span_t *pieces, int n)
{
    const expect_t *expect = baton;
    azl_buf_t *out = azl_buf_create(p, NO_CAP);
    azl_tap_t *t = azl_tap_create(p, watch, WATCHED);
    int i;

    for (i = 0; i < n; i++) {
        ck_assert_int_eq(
            azl_tap_feed(t, pieces[i].at, pieces[i].len, append, out),
            APR_SUCCESS);
    }
    ck_assert_str_eq(azl_buf_pstr(out, p), expect->out);
    ck_assert_pstr_eq(value(p, t, MODEL), expect->model);
    ck_assert_pstr_eq(value(p, t, USAGE), expect->usage);
}

static void check(const char *in, const char *out, const char *model,
                  const char *usage)
{
    expect_t expect = {out, model, usage};

    azl_test_every_split(in, strlen(in), tap, &expect);
}

/* Nothing is seen and nothing changed. */
static void check_passes(const char *in)
{
    check(in, in, NULL, NULL);
}

START_TEST(reads_and_replaces)
{
    check("{\"model\":\"m\",\"usage\":{\"total_tokens\":5}}",
          "{\"model\":\"alias\",\"usage\":{\"total_tokens\":5}}", "\"m\"",
          "{\"total_tokens\":5}");
    check(" {\n \"data\" : [ 1, 2 ] ,\r\n\t\"usage\" : null , \"model\" : "
          "\"m\" }\n",
          " {\n \"data\" : [ 1, 2 ] ,\r\n\t\"usage\" : null , \"model\" : "
          "\"alias\" }\n",
          "\"m\"", "null");
}
END_TEST

START_TEST(values_of_every_type)
{
    check("{\"usage\":\"a\\\"]},\\\\\"}", "{\"usage\":\"a\\\"]},\\\\\"}", NULL,
          "\"a\\\"]},\\\\\"");
    check("{\"usage\":[[],{\"a\":\"]\"}]}", "{\"usage\":[[],{\"a\":\"]\"}]}",
          NULL, "[[],{\"a\":\"]\"}]");
    check("{\"usage\":-1.5e3}", "{\"usage\":-1.5e3}", NULL, "-1.5e3");
    check("{\"usage\":true ,\"a\":1}", "{\"usage\":true ,\"a\":1}", NULL,
          "true");
    check("{\"usage\":\"\"}", "{\"usage\":\"\"}", NULL, "\"\"");
    check("{\"usage\":{}}", "{\"usage\":{}}", NULL, "{}");
    check("{\"model\":17,\"a\":1}", "{\"model\":\"alias\",\"a\":1}", "17",
          NULL);
    check("{\"model\":{\"a\":[\"}\"]}}", "{\"model\":\"alias\"}",
          "{\"a\":[\"}\"]}", NULL);
    check("{\"model\":\"\"}", "{\"model\":\"alias\"}", "\"\"", NULL);
    check("{\"model\":null\n}", "{\"model\":\"alias\"\n}", "null", NULL);
}
END_TEST

START_TEST(made_of_the_value)
{
    check("{\"made\":12,\"a\":1}", "{\"made\":1212,\"a\":1}", NULL, NULL);
    check("{\"made\":\"x\",\"a\":1}", "{\"made\":null,\"a\":1}", NULL, NULL);
    check("{\"made\":1,\"made\":2}", "{\"made\":11,\"made\":22}", NULL, NULL);
    check("{\"a\":{\"made\":1}}", "{\"a\":{\"made\":1}}", NULL, NULL);
    check("{\"made\":1", "{\"made\":", NULL, NULL);
}
END_TEST

START_TEST(only_the_top_level)
{
    check_passes("{\"data\":{\"model\":\"x\",\"usage\":1}}");
    check_passes("[{\"model\":\"x\"},{\"usage\":1}]");
    check_passes("{\"data\":[{\"model\":\"x\"}],\"b\":[[{\"usage\":[]}]]}");
    check_passes("{\"a\":\"model\",\"b\":\"\\\"usage\\\":1\"}");
    check("{\"a\":{\"model\":1},\"model\":2}",
          "{\"a\":{\"model\":1},\"model\":\"alias\"}", "2", NULL);
}
END_TEST

START_TEST(names_that_are_others)
{
    check_passes("{\"mode\":1,\"models\":2,\"Model\":3,\"\":4,\" model\":5}");
    check_passes("{\"mod\\u0065l\":1,\"model\\\"\":2,\"\\\"usage\":3}");
    check_passes(apr_pstrcat(azl_test_pool, "{\"", azl_test_repeat("model", 30),
                             "\":1}", NULL));
}
END_TEST

START_TEST(given_twice)
{
    check("{\"usage\":1,\"model\":2,\"usage\":33,\"model\":\"z\"}",
          "{\"usage\":1,\"model\":\"alias\",\"usage\":33,\"model\":\"alias\"}",
          "\"z\"", "33");
    /* the later one is cut off: then there is none */
    check("{\"usage\":1,\"usage\":{\"a\"", "{\"usage\":1,\"usage\":{\"a\"",
          NULL, NULL);
}
END_TEST

START_TEST(cut_off)
{
    static const char doc[] =
        "{\"a\":[1,\"x\\\"\"],\"model\":\"gpt\",\"usage\":{\"n\":1}}";
    const char *model = strstr(doc, "\"gpt\""), *usage = strstr(doc, "{\"n\"");
    apr_size_t len, model_at = (apr_size_t)(model - doc);
    const char *in, *out;

    for (len = 0; len < sizeof(doc); len++) {
        in = out = apr_pstrmemdup(azl_test_pool, doc, len);
        if (len >= model_at && len < model_at + 5) {
            out = apr_pstrmemdup(azl_test_pool, doc, model_at);
        }
        else if (len >= model_at + 5) {
            out = apr_psprintf(azl_test_pool, "%.*s\"alias\"%s", (int)model_at,
                               in, in + model_at + 5);
        }
        check(in, out, len >= model_at + 5 ? "\"gpt\"" : NULL,
              doc + len >= usage + 7 ? "{\"n\":1}" : NULL);
    }
    check("{\"model\":12", "{\"model\":", NULL, NULL);
    check("{\"model\":tru", "{\"model\":", NULL, NULL);
    check_passes("{\"model\":");
}
END_TEST

static void is_whole(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                     int n)
{
    azl_buf_t *out = azl_buf_create(p, NO_CAP);
    azl_tap_t *t = azl_tap_create(p, watch, WATCHED);
    int i;

    for (i = 0; i < n; i++) {
        azl_tap_feed(t, pieces[i].at, pieces[i].len, append, out);
    }
    ck_assert_int_eq(azl_tap_is_whole(t), *(int *)baton);
}

static void check_whole(const char *in, int expect)
{
    azl_test_every_split(in, strlen(in), is_whole, &expect);
}

START_TEST(whole_or_cut)
{
    static const char *const docs[] = {
        "{}",
        " { \n} ",
        "{\"a\":1}\r\n\t ",
        "{\"a\":null }",
        "{\"a\":\"}\",\"model\":\"g}\",\"usage\":{\"n\":{}}}",
        "{\"}\":[{},[\"\\\"}\"]] , \"b\":true}"};
    const char *doc;
    apr_size_t i, len, end;

    for (i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
        doc = docs[i];
        end = (apr_size_t)(strrchr(doc, '}') - doc);
        for (len = 0; len <= strlen(doc); len++) {
            check_whole(apr_pstrmemdup(azl_test_pool, doc, len), len > end);
        }
    }
}
END_TEST

/* Behind the end, or where no end can be recognized, nothing is called cut. */
START_TEST(whole_for_all_that_is_known)
{
    check_whole("{\"a\":1}x", 1);
    check_whole("{} {", 1);
    check_whole("{}}", 1);
    check_whole("{},\"model\":", 1);
    check_whole("{\"a\":1,}", 1);
    check_whole("[{\"a\":", 1);
    check_whole("\"a", 1);
    check_whole("{a", 1);
    check_whole("{\"a\":}", 1);
    check_whole("{\"a\":1]", 1);
    check_whole("", 0);
    check_whole(" \n", 0);
}
END_TEST

START_TEST(what_is_no_json_object)
{
    check_passes("");
    check_passes("  \n");
    check_passes("\"model\"");
    check_passes("\xEF\xBB\xBF{\"model\":1}");
    check_passes("<html>{\"model\":1}</html>");
    check_passes("{model:1,\"model\":2}");
    check_passes("{,\"model\":2}");
    check_passes("{\"a\" \"model\":2}");
    check_passes("{\"a\",\"model\":2}");
    check_passes("{\"model\":}");
    check_passes("{\"model\":,\"model\":1}");
    check_passes("{\"model\":]");
    check_passes("{\"a\":1 2,\"model\":3}");
    check_passes("{\"a\":1];\"model\":3}");
    check_passes("{\"a\":{}}}{\"model\":3}");
    check_passes("{} {\"model\":3}");
}
END_TEST

START_TEST(raw_control_characters_do_not_matter)
{
    check("{\"a\n\":\"b\n\tc\",\"model\":\"x\ny\"}",
          "{\"a\n\":\"b\n\tc\",\"model\":\"alias\"}", "\"x\ny\"", NULL);
}
END_TEST

/* A value of this length, quotes included, in pieces of `step` bytes. */
static void check_long(const char *name, apr_size_t len, apr_size_t step,
                       const char *out, int seen)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, NO_CAP);
    azl_tap_t *t = azl_tap_create(azl_test_pool, watch, WATCHED);
    const char *in = apr_psprintf(azl_test_pool, "{\"%s\":\"%s\",\"b\":1}",
                                  name, azl_test_repeat("x", len - 2));
    apr_size_t at, n, total = strlen(in);
    azl_span_t v;

    for (at = 0; at < total; at += n) {
        n = total - at < step ? total - at : step;
        ck_assert_int_eq(azl_tap_feed(t, in + at, n, append, b), APR_SUCCESS);
    }
    ck_assert_int_eq(azl_tap_is_whole(t), 1);
    ck_assert_str_eq(azl_buf_pstr(b, azl_test_pool), out ? out : in);
    ck_assert_int_eq(azl_tap_value(t, MODEL, &v) || azl_tap_value(t, USAGE, &v),
                     seen);
    if (seen) {
        ck_assert_uint_eq(v.len, len);
    }
}

START_TEST(long_values)
{
    static const apr_size_t steps[] = {1, 7, 4096, AZL_TAP_VALUE_MAX + 10,
                                       NO_CAP};
    static const char replaced[] = "{\"model\":\"alias\",\"b\":1}";
    apr_size_t i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        check_long("usage", AZL_TAP_VALUE_MAX, steps[i], NULL, 1);
        check_long("usage", AZL_TAP_VALUE_MAX + 1, steps[i], NULL, 0);
        check_long("model", AZL_TAP_VALUE_MAX, steps[i], replaced, 1);
        check_long("model", AZL_TAP_VALUE_MAX + 1, steps[i], replaced, 0);
        check_long("model", 5 * AZL_TAP_VALUE_MAX, steps[i], replaced, 0);
        check_long("made", 5 * AZL_TAP_VALUE_MAX, steps[i],
                   "{\"made\":null,\"b\":1}", 0);
        check_long("other", 5 * AZL_TAP_VALUE_MAX, steps[i], NULL, 0);
    }
}
END_TEST

START_TEST(long_value_cut_off)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, NO_CAP);
    azl_tap_t *t = azl_tap_create(azl_test_pool, watch, WATCHED);
    const char *in = apr_pstrcat(azl_test_pool, "{\"model\":\"",
                                 azl_test_repeat("x", 10000), NULL);

    azl_tap_feed(t, in, strlen(in), append, b);
    ck_assert_int_eq(azl_tap_is_whole(t), 0);
    ck_assert_str_eq(azl_buf_pstr(b, azl_test_pool), "{\"model\":\"alias\"");
}
END_TEST

/* Two embeddings of 1536 numbers in the pieces a network delivers. */
START_TEST(embeddings)
{
    const char *numbers = azl_test_repeat("-0.012345678,", 1535);
    const char *before = apr_psprintf(
        azl_test_pool,
        "{\"object\":\"list\",\"data\":[{\"embedding\":[%s1]},{\"embedding\":"
        "[%s2]}],\"model\":",
        numbers, numbers);
    const char *after = ",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}";
    const char *in =
        apr_pstrcat(azl_test_pool, before, "\"te-3\"", after, NULL);
    const char *out =
        apr_pstrcat(azl_test_pool, before, "\"alias\"", after, NULL);
    apr_size_t step, at, n, total = strlen(in);
    azl_tap_t *t;
    azl_buf_t *b;

    for (step = 1; step < 2 * total; step = step * 3 + 1) {
        t = azl_tap_create(azl_test_pool, watch, WATCHED);
        b = azl_buf_create(azl_test_pool, NO_CAP);
        for (at = 0; at < total; at += n) {
            n = total - at < step ? total - at : step;
            azl_tap_feed(t, in + at, n, append, b);
        }
        ck_assert_str_eq(azl_buf_pstr(b, azl_test_pool), out);
        ck_assert_str_eq(value(azl_test_pool, t, USAGE),
                         "{\"prompt_tokens\":8,\"total_tokens\":8}");
    }
}
END_TEST

START_TEST(nothing_watched)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, NO_CAP);
    azl_tap_t *t = azl_tap_create(azl_test_pool, NULL, 0);

    ck_assert_int_eq(azl_tap_feed(t, NULL, 0, append, b), APR_SUCCESS);
    azl_tap_feed(t, "{\"model\":1}", 11, append, b);
    ck_assert_int_eq(azl_tap_is_whole(t), 1);
    ck_assert_str_eq(azl_buf_pstr(b, azl_test_pool), "{\"model\":1}");
}
END_TEST

static apr_status_t refuse(void *baton, const char *data, apr_size_t len)
{
    int *left = baton;

    (void)data;
    (void)len;
    return (*left)-- > 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* What emit says is what feed says, whichever call it was. */
START_TEST(emit_may_refuse)
{
    static const char doc[] = "{\"model\":1,\"b\":1}";
    azl_tap_t *t;
    int calls, left;

    for (calls = 0; calls < 3; calls++) {
        t = azl_tap_create(azl_test_pool, watch, WATCHED);
        left = calls;
        ck_assert_int_eq(azl_tap_feed(t, doc, sizeof(doc) - 1, refuse, &left),
                         APR_EGENERAL);
        ck_assert_int_eq(left, -1); /* not called again after it */
    }
}
END_TEST

TCase *azl_test_tap(void)
{
    TCase *tc = azl_test_tcase("tap");

    tcase_add_test(tc, reads_and_replaces);
    tcase_add_test(tc, values_of_every_type);
    tcase_add_test(tc, made_of_the_value);
    tcase_add_test(tc, only_the_top_level);
    tcase_add_test(tc, names_that_are_others);
    tcase_add_test(tc, given_twice);
    tcase_add_test(tc, cut_off);
    tcase_add_test(tc, whole_or_cut);
    tcase_add_test(tc, whole_for_all_that_is_known);
    tcase_add_test(tc, what_is_no_json_object);
    tcase_add_test(tc, raw_control_characters_do_not_matter);
    tcase_add_test(tc, long_values);
    tcase_add_test(tc, long_value_cut_off);
    tcase_add_test(tc, embeddings);
    tcase_add_test(tc, nothing_watched);
    tcase_add_test(tc, emit_may_refuse);
    return tc;
}
