#include "azl_conf_int.h"

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_crypto.h"
#include "azl_dialect.h"
#include "azl_family.h"
#include "azl_httpd.h"
#include "azl_routing.h"

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
 * and on each machine with the same configuration. Asked with another
 * credential it has other limits and is another one.
 */
static void name_deployment(azl_deployment_t *d, apr_pool_t *p)
{
    unsigned char digest[AZL_SHA256_LEN];
    char hex[2 * AZL_SEAL_FINGERPRINT_LEN + 1];
    const char *identity;

    identity = apr_pstrcat(p, d->endpoint->url, "\n", d->name, NULL);
    azl_crypto_sha256(identity, strlen(identity), digest);
    memcpy(d->fingerprint, digest, AZL_SEAL_PLACE_LEN);
    memcpy(d->fingerprint + AZL_SEAL_PLACE_LEN, d->endpoint->fingerprint,
           AZL_SEAL_FINGERPRINT_LEN - AZL_SEAL_PLACE_LEN);
    azl_hex_encode(d->fingerprint, AZL_SEAL_FINGERPRINT_LEN, hex);
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
        model->strategy = AZL_STRATEGY_UNSET;
        azl_limits_unset(&model->limits);
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

/* What a deployment and a spill of its line have in common. */
static azl_deployment_t *new_deployment(const azl_conf_t *conf,
                                        const azl_model_line_t *line,
                                        const char *endpoint, const char *name,
                                        apr_pool_t *p, const char **err)
{
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));

    d->endpoint =
        apr_hash_get(conf->catalog->endpoints, endpoint, APR_HASH_KEY_STRING);
    if (!d->endpoint) {
        *err = apr_psprintf(p,
                            "%s: AzureLITModel %s: endpoint '%s' is not "
                            "defined by any AzureLITEndpoint of this server; "
                            "defined are: %s",
                            line->where, line->alias, endpoint,
                            endpoint_names(p, conf));
        return NULL;
    }
    d->id = apr_pstrcat(p, endpoint, "/", name, NULL);
    d->name = name;
    d->name_json = json_string(p, name);
    d->order = line->order;
    d->where = line->where;
    d->base_model = line->base_model;
    d->family =
        azl_family_find(line->base_model ? line->base_model : line->alias);
    d->responses_only = line->responses_only;
    d->chat_only = line->chat_only;
    d->bridge =
        azl_bridge_of_model(line->base_model ? line->base_model : line->alias);
    d->limits = line->limits;
    name_deployment(d, p);
    /* to find them would cost each request more than its routing */
    d->ways = azl_dialect_ways(p, d);
    return d;
}

static const azl_price_t *find_price(const azl_price_table_t *prices,
                                     const azl_model_line_t *line)
{
    return prices ? azl_price_find(prices, line->base_model ? line->base_model
                                                            : line->alias)
                  : NULL;
}

static azl_deployment_t *find_deployment(const azl_model_t *model,
                                         const char *id)
{
    azl_deployment_t **list = (void *)model->deployments->elts;
    int i;

    for (i = 0; i < model->deployments->nelts; i++) {
        if (strcmp(list[i]->id, id) == 0) {
            return list[i];
        }
    }
    return NULL;
}

/* An alias without a price is nothing to warn of: its requests have no cost.
 * But a base-model= is there to give one. */
static void warn_unknown_base(const azl_conf_t *conf,
                              const azl_model_line_t *line,
                              const azl_price_t *price)
{
    int own = line->price.input != AZL_PRICE_UNSET && !line->spill;

    if (line->base_model && conf->price_file && !price && !own) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, conf->server,
                     AZLNO(0050) "%s: AzureLITModel %s: base-model=%s is not "
                                 "in the price file %s",
                     line->where, line->alias, line->base_model,
                     conf->price_file);
    }
}

static const char *add_deployment(azl_conf_t *conf,
                                  const azl_model_line_t *line,
                                  const azl_price_table_t *prices,
                                  apr_pool_t *p)
{
    azl_model_t *model = get_model(conf, line->alias, p);
    const azl_price_t *price = find_price(prices, line);
    const char *err = NULL;
    azl_deployment_t *d;

    d = new_deployment(conf, line, line->endpoint, line->deployment, p, &err);
    if (!d) {
        return err;
    }
    if (find_deployment(model, d->id)) {
        return apr_psprintf(p,
                            "%s: AzureLITModel %s: deployment '%s' is named "
                            "twice; use weight= to give it a larger share",
                            line->where, line->alias, d->id);
    }
    if (model->deployments->nelts == AZL_DEPLOYMENTS_MAX) {
        return apr_psprintf(p,
                            "%s: AzureLITModel %s: an alias has %d "
                            "deployments at most; make a second alias, and a "
                            "fallback to it",
                            line->where, line->alias, AZL_DEPLOYMENTS_MAX);
    }
    if (line->id) {
        d->public_id = line->id;
    }
    d->weight = line->weight;
    d->rpm = line->rpm;
    d->tpm = line->tpm;
    d->max_parallel = line->max_parallel;
    d->hard = line->hard;
    d->price = azl_price_override(price, &line->price);
    warn_unknown_base(conf, line, price);
    add_to_group(model, d);
    return NULL;
}

/* A spill of this group that an earlier line made. */
static azl_deployment_t *find_spill(const azl_model_t *model, const char *id)
{
    azl_deployment_t **list = (void *)model->deployments->elts;
    int i;

    for (i = 0; i < model->deployments->nelts; i++) {
        if (list[i]->spill && strcmp(list[i]->spill->id, id) == 0) {
            return list[i]->spill;
        }
    }
    return NULL;
}

/* When all lines of the group are known. Prices of the line itself are those
 * of its own deployment (of reserved capacity, often 0), not the spill's. */
static const char *add_spill(azl_conf_t *conf, const azl_model_line_t *line,
                             const azl_price_table_t *prices, apr_pool_t *p)
{
    azl_model_t *model = get_model(conf, line->alias, p);
    const char *slash = strchr(line->spill, '/');
    azl_price_t no_price;
    const char *err = NULL;
    azl_deployment_t *d, *spill;

    if (find_deployment(model, line->spill)) {
        return apr_psprintf(p,
                            "%s: AzureLITModel %s: spill=%s is a deployment of "
                            "the alias itself; spill= names one that has no "
                            "line of its own (leave spill= out, or that line)",
                            line->where, line->alias, line->spill);
    }
    spill = find_spill(model, line->spill);
    if (!spill) {
        spill = new_deployment(
            conf, line,
            apr_pstrmemdup(p, line->spill, (apr_size_t)(slash - line->spill)),
            slash + 1, p, &err);
        if (!spill) {
            return err;
        }
        azl_price_init(&no_price);
        spill->weight = 1;
        spill->price = azl_price_override(find_price(prices, line), &no_price);
    }
    d = find_deployment(
        model, apr_pstrcat(p, line->endpoint, "/", line->deployment, NULL));
    d->spill = spill;
    return NULL;
}

const char *azl_conf_aliases(const azl_conf_t *conf, apr_pool_t *p)
{
    const char *names = "";
    int i;

    for (i = 0; i < conf->catalog->order->nelts; i++) {
        names = apr_pstrcat(
            p, names, *names ? ", " : "",
            APR_ARRAY_IDX(conf->catalog->order, i, azl_model_t *)->alias, NULL);
    }
    return *names ? names : "none";
}

/* What AzureLITRouting and AzureLITTimeout say of an alias. */
static const char *apply_alias_line(azl_conf_t *conf,
                                    const azl_alias_line_t *line, apr_pool_t *p)
{
    azl_model_t *model =
        apr_hash_get(conf->catalog->models, line->alias, APR_HASH_KEY_STRING);
    int routing = line->strategy != AZL_STRATEGY_UNSET;

    if (!model) {
        return apr_psprintf(p,
                            "%s: %s %s: the alias is not defined by any "
                            "AzureLITModel of this server; defined are: %s",
                            line->where,
                            routing ? "AzureLITRouting" : "AzureLITTimeout",
                            line->alias, azl_conf_aliases(conf, p));
    }
    if (routing) {
        model->strategy = line->strategy;
    }
    model->limits = azl_limits_merge(&line->limits, &model->limits);
    return NULL;
}

/* Deployment, then alias (and server), then default. */
static void complete_deployment(azl_deployment_t *d, const azl_limits_t *outer)
{
    d->limits = azl_limits_merge(&d->limits, outer);
    if (d->limits.first_token < 0) {
        d->limits.first_token = AZL_FIRST_TOKEN_DEFAULT;
    }
    if (d->limits.idle < 0) {
        d->limits.idle = AZL_IDLE_DEFAULT;
    }
}

static void complete_model(const azl_conf_t *conf, azl_model_t *model)
{
    azl_limits_t limits = azl_limits_merge(&model->limits, &conf->limits);
    azl_deployment_t **list = (void *)model->deployments->elts;
    int i;

    if (model->strategy == AZL_STRATEGY_UNSET) {
        model->strategy = conf->strategy;
    }
    for (i = 0; i < model->deployments->nelts; i++) {
        complete_deployment(list[i], &limits);
        if (list[i]->spill) {
            complete_deployment(list[i]->spill, &limits);
        }
    }
    azl_limits_unset(&model->limits);
    model->limits.total = limits.total;
}

const char *azl_conf_resolve_models(azl_conf_t *conf,
                                    const azl_price_table_t *prices,
                                    apr_pool_t *p)
{
    const azl_model_line_t *line = (void *)conf->models->elts;
    const azl_alias_line_t *alias_line = (void *)conf->alias_lines->elts;
    const char *err = NULL;
    int i;

    for (i = 0; i < conf->models->nelts && !err; i++) {
        err = add_deployment(conf, &line[i], prices, p);
    }
    for (i = 0; i < conf->models->nelts && !err; i++) {
        if (line[i].spill) {
            err = add_spill(conf, &line[i], prices, p);
        }
    }
    for (i = 0; i < conf->alias_lines->nelts && !err; i++) {
        err = apply_alias_line(conf, &alias_line[i], p);
    }
    for (i = 0; i < conf->catalog->order->nelts && !err; i++) {
        complete_model(conf,
                       APR_ARRAY_IDX(conf->catalog->order, i, azl_model_t *));
    }
    return err;
}
