/*
 * Servers that resemble OpenAI's and want a look into the document: what goes
 * to them, their answers, and their streams (in one piece and cut at every
 * byte).
 */
#include "azl_family.h"
#include "azl_openai_int.h"
#include "azl_turns_int.h"
#include "stream_fixture.h"
#include "translation_fixture.h"

static azl_deployment_t *server(int quirks)
{
    azl_deployment_t *d = deployment_at("openai", "https://h", NULL, "dep");

    ((azl_endpoint_t *)d->endpoint)->quirks = quirks;
    return d;
}

static const azl_outbound_t *outbound_of(const azl_deployment_t *d)
{
    return d->endpoint->dialect->outbound(d, AZL_OP_CHAT);
}

START_TEST(only_if_somebody_looks)
{
    azl_deployment_t *d =
        server(AZL_QUIRK_MAX_TOKENS | AZL_QUIRK_NO_STREAM_OPTIONS);

    ck_assert_ptr_null(outbound_of(d));
    ck_assert_ptr_null(outbound_of(server(0)));
    d = server(AZL_QUIRK_MEND);
    ck_assert_ptr_nonnull(outbound_of(d));
    ck_assert_ptr_null(d->endpoint->dialect->outbound(d, AZL_OP_EMBEDDINGS));
    ck_assert_ptr_null(d->endpoint->dialect->outbound(d, AZL_OP_RESPONSES));
}
END_TEST

/*
 * Requests
 */

#define IN(messages) "{ 'messages' : [" messages "], 'model':'m'}"
#define UP(messages) "{ 'messages' : [" messages "], 'model':'dep'}"
#define CALLED(id, more)                                                       \
    "{'role':'assistant','content':null" more ",'tool_calls':[{'id':'" id      \
    "','type':'function','function':{'name':'f',"                              \
    "'arguments':'{}'}}]}"
#define RESULT(id) "{'role':'tool','tool_call_id':'" id "','content':'r'}"

static const struct {
    int quirks;
    const char *kept; /* NULL: nothing */
    const char *body;
    const char *sent;
} requests[] = {
    /* byte for byte */
    {AZL_QUIRK_MEND, NULL,
     IN("{ 'role':'developer' , 'x':[1.50 ,2]},5,[],{'role':null},null"),
     UP("{ 'role':'developer' , 'x':[1.50 ,2]},5,[],{'role':null},null")},
    {AZL_QUIRK_NO_DEVELOPER, NULL,
     IN("{'role':'developer','content':'a'},{'role' : 'developer'},{'content':"
        "'developer','role':'user'}"),
     UP("{'role':'system','content':'a'},{'role' : 'system'},{'content':"
        "'developer','role':'user'}")},
    {AZL_QUIRK_MAX_TOKENS | AZL_QUIRK_NO_DEVELOPER, NULL,
     "{'messages':[],'max_completion_tokens':5,'model':'m'}",
     "{'messages':[],'max_tokens':5,'model':'dep'}"},
    {AZL_QUIRK_NO_DEVELOPER, NULL, "{'messages':{'role':'developer'}}",
     "{'model':'dep','messages':{'role':'developer'}}"},
    {AZL_QUIRK_NO_DEVELOPER, NULL, "{'n':1}", "{'model':'dep','n':1}"},
    /* ids: the same for the call and its result, and as they are if they fit */
    {AZL_QUIRK_SHORT_IDS, NULL,
     IN(CALLED("call_1", "") "," RESULT("call_1") "," CALLED(
         "Abc123xyZ", "") "," RESULT("Abc123xyZ")),
     NULL},
    {AZL_QUIRK_SHORT_IDS, NULL,
     IN("{'role':'assistant','tool_calls':[5,{},{'id':7},{'id':''}]},"
        "{'role':'assistant','tool_calls':null},{'tool_call_id':null}"),
     UP("{'role':'assistant','tool_calls':[5,{},{'id':7},{'id':''}]},"
        "{'role':'assistant','tool_calls':null},{'tool_call_id':null}")},
    /* members */
    {AZL_QUIRK_PLAIN_MESSAGES, NULL,
     IN("{'role':'user','name':'u','content':'a'},{'refusal':null,'role':"
        "'assistant','content':null,'reasoning_content':'x','prefix':true,"
        "'tool_calls':null,'audio':null},{'role':'tool','name':'f','content':"
        "'r','tool_call_id':'i'},{'role':'system','content':'s','cache':1}"),
     UP("{'role':'user','content':'a'},{'role':"
        "'assistant','content':null,'prefix':true},"
        "{'role':'tool','name':'f','content':"
        "'r','tool_call_id':'i'},{'role':'system','content':'s'}")},
    {AZL_QUIRK_PLAIN_MESSAGES, NULL, IN("{'x':1}"), UP("{}")},
    /* reasoning */
    {AZL_QUIRK_LOOP_REASONING, NULL,
     IN("{'role':'assistant','content':'a','reasoning_content':'x'},"
        "{'role':'assistant','reasoning':'x','content':'a'},"
        "{'role':'assistant','content':'a','tool_calls':[]},"
        "{'role':'assistant','content':'a','tool_calls':[5]}"),
     UP("{'role':'assistant','content':'a'},"
        "{'role':'assistant','content':'a'},"
        "{'role':'assistant','content':'a','tool_calls':[]},"
        "{'role':'assistant','content':'a','tool_calls':[5]}")},
    {AZL_QUIRK_LOOP_REASONING, "reasoning/i=k\\u0022",
     IN(CALLED("i", ",'reasoning_content':'x'")),
     UP(CALLED("i", ",'reasoning_content':'x'"))},
    {AZL_QUIRK_LOOP_REASONING, "reasoning/i=k\\u0022",
     IN(CALLED("i", ",'reasoning':'y','reasoning_content':null")),
     UP("{'role':'assistant','content':null,'tool_calls':[{'id':'i','type':"
        "'function','function':{'name':'f','arguments':'{}'}}],"
        "'reasoning_content':'k\\u0022'}")},
    {AZL_QUIRK_LOOP_REASONING, NULL, IN(CALLED("i", "")),
     UP("{'role':'assistant','content':null,'tool_calls':[{'id':'i','type':"
        "'function','function':{'name':'f','arguments':'{}'}}],"
        "'reasoning_content':''}")},
};

static azl_exchange_t *asking(int quirks, const char *family, const char *body,
                              azl_params_e params)
{
    azl_deployment_t *d = server(quirks);
    azl_exchange_t *ex = exchange_with(d, "m", NULL);
    azl_document_t *doc = apr_palloc(azl_test_pool, sizeof(*doc));
    azl_error_t err;

    d->family = azl_family_find(family);
    ex->params = params;
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, params, NULL,
                                quoted_span(body), doc, &err));
    ex->doc = doc;
    return ex;
}

START_TEST(what_goes_to_such_servers)
{
    const char *expected = requests[_i].sent;
    const char *id = azl_turns_short_id(azl_test_pool, azl_span_str("call_1"));
    azl_exchange_t *ex =
        asking(requests[_i].quirks, NULL, requests[_i].body, AZL_PARAMS_KEEP);

    if (!expected) {
        expected = apr_psprintf(azl_test_pool,
                                UP(CALLED("%s", "") "," RESULT("%s") "," CALLED(
                                    "Abc123xyZ", "") "," RESULT("Abc123xyZ")),
                                id, id);
        ck_assert_uint_eq(strlen(id), 9);
        ck_assert(azl_turns_id_is_short(azl_span_str(id)));
    }
    kept_of(ex)->what = requests[_i].kept;
    ck_assert_str_eq(asked(ex, outbound_of(ex->deployment)), quoted(expected));
    ck_assert_str_eq(dropped_of(ex), "");
}
END_TEST

/* As for everybody else, what the model does not take is left out or refused.
 */
START_TEST(with_the_rules_of_the_model)
{
    static const char body[] =
        "{'messages':[],'stop':'x','reasoning_effort':'max','model':'m'}";
    azl_exchange_t *ex = asking(AZL_QUIRK_MEND, "o3", body, AZL_PARAMS_DROP);

    ck_assert_str_eq(
        asked(ex, outbound_of(ex->deployment)),
        quoted("{'messages':[],'reasoning_effort':'high','model':'dep'}"));
    ck_assert_str_eq(dropped_of(ex), "stop,reasoning_effort");
    ex = asking(AZL_QUIRK_MEND, "o3", body, AZL_PARAMS_REJECT);
    ck_assert_str_eq(asked(ex, outbound_of(ex->deployment)),
                     "400 unsupported_parameter stop");
}
END_TEST

/* Probes have a tree only. */
START_TEST(without_a_document)
{
    azl_exchange_t *ex =
        exchange_with(server(AZL_QUIRK_NO_DEVELOPER), "m",
                      "{'messages':[{'role':'developer'}],'n':1}");

    ck_assert_str_eq(
        asked(ex, outbound_of(ex->deployment)),
        quoted("{'model':'dep','messages':[{'role':'system'}],'n':1}"));
}
END_TEST

/* What another has begun is gone on from. */
START_TEST(with_what_was_said)
{
    azl_exchange_t *ex = asking(AZL_QUIRK_PLAIN_MESSAGES, NULL,
                                IN("{'role':'user'}"), AZL_PARAMS_KEEP);

    ((azl_endpoint_t *)ex->deployment->endpoint)->prefill = AZL_PREFILL_PREFIX;
    ((azl_document_t *)ex->doc)->said = "so";
    ck_assert_str_eq(asked(ex, outbound_of(ex->deployment)),
                     quoted(UP("{'role':'user'},{'role':'assistant','content':"
                               "'so','prefix':true}")));
}
END_TEST

/*
 * Answers
 */

#define HEAD "'id':'a','object':'chat.completion','created':7,'model':'u'"
#define ANSWER(choice) "{" HEAD ",'choices':[" choice "]}"
#define SAYS(message, finish)                                                  \
    "{'index':0,'message':{'role':'assistant'," message                        \
    "},'finish_reason':'" finish "','logprobs':[]}"
#define CALL(id, arguments)                                                    \
    "{'id':'" id                                                               \
    "','type':'function','function':{'name':'f','arguments':" arguments "}}"
#define COUNTED(usage)                                                         \
    "{" HEAD ",'choices':[" SAYS("'content':'a'", "stop") "],'usage':" usage "}"
#define USED "'prompt_tokens':9,'completion_tokens':"

static const struct {
    const char *doc;
    const char *told; /* NULL: the same; "": none, with `failure` */
    const char *failure;
} answers[] = {
    /* whole already: byte for byte */
    {ANSWER(SAYS("'content':'a' ,'x':[ 1.0 ]", "stop")) " ", NULL, NULL},
    {ANSWER(SAYS("'content':null,'tool_calls':[" CALL("i", "'{}'") "]",
                 "tool_calls")),
     NULL, NULL},
    {ANSWER(SAYS("'content':'','refusal':null", "length")), NULL, NULL},
    {ANSWER(SAYS("'content':''", "content_filter")), NULL, NULL},
    {ANSWER(SAYS("'content':''", "function_call")), NULL, NULL},
    /* what every answer has */
    {"{'choices':[{'message':{'content':'a'}},{}]}",
     "{'choices':[{'message':{'content':'a','role':'assistant'},'index':0,"
     "'logprobs':null,'finish_reason':'stop'},{'index':1,'message':{'role':"
     "'assistant','content':null},'logprobs':null,'finish_reason':'stop'}],"
     "'id':'chatcmpl-r1','object':'chat.completion','created':5,'model':''}",
     NULL},
    {"{'id':'','object':null,'created':null,'model':null,'choices':[{'index':"
     "null,'message':null,'finish_reason':null,'logprobs':null,'error':null}],"
     "'error':null}",
     "{'choices':[{'finish_reason':'stop','index':0,'message':{'role':"
     "'assistant','content':null},'logprobs':null}],"
     "'error':null,'id':'chatcmpl-r1','object':'chat.completion','created':5,"
     "'model':''}",
     NULL},
    {ANSWER("{'index':0,'logprobs':[],'finish_reason':'','message':{'role':"
            "null}}"),
     ANSWER("{'index':0,'logprobs':[],'finish_reason':'stop','message':{"
            "'role':'assistant','content':null}}"),
     NULL},
    /* calls */
    {ANSWER(SAYS("'tool_calls':[{'function':{'name':'f','arguments':{ 'a' :"
                 "'b' }}},{'id':null,'type':null,'function':{'name':'g'}},"
                 "{'id':'','type':'','index':0,'function':{'name':'h',"
                 "'arguments':null}},{'id':'j','type':'custom','custom':{}},7]",
                 "stop")),
     ANSWER(SAYS("'tool_calls':[{'function':{'name':'f','arguments':"
                 "'{ \\'a\\' :\\'b\\' }'},'id':'call_r1_0_0','type':"
                 "'function'},{'function':{'name':'g','arguments':'{}'},"
                 "'id':'call_r1_0_1','type':'function'},{'index':0,"
                 "'function':{'name':'h','arguments':'{}'},'id':"
                 "'call_r1_0_2','type':'function'},{'id':'j','type':'custom',"
                 "'custom':{}},7],'content':null",
                 "tool_calls")),
     NULL},
    {ANSWER(SAYS("'content':'','tool_calls':[" CALL("i", "''") "]", "stop")),
     ANSWER(SAYS("'content':'','tool_calls':[" CALL("i", "'{}'") "]",
                 "tool_calls")),
     NULL},
    {ANSWER(SAYS("'tool_calls':[],'content':'a','audio':null,'function_call':"
                 "null",
                 "stop")),
     ANSWER(SAYS("'content':'a'", "stop")), NULL},
    /* reasons */
    {ANSWER(SAYS("'content':''", "end_turn")),
     ANSWER(SAYS("'content':''", "stop")), NULL},
    {ANSWER(SAYS("'content':''", "model_length")),
     ANSWER(SAYS("'content':''", "length")), NULL},
    {ANSWER(SAYS("'content':''", "unheard")),
     ANSWER(SAYS("'content':''", "stop")), NULL},
    {ANSWER(SAYS("'content':''", "tool_use")),
     ANSWER(SAYS("'content':''", "tool_calls")), NULL},
    /* parts */
    {ANSWER(SAYS("'content':[{'type':'thinking','thinking':[{'type':'text',"
                 "'text':'t\\u0022'},{'type':'text','text':'u'},{},5]},'w',{"
                 "'type':'text','text':'a'},{'type':'thinking','thinking':'v'},"
                 "5,{'type':'text','text':'b'}]",
                 "stop")),
     ANSWER(SAYS("'content':'wab','reasoning_content':'t\\u0022uv'", "stop")),
     NULL},
    {ANSWER(SAYS("'content':[]", "stop")),
     ANSWER(SAYS("'content':null", "stop")), NULL},
    {ANSWER(SAYS("'content':'a','reasoning':'r','reasoning_details':[{'text':"
                 "'x'}]",
                 "stop")),
     NULL, NULL},
    {ANSWER(SAYS("'content':'a','reasoning':null,'reasoning_details':[{'text':"
                 "'x'},{'data':'z'},{'text':'y'}]",
                 "stop")),
     ANSWER(SAYS("'content':'a','reasoning_details':[{'text':'x'},{'data':'z'},"
                 "{'text':'y'}],'reasoning_content':'xy'",
                 "stop")),
     NULL},
    {ANSWER(
         SAYS("'content':'a','reasoning_details':[{'summary':'s'}]", "stop")),
     ANSWER(SAYS("'content':'a','reasoning_details':[{'summary':'s'}],"
                 "'reasoning_content':'s'",
                 "stop")),
     NULL},
    /* usage */
    {COUNTED("{" USED "4,'total_tokens':77,'completion_tokens_details':{"
             "'reasoning_tokens':64},'sources':0}"),
     COUNTED("{" USED "68,'total_tokens':77,'completion_tokens_details':{"
             "'reasoning_tokens':64},'sources':0}"),
     NULL},
    {COUNTED("{" USED "68,'total_tokens':77,'completion_tokens_details':{"
             "'reasoning_tokens':64}}"),
     NULL, NULL},
    {COUNTED("{" USED "4,'reasoning_tokens':3,'prompt_tokens_details':null,"
             "'prompt_cache_hit_tokens':2}"),
     COUNTED("{" USED "4,'reasoning_tokens':3,'prompt_cache_hit_tokens':2,"
             "'completion_tokens_details':{'reasoning_tokens':3},"
             "'prompt_tokens_details':{'cached_tokens':2},'total_tokens':13}"),
     NULL},
    {COUNTED("null"), NULL, NULL},
    /* errors */
    {ANSWER("{'error':{'code':503,'message':'m'},'message':{'content':''}}"),
     "", "{'error':{'code':503,'message':'m'}}"},
    {"{'error':{'code':429}}", "", "{'error':{'code':429}}"},
    {"{'choices':[]}", "", ""},
    {"{'choices':5}", "", ""},
    {"{}", "", ""},
    {"[]", "", ""},
    {"", "", ""},
};

START_TEST(what_comes_from_such_servers)
{
    azl_exchange_t *ex = exchange_with(server(AZL_QUIRK_MEND), "m", NULL);
    azl_buf_t *out = azl_buf_create(azl_test_pool, AZL_HUB_DOCUMENT_MAX);
    const char *told = answers[_i].told;

    if (told && !*told) {
        ck_assert_int_eq(outbound_of(ex->deployment)
                             ->answer(ex, quoted_span(answers[_i].doc), out),
                         APR_EGENERAL);
        ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                         quoted(answers[_i].failure));
        return;
    }
    ck_assert_str_eq(answered(ex, outbound_of(ex->deployment), answers[_i].doc),
                     quoted(told ? told : answers[_i].doc));
    ck_assert_ptr_null(kept_of(ex)->what);
}
END_TEST

START_TEST(reasons_that_are_errors)
{
    static const struct {
        const char *reason;
        int status;
    } reasons[] = {{"error", 500}, {"insufficient_system_resource", 503}};
    azl_exchange_t *ex = exchange_with(server(AZL_QUIRK_MEND), "m", NULL);
    azl_buf_t *out = azl_buf_create(azl_test_pool, AZL_HUB_DOCUMENT_MAX);
    const char *doc = apr_psprintf(
        azl_test_pool, ANSWER("{'finish_reason':'%s'}"), reasons[_i].reason);
    azl_error_t err;

    ck_assert_int_eq(
        outbound_of(ex->deployment)->answer(ex, quoted_span(doc), out),
        APR_EGENERAL);
    azl_failure_event(azl_test_pool, NULL, azl_span(out->data, out->len), &err);
    ck_assert_int_eq(err.status, reasons[_i].status);
}
END_TEST

#define THINKS(id)                                                             \
    SAYS("'content':'','reasoning_content':'t','tool_calls':[" CALL(           \
             id, "'{}'") "]",                                                  \
         "tool_calls")

START_TEST(reasoning_is_kept_for_the_loop)
{
    azl_exchange_t *ex =
        exchange_with(server(AZL_QUIRK_LOOP_REASONING), "m", NULL);

    answered(ex, outbound_of(ex->deployment), ANSWER(THINKS("i")));
    ck_assert_str_eq(kept_of(ex)->what, "reasoning/i=t");
    answered(ex, outbound_of(ex->deployment), ANSWER(THINKS("")));
    ck_assert_str_eq(kept_of(ex)->what, "reasoning/call_r1_0_0=t");
    kept_of(ex)->what = NULL;
    answered(ex, outbound_of(ex->deployment),
             ANSWER(SAYS("'content':'a','reasoning_content':'t'", "stop")));
    ck_assert_ptr_null(kept_of(ex)->what);
    ex = exchange_with(server(AZL_QUIRK_MEND), "m", NULL);
    answered(ex, outbound_of(ex->deployment), ANSWER(THINKS("i")));
    ck_assert_ptr_null(kept_of(ex)->what);
}
END_TEST

/*
 * Streams
 */

#define TOLD(choice)                                                           \
    "data: {'choices':[" choice "],'id':'chatcmpl-r1','created':5,'object':"   \
    "'chat.completion.chunk','model':'alias'}\n\n"
#define BARE(choice) "data: {'choices':[" choice "]}\n\n"

typedef struct mended_case_t {
    int quirks;
    const char *in;
    const char *out; /* NULL: it is not looked at */
    int state;
    const char *kept;
} mended_case_t;

static const mended_case_t streams[] = {
    /* no names, no indexes, no role */
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'content':'a'}}") ": wait\n\n" BARE(
         "{'index':null,'delta':{'content':'b'},'finish_reason':null}")
         BARE("{'delta':{},'finish_reason':'end_turn'}") DONE,
     TOLD(
         "{'delta':{'content':'a','role':'assistant'},'index':0,"
         "'finish_reason':null}") ":\n\n" TOLD("{'delta':{'content':'b'},'"
                                               "finish_reason':null,'index':0}")
         TOLD("{'delta':{},'finish_reason':'stop','index':0}") DONE,
     ALL_WELL, NULL},
    /* the server's own names stay */
    {AZL_QUIRK_MEND,
     CHUNK(DELTA("{'role':'assistant','content':'a'}")) CHUNK(END_OF(0)) DONE,
     SENT(DELTA("{'role':'assistant','content':'a'}")) SENT(END_OF(0)) DONE,
     ALL_WELL, NULL},
    /* calls, whole, without ids, with objects */
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'tool_calls':[{'index':0,'function':{'name':'f',"
          "'arguments':{'a':1}}},{'index':0,'function':{'name':'g',"
          "'arguments':'{}'}}]}}")
         BARE("{'delta':{'content':''},'finish_reason':'stop'}") DONE,
     TOLD("{'delta':{'tool_calls':[{'index':0,'function':{'name':'f',"
          "'arguments':'{\\'a\\':1}'},'id':'call_r1_0_0','type':'function'},"
          "{'index':1,'function':{'name':'g','arguments':'{}'},'id':"
          "'call_r1_0_1','type':'function'}],'role':'assistant'},'index':0,"
          "'finish_reason':null}")
         TOLD("{'delta':{'content':''},'finish_reason':'tool_calls','index':0}")
             DONE,
     ALL_WELL, NULL},
    /* a call in pieces that all have its name */
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'tool_calls':[{'index':0,'function':{'name':'f',"
          "'arguments':'{'}}]}}")
         BARE("{'delta':{'tool_calls':[{'index':0,'id':null,'function':{"
              "'name':'f','arguments':'}'}}]},'finish_reason':'stop'}") DONE,
     TOLD("{'delta':{'tool_calls':[{'index':0,'function':{'name':'f',"
          "'arguments':'{'},'id':'call_r1_0_0','type':'function'}],'role':"
          "'assistant'},'index':0,'finish_reason':null}")
         TOLD("{'delta':{'tool_calls':[{'index':0,'function':{'arguments':'}'}}"
              "]},'finish_reason':'tool_calls','index':0}") DONE,
     ALL_WELL, NULL},
    /* parts */
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'role':'assistant','content':[{'type':'thinking',"
          "'thinking':[{'type':'text','text':'t'}]}]}}")
         BARE("{'delta':{'content':[{'type':'text','text':'a'},{'type':"
              "'text','text':'b'}],'reasoning_content':null}}")
             BARE("{'delta':{'content':'c'},'finish_reason':'stop'}") DONE,
     TOLD("{'delta':{'role':'assistant','content':'','reasoning_content':'t'},"
          "'index':0,'finish_reason':null}")
         TOLD("{'delta':{'content':'ab'},'index':0,'finish_reason':null}") TOLD(
             "{'delta':{'content':'c'},'finish_reason':'stop','index':0}") DONE,
     ALL_WELL, NULL},
    /* details have an index */
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'reasoning_details':[{'text':'t'},{'index':4},5,{}]}}")
         BARE("{'delta':{},'finish_reason':'stop'}") DONE,
     TOLD("{'delta':{'reasoning_details':[{'text':'t','index':0},{'index':4},5,"
          "{'index':3}],'reasoning_content':'t','role':'assistant'},'index':0,"
          "'finish_reason':null}")
         TOLD("{'delta':{},'finish_reason':'stop','index':0}") DONE,
     ALL_WELL, NULL},
    /* two choices; an event in several lines */
    {AZL_QUIRK_MEND,
     "data: {'choices':[{'index':0,'delta':{'content':'a'}},\ndata: {'index':1,"
     "'delta':{'content':'b'}}]}\n\n" BARE(
         "{'delta':{},'finish_reason':'stop'},{'delta':{},'finish_reason':"
         "'length'}") DONE,
     "data: {'choices':[{'index':0,'delta':{'content':'a','role':'assistant'},"
     "'finish_reason':null}, {'index':1,'delta':{'content':'b','role':"
     "'assistant'},'finish_reason':null}],'id':'chatcmpl-r1','created':5,"
     "'object':'chat.completion.chunk','model':'alias'}\n\n" TOLD(
         "{'delta':{},'finish_reason':'stop','index':0},{'delta':{},"
         "'finish_reason':'length','index':1}") DONE,
     ALL_WELL, NULL},
    /* usage */
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'content':'a'},'finish_reason':'stop'}") "data: "
                                                              "{'choices':[],'"
                                                              "usage':{" USED
                                                              "4,'total_tokens'"
                                                              ":77,"
                                                              "'completion_"
                                                              "tokens_details':"
                                                              "{'reasoning_"
                                                              "tokens':64}}}"
                                                              "\n\n" DONE,
     TOLD("{'delta':{'content':'a','role':'assistant'},'finish_reason':'stop',"
          "'index':0}") "data: {'choices':[],'usage':{" USED
                        "68,'total_tokens':77,'completion_tokens_details':{"
                        "'reasoning_tokens':64}},'id':'chatcmpl-r1','created':"
                        "5,'object':'chat.completion.chunk','model':'alias'}"
                        "\n\n" DONE,
     ALL_WELL, NULL},
    /* errors, before and after content, of a choice and of all */
    {AZL_QUIRK_MEND,
     BARE("{'error':{'code':503,'message':'m'},'finish_reason':'error'}"), "",
     FAILED, NULL},
    {AZL_QUIRK_MEND, "data: {'error':{'message':'m','code':503}}\n\n", "",
     FAILED, NULL},
    {AZL_QUIRK_MEND,
     BARE("{'delta':{'content':'a'}}")
         BARE("{'error':{'code':503,'message':'m'},'finish_reason':'error'}"),
     TOLD("{'delta':{'content':'a','role':'assistant'},'index':0,"
          "'finish_reason':null}") "data: {'error':{'message':'m','type':"
                                   "'server_error','param':null,'code':'503'}}"
                                   "\n\n",
     CONTENT | CLOSED | FAILED, NULL},
    /* what breaks the rules */
    {AZL_QUIRK_MEND,
     "data: nonsense\n\ndata: []\n\ndata:  \n\n" BARE(
         "5,{},{'delta':5},{'delta':{'tool_calls':[5,{},{'function':5}]}}")
         BARE("{'delta':{'content':'a'},'finish_reason':'stop'}") DONE,
     NULL, ALL_WELL & ~(FINISHED | WHOLE | CLOSED), NULL},
    /* reasoning for the loop of tools */
    {AZL_QUIRK_LOOP_REASONING,
     CHUNK(DELTA("{'role':'assistant','reasoning_content':'t\\u0022'}"))
         CHUNK(DELTA("{'reasoning_content':'u'}"))
             CHUNK(DELTA("{'tool_calls':[" CALL("i", "'{}'") "]}"))
                 CHUNK(END_OF(0)) DONE,
     NULL, ALL_WELL, "reasoning/i=t\\u0022u"},
    {AZL_QUIRK_LOOP_REASONING,
     CHUNK(DELTA("{'role':'assistant','reasoning_content':'t'}")) CHUNK(
         DELTA("{'tool_calls':[" CALL("i", "'{}'") "]}")) CHUNK(END_OF(0)),
     NULL, ALL_WELL, "reasoning/i=t"},
    {AZL_QUIRK_LOOP_REASONING,
     CHUNK(DELTA("{'role':'assistant','reasoning_content':'t'}"))
         CHUNK(DELTA("{'content':'a'}")) CHUNK(END_OF(0)) DONE,
     NULL, ALL_WELL, NULL},
};

static void run_mended(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                       int npieces)
{
    const mended_case_t *c = baton;
    azl_exchange_t *ex = exchange_with(server(c->quirks), "m", NULL);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    azl_reply_rules_t rules;
    azl_stream_t *st;
    int bits, i;

    ex->pool = p;
    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.include_usage = 1;
    st = azl_stream_create(p, &rules);
    azl_stream_from(st, outbound_of(ex->deployment), ex);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    bits |= state_bits(azl_stream_state(st));
    if (c->out) {
        ck_assert_str_eq(azl_buf_pstr(out, p), c->out);
    }
    ck_assert_int_eq(bits & c->state, c->state);
    ck_assert_int_eq(bits & FAILED, c->state & FAILED);
    if (c->kept) {
        ck_assert_str_eq(kept_of(ex)->what, c->kept);
    }
    else {
        ck_assert_ptr_null(kept_of(ex)->what);
    }
}

START_TEST(such_streams_are_mended)
{
    mended_case_t c = streams[_i];
    const char *text = quoted(c.in);

    c.out = c.out ? quoted(c.out) : NULL;
    azl_test_every_split(text, strlen(text), run_mended, &c);
}
END_TEST

/* A stream may be long, and the pool is the request's. */
START_TEST(mending_leaves_nothing_behind)
{
    azl_exchange_t *ex = exchange_with(server(AZL_QUIRK_MEND), "m", NULL);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    const azl_outbound_t *outbound = outbound_of(ex->deployment);
    void *decoder = outbound->decoder(ex);
    const char *text = quoted(
        "{'choices':[{'delta':{'content':[{'type':'text','text':'a'}],"
        "'reasoning_details':[{'text':'t'}],'tool_calls':[{'function':{'name':"
        "'f','arguments':{}}}]}}],'usage':{'prompt_tokens':1,"
        "'completion_tokens':2,'reasoning_tokens':1}}");
    azl_sse_event_t ev;
    char *before, *after;
    int i;

    memset(&ev, 0, sizeof(ev));
    ev.data = azl_span_str(text);
    for (i = 0; i < 3; ++i) {
        outbound->event(decoder, &ev, out);
    }
    before = apr_palloc(azl_test_pool, APR_ALIGN_DEFAULT(1));
    outbound->event(decoder, &ev, out);
    after = apr_palloc(azl_test_pool, APR_ALIGN_DEFAULT(1));
    ck_assert_ptr_eq(after, before + APR_ALIGN_DEFAULT(1));
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

TCase *azl_test_mend(void)
{
    TCase *tc = azl_test_tcase("mend");

    tcase_add_test(tc, only_if_somebody_looks);
    tcase_add_loop_test(tc, what_goes_to_such_servers, 0, ROWS(requests));
    tcase_add_test(tc, with_the_rules_of_the_model);
    tcase_add_test(tc, without_a_document);
    tcase_add_test(tc, with_what_was_said);
    tcase_add_loop_test(tc, what_comes_from_such_servers, 0, ROWS(answers));
    tcase_add_loop_test(tc, reasons_that_are_errors, 0, 2);
    tcase_add_test(tc, reasoning_is_kept_for_the_loop);
    tcase_add_loop_test(tc, such_streams_are_mended, 0, ROWS(streams));
    tcase_add_test(tc, mending_leaves_nothing_behind);
    return tc;
}
