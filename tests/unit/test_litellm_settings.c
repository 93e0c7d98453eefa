/* router_settings, litellm_settings, general_settings and the document. */
#include "litellm_fixture.h"

START_TEST(test_settings)
{
    static const struct {
        const char *yaml;
        const char *lines;
    } cases[] = {
        {"router_settings: {routing_strategy: usage-based-routing-v2}",
         "Routing usage\n"},
        {"router_settings: {routing_strategy: least-busy, num_retries: 0}",
         "Retry 0\nRouting least-busy\n"},
        {"litellm_settings: {num_retries: 5}", "Retry 5\n"},
        {"router_settings: {timeout: 30, stream_timeout: 5, "
         "stream_idle_timeout: 1.5}",
         "Timeout first-token-timeout=5s idle-timeout=1500ms timeout=30s\n"},
        {"litellm_settings: {request_timeout: 9}", "Timeout timeout=9s\n"},
        {"router_settings: {ttft_timeout: 4}", "Timeout "
                                               "first-token-timeout=4s\n"},
        {"router_settings: {allowed_fails: 3, cooldown_time: 30}",
         "Cooldown fails=4 time=30s\n"},
        {"litellm_settings: {allowed_fails: 0}", "Cooldown fails=1\n"},
        {"router_settings: {cooldown_time: 0}", "Cooldown off\n"},
        {"router_settings: {disable_cooldowns: true, allowed_fails: 3}",
         "Cooldown off\n"},
        {"litellm_settings: {drop_params: True}", "Params drop\n"},
        {"litellm_settings: {drop_params: 'False', cache: false, "
         "callbacks: [], set_verbose: null}",
         ""},
        {"general_settings: {master_key: os.environ/M, "
         "global_max_parallel_requests: 50, max_request_size_mb: 8}",
         "MasterKey env:M\nMaxInFlight 50\nMaxBody 8M\n"},
        {"general_settings: {background_health_checks: true}", "Probe 300s\n"},
        {"general_settings: {background_health_checks: true, "
         "health_check_interval: 60}",
         "Probe 60s\n"},
        {"general_settings: {health_check_interval: 60}", ""},
        {"", ""},
        {"model_list: []", ""},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *yaml = *cases[i].yaml ? cases[i].yaml : "{}";

        ck_assert_str_eq(converted(&with_environment, yaml), cases[i].lines);
    }
}
END_TEST

START_TEST(test_settings_of_endpoints)
{
    ck_assert_str_eq(converted(&with_environment,
                               "litellm_settings: {ssl_verify: /etc/ca.pem, "
                               "enable_azure_ad_token_refresh: true}\n"
                               "model_list:\n"
                               "- {model_name: m, litellm_params: {model: "
                               "azure/d, api_base: 'https://a.b'}}\n"
                               "- {model_name: n, litellm_params: {model: "
                               "azure/d, api_base: 'http://c.d'}}\n"),
                     "Endpoint a https://a.b dialect=azure "
                     "credential=azure-default tls-ca=/etc/ca.pem\n"
                     "Endpoint c http://c.d dialect=azure "
                     "credential=azure-default\nModel m a/d\nModel n c/d\n");
    ck_assert_str_eq(converted(&with_environment,
                               "litellm_settings: {ssl_verify: false}\n"
                               "model_list:\n"
                               "- {model_name: m, litellm_params: {model: "
                               "openai/m}}\n"),
                     "Endpoint openai https://api.openai.com/v1 "
                     "dialect=openai credential=env:OPENAI_API_KEY "
                     "tls-verify=off\nModel m openai/m\n");
    ck_assert_str_eq(converted(&without,
                               "litellm_settings: {ssl_verify: false}\n"
                               "model_list:\n"
                               "- {model_name: m, litellm_params: {model: "
                               "azure/d, api_base: os.environ/B}}\n"),
                     "Endpoint b \"${B}\" dialect=azure "
                     "credential=env:AZURE_API_KEY tls-verify=off\n"
                     "Model m b/d\n");
    /* not to be verified with nothing */
    check_said(read_with(&with_environment,
                         "litellm_settings: {ssl_verify: os.environ/NONE}"),
               1, AZL_LITELLM_ERROR, "'NONE' is not set");
}
END_TEST

START_TEST(test_fallbacks)
{
    static const struct {
        const char *yaml;
        const char *lines;
    } cases[] = {
        {"router_settings: {fallbacks: [{a: [b]}]}", "Fallback a b\n"},
        {"litellm_settings:\n"
         "  fallbacks: [{a: [b]}]\n"
         "  default_fallbacks: [b]\n"
         "  context_window_fallbacks: [{a: [b]}]\n"
         "  content_policy_fallbacks: [{b: [a]}]\n",
         "Fallback a b\nFallback * b\nFallback a b on=context-window\n"
         "Fallback b a on=content-filter\n"},
        {"router_settings: {fallbacks: [{a: [b]}, {b: [a]}]}",
         "Fallback a b loop=end\nFallback b a loop=end\n"},
        {"router_settings: {fallbacks: [{a: [b], b: []}, {'*': [a]}]}",
         "Fallback a b\nFallback * a\n"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *yaml =
            apr_pstrcat(azl_test_pool, TWO_MODELS, cases[i].yaml, NULL);

        ck_assert_str_eq(
            converted(&with_environment, yaml),
            apr_pstrcat(azl_test_pool, TWO_MODELS_LINES, cases[i].lines, NULL));
    }
}
END_TEST

/* Of each a line that is told, and how. */
START_TEST(test_unsupported)
{
    static const struct {
        const char *yaml;
        int line;
        int severity;
        const char *part;
    } cases[] = {
        {"a: 1\na: 2", 2, AZL_LITELLM_UNSUPPORTED, "stands in line 1"},
        {"guardrails: [x]", 1, AZL_LITELLM_UNSUPPORTED, "no guardrails"},
        {"nonsense: 1", 1, AZL_LITELLM_UNSUPPORTED, "nonsense"},
        {"litellm_settings:\n  cache: true", 2, AZL_LITELLM_UNSUPPORTED,
         "litellm_settings.cache is not supported: there is no cache"},
        {"litellm_settings:\n  x: {y: 1}", 2, AZL_LITELLM_UNSUPPORTED,
         "litellm_settings.x"},
        {"router_settings:\n  redis_host: x", 2, AZL_LITELLM_UNSUPPORTED,
         "shared memory"},
        {"router_settings:\n  routing_strategy: magic", 2,
         AZL_LITELLM_UNSUPPORTED, "'magic'"},
        {"router_settings: {num_retries: 1}\nlitellm_settings: {num_retries: "
         "1}",
         2, AZL_LITELLM_UNSUPPORTED, "that of router_settings counts"},
        {"router_settings:\n  num_retries: 50", 2, AZL_LITELLM_UNSUPPORTED,
         "10 is the most"},
        {"router_settings: {optional_pre_call_checks: [prompt_caching]}", 1,
         AZL_LITELLM_UNSUPPORTED, "cache-affinity"},
        {"router_settings: {optional_pre_call_checks: [[1]]}", 1,
         AZL_LITELLM_UNSUPPORTED, "no such thing"},
        {"general_settings:\n  alerting: [slack]", 2, AZL_LITELLM_UNSUPPORTED,
         "alerting"},
        {"environment_variables:\n  X: 1", 2, AZL_LITELLM_UNSUPPORTED,
         "nothing here refers to it"},
        {"environment_variables:\n  X: [1]", 2, AZL_LITELLM_ERROR,
         "X must be a single value"},
        {"credential_list: {a: b}", 1, AZL_LITELLM_ERROR, "must be a list"},
        {"router_settings: {optional_pre_call_checks: prompt_caching}", 1,
         AZL_LITELLM_ERROR, "must be a list"},
        {"router_settings:\n  ignore_invalid_deployments: false", 2,
         AZL_LITELLM_UNSUPPORTED, "not taken at all"},
        {"general_settings:\n  health_check_details: false", 2,
         AZL_LITELLM_UNSUPPORTED, "health_check_details"},
        {"a: [", 2, AZL_LITELLM_ERROR, "no YAML"},
        {"- a", 1, AZL_LITELLM_ERROR, "model_list"},
        {"model_list: 1", 1, AZL_LITELLM_ERROR, "must be a list"},
        {"model_list:\n- 1", 2, AZL_LITELLM_ERROR, "must be a map"},
        {"model_list:\n- {model_name: m}", 2, AZL_LITELLM_ERROR,
         "litellm_params"},
        {"model_list:\n- {model_name: m, litellm_params: [1]}", 2,
         AZL_LITELLM_ERROR, "must be a map"},
        {"model_list:\n- {model_name: m, litellm_params: {x: 1}}", 2,
         AZL_LITELLM_ERROR, "needs model"},
        {"model_list:\n- {model_name: m, x: 1, litellm_params: {model: "
         "openai/m}}",
         2, AZL_LITELLM_UNSUPPORTED, "model 'm'.x"},
        {"model_list:\n- {model_name: 'm*', litellm_params: {model: "
         "openai/m}}",
         2, AZL_LITELLM_UNSUPPORTED, "'m*' is left out"},
        {"router_settings: []\nmodel_list:", 1, AZL_LITELLM_ERROR,
         "router_settings must be a map"},
        {"router_settings:\n  num_retries: many", 2, AZL_LITELLM_ERROR,
         "must be a number"},
        {"router_settings:\n  num_retries: [1]", 2, AZL_LITELLM_ERROR,
         "must be a single value"},
        {"litellm_settings:\n  drop_params: perhaps", 2, AZL_LITELLM_ERROR,
         "true or false"},
        {"router_settings:\n  fallbacks: {a: [b]}", 2, AZL_LITELLM_ERROR,
         "must be a list"},
        {"router_settings:\n  fallbacks: [a]", 2, AZL_LITELLM_ERROR,
         "an entry must be"},
        {"router_settings:\n  fallbacks: [{a: b}]", 2, AZL_LITELLM_ERROR,
         "must be a list"},
        {"router_settings:\n  fallbacks: [{a: [b]}]", 2,
         AZL_LITELLM_UNSUPPORTED, "no such model"},
        {TWO_MODELS "router_settings:\n  fallbacks: [{a: [b]}, {a: [b]}]", 5,
         AZL_LITELLM_UNSUPPORTED, "again"},
        {TWO_MODELS "router_settings:\n  fallbacks: [{a: [x]}]", 5,
         AZL_LITELLM_UNSUPPORTED, "no model 'x'"},
        {TWO_MODELS "router_settings:\n  fallbacks: [{a: [{model: b}]}]", 5,
         AZL_LITELLM_UNSUPPORTED, "the name of a model"},
        {TWO_MODELS "router_settings:\n  fallbacks: [{a: [b, b, a]}]", 5,
         AZL_LITELLM_WARNING, "'a' comes before it"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_said(read_with(&with_environment, cases[i].yaml), cases[i].line,
                   cases[i].severity, cases[i].part);
    }
}
END_TEST

TCase *azl_test_litellm_settings(void)
{
    TCase *tc = azl_test_tcase("litellm_settings");

    tcase_add_test(tc, test_settings);
    tcase_add_test(tc, test_settings_of_endpoints);
    tcase_add_test(tc, test_fallbacks);
    tcase_add_test(tc, test_unsupported);
    return tc;
}
