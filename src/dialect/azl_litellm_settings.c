/*
 * router_settings, litellm_settings and general_settings.
 */
#include <apr_strings.h>

#include "azl_litellm_int.h"

/* AzureLITRetry goes up to this. */
#define RETRY_MAX 10
/* general_settings.health_check_interval, if it is not said. */
#define PROBE_DEFAULT "300s"

static const azl_lm_reason_t router_reasons[] = {
    {"redis_host", "what processes share is in shared memory, of one machine"},
    {"redis_port", "there is no Redis"},
    {"redis_password", "there is no Redis"},
    {"redis_url", "there is no Redis"},
    {"retry_policy", "which failures are tried elsewhere is fixed, "
                     "AzureLITRetry says how often (docs/routing.md)"},
    {"model_group_retry_policy", "which failures are tried elsewhere is fixed, "
                                 "AzureLITRetry says how often "
                                 "(docs/routing.md)"},
    {"allowed_fails_policy", "AzureLITCooldown counts all failures alike"},
    {"retry_after", "another deployment is tried at once; one that says "
                    "retry-after is left alone for that long"},
    {"ignore_invalid_deployments", "a file with something wrong in it is not "
                                   "taken at all"},
    {"max_fallbacks", "a chain of fallbacks is tried to its end, within "
                      "AzureLITTimeout"},
    {"routing_strategy_args", "AzureLITRouting has no settings"},
    {"enable_pre_call_checks", "a prompt that is too long is found out by the "
                               "model that refuses it, and "
                               "context_window_fallbacks follow"},
    {"default_litellm_params", "say it of each model"},
    {NULL, NULL}};

#define BOTH "that of router_settings counts"

static const azl_lm_reason_t litellm_reasons[] = {
    {"num_retries", BOTH},
    {"request_timeout", "the timeout of router_settings counts"},
    {"allowed_fails", BOTH},
    {"cooldown_time", BOTH},
    {"cache", "there is no cache of answers"},
    {"cache_params", "there is no cache of answers"},
    {"callbacks", "AzureLITUsageLog writes a record of each request, /metrics "
                  "is for Prometheus"},
    {"success_callback", "AzureLITUsageLog writes a record of each request, "
                         "/metrics is for Prometheus"},
    {"failure_callback", "AzureLITUsageLog writes a record of each request, "
                         "/metrics is for Prometheus"},
    {"service_callback", "/metrics is for Prometheus"},
    {"set_verbose", "LogLevel azurelit:debug"},
    {"json_logs", "ErrorLogFormat says how the log looks"},
    {"turn_off_message_logging", "prompts are never logged"},
    {"redact_user_api_key_info", "keys are never logged"},
    {"max_budget", "there are no budgets"},
    {"modify_params", "requests are never rewritten that much"},
    {"upperbound_key_generate_params", "keys are made by azurelitctl"},
    {"default_internal_user_params", "there are no users"},
    {NULL, NULL}};

static const azl_lm_reason_t general_reasons[] = {
    {"database_url", "there is no database; keys are AzureLITKey or "
                     "AzureLITKeyFile"},
    {"store_model_in_db", "there is no database"},
    {"database_connection_pool_limit", "there is no database"},
    {"alerting", "Prometheus' alerts do that (/metrics)"},
    {"litellm_key_header_name", "keys come in Authorization, api-key or "
                                "x-api-key"},
    {"custom_auth", "any authentication module of httpd"},
    {"enable_jwt_auth", "mod_auth_openidc, for instance"},
    {"pass_through_endpoints", "ProxyPass"},
    {"max_parallel_requests", "max-parallel= of AzureLITKey or AzureLITModel"},
    {"health_check_details", "/health is for the master key"},
    {NULL, NULL}};

static const azl_lm_reason_t variable_reasons[] = {
    {"*", "nothing here refers to it; variables for others belong into the "
          "environment of httpd"},
    {NULL, NULL}};

/* From the router's settings, else from LiteLLM's own. */
static azl_lm_map_t *first_of(azl_lm_map_t *router, azl_lm_map_t *litellm,
                              const char *key)
{
    return azl_yaml_find(router->yaml, key) >= 0 ? router : litellm;
}

static void write_one(azl_lm_t *lm, const char *name, int line,
                      const char *word)
{
    azl_lm_word(azl_lm_directive(lm, name, line), word);
}

static void read_routing(azl_lm_map_t *router)
{
    static const char *const strategies[][2] = {
        {"simple-shuffle", "simple-shuffle"}, {"least-busy", "least-busy"},
        {"latency-based-routing", "latency"}, {"usage-based-routing", "usage"},
        {"usage-based-routing-v2", "usage"},  {"cost-based-routing", "cost"}};
    int line;
    const char *name = azl_lm_text(router, "routing_strategy", &line);
    apr_size_t i;

    for (i = 0; name && i < sizeof(strategies) / sizeof(strategies[0]); i++) {
        if (strcmp(strategies[i][0], name) == 0) {
            write_one(router->lm, "AzureLITRouting", line, strategies[i][1]);
            return;
        }
    }
    if (name) {
        azl_lm_say(router->lm, AZL_LITELLM_UNSUPPORTED, line,
                   "router_settings.routing_strategy: there is no '%s'", name);
    }
}

static void read_retries(azl_lm_map_t *map)
{
    apr_int64_t n;
    int line;

    if (!azl_lm_number(map, "num_retries", 0, &n, &line)) {
        return;
    }
    if (n > RETRY_MAX) {
        azl_lm_say(map->lm, AZL_LITELLM_UNSUPPORTED, line,
                   "%s.num_retries: %d is the most", map->where, RETRY_MAX);
        n = RETRY_MAX;
    }
    write_one(map->lm, "AzureLITRetry", line,
              apr_psprintf(map->lm->pool, "%" APR_INT64_T_FMT, n));
}

static void read_times(azl_lm_t *lm, azl_lm_map_t *router,
                       azl_lm_map_t *litellm)
{
    azl_litellm_directive_t *directive;
    const char *total, *first, *idle;
    int line = 0;

    total = azl_yaml_find(router->yaml, "timeout") >= 0
                ? azl_lm_seconds(router, "timeout", &line)
                : azl_lm_seconds(litellm, "request_timeout", &line);
    first = azl_yaml_find(router->yaml, "stream_timeout") >= 0
                ? azl_lm_seconds(router, "stream_timeout", &line)
                : azl_lm_seconds(router, "ttft_timeout", &line);
    idle = azl_lm_seconds(router, "stream_idle_timeout", &line);
    if (!total && !first && !idle) {
        return;
    }
    directive = azl_lm_directive(lm, "AzureLITTimeout", line);
    if (first) {
        azl_lm_word(directive, azl_lm_option(lm, "first-token-timeout", first));
    }
    if (idle) {
        azl_lm_word(directive, azl_lm_option(lm, "idle-timeout", idle));
    }
    if (total) {
        azl_lm_word(directive, azl_lm_option(lm, "timeout", total));
    }
}

/* LiteLLM leaves a deployment alone after one failure more than is allowed. */
static void read_cooldown(azl_lm_t *lm, azl_lm_map_t *router,
                          azl_lm_map_t *litellm)
{
    azl_litellm_directive_t *directive;
    apr_int64_t fails = -1;
    const char *time;
    int line = 0, off = 0;

    azl_lm_number(first_of(router, litellm, "allowed_fails"), "allowed_fails",
                  0, &fails, &line);
    time = azl_lm_seconds(first_of(router, litellm, "cooldown_time"),
                          "cooldown_time", &line);
    azl_lm_flag(router, "disable_cooldowns", &off, &line);
    if (off || (time && strcmp(time, "0s") == 0)) {
        write_one(lm, "AzureLITCooldown", line, "off");
        return;
    }
    if (fails < 0 && !time) {
        return;
    }
    directive = azl_lm_directive(lm, "AzureLITCooldown", line);
    if (fails >= 0) {
        azl_lm_word(directive,
                    azl_lm_option(lm, "fails",
                                  apr_psprintf(lm->pool, "%" APR_INT64_T_FMT,
                                               fails + 1)));
    }
    if (time) {
        azl_lm_word(directive, azl_lm_option(lm, "time", time));
    }
}

static void read_checks(azl_lm_map_t *router)
{
    int line, i;
    const azl_yaml_t *checks =
        azl_lm_take(router, "optional_pre_call_checks", &line);

    if (checks && azl_yaml_type(checks) != AZL_YAML_LIST) {
        azl_lm_say(router->lm, AZL_LITELLM_ERROR, line,
                   "router_settings.optional_pre_call_checks must be a list");
    }
    for (i = 0; i < azl_yaml_length(checks); i++) {
        const char *name = azl_yaml_text(azl_yaml_at(checks, i));

        if (name && strcmp(name, "enforce_model_rate_limits") == 0) {
            router->lm->hard = 1;
        }
        else if (!name || strcmp(name, "responses_api_deployment_check") != 0) {
            azl_lm_say(router->lm, AZL_LITELLM_UNSUPPORTED, line,
                       "router_settings.optional_pre_call_checks: there is no "
                       "%s%s",
                       name ? name : "such thing",
                       name && strcmp(name, "prompt_caching") == 0
                           ? "; AzureLITRouting cache-affinity does that"
                           : "");
        }
    }
}

static void read_params(azl_lm_map_t *litellm)
{
    int drop, line;

    if (azl_lm_flag(litellm, "drop_params", &drop, &line) && drop) {
        write_one(litellm->lm, "AzureLITParams", line, "drop");
    }
}

/* What must be known before models are read. */
static void read_first(azl_lm_t *lm, azl_lm_map_t *litellm)
{
    int line;

    azl_lm_flag(litellm, "enable_azure_ad_token_refresh", &lm->entra, &line);
    azl_lm_tls(litellm, &lm->tls);
}

static void read_general(azl_lm_map_t *general)
{
    azl_lm_t *lm = general->lm;
    azl_lm_value_t key;
    const char *interval;
    apr_int64_t n;
    int line, at, on;

    if (azl_lm_value(general, "master_key", &key)) {
        azl_litellm_word_t word =
            azl_lm_secret(lm, &key, "AZURELIT_MASTER_KEY");

        APR_ARRAY_PUSH(
            azl_lm_directive(lm, "AzureLITMasterKey", key.line)->words,
            azl_litellm_word_t) = word;
    }
    if (azl_lm_number(general, "global_max_parallel_requests", 0, &n, &line)) {
        write_one(lm, "AzureLITMaxInFlight", line,
                  apr_psprintf(lm->pool, "%" APR_INT64_T_FMT, n));
    }
    if (azl_lm_number(general, "max_request_size_mb", 0, &n, &line)) {
        write_one(lm, "AzureLITMaxBody", line,
                  apr_psprintf(lm->pool, "%" APR_INT64_T_FMT "M", n));
    }
    interval = azl_lm_seconds(general, "health_check_interval", &at);
    if (azl_lm_flag(general, "background_health_checks", &on, &line) && on) {
        write_one(lm, "AzureLITProbe", line,
                  interval ? interval : PROBE_DEFAULT);
    }
}

static void read_top(azl_lm_t *lm)
{
    static const azl_lm_reason_t reasons[] = {
        {"include", "name each file with a directive of its own"},
        {"guardrails", "there are no guardrails"},
        {"mcp_servers", "there is no MCP"},
        {"callback_settings", "AzureLITUsageLog writes a record of each "
                              "request"},
        {NULL, NULL}};
    azl_lm_map_t *top = azl_lm_map(lm, "", lm->root, 1);
    static const char *const known[] = {"model_list",
                                        "router_settings",
                                        "litellm_settings",
                                        "general_settings",
                                        "credential_list",
                                        "environment_variables",
                                        NULL};
    int i, line;

    for (i = 0; known[i]; i++) {
        azl_lm_take(top, known[i], &line);
    }
    azl_lm_rest(top, reasons);
}

static azl_lm_map_t *section(azl_lm_t *lm, const char *name)
{
    int i = azl_yaml_find(lm->root, name);

    return azl_lm_map(lm, name, i < 0 ? NULL : azl_yaml_at(lm->root, i),
                      i < 0 ? 1 : azl_yaml_key_line(lm->root, i));
}

static void check_variables(azl_lm_t *lm)
{
    const azl_yaml_t *map = lm->variables->yaml;
    int i;

    for (i = 0; i < azl_yaml_length(map); i++) {
        if (azl_yaml_length(azl_yaml_at(map, i))) {
            azl_lm_say(lm, AZL_LITELLM_ERROR, azl_yaml_key_line(map, i),
                       "environment_variables.%s must be a single value",
                       azl_yaml_key(map, i));
        }
    }
}

void azl_lm_settings(azl_lm_t *lm)
{
    azl_lm_map_t *router, *litellm, *general;
    const azl_yaml_t *aliases;
    int line, i;

    lm->variables = section(lm, "environment_variables");
    check_variables(lm);
    i = azl_yaml_find(lm->root, "credential_list");
    if (i >= 0) {
        azl_lm_credentials(lm, azl_yaml_at(lm->root, i),
                           azl_yaml_key_line(lm->root, i));
    }
    read_top(lm);
    router = section(lm, "router_settings");
    litellm = section(lm, "litellm_settings");
    general = section(lm, "general_settings");
    read_general(general);
    read_first(lm, litellm);
    read_params(litellm);
    read_retries(first_of(router, litellm, "num_retries"));
    read_times(lm, router, litellm);
    read_cooldown(lm, router, litellm);
    read_routing(router);
    read_checks(router);
    azl_lm_models(lm, azl_yaml_get(lm->root, "model_list"));
    aliases = azl_lm_take(router, "model_group_alias", &line);
    if (aliases) {
        azl_lm_aliases(lm, aliases, line);
    }
    azl_lm_write_models(lm);
    azl_lm_fallbacks(lm, router, litellm);
    azl_lm_rest(router, router_reasons);
    azl_lm_rest(litellm, litellm_reasons);
    azl_lm_rest(general, general_reasons);
    azl_lm_rest(lm->variables, variable_reasons);
}
