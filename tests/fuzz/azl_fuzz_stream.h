/*
 * azl_fuzz_stream: what the targets share that translate streams. A stream is
 * translated whole, cut once and byte by byte, which must give the same bytes,
 * the same state and the same end.
 */
#ifndef AZL_FUZZ_STREAM_H
#define AZL_FUZZ_STREAM_H

#include <apr_errno.h>

#include "azl_dialect.h"
#include "azl_fuzz.h"
#include "azl_reply.h"
#include "azl_sse.h"

/* A stream that was translated to its end. */
typedef struct azl_fuzz_told_t {
    azl_buf_t *out;
    azl_buf_t *kept;
    azl_stream_state_t state;
    azl_usage_t cut; /* what it had used, were it not whole */
    int whole; /* it ended well */
} azl_fuzz_told_t;

/* Makes the stream that is to be fed. What is kept meanwhile, if anything, is
 * to be appended to `kept`. */
typedef azl_stream_t *azl_fuzz_start_fn(apr_pool_t *p, const void *baton,
                                        azl_buf_t *kept);

typedef struct azl_fuzz_stream_t {
    azl_fuzz_start_fn *start;
    const void *baton;
    apr_size_t room; /* for what is made of it, and for what is kept */
} azl_fuzz_stream_t;

/* What a small event may become: it is wrapped in a chunk. */
static inline apr_size_t azl_fuzz_room(azl_span_t in)
{
    return 1024 * in.len + 4096;
}

/* An exchange with an upstream; the memo and who keeps what are the
 * caller's. */
static inline azl_exchange_t *azl_fuzz_exchange(apr_pool_t *p,
                                                const char *dialect,
                                                const char *host,
                                                const char *family)
{
    azl_endpoint_t *e = apr_pcalloc(p, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));

    e->url = apr_pstrcat(p, "https://", host, NULL);
    e->host = host;
    e->dialect = azl_dialect_find(dialect);
    d->endpoint = e;
    d->name = "m";
    ex->pool = p;
    ex->deployment = d;
    ex->alias = "the-alias";
    ex->family = family;
    ex->request_id = "0123";
    return ex;
}

static inline const azl_outbound_t *azl_fuzz_outbound(const azl_exchange_t *ex)
{
    return ex->deployment->endpoint->dialect->outbound(ex->deployment,
                                                       AZL_OP_CHAT);
}

/* A chat with usage. A stream needs its rules for as long as it lives. */
static inline azl_reply_rules_t *azl_fuzz_chat_rules(apr_pool_t *p)
{
    azl_reply_rules_t *rules = apr_pcalloc(p, sizeof(*rules));

    rules->op = AZL_OP_CHAT;
    rules->alias_json = "\"the-alias\"";
    rules->include_usage = 1;
    return rules;
}

/*
 * Translating
 */

/* Fed in pieces of `first` and then `step` bytes. */
static inline azl_fuzz_told_t azl_fuzz_tell(apr_pool_t *p,
                                            const azl_fuzz_stream_t *how,
                                            azl_span_t in, apr_size_t first,
                                            apr_size_t step)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_fuzz_told_t told;
    azl_stream_t *st;

    told.out = azl_buf_create(p, how->room);
    told.kept = azl_buf_create(p, how->room);
    st = how->start(p, how->baton, told.kept);
    while (in.len && rv == APR_SUCCESS) {
        azl_span_t piece = azl_fuzz_take(&in, len);

        rv = azl_stream_feed(st, azl_fuzz_copy(p, piece.at, piece.len),
                             piece.len, told.out);
        len = step;
    }
    azl_fuzz_check(rv != APR_ENOSPC, "there is room for the events");
    told.whole = azl_stream_finish(st, told.out);
    told.state = *azl_stream_state(st);
    azl_stream_usage(st, 1, 1000, &told.cut);
    azl_fuzz_check(told.cut.prompt >= 0 && told.cut.completion >= 0,
                   "no count is below 0");
    azl_fuzz_check(told.cut.reported || !told.state.usage.reported,
                   "what was told is not lost");
    azl_fuzz_check(!told.out->failed && !told.kept->failed,
                   "there is room for the end");
    return told;
}

static inline void azl_fuzz_same_told(const azl_fuzz_told_t *a,
                                      const azl_fuzz_told_t *b,
                                      const char *what)
{
    const azl_stream_state_t *s = &a->state;
    const azl_stream_state_t *t = &b->state;

    azl_fuzz_same(a->out, b->out, what);
    azl_fuzz_same(a->kept, b->kept, what);
    azl_fuzz_check(a->whole == b->whole && s->content == t->content &&
                       s->finished == t->finished && s->closed == t->closed &&
                       s->malformed == t->malformed && s->failed == t->failed &&
                       s->error.status == t->error.status,
                   what);
    azl_fuzz_check(memcmp(&s->usage, &t->usage, sizeof(s->usage)) == 0, what);
    azl_fuzz_check(memcmp(&a->cut, &b->cut, sizeof(a->cut)) == 0, what);
}

/* What becomes of the stream however it is cut; `cut` are two bytes of the
 * input that say where it is cut once. */
static inline azl_fuzz_told_t azl_fuzz_tell_all(apr_pool_t *p,
                                                const azl_fuzz_stream_t *how,
                                                azl_span_t in,
                                                const uint8_t *cut)
{
    apr_size_t all = in.len + 1;
    azl_fuzz_told_t whole = azl_fuzz_tell(p, how, in, all, all);
    azl_fuzz_told_t other =
        azl_fuzz_tell(p, how, in, (cut[0] * 256u + cut[1]) % all, all);

    azl_fuzz_same_told(&whole, &other, "cut once, the same");
    other = azl_fuzz_tell(p, how, in, 1, 1);
    azl_fuzz_same_told(&whole, &other, "byte by byte, the same");
    return whole;
}

/*
 * Reading what was written
 */

typedef struct azl_fuzz_chunks_t {
    int done;
    int error;
} azl_fuzz_chunks_t;

static inline apr_status_t azl_fuzz_read_chunk(void *baton,
                                               const azl_sse_event_t *ev)
{
    static const char error[] = "{\"error\":";
    azl_fuzz_chunks_t *read = baton;

    azl_fuzz_check(!read->done && !read->error, "nothing follows the end");
    if (ev->comment) {
        return APR_SUCCESS;
    }
    azl_fuzz_check(memchr(ev->data.at, '\n', ev->data.len) == NULL,
                   "data is one line");
    if (azl_span_is(ev->data, "[DONE]")) {
        read->done = 1;
        return APR_SUCCESS;
    }
    azl_fuzz_check_json(ev->data, AZL_JSON_OBJECT, "data is an object");
    read->error = ev->data.len > strlen(error) &&
                  memcmp(ev->data.at, error, strlen(error)) == 0;
    return APR_SUCCESS;
}

/* It is chunks, each one line with an object; [DONE] or an error is last. */
static inline void azl_fuzz_check_chunks(apr_pool_t *p,
                                         const azl_fuzz_told_t *told)
{
    azl_sse_t *sse = azl_sse_create(p, told->out->len + 1);
    azl_fuzz_chunks_t read = {0, 0};

    if (told->out->len) {
        azl_sse_feed(sse, told->out->data, told->out->len, azl_fuzz_read_chunk,
                     &read);
    }
    azl_fuzz_check(read.done == told->whole, "what ends well ends with [DONE]");
    azl_fuzz_check(told->whole || read.error || !told->state.content,
                   "who has seen content is told that it is cut");
}

/* What is made of the document, as an answer or as an error, is an object. */
static inline void azl_fuzz_check_document(azl_exchange_t *ex,
                                           const azl_outbound_t *outbound,
                                           azl_span_t doc)
{
    azl_buf_t *out = azl_buf_create(ex->pool, azl_fuzz_room(doc));

    if (outbound->answer(ex, doc, out) == APR_SUCCESS) {
        azl_fuzz_check(!out->failed, "there is room for the answer");
        azl_fuzz_check_json(azl_fuzz_span(out), AZL_JSON_OBJECT,
                            "an answer is an object");
    }
    azl_buf_clear(out);
    if (outbound->failure) {
        outbound->failure(ex, 400, NULL, doc, out);
    }
    if (out->len) {
        azl_fuzz_check_json(azl_fuzz_span(out), AZL_JSON_OBJECT,
                            "an error is an object");
    }
}

#endif /* AZL_FUZZ_STREAM_H */
