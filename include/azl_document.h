/*
 * azl_document: the request a client sent, read once without a tree.
 *
 * Points into the body, which the caller keeps for as long as attempts are
 * made; what had to be decoded is in the pool. Read-only after
 * azl_document_read(), so that each attempt can make its own edit of it.
 */
#ifndef AZL_DOCUMENT_H
#define AZL_DOCUMENT_H

#include <apr_pools.h>

#include "azl_error.h"
#include "azl_route.h"
#include "azl_scan.h"

/* What happens to top-level members the surface does not define. */
typedef enum {
    AZL_PARAMS_KEEP = 0,
    AZL_PARAMS_DROP,
    AZL_PARAMS_REJECT
} azl_params_e;

/* More top-level members than this are refused; the largest surface defines
 * fewer than 50. */
#define AZL_DOCUMENT_MEMBERS_MAX 128
/* OpenAI's limit on n; the SDKs hold on to it. */
#define AZL_CHOICES_MAX 128

/* Members of a chat, or of /responses, that not every model takes, or every
 * server. */
typedef enum {
    AZL_PARAM_NONE = 0,
    AZL_PARAM_MAX_TOKENS,
    AZL_PARAM_MAX_COMPLETION_TOKENS,
    AZL_PARAM_TEMPERATURE,
    AZL_PARAM_TOP_P,
    AZL_PARAM_LOGPROBS,
    AZL_PARAM_TOP_LOGPROBS,
    AZL_PARAM_STOP,
    AZL_PARAM_PRESENCE_PENALTY,
    AZL_PARAM_FREQUENCY_PENALTY,
    AZL_PARAM_LOGIT_BIAS,
    AZL_PARAM_PREDICTION,
    AZL_PARAM_REASONING_EFFORT,
    AZL_PARAM_AUDIO,
    AZL_PARAM_MODALITIES,
    AZL_PARAM_N,
    AZL_PARAM_SEED,
    AZL_PARAM_TOOLS,
    AZL_PARAM_TOOL_CHOICE,
    AZL_PARAM_PARALLEL_TOOL_CALLS,
    AZL_PARAM_STREAM_OPTIONS,
    AZL_PARAM_REASONING,
    AZL_PARAM_MAX_OUTPUT_TOKENS,
    AZL_PARAM_LAST = AZL_PARAM_MAX_OUTPUT_TOKENS
} azl_param_e;

/* Where one of them stands. */
typedef struct azl_setting_t {
    azl_param_e param;
    const char *name;  /* the member's */
    azl_span_t key;    /* with its quotes */
    azl_value_t value;
} azl_setting_t;

typedef struct azl_document_t {
    azl_op_e op;
    azl_params_e params;      /* as it was read with */
    azl_span_t body;
    const char *content_type; /* as the client sent it */
    int multipart;
    const char *model;        /* decoded; NULL if the body names none */
    azl_span_t model_raw;     /* the value as written (in multipart: the
                                 part's content); empty if absent */
    int stream;               /* an event stream was asked for */
    azl_value_t stream_options;
    int include_usage;        /* the client asked for usage in the stream */
    azl_span_t include_usage_raw; /* its value as written; empty if absent */
    int choices;              /* that the answer is to have, at most
                                 AZL_CHOICES_MAX: in a chat n, in completions
                                 n for each prompt, in any other JSON 1, in
                                 multipart 0 */
    const char *previous_response_id; /* decoded; NULL if absent or null */
    azl_span_t previous_response_raw;
    azl_span_t cache_key; /* of a chat, completions or responses: the value of
                             prompt_cache_key as written, else that of
                             safety_identifier, else of user; empty if there
                             is none (or "", or no string) */
    azl_span_t prompt;    /* likewise, and of Anthropic's API: messages, prompt
                             or input as written; of responses the
                             instructions, if they alone are at least
                             AZL_AFFINITY_PREFIX bytes. Empty if absent, or
                             neither string nor array */
    int tools;            /* some are offered */
    azl_span_t effort;    /* of a chat: the value of reasoning_effort as
                             written; empty if absent or null */
    int base64;           /* of embeddings: vectors are wanted as base64 */
    int background;       /* /responses: the provider works on by itself */
    const char *said;     /* not the client's: what another deployment had
                             answered when it was cut off, to be gone on from,
                             as the inside of a JSON string; else NULL. Only
                             with an array as prompt, at an endpoint with
                             prefill= */
    apr_size_t insert_at; /* offset just behind the opening brace (in
                             multipart: of the first boundary line) */
    int empty;            /* no member (or field) is left after the drops */
    const char *boundary; /* multipart only */
    int ndrops;           /* pieces to leave out, by AZL_PARAMS_DROP: members
                             that stand together are one */
    azl_span_t *drops;    /* each with the comma that belongs to it, in order
                             of position */
    int nsettings;        /* of a chat or responses; in order of position */
    azl_setting_t *settings; /* those that are there; NULL: none */
    const char *dropped;  /* the members' names, comma-separated, or NULL; a
                             name that may be the client's own text is left
                             out */
} azl_document_t;

/* 1, or 0 with the error for the client. Refuses (400): no JSON object (with
 * line and column), members of any surface given twice or with escapes in
 * their name, what only a parser that ignores case takes for a member read
 * here ("Model"), api_base, api_key and base_url, a model, stream or
 * previous_response_id of the wrong type, members the surface does not define
 * if params says so, unreadable multipart. A missing model is not an error
 * here (an Azure-shaped path carries it). `content_type` may be NULL. */
int azl_document_read(apr_pool_t *p, azl_op_e op, azl_params_e params,
                      const char *content_type, azl_span_t body,
                      azl_document_t *doc, azl_error_t *err);

#endif /* AZL_DOCUMENT_H */
