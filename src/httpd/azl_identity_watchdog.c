#include "azl_identity_watchdog.h"

#include <stdatomic.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <ap_mpm.h>
#include <mod_watchdog.h>

#include "azl_crypto.h"
#include "azl_httpd.h"
#include "azl_identity.h"
#include "azl_wallet.h"

#define WATCHDOG "_azurelit_identity_"

/* What outlives a graceful restart; count on when a slot changes its form. */
#define RETAINED "mod_azurelit credentials, layout 3"
/* A restart with a somewhat larger configuration needs no new wallet. */
#define SPARE_FACTOR 2
#define SLOTS_MIN 64

/* How often is looked whether something is due: whom an endpoint has refused
 * its token waits for that. mod_watchdog cannot do it more often. */
#define INTERVAL apr_time_from_msec(100)
/* ... or whether a file has changed. */
#define FILE_INTERVAL apr_time_from_sec(1)
/* Fetches at a time, and of one provider. */
#define JOBS_MAX 16
#define JOBS_OF_PROVIDER 4
/* A fetch takes less, with all its tries and limits. */
#define CLAIM_TIME apr_time_from_sec(90)

/* An endpoint whose credential changes, made for each configuration. Each
 * process has its own copy. The thread that looks has it, or the thread that
 * fetches while there is one. */
typedef struct watched_t {
    server_rec *server;
    const azl_endpoint_t *endpoint;
    const char *provider;
    azl_wallet_slot_t *slot; /* NULL: it is not shared */
    apr_uint64_t version;    /* of the slot, as we have it */
    apr_time_t looked;       /* at a file */
    int failing;             /* and that has been said, if it is not shared */
    apr_thread_t *thread;    /* that fetches; NULL: none */
    apr_pool_t *pool;        /* its own */
    atomic_int done;         /* ... and can be joined */
} watched_t;

/* All of a configuration. */
typedef struct keeper_t {
    apr_array_header_t *watched; /* watched_t * */
    int next;                    /* who may be fetched first */
    int jobs;
} keeper_t;

static watched_t *watched_at(const keeper_t *k, int i)
{
    return APR_ARRAY_IDX(k->watched, i % k->watched->nelts, watched_t *);
}

static int is_ending(void *baton)
{
    int state = AP_MPMQ_RUNNING;

    (void)baton;
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

/*
 * Fetching
 */

/* Notes whether there is trouble; returns whether there was. */
static int note(watched_t *w, int failing)
{
    int before = w->failing;

    if (w->slot) {
        return azl_wallet_note(w->slot, failing);
    }
    w->failing = failing;
    return before;
}

/* Each trouble is told once, and that it is over. */
static void tell(watched_t *w, azl_identity_result_e result,
                 const char *problem)
{
    const azl_endpoint_t *e = w->endpoint;
    server_rec *s = w->server;
    int before;

    if (result == AZL_IDENTITY_IDLE) {
        return;
    }
    before = note(w, result == AZL_IDENTITY_FAILED);
    if (result == AZL_IDENTITY_FAILED && !before) {
        int left = azl_identity_ready(e->identity, apr_time_now());

        ap_log_error(APLOG_MARK, left ? APLOG_WARNING : APLOG_ERR, 0, s,
                     AZLNO(0100) "AzureLITEndpoint %s: no new credentials "
                                 "from %s: %s; %s",
                     e->name, e->credential_source, problem,
                     left ? "the old ones are still valid"
                          : "it cannot be asked");
    }
    if (result == AZL_IDENTITY_FRESH) {
        ap_log_error(APLOG_MARK, before ? APLOG_NOTICE : APLOG_INFO, 0, s,
                     AZLNO(0101) "AzureLITEndpoint %s: new credentials from %s",
                     e->name, e->credential_source);
    }
}

static void share(watched_t *w, apr_pool_t *p)
{
    azl_span_t packed = azl_identity_pack(w->endpoint->identity, p);

    if (azl_wallet_put(w->slot, packed) == APR_SUCCESS) {
        w->version = azl_wallet_version(w->slot);
    }
    azl_crypto_wipe((char *)packed.at, packed.len);
}

/* Whether it is fetched or not: what is known is shared, and the claim
 * ends. */
static void fetch(watched_t *w)
{
    azl_identity_result_e result;
    const char *problem;
    apr_pool_t *p = w->pool;

    result = azl_identity_refresh(w->endpoint->identity, p, apr_time_now(),
                                  is_ending, NULL, &problem);
    /* or it has been given up for that, and says nothing about the service */
    if (result != AZL_IDENTITY_FAILED || !is_ending(NULL)) {
        if (w->slot && result != AZL_IDENTITY_IDLE) {
            share(w, p);
        }
        tell(w, result, problem);
    }
    if (w->slot) {
        azl_wallet_release(w->slot, getpid());
    }
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    watched_t *w = data;

    fetch(w);
    atomic_store(&w->done, 1);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void join(keeper_t *k, watched_t *w)
{
    apr_status_t unused;

    apr_thread_join(&unused, w->thread);
    apr_pool_destroy(w->pool);
    w->thread = NULL;
    atomic_store(&w->done, 0);
    k->jobs--;
}

/* Is there a thread for another fetch? */
static int has_room(const keeper_t *k, const watched_t *w)
{
    int busy = 0;
    int i;

    for (i = 0; i < k->watched->nelts; i++) {
        const watched_t *other = watched_at(k, i);

        busy += other->thread && strcmp(other->provider, w->provider) == 0;
    }
    return k->jobs < JOBS_MAX && busy < JOBS_OF_PROVIDER;
}

static void start_fetch(keeper_t *k, watched_t *w)
{
    /* of no other pool: threads that are busy have none in common */
    apr_pool_create_unmanaged(&w->pool);
    if (apr_thread_create(&w->thread, NULL, run, w, w->pool) == APR_SUCCESS) {
        k->jobs++;
        return;
    }
    w->thread = NULL;
    fetch(w); /* no more threads: then everybody waits */
    apr_pool_destroy(w->pool);
}

/*
 * Looking
 */

/* What another process has fetched, or has not been able to. */
static void take_over(watched_t *w, apr_pool_t *p)
{
    apr_uint64_t version;
    azl_span_t packed;

    if (!w->slot || azl_wallet_version(w->slot) == w->version) {
        return;
    }
    packed = azl_wallet_get(w->slot, p, &version);
    if (packed.len) {
        /* or it is another's, from a process that began to fetch before two
         * restarts: reading it once more does not help */
        azl_identity_unpack(w->endpoint->identity, p, packed);
        w->version = version;
    }
    azl_crypto_wipe((char *)packed.at, packed.len);
}

static int is_due(watched_t *w, apr_pool_t *p, apr_time_t now)
{
    if (!w->slot && !azl_identity_shares(w->endpoint->identity)) {
        if (now - w->looked < FILE_INTERVAL) {
            return 0;
        }
        w->looked = now;
    }
    return azl_identity_due(w->endpoint->identity, p, now);
}

/* 1 if a fetch was begun, by us. */
static int look_at(keeper_t *k, watched_t *w, apr_pool_t *p)
{
    apr_time_t now = apr_time_now();

    if (w->thread && atomic_load(&w->done)) {
        join(k, w);
    }
    if (w->thread) {
        return 0;
    }
    take_over(w, p);
    if (!is_due(w, p, now) || !has_room(k, w) ||
        (w->slot &&
         !azl_wallet_claim(w->slot, getpid(), now, now + CLAIM_TIME))) {
        return 0;
    }
    /* it may have been there just before the claim */
    take_over(w, p);
    start_fetch(k, w);
    return 1;
}

static apr_status_t callback(int state, void *data, apr_pool_t *pool)
{
    keeper_t *k = data;
    int first = k->next;
    apr_pool_t *p;
    int i;

    if (state == AP_WATCHDOG_STATE_STOPPING) {
        for (i = 0; i < k->watched->nelts; i++) {
            if (watched_at(k, i)->thread) {
                join(k, watched_at(k, i));
            }
        }
        return APR_SUCCESS;
    }
    /* At its start, too: the first request may be waiting, also in a process
     * that is told to end as soon as it has begun. Who was not served for want
     * of a thread is looked at first next time. */
    apr_pool_create(&p, pool);
    for (i = first; i < first + k->watched->nelts; i++) {
        if (look_at(k, watched_at(k, i), p)) {
            k->next = (i + 1) % k->watched->nelts;
        }
    }
    apr_pool_destroy(p);
    return APR_SUCCESS;
}

/*
 * The configuration
 */

/* Without mod_watchdog a key in a file is as it was at the start. */
static int changes(const azl_endpoint_t *e)
{
    return e->identity && azl_identity_changes(e->identity) &&
           (ap_find_linked_module("mod_watchdog.c") ||
            azl_identity_shares(e->identity) ||
            !azl_identity_is_key(e->identity));
}

const char *azl_identity_prepare(const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    int any = 0;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        if (endpoint[i]->identity) {
            azl_identity_hosts(endpoint[i]->identity, conf->authority,
                               conf->metadata);
        }
        any |= changes(endpoint[i]);
    }
    return any && !ap_find_linked_module("mod_watchdog.c")
               ? "AzureLITEndpoint: mod_watchdog is not loaded, which keeps "
                 "credentials fresh; add LoadModule watchdog_module"
               : NULL;
}

static void collect(keeper_t *k, apr_pool_t *pconf, server_rec *s,
                    const azl_conf_t *conf)
{
    azl_endpoint_t **endpoint = (void *)conf->endpoints->elts;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        watched_t *w;

        if (!changes(endpoint[i])) {
            continue;
        }
        w = apr_pcalloc(pconf, sizeof(*w));
        w->server = s;
        w->endpoint = endpoint[i];
        w->provider = azl_identity_provider(endpoint[i]->identity, pconf);
        APR_ARRAY_PUSH(k->watched, watched_t *) = w;
    }
}

/* Made at the first start, and again when there is no room. NULL: each process
 * fetches for itself. */
static azl_wallet_t *open_wallet(apr_pool_t *ptemp, server_rec *s, int n)
{
    azl_wallet_t **kept = ap_retained_data_get(RETAINED);
    azl_wallet_t *made;
    apr_status_t rv;

    if (!kept) {
        kept = ap_retained_data_create(RETAINED, sizeof(*kept));
    }
    if (!*kept || azl_wallet_size(*kept) < n) {
        n = n * SPARE_FACTOR > SLOTS_MIN ? n * SPARE_FACTOR : SLOTS_MIN;
        rv = azl_wallet_create(&made, s->process->pool, n);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                         AZLNO(0105) "the shared memory for credentials could "
                                     "not be made; each process fetches its "
                                     "own");
            return NULL;
        }
        if (*kept) {
            azl_wallet_inherit(made, *kept, ptemp);
        }
        *kept = made;
    }
    azl_wallet_begin_generation(*kept);
    return *kept;
}

static void give_slots(keeper_t *k, apr_pool_t *ptemp, server_rec *s)
{
    azl_wallet_t *wallet = open_wallet(ptemp, s, k->watched->nelts);
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN];
    int i;

    for (i = 0; wallet && i < k->watched->nelts; i++) {
        watched_t *w = watched_at(k, i);

        if (azl_identity_shares(w->endpoint->identity)) {
            azl_identity_name(w->endpoint->identity, ptemp, name);
            w->slot = azl_wallet_slot(wallet, name);
        }
    }
}

static apr_status_t start(apr_pool_t *pconf, keeper_t *k)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add_callback =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get_instance || !add_callback) {
        return APR_ENOTIMPL;
    }
    rv = get_instance(&watchdog, WATCHDOG, 0, 0, pconf);
    return rv == APR_SUCCESS ? add_callback(watchdog, INTERVAL, k, callback)
                             : rv;
}

int azl_identity_start(apr_pool_t *pconf, server_rec *s)
{
    keeper_t *k = apr_pcalloc(pconf, sizeof(*k));
    server_rec *main_server = s;
    apr_pool_t *ptemp;
    apr_status_t rv;

    k->watched = apr_array_make(pconf, 4, sizeof(watched_t *));
    for (; s; s = s->next) {
        const azl_conf_t *conf = azl_conf_get(s);

        /* the last: it is the main server's, seen before */
        if (conf->enabled == 1 && conf->server == s) {
            collect(k, pconf, s, conf);
        }
    }
    if (!k->watched->nelts) {
        return OK;
    }
    apr_pool_create(&ptemp, pconf);
    give_slots(k, ptemp, main_server);
    apr_pool_destroy(ptemp);
    rv = start(pconf, k);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, rv, main_server,
                     AZLNO(0102) "credentials cannot be kept fresh: "
                                 "mod_watchdog refused");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
