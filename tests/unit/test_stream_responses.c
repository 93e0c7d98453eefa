#include "stream_fixture.h"

/* clang-format off: streams of macros and strings read like streams */

static stream_case_t c;
static int sealed;

/* "resp_1" becomes "sealed_resp_1"; "keep" is left alone. */
static const char *seal(void *baton, azl_span_t id)
{
    (void)baton;
    ++sealed;
    return azl_span_is(id, "keep")
               ? NULL
               : apr_pstrcat(azl_test_pool, "sealed_",
                             apr_pstrmemdup(azl_test_pool, id.at, id.len),
                             NULL);
}

static void setup(void)
{
    memset(&c, 0, sizeof(c));
    c.rules.op = AZL_OP_RESPONSES;
    c.rules.alias_json = "\"alias\"";
    c.rules.seal = seal;
    sealed = 0;
}

#define EVENT(type, rest)                                                      \
    "event: " type "\ndata: {'type':'" type "'" rest "}\n\n"
#define RESPONSE(status, rest)                                                 \
    ",'response':{'id':'resp_1','model':'up','previous_response_id':'resp_0'," \
    "'status':'" status "'" rest "}"
#define SEALED(status, rest)                                                   \
    ",'response':{'id':'sealed_resp_1','model':'alias',"                       \
    "'previous_response_id':'sealed_resp_0','status':'" status "'" rest "}"
#define OPENING                                                                \
    EVENT("response.created",                                                  \
          ",'sequence_number':0" RESPONSE("in_progress", ""))                  \
    EVENT("response.in_progress",                                              \
          ",'sequence_number':1" RESPONSE("in_progress", ""))
#define SENT_OPENING                                                           \
    EVENT("response.created",                                                  \
          ",'sequence_number':0" SEALED("in_progress", ""))                    \
    EVENT("response.in_progress",                                              \
          ",'sequence_number':1" SEALED("in_progress", ""))
#define TEXT                                                                   \
    EVENT("response.output_text.delta",                                        \
          ",'item_id':'msg_1','delta':'Hi','obfuscation':'x',"                 \
          "'sequence_number':2")
#define USAGE ",'usage':{'input_tokens':3,'output_tokens':2}"
#define COMPLETED EVENT("response.completed", RESPONSE("completed", USAGE))
#define SENT_COMPLETED EVENT("response.completed", SEALED("completed", USAGE))

/* The error event with the sequence number that comes next. */
#define CUT_AT(n)                                                              \
    "event: error\ndata: {'type':'error','code':'stream_truncated','message':" \
    "'The upstream service ended the stream before the answer was complete.'," \
    "'param':null,'sequence_number':" #n ",'error':{'message':'The upstream "  \
    "service ended the stream before the answer was complete.','type':"        \
    "'server_error','param':null,'code':'stream_truncated'}}\n\n"

START_TEST(a_whole_answer)
{
    setup();
    c.usage = "3/2";
    check_stream(&c,
        OPENING TEXT COMPLETED,
        SENT_OPENING TEXT SENT_COMPLETED,
        ALL_WELL);
    /* one that comes all the same is left out */
    check_stream(&c,
        OPENING TEXT COMPLETED DONE TEXT,
        SENT_OPENING TEXT SENT_COMPLETED,
        ALL_WELL);
    check_stream(&c,
        OPENING TEXT DONE COMPLETED,
        SENT_OPENING TEXT SENT_COMPLETED,
        ALL_WELL);
    /* the same events of a stored response */
    c.rules.op = AZL_OP_RESPONSE_GET;
    check_stream(&c,
        OPENING TEXT COMPLETED,
        SENT_OPENING TEXT SENT_COMPLETED,
        ALL_WELL);
}
END_TEST

START_TEST(other_good_ends)
{
    setup();
    c.rules.choices = 1; /* it has none */
    check_stream(&c,
        TEXT EVENT("response.incomplete", RESPONSE("incomplete", "")),
        TEXT EVENT("response.incomplete", SEALED("incomplete", "")),
        ALL_WELL);
    check_stream(&c,
        EVENT("response.cancelled", RESPONSE("cancelled", "")),
        EVENT("response.cancelled", SEALED("cancelled", "")),
        ALL_WELL);
}
END_TEST

START_TEST(service_tiers)
{
#define TIER(type, tier, form, status, rest)                                   \
    EVENT(type, form(status, ",'service_tier':'" tier "'" rest))
    setup();
    c.usage = "3/2";
    c.other_tier = 1;
    check_stream(&c,
        TIER("response.created", "auto", RESPONSE, "in_progress", "")
        TEXT TIER("response.completed", "priority", RESPONSE, "completed",
                  USAGE),
        TIER("response.created", "auto", SEALED, "in_progress", "")
        TEXT TIER("response.completed", "priority", SEALED, "completed",
                  USAGE),
        ALL_WELL);
    /* what was asked for is not always what is billed: the end says it */
    c.other_tier = 0;
    check_stream(&c,
        TIER("response.created", "priority", RESPONSE, "in_progress", "")
        TEXT TIER("response.completed", "default", RESPONSE, "completed",
                  USAGE),
        TIER("response.created", "priority", SEALED, "in_progress", "")
        TEXT TIER("response.completed", "default", SEALED, "completed", USAGE),
        ALL_WELL);
}
END_TEST

START_TEST(an_id_is_sealed_once)
{
    const char *text = quoted(OPENING TEXT OPENING COMPLETED);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_stream_t *st;

    setup();
    st = azl_stream_create(azl_test_pool, &c.rules);
    ck_assert_int_eq(azl_stream_feed(st, text, strlen(text), out), APR_SUCCESS);
    ck_assert_int_eq(sealed, 2);
}
END_TEST

START_TEST(ids_in_other_places)
{
    const char *long_id = azl_test_repeat("r", 300);
    const char *in = apr_psprintf(azl_test_pool,
                                  EVENT("x.done", ",'response_id':'%s'")
                                      EVENT("x.done", ",'response_id':'%s'"),
                                  long_id, long_id);
    const char *out =
        apr_psprintf(azl_test_pool,
                     EVENT("x.done", ",'response_id':'sealed_%s'")
                         EVENT("x.done", ",'response_id':'sealed_%s'"),
                     long_id, long_id);

    setup();
    check_stream(&c,
        EVENT("x.done", ",'response_id':'resp_1'")
        EVENT(
            "x.done",
            ",'response_id':null,'response':7,'id':'resp_1','model':'up'")
        EVENT("x.done", ",'response_id':'keep'")
        EVENT("x.done", ",'response_id':'a\\u0041'"),
        EVENT("x.done", ",'response_id':'sealed_resp_1'")
        EVENT(
            "x.done",
            ",'response_id':null,'response':7,'id':'resp_1','model':'up'")
        EVENT("x.done", ",'response_id':'keep'")
        EVENT("x.done", ",'response_id':'a\\u0041'") CUT_AT(1),
        CONTENT | CLOSED);
    check_stream(&c,
        in,
        apr_pstrcat(azl_test_pool,
            out,
            CUT_AT(1),
            NULL),
        CONTENT | CLOSED);
    c.rules.seal = NULL;
    check_stream(&c,
        EVENT("x.done", ",'response_id':'resp_1'"),
        EVENT("x.done", ",'response_id':'resp_1'") CUT_AT(1),
        CONTENT | CLOSED);
}
END_TEST

START_TEST(names_of_events)
{
    setup();
    /* without a name the type is one; without a type the name */
    check_stream(&c,
        "data: {'type':'response.output_text.delta','delta':'a'}\n\n"
        "event: response.completed\ndata: {'response':{\ndata: "
        "'model':'up'}}\n\n",
        "event: response.output_text.delta\ndata: "
        "{'type':'response.output_text.delta','delta':'a'}\n\n"
        "event: response.completed\ndata: {'response':{ 'model':'alias'}}\n\n",
        ALL_WELL);
    c.malformed = 2;
    check_stream(&c,
        "data: nonsense\n\n"
        ": alive\n\n"
        "data: [1]\n\n"
        COMPLETED,
        SENT_COMPLETED,
        (c.usage = "3/2", ALL_WELL));
}
END_TEST

START_TEST(failures_before_content)
{
    static const char *const failures[] = {
        EVENT("error", ",'code':'rate_limit_exceeded','message':'Slow.',"
                       "'param':null,'sequence_number':2"),
        EVENT("response.failed",
              RESPONSE("failed", ",'error':{'code':'rate_limit_exceeded',"
                                 "'message':'Slow.'}")),
        "data: {'error':{'code':'429','message':'Slow.'}}\n\n",
        "event: error\ndata: {'code':429,'message':'Slow.'}\n\n"};
    apr_size_t i;

    setup();
    for (i = 0; i < sizeof(failures) / sizeof(failures[0]); ++i) {
        const char *text = quoted(
            apr_pstrcat(azl_test_pool, OPENING, failures[i], TEXT, NULL));
        azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
        azl_stream_t *st = azl_stream_create(azl_test_pool, &c.rules);

        check_stream(&c, text, SENT_OPENING, FAILED);
        azl_stream_feed(st, text, strlen(text), out);
        ck_assert_int_eq(azl_stream_state(st)->error.status, 429);
        ck_assert_str_eq(azl_stream_state(st)->error.message, "Slow.");
    }
}
END_TEST

START_TEST(failures_after_content)
{
    setup();
    check_stream(&c,
        OPENING TEXT
        EVENT(
            "error",
            ",'code':'server_error','message':'at a.openai.azure.com',"
            "'param':null,'sequence_number':3")
        COMPLETED,
        SENT_OPENING TEXT
        "event: error\ndata: {'type':'error','code':'server_error',"
        "'message':'at [upstream]','param':null,'sequence_number':4,"
        "'error':{'message':'at [upstream]','type':'server_error',"
        "'param':null,'code':'server_error'}}\n\n",
        CONTENT | CLOSED | FAILED);
    c.usage = "3/2";
    check_stream(&c,
        OPENING TEXT
        EVENT(
            "response.failed",
            RESPONSE(
                "failed",
                ",'error':{'code':'server_error','message':'m'}" USAGE))
        COMPLETED,
        SENT_OPENING TEXT
        EVENT(
            "response.failed",
            SEALED(
                "failed",
                ",'error':{'code':'server_error','message':'m'}" USAGE)),
        CONTENT | CLOSED | FAILED);
}
END_TEST

START_TEST(cut)
{
    setup();
    check_stream(&c,
        OPENING TEXT,
        SENT_OPENING TEXT CUT_AT(3),
        CONTENT | CLOSED);
    check_stream(&c, "", CUT_AT(1), CLOSED);
    check_stream(&c, OPENING DONE, SENT_OPENING CUT_AT(2), CLOSED);
}
END_TEST

START_TEST(an_error_with_details)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_error_t err;
    azl_stream_t *st;

    setup();
    st = azl_stream_create(azl_test_pool, &c.rules);
    azl_error_set(&err, 400, AZL_CLASS_VALIDATION, "t", "c", "m");
    err.innererror = "{\n\"x\":1}";
    azl_stream_abort(st, &err, out);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted("event: error\ndata: {'type':'error','code':'c',"
                            "'message':'m','param':null,'sequence_number':1,"
                            "'error':{'message':'m','type':'t','param':null,"
                            "'code':'c','innererror':{ 'x':1}}}\n\n"));
}
END_TEST

/* Each alone: does it commit? */
static const struct {
    const char *event;
    int content;
} commits[] = {
    {EVENT("response.created", RESPONSE("in_progress", "")), 0},
    {EVENT("response.queued", RESPONSE("queued", "")), 0},
    {EVENT("response.in_progress", RESPONSE("in_progress", "")), 0},
    {EVENT("response.content_part.added", ",'part':{'text':''}"), 0},
    {EVENT("response.reasoning_summary_part.added", ""), 0},
    {EVENT("keepalive", ""), 0},
    {EVENT("response.output_item.added", ",'item':{'type':'message'}"), 0},
    {EVENT("response.output_item.added", ",'item':{'type':'reasoning'}"), 0},
    {EVENT("response.output_item.added", ",'item':{}"), 0},
    {EVENT("response.output_item.added", ""), 0},
    {EVENT("response.output_text.delta", ",'delta':''"), 0},
    {EVENT("response.output_item.added", ",'item':{'type':'function_call'}"),
     1},
    {EVENT("response.output_item.added", ",'item':{'type':'web_search_call'}"),
     1},
    {EVENT("response.output_text.delta", ",'delta':'a'"), 1},
    {EVENT("response.refusal.delta", ",'delta':'a'"), 1},
    {EVENT("response.reasoning_summary_text.delta", ",'delta':'a'"), 1},
    {EVENT("response.function_call_arguments.delta", ",'delta':'{'"), 1},
    {EVENT("response.output_text.done", ",'text':'a'"), 1},
    {EVENT("response.something.new", ""), 1},
    {COMPLETED, 1},
};

START_TEST(the_commit_point)
{
    const char *text = quoted(commits[_i].event);
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_stream_t *st;

    setup();
    st = azl_stream_create(azl_test_pool, &c.rules);
    ck_assert_int_eq(azl_stream_feed(st, text, strlen(text), out), APR_SUCCESS);
    ck_assert_int_eq(azl_stream_state(st)->content, commits[_i].content);
    ck_assert(out->len > 0);
}
END_TEST

TCase *azl_test_stream_responses(void)
{
    TCase *tc = azl_test_tcase("stream_responses");

    tcase_add_test(tc, a_whole_answer);
    tcase_add_test(tc, other_good_ends);
    tcase_add_test(tc, service_tiers);
    tcase_add_test(tc, an_id_is_sealed_once);
    tcase_add_test(tc, ids_in_other_places);
    tcase_add_test(tc, names_of_events);
    tcase_add_test(tc, failures_before_content);
    tcase_add_test(tc, failures_after_content);
    tcase_add_test(tc, cut);
    tcase_add_test(tc, an_error_with_details);
    tcase_add_loop_test(tc, the_commit_point, 0,
                        (int)(sizeof(commits) / sizeof(commits[0])));
    return tc;
}
