/*
 * azl_sse: line ends, fields, comments and caps, with every input fed in all
 * its splits.
 */
#include <apr_errno.h>
#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_sse.h"
#include "azl_test.h"

#define NO_CAP 100000

/* What an input must come to. Events are written one after the other as
 * name|data; and comments as #text; */
typedef struct expect_t {
    const char *events;
    apr_size_t max;
    apr_status_t status;
} expect_t;

static apr_status_t write_event(void *baton, const azl_sse_event_t *ev)
{
    azl_buf_t *out = baton;

    if (ev->comment) {
        ck_assert_uint_eq(ev->name.len, 0);
        azl_buf_puts(out, "#");
    }
    else {
        azl_buf_span(out, ev->name);
        azl_buf_puts(out, "|");
    }
    azl_buf_span(out, ev->data);
    azl_buf_puts(out, ";");
    return APR_SUCCESS;
}

static void decode(apr_pool_t *p, void *baton, const azl_span_t *pieces, int n)
{
    const expect_t *expect = baton;
    azl_buf_t *out = azl_buf_create(p, NO_CAP);
    azl_sse_t *sse = azl_sse_create(p, expect->max);
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n; i++) {
        rv = azl_sse_feed(sse, pieces[i].at, pieces[i].len, write_event, out);
    }
    if (rv == APR_SUCCESS) {
        rv = azl_sse_finish(sse, write_event, out);
    }
    ck_assert_int_eq(rv, expect->status);
    ck_assert_str_eq(azl_buf_pstr(out, p), expect->events);
}

static void check_bytes(const char *in, apr_size_t len, const char *events)
{
    expect_t expect = {events, NO_CAP, APR_SUCCESS};

    azl_test_every_split(in, len, decode, &expect);
}

static void check(const char *in, const char *events)
{
    check_bytes(in, strlen(in), events);
}

START_TEST(nothing)
{
    check("", "");
    check("\n", "");
    check("\r\n\r\n\r\n", "");
    check("\n\r\r\n\n", "");
}
END_TEST

START_TEST(line_ends)
{
    check("data: a\n\ndata: b\n\n", "|a;|b;");
    check("data: a\r\n\r\ndata: b\r\n\r\n", "|a;|b;");
    check("data: a\r\rdata: b\r\r", "|a;|b;");
    check("data: a\n\rdata: b\r\n\rdata: c\r\ndata: d\n\r\n", "|a;|b;|c\nd;");
    check("data: a\r\n\ndata: b\r\r\ndata: c\n\n", "|a;|b;|c;");
    check("data: a\ndata: b\rdata: c\r\ndata: d\n\n", "|a\nb\nc\nd;");
}
END_TEST

START_TEST(fields)
{
    check("data:a\n\n", "|a;");
    check("data:  a\n\n", "| a;");
    check("data: a \n\n", "|a ;");
    check("data:a:b: c\n\n", "|a:b: c;");
    check("data\n\n", "|;");
    check("data:\n\n", "|;");
    check("data: \n\n", "|;");
    check("data\ndata\n\n", "|\n;");
    check("data:\ndata: x\ndata:\n\n", "|\nx\n;");
    check("event: e\ndata: a\n\ndata: b\n\n", "e|a;|b;");
    check("data: a\nevent: e\n\n", "e|a;");
    check("data: a\nevent: long one\ndata: b\nevent: e\n\n", "e|a\nb;");
    check("event\ndata: a\n\n", "|a;");
    check("event: e\nevent\ndata: a\n\n", "|a;");
    check("id: 1\nretry: 10\ndata: a\n\nid: 2\n\n", "|a;");
}
END_TEST

START_TEST(what_is_no_event)
{
    static const char binary[] = "\0\xFF\0\n\nda\0ta: b\n\n";

    check("event: e\n\ndata: a\n\n", "|a;"); /* no data, no event */
    check("id: 7\n\n", "");
    check(" data: a\n\n", "");
    check("Data: a\nDATA: b\n\n", "");
    check("dat: a\ndatas: b\ndata : c\nda\n\n", "");
    check("{\"error\":\"no stream at all\"}", "");
    check("<html>\n<body>\n\ndata: a\n\n", "|a;");
    check_bytes(binary, sizeof(binary) - 1, "");
}
END_TEST

START_TEST(data_may_hold_any_byte)
{
    static const char nul[] = "data: \xFF\0\n\n";

    /* the transcript is compared as a C string: up to its NUL */
    check_bytes(nul, sizeof(nul) - 1, "|\xFF");
    check("data: \xC3\xA9\xF0\x9F\x98\x80\t\x01\n\n",
          "|\xC3\xA9\xF0\x9F\x98\x80\t\x01;");
}
END_TEST

START_TEST(comments)
{
    check(":\n\n", "#;");
    check(": keep-alive\n\ndata: a\n\n", "#keep-alive;|a;");
    check(":  two\r\n:three: 3\r", "# two;#three: 3;");
    check("data: a\n: amid\ndata: b\n:\n\n", "#amid;#;|a\nb;");
    check("event: e\n:c\ndata: a\n\n", "#c;e|a;");
}
END_TEST

START_TEST(byte_order_mark)
{
    check("\xEF\xBB\xBF"
          "data: a\n\n",
          "|a;");
    check("\xEF\xBB\xBF: c\n\xEF\xBB\xBF: d\n", "#c;");
    check("\xEF\xBB\xBF\n\ndata: a\n\n", "|a;");
    check("\xEF\xBB\xBF\xEF\xBB\xBF"
          "data: a\n\ndata: b\n\n",
          "|b;");
    check("\xEF\xBB"
          "data: a\n\ndata: b\n\n",
          "|b;");
    check("\n\xEF\xBB\xBF"
          "data: a\n\ndata: b\n\n",
          "|b;");
    check("\xEF\xBB\xBF", "");
    check("\xEF", "");
}
END_TEST

START_TEST(last_event_without_its_empty_line)
{
    check("data: a\n\ndata: b\n", "|a;|b;");
    check("data: a\n\ndata: b\r", "|a;|b;");
    check("data: a\n\ndata: b\r\n", "|a;|b;");
    check("event: e\ndata: a\ndata: b\n", "e|a\nb;");
    /* a line that was cut off is not taken for a whole one */
    check("data: a\n\ndata: [DONE]", "|a;");
    check("data: a\ndata: b", "|a;");
    check("data: a\nevent: e", "|a;");
    check("event: e\n", "");
    check(": cut off", "");
}
END_TEST

START_TEST(a_chat_stream)
{
    check("data: {\"choices\":[]}\n\n"
          "event: x\r\ndata: {\"b\":\r\ndata: 1}\r\n\r\n"
          ": ping\n\ndata: [DONE]\n\n",
          "|{\"choices\":[]};x|{\"b\":\n1};#ping;|[DONE];");
}
END_TEST

/* More than AZL_TEST_PAIRS_MAX bytes, so that single cuts are made alone. */
START_TEST(a_long_stream)
{
    const char *in = azl_test_repeat("event: e\r\ndata: {\"delta\":\"\\n\"}\r\n"
                                     "data: and\r\r\n: c\n\n",
                                     40);
    const char *out = azl_test_repeat("e|{\"delta\":\"\\n\"}\nand;#c;", 40);

    check(in, out);
}
END_TEST

static void check_cap(const char *in, apr_size_t max, apr_status_t status,
                      const char *events)
{
    expect_t expect = {events, max, status};

    azl_test_every_split(in, strlen(in), decode, &expect);
}

/* The cap strikes at the same byte however the input is split. */
START_TEST(cap)
{
    check_cap("data: 1234\n\n", 10, APR_SUCCESS, "|1234;");
    check_cap("data: 12345\n\n", 10, APR_ENOSPC, "");
    check_cap("data: 12345", 10, APR_ENOSPC, "");
    check_cap("data: a\n\nid: 1234567\n\n", 10, APR_ENOSPC, "|a;");
    check_cap(": 1234567890\n", 10, APR_ENOSPC, "");
    check_cap("\r\r\r\r\r\r\r\r\r\r\r\r\r\rdata: a\r\r", 10, APR_SUCCESS,
              "|a;");
    /* name, data with its LF and the line being read count together */
    check_cap("event: 123\ndata: 1\n\n", 10, APR_SUCCESS, "123|1;");
    check_cap("event: 123\ndata: 12\n\n", 10, APR_ENOSPC, "");
    check_cap("event: 12\ndata: 1\n\n", 9, APR_SUCCESS, "12|1;");
    check_cap("data: 12\ndata: 1\n\n", 10, APR_SUCCESS, "|12\n1;");
    check_cap("data: 12\ndata: 12\n\n", 10, APR_ENOSPC, "");
    check_cap("data:1\ndata:\ndata:\ndata\n\n", 10, APR_SUCCESS, "|1\n\n\n;");
    check_cap("data:1\ndata:\ndata:\ndata:\ndata:\ndata:\n\n", 10, APR_ENOSPC,
              "");
    check_cap("data:12\n:123456\ndata:1\n\n", 10, APR_SUCCESS,
              "#123456;|12\n1;");
    check_cap("data:12\n:1234567\n\n", 10, APR_ENOSPC, "");
    check_cap("event:12\ndata:1\n:3456\n\n", 9, APR_SUCCESS, "#3456;12|1;");
    check_cap("event:12\ndata:1\n:34567\n\n", 9, APR_ENOSPC, "");
    check_cap("\n\n", 0, APR_SUCCESS, "");
    check_cap("\n:\n", 0, APR_ENOSPC, "");
}
END_TEST

START_TEST(no_further_use_after_the_cap)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, NO_CAP);
    azl_sse_t *sse = azl_sse_create(azl_test_pool, 10);

    ck_assert_int_eq(
        azl_sse_feed(sse, "data: 12345678\n", 15, write_event, out),
        APR_ENOSPC);
    ck_assert_int_eq(azl_sse_feed(sse, "data: 1\n\n", 9, write_event, out),
                     APR_ENOSPC);
    ck_assert_int_eq(azl_sse_finish(sse, write_event, out), APR_ENOSPC);
    ck_assert_uint_eq(out->len, 0);
}
END_TEST

static apr_status_t refuse_second(void *baton, const azl_sse_event_t *ev)
{
    int *seen = baton;

    (void)ev;
    return ++*seen == 2 ? APR_EGENERAL : APR_SUCCESS;
}

START_TEST(the_callback_ends_the_feed)
{
    static const char *inputs[] = {"data: a\n\ndata: b\n\ndata: c\n\n",
                                   "data: a\n\n: b\n: c\n",
                                   ": a\ndata: 1\n: b\ndata: 2\n\n"};
    azl_sse_t *sse;
    apr_size_t i;
    int seen;

    for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        sse = azl_sse_create(azl_test_pool, NO_CAP);
        seen = 0;
        ck_assert_int_eq(azl_sse_feed(sse, inputs[i], strlen(inputs[i]),
                                      refuse_second, &seen),
                         APR_EGENERAL);
        ck_assert_int_eq(azl_sse_feed(sse, "\n", 1, refuse_second, &seen),
                         APR_EGENERAL);
        ck_assert_int_eq(azl_sse_finish(sse, refuse_second, &seen),
                         APR_EGENERAL);
        ck_assert_int_eq(seen, 2);
    }
    sse = azl_sse_create(azl_test_pool, NO_CAP);
    seen = 1;
    azl_sse_feed(sse, "data: a\n", 8, refuse_second, &seen);
    ck_assert_int_eq(azl_sse_finish(sse, refuse_second, &seen), APR_EGENERAL);
}
END_TEST

static apr_status_t note_data(void *baton, const azl_sse_event_t *ev)
{
    *(azl_span_t *)baton = ev->data;
    return APR_SUCCESS;
}

START_TEST(one_line_in_one_feed_is_not_copied)
{
    static const char in[] = "event: e\ndata: abc\n\n";
    azl_sse_t *sse = azl_sse_create(azl_test_pool, NO_CAP);
    azl_span_t data;

    azl_sse_feed(sse, in, sizeof(in) - 1, note_data, &data);
    ck_assert_ptr_eq(data.at, strstr(in, "abc"));
    ck_assert_uint_eq(data.len, 3);
}
END_TEST

static apr_status_t count_x(void *baton, const azl_sse_event_t *ev)
{
    apr_size_t *sum = baton, i;

    for (i = 0; i < ev->data.len && ev->data.at[i] == 'x'; i++) {
    }
    *sum += i;
    return APR_SUCCESS;
}

/* Lines of a megabyte in the pieces a network delivers, and a small event
 * between them. */
START_TEST(megabyte_lines)
{
    static const apr_size_t sizes[] = {1000, 8000, 8192, 65536, 3000000};
    const apr_size_t mega = 1000000;
    const char *line = azl_test_repeat("x", mega);
    const char *in =
        apr_pstrcat(azl_test_pool, "data: ", line,
                    "\r\n\r\ndata: x\n\ndata: ", line, "\n\n", NULL);
    apr_size_t i, at, len, sum, total = strlen(in);
    azl_sse_t *sse;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        sse = azl_sse_create(azl_test_pool, 2 * mega);
        sum = 0;
        for (at = 0; at < total; at += len) {
            len = total - at < sizes[i] ? total - at : sizes[i];
            ck_assert_int_eq(azl_sse_feed(sse, in + at, len, count_x, &sum),
                             APR_SUCCESS);
        }
        ck_assert_uint_eq(sum, 2 * mega + 1);
    }
}
END_TEST

TCase *azl_test_sse(void)
{
    TCase *tc = azl_test_tcase("sse");

    tcase_add_test(tc, nothing);
    tcase_add_test(tc, line_ends);
    tcase_add_test(tc, fields);
    tcase_add_test(tc, what_is_no_event);
    tcase_add_test(tc, data_may_hold_any_byte);
    tcase_add_test(tc, comments);
    tcase_add_test(tc, byte_order_mark);
    tcase_add_test(tc, last_event_without_its_empty_line);
    tcase_add_test(tc, a_chat_stream);
    tcase_add_test(tc, a_long_stream);
    tcase_add_test(tc, cap);
    tcase_add_test(tc, no_further_use_after_the_cap);
    tcase_add_test(tc, the_callback_ends_the_feed);
    tcase_add_test(tc, one_line_in_one_feed_is_not_copied);
    tcase_add_test(tc, megabyte_lines);
    return tc;
}
