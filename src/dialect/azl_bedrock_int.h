/*
 * azl_bedrock: Amazon Bedrock's Converse and ConverseStream. The files are for
 * one direction or one matter each; what they share is here.
 */
#ifndef AZL_BEDROCK_INT_H
#define AZL_BEDROCK_INT_H

#include "azl_anthropic_int.h"
#include "azl_dialect_int.h"
#include "azl_hub.h"
#include "azl_usage.h"
#include "azl_write.h"

/* Under which state is kept: the reasoning blocks with their signatures, as
 * elements of a JSON array, by the first tool call of the turn. */
#define AZL_BEDROCK_KIND "bedrock"

/*
 * What the models take (azl_bedrock_family.c)
 */

/* How a model is told how much to think, in additionalModelRequestFields. */
typedef enum {
    AZL_BEDROCK_NO_EFFORT,
    AZL_BEDROCK_CLAUDE, /* thinking, output_config: by azl_claude_t */
    AZL_BEDROCK_OPENAI, /* reasoning_effort */
    AZL_BEDROCK_NOVA,   /* reasoningConfig */
    AZL_BEDROCK_QWEN    /* reasoning_config */
} azl_bedrock_effort_e;

typedef enum {
    AZL_BEDROCK_AUTO_ONLY, /* no tool can be forced */
    AZL_BEDROCK_ANY,       /* any, but not one by its name */
    AZL_BEDROCK_NAMED
} azl_bedrock_choice_e;

typedef enum {
    AZL_BEDROCK_NO_CACHE,
    AZL_BEDROCK_CACHES_TALK, /* system and messages */
    AZL_BEDROCK_CACHES_ALL   /* and tools */
} azl_bedrock_caches_e;

typedef struct azl_bedrock_family_t {
    const char *name; /* a part of the model's public name */
    azl_bedrock_effort_e effort;
    azl_bedrock_choice_e choice;
    azl_bedrock_caches_e caches; /* where cachePoint may stand */
    const char *top_k;           /* its field for top_k; NULL: none */
    int schema;    /* takes outputConfig.textFormat (Claude: its own table) */
    int short_ids; /* ids of calls are 9 letters and digits */
    int status;    /* takes the status of a tool's result */
} azl_bedrock_family_t;

/* Never NULL. */
const azl_bedrock_family_t *azl_bedrock_family(const char *name);

/*
 * From the request to the answer (azl_exchange_t.memo); nothing in it belongs
 * to the request's tree.
 */

typedef struct azl_bedrock_name_t {
    const char *own;  /* the client's name of a tool */
    const char *sent; /* what stands for it upstream */
} azl_bedrock_name_t;

typedef struct azl_bedrock_memo_t {
    const azl_bedrock_family_t *family;
    const azl_claude_t *claude; /* NULL: another family */
    apr_array_header_t *names;  /* azl_bedrock_name_t: those that differ */
    int json_tool; /* the answer's text is what that tool is called with */
} azl_bedrock_memo_t;

/*
 * The request
 */

typedef struct azl_bedrock_request_t {
    azl_exchange_t *ex;
    azl_error_t *err;
    azl_bedrock_memo_t *memo;
    azl_write_t w;
    int thinking;  /* history goes with its reasoning blocks */
    int has_calls; /* history holds calls of tools or results */
    int documents; /* so many were written: their names must differ */
    int text;      /* the turn that is open has some */
    int document;  /* ... or a document, which may not be alone */
    int in_result; /* what is written belongs to the result of a tool */
} azl_bedrock_request_t;

/* What the request's members become, decided before anything is written. */
typedef struct azl_bedrock_plan_t {
    azl_bedrock_request_t rq;
    const azl_json_t *as_tool;   /* response_format, if a tool stands for it */
    const azl_json_t *as_schema; /* ... if the model takes it */
    int no_effort;               /* thinking is to be told not to happen */
    const char *effort;          /* the level; NULL: not said */
    azl_claude_thinking_t claude; /* in place of these two, for a Claude */
    apr_int64_t max_tokens;      /* 0: not said */
    const char *temperature;     /* numbers; NULL: not said */
    const char *top_p;
    apr_array_header_t *stops; /* azl_json_t * */
} azl_bedrock_plan_t;

int azl_bedrock_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err);

/* The members `system` and `messages`. 1, or 0 with the error. */
int azl_bedrock_messages(azl_bedrock_request_t *rq);
/* The reasoning blocks of an assistant message; empty: none. */
azl_span_t azl_bedrock_thoughts(azl_exchange_t *ex, const azl_json_t *message);
/* A cachePoint behind what was written, if `part` wants one and the model
 * knows it; of a tool's or else of a block. */
void azl_bedrock_cache(azl_bedrock_request_t *rq, const azl_json_t *part);
void azl_bedrock_cache_tool(azl_bedrock_request_t *rq, const azl_json_t *tool);
/* One part that is no text. 1, or 0 with the error at `path`. *document is set
 * if it is one, which has to stand beside some text. */
int azl_bedrock_media(azl_bedrock_request_t *rq, const char *path,
                      const azl_json_t *part, int *document);

/* How much is to be thought, and whether the tool loop that runs can go on with
 * it. 1, or 0 with the error. */
int azl_bedrock_plan_thinking(azl_bedrock_plan_t *pl);
/* Claude does not take temperature and its like at all times (and those that
 * are not `taken` never), Nova none of them when it thinks hardest. */
int azl_bedrock_takes_sampling(const azl_bedrock_plan_t *pl, int taken);
/* The member additionalModelRequestFields. 1, or 0 with the error. */
int azl_bedrock_fields(azl_bedrock_plan_t *pl);

/* The member toolConfig. `format`: a response_format as a tool, or NULL. */
int azl_bedrock_tools(azl_bedrock_request_t *rq, const azl_json_t *format);
/* A tool's name as Bedrock takes it, and the client's own again. */
const char *azl_bedrock_tool_name(azl_bedrock_request_t *rq, const char *own);
azl_span_t azl_bedrock_own_name(const azl_bedrock_memo_t *memo,
                                azl_span_t sent);

/*
 * Answers
 */

/* OpenAI's finish_reason; what is not known is "stop". */
const char *azl_bedrock_finish(azl_span_t reason);
/* What an answer, or the last event of a stream, says about its costs. */
typedef struct azl_bedrock_costs_t {
    azl_usage_t usage;
    const char *tier; /* "default", "flex", ...; NULL: not said */
} azl_bedrock_costs_t;

/* 0: it is no JSON object. */
int azl_bedrock_costs(azl_span_t doc, azl_bedrock_costs_t *costs);
apr_status_t azl_bedrock_answer(azl_exchange_t *ex, azl_span_t doc,
                                azl_buf_t *out);
/* The HTTP status that an exception's type stands for; 0: it is not known. */
int azl_bedrock_error_status(azl_span_t type);
/* OpenAI's code for an error that has one of its own, which may change its
 * status; NULL: the status says it. */
const char *azl_bedrock_error_code(int *status, const char *message);
/* What an error document says; NULL: nothing. */
const char *azl_bedrock_message(apr_pool_t *p, azl_span_t body);
int azl_bedrock_failure(azl_exchange_t *ex, int status,
                        const apr_table_t *headers, azl_span_t body,
                        azl_buf_t *out);

/* Streams (azl_bedrock_stream.c), see azl_outbound_t. */
void *azl_bedrock_decoder(azl_exchange_t *ex);
apr_status_t azl_bedrock_bytes(void *decoder, const char *data, apr_size_t len,
                               azl_buf_t *out);

#endif /* AZL_BEDROCK_INT_H */
