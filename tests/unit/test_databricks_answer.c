/*
 * The dialect databricks: answers, streams (in one piece and cut at every
 * byte), and what errors stand for.
 */
#include "databricks_fixture.h"
#include "stream_fixture.h"

/*
 * Answers
 */

#define UP(choices, more)                                                      \
    "{'id':'m1','object':'chat.completion','choices':[" choices "]" more "}"
#define CHOICE(message, finish)                                                \
    "{'index':0,'message':{'role':'assistant'," message                        \
    "},'finish_reason':'" finish "'}"
#define DOWN(message, finish, usage)                                           \
    "{'id':'m1','object':'chat.completion','created':5,'model':'','choices':"  \
    "[{'index':0,'message':{'role':'assistant'," message                       \
    "},'logprobs':null,'finish_reason':'" finish "'}]" usage "}"
#define THOUGHT(text, more)                                                    \
    "{'type':'reasoning','summary':[{'type':'summary_text','text':'" text      \
    "'" more "}]}"

static const struct answer_case {
    const char *doc;
    const char *answer; /* NULL: it is none */
    int json_tool;
    const char *kept; /* NULL: nothing */
} answers[] = {
    {UP(CHOICE("'content':'a'", "stop"),
        ",'usage':{'prompt_tokens':9,'completion_tokens':2,'total_tokens':11,"
        "'cache_read_input_tokens':4,'cache_creation_input_tokens':3}"),
     DOWN("'content':'a','refusal':null", "stop",
          ",'usage':{'prompt_tokens':9,'completion_tokens':2,'total_tokens':11"
          ",'prompt_tokens_details':{'cached_tokens':4,'cache_write_tokens':3}"
          ",'completion_tokens_details':{'reasoning_tokens':0}}"),
     0, NULL},
    {UP(CHOICE("'content':[" THOUGHT("h", ",'signature':'s'") "," THOUGHT(
                   "m", "") ",{'type':'text','text':'a'},{'type':'text',"
                            "'text':'b'},{'type':'new'},5]",
               "length"),
        ""),
     DOWN("'content':'ab','refusal':null,'reasoning_content':'hm'", "length",
          ""),
     0, NULL},
    {UP(CHOICE("'content':[" THOUGHT(
                   "h", ",'signature':'s'") "],'tool_calls':["
                                            "{'id':'c','type':'function','"
                                            "function':{'name':'f',"
                                            "'arguments':'{}'}},{'id':'d','"
                                            "function':{}}]",
               "tool_calls"),
        ""),
     DOWN("'content':null,'refusal':null,'reasoning_content':'h','tool_calls':"
          "[" CALL("c", "'{}'") "]",
          "tool_calls", ""),
     0, "anthropic/c={'type':'thinking','thinking':'h','signature':'s'}"},
    {UP(CHOICE("'content':null,'reasoning_content':'r','tool_calls':["
               "{'id':'c','function':{'name':'json_tool_call','arguments':"
               "'[1]'}}]",
               "tool_calls"),
        ""),
     DOWN("'content':'[1]','refusal':null,'reasoning_content':'r'", "stop", ""),
     1, NULL},
    {UP(CHOICE("'content':'x'", "max_tokens"), ""),
     DOWN("'content':'x','refusal':null", "length", ""), 0, NULL},
    {UP(CHOICE("'content':'x'", "something_new"), ""),
     DOWN("'content':'x','refusal':null", "stop", ""), 0, NULL},
    {UP("", ""), NULL, 0, NULL},
    {"{'error_code':'X'}", NULL, 0, NULL},
    {"no json", NULL, 0, NULL},
};

static azl_exchange_t *waiting(apr_pool_t *p, int json_tool)
{
    azl_exchange_t *ex = asking(CLAUDE, NULL);
    azl_databricks_memo_t *memo = apr_pcalloc(p, sizeof(*memo));

    memo->claude.json_tool = json_tool;
    ex->pool = p;
    ex->memo = memo;
    return ex;
}

START_TEST(answers_come_down)
{
    const struct answer_case *c = &answers[_i];
    azl_exchange_t *ex = waiting(azl_test_pool, c->json_tool);
    const char *answer = answered(ex, chats(), c->doc);

    if (!c->answer) {
        ck_assert_ptr_null(answer);
        return;
    }
    ck_assert_str_eq(answer, quoted(c->answer));
    check_kept(ex, c->kept ? quoted(c->kept) : NULL);
}
END_TEST

/*
 * Streams
 */

#define UPS(choices, more)                                                     \
    "data: {'id':'c1','object':'chat.completion.chunk','choices':[" choices    \
    "]" more "}\n\n"
#define UPD(delta)                                                             \
    UPS("{'index':0,'delta':{'role':'assistant'," delta                        \
        "},'finish_reason':null}",                                             \
        "")
#define UPEND(reason, more)                                                    \
    UPS("{'index':0,'delta':{'role':'assistant','content':''},"                \
        "'finish_reason':'" reason "'}",                                       \
        more)
#define USED ",'usage':{'prompt_tokens':3,'completion_tokens':4}"
#define PART(text) "'content':[{'type':'text','text':'" text "'}]"
#define BEGUN(index, id, name)                                                 \
    UPD("'content':null,'tool_calls':[{'index':" #index ",'id':'" id           \
        "','type':'function','function':{'name':'" name                        \
        "','arguments':'{}'}}]")
#define MORE(index, text)                                                      \
    UPD("'tool_calls':[{'index':" #index ",'function':{'arguments':'" text     \
        "'}}]")

#define SAYS(delta)                                                            \
    "data: {'id':'c1','object':'chat.completion.chunk','created':5,'model':"   \
    "'alias','choices':[{'index':0,'delta':{" delta                            \
    "},'finish_reason':null}]}\n\n"
#define FIRST(delta) SAYS(delta ",'role':'assistant'")
#define ENDS(reason)                                                           \
    "data: {'id':'c1','object':'chat.completion.chunk','created':5,'model':"   \
    "'alias','choices':[{'index':0,'delta':{},'finish_reason':'" reason        \
    "'}]}\n\n"
#define TOOL_SAYS(index, id)                                                   \
    "'tool_calls':[{'index':" #index ",'id':'" id "','type':'function',"       \
    "'function':{'name':'f','arguments':''}}]"
#define ARGS(index, text)                                                      \
    SAYS("'tool_calls':[{'index':" #index ",'function':{'arguments':'" text    \
         "'}}]")
#define USAGE                                                                  \
    "data: {'id':'c1','object':'chat.completion.chunk','created':5,'model':"   \
    "'alias','choices':[],'usage':{'prompt_tokens':3,'completion_tokens':4,"   \
    "'total_tokens':7,'prompt_tokens_details':{'cached_tokens':0,"             \
    "'cache_write_tokens':0},'completion_tokens_details':"                     \
    "{'reasoning_tokens':0}}}\n\n"
#define FAILED_WITH(message, type, code)                                       \
    "data: {'error':{'message':'" message "','type':'" type                    \
    "','param':null,'code':'" code "'}}\n\n"

typedef struct decoded_case_t {
    const char *in;
    const char *out;
    int state;
    int json_tool;
    const char *kept;
} decoded_case_t;

static const decoded_case_t streams[] = {
    {UPD("'content':'a'") UPD(PART("b")) UPEND("stop", USED) DONE,
     FIRST("'content':'a'") SAYS("'content':'b'") ENDS("stop") USAGE DONE,
     ALL_WELL, 0, NULL},
    /* the end of the transfer is the end, once it has a reason */
    {UPD("'content':'a'") UPEND("length", ""),
     FIRST("'content':'a'") ENDS("length") DONE, ALL_WELL, 0, NULL},
    {UPD("'content':'a'"), FIRST("'content':'a'") CUT, CONTENT | CLOSED, 0,
     NULL},
    /* thinking, with its signature */
    {UPD("'content':[" THOUGHT("h", ",'signature':''") "]")
         UPD("'content':[" THOUGHT("m", "") "]")
             UPD("'content':[" THOUGHT("", ",'signature':'s'") "]")
                 BEGUN(0, "t", "f") UPEND("tool_calls", "") DONE,
     FIRST("'reasoning_content':'h'") SAYS("'reasoning_content':'m'")
         SAYS(TOOL_SAYS(0, "t")) ARGS(0, "{}") ENDS("tool_calls") DONE,
     ALL_WELL, 0,
     "anthropic/t={'type':'thinking','thinking':'hm','signature':'s'}"},
    {UPD("'content':[" THOUGHT("h", "") "]") BEGUN(0, "t", "f")
         UPEND("tool_calls", "") DONE,
     FIRST("'reasoning_content':'h'") SAYS(TOOL_SAYS(0, "t")) ARGS(0, "{}")
         ENDS("tool_calls") DONE,
     ALL_WELL, 0, NULL},
    {UPD("'reasoning_content':'h'") UPD("'content':'a'") UPEND("stop", "") DONE,
     FIRST("'reasoning_content':'h'") SAYS("'content':'a'") ENDS("stop") DONE,
     ALL_WELL, 0, NULL},
    /* calls: one with, one without arguments, one that nobody has named */
    {BEGUN(0, "t", "f") MORE(0, "[") MORE(0, "{}") MORE(0, "]")
         BEGUN(1, "u", "f") MORE(7, "x") UPEND("tool_calls", "") DONE,
     FIRST(TOOL_SAYS(0, "t")) ARGS(0, "[") ARGS(0, "{}") ARGS(0, "]")
         SAYS(TOOL_SAYS(1, "u")) ARGS(1, "{}") ENDS("tool_calls") DONE,
     ALL_WELL, 0, NULL},
    {BEGUN(0, "", "f") UPEND("tool_calls", "") DONE,
     FIRST(TOOL_SAYS(0, "call_r1_0_0")) ARGS(0, "{}") ENDS("tool_calls") DONE,
     ALL_WELL, 0, NULL},
    /* a tool that stands for the text */
    {BEGUN(0, "t", "json_tool_call") MORE(0, "[1]") UPEND("tool_calls", "")
         DONE,
     FIRST("'content':'[1]'") ENDS("stop") DONE, ALL_WELL, 1, NULL},
    {BEGUN(0, "t", "json_tool_call") UPEND("tool_calls", "") DONE,
     FIRST("'content':'{}'") ENDS("stop") DONE, ALL_WELL, 1, NULL},
    /* errors, in the words of both */
    {UPD("'content':'a'") "data: "
                          "{'error_code':'REQUEST_LIMIT_EXCEEDED','message':'m'"
                          "}\n\n",
     FIRST("'content':'a'")
         FAILED_WITH("m", "rate_limit_error", "rate_limit_exceeded"),
     CONTENT | CLOSED | FAILED, 0, NULL},
    {UPD("'content':'a'") "data: {'error_code':500,'message':'m'}\n\n",
     FIRST("'content':'a'") FAILED_WITH("m", "server_error", "internal_error"),
     CONTENT | CLOSED | FAILED, 0, NULL},
    {UPD("'content':'a'") "data: {'error':{'message':'m','type':'t'}}\n\n",
     FIRST("'content':'a'") FAILED_WITH("m", "t", "internal_error"),
     CONTENT | CLOSED | FAILED, 0, NULL},
    /* what breaks the rules */
    {": ping\n\ndata: nonsense\n\n" UPS("5,{},{'delta':5}", "") UPD(
         "'content':[5,{'type':'reasoning','summary':[5]}],'tool_calls':[5,{},"
         "{'function':{}}]")
         UPD("'content':'a'") ": there\n\n" UPEND("stop", "") DONE DONE,
     FIRST("'content':'a'") ":\n\n" ENDS("stop") DONE, ALL_WELL, 0, NULL},
};

static void run_decoded(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                        int npieces)
{
    const decoded_case_t *c = baton;
    azl_exchange_t *ex = waiting(p, c->json_tool);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    azl_reply_rules_t rules;
    azl_stream_t *st;
    int bits;
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.include_usage = 1;
    st = azl_stream_create(p, &rules);
    azl_stream_from(st, chats(), ex);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    bits |= state_bits(azl_stream_state(st));
    ck_assert_str_eq(azl_buf_pstr(out, p), c->out);
    ck_assert_int_eq(bits, c->state);
    check_kept(ex, c->kept);
}

START_TEST(streams_become_chunks)
{
    decoded_case_t c = streams[_i];
    const char *text = quoted(c.in);

    c.out = quoted(c.out);
    c.kept = c.kept ? quoted(c.kept) : NULL;
    azl_test_every_split(text, strlen(text), run_decoded, &c);
}
END_TEST

/* A stream may be long, and the pool is the request's. */
START_TEST(events_leave_nothing_behind)
{
    const char *again =
        quoted(UPD("'tool_calls':[{'index':0,'id':'','function':{'name':'f',"
                   "'arguments':'x'}}]"));
    const char *begun = quoted(BEGUN(0, "t", "f"));
    azl_exchange_t *ex = waiting(azl_test_pool, 0);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    const azl_outbound_t *outbound = chats();
    void *decoder = outbound->decoder(ex);
    azl_sse_event_t ev;
    char *before, *after;

    memset(&ev, 0, sizeof(ev));
    ev.data = azl_span_str(strchr(begun, '{'));
    outbound->event(decoder, &ev, out);
    ev.data = azl_span_str(strchr(again, '{'));
    before = apr_palloc(azl_test_pool, APR_ALIGN_DEFAULT(1));
    outbound->event(decoder, &ev, out);
    after = apr_palloc(azl_test_pool, APR_ALIGN_DEFAULT(1));
    ck_assert_ptr_eq(after, before + APR_ALIGN_DEFAULT(1));
}
END_TEST

/*
 * Errors
 */

static const struct failure_case {
    int status;
    const char *body;
    int meant;
    const char *code; /* NULL: it is understood as it is */
    const char *message;
} failures[] = {
    {400, "{'error_code':'BAD_REQUEST','message':'m'}", 400, "bad_request",
     "m"},
    {400, "{'error_code':'REQUEST_LIMIT_EXCEEDED','message':'m'}", 429,
     "rate_limit_exceeded", "m"},
    {429, "{'error_code':'RESOURCE_EXHAUSTED','message':'m'}", 429,
     "rate_limit_exceeded", "m"},
    {400,
     "{'error_code':'BAD_REQUEST','message':'{\\'message\\':\\'Input is too "
     "long for it\\'}'}",
     400, "context_length_exceeded", "Input is too long for it"},
    {400,
     "{'error_code':'BAD_REQUEST','message':'{\\'error\\':{\\'message\\':"
     "\\'prompt is too long\\'}}'}",
     400, "context_length_exceeded", "prompt is too long"},
    {400, "{'error_code':'BAD_REQUEST','message':'{no'}", 400, "bad_request",
     "{no"},
    {404, "{'error_code':'RESOURCE_DOES_NOT_EXIST','message':'m'}", 404,
     "model_not_found", "m"},
    {403, "{'error_code':403,'message':'m'}", 403, NULL, "m"},
    {503, "{'error_code':'TEMPORARILY_UNAVAILABLE'}", 503,
     "service_unavailable", NULL},
    {500, "{'error':{'message':'m'}}", 500, "", NULL},
    {502, "<html>", 502, "", NULL},
};

START_TEST(errors_are_understood)
{
    const struct failure_case *c = &failures[_i];
    azl_exchange_t *ex = waiting(azl_test_pool, 0);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4096);
    azl_json_t *json;

    ck_assert_int_eq(
        chats()->failure(ex, c->status, NULL,
                         quoted_span(apr_pstrdup(azl_test_pool, c->body)), out),
        c->meant);
    if (c->code && !*c->code) {
        ck_assert_int_eq(out->len, 0);
        return;
    }
    ck_assert_ptr_null(
        azl_json_parse(azl_test_pool, azl_span(out->data, out->len), &json));
    json = azl_json_get(json, "error");
    if (c->code) {
        ck_assert_str_eq(azl_json_string(azl_json_get(json, "code")), c->code);
    }
    if (c->message) {
        ck_assert_str_eq(azl_json_string(azl_json_get(json, "message")),
                         c->message);
    }
}
END_TEST

START_TEST(what_an_error_without_status_stands_for)
{
    static const struct {
        const char *word;
        int status;
    } words[] = {{"PERMISSION_DENIED", 403},
                 {"DEADLINE_EXCEEDED", 504},
                 {"503", 503},
                 {"7", 500},
                 {"SOMETHING_NEW", 500}};
    const char *code;
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        ck_assert_int_eq(azl_databricks_error(words[i].word, 0, NULL, &code),
                         words[i].status);
    }
}
END_TEST

TCase *azl_test_databricks_answer(void)
{
    TCase *tc = azl_test_tcase("databricks_answer");

    tcase_add_loop_test(tc, answers_come_down, 0,
                        (int)(sizeof(answers) / sizeof(answers[0])));
    tcase_add_test(tc, events_leave_nothing_behind);
    tcase_add_loop_test(tc, streams_become_chunks, 0,
                        (int)(sizeof(streams) / sizeof(streams[0])));
    tcase_add_loop_test(tc, errors_are_understood, 0,
                        (int)(sizeof(failures) / sizeof(failures[0])));
    tcase_add_test(tc, what_an_error_without_status_stands_for);
    return tc;
}
