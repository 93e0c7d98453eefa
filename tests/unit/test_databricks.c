/*
 * The dialect databricks: URLs and requests.
 */
#include "databricks_fixture.h"

/*
 * URLs
 */

static const struct {
    const char *url;
    azl_op_e op;
    int responses;
    const char *expected; /* NULL: there is no such operation */
} urls[] = {
    {"https://w", AZL_OP_CHAT, 0,
     "https://w/serving-endpoints/chat/completions"},
    {"https://w", AZL_OP_EMBEDDINGS, 0,
     "https://w/serving-endpoints/embeddings"},
    {"https://w/serving-endpoints", AZL_OP_CHAT, 0,
     "https://w/serving-endpoints/chat/completions"},
    {"https://w/ai-gateway/mlflow/v1", AZL_OP_CHAT, 0,
     "https://w/ai-gateway/mlflow/v1/chat/completions"},
    {"https://w", AZL_OP_RESPONSES, 0, NULL},
    {"https://w", AZL_OP_RESPONSES, 1, "https://w/serving-endpoints/responses"},
    {"https://w", AZL_OP_MODERATIONS, 0, NULL},
    {"https://w", AZL_OP_RESPONSE_GET, 1, NULL},
};

START_TEST(url_of_an_operation)
{
    azl_deployment_t *d = deployment_at("databricks", urls[_i].url, NULL, "up");
    const azl_dialect_t *dialect = d->endpoint->dialect;
    const char *url;

    d->responses_only = urls[_i].responses;
    url = dialect->url(azl_test_pool, d, urls[_i].op, "resp_1", "x=y");
    if (urls[_i].expected) {
        ck_assert_str_eq(url, urls[_i].expected);
    }
    else {
        ck_assert_ptr_null(url);
    }
}
END_TEST

START_TEST(credentials)
{
    azl_deployment_t *d = deployment_at("databricks", "https://w", NULL, "up");
    azl_endpoint_t open = *d->endpoint;
    const char *name, *value;

    azl_dialect_credential(azl_test_pool, &open, open.credential, &name,
                           &value);
    ck_assert_str_eq(name, "Authorization");
    ck_assert_str_eq(value, "Bearer a-credential-0123456789");
    open.credential = NULL;
    azl_dialect_credential(azl_test_pool, &open, open.credential, &name,
                           &value);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
    ck_assert_ptr_null(open.dialect->outbound(d, AZL_OP_EMBEDDINGS));
}
END_TEST

/*
 * Requests
 */

#define HI "{'role':'user','content':'hi'}"
#define ASK(more) "{'model':'a','messages':[" HI "]" more "}"
#define SENT_UP(more) "{'model':'up','messages':[" HI "]" more "}"
#define TALK(messages) "{'messages':[" messages "]}"
#define TALKS(messages) "{'model':'up','messages':[" messages "]}"
#define CALLS(calls)                                                           \
    "{'role':'assistant','content':null,'tool_calls':[" calls "]}"
#define RESULT(id) "{'role':'tool','tool_call_id':'" id "','content':'ok'}"
#define TOOL(name)                                                             \
    "{'type':'function','function':{'name':'" name                             \
    "','parameters':{'type':'object','properties':{}}}}"
#define FORMAT                                                                 \
    ",'response_format':{'type':'json_schema','json_schema':{'name':'n',"      \
    "'schema':{'type':'object'}}}"
#define JSON_TOOL                                                              \
    "{'type':'function','function':{'name':'json_tool_call','description':"    \
    "'Gives the answer. Its members are the JSON object that was asked "       \
    "for.','parameters':{'type':'object'}}}"
#define CHOOSE(name)                                                           \
    "'tool_choice':{'type':'function','function':{'name':'" name "'}}"

static const struct request_case {
    const char *family;
    const char *hub;
    const char *sent;    /* or "400 code param" */
    const char *dropped; /* NULL: nothing */
    int streamed;
} requests[] = {
    {"llama", ASK(""), SENT_UP(""), NULL, 0},
    {"llama", ASK(",'max_completion_tokens':5,'n':2,'stop':['x']"),
     SENT_UP(",'max_tokens':5,'stop':['x'],'n':2"), NULL, 0},
    {"llama", ASK(",'max_tokens':5,'temperature':1.70,'top_p':0.5,'top_k':4"),
     SENT_UP(",'max_tokens':5,'temperature':1.70,'top_p':0.5,'top_k':4"), NULL,
     0},
    {"llama", ASK(",'max_tokens':0"), "400 invalid_value max_tokens", NULL, 0},
    {"llama", ASK(",'temperature':'hot'"), "400 invalid_value temperature",
     NULL, 0},
    {"llama", ASK(",'stream':true"),
     SENT_UP(",'stream':true,'stream_options':{'include_usage':true}"), NULL,
     1},
    {"gemini-3", ASK(",'stream':true"), SENT_UP(",'stream':true"), NULL, 1},
    {"gpt-oss", ASK(",'reasoning_effort':'low'"),
     SENT_UP(",'reasoning_effort':'low'"), NULL, 0},
    /* what there is nothing for */
    {"llama",
     ASK(",'seed':1,'user':'u','odd one':1,'x':null,'store':false,"
         "'parallel_tool_calls':true,'presence_penalty':0.0,"
         "'modalities':['text'],'thinking':{}"),
     SENT_UP(""), "seed,user,(unknown),thinking", 0},
    {"llama", ASK(",'presence_penalty':0.1,'parallel_tool_calls':false"),
     SENT_UP(""), "presence_penalty,parallel_tool_calls", 0},
    {"llama", ASK(",'logprobs':false,'top_logprobs':0"), SENT_UP(""), NULL, 0},
    {"llama", ASK(",'logprobs':true"), "400 unsupported_parameter logprobs",
     NULL, 0},
    {"llama", ASK(",'modalities':['audio']"),
     "400 unsupported_parameter modalities", NULL, 0},
    {CLAUDE, ASK(",'seed':1,'user':'u','service_tier':'auto','n':1"),
     SENT_UP(",'max_tokens':64000"), "user,seed", 0},
    {CLAUDE, ASK(",'n':2"), "400 unsupported_parameter n", NULL, 0},
    {CLAUDE, ASK(",'web_search_options':{}"),
     "400 unsupported_parameter web_search_options", NULL, 0},
    /* sampling, as a Claude takes it */
    {CLAUDE, ASK(",'max_tokens':9,'temperature':1.5,'top_p':0.5"),
     SENT_UP(",'max_tokens':9,'temperature':1"), "top_p", 0},
    {NEWEST, ASK(",'max_tokens':9,'temperature':0.5,'top_p':1.0"),
     SENT_UP(",'max_tokens':9"), "temperature", 0},
    {CLAUDE, ASK(",'max_tokens':9,'temperature':'x'"),
     "400 invalid_value temperature", NULL, 0},
    /* thinking */
    {CLAUDE, ASK(",'max_tokens':3000,'reasoning_effort':'medium'"),
     SENT_UP(",'max_tokens':3000,'thinking':{'type':'enabled',"
             "'budget_tokens':2048}"),
     NULL, 0},
    {CLAUDE, ASK(",'max_tokens':1500,'reasoning_effort':'high'"),
     SENT_UP(",'max_tokens':1500,'thinking':{'type':'enabled',"
             "'budget_tokens':1499}"),
     NULL, 0},
    {CLAUDE, ASK(",'max_tokens':100,'reasoning_effort':'high'"),
     SENT_UP(",'max_tokens':100"), "reasoning_effort", 0},
    {CLAUDE, ASK(",'max_tokens':9,'thinking':{'type':'disabled'}"),
     SENT_UP(",'max_tokens':9,'thinking':{'type':'disabled'}"), NULL, 0},
    {NEWEST, ASK(",'max_tokens':9,'reasoning_effort':'low'"),
     SENT_UP(",'max_tokens':9,'thinking':{'type':'adaptive'}"), NULL, 0},
    {NEWEST, ASK(",'max_tokens':9,'reasoning_effort':'none'"),
     SENT_UP(",'max_tokens':9,'thinking':{'type':'disabled'}"), NULL, 0},
    /* structured output */
    {"llama", ASK(FORMAT), SENT_UP(FORMAT), NULL, 0},
    {"llama", ASK(",'response_format':{'type':'text'}"), SENT_UP(""), NULL, 0},
    {CLAUDE, ASK(",'max_tokens':9" FORMAT),
     SENT_UP(",'tools':[" JSON_TOOL
             "]," CHOOSE("json_tool_call") ",'max_tokens':9"),
     NULL, 0},
    {CLAUDE, ASK(",'max_tokens':9,'tools':[" TOOL("f") "]" FORMAT),
     SENT_UP(",'tools':[" TOOL(
         "f") "," JSON_TOOL "],'tool_choice':'required','max_tokens':9"),
     NULL, 0},
    {CLAUDE, ASK(",'max_tokens':9,'tools':[" TOOL("f") "]," CHOOSE("f") FORMAT),
     SENT_UP(",'tools':[" TOOL("f") "," JSON_TOOL
                                    "]," CHOOSE("f") ",'max_tokens':9"),
     NULL, 0},
    {"claude-fable-5", ASK(",'max_tokens':9" FORMAT),
     "400 unsupported_parameter response_format", NULL, 0},
    /* tools */
    {"llama",
     ASK(",'tools':[{'type':'function','function':{'name':'f','strict':true,"
         "'description':'d','x':1}}," TOOL("g") "],'tool_choice':'auto'"),
     SENT_UP(",'tools':[{'type':'function','function':{'name':'f',"
             "'description':'d','parameters':{'type':'object','properties':{}"
             "}}}," TOOL("g") "],'tool_choice':'auto'"),
     "tools.function.strict", 0},
    {"llama",
     ASK(",'tools':[" TOOL("f") "," TOOL(
         "g") "],'tool_choice':{'type':'allowed_tools','allowed_tools':"
              "{'mode':'required','tools':[{'type':'function','function':"
              "{'name':'g'}}]}}"),
     SENT_UP(",'tools':[" TOOL("g") "],'tool_choice':'required'"), NULL, 0},
    {"llama", ASK(",'tools':[],'tool_choice':'none'"), SENT_UP(""), NULL, 0},
    {"llama", ASK(",'tools':{}"), "400 invalid_value tools", NULL, 0},
    {"llama", ASK(",'tools':[{'type':'custom'}]"), "400 invalid_value tools[0]",
     NULL, 0},
    {"llama",
     ASK(",'tools':[{'type':'function','function':{'name':'f','parameters':"
         "'x'}}]"),
     "400 invalid_value tools[0].function.parameters", NULL, 0},
    {"llama", ASK(",'tools':[" TOOL("f") "],'tool_choice':'maybe'"),
     "400 invalid_value tool_choice", NULL, 0},
    {"claude-fable-5",
     ASK(",'max_tokens':9,'tools':[" TOOL("f") "],'tool_choice':'required'"),
     "400 unsupported_parameter tool_choice", NULL, 0},
    /* messages */
    {"llama",
     TALK("{'role':'developer','content':'d','name':'n'},"
          "{'role':'user','content':[{'type':'text','text':'','x':1}],"
          "'name':'n'},{'role':'assistant','content':null,'refusal':'no',"
          "'reasoning_content':'r','audio':null}"),
     TALKS("{'role':'system','content':'d'},"
           "{'role':'user','content':[{'type':'text','text':''}],'name':'n'},"
           "{'role':'assistant','content':'no'}"),
     NULL, 0},
    {"llama",
     TALK("{'role':'user','content':[{'type':'image_url','image_url':{'url':"
          "'https://x','detail':'low'}}]}"),
     TALKS("{'role':'user','content':[{'type':'image_url','image_url':{'url':"
           "'https://x','detail':'low'}}]}"),
     NULL, 0},
    {"llama",
     TALK(HI "," CALLS(CALL("c", "'{}'") "," CALL("d", "''")) "," RESULT(
         "d") "," RESULT("c")),
     TALKS(HI "," CALLS(CALL("c", "'{}'") "," CALL("d", "'{}'")) "," RESULT(
         "d") "," RESULT("c")),
     NULL, 0},
    {CLAUDE,
     "{'max_tokens':9,'messages':[{'role':'system','content':' '},"
     "{'role':'user','content':[{'type':'text','text':' '},{'type':'text',"
     "'text':'hi','cache_control':{'type':'ephemeral'}},{'type':'image_url',"
     "'image_url':{'url':'data:x','detail':'low'}}]},{'role':'assistant',"
     "'content':''}," CALLS(
         CALL("c", "'{}'")) ",{'role':'tool',"
                            "'tool_call_id':'c','content':[]}]}",
     "{'model':'up','messages':[{'role':'user','content':[{'type':'text',"
     "'text':'hi','cache_control':{'type':'ephemeral'}},{'type':'image_url',"
     "'image_url':{'url':'data:x'}}]}," CALLS(
         CALL("c", "'{}'")) ","
                            "{'role':'tool','tool_call_id':'c','content':'("
                            "empty)'}],'tools':[" TOOL(
                                "f") "],'tool_choice':'none','max_tokens':9}",
     NULL, 0},
    {"llama", "{}", "400 invalid_value messages", NULL, 0},
    {"llama", TALK(""), "400 invalid_value messages", NULL, 0},
    {"llama", TALK("{'role':'function'}"), "400 invalid_value messages[0].role",
     NULL, 0},
    {"llama", TALK("{'role':'user'}"), "400 invalid_value messages[0].content",
     NULL, 0},
    {"llama", TALK("{'role':'user','content':{}}"),
     "400 invalid_value messages[0].content", NULL, 0},
    {"llama", TALK("{'role':'user','content':[{'type':'file'}]}"),
     "400 invalid_value messages[0].content[0]", NULL, 0},
    {"llama", TALK("{'role':'user','content':[{'type':'text'}]}"),
     "400 invalid_value messages[0].content[0]", NULL, 0},
    {"llama", TALK("{'role':'user','content':[{'type':'image_url'}]}"),
     "400 invalid_value messages[0].content[0]", NULL, 0},
    {CLAUDE,
     TALK("{'role':'user','content':[{'type':'image_url','image_url':{'url':"
          "'https://x'}}]}"),
     "400 invalid_value messages[0].content[0]", NULL, 0},
    {"llama", TALK(HI "," RESULT("c")),
     "400 invalid_value messages[1].tool_call_id", NULL, 0},
    {"llama", TALK(CALLS(CALL("c", "'{}'")) "," HI "," RESULT("c")),
     "400 invalid_value messages[2].tool_call_id", NULL, 0},
    {"llama", TALK(CALLS(CALL("c", "'[]'"))),
     "400 invalid_value messages[0].tool_calls[0].function.arguments", NULL, 0},
    {"llama", TALK(CALLS("{'id':'c','type':'custom'}")),
     "400 invalid_value messages[0].tool_calls[0]", NULL, 0},
    {"llama", TALK(CALLS("{'function':{'name':'f'}}")),
     "400 invalid_value messages[0].tool_calls[0]", NULL, 0},
    {"llama", TALK("{'role':'assistant','tool_calls':{}}"),
     "400 invalid_value messages[0].tool_calls", NULL, 0},
    {"llama", TALK("{'role':'assistant','function_call':{'name':'f'}}"),
     "400 invalid_value messages[0].tool_calls", NULL, 0},
};

START_TEST(requests_go_up)
{
    const struct request_case *c = &requests[_i];
    azl_exchange_t *ex = asking(c->family, c->hub);

    ex->streamed = c->streamed;
    ck_assert_str_eq(asked(ex, chats()), quoted(c->sent));
    if (*c->sent == '{') {
        ck_assert_str_eq(dropped_of(ex), c->dropped ? c->dropped : "");
    }
}
END_TEST

START_TEST(as_configured)
{
    azl_exchange_t *ex = asking("llama", ASK(",'seed':1"));

    ex->params = AZL_PARAMS_REJECT;
    ck_assert_str_eq(asked(ex, chats()), "400 unsupported_parameter seed");
    ex = asking("llama", ASK(",'logprobs':true"));
    ex->params = AZL_PARAMS_DROP;
    ck_assert_str_eq(asked(ex, chats()), quoted(SENT_UP("")));
    ck_assert_str_eq(dropped_of(ex), "logprobs");
    ex = asking("llama", ASK(",'tools':[{'type':'function','function':{'name':"
                             "'f','strict':true}}]"));
    ex->params = AZL_PARAMS_REJECT;
    ck_assert_str_eq(asked(ex, chats()),
                     "400 unsupported_parameter tools.function.strict");
    ex = asking("claude-fable-5", ASK(",'max_tokens':9,'tools':[" TOOL(
                                      "f") "],'tool_choice':'required'"));
    ex->params = AZL_PARAMS_DROP;
    ck_assert_str_eq(
        asked(ex, chats()),
        quoted(SENT_UP(",'tools':[" TOOL("f") "],'max_tokens':9")));
}
END_TEST

/* Thoughts of a turn go back as parts of its content. */
START_TEST(thoughts_go_back)
{
    static const char hub[] =
        "{'max_tokens':3000,'reasoning_effort':'low','messages':[" HI
        "," CALLS(CALL("c", "'{}'")) "," RESULT("c") "]}";
    azl_exchange_t *ex = asking(CLAUDE, hub);
    const char *sent;

    kept_of(ex)->what =
        quoted("anthropic/c={'type':'thinking','thinking':'hm','signature':"
               "'s'},{'type':'redacted_thinking','data':'d'}");
    sent = asked(ex, chats());
    ck_assert_ptr_nonnull(
        strstr(sent, quoted("'content':[{'type':'reasoning','summary':[{'type':"
                            "'summary_text','text':'hm','signature':'s'}]}],"
                            "'tool_calls':")));
    ck_assert_ptr_nonnull(strstr(sent, quoted("'thinking':{'type':'enabled'")));
    kept_of(ex)->what = NULL;
    ex->memo = NULL;
    sent = asked(ex, chats());
    ck_assert_ptr_null(strstr(sent, "thinking"));
}
END_TEST

TCase *azl_test_databricks(void)
{
    TCase *tc = azl_test_tcase("databricks");

    tcase_add_loop_test(tc, url_of_an_operation, 0,
                        (int)(sizeof(urls) / sizeof(urls[0])));
    tcase_add_test(tc, credentials);
    tcase_add_loop_test(tc, requests_go_up, 0,
                        (int)(sizeof(requests) / sizeof(requests[0])));
    tcase_add_test(tc, as_configured);
    tcase_add_test(tc, thoughts_go_back);
    return tc;
}
