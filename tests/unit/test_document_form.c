#include "document_fixture.h"

#define FORM_TYPE "multipart/form-data; boundary=XyZ"

static int reads_form(azl_op_e op, azl_params_e params, const char *body)
{
    return azl_document_read(azl_test_pool, op, params, FORM_TYPE,
                             quoted_span(body), &doc, &err);
}

static const char *form_refusal(azl_params_e params, const char *body)
{
    return reads_form(AZL_OP_AUDIO_TRANSCRIPTIONS, params, body)
               ? ""
               : apr_pstrcat(azl_test_pool, err.code, err.param ? " " : "",
                             err.param, NULL);
}

#define PART(name, content)                                                    \
    "--XyZ\r\nContent-Disposition: form-data; name='" name "'\r\n\r\n" content \
    "\r\n"
#define FILE_PART(name)                                                        \
    "--XyZ\r\nContent-Disposition: form-data; name='" name                     \
    "'; filename='a.wav'\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n"
#define FORM_END "--XyZ--\r\n"

START_TEST(forms)
{
    ck_assert(reads_form(AZL_OP_AUDIO_TRANSCRIPTIONS, AZL_PARAMS_KEEP,
                         FILE_PART("file") PART("stream", "True")
                             PART("model", "whisper-1") FORM_END));
    ck_assert_int_eq(doc.multipart, 1);
    ck_assert_str_eq(doc.boundary, "XyZ");
    ck_assert_str_eq(doc.model, "whisper-1");
    ck_assert_str_eq(azl_test_str(doc.model_raw), "whisper-1");
    ck_assert_int_eq(doc.stream, 1);
    ck_assert_int_eq((int)doc.insert_at, 0);
    ck_assert_int_eq(doc.empty, 0);

    ck_assert(reads_form(AZL_OP_AUDIO_TRANSLATIONS, AZL_PARAMS_KEEP,
                         FILE_PART("file") PART("stream", "true") FORM_END));
    ck_assert_ptr_null(doc.model);
    ck_assert_int_eq(doc.stream, 0); /* translations have no streams */

    ck_assert(reads_form(AZL_OP_IMAGES_EDITS, AZL_PARAMS_REJECT,
                         FILE_PART("image[]") FILE_PART("image[]") PART(
                             "model", "") PART("stream", "false") FORM_END));
    ck_assert_ptr_null(doc.model);
    ck_assert_ptr_nonnull(doc.model_raw.at);
    ck_assert_int_eq(doc.stream, 0);
}
END_TEST

START_TEST(bad_forms)
{
    static const struct {
        const char *body;
        const char *expected;
    } cases[] = {
        {PART("model", "a") PART("model", "a") FORM_END,
         "duplicate_parameter model"},
        {PART("stream", "true") PART("stream", "true") FORM_END,
         "duplicate_parameter stream"},
        {PART("model[]", "a") FORM_END, "ambiguous_parameter model"},
        {PART("Model", "a") FORM_END, "ambiguous_parameter model"},
        {PART("api_base", "a") FORM_END, "forbidden_parameter api_base"},
        {PART("base_url[0]", "a") FORM_END, "ambiguous_parameter base_url"},
        {FILE_PART("model") FORM_END, "invalid_type model"},
        {"", "invalid_multipart"},
        {"--XyZ--\r\n", "invalid_multipart"},
        {PART("model", "a"), "invalid_multipart"},
        {"{'model':'a'}", "invalid_multipart"},
        {PART("include[]", "a") PART("include[]", "b") FORM_END, ""},
        {PART("prompt", "a") PART("prompt", "b") FORM_END, ""},
        {PART("x", "a") FORM_END, ""},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert_str_eq(form_refusal(AZL_PARAMS_KEEP, cases[i].body),
                         cases[i].expected);
    }
    ck_assert_str_eq(form_refusal(AZL_PARAMS_REJECT,
                                  PART("x", "a") PART("model", "m") FORM_END),
                     "unknown_parameter x");
}
END_TEST

START_TEST(a_model_with_a_nul_is_none)
{
    static const char body[] =
        "--XyZ\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\0b"
        "\r\n--XyZ--\r\n";

    ck_assert(!azl_document_read(
        azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS, AZL_PARAMS_KEEP, FORM_TYPE,
        azl_span(azl_test_exact(body, sizeof(body) - 1), sizeof(body) - 1),
        &doc, &err));
    ck_assert_str_eq(err.param, "model");
}
END_TEST

START_TEST(fields_are_dropped)
{
    static const struct {
        const char *body;
        const char *left;
    } cases[] = {
        {PART("x", "1") PART("model", "m") FORM_END,
         PART("model", "m") FORM_END},
        {PART("model", "m") PART("x", "1") FORM_END,
         PART("model", "m") FORM_END},
        {PART("x", "1") PART("model", "m") PART("y", "2") PART("z", "")
             FILE_PART("file") FILE_PART("w") FORM_END,
         PART("model", "m") FILE_PART("file") FORM_END},
        {PART("x", "1") FORM_END, FORM_END},
        {PART("x", "1") FILE_PART("y") FORM_END, FORM_END},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert(reads_form(AZL_OP_AUDIO_TRANSCRIPTIONS, AZL_PARAMS_DROP,
                             cases[i].body));
        ck_assert_str_eq(without_drops(), quoted(cases[i].left));
        ck_assert_int_eq(doc.empty, i > 2);
    }
}
END_TEST

START_TEST(types_of_content)
{
    azl_span_t json = quoted_span("{'model':'m'}");

    ck_assert(!azl_document_read(azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS,
                                 AZL_PARAMS_KEEP, "application/json", json,
                                 &doc, &err));
    ck_assert_str_eq(err.code, "invalid_content_type");
    ck_assert(!azl_document_read(azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS,
                                 AZL_PARAMS_KEEP, NULL, json, &doc, &err));
    ck_assert(!azl_document_read(azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS,
                                 AZL_PARAMS_KEEP, "multipart/form-data", json,
                                 &doc, &err));
    ck_assert_str_eq(err.code, "invalid_multipart");
    /* curl -d without a header says something else; the body counts */
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                "application/x-www-form-urlencoded", json, &doc,
                                &err));
    ck_assert_str_eq(doc.content_type, "application/x-www-form-urlencoded");
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                NULL, json, &doc, &err));
}
END_TEST

TCase *azl_test_document_form(void)
{
    TCase *tc = azl_test_tcase("document_form");

    tcase_add_test(tc, forms);
    tcase_add_test(tc, bad_forms);
    tcase_add_test(tc, a_model_with_a_nul_is_none);
    tcase_add_test(tc, fields_are_dropped);
    tcase_add_test(tc, types_of_content);
    return tc;
}
