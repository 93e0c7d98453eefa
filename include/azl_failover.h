/*
 * azl_failover: which attempts are made for a request, until one answers.
 *
 * The stages are the model that was asked for and then its fallbacks; in each
 * the deployments are tried in the order of azl_routing.h, no more than
 * AzureLITRetry beyond the first. Between attempts the client has seen
 * nothing.
 *
 * What is repeated: an answer that says "not done" (408, 429, 500 to 504,
 * 529), and a request that never was on the wire whole, may be tried at another
 * deployment or again at the same. A request that was sent and got no answer
 * may have been executed: it goes to another deployment, never again to the
 * same one, and with `background` (the provider goes on by itself) nowhere. An
 * exception is a pooled connection that the upstream had closed while it was
 * idle, which shows at once: nothing was read there, and the request is sent
 * once more, on a new connection.
 */
#ifndef AZL_FAILOVER_H
#define AZL_FAILOVER_H

#include "azl_request.h"

/* Make attempts until one commits or none is left, and answer the client.
 * OK or a status for httpd. */
int azl_failover_run(request_rec *r, azl_request_t *ar);

#endif /* AZL_FAILOVER_H */
