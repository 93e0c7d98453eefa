#include "gemini_fixture.h"
#include "stream_fixture.h"

/* clang-format off: tables of JSON read like JSON */

static azl_exchange_t *ex;

static void setup(void)
{
    ex = exchange_at(azl_test_pool, GEMINI, "gemini-3-pro");
}

/*
 * Whole answers
 */

#define USAGE                                                                  \
    "'usageMetadata':{'promptTokenCount':5,'toolUsePromptTokenCount':2,"       \
    "'candidatesTokenCount':3,'thoughtsTokenCount':4,"                         \
    "'cachedContentTokenCount':1,'totalTokenCount':14}"
#define USED                                                                   \
    ",'usage':{'prompt_tokens':7,'completion_tokens':7,'total_tokens':14,"     \
    "'prompt_tokens_details':{'cached_tokens':1,'cache_write_tokens':0},"      \
    "'completion_tokens_details':{'reasoning_tokens':4}}"
#define CHOICE(n, more, reason)                                                \
    "{'index':" #n ",'message':{'role':'assistant'," more "},"                 \
    "'logprobs':null,'finish_reason':'" reason "'}"
#define SAYS(text) "'content':" text ",'refusal':null"
#define PARTS(parts) "'content':{'parts':[" parts "],'role':'model'}"
#define ONE(parts, reason)                                                     \
    "'candidates':[{" PARTS(parts) ",'finishReason':'" reason "'}]"
#define CALLS(list) ",'tool_calls':[" list "]"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"

static const struct {
    const char *answer;
    const char *id;
    const char *choices; /* NULL: it is no answer */
    const char *usage;
} answers[] = {
    {"{" ONE("{'text':'Hi'}", "STOP") "," USAGE ",'responseId':'r-1'}", "r-1",
     CHOICE(0, SAYS("'Hi'"), "stop"), USED},
    /* sound, without what of it was cached: that is billed as cached */
    {"{" ONE("{'text':'Hi'}", "STOP") ",'usageMetadata':{'promptTokenCount':90,"
     "'cachedContentTokenCount':50,'candidatesTokenCount':9,"
     "'promptTokensDetails':[{'modality':'TEXT','tokenCount':20},7,"
     "{'modality':'AUDIO','tokenCount':70}],'cacheTokensDetails':["
     "{'modality':'AUDIO','tokenCount':40}],'candidatesTokensDetails':["
     "{'modality':'AUDIO','tokenCount':8}]}}", NULL,
     CHOICE(0, SAYS("'Hi'"), "stop"),
     ",'usage':{'prompt_tokens':90,'completion_tokens':9,'total_tokens':99,"
     "'prompt_tokens_details':{'cached_tokens':50,'cache_write_tokens':0,"
     "'audio_tokens':30},'completion_tokens_details':{'reasoning_tokens':0,"
     "'audio_tokens':8}}"},
    {"{" ONE("{'text':'Hi'}", "STOP") ",'usageMetadata':{'promptTokenCount':9,"
     "'promptTokensDetails':{},'cacheTokensDetails':[{'modality':'AUDIO',"
     "'tokenCount':4}],'candidatesTokensDetails':null}}", NULL,
     CHOICE(0, SAYS("'Hi'"), "stop"),
     ",'usage':{'prompt_tokens':9,'completion_tokens':0,'total_tokens':9,"
     "'prompt_tokens_details':{'cached_tokens':0,'cache_write_tokens':0},"
     "'completion_tokens_details':{'reasoning_tokens':0}}"},
    /* what was thought, and what is in several pieces */
    {"{" ONE("{'text':'Hm','thought':true},{'text':'A\\u00e9'},{'text':''},"
         "{'text':'B\\n','thoughtSignature':'x'},{'executableCode':{}}",
         "MAX_TOKENS") "}", NULL,
     CHOICE(0, SAYS("'A\xc3\xa9" "B\\n'") ",'reasoning_content':'Hm'",
         "length"), ""},
    /* calls, with an id or without */
    {"{" ONE("{'functionCall':{'name':'f','args':{'b': 1.0, 'a':[]}}},"
         "{'functionCall':{'id':'own-1','name':'g'}},"
         "{'functionCall':{'id':'bad id','name':'h','args':null}}", "STOP")
     ",'responseId':'r-1'}", "r-1",
     CHOICE(0,
         SAYS("null") CALLS(
             CALL("call_r-1_0", "f", "{\\'b\\': 1.0, \\'a\\':[]}") ","
             CALL("own-1", "g", "{}") "," CALL("call_r-1_2", "h", "{}")),
         "tool_calls"), ""},
    {"{"
     ONE("{'text':'So:'},{'functionCall':{'name':'f','args':{}}}", "MAX_TOKENS")
     "}", NULL,
     CHOICE(0, SAYS("'So:'") CALLS(CALL("call_0123_0", "f", "{}")), "length"),
     ""},
    /* an answer's id that is too long for a call's */
    {"{" ONE("{'functionCall':{'name':'f'}}", "STOP")
     ",'responseId':'0123456789012345678901234567890'}",
     "0123456789012345678901234567890",
     CHOICE(0, SAYS("null") CALLS(CALL("call_0123_0", "f", "{}")),
         "tool_calls"), ""},
    /* pictures */
    {"{" ONE("{'text':'See'},{'inlineData':{'mimeType':'image/png',"
         "'data':'AA=='}},{'inlineData':{'mimeType':'image/png',"
         "'data':'BB=='}}", "STOP") "}", NULL,
     CHOICE(0,
         SAYS("'See'") ",'images':[{'index':0,'type':'image_url',"
         "'image_url':{'url':'data:image/png;base64,AA=='}},{'index':1,"
         "'type':'image_url','image_url':{'url':'data:image/png;base64,"
         "BB=='}}]", "stop"), ""},
    /* several, in any order */
    {"{'candidates':[{'index':1," PARTS("{'functionCall':{'name':'f'}}")
     ",'finishReason':'STOP'},{'index':0," PARTS("{'text':'A'}")
     ",'finishReason':'STOP'}]}", NULL,
     CHOICE(0, SAYS("'A'"), "stop") "," CHOICE(1,
         SAYS("null") CALLS(CALL("call_0123_1_0", "f", "{}")), "tool_calls"),
     ""},
    {"{'candidates':[{" PARTS("{'text':'A'}") "},{" PARTS("{'text':'B'}")
     "}]}", NULL,
     CHOICE(0, SAYS("'A'"), "stop") "," CHOICE(1, SAYS("'B'"), "stop"), ""},
    /* nothing to read */
    {"{'candidates':[{'content':{},'finishReason':'SAFETY'}]}", NULL,
     CHOICE(0, SAYS("''"), "content_filter"), ""},
    {"{'candidates':[{'finishReason':'MODEL_ARMOR'}]}", NULL,
     CHOICE(0, SAYS("''"), "content_filter"), ""},
    {"{'promptFeedback':{'blockReason':'SAFETY'}," USAGE "}", NULL,
     CHOICE(0, SAYS("''"), "content_filter"), USED},
    {"{'candidates':[{'content':{'parts':[]},'finishReason':'STOP'}],"
     "'usageMetadata':{}}", NULL, CHOICE(0, SAYS("''"), "stop"),
     ",'usage':{'prompt_tokens':0,'completion_tokens':0,'total_tokens':0,"
     "'prompt_tokens_details':{'cached_tokens':0,'cache_write_tokens':0},"
     "'completion_tokens_details':{'reasoning_tokens':0}}"},
    /* what no C string can hold */
    {"{" ONE("{'text':'a\\u0000b\\ud800'}", "STOP") "}", NULL,
     CHOICE(0, SAYS("'a\\u0000b\xEF\xBF\xBD'"), "stop"), ""},
    /* what is none */
    {"", NULL, NULL, NULL},
    {"[]", NULL, NULL, NULL},
    {"{'candidates':[]} {}", NULL, NULL, NULL},
    {"{'error':{'code':500,'message':'x'}}", NULL, NULL, NULL},
    {"{'candidates':{}}", NULL, NULL, NULL},
    {"{'candidates':[1]}", NULL, NULL, NULL},
    {"{'candidates':[{'content':[]}]}", NULL, NULL, NULL},
    {"{'candidates':[{'content':{'parts':{}}}]}", NULL, NULL, NULL},
    {"{'candidates':[{'content':{'parts':['A']}}]}", NULL, NULL, NULL},
    {"{'candidates':[{'index':-1}]}", NULL, NULL, NULL},
    {"{'candidates':[{'index':128}]}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':{'args':{}}}", "STOP") "}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':1}", "STOP") "}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':{'name':'f','args':'{}'}}", "STOP") "}", NULL,
     NULL, NULL},
    {"{" ONE("{'inlineData':{'data':'AA=='}}", "STOP") "}", NULL, NULL, NULL},
    {"{" ONE("{'inlineData':[]}", "STOP") "}", NULL, NULL, NULL},
    {"{'candidates':[],'promptFeedback':{}}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':{'name':'\\u0000'}}", "STOP") "}", NULL, NULL,
     NULL},
    {"{'usageMetadata':1}", NULL, NULL, NULL},
    {"{'promptFeedback':1}", NULL, NULL, NULL},
};

START_TEST(whole_answers)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    const char *id = answers[_i].id;
    apr_status_t rv;

    setup();
    rv = azl_gemini_chat.answer(ex, quoted_span(answers[_i].answer), out);
    if (!answers[_i].choices) {
        ck_assert_int_eq(rv, APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
        quoted(apr_pstrcat(azl_test_pool, "{'id':'", id ? id : "chatcmpl-0123",
            "','object':'chat.completion','created':1700000000,'model':'','"
            "choices':[",
            answers[_i].choices, "]", answers[_i].usage, "}", NULL)));
}
END_TEST

static const struct {
    const char *reason;
    const char *plain;
    const char *called;
} reasons[] = {
    {"STOP", "stop", "tool_calls"},
    {"MAX_TOKENS", "length", "length"},
    {"SAFETY", "content_filter", "content_filter"},
    {"RECITATION", "content_filter", "content_filter"},
    {"LANGUAGE", "content_filter", "content_filter"},
    {"BLOCKLIST", "content_filter", "content_filter"},
    {"PROHIBITED_CONTENT", "content_filter", "content_filter"},
    {"SPII", "content_filter", "content_filter"},
    {"IMAGE_SAFETY", "content_filter", "content_filter"},
    {"IMAGE_PROHIBITED_CONTENT", "content_filter", "content_filter"},
    {"IMAGE_RECITATION", "content_filter", "content_filter"},
    {"MODEL_ARMOR", "content_filter", "content_filter"},
    {"MALFORMED_FUNCTION_CALL", "stop", "tool_calls"},
    {"OTHER", "stop", "tool_calls"},
    {"SOMETHING_NEW", "stop", "tool_calls"},
};

START_TEST(finish_reasons)
{
    azl_span_t reason = azl_span_str(reasons[_i].reason);

    ck_assert_str_eq(azl_gemini_finish(reason, 0), reasons[_i].plain);
    ck_assert_str_eq(azl_gemini_finish(reason, 2), reasons[_i].called);
}
END_TEST

/* By Google's words: the Gemini API's and Vertex's. */
static const struct {
    const char *said;
    const char *tier; /* NULL: none */
} tiers[] = {
    {"'serviceTier':'standard'", "default"},
    {"'serviceTier':'flex','trafficType':null", "flex"},
    {"'serviceTier':'priority'", "priority"},
    {"'trafficType':'ON_DEMAND'", "default"},
    {"'trafficType':'ON_DEMAND_FLEX'", "flex"},
    {"'trafficType':'ON_DEMAND_PRIORITY'", "priority"},
    {"'trafficType':'PROVISIONED_THROUGHPUT'", NULL},
    {"'serviceTier':3", NULL},
};

START_TEST(service_tiers)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    const char *doc = apr_pstrcat(azl_test_pool, "{" ONE("{'text':'A'}", "STOP")
                                  ",'usageMetadata':{", tiers[_i].said, "}}",
                                  NULL);
    azl_json_t *json;

    setup();
    ck_assert_int_eq(azl_gemini_chat.answer(ex, quoted_span(doc), out),
                     APR_SUCCESS);
    json = tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    json = azl_json_get(json, "service_tier");
    ck_assert_int_eq(json != NULL, tiers[_i].tier != NULL);
    if (json) {
        ck_assert_str_eq(azl_json_string(json), tiers[_i].tier);
    }
}
END_TEST

START_TEST(signatures_are_kept)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup();
    ck_assert_int_eq(azl_gemini_chat.answer(ex,
                         quoted_span("{" ONE("{'functionCall':{'name':'f'},'"
                                             "thoughtSignature':'"
                                             "A\\u003d\\u003d'},{'functionCall'"
                                             ":{'id':'b','name':'f'}}",
                             "STOP") "}"),
                         out),
        APR_SUCCESS);
    ck_assert_str_eq(apr_table_get(ex->kept, "gemini/call_0123_0"), "A==");
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 1);
    ex->keep = NULL;
    ck_assert_int_eq(azl_gemini_chat.answer(ex,
                         quoted_span("{" ONE("{'functionCall':{'name':'f'},'"
                                             "thoughtSignature':'B'}",
                             "STOP") "}"),
                         out),
        APR_SUCCESS);
}
END_TEST

/*
 * Streams
 */

typedef struct gemini_case_t {
    stream_case_t stream;
    int choices; /* 0: nothing was said about it */
    const char *kept;
} gemini_case_t;

static gemini_case_t c;

static void run(
    apr_pool_t *p, void *baton, const azl_span_t *pieces, int npieces)
{
    gemini_case_t *g = baton;
    stream_case_t *sc = &g->stream;
    azl_exchange_t *x = exchange_at(p, GEMINI, "gemini-3-pro");
    azl_stream_t *st = azl_stream_create(p, &sc->rules);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    const azl_stream_state_t *state = azl_stream_state(st);
    int bits;
    int i;

    x->memo = g->choices ? &g->choices : NULL;
    azl_stream_from(st, &azl_gemini_chat, x);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(
            azl_stream_feed(st, pieces[i].at, pieces[i].len, out), APR_SUCCESS);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    bits |= state_bits(state);
    ck_assert_str_eq(azl_buf_pstr(out, p), sc->expected);
    ck_assert_int_eq(bits, sc->state);
    ck_assert_int_eq(state->usage.reported, sc->usage != NULL);
    ck_assert_int_eq(state->usage.other_tier, sc->other_tier);
    if (sc->usage) {
        ck_assert_str_eq(apr_psprintf(p, "%d/%d", (int)state->usage.prompt,
                             (int)state->usage.completion),
            sc->usage);
    }
    if (g->kept) {
        ck_assert_str_eq(apr_table_get(x->kept, g->kept), "SIG=");
    }
}

static void check(const char *in, const char *expected, int state)
{
    const char *text = quoted(in);

    c.stream.rules.op = AZL_OP_CHAT;
    c.stream.rules.alias_json = "\"alias\"";
    c.stream.expected = quoted(expected);
    c.stream.state = state;
    azl_test_every_split(text, strlen(text), run, &c);
}

static void fresh(void)
{
    memset(&c, 0, sizeof(c));
}

/* Lines end as Google's do. */
#define EVENT(members) "data: {" members "}\r\n\r\n"
#define ID "'responseId':'r1'"
#define SOME(n) "'usageMetadata':{'promptTokenCount':" #n "}"
#define HEAD(id)                                                               \
    "data: {'id':'" id "','object':'chat.completion.chunk',"                   \
    "'created':1700000000,'model':'alias','choices':["
#define HUB(delta)                                                             \
    HEAD("r1") "{'index':0,'delta':{" delta "},'finish_reason':null}]}\n\n"
#define HUB_END(reason)                                                        \
    HEAD("r1")                                                                 \
    "{'index':0,'delta':{},"                                                   \
    "'finish_reason':'" reason "'}]}\n\n"
#define HUB_CALL(first, n, id, name, args)                                     \
    HUB(first "'tool_calls':[{'index':" #n ",'id':'" id "','type':'function'," \
                                                        "'function':{'name':"  \
                                                        "'" name "','"         \
                                                                 "arguments':" \
                                                                 "''}}]")      \
    HUB("'tool_calls':[{'index':" #n ",'function':{'arguments':'" args "'}}]")
#define FIRST ",'role':'assistant'"
#define ERROR(message, type, code)                                             \
    "data: {'error':{'message':'" message "','type':'" type                    \
    "','param':null,'code':'" code "'}}\n\n"

START_TEST(text_in_pieces)
{
    fresh();
    c.stream.usage = "5/7";
    check(EVENT("'candidates':[{" PARTS("{'text':'Hi'}") "}]," SOME(9) "," ID)
        ": still here\r\n\r\n"
        EVENT("'candidates':[{" PARTS("{'text':'\\n\\u00e9'}") "}]," ID)
        EVENT("'candidates':[{" PARTS("{'text':''}") ",'finishReason':'STOP',"
            "'index':0}]," SOME(8) "," ID) EVENT("'usageMetadata':{"
            "'promptTokenCount':5,'candidatesTokenCount':3,"
            "'thoughtsTokenCount':4}," ID),
        HUB("'content':'Hi'" FIRST) ":\n\n" HUB("'content':'\\n\\u00e9'")
        HUB_END("stop") DONE, ALL_WELL);
}
END_TEST

/* It is billed by another list. */
START_TEST(a_stream_of_another_tier)
{
    fresh();
    c.stream.usage = "5/0";
    c.stream.other_tier = 1;
    c.stream.rules.include_usage = 1;
    check(EVENT("'candidates':[{" PARTS("{'text':'Hi'}")
            ",'finishReason':'STOP'}]," ID ",'usageMetadata':"
            "{'promptTokenCount':5,'serviceTier':'flex'}"),
        HEAD("r1") "{'index':0,'delta':{'content':'Hi','role':'assistant'},"
        "'finish_reason':null}]}\n\n" HUB_END("stop")
        HEAD("r1") "],'service_tier':'flex','usage':{'prompt_tokens':5,"
        "'completion_tokens':0,'total_tokens':5,'prompt_tokens_details':"
        "{'cached_tokens':0,'cache_write_tokens':0},"
        "'completion_tokens_details':{'reasoning_tokens':0}}}\n\n" DONE,
        ALL_WELL);
}
END_TEST

START_TEST(thoughts_and_calls)
{
    fresh();
    c.stream.usage = "9/0";
    c.kept = "gemini/call_r1_0";
    /* each call in an event of its own, the end in another */
    check(
        EVENT("'candidates':[{" PARTS("{'text':'Hm','thought':true}") "}]," ID)
        EVENT("'candidates':[{" PARTS("{'functionCall':{'name':'f',"
                "'args':{'a': '\\n'}},'thoughtSignature':'SIG\\u003d'}") "}],"
            ID) EVENT("'candidates':[{"
            PARTS("{'functionCall':{'name':'g','id':'own'}}") "}]," ID)
        EVENT("'candidates':[{'finishReason':'STOP'}]," SOME(9) "," ID),
        HUB("'reasoning_content':'Hm'" FIRST)
        HUB_CALL("", 0, "call_r1_0", "f", "{\\'a\\': \\'\\\\n\\'}")
        HUB_CALL("", 1, "own", "g", "{}") HUB_END("tool_calls") DONE,
        ALL_WELL);
}
END_TEST

START_TEST(everything_in_one_event)
{
    fresh();
    /* a made-up id where the upstream has none; the last line end is missing */
    check("data: {'candidates':[{" PARTS("{'functionCall':{'name':'f',"
            "'args':{}}},{'functionCall':{'name':'f','args':{'a':1}}}")
        ",'finishReason':'STOP'}]}\n",
        HEAD("chatcmpl-0123") "{'index':0,'delta':{'tool_calls':[{'index':0,"
        "'id':'call_0123_0','type':'function','function':{'name':'f',"
        "'arguments':''}}],'role':'assistant'},'finish_reason':null}]}\n\n"
        HEAD("chatcmpl-0123") "{'index':0,'delta':{'tool_calls':[{'index':0,"
        "'function':{'arguments':'{}'}}]},'finish_reason':null}]}\n\n"
        HEAD("chatcmpl-0123") "{'index':0,'delta':{'tool_calls':[{'index':1,"
        "'id':'call_0123_1','type':'function','function':{'name':'f',"
        "'arguments':''}}]},'finish_reason':null}]}\n\n" HEAD("chatcmpl-0123")
        "{'index':0,'delta':{'tool_calls':[{'index':1,"
        "'function':{'arguments':'{\\'a\\':1}'}}]},'finish_reason':null}]}\n\n"
        HEAD("chatcmpl-0123") "{'index':0,'delta':{},"
        "'finish_reason':'tool_calls'}]}\n\n" DONE, ALL_WELL);
}
END_TEST

START_TEST(pictures)
{
    fresh();
    check(EVENT("'candidates':[{" PARTS("{'text':'A'},"
                "{'inlineData':{'mimeType':'image/png','data':'AA=='}}") "}],"
            ID) EVENT("'candidates':[{"
            PARTS("{'inlineData':{'mimeType':'image/png','data':'BB=='}}")
            ",'finishReason':'STOP'}]," ID),
        HUB("'content':'A'" FIRST) HUB("'images':[{'index':0,"
            "'type':'image_url','image_url':{'url':'data:image/png;base64,"
            "AA=='}}]") HUB("'images':[{'index':1,'type':'image_url',"
            "'image_url':{'url':'data:image/png;base64,BB=='}}]")
        HUB_END("stop") DONE, ALL_WELL);
}
END_TEST

START_TEST(a_refused_prompt)
{
    fresh();
    c.stream.usage = "4/0";
    check(EVENT("'promptFeedback':{'blockReason':'SAFETY'}," SOME(4)),
        HEAD("chatcmpl-0123") "{'index':0,'delta':{'role':'assistant',"
        "'content':''},'finish_reason':null}]}\n\n" HEAD("chatcmpl-0123")
        "{'index':0,'delta':{},'finish_reason':'content_filter'}]}\n\n" DONE,
        ALL_WELL);
}
END_TEST

START_TEST(filtered_in_the_middle)
{
    fresh();
    /* nothing follows an end */
    check(EVENT("'candidates':[{" PARTS("{'text':'A'}") "}]," ID)
        EVENT("'candidates':[{'finishReason':'SAFETY'}]," ID)
        EVENT("'candidates':[{" PARTS("{'text':'B'}")
            ",'finishReason':'STOP'}]," ID),
        HUB("'content':'A'" FIRST) HUB_END("content_filter") DONE, ALL_WELL);
}
END_TEST

START_TEST(two_candidates)
{
    fresh();
    c.choices = 2;
    check(EVENT("'candidates':[{'index':0," PARTS("{'text':'A'}")
            ",'finishReason':'STOP'},{'index':1," PARTS("{'text':'B'}") "}],"
            ID)
        EVENT("'candidates':[{'index':1,'finishReason':'MAX_TOKENS'}]," ID),
        HUB("'content':'A'" FIRST) HUB_END("stop") HEAD("r1") "{'index':1,"
        "'delta':{'content':'B','role':'assistant'},"
        "'finish_reason':null}]}\n\n" HEAD("r1") "{'index':1,'delta':{},"
        "'finish_reason':'length'}]}\n\n" DONE, ALL_WELL);
    /* the second one never came */
    c.stream.rules.choices = 2;
    check(EVENT("'candidates':[{'index':0," PARTS("{'text':'A'}")
            ",'finishReason':'STOP'}]," ID),
        HUB("'content':'A'" FIRST) HUB_END("stop") CUT, CONTENT|CLOSED);
}
END_TEST

START_TEST(streams_that_are_cut)
{
    fresh();
    check("", CUT, CLOSED);
    check(EVENT("'candidates':[{" PARTS("{'text':'A'}") "}]," ID),
        HUB("'content':'A'" FIRST) CUT, CONTENT|CLOSED);
    /* in the middle of its last event */
    check(EVENT("'candidates':[{" PARTS("{'text':'A'}") "}]," ID)
        "data: {'candidates':[{'finishReason':'STOP'}],'usageM",
        HUB("'content':'A'" FIRST) CUT, CONTENT|CLOSED);
    /* one of two */
    c.choices = 2;
    check(EVENT("'candidates':[{'index':1," PARTS("{'text':'A'}")
            ",'finishReason':'STOP'},{'index':0," PARTS("{'text':'A'}") "}],"
            ID),
        HEAD("r1") "{'index':1,'delta':{'content':'A','role':'assistant'},"
        "'finish_reason':null}]}\n\n" HEAD("r1") "{'index':1,'delta':{},"
        "'finish_reason':'stop'}]}\n\n" HUB("'content':'A'" FIRST) CUT,
        CONTENT|CLOSED);
}
END_TEST

START_TEST(streams_that_fail)
{
    fresh();
    /* before anything was said: it is not told, another may be asked */
    check(
        EVENT("'error':{'code':503,'message':'Busy.','status':'UNAVAILABLE'}"),
        "", FAILED);
    check("data: [{'error':{'code':429,'message':'Slow.',"
        "'status':'RESOURCE_EXHAUSTED'}}]\r\n\r\n", "", FAILED);
    check(EVENT("'candidates':[{" PARTS("{'text':'A'}") "}]," ID)
        EVENT("'error':{'message':'Busy.','status':'UNAVAILABLE'}")
        EVENT("'candidates':[{'finishReason':'STOP'}]," ID),
        HUB("'content':'A'" FIRST)
        ERROR("Busy.", "server_error", "service_unavailable"),
        CONTENT|CLOSED|FAILED);
    /* what is no answer at all */
    check(EVENT("'candidates':[{" PARTS("{'text':'A'}") "}]," ID)
        "data: {oops\r\n\r\n"
        EVENT("'candidates':[{'finishReason':'STOP'}]," ID),
        HUB("'content':'A'" FIRST) ERROR("The upstream service sent what is "
            "no answer.", "server_error", "bad_gateway"),
        CONTENT|CLOSED|FAILED);
}
END_TEST

/* One more call than an SDK can hold. */
START_TEST(too_many_calls)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_sse_event_t ev;
    void *decoder;
    int i;

    setup();
    decoder = azl_gemini_decoder(ex);
    memset(&ev, 0, sizeof(ev));
    ev.data = quoted_span("{'candidates':[{" PARTS("{'functionCall':{'name':'f'"
                                                   "}}") "}]}");
    for (i = 0; i < 128; ++i) {
        azl_gemini_event(decoder, &ev, out);
    }
    ck_assert_ptr_null(strstr(azl_buf_pstr(out, azl_test_pool), "error"));
    azl_gemini_event(decoder, &ev, out);
    ck_assert_ptr_nonnull(strstr(azl_buf_pstr(out, azl_test_pool), "error"));
    azl_buf_clear(out);
    decoder = azl_gemini_decoder(ex);
    ev.data =
        quoted_span("{'candidates':[{" PARTS("{'inlineData':{'mimeType':'image/"
                                             "png','data':'AA=='}}") "}]}");
    for (i = 0; i < 128; ++i) {
        azl_gemini_event(decoder, &ev, out);
    }
    ck_assert_ptr_null(strstr(azl_buf_pstr(out, azl_test_pool), "error"));
    azl_gemini_event(decoder, &ev, out);
    ck_assert_ptr_nonnull(strstr(azl_buf_pstr(out, azl_test_pool), "error"));
}
END_TEST

/*
 * Refusals
 */

#define ERR(code, message, status, details)                                    \
    "{'error':{'code':" #code ",'message':'" message "','status':'" status     \
    "','details':[" details "]}}"
#define TYPE "'@type':'type.googleapis.com/google.rpc."

static const struct {
    int status;
    const char *body;
    int told; /* the status it stands for */
    const char *code;
    const char *message;
    const char *after; /* NULL: nothing is said about when */
} failures[] = {
    {400, ERR(400, "Bad.", "INVALID_ARGUMENT", ""), 400, "bad_request", "Bad.",
     NULL},
    {400, "[" ERR(400, "Bad.", "INVALID_ARGUMENT", "") "]", 400, "bad_request",
     "Bad.", NULL},
    /* the operator's key */
    {400,
     ERR(400, "API key not valid. Please pass a valid API key.",
         "INVALID_ARGUMENT",
         "{" TYPE "ErrorInfo','reason':'API_KEY_INVALID'}"), 502,
     "upstream_authentication_error", NULL, NULL},
    {400, ERR(400, "API key expired.", "INVALID_ARGUMENT", ""), 502,
     "upstream_authentication_error", NULL, NULL},
    {400,
     ERR(400, "Hm.", "INVALID_ARGUMENT",
         "{'a':1},{" TYPE "ErrorInfo','reason':'API_KEY_INVALID'}"), 502,
     "upstream_authentication_error", NULL, NULL},
    {403, ERR(403, "No.", "PERMISSION_DENIED", ""), 502,
     "upstream_authentication_error", NULL, NULL},
    {400,
     ERR(400,
         "The input token count (9) exceeds the maximum number of tokens "
         "allowed (8).", "INVALID_ARGUMENT", ""), 400,
     "context_length_exceeded",
     "The input token count (9) exceeds the maximum number of tokens "
     "allowed (8).", NULL},
    {404, ERR(404, "models/x is not found.", "NOT_FOUND", ""), 404,
     "model_not_found", NULL, NULL},
    /* when to come back */
    {429,
     ERR(429, "Slow.", "RESOURCE_EXHAUSTED",
         "{" TYPE "QuotaFailure'},{" TYPE "RetryInfo','retryDelay':'34s'}"),
     429, "rate_limit_exceeded", "Slow. Please retry in 34s.", "34"},
    {429,
     ERR(429, "Slow. Please retry in 34.5s.", "RESOURCE_EXHAUSTED",
         "{" TYPE "RetryInfo','retryDelay':'34s'}"), 429,
     "rate_limit_exceeded", "Slow. Please retry in 34.5s.", "35"},
    {429,
     ERR(429, "Slow.", "RESOURCE_EXHAUSTED",
         "{" TYPE "RetryInfo','retryDelay':'soon'}"), 429,
     "rate_limit_exceeded", "Slow.", NULL},
    {503, ERR(503, "Busy.", "UNAVAILABLE", ""), 503, "service_unavailable",
     "Busy.", NULL},
    /* somebody else's words */
    {502, "<html>", 502, "bad_gateway", NULL, NULL},
    {500, "{'message':'x'}", 500, "internal_error", "x", NULL},
    {500, "", 500, "internal_error", NULL, NULL},
};

START_TEST(refusals)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_span_t body = quoted_span(failures[_i].body);
    azl_error_t err;
    int status;

    setup();
    status = azl_gemini_chat.failure(ex, failures[_i].status, NULL, body, out);
    if (out->len) {
        body = azl_span(out->data, out->len);
    }
    azl_failure_read(azl_test_pool, ex->deployment, status, NULL, body, &err);
    ck_assert_int_eq(err.status, failures[_i].told);
    ck_assert_str_eq(err.code, failures[_i].code);
    if (failures[_i].message) {
        ck_assert_str_eq(err.message, failures[_i].message);
    }
    ck_assert_int_eq(err.retry_after != NULL, failures[_i].after != NULL);
    if (failures[_i].after) {
        ck_assert_str_eq(err.retry_after, failures[_i].after);
    }
}
END_TEST

static const struct {
    const char *error;
    int status;
} stream_failures[] = {
    {"'code':429,'status':'X'", 429},
    {"'code':13,'status':'INTERNAL'", 500},
    {"'status':'DEADLINE_EXCEEDED'", 504},
    {"'status':'WHATEVER'", 500},
    {"'code':'429'", 500},
};

START_TEST(statuses_of_errors_in_streams)
{
    azl_gemini_failure_t f;
    const char *body = apr_pstrcat(azl_test_pool, "{'error':{'message':'m',",
        stream_failures[_i].error, "}}", NULL);

    ck_assert(azl_gemini_failure_read(azl_test_pool, 0, quoted_span(body), &f));
    ck_assert_int_eq(f.status, stream_failures[_i].status);
}
END_TEST

/* clang-format on */

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

TCase *azl_test_gemini_answer(void)
{
    TCase *tc = azl_test_tcase("gemini_answer");

    tcase_add_loop_test(tc, whole_answers, 0, N(answers));
    tcase_add_loop_test(tc, finish_reasons, 0, N(reasons));
    tcase_add_loop_test(tc, service_tiers, 0, N(tiers));
    tcase_add_test(tc, signatures_are_kept);
    tcase_add_test(tc, a_stream_of_another_tier);
    tcase_add_test(tc, text_in_pieces);
    tcase_add_test(tc, thoughts_and_calls);
    tcase_add_test(tc, everything_in_one_event);
    tcase_add_test(tc, pictures);
    tcase_add_test(tc, a_refused_prompt);
    tcase_add_test(tc, filtered_in_the_middle);
    tcase_add_test(tc, two_candidates);
    tcase_add_test(tc, streams_that_are_cut);
    tcase_add_test(tc, streams_that_fail);
    tcase_add_test(tc, too_many_calls);
    tcase_add_loop_test(tc, refusals, 0, N(failures));
    tcase_add_loop_test(
        tc, statuses_of_errors_in_streams, 0, N(stream_failures));
    return tc;
}
