/*
 * The dialect gemini: URLs, credentials, and conversations as Google has them.
 */
#include "gemini_request_fixture.h"

/* clang-format off: tables of JSON read like JSON */

/*
 * Where to, and with what
 */

static const struct {
    const char *url;
    const char *name;
    const char *whole;
    const char *header;
} places[] = {
    {GEMINI, "gemini-3-pro", GEMINI "/v1beta/models/gemini-3-pro",
     "x-goog-api-key: a-credential-0123456789"},
    {GEMINI "/v1", "models/a b/c%", GEMINI "/v1/models/a%20b%2Fc%25",
     "x-goog-api-key: a-credential-0123456789"},
    {VERTEX, "m", VERTEX "/publishers/google/models/m",
     "Authorization: Bearer a-credential-0123456789"},
    {VERTEX "/publishers/google", "m", VERTEX "/publishers/google/models/m",
     "Authorization: Bearer a-credential-0123456789"},
    {"http://127.0.0.1:1/v1/projects/p/publishers/google", "m",
     "http://127.0.0.1:1/v1/projects/p/publishers/google/models/m",
     "Authorization: Bearer a-credential-0123456789"},
    /* express mode */
    {"https://aiplatform.googleapis.com", "m",
     "https://aiplatform.googleapis.com/v1/publishers/google/models/m",
     "x-goog-api-key: a-credential-0123456789"},
};

START_TEST(urls_and_credentials)
{
    const azl_dialect_t *g = azl_dialect_find("gemini");
    azl_deployment_t *d =
        deployment_at("gemini", places[_i].url, NULL, places[_i].name);
    const char *name;
    const char *value;

    ck_assert_str_eq(g->url(azl_test_pool, d, AZL_OP_CHAT, NULL, NULL),
        apr_pstrcat(azl_test_pool, places[_i].whole, ":generateContent", NULL));
    ck_assert_str_eq(g->stream_url(azl_test_pool, d, AZL_OP_CHAT),
        apr_pstrcat(azl_test_pool, places[_i].whole,
            ":streamGenerateContent?alt=sse", NULL));
    ck_assert_ptr_null(g->url(azl_test_pool, d, AZL_OP_RESPONSES, NULL, NULL));
    ck_assert_ptr_null(g->stream_url(azl_test_pool, d, AZL_OP_RESPONSES));
    ck_assert_ptr_null(g->outbound(d, AZL_OP_RESPONSES));
    azl_dialect_credential(azl_test_pool, d->endpoint,
                           d->endpoint->credential, &name, &value);
    ck_assert_str_eq(
        apr_pstrcat(azl_test_pool, name, ": ", value, NULL), places[_i].header);
}
END_TEST

START_TEST(no_credential_no_header)
{
    azl_deployment_t *d = deployment_at("gemini", GEMINI, NULL, "m");
    azl_endpoint_t *e = apr_pmemdup(azl_test_pool, d->endpoint, sizeof(*e));
    const char *name;
    const char *value;

    e->credential = NULL;
    azl_dialect_credential(azl_test_pool, e, e->credential, &name, &value);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
}
END_TEST

/*
 * Conversations
 */

static const struct {
    const char *messages;
    const char *contents; /* with systemInstruction, if there is one */
} talks[] = {
    {"{'role':'user','content':'Hi'}", "'contents':[" USER(TEXT("Hi")) "]"},
    /* the system stands apart, wherever it speaks */
    {"{'role':'system','content':'A'},{'role':'user','content':'B'},"
     "{'role':'developer','content':[{'type':'text','text':'C'},"
     "{'type':'text','text':'D'}]}",
     "'systemInstruction':{'parts':[" TEXT("A\\nC\\nD") "]},'contents':["
     USER(TEXT("B")) "]"},
    /* ... and there is always something to answer */
    {"{'role':'system','content':'A'}",
     "'systemInstruction':{'parts':[" TEXT("A") "]},'contents':["
     USER(TEXT(" ")) "]"},
    {"{'role':'user','content':''}", "'contents':[" USER(TEXT(" ")) "]"},
    /* turns alternate */
    {"{'role':'user','content':'A'},{'role':'user','content':'B'},"
     "{'role':'assistant','content':'C'},{'role':'assistant',"
     "'content':[{'type':'text','text':'D'},{'type':'refusal',"
     "'refusal':'E'}]},{'role':'assistant','content':null,'refusal':'F'},"
     "{'role':'user','content':'G','name':'Anna'}",
     "'contents':[" USER(TEXT("A") "," TEXT("B")) ","
     MODEL(TEXT("C") "," TEXT("DE") "," TEXT("F")) "," USER(TEXT("G")) "]"},
    /* who said nothing was not there */
    {"{'role':'user','content':'A'},{'role':'assistant','content':''},"
     "{'role':'user','content':'B'}",
     "'contents':[" USER(TEXT("A") "," TEXT("B")) "]"},
    /* media */
    {"{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:image/jpg;base64,AAAA','detail':'low'}},"
     "{'type':'image_url','image_url':'DATA:image/png;x=y;BASE64,BB=='}]}",
     "'contents':[" USER("{'inlineData':{'mimeType':'image/jpeg',"
         "'data':'AAAA'}},{'inlineData':{'mimeType':'image/png',"
         "'data':'BB=='}}," TEXT(" ")) "]"},
    {"{'role':'user','content':[{'type':'text','text':'See'},"
     "{'type':'input_audio','input_audio':{'data':'CC==','format':'mp3'}},"
     "{'type':'input_audio','input_audio':{'data':'DD==','format':'wav'}},"
     "{'type':'file','file':{'file_data':'data:application/pdf;base64,EE=='}},"
     "{'type':'file','file':{'file_data':'FF==','filename':'a.PDF'}}]}",
     "'contents':[" USER(TEXT("See") ","
         "{'inlineData':{'mimeType':'audio/mpeg','data':'CC=='}},"
         "{'inlineData':{'mimeType':'audio/wav','data':'DD=='}},"
         "{'inlineData':{'mimeType':'application/pdf','data':'EE=='}},"
         "{'inlineData':{'mimeType':'application/pdf','data':'FF=='}}") "]"},
    {"{'role':'user','content':[{'type':'text','text':'See'},"
     "{'type':'image_url','image_url':{'url':'gs://b/a.webp'}},"
     "{'type':'image_url','image_url':{'url':'gs://b/c',"
     "'format':'image/png'}},{'type':'file','file':{'file_id':'" GEMINI
     "/v1beta/files/x'}},{'type':'file','file':{'file_id':'gs://b/d',"
     "'filename':'d.mp4'}}]}",
     "'contents':[" USER(TEXT("See") ",{'fileData':{'mimeType':'image/webp',"
         "'fileUri':'gs://b/a.webp'}},{'fileData':{'mimeType':'image/png',"
         "'fileUri':'gs://b/c'}},{'fileData':{'fileUri':'" GEMINI
         "/v1beta/files/x'}},{'fileData':{'mimeType':'video/mp4',"
         "'fileUri':'gs://b/d'}}") "]"},
    /* calls, and results in the order of the calls, in a turn of their own */
    {"{'role':'user','content':'Q'},{'role':'assistant','content':'Wait.',"
     "'tool_calls':[" CALL("c1", "f", "{\\'a\\': [1, 2.50]}") ","
     CALL("c2", "g", "") "]}," TOOL("c2", "'two'") ","
     TOOL("c1", "'{\\'x\\': 1}'") ",{'role':'user','content':'And?'}",
     "'contents':[" USER(TEXT("Q")) "," MODEL(TEXT("Wait.") ","
         CALLED("c1", "f", "{'a': [1, 2.50]}") "," CALLED("c2", "g", "{}")) ","
     USER(RESULT("c1", "f", "{'x': 1}") ","
         RESULT("c2", "g", "{'output':'two'}")) "," USER(TEXT("And?")) "]"},
    /* what is an object only at first sight; parts; nothing */
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{}") ","
     CALL("c2", "f", "{}") "," CALL("c3", "f", "{}") "," CALL("c4", "f", "{}")
     "]}," TOOL("c1", "'{x}'") "," TOOL("c2", "'[1]'") ","
     TOOL("c3", "[{'type':'text','text':'A'},{'type':'text','text':'B'}]") ","
     TOOL("c4", "''"),
     "'contents':[" MODEL(CALLED("c1", "f", "{}") "," CALLED("c2", "f", "{}")
         "," CALLED("c3", "f", "{}") "," CALLED("c4", "f", "{}")) ","
     USER(RESULT("c1", "f", "{'output':'{x}'}") ","
         RESULT("c2", "f", "{'output':'[1]'}") ","
         RESULT("c3", "f", "{'output':'A\\nB'}") ","
         RESULT("c4", "f", "{'output':''}")) "]"},
    /* two rounds, whose ids another provider has given twice */
    {"{'role':'assistant','tool_calls':[" CALL("c", "f", "{}") "]},"
     TOOL("c", "'1'") ",{'role':'assistant','tool_calls':["
     CALL("c", "g", "{}") "]}," TOOL("c", "'2'"),
     "'contents':[" MODEL(CALLED("c", "f", "{}")) ","
     USER(RESULT("c", "f", "{'output':'1'}")) "," MODEL(CALLED("c", "g", "{}"))
     "," USER(RESULT("c", "g", "{'output':'2'}")) "]"},
    /* OpenAI's first form */
    {"{'role':'assistant','content':null,'function_call':{'name':'f',"
     "'arguments':'{}'}},{'role':'function','name':'f','content':'1'}",
     "'contents':[" MODEL("{'functionCall':{'name':'f','args':{}}}") ","
     USER("{'functionResponse':{'name':'f','response':{'output':'1'}}}") "]"},
};

START_TEST(conversations)
{
    char *chat;

    setup();
    chat = apr_pstrcat(
        azl_test_pool, "{'messages':[", talks[_i].messages, "]}", NULL);
    becomes(chat,
        apr_pstrcat(azl_test_pool, "{", talks[_i].contents, CONFIG, NULL));
    ck_assert_str_eq(dropped_by(ex), "");
}
END_TEST

static const struct {
    const char *messages;
    const char *param;
} wrong[] = {
    {"", "messages"},
    {"{'content':'Hi'}", "messages[0].role"},
    {"{'role':'bot','content':'Hi'}", "messages[0].role"},
    {"{'role':'user','content':1}", "messages[0].content"},
    {"{'role':'user'}", "messages[0].content"},
    {"{'role':'system','content':{}},{'role':'user','content':'Hi'}",
     "messages[0].content"},
    {"{'role':'user','content':'A'},{'role':'system',"
     "'content':[{'type':'image_url',"
     "'image_url':{'url':'data:image/png;base64,AA=='}}]}",
     "messages[1].content[0]"},
    {"{'role':'user','content':[{'type':'text','text':'A'},"
     "{'type':'video'}]}", "messages[0].content[1]"},
    {"{'role':'user','content':[{'text':'A'}]}", "messages[0].content[0]"},
    {"{'role':'user','content':['A']}", "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'https://example.com/a.png'}}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url'}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:image/png,AA=='}}]}", "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:;base64,AA=='}}]}", "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:image/png;base64'}}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'gs://b/a'}}]}", "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'input_audio',"
     "'input_audio':{'data':'AA==','format':'pdf'}}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'input_audio',"
     "'input_audio':{'format':'wav'}}]}", "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'file',"
     "'file':{'file_id':'file-1'}}]}", "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'file','file':{}}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'file','file':{'file_data':'AA==',"
     "'filename':'a'}}]}", "messages[0].content[0]"},
    {"{'role':'assistant','content':[{'type':'image_url'}]}",
     "messages[0].content[0]"},
    /* results without a call, calls without a result */
    {TOOL("c1", "'1'"), "messages[0].tool_call_id"},
    {"{'role':'tool','content':'1'}", "messages[0]"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{}") "]},"
     TOOL("c1", "'1'") "," TOOL("c1", "'2'"), "messages[2].tool_call_id"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{}") "]},"
     TOOL("c1", "[{'type':'image_url'}]"), "messages[1].content[0]"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{}") "]},"
     TOOL("c1", "'1'") ",{'role':'user','content':'A'}," TOOL("c1", "'2'"),
     "messages[3].tool_call_id"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{}") ","
     CALL("c2", "f", "{}") "]}," TOOL("c1", "'1'"),
     "messages[0].tool_calls[1]"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{}")
     "]},{'role':'user','content':'A'}", "messages[0].tool_calls[0]"},
    /* calls that are none */
    {"{'role':'assistant','tool_calls':[{'id':'c','type':'custom',"
     "'custom':{'name':'f','input':''}}]}", "messages[0].tool_calls[0]"},
    {"{'role':'assistant','tool_calls':[{'type':'function',"
     "'function':{'name':'f','arguments':'{}'}}]}",
     "messages[0].tool_calls[0]"},
    {"{'role':'assistant','tool_calls':[{'id':'c','type':'function',"
     "'function':{'arguments':'{}'}}]}", "messages[0].tool_calls[0]"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "[1]") "]}",
     "messages[0].tool_calls[0].function.arguments"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{\\'a\\':1") "]}",
     "messages[0].tool_calls[0].function.arguments"},
    {"{'role':'assistant','tool_calls':[" CALL("c1", "f", "{} {}") "]}",
     "messages[0].tool_calls[0].function.arguments"},
    {"{'role':'assistant','tool_calls':[{'id':'c','type':'function',"
     "'function':{'name':'f','arguments':{}}}]}",
     "messages[0].tool_calls[0].function.arguments"},
    {"{'role':'assistant','function_call':{'name':'f','arguments':'1'}}",
     "messages[0].function_call.function.arguments"},
};

START_TEST(conversations_that_cannot_be)
{
    setup();
    refused(apr_pstrcat(azl_test_pool, "{'messages':[", wrong[_i].messages,
            "]}", NULL), wrong[_i].param);
}
END_TEST

START_TEST(messages_must_be_there)
{
    setup();
    refused("{'model':'a'}", "messages");
    refused("{'messages':'Hi'}", "messages");
}
END_TEST

START_TEST(gemma_has_no_system)
{
    setup_at(GEMINI, "gemma-3-27b-it");
    becomes("{'messages':[{'role':'system','content':'A'},{'role':'user',"
        "'content':'B'},{'role':'user','content':'C'}]}",
        "{'contents':[" USER(TEXT("A") "," TEXT("B") "," TEXT("C")) "]"
        CONFIG);
    becomes("{'messages':[{'role':'system','content':'A'},"
        "{'role':'assistant','content':'B'}]}",
        "{'contents':[" MODEL(TEXT("B")) "," USER(TEXT("A")) "]" CONFIG);
}
END_TEST

START_TEST(vertex_takes_no_ids)
{
    setup_at(VERTEX, "gemini-2.5-pro");
    becomes("{'messages':[{'role':'assistant','tool_calls':["
        CALL("c1", "f", "{}") "]}," TOOL("c1", "'1'") "]}",
        "{'contents':[" MODEL("{'functionCall':{'name':'f','args':{}}}") ","
        USER("{'functionResponse':{'name':'f','response':{'output':'1'}}}") "]"
        CONFIG);
}
END_TEST

/*
 * Signatures
 */

#define SIGNED(id, signature)                                                  \
    "{'functionCall':{'id':'" id "','name':'f','args':{}},"                    \
    "'thoughtSignature':'" signature "'}"

START_TEST(signatures_come_back)
{
    static const char chat[] = "{'messages':[{'role':'assistant','tool_calls':"
                               "[" CALL("c1", "f", "{}") "," CALL(
                                   "c2", "f", "{}") "," CALL("c3", "f",
                                   "{}") "]}," TOOL("c1", "'1'") "," TOOL("c2",
                                   "'1'") "," TOOL("c3", "'1'") "]}";
    static const char results[] = "," USER(RESULT(
        "c1", "f", "{'output':'1'}") "," RESULT("c2", "f",
        "{'output':'1'}") "," RESULT("c3", "f", "{'output':'1'}")) "]" CONFIG;

    setup_at(GEMINI, "gemini-3-pro-preview");
    /* none is known: a substitute for the first */
    becomes(chat,
        apr_pstrcat(azl_test_pool,
            "{'contents':[" MODEL(
                SIGNED("c1", "skip_thought_signature_validator") ","
                CALLED("c2", "f", "{}") "," CALLED("c3", "f", "{}")), results,
            NULL));
    ex->keep(ex->kept, "gemini", azl_span_str("c1"), azl_span_str("SIG1"));
    ex->keep(ex->kept, "gemini", azl_span_str("c3"), azl_span_str("SIG3"));
    /* another host's is not valid here */
    ex->keep(ex->kept, "vertex", azl_span_str("c2"), azl_span_str("SIG2"));
    becomes(chat,
        apr_pstrcat(azl_test_pool,
            "{'contents':[" MODEL(SIGNED("c1", "SIG1") ","
                CALLED("c2", "f", "{}") "," SIGNED("c3", "SIG3")), results,
            NULL));
    /* nothing can be kept */
    ex->recall = NULL;
    ck_assert_ptr_nonnull(strstr(asked(chat), "skip_thought_signature"));
    /* what does not ask for them */
    ex->family = "gemini-2.5-flash";
    ck_assert_ptr_null(strstr(asked(chat), "thoughtSignature"));
}
END_TEST

START_TEST(a_client_gives_the_signature_back)
{
    setup_at(GEMINI, "gemini-3-pro-preview");
    ex->keep(ex->kept, "gemini", azl_span_str("c1"), azl_span_str("SIG1"));
    becomes("{'messages':[{'role':'assistant','tool_calls':[{'id':'c1',"
        "'type':'function','function':{'name':'f','arguments':'{}'},"
        "'extra_content':{'google':{'thought_signature':'OWN'}}}]},"
        TOOL("c1", "'1'") "]}",
        "{'contents':[" MODEL(SIGNED("c1", "OWN")) ","
        USER(RESULT("c1", "f", "{'output':'1'}")) "]" CONFIG);
}
END_TEST

START_TEST(each_round_needs_a_signature)
{
    setup_at(GEMINI, "gemini-3.5-flash");
    becomes("{'messages':[{'role':'assistant','content':'A','tool_calls':["
        CALL("c1", "f", "{}") "]}," TOOL("c1", "'1'")
        ",{'role':'assistant','tool_calls':[" CALL("c2", "f", "{}") "]},"
        TOOL("c2", "'1'") "]}",
        "{'contents':["
        MODEL(TEXT("A") "," SIGNED("c1", "skip_thought_signature_validator"))
        "," USER(RESULT("c1", "f", "{'output':'1'}")) ","
        MODEL(SIGNED("c2", "skip_thought_signature_validator")) ","
        USER(RESULT("c2", "f", "{'output':'1'}")) "]" CONFIG);
}
END_TEST

/* clang-format on */

TCase *azl_test_gemini(void)
{
    TCase *tc = azl_test_tcase("gemini");

    tcase_add_loop_test(tc, urls_and_credentials, 0, N(places));
    tcase_add_test(tc, no_credential_no_header);
    tcase_add_loop_test(tc, conversations, 0, N(talks));
    tcase_add_loop_test(tc, conversations_that_cannot_be, 0, N(wrong));
    tcase_add_test(tc, messages_must_be_there);
    tcase_add_test(tc, gemma_has_no_system);
    tcase_add_test(tc, vertex_takes_no_ids);
    tcase_add_test(tc, signatures_come_back);
    tcase_add_test(tc, a_client_gives_the_signature_back);
    tcase_add_test(tc, each_round_needs_a_signature);
    return tc;
}
