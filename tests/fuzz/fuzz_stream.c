/*
 * fuzz_stream: what an upstream sends as an event stream, re-encoded whole,
 * cut once and byte by byte, must give the same bytes and the same end. These
 * must always be a stream that an SDK can read: every event's data is a JSON
 * object or [DONE], which comes at most once and last; nothing follows an
 * error; every chunk of a chat has the client's name of the model and choices
 * with an index and a delta.
 *
 * Input: one byte for the surface and one for the options (their two lowest
 * bits; the seeds have digits), two for the cut, then the stream.
 */
#include "azl_fuzz_stream.h"

#define HEAD 4
#define KEEP_ANNOTATIONS 1
#define INCLUDE_USAGE 2

#define ALIAS "\"the-alias\""

static const azl_op_e surfaces[] = {AZL_OP_CHAT, AZL_OP_COMPLETIONS,
                                    AZL_OP_RESPONSES,
                                    AZL_OP_IMAGES_GENERATIONS};

static const char *seal(void *baton, azl_span_t id)
{
    (void)baton;
    return id.len % 2 ? "resp_sealed" : NULL;
}

static azl_stream_t *start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    (void)kept;
    return azl_stream_create(p, baton);
}

/*
 * Reading what was written
 */

typedef struct reader_t {
    azl_op_e op;
    int events;
    int done;
    int error;
} reader_t;

/* One choice: an object with what an accumulator looks for. */
static void check_choice(azl_scan_t *s, const char *delta)
{
    int has_index = 0;
    int has_delta = 0;
    azl_span_t key;
    azl_value_t v;

    azl_fuzz_check(azl_scan_peek(s) == AZL_JSON_OBJECT, "choices are objects");
    azl_scan_enter(s);
    while (azl_scan_member(s, &key) == 1 && azl_scan_value(s, &v) == 1) {
        has_index |= azl_span_is(key, "index") && v.type == AZL_JSON_NUMBER;
        has_delta |= azl_span_is(key, delta) && v.type != AZL_JSON_NULL;
    }
    azl_fuzz_check(has_index, "a choice has an index");
    azl_fuzz_check(has_delta, "a choice has a delta");
}

static int check_choices(azl_scan_t *s, const char *delta)
{
    azl_fuzz_check(azl_scan_peek(s) == AZL_JSON_ARRAY, "choices are a list");
    azl_scan_enter(s);
    while (azl_scan_element(s) == 1) {
        check_choice(s, delta);
    }
    return 1;
}

static void check_object(reader_t *rd, azl_span_t data)
{
    int chunks = rd->op == AZL_OP_CHAT || rd->op == AZL_OP_COMPLETIONS;
    int has_choices = 0;
    int has_model = 0;
    azl_span_t key;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, data.at, data.len);
    azl_fuzz_check(azl_scan_peek(&s) == AZL_JSON_OBJECT, "data is an object");
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1) {
        if (chunks && azl_span_is(key, "choices")) {
            has_choices =
                check_choices(&s, rd->op == AZL_OP_CHAT ? "delta" : "text");
            continue;
        }
        azl_scan_value(&s, &v);
        rd->error |= azl_span_is(key, "error") && v.type != AZL_JSON_NULL;
        if (azl_span_is(key, "model")) {
            has_model = 1;
            azl_fuzz_check(!chunks || azl_span_is(v.raw, ALIAS),
                           "the model is the client's");
        }
    }
    azl_fuzz_check(azl_scan_end(&s) == 1, "data is valid JSON");
    azl_fuzz_check(!chunks || rd->error || (has_choices && has_model),
                   "a chunk has choices and a model");
}

static apr_status_t read_event(void *baton, const azl_sse_event_t *ev)
{
    reader_t *rd = baton;

    azl_fuzz_check(!rd->done, "nothing follows [DONE]");
    azl_fuzz_check(!rd->error, "nothing follows an error");
    if (ev->comment) {
        azl_fuzz_check(ev->data.len == 0, "comments are empty");
        return APR_SUCCESS;
    }
    rd->events++;
    azl_fuzz_check(memchr(ev->data.at, '\n', ev->data.len) == NULL,
                   "data is one line");
    if (azl_span_is(ev->data, "[DONE]")) {
        rd->done = 1;
        azl_fuzz_check(rd->op != AZL_OP_RESPONSES, "Responses have no [DONE]");
        return APR_SUCCESS;
    }
    check_object(rd, ev->data);
    return APR_SUCCESS;
}

static void check_output(apr_pool_t *p, azl_op_e op, const azl_fuzz_told_t *o)
{
    azl_sse_t *sse = azl_sse_create(p, o->out->len + 1);
    reader_t rd;

    memset(&rd, 0, sizeof(rd));
    rd.op = op;
    if (o->out->len) {
        azl_fuzz_check(o->out->len > 2 && memcmp(o->out->data + o->out->len - 2,
                                                 "\n\n", 2) == 0,
                       "the last event is whole");
        azl_sse_feed(sse, o->out->data, o->out->len, read_event, &rd);
    }
    if (o->whole) {
        azl_fuzz_check(rd.events > 0 && o->state.content && !rd.error,
                       "what ends well has said something");
        azl_fuzz_check(rd.done ||
                           (op != AZL_OP_CHAT && op != AZL_OP_COMPLETIONS),
                       "a whole chat ends with [DONE]");
    }
    else {
        azl_fuzz_check(!rd.done, "what is cut has no [DONE]");
        azl_fuzz_check(o->state.error.status != 0, "what is cut has a reason");
        azl_fuzz_check(rd.error || !o->state.content || op == AZL_OP_RESPONSES,
                       "who has seen content is told that it is cut");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_reply_rules_t rules;
    azl_fuzz_stream_t how = {start, &rules, 0};
    azl_fuzz_told_t told;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    memset(&rules, 0, sizeof(rules));
    rules.op = surfaces[data[0] & 3];
    rules.keep_annotations = (data[1] & KEEP_ANNOTATIONS) != 0;
    rules.include_usage = (data[1] & INCLUDE_USAGE) != 0;
    rules.alias_json = ALIAS;
    rules.seal = seal;
    /* an event grows by its missing names and by an error at the end */
    how.room = 128 * in.len + 4096;
    told = azl_fuzz_tell_all(p, &how, in, data + 2);
    check_output(p, rules.op, &told);
    return 0;
}
