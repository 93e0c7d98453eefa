/*
 * azl_multipart: boundaries, the parts of what clients send, and the refusal
 * of what could be read in two ways.
 */
#include <apr_strings.h>

#include "azl_multipart.h"
#include "azl_test.h"

#define FORM "multipart/form-data; boundary="
#define NAME(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

static const char *parse(const char *body, apr_size_t len, azl_multipart_t *m)
{
    return azl_multipart_parse(azl_test_pool, "b", azl_test_exact(body, len),
                               len, m);
}

static void check_refused(const char *body)
{
    azl_multipart_t m;

    ck_assert_msg(parse(body, strlen(body), &m), "accepted: %s", body);
    ck_assert_int_eq(m.nparts, 0);
}

/* One part with these headers (without the final empty line). */
static const char *with_headers(const char *headers)
{
    return apr_pstrcat(azl_test_pool, "--b\r\n", headers,
                       "\r\nvalue\r\n--b--\r\n", NULL);
}

START_TEST(boundaries)
{
    static const struct {
        const char *type;
        const char *boundary;
    } cases[] = {
        {FORM "abc", "abc"},
        {FORM "\"abc\"", "abc"},
        {"Multipart/Form-Data;Boundary=abc", "abc"},
        {" multipart/form-data ;\tboundary=abc ", "abc"},
        {"multipart/form-data; charset=utf-8; boundary=abc; x=\"y;z\"", "abc"},
        {"multipart/form-data; ;boundary=abc;", "abc"},
        {FORM "\"a b\"", "a b"},
        {FORM "\"a'()+_,-./:=?z\"", "a'()+_,-./:=?z"},
        {FORM "----WebKitFormBoundary7MA4YWxk",
         "----WebKitFormBoundary7MA4YWxk"},
        {FORM "=_a/b:c", "=_a/b:c"},
        {FORM "azAZ09", "azAZ09"},
        {FORM "\"azAZ09\"", "azAZ09"},
        {FORM "a[b]", NULL},
        {FORM "a@b`{c", NULL},
        {NULL, NULL},
        {"", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data;", NULL},
        {"multipart/form-data; bound=abc", NULL},
        {"multipart/form-data; boundary", NULL},
        {"multipart/form-data; boundary =abc", NULL},
        {"multipart/form-data boundary=abc", NULL},
        {"multipart/form-data; =abc", NULL},
        {"multipart/mixed; boundary=abc", NULL},
        {"multipart/form-data2; boundary=abc", NULL},
        {"application/json", NULL},
        {"application/json; x=\"multipart/form-data; boundary=abc\"", NULL},
        {FORM, NULL},
        {FORM "\"\"", NULL},
        {FORM "\"abc", NULL},
        {FORM "\"abc \"", NULL},
        {FORM "\"a\\bc\"", NULL},
        {FORM "\"a\\\"", NULL},
        {FORM "a*b", NULL},
        {FORM "a\"b", NULL},
        {FORM "a b", NULL},
        {FORM "\"a\xC3\xA4\"", NULL},
        {FORM "\"a\r\nb\"", NULL},
        {FORM "abc; boundary=abc", NULL},
        {FORM "abc; x", NULL},
        {FORM "abc \"x\"", NULL},
    };
    const char *boundary;
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        boundary = azl_multipart_boundary(azl_test_pool, cases[i].type);
        ck_assert_pstr_eq(boundary, cases[i].boundary);
    }
}
END_TEST

START_TEST(boundary_length)
{
    const char *max = azl_test_repeat("x", 70);
    const char *more = azl_test_repeat("x", 71);

    ck_assert_pstr_eq(
        azl_multipart_boundary(azl_test_pool,
                               apr_pstrcat(azl_test_pool, FORM, max, NULL)),
        max);
    ck_assert_ptr_null(azl_multipart_boundary(
        azl_test_pool, apr_pstrcat(azl_test_pool, FORM, more, NULL)));
}
END_TEST

/* Dashes, bare line ends, a NUL, and the delimiter within a line. */
#define SOUND "RIFF\0\r\n--\r\n--a\n\r--\xFF x--b y\rx--b\r\n"

START_TEST(reads_a_form)
{
    static const char sound[] = SOUND;
    static const char body[] =
        "--b\r\n"
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
        "Content-Type: audio/wav\r\n"
        "\r\n" SOUND "\r\n"
        "--b \t\r\n"
        "content-disposition:form-data;NAME=model;filename*=x\r\n"
        "\r\n"
        "\r\n"
        "--b\r\n" NAME("timestamp_granularities[]") "\r\n"
                                                    "word\r\n"
                                                    "--b--\r\n";
    azl_multipart_t m;

    ck_assert_ptr_null(parse(body, sizeof(body) - 1, &m));
    ck_assert_int_eq(m.nparts, 3);

    ck_assert_str_eq(azl_test_str(m.parts[0].name), "file");
    ck_assert_int_eq(m.parts[0].has_filename, 1);
    ck_assert_str_eq(
        azl_test_str(m.parts[0].headers),
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
        "Content-Type: audio/wav\r\n");
    ck_assert_uint_eq(m.parts[0].content.len, sizeof(sound) - 1);
    ck_assert_mem_eq(m.parts[0].content.at, sound, sizeof(sound) - 1);

    ck_assert_str_eq(azl_test_str(m.parts[1].name), "model");
    ck_assert_int_eq(m.parts[1].has_filename, 1);
    ck_assert_str_eq(azl_test_str(m.parts[1].content), "");

    ck_assert_str_eq(azl_test_str(m.parts[2].name),
                     "timestamp_granularities[]");
    ck_assert_int_eq(m.parts[2].has_filename, 0);
    ck_assert_str_eq(azl_test_str(m.parts[2].content), "word");
}
END_TEST

START_TEST(shortest_forms)
{
    static const char empty[] = "--b\r\n" NAME("a") "\r\n\r\n--b--";
    azl_multipart_t m;

    ck_assert_ptr_null(parse("--b--", 5, &m));
    ck_assert_int_eq(m.nparts, 0);
    ck_assert_ptr_null(parse("--b-- \t", 7, &m));
    ck_assert_ptr_null(parse("--b--\r\n\r\n", 9, &m));
    ck_assert_ptr_null(parse(empty, strlen(empty), &m));
    ck_assert_int_eq(m.nparts, 1);
    ck_assert_uint_eq(m.parts[0].content.len, 0);
}
END_TEST

START_TEST(accepts_other_headers)
{
    static const char *headers[] = {
        NAME("a") "Content-Type: text/plain; charset=\"x\"\r\n",
        "X-Other:\r\nx~_1!: ?\r\n" NAME("a"),
        NAME("a") "Content-Transfer-Encoding: BINARY\r\n",
        NAME("a") "Content-Transfer-Encoding: 8bit\r\n",
        NAME("a") "content-transfer-encoding: 7bit \r\n",
        "Content-Disposition: FORM-DATA ; Name=a ; \r\n",
        "Content-Disposition: form-data; filename=\"C:\\a\\b.wav\"; name=a\r\n",
        "Content-Disposition: form-data; name=\"a\"; filename=\"\"\r\n",
        "Content-Disposition: form-data; name=\"a;b=c\"\r\n",
        "Content-Disposition: form-data; name=\"\xC3\xA4\"; size=1\r\n",
    };
    azl_multipart_t m;
    const char *body;
    apr_size_t i;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        body = with_headers(headers[i]);
        ck_assert_pstr_eq(parse(body, strlen(body), &m), NULL);
        ck_assert_int_eq(m.nparts, 1);
        ck_assert_str_eq(azl_test_str(m.parts[0].content), "value");
    }
}
END_TEST

START_TEST(refuses_headers)
{
    static const char *headers[] = {
        "",
        "Content-Type: text/plain\r\n",
        "Content-Disposition: form-data\r\n",
        "Content-Disposition: form-data; filename=\"a\"\r\n",
        "Content-Disposition: attachment; name=\"a\"\r\n",
        "Content-Disposition: form-data; name=\"a\"; name=\"a\"\r\n",
        "Content-Disposition: form-data; name=\"a\"; NAME=b\r\n",
        NAME("a") NAME("a"),
        "Content-Disposition: form-data; name*=utf-8''a\r\n",
        "Content-Disposition: form-data; name=\"a\"; name*=utf-8''b\r\n",
        "Content-Disposition: form-data; name=\"\"\r\n",
        "Content-Disposition: form-data; name=\r\n",
        "Content-Disposition: form-data; name=\"a\r\n",
        "Content-Disposition: form-data; name=\"a\\\"b\"\r\n",
        "Content-Disposition: form-data; name=\"a\\b\"\r\n",
        "Content-Disposition: form-data; name=a\\b\r\n",
        "Content-Disposition: form-data; filename=\"\\\"; name=\"a\"\r\n",
        "Content-Disposition: form-data; filename=; name=\"a\"\r\n",
        "Content-Disposition: form-data; name=\"a\" filename=\"b\"\r\n",
        "Content-Disposition: form-data; name=\"a\"; filename\r\n",
        "Content-Disposition: form-data, name=\"a\"\r\n",
        "Content-Disposition: form-data;\r\n name=\"a\"\r\n",
        NAME("a") " folded\r\n",
        NAME("a") "\tfolded\r\n",
        NAME("a") "no colon\r\n",
        NAME("a") ": no name\r\n",
        NAME("a") "X-Blank : before the colon\r\n",
        NAME("a") "X-Bare: a\nContent-Disposition: form-data; name=\"b\"\r\n",
        NAME("a") "X-Bare: a\rb\r\n",
        NAME("a") "X-Control: \x01\r\n",
        NAME("a") "X-Control: \x7F\r\n",
        NAME("a") "Content-Transfer-Encoding: base64\r\n",
        NAME("a") "Content-Transfer-Encoding: quoted-printable\r\n",
        NAME("a") "Content-Transfer-Encoding:\r\n",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        check_refused(with_headers(headers[i]));
    }
}
END_TEST

#define PART "--b\r\n" NAME("a") "\r\nvalue\r\n"

START_TEST(refuses_bodies)
{
    static const char *bodies[] = {
        "",
        "--",
        "--c--",
        "--b",
        "--b\r\n",
        "--b\n",
        "--bb--",
        "--b x--",
        "--b-",
        "--b--x",
        "--b--\n",
        "--b--\r\nepilogue",
        "--b--\r\n" PART "--b--",
        "\r\n--b--",
        "preamble\r\n--b--",
        "preamble\r\n" PART "--b--",
        PART,
        PART "--b",
        PART "--b-",
        PART "--bb\r\n",
        PART "--b\n--b--",
        "--b\n" NAME("a") "\r\nvalue\r\n--b--",
        "--b\r\n" NAME("a"),
        "--b\r\n" NAME("a") "\r\n",
        "--b\r\n" NAME("a") "\r\nvalue",
        "--b\r\n" NAME("a") "\r\nvalue--b--",
        "--b\r\n" NAME("a") "\r\n--b--",
        "--b\r\n" NAME("a") "\r\n\n--b--",
        "--b\r\n" NAME("a") "\r\nvalue\n--b--\r\n",
        "--b\r\n" NAME("a") "\r\nvalue\r--b--\r\n",
        "--b\r\n" NAME("a") "\r\nvalue\n--b\nmore\r\n--b--\r\n",
        "--b\r\n" NAME("a") "\r\nvalue\r\n--bc\r\n--b--\r\n",
        "--b\r\n" NAME("a") "\r\nvalue\r\n--b--\r\n--b--\r\n",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        check_refused(bodies[i]);
    }
}
END_TEST

START_TEST(refuses_what_is_cut_off)
{
    static const char body[] = PART "--b\r\n" NAME("b") "\r\nvalue\r\n--b--";
    azl_multipart_t m;
    apr_size_t len;

    ck_assert_ptr_null(parse(body, sizeof(body) - 1, &m));
    for (len = 0; len < sizeof(body) - 1; len++) {
        ck_assert_ptr_nonnull(parse(body, len, &m));
        ck_assert_int_eq(m.nparts, 0);
    }
}
END_TEST

START_TEST(nul_in_a_name)
{
    static const char body[] =
        "--b\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n\r\n--b--";
    azl_multipart_t m;

    ck_assert_ptr_nonnull(parse(body, sizeof(body) - 1, &m));
}
END_TEST

START_TEST(parts_have_a_limit)
{
    const char *max = azl_test_repeat(PART, AZL_MULTIPART_PARTS_MAX);
    const char *body = apr_pstrcat(azl_test_pool, max, "--b--", NULL);
    azl_multipart_t m;

    ck_assert_ptr_null(parse(body, strlen(body), &m));
    ck_assert_int_eq(m.nparts, AZL_MULTIPART_PARTS_MAX);
    check_refused(apr_pstrcat(azl_test_pool, max, PART, "--b--", NULL));
}
END_TEST

START_TEST(headers_have_a_limit)
{
    static const char start[] = NAME("a") "X: ";
    const char *fill = azl_test_repeat(
        "x", AZL_MULTIPART_HEADER_MAX - (sizeof(start) - 1) - strlen("\r\n"));
    const char *body =
        with_headers(apr_pstrcat(azl_test_pool, start, fill, "\r\n", NULL));
    azl_multipart_t m;

    ck_assert_ptr_null(parse(body, strlen(body), &m));
    ck_assert_uint_eq(m.parts[0].headers.len, AZL_MULTIPART_HEADER_MAX);
    check_refused(
        with_headers(apr_pstrcat(azl_test_pool, start, fill, "x\r\n", NULL)));
}
END_TEST

START_TEST(large_content)
{
    const apr_size_t mega = 1024 * 1024;
    char *content = azl_test_repeat("\r\n--", mega / 4);
    const char *body =
        apr_pstrcat(azl_test_pool, "--bound\r\n" NAME("f") "\r\n", content,
                    "\r\n--bound--\r\n", NULL);
    azl_multipart_t m;

    ck_assert_ptr_null(
        azl_multipart_parse(azl_test_pool, "bound", body, strlen(body), &m));
    ck_assert_uint_eq(m.parts[0].content.len, mega);
}
END_TEST

START_TEST(finds_by_name)
{
    static const char body[] = "--b\r\n" NAME("one") "\r\n1\r\n--b\r\n" NAME(
        "two") "\r\n2\r\n"
               "--b\r\n" NAME("two") "\r\n3\r\n--b\r\n" NAME(
                   "two") "\r\n4\r\n--b--";
    const azl_part_t *part;
    azl_multipart_t m;
    int twice;

    ck_assert_ptr_null(parse(body, sizeof(body) - 1, &m));
    part = azl_multipart_find(&m, "one", &twice);
    ck_assert_str_eq(azl_test_str(part->content), "1");
    ck_assert_int_eq(twice, 0);
    part = azl_multipart_find(&m, "two", &twice);
    ck_assert_str_eq(azl_test_str(part->content), "2");
    ck_assert_int_eq(twice, 1);
    ck_assert_ptr_null(azl_multipart_find(&m, "On", &twice));
    ck_assert_int_eq(twice, 0);
    ck_assert_ptr_null(azl_multipart_find(&m, "ONE", &twice));
}
END_TEST

TCase *azl_test_multipart(void)
{
    TCase *tc = azl_test_tcase("multipart");

    tcase_add_test(tc, boundaries);
    tcase_add_test(tc, boundary_length);
    tcase_add_test(tc, reads_a_form);
    tcase_add_test(tc, shortest_forms);
    tcase_add_test(tc, accepts_other_headers);
    tcase_add_test(tc, refuses_headers);
    tcase_add_test(tc, refuses_bodies);
    tcase_add_test(tc, refuses_what_is_cut_off);
    tcase_add_test(tc, nul_in_a_name);
    tcase_add_test(tc, parts_have_a_limit);
    tcase_add_test(tc, headers_have_a_limit);
    tcase_add_test(tc, large_content);
    tcase_add_test(tc, finds_by_name);
    return tc;
}
