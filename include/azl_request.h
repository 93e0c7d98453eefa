/*
 * azl_request: everything we know of one request to the API.
 *
 * Made by the translate_name hook, found in r->request_config, lives in the
 * request's pool. Later hooks add to it: who calls, what is asked, which
 * deployments may serve it, what became of it. An internal redirect has a
 * request_rec of its own and no azl_request_t.
 */
#ifndef AZL_REQUEST_H
#define AZL_REQUEST_H

#include <httpd.h>

#include "azl_buf.h"
#include "azl_catalog.h"
#include "azl_conf.h"
#include "azl_document.h"
#include "azl_error.h"
#include "azl_json.h"
#include "azl_key.h"
#include "azl_record.h"
#include "azl_route.h"

/* "req_" and 32 hex digits, as api.openai.com's look. */
#define AZL_REQUEST_ID_LEN 36

typedef struct azl_attempt_t azl_attempt_t;

typedef struct azl_request_t {
    apr_pool_t *pool;          /* the request's */
    const azl_conf_t *conf;
    azl_route_t route;
    const char *id;
    const azl_key_t *key;      /* the caller; NULL: none or unknown */
    azl_buf_t *body_buf;       /* the body as read; given back on commit */
    azl_span_t body;           /* its content */
    azl_document_t doc;        /* of a model call */
    apr_pool_t *hub_pool;      /* of the next three (azl_translation.h); NULL:
                                  nothing is in it */
    const azl_json_t *client;  /* the client's document, to be translated */
    azl_document_t *hub_doc;   /* the hub's that an inbound made of it ... */
    const azl_json_t *hub;     /* ... to be translated again */
    int hub_plain;             /* it is for who knows OpenAI's members only */
    apr_array_header_t *hub_dropped; /* const char *: what was left out of it,
                                        in `pool`; NULL: nothing */
    const azl_model_t *model;  /* that was asked for */
    const azl_model_t *served; /* that is attempted, or has answered */
    int fallbacks;             /* models tried after the first */
    apr_array_header_t *failed_fallbacks; /* const char *: aliases of those
                                             that had no answer, either; NULL:
                                             none */
    apr_interval_time_t total_limit;       /* the client's own; 0: none */
    apr_interval_time_t first_token_limit; /* likewise, of a stream */
    const azl_deployment_t *pinned; /* only this one has the stored response */
    apr_uint64_t response_word; /* stands for a response that is made in the
                                   background; 0: none */
    const char *response_id;   /* the upstream's own, from a sealed one: the
                                  path's or previous_response_id */
    const char *sealed_id;     /* ... which is what the client calls it */
    int admitted;              /* counted as in flight */
    int refused;               /* `error` is the answer */
    azl_error_t error;
    azl_attempt_t *attempt;    /* while one is made */
    apr_table_t *base_headers; /* r->headers_out before any attempt */
    apr_table_t *client_headers; /* r->headers_in, while an attempt has its own
                                    there */
    int malformed;             /* events left out of the answer */
    int handed_on;             /* the answer, with its end, is with the filters
                                  that write it */
    int recorded;              /* write a usage record at log time */
    azl_record_t rec;
} azl_request_t;

/* NULL if the request is not ours. */
azl_request_t *azl_request_get(const request_rec *r);
/* Make it; *route is copied. */
azl_request_t *azl_request_create(request_rec *r, const azl_conf_t *conf,
                                  const azl_route_t *route);
/* Our answer to this request will have that status: no ErrorDocument is to be
 * looked for, least of all on another server. */
void azl_request_no_error_document(request_rec *r, int status);
/* 1 if the client left before it had the whole answer. */
int azl_request_client_gone(const request_rec *r, const azl_request_t *ar);
/* A new request id: "req_" and 128 random bits. */
const char *azl_request_new_id(apr_pool_t *p);
/* Refuse it: the error becomes the answer whoever sends it. */
void azl_request_refuse(azl_request_t *ar, const azl_error_t *err);
/* 32 uniform bits for the choice of candidates. */
apr_uint32_t azl_request_random(void *baton);

#endif /* AZL_REQUEST_H */
