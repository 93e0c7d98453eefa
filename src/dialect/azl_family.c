/*
 * Which settings of a chat each family of OpenAI's models takes: a table, to
 * be brought up to date from the pages of the models. docs/dialects.md shows
 * it.
 */
#include "azl_family.h"

#include <apr_lib.h>

#define BIT(param) (1u << AZL_PARAM_##param)
#define SAMPLING                                                               \
    (BIT(TEMPERATURE) | BIT(TOP_P) | BIT(LOGPROBS) | BIT(TOP_LOGPROBS))
#define PENALTIES (BIT(PRESENCE_PENALTY) | BIT(FREQUENCY_PENALTY))
#define TOOLS (BIT(TOOLS) | BIT(TOOL_CHOICE) | BIT(PARALLEL_TOOL_CALLS))
#define EFFORT BIT(REASONING_EFFORT)
/* Models that always reason. */
#define O_SERIES (SAMPLING | PENALTIES | BIT(LOGIT_BIAS) | BIT(PREDICTION))
#define STOPLESS (O_SERIES | BIT(STOP))
#define GPT_5 (STOPLESS | BIT(AUDIO) | BIT(MODALITIES))
/* Models that search the web for each answer. */
#define SEARCH                                                                 \
    (BIT(TEMPERATURE) | BIT(LOGPROBS) | BIT(TOP_LOGPROBS) | PENALTIES |        \
     BIT(N) | BIT(SEED) | TOOLS | EFFORT)

/* When a model samples as it is told to. */
typedef enum {
    SAMPLES_ALWAYS = 0,
    SAMPLES_UNLESS_TOLD, /* unless it is told to reason */
    SAMPLES_IF_TOLD      /* only if it is told not to reason */
} samples_e;

struct azl_family_t {
    const char *name; /* what the model's begins with, as a whole word */
    int renames;      /* max_tokens is max_completion_tokens */
    unsigned never;   /* not taken in any case */
    samples_e samples;
};

/* The first that fits. */
static const azl_family_t families[] = {
    {"gpt-4o-search", 0, SEARCH, SAMPLES_ALWAYS},
    {"gpt-4o-mini-search", 0, SEARCH, SAMPLES_ALWAYS},
    {"gpt-5-search", 1, SEARCH, SAMPLES_ALWAYS},
    {"gpt-3.5", 0, EFFORT, SAMPLES_ALWAYS},
    {"gpt-35", 0, EFFORT, SAMPLES_ALWAYS}, /* as Azure writes it */
    {"gpt-4", 0, EFFORT, SAMPLES_ALWAYS},
    {"gpt-4o", 0, EFFORT, SAMPLES_ALWAYS},
    {"chatgpt-4o", 0, EFFORT, SAMPLES_ALWAYS},
    {"o1", 1, O_SERIES, SAMPLES_ALWAYS},
    {"o3", 1, STOPLESS, SAMPLES_ALWAYS},
    {"o4", 1, STOPLESS, SAMPLES_ALWAYS},
    {"gpt-5-chat", 0, EFFORT, SAMPLES_ALWAYS},
    {"gpt-5.1-codex", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.2-codex", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.3-codex", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.1-chat", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.2-chat", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.3-chat", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.4-chat", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.2-pro", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.4-pro", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.5-pro", 1, SAMPLING, SAMPLES_ALWAYS},
    {"gpt-5.1", 1, 0, SAMPLES_UNLESS_TOLD},
    {"gpt-5.2", 1, 0, SAMPLES_UNLESS_TOLD},
    {"gpt-5.3", 1, 0, SAMPLES_UNLESS_TOLD},
    {"gpt-5.4", 1, 0, SAMPLES_UNLESS_TOLD},
    {"gpt-5.5", 1, 0, SAMPLES_IF_TOLD},
    {"gpt-5.6", 1, 0, SAMPLES_IF_TOLD},
    {"gpt-5", 1, GPT_5, SAMPLES_ALWAYS},
};

/* What holds without the setting, where a client's library is known to send
 * it all the same; a text for each, or NULL. */
static const char *const given[AZL_PARAM_LAST + 1] = {
    [AZL_PARAM_TEMPERATURE] = "1",
    [AZL_PARAM_N] = "1",
    [AZL_PARAM_MODALITIES] = "[\"text\"]",
};

/* "gpt-4" begins "gpt-4-turbo" and "gpt-4.1", but not "gpt-4o", and "o1" does
 * not begin "o11y". */
static int begins(const char *name, const char *family)
{
    for (; *family && apr_tolower(*name) == *family; ++name, ++family) {
    }
    return !*family && !apr_isalnum(*name);
}

const azl_family_t *azl_family_find(const char *name)
{
    const char *slash = name ? strrchr(name, '/') : NULL;
    apr_size_t i;

    if (slash) {
        name = slash + 1; /* what stands before it names who serves it */
    }
    for (i = 0; name && i < sizeof(families) / sizeof(families[0]); ++i) {
        if (begins(name, families[i].name)) {
            return &families[i];
        }
    }
    return NULL;
}

int azl_family_renames(const azl_family_t *family)
{
    return family->renames;
}

/* "1.0" is 1. */
static int says_nothing(const azl_setting_t *s)
{
    const char *text = given[s->param];
    azl_span_t value = s->value.raw;
    apr_size_t len = text ? strlen(text) : 0;

    if (s->value.type == AZL_JSON_NULL) {
        return 1;
    }
    if (!text || value.len < len || memcmp(value.at, text, len) != 0) {
        return 0;
    }
    if (value.len == len) {
        return 1;
    }
    if (value.at[len] != '.') {
        return 0;
    }
    while (++len < value.len && value.at[len] == '0') {
    }
    return len == value.len;
}

static int samples(const azl_family_t *family, const azl_document_t *doc)
{
    int i;

    for (i = 0; i < doc->nsettings; ++i) {
        const azl_setting_t *s = &doc->settings[i];

        if (s->param == AZL_PARAM_REASONING_EFFORT &&
            s->value.type != AZL_JSON_NULL) {
            return azl_span_is(s->value.raw, "\"none\"");
        }
    }
    return family->samples == SAMPLES_UNLESS_TOLD;
}

unsigned azl_family_refused(const azl_family_t *family,
                            const azl_document_t *doc)
{
    unsigned refused = family->never;
    unsigned said = 0;
    int i;

    if (family->samples != SAMPLES_ALWAYS && !samples(family, doc)) {
        refused |= SAMPLING;
    }
    for (i = 0; i < doc->nsettings; ++i) {
        if (!says_nothing(&doc->settings[i])) {
            said |= 1u << doc->settings[i].param;
        }
    }
    /* the other name cannot be had where both are given */
    if (family->renames && (said & BIT(MAX_COMPLETION_TOKENS))) {
        refused |= BIT(MAX_TOKENS);
    }
    return refused & said;
}
