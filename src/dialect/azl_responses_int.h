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

#endif /* AZL_RESPONSES_INT_H */
