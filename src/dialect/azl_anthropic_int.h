/*
 * What the files of the dialect anthropic share: where the API is hosted, what
 * each family of models takes, and what a request leaves to its answer.
 */
#ifndef AZL_ANTHROPIC_INT_H
#define AZL_ANTHROPIC_INT_H

#include "azl_dialect_int.h"
#include "azl_edit_int.h"
#include "azl_hub.h"
#include "azl_tool_choice_int.h"
#include "azl_write.h"

/* The only version there is of the API. */
#define AZL_ANTHROPIC_VERSION "2023-06-01"
/* Under which state is kept: the thinking blocks of the turn whose first tool
 * call it was, as the elements of a JSON array. */
#define AZL_ANTHROPIC_KIND "anthropic"

/*
 * Hosting
 */

/* Never AUTO: as the endpoint says, or else its URL. */
azl_hosting_e azl_anthropic_hosting(const azl_endpoint_t *e);

/*
 * Families of models
 */

typedef enum {
    AZL_THINKS_NEVER,
    AZL_THINKS_BUDGET,  /* thinking.budget_tokens */
    AZL_THINKS_EITHER,  /* that or adaptive */
    AZL_THINKS_ADAPTIVE /* adaptive only */
} azl_thinks_e;

/* Levels of effort, as bits. */
#define AZL_EFFORT_LOW 1
#define AZL_EFFORT_MEDIUM 2
#define AZL_EFFORT_HIGH 4
#define AZL_EFFORT_XHIGH 8
#define AZL_EFFORT_MAX 16

typedef struct azl_claude_t {
    const char *name; /* a part of the model's public name */
    int max_out;      /* tokens of an answer at most; 0: not known */
    int default_out;  /* ... where the client does not say */
    azl_thinks_e thinks;
    int by_default;  /* thinks unless told not to */
    int efforts;     /* levels with adaptive thinking */
    int sampling;    /* takes temperature, top_p, top_k */
    int one_sampler; /* ... but not temperature and top_p together */
    int structured;  /* output_config.format and strict tools */
    int forces;      /* a tool may be forced */
} azl_claude_t;

/* By a part of the public name; one that is not known is taken for the newest,
 * which takes least. Never NULL. */
const azl_claude_t *azl_claude_find(const char *name);

/*
 * Thinking
 */

/* Where thoughts of former turns come from that the client has not, and how
 * they are written. */
typedef struct azl_claude_memory_t {
    const char *kind; /* under which state is kept */
    void (*thought)(azl_write_t *w, const azl_json_t *text,
                    const azl_json_t *signature);
    void (*hidden)(azl_write_t *w, const azl_json_t *data);
} azl_claude_memory_t;

extern const azl_claude_memory_t azl_anthropic_memory;

/* What is to be told about it: nothing, if all is 0. */
typedef struct azl_claude_thinking_t {
    int off;                 /* it is not to happen */
    int adaptive;            /* ... to happen, as the model likes */
    apr_int64_t budget;      /* ... with so many tokens; 0: not so */
    const azl_json_t *given; /* ... as the client says in Anthropic's words */
    const char *effort;      /* output_config.effort; NULL: not said */
    int on;                  /* the model will think */
} azl_claude_thinking_t;

/* From the members `thinking` and `reasoning_effort`. `max_tokens`: how long
 * the answer may be; `as_tool`: a tool of ours has to be called. 1, or 0 with
 * the error. */
int azl_claude_think(azl_exchange_t *ex, const azl_claude_t *family,
                     const azl_claude_memory_t *memory, apr_int64_t max_tokens,
                     int as_tool, azl_claude_thinking_t *t, azl_error_t *err);
/* The member `thinking`, if there is anything to be said. `display`: what of it
 * is to be shown, if the model thinks as it likes; NULL: not said. */
void azl_claude_write_thinking(azl_write_t *w, const azl_claude_thinking_t *t,
                               const char *display);
/* The thoughts of one assistant message, from its own member thinking_blocks or
 * what has been kept, as elements of a JSON array; empty: none. */
azl_span_t azl_claude_thoughts(azl_exchange_t *ex, const azl_json_t *message,
                               const azl_claude_memory_t *memory);
/* A 400: there is no such level. Returns 0. */
int azl_claude_refuse_effort(azl_exchange_t *ex, azl_error_t *err);

/*
 * The request
 */

/* From the request to the answer (azl_exchange_t.memo). */
typedef struct azl_anthropic_memo_t {
    const azl_claude_t *family;
    azl_hosting_e hosting;
    int json_tool; /* the answer's text is what that tool is called with */
} azl_anthropic_memo_t;

typedef struct azl_claude_request_t {
    azl_exchange_t *ex;
    azl_error_t *err;
    azl_anthropic_memo_t *memo;
    azl_write_t w;
    int thinking; /* history goes with its thinking blocks */
} azl_claude_request_t;

/* What becomes of the request's members beside the messages and tools. */
typedef struct azl_claude_plan_t {
    azl_claude_request_t rq;
    const azl_json_t *as_tool;   /* response_format, if a tool stands for it */
    const azl_json_t *as_schema; /* ... if the model takes it */
    apr_int64_t max_tokens;
    azl_claude_thinking_t thinking;
} azl_claude_plan_t;

/* 1, or 0 with the error. */
int azl_claude_plan(azl_claude_plan_t *pl);
int azl_anthropic_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err);
/* The same of a client of the Messages API for Bedrock, where the model, the
 * version, betas and whether it is streamed are said elsewhere. */
int azl_anthropic_hosted(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err);

/* The body of a client of the Messages API without thinking that no Claude has
 * done (AZL_MESSAGES_UNSIGNED), in the pool; empty: there is none, it stays as
 * it is. Where the loop of tools that runs cannot be thought about without, it
 * has no `thinking`, either: *dropped are the names (const char *) of members
 * that had to go, or NULL. */
azl_span_t azl_anthropic_disown(apr_pool_t *p, azl_span_t body,
                                apr_array_header_t **dropped);

/* The members `system` and `messages`. 1, or 0 with the error. */
int azl_anthropic_messages(azl_claude_request_t *rq);
/* The thoughts of one assistant message, as azl_claude_thoughts(). */
azl_span_t azl_anthropic_thoughts(azl_exchange_t *ex,
                                  const azl_json_t *message);
/* One part of a user's message that is no text, as a block. 1, or 0 with the
 * error at `path`. */
int azl_anthropic_media(azl_claude_request_t *rq, const char *path,
                        const azl_json_t *part);
/* Members `cache_control`, also in OpenAI's words. */
void azl_anthropic_cache(azl_claude_request_t *rq, const azl_json_t *part);

/* The members `tools` and `tool_choice`. `json`: a response_format as a tool,
 * or NULL. */
int azl_anthropic_tools(azl_claude_request_t *rq, const azl_json_t *json);
/* A schema as structured output takes it: closed objects, no bounds. */
void azl_anthropic_schema(azl_write_t *w, const char *name,
                          const azl_json_t *schema);
/* What the arguments of a tool look like: always an object's schema, also where
 * there are none (NULL); if `strict`, as structured output takes it. */
void azl_anthropic_arguments(azl_write_t *w, const char *name,
                             const azl_json_t *schema, int strict);

/*
 * Answers
 */

/* "stop", "length", "tool_calls", "content_filter" for a stop_reason; what is
 * not known is "stop". */
const char *azl_anthropic_finish(azl_span_t reason);
/* OpenAI's name of the service tier it is billed at, NULL: an ordinary one. Of
 * all others Anthropic answers a request at once only at this one. */
const char *azl_anthropic_tier(const azl_usage_t *usage);
apr_status_t azl_anthropic_answer(azl_exchange_t *ex, azl_span_t doc,
                                  azl_buf_t *out);
/* The HTTP status that an error stands for, and its code in OpenAI's words
 * (NULL: the status has it). `status`: the one it came with; 0: none, as in a
 * stream. `message` may be NULL. */
int azl_anthropic_error(azl_span_t type, int status, const char *message,
                        const char **code);
int azl_anthropic_failure(azl_exchange_t *ex, int status,
                          const apr_table_t *headers, azl_span_t body,
                          azl_buf_t *out);
void *azl_anthropic_decoder(azl_exchange_t *ex);
void azl_anthropic_event(void *decoder, const azl_sse_event_t *ev,
                         azl_buf_t *out);
void azl_anthropic_end(void *decoder, azl_buf_t *out);

/* The same in the frames of Bedrock; and one that only takes them off. */
void *azl_anthropic_frames(azl_exchange_t *ex);
void *azl_anthropic_unframed(azl_exchange_t *ex);
apr_status_t azl_anthropic_bytes(void *frames, const char *data, apr_size_t len,
                                 azl_buf_t *out);
void azl_anthropic_frames_end(void *frames, azl_buf_t *out);

#endif /* AZL_ANTHROPIC_INT_H */
