/*
 * Anthropic's own members of a chat at all upstreams: each gets what it has a
 * place for, and what gets lost is named.
 */
#include "translation_fixture.h"

#define BEDROCK "https://bedrock-runtime.eu-1.amazonaws.com"
#define GEMINI "https://generativelanguage.googleapis.com"
#define BRICKS "https://dbc.cloud.databricks.com"
#define VERTEX "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/e"
#define DIRECT "https://api.anthropic.com"

#define MARK "'cache_control':{'type':'ephemeral','ttl':'1h'}"
#define POINT "{'cachePoint':{'type':'default','ttl':'1h'}}"
#define HI "{'role':'user','content':'hi'}"
#define PART "{'type':'text','text':'a'," MARK "}"
#define MARKED "{'messages':[{'role':'user','content':[" PART "]}]}"
#define IMAGE                                                                  \
    "{'messages':[{'role':'user','content':[{'type':'image_url','image_url':"  \
    "{'url':'data:image/png;base64,aGk='}," MARK "}]}]}"
#define LOOP(call, result)                                                     \
    "{'messages':[" HI ",{'role':'assistant','content':null,'tool_calls':[{"   \
    "'id':'c','type':'function','function':{'name':'f','arguments':'{}'}" call \
    "}]},{'role':'tool','tool_call_id':'c','content':[{'type':'text','text':"  \
    "'r'}]" result "}]}"
#define TOOL(in, beside)                                                       \
    "{'messages':[" HI "],'tools':[{'type':'function','function':{'name':"     \
    "'f'" in "}" beside "}]}"
#define SIGNED "{'type':'thinking','thinking':'t','signature':'s'}"
#define THOUGHT                                                                \
    "{'messages':[" HI ",{'role':'assistant','content':'a',"                   \
    "'thinking_blocks':[" SIGNED "]}," HI "],'thinking':{'type':'enabled',"    \
    "'budget_tokens':1024},'max_tokens':2000}"
#define BARE                                                                   \
    "{'messages':[" HI ",{'role':'assistant','content':'a',"                   \
    "'thinking_blocks':[" SIGNED "]}," HI "]}"
#define TOP_K "{'messages':[" HI "],'top_k':5}"

static const struct {
    const char *dialect;
    const char *url;
    const char *family;
    const char *hub;
    const char *sent; /* a part of what goes up */
    const char *dropped;
} cases[] = {
    /* where a cache may begin: parts */
    {"anthropic", DIRECT, "claude-opus-4-5", MARKED, "'text':'a'," MARK, ""},
    {"anthropic", VERTEX, "claude-opus-4-5", MARKED, "'text':'a'," MARK, ""},
    {"anthropic", BEDROCK, "claude-opus-4-5", MARKED, "'text':'a'," MARK, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", MARKED, "{'text':'a'}," POINT, ""},
    {"bedrock", BEDROCK, "nova-2-lite", MARKED, "{'text':'a'}," POINT, ""},
    {"bedrock", BEDROCK, "llama3", MARKED, "[{'text':'a'}]", "cache_control"},
    {"databricks", BRICKS, "claude-opus-4-5", MARKED, "'text':'a'," MARK, ""},
    {"databricks", BRICKS, "gpt-oss", MARKED, "'text':'a'}", "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", MARKED, "{'text':'a'}", "cache_control"},
    /* images */
    {"bedrock", BEDROCK, "claude-opus-4-5", IMAGE, "'aGk='}}}," POINT, ""},
    {"databricks", BRICKS, "claude-opus-4-5", IMAGE, "aGk='}}",
     "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", IMAGE, "aGk=", "cache_control"},
    /* a call and its result */
    {"anthropic", DIRECT, "claude-opus-4-5", LOOP("," MARK, "," MARK),
     "'input':{}," MARK, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", LOOP("," MARK, ""),
     "'input':{}}}," POINT, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", LOOP("", "," MARK),
     "[{'text':'r'}]}}," POINT, ""},
    {"databricks", BRICKS, "claude-opus-4-5", LOOP("," MARK, ""),
     "'arguments':'{}'}}", "cache_control"},
    {"databricks", BRICKS, "claude-opus-4-5", LOOP("", "," MARK),
     "'text':'r'}]}", "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", LOOP("," MARK, ""), "functionCall",
     "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", LOOP("", "," MARK), "functionResponse",
     "cache_control"},
    /* tools */
    {"anthropic", DIRECT, "claude-opus-4-5", TOOL("", "," MARK), MARK, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", TOOL("", "," MARK), POINT, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", TOOL("," MARK, ""), POINT, ""},
    {"bedrock", BEDROCK, "nova-pro", TOOL("", "," MARK), "}}}}]}",
     "cache_control"},
    {"databricks", BRICKS, "claude-opus-4-5", TOOL("", "," MARK), "'f'",
     "cache_control"},
    {"databricks", BRICKS, "claude-opus-4-5", TOOL("," MARK, ""), "'f'",
     "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", TOOL("," MARK, ""), "'f'",
     "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", TOOL("", "," MARK), "'f'",
     "cache_control"},
    /* the request as a whole */
    {"anthropic", DIRECT, "claude-opus-4-5", "{'messages':[" HI "]," MARK "}",
     MARK, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", "{'messages':[" HI "]," MARK "}",
     "'hi'", "cache_control"},
    {"databricks", BRICKS, "claude-opus-4-5", "{'messages':[" HI "]," MARK "}",
     "'hi'", "cache_control"},
    {"databricks", BRICKS, "gpt-oss", "{'messages':[" HI "]," MARK "}", "'hi'",
     "cache_control"},
    {"gemini", GEMINI, "gemini-3-pro", "{'messages':[" HI "]," MARK "}", "'hi'",
     "cache_control"},
    /* thoughts */
    {"anthropic", DIRECT, "claude-opus-4-5", THOUGHT, SIGNED, ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", THOUGHT,
     "{'reasoningContent':{'reasoningText':{'text':'t','signature':'s'}}}", ""},
    {"bedrock", BEDROCK, "llama3", BARE, "'a'", "thinking_blocks"},
    {"databricks", BRICKS, "gpt-oss", BARE, "'a'", "thinking_blocks"},
    {"gemini", GEMINI, "gemini-3-pro", BARE, "'a'", "thinking_blocks"},
    /* top_k */
    {"anthropic", DIRECT, "claude-opus-4-5", TOP_K, "'top_k':5", ""},
    {"bedrock", BEDROCK, "claude-opus-4-5", TOP_K,
     "'additionalModelRequestFields':{'top_k':5}", ""},
    {"bedrock", BEDROCK, "nova-pro", TOP_K,
     "'additionalModelRequestFields':{'inferenceConfig':{'topK':5}}", ""},
    {"bedrock", BEDROCK, "mistral-7b", TOP_K,
     "'additionalModelRequestFields':{'top_k':5}", ""},
    {"bedrock", BEDROCK, "command-r-plus", TOP_K,
     "'additionalModelRequestFields':{'k':5}", ""},
    {"bedrock", BEDROCK, "jamba-1-5", TOP_K, "'inferenceConfig':{}}", "top_k"},
    {"databricks", BRICKS, "gpt-oss", TOP_K, "'top_k':5", ""},
    {"gemini", GEMINI, "gemini-3-pro", TOP_K, "'topK':5", ""},
};

START_TEST(carried_or_named)
{
    azl_deployment_t *d =
        deployment_at(cases[_i].dialect, cases[_i].url, NULL, "d");
    azl_exchange_t *ex = exchange_with(d, cases[_i].family, cases[_i].hub);
    const char *sent =
        asked(ex, d->endpoint->dialect->outbound(d, AZL_OP_CHAT));

    ck_assert_msg(strstr(sent, quoted(cases[_i].sent)) != NULL, "%s", sent);
    ck_assert_str_eq(dropped_of(ex), cases[_i].dropped);
}
END_TEST

/* A cache point inside a result is refused there. */
START_TEST(no_point_inside_a_result)
{
    azl_deployment_t *d = deployment_at("bedrock", BEDROCK, NULL, "d");
    azl_exchange_t *ex = exchange_with(
        d, "claude-opus-4-5",
        "{'messages':[" HI ",{'role':'assistant','content':null,'tool_calls':[{"
        "'id':'c','type':'function','function':{'name':'f','arguments':'{}'}}]"
        "},{'role':'tool','tool_call_id':'c','content':[" PART
        ",{'type':'image_url','image_url':{'url':'data:image/"
        "png;base64,aGk='}," MARK "}]}]}");

    ck_assert_ptr_null(
        strstr(asked(ex, d->endpoint->dialect->outbound(d, AZL_OP_CHAT)),
               "cachePoint"));
    ck_assert_str_eq(dropped_of(ex), "cache_control");
}
END_TEST

TCase *azl_test_extras(void)
{
    TCase *tc = azl_test_tcase("extras");

    tcase_add_loop_test(tc, carried_or_named, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, no_point_inside_a_result);
    return tc;
}
