/*
 * fuzz_messages: streams for clients of the Messages API, made of chunks or
 * passed on, and their requests. A stream comes whole, cut once and byte by
 * byte, which must give the same bytes and the same end. What is made of
 * chunks is what the SDK can put together: named events with the same type,
 * message_start first, blocks numbered from 0 that do not overlap,
 * message_stop or an error last. What is made of a request is a chat.
 *
 * Input: one byte of options (its lowest bit: the stream passes), two for the
 * cut, then the bytes.
 */
#include <apr_errno.h>

#include "azl_dialect.h"
#include "azl_fuzz.h"
#include "azl_messages_int.h"
#include "azl_reply.h"
#include "azl_sse.h"

#define HEAD 3

typedef struct outcome_t {
    azl_buf_t *out;
    azl_stream_state_t state;
    int whole;
} outcome_t;

static void run(apr_pool_t *p, int passes, azl_span_t in, apr_size_t first,
                apr_size_t step, outcome_t *o)
{
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));
    azl_reply_rules_t rules;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_stream_t *st;

    ex->pool = p;
    ex->alias = "the-alias";
    ex->request_id = "0123";
    memset(&rules, 0, sizeof(rules));
    rules.op = passes ? AZL_OP_MESSAGES : AZL_OP_CHAT;
    rules.alias_json = "\"the-alias\"";
    rules.include_usage = 1;
    rules.choices = 1;
    st = azl_stream_create(p, &rules);
    if (!passes) {
        azl_stream_to(st, azl_inbound_of(AZL_OP_MESSAGES), ex);
    }
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

/*
 * Reading what was written
 */

typedef struct reader_t {
    apr_pool_t *p;
    int made;    /* of chunks: we know its order */
    int started; /* message_start has come */
    int open;    /* a block is */
    int index;   /* of the block that is open or comes next */
    int ended;   /* message_delta has come */
    int last;    /* message_stop or an error has come */
    int error;
} reader_t;

static void check_order(reader_t *rd, const azl_json_t *data, azl_span_t type)
{
    apr_int64_t index = -1;

    azl_json_int(azl_json_get(data, "index"), &index);
    if (azl_span_is(type, "message_start")) {
        azl_fuzz_check(!rd->started, "it starts once");
        rd->started = 1;
        return;
    }
    azl_fuzz_check(rd->started, "nothing comes before the start");
    if (azl_span_is(type, "content_block_start")) {
        azl_fuzz_check(!rd->open && index == rd->index, "blocks are in order");
        rd->open = 1;
    }
    else if (azl_span_is(type, "content_block_delta")) {
        azl_fuzz_check(rd->open && index == rd->index, "a delta has its block");
    }
    else if (azl_span_is(type, "content_block_stop")) {
        azl_fuzz_check(rd->open && index == rd->index, "a block stops once");
        rd->open = 0;
        rd->index++;
    }
    else if (azl_span_is(type, "message_delta")) {
        azl_fuzz_check(!rd->open && !rd->ended, "it ends once");
        rd->ended = 1;
    }
    else if (azl_span_is(type, "message_stop")) {
        azl_fuzz_check(rd->ended, "it says why it ends");
    }
}

static apr_status_t read_event(void *baton, const azl_sse_event_t *ev)
{
    reader_t *rd = baton;
    azl_span_t type = azl_span(NULL, 0);
    azl_json_t *data = NULL;
    azl_scan_t s;
    azl_value_t v;

    azl_fuzz_check(!rd->last, "nothing follows the end");
    if (ev->comment) {
        azl_fuzz_check(!rd->made, "signs of life are pings");
        return APR_SUCCESS;
    }
    azl_fuzz_check(memchr(ev->data.at, '\n', ev->data.len) == NULL,
                   "data is one line");
    azl_scan_init(&s, ev->data.at, ev->data.len);
    azl_fuzz_check(azl_scan_value(&s, &v) == 1 && v.type == AZL_JSON_OBJECT &&
                       azl_scan_end(&s) == 1,
                   "data is an object");
    rd->error = azl_span_is(ev->name, "error");
    rd->last = rd->error;
    if (!azl_json_parse(rd->p, ev->data, &data)) {
        type = azl_json_text(azl_json_get(data, "type"));
    }
    rd->last |= azl_span_is(type.len ? type : ev->name, "message_stop");
    if (rd->made && data) { /* it may be no UTF-8, as what came */
        azl_fuzz_check(type.len == ev->name.len &&
                           memcmp(type.at, ev->name.at, type.len) == 0,
                       "an event has its type's name");
        if (!rd->error) {
            check_order(rd, data, type);
        }
    }
    return APR_SUCCESS;
}

static void check_output(apr_pool_t *p, int passes, const outcome_t *o)
{
    azl_sse_t *sse = azl_sse_create(p, o->out->len + 1);
    reader_t rd;

    memset(&rd, 0, sizeof(rd));
    rd.p = p;
    rd.made = !passes;
    if (o->out->len) {
        azl_sse_feed(sse, o->out->data, o->out->len, read_event, &rd);
    }
    azl_fuzz_check(!o->whole || (rd.last && !rd.error),
                   "what ends well ends with message_stop");
    azl_fuzz_check(o->whole || rd.error || !o->state.content,
                   "who has seen content is told that it is cut");
}

static void check_request(apr_pool_t *p, azl_span_t in)
{
    azl_buf_t *out = azl_buf_create(p, 1024 * in.len + 4096);
    azl_json_t *client, *hub;
    azl_error_t err;

    memset(&err, 0, sizeof(err));
    if (azl_json_parse(p, in, &client)) {
        return;
    }
    if (azl_inbound_messages.request(p, client, out, &err)) {
        azl_fuzz_check(!out->failed, "there is room for the chat");
        azl_fuzz_check(
            !azl_json_parse(p, azl_span(out->data, out->len), &hub) &&
                azl_json_type(azl_json_get(hub, "messages")) == AZL_JSON_ARRAY,
            "a chat has messages");
    }
    else {
        azl_fuzz_check(err.status == 400 && err.param && err.message,
                       "what is refused has a place and a reason");
    }
    azl_buf_clear(out);
    azl_dialect_count_tokens(in, out);
    azl_fuzz_check(!azl_json_parse(p, azl_span(out->data, out->len), &hub),
                   "a count is JSON");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    outcome_t whole, other;
    apr_size_t cut;
    int passes;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    passes = data[0] & 1;
    cut = (data[1] * 256u + data[2]) % (in.len + 1);

    run(p, passes, in, in.len + 1, in.len + 1, &whole);
    check_output(p, passes, &whole);
    run(p, passes, in, cut, in.len + 1, &other);
    same(&whole, &other, "cut once, the same");
    run(p, passes, in, 1, 1, &other);
    same(&whole, &other, "byte by byte, the same");
    check_request(p, azl_span(azl_fuzz_copy(p, in.at, in.len), in.len));
    return 0;
}
