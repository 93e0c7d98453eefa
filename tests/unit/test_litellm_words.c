/* Words and numbers of the document. */
#include "litellm_fixture.h"

/* What would be a line of its own where directives are printed. */
START_TEST(test_control_characters)
{
    azl_litellm_t *config =
        read_with(&with_environment,
                  "model_list:\n"
                  "- {model_name: \"m\\nAzureLIT off\", litellm_params: "
                  "{model: openai/m, \"x\\e[2J\": 1}}\n");

    check_said(config, 2, AZL_LITELLM_ERROR, "AzureLITModel: a value with");
    check_said(config, 2, AZL_LITELLM_UNSUPPORTED, "litellm_params.x?[2J is");
    /* those beyond ASCII */
    config = read_with(&with_environment,
                       "model_list:\n"
                       "- {model_name: \"m\\u0085\", litellm_params: "
                       "{model: openai/m, \"x\\u009b2J\\u00a0\": 1}}\n");
    check_said(config, 2, AZL_LITELLM_ERROR, "AzureLITModel: a value with");
    check_said(config, 2, AZL_LITELLM_UNSUPPORTED,
               "litellm_params.x??2J\xc2\xa0 is");
}
END_TEST

/* Each stays one word, and the same, when httpd reads the line. */
START_TEST(test_quotes)
{
    static const struct {
        const char *name; /* as YAML */
        const char *word;
    } cases[] = {
        {"a-b_c.d:e/f@g", "a-b_c.d:e/f@g"},
        {"'a b'", "\"a b\""},
        {"'a\"b'", "\"a\\\"b\""},
        {"\"it's\"", "\"it's\""},
        {"'\"'", "\"\\\"\""},
        {"'x\\'", "\"x\\\\\""},
        {"'a\\\"b'", "\"a\\\\\\\"b\""},
        {"'#x'", "\"#x\""},
        {"'x#'", "x#"},
        {"'%{HTTP_HOST}e'", "\"%{HTTP_HOST}e\""},
        {"'<If true>'", "\"<If true>\""},
        {"'on=error'", "on=error"},
        {"''", "\"\""},
        {"'$1'", "$1"},
        {"'{a}'", "\"{a}\""},
        {"\"\\u00e4\"", "\"\xc3\xa4\""},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *yaml = apr_pstrcat(
            azl_test_pool, "model_list:\n- model_name: ", cases[i].name,
            "\n  litellm_params: {model: openai/o}\n"
            "  model_info: {base_model: o}\n",
            NULL);

        ck_assert_str_eq(
            converted(&without, yaml),
            apr_pstrcat(azl_test_pool,
                        "Endpoint openai https://api.openai.com/v1 "
                        "dialect=openai credential=env:OPENAI_API_KEY\nModel ",
                        cases[i].word, " openai/o base-model=o\n", NULL));
    }
}
END_TEST

/* httpd would put a variable's value there, where it reads lines. */
START_TEST(test_variables_of_httpd)
{
    static const char *const values[] = {"'http://h/${HOME}'", "'http://${}'",
                                         "'http://${a${AZ}}'",
                                         "'http://${AZ}/${HOME}'"};
    size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const char *yaml = model(
            apr_pstrcat(azl_test_pool, "model: openai/o, api_base: ", values[i],
                        ", api_key: os.environ/K", NULL));
        azl_litellm_t *config = read_with(&without, yaml);

        check_said(config, 2, AZL_LITELLM_ERROR,
                   "AzureLITEndpoint: a value with ${...} in it");
        ck_assert_int_eq(config->count[AZL_LITELLM_ERROR], 1);
        ck_assert(strstr(messages_of(config), "http:") == NULL);
        /* AzureLITConfig hands over words, not lines */
        ck_assert_int_eq(read_with(&with_environment, yaml)->messages->nelts,
                         0);
    }
    /* without an end it is none; a secret is not printed */
    ck_assert_str_eq(
        converted(&without, model("model: openai/o, " KEY
                                  ", api_base: 'http://h/${HOME'")),
        "Endpoint h \"http://h/${HOME\" dialect=openai credential=env:K\n"
        "Model m h/o base-model=o\n");
    ck_assert_int_eq(
        read_with(&without, model("model: openai/o, api_key: 'k${HOME}'"))
            ->count[AZL_LITELLM_ERROR],
        0);
}
END_TEST

START_TEST(test_decimal)
{
    static const struct {
        const char *text;
        int places;
        apr_int64_t n;
    } good[] = {{"0", 0, 0},
                {"12", 3, 12000},
                {"1.5", 3, 1500},
                {"0.0004", 3, 0},
                {"0.0005", 3, 1},
                {"9.9995", 3, 10000},
                {"1.25e-06", 12, 1250000},
                {"3.0000000000000004e-07", 12, 300000},
                {"12345678901234567890", -4, 1234567890123457},
                {".5", 1, 5},
                {"1E3", 0, 1000},
                {"0e50", 12, 0},
                {"1e-50", 12, 0}};
    static const char *const bad[] = {"",       ".",    "x",  "1x",  "1.2.3",
                                      "1e",     "1e+x", "-1", "1e9", "1e101",
                                      "1e-101", " 1",   NULL};
    apr_int64_t n;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(azl_lm_decimal(good[i].text, good[i].places, &n), "%s",
                      good[i].text);
        ck_assert_msg(n == good[i].n, "%s: %" APR_INT64_T_FMT, good[i].text, n);
    }
    for (i = 0; bad[i]; i++) {
        ck_assert_msg(!azl_lm_decimal(bad[i], 12, &n), "%s", bad[i]);
    }
}
END_TEST

TCase *azl_test_litellm_words(void)
{
    TCase *tc = azl_test_tcase("litellm_words");

    tcase_add_test(tc, test_control_characters);
    tcase_add_test(tc, test_quotes);
    tcase_add_test(tc, test_variables_of_httpd);
    tcase_add_test(tc, test_decimal);
    return tc;
}
