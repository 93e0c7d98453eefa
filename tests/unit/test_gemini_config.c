/*
 * Parameters and tools of a chat as Google has them.
 */
#include "gemini_request_fixture.h"

/* clang-format off: tables of JSON read like JSON */

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

TCase *azl_test_gemini_config(void)
{
    TCase *tc = azl_test_tcase("gemini_config");

    tcase_add_loop_test(tc, parameters, 0, N(params));
    tcase_add_test(tc, parameters_as_configured);
    tcase_add_test(tc, json_beside_tools);
    tcase_add_test(tc, choices_are_remembered);
    tcase_add_loop_test(tc, tools_and_choices, 0, N(tools));
    return tc;
}
