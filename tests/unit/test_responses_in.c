#include "azl_buf.h"
#include "azl_unfit.h"
#include "exchange_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

/* Tables of JSON read like JSON. */
/* clang-format off */

static azl_error_t err;

/* The hub's document of a request, or NULL. */
static const char *asked(const char *client)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_exchange_t ex = {.pool = azl_test_pool};

    ex.client = tree_of(azl_test_pool, quoted(client));
    memset(&err, 0, sizeof(err));
    return azl_inbound_responses.request(&ex, out, &err)
               ? azl_buf_pstr(out, azl_test_pool)
               : NULL;
}

/*
 * Input
 */

#define HI "{'role':'user','content':'Hi'}"
#define ITEM(role, parts)                                                      \
    "{'type':'message','role':'" role "','content':[" parts "]}"
#define OUT(text) "{'type':'output_text','text':'" text "','annotations':[]}"
#define CALL(n)                                                                \
    "{'type':'function_call','id':'fc_" #n "','call_id':'call_" #n "',"        \
    "'name':'f','arguments':'{}','status':'completed'}"
#define RESULT(n, out)                                                         \
    "{'type':'function_call_output','call_id':'call_" #n "','output':" out "}"
#define CHAT_CALL(n)                                                           \
    "{'id':'call_" #n "','type':'function','function':{'name':'f',"            \
    "'arguments':'{}'}}"
#define TOOL(n, content)                                                       \
    "{'role':'tool','tool_call_id':'call_" #n "','content':" content "}"
#define THOUGHT                                                                \
    "{'type':'reasoning','id':'rs_1','summary':[],'encrypted_content':'x'}"

static const struct {
    const char *input;
    const char *messages;
} talks[] = {
    {"{'role':'user','content':'Hi'}",
     "{'role':'user','content':'Hi'}"},
    {"{'role':'user','content':'A'},{'role':'developer','content':'B'},"
     ITEM("system", "{'type':'input_text','text':'C'}"),
     "{'role':'user','content':'A'},{'role':'developer','content':'B'},"
         "{'role':'system','content':[{'type':'text','text':'C'}]}"},
    {ITEM("user", "{'type':'input_text','text':'A',"
         "'prompt_cache_breakpoint':{'mode':'explicit'}},"
         "{'type':'input_image','image_url':'https://x/y','detail':'low'},"
         "{'type':'input_image','image_url':'data:,'},"
         "{'type':'input_file','filename':'a.pdf','file_data':'data:,'},"
         "{'type':'input_file','file_id':'file-1'},"
         "{'type':'input_audio','input_audio':{'data':'AA','format':'wav'}"
         "}"),
     "{'role':'user','content':[{'type':'text','text':'A',"
         "'prompt_cache_breakpoint':{'mode':'explicit'}},{'type':'image_url',"
         "'image_url':{'url':'https://x/y','detail':'low'}},"
         "{'type':'image_url','image_url':{'url':'data:,'}},{'type':'file',"
         "'file':{'filename':'a.pdf','file_data':'data:,'}},{'type':'file',"
         "'file':{'file_id':'file-1'}},{'type':'input_audio',"
         "'input_audio':{'data':'AA','format':'wav'}}]}"},
    /* what is said and called in a row is one message, thought is none */
    {THOUGHT "," ITEM("assistant", OUT("Let ") "," OUT("me see")) "," THOUGHT
     "," CALL(1) "," CALL(2) "," RESULT(1, "'one'") ","
     RESULT(2, "[{'type':'input_text','text':'two'}]") "," CALL(3) ","
     RESULT(3, "'three'"),
     "{'role':'assistant','content':'Let me see','tool_calls':[" CHAT_CALL(1)
     "," CHAT_CALL(2) "]}," TOOL(1, "'one'") ","
     TOOL(2, "[{'type':'text','text':'two'}]")
     ",{'role':'assistant','content':null,'tool_calls':[" CHAT_CALL(3) "]},"
     TOOL(3, "'three'")},
    /* what is said after a call stands before its result all the same */
    {CALL(1) "," ITEM("assistant", OUT("Wait")) "," RESULT(1, "'one'"),
     "{'role':'assistant','content':'Wait','tool_calls':[" CHAT_CALL(1) "]},"
     TOOL(1, "'one'")},
    /* two answers stay two */
    {ITEM("assistant", OUT("A")) ",{'role':'assistant','content':'B'}",
     "{'role':'assistant','content':'A'},{'role':'assistant','content':'B'}"},
    {ITEM("assistant", "{'type':'refusal','refusal':'No.'}"),
     "{'role':'assistant','content':null,'refusal':'No.'}"},
    {ITEM("assistant", ""),
     "{'role':'assistant','content':''}"},
    {THOUGHT ",{'role':'user','content':'Hi'}",
     "{'role':'user','content':'Hi'}"},
    {"{'type':'function_call','call_id':'call_1','name':'f','arguments':''},"
     RESULT(1, "''"),
     "{'role':'assistant','content':null,'tool_calls':[" CHAT_CALL(1) "]},"
     TOOL(1, "''")},
    /* images of results follow as the user's, behind all results */
    {CALL(1) "," CALL(2) "," RESULT(1, "[{'type':'input_text','text':'a'},"
     "{'type':'input_image','image_url':'data:,','detail':'low'},"
     "{'type':'input_text','text':'b'}]") ","
     RESULT(2, "[{'type':'input_file','filename':'f.pdf','file_data':'d'}]") ","
     CALL(3),
     "{'role':'assistant','content':null,'tool_calls':[" CHAT_CALL(1) ","
     CHAT_CALL(2) "]},"
     TOOL(1, "[{'type':'text','text':'a'},{'type':'text','text':'b'}]") ","
     TOOL(2, "''") ",{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'data:,','detail':'low'}},{'type':'file','file':{"
     "'filename':'f.pdf','file_data':'d'}}]},"
     "{'role':'assistant','content':null,'tool_calls':[" CHAT_CALL(3) "]}"},
    {CALL(1) "," RESULT(1, "[{'type':'input_image','image_url':'x'}]") "," HI,
     "{'role':'assistant','content':null,'tool_calls':[" CHAT_CALL(1) "]},"
     TOOL(1, "''") ",{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'x'}}]}," HI},
    /* and so does what a call gives once more */
    {CALL(1) "," CALL(2) "," RESULT(1, "'a'") "," RESULT(1, "'b'") ","
     RESULT(2, "'c'") "," RESULT(1, "[{'type':'input_text','text':'d'}]"),
     "{'role':'assistant','content':null,'tool_calls':[" CHAT_CALL(1) ","
     CHAT_CALL(2) "]}," TOOL(1, "'a'") "," TOOL(2, "'c'") ",{'role':'user',"
     "'content':[{'type':'text','text':'More output of call_1:'},"
     "{'type':'text','text':'b'},{'type':'text',"
     "'text':'More output of call_1:'},{'type':'text','text':'d'}]}"},
};

#define NTALKS ((int)(sizeof(talks) / sizeof(talks[0])))

START_TEST(items_become_messages)
{
    const char *got = asked(apr_pstrcat(azl_test_pool, "{'model':'m','input':[",
                                        talks[_i].input, "]}", NULL));

    ck_assert_msg(got != NULL, "%s", err.param);
    ck_assert_str_eq(
        got,
        quoted(apr_pstrcat(azl_test_pool, "{'model':'m','messages':[", talks[
            _i].messages, "]}", NULL)));
}
END_TEST

/*
 * Members
 */

#define SCHEMA "'name':'n','schema':{'type':'object'},'strict':true"

static const struct {
    const char *more;  /* of the request */
    const char *first; /* before the messages */
    const char *last;  /* behind them */
} wishes[] = {
    {"", "", ""},
    {",'instructions':null,'store':null,'tools':null,'user':null", "", ""},
    {",'max_output_tokens':50", "", ",'max_completion_tokens':50"},
    {",'stream':true,'temperature':0.70,'top_p':1,'service_tier':'flex',"
     "'user':'u','safety_identifier':'s','prompt_cache_key':'k'",
     ",'stream':true,'temperature':0.70,'top_p':1,'service_tier':'flex',"
     "'user':'u','safety_identifier':'s','prompt_cache_key':'k'",
     ""},
    {",'reasoning':{'effort':'low','summary':'auto'}", "",
     ",'reasoning_effort':'low'"},
    {",'reasoning':{'summary':'auto'}", "", ""},
    /* what asks for nothing that a chat has not */
    {",'store':false,'background':false,'previous_response_id':null,"
     "'conversation':null,'top_logprobs':0,'truncation':'disabled',"
     "'include':[],'metadata':{'a':'b'},"
     "'stream_options':{'include_obfuscation':false}",
     "", ""},
    /* probabilities */
    {",'include':['message.output_text.logprobs'],'top_logprobs':3", "",
     ",'logprobs':true,'top_logprobs':3"},
    {",'include':['message.output_text.logprobs']", "", ",'logprobs':true"},
    {",'top_logprobs':2", "", ",'logprobs':true,'top_logprobs':2"},
    {",'own':1", ",'own':1", ""},
    /* tools */
    {",'tools':[{'type':'function','name':'f','description':'D',"
     "'parameters':{'type':'object'},'strict':true},{'type':'function',"
     "'name':'g','parameters':null,'strict':null}],"
     "'parallel_tool_calls':false,'tool_choice':'required'",
     "",
     ",'tools':[{'type':'function','function':{'name':'f','description':'D',"
     "'parameters':{'type':'object'},'strict':true}},{'type':'function',"
     "'function':{'name':'g'}}],'parallel_tool_calls':false,"
     "'tool_choice':'required'"},
#define F "{'type':'function','name':'f'}"
#define CHAT_F "{'type':'function','function':{'name':'f'}}"
    {",'tools':[" F "],'tool_choice':" F, "",
     ",'tools':[" CHAT_F "],'tool_choice':" CHAT_F},
    {",'tools':[" F "],'tool_choice':{'type':'none'}", "",
     ",'tools':[" CHAT_F "],'tool_choice':'none'"},
    {",'tools':[" F "],'tool_choice':{'type':'allowed_tools','mode':'auto',"
     "'tools':[" F "]}",
     "",
     ",'tools':[" CHAT_F "],'tool_choice':{'type':'allowed_tools',"
     "'allowed_tools':{'mode':'auto','tools':[" CHAT_F "]}}"},
    /* of no tools nothing may be said there */
    {",'tools':[],'tool_choice':'auto','parallel_tool_calls':true", "", ""},
    /* form */
    {",'text':{'format':{'type':'json_schema'," SCHEMA "},'verbosity':'low'}",
     "",
     ",'verbosity':'low','response_format':{'type':'json_schema',"
     "'json_schema':{" SCHEMA "}}"},
    {",'text':{'format':{'type':'json_object'}}", "",
     ",'response_format':{'type':'json_object'}"},
    {",'text':{'format':{'type':'text'}}", "", ""},
};

#define NWISHES ((int)(sizeof(wishes) / sizeof(wishes[0])))

START_TEST(members_find_their_place)
{
    const char *got =
        asked(apr_pstrcat(azl_test_pool, "{'model':'m','input':[" HI "]",
                          wishes[_i].more, "}", NULL));

    ck_assert_msg(got != NULL, "%s", err.param);
    ck_assert_str_eq(
        got,
        quoted(apr_pstrcat(azl_test_pool, "{'model':'m'", wishes[_i].first,
            ",'messages':[" HI "]", wishes[_i].last, "}", NULL)));
}
END_TEST

START_TEST(instructions_come_first)
{
    ck_assert_str_eq(
        asked("{'model':'m','input':'Hi','instructions':'Be.'}"),
        quoted("{'model':'m','messages':[{'role':'system','content':'Be.'},"
            HI "]}"));
}
END_TEST

#define UNSUPPORTED "unsupported_parameter"
#define INVALID "invalid_value"
#define IN(items) "{'input':[" items "]}"

static const struct {
    const char *request;
    const char *param;
    const char *code;
} wrong[] = {
    {"{'input':'Hi','store':true}", "store", UNSUPPORTED},
    {"{'input':'Hi','background':true}", "background", UNSUPPORTED},
    {"{'input':'Hi','previous_response_id':'resp_1'}", "previous_response_id",
     UNSUPPORTED},
    {"{'input':'Hi','conversation':'conv_1'}", "conversation", UNSUPPORTED},
    {"{'input':'Hi','prompt':{'id':'p'}}", "prompt", UNSUPPORTED},
    {"{'input':'Hi','context_management':[{'type':'compaction'}]}",
     "context_management", UNSUPPORTED},
    {"{'input':'Hi','instructions':[]}", "instructions", INVALID},
    {"{'input':'Hi','text':{'format':{'type':'xml'}}}", "text.format", INVALID},
    {"{'input':'Hi','tools':[" F "],'tool_choice':{}}", "tool_choice", INVALID},
    {"{'input':'Hi','tools':[" F "],'tool_choice':{'type':'function'}}",
     "tool_choice", INVALID},
    {"{'input':'Hi','tools':[" F "],'tool_choice':{'type':'allowed_tools',"
     "'tools':[{}]}}", "tool_choice", INVALID},
    {"{'input':'Hi','tools':[" F "],'tool_choice':{'type':'allowed_tools',"
     "'tools':[{'type':'function'}]}}", "tool_choice", INVALID},
    {"{'model':'m'}", "input", INVALID},
    {IN(""), "input", INVALID},
    {IN("'Hi'"), "input[0]", INVALID},
    {IN(HI ",{'type':'item_reference','id':'msg_1'}"), "input[1]", INVALID},
    {IN("{'type':'compaction','encrypted_content':'x'}"), "input[0]", INVALID},
    {IN("{'role':'tool','content':'Hi'}"), "input[0].role", INVALID},
    {IN("{'role':'user'}"), "input[0].content", INVALID},
    {IN("{'role':'assistant'}"), "input[0].content", INVALID},
    {IN(ITEM("user", "{'type':'input_text','text':'A'},{'type':'video'}")),
     "input[0].content[1]", INVALID},
    {IN(ITEM("user", "{'type':'input_text'}")), "input[0].content[0]",
     INVALID},
    {IN(ITEM("user", "{'type':'input_image','file_id':'f'}")),
     "input[0].content[0]", INVALID},
    {IN(ITEM("user", "{'type':'input_file','file_url':'https://x'}")),
     "input[0].content[0]", INVALID},
    {IN(ITEM("user", "{'type':'input_audio'}")), "input[0].content[0]",
     INVALID},
    {IN(ITEM("system", "{'type':'input_image','image_url':'x'}")),
     "input[0].content[0]", INVALID},
    {IN(ITEM("assistant", OUT("A") ",{'type':'input_image'}")),
     "input[0].content[1]", INVALID},
    {IN("{'type':'agent_message','content':[]}"), "input[0].content", INVALID},
    {IN("{'type':'agent_message','content':[{'type':'video'}]}"),
     "input[0].content[0]", INVALID},
    /* calls and their results */
    {IN("{'type':'function_call','name':'f'}"), "input[0].call_id", INVALID},
    {IN("{'type':'function_call','call_id':'c'}"), "input[0].name", INVALID},
    {IN("{'type':'function_call_output','output':'r'}"), "input[0].call_id",
     INVALID},
    {IN(RESULT(1, "'r'")), "input[0].call_id", INVALID},
    {IN(RESULT(1, "'r'") "," CALL(1)), "input[0].call_id", INVALID},
    {IN(CALL(1) ",{'type':'function_call_output','call_id':'call_1'}"),
     "input[1].output", INVALID},
    {IN(CALL(1) "," RESULT(1, "{}")), "input[1].output", INVALID},
    {IN(CALL(1) "," RESULT(1, "[{'type':'input_image'}]")),
     "input[1].output[0]", INVALID},
    {IN(CALL(1) "," RESULT(1, "[{'type':'input_text','text':'a'},"
        "{'type':'input_image','file_id':'f'}]")), "input[1].output[1]",
     INVALID},
    {IN(CALL(1) "," RESULT(1, "'r'") "," RESULT(1, "[{'type':'video'}]")),
     "input[2].output[0]", INVALID},
};

#define NWRONG ((int)(sizeof(wrong) / sizeof(wrong[0])))

START_TEST(what_cannot_be_is_refused_by_path)
{
    ck_assert_ptr_null(asked(wrong[_i].request));
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.param, wrong[_i].param);
    ck_assert_str_eq(err.code, wrong[_i].code);
}
END_TEST

/*
 * Places
 */

/* Of a chat: what it is called in the request. */
static const struct {
    const char *input;
    const char *path;
    const char *place;
} places[] = {
    {HI "," HI, "messages[1]", "input[0]"},
    {HI "," HI, "messages[2].content[1].image_url.url", "input[1].content[1]"},
    {HI, "messages[1].role", "input[0].role"},
    {HI, "messages[1].content", "input[0].content"},
    {HI, "messages[0].content", "instructions"},
    {HI, "messages", "input"},
    {"{'type':'agent_message','content':[{'encrypted_content':'x'}]}",
     "messages[1].content[0]", "input[0].content[0]"},
    /* a turn is of several items */
    {THOUGHT "," CALL(1) "," ITEM("assistant", OUT("A")) "," CALL(2),
     "messages[1].tool_calls[0].function.arguments", "input[1]"},
    {THOUGHT "," CALL(1) "," ITEM("assistant", OUT("A")) "," CALL(2),
     "messages[1].tool_calls[1].id", "input[3]"},
    {THOUGHT "," CALL(1) "," ITEM("assistant", OUT("A")) "," CALL(2),
     "messages[1].content", "input[2]"},
    {THOUGHT "," CALL(1), "messages[1].content", "input[0]"},
    {CALL(1), "messages[1].tool_calls[7]", "input[0]"},
    /* what no message comes of counts for none */
    {THOUGHT "," HI ",{'type':'additional_tools','tools':[]},"
     "{'type':'web_search_call','id':'ws_1'}," HI, "messages[2]", "input[4]"},
    /* results, and what follows them */
    {CALL(1) "," RESULT(1, "'one'"), "messages[2].content", "input[1]"},
    {CALL(1) "," CALL(2) "," RESULT(1, "[{'type':'input_text','text':'a'},"
     "{'type':'input_image','image_url':'x'}]") "," RESULT(2, "[{'type':"
     "'input_image','image_url':'y'},{'type':'input_image','image_url':'z'}]")
     "," HI, "messages[4].content[0]", "input[2].output[1]"},
    {CALL(1) "," CALL(2) "," RESULT(1, "[{'type':'input_text','text':'a'},"
     "{'type':'input_image','image_url':'x'}]") "," RESULT(2, "[{'type':"
     "'input_image','image_url':'y'},{'type':'input_image','image_url':'z'}]")
     "," HI, "messages[4].content[2].image_url", "input[3].output[1]"},
    {CALL(1) "," RESULT(1, "'a'") "," RESULT(1, "'b'") "," RESULT(1,
     "[{'type':'input_image','image_url':'x'}]"), "messages[3].content[1]",
     "input[2]"},
    {CALL(1) "," RESULT(1, "'a'") "," RESULT(1, "'b'") "," RESULT(1,
     "[{'type':'input_image','image_url':'x'}]"), "messages[3].content[3]",
     "input[3].output[0]"},
    {CALL(1) "," RESULT(1, "'a'") "," RESULT(1, "'b'") "," HI "," RESULT(1,
     "'c'"), "messages[5].content[9]", "input[4]"},
    /* tools */
    {HI, "tools[0].function.parameters", "tools[0].parameters"},
    {HI, "tools[0]", "tools[0]"},
    {HI, "tools[1].function.name", "tools[1].tools[0].name"},
    {HI, "tools[2].function.parameters", "tools[2]"},
    {HI ",{'type':'additional_tools','tools':[{'type':'function','name':'h'}]}",
     "tools[3].function", "input[1].tools[0]"},
    /* other members */
    {HI, "max_completion_tokens", "max_output_tokens"},
    {HI, "reasoning_effort", "reasoning.effort"},
    {HI, "seed", "seed"},
    /* none there */
    {HI, "messages[2]", "messages[2]"},
    {HI, "messages[-1]", "messages[-1]"},
    {HI, "messages[99999999999]", "messages[99999999999]"},
    {HI, "messages[", "messages["},
    {HI, "messages[1", "messages[1"},
    {HI, "tools[3]", "tools[3]"},
    {"{'type':'item_reference','id':'i'}", "messages[1]", "messages[1]"},
};

#define NPLACES ((int)(sizeof(places) / sizeof(places[0])))

static azl_exchange_t request_of(const char *input)
{
    azl_exchange_t ex = {.pool = azl_test_pool};

    ex.client = tree_of(
        azl_test_pool,
        quoted(apr_pstrcat(azl_test_pool, "{'instructions':'Be.','tools':["
            "{'type':'function','name':'f'},{'type':'namespace','name':'n',"
            "'tools':[{'type':'function','name':'g'}]},"
            "{'type':'custom','name':'c'}],'input':[", input, "]}", NULL)));
    return ex;
}

START_TEST(places_are_named_as_the_client_does)
{
    azl_exchange_t ex = request_of(places[_i].input);

    azl_error_invalid(&err, "invalid_value", places[_i].path, "No.");
    azl_inbound_responses.place(&ex, &err);
    ck_assert_str_eq(err.param, places[_i].place);
    ck_assert_str_eq(err.message, "No.");
    ck_assert_ptr_null(ex.dropped);
}
END_TEST

/* The message names it, too. */
START_TEST(what_is_not_taken_is_named_as_the_client_does)
{
    azl_exchange_t ex = request_of(HI);

    azl_unfit_member(azl_test_pool, "messages[1].content[0]", &err);
    azl_inbound_responses.place(&ex, &err);
    ck_assert_str_eq(err.param, "input[0].content[0]");
    ck_assert_ptr_nonnull(strstr(err.message, "'input[0].content[0]'"));
    azl_error_invalid(&err, "invalid_value", NULL, "No.");
    azl_inbound_responses.place(&ex, &err);
    ck_assert_ptr_null(err.param);
    ex.client = tree_of(azl_test_pool, "{\"input\":\"Hi\"}");
    azl_error_invalid(&err, "invalid_value", "messages[0].content", "No.");
    azl_inbound_responses.place(&ex, &err);
    ck_assert_str_eq(err.param, "input");
    /* tools that cannot be read have been refused by their own names */
    ex.client = tree_of(azl_test_pool, "{\"tools\":[{}]}");
    azl_error_invalid(&err, "invalid_value", "messages[0]", "No.");
    azl_inbound_responses.place(&ex, &err);
    ck_assert_str_eq(err.param, "messages[0]");
}
END_TEST

/*
 * Answers
 */

#define TOLD(status, details, output, tier, usage, echo)                       \
    "{'id':'resp_0123','object':'response','created_at':1700000000,"           \
    "'status':'" status "','error':null,'incomplete_details':" details ","     \
    "'model':'alias','output':[" output "],'service_tier':'" tier "',"         \
    "'usage':" usage ",'background':false," echo "}"
#define PLAIN_ECHO                                                             \
    "'instructions':null,'max_output_tokens':null,'max_tool_calls':null,"      \
    "'metadata':{},'parallel_tool_calls':true,'prompt_cache_key':null,"        \
    "'safety_identifier':null,'temperature':null,'tool_choice':'auto',"        \
    "'tools':[],'top_logprobs':0,'top_p':null,'truncation':'disabled',"        \
    "'user':null,'previous_response_id':null,"                                 \
    "'reasoning':{'effort':null,'summary':null},"                              \
    "'store':false,'text':{'format':{'type':'text'},'verbosity':null}"
#define SAID(n, parts, status)                                                 \
    "{'id':'msg_0123_" #n "','type':'message','role':'assistant',"             \
    "'content':[" parts "],'status':'" status "'}"
#define PART(text, annotations)                                                \
    "{'type':'output_text','text':'" text "','annotations':[" annotations      \
    "],'logprobs':[]}"
#define CHAT(message, finish, more)                                            \
    "{'id':'c1','choices':[{'index':0,'message':{'role':'assistant'," message  \
    "},'finish_reason':'" finish "'}]" more "}"

static const struct {
    const char *client;
    const char *chat;
    const char *told; /* NULL: it is no answer */
} answers[] = {
    {"{'input':'Hi'}",
     CHAT("'content':'Hi\\u00e9','refusal':null", "stop",
         ",'service_tier':'flex','usage':{'prompt_tokens':18,"
         "'completion_tokens':5,'prompt_tokens_details':{'cached_tokens':3,"
         "'cache_write_tokens':2},'completion_tokens_details':{"
         "'reasoning_tokens':4}}"),
     TOLD("completed", "null", SAID(0, PART("Hi\\u00e9", ""), "completed"),
         "flex", "{'input_tokens':18,'input_tokens_details':{"
         "'cached_tokens':3,'cache_write_tokens':2},'output_tokens':5,"
         "'output_tokens_details':{'reasoning_tokens':4},'total_tokens':23}",
         PLAIN_ECHO)},
    /* the request is repeated */
    {"{'input':'Hi','instructions':'Be.','max_output_tokens':50,"
         "'max_tool_calls':2,'metadata':{'a':'b'},'parallel_tool_calls':false,"
         "'prompt_cache_key':'k','safety_identifier':'s','temperature':0.70,"
         "'tool_choice':'none','tools':[" F
     "],'top_logprobs':2,'top_p':0.5,'truncation':'auto','user':'u',"
         "'reasoning':{'effort':'low'},'text':{'verbosity':'low'},"
         "'store':false}",
     CHAT("'content':null", "stop", ""),
     TOLD("completed", "null", "", "default", "null",
         "'instructions':'Be.','max_output_tokens':50,'max_tool_calls':2,"
         "'metadata':{'a':'b'},'parallel_tool_calls':false,"
         "'prompt_cache_key':'k','safety_identifier':'s',"
         "'temperature':0.70,'tool_choice':'none','tools':[" F "],"
         "'top_logprobs':2,'top_p':0.5,'truncation':'auto','user':'u',"
         "'previous_response_id':null,"
         "'reasoning':{'effort':'low','summary':null},'store':false,"
         "'text':{'format':{'type':'text'},'verbosity':'low'}")},
    {"{'input':'Hi'}",
     CHAT("'content':'A','reasoning_content':'Hm','annotations':[{"
         "'type':'url_citation','url_citation':{'end_index':1,"
         "'start_index':0,'title':'T','url':'https://u'}},{'type':'other'}],"
         "'tool_calls':[{'id':'call_1','type':'function','function':{"
         "'name':'f','arguments':'{\\\"a\\\":1}'}},{'id':'call_2',"
         "'type':'function','function':{'name':'g','arguments':''}},"
         "{'type':'custom','custom':{'name':'c','input':'x'}},7,{}]",
         "tool_calls", ""),
     TOLD("completed", "null",
         "{'id':'rs_0123_0','type':'reasoning','summary':[{"
         "'type':'summary_text','text':'Hm'}],'status':'completed'}," SAID(1,
         PART("A", "{'type':'url_citation','start_index':0,"
         "'end_index':1,'title':'T','url':'https://u'}"), "completed") ","
         "{'id':'fc_0123_2','type':'function_call','call_id':'call_1',"
         "'name':'f','arguments':'{\\\"a\\\":1}','status':'completed'},"
         "{'id':'fc_0123_3','type':'function_call','call_id':'call_2',"
         "'name':'g','arguments':'{}','status':'completed'},"
         "{'id':'ctc_0123_4','type':'custom_tool_call',"
         "'call_id':'call_0123_4','name':'c','input':'x',"
         "'status':'completed'}", "default", "null", PLAIN_ECHO)},
    {"{'input':'Hi'}",
     CHAT("'content':null,'refusal':'No.','reasoning':'Hm'", "stop", ""),
     TOLD("completed", "null",
         "{'id':'rs_0123_0','type':'reasoning','summary':[{"
         "'type':'summary_text','text':'Hm'}],'status':'completed'}," SAID(1,
         "{'type':'refusal','refusal':'No.'}", "completed"), "default", "null",
         PLAIN_ECHO)},
    /* only the last item was cut off */
    {"{'input':'Hi'}",
     CHAT("'content':'A','reasoning_content':'Hm'", "length", ""),
     TOLD("incomplete", "{'reason':'max_output_tokens'}",
         "{'id':'rs_0123_0','type':'reasoning','summary':[{"
         "'type':'summary_text','text':'Hm'}],'status':'completed'}," SAID(1,
         PART("A", ""), "incomplete"), "default", "null", PLAIN_ECHO)},
    {"{'input':'Hi'}",
     CHAT("'content':''", "content_filter", ""),
     TOLD("incomplete", "{'reason':'content_filter'}", "", "default", "null",
         PLAIN_ECHO)},
    {"{'input':'Hi'}",
     "{'choices':[]}",
     NULL},
    {"{'input':'Hi'}",
     "{'choices':[{'index':0}]}",
     NULL},
    {"{'input':'Hi'}",
     "{'choices':7}",
     NULL},
    {"{'input':'Hi'}",
     "[]",
     NULL},
};

#define NANSWERS ((int)(sizeof(answers) / sizeof(answers[0])))

START_TEST(answers_become_responses)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_exchange_t *ex = exchange_in(
        azl_test_pool, deployment_at("azure", "https://h", NULL, "d"));
    apr_status_t rv;

    ex->op = AZL_OP_RESPONSES;
    ex->client = tree_of(azl_test_pool, quoted(answers[_i].client));
    rv = azl_inbound_responses.answer(ex, quoted_span(answers[_i].chat), out);
    if (!answers[_i].told) {
        ck_assert_int_eq(rv, APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted(answers[_i].told));
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_in(void)
{
    TCase *tc = azl_test_tcase("responses_in");

    tcase_add_loop_test(tc, items_become_messages, 0, NTALKS);
    tcase_add_loop_test(tc, members_find_their_place, 0, NWISHES);
    tcase_add_test(tc, instructions_come_first);
    tcase_add_loop_test(tc, what_cannot_be_is_refused_by_path, 0, NWRONG);
    tcase_add_loop_test(tc, places_are_named_as_the_client_does, 0, NPLACES);
    tcase_add_test(tc, what_is_not_taken_is_named_as_the_client_does);
    tcase_add_loop_test(tc, answers_become_responses, 0, NANSWERS);
    return tc;
}
