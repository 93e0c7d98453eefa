/*
 * What stands beside a text, both ways between chats and Responses: the
 * probabilities of its tokens, and where the web says so.
 */
#include "azl_buf.h"
#include "exchange_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

/* Tables of JSON read like JSON. */
/* clang-format off */

#define PROB(token)                                                            \
    "{'token':'" token "','logprob':-0.5,'bytes':[65],'top_logprobs':["        \
    "{'token':'" token "','logprob':-0.5,'bytes':[65]}]}"
#define FLAT(from, to)                                                         \
    "{'type':'url_citation','start_index':" #from ",'end_index':" #to          \
    ",'title':'T','url':'https://u'}"
#define INSIDE(from, to)                                                       \
    "'type':'url_citation','url_citation':{'start_index':" #from               \
    ",'end_index':" #to ",'title':'T','url':'https://u'}"

static azl_exchange_t *exchange(void)
{
    azl_exchange_t *ex = exchange_in(
        azl_test_pool, deployment_at("azure", "https://h", NULL, "d"));

    ex->client = tree_of(azl_test_pool, quoted("{'input':'Hi'}"));
    return ex;
}

/* Does it contain this, once quotes are doubled? */
static void check_has(const char *text, const char *what, int times)
{
    const char *want = quoted(what);
    int n = 0;

    for (text = strstr(text, want); text; text = strstr(text + 1, want)) {
        ++n;
    }
    ck_assert_msg(n == times, "%d times, not %d: %s", n, times, want);
}

/*
 * A chat at /responses
 */

static const struct {
    const char *more; /* of the chat */
    const char *sent; /* ... what of it is, or "400 param" */
} asks[] = {
    {"'logprobs':true,'top_logprobs':3", "'include':["
     "'message.output_text.logprobs'],'top_logprobs':3"},
    {"'logprobs':true,'tools':[{'type':'function','function':{'name':'f'}}]",
     "'include':['reasoning.encrypted_content',"
     "'message.output_text.logprobs']"},
    {"'logprobs':false,'top_logprobs':0", "'store':false}"},
    {"'top_logprobs':2", "400 top_logprobs"},
    {"'logprobs':7", "400 logprobs"},
    {"'web_search_options':{}", "'tools':[{'type':'web_search'}]"},
    {"'web_search_options':{'search_context_size':'low','user_location':{"
     "'type':'approximate','approximate':{'city':'Rome'}}}",
     "'tools':[{'type':'web_search','search_context_size':'low',"
     "'user_location':{'type':'approximate','city':'Rome'}}]"},
};

#define NASKS ((int)(sizeof(asks) / sizeof(asks[0])))

START_TEST(a_chat_asks_for_them)
{
    azl_exchange_t *ex = exchange();
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_error_t err;

    ex->hub = tree_of(azl_test_pool, quoted(apr_pstrcat(azl_test_pool,
        "{'messages':[{'role':'user','content':'Hi'}],", asks[_i].more, "}",
        NULL)));
    if (!azl_outbound_responses.request(ex, out, &err)) {
        ck_assert_str_eq(apr_psprintf(azl_test_pool, "%d %s", err.status,
                                      err.param), asks[_i].sent);
        return;
    }
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    check_has(azl_buf_pstr(out, azl_test_pool), asks[_i].sent, 1);
}
END_TEST

START_TEST(a_chat_is_answered_with_them)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    ck_assert_int_eq(azl_outbound_responses.answer(exchange(), quoted_span(
        "{'status':'completed','output':[{'type':'message','content':["
        "{'type':'output_text','text':'AB','logprobs':[" PROB("A") ","
        PROB("B") "]},{'type':'output_text','text':'C','logprobs':[ ]},"
        "{'type':'output_text','text':'D','logprobs':[" PROB("D") "]}]}]}"),
        out), APR_SUCCESS);
    check_has(azl_buf_pstr(out, azl_test_pool), ",'logprobs':{'content':["
        PROB("A") "," PROB("B") "," PROB("D") "],'refusal':null},", 1);
}
END_TEST

/* What the decoder makes of events without their names. */
static const char *chunks(const char *const *events)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    void *decoder = azl_outbound_responses.decoder(exchange());

    for (; *events; ++events) {
        azl_sse_event_t ev = {.data = quoted_span(*events)};

        azl_outbound_responses.event(decoder, &ev, out);
    }
    return azl_buf_pstr(out, azl_test_pool);
}

START_TEST(a_chat_streams_with_them)
{
    static const char *const events[] = {
        "{'type':'response.output_text.delta','delta':'A','logprobs':["
        PROB("A") "]}",
        "{'type':'response.output_text.delta','delta':'B','logprobs':[]}",
        "{'type':'response.output_text.delta','delta':'C','logprobs':7}",
        NULL};
    const char *got = chunks(events);

    check_has(got, "{'index':0,'delta':{'content':'A'},'logprobs':{'content':["
              PROB("A") "],'refusal':null},'finish_reason':null}", 1);
    check_has(got, "'logprobs'", 1);
    check_has(got, "{'index':0,'delta':{'content':'B'},'finish_reason':null}",
              1);
    check_has(got, "{'index':0,'delta':{'content':'C'},'finish_reason':null}",
              1);
}
END_TEST

#define ADDED(annotation)                                                      \
    "{'type':'response.output_text.annotation.added','annotation_index':0,"    \
    "'annotation':" annotation "}"
#define SAYS(text) "{'type':'response.output_text.delta','delta':'" text "'}"
#define NEXT_PART "{'type':'response.content_part.added','part':{}}"

/* They count from the beginning of their part there, and of all here. Each has
 * a number of its own, by which the SDKs put lists together. */
START_TEST(a_chat_streams_with_sources)
{
    static const char *const events[] = {
        NEXT_PART, SAYS("\\u00e9\\n"), ADDED(FLAT(0, 1)), SAYS("-"), NEXT_PART,
        SAYS("x"), ADDED(FLAT(0, 1)),
        ADDED("{'type':'file_citation','file_id':'f'}"), ADDED("7"),
        "{'type':'response.output_text.annotation.added'}", NULL};
    const char *got = chunks(events);

    check_has(got, "'delta':{'annotations':[{'index':0," INSIDE(0, 1) "}]}", 1);
    check_has(got, "'delta':{'annotations':[{'index':1," INSIDE(3, 4) "}]}", 1);
    check_has(got, "annotations", 2);
}
END_TEST

/*
 * Responses of a chat
 */

#define TEXT(text, annotations, probabilities)                                 \
    "{'type':'output_text','text':'" text "','annotations':[" annotations      \
    "],'logprobs':[" probabilities "]}"

START_TEST(a_response_has_them)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    ck_assert_int_eq(azl_inbound_responses.answer(exchange(), quoted_span(
        "{'choices':[{'message':{'content':'AB','annotations':[{" INSIDE(0, 1)
        "},{'type':'other'},7]},'logprobs':{'content':[" PROB("A") ","
        PROB("B") "],'refusal':null},'finish_reason':'stop'}]}"), out),
        APR_SUCCESS);
    check_has(azl_buf_pstr(out, azl_test_pool),
              TEXT("AB", FLAT(0, 1), PROB("A") "," PROB("B")), 1);
}
END_TEST

static const char *told(const char *const *choices)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    void *encoder = azl_inbound_responses.encoder(exchange());
    azl_sse_event_t done = {.data = azl_span_str("[DONE]")};

    for (; *choices; ++choices) {
        azl_sse_event_t ev = {.data = quoted_span(apr_pstrcat(azl_test_pool,
            "{'choices':[{'index':0,", *choices, "}]}", NULL))};

        azl_inbound_responses.event(encoder, &ev, out);
    }
    azl_inbound_responses.event(encoder, &done, out);
    return azl_buf_pstr(out, azl_test_pool);
}

START_TEST(a_response_streams_them)
{
    static const char *const choices[] = {
        "'delta':{'content':'A'},'logprobs':{'content':[" PROB("A") "]}",
        "'delta':{'content':'B'},'logprobs':{'content':[" PROB("B") "]}",
        "'delta':{'content':'C'},'logprobs':null",
        "'delta':{'annotations':[{" INSIDE(0, 1) "},{" INSIDE(1, 2) "}]}",
        "'delta':{'annotations':[{'type':'other'}]}", NULL};
    const char *got = told(choices);

    check_has(got, "'delta':'A','logprobs':[" PROB("A") "]", 1);
    check_has(got, "'delta':'B','logprobs':[" PROB("B") "]", 1);
    check_has(got, "'delta':'C','logprobs':[]", 1);
    check_has(got, "event: response.output_text.annotation.added\n", 2);
    check_has(got, ",'item_id':'msg_0123_0','output_index':0,"
              "'content_index':0,'annotation_index':0,'annotation':"
              FLAT(0, 1), 1);
    check_has(got, "'annotation_index':1,'annotation':" FLAT(1, 2), 1);
    check_has(got, "'text':'ABC','logprobs':[" PROB("A") "," PROB("B") "]}", 1);
    /* the part, the item and the Response that are done */
    check_has(got, TEXT("ABC", FLAT(0, 1) "," FLAT(1, 2), PROB("A") ","
              PROB("B")), 3);
}
END_TEST

/* A source of a text that was not said yet opens it. */
START_TEST(a_response_begins_with_a_source)
{
    static const char *const choices[] = {
        "'delta':{'annotations':[{" INSIDE(0, 1) "}]}",
        "'delta':{'content':'A'}", NULL};
    const char *got = told(choices);
    const char *part = strstr(got, "response.content_part.added");
    const char *source = strstr(got, "response.output_text.annotation.added");

    ck_assert(part && source && part < source);
    check_has(got, TEXT("A", FLAT(0, 1), ""), 3);
    check_has(got, "event: response.content_part.added", 1);
}
END_TEST

/* clang-format on */

TCase *azl_test_responses_marks(void)
{
    TCase *tc = azl_test_tcase("responses_marks");

    tcase_add_loop_test(tc, a_chat_asks_for_them, 0, NASKS);
    tcase_add_test(tc, a_chat_is_answered_with_them);
    tcase_add_test(tc, a_chat_streams_with_them);
    tcase_add_test(tc, a_chat_streams_with_sources);
    tcase_add_test(tc, a_response_has_them);
    tcase_add_test(tc, a_response_streams_them);
    tcase_add_test(tc, a_response_begins_with_a_source);
    return tc;
}
