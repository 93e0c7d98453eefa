#include "azl_directives_int.h"

#include <stddef.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "azl_dialect.h"
#include "azl_file.h"
#include "azl_httpd.h"
#include "azl_identity.h"
#include "azl_options.h"

/* Socket inactivity: a reasoning model may think for minutes before it says
 * its first word. */
#define TIMEOUT_DEFAULT apr_time_from_sec(600)
#define CONNECT_TIMEOUT_DEFAULT apr_time_from_sec(5)
/* All public authorities together are a quarter of a megabyte. */
#define CA_FILE_MAX (4 * 1024 * 1024)
/* The source of a credential that stands in the configuration itself. */
#define LITERAL "literal"

static int is_name(const char *text)
{
    const char *at;

    for (at = text; *at; at++) {
        if (!apr_isalnum(*at) && !strchr("._-", *at)) {
            return 0;
        }
    }
    return at != text && at - text <= AZL_NAME_MAX;
}

/*
 * The options of AzureLITEndpoint.
 */
static const char *ep_dialect(apr_pool_t *p, void *target, const char *value)
{
    azl_endpoint_t *ep = target;

    ep->dialect = azl_dialect_find(value);
    return ep->dialect ? NULL
                       : apr_pstrcat(p, "one of: ", azl_dialect_names(), NULL);
}

static const char *ep_credential(apr_pool_t *p, void *target, const char *value)
{
    ((azl_endpoint_t *)target)->credential_source = apr_pstrdup(p, value);
    return NULL;
}

/* 2024-10-21, 2025-04-01-preview; v1 and preview go with the v1 surface
 * (Azure's "API version lifecycle"). */
static int is_api_version(const char *value)
{
    static const char shape[] = "dddd-dd-dd";
    int i;

    if (strcmp(value, "v1") == 0 || strcmp(value, "preview") == 0) {
        return 1;
    }
    for (i = 0; shape[i]; i++) {
        if (shape[i] == 'd' ? !apr_isdigit(value[i]) : value[i] != shape[i]) {
            return 0;
        }
    }
    return !value[i] || strcmp(value + i, "-preview") == 0;
}

static const char *ep_api_version(apr_pool_t *p, void *target,
                                  const char *value)
{
    if (!is_api_version(value)) {
        return "a date like 2024-10-21 or 2025-04-01-preview; leave the "
               "option out for the v1 surface";
    }
    ((azl_endpoint_t *)target)->api_version = apr_pstrdup(p, value);
    return NULL;
}

static const char *ep_timeout(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, apr_time_from_sec(1),
                               apr_time_from_sec(86400),
                               &((azl_endpoint_t *)target)->timeout)
               ? NULL
               : "a duration from 1s to 86400s";
}

static const char *ep_tls_verify(apr_pool_t *p, void *target, const char *value)
{
    azl_endpoint_t *ep = target;

    (void)p;
    if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0) {
        ep->tls_verify = value[1] == 'n';
        return NULL;
    }
    return "on or off";
}

static const char *ep_tls_ca(apr_pool_t *p, void *target, const char *value)
{
    ((azl_endpoint_t *)target)->tls_ca = ap_server_root_relative(p, value);
    return NULL;
}

static const char *ep_annotations(apr_pool_t *p, void *target,
                                  const char *value)
{
    azl_endpoint_t *ep = target;

    (void)p;
    if (strcmp(value, "strip") == 0 || strcmp(value, "keep") == 0) {
        ep->keep_annotations = value[0] == 'k';
        return NULL;
    }
    return "strip or keep";
}

static const char *ep_prefill(apr_pool_t *p, void *target, const char *value)
{
    static const struct {
        const char *name;
        azl_prefill_e prefill;
    } ways[] = {{"none", AZL_PREFILL_NONE},
                {"vllm", AZL_PREFILL_VLLM},
                {"prefix", AZL_PREFILL_PREFIX}};
    apr_size_t i;

    (void)p;
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, value) == 0) {
            ((azl_endpoint_t *)target)->prefill = ways[i].prefill;
            return NULL;
        }
    }
    return "none, vllm or prefix";
}

static const char *ep_hosting(apr_pool_t *p, void *target, const char *value)
{
    static const struct {
        const char *name;
        azl_hosting_e hosting;
    } places[] = {{"direct", AZL_HOSTING_DIRECT},
                  {"foundry", AZL_HOSTING_FOUNDRY},
                  {"vertex", AZL_HOSTING_VERTEX},
                  {"bedrock", AZL_HOSTING_BEDROCK}};
    apr_size_t i;

    (void)p;
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(places[i].name, value) == 0) {
            ((azl_endpoint_t *)target)->hosting = places[i].hosting;
            return NULL;
        }
    }
    return "direct, foundry, vertex or bedrock";
}

/* A list, as a server may have several. */
static const char *ep_quirks(apr_pool_t *p, void *target, const char *value)
{
    static const struct {
        const char *name;
        int quirk;
    } known[] = {
        {"max-tokens", AZL_QUIRK_MAX_TOKENS},
        {"no-stream-options", AZL_QUIRK_NO_STREAM_OPTIONS},
        {"no-developer", AZL_QUIRK_NO_DEVELOPER},
        {"plain-messages", AZL_QUIRK_PLAIN_MESSAGES},
        {"short-ids", AZL_QUIRK_SHORT_IDS},
        {"loop-reasoning", AZL_QUIRK_LOOP_REASONING},
        {"mend", AZL_QUIRK_MEND},
        {"mistral", AZL_QUIRK_MAX_TOKENS | AZL_QUIRK_NO_STREAM_OPTIONS |
                        AZL_QUIRK_NO_DEVELOPER | AZL_QUIRK_PLAIN_MESSAGES |
                        AZL_QUIRK_SHORT_IDS},
        {"deepseek", AZL_QUIRK_MAX_TOKENS | AZL_QUIRK_NO_DEVELOPER |
                         AZL_QUIRK_LOOP_REASONING}};
    char *last = NULL;
    char *word;
    apr_size_t i;

    for (word = apr_strtok(apr_pstrdup(p, value), ",", &last); word;
         word = apr_strtok(NULL, ",", &last)) {
        for (i = 0; i < sizeof(known) / sizeof(known[0]) &&
                    strcmp(known[i].name, word) != 0;
             i++) {
        }
        if (i == sizeof(known) / sizeof(known[0])) {
            return "a list of max-tokens, no-stream-options, no-developer, "
                   "plain-messages, short-ids, loop-reasoning, mend, mistral "
                   "and deepseek";
        }
        ((azl_endpoint_t *)target)->quirks |= known[i].quirk;
    }
    return NULL;
}

static const char *ep_region(apr_pool_t *p, void *target, const char *value)
{
    ((azl_endpoint_t *)target)->region = apr_pstrdup(p, value);
    return NULL;
}

static const char *ep_service(apr_pool_t *p, void *target, const char *value)
{
    ((azl_endpoint_t *)target)->service = apr_pstrdup(p, value);
    return NULL;
}

static const char *ep_token_url(apr_pool_t *p, void *target, const char *value)
{
    if (strncmp(value, "https://", 8) != 0 &&
        strncmp(value, "http://", 7) != 0) {
        return "a URL such as https://oauth2.googleapis.com/token";
    }
    ((azl_endpoint_t *)target)->token_url = apr_pstrdup(p, value);
    return NULL;
}

static const char *ep_scope(apr_pool_t *p, void *target, const char *value)
{
    ((azl_endpoint_t *)target)->scope = apr_pstrdup(p, value);
    return NULL;
}

static const char *ep_vault_credential(apr_pool_t *p, void *target,
                                       const char *value)
{
    ((azl_endpoint_t *)target)->vault_credential = apr_pstrdup(p, value);
    return NULL;
}

static const char *ep_reread(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, apr_time_from_sec(1),
                               apr_time_from_sec(86400),
                               &((azl_endpoint_t *)target)->reread)
               ? NULL
               : "a duration from 1s to 86400s";
}

static const azl_option_t endpoint_options[] = {
    {"dialect", ep_dialect, 0},
    {"credential", ep_credential, 0},
    {"api-version", ep_api_version, 0},
    {"timeout", ep_timeout, 0},
    {"connect-timeout", azl_set_connect_time,
     offsetof(azl_endpoint_t, connect_timeout)},
    {"tls-verify", ep_tls_verify, 0},
    {"tls-ca", ep_tls_ca, 0},
    {"annotations", ep_annotations, 0},
    {"prefill", ep_prefill, 0},
    {"hosting", ep_hosting, 0},
    {"quirks", ep_quirks, 0},
    {"region", ep_region, 0},
    {"service", ep_service, 0},
    {"token-url", ep_token_url, 0},
    {"scope", ep_scope, 0},
    {"vault-credential", ep_vault_credential, 0},
    {"reread", ep_reread, 0},
    {NULL, NULL, 0}};

static const char *read_url(cmd_parms *cmd, azl_endpoint_t *ep, const char *url)
{
    apr_uri_t uri;
    char *text;
    apr_size_t len;

    if (apr_uri_parse(cmd->pool, url, &uri) != APR_SUCCESS || !uri.scheme ||
        (strcmp(uri.scheme, "https") && strcmp(uri.scheme, "http")) ||
        !uri.hostname || !*uri.hostname || uri.query || uri.fragment ||
        uri.user || uri.password) {
        return "the URL must be http(s)://host[:port][/path], without user, "
               "query or fragment";
    }
    /* apr_uri_parse() keeps 16 bits of it */
    if (uri.port_str &&
        (uri.port == 0 || apr_atoi64(uri.port_str) != uri.port)) {
        return "the port in the URL must be a number from 1 to 65535";
    }
    text = apr_pstrdup(cmd->pool, url);
    len = strlen(text);
    while (len && text[len - 1] == '/') {
        text[--len] = '\0';
    }
    ep->url = text;
    ep->tls = strcmp(uri.scheme, "https") == 0;
    ep->host = uri.hostinfo;
    return NULL;
}

/* mod_ssl would tell at the start, which is too late. */
static int has_certificate(apr_pool_t *p, const char *path)
{
    azl_span_t content;

    return azl_file_read(p, path, CA_FILE_MAX, &content) == APR_SUCCESS &&
           strstr(content.at, "CERTIFICATE-----");
}

/* Where distributions keep the authorities everybody trusts. */
static const char *system_ca(apr_pool_t *p)
{
    static const char *const files[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
        "/etc/ssl/ca-bundle.pem",             /* SUSE */
        "/etc/ssl/cert.pem",                  /* Alpine */
        NULL};
    int i;

    for (i = 0; files[i] && !has_certificate(p, files[i]); i++) {
    }
    return files[i];
}

static const char *check_tls(cmd_parms *cmd, azl_endpoint_t *ep)
{
    if (!ep->tls) {
        return ep->tls_ca || !ep->tls_verify
                   ? azl_cmd_complain(cmd, ep->name,
                                      "tls-ca= and tls-verify= need an https "
                                      "URL")
                   : NULL;
    }
    if (!ep->tls_verify) {
        return NULL;
    }
    if (!ep->tls_ca) {
        ep->tls_ca = system_ca(cmd->temp_pool);
        return ep->tls_ca ? NULL
                          : azl_cmd_complain(
                                cmd, ep->name,
                                "this system has no file of trusted "
                                "authorities; install ca-certificates or name "
                                "one with tls-ca=");
    }
    if (!has_certificate(cmd->temp_pool, ep->tls_ca)) {
        return azl_cmd_complain(cmd, ep->name,
                                apr_pstrcat(cmd->pool,
                                            "tls-ca= must name a readable PEM "
                                            "file with a certificate, '",
                                            ep->tls_ca, "' is none", NULL));
    }
    return NULL;
}

/* What it is in shared memory: another credential is another endpoint there,
 * as the old one may have been refused. It goes by where the credential comes
 * from, never by itself; those that stand in the configuration are told apart
 * by the endpoint's name. */
static void name_endpoint(azl_endpoint_t *ep, int literal, apr_pool_t *p)
{
    unsigned char digest[AZL_SHA256_LEN];
    const char *identity;

    identity =
        apr_pstrcat(p, "endpoint\n", ep->url, "\n", ep->credential_source,
                    literal ? "\n" : "", literal ? ep->name : "", NULL);
    azl_crypto_sha256(identity, strlen(identity), digest);
    memcpy(ep->fingerprint, digest, sizeof(ep->fingerprint));
}

/* One that is fetched and changes. */
static const char *make_identity(cmd_parms *cmd, azl_endpoint_t *ep,
                                 const char *source)
{
    azl_identity_setup_t setup;
    const char *err;

    setup.source = source;
    setup.dialect = ep->dialect->name;
    setup.url = ep->url;
    setup.host = ep->host;
    setup.region = ep->region;
    setup.service = ep->service;
    setup.token_url = ep->token_url;
    setup.scope = ep->scope;
    setup.vault_credential = ep->vault_credential;
    setup.reread = ep->reread;
    setup.tls_ca = ep->tls_ca;
    setup.tls_verify = ep->tls_verify;
    err = azl_identity_create(cmd->pool, &setup, &ep->identity);
    if (!err && azl_identity_is_key(ep->identity) &&
        !azl_identity_shares(ep->identity)) {
        /* as it is now, for what is derived from it */
        ep->credential =
            azl_identity_key(ep->identity, cmd->pool, apr_time_now());
    }
    if (err) {
        return azl_cmd_complain(
            cmd, ep->name,
            apr_pstrcat(cmd->pool, "credential=", ep->credential_source, ": ",
                        err, NULL));
    }
    /* what the operator names, not what the machine it runs on does */
    if (ep->token_url) {
        azl_cmd_warn_open(cmd, ep->name, ep->token_url);
    }
    else if (azl_identity_is_key(ep->identity)) {
        azl_cmd_warn_open(cmd, ep->name,
                          azl_identity_provider(ep->identity, cmd->temp_pool));
    }
    return NULL;
}

/* Options of credentials that change. */
static const char *check_place(cmd_parms *cmd, const azl_endpoint_t *ep)
{
    if (ep->region || ep->service) {
        return azl_cmd_complain(cmd, ep->name,
                                "region= and service= are for credentials of "
                                "AWS (credential=aws:env and its like)");
    }
    if (ep->vault_credential || ep->reread) {
        return azl_cmd_complain(cmd, ep->name,
                                "vault-credential= and reread= are for "
                                "credential=keyvault:...");
    }
    if (ep->scope) {
        return azl_cmd_complain(cmd, ep->name,
                                "scope= is for credentials of Entra "
                                "(credential=managed-identity and its like)");
    }
    return ep->token_url ? azl_cmd_complain(cmd, ep->name,
                                            "token-url= is for "
                                            "credential=google:/path and "
                                            "credential=databricks:...")
                         : NULL;
}

/* The source as it may be shown. */
static const char *shown_source(cmd_parms *cmd, const char *source)
{
    if (azl_identity_is(source)) {
        return azl_identity_shown(cmd->pool, source);
    }
    return strcmp(source, "none") == 0 || strncmp(source, "env:", 4) == 0
               ? source
               : LITERAL;
}

static const char *finish_endpoint(cmd_parms *cmd, azl_endpoint_t *ep)
{
    const char *source = ep->credential_source;
    const char *err;

    if (!ep->dialect) {
        ep->dialect = azl_dialect_find("azure");
    }
    if (!source) {
        return azl_cmd_complain(
            cmd, ep->name,
            "needs credential=env:NAME or credential=file:/path "
            "(credential=none if the upstream wants no key)");
    }
    err = check_tls(cmd, ep);
    if (err) {
        return err;
    }
    if (ep->api_version && strcmp(ep->dialect->name, "azure") != 0) {
        return azl_cmd_complain(cmd, ep->name,
                                "api-version= is for dialect=azure only");
    }
    if (ep->hosting != AZL_HOSTING_AUTO &&
        strcmp(ep->dialect->name, "anthropic") != 0) {
        return azl_cmd_complain(cmd, ep->name,
                                "hosting= is for dialect=anthropic only");
    }
    if (ep->quirks && strcmp(ep->dialect->name, "openai") != 0) {
        return azl_cmd_complain(cmd, ep->name,
                                "quirks= is for dialect=openai only");
    }
    if (ep->prefill != AZL_PREFILL_NONE &&
        strcmp(ep->dialect->name, "openai") != 0) {
        return azl_cmd_complain(cmd, ep->name,
                                "prefill= is for dialect=openai only: nobody "
                                "else continues an answer");
    }
    if (!ep->tls_verify) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, cmd->server,
            AZLNO(
                0002) "%s: AzureLITEndpoint %s: tls-verify=off, anyone between "
                      "here and %s can read the credential and all traffic",
            ep->where, ep->name, ep->host);
    }
    ep->credential_source = shown_source(cmd, source);
    name_endpoint(ep, strcmp(ep->credential_source, source) != 0,
                  cmd->temp_pool);
    if (azl_identity_is(source)) {
        return make_identity(cmd, ep, source);
    }
    err = check_place(cmd, ep);
    if (err || strcmp(source, "none") == 0) {
        return err;
    }
    return azl_cmd_secret(cmd, ep->name, source, &ep->credential);
}

const char *azl_cmd_endpoint(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[])
{
    azl_conf_t *conf = azl_cmd_conf(cmd);
    azl_endpoint_t **have = (void *)conf->endpoints->elts;
    const char *err = azl_cmd_scope(cmd);
    azl_endpoint_t *ep;
    int i;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return azl_cmd_complain(cmd, NULL,
                                "needs a name and a URL: AzureLITEndpoint "
                                "name https://host [option=value ...]");
    }
    if (!is_name(argv[0])) {
        return azl_cmd_complain(cmd, argv[0],
                                "a name has letters, digits, dots, "
                                "dashes and underscores");
    }
    for (i = 0; i < conf->endpoints->nelts; i++) {
        if (strcmp(have[i]->name, argv[0]) == 0) {
            return azl_cmd_complain(cmd, argv[0],
                                    apr_pstrcat(cmd->pool,
                                                "is already defined at ",
                                                have[i]->where, NULL));
        }
    }
    ep = apr_pcalloc(cmd->pool, sizeof(*ep));
    ep->name = apr_pstrdup(cmd->pool, argv[0]);
    ep->where = azl_cmd_where(cmd);
    ep->tls_verify = 1;
    ep->timeout = TIMEOUT_DEFAULT;
    ep->connect_timeout = CONNECT_TIMEOUT_DEFAULT;
    err = read_url(cmd, ep, argv[1]);
    if (!err) {
        err = azl_options_parse(cmd->pool, endpoint_options, ep, argc - 2,
                                (const char *const *)(argv + 2));
    }
    if (err) {
        return azl_cmd_complain(cmd, ep->name, err);
    }
    err = finish_endpoint(cmd, ep);
    if (!err) {
        APR_ARRAY_PUSH(conf->endpoints, azl_endpoint_t *) = ep;
    }
    return err;
}
