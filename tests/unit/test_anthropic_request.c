/*
 * The members of a chat as those of a request of the Messages API.
 */
#include "anthropic_fixture.h"

#define SENT(head, member) head ASKED "," member "}"
#define SCHEMA(more)                                                           \
    "'response_format':{'type':'json_schema','json_schema':{'name':'n'" more   \
    ",'schema':{'type':'object','properties':{'a':{'type':'integer',"          \
    "'minimum':1}}}}}"

static const request_case_t members[] = {
    /* the length of an answer */
    {ALL, WITH("'max_tokens':7"), HEAD("7") ASKED "}", NULL},
    {ALL, WITH("'max_tokens':7,'max_completion_tokens':8"), HEAD("8") ASKED "}",
     NULL},
    {OLD, WITH("'max_tokens':70000"), OLD_HEAD ASKED "}", NULL},
    {"who knows", "{" ASK "}", HEAD("32000") ASKED "}", NULL},
    {"who knows", WITH("'max_tokens':70000"), HEAD("70000") ASKED "}", NULL},
    /* sampling */
    {ALL, WITH("'temperature':0.7"), SENT(ALL_HEAD, "'temperature':0.7"), NULL},
    {ALL, WITH("'temperature':1.5"), SENT(ALL_HEAD, "'temperature':1"), NULL},
    {ALL, WITH("'temperature':null"), ALL_HEAD ASKED "}", NULL},
    {ALL, WITH("'temperature':0,'top_p':0.5"),
     SENT(ALL_HEAD, "'temperature':0"), "top_p"},
    {ALL, WITH("'temperature':0,'top_p':1"), SENT(ALL_HEAD, "'temperature':0"),
     NULL},
    {OLD, WITH("'temperature':0,'top_p':0.5,'top_k':3"),
     SENT(OLD_HEAD, "'temperature':0,'top_p':0.5,'top_k':3"), NULL},
    {NEW, WITH("'temperature':0.2,'top_p':1"), NEW_HEAD ASKED "}",
     "temperature"},
    {BUDGET, WITH("'temperature':0.2,'reasoning_effort':'low'"),
     SENT(BUDGET_HEAD, "'thinking':{'type':'enabled','budget_tokens':1024}"),
     "temperature"},
    /* thinking */
    {ALL, WITH("'reasoning_effort':'minimal'"),
     SENT(ALL_HEAD, "'thinking':{'type':'adaptive'},"
                    "'output_config':{'effort':'low'}"),
     NULL},
    {ALL, WITH("'reasoning_effort':'xhigh'"),
     SENT(ALL_HEAD, "'thinking':{'type':'adaptive'},"
                    "'output_config':{'effort':'max'}"),
     NULL},
    {NEW, WITH("'reasoning_effort':'xhigh'"),
     SENT(NEW_HEAD, "'thinking':{'type':'adaptive','display':'summarized'},"
                    "'output_config':{'effort':'xhigh'}"),
     NULL},
    {ALL, WITH("'reasoning_effort':'none'"), ALL_HEAD ASKED "}", NULL},
    {NEW, WITH("'reasoning_effort':'none'"),
     SENT(NEW_HEAD, "'thinking':{'type':'disabled'}"), NULL},
    {BUDGET, WITH("'reasoning_effort':'high'"),
     SENT(BUDGET_HEAD, "'thinking':{'type':'enabled','budget_tokens':4096}"),
     NULL},
    {BUDGET, WITH("'reasoning_effort':'max','max_tokens':1025"),
     SENT(HEAD("1025"), "'thinking':{'type':'enabled','budget_tokens':1024}"),
     NULL},
    {BUDGET, WITH("'reasoning_effort':'low','max_tokens':1024"),
     HEAD("1024") ASKED "}", "reasoning_effort"},
    {OLD, WITH("'reasoning_effort':'low'"), OLD_HEAD ASKED "}",
     "reasoning_effort"},
    {BUDGET,
     WITH("'thinking':{'type':'enabled','budget_tokens':9},'temperature':1"),
     SENT(BUDGET_HEAD, "'thinking':{'type':'enabled','budget_tokens':9}"),
     NULL},
    {NEW, WITH("'thinking':{'type':'disabled'},'reasoning_effort':'low'"),
     SENT(NEW_HEAD, "'thinking':{'type':'disabled'}"), NULL},
    /* stop */
    {ALL, WITH("'stop':'x'"), SENT(ALL_HEAD, "'stop_sequences':['x']"), NULL},
    {ALL, WITH("'stop':['x','y']"),
     SENT(ALL_HEAD, "'stop_sequences':['x','y']"), NULL},
    {ALL, WITH("'stop':[]"), ALL_HEAD ASKED "}", NULL},
    /* who asks, and how urgent it is */
    {ALL, WITH("'user':'u'"), SENT(ALL_HEAD, "'metadata':{'user_id':'u'}"),
     NULL},
    {ALL, WITH("'user':'u','safety_identifier':'s','metadata':{'a':'b'}"),
     SENT(ALL_HEAD, "'metadata':{'user_id':'s'}"), "metadata"},
    {ALL, WITH("'metadata':{'user_id':'m'}"),
     SENT(ALL_HEAD, "'metadata':{'user_id':'m'}"), NULL},
    {ALL, WITH("'service_tier':'auto'"),
     SENT(ALL_HEAD, "'service_tier':'auto'"), NULL},
    {ALL, WITH("'service_tier':'default'"),
     SENT(ALL_HEAD, "'service_tier':'standard_only'"), NULL},
    {ALL, WITH("'service_tier':'flex'"), ALL_HEAD ASKED "}", "service_tier"},
    /* what has nowhere to go */
    {ALL,
     WITH("'seed':1,'logit_bias':{'1':1},'frequency_penalty':0.0,"
          "'presence_penalty':1,'store':false,'n':1,'logprobs':false,"
          "'top_logprobs':0,'modalities':['text'],'verbosity':null,"
          "'stream_options':{'include_usage':true},'a\\nb':1,'mine':1"),
     ALL_HEAD ASKED "}", "seed,logit_bias,presence_penalty,(unknown),mine"},
    /* tools */
    {ALL,
     WITH("'tools':[{'type':'function','function':{'name':'f','description':"
          "'d','parameters':{'properties':{'b':{},'a':{}},'$defs':{}}},"
          "'cache_control':{'type':'ephemeral'}}]"),
     SENT(ALL_HEAD, "'tools':[{'name':'f','description':'d','input_schema':"
                    "{'type':'object','properties':{'b':{},'a':{}},'$defs':"
                    "{}},'cache_control':{'type':'ephemeral'}}]"),
     NULL},
    {ALL,
     WITH("'tools':[{'type':'function','function':{'name':'f','strict':true,"
          "'parameters':{'type':'object','properties':{'a':{'type':'string',"
          "'maxLength':3}}}}}]"),
     SENT(ALL_HEAD, "'tools':[{'name':'f','input_schema':{'type':'object',"
                    "'properties':{'a':{'type':'string'}},"
                    "'additionalProperties':false},'strict':true}]"),
     NULL},
    {OLD,
     WITH("'tools':[{'type':'function','function':{'name':'f','strict':true}}"
          "]"),
     SENT(OLD_HEAD, "'tools':[" TOOL_SENT "]"), "tools.function.strict"},
    {ALL, WITH("'tools':[" TOOL "],'tool_choice':'auto'"),
     SENT(ALL_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'auto'}"),
     NULL},
    {ALL, WITH("'tools':[" TOOL "],'tool_choice':'required'"),
     SENT(ALL_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'any'}"),
     NULL},
    {ALL,
     WITH("'tools':[" TOOL "],'tool_choice':'none',"
          "'parallel_tool_calls':false"),
     SENT(ALL_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'none'}"),
     NULL},
    {ALL,
     WITH("'tools':[" TOOL "],'parallel_tool_calls':false,'tool_choice':"
          "{'type':'function','function':{'name':'f'}}"),
     SENT(ALL_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'tool',"
                    "'name':'f','disable_parallel_tool_use':true}"),
     NULL},
    {ALL, WITH("'tools':[" TOOL "],'parallel_tool_calls':false"),
     SENT(ALL_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'auto',"
                    "'disable_parallel_tool_use':true}"),
     NULL},
    {ALL,
     WITH("'tools':[" TOOL ",{'type':'function','function':{'name':'g'}}],"
          "'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':"
          "'required','tools':[{'type':'function','function':{'name':'f'}}]}}"
          ""),
     SENT(ALL_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'any'}"),
     NULL},
    {ALL, WITH("'tool_choice':'auto','tools':[]"), ALL_HEAD ASKED "}", NULL},
    /* thinking by budget leaves no room for a tool that has to be called */
    {BUDGET,
     WITH("'tools':[" TOOL "],'tool_choice':'required',"
          "'reasoning_effort':'low'"),
     SENT(BUDGET_HEAD, "'tools':[" TOOL_SENT "],'tool_choice':{'type':'any'}"),
     "reasoning_effort"},
    {ALL, WITH("'web_search_options':{}"),
     SENT(ALL_HEAD, "'tools':[{'type':'web_search_20250305','name':"
                    "'web_search'}]"),
     NULL},
    {ALL,
     WITH("'web_search_options':{'user_location':{'type':'approximate',"
          "'approximate':{'city':'Bern'}}}"),
     SENT(ALL_HEAD, "'tools':[{'type':'web_search_20250305','name':"
                    "'web_search','user_location':{'type':'approximate',"
                    "'city':'Bern'}}]"),
     NULL},
    /* structured output */
    {ALL, WITH("'response_format':{'type':'text'}"), ALL_HEAD ASKED "}", NULL},
    {ALL, WITH(SCHEMA("")),
     SENT(ALL_HEAD,
          "'output_config':{'format':{'type':'json_schema','schema':{'type':"
          "'object','properties':{'a':{'type':'integer'}},"
          "'additionalProperties':false}}}"),
     NULL},
    {OLD, WITH(SCHEMA(",'description':'d'")),
     SENT(OLD_HEAD,
          "'tools':[{'name':'json_tool_call','description':'d',"
          "'input_schema':{'type':'object','properties':{'a':{'type':"
          "'integer','minimum':1}}}}],'tool_choice':{'type':'tool','name':"
          "'json_tool_call'}"),
     NULL},
    {OLD, WITH("'tools':[" TOOL "]," SCHEMA(",'description':'d'")),
     SENT(OLD_HEAD,
          "'tools':[" TOOL_SENT ",{'name':'json_tool_call','description':'d',"
          "'input_schema':{'type':'object','properties':{'a':{'type':"
          "'integer','minimum':1}}}}],'tool_choice':{'type':'any'}"),
     NULL},
    {ALL, WITH("'response_format':{'type':'json_object'}"),
     SENT(ALL_HEAD,
          "'tools':[{'name':'json_tool_call','description':'Gives the answer. "
          "Its members are the JSON object that was asked for.',"
          "'input_schema':{'type':'object','properties':{}}}],'tool_choice':"
          "{'type':'tool','name':'json_tool_call'}"),
     NULL},
};

START_TEST(members_are_carried)
{
    check_case(&members[_i]);
}
END_TEST

START_TEST(streams_are_asked_for)
{
    azl_exchange_t *ex = asking("https://h", ALL, "{" ASK "}");

    ex->streamed = 1;
    ck_assert_str_eq(request(ex), quoted(ALL_HEAD "'stream':true," ASKED "}"));
}
END_TEST

START_TEST(hosts_differ)
{
    azl_exchange_t *ex = asking(
        "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu", ALL,
        "{" ASK "}");

    ex->streamed = 1;
    ck_assert_str_eq(
        request(ex),
        quoted("{'anthropic_version':'vertex-2023-10-16','max_tokens':128000,"
               "'stream':true," ASKED "}"));
    ex = asking("https://bedrock-runtime.eu-west-1.amazonaws.com", ALL,
                "{" ASK "}");
    ex->streamed = 1;
    ex->client_headers = apr_table_make(azl_test_pool, 1);
    apr_table_set(ex->client_headers, "anthropic-beta", "a, b");
    ck_assert_str_eq(
        request(ex),
        quoted("{'anthropic_version':'bedrock-2023-05-31','anthropic_beta':["
               "'a','b'],'max_tokens':128000," ASKED "}"));
    /* structured output has not come to all models there */
    ex = asking("https://bedrock-runtime.eu-west-1.amazonaws.com", NEW,
                WITH(SCHEMA("")));
    ck_assert_ptr_nonnull(strstr(request(ex), AZL_JSON_TOOL));
}
END_TEST

/* A client of the Messages API goes to Bedrock as it is, but for what Bedrock
 * wants to know elsewhere. */
START_TEST(bedrock_hosts_messages)
{
    azl_exchange_t *ex = asking(
        "https://bedrock-runtime.eu-west-1.amazonaws.com", ALL,
        "{'model':'alias','stream':true,'max_tokens':5,'top_k':7,'messages':[]"
        "}");
    const azl_dialect_t *dialect = ex->deployment->endpoint->dialect;

    ex->client_headers = apr_table_make(azl_test_pool, 1);
    apr_table_set(ex->client_headers, "anthropic-beta", "a");
    ck_assert_str_eq(
        asked(ex, dialect->outbound(ex->deployment, AZL_OP_MESSAGES)),
        quoted("{'anthropic_version':'bedrock-2023-05-31','anthropic_beta':["
               "'a'],'max_tokens':5,'top_k':7,'messages':[]}"));
}
END_TEST

static const struct refusal_case {
    const char *family;
    const char *hub;
    const char *error;
} refusals[] = {
    {ALL, "{'messages':[]}", "400 invalid_value messages"},
    {ALL, "{'messages':'x'}", "400 invalid_value messages"},
    {ALL, "{}", "400 invalid_value messages"},
    {ALL, "{'messages':[{'role':'system','content':'x'}]}",
     "400 invalid_value messages"},
    {ALL, "{'messages':[{'role':'narrator','content':'x'}]}",
     "400 invalid_value messages[0].role"},
    {ALL, "{'messages':['x']}", "400 invalid_value messages[0].role"},
    {ALL, "{'messages':[{'role':'function','name':'f','content':'x'}]}",
     "400 invalid_value messages[0].role"},
    {ALL, "{'messages':[{'role':'user','content':5}]}",
     "400 invalid_value messages[0].content"},
    {ALL, "{'messages':[{'role':'user'}]}",
     "400 invalid_value messages[0].content"},
    {ALL, "{'messages':[{'role':'system','content':5}]}",
     "400 invalid_value messages[0].content"},
    {ALL, "{'messages':[{'role':'system','content':[{'type':'image_url'}]}]}",
     "400 invalid_value messages[0].content[0]"},
    {ALL, PART("{'type':'text'}"), "400 invalid_value messages[0].content[0]"},
    {ALL, PART("{'type':'text','text':'a'},{'type':'video'}"),
     "400 invalid_value messages[0].content[1]"},
    {ALL, PART("{'type':'input_audio','input_audio':{}}"),
     "400 invalid_value messages[0].content[0]"},
    {ALL, IMAGE("data:image/tiff;base64,aGk="),
     "400 invalid_value messages[0].content[0]"},
    {ALL, IMAGE("data:image/png,hi"),
     "400 invalid_value messages[0].content[0]"},
    {ALL, IMAGE("data:,"), "400 invalid_value messages[0].content[0]"},
    {ALL, IMAGE("ftp://x"), "400 invalid_value messages[0].content[0]"},
    {ALL, PART("{'type':'image_url'}"),
     "400 invalid_value messages[0].content[0]"},
    {ALL, PART("{'type':'file','file':{'file_id':'f'}}"),
     "400 invalid_value messages[0].content[0]"},
    {ALL,
     PART("{'type':'file','file':{'file_data':'data:text/csv;base64,aGk='}}"),
     "400 invalid_value messages[0].content[0]"},
    {ALL,
     PART("{'type':'file','file':{'file_data':'data:text/plain;base64,'}}"),
     "400 invalid_value messages[0].content[0]"},
    {ALL, "{'messages':[" RESULT("c1") "]}",
     "400 invalid_value messages[0].tool_call_id"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[" CALL("c1") "]}," RESULT(
         "c2") "]}",
     "400 invalid_value messages[1].tool_call_id"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[" CALL("c1") "]}," RESULT(
         "c1") "," RESULT("c1") "]}",
     "400 invalid_value messages[2].tool_call_id"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[" CALL(
         "c1") "]},"
               "{'role':'user','content':'x'}]}",
     "400 invalid_value messages[0].tool_calls"},
    {ALL, "{'messages':[{'role':'assistant','tool_calls':[" CALL("c1") "]}]}",
     "400 invalid_value messages[0].tool_calls"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[" CALL(
         "c1") "]},"
               "{'role':'tool','tool_call_id':'c1','content':5}]}",
     "400 invalid_value messages[1].content"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[" CALL(
         "c1") "]},"
               "{'role':'tool','tool_call_id':'c1','content':[{'type':'x'}]}]}",
     "400 invalid_value messages[1].content[0]"},
    {ALL, "{'messages':[{'role':'assistant','tool_calls':{}}]}",
     "400 invalid_value messages[0].tool_calls"},
    {ALL, "{'messages':[{'role':'assistant','tool_calls':[{'id':'c'}]}]}",
     "400 invalid_value messages[0].tool_calls[0]"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[{'id':'c','function':"
     "{'name':'f','arguments':'[1]'}}]}]}",
     "400 invalid_value messages[0].tool_calls[0].function.arguments"},
    {ALL,
     "{'messages':[{'role':'assistant','tool_calls':[{'id':'c','function':"
     "{'name':'f','arguments':'{} {}'}}]}]}",
     "400 invalid_value messages[0].tool_calls[0].function.arguments"},
    {ALL, "{'messages':[{'role':'assistant','content':5}]}",
     "400 invalid_value messages[0].content"},
    {ALL,
     "{'messages':[{'role':'assistant','content':[{'type':'image_url'}]}]}",
     "400 invalid_value messages[0].content[0]"},
    {ALL, "{'messages':[{'role':'assistant','function_call':{}}]}",
     "400 invalid_value messages[0].function_call"},
    {ALL, "{'messages':[{'role':'assistant','audio':{'id':'a'}}]}",
     "400 invalid_value messages[0].audio"},
    {ALL, WITH("'max_tokens':0"), "400 invalid_value max_tokens"},
    {ALL, WITH("'max_completion_tokens':1.5"),
     "400 invalid_value max_completion_tokens"},
    {ALL, WITH("'temperature':'hot'"), "400 invalid_value temperature"},
    {ALL, WITH("'stop':5"), "400 invalid_value stop"},
    {ALL, WITH("'stop':['a',5]"), "400 invalid_value stop"},
    {ALL, WITH("'stop':'\\n'"), "400 unsupported_parameter stop"},
    {ALL, WITH("'reasoning_effort':'huge'"),
     "400 invalid_value reasoning_effort"},
    {ALL, WITH("'thinking':'yes'"), "400 invalid_value thinking"},
    {ALL, WITH("'n':2"), "400 unsupported_parameter n"},
    {ALL, WITH("'logprobs':true"), "400 unsupported_parameter logprobs"},
    {ALL, WITH("'modalities':['text','audio']"),
     "400 unsupported_parameter modalities"},
    {ALL, WITH("'functions':[]"), "400 unsupported_parameter functions"},
    {ALL, WITH("'tools':[{'type':'custom','custom':{'name':'x'}}]"),
     "400 invalid_value tools[0]"},
    {ALL,
     WITH("'tools':[" TOOL ",{'type':'function','function':{'name':'g',"
          "'parameters':5}}]"),
     "400 invalid_value tools[1].function.parameters"},
    {ALL, WITH("'tools':[" TOOL "],'tool_choice':'maybe'"),
     "400 invalid_value tool_choice"},
    {ALL, WITH("'tools':[" TOOL "],'tool_choice':{'type':'custom'}"),
     "400 invalid_value tool_choice"},
    {NEVER_FORCED, WITH("'tools':[" TOOL "],'tool_choice':'required'"),
     "400 unsupported_parameter tool_choice"},
    {NEVER_FORCED, WITH("'response_format':{'type':'json_object'}"),
     "400 unsupported_parameter response_format"},
    {ALL, WITH("'response_format':{'type':'xml'}"),
     "400 invalid_value response_format.type"},
    {ALL, WITH("'response_format':{'type':'json_schema'}"),
     "400 invalid_value response_format.json_schema.schema"},
};

START_TEST(bad_requests_are_refused)
{
    const struct refusal_case *c = &refusals[_i];

    ck_assert_str_eq(request(asking("https://h", c->family, c->hub)), c->error);
}
END_TEST

START_TEST(params_decide)
{
    azl_exchange_t *ex = asking("https://h", ALL, WITH("'n':2,'seed':1"));

    ex->params = AZL_PARAMS_DROP;
    ck_assert_str_eq(request(ex), quoted(ALL_HEAD ASKED "}"));
    ck_assert_str_eq(dropped_of(ex), "n,seed");
    ex = asking("https://h", ALL, WITH("'seed':1"));
    ex->params = AZL_PARAMS_REJECT;
    ck_assert_str_eq(request(ex), "400 unsupported_parameter seed");
    /* forced where it cannot be */
    ex = asking("https://h", NEVER_FORCED,
                WITH("'tools':[" TOOL "],'tool_choice':'required'"));
    ex->params = AZL_PARAMS_DROP;
    ck_assert_ptr_nonnull(
        strstr(request(ex), quoted("'tool_choice':{'type':'auto'}")));
}
END_TEST

/*
 * Schemas
 */

static const struct schema_case {
    const char *schema;
    const char *sent;
} schemas[] = {
    {"{'type':'string','minLength':1,'pattern':'x','format':'uuid'}",
     "{'type':'string','format':'uuid'}"},
    {"{'type':'string','format':'phone','description':'d','enum':['a']}",
     "{'type':'string','description':'d','enum':['a']}"},
    {"{'type':'object','additionalProperties':{'type':'string'}}",
     "{'type':'object','additionalProperties':false}"},
    {"{'type':['object','null'],'required':['not'],'properties':{'not':"
     "{'type':'array','items':{'properties':{}},'minItems':1}}}",
     "{'type':['object','null'],'required':['not'],'properties':{'not':"
     "{'type':'array','items':{'properties':{},'additionalProperties':false}"
     "}},'additionalProperties':false}"},
    {"{'oneOf':[{'type':'integer','multipleOf':2},true]}",
     "{'anyOf':[{'type':'integer'},true]}"},
    {"{'anyOf':[{'$ref':'#/$defs/a'}],'oneOf':[true],'$defs':{'a':{'not':{}}}"
     "}",
     "{'anyOf':[{'$ref':'#/$defs/a'}],'$defs':{'a':{}}}"},
};

START_TEST(schemas_become_wider)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);
    azl_write_t w;

    azl_write_init(&w, out);
    azl_anthropic_schema(&w, NULL, parsed(schemas[_i].schema));
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted(schemas[_i].sent));
}
END_TEST

TCase *azl_test_anthropic_request(void)
{
    TCase *tc = azl_test_tcase("anthropic_request");

    tcase_add_loop_test(tc, members_are_carried, 0, COUNT(members));
    tcase_add_test(tc, streams_are_asked_for);
    tcase_add_test(tc, hosts_differ);
    tcase_add_test(tc, bedrock_hosts_messages);
    tcase_add_loop_test(tc, bad_requests_are_refused, 0, COUNT(refusals));
    tcase_add_test(tc, params_decide);
    tcase_add_loop_test(tc, schemas_become_wider, 0, COUNT(schemas));
    return tc;
}
