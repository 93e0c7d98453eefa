/*
 * The dialect anthropic: families of models, hosting, URLs, headers and bodies
 * that pass.
 */
#include "azl_anthropic_int.h"
#include "dialect_fixture.h"

START_TEST(families_by_name)
{
    static const struct {
        const char *name;
        const char *family;
    } cases[] = {
        {"claude-opus-4-5", "opus-4-5"},
        {"claude-opus-4.5", "opus-4-5"},
        {"Claude-Opus-4-5-20251101", "opus-4-5"},
        {"claude-opus-4-5@20251101", "opus-4-5"},
        {"anthropic.claude-sonnet-4-5-20250929-v1:0", "sonnet-4-5"},
        {"claude-sonnet-4-20250514", "sonnet-4"},
        {"claude-sonnet-4-0", "sonnet-4"},
        {"claude-opus-4", "opus-4"},
        {"claude-opus-4-1", "opus-4-1"},
        {"claude-opus-4-10", ""},
        {"claude-opus-4-9", ""},
        {"claude-opus-5", "opus-5"},
        {"claude-opus-50", ""},
        {"vendor/claude-3-7-sonnet-latest", "3-7-sonnet"},
        {"claude-3-5-sonnet-20241022", "3-5-sonnet"},
        {"claude-3-haiku-20240307", "3-haiku"},
        {"claude-2.1", ""},
        {"claude-2", "claude-2"},
        {"fast-writer", ""},
        {NULL, ""},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert_str_eq(azl_claude_find(cases[i].name)->name, cases[i].family);
    }
}
END_TEST

/* What holds for every row, and for what is not known. */
START_TEST(families_make_sense)
{
    static const char *const names[] = {
        "opus-5",     "sonnet-5",  "fable-5",    "mythos-5", "opus-4-8",
        "opus-4-7",   "opus-4-6",  "sonnet-4-6", "opus-4-5", "sonnet-4-5",
        "haiku-4-5",  "opus-4-1",  "sonnet-4",   "opus-4",   "3-7-sonnet",
        "3-5-sonnet", "3-5-haiku", "3-opus",     "3-sonnet", "3-haiku",
        "claude-2",   "unheard-of"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        const azl_claude_t *f = azl_claude_find(names[i]);

        ck_assert_int_gt(f->default_out, 1024);
        ck_assert(f->max_out == 0 || f->max_out >= f->default_out);
        ck_assert(!f->by_default || f->thinks == AZL_THINKS_ADAPTIVE);
        ck_assert((f->efforts != 0) == (f->thinks >= AZL_THINKS_EITHER));
    }
}
END_TEST

static const struct place_case {
    const char *url;
    azl_hosting_e said;
    azl_hosting_e hosting;
    const char *messages;
    const char *streamed;
    const char *count;
    const char *header;
} places[] = {
    {"https://api.anthropic.com", AZL_HOSTING_AUTO, AZL_HOSTING_DIRECT,
     "https://api.anthropic.com/v1/messages",
     "https://api.anthropic.com/v1/messages",
     "https://api.anthropic.com/v1/messages/count_tokens", "x-api-key"},
    {"https://proxy.example/claude/v1", AZL_HOSTING_AUTO, AZL_HOSTING_DIRECT,
     "https://proxy.example/claude/v1/messages",
     "https://proxy.example/claude/v1/messages",
     "https://proxy.example/claude/v1/messages/count_tokens", "x-api-key"},
    {"https://res.services.ai.azure.com", AZL_HOSTING_AUTO, AZL_HOSTING_FOUNDRY,
     "https://res.services.ai.azure.com/anthropic/v1/messages",
     "https://res.services.ai.azure.com/anthropic/v1/messages",
     "https://res.services.ai.azure.com/anthropic/v1/messages/count_tokens",
     "x-api-key"},
    {"https://res.services.ai.azure.com/anthropic", AZL_HOSTING_AUTO,
     AZL_HOSTING_FOUNDRY,
     "https://res.services.ai.azure.com/anthropic/v1/messages",
     "https://res.services.ai.azure.com/anthropic/v1/messages",
     "https://res.services.ai.azure.com/anthropic/v1/messages/count_tokens",
     "x-api-key"},
    {"https://own.example/anthropic/v1", AZL_HOSTING_AUTO, AZL_HOSTING_FOUNDRY,
     "https://own.example/anthropic/v1/messages",
     "https://own.example/anthropic/v1/messages",
     "https://own.example/anthropic/v1/messages/count_tokens", "x-api-key"},
    {"https://own.example", AZL_HOSTING_FOUNDRY, AZL_HOSTING_FOUNDRY,
     "https://own.example/anthropic/v1/messages",
     "https://own.example/anthropic/v1/messages",
     "https://own.example/anthropic/v1/messages/count_tokens", "x-api-key"},
    {"https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu",
     AZL_HOSTING_AUTO, AZL_HOSTING_VERTEX,
     "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models/claude@1:rawPredict",
     "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models/claude@1:streamRawPredict",
     "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models/count-tokens:rawPredict",
     "Authorization"},
    {"https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models",
     AZL_HOSTING_AUTO, AZL_HOSTING_VERTEX,
     "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models/claude@1:rawPredict",
     "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models/claude@1:streamRawPredict",
     "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"
     "/publishers/anthropic/models/count-tokens:rawPredict",
     "Authorization"},
    {"https://bedrock-mantle.us-east-1.api.aws/anthropic", AZL_HOSTING_AUTO,
     AZL_HOSTING_FOUNDRY,
     "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages",
     "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages",
     "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages"
     "/count_tokens",
     "Authorization"},
};

static azl_deployment_t *deployment_of(const struct place_case *c)
{
    azl_deployment_t *d = deployment_at("anthropic", c->url, NULL, "claude@1");

    ((azl_endpoint_t *)d->endpoint)->hosting = c->said;
    return d;
}

START_TEST(places_have_urls)
{
    const struct place_case *c = &places[_i];
    azl_deployment_t *d = deployment_of(c);
    const azl_dialect_t *dialect = d->endpoint->dialect;
    const char *name, *value;

    ck_assert_int_eq(azl_anthropic_hosting(d->endpoint), c->hosting);
    ck_assert_str_eq(dialect->url(azl_test_pool, d, AZL_OP_CHAT, NULL, NULL),
                     c->messages);
    ck_assert_str_eq(
        dialect->url(azl_test_pool, d, AZL_OP_MESSAGES, NULL, "beta=true"),
        c->messages);
    ck_assert_str_eq(dialect->stream_url(azl_test_pool, d, AZL_OP_MESSAGES),
                     c->streamed);
    ck_assert_str_eq(
        dialect->url(azl_test_pool, d, AZL_OP_COUNT_TOKENS, NULL, NULL),
        c->count);
    ck_assert_ptr_null(
        dialect->url(azl_test_pool, d, AZL_OP_EMBEDDINGS, NULL, NULL));
    azl_dialect_credential(azl_test_pool, d->endpoint, d->endpoint->credential,
                           &name, &value);
    ck_assert_str_eq(name, c->header);
    ck_assert_str_eq(value, strcmp(name, "x-api-key") == 0
                                ? "a-credential-0123456789"
                                : "Bearer a-credential-0123456789");
}
END_TEST

START_TEST(no_credential_is_no_header)
{
    azl_deployment_t *d = deployment_of(&places[0]);
    const char *name, *value;

    ((azl_endpoint_t *)d->endpoint)->credential = NULL;
    azl_dialect_credential(azl_test_pool, d->endpoint, d->endpoint->credential,
                           &name, &value);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
}
END_TEST

/* What a chat needs is translated, what a client of the Messages API says
 * passes. */
START_TEST(only_chats_are_translated)
{
    azl_deployment_t *d = deployment_of(&places[0]);
    const azl_dialect_t *dialect = d->endpoint->dialect;

    ck_assert_ptr_nonnull(dialect->outbound(d, AZL_OP_CHAT));
    ck_assert_ptr_null(dialect->outbound(d, AZL_OP_MESSAGES));
    ck_assert_ptr_null(dialect->outbound(d, AZL_OP_COUNT_TOKENS));
}
END_TEST

static const char *headers_for(azl_deployment_t *d, azl_op_e op,
                               const char *version, const char *beta)
{
    apr_table_t *client = apr_table_make(azl_test_pool, 2);
    apr_table_t *out = apr_table_make(azl_test_pool, 2);
    const char *got;

    if (version) {
        apr_table_set(client, "Anthropic-Version", version);
    }
    if (beta) {
        apr_table_set(client, "Anthropic-Beta", beta);
    }
    d->endpoint->dialect->headers(d, op, client, out);
    got = apr_table_get(out, "anthropic-version");
    return apr_pstrcat(azl_test_pool, got ? got : "-", " ",
                       apr_table_get(out, "anthropic-beta") ? "" : "-",
                       apr_table_get(out, "anthropic-beta"), NULL);
}

START_TEST(versions_and_betas)
{
    azl_deployment_t *direct = deployment_of(&places[0]);
    azl_deployment_t *vertex = deployment_of(&places[6]);
    azl_deployment_t *bedrock = deployment_at(
        "anthropic", "https://bedrock-runtime.us-east-1.amazonaws.com", NULL,
        "m");
    apr_table_t *out = apr_table_make(azl_test_pool, 2);

    ck_assert_str_eq(headers_for(direct, AZL_OP_CHAT, NULL, NULL),
                     "2023-06-01 -");
    ck_assert_str_eq(headers_for(direct, AZL_OP_CHAT, "2099-01-01", "a,b"),
                     "2023-06-01 a,b");
    ck_assert_str_eq(headers_for(direct, AZL_OP_MESSAGES, "2099-01-01", ""),
                     "2099-01-01 -");
    ck_assert_str_eq(headers_for(direct, AZL_OP_MESSAGES, "", NULL),
                     "2023-06-01 -");
    ck_assert_str_eq(headers_for(vertex, AZL_OP_MESSAGES, "2099-01-01", "a"),
                     "- a");
    ck_assert_str_eq(headers_for(bedrock, AZL_OP_CHAT, "2099-01-01", "a"),
                     "- -");
    direct->endpoint->dialect->headers(direct, AZL_OP_CHAT, NULL, out);
    ck_assert_str_eq(apr_table_get(out, "anthropic-version"), "2023-06-01");
}
END_TEST

START_TEST(bedrock_has_urls)
{
    azl_deployment_t *d = deployment_at(
        "anthropic", "https://bedrock-runtime.us-east-1.amazonaws.com", NULL,
        "us.anthropic.claude-opus-4-6-v1:0");
    const azl_dialect_t *dialect = d->endpoint->dialect;
    const char *name, *value;

    ck_assert_str_eq(dialect->url(azl_test_pool, d, AZL_OP_CHAT, NULL, NULL),
                     "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
                     "us.anthropic.claude-opus-4-6-v1%3A0/invoke");
    ck_assert_str_eq(dialect->stream_url(azl_test_pool, d, AZL_OP_MESSAGES),
                     "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
                     "us.anthropic.claude-opus-4-6-v1%3A0"
                     "/invoke-with-response-stream");
    ck_assert_ptr_null(
        dialect->url(azl_test_pool, d, AZL_OP_COUNT_TOKENS, NULL, NULL));
    ck_assert_ptr_null(dialect->outbound(d, AZL_OP_COUNT_TOKENS));
    azl_dialect_credential(azl_test_pool, d->endpoint, d->endpoint->credential,
                           &name, &value);
    ck_assert_str_eq(name, "Authorization");
}
END_TEST

/* What is sent of a body that passes. */
static const char *sent(azl_deployment_t *d, azl_op_e op, const char *body)
{
    const char *text = "";
    azl_document_t doc;
    azl_error_t err;
    azl_body_t out;
    int i;

    ck_assert(azl_document_read(azl_test_pool, op, AZL_PARAMS_KEEP, NULL,
                                quoted_span(body), &doc, &err));
    d->endpoint->dialect->body(azl_test_pool, d, &doc, NULL, &out);
    for (i = 0; i < out.npieces; ++i) {
        text =
            apr_pstrcat(azl_test_pool, text, azl_test_str(out.pieces[i]), NULL);
    }
    return text;
}

START_TEST(bodies_pass)
{
    static const struct {
        int place;
        azl_op_e op;
        const char *body;
        const char *sent;
    } cases[] = {
        {0, AZL_OP_MESSAGES, "{'model':'alias','max_tokens':5}",
         "{'model':'claude@1','max_tokens':5}"},
        {0, AZL_OP_MESSAGES, "{'max_tokens':5, 'model' : 'alias', 'top_k':1}",
         "{'max_tokens':5, 'model' : 'claude@1', 'top_k':1}"},
        {6, AZL_OP_MESSAGES, "{'max_tokens':5, 'model' : 'alias', 'top_k':1}",
         "{'max_tokens':5, 'anthropic_version':'vertex-2023-10-16', "
         "'top_k':1}"},
        {6, AZL_OP_COUNT_TOKENS, "{'model':'alias'}",
         "{'anthropic_version':'vertex-2023-10-16','model':'claude@1'}"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert_str_eq(sent(deployment_of(&places[cases[i].place]),
                              cases[i].op, cases[i].body),
                         quoted(cases[i].sent));
    }
}
END_TEST

TCase *azl_test_anthropic(void)
{
    TCase *tc = azl_test_tcase("anthropic");

    tcase_add_test(tc, families_by_name);
    tcase_add_test(tc, families_make_sense);
    tcase_add_loop_test(tc, places_have_urls, 0,
                        sizeof(places) / sizeof(places[0]));
    tcase_add_test(tc, no_credential_is_no_header);
    tcase_add_test(tc, only_chats_are_translated);
    tcase_add_test(tc, versions_and_betas);
    tcase_add_test(tc, bedrock_has_urls);
    tcase_add_test(tc, bodies_pass);
    return tc;
}
