/*
 * azl_catalog: what can be asked for and who serves it: endpoints,
 * deployments, models.
 *
 * Filled while the configuration is read, one catalog for each server that
 * has directives of its own; belongs to the configuration pool and is
 * read-only afterwards. `upstream` in an endpoint is the HTTP layer's own
 * (worker, TLS settings) and means nothing here.
 */
#ifndef AZL_CATALOG_H
#define AZL_CATALOG_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_price.h"
#include "azl_seal.h"
#include "azl_secret.h"

struct azl_dialect_t;
struct azl_identity_t;
struct azl_family_t;
typedef struct azl_way_t azl_way_t;
struct azl_upstream_t;
struct azl_health_t;

/* How long a call may take, in microseconds; -1: not set here. What a
 * deployment does not set its model does, then the server, then the
 * default. */
typedef struct azl_limits_t {
    apr_interval_time_t connect;     /* until the connection stands */
    apr_interval_time_t first_token; /* of a stream: until its first content */
    apr_interval_time_t idle;        /* ... then between two events */
    apr_interval_time_t total;       /* a whole attempt (of a deployment), or
                                        all attempts (of a model) */
} azl_limits_t;

/* How an endpoint is told to go on from a given start of an answer. */
typedef enum {
    AZL_PREFILL_NONE = 0, /* it cannot */
    AZL_PREFILL_VLLM,     /* "continue_final_message": true and
                             "add_generation_prompt": false in the request */
    AZL_PREFILL_PREFIX    /* "prefix": true in the last assistant message, as
                             Mistral and DeepSeek have it */
} azl_prefill_e;

/* Where Anthropic's API is hosted. */
typedef enum {
    AZL_HOSTING_AUTO = 0, /* as the URL tells */
    AZL_HOSTING_DIRECT,   /* by Anthropic, or with URLs as theirs */
    AZL_HOSTING_FOUNDRY,  /* Azure AI Foundry */
    AZL_HOSTING_VERTEX,   /* Google Vertex AI */
    AZL_HOSTING_BEDROCK   /* Amazon Bedrock, InvokeModel */
} azl_hosting_e;

/* How a server that resembles OpenAI's differs from it, as bits. */
#define AZL_QUIRK_MAX_TOKENS 1     /* max_completion_tokens: it is max_tokens */
#define AZL_QUIRK_NO_STREAM_OPTIONS 2 /* usage is told unasked, or not at all */
#define AZL_QUIRK_NO_DEVELOPER 4   /* a developer speaks as the system */
#define AZL_QUIRK_PLAIN_MESSAGES 8 /* messages have no other members than those
                                      it defines */
#define AZL_QUIRK_SHORT_IDS 16     /* ids of calls: nine letters or digits */
#define AZL_QUIRK_LOOP_REASONING 32 /* reasoning comes back with the calls it
                                       led to, and only with them */
#define AZL_QUIRK_MEND 64          /* answers lack members or have odd ones */
/* Those that need a look into messages and answers; each of them mends. */
#define AZL_QUIRKS_INSIDE                                                      \
    (AZL_QUIRK_NO_DEVELOPER | AZL_QUIRK_PLAIN_MESSAGES |                       \
     AZL_QUIRK_SHORT_IDS | AZL_QUIRK_LOOP_REASONING | AZL_QUIRK_MEND)

/* A provider resource with a URL and a credential. */
typedef struct azl_endpoint_t {
    const char *name;
    const char *url;  /* scheme://host[:port][/path], no trailing slash */
    int tls;
    const char *host; /* host[:port] as in the URL */
    const struct azl_dialect_t *dialect;
    const char *api_version;        /* NULL: the v1 surface */
    const azl_secret_t *credential; /* NULL: none, or `identity` */
    const char *credential_source;  /* "env:NAME", for messages */
    struct azl_identity_t *identity; /* in place of `credential`, if that is
                                        one that changes; else NULL */
    const char *region;  /* of AWS; NULL: the URL or the environment tells */
    const char *service; /* which requests are signed for; NULL: likewise */
    const char *token_url; /* where tokens are given out; NULL: as usual */
    const char *scope;     /* of tokens of Entra; NULL: what fits the host */
    const char *vault_credential; /* who asks a vault; NULL: azure-default */
    apr_interval_time_t reread;   /* how often a vault is asked; 0: as usual */
    apr_interval_time_t timeout;    /* socket inactivity */
    apr_interval_time_t connect_timeout;
    int tls_verify;
    const char *tls_ca;             /* PEM file; NULL: nothing to verify */
    int keep_annotations;           /* leave Azure's filter results in */
    int prefill;                    /* azl_prefill_e */
    int hosting;                    /* azl_hosting_e */
    int quirks;                     /* AZL_QUIRK_... */
    unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN]; /* of URL and
                                       where the credential comes from */
    struct azl_health_t *health;    /* cools down when the credential is
                                       refused; NULL: not shared */
    struct azl_upstream_t *upstream;
    const char *where;              /* "file:line" of the directive */
} azl_endpoint_t;

/* A model at an endpoint. */
typedef struct azl_deployment_t {
    const char *id;     /* "endpoint/name" */
    const azl_endpoint_t *endpoint;
    const char *name;   /* deployment (Azure) or model name upstream */
    const char *name_json;      /* the same as a JSON string */
    const azl_way_t *ways;      /* of each operation up to the last model
                                   call, made beforehand, and behind these
                                   the detours (azl_dialect.h) */
    const char *public_id;      /* x-litellm-model-id: the fingerprint as 16
                                   hex digits, says nothing about hosts */
    unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN]; /* of URL and name,
                                   then of where the credential comes from */
    int weight;         /* share among those of the same order; 0: none */
    int order;          /* lower first; default 1 */
    azl_price_t price;  /* table and overrides merged */
    const char *base_model; /* NULL: the alias decides the price */
    const struct azl_family_t *family; /* azl_family.h; of base_model or else
                                          the alias; NULL: nothing known */
    int responses_only; /* surface=responses */
    int chat_only;      /* surface=chat: it has no Responses of its own */
    int bridge;         /* azl_bridge_e: what of its model is known */
    apr_uint32_t rpm;   /* requests a minute; 0: not said */
    apr_uint32_t tpm;   /* tokens a minute; 0: not said */
    apr_uint32_t max_parallel; /* 0: no limit */
    int hard;           /* beyond rpm, tpm and max_parallel it is not asked */
    azl_limits_t limits;
    struct azl_deployment_t *spill; /* takes what this one refuses with 429;
                                       NULL: none. Not in the group itself;
                                       several of the group may share it */
    struct azl_health_t *health;    /* NULL: not shared */
    const char *where;               /* "file:line" of the directive */
    struct azl_upstream_t *upstream; /* own worker, because of its own connect
                                        limit; NULL: the endpoint's */
} azl_deployment_t;

/* What sends a request on to a fallback model, as bits. */
#define AZL_FALLBACK_ERROR 1          /* every candidate failed */
#define AZL_FALLBACK_CONTEXT_WINDOW 2 /* the prompt is too long */
#define AZL_FALLBACK_CONTENT_FILTER 4 /* the provider's filter refused it */

/* Another model that may answer. */
typedef struct azl_fallback_t {
    const struct azl_model_t *model;
    int on; /* AZL_FALLBACK_... */
} azl_fallback_t;

/* More deployments of one model than this are refused when the configuration
 * is read: choosing among them is done in memory of a fixed size. */
#define AZL_DEPLOYMENTS_MAX 128

/* The public alias; its deployments form a group. */
typedef struct azl_model_t {
    const char *alias;
    const char *alias_json;
    apr_array_header_t *deployments; /* azl_deployment_t *, by order */
    apr_array_header_t *fallbacks; /* azl_fallback_t, in the order to be tried,
                                      complete (a fallback's own fallbacks are
                                      in it); NULL: none. For one reason no
                                      model comes twice */
    int strategy;                  /* azl_strategy_e */
    azl_limits_t limits;
    apr_time_t created;
} azl_model_t;

typedef struct azl_catalog_t {
    apr_pool_t *pool;
    apr_hash_t *endpoints; /* name -> azl_endpoint_t * */
    apr_hash_t *models;    /* alias -> azl_model_t * */
    apr_array_header_t *order; /* azl_model_t *, as configured */
} azl_catalog_t;

azl_catalog_t *azl_catalog_create(apr_pool_t *p);
const azl_model_t *azl_catalog_model(const azl_catalog_t *c, const char *alias,
                                     apr_size_t len);
/* Is there a deployment of the model, or of what it falls back to, that can go
 * on with an answer another has begun? */
int azl_model_may_go_on(const azl_model_t *model);
/* The model's deployment, or spill of one, that a sealed response id names,
 * by so many bytes of the fingerprint: AZL_SEAL_FINGERPRINT_LEN, or
 * AZL_SEAL_PLACE_LEN whatever its credential; NULL if it has none. Several
 * models may share a deployment, each with a price and rights of its own. */
const azl_deployment_t *azl_model_deployment(
    const azl_model_t *model,
    const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN],
    apr_size_t len);

#endif /* AZL_CATALOG_H */
