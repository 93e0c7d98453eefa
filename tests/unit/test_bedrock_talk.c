/*
 * What is said in a chat as messages of Converse, and the thoughts that come
 * back with them.
 */
#include "bedrock_request_fixture.h"

/* clang-format off: tables of JSON read like JSON */

/*
 * Messages
 */

static const struct {
    const char *family;
    const char *messages;
    const char *document; /* but for its brackets */
} talks[] = {
    {CLAUDE, "{'role':'user','content':'Hi'}", ASKED NO_CONFIG},
    /* the system stands apart, wherever it speaks; blanks say nothing */
    {CLAUDE,
        "{'role':'system','content':'A'},{'role':'system','content':' '},"
        "{'role':'user','content':'B'},{'role':'developer','content':["
        "{'type':'text','text':'C'},{'type':'text','text':'D'}]}",
        "'system':[{'text':'A'},{'text':'C'},{'text':'D'}],'messages':["
        USER(TEXT("B")) "]" NO_CONFIG},
    /* turns of one role become one */
    {CLAUDE,
        "{'role':'user','content':'A'},{'role':'user','content':[{'type':"
        "'text','text':''},{'type':'text','text':'B'}]},{'role':'assistant',"
        "'content':'C'},{'role':'assistant','content':[{'type':'refusal',"
        "'refusal':'D'}]},{'role':'assistant','content':null,'refusal':'E'},"
        "{'role':'user','content':'F'}",
        "'messages':[" USER(TEXT("A") "," TEXT("B")) ","
        MODEL(TEXT("C") "," TEXT("D") "," TEXT("E")) "," USER(TEXT("F")) "]"
        NO_CONFIG},
    /* what the model goes on from ends without blanks */
    {CLAUDE, "{'role':'user','content':'A'},{'role':'assistant','content':"
        "'So \\n'}",
        "'messages':[" USER(TEXT("A")) "," MODEL(TEXT("So")) "]" NO_CONFIG},
    /* pictures, inline and where Bedrock finds them */
    {CLAUDE, "{'role':'user','content':[" IMAGE(PNG) ","
        IMAGE("data:image/JPG;x=y;base64,BB==") ",{'type':'image_url',"
        "'image_url':'data:image/webp;base64,CC=='},"
        IMAGE("s3://b/k.gif") "]}",
        "'messages':[" USER("{'image':{'format':'png','source':{'bytes':"
        "'AAAA'}}},{'image':{'format':'jpeg','source':{'bytes':'BB=='}}},"
        "{'image':{'format':'webp','source':{'bytes':'CC=='}}},"
        "{'image':{'format':'gif','source':{'s3Location':{'uri':"
        "'s3://b/k.gif'}}}}") "]" NO_CONFIG},
    /* a document is not alone, and has a name of its own */
    {CLAUDE, "{'role':'user','content':["
        FILE_PART("'file_data':'data:application/pdf;base64,AAAA'") ","
        FILE_PART("'file_data':'AAAA','filename':'R\xc3\xa9sum\xc3\xa9 [a]  "
                  "b/c.docx'") ","
        FILE_PART("'file_data':'AAAA'") ","
        FILE_PART("'file_id':'s3://b/k.csv'") ","
        FILE_PART("'file_data':'data:image/png;base64,AAAA'") "]}",
        "'messages':[" USER(DOC("pdf", "Document 1", "AAAA") ","
        DOC("docx", "R-sum-[a] b-c 2", "AAAA") ","
        DOC("pdf", "Document 3", "AAAA") ",{'document':{'format':'csv','name':"
        "'Document 4','source':{'s3Location':{'uri':'s3://b/k.csv'}}}},"
        "{'image':{'format':'png','source':{'bytes':'AAAA'}}}," TEXT(".")) "]"
        NO_CONFIG},
    {CLAUDE, "{'role':'user','content':[{'type':'text','text':'This'},"
        FILE_PART("'file_data':'data:text/plain;base64,AAAA','filename':"
                  "'a.b'") "]}",
        "'messages':[" USER(TEXT("This") "," DOC("txt", "a 1", "AAAA")) "]"
        NO_CONFIG},
    /* calls and their results; what is said next is in the same turn */
    {CLAUDE, "{'role':'user','content':'A'},{'role':'assistant','content':"
        "'B','tool_calls':[" CALL("c1", "f", "{\\'b\\':1, \\'a\\':{}}") ","
        CALL("c2", "g", "") "]}," TOOL("c2", ",'content':'two','is_error':true")
        "," TOOL("c1", ",'content':[{'type':'text','text':'one'},"
        IMAGE(PNG) "]") ",{'role':'user','content':'C'}",
        "'messages':[" USER(TEXT("A")) "," MODEL(TEXT("B") ","
        USE("c1", "f", "{'b':1, 'a':{}}") "," USE("c2", "g", "{}")) ","
        USER(RESULT("c2", TEXT("two"), ",'status':'error'") ","
        RESULT("c1", TEXT("one") ",{'image':{'format':'png','source':{'bytes':"
        "'AAAA'}}}", "") "," TEXT("C")) "]"
        CONFIG(GONE("f") "," GONE("g"))},
    /* the status is not everybody's, nor is an empty result */
    {"some-model", "{'role':'user','content':'A'}," CALLS(CALL("c", "f", "{}")
        "," CALL("d", "f", "{}")) "," TOOL("c", ",'content':'','is_error':true")
        "," TOOL("d", ""),
        "'messages':[" USER(TEXT("A")) "," MODEL(USE("c", "f", "{}") ","
        USE("d", "f", "{}")) "," USER(RESULT("c", "", "") ","
        RESULT("d", "", "")) "]" CONFIG(GONE("f"))},
    /* ids and names that Bedrock does not take */
    {CLAUDE, CALLS(CALL("a b", "get.it", "{}")) "," TOOL("a b",
        ",'content':'x'"),
        "'messages':[" MODEL(USE("call_e63f991904833892", "get_it_72802486",
        "{}")) "," USER(RESULT("call_e63f991904833892", TEXT("x"), "")) "]"
        CONFIG(GONE("get_it_72802486"))},
    {CLAUDE, CALLS(CALL("functions.f:0", "f", "{}")) "," TOOL("functions.f:0",
        ",'content':'x'"),
        "'messages':[" MODEL(USE("functions.f:0", "f", "{}")) ","
        USER(RESULT("functions.f:0", TEXT("x"), "")) "]" CONFIG(GONE("f"))},
    {"mistral-large", CALLS(CALL("call_1", "f", "{}") ","
        CALL("abcABC012", "f", "{}")) "," TOOL("call_1", ",'content':'x'") ","
        TOOL("abcABC012", ",'content':'y'"),
        "'messages':[" MODEL(USE("16xj2wjzp", "f", "{}") ","
        USE("abcABC012", "f", "{}")) "," USER(RESULT("16xj2wjzp", TEXT("x"),
        "") "," RESULT("abcABC012", TEXT("y"), "")) "]" CONFIG(GONE("f"))},
    /* what is to be cached */
    {CLAUDE, "{'role':'system','content':[{'type':'text','text':'A',"
        "'cache_control':{'type':'ephemeral','ttl':'1h'}}]},{'role':'user',"
        "'content':[{'type':'text','text':'B','prompt_cache_breakpoint':{"
        "'mode':'explicit'}}]}",
        "'system':[{'text':'A'},{'cachePoint':{'type':'default','ttl':'1h'}}],"
        "'messages':[" USER(TEXT("B") ",{'cachePoint':{'type':'default'}}") "]"
        NO_CONFIG},
    {"some-model", "{'role':'user','content':'B','cache_control':{'type':"
        "'ephemeral'}}", "'messages':[" USER(TEXT("B")) "]" NO_CONFIG},
};

START_TEST(conversations)
{
    becomes(talks[_i].family,
        apr_pstrcat(azl_test_pool, "{'messages':[", talks[_i].messages, "]}",
            NULL),
        apr_pstrcat(azl_test_pool, "{", talks[_i].document, "}", NULL));
}
END_TEST

static const struct {
    const char *messages;
    const char *param;
} wrong[] = {
    {"", "messages"},
    {"{'role':'system','content':'A'}", "messages"},
    {"{'role':'user','content':' '}", "messages"},
    {"{'role':'user'}", "messages[0].content"},
    {"{'role':'system','content':1}", "messages[0].content"},
    {"{'role':'system','content':[" IMAGE(PNG) "]}", "messages[0].content[0]"},
    {"{'role':'pope','content':'A'}", "messages[0].role"},
    {"{'role':'function','content':'A'}", "messages[0].role"},
    {"{'role':'user','content':[{'type':'text','text':'A'},{'type':'video'}]}",
        "messages[0].content[1]"},
    {"{'role':'user','content':[{'type':'input_audio'}]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" IMAGE("https://example.com/a.png") "]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" IMAGE("data:image/tiff;base64,AAAA") "]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" IMAGE("data:image/png,AAAA") "]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" IMAGE("s3://b/k") "]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" IMAGE("") "]}", "messages[0].content[0]"},
    {"{'role':'user','content':[" FILE_PART("'file_id':'file-1'") "]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" FILE_PART("'file_id':'s3://b/k'") "]}",
        "messages[0].content[0]"},
    {"{'role':'user','content':[" FILE_PART("'file_data':"
        "'data:application/zip;base64,AAAA'") "]}", "messages[0].content[0]"},
    {"{'role':'assistant','content':1}", "messages[0].content"},
    {"{'role':'assistant','content':[" IMAGE(PNG) "]}",
        "messages[0].content[0]"},
    {"{'role':'assistant','content':'A','function_call':{}}",
        "messages[0].function_call"},
    {"{'role':'assistant','content':'A','audio':{'id':'x'}}",
        "messages[0].audio"},
    {"{'role':'assistant','tool_calls':{}}", "messages[0].tool_calls"},
    {CALLS("{'id':'c'}"), "messages[0].tool_calls[0]"},
    {CALLS(CALL("", "f", "{}")), "messages[0].tool_calls[0]"},
    {CALLS(CALL("c", "f", "[1]")),
        "messages[0].tool_calls[0].function.arguments"},
    {CALLS(CALL("c", "f", "{} {}")),
        "messages[0].tool_calls[0].function.arguments"},
    {CALLS(CALL("c", "f", "{")),
        "messages[0].tool_calls[0].function.arguments"},
    /* calls and results belong together */
    {TOOL("c", ",'content':'x'"), "messages[0].tool_call_id"},
    {CALLS(CALL("c", "f", "{}")), "messages[0].tool_calls"},
    {CALLS(CALL("c", "f", "{}")) ",{'role':'user','content':'A'}",
        "messages[0].tool_calls"},
    {CALLS(CALL("c", "f", "{}")) "," TOOL("d", ",'content':'x'"),
        "messages[1].tool_call_id"},
    {CALLS(CALL("c", "f", "{}")) "," TOOL("c", ",'content':'x'") ","
        TOOL("c", ",'content':'x'"), "messages[2].tool_call_id"},
    {CALLS(CALL("c", "f", "{}")) "," TOOL("c", ",'content':1"),
        "messages[1].content"},
    {CALLS(CALL("c", "f", "{}")) "," TOOL("c", ",'content':[{'type':'x'}]"),
        "messages[1].content[0]"},
};

START_TEST(wrong_conversations)
{
    refused(CLAUDE,
        apr_pstrcat(azl_test_pool, "{'messages':[", wrong[_i].messages, "]}",
            NULL),
        wrong[_i].param);
}
END_TEST

/*
 * Thoughts
 */

#define THOUGHT "{'reasoningContent':{'reasoningText':{'text':'Hm',"           \
    "'signature':'S='}}}"
#define LOOP "'messages':[{'role':'user','content':'A'},"                      \
    CALLS(CALL("c1", "f", "{}")) "," TOOL("c1", ",'content':'x'") "],"         \
    "'reasoning_effort':'low'"

/* They come back with the calls, from what was kept ... */
START_TEST(thoughts_are_recalled)
{
    const char *got;

    ex = bedrock_in(azl_test_pool, CLAUDE);
    apr_table_setn(ex->kept, "bedrock/c1", quoted(THOUGHT));
    got = bedrock_asks(ex, "{" LOOP "}", &err);
    ck_assert_ptr_nonnull(strstr(got, quoted("'assistant','content':[" THOUGHT
        "," USE("c1", "f", "{}"))));
    ck_assert_ptr_nonnull(strstr(got, "budget_tokens"));
}
END_TEST

/* ... or from the client; without them the request goes without thinking. */
START_TEST(thoughts_of_the_client)
{
    static const char chat[] =
        "{'messages':[{'role':'user','content':'A'},{'role':'assistant',"
        "'thinking_blocks':[{'type':'thinking','thinking':'Hm','signature':"
        "'S='},{'type':'thinking','thinking':'unsigned'},{'type':"
        "'redacted_thinking','data':'R='}],'tool_calls':["
        CALL("c1", "f", "{}") "]}," TOOL("c1", ",'content':'x'") "],"
        "'reasoning_effort':'low'}";

    ck_assert_ptr_nonnull(strstr(asked(CLAUDE, chat), quoted("[" THOUGHT
        ",{'reasoningContent':{'redactedContent':'R='}},"
        USE("c1", "f", "{}"))));
}
END_TEST

START_TEST(thoughts_are_gone)
{
    const char *got = asked(CLAUDE, "{" LOOP "}");

    ck_assert_ptr_null(strstr(got, "thinking"));
    ck_assert_str_eq(dropped_by(ex), "");
    got = asked(NEW_CLAUDE, "{" LOOP "}");
    ck_assert_ptr_nonnull(
        strstr(got, quoted("'thinking':{'type':'disabled'}")));
    /* nobody is there who would have kept them */
    ex = bedrock_in(azl_test_pool, CLAUDE);
    ex->recall = NULL;
    got = bedrock_asks(ex, "{" LOOP "}", &err);
    ck_assert_ptr_null(strstr(got, "thinking"));
}
END_TEST

/* clang-format on */

TCase *azl_test_bedrock_talk(void)
{
    TCase *tc = azl_test_tcase("bedrock_talk");

    tcase_add_loop_test(tc, conversations, 0, N(talks));
    tcase_add_loop_test(tc, wrong_conversations, 0, N(wrong));
    tcase_add_test(tc, thoughts_are_recalled);
    tcase_add_test(tc, thoughts_of_the_client);
    tcase_add_test(tc, thoughts_are_gone);
    return tc;
}
