/*
 * Tools of the Responses API at a chat, which has functions only: what they
 * are called there, how their calls come back, and what is left out.
 */
#include "azl_buf.h"
#include "azl_crypto.h"
#include "exchange_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

/* Tables of JSON read like JSON. */
/* clang-format off */

static azl_exchange_t *exchange_for(const char *client, azl_params_e params)
{
    azl_exchange_t *ex = exchange_in(
        azl_test_pool, deployment_at("azure", "https://h", NULL, "d"));

    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ex->op = AZL_OP_RESPONSES;
    ex->params = params;
    ex->client = tree_of(azl_test_pool, quoted(client));
    return ex;
}

/* The hub's document, or "400 code param". */
static const char *asked(azl_exchange_t *ex)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_error_t err;

    memset(&err, 0, sizeof(err));
    if (!azl_inbound_responses.request(ex, out, &err)) {
        return apr_psprintf(azl_test_pool, "%d %s %s", err.status, err.code,
                            err.param);
    }
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    return azl_buf_pstr(out, azl_test_pool);
}

#define HI "{'role':'user','content':'Hi'}"
#define F(name) "{'type':'function','name':'" name "'}"
#define CHAT_F(name) "{'type':'function','function':{'name':'" name "'}}"
#define SPACE(name, tools)                                                     \
    "{'type':'namespace','name':'" name "','description':'','tools':["         \
    tools "]}"
#define LONG20 "abcdefghijklmnopqrst"
#define LONG60 LONG20 LONG20 LONG20
#define EXEC                                                                   \
    "{'type':'function','function':{'name':'exec','description':'Runs.',"      \
    "'parameters':{'type':'object','properties':{'input':{'type':'string',"    \
    "'description':'All of the input, as it is.'}},'required':['input'],"      \
    "'additionalProperties':false}}}"

/*
 * Declarations
 */

static const struct {
    const char *tools;   /* of the client */
    const char *chat;    /* what becomes of them; NULL: no member */
    const char *dropped; /* the names of what does not */
} declared[] = {
    {F("f"), CHAT_F("f"), ""},
    /* of a namespace */
    {SPACE("crm", F("list") "," F("add")) "," F("list"),
     CHAT_F("crm__list") "," CHAT_F("crm__add") "," CHAT_F("list"), ""},
    {SPACE("mcp__files__", F("read")), CHAT_F("mcp__files__read"), ""},
    {"{'type':'namespace','name':'crm','description':'Customers.',"
     "'tools':[{'type':'function','name':'a','description':'A.',"
     "'parameters':{'type':'object'},'strict':true,'defer_loading':true},"
     "{'type':'function','name':'b','description':'B.'}]}",
     "{'type':'function','function':{'name':'crm__a',"
     "'description':'Customers.\\n\\nA.','parameters':{'type':'object'},"
     "'strict':true}},"
     "{'type':'function','function':{'name':'crm__b','description':'B.'}}", ""},
    {"{'type':'namespace','name':'crm','description':'Customers.','tools':["
     F("a") "]}",
     "{'type':'function','function':{'name':'crm__a',"
     "'description':'Customers.'}}", ""},
    {SPACE("crm", ""), NULL, ""},
    /* names that a chat would not take, or that stand for another */
    {SPACE("my space", F("f")), CHAT_F("my_space__f_ef10dd8a"), ""},
    {SPACE(LONG60, F(LONG20)),
     CHAT_F("abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmno_4c2d1c9d"),
     ""},
    {SPACE("a", F("b")) "," F("a__b"), CHAT_F("a__b") ","
     CHAT_F("a__b_c8249ad6"), ""},
    /* told again, the last holds */
    {F("f") "," F("g") ",{'type':'function','name':'f','description':'New.'}",
     "{'type':'function','function':{'name':'f','description':'New.'}},"
     CHAT_F("g"), ""},
    /* custom tools */
    {"{'type':'custom','name':'exec','description':'Runs.'}", EXEC, ""},
    {"{'type':'custom','name':'exec','description':'Runs.',"
     "'format':{'type':'text'}}", EXEC, ""},
    {"{'type':'custom','name':'c','format':{'type':'grammar',"
     "'syntax':'lark','definition':'start: X'}}",
     "{'type':'function','function':{'name':'c','description':'The input has "
     "this grammar (lark):\\nstart: X','parameters':{'type':'object',"
     "'properties':{'input':{'type':'string','description':'All of the input, "
     "as it is.'}},'required':['input'],'additionalProperties':false}}}",
     "tools[0].format"},
    /* what a client searches by itself */
    {"{'type':'tool_search','execution':'client','description':'Finds.',"
     "'parameters':{'type':'object'}}",
     "{'type':'function','function':{'name':'tool_search',"
     "'description':'Finds.','parameters':{'type':'object'}}}", ""},
    /* what the provider does */
    {F("f") ",{'type':'web_search','external_web_access':true},"
     "{'type':'web_search_preview'},{'type':'tool_search'}",
     CHAT_F("f"), "tools[1],tools[2],tools[3]"},
    {"{'type':'web_search'}", NULL, "tools[0]"},
};

#define NDECLARED ((int)(sizeof(declared) / sizeof(declared[0])))

static const char *chat_of(const char *tools)
{
    return quoted(apr_pstrcat(
        azl_test_pool, "{'model':'m','messages':[" HI "]",
        tools ? ",'tools':[" : "", tools ? tools : "", tools ? "]" : "", "}",
        NULL));
}

START_TEST(tools_become_functions)
{
    azl_exchange_t *ex = exchange_for(
        apr_pstrcat(azl_test_pool, "{'model':'m','input':[" HI "],'tools':[",
                    declared[_i].tools, "]}", NULL), AZL_PARAMS_KEEP);

    ck_assert_str_eq(asked(ex), chat_of(declared[_i].chat));
    ck_assert_str_eq(dropped_by(ex), declared[_i].dropped);
}
END_TEST

START_TEST(tools_stand_in_the_input_too)
{
    azl_exchange_t *ex = exchange_for(
        "{'model':'m','tools':[" F("f") "],'input':[{"
        "'type':'additional_tools','role':'developer','tools':["
        SPACE("s", "{'type':'custom','name':'c','format':{'type':'grammar',"
        "'syntax':'regex','definition':'x'}}") ",{'type':'web_search'}]}," HI
        "]}", AZL_PARAMS_KEEP);
    const char *chat = asked(ex);

    ck_assert_ptr_nonnull(strstr(chat, "\"messages\":[{\"role\":\"user\""));
    ck_assert_ptr_nonnull(strstr(chat, "\"name\":\"s__c\""));
    ck_assert_str_eq(dropped_by(ex),
                     "input[0].tools[1],input[0].tools[0].tools[0].format");
}
END_TEST

/*
 * tool_choice
 */

static const struct {
    const char *choice;
    const char *chat; /* NULL: no member */
    const char *dropped;
} choices[] = {
    {"{'type':'function','name':'a','namespace':'s'}", CHAT_F("s__a"), ""},
    {"{'type':'custom','name':'c'}", CHAT_F("c"), ""},
    {"{'type':'allowed_tools','mode':'auto','tools':[{'type':'custom',"
     "'name':'c'},{'type':'web_search'}," F("f") "]}",
     "{'type':'allowed_tools','allowed_tools':{'mode':'auto','tools':["
     CHAT_F("c") "," CHAT_F("f") "]}}", "tools[3],tool_choice.tools[1]"},
};

#define NCHOICES ((int)(sizeof(choices) / sizeof(choices[0])))

START_TEST(what_is_chosen_goes_by_the_same_name)
{
    azl_exchange_t *ex = exchange_for(
        apr_pstrcat(azl_test_pool, "{'input':'Hi','tools':[" F("f") ","
                    SPACE("s", F("a")) ",{'type':'custom','name':'c'},"
                    "{'type':'web_search'}],'tool_choice':",
                    choices[_i].choice, "}", NULL), AZL_PARAMS_KEEP);
    const char *chat = strstr(asked(ex), ",\"tool_choice\":");

    ck_assert_ptr_nonnull(chat);
    ck_assert_str_eq(chat, quoted(apr_pstrcat(azl_test_pool,
        ",'tool_choice':", choices[_i].chat, "}", NULL)));
    ck_assert_str_eq(dropped_by(ex), *choices[_i].dropped
                                         ? choices[_i].dropped : "tools[3]");
}
END_TEST

/*
 * What AzureLITParams says
 */

#define WEB "{'type':'web_search'}"
#define FILES "{'type':'file_search','vector_store_ids':['v']}"

static const struct {
    azl_params_e params;
    const char *client;
    const char *told; /* "400 code param", or what was left out */
} fates[] = {
    {AZL_PARAMS_REJECT, "'input':'Hi','tools':[" WEB "]",
     "400 unsupported_parameter tools[0]"},
    {AZL_PARAMS_KEEP, "'input':'Hi','tools':[" F("f") "," FILES "]",
     "400 unsupported_parameter tools[1]"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[" F("f") "," FILES "]",
     "tools[1]"},
    {AZL_PARAMS_KEEP, "'input':'Hi','tools':[{'type':'mcp'}]",
     "400 unsupported_parameter tools[0]"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[{'type':'of_2030'}]", "tools[0]"},
    {AZL_PARAMS_REJECT, "'input':'Hi','tools':[{'type':'custom','name':'c',"
     "'format':{'type':'grammar','syntax':'regex','definition':'x'}}]",
     "400 unsupported_parameter tools[0].format"},
    /* one that must be used matters */
    {AZL_PARAMS_KEEP, "'input':'Hi','tools':[" F("f") "," WEB "],"
     "'tool_choice':{'type':'web_search'}",
     "400 unsupported_parameter tool_choice"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[" F("f") "," WEB "],"
     "'tool_choice':{'type':'web_search'}", "tools[1],tool_choice"},
    {AZL_PARAMS_KEEP, "'input':'Hi','tools':[" WEB "],"
     "'tool_choice':'required'", "400 unsupported_parameter tool_choice"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[" WEB "],"
     "'tool_choice':'required'", "tools[0],tool_choice"},
    {AZL_PARAMS_KEEP, "'input':'Hi','tools':[" WEB "],'tool_choice':'auto'",
     "tools[0]"},
    {AZL_PARAMS_KEEP, "'input':'Hi','tools':[" F("f") "," WEB "],"
     "'tool_choice':{'type':'allowed_tools','mode':'auto','tools':[" WEB "]}",
     "400 unsupported_parameter tool_choice"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[" F("f") "," WEB "],"
     "'tool_choice':{'type':'allowed_tools','mode':'auto','tools':[" WEB "]}",
     "tools[1],tool_choice.tools[0],tool_choice"},
    /* never right */
    {AZL_PARAMS_DROP, "'input':'Hi','tools':{}", "400 invalid_value tools"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':['f']",
     "400 invalid_value tools[0]"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[{'name':'f'}]",
     "400 invalid_value tools[0]"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[{'type':'function'}]",
     "400 invalid_value tools[0].name"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[{'type':'namespace'}]",
     "400 invalid_value tools[0].name"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[{'type':'namespace','name':'s'}]",
     "400 invalid_value tools[0].tools"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[" SPACE("s", WEB) "]",
     "400 invalid_value tools[0].tools[0]"},
    {AZL_PARAMS_DROP, "'input':'Hi','tools':[" SPACE("s", F("")) "]",
     "400 invalid_value tools[0].tools[0].name"},
    {AZL_PARAMS_DROP, "'input':[" HI ",{'type':'additional_tools'}]",
     "400 invalid_value input[1].tools"},
    /* what nobody misses is told, and never refused */
    {AZL_PARAMS_REJECT, "'input':'Hi','include':["
     "'reasoning.encrypted_content'],'client_metadata':{},'max_tool_calls':3,"
     "'reasoning':{'effort':'low','summary':'auto','context':'all_turns'},"
     "'stream_options':{'include_obfuscation':true}",
     "client_metadata,max_tool_calls,stream_options,reasoning.context,"
     "include"},
    {AZL_PARAMS_REJECT, "'input':[{'type':'reasoning','summary':[]},"
     "{'type':'reasoning','summary':[]}," HI "]", "input.reasoning"},
    {AZL_PARAMS_KEEP, "'input':'Hi','truncation':'auto'", "truncation"},
    {AZL_PARAMS_REJECT, "'input':'Hi','truncation':'auto'",
     "400 unsupported_parameter truncation"},
    /* what the provider did */
    {AZL_PARAMS_KEEP, "'input':[{'type':'web_search_call','id':'ws_1'}," HI "]",
     "input[0]"},
    {AZL_PARAMS_REJECT, "'input':[{'type':'web_search_call'}," HI "]",
     "400 unsupported_parameter input[0]"},
    {AZL_PARAMS_KEEP, "'input':[" HI ",{'type':'mcp_call','output':'x'}]",
     "400 unsupported_parameter input[1]"},
    {AZL_PARAMS_DROP, "'input':[" HI ",{'type':'mcp_call','output':'x'}]",
     "input[1]"},
};

#define NFATES ((int)(sizeof(fates) / sizeof(fates[0])))

START_TEST(what_has_no_place_goes_as_it_is_configured)
{
    azl_exchange_t *ex = exchange_for(
        apr_pstrcat(azl_test_pool, "{", fates[_i].client, "}", NULL),
        fates[_i].params);
    const char *got = asked(ex);

    ck_assert_str_eq(*got == '{' ? dropped_by(ex) : got, fates[_i].told);
}
END_TEST

/*
 * Calls that have been made
 */

#define TOOLS                                                                  \
    "'tools':[" SPACE("s", F("a") ",{'type':'custom','name':'c'}") ","         \
    "{'type':'custom','name':'exec'},{'type':'tool_search',"                   \
    "'execution':'client'}]"
#define CALLED(name, arguments)                                                \
    "{'id':'1','type':'function','function':{'name':'" name "',"               \
    "'arguments':'" arguments "'}}"
#define TURN(call) "{'role':'assistant','content':null,'tool_calls':[" call "]}"
#define TOOL(content) "{'role':'tool','tool_call_id':'1','content':" content "}"

static const struct {
    const char *input;
    const char *messages;
} histories[] = {
    {"{'type':'function_call','call_id':'1','namespace':'s','name':'a',"
     "'arguments':'{}'},{'type':'function_call_output','call_id':'1',"
     "'output':'r'}",
     TURN(CALLED("s__a", "{}")) "," TOOL("'r'")},
    /* one that is not declared any more */
    {"{'type':'function_call','call_id':'1','namespace':'t','name':'z',"
     "'arguments':'{}'}",
     TURN(CALLED("t__z", "{}"))},
    {"{'type':'custom_tool_call','call_id':'1','name':'exec',"
     "'input':'say(\\\"x\\\")\\n'},{'type':'custom_tool_call_output',"
     "'call_id':'1','output':'r'}",
     TURN(CALLED("exec", "{\\\"input\\\":\\\"say(\\\\\\\"x\\\\\\\")\\\\n\\\"}"))
     "," TOOL("'r'")},
    {"{'type':'custom_tool_call','call_id':'1','namespace':'s','name':'c',"
     "'input':''}",
     TURN(CALLED("s__c", "{\\\"input\\\":\\\"\\\"}"))},
    {"{'type':'tool_search_call','call_id':'1','execution':'client',"
     "'arguments':{'query':'q'}},{'type':'tool_search_output','call_id':'1',"
     "'tools':[" SPACE("n", F("x") "," F("y")) "]}",
     TURN(CALLED("tool_search", "{\\\"query\\\":\\\"q\\\"}")) ","
     TOOL("'Tools that can be called now: n__x, n__y'")},
    {"{'type':'tool_search_call','call_id':'1','execution':'client',"
     "'arguments':{}},{'type':'tool_search_output','call_id':'1','tools':[]}",
     TURN(CALLED("tool_search", "{}")) "," TOOL("'No tools were found.'")},
    /* agents of one another */
    {"{'type':'agent_message','author':'/root/a','recipient':'/root',"
     "'content':[{'type':'input_text','text':'Done.'},"
     "{'type':'encrypted_content','encrypted_content':'So.'}]}",
     "{'role':'user','content':[{'type':'text','text':'Done.'},"
     "{'type':'text','text':'So.'}]}"},
};

#define NHISTORIES ((int)(sizeof(histories) / sizeof(histories[0])))

START_TEST(calls_are_told_by_the_same_names)
{
    azl_exchange_t *ex = exchange_for(
        apr_pstrcat(azl_test_pool, "{'input':[", histories[_i].input, "],"
                    TOOLS "}", NULL), AZL_PARAMS_REJECT);
    const char *got = asked(ex);
    const char *want = quoted(apr_pstrcat(azl_test_pool, "{'messages':[",
                              histories[_i].messages, "],'tools':[", NULL));

    ck_assert_str_eq(apr_pstrmemdup(azl_test_pool, got, strlen(want)), want);
}
END_TEST

START_TEST(tools_that_were_found_are_declared)
{
    azl_exchange_t *ex = exchange_for(
        "{'input':[{'type':'tool_search_call','call_id':'1',"
        "'execution':'client','arguments':{}},{'type':'tool_search_output',"
        "'call_id':'1','tools':[" SPACE("n", F("x")) "]}]," TOOLS "}",
        AZL_PARAMS_REJECT);

    ck_assert_ptr_nonnull(strstr(asked(ex), quoted(CHAT_F("n__x") "]")));
}
END_TEST

/*
 * Calls that are made
 */

#define ITEM(type, prefix, more)                                               \
    "{'id':'" prefix "_0123_0','type':'" type "','call_id':'1'," more          \
    ",'status':'completed'}"

static const struct {
    const char *name;      /* of the function that the model calls */
    const char *arguments; /* inside of a JSON string */
    const char *item;      /* of the Response */
} calls[] = {
    {"s__a", "{\\\"b\\\":1}",
     ITEM("function_call", "fc", "'namespace':'s','name':'a',"
     "'arguments':'{\\\"b\\\":1}'")},
    {"other", "{}",
     ITEM("function_call", "fc", "'name':'other','arguments':'{}'")},
    {"s__c", "{\\\"input\\\":\\\"x\\\\n\\\\\\\"y\\\\u00e9\\\"}",
     ITEM("custom_tool_call", "ctc", "'namespace':'s','name':'c',"
     "'input':'x\\n\\\"y\\u00e9'")},
    {"exec", " { \\\"input\\\" : \\\"\\\" } ",
     ITEM("custom_tool_call", "ctc", "'name':'exec','input':''")},
    /* a model that does not mind the form: what it says is the input */
    {"exec", "print(1)",
     ITEM("custom_tool_call", "ctc", "'name':'exec','input':'print(1)'")},
    {"exec", "{\\\"code\\\":\\\"x\\\"}",
     ITEM("custom_tool_call", "ctc", "'name':'exec',"
     "'input':'{\\\"code\\\":\\\"x\\\"}'")},
    {"tool_search", "{\\\"query\\\":\\\"q\\\"}",
     ITEM("tool_search_call", "tsc", "'execution':'client',"
     "'arguments':{\"query\":\"q\"}")},
    {"tool_search", "",
     ITEM("tool_search_call", "tsc", "'execution':'client','arguments':{}")},
    {"tool_search", "[1",
     ITEM("tool_search_call", "tsc", "'execution':'client','arguments':{}")},
};

#define NCALLS ((int)(sizeof(calls) / sizeof(calls[0])))

START_TEST(calls_get_their_own_names_back)
{
    azl_exchange_t *ex = exchange_for("{'input':'Hi'," TOOLS "}",
                                      AZL_PARAMS_KEEP);
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    const char *chat = apr_pstrcat(
        azl_test_pool, "{'choices':[{'index':0,'message':{'content':null,"
        "'tool_calls':[{'id':'1','type':'function','function':{'name':'",
        calls[_i].name, "','arguments':'", calls[_i].arguments,
        "'}}]},'finish_reason':'tool_calls'}]}", NULL);
    const char *want = quoted(apr_pstrcat(azl_test_pool, "'output':[",
                              calls[_i].item, "]", NULL));
    const char *got;

    ck_assert_int_eq(azl_inbound_responses.answer(ex, quoted_span(chat), out),
                     APR_SUCCESS);
    got = strstr(azl_buf_pstr(out, azl_test_pool), "\"output\":");
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(apr_pstrmemdup(azl_test_pool, got, strlen(want)), want);
}
END_TEST

/* The events of a stream of chunks, each as its type and the members of its
 * item or delta. */
static const char *streamed(azl_exchange_t *ex, const char *const *deltas)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    void *encoder = azl_inbound_responses.encoder(ex);
    azl_sse_event_t ev = {.data = azl_span_str("[DONE]")};

    ex->client = NULL;
    for (; *deltas; ++deltas) {
        azl_sse_event_t chunk = {.data = quoted_span(apr_pstrcat(
            azl_test_pool, "{'choices':[{'index':0,'delta':{'tool_calls':[",
            *deltas, "]}}]}", NULL))};

        azl_inbound_responses.event(encoder, &chunk, out);
    }
    azl_inbound_responses.event(encoder, &ev, out);
    return azl_buf_pstr(out, azl_test_pool);
}

static int count(const char *text, const char *what)
{
    int n = 0;

    for (text = strstr(text, what); text; text = strstr(text + 1, what)) {
        ++n;
    }
    return n;
}

START_TEST(a_stream_calls_in_a_namespace)
{
    static const char *const deltas[] = {
        "{'index':0,'id':'1','type':'function','function':{'name':'s__a',"
        "'arguments':''}}",
        "{'index':0,'function':{'arguments':'{}'}}", NULL};
    const char *got = streamed(exchange_for("{'input':'Hi'," TOOLS "}",
                               AZL_PARAMS_KEEP), deltas);

    /* as it begins, as it ends, and in the whole Response */
    ck_assert_int_eq(count(got, quoted("'namespace':'s','name':'a',"
                                       "'arguments':'")), 3);
    ck_assert_int_eq(count(got, "s__a"), 0);
    ck_assert_int_eq(count(got, quoted("'delta':'{}'")), 1);
}
END_TEST

START_TEST(a_stream_calls_a_custom_tool)
{
    static const char *const deltas[] = {
        "{'index':0,'id':'1','type':'function','function':{'name':'exec',"
        "'arguments':'{\\\"inp'}}",
        "{'index':0,'function':{'arguments':'ut\\\":\\\"a\\\\'}}",
        "{'index':0,'function':{'arguments':'nb\\\"}'}}", NULL};
    const char *got = streamed(exchange_for("{'input':'Hi'," TOOLS "}",
                               AZL_PARAMS_KEEP), deltas);

    ck_assert_int_eq(count(got, "function_call"), 0);
    ck_assert_int_eq(count(got, quoted("event: response."
                                       "custom_tool_call_input.delta")), 1);
    ck_assert_int_eq(count(got, quoted("'delta':'a\\nb'")), 1);
    ck_assert_int_eq(count(got, quoted("'input':'a\\nb'")), 3);
    ck_assert_int_eq(count(got, quoted("'id':'ctc_0123_0'")), 3);
}
END_TEST

START_TEST(a_stream_searches_tools)
{
    static const char *const deltas[] = {
        "{'index':0,'id':'1','type':'function','function':{"
        "'name':'tool_search','arguments':'{\\\"query\\\":1}'}}", NULL};
    const char *got = streamed(exchange_for("{'input':'Hi'," TOOLS "}",
                               AZL_PARAMS_KEEP), deltas);

    ck_assert_int_eq(count(got, "delta"), 0);
    ck_assert_int_eq(count(got, "arguments.done"), 0);
    ck_assert_int_eq(count(got, quoted("'type':'tool_search_call'")), 3);
    ck_assert_int_eq(count(got, quoted("'arguments':{'query':1}")), 2);
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_tools(void)
{
    TCase *tc = azl_test_tcase("responses_tools");

    tcase_add_loop_test(tc, tools_become_functions, 0, NDECLARED);
    tcase_add_test(tc, tools_stand_in_the_input_too);
    tcase_add_loop_test(tc, what_is_chosen_goes_by_the_same_name, 0, NCHOICES);
    tcase_add_loop_test(tc, what_has_no_place_goes_as_it_is_configured, 0,
                        NFATES);
    tcase_add_loop_test(tc, calls_are_told_by_the_same_names, 0, NHISTORIES);
    tcase_add_test(tc, tools_that_were_found_are_declared);
    tcase_add_loop_test(tc, calls_get_their_own_names_back, 0, NCALLS);
    tcase_add_test(tc, a_stream_calls_in_a_namespace);
    tcase_add_test(tc, a_stream_calls_a_custom_tool);
    tcase_add_test(tc, a_stream_searches_tools);
    return tc;
}
