/*
 * The tools and other members of a chat as those of a request of Converse.
 */
#include "bedrock_request_fixture.h"

/* clang-format off: tables of JSON read like JSON */

/*
 * Tools
 */

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

/* clang-format on */

TCase *azl_test_bedrock_request(void)
{
    TCase *tc = azl_test_tcase("bedrock_request");

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
    return tc;
}
