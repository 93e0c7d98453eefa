/*
 * Thinking of other models in the history of a client of the Messages API:
 * Anthropic does not get to see it.
 */
#include "azl_anthropic_int.h"
#include "azl_messages_int.h"
#include "translation_fixture.h"

#define OURS                                                                   \
    "{'type':'thinking','thinking':'t','signature':'" AZL_MESSAGES_UNSIGNED "'}"
#define SIGNED "{'type':'thinking','thinking':'t','signature':'c2ln'}"
#define USE(id) "{'type':'tool_use','id':'" id "','name':'f','input':{}}"
#define RESULT(id) "{'type':'tool_result','tool_use_id':'" id "'}"
#define TEXT "{'type':'text','text':'a'}"
#define HI "{'role':'user','content':'hi'}"
#define SAID(blocks) "{'role':'assistant','content':[" blocks "]}"
#define USER(blocks) "{'role':'user','content':[" blocks "]}"
#define ASK(messages) "{'max_tokens':5,'messages':[" messages "]"
#define MANUAL "'thinking':{'type':'enabled','budget_tokens':2000}"
#define ADAPTIVE "'thinking':{'type':'adaptive'}"
#define CLEARS "'context_management':{'edits':[{'type':'clear_thinking_2025'}]}"
#define TRIMS "'context_management':{'edits':[{'type':'clear_tool_uses_2025'}]}"

/* NULL: as it is. */
static const struct {
    const char *body;
    const char *text;
    const char *dropped;
} cases[] = {
    /* what has no mark of ours stays, however odd */
    {ASK(HI) "}", NULL, NULL},
    {ASK(HI "," SAID(SIGNED "," TEXT)) "}", NULL, NULL},
    {ASK(HI "," SAID("{'type':'thinking','thinking':'t','signature':''}")) "}",
     NULL, NULL},
    {ASK("{'role':'user','content':'" AZL_MESSAGES_UNSIGNED "'}") "}", NULL,
     NULL},
    {ASK(USER("{'type':'text','text':'\\'" AZL_MESSAGES_UNSIGNED "\\''}")) "}",
     NULL, NULL},
    {ASK(HI "," SAID("{'type':'text','signature':'" AZL_MESSAGES_UNSIGNED
                     "'}")) "}",
     NULL, NULL},
    {"{'messages':'" AZL_MESSAGES_UNSIGNED "'}", NULL, NULL},
    {"{'messages':[5,'" AZL_MESSAGES_UNSIGNED "',{'content':[" OURS "]}]}",
     "{'messages':[5,'" AZL_MESSAGES_UNSIGNED "']}", NULL},
    {"{'x':'" AZL_MESSAGES_UNSIGNED "'}", NULL, NULL},
    /* wherever it stands; the rest as it is written */
    {ASK(HI "," SAID(OURS "," TEXT)) "}", ASK(HI "," SAID(TEXT)) "}", NULL},
    {ASK(HI "," SAID(TEXT " , " OURS)) "}", ASK(HI "," SAID(TEXT)) "}", NULL},
    {ASK(HI "," SAID(SIGNED "," OURS "," TEXT)) "}",
     ASK(HI "," SAID(SIGNED "," TEXT)) "}", NULL},
    {"{ 'messages' : [ " HI " , " SAID(OURS " ," OURS " , " TEXT) " ] ,"
                                                                  "'x':1e2}",
     "{ 'messages' : [ " HI " , " SAID(TEXT) " ] ,'x':1e2}", NULL},
    /* a turn of nothing else goes as a whole */
    {ASK(HI "," SAID(OURS) "," HI) "}", ASK(HI "," HI) "}", NULL},
    {ASK(SAID(OURS) "," HI) "}", ASK(HI) "}", NULL},
    /* a loop that runs cannot be thought about any more by budget */
    {ASK(HI "," SAID(OURS "," USE("1")) "," USER(RESULT("1"))) "," MANUAL "}",
     ASK(HI "," SAID(USE("1")) "," USER(RESULT("1"))) "}", "thinking"},
    {"{" MANUAL "," CLEARS ",'messages':[" HI
     "," SAID(OURS "," USE("1")) "," USER(RESULT("1") "," TEXT) "," SAID(
         SIGNED "," USE("2")) "," USER(RESULT("2")) "]}",
     "{'messages':[" HI
     "," SAID(USE("1")) "," USER(RESULT("1") "," TEXT) "," SAID(
         SIGNED "," USE("2")) "," USER(RESULT("2")) "]}",
     "thinking,context_management"},
    {ASK(HI "," SAID(OURS "," USE("1")) "," USER(RESULT("1"))) "," MANUAL
                                                               "," TRIMS "}",
     ASK(HI "," SAID(USE("1")) "," USER(RESULT("1"))) "," TRIMS "}",
     "thinking"},
    {ASK(HI "," SAID(OURS "," USE("1")) "," USER(RESULT("1"))) "," ADAPTIVE
                                                               "," CLEARS "}",
     ASK(HI "," SAID(USE("1")) "," USER(RESULT("1"))) "," ADAPTIVE "," CLEARS
                                                      "}",
     NULL},
    /* one that has ended, and a turn without calls, do not matter */
    {ASK(HI "," SAID(OURS "," USE("1")) "," USER(RESULT("1")) "," SAID(
         OURS "," TEXT) "," HI) "," MANUAL "}",
     ASK(HI "," SAID(USE("1")) "," USER(RESULT("1")) "," SAID(
         TEXT) "," HI) "," MANUAL "}",
     NULL},
    {ASK(HI "," SAID(OURS "," TEXT)) "," MANUAL "}",
     ASK(HI "," SAID(TEXT)) "," MANUAL "}", NULL},
};

START_TEST(thinking_of_others_goes)
{
    apr_array_header_t *dropped = NULL;
    azl_span_t text = azl_anthropic_disown(
        azl_test_pool, quoted_span(cases[_i].body), &dropped);

    if (!cases[_i].text) {
        ck_assert_uint_eq(text.len, 0);
        ck_assert_ptr_null(dropped);
        return;
    }
    ck_assert_str_eq(azl_test_str(text), quoted(cases[_i].text));
    ck_assert_pstr_eq(dropped ? apr_array_pstrcat(azl_test_pool, dropped, ',')
                              : NULL,
                      cases[_i].dropped);
}
END_TEST

/* Whatever it is that has the mark in it. */
START_TEST(nonsense_stays)
{
    static const char *const bodies[] = {
        "['" AZL_MESSAGES_UNSIGNED "']", "{'messages':[" OURS,
        "'" AZL_MESSAGES_UNSIGNED "'", "{'messages':[{'content':[" OURS "]"};
    apr_array_header_t *dropped;
    apr_size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); ++i) {
        ck_assert_uint_eq(azl_anthropic_disown(azl_test_pool,
                                               quoted_span(bodies[i]), &dropped)
                              .len,
                          0);
    }
}
END_TEST

#define LOOP HI "," SAID(OURS "," USE("1")) "," USER(RESULT("1"))
#define BARE HI "," SAID(USE("1")) "," USER(RESULT("1"))

static azl_deployment_t *at(const char *url)
{
    return deployment_at("anthropic", url, NULL, "c");
}

static void read_doc(azl_document_t *doc, const char *body)
{
    azl_error_t err;

    ck_assert(azl_document_read(azl_test_pool, AZL_OP_MESSAGES, AZL_PARAMS_DROP,
                                NULL, quoted_span(body), doc, &err));
}

/* With the other edits: the model's name, and what is dropped anyway. */
START_TEST(bodies_that_pass)
{
    static const struct {
        const char *url;
        const char *body;
        const char *sent;
        const char *dropped;
    } bodies[] = {
        {"https://api.anthropic.com",
         "{'model':'m','odd':1," MANUAL ",'max_tokens':5,'messages':[" LOOP
         "]}",
         "{'model':'c','max_tokens':5,'messages':[" BARE "]}", "thinking"},
        {"https://api.anthropic.com",
         "{'messages':[" LOOP "],'model':'m'," ADAPTIVE "}",
         "{'messages':[" BARE "],'model':'c'," ADAPTIVE "}", NULL},
        {"https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu",
         "{'model':'m','messages':[" LOOP "]}",
         "{'anthropic_version':'vertex-2023-10-16','messages':[" BARE "]}",
         NULL},
    };
    const azl_deployment_t *d = at(bodies[_i].url);
    const char *text = "";
    azl_document_t doc;
    azl_body_t out;
    int i;

    read_doc(&doc, bodies[_i].body);
    d->endpoint->dialect->body(azl_test_pool, d, &doc, NULL, &out);
    for (i = 0; i < out.npieces; ++i) {
        text =
            apr_pstrcat(azl_test_pool, text, azl_test_str(out.pieces[i]), NULL);
    }
    ck_assert_str_eq(text, quoted(bodies[_i].sent));
    ck_assert_uint_eq(out.length, strlen(text));
    ck_assert_pstr_eq(out.dropped, bodies[_i].dropped);
}
END_TEST

START_TEST(bodies_for_bedrock)
{
    azl_deployment_t *d = at("https://bedrock-runtime.eu-1.amazonaws.com");
    const char *body = "{'model':'m'," MANUAL ",'max_tokens':5," CLEARS
                       ",'messages':[" LOOP "]}";
    azl_exchange_t *ex = exchange_with(d, "c", body);
    azl_document_t doc;

    read_doc(&doc, body);
    ex->doc = &doc;
    ex->op = AZL_OP_MESSAGES;
    ck_assert_str_eq(
        asked(ex, d->endpoint->dialect->outbound(d, AZL_OP_MESSAGES)),
        quoted("{'anthropic_version':'bedrock-2023-05-31','max_tokens':5,"
               "'messages':[" BARE "]}"));
    ck_assert_str_eq(dropped_of(ex), "thinking,context_management");
}
END_TEST

TCase *azl_test_anthropic_unsigned(void)
{
    TCase *tc = azl_test_tcase("anthropic_unsigned");

    tcase_add_loop_test(tc, thinking_of_others_goes, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, nonsense_stays);
    tcase_add_loop_test(tc, bodies_that_pass, 0, 3);
    tcase_add_test(tc, bodies_for_bedrock);
    return tc;
}
