/*
 * azl_hub: the one form between all APIs.
 *
 * The hub form is OpenAI's own: the chat completions request, its answer and
 * its stream of chunks, as JSON text (for embeddings OpenAI's embeddings, for
 * rerank Cohere's v2 rerank). Whatever speaks something else is brought to it
 * and back by two tables of pure functions:
 *
 *     client --- inbound ---> hub form --- outbound ---> upstream
 *            <--- inbound --- hub form <--- outbound ---
 *
 * An inbound is the API of a client (Responses, Anthropic Messages), an
 * outbound the API of an upstream (Anthropic Messages, Gemini, Bedrock
 * Converse, Responses). What the client speaks and the upstream understands
 * passes untouched, without any of this.
 *
 * Between outbound and inbound a stream goes through azl_stream_t
 * (azl_reply.h), so an inbound is fed clean chunks: the role once, tool calls
 * numbered from 0 with id and name once, one finish_reason for each choice,
 * usage always, an error or [DONE] at the end. A decoder need not be that
 * careful, but must never write [DONE] (or a finish_reason) that the upstream
 * has not earned: a stream without them is a stream that was cut, and the
 * client is told so.
 *
 * An exchange is one attempt's translation: made for each attempt, in the
 * request's pool, used by one thread. Tables are static and read-only.
 */
#ifndef AZL_HUB_H
#define AZL_HUB_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_buf.h"
#include "azl_catalog.h"
#include "azl_document.h"
#include "azl_error.h"
#include "azl_json.h"
#include "azl_route.h"
#include "azl_sse.h"
#include "azl_usage.h"

/* The largest document that is translated; inline images and PDFs make them
 * large. An answer is held whole for it. */
#define AZL_HUB_DOCUMENT_MAX (64 * 1024 * 1024)
/* The largest piece of state that is kept for a client (a signature, encrypted
 * reasoning), in bytes. */
#define AZL_HUB_KEPT_MAX (64 * 1024)

/* State that the client's API cannot carry, by the id of a tool call in the
 * answer. What is kept may be gone when it is asked for: every user has a
 * documented substitute. `kind` keeps providers apart ("anthropic", ...); the
 * store adds whose key it is. */
typedef void azl_hub_keep_fn(void *baton, const char *kind, azl_span_t call_id,
                             azl_span_t state);
/* In the pool; an empty span: there is none. */
typedef azl_span_t azl_hub_recall_fn(void *baton, apr_pool_t *p,
                                     const char *kind, azl_span_t call_id);

typedef struct azl_exchange_t {
    apr_pool_t *pool;
    const azl_deployment_t *deployment;
    const char *family;  /* the model's public name, by which is known what it
                            takes: base-model= or else the alias; never
                            guessed from a deployment's name */
    const char *alias;   /* what the client calls it */
    azl_op_e op;         /* what the client asked for */
    int streamed;        /* ... as a stream */
    azl_params_e params; /* what becomes of members that cannot be carried */
    int plain; /* who reads the hub's document knows OpenAI's members only. To
                  others an inbound gives Anthropic's, too, as LiteLLM has them:
                  `cache_control` of messages, parts, calls and tools, `top_k`,
                  and `thinking_blocks` of a message */
    apr_time_t now;
    const char *request_id; /* unique: for ids the upstream does not give */
    apr_table_t *client_headers; /* read-only; NULL: none are known. An
                                    inbound's extras (anthropic-beta) */
    const azl_json_t *hub; /* the request in the hub form. This and the next
                              are gone when the answer has begun: a decoder
                              or an encoder reads them when it is made */
    const azl_document_t *doc; /* the same as it was read; NULL: it was not.
                                  For the request only */
    const azl_json_t *client; /* the client's own document, if an inbound made
                                 the hub's of it; else NULL */
    azl_hub_keep_fn *keep; /* NULL: nothing is kept */
    azl_hub_recall_fn *recall;
    void *kept;
    apr_array_header_t *dropped; /* const char *: members that were left out,
                                    for the response header, "(unknown)" for
                                    names of the client's own making; not more
                                    than the header has room for. NULL: none */
    void *memo; /* the outbound's own, from its request to its answer */
} azl_exchange_t;

/* The API of an upstream. */
typedef struct azl_outbound_t {
    /* The media type of its event stream; NULL: it has none, nor a decoder. */
    const char *stream_type;
    /* The upstream's body, from ex->hub. 1, or 0 with the error for the
     * client: 400 with `param` naming the path ("messages[2].content[0]"). */
    int (*request)(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err);
    /* A whole good answer as the hub's. APR_EGENERAL: it is none; with an
     * error document (azl_hub_error_write()) in `out` if it says why. */
    apr_status_t (*answer)(azl_exchange_t *ex, azl_span_t doc, azl_buf_t *out);
    /* The decoder of one stream, in ex->pool; it keeps nothing for each token
     * in any pool. It writes hub events ("data: {...}\n\n"), see
     * azl_hub_stream_t. */
    void *(*decoder)(azl_exchange_t *ex);
    /* One of the two. An event stream is cut into events before. Bytes:
     * APR_SUCCESS, or APR_EGENERAL when what comes cannot be understood any
     * more. */
    void (*event)(void *decoder, const azl_sse_event_t *ev, azl_buf_t *out);
    apr_status_t (*bytes)(void *decoder, const char *data, apr_size_t len,
                          azl_buf_t *out);
    /* The upstream ended its transfer. NULL: that means nothing. */
    void (*end)(void *decoder, azl_buf_t *out);
    /* Rewrites an error answer as OpenAI's {"error":{...}}, so that it is
     * understood as all others are, and gives the HTTP status it stands for.
     * `out` stays empty: it is understood as it is. NULL: always. */
    int (*failure)(azl_exchange_t *ex, int status, const apr_table_t *headers,
                   azl_span_t body, azl_buf_t *out);
} azl_outbound_t;

/* The API of a client. */
typedef struct azl_inbound_t {
    /* The hub's document from ex->client, a JSON object. Made once for all
     * attempts: it may not depend on the deployment, but for ex->plain. 1, or 0
     * with the error for the client. NULL, as the next three: nothing is
     * translated, only errors have a form of their own. */
    int (*request)(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err);
    /* The error names a place in the hub's document ("messages[2].content[0]"):
     * it gets the client's own name of it, as far as it has one. Reads
     * ex->client again. NULL: its errors name no places. */
    void (*place)(azl_exchange_t *ex, azl_error_t *err);
    /* The client's answer from the hub's. APR_EGENERAL: it is none. */
    apr_status_t (*answer)(azl_exchange_t *ex, azl_span_t hub, azl_buf_t *out);
    /* The encoder of one stream, in ex->pool. */
    void *(*encoder)(azl_exchange_t *ex);
    /* A hub event: a chunk, {"error":...}, [DONE] or a comment. */
    void (*event)(void *encoder, const azl_sse_event_t *ev, azl_buf_t *out);
    /* An error answer in the client's form; NULL: OpenAI's. */
    apr_status_t (*error)(const azl_error_t *err, const char *request_id,
                          azl_buf_t *out);
} azl_inbound_t;

/* NULL: what this operation's client speaks is the hub's form, or has no way
 * to it. */
const azl_inbound_t *azl_inbound_of(azl_op_e op);

/*
 * Members that cannot be carried
 */

/* The target has nothing for this member of the request. `matters`: without it
 * the answer would mean something else (n, logprobs, audio), not only come
 * about differently (seed, user). 1: leave it out, it has been noted; 0: refuse
 * the request, `err` says so. AZL_PARAMS_DROP leaves everything out,
 * AZL_PARAMS_REJECT nothing, AZL_PARAMS_KEEP what does not matter. */
int azl_exchange_without(azl_exchange_t *ex, const char *member, int matters,
                         azl_error_t *err);
/* The same for what nobody asks an answer for (a mark where a cache may begin,
 * thoughts of another model): it is left out whatever is configured. */
void azl_exchange_note(azl_exchange_t *ex, const char *member);
/* Anthropic's own members, for a target that has nothing like them: noted, if
 * the hub's document has any. Marks where a cache may begin, all of them or
 * that of one part; thoughts of former turns. */
void azl_exchange_note_caches(azl_exchange_t *ex);
void azl_exchange_note_cache(azl_exchange_t *ex, const azl_json_t *part);
void azl_exchange_note_thoughts(azl_exchange_t *ex);
/* A 400 about a place in the request ("messages[2].content[0]"); returns 0. */
int azl_exchange_refuse(azl_exchange_t *ex, azl_error_t *err, const char *path,
                        const char *message);

/* What one API calls by another name than the other. */
typedef struct azl_word_t {
    const char *from;
    const char *to;
} azl_word_t;

/* By a table that ends with a word without a name; `otherwise`, if it is not in
 * there: providers think of new ones every month. */
const char *azl_word(const azl_word_t *words, azl_span_t from,
                     const char *otherwise);

/*
 * Writing a hub stream
 */

typedef struct azl_hub_stream_t {
    azl_buf_t *out;   /* of the event that runs */
    char id[128];     /* the answer's id as JSON; "" until known */
    apr_int64_t created; /* seconds */
    int finished;
    int calls;           /* calls of tools that have begun ... */
    apr_size_t call_text; /* ... and their names and ids, in bytes */
    int failed;          /* an error has been written: nothing follows it */
} azl_hub_stream_t;

/* `created` from the exchange; the id is "chatcmpl-" and the request's until
 * the upstream gives one. */
void azl_hub_stream_init(azl_hub_stream_t *h, const azl_exchange_t *ex);
/* The id: a JSON string as written, or any text. */
void azl_hub_stream_id(azl_hub_stream_t *h, azl_span_t text);
/* A delta with one string member: "content", "reasoning_content", "refusal".
 * `raw`: as JSON, with quotes (as the upstream wrote it); a blank one writes
 * nothing. */
void azl_hub_delta(azl_hub_stream_t *h, int choice, const char *member,
                   azl_span_t raw);
/* The same with plain text. */
void azl_hub_delta_text(azl_hub_stream_t *h, int choice, const char *member,
                        azl_span_t text);
/* Who speaks: the first delta, {"role":"assistant","content":""}. */
void azl_hub_role(azl_hub_stream_t *h, int choice);
/* A tool call begins: id and name as plain text. */
void azl_hub_tool(azl_hub_stream_t *h, int choice, int index, azl_span_t id,
                  azl_span_t name);
/* A decoder keeps something of each call, an upstream may never stop to make
 * them. 1: there is room for one more, with a name and an id of this length. 0:
 * there is not, the client has been told that the upstream failed, and nothing
 * may follow. */
#define AZL_HUB_CALLS_MAX 128 /* OpenAI's limit, which its SDKs hold on to */
#define AZL_HUB_CALL_TEXT_MAX (1024 * 1024) /* of all of them, 8 KB for each:
                               some put a signature into the id */
int azl_hub_another_call(azl_hub_stream_t *h, apr_size_t name, apr_size_t id);
/* More of its arguments, as a JSON string (raw, quoted) or as text. */
void azl_hub_arguments(azl_hub_stream_t *h, int choice, int index,
                       azl_span_t raw);
void azl_hub_arguments_text(azl_hub_stream_t *h, int choice, int index,
                            azl_span_t text);
/* "stop", "length", "tool_calls", "content_filter". */
void azl_hub_finish(azl_hub_stream_t *h, int choice, const char *reason);
void azl_hub_usage(azl_hub_stream_t *h, const azl_usage_t *usage);
/* What the upstream has counted so far, with all that was written before:
 * should the stream break off, it counts. An event of this name, which no
 * client gets to see; usage->told says what is counted. */
#define AZL_HUB_SO_FAR "azurelit.usage"
void azl_hub_usage_so_far(azl_hub_stream_t *h, const azl_usage_t *usage);
/* The same with the service tier it is billed at, in OpenAI's words; NULL: it
 * is not known. */
void azl_hub_usage_at(azl_hub_stream_t *h, const azl_usage_t *usage,
                      const char *tier);
/* [DONE]: nothing is missing. */
void azl_hub_done(azl_hub_stream_t *h);
/* An event of the upstream that is no JSON: left out here too, and counted. */
void azl_hub_malformed(azl_buf_t *out);
/* The upstream said that it failed. `status`: the HTTP status it would have
 * had; `type` and `code` in OpenAI's words, NULL: as the status has them. */
void azl_hub_error(azl_hub_stream_t *h, int status, const char *type,
                   const char *code, const char *message);

/*
 * Writing a hub answer
 */

typedef struct azl_hub_call_t {
    const char *id;        /* NULL: one is made */
    const char *name;
    const char *arguments; /* JSON text; NULL or "": {} */
} azl_hub_call_t;

typedef struct azl_hub_choice_t {
    azl_span_t content;    /* plain text, with all that may be in it, NULs
                              too; at NULL: none */
    azl_span_t reasoning;  /* likewise */
    const char *refusal;   /* NULL: none */
    apr_array_header_t *calls;  /* azl_hub_call_t; NULL: none */
    const char *finish;    /* as above */
    const char *more;      /* further members of the message as JSON text
                              ("\"annotations\":[...]"); NULL: none */
} azl_hub_choice_t;

/* The whole document. `id` may be NULL, `usage` not reported. */
void azl_hub_answer(const azl_exchange_t *ex, const char *id,
                    const azl_hub_choice_t *choices, int nchoices,
                    const azl_usage_t *usage, azl_buf_t *out);
/* The whole document gets its service tier; NULL: none. */
void azl_hub_answer_tier(azl_buf_t *out, const char *tier);
/* The usage object alone, in OpenAI's members. */
void azl_hub_usage_write(azl_buf_t *out, const azl_usage_t *usage);
/* An error document: {"error":{...}}, as azl_hub_error(). */
void azl_hub_error_write(azl_buf_t *out, int status, const char *type,
                         const char *code, const char *message);

#endif /* AZL_HUB_H */
