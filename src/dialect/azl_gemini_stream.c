/*
 * Google's event stream as OpenAI's. An event is an answer of its own with what
 * is new in it; calls come whole. It ends without a word, so whether it was
 * cut off is known by the candidates' finish reasons.
 */
#include <apr_strings.h>

#include "azl_gemini_int.h"

/* What a candidate has done so far. */
typedef struct candidate_t {
    unsigned char seen;
    unsigned char finished;
    unsigned char calls; /* at most AZL_TOOL_CALLS_MAX */
    unsigned char images;
} candidate_t;

/* A longer id of an answer is not taken. */
#define ID_MAX 64
/* More calls, or more pictures, are not passed on. */
#define THINGS_MAX 128

typedef struct decoder_t {
    azl_exchange_t *ex;
    azl_hub_stream_t hub;
    azl_gemini_reader_t rd;
    apr_pool_t *scratch; /* for one call; NULL: there was none yet */
    int choices;         /* that were asked for */
    char id[ID_MAX];     /* the answer's */
    apr_size_t id_len;   /* 0: not known yet */
    int failed;
    int blocked;
    candidate_t candidates[AZL_CHOICES_MAX];
} decoder_t;

static apr_pool_t *scratch(decoder_t *d)
{
    if (d->scratch) {
        apr_pool_clear(d->scratch);
    }
    else {
        apr_pool_create(&d->scratch, d->ex->pool);
        apr_pool_tag(d->scratch, "azurelit_gemini");
    }
    return d->scratch;
}

static void fail(decoder_t *d, int status, const char *code,
                 const char *message)
{
    if (!d->failed) {
        azl_hub_error(&d->hub, status, NULL, code, message);
        d->failed = 1;
    }
}

static void fail_malformed(decoder_t *d)
{
    fail(d, 502, NULL, "The upstream service sent what is no answer.");
}

/* The id comes with every event, and is read before what it says; the first
 * one counts. */
static void take_id(decoder_t *d)
{
    azl_span_t id = d->rd.id;

    if (!d->id_len && id.len && id.len <= sizeof(d->id)) {
        memcpy(d->id, id.at, id.len);
        d->id_len = id.len;
        azl_hub_stream_id(&d->hub, id);
    }
}

static void write_call(decoder_t *d, int choice, candidate_t *c,
                       const azl_gemini_part_t *part)
{
    azl_exchange_t *ex = d->ex;
    apr_pool_t *p = scratch(d);
    const char *name = azl_scan_text(p, part->name.raw);
    const char *signature = part->signature.type == AZL_JSON_STRING
                                ? azl_scan_text(p, part->signature.raw)
                                : NULL;
    const char *id = azl_gemini_call_id(
        p, ex, &part->id, azl_span(d->id, d->id_len), choice, c->calls);

    if (!name || c->calls == THINGS_MAX) {
        fail_malformed(d);
        return;
    }
    azl_hub_tool(&d->hub, choice, c->calls, azl_span_str(id),
                 azl_span_str(name));
    azl_hub_arguments_text(&d->hub, choice, c->calls,
                           part->args.raw.len ? part->args.raw
                                              : azl_span_str("{}"));
    c->calls++;
    if (signature && ex->keep) {
        ex->keep(ex->kept, azl_gemini_kind(ex), azl_span_str(id),
                 azl_span_str(signature));
    }
}

static void write_image(decoder_t *d, int choice, candidate_t *c,
                        const azl_gemini_part_t *part)
{
    azl_buf_t *list;

    if (c->images == THINGS_MAX) {
        fail_malformed(d);
        return;
    }
    list = azl_buf_create(scratch(d), AZL_HUB_DOCUMENT_MAX);
    azl_buf_puts(list, "[");
    azl_gemini_image_write(list, c->images++, part);
    azl_buf_puts(list, "]");
    azl_hub_delta(&d->hub, choice, "images", azl_span(list->data, list->len));
    azl_buf_free(list);
}

static void on_part(void *baton, int choice, const azl_gemini_part_t *part)
{
    decoder_t *d = baton;
    candidate_t *c = &d->candidates[choice];

    take_id(d);
    c->seen = 1;
    if (c->finished || d->failed) {
        return;
    }
    if (part->name.type != AZL_JSON_NONE) {
        write_call(d, choice, c, part);
    }
    else if (part->data.type != AZL_JSON_NONE) {
        write_image(d, choice, c, part);
    }
    else if (azl_value_is_text(&part->text)) {
        azl_hub_delta(&d->hub, choice,
                      part->thought ? "reasoning_content" : "content",
                      part->text.raw);
    }
}

static void on_finish(void *baton, int choice, azl_span_t reason)
{
    decoder_t *d = baton;
    candidate_t *c = &d->candidates[choice];

    take_id(d);
    c->seen = 1;
    if (!c->finished && !d->failed) {
        azl_hub_finish(&d->hub, choice, azl_gemini_finish(reason, c->calls));
        c->finished = 1;
    }
}

void *azl_gemini_decoder(azl_exchange_t *ex)
{
    decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    d->ex = ex;
    d->rd.baton = d;
    d->rd.part = on_part;
    d->rd.finish = on_finish;
    d->choices = ex->memo ? *(const int *)ex->memo : 1;
    azl_hub_stream_init(&d->hub, ex);
    return d;
}

/* There will be no candidate. */
static void refuse_prompt(decoder_t *d)
{
    take_id(d);
    azl_hub_role(&d->hub, 0);
    on_finish(d, 0, azl_span_str("SAFETY"));
    d->blocked = 1;
}

static void tell_failure(decoder_t *d, azl_span_t doc)
{
    azl_gemini_failure_t f;

    if (azl_gemini_failure_read(scratch(d), 0, doc, &f)) {
        fail(d, f.status, f.code, f.message);
    }
    else {
        fail_malformed(d);
    }
}

void azl_gemini_event(void *decoder, const azl_sse_event_t *ev, azl_buf_t *out)
{
    decoder_t *d = decoder;

    d->hub.out = out;
    if (d->failed) {
        return;
    }
    if (ev->comment) {
        azl_buf_puts(out, ":\n\n");
        return;
    }
    if (!azl_gemini_read(&d->rd, ev->data)) {
        tell_failure(d, ev->data);
        return;
    }
    if (d->rd.error.type != AZL_JSON_NONE) {
        tell_failure(d, ev->data);
    }
    if (d->rd.blocked && !d->blocked && !d->candidates[0].seen && !d->failed) {
        refuse_prompt(d);
    }
    if (d->rd.counted) {
        azl_hub_usage_so_far(&d->hub, &d->rd.usage);
    }
}

/* Everything that was begun, and asked for, has come to its end. */
static int is_whole(const decoder_t *d)
{
    int finished = 0;
    int i;

    for (i = 0; i < AZL_CHOICES_MAX; ++i) {
        if (d->candidates[i].seen && !d->candidates[i].finished) {
            return 0;
        }
        finished += d->candidates[i].finished;
    }
    return d->blocked ? finished > 0 : finished >= d->choices;
}

void azl_gemini_end(void *decoder, azl_buf_t *out)
{
    decoder_t *d = decoder;

    d->hub.out = out;
    if (d->failed || !is_whole(d)) {
        return;
    }
    if (d->rd.usage.reported) {
        azl_hub_usage_at(&d->hub, &d->rd.usage, d->rd.tier);
    }
    azl_hub_done(&d->hub);
}
