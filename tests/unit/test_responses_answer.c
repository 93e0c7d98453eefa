/*
 * What /responses answers as a chat, and the reasoning that comes back.
 */
#include "responses_fixture.h"

/* Tables of JSON read like JSON. */
/* clang-format off */

/*
 * Answers
 */

#define RESPONSE(status, output, more)                                         \
    "{'id':'resp_1','object':'response','created_at':7,'status':'" status "'," \
    "'error':null,'incomplete_details':null,'model':'up','output':[" output    \
    "]" more "}"
#define CHAT(message, finish, more)                                            \
    "{'id':'resp_1','object':'chat.completion','created':7,'model':'',"        \
    "'choices':[{'index':0,'message':{'role':'assistant'," message             \
    "},'logprobs':null,'finish_reason':'" finish "'}]" more "}"
#define OUT(text) "{'type':'output_text','text':'" text "','annotations':[]}"
#define SPEECH(parts)                                                          \
    "{'id':'msg_1','type':'message','role':'assistant','status':'completed',"  \
    "'content':[" parts "]}"
#define CALL_ITEM(n, args)                                                     \
    "{'id':'fc_" #n "','type':'function_call','status':'completed',"           \
    "'call_id':'call_" #n "','name':'f','arguments':'" args "'}"
#define CHAT_CALL(n, args)                                                     \
    "{'id':'call_" #n "','type':'function','function':{'name':'f',"            \
    "'arguments':'" args "'}}"
#define THOUGHT(n, summary, more)                                              \
    "{'id':'rs_" #n "','type':'reasoning','summary':[" summary "]" more "}"
#define SUMMARY(text) "{'type':'summary_text','text':'" text "'}"

static const struct {
    const char *response;
    const char *chat; /* NULL: it is no answer */
} answers[] = {
    {RESPONSE("completed", SPEECH(OUT("Hi")), ",'usage':{'input_tokens':18,"
         "'input_tokens_details':{'cached_tokens':3,'cache_write_tokens':2},"
         "'output_tokens':5,'output_tokens_details':{'reasoning_tokens':4},"
         "'total_tokens':23},'service_tier':'flex','content_filters':[]"),
     CHAT("'content':'Hi','refusal':null,'annotations':[]", "stop",
         ",'usage':{'prompt_tokens':18,'completion_tokens':5,"
         "'total_tokens':23,"
         "'prompt_tokens_details':{'cached_tokens':3,'cache_write_tokens':2},"
         "'completion_tokens_details':{'reasoning_tokens':4}},"
         "'service_tier':'flex'")},
    /* all items are one choice */
    {RESPONSE("completed", THOUGHT(1, SUMMARY("A") "," SUMMARY("B"), "") ","
         SPEECH(OUT("Let ") "," OUT("me\\n\\u00e9")) "," CALL_ITEM(1,
         "{\\\"a\\\":1}") ",{'type':'web_search_call','id'"
         ":'ws_1','status':'completed'}," SPEECH(OUT(" see")) ","
         CALL_ITEM(2, ""), ""),
     CHAT("'content':'Let me\\n\\u00e9 see','refusal':null,"
         "'reasoning_content':'A\\n\\nB','annotations':[],'tool_calls':["
         CHAT_CALL(1, "{\\\"a\\\":1}") "," CHAT_CALL(2, "{}") "]",
         "tool_calls", "")},
    {RESPONSE("completed", CALL_ITEM(1, "{}"), ""),
     CHAT("'content':null,'refusal':null,'annotations':[],'tool_calls':["
         CHAT_CALL(1, "{}") "]", "tool_calls", "")},
    {RESPONSE("completed", "{'type':'custom_tool_call','call_id':'call_1',"
         "'name':'c','input':'x'}", ""),
     CHAT("'content':null,'refusal':null,'annotations':[],'tool_calls':["
         "{'id':'call_1','type':'custom','custom':{'name':'c','input':'x'}}]",
         "tool_calls", "")},
    {RESPONSE("completed", SPEECH("{'type':'refusal','refusal':'No.'}"), ""),
     CHAT("'content':null,'refusal':'No.','annotations':[]", "stop", "")},
    /* a model's own reasoning text, where there is no summary */
    {RESPONSE("completed", THOUGHT(1, "",
         ",'content':[{'type':'reasoning_text','text':'Hm'}]") "," SPEECH(OUT(
         "Hi")), ""),
     CHAT("'content':'Hi','refusal':null,'reasoning_content':'Hm',"
         "'annotations':[]", "stop", "")},
    /* citations count the characters of the whole text */
    {RESPONSE("completed", SPEECH(OUT("\\u00e9\\n\303\251-") ","
         "{'type':'output_text','text':'x','annotations':["
         "{'type':'url_citation','start_index':"
         "0,'end_index':1,'url':'https://u',"
         "'title':'T'},{'type':'file_citation','file_id':'f','index':0}]}"),
         ""),
     CHAT("'content':'\\u00e9\\n\303\251-x','refusal':null,'annotations':["
         "{'type':'url_citation','url_citation':{'start_index':4,"
         "'end_index':5,'title':'T','url':'https://u'}}]", "stop", "")},
    {"{'output':[" SPEECH(OUT("Hi")) "]}",
     "{'id':'','object':'chat.completion','created':1700000000,'model':'',"
         "'choices':[{'index':0,'message':{'role':'assistant','content':'Hi',"
         "'refusal':null,'annotations':[]},'logprobs':null,"
         "'finish_reason':'stop'}]}"},
    /* incomplete */
    {"{'id':'resp_1','created_at':7,'status':'incomplete',"
         "'incomplete_details':{'reason':'max_output_tokens'},'output':["
     CALL_ITEM(1, "{\\\"a\\\":") "]}",
     CHAT("'content':null,'refusal':null,'annotations':[],'tool_calls':["
         CHAT_CALL(1, "{\\\"a\\\":") "]", "length", "")},
    {"{'id':'resp_1','created_at':7,'status':'incomplete',"
         "'incomplete_details':{'reason':'max_output_tokens'},'output':[]}",
     CHAT("'content':'','refusal':null,'annotations':[]", "length", "")},
    {"{'id':'resp_1','created_at':7,'status':'incomplete',"
         "'incomplete_details':{'reason':'content_filter'},'output':[]}",
     CHAT("'content':'','refusal':null,'annotations':[]", "content_filter",
     "")},
    {"{'id':'resp_1','created_at':7,'status':'incomplete','output':[]}",
     CHAT("'content':'','refusal':null,'annotations':[]", "length", "")},
    /* no answers */
    {RESPONSE("cancelled", "", ""),
     NULL},
    {RESPONSE("queued", "", ""),
     NULL},
    {"{'status':'completed'}",
     NULL},
    {"{'output':'Hi'}",
     NULL},
    {"[]",
     NULL},
    {"{",
     NULL},
};

#define NANSWERS ((int)(sizeof(answers) / sizeof(answers[0])))

START_TEST(answers_become_one_choice)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    apr_status_t rv;

    setup();
    rv = azl_outbound_responses.answer(ex, quoted_span(answers[_i].response),
                                       out);
    if (!answers[_i].chat) {
        ck_assert_int_eq(rv, APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted(answers[_i].chat));
}
END_TEST

START_TEST(what_failed_says_why)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup();
    ck_assert_int_eq(
        azl_outbound_responses.answer(ex, quoted_span(
            "{'status':'failed','output':[],'error':{'code':"
            "'rate_limit_exceeded','message':'Slow down.'}}"), out),
        APR_EGENERAL);
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        quoted("{'error':{'message':'Slow down.','type':'rate_limit_error',"
            "'param':null,'code':'rate_limit_exceeded'}}"));
}
END_TEST

/*
 * Reasoning that only the provider can read
 */

#define SECRET(n) ",'encrypted_content':'secret" #n "'"
#define KEPT(n)                                                                \
    "{'type':'reasoning','id':'rs_" #n "','summary':[],"                       \
    "'encrypted_content':'secret" #n "'}"

static void check_kept(azl_exchange_t *x)
{
    ck_assert_str_eq(apr_table_get(x->kept, "responses/call_1"),
                     quoted(KEPT(1) "," KEPT(2)));
    ck_assert_str_eq(apr_table_get(x->kept, "responses/call_2"),
                     quoted(KEPT(3)));
    ck_assert_int_eq(apr_table_elts(x->kept)->nelts, 2);
}

START_TEST(reasoning_is_kept_and_put_back)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup();
    ck_assert_int_eq(
        azl_outbound_responses.answer(ex, quoted_span(RESPONSE("completed",
            THOUGHT(1, "", SECRET(1)) "," THOUGHT(2, "", SECRET(2)) ","
            THOUGHT(9, "", "") "," THOUGHT(9, "", ",'encrypted_content':null")
            "," CALL_ITEM(1, "{}") "," THOUGHT(3, "", SECRET(3)) "," CALL_ITEM
            (2, "{}") "," CALL_ITEM(3, "{}") "," THOUGHT(4, "", SECRET(4)) ","
            SPEECH(OUT("Hi")), "")), out),
        APR_SUCCESS);
    check_kept(ex);
    ck_assert_str_eq(
        asked("{'messages':[{'role':'assistant','content':'Hi',"
            "'tool_calls':[" CHAT_CALL(1, "{}") "," CHAT_CALL(2, "{}") ","
            CHAT_CALL(3, "{}") "]}]}"),
        quoted("{'model':'d','input':[" KEPT(1) "," KEPT(2) "," MESSAGE(
            "assistant", OUT("Hi")) "," CALLED "," KEPT(3) ","
            "{'type':'function_call','call_id':'call_2','name':'f',"
            "'arguments':'{}'},{'type':'function_call','call_id':'call_3',"
            "'name':'f','arguments':'{}'}],'store':false}"));
}
END_TEST

START_TEST(too_much_reasoning_is_not_kept)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    const char *much = azl_test_repeat("x", AZL_HUB_KEPT_MAX);

    setup();
    ck_assert_int_eq(
        azl_outbound_responses.answer(ex, quoted_span(apr_psprintf(
            azl_test_pool, RESPONSE("completed", THOUGHT(1, "",
            ",'encrypted_content':'%s'") "," CALL_ITEM(1, "{}") "," THOUGHT(2,
            "", SECRET(2)) "," CALL_ITEM(2, "{}"), ""), much)), out),
        APR_SUCCESS);
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 1);
    ck_assert_str_eq(apr_table_get(ex->kept, "responses/call_2"),
                     quoted(KEPT(2)));
    /* nobody keeps anything */
    ex->keep = NULL;
    ck_assert_int_eq(
        azl_outbound_responses.answer(ex, quoted_span(RESPONSE("completed",
            THOUGHT(1, "", SECRET(1)) "," CALL_ITEM(1, "{}"), "")), out),
        APR_SUCCESS);
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 1);
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_answer(void)
{
    TCase *tc = azl_test_tcase("responses_answer");

    tcase_add_loop_test(tc, answers_become_one_choice, 0, NANSWERS);
    tcase_add_test(tc, what_failed_says_why);
    tcase_add_test(tc, reasoning_is_kept_and_put_back);
    tcase_add_test(tc, too_much_reasoning_is_not_kept);
    return tc;
}
