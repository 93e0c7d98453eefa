#include "azl_conf_int.h"

#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_dialect.h"
#include "azl_httpd.h"
#include "azl_routing.h"

/* Servers without a master key are seen together. */
#define SCOPE_WITHOUT_MASTER 1

void azl_limits_unset(azl_limits_t *limits)
{
    limits->connect = -1;
    limits->first_token = -1;
    limits->idle = -1;
    limits->total = -1;
}

#define OWN(member) own->member >= 0 ? own->member : outer->member

azl_limits_t azl_limits_merge(const azl_limits_t *own,
                              const azl_limits_t *outer)
{
    azl_limits_t limits;

    limits.connect = OWN(connect);
    limits.first_token = OWN(first_token);
    limits.idle = OWN(idle);
    limits.total = OWN(total);
    return limits;
}

#undef OWN

void azl_cooldown_default(azl_cooldown_t *cooldown)
{
    cooldown->fails = AZL_COOLDOWN_FAILS_DEFAULT;
    cooldown->window = AZL_COOLDOWN_WINDOW_DEFAULT;
    cooldown->time = AZL_COOLDOWN_TIME_DEFAULT;
    cooldown->percent = AZL_COOLDOWN_PERCENT_DEFAULT;
}

void *azl_conf_create(apr_pool_t *p, server_rec *s)
{
    azl_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->server = s;
    conf->enabled = -1;
    conf->max_body = -1;
    conf->body_time = -1;
    conf->hold = -1;
    conf->params = -1;
    conf->retry = -1;
    conf->strategy = AZL_STRATEGY_UNSET;
    azl_limits_unset(&conf->limits);
    conf->cooldown.fails = -1;
    conf->max_in_flight = -1;
    conf->mid_stream = -1;
    conf->seen_by = -1;
    conf->probe = -1;
    conf->key_sources = apr_array_make(p, 2, sizeof(azl_key_source_t));
    conf->endpoints = apr_array_make(p, 2, sizeof(azl_endpoint_t *));
    conf->models = apr_array_make(p, 2, sizeof(azl_model_line_t));
    conf->fallbacks = apr_array_make(p, 2, sizeof(azl_fallback_line_t));
    conf->alias_lines = apr_array_make(p, 2, sizeof(azl_alias_line_t));
    return conf;
}

#define MERGE(member, unset)                                                   \
    conf->member = (add->member != (unset)) ? add->member : base->member

void *azl_conf_merge(apr_pool_t *p, void *basev, void *addv)
{
    const azl_conf_t *base = basev;
    const azl_conf_t *add = addv;
    azl_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    int own_keys = add->keyring != NULL;

    conf->server = add->server;
    MERGE(enabled, -1);
    MERGE(base_path, NULL);
    MERGE(master_key, NULL);
    MERGE(max_body, -1);
    MERGE(body_time, -1);
    conf->body_rate = add->body_time >= 0 ? add->body_rate : base->body_rate;
    MERGE(hold, -1);
    MERGE(params, -1);
    MERGE(retry, -1);
    MERGE(strategy, AZL_STRATEGY_UNSET);
    conf->limits = azl_limits_merge(&add->limits, &base->limits);
    conf->cooldown = add->cooldown.fails >= 0 ? add->cooldown : base->cooldown;
    MERGE(max_in_flight, -1);
    MERGE(mid_stream, -1);
    MERGE(seen_by, -1);
    MERGE(probe, -1);
    MERGE(usage_log, NULL);
    MERGE(price_file, NULL);
    MERGE(authority, NULL);
    MERGE(metadata, NULL);
    conf->endpoints = apr_array_append(p, base->endpoints, add->endpoints);
    if (add->models->nelts) {
        conf->models = add->models;
        conf->alias_lines = add->alias_lines;
        conf->fallbacks = add->fallbacks;
    }
    else {
        conf->models = base->models;
        /* the later line of an alias wins */
        conf->alias_lines =
            apr_array_append(p, base->alias_lines, add->alias_lines);
        conf->fallbacks =
            azl_fallbacks_merge(p, base->fallbacks, add->fallbacks);
    }
    conf->key_sources = own_keys ? add->key_sources : base->key_sources;
    return conf;
}

#undef MERGE

azl_conf_t *azl_conf_get(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &azurelit_module);
}

/* A ring of this server's own: the keys it has, and its master key. */
static const char *build_keyring(azl_conf_t *conf, apr_pool_t *p,
                                 apr_pool_t *ptemp)
{
    const azl_key_source_t *source = (void *)conf->key_sources->elts;
    const char *err = NULL;
    int i;

    conf->keyring = azl_keyring_create(p);
    conf->scope = SCOPE_WITHOUT_MASTER;
    for (i = 0; i < conf->key_sources->nelts && !err; i++, source++) {
        if (source->file) {
            err = azl_keyring_load(conf->keyring, source->file, ptemp);
        }
        else {
            err = azl_keyring_add(conf->keyring, source->name, source->digest,
                                  source->noptions, source->options);
        }
    }
    if (!err && conf->master_key) {
        unsigned char digest[AZL_SHA256_LEN];

        azl_crypto_sha256(azl_secret_reveal(conf->master_key),
                          azl_secret_len(conf->master_key), digest);
        memcpy(&conf->scope, digest, sizeof(conf->scope));
        err = azl_keyring_add_master(conf->keyring, digest);
    }
    return err;
}

/* Later definitions win: a virtual host may redefine an endpoint. */
static void collect_endpoints(azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++, endpoint++) {
        apr_hash_set(conf->catalog->endpoints, (*endpoint)->name,
                     APR_HASH_KEY_STRING, *endpoint);
    }
}

/*
 * Response ids are sealed with something every instance of this configuration
 * knows and no client does: the master key, or else the credentials.
 */
static void make_seal(azl_conf_t *conf, apr_pool_t *p, apr_pool_t *ptemp)
{
    const azl_model_line_t *line = (void *)conf->models->elts;
    apr_array_header_t *secrets = apr_array_make(ptemp, 16, sizeof(char *));
    char *secret;
    int i;

    APR_ARRAY_PUSH(secrets, const char *) =
        conf->master_key ? azl_secret_reveal(conf->master_key) : "";
    for (i = 0; !conf->master_key && i < conf->models->nelts; i++) {
        const azl_endpoint_t *endpoint;

        endpoint = apr_hash_get(conf->catalog->endpoints, line[i].endpoint,
                                APR_HASH_KEY_STRING);
        if (endpoint->credential) {
            APR_ARRAY_PUSH(secrets, const char *) =
                azl_secret_reveal(endpoint->credential);
        }
    }
    secret = apr_array_pstrcat(ptemp, secrets, '\n');
    if (*secret) {
        conf->seal = azl_seal_create(p, secret, strlen(secret));
    }
    azl_crypto_wipe(secret, strlen(secret));
}

static void set_defaults(azl_conf_t *conf)
{
    if (!conf->base_path) {
        conf->base_path = "";
    }
    if (conf->max_body < 0) {
        conf->max_body = AZL_MAX_BODY_DEFAULT;
    }
    if (conf->body_time < 0) {
        conf->body_time = AZL_BODY_TIME_DEFAULT;
        conf->body_rate = AZL_BODY_RATE_DEFAULT;
    }
    if (conf->hold < 0) {
        conf->hold = AZL_HOLD_DEFAULT;
    }
    if (conf->params < 0) {
        conf->params = AZL_PARAMS_KEEP;
    }
    if (conf->retry < 0) {
        conf->retry = AZL_RETRY_DEFAULT;
    }
    if (conf->strategy == AZL_STRATEGY_UNSET) {
        conf->strategy = AZL_STRATEGY_SHUFFLE;
    }
    if (conf->cooldown.fails < 0) {
        azl_cooldown_default(&conf->cooldown);
    }
    if (conf->max_in_flight < 0) {
        conf->max_in_flight = 0;
    }
    if (conf->mid_stream < 0) {
        conf->mid_stream = 0;
    }
    if (conf->seen_by < 0) {
        conf->seen_by = AZL_SEEN_BY_MASTER;
    }
    if (conf->probe < 0) {
        conf->probe = 0;
    }
}

const char *azl_conf_resolve(azl_conf_t *conf, apr_pool_t *p, apr_pool_t *ptemp)
{
    azl_price_table_t *prices = NULL;
    const char *err;

    set_defaults(conf);
    err = build_keyring(conf, p, ptemp);
    if (err) {
        return err;
    }
    if (conf->price_file) {
        err = azl_price_table_load(p, conf->price_file, &prices);
        if (err) {
            return err;
        }
    }
    conf->catalog = azl_catalog_create(p);
    collect_endpoints(conf);
    err = azl_conf_resolve_models(conf, prices, p);
    if (!err) {
        err = azl_conf_resolve_fallbacks(conf, p, ptemp);
    }
    if (err) {
        return err;
    }
    make_seal(conf, p, ptemp);
    return NULL;
}
