/* Secrets in a document, also where nothing reads them. */
#include "litellm_fixture.h"

/* Line 2 has one, or there is none. */
static const struct {
    const char *text;
    int line;
} places[] = {
    {"general_settings: {database_url: 'postgresql://u:p@h/d'}", 2},
    {"litellm_settings: {cache: true, cache_params: {password: p}}", 2},
    {"litellm_settings: {cache_params: [{x: {REDIS_Password: p}}]}", 2},
    {"environment_variables: {LANGFUSE_SECRET_KEY: sk-lf}", 2},
    {"guardrails: [{litellm_params: {api_key: k}}]", 2},
    {"guardrails: [{litellm_params: {api_key: 'null'}}]", 2},
    {"guardrails: [{litellm_params: {api_key: os.environ/K}}]", 0},
    {"guardrails: [{litellm_params: {api_key: oidc/azure/x}}]", 0},
    {"guardrails: [{litellm_params: {api_key: ''}}]", 0},
    {"guardrails: [{litellm_params: {api_key: }}]", 0},
    {"guardrails: [{litellm_params: {api_key: {}}}]", 0},
    {"litellm_settings: {cache: {password: no}}", 0},
    {"litellm_settings: {input_cost_per_token: 0.1, eos_token: </s>}", 0},
    {"router_settings: {key: x, api_key_name: x}", 0},
};

START_TEST(place)
{
    const char *yaml =
        apr_psprintf(azl_test_pool, "model_list: []\n%s\n", places[_i].text);

    ck_assert_int_eq(read_with(&without, yaml)->secret, places[_i].line);
}
END_TEST

/* A model that is left out is in the document all the same. */
START_TEST(of_a_model_that_is_left_out)
{
    static const char yaml[] = "model_list:\n"
                               "- model_name: m\n"
                               "  litellm_params:\n"
                               "    model: bedrock/x.y\n"
                               "    aws_access_key_id: AKIA\n"
                               "    aws_secret_access_key: wJalr\n";

    ck_assert_int_eq(read_with(&with_environment, yaml)->secret, 6);
}
END_TEST

START_TEST(first_of_several)
{
    static const char yaml[] = "guardrails:\n"
                               "- {api_key: k}\n"
                               "general_settings: {master_key: sk}\n"
                               "model_list: []\n";

    ck_assert_int_eq(read_with(&without, yaml)->secret, 2);
}
END_TEST

/* What aliases name is looked at each time, but not for ever. */
START_TEST(behind_aliases)
{
    const char *yaml = "guardrails:\n- &a0 [x]\n";
    int i;

    for (i = 1; i < 60; i++) {
        yaml = apr_psprintf(azl_test_pool, "%s- &a%d [*a%d, *a%d]\n", yaml, i,
                            i - 1, i - 1);
    }
    ck_assert_int_eq(read_with(&without, yaml)->secret, 0);
    yaml = "x: &x {password: p}\nguardrails: [*x]\n";
    ck_assert_int_eq(read_with(&without, yaml)->secret, 1);
}
END_TEST

TCase *azl_test_litellm_secrets(void)
{
    TCase *tc = azl_test_tcase("litellm_secrets");

    tcase_add_loop_test(tc, place, 0, sizeof(places) / sizeof(places[0]));
    tcase_add_test(tc, of_a_model_that_is_left_out);
    tcase_add_test(tc, first_of_several);
    tcase_add_test(tc, behind_aliases);
    return tc;
}
