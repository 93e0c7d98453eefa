/*
 * Servers that resemble OpenAI's and want a look into messages and answers
 * (quirks=). Everything that needs no other form stays byte for byte.
 */
#ifndef AZL_OPENAI_INT_H
#define AZL_OPENAI_INT_H

#include "azl_dialect_int.h"
#include "azl_edit_int.h"

/* Whose state it is that a client does not hold: the text of the reasoning
 * before calls of tools, as the inside of a JSON string. */
#define AZL_OPENAI_KIND "reasoning"

/* The outbound of chats. */
int azl_openai_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err);
apr_status_t azl_openai_answer(azl_exchange_t *ex, azl_span_t doc,
                               azl_buf_t *out);
void *azl_openai_decoder(azl_exchange_t *ex);
void azl_openai_event(void *decoder, const azl_sse_event_t *ev, azl_buf_t *out);
void azl_openai_end(void *decoder, azl_buf_t *out);

/* A request's body with its messages as this endpoint takes them. */
void azl_openai_messages(azl_exchange_t *ex, azl_span_t body, azl_buf_t *out);

/*
 * Mending what answers and streams have in common
 */

/* More calls in one stream are not told apart by their index. */
#define AZL_MEND_CALLS_MAX 128

typedef struct azl_mend_choice_t {
    int index;
    int calls; /* that have begun */
    unsigned char seen[AZL_MEND_CALLS_MAX / 8]; /* indexes of a stream */
} azl_mend_choice_t;

typedef struct azl_mend_t {
    azl_exchange_t *ex;
    azl_edit_t edit;
    int streamed;       /* deltas, which leave out what has been said */
    azl_buf_t *text;    /* of parts, as a JSON string */
    azl_buf_t *thought; /* likewise */
    azl_span_t call_id; /* of the last message or delta: the first one's that
                           begins in it; empty if none does. Of the source, or
                           of `made` */
    char made[48];      /* the last id that was made here */
} azl_mend_t;

void azl_mend_init(azl_mend_t *m, azl_exchange_t *ex, int streamed);
/* A message or a delta, which is edited in place. */
void azl_mend_message(azl_mend_t *m, azl_object_t *o,
                      azl_mend_choice_t *choice);
/* What a finish_reason is to say, as JSON; NULL: what it says. `v` may be NULL.
 */
const char *azl_mend_finish(const azl_mend_t *m, const azl_value_t *v,
                            int calls);
/* A choice that is an error: 1, and the error document. */
int azl_mend_failure(const azl_object_t *choice, azl_buf_t *out);
/* Usage as OpenAI counts: reasoning is part of the completion. */
void azl_mend_usage(azl_mend_t *m, azl_span_t raw);
/* A JSON text that stands for the id of the answer. */
azl_span_t azl_mend_id(azl_exchange_t *ex);

#endif /* AZL_OPENAI_INT_H */
