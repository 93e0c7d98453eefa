/*
 * bedrock_fixture: one exchange with Converse. JSON is written with single
 * quotes, as in dialect_fixture.h.
 */
#ifndef BEDROCK_FIXTURE_H
#define BEDROCK_FIXTURE_H

#include "azl_bedrock_int.h"
#include "exchange_fixture.h"

#define BEDROCK "https://bedrock-runtime.us-east-1.amazonaws.com"

static inline const azl_outbound_t *converse_of(const azl_deployment_t *d)
{
    return d->endpoint->dialect->outbound(d, AZL_OP_CHAT);
}

static inline azl_exchange_t *bedrock_in(apr_pool_t *p, const char *family)
{
    azl_exchange_t *ex =
        exchange_in(p, deployment_at("bedrock", BEDROCK, NULL, "m"));

    ex->family = family;
    return ex;
}

/* The request upstream from the client's; NULL: it is refused. */
static inline const char *bedrock_asks(azl_exchange_t *ex, const char *chat,
                                       azl_error_t *err)
{
    azl_buf_t *out = azl_buf_create(ex->pool, EXCHANGE_OUT_MAX);

    ex->hub = tree_of(ex->pool, quoted(chat));
    memset(err, 0, sizeof(*err));
    if (!converse_of(ex->deployment)->request(ex, out, err)) {
        return NULL;
    }
    tree_of(ex->pool, azl_buf_pstr(out, ex->pool));
    return azl_buf_pstr(out, ex->pool);
}

#endif /* BEDROCK_FIXTURE_H */
