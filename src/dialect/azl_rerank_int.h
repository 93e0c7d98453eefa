/*
 * azl_rerank: documents in the order in which they answer a query. The hub's
 * form is Cohere's second; what clients of the first send beside it is
 * understood: documents as objects with a text, return_documents.
 */
#ifndef AZL_RERANK_INT_H
#define AZL_RERANK_INT_H

#include "azl_edit_int.h"
#include "azl_hub.h"
#include "azl_write.h"

/* The exchange's memo: what comes back with its place. */
typedef struct azl_rerank_memo_t {
    int count;         /* documents */
    azl_span_t *texts; /* of all of them; NULL: they are not wanted back */
} azl_rerank_memo_t;

typedef struct azl_rerank_t {
    azl_span_t query;              /* in the request's tree */
    apr_array_header_t *documents; /* azl_span_t, likewise */
    apr_int64_t top;               /* 0: all */
} azl_rerank_t;

/* Read ex->hub and set ex->memo. 1, or 0 with the error. */
int azl_rerank_read(azl_exchange_t *ex, azl_rerank_t *rr, azl_error_t *err);
/* The answer from a document with `results`, each with index and
 * relevance_score or relevanceScore. */
apr_status_t azl_rerank_answer(azl_exchange_t *ex, azl_span_t doc,
                               azl_buf_t *out);

#endif /* AZL_RERANK_INT_H */
