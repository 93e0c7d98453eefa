/*
 * azl_write: writes one JSON text, front to back, with the commas right.
 *
 * A value on the stack over a buffer of the caller's. Nothing is checked but
 * what the buffer checks: its errors stick (azl_buf.h), so a whole document is
 * written and the buffer asked once. Levels are opened and closed in pairs.
 *
 *     azl_write_init(&w, out);
 *     azl_write_open(&w, NULL, '{');
 *     azl_write_str(&w, "role", "user");
 *     azl_write_open(&w, "content", '[');
 *     ...
 *     azl_write_close(&w, ']');
 *     azl_write_close(&w, '}');
 *
 * In an object every value has a name, in an array the name is NULL.
 */
#ifndef AZL_WRITE_H
#define AZL_WRITE_H

#include "azl_buf.h"
#include "azl_json.h"

typedef struct azl_write_t {
    azl_buf_t *out;
    int comma; /* a value stands before the next one */
} azl_write_t;

void azl_write_init(azl_write_t *w, azl_buf_t *out);
/* Open an object ('{') or an array ('['), and close it ('}', ']'). */
void azl_write_open(azl_write_t *w, const char *name, char bracket);
void azl_write_close(azl_write_t *w, char bracket);
/* A string; NULL writes null. */
void azl_write_str(azl_write_t *w, const char *name, const char *text);
/* A string of bytes that need not end. */
void azl_write_text(azl_write_t *w, const char *name, azl_span_t text);
void azl_write_int(azl_write_t *w, const char *name, apr_int64_t n);
void azl_write_bool(azl_write_t *w, const char *name, int value);
void azl_write_null(azl_write_t *w, const char *name);
/* What is JSON already: a value as it was written. */
void azl_write_raw(azl_write_t *w, const char *name, azl_span_t json);
/* A value of a tree, numbers and the order of members as they were. */
void azl_write_json(azl_write_t *w, const char *name, const azl_json_t *json);
/* Everything so far has a successor: the name (or NULL), and then the caller
 * appends a value to the buffer by itself. */
void azl_write_name(azl_write_t *w, const char *name);

#endif /* AZL_WRITE_H */
