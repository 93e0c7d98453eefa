/*
 * Keys that lie somewhere and change: in a file, or in an Azure Key Vault.
 */
#include <strings.h>

#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_identity_int.h"
#include "azl_json.h"
#include "azl_options.h"

/*
 * A file
 */

static const char *configure_file(azl_identity_t *id)
{
    id->path = id->rest;
    return NULL;
}

static const char *fetch_file(azl_identity_t *id, apr_pool_t *p,
                              azl_identity_value_t *value)
{
    const azl_secret_t *secret;
    const char *problem;
    int literal;

    azl_identity_look(id, p, &id->seen);
    problem = azl_option_secret(p, id->setup.source, &secret, &literal);
    if (!problem) {
        value->bearer = azl_secret_str(value->pool, azl_secret_reveal(secret));
    }
    return problem;
}

const azl_identity_kind_t azl_identity_key_file = {
    .name = "file",
    .form = "file:/path",
    .key = 1,
    .configure = configure_file,
    .fetch = fetch_file,
    .changed = azl_identity_file_changed};

/*
 * A vault
 */

#define VAULT "vault.azure.net"
#define VAULT_VERSION "?api-version=7.4"
#define VAULT_FORM "keyvault:https://VAULT.vault.azure.net/secrets/NAME"
#define SECRETS "/secrets/"
/* A vault gives some thousand answers in ten seconds, to all who ask it. */
#define REREAD apr_time_from_sec(10 * 60)

static int is_secret_url(const char *url)
{
    const char *path = url + azl_identity_origin(url);

    return azl_identity_is_word(url) && !strpbrk(url, "?#@") &&
           (strncmp(url, "https://", 8) == 0 ||
            strncmp(url, "http://", 7) == 0) &&
           strncmp(path, SECRETS, sizeof(SECRETS) - 1) == 0 &&
           path[sizeof(SECRETS) - 1];
}

/* What a token for the vault has to be asked for: the same for all vaults of a
 * cloud, never what an answer of the vault says. */
static const char *vault_scope(apr_pool_t *p, const char *url)
{
    static const char *const clouds[] = {"vault.azure.cn",
                                         "vault.usgovcloudapi.net"};
    const char *host = strstr(url, "://") + 3;
    apr_size_t len = strcspn(host, ":/");
    const char *cloud = VAULT;
    apr_size_t i;

    for (i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++) {
        apr_size_t n = strlen(clouds[i]);

        if (len > n && host[len - n - 1] == '.' &&
            strncasecmp(host + len - n, clouds[i], n) == 0) {
            cloud = clouds[i];
        }
    }
    return apr_pstrcat(p, "https://", cloud, "/.default", NULL);
}

/* Whoever asks the vault gets a token for it. */
static const char *configure_vault(azl_identity_t *id)
{
    const char *source = id->setup.vault_credential;
    azl_identity_setup_t setup;
    const char *problem;

    if (!is_secret_url(id->rest)) {
        return "it must be " VAULT_FORM ", or with /VERSION behind it";
    }
    id->url = id->rest;
    memset(&setup, 0, sizeof(setup));
    setup.source = source ? source : "azure-default";
    setup.url = id->url;
    setup.scope = vault_scope(id->pool, id->url);
    setup.tls_verify = 1;
    problem = azl_identity_create(id->pool, &setup, &id->inner);
    return problem ? apr_pstrcat(id->pool, "vault-credential=",
                                 azl_identity_shown(id->pool, setup.source),
                                 ": ", problem, NULL)
                   : NULL;
}

static const char *remedy(int status)
{
    switch (status) {
    case 401:
        return "it does not take the token of vault-credential=";
    case 403:
        return "vault-credential= may not read it: it needs the role Key "
               "Vault Secrets User";
    case 404:
        return "there is no such secret";
    default:
        return "it has troubles of its own";
    }
}

/* A token for the vault; NULL, or why there is none. */
static const char *ready_inner(azl_identity_t *id, apr_pool_t *p)
{
    azl_identity_t *inner = id->inner;
    apr_time_t now = apr_time_now();
    const char *problem;

    if (!inner->value || inner->value->expires <= now) {
        inner->due = 0; /* the vault's own patience is enough */
    }
    azl_identity_refresh(inner, p, now, id->stop, id->baton, &problem);
    return inner->value && inner->value->expires > now ? NULL : problem;
}

static const char *read_secret(apr_pool_t *p, azl_span_t answer,
                               azl_identity_value_t *value)
{
    const char *text;
    azl_json_t *json;

    if (azl_json_parse(p, answer, &json)) {
        return "the vault's answer is no JSON";
    }
    text = azl_json_string(azl_json_get(json, "value"));
    if (!azl_identity_is_word(text)) {
        return "the vault's answer has no key in \"value\"";
    }
    value->bearer = azl_secret_str(value->pool, text);
    azl_json_wipe(azl_json_get(json, "value"));
    return NULL;
}

static const char *fetch_vault(azl_identity_t *id, apr_pool_t *p,
                               azl_identity_value_t *value)
{
    const char *headers[] = {NULL, NULL};
    const char *problem = ready_inner(id, p);
    azl_http_request_t request;
    azl_http_answer_t got;

    if (problem) {
        id->hopeless = id->inner->hopeless;
        return apr_pstrcat(p, "no token for the vault: ", problem, NULL);
    }
    headers[0] = apr_pstrcat(p, "Authorization: Bearer ",
                             azl_secret_reveal(id->inner->value->bearer), NULL);
    memset(&request, 0, sizeof(request));
    request.url = apr_pstrcat(p, id->url, VAULT_VERSION, NULL);
    request.headers = headers;
    problem = azl_identity_http(id, p, &request, &got);
    if (problem) {
        return apr_pstrcat(p, "the vault gave no answer: ", problem, NULL);
    }
    if (got.status == 200) {
        value->refresh_in = id->setup.reread ? id->setup.reread : REREAD;
        problem = read_secret(p, got.body, value);
        azl_crypto_wipe((char *)got.body.at, got.body.len);
        return problem;
    }
    if (got.status == 401) {
        id->inner->due = 0; /* another one is worth a try */
    }
    id->hopeless = got.status == 403 || got.status == 404;
    return apr_psprintf(p, "the vault answered %d: %s", got.status,
                        remedy(got.status));
}

const azl_identity_kind_t azl_identity_vault = {.name = "keyvault",
                                                .form = VAULT_FORM,
                                                .key = 1,
                                                .vault = 1,
                                                .remote = 1,
                                                .configure = configure_vault,
                                                .fetch = fetch_vault};
