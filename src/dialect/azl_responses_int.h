/*
 * azl_responses: between chat completions and Responses, in both directions.
 *
 * Outbound: a client's chat goes to a deployment that has only /responses.
 * Inbound: a client of /responses is served by one that has only a chat.
 * Tables are static and read-only.
 */
#ifndef AZL_RESPONSES_INT_H
#define AZL_RESPONSES_INT_H

#include <apr_hash.h>

#include "azl_edit_int.h"
#include "azl_hub.h"
#include "azl_write.h"

extern const azl_outbound_t azl_outbound_responses;
extern const azl_inbound_t azl_inbound_responses;

/* Whose state is kept: reasoning that only the provider can read. */
#define AZL_RESPONSES_KIND "responses"

/* Of an answer: the probabilities of its tokens. */
#define AZL_INCLUDE_LOGPROBS "message.output_text.logprobs"

/*
 * Both
 */

/* A member as it is, if there is one. */
void azl_responses_copy(azl_write_t *w, const azl_json_t *from,
                        const char *name);
/* A part that is the same in both. 1, or 0: it is none. */
int azl_responses_audio(azl_write_t *w, const azl_json_t *part);
/* The members of a file, which is there as data or by its id. */
void azl_responses_file(azl_write_t *w, const azl_json_t *file);
int azl_responses_has_file(const azl_json_t *file);
/* Is the value this, written as JSON? 0 if `json` is NULL. */
int azl_responses_is(apr_pool_t *p, const azl_json_t *value, const char *json);

/*
 * Outbound
 */

/* The messages as input items, written into the open array. 1, or 0 with the
 * error. */
int azl_responses_input(azl_exchange_t *ex, azl_write_t *w, azl_error_t *err);
apr_status_t azl_responses_answer(azl_exchange_t *ex, azl_span_t doc,
                                  azl_buf_t *out);
void *azl_responses_decoder(azl_exchange_t *ex);
void azl_responses_event(void *decoder, const azl_sse_event_t *ev,
                         azl_buf_t *out);

/* Reasoning that may have to be given back: the items since the last call. */
typedef struct azl_responses_kept_t {
    azl_exchange_t *ex;
    azl_buf_t *items; /* NULL: nothing is kept */
} azl_responses_kept_t;

void azl_responses_kept_init(azl_responses_kept_t *kept, azl_exchange_t *ex);
/* A reasoning item came. */
void azl_responses_kept_item(azl_responses_kept_t *kept,
                             const azl_object_t *item);
/* A call of a tool came: what stood before it is kept by its id. */
void azl_responses_kept_call(azl_responses_kept_t *kept, azl_span_t call_id);

typedef enum {
    AZL_ITEM_OTHER = 0,
    AZL_ITEM_MESSAGE,
    AZL_ITEM_REASONING,
    AZL_ITEM_FUNCTION_CALL,
    AZL_ITEM_CUSTOM_CALL,
    AZL_ITEM_SEARCH_CALL
} azl_item_e;

azl_item_e azl_responses_item(const azl_object_t *item);
/* A string member as text in the pool; "" if it is none. */
azl_span_t azl_responses_text(apr_pool_t *p, const azl_object_t *o,
                              const char *name);
/* Characters of the inside of a JSON string, by which citations count. */
apr_int64_t azl_responses_characters(azl_span_t inside);
/* A source on the web as a chat has it, further on by `offset` characters; a
 * chat has no other. `index`: its number in a stream's list, or -1. 1 if it was
 * written. */
int azl_responses_citation(azl_write_t *w, azl_span_t raw, apr_int64_t offset,
                           int index);
/* Why an answer ended, in a chat's words. `status` as written, quotes and all
 * (NULL: completed), `details` the incomplete_details or NULL. NULL: it has not
 * ended well. */
const char *azl_responses_finish(const azl_value_t *status,
                                 const azl_value_t *details, int calls);

/*
 * Inbound
 */

/* A 400 that names a place in the client's document; returns 0. */
int azl_responses_refuse(azl_error_t *err, const char *path,
                         const char *message);

/* The function that stands for searching tools, and the one member of one that
 * stands for a custom tool. */
#define AZL_TOOL_SEARCH_NAME "tool_search"
#define AZL_TOOL_INPUT "input"

/* What a function of the chat stands for. */
typedef enum {
    AZL_TOOL_FUNCTION,
    AZL_TOOL_CUSTOM,
    AZL_TOOL_SEARCH
} azl_tool_kind_e;

/* A tool that the client's model may call. Points into its document. */
typedef struct azl_tool_t {
    azl_tool_kind_e kind;
    azl_span_t space; /* its namespace; empty: none */
    azl_span_t name;
    azl_span_t sent; /* what it is called in the chat */
    const azl_json_t *json;
    const azl_json_t *about; /* what its namespace says of itself; NULL: that
                                stands with another */
    const char *path;        /* "tools[0].tools[1]" */
} azl_tool_t;

/* One that the provider would use by itself. */
typedef struct azl_hosted_t {
    const char *path;
    azl_span_t type;
} azl_hosted_t;

typedef struct azl_tools_t {
    apr_pool_t *pool;
    apr_array_header_t *list;   /* azl_tool_t * */
    apr_array_header_t *hosted; /* azl_hosted_t */
    apr_hash_t *own;  /* azl_tool_t by namespace and name */
    apr_hash_t *sent; /* ... by what it is called */
} azl_tools_t;

/* The tools of a request, in the pool. 1, or 0 with the error. */
int azl_tools_read(azl_tools_t *t, apr_pool_t *p, const azl_json_t *client,
                   azl_error_t *err);
/* What a tool is called in the chat, also one that is not declared. */
azl_span_t azl_tools_sent(const azl_tools_t *t, azl_span_t space,
                          azl_span_t name);

/* A place in the chat of which the client's name is wanted. */
typedef struct azl_sought_t {
    int message;       /* its number */
    const char *rest;  /* of the path: ".content[0]" */
    const char *found; /* the client's path; NULL: not yet */
} azl_sought_t;

typedef struct azl_responses_in_t {
    azl_exchange_t *ex;
    azl_write_t *w;
    azl_error_t *err;
    azl_tools_t tools;
    azl_sought_t *sought; /* NULL: nothing */
} azl_responses_in_t;

/* A part of a message as a chat's, which may be text only. 1, or 0: it cannot
 * be one. */
int azl_responses_in_part(azl_write_t *w, const azl_json_t *part,
                          int text_only);
int azl_responses_in_text(const azl_json_t *part);
/* Instructions and input as messages, written into the open array. 1, or 0
 * with the error. */
int azl_responses_messages(azl_responses_in_t *in);
/* azl_responses_in_place.c: see azl_inbound_t. */
void azl_responses_place(azl_exchange_t *ex, azl_error_t *err);
/* The members `tools`, `parallel_tool_calls` and `tool_choice`. 1, or 0 with
 * the error. */
int azl_responses_tools(azl_responses_in_t *in);
apr_status_t azl_responses_told(azl_exchange_t *ex, azl_span_t hub,
                                azl_buf_t *out);
void *azl_responses_encoder(azl_exchange_t *ex);
void azl_responses_chunk(void *encoder, const azl_sse_event_t *ev,
                         azl_buf_t *out);

/* One item of the output. */
typedef struct azl_told_item_t {
    azl_item_e kind;
    const char *id;     /* "msg_..." */
    int number;         /* in the output */
    int call;           /* the chat's number of a call */
    int begun;          /* it has been announced (streams) */
    azl_span_t call_id; /* of a call: JSON; empty: unknown */
    azl_span_t name;    /* likewise */
    azl_span_t space;   /* likewise: its namespace; empty: none */
    int stands;         /* a function stood for it: what it was called with is
                           its input only at its end, see azl_told_settle() */
    azl_buf_t *text;    /* inside of a JSON string: what a message says, the
                           reasoning, arguments or input */
    azl_buf_t *refusal; /* likewise, of a message */
    int text_part;      /* numbers of the parts of a message; -1: not there */
    int refusal_part;
    azl_buf_t *annotations; /* of its text: elements of the list */
    int nannotations;
    azl_buf_t *logprobs; /* likewise */
} azl_told_item_t;

/* A response that is being told. Its buffers go with the pool. */
typedef struct azl_told_t {
    apr_pool_t *pool;
    const char *id; /* unique: the request's */
    const char *alias;
    apr_int64_t created; /* seconds */
    azl_buf_t *echo;     /* members that repeat the request, a comma before */
    apr_hash_t *tools;   /* what functions stand for, by their names; NULL: all
                            are functions of the client's */
    apr_array_header_t *items; /* azl_told_item_t * */
    azl_usage_t usage;
    const char *tier;   /* as JSON */
    const char *reason; /* why it is incomplete; NULL: it is not */
    int cut;            /* its last item may not be whole */
} azl_told_t;

/* Reads ex->client. */
void azl_told_init(azl_told_t *told, const azl_exchange_t *ex);
azl_told_item_t *azl_told_add(azl_told_t *told, azl_item_e kind);
/* The name of a call is known: it gets the client's own. */
void azl_told_name(azl_told_t *told, azl_told_item_t *item);
/* A call is whole. What it was called with becomes what the client takes. */
void azl_told_settle(azl_told_t *told, azl_told_item_t *item);
/* What a chat's finish_reason means. */
void azl_told_finish(azl_told_t *told, azl_span_t raw);
/* A source as a chat has it, added to the item's: as it is there; empty: it is
 * none. Good until the next one. */
azl_span_t azl_told_annotation(azl_told_item_t *item, azl_span_t raw);
/* The probabilities of a choice, added to the item's: the elements as they
 * were; empty: there are none. */
azl_span_t azl_told_logprobs(azl_told_item_t *item, const azl_value_t *v);
/* More of a string, as JSON. */
void azl_told_more(azl_buf_t *to, azl_span_t raw);
/* The item; `whole`: with what it says, else as it begins. */
void azl_told_write_item(const azl_told_t *told, azl_write_t *w,
                         const char *name, const azl_told_item_t *item,
                         int whole);
/* A part of a message: its text or its refusal. */
void azl_told_write_part(azl_write_t *w, const char *name,
                         const azl_told_item_t *item, int refusal, int whole);
/* The member `logprobs` of a text. */
void azl_told_write_logprobs(azl_write_t *w, const azl_buf_t *elements);
/* A string of which the inside is in a buffer. */
void azl_told_write_inside(azl_write_t *w, const char *name,
                           const azl_buf_t *inside);
/* The whole object. `status`: "in_progress" has no output yet. `error`: its
 * object as JSON, or NULL. */
void azl_told_write(const azl_told_t *told, azl_write_t *w, const char *name,
                    const char *status, const char *error);

/*
 * azl_responses_in_tell.c: its events, while it comes
 */

typedef struct azl_tell_t {
    azl_told_t told;
    azl_buf_t *out;       /* where events go */
    apr_int64_t sequence; /* number of the next one */
} azl_tell_t;

/* An event, of which more members follow, and its end. */
azl_write_t azl_tell_begin(azl_tell_t *t, const char *type);
void azl_tell_end(azl_write_t *w);
/* The whole Response, as azl_told_write() has it. */
void azl_tell_response(azl_tell_t *t, const char *type, const char *status,
                       const char *error);
void azl_tell_item(azl_tell_t *t, const char *type,
                   const azl_told_item_t *item, int whole);
/* An event about a place in an item. `part` NULL: the item has no parts. */
azl_write_t azl_tell_begin_inside(azl_tell_t *t, const char *type,
                                  const azl_told_item_t *item,
                                  const char *part, int number);
/* More of a string, as JSON; azl_tell_text(): of a text, with the elements of
 * its logprobs. */
void azl_tell_delta(azl_tell_t *t, const char *type,
                    const azl_told_item_t *item, const char *part,
                    int number, azl_span_t raw);
void azl_tell_text(azl_tell_t *t, const azl_told_item_t *item, azl_span_t raw,
                   azl_span_t logprobs);
/* A part of a message, or the summary of reasoning. */
void azl_tell_part(azl_tell_t *t, const char *type,
                   const azl_told_item_t *item, int refusal, int whole);
void azl_tell_part_end(azl_tell_t *t, const azl_told_item_t *item,
                       int refusal);
void azl_tell_summary(azl_tell_t *t, const char *type,
                      const azl_told_item_t *item, const azl_buf_t *text);
void azl_tell_summary_end(azl_tell_t *t, const azl_told_item_t *item);

#endif /* AZL_RESPONSES_INT_H */
