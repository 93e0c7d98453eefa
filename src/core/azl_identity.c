/*
 * azl_identity: credentials that are fetched and change.
 *
 * Every value lies in a pool of its own. The fetching thread makes the next
 * one, exchanges the two under the lock and throws the old one away; requests
 * copy what they need under the same lock.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_identity_int.h"
#include "azl_random.h"

/* A value is fetched again this long before it ends, or when a quarter of its
 * time is left, whatever is later. */
#define MARGIN_MAX apr_time_from_sec(15 * 60)
#define MARGIN_SHARE 4
/* What is good for longer is fetched again when half of its time is over, so
 * that a service that is away for hours is not noticed. */
#define LONG_LIFE apr_time_from_sec(2 * 3600)
/* ... or up to this share earlier: machines that were started together do not
 * come back together. */
#define JITTER_SHARE 10
/* After a failure, doubled each time up to the last. */
#define RETRY_FIRST apr_time_from_sec(2)
#define RETRY_LAST apr_time_from_sec(60)
/* ... and where only a person can help. */
#define HOPELESS_FIRST apr_time_from_sec(10)
#define HOPELESS_LAST apr_time_from_sec(5 * 60)
/* Longer than this nobody is believed who wants us to wait. */
#define WAIT_BELIEVED apr_time_from_sec(10 * 60)
/* Between two fetches because the endpoint refuses what there is, likewise. */
#define CALM_FIRST apr_time_from_sec(5)
#define CALM_LAST apr_time_from_sec(5 * 60)
/* A clock that is put back by more than that makes all times worthless that
 * were told by it: what was to be fetched again then is fetched now. */
#define CLOCK_SLACK apr_time_from_sec(60)
/* What a service that gives out credentials may take. */
#define CONNECT_LIMIT apr_time_from_sec(2)
#define CALL_LIMIT apr_time_from_sec(10)
#define ANSWER_MAX (64 * 1024)

static const azl_identity_kind_t *const kinds[] = {
    &azl_identity_aws_env,         &azl_identity_aws_file,
    &azl_identity_aws_container,   &azl_identity_aws_instance,
    &azl_identity_google_metadata, &azl_identity_google,
    &azl_identity_databricks,      &azl_identity_token_file,
    &azl_identity_managed,         &azl_identity_workload,
    &azl_identity_principal,       &azl_identity_azure_default,
    &azl_identity_key_file,        &azl_identity_vault,
};

/* The kind of a source, and what follows its name. */
static const azl_identity_kind_t *find_kind(const char *source,
                                            const char **rest)
{
    apr_size_t i, len;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        len = strlen(kinds[i]->name);
        *rest = NULL;
        if (strncmp(source, kinds[i]->name, len) == 0) {
            if (!source[len]) {
                return kinds[i];
            }
            if (kinds[i]->form && source[len] == ':') {
                *rest = source + len + 1;
                return kinds[i];
            }
        }
    }
    return NULL;
}

int azl_identity_is(const char *source)
{
    const char *rest;

    return find_kind(source, &rest) != NULL;
}

int azl_identity_takes_scope(const char *source)
{
    const char *rest;
    const azl_identity_kind_t *kind = find_kind(source, &rest);

    return kind && kind->scope;
}

const char *azl_identity_shown(apr_pool_t *p, const char *source)
{
    const char *rest, *reference;
    const azl_identity_kind_t *kind = find_kind(source, &rest);

    if (!kind) {
        return strcmp(source, "none") == 0 ? source : "...";
    }
    if (rest && strchr(rest, '@')) {
        return apr_pstrcat(p, kind->name, ":...", NULL); /* a URL's user */
    }
    if (!kind->secret || !rest) {
        return source;
    }
    reference = strchr(rest, ':');
    return reference && (strncmp(reference, ":env:", 5) == 0 ||
                         strncmp(reference, ":file:", 6) == 0)
               ? source
               : apr_pstrcat(p, kind->name, ":...", NULL);
}

int azl_identity_changes(const azl_identity_t *id)
{
    return id->kind->remote || id->kind->changed;
}

/*
 * Fetching
 */

/* In how long to fetch again what is good for long; 0: not for that long. */
static apr_interval_time_t early(const azl_identity_value_t *value,
                                 apr_interval_time_t left)
{
    apr_interval_time_t wait = value->refresh_in;

    if (wait <= 0 || wait >= left) {
        wait = left > LONG_LIFE ? left / 2 : 0;
    }
    return wait -
           (apr_interval_time_t)(azl_random_u64() %
                                 (apr_uint64_t)(wait / JITTER_SHARE + 1));
}

static apr_time_t due_after(const azl_identity_value_t *value, apr_time_t now)
{
    apr_interval_time_t left = value->expires - now;
    apr_interval_time_t margin = left / MARGIN_SHARE;
    apr_interval_time_t wait;

    if (!value->expires) {
        /* looked at again after a while, or whenever it changes */
        return value->refresh_in ? now + early(value, APR_INT64_MAX) : 0;
    }
    wait = early(value, left);
    if (wait > 0) {
        return now + wait;
    }
    return value->expires - (margin < MARGIN_MAX ? margin : MARGIN_MAX);
}

void azl_identity_put(azl_identity_t *id, azl_identity_value_t *value,
                      apr_time_t renew_at)
{
    azl_identity_value_t *old;

    apr_thread_mutex_lock(id->mutex);
    old = id->value;
    if (value) {
        id->value = value;
        id->since = apr_time_now();
        id->refused = 0;
    }
    else {
        id->failures++;
    }
    id->renewing = 0;
    id->tried = 1;
    id->renew_at = renew_at;
    apr_thread_cond_broadcast(id->first);
    apr_thread_mutex_unlock(id->mutex);
    if (value && old) {
        apr_pool_destroy(old->pool);
    }
}

azl_identity_value_t *azl_identity_value(void)
{
    azl_identity_value_t *value;
    apr_pool_t *pool;

    /* Of no other pool: it comes and goes beside all of them. */
    apr_pool_create_unmanaged(&pool);
    apr_pool_tag(pool, "azurelit_identity");
    value = apr_pcalloc(pool, sizeof(*value));
    value->pool = pool;
    return value;
}

static const char *fetch(azl_identity_t *id, apr_pool_t *p, apr_time_t now)
{
    azl_identity_value_t *value = azl_identity_value();
    const char *problem;

    id->hopeless = 0;
    id->wait = -1;
    problem = id->kind->fetch(id, p, value);
    if (!problem && value->expires && value->expires <= now) {
        problem = "what was given out is not valid any more: is this "
                  "machine's clock right?";
    }
    if (problem) {
        apr_pool_destroy(value->pool);
        azl_identity_put(id, NULL, id->renew_at);
        return problem;
    }
    id->due = due_after(value, now);
    id->serial = apr_time_now();
    azl_identity_put(id, value, id->renew_at);
    return NULL;
}

static int has_gone_back(const azl_identity_t *id, apr_time_t now)
{
    return now < id->attempted - CLOCK_SLACK;
}

/* The endpoint does not take the value, though it should be good. If it does
 * not take the next one either, then another one will hardly help. */
static int wants_another(azl_identity_t *id, apr_time_t now)
{
    int wanted;

    apr_thread_mutex_lock(id->mutex);
    wanted = id->refused && (now >= id->renew_at || has_gone_back(id, now));
    apr_thread_mutex_unlock(id->mutex);
    return wanted;
}

/* ... so that the one after it comes later. */
static void calm_down(azl_identity_t *id, apr_time_t now)
{
    apr_thread_mutex_lock(id->mutex);
    id->calm = now - id->renew_at > CALM_LAST ? CALM_FIRST : 2 * id->calm;
    if (id->calm > CALM_LAST) {
        id->calm = CALM_LAST;
    }
    id->renew_at = now + id->calm;
    id->renewing = 1;
    apr_thread_mutex_unlock(id->mutex);
}

static int is_due(azl_identity_t *id, apr_pool_t *p, apr_time_t now)
{
    return (now >= id->due || has_gone_back(id, now)) &&
           (!id->kind->changed || id->kind->changed(id, p));
}

/* How long to leave it alone after a failure. */
static apr_interval_time_t next_patience(const azl_identity_t *id)
{
    apr_interval_time_t first = id->hopeless ? HOPELESS_FIRST : RETRY_FIRST;
    apr_interval_time_t last = id->hopeless ? HOPELESS_LAST : RETRY_LAST;
    apr_interval_time_t patience = 2 * id->patience;

    if (patience < first) {
        patience = first;
    }
    if (patience > last) {
        patience = last;
    }
    return id->wait > patience && id->wait <= WAIT_BELIEVED ? id->wait
                                                            : patience;
}

int azl_identity_due(azl_identity_t *id, apr_pool_t *p, apr_time_t now)
{
    return wants_another(id, now) || is_due(id, p, now);
}

azl_identity_result_e azl_identity_refresh(azl_identity_t *id, apr_pool_t *p,
                                           apr_time_t now,
                                           int (*stop)(void *baton),
                                           void *baton, const char **problem)
{
    int refused = wants_another(id, now);

    *problem = NULL;
    if (!refused && !is_due(id, p, now)) {
        return AZL_IDENTITY_IDLE;
    }
    if (refused) {
        calm_down(id, now);
    }
    id->attempted = now;
    id->stop = id->value ? stop : NULL;
    id->baton = baton;
    *problem = fetch(id, p, now);
    if (!*problem) {
        id->patience = 0;
        return AZL_IDENTITY_FRESH;
    }
    id->patience = next_patience(id);
    id->due = id->kind->remote ? now + id->patience : now;
    return AZL_IDENTITY_FAILED;
}

apr_size_t azl_identity_origin(const char *url)
{
    const char *scheme = strstr(url, "://");
    apr_size_t start = scheme ? (apr_size_t)(scheme - url) + 3 : 0;

    return start + strcspn(url + start, "/?");
}

/* tls-ca= and tls-verify= are about the endpoint's host. */
static int is_at_endpoint(const azl_identity_t *id, const char *url)
{
    apr_size_t len = azl_identity_origin(url);

    return id->setup.url && azl_identity_origin(id->setup.url) == len &&
           strncmp(id->setup.url, url, len) == 0;
}

const char *azl_identity_http(azl_identity_t *id, apr_pool_t *p,
                              azl_http_request_t *request,
                              azl_http_answer_t *got)
{
    const char *problem;

    request->verify = 1;
    if (is_at_endpoint(id, request->url)) {
        request->verify = id->setup.tls_verify;
        request->ca = id->setup.tls_ca;
    }
    request->connect_timeout = CONNECT_LIMIT;
    request->timeout = CALL_LIMIT;
    request->max = ANSWER_MAX;
    request->stop = id->stop;
    request->baton = id->baton;
    problem = azl_http_call(p, request, got);
    if (got->status == 429 || got->status == 503) {
        id->wait = got->retry_after;
    }
    return problem;
}

const char *azl_identity_call(azl_identity_t *id, apr_pool_t *p,
                              const char *method, const char *url,
                              const char *const *headers, azl_span_t *answer)
{
    azl_http_request_t request;
    azl_http_answer_t got;
    const char *problem;

    memset(&request, 0, sizeof(request));
    request.method = method;
    request.url = url;
    request.headers = headers;
    problem = azl_identity_http(id, p, &request, &got);
    if (!problem && got.status != 200) {
        problem = apr_psprintf(p, "the answer was %d", got.status);
    }
    *answer = got.body;
    return problem;
}

int azl_identity_is_word(const char *text)
{
    const char *at;

    for (at = text ? text : ""; (unsigned char)*at > ' ' && *at != 0x7f; at++) {
    }
    return text && *text && !*at;
}

const char *azl_identity_word(apr_pool_t *p, azl_span_t text)
{
    const char *word;

    while (text.len && apr_isspace(text.at[text.len - 1])) {
        text.len--;
    }
    while (text.len && apr_isspace(*text.at)) {
        text.at++;
        text.len--;
    }
    word = apr_pstrmemdup(p, text.at, text.len);
    return strlen(word) == text.len && azl_identity_is_word(word) ? word : NULL;
}

/*
 * Files
 */

int azl_identity_look(azl_identity_t *id, apr_pool_t *p,
                      azl_identity_file_t *now)
{
    apr_finfo_t info;

    memset(now, 0, sizeof(*now));
    if (apr_stat(&info, id->path,
                 APR_FINFO_MTIME | APR_FINFO_CTIME | APR_FINFO_SIZE |
                     APR_FINFO_INODE,
                 p) != APR_SUCCESS) {
        return 0;
    }
    now->mtime = info.mtime;
    now->ctime = info.ctime;
    now->size = info.size;
    now->inode = info.inode;
    return 1;
}

int azl_identity_file_changed(azl_identity_t *id, apr_pool_t *p)
{
    azl_identity_file_t now;

    return azl_identity_look(id, p, &now) &&
           memcmp(&now, &id->seen, sizeof(now)) != 0;
}

/*
 * The configuration
 */

static apr_status_t throw_away(void *baton)
{
    azl_identity_t *id = baton;

    if (id->value) {
        apr_pool_destroy(id->value->pool);
        id->value = NULL;
    }
    return APR_SUCCESS;
}

static const char *make_locks(azl_identity_t *id)
{
    if (apr_thread_mutex_create(&id->mutex, APR_THREAD_MUTEX_DEFAULT,
                                id->pool) != APR_SUCCESS ||
        apr_thread_cond_create(&id->first, id->pool) != APR_SUCCESS) {
        return "the system gave no lock";
    }
    apr_pool_cleanup_register(id->pool, id, throw_away, apr_pool_cleanup_null);
    return NULL;
}

static int takes(const azl_identity_kind_t *kind, const char *dialect)
{
    const char *const *one = kind->dialects;

    while (one && *one && dialect && strcmp(*one, dialect) != 0) {
        one++;
    }
    return !one || !dialect || *one != NULL;
}

/* What does not go together. */
static const char *check_setup(const azl_identity_t *id)
{
    const azl_identity_kind_t *kind = id->kind;
    const char *const *one;
    const char *names = "";

    if (kind->optional ? id->rest && !*id->rest
                       : (kind->form != NULL) != (id->rest && *id->rest)) {
        return apr_pstrcat(id->pool, "it must be ", kind->form, NULL);
    }
    if ((id->setup.region || id->setup.service) && !kind->place) {
        return "region= and service= are for credentials of AWS";
    }
    if (id->setup.token_url && !kind->token_url) {
        return "token-url= is for google:/path and databricks:...";
    }
    if (id->setup.scope && !kind->scope) {
        return "scope= is for credentials of Entra (managed-identity and its "
               "like)";
    }
    if ((id->setup.vault_credential || id->setup.reread) && !kind->vault) {
        return "vault-credential= and reread= are for keyvault:...";
    }
    if (!takes(kind, id->setup.dialect)) {
        for (one = kind->dialects; *one; one++) {
            names =
                apr_pstrcat(id->pool, names, *names ? ", " : "", *one, NULL);
        }
        return apr_pstrcat(id->pool, "it is for dialect= one of: ", names,
                           NULL);
    }
    return NULL;
}

const char *azl_identity_create(apr_pool_t *p,
                                const azl_identity_setup_t *setup,
                                azl_identity_t **identity)
{
    azl_identity_t *id = apr_pcalloc(p, sizeof(*id));
    const char *problem;

    id->pool = p;
    id->setup = *setup;
    id->kind = find_kind(setup->source, &id->rest);
    if (!id->kind) {
        return "there is no such kind of credential";
    }
    problem = check_setup(id);
    if (!problem) {
        problem = make_locks(id);
    }
    if (!problem && id->kind->configure) {
        problem = id->kind->configure(id);
    }
    if (!problem && !id->kind->remote) {
        problem = fetch(id, p, apr_time_now());
    }
    *identity = id;
    return problem;
}

void azl_identity_hosts(azl_identity_t *id, const char *authority,
                        const char *metadata)
{
    /* of those that have one */
    if (authority && id->authority) {
        id->authority = authority;
    }
    if (metadata && id->metadata) {
        id->metadata = metadata;
    }
    if (id->inner) {
        azl_identity_hosts(id->inner, authority, metadata);
    }
}

const char *azl_identity_authority(const azl_identity_t *id)
{
    return id->inner && !id->authority ? azl_identity_authority(id->inner)
                                       : id->authority;
}

const char *azl_identity_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/*
 * Requests
 */

static int is_valid(const azl_identity_value_t *value, apr_time_t now)
{
    return value && (!value->expires || value->expires > now);
}

int azl_identity_ready(azl_identity_t *id, apr_time_t now)
{
    apr_interval_time_t left;
    int ready;

    apr_thread_mutex_lock(id->mutex);
    if (!id->value && !id->tried && !id->first_by) {
        id->first_by = apr_time_now() + AZL_IDENTITY_WAIT;
    }
    while (!id->value && !id->tried &&
           (left = id->first_by - apr_time_now()) > 0) {
        apr_thread_cond_timedwait(id->first, id->mutex, left);
    }
    ready = is_valid(id->value, now);
    apr_thread_mutex_unlock(id->mutex);
    return ready;
}

int azl_identity_refused(azl_identity_t *id, apr_time_t sent)
{
    int news;

    apr_thread_mutex_lock(id->mutex);
    news = id->kind->remote && !id->refused && id->value && id->value->bearer &&
           sent >= id->since;
    if (news) {
        apr_time_t now = apr_time_now();

        /* not by each request anew: where none comes they would fail late, and
         * hold all threads meanwhile */
        id->renew_by =
            (now > id->renew_at ? now : id->renew_at) + AZL_IDENTITY_WAIT;
        id->refused = 1;
    }
    apr_thread_mutex_unlock(id->mutex);
    return news;
}

int azl_identity_renewed(azl_identity_t *id, apr_time_t sent)
{
    apr_interval_time_t left;
    int failures, renewed;

    apr_thread_mutex_lock(id->mutex);
    failures = id->failures;
    while (id->refused && id->failures == failures &&
           (left = id->renew_by - apr_time_now()) > 0 &&
           (id->renewing || apr_time_now() >= id->renew_at)) {
        apr_thread_cond_timedwait(id->first, id->mutex, left);
    }
    renewed = id->value && id->since > sent;
    apr_thread_mutex_unlock(id->mutex);
    return renewed;
}

static int copy_value(azl_identity_t *id, apr_pool_t *p, apr_time_t now,
                      azl_identity_value_t *copy)
{
    const azl_identity_value_t *value;
    int valid;

    memset(copy, 0, sizeof(*copy));
    apr_thread_mutex_lock(id->mutex);
    value = id->value;
    valid = is_valid(value, now);
    if (valid) {
        copy->aws.id = apr_pstrdup(p, value->aws.id);
        copy->aws.secret = azl_secret_lend(p, value->aws.secret);
        copy->aws.token = azl_secret_lend(p, value->aws.token);
        copy->bearer = azl_secret_lend(p, value->bearer);
    }
    apr_thread_mutex_unlock(id->mutex);
    return valid;
}

int azl_identity_is_key(const azl_identity_t *id)
{
    return id->kind->key;
}

const azl_secret_t *azl_identity_key(azl_identity_t *id, apr_pool_t *p,
                                     apr_time_t now)
{
    azl_identity_value_t value;

    return id->kind->key && copy_value(id, p, now, &value) ? value.bearer
                                                           : NULL;
}

int azl_identity_is_in(azl_identity_t *id, azl_span_t word)
{
    const azl_identity_value_t *value;
    int in;

    apr_thread_mutex_lock(id->mutex);
    value = id->value;
    in = value && (azl_secret_is_in(value->bearer, word) ||
                   azl_secret_is_in(value->aws.secret, word) ||
                   azl_secret_is_in(value->aws.token, word));
    apr_thread_mutex_unlock(id->mutex);
    return in;
}

apr_status_t azl_identity_authorize(azl_identity_t *id, apr_pool_t *p,
                                    const azl_identity_call_t *call,
                                    apr_time_t now, apr_table_t *headers)
{
    azl_identity_value_t value;

    if (!copy_value(id, p, now, &value)) {
        return APR_ENOENT;
    }
    return id->kind->authorize(id, p, &value, call, now, headers);
}
