/*
 * A chat's request at /responses: its messages and members.
 */
#include "azl_family.h"
#include "responses_fixture.h"

/* Tables of JSON read like JSON. */
/* clang-format off */

/*
 * Messages
 */

#define CALLS                                                                  \
    "{'role':'assistant','content':null,'tool_calls':["                        \
    "{'id':'call_1','type':'function','function':{'name':'f',"                 \
    "'arguments':'{}'}}]}"

static const struct {
    const char *messages;
    const char *input;
} talks[] = {
    {"{'role':'user','content':'Hi'}",
     MESSAGE("user", SAID("Hi"))},
    /* several system messages, each in its place */
    {"{'role':'system','content':'A'},{'role':'user','content':'B'},"
         "{'role':'developer','content':[{'type':'text','text':'C'},"
         "{'type':'text','text':'D'}]}",
     MESSAGE("system", SAID("A")) "," MESSAGE("user", SAID("B")) ","
     MESSAGE("developer", SAID("C") "," SAID("D"))},
    /* what tools show */
    {CALLS ",{'role':'tool','tool_call_id':'call_1','content':["
         "{'type':'text','text':'Here.'},{'type':'image_url','image_url':{"
         "'url':'data:,','detail':'low'}},{'type':'file','file':{"
         "'file_id':'f'}}]}",
     CALLED ",{'type':'function_call_output','call_id':'call_1','output':["
         SAID("Here.") ",{'type':'input_image','image_url':'data:,',"
         "'detail':'low'},{'type':'input_file','file_id':'f'}]}"},
    /* media, and what belongs to a part */
    {"{'role':'user','content':[{'type':'text','text':'A',"
         "'prompt_cache_breakpoint':{'mode':'explicit'}},{'type':'image_url',"
         "'image_url':{'url':'https://x/y.png'}},{'type':'image_url',"
         "'image_url':{'url':'data:,','detail':'low'}},{'type':'image_url',"
         "'image_url':'https://x/z.png'},{'type':'file',"
         "'file':{'file_data':'data:,','filename':'a.pdf'}},{'type':'file',"
         "'file':{'file_id':'file-1'}},{'type':'input_audio',"
         "'input_audio':{'data':'AA','format':'wav'}}]}",
     MESSAGE("user", "{'type':'input_text','text':'A',"
         "'prompt_cache_breakpoint':{'mode':'explicit'}},"
         "{'type':'input_image','image_url':'https://x/y.png',"
         "'detail':'auto'},"
         "{'type':'input_image','image_url':'data:,','detail':'low'},"
         "{'type':'input_image','image_url':'https://x/z.png',"
         "'detail':'auto'},"
         "{'type':'input_file','filename':'a.pdf','file_data':'data:,'},"
         "{'type':'input_file','file_id':'file-1'},"
         "{'type':'input_audio','input_audio':{'data':'AA','format':'wav'}}")},
    /* what the assistant said stands before what it called */
    {"{'role':'assistant','content':'Let me see.',"
         "'tool_calls':[{'id':'call_1','type':'function',"
         "'function':{'name':'f','arguments':'{}'}},{'id':'call_2',"
         "'type':'custom','custom':{'name':'c','input':'x'}},{'id':'call_3',"
         "'type':'function','function':{'name':'g'}}]},{'role':'tool',"
         "'tool_call_id':'call_2','content':'two'},{'role':'tool',"
         "'tool_call_id':'call_1','content':[{'type':'text','text':'one'}]}",
     MESSAGE("assistant", "{'type':'output_text','text':'Let me see.',"
         "'annotations':[]}") "," CALLED
     ",{'type':'custom_tool_call','call_id':'call_2','name':'c','input':'x'},"
         "{'type':'function_call','call_id':'call_3','name':'g',"
         "'arguments':'{}'},{'type':'custom_tool_call_output',"
         "'call_id':'call_2','output':'two'},{'type':'function_call_output',"
         "'call_id':'call_1','output':[" SAID("one") "]}"},
    {CALLS,
     CALLED},
    {"{'role':'assistant','content':''}",
     MESSAGE("assistant", "{'type':'output_text','text':'','annotations':[]}")},
    {"{'role':'assistant','content':'','tool_calls':[{'id':'call_1',"
         "'type':'function','function':{'name':'f','arguments':'{}'}}]}",
     CALLED},
    {"{'role':'assistant','content':null,'refusal':'No.'}",
     MESSAGE("assistant", "{'type':'refusal','refusal':'No.'}")},
    {"{'role':'assistant','content':[{'type':'text','text':'A'},"
         "{'type':'refusal','refusal':'No.'}],'reasoning_content':'Hm.'}",
     MESSAGE("assistant",
         "{'type':'output_text','text':'A','annotations':[]},"
         "{'type':'refusal','refusal':'No.'}")},
    /* an id that is too long, in both places */
    {"{'role':'assistant',"
         "'tool_calls':[{'id':'01234567890123456789012345678901234567890123456"
         "78901234567890123456789','type':'function','function':{'name':'f',"
         "'arguments':'{}'}}]},{'role':'tool','content':'r',"
         "'tool_call_id':'0123456789012345678901234567890123456789012345678901"
         "234567890123456789'}",
     "{'type':'function_call',"
         "'call_id':'call_57445fa40b08c60cdcba7ca39c756de6','name':'f',"
         "'arguments':'{}'},{'type':'function_call_output',"
         "'call_id':'call_57445fa40b08c60cdcba7ca39c756de6','output':'r'}"},
};

#define NTALKS ((int)(sizeof(talks) / sizeof(talks[0])))

START_TEST(messages_become_items)
{
    const char *got;

    setup();
    got = asked(apr_pstrcat(azl_test_pool, "{'model':'m','messages':[",
                            talks[_i].messages, "]}", NULL));
    ck_assert_msg(got != NULL, "%s", err.message);
    ck_assert_str_eq(
        got,
        quoted(apr_pstrcat(azl_test_pool, "{'model':'d','input':[", talks[_i].
            input, "],'store':false}", NULL)));
    ck_assert_str_eq(dropped_by(ex), "");
}
END_TEST

/*
 * Members
 */

#define ASK "{'model':'m','messages':[{'role':'user','content':'Hi'}]"
#define ASKED "{'model':'d','input':[" MESSAGE("user", SAID("Hi")) "]"
#define TOOL(more) "{'type':'function','function':{'name':'f'" more "}}"
#define CRYPT ",'include':['reasoning.encrypted_content']"

static const struct {
    const char *more;    /* of the chat */
    const char *asked;   /* after the input; NULL: see error */
    const char *dropped; /* or the path that is refused */
} wishes[] = {
    {"",
     ",'store':false",
     ""},
    {",'store':true",
     ",'store':true",
     ""},
    {",'store':null,'user':null,'tools':null,'n':null",
     ",'store':false",
     ""},
    /* the newer name counts; less than 16 is refused there */
    {",'max_tokens':5000",
     ",'store':false,'max_output_tokens':5000",
     ""},
    {",'max_tokens':50,'max_completion_tokens':60",
     ",'store':false,'max_output_tokens':60",
     ""},
    {",'max_completion_tokens':1",
     ",'store':false,'max_output_tokens':16",
     ""},
    {",'max_completion_tokens':0",
     ",'store':false,'max_output_tokens':0",
     ""},
    {",'reasoning_effort':'low'",
     ",'store':false,'reasoning':{'effort':'low','summary':'auto'}",
     ""},
    {",'reasoning_effort':'none'",
     ",'store':false,'reasoning':{'effort':'none'}",
     ""},
    /* tools */
    {",'tools':[" TOOL("") ","
     TOOL(",'description':'D','parameters':{'type':'object'},'strict':true")
     "," TOOL(",'strict':null") "]",
     ",'store':false" CRYPT
     ",'tools':[{'type':'function','name':'f','parameters':{'type':'object',"
         "'properties':{}},'strict':false},{'type':'function','name':'f',"
         "'description':'D','parameters':{'type':'object'},'strict':true},"
         "{'type':'function','name':'f','parameters':{'type':'object',"
         "'properties':{}},'strict':false}]",
     ""},
    {",'tools':[{'type':'custom','custom':{'name':'c','description':'D',"
         "'format':{'type':'grammar','grammar':{'syntax':'lark',"
         "'definition':'start: A'}}}},{'type':'custom','custom':{'name':'d',"
         "'format':{'type':'text'}}}]",
     ",'store':false" CRYPT
     ",'tools':[{'type':'custom','name':'c','description':'D',"
         "'format':{'type':'grammar','syntax':'lark',"
         "'definition':'start: A'}},{'type':'custom','name':'d',"
         "'format':{'type':'text'}}]",
     ""},
    {",'tools':[" TOOL("") ",{'type':'web_search'}]",
     NULL,
     "tools[1]"},
    {",'tools':[{'type':'function','function':{}}]",
     NULL,
     "tools[0]"},
    {",'tool_choice':'required'",
     ",'store':false,'tool_choice':'required'",
     ""},
    {",'tool_choice':{'type':'function','function':{'name':'f'}}",
     ",'store':false,'tool_choice':{'type':'function','name':'f'}",
     ""},
    {",'tool_choice':{'type':'custom','custom':{'name':'c'}}",
     ",'store':false,'tool_choice':{'type':'custom','name':'c'}",
     ""},
    {",'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'auto',"
         "'tools':[{'type':'function','function':{'name':'f'}}]}}",
     ",'store':false,'tool_choice':{'type':'allowed_tools','mode':'auto',"
         "'tools':[{'type':'function','name':'f'}]}",
     ""},
    {",'tool_choice':{'type':'function'}",
     NULL,
     "tool_choice"},
    {",'tool_choice':{'type':'allowed_tools','allowed_tools':{'tools':[{}]}}",
     NULL,
     "tool_choice"},
    /* the form of the answer */
    {",'response_format':{'type':'json_object'},'verbosity':'low'",
     ",'store':false,'text':{'format':{'type':'json_object'},"
         "'verbosity':'low'}",
     ""},
    {",'response_format':{'type':'json_schema','json_schema':{'strict':true,"
         "'schema':{'type':'object'},'name':'n','description':'D'}}",
     ",'store':false,'text':{'format':{'type':'json_schema','name':'n',"
         "'description':'D','schema':{'type':'object'},'strict':true}}",
     ""},
    {",'response_format':{'type':'json_schema'}",
     NULL,
     "response_format"},
    {",'response_format':{}",
     NULL,
     "response_format"},
    /* what has the same name */
    {",'temperature':0.70,'top_p':1,'metadata':{'a':'b'},"
         "'parallel_tool_calls':false,'service_tier':'flex','user':'u',"
         "'safety_identifier':'s','prompt_cache_key':'k',"
         "'prompt_cache_options':{'mode':'explicit'},"
         "'prompt_cache_retention':'24h'",
     ",'store':false,'temperature':0.70,'top_p':1,'metadata':{'a':'b'},"
         "'parallel_tool_calls':false,'service_tier':'flex','user':'u',"
         "'safety_identifier':'s','prompt_cache_key':'k',"
         "'prompt_cache_options':{'mode':'explicit'},"
         "'prompt_cache_retention':'24h'",
     ""},
    /* what there is not */
    {",'seed':1,'prediction':{},'frequency_penalty':0.5,'own':1",
     ",'store':false",
     "seed,prediction,frequency_penalty,own"},
    {",'presence_penalty':0,'n':1,'stop':[],'logprobs':false,'top_logprobs':0,"
         "'logit_bias':{},'modalities':['text'],'functions':[]",
     ",'store':false",
     ""},
    {",'n':2",
     NULL,
     "n"},
    {",'stop':'x'",
     NULL,
     "stop"},
    {",'logit_bias':{'1':100}",
     NULL,
     "logit_bias"},
    {",'modalities':['text','audio']",
     NULL,
     "modalities"},
    {",'functions':[{'name':'f'}]",
     NULL,
     "functions"},
};

#define NWISHES ((int)(sizeof(wishes) / sizeof(wishes[0])))

START_TEST(members_and_their_fate)
{
    const char *chat =
        apr_pstrcat(azl_test_pool, ASK, wishes[_i].more, "}", NULL);
    const char *got;

    setup();
    got = asked(chat);
    if (!wishes[_i].asked) {
        ck_assert_msg(!got, "%s", got);
        ck_assert_str_eq(err.param, wishes[_i].dropped);
        ck_assert_int_eq(err.status, 400);
        return;
    }
    ck_assert_msg(got != NULL, "%s", err.message);
    ck_assert_str_eq(got, quoted(apr_pstrcat(azl_test_pool, ASKED,
                                             wishes[_i].asked, "}", NULL)));
    ck_assert_str_eq(dropped_by(ex), wishes[_i].dropped);
}
END_TEST

START_TEST(members_as_configured)
{
    setup();
    ex->params = AZL_PARAMS_DROP;
    ck_assert_ptr_nonnull(asked(ASK ",'n':2,'stop':'x','seed':1}"));
    ck_assert_str_eq(dropped_by(ex), "n,stop,seed");
    setup();
    ex->params = AZL_PARAMS_REJECT;
    ck_assert_ptr_null(asked(ASK ",'seed':1}"));
    ck_assert_str_eq(err.param, "seed");
    ck_assert_str_eq(err.code, "unsupported_parameter");
}
END_TEST

/* Settings that the model does not take, by its family. */
START_TEST(members_that_the_model_refuses)
{
#define SET ",'temperature':0.5,'top_p':0.5,'user':'u'}"
    azl_deployment_t *d = deployment_at("azure", "https://h", NULL, "d");
    azl_document_t doc;
    int params;

    d->family = azl_family_find("gpt-5-pro");
    for (params = AZL_PARAMS_KEEP; params <= AZL_PARAMS_REJECT; ++params) {
        ex = exchange_in(azl_test_pool, d);
        ex->params = (azl_params_e)params;
        ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT,
                                    AZL_PARAMS_KEEP, "application/json",
                                    quoted_span(ASK SET), &doc, &err));
        ex->doc = &doc;
        if (params == AZL_PARAMS_REJECT) {
            ck_assert_ptr_null(asked(ASK SET));
            ck_assert_str_eq(err.param, "temperature");
            continue;
        }
        ck_assert_str_eq(asked(ASK SET),
            quoted(params == AZL_PARAMS_DROP
                       ? ASKED ",'store':false,'user':'u'}"
                       : ASKED ",'store':false" SET));
        ck_assert_str_eq(dropped_by(ex), params == AZL_PARAMS_DROP
                                             ? "temperature,top_p" : "");
    }
}
END_TEST

/* A level of effort that the model does not have, or none at all. */
START_TEST(efforts_that_the_model_refuses)
{
#define EFFORT(level) ",'reasoning_effort':'" level "'}"
    static const struct {
        const char *model;
        azl_params_e params;
        const char *told; /* NULL: refused */
        const char *code;
    } cases[] = {
        {"gpt-5-pro", AZL_PARAMS_KEEP, "'low','summary':'auto'", ""},
        {"gpt-5-pro", AZL_PARAMS_DROP, "'high','summary':'auto'",
         "reasoning_effort"},
        {"gpt-5-pro", AZL_PARAMS_REJECT, NULL, "unsupported_value"},
        {"gpt-5", AZL_PARAMS_REJECT, "'low','summary':'auto'", ""},
        {"gpt-4.1", AZL_PARAMS_DROP, "", "reasoning_effort"},
        {"gpt-4.1", AZL_PARAMS_REJECT, NULL, "unsupported_parameter"},
    };
    azl_deployment_t *d = deployment_at("azure", "https://h", NULL, "d");
    const char *told = cases[_i].told;
    azl_document_t doc;

    d->family = azl_family_find(cases[_i].model);
    ex = exchange_in(azl_test_pool, d);
    ex->params = cases[_i].params;
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                "application/json",
                                quoted_span(ASK EFFORT("low")), &doc, &err));
    ex->doc = &doc;
    if (!told) {
        ck_assert_ptr_null(asked(ASK EFFORT("low")));
        ck_assert_str_eq(err.param, "reasoning_effort");
        ck_assert_str_eq(err.code, cases[_i].code);
        return;
    }
    ck_assert_str_eq(
        asked(ASK EFFORT("low")),
        quoted(apr_pstrcat(azl_test_pool, ASKED ",'store':false",
                           *told ? ",'reasoning':{'effort':" : "", told,
                           *told ? "}}" : "}", NULL)));
    ck_assert_str_eq(dropped_by(ex), cases[_i].code);
}
END_TEST

START_TEST(streams_are_asked_for)
{
    setup();
    ex->streamed = 1;
    ck_assert_str_eq(
        asked(ASK ",'stream':true,'stream_options':{'include_usage':true}}"),
        quoted("{'model':'d','stream':true,'input':[" MESSAGE("user", SAID(
            "Hi")) "],'store':false}"));
    ck_assert_str_eq(
        asked(ASK ",'stream':true,"
            "'stream_options':{'include_obfuscation':false}}"),
        quoted("{'model':'d','stream':true,"
            "'stream_options':{'include_obfuscation':false},'input':[" MESSAGE
            ("user", SAID("Hi")) "],'store':false}"));
}
END_TEST

/* Models that do not think answer 400 to who asks for their reasoning. */
START_TEST(reasoning_is_asked_of_who_reasons)
{
    static const struct {
        const char *family;
        int asked;
    } families[] = {{"gpt-5.1-codex", 1}, {"o3", 1},     {"my-alias", 1},
                    {"gpt-4.1", 0},       {"gpt-4o", 0}, {"gpt-3.5-turbo", 0},
                    {"gpt-5-chat", 0}};
    apr_size_t i;

    setup();
    for (i = 0; i < sizeof(families) / sizeof(families[0]); ++i) {
        ex->family = families[i].family;
        ck_assert_int_eq(
            strstr(asked(ASK ",'tools':[" TOOL("") "]}"), "include") != NULL,
            families[i].asked);
    }
}
END_TEST

static const struct {
    const char *messages;
    const char *param;
} wrong[] = {
    {"",
     "messages"},
    {"'Hi'",
     "messages[0].role"},
    {"{'content':'Hi'}",
     "messages[0].role"},
    {"{'role':'robot','content':'Hi'}",
     "messages[0].role"},
    {"{'role':'function','name':'f','content':'Hi'}",
     "messages[0].role"},
    {"{'role':'user','content':'Hi'},{'role':'user'}",
     "messages[1].content"},
    {"{'role':'user','content':1}",
     "messages[0].content"},
    {"{'role':'user','content':[{'type':'text','text':'A'},{'type':'video'}]}",
     "messages[0].content[1]"},
    {"{'role':'user','content':[{'type':'text'}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'image_url'}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'file','file':{}}]}",
     "messages[0].content[0]"},
    {"{'role':'user','content':[{'type':'input_audio'}]}",
     "messages[0].content[0]"},
    {"{'role':'system','content':[{'type':'image_url',"
         "'image_url':{'url':'x'}}]}",
     "messages[0].content[0]"},
    {"{'role':'assistant'}",
     "messages[0].content"},
    {"{'role':'assistant','refusal':1}",
     "messages[0].refusal"},
    {"{'role':'assistant','content':[{'type':'refusal'}]}",
     "messages[0].content[0]"},
    {"{'role':'assistant','function_call':{'name':'f'}}",
     "messages[0].function_call"},
    {"{'role':'assistant','audio':{'id':'a'}}",
     "messages[0].audio"},
    {"{'role':'assistant','tool_calls':[{'type':'function',"
         "'function':{'name':'f'}}]}",
     "messages[0].tool_calls[0]"},
    {"{'role':'assistant','tool_calls':[{'id':'c','type':'function'}]}",
     "messages[0].tool_calls[0]"},
    {"{'role':'tool','content':'r'}",
     "messages[0].tool_call_id"},
    {"{'role':'tool','content':'r','tool_call_id':'call_1'}," CALLS,
     "messages[0].tool_call_id"},
    {CALLS ",{'role':'tool','tool_call_id':'call_1'}",
     "messages[1].content"},
    {CALLS ",{'role':'tool','tool_call_id':'call_1','content':["
         "{'type':'input_audio','input_audio':{}}]}",
     "messages[1].content[0]"},
};

#define NWRONG ((int)(sizeof(wrong) / sizeof(wrong[0])))

START_TEST(bad_messages_are_refused_by_path)
{
    setup();
    ck_assert_ptr_null(
        asked(apr_pstrcat(azl_test_pool, "{'model':'m','messages':[", wrong[_i]
            .messages, "]}", NULL)));
    ck_assert_str_eq(err.param, wrong[_i].param);
    ck_assert_int_eq(err.status, 400);
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_out(void)
{
    TCase *tc = azl_test_tcase("responses_out");

    tcase_add_loop_test(tc, messages_become_items, 0, NTALKS);
    tcase_add_loop_test(tc, members_and_their_fate, 0, NWISHES);
    tcase_add_test(tc, members_as_configured);
    tcase_add_test(tc, members_that_the_model_refuses);
    tcase_add_loop_test(tc, efforts_that_the_model_refuses, 0, 6);
    tcase_add_test(tc, streams_are_asked_for);
    tcase_add_test(tc, reasoning_is_asked_of_who_reasons);
    tcase_add_loop_test(tc, bad_messages_are_refused_by_path, 0, NWRONG);
    return tc;
}
