/*
 * Clients of the Messages API at a chat: their requests, the answers and
 * errors they get.
 */
#include "azl_messages_int.h"
#include "translation_fixture.h"

/* The hub's document, or "400 code param". */
static const char *brought_in(const char *client)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, AZL_HUB_DOCUMENT_MAX);
    azl_exchange_t ex = {.pool = azl_test_pool, .client = parsed(client)};
    azl_json_t *json;
    azl_error_t err;

    memset(&err, 0, sizeof(err));
    if (!azl_inbound_of(AZL_OP_MESSAGES)->request(&ex, out, &err)) {
        return apr_psprintf(azl_test_pool, "%d %s %s", err.status, err.code,
                            err.param);
    }
    ck_assert_ptr_null(
        azl_json_parse(azl_test_pool, azl_span(out->data, out->len), &json));
    return azl_buf_pstr(out, azl_test_pool);
}

#define ASK                                                                    \
    "'model':'m','max_tokens':9,'messages':[{'role':'user','content':'hi'}]"
#define CHAT(messages)                                                         \
    "{'model':'m','max_completion_tokens':9,'messages':[" messages "]"
#define HI "{'role':'user','content':'hi'}"
#define SAID(messages) "{'model':'m','max_tokens':9,'messages':[" messages "]}"
#define USER(block) "{'role':'user','content':[" block "]}"
#define USE(id)                                                                \
    "{'type':'tool_use','id':'" id "','name':'f','input':{'b':1,'a':[]}}"
#define CALL(id)                                                               \
    "{'id':'" id "','type':'function','function':{'name':'f','arguments':"     \
    "'{\\'b\\':1,\\'a\\':[]}'}}"

static const struct request_case {
    const char *client;
    const char *hub;
} requests[] = {
    {"{" ASK "}", CHAT(HI) "}"},
    /* the system first, without whom to bill */
    {"{" ASK ",'system':'s'}", CHAT("{'role':'system','content':'s'}," HI) "}"},
    {"{" ASK ",'system':[{'type':'text','text':'x-anthropic-billing-header: "
     "cc_version=2; cch=1;'},{'type':'text','text':'s','cache_control':"
     "{'type':'ephemeral'}},{'type':'text','text':''}]}",
     CHAT("{'role':'system','content':[{'type':'text','text':'s',"
          "'cache_control':{'type':'ephemeral'}}]}," HI) "}"},
    {"{" ASK ",'system':'x-anthropic-billing-header: a'}", CHAT(HI) "}"},
    {"{" ASK ",'system':[]}", CHAT(HI) "}"},
    /* blocks of a user */
    {SAID(USER("{'type':'text','text':'a'},{'type':'image','source':{'type':"
               "'base64','media_type':'image/png','data':'aGk='}},{'type':"
               "'image','source':{'type':'url','url':'https://x/a.png'}},"
               "{'type':'document','title':'t.pdf','source':{'type':'base64',"
               "'media_type':'application/pdf','data':'aGk='}},{'type':"
               "'document','source':{'type':'text','media_type':'text/plain',"
               "'data':'d'}}")),
     CHAT(USER("{'type':'text','text':'a'},{'type':'image_url','image_url':"
               "{'url':'data:image/png;base64,aGk='}},{'type':'image_url',"
               "'image_url':{'url':'https://x/a.png'}},{'type':'file','file':"
               "{'filename':'t.pdf','file_data':"
               "'data:application/pdf;base64,aGk='}},{'type':'text','text':"
               "'d'}")) "}"},
    {SAID(USER("{'type':'document','source':{'type':'base64','media_type':"
               "'application/pdf','data':'aGk='}}")),
     CHAT(USER("{'type':'file','file':{'filename':'document.pdf','file_data':"
               "'data:application/pdf;base64,aGk='}}")) "}"},
    /* a loop of tools: results before what the user says, images behind */
    {SAID(HI ",{'role':'assistant','content':[{'type':'thinking','thinking':"
             "'t','signature':'s'},{'type':'text','text':'let '},{'type':"
             "'text','text':'me'}," USE("t1") "," USE("t2") "]}," USER(
                 "{'type':'text','text':'and?'},{'type':'tool_result',"
                 "'tool_use_id':'t2','content':'r2'},{'type':'tool_result',"
                 "'tool_use_id':'t1','is_error':true,'content':[{'type':"
                 "'text','text':'r'},{'type':'text','text':'1'},{'type':"
                 "'image','source':{'type':'base64','media_type':"
                 "'image/png','data':'aGk='}}]}")),
     CHAT(HI ",{'role':'assistant','content':'let me','thinking_blocks':[{"
             "'type':'thinking','thinking':'t','signature':'s'}],"
             "'tool_calls':[" CALL("t1") "," CALL(
                 "t2") "]},"
                       "{'role':'tool','tool_call_id':'t2','content':'"
                       "r2'},"
                       "{'role':'tool','tool_call_id':'t1','content':'"
                       "Error: r\\n1'}," USER(
                           "{'type':'text','text':'and?'},{'type':'"
                           "image_url',"
                           "'image_url':{'url':'data:image/"
                           "png;base64,aGk='}}")) "}"},
    {SAID(HI ",{'role':'assistant','content':[" USE("t1") "]}," USER(
         "{'type':'tool_result','tool_use_id':'t1'}")),
     CHAT(HI ",{'role':'assistant','content':null,'tool_calls':[" CALL(
         "t1") "]},{'role':'tool','tool_call_id':'t1','content':''}") "}"},
    /* what has only been thought, or done by a server, is left out */
    {SAID(HI ",{'role':'assistant','content':[{'type':'redacted_thinking',"
             "'data':'d'},{'type':'server_tool_use','id':'x','name':'y',"
             "'input':{}},{'type':'web_search_tool_result','content':[]}]},"
             "{'role':'system','content':[{'type':'text','text':'z'}]},"
             "{'role':'assistant','content':'a'}"),
     CHAT(HI ",{'role':'system','content':[{'type':'text','text':'z'}]},"
             "{'role':'assistant','content':'a'}") "}"},
    /* members */
    {"{" ASK ",'stream':true,'temperature':0.5,'top_p':0.25,'top_k':3,"
     "'stop_sequences':['x'],'metadata':{'user_id':'u'},'service_tier':"
     "'standard_only','context_management':{},'mcp_servers':[]}",
     "{'model':'m','max_completion_tokens':9,'stream':true,'stream_options':"
     "{'include_usage':true},'messages':[" HI "],'top_k':3,'temperature':0.5,"
     "'top_p':"
     "0.25,'stop':['x'],'user':'u','service_tier':'default'}"},
    {"{" ASK ",'stream':false,'stop_sequences':[],'service_tier':'auto'}",
     CHAT(HI) ",'service_tier':'auto'}"},
    {"{" ASK ",'metadata':{'user_id':'0123456789012345678901234567890123456789"
     "01234567890123456789012\xc3\xa9'}}",
     CHAT(HI) ",'user':'0123456789012345678901234567890123456789012345678901234"
              "56789012'}"},
    {"{" ASK ",'thinking':{'type':'enabled','budget_tokens':10000}}",
     CHAT(HI) ",'reasoning_effort':'high'}"},
    {"{" ASK ",'thinking':{'type':'enabled','budget_tokens':5000}}",
     CHAT(HI) ",'reasoning_effort':'medium'}"},
    {"{" ASK ",'thinking':{'type':'enabled','budget_tokens':2000}}",
     CHAT(HI) ",'reasoning_effort':'low'}"},
    {"{" ASK ",'thinking':{'type':'enabled','budget_tokens':1024}}",
     CHAT(HI) ",'reasoning_effort':'minimal'}"},
    {"{" ASK ",'thinking':{'type':'adaptive'}}",
     CHAT(HI) ",'reasoning_effort':'high'}"},
    {"{" ASK ",'thinking':{'type':'adaptive'},'output_config':{'effort':"
     "'max'}}",
     CHAT(HI) ",'reasoning_effort':'max'}"},
    {"{" ASK ",'thinking':{'type':'disabled'},'output_config':{'effort':"
     "'max'}}",
     CHAT(HI) "}"},
    {"{" ASK ",'output_config':{'format':{'type':'json_schema','schema':"
     "{'type':'object'}}}}",
     CHAT(HI) ",'response_format':{'type':'json_schema','json_schema':{'name':"
              "'structured_output','schema':{'type':'object'}}}}"},
    {"{" ASK ",'tools':[{'name':'f','description':'d','input_schema':{'type':"
     "'object'},'cache_control':{}},{'type':'custom','name':'g','strict':true,"
     "'input_schema':{}}],'tool_choice':{'type':'any',"
     "'disable_parallel_tool_use':true}}",
     CHAT(HI) ",'tools':[{'type':'function','function':{'name':'f',"
              "'description':'d','parameters':{'type':'object'}},"
              "'cache_control':{}},{'type':"
              "'function','function':{'name':'g','parameters':{},'strict':"
              "true}}],'tool_choice':'required','parallel_tool_calls':false}"},
    {"{" ASK ",'tools':[{'name':'f'}],'tool_choice':{'type':'tool','name':"
     "'f'}}",
     CHAT(HI) ",'tools':[{'type':'function','function':{'name':'f'}}],"
              "'tool_choice':{'type':'function','function':{'name':'f'}}}"},
    {"{" ASK ",'tools':[{'name':'f'}],'tool_choice':{'type':'none'}}",
     CHAT(HI) ",'tools':[{'type':'function','function':{'name':'f'}}],"
              "'tool_choice':'none'}"},
    {"{" ASK ",'tools':[],'tool_choice':{'type':'auto'}}", CHAT(HI) "}"},
    /* refused */
    {"{'messages':[" HI "]}", "400 invalid_value max_tokens"},
    {"{'max_tokens':0,'messages':[" HI "]}", "400 invalid_value max_tokens"},
    {"{'max_tokens':9}", "400 invalid_value messages"},
    {SAID(""), "400 invalid_value messages"},
    {"{" ASK ",'system':5}", "400 invalid_value system"},
    {"{" ASK ",'system':[{'type':'text','text':'a'},{'type':'image'}]}",
     "400 invalid_value system[1]"},
    {SAID("{'role':'tool','content':'x'}"),
     "400 invalid_value messages[0].role"},
    {SAID("{'role':'user','content':5}"),
     "400 invalid_value messages[0].content"},
    {SAID(HI "," USER("{'type':'hologram'}")),
     "400 invalid_value messages[1].content[0]"},
    {SAID(USER("{'type':'image','source':{'type':'file','file_id':'f'}}")),
     "400 invalid_value messages[0].content[0]"},
    {SAID(
         USER("{'type':'document','source':{'type':'url','url':'https://x'}}")),
     "400 invalid_value messages[0].content[0]"},
    {SAID(USER("{'type':'text','text':5}")),
     "400 invalid_value messages[0].content[0]"},
    {SAID(HI "," USER("{'type':'tool_result','tool_use_id':'t1','content':"
                      "'x'}")),
     "400 invalid_value messages[1].content[0]"},
    {SAID("{'role':'assistant','content':[" USE("t1") "]}," USER(
         "{'type':'tool_result','tool_use_id':'t2','content':'x'}")),
     "400 invalid_value messages[1].content[0]"},
    {SAID("{'role':'assistant','content':[" USE("t1") "]}," USER(
         "{'type':'tool_result','tool_use_id':'t1','content':[{'type':"
         "'hologram'}]}")),
     "400 invalid_value messages[1].content[0]"},
    {SAID("{'role':'assistant','content':[{'type':'image'}]}"),
     "400 invalid_value messages[0].content[0]"},
    {SAID("{'role':'assistant','content':[{'type':'text','text':'a'},{'type':"
          "'tool_use','id':'t','name':'f','input':'{}'}]}"),
     "400 invalid_value messages[0].content[1]"},
    {"{" ASK ",'tools':[{'name':'f'},{'type':'web_search_20250305','name':"
     "'web_search'}]}",
     "400 invalid_value tools[1]"},
    {"{" ASK ",'tools':[{'input_schema':{}}]}", "400 invalid_value tools[0]"},
    {"{" ASK ",'tools':[{'name':'f'}],'tool_choice':{'type':'tool'}}",
     "400 invalid_value tool_choice"},
    {"{" ASK ",'output_config':{'format':{'type':'xml'}}}",
     "400 invalid_value output_config.format"},
};

START_TEST(requests_become_chats)
{
    ck_assert_str_eq(brought_in(requests[_i].client), quoted(requests[_i].hub));
}
END_TEST

/*
 * Answers
 */

#define COMPLETION(message, finish)                                            \
    "{'id':'chatcmpl-1','object':'chat.completion','created':5,'model':"       \
    "'alias','choices':[{'index':0,'message':{'role':'assistant'," message     \
    "},'finish_reason':'" finish "'}],'usage':{'prompt_tokens':10,"            \
    "'completion_tokens':4,'prompt_tokens_details':{'cached_tokens':6,"        \
    "'cache_write_tokens':1}}}"
#define MESSAGE(content, stop)                                                 \
    "{'id':'msg_r1','type':'message','role':'assistant','model':'alias',"      \
    "'content':[" content "],'stop_reason':'" stop "','stop_sequence':null,"   \
    "'usage':{'input_tokens':3,'cache_read_input_tokens':6,"                   \
    "'cache_creation_input_tokens':1,'output_tokens':4}}"

static const struct {
    const char *hub;
    const char *answer; /* NULL: it is none */
} answers[] = {
    {COMPLETION("'content':'a'", "stop"),
     MESSAGE("{'type':'text','text':'a'}", "end_turn")},
    {COMPLETION("'content':'a','refusal':null", "length"),
     MESSAGE("{'type':'text','text':'a'}", "max_tokens")},
    {COMPLETION("'content':null,'refusal':'no'", "content_filter"),
     MESSAGE("{'type':'text','text':'no'}", "refusal")},
    {COMPLETION("'content':''", "stop"), MESSAGE("", "end_turn")},
    {COMPLETION("'content':'a','reasoning_content':'t','tool_calls':[{'id':"
                "'c1','type':'function','function':{'name':'f','arguments':"
                "' {\\'b\\':1,\\'a\\':2}'}},{'id':'c2','type':'function',"
                "'function':{'name':'g','arguments':'{\\'cut'}}]",
                "tool_calls"),
     MESSAGE("{'type':'thinking','thinking':'t','signature':"
             "'azurelitUnsigned'},{'type':'text','text':'a'},{'type':'tool_use'"
             ",'id':'c1','name':'f','input':"
             "{'b':1,'a':2}},{'type':'tool_use','id':'c2','name':'g','input':"
             "{}}",
             "tool_use")},
    {COMPLETION("'content':null,'tool_calls':[{'id':'c1','type':'function',"
                "'function':{'name':'f','arguments':''}}]",
                "stop"),
     MESSAGE("{'type':'tool_use','id':'c1','name':'f','input':{}}",
             "tool_use")},
    /* who gives a call no id gets one made up back */
    {COMPLETION("'content':null,'tool_calls':[{'type':'function','function':"
                "{'name':'f','arguments':'{}'}},{'id':'','type':'function',"
                "'function':{'name':'g','arguments':'{}'}}]",
                "tool_calls"),
     MESSAGE("{'type':'tool_use','id':'toolu_r1_0','name':'f','input':{}},"
             "{'type':'tool_use','id':'toolu_r1_1','name':'g','input':{}}",
             "tool_use")},
    /* how much of it was thought, if any */
    {"{'choices':[{'index':0,'message':{'role':'assistant','content':'a'},"
     "'finish_reason':'stop'}],'usage':{'prompt_tokens':10,"
     "'completion_tokens':4,'completion_tokens_details':{'reasoning_tokens':"
     "3}}}",
     "{'id':'msg_r1','type':'message','role':'assistant','model':'alias',"
     "'content':[{'type':'text','text':'a'}],'stop_reason':'end_turn',"
     "'stop_sequence':null,'usage':{'input_tokens':10,"
     "'cache_read_input_tokens':0,'cache_creation_input_tokens':0,"
     "'output_tokens':4,'output_tokens_details':{'thinking_tokens':3}}}"},
    /* how long it is cached */
    {"{'choices':[{'index':0,'message':{'role':'assistant','content':'a'},"
     "'finish_reason':'stop'}],'usage':{'prompt_tokens':10,"
     "'completion_tokens':4,'prompt_tokens_details':{'cache_write_tokens':9,"
     "'cache_creation_token_details':{'ephemeral_1h_input_tokens':7}}}}",
     "{'id':'msg_r1','type':'message','role':'assistant','model':'alias',"
     "'content':[{'type':'text','text':'a'}],'stop_reason':'end_turn',"
     "'stop_sequence':null,'usage':{'input_tokens':1,"
     "'cache_read_input_tokens':0,'cache_creation_input_tokens':9,"
     "'cache_creation':{'ephemeral_5m_input_tokens':2,"
     "'ephemeral_1h_input_tokens':7},'output_tokens':4}}"},
    {"{'choices':[]}", NULL},
    {"{", NULL},
};

START_TEST(chats_become_messages)
{
    azl_exchange_t *ex = exchange_with(NULL, "m", NULL);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    apr_status_t rv = azl_inbound_of(AZL_OP_MESSAGES)
                          ->answer(ex, quoted_span(answers[_i].hub), out);

    if (!answers[_i].answer) {
        ck_assert_int_eq(rv, APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted(answers[_i].answer));
}
END_TEST

START_TEST(ids_look_like_ids)
{
    ck_assert_str_eq(azl_messages_id(azl_test_pool, azl_span_str("msg_9"), "r"),
                     "msg_9");
    ck_assert_str_eq(azl_messages_id(azl_test_pool, azl_span_str("x"), "r"),
                     "msg_r");
    ck_assert_str_eq(azl_messages_id(azl_test_pool, azl_span(NULL, 0), "r"),
                     "msg_r");
}
END_TEST

/*
 * Counts
 */

START_TEST(tokens_are_estimated)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);

    /* "user" and 36 bytes of text; the model's name does not count */
    azl_dialect_count_tokens(
        quoted_span("{'model':'a name that is long','messages':[{'role':"
                    "'user','content':'0123456789abcdef0123456789abcdefwxyz'}"
                    "]}"),
        out);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), "{\"input_tokens\":10}");
    azl_buf_clear(out);
    azl_dialect_count_tokens(quoted_span("{'system':'01234567','tools':"
                                         "['0123']}"),
                             out);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), "{\"input_tokens\":3}");
}
END_TEST

/*
 * Errors
 */

static const struct {
    int status;
    const char *type;
} errors[] = {{400, "invalid_request_error"},
              {401, "authentication_error"},
              {402, "billing_error"},
              {403, "permission_error"},
              {404, "not_found_error"},
              {408, "timeout_error"},
              {409, "invalid_request_error"},
              {413, "request_too_large"},
              {429, "rate_limit_error"},
              {500, "api_error"},
              {502, "api_error"},
              {503, "overloaded_error"},
              {504, "timeout_error"},
              {529, "overloaded_error"}};

START_TEST(errors_have_their_types)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_error_t err;

    azl_error_from_status(&err, errors[_i].status);
    err.status = errors[_i].status;
    err.message = "m";
    azl_inbound_of(AZL_OP_COUNT_TOKENS)->error(&err, "req_1", out);
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        apr_psprintf(azl_test_pool,
                     "{\"type\":\"error\",\"error\":{\"type\":\"%s\","
                     "\"message\":\"m\"},\"request_id\":\"req_1\"}",
                     errors[_i].type));
}
END_TEST

START_TEST(errors_name_the_place)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_error_t err;

    azl_error_invalid(&err, "c", "messages[0]", "It \"is\".");
    azl_inbound_of(AZL_OP_MESSAGES)->error(&err, NULL, out);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     "{\"type\":\"error\",\"error\":{\"type\":"
                     "\"invalid_request_error\",\"message\":"
                     "\"messages[0]: It \\\"is\\\".\"}}");
}
END_TEST

TCase *azl_test_messages(void)
{
    TCase *tc = azl_test_tcase("messages");

    tcase_add_loop_test(tc, requests_become_chats, 0,
                        sizeof(requests) / sizeof(requests[0]));
    tcase_add_loop_test(tc, chats_become_messages, 0,
                        sizeof(answers) / sizeof(answers[0]));
    tcase_add_test(tc, ids_look_like_ids);
    tcase_add_test(tc, tokens_are_estimated);
    tcase_add_loop_test(tc, errors_have_their_types, 0,
                        sizeof(errors) / sizeof(errors[0]));
    tcase_add_test(tc, errors_name_the_place);
    return tc;
}
