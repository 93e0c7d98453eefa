#include "azl_buf.h"
#include "exchange_fixture.h"
#include "stream_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

/* Streams of macros and strings read like streams. */
/* clang-format off */

typedef struct told_case_t {
    const char *client; /* the request; NULL: a plain one */
    const char *expected;
    int whole;
} told_case_t;

static void run_told(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                     int npieces)
{
    const told_case_t *c = baton;
    azl_exchange_t *ex =
        exchange_in(p, deployment_at("azure", "https://h", NULL, "d"));
    azl_reply_rules_t rules = {.op = AZL_OP_CHAT,
                               .alias_json = "\"alias\"",
                               .include_usage = 1,
                               .choices = 1};
    azl_stream_t *st = azl_stream_create(p, &rules);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    int i;

    ex->op = AZL_OP_RESPONSES;
    ex->client = tree_of(p, c->client);
    azl_stream_to(st, &azl_inbound_responses, ex);
    ex->client = NULL; /* it is gone by now */
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(azl_stream_finish(st, out), c->whole);
    ck_assert_str_eq(azl_buf_pstr(out, p), c->expected);
}

static void check_told(told_case_t *c, const char *in, const char *expected)
{
    const char *text = quoted(in);

    c->client = quoted(c->client ? c->client : "{'input':'Hi'}");
    c->expected = quoted(expected);
    azl_test_every_split(text, strlen(text), run_told, c);
}

/*
 * What is expected
 */

#define EVENT(type, n, rest)                                                   \
    "event: " type "\ndata: {'type':'" type "','sequence_number':" #n rest     \
    "}\n\n"
#define ECHO(tools)                                                            \
    "'background':false,'instructions':null,'max_output_tokens':null,"         \
    "'max_tool_calls':null,'metadata':{},'parallel_tool_calls':true,"          \
    "'prompt_cache_key':null,'safety_identifier':null,'temperature':null,"     \
    "'tool_choice':'auto','tools':" tools ",'top_logprobs':0,'top_p':null,"    \
    "'truncation':'disabled','user':null,'previous_response_id':null,"         \
    "'reasoning':{'effort':null,'summary':null},'store':false,"                \
    "'text':{'format':{'type':'text'},'verbosity':null}"
#define OBJECT(status, error, details, output, tier, usage, tools)             \
    ",'response':{'id':'resp_0123','object':'response',"                       \
    "'created_at':1700000000,'status':'" status "','error':" error ","         \
    "'incomplete_details':" details ",'model':'alias','output':[" output "],"  \
    "'service_tier':'" tier "','usage':" usage "," ECHO(tools) "}"
#define BEGUN OBJECT("in_progress", "null", "null", "", "default", "null", "[]")
#define OPENING                                                                \
    EVENT("response.created", 0, BEGUN)                                        \
    EVENT("response.in_progress", 1, BEGUN)
#define COMPLETED(n, output)                                                   \
    EVENT(                                                                     \
        "response.completed", n,                                               \
        OBJECT("completed", "null", "null", output, "default", "null", "[]"))
#define AT(id, at) ",'item_id':'" id "','output_index':" #at
#define ITEM(event, n, at, item)                                               \
    EVENT("response.output_item." event, n,                                    \
          ",'output_index':" #at ",'item':" item)
#define MESSAGE(at, parts, status)                                             \
    "{'id':'msg_0123_" #at                                                     \
    "','type':'message','role':'assistant','content':[" parts                  \
    "],'status':'" status "'}"
#define TEXT(text)                                                             \
    "{'type':'output_text','text':'" text "','annotations':[],'logprobs':[]}"
#define REFUSAL(text) "{'type':'refusal','refusal':'" text "'}"
#define PART(event, n, at, part, what)                                         \
    EVENT("response.content_part." event, n,                                   \
          AT("msg_0123_" #at, at) ",'content_index':" #part ",'part':" what)
#define SAYS(n, at, text)                                                      \
    EVENT("response.output_text.delta", n,                                     \
          AT("msg_0123_" #at, at) ",'content_index':0,'delta':'" text          \
                                  "','logprobs':[]")
#define SAID(n, at, text)                                                      \
    EVENT("response.output_text.done", n,                                      \
          AT("msg_0123_" #at, at) ",'content_index':0,'text':'" text           \
                                  "','logprobs':[]")

START_TEST(a_text)
{
    told_case_t c = {.whole = 1};

    check_told(&c,
        CHUNK(DELTA(ROLE)) CHUNK(DELTA("{'content':'Hel'}"))
        CHUNK(DELTA("{'content':'lo\\n'}")) CHUNK(END_OF(0)) "data: {" NAMES
        "'model':'up','choices':[],'service_tier':'flex',"
            "'usage':{'prompt_tokens':3,'completion_tokens':2,"
            "'prompt_tokens_details':{'cached_tokens':1},"
            "'completion_tokens_details':{'reasoning_tokens':1}}}\n\n" DONE,
        OPENING ITEM("added", 2, 0, MESSAGE(0, "", "in_progress"))
        PART("added", 3, 0, 0, TEXT("")) SAYS(4, 0, "Hel") SAYS(5, 0, "lo\\n")
        SAID(6, 0, "Hello\\n") PART("done", 7, 0, 0, TEXT("Hello\\n"))
        ITEM("done", 8, 0, MESSAGE(0, TEXT("Hello\\n"), "completed"))
        EVENT("response.completed", 9, OBJECT("completed", "null", "null",
            MESSAGE(0, TEXT("Hello\\n"), "completed"), "flex",
            "{'input_tokens':3,'input_tokens_details':{'cached_tokens':1,"
            "'cache_write_tokens':0},'output_tokens':2,"
            "'output_tokens_details':{'reasoning_tokens':1},"
            "'total_tokens':5}", "[]")));
}
END_TEST

/* Nothing at all is an answer too; signs of life pass once there is some. */
START_TEST(little)
{
    told_case_t c = {.whole = 1};

    check_told(&c, CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) DONE,
               OPENING COMPLETED(2, ""));
    check_told(&c,
        CHUNK(DELTA("{'content':'A'}")) ": ping\n\n" CHUNK(END_OF(0)) DONE,
        OPENING ITEM("added", 2, 0, MESSAGE(0, "", "in_progress"))
        PART("added", 3, 0, 0, TEXT("")) SAYS(4, 0, "A") ":\n\n" SAID(5, 0, "A")
        PART("done", 6, 0, 0, TEXT("A"))
        ITEM("done", 7, 0, MESSAGE(0, TEXT("A"), "completed"))
        COMPLETED(8, MESSAGE(0, TEXT("A"), "completed")));
}
END_TEST

#define THOUGHT(text)                                                          \
    "{'id':'rs_0123_0','type':'reasoning','summary':[" text "],'status':"
#define SUMMARY(text) "{'type':'summary_text','text':'" text "'}"
#define IN_THOUGHT AT("rs_0123_0", 0) ",'summary_index':0"
#define THINKING(n) /* six events from n on */                                 \
    ITEM("added", 2, 0, THOUGHT("") "'in_progress'}")                          \
    EVENT("response.reasoning_summary_part.added", 3,                          \
          IN_THOUGHT ",'part':" SUMMARY(""))                                   \
    EVENT("response.reasoning_summary_text.delta", 4,                          \
          IN_THOUGHT ",'delta':'H'")                                           \
    EVENT("response.reasoning_summary_text.delta", 5,                          \
          IN_THOUGHT ",'delta':'m'")                                           \
    EVENT("response.reasoning_summary_text.done", 6,                           \
          IN_THOUGHT ",'text':'Hm'")                                           \
    EVENT("response.reasoning_summary_part.done", 7,                           \
          IN_THOUGHT ",'part':" SUMMARY("Hm"))                                 \
    ITEM("done", 8, 0, THOUGHT(SUMMARY("Hm")) "'completed'}")

START_TEST(reasoning_and_a_refusal)
{
    static const char *const names[] = {"reasoning_content", "reasoning"};
    told_case_t c = {.whole = 1};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        check_told(&c,
            apr_psprintf(azl_test_pool, CHUNK(DELTA("{'%s':'H'}")) CHUNK(DELTA
                ("{'%s':'m'}")) CHUNK(DELTA("{'content':'A'}")) CHUNK(DELTA(
                "{'refusal':'No.'}")) CHUNK(END_OF(0)) DONE, names[i],
                names[i]),
            OPENING THINKING(2)
            ITEM("added", 9, 1, MESSAGE(1, "", "in_progress"))
            PART("added", 10, 1, 0, TEXT("")) SAYS(11, 1, "A")
            PART("added", 12, 1, 1, REFUSAL(""))
            EVENT("response.refusal.delta", 13, AT("msg_0123_1", 1)
                ",'content_index':1,'delta':'No.'") SAID(14, 1, "A")
            PART("done", 15, 1, 0, TEXT("A"))
            EVENT("response.refusal.done", 16, AT("msg_0123_1", 1)
                ",'content_index':1,'refusal':'No.'")
            PART("done", 17, 1, 1, REFUSAL("No."))
            ITEM("done", 18, 1, MESSAGE(1, TEXT("A") "," REFUSAL("No."),
                "completed"))
            COMPLETED(19, THOUGHT(SUMMARY("Hm")) "'completed'}," MESSAGE(1,
                TEXT("A") "," REFUSAL("No."), "completed")));
    }
}
END_TEST

#define CALL_DELTA(rest) DELTA("{'tool_calls':[{" rest "}]}")
#define CALLED(at, id, args, status)                                           \
    "{'id':'fc_0123_" #at "','type':'function_call','call_id':'" id "',"       \
    "'name':'f','arguments':'" args "','status':'" status "'}"
#define ARGS(n, at, text)                                                      \
    EVENT("response.function_call_arguments.delta", n,                         \
          AT("fc_0123_" #at, at) ",'delta':'" text "'")
#define ARGS_DONE(n, at, text)                                                 \
    EVENT("response.function_call_arguments.done", n,                          \
          AT("fc_0123_" #at, at) ",'name':'f','arguments':'" text "'")

/* Calls may take turns; one without arguments has an empty object. */
START_TEST(calls)
{
    told_case_t c = {.whole = 1};

    check_told(&c,
        CHUNK(DELTA("{'content':'A'}"))
        CHUNK(CALL_DELTA("'index':0,'id':'call_1','type':'function',"
            "'function':{'name':'f','arguments':''}"))
        CHUNK(CALL_DELTA("'index':0,'function':{'arguments':'{'}"))
        CHUNK(CALL_DELTA("'index':1,'id':'call_2','type':'function',"
            "'function':{'name':'f','arguments':''}"))
        CHUNK(CALL_DELTA("'index':0,'function':{'arguments':'}'}"))
        CHUNK("{'index':0,'delta':{},'finish_reason':'tool_calls'}") DONE,
        OPENING ITEM("added", 2, 0, MESSAGE(0, "", "in_progress"))
        PART("added", 3, 0, 0, TEXT("")) SAYS(4, 0, "A") SAID(5, 0, "A")
        PART("done", 6, 0, 0, TEXT("A"))
        ITEM("done", 7, 0, MESSAGE(0, TEXT("A"), "completed"))
        ITEM("added", 8, 1, CALLED(1, "call_1", "", "in_progress"))
        ARGS(9, 1, "{")
        ITEM("added", 10, 2, CALLED(2, "call_2", "", "in_progress"))
        ARGS(11, 1, "}") ARGS_DONE(12, 1, "{}")
        ITEM("done", 13, 1, CALLED(1, "call_1", "{}", "completed"))
        ARGS(14, 2, "{}") ARGS_DONE(15, 2, "{}")
        ITEM("done", 16, 2, CALLED(2, "call_2", "{}", "completed"))
        COMPLETED(17, MESSAGE(0, TEXT("A"), "completed") "," CALLED(1,
            "call_1", "{}", "completed") "," CALLED(2, "call_2", "{}",
            "completed")));
}
END_TEST

/* A name that comes late, and an id that never comes. */
START_TEST(a_call_that_is_named_late)
{
    told_case_t c = {.whole = 1};

    check_told(&c,
        CHUNK(CALL_DELTA("'index':0,'function':{'arguments':'{'}"))
        CHUNK(CALL_DELTA("'index':0,'function':{'name':'f'}"))
        CHUNK(CALL_DELTA("'index':0,'function':{'arguments':'}'}"))
        CHUNK(END_OF(0)) DONE,
        OPENING ITEM("added", 2, 0, CALLED(0, "call_0123_0", "", "in_progress"))
        ARGS(3, 0, "{") ARGS(4, 0, "}") ARGS_DONE(5, 0, "{}")
        ITEM("done", 6, 0, CALLED(0, "call_0123_0", "{}", "completed"))
        COMPLETED(7, CALLED(0, "call_0123_0", "{}", "completed")));
}
END_TEST

#define CUSTOM(input, status)                                                  \
    "{'id':'ctc_0123_0','type':'custom_tool_call','call_id':'call_1',"         \
    "'name':'c','input':'" input "','status':'" status "'}"

START_TEST(custom_tools)
{
    told_case_t c = {.whole = 1};

    check_told(&c,
        CHUNK(CALL_DELTA("'index':0,'id':'call_1','type':'custom',"
            "'custom':{'name':'c','input':''}"))
        CHUNK(CALL_DELTA("'index':0,'custom':{'input':'x'}")) CHUNK(END_OF(0))
        DONE,
        OPENING ITEM("added", 2, 0, CUSTOM("", "in_progress"))
        EVENT("response.custom_tool_call_input.delta", 3, AT("ctc_0123_0", 0)
            ",'delta':'x'")
        EVENT("response.custom_tool_call_input.done", 4, AT("ctc_0123_0", 0)
            ",'input':'x'") ITEM("done", 5, 0, CUSTOM("x", "completed"))
        COMPLETED(6, CUSTOM("x", "completed")));
}
END_TEST

START_TEST(incomplete)
{
    static const char *const reasons[][2] = {
        {"length", "max_output_tokens"}, {"content_filter", "content_filter"}};
    told_case_t c = {.whole = 1};
    apr_size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); ++i) {
        check_told(&c,
            apr_psprintf(azl_test_pool, CHUNK(DELTA("{'content':'A'}")) CHUNK(
                "{'index':0,'delta':{},'finish_reason':'%s'}") DONE, reasons[i]
                [0]),
            apr_psprintf(azl_test_pool, OPENING ITEM("added", 2, 0, MESSAGE(0,
                "", "in_progress")) PART("added", 3, 0, 0, TEXT("")) SAYS(4, 0,
                "A") SAID(5, 0, "A") PART("done", 6, 0, 0, TEXT("A")) ITEM(
                "done", 7, 0, MESSAGE(0, TEXT("A"), "incomplete")) EVENT(
                "response.incomplete", 8, OBJECT("incomplete", "null",
                "{'reason':'%s'}", MESSAGE(0, TEXT("A"), "incomplete"),
                "default", "null", "[]")), reasons[i][1]));
    }
}
END_TEST

#define WHY(code, message) "'code':'" code "','message':'" message "'"
#define FAILS(type, code, message)                                             \
    EVENT("error", 5,                                                          \
          "," WHY(code, message) ",'param':null,'error':{"                     \
                                 "'message':'" message "','type':'" type       \
                                 "','param':null,'code':'" code "'}")          \
    EVENT("response.failed", 6,                                                \
          OBJECT("failed", "{" WHY(code, message) "}", "null",                 \
                 MESSAGE(0, TEXT("A"), "incomplete"), "default", "null",       \
                 "[]"))

/* The error event that makes the SDKs raise, and the Response that failed. */
START_TEST(failures)
{
    told_case_t c = {.whole = 0};

    check_told(&c,
        CHUNK(DELTA("{'content':'A'}"))
        "data: {'error':{'message':'Slow down.','type':'rate_limit_error',"
            "'param':null,'code':'rate_limit_exceeded'}}\n\n"
        CHUNK(DELTA("{'content':'late'}")) DONE,
        OPENING ITEM("added", 2, 0, MESSAGE(0, "", "in_progress"))
        PART("added", 3, 0, 0, TEXT("")) SAYS(4, 0, "A")
        FAILS("rate_limit_error", "rate_limit_exceeded", "Slow down."));
    check_told(&c,
        CHUNK(DELTA("{'content':'A'}")),
        OPENING ITEM("added", 2, 0, MESSAGE(0, "", "in_progress"))
        PART("added", 3, 0, 0, TEXT("")) SAYS(4, 0, "A")
        FAILS("server_error", "stream_truncated",
            "The upstream service ended the stream before the answer was "
            "complete."));
}
END_TEST

/* The request is repeated, though it is gone when the stream goes. */
START_TEST(the_request_is_repeated)
{
#define ONE_TOOL "[{'type':'function','name':'f'}]"
    told_case_t c = {.whole = 1,
                     .client = "{'input':'Hi','tools':" ONE_TOOL "}"};

    check_told(&c,
        CHUNK(END_OF(0)) DONE,
        EVENT("response.created", 0, OBJECT("in_progress", "null", "null", "",
            "default", "null", ONE_TOOL))
        EVENT("response.in_progress", 1, OBJECT("in_progress", "null", "null",
            "", "default", "null", ONE_TOOL))
        EVENT("response.completed", 2, OBJECT("completed", "null", "null", "",
            "default", "null", ONE_TOOL)));
}
END_TEST

/* From one end to the other: a Response comes, becomes a chat and a Response
 * again, and a text keeps its meaning. */
START_TEST(there_and_back)
{
    azl_exchange_t *ex = exchange_in(
        azl_test_pool, deployment_at("azure", "https://h", NULL, "d"));
    azl_reply_rules_t rules = {.op = AZL_OP_CHAT,
                               .alias_json = "\"alias\"",
                               .include_usage = 1,
                               .choices = 1};
    azl_stream_t *st = azl_stream_create(azl_test_pool, &rules);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 1024 * 1024);
    const char *in = quoted(
        "data: {'type':'response.created','response':{'id':'resp_9'}}\n\n"
        "data: {'type':'response.output_text.delta','delta':'A'}\n\n"
        "data: {'type':'response.completed','response':{"
        "'status':'completed'}}\n\n");

    ex->client = tree_of(azl_test_pool, "{}");
    azl_stream_from(st, &azl_outbound_responses, ex);
    azl_stream_to(st, &azl_inbound_responses, ex);
    ck_assert_int_eq(azl_stream_feed(st, in, strlen(in), out), APR_SUCCESS);
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        quoted(OPENING ITEM("added", 2, 0, MESSAGE(0, "", "in_progress")) PART
            ("added", 3, 0, 0, TEXT("")) SAYS(4, 0, "A") SAID(5, 0, "A") PART(
            "done", 6, 0, 0, TEXT("A")) ITEM("done", 7, 0, MESSAGE(0, TEXT("A"),
            "completed")) COMPLETED(8, MESSAGE(0, TEXT("A"), "completed"))));
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_in_stream(void)
{
    TCase *tc = azl_test_tcase("responses_in_stream");

    tcase_add_test(tc, a_text);
    tcase_add_test(tc, little);
    tcase_add_test(tc, reasoning_and_a_refusal);
    tcase_add_test(tc, calls);
    tcase_add_test(tc, a_call_that_is_named_late);
    tcase_add_test(tc, custom_tools);
    tcase_add_test(tc, incomplete);
    tcase_add_test(tc, failures);
    tcase_add_test(tc, the_request_is_repeated);
    tcase_add_test(tc, there_and_back);
    return tc;
}
