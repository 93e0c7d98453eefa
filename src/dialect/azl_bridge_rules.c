/*
 * Which models refuse chats that they take as Responses, and how they say so.
 */
#include <ctype.h>

#include "azl_dialect.h"

/* OpenAI, in 2026: chat completions have no function tools for models from
 * gpt-5.4 on while they think. Up to 5.4 they think only when told to, from
 * then on unless told not to. The first that begins the name counts. */
static const struct {
    const char *prefix;
    azl_bridge_e bridge;
} models[] = {
    {"gpt-5-", AZL_BRIDGE_NONE},    {"gpt-5.1", AZL_BRIDGE_NONE},
    {"gpt-5.2", AZL_BRIDGE_NONE},   {"gpt-5.3", AZL_BRIDGE_NONE},
    {"gpt-5.4", AZL_BRIDGE_EFFORT}, {"gpt-5.", AZL_BRIDGE_TOOLS},
    {"gpt-6", AZL_BRIDGE_TOOLS},
};

#define NMODELS (sizeof(models) / sizeof(models[0]))

azl_bridge_e azl_bridge_of_model(const char *family)
{
    apr_size_t i;

    for (i = 0; i < NMODELS; ++i) {
        apr_size_t len = strlen(models[i].prefix);

        /* "gpt-5.4" is not "gpt-5.40" */
        if (strncmp(family, models[i].prefix, len) == 0 &&
            !(isdigit((unsigned char)models[i].prefix[len - 1]) &&
              isdigit((unsigned char)family[len]))) {
            return models[i].bridge;
        }
    }
    return AZL_BRIDGE_NONE;
}

static int begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Azure has a code for it; OpenAI only sentences, which name the place. They
 * begin so: further on, an error may quote what a client has written, and no
 * client is to send the others' requests another way. */
int azl_bridge_refusal(const azl_error_t *err, int *tools)
{
    *tools = 0;
    if (err->status != 400 && err->status != 404) {
        return 0;
    }
    if (strcmp(err->code, "OperationNotSupported") == 0) {
        return begins(err->message, "The chatCompletion operation ");
    }
    if (begins(err->message, "Function tools with reasoning_effort ") &&
        strstr(err->message, "/v1/responses")) {
        *tools = 1;
        return 1;
    }
    return begins(err->message, "This model is only supported in v1/responses");
}
