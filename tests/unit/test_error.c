#include "azl_error.h"
#include "azl_test.h"

static const char *written(const azl_error_t *e)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, 65536);

    ck_assert_int_eq(azl_error_write(b, e), APR_SUCCESS);
    return azl_buf_pstr(b, azl_test_pool);
}

START_TEST(writes_openai_shape)
{
    azl_error_t e;

    azl_error_set(&e, 429, AZL_CLASS_RATE_LIMIT, "rate_limit_error", "slow",
                  "Say \"please\".");
    ck_assert_int_eq(e.status, 429);
    ck_assert_int_eq(e.cls, AZL_CLASS_RATE_LIMIT);
    ck_assert_str_eq(written(&e),
                     "{\"error\":{\"message\":\"Say \\\"please\\\".\","
                     "\"type\":\"rate_limit_error\",\"param\":null,"
                     "\"code\":\"slow\"}}");
}
END_TEST

START_TEST(writes_param_and_innererror)
{
    azl_error_t e;

    azl_error_invalid(&e, "content_filter", "prompt", "filtered");
    e.innererror = "{\"code\":\"ResponsibleAIPolicyViolation\"}";
    ck_assert_int_eq(e.status, 400);
    ck_assert_int_eq(e.cls, AZL_CLASS_VALIDATION);
    ck_assert_str_eq(
        written(&e),
        "{\"error\":{\"message\":\"filtered\",\"type\":\"invalid_request_"
        "error\",\"param\":\"prompt\",\"code\":\"content_filter\","
        "\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}");
}
END_TEST

START_TEST(write_tells_a_full_buffer)
{
    azl_error_t e;
    azl_buf_t *b = azl_buf_create(azl_test_pool, 40);

    azl_error_from_status(&e, 500);
    ck_assert_int_ne(azl_error_write(b, &e), APR_SUCCESS);
    ck_assert_int_eq(b->failed, 1);
}
END_TEST

START_TEST(set_forgets_what_was_there)
{
    azl_error_t e;

    memset(&e, 0x55, sizeof(e));
    azl_error_set(&e, 500, AZL_CLASS_UNKNOWN, "t", "c", "m");
    ck_assert_ptr_null(e.param);
    ck_assert_ptr_null(e.retry_after);
    ck_assert_ptr_null(e.retry_after_ms);
    ck_assert_ptr_null(e.innererror);
    ck_assert_int_eq(e.no_retry, 0);
}
END_TEST

START_TEST(every_status_has_its_text)
{
    static const struct {
        int status;
        int becomes;
        azl_error_class_e cls;
        const char *type;
        const char *code;
    } t[] = {
        {400, 400, AZL_CLASS_VALIDATION, "invalid_request_error",
         "bad_request"},
        {401, 401, AZL_CLASS_AUTHENTICATION, "invalid_request_error",
         "invalid_api_key"},
        {403, 403, AZL_CLASS_AUTHENTICATION, "invalid_request_error",
         "permission_denied"},
        {404, 404, AZL_CLASS_VALIDATION, "invalid_request_error", "not_found"},
        {405, 405, AZL_CLASS_VALIDATION, "invalid_request_error",
         "method_not_allowed"},
        {408, 408, AZL_CLASS_TIMEOUT, "invalid_request_error",
         "request_timeout"},
        {411, 411, AZL_CLASS_VALIDATION, "invalid_request_error",
         "length_required"},
        {413, 413, AZL_CLASS_VALIDATION, "invalid_request_error",
         "request_too_large"},
        {414, 414, AZL_CLASS_VALIDATION, "invalid_request_error",
         "uri_too_long"},
        {415, 415, AZL_CLASS_VALIDATION, "invalid_request_error",
         "unsupported_media_type"},
        {417, 417, AZL_CLASS_VALIDATION, "invalid_request_error",
         "expectation_failed"},
        {429, 429, AZL_CLASS_RATE_LIMIT, "rate_limit_error",
         "rate_limit_exceeded"},
        {431, 431, AZL_CLASS_VALIDATION, "invalid_request_error",
         "headers_too_large"},
        {499, 499, AZL_CLASS_CLIENT_CLOSED, "invalid_request_error",
         "client_closed_request"},
        {500, 500, AZL_CLASS_UNKNOWN, "server_error", "internal_error"},
        {501, 501, AZL_CLASS_UNKNOWN, "server_error", "not_implemented"},
        {502, 502, AZL_CLASS_UNKNOWN, "server_error", "bad_gateway"},
        {503, 503, AZL_CLASS_UNKNOWN, "server_error", "service_unavailable"},
        {504, 504, AZL_CLASS_TIMEOUT, "server_error", "gateway_timeout"},
        /* the rest by its class */
        {402, 402, AZL_CLASS_VALIDATION, "invalid_request_error",
         "request_failed"},
        {422, 422, AZL_CLASS_VALIDATION, "invalid_request_error",
         "request_failed"},
        {507, 507, AZL_CLASS_UNKNOWN, "server_error", "server_error"},
        {599, 599, AZL_CLASS_UNKNOWN, "server_error", "server_error"},
        /* no error at all */
        {200, 500, AZL_CLASS_UNKNOWN, "server_error", "internal_error"},
        {0, 500, AZL_CLASS_UNKNOWN, "server_error", "internal_error"},
        {600, 500, AZL_CLASS_UNKNOWN, "server_error", "internal_error"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        azl_error_t e;

        azl_error_from_status(&e, t[i].status);
        ck_assert_int_eq(e.status, t[i].becomes);
        ck_assert_int_eq(e.cls, t[i].cls);
        ck_assert_str_eq(e.type, t[i].type);
        ck_assert_str_eq(e.code, t[i].code);
        ck_assert_uint_gt(strlen(e.message), 10);
        ck_assert_int_eq(e.no_retry, t[i].status == 501);
    }
}
END_TEST

START_TEST(class_names)
{
    ck_assert_ptr_null(azl_error_class_name(AZL_CLASS_NONE));
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_AUTHENTICATION),
                     "AuthenticationError");
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_RATE_LIMIT), "RateLimit");
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_TIMEOUT), "Timeout");
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_VALIDATION),
                     "ValidationError");
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_TRUNCATED), "Truncated");
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_CLIENT_CLOSED),
                     "ClientClosed");
    ck_assert_str_eq(azl_error_class_name(AZL_CLASS_UNKNOWN), "Unknown");
}
END_TEST

TCase *azl_test_error(void)
{
    TCase *tc = azl_test_tcase("error");

    tcase_add_test(tc, writes_openai_shape);
    tcase_add_test(tc, writes_param_and_innererror);
    tcase_add_test(tc, write_tells_a_full_buffer);
    tcase_add_test(tc, set_forgets_what_was_there);
    tcase_add_test(tc, every_status_has_its_text);
    tcase_add_test(tc, class_names);
    return tc;
}
