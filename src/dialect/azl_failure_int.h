/*
 * What an upstream's error document says, shared by refused requests and by
 * streams that break with an error event. Values; strings are in the pool.
 */
#ifndef AZL_FAILURE_INT_H
#define AZL_FAILURE_INT_H

#include "azl_dialect.h"

typedef struct azl_failure_words_t {
    const char *message; /* each NULL when missing or empty */
    const char *type;
    const char *param;
    const char *code; /* a number as its text */
    azl_span_t innererror;
    int status; /* an HTTP status that it names; 0: none */
} azl_failure_words_t;

/* Read an error document in whatever shape. 1 if it held a message or code. */
int azl_failure_words(apr_pool_t *p, azl_span_t body,
                      azl_failure_words_t *words);
/* What the client is told of a failure with this status and these words (NULL:
 * none). `e` names what must not be told; NULL when it is not known. */
void azl_failure_tell(apr_pool_t *p, const azl_endpoint_t *e, int status,
                      const azl_failure_words_t *words, azl_error_t *err);

#endif /* AZL_FAILURE_INT_H */
