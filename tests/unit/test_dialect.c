#include <apr_strings.h>

#include "dialect_fixture.h"

#define DATED "2024-10-21"

static const struct {
    const char *dialect;
    const char *url;
    const char *api_version;
    azl_op_e op;
    const char *expected; /* NULL: there is no such operation */
} urls[] = {
    {"azure", "https://r.openai.azure.com", DATED, AZL_OP_CHAT,
     "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4/chat/"
     "completions?api-version=" DATED},
    {"azure", "https://r.openai.azure.com/openai", DATED, AZL_OP_EMBEDDINGS,
     "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4/embeddings"
     "?api-version=" DATED},
    {"azure", "https://r.openai.azure.com/openai/v1", DATED,
     AZL_OP_AUDIO_SPEECH,
     "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4/audio/speech"
     "?api-version=" DATED},
    {"azure", "https://r.openai.azure.com", "2025-04-01-preview",
     AZL_OP_RESPONSES,
     "https://r.openai.azure.com/openai/responses"
     "?api-version=2025-04-01-preview"},
    {"azure", "https://r.openai.azure.com", DATED, AZL_OP_MODERATIONS, NULL},
    {"azure", "https://r.openai.azure.com", DATED, AZL_OP_MODELS, NULL},
    {"azure", "https://r.openai.azure.com", NULL, AZL_OP_CHAT,
     "https://r.openai.azure.com/openai/v1/chat/completions"},
    {"azure", "https://r.openai.azure.com/openai", NULL, AZL_OP_RESPONSES,
     "https://r.openai.azure.com/openai/v1/responses"},
    {"azure", "https://r.openai.azure.com/openai/v1", NULL, AZL_OP_COMPLETIONS,
     "https://r.openai.azure.com/openai/v1/completions"},
    {"azure", "https://r.openai.azure.com", "v1", AZL_OP_IMAGES_EDITS,
     "https://r.openai.azure.com/openai/v1/images/edits"},
    {"azure", "https://r.openai.azure.com", "latest", AZL_OP_IMAGES_GENERATIONS,
     "https://r.openai.azure.com/openai/v1/images/generations"},
    {"azure", "https://r.openai.azure.com", "preview", AZL_OP_AUDIO_SPEECH,
     "https://r.openai.azure.com/openai/v1/audio/speech?api-version=preview"},
    {"azure", "https://gw.example/azure/east", DATED,
     AZL_OP_AUDIO_TRANSCRIPTIONS,
     "https://gw.example/azure/east/openai/deployments/my%20gpt%2F4/audio/"
     "transcriptions?api-version=" DATED},
    {"azure", "http://127.0.0.1:8080", NULL, AZL_OP_AUDIO_TRANSLATIONS,
     "http://127.0.0.1:8080/openai/v1/audio/translations"},
    {"openai", "https://api.openai.com/v1", NULL, AZL_OP_CHAT,
     "https://api.openai.com/v1/chat/completions"},
    {"openai", "https://api.openai.com", NULL, AZL_OP_MODERATIONS,
     "https://api.openai.com/v1/moderations"},
    {"openai", "http://[::1]:11434", NULL, AZL_OP_EMBEDDINGS,
     "http://[::1]:11434/v1/embeddings"},
    {"openai", "https://host/api/paas/v4", NULL, AZL_OP_CHAT,
     "https://host/api/paas/v4/chat/completions"},
    {"openai", "https://host", NULL, AZL_OP_LIVENESS, NULL},
};

START_TEST(url_of_an_operation)
{
    const azl_deployment_t *d = deployment_at(urls[_i].dialect, urls[_i].url,
                                              urls[_i].api_version, "my gpt/4");
    const char *url = d->endpoint->dialect->url(azl_test_pool, d, urls[_i].op,
                                                NULL, "api-version=1999&x=y");

    if (urls[_i].expected) {
        ck_assert_str_eq(url, urls[_i].expected);
    }
    else {
        ck_assert_ptr_null(url);
    }
}
END_TEST

static const char *response_url(const char *dialect, const char *api_version,
                                azl_op_e op, const char *id, const char *query)
{
    const azl_deployment_t *d =
        deployment_at(dialect, "https://h", api_version, "m");

    return d->endpoint->dialect->url(azl_test_pool, d, op, id, query);
}

START_TEST(urls_of_stored_responses)
{
    ck_assert_str_eq(
        response_url("azure", NULL, AZL_OP_RESPONSE_GET, "resp_1", NULL),
        "https://h/openai/v1/responses/resp_1");
    ck_assert_str_eq(
        response_url("azure", DATED, AZL_OP_RESPONSE_DELETE, "resp_1", NULL),
        "https://h/openai/responses/resp_1?api-version=" DATED);
    ck_assert_str_eq(response_url("azure", DATED, AZL_OP_RESPONSE_INPUT_ITEMS,
                                  "resp_1", "limit=2"),
                     "https://h/openai/responses/resp_1/input_items"
                     "?api-version=" DATED "&limit=2");
    ck_assert_str_eq(response_url("openai", NULL, AZL_OP_RESPONSE_CANCEL,
                                  "a/../b?c", "limit=2"),
                     "https://h/v1/responses/a%2F..%2Fb%3Fc/cancel");
    ck_assert_ptr_null(
        response_url("openai", NULL, AZL_OP_RESPONSE_GET, NULL, NULL));
    ck_assert_ptr_null(
        response_url("azure", DATED, AZL_OP_RESPONSE_CANCEL, NULL, NULL));
}
END_TEST

START_TEST(of_a_query_what_means_something)
{
    static const struct {
        const char *query;
        const char *expected;
    } cases[] = {
        {NULL, ""},
        {"", ""},
        {"&&", ""},
        {"limit=5", "?limit=5"},
        {"api-version=2024&limit=5&foo=bar&order=asc", "?limit=5&order=asc"},
        {"include[]=a&include%5B%5D=b&include%5b%5d=c&include=d",
         "?include[]=a&include%5B%5D=b&include%5b%5d=c&include=d"},
        {"stream=true&starting_after=4&include_obfuscation=false",
         "?stream=true&starting_after=4&include_obfuscation=false"},
        {"after=x&before=y&", "?after=x&before=y"},
        {"limitless=1&xlimit=1&limit", "?limit"},
        {"api_key=secret", ""},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert_str_eq(response_url("openai", NULL, AZL_OP_RESPONSE_GET,
                                      "resp_1", cases[i].query),
                         apr_pstrcat(azl_test_pool,
                                     "https://h/v1/responses/resp_1",
                                     cases[i].expected, NULL));
    }
}
END_TEST

START_TEST(credentials)
{
    azl_deployment_t *azure = deployment_at("azure", "https://h", NULL, "m");
    azl_deployment_t *openai = deployment_at("openai", "https://h", NULL, "m");
    azl_endpoint_t open = *openai->endpoint;
    const char *name;
    const char *value;

    azl_dialect_credential(azl_test_pool, azure->endpoint,
                           azure->endpoint->credential, &name, &value);
    ck_assert_str_eq(name, "api-key");
    ck_assert_str_eq(value, azl_secret_reveal(azure->endpoint->credential));
    azl_dialect_credential(azl_test_pool, openai->endpoint,
                           openai->endpoint->credential, &name, &value);
    ck_assert_str_eq(name, "Authorization");
    ck_assert_str_eq(value, "Bearer a-credential-0123456789");
    open.credential = NULL; /* a server in the next room may need none */
    azl_dialect_credential(azl_test_pool, &open, open.credential, &name,
                           &value);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(dialects_by_name)
{
    ck_assert_str_eq(azl_dialect_find("azure")->name, "azure");
    ck_assert_str_eq(azl_dialect_find("openai")->name, "openai");
    ck_assert_ptr_null(azl_dialect_find("Azure"));
    ck_assert_ptr_null(azl_dialect_find(""));
    ck_assert_str_eq(azl_dialect_names(),
                     "anthropic, azure, bedrock, databricks, gemini, openai");
}
END_TEST

/*
 * Bodies
 */

/* The body as it goes out. Every piece of the client's is where the client's
 * bytes are: nothing big is copied. */
static const char *joined(const azl_body_t *body)
{
    const char *out = "";
    apr_size_t sum = 0;
    int i;

    for (i = 0; i < body->npieces; ++i) {
        ck_assert(body->pieces[i].len > 0);
        sum += body->pieces[i].len;
        out = apr_pstrcat(azl_test_pool, out, azl_test_str(body->pieces[i]),
                          NULL);
    }
    ck_assert(sum == body->length);
    return out;
}

static const char *body_for(const azl_deployment_t *d, azl_op_e op,
                            azl_params_e params, const char *type,
                            const char *text, const char *previous)
{
    azl_document_t doc;
    azl_error_t err;
    azl_body_t body;

    ck_assert_msg(azl_document_read(azl_test_pool, op, params, type,
                                    quoted_span(text), &doc, &err),
                  "%s: %s", text, err.message);
    d->endpoint->dialect->body(azl_test_pool, d, &doc, previous, &body);
    return joined(&body);
}

static const char *v1_body(azl_op_e op, const char *text)
{
    return body_for(deployment_at("azure", "https://h", NULL, "dep"), op,
                    AZL_PARAMS_DROP, NULL, text, "resp_up\"1");
}

static const char *classic_body(azl_op_e op, const char *text)
{
    return body_for(deployment_at("azure", "https://h", DATED, "dep"), op,
                    AZL_PARAMS_DROP, NULL, text, "resp_up");
}

#define USAGE "'stream_options':{'include_usage':true}"

static const struct {
    azl_op_e op;
    const char *body;
    const char *v1;
    const char *classic; /* NULL: the same */
} bodies[] = {
    {AZL_OP_CHAT, "{'model':'alias','n':1}", "{'model':'dep','n':1}", NULL},
    {AZL_OP_CHAT, " { 'n':1, 'model' : 'alias' } ",
     " { 'n':1, 'model' : 'dep' } ", NULL},
    {AZL_OP_CHAT, "{'n':1}", "{'model':'dep','n':1}", "{'n':1}"},
    {AZL_OP_CHAT, "{}", "{'model':'dep'}", "{}"},
    {AZL_OP_CHAT, "{ }", "{'model':'dep' }", "{ }"},
    {AZL_OP_CHAT, "{'x':1}", "{'model':'dep'}", "{}"},
    {AZL_OP_CHAT, "{'model':''}", "{'model':'dep'}", NULL},
    {AZL_OP_EMBEDDINGS, "{'input':'\\u00e9','model':'a\\u002fb'}",
     "{'input':'\\u00e9','model':'dep'}", NULL},
    /* usage is asked for, in whatever way it was not */
    {AZL_OP_CHAT, "{'model':'a','stream':true}",
     "{" USAGE ",'model':'dep','stream':true}", NULL},
    {AZL_OP_CHAT, "{'stream':true}", "{'model':'dep'," USAGE ",'stream':true}",
     "{" USAGE ",'stream':true}"},
    {AZL_OP_CHAT, "{'model':'a','stream':true,'stream_options':null}",
     "{'model':'dep','stream':true," USAGE "}", NULL},
    {AZL_OP_CHAT, "{'model':'a','stream':true,'stream_options':{}}",
     "{'model':'dep','stream':true," USAGE "}", NULL},
    {AZL_OP_CHAT, "{'model':'a','stream':true,'stream_options':{ }}",
     "{'model':'dep','stream':true,'stream_options':"
     "{'include_usage':true }}",
     NULL},
    {AZL_OP_CHAT,
     "{'stream_options':{'include_usage':false},'model':'a','stream':true}",
     "{" USAGE ",'model':'dep','stream':true}", NULL},
    {AZL_OP_CHAT,
     "{'model':'a','stream':true,'stream_options':{'include_obfuscation':"
     "false, 'include_usage' : null}}",
     "{'model':'dep','stream':true,'stream_options':{'include_obfuscation':"
     "false, 'include_usage' : true}}",
     NULL},
    {AZL_OP_CHAT,
     "{'model':'a','stream':true,'stream_options':{'include_obfuscation':"
     "false}}",
     "{'model':'dep','stream':true,'stream_options':{'include_usage':true,"
     "'include_obfuscation':false}}",
     NULL},
    {AZL_OP_CHAT, "{'model':'a','stream':true," USAGE "}",
     "{'model':'dep','stream':true," USAGE "}", NULL},
    {AZL_OP_COMPLETIONS, "{'model':'a','stream':true}",
     "{" USAGE ",'model':'dep','stream':true}", NULL},
    /* no stream, or a surface that would not know the member */
    {AZL_OP_CHAT, "{'model':'a','stream':false}",
     "{'model':'dep','stream':false}", NULL},
    {AZL_OP_CHAT, "{'model':'a','stream_options':{'include_usage':false}}",
     "{'model':'dep','stream_options':{'include_usage':false}}", NULL},
    {AZL_OP_RESPONSES, "{'model':'a','stream':true}",
     "{'model':'dep','stream':true}", NULL},
    {AZL_OP_IMAGES_GENERATIONS, "{'model':'a','stream':true}",
     "{'model':'dep','stream':true}", NULL},
    /* Responses need the name in the body on both surfaces */
    {AZL_OP_RESPONSES, "{'input':'x'}", "{'model':'dep','input':'x'}", NULL},
    {AZL_OP_RESPONSES, "{'previous_response_id':null}",
     "{'model':'dep','previous_response_id':null}", NULL},
    /* what is dropped, around what is changed */
    {AZL_OP_CHAT,
     "{'x':1,'model':'a','y':2,'z':[{}],'stream':true,'w':{'model':3}}",
     "{" USAGE ",'model':'dep','stream':true}", NULL},
    {AZL_OP_CHAT, "{'x':1,'stream':true}",
     "{'model':'dep'," USAGE ",'stream':true}", "{" USAGE ",'stream':true}"},
};

START_TEST(json_bodies)
{
    ck_assert_str_eq(v1_body(bodies[_i].op, bodies[_i].body),
                     quoted(bodies[_i].v1));
    ck_assert_str_eq(
        classic_body(bodies[_i].op, bodies[_i].body),
        quoted(bodies[_i].classic ? bodies[_i].classic : bodies[_i].v1));
}
END_TEST

START_TEST(previous_responses)
{
    ck_assert_str_eq(
        v1_body(AZL_OP_RESPONSES,
                "{'previous_response_id' : 'resp_sealed','model':'a'}"),
        quoted("{'previous_response_id' : 'resp_up\\'1','model':'dep'}"));
    ck_assert_str_eq(body_for(deployment_at("openai", "https://h", NULL, "dep"),
                              AZL_OP_RESPONSES, AZL_PARAMS_KEEP, NULL,
                              "{'model':'a','previous_response_id':'resp_x'}",
                              NULL),
                     quoted("{'model':'dep','previous_response_id':'resp_x'}"));
}
END_TEST

START_TEST(names_are_written_as_json)
{
    azl_deployment_t *d = deployment_at("openai", "https://h", NULL, "dep");

    d->name_json = "\"a \\\"b\\\"\"";
    ck_assert_str_eq(body_for(d, AZL_OP_CHAT, AZL_PARAMS_KEEP, NULL,
                              "{'model':'x','unknown':1}", NULL),
                     "{\"model\":\"a \\\"b\\\"\",\"unknown\":1}");
}
END_TEST

/* What is sent to go on from an answer that was cut off. */
static const char *continued(azl_prefill_e prefill, const char *text,
                             const char *said)
{
    azl_deployment_t *d = deployment_at("openai", "https://h", NULL, "dep");
    azl_endpoint_t *e = apr_pmemdup(azl_test_pool, d->endpoint, sizeof(*e));
    azl_document_t doc;
    azl_error_t err;
    azl_body_t body;

    e->prefill = prefill;
    d->endpoint = e;
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                NULL, quoted_span(text), &doc, &err));
    doc.said = said;
    e->dialect->body(azl_test_pool, d, &doc, NULL, &body);
    return joined(&body);
}

START_TEST(continued_answers)
{
    ck_assert_str_eq(
        continued(AZL_PREFILL_PREFIX,
                  "{'model':'a','messages':[{'role':'user'} ],'n':1}",
                  "so \\\"far"),
        quoted("{'model':'dep','messages':[{'role':'user'} ,{'role':"
               "'assistant','content':'so \\'far','prefix':true}],'n':1}"));
    ck_assert_str_eq(
        continued(AZL_PREFILL_VLLM, "{'messages':[ ],'model':'a'}", "x"),
        quoted("{'add_generation_prompt':false,'continue_final_message':true,"
               "'messages':[ {'role':'assistant','content':'x'}],"
               "'model':'dep'}"));
    ck_assert_str_eq(
        continued(AZL_PREFILL_VLLM, "{'messages':[1],'model':'a'}", NULL),
        quoted("{'messages':[1],'model':'dep'}"));
}
END_TEST

START_TEST(big_parts_are_not_copied)
{
    azl_deployment_t *d = deployment_at("azure", "https://h", NULL, "dep");
    const char *text = azl_test_repeat("x", 100000);
    const char *json = apr_pstrcat(azl_test_pool, "{\"input\":\"", text,
                                   "\",\"model\":\"a\"}", NULL);
    azl_span_t body = azl_span_str(json);
    azl_document_t doc;
    azl_error_t err;
    azl_body_t out;

    ck_assert(azl_document_read(azl_test_pool, AZL_OP_EMBEDDINGS,
                                AZL_PARAMS_KEEP, NULL, body, &doc, &err));
    d->endpoint->dialect->body(azl_test_pool, d, &doc, NULL, &out);
    ck_assert_int_eq(out.npieces, 3);
    ck_assert_ptr_eq(out.pieces[0].at, json);
    ck_assert(out.pieces[0].len > 100000);
    ck_assert_ptr_eq(out.pieces[1].at, d->name_json);
    ck_assert_ptr_eq(out.pieces[2].at, json + body.len - 1);
}
END_TEST

/*
 * Forms
 */

#define FORM_TYPE "multipart/form-data; boundary=XyZ"
#define PART(name, content)                                                    \
    "--XyZ\r\nContent-Disposition: form-data; name='" name "'\r\n\r\n" content \
    "\r\n"
#define FORM_END "--XyZ--\r\n"

static const struct {
    const char *body;
    const char *in_body;
    const char *in_path;
} forms[] = {
    {PART("file", "RIFF") PART("model", "alias") FORM_END,
     PART("file", "RIFF") PART("model", "dep \"1\"") FORM_END,
     PART("file", "RIFF") PART("model", "alias") FORM_END},
    {PART("file", "RIFF") FORM_END,
     PART("model", "dep \"1\"") PART("file", "RIFF") FORM_END,
     PART("file", "RIFF") FORM_END},
    {PART("model", "") PART("file", "RIFF") FORM_END,
     PART("model", "dep \"1\"") PART("file", "RIFF") FORM_END,
     PART("model", "") PART("file", "RIFF") FORM_END},
    {PART("model", "") PART("x", "1") FORM_END,
     PART("model", "dep \"1\"") FORM_END, PART("model", "") FORM_END},
    {PART("x", "1") PART("file", "RIFF") PART("y", "2") FORM_END,
     PART("model", "dep \"1\"") PART("file", "RIFF") FORM_END,
     PART("file", "RIFF") FORM_END},
    {PART("x", "1") FORM_END, PART("model", "dep \"1\"") FORM_END, FORM_END},
};

START_TEST(form_bodies)
{
    static const azl_op_e ops[] = {AZL_OP_AUDIO_TRANSCRIPTIONS,
                                   AZL_OP_AUDIO_TRANSLATIONS};
    const azl_deployment_t *v1 =
        deployment_at("azure", "https://h", NULL, "dep \"1\"");
    const azl_deployment_t *classic =
        deployment_at("azure", "https://h", DATED, "dep \"1\"");
    const azl_deployment_t *openai =
        deployment_at("openai", "https://h", NULL, "dep \"1\"");
    apr_size_t i;

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        const char *expected = quoted(forms[_i].in_body);

        ck_assert_str_eq(body_for(v1, ops[i], AZL_PARAMS_DROP, FORM_TYPE,
                                  forms[_i].body, NULL),
                         expected);
        ck_assert_str_eq(body_for(openai, ops[i], AZL_PARAMS_DROP, FORM_TYPE,
                                  forms[_i].body, NULL),
                         expected);
        ck_assert_str_eq(body_for(classic, ops[i], AZL_PARAMS_DROP, FORM_TYPE,
                                  forms[_i].body, NULL),
                         quoted(forms[_i].in_path));
    }
}
END_TEST

TCase *azl_test_dialect(void)
{
    TCase *tc = azl_test_tcase("dialect");

    tcase_add_loop_test(tc, url_of_an_operation, 0,
                        (int)(sizeof(urls) / sizeof(urls[0])));
    tcase_add_test(tc, urls_of_stored_responses);
    tcase_add_test(tc, of_a_query_what_means_something);
    tcase_add_test(tc, credentials);
    tcase_add_test(tc, dialects_by_name);
    tcase_add_loop_test(tc, json_bodies, 0,
                        (int)(sizeof(bodies) / sizeof(bodies[0])));
    tcase_add_test(tc, previous_responses);
    tcase_add_test(tc, names_are_written_as_json);
    tcase_add_test(tc, continued_answers);
    tcase_add_test(tc, big_parts_are_not_copied);
    tcase_add_loop_test(tc, form_bodies, 0,
                        (int)(sizeof(forms) / sizeof(forms[0])));
    return tc;
}
