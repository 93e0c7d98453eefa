#include "azl_directives.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "azl_conf.h"
#include "azl_dialect.h"
#include "azl_file.h"
#include "azl_httpd.h"
#include "azl_options.h"

/* Endpoint, key and model names appear in logs, headers and file formats. */
#define NAME_MAX_LEN 128
/* Socket inactivity: a reasoning model may think for minutes before it says
 * its first word. */
#define TIMEOUT_DEFAULT apr_time_from_sec(600)
#define CONNECT_TIMEOUT_DEFAULT apr_time_from_sec(5)
#define WEIGHT_MAX 1000
#define ORDER_MAX 100
#define HOLD_MAX apr_time_from_msec(1000)
#define RETRY_MAX 10
/* All public authorities together are a quarter of a megabyte. */
#define CA_FILE_MAX (4 * 1024 * 1024)

static const char *const own_scope_only =
    "is not allowed in <Directory>, <Location> or .htaccess: it belongs to "
    "the server or a <VirtualHost>";

static azl_conf_t *conf_of(cmd_parms *cmd)
{
    return azl_conf_get(cmd->server);
}

static const char *check_scope(cmd_parms *cmd)
{
    if (ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT)) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", own_scope_only,
                           NULL);
    }
    return NULL;
}

static const char *where_of(cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                        cmd->directive->line_num);
}

/* "AzureLITModel gpt-4.1: ..." */
static const char *complain(cmd_parms *cmd, const char *subject,
                            const char *what)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, subject ? " " : "",
                       subject ? subject : "", ": ", what, NULL);
}

static int is_name(const char *text)
{
    const char *at;

    for (at = text; *at; at++) {
        if (!apr_isalnum(*at) && !strchr("._-", *at)) {
            return 0;
        }
    }
    return at != text && at - text <= NAME_MAX_LEN;
}

/* An alias may look like "azure/gpt-4.1" or "gpt-4.1:fast". */
static int is_alias(const char *text)
{
    const char *at;

    for (at = text; *at; at++) {
        if (!apr_isalnum(*at) && !strchr("._-/:@+", *at)) {
            return 0;
        }
    }
    return at != text && at - text <= NAME_MAX_LEN;
}

static const char *cmd_enabled(cmd_parms *cmd, void *dirconf, int on)
{
    const char *err = check_scope(cmd);

    (void)dirconf;
    if (!err) {
        conf_of(cmd)->enabled = on;
    }
    return err;
}

static const char *cmd_base_path(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);
    char *path;
    apr_size_t len;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (arg[0] != '/' || strpbrk(arg, "?#%\\") || strstr(arg, "//") ||
        strstr(arg, "/.")) {
        return complain(cmd, arg,
                        "must be a plain absolute path like /llm, "
                        "or / for none");
    }
    path = apr_pstrdup(cmd->pool, arg);
    len = strlen(path);
    if (path[len - 1] == '/') {
        path[len - 1] = '\0';
    }
    conf_of(cmd)->base_path = path;
    return NULL;
}

static const char *read_secret(cmd_parms *cmd, const char *subject,
                               const char *value, const char **secret)
{
    int literal;
    const char *err = azl_option_secret(cmd->pool, value, secret, &literal);

    if (err) {
        return complain(cmd, subject, err);
    }
    if (literal) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, cmd->server,
            AZLNO(
                0001) "%s: %s%s%s: the secret is written in the configuration; "
                      "use env:NAME or file:/path",
            where_of(cmd), cmd->cmd->name, subject ? " " : "",
            subject ? subject : "");
    }
    return NULL;
}

static const char *cmd_master_key(cmd_parms *cmd, void *dirconf,
                                  const char *arg)
{
    const char *err = check_scope(cmd);
    const char *secret = NULL;

    (void)dirconf;
    if (!err) {
        err = read_secret(cmd, NULL, arg, &secret);
    }
    if (!err && (strlen(secret) < 16 || strlen(secret) > AZL_KEY_TEXT_MAX)) {
        err = complain(cmd, NULL,
                       "a master key has 16 to 512 characters; "
                       "'azurelitctl key new' makes one");
    }
    if (!err) {
        conf_of(cmd)->master_key = secret;
    }
    return err;
}

static azl_key_source_t *push_key_source(cmd_parms *cmd)
{
    azl_conf_t *conf = conf_of(cmd);

    if (!conf->keyring) {
        conf->keyring = azl_keyring_create(cmd->pool);
    }
    return apr_array_push(conf->key_sources);
}

static const char *cmd_key(cmd_parms *cmd, void *dirconf, int argc,
                           char *const argv[])
{
    const char *err = check_scope(cmd);
    azl_key_source_t *source;
    const char **options;
    int i;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return complain(cmd, NULL,
                        "needs a name and a digest: "
                        "AzureLITKey name sha256:... [models=...] "
                        "[expires=...]");
    }
    source = push_key_source(cmd);
    options = apr_palloc(cmd->pool, sizeof(*options) * (apr_size_t)argc);
    for (i = 2; i < argc; i++) {
        options[i - 2] = apr_pstrdup(cmd->pool, argv[i]);
    }
    source->file = NULL;
    source->name = apr_pstrdup(cmd->pool, argv[0]);
    source->digest = apr_pstrdup(cmd->pool, argv[1]);
    source->noptions = argc - 2;
    source->options = options;
    err = azl_keyring_add(conf_of(cmd)->keyring, source->name, source->digest,
                          source->noptions, source->options);
    /* the name is not repeated: whoever swaps the arguments wrote the key
     * there */
    return err ? complain(cmd, NULL, err) : NULL;
}

static const char *cmd_key_file(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);
    azl_key_source_t *source;

    (void)dirconf;
    if (err) {
        return err;
    }
    source = push_key_source(cmd);
    memset(source, 0, sizeof(*source));
    source->file = ap_server_root_relative(cmd->pool, arg);
    if (!source->file) {
        return complain(cmd, arg, "is no valid path");
    }
    err = azl_keyring_load(conf_of(cmd)->keyring, source->file, cmd->temp_pool);
    return err ? complain(cmd, NULL, err) : NULL;
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

static const char *ep_api_version(apr_pool_t *p, void *target,
                                  const char *value)
{
    const char *at;

    for (at = value; *at; at++) {
        if (!apr_isalnum(*at) && *at != '-') {
            return "a date like 2024-10-21 or 2025-04-01-preview; leave the "
                   "option out for the v1 surface";
        }
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

static const char *ep_connect_timeout(apr_pool_t *p, void *target,
                                      const char *value)
{
    (void)p;
    return azl_option_duration(value, apr_time_from_msec(1),
                               apr_time_from_sec(600),
                               &((azl_endpoint_t *)target)->connect_timeout)
               ? NULL
               : "a duration from 1ms to 600s";
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

static const azl_option_t endpoint_options[] = {
    {"dialect", ep_dialect},
    {"credential", ep_credential},
    {"api-version", ep_api_version},
    {"timeout", ep_timeout},
    {"connect-timeout", ep_connect_timeout},
    {"tls-verify", ep_tls_verify},
    {"tls-ca", ep_tls_ca},
    {"annotations", ep_annotations},
    {NULL, NULL}};

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
    if (uri.port_str && (!*uri.port_str || uri.port == 0)) {
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

static const char *finish_endpoint(cmd_parms *cmd, azl_endpoint_t *ep)
{
    const char *source = ep->credential_source;

    if (!ep->dialect) {
        ep->dialect = azl_dialect_find("azure");
    }
    if (!source) {
        return complain(cmd, ep->name,
                        "needs credential=env:NAME or credential=file:/path "
                        "(credential=none if the upstream wants no key)");
    }
    if (ep->tls_ca && !has_certificate(cmd->temp_pool, ep->tls_ca)) {
        return complain(cmd, ep->name,
                        apr_pstrcat(cmd->pool,
                                    "tls-ca= must name a readable PEM file "
                                    "with a certificate, '",
                                    ep->tls_ca, "' is none", NULL));
    }
    if (!ep->tls_verify) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, cmd->server,
            AZLNO(
                0002) "%s: AzureLITEndpoint %s: tls-verify=off, anyone between "
                      "here and %s can read the credential and all traffic",
            ep->where, ep->name, ep->host);
    }
    if (strcmp(source, "none") == 0) {
        return NULL;
    }
    if (!strchr(source, ':')) {
        ep->credential_source = "literal";
    }
    return read_secret(cmd, ep->name, source, &ep->credential);
}

static const char *cmd_endpoint(cmd_parms *cmd, void *dirconf, int argc,
                                char *const argv[])
{
    azl_conf_t *conf = conf_of(cmd);
    azl_endpoint_t **have = (void *)conf->endpoints->elts;
    const char *err = check_scope(cmd);
    azl_endpoint_t *ep;
    int i;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return complain(cmd, NULL,
                        "needs a name and a URL: AzureLITEndpoint "
                        "name https://host [option=value ...]");
    }
    if (!is_name(argv[0])) {
        return complain(cmd, argv[0],
                        "a name has letters, digits, dots, "
                        "dashes and underscores");
    }
    for (i = 0; i < conf->endpoints->nelts; i++) {
        if (strcmp(have[i]->name, argv[0]) == 0) {
            return complain(cmd, argv[0],
                            apr_pstrcat(cmd->pool, "is already defined at ",
                                        have[i]->where, NULL));
        }
    }
    ep = apr_pcalloc(cmd->pool, sizeof(*ep));
    ep->name = apr_pstrdup(cmd->pool, argv[0]);
    ep->where = where_of(cmd);
    ep->tls_verify = 1;
    ep->timeout = TIMEOUT_DEFAULT;
    ep->connect_timeout = CONNECT_TIMEOUT_DEFAULT;
    err = read_url(cmd, ep, argv[1]);
    if (!err) {
        err = azl_options_parse(cmd->pool, endpoint_options, ep, argc - 2,
                                (const char *const *)(argv + 2));
    }
    if (err) {
        return complain(cmd, ep->name, err);
    }
    err = finish_endpoint(cmd, ep);
    if (!err) {
        APR_ARRAY_PUSH(conf->endpoints, azl_endpoint_t *) = ep;
    }
    return err;
}

/*
 * The options of AzureLITModel.
 */
static const char *mo_weight(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 0, WEIGHT_MAX,
                          &((azl_model_line_t *)target)->weight)
               ? NULL
               : "a number from 0 to 1000";
}

static const char *mo_order(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 1, ORDER_MAX,
                          &((azl_model_line_t *)target)->order)
               ? NULL
               : "a number from 1 to 100, lower is tried first";
}

static const char *mo_base_model(apr_pool_t *p, void *target, const char *value)
{
    ((azl_model_line_t *)target)->base_model = apr_pstrdup(p, value);
    return NULL;
}

static const char *mo_surface(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    if (strcmp(value, "any") == 0 || strcmp(value, "responses") == 0) {
        ((azl_model_line_t *)target)->responses_only = value[0] == 'r';
        return NULL;
    }
    return "any or responses";
}

static const char *read_price(const char *value, azl_pico_t *price)
{
    return azl_price_parse(value, price)
               ? NULL
               : "US dollars per million tokens, like 1.25 (six places at "
                 "most)";
}

static const char *mo_input_price(apr_pool_t *p, void *target,
                                  const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.input);
}

static const char *mo_cached_price(apr_pool_t *p, void *target,
                                   const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.cached);
}

static const char *mo_cache_write_price(apr_pool_t *p, void *target,
                                        const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.cache_write);
}

static const char *mo_output_price(apr_pool_t *p, void *target,
                                   const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.output);
}

static const azl_option_t model_options[] = {
    {"weight", mo_weight},
    {"order", mo_order},
    {"base-model", mo_base_model},
    {"surface", mo_surface},
    {"input-price", mo_input_price},
    {"cached-price", mo_cached_price},
    {"cache-write-price", mo_cache_write_price},
    {"output-price", mo_output_price},
    {NULL, NULL}};

static const char *cmd_model(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[])
{
    const char *err = check_scope(cmd);
    azl_model_line_t *line;
    const char *slash;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return complain(cmd, NULL,
                        "needs an alias and a deployment: "
                        "AzureLITModel alias endpoint/deployment "
                        "[option=value ...]");
    }
    if (!is_alias(argv[0])) {
        return complain(cmd, argv[0],
                        "an alias has letters, digits and any "
                        "of ._-/:@+");
    }
    slash = strchr(argv[1], '/');
    if (!slash || slash == argv[1] || !is_alias(slash + 1)) {
        return complain(cmd, argv[0],
                        apr_pstrcat(cmd->pool, "'", argv[1],
                                    "' must be "
                                    "endpoint/deployment",
                                    NULL));
    }
    line = apr_array_push(conf_of(cmd)->models);
    memset(line, 0, sizeof(*line));
    azl_price_init(&line->price);
    line->alias = apr_pstrdup(cmd->pool, argv[0]);
    line->endpoint =
        apr_pstrmemdup(cmd->pool, argv[1], (apr_size_t)(slash - argv[1]));
    line->deployment = apr_pstrdup(cmd->pool, slash + 1);
    line->weight = 1;
    line->order = 1;
    line->where = where_of(cmd);
    err = azl_options_parse(cmd->pool, model_options, line, argc - 2,
                            (const char *const *)(argv + 2));
    return err ? complain(cmd, line->alias, err) : NULL;
}

static const char *cmd_usage_log(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);

    (void)dirconf;
    if (!err) {
        conf_of(cmd)->usage_log = *arg == '|'
                                      ? apr_pstrdup(cmd->pool, arg)
                                      : ap_server_root_relative(cmd->pool, arg);
        if (!conf_of(cmd)->usage_log) {
            err = complain(cmd, arg, "is no valid path");
        }
    }
    return err;
}

static const char *cmd_price_file(cmd_parms *cmd, void *dirconf,
                                  const char *arg)
{
    const char *err = check_scope(cmd);
    const char *path = ap_server_root_relative(cmd->pool, arg);
    azl_price_table_t *table;

    (void)dirconf;
    if (!err && !path) {
        err = complain(cmd, arg, "is no valid path");
    }
    if (!err) {
        err = azl_price_table_load(cmd->temp_pool, path, &table);
        conf_of(cmd)->price_file = path;
        if (err) {
            err = complain(cmd, NULL, apr_pstrdup(cmd->pool, err));
        }
    }
    return err;
}

static const char *cmd_max_body(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);

    (void)dirconf;
    if (!err && !azl_option_size(arg, 1024, (apr_int64_t)1 << 30,
                                 &conf_of(cmd)->max_body)) {
        err = complain(cmd, arg, "must be a size from 1k to 1G, like 32M");
    }
    return err;
}

static const char *cmd_hold(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "off") == 0) {
        conf_of(cmd)->hold = 0;
    }
    else if (!azl_option_duration(arg, apr_time_from_msec(1), HOLD_MAX,
                                  &conf_of(cmd)->hold)) {
        err = complain(cmd, arg,
                       "must be off or a duration from 1ms to "
                       "1000ms, like 5ms");
    }
    return err;
}

static const char *cmd_params(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);
    azl_conf_t *conf = conf_of(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "keep") == 0) {
        conf->params = AZL_PARAMS_KEEP;
    }
    else if (strcmp(arg, "drop") == 0) {
        conf->params = AZL_PARAMS_DROP;
    }
    else if (strcmp(arg, "reject") == 0) {
        conf->params = AZL_PARAMS_REJECT;
    }
    else {
        err = complain(cmd, arg, "must be keep, drop or reject");
    }
    return err;
}

static const char *cmd_retry(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = check_scope(cmd);

    (void)dirconf;
    if (!err && !azl_option_int(arg, 0, RETRY_MAX, &conf_of(cmd)->retry)) {
        err = complain(cmd, arg, "must be a number from 0 to 10");
    }
    return err;
}

const command_rec azl_directives[] = {
    AP_INIT_FLAG("AzureLIT", cmd_enabled, NULL, RSRC_CONF,
                 "on: this server answers the OpenAI API"),
    AP_INIT_TAKE1("AzureLITBasePath", cmd_base_path, NULL, RSRC_CONF,
                  "path below which the API is found; default /"),
    AP_INIT_TAKE1("AzureLITMasterKey", cmd_master_key, NULL, RSRC_CONF,
                  "env:NAME or file:/path of the key that may use everything"),
    AP_INIT_TAKE_ARGV("AzureLITKey", cmd_key, NULL, RSRC_CONF,
                      "name sha256:digest [models=a,b*] [expires=date]"),
    AP_INIT_TAKE1("AzureLITKeyFile", cmd_key_file, NULL, RSRC_CONF,
                  "file with one key on each line, as AzureLITKey takes it"),
    AP_INIT_TAKE_ARGV("AzureLITEndpoint", cmd_endpoint, NULL, RSRC_CONF,
                      "name URL credential=... [option=value ...]"),
    AP_INIT_TAKE_ARGV("AzureLITModel", cmd_model, NULL, RSRC_CONF,
                      "alias endpoint/deployment [option=value ...]"),
    AP_INIT_TAKE1("AzureLITRetry", cmd_retry, NULL, RSRC_CONF,
                  "attempts beyond the first; default 2"),
    AP_INIT_TAKE1("AzureLITParams", cmd_params, NULL, RSRC_CONF,
                  "keep, drop or reject members the API does not define"),
    AP_INIT_TAKE1("AzureLITMaxBody", cmd_max_body, NULL, RSRC_CONF,
                  "largest request body; default 32M"),
    AP_INIT_TAKE1("AzureLITUsageLog", cmd_usage_log, NULL, RSRC_CONF,
                  "file or |program that gets one JSON line for each request"),
    AP_INIT_TAKE1("AzureLITPriceFile", cmd_price_file, NULL, RSRC_CONF,
                  "price table, see conf/prices.json"),
    AP_INIT_TAKE1("AzureLITKeepAliveHold", cmd_hold, NULL, RSRC_CONF,
                  "how long a connection is held after an answer; off: not"),
    {.name = NULL}};
