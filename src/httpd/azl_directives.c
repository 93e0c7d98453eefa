#include "azl_directives.h"

#include <stddef.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#include "azl_directives_int.h"
#include "azl_options.h"

#define BODY_TIME_MAX apr_time_from_sec(3600)
#define BODY_RATE_MAX ((apr_int64_t)1 << 30)
#define HOLD_MAX apr_time_from_msec(1000)
#define RETRY_MAX 10

static const char *cmd_enabled(cmd_parms *cmd, void *dirconf, int on)
{
    const char *err = azl_cmd_scope(cmd);

    (void)dirconf;
    if (!err) {
        azl_cmd_conf(cmd)->enabled = on;
    }
    return err;
}

static const char *cmd_base_path(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    char *path;
    apr_size_t len;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (arg[0] != '/' || strpbrk(arg, "?#%\\") || strstr(arg, "//") ||
        strstr(arg, "/.")) {
        return azl_cmd_complain(cmd, arg,
                                "must be a plain absolute path like /llm, "
                                "or / for none");
    }
    path = apr_pstrdup(cmd->pool, arg);
    len = strlen(path);
    if (path[len - 1] == '/') {
        path[len - 1] = '\0';
    }
    azl_cmd_conf(cmd)->base_path = path;
    return NULL;
}

static const char *cmd_master_key(cmd_parms *cmd, void *dirconf,
                                  const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    const azl_secret_t *secret = NULL;
    apr_size_t len;

    (void)dirconf;
    if (!err) {
        err = azl_cmd_secret(cmd, NULL, arg, &secret);
    }
    len = azl_secret_len(secret);
    if (!err && (len < 16 || len > AZL_KEY_TEXT_MAX)) {
        err = azl_cmd_complain(cmd, NULL,
                               "a master key has 16 to 512 characters; "
                               "'azurelitctl key new' makes one");
    }
    if (!err) {
        azl_cmd_conf(cmd)->master_key = secret;
    }
    return err;
}

static azl_key_source_t *push_key_source(cmd_parms *cmd)
{
    azl_conf_t *conf = azl_cmd_conf(cmd);

    if (!conf->keyring) {
        conf->keyring = azl_keyring_create(cmd->pool);
    }
    return apr_array_push(conf->key_sources);
}

static const char *cmd_key(cmd_parms *cmd, void *dirconf, int argc,
                           char *const argv[])
{
    const char *err = azl_cmd_scope(cmd);
    azl_key_source_t *source;
    const char **options;
    int i;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return azl_cmd_complain(cmd, NULL,
                                "needs a name and a digest: "
                                "AzureLITKey name sha256:... [models=...] "
                                "[expires=...] [max-parallel=...]");
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
    err = azl_keyring_add(azl_cmd_conf(cmd)->keyring, source->name,
                          source->digest, source->noptions, source->options);
    /* the name is not repeated: whoever swaps the arguments wrote the key
     * there */
    return err ? azl_cmd_complain(cmd, NULL, err) : NULL;
}

static const char *cmd_key_file(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    azl_key_source_t *source;

    (void)dirconf;
    if (err) {
        return err;
    }
    source = push_key_source(cmd);
    memset(source, 0, sizeof(*source));
    source->file = ap_server_root_relative(cmd->pool, arg);
    if (!source->file) {
        return azl_cmd_complain(cmd, arg, "is no valid path");
    }
    err = azl_keyring_load(azl_cmd_conf(cmd)->keyring, source->file,
                           cmd->temp_pool);
    return err ? azl_cmd_complain(cmd, NULL, err) : NULL;
}

/* The file is opened when httpd starts; that its folder is missing can be told
 * now. */
static int has_folder(apr_pool_t *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    apr_finfo_t info;

    return slash &&
           apr_stat(&info, apr_pstrmemdup(p, path, (apr_size_t)(slash - path)),
                    APR_FINFO_TYPE, p) == APR_SUCCESS &&
           info.filetype == APR_DIR;
}

static const char *cmd_usage_log(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    const char *path = arg;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (*arg != '|') {
        path = ap_server_root_relative(cmd->pool, arg);
        if (!path || !has_folder(cmd->temp_pool, path)) {
            return azl_cmd_complain(cmd, arg,
                                    "must be \"|program\" or a file in a "
                                    "folder that exists");
        }
    }
    azl_cmd_conf(cmd)->usage_log = apr_pstrdup(cmd->pool, path);
    return NULL;
}

static const char *cmd_price_file(cmd_parms *cmd, void *dirconf,
                                  const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    const char *path = ap_server_root_relative(cmd->pool, arg);
    azl_price_table_t *table;

    (void)dirconf;
    if (!err && !path) {
        err = azl_cmd_complain(cmd, arg, "is no valid path");
    }
    if (!err) {
        err = azl_price_table_load(cmd->temp_pool, path, &table);
        azl_cmd_conf(cmd)->price_file = path;
        if (err) {
            err = azl_cmd_complain(cmd, NULL, apr_pstrdup(cmd->pool, err));
        }
    }
    return err;
}

static const char *cmd_max_body(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);

    (void)dirconf;
    if (!err && !azl_option_size(arg, 1024, (apr_int64_t)1 << 30,
                                 &azl_cmd_conf(cmd)->max_body)) {
        err = azl_cmd_complain(cmd, arg,
                               "must be a size from 1k to 1G, like 32M");
    }
    return err;
}

static const char *set_rate(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_size(value, 1, BODY_RATE_MAX, target)
               ? NULL
               : "bytes a second from 1 to 1G, like 16k";
}

static const azl_option_t body_options[] = {
    {"min-rate", set_rate, offsetof(azl_conf_t, body_rate)}, {NULL, NULL, 0}};

static const char *cmd_body_time(cmd_parms *cmd, void *dirconf, int argc,
                                 char *const argv[])
{
    const char *err = azl_cmd_scope(cmd);
    azl_conf_t *conf = azl_cmd_conf(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    conf->body_rate = AZL_BODY_RATE_DEFAULT;
    if (argc == 1 && strcmp(argv[0], "off") == 0) {
        conf->body_time = 0;
        return NULL;
    }
    if (argc == 0 || !azl_option_duration(argv[0], apr_time_from_msec(1),
                                          BODY_TIME_MAX, &conf->body_time)) {
        return azl_cmd_complain(cmd, argc ? argv[0] : NULL,
                                "must be off, or a duration from 1ms to 3600s "
                                "and perhaps min-rate=16k");
    }
    err = azl_options_parse(cmd->pool, body_options, conf, argc - 1,
                            (const char *const *)(argv + 1));
    return err ? azl_cmd_complain(cmd, NULL, err) : NULL;
}

static const char *cmd_hold(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "off") == 0) {
        azl_cmd_conf(cmd)->hold = 0;
    }
    else if (!azl_option_duration(arg, apr_time_from_msec(1), HOLD_MAX,
                                  &azl_cmd_conf(cmd)->hold)) {
        err = azl_cmd_complain(cmd, arg,
                               "must be off or a duration from 1ms to "
                               "1000ms, like 15ms");
    }
    return err;
}

static const char *cmd_params(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    azl_conf_t *conf = azl_cmd_conf(cmd);

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
        err = azl_cmd_complain(cmd, arg, "must be keep, drop or reject");
    }
    return err;
}

static const char *cmd_retry(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);

    (void)dirconf;
    if (!err && !azl_option_int(arg, 0, RETRY_MAX, &azl_cmd_conf(cmd)->retry)) {
        err = azl_cmd_complain(cmd, arg, "must be a number from 0 to 10");
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
                      "name sha256:digest [option=value ...]"),
    AP_INIT_TAKE1("AzureLITKeyFile", cmd_key_file, NULL, RSRC_CONF,
                  "file with one key on each line, as AzureLITKey takes it"),
    AP_INIT_TAKE_ARGV("AzureLITEndpoint", azl_cmd_endpoint, NULL, RSRC_CONF,
                      "name URL credential=... [option=value ...]"),
    AP_INIT_TAKE12("AzureLITConfig", azl_cmd_litellm, NULL, RSRC_CONF,
                   "file [strict]: a configuration of LiteLLM (YAML)"),
    AP_INIT_TAKE_ARGV("AzureLITModel", azl_cmd_model, NULL, RSRC_CONF,
                      "alias endpoint/deployment [option=value ...]"),
    AP_INIT_TAKE12("AzureLITRouting", azl_cmd_routing, NULL, RSRC_CONF,
                   "[alias] strategy; default simple-shuffle"),
    AP_INIT_TAKE_ARGV("AzureLITTimeout", azl_cmd_timeout, NULL, RSRC_CONF,
                      "[alias] option=time ..."),
    AP_INIT_TAKE_ARGV("AzureLITCooldown", azl_cmd_cooldown, NULL, RSRC_CONF,
                      "off, or option=value ..."),
    AP_INIT_TAKE_ARGV("AzureLITFallback", azl_cmd_fallback, NULL, RSRC_CONF,
                      "alias other-alias ... [on=error,...]"),
    AP_INIT_TAKE1("AzureLITMaxInFlight", azl_cmd_max_in_flight, NULL, RSRC_CONF,
                  "most requests to models at a time; default off"),
    AP_INIT_TAKE1("AzureLITMidStream", azl_cmd_mid_stream, NULL, RSRC_CONF,
                  "error or continue, when an answer breaks off"),
    AP_INIT_TAKE1("AzureLITRetry", cmd_retry, NULL, RSRC_CONF,
                  "attempts beyond the first; default 2"),
    AP_INIT_TAKE1("AzureLITParams", cmd_params, NULL, RSRC_CONF,
                  "keep, drop or reject members the API does not define"),
    AP_INIT_TAKE1("AzureLITMaxBody", cmd_max_body, NULL, RSRC_CONF,
                  "largest request body; default 32M"),
    AP_INIT_TAKE_ARGV("AzureLITBodyTimeout", cmd_body_time, NULL, RSRC_CONF,
                      "how long a request body may take; off: for ever"),
    AP_INIT_TAKE_ARGV("AzureLITConfigSource", azl_cmd_config_source, NULL,
                      RSRC_CONF,
                      "URL copy=/path [interval=] [check-limit=] "
                      "[credential=] [tls-ca=] [strict=]: where a "
                      "configuration lies that changes"),
    AP_INIT_TAKE1("AzureLITUsageLog", cmd_usage_log, NULL, RSRC_CONF,
                  "file or |program that gets one JSON line for each request"),
    AP_INIT_TAKE1("AzureLITAuthority", azl_cmd_authority, NULL, RSRC_CONF,
                  "URL of Entra; default https://login.microsoftonline.com"),
    AP_INIT_TAKE1("AzureLITMetadata", azl_cmd_metadata, NULL, RSRC_CONF,
                  "URL of a machine's metadata; default "
                  "http://169.254.169.254"),
    AP_INIT_TAKE1("AzureLITPriceFile", cmd_price_file, NULL, RSRC_CONF,
                  "price table, see conf/prices.json"),
    AP_INIT_TAKE1("AzureLITMetrics", azl_cmd_metrics, NULL, RSRC_CONF,
                  "on, off or open: who may see /metrics and /health"),
    AP_INIT_TAKE1("AzureLITProbe", azl_cmd_probe, NULL, RSRC_CONF,
                  "how often deployments without traffic are asked; off: not"),
    AP_INIT_TAKE1("AzureLITKeepAliveHold", cmd_hold, NULL, RSRC_CONF,
                  "how long a connection is held after an answer; off: not"),
    {.name = NULL}};
