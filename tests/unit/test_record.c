#include "azl_record.h"
#include "azl_test.h"

static const char *written(const azl_record_t *rec)
{
    azl_buf_t *b = azl_buf_create(azl_test_pool, 65536);

    ck_assert_int_eq(azl_record_write(b, rec), APR_SUCCESS);
    return azl_buf_pstr(b, azl_test_pool);
}

START_TEST(everything)
{
    azl_record_t rec;

    azl_record_init(&rec);
    rec.time = apr_time_from_sec(1795254600) + 123456;
    rec.request_id = "req-1";
    rec.key_name = "team-a";
    rec.key_hash = "9f86d081884c7d65";
    rec.surface = "chat";
    rec.model = "gpt-4.1";
    rec.deployment = "swc/gpt-41";
    rec.endpoint = "swc";
    rec.status = 200;
    rec.attempts = 2;
    rec.streamed = 1;
    rec.usage.reported = 1;
    rec.usage.prompt = 2048;
    rec.usage.cached = 1024;
    rec.usage.cache_write = 3;
    rec.usage.completion = 100;
    rec.usage.reasoning = 64;
    rec.usage.duration_ms = 27050;
    rec.usage.cache_write_1h = 2;
    rec.usage.audio_prompt = 40;
    rec.usage.audio_completion = 50;
    rec.cost = 3360000000;
    rec.first_token = 412007;
    rec.total = 2000000;
    rec.bytes_in = 9000;
    rec.bytes_out = 1234;
    ck_assert_str_eq(
        written(&rec),
        "{\"time\":\"2026-11-21T09:50:00.123Z\",\"request_id\":\"req-1\","
        "\"key_name\":\"team-a\",\"key_hash\":\"9f86d081884c7d65\","
        "\"surface\":\"chat\",\"model\":\"gpt-4.1\","
        "\"deployment\":\"swc/gpt-41\",\"endpoint\":\"swc\",\"status\":200,"
        "\"error\":null,\"attempts\":2,\"streamed\":true,"
        "\"prompt_tokens\":2048,\"cached_tokens\":1024,"
        "\"cache_write_tokens\":3,\"completion_tokens\":100,"
        "\"reasoning_tokens\":64,\"audio_seconds\":27.050,"
        "\"cost_usd\":0.00336,\"first_token_ms\":412.007,"
        "\"total_ms\":2000.000,\"bytes_in\":9000,\"bytes_out\":1234,"
        "\"estimated\":false,\"response\":null,\"estimated_part\":null,"
        "\"cache_write_1h_tokens\":2,\"audio_prompt_tokens\":40,"
        "\"audio_completion_tokens\":50}\n");
}
END_TEST

/* A request that was refused before anything was known about it. */
START_TEST(nothing)
{
    azl_record_t rec;

    azl_record_init(&rec);
    rec.status = 401;
    rec.error = AZL_CLASS_AUTHENTICATION;
    ck_assert_str_eq(
        written(&rec),
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"request_id\":null,"
        "\"key_name\":null,\"key_hash\":null,\"surface\":null,\"model\":null,"
        "\"deployment\":null,\"endpoint\":null,\"status\":401,"
        "\"error\":\"AuthenticationError\",\"attempts\":0,\"streamed\":false,"
        "\"prompt_tokens\":null,\"cached_tokens\":null,"
        "\"cache_write_tokens\":null,\"completion_tokens\":null,"
        "\"reasoning_tokens\":null,\"audio_seconds\":null,\"cost_usd\":null,"
        "\"first_token_ms\":null,\"total_ms\":null,\"bytes_in\":null,"
        "\"bytes_out\":null,\"estimated\":false,\"response\":null,"
        "\"estimated_part\":null,\"cache_write_1h_tokens\":null,"
        "\"audio_prompt_tokens\":null,\"audio_completion_tokens\":null}\n");
}
END_TEST

START_TEST(zero_is_not_null)
{
    azl_record_t rec;
    const char *line;

    azl_record_init(&rec);
    rec.usage.reported = 1;
    rec.cost = 0;
    rec.first_token = 0;
    rec.total = 9;
    rec.bytes_in = 0;
    rec.bytes_out = 0;
    line = written(&rec);
    ck_assert_ptr_nonnull(strstr(
        line, "\"prompt_tokens\":0,\"cached_tokens\":0,"
              "\"cache_write_tokens\":0,\"completion_tokens\":0,"
              "\"reasoning_tokens\":0,\"audio_seconds\":0.000,\"cost_usd\":0,"
              "\"first_token_ms\":0.000,\"total_ms\":0.009,\"bytes_in\":0,"
              "\"bytes_out\":0,\"estimated\":false,\"response\":null,"
              "\"estimated_part\":null,\"cache_write_1h_tokens\":0,"
              "\"audio_prompt_tokens\":0,\"audio_completion_tokens\":0}"));
}
END_TEST

START_TEST(counts_of_ours_say_so)
{
    static const struct {
        int estimated;
        const char *says;
    } parts[] = {
        {0, "\"estimated\":false,\"response\":null,\"estimated_part\":null,"},
        {AZL_USAGE_PROMPT | AZL_USAGE_COMPLETION,
         "\"estimated\":true,\"response\":null,\"estimated_part\":\"all\","},
        {AZL_USAGE_PROMPT, "\"estimated\":true,\"response\":null,"
                           "\"estimated_part\":\"prompt\","},
        {AZL_USAGE_COMPLETION, "\"estimated\":true,\"response\":null,"
                               "\"estimated_part\":\"completion\","},
    };
    azl_record_t rec;
    apr_size_t i;

    azl_record_init(&rec);
    rec.usage.reported = 1;
    rec.usage.completion = 7;
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        rec.usage.estimated = parts[i].estimated;
        ck_assert_ptr_nonnull(
            strstr(written(&rec), "\"completion_tokens\":7,"));
        ck_assert_ptr_nonnull(strstr(written(&rec), parts[i].says));
    }
}
END_TEST

/* Names are checked elsewhere; a line stays one line all the same. */
START_TEST(one_line_whatever_is_in_it)
{
    azl_record_t rec;
    const char *line;

    azl_record_init(&rec);
    rec.model = "a\"b\nc\\d";
    line = written(&rec);
    ck_assert_ptr_nonnull(strstr(line, "\"model\":\"a\\\"b\\nc\\\\d\""));
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
}
END_TEST

START_TEST(tells_a_full_buffer)
{
    azl_record_t rec;
    azl_buf_t *b = azl_buf_create(azl_test_pool, 100);

    azl_record_init(&rec);
    ck_assert_int_ne(azl_record_write(b, &rec), APR_SUCCESS);
}
END_TEST

TCase *azl_test_record(void)
{
    TCase *tc = azl_test_tcase("record");

    tcase_add_test(tc, everything);
    tcase_add_test(tc, nothing);
    tcase_add_test(tc, zero_is_not_null);
    tcase_add_test(tc, counts_of_ours_say_so);
    tcase_add_test(tc, one_line_whatever_is_in_it);
    tcase_add_test(tc, tells_a_full_buffer);
    return tc;
}
