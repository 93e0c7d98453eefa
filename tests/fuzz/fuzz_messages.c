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
#include "azl_fuzz_stream.h"
#include "azl_messages_int.h"

#define HEAD 3

static azl_stream_t *start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    int passes = *(const int *)baton;
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));
    azl_reply_rules_t *rules = azl_fuzz_chat_rules(p);
    azl_stream_t *st;

    (void)kept;
    ex->pool = p;
    ex->alias = "the-alias";
    ex->request_id = "0123";
    if (passes) {
        rules->op = AZL_OP_MESSAGES;
    }
    rules->choices = 1;
    st = azl_stream_create(p, rules);
    if (!passes) {
        azl_stream_to(st, azl_inbound_of(AZL_OP_MESSAGES), ex);
    }
    return st;
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

    azl_fuzz_check(!rd->last, "nothing follows the end");
    if (ev->comment) {
        azl_fuzz_check(!rd->made, "signs of life are pings");
        return APR_SUCCESS;
    }
    azl_fuzz_check(memchr(ev->data.at, '\n', ev->data.len) == NULL,
                   "data is one line");
    azl_fuzz_check_json(ev->data, AZL_JSON_OBJECT, "data is an object");
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

static void check_output(apr_pool_t *p, int passes, const azl_fuzz_told_t *o)
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
    azl_buf_t *out = azl_buf_create(p, azl_fuzz_room(in));
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));
    azl_json_t *client, *hub;
    azl_error_t err;

    memset(&err, 0, sizeof(err));
    if (azl_json_parse(p, in, &client)) {
        return;
    }
    ex->pool = p;
    ex->client = client;
    if (azl_inbound_messages.request(ex, out, &err)) {
        azl_fuzz_check(!out->failed, "there is room for the chat");
        azl_fuzz_check(!azl_json_parse(p, azl_fuzz_span(out), &hub) &&
                           azl_json_type(azl_json_get(hub, "messages")) ==
                               AZL_JSON_ARRAY,
                       "a chat has messages");
    }
    else {
        azl_fuzz_check(err.status == 400 && err.param && err.message,
                       "what is refused has a place and a reason");
    }
    azl_buf_clear(out);
    azl_dialect_count_tokens(in, out);
    azl_fuzz_check(!azl_json_parse(p, azl_fuzz_span(out), &hub),
                   "a count is JSON");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_fuzz_stream_t how = {start, NULL, 0};
    azl_fuzz_told_t told;
    int passes;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    passes = data[0] & 1;
    how.baton = &passes;
    how.room = azl_fuzz_room(in);
    told = azl_fuzz_tell_all(p, &how, in, data + 1);
    check_output(p, passes, &told);
    check_request(p, azl_span(azl_fuzz_copy(p, in.at, in.len), in.len));
    return 0;
}
