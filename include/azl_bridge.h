/*
 * azl_bridge: which way a request takes to a deployment, if there are two.
 *
 * Some models refuse chats, or chats with tools, and take the same as
 * Responses. Some of them are known by name; of others it is learnt from their
 * refusal, and remembered for a while by all processes (azl_health.h).
 */
#ifndef AZL_BRIDGE_H
#define AZL_BRIDGE_H

#include "azl_dialect.h"
#include "azl_request.h"

/* The way of a model call there, now. Never NULL; it may have no URL. */
const azl_way_t *azl_bridge_way(const azl_request_t *ar,
                                const azl_deployment_t *d);
/* It was taken, and `err` came: the way to take at once instead, or NULL. */
const azl_way_t *azl_bridge_after(request_rec *r, const azl_request_t *ar,
                                  const azl_deployment_t *d,
                                  const azl_way_t *taken,
                                  const azl_error_t *err);

#endif /* AZL_BRIDGE_H */
