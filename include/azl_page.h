/*
 * azl_page: what the operator sees of the whole gateway. Answers /metrics and
 * /health; a section of mod_status. Stateless.
 */
#ifndef AZL_PAGE_H
#define AZL_PAGE_H

#include "azl_request.h"

/* azl_metrics_page.c */
int azl_page_metrics(request_rec *r, azl_request_t *ar);
/* azl_model_info.c: what a key may use; for the master key with its place */
int azl_page_model_info(request_rec *r, azl_request_t *ar);
/* azl_health_page.c */
int azl_page_health(request_rec *r, azl_request_t *ar);

/* azl_status.c */
void azl_status_register_hooks(void);

#endif /* AZL_PAGE_H */
