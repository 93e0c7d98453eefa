/*
 * Chats as requests of the Messages API. Families: "claude-opus-4-6" takes
 * nearly everything, "claude-opus-5" thinks by itself and takes no sampling,
 * "claude-sonnet-4-5" thinks by budget, "claude-3-haiku" knows little.
 */
#include "azl_anthropic_int.h"
#include "translation_fixture.h"

#define ALL "claude-opus-4-6"
#define NEW "claude-opus-5"
#define BUDGET "claude-sonnet-4-5"
#define OLD "claude-3-haiku"
#define NEVER_FORCED "claude-fable-5"

#define ASK "'messages':[{'role':'user','content':'hi'}]"
#define ASKED                                                                  \
    "'messages':[{'role':'user','content':[{'type':'text','text':'hi'}]}]"
#define HEAD(max) "{'model':'up','max_tokens':" max ","
#define ALL_HEAD HEAD("128000")
#define BUDGET_HEAD HEAD("64000")
#define NEW_HEAD HEAD("128000")
#define OLD_HEAD HEAD("4096")

#define TOOL "{'type':'function','function':{'name':'f'}}"
#define TOOL_SENT                                                              \
    "{'name':'f','input_schema':{'type':'object','properties':{}}}"
#define CALL(id)                                                               \
    "{'id':'" id "','type':'function','function':{'name':'f','arguments':"     \
    "'{\\'a\\':1}'}}"
#define USE(id) "{'type':'tool_use','id':'" id "','name':'f','input':{'a':1}}"
#define RESULT(id) "{'role':'tool','tool_call_id':'" id "','content':'r'}"
#define RESULT_SENT(id)                                                        \
    "{'type':'tool_result','tool_use_id':'" id "','content':'r'}"
#define NEVER_TOOLS "'tools':[" TOOL_SENT "],'tool_choice':{'type':'none'}"

static azl_exchange_t *asking(const char *url, const char *family,
                              const char *hub)
{
    azl_deployment_t *d = deployment_at("anthropic", url, NULL, "up");

    return exchange_with(d, family, hub);
}

static const char *request(azl_exchange_t *ex)
{
    const azl_dialect_t *dialect = ex->deployment->endpoint->dialect;

    return asked(ex, dialect->outbound(ex->deployment, AZL_OP_CHAT));
}

typedef struct request_case_t {
    const char *family;
    const char *hub;
    const char *body;
    const char *dropped;
} request_case_t;

static void check_case(const request_case_t *c)
{
    azl_exchange_t *ex = asking("https://h", c->family, c->hub);

    ck_assert_str_eq(request(ex), quoted(c->body));
    ck_assert_str_eq(dropped_of(ex), c->dropped ? c->dropped : "");
}

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

#define PART(part) "{'messages':[{'role':'user','content':[" part "]}]}"
#define SENT_PART(part)                                                        \
    ALL_HEAD "'messages':[{'role':'user','content':[" part "]}]}"
#define IMAGE(url) PART("{'type':'image_url','image_url':{'url':'" url "'}}")

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

#define WITH(member) "{" ASK "," member "}"
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

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

TCase *azl_test_anthropic_request(void)
{
    TCase *tc = azl_test_tcase("anthropic_request");

    tcase_add_loop_test(tc, messages_become_turns, 0, COUNT(talks));
    tcase_add_loop_test(tc, media_become_blocks, 0, COUNT(media));
    tcase_add_loop_test(tc, members_are_carried, 0, COUNT(members));
    tcase_add_test(tc, streams_are_asked_for);
    tcase_add_test(tc, hosts_differ);
    tcase_add_test(tc, bedrock_hosts_messages);
    tcase_add_loop_test(tc, bad_requests_are_refused, 0, COUNT(refusals));
    tcase_add_test(tc, params_decide);
    tcase_add_test(tc, inline_only_where_urls_are_not_taken);
    tcase_add_test(tc, kept_thoughts_come_back);
    tcase_add_test(tc, without_kept_thoughts_no_thinking);
    tcase_add_test(tc, old_loops_do_not_matter);
    tcase_add_test(tc, given_thoughts_count);
    tcase_add_loop_test(tc, schemas_become_wider, 0, COUNT(schemas));
    return tc;
}
