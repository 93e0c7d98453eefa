/*
 * Streams that break off, and others that go on with them.
 */
#include "azl_usage.h"
#include "stream_fixture.h"

static azl_reply_rules_t rules;
static azl_stream_t *st;
static azl_buf_t *out;

static void begin(azl_op_e op, int keep)
{
    memset(&rules, 0, sizeof(rules));
    rules.op = op;
    rules.alias_json = "\"alias\"";
    rules.keep_said = keep;
    st = azl_stream_create(azl_test_pool, &rules);
    out = azl_buf_create(azl_test_pool, 1024 * 1024);
}

static void feed(const char *text)
{
    azl_span_t data = quoted_span(text);

    ck_assert_int_eq(azl_stream_feed(st, data.at, data.len, out), APR_SUCCESS);
}

#define SAYS(text) CHUNK(DELTA("{'content':'" text "'}"))

START_TEST(text_is_kept)
{
    begin(AZL_OP_CHAT, 1);
    ck_assert_ptr_null(azl_stream_said(st));
    feed(CHUNK(DELTA(ROLE)));
    ck_assert_ptr_null(azl_stream_said(st));
    /* the third is like the second and only compared with it */
    feed(SAYS("One ") SAYS("\\\\n") SAYS("\\u00e9"));
    ck_assert_str_eq(azl_stream_said(st), "One \\\\n\\u00e9");
    /* asking changes nothing */
    ck_assert_str_eq(azl_stream_said(st), "One \\\\n\\u00e9");
    feed(SAYS("."));
    ck_assert_str_eq(azl_stream_said(st), "One \\\\n\\u00e9.");
    feed(CHUNK(END_OF(0)));
    ck_assert_ptr_null(azl_stream_said(st));
}
END_TEST

START_TEST(nobody_wants_it)
{
    begin(AZL_OP_CHAT, 0);
    feed(SAYS("One") SAYS("Two"));
    ck_assert_ptr_null(azl_stream_said(st));
}
END_TEST

/* More than one text cannot be gone on with. */
static const char *const others[] = {
    CHUNK(DELTA("{'tool_calls':[{'index':0,'id':'x','function':"
                "{'name':'f','arguments':''}}]}")),
    CHUNK(DELTA("{'refusal':'No'}")),
    CHUNK(DELTA("{'reasoning_content':'Hm'}")),
    CHUNK(DELTA("{'content':[{'type':'text','text':'parts'}]}")),
    CHUNK(TWO(1, "second choice")),
    /* half of a character */
    SAYS("\\ud83d"),
    SAYS("\\uDBFF"),
};

START_TEST(not_only_text)
{
    begin(AZL_OP_CHAT, 1);
    feed(SAYS("One"));
    ck_assert_ptr_nonnull(azl_stream_said(st));
    feed(others[_i]);
    ck_assert_ptr_null(azl_stream_said(st));
}
END_TEST

START_TEST(half_a_character_is_completed)
{
    begin(AZL_OP_CHAT, 1);
    feed(SAYS("\\ud83d") SAYS("\\ude00"));
    ck_assert_str_eq(azl_stream_said(st), "\\ud83d\\ude00");
}
END_TEST

START_TEST(two_choices_were_asked_for)
{
    begin(AZL_OP_CHAT, 1);
    rules.choices = 2;
    feed(SAYS("One"));
    ck_assert_ptr_null(azl_stream_said(st));
}
END_TEST

START_TEST(too_much_text)
{
    char *text = apr_palloc(azl_test_pool, AZL_STREAM_SAID_MAX + 1);

    memset(text, 'x', AZL_STREAM_SAID_MAX);
    text[AZL_STREAM_SAID_MAX] = '\0';
    begin(AZL_OP_CHAT, 1);
    feed(SAYS("1234"));
    feed(apr_psprintf(azl_test_pool,
                      "data: {'id':'c','choices':[{'index':0,'delta':"
                      "{'content':'%s'}}]}\n\n",
                      text + 4));
    /* there is no room for its end */
    ck_assert_ptr_null(azl_stream_said(st));
    feed(SAYS("more"));
    ck_assert_ptr_null(azl_stream_said(st));
}
END_TEST

START_TEST(one_stream_for_the_client)
{
    begin(AZL_OP_CHAT, 1);
    rules.include_usage = 1;
    feed(CHUNK(DELTA(ROLE)) SAYS("One"));
    /* an error that is not told, and half an event */
    feed("data: {'error':{'message':'x','type':'server_error'}}\n\n");
    ck_assert_int_eq(azl_stream_state(st)->failed, 1);
    feed("data: {'id'");
    ck_assert_str_eq(azl_stream_said(st), "One");
    azl_stream_resume(st);
    ck_assert_int_eq(azl_stream_state(st)->failed, 0);
    feed(
        "data: {'id':'other','object':'chat.completion.chunk','created':9,"
        "'model':'else','choices':[" DELTA(
            ROLE) "]}\n\n"
                  "data: "
                  "{'id':'other','object':'chat.completion.chunk','created':9,"
                  "'model':'else','choices':[" DELTA(
                      "{'content':' two'}") "]}\n\n"
                                            "data: "
                                            "{'id':'other','object':'chat."
                                            "completion.chunk','created':9,"
                                            "'model':'else','choices':[" END_OF(
                                                0) "],"
                                                   "'usage':{'prompt_tokens':3,"
                                                   "'completion_tokens':1}}"
                                                   "\n\n" DONE);
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        quoted(
            SENT(DELTA(ROLE)) SENT(DELTA("{'content':'One'}"))
                SENT(DELTA("{'content':''}")) SENT(DELTA(
                    "{'content':' two'}")) "data: {" NAMES
                                           "'model':'alias','choices':[" END_OF(
                                               0) "],'usage':null}\n\n"
                                                  "data: {" NAMES
                                                  "'model':'alias','choices':[]"
                                                  ","
                                                  "'usage':{'prompt_tokens':3,'"
                                                  "completion_tokens':1}}"
                                                  "\n\n" DONE));
    ck_assert_int_eq((int)azl_stream_state(st)->usage.prompt, 3);
}
END_TEST

START_TEST(an_error_is_told_where_nobody_goes_on)
{
    begin(AZL_OP_CHAT, 1);
    feed(CHUNK(DELTA("{'refusal':'No'}")));
    feed("data: {'error':{'message':'x','type':'server_error'}}\n\n");
    ck_assert_int_eq(azl_stream_state(st)->closed, 1);
}
END_TEST

START_TEST(usage_of_both)
{
    azl_usage_t sum, more;

    memset(&sum, 0, sizeof(sum));
    memset(&more, 0, sizeof(more));
    azl_usage_read(&more,
                   quoted_span("{'prompt_tokens':7,'completion_tokens':5,"
                               "'prompt_tokens_details':{'cached_tokens':2},"
                               "'completion_tokens_details':"
                               "{'reasoning_tokens':1}}"));
    more.other_tier = 1;
    azl_usage_add(&sum, &more);
    azl_usage_add(&sum, &more);
    ck_assert_int_eq(sum.reported, 1);
    ck_assert_int_eq(sum.other_tier, 1);
    ck_assert_int_eq((int)sum.prompt, 14);
    ck_assert_int_eq((int)sum.cached, 4);
    ck_assert_int_eq((int)sum.completion, 10);
    ck_assert_int_eq((int)sum.reasoning, 2);
}
END_TEST

static azl_model_t *model_with(int prefill)
{
    azl_model_t *m = apr_pcalloc(azl_test_pool, sizeof(*m));
    azl_endpoint_t *e = apr_pcalloc(azl_test_pool, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(azl_test_pool, sizeof(*d));

    e->prefill = prefill;
    d->endpoint = e;
    m->deployments =
        apr_array_make(azl_test_pool, 1, sizeof(azl_deployment_t *));
    APR_ARRAY_PUSH(m->deployments, azl_deployment_t *) = d;
    m->fallbacks = apr_array_make(azl_test_pool, 1, sizeof(azl_fallback_t));
    return m;
}

START_TEST(who_may_go_on)
{
    azl_model_t *m = model_with(AZL_PREFILL_NONE);
    azl_fallback_t *f = apr_array_push(m->fallbacks);

    f->model = model_with(AZL_PREFILL_VLLM);
    f->on = AZL_FALLBACK_CONTENT_FILTER;
    ck_assert_int_eq(azl_model_may_go_on(m), 0);
    f->on = AZL_FALLBACK_ERROR;
    ck_assert_int_eq(azl_model_may_go_on(m), 1);
    m->fallbacks = NULL;
    ck_assert_int_eq(azl_model_may_go_on(m), 0);
    ck_assert_int_eq(azl_model_may_go_on(model_with(AZL_PREFILL_PREFIX)), 1);
    APR_ARRAY_IDX(m->deployments, 0, azl_deployment_t *)->spill = APR_ARRAY_IDX(
        model_with(AZL_PREFILL_VLLM)->deployments, 0, azl_deployment_t *);
    ck_assert_int_eq(azl_model_may_go_on(m), 1);
}
END_TEST

TCase *azl_test_stream_said(void)
{
    TCase *tc = azl_test_tcase("stream_said");

    tcase_add_test(tc, text_is_kept);
    tcase_add_test(tc, nobody_wants_it);
    tcase_add_loop_test(tc, not_only_text, 0,
                        (int)(sizeof(others) / sizeof(others[0])));
    tcase_add_test(tc, half_a_character_is_completed);
    tcase_add_test(tc, two_choices_were_asked_for);
    tcase_add_test(tc, too_much_text);
    tcase_add_test(tc, one_stream_for_the_client);
    tcase_add_test(tc, an_error_is_told_where_nobody_goes_on);
    tcase_add_test(tc, usage_of_both);
    tcase_add_test(tc, who_may_go_on);
    return tc;
}
