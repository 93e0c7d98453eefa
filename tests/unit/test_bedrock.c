/*
 * The dialect bedrock: where to, whole answers and errors.
 */
#include "bedrock_fixture.h"

/* clang-format off: tables of JSON read like JSON */

static azl_exchange_t *ex;

static void setup(const char *chat)
{
    azl_error_t err;

    ex = bedrock_in(azl_test_pool, "claude-3-5-sonnet");
    ck_assert_ptr_nonnull(bedrock_asks(ex, chat, &err));
}

#define ASK "'messages':[{'role':'user','content':'Hi'}]"

START_TEST(urls_and_credentials)
{
    const azl_dialect_t *b = azl_dialect_find("bedrock");
    azl_deployment_t *d = deployment_at("bedrock", BEDROCK, NULL,
        "us.anthropic.claude-v1:0");
    azl_endpoint_t *e = apr_pmemdup(azl_test_pool, d->endpoint, sizeof(*e));
    const char *name, *value;

    ck_assert_str_eq(b->url(azl_test_pool, d, AZL_OP_CHAT, NULL, NULL),
        BEDROCK "/model/us.anthropic.claude-v1%3A0/converse");
    ck_assert_str_eq(b->stream_url(azl_test_pool, d, AZL_OP_CHAT),
        BEDROCK "/model/us.anthropic.claude-v1%3A0/converse-stream");
    d->name = "arn:aws:bedrock:us-east-1:1:inference-profile/x";
    ck_assert_str_eq(b->url(azl_test_pool, d, AZL_OP_CHAT, NULL, NULL),
        BEDROCK "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3A"
                "inference-profile%2Fx/converse");
    ck_assert_ptr_null(b->url(azl_test_pool, d, AZL_OP_EMBEDDINGS, NULL, NULL));
    ck_assert_ptr_null(b->stream_url(azl_test_pool, d, AZL_OP_RESPONSES));
    ck_assert_ptr_null(b->outbound(d, AZL_OP_RESPONSES));
    azl_dialect_credential(azl_test_pool, e, e->credential, &name, &value);
    ck_assert_str_eq(name, "Authorization");
    ck_assert_str_eq(value, "Bearer a-credential-0123456789");
    e->credential = NULL;
    azl_dialect_credential(azl_test_pool, e, e->credential, &name, &value);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
}
END_TEST

/*
 * Answers
 */

#define MESSAGE(content)                                                       \
    "'output':{'message':{'role':'assistant','content':[" content "]}}"
#define SAYS(content, more, finish)                                            \
    "{'index':0,'message':{'role':'assistant','content':" content              \
    ",'refusal':null" more "},'logprobs':null,'finish_reason':'" finish "'}"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"
#define USED(prompt, cached, written, completion, total)                       \
    ",'usage':{'prompt_tokens':" #prompt ",'completion_tokens':" #completion   \
    ",'total_tokens':" #total ",'prompt_tokens_details':{'cached_tokens':"     \
    #cached ",'cache_write_tokens':" #written "},'completion_tokens_details':" \
    "{'reasoning_tokens':0}}"

static const struct {
    const char *answer;
    const char *choice; /* NULL: it is none */
    const char *rest;
} answers[] = {
    {"{" MESSAGE("{'text':'Hi'}") ",'stopReason':'end_turn','usage':{"
        "'inputTokens':3,'outputTokens':4,'totalTokens':100,"
        "'cacheReadInputTokens':5,'cacheWriteInputTokens':6},'metrics':{}}",
        SAYS("'Hi'", "", "stop"), USED(14, 5, 6, 4, 18)},
    {"{" MESSAGE("{'text':'Hi'}") ",'stopReason':'end_turn','usage':{"
        "'inputTokens':3,'outputTokens':4,'cacheWriteInputTokens':6,"
        "'cacheDetails':[{'ttl':'1h','inputTokens':4},7,{'ttl':'1h'},"
        "{'ttl':'5m','inputTokens':2}]}}",
        SAYS("'Hi'", "", "stop"),
        ",'usage':{'prompt_tokens':9,'completion_tokens':4,'total_tokens':13,"
        "'prompt_tokens_details':{'cached_tokens':0,'cache_write_tokens':6,"
        "'cache_creation_token_details':{'ephemeral_5m_input_tokens':2,"
        "'ephemeral_1h_input_tokens':4}},'completion_tokens_details':{"
        "'reasoning_tokens':0}}"},
    {"{" MESSAGE("{'text':'Hi'}") ",'stopReason':'end_turn','usage':{"
        "'inputTokens':3,'outputTokens':4,'cacheDetails':null}}",
        SAYS("'Hi'", "", "stop"), USED(3, 0, 0, 4, 7)},
    {"{" MESSAGE("{'text':'A'},{'text':'\\u00e9'}") ",'stopReason':"
        "'max_tokens','usage':{'inputTokens':0,'outputTokens':0},"
        "'serviceTier':{'type':'flex'}}",
        SAYS("'A\xc3\xa9'", "", "length"),
        USED(0, 0, 0, 0, 0) ",'service_tier':'flex'"},
    {"{" MESSAGE("{'reasoningContent':{'reasoningText':{'text':'Hm','signature'"
        ":'S='}}},{'toolUse':{'toolUseId':'c1','name':'f','input':{'b':1.0,"
        "'a':[]}}},{'toolUse':{'toolUseId':'c2','name':'a_b_108bf50c',"
        "'input':{}}},{'toolUse':{'toolUseId':'c3','name':'g'}}")
        ",'stopReason':'tool_use'}",
        SAYS("null", ",'reasoning_content':'Hm','tool_calls':["
            CALL("c1", "f", "{\\'b\\':1.0,\\'a\\':[]}") ","
            CALL("c2", "a.b", "{}") "," CALL("c3", "g", "{}") "]",
            "tool_calls"), ""},
    {"{" MESSAGE("{'text':'So:'},{'toolUse':{'name':'f','input':{}}}")
        ",'stopReason':'new_reason'}",
        SAYS("'So:'", ",'tool_calls':[" CALL("call_0123_0", "f", "{}") "]",
            "tool_calls"), ""},
    {"{" MESSAGE("") ",'stopReason':'guardrail_intervened'}",
        SAYS("null", "", "content_filter"), ""},
    {"{" MESSAGE("{'toolUse':{}},{'new':{}}") ",'stopReason':'tool_use',"
        "'serviceTier':{'type':'odd'}}",
        SAYS("null", "", "stop"), ""},
    {"", NULL, NULL},
    {"[]", NULL, NULL},
    {"{}", NULL, NULL},
    {"{'output':{'message':{'content':'Hi'}}}", NULL, NULL},
    {"{'message':'failed'}", NULL, NULL},
};

START_TEST(whole_answers)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    apr_status_t rv;

    setup("{" ASK ",'tools':[{'type':'function','function':{'name':'a.b'}}]}");
    rv = azl_bedrock_answer(ex, quoted_span(answers[_i].answer), out);
    if (!answers[_i].choice) {
        ck_assert_int_eq(rv, APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
        quoted(apr_pstrcat(azl_test_pool, "{'id':'chatcmpl-0123','object':"
            "'chat.completion','created':1700000000,'model':'','choices':[",
            answers[_i].choice, "]", answers[_i].rest, "}", NULL)));
}
END_TEST

/* The tool that stands for the text is none of the client's. */
START_TEST(json_from_a_tool)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup("{" ASK ",'response_format':{'type':'json_object'}}");
    ck_assert_int_eq(azl_bedrock_answer(ex, quoted_span("{"
        MESSAGE("{'toolUse':{'toolUseId':'c','name':'json_tool_call','input':{"
        "'a':1}}}") ",'stopReason':'tool_use'}"), out), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(azl_buf_pstr(out, azl_test_pool),
        quoted(SAYS("'{\\'a\\':1}'", "", "stop"))));
}
END_TEST

static const struct {
    const char *reason;
    const char *finish;
} reasons[] = {
    {"end_turn", "stop"},
    {"stop_sequence", "stop"},
    {"max_tokens", "length"},
    {"model_context_window_exceeded", "length"},
    {"tool_use", "tool_calls"},
    {"content_filtered", "content_filter"},
    {"guardrail_intervened", "content_filter"},
    {"malformed_model_output", "stop"},
    {"malformed_tool_use", "stop"},
    {"", "stop"},
};

START_TEST(finish_reasons)
{
    ck_assert_str_eq(azl_bedrock_finish(azl_span_str(reasons[_i].reason)),
        reasons[_i].finish);
}
END_TEST

#define KEPT "{'reasoningContent':{'reasoningText':{'text':'Hm','signature':'" \
    "S='}}},{'reasoningContent':{'redactedContent':'R='}}"

START_TEST(thoughts_are_kept)
{
    static const char answer[] = "{" MESSAGE("{'reasoningContent':{"
        "'reasoningText':{'text':'unsigned'}}}," KEPT ",{'toolUse':{"
        "'toolUseId':'c1','name':'f','input':{}}},{'toolUse':{'toolUseId':'c2',"
        "'name':'f','input':{}}}") ",'stopReason':'tool_use'}";
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup("{" ASK "}");
    ck_assert_int_eq(azl_bedrock_answer(ex, quoted_span(answer), out),
        APR_SUCCESS);
    ck_assert_str_eq(apr_table_get(ex->kept, "bedrock/c1"), quoted(KEPT));
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 1);
    /* nobody keeps them, or there is no call to keep them by */
    ex->keep = NULL;
    ck_assert_int_eq(azl_bedrock_answer(ex, quoted_span(answer), out),
        APR_SUCCESS);
    ex->keep = exchange_keep;
    apr_table_clear(ex->kept);
    ck_assert_int_eq(azl_bedrock_answer(ex, quoted_span("{" MESSAGE(KEPT)
        ",'stopReason':'end_turn'}"), out), APR_SUCCESS);
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 0);
}
END_TEST

/*
 * Errors
 */

static const struct {
    int status;
    const char *type;
    const char *body;
    int meant;
    const char *code; /* NULL: nothing is rewritten */
    const char *message;
} failures[] = {
    {400, "ValidationException:http://internal.amazon.com/coral/",
        "{'message':'No such thing'}", 400, "bad_request",
        "No such thing"},
    {400, "ValidationException", "{'message':'Input is too long for requested "
        "model.'}", 400, "context_length_exceeded",
        "Input is too long for requested model."},
    {400, "ValidationException", "{'message':'The provided model identifier is "
        "invalid.'}", 404, "model_not_found",
        "The provided model identifier is invalid."},
    {400, "ServiceQuotaExceededException", "{'message':'Q'}", 429,
        "rate_limit_exceeded", "Q"},
    {403, "AccessDeniedException", "{'Message':'Not you'}", 403, NULL,
        "Not you"},
    {403, "AccessDeniedException", "{'message':'You do not have access to the "
        "model with the specified model ID.'}", 404, "model_not_found", NULL},
    {400, "ExpiredTokenException", "{'message':'Old'}", 403, NULL, "Old"},
    {404, "ResourceNotFoundException", "{'message':'Gone'}", 404,
        "model_not_found", "Gone"},
    {408, "ModelTimeoutException", "{'message':'Late'}", 504, NULL, "Late"},
    {424, "ModelErrorException", "{'message':'Broken'}", 502, NULL, "Broken"},
    {424, NULL, "{'message':'Broken'}", 502, NULL, "Broken"},
    {429, "ThrottlingException", "{'message':'Slow'}", 429,
        "rate_limit_exceeded", "Slow"},
    {500, "InternalServerException", "{'message':'Oh'}", 500, NULL, "Oh"},
    {503, "ServiceUnavailableException", "{}", 503, NULL, NULL},
    {418, "NewException", "{'message':'Tea'}", 418, NULL, "Tea"},
    {408, NULL, "<html>", 504, NULL, NULL},
    {502, NULL, "", 502, NULL, NULL},
};

START_TEST(errors)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    apr_table_t *headers = apr_table_make(azl_test_pool, 1);
    const azl_json_t *error;
    int known = failures[_i].message || failures[_i].type;

    setup("{" ASK "}");
    if (failures[_i].type) {
        apr_table_setn(headers, "x-amzn-errortype", failures[_i].type);
    }
    ck_assert_int_eq(azl_bedrock_failure(ex, failures[_i].status, headers,
        quoted_span(failures[_i].body), out), failures[_i].meant);
    ck_assert_int_eq(out->len > 0, known != 0);
    if (!known) {
        return;
    }
    error = azl_json_get(tree_of(azl_test_pool,
        azl_buf_pstr(out, azl_test_pool)), "error");
    if (failures[_i].message) {
        ck_assert_str_eq(azl_json_string(azl_json_get(error, "message")),
            failures[_i].message);
    }
    if (failures[_i].code) {
        ck_assert_str_eq(azl_json_string(azl_json_get(error, "code")),
            failures[_i].code);
    }
}
END_TEST

START_TEST(errors_without_headers)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    setup("{" ASK "}");
    ck_assert_int_eq(azl_bedrock_failure(ex, 503, NULL, azl_span("", 0), out),
        503);
    ck_assert_uint_eq(out->len, 0);
}
END_TEST

/* clang-format on */

static const struct {
    const char *model;
    const char *family;
} families[] = {
    {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude"},
    {"Claude-Opus-5", "claude"},
    {"sonnet-4-5", "claude"},
    {"amazon.nova-2-lite-v1:0", "nova-2"},
    {"amazon.nova-pro-v1:0", "nova"},
    {"openai.gpt-oss-120b-1:0", "gpt-oss"},
    {"mistral.mistral-large-3", "mistral"},
    {"meta.llama4-maverick", "llama"},
    {"deepseek.r1-v1:0", "deepseek"},
    {"moonshot.kimi-k2", ""},
    {"", ""},
    {NULL, ""},
};

START_TEST(families_by_name)
{
    ck_assert_str_eq(azl_bedrock_family(families[_i].model)->name,
                     families[_i].family);
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof(table[0])))

TCase *azl_test_bedrock(void)
{
    TCase *tc = azl_test_tcase("bedrock");

    tcase_add_test(tc, urls_and_credentials);
    tcase_add_loop_test(tc, whole_answers, 0, N(answers));
    tcase_add_test(tc, json_from_a_tool);
    tcase_add_loop_test(tc, finish_reasons, 0, N(reasons));
    tcase_add_test(tc, thoughts_are_kept);
    tcase_add_loop_test(tc, errors, 0, N(failures));
    tcase_add_test(tc, errors_without_headers);
    tcase_add_loop_test(tc, families_by_name, 0, N(families));
    return tc;
}
