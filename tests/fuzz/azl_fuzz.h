/*
 * azl_fuzz: what the fuzz targets share.
 *
 * A target is one file fuzz_NAME.c with one LLVMFuzzerTestOneInput(). It is
 * linked either with libFuzzer (build/fuzz) or with standalone.c, which
 * replays a corpus (make check).
 */
#ifndef AZL_FUZZ_H
#define AZL_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, and names what should have held, unless `ok`. */
static inline void azl_fuzz_check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

/* A pool for one input: what the one before has left in it is gone. */
static inline apr_pool_t *azl_fuzz_pool(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        azl_fuzz_check(apr_initialize() == APR_SUCCESS, "apr starts");
        azl_fuzz_check(apr_pool_create(&pool, NULL) == APR_SUCCESS,
                       "there is a pool");
        /* or the last input's memory would look like a leak */
        atexit(apr_terminate);
    }
    apr_pool_clear(pool);
    return pool;
}

static inline apr_status_t azl_fuzz_free(void *block)
{
    free(block);
    return APR_SUCCESS;
}

static inline char *azl_fuzz_alloc(apr_pool_t *p, apr_size_t len)
{
    char *block = malloc(len ? len : 1);

    azl_fuzz_check(block != NULL, "there is memory");
    apr_pool_cleanup_register(p, block, azl_fuzz_free, apr_pool_cleanup_null);
    return block;
}

/* A heap copy of exactly these bytes, so that the address sanitizer sees a
 * read of one too many. Goes with the pool. */
static inline const char *azl_fuzz_copy(apr_pool_t *p, const void *data,
                                        apr_size_t len)
{
    char *copy = azl_fuzz_alloc(p, len);

    if (len) {
        memcpy(copy, data, len);
    }
    return copy;
}

/* The same as a C string, which ends at the first NUL in it. */
static inline const char *azl_fuzz_text(apr_pool_t *p, azl_span_t s)
{
    apr_size_t len = s.len ? strnlen(s.at, s.len) : 0;
    char *copy = azl_fuzz_alloc(p, len + 1);

    memcpy(copy, s.at, len);
    copy[len] = '\0';
    return copy;
}

/* Cuts the next `len` bytes (or what is left) off the front of the input: for
 * the choices a target lets the input make. */
static inline azl_span_t azl_fuzz_take(azl_span_t *input, apr_size_t len)
{
    azl_span_t taken = *input;

    if (len < taken.len) {
        taken.len = len;
    }
    input->at += taken.len;
    input->len -= taken.len;
    return taken;
}

static inline azl_span_t azl_fuzz_span(const azl_buf_t *buf)
{
    return azl_span(buf->data, buf->len);
}

/* The same bytes in both. */
static inline void azl_fuzz_same(const azl_buf_t *a, const azl_buf_t *b,
                                 const char *what)
{
    azl_fuzz_check(a->len == b->len &&
                       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0),
                   what);
}

/* One JSON value of this type and nothing else. */
static inline void azl_fuzz_check_json(azl_span_t text, azl_json_type_e type,
                                       const char *what)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, text.at, text.len);
    azl_fuzz_check(azl_scan_value(&s, &v) == 1 && v.type == type &&
                       azl_scan_end(&s) == 1,
                   what);
}

#endif /* AZL_FUZZ_H */
