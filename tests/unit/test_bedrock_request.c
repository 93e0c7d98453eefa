/*
 * A chat as a request of Converse.
 */
#include "bedrock_fixture.h"

/* clang-format off: tables of JSON read like JSON */

static azl_exchange_t *ex;
static azl_error_t err;

#define CLAUDE "claude-sonnet-4-5"
#define OLD_CLAUDE "claude-3-5-sonnet"
#define NEW_CLAUDE "claude-opus-5"

static const char *asked(const char *family, const char *chat)
{
    ex = bedrock_in(azl_test_pool, family);
    return bedrock_asks(ex, chat, &err);
}

static void becomes(const char *family, const char *chat, const char *document)
{
    const char *got = asked(family, chat);

    ck_assert_msg(got != NULL, "refused: %s (%s) in %s", err.message,
                  err.param, chat);
    ck_assert_str_eq(got, quoted(document));
}

static void refused(const char *family, const char *chat, const char *param)
{
    ck_assert_msg(!asked(family, chat), "taken: %s", chat);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.param, param);
}

/* What a request with these members becomes, beside its message. */
#define ASK "'messages':[{'role':'user','content':'Hi'}]"
#define ASKED "'messages':[{'role':'user','content':[{'text':'Hi'}]}]"
#define NO_CONFIG ",'inferenceConfig':{}"

/*
 * Messages
 */

#define USER(parts) "{'role':'user','content':[" parts "]}"
#define MODEL(parts) "{'role':'assistant','content':[" parts "]}"
#define TEXT(text) "{'text':'" text "'}"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"
#define CALLS(list) "{'role':'assistant','tool_calls':[" list "]}"
#define USE(id, name, args)                                                    \
    "{'toolUse':{'toolUseId':'" id "','name':'" name "','input':" args "}}"
#define RESULT(id, content, more)                                              \
    "{'toolResult':{'toolUseId':'" id "','content':[" content "]" more "}}"
#define TOOL(id, more) "{'role':'tool','tool_call_id':'" id "'" more "}"
#define PNG "data:image/png;base64,AAAA"
#define IMAGE(url) "{'type':'image_url','image_url':{'url':'" url "'}}"
#define FILE_PART(members) "{'type':'file','file':{" members "}}"
#define DOC(format, name, data)                                                \
    "{'document':{'format':'" format "','name':'" name "','source':{'bytes':'" \
    data "'}}}"
/* What a history with calls and without tools declares. */
#define GONE(name)                                                             \
    "{'toolSpec':{'name':'" name "','description':'Not available any more: do" \
    " not call it.','inputSchema':{'json':{'type':'object','properties':{}}}}}"
#define CONFIG(list) ",'inferenceConfig':{},'toolConfig':{'tools':[" list "]}"

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
 * Tools
 */

#define F(name) "{'type':'function','function':{'name':'" name "'}}"
#define SPEC(name, more)                                                       \
    "{'toolSpec':{'name':'" name "'," more "}}"
#define EMPTY "'inputSchema':{'json':{'type':'object','properties':{}}}"
#define TOOLS(list, choice)                                                    \
    ",'toolConfig':{'tools':[" list "]" choice "}"

static const struct {
    const char *family;
    const char *members;
    const char *document; /* behind messages and inferenceConfig */
    const char *dropped;
} tools[] = {
    {CLAUDE, "'tools':[]", "", ""},
    {CLAUDE, "'tools':[" F("f") "]", TOOLS(SPEC("f", EMPTY), ""), ""},
    {CLAUDE, "'tools':[{'type':'function','function':{'name':'f','description'"
        ":'D','strict':true,'parameters':{'type':'object','properties':{'a':{"
        "'type':'string','minLength':2}}}},'cache_control':{'type':"
        "'ephemeral'}}]",
        TOOLS(SPEC("f", "'description':'D','inputSchema':{'json':{'type':"
        "'object','properties':{'a':{'type':'string'}},"
        "'additionalProperties':false}},'strict':true")
        ",{'cachePoint':{'type':'default'}}", ""), ""},
    {"some-model", "'tools':[{'type':'function','function':{'name':'f',"
        "'description':'','strict':true,'parameters':{'properties':{'a':{}},"
        "'x':1}}}]",
        TOOLS(SPEC("f", "'inputSchema':{'json':{'type':'object','properties':{"
        "'a':{}},'x':1}}"), ""), "tools.function.strict"},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':'auto'",
        TOOLS(SPEC("f", EMPTY), ",'toolChoice':{'auto':{}}"), ""},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':'required'",
        TOOLS(SPEC("f", EMPTY), ",'toolChoice':{'any':{}}"), ""},
    {CLAUDE, "'tools':[" F("f") "," F("g.x") "],'tool_choice':" F("g.x"),
        TOOLS(SPEC("f", EMPTY) "," SPEC("g_x_4579f980", EMPTY),
            ",'toolChoice':{'tool':{'name':'g_x_4579f980'}}"), ""},
    /* where none can be named, no other is there */
    {"some-model", "'tools':[" F("f") "," F("g") "],'tool_choice':" F("g"),
        TOOLS(SPEC("g", EMPTY), ",'toolChoice':{'any':{}}"), ""},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':'none'", "", ""},
    {CLAUDE, "'tools':[" F("f") "," F("g") "],'tool_choice':{'type':"
        "'allowed_tools','allowed_tools':{'mode':'required','tools':["
        F("g") "]}}",
        TOOLS(SPEC("g", EMPTY), ",'toolChoice':{'any':{}}"), ""},
    {CLAUDE, "'tool_choice':'auto'", "", ""},
    {CLAUDE, "'parallel_tool_calls':true", "", ""},
    {CLAUDE, "'parallel_tool_calls':false", "", "parallel_tool_calls"},
};

static const char *chat_with(const char *members)
{
    return apr_pstrcat(azl_test_pool, "{" ASK, *members ? "," : "", members,
        "}", NULL);
}

START_TEST(declared_tools)
{
    becomes(tools[_i].family, chat_with(tools[_i].members),
        apr_pstrcat(azl_test_pool, "{" ASKED NO_CONFIG, tools[_i].document,
            "}", NULL));
    ck_assert_str_eq(dropped_by(ex), tools[_i].dropped);
}
END_TEST

static const struct {
    const char *family;
    const char *members;
    const char *param;
} wrong_tools[] = {
    {CLAUDE, "'tools':[{'type':'custom','custom':{'name':'c'}}]", "tools[0]"},
    {CLAUDE, "'tools':[" F("f") "," F("") "]", "tools[1]"},
    {CLAUDE, "'tools':[{'type':'function','function':{'name':'f','parameters':"
        "1}}]", "tools[0].function.parameters"},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':'some'", "tool_choice"},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':" F("g"), "tool_choice"},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':{'type':'function'}",
        "tool_choice"},
    {CLAUDE, "'tools':[" F("f") "],'tool_choice':{'type':'allowed_tools',"
        "'allowed_tools':{'mode':'auto','tools':[" F("g") "]}}",
        "tool_choice"},
    /* without what was asked the answer would mean something else */
    {"llama4", "'tools':[" F("f") "],'tool_choice':'required'", "tool_choice"},
};

START_TEST(wrong_declarations)
{
    refused(wrong_tools[_i].family, chat_with(wrong_tools[_i].members),
        wrong_tools[_i].param);
}
END_TEST

/* None may be called, but the history needs them. */
START_TEST(no_tool_may_be_called)
{
    becomes(CLAUDE,
        "{'messages':[" CALLS(CALL("c", "f", "{}")) ","
        TOOL("c", ",'content':'x'") "],'tools':[" F("f") "," F("g") "],"
        "'tool_choice':'none'}",
        "{'messages':[" MODEL(USE("c", "f", "{}")) ","
        USER(RESULT("c", TEXT("x"), "")) "]" CONFIG(GONE("f")) "}");
}
END_TEST

START_TEST(names_come_back)
{
    azl_span_t own;

    ck_assert_ptr_nonnull(asked(CLAUDE, "{" ASK ",'tools':[" F("a.b") ","
        F("a/b") "," F("ok") "]}"));
    own = azl_bedrock_own_name(ex->memo, azl_span_str("a_b_108bf50c"));
    ck_assert_str_eq(azl_test_str(own), "a.b");
    own = azl_bedrock_own_name(ex->memo, azl_span_str("a_b_3a8e75c1"));
    ck_assert_str_eq(azl_test_str(own), "a/b");
    own = azl_bedrock_own_name(ex->memo, azl_span_str("ok"));
    ck_assert_str_eq(azl_test_str(own), "ok");
}
END_TEST

START_TEST(a_long_name)
{
    const char *name = azl_test_repeat("x", 65);
    const char *got = asked(CLAUDE,
        apr_pstrcat(azl_test_pool, "{" ASK ",'tools':[{'type':'function',"
            "'function':{'name':'", name, "'}}]}", NULL));
    const char *sent = strstr(got, "\"name\":\"") + 8;

    ck_assert_uint_eq(strcspn(sent, "\""), 64);
    ck_assert_str_eq(azl_test_str(azl_bedrock_own_name(ex->memo,
                         azl_span(sent, 64))), name);
}
END_TEST

/*
 * Other members
 */

static const struct {
    const char *family;
    const char *members;
    const char *config;   /* inferenceConfig */
    const char *rest;     /* what follows it */
    const char *dropped;
} members[] = {
    {CLAUDE, "'max_tokens':5", "'maxTokens':5", "", ""},
    {CLAUDE, "'max_tokens':5,'max_completion_tokens':6", "'maxTokens':6", "",
        ""},
    {CLAUDE, "'max_tokens':9000000", "'maxTokens':64000", "", ""},
    {"some-model", "'max_tokens':9000000", "'maxTokens':9000000", "", ""},
    {CLAUDE, "'temperature':0.70,'stop':'END'",
        "'temperature':0.70,'stopSequences':['END']", "", ""},
    {CLAUDE, "'temperature':1.5,'stop':['A','B']",
        "'temperature':1,'stopSequences':['A','B']", "", ""},
    {CLAUDE, "'top_p':0.5", "'topP':0.5", "", ""},
    {CLAUDE, "'temperature':0.5,'top_p':0.5", "'temperature':0.5", "",
        "top_p"},
    {CLAUDE, "'temperature':0.5,'top_p':1", "'temperature':0.5", "", ""},
    {"some-model", "'temperature':0.5,'top_p':0.5",
        "'temperature':0.5,'topP':0.5", "", ""},
    {NEW_CLAUDE, "'temperature':0.5,'top_k':3", "", "", "temperature,top_k"},
    {CLAUDE, "'stop':null,'stop_sequences':null", "", "", ""},
    {CLAUDE, "'top_k':20", "",
        ",'additionalModelRequestFields':{'top_k':20}", ""},
    {"nova-pro", "'top_k':20", "",
        ",'additionalModelRequestFields':{'inferenceConfig':{'topK':20}}", ""},
    {"some-model", "'top_k':20,'additionalModelRequestFields':{'top_k':1,"
        "'x':{}}", "",
        ",'additionalModelRequestFields':{'top_k':1,'x':{}}", ""},
    {CLAUDE, "'service_tier':'auto'", "", "", ""},
    {CLAUDE, "'service_tier':'flex'", "", ",'serviceTier':{'type':'flex'}",
        ""},
    {CLAUDE, "'service_tier':'fast'", "", ",'serviceTier':{'type':'priority'}",
        ""},
    {CLAUDE, "'service_tier':'scale'", "", "", "service_tier"},
    {CLAUDE, "'metadata':{'team':'a b','k':'1'}", "",
        ",'requestMetadata':{'team':'a b','k':'1'}", ""},
    {CLAUDE, "'metadata':{}", "", "", ""},
    {CLAUDE, "'metadata':{'team':'a{b'}", "", "", "metadata"},
    {CLAUDE, "'metadata':{'team':1}", "", "", "metadata"},
    {CLAUDE, "'guardrailConfig':{'guardrailIdentifier':'g',"
        "'guardrailVersion':'1'},'performanceConfig':{'latency':'optimized'}",
        "", ",'guardrailConfig':{'guardrailIdentifier':'g',"
        "'guardrailVersion':'1'},'performanceConfig':{'latency':'optimized'}",
        ""},
    /* what asks for nothing is not missed, the rest is told */
    {CLAUDE, "'n':1,'logprobs':false,'store':false,'presence_penalty':0.0,"
        "'frequency_penalty':0,'modalities':['text'],'top_logprobs':0,"
        "'logit_bias':null,'audio':null,'stream':true,'model':'m',"
        "'stream_options':{'include_usage':true}", "", "", ""},
    {CLAUDE, "'seed':1,'user':'u','logit_bias':{'1':2},'store':true,"
        "'presence_penalty':1,'verbosity':'low','odd-one':1", "", "",
        "seed,user,logit_bias,store,presence_penalty,verbosity,odd-one"},
    /* how much to think */
    {CLAUDE, "'reasoning_effort':'none'", "", "", ""},
    {CLAUDE, "'reasoning_effort':'medium','temperature':0.2",
        "'maxTokens':64000", ",'additionalModelRequestFields':{'thinking':{"
        "'type':'enabled','budget_tokens':2048}}", "temperature"},
    {CLAUDE, "'reasoning_effort':'max','max_tokens':3000,'temperature':1",
        "'maxTokens':3000", ",'additionalModelRequestFields':{'thinking':{"
        "'type':'enabled','budget_tokens':2999}}", ""},
    {CLAUDE, "'reasoning_effort':'low','max_tokens':1024", "'maxTokens':1024",
        "", "reasoning_effort"},
    {OLD_CLAUDE, "'reasoning_effort':'low'", "", "", "reasoning_effort"},
    {NEW_CLAUDE, "'reasoning_effort':'xhigh'", "",
        ",'additionalModelRequestFields':{'thinking':{'type':'adaptive'},"
        "'output_config':{'effort':'xhigh'}}", ""},
    {"claude-opus-4-6", "'reasoning_effort':'xhigh'", "",
        ",'additionalModelRequestFields':{'thinking':{'type':'adaptive'},"
        "'output_config':{'effort':'max'}}", ""},
    {NEW_CLAUDE, "'reasoning_effort':'none'", "",
        ",'additionalModelRequestFields':{'thinking':{'type':'disabled'}}",
        ""},
    {CLAUDE, "'thinking':{'type':'enabled','budget_tokens':2000},"
        "'reasoning_effort':'low'", "",
        ",'additionalModelRequestFields':{'thinking':{'type':'enabled',"
        "'budget_tokens':2000}}", ""},
    {"some-model", "'thinking':{'type':'enabled'}", "", "", "thinking"},
    {"gpt-oss-120b", "'reasoning_effort':'minimal'", "",
        ",'additionalModelRequestFields':{'reasoning_effort':'low'}", ""},
    {"gpt-oss-120b", "'reasoning_effort':'none'", "", "", "reasoning_effort"},
    {"qwen3-32b", "'reasoning_effort':'max'", "",
        ",'additionalModelRequestFields':{'reasoning_config':'high'}", ""},
    {"amazon.nova-2-lite-v1:0", "'reasoning_effort':'low','temperature':0.5,"
        "'max_tokens':9", "'maxTokens':9,'temperature':0.5",
        ",'additionalModelRequestFields':{'reasoningConfig':{'type':'enabled',"
        "'maxReasoningEffort':'low'}}", ""},
    {"nova-2-lite", "'reasoning_effort':'high','temperature':0.5,"
        "'max_tokens':9", "",
        ",'additionalModelRequestFields':{'reasoningConfig':{'type':'enabled',"
        "'maxReasoningEffort':'high'}}", "max_tokens,temperature"},
    {"nova-2-lite", "'reasoning_effort':'none'", "",
        ",'additionalModelRequestFields':{'reasoningConfig':{'type':"
        "'disabled'}}", ""},
    {"some-model", "'reasoning_effort':'high'", "", "", "reasoning_effort"},
    {"some-model", "'reasoning_effort':'none'", "", "", ""},
    /* a tool that must be called leaves no room for a budget */
    {CLAUDE, "'reasoning_effort':'low','tools':[" F("f") "],'tool_choice':"
        "'required'", "", TOOLS(SPEC("f", EMPTY), ",'toolChoice':{'any':{}}"),
        "reasoning_effort"},
    /* structured output */
    {CLAUDE, "'response_format':{'type':'text'}", "", "", ""},
    {"some-model", "'response_format':{'type':'json_schema','json_schema':{"
        "'name':'n','description':'d','schema':{'type':'object','x':'\\'y'}}}",
        "", ",'outputConfig':{'textFormat':{'type':'json_schema','structure':{"
        "'jsonSchema':{'schema':'{\\'type\\':\\'object\\',\\'x\\':\\'\\\\\\'y"
        "\\'}','name':'n','description':'d'}}}}", ""},
    {CLAUDE, "'response_format':{'type':'json_schema','json_schema':{"
        "'schema':{'type':'object','properties':{}}}}", "",
        ",'outputConfig':{'textFormat':{'type':'json_schema','structure':{"
        "'jsonSchema':{'schema':'{\\'type\\':\\'object\\',\\'properties\\':{},"
        "\\'additionalProperties\\':false}'}}}}", ""},
    {OLD_CLAUDE, "'response_format':{'type':'json_schema','json_schema':{"
        "'name':'n','description':'D','schema':{'type':'object'}}}", "",
        TOOLS(SPEC("json_tool_call", "'description':'D','inputSchema':{'json':"
        "{'type':'object'}}"), ",'toolChoice':{'tool':{'name':"
        "'json_tool_call'}}"), ""},
    {"nova-lite", "'tools':[" F("f") "],'response_format':{'type':"
        "'json_object'}", "",
        TOOLS(SPEC("f", EMPTY) "," SPEC("json_tool_call", "'description':"
        "'Gives the answer. Its members are the JSON object that was asked "
        "for.'," EMPTY), ",'toolChoice':{'any':{}}"), ""},
};

START_TEST(other_members)
{
    becomes(members[_i].family, chat_with(members[_i].members),
        apr_pstrcat(azl_test_pool, "{" ASKED ",'inferenceConfig':{",
            members[_i].config, "}", members[_i].rest, "}", NULL));
    ck_assert_str_eq(dropped_by(ex), members[_i].dropped);
}
END_TEST

static const struct {
    const char *family;
    const char *members;
    const char *param;
} wrong_members[] = {
    {CLAUDE, "'n':2", "n"},
    {CLAUDE, "'logprobs':true", "logprobs"},
    {CLAUDE, "'audio':{}", "audio"},
    {CLAUDE, "'modalities':['text','audio']", "modalities"},
    {CLAUDE, "'functions':[]", "functions"},
    {CLAUDE, "'web_search_options':{}", "web_search_options"},
    {CLAUDE, "'max_tokens':0", "max_tokens"},
    {CLAUDE, "'max_completion_tokens':'5'", "max_completion_tokens"},
    {CLAUDE, "'temperature':'hot'", "temperature"},
    {CLAUDE, "'top_k':'x'", "top_k"},
    {CLAUDE, "'stop':1", "stop"},
    {CLAUDE, "'stop':['A',1]", "stop"},
    {CLAUDE, "'stop':[' ']", "stop"},
    {CLAUDE, "'reasoning_effort':'huge'", "reasoning_effort"},
    {CLAUDE, "'thinking':true", "thinking"},
    {CLAUDE, "'additionalModelRequestFields':1",
        "additionalModelRequestFields"},
    {CLAUDE, "'guardrailConfig':'g'", "guardrailConfig"},
    {CLAUDE, "'response_format':{'type':'xml'}", "response_format.type"},
    {CLAUDE, "'response_format':{'type':'json_schema'}",
        "response_format.json_schema.schema"},
    {"llama3", "'response_format':{'type':'json_object'}", "response_format"},
};

START_TEST(wrong_other_members)
{
    refused(wrong_members[_i].family, chat_with(wrong_members[_i].members),
        wrong_members[_i].param);
}
END_TEST

START_TEST(no_messages)
{
    refused(CLAUDE, "{}", "messages");
    refused(CLAUDE, "{'messages':'Hi'}", "messages");
}
END_TEST

START_TEST(what_is_dropped_or_rejected)
{
    ex = bedrock_in(azl_test_pool, CLAUDE);
    ex->params = AZL_PARAMS_DROP;
    ck_assert_ptr_nonnull(bedrock_asks(ex, "{" ASK ",'n':2,'seed':1}", &err));
    ck_assert_str_eq(dropped_by(ex), "n,seed");
    ex = bedrock_in(azl_test_pool, CLAUDE);
    ex->params = AZL_PARAMS_REJECT;
    ck_assert_ptr_null(bedrock_asks(ex, "{" ASK ",'seed':1}", &err));
    ck_assert_str_eq(err.param, "seed");
}
END_TEST

START_TEST(betas)
{
    ex = bedrock_in(azl_test_pool, CLAUDE);
    ex->client_headers = apr_table_make(azl_test_pool, 1);
    apr_table_setn(ex->client_headers, "anthropic-beta", "a-1, b-2");
    ck_assert_ptr_nonnull(strstr(bedrock_asks(ex, "{" ASK "}", &err),
        "{\"anthropic_beta\":[\"a-1\",\"b-2\"]}"));
    ex->family = "nova-pro";
    ck_assert_ptr_null(
        strstr(bedrock_asks(ex, "{" ASK "}", &err), "anthropic_beta"));
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

#define N(table) ((int)(sizeof(table) / sizeof(table[0])))

TCase *azl_test_bedrock_request(void)
{
    TCase *tc = azl_test_tcase("bedrock_request");

    tcase_add_loop_test(tc, conversations, 0, N(talks));
    tcase_add_loop_test(tc, wrong_conversations, 0, N(wrong));
    tcase_add_loop_test(tc, declared_tools, 0, N(tools));
    tcase_add_loop_test(tc, wrong_declarations, 0, N(wrong_tools));
    tcase_add_test(tc, no_tool_may_be_called);
    tcase_add_test(tc, names_come_back);
    tcase_add_test(tc, a_long_name);
    tcase_add_loop_test(tc, other_members, 0, N(members));
    tcase_add_loop_test(tc, wrong_other_members, 0, N(wrong_members));
    tcase_add_test(tc, no_messages);
    tcase_add_test(tc, what_is_dropped_or_rejected);
    tcase_add_test(tc, betas);
    tcase_add_test(tc, thoughts_are_recalled);
    tcase_add_test(tc, thoughts_of_the_client);
    tcase_add_test(tc, thoughts_are_gone);
    return tc;
}
