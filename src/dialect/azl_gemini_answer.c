/*
 * A whole answer of Google's as OpenAI's.
 */
#include <apr_strings.h>

#include "azl_gemini_int.h"

typedef struct candidate_t {
    azl_buf_t *text;      /* NULL: none */
    azl_buf_t *reasoning; /* likewise */
    azl_buf_t *images;    /* as JSON: the inside of a list */
    int nimages;
    apr_array_header_t *calls; /* azl_hub_call_t */
    azl_span_t reason;         /* empty: it is not said */
} candidate_t;

typedef struct answer_t {
    azl_exchange_t *ex;
    candidate_t *candidates[AZL_CHOICES_MAX];
    int n; /* as many are there, or should be */
    const azl_gemini_reader_t *rd;
    int broken;
} answer_t;

static candidate_t *candidate_at(answer_t *a, int i)
{
    if (!a->candidates[i]) {
        a->candidates[i] = apr_pcalloc(a->ex->pool, sizeof(candidate_t));
    }
    a->n = a->n > i ? a->n : i + 1;
    return a->candidates[i];
}

static azl_buf_t *made(answer_t *a, azl_buf_t **buf)
{
    if (!*buf) {
        *buf = azl_buf_create(a->ex->pool, AZL_HUB_DOCUMENT_MAX);
    }
    return *buf;
}

static void add_text(answer_t *a, azl_buf_t **to, const azl_value_t *text)
{
    azl_buf_span(made(a, to), azl_scan_whole_text(a->ex->pool, text->raw));
}

static void add_call(answer_t *a, int i, candidate_t *c,
                     const azl_gemini_part_t *part)
{
    azl_exchange_t *ex = a->ex;
    const char *signature = part->signature.type == AZL_JSON_STRING
                                ? azl_scan_text(ex->pool, part->signature.raw)
                                : NULL;
    azl_hub_call_t *call;

    if (!c->calls) {
        c->calls = apr_array_make(ex->pool, 2, sizeof(azl_hub_call_t));
    }
    call = apr_array_push(c->calls);
    call->id = azl_gemini_call_id(ex->pool, ex, &part->id, a->rd->id, i,
                                  c->calls->nelts - 1);
    call->name = azl_scan_text(ex->pool, part->name.raw);
    call->arguments =
        part->args.raw.len
            ? apr_pstrmemdup(ex->pool, part->args.raw.at, part->args.raw.len)
            : NULL;
    a->broken |= call->name == NULL;
    if (signature && ex->keep) {
        ex->keep(ex->kept, azl_gemini_kind(ex), azl_span_str(call->id),
                 azl_span_str(signature));
    }
}

/* A picture as clients of models that draw expect it: beside the content. */
static void add_image(answer_t *a, candidate_t *c,
                      const azl_gemini_part_t *part)
{
    azl_buf_t *out = made(a, &c->images);

    azl_buf_puts(out, c->nimages ? "," : "");
    azl_gemini_image_write(out, c->nimages++, part);
}

static void on_part(void *baton, int i, const azl_gemini_part_t *part)
{
    answer_t *a = baton;
    candidate_t *c = candidate_at(a, i);

    if (part->name.type != AZL_JSON_NONE) {
        add_call(a, i, c, part);
    }
    else if (part->data.type != AZL_JSON_NONE) {
        add_image(a, c, part);
    }
    else if (azl_value_is_text(&part->text)) {
        add_text(a, part->thought ? &c->reasoning : &c->text, &part->text);
    }
}

static void on_finish(void *baton, int i, azl_span_t reason)
{
    candidate_at(baton, i)->reason = reason;
}

static azl_span_t text_of(answer_t *a, const azl_buf_t *buf)
{
    a->broken |= buf && buf->failed;
    return buf ? azl_buf_copy(buf, a->ex->pool) : azl_span(NULL, 0);
}

static void fill(answer_t *a, const candidate_t *c, azl_hub_choice_t *choice)
{
    azl_span_t images = text_of(a, c->images);

    memset(choice, 0, sizeof(*choice));
    choice->content = text_of(a, c->text);
    choice->reasoning = text_of(a, c->reasoning);
    choice->calls = c->calls;
    choice->finish = azl_gemini_finish(c->reason, c->calls != NULL);
    if (!choice->content.at && !c->calls) {
        choice->content = azl_span("", 0);
    }
    if (images.at) {
        choice->more =
            apr_pstrcat(a->ex->pool, "\"images\":[", images.at, "]", NULL);
    }
}

apr_status_t azl_gemini_answer(azl_exchange_t *ex, azl_span_t doc,
                               azl_buf_t *out)
{
    static const candidate_t silent;
    answer_t *a = apr_pcalloc(ex->pool, sizeof(*a));
    azl_gemini_reader_t rd;
    azl_hub_choice_t *choices;
    int i;

    memset(&rd, 0, sizeof(rd));
    rd.baton = a;
    rd.part = on_part;
    rd.finish = on_finish;
    a->ex = ex;
    a->rd = &rd;
    if (!azl_gemini_read(&rd, doc) || rd.error.type != AZL_JSON_NONE) {
        return APR_EGENERAL;
    }
    choices = apr_palloc(ex->pool, sizeof(*choices) * (apr_size_t)(a->n + 1));
    for (i = 0; i < a->n; ++i) {
        fill(a, a->candidates[i] ? a->candidates[i] : &silent, &choices[i]);
    }
    if (!a->n && rd.blocked) {
        fill(a, &silent, &choices[0]);
        choices[0].finish = "content_filter";
        a->n = 1;
    }
    if (a->broken || !a->n) {
        return APR_EGENERAL;
    }
    azl_hub_answer(ex, apr_pstrmemdup(ex->pool, rd.id.at, rd.id.len), choices,
                   a->n, &rd.usage, out);
    azl_hub_answer_tier(out, rd.tier);
    return APR_SUCCESS;
}
