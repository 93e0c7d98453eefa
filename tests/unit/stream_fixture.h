/*
 * stream_fixture: runs an event stream through the re-encoder whole and split
 * at every byte, and compares what comes out and how it ended. JSON is written
 * with single quotes, as in dialect_fixture.h.
 */
#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include "azl_reply.h"
#include "dialect_fixture.h"

/* How a stream ended, as bits. */
#define CONTENT 1
#define FINISHED 2
#define CLOSED 4
#define FAILED 8
#define WHOLE 16 /* azl_stream_finish() was content */

#define ALL_WELL (CONTENT | FINISHED | CLOSED | WHOLE)

/* What is sent when an upstream ends too early. */
#define CUT                                                                    \
    "data: {'error':{'message':'The upstream service ended the stream before " \
    "the answer was complete.','type':'server_error','param':null,"            \
    "'code':'stream_truncated'}}\n\n"
#define DONE "data: [DONE]\n\n"

/* A chunk of the upstream with these choices, and what becomes of it. */
#define NAMES "'id':'c1','object':'chat.completion.chunk','created':5,"
#define CHUNK(choices)                                                         \
    "data: {" NAMES "'model':'up','choices':[" choices "]}\n\n"
#define SENT(choices)                                                          \
    "data: {" NAMES "'model':'alias','choices':[" choices "]}\n\n"
#define DELTA(delta) "{'index':0,'delta':" delta ",'finish_reason':null}"
#define END_OF(index) "{'index':" #index ",'delta':{},'finish_reason':'stop'}"
#define ROLE "{'role':'assistant','content':''}"
#define TWO(n, what)                                                           \
    "{'index':" #n ",'delta':{'content':'" what "'},'finish_reason':null}"
#define TWO_ROLE(n)                                                            \
    "{'index':" #n ",'delta':{'role':'assistant','content':''},"               \
    "'finish_reason':null}"

typedef struct stream_case_t {
    azl_reply_rules_t rules;
    const char *expected;
    int state;
    int malformed;
    const char *usage; /* "prompt/completion", NULL: none reported */
    int other_tier;
} stream_case_t;

static inline int state_bits(const azl_stream_state_t *s)
{
    return (s->content ? CONTENT : 0) | (s->finished ? FINISHED : 0) |
           (s->closed ? CLOSED : 0) | (s->failed ? FAILED : 0);
}

static inline void run_stream(apr_pool_t *p, void *baton,
                              const azl_span_t *pieces, int npieces)
{
    const stream_case_t *c = baton;
    azl_stream_t *st = azl_stream_create(p, &c->rules);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    const azl_stream_state_t *state = azl_stream_state(st);
    int bits;
    int i;

    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    bits |= state_bits(state);
    ck_assert_str_eq(azl_buf_pstr(out, p), c->expected);
    ck_assert_int_eq(bits, c->state);
    ck_assert_int_eq(state->malformed, c->malformed);
    ck_assert_int_eq(state->usage.reported, c->usage != NULL);
    ck_assert_int_eq(state->usage.other_tier, c->other_tier);
    if (c->usage) {
        ck_assert_str_eq(apr_psprintf(p, "%d/%d", (int)state->usage.prompt,
                                      (int)state->usage.completion),
                         c->usage);
    }
    ck_assert_int_eq(state->error.status != 0, !(bits & WHOLE));
}

static inline void check_stream(stream_case_t *c, const char *in,
                                const char *expected, int state)
{
    const char *text = quoted(in);

    if (!c->rules.alias_json) {
        c->rules.alias_json = "\"alias\"";
    }
    c->expected = quoted(expected);
    c->state = state;
    azl_test_every_split(text, strlen(text), run_stream, c);
}

#endif /* STREAM_FIXTURE_H */
