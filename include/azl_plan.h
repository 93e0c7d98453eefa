/*
 * azl_plan: from a caller and a request to the deployments that may serve it.
 *
 * One function, called as soon as the caller is known. It reads the body, so
 * it may wait for the client.
 */
#ifndef AZL_PLAN_H
#define AZL_PLAN_H

#include "azl_request.h"

/* OK, whether the request was planned or refused (ar->refused); or a status
 * for httpd when the client's body could not be read. */
int azl_plan(request_rec *r, azl_request_t *ar);

/* Read the whole body into ar->body_buf, at most conf->max_body bytes.
 * OK, HTTP_REQUEST_ENTITY_TOO_LARGE, or what reading it came to. */
int azl_body_read(request_rec *r, azl_request_t *ar);

#endif /* AZL_PLAN_H */
