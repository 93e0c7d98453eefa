/*
 * By which way each operation reaches a deployment: in the client's own
 * language where the upstream has it, else through the hub form.
 */
#include "azl_dialect_int.h"
#include "azl_messages_int.h"
#include "azl_responses_int.h"

const azl_inbound_t *azl_inbound_of(azl_op_e op)
{
    switch (op) {
    case AZL_OP_RESPONSES:
        return &azl_inbound_responses;
    case AZL_OP_MESSAGES:
        return &azl_inbound_messages;
    case AZL_OP_COUNT_TOKENS:
        return &azl_inbound_count_tokens;
    default:
        return NULL;
    }
}

/* Does the upstream take this operation's document as it is? */
static int is_native(const azl_deployment_t *d, azl_op_e op)
{
    return op == AZL_OP_RESPONSES ? !d->chat_only : !d->responses_only;
}

/* A chat at a deployment that has only Responses. */
static int find_bridge(apr_pool_t *p, const azl_deployment_t *d, azl_way_t *way)
{
    way->op = AZL_OP_CHAT;
    way->outbound = &azl_outbound_responses;
    way->url = d->endpoint->dialect->url(p, d, AZL_OP_RESPONSES, NULL, NULL);
    way->stream_url = way->url;
    return way->url != NULL;
}

/* The document is the client's own, or the hub's. */
static int find_way(apr_pool_t *p, const azl_deployment_t *d, azl_op_e op,
                    azl_way_t *way)
{
    const azl_dialect_t *dialect = d->endpoint->dialect;

    if (!is_native(d, op)) {
        return op == AZL_OP_CHAT && find_bridge(p, d, way);
    }
    way->op = op;
    way->outbound = dialect->outbound ? dialect->outbound(d, op) : NULL;
    way->url = dialect->url(p, d, op, NULL, NULL);
    way->stream_url =
        dialect->stream_url ? dialect->stream_url(p, d, op) : way->url;
    return way->url != NULL;
}

/* Another way for what the deployment takes as a chat, if it has Responses
 * beside it. */
static void find_detour(const azl_way_t *way, const azl_way_t *responses,
                        azl_way_t *detour)
{
    if (way->url && way->op == AZL_OP_CHAT && !way->outbound &&
        responses->url && !responses->inbound && !responses->outbound) {
        detour->op = AZL_OP_CHAT;
        detour->inbound = way->inbound;
        detour->outbound = &azl_outbound_responses;
        detour->url = responses->url;
        detour->stream_url = responses->url;
    }
}

azl_way_t *azl_dialect_ways(apr_pool_t *p, const azl_deployment_t *d)
{
    azl_way_t *ways = apr_pcalloc(p, sizeof(*ways) * 2 * AZL_WAY_DETOUR);
    int op;

    for (op = AZL_OP_NONE + 1; op <= AZL_OP_LAST_MODEL_CALL; ++op) {
        azl_way_t *way = &ways[op];
        const azl_inbound_t *inbound = azl_inbound_of((azl_op_e)op);

        if (!find_way(p, d, (azl_op_e)op, way) && inbound && inbound->request) {
            *way = ways[AZL_OP_CHAT]; /* the first one that was found */
            way->inbound = inbound;
        }
    }
    for (op = AZL_OP_NONE + 1; op <= AZL_OP_LAST_MODEL_CALL; ++op) {
        find_detour(&ways[op], &ways[AZL_OP_RESPONSES],
                    &ways[AZL_WAY_DETOUR + op]);
    }
    return ways;
}
