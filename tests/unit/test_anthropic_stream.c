/*
 * Messages as chat completions: whole answers, streams (in one piece and cut
 * at every byte), and what errors stand for.
 */
#include <apr_base64.h>

#include "azl_anthropic_int.h"
#include "frame_fixture.h"
#include "translation_fixture.h"
#include "stream_fixture.h"

static azl_exchange_t *asking(int json_tool)
{
    azl_deployment_t *d = deployment_at("anthropic", "https://h", NULL, "up");
    azl_exchange_t *ex = exchange_with(d, "claude-opus-4-6", NULL);
    azl_anthropic_memo_t *memo = apr_pcalloc(azl_test_pool, sizeof(*memo));

    memo->family = azl_claude_find(ex->family);
    memo->json_tool = json_tool;
    ex->memo = memo;
    return ex;
}

static const azl_outbound_t *outbound_of(const azl_exchange_t *ex)
{
    return ex->deployment->endpoint->dialect->outbound(ex->deployment,
                                                       AZL_OP_CHAT);
}

/*
 * Whole answers
 */

#define MESSAGE(content, end)                                                  \
    "{'id':'msg_1','type':'message','role':'assistant','model':'up',"          \
    "'content':[" content "]," end "}"
#define USAGE                                                                  \
    "'usage':{'input_tokens':3,'cache_read_input_tokens':5,"                   \
    "'cache_creation_input_tokens':7,'output_tokens':11,"                      \
    "'output_tokens_details':{'thinking_tokens':2},'service_tier':'standard'}"
#define COUNTS                                                                 \
    ",'usage':{'prompt_tokens':15,'completion_tokens':11,'total_tokens':26,"   \
    "'prompt_tokens_details':{'cached_tokens':5,'cache_write_tokens':7},"      \
    "'completion_tokens_details':{'reasoning_tokens':2}}"
#define ANSWER(message, finish, usage)                                         \
    "{'id':'msg_1','object':'chat.completion','created':5,'model':'',"         \
    "'choices':[{'index':0,'message':{'role':'assistant'," message "},"        \
    "'logprobs':null,'finish_reason':'" finish "'}]" usage "}"
#define TEXT(text) "{'type':'text','text':'" text "'}"

static const struct answer_case {
    const char *message;
    const char *answer; /* NULL: it is none */
    int json_tool;
    const char *kept; /* NULL: nothing */
} answers[] = {
    {MESSAGE(TEXT("a") "," TEXT("b"), "'stop_reason':'end_turn'," USAGE),
     ANSWER("'content':'ab','refusal':null", "stop", COUNTS), 0, NULL},
    /* billed by another list of prices */
    {MESSAGE(TEXT("a"), "'stop_reason':'end_turn','usage':{'input_tokens':3,"
                        "'output_tokens':1,'service_tier':'priority'}"),
     ANSWER("'content':'a','refusal':null", "stop",
            ",'usage':{'prompt_tokens':3,'completion_tokens':1,"
            "'total_tokens':4,'prompt_tokens_details':{'cached_tokens':0,"
            "'cache_write_tokens':0},'completion_tokens_details':{"
            "'reasoning_tokens':0}},'service_tier':'priority'"),
     0, NULL},
    {MESSAGE(TEXT("a"), "'stop_reason':'max_tokens','usage':null"),
     ANSWER("'content':'a','refusal':null", "length", ""), 0, NULL},
    {MESSAGE("", "'stop_reason':'refusal','stop_details':{'explanation':"
                 "'because'}"),
     ANSWER("'content':null,'refusal':'because'", "content_filter", ""), 0,
     NULL},
    {MESSAGE("", "'stop_reason':'something_new'"),
     ANSWER("'content':null,'refusal':null", "stop", ""), 0, NULL},
    {MESSAGE("{'type':'thinking','thinking':'hm','signature':'s'},"
             "{'type':'redacted_thinking','data':'d'},"
             "{'type':'server_tool_use','id':'x','name':'y','input':{}}," TEXT(
                 "a") ","
                      "{'type':'tool_use','id':'t1','name':'f','input':{'b':1,"
                      "'a':[2.50]}},"
                      "{'type':'tool_use','id':'t2','name':'g','input':{}},"
                      "{'type':'tool_use','id':'t3'},{'type':'new'},5",
             "'stop_reason':'tool_use'"),
     ANSWER("'content':'a','refusal':null,'reasoning_content':'hm',"
            "'tool_calls':[{'id':'t1','type':'function','function':{'name':"
            "'f','arguments':'{\\'b\\':1,\\'a\\':[2.50]}'}},{'id':'t2','type':"
            "'function','function':{'name':'g','arguments':'{}'}}]",
            "tool_calls", ""),
     0,
     "anthropic/t1={'type':'thinking','thinking':'hm','signature':'s'},"
     "{'type':'redacted_thinking','data':'d'}"},
    /* what could not go back is not kept, nor what nobody will ask for */
    {MESSAGE("{'type':'thinking','thinking':'hm','signature':''},"
             "{'type':'tool_use','id':'t1','name':'f','input':{}}",
             "'stop_reason':'tool_use'"),
     ANSWER("'content':null,'refusal':null,'reasoning_content':'hm',"
            "'tool_calls':[{'id':'t1','type':'function','function':{'name':"
            "'f','arguments':'{}'}}]",
            "tool_calls", ""),
     0, NULL},
    {MESSAGE("{'type':'thinking','thinking':'hm','signature':'s'}," TEXT("a"),
             "'stop_reason':'end_turn'"),
     ANSWER("'content':'a','refusal':null,'reasoning_content':'hm'", "stop",
            ""),
     0, NULL},
    /* a tool that stands for the answer */
    {MESSAGE("{'type':'tool_use','id':'t1','name':'json_tool_call','input':"
             "{'a':1}}",
             "'stop_reason':'tool_use'"),
     ANSWER("'content':'{\\'a\\':1}','refusal':null", "stop", ""), 1, NULL},
    {MESSAGE("{'type':'tool_use','id':'t1','name':'f','input':{}}",
             "'stop_reason':'tool_use'"),
     ANSWER("'content':null,'refusal':null,'tool_calls':[{'id':'t1','type':"
            "'function','function':{'name':'f','arguments':'{}'}}]",
            "tool_calls", ""),
     1, NULL},
    {"{'content':'text'}", NULL, 0, NULL},
    {"{'type':'error'}", NULL, 0, NULL},
    {"[]", NULL, 0, NULL},
    {"{'content':[}", NULL, 0, NULL},
};

START_TEST(messages_become_answers)
{
    const struct answer_case *c = &answers[_i];
    azl_exchange_t *ex = asking(c->json_tool);
    const char *got = answered(ex, outbound_of(ex), c->message);

    if (!c->answer) {
        ck_assert_ptr_null(got);
        return;
    }
    ck_assert_str_eq(got, quoted(c->answer));
    check_kept(ex, c->kept ? quoted(c->kept) : NULL);
}
END_TEST

START_TEST(nothing_is_kept_without_a_store)
{
    azl_exchange_t *ex = asking(0);

    ex->keep = NULL;
    ck_assert_ptr_nonnull(answered(ex, outbound_of(ex), answers[4].message));
    ck_assert_ptr_null(kept_of(ex)->what);
}
END_TEST

/*
 * Streams
 */

#define EV(type, more) "event: " type "\ndata: {'type':'" type "'" more "}\n\n"
#define START                                                                  \
    EV("message_start",                                                        \
       ",'message':{'id':'msg_1','type':'message','role':'assistant',"         \
       "'model':'up','content':[],'stop_reason':null,'usage':"                 \
       "{'input_tokens':3,'cache_read_input_tokens':5,'output_tokens':1}}")
#define BEGIN(index, block)                                                    \
    EV("content_block_start", ",'index':" #index ",'content_block':" block)
#define DELTA_OF(index, delta)                                                 \
    EV("content_block_delta", ",'index':" #index ",'delta':" delta)
#define STOP(index) EV("content_block_stop", ",'index':" #index)
#define END(reason)                                                            \
    EV("message_delta", ",'delta':{'stop_reason':'" reason                     \
                        "','stop_sequence':null},'usage':{'output_tokens':9}")
#define LAST EV("message_stop", "")
#define TEXT_BLOCK "{'type':'text','text':''}"
#define TEXT_DELTA(text) "{'type':'text_delta','text':'" text "'}"
#define TOOL_BLOCK(id) "{'type':'tool_use','id':'" id "','name':'f','input':{}}"
#define JSON_DELTA(json) "{'type':'input_json_delta','partial_json':'" json "'}"
#define THINK_BLOCK "{'type':'thinking','thinking':'','signature':''}"
#define THINK_DELTA(text) "{'type':'thinking_delta','thinking':'" text "'}"
#define SIGN_DELTA(text) "{'type':'signature_delta','signature':'" text "'}"

#define SAYS(delta)                                                            \
    "data: {'id':'msg_1','object':'chat.completion.chunk','created':5,"        \
    "'model':'alias','choices':[{'index':0,'delta':{" delta                    \
    "},'finish_reason':null}]}\n\n"
#define FIRST SAYS("'role':'assistant','content':''")
#define ENDS(reason)                                                           \
    "data: {'id':'msg_1','object':'chat.completion.chunk','created':5,"        \
    "'model':'alias','choices':[{'index':0,'delta':{},'finish_reason':"        \
    "'" reason "'}]}\n\n"
#define TOOL_SAYS(index, id)                                                   \
    SAYS("'tool_calls':[{'index':" #index ",'id':'" id "','type':'function',"  \
         "'function':{'name':'f','arguments':''}}]")
#define ARGS(index, text)                                                      \
    SAYS("'tool_calls':[{'index':" #index ",'function':{'arguments':'" text    \
         "'}}]")

typedef struct decoded_case_t {
    const char *in;
    const char *out;
    int state;
    int json_tool;
    const char *kept;
    const char *usage;
    int status; /* of the error */
} decoded_case_t;

static void run_decoded(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                        int npieces)
{
    const decoded_case_t *c = baton;
    azl_exchange_t *ex = asking(c->json_tool);
    azl_reply_rules_t rules;
    azl_stream_t *st;
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    const azl_stream_state_t *state;
    int bits;
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.choices = 1;
    ex->pool = p;
    st = azl_stream_create(p, &rules);
    azl_stream_from(st, outbound_of(ex), ex);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    state = azl_stream_state(st);
    bits |= state_bits(state);
    ck_assert_str_eq(azl_buf_pstr(out, p), c->out);
    ck_assert_int_eq(bits, c->state);
    ck_assert_int_eq(state->error.status, c->status);
    ck_assert_str_eq(state->usage.reported
                         ? apr_psprintf(p, "%d/%d/%d", (int)state->usage.prompt,
                                        (int)state->usage.cached,
                                        (int)state->usage.completion)
                         : "",
                     c->usage ? c->usage : "");
    check_kept(ex, c->kept);
}

static const decoded_case_t streams[] = {
    /* text, pings, what is not known */
    {START EV("ping", "") BEGIN(0, TEXT_BLOCK) DELTA_OF(0, TEXT_DELTA("hel"))
         EV("ping", "") EV("news", ",'index':0")
             DELTA_OF(0, "{'type':'citations_delta','citation':{}}") DELTA_OF(
                 0, TEXT_DELTA("lo\\u00e9")) STOP(0) END("end_turn") LAST,
     FIRST SAYS("'content':'hel'") ":\n\n" SAYS("'content':'lo\\u00e9'")
         ENDS("stop") DONE,
     ALL_WELL, 0, NULL, "8/5/9", 0},
    /* usage comes in pieces, and each count replaces the one before */
    {START BEGIN(0, "{'type':'text','text':'a'}") STOP(0)
         EV("message_delta", ",'delta':{},'usage':{'input_tokens':4,"
                             "'output_tokens':2}") END("max_tokens") LAST,
     FIRST SAYS("'content':'a'") ENDS("length") DONE, ALL_WELL, 0, NULL,
     "9/5/9", 0},
    /* tools beside text: numbered from 0; without arguments {} */
    {START BEGIN(0, TEXT_BLOCK) DELTA_OF(0, TEXT_DELTA("a")) STOP(0)
         BEGIN(1, TOOL_BLOCK("t1")) DELTA_OF(1, JSON_DELTA(""))
             DELTA_OF(1, JSON_DELTA("{\\'a\\':")) DELTA_OF(1, JSON_DELTA("1}"))
                 STOP(1) BEGIN(2, TOOL_BLOCK("t2")) STOP(2) BEGIN(
                     3, "{'type':'tool_use','id':'t3','name':'f','input':{'b':"
                        "2}}") STOP(3) END("tool_use") LAST,
     FIRST SAYS("'content':'a'") TOOL_SAYS(0, "t1") ARGS(0, "{\\'a\\':")
         ARGS(0, "1}") TOOL_SAYS(1, "t2") ARGS(1, "{}") TOOL_SAYS(2, "t3")
             ARGS(2, "{\\'b\\':2}") ENDS("tool_calls") DONE,
     ALL_WELL, 0, NULL, "8/5/9", 0},
    /* thinking is told, and kept for the first call */
    {START BEGIN(0, THINK_BLOCK) DELTA_OF(0, THINK_DELTA("h"))
         DELTA_OF(0, THINK_DELTA("m\\n")) DELTA_OF(0, SIGN_DELTA("s1"))
             DELTA_OF(0, SIGN_DELTA("s2")) STOP(0)
                 BEGIN(1, "{'type':'redacted_thinking','data':'d'}") STOP(1)
                     BEGIN(2, THINK_BLOCK) DELTA_OF(2, THINK_DELTA("x")) STOP(2)
                         BEGIN(3, TOOL_BLOCK("t1")) STOP(3) BEGIN(
                             4, TOOL_BLOCK("t2")) STOP(4) END("tool_use") LAST,
     FIRST SAYS("'reasoning_content':'h'") SAYS("'reasoning_content':'m\\n'")
         SAYS("'reasoning_content':'x'") TOOL_SAYS(0, "t1") ARGS(0, "{}")
             TOOL_SAYS(1, "t2") ARGS(1, "{}") ENDS("tool_calls") DONE,
     ALL_WELL, 0,
     "anthropic/t1={'type':'thinking','thinking':'hm\\n','signature':'s1s2'},"
     "{'type':'redacted_thinking','data':'d'}",
     "8/5/9", 0},
    /* a tool that stands for the answer */
    {START BEGIN(0, "{'type':'tool_use','id':'t','name':'json_tool_call',"
                    "'input':{}}") DELTA_OF(0, JSON_DELTA("{\\'a\\':1}"))
         STOP(0) END("tool_use") LAST,
     FIRST SAYS("'content':'{\\'a\\':1}'") ENDS("stop") DONE, ALL_WELL, 1, NULL,
     "8/5/9", 0},
    {START BEGIN(0, "{'type':'tool_use','id':'t','name':'json_tool_call',"
                    "'input':{'a':1}}") STOP(0) END("tool_use") LAST,
     FIRST SAYS("'content':'{\\'a\\':1}'") ENDS("stop") DONE, ALL_WELL, 1, NULL,
     "8/5/9", 0},
    /* a refusal may say nothing but that */
    {START EV("message_delta",
              ",'delta':{'stop_reason':'refusal','stop_details':{'type':"
              "'refusal','category':'bio','explanation':'because'}},'usage':{"
              "'output_tokens':1}") LAST,
     FIRST SAYS("'refusal':'because'") ENDS("content_filter") DONE, ALL_WELL, 0,
     NULL, "8/5/1", 0},
    /* the reason is known, the last event is not needed */
    {START BEGIN(0, TEXT_BLOCK) DELTA_OF(0, TEXT_DELTA("a")) END("new_reason"),
     FIRST SAYS("'content':'a'") ENDS("stop") DONE, ALL_WELL, 0, NULL, "8/5/9",
     0},
    /* cut */
    {START BEGIN(0, TEXT_BLOCK) DELTA_OF(0, TEXT_DELTA("a")) STOP(0),
     FIRST SAYS("'content':'a'") CUT, CONTENT | CLOSED, 0, NULL, NULL, 502},
    {START, FIRST CUT, CLOSED, 0, NULL, NULL, 502},
    /* errors: before and after content */
    {EV("error", ",'error':{'type':'overloaded_error','message':'busy'}"), "",
     FAILED, 0, NULL, NULL, 503},
    {EV("error", ",'error':{'type':'rate_limit_error','message':'slowly'}"), "",
     FAILED, 0, NULL, NULL, 429},
    {START BEGIN(0, TEXT_BLOCK) DELTA_OF(0, TEXT_DELTA("a"))
         EV("error", ",'error':{'type':'api_error','message':'oh'}"),
     FIRST SAYS("'content':'a'") "data: "
                                 "{'error':{'message':'oh','type':'server_"
                                 "error','param':null,"
                                 "'code':'internal_error'}}\n\n",
     CONTENT | CLOSED | FAILED, 0, NULL, NULL, 500},
    /* what breaks the rules */
    {"data: nonsense\n\n" START "data: [1]\n\n" BEGIN(0, TEXT_BLOCK)
         DELTA_OF(7, TEXT_DELTA("lost")) EV("content_block_start", "")
             EV("content_block_delta", "") EV("content_block_stop", "")
                 BEGIN(0, "{'type':'tool_use'}") DELTA_OF(0, JSON_DELTA("{}"))
                     BEGIN(0, "{'type':'tool_use','name':'f'}") STOP(0)
                         EV("message_delta", "") LAST LAST,
     FIRST TOOL_SAYS(0, "call_r1_0") ARGS(0, "{}") ENDS("stop") DONE, ALL_WELL,
     0, NULL, "8/5/1", 0},
};

START_TEST(streams_become_chunks)
{
    decoded_case_t c = streams[_i];
    const char *text = quoted(c.in);

    c.out = quoted(c.out);
    c.kept = c.kept ? quoted(c.kept) : NULL;
    azl_test_every_split(text, strlen(text), run_decoded, &c);
}
END_TEST

/* Thoughts that are too long to be kept are not kept in part. */
START_TEST(long_thoughts_are_not_kept)
{
    azl_exchange_t *ex = asking(0);
    const azl_outbound_t *outbound = outbound_of(ex);
    void *decoder = outbound->decoder(ex);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4 * 1024 * 1024);
    const char *parts[] = {
        "{'type':'content_block_start','index':0,'content_block':" THINK_BLOCK
        "}",
        NULL,
        "{'type':'content_block_delta','index':0,'delta':" SIGN_DELTA("s") "}",
        "{'type':'content_block_stop','index':0}",
        "{'type':'content_block_start','index':1,'content_block':" TOOL_BLOCK(
            "t") "}",
        "{'type':'message_stop'}"};
    azl_sse_event_t ev;
    apr_size_t i;

    memset(&ev, 0, sizeof(ev));
    parts[1] = apr_pstrcat(
        azl_test_pool,
        "{'type':'content_block_delta','index':0,'delta':{'thinking':'",
        azl_test_repeat("0123456789abcdef", AZL_HUB_KEPT_MAX / 16), "'}}",
        NULL);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
        ev.data = quoted_span(parts[i]);
        outbound->event(decoder, &ev, out);
    }
    ck_assert(!out->failed);
    ck_assert_ptr_null(kept_of(ex)->what);
}
END_TEST

/*
 * Bedrock: each event is base64 in a frame
 */

static azl_exchange_t *asking_bedrock(void)
{
    azl_exchange_t *ex = asking(0);

    ((azl_deployment_t *)ex->deployment)->endpoint =
        deployment_at("anthropic",
                      "https://bedrock-runtime.eu-west-1.amazonaws.com", NULL,
                      "up")
            ->endpoint;
    return ex;
}

static void put_chunk(azl_buf_t *out, const char *json)
{
    const char *text = quoted(json);
    char *code = apr_palloc(
        azl_test_pool, (apr_size_t)apr_base64_encode_len((int)strlen(text)));

    apr_base64_encode(code, text, (int)strlen(text));
    put_event(
        azl_test_pool, out, "event", "chunk",
        apr_psprintf(azl_test_pool, "{\"bytes\":\"%s\",\"p\":\"abc\"}", code));
}

typedef struct framed_case_t {
    azl_op_e op; /* what the client speaks */
    const char *out;
    int state;
    int broken; /* the feed fails */
} framed_case_t;

static void run_framed(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                       int npieces)
{
    const framed_case_t *c = baton;
    azl_exchange_t *ex = asking_bedrock();
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    azl_reply_rules_t rules;
    apr_status_t rv = APR_SUCCESS;
    azl_stream_t *st;
    int bits;
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = c->op;
    rules.alias_json = "\"alias\"";
    rules.choices = 1;
    ex->pool = p;
    st = azl_stream_create(p, &rules);
    azl_stream_from(
        st, ex->deployment->endpoint->dialect->outbound(ex->deployment, c->op),
        ex);
    for (i = 0; i < npieces && rv == APR_SUCCESS; ++i) {
        rv = azl_stream_feed(st, pieces[i].at, pieces[i].len, out);
    }
    ck_assert_int_eq(rv != APR_SUCCESS, c->broken);
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    ck_assert_int_eq(bits | state_bits(azl_stream_state(st)), c->state);
    ck_assert_str_eq(azl_buf_pstr(out, p), c->out);
}

static void check_framed(azl_op_e op, const azl_buf_t *in, const char *out,
                         int state, int broken)
{
    framed_case_t c = {op, quoted(out), state, broken};

    azl_test_every_split(in->data, in->len, run_framed, &c);
}

#define FRAMED_START                                                           \
    "{'type':'message_start','message':{'id':'msg_1','usage':{'input_tokens':" \
    "3}}}"
#define FRAMED_TEXT                                                            \
    "{'type':'content_block_start','index':0,'content_block':{'type':'text',"  \
    "'text':'a'}}"

START_TEST(frames_of_bedrock)
{
    azl_buf_t *in = azl_buf_create(azl_test_pool, 64 * 1024);

    put_chunk(in, FRAMED_START);
    put_event(azl_test_pool, in, "event", "news", "{}");
    put_chunk(in, FRAMED_TEXT);
    put_chunk(in,
              "{'type':'message_delta','delta':{'stop_reason':'end_turn'}}");
    put_chunk(in, "{'type':'message_stop'}");
    check_framed(AZL_OP_CHAT, in, FIRST SAYS("'content':'a'") ENDS("stop") DONE,
                 ALL_WELL, 0);
}
END_TEST

START_TEST(frames_that_fail)
{
    azl_buf_t *in = azl_buf_create(azl_test_pool, 64 * 1024);

    put_event(azl_test_pool, in, "exception", "throttlingException",
              "{\"message\":\"slowly\"}");
    put_chunk(in, FRAMED_START);
    check_framed(AZL_OP_CHAT, in, "", FAILED, 0);
    azl_buf_clear(in);
    put_event(azl_test_pool, in, "event", "chunk", "{\"bytes\":5}");
    check_framed(AZL_OP_CHAT, in, CUT, CLOSED, 1);
    azl_buf_clear(in);
    put_chunk(in, FRAMED_START);
    put_chunk(in, FRAMED_TEXT);
    check_framed(AZL_OP_CHAT, in, FIRST SAYS("'content':'a'") CUT,
                 CONTENT | CLOSED, 0);
}
END_TEST

#define PASSES(type, more)                                                     \
    "event: " type "\ndata: {'type':'" type "'" more "}\n\n"

/* For a client of the Messages API they only lose their frames. */
START_TEST(frames_come_off)
{
    azl_buf_t *in = azl_buf_create(azl_test_pool, 64 * 1024);

    put_chunk(in, "{'type':'message_start',\n'message':{'model':'up'}}");
    put_chunk(in, FRAMED_TEXT);
    put_chunk(in, "{'type':'content_block_delta'}");
    put_chunk(in,
              "{'type':'message_delta','delta':{'stop_reason':'end_turn'}}");
    put_chunk(in, "{'type':'message_stop'}");
    check_framed(AZL_OP_MESSAGES, in,
                 "event: message_start\ndata: {'type':'message_start', "
                 "'message':{'model':'alias'}}\n\n" PASSES(
                     "content_block_start",
                     ",'index':0,'content_block':{'type':'text','text':'a'}")
                     PASSES("content_block_delta", "") PASSES(
                         "message_delta", ",'delta':{'stop_reason':'end_turn'}")
                         PASSES("message_stop", ""),
                 ALL_WELL, 0);
    azl_buf_clear(in);
    put_chunk(in, FRAMED_START);
    put_chunk(in, "{'type':'content_block_delta'}");
    put_event(azl_test_pool, in, "exception", "throttlingException",
              "{\"message\":\"slowly\"}");
    check_framed(AZL_OP_MESSAGES, in,
                 PASSES("message_start",
                        ",'message':{'id':'msg_1','usage':{'input_tokens':3}}")
                     PASSES("content_block_delta", "")
                         PASSES("error", ",'error':{'type':'rate_limit_error',"
                                         "'message':'slowly'}"),
                 CONTENT | CLOSED | FAILED, 0);
}
END_TEST

START_TEST(errors_of_bedrock)
{
    azl_exchange_t *ex = asking_bedrock();
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);

    ck_assert_int_eq(outbound_of(ex)->failure(
                         ex, 400, NULL,
                         quoted_span("{'message':'prompt is too long: 9'}"),
                         out),
                     400);
    ck_assert_ptr_nonnull(strstr(azl_buf_pstr(out, azl_test_pool),
                                 "\"context_length_exceeded\""));
}
END_TEST

/*
 * Errors
 */

static const struct failure_case {
    int status;
    const char *body;
    int meant;
    const char *out;
} failures[] = {
    {400,
     "{'type':'error','error':{'type':'invalid_request_error','message':"
     "'prompt is too long: 9 tokens > 8 maximum'},'request_id':'r'}",
     400,
     "{'error':{'message':'prompt is too long: 9 tokens > 8 maximum','type':"
     "'invalid_request_error','param':null,'code':'context_length_exceeded'}}"},
    {400,
     "{'type':'error','error':{'type':'invalid_request_error','message':'m'}}",
     400,
     "{'error':{'message':'m','type':'invalid_request_error','param':null,"
     "'code':'bad_request'}}"},
    {402, "{'type':'error','error':{'type':'billing_error','message':'m'}}",
     429,
     "{'error':{'message':'m','type':'rate_limit_error','param':null,"
     "'code':'insufficient_quota'}}"},
    {404, "{'type':'error','error':{'type':'not_found_error','message':'m'}}",
     404,
     "{'error':{'message':'m','type':'invalid_request_error','param':null,"
     "'code':'model_not_found'}}"},
    {529, "{'type':'error','error':{'type':'overloaded_error','message':'m'}}",
     503,
     "{'error':{'message':'m','type':'server_error','param':null,"
     "'code':'service_unavailable'}}"},
    {400,
     "{'type':'error','error':{'type':'invalid_request_error','message':"
     "'Your credit balance is too low.'}}",
     429,
     "{'error':{'message':'Your credit balance is too low.','type':"
     "'rate_limit_error','param':null,'code':'insufficient_quota'}}"},
    {429, "{'message':'Too many tokens'}", 429, ""},
    {500, "<html>", 500, ""},
};

START_TEST(errors_are_understood)
{
    const struct failure_case *c = &failures[_i];
    azl_exchange_t *ex = asking(0);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);

    ck_assert_int_eq(outbound_of(ex)->failure(ex, c->status, NULL,
                                              quoted_span(c->body), out),
                     c->meant);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), quoted(c->out));
}
END_TEST

TCase *azl_test_anthropic_stream(void)
{
    TCase *tc = azl_test_tcase("anthropic_stream");

    tcase_add_loop_test(tc, messages_become_answers, 0,
                        sizeof(answers) / sizeof(answers[0]));
    tcase_add_test(tc, nothing_is_kept_without_a_store);
    tcase_add_loop_test(tc, streams_become_chunks, 0,
                        sizeof(streams) / sizeof(streams[0]));
    tcase_add_test(tc, long_thoughts_are_not_kept);
    tcase_add_test(tc, frames_of_bedrock);
    tcase_add_test(tc, frames_that_fail);
    tcase_add_test(tc, frames_come_off);
    tcase_add_test(tc, errors_of_bedrock);
    tcase_add_loop_test(tc, errors_are_understood, 0,
                        sizeof(failures) / sizeof(failures[0]));
    return tc;
}
