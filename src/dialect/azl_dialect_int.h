/*
 * What the dialects that speak OpenAI's own language share. Pure functions;
 * what they return is in the pool they are given or points into their
 * arguments.
 */
#ifndef AZL_DIALECT_INT_H
#define AZL_DIALECT_INT_H

#include "azl_dialect.h"

extern const azl_dialect_t azl_dialect_anthropic;
extern const azl_dialect_t azl_dialect_azure;
extern const azl_dialect_t azl_dialect_bedrock;
extern const azl_dialect_t azl_dialect_databricks;
extern const azl_dialect_t azl_dialect_gemini;
extern const azl_dialect_t azl_dialect_openai;

/* How the upstream learns which model is meant. */
typedef enum {
    AZL_MODEL_IN_BODY, /* written into the body, also where it is missing */
    AZL_MODEL_IN_PATH  /* a model in the body does not count */
} azl_model_place_e;

/* The client's bytes with the deployment's name as the model, usage asked for
 * in streams that can tell it, the upstream's previous_response_id, and
 * without what the document says is to be dropped. A form stays untouched
 * when the model is in the path. */
void azl_dialect_splice(apr_pool_t *p, const azl_deployment_t *d,
                        azl_model_place_e place, const azl_document_t *doc,
                        const char *previous_response_id, azl_body_t *out);

/* A value that becomes another one. */
typedef struct azl_swap_t {
    azl_span_t at;    /* as it stands in the document */
    const char *text; /* JSON */
} azl_swap_t;
/* The effort of reasoning and the limit of tokens. */
#define AZL_FIT_SWAPS_MAX 2

/* What is to be done so that a deployment takes a document, by the family of
 * its model and the quirks of its server. */
typedef struct azl_fit_t {
    const azl_setting_t *rename; /* the limit of tokens; NULL: none is given, or
                                    it keeps its name */
    const char *name;            /* ... as JSON, what it is called there */
    int ndrops;                  /* in place of the document's own */
    const azl_span_t *drops;
    int empty;                   /* likewise */
    int nswaps;
    azl_swap_t swaps[AZL_FIT_SWAPS_MAX];
    const char *dropped;         /* as in azl_body_t */
    const azl_error_t *refusal;
} azl_fit_t;
void azl_fit(apr_pool_t *p, const azl_deployment_t *d,
             const azl_document_t *doc, azl_fit_t *fit);

/* One segment of a URL's path: everything but unreserved characters (RFC 3986,
 * section 2.3) percent-encoded. */
const char *azl_dialect_segment(apr_pool_t *p, const char *text);
/* "responses", "responses/{id}", "responses/{id}/cancel", "chat/completions"
 * ...; NULL if the operation is none of an upstream or lacks its id. */
const char *azl_dialect_op_path(apr_pool_t *p, azl_op_e op,
                                const char *response_id);
/* The members of the client's query that mean something for the operation,
 * as written and joined with '&'; NULL if there is none. */
const char *azl_dialect_query(apr_pool_t *p, azl_op_e op, const char *query);

#endif /* AZL_DIALECT_INT_H */
