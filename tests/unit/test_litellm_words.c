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
    tcase_add_test(tc, test_decimal);
    return tc;
}
