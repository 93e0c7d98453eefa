/*
 * fuzz_gemini: what Google sends, as a stream, as a whole answer and as an
 * error. A stream is translated whole, cut once and byte by byte, which must
 * give the same bytes and the same end; every event of it is one line with a
 * JSON object or the last [DONE]. What is made of a whole answer or of an
 * error is a JSON object.
 *
 * Input: one byte for how many candidates were asked for, two for the cut,
 * then the upstream's bytes.
 */
#include <apr_errno.h>

#include "azl_fuzz.h"
#include "azl_gemini_int.h"
#include "azl_reply.h"
#include "azl_sse.h"

#define HEAD 3

static azl_exchange_t *exchange(apr_pool_t *p, int *choices)
{
    azl_endpoint_t *e = apr_pcalloc(p, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));

    e->url = "https://generativelanguage.googleapis.com";
    d->endpoint = e;
    ex->pool = p;
    ex->deployment = d;
    ex->family = "gemini-3-pro";
    ex->request_id = "0123";
    ex->memo = choices;
    return ex;
}

typedef struct outcome_t {
    azl_buf_t *out;
    azl_stream_state_t state;
    int whole;
} outcome_t;

static void run(apr_pool_t *p, int *choices, azl_span_t in, apr_size_t first,
                apr_size_t step, outcome_t *o)
{
    azl_reply_rules_t rules;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_stream_t *st;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"the-alias\"";
    rules.include_usage = 1;
    st = azl_stream_create(p, &rules);
    azl_stream_from(st, &azl_gemini_chat, exchange(p, choices));
    o->out = azl_buf_create(p, 1024 * in.len + 4096);
    while (in.len && rv == APR_SUCCESS) {
        azl_span_t piece = azl_fuzz_take(&in, len);

        rv = azl_stream_feed(st, azl_fuzz_copy(p, piece.at, piece.len),
                             piece.len, o->out);
        len = step;
    }
    azl_fuzz_check(rv == APR_SUCCESS, "there is room for the events");
    o->whole = azl_stream_finish(st, o->out);
    o->state = *azl_stream_state(st);
    azl_fuzz_check(!o->out->failed, "there is room for the end");
}

static void same(const outcome_t *a, const outcome_t *b, const char *what)
{
    azl_fuzz_check(a->out->len == b->out->len &&
                       (a->out->len == 0 ||
                        memcmp(a->out->data, b->out->data, a->out->len) == 0),
                   what);
    azl_fuzz_check(a->whole == b->whole &&
                       a->state.content == b->state.content &&
                       a->state.failed == b->state.failed &&
                       a->state.error.status == b->state.error.status,
                   what);
    azl_fuzz_check(
        memcmp(&a->state.usage, &b->state.usage, sizeof(a->state.usage)) == 0,
        what);
}

static void check_object(azl_span_t data, const char *what)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, data.at, data.len);
    azl_fuzz_check(azl_scan_value(&s, &v) == 1 && v.type == AZL_JSON_OBJECT &&
                       azl_scan_end(&s) == 1,
                   what);
}

typedef struct reader_t {
    int done;
    int error;
} reader_t;

static apr_status_t read_event(void *baton, const azl_sse_event_t *ev)
{
    static const char error[] = "{\"error\":";
    reader_t *rd = baton;

    azl_fuzz_check(!rd->done && !rd->error, "nothing follows the end");
    if (ev->comment) {
        return APR_SUCCESS;
    }
    azl_fuzz_check(memchr(ev->data.at, '\n', ev->data.len) == NULL,
                   "data is one line");
    if (azl_span_is(ev->data, "[DONE]")) {
        rd->done = 1;
        return APR_SUCCESS;
    }
    check_object(ev->data, "data is an object");
    rd->error = ev->data.len > strlen(error) &&
                memcmp(ev->data.at, error, strlen(error)) == 0;
    return APR_SUCCESS;
}

static void check_output(apr_pool_t *p, const outcome_t *o)
{
    azl_sse_t *sse = azl_sse_create(p, o->out->len + 1);
    reader_t rd = {0, 0};

    if (o->out->len) {
        azl_sse_feed(sse, o->out->data, o->out->len, read_event, &rd);
    }
    azl_fuzz_check(rd.done == o->whole, "what ends well ends with [DONE]");
    azl_fuzz_check(o->whole || rd.error || !o->state.content,
                   "who has seen content is told that it is cut");
}

static void check_documents(apr_pool_t *p, int *choices, azl_span_t in)
{
    azl_span_t doc = azl_span(azl_fuzz_copy(p, in.at, in.len), in.len);
    azl_exchange_t *ex = exchange(p, choices);
    azl_buf_t *out = azl_buf_create(p, 1024 * in.len + 4096);

    if (azl_gemini_chat.answer(ex, doc, out) == APR_SUCCESS) {
        azl_fuzz_check(!out->failed, "there is room for the answer");
        check_object(azl_span(out->data, out->len), "an answer is an object");
    }
    azl_buf_clear(out);
    azl_gemini_chat.failure(ex, 400, NULL, doc, out);
    if (out->len) {
        check_object(azl_span(out->data, out->len), "an error is an object");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    outcome_t whole, other;
    apr_size_t cut;
    int choices;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    choices = 1 + (data[0] & 3);
    cut = (data[1] * 256u + data[2]) % (in.len + 1);

    run(p, &choices, in, in.len + 1, in.len + 1, &whole);
    check_output(p, &whole);
    run(p, &choices, in, cut, in.len + 1, &other);
    same(&whole, &other, "cut once, the same");
    run(p, &choices, in, 1, 1, &other);
    same(&whole, &other, "byte by byte, the same");
    check_documents(p, &choices, in);
    return 0;
}
