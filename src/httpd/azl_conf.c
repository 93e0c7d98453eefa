#include "azl_conf.h"

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_crypto.h"
#include "azl_dialect.h"
#include "azl_httpd.h"

void *azl_conf_create(apr_pool_t *p, server_rec *s)
{
    azl_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->enabled = -1;
    conf->max_body = -1;
    conf->hold = -1;
    conf->params = -1;
    conf->retry = -1;
    conf->key_sources = apr_array_make(p, 2, sizeof(azl_key_source_t));
    conf->endpoints = apr_array_make(p, 2, sizeof(azl_endpoint_t *));
    conf->models = apr_array_make(p, 2, sizeof(azl_model_line_t));
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

    MERGE(enabled, -1);
    MERGE(base_path, NULL);
    MERGE(master_key, NULL);
    MERGE(max_body, -1);
    MERGE(hold, -1);
    MERGE(params, -1);
    MERGE(retry, -1);
    MERGE(usage_log, NULL);
    MERGE(price_file, NULL);
    conf->endpoints = apr_array_append(p, base->endpoints, add->endpoints);
    conf->models = add->models->nelts ? add->models : base->models;
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

        azl_crypto_sha256(conf->master_key, strlen(conf->master_key), digest);
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

static const char *endpoint_names(apr_pool_t *p, const azl_conf_t *conf)
{
    apr_hash_index_t *hi;
    const char *names = "";

    for (hi = apr_hash_first(p, conf->catalog->endpoints); hi;
         hi = apr_hash_next(hi)) {
        names = apr_pstrcat(p, names, *names ? ", " : "",
                            (const char *)apr_hash_this_key(hi), NULL);
    }
    return *names ? names : "none";
}

/*
 * What a deployment is called where its name must not say where it is: hashes
 * of what makes it that deployment, so that they are the same in each process
 * and on each machine with the same configuration.
 */
static void name_deployment(azl_deployment_t *d, apr_pool_t *p)
{
    unsigned char digest[AZL_SHA256_LEN];
    char hex[2 * AZL_SEAL_FINGERPRINT_LEN + 1];
    const char *identity;

    identity = apr_pstrcat(p, d->endpoint->url, "\n", d->name, NULL);
    azl_crypto_sha256(identity, strlen(identity), digest);
    memcpy(d->fingerprint, digest, AZL_SEAL_FINGERPRINT_LEN);
    azl_hex_encode(digest, AZL_SEAL_FINGERPRINT_LEN, hex);
    d->public_id = apr_pstrdup(p, hex);
}

static const char *json_string(apr_pool_t *p, const char *text)
{
    azl_buf_t *buf = azl_buf_create(p, 65536);
    const char *json;

    azl_buf_json_str(buf, text);
    json = azl_buf_pstr(buf, p);
    azl_buf_free(buf);
    return json;
}

static azl_model_t *get_model(azl_conf_t *conf, const char *alias,
                              apr_pool_t *p)
{
    azl_model_t *model;

    model = apr_hash_get(conf->catalog->models, alias, APR_HASH_KEY_STRING);
    if (!model) {
        model = apr_pcalloc(p, sizeof(*model));
        model->alias = alias;
        model->alias_json = json_string(p, alias);
        model->deployments = apr_array_make(p, 2, sizeof(azl_deployment_t *));
        model->created = apr_time_now();
        apr_hash_set(conf->catalog->models, alias, APR_HASH_KEY_STRING, model);
        APR_ARRAY_PUSH(conf->catalog->order, azl_model_t *) = model;
    }
    return model;
}

/* Keep a group sorted by `order`, in the order of the file within it. */
static void add_to_group(azl_model_t *model, azl_deployment_t *d)
{
    azl_deployment_t **list;
    int i;

    APR_ARRAY_PUSH(model->deployments, azl_deployment_t *) = d;
    list = (void *)model->deployments->elts;
    for (i = model->deployments->nelts - 1;
         i > 0 && list[i - 1]->order > list[i]->order; i--) {
        azl_deployment_t *moved = list[i];

        list[i] = list[i - 1];
        list[i - 1] = moved;
    }
}

static const char *add_deployment(azl_conf_t *conf,
                                  const azl_model_line_t *line,
                                  const azl_price_table_t *prices,
                                  apr_pool_t *p)
{
    azl_model_t *model = get_model(conf, line->alias, p);
    azl_deployment_t **have = (void *)model->deployments->elts;
    azl_endpoint_t *endpoint;
    azl_deployment_t *d;
    int i;

    endpoint = apr_hash_get(conf->catalog->endpoints, line->endpoint,
                            APR_HASH_KEY_STRING);
    if (!endpoint) {
        return apr_psprintf(p,
                            "%s: AzureLITModel %s: endpoint '%s' is not "
                            "defined by any AzureLITEndpoint of this server; "
                            "defined are: %s",
                            line->where, line->alias, line->endpoint,
                            endpoint_names(p, conf));
    }
    d = apr_pcalloc(p, sizeof(*d));
    d->id = apr_pstrcat(p, line->endpoint, "/", line->deployment, NULL);
    for (i = 0; i < model->deployments->nelts; i++) {
        if (strcmp(have[i]->id, d->id) == 0) {
            return apr_psprintf(p,
                                "%s: AzureLITModel %s: deployment '%s' is "
                                "named twice; use weight= to give it a larger "
                                "share",
                                line->where, line->alias, d->id);
        }
    }
    d->endpoint = endpoint;
    d->name = line->deployment;
    d->name_json = json_string(p, line->deployment);
    d->weight = line->weight;
    d->order = line->order;
    d->responses_only = line->responses_only;
    d->base_model = line->base_model;
    d->price = azl_price_override(
        prices ? azl_price_find(prices, line->base_model ? line->base_model
                                                         : line->alias)
               : NULL,
        &line->price);
    name_deployment(d, p);
    add_to_group(model, d);
    return NULL;
}

/*
 * Response ids are sealed with something every instance of this configuration
 * knows and no client does: the master key, or else the credentials.
 */
static void make_seal(azl_conf_t *conf, apr_pool_t *p, apr_pool_t *ptemp)
{
    const azl_model_line_t *line = (void *)conf->models->elts;
    const char *secret = conf->master_key ? conf->master_key : "";
    int i;

    for (i = 0; !conf->master_key && i < conf->models->nelts; i++) {
        const azl_endpoint_t *endpoint;

        endpoint = apr_hash_get(conf->catalog->endpoints, line[i].endpoint,
                                APR_HASH_KEY_STRING);
        if (endpoint->credential) {
            secret =
                apr_pstrcat(ptemp, secret, "\n", endpoint->credential, NULL);
        }
    }
    if (*secret) {
        conf->seal = azl_seal_create(p, secret, strlen(secret));
    }
}

static void set_defaults(azl_conf_t *conf)
{
    if (!conf->base_path) {
        conf->base_path = "";
    }
    if (conf->max_body < 0) {
        conf->max_body = AZL_MAX_BODY_DEFAULT;
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
}

const char *azl_conf_resolve(azl_conf_t *conf, apr_pool_t *p, apr_pool_t *ptemp)
{
    const azl_model_line_t *line = (void *)conf->models->elts;
    azl_price_table_t *prices = NULL;
    const char *err;
    int i;

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
    for (i = 0; i < conf->models->nelts; i++) {
        err = add_deployment(conf, &line[i], prices, p);
        if (err) {
            return err;
        }
    }
    make_seal(conf, p, ptemp);
    return NULL;
}
