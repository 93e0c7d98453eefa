/*
 * azl_dialect: how one kind of upstream is spoken to.
 *
 * A dialect is a table of pure functions, static and read-only. What they
 * return is in the pool they are given or points into their arguments.
 */
#ifndef AZL_DIALECT_H
#define AZL_DIALECT_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "azl_catalog.h"
#include "azl_document.h"
#include "azl_error.h"
#include "azl_hub.h"

/* The body of one attempt: the client's bytes with a few pieces replaced. */
typedef struct azl_body_t {
    int npieces;
    azl_span_t *pieces;
    apr_size_t length; /* their sum */
    const char *dropped; /* names of members that this model does not take and
                            that were left out, comma-separated; or NULL */
    const azl_error_t *refusal; /* it must not be sent, because of a member
                                   that this model does not take; or NULL */
} azl_body_t;

typedef struct azl_dialect_t {
    const char *name; /* as in dialect= */
    int extras; /* its chats may have Anthropic's own members, see
                   azl_exchange_t.plain: it knows what to do with them */
    /* The whole URL for an operation, below the endpoint's. Azure's may end in
     * /openai or /openai/v1, which is not repeated; an api-version with a date
     * means the classic surface. An OpenAI endpoint without a path gets /v1.
     * `response_id` is the upstream's own id (operations on stored responses;
     * else NULL); `query` is the client's query string or NULL: only members
     * that mean something upstream are taken over (include[], limit, order,
     * after, ...; never api-version).
     * NULL if this upstream has no such operation. */
    const char *(*url)(apr_pool_t *p, const azl_deployment_t *d, azl_op_e op,
                       const char *response_id, const char *query);
    /* The header that carries the endpoint's credential, and what stands
     * before it there: "Bearer " or nothing. */
    const char *(*credential)(const azl_endpoint_t *e, const char **scheme);
    /* The body for this deployment. `previous_response_id` is the upstream's
     * own id in place of the sealed one, or NULL. */
    void (*body)(apr_pool_t *p, const azl_deployment_t *d,
                 const azl_document_t *doc, const char *previous_response_id,
                 azl_body_t *out);
    /* How this deployment is asked for an operation that it does not have in
     * the client's language. NULL: it has it (or `url` is NULL, and it does
     * not). The member is NULL where a dialect speaks OpenAI's only. */
    const azl_outbound_t *(*outbound)(const azl_deployment_t *d, azl_op_e op);
    /* The URL of a streamed call, where it is another one; NULL: never. */
    const char *(*stream_url)(apr_pool_t *p, const azl_deployment_t *d,
                              azl_op_e op);
    /* Headers beside the credential, which say nothing secret (a version). The
     * client's (read-only) may have some that go on; NULL: there is no client.
     * The member is NULL: there are none. */
    void (*headers)(const azl_deployment_t *d, azl_op_e op,
                    const apr_table_t *client, apr_table_t *out);
} azl_dialect_t;

/* How one operation is carried to a deployment: as it is, or translated. */
struct azl_way_t {
    const char *url;        /* NULL: the deployment does not serve it */
    const char *stream_url; /* of a streamed call */
    azl_op_e op;            /* what the upstream is asked for, in OpenAI's
                               terms: the client's, or the hub's */
    const azl_inbound_t *inbound;   /* NULL: the document is the hub's, or goes
                                       on as it is */
    const azl_outbound_t *outbound; /* NULL: the upstream reads the result */
};

/* The ways of all model calls, by operation: made once, when the
 * configuration is read. At AZL_WAY_DETOUR + operation stands the way over
 * Responses of what usually goes as a chat, for models that refuse some of
 * them; without a URL there is none. */
azl_way_t *azl_dialect_ways(apr_pool_t *p, const azl_deployment_t *d);
#define AZL_WAY_DETOUR (AZL_OP_LAST_MODEL_CALL + 1)

/* What is known of a model that refuses some chats and takes them as
 * Responses, by its public name (base-model= or the alias). */
typedef enum {
    AZL_BRIDGE_NONE = 0,
    AZL_BRIDGE_EFFORT, /* with tools and an effort of reasoning */
    AZL_BRIDGE_TOOLS   /* with tools, unless the effort is "none" */
} azl_bridge_e;

azl_bridge_e azl_bridge_of_model(const char *family);
/* What a refusal says: 0 nothing of that kind; else 1, and what is refused:
 * any chat, or (*tools) those with tools. */
int azl_bridge_refusal(const azl_error_t *err, int *tools);

/* The answer to count_tokens where no upstream gives one: an estimate
 * (azl_estimate.h) for the request `body`, a JSON object. */
void azl_dialect_count_tokens(azl_span_t body, azl_buf_t *out);

/* NULL if there is none of that name. */
const azl_dialect_t *azl_dialect_find(const char *name);
/* "azure, openai": for error texts. */
const char *azl_dialect_names(void);

/* The header with a credential of an endpoint's, as it goes out; NULL and NULL
 * if there is none. */
void azl_dialect_credential(apr_pool_t *p, const azl_endpoint_t *e,
                            const azl_secret_t *secret, const char **name,
                            const char **value);

/*
 * What an upstream's refusal means. 408, 429, 500-504 and 529 are worth
 * another candidate, other statuses are not. 401 and 403 are the operator's
 * mistake and must not look like the client's own key being wrong.
 */
int azl_failure_moves_on(int status);
/* Read an upstream's error answer, whatever shape it has (OpenAI, Azure with
 * number-like codes and innererror, HTML, empty), into what the client is
 * told. `headers` are the upstream's. 401/403 become 502
 * `upstream_authentication_error`; Azure's seconds in a 429 message become
 * retry_after when no header says it. The upstream's text is passed, except
 * that nothing which looks like a URL of the endpoint or a credential is. It
 * may quote the client's request: it is for the client only, never for a log.
 * A deployment that is missing at the upstream is a 404 model_not_found. */
void azl_failure_read(apr_pool_t *p, const azl_deployment_t *d, int status,
                      const apr_table_t *headers, azl_span_t body,
                      azl_error_t *err);
/* The same for an error that has no status, the data of an error event or a
 * document that came with a good one: the status its words stand for. `d` NULL:
 * it is not known whose error it is, nor what of it must not be told. */
void azl_failure_event(apr_pool_t *p, const azl_deployment_t *d,
                       azl_span_t data, azl_error_t *err);
/* No answer at all: refused, reset, timed out, TLS failure, garbage. */
void azl_failure_transport(azl_error_t *err, int timed_out);
/* The error of an upstream that could not be asked for want of a credential of
 * ours (azl_identity.h). */
#define AZL_CODE_NO_CREDENTIAL "upstream_credential_unavailable"
void azl_failure_no_credential(azl_error_t *err);
/* How long the upstream says to wait, in seconds; -1: it does not say. */
double azl_failure_wait(const azl_error_t *err);
/* Of two failures of one request, is `b` more useful to the client than `a`?
 * An upstream's own word beats a transport failure, a 429 with a time to wait
 * beats a 5xx, the shorter wait beats the longer. */
int azl_failure_better(const azl_error_t *a, const azl_error_t *b);

#endif /* AZL_DIALECT_H */
