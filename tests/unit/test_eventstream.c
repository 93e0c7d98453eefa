/*
 * azl_eventstream: frames, checksums, headers and limits, with every input fed
 * in all its splits.
 */
#include <apr_errno.h>
#include <apr_strings.h>

#include "azl_test.h"
#include "frame_fixture.h"

#define NO_CAP (1024 * 1024)

/* What an input must come to. Frames are written one after the other as
 * message-type/event-type/exception-type/error-code|payload; */
typedef struct expect_t {
    const char *frames;
    apr_size_t max;
    apr_status_t status;
    int whole;
} expect_t;

static apr_status_t write_frame(void *baton, const azl_frame_t *f)
{
    azl_buf_t *out = baton;

    azl_buf_span(out, f->message_type);
    azl_buf_puts(out, "/");
    azl_buf_span(out, f->event_type);
    azl_buf_puts(out, "/");
    azl_buf_span(out, f->exception_type);
    azl_buf_puts(out, "/");
    azl_buf_span(out, f->error_code);
    azl_buf_puts(out, "|");
    azl_buf_span(out, f->payload);
    azl_buf_puts(out, ";");
    return APR_SUCCESS;
}

static void decode(apr_pool_t *p, void *baton, const azl_span_t *pieces, int n)
{
    const expect_t *expect = baton;
    azl_buf_t *out = azl_buf_create(p, NO_CAP);
    azl_eventstream_t *es = azl_eventstream_create(p, expect->max);
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n; i++) {
        rv = azl_eventstream_feed(es, pieces[i].at, pieces[i].len, write_frame,
                                  out);
    }
    ck_assert_int_eq(rv, expect->status);
    ck_assert_int_eq(azl_eventstream_is_whole(es), expect->whole);
    ck_assert_str_eq(azl_buf_pstr(out, p), expect->frames);
}

static azl_buf_t *buffer(void)
{
    return azl_buf_create(azl_test_pool, 32 * NO_CAP);
}

static void check(const azl_buf_t *in, const char *frames, apr_status_t status,
                  int whole)
{
    expect_t expect = {frames, NO_CAP, status, whole};

    azl_test_every_split(in->data, in->len, decode, &expect);
}

/* One frame with these headers and no payload. */
static void check_headers(const char *headers, apr_size_t len,
                          const char *frames, apr_status_t status)
{
    azl_buf_t *in = buffer();

    put_frame(in, azl_span(headers, len), azl_span("", 0));
    check(in, frames, status, status == APR_SUCCESS);
}

#define CHECK_HEADERS(bytes, frames, status)                                   \
    check_headers(bytes, sizeof(bytes) - 1, frames, status)

/* The values are zlib's. */
START_TEST(checksum)
{
    ck_assert_uint_eq(azl_crc32(0, "", 0), 0);
    ck_assert_uint_eq(azl_crc32(0, "123456789", 9), 0xcbf43926);
    ck_assert_uint_eq(azl_crc32(azl_crc32(0, "1234", 4), "56789", 5),
                      0xcbf43926);
}
END_TEST

/* Written down from another encoder: ours in the fixture uses the same
 * checksum as the decoder. */
START_TEST(a_frame_byte_by_byte)
{
    static const char frame[] =
        "\x00\x00\x00\x19\x00\x00\x00\x06\xe1\xb1\x8f\xaf\x01\x61\x07\x00\x01"
        "\x62\x78\x79\x7a\x39\x75\x96\x2f";
    expect_t expect = {"///|xyz;", NO_CAP, APR_SUCCESS, 1};

    azl_test_every_split(frame, sizeof(frame) - 1, decode, &expect);
}
END_TEST

START_TEST(events_and_exceptions)
{
    azl_buf_t *in = buffer();

    put_event(azl_test_pool, in, "event", "messageStart", "{}");
    put_event(azl_test_pool, in, "event", "metadata", "{\"a\":1}");
    put_event(azl_test_pool, in, "exception", "throttlingException", "{}");
    check(in,
          "event/messageStart//|{};event/metadata//|{\"a\":1};"
          "exception//throttlingException/|{};",
          APR_SUCCESS, 1);
}
END_TEST

START_TEST(an_error_without_payload)
{
    azl_buf_t *in = buffer();
    azl_buf_t *headers = buffer();

    put_header(headers, ":message-type", "error");
    put_header(headers, ":error-code", "InternalError");
    put_header(headers, ":error-message", "it is over");
    put_frame(in, azl_span(headers->data, headers->len), azl_span("", 0));
    check(in, "error///InternalError|;", APR_SUCCESS, 1);
}
END_TEST

START_TEST(nothing_and_empty_frames)
{
    azl_buf_t *in = buffer();
    expect_t expect = {"", NO_CAP, APR_SUCCESS, 1};

    azl_test_every_split("", 0, decode, &expect);
    put_frame(in, azl_span("", 0), azl_span("", 0));
    put_frame(in, azl_span("", 0), azl_span("x", 1));
    check(in, "///|;///|x;", APR_SUCCESS, 1);
}
END_TEST

START_TEST(every_type_of_header)
{
    static const char headers[] =
        "\1a\0\1b\1\1c\2\x7f\1d\3\1\2\1e\4\0\0\0\1\1f\5\0\0\0\0\0\0\0\1"
        "\1g\6\0\2hi\1h\7\0\0\1i\10\1\2\3\4\5\6\7\10\1j\11uuuuuuuuuuuuuuuu";
    static const struct {
        char name;
        azl_header_type_e type;
        apr_size_t len;
    } expected[] = {
        {'a', AZL_HEADER_TRUE, 0},      {'b', AZL_HEADER_FALSE, 0},
        {'c', AZL_HEADER_INT8, 1},      {'d', AZL_HEADER_INT16, 2},
        {'e', AZL_HEADER_INT32, 4},     {'f', AZL_HEADER_INT64, 8},
        {'g', AZL_HEADER_BYTES, 2},     {'h', AZL_HEADER_STRING, 0},
        {'i', AZL_HEADER_TIMESTAMP, 8}, {'j', AZL_HEADER_UUID, 16},
    };
    azl_span_t rest = azl_span(headers, sizeof(headers) - 1);
    azl_frame_header_t h;
    int i;

    for (i = 0; i < 10; i++) {
        ck_assert_int_eq(azl_frame_header(&rest, &h), 1);
        ck_assert_uint_eq(h.name.len, 1);
        ck_assert_int_eq(*h.name.at, expected[i].name);
        ck_assert_int_eq(h.type, expected[i].type);
        ck_assert_uint_eq(h.value.len, expected[i].len);
    }
    ck_assert_int_eq(azl_frame_header(&rest, &h), 0);
    CHECK_HEADERS(headers, "///|;", APR_SUCCESS);
}
END_TEST

START_TEST(damaged_headers)
{
    static const char not_text[] = "\13:event-type\0";

    CHECK_HEADERS("\1", "", APR_EGENERAL);
    CHECK_HEADERS("\2a", "", APR_EGENERAL);
    CHECK_HEADERS("\1a", "", APR_EGENERAL);
    CHECK_HEADERS("\1a\12", "", APR_EGENERAL);
    CHECK_HEADERS("\1a\4\0\0\0", "", APR_EGENERAL);
    CHECK_HEADERS("\1a\7\0", "", APR_EGENERAL);
    CHECK_HEADERS("\1a\7\0\2x", "", APR_EGENERAL);
    CHECK_HEADERS("\1a\7\377\377x", "", APR_EGENERAL);
    CHECK_HEADERS("\1a\11u", "", APR_EGENERAL);
    /* what is known must be clear; what is not, is not our business */
    CHECK_HEADERS("\13:event-type\7\0\1a\13:event-type\7\0\0", "",
                  APR_EGENERAL);
    CHECK_HEADERS("\1a\0\1a\0", "///|;", APR_SUCCESS);
    CHECK_HEADERS(not_text, "///|;", APR_SUCCESS);
}
END_TEST

/* Any bit that differs is seen, wherever it is, and nothing of its frame gets
 * out. */
START_TEST(every_wrong_bit)
{
    azl_buf_t *in = buffer();
    azl_buf_t *out = buffer();
    apr_size_t first, i;
    char *copy;

    put_event(azl_test_pool, in, "event", "a", "{}");
    first = in->len;
    put_event(azl_test_pool, in, "event", "b", "{\"c\":1}");
    for (i = 8 * first; i < 8 * in->len; i++) {
        azl_eventstream_t *es = azl_eventstream_create(azl_test_pool, NO_CAP);
        apr_status_t rv;

        copy = apr_pmemdup(azl_test_pool, in->data, in->len);
        copy[i / 8] ^= (char)(1 << i % 8);
        azl_buf_clear(out);
        rv = azl_eventstream_feed(es, copy, in->len, write_frame, out);
        ck_assert_int_eq(rv, APR_EGENERAL);
        ck_assert_int_eq(azl_eventstream_is_whole(es), 0);
        ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), "event/a//|{};");
    }
}
END_TEST

START_TEST(what_is_no_stream)
{
    expect_t expect = {"", NO_CAP, APR_EGENERAL, 0};
    static const char json[] = "{\"message\":\"no stream\"}";
    azl_buf_t *in = buffer();

    azl_test_every_split(json, sizeof(json) - 1, decode, &expect);
    /* lengths that contradict each other, under a good checksum */
    put_number(in, 15, 4);
    put_number(in, 0, 4);
    put_number(in, azl_crc32(0, in->data, 8), 4);
    check(in, "", APR_EGENERAL, 0);
    azl_buf_clear(in);
    put_number(in, 20, 4);
    put_number(in, 5, 4);
    put_number(in, azl_crc32(0, in->data, 8), 4);
    check(in, "", APR_EGENERAL, 0);
}
END_TEST

START_TEST(cut_off)
{
    azl_buf_t *in = buffer();
    apr_size_t first, len;

    put_event(azl_test_pool, in, "event", "a", "{}");
    first = in->len;
    put_event(azl_test_pool, in, "event", "b", "{}");
    for (len = first + 1; len < in->len; len++) {
        azl_buf_t *out = buffer();
        azl_eventstream_t *es = azl_eventstream_create(azl_test_pool, NO_CAP);

        ck_assert_int_eq(azl_eventstream_feed(es, azl_test_exact(in->data, len),
                                              len, write_frame, out),
                         APR_SUCCESS);
        ck_assert_int_eq(azl_eventstream_is_whole(es), 0);
        ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), "event/a//|{};");
    }
}
END_TEST

/* Only the prelude: what it says is too much before there is any of it. */
static apr_status_t feed_prelude(apr_uint32_t headers, apr_uint32_t payload,
                                 apr_size_t max)
{
    azl_buf_t *in = buffer();
    azl_eventstream_t *es = azl_eventstream_create(azl_test_pool, max);

    put_number(in, headers + payload + AZL_FRAME_OVERHEAD, 4);
    put_number(in, headers, 4);
    put_number(in, azl_crc32(0, in->data, 8), 4);
    return azl_eventstream_feed(es, in->data, in->len, write_frame, NULL);
}

START_TEST(limits)
{
    apr_size_t max = 2 * AZL_FRAME_PAYLOAD_MAX;

    ck_assert_int_eq(feed_prelude(AZL_FRAME_HEADERS_MAX, 0, max), APR_SUCCESS);
    ck_assert_int_eq(feed_prelude(AZL_FRAME_HEADERS_MAX + 1, 0, max),
                     APR_ENOSPC);
    ck_assert_int_eq(feed_prelude(1, AZL_FRAME_PAYLOAD_MAX, max), APR_SUCCESS);
    ck_assert_int_eq(feed_prelude(1, AZL_FRAME_PAYLOAD_MAX + 1, max),
                     APR_ENOSPC);
    ck_assert_int_eq(feed_prelude(0, 84, 100), APR_SUCCESS);
    ck_assert_int_eq(feed_prelude(0, 85, 100), APR_ENOSPC);
    /* a cap that no frame keeps */
    ck_assert_int_eq(feed_prelude(0, 0, 1), APR_ENOSPC);
}
END_TEST

START_TEST(the_largest_frame)
{
    azl_buf_t *in = buffer();
    char *headers = apr_pcalloc(azl_test_pool, AZL_FRAME_HEADERS_MAX);
    char *payload = azl_test_repeat("x", AZL_FRAME_PAYLOAD_MAX);
    apr_size_t sizes[] = {1021, 65536, 32 * NO_CAP};
    apr_size_t i, at, len;

    put_frame(in, azl_span(headers, AZL_FRAME_HEADERS_MAX),
              azl_span(payload, AZL_FRAME_PAYLOAD_MAX));
    for (i = 0; i < 3; i++) {
        azl_eventstream_t *es =
            azl_eventstream_create(azl_test_pool, 32 * NO_CAP);
        azl_buf_t *out = buffer();

        for (at = 0; at < in->len; at += len) {
            len = in->len - at < sizes[i] ? in->len - at : sizes[i];
            ck_assert_int_eq(
                azl_eventstream_feed(es, in->data + at, len, write_frame, out),
                APR_SUCCESS);
        }
        ck_assert_int_eq(azl_eventstream_is_whole(es), 1);
        ck_assert_uint_eq(out->len, AZL_FRAME_PAYLOAD_MAX + strlen("///|;"));
        azl_buf_free(out);
    }
}
END_TEST

static apr_status_t end_it(void *baton, const azl_frame_t *f)
{
    (void)f;
    ++*(int *)baton;
    return APR_EOF;
}

START_TEST(the_callback_ends_the_feed)
{
    azl_buf_t *in = buffer();
    azl_eventstream_t *es = azl_eventstream_create(azl_test_pool, NO_CAP);
    int calls = 0;

    put_event(azl_test_pool, in, "event", "a", "{}");
    put_event(azl_test_pool, in, "event", "b", "{}");
    ck_assert_int_eq(
        azl_eventstream_feed(es, in->data, in->len, end_it, &calls), APR_EOF);
    ck_assert_int_eq(
        azl_eventstream_feed(es, in->data, in->len, end_it, &calls), APR_EOF);
    ck_assert_int_eq(calls, 1);
}
END_TEST

static apr_status_t is_in_feed(void *baton, const azl_frame_t *f)
{
    const azl_buf_t *in = baton;

    ck_assert(f->payload.at >= in->data);
    ck_assert(f->payload.at < in->data + in->len);
    return APR_SUCCESS;
}

START_TEST(whole_frames_are_not_copied)
{
    azl_buf_t *in = buffer();
    azl_eventstream_t *es = azl_eventstream_create(azl_test_pool, NO_CAP);

    put_event(azl_test_pool, in, "event", "a", "{}");
    put_event(azl_test_pool, in, "event", "b", "{}");
    ck_assert_int_eq(
        azl_eventstream_feed(es, in->data, in->len, is_in_feed, in),
        APR_SUCCESS);
}
END_TEST

TCase *azl_test_eventstream(void)
{
    TCase *tc = azl_test_tcase("eventstream");

    tcase_add_test(tc, checksum);
    tcase_add_test(tc, a_frame_byte_by_byte);
    tcase_add_test(tc, events_and_exceptions);
    tcase_add_test(tc, an_error_without_payload);
    tcase_add_test(tc, nothing_and_empty_frames);
    tcase_add_test(tc, every_type_of_header);
    tcase_add_test(tc, damaged_headers);
    tcase_add_test(tc, every_wrong_bit);
    tcase_add_test(tc, what_is_no_stream);
    tcase_add_test(tc, cut_off);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, the_largest_frame);
    tcase_add_test(tc, the_callback_ends_the_feed);
    tcase_add_test(tc, whole_frames_are_not_copied);
    return tc;
}
