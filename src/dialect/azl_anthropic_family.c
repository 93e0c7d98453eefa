/*
 * What each family of Claude models takes: a table, to be brought up to date
 * from Anthropic's "Models overview" and "What's new" pages when a model comes
 * out.
 */
#include <apr_lib.h>

#include "azl_anthropic_int.h"

#define UP_TO_HIGH (AZL_EFFORT_LOW | AZL_EFFORT_MEDIUM | AZL_EFFORT_HIGH)
#define UP_TO_MAX (UP_TO_HIGH | AZL_EFFORT_MAX)
#define ALL_EFFORTS (UP_TO_MAX | AZL_EFFORT_XHIGH)

#define K(n) ((n)*1000)
/* An answer may be as long as an older model's, if it is not known how long
 * the model's own may be: every model of generation 4 has this much. */
#define SAFE_OUT K(32)

/* name, longest answer, its default, thinking, by default, efforts, sampling,
 * one sampler, structured output, forced tools */
#define ADAPTIVE(name, by_default, forces)                                     \
    {                                                                          \
        name, K(128), K(128), AZL_THINKS_ADAPTIVE, by_default, ALL_EFFORTS, 0, \
            1, 1, forces                                                       \
    }
#define EITHER(name)                                                           \
    {                                                                          \
        name, K(128), K(128), AZL_THINKS_EITHER, 0, UP_TO_MAX, 1, 1, 1, 1      \
    }
#define BUDGET(name, out, structured)                                          \
    {                                                                          \
        name, out, out, AZL_THINKS_BUDGET, 0, 0, 1, 1, structured, 1           \
    }
#define PLAIN(name, out)                                                       \
    {                                                                          \
        name, out, out, AZL_THINKS_NEVER, 0, 0, 1, 0, 0, 1                     \
    }

static const azl_claude_t families[] = {
    ADAPTIVE("opus-5", 1, 1),
    ADAPTIVE("sonnet-5", 1, 1),
    ADAPTIVE("fable-5", 0, 0),
    ADAPTIVE("mythos-5", 0, 0),
    ADAPTIVE("opus-4-8", 0, 1),
    ADAPTIVE("opus-4-7", 0, 1),
    EITHER("opus-4-6"),
    EITHER("sonnet-4-6"),
    BUDGET("opus-4-5", K(64), 1),
    BUDGET("sonnet-4-5", K(64), 1),
    BUDGET("haiku-4-5", K(64), 1),
    BUDGET("opus-4-1", K(32), 1),
    BUDGET("sonnet-4", K(64), 0),
    BUDGET("opus-4", K(32), 0),
    BUDGET("3-7-sonnet", K(64), 0),
    PLAIN("3-5-sonnet", 8192),
    PLAIN("3-5-haiku", 8192),
    PLAIN("3-opus", 4096),
    PLAIN("3-sonnet", 4096),
    PLAIN("3-haiku", 4096),
    PLAIN("claude-2", 4096),
    PLAIN("claude-instant", 4096),
};

static const azl_claude_t unknown = {
    "", 0, SAFE_OUT, AZL_THINKS_ADAPTIVE, 0, ALL_EFFORTS, 0, 1, 1, 1};

/* "opus-4.5" and "Opus-4-5" are one. */
static char folded(char c)
{
    return c == '.' ? '-' : (char)apr_tolower(c);
}

/* A date may follow, but no further part of a version: "opus-4" is not in
 * "opus-4-9", and "opus-4-1" not in "opus-4-10". "-0" is what the first of a
 * generation is called. */
static int ends_version(const char *rest)
{
    apr_size_t digits = 0;

    if (apr_isdigit(*rest)) {
        return 0;
    }
    if (folded(*rest) != '-') {
        return 1;
    }
    while (apr_isdigit(rest[1 + digits])) {
        ++digits;
    }
    return digits == 0 || digits > 2 || (digits == 1 && rest[1] == '0');
}

static int names_family(const char *model, const char *family)
{
    apr_size_t i;

    for (; *model; ++model) {
        for (i = 0; family[i] && folded(model[i]) == family[i]; ++i) {
        }
        if (!family[i] && ends_version(model + i)) {
            return 1;
        }
    }
    return 0;
}

const azl_claude_t *azl_claude_find(const char *name)
{
    apr_size_t i;

    for (i = 0; name && i < sizeof(families) / sizeof(families[0]); ++i) {
        if (names_family(name, families[i].name)) {
            return &families[i];
        }
    }
    return &unknown;
}
