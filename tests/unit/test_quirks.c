/*
 * What servers that resemble OpenAI's do otherwise: what goes to them, and
 * what comes back.
 */
#include "azl_family.h"
#include "stream_fixture.h"

static const char *sent(int quirks, const char *family, azl_params_e params,
                        const char *text)
{
    azl_deployment_t *d = deployment_at("openai", "https://h", NULL, "dep");
    azl_document_t doc;
    azl_error_t err;
    azl_body_t body;
    const char *out = "";
    int i;

    ((azl_endpoint_t *)d->endpoint)->quirks = quirks;
    d->family = azl_family_find(family);
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, params, NULL,
                                quoted_span(text), &doc, &err));
    d->endpoint->dialect->body(azl_test_pool, d, &doc, NULL, &body);
    ck_assert_ptr_null(body.dropped);
    for (i = 0; i < body.npieces; ++i) {
        out =
            apr_pstrcat(azl_test_pool, out, azl_test_str(body.pieces[i]), NULL);
    }
    return out;
}

static const struct {
    int quirks;
    const char *family;
    azl_params_e params;
    const char *body;
    const char *sent;
} requests[] = {
    {AZL_QUIRK_MAX_TOKENS, NULL, AZL_PARAMS_KEEP,
     "{'model':'m','max_completion_tokens':5}",
     "{'model':'dep','max_tokens':5}"},
    {AZL_QUIRK_MAX_TOKENS, NULL, AZL_PARAMS_KEEP,
     "{'model':'m','max_tokens':5}", "{'model':'dep','max_tokens':5}"},
    {AZL_QUIRK_MAX_TOKENS, NULL, AZL_PARAMS_KEEP,
     "{'model':'m','max_tokens':5,'max_completion_tokens':6}",
     "{'model':'dep','max_tokens':5,'max_completion_tokens':6}"},
    /* the server says how it is called, not the name of the model */
    {AZL_QUIRK_MAX_TOKENS, "gpt-5", AZL_PARAMS_KEEP,
     "{'model':'m','max_tokens':5}", "{'model':'dep','max_tokens':5}"},
    {AZL_QUIRK_NO_STREAM_OPTIONS, NULL, AZL_PARAMS_KEEP,
     "{'model':'m','stream':true}", "{'model':'dep','stream':true}"},
    {AZL_QUIRK_NO_STREAM_OPTIONS, NULL, AZL_PARAMS_REJECT,
     "{'model':'m','stream_options':{'include_usage':false},'stream':true}",
     "{'model':'dep','stream':true}"},
    {AZL_QUIRK_NO_STREAM_OPTIONS, "gpt-5", AZL_PARAMS_DROP,
     "{'stream':true,'stream_options':{'include_usage':true},'x':1}",
     "{'model':'dep','stream':true}"},
    {AZL_QUIRK_MAX_TOKENS | AZL_QUIRK_NO_STREAM_OPTIONS, NULL, AZL_PARAMS_KEEP,
     "{'stream_options':null, 'max_completion_tokens' : 5,'model':'m'}",
     "{'max_tokens' : 5,'model':'dep'}"},
    {0, NULL, AZL_PARAMS_KEEP, "{'model':'m','max_completion_tokens':5}",
     "{'model':'dep','max_completion_tokens':5}"},
};

START_TEST(what_goes_up)
{
    ck_assert_str_eq(sent(requests[_i].quirks, requests[_i].family,
                          requests[_i].params, requests[_i].body),
                     quoted(requests[_i].sent));
}
END_TEST

static const struct {
    const char *doc;
    const char *told; /* NULL: the same */
} answers[] = {
    {"{'choices':[{'message':{'content':'a','reasoning':'r','x':null}},"
     "{'message':{ 'reasoning' : 's'}}],'model':'a'}",
     "{'choices':[{'message':{'content':'a','reasoning_content':'r','x':null}}"
     ",{'message':{ 'reasoning_content' : 's'}}],'model':'a'}"},
    {"{'choices':[{'message':{'reasoning':'r','reasoning_content':'c'}}]}",
     NULL},
    {"{'choices':[5,{},{'message':null},{'message':{}}]}", NULL},
    {"{'choices':{'message':{'reasoning':'r'}},'reasoning':'x'}", NULL},
};

static const char *told(const char *doc, int reasoning, azl_op_e op)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_reply_rules_t rules;
    azl_usage_t usage;

    memset(&rules, 0, sizeof(rules));
    memset(&usage, 0, sizeof(usage));
    rules.op = op;
    rules.alias_json = "\"a\"";
    rules.reasoning = reasoning;
    ck_assert_int_eq(azl_reply_rewrite(&rules, quoted_span(doc), out, &usage),
                     APR_SUCCESS);
    return azl_buf_pstr(out, azl_test_pool);
}

START_TEST(reasoning_in_answers)
{
    const char *doc = answers[_i].doc;

    ck_assert_str_eq(told(doc, 1, AZL_OP_CHAT),
                     quoted(answers[_i].told ? answers[_i].told : doc));
    ck_assert_str_eq(told(doc, 0, AZL_OP_CHAT), quoted(doc));
    ck_assert_str_eq(told(doc, 1, AZL_OP_COMPLETIONS), quoted(doc));
}
END_TEST

#define OPENS "'role':'assistant',"

START_TEST(reasoning_in_streams)
{
    stream_case_t c = {{.op = AZL_OP_CHAT}, NULL, 0, 0, NULL, 0};

    check_stream(
        &c,
        CHUNK(DELTA("{" OPENS "'content':'','reasoning':'a'}"))
            CHUNK(DELTA("{'reasoning':'b'}")) CHUNK(DELTA("{'reasoning':'b'}"))
                CHUNK(DELTA("{'reasoning':'c','reasoning_content':null}"))
                    CHUNK(DELTA("{'reasoning':'d','reasoning_content':'d'}"))
                        CHUNK(DELTA("{'reasoning':null,'content':'e'}"))
                            CHUNK(END_OF(0)) DONE,
        SENT(DELTA("{" OPENS "'content':'','reasoning_content':'a'}"))
            SENT(DELTA("{'reasoning_content':'b'}"))
                SENT(DELTA("{'reasoning_content':'b'}"))
                    SENT(DELTA("{'reasoning_content':'c'}"))
                        SENT(DELTA("{'reasoning':'d','reasoning_content':'d'}"))
                            SENT(DELTA("{'content':'e'}")) SENT(END_OF(0)) DONE,
        ALL_WELL);
}
END_TEST

#define WHOLE_CALL(index, id)                                                  \
    CHUNK(DELTA("{" OPENS "'tool_calls':[{'index':" #index ",'id':'" id        \
                "','type':'function','function':{'name':'f','arguments':"      \
                "'{}'}}]}"))
#define SENT_CALL(more, index, id)                                             \
    SENT(DELTA("{" more "'tool_calls':[{'index':" #index ",'id':'" id          \
               "','type':'function','function':{'name':'f','arguments':"       \
               "'{}'}}]}"))
#define NEXT_TO(index)                                                         \
    "{'tool_calls':[{'index':" #index ",'function':{'arguments':'x'}}]}"

/* Calls that all have index 0 are told apart by their ids. */
START_TEST(calls_of_one_index)
{
    stream_case_t c = {{.op = AZL_OP_CHAT}, NULL, 0, 0, NULL, 0};

    check_stream(&c,
                 WHOLE_CALL(0, "a") WHOLE_CALL(0, "b") CHUNK(DELTA(NEXT_TO(0)))
                     CHUNK(END_OF(0)) DONE,
                 SENT_CALL(OPENS, 0, "a") SENT_CALL("", 1, "b")
                     SENT(DELTA(NEXT_TO(1))) SENT(END_OF(0)) DONE,
                 ALL_WELL);
    /* the same id again is the same call */
    check_stream(
        &c,
        WHOLE_CALL(0, "a")
            CHUNK(DELTA("{'tool_calls':[{'index':0,'id':'a','function':{'name':"
                        "'f','arguments':'x'}}]}")) CHUNK(END_OF(0)) DONE,
        SENT_CALL(OPENS, 0, "a") SENT(DELTA(NEXT_TO(0))) SENT(END_OF(0)) DONE,
        ALL_WELL);
}
END_TEST

TCase *azl_test_quirks(void)
{
    TCase *tc = azl_test_tcase("quirks");

    tcase_add_loop_test(tc, what_goes_up, 0,
                        (int)(sizeof(requests) / sizeof(requests[0])));
    tcase_add_loop_test(tc, reasoning_in_answers, 0,
                        (int)(sizeof(answers) / sizeof(answers[0])));
    tcase_add_test(tc, reasoning_in_streams);
    tcase_add_test(tc, calls_of_one_index);
    return tc;
}
