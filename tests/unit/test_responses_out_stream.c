#include "azl_buf.h"
#include "exchange_fixture.h"
#include "stream_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

/* Streams of macros and strings read like streams. */
/* clang-format off */

typedef struct chat_case_t {
    const char *expected;
    const char *kept; /* "id=state;" of each, in order */
    int whole;
    const char *usage;
    int other_tier;
    int malformed; /* events that are no JSON */
    int include_usage;
} chat_case_t;

static int add_kept(void *baton, const char *name, const char *state)
{
    azl_buf_t *out = baton;

    azl_buf_puts(out, name);
    azl_buf_puts(out, "=");
    azl_buf_puts(out, state);
    azl_buf_puts(out, ";");
    return 1;
}

static void run_chat(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                     int npieces)
{
    const chat_case_t *c = baton;
    azl_exchange_t *ex =
        exchange_in(p, deployment_at("azure", "https://h", NULL, "d"));
    azl_reply_rules_t rules = {.op = AZL_OP_CHAT,
                               .alias_json = "\"alias\"",
                               .include_usage = c->include_usage,
                               .choices = 1};
    azl_stream_t *st = azl_stream_create(p, &rules);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    azl_buf_t *kept = azl_buf_create(p, 1024 * 1024);
    const azl_stream_state_t *state = azl_stream_state(st);
    int i;

    azl_stream_from(st, &azl_outbound_responses, ex);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(azl_stream_finish(st, out), c->whole);
    ck_assert_str_eq(azl_buf_pstr(out, p), c->expected);
    apr_table_do(add_kept, kept, ex->kept, NULL);
    ck_assert_str_eq(azl_buf_pstr(kept, p), c->kept);
    ck_assert_int_eq(state->malformed, c->malformed);
    ck_assert_int_eq(state->usage.other_tier, c->other_tier);
    if (c->usage) {
        ck_assert_str_eq(
            apr_psprintf(p, "%d/%d", (int)state->usage.prompt, (int)state->
                usage.completion),
            c->usage);
    }
}

static void check_chat(chat_case_t *c, const char *in, const char *expected)
{
    const char *text = quoted(in);

    c->expected = quoted(expected);
    c->kept = c->kept ? quoted(c->kept) : "";
    azl_test_every_split(text, strlen(text), run_chat, c);
}

#define EVENT(type, rest)                                                      \
    "event: " type "\ndata: {'type':'" type "','sequence_number':1" rest       \
    ",'obfuscation':'xyz'}\n\n"
#define OBJECT(status, rest)                                                   \
    ",'response':{'id':'resp_1','created_at':7,'model':'up','status':'" status \
    "'" rest "}"
#define OPENING                                                                \
    EVENT("response.created", OBJECT("in_progress", ""))                       \
    EVENT("response.in_progress", OBJECT("in_progress", ""))
#define USAGE ",'usage':{'input_tokens':3,'output_tokens':2,'total_tokens':5}"
#define COMPLETED EVENT("response.completed", OBJECT("completed", USAGE))
#define TEXT(text)                                                             \
    EVENT("response.output_text.delta",                                        \
          ",'output_index':0,'content_index':0,'delta':'" text "'")
#define ITEM(event, at, item)                                                  \
    EVENT("response.output_item." event, ",'output_index':" #at ",'item'"      \
                                                                ":" item)
#define CALL(n, args)                                                          \
    "{'id':'fc_" #n "','type':'function_call','call_id':'call_" #n "',"        \
    "'name':'f" #n "','arguments':'" args "'}"
#define ARGS(at, text)                                                         \
    EVENT("response.function_call_arguments.delta",                            \
          ",'output_index':" #at ",'delta':'" text "'")

#undef NAMES
#undef SENT
#define NAMES "'id':'resp_1','object':'chat.completion.chunk','created':7,"
#define SENT(choices)                                                          \
    "data: {" NAMES "'model':'alias','choices':[" choices "]}\n\n"
#define SAYS(delta) SENT("{'index':0,'delta':{" delta "},'finish_reason':null}")
#define FIRST SAYS("'role':'assistant','content':''")
#define ENDS(reason) SENT("{'index':0,'delta':{},'finish_reason':'" reason "'}")
#define TOOL(n, rest) SAYS("'tool_calls':[{'index':" #n "," rest "}]")
#define TOOL_BEGINS(n, id)                                                     \
    TOOL(n, "'id':'call_" #id "','type':'function','function':{'name':'f" #id  \
            "','arguments':''}")
#define TOOL_ARGS(n, text) TOOL(n, "'function':{'arguments':'" text "'}")

START_TEST(text)
{
    chat_case_t c = {.whole = 1, .usage = "3/2"};

    check_chat(&c,
        OPENING ITEM("added", 0, "{'id':'msg_1','type':'message','content':[]}")
        EVENT("response.content_part.added", ",'part':{'text':''}") TEXT("Hel")
        TEXT("lo\\n\\u00e9") TEXT("")
        EVENT("response.output_text.done", ",'text':'Hello\\n\\u00e9'")
        EVENT("response.content_part.done", ",'part':{'text':'Hello'}")
        ITEM("done", 0, "{'id':'msg_1','type':'message','content':[{}]}")
        COMPLETED,
        FIRST SAYS("'content':'Hel'") SAYS("'content':'lo\\n\\u00e9'")
        ENDS("stop") DONE);
}
END_TEST

/* Usage to who asked; a [DONE] that comes all the same changes nothing. */
START_TEST(usage_and_tier)
{
    chat_case_t c = {
        .whole = 1, .usage = "3/2", .include_usage = 1, .other_tier = 1};

    check_chat(&c,
        OPENING TEXT("Hi")
        EVENT("response.completed", OBJECT("completed", USAGE
            ",'service_tier':'priority'")) TEXT("late") DONE,
        FIRST SAYS("'content':'Hi'") ENDS("stop") "data: {" NAMES
        "'model':'alias','choices':[],'service_tier':'priority',"
            "'usage':{'prompt_tokens':3,'completion_tokens':2,"
            "'total_tokens':5,'prompt_tokens_details':{'cached_tokens':0,"
            "'cache_write_tokens':0},"
            "'completion_tokens_details':{'reasoning_tokens':0}}}\n\n" DONE);
}
END_TEST

/* Parallel calls are told apart by their place, and end the answer once. */
START_TEST(calls)
{
    chat_case_t c = {.whole = 1};

    check_chat(&c,
        OPENING TEXT("Hm") ITEM("added", 1, CALL(1, "")) ARGS(1, "{\\\"a\\\":")
        ITEM("added", 2, CALL(2, "")) ARGS(2, "{") ARGS(1, "1}") ARGS(2, "}")
        EVENT("response.function_call_arguments.done",
            ",'output_index':1,'arguments':'{\\\"a\\\":1}'")
        ITEM("done", 1, CALL(1, "{\\\"a\\\":1}")) ITEM("done", 2, CALL(2, "{}"))
        COMPLETED,
        FIRST SAYS("'content':'Hm'") TOOL_BEGINS(0, 1)
        TOOL_ARGS(0, "{\\\"a\\\":") TOOL_BEGINS(1, 2) TOOL_ARGS(1, "{")
        TOOL_ARGS(0, "1}") TOOL_ARGS(1, "}") ENDS("tool_calls") DONE);
    /* one that is told at its end only, one that comes whole, arguments of a
     * call that was not announced */
    check_chat(&c,
        OPENING ITEM("added", 0, CALL(1, "")) ITEM("done", 0, CALL(1, "{}"))
        ITEM("done", 1, CALL(2, "{ }")) ARGS(7, "x") COMPLETED,
        FIRST TOOL_BEGINS(0, 1) TOOL_ARGS(0, "{}") TOOL_BEGINS(1, 2)
        TOOL_ARGS(1, "{ }") ENDS("tool_calls") DONE);
}
END_TEST

START_TEST(custom_tools)
{
    chat_case_t c = {.whole = 1};

    check_chat(&c,
        OPENING
        ITEM("added", 0, "{'type':'custom_tool_call','call_id':'call_1',"
            "'name':'c','input':''}")
        EVENT("response.custom_tool_call_input.delta",
            ",'output_index':0,'delta':'abc'")
        ITEM("done", 0, "{'type':'custom_tool_call','call_id':'call_1',"
            "'name':'c','input':'abc'}")
        ITEM("done", 1, "{'type':'custom_tool_call','call_id':'call_2',"
            "'name':'d','input':'xy'}") COMPLETED,
        FIRST
        TOOL(0, "'id':'call_1','type':'custom','custom':{'name':'c',"
            "'input':''}") TOOL(0, "'custom':{'input':'abc'}")
        TOOL(1, "'id':'call_2','type':'custom','custom':{'name':'d',"
            "'input':''}") TOOL(1, "'custom':{'input':'xy'}") ENDS("tool_calls")
        DONE);
}
END_TEST

#define THINKS(text)                                                           \
    EVENT("response.reasoning_summary_text.delta",                             \
          ",'output_index':0,'summary_index':0,'delta':'" text "'")
#define PART EVENT("response.reasoning_summary_part.added", ",'part':{}")

START_TEST(reasoning)
{
    chat_case_t c = {.whole = 1};

    check_chat(&c,
        OPENING PART THINKS("A") THINKS("B") PART PART THINKS("C") TEXT("Hi")
        COMPLETED,
        FIRST SAYS("'reasoning_content':'A'") SAYS("'reasoning_content':'B'")
        SAYS("'reasoning_content':'\\n\\n'") SAYS("'reasoning_content':'C'")
        SAYS("'content':'Hi'") ENDS("stop") DONE);
    check_chat(&c,
        OPENING EVENT("response.reasoning_text.delta", ",'delta':'A'")
        TEXT("Hi") COMPLETED,
        FIRST SAYS("'reasoning_content':'A'") SAYS("'content':'Hi'")
        ENDS("stop") DONE);
}
END_TEST

#define SECRET(n)                                                              \
    "{'id':'rs_" #n "','type':'reasoning','summary':[],"                       \
    "'encrypted_content':'secret" #n "'}"
#define KEPT(n)                                                                \
    "{'type':'reasoning','id':'rs_" #n "','summary':[],"                       \
    "'encrypted_content':'secret" #n "'}"

START_TEST(reasoning_is_kept)
{
    chat_case_t c = {.whole = 1,
                     .kept = "responses/call_1=" KEPT(1) "," KEPT(2) ";"};

    check_chat(&c,
        OPENING ITEM("added", 0, SECRET(9)) ITEM("done", 0, SECRET(1))
        ITEM("done", 1, SECRET(2)) ITEM("added", 2, CALL(1, "")) ARGS(2, "{}")
        ITEM("done", 2, CALL(1, "{}")) ITEM("added", 3, CALL(2, ""))
        ARGS(3, "{}") ITEM("done", 3, CALL(2, "{}")) COMPLETED,
        FIRST TOOL_BEGINS(0, 1) TOOL_ARGS(0, "{}") TOOL_BEGINS(1, 2)
        TOOL_ARGS(1, "{}") ENDS("tool_calls") DONE);
}
END_TEST

START_TEST(refusals)
{
    chat_case_t c = {.whole = 1};

    check_chat(&c,
        OPENING EVENT("response.refusal.delta", ",'delta':'No.'")
        EVENT("response.refusal.done", ",'refusal':'No.'") COMPLETED,
        FIRST SAYS("'refusal':'No.'") ENDS("stop") DONE);
}
END_TEST

#define STOPPED(reason)                                                        \
    EVENT("response.incomplete",                                               \
          OBJECT("incomplete",                                                 \
                 ",'incomplete_details':{'reason':'" reason "'}" USAGE))

START_TEST(incomplete)
{
    chat_case_t c = {.whole = 1, .usage = "3/2"};

    check_chat(&c, OPENING TEXT("Hi") STOPPED("max_output_tokens"),
               FIRST SAYS("'content':'Hi'") ENDS("length") DONE);
    check_chat(&c, OPENING TEXT("Hi") STOPPED("content_filter"),
               FIRST SAYS("'content':'Hi'") ENDS("content_filter") DONE);
    /* what it called it may not have told to the end */
    check_chat(&c,
        OPENING ITEM("added", 0, CALL(1, "")) ARGS(0, "{")
        STOPPED("max_output_tokens"),
        FIRST TOOL_BEGINS(0, 1) TOOL_ARGS(0, "{") ENDS("length") DONE);
    c.usage = NULL;
    /* who forgets to say so, says why */
    check_chat(&c,
        OPENING TEXT("Hi")
        EVENT("response.incomplete", ",'response':{'incomplete_details':{'"
            "reason':'max_output_tokens'}}"),
        FIRST SAYS("'content':'Hi'") ENDS("length") DONE);
}
END_TEST

#define ERROR(type, code, message)                                             \
    "data: {'error':{'message':'" message "','type':'" type "','param':null,"  \
    "'code':'" code "'}}\n\n"

START_TEST(errors_in_all_shapes)
{
    static const char *const shapes[] = {
        "event: error\ndata: {'type':'error','code':'rate_limit_exceeded',"
        "'message':'Slow down.','param':null,'sequence_number':2}\n\n",
        "event: error\ndata: {'type':'error','sequence_number':2,'error':{"
        "'type':'rate_limit_error','code':'rate_limit_exceeded',"
        "'message':'Slow down.','param':null}}\n\n",
        "event: error\ndata: {'error':{'code':'rate_limit_exceeded',"
        "'message':'Slow down.'}}\n\n",
        EVENT("response.failed",
              OBJECT("failed", ",'error':{'code':'rate_limit_exceeded','"
                               "message':'Slow down.'}"))};
    chat_case_t c = {.whole = 0};
    apr_size_t i;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); ++i) {
        check_chat(&c,
            apr_pstrcat(azl_test_pool, OPENING TEXT("Hi"), shapes[i], TEXT(
                "late") COMPLETED, NULL),
            FIRST SAYS("'content':'Hi'")
            ERROR("rate_limit_error", "rate_limit_exceeded", "Slow down."));
        /* before content another may be asked: it is not told */
        check_chat(&c, apr_pstrcat(azl_test_pool, OPENING, shapes[i], NULL),
                   FIRST);
    }
}
END_TEST

START_TEST(bad_ends)
{
    chat_case_t c = {.whole = 0};

    /* cut */
    check_chat(&c, OPENING TEXT("Hi"), FIRST SAYS("'content':'Hi'") CUT);
    check_chat(&c, OPENING TEXT("Hi") DONE, FIRST SAYS("'content':'Hi'") CUT);
    /* an end that is none */
    check_chat(&c,
        OPENING TEXT("Hi") EVENT("response.completed", OBJECT("cancelled", "")),
        FIRST SAYS("'content':'Hi'")
        ERROR("server_error", "internal_error",
            "The upstream service answered with status 500 and no "
            "explanation."));
}
END_TEST

START_TEST(what_nobody_knows_is_left_alone)
{
    chat_case_t c = {.whole = 1, .malformed = 2};

    check_chat(&c,
        ": hello\n\n" OPENING EVENT("response.queued", OBJECT("queued", ""))
        EVENT("response.web_search_call.searching", ",'output_index':0")
        EVENT("response.new_thing", ",'delta':'x'")
        "data: {'no':'type'}\n\ndata: not JSON\n\ndata: []\n\n"
        ITEM("added", 0, "{'type':'web_search_call'}") ITEM("added", 0, "'x'")
        ITEM("done", 0, "7") EVENT("response.output_text.delta", ",'delta':7")
        EVENT("response.output_text.delta", "") TEXT("Hi") COMPLETED,
        FIRST SAYS("'content':'Hi'") ENDS("stop") DONE);
}
END_TEST

/* More calls than the SDKs can hold: it ends there, with an error. */
START_TEST(too_many_calls)
{
    azl_buf_t *in = azl_buf_create(azl_test_pool, 1024 * 1024);
    azl_exchange_t *ex = exchange_in(
        azl_test_pool, deployment_at("azure", "https://h", NULL, "d"));
    azl_reply_rules_t rules = {.op = AZL_OP_CHAT, .alias_json = "\"alias\""};
    azl_stream_t *st = azl_stream_create(azl_test_pool, &rules);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 1024 * 1024);
    const char *text;
    int i;

    for (i = 0; i < 130; ++i) {
        azl_buf_puts(
            in,
            apr_psprintf(
                azl_test_pool,
                quoted("data: {'type':'response.output_item.done',"
                       "'output_index':%d,'item':{'type':'function_call',"
                       "'call_id':'call_%d','name':'f','arguments':'{}'}}\n\n"),
                i, i));
    }
    azl_buf_puts(in, quoted(COMPLETED));
    azl_stream_from(st, &azl_outbound_responses, ex);
    ck_assert_int_eq(azl_stream_feed(st, in->data, in->len, out), APR_SUCCESS);
    ck_assert_int_eq(azl_stream_finish(st, out), 0);
    text = azl_buf_pstr(out, azl_test_pool);
    ck_assert_ptr_nonnull(strstr(text, "\"call_127\""));
    ck_assert_ptr_null(strstr(text, "\"call_128\""));
    text = strstr(text, "data: {\"error\":");
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(strstr(text, "\"too_many_tool_calls\""));
    ck_assert_ptr_null(strstr(text + 1, "data: "));
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_out_stream(void)
{
    TCase *tc = azl_test_tcase("responses_out_stream");

    tcase_add_test(tc, text);
    tcase_add_test(tc, usage_and_tier);
    tcase_add_test(tc, calls);
    tcase_add_test(tc, custom_tools);
    tcase_add_test(tc, reasoning);
    tcase_add_test(tc, reasoning_is_kept);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, incomplete);
    tcase_add_test(tc, errors_in_all_shapes);
    tcase_add_test(tc, bad_ends);
    tcase_add_test(tc, what_nobody_knows_is_left_alone);
    tcase_add_test(tc, too_many_calls);
    return tc;
}
