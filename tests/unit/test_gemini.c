#include "gemini_fixture.h"

/* clang-format off: tables of JSON read like JSON */

static azl_exchange_t *ex;
static azl_error_t err;

static void setup_at(const char *url, const char *family)
{
    ex = exchange_at(azl_test_pool, url, family);
}

static void setup(void)
{
    setup_at(GEMINI, "gemini-2.5-flash");
}

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
    g->credential(azl_test_pool, d->endpoint, &name, &value);
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
    e->dialect->credential(azl_test_pool, e, &name, &value);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
}
END_TEST

/*
 * Requests
 */

/* The upstream's document of a chat; NULL: it is refused. */
static const char *asked(const char *chat)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    ex->hub = tree_of(azl_test_pool, quoted(chat));
    memset(&err, 0, sizeof(err));
    if (!azl_gemini_chat.request(ex, out, &err)) {
        return NULL;
    }
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    return azl_buf_pstr(out, azl_test_pool);
}

static void becomes(const char *chat, const char *document)
{
    const char *got = asked(chat);

    ck_assert_msg(
        got != NULL, "refused: %s (%s) in %s", err.message, err.param, chat);
    ck_assert_str_eq(got, quoted(document));
}

static void refused(const char *chat, const char *param)
{
    ck_assert_msg(!asked(chat), "taken: %s", chat);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.param, param);
}

#define CONFIG ",'generationConfig':{}}"
#define ASK "'messages':[{'role':'user','content':'Hi'}]"
#define ASKED "'contents':[{'role':'user','parts':[{'text':'Hi'}]}]"
#define FUNCTION(name) "{'type':'function','function':{'name':'" name "'}}"
#define USER(parts) "{'role':'user','parts':[" parts "]}"
#define MODEL(parts) "{'role':'model','parts':[" parts "]}"
#define TEXT(text) "{'text':'" text "'}"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"
#define CALLED(id, name, args)                                                 \
    "{'functionCall':{'id':'" id "','name':'" name "','args':" args "}}"
#define RESULT(id, name, object)                                               \
    "{'functionResponse':{'id':'" id "','name':'" name "','response':" object  \
    "}}"
#define TOOL(id, text)                                                         \
    "{'role':'tool','tool_call_id':'" id "','content':" text "}"

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

/*
 * Parameters
 */

#define SCHEMA "{'type':'object','properties':{'b':{},'a':{'enum':[1.0]}}}"

static const struct {
    const char *family;
    const char *members;
    const char *config; /* NULL: refused */
    const char *more;   /* behind it; or the parameter at fault */
    const char *dropped;
} params[] = {
    {"gemini-2.0-flash",
     "'temperature':0.70,'top_p':1,'max_tokens':5,'seed':42,'top_k':3,"
     "'presence_penalty':0.5,'frequency_penalty':-0.5,'n':2,'stop':'x'",
     "'temperature':0.70,'topP':1,'maxOutputTokens':5,'seed':42,'topK':3,"
     "'presencePenalty':0.5,'frequencyPenalty':-0.5,'candidateCount':2,"
     "'stopSequences':['x']", "", ""},
    {"gemini-2.5-flash",
     "'max_tokens':5,'max_completion_tokens':6,'stop':['a','b'],'n':1,"
     "'presence_penalty':0,'frequency_penalty':0.0,'temperature':null",
     "'maxOutputTokens':6,'stopSequences':['a','b']", "", ""},
    {"gemini-2.5-flash",
     "'presence_penalty':0.5,'frequency_penalty':-0.5", "", "",
     "presence_penalty,frequency_penalty"},
    {"gemini-2.5-flash", "'stop':[]", "", "", ""},
    {"gemini-2.5-flash", "'response_format':{'type':'text'}", "", "", ""},
    {"gemini-2.5-flash", "'response_format':{'type':'json_object'}",
     "'responseMimeType':'application/json'", "", ""},
    {"gemini-2.5-flash",
     "'response_format':{'type':'json_schema','json_schema':{'name':'x',"
     "'strict':true,'schema':" SCHEMA "}}",
     "'responseMimeType':'application/json','responseJsonSchema':" SCHEMA, "",
     ""},
    {"gemini-2.5-flash", "'modalities':['text']", "", "", ""},
    {"gemini-2.5-flash", "'modalities':['text','image']",
     "'responseModalities':['TEXT','IMAGE']", "", ""},
    /* nothing is asked for */
    {"gemini-2.5-flash",
     "'logprobs':false,'top_logprobs':0,'logit_bias':{},'store':false,"
     "'parallel_tool_calls':true,'audio':null,'stream':true,"
     "'stream_options':{'include_usage':true},'model':'m'", "", "", ""},
    /* it comes about differently without them */
    {"gemini-2.5-flash",
     "'user':'u','metadata':{},'store':true,'verbosity':'low',"
     "'parallel_tool_calls':false,'prompt_cache_key':'k','whatever':1", "", "",
     "user,metadata,store,verbosity,parallel_tool_calls,prompt_cache_key,"
     "whatever"},
    /* what Google's own clients say */
    {"gemini-2.5-flash",
     "'safety_settings':[{'category':'C','threshold':'OFF'}],"
     "'cached_content':'cachedContents/1',"
     "'thinking_config':{'thinkingBudget':7},'reasoning_effort':'low'",
     "'thinkingConfig':{'thinkingBudget':7}",
     ",'safetySettings':[{'category':'C','threshold':'OFF'}],"
     "'cachedContent':'cachedContents/1'", ""},
    {"gemini-2.5-flash",
     "'safetySettings':[],'cachedContent':'c','thinkingConfig':{}",
     "'thinkingConfig':{}", ",'safetySettings':[],'cachedContent':'c'", ""},
    /* tiers */
    {"gemini-2.5-flash", "'service_tier':'auto'", "", "", ""},
    {"gemini-2.5-flash", "'service_tier':'default'", "",
     ",'serviceTier':'standard'", ""},
    {"gemini-2.5-flash", "'service_tier':'flex'", "", ",'serviceTier':'flex'",
     ""},
    {"gemini-2.5-flash", "'service_tier':'scale'", "", "", "service_tier"},
    /* efforts */
    {"gemini-2.5-flash", "'reasoning_effort':'none'",
     "'thinkingConfig':{'thinkingBudget':0}", "", ""},
    {"vertex_ai/gemini-2.5-flash", "'reasoning_effort':'low'",
     "'thinkingConfig':{'thinkingBudget':1024,'includeThoughts':true}", "",
     ""},
    {"gemini-2.5-flash", "'reasoning_effort':'max'",
     "'thinkingConfig':{'thinkingBudget':16384,'includeThoughts':true}", "",
     ""},
    {"gemini-2.5-pro", "'reasoning_effort':'none'",
     "'thinkingConfig':{'thinkingBudget':128}", "", "reasoning_effort"},
    {"gemini-3-flash-preview", "'reasoning_effort':'minimal'",
     "'thinkingConfig':{'thinkingLevel':'MINIMAL','includeThoughts':true}", "",
     ""},
    {"gemini-3-flash-preview", "'reasoning_effort':'medium'",
     "'thinkingConfig':{'thinkingLevel':'MEDIUM','includeThoughts':true}", "",
     ""},
    {"gemini-3.8-flash", "'reasoning_effort':'minimal'",
     "'thinkingConfig':{'thinkingLevel':'LOW','includeThoughts':true}", "",
     ""},
    {"gemini-3-pro-preview", "'reasoning_effort':'medium'",
     "'thinkingConfig':{'thinkingLevel':'HIGH','includeThoughts':true}", "",
     ""},
    {"gemini-3-pro-preview", "'reasoning_effort':'none'",
     "'thinkingConfig':{'thinkingLevel':'LOW'}", "", "reasoning_effort"},
    {"gemini-3.1-pro-preview", "'reasoning_effort':'medium'",
     "'thinkingConfig':{'thinkingLevel':'MEDIUM','includeThoughts':true}", "",
     ""},
    {"gemini-9-ultra", "'reasoning_effort':'xhigh'",
     "'thinkingConfig':{'thinkingLevel':'HIGH','includeThoughts':true}", "",
     ""},
    {"gemini-2.0-flash", "'reasoning_effort':'high'", "", "",
     "reasoning_effort"},
    {"gemini-2.5-flash-image", "'reasoning_effort':'none'", "", "", ""},
    {"my-model", "'reasoning_effort':'high'", "", "", "reasoning_effort"},
    /* what is refused */
    {"gemini-2.5-flash", "'reasoning_effort':'huge'", NULL, "reasoning_effort",
     ""},
    {"gemini-2.5-flash", "'reasoning_effort':3", NULL, "reasoning_effort", ""},
    {"gemini-2.5-flash", "'temperature':'hot'", NULL, "temperature", ""},
    {"gemini-2.5-flash", "'n':0", NULL, "n", ""},
    {"gemini-2.5-flash", "'n':129", NULL, "n", ""},
    {"gemini-2.5-flash", "'stop':3", NULL, "stop", ""},
    {"gemini-2.5-flash", "'stop':['a',3]", NULL, "stop[1]", ""},
    {"gemini-2.5-flash", "'response_format':{'type':'xml'}", NULL,
     "response_format.type", ""},
    /* the answer would be another one without them */
    {"gemini-2.5-flash", "'logprobs':true", NULL, "logprobs", ""},
    {"gemini-2.5-flash", "'top_logprobs':2", NULL, "top_logprobs", ""},
    {"gemini-2.5-flash", "'logit_bias':{'1':2}", NULL, "logit_bias", ""},
    {"gemini-2.5-flash", "'modalities':['text','audio']", NULL, "modalities",
     ""},
    {"gemini-2.5-flash", "'audio':{'voice':'a'}", NULL, "audio", ""},
    {"gemini-2.5-flash", "'web_search_options':{'a':1}", NULL,
     "web_search_options", ""},
};

/* Before Gemini 3 it is one or the other. */
START_TEST(json_beside_tools)
{
    static const char *const earlier[] = {
        "gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro"};
    static const char json[] = "'response_format':{'type':'json_object'}";
    static const char tools[] = "'tools':[" FUNCTION("f") "]";
    const char *both =
        apr_pstrcat(azl_test_pool, "{" ASK ",", json, ",", tools, "}", NULL);
    apr_size_t i;

    for (i = 0; i < sizeof(earlier) / sizeof(earlier[0]); ++i) {
        setup_at(GEMINI, earlier[i]);
        refused(both, "response_format");
        becomes("{" ASK ",'response_format':{'type':'json_object'},"
                "'tools':[]}",
            "{" ASKED ",'generationConfig':{"
            "'responseMimeType':'application/json'}}");
        ck_assert_ptr_nonnull(asked("{" ASK ",'response_format':{'type':'text'}"
                                    ",'tools':[" FUNCTION("f") "]}"));
        ck_assert_str_eq(dropped_by(ex), "");
        ex->params = AZL_PARAMS_DROP;
        ck_assert_ptr_null(strstr(asked(both), "responseMimeType"));
        ck_assert_str_eq(dropped_by(ex), "response_format");
    }
    setup_at(GEMINI, "gemini-3-pro");
    ck_assert_ptr_nonnull(strstr(asked(both), "responseMimeType"));
}
END_TEST

START_TEST(parameters)
{
    char *chat =
        apr_pstrcat(azl_test_pool, "{" ASK ",", params[_i].members, "}", NULL);

    setup_at(GEMINI, params[_i].family);
    if (!params[_i].config) {
        refused(chat, params[_i].more);
        return;
    }
    becomes(chat,
        apr_pstrcat(azl_test_pool, "{" ASKED ",'generationConfig':{",
            params[_i].config, "}", params[_i].more, "}", NULL));
    ck_assert_str_eq(dropped_by(ex), params[_i].dropped);
}
END_TEST

START_TEST(parameters_as_configured)
{
    setup();
    ex->params = AZL_PARAMS_DROP;
    becomes("{" ASK ",'logprobs':true,'user':'u'}", "{" ASKED CONFIG);
    ck_assert_str_eq(dropped_by(ex), "logprobs,user");
    setup();
    ex->params = AZL_PARAMS_REJECT;
    refused("{" ASK ",'user':'u'}", "user");
    ck_assert_str_eq(err.code, "unsupported_parameter");
    ex->family = "gemini-3-pro";
    refused("{" ASK ",'reasoning_effort':'none'}", "reasoning_effort");
    setup_at(VERTEX, "gemini-2.5-flash");
    becomes("{" ASK ",'service_tier':'flex'}", "{" ASKED CONFIG);
    ck_assert_str_eq(dropped_by(ex), "service_tier");
    becomes("{" ASK ",'presence_penalty':0.5}",
        "{" ASKED ",'generationConfig':{'presencePenalty':0.5}}");
}
END_TEST

START_TEST(choices_are_remembered)
{
    setup();
    ck_assert_ptr_nonnull(asked("{" ASK ",'n':3}"));
    ck_assert_int_eq(*(int *)ex->memo, 3);
}
END_TEST

/*
 * Tools
 */

#define DECLARED(name) "{'name':'" name "'}"
#define DECLARE(list) "'tools':[{'functionDeclarations':[" list "]}]"
#define MODE(mode) ",'toolConfig':{'functionCallingConfig':{" mode "}}"

static const struct {
    const char *members;
    const char *more; /* NULL: refused */
    const char *param;
} tools[] = {
    {"'tools':[]", "", NULL},
    {"'tool_choice':'none'", "", NULL},
    {"'tools':[{'type':'function','function':{'name':'f','description':'d',"
     "'strict':true,'parameters':" SCHEMA "}}," FUNCTION("g") "]",
     "," DECLARE("{'name':'f','description':'d','parametersJsonSchema':" SCHEMA
         "}," DECLARED("g")), NULL},
    {"'tools':[" FUNCTION("f") "],'tool_choice':'auto'",
     "," DECLARE(DECLARED("f")) MODE("'mode':'AUTO'"), NULL},
    {"'tools':[" FUNCTION("f") "],'tool_choice':'required'",
     "," DECLARE(DECLARED("f")) MODE("'mode':'ANY'"), NULL},
    {"'tools':[" FUNCTION("f") "],'tool_choice':'none'",
     "," DECLARE(DECLARED("f")) MODE("'mode':'NONE'"), NULL},
    {"'tools':[" FUNCTION("f") "],'tool_choice':" FUNCTION("f"),
     "," DECLARE(DECLARED("f"))
     MODE("'mode':'ANY','allowedFunctionNames':['f']"), NULL},
    {"'tools':[" FUNCTION("f") "," FUNCTION("g") "," FUNCTION("h") "],"
     "'tool_choice':{'type':'allowed_tools',"
     "'allowed_tools':{'mode':'required','tools':[" FUNCTION("f") ","
     FUNCTION("h") "]}}",
     "," DECLARE(DECLARED("f") "," DECLARED("h"))
     MODE("'mode':'ANY','allowedFunctionNames':['f','h']"), NULL},
    {"'tools':[" FUNCTION("f") "," FUNCTION("g") "],"
     "'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'auto',"
     "'tools':[" FUNCTION("g") "]}}", "," DECLARE(DECLARED("g")), NULL},
    {"'functions':[{'name':'f','parameters':" SCHEMA "}],"
     "'function_call':{'name':'f'}",
     "," DECLARE("{'name':'f','parametersJsonSchema':" SCHEMA "}")
     MODE("'mode':'ANY','allowedFunctionNames':['f']"), NULL},
    {"'functions':[{'name':'f'}],'function_call':'auto'",
     "," DECLARE(DECLARED("f")) MODE("'mode':'AUTO'"), NULL},
    {"'tools':[" FUNCTION("f") ",{'type':'custom','custom':{'name':'c'}}]",
     NULL, "tools[1]"},
    {"'tools':[{'type':'web_search'}]", NULL, "tools[0]"},
    {"'tools':[{'type':'function'}]", NULL, "tools[0]"},
    {"'functions':[{}]", NULL, "functions[0]"},
    {"'tools':[" FUNCTION("f") "],'tool_choice':'any'", NULL, "tool_choice"},
    {"'tools':[" FUNCTION("f") "],'tool_choice':{'type':'custom',"
     "'custom':{'name':'f'}}", NULL, "tool_choice"},
    {"'functions':[{'name':'f'}],'function_call':3", NULL, "function_call"},
};

START_TEST(tools_and_choices)
{
    char *chat =
        apr_pstrcat(azl_test_pool, "{" ASK ",", tools[_i].members, "}", NULL);

    setup();
    if (!tools[_i].more) {
        refused(chat, tools[_i].param);
        return;
    }
    becomes(chat,
        apr_pstrcat(azl_test_pool, "{" ASKED, tools[_i].more, CONFIG, NULL));
}
END_TEST

/* clang-format on */

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

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
    tcase_add_loop_test(tc, parameters, 0, N(params));
    tcase_add_test(tc, parameters_as_configured);
    tcase_add_test(tc, json_beside_tools);
    tcase_add_test(tc, choices_are_remembered);
    tcase_add_loop_test(tc, tools_and_choices, 0, N(tools));
    return tc;
}
