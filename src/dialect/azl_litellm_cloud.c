/*
 * vertex_ai/, bedrock/ and databricks/: places, and identities of clouds.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_litellm_int.h"

/*
 * Google
 */

static int set_google_key(azl_lm_map_t *params, azl_lm_target_t *target)
{
    azl_lm_t *lm = params->lm;
    int line = azl_yaml_line(params->yaml);
    const char *path = azl_lm_text(params, "vertex_credentials", &line);

    if (!path) {
        path = azl_lm_variable(lm, "GOOGLE_APPLICATION_CREDENTIALS");
    }
    if (!path) {
        target->credential = azl_lm_plain("google:metadata");
        return 1;
    }
    if (*path != '/' && strncmp(path, "${", 2) != 0) {
        return azl_lm_refuse(
            params, line,
            "vertex_credentials must be the absolute path of a "
            "service account's file");
    }
    target->credential =
        azl_lm_plain(apr_pstrcat(lm->pool, "google:", path, NULL));
    return 1;
}

int azl_lm_set_vertex(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                      const char *model, azl_lm_target_t *target)
{
    static const char *const google[] = {"gemini", "gemma", "text-embedding",
                                         "text-multilingual", NULL};
    azl_lm_t *lm = params->lm;
    int line = azl_yaml_line(params->yaml);
    const char *project, *place;
    int i;

    (void)provider;
    project = azl_lm_text_or(params, "vertex_project", "VERTEXAI_PROJECT");
    place = azl_lm_text(params, "vertex_location", &line);
    place = place ? place : azl_lm_variable(lm, "VERTEXAI_LOCATION");
    place = place ? place : "us-central1"; /* LiteLLM's */
    for (i = 0; google[i] && !azl_lm_after(model, google[i]); i++) {
    }
    if (azl_lm_after(model, "claude")) {
        target->dialect = "anthropic";
    }
    else if (!google[i]) {
        return azl_lm_refuse(
            params, line,
            "of Vertex AI only Gemini, Gemma, Claude and embeddings "
            "are known");
    }
    target->deployment = model;
    target->url = azl_lm_text_or(params, "api_base", NULL);
    target->name = apr_pstrcat(lm->pool, "vertex-", place, NULL);
    if (!target->url && !project) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line, "%s needs vertex_project",
                   params->where);
        return 0;
    }
    if (!target->url) {
        int everywhere = strcmp(place, "global") == 0;

        target->url = apr_pstrcat(lm->pool, "https://", everywhere ? "" : place,
                                  everywhere ? "" : "-",
                                  "aiplatform.googleapis.com/v1/projects/",
                                  project, "/locations/", place, NULL);
    }
    return set_google_key(params, target);
}

/*
 * Bedrock
 */

/* us-east-1, eu-central-1, us-gov-west-1 */
static int is_region(const char *text, apr_size_t len)
{
    apr_size_t i;
    int dashes = 0;

    for (i = 0; i < len && (apr_islower(text[i]) || text[i] == '-' ||
                            (i == len - 1 && apr_isdigit(text[i])));
         i++) {
        dashes += text[i] == '-';
    }
    return len > 0 && i == len && dashes >= 2 && apr_isdigit(text[len - 1]);
}

static const char *region_of_arn(apr_pool_t *p, const char *model)
{
    const char *at = azl_lm_after(model, "arn:aws:bedrock:");

    return at && strchr(at, ':') ? apr_pstrmemdup(p, at, strcspn(at, ":"))
                                 : NULL;
}

static const char *aws_region(azl_lm_map_t *params, const char *own)
{
    static const char *const variables[] = {"AWS_REGION_NAME", "AWS_REGION",
                                            "AWS_DEFAULT_REGION", NULL};
    const char *region = NULL;
    int line, i;

    region = azl_lm_text(params, "aws_region_name", &line);
    if (!region) {
        region = azl_lm_text(params, "region_name", &line);
    }
    for (i = 0; !region && !own && variables[i]; i++) {
        region = azl_lm_variable(params->lm, variables[i]);
    }
    region = region ? region : own;
    return region || params->lm->setup->environment
               ? region
               : azl_lm_placeholder(params->lm, "AWS_REGION");
}

static int is_variable(const azl_lm_value_t *value, const char *name)
{
    return value->variable && strcmp(value->variable, name) == 0;
}

/* Keys in the parameters; 0 if there are none, -1 if they are in a place that
 * cannot be said. */
static int set_aws_keys(azl_lm_map_t *params, azl_lm_target_t *target)
{
    azl_lm_value_t id, secret, token;
    int both = azl_lm_value(params, "aws_access_key_id", &id) &
               azl_lm_value(params, "aws_secret_access_key", &secret);
    int has_token;

    if (!id.line && !secret.line) {
        return 0;
    }
    has_token = azl_lm_value(params, "aws_session_token", &token);
    if (!both || !is_variable(&id, "AWS_ACCESS_KEY_ID") ||
        !is_variable(&secret, "AWS_SECRET_ACCESS_KEY") ||
        (has_token && !is_variable(&token, "AWS_SESSION_TOKEN"))) {
        azl_lm_refuse(params, id.line ? id.line : secret.line,
                      "keys of AWS must be AWS_ACCESS_KEY_ID and "
                      "AWS_SECRET_ACCESS_KEY of the environment, or in a file "
                      "(aws_profile_name)");
        return -1;
    }
    target->credential = azl_lm_plain("aws:env");
    return 1;
}

static int set_aws_profile(azl_lm_map_t *params, azl_lm_target_t *target)
{
    azl_lm_t *lm = params->lm;
    const char *profile, *file, *home;
    int line;

    profile = azl_lm_text(params, "aws_profile_name", &line);
    if (!profile) {
        return 0;
    }
    file = azl_lm_variable(lm, "AWS_SHARED_CREDENTIALS_FILE");
    home = azl_lm_variable(lm, "HOME");
    target->credential = azl_lm_plain(
        apr_pstrcat(lm->pool, "aws:file:",
                    file   ? file
                    : home ? home
                           : azl_lm_placeholder(lm, "HOME"),
                    file ? "" : "/.aws/credentials", "#", profile, NULL));
    return 1;
}

/* What AWS's SDK finds by itself. */
static const char *aws_default(azl_lm_map_t *params)
{
    azl_lm_t *lm = params->lm;

    if (azl_lm_variable(lm, "AWS_BEARER_TOKEN_BEDROCK")) {
        return "env:AWS_BEARER_TOKEN_BEDROCK";
    }
    if (azl_lm_variable(lm, "AWS_ACCESS_KEY_ID")) {
        return "aws:env";
    }
    if (azl_lm_variable(lm, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        azl_lm_variable(lm, "AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
        return "aws:container";
    }
    if (!lm->setup->environment) {
        azl_lm_say(lm, AZL_LITELLM_WARNING, azl_yaml_line(params->yaml),
                   "%s: no credentials are named: aws:instance stands for the "
                   "role of the machine, aws:container for that of a "
                   "container, aws:env for variables",
                   params->where);
    }
    return "aws:instance";
}

static int set_aws_credential(azl_lm_map_t *params,
                              const azl_lm_provider_t *provider,
                              azl_lm_target_t *target)
{
    static const char *const others[] = {"aws_role_name",
                                         "aws_web_identity_token", NULL};
    int line, i, keys;

    for (i = 0; others[i]; i++) {
        if (azl_lm_take(params, others[i], &line)) {
            return azl_lm_refuse(
                params, line,
                "roles are not assumed; give the machine or the "
                "container the role itself");
        }
    }
    if (azl_lm_take(params, "api_key", &line)) {
        azl_lm_set_key(params, provider, target);
        return 1;
    }
    keys = set_aws_keys(params, target);
    if (keys == 0 && !set_aws_profile(params, target)) {
        target->credential = azl_lm_plain(aws_default(params));
    }
    return keys >= 0;
}

int azl_lm_set_bedrock(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                       const char *model, azl_lm_target_t *target)
{
    azl_lm_t *lm = params->lm;
    const char *converse = azl_lm_after(model, "converse/");
    const char *invoke = azl_lm_after(model, "invoke/");
    const char *slash, *region = NULL;
    int line = azl_yaml_line(params->yaml);

    model = converse ? converse : invoke ? invoke : model;
    slash = strchr(model, '/');
    if (slash && is_region(model, (apr_size_t)(slash - model))) {
        region = apr_pstrmemdup(lm->pool, model, (apr_size_t)(slash - model));
        model = slash + 1;
    }
    target->deployment = model;
    region =
        aws_region(params, region ? region : region_of_arn(lm->pool, model));
    if (!region) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line, "%s needs aws_region_name",
                   params->where);
        return 0;
    }
    target->url = azl_lm_text(params, "aws_bedrock_runtime_endpoint", &line);
    if (!target->url) {
        target->url = azl_lm_text(params, "api_base", &line);
    }
    target->name = apr_pstrcat(lm->pool, "bedrock-", region, NULL);
    if (invoke && strstr(model, "anthropic.")) {
        target->dialect = "anthropic";
        azl_lm_add(params, target, "hosting", "bedrock");
    }
    if (!set_aws_credential(params, provider, target)) {
        return 0;
    }
    if (target->url && strncmp(target->credential.text, "aws:", 4) == 0) {
        azl_lm_add(params, target, "region", region);
    }
    if (!target->url) {
        target->url = apr_pstrcat(lm->pool, "https://bedrock-runtime.", region,
                                  ".amazonaws.com", NULL);
    }
    return 1;
}

/*
 * Databricks
 */

int azl_lm_set_databricks(azl_lm_map_t *params,
                          const azl_lm_provider_t *provider, const char *model,
                          azl_lm_target_t *target)
{
    azl_lm_t *lm = params->lm;
    azl_lm_value_t secret;
    const char *client;
    int line;

    if (!azl_lm_set_simple(params, provider, model, target)) {
        return 0;
    }
    if (azl_lm_take(params, "api_key", &line)) {
        return 1;
    }
    client = azl_lm_text(params, "client_id", &line);
    if (client && !azl_lm_value(params, "client_secret", &secret)) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line,
                   "%s: client_id needs client_secret", params->where);
        return 0;
    }
    if (client) {
        target->credential = azl_lm_with_secret(
            lm, apr_pstrcat(lm->pool, "databricks:", client, NULL), &secret,
            target);
    }
    else if (!azl_lm_variable(lm, provider->key_variable)) {
        client = azl_lm_variable(lm, "DATABRICKS_CLIENT_ID");
        if (client) {
            target->credential = azl_lm_plain(
                apr_pstrcat(lm->pool, "databricks:", client,
                            ":env:DATABRICKS_CLIENT_SECRET", NULL));
        }
    }
    return 1;
}
