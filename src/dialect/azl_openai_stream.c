/*
 * A stream of a server that resembles OpenAI's, mended chunk by chunk. What the
 * stream of chunks puts in order for everybody (azl_stream_chat.c) is left to
 * it.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_openai_int.h"

typedef struct decoder_t {
    azl_mend_t mend;
    azl_hub_stream_t names;
    apr_array_header_t *choices; /* azl_mend_choice_t */
    azl_buf_t *failure;
    azl_buf_t *reasoning; /* of the first choice, as the inside of a JSON
                             string; NULL: it is not kept */
    const char *call_id;  /* its first call's; NULL: none yet */
} decoder_t;

void *azl_openai_decoder(azl_exchange_t *ex)
{
    decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    azl_mend_init(&d->mend, ex, 1);
    azl_hub_stream_init(&d->names, ex);
    d->choices = apr_array_make(ex->pool, 1, sizeof(azl_mend_choice_t));
    d->failure = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    if (ex->keep &&
        (ex->deployment->endpoint->quirks & AZL_QUIRK_LOOP_REASONING)) {
        d->reasoning = azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX);
    }
    return d;
}

/* The state of a choice; NULL: there are too many. */
static azl_mend_choice_t *choice_of(decoder_t *d, int index)
{
    azl_mend_choice_t *c;
    int i;

    for (i = 0; i < d->choices->nelts; ++i) {
        c = &APR_ARRAY_IDX(d->choices, i, azl_mend_choice_t);
        if (c->index == index) {
            return c;
        }
    }
    if (d->choices->nelts == AZL_CHOICES_MAX) {
        return NULL;
    }
    c = apr_array_push(d->choices);
    memset(c, 0, sizeof(*c));
    c->index = index;
    return c;
}

/*
 * Reasoning that the next request of a loop of tools will need
 */

static void collect(decoder_t *d, const azl_object_t *delta)
{
    const azl_value_t *text = azl_object_get(delta, "reasoning_content");

    if (!d->reasoning) {
        return;
    }
    if (text && azl_value_is_text(text)) {
        azl_buf_append(d->reasoning, text->raw.at + 1, text->raw.len - 2);
    }
    if (!d->call_id && d->mend.call_id.len) {
        d->call_id = apr_pstrmemdup(d->mend.ex->pool, d->mend.call_id.at,
                                    d->mend.call_id.len);
    }
}

static void keep_reasoning(decoder_t *d)
{
    azl_exchange_t *ex = d->mend.ex;

    if (d->reasoning && d->call_id && d->reasoning->len &&
        !d->reasoning->failed) {
        ex->keep(ex->kept, AZL_OPENAI_KIND, azl_span_str(d->call_id),
                 azl_span(d->reasoning->data, d->reasoning->len));
    }
    d->reasoning = NULL;
}

/*
 * Choices
 */

static int index_of(const azl_object_t *o, int place)
{
    const azl_value_t *v = azl_object_get(o, "index");
    apr_int64_t n;

    return v && azl_scan_uint(v->raw, &n) && n < AZL_CHOICES_MAX ? (int)n
                                                                 : place;
}

static void mend_delta(decoder_t *d, azl_span_t raw, azl_mend_choice_t *choice)
{
    azl_object_t o;

    if (azl_object_open(&o, raw)) {
        azl_mend_message(&d->mend, &o, choice);
        if (choice->index == 0) {
            collect(d, &o);
        }
    }
}

/* A delta comes before its end: calls that are in the same chunk count. */
static void mend_members(decoder_t *d, azl_object_t *o,
                         azl_mend_choice_t *choice, const char *finish)
{
    azl_edit_t *e = &d->mend.edit;
    int i;

    for (i = 0; i < o->n; ++i) {
        const azl_pair_t *pair = &o->pairs[i];

        if (azl_span_is(pair->key, "error") ||
            (azl_span_is(pair->key, "index") &&
             pair->value.type == AZL_JSON_NULL)) {
            azl_pair_drop(e, &o->list, pair);
            continue;
        }
        azl_pair_keep(e, &o->list, pair);
        if (azl_span_is(pair->key, "delta")) {
            mend_delta(d, pair->value.raw, choice);
        }
        else if (azl_span_is(pair->key, "finish_reason") && finish) {
            azl_edit_replace(e, pair->value.raw, azl_span_str(finish));
        }
    }
}

static int brings_calls(const azl_object_t *choice)
{
    const azl_value_t *delta = azl_object_get(choice, "delta");
    const azl_value_t *calls;
    azl_object_t o;

    if (!delta || !azl_object_open(&o, delta->raw)) {
        return 0;
    }
    calls = azl_object_get(&o, "tool_calls");
    return calls && calls->type == AZL_JSON_ARRAY && calls->raw.len > 2;
}

/* 0: it is an error. */
static int mend_choice(decoder_t *d, azl_span_t raw, int place)
{
    char number[AZL_INT_TEXT_MAX];
    azl_mend_choice_t *choice;
    const azl_value_t *v;
    const char *finish;
    azl_object_t o;

    if (!azl_object_open(&o, raw)) {
        return 1;
    }
    if (azl_mend_failure(&o, d->failure)) {
        return 0;
    }
    choice = choice_of(d, index_of(&o, place));
    if (!choice) {
        return 1;
    }
    v = azl_object_get(&o, "finish_reason");
    finish = azl_mend_finish(&d->mend, v, choice->calls || brings_calls(&o));
    mend_members(d, &o, choice, finish);
    v = azl_object_get(&o, "index");
    if (!v || v->type == AZL_JSON_NULL) {
        azl_edit_add(&d->mend.edit, &o.list, o.close, "index",
                     azl_int_text(number, choice->index));
    }
    azl_edit_close(&d->mend.edit, &o.list, o.close);
    return 1;
}

static int mend_choices(decoder_t *d, azl_span_t raw)
{
    azl_value_t v;
    azl_scan_t s;
    int n = 0;

    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return 1;
    }
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (!mend_choice(d, v.raw, n++)) {
            return 0;
        }
    }
    return 1;
}

/*
 * Chunks
 */

/* One line, whatever it was: in JSON it can only be broken at white space. */
static void write_line(azl_buf_t *out, azl_span_t data)
{
    apr_size_t from, i;

    azl_buf_puts(out, "data: ");
    from = out->len;
    azl_buf_span(out, data);
    for (i = from; i < out->len; ++i) {
        if (out->data[i] == '\n') {
            out->data[i] = ' ';
        }
    }
    azl_buf_puts(out, "\n\n");
}

static int is_unset(const azl_value_t *v)
{
    return !v || azl_value_is_blank(v);
}

/* The same names in all chunks, where the server has none. */
static void add_names(decoder_t *d, azl_object_t *o)
{
    const azl_value_t *id = azl_object_get(o, "id");
    char number[24];

    if (is_unset(id)) {
        azl_edit_add(&d->mend.edit, &o->list, o->close, "id",
                     azl_span_str(d->names.id));
    }
    else {
        azl_hub_stream_id(&d->names, id->raw);
    }
    if (is_unset(azl_object_get(o, "created"))) {
        apr_snprintf(number, sizeof(number), "%" APR_INT64_T_FMT,
                     d->names.created);
        azl_edit_add(&d->mend.edit, &o->list, o->close, "created",
                     azl_span_str(number));
    }
}

/* 0: it is an error. */
static int mend_chunk(decoder_t *d, azl_object_t *o)
{
    azl_edit_t *e = &d->mend.edit;
    int i;

    for (i = 0; i < o->n; ++i) {
        const azl_pair_t *pair = &o->pairs[i];

        if ((azl_span_is(pair->key, "id") ||
             azl_span_is(pair->key, "created")) &&
            is_unset(&pair->value)) {
            azl_pair_drop(e, &o->list, pair);
            continue;
        }
        azl_pair_keep(e, &o->list, pair);
        if (azl_span_is(pair->key, "choices")) {
            if (!mend_choices(d, pair->value.raw)) {
                return 0;
            }
        }
        else if (azl_span_is(pair->key, "usage")) {
            azl_mend_usage(&d->mend, pair->value.raw);
        }
    }
    add_names(d, o);
    azl_edit_close(e, &o->list, o->close);
    return 1;
}

static void write_chunk(decoder_t *d, azl_span_t data, azl_object_t *o,
                        azl_buf_t *out)
{
    apr_size_t before = out->len;
    apr_size_t i;

    azl_buf_puts(out, "data: ");
    d->mend.edit.out = out;
    d->mend.edit.from = data.at;
    azl_buf_clear(d->failure);
    if (!mend_chunk(d, o)) {
        out->len = before;
        write_line(out, azl_span(d->failure->data, d->failure->len));
        return;
    }
    azl_edit_copy(&d->mend.edit, azl_span_end(data));
    for (i = before; i < out->len; ++i) {
        if (out->data[i] == '\n') {
            out->data[i] = ' ';
        }
    }
    azl_buf_puts(out, "\n\n");
}

static azl_span_t trim(azl_span_t s)
{
    while (s.len && apr_isspace(s.at[s.len - 1])) {
        s.len--;
    }
    while (s.len && apr_isspace(*s.at)) {
        s.at++;
        s.len--;
    }
    return s;
}

void azl_openai_event(void *decoder, const azl_sse_event_t *ev, azl_buf_t *out)
{
    azl_span_t data = trim(ev->data);
    decoder_t *d = decoder;
    const azl_value_t *error;
    azl_object_t o;

    if (ev->comment) {
        azl_buf_puts(out, ":\n\n"); /* a sign of life */
        return;
    }
    if (!data.len) {
        return;
    }
    if (azl_span_is(data, "[DONE]")) {
        keep_reasoning(d);
    }
    else if (azl_object_open(&o, data)) {
        error = azl_object_get(&o, "error");
        if (!error || error->type == AZL_JSON_NULL) {
            write_chunk(d, data, &o, out);
            return;
        }
    }
    write_line(out, data);
}

void azl_openai_end(void *decoder, azl_buf_t *out)
{
    (void)out;
    keep_reasoning(decoder);
}
