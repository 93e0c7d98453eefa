#include "azl_hooks.h"

#include <apr_hash.h>

#include "azl_conf.h"
#include "azl_hold.h"
#include "azl_httpd.h"
#include "azl_upstream.h"
#include "azl_usage_log.h"

/* The core's messages, where the server's own go. */
static void log_sink(void *baton, int level, const char *message)
{
    ap_log_error(APLOG_MARK, level, 0, (server_rec *)baton, "%s", message);
}

static const char *check_endpoints(const azl_conf_t *conf, apr_pool_t *p)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    const char *err = NULL;
    int i;

    for (i = 0; i < conf->endpoints->nelts && !err; i++) {
        err = azl_upstream_check_modules(endpoint[i], p);
    }
    return err;
}

static void warn_useless(const azl_conf_t *conf, server_rec *s)
{
    if (conf->models->nelts == 0) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            AZLNO(0003) "AzureLIT is on for %s, but it has no model; add "
                        "AzureLITModel alias endpoint/deployment",
            s->server_hostname ? s->server_hostname : "this server");
    }
    if (azl_keyring_count(conf->keyring) == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     AZLNO(0004) "AzureLIT is on for %s, but nobody has a key; "
                                 "'azurelitctl key new' makes one",
                     s->server_hostname ? s->server_hostname : "this server");
    }
}

/* Runs for `httpd -t` too: what is wrong is said here. */
int azl_hook_check_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *s)
{
    (void)plog;
    azl_log_set(log_sink, s);
    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);
        const char *err;

        if (conf->enabled != 1 || conf->catalog) {
            continue;
        }
        err = azl_conf_resolve(conf, pconf, ptemp);
        if (!err) {
            err = check_endpoints(conf, ptemp);
        }
        if (err) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, 0, s,
                         AZLNO(0005) "%s", err);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        warn_useless(conf, s);
    }
    return OK;
}

int azl_hook_open_logs(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    apr_hash_t *open = apr_hash_make(ptemp);

    (void)plog;
    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);

        if (conf->enabled != 1 || !conf->usage_log || conf->log) {
            continue;
        }
        conf->log = apr_hash_get(open, conf->usage_log, APR_HASH_KEY_STRING);
        if (!conf->log) {
            conf->log = azl_usage_log_open(pconf, s, conf->usage_log);
            if (!conf->log) {
                return HTTP_INTERNAL_SERVER_ERROR;
            }
            apr_hash_set(open, conf->usage_log, APR_HASH_KEY_STRING, conf->log);
        }
    }
    return OK;
}

/* A virtual host shares the endpoints it inherits: each is made once. */
int azl_hook_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                         server_rec *s)
{
    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);
        azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
        int i;

        for (i = 0; conf->enabled == 1 && i < conf->endpoints->nelts; i++) {
            const char *err = NULL;

            if (!endpoint[i]->upstream) {
                err = azl_upstream_create(endpoint[i], pconf, ptemp, plog, s);
            }
            if (err) {
                ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, 0, s,
                             AZLNO(0006) "%s: AzureLITEndpoint %s: %s",
                             endpoint[i]->where, endpoint[i]->name, err);
                return HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }
    return OK;
}

void azl_hook_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_hash_t *done = apr_hash_make(pchild);
    int hold = 0;

    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);
        azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
        int i;

        if (conf->enabled != 1) {
            continue;
        }
        hold |= conf->hold > 0;
        for (i = 0; i < conf->endpoints->nelts; i++) {
            const char *err;

            if (apr_hash_get(done, &endpoint[i], sizeof(endpoint[i]))) {
                continue;
            }
            apr_hash_set(done, &endpoint[i], sizeof(endpoint[i]), "");
            err = azl_upstream_child_init(endpoint[i], pchild, s);
            if (err) {
                ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                             AZLNO(0007) "AzureLITEndpoint %s: %s",
                             endpoint[i]->name, err);
            }
        }
    }
    azl_hold_child_init(hold);
}
