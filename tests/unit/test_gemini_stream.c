/*
 * Answers of Google as streams.
 */
#include "gemini_answer_fixture.h"

/* clang-format off: tables of JSON read like JSON */

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

TCase *azl_test_gemini_stream(void)
{
    TCase *tc = azl_test_tcase("gemini_stream");

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
    tcase_add_loop_test(
        tc, statuses_of_errors_in_streams, 0, N(stream_failures));
    return tc;
}
