/*
 * What each family of models on Bedrock takes: a table, to be brought up to
 * date from the "Supported models and features" pages of the Converse API.
 */
#include <apr_lib.h>

#include "azl_bedrock_int.h"

/* The first whose name is a part of the model's. */
static const azl_bedrock_family_t families[] = {
    {"claude", AZL_BEDROCK_CLAUDE, AZL_BEDROCK_NAMED, AZL_BEDROCK_CACHES_ALL,
     "top_k", 0, 0, 1},
    {"anthropic", AZL_BEDROCK_CLAUDE, AZL_BEDROCK_NAMED, AZL_BEDROCK_CACHES_ALL,
     "top_k", 0, 0, 1},
    {"nova-2", AZL_BEDROCK_NOVA, AZL_BEDROCK_NAMED, AZL_BEDROCK_CACHES_TALK,
     "inferenceConfig", 0, 0, 1},
    {"nova", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_NAMED, AZL_BEDROCK_CACHES_TALK,
     "inferenceConfig", 0, 0, 1},
    {"gpt-oss", AZL_BEDROCK_OPENAI, AZL_BEDROCK_ANY, AZL_BEDROCK_NO_CACHE,
     "top_k", 1, 0, 0},
    {"qwen", AZL_BEDROCK_QWEN, AZL_BEDROCK_ANY, AZL_BEDROCK_NO_CACHE, "top_k",
     1, 0, 0},
    {"mistral", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_ANY, AZL_BEDROCK_NO_CACHE,
     "top_k", 1, 1, 0},
    {"mixtral", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_ANY, AZL_BEDROCK_NO_CACHE,
     "top_k", 1, 1, 0},
    {"pixtral", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_ANY, AZL_BEDROCK_NO_CACHE,
     "top_k", 1, 1, 0},
    {"llama", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_AUTO_ONLY,
     AZL_BEDROCK_NO_CACHE, "top_k", 0, 0, 0},
    {"deepseek", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_AUTO_ONLY,
     AZL_BEDROCK_NO_CACHE, NULL, 1, 0, 0},
    {"cohere", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_AUTO_ONLY,
     AZL_BEDROCK_NO_CACHE, "k", 0, 0, 0},
    {"command-r", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_AUTO_ONLY,
     AZL_BEDROCK_NO_CACHE, "k", 0, 0, 0},
    {"jamba", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_AUTO_ONLY,
     AZL_BEDROCK_NO_CACHE, NULL, 0, 0, 0},
    {"titan", AZL_BEDROCK_NO_EFFORT, AZL_BEDROCK_AUTO_ONLY,
     AZL_BEDROCK_NO_CACHE, NULL, 0, 0, 0},
};

/* What Converse itself has; a model that lacks it says so by itself. */
static const azl_bedrock_family_t unknown = {"",
                                             AZL_BEDROCK_NO_EFFORT,
                                             AZL_BEDROCK_ANY,
                                             AZL_BEDROCK_NO_CACHE,
                                             "top_k",
                                             1,
                                             0,
                                             0};

static int contains(const char *text, const char *part)
{
    apr_size_t i;

    for (; *text; ++text) {
        for (i = 0; part[i] && apr_tolower(text[i]) == part[i]; ++i) {
        }
        if (!part[i]) {
            return 1;
        }
    }
    return 0;
}

const azl_bedrock_family_t *azl_bedrock_family(const char *name)
{
    apr_size_t i;

    for (i = 0; name && i < sizeof(families) / sizeof(families[0]); ++i) {
        if (contains(name, families[i].name)) {
            return &families[i];
        }
    }
    /* "sonnet-4-5" is one of Claude's, too */
    return *azl_claude_find(name)->name ? &families[0] : &unknown;
}
