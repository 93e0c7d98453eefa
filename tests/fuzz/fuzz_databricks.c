/*
 * fuzz_databricks: what serving endpoints of Databricks send, as a stream, as
 * a whole answer and as an error. A stream is translated whole, cut once and
 * byte by byte, which must give the same bytes, the same end and the same
 * state kept; every event of it is one line with a JSON object or the last
 * [DONE]. What is made of a whole answer, of an error or to be kept is JSON.
 *
 * Input: one byte of options (its lowest bit: a tool stands for the answer),
 * two for the cut, then the upstream's bytes.
 */
#include <apr_errno.h>

#include "azl_databricks_int.h"
#include "azl_fuzz.h"
#include "azl_reply.h"
#include "azl_sse.h"

#define HEAD 3

typedef struct outcome_t {
    azl_buf_t *out;
    azl_buf_t *kept;
    azl_stream_state_t state;
    int whole;
} outcome_t;

static void keep(void *baton, const char *kind, azl_span_t id, azl_span_t state)
{
    azl_buf_t *kept = baton;

    (void)kind;
    azl_buf_clear(kept); /* each choice has its own */
    azl_buf_puts(kept, "[");
    azl_buf_span(kept, state);
    azl_buf_puts(kept, "]");
    azl_fuzz_check(id.len > 0, "what is kept has a name");
}

static azl_exchange_t *exchange(apr_pool_t *p, int json_tool, azl_buf_t *kept)
{
    azl_endpoint_t *e = apr_pcalloc(p, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));
    azl_databricks_memo_t *memo = apr_pcalloc(p, sizeof(*memo));

    e->url = "https://workspace";
    e->host = "workspace";
    e->dialect = &azl_dialect_databricks;
    d->endpoint = e;
    ex->pool = p;
    ex->deployment = d;
    ex->family = "claude-opus-4-6";
    ex->request_id = "0123";
    ex->keep = keep;
    ex->kept = kept;
    memo->claude.json_tool = json_tool;
    ex->memo = memo;
    return ex;
}

static const azl_outbound_t *outbound(const azl_exchange_t *ex)
{
    return azl_dialect_databricks.outbound(ex->deployment, AZL_OP_CHAT);
}

static void run(apr_pool_t *p, int json_tool, azl_span_t in, apr_size_t first,
                apr_size_t step, outcome_t *o)
{
    azl_exchange_t *ex;
    azl_reply_rules_t rules;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_stream_t *st;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"the-alias\"";
    rules.include_usage = 1;
    o->kept = azl_buf_create(p, 1024 * in.len + 4096);
    ex = exchange(p, json_tool, o->kept);
    st = azl_stream_create(p, &rules);
    azl_stream_from(st, outbound(ex), ex);
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

static int same_bytes(const azl_buf_t *a, const azl_buf_t *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void same(const outcome_t *a, const outcome_t *b, const char *what)
{
    azl_fuzz_check(same_bytes(a->out, b->out) && same_bytes(a->kept, b->kept),
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

static void check_json(azl_span_t data, azl_json_type_e type, const char *what)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, data.at, data.len);
    azl_fuzz_check(azl_scan_value(&s, &v) == 1 && v.type == type &&
                       azl_scan_end(&s) == 1,
                   what);
}

static azl_span_t content(const azl_buf_t *buf)
{
    return azl_span(buf->data, buf->len);
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
    check_json(ev->data, AZL_JSON_OBJECT, "data is an object");
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
    if (o->kept->len) {
        check_json(content(o->kept), AZL_JSON_ARRAY, "what is kept is JSON");
    }
}

static void check_documents(apr_pool_t *p, int json_tool, azl_span_t in)
{
    azl_span_t doc = azl_span(azl_fuzz_copy(p, in.at, in.len), in.len);
    azl_buf_t *kept = azl_buf_create(p, 1024 * in.len + 4096);
    azl_buf_t *out = azl_buf_create(p, 1024 * in.len + 4096);
    azl_exchange_t *ex = exchange(p, json_tool, kept);

    if (outbound(ex)->answer(ex, doc, out) == APR_SUCCESS) {
        azl_fuzz_check(!out->failed, "there is room for the answer");
        check_json(content(out), AZL_JSON_OBJECT, "an answer is an object");
        if (kept->len) {
            check_json(content(kept), AZL_JSON_ARRAY, "what is kept is JSON");
        }
    }
    azl_buf_clear(out);
    outbound(ex)->failure(ex, 400, NULL, doc, out);
    if (out->len) {
        check_json(content(out), AZL_JSON_OBJECT, "an error is an object");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    outcome_t whole, other;
    apr_size_t cut;
    int json_tool;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    json_tool = data[0] & 1;
    cut = (data[1] * 256u + data[2]) % (in.len + 1);

    run(p, json_tool, in, in.len + 1, in.len + 1, &whole);
    check_output(p, &whole);
    run(p, json_tool, in, cut, in.len + 1, &other);
    same(&whole, &other, "cut once, the same");
    run(p, json_tool, in, 1, 1, &other);
    same(&whole, &other, "byte by byte, the same");
    check_documents(p, json_tool, in);
    return 0;
}
