/*
 * azl_edit: copies a JSON text to a buffer with members left out, replaced or
 * added, and everything else byte for byte.
 *
 * An edit is a value on the stack: `from` is the next byte of the source that
 * has not been copied. Whoever edits walks the source from front to back; runs
 * of unchanged bytes are copied in one piece. An azl_list_t follows the
 * members (or elements) of one object (or array), so that the commas come out
 * right.
 */
#ifndef AZL_EDIT_INT_H
#define AZL_EDIT_INT_H

#include "azl_buf.h"
#include "azl_reply.h"
#include "azl_scan.h"

/* More members in one object of an upstream's answer are not understood; the
 * largest, a Response, has about 40. */
#define AZL_PAIRS_MAX 128
/* The same for a chunk and the small objects inside it, which have about ten.
 * They lie on the stack, and every page of it that an open stream has touched
 * is memory of that stream. */
#define AZL_SMALL_PAIRS_MAX 24

/* A member as it stands in the source. */
typedef struct azl_pair_t {
    azl_span_t key; /* without quotes */
    azl_value_t value;
} azl_pair_t;

typedef struct azl_edit_t {
    azl_buf_t *out;
    const char *from;
} azl_edit_t;

typedef struct azl_list_t {
    const char *kept_end; /* behind the last one that stays, or NULL */
    int dropped;          /* one has been left out */
} azl_list_t;

/* The members of the JSON object the cursor stands before, which is read to
 * its end: how many, or -1 if it is no valid object or has more than max. */
int azl_pairs_scan(azl_scan_t *s, azl_pair_t *pairs, int max);
/* The same for an object that fills `doc`. */
int azl_pairs_read(azl_span_t doc, azl_pair_t *pairs, int max);

static inline const char *azl_span_end(azl_span_t s)
{
    return s.at + s.len;
}

/* A string that says nothing. */
static inline int azl_value_is_blank(const azl_value_t *v)
{
    return v->type == AZL_JSON_NULL ||
           (v->type == AZL_JSON_STRING && v->raw.len == 2);
}

static inline int azl_value_is_text(const azl_value_t *v)
{
    return v->type == AZL_JSON_STRING && v->raw.len > 2;
}

static inline void azl_edit_copy(azl_edit_t *e, const char *upto)
{
    if (upto > e->from) {
        azl_buf_append(e->out, e->from, (apr_size_t)(upto - e->from));
        e->from = upto;
    }
}

static inline void azl_edit_replace(azl_edit_t *e, azl_span_t old,
                                    azl_span_t text)
{
    azl_edit_copy(e, old.at);
    azl_buf_span(e->out, text);
    e->from = azl_span_end(old);
}

/* The member from `start` (its key's opening quote) to `end` stays; what is
 * inside it may be edited after this. */
static inline void azl_edit_keep(azl_edit_t *e, azl_list_t *list,
                                 const char *start, const char *end)
{
    if (!list->kept_end && list->dropped) {
        e->from = start;
    }
    list->kept_end = end;
}

static inline void azl_edit_drop(azl_edit_t *e, azl_list_t *list,
                                 const char *start, const char *end)
{
    if (list->kept_end) {
        azl_edit_copy(e, list->kept_end);
    }
    else if (!list->dropped) {
        azl_edit_copy(e, start);
    }
    list->dropped = 1;
    e->from = end;
}

/* The list ends with the bracket at `close`. */
static inline void azl_edit_close(azl_edit_t *e, const azl_list_t *list,
                                  const char *close)
{
    if (!list->kept_end && list->dropped) {
        e->from = close;
    }
}

/* The members of one small object, followed as they are edited. */
typedef struct azl_object_t {
    azl_pair_t pairs[AZL_SMALL_PAIRS_MAX];
    int n;
    const char *close; /* its closing brace */
    azl_list_t list;
} azl_object_t;

/* The object the cursor stands before, which is read to its end: 1, or 0 if it
 * is no object or has too many members. */
static inline int azl_object_scan(azl_object_t *o, azl_scan_t *s)
{
    o->n = azl_pairs_scan(s, o->pairs, AZL_SMALL_PAIRS_MAX);
    o->close = s->at - 1;
    o->list.kept_end = NULL;
    o->list.dropped = 0;
    return o->n >= 0;
}

/* The same for an object that fills `raw`. */
static inline int azl_object_open(azl_object_t *o, azl_span_t raw)
{
    azl_scan_t s;

    azl_scan_init(&s, raw.at, raw.len);
    return azl_object_scan(o, &s);
}

static inline const azl_value_t *azl_object_get(const azl_object_t *o,
                                                const char *name)
{
    int i;

    for (i = 0; i < o->n; ++i) {
        if (azl_span_is(o->pairs[i].key, name)) {
            return &o->pairs[i].value;
        }
    }
    return NULL;
}

static inline void azl_pair_keep(azl_edit_t *e, azl_list_t *list,
                                 const azl_pair_t *pair)
{
    azl_edit_keep(e, list, pair->key.at - 1, azl_span_end(pair->value.raw));
}

static inline void azl_pair_drop(azl_edit_t *e, azl_list_t *list,
                                 const azl_pair_t *pair)
{
    azl_edit_drop(e, list, pair->key.at - 1, azl_span_end(pair->value.raw));
}

/* Add a member behind the last one: "name": and its value. */
void azl_edit_add(azl_edit_t *e, azl_list_t *list, const char *close,
                  const char *name, azl_span_t value);

/* A small number as text, in memory of the caller. */
#define AZL_INT_TEXT_MAX 12
azl_span_t azl_int_text(char text[AZL_INT_TEXT_MAX], int n);

/*
 * The members of an answer that name things by the client's names.
 */

/* Ids longer than this are sealed again each time they are met. */
#define AZL_SEALED_ID_MAX 256

/* The last id that was sealed, because a stream repeats it. */
typedef struct azl_sealed_id_t {
    char id[AZL_SEALED_ID_MAX];
    apr_size_t len; /* 0: none yet */
    const char *sealed;
} azl_sealed_id_t;

typedef struct azl_sealed_ids_t {
    azl_sealed_id_t own;
    azl_sealed_id_t previous;
} azl_sealed_ids_t;

/* Replace a response id by the client's, if the rules give one. */
void azl_edit_id(azl_edit_t *e, const azl_reply_rules_t *rules,
                 azl_sealed_id_t *last, const azl_value_t *id);
/* Replace what has to be replaced in a Response object: id, model and
 * previous_response_id. `raw` is the object, `pairs` its n members. */
void azl_edit_response(azl_edit_t *e, const azl_reply_rules_t *rules,
                       azl_sealed_ids_t *last, const azl_pair_t *pairs, int n);

#endif /* AZL_EDIT_INT_H */
