#include <apr_strings.h>

#include "azl_test.h"
#include "azl_usage.h"

/* "prompt/cached/cache_write/completion/reasoning/duration_ms", or "-". */
static const char *read_as_text(const char *raw)
{
    azl_usage_t u = {0};

    if (!azl_usage_read(
            &u, azl_span(azl_test_exact(raw, strlen(raw)), strlen(raw)))) {
        return "-";
    }
    ck_assert_int_eq(u.reported, 1);
    return apr_psprintf(azl_test_pool,
                        "%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT
                        "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT
                        "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT,
                        u.prompt, u.cached, u.cache_write, u.completion,
                        u.reasoning, u.duration_ms);
}

#define READS(raw, expected) ck_assert_str_eq(read_as_text(raw), expected)

START_TEST(chat)
{
    READS("{\"completion_tokens\":271,\"completion_tokens_details\":{"
          "\"accepted_prediction_tokens\":0,\"audio_tokens\":0,"
          "\"reasoning_tokens\":192,\"rejected_prediction_tokens\":0},"
          "\"prompt_tokens\":2048,\"prompt_tokens_details\":{\"audio_tokens\":"
          "0,\"cached_tokens\":1024,\"cache_write_tokens\":512},"
          "\"total_tokens\":2319}",
          "2048/1024/512/271/192/0");
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}",
          "5/0/0/7/0/0");
    READS(" { \"prompt_tokens\" : 5 , \"completion_tokens\" : 7 } ",
          "5/0/0/7/0/0");
}
END_TEST

START_TEST(missing_and_null_members)
{
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,"
          "\"prompt_tokens_details\":null,\"completion_tokens_details\":null}",
          "5/0/0/7/0/0");
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,"
          "\"prompt_tokens_details\":{\"cached_tokens\":null},"
          "\"completion_tokens_details\":{\"reasoning_tokens\":null}}",
          "5/0/0/7/0/0");
    READS("{\"prompt_tokens\":null,\"completion_tokens\":7}", "0/0/0/7/0/0");
    READS("{\"prompt_tokens\":0,\"completion_tokens\":0}", "0/0/0/0/0/0");
    READS("{\"prompt_tokens\":1,\"prompt_tokens_details\":{}}", "1/0/0/0/0/0");
    READS("{\"prompt_tokens\":1,\"prompt_tokens_details\":[{\"cached_tokens\":"
          "9}]}",
          "1/0/0/0/0/0");
}
END_TEST

START_TEST(unknown_members)
{
    READS("{\"audio_prompt_tokens\":9,\"prompt_tokens\":5,\"x\":{\"prompt_"
          "tokens\":9},\"y\":[1,{\"completion_tokens\":9}],"
          "\"prompt_tokens_details\":{\"x\":{\"cached_tokens\":9}},"
          "\"service\":\"completion_tokens\"}",
          "5/0/0/0/0/0");
}
END_TEST

START_TEST(embeddings)
{
    READS("{\"prompt_tokens\":8,\"total_tokens\":8}", "8/0/0/0/0/0");
}
END_TEST

START_TEST(responses)
{
    READS("{\"input_tokens\":18,\"input_tokens_details\":{\"cached_tokens\":16,"
          "\"cache_write_tokens\":2},\"output_tokens\":5,"
          "\"output_tokens_details\":{\"reasoning_tokens\":3},"
          "\"total_tokens\":23}",
          "18/16/2/5/3/0");
}
END_TEST

START_TEST(images)
{
    READS("{\"total_tokens\":100,\"input_tokens\":50,\"output_tokens\":50,"
          "\"input_tokens_details\":{\"text_tokens\":10,"
          "\"image_tokens\":40}}",
          "50/0/0/50/0/0");
}
END_TEST

START_TEST(transcriptions)
{
    READS("{\"type\":\"tokens\",\"input_tokens\":14,\"input_token_details\":{"
          "\"text_tokens\":0,\"audio_tokens\":14,\"cached_tokens\":4},"
          "\"output_tokens\":45,\"total_tokens\":59}",
          "14/4/0/45/0/0");
    READS("{\"input_tokens\":1,\"output_tokens\":9,\"output_token_details\":{"
          "\"reasoning_tokens\":2}}",
          "1/0/0/9/2/0");
    READS("{\"type\":\"duration\",\"seconds\":27}", "0/0/0/0/0/27000");
    READS("{\"type\":\"duration\",\"seconds\":0}", "0/0/0/0/0/0");
    READS("{\"seconds\":1.5}", "0/0/0/0/0/1500");
    READS("{\"seconds\":0.0019999}", "0/0/0/0/0/1");
    READS("{\"seconds\":12.34}", "0/0/0/0/0/12340");
    READS("{\"seconds\":1.5e3}", "-");
    READS("{\"seconds\":1e3}", "-");
    READS("{\"seconds\":-1}", "-");
    READS("{\"seconds\":\"27\"}", "-");
}
END_TEST

/* Beside the details, which win in either order, also when they say 0. */
START_TEST(deepseek)
{
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,\"reasoning_tokens\":3,"
          "\"prompt_tokens_details\":null}",
          "5/0/0/7/3/0");
    READS("{\"reasoning_tokens\":3,\"prompt_tokens\":5,\"completion_tokens\":7,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":4}}",
          "5/0/0/7/4/0");
    READS("{\"completion_tokens_details\":{\"reasoning_tokens\":0},"
          "\"prompt_tokens\":5,\"completion_tokens\":7,\"reasoning_tokens\":3}",
          "5/0/0/7/0/0");
    READS("{\"prompt_tokens\":50,\"prompt_cache_hit_tokens\":40,"
          "\"prompt_cache_miss_tokens\":10}",
          "50/40/0/0/0/0");
    READS("{\"prompt_tokens\":50,\"prompt_cache_hit_tokens\":40,"
          "\"prompt_tokens_details\":{\"cached_tokens\":30}}",
          "50/30/0/0/0/0");
}
END_TEST

/* xAI counts what was thought beside the completion: the sum tells. */
START_TEST(thoughts_beside_the_completion)
{
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":212,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":200}}",
          "5/0/0/207/200/0");
    READS("{\"total_tokens\":212,\"reasoning_tokens\":200,"
          "\"completion_tokens\":7,\"prompt_tokens\":5}",
          "5/0/0/207/200/0");
    READS("{\"prompt_tokens\":5,\"completion_tokens\":207,"
          "\"total_tokens\":212,\"completion_tokens_details\":{"
          "\"reasoning_tokens\":200}}",
          "5/0/0/207/200/0");
    /* what else may be in a sum is not known */
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":213,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":200}}",
          "5/0/0/7/200/0");
    READS("{\"prompt_tokens\":5,\"completion_tokens\":7,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":200}}",
          "5/0/0/7/200/0");
}
END_TEST

START_TEST(no_counts)
{
    azl_usage_t u = {0};

    ck_assert_int_eq(azl_usage_read(&u, azl_span(NULL, 0)), 0);
    READS("", "-");
    READS("null", "-");
    READS("[]", "-");
    READS("17", "-");
    READS("\"prompt_tokens\"", "-");
    READS("{}", "-");
    READS("{\"prompt_tokens\":null}", "-");
    READS("{\"prompt_tokens\":\"5\"}", "-");
    READS("{\"prompt_tokens\":-5}", "-");
    READS("{\"prompt_tokens\":5.5}", "-");
    READS("{\"total_tokens\":5}", "-");
    READS("{\"reasoning_tokens\":5}", "-");
}
END_TEST

START_TEST(garbage_numbers)
{
    READS("{\"prompt_tokens\":1000000000000}", "1000000000000/0/0/0/0/0");
    READS("{\"prompt_tokens\":1000000000001}", "-");
    READS("{\"prompt_tokens\":9223372036854775808}", "-");
    READS("{\"seconds\":1000000000001.5}", "-");
}
END_TEST

/* Cut off or broken: nothing of it is believed. */
START_TEST(broken)
{
    static const char good[] =
        "{\"prompt_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":2},"
        "\"completion_tokens\":7}";
    azl_usage_t u;
    apr_size_t i;

    for (i = 0; i < sizeof(good) - 1; i++) {
        memset(&u, 0x55, sizeof(u));
        ck_assert_int_eq(
            azl_usage_read(&u, azl_span(azl_test_exact(good, i), i)), 0);
        ck_assert_int_eq(u.reported, 0x55555555);
    }
    READS(good, "5/2/0/7/0/0");
    READS("{\"prompt_tokens\":5}x", "-");
    READS("{\"prompt_tokens\":5,}", "-");
    READS("{\"prompt_tokens\":5,\"prompt_tokens_details\":{\"a\" 1}}", "-");
    READS("{\"prompt_tokens\":5,\"prompt_tokens_details\":nul}", "-");
}
END_TEST

static int tier(int before, const char *raw)
{
    azl_usage_t u = {0};

    u.other_tier = before;
    azl_usage_read_tier(
        &u, azl_span(azl_test_exact(raw, strlen(raw)), strlen(raw)));
    return u.other_tier;
}

START_TEST(service_tiers)
{
    static const char *const listed[] = {"\"default\"", "\"auto\"",
                                         "\"standard\"", "\"scale\""};
    /* one with an escape is not decoded: better no cost than a wrong one */
    static const char *const others[] = {"\"priority\"", "\"flex\"",
                                         "\"batch\"",    "\"Default\"",
                                         "\"defaults\"", "\"\\u0064efault\""};
    static const char *const nothing[] = {"null", "\"\"", "",
                                          "7",    "true", "[\"flex\"]"};
    apr_size_t i;

    for (i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        ck_assert_int_eq(tier(0, listed[i]), 0);
        ck_assert_int_eq(tier(1, listed[i]), 0);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_int_eq(tier(0, others[i]), 1);
        ck_assert_int_eq(tier(1, others[i]), 1);
    }
    for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        ck_assert_int_eq(tier(0, nothing[i]), 0);
        ck_assert_int_eq(tier(1, nothing[i]), 1);
    }
}
END_TEST

/* It may be said before the usage and after it. */
START_TEST(made_in_the_background)
{
    azl_usage_t u;

    memset(&u, 0, sizeof(u));
    azl_usage_read_background(&u, azl_span_str("true"));
    ck_assert_int_eq(u.background, 1);
    ck_assert_int_eq(azl_usage_read(&u, azl_span_str("{\"input_tokens\":5}")),
                     1);
    ck_assert_int_eq(u.background, 1);
    azl_usage_read_background(&u, azl_span_str("null"));
    ck_assert_int_eq(u.background, 0);
}
END_TEST

START_TEST(usage_leaves_the_tier)
{
    azl_usage_t u = {0};

    azl_usage_read_tier(&u, azl_span_str("\"flex\""));
    ck_assert_int_eq(azl_usage_read(&u, azl_span_str("{\"prompt_tokens\":5}")),
                     1);
    ck_assert_int_eq(u.other_tier, 1);
    ck_assert_int_eq((int)u.prompt, 5);
    azl_usage_read_tier(&u, azl_span_str("\"default\""));
    ck_assert_int_eq((int)u.prompt, 5);
    ck_assert_int_eq(u.reported, 1);
}
END_TEST

/* "told: prompt/cache_write/of these 1h/completion/audio in/audio out" */
static const char *kinds(const azl_usage_t *u)
{
    return apr_psprintf(
        azl_test_pool,
        "%s%s: %" APR_INT64_T_FMT "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT
        "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT,
        u->told & AZL_USAGE_PROMPT ? "p" : "",
        u->told & AZL_USAGE_COMPLETION ? "c" : "", u->prompt, u->cache_write,
        u->cache_write_1h, u->completion, u->audio_prompt, u->audio_completion);
}

static const char *kinds_of(const char *raw)
{
    azl_usage_t u = {0};

    ck_assert_int_eq(azl_usage_read(&u, azl_span_str(raw)), 1);
    return kinds(&u);
}

START_TEST(kinds_of_tokens)
{
    ck_assert_str_eq(
        kinds_of("{\"prompt_tokens\":50,\"completion_tokens\":9,"
                 "\"prompt_tokens_details\":{\"audio_tokens\":40,"
                 "\"text_tokens\":10},\"completion_tokens_details\":{"
                 "\"audio_tokens\":7}}"),
        "pc: 50/0/0/9/40/7");
    ck_assert_str_eq(kinds_of("{\"input_tokens\":14,\"input_token_details\":{"
                              "\"text_tokens\":0,\"audio_tokens\":14},"
                              "\"output_tokens\":45,\"output_token_details\":{"
                              "\"audio_tokens\":null}}"),
                     "pc: 14/0/0/45/14/0");
    ck_assert_str_eq(
        kinds_of("{\"prompt_tokens\":50,\"prompt_tokens_details\":{"
                 "\"cache_write_tokens\":30,\"cache_creation_token_details\":"
                 "{\"ephemeral_5m_input_tokens\":10,"
                 "\"ephemeral_1h_input_tokens\":20}}}"),
        "p: 50/30/20/0/0/0");
    ck_assert_str_eq(
        kinds_of("{\"completion_tokens\":5,\"prompt_tokens_details\":{"
                 "\"cache_creation_token_details\":null}}"),
        "c: 0/0/0/5/0/0");
    /* billed by time: of tokens there is nothing more to be told */
    ck_assert_str_eq(kinds_of("{\"seconds\":2}"), "pc: 0/0/0/0/0/0");
}
END_TEST

START_TEST(messages_in_pieces)
{
    azl_usage_t u = {0};

    ck_assert_int_eq(azl_usage_read_messages(
                         &u, azl_span_str("{\"input_tokens\":3,"
                                          "\"cache_creation\":{"
                                          "\"ephemeral_5m_input_tokens\":1,"
                                          "\"ephemeral_1h_input_tokens\":6},"
                                          "\"cache_creation_input_tokens\":7,"
                                          "\"cache_read_input_tokens\":5}")),
                     1);
    ck_assert_str_eq(kinds(&u), "p: 15/7/6/0/0/0");
    ck_assert_int_eq(
        azl_usage_read_messages(&u, azl_span_str("{\"output_tokens\":9,"
                                                 "\"cache_creation\":null}")),
        1);
    ck_assert_str_eq(kinds(&u), "pc: 15/7/6/9/0/0");
    ck_assert_int_eq(
        azl_usage_read_messages(&u, azl_span_str("{\"cache_creation\":{}}")),
        0);
    ck_assert_int_eq(
        azl_usage_read_messages(
            &u, azl_span_str("{\"output_tokens\":8,\"cache_creation\":{"
                             "\"ephemeral_1h_input_tokens\":2}}")),
        1);
    ck_assert_str_eq(kinds(&u), "pc: 15/7/2/8/0/0");
}
END_TEST

/* What the totals leave out is paid for, too. */
START_TEST(messages_with_iterations)
{
    static const char last[] =
        "{\"input_tokens\":23,\"output_tokens\":10,"
        "\"cache_read_input_tokens\":4,\"service_tier\":\"standard\","
        "\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":180,"
        "\"cache_read_input_tokens\":50,\"cache_creation_input_tokens\":5,"
        "\"output_tokens\":35},{\"type\":\"message\",\"input_tokens\":23,"
        "\"output_tokens\":10},{\"type\":\"news\",\"output_tokens\":7},"
        "{\"output_tokens\":7},8]}";
    azl_usage_t u = {0};

    ck_assert_int_eq(
        azl_usage_read_messages(&u, azl_span_str("{\"input_tokens\":23}")), 1);
    ck_assert_str_eq(kinds(&u), "p: 23/0/0/0/0/0");
    ck_assert_int_eq(azl_usage_read_messages(&u, azl_span_str(last)), 1);
    ck_assert_int_eq((int)u.prompt, 23 + 4 + 180 + 50 + 5);
    ck_assert_int_eq((int)u.cached, 4 + 50);
    ck_assert_int_eq((int)u.cache_write, 5);
    ck_assert_int_eq((int)u.completion, 10 + 35);
    ck_assert_int_eq(u.other_tier, 0);
    /* again, whole and in part: once */
    ck_assert_int_eq(azl_usage_read_messages(&u, azl_span_str(last)), 1);
    ck_assert_int_eq(
        azl_usage_read_messages(&u, azl_span_str("{\"output_tokens\":11,"
                                                 "\"iterations\":null}")),
        1);
    ck_assert_int_eq((int)u.prompt, 23 + 4 + 180 + 50 + 5);
    ck_assert_int_eq((int)u.completion, 11 + 35);
    /* another model's: there is no price for them */
    ck_assert_int_eq(
        azl_usage_read_messages(
            &u, azl_span_str("{\"iterations\":[{\"type\":\"advisor_message\","
                             "\"input_tokens\":100,\"output_tokens\":1}],"
                             "\"output_tokens\":11,"
                             "\"service_tier\":\"standard\"}")),
        1);
    ck_assert_int_eq((int)u.prompt, 23 + 4 + 100);
    ck_assert_int_eq((int)u.completion, 11 + 1);
    ck_assert_int_eq(u.other_tier, 1);
}
END_TEST

/* More of them than any answer has are not all added up. */
START_TEST(iterations_have_an_end)
{
    const char *one = "{\"type\":\"compaction\",\"output_tokens\":"
                      "1000000000000},";
    const char *text = apr_pstrcat(azl_test_pool, "{\"iterations\":[",
                                   azl_test_repeat(one, 2000),
                                   "0],\"output_tokens\":1}", NULL);
    azl_usage_t u = {0};

    ck_assert_int_eq(azl_usage_read_messages(&u, azl_span_str(text)), 1);
    ck_assert(u.completion == APR_INT64_C(1000000000000001));
}
END_TEST

/* Of what iterations have written to a cache, some may be kept longer. */
START_TEST(iterations_and_caches_of_hours)
{
    static const char last[] =
        "{\"input_tokens\":3,\"cache_creation_input_tokens\":7,"
        "\"cache_creation\":{\"ephemeral_1h_input_tokens\":6},"
        "\"output_tokens\":9,\"iterations\":[{\"type\":\"compaction\","
        "\"input_tokens\":1,\"cache_creation_input_tokens\":50,"
        "\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,"
        "\"ephemeral_1h_input_tokens\":40},\"output_tokens\":2}]}";
    azl_usage_t u = {0};
    int i;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(azl_usage_read_messages(&u, azl_span_str(last)), 1);
        ck_assert_str_eq(kinds(&u), "pc: 61/57/46/11/0/0");
    }
}
END_TEST

/* The totals are those of the model that answered, which has another price;
 * what another had begun to say is paid for, what it has refused is not. */
START_TEST(answers_of_a_fallback)
{
#define TOTALS                                                                 \
    "{\"input_tokens\":2,\"cache_read_input_tokens\":70,"                      \
    "\"output_tokens\":13,\"service_tier\":\"standard\",\"iterations\":["
#define SERVED                                                                 \
    "{\"type\":\"fallback_message\",\"model\":\"b\",\"input_tokens\":2,"       \
    "\"cache_read_input_tokens\":70,\"output_tokens\":13}"
#define BEGUN(model)                                                           \
    "{\"type\":\"message\"," model "\"input_tokens\":4,"                       \
    "\"cache_read_input_tokens\":60,\"cache_creation_input_tokens\":10,"       \
    "\"output_tokens\":5}"
    static const struct {
        const char *usage;
        const char *kinds;
        int other;
    } cases[] = {
        {TOTALS SERVED "]}", "pc: 72/0/0/13/0/0", 1},
        {TOTALS BEGUN("\"model\":\"a\",") "," SERVED "]}",
         "pc: 146/10/0/18/0/0", 1},
        {TOTALS "{\"type\":\"message\",\"model\":\"a\",\"input_tokens\":412,"
                "\"output_tokens\":0}," SERVED "]}",
         "pc: 72/0/0/13/0/0", 1},
        /* what the one that answered did before is in its totals */
        {TOTALS BEGUN("\"model\":\"b\",") "," SERVED "]}", "pc: 72/0/0/13/0/0",
         1},
        {TOTALS BEGUN("") "," SERVED "]}", "pc: 72/0/0/13/0/0", 1},
        /* nobody has taken its place */
        {TOTALS BEGUN("\"model\":\"a\",") "]}", "pc: 72/0/0/13/0/0", 0},
        {TOTALS BEGUN("\"model\":\"a\",") ",{\"type\":\"fallback_message\"}]}",
         "pc: 72/0/0/13/0/0", 1},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        azl_usage_t u = {0};

        ck_assert_int_eq(
            azl_usage_read_messages(&u, azl_span_str(cases[i].usage)), 1);
        ck_assert_str_eq(kinds(&u), cases[i].kinds);
        ck_assert_int_eq(u.other_tier, cases[i].other);
    }
#undef TOTALS
#undef SERVED
#undef BEGUN
}
END_TEST

/* At a price of its own, whatever the tier; only the start of a stream says
 * so. */
START_TEST(answers_in_a_hurry)
{
    azl_usage_t u = {0};

    ck_assert_int_eq(
        azl_usage_read_messages(
            &u, azl_span_str("{\"input_tokens\":3,\"speed\":\"fast\","
                             "\"service_tier\":\"standard\"}")),
        1);
    ck_assert_int_eq(u.other_tier, 1);
    ck_assert_int_eq(azl_usage_read_messages(
                         &u, azl_span_str("{\"output_tokens\":3,"
                                          "\"service_tier\":\"standard\"}")),
                     1);
    ck_assert_int_eq(u.other_tier, 1);
    memset(&u, 0, sizeof(u));
    ck_assert_int_eq(
        azl_usage_read_messages(&u, azl_span_str("{\"speed\":\"standard\","
                                                 "\"output_tokens\":3}")),
        1);
    ck_assert_int_eq(u.other_tier, 0);
    ck_assert_int_eq(
        azl_usage_read_messages(
            &u, azl_span_str("{\"speed\":null,\"output_tokens\":3}")),
        1);
    ck_assert_int_eq(u.other_tier, 0);
}
END_TEST

START_TEST(caches_of_minutes)
{
    azl_usage_t u = {0};

    u.cache_write = 9;
    u.cache_write_1h = 7;
    ck_assert_int_eq((int)azl_usage_cache_write_5m(&u), 2);
    u.cache_write_1h = 10;
    ck_assert_int_eq((int)azl_usage_cache_write_5m(&u), 0);
}
END_TEST

START_TEST(sums)
{
    azl_usage_t a = {0}, b = {0};

    a.estimated = AZL_USAGE_PROMPT;
    b.estimated = AZL_USAGE_COMPLETION;
    a.reported = b.reported = 1;
    a.audio_prompt = b.audio_prompt = 3;
    a.audio_completion = b.audio_completion = 4;
    a.cache_write_1h = b.cache_write_1h = 5;
    azl_usage_add(&a, &b);
    ck_assert_int_eq(a.estimated, AZL_USAGE_PROMPT | AZL_USAGE_COMPLETION);
    ck_assert_str_eq(kinds(&a), ": 0/0/10/0/6/8");
}
END_TEST

TCase *azl_test_usage(void)
{
    TCase *tc = azl_test_tcase("usage");

    tcase_add_test(tc, chat);
    tcase_add_test(tc, missing_and_null_members);
    tcase_add_test(tc, unknown_members);
    tcase_add_test(tc, embeddings);
    tcase_add_test(tc, responses);
    tcase_add_test(tc, images);
    tcase_add_test(tc, transcriptions);
    tcase_add_test(tc, deepseek);
    tcase_add_test(tc, thoughts_beside_the_completion);
    tcase_add_test(tc, no_counts);
    tcase_add_test(tc, garbage_numbers);
    tcase_add_test(tc, broken);
    tcase_add_test(tc, service_tiers);
    tcase_add_test(tc, usage_leaves_the_tier);
    tcase_add_test(tc, made_in_the_background);
    tcase_add_test(tc, kinds_of_tokens);
    tcase_add_test(tc, messages_in_pieces);
    tcase_add_test(tc, messages_with_iterations);
    tcase_add_test(tc, iterations_have_an_end);
    tcase_add_test(tc, iterations_and_caches_of_hours);
    tcase_add_test(tc, answers_of_a_fallback);
    tcase_add_test(tc, answers_in_a_hurry);
    tcase_add_test(tc, caches_of_minutes);
    tcase_add_test(tc, sums);
    return tc;
}
