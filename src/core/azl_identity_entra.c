/*
 * Tokens of Microsoft Entra for an application: a service principal with its
 * secret, a workload of AKS with a federated token, and whatever of these, or
 * of a managed identity (azl_identity_managed.c), the environment has.
 */
#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_identity_int.h"

#define AUTHORITY "https://login.microsoftonline.com"
#define DEFAULT_SUFFIX "/.default"
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
/* kubelet's tokens have 1 to 2 KB. */
#define ASSERTION_MAX (64 * 1024)

/* Gemini's and Bedrock's own know nothing of Entra. */
const char *const azl_identity_entra_dialects[] = {
    "azure", "openai", "anthropic", "databricks", NULL};

/*
 * What all of them share
 */

int azl_identity_is_id(const char *text)
{
    const char *at;

    for (at = text ? text : ""; apr_isalnum(*at) || *at == '.' || *at == '-';
         at++) {
    }
    return text && at != text && !*at;
}

const char *azl_identity_field(apr_pool_t *p, const char *name,
                               const char *value)
{
    return apr_pstrcat(p, name, "=", apr_pescape_urlencoded(p, value), NULL);
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

/* What the endpoint wants to be asked for: its host says most. */
static const char *scope_of(const azl_identity_setup_t *setup)
{
    static const struct {
        const char *domain;  /* of the host, or NULL */
        const char *dialect; /* or NULL */
        const char *scope;
    } known[] = {
        {".azuredatabricks.net", NULL,
         "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d" DEFAULT_SUFFIX},
        {NULL, "databricks",
         "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d" DEFAULT_SUFFIX},
        {NULL, "anthropic", "https://ai.azure.com" DEFAULT_SUFFIX},
        {NULL, NULL, "https://cognitiveservices.azure.com" DEFAULT_SUFFIX},
    };
    apr_size_t i = 0;

    for (;; i++) {
        if ((!known[i].domain ||
             (setup->host && ends_with(setup->host, known[i].domain))) &&
            (!known[i].dialect ||
             (setup->dialect &&
              strcmp(setup->dialect, known[i].dialect) == 0))) {
            return known[i].scope;
        }
    }
}

const char *azl_identity_entra_scope(azl_identity_t *id)
{
    id->scope = id->setup.scope ? id->setup.scope : scope_of(&id->setup);
    return azl_identity_is_word(id->scope)
               ? NULL
               : "scope= must be one such as "
                 "https://cognitiveservices.azure.com/.default";
}

const char *azl_identity_resource(const azl_identity_t *id, apr_pool_t *p)
{
    apr_size_t len = strlen(id->scope);

    if (ends_with(id->scope, DEFAULT_SUFFIX)) {
        len -= sizeof(DEFAULT_SUFFIX) - 1;
    }
    return apr_pstrmemdup(p, id->scope, len);
}

/* The environment's may have no scheme, and often ends in a slash. */
static const char *configure_authority(azl_identity_t *id)
{
    const char *text = azl_identity_environment("AZURE_AUTHORITY_HOST");
    char *url;
    apr_size_t len;

    if (!text) {
        id->authority = AUTHORITY;
        return NULL;
    }
    url = apr_pstrcat(id->pool, strstr(text, "://") ? "" : "https://", text,
                      NULL);
    for (len = strlen(url); len && url[len - 1] == '/'; len--) {
        url[len - 1] = '\0';
    }
    id->authority = url;
    return azl_identity_is_word(url) && (strncmp(url, "https://", 8) == 0 ||
                                         strncmp(url, "http://", 7) == 0)
               ? NULL
               : "AZURE_AUTHORITY_HOST of the environment must be a host or "
                 "its URL";
}

/* Ask Entra. `proof` is what only this application can say. */
static const char *ask(azl_identity_t *id, apr_pool_t *p, const char *proof,
                       azl_identity_value_t *value)
{
    static const char *const headers[] = {AZL_IDENTITY_FORM, NULL};
    azl_http_request_t request;

    memset(&request, 0, sizeof(request));
    request.url = apr_pstrcat(p, id->authority, "/", id->tenant,
                              "/oauth2/v2.0/token", NULL);
    request.headers = headers;
    request.body = azl_span_str(apr_pstrcat(
        p, "grant_type=client_credentials&",
        azl_identity_field(p, "client_id", id->client), "&",
        azl_identity_field(p, "scope", id->scope), "&", proof, NULL));
    return azl_identity_token(id, p, &request, value);
}

/*
 * A service principal
 */

#define PRINCIPAL_FORM                                                         \
    "service-principal:TENANT/CLIENT-ID:env:NAME or "                          \
    "service-principal:TENANT/CLIENT-ID:file:/path, with the secret in that "  \
    "place"

/* Who it is and where its secret stands, which must be there now. */
static const char *configure_client(azl_identity_t *id, const char *tenant,
                                    const char *client, const char *source)
{
    const char *problem;

    if (!azl_identity_is_id(tenant) || !azl_identity_is_id(client)) {
        return "the tenant and the client must be ids such as "
               "11111111-2222-3333-4444-555555555555";
    }
    id->tenant = tenant;
    id->client = client;
    problem = azl_identity_find_secret(id, source);
    if (!problem) {
        problem = azl_identity_entra_scope(id);
    }
    return problem ? problem : configure_authority(id);
}

static const char *configure_principal(azl_identity_t *id)
{
    const char *slash = strchr(id->rest, '/');
    const char *colon = strchr(id->rest, ':');

    if (!slash || !colon || colon < slash) {
        return "it must be " PRINCIPAL_FORM;
    }
    return configure_client(
        id, apr_pstrmemdup(id->pool, id->rest, (apr_size_t)(slash - id->rest)),
        apr_pstrmemdup(id->pool, slash + 1, (apr_size_t)(colon - slash - 1)),
        colon + 1);
}

static const char *fetch_principal(azl_identity_t *id, apr_pool_t *p,
                                   azl_identity_value_t *value)
{
    const azl_secret_t *secret = azl_identity_current_secret(id, p);

    return ask(
        id, p,
        azl_identity_field(p, "client_secret", azl_secret_reveal(secret)),
        value);
}

const azl_identity_kind_t azl_identity_principal = {
    .name = "service-principal",
    .form = PRINCIPAL_FORM,
    .dialects = azl_identity_entra_dialects,
    .scope = 1,
    .secret = 1,
    .remote = 1,
    .configure = configure_principal,
    .fetch = fetch_principal,
    .authorize = azl_identity_bear};

/*
 * A workload of AKS
 */

static const char *configure_workload(azl_identity_t *id)
{
    const char *client = azl_identity_environment("AZURE_CLIENT_ID");
    const char *tenant = azl_identity_environment("AZURE_TENANT_ID");
    const char *path = azl_identity_environment("AZURE_FEDERATED_TOKEN_FILE");
    azl_span_t content;
    const char *problem;

    if (!tenant || !path) {
        return "the environment lacks AZURE_TENANT_ID or "
               "AZURE_FEDERATED_TOKEN_FILE: is this pod labelled "
               "azure.workload.identity/use: \"true\"?";
    }
    client = id->rest ? id->rest : client;
    if (!client) {
        return "the environment lacks AZURE_CLIENT_ID: say "
               "workload-identity:CLIENT-ID";
    }
    if (!azl_identity_is_id(client) || !azl_identity_is_id(tenant)) {
        return "the tenant and the client must be ids such as "
               "11111111-2222-3333-4444-555555555555";
    }
    id->client = apr_pstrdup(id->pool, client);
    id->tenant = apr_pstrdup(id->pool, tenant);
    id->path = apr_pstrdup(id->pool, path);
    problem = azl_identity_read(id->pool, id->path, ASSERTION_MAX, &content);
    if (!problem) {
        azl_crypto_wipe((char *)content.at, content.len);
        problem = azl_identity_entra_scope(id);
    }
    return problem ? problem : configure_authority(id);
}

static const char *fetch_workload(azl_identity_t *id, apr_pool_t *p,
                                  azl_identity_value_t *value)
{
    const char *assertion, *problem;
    azl_span_t content;

    /* kubelet writes another one before this one ends */
    problem = azl_identity_read(p, id->path, ASSERTION_MAX, &content);
    if (problem) {
        return problem;
    }
    assertion = azl_identity_word(p, content);
    if (!assertion) {
        return "the file of the federated token must hold one token and "
               "nothing else";
    }
    return ask(
        id, p,
        apr_pstrcat(
            p, azl_identity_field(p, "client_assertion_type", ASSERTION_TYPE),
            "&", azl_identity_field(p, "client_assertion", assertion), NULL),
        value);
}

const azl_identity_kind_t azl_identity_workload = {
    .name = "workload-identity",
    .form = "workload-identity or workload-identity:CLIENT-ID",
    .optional = 1,
    .dialects = azl_identity_entra_dialects,
    .scope = 1,
    .remote = 1,
    .configure = configure_workload,
    .fetch = fetch_workload,
    .authorize = azl_identity_bear};

/*
 * What there is
 */

/* In the order of Microsoft's libraries: the first that the environment has
 * is taken, and none other if that one fails. */
static const char *configure_default(azl_identity_t *id)
{
    const char *client = azl_identity_environment("AZURE_CLIENT_ID");
    const char *tenant = azl_identity_environment("AZURE_TENANT_ID");

    if (client && tenant && azl_identity_environment("AZURE_CLIENT_SECRET")) {
        id->kind = &azl_identity_principal;
        return configure_client(id, apr_pstrdup(id->pool, tenant),
                                apr_pstrdup(id->pool, client),
                                "env:AZURE_CLIENT_SECRET");
    }
    if (client && tenant &&
        azl_identity_environment("AZURE_FEDERATED_TOKEN_FILE")) {
        id->kind = &azl_identity_workload;
    }
    else {
        id->kind = &azl_identity_managed;
        id->rest = apr_pstrdup(id->pool, client);
    }
    return id->kind->configure(id);
}

const azl_identity_kind_t azl_identity_azure_default = {
    .name = "azure-default",
    .dialects = azl_identity_entra_dialects,
    .scope = 1,
    .remote = 1,
    .configure = configure_default};
