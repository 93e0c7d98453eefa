/*
 * Answers of Google, whole, and what its refusals stand for.
 */
#include "gemini_answer_fixture.h"

/* clang-format off: tables of JSON read like JSON */

/*
 * Whole answers
 */

static const struct {
    const char *answer;
    const char *id;
    const char *choices; /* NULL: it is no answer */
    const char *usage;
} answers[] = {
    {"{" ONE("{'text':'Hi'}", "STOP") "," USAGE ",'responseId':'r-1'}", "r-1",
     CHOICE(0, SAYS("'Hi'"), "stop"), USED},
    /* sound, without what of it was cached: that is billed as cached */
    {"{" ONE("{'text':'Hi'}", "STOP") ",'usageMetadata':{'promptTokenCount':90,"
     "'cachedContentTokenCount':50,'candidatesTokenCount':9,"
     "'promptTokensDetails':[{'modality':'TEXT','tokenCount':20},7,"
     "{'modality':'AUDIO','tokenCount':70}],'cacheTokensDetails':["
     "{'modality':'AUDIO','tokenCount':40}],'candidatesTokensDetails':["
     "{'modality':'AUDIO','tokenCount':8}]}}", NULL,
     CHOICE(0, SAYS("'Hi'"), "stop"),
     ",'usage':{'prompt_tokens':90,'completion_tokens':9,'total_tokens':99,"
     "'prompt_tokens_details':{'cached_tokens':50,'cache_write_tokens':0,"
     "'audio_tokens':30},'completion_tokens_details':{'reasoning_tokens':0,"
     "'audio_tokens':8}}"},
    {"{" ONE("{'text':'Hi'}", "STOP") ",'usageMetadata':{'promptTokenCount':9,"
     "'promptTokensDetails':{},'cacheTokensDetails':[{'modality':'AUDIO',"
     "'tokenCount':4}],'candidatesTokensDetails':null}}", NULL,
     CHOICE(0, SAYS("'Hi'"), "stop"),
     ",'usage':{'prompt_tokens':9,'completion_tokens':0,'total_tokens':9,"
     "'prompt_tokens_details':{'cached_tokens':0,'cache_write_tokens':0},"
     "'completion_tokens_details':{'reasoning_tokens':0}}"},
    /* what was thought, and what is in several pieces */
    {"{" ONE("{'text':'Hm','thought':true},{'text':'A\\u00e9'},{'text':''},"
         "{'text':'B\\n','thoughtSignature':'x'},{'executableCode':{}}",
         "MAX_TOKENS") "}", NULL,
     CHOICE(0, SAYS("'A\xc3\xa9" "B\\n'") ",'reasoning_content':'Hm'",
         "length"), ""},
    /* calls, with an id or without */
    {"{" ONE("{'functionCall':{'name':'f','args':{'b': 1.0, 'a':[]}}},"
         "{'functionCall':{'id':'own-1','name':'g'}},"
         "{'functionCall':{'id':'bad id','name':'h','args':null}}", "STOP")
     ",'responseId':'r-1'}", "r-1",
     CHOICE(0,
         SAYS("null") CALLS(
             CALL("call_r-1_0", "f", "{\\'b\\': 1.0, \\'a\\':[]}") ","
             CALL("own-1", "g", "{}") "," CALL("call_r-1_2", "h", "{}")),
         "tool_calls"), ""},
    {"{"
     ONE("{'text':'So:'},{'functionCall':{'name':'f','args':{}}}", "MAX_TOKENS")
     "}", NULL,
     CHOICE(0, SAYS("'So:'") CALLS(CALL("call_0123_0", "f", "{}")), "length"),
     ""},
    /* an answer's id that is too long for a call's */
    {"{" ONE("{'functionCall':{'name':'f'}}", "STOP")
     ",'responseId':'0123456789012345678901234567890'}",
     "0123456789012345678901234567890",
     CHOICE(0, SAYS("null") CALLS(CALL("call_0123_0", "f", "{}")),
         "tool_calls"), ""},
    /* pictures */
    {"{" ONE("{'text':'See'},{'inlineData':{'mimeType':'image/png',"
         "'data':'AA=='}},{'inlineData':{'mimeType':'image/png',"
         "'data':'BB=='}}", "STOP") "}", NULL,
     CHOICE(0,
         SAYS("'See'") ",'images':[{'index':0,'type':'image_url',"
         "'image_url':{'url':'data:image/png;base64,AA=='}},{'index':1,"
         "'type':'image_url','image_url':{'url':'data:image/png;base64,"
         "BB=='}}]", "stop"), ""},
    /* several, in any order */
    {"{'candidates':[{'index':1," PARTS("{'functionCall':{'name':'f'}}")
     ",'finishReason':'STOP'},{'index':0," PARTS("{'text':'A'}")
     ",'finishReason':'STOP'}]}", NULL,
     CHOICE(0, SAYS("'A'"), "stop") "," CHOICE(1,
         SAYS("null") CALLS(CALL("call_0123_1_0", "f", "{}")), "tool_calls"),
     ""},
    {"{'candidates':[{" PARTS("{'text':'A'}") "},{" PARTS("{'text':'B'}")
     "}]}", NULL,
     CHOICE(0, SAYS("'A'"), "stop") "," CHOICE(1, SAYS("'B'"), "stop"), ""},
    /* nothing to read */
    {"{'candidates':[{'content':{},'finishReason':'SAFETY'}]}", NULL,
     CHOICE(0, SAYS("''"), "content_filter"), ""},
    {"{'candidates':[{'finishReason':'MODEL_ARMOR'}]}", NULL,
     CHOICE(0, SAYS("''"), "content_filter"), ""},
    {"{'promptFeedback':{'blockReason':'SAFETY'}," USAGE "}", NULL,
     CHOICE(0, SAYS("''"), "content_filter"), USED},
    {"{'candidates':[{'content':{'parts':[]},'finishReason':'STOP'}],"
     "'usageMetadata':{}}", NULL, CHOICE(0, SAYS("''"), "stop"),
     ",'usage':{'prompt_tokens':0,'completion_tokens':0,'total_tokens':0,"
     "'prompt_tokens_details':{'cached_tokens':0,'cache_write_tokens':0},"
     "'completion_tokens_details':{'reasoning_tokens':0}}"},
    /* what no C string can hold */
    {"{" ONE("{'text':'a\\u0000b\\ud800'}", "STOP") "}", NULL,
     CHOICE(0, SAYS("'a\\u0000b\xEF\xBF\xBD'"), "stop"), ""},
    /* what is none */
    {"", NULL, NULL, NULL},
    {"[]", NULL, NULL, NULL},
    {"{'candidates':[]} {}", NULL, NULL, NULL},
    {"{'error':{'code':500,'message':'x'}}", NULL, NULL, NULL},
    {"{'candidates':{}}", NULL, NULL, NULL},
    {"{'candidates':[1]}", NULL, NULL, NULL},
    {"{'candidates':[{'content':[]}]}", NULL, NULL, NULL},
    {"{'candidates':[{'content':{'parts':{}}}]}", NULL, NULL, NULL},
    {"{'candidates':[{'content':{'parts':['A']}}]}", NULL, NULL, NULL},
    {"{'candidates':[{'index':-1}]}", NULL, NULL, NULL},
    {"{'candidates':[{'index':128}]}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':{'args':{}}}", "STOP") "}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':1}", "STOP") "}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':{'name':'f','args':'{}'}}", "STOP") "}", NULL,
     NULL, NULL},
    {"{" ONE("{'inlineData':{'data':'AA=='}}", "STOP") "}", NULL, NULL, NULL},
    {"{" ONE("{'inlineData':[]}", "STOP") "}", NULL, NULL, NULL},
    {"{'candidates':[],'promptFeedback':{}}", NULL, NULL, NULL},
    {"{" ONE("{'functionCall':{'name':'\\u0000'}}", "STOP") "}", NULL, NULL,
     NULL},
    {"{'usageMetadata':1}", NULL, NULL, NULL},
    {"{'promptFeedback':1}", NULL, NULL, NULL},
};

START_TEST(whole_answers)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    const char *id = answers[_i].id;
    apr_status_t rv;

    setup();
    rv = azl_gemini_chat.answer(ex, quoted_span(answers[_i].answer), out);
    if (!answers[_i].choices) {
        ck_assert_int_eq(rv, APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
        quoted(apr_pstrcat(azl_test_pool, "{'id':'", id ? id : "chatcmpl-0123",
            "','object':'chat.completion','created':1700000000,'model':'','"
            "choices':[",
            answers[_i].choices, "]", answers[_i].usage, "}", NULL)));
}
END_TEST

static const struct {
    const char *reason;
    const char *plain;
    const char *called;
} reasons[] = {
    {"STOP", "stop", "tool_calls"},
    {"MAX_TOKENS", "length", "length"},
    {"SAFETY", "content_filter", "content_filter"},
    {"RECITATION", "content_filter", "content_filter"},
    {"LANGUAGE", "content_filter", "content_filter"},
    {"BLOCKLIST", "content_filter", "content_filter"},
    {"PROHIBITED_CONTENT", "content_filter", "content_filter"},
    {"SPII", "content_filter", "content_filter"},
    {"IMAGE_SAFETY", "content_filter", "content_filter"},
    {"IMAGE_PROHIBITED_CONTENT", "content_filter", "content_filter"},
    {"IMAGE_RECITATION", "content_filter", "content_filter"},
    {"MODEL_ARMOR", "content_filter", "content_filter"},
    {"MALFORMED_FUNCTION_CALL", "stop", "tool_calls"},
    {"OTHER", "stop", "tool_calls"},
    {"SOMETHING_NEW", "stop", "tool_calls"},
};

START_TEST(finish_reasons)
{
    azl_span_t reason = azl_span_str(reasons[_i].reason);

    ck_assert_str_eq(azl_gemini_finish(reason, 0), reasons[_i].plain);
    ck_assert_str_eq(azl_gemini_finish(reason, 2), reasons[_i].called);
}
END_TEST

/* By Google's words: the Gemini API's and Vertex's. */
static const struct {
    const char *said;
    const char *tier; /* NULL: none */
} tiers[] = {
    {"'serviceTier':'standard'", "default"},
    {"'serviceTier':'flex','trafficType':null", "flex"},
    {"'serviceTier':'priority'", "priority"},
    {"'trafficType':'ON_DEMAND'", "default"},
    {"'trafficType':'ON_DEMAND_FLEX'", "flex"},
    {"'trafficType':'ON_DEMAND_PRIORITY'", "priority"},
    {"'trafficType':'PROVISIONED_THROUGHPUT'", NULL},
    {"'serviceTier':3", NULL},
};

START_TEST(service_tiers)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    const char *doc = apr_pstrcat(azl_test_pool, "{" ONE("{'text':'A'}", "STOP")
                                  ",'usageMetadata':{", tiers[_i].said, "}}",
                                  NULL);
    azl_json_t *json;

    setup();
    ck_assert_int_eq(azl_gemini_chat.answer(ex, quoted_span(doc), out),
                     APR_SUCCESS);
    json = tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    json = azl_json_get(json, "service_tier");
    ck_assert_int_eq(json != NULL, tiers[_i].tier != NULL);
    if (json) {
        ck_assert_str_eq(azl_json_string(json), tiers[_i].tier);
    }
}
END_TEST

START_TEST(signatures_are_kept)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup();
    ck_assert_int_eq(azl_gemini_chat.answer(ex,
                         quoted_span("{" ONE("{'functionCall':{'name':'f'},'"
                                             "thoughtSignature':'"
                                             "A\\u003d\\u003d'},{'functionCall'"
                                             ":{'id':'b','name':'f'}}",
                             "STOP") "}"),
                         out),
        APR_SUCCESS);
    ck_assert_str_eq(apr_table_get(ex->kept, "gemini/call_0123_0"), "A==");
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 1);
    ex->keep = NULL;
    ck_assert_int_eq(azl_gemini_chat.answer(ex,
                         quoted_span("{" ONE("{'functionCall':{'name':'f'},'"
                                             "thoughtSignature':'B'}",
                             "STOP") "}"),
                         out),
        APR_SUCCESS);
}
END_TEST

/*
 * Refusals
 */

#define ERR(code, message, status, details)                                    \
    "{'error':{'code':" #code ",'message':'" message "','status':'" status     \
    "','details':[" details "]}}"
#define TYPE "'@type':'type.googleapis.com/google.rpc."

static const struct {
    int status;
    const char *body;
    int told; /* the status it stands for */
    const char *code;
    const char *message;
    const char *after; /* NULL: nothing is said about when */
} failures[] = {
    {400, ERR(400, "Bad.", "INVALID_ARGUMENT", ""), 400, "bad_request", "Bad.",
     NULL},
    {400, "[" ERR(400, "Bad.", "INVALID_ARGUMENT", "") "]", 400, "bad_request",
     "Bad.", NULL},
    /* the operator's key */
    {400,
     ERR(400, "API key not valid. Please pass a valid API key.",
         "INVALID_ARGUMENT",
         "{" TYPE "ErrorInfo','reason':'API_KEY_INVALID'}"), 502,
     "upstream_authentication_error", NULL, NULL},
    {400, ERR(400, "API key expired.", "INVALID_ARGUMENT", ""), 502,
     "upstream_authentication_error", NULL, NULL},
    {400,
     ERR(400, "Hm.", "INVALID_ARGUMENT",
         "{'a':1},{" TYPE "ErrorInfo','reason':'API_KEY_INVALID'}"), 502,
     "upstream_authentication_error", NULL, NULL},
    {403, ERR(403, "No.", "PERMISSION_DENIED", ""), 502,
     "upstream_authentication_error", NULL, NULL},
    {400,
     ERR(400,
         "The input token count (9) exceeds the maximum number of tokens "
         "allowed (8).", "INVALID_ARGUMENT", ""), 400,
     "context_length_exceeded",
     "The input token count (9) exceeds the maximum number of tokens "
     "allowed (8).", NULL},
    {404, ERR(404, "models/x is not found.", "NOT_FOUND", ""), 404,
     "model_not_found", NULL, NULL},
    /* when to come back */
    {429,
     ERR(429, "Slow.", "RESOURCE_EXHAUSTED",
         "{" TYPE "QuotaFailure'},{" TYPE "RetryInfo','retryDelay':'34s'}"),
     429, "rate_limit_exceeded", "Slow. Please retry in 34s.", "34"},
    {429,
     ERR(429, "Slow. Please retry in 34.5s.", "RESOURCE_EXHAUSTED",
         "{" TYPE "RetryInfo','retryDelay':'34s'}"), 429,
     "rate_limit_exceeded", "Slow. Please retry in 34.5s.", "35"},
    {429,
     ERR(429, "Slow.", "RESOURCE_EXHAUSTED",
         "{" TYPE "RetryInfo','retryDelay':'soon'}"), 429,
     "rate_limit_exceeded", "Slow.", NULL},
    {503, ERR(503, "Busy.", "UNAVAILABLE", ""), 503, "service_unavailable",
     "Busy.", NULL},
    /* somebody else's words */
    {502, "<html>", 502, "bad_gateway", NULL, NULL},
    {500, "{'message':'x'}", 500, "internal_error", "x", NULL},
    {500, "", 500, "internal_error", NULL, NULL},
};

START_TEST(refusals)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_span_t body = quoted_span(failures[_i].body);
    azl_error_t err;
    int status;

    setup();
    status = azl_gemini_chat.failure(ex, failures[_i].status, NULL, body, out);
    if (out->len) {
        body = azl_span(out->data, out->len);
    }
    azl_failure_read(azl_test_pool, ex->deployment, status, NULL, body, &err);
    ck_assert_int_eq(err.status, failures[_i].told);
    ck_assert_str_eq(err.code, failures[_i].code);
    if (failures[_i].message) {
        ck_assert_str_eq(err.message, failures[_i].message);
    }
    ck_assert_int_eq(err.retry_after != NULL, failures[_i].after != NULL);
    if (failures[_i].after) {
        ck_assert_str_eq(err.retry_after, failures[_i].after);
    }
}
END_TEST

/* clang-format on */

TCase *azl_test_gemini_answer(void)
{
    TCase *tc = azl_test_tcase("gemini_answer");

    tcase_add_loop_test(tc, whole_answers, 0, N(answers));
    tcase_add_loop_test(tc, finish_reasons, 0, N(reasons));
    tcase_add_loop_test(tc, service_tiers, 0, N(tiers));
    tcase_add_test(tc, signatures_are_kept);
    tcase_add_loop_test(tc, refusals, 0, N(failures));
    return tc;
}
