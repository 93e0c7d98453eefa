/*
 * azl_bedrock_invoke: the operations of Bedrock that Converse has not.
 */
#ifndef AZL_BEDROCK_INVOKE_INT_H
#define AZL_BEDROCK_INVOKE_INT_H

#include "azl_dialect_int.h"

/* What stands before the region in the host of the agents' runtime. */
#define AZL_BEDROCK_AGENTS "bedrock-agent-runtime."

/* The endpoint is the agents' runtime, which has nothing but Rerank. */
int azl_bedrock_is_agents(const azl_endpoint_t *e);
/* How the deployment is asked for embeddings or rerank; NULL: it has it not. */
const azl_outbound_t *azl_bedrock_invoked(const azl_deployment_t *d,
                                          azl_op_e op);

#endif /* AZL_BEDROCK_INVOKE_INT_H */
