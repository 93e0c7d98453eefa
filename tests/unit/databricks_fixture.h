/*
 * databricks_fixture: one exchange with a serving endpoint of Databricks. JSON
 * is written with single quotes, as in dialect_fixture.h.
 */
#ifndef DATABRICKS_FIXTURE_H
#define DATABRICKS_FIXTURE_H

#include "azl_databricks_int.h"
#include "translation_fixture.h"

#define CLAUDE "claude-sonnet-4-5"
#define NEWEST "claude-opus-5"

static inline azl_exchange_t *asking(const char *family, const char *hub)
{
    azl_deployment_t *d = deployment_at("databricks", "https://h", NULL, "up");

    return exchange_with(d, family, hub);
}

static inline const azl_outbound_t *chats(void)
{
    azl_deployment_t *d = deployment_at("databricks", "https://h", NULL, "up");

    return d->endpoint->dialect->outbound(d, AZL_OP_CHAT);
}

#define CALL(id, arguments)                                                    \
    "{'id':'" id                                                               \
    "','type':'function','function':{'name':'f','arguments':" arguments "}}"

#endif /* DATABRICKS_FIXTURE_H */
