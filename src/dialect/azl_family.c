/*
 * Which settings each family of OpenAI's models takes: a table, to be brought
 * up to date from the pages of the models. docs/dialects.md shows it.
 */
#include "azl_family.h"

#include <apr_lib.h>
#include <apr_strings.h>

#define BIT(param) (1u << AZL_PARAM_##param)
#define SAMPLING                                                               \
    (BIT(TEMPERATURE) | BIT(TOP_P) | BIT(LOGPROBS) | BIT(TOP_LOGPROBS))
#define PENALTIES (BIT(PRESENCE_PENALTY) | BIT(FREQUENCY_PENALTY))
#define TOOLS (BIT(TOOLS) | BIT(TOOL_CHOICE) | BIT(PARALLEL_TOOL_CALLS))
#define EFFORT (BIT(REASONING_EFFORT) | BIT(REASONING))
/* Models that always reason. */
#define O_SERIES (SAMPLING | PENALTIES | BIT(LOGIT_BIAS) | BIT(PREDICTION))
#define STOPLESS (O_SERIES | BIT(STOP))
#define GPT_5 (STOPLESS | BIT(AUDIO) | BIT(MODALITIES))
/* Models that search the web for each answer. */
#define SEARCH                                                                 \
    (BIT(TEMPERATURE) | BIT(LOGPROBS) | BIT(TOP_LOGPROBS) | PENALTIES |        \
     BIT(N) | BIT(SEED) | TOOLS | EFFORT)

/* Levels of effort, each more than the one before. */
static const char *const efforts[] = {"none", "minimal", "low", "medium",
                                      "high", "xhigh",   "max"};
#define NEFFORTS (sizeof(efforts) / sizeof(efforts[0]))
#define NONE 0x01u
#define MINIMAL 0x02u
#define LOW 0x04u
#define MEDIUM 0x08u
#define HIGH 0x10u
#define XHIGH 0x20u
#define MAX 0x40u
#define USUAL (LOW | MEDIUM | HIGH)

/* When a model samples as it is told to. */
typedef enum {
    SAMPLES_ALWAYS = 0,
    SAMPLES_UNLESS_TOLD, /* unless it is told to reason */
    SAMPLES_IF_TOLD      /* only if it is told not to reason */
} samples_e;

struct azl_family_t {
    const char *name; /* what the model's begins with, as a whole word unless
                         it ends with a dot */
    int renames;      /* max_tokens is max_completion_tokens */
    unsigned never;   /* not taken in any case */
    samples_e samples;
    unsigned efforts; /* levels it takes; 0: it has none, or nothing is known */
};

/* The first that fits. */
static const azl_family_t families[] = {
    {"gpt-4o-search", 0, SEARCH, SAMPLES_ALWAYS, 0},
    {"gpt-4o-mini-search", 0, SEARCH, SAMPLES_ALWAYS, 0},
    {"gpt-5-search", 1, SEARCH, SAMPLES_ALWAYS, 0},
    {"gpt-3.5", 0, EFFORT, SAMPLES_ALWAYS, 0},
    {"gpt-35", 0, EFFORT, SAMPLES_ALWAYS, 0}, /* as Azure writes it */
    {"gpt-4", 0, EFFORT, SAMPLES_ALWAYS, 0},
    {"gpt-4o", 0, EFFORT, SAMPLES_ALWAYS, 0},
    {"chatgpt-4o", 0, EFFORT, SAMPLES_ALWAYS, 0},
    {"o1", 1, O_SERIES, SAMPLES_ALWAYS, USUAL},
    {"o3", 1, STOPLESS, SAMPLES_ALWAYS, USUAL},
    {"o4", 1, STOPLESS, SAMPLES_ALWAYS, USUAL},
    {"gpt-5-chat", 0, EFFORT, SAMPLES_ALWAYS, 0},
    {"gpt-5.1-codex-max", 1, SAMPLING, SAMPLES_ALWAYS, USUAL | XHIGH},
    {"gpt-5.1-codex", 1, SAMPLING, SAMPLES_ALWAYS, USUAL},
    {"gpt-5.2-codex", 1, SAMPLING, SAMPLES_ALWAYS, USUAL | XHIGH},
    {"gpt-5.3-codex", 1, SAMPLING, SAMPLES_ALWAYS, USUAL | XHIGH},
    {"gpt-5.1-chat", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM},
    {"gpt-5.2-chat", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM},
    {"gpt-5.3-chat", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM},
    {"gpt-5.4-chat", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM},
    {"gpt-5.2-pro", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM | HIGH | XHIGH},
    {"gpt-5.4-pro", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM | HIGH | XHIGH},
    {"gpt-5.5-pro", 1, SAMPLING, SAMPLES_ALWAYS, MEDIUM | HIGH | XHIGH},
    {"gpt-5.1", 1, 0, SAMPLES_UNLESS_TOLD, NONE | USUAL},
    {"gpt-5.2", 1, 0, SAMPLES_UNLESS_TOLD, NONE | USUAL | XHIGH},
    {"gpt-5.3", 1, 0, SAMPLES_UNLESS_TOLD, NONE | USUAL | XHIGH},
    {"gpt-5.4", 1, 0, SAMPLES_UNLESS_TOLD, NONE | USUAL | XHIGH},
    {"gpt-5.5", 1, 0, SAMPLES_IF_TOLD, NONE | USUAL | XHIGH},
    {"gpt-5.6", 1, 0, SAMPLES_IF_TOLD, NONE | USUAL | XHIGH | MAX},
    {"gpt-5.", 1, GPT_5, SAMPLES_ALWAYS, 0}, /* newer than this table */
    {"gpt-5-pro", 1, GPT_5, SAMPLES_ALWAYS, HIGH},
    {"gpt-5-codex", 1, GPT_5, SAMPLES_ALWAYS, USUAL},
    {"gpt-5", 1, GPT_5, SAMPLES_ALWAYS, MINIMAL | USUAL},
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
    const char *at = family;

    for (; *at && apr_tolower(*name) == *at; ++name, ++at) {
    }
    return !*at && (at[-1] == '.' || !apr_isalnum(*name));
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

/* The raw value of a member of an object; empty if there is none. */
static azl_span_t inner(azl_span_t object, const char *name)
{
    azl_span_t key;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, object.at, object.len);
    if (azl_scan_peek(&s) == AZL_JSON_OBJECT) {
        azl_scan_enter(&s);
        while (azl_scan_member(&s, &key) == 1 && azl_scan_value(&s, &v) == 1) {
            if (azl_span_is(key, name)) {
                return v.raw;
            }
        }
    }
    return azl_span("", 0);
}

/* {} and {"effort":null}. */
static int is_hollow(azl_span_t object)
{
    azl_span_t key;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, object.at, object.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1 && azl_scan_value(&s, &v) == 1) {
        if (v.type != AZL_JSON_NULL) {
            return 0;
        }
    }
    return 1;
}

/* "1.0" is 1. */
static int is_given(azl_span_t value, const char *text)
{
    apr_size_t len = strlen(text);

    if (value.len < len || memcmp(value.at, text, len) != 0) {
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

static int says_nothing(const azl_setting_t *s)
{
    if (s->param == AZL_PARAM_REASONING) {
        return s->value.type == AZL_JSON_NULL || is_hollow(s->value.raw);
    }
    return s->value.type == AZL_JSON_NULL ||
           (given[s->param] && is_given(s->value.raw, given[s->param]));
}

azl_span_t azl_family_effort_of(const azl_document_t *doc)
{
    azl_span_t raw = azl_span("", 0);
    int i;

    for (i = 0; i < doc->nsettings && !raw.len; ++i) {
        const azl_setting_t *s = &doc->settings[i];

        if (s->param == AZL_PARAM_REASONING_EFFORT) {
            raw = s->value.raw;
        }
        else if (s->param == AZL_PARAM_REASONING) {
            raw = inner(s->value.raw, "effort");
        }
    }
    return raw.len && *raw.at == '"' ? raw : azl_span("", 0);
}

const char *azl_family_effort(const azl_family_t *family, azl_span_t word)
{
    unsigned taken = family->efforts;
    apr_size_t level, i;

    for (level = 0; level < NEFFORTS && !azl_span_is(word, efforts[level]);
         ++level) {
    }
    if (level == NEFFORTS || !taken || (taken & (1u << level))) {
        return NULL;
    }
    /* not to reason at all is no near miss of anything */
    taken &= ~NONE;
    for (i = level; i > 0; --i) {
        if (taken & (1u << i)) {
            return efforts[i];
        }
    }
    for (i = 0; !(taken & (1u << i)); ++i) {
    }
    return efforts[i];
}

const char *azl_family_efforts(apr_pool_t *p, const azl_family_t *family)
{
    const char *text = NULL;
    apr_size_t i;

    for (i = 0; i < NEFFORTS; ++i) {
        if (family->efforts & (1u << i)) {
            text = apr_pstrcat(p, text ? text : "", text ? ", '" : "'",
                               efforts[i], "'", NULL);
        }
    }
    return text ? text : "";
}

static int samples(const azl_family_t *family, const azl_document_t *doc)
{
    azl_span_t effort = azl_family_effort_of(doc);

    return effort.len ? azl_span_is(effort, "\"none\"")
                      : family->samples == SAMPLES_UNLESS_TOLD;
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
