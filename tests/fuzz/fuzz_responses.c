/*
 * fuzz_responses: between chats and Responses.
 *
 * A stream is translated whole, cut once and byte by byte, which must give the
 * same bytes and the same end: a Response's events into chunks, chunks into a
 * Response's events, or the one behind the other. What comes out is what an SDK
 * can read: one line with a JSON object for each event; chunks end with [DONE]
 * or an error, a Response's events are numbered, begin with response.created
 * and end with what ends a Response. Of documents requests and answers are
 * tried both ways: what is made is a JSON object.
 *
 * Input: one byte for the mode, two for the cut, then the bytes.
 */
#include "azl_fuzz_stream.h"
#include "azl_responses_int.h"

#define HEAD 3
/* Modes, by their lowest bits (the seeds have digits). */
#define MODE_OUT 0
#define MODE_IN 1
#define MODE_BOTH 2
#define MODE_DOCUMENTS 3

static void keep(void *baton, const char *kind, azl_span_t call_id,
                 azl_span_t state)
{
    azl_buf_t *kept = baton;

    (void)kind;
    azl_buf_span(kept, call_id);
    azl_buf_span(kept, state);
}

static azl_span_t recall(void *baton, apr_pool_t *p, const char *kind,
                         azl_span_t call_id)
{
    (void)baton;
    (void)p;
    (void)kind;
    return azl_span_str(call_id.len % 2 ? "{\"type\":\"reasoning\"}" : "");
}

static apr_size_t room(azl_span_t in)
{
    return 2048 * in.len + 65536;
}

static azl_exchange_t *exchange(apr_pool_t *p, azl_buf_t *kept)
{
    azl_exchange_t *ex = azl_fuzz_exchange(p, "azure", "h", "gpt-5.1-codex");

    ex->keep = keep;
    ex->recall = recall;
    ex->kept = kept;
    return ex;
}

/*
 * Streams
 */

static azl_stream_t *start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    int mode = *(const int *)baton;
    azl_exchange_t *ex = exchange(p, kept);
    azl_stream_t *st = azl_stream_create(p, azl_fuzz_chat_rules(p));

    if (mode != MODE_IN) {
        azl_stream_from(st, &azl_outbound_responses, ex);
    }
    if (mode != MODE_OUT) {
        azl_stream_to(st, &azl_inbound_responses, ex);
    }
    return st;
}

typedef struct reader_t {
    int chunks; /* ... or a Response's events */
    apr_int64_t events;
    int ended;
    int failed;
} reader_t;

/* The members of one event of a Response. */
static void check_told(reader_t *rd, const azl_sse_event_t *ev)
{
    static const char *const ends[] = {
        "response.completed", "response.incomplete", "response.failed"};
    azl_object_t o;
    apr_int64_t n = -1;
    const azl_value_t *v;
    apr_size_t i;

    azl_fuzz_check(azl_object_open(&o, ev->data), "an event is an object");
    v = azl_object_get(&o, "sequence_number");
    azl_fuzz_check(v && azl_scan_uint(v->raw, &n) && n == rd->events,
                   "events are numbered");
    azl_fuzz_check((n == 0) == azl_span_is(ev->name, "response.created"),
                   "it begins once, and first");
    v = azl_object_get(&o, "type");
    azl_fuzz_check(v && v->raw.len == ev->name.len + 2 &&
                       memcmp(v->raw.at + 1, ev->name.at, ev->name.len) == 0,
                   "the event's name is its type");
    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); ++i) {
        rd->ended |= azl_span_is(ev->name, ends[i]);
    }
    rd->failed |= azl_span_is(ev->name, "error");
}

static void check_chunk(reader_t *rd, const azl_sse_event_t *ev)
{
    azl_object_t o;

    rd->ended = azl_span_is(ev->data, "[DONE]");
    if (!rd->ended) {
        azl_fuzz_check_json(ev->data, AZL_JSON_OBJECT, "a chunk is an object");
        rd->failed = azl_object_open(&o, ev->data) &&
                     azl_object_get(&o, "error") != NULL;
        rd->ended |= rd->failed;
    }
}

static apr_status_t read_event(void *baton, const azl_sse_event_t *ev)
{
    reader_t *rd = baton;

    azl_fuzz_check(!rd->ended, "nothing follows the end");
    if (ev->comment) {
        return APR_SUCCESS;
    }
    azl_fuzz_check(memchr(ev->data.at, '\n', ev->data.len) == NULL,
                   "data is one line");
    if (rd->chunks) {
        check_chunk(rd, ev);
    }
    else {
        check_told(rd, ev);
    }
    rd->events++;
    return APR_SUCCESS;
}

static void check_output(apr_pool_t *p, int mode, const azl_fuzz_told_t *o)
{
    azl_sse_t *sse = azl_sse_create(p, o->out->len + 1);
    reader_t rd = {mode == MODE_OUT, 0, 0, 0};

    if (o->out->len) {
        azl_sse_feed(sse, o->out->data, o->out->len, read_event, &rd);
    }
    azl_fuzz_check((rd.ended && !rd.failed) == o->whole,
                   "what ends well says so");
    azl_fuzz_check(o->whole || rd.failed || !o->state.content,
                   "who has seen content is told that it is cut");
}

/*
 * Documents
 */

static void check_answer(apr_pool_t *p, azl_span_t in, int inbound)
{
    azl_buf_t *kept = azl_buf_create(p, room(in));
    azl_buf_t *out = azl_buf_create(p, room(in));
    azl_exchange_t *ex = exchange(p, kept);
    apr_status_t rv = inbound ? azl_inbound_responses.answer(ex, in, out)
                              : azl_outbound_responses.answer(ex, in, out);

    if (rv == APR_SUCCESS || out->len) {
        azl_fuzz_check(!out->failed, "there is room for the answer");
        azl_fuzz_check_json(azl_fuzz_span(out), AZL_JSON_OBJECT,
                            "an answer is an object");
    }
}

/* A request for Responses, as a chat, and that for Responses again. */
static void check_request(apr_pool_t *p, azl_span_t in, int inbound)
{
    azl_buf_t *out = azl_buf_create(p, room(in));
    azl_exchange_t *ex = exchange(p, out);
    azl_json_t *json = NULL;
    azl_error_t err;
    int made;

    if (azl_json_parse(p, in, &json)) {
        return;
    }
    memset(&err, 0, sizeof(err));
    ex->hub = json;
    ex->client = json;
    made = inbound ? azl_inbound_responses.request(ex, out, &err)
                   : azl_outbound_responses.request(ex, out, &err);
    azl_fuzz_check(made || err.status == 400, "what is refused has a reason");
    azl_fuzz_check(!out->failed, "there is room for the request");
    if (made) {
        azl_span_t doc = azl_fuzz_span(out);

        azl_fuzz_check_json(doc, AZL_JSON_OBJECT, "a request is an object");
        if (inbound) {
            check_request(p, doc, 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_fuzz_stream_t how = {start, NULL, 0};
    azl_fuzz_told_t told;
    int mode;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    mode = data[0] & 3;
    if (mode == MODE_DOCUMENTS) {
        in.at = azl_fuzz_copy(p, in.at, in.len);
        check_answer(p, in, 0);
        check_answer(p, in, 1);
        check_request(p, in, 0);
        check_request(p, in, 1);
        return 0;
    }
    how.baton = &mode;
    how.room = room(in);
    told = azl_fuzz_tell_all(p, &how, in, data + 1);
    check_output(p, mode, &told);
    return 0;
}
