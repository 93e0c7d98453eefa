/*
 * azl_http: a single HTTP call, for what is not on a request's path: probes of
 * deployments, and azurelitctl. Calls for clients go through mod_proxy.
 *
 * The facade of libcurl; src/core/azl_http.c is the only file that includes
 * it. It follows no redirect, keeps no connection and no cookie, and heeds no
 * proxy of the environment. Blocks its thread for at most `timeout`.
 */
#ifndef AZL_HTTP_H
#define AZL_HTTP_H

#include <apr_pools.h>
#include <apr_time.h>

#include "azl_span.h"

typedef struct azl_http_request_t {
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value", up to NULL; NULL: none */
    azl_span_t body;            /* empty: GET, else POST */
    const char *method;         /* another one; NULL: as the body says */
    const char *ca;             /* PEM file; NULL: what the system trusts */
    int verify;                 /* the certificate, for https */
    apr_interval_time_t connect_timeout;
    apr_interval_time_t timeout; /* of everything */
    apr_size_t max;              /* of the answer's body; 0: it is not wanted */
    int (*stop)(void *baton);    /* asked now and then: not 0: give up; NULL */
    void *baton;
} azl_http_request_t;

typedef struct azl_http_answer_t {
    int status;                      /* 0: none */
    azl_span_t body;                 /* in the pool */
    const char *etag; /* in the pool, without spaces; NULL: none */
    apr_interval_time_t took;
    apr_interval_time_t retry_after; /* -1: not said */
} azl_http_answer_t;

/* Can calls be made? Opens libcurl, which the first call does too. */
apr_status_t azl_http_init(void);
/* The host of a URL if others can read, and change, what is said there: it is
 * http, and not on this machine. NULL: they cannot. */
const char *azl_http_open_host(apr_pool_t *p, const char *url);
/* NULL and the answer, whatever its status; or why there is none, in words
 * that tell neither the URL nor anything that was sent. */
const char *azl_http_call(apr_pool_t *p, const azl_http_request_t *request,
                          azl_http_answer_t *answer);

#endif /* AZL_HTTP_H */
