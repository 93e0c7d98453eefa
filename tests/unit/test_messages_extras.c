/*
 * What clients of the Messages API say that only some upstreams understand:
 * it goes along for those, and is named for all others.
 */
#include "azl_messages_int.h"
#include "translation_fixture.h"

#define HI "{'role':'user','content':'hi'}"
#define ASK "'model':'m','max_tokens':9,'messages':[" HI "]"
#define CHAT "'model':'m','max_completion_tokens':9,'messages':[" HI "]"
#define SAID(messages) "{'model':'m','max_tokens':9,'messages':[" messages "]}"
#define HUB(messages)                                                          \
    "{'model':'m','max_completion_tokens':9,'messages':[" messages "]}"
#define USER(blocks) "{'role':'user','content':[" blocks "]}"
#define BOT(blocks) "{'role':'assistant','content':[" blocks "]}"
#define CACHE ",'cache_control':{'type':'ephemeral','ttl':'1h'}"
#define TEXT(text, more) "{'type':'text','text':'" text "'" more "}"
#define CALL(id, more)                                                         \
    "{'id':'" id "','type':'function','function':{'name':'f','arguments':"     \
    "'{}'}" more "}"
#define USE(id, more)                                                          \
    "{'type':'tool_use','id':'" id "','name':'f','input':{}" more "}"
#define SIGNED "{'type':'thinking','thinking':'t','signature':'c2ln'}"
#define HIDDEN "{'type':'redacted_thinking','data':'d'}"

typedef struct extra_case_t {
    const char *client;
    const char *rich;    /* for those who know it */
    const char *plain;   /* for those who know OpenAI's members only ... */
    const char *dropped; /* ... with these names */
} extra_case_t;

static const extra_case_t cases[] = {
    /* where a cache may begin */
    {SAID(USER(TEXT("a", CACHE) ",{'type':'image','source':{'type':'url',"
                                "'url':'https://x/a.png'}" CACHE
                                "},{'type':'document','source':{'type':"
                                "'base64','media_type':'application/pdf',"
                                "'data':'aGk='}" CACHE
                                "},{'type':'document','source':{'type':"
                                "'text','data':'d'}" CACHE "}")),
     HUB(USER(TEXT("a", CACHE) ",{'type':'image_url','image_url':{'url':"
                               "'https://x/a.png'}" CACHE
                               "},{'type':'file','file':{'filename':"
                               "'document.pdf','file_data':"
                               "'data:application/pdf;base64,aGk='}" CACHE
                               "}," TEXT("d", CACHE))),
     HUB(USER(
         TEXT("a", "") ",{'type':'image_url','image_url':{'url':"
                       "'https://x/a.png'}},{'type':'file','file':"
                       "{'filename':'document.pdf','file_data':"
                       "'data:application/pdf;base64,aGk='}}," TEXT("d", ""))),
     "cache_control"},
    {"{" ASK ",'system':[" TEXT("s", CACHE) "]}",
     "{'model':'m','max_completion_tokens':9,'messages':[{'role':'system',"
     "'content':[" TEXT("s", CACHE) "]}," HI "]}",
     "{'model':'m','max_completion_tokens':9,'messages':[{'role':'system',"
     "'content':[" TEXT("s", "") "]}," HI "]}",
     "cache_control"},
    {SAID(HI "," BOT(
         TEXT("a", "") "," TEXT("", CACHE) "," TEXT("b", CACHE) "," USE(
             "1", CACHE)) "," USER("{'type':'tool_result','tool_use_id':'1','"
                                   "content':'r'" CACHE "}")),
     HUB(HI ",{'role':'assistant','content':[" TEXT("a", "") "," TEXT(
         "b", CACHE) "],'tool_calls':[" CALL("1", CACHE) "]},{'role':'tool',"
                                                         "'tool_call_id':'1',"
                                                         "'content':'r'" CACHE
                                                         "}"),
     HUB(HI ",{'role':'assistant','content':'ab','tool_calls':[" CALL(
         "1", "") "]},{'role':'tool','tool_call_id':'1','content':'r'}"),
     "cache_control"},
    {SAID(HI "," BOT(USE("1", "")) "," USER(
         "{'type':'tool_result','tool_use_id':'1','content':[" TEXT(
             "r", CACHE) "," TEXT("s", "") "]}")),
     HUB(HI ",{'role':'assistant','content':null,'tool_calls':[" CALL(
         "1", "") "]},{'role':'tool','tool_call_id':'1','content':'r\\ns'" CACHE
                  "}"),
     HUB(HI ",{'role':'assistant','content':null,'tool_calls':[" CALL(
         "1", "") "]},{'role':'tool','tool_call_id':'1','content':'r\\ns'}"),
     "cache_control"},
    {"{" ASK CACHE ",'tools':[{'name':'f'" CACHE "}]}",
     "{" CHAT ",'tools':[{'type':'function','function':{'name':'f'}" CACHE
     "}]" CACHE "}",
     "{" CHAT ",'tools':[{'type':'function','function':{'name':'f'}}]}",
     "cache_control"},
    {"{" ASK ",'cache_control':null}", "{" CHAT "}", "{" CHAT "}", ""},
    /* thoughts of a Claude, but no others */
    {SAID(HI "," BOT(SIGNED "," HIDDEN "," TEXT("a", "")) "," HI),
     HUB(HI ",{'role':'assistant','content':'a','thinking_blocks':[" SIGNED
            "," HIDDEN "]}," HI),
     HUB(HI ",{'role':'assistant','content':'a'}," HI), "thinking_blocks"},
    {SAID(HI "," BOT("{'type':'thinking','thinking':'t','signature':''},"
                     "{'type':'thinking','thinking':'t'},"
                     "{'type':'thinking','thinking':'t','signature':"
                     "'azurelitUnsigned'}," TEXT("a", ""))),
     HUB(HI ",{'role':'assistant','content':'a'}"),
     HUB(HI ",{'role':'assistant','content':'a'}"), ""},
    /* members */
    {"{" ASK ",'top_k':5}", "{" CHAT ",'top_k':5}", "{" CHAT "}", "top_k"},
    {"{" ASK ",'output_format':{'type':'json_schema','schema':{}}}",
     "{" CHAT ",'response_format':{'type':'json_schema','json_schema':{'name':"
     "'structured_output','schema':{}}}}",
     "{" CHAT ",'response_format':{'type':'json_schema','json_schema':{'name':"
     "'structured_output','schema':{}}}}",
     ""},
    {"{" ASK ",'container':null,'mcp_servers':[],'context_management':{}}",
     "{" CHAT "}", "{" CHAT "}", ""},
};

static azl_exchange_t *exchange_of(const char *client, int plain)
{
    azl_exchange_t *ex = exchange_with(NULL, "m", NULL);

    ex->client = parsed(client);
    ex->plain = plain;
    return ex;
}

/* The hub's document, or "400 code param". */
static const char *brought_in(azl_exchange_t *ex)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, AZL_HUB_DOCUMENT_MAX);
    azl_json_t *json;
    azl_error_t err;

    memset(&err, 0, sizeof(err));
    if (!azl_inbound_messages.request(ex, out, &err)) {
        return apr_psprintf(azl_test_pool, "%d %s %s", err.status, err.code,
                            err.param);
    }
    ck_assert_ptr_null(
        azl_json_parse(azl_test_pool, azl_span(out->data, out->len), &json));
    return azl_buf_pstr(out, azl_test_pool);
}

START_TEST(who_knows_it_gets_it)
{
    azl_exchange_t *ex = exchange_of(cases[_i].client, 0);

    ck_assert_str_eq(brought_in(ex), quoted(cases[_i].rich));
    ck_assert_str_eq(dropped_of(ex), "");
}
END_TEST

START_TEST(for_others_it_is_named)
{
    azl_exchange_t *ex = exchange_of(cases[_i].client, 1);

    ck_assert_str_eq(brought_in(ex), quoted(cases[_i].plain));
    ck_assert_str_eq(dropped_of(ex), cases[_i].dropped);
}
END_TEST

#define MORE                                                                   \
    "{" ASK ",'container':'c','mcp_servers':[{}],'context_management':"        \
    "{'edits':[]},'inference_geo':'us','odd':1,'od d':2}"

/* What no chat has a place for. */
START_TEST(members_without_a_place)
{
    static const struct {
        azl_params_e params;
        const char *hub;
        const char *dropped;
    } rules[] = {
        {AZL_PARAMS_KEEP, "{" CHAT "}",
         "container,mcp_servers,context_management,inference_geo,odd,"
         "(unknown)"},
        /* what the API does not define has been named before */
        {AZL_PARAMS_DROP, "{" CHAT "}",
         "container,mcp_servers,context_management,inference_geo"},
        {AZL_PARAMS_REJECT, "400 unsupported_parameter container", ""},
    };
    int plain;

    for (plain = 0; plain < 2; ++plain) {
        azl_exchange_t *ex = exchange_of(MORE, plain);

        ex->params = rules[_i].params;
        ck_assert_str_eq(brought_in(ex), quoted(rules[_i].hub));
        ck_assert_str_eq(dropped_of(ex), rules[_i].dropped);
    }
}
END_TEST

/* Where nothing may get lost; nobody asks an answer for a cache. */
START_TEST(what_is_refused)
{
    azl_exchange_t *ex = exchange_of("{" ASK ",'top_k':5}", 1);

    ex->params = AZL_PARAMS_REJECT;
    ck_assert_str_eq(brought_in(ex), "400 unsupported_parameter top_k");
    ex = exchange_of("{" ASK CACHE "}", 1);
    ex->params = AZL_PARAMS_REJECT;
    ck_assert_str_eq(brought_in(ex), quoted("{" CHAT "}"));
    ck_assert_str_eq(dropped_of(ex), "cache_control");
}
END_TEST

TCase *azl_test_messages_extras(void)
{
    TCase *tc = azl_test_tcase("messages_extras");

    tcase_add_loop_test(tc, who_knows_it_gets_it, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tc, for_others_it_is_named, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tc, members_without_a_place, 0, 3);
    tcase_add_test(tc, what_is_refused);
    return tc;
}
