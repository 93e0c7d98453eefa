/*
 * model_list: endpoints and the deployments at them.
 */
#include <apr_strings.h>

#include "azl_family.h"
#include "azl_litellm_int.h"
#include "azl_price.h"

/* Of weights, to count in whole numbers what may be fractions. */
#define WEIGHT_PLACES 3
/* A milliard; a million of them can still be added up. */
#define WEIGHT_LARGEST APR_INT64_C(1000000000000)
/* LiteLLM's prices are dollars a token; ours are whole pico-dollars a token,
 * written as dollars a million tokens. */
#define PICO_PLACES 12

static const azl_lm_reason_t param_reasons[] = {
    {"num_retries", "router_settings.num_retries is for all"},
    {"max_retries", "router_settings.num_retries counts all attempts of a "
                    "request"},
    {"cooldown_time", "router_settings.cooldown_time is for all"},
    {"tags", "there is no routing by tags"},
    {"temperature", "nothing is put into requests"},
    {"max_tokens", "nothing is put into requests"},
    {"top_p", "nothing is put into requests"},
    {"reasoning_effort", "nothing is put into requests"},
    {"extra_headers", "no headers are added to requests"},
    {"extra_body", "nothing is put into requests"},
    {"drop_params", "litellm_settings.drop_params is for all"},
    {"additional_drop_params", "litellm_settings.drop_params goes by what a "
                               "model takes"},
    {"organization", "no headers are added to requests"},
    {"mock_response", "a model is always asked"},
    {"max_budget", "deployments have no budgets"},
    {"budget_duration", "deployments have no budgets"},
    {"region_name", "there is no routing by region"},
    {"input_cost_per_second", "models are billed by tokens"},
    {"output_cost_per_second", "models are billed by tokens"},
    {NULL, NULL}};

static const azl_lm_reason_t info_reasons[] = {
    {"access_groups", "name the models in models= of the key"},
    {"health_check_model", "a probe asks the deployment itself"},
    {"health_check_timeout", "AzureLITProbe has one of its own"},
    {"tier", "a key's models= says what it may use"},
    {"team_id", "a key's models= says what it may use"},
    {NULL, NULL}};

static const azl_lm_reason_t no_reasons[] = {{NULL, NULL}};

static void add(azl_lm_map_t *map, azl_lm_deployment_t *d, const char *name,
                const char *value)
{
    if (value) {
        APR_ARRAY_PUSH(d->options, const char *) =
            azl_lm_option(map->lm, name, value);
    }
}

static void add_count(azl_lm_map_t *params, azl_lm_deployment_t *d,
                      const char *key, const char *name)
{
    apr_int64_t n;
    int line;

    if (azl_lm_number(params, key, 0, &n, &line)) {
        add(params, d, name,
            apr_psprintf(params->lm->pool, "%" APR_INT64_T_FMT, n));
    }
}

/*
 * Prices: in litellm_params or in model_info.
 */

static void add_price(azl_lm_map_t *params, azl_lm_map_t *info,
                      azl_lm_deployment_t *d, const char *key, const char *name)
{
    char text[AZL_PRICE_TEXT_MAX];
    apr_int64_t pico, other;
    int line;
    int said = azl_lm_number(params, key, PICO_PLACES, &pico, &line);

    if (azl_lm_number(info, key, PICO_PLACES, &other, &line) && !said) {
        pico = other;
        said = 1;
    }
    if (!said) {
        return;
    }
    if (pico > APR_INT64_MAX / 1000000) {
        azl_lm_say(params->lm, AZL_LITELLM_ERROR, line,
                   "%s is more than any token costs: it is in dollars a token",
                   key);
        return;
    }
    azl_price_text(pico * 1000000, text);
    add(params, d, name, apr_pstrdup(params->lm->pool, text));
}

static void add_prices(azl_lm_map_t *params, azl_lm_map_t *info,
                       azl_lm_deployment_t *d)
{
    static const char *const prices[][2] = {
        {"input_cost_per_token", "input-price"},
        {"cache_read_input_token_cost", "cached-price"},
        {"cache_creation_input_token_cost", "cache-write-price"},
        {"cache_creation_input_token_cost_above_1hr", "cache-write-1h-price"},
        {"input_cost_per_audio_token", "audio-input-price"},
        {"output_cost_per_audio_token", "audio-output-price"},
        {"output_cost_per_token", "output-price"}};
    apr_size_t i;

    for (i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
        add_price(params, info, d, prices[i][0], prices[i][1]);
    }
}

/* The name by which prices and habits of the model are known: as LiteLLM's
 * list has it, without what stands before its last slash. */
static void add_base_model(azl_lm_map_t *params, azl_lm_map_t *info,
                           const azl_lm_target_t *target,
                           azl_lm_deployment_t *d)
{
    const char *name = target->model ? target->model : target->deployment;
    const char *base, *slash;
    int line;

    base = azl_lm_text(info, "base_model", &line);
    if (!base) {
        base = azl_lm_text(params, "base_model", &line);
    }
    if (!base && (target->named ||
                  (!azl_family_find(d->alias) && azl_family_find(name)))) {
        base = name;
    }
    if (!base) {
        return;
    }
    slash = strrchr(base, '/');
    base = slash && slash[1] ? slash + 1 : base;
    if (strcmp(base, d->alias) != 0) {
        add(params, d, "base-model", base);
    }
}

static void add_surface(azl_lm_map_t *info, const azl_lm_target_t *target,
                        azl_lm_deployment_t *d)
{
    static const char *const modes[] = {
        "chat",       "completion",       "embedding",
        "responses",  "image_generation", "audio_transcription",
        "moderation", "audio_speech",     "rerank",
        NULL};
    int responses = target->responses;
    int line, i;
    const char *mode = azl_lm_text(info, "mode", &line);

    for (i = 0; mode && modes[i] && strcmp(modes[i], mode) != 0; i++) {
    }
    if (mode && !modes[i]) {
        azl_lm_say(info->lm, AZL_LITELLM_UNSUPPORTED, line,
                   "%s.mode is not known", info->where);
    }
    if (responses || (mode && strcmp(mode, "responses") == 0)) {
        add(info, d, "surface", "responses");
    }
}

/*
 * Endpoints: one for all that have everything in common.
 */

static int is_taken(const azl_lm_t *lm, const char *name)
{
    return apr_hash_get(lm->names, name, APR_HASH_KEY_STRING) ||
           (lm->setup->taken && lm->setup->taken(lm->setup->baton, name));
}

static const char *free_name(const azl_lm_t *lm, const char *wish)
{
    const char *name = wish;
    int n;

    for (n = 2; is_taken(lm, name); n++) {
        name = apr_psprintf(lm->pool, "%s-%d", wish, n);
    }
    return name;
}

static const char *endpoint_of(azl_lm_t *lm, const azl_lm_target_t *target,
                               int line)
{
    const char *options = apr_array_pstrcat(lm->pool, target->options, '\n');
    const char *key =
        apr_pstrcat(lm->pool, target->url, "\n", target->dialect, "\n",
                    target->credential.text, "\n", options, NULL);
    const char *name = apr_hash_get(lm->endpoints, key, APR_HASH_KEY_STRING);
    azl_litellm_directive_t *directive;
    azl_litellm_word_t credential = target->credential;
    int i;

    if (name) {
        return name;
    }
    name = free_name(lm, target->name);
    apr_hash_set(lm->endpoints, key, APR_HASH_KEY_STRING, name);
    apr_hash_set(lm->names, name, APR_HASH_KEY_STRING, name);
    directive = azl_lm_directive(lm, "AzureLITEndpoint", line);
    azl_lm_word(directive, name);
    azl_lm_word(directive, target->url);
    azl_lm_word(directive, azl_lm_option(lm, "dialect", target->dialect));
    credential.text = azl_lm_option(lm, "credential", credential.text);
    if (credential.shown) {
        credential.shown = azl_lm_option(lm, "credential", credential.shown);
    }
    APR_ARRAY_PUSH(directive->words, azl_litellm_word_t) = credential;
    for (i = 0; i < target->options->nelts; i++) {
        azl_lm_word(directive, APR_ARRAY_IDX(target->options, i, const char *));
    }
    return name;
}

/*
 * Deployments
 */

static void read_weights(azl_lm_map_t *params, azl_lm_deployment_t *d)
{
    static const char *const keys[] = {"weight", "rpm", "tpm"};
    int line;
    apr_size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        d->weight[i] = -1;
        azl_lm_number(params, keys[i], WEIGHT_PLACES, &d->weight[i], &line);
        if (d->weight[i] > WEIGHT_LARGEST) {
            d->weight[i] = WEIGHT_LARGEST;
        }
    }
}

static void read_limits(azl_lm_map_t *params, azl_lm_deployment_t *d)
{
    int line;

    read_weights(params, d);
    if (d->weight[1] >= 0) {
        add_count(params, d, "rpm", "rpm");
    }
    if (d->weight[2] >= 0) {
        add_count(params, d, "tpm", "tpm");
    }
    add_count(params, d, "max_parallel_requests", "max-parallel");
    if (params->lm->hard && (d->weight[1] >= 0 || d->weight[2] >= 0)) {
        add(params, d, "limits", "hard");
    }
    add(params, d, "timeout", azl_lm_seconds(params, "timeout", &line));
    add(params, d, "first-token-timeout",
        azl_lm_seconds(params, "stream_timeout", &line));
}

/* Two that are the same are one with both their weights. */
static void add_deployment(azl_lm_t *lm, const azl_lm_deployment_t *d)
{
    const char *key = apr_pstrcat(lm->pool, d->alias, "\n", d->id, NULL);
    const int *place = apr_hash_get(lm->places, key, APR_HASH_KEY_STRING);
    azl_lm_deployment_t *have;
    int j;

    if (!place) {
        int *at = apr_palloc(lm->pool, sizeof(*at));

        *at = lm->deployments->nelts;
        apr_hash_set(lm->places, key, APR_HASH_KEY_STRING, at);
        APR_ARRAY_PUSH(lm->deployments, azl_lm_deployment_t) = *d;
        return;
    }
    have = &APR_ARRAY_IDX(lm->deployments, *place, azl_lm_deployment_t);
    for (j = 0; j < 3; j++) {
        if (have->weight[j] >= 0 && d->weight[j] >= 0) {
            have->weight[j] += d->weight[j];
        }
    }
    azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, d->line,
               "model '%s': the same deployment as in line %d; what that one "
               "says counts, with the weights of both",
               d->alias, have->line);
}

/* In whose place it is looked at is found out by read_deployment(). */
void azl_lm_credentials(azl_lm_t *lm, const azl_yaml_t *list, int line)
{
    static const azl_lm_reason_t reasons[] = {
        {"credential_info", "it is for people"}, {NULL, NULL}};
    int i;

    if (azl_yaml_type(list) != AZL_YAML_LIST &&
        azl_yaml_type(list) != AZL_YAML_NULL) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line,
                   "credential_list must be a list");
        return;
    }
    for (i = 0; i < azl_yaml_length(list); i++) {
        azl_lm_map_t *one =
            azl_lm_map(lm, "credential_list", azl_yaml_at(list, i),
                       azl_yaml_line(azl_yaml_at(list, i)));

        if (!azl_lm_text(one, "credential_name", &line) ||
            !azl_lm_take(one, "credential_values", &line)) {
            azl_lm_say(lm, AZL_LITELLM_ERROR,
                       azl_yaml_line(azl_yaml_at(list, i)),
                       "an entry of credential_list needs credential_name and "
                       "credential_values");
        }
        azl_lm_rest(one, reasons);
    }
    lm->credentials = list;
}

static azl_lm_map_t *credential_values(azl_lm_t *lm, azl_lm_map_t *params)
{
    int line, i;
    const char *wanted = azl_lm_text(params, "litellm_credential_name", &line);

    if (!wanted) {
        return NULL;
    }
    for (i = 0; i < azl_yaml_length(lm->credentials); i++) {
        const azl_yaml_t *one = azl_yaml_at(lm->credentials, i);
        const char *name = azl_yaml_text(azl_yaml_get(one, "credential_name"));

        if (name && strcmp(name, wanted) == 0) {
            return azl_lm_map(lm, "credential_values",
                              azl_yaml_get(one, "credential_values"),
                              azl_yaml_line(one));
        }
    }
    azl_lm_say(lm, AZL_LITELLM_ERROR, line,
               "%s.litellm_credential_name: there is no '%s' in "
               "credential_list",
               params->where, wanted);
    return NULL;
}

static void read_deployment(azl_lm_t *lm, const char *alias,
                            azl_lm_map_t *params, azl_lm_map_t *info, int line)
{
    azl_lm_deployment_t d;
    azl_lm_target_t target;
    apr_int64_t order;
    int at;

    params->more = credential_values(lm, params);
    if (!azl_lm_target(params, &target)) {
        return;
    }
    memset(&d, 0, sizeof(d));
    d.alias = alias;
    d.line = line;
    d.order = 1;
    d.options = apr_array_make(lm->pool, 8, sizeof(const char *));
    if (azl_lm_number(params, "order", 0, &order, &at)) {
        d.order = (int)order;
        add_count(params, &d, "order", "order");
    }
    read_limits(params, &d);
    add_base_model(params, info, &target, &d);
    add_surface(info, &target, &d);
    add_prices(params, info, &d);
    d.own_id = azl_lm_text(info, "id", &at);
    d.id = apr_pstrcat(lm->pool, endpoint_of(lm, &target, line), "/",
                       target.deployment, NULL);
    azl_lm_rest(params, param_reasons);
    azl_lm_rest(info, info_reasons);
    add_deployment(lm, &d);
    apr_hash_set(lm->aliases, alias, APR_HASH_KEY_STRING, alias);
}

static void read_model(azl_lm_t *lm, const azl_yaml_t *yaml)
{
    int line = azl_yaml_line(yaml);
    azl_lm_map_t *model = azl_lm_map(lm, "model_list", yaml, line);
    azl_lm_map_t *params, *info;
    const azl_yaml_t *part;
    const char *alias;

    if (!model->yaml) {
        return;
    }
    alias = azl_lm_text(model, "model_name", &line);
    part = azl_lm_take(model, "litellm_params", &line);
    if (!alias || !part) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, azl_yaml_line(yaml),
                   "an entry of model_list needs model_name and "
                   "litellm_params");
        return;
    }
    params = azl_lm_map(
        lm, apr_pstrcat(lm->pool, "model '", alias, "': litellm_params", NULL),
        part, line);
    params->sent = 1;
    part = azl_lm_take(model, "model_info", &line);
    info = azl_lm_map(
        lm, apr_pstrcat(lm->pool, "model '", alias, "': model_info", NULL),
        part, line);
    model->where = apr_pstrcat(lm->pool, "model '", alias, "'", NULL);
    azl_lm_rest(model, no_reasons);
    if (strchr(alias, '*')) {
        azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, azl_yaml_line(yaml),
                   "model '%s' is left out: names with * stand for no one "
                   "model",
                   alias);
    }
    else if (params->yaml) {
        read_deployment(lm, alias, params, info, azl_yaml_line(yaml));
    }
}

void azl_lm_models(azl_lm_t *lm, const azl_yaml_t *list)
{
    int i;

    if (list && azl_yaml_type(list) != AZL_YAML_LIST &&
        azl_yaml_type(list) != AZL_YAML_NULL) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, azl_yaml_line(list),
                   "model_list must be a list");
        return;
    }
    for (i = 0; i < azl_yaml_length(list); i++) {
        read_model(lm, azl_yaml_at(list, i));
    }
}
