/*
 * What Google's models take, by the beginning of their family's name.
 */
#include "azl_gemini_int.h"

/* Their documentation's budgets for OpenAI's words. */
#define BUDGETS "1024", "1024", "2048", "4096", "8192", "16384"
/* Levels likewise. */
#define LEVELS(none, minimal, medium)                                          \
    {                                                                          \
        none, minimal, "\"LOW\"", medium, "\"HIGH\"", "\"HIGH\"", "\"HIGH\""   \
    }
#define LEVELS_FLASH LEVELS("\"MINIMAL\"", "\"MINIMAL\"", "\"MEDIUM\"")
#define LEVELS_LATER LEVELS("\"LOW\"", "\"LOW\"", "\"MEDIUM\"")
#define LEVELS_FIRST_PRO LEVELS("\"LOW\"", "\"LOW\"", "\"HIGH\"")
#define NO_EFFORT                                                              \
    {                                                                          \
        NULL                                                                   \
    }

/* The first that fits. */
static const azl_gemini_model_t models[] = {
    {"gemini-1", "", AZL_GEMINI_NO_THINKING, NO_EFFORT, 0, 1, 0, 0},
    {"gemini-2.0", "", AZL_GEMINI_NO_THINKING, NO_EFFORT, 0, 1, 0, 0},
    {"gemini-2.5", "image", AZL_GEMINI_NO_THINKING, NO_EFFORT, 0, 1, 0, 0},
    {"gemini-2.5", "tts", AZL_GEMINI_NO_THINKING, NO_EFFORT, 0, 1, 0, 0},
    {"gemini-2.5", "pro", AZL_GEMINI_BUDGET, {"128", BUDGETS}, 1, 1, 0, 0},
    {"gemini-2.5", "", AZL_GEMINI_BUDGET, {"0", BUDGETS}, 0, 1, 0, 0},
    /* the later flash models have no MINIMAL */
    {"gemini-3.7", "flash", AZL_GEMINI_LEVEL, LEVELS_LATER, 1, 1, 1, 1},
    {"gemini-3.8", "flash", AZL_GEMINI_LEVEL, LEVELS_LATER, 1, 1, 1, 1},
    {"gemini-3.9", "flash", AZL_GEMINI_LEVEL, LEVELS_LATER, 1, 1, 1, 1},
    {"gemini-flash-latest", "", AZL_GEMINI_LEVEL, LEVELS_LATER, 1, 1, 1, 1},
    {"gemini-3", "flash", AZL_GEMINI_LEVEL, LEVELS_FLASH, 1, 1, 1, 1},
    {"gemini-3-pro", "", AZL_GEMINI_LEVEL, LEVELS_FIRST_PRO, 1, 1, 1, 1},
    /* later pro models, and what is not known */
    {"gemini-", "", AZL_GEMINI_LEVEL, LEVELS_LATER, 1, 1, 1, 1},
    {"gemma-", "", AZL_GEMINI_NO_THINKING, NO_EFFORT, 0, 0, 0, 0},
    /* A name of the operator's own: thinking is left to the model. The
     * signature does no harm where none is wanted. */
    {"", "", AZL_GEMINI_NO_THINKING, NO_EFFORT, 0, 1, 1, 1},
};

static const char *const efforts[AZL_GEMINI_EFFORTS] = {
    "none", "minimal", "low", "medium", "high", "xhigh", "max"};

const azl_gemini_model_t *azl_gemini_model(const char *family)
{
    const char *slash = family ? strrchr(family, '/') : NULL;
    const char *name = slash ? slash + 1 : family ? family : "";
    const azl_gemini_model_t *m = models;

    while (strncmp(name, m->prefix, strlen(m->prefix)) != 0 ||
           !strstr(name, m->word)) {
        ++m;
    }
    return m;
}

int azl_gemini_effort(const char *name)
{
    int i;

    for (i = 0; i < AZL_GEMINI_EFFORTS; ++i) {
        if (strcmp(efforts[i], name) == 0) {
            return i;
        }
    }
    return -1;
}
