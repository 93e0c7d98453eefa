/*
 * azl_embed: embeddings at upstreams that do not speak OpenAI's language: what
 * the request asks for, and the answer as OpenAI has it.
 */
#ifndef AZL_EMBED_INT_H
#define AZL_EMBED_INT_H

#include "azl_edit_int.h"
#include "azl_hub.h"
#include "azl_write.h"

/* What the answer needs to know of the request: the exchange's memo. */
typedef struct azl_embed_memo_t {
    int count;        /* texts */
    int base64;       /* vectors are wanted as base64 */
    apr_size_t bytes; /* of all texts */
} azl_embed_memo_t;

typedef struct azl_embed_t {
    apr_array_header_t *texts; /* azl_span_t, in the request's tree */
    apr_int64_t dimensions;    /* 0: not said */
    const char *purpose;       /* input_type, as Cohere calls it; NULL: not
                                  said */
    azl_embed_memo_t *memo;
} azl_embed_t;

/* Read ex->hub and set ex->memo. At most `most` texts. 1, or 0 with the error:
 * tokens in place of text, empty texts, too many of them. */
int azl_embed_read(azl_exchange_t *ex, int most, azl_embed_t *e,
                   azl_error_t *err);

/* The answer: opened, one vector after the other (`floats`: a JSON array of
 * numbers), closed. A usage that is not reported is an estimate. */
typedef struct azl_embed_answer_t {
    azl_write_t w;
    const azl_embed_memo_t *memo;
    int n; /* vectors so far */
} azl_embed_answer_t;

void azl_embed_open(azl_embed_answer_t *a, const azl_exchange_t *ex,
                    azl_buf_t *out);
/* 1, or 0: these are no numbers. */
int azl_embed_vector(azl_embed_answer_t *a, azl_span_t floats);
/* APR_EGENERAL: there are not as many as texts. */
apr_status_t azl_embed_close(azl_embed_answer_t *a, const azl_usage_t *usage);

/* A JSON array of numbers as what OpenAI calls base64: a string of
 * little-endian floats of 32 bits. 1, or 0 (with part of it written). */
int azl_embed_base64(azl_buf_t *out, azl_span_t floats);
/* The vectors that are arrays in `data`, the list of an OpenAI embeddings
 * answer, become strings, if it is one of base64; the rest stays as it is. */
void azl_embed_edit(azl_edit_t *e, azl_span_t data);

#endif /* AZL_EMBED_INT_H */
