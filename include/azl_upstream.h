/*
 * azl_upstream: the connections to one endpoint, by mod_proxy.
 *
 * One for each endpoint, made when the configuration is complete (post_config)
 * and ready in each child after azl_upstream_child_init(); lives until the
 * next restart. It owns a proxy_worker (connection pool, DNS, timeouts) and,
 * for https, a section of mod_ssl settings, so that what TLS demands is this
 * endpoint's business and not that of directives somewhere else.
 * src/httpd/azl_upstream.c is the only file that includes mod_proxy.h.
 */
#ifndef AZL_UPSTREAM_H
#define AZL_UPSTREAM_H

#include <httpd.h>

#include "azl_catalog.h"
#include "azl_request.h"

typedef struct azl_upstream_t azl_upstream_t;

/* What became of a call, before anybody looked at the answer. */
typedef enum {
    AZL_CALL_ANSWERED = 0, /* an answer went through the output filters, whole
                              or not: the reply filter knows */
    AZL_CALL_FAILED,       /* no answer: refused, reset, TLS, garbage */
    AZL_CALL_NO_CREDENTIAL, /* it was not asked, for want of one */
    AZL_CALL_TIMED_OUT,    /* no answer in time */
    AZL_CALL_CLIENT_GONE
} azl_call_e;

/* NULL, or what is wrong; only what a configuration check can find out. */
const char *azl_upstream_check_modules(const azl_endpoint_t *ep,
                                       apr_pool_t *p);
/* `sections` is empty at first: what endpoints of one server that are made one
 * after the other have in common is made once. */
const char *azl_upstream_create(azl_endpoint_t *ep, apr_hash_t *sections,
                                apr_pool_t *pconf, apr_pool_t *ptemp,
                                apr_pool_t *plog, server_rec *s);
/* Prepare its settings for the requests of a server. */
void azl_upstream_serve(azl_endpoint_t *ep, apr_pool_t *pconf, server_rec *s);
const char *azl_upstream_child_init(azl_endpoint_t *ep, apr_pool_t *pchild,
                                    server_rec *s);
/* A deployment whose connect limit is its own has a worker of its own. */
const char *azl_upstream_create_own(azl_deployment_t *d, apr_pool_t *pconf);
const char *azl_upstream_child_init_own(azl_deployment_t *d,
                                        apr_pool_t *pchild, server_rec *s);
/*
 * Send the request of ar->attempt and pass the answer to r->output_filters.
 * The body is what r->input_filters give, the method is that of r. Upstream
 * learns of no header but the media types and the credential. `fresh`: not on
 * a connection of the pool.
 */
azl_call_e azl_upstream_call(request_rec *r, azl_request_t *ar, const char *url,
                             int fresh);

#endif /* AZL_UPSTREAM_H */
