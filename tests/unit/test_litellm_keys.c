/*
 * The keys that LiteLLM's documentation has: each either changes what the
 * configuration becomes, or is named with its line. None is left out without a
 * word.
 */
#include "litellm_fixture.h"

#define AZURE                                                                  \
    "model_list:\n- model_name: m\n  litellm_params:\n    model: azure/d\n"    \
    "    api_base: https://a.b\n"
#define IDENTITY AZURE "    client_id: c\n"
#define OPENAI                                                                 \
    "model_list:\n"                                                            \
    "- {model_name: m, litellm_params: {model: openai/p, weight: 1}}\n"        \
    "- model_name: m\n  litellm_params:\n    model: openai/o\n"
#define BEDROCK                                                                \
    "model_list:\n- model_name: m\n  litellm_params:\n"                        \
    "    model: bedrock/us-east-1/a.b\n"
#define VERTEX                                                                 \
    "model_list:\n- model_name: m\n  litellm_params:\n"                        \
    "    model: vertex_ai/gemini-x\n    vertex_project: p\n"
#define DATABRICKS                                                             \
    "model_list:\n- model_name: m\n  litellm_params:\n"                        \
    "    model: databricks/d\n    api_base: https://a.b\n"
#define INFO OPENAI "  model_info:\n    db_model: ~\n"

typedef struct entry_t {
    const char *key;
    const char *value;
} entry_t;

static const char *with_line(const char *before, const entry_t *entry)
{
    const char *last = strrchr(
        apr_pstrmemdup(azl_test_pool, before, strlen(before) - 1), '\n');
    apr_size_t indent = last ? strspn(last + 1, " ") : 0;

    return apr_pstrcat(azl_test_pool, before,
                       apr_pstrmemdup(azl_test_pool, "        ", indent),
                       entry->key, ": ", entry->value, "\n", NULL);
}

static int lines_in(const char *text)
{
    int n = 0;

    for (; *text; text++) {
        n += *text == '\n';
    }
    return n;
}

static int is_named(const azl_litellm_t *config, const entry_t *entry, int line)
{
    int i;

    for (i = 0; i < config->messages->nelts; i++) {
        const azl_litellm_message_t *message =
            &APR_ARRAY_IDX(config->messages, i, azl_litellm_message_t);

        if (message->line == line && strstr(message->text, entry->key)) {
            return 1;
        }
    }
    return 0;
}

/* `before` ends with a map, of which each of these is one more entry. */
static void check_keys(const char *before, const entry_t *entries)
{
    const char *plain = lines_of(read_with(&without, before), 0);

    for (; entries->key; entries++) {
        azl_litellm_t *config = read_with(&without, with_line(before, entries));

        ck_assert_msg(strcmp(lines_of(config, 0), plain) != 0 ||
                          is_named(config, entries, lines_in(before) + 1),
                      "%s: %s\n%s%s", entries->key, entries->value,
                      messages_of(config), lines_of(config, 0));
    }
}

static const entry_t of_top[] = {
    {"model_list", "[{model_name: m, litellm_params: {model: gpt-4}}]"},
    {"callback_settings", "{otel: {message_logging: true}}"},
    {"guardrails", "[{guardrail_name: g}]"},
    {"mcp_servers", "{a: {url: u}}"},
    {"mcp_tools", "[{name: t}]"},
    {"prompts", "[{prompt_id: p}]"},
    {"vector_store_registry", "[{vector_store_name: v}]"},
    {"search_tools", "[{search_tool_name: s}]"},
    {"assistant_settings", "{custom_llm_provider: azure}"},
    {"files_settings", "[{custom_llm_provider: azure}]"},
    {"finetune_settings", "[{custom_llm_provider: azure}]"},
    {"policies", "{p: {}}"},
    {"policy_attachments", "[{policy: p}]"},
    {"agent_list", "[{agent_name: a}]"},
    {"worker_registry", "[{worker_id: w}]"},
    {"include", "[other.yaml]"},
    {"environment_variables", "{environment_variables: b}"},
    {"credential_list", "[{credential_name: c}]"},
    {NULL, NULL}};

START_TEST(test_top)
{
    check_keys("unset: ~\n", of_top);
}
END_TEST

static const entry_t of_litellm_settings[] = {
    {"success_callback", "[langfuse]"},
    {"failure_callback", "[sentry]"},
    {"callbacks", "[otel]"},
    {"service_callback", "[datadog]"},
    {"service_callbacks", "[datadog]"},
    {"audit_log_callbacks", "[s3]"},
    {"turn_off_message_logging", "true"},
    {"redact_messages_in_exceptions", "true"},
    {"redact_user_api_key_info", "true"},
    {"langfuse_default_tags", "[cache_hit]"},
    {"modify_params", "true"},
    {"enable_preview_features", "true"},
    {"LITELLM_DISABLE_STOP_SEQUENCE_LIMIT", "true"},
    {"mcp_aliases", "{a: b}"},
    {"set_verbose", "true"},
    {"json_logs", "true"},
    {"default_fallbacks", "[b]"},
    {"fallbacks", "[{a: [b]}]"},
    {"content_policy_fallbacks", "[{a: [b]}]"},
    {"context_window_fallbacks", "[{a: [b]}]"},
    {"request_timeout", "10"},
    {"num_retries", "3"},
    {"allowed_fails", "3"},
    {"cooldown_time", "30"},
    {"drop_params", "true"},
    {"additional_drop_params", "[top_k]"},
    {"force_ipv4", "true"},
    {"ssl_verify", "false"},
    {"ssl_certificate", "/etc/client.pem"},
    {"ssl_security_level", "DEFAULT@SECLEVEL=1"},
    {"cache", "true"},
    {"cache_params", "{type: redis}"},
    {"disable_end_user_cost_tracking", "true"},
    {"disable_end_user_cost_tracking_prometheus_only", "true"},
    {"key_generation_settings", "{team_key_generation: {}}"},
    {"upperbound_key_generate_params", "{max_budget: 1}"},
    {"default_key_generate_params", "{max_budget: 1}"},
    {"default_internal_user_params", "{max_budget: 1}"},
    {"default_team_params", "{max_budget: 1}"},
    {"default_team_settings", "[{team_id: t}]"},
    {"max_internal_user_budget", "1"},
    {"max_end_user_budget", "1"},
    {"max_budget", "1"},
    {"budget_duration", "30d"},
    {"max_user_budget", "1"},
    {"disable_add_transform_inline_image_block", "true"},
    {"use_chat_completions_url_for_anthropic_messages", "true"},
    {"disable_hf_tokenizer_download", "true"},
    {"enable_json_schema_validation", "true"},
    {"enable_key_alias_format_validation", "true"},
    {"disable_copilot_system_to_assistant", "true"},
    {"enable_azure_ad_token_refresh", "true"},
    {"drop_unknown", "true"},
    {"tag_budget_config", "{t: {max_budget: 1}}"},
    {"custom_provider_map", "[{provider: p}]"},
    {"model_group_settings", "{forward_client_headers_to_llm_api: [a]}"},
    {"forward_traceparent_to_llm_provider", "true"},
    {"prometheus_metrics_config", "[{group: g}]"},
    {"custom_prometheus_metadata_labels", "[l]"},
    {"require_auth_for_metrics_endpoint", "true"},
    {"s3_callback_params", "{s3_bucket_name: b}"},
    {"telemetry", "true"},
    {"public_model_groups", "[a]"},
    {"blocked_user_list", "[u]"},
    {"banned_keywords_list", "[k]"},
    {"guardrails", "[{p: {}}]"},
    {"context_window_fallback_dict", "{a: b}"},
    {"model_alias_map", "{a: b}"},
    {"ssl_ecdh_curve", "X25519"},
    {"aiohttp_trust_env", "true"},
    {"organization", "o"},
    {"api_base", "https://h"},
    {"api_key", "k"},
    {"routing_strategy", "least-busy"},
    {"timeout", "5"},
    {NULL, NULL}};

START_TEST(test_litellm_settings)
{
    check_keys(TWO_MODELS "- {model_name: z, litellm_params: {model: azure/d, "
                          "api_base: 'https://a.b'}}\n"
                          "litellm_settings:\n  unset: ~\n",
               of_litellm_settings);
}
END_TEST

static const entry_t of_router_settings[] = {
    {"routing_strategy", "simple-shuffle"},
    {"routing_strategy_args", "{ttl: 1}"},
    {"routing_groups", "[{group_name: g}]"},
    {"redis_host", "h"},
    {"redis_port", "1"},
    {"redis_password", "p"},
    {"redis_url", "redis://h"},
    {"redis_db", "1"},
    {"enable_pre_call_check", "true"},
    {"enable_pre_call_checks", "true"},
    {"optional_pre_call_checks", "[router_budget_limiting]"},
    {"optional_pre_call_checks", "[prompt_caching]"},
    {"optional_pre_call_checks", "[encrypted_content_affinity]"},
    {"optional_pre_call_checks", "[deployment_affinity]"},
    {"optional_pre_call_checks", "[session_affinity]"},
    {"optional_pre_call_checks", "[forward_client_headers_by_model_group]"},
    {"deployment_affinity_ttl_seconds", "60"},
    {"allowed_fails", "3"},
    {"allowed_fails_policy", "{TimeoutErrorAllowedFails: 1}"},
    {"cooldown_time", "30"},
    {"disable_cooldowns", "true"},
    {"enable_tag_filtering", "true"},
    {"tag_filtering_match_any", "true"},
    {"tag_routing_prefix", "p"},
    {"retry_policy", "{TimeoutErrorRetries: 3}"},
    {"model_group_retry_policy", "{a: {TimeoutErrorRetries: 3}}"},
    {"model_group_affinity_config", "{a: [deployment_affinity]}"},
    {"retry_after", "5"},
    {"num_retries", "3"},
    {"max_retries", "3"},
    {"max_fallbacks", "5"},
    {"fallbacks", "[{a: [b]}]"},
    {"default_fallbacks", "[b]"},
    {"content_policy_fallbacks", "[{a: [b]}]"},
    {"context_window_fallbacks", "[{a: [b]}]"},
    {"default_litellm_params", "{temperature: 0}"},
    {"default_max_parallel_requests", "5"},
    {"default_priority", "1"},
    {"polling_interval", "0.1"},
    {"timeout", "30"},
    {"stream_timeout", "30"},
    {"ttft_timeout", "30"},
    {"stream_idle_timeout", "30"},
    {"debug_level", "DEBUG"},
    {"set_verbose", "true"},
    {"client_ttl", "60"},
    {"cache_responses", "true"},
    {"cache_kwargs", "{a: 1}"},
    {"caching_groups", "[[a, b]]"},
    {"model_group_alias", "{c: a}"},
    {"alerting_config", "{webhook_url: u}"},
    {"assistants_config", "{custom_llm_provider: azure}"},
    {"provider_budget_config", "{openai: {budget_limit: 1}}"},
    {"router_general_settings", "{async_only_mode: true}"},
    {"ignore_invalid_deployments", "false"},
    {"search_tools", "[{search_tool_name: s}]"},
    {"guardrail_list", "[{guardrail_name: g}]"},
    {"enable_weighted_failover", "true"},
    {NULL, NULL}};

START_TEST(test_router_settings)
{
    check_keys(TWO_MODELS "router_settings:\n  unset: ~\n", of_router_settings);
}
END_TEST

static const entry_t of_general_settings[] = {
    {"completion_model", "a"},
    {"embedding_model", "a"},
    {"image_generation_model", "a"},
    {"moderation_model", "a"},
    {"disable_spend_logs", "true"},
    {"disable_spend_updates", "true"},
    {"disable_master_key_return", "true"},
    {"disable_retry_on_max_parallel_request_limit_error", "true"},
    {"disable_reset_budget", "true"},
    {"disable_adding_master_key_hash_to_db", "true"},
    {"disable_responses_id_security", "true"},
    {"disable_prisma_schema_update", "true"},
    {"enable_jwt_auth", "true"},
    {"litellm_jwtauth", "{user_id_jwt_field: sub}"},
    {"enforce_user_param", "true"},
    {"enforced_params", "[user]"},
    {"reject_clientside_metadata_tags", "true"},
    {"allowed_routes", "[r]"},
    {"public_routes", "[r]"},
    {"admin_only_routes", "[r]"},
    {"allowed_ips", "[127.0.0.1]"},
    {"use_x_forwarded_for", "true"},
    {"key_management_system", "azure_kms"},
    {"key_management_settings", "{store_virtual_keys: true}"},
    {"use_azure_key_vault", "true"},
    {"use_google_kms", "true"},
    {"master_key", "os.environ/K"},
    {"database_url", "postgres://h"},
    {"database_type", "dynamo_db"},
    {"database_args", "{a: 1}"},
    {"database_connection_pool_limit", "10"},
    {"database_connection_timeout", "60"},
    {"allow_requests_on_db_unavailable", "true"},
    {"store_model_in_db", "true"},
    {"supported_db_objects", "[models]"},
    {"store_prompts_in_spend_logs", "true"},
    {"maximum_spend_logs_retention_period", "30d"},
    {"maximum_spend_logs_retention_interval", "1d"},
    {"proxy_budget_rescheduler_min_time", "1"},
    {"proxy_budget_rescheduler_max_time", "2"},
    {"proxy_batch_write_at", "10"},
    {"proxy_batch_polling_interval", "10"},
    {"custom_auth", "f.g"},
    {"custom_sso", "f.g"},
    {"custom_key_generate", "f.g"},
    {"custom_ui_sso_sign_in_handler", "f.g"},
    {"allow_user_auth", "true"},
    {"enable_oauth2_auth", "true"},
    {"enable_oauth2_proxy_auth", "true"},
    {"oauth2_config_mappings", "{a: b}"},
    {"service_account_settings", "{enforced_params: [user]}"},
    {"default_team_disabled", "true"},
    {"user_api_key_cache_ttl", "60"},
    {"litellm_key_header_name", "X-Key"},
    {"litellm_license", "l"},
    {"allow_client_side_credentials", "true"},
    {"max_parallel_requests", "5"},
    {"global_max_parallel_requests", "5"},
    {"max_request_size_mb", "5"},
    {"max_response_size_mb", "5"},
    {"infer_model_from_keys", "true"},
    {"background_health_checks", "true"},
    {"health_check_details", "false"},
    {"health_check_concurrency", "5"},
    {"health_check_ignore_transient_errors", "true"},
    {"enable_health_check_routing", "true"},
    {"health_check_staleness_threshold", "60"},
    {"use_shared_health_check", "true"},
    {"alerting", "[slack]"},
    {"alerting_threshold", "300"},
    {"alerting_args", "{a: 1}"},
    {"alert_types", "[llm_exceptions]"},
    {"alert_to_webhook_url", "{a: u}"},
    {"spend_report_frequency", "1d"},
    {"use_client_credentials_pass_through_routes", "true"},
    {"pass_through_endpoints", "[{path: /p}]"},
    {"ui_access_mode", "admin_only"},
    {"user_mcp_management_mode", "restricted"},
    {"forward_openai_org_id", "true"},
    {"forward_client_headers_to_llm_api", "true"},
    {"token_rate_limit_type", "total"},
    {"coordinate_redis_url", "u"},
    {"user_header_name", "X-User"},
    {"user_header_mappings", "[{header_name: h}]"},
    {NULL, NULL}};

START_TEST(test_general_settings)
{
    check_keys("general_settings:\n  unset: ~\n", of_general_settings);
    /* what background_health_checks goes by */
    check_keys("general_settings:\n  background_health_checks: true\n",
               (const entry_t[]){{"health_check_interval", "5"}, {NULL, NULL}});
}
END_TEST

static const entry_t of_params[] = {
    {"custom_llm_provider", "databricks"},
    {"tpm", "1"},
    {"rpm", "1"},
    {"itpm", "1"},
    {"otpm", "1"},
    {"weight", "2"},
    {"order", "2"},
    {"timeout", "1"},
    {"stream_timeout", "1"},
    {"max_retries", "1"},
    {"num_retries", "1"},
    {"cooldown_time", "1"},
    {"max_parallel_requests", "1"},
    {"api_base", "https://h"},
    {"base_url", "https://h"},
    {"api_key", "os.environ/K"},
    {"api_version", "2024-10-21"},
    {"organization", "o"},
    {"configurable_clientside_auth_params", "[api_base]"},
    {"litellm_credential_name", "c"},
    {"litellm_trace_id", "t"},
    {"max_file_size_mb", "1"},
    {"default_api_key_tpm_limit", "1"},
    {"default_api_key_rpm_limit", "1"},
    {"max_budget", "1"},
    {"budget_duration", "30d"},
    {"keepalive_seconds", "5"},
    {"allow_client_keepalive_override", "true"},
    {"use_in_pass_through", "true"},
    {"use_litellm_proxy", "true"},
    {"use_chat_completions_api", "true"},
    {"use_xai_oauth", "true"},
    {"merge_reasoning_content_in_choices", "true"},
    {"model_info", "{id: i}"},
    {"mock_response", "hello"},
    {"mock_timeout", "true"},
    {"tags", "[t]"},
    {"tag_regex", "[t]"},
    {"auto_router_config_path", "p"},
    {"auto_router_config", "c"},
    {"auto_router_default_model", "m"},
    {"auto_router_embedding_model", "m"},
    {"complexity_router_config", "{a: 1}"},
    {"adaptive_router_config", "{a: 1}"},
    {"quality_router_config", "{a: 1}"},
    {"vector_store_id", "v"},
    {"milvus_db_name", "d"},
    {"valkey_host", "h"},
    {"region_name", "eu"},
    {"drop_params", "true"},
    {"additional_drop_params", "[top_k]"},
    {"allowed_openai_params", "[seed]"},
    {"supports_system_message", "false"},
    {"parallel_tool_calls", "false"},
    {"extra_headers", "{a: b}"},
    {"headers", "{a: b}"},
    {"default_headers", "{a: b}"},
    {"extra_body", "{a: b}"},
    {"extra_query", "{a: b}"},
    {"temperature", "0"},
    {"max_tokens", "1"},
    {"top_p", "1"},
    {"seed", "1"},
    {"stop", "[a]"},
    {"user", "u"},
    {"tools", "[{type: web_search}]"},
    {"reasoning_effort", "low"},
    {"thinking", "{type: enabled}"},
    {"cache_control_injection_points", "[{location: message}]"},
    {"initial_prompt_value", "a"},
    {"roles", "{user: {}}"},
    {"prompt_id", "p"},
    {"hf_model_name", "h"},
    {"tokenizer", "t"},
    {"guardrails", "[g]"},
    {"fallbacks", "[b]"},
    {"ssl_verify", "false"},
    {"base_model", "gpt-4"},
    {"input_cost_per_token", "1e-06"},
    {"output_cost_per_token", "1e-06"},
    {"cache_read_input_token_cost", "1e-06"},
    {"cache_creation_input_token_cost", "1e-06"},
    {"cache_creation_input_token_cost_above_1hr", "1e-06"},
    {"input_cost_per_audio_token", "1e-06"},
    {"output_cost_per_audio_token", "1e-06"},
    {"input_cost_per_token_batches", "1e-06"},
    {"input_cost_per_token_priority", "1e-06"},
    {"input_cost_per_token_flex", "1e-06"},
    {"input_cost_per_token_above_128k_tokens", "1e-06"},
    {"input_cost_per_token_above_200k_tokens", "1e-06"},
    {"output_cost_per_reasoning_token", "1e-06"},
    {"output_cost_per_image_token", "1e-06"},
    {"input_cost_per_character", "1e-06"},
    {"input_cost_per_second", "1e-06"},
    {"output_cost_per_second", "1e-06"},
    {"input_cost_per_image", "1e-06"},
    {"input_cost_per_query", "1e-06"},
    {"search_context_cost_per_query", "{low: 1}"},
    {"tiered_pricing", "[{range: [0, 1]}]"},
    {"vertex_project", "p"},
    {"vertex_location", "l"},
    {"vertex_credentials", "/c"},
    {"aws_access_key_id", "a"},
    {"aws_secret_access_key", "a"},
    {"aws_region_name", "a"},
    {"client_id", "c"},
    {"tenant_id", "t"},
    {"azure_ad_token", "a"},
    {"watsonx_region_name", "w"},
    {"s3_bucket_name", "b"},
    {"gcs_bucket_name", "b"},
    {"unheard_of", "false"},
    {NULL, NULL}};

START_TEST(test_params)
{
    check_keys(OPENAI, of_params);
}
END_TEST

/* Each with what stands beside it. */
START_TEST(test_params_of_providers)
{
    static const entry_t azure[] = {{"client_id", "c"},
                                    {"tenant_id", "t"},
                                    {"client_secret", "os.environ/S"},
                                    {"azure_ad_token", "t"},
                                    {"azure_ad_token_provider", "f.g"},
                                    {"azure_username", "u"},
                                    {"azure_password", "p"},
                                    {"azure_scope", "s"},
                                    {"azure_certificate_path", "p"},
                                    {"api_version", "2024-10-21"},
                                    {"use_ptu", "true"},
                                    {NULL, NULL}};
    static const entry_t identity[] = {{"tenant_id", "t"},
                                       {"client_secret", "os.environ/S"},
                                       {"azure_scope", "s"},
                                       {NULL, NULL}};
    static const entry_t bedrock[] = {
        {"aws_access_key_id", "a"},
        {"aws_secret_access_key", "a"},
        {"aws_session_token", "a"},
        {"aws_region_name", "eu-west-1"},
        {"region_name", "eu-west-1"},
        {"aws_session_name", "a"},
        {"aws_profile_name", "a"},
        {"aws_role_name", "a"},
        {"aws_web_identity_token", "a"},
        {"aws_sts_endpoint", "a"},
        {"aws_external_id", "a"},
        {"aws_bedrock_runtime_endpoint", "https://h"},
        {"aws_bedrock_project_id", "a"},
        {"api_base", "https://h"},
        {"model_id", "arn:aws:bedrock:us-east-1:1:custom-model/x"},
        {"guardrailConfig", "{guardrailIdentifier: g}"},
        {"performanceConfig", "{latency: optimized}"},
        {"bedrock_tags", "[a]"},
        {NULL, NULL}};
    static const entry_t vertex[] = {{"vertex_project", "q"},
                                     {"vertex_location", "europe-west1"},
                                     {"vertex_credentials", "/c"},
                                     {"vertex_ai_project", "q"},
                                     {"vertex_ai_location", "europe-west1"},
                                     {"vertex_ai_credentials", "/c"},
                                     {"api_base", "https://h"},
                                     {"api_key", "os.environ/K"},
                                     {"safety_settings", "[{category: c}]"},
                                     {"use_psc_endpoint_format", "true"},
                                     {NULL, NULL}};
    static const entry_t databricks[] = {{"client_id", "c"},
                                         {"client_secret", "os.environ/S"},
                                         {"api_key", "os.environ/K"},
                                         {NULL, NULL}};

    check_keys(AZURE, azure);
    check_keys(IDENTITY, identity);
    check_keys(BEDROCK, bedrock);
    check_keys(VERTEX, vertex);
    check_keys(DATABRICKS, databricks);
}
END_TEST

static const entry_t of_info[] = {{"id", "i"},
                                  {"mode", "responses"},
                                  {"mode", "batch"},
                                  {"base_model", "gpt-4"},
                                  {"input_cost_per_token", "1e-06"},
                                  {"output_cost_per_token", "1e-06"},
                                  {"max_tokens", "1"},
                                  {"max_input_tokens", "1"},
                                  {"max_output_tokens", "1"},
                                  {"tier", "paid"},
                                  {"team_id", "t"},
                                  {"team_public_model_name", "m"},
                                  {"access_groups", "[g]"},
                                  {"access_via_team_ids", "[t]"},
                                  {"health_check_model", "m"},
                                  {"health_check_timeout", "1"},
                                  {"health_check_max_tokens", "1"},
                                  {"health_check_voice", "v"},
                                  {"disable_background_health_check", "true"},
                                  {"supports_vision", "true"},
                                  {"supports_function_calling", "true"},
                                  {"supported_environments", "[production]"},
                                  {"litellm_provider", "openai"},
                                  {"version", "2"},
                                  {"description", "d"},
                                  {"blocked", "true"},
                                  {"ptu_count", "1"},
                                  {"cost_per_ptu_per_hour", "1"},
                                  {"ptu_effective_from", "2026-01-01"},
                                  {"allow_fail_open", "true"},
                                  {"enable_tag_filtering", "true"},
                                  {"updated_by", "u"},
                                  {"created_by", "u"},
                                  {NULL, NULL}};

START_TEST(test_info)
{
    check_keys(INFO, of_info);
}
END_TEST

TCase *azl_test_litellm_keys(void)
{
    TCase *tc = azl_test_tcase("litellm_keys");

    tcase_add_test(tc, test_top);
    tcase_add_test(tc, test_litellm_settings);
    tcase_add_test(tc, test_router_settings);
    tcase_add_test(tc, test_general_settings);
    tcase_add_test(tc, test_params);
    tcase_add_test(tc, test_params_of_providers);
    tcase_add_test(tc, test_info);
    return tc;
}
