#include "azl_store.h"

#include <unistd.h>

#include <apr_strings.h>
#include <ap_mpm.h>

#include "azl_crypto.h"
#include "azl_hooks.h"
#include "azl_httpd.h"
#include "azl_metrics.h"

/* The segment's address outlives a graceful restart under this name. A module
 * that was replaced by one with another layout must not find it: count on
 * when anything in src/store/azl_shared_int.h or azl_metrics_int.h moves. */
#define RETAINED "mod_azurelit shared memory, layout 2"

/* A restart with a somewhat larger configuration needs no new segment. */
#define SPARE_FACTOR 2
#define PROCESSES_MIN 16
#define DEPLOYMENTS_MIN 256
#define GATES_MIN 64
/* Models times keys that are counted one by one; the rest in one sum. Memory
 * that nobody touches costs nothing. */
#define SERIES 4096
/* Signatures are some hundred bytes to a few KB, encrypted reasoning up to
 * some ten KB: loops of some thousand clients at the same time. */
#define STASH_SIZE (16 * 1024 * 1024)

typedef struct retained_t {
    azl_shared_t *shared;
    azl_stash_t *stash;
} retained_t;

static azl_shared_t *shared;
static azl_stash_t *stash;
static int row = -1;

azl_shared_t *azl_store_shared(void)
{
    return shared;
}

azl_stash_t *azl_store_stash(void)
{
    return stash;
}

int azl_store_row(void)
{
    return row;
}

static int larger(int needed, int least)
{
    needed *= SPARE_FACTOR;
    return needed > least ? needed : least;
}

static int count_limited_keys(const azl_keyring_t *ring)
{
    int i, n = 0;

    for (i = 0; i < azl_keyring_count(ring); i++) {
        n += azl_keyring_at(ring, i)->max_parallel > 0;
    }
    return n;
}

/* What the whole configuration wants. */
static void count_needs(server_rec *s, azl_shared_sizes_t *needs)
{
    memset(needs, 0, sizeof(*needs));
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &needs->processes);
    /* Besides those, children of the last generation that lost their place in
     * the scoreboard may still be finishing their streams. */
    needs->processes = larger(needs->processes, PROCESSES_MIN);
    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);

        if (conf->enabled != 1) {
            continue;
        }
        /* each line's deployment, its spill, the server's own */
        needs->deployments +=
            2 * conf->models->nelts + conf->endpoints->nelts + 1;
        needs->gates += 1 + count_limited_keys(conf->keyring);
    }
    needs->series = SERIES;
}

static int fits(const azl_shared_sizes_t *have, const azl_shared_sizes_t *needs)
{
    return have->processes >= needs->processes &&
           have->deployments >= needs->deployments &&
           have->gates >= needs->gates;
}

static apr_status_t open_segment(server_rec *s)
{
    retained_t *retained = ap_retained_data_get(RETAINED);
    apr_pool_t *process_pool = s->process->pool;
    azl_shared_sizes_t needs;
    azl_shared_t *made;
    apr_status_t rv;

    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    count_needs(s, &needs);
    if (!retained->shared ||
        !fits(azl_shared_sizes(retained->shared), &needs)) {
        needs.deployments = larger(needs.deployments, DEPLOYMENTS_MIN);
        needs.gates = larger(needs.gates, GATES_MIN);
        rv = azl_shared_create(&made, process_pool, &needs);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (retained->shared) {
            azl_shared_inherit(made, retained->shared);
            azl_metrics_follow(azl_metrics_of(made),
                               azl_metrics_of(retained->shared));
        }
        retained->shared = made;
    }
    shared = retained->shared;
    if (!retained->stash) {
        azl_stash_create(&retained->stash, process_pool, STASH_SIZE);
    }
    stash = retained->stash;
    return APR_SUCCESS;
}

/* The name of what has none in a digest's form. */
static void name_of(const char *kind, const unsigned char *what, apr_size_t len,
                    unsigned char name[AZL_SEAL_FINGERPRINT_LEN],
                    apr_pool_t *ptemp)
{
    unsigned char digest[AZL_SHA256_LEN];
    apr_size_t kind_len = strlen(kind);
    char *text = apr_palloc(ptemp, kind_len + len);

    memcpy(text, kind, kind_len);
    memcpy(text + kind_len, what, len);
    azl_crypto_sha256(text, kind_len + len, digest);
    memcpy(name, digest, AZL_SEAL_FINGERPRINT_LEN);
}

static int give_deployment(azl_deployment_t *d)
{
    d->health = azl_shared_health(shared, d->fingerprint);
    return d->health && (!d->spill || give_deployment(d->spill));
}

static int give_models(const azl_catalog_t *catalog)
{
    azl_model_t **model = (void *)catalog->order->elts;
    int i, j, all = 1;

    for (i = 0; i < catalog->order->nelts; i++) {
        azl_deployment_t **d = (void *)model[i]->deployments->elts;

        for (j = 0; j < model[i]->deployments->nelts; j++) {
            all &= give_deployment(d[j]);
        }
    }
    return all;
}

static int give_endpoints(const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    int i, all = 1;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        endpoint[i]->health =
            azl_shared_health(shared, endpoint[i]->fingerprint);
        all &= endpoint[i]->health != NULL;
    }
    return all;
}

static int give_keys(azl_keyring_t *ring, apr_pool_t *ptemp)
{
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN];
    int i, all = 1;

    for (i = 0; i < azl_keyring_count(ring); i++) {
        /* filled in once, before anybody looks a key up */
        azl_key_t *key = (azl_key_t *)azl_keyring_at(ring, i);

        if (key->max_parallel) {
            name_of("key\n", key->digest, sizeof(key->digest), name, ptemp);
            key->gate = azl_shared_gate(shared, name);
            all &= key->gate != NULL;
        }
    }
    return all;
}

static int give_server(azl_conf_t *conf, const server_rec *s, apr_pool_t *ptemp)
{
    const char *where = apr_psprintf(
        ptemp, "%s:%d %s", s->defn_name ? s->defn_name : "",
        s->defn_line_number,
        s->is_virtual && s->server_hostname ? s->server_hostname : "");
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN];

    name_of("server\n", (const unsigned char *)where, strlen(where), name,
            ptemp);
    conf->gate = azl_shared_gate(shared, name);
    conf->load = azl_shared_health(shared, name);
    if (!conf->load) {
        conf->gate = NULL; /* the one is of no use without the other */
    }
    return conf->gate && conf->load;
}

apr_status_t azl_store_open(apr_pool_t *ptemp, server_rec *s)
{
    apr_status_t rv = open_segment(s);
    int all = 1;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    azl_shared_begin_generation(shared);
    for (; s; s = s->next) {
        azl_conf_t *conf = azl_conf_get(s);

        if (conf->enabled == 1) {
            all &= give_models(conf->catalog) & give_endpoints(conf) &
                   give_keys(conf->keyring, ptemp) &
                   give_server(conf, s, ptemp);
        }
    }
    return all ? APR_SUCCESS : APR_ENOSPC;
}

void azl_store_child_init(void)
{
    /* The parent gives it back: while this process exits, threads of it may
     * still count. */
    row = shared ? azl_shared_enter(shared, getpid()) : -1;
}

void azl_store_child_ended(pid_t pid)
{
    if (shared) {
        azl_shared_leave(shared, pid);
    }
}
