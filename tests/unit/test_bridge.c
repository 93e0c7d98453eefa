#include "dialect_fixture.h"
#include "health_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

static const struct {
    const char *name;
    azl_bridge_e bridge;
} models[] = {
    {"gpt-4.1", AZL_BRIDGE_NONE},
    {"o3", AZL_BRIDGE_NONE},
    {"gpt-5", AZL_BRIDGE_NONE},
    {"gpt-5-mini", AZL_BRIDGE_NONE},
    {"gpt-5.1", AZL_BRIDGE_NONE},
    {"gpt-5.3-chat", AZL_BRIDGE_NONE},
    {"gpt-5.4", AZL_BRIDGE_EFFORT},
    {"gpt-5.4-mini", AZL_BRIDGE_EFFORT},
    {"gpt-5.40", AZL_BRIDGE_TOOLS},
    {"gpt-5.5", AZL_BRIDGE_TOOLS},
    {"gpt-5.6-sol", AZL_BRIDGE_TOOLS},
    {"gpt-5.10", AZL_BRIDGE_TOOLS},
    {"gpt-6", AZL_BRIDGE_TOOLS},
    {"my-gpt-5.6", AZL_BRIDGE_NONE},
    {"", AZL_BRIDGE_NONE},
};

#define NMODELS ((int)(sizeof(models) / sizeof(models[0])))

START_TEST(models_by_name)
{
    ck_assert_int_eq(azl_bridge_of_model(models[_i].name), models[_i].bridge);
}
END_TEST

#define NO_CHAT                                                                \
    "The chatCompletion operation does not work with the specified model, "    \
    "gpt-5.1-codex-max. Please choose different model and try again."
#define NO_TOOLS                                                               \
    "Function tools with reasoning_effort are not supported for gpt-5.6 in "   \
    "/v1/chat/completions. To use function tools, use /v1/responses or set "   \
    "reasoning_effort to 'none'."
#define ONLY                                                                   \
    "This model is only supported in v1/responses and not in "                 \
    "v1/chat/completions."

static const struct {
    int status;
    const char *code;
    const char *message;
    int refuses;
    int tools;
} refusals[] = {
    {400, "OperationNotSupported", NO_CHAT, 1, 0},
    {400, "OperationNotSupported",
     "The embeddings operation does not work "
     "with the specified model, x.",
     0, 0},
    {400, "invalid_request_error", NO_TOOLS, 1, 1},
    {404, "model_not_found", ONLY, 1, 0},
    {500, "OperationNotSupported", NO_CHAT, 0, 0},
    {429, "429", NO_TOOLS, 0, 0},
    {400, "invalid_value", "Invalid value: 'banana'.", 0, 0},
    {404, "model_not_found", "The model `m` does not exist.", 0, 0},
    /* words of the client's, which an error may quote */
    {400, "invalid_value", "Invalid value: '" NO_TOOLS "'.", 0, 0},
    {400, "invalid_value", "Invalid value: '" ONLY "'.", 0, 0},
    {400, "OperationNotSupported", "Invalid value: '" NO_CHAT "'.", 0, 0},
    {400, "invalid_request_error", "Function tools are fun.", 0, 0},
};

#define NREFUSALS ((int)(sizeof(refusals) / sizeof(refusals[0])))

START_TEST(refusals_by_their_words)
{
    azl_error_t err;
    int tools = 7;

    azl_error_set(&err, refusals[_i].status, AZL_CLASS_VALIDATION, "t",
                  refusals[_i].code, refusals[_i].message);
    ck_assert_int_eq(azl_bridge_refusal(&err, &tools), refusals[_i].refuses);
    ck_assert_int_eq(tools, refusals[_i].tools);
}
END_TEST

/*
 * Ways
 */

#define V1 "https://h/openai/v1/"

/* The URL, and what it has to be translated with. */
static void check_way(const azl_way_t *way, const char *url,
                      const azl_inbound_t *inbound,
                      const azl_outbound_t *outbound)
{
    if (!url) {
        ck_assert_ptr_null(way->url);
        return;
    }
    ck_assert_str_eq(way->url, url);
    ck_assert_str_eq(way->stream_url, url);
    ck_assert_ptr_eq(way->inbound, inbound);
    ck_assert_ptr_eq(way->outbound, outbound);
}

START_TEST(one_that_has_both)
{
    azl_deployment_t *d = deployment_at("azure", "https://h", NULL, "d");
    const azl_way_t *ways = azl_dialect_ways(azl_test_pool, d);

    check_way(&ways[AZL_OP_CHAT], V1 "chat/completions", NULL, NULL);
    check_way(&ways[AZL_OP_RESPONSES], V1 "responses", NULL, NULL);
    check_way(&ways[AZL_WAY_DETOUR + AZL_OP_CHAT], V1 "responses", NULL,
              &azl_outbound_responses);
    check_way(&ways[AZL_WAY_DETOUR + AZL_OP_RESPONSES], NULL, NULL, NULL);
    check_way(&ways[AZL_WAY_DETOUR + AZL_OP_EMBEDDINGS], NULL, NULL, NULL);
}
END_TEST

START_TEST(one_that_only_has_responses)
{
    azl_deployment_t *d = deployment_at("azure", "https://h", NULL, "d");
    const azl_way_t *ways;

    d->responses_only = 1;
    ways = azl_dialect_ways(azl_test_pool, d);
    check_way(&ways[AZL_OP_CHAT], V1 "responses", NULL,
              &azl_outbound_responses);
    check_way(&ways[AZL_OP_RESPONSES], V1 "responses", NULL, NULL);
    check_way(&ways[AZL_OP_COMPLETIONS], NULL, NULL, NULL);
    check_way(&ways[AZL_OP_EMBEDDINGS], NULL, NULL, NULL);
    check_way(&ways[AZL_WAY_DETOUR + AZL_OP_CHAT], NULL, NULL, NULL);
}
END_TEST

START_TEST(one_that_only_chats)
{
    azl_deployment_t *d = deployment_at("openai", "https://h", NULL, "d");
    const azl_way_t *ways;

    d->chat_only = 1;
    ways = azl_dialect_ways(azl_test_pool, d);
    check_way(&ways[AZL_OP_CHAT], "https://h/v1/chat/completions", NULL, NULL);
    check_way(&ways[AZL_OP_RESPONSES], "https://h/v1/chat/completions",
              &azl_inbound_responses, NULL);
    check_way(&ways[AZL_WAY_DETOUR + AZL_OP_CHAT], NULL, NULL, NULL);
    check_way(&ways[AZL_WAY_DETOUR + AZL_OP_RESPONSES], NULL, NULL, NULL);
}
END_TEST

/*
 * What a request needs
 */

static const struct {
    const char *more;
    int tools;
    const char *effort;
} needs[] = {
    {"", 0, ""},
    {",'tools':[]", 0, ""},
    {",'tools':[ ]", 0, ""},
    {",'tools':null", 0, ""},
    {",'tools':{}", 0, ""},
    {",'tools':[{}]", 1, ""},
    {",'tools':[{}],'reasoning_effort':'none'", 1, "'none'"},
    {",'reasoning_effort':'low'", 0, "'low'"},
    {",'reasoning_effort':null", 0, ""},
};

#define NNEEDS ((int)(sizeof(needs) / sizeof(needs[0])))

START_TEST(what_a_chat_needs)
{
    azl_document_t doc;
    azl_error_t err;

    ck_assert(azl_document_read(
        azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP, "application/json",
        quoted_span(apr_pstrcat(azl_test_pool, "{'model':'m'", needs[_i].more,
                                "}", NULL)),
        &doc, &err));
    ck_assert_int_eq(doc.tools, needs[_i].tools);
    ck_assert_str_eq(azl_test_str(doc.effort), quoted(needs[_i].effort));
}
END_TEST

/*
 * Memory
 */

START_TEST(a_detour_is_remembered_for_an_hour)
{
    azl_health_t *h = healthy();

    ck_assert_int_eq(azl_health_detour(h, NOW, AZL_DETOUR_TOOLS), 0);
    ck_assert_int_eq(azl_health_learn_detour(h, NOW, AZL_DETOUR_TOOLS), 1);
    ck_assert_int_eq(azl_health_learn_detour(h, NOW, AZL_DETOUR_TOOLS), 0);
    ck_assert_int_eq(azl_health_detour(h, NOW, AZL_DETOUR_TOOLS), 1);
    ck_assert_int_eq(azl_health_detour(h, NOW, AZL_DETOUR_CHAT), 0);
    ck_assert_int_eq(
        azl_health_detour(h, NOW + 60 * MINUTE - 1, AZL_DETOUR_TOOLS), 1);
    ck_assert_int_eq(azl_health_detour(h, NOW + 60 * MINUTE, AZL_DETOUR_TOOLS),
                     0);
    /* it is asked once an hour */
    ck_assert_int_eq(
        azl_health_learn_detour(h, NOW + 60 * MINUTE, AZL_DETOUR_TOOLS), 1);
    /* the clock was set back by a day */
    ck_assert_int_eq(
        azl_health_detour(h, NOW - 24 * 60 * MINUTE, AZL_DETOUR_TOOLS), 0);
}
END_TEST

START_TEST(a_larger_segment_inherits_detours)
{
    azl_shared_t *from = segment(1, 1, 1, 0);
    azl_shared_t *to = segment(1, 2, 1, 0);

    azl_health_learn_detour(health_of(from, 1), NOW, AZL_DETOUR_CHAT);
    azl_shared_inherit(to, from);
    ck_assert_int_eq(azl_health_detour(health_of(to, 1), NOW, AZL_DETOUR_CHAT),
                     1);
    ck_assert_int_eq(azl_health_detour(health_of(to, 1), NOW, AZL_DETOUR_TOOLS),
                     0);
}
END_TEST

TCase *azl_test_bridge(void)
{
    TCase *tc = azl_test_tcase("bridge");

    tcase_add_loop_test(tc, models_by_name, 0, NMODELS);
    tcase_add_loop_test(tc, refusals_by_their_words, 0, NREFUSALS);
    tcase_add_test(tc, one_that_has_both);
    tcase_add_test(tc, one_that_only_has_responses);
    tcase_add_test(tc, one_that_only_chats);
    tcase_add_loop_test(tc, what_a_chat_needs, 0, NNEEDS);
    tcase_add_test(tc, a_detour_is_remembered_for_an_hour);
    tcase_add_test(tc, a_larger_segment_inherits_detours);
    return tc;
}
