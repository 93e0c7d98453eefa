/*
 * azl_route: which operation a path and method mean. Stateless and pure.
 *
 * A route is a value; its spans point into the path it was made from.
 */
#ifndef AZL_ROUTE_H
#define AZL_ROUTE_H

#include "azl_span.h"

/* What the client asks for. Operations up to AZL_OP_LAST_MODEL_CALL carry a
 * model and are recorded. */
typedef enum {
    AZL_OP_NONE = 0,
    AZL_OP_CHAT,
    AZL_OP_COMPLETIONS,
    AZL_OP_EMBEDDINGS,
    AZL_OP_RESPONSES,
    AZL_OP_MODERATIONS,
    AZL_OP_IMAGES_GENERATIONS,
    AZL_OP_IMAGES_EDITS,
    AZL_OP_AUDIO_TRANSCRIPTIONS,
    AZL_OP_AUDIO_TRANSLATIONS,
    AZL_OP_AUDIO_SPEECH,
    AZL_OP_MESSAGES,     /* Anthropic's */
    AZL_OP_COUNT_TOKENS, /* ... and what such a request would cost */
    AZL_OP_RERANK,       /* Cohere's */
    AZL_OP_LAST_MODEL_CALL = AZL_OP_RERANK,
    AZL_OP_RESPONSE_GET, /* operations on a stored response, by its id */
    AZL_OP_RESPONSE_DELETE,
    AZL_OP_RESPONSE_INPUT_ITEMS,
    AZL_OP_RESPONSE_CANCEL,
    AZL_OP_MODELS, /* answered here, with a key */
    AZL_OP_MODEL,
    AZL_OP_MODEL_INFO,
    AZL_OP_LIVENESS, /* answered here, without a key */
    AZL_OP_READINESS,
    AZL_OP_HEALTH, /* answered here, with the master key */
    AZL_OP_METRICS,
    AZL_OP_COUNT
} azl_op_e;

typedef struct azl_route_t {
    azl_op_e op;       /* AZL_OP_NONE: not ours */
    const char *allow; /* path is ours, method is not: the Allow header */
    azl_span_t model;  /* Azure-shaped path or /models/{id}: as written,
                          percent-encoding and all; else empty */
    azl_span_t id;     /* /responses/{id}; else empty */
    int azure;         /* Azure-shaped: /openai/deployments/{model}/... */
} azl_route_t;

/* `path` is the decoded path of the request (r->uri) without query; `base` is
 * the configured base path, "" for none, without trailing slash. Each route
 * answers with and without /v1, below base, and under /openai and /openai/v1;
 * one slash at the end is tolerated, because base URLs are often joined with
 * one. HEAD counts as GET.
 * 1 if the path is ours (op or allow set), 0 if not. */
int azl_route_find(azl_route_t *route, const char *base, const char *method,
                   const char *path);
/* 1 if the path lies under the base path (for 404s in our shape). */
int azl_route_under(const char *base, const char *path);
/* "chat", "completions", "embeddings", ... for the record. */
const char *azl_op_name(azl_op_e op);
/* The path below the API root: "chat/completions", ... NULL if local. */
const char *azl_op_path(azl_op_e op);
/* The body is multipart/form-data. Images edits may be either. */
int azl_op_takes_multipart(azl_op_e op);

#endif /* AZL_ROUTE_H */
