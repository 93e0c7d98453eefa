/*
 * azl_json: a JSON document as a tree, for what must be understood as a
 * whole (price files, documents that are translated; not the bodies that pass
 * by, see azl_scan.h).
 *
 * The facade of json-c; src/core/azl_json.c is the only file that includes it.
 * A tree is freed with the pool it was parsed to; the handles of its values
 * live as long as it does. One thread at a time: json-c writes numbers into a
 * cache of its own. A null is the handle NULL.
 */
#ifndef AZL_JSON_H
#define AZL_JSON_H

#include <apr_pools.h>

#include "azl_buf.h"
#include "azl_scan.h"

typedef struct azl_json_t azl_json_t;

/* Parse one object or array and nothing else: RFC 8259 to the letter, valid
 * UTF-8, no member twice in an object. NULL, or what is wrong, with line and
 * column. */
const char *azl_json_parse(apr_pool_t *p, azl_span_t doc, azl_json_t **json);

azl_json_type_e azl_json_type(const azl_json_t *json);

/* 1 and the value if this is an object that has the member. */
int azl_json_member(const azl_json_t *json, const char *name,
                    azl_json_t **value);
/* Call `fn` for each member in the order they were written, until it returns
 * non-zero; that is returned. 0 if there are none, or this is no object. */
typedef int azl_json_member_fn(void *baton, const char *name,
                               const azl_json_t *value);
int azl_json_each(const azl_json_t *json, azl_json_member_fn *fn, void *baton);

/* The value of a member; NULL if there is none, it is null or this is no
 * object. */
azl_json_t *azl_json_get(const azl_json_t *json, const char *name);

/* 0 if this is no array. */
apr_size_t azl_json_length(const azl_json_t *json);
/* NULL beyond the end. */
azl_json_t *azl_json_at(const azl_json_t *json, apr_size_t i);

/* The text of a string; NULL if this is none or it holds a NUL. */
const char *azl_json_string(const azl_json_t *json);
/* The same without minding what is in it: its bytes, which live as long as the
 * tree. An empty span at NULL if this is no string. */
azl_span_t azl_json_text(const azl_json_t *json);
/* Overwrite the text of a string that was a secret, before the tree goes. NULL
 * and what is none are left alone. */
void azl_json_wipe(azl_json_t *json);
/* The number as it was written, which no binary fraction has touched; NULL if
 * this is no number. */
const char *azl_json_number(const azl_json_t *json);
/* 1 if this is a whole number (without fraction or exponent) that fits. */
int azl_json_int(const azl_json_t *json, apr_int64_t *n);
/* The value as JSON text without white space: members in their order, numbers
 * as they were written. */
apr_status_t azl_json_write(azl_buf_t *out, const azl_json_t *json);

#endif /* AZL_JSON_H */
