/*
 * fuzz_bedrock: what Bedrock sends, as a stream, as a whole answer and as an
 * error, and what clients ask of it. A stream is translated whole, cut once
 * and byte by byte, which must give the same bytes and the same end; every
 * event of it is one line with a JSON object or the last [DONE]. What is made
 * of a request, a whole answer or an error is a JSON object.
 *
 * Input: one byte of choices, two for the cut, then lines. Of a stream each is
 * a frame: 'e' for an event or 'x' for an exception, its type, a blank, its
 * payload; another line is the payload of a frame without a type. For the rest
 * they are one document.
 */
#include <apr_errno.h>
#include <apr_strings.h>

#include "../unit/frame_fixture.h"
#include "azl_bedrock_int.h"
#include "azl_fuzz.h"
#include "azl_reply.h"
#include "azl_sse.h"

#define HEAD 3
/* The choices. */
#define JSON_TOOL 1 /* a tool stands for the text */
#define KEEPS 2     /* reasoning is kept */

/* Names that the request has replaced. */
static const azl_bedrock_name_t names[] = {{"an own name", "sent"}};

static void keep(void *baton, const char *kind, azl_span_t id, azl_span_t state)
{
    azl_buf_t *copy = azl_buf_create(baton, AZL_HUB_KEPT_MAX + 2);
    azl_value_t v;
    azl_scan_t s;

    (void)kind;
    azl_fuzz_check(id.len > 0, "there is a call to keep it by");
    azl_buf_puts(copy, "[");
    azl_buf_span(copy, state);
    azl_buf_puts(copy, "]");
    azl_scan_init(&s, copy->data, copy->len);
    azl_fuzz_check(azl_scan_value(&s, &v) == 1 && azl_scan_end(&s) == 1,
                   "what is kept is a list of blocks");
}

static azl_exchange_t *exchange(apr_pool_t *p, int choices)
{
    azl_endpoint_t *e = apr_pcalloc(p, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));
    azl_bedrock_memo_t *memo = apr_pcalloc(p, sizeof(*memo));

    e->url = "https://bedrock";
    e->dialect = azl_dialect_find("bedrock");
    d->endpoint = e;
    d->name = "m";
    ex->pool = p;
    ex->deployment = d;
    ex->family = choices & JSON_TOOL ? "nova" : "claude-sonnet-4-5";
    ex->request_id = "0123";
    ex->keep = choices & KEEPS ? keep : NULL;
    ex->kept = p;
    memo->family = azl_bedrock_family(ex->family);
    memo->json_tool = choices & JSON_TOOL;
    memo->names = apr_array_make(p, 1, sizeof(azl_bedrock_name_t));
    APR_ARRAY_PUSH(memo->names, azl_bedrock_name_t) = names[0];
    ex->memo = memo;
    return ex;
}

static azl_span_t frames_of(apr_pool_t *p, azl_span_t in)
{
    azl_buf_t *out = azl_buf_create(p, 256 * in.len + 4096);

    while (in.len) {
        const char *end = memchr(in.at, '\n', in.len);
        azl_span_t line =
            azl_fuzz_take(&in, end ? (apr_size_t)(end - in.at) : in.len);
        const char *blank = memchr(line.at, ' ', line.len);
        const char *kind = NULL;

        azl_fuzz_take(&in, 1);
        if (blank && (*line.at == 'e' || *line.at == 'x')) {
            kind = *line.at == 'e' ? "event" : "exception";
        }
        if (kind) {
            put_event(
                p, out, kind,
                apr_pstrmemdup(p, line.at + 1,
                               (apr_size_t)(blank - line.at - 1)),
                apr_pstrmemdup(p, blank + 1,
                               line.len - (apr_size_t)(blank + 1 - line.at)));
        }
        else {
            put_frame(out, azl_span("", 0), line);
        }
    }
    return azl_span(out->data, out->len);
}

typedef struct outcome_t {
    azl_buf_t *out;
    azl_stream_state_t state;
    int whole;
} outcome_t;

static void run(apr_pool_t *p, int choices, azl_span_t in, apr_size_t first,
                apr_size_t step, outcome_t *o)
{
    azl_exchange_t *ex = exchange(p, choices);
    azl_reply_rules_t rules;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_stream_t *st;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"the-alias\"";
    rules.include_usage = 1;
    st = azl_stream_create(p, &rules);
    azl_stream_from(st,
                    ex->deployment->endpoint->dialect->outbound(ex->deployment,
                                                                AZL_OP_CHAT),
                    ex);
    o->out = azl_buf_create(p, 1024 * in.len + 4096);
    while (in.len && rv == APR_SUCCESS) {
        azl_span_t piece = azl_fuzz_take(&in, len);

        rv = azl_stream_feed(st, azl_fuzz_copy(p, piece.at, piece.len),
                             piece.len, o->out);
        len = step;
    }
    o->whole = azl_stream_finish(st, o->out);
    o->state = *azl_stream_state(st);
    azl_fuzz_check(!o->out->failed, "there is room for everything");
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
    azl_fuzz_check(!ev->comment && !memchr(ev->data.at, '\n', ev->data.len),
                   "an event is one line of data");
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

static void check_documents(apr_pool_t *p, int choices, azl_span_t in)
{
    azl_span_t doc = azl_span(azl_fuzz_copy(p, in.at, in.len), in.len);
    azl_exchange_t *ex = exchange(p, choices);
    azl_buf_t *out = azl_buf_create(p, 1024 * in.len + 4096);
    azl_json_t *hub;
    azl_error_t err;

    if (azl_bedrock_answer(ex, doc, out) == APR_SUCCESS) {
        azl_fuzz_check(!out->failed, "there is room for the answer");
        check_object(azl_span(out->data, out->len), "an answer is an object");
    }
    azl_buf_clear(out);
    azl_bedrock_failure(ex, 400, NULL, doc, out);
    if (out->len) {
        check_object(azl_span(out->data, out->len), "an error is an object");
    }
    azl_buf_clear(out);
    if (!azl_json_parse(p, doc, &hub)) {
        ex->hub = hub;
        if (azl_bedrock_request(ex, out, &err)) {
            azl_fuzz_check(!out->failed, "there is room for the request");
            check_object(azl_span(out->data, out->len),
                         "a request is an object");
        }
        else {
            azl_fuzz_check(err.status == 400, "who refuses says why");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    outcome_t whole, other;
    azl_span_t frames;
    apr_size_t cut;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    frames = frames_of(p, in);
    cut = (data[1] * 256u + data[2]) % (frames.len + 1);
    run(p, data[0], frames, frames.len + 1, frames.len + 1, &whole);
    check_output(p, &whole);
    run(p, data[0], frames, cut, frames.len + 1, &other);
    same(&whole, &other, "cut once, the same");
    run(p, data[0], frames, 1, 1, &other);
    same(&whole, &other, "byte by byte, the same");
    check_documents(p, data[0], in);
    return 0;
}
