/*
 * Streams for clients of the Messages API: made of chunks, and those that
 * pass.
 */
#include "azl_messages_int.h"
#include "stream_fixture.h"
#include "translation_fixture.h"

#define EV(type, more) "event: " type "\ndata: {'type':'" type "'" more "}\n\n"
#define STARTED(id, model, usage)                                              \
    EV("message_start",                                                        \
       ",'message':{'id':'" id "','type':'message','role':'assistant',"        \
       "'model':'" model "','content':[],'stop_reason':null,"                  \
       "'stop_sequence':null,'usage':" usage "}")
#define BEGIN(index, block)                                                    \
    EV("content_block_start", ",'index':" #index ",'content_block':" block)
#define DELTA_OF(index, type, member, text)                                    \
    EV("content_block_delta", ",'index':" #index ",'delta':{'type':'" type     \
                              "','" member "':'" text "'}")
#define STOP(index) EV("content_block_stop", ",'index':" #index)
#define TEXT_BLOCK "{'type':'text','text':''}"
#define TOOL_BLOCK(id) "{'type':'tool_use','id':'" id "','name':'f','input':{}}"
#define LAST EV("message_stop", "")

/*
 * Made of chunks
 */

#define NO_USAGE                                                               \
    "{'input_tokens':0,'cache_read_input_tokens':0,"                           \
    "'cache_creation_input_tokens':0,'output_tokens':0}"
#define FIRST STARTED("msg_r1", "alias", NO_USAGE)
#define ENDED(reason)                                                          \
    EV("message_delta",                                                        \
       ",'delta':{'stop_reason':'" reason "','stop_sequence':null},'usage':"   \
       "{'input_tokens':4,'cache_read_input_tokens':6,"                        \
       "'cache_creation_input_tokens':0,'output_tokens':3}")                   \
    LAST
#define SAYS(delta)                                                            \
    CHUNK("{'index':0,'delta':{" delta "},'finish_reason':null}")
#define ENDS(reason)                                                           \
    CHUNK("{'index':0,'delta':{},'finish_reason':'" reason "'}")               \
    "data: {" NAMES "'model':'up','choices':[],'usage':{'prompt_tokens':10,"   \
    "'completion_tokens':3,'prompt_tokens_details':{'cached_tokens':6}}}"      \
    "\n\n" DONE
#define CALLS(index, id)                                                       \
    SAYS("'tool_calls':[{'index':" #index ",'id':'" id "','type':'function',"  \
         "'function':{'name':'f','arguments':''}}]")
#define ARGS(index, text)                                                      \
    SAYS("'tool_calls':[{'index':" #index ",'function':{'arguments':'" text    \
         "'}}]")

typedef struct encoded_case_t {
    const char *in;
    const char *out;
    int state;
} encoded_case_t;

static void run_encoded(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                        int npieces)
{
    const encoded_case_t *c = baton;
    azl_exchange_t *ex = exchange_with(NULL, "m", NULL);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    azl_reply_rules_t rules;
    azl_stream_t *st;
    int bits;
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.include_usage = 1;
    rules.choices = 1;
    ex->pool = p;
    st = azl_stream_create(p, &rules);
    azl_stream_to(st, azl_inbound_of(AZL_OP_MESSAGES), ex);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    ck_assert_str_eq(azl_buf_pstr(out, p), c->out);
    ck_assert_int_eq(bits | state_bits(azl_stream_state(st)), c->state);
}

static const encoded_case_t encoded[] = {
    {SAYS("'role':'assistant','content':''") SAYS(
         "'content':'a\\n'") ": ping\n\n" SAYS("'content':'b'") ENDS("stop"),
     FIRST BEGIN(0, TEXT_BLOCK) DELTA_OF(0, "text_delta", "text", "a\\n")
         EV("ping", "") DELTA_OF(0, "text_delta", "text", "b") STOP(0)
             ENDED("end_turn"),
     ALL_WELL},
    /* each kind has a block of its own */
    {SAYS("'reasoning_content':'t'") SAYS("'content':'a'") CALLS(0, "c1")
         ARGS(0, "{\\'a\\':") ARGS(0, "1}") ENDS("tool_calls"),
     FIRST BEGIN(0, "{'type':'thinking','thinking':'','signature':''}")
         DELTA_OF(0, "thinking_delta", "thinking", "t") DELTA_OF(
             0, "signature_delta", "signature", "azurelitUnsigned") STOP(0)
             BEGIN(1, TEXT_BLOCK) DELTA_OF(1, "text_delta", "text", "a") STOP(1)
                 BEGIN(2, TOOL_BLOCK("c1")) DELTA_OF(
                     2, "input_json_delta", "partial_json", "{\\'a\\':")
                     DELTA_OF(2, "input_json_delta", "partial_json", "1}")
                         STOP(2) ENDED("tool_use"),
     ALL_WELL},
    /* calls that interleave, and what is said behind them */
    {CALLS(0, "c1") CALLS(1, "c2") ARGS(1, "{") ARGS(0, "{}") ARGS(1, "}") SAYS(
         "'content':'late'") SAYS("'reasoning_content':'lost'") ENDS("stop"),
     FIRST BEGIN(0, TOOL_BLOCK("c1"))
         DELTA_OF(0, "input_json_delta", "partial_json", "{}") STOP(0)
             BEGIN(1, TOOL_BLOCK("c2")) DELTA_OF(1, "input_json_delta",
                                                 "partial_json", "{}") STOP(1)
                 BEGIN(2, TEXT_BLOCK) DELTA_OF(2, "text_delta", "text", "late")
                     STOP(2) ENDED("tool_use"),
     ALL_WELL},
    /* without an id, or with one that comes before the name */
    {SAYS("'tool_calls':[{'index':0,'function':{'name':'f','arguments':'{'}}]")
         ARGS(0, "}") SAYS("'tool_calls':[{'index':1,'id':'c2'}]")
             SAYS("'tool_calls':[{'index':1,'function':{'name':'f',"
                  "'arguments':'{}'}}]") ENDS("tool_calls"),
     FIRST BEGIN(0, TOOL_BLOCK("toolu_r1_0"))
         DELTA_OF(0, "input_json_delta", "partial_json", "{")
             DELTA_OF(0, "input_json_delta", "partial_json", "}") STOP(0)
                 BEGIN(1, TOOL_BLOCK("toolu_r1_1"))
                     DELTA_OF(1, "input_json_delta", "partial_json", "{}")
                         STOP(1) ENDED("tool_use"),
     ALL_WELL},
    {SAYS("'refusal':'no'") ENDS("content_filter"),
     FIRST BEGIN(0, TEXT_BLOCK) DELTA_OF(0, "text_delta", "text", "no") STOP(0)
         ENDED("refusal"),
     ALL_WELL},
    {SAYS("'content':'a'") ENDS("length"),
     FIRST BEGIN(0, TEXT_BLOCK) DELTA_OF(0, "text_delta", "text", "a") STOP(0)
         ENDED("max_tokens"),
     ALL_WELL},
    /* cut, and failed */
    {SAYS("'content':'a'"),
     FIRST BEGIN(0, TEXT_BLOCK) DELTA_OF(
         0, "text_delta", "text",
         "a") "event: error\ndata: {'type':'error','error':{'type':'api_error',"
              "'message':'The upstream service ended the stream before the "
              "answer "
              "was complete.'}}\n\n",
     CONTENT | CLOSED},
    {SAYS("'content':'a'") "data: {'error':{'message':'m','type':"
                           "'rate_limit_error','code':null}}\n\n",
     FIRST BEGIN(0, TEXT_BLOCK)
         DELTA_OF(0, "text_delta", "text",
                  "a") "event: error\ndata: {'type':'error','error':{'type':"
                       "'rate_limit_error','message':'m'}}\n\n",
     CONTENT | CLOSED | FAILED},
};

START_TEST(chunks_become_events)
{
    encoded_case_t c = encoded[_i];
    const char *text = quoted(c.in);

    c.out = quoted(c.out);
    azl_test_every_split(text, strlen(text), run_encoded, &c);
}
END_TEST

/*
 * That pass
 */

#define UPSTREAM                                                               \
    STARTED(                                                                   \
        "msg_1", "up",                                                         \
        "{'input_tokens':3,'cache_read_input_tokens':5,'output_tokens':1}")
#define PASSED                                                                 \
    STARTED(                                                                   \
        "msg_1", "alias",                                                      \
        "{'input_tokens':3,'cache_read_input_tokens':5,'output_tokens':1}")
#define END_OF_IT(reason)                                                      \
    EV("message_delta",                                                        \
       ",'delta':{'stop_reason':'" reason "'},'usage':{'output_tokens':9}")
#define TEXT_A                                                                 \
    BEGIN(0, TEXT_BLOCK) DELTA_OF(0, "text_delta", "text", "a") STOP(0)

static const struct passed_case {
    const char *in;
    const char *out; /* NULL: the same with the other name */
    int state;
    const char *usage;
    int malformed;
} passed[] = {
    {TEXT_A EV("ping", "") EV("news", "") END_OF_IT("end_turn") LAST, NULL,
     ALL_WELL, "8/9", 0},
    {BEGIN(0, "{'type':'thinking','thinking':'','signature':''}")
         DELTA_OF(0, "signature_delta", "signature", "s") STOP(0)
             BEGIN(1, TOOL_BLOCK("t")) STOP(1) END_OF_IT("tool_use") LAST,
     NULL, ALL_WELL, "8/9", 0},
    {END_OF_IT("refusal") LAST, NULL, ALL_WELL, "8/9", 0},
    /* the last event is made up for */
    {TEXT_A END_OF_IT("end_turn"), TEXT_A END_OF_IT("end_turn") LAST, ALL_WELL,
     "8/9", 0},
    {TEXT_A "data: nonsense\n\n" END_OF_IT("end_turn") LAST,
     TEXT_A END_OF_IT("end_turn") LAST, ALL_WELL, "8/9", 1},
    {TEXT_A "data: {'type':'ping'}\ndata: {}\n\n" END_OF_IT("end_turn") LAST,
     TEXT_A END_OF_IT("end_turn") LAST, ALL_WELL, "8/9", 1},
    {TEXT_A "event: message_stop\ndata: {'type':'ping'}\n\n" END_OF_IT(
         "end_turn") LAST,
     TEXT_A END_OF_IT("end_turn") LAST, ALL_WELL, "8/9", 1},
    /* a name that is only in the data */
    {"data: {'type':'ping'}\n\n" TEXT_A END_OF_IT("end_turn") LAST DONE,
     EV("ping", "") TEXT_A END_OF_IT("end_turn") LAST, ALL_WELL, "8/9", 0},
    {TEXT_A,
     TEXT_A
     "event: error\ndata: {'type':'error','error':{'type':'api_error',"
     "'message':'The upstream service ended the stream before the answer was "
     "complete.'}}\n\n",
     CONTENT | CLOSED, NULL, 0},
    {TEXT_A "event: error\ndata: {'type':'error','error':{'type':"
            "'overloaded_error','message':'busy'}}\n\n",
     TEXT_A "event: error\ndata: {'type':'error','error':{'type':"
            "'overloaded_error','message':'busy'}}\n\n",
     CONTENT | CLOSED | FAILED, NULL, 0},
    {"event: error\ndata: {'type':'trouble','error':{'type':'api_error',"
     "'message':'oh'}}\n\n",
     "", FAILED, NULL, 0},
    {"event: error\ndata: {'type':'error','error':{'type':'api_error',"
     "'message':'oh'}}\n\n",
     "", FAILED, NULL, 0},
};

START_TEST(native_streams_pass)
{
    const struct passed_case *c = &passed[_i];
    stream_case_t sc;

    memset(&sc, 0, sizeof(sc));
    sc.rules.op = AZL_OP_MESSAGES;
    sc.rules.choices = 1;
    sc.usage = c->usage;
    sc.malformed = c->malformed;
    check_stream(
        &sc, apr_pstrcat(azl_test_pool, UPSTREAM, c->in, NULL),
        apr_pstrcat(azl_test_pool, PASSED, c->out ? c->out : c->in, NULL),
        c->state);
}
END_TEST

START_TEST(native_answers_pass)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);
    azl_reply_rules_t rules;
    azl_usage_t usage;

    memset(&rules, 0, sizeof(rules));
    memset(&usage, 0, sizeof(usage));
    rules.op = AZL_OP_MESSAGES;
    rules.alias_json = "\"alias\"";
    ck_assert_int_eq(
        azl_reply_rewrite(
            &rules,
            quoted_span("{'id':'msg_1', 'model' : 'up','usage':{'input_tokens'"
                        ":3,'cache_creation_input_tokens':4,'output_tokens':5,"
                        "'service_tier':'priority'}}"),
            out, &usage),
        APR_SUCCESS);
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        quoted("{'id':'msg_1', 'model' : 'alias','usage':{'input_tokens':3,"
               "'cache_creation_input_tokens':4,'output_tokens':5,"
               "'service_tier':'priority'}}"));
    ck_assert_int_eq(usage.prompt, 7);
    ck_assert_int_eq(usage.cache_write, 4);
    ck_assert_int_eq(usage.completion, 5);
    ck_assert_int_eq(usage.other_tier, 1);
}
END_TEST

/* Counts come in pieces: what is missing stays, what comes replaces. */
START_TEST(usage_in_pieces)
{
    azl_usage_t u;

    memset(&u, 0, sizeof(u));
    ck_assert(!azl_usage_read_messages(&u, azl_span_str("null")));
    ck_assert(!azl_usage_read_messages(&u, azl_span_str("{}")));
    ck_assert(!azl_usage_read_messages(&u, azl_span_str("{\"input_tokens\":")));
    ck_assert_int_eq(u.reported, 0);
    ck_assert(azl_usage_read_messages(
        &u, quoted_span("{'input_tokens':3,'cache_read_input_tokens':5,"
                        "'output_tokens':1}")));
    ck_assert(azl_usage_read_messages(
        &u, quoted_span("{'output_tokens':9,'input_tokens':null,"
                        "'cache_creation_input_tokens':2,"
                        "'output_tokens_details':{'thinking_tokens':4,'x':[]}"
                        "}")));
    ck_assert_int_eq(u.prompt, 10);
    ck_assert_int_eq(u.cached, 5);
    ck_assert_int_eq(u.cache_write, 2);
    ck_assert_int_eq(u.completion, 9);
    ck_assert_int_eq(u.reasoning, 4);
    ck_assert(azl_usage_read_messages(
        &u, quoted_span("{'input_tokens':4,'output_tokens_details':null}")));
    ck_assert_int_eq(u.prompt, 11);
}
END_TEST

TCase *azl_test_messages_stream(void)
{
    TCase *tc = azl_test_tcase("messages_stream");

    tcase_add_loop_test(tc, chunks_become_events, 0,
                        sizeof(encoded) / sizeof(encoded[0]));
    tcase_add_loop_test(tc, native_streams_pass, 0,
                        sizeof(passed) / sizeof(passed[0]));
    tcase_add_test(tc, native_answers_pass);
    tcase_add_test(tc, usage_in_pieces);
    return tc;
}
