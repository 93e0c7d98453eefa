#include <apr_strings.h>

#include "azl_route.h"
#include "azl_test.h"

/* "op", "op model=M", "op id=I", "op azure model=M", "405 Allow" or "-". */
static const char *found(const char *base, const char *method, const char *path)
{
    azl_route_t route;

    memset(&route, 0xff, sizeof(route));
    if (!azl_route_find(&route, base, method,
                        azl_test_exact(path, strlen(path) + 1))) {
        ck_assert_int_eq(route.op, AZL_OP_NONE);
        ck_assert_ptr_null(route.allow);
        return "-";
    }
    if (route.allow) {
        ck_assert_int_eq(route.op, AZL_OP_NONE);
        return apr_pstrcat(azl_test_pool, "405 ", route.allow, NULL);
    }
    return apr_pstrcat(
        azl_test_pool, azl_op_name(route.op), route.azure ? " azure" : "",
        route.model.len ? " model=" : "", azl_test_str(route.model),
        route.id.len ? " id=" : "", azl_test_str(route.id), NULL);
}

#define FINDS(base, method, path, expected)                                    \
    ck_assert_str_eq(found(base, method, path), expected)

static const struct {
    const char *method;
    const char *path;
    const char *expected;
} operations[] = {
    {"POST", "chat/completions", "chat"},
    {"POST", "completions", "completions"},
    {"POST", "embeddings", "embeddings"},
    {"POST", "responses", "responses"},
    {"POST", "moderations", "moderations"},
    {"POST", "images/generations", "images.generations"},
    {"POST", "images/edits", "images.edits"},
    {"POST", "audio/transcriptions", "audio.transcriptions"},
    {"POST", "audio/translations", "audio.translations"},
    {"POST", "audio/speech", "audio.speech"},
    {"POST", "rerank", "rerank"},
    {"POST", "v2/rerank", "rerank"},
    {"GET", "responses/resp_1", "responses.get id=resp_1"},
    {"DELETE", "responses/resp_1", "responses.delete id=resp_1"},
    {"GET", "responses/resp_1/input_items", "responses.input_items id=resp_1"},
    {"POST", "responses/resp_1/cancel", "responses.cancel id=resp_1"},
    {"GET", "models", "models"},
    {"GET", "model/info", "model_info"},
    {"GET", "models/gpt-4.1", "model model=gpt-4.1"},
    {"GET", "models/meta/llama/3", "model model=meta/llama/3"},
    {"GET", "health/liveliness", "liveness"},
    {"GET", "health/liveness", "liveness"},
    {"GET", "health/readiness", "readiness"},
    {"GET", "health", "health"},
    {"GET", "metrics", "metrics"},
};

#define NOPERATIONS ((int)(sizeof(operations) / sizeof(operations[0])))

START_TEST(every_operation_under_every_root)
{
    static const char *const bases[] = {"", "/llm", "/a/b.c"};
    static const char *const roots[] = {"/", "/v1/", "/openai/", "/openai/v1/"};
    apr_size_t i, j;

    for (i = 0; i < sizeof(bases) / sizeof(bases[0]); ++i) {
        for (j = 0; j < sizeof(roots) / sizeof(roots[0]); ++j) {
            const char *path = apr_pstrcat(azl_test_pool, bases[i], roots[j],
                                           operations[_i].path, NULL);

            FINDS(bases[i], operations[_i].method, path,
                  operations[_i].expected);
            /* one slash at the end does no harm */
            FINDS(bases[i], operations[_i].method,
                  apr_pstrcat(azl_test_pool, path, "/", NULL),
                  operations[_i].expected);
        }
    }
}
END_TEST

START_TEST(azure_shaped)
{
    static const char *const ops[] = {
        "chat/completions",     "chat",
        "completions",          "completions",
        "embeddings",           "embeddings",
        "images/generations",   "images.generations",
        "images/edits",         "images.edits",
        "audio/speech",         "audio.speech",
        "audio/translations",   "audio.translations",
        "audio/transcriptions", "audio.transcriptions"};
    apr_size_t i;

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i += 2) {
        FINDS("", "POST",
              apr_pstrcat(azl_test_pool, "/openai/deployments/gpt-4.1/", ops[i],
                          NULL),
              apr_pstrcat(azl_test_pool, ops[i + 1], " azure model=gpt-4.1",
                          NULL));
    }
    FINDS("", "POST", "/openai/v1/deployments/m/embeddings",
          "embeddings azure model=m");
    FINDS("/llm", "POST", "/llm/openai/deployments/m/embeddings/",
          "embeddings azure model=m");
    FINDS("", "POST", "/openai/deployments/a/b/c/chat/completions",
          "chat azure model=a/b/c");
    FINDS("", "POST", "/openai/deployments/chat/completions",
          "completions azure model=chat");
    FINDS("", "POST", "/openai/deployments/a%20b/completions",
          "completions azure model=a%20b");
    FINDS("", "GET", "/openai/deployments/m/chat/completions", "405 POST");
    FINDS("", "POST", "/openai/deployments/m/responses", "-");
    FINDS("", "POST", "/openai/deployments/m/moderations", "-");
    FINDS("", "POST", "/openai/deployments/m", "-");
    FINDS("", "POST", "/openai/deployments/", "-");
    FINDS("", "POST", "/openai/deployments//completions", "-");
    FINDS("", "POST", "/openai/deployments/completions", "-");
    FINDS("", "POST", "/openai/deployments", "-");
    /* only where the AzureOpenAI clients call it */
    FINDS("", "POST", "/v1/deployments/m/embeddings", "-");
    FINDS("", "POST", "/deployments/m/embeddings", "-");
}
END_TEST

START_TEST(other_methods)
{
    FINDS("", "GET", "/v1/chat/completions", "405 POST");
    FINDS("", "OPTIONS", "/v1/chat/completions", "405 POST");
    FINDS("", "POST", "/v1/models", "405 GET, HEAD");
    FINDS("", "POST", "/model/info", "405 GET, HEAD");
    FINDS("", "DELETE", "/v1/models/m", "405 GET, HEAD");
    FINDS("", "POST", "/health/liveness", "405 GET, HEAD");
    FINDS("", "GET", "/v1/responses", "405 POST");
    FINDS("", "POST", "/v1/responses/resp_1", "405 GET, HEAD, DELETE");
    FINDS("", "POST", "/v1/responses/resp_1/input_items", "405 GET, HEAD");
    FINDS("", "GET", "/v1/responses/resp_1/cancel", "405 POST");
    /* methods are case-sensitive */
    FINDS("", "post", "/v1/chat/completions", "405 POST");
}
END_TEST

START_TEST(head_counts_as_get)
{
    FINDS("", "HEAD", "/v1/models", "models");
    FINDS("", "HEAD", "/v1/models/m", "model model=m");
    FINDS("", "HEAD", "/health/readiness", "readiness");
    FINDS("", "HEAD", "/v1/responses/resp_1", "responses.get id=resp_1");
    FINDS("", "HEAD", "/v1/chat/completions", "405 POST");
}
END_TEST

START_TEST(not_ours)
{
    static const char *const paths[] = {
        "",
        "/",
        "//",
        "/index.html",
        "/v1",
        "/v1/",
        "/v2/chat/completions",
        "/v1/v1/models",
        "/v1/chat",
        "/v1/chat/completion",
        "/v1/chat/completions/x",
        "/v1/chat/completions//",
        "/v1/chat//completions",
        "/chatcompletions",
        "/openai",
        "/openai/",
        "/openai/v2/models",
        "/v1/openai/models",
        "/server-status",
        "/v1/files",
        "/v1/responses//",
        "/v1/responses//cancel",
        "/v1/responses/resp_1/other",
        "/v1/responses/resp_1/cancel/x",
        "/v1/models//",
        "/health/other",
        "/metrics/other",
        "/healthy/liveness",
        "v1/models",
        "*",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i) {
        FINDS("", "GET", paths[i], "-");
        FINDS("", "POST", paths[i], "-");
    }
}
END_TEST

START_TEST(below_the_base_path)
{
    FINDS("/llm", "GET", "/llm/v1/models", "models");
    FINDS("/llm", "GET", "/v1/models", "-");
    FINDS("/llm", "GET", "/llmv1/models", "-");
    FINDS("/llm", "GET", "/llm", "-");
    FINDS("/llm", "GET", "/llm/", "-");
    FINDS("/llm", "GET", "/ll/v1/models", "-");
    FINDS("/llm", "GET", "/l", "-");

    ck_assert(azl_route_under("", "/"));
    ck_assert(azl_route_under("", "/anything"));
    ck_assert(azl_route_under("/llm", "/llm"));
    ck_assert(azl_route_under("/llm", "/llm/"));
    ck_assert(azl_route_under("/llm", "/llm/anything"));
    ck_assert(!azl_route_under("/llm", "/llmx"));
    ck_assert(!azl_route_under("/llm", "/ll"));
    ck_assert(!azl_route_under("/llm", "/"));
}
END_TEST

START_TEST(names_of_operations)
{
    int op;

    ck_assert_str_eq(azl_op_path(AZL_OP_CHAT), "chat/completions");
    ck_assert_str_eq(azl_op_path(AZL_OP_RESPONSE_CANCEL), "responses");
    ck_assert_ptr_null(azl_op_path(AZL_OP_MODELS));
    ck_assert_ptr_null(azl_op_path(AZL_OP_READINESS));
    ck_assert_ptr_null(azl_op_path(AZL_OP_NONE));
    ck_assert_ptr_null(azl_op_path(AZL_OP_COUNT));
    ck_assert_str_eq(azl_op_name(AZL_OP_NONE), "none");
    ck_assert_str_eq(azl_op_name(AZL_OP_COUNT), "none");
    for (op = AZL_OP_NONE + 1; op < AZL_OP_COUNT; ++op) {
        ck_assert_ptr_nonnull(azl_op_name((azl_op_e)op));
        ck_assert_int_eq(azl_op_takes_multipart((azl_op_e)op),
                         op == AZL_OP_AUDIO_TRANSCRIPTIONS ||
                             op == AZL_OP_AUDIO_TRANSLATIONS ||
                             op == AZL_OP_IMAGES_EDITS);
    }
}
END_TEST

TCase *azl_test_route(void)
{
    TCase *tc = azl_test_tcase("route");

    tcase_add_loop_test(tc, every_operation_under_every_root, 0, NOPERATIONS);
    tcase_add_test(tc, azure_shaped);
    tcase_add_test(tc, other_methods);
    tcase_add_test(tc, head_counts_as_get);
    tcase_add_test(tc, not_ours);
    tcase_add_test(tc, below_the_base_path);
    tcase_add_test(tc, names_of_operations);
    return tc;
}
