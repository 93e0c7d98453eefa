/*
 * azl_responses: between chat completions and Responses, in both directions.
 *
 * Outbound: a client's chat goes to a deployment that has only /responses.
 * Inbound: a client of /responses is served by one that has only a chat.
 * Tables are static and read-only.
 */
#ifndef AZL_RESPONSES_INT_H
#define AZL_RESPONSES_INT_H

#include "azl_edit_int.h"
#include "azl_hub.h"
#include "azl_write.h"

extern const azl_outbound_t azl_outbound_responses;
extern const azl_inbound_t azl_inbound_responses;

/* Whose state is kept: reasoning that only the provider can read. */
#define AZL_RESPONSES_KIND "responses"

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
    AZL_ITEM_CUSTOM_CALL
} azl_item_e;

azl_item_e azl_responses_item(const azl_object_t *item);
/* A string member as text in the pool; "" if it is none. */
azl_span_t azl_responses_text(apr_pool_t *p, const azl_object_t *o,
                              const char *name);
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
/* Instructions and input as messages, written into the open array. 1, or 0
 * with the error. */
int azl_responses_messages(apr_pool_t *p, const azl_json_t *client,
                           azl_write_t *w, azl_error_t *err);
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
    azl_buf_t *text;    /* inside of a JSON string: what a message says, the
                           reasoning, arguments or input */
    azl_buf_t *refusal; /* likewise, of a message */
    int text_part;      /* numbers of the parts of a message; -1: not there */
    int refusal_part;
    azl_buf_t *annotations; /* of its text: elements of the list */
} azl_told_item_t;

/* A response that is being told. Its buffers go with the pool. */
typedef struct azl_told_t {
    apr_pool_t *pool;
    const char *id; /* unique: the request's */
    const char *alias;
    apr_int64_t created; /* seconds */
    azl_buf_t *echo;     /* members that repeat the request, a comma before */
    apr_array_header_t *items; /* azl_told_item_t * */
    azl_usage_t usage;
    const char *tier;   /* as JSON */
    const char *reason; /* why it is incomplete; NULL: it is not */
    int cut;            /* its last item may not be whole */
} azl_told_t;

/* Reads ex->client. */
void azl_told_init(azl_told_t *told, const azl_exchange_t *ex);
azl_told_item_t *azl_told_add(azl_told_t *told, azl_item_e kind);
/* What a chat's finish_reason means. */
void azl_told_finish(azl_told_t *told, azl_span_t raw);
/* More of a string, as JSON. */
void azl_told_more(azl_buf_t *to, azl_span_t raw);
/* The item; `whole`: with what it says, else as it begins. */
void azl_told_write_item(const azl_told_t *told, azl_write_t *w,
                         const char *name, const azl_told_item_t *item,
                         int whole);
/* A part of a message: its text or its refusal. */
void azl_told_write_part(azl_write_t *w, const char *name,
                         const azl_told_item_t *item, int refusal, int whole);
/* A string of which the inside is in a buffer. */
void azl_told_write_inside(azl_write_t *w, const char *name,
                           const azl_buf_t *inside);
/* The whole object. `status`: "in_progress" has no output yet. `error`: its
 * object as JSON, or NULL. */
void azl_told_write(const azl_told_t *told, azl_write_t *w, const char *name,
                    const char *status, const char *error);

#endif /* AZL_RESPONSES_INT_H */
