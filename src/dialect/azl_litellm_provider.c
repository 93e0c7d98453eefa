/*
 * "azure/gpt-4.1" and what stands beside it, as an endpoint and a deployment.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_litellm_int.h"

const char *azl_lm_after(const char *text, const char *start)
{
    apr_size_t len = strlen(start);

    return strncmp(text, start, len) == 0 ? text + len : NULL;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

/* It is known only where directives are read. */
static int is_placeholder(const char *text)
{
    return azl_lm_after(text, "${") != NULL;
}

int azl_lm_refuse(azl_lm_map_t *params, int line, const char *reason)
{
    azl_lm_say(params->lm, AZL_LITELLM_UNSUPPORTED, line,
               "%s: the deployment is left out: %s", params->where, reason);
    return 0;
}

void azl_lm_add(azl_lm_map_t *params, azl_lm_target_t *target, const char *name,
                const char *value)
{
    APR_ARRAY_PUSH(target->options, const char *) =
        azl_lm_option(params->lm, name, value);
}

/* A value of the document, else of the environment, where LiteLLM looks for it
 * by itself. */
const char *azl_lm_text_or(azl_lm_map_t *params, const char *key,
                           const char *variable)
{
    azl_lm_t *lm = params->lm;
    const char *text;
    int line;

    text = azl_lm_text(params, key, &line);
    if (text || !variable) {
        return text;
    }
    text = azl_lm_variable(lm, variable);
    return text || lm->setup->environment ? text
                                          : azl_lm_placeholder(lm, variable);
}

/* What the endpoint is called: the first label of its host, or LiteLLM's name
 * of the provider. */
static const char *endpoint_name(azl_lm_t *lm, const azl_lm_target_t *target,
                                 const char *usual)
{
    const char *host = target->url ? strstr(target->url, "://") : NULL;
    const char *from = target->provider;
    apr_size_t len = strlen(from), i;
    char *name;

    if (target->name || !target->url) {
        from = target->name ? target->name : from;
        len = strlen(from);
    }
    else if (is_placeholder(target->url)) {
        from = target->url + 2;
        len = strcspn(from, "}");
    }
    else if (host && (!usual || strcmp(usual, target->url) != 0) &&
             apr_isalpha(host[3])) {
        from = host + 3;
        len = strcspn(from, ".:/");
    }
    name = apr_pstrmemdup(lm->pool, from, len);
    for (i = 0; name[i]; i++) {
        name[i] = apr_isalnum(name[i]) ? apr_tolower(name[i]) : '-';
    }
    return name;
}

/* The variable a secret that is written down should be in. */
static const char *placeholder(azl_lm_t *lm, const azl_lm_target_t *target,
                               const char *usual)
{
    char *name = apr_pstrcat(lm->pool, "AZURELIT_",
                             endpoint_name(lm, target, usual), "_SECRET", NULL);
    char *at;

    for (at = name; *at; at++) {
        *at = apr_isalnum(*at) ? apr_toupper(*at) : '_';
    }
    return name;
}

azl_litellm_word_t azl_lm_plain(const char *text)
{
    azl_litellm_word_t word;

    word.text = text;
    word.shown = NULL;
    return word;
}

/* KIND:WHO:SECRET, by the client_secret of the parameters. */
azl_litellm_word_t azl_lm_with_secret(azl_lm_t *lm, const char *who,
                                      const azl_lm_value_t *secret,
                                      const azl_lm_target_t *target)
{
    azl_litellm_word_t made =
        azl_lm_secret(lm, secret, placeholder(lm, target, NULL));

    made.text = apr_pstrcat(lm->pool, who, ":", made.text, NULL);
    if (made.shown) {
        made.shown = apr_pstrcat(lm->pool, who, ":", made.shown, NULL);
    }
    return made;
}

/* api_key, or the variable LiteLLM looks into. */
void azl_lm_set_key(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                    azl_lm_target_t *target)
{
    azl_lm_value_t key;

    if (!azl_lm_value(params, "api_key", &key)) {
        if (!provider->key_variable) {
            target->credential = azl_lm_plain("none");
            return;
        }
        azl_lm_reference(params->lm, provider->key_variable, &key);
    }
    target->credential = azl_lm_secret(
        params->lm, &key, placeholder(params->lm, target, provider->url));
}

int azl_lm_set_url(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                   azl_lm_target_t *target, int line)
{
    azl_lm_t *lm = params->lm;
    apr_size_t len;
    char *url;

    target->url = azl_lm_text_or(params, "api_base", NULL);
    if (!target->url) {
        target->url = azl_lm_text_or(params, "base_url", NULL);
    }
    if (!target->url && provider->url_variable) {
        target->url = azl_lm_variable(lm, provider->url_variable);
    }
    if (!target->url) {
        target->url = provider->url;
    }
    if (!target->url && provider->url_variable && !lm->setup->environment) {
        target->url = azl_lm_placeholder(lm, provider->url_variable);
    }
    if (!target->url) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line, "%s needs api_base",
                   params->where);
        return 0;
    }
    url = apr_pstrdup(lm->pool, target->url);
    for (len = strlen(url); len && url[len - 1] == '/'; len--) {
        url[len - 1] = '\0';
    }
    target->url = url;
    return 1;
}

/* The URL without what other clients want to see behind it. */
void azl_lm_cut_tail(azl_lm_map_t *params, azl_lm_target_t *target,
                     const char *const *tails)
{
    for (; *tails; tails++) {
        if (ends_with(target->url, *tails)) {
            target->url = apr_pstrmemdup(params->lm->pool, target->url,
                                         strlen(target->url) - strlen(*tails));
            return;
        }
    }
}

int azl_lm_set_simple(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                      const char *model, azl_lm_target_t *target)
{
    const char *rest = azl_lm_after(model, "responses/");

    if (!azl_lm_set_url(params, provider, target,
                        azl_yaml_line(params->yaml))) {
        return 0;
    }
    target->responses = rest != NULL;
    target->deployment = rest ? rest : model;
    azl_lm_set_key(params, provider, target);
    return 1;
}

static int set_anthropic(azl_lm_map_t *params,
                         const azl_lm_provider_t *provider, const char *model,
                         azl_lm_target_t *target)
{
    static const char *const tails[] = {"/v1/messages", "/v1", NULL};

    if (!azl_lm_set_simple(params, provider, model, target)) {
        return 0;
    }
    azl_lm_cut_tail(params, target, tails);
    return 1;
}

/*
 * All of them
 */

static const azl_lm_provider_t providers[] = {
    {"azure/", "azure", NULL, "AZURE_API_BASE", "AZURE_API_KEY", NULL, 0,
     azl_lm_set_azure},
    {"azure_ai/", "azure", NULL, "AZURE_AI_API_BASE", "AZURE_AI_API_KEY", NULL,
     1, azl_lm_set_azure_ai},
    {"openai/", "openai", "https://api.openai.com/v1", "OPENAI_BASE_URL",
     "OPENAI_API_KEY", NULL, 1, azl_lm_set_simple},
    {"anthropic/", "anthropic", "https://api.anthropic.com",
     "ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY", NULL, 1, set_anthropic},
    {"bedrock/", "bedrock", NULL, NULL, NULL, NULL, 1, azl_lm_set_bedrock},
    {"gemini/", "gemini", "https://generativelanguage.googleapis.com", NULL,
     "GEMINI_API_KEY", NULL, 1, azl_lm_set_simple},
    {"vertex_ai/", "gemini", NULL, NULL, NULL, NULL, 1, azl_lm_set_vertex},
    {"databricks/", "databricks", NULL, "DATABRICKS_API_BASE",
     "DATABRICKS_API_KEY", NULL, 1, azl_lm_set_databricks},
    {"mistral/", "openai", "https://api.mistral.ai/v1", NULL, "MISTRAL_API_KEY",
     "quirks=max-tokens", 1, azl_lm_set_simple},
    {"deepseek/", "openai", "https://api.deepseek.com/v1", NULL,
     "DEEPSEEK_API_KEY", NULL, 1, azl_lm_set_simple},
    {"groq/", "openai", "https://api.groq.com/openai/v1", NULL, "GROQ_API_KEY",
     NULL, 1, azl_lm_set_simple},
    {"xai/", "openai", "https://api.x.ai/v1", NULL, "XAI_API_KEY", NULL, 1,
     azl_lm_set_simple},
    {"openrouter/", "openai", "https://openrouter.ai/api/v1", NULL,
     "OPENROUTER_API_KEY", NULL, 1, azl_lm_set_simple},
    {"together_ai/", "openai", "https://api.together.xyz/v1", NULL,
     "TOGETHERAI_API_KEY", NULL, 1, azl_lm_set_simple},
    {"hosted_vllm/", "openai", NULL, "HOSTED_VLLM_API_BASE", NULL, NULL, 1,
     azl_lm_set_simple},
    {"litellm_proxy/", "openai", NULL, "LITELLM_PROXY_API_BASE",
     "LITELLM_PROXY_API_KEY", NULL, 1, azl_lm_set_simple},
};

/* Names LiteLLM knows without a provider before them. */
static const struct {
    const char *start;
    const char *provider;
} bare[] = {{"gpt-", "openai/"},        {"chatgpt-", "openai/"},
            {"o1", "openai/"},          {"o3", "openai/"},
            {"o4", "openai/"},          {"text-embedding-", "openai/"},
            {"claude-", "anthropic/"},  {"gemini-", "vertex_ai/"},
            {"anthropic.", "bedrock/"}, {"amazon.", "bedrock/"},
            {"us.", "bedrock/"},        {"eu.", "bedrock/"}};

static const azl_lm_provider_t *find_provider(const char *model,
                                              const char **rest)
{
    apr_size_t i;

    for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        *rest = azl_lm_after(model, providers[i].name);
        if (*rest && **rest) {
            return &providers[i];
        }
    }
    return NULL;
}

static const char *complete(azl_lm_map_t *params, const char *model)
{
    const char *custom, *rest;
    int line;
    apr_size_t i;

    custom = azl_lm_text(params, "custom_llm_provider", &line);
    if (custom) {
        return azl_lm_after(model,
                            apr_pstrcat(params->lm->pool, custom, "/", NULL))
                   ? model
                   : apr_pstrcat(params->lm->pool, custom, "/", model, NULL);
    }
    if (find_provider(model, &rest)) {
        return model;
    }
    for (i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        if (azl_lm_after(model, bare[i].start)) {
            return apr_pstrcat(params->lm->pool, bare[i].provider, model, NULL);
        }
    }
    return model;
}

int azl_lm_tls(azl_lm_map_t *map, const char **option)
{
    int line, flag = 1;
    const char *text = azl_lm_text(map, "ssl_verify", &line);

    *option = NULL;
    if (text && (*text == '/' || is_placeholder(text))) {
        *option = azl_lm_option(map->lm, "tls-ca", text);
    }
    else if (text && azl_lm_flag(map, "ssl_verify", &flag, &line) && !flag) {
        *option = "tls-verify=off";
    }
    return text != NULL;
}

/* A URL that only httpd will know is taken for https: with another one the
 * option is an error there, left out it would be missed by nobody. */
static void set_tls(azl_lm_map_t *params, azl_lm_target_t *target)
{
    const char *option;

    if (!azl_lm_tls(params, &option)) {
        option = params->lm->tls;
    }
    if (option && (azl_lm_after(target->url, "https://") ||
                   is_placeholder(target->url))) {
        APR_ARRAY_PUSH(target->options, const char *) = option;
    }
}

int azl_lm_target(azl_lm_map_t *params, azl_lm_target_t *target)
{
    azl_lm_t *lm = params->lm;
    int line = azl_yaml_line(params->yaml);
    const char *model = azl_lm_text(params, "model", &line);
    const azl_lm_provider_t *provider;
    const char *rest;

    memset(target, 0, sizeof(*target));
    if (!model) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line, "%s needs model",
                   params->where);
        return 0;
    }
    provider = find_provider(complete(params, model), &rest);
    if (!provider) {
        return azl_lm_refuse(
            params, line,
            apr_pstrcat(lm->pool, "the provider of '", model,
                        "' is not known; any server that speaks "
                        "OpenAI's API is openai/NAME with its "
                        "api_base",
                        NULL));
    }
    if (strchr(rest, '*')) {
        return azl_lm_refuse(params, line,
                             "names with * stand for no one model");
    }
    target->provider =
        apr_pstrmemdup(lm->pool, provider->name, strlen(provider->name) - 1);
    target->dialect = provider->dialect;
    target->options = apr_array_make(lm->pool, 4, sizeof(const char *));
    target->named = provider->named;
    if (!provider->set(params, provider, rest, target)) {
        return 0;
    }
    if (provider->option) {
        APR_ARRAY_PUSH(target->options, const char *) = provider->option;
    }
    set_tls(params, target);
    target->name = endpoint_name(lm, target, provider->url);
    return 1;
}
