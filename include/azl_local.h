/*
 * azl_local: what is answered here, without an upstream: the list of models,
 * the health of this process, what the operator sees (azl_page.h). Stateless.
 */
#ifndef AZL_LOCAL_H
#define AZL_LOCAL_H

#include "azl_request.h"

/* OK, or DECLINED if the operation is none of these. */
int azl_local_answer(request_rec *r, azl_request_t *ar);
/* 1 if no key is needed: whom httpd lets through may ask. */
int azl_local_is_open(const azl_request_t *ar);

#endif /* AZL_LOCAL_H */
