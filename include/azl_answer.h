/*
 * azl_answer: what every answer of ours to a client has in common. Functions
 * on a request; no state.
 */
#ifndef AZL_ANSWER_H
#define AZL_ANSWER_H

#include <httpd.h>

#include "azl_buf.h"
#include "azl_error.h"
#include "azl_request.h"

/* Say, before the headers are sent, whether it is the connection's last
 * answer. */
void azl_answer_connection(request_rec *r);
/* x-request-id and the x-litellm-* headers, as far as they are known, and
 * azl_answer_connection(); once for each answer. */
void azl_answer_headers(request_rec *r, azl_request_t *ar);
/* Keep of an upstream's headers, those in r->headers_out, what is on the
 * allow-list, on top of `headers`, which takes their place; its length only if
 * the answer is passed on `unchanged`. */
void azl_answer_upstream_headers(request_rec *r, apr_table_t *headers,
                                 int unchanged);
/* Send a JSON document as the whole answer. OK. */
int azl_answer_json(request_rec *r, int status, const azl_buf_t *doc);
/* The error document in the form of the client's API; `ar` may be NULL. */
void azl_answer_error_write(azl_buf_t *doc, const azl_error_t *err,
                            const azl_request_t *ar);
/* Send an error. OK. */
int azl_answer_error(request_rec *r, azl_request_t *ar,
                     const azl_error_t *err);
/* The headers that go with an error; `headers` is the table to put them in. */
void azl_answer_error_headers(const azl_error_t *err, const azl_request_t *ar,
                              apr_table_t *headers);

#endif /* AZL_ANSWER_H */
