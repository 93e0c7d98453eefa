/*
 * Anthropic's Messages API, as clients speak it: its requests as chats, chats'
 * answers as its own.
 */
#ifndef AZL_MESSAGES_INT_H
#define AZL_MESSAGES_INT_H

#include "azl_hub.h"
#include "azl_write.h"

extern const azl_inbound_t azl_inbound_messages;
/* Nothing of it is translated but errors. */
extern const azl_inbound_t azl_inbound_count_tokens;

/* The signature of thinking that no Claude has done: clients send blocks back
 * as they got them, and we know our own again. It is what base64 may be, in
 * case somebody looks. */
#define AZL_MESSAGES_UNSIGNED "azurelitUnsigned"

/* A request that is brought into the hub's form. */
typedef struct azl_messages_in_t {
    azl_exchange_t *ex;
    apr_pool_t *p; /* the exchange's */
    azl_error_t *err;
    azl_write_t w;
} azl_messages_in_t;

/* A 400 about a place in the request; returns 0. The path is copied. */
int azl_messages_refuse(azl_messages_in_t *in, const char *path,
                        const char *message);
/* The member `cache_control` of what is being written, if this block has one
 * and the hub's reader can know it. */
void azl_messages_cache(azl_messages_in_t *in, const azl_json_t *block);
/* azl_messages_part.c: is a block of this type? */
int azl_messages_is_type(const azl_json_t *block, const char *type);
int azl_messages_is_media(const azl_json_t *block);
/* A part of a message with this text, which is that of the block. */
void azl_messages_text_part(azl_messages_in_t *in, const azl_json_t *text,
                            const azl_json_t *block);
/* 1; 0: it is no image or document that could go on. */
int azl_messages_media(azl_messages_in_t *in, const azl_json_t *block);
/* azl_messages_talk.c: the member `messages` of the hub from the client's
 * `system` and `messages`. 1, or 0 with the error. */
int azl_messages_talk(azl_messages_in_t *in, const azl_json_t *client);

/* "end_turn" ... for a finish_reason. */
const char *azl_messages_stop(azl_span_t finish);
/* The members of a usage object, without its braces; from OpenAI's. */
void azl_messages_usage(azl_write_t *w, const azl_usage_t *usage);
/* An id as clients know it, begun with "msg_"; in the pool. */
const char *azl_messages_id(apr_pool_t *p, azl_span_t hub_id,
                            const char *request_id);
/* The id of a call to which the upstream gave none; in the pool. */
const char *azl_messages_call_id(apr_pool_t *p, const char *request_id,
                                 int number);
apr_status_t azl_messages_answer(azl_exchange_t *ex, azl_span_t hub,
                                 azl_buf_t *out);
apr_status_t azl_messages_error(const azl_error_t *err, const char *request_id,
                                azl_buf_t *out);

void *azl_messages_encoder(azl_exchange_t *ex);
void azl_messages_event(void *encoder, const azl_sse_event_t *ev,
                        azl_buf_t *out);

#endif /* AZL_MESSAGES_INT_H */
