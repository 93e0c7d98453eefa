#include <stdlib.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "azl_embed_int.h"

/* A piece of a vector that becomes base64 by itself: its bytes must be a
 * multiple of three. */
#define PIECE_FLOATS 96
#define PIECE_BYTES (PIECE_FLOATS * 4)
#define PIECE_TEXT (PIECE_BYTES / 3 * 4 + 1)
/* So many bytes of text are taken for a token; see azl_estimate.h. */
#define BYTES_PER_TOKEN 4

/*
 * What is asked for
 */

static int add_text(azl_exchange_t *ex, azl_embed_t *e, const azl_json_t *text,
                    const char *path, azl_error_t *err)
{
    azl_span_t span = azl_json_text(text);

    if (!span.at) {
        return azl_exchange_refuse(ex, err, path,
                                   "This model takes text, not tokens: send "
                                   "strings.");
    }
    if (!span.len) {
        return azl_exchange_refuse(ex, err, path, "A text must not be empty.");
    }
    APR_ARRAY_PUSH(e->texts, azl_span_t) = span;
    e->memo->bytes += span.len;
    return 1;
}

static int read_texts(azl_exchange_t *ex, int most, azl_embed_t *e,
                      azl_error_t *err)
{
    const azl_json_t *input = azl_json_get(ex->hub, "input");
    apr_size_t n = azl_json_length(input);
    apr_size_t i;

    if (azl_json_type(input) == AZL_JSON_STRING) {
        return add_text(ex, e, input, "input", err);
    }
    if (!n) {
        return azl_exchange_refuse(ex, err, "input",
                                   "'input' must be a string or a list of at "
                                   "least one.");
    }
    for (i = 0; i < n; ++i) {
        if (!add_text(ex, e, azl_json_at(input, i),
                      apr_psprintf(ex->pool, "input[%d]", (int)i), err)) {
            return 0;
        }
    }
    if (n > (apr_size_t)most) {
        return azl_exchange_refuse(
            ex, err, "input",
            most == 1 ? "This model embeds one text at a time."
                      : apr_psprintf(ex->pool,
                                     "This model embeds at most %d texts at a "
                                     "time.",
                                     most));
    }
    return 1;
}

static int read_format(azl_exchange_t *ex, azl_embed_t *e, azl_error_t *err)
{
    const azl_json_t *format = azl_json_get(ex->hub, "encoding_format");
    const char *name = azl_json_string(format);

    if (!format || (name && strcmp(name, "float") == 0)) {
        return 1;
    }
    e->memo->base64 = name && strcmp(name, "base64") == 0;
    return e->memo->base64 ||
           azl_exchange_refuse(ex, err, "encoding_format",
                               "The format must be float or base64.");
}

static int note_rest(void *baton, const char *name, const azl_json_t *value)
{
    static const char *const known[] = {"model",           "input",
                                        "encoding_format", "dimensions",
                                        "input_type",      "stream"};
    azl_exchange_t *ex = ((void **)baton)[0];
    azl_error_t *err = ((void **)baton)[1];
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (!value || strcmp(name, known[i]) == 0) {
            return 0;
        }
    }
    return !azl_exchange_without(ex, apr_pstrdup(ex->pool, name), 0, err);
}

int azl_embed_read(azl_exchange_t *ex, int most, azl_embed_t *e,
                   azl_error_t *err)
{
    const azl_json_t *dimensions = azl_json_get(ex->hub, "dimensions");
    void *baton[] = {ex, err};

    memset(e, 0, sizeof(*e));
    e->texts = apr_array_make(ex->pool, 4, sizeof(azl_span_t));
    e->memo = apr_pcalloc(ex->pool, sizeof(*e->memo));
    ex->memo = e->memo;
    e->purpose = azl_json_string(azl_json_get(ex->hub, "input_type"));
    if (dimensions &&
        (!azl_json_int(dimensions, &e->dimensions) || e->dimensions < 1)) {
        return azl_exchange_refuse(ex, err, "dimensions",
                                   "This must be a number of at least 1.");
    }
    if (!read_texts(ex, most, e, err) || !read_format(ex, e, err) ||
        azl_json_each(ex->hub, note_rest, baton)) {
        return 0;
    }
    e->memo->count = e->texts->nelts;
    return 1;
}

/*
 * The answer
 */

static void put_float(unsigned char *to, double number)
{
    float value = (float)number;
    apr_uint32_t bits;
    int i;

    memcpy(&bits, &value, sizeof(bits));
    for (i = 0; i < 4; ++i) {
        to[i] = (unsigned char)(bits >> (8 * i));
    }
}

static void put_piece(azl_buf_t *out, const unsigned char *bytes, int len)
{
    char text[PIECE_TEXT];

    if (len) {
        apr_base64_encode_binary(text, bytes, len);
        azl_buf_puts(out, text);
    }
}

int azl_embed_base64(azl_buf_t *out, azl_span_t floats)
{
    unsigned char bytes[PIECE_BYTES];
    azl_value_t v;
    azl_scan_t s;
    int n = 0;
    int more = -1;

    azl_scan_init(&s, floats.at, floats.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_enter(&s);
    azl_buf_puts(out, "\"");
    while ((more = azl_scan_element(&s)) == 1 && azl_scan_value(&s, &v) == 1 &&
           v.type == AZL_JSON_NUMBER) {
        /* the text goes on behind a number: a comma or the bracket */
        put_float(bytes + 4 * n++, strtod(v.raw.at, NULL));
        if (n == PIECE_FLOATS) {
            put_piece(out, bytes, PIECE_BYTES);
            n = 0;
        }
    }
    put_piece(out, bytes, 4 * n);
    azl_buf_puts(out, "\"");
    return more == 0;
}

void azl_embed_open(azl_embed_answer_t *a, const azl_exchange_t *ex,
                    azl_buf_t *out)
{
    a->memo = ex->memo;
    a->n = 0;
    azl_write_init(&a->w, out);
    azl_write_open(&a->w, NULL, '{');
    azl_write_str(&a->w, "object", "list");
    azl_write_open(&a->w, "data", '[');
}

static int is_numbers(azl_span_t floats)
{
    azl_value_t v;
    azl_scan_t s;
    int more = -1;

    azl_scan_init(&s, floats.at, floats.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_enter(&s);
    while ((more = azl_scan_element(&s)) == 1 && azl_scan_value(&s, &v) == 1 &&
           v.type == AZL_JSON_NUMBER) {
    }
    return more == 0;
}

int azl_embed_vector(azl_embed_answer_t *a, azl_span_t floats)
{
    int ok = 1;

    azl_write_open(&a->w, NULL, '{');
    azl_write_str(&a->w, "object", "embedding");
    azl_write_int(&a->w, "index", a->n++);
    if (a->memo->base64) {
        azl_write_name(&a->w, "embedding");
        ok = azl_embed_base64(a->w.out, floats);
    }
    else {
        ok = is_numbers(floats);
        azl_write_raw(&a->w, "embedding", floats);
    }
    azl_write_close(&a->w, '}');
    return ok;
}

apr_status_t azl_embed_close(azl_embed_answer_t *a, const azl_usage_t *usage)
{
    apr_int64_t tokens =
        usage->reported ? usage->prompt
                        : (apr_int64_t)(a->memo->bytes + BYTES_PER_TOKEN - 1) /
                              BYTES_PER_TOKEN;

    azl_write_close(&a->w, ']');
    azl_write_str(&a->w, "model", "");
    azl_write_open(&a->w, "usage", '{');
    azl_write_int(&a->w, "prompt_tokens", tokens);
    azl_write_int(&a->w, "total_tokens", tokens);
    azl_write_close(&a->w, '}');
    azl_write_close(&a->w, '}');
    return a->n == a->memo->count ? APR_SUCCESS : APR_EGENERAL;
}

/*
 * An answer in OpenAI's language whose floats should have been base64
 */

void azl_embed_edit(azl_edit_t *e, azl_span_t data)
{
    azl_object_t o;
    azl_scan_t s;

    azl_scan_init(&s, data.at, data.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_object_scan(&o, &s)) {
        const azl_value_t *v = azl_object_get(&o, "embedding");

        if (v && v->type == AZL_JSON_ARRAY && is_numbers(v->raw)) {
            azl_edit_copy(e, v->raw.at);
            azl_embed_base64(e->out, v->raw);
            e->from = azl_span_end(v->raw);
        }
    }
}
