/*
 * azl_scan: a cursor over one JSON document, without a tree.
 *
 * The document is contiguous memory of the caller, who keeps it alive; the
 * cursor lives on the stack, allocates nothing and hands out spans into it.
 * It checks the full grammar of RFC 8259 as it goes (tokens, commas, nesting
 * up to AZL_SCAN_DEPTH_MAX, escapes, no raw control characters in strings, no
 * byte order mark), so that what it accepts can be read in one way only.
 * Strings are skipped 16 bytes at a time where SSE2 is there; the portable
 * path gives the same answers (both are tested).
 *
 * Errors stick: after the first one every call returns -1 and `error` (static
 * text) and `error_at` (byte offset) tell where; see azl_scan_position().
 *
 *     azl_scan_init(&s, doc, len);
 *     azl_scan_enter(&s);                          the document's '{'
 *     while (azl_scan_member(&s, &key) == 1) {     key without its quotes
 *         azl_scan_value(&s, &v);                  or enter it in turn
 *     }
 *     azl_scan_end(&s);                            nothing follows
 */
#ifndef AZL_SCAN_H
#define AZL_SCAN_H

#include <apr_pools.h>

#include "azl_span.h"

/* Deeper documents are refused. OpenAI allows 5 levels in a strict schema and
 * 10 in a tool; JSON schemas written by machines stay below 100. */
#define AZL_SCAN_DEPTH_MAX 256

typedef enum {
    AZL_JSON_NONE = 0,
    AZL_JSON_OBJECT,
    AZL_JSON_ARRAY,
    AZL_JSON_STRING,
    AZL_JSON_NUMBER,
    AZL_JSON_TRUE,
    AZL_JSON_FALSE,
    AZL_JSON_NULL
} azl_json_type_e;

typedef struct azl_value_t {
    azl_json_type_e type;
    azl_span_t raw; /* as written: quotes and brackets included, no white
                       space around */
} azl_value_t;

typedef struct azl_scan_t {
    const char *doc;
    const char *end;
    const char *at;
    const char *error;   /* NULL, or what is wrong (static text) */
    apr_size_t error_at; /* offset of it in the document */
    int depth;
    int want; /* what may come next at this level */
    unsigned char is_array[AZL_SCAN_DEPTH_MAX]; /* by level */
} azl_scan_t;

void azl_scan_init(azl_scan_t *s, const char *doc, apr_size_t len);
/* The type of the value the cursor stands before. */
azl_json_type_e azl_scan_peek(azl_scan_t *s);
/* Step into the object or array here. 1, or -1 if there is none. */
int azl_scan_enter(azl_scan_t *s);
/* In an object: the next member's name (as written, without quotes; it may
 * hold escapes) with the cursor before its value: 1. The object ended and was
 * stepped out of: 0. A value that the caller did not read is skipped. */
int azl_scan_member(azl_scan_t *s, azl_span_t *key);
/* In an array: 1 with the cursor before the next element, 0 at the end. */
int azl_scan_element(azl_scan_t *s);
/* Read the value here whole, whatever it is: 1 or -1. */
int azl_scan_value(azl_scan_t *s, azl_value_t *v);
/* 1 if only white space follows. */
int azl_scan_end(azl_scan_t *s);

/* 1-based line and column (in bytes) of an offset, for an error message. */
void azl_scan_position(const char *doc, apr_size_t len, apr_size_t offset,
                       int *line, int *column);

/* A string value's text, escapes decoded (surrogate pairs too), in the pool
 * and NUL-terminated; NULL if it is no string, holds a NUL or a lone
 * surrogate. `raw` with its quotes. */
const char *azl_scan_text(apr_pool_t *p, azl_span_t raw);
/* The same with all that may be in it: a NUL as it is, a lone surrogate as
 * U+FFFD; no string: an empty span at NULL. */
azl_span_t azl_scan_whole_text(apr_pool_t *p, azl_span_t raw);
/* A member name's text, which comes without quotes, as azl_scan_text(). */
const char *azl_scan_name(apr_pool_t *p, azl_span_t key);
/* A whole number from 0 to 2^63-1: 1; anything else (sign, fraction,
 * exponent, too large): 0 and *n untouched. */
int azl_scan_uint(azl_span_t raw, apr_int64_t *n);

/* From within a string to the first quote, backslash or control character, or
 * `end`. The fast one goes in blocks where the machine can; there are two so
 * that tests can hold them against each other. */
const char *azl_scan_skip_portable(const char *at, const char *end);
const char *azl_scan_skip_fast(const char *at, const char *end);

#endif /* AZL_SCAN_H */
