#include "azl_upstream.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_request.h>
#include <util_cfgtree.h>

#include <mod_proxy.h>

#include "azl_attempt.h"
#include "azl_dialect.h"
#include "azl_hooks.h"
#include "azl_credential.h"
#include "azl_httpd.h"
#include "azl_identity.h"
#include "azl_translation.h"
#include "azl_watch.h"

/* Azure's load balancers drop an idle connection after 4 minutes without a
 * word; a pooled one must be gone before that. */
#define POOLED_IDLE_TTL apr_time_from_sec(100)
/* Front ends move; DNS is asked again after this many seconds. */
#define ADDRESS_TTL_SECONDS 60
/* Root, intermediates, leaf: mod_ssl's default of 1 refuses every public
 * chain. */
#define TLS_VERIFY_DEPTH "8"
/* Where mod_proxy_http keeps a request body between two calls; what an attempt
 * that never connected left there would be sent by the next one. An internal
 * name of mod_proxy_http: a gateway test watches it. */
#define PROXY_BODY_USERDATA "proxy-req-input"

struct azl_upstream_t {
    proxy_worker *worker;
    /* The same without a pool, for a request whose pooled connection turned
     * out to be dead. */
    proxy_worker *unpooled;
    /* What <Proxy> would hold for this endpoint, and all that are like it:
     * mod_ssl's settings, and mod_proxy's in place of those for other sites. */
    ap_conf_vector_t *section;
    /* The section merged into what holds for all of a server, by the address
     * of that: made once for requests without a section of their own. */
    apr_hash_t *merged;
};

const char *azl_upstream_check_modules(const azl_endpoint_t *ep, apr_pool_t *p)
{
    if (!ap_find_linked_module("mod_proxy_http.c")) {
        return apr_psprintf(p,
                            "%s: AzureLITEndpoint %s: mod_proxy_http is "
                            "not loaded; add LoadModule proxy_http_module "
                            "(on Debian: a2enmod proxy_http)",
                            ep->where, ep->name);
    }
    if (ep->tls && !ap_find_linked_module("mod_ssl.c")) {
        return apr_psprintf(p,
                            "%s: AzureLITEndpoint %s: mod_ssl is not "
                            "loaded, but the URL is https; add LoadModule "
                            "ssl_module (on Debian: a2enmod ssl)",
                            ep->where, ep->name);
    }
    return NULL;
}

/*
 * Settings for this endpoint, made the way <Proxy> makes them: a list of
 * directives walked into a section of their own.
 */
static const char *walk_directives(azl_upstream_t *up, const azl_endpoint_t *ep,
                                   const char *const lines[][2],
                                   apr_pool_t *pconf, apr_pool_t *ptemp,
                                   server_rec *s)
{
    ap_directive_t *first = NULL;
    ap_directive_t **tail = &first;
    cmd_parms parms;
    int i;

    for (i = 0; lines[i][0]; i++) {
        ap_directive_t *dir = apr_pcalloc(ptemp, sizeof(*dir));

        dir->directive = lines[i][0];
        dir->args = lines[i][1];
        dir->filename = ep->where;
        *tail = dir;
        tail = &dir->next;
    }
    memset(&parms, 0, sizeof(parms));
    parms.override = OR_ALL | ACCESS_CONF | PROXY_CONF;
    parms.override_opts = OPT_ALL;
    parms.pool = pconf;
    parms.temp_pool = ptemp;
    parms.server = s;
    parms.path = (char *)ep->url;
    return ap_walk_config(first, &parms, up->section);
}

static const char *create_tls(azl_upstream_t *up, const azl_endpoint_t *ep,
                              apr_pool_t *pconf, apr_pool_t *ptemp,
                              apr_pool_t *plog, server_rec *s)
{
    const char *const verified[][2] = {
        {"SSLProxyEngine", "on"},
        {"SSLProxyProtocol", "-all +TLSv1.2 +TLSv1.3"},
        {"SSLProxyVerify", "require"},
        {"SSLProxyVerifyDepth", TLS_VERIFY_DEPTH},
        {"SSLProxyCACertificateFile",
         apr_pstrcat(ptemp, "\"", ep->tls_ca, "\"", NULL)},
        {"SSLProxyCheckPeerName", "on"},
        {"SSLProxyCheckPeerExpire", "on"},
        {NULL, NULL}};
    static const char *const unverified[][2] = {
        {"SSLProxyEngine", "on"},
        {"SSLProxyVerify", "none"},
        {"SSLProxyCheckPeerName", "off"},
        {"SSLProxyCheckPeerExpire", "off"},
        {NULL, NULL}};
    const char *err;
    int rc;

    err = walk_directives(up, ep, ep->tls_verify ? verified : unverified, pconf,
                          ptemp, s);
    if (err) {
        return err;
    }
    rc = proxy_run_section_post_config(pconf, plog, ptemp, s, up->section);
    return rc == OK || rc == DECLINED ? NULL
                                      : "mod_ssl refused the TLS settings; "
                                        "see the messages before this one";
}

/* Microseconds, but mod_proxy's own timeout has a resolution of seconds. */
static void set_worker_limits(proxy_worker *worker, const azl_endpoint_t *ep,
                              apr_interval_time_t connect)
{
    worker->s->timeout = ep->timeout;
    worker->s->timeout_set = 1;
    worker->s->conn_timeout = connect;
    worker->s->conn_timeout_set = 1;
    worker->s->ttl = POOLED_IDLE_TTL;
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 130)
    /* before 2.4.59 an address is kept until it fails */
    worker->s->address_ttl = ADDRESS_TTL_SECONDS;
    worker->s->address_ttl_set = 1;
#endif
    worker->s->keepalive = 1;
    worker->s->keepalive_set = 1;
}

static const char *create_workers(azl_upstream_t *up, const azl_endpoint_t *ep,
                                  apr_interval_time_t connect,
                                  apr_pool_t *pconf)
{
    const char *err;

    err = ap_proxy_define_worker(pconf, &up->worker, NULL, NULL, ep->url, 0);
    if (err) {
        return err;
    }
    set_worker_limits(up->worker, ep, connect);
    err = ap_proxy_define_worker(pconf, &up->unpooled, NULL, NULL, ep->url, 0);
    if (err) {
        return err;
    }
    set_worker_limits(up->unpooled, ep, connect);
    up->unpooled->s->disablereuse = 1;
    up->unpooled->s->disablereuse_set = 1;
    return NULL;
}

/* Authorities are some hundred certificates, which are not read again for each
 * endpoint: hundreds of those would hold up a restart for many seconds. */
static const char *create_section(azl_upstream_t *up, const azl_endpoint_t *ep,
                                  apr_hash_t *sections, apr_pool_t *pconf,
                                  apr_pool_t *ptemp, apr_pool_t *plog,
                                  server_rec *s)
{
    /* With the first our Host would be the client's, with the second an
     * upstream's error would lose its body before we read it. What the third
     * adds would be taken out again. */
    static const char *const proxy[][2] = {{"ProxyPreserveHost", "Off"},
                                           {"ProxyErrorOverride", "Off"},
                                           {"ProxyAddHeaders", "Off"},
                                           {NULL, NULL}};
    /* a path, or what is none */
    const char *kind = !ep->tls          ? "no TLS"
                       : !ep->tls_verify ? "unverified"
                                         : ep->tls_ca;
    const azl_upstream_t *like =
        apr_hash_get(sections, kind, APR_HASH_KEY_STRING);
    const char *err;

    if (like) {
        up->section = like->section;
        up->merged = like->merged;
        return NULL;
    }
    up->merged = apr_hash_make(pconf);
    up->section = ap_create_per_dir_config(pconf);
    err = walk_directives(up, ep, proxy, pconf, ptemp, s);
    if (!err && ep->tls) {
        err = create_tls(up, ep, pconf, ptemp, plog, s);
    }
    apr_hash_set(sections, kind, APR_HASH_KEY_STRING, up);
    return err;
}

const char *azl_upstream_create(azl_endpoint_t *ep, apr_hash_t *sections,
                                apr_pool_t *pconf, apr_pool_t *ptemp,
                                apr_pool_t *plog, server_rec *s)
{
    azl_upstream_t *up = apr_pcalloc(pconf, sizeof(*up));
    const char *err = create_workers(up, ep, ep->connect_timeout, pconf);

    ep->upstream = up;
    return err ? err : create_section(up, ep, sections, pconf, ptemp, plog, s);
}

void azl_upstream_serve(azl_endpoint_t *ep, apr_pool_t *pconf, server_rec *s)
{
    apr_hash_t *merged = ep->upstream->merged;

    if (apr_hash_get(merged, &s->lookup_defaults, sizeof(s->lookup_defaults))) {
        return;
    }
    apr_hash_set(
        merged,
        apr_pmemdup(pconf, &s->lookup_defaults, sizeof(s->lookup_defaults)),
        sizeof(s->lookup_defaults),
        ap_merge_per_dir_configs(pconf, s->lookup_defaults,
                                 ep->upstream->section));
}

const char *azl_upstream_create_own(azl_deployment_t *d, apr_pool_t *pconf)
{
    azl_upstream_t *up = apr_pcalloc(pconf, sizeof(*up));

    up->section = d->endpoint->upstream->section;
    up->merged = d->endpoint->upstream->merged;
    d->upstream = up;
    return create_workers(up, d->endpoint, d->limits.connect, pconf);
}

static const char *init_workers(azl_upstream_t *up, apr_pool_t *pchild,
                                server_rec *s)
{
    apr_status_t rv = ap_proxy_initialize_worker(up->worker, s, pchild);

    if (rv == APR_SUCCESS) {
        rv = ap_proxy_initialize_worker(up->unpooled, s, pchild);
    }
    return rv == APR_SUCCESS ? NULL : "the connection pool could not be made";
}

const char *azl_upstream_child_init(azl_endpoint_t *ep, apr_pool_t *pchild,
                                    server_rec *s)
{
    return init_workers(ep->upstream, pchild, s);
}

const char *azl_upstream_child_init_own(azl_deployment_t *d, apr_pool_t *pchild,
                                        server_rec *s)
{
    return init_workers(d->upstream, pchild, s);
}

/* For a credential that is not just written there, but signs the request or
 * has been fetched. */
static void authorize(request_rec *r, azl_attempt_t *at)
{
    azl_identity_call_t call;
    apr_status_t rv;

    call.method = r->method;
    call.url = at->url;
    call.host = apr_table_get(r->headers_in, "Host");
    call.content_type = apr_table_get(r->headers_in, "Content-Type");
    call.body = at->body.pieces;
    call.npieces = at->body.npieces;
    rv = azl_credential_set(r->pool, at->deployment->endpoint, &call,
                            r->headers_in);
    if (at->deployment->endpoint->identity) {
        at->authorized = apr_time_now();
    }
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      AZLNO(0104) "%s: a request to endpoint %s could not be "
                                  "authorized",
                      at->ar->id, at->deployment->endpoint->name);
    }
}

/*
 * The request line and headers are about to be written: r->headers_in is
 * mod_proxy's copy and thrown away afterwards. What we put there was minimal,
 * mod_proxy has added X-Forwarded-* and Via; nothing of that is the
 * upstream's business. The credential exists from here to the wire.
 */
static int proxy_fixups(request_rec *r)
{
    azl_request_t *ar = azl_request_get(r);
    const azl_endpoint_t *ep;
    const char *name, *value;

    if (!ar || !ar->attempt) {
        return DECLINED;
    }
    apr_table_unset(r->headers_in, "X-Forwarded-For");
    apr_table_unset(r->headers_in, "X-Forwarded-Host");
    apr_table_unset(r->headers_in, "X-Forwarded-Server");
    apr_table_unset(r->headers_in, "Via");
    apr_table_unset(r->headers_in, "Proxy-Authorization");
    ep = ar->attempt->deployment->endpoint;
    if (ep->identity) {
        authorize(r, ar->attempt);
    }
    else if (ep->credential) {
        azl_dialect_credential(r->pool, ep, ep->credential, &name, &value);
        apr_table_setn(r->headers_in, name, value);
    }
    return OK;
}

/* The request is out, the answer is about to be read from this connection. */
static int proxy_create_req(request_rec *r, request_rec *answer)
{
    azl_request_t *ar = azl_request_get(r);

    if (!ar || !ar->attempt) {
        return DECLINED;
    }
    ar->attempt->sent = 1;
    azl_watch_begin(ar->attempt, answer);
    return OK;
}

void azl_upstream_register_hooks(void)
{
    APR_OPTIONAL_HOOK(proxy, create_req, proxy_create_req, NULL, NULL,
                      APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(proxy, fixups, proxy_fixups, NULL, NULL, APR_HOOK_LAST);
}

/* Of the client's headers, this one goes on. */
static void pass_header(request_rec *r, apr_table_t *headers, const char *name)
{
    const char *value = apr_table_get(r->headers_in, name);

    if (value) {
        apr_table_addn(headers, name, value);
    }
}

static apr_table_t *upstream_headers(request_rec *r, const azl_request_t *ar)
{
    const azl_dialect_t *dialect = ar->attempt->deployment->endpoint->dialect;
    apr_table_t *headers = apr_table_make(r->pool, 8);

    if (azl_translation_needed(ar->attempt)) {
        apr_table_addn(headers, "Accept",
                       ar->doc.stream ? azl_translation_stream_type(ar->attempt)
                                      : "application/json");
    }
    else {
        pass_header(r, headers, "Accept");
        pass_header(r, headers, "OpenAI-Beta");
    }
    pass_header(r, headers, "User-Agent");
    if (dialect->headers) {
        dialect->headers(ar->attempt->deployment, ar->route.op, r->headers_in,
                         headers);
    }
    if (ar->doc.body.len && !ar->doc.multipart) {
        /* it was read as JSON, whatever the client called it */
        apr_table_addn(headers, "Content-Type", "application/json");
    }
    else {
        pass_header(r, headers, "Content-Type");
    }
    if (r->method_number == M_POST) {
        /* mod_proxy puts the true length in its place */
        apr_table_addn(headers, "Content-Length", "0");
    }
    return headers;
}

/* Everything a former attempt may have left behind that mod_proxy_http or the
 * filters would take for this one's. */
static void reset_for_call(request_rec *r, azl_request_t *ar)
{
    static const char *const notes[] = {
        "proxy-status",         "proxy_timedout",
        "proxy-error-override", "error-notes",
        "verbose-error-to",     "proxy-100-continue",
        "proxy-source-port",    NULL};
    void *body = NULL;
    int i;

    apr_pool_userdata_get(&body, PROXY_BODY_USERDATA, r->pool);
    if (body) {
        apr_brigade_cleanup(body);
        apr_pool_userdata_setn(NULL, PROXY_BODY_USERDATA, NULL, r->pool);
    }
    for (i = 0; notes[i]; i++) {
        apr_table_unset(r->notes, notes[i]);
    }
    r->headers_out = apr_table_copy(r->pool, ar->base_headers);
    apr_table_clear(r->trailers_out);
    apr_table_unset(r->err_headers_out, "WWW-Authenticate");
    r->status = HTTP_OK;
    r->status_line = NULL;
    r->content_type = NULL;
    r->content_encoding = NULL;
    r->content_languages = NULL;
    r->no_cache = 0;
    r->sent_bodyct = 0;
    r->chunked = 0;
    r->clength = 0;
}

/* Few sections have settings that would matter to us. */
static int has_foreign_settings(const ap_conf_vector_t *dir_config)
{
    const proxy_dir_conf *proxy =
        ap_get_module_config(dir_config, &proxy_module);

    return proxy && (proxy->preserve_host || proxy->error_override);
}

/* The request's configuration with the endpoint's section in it. Merging costs
 * as much as a good part of the request: it is done here only for requests of
 * a <Location> or its like. */
static ap_conf_vector_t *endpoint_config(request_rec *r,
                                         const azl_upstream_t *up, int tls)
{
    ap_conf_vector_t *config =
        apr_hash_get(up->merged, &r->per_dir_config, sizeof(r->per_dir_config));

    if (config) {
        return config;
    }
    if (tls || has_foreign_settings(r->per_dir_config)) {
        return ap_merge_per_dir_configs(r->pool, r->per_dir_config,
                                        up->section);
    }
    return r->per_dir_config;
}

/* A token can be taken back before its time. Databricks answers 403 then, the
 * others 401. */
static void heed_refusal(request_rec *r, const azl_attempt_t *at)
{
    const azl_endpoint_t *e = at->deployment->endpoint;

    if ((at->status == HTTP_UNAUTHORIZED || at->status == HTTP_FORBIDDEN) &&
        e->identity && azl_identity_refused(e->identity, at->authorized)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      AZLNO(0110) "%s: endpoint %s refuses its token (%d), "
                                  "another one is fetched",
                      at->ar->id, e->name, at->status);
    }
}

azl_call_e azl_upstream_call(request_rec *r, azl_request_t *ar, const char *url,
                             int fresh)
{
    proxy_server_conf *conf =
        ap_get_module_config(r->server->module_config, &proxy_module);
    const azl_deployment_t *d = ar->attempt->deployment;
    const azl_upstream_t *up =
        d->upstream ? d->upstream : d->endpoint->upstream;
    ap_conf_vector_t *dir_config = r->per_dir_config;
    int rc;

    if (d->endpoint->identity &&
        !azl_identity_ready(d->endpoint->identity, apr_time_now())) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      AZLNO(0103) "%s: endpoint %s has no valid credentials "
                                  "and is not asked",
                      ar->id, d->endpoint->name);
        return AZL_CALL_NO_CREDENTIAL;
    }
    ar->attempt->url = url;
    if (ar->rec.attempts > 1) {
        reset_for_call(r, ar);
    }
    ar->client_headers = r->headers_in;
    r->headers_in = upstream_headers(r, ar);
    r->per_dir_config = endpoint_config(r, up, d->endpoint->tls);
    apr_table_setn(r->subprocess_env, "proxy-interim-response", "Suppress");
    r->proxyreq = PROXYREQ_REVERSE;

    azl_watch_expect(ar->attempt);
    rc = proxy_run_scheme_handler(r, fresh ? up->unpooled : up->worker, conf,
                                  (char *)url, NULL, 0);

    azl_watch_expect(NULL);
    r->proxyreq = PROXYREQ_NONE;
    r->per_dir_config = dir_config;
    r->headers_in = ar->client_headers;
    heed_refusal(r, ar->attempt);
    if (azl_request_client_gone(r, ar)) {
        return AZL_CALL_CLIENT_GONE;
    }
    if (apr_table_get(r->notes, "proxy-status")) {
        return AZL_CALL_ANSWERED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  AZLNO(0020) "%s: no answer from endpoint %s (%d)", ar->id,
                  d->endpoint->name, rc);
    return apr_table_get(r->notes, "proxy_timedout") ? AZL_CALL_TIMED_OUT
                                                     : AZL_CALL_FAILED;
}
