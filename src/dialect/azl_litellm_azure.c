/*
 * azure/ and azure_ai/: where the resource is, and who asks it.
 */
#include <apr_strings.h>

#include "azl_litellm_int.h"

/* An identity of Entra; 0 if the parameters name none, -1 if it is told that
 * what they name is not supported. */
static int set_entra(azl_lm_map_t *params, azl_lm_target_t *target)
{
    azl_lm_t *lm = params->lm;
    azl_lm_value_t secret;
    const char *tenant, *client;
    int line;

    if (azl_lm_take(params, "azure_ad_token", &line)) {
        azl_lm_refuse(
            params, line,
            "azure_ad_token ends after an hour; leave it out for a managed "
            "identity, or give client_id, tenant_id and client_secret");
        return -1;
    }
    client = azl_lm_text(params, "client_id", &line);
    if (!client) {
        return 0;
    }
    tenant = azl_lm_text(params, "tenant_id", &line);
    if (azl_lm_value(params, "client_secret", &secret)) {
        if (!tenant) {
            azl_lm_say(lm, AZL_LITELLM_ERROR, line,
                       "%s: client_secret needs tenant_id", params->where);
            return -1;
        }
        target->credential = azl_lm_with_secret(
            lm,
            apr_pstrcat(lm->pool, "service-principal:", tenant, "/", client,
                        NULL),
            &secret, target);
    }
    else {
        target->credential = azl_lm_plain(apr_pstrcat(
            lm->pool,
            tenant ? "workload-identity:" : "managed-identity:", client, NULL));
        if (tenant) {
            azl_lm_say(lm, AZL_LITELLM_WARNING, line,
                       "%s: client_id with tenant_id and without a secret is "
                       "taken for a workload identity, whose tenant is that of "
                       "AZURE_TENANT_ID",
                       params->where);
        }
    }
    return 1;
}

static void set_scope(azl_lm_map_t *params, azl_lm_target_t *target)
{
    int line;
    const char *scope = azl_lm_text(params, "azure_scope", &line);

    if (scope) {
        azl_lm_add(params, target, "scope", scope);
    }
}

/* LiteLLM asks its environment for an identity when there is no key. */
static int wants_default(azl_lm_t *lm, const azl_lm_provider_t *provider)
{
    if (lm->entra) {
        return 1;
    }
    return lm->setup->environment &&
           !azl_lm_variable(lm, provider->key_variable) &&
           azl_lm_variable(lm, "AZURE_CLIENT_ID");
}

static int set_azure_credential(azl_lm_map_t *params,
                                const azl_lm_provider_t *provider,
                                azl_lm_target_t *target)
{
    int line;
    int entra;

    if (azl_lm_take(params, "api_key", &line)) {
        azl_lm_set_key(params, provider, target);
        return 1;
    }
    entra = set_entra(params, target);
    if (entra == 0 && wants_default(params->lm, provider)) {
        target->credential = azl_lm_plain("azure-default");
        entra = 1;
    }
    if (entra > 0) {
        set_scope(params, target);
    }
    if (entra == 0) {
        azl_lm_set_key(params, provider, target);
    }
    return entra >= 0;
}

/* ".../openai/deployments/name", as the old SDK has it, which then puts no
 * other into the URL. */
static void cut_deployment(azl_lm_map_t *params, azl_lm_target_t *target)
{
    static const char start[] = "/openai/deployments/";
    const char *at = strstr(target->url, start);
    const char *name;

    if (!at) {
        return;
    }
    name = at + strlen(start);
    name = apr_pstrmemdup(params->lm->pool, name, strcspn(name, "/?"));
    target->url = apr_pstrmemdup(params->lm->pool, target->url,
                                 (apr_size_t)(at - target->url));
    if (*name && strcmp(name, target->deployment) != 0) {
        azl_lm_say(params->lm, AZL_LITELLM_WARNING, azl_yaml_line(params->yaml),
                   "%s: the deployment '%s' of api_base is asked, as with "
                   "LiteLLM, not '%s' of the model",
                   params->where, name, target->deployment);
        target->model = target->deployment;
        target->deployment = name;
    }
}

int azl_lm_set_azure(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                     const char *model, azl_lm_target_t *target)
{
    static const char *const series[] = {"o_series/", "gpt5_series/", NULL};
    const char *version, *rest;
    int line, i;

    rest = azl_lm_after(model, "responses/");
    target->responses = rest != NULL;
    target->deployment = rest ? rest : model;
    for (i = 0; series[i]; i++) {
        /* what LiteLLM needs to know, base_model says here */
        rest = azl_lm_after(target->deployment, series[i]);
        target->deployment = rest ? rest : target->deployment;
    }
    if (!azl_lm_set_url(params, provider, target,
                        azl_yaml_line(params->yaml))) {
        return 0;
    }
    cut_deployment(params, target);
    version = azl_lm_text(params, "api_version", &line);
    if (!version) {
        version = azl_lm_variable(params->lm, "AZURE_API_VERSION");
    }
    /* Azure's newest is what there is without a version. */
    if (version && *version && strcmp(version, "latest") != 0) {
        azl_lm_add(params, target, "api-version", version);
    }
    return set_azure_credential(params, provider, target);
}

/* Foundry: OpenAI's and others' models on the v1 surface, Claude on
 * Anthropic's, and servers of single models, which are like OpenAI's. */
int azl_lm_set_azure_ai(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                        const char *model, azl_lm_target_t *target)
{
    static const char *const tails[] = {"/anthropic/v1/messages",
                                        "/anthropic",
                                        "/models/chat/completions",
                                        "/models",
                                        "/openai/v1",
                                        "/openai",
                                        "/v1/chat/completions",
                                        "/v1",
                                        NULL};
    int line;

    if (!azl_lm_set_url(params, provider, target,
                        azl_yaml_line(params->yaml))) {
        return 0;
    }
    azl_lm_cut_tail(params, target, tails);
    target->deployment = model;
    if (azl_lm_after(model, "claude")) {
        target->dialect = "anthropic";
        azl_lm_add(params, target, "hosting", "foundry");
    }
    else if (strstr(target->url, ".models.ai.azure.com")) {
        target->dialect = "openai";
    }
    if (azl_lm_text(params, "api_version", &line)) {
        azl_lm_say(params->lm, AZL_LITELLM_WARNING, line,
                   "%s.api_version is not needed: azure_ai/ is spoken to "
                   "without one",
                   params->where);
    }
    return set_azure_credential(params, provider, target);
}
