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
#include <apr_errno.h>

#include "azl_fuzz.h"
#include "azl_reply.h"
#include "azl_responses_int.h"

#define HEAD 3
/* Modes, by their lowest bits (the seeds have digits). */
#define MODE_OUT 0
#define MODE_IN 1
#define MODE_BOTH 2
#define MODE_DOCUMENTS 3

typedef struct outcome_t {
    azl_buf_t *out;
    azl_buf_t *kept;
    azl_stream_state_t state;
    int whole;
} outcome_t;

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
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));
    azl_exchange_t *ex = apr_pcalloc(p, sizeof(*ex));

    d->name = "d";
    ex->pool = p;
    ex->deployment = d;
    ex->alias = "the-alias";
    ex->family = "gpt-5.1-codex";
    ex->request_id = "0123";
    ex->keep = keep;
    ex->recall = recall;
    ex->kept = kept;
    return ex;
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

/*
 * Streams
 */

static void run(apr_pool_t *p, int mode, azl_span_t in, apr_size_t first,
                apr_size_t step, outcome_t *o)
{
    azl_reply_rules_t rules;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len = first;
    azl_exchange_t *ex;
    azl_stream_t *st;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"the-alias\"";
    rules.include_usage = 1;
    o->out = azl_buf_create(p, room(in));
    o->kept = azl_buf_create(p, room(in));
    ex = exchange(p, o->kept);
    st = azl_stream_create(p, &rules);
    if (mode != MODE_IN) {
        azl_stream_from(st, &azl_outbound_responses, ex);
    }
    if (mode != MODE_OUT) {
        azl_stream_to(st, &azl_inbound_responses, ex);
    }
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
    azl_fuzz_check(same_bytes(a->out, b->out), what);
    azl_fuzz_check(same_bytes(a->kept, b->kept), what);
    azl_fuzz_check(a->whole == b->whole &&
                       a->state.content == b->state.content &&
                       a->state.failed == b->state.failed &&
                       a->state.error.status == b->state.error.status,
                   what);
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
        check_object(ev->data, "a chunk is an object");
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

static void check_output(apr_pool_t *p, int mode, const outcome_t *o)
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
        check_object(azl_span(out->data, out->len), "an answer is an object");
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
    made = inbound ? azl_inbound_responses.request(p, json, out, &err)
                   : azl_outbound_responses.request(ex, out, &err);
    azl_fuzz_check(made || err.status == 400, "what is refused has a reason");
    azl_fuzz_check(!out->failed, "there is room for the request");
    if (made) {
        azl_span_t doc = azl_span(out->data, out->len);

        check_object(doc, "a request is an object");
        if (inbound) {
            check_request(p, doc, 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    outcome_t whole, other;
    apr_size_t cut;
    int mode;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    mode = data[0] & 3;
    cut = (data[1] * 256u + data[2]) % (in.len + 1);
    if (mode == MODE_DOCUMENTS) {
        in.at = azl_fuzz_copy(p, in.at, in.len);
        check_answer(p, in, 0);
        check_answer(p, in, 1);
        check_request(p, in, 0);
        check_request(p, in, 1);
        return 0;
    }
    run(p, mode, in, in.len + 1, in.len + 1, &whole);
    check_output(p, mode, &whole);
    run(p, mode, in, cut, in.len + 1, &other);
    same(&whole, &other, "cut once, the same");
    run(p, mode, in, 1, 1, &other);
    same(&whole, &other, "byte by byte, the same");
    return 0;
}
