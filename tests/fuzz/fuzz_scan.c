/*
 * fuzz_scan: any bytes as a JSON document, and as text to be written as one.
 *
 * - Read whole and read step by step, a document is accepted or refused alike,
 *   at the same byte.
 * - What is accepted, json-c in strict mode accepts too, but for long numbers:
 *   never do we let a document pass that others cannot read.
 * - The block-wise string skipping stops where the portable one does.
 * - Any bytes written by azl_buf_json() are one valid string.
 */
#include <stdlib.h>

#include <json.h>

#include "azl_buf.h"
#include "azl_fuzz.h"
#include "azl_scan.h"

/* json-c counts its own root and the scalar inside among the levels. */
#define JSONC_DEPTH (AZL_SCAN_DEPTH_MAX + 2)
/* So many digits may be too many for 64 bits. */
#define INT64_DIGITS 19

static void decode_string(apr_pool_t *p, azl_span_t key, azl_span_t raw)
{
    const char *text = azl_scan_text(p, raw);

    azl_scan_name(p, key);
    azl_fuzz_check(!text || strlen(text) <= raw.len - 2,
                   "decoding does not grow a string");
}

/* Read a value by entering everything that can be entered. */
static int walk(apr_pool_t *p, azl_scan_t *s, azl_span_t name)
{
    azl_json_type_e type = azl_scan_peek(s);
    azl_span_t key = azl_span("", 0);
    azl_value_t v;
    int more = 1;

    if (type != AZL_JSON_OBJECT && type != AZL_JSON_ARRAY) {
        more = azl_scan_value(s, &v);
        if (more == 1 && v.type == AZL_JSON_STRING) {
            decode_string(p, name, v.raw);
        }
        return more;
    }
    if (azl_scan_enter(s) < 0) {
        return -1;
    }
    while (more == 1) {
        more = type == AZL_JSON_OBJECT ? azl_scan_member(s, &key)
                                       : azl_scan_element(s);
        if (more == 1 && walk(p, s, key) < 0) {
            return -1;
        }
    }
    return more < 0 ? -1 : 1;
}

/* json-c 0.17 refuses an integer of more than 64 bits, 0.16 does not. */
static int has_long_number(const char *doc, apr_size_t len)
{
    apr_size_t i, digits = 0;

    for (i = 0; i < len && digits < INT64_DIGITS; i++) {
        digits = doc[i] >= '0' && doc[i] <= '9' ? digits + 1 : 0;
    }
    return digits == INT64_DIGITS;
}

static int jsonc_accepts(apr_pool_t *p, const char *doc, apr_size_t len)
{
    json_tokener *tok = json_tokener_new_ex(JSONC_DEPTH);
    char *text = apr_palloc(p, len + 1);
    json_object *o;
    int ok;

    memcpy(text, doc, len);
    text[len] = '\0';
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    /* With its NUL: so json-c knows that a number at the end is complete. */
    o = json_tokener_parse_ex(tok, text, (int)len + 1);
    ok = json_tokener_get_error(tok) == json_tokener_success;
    json_object_put(o);
    json_tokener_free(tok);
    return ok;
}

static void as_document(apr_pool_t *p, const char *doc, apr_size_t len)
{
    azl_scan_t whole, steps;
    azl_value_t v;
    int ok, line, column;

    azl_scan_init(&whole, doc, len);
    ok = azl_scan_value(&whole, &v) == 1 && azl_scan_end(&whole) == 1;
    azl_fuzz_check(ok == !whole.error, "an error is told");

    azl_scan_init(&steps, doc, len);
    azl_fuzz_check((walk(p, &steps, azl_span("", 0)) == 1 &&
                    azl_scan_end(&steps) == 1) == ok,
                   "step by step, the same answer");
    if (ok) {
        azl_fuzz_check(has_long_number(doc, len) || jsonc_accepts(p, doc, len),
                       "json-c accepts it too");
        return;
    }
    azl_fuzz_check(whole.error_at <= len && steps.error_at == whole.error_at,
                   "step by step, refused at the same byte");
    azl_scan_position(doc, len, whole.error_at, &line, &column);
    azl_fuzz_check(line >= 1 && column >= 1, "the error has a position");
}

static void as_string(apr_pool_t *p, const char *data, apr_size_t len)
{
    const char *at = data, *end = data + len, *stop;
    azl_buf_t *b = azl_buf_create(p, 6 * len + 2);
    azl_scan_t s;
    azl_value_t v;

    while (at < end) {
        stop = azl_scan_skip_portable(at, end);
        azl_fuzz_check(azl_scan_skip_fast(at, end) == stop,
                       "fast and portable skip stop at the same byte");
        at = stop < end ? stop + 1 : end;
    }
    azl_fuzz_check(azl_buf_json(b, data, len) == APR_SUCCESS,
                   "an escape has at most six bytes");
    azl_scan_init(&s, b->data, b->len);
    azl_fuzz_check(azl_scan_value(&s, &v) == 1 && v.type == AZL_JSON_STRING &&
                       azl_scan_end(&s) == 1,
                   "what is written can be read");
    azl_fuzz_check(memchr(data, '\0', len) || azl_scan_text(p, v.raw),
                   "and decoded");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    const char *doc = azl_fuzz_copy(p, data, size);
    apr_int64_t n = -1;

    as_document(p, doc, size);
    as_string(p, doc, size);
    azl_scan_text(p, azl_span(doc, size));
    azl_scan_name(p, azl_span(doc, size));
    azl_fuzz_check(azl_scan_uint(azl_span(doc, size), &n) == (n >= 0),
                   "a number is not negative");
    return 0;
}
