#include "stream_chat_fixture.h"

/* clang-format off: streams of macros and strings read like streams */

START_TEST(openai_streams_pass_but_for_the_model)
{
    setup();
    becomes(
        CHUNK(DELTA("{'role':'assistant','content':'','refusal':null}"))
        CHUNK(DELTA("{'content':'Hi'}")) CHUNK(END_OF(0)) DONE,
        SENT(DELTA("{'role':'assistant','content':'','refusal':null}"))
        SENT(DELTA("{'content':'Hi'}")) SENT(END_OF(0)) DONE);
}
END_TEST

/* Azure as it is: members in order of the alphabet, a preamble, filter results
 * everywhere, padding. */
#define AZ_TAIL                                                                \
    "'created':5,'id':'c1','model':'gpt-5','object':'chat.completion.chunk',"  \
    "'obfuscation':'xyz','system_fingerprint':null"
#define AZ_SENT                                                                \
    "'created':5,'id':'c1','model':'alias','object':'chat.completion.chunk',"  \
    "'system_fingerprint':null"
#define SAFE "'content_filter_results':{'hate':{'filtered':false}}"
#define PREAMBLE                                                               \
    "data: {'choices':[],'created':0,'id':'','model':'','object':'',"          \
    "'prompt_filter_results':[{'prompt_index':0," SAFE "}]}\n\n"

#define AZURE_STREAM                                                           \
    PREAMBLE                                                                   \
    "data: {'choices':[{'content_filter_results':{},'delta':{'content':'',"    \
    "'refusal':null,'role':'assistant'},'finish_reason':null,'index':0,"       \
    "'logprobs':null}]," AZ_TAIL ",'usage':null}\n\n"                          \
    "data: {'choices':[{" SAFE ",'delta':{'content':'Hi'},"                    \
    "'finish_reason':null,'index':0,'logprobs':null}]," AZ_TAIL                \
    ",'usage':null}\n\n"                                                       \
    "data: {'choices':[{" SAFE ",'delta':{},'finish_reason':'stop',"           \
    "'index':0,'logprobs':null}]," AZ_TAIL ",'usage':null}\n\n"                \
    "data: {'choices':[]," AZ_TAIL ",'usage':" USAGE "}\n\n" DONE

START_TEST(azure_becomes_openai)
{
    setup();
    c.usage = "3/2";
    becomes(
        AZURE_STREAM,
        "data: {'choices':[{'delta':{'content':'','refusal':null,"
        "'role':'assistant'},'finish_reason':null,'index':0,'logprobs':null}],"
        AZ_SENT "}\n\n"
        "data: {'choices':[{'delta':{'content':'Hi'},'finish_reason':null,"
        "'index':0,'logprobs':null}]," AZ_SENT "}\n\n"
        "data: {'choices':[{'delta':{},'finish_reason':'stop','index':0,"
        "'logprobs':null}]," AZ_SENT "}\n\n"
        DONE);
}
END_TEST

START_TEST(azure_with_usage)
{
    setup();
    c.usage = "3/2";
    c.rules.include_usage = 1;
    becomes(
        AZURE_STREAM,
        "data: {'choices':[{'delta':{'content':'','refusal':null,"
        "'role':'assistant'},'finish_reason':null,'index':0,'logprobs':null}],"
        AZ_SENT ",'usage':null}\n\n"
        "data: {'choices':[{'delta':{'content':'Hi'},'finish_reason':null,"
        "'index':0,'logprobs':null}]," AZ_SENT ",'usage':null}\n\n"
        "data: {'choices':[{'delta':{},'finish_reason':'stop','index':0,"
        "'logprobs':null}]," AZ_SENT ",'usage':null}\n\n"
        "data: {'choices':[]," AZ_SENT ",'usage':" USAGE "}\n\n"
        DONE);
}
END_TEST

START_TEST(azure_with_its_annotations)
{
    setup();
    c.usage = "3/2";
    c.rules.keep_annotations = 1;
    becomes(
        AZURE_STREAM,
        "data: {'choices':[],'created':5,'id':'c1','model':'alias',"
        "'object':'chat.completion.chunk',"
        "'prompt_filter_results':[{'prompt_index':0," SAFE "}]}\n\n"
        "data: {'choices':[{'content_filter_results':{},'delta':{'content':'',"
        "'refusal':null,'role':'assistant'},'finish_reason':null,'index':0,"
        "'logprobs':null}],'created':5,'id':'c1','model':'alias',"
        "'object':'chat.completion.chunk','obfuscation':'xyz',"
        "'system_fingerprint':null}\n\n"
        "data: {'choices':[{" SAFE
        ",'delta':{'content':'Hi'},'finish_reason':null,'index':0,"
        "'logprobs':null}],'created':5,'id':'c1','model':'alias',"
        "'object':'chat.completion.chunk','obfuscation':'xyz',"
        "'system_fingerprint':null}\n\n"
        "data: {'choices':[{" SAFE
        ",'delta':{},'finish_reason':'stop','index':0,'logprobs':null}],"
        "'created':5,'id':'c1','model':'alias',"
        "'object':'chat.completion.chunk','obfuscation':'xyz',"
        "'system_fingerprint':null}\n\n"
        DONE);
}
END_TEST

/* The asynchronous filter: choices without a delta, also after the end. */
#define NOTE(finish)                                                           \
    "data: {'id':'','object':'','created':0,'model':'','choices':[{'index':0," \
    "'finish_reason':" finish ",'content_filter_results':{},"                  \
    "'content_filter_offsets':{'check_offset':44}}]}\n\n"

START_TEST(annotations_of_their_own)
{
    setup();
    becomes(
        PREAMBLE NOTE("null") CHUNK(DELTA(ROLE)) NOTE("null")
        CHUNK(DELTA("{'content':'x'}")) CHUNK(END_OF(0)) NOTE("null") DONE,
        SENT(DELTA(ROLE)) SENT(DELTA("{'content':'x'}")) SENT(END_OF(0)) DONE);
    /* blocked: the finish comes in a choice without a delta */
    becomes(
        CHUNK(DELTA(ROLE)) NOTE("'content_filter'") DONE,
        SENT(DELTA(ROLE)) "data: {" NAMES
        "'model':'alias','choices':[{'index':0,"
        "'finish_reason':'content_filter','delta':{}}]}\n\n"
        DONE);
    /* and before anybody spoke */
    becomes(
        CHUNK("{'index':0,'delta':null,'finish_reason':'content_filter'}"),
        SENT(
            "{'index':0,'finish_reason':'content_filter',"
            "'delta':{'role':'assistant'}}")
        DONE);
}
END_TEST

START_TEST(annotations_that_are_kept_have_a_delta)
{
    setup();
    c.rules.keep_annotations = 1;
    becomes(
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) NOTE("null") DONE,
        SENT(DELTA(ROLE)) SENT(END_OF(0)) "data: {" NAMES
        "'model':'alias','choices':[{'index':0,'finish_reason':null,"
        "'content_filter_results':{},"
        "'content_filter_offsets':{'check_offset':44},'delta':{}}]}\n\n"
        DONE);
    /* before any choice has spoken, and twice of what may come once */
    becomes(
        CHUNK(
            "{'index':0,'delta':null,'delta':{'content':'x'},"
            "'content_filter_results':{}}")
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) CHUNK(END_OF(0)),
        SENT(
            "{'index':0,'content_filter_results':{},'delta':{},"
            "'finish_reason':null}")
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(a_preamble_waits_for_its_names)
{
    setup();
    c.rules.keep_annotations = 1;
    /* the last of several is kept; it never comes alone */
    check_stream(&c, PREAMBLE, CUT, CLOSED);
    becomes(
        PREAMBLE "data: {'choices':[],'id':'','prompt_annotations':7}\n\n"
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)),
        "data: {'choices':[],'id':'c1','prompt_annotations':7,"
        "'object':'chat.completion.chunk','created':5,'model':'alias'}\n\n"
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(names_are_completed)
{
    setup();
    becomes(
        CHUNK(DELTA(ROLE))
        "data: {'id':'','object':'','created':0,'model':'','choices':["
        DELTA("{'content':'a'}") "]}\n\n"
        "data: {'id':null,'object':null,'created':null,'model':null,"
        "'choices':[" DELTA("{'content':'b'}") "]}\n\n"
        "data: {'choices':[" DELTA("{'content':'c'}") "]}\n\n"
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE)) SENT(DELTA("{'content':'a'}"))
        SENT(DELTA("{'content':'b'}")) "data: {'choices':["
        DELTA("{'content':'c'}")
        "],'id':'c1','object':'chat.completion.chunk','created':5,"
        "'model':'alias'}\n\n"
        SENT(END_OF(0)) DONE);
    /* nothing is invented where nothing is known */
    becomes(
        "data: {'id':'','created':0,'choices':[" DELTA(ROLE) "]}\n\n"
        "data: {'choices':[" END_OF(0) "]}\n\n",
        "data: {'id':'','created':0,'choices':[" DELTA(ROLE)
        "],'object':'chat.completion.chunk','model':'alias'}\n\n"
        "data: {'choices':[" END_OF(0)
        "],'object':'chat.completion.chunk','model':'alias'}\n\n"
        DONE);
}
END_TEST

START_TEST(names_that_are_too_long_are_not_repeated)
{
    const char *id = azl_test_repeat("i", 127);
    const char *first = apr_psprintf(
        azl_test_pool,
        "data: {'id':'%s','created':%s,'choices':[" DELTA(ROLE) "]}\n\n", id,
        azl_test_repeat("1", 25));
    azl_stream_t *st;
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);

    setup();
    c.rules.alias_json = "\"alias\"";
    st = azl_stream_create(azl_test_pool, &c.rules);
    first = quoted(first);
    azl_stream_feed(st, first, strlen(first), out);
    azl_buf_clear(out);
    first = quoted("data: {'id':'','created':0,'choices':[" END_OF(0) "]}\n\n");
    azl_stream_feed(st, first, strlen(first), out);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted("data: {'id':'','created':0,'choices':[" END_OF(
                         0) "],'object':'chat.completion.chunk','model':"
                            "'alias'}\n\n"));
}
END_TEST

START_TEST(who_speaks_is_said_once)
{
    setup();
    becomes(
        CHUNK(DELTA("{'role':'assistant','content':'a'}"))
        CHUNK(DELTA("{'role':'assistant','content':'b'}"))
        CHUNK(DELTA("{'role':null,'content':'c'}"))
        CHUNK(DELTA("{'role':'assistant'}")) CHUNK(END_OF(0)),
        SENT(DELTA("{'role':'assistant','content':'a'}"))
        SENT(DELTA("{'content':'b'}")) SENT(DELTA("{'content':'c'}"))
        SENT(END_OF(0)) DONE);
    /* and said if the upstream did not */
    becomes(
        CHUNK(DELTA("{'content':'a'}")) CHUNK(END_OF(0)),
        SENT(DELTA("{'content':'a','role':'assistant'}")) SENT(END_OF(0))
        DONE);
    becomes(
        CHUNK(DELTA("{'role':'','content':'a'}")) CHUNK(END_OF(0)),
        SENT(DELTA("{'content':'a','role':'assistant'}")) SENT(END_OF(0))
        DONE);
    becomes(
        CHUNK(END_OF(0)),
        SENT("{'index':0,'delta':{'role':'assistant'},'finish_reason':'stop'}")
        DONE);
}
END_TEST

START_TEST(null_says_nothing)
{
    setup();
    becomes(
        CHUNK(
            DELTA(
                "{'role':'assistant','content':null,'refusal':null,"
                "'tool_calls':null,'reasoning_content':null}"))
        CHUNK(
            DELTA(
                "{'content':null,'reasoning_content':'hm','tool_calls':null,"
                "'role':null}"))
        CHUNK(DELTA("{'content':null}")) CHUNK(DELTA("{}"))
        CHUNK(DELTA("null")) CHUNK(DELTA("{'tool_calls':[]}"))
        CHUNK(DELTA("{'content':'x','x':null,'y':1}")) CHUNK(END_OF(0)),
        SENT(DELTA("{'role':'assistant','content':null,'refusal':null}"))
        SENT(DELTA("{'reasoning_content':'hm'}"))
        SENT(DELTA("{'content':'x','y':1}")) SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(completions)
{
#define TEXT_NAMES "'id':'c1','object':'text_completion','created':5,"
    setup();
    c.rules.op = AZL_OP_COMPLETIONS;
    c.usage = "3/2";
    becomes(
        "data: {'id':'','object':'','created':0,'model':'','choices':[],"
        "'prompt_filter_results':[]}\n\n"
        "data: {" TEXT_NAMES
        "'model':'up','choices':[{'text':'a','index':0,'logprobs':null,"
        "'finish_reason':null,'content_filter_results':{}}]}\n\n"
        "data: {" TEXT_NAMES
        "'model':'up','choices':[{'index':0,'content_filter_offsets':{}}]}\n\n"
        "data: {" TEXT_NAMES
        "'model':'up','choices':[{'index':0,'finish_reason':'length'}]}\n\n"
        "data: {" TEXT_NAMES "'model':'up','choices':[],'usage':" USAGE
        "}\n\n"
        DONE,
        "data: {" TEXT_NAMES
        "'model':'alias','choices':[{'text':'a','index':0,'logprobs':null,"
        "'finish_reason':null}]}\n\n"
        "data: {" TEXT_NAMES
        "'model':'alias','choices':[{'index':0,'finish_reason':'length',"
        "'text':''}]}\n\n"
        DONE);
}
END_TEST

START_TEST(events_that_are_no_json)
{
    setup();
    c.malformed = 9;
    becomes(
        CHUNK(DELTA(ROLE)) "data: {'id':\n\n"
        "data: nonsense\n\n"
        "data: [1,2]\n\n"
        "data: 'text'\n\n"
        "data: {} {}\n\n"
        "data: {'choices':[],'choices':[]}\n\n"
        "data: {'choices':[{]}\n\n"
        "data: {'choices':[7,}\n\n"
        "data: {'choices':[{'index':0,'delta':{'content':'x}}]}\n\n"
        "event: ping\n\n"
        "data:\n\n"
        "data:   \n\n"
        "id: 7\nretry: 3\n\n"
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(objects_with_too_many_members)
{
    const char *many = azl_test_repeat("'x':1,", 128);
    const char *some = azl_test_repeat("'x':1,", 32);

    setup();
    c.malformed = 2;
    becomes(
        apr_pstrcat(azl_test_pool,
            CHUNK(DELTA(ROLE)),
            "data: {",
            many,
            "'choices':[]}\n\n",
            "data: {'choices':[{",
            some,
            "'index':0}]}\n\n",
            CHUNK(END_OF(0)),
            NULL),
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(sse_in_all_its_forms)
{
    setup();
    becomes(
        "\xef\xbb\xbf: hello\r\n\r\nevent: message\rdata:{" NAMES
        "'model':'up',\rdata:'choices':[" DELTA(ROLE)
        "]}\r\r\n: a sign of life\n\n"
        "data: {" NAMES "\ndata:  'model':\ndata: 'up','choices':["
        DELTA("{'content':\ndata:'x\\ny'}") "]\ndata:}  \n\n"
        ":\n\n"
        "data: {" NAMES "'model':'up','choices':[" END_OF(0) "]}\n\n"
        "data:[DONE] \n",
        "data: {" NAMES "'model':'alias', 'choices':[" DELTA(ROLE) "]}\n\n"
        "data: {" NAMES "  'model': 'alias','choices':["
        DELTA("{'content': 'x\\ny'}") "] }\n\n"
        ":\n\n"
        "data: {" NAMES "'model':'alias','choices':[" END_OF(0) "]}\n\n"
        DONE);
}
END_TEST

START_TEST(the_end)
{
    setup();
    /* [DONE] exactly once, also when it does not come or comes twice */
    becomes(
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)),
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
    becomes(
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) DONE DONE CHUNK(DELTA(ROLE)),
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
    /* without the empty line behind the last event; half a line is nothing */
    becomes(
        CHUNK(DELTA(ROLE)) "data: {" NAMES "'model':'up','choices':["
        END_OF(0) "]}\n",
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
    check_stream(&c,
        CHUNK(DELTA(ROLE)) "data: {" NAMES "'model':'up','choices':["
        END_OF(0) "]}",
        SENT(DELTA(ROLE)) CUT,
        CLOSED);
    /* cut: an error, and no [DONE] */
    check_stream(&c,
        CHUNK(DELTA("{'content':'x'}")),
        SENT(DELTA("{'content':'x','role':'assistant'}")) CUT,
        CONTENT | CLOSED);
    check_stream(&c,
        CHUNK(DELTA("{'content':'x'}")) DONE,
        SENT(DELTA("{'content':'x','role':'assistant'}")) CUT,
        CONTENT | CLOSED);
    check_stream(&c, "", CUT, CLOSED);
    check_stream(&c, DONE, CUT, CLOSED);
}
END_TEST

START_TEST(errors_in_the_stream)
{
    setup();
    /* before any content nobody is told: another attempt can be made */
    check_stream(&c,
        PREAMBLE CHUNK(DELTA(ROLE))
        "data: {'error':{'message':'m','code':'429'}}\n\n"
        CHUNK(DELTA("{'content':'x'}")) DONE,
        SENT(DELTA(ROLE)),
        FAILED);
    check_stream(&c, "event: error\ndata: {'message':'m'}\n\n", "", FAILED);
    /* after it the stream ends with the error */
    check_stream(&c,
        CHUNK(DELTA("{'role':'assistant','content':'x'}"))
        "data: {'error':{'message':'at https://a.openai.azure.com/ m',"
        "'type':'server_error'},'choices':[]}\n\n"
        CHUNK(END_OF(0)) DONE,
        SENT(DELTA("{'role':'assistant','content':'x'}"))
        "data: {'error':{'message':'at [upstream] m','type':'server_error',"
        "'param':null,'code':'internal_error'}}\n\n",
        CONTENT | CLOSED | FAILED);
    check_stream(&c,
        CHUNK(DELTA("{'role':'assistant','content':'x'}"))
        "data: {'error':{'message':'m','code':'content_filter',"
        "'innererror':{\ndata: 'x':1}}}\n\n",
        SENT(DELTA("{'role':'assistant','content':'x'}"))
        "data: {'error':{'message':'m','type':'invalid_request_error',"
        "'param':null,'code':'content_filter','innererror':{ 'x':1}}}\n\n",
        CONTENT | CLOSED | FAILED);
    /* a null error is none */
    becomes(
        "data: {'error':null," NAMES "'model':'up','choices':[" END_OF(0)
        "]}\n\n",
        SENT("{'index':0,'delta':{'role':'assistant'},'finish_reason':'stop'}")
        DONE);
}
END_TEST

/* What counts as content, event by event. */
START_TEST(the_commit_point)
{
    static const struct {
        const char *event;
        int content;
    } cases[] = {
        {PREAMBLE, 0},
        {CHUNK(DELTA(ROLE)), 0},
        {CHUNK(DELTA("{'role':'assistant','content':null}")), 0},
        {CHUNK(DELTA("{}")), 0},
        {CHUNK(DELTA("{'content':''}")), 0},
        {CHUNK(DELTA("{'content':[]}")), 0},
        {CHUNK(DELTA("{'reasoning_content':''}")), 0},
        {CHUNK(DELTA("{'tool_calls':[]}")), 0},
        {CHUNK(DELTA("{'x':1}")), 0},
        {": sign of life\n\n", 0},
        {"data: {'id':\n\n", 0},
        {"data: {" NAMES "'choices':[],'usage':" USAGE "}\n\n", 0},
        {CHUNK(DELTA("{'content':'x'}")), 1},
        {CHUNK(DELTA("{'content':[{'type':'text'}]}")), 1},
        {CHUNK(DELTA("{'reasoning_content':'x'}")), 1},
        {CHUNK(DELTA("{'reasoning':'x'}")), 1},
        {CHUNK(DELTA("{'refusal':'x'}")), 1},
        {CHUNK(DELTA("{'audio':{'id':'x'}}")), 1},
        {CHUNK(DELTA("{'function_call':{'name':'x'}}")), 1},
        {CALLS(FIRST_CALL), 1},
        {CHUNK(END_OF(0)), 1},
    };
    const char *text = quoted(cases[_i].event);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);
    azl_stream_t *st;

    setup();
    c.rules.alias_json = "\"alias\"";
    st = azl_stream_create(azl_test_pool, &c.rules);
    ck_assert_int_eq(azl_stream_feed(st, text, strlen(text), out), APR_SUCCESS);
    ck_assert_int_eq(azl_stream_state(st)->content, cases[_i].content);
}
END_TEST

/* A stream of many tokens takes no memory from the pool for each. */
START_TEST(no_memory_for_each_token)
{
    apr_pool_t *p;
    azl_buf_t *out = azl_buf_create(azl_test_pool, 1024 * 1024);
    const char *text =
        quoted(CALLS("{'index':0,'id':'a','function':{'name':"
                     "'f','arguments':'x'}}") CHUNK(DELTA("{'content':'x'}")));
    apr_size_t before = 0;
    azl_stream_t *st;
    int i;

    setup();
    c.rules.alias_json = "\"alias\"";
    apr_pool_create(&p, azl_test_pool);
    st = azl_stream_create(p, &c.rules);
    for (i = 0; i < 3000; ++i) {
        azl_buf_clear(out);
        ck_assert_int_eq(azl_stream_feed(st, text, strlen(text), out),
                         APR_SUCCESS);
        if (i == 2) {
            before = (apr_size_t)apr_palloc(p, 8);
        }
    }
    /* what is allocated next stands right behind what was allocated then */
    ck_assert((apr_size_t)apr_palloc(p, 8) - before <= 64);
}
END_TEST

TCase *azl_test_stream_chat(void)
{
    TCase *tc = azl_test_tcase("stream_chat");

    tcase_add_test(tc, openai_streams_pass_but_for_the_model);
    tcase_add_test(tc, azure_becomes_openai);
    tcase_add_test(tc, azure_with_usage);
    tcase_add_test(tc, azure_with_its_annotations);
    tcase_add_test(tc, annotations_of_their_own);
    tcase_add_test(tc, annotations_that_are_kept_have_a_delta);
    tcase_add_test(tc, a_preamble_waits_for_its_names);
    tcase_add_test(tc, names_are_completed);
    tcase_add_test(tc, names_that_are_too_long_are_not_repeated);
    tcase_add_test(tc, who_speaks_is_said_once);
    tcase_add_test(tc, null_says_nothing);
    tcase_add_test(tc, completions);
    tcase_add_test(tc, events_that_are_no_json);
    tcase_add_test(tc, objects_with_too_many_members);
    tcase_add_test(tc, sse_in_all_its_forms);
    tcase_add_test(tc, the_end);
    tcase_add_test(tc, errors_in_the_stream);
    tcase_add_loop_test(tc, the_commit_point, 0, 21);
    tcase_add_test(tc, no_memory_for_each_token);
    return tc;
}
