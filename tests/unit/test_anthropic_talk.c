/*
 * What is said in a chat as turns of the Messages API, and the thinking that
 * comes back with it.
 */
#include "anthropic_fixture.h"

static const request_case_t talks[] = {
    {ALL, "{" ASK "}", ALL_HEAD ASKED "}", NULL},
    /* what the system says stands apart, in order, blanks left out */
    {ALL,
     "{'messages':[{'role':'system','content':'a'},"
     "{'role':'user','content':'hi'},"
     "{'role':'developer','content':[{'type':'text','text':'b',"
     "'cache_control':{'type':'ephemeral'}},{'type':'text','text':' '}]}]}",
     ALL_HEAD "'system':[{'type':'text','text':'a'},{'type':'text','text':'b',"
              "'cache_control':{'type':'ephemeral'}}]," ASKED "}",
     NULL},
    /* one turn for the same role; blank ones vanish */
    {ALL,
     "{'messages':[{'role':'user','name':'x','content':'a'},"
     "{'role':'user','content':[{'type':'text','text':'\\n'},"
     "{'type':'text','text':'b','prompt_cache_breakpoint':"
     "{'mode':'explicit'}}]},"
     "{'role':'assistant','content':'  '},"
     "{'role':'user','content':'c'},"
     "{'role':'assistant','content':[{'type':'text','text':'d'},"
     "{'type':'refusal','refusal':'e '}]}]}",
     ALL_HEAD "'messages':[{'role':'user','content':["
              "{'type':'text','text':'a'},{'type':'text','text':'b',"
              "'cache_control':{'type':'ephemeral'}},"
              "{'type':'text','text':'c'}]},{'role':'assistant','content':["
              "{'type':'text','text':'d'},{'type':'text','text':'e'}]}]}",
     NULL},
    {ALL,
     "{'messages':[{'role':'user','content':'q'},"
     "{'role':'assistant','content':null,'refusal':'no'},"
     "{'role':'user','content':'p','cache_control':{'type':'ephemeral',"
     "'ttl':'1h'}}],'cache_control':{'type':'ephemeral'}}",
     ALL_HEAD
     "'cache_control':{'type':'ephemeral'},'messages':[{'role':'user',"
     "'content':[{'type':'text','text':'q'}]},{'role':'assistant','content':["
     "{'type':'text','text':'no'}]},{'role':'user','content':[{'type':'text',"
     "'text':'p','cache_control':{'type':'ephemeral','ttl':'1h'}}]}]}",
     NULL},
    /* calls in parallel, and all results first in the turn behind */
    {ALL,
     "{'tools':[" TOOL "],'messages':[{'role':'user','content':'q'},"
     "{'role':'assistant','content':'let me','tool_calls':[" CALL(
         "c1") "," CALL("c2") "]}," RESULT("c2") ",{'role':'tool','tool_call_"
                                                 "id':'c1',"
                                                 "'content':[{'type':'text','"
                                                 "text':'x'},{'type':'text','"
                                                 "text':''}],"
                                                 "'is_error':true},{'role':'"
                                                 "user','content':'and?'}]}",
     ALL_HEAD
     "'messages':[{'role':'user','content':[{'type':'text','text':"
     "'q'}]},{'role':'assistant','content':[{'type':'text','text':"
     "'let me'}," USE("c1") "," USE(
         "c2") "]},{'role':'user',"
               "'content':[" RESULT_SENT(
                   "c2") ",{'type':'tool_result',"
                         "'tool_use_id':'c1','content':[{'type':'text','text':'"
                         "x'}],"
                         "'is_error':true},{'type':'text','text':'and?'}]}],"
                         "'tools':[" TOOL_SENT "]}",
     NULL},
    /* tools that the history names have to be declared */
    {ALL,
     "{'messages':[{'role':'user','content':'q'},{'role':'assistant',"
     "'tool_calls':[{'id':'c 1','type':'function','function':{'name':'f',"
     "'arguments':''}}]},{'role':'tool','tool_call_id':'c 1','content':''}]}",
     ALL_HEAD "'messages':[{'role':'user','content':[{'type':'text','text':"
              "'q'}]},{'role':'assistant','content':[{'type':'tool_use','id':"
              "'toolu_f6b93e190d9abb85','name':'f','input':{}}]},{'role':"
              "'user','content':[{'type':'tool_result','tool_use_id':"
              "'toolu_f6b93e190d9abb85'}]}]," NEVER_TOOLS "}",
     NULL},
};

START_TEST(messages_become_turns)
{
    check_case(&talks[_i]);
}
END_TEST

static const request_case_t media[] = {
    {ALL, IMAGE("data:image/PNG;base64,aGk="),
     SENT_PART("{'type':'image','source':{'type':'base64','media_type':"
               "'image/png','data':'aGk='}}"),
     NULL},
    {ALL, IMAGE("data:image/jpg;base64,aGk="),
     SENT_PART("{'type':'image','source':{'type':'base64','media_type':"
               "'image/jpeg','data':'aGk='}}"),
     NULL},
    {ALL, IMAGE("data:application/pdf;base64,aGk="),
     SENT_PART("{'type':'document','source':{'type':'base64','media_type':"
               "'application/pdf','data':'aGk='}}"),
     NULL},
    {ALL, IMAGE("https://x/a.png"),
     SENT_PART("{'type':'image','source':{'type':'url','url':"
               "'https://x/a.png'}}"),
     NULL},
    {ALL, IMAGE("HTTPS://x/a.PDF?b#c"),
     SENT_PART("{'type':'document','source':{'type':'url','url':"
               "'HTTPS://x/a.PDF?b#c'}}"),
     NULL},
    {ALL,
     PART("{'type':'file','file':{'filename':'n.pdf','file_data':"
          "'data:application/pdf;base64,aGk='},'cache_control':{'type':"
          "'ephemeral'}}"),
     SENT_PART("{'type':'document','source':{'type':'base64','media_type':"
               "'application/pdf','data':'aGk='},'title':'n.pdf',"
               "'cache_control':{'type':'ephemeral'}}"),
     NULL},
    {ALL, PART("{'type':'file','file':{'file_data':'aGk='}}"),
     SENT_PART("{'type':'document','source':{'type':'base64','media_type':"
               "'application/pdf','data':'aGk='}}"),
     NULL},
    {ALL,
     PART("{'type':'file','file':{'filename':'n','file_data':"
          "'data:text/plain;charset=utf-8;base64,aGk='}}"),
     SENT_PART("{'type':'document','source':{'type':'text','media_type':"
               "'text/plain','data':'hi'},'title':'n'}"),
     NULL},
    {ALL,
     PART("{'type':'file','file':{'file_data':'data:image/gif;base64,aGk='}}"),
     SENT_PART("{'type':'image','source':{'type':'base64','media_type':"
               "'image/gif','data':'aGk='}}"),
     NULL},
};

START_TEST(media_become_blocks)
{
    check_case(&media[_i]);
}
END_TEST

START_TEST(inline_only_where_urls_are_not_taken)
{
    static const char *const urls[] = {
        "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu",
        "https://bedrock-runtime.eu-west-1.amazonaws.com"};
    apr_size_t i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); ++i) {
        ck_assert_str_eq(
            request(asking(urls[i], ALL, IMAGE("https://x/a.png"))),
            "400 invalid_value messages[0].content[0]");
    }
    ck_assert_str_eq(
        request(asking(urls[1], ALL, WITH("'web_search_options':{}"))),
        "400 unsupported_parameter web_search_options");
}
END_TEST

/*
 * Thinking that comes back
 */

#define LOOP                                                                   \
    "'tools':[" TOOL "],'messages':[{'role':'user','content':'q'},"            \
    "{'role':'assistant','tool_calls':[" CALL("c1") "]}," RESULT("c1") "]"
#define THOUGHT "{'type':'thinking','thinking':'t','signature':'s'}"

START_TEST(kept_thoughts_come_back)
{
    azl_exchange_t *ex =
        asking("https://h", ALL, "{" LOOP ",'reasoning_effort':'low'}");

    kept_of(ex)->what = quoted("anthropic/c1=" THOUGHT);
    ck_assert_str_eq(
        request(ex),
        quoted(ALL_HEAD
               "'messages':[{'role':'user','content':[{'type':'text',"
               "'text':'q'}]},{'role':'assistant','content':[" THOUGHT
               "," USE("c1") "]},{'role':'user','content':[" RESULT_SENT(
                   "c1") "]}],'tools':[" TOOL_SENT "],"
                         "'thinking':{'type':'adaptive'},'output_config':"
                         "{'effort':'low'}}"));
}
END_TEST

/* Without them this request goes without thinking, for which a model that
 * thinks by itself has to be told. */
START_TEST(without_kept_thoughts_no_thinking)
{
    azl_exchange_t *ex =
        asking("https://h", ALL, "{" LOOP ",'reasoning_effort':'low'}");

    ck_assert_ptr_null(strstr(request(ex), "thinking"));
    ex = asking("https://h", BUDGET, "{" LOOP ",'reasoning_effort':'low'}");
    ck_assert_ptr_null(strstr(request(ex), "thinking"));
    ex->recall = NULL;
    ck_assert_ptr_null(strstr(request(ex), "thinking"));
    ex = asking("https://h", NEW, "{" LOOP "}");
    ck_assert_ptr_nonnull(
        strstr(request(ex), quoted("'thinking':{'type':'disabled'}")));
    ex = asking("https://h", NEW, "{" LOOP ",'thinking':{'type':'adaptive'}}");
    ck_assert_ptr_nonnull(
        strstr(request(ex), quoted("'thinking':{'type':'disabled'}")));
}
END_TEST

/* A loop that has ended does not need its thoughts. */
START_TEST(old_loops_do_not_matter)
{
    azl_exchange_t *ex =
        asking("https://h", ALL,
               "{'tools':[" TOOL "],'messages':[{'role':'user','content':'q'},"
               "{'role':'assistant','tool_calls':[" CALL("c1") "]}," RESULT(
                   "c1") ","
                         "{'role':'assistant','content':'a'},{'role':'user','"
                         "content':'w'}],"
                         "'reasoning_effort':'low'}");

    ck_assert_ptr_nonnull(
        strstr(request(ex), quoted("'thinking':{'type':'adaptive'}")));
}
END_TEST

/* A client that can hold them gives them itself. */
START_TEST(given_thoughts_count)
{
    azl_exchange_t *ex = asking(
        "https://h", BUDGET,
        "{'tools':[" TOOL "],'messages':[{'role':'user','content':'q'},"
        "{'role':'assistant','content':'a','thinking_blocks':[" THOUGHT ","
        "{'type':'thinking','thinking':'u','signature':''},"
        "{'type':'redacted_thinking','data':'d','x':1},{'type':'other'}],"
        "'tool_calls':[" CALL("c1") "]}," RESULT(
            "c1") "],"
                  "'reasoning_effort':'low'}");

    ck_assert_ptr_nonnull(strstr(
        request(ex),
        quoted("'content':[" THOUGHT ",{'type':'redacted_thinking','data':"
               "'d'},{'type':'text','text':'a'}," USE("c1") "]")));
}
END_TEST

TCase *azl_test_anthropic_talk(void)
{
    TCase *tc = azl_test_tcase("anthropic_talk");

    tcase_add_loop_test(tc, messages_become_turns, 0, COUNT(talks));
    tcase_add_loop_test(tc, media_become_blocks, 0, COUNT(media));
    tcase_add_test(tc, inline_only_where_urls_are_not_taken);
    tcase_add_test(tc, kept_thoughts_come_back);
    tcase_add_test(tc, without_kept_thoughts_no_thinking);
    tcase_add_test(tc, old_loops_do_not_matter);
    tcase_add_test(tc, given_thoughts_count);
    return tc;
}
