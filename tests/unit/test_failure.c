#include <apr_date.h>
#include <apr_strings.h>

#include "../../src/core/azl_identity_int.h"
#include "../../src/dialect/azl_failure_int.h"
#include "dialect_fixture.h"

static azl_error_t err;
static apr_table_t *headers;

static const azl_deployment_t *deployment(void)
{
    return deployment_at("azure", "https://swc-res.example.net:8443/path",
                         "2024-10-21", "gpt-41");
}

static void refuse(int status, const char *body)
{
    memset(&err, 0xff, sizeof(err));
    azl_failure_read(azl_test_pool, deployment(), status, headers,
                     quoted_span(body), &err);
    ck_assert_ptr_nonnull(err.message);
    ck_assert_ptr_nonnull(err.type);
    ck_assert_ptr_nonnull(err.code);
}

static void refuse_header(int status, const char *name, const char *value,
                          const char *body)
{
    headers = apr_table_make(azl_test_pool, 2);
    apr_table_setn(headers, name, value);
    refuse(status, body);
    headers = NULL;
}

START_TEST(worth_another_candidate)
{
    static const int yes[] = {408, 429, 500, 501, 502, 503, 504, 529};
    apr_size_t i = 0;
    int status;

    for (status = 100; status < 600; ++status) {
        int expected = i < sizeof(yes) / sizeof(yes[0]) && yes[i] == status;

        ck_assert_int_eq(azl_failure_moves_on(status), expected);
        i += expected;
    }
}
END_TEST

static const struct {
    int status;
    const char *body;
    int told;
    azl_error_class_e cls;
    const char *type;
    const char *code;
    const char *param;   /* NULL: none */
    const char *message; /* a part of it */
} refusals[] = {
    /* Anthropic's form, which has no codes */
    {400,
     "{'type':'error','error':{'type':'invalid_request_error','message':"
     "'prompt is too long: 9 tokens > 8 maximum'},'request_id':'r'}",
     400, AZL_CLASS_VALIDATION, "invalid_request_error",
     "context_length_exceeded", NULL, "prompt is too long"},
    {529, "{'type':'error','error':{'type':'overloaded_error','message':'m'}}",
     503, AZL_CLASS_UNKNOWN, "overloaded_error", "service_unavailable", NULL,
     "m"},
    /* OpenAI's own form */
    {400,
     "{'error':{'message':'Too long.','type':'invalid_request_error',"
     "'param':'messages','code':'context_length_exceeded'}}",
     400, AZL_CLASS_VALIDATION, "invalid_request_error",
     "context_length_exceeded", "messages", "Too long."},
    {422, "{'error':{'message':'No.','type':null,'param':null,'code':null}}",
     422, AZL_CLASS_VALIDATION, "invalid_request_error", "request_failed", NULL,
     "No."},
    /* Azure: few members, number-like codes */
    {429, "{'error':{'code':'429','message':'Rate limit is exceeded.'}}", 429,
     AZL_CLASS_RATE_LIMIT, "rate_limit_error", "429", NULL,
     "Rate limit is exceeded."},
    {429, "{'error':{'code':429,'message':'Slow down.'}}", 429,
     AZL_CLASS_RATE_LIMIT, "rate_limit_error", "429", NULL, "Slow down."},
    {408, "{'error':{'code':'Timeout','message':'The operation was timeout.'}}",
     408, AZL_CLASS_TIMEOUT, "invalid_request_error", "Timeout", NULL,
     "The operation was timeout."},
    {400,
     "{'error':{'code':'OperationNotSupported','message':'The chatCompletion "
     "operation does not work with the specified model, gpt-5.1-codex-max. "
     "See https://go.microsoft.com/fwlink/?linkid=2197993.'}}",
     400, AZL_CLASS_VALIDATION, "invalid_request_error",
     "OperationNotSupported", NULL,
     "See https://go.microsoft.com/fwlink/?linkid=2197993."},
    {500,
     "{'error':{'message':'The server had an error.','type':'server_error',"
     "'param':null,'code':null}}",
     500, AZL_CLASS_UNKNOWN, "server_error", "internal_error", NULL,
     "The server had an error."},
    /* gateways before it, and other servers */
    {429, "{'statusCode':429,'message':'Rate limit is exceeded.'}", 429,
     AZL_CLASS_RATE_LIMIT, "rate_limit_error", "rate_limit_exceeded", NULL,
     "Rate limit is exceeded."},
    {400, "{'object':'error','message':'Bad.','type':'BadRequest','code':400}",
     400, AZL_CLASS_VALIDATION, "BadRequest", "400", NULL, "Bad."},
    {400, "{'error':'just a text'}", 400, AZL_CLASS_VALIDATION,
     "invalid_request_error", "bad_request", NULL, "just a text"},
    /* a sentence is no code: codes are logged */
    {400, "{'error':{'code':'You said this','message':'Bad.'}}", 400,
     AZL_CLASS_VALIDATION, "invalid_request_error", "bad_request", NULL,
     "Bad."},
    /* FastAPI's, in three places: vLLM, Mistral */
    {422,
     "{'detail':[{'type':'extra_forbidden','loc':['body','messages',0,'user',"
     "'name'],'msg':'Extra inputs are not permitted','input':'secret'},{'msg':"
     "'x'}]}",
     422, AZL_CLASS_VALIDATION, "invalid_request_error", "request_failed",
     "messages[0].user.name", "Extra inputs are not permitted"},
    {422,
     "{'object':'error','message':{'detail':[{'loc':['body','seed'],'msg':"
     "'No.'}]},'type':'invalid_request_error','param':null,'code':null}",
     422, AZL_CLASS_VALIDATION, "invalid_request_error", "request_failed",
     "seed", "No."},
    {422, "{'error':{'detail':[{'loc':['query'],'msg':'No.'}]}}", 422,
     AZL_CLASS_VALIDATION, "invalid_request_error", "request_failed", "query",
     "No."},
    {422, "{'detail':[{'loc':[{}],'msg':'No.'}]}", 422, AZL_CLASS_VALIDATION,
     "invalid_request_error", "request_failed", NULL, "No."},
    {422, "{'detail':[{'loc':['body'],'msg':'No.'}]}", 422,
     AZL_CLASS_VALIDATION, "invalid_request_error", "request_failed", NULL,
     "No."},
    {422, "{'detail':[{'loc':5}]}", 422, AZL_CLASS_VALIDATION,
     "invalid_request_error", "request_failed", NULL, "no explanation"},
    {422, "{'detail':[]}", 422, AZL_CLASS_VALIDATION, "invalid_request_error",
     "request_failed", NULL, "no explanation"},
    {422, "{'message':{'detail':[7]}}", 422, AZL_CLASS_VALIDATION,
     "invalid_request_error", "request_failed", NULL, "no explanation"},
    {404, "{'detail':'Not Found'}", 404, AZL_CLASS_VALIDATION,
     "invalid_request_error", "not_found", NULL, "Not Found"},
    {400, "[{'error':{'code':400,'message':'In a list.'}}]", 400,
     AZL_CLASS_VALIDATION, "invalid_request_error", "400", NULL, "In a list."},
    /* nothing that can be understood */
    {503, "<html><body>secret.example down</body></html>", 503,
     AZL_CLASS_UNKNOWN, "server_error", "service_unavailable", NULL,
     "status 503"},
    {502, "", 502, AZL_CLASS_UNKNOWN, "server_error", "bad_gateway", NULL,
     "status 502"},
    {504, "null", 504, AZL_CLASS_TIMEOUT, "server_error", "gateway_timeout",
     NULL, "status 504"},
    {500, "[]", 500, AZL_CLASS_UNKNOWN, "server_error", "internal_error", NULL,
     "status 500"},
    {500, "{'error':{'message':'cut o", 500, AZL_CLASS_UNKNOWN, "server_error",
     "internal_error", NULL, "status 500"},
    {500, "{'error':{'message':'','code':''}}", 500, AZL_CLASS_UNKNOWN,
     "server_error", "internal_error", NULL, "status 500"},
    {500, "{'error':{'message':['x'],'code':{},'type':7}}", 500,
     AZL_CLASS_UNKNOWN, "7", "internal_error", NULL, "status 500"},
    /* statuses that are none for a client */
    {529, "{'error':{'message':'Overloaded','type':'overloaded_error'}}", 503,
     AZL_CLASS_UNKNOWN, "overloaded_error", "service_unavailable", NULL,
     "Overloaded"},
    {302, "", 502, AZL_CLASS_UNKNOWN, "server_error", "bad_gateway", NULL,
     "status 302"},
    {999, "", 502, AZL_CLASS_UNKNOWN, "server_error", "bad_gateway", NULL,
     "status 999"},
    /* the operator's mistakes */
    {401,
     "{'error':{'code':'401','message':'Access denied due to invalid "
     "subscription key or wrong API endpoint.'}}",
     502, AZL_CLASS_AUTHENTICATION, "upstream_error",
     "upstream_authentication_error", NULL, "Your key is not the reason"},
    {403, "{'error':{'code':'403','message':'Virtual Network rules'}}", 502,
     AZL_CLASS_AUTHENTICATION, "upstream_error",
     "upstream_authentication_error", NULL, "Your key is not the reason"},
    {404,
     "{'error':{'code':'DeploymentNotFound','message':'The API deployment for "
     "this resource does not exist.'}}",
     404, AZL_CLASS_VALIDATION, "invalid_request_error", "model_not_found",
     "model", "is configured here"},
    {404, "{'error':{'code':'404','message':'Resource not found'}}", 404,
     AZL_CLASS_VALIDATION, "invalid_request_error", "model_not_found", "model",
     "is configured here"},
    {404,
     "{'error':{'message':'The model `gpt-41` does not exist','type':"
     "'invalid_request_error','param':null,'code':'model_not_found'}}",
     404, AZL_CLASS_VALIDATION, "invalid_request_error", "model_not_found",
     "model", "is configured here"},
    {404, "{'error':{'code':'404','message':'No such file'}}", 404,
     AZL_CLASS_VALIDATION, "invalid_request_error", "404", NULL,
     "No such file"},
};

START_TEST(what_the_client_is_told)
{
    refuse(refusals[_i].status, refusals[_i].body);
    ck_assert_int_eq(err.status, refusals[_i].told);
    ck_assert_int_eq(err.cls, refusals[_i].cls);
    ck_assert_str_eq(err.type, refusals[_i].type);
    ck_assert_str_eq(err.code, refusals[_i].code);
    if (refusals[_i].param) {
        ck_assert_str_eq(err.param, refusals[_i].param);
    }
    else {
        ck_assert_ptr_null(err.param);
    }
    ck_assert_msg(strstr(err.message, refusals[_i].message) != NULL, "%s",
                  err.message);
    ck_assert_ptr_null(err.retry_after);
    ck_assert_ptr_null(err.innererror);
    ck_assert_int_eq(err.no_retry, err.cls == AZL_CLASS_AUTHENTICATION);
}
END_TEST

START_TEST(filtered_prompts)
{
    refuse(400, "{'error':{'message':'The response was filtered.','type':null,"
                "'param':'prompt','code':'content_filter','status':400,"
                "'innererror':{'code':'ResponsibleAIPolicyViolation',"
                "'content_filter_result':{'hate':{'filtered':true}}}}}");
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "content_filter");
    ck_assert_str_eq(err.type, "invalid_request_error");
    ck_assert_str_eq(err.param, "prompt");
    ck_assert_str_eq(err.innererror,
                     quoted("{'code':'ResponsibleAIPolicyViolation',"
                            "'content_filter_result':{'hate':{'filtered':true}}"
                            "}"));
    refuse(400, "{'error':{'code':'content_filter','inner_error':{'x':1}}}");
    ck_assert_str_eq(err.innererror, quoted("{'x':1}"));
    refuse(400, "{'error':{'code':'content_filter','innererror':'text'}}");
    ck_assert_ptr_null(err.innererror);
    refuse(500, "{'error':{'code':'other','innererror':{'stack':'trace'}}}");
    ck_assert_ptr_null(err.innererror);
}
END_TEST

START_TEST(times_to_wait)
{
    static const struct {
        const char *message;
        const char *seconds;
        const char *milliseconds;
        int no_retry;
    } cases[] = {
        {"Please retry after 7 seconds. Go here.", "7", NULL, 0},
        {"Rate limit is exceeded. Try again in 40 seconds.", "40", NULL, 0},
        {"Please retry after 1 second.", "1", NULL, 0},
        {"please RETRY AFTER 0 seconds", "0", NULL, 0},
        {"Please try again in 20ms. Visit", "1", "20", 0},
        {"Please try again in 1.5s.", "2", "1500", 0},
        {"Please try again in 1m30s.", "90", NULL, 0},
        {"Try again in 2 minutes", "120", NULL, 0},
        {"Try again in 3 hours", "10800", NULL, 1},
        {"Try again in 100 milliseconds", "1", "100", 0},
        {"Please retry after 86400 seconds.", "86400", NULL, 1},
        {"Retry in 5", "5", NULL, 0},
        {"Please retry after a while, or try again in 3 s", "3", NULL, 0},
        {"Please retry after 99999999999999999999 seconds", NULL, NULL, 0},
        {"Please retry after -5 seconds", NULL, NULL, 0},
        {"Retry after", NULL, NULL, 0},
        {"No idea", NULL, NULL, 0},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        refuse(429,
               apr_pstrcat(azl_test_pool, "{'error':{'code':'429','message':'",
                           cases[i].message, "'}}", NULL));
        ck_assert_pstr_eq(err.retry_after, cases[i].seconds);
        ck_assert_pstr_eq(err.retry_after_ms, cases[i].milliseconds);
        ck_assert_int_eq(err.no_retry, cases[i].no_retry);
    }
    /* only a 429 speaks of limits in its message */
    refuse(500, "{'error':{'message':'retry after 7 seconds'}}");
    ck_assert_ptr_null(err.retry_after);
}
END_TEST

START_TEST(headers_that_tell_when)
{
    static const char body[] =
        "{'error':{'message':'Please retry after 7 seconds.'}}";
    char soon[APR_RFC822_DATE_LEN];

    refuse_header(429, "Retry-After", "3", body);
    ck_assert_str_eq(err.retry_after, "3");
    ck_assert_ptr_null(err.retry_after_ms);
    refuse_header(429, "retry-after-ms", "1250", body);
    ck_assert_str_eq(err.retry_after_ms, "1250");
    ck_assert_ptr_null(err.retry_after);
    ck_assert_int_eq(err.no_retry, 0);
    refuse_header(503, "Retry-After", "300", "");
    ck_assert_str_eq(err.retry_after, "300");
    ck_assert_int_eq(err.no_retry, 1);
    refuse_header(429, "retry-after-ms", "300000", "");
    ck_assert_int_eq(err.no_retry, 1);
    apr_rfc822_date(soon, apr_time_now() + apr_time_from_sec(600));
    refuse_header(429, "Retry-After", soon, body);
    ck_assert_str_eq(err.retry_after, soon);
    ck_assert_int_eq(err.no_retry, 1);
    /* what is no time may be anything */
    refuse_header(429, "Retry-After", "whenever you like", body);
    ck_assert_str_eq(err.retry_after, "7");
    ck_assert_int_eq(err.no_retry, 0);
    refuse_header(429, "retry-after-ms", "a-credential-0123456789", "");
    ck_assert_ptr_null(err.retry_after_ms);
    /* no header value to pass on */
    refuse_header(429, "Retry-After", "", body);
    ck_assert_str_eq(err.retry_after, "7");
    refuse_header(429, "Retry-After", "1\r\nx: y", "");
    ck_assert_ptr_null(err.retry_after);
    refuse_header(429, "Retry-After", azl_test_repeat("1", 65), "");
    ck_assert_ptr_null(err.retry_after);
    /* who asked for something wrong need not wait */
    refuse_header(400, "Retry-After", "3", body);
    ck_assert_ptr_null(err.retry_after);
}
END_TEST

START_TEST(money_does_not_come_back_by_waiting)
{
    refuse(429, "{'error':{'message':'You exceeded your current quota.',"
                "'type':'insufficient_quota','param':null,"
                "'code':'insufficient_quota'}}");
    ck_assert_int_eq(err.status, 429);
    ck_assert_int_eq(err.no_retry, 1);
}
END_TEST

START_TEST(nothing_of_the_upstream_is_told)
{
    static const struct {
        const char *message;
        const char *told;
    } cases[] = {
        {"at https://swc-res.example.net:8443/x failed",
         "at [upstream] failed"},
        {"host SWC-RES.example.net is down", "host [upstream] is down"},
        {"see https://other.openai.azure.com/openai, please",
         "see [upstream], please"},
        {"(https://a.cognitiveservices.azure.com) x", "([upstream]) x"},
        {"a.services.ai.azure.com b.api.cognitive.microsoft.com",
         "[upstream] [upstream]"},
        {"key a-credential-0123456789 is bad", "key [removed] is bad"},
        {"key=a-credential-0123456789.", "[removed]"},
        {"Incorrect key: sk-abc***xyz.", "Incorrect key: [removed]"},
        {"Response with id resp_0a1b not found.",
         "Response with id [id] not found."},
        {"Please see https://aka.ms/oai/quotaincrease now",
         "Please see https://aka.ms/oai/quotaincrease now"},
        {"sk- resp_ and task-list stay", "sk- resp_ and task-list stay"},
        {"  spaces   stay  ", "  spaces   stay  "},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        refuse(400, apr_pstrcat(azl_test_pool, "{'error':{'message':'",
                                cases[i].message, "'}}", NULL));
        ck_assert_str_eq(err.message, cases[i].told);
    }
    refuse(400, "{'error':{'message':'say \\u0027resp_0a1b\\u0027'}}");
    ck_assert_str_eq(err.message, "say '[id]'");
}
END_TEST

START_TEST(endpoints_without_secrets)
{
    azl_deployment_t *d = deployment_at("openai", "http://llm:80", NULL, "m");
    azl_endpoint_t e = *d->endpoint;

    e.credential = NULL;
    d->endpoint = &e;
    azl_failure_read(azl_test_pool, d, 400, NULL,
                     quoted_span("{'error':{'message':'llm says llm:80'}}"),
                     &err);
    /* a name without a dot is an ordinary word unless the port goes along */
    ck_assert_str_eq(err.message, "llm says [upstream]");
}
END_TEST

/* One that has been fetched, with each of its parts. */
static azl_identity_t *identity(void)
{
    azl_identity_t *id = apr_pcalloc(azl_test_pool, sizeof(*id));

    ck_assert_int_eq(apr_thread_mutex_create(&id->mutex, 0, azl_test_pool),
                     APR_SUCCESS);
    id->value = apr_pcalloc(azl_test_pool, sizeof(*id->value));
    id->value->bearer = azl_secret_str(azl_test_pool, "a-token");
    id->value->aws.id = "an-id";
    id->value->aws.secret = azl_secret_str(azl_test_pool, "aws-secret");
    id->value->aws.token = azl_secret_str(azl_test_pool, "session");
    return id;
}

START_TEST(nothing_of_a_credential_is_told)
{
    azl_deployment_t *d = deployment_at("openai", "http://llm:80", NULL, "m");
    azl_endpoint_t e = *d->endpoint;

    e.credential = azl_secret_str(azl_test_pool, "two words");
    e.identity = identity();
    d->endpoint = &e;
    azl_failure_read(
        azl_test_pool, d, 400, NULL,
        quoted_span("{'error':{'message':'an-id: a-token, aws-secret "
                    "x-amz-security-token:session, the rest'}}"),
        &err);
    ck_assert_str_eq(err.message, "an-id: [removed], [removed] [removed], "
                                  "the rest");
    azl_failure_read(azl_test_pool, d, 400, NULL,
                     quoted_span("{'error':{'message':'all of Two words it'}}"),
                     &err);
    ck_assert_str_eq(err.message, "[removed]");
    azl_failure_read(azl_test_pool, d, 400, NULL,
                     quoted_span("{'error':{'message':'m','type':'a-token',"
                                 "'param':'x.a-token','code':'no_session'}}"),
                     &err);
    ck_assert_str_eq(err.type, "invalid_request_error");
    ck_assert_str_eq(err.code, "bad_request");
    ck_assert_ptr_null(err.param);
    azl_failure_read(azl_test_pool, d, 400, NULL,
                     quoted_span("{'error':{'message':'m','code':"
                                 "'content_filter','innererror':"
                                 "{'code':'a-token'}}}"),
                     &err);
    ck_assert_ptr_null(err.innererror);
    azl_failure_event(azl_test_pool, d,
                      quoted_span("{'error':{'message':'at llm:80: a-token',"
                                  "'code':'a-token'}}"),
                      &err);
    ck_assert_str_eq(err.message, "at [upstream] [removed]");
    ck_assert_str_eq(err.code, "internal_error");
    /* there may be none yet */
    e.identity->value = NULL;
    azl_failure_event(azl_test_pool, d,
                      quoted_span("{'error':{'message':'a-token'}}"), &err);
    ck_assert_str_eq(err.message, "a-token");
}
END_TEST

START_TEST(long_words)
{
    const char *word = azl_test_repeat("w", 129);
    const char *text = azl_test_repeat("\xc3\xa9", 3000);

    refuse(400, apr_psprintf(azl_test_pool,
                             "{'error':{'message':'x','type':'%s','code':'%s',"
                             "'param':'%s'}}",
                             word, word, word));
    ck_assert_str_eq(err.type, "invalid_request_error");
    ck_assert_str_eq(err.code, "bad_request");
    ck_assert_ptr_null(err.param);
    refuse(400, apr_pstrcat(azl_test_pool, "{'error':{'message':'", text, "'}}",
                            NULL));
    ck_assert_int_eq((int)strlen(err.message), 4096);
    refuse(400, apr_pstrcat(azl_test_pool, "{'error':{'message':'x", text,
                            "'}}", NULL));
    ck_assert_int_eq((int)strlen(err.message), 4095);
}
END_TEST

START_TEST(no_answer_at_all)
{
    azl_failure_transport(&err, 0);
    ck_assert_int_eq(err.status, 502);
    ck_assert_int_eq(err.cls, AZL_CLASS_UNKNOWN);
    ck_assert_str_eq(err.code, "upstream_unreachable");
    azl_failure_transport(&err, 1);
    ck_assert_int_eq(err.status, 504);
    ck_assert_int_eq(err.cls, AZL_CLASS_TIMEOUT);
    ck_assert_str_eq(err.code, "upstream_timeout");
}
END_TEST

/* From the least useful to the most. */
START_TEST(the_more_useful_of_two)
{
    static const struct {
        int status;
        const char *message;
    } ranks[] = {
        {401, "x"},
        {500, "x"},
        {429, "x"},
        {429, "retry after 90 seconds"},
        {429, "retry after 7 seconds"},
        {429, "retry after 20ms"},
        {400, "x"},
    };
    enum { N = sizeof(ranks) / sizeof(ranks[0]) };
    azl_error_t errors[N + 2];
    int i, j;

    azl_failure_transport(&errors[0], 0);
    for (i = 0; i < N; ++i) {
        refuse(ranks[i].status,
               apr_pstrcat(azl_test_pool, "{'error':{'message':'",
                           ranks[i].message, "'}}", NULL));
        errors[i + 1] = err;
    }
    for (i = 0; i < N + 1; ++i) {
        for (j = 0; j < N + 1; ++j) {
            ck_assert_msg(azl_failure_better(&errors[i], &errors[j]) == (j > i),
                          "%d, %d", i, j);
        }
    }
    /* of two alike the first stays */
    azl_failure_transport(&errors[1], 1);
    ck_assert(!azl_failure_better(&errors[0], &errors[1]));
    refuse(408, "");
    errors[0] = err;
    refuse(503, "");
    ck_assert(!azl_failure_better(&errors[0], &err));
    ck_assert(!azl_failure_better(&err, &errors[0]));
}
END_TEST

START_TEST(error_events)
{
    static const struct {
        const char *data;
        int status;
        const char *code;
    } cases[] = {
        {"{'error':{'message':'m','code':'429'}}", 429, "429"},
        {"{'error':{'message':'m','code':503}}", 503, "503"},
        {"{'error':{'message':'m','type':'server_error'}}", 500,
         "internal_error"},
        {"{'error':{'message':'m','type':'rate_limit_error'}}", 429,
         "rate_limit_exceeded"},
        {"{'type':'error','code':'rate_limit_exceeded','message':'m'}", 429,
         "rate_limit_exceeded"},
        {"{'type':'error','error':{'type':'insufficient_quota','code':"
         "'insufficient_quota','message':'m'}}",
         429, "insufficient_quota"},
        {"{'error':{'message':'m','code':'content_filter'}}", 400,
         "content_filter"},
        {"{'error':{'message':'m','code':'context_length_exceeded'}}", 400,
         "context_length_exceeded"},
        {"{'error':{'message':'m','code':'Timeout'}}", 504, "Timeout"},
        {"{'error':{'message':'m','code':'401'}}", 502,
         "upstream_authentication_error"},
        {"{'error':'m'}", 500, "internal_error"},
        {"{'error':{'message':'m','code':'7'}}", 500, "7"},
        {"no json", 500, "internal_error"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        azl_failure_event(azl_test_pool, NULL, quoted_span(cases[i].data),
                          &err);
        ck_assert_int_eq(err.status, cases[i].status);
        ck_assert_str_eq(err.code, cases[i].code);
    }
    azl_failure_event(azl_test_pool, NULL,
                      quoted_span("{'error':{'code':'429','message':"
                                  "'Try again in 4 seconds.'}}"),
                      &err);
    ck_assert_str_eq(err.retry_after, "4");
}
END_TEST

TCase *azl_test_failure(void)
{
    TCase *tc = azl_test_tcase("failure");

    tcase_add_test(tc, worth_another_candidate);
    tcase_add_loop_test(tc, what_the_client_is_told, 0,
                        (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tc, filtered_prompts);
    tcase_add_test(tc, times_to_wait);
    tcase_add_test(tc, headers_that_tell_when);
    tcase_add_test(tc, money_does_not_come_back_by_waiting);
    tcase_add_test(tc, nothing_of_the_upstream_is_told);
    tcase_add_test(tc, endpoints_without_secrets);
    tcase_add_test(tc, nothing_of_a_credential_is_told);
    tcase_add_test(tc, long_words);
    tcase_add_test(tc, no_answer_at_all);
    tcase_add_test(tc, the_more_useful_of_two);
    tcase_add_test(tc, error_events);
    return tc;
}
