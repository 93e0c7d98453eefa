/*
 * azl_buf: a growing byte buffer with a hard cap.
 *
 * Owned by whoever creates it; its memory comes from malloc, so growing and
 * clearing it never grows a pool, and a cleanup of the pool it was created
 * from frees it. One buffer serves a whole stream: azl_buf_clear() keeps the
 * memory for the next chunk.
 *
 * Errors stick: after the first append that would pass the cap (or fails to
 * get memory) every further append is refused, the content stays what it was
 * before that append, and `failed` says so. A caller may thus write a whole
 * document and test once.
 */
#ifndef AZL_BUF_H
#define AZL_BUF_H

#include <string.h>

#include <apr_errno.h>
#include <apr_pools.h>

#include "azl_span.h"

typedef struct azl_buf_t {
    char *data;      /* NULL until the first byte is written */
    apr_size_t len;  /* bytes in use */
    apr_size_t size; /* bytes allocated */
    apr_size_t max;  /* never allocate more than this */
    int failed;      /* an append was refused */
} azl_buf_t;

azl_buf_t *azl_buf_create(apr_pool_t *p, apr_size_t max);
/* Forget the content and a failure, keep the memory. */
void azl_buf_clear(azl_buf_t *b);
/* Forget the content and give the memory back. */
void azl_buf_free(azl_buf_t *b);
/* The content, which is now the caller's to free(); NULL if there is none. The
 * buffer is as if it were new. */
char *azl_buf_take(azl_buf_t *b);
/* An empty buffer gets exactly that much, for what will hardly grow. */
void azl_buf_fit(azl_buf_t *b, apr_size_t size);
/* Make room for `more` bytes beyond len; APR_ENOSPC beyond the cap. */
apr_status_t azl_buf_reserve(azl_buf_t *b, apr_size_t more);
/* Where azl_buf_append() goes when the bytes do not fit as they are. */
apr_status_t azl_buf_append_slow(azl_buf_t *b, const char *data,
                                 apr_size_t len);

/* A record or a chunk is written in dozens of small appends, so the ordinary
 * case is not a call. */
static inline apr_status_t azl_buf_append(azl_buf_t *b, const char *data,
                                          apr_size_t len)
{
    if (b->failed || len > b->size - b->len || !len) {
        return azl_buf_append_slow(b, data, len);
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return APR_SUCCESS;
}

static inline apr_status_t azl_buf_puts(azl_buf_t *b, const char *str)
{
    return azl_buf_append(b, str, strlen(str));
}

static inline apr_status_t azl_buf_span(azl_buf_t *b, azl_span_t s)
{
    return azl_buf_append(b, s.at, s.len);
}

/* A decimal number. */
apr_status_t azl_buf_int(azl_buf_t *b, apr_int64_t n);
/* `len` bytes as a quoted JSON string (RFC 8259, section 7): quote, backslash
 * and control characters escaped; bytes that are no UTF-8 become U+FFFD, so
 * that what is written can always be read. */
apr_status_t azl_buf_json(azl_buf_t *b, const char *data, apr_size_t len);
/* The same for a C string; NULL writes the token null. */
apr_status_t azl_buf_json_str(azl_buf_t *b, const char *str);
/* What is in the buffer as a NUL-terminated copy in the pool. */
char *azl_buf_pstr(const azl_buf_t *b, apr_pool_t *p);
/* The same with its length, for what may hold a NUL; never at NULL. */
azl_span_t azl_buf_copy(const azl_buf_t *b, apr_pool_t *p);
/* Each byte that is no UTF-8 becomes a question mark, in its place. */
void azl_buf_mend(azl_buf_t *b);

#endif /* AZL_BUF_H */
