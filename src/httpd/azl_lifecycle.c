#include "azl_hooks.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_core.h>

#include "azl_conf.h"
#include "azl_config_source.h"
#include "azl_hold.h"
#include "azl_http.h"
#include "azl_httpd.h"
#include "azl_identity.h"
#include "azl_identity_watchdog.h"
#include "azl_probe.h"
#include "azl_random.h"
#include "azl_store.h"
#include "azl_upstream.h"
#include "azl_usage_log.h"

#ifdef __GLIBC__
/* Blocks from this size are the system's again when they are freed: larger
 * than what most requests and answers are held in, and what an idle thread may
 * keep. */
#define LARGE_BLOCK (1024 * 1024)
#endif

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

/* It says so itself as long as there is none. */
static int waits_for_models(apr_pool_t *pconf)
{
    const apr_array_header_t *lines = azl_config_sources(pconf);
    int i;

    for (i = 0; lines && i < lines->nelts; i++) {
        if (!APR_ARRAY_IDX(lines, i, azl_config_source_t *)->loaded) {
            return 1;
        }
    }
    return 0;
}

static void warn_useless(const azl_conf_t *conf, server_rec *s,
                         apr_pool_t *pconf)
{
    if (conf->models->nelts == 0 && !waits_for_models(pconf)) {
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
    if (!conf->seal && conf->models->nelts) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     AZLNO(0009) "%s has neither AzureLITMasterKey nor any "
                                 "credential to seal response ids with: what "
                                 "/responses stores cannot be used again",
                     s->server_hostname ? s->server_hostname : "this server");
    }
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

/* Behind these levels httpd writes the headers of requests, keys among them,
 * mod_http2 their bodies too, and mod_proxy_http the headers of an upstream,
 * who may repeat its key there. */
typedef struct log_limit_t {
    const char *file; /* of the module */
    const char *name; /* as in LogLevel */
    int max;
} log_limit_t;

static const log_limit_t log_limits[] = {
    {"http_core.c", "http:trace3", APLOG_TRACE3},
    {"mod_http2.c", "http2:trace1", APLOG_TRACE1},
    {"mod_proxy_http.c", "proxy_http:trace3", APLOG_TRACE3}};

/* No key and no prompt in a log, at any LogLevel. A virtual host may share its
 * levels with the main server, so the change is made in a copy. */
static void limit_log_levels(apr_pool_t *pconf, server_rec *s)
{
    apr_size_t i;

    for (i = 0; i < sizeof(log_limits) / sizeof(log_limits[0]); i++) {
        const log_limit_t *limit = &log_limits[i];
        const module *m = ap_find_linked_module(limit->file);
        struct ap_logconf *log;

        if (!m ||
            ap_get_server_module_loglevel(s, m->module_index) <= limit->max) {
            continue;
        }
        log = ap_new_log_config(pconf, &s->log);
        ap_set_module_loglevel(pconf, log, m->module_index, limit->max);
        s->log = *log;
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     AZLNO(0008) "LogLevel is limited to %s for %s: above it "
                                 "clients' keys would be written",
                     limit->name,
                     s->server_hostname ? s->server_hostname : "this server");
    }
}

static int is_on_anywhere(server_rec *s)
{
    for (; s; s = s->next) {
        if (azl_conf_get(s)->enabled == 1) {
            return 1;
        }
    }
    return 0;
}

/* What is done once for each deployment of a configuration, spills too. */
typedef const char *deployment_fn(azl_deployment_t *d, apr_pool_t *p,
                                  server_rec *s);

static const char *for_own_upstreams(const azl_conf_t *conf, deployment_fn *fn,
                                     apr_pool_t *p, server_rec *s)
{
    azl_model_t **model = (void *)conf->catalog->order->elts;
    const char *err = NULL;
    int i, j;

    for (i = 0; i < conf->catalog->order->nelts; i++) {
        azl_deployment_t **list = (void *)model[i]->deployments->elts;

        for (j = 0; j < model[i]->deployments->nelts && !err; j++) {
            azl_deployment_t *d = list[j];

            for (; d && !err; d = d->spill) {
                err = d->limits.connect > 0 ? fn(d, p, s) : NULL;
            }
        }
    }
    return err;
}

static const char *create_own(azl_deployment_t *d, apr_pool_t *p, server_rec *s)
{
    (void)s;
    return azl_upstream_create_own(d, p);
}

static const char *init_own(azl_deployment_t *d, apr_pool_t *p, server_rec *s)
{
    return azl_upstream_child_init_own(d, p, s);
}

/* A virtual host shares the endpoints it inherits: each is made once. */
static const char *create_upstreams(azl_conf_t *conf, apr_pool_t *pconf,
                                    apr_pool_t *ptemp, apr_pool_t *plog,
                                    server_rec *s)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    apr_hash_t *sections = apr_hash_make(ptemp);
    const char *err;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        err = endpoint[i]->upstream
                  ? NULL
                  : azl_upstream_create(endpoint[i], sections, pconf, ptemp,
                                        plog, s);
        if (err) {
            return apr_psprintf(ptemp, "%s: AzureLITEndpoint %s: %s",
                                endpoint[i]->where, endpoint[i]->name, err);
        }
        azl_upstream_serve(endpoint[i], pconf, s);
    }
    return for_own_upstreams(conf, create_own, pconf, s);
}

/* mod_ssl and mod_proxy look at what they are given only after `httpd -t` has
 * ended, and then httpd ends too, also on a restart. */
static const char *try_upstreams(azl_conf_t *conf, apr_pool_t *pconf,
                                 apr_pool_t *ptemp, apr_pool_t *plog,
                                 server_rec *s)
{
    return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST
               ? create_upstreams(conf, pconf, ptemp, plog, s)
               : NULL;
}

/* What a directive says has been warned of where it stands. */
static void warn_open_authority(const azl_conf_t *conf, server_rec *s,
                                apr_pool_t *ptemp)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    const char *host = NULL;
    int i;

    for (i = 0; !conf->authority && !host && i < conf->endpoints->nelts; i++) {
        const char *url = endpoint[i]->identity
                              ? azl_identity_authority(endpoint[i]->identity)
                              : NULL;

        host = url ? azl_http_open_host(ptemp, url) : NULL;
    }
    if (host) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     AZLNO(0167) "AZURE_AUTHORITY_HOST of the environment: "
                                 "there is no TLS to %s, anyone between here "
                                 "and there can read secrets and tokens; use "
                                 "https://",
                     host);
    }
}

/* Runs for `httpd -t` too: what is wrong is said here. */
int azl_hook_check_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *s)
{
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
        if (!err) {
            err = azl_probe_check_modules(conf);
        }
        if (!err) {
            err = azl_identity_prepare(conf);
        }
        if (!err) {
            err = try_upstreams(conf, pconf, ptemp, plog, s);
        }
        if (err) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, 0, s,
                         AZLNO(0005) "%s", err);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        warn_useless(conf, s, pconf);
        warn_open_authority(conf, s, ptemp);
    }
    return OK;
}

static void open_store(apr_pool_t *ptemp, server_rec *s)
{
    apr_status_t rv = azl_store_open(ptemp, s);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     AZLNO(0012) "the shared memory for health, limits and "
                                 "metrics could not be made; each process "
                                 "goes by what it sees itself. Raise the "
                                 "limit on shared memory and restart");
    }
}

int azl_hook_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                         server_rec *s)
{
    server_rec *main_server = s;
    int any = is_on_anywhere(s);
    int rc;

    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);
        const char *err;

        if (any) {
            /* a connection logs for a server that its requests may not be
             * for */
            limit_log_levels(pconf, s);
        }
        err = conf->enabled == 1 ? create_upstreams(conf, pconf, ptemp, plog, s)
                                 : NULL;
        if (err) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, 0, s,
                         AZLNO(0006) "%s", err);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    /* The first of httpd's two passes only looks whether all is well. */
    if (any && ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        open_store(ptemp, main_server);
        rc = azl_identity_start(pconf, main_server);
        if (rc == OK) {
            rc = azl_probe_start(pconf, main_server);
        }
        if (rc == OK) {
            azl_config_source_start(pconf, main_server);
        }
        return rc;
    }
    return OK;
}

/* A large answer is held once in a while, on any thread. Left to itself glibc
 * learns from the first such block to keep up to 64 MB free for each thread. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
#endif
}

void azl_hook_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_hash_t *done = apr_hash_make(pchild);
    int hold = 0;

    azl_random_forked();
    azl_store_child_init();
    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);
        azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
        int i;

        if (conf->enabled != 1) {
            continue;
        }
        give_memory_back();
        hold |= conf->hold > 0;
        if (conf->log) {
            azl_usage_log_child_init(conf->log, pchild);
        }
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
        if (for_own_upstreams(conf, init_own, pchild, s)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                         AZLNO(0013) "the connection pool of a deployment "
                                     "with its own connect-timeout could not "
                                     "be made");
        }
    }
    azl_hold_child_init(hold);
}

/* Whatever ended it: what it had in flight is over, what it had to say is
 * not. */
void azl_hook_child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                           int slot, mpm_child_status state)
{
    (void)gen;
    (void)slot;
    if (state != MPM_CHILD_EXITED) {
        return;
    }
    azl_store_child_ended(pid);
    azl_usage_log_child_ended(s, pid);
}
