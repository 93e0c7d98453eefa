#include <limits.h>
#include <string.h>

#include <json-c/json.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_json.h"

static struct json_object *object_of(const azl_json_t *json)
{
    return (struct json_object *)json;
}

static apr_status_t tree_free(void *tree)
{
    json_object_put(tree);
    return APR_SUCCESS;
}

static const char *problem_at(apr_pool_t *p, azl_span_t doc, apr_size_t offset,
                              const char *what)
{
    int line, column;

    azl_scan_position(doc.at, doc.len, offset, &line, &column);
    return apr_psprintf(p, "line %d, column %d: %s", line, column, what);
}

static const char *check_value(apr_pool_t *p, apr_pool_t *names, azl_scan_t *s,
                               azl_span_t doc);

static const char *check_object(apr_pool_t *p, apr_pool_t *names, azl_scan_t *s,
                                azl_span_t doc)
{
    apr_hash_t *seen = apr_hash_make(names);
    const char *err;
    azl_span_t key;

    while (azl_scan_member(s, &key) == 1) {
        const char *name = azl_scan_name(names, key);
        apr_size_t offset = (apr_size_t)(key.at - doc.at);

        if (!name) {
            return problem_at(p, doc, offset, "this name is no text");
        }
        if (apr_hash_get(seen, name, APR_HASH_KEY_STRING)) {
            return problem_at(p, doc, offset,
                              "this member is in the object twice");
        }
        apr_hash_set(seen, name, APR_HASH_KEY_STRING, name);
        err = check_value(p, names, s, doc);
        if (err) {
            return err;
        }
    }
    return NULL;
}

/* json-c lets the last of two members win and forgives some grammar, so the
 * scanner goes first. Grammar errors stick to the cursor. */
static const char *check_value(apr_pool_t *p, apr_pool_t *names, azl_scan_t *s,
                               azl_span_t doc)
{
    const char *err = NULL;
    azl_value_t v;

    switch (azl_scan_peek(s)) {
    case AZL_JSON_OBJECT:
        if (azl_scan_enter(s) == 1) {
            err = check_object(p, names, s, doc);
        }
        break;
    case AZL_JSON_ARRAY:
        if (azl_scan_enter(s) == 1) {
            while (!err && azl_scan_element(s) == 1) {
                err = check_value(p, names, s, doc);
            }
        }
        break;
    default:
        azl_scan_value(s, &v);
        break;
    }
    return err;
}

static const char *check_document(apr_pool_t *p, azl_span_t doc)
{
    apr_pool_t *names;
    const char *err;
    azl_json_type_e type;
    azl_scan_t s;

    azl_scan_init(&s, doc.at, doc.len);
    type = azl_scan_peek(&s);
    if (type != AZL_JSON_OBJECT && type != AZL_JSON_ARRAY) {
        return problem_at(p, doc, 0, "there is no JSON object or array");
    }
    apr_pool_create(&names, p);
    err = check_value(p, names, &s, doc);
    apr_pool_destroy(names);
    if (!err && azl_scan_end(&s) != 1) {
        err = problem_at(p, doc, s.error_at, s.error);
    }
    return err;
}

const char *azl_json_parse(apr_pool_t *p, azl_span_t doc, azl_json_t **json)
{
    struct json_tokener *tok;
    struct json_object *tree;
    enum json_tokener_error rc;
    apr_size_t end;
    const char *err;

    if (doc.len > INT_MAX) {
        return "the document is too large";
    }
    err = check_document(p, doc);
    if (err) {
        return err;
    }
    tok = json_tokener_new_ex(AZL_SCAN_DEPTH_MAX + 1);
    if (!tok) {
        return "out of memory";
    }
    json_tokener_set_flags(tok,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    tree = json_tokener_parse_ex(tok, doc.at, (int)doc.len);
    rc = json_tokener_get_error(tok);
    end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (rc != json_tokener_success) {
        json_object_put(tree);
        return problem_at(p, doc, end, json_tokener_error_desc(rc));
    }
    apr_pool_cleanup_register(p, tree, tree_free, apr_pool_cleanup_null);
    *json = (azl_json_t *)tree;
    return NULL;
}

azl_json_type_e azl_json_type(const azl_json_t *json)
{
    switch (json_object_get_type(object_of(json))) {
    case json_type_object:
        return AZL_JSON_OBJECT;
    case json_type_array:
        return AZL_JSON_ARRAY;
    case json_type_string:
        return AZL_JSON_STRING;
    case json_type_int:
    case json_type_double:
        return AZL_JSON_NUMBER;
    case json_type_boolean:
        return json_object_get_boolean(object_of(json)) ? AZL_JSON_TRUE
                                                        : AZL_JSON_FALSE;
    case json_type_null:
        break;
    }
    return AZL_JSON_NULL;
}

int azl_json_member(const azl_json_t *json, const char *name,
                    azl_json_t **value)
{
    struct json_object *found;

    if (!json_object_object_get_ex(object_of(json), name, &found)) {
        return 0;
    }
    *value = (azl_json_t *)found;
    return 1;
}

azl_json_t *azl_json_get(const azl_json_t *json, const char *name)
{
    azl_json_t *value = NULL;

    return azl_json_member(json, name, &value) ? value : NULL;
}

int azl_json_each(const azl_json_t *json, azl_json_member_fn *fn, void *baton)
{
    struct lh_entry *entry;
    int rv;

    if (azl_json_type(json) != AZL_JSON_OBJECT) {
        return 0;
    }
    for (entry = json_object_get_object(object_of(json))->head; entry;
         entry = entry->next) {
        rv = fn(baton, (const char *)lh_entry_k(entry),
                (const azl_json_t *)lh_entry_v(entry));
        if (rv) {
            return rv;
        }
    }
    return 0;
}

apr_size_t azl_json_length(const azl_json_t *json)
{
    return azl_json_type(json) == AZL_JSON_ARRAY
               ? json_object_array_length(object_of(json))
               : 0;
}

azl_json_t *azl_json_at(const azl_json_t *json, apr_size_t i)
{
    return azl_json_type(json) == AZL_JSON_ARRAY
               ? (azl_json_t *)json_object_array_get_idx(object_of(json), i)
               : NULL;
}

const char *azl_json_string(const azl_json_t *json)
{
    struct json_object *o = object_of(json);
    const char *text;

    if (azl_json_type(json) != AZL_JSON_STRING) {
        return NULL;
    }
    text = json_object_get_string(o);
    return strlen(text) == (size_t)json_object_get_string_len(o) ? text : NULL;
}

void azl_json_wipe(azl_json_t *json)
{
    struct json_object *o = object_of(json);

    /* where json-c has it, not a copy */
    if (azl_json_type(json) == AZL_JSON_STRING) {
        azl_crypto_wipe((char *)json_object_get_string(o),
                        (apr_size_t)json_object_get_string_len(o));
    }
}

azl_span_t azl_json_text(const azl_json_t *json)
{
    struct json_object *o = object_of(json);

    if (azl_json_type(json) != AZL_JSON_STRING) {
        return azl_span(NULL, 0);
    }
    return azl_span(json_object_get_string(o),
                    (apr_size_t)json_object_get_string_len(o));
}

const char *azl_json_number(const azl_json_t *json)
{
    /* json-c keeps the text of a fraction beside its double and writes that
     * back; whole numbers are 64-bit integers. */
    return azl_json_type(json) == AZL_JSON_NUMBER
               ? json_object_get_string(object_of(json))
               : NULL;
}

int azl_json_int(const azl_json_t *json, apr_int64_t *n)
{
    const char *text = azl_json_number(json);
    apr_int64_t sign = 1;

    if (!text) {
        return 0;
    }
    if (*text == '-') {
        sign = -1;
        text++;
    }
    if (!azl_scan_uint(azl_span_str(text), n)) {
        return 0;
    }
    *n *= sign;
    return 1;
}

/* json-c can write a whole tree, but keeps that text for as long as the value
 * lives. */
apr_status_t azl_json_write(azl_buf_t *out, const azl_json_t *json)
{
    azl_span_t text = azl_json_text(json);
    struct lh_entry *entry;
    apr_size_t i;

    switch (azl_json_type(json)) {
    case AZL_JSON_OBJECT:
        azl_buf_puts(out, "{");
        for (entry = json_object_get_object(object_of(json))->head; entry;
             entry = entry->next) {
            azl_buf_json_str(out, (const char *)lh_entry_k(entry));
            azl_buf_puts(out, ":");
            azl_json_write(out, (const azl_json_t *)lh_entry_v(entry));
            azl_buf_puts(out, entry->next ? "," : "");
        }
        return azl_buf_puts(out, "}");
    case AZL_JSON_ARRAY:
        azl_buf_puts(out, "[");
        for (i = 0; i < azl_json_length(json); ++i) {
            azl_buf_puts(out, i ? "," : "");
            azl_json_write(out, azl_json_at(json, i));
        }
        return azl_buf_puts(out, "]");
    case AZL_JSON_STRING:
        return azl_buf_json(out, text.at, text.len);
    case AZL_JSON_NUMBER:
        return azl_buf_puts(out, azl_json_number(json));
    case AZL_JSON_TRUE:
        return azl_buf_puts(out, "true");
    case AZL_JSON_FALSE:
        return azl_buf_puts(out, "false");
    default:
        return azl_buf_puts(out, "null");
    }
}
