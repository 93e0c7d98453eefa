/*
 * azl_repeat: recognises a chunk that differs from the last one only in the
 * text it brings.
 *
 * A stream is hundreds of chunks of 300 to 500 bytes that are alike but for a
 * word of content and some padding (`obfuscation`). What became of one of them
 * is what becomes of the next, with the new word in it, so the next is
 * compared instead of read. Part of an azl_stream_t; its memory is a copy of
 * one chunk and of its output, kept outside the pool.
 *
 *     source:  [head]"word"[middle]"padding"[tail]     or  [head]"word"[middle]
 *     output:  [before]"word"[after]
 */
#ifndef AZL_REPEAT_INT_H
#define AZL_REPEAT_INT_H

#include "azl_buf.h"
#include "azl_span.h"

/* Longer chunks are not remembered: they are mostly text, and reading text is
 * fast anyway. */
#define AZL_REPEAT_MAX 8192

typedef struct azl_repeat_t {
    azl_buf_t *source; /* NULL: nothing was remembered yet */
    azl_buf_t *output;
    apr_size_t head;       /* length of what comes before the word */
    apr_size_t middle_at;  /* where the middle begins */
    apr_size_t middle_end; /* ... and ends: the padding, or the end */
    apr_size_t tail_at;    /* where the tail begins; equals middle_end without
                              a padding */
    apr_size_t before;     /* of the output, up to the word */
    apr_size_t after_at;
    int valid;
    azl_span_t word; /* of what was applied last */
    apr_uint64_t hits;
} azl_repeat_t;

/* Remember that `source` became `output`. `word` (with its quotes) and
 * `padding` (likewise, or empty) point into the source, the padding behind the
 * word. Does nothing if the word cannot be found for certain in the output. */
void azl_repeat_learn(azl_repeat_t *rep, apr_pool_t *p, azl_span_t source,
                      azl_span_t word, azl_span_t padding, azl_span_t output);
/* The length of the word if the source is like the one remembered, brings a
 * word that is not empty, and its output has been appended to `out`; else 0 and
 * nothing is. */
apr_size_t azl_repeat_apply(azl_repeat_t *rep, azl_span_t source,
                            azl_buf_t *out);
/* Something else came: what was learned may no longer hold. */
void azl_repeat_forget(azl_repeat_t *rep);

#endif /* AZL_REPEAT_INT_H */
