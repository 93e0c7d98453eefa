/*
 * fuzz_tap: any bytes as an answer that passes by.
 *
 * - Without a replacement it goes on unchanged.
 * - Whole, cut once and in many pieces it comes to the same bytes and values.
 * - In a document the scanner accepts, the values are those the scanner finds,
 *   and each one that has a replacement is replaced, nothing else; and it is
 *   whole.
 *
 * Input: two bytes for the cut, then the document.
 */
#include "azl_buf.h"
#include "azl_fuzz.h"
#include "azl_scan.h"
#include "azl_tap.h"

#define REPLACEMENT "\"new\""

/* Short documents are fed byte by byte, long ones in about so many pieces. */
#define PIECES 256

enum { MODEL, USAGE, WATCHED };

static const azl_tap_watch_t replacing[WATCHED] = {
    {"model", REPLACEMENT, NULL, NULL}, {"usage", NULL, NULL, NULL}};
static const azl_tap_watch_t watching[WATCHED] = {{"model", NULL, NULL, NULL},
                                                  {"usage", NULL, NULL, NULL}};

typedef struct result_t {
    azl_buf_t *out;
    int whole;
    int seen[WATCHED];
    azl_span_t values[WATCHED];
} result_t;

static apr_status_t append(void *baton, const char *data, apr_size_t len)
{
    azl_fuzz_check(len > 0, "no empty pieces");
    return azl_buf_append(baton, data, len);
}

static int same(azl_span_t a, azl_span_t b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.at, b.at, a.len));
}

static azl_span_t content(const azl_buf_t *b)
{
    return azl_span(b->data, b->len);
}

/* The document fed in pieces of `first` and then `step` bytes. */
static result_t tap(apr_pool_t *p, const azl_tap_watch_t *watch, azl_span_t in,
                    apr_size_t first, apr_size_t step)
{
    azl_tap_t *t = azl_tap_create(p, watch, WATCHED);
    apr_size_t len = first;
    azl_span_t piece;
    result_t r;
    int i;

    r.out = azl_buf_create(p, (in.len + 1) * sizeof(REPLACEMENT));
    while (in.len) {
        piece = azl_fuzz_take(&in, len);
        azl_tap_feed(t, azl_fuzz_copy(p, piece.at, piece.len), piece.len,
                     append, r.out);
        len = step;
    }
    r.whole = azl_tap_is_whole(t);
    azl_fuzz_check(!r.out->failed, "nothing got lost");
    for (i = 0; i < WATCHED; i++) {
        r.values[i] = azl_span("", 0);
        r.seen[i] = azl_tap_value(t, i, &r.values[i]);
    }
    return r;
}

static void check_same(const result_t *a, const result_t *b, const char *what)
{
    int i;

    azl_fuzz_check(same(content(a->out), content(b->out)), what);
    azl_fuzz_check(a->whole == b->whole, what);
    for (i = 0; i < WATCHED; i++) {
        azl_fuzz_check(
            a->seen[i] == b->seen[i] && same(a->values[i], b->values[i]), what);
    }
}

/* What the scanner makes of the document; 0 if it is no valid object. */
static int scan(apr_pool_t *p, azl_span_t in, result_t *r)
{
    const char *from = in.at;
    azl_value_t v;
    azl_span_t key;
    azl_scan_t s;
    int i, more;

    memset(r, 0, sizeof(*r));
    r->whole = 1;
    r->out = azl_buf_create(p, (in.len + 1) * sizeof(REPLACEMENT));
    azl_scan_init(&s, in.at, in.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT || azl_scan_enter(&s) < 0) {
        return 0;
    }
    while ((more = azl_scan_member(&s, &key)) == 1) {
        if (azl_scan_value(&s, &v) < 0) {
            return 0;
        }
        for (i = 0; i < WATCHED; i++) {
            if (azl_span_is(key, replacing[i].name)) {
                r->seen[i] = v.raw.len <= AZL_TAP_VALUE_MAX;
                r->values[i] = r->seen[i] ? v.raw : azl_span("", 0);
                if (replacing[i].replacement) {
                    azl_buf_append(r->out, from, (apr_size_t)(v.raw.at - from));
                    azl_buf_puts(r->out, REPLACEMENT);
                    from = v.raw.at + v.raw.len;
                }
            }
        }
    }
    azl_buf_append(r->out, from, (apr_size_t)(in.at + in.len - from));
    return more == 0 && azl_scan_end(&s) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    result_t whole, other;
    apr_size_t cut, all;

    if (size < 2) {
        return 0;
    }
    azl_fuzz_take(&in, 2);
    all = in.len + 1;
    cut = (data[0] * 256u + data[1]) % all;

    other = tap(p, watching, in, cut, all);
    azl_fuzz_check(same(content(other.out), in), "all of it goes on");

    whole = tap(p, replacing, in, all, all);
    other = tap(p, replacing, in, cut, all);
    check_same(&whole, &other, "cut once, the same");
    other = tap(p, replacing, in, 1, 1 + in.len / PIECES);
    check_same(&whole, &other, "in many pieces, the same");
    if (scan(p, in, &other)) {
        check_same(&whole, &other, "what the scanner finds");
    }
    return 0;
}
