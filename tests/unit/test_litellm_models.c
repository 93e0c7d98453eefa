/* model_list: what becomes of endpoints and deployments. */
#include "litellm_fixture.h"

/* What one model becomes, when the environment is there. */
static const struct {
    const char *params;
    const char *lines;
} providers[] = {
    {"model: azure/gpt-4.1, api_base: 'https://swc.openai.azure.com/', " KEY
     ", api_version: 2024-10-21",
     "Endpoint swc https://swc.openai.azure.com dialect=azure "
     "credential=env:K api-version=2024-10-21\n"
     "Model m swc/gpt-4.1 base-model=gpt-4.1\n"},
    {"model: azure/d, api_base: os.environ/BASE, " KEY ", api_version: latest",
     "Endpoint weu https://weu.openai.azure.com dialect=azure "
     "credential=env:K\nModel m weu/d\n"},
    {"model: azure/responses/o_series/d, api_base: 'https://a.b', " KEY,
     "Endpoint a https://a.b dialect=azure credential=env:K\n"
     "Model m a/d surface=responses\n"},
    {"model: azure/d, api_base: 'https://a.b', client_id: c, "
     "tenant_id: t, client_secret: os.environ/S, azure_scope: 'x/.default'",
     "Endpoint a https://a.b dialect=azure "
     "credential=service-principal:t/c:env:S scope=x/.default\n"
     "Model m a/d\n"},
    {"model: azure/d, api_base: 'https://a.b', client_id: c",
     "Endpoint a https://a.b dialect=azure "
     "credential=managed-identity:c\nModel m a/d\n"},
    {"model: azure/d, api_base: 'https://a.b'",
     "Endpoint a https://a.b dialect=azure credential=azure-default\n"
     "Model m a/d\n"},
    {"model: azure/d, api_base: 'https://a.b', azure_scope: x/.default",
     "Endpoint a https://a.b dialect=azure credential=azure-default "
     "scope=x/.default\nModel m a/d\n"},
    {"model: azure_ai/claude-sonnet-4-5, " KEY
     ", api_base: 'https://f.services.ai.azure.com/anthropic/v1/messages'",
     "Endpoint f https://f.services.ai.azure.com dialect=anthropic "
     "credential=env:K hosting=foundry\n"
     "Model m f/claude-sonnet-4-5 base-model=claude-sonnet-4-5\n"},
    {"model: azure_ai/DeepSeek-V3, " KEY
     ", api_base: 'https://f.services.ai.azure.com/models'",
     "Endpoint f https://f.services.ai.azure.com dialect=azure "
     "credential=env:K\nModel m f/DeepSeek-V3 base-model=DeepSeek-V3\n"},
    {"model: azure_ai/x, " KEY
     ", api_base: 'https://x.eastus2.models.ai.azure.com/v1/'",
     "Endpoint x https://x.eastus2.models.ai.azure.com dialect=openai "
     "credential=env:K\nModel m x/x base-model=x\n"},
    {"model: openai/gpt-5, " KEY,
     "Endpoint openai https://api.openai.com/v1 dialect=openai "
     "credential=env:K\nModel m openai/gpt-5 base-model=gpt-5\n"},
    {"model: gpt-5", "Endpoint openai https://api.openai.com/v1 dialect=openai "
                     "credential=env:OPENAI_API_KEY\n"
                     "Model m openai/gpt-5 base-model=gpt-5\n"},
    {"model: m, custom_llm_provider: openai, base_url: 'http://[::1]:1/v1'",
     "Endpoint openai \"http://[::1]:1/v1\" dialect=openai "
     "credential=env:OPENAI_API_KEY\nModel m openai/m\n"},
    {"model: hosted_vllm/org/m, api_base: 'http://10.0.0.1:8000/v1'",
     "Endpoint hosted-vllm http://10.0.0.1:8000/v1 dialect=openai "
     "credential=none\nModel m hosted-vllm/org/m\n"},
    {"model: mistral/large, " KEY,
     "Endpoint mistral https://api.mistral.ai/v1 dialect=openai "
     "credential=env:K quirks=max-tokens\n"
     "Model m mistral/large base-model=large\n"},
    {"model: anthropic/claude-opus-5, api_base: 'https://p.test/v1', " KEY,
     "Endpoint p https://p.test dialect=anthropic credential=env:K\n"
     "Model m p/claude-opus-5 base-model=claude-opus-5\n"},
    {"model: gemini/gemini-3-pro",
     "Endpoint gemini https://generativelanguage.googleapis.com "
     "dialect=gemini credential=env:GEMINI_API_KEY\n"
     "Model m gemini/gemini-3-pro base-model=gemini-3-pro\n"},
    {"model: vertex_ai/gemini-3-pro, vertex_project: os.environ/PROJECT, "
     "vertex_location: europe-west1, vertex_credentials: /run/v.json",
     "Endpoint vertex-europe-west1 https://europe-west1-aiplatform."
     "googleapis.com/v1/projects/prj/locations/europe-west1 dialect=gemini "
     "credential=google:/run/v.json\n"
     "Model m vertex-europe-west1/gemini-3-pro base-model=gemini-3-pro\n"},
    {"model: vertex_ai/claude-opus-5@20260101, vertex_project: p, "
     "vertex_location: global",
     "Endpoint vertex-global https://aiplatform.googleapis.com/v1/"
     "projects/p/locations/global dialect=anthropic "
     "credential=google:metadata\n"
     "Model m vertex-global/claude-opus-5@20260101 "
     "base-model=claude-opus-5@20260101\n"},
    {"model: bedrock/converse/us-east-1/amazon.nova-pro-v1:0",
     "Endpoint bedrock-us-east-1 "
     "https://bedrock-runtime.us-east-1.amazonaws.com dialect=bedrock "
     "credential=aws:env\nModel m bedrock-us-east-1/amazon.nova-pro-v1:0 "
     "base-model=amazon.nova-pro-v1:0\n"},
    {"model: bedrock/invoke/us.anthropic.claude-x, aws_region_name: "
     "eu-west-1, aws_profile_name: work",
     "Endpoint bedrock-eu-west-1 "
     "https://bedrock-runtime.eu-west-1.amazonaws.com dialect=anthropic "
     "credential=aws:file:/home/h/.aws/credentials#work hosting=bedrock\n"
     "Model m bedrock-eu-west-1/us.anthropic.claude-x "
     "base-model=us.anthropic.claude-x\n"},
    {"model: 'bedrock/arn:aws:bedrock:us-west-2:1:inference-profile/x', "
     "aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID, "
     "aws_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY, "
     "aws_bedrock_runtime_endpoint: 'https://vpce.test'",
     "Endpoint bedrock-us-west-2 https://vpce.test dialect=bedrock "
     "credential=aws:env region=us-west-2\n"
     "Model m bedrock-us-west-2/arn:aws:bedrock:us-west-2:1:"
     "inference-profile/x base-model=x\n"},
    {"model: bedrock/x.y, aws_region_name: us-east-1, " KEY,
     "Endpoint bedrock-us-east-1 "
     "https://bedrock-runtime.us-east-1.amazonaws.com dialect=bedrock "
     "credential=env:K\nModel m bedrock-us-east-1/x.y base-model=x.y\n"},
    {"model: databricks/d, api_base: 'https://adb-1.2.azuredatabricks.net/"
     "serving-endpoints', client_id: c, client_secret: os.environ/S",
     "Endpoint adb-1 https://adb-1.2.azuredatabricks.net/serving-endpoints "
     "dialect=databricks credential=databricks:c:env:S\n"
     "Model m adb-1/d base-model=d\n"},
    {"model: databricks/d, api_base: 'https://w.test'",
     "Endpoint w https://w.test dialect=databricks "
     "credential=databricks:dbx-client:env:DATABRICKS_CLIENT_SECRET\n"
     "Model m w/d base-model=d\n"},
    {"model: openai/x, ssl_verify: false, " KEY,
     "Endpoint openai https://api.openai.com/v1 dialect=openai "
     "credential=env:K tls-verify=off\nModel m openai/x base-model=x\n"},
    {"model: openai/x, ssl_verify: /etc/ca.pem, " KEY,
     "Endpoint openai https://api.openai.com/v1 dialect=openai "
     "credential=env:K tls-ca=/etc/ca.pem\nModel m openai/x base-model=x\n"},
};

START_TEST(test_providers)
{
    size_t i;

    for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        ck_assert_str_eq(
            converted(&with_environment, model(providers[i].params)),
            providers[i].lines);
    }
}
END_TEST

/* As the old SDK has it: what the URL names is asked, by whatever name the
 * model is known. */
START_TEST(test_deployments_in_urls)
{
    const azl_litellm_t *config;

    ck_assert_str_eq(
        converted(&with_environment,
                  model("model: azure/d, api_base: 'https://a.b/openai/"
                        "deployments/d/chat/completions?api-version=1', " KEY)),
        "Endpoint a https://a.b dialect=azure credential=env:K\n"
        "Model m a/d\n");
    ck_assert_str_eq(
        converted(&with_environment,
                  model("model: azure/d, api_base: 'https://a.b/openai/"
                        "deployments//chat', " KEY)),
        "Endpoint a https://a.b dialect=azure credential=env:K\n"
        "Model m a/d\n");
    config = read_with(&with_environment,
                       model("model: azure/gpt-4o, api_base: 'https://a.b/"
                             "openai/deployments/mine?x=y', " KEY));
    ck_assert_str_eq(lines_of(config, 0),
                     "Endpoint a https://a.b dialect=azure credential=env:K\n"
                     "Model m a/mine base-model=gpt-4o\n");
}
END_TEST

/* Variables of the document that lead nowhere but out of it. */
START_TEST(test_variables_of_themselves)
{
    static const char *const variables[] = {
        "{SECONDS: os.environ/SECONDS}",
        "{SECONDS: os.environ/A, A: os.environ/SECONDS}",
        "{SECONDS: os.environ/A, A: os.environ/A}"};
    static const char *const named[] = {"SECONDS", "SECONDS", "A"};
    size_t i;

    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const azl_litellm_t *config = read_with(
            &with_environment,
            apr_pstrcat(
                azl_test_pool, "environment_variables: ", variables[i], "\n",
                model("model: openai/x, api_key: os.environ/SECONDS"), NULL));

        ck_assert_str_eq(messages_of(config), "");
        ck_assert_str_eq(
            lines_of(config, 1),
            apr_pstrcat(azl_test_pool,
                        "Endpoint openai https://api.openai.com/v1 "
                        "dialect=openai credential=env:",
                        named[i], "\nModel m openai/x base-model=x\n", NULL));
    }
}
END_TEST

/* The same when nothing is known of the environment. */
START_TEST(test_references)
{
    const azl_litellm_t *config =
        read_with(&without, model("model: openai/x, timeout: os.environ/T"));

    ck_assert_str_eq(
        converted(&without, model("model: azure/d, api_base: "
                                  "os.environ/AZ_BASE, api_version: "
                                  "os.environ/AZ_VERSION")),
        "Endpoint az-base \"${AZ_BASE}\" dialect=azure "
        "credential=env:AZURE_API_KEY \"api-version=${AZ_VERSION}\"\n"
        "Model m az-base/d\n");
    ck_assert_str_eq(
        converted(&without, model("model: azure/d")),
        "Endpoint azure-api-base \"${AZURE_API_BASE}\" dialect=azure "
        "credential=env:AZURE_API_KEY\n"
        "Model m azure-api-base/d\n");
    ck_assert_str_eq(
        converted(&without,
                  model("model: vertex_ai/gemini-x, vertex_project: "
                        "os.environ/P, vertex_credentials: os.environ/C")),
        "Endpoint vertex-us-central1 \"https://us-central1-aiplatform."
        "googleapis.com/v1/projects/${P}/locations/us-central1\" "
        "dialect=gemini \"credential=google:${C}\"\n"
        "Model m vertex-us-central1/gemini-x base-model=gemini-x\n");
    /* it will be https; if not, httpd complains of the option */
    ck_assert_str_eq(
        converted(&without, model("model: openai/o, api_base: os.environ/B, "
                                  "ssl_verify: os.environ/CA, " KEY)),
        "Endpoint b \"${B}\" dialect=openai credential=env:K "
        "\"tls-ca=${CA}\"\nModel m b/o base-model=o\n");
    check_said(read_with(&without, model("model: bedrock/x.y")), 3,
               AZL_LITELLM_WARNING, "aws:instance");
    check_said(config, 3, AZL_LITELLM_UNSUPPORTED, "a number cannot come");
    ck_assert_int_eq(config->secret, 0);
    ck_assert_int_eq(azl_litellm_wrong(config, 0), 0);
    ck_assert_int_eq(azl_litellm_wrong(config, 1), 1);
    config = read_with(&without, "model_list: [");
    ck_assert_int_eq(azl_litellm_wrong(config, 0), 1);
    check_said(read_with(&with_environment,
                         model("model: azure/d, api_base: os.environ/NONE")),
               3, AZL_LITELLM_ERROR, "'NONE' is not set");
}
END_TEST

/* Numbers however they are written, and what says nothing. */
START_TEST(test_numbers)
{
    ck_assert_str_eq(
        converted(&with_environment,
                  model("model: openai/x, rpm: '600', tpm: 1_000_000, "
                        "max_parallel_requests: 0, order: null, "
                        "input_cost_per_token: '0.00000125', "
                        "output_cost_per_token: 1e-6, drop_params: false, "
                        "use_in_pass_through: no, tags: []")),
        "Endpoint openai https://api.openai.com/v1 dialect=openai "
        "credential=env:OPENAI_API_KEY\n"
        "Model m openai/x rpm=600 tpm=1000000 max-parallel=0 "
        "base-model=x input-price=1.25 output-price=1\n");
}
END_TEST

START_TEST(test_options_of_a_model)
{
    ck_assert_str_eq(
        converted(&with_environment,
                  "model_list:\n"
                  "- model_name: gpt-4.1\n"
                  "  litellm_params:\n"
                  "    model: azure/d\n"
                  "    api_base: https://a.b\n"
                  "    api_key: os.environ/K\n"
                  "    order: 2\n"
                  "    rpm: 600\n"
                  "    tpm: 100000\n"
                  "    max_parallel_requests: 10\n"
                  "    timeout: os.environ/SECONDS\n"
                  "    stream_timeout: 2.5\n"
                  "    input_cost_per_token: 0.00000125\n"
                  "  model_info:\n"
                  "    id: one\n"
                  "    mode: responses\n"
                  "    base_model: azure/us/gpt-4.1-2025-04-14\n"
                  "    output_cost_per_token: 1e-05\n"
                  "    cache_read_input_token_cost: 3.125e-07\n"
                  "    cache_creation_input_token_cost: 1.5e-6\n"
                  "router_settings:\n"
                  "  optional_pre_call_checks: [enforce_model_rate_limits, "
                  "responses_api_deployment_check]\n"),
        "Endpoint a https://a.b dialect=azure credential=env:K\n"
        "Model gpt-4.1 a/d order=2 rpm=600 tpm=100000 max-parallel=10 "
        "limits=hard timeout=7s first-token-timeout=2500ms "
        "base-model=gpt-4.1-2025-04-14 surface=responses input-price=1.25 "
        "cached-price=0.3125 cache-write-price=1.5 output-price=10 id=one\n");
}
END_TEST

/* Endpoints are shared by what has all in common, and no others. */
START_TEST(test_endpoints)
{
    static const char yaml[] =
        "model_list:\n"
        "- {model_name: a, litellm_params: {model: azure/1, api_base: "
        "'https://a.b', api_key: os.environ/K}}\n"
        "- {model_name: b, litellm_params: {model: azure/2, api_base: "
        "'https://a.b/', api_key: os.environ/K}}\n"
        "- {model_name: c, litellm_params: {model: azure/3, api_base: "
        "'https://a.b', api_key: os.environ/L}}\n";
    azl_litellm_setup_t setup = with_environment;

    ck_assert_str_eq(converted(&with_environment, yaml),
                     "Endpoint a https://a.b dialect=azure credential=env:K\n"
                     "Endpoint a-2 https://a.b dialect=azure "
                     "credential=env:L\n"
                     "Model a a/1\nModel b a/2\nModel c a-2/3\n");
    setup.baton = "a";
    ck_assert_str_eq(converted(&setup, yaml),
                     "Endpoint a-2 https://a.b dialect=azure "
                     "credential=env:K\n"
                     "Endpoint a-3 https://a.b dialect=azure "
                     "credential=env:L\n"
                     "Model a a-2/1\nModel b a-2/2\nModel c a-3/3\n");
}
END_TEST

/* A group with these parameters of its deployments: its weights. */
static const char *weights(const char *const *params)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, TEXT_MAX);
    azl_litellm_t *config;
    int i;

    azl_buf_puts(out, "model_list:\n");
    for (i = 0; params[i]; i++) {
        azl_buf_puts(out, apr_psprintf(azl_test_pool,
                                       "- {model_name: m, litellm_params: "
                                       "{model: openai/%d, %s}}\n",
                                       i, params[i]));
    }
    config = read_with(&with_environment, azl_buf_pstr(out, azl_test_pool));
    azl_buf_clear(out);
    for (i = 1; i < config->directives->nelts; i++) {
        const char *words = azl_litellm_words(
            azl_test_pool,
            &APR_ARRAY_IDX(config->directives, i, azl_litellm_directive_t), 0);
        const char *weight = strstr(words, "weight=");

        weight = weight ? weight + strlen("weight=") : "1";
        azl_buf_append(out, weight, strcspn(weight, " "));
        azl_buf_puts(out, " ");
    }
    return azl_buf_pstr(out, azl_test_pool);
}

START_TEST(test_weights)
{
    static const struct {
        const char *params[4];
        const char *weights;
    } cases[] = {
        {{"", "", NULL}, "1 1 "},
        {{"weight: 3", "weight: 1", NULL}, "3 1 "},
        {{"weight: 0.75", "weight: 0.25", NULL}, "3 1 "},
        {{"weight: 2", "", NULL}, "1 0 "},
        {{"weight: 0", "weight: 1", NULL}, "0 1 "},
        /* the first one decides what counts */
        {{"", "weight: 2", NULL}, "1 1 "},
        {{"rpm: 900", "rpm: 300", NULL}, "3 1 "},
        {{"rpm: 10, tpm: 5", "tpm: 5", NULL}, "1 0 "},
        {{"tpm: 100000", "tpm: 250000", NULL}, "2 5 "},
        {{"rpm: 1000001", "rpm: 1", NULL}, "999 1 "},
        /* more than anybody has */
        {{"rpm: 999999999999999", "rpm: 999999999999999", "rpm: 1e9", NULL},
         "1 1 1 "},
        /* each order for itself */
        {{"weight: 4, order: 1", "order: 2", "order: 2", NULL}, "1 1 1 "},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(weights(cases[i].params), cases[i].weights);
    }
}
END_TEST

START_TEST(test_same_deployment)
{
    azl_litellm_t *config = read_with(
        &with_environment,
        "model_list:\n"
        "- {model_name: m, litellm_params: {model: openai/a, weight: 1}}\n"
        "- {model_name: m, litellm_params: {model: openai/a, weight: 2}}\n"
        "- {model_name: m, litellm_params: {model: openai/b, weight: 1}}\n"
        "- {model_name: n, model_info: {mode: dream}, litellm_params: {model: "
        "openai/a, weight: 1}}\n");

    check_said(config, 3, AZL_LITELLM_UNSUPPORTED, "as in line 2");
    check_said(config, 5, AZL_LITELLM_UNSUPPORTED, "mode");
    ck_assert(strstr(lines_of(config, 0), "Model m openai/a weight=3 ") !=
              NULL);
    ck_assert_int_eq(config->directives->nelts, 4);
}
END_TEST

START_TEST(test_other_names)
{
    azl_litellm_t *config;

    ck_assert_str_eq(converted(&with_environment, TWO_MODELS
                               "router_settings:\n"
                               "  model_group_alias: {c: a, d: {model: b, "
                               "hidden: false}}\n"
                               "  fallbacks: [{c: [d]}]\n"),
                     TWO_MODELS_LINES
                     "Model c openai/a base-model=a\n"
                     "Model d openai/b base-model=b\nFallback c d\n");
    config = read_with(&with_environment,
                       TWO_MODELS "router_settings:\n"
                                  "  model_group_alias:\n"
                                  "    a: b\n"
                                  "    e: nobody\n"
                                  "    f: {model: a, hidden: true, x: 1}\n");
    check_said(config, 6, AZL_LITELLM_UNSUPPORTED, "'a' is left out");
    check_said(config, 7, AZL_LITELLM_UNSUPPORTED, "'e' is left out");
    check_said(config, 8, AZL_LITELLM_UNSUPPORTED, "hidden");
    check_said(config, 8, AZL_LITELLM_UNSUPPORTED, "model_group_alias.x");
}
END_TEST

START_TEST(test_credentials)
{
    static const char yaml[] =
        "credential_list:\n"
        "- credential_name: ours\n"
        "  credential_values: {api_base: 'https://a.b', api_key: "
        "os.environ/K}\n"
        "model_list:\n"
        "- {model_name: m, litellm_params: {model: azure/d, "
        "litellm_credential_name: ours}}\n";
    azl_litellm_t *config;

    ck_assert_str_eq(converted(&with_environment, yaml),
                     "Endpoint a https://a.b dialect=azure credential=env:K\n"
                     "Model m a/d\n");
    config = read_with(&with_environment,
                       "model_list:\n"
                       "- {model_name: m, litellm_params: {model: openai/d, "
                       "litellm_credential_name: nobody's}}\n");
    check_said(config, 2, AZL_LITELLM_ERROR, "'nobody's'");
    config = read_with(&with_environment,
                       "credential_list:\n"
                       "- {credential_name: a, credential_values: {api_key: "
                       "k}, credential_info: {description: d}, x: 1}\n"
                       "- {credential_name: b}\n"
                       "- 7\n");
    check_said(config, 2, AZL_LITELLM_UNSUPPORTED, "credential_info is not");
    check_said(config, 2, AZL_LITELLM_UNSUPPORTED, "credential_list.x is not");
    check_said(config, 3, AZL_LITELLM_ERROR, "needs credential_name");
    check_said(config, 4, AZL_LITELLM_ERROR, "must be a map");
}
END_TEST

/* A secret that stands in the file is used and not shown. */
START_TEST(test_secrets)
{
    static const char yaml[] =
        "environment_variables: {LOCAL: sk-SECRET-1, OPENAI_API_KEY: "
        "sk-SECRET-2, OTHER: os.environ/LOCAL}\n"
        "general_settings: {master_key: sk-SECRET-3}\n"
        "model_list:\n"
        "- {model_name: a, litellm_params: {model: azure/d, api_base: "
        "'https://a.b', api_key: os.environ/OTHER}}\n"
        "- {model_name: b, litellm_params: {model: openai/d}}\n"
        "- {model_name: c, litellm_params: {model: azure/d, api_base: "
        "'https://c.d', client_id: i, tenant_id: t, client_secret: "
        "'sk-SECRET \"4\\'}}\n";
    azl_litellm_t *config = read_with(&with_environment, yaml);
    const char *shown = lines_of(config, 0);
    const char *used = lines_of(config, 1);

    ck_assert_str_eq(
        shown, "MasterKey env:AZURELIT_MASTER_KEY\n"
               "Endpoint a https://a.b dialect=azure "
               "credential=env:AZURELIT_A_SECRET\n"
               "Endpoint openai https://api.openai.com/v1 dialect=openai "
               "credential=env:AZURELIT_OPENAI_SECRET\n"
               "Endpoint c https://c.d dialect=azure "
               "credential=service-principal:t/i:env:AZURELIT_C_SECRET\n"
               "Model a a/d\nModel b openai/d base-model=d\nModel c c/d\n");
    ck_assert(strstr(used, "MasterKey literal:sk-SECRET-3\n") != NULL);
    ck_assert(strstr(used, "credential=literal:sk-SECRET-1\n") != NULL);
    ck_assert(strstr(used, "credential=literal:sk-SECRET-2\n") != NULL);
    ck_assert(strstr(used, "\"credential=service-principal:t/i:literal:"
                           "sk-SECRET \\\"4\\\\\"\n") != NULL);
    ck_assert_int_eq(config->count[AZL_LITELLM_WARNING], 4);
    ck_assert_int_eq(config->count[AZL_LITELLM_ERROR], 0);
    check_said(config, 2, AZL_LITELLM_WARNING, "master_key");
    check_said(config, 4, AZL_LITELLM_WARNING, "AZURELIT_A_SECRET");
    ck_assert_int_eq(config->secret, 1);
    ck_assert(!strstr(messages_of(config), "SECRET-") &&
              !strstr(messages_of(config), "SECRET \""));
}
END_TEST

/* What parameters of a model say; all stand in line 3. */
START_TEST(test_unsupported_of_a_model)
{
    static const struct {
        const char *params;
        int severity;
        const char *part;
    } cases[] = {
        {"model: openai/x, temperature: 0", AZL_LITELLM_UNSUPPORTED,
         "litellm_params.temperature is not supported: nothing is put"},
        {"model: openai/x, vertex_project: p", AZL_LITELLM_UNSUPPORTED,
         "vertex_project"},
        {"model: cohere/x", AZL_LITELLM_UNSUPPORTED, "'cohere/x' is not known"},
        {"model: openai/x*", AZL_LITELLM_UNSUPPORTED, "left out"},
        {"model: azure/d, api_base: 'https://a', azure_ad_token: x",
         AZL_LITELLM_UNSUPPORTED, "azure_ad_token ends after an hour"},
        {"model: azure/d, api_base: 'https://a', tenant_id: t",
         AZL_LITELLM_UNSUPPORTED, "litellm_params.tenant_id"},
        {"model: azure/d, api_base: 'https://a', azure_scope: s, " KEY,
         AZL_LITELLM_UNSUPPORTED, "litellm_params.azure_scope"},
        {"model: databricks/d, api_base: 'https://a', client_id: c",
         AZL_LITELLM_ERROR, "client_id needs client_secret"},
        {"model: openai/x, parallel_tool_calls: false", AZL_LITELLM_UNSUPPORTED,
         "parallel_tool_calls"},
        {"model: openai/x, api_base: os.environ/", AZL_LITELLM_ERROR,
         "must be followed by the name"},
        {"model: openai/x, api_key: 'os.environ/A B'", AZL_LITELLM_ERROR,
         "must be followed by the name"},
        {"model: openai/x, rpm: 010", AZL_LITELLM_ERROR, "rpm must be a"},
        {"model: openai/x, rpm: -1", AZL_LITELLM_ERROR, "rpm must be a"},
        {"model: openai/x, rpm: 0x1F", AZL_LITELLM_ERROR, "rpm must be a"},
        {"model: openai/x, rpm: 1__0", AZL_LITELLM_ERROR, "rpm must be a"},
        {"model: openai/x, rpm: yes", AZL_LITELLM_ERROR, "rpm must be a"},
        {"model: openai/x, rpm: '1:30'", AZL_LITELLM_ERROR, "rpm must be a"},
        {"model: openai/x, input_cost_per_token: .inf", AZL_LITELLM_ERROR,
         "input_cost_per_token must be a"},
        {"model: openai/x, input_cost_per_token: -1e-6", AZL_LITELLM_ERROR,
         "input_cost_per_token must be a"},
        {"model: azure/d, api_base: 'https://a', client_id: c, "
         "client_secret: os.environ/S",
         AZL_LITELLM_ERROR, "needs tenant_id"},
        {"model: azure/d, api_base: 'https://a', client_id: c, tenant_id: t",
         AZL_LITELLM_WARNING, "workload identity"},
        {"model: azure/d", AZL_LITELLM_ERROR, "needs api_base"},
        {"model: azure/d, api_key: os.environ/K, "
         "api_base: 'https://a.b/openai/deployments/x'",
         AZL_LITELLM_WARNING, "deployment 'x' of api_base"},
        {"model: azure_ai/d, api_key: os.environ/K, "
         "api_base: 'https://a.b', api_version: 2024-05-01-preview",
         AZL_LITELLM_WARNING, "without one"},
        {"model: bedrock/x", AZL_LITELLM_ERROR, "needs aws_region_name"},
        {"model: bedrock/x, aws_region_name: us-east-1, aws_role_name: r",
         AZL_LITELLM_UNSUPPORTED, "roles are not assumed"},
        {"model: bedrock/x, aws_region_name: us-east-1, aws_access_key_id: "
         "AKIA, aws_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY",
         AZL_LITELLM_UNSUPPORTED, "keys of AWS must be"},
        {"model: bedrock/x, aws_region_name: us-east-1, "
         "aws_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY",
         AZL_LITELLM_UNSUPPORTED, "keys of AWS must be"},
        {"model: vertex_ai/mistral-x, vertex_project: p",
         AZL_LITELLM_UNSUPPORTED, "of Vertex AI only"},
        {"model: vertex_ai/gemini-x", AZL_LITELLM_ERROR, "vertex_project"},
        {"model: vertex_ai/gemini-x, vertex_project: p, "
         "vertex_credentials: '{\"type\": 1}'",
         AZL_LITELLM_UNSUPPORTED, "absolute path"},
        {"model: openai/x, timeout: soon", AZL_LITELLM_ERROR,
         "timeout must be a number"},
        {"model: openai/x, input_cost_per_token: 9000000", AZL_LITELLM_ERROR,
         "dollars a token"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_said(read_with(&with_environment, model(cases[i].params)), 3,
                   cases[i].severity, cases[i].part);
    }
}
END_TEST

TCase *azl_test_litellm_models(void)
{
    TCase *tc = azl_test_tcase("litellm_models");

    tcase_add_test(tc, test_providers);
    tcase_add_test(tc, test_deployments_in_urls);
    tcase_add_test(tc, test_variables_of_themselves);
    tcase_add_test(tc, test_references);
    tcase_add_test(tc, test_numbers);
    tcase_add_test(tc, test_options_of_a_model);
    tcase_add_test(tc, test_endpoints);
    tcase_add_test(tc, test_weights);
    tcase_add_test(tc, test_same_deployment);
    tcase_add_test(tc, test_other_names);
    tcase_add_test(tc, test_credentials);
    tcase_add_test(tc, test_secrets);
    tcase_add_test(tc, test_unsupported_of_a_model);
    return tc;
}
