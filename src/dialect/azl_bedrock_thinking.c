/*
 * How much a model is to think, in the words of each family, and the thoughts
 * of former turns that have to come back.
 */
#include <apr_strings.h>

#include "azl_bedrock_int.h"

typedef azl_bedrock_plan_t plan_t;

static const azl_json_t *get(const plan_t *pl, const char *name)
{
    return azl_json_get(pl->rq.ex->hub, name);
}

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static int without(plan_t *pl, const char *name, int matters)
{
    return azl_exchange_without(pl->rq.ex, name, matters, pl->rq.err);
}

static int refuse(plan_t *pl, const char *path, const char *message)
{
    return azl_exchange_refuse(pl->rq.ex, pl->rq.err, path, message);
}

/*
 * Thoughts of former turns
 */

static void write_thought(azl_write_t *w, const azl_json_t *text,
                          const azl_json_t *signature)
{
    azl_write_open(w, NULL, '{');
    azl_write_open(w, "reasoningContent", '{');
    azl_write_open(w, "reasoningText", '{');
    azl_write_json(w, "text", text);
    azl_write_json(w, "signature", signature);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static void write_hidden(azl_write_t *w, const azl_json_t *data)
{
    azl_write_open(w, NULL, '{');
    azl_write_open(w, "reasoningContent", '{');
    azl_write_json(w, "redactedContent", data);
    azl_write_close(w, '}');
    azl_write_close(w, '}');
}

static const azl_claude_memory_t memory = {
    .kind = AZL_BEDROCK_KIND, .thought = write_thought, .hidden = write_hidden};

azl_span_t azl_bedrock_thoughts(azl_exchange_t *ex, const azl_json_t *message)
{
    return azl_claude_thoughts(ex, message, &memory);
}

/*
 * What is to be done
 */

int azl_bedrock_takes_sampling(const plan_t *pl, int taken)
{
    const azl_claude_t *claude = pl->rq.memo->claude;

    if (claude) {
        return taken && claude->sampling && !pl->rq.thinking;
    }
    return pl->rq.memo->family->effort != AZL_BEDROCK_NOVA || !pl->effort ||
           strcmp(pl->effort, "high") != 0;
}

/* As models have it that know low, medium and high; NULL: there is no such. */
static const char *find_level(const azl_json_t *json)
{
    static const struct {
        const char *name;
        const char *level;
    } levels[] = {{"minimal", "low"}, {"low", "low"},    {"medium", "medium"},
                  {"high", "high"},   {"xhigh", "high"}, {"max", "high"}};
    apr_size_t i;

    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); ++i) {
        if (is_text(json, levels[i].name)) {
            return levels[i].level;
        }
    }
    return NULL;
}

static int plan_none(plan_t *pl)
{
    switch (pl->rq.memo->family->effort) {
    case AZL_BEDROCK_NOVA:
        pl->no_effort = 1;
        return 1;
    case AZL_BEDROCK_OPENAI:
        return without(pl, "reasoning_effort", 0); /* it always thinks */
    default:
        return 1;
    }
}

static int plan_effort(plan_t *pl, const azl_json_t *json)
{
    const char *level = find_level(json);

    if (is_text(json, "none")) {
        return plan_none(pl);
    }
    if (!level) {
        return azl_claude_refuse_effort(pl->rq.ex, pl->rq.err);
    }
    if (pl->rq.memo->family->effort == AZL_BEDROCK_NO_EFFORT) {
        return without(pl, "reasoning_effort", 0);
    }
    pl->effort = level;
    return 1;
}

/* A budget has to be less than how long the answer may be, which so has to be
 * said. */
static int plan_claude(plan_t *pl)
{
    const azl_claude_t *family = pl->rq.memo->claude;
    apr_int64_t max_tokens =
        pl->max_tokens ? pl->max_tokens : family->default_out;

    if (!azl_claude_think(pl->rq.ex, family, &memory, max_tokens,
                          pl->as_tool != NULL, &pl->claude, pl->rq.err)) {
        return 0;
    }
    if (pl->claude.budget) {
        pl->max_tokens = max_tokens;
    }
    pl->rq.thinking = pl->claude.on;
    return 1;
}

int azl_bedrock_plan_thinking(plan_t *pl)
{
    const azl_json_t *effort = get(pl, "reasoning_effort");
    const azl_json_t *given = get(pl, "thinking");

    if (pl->rq.memo->claude) {
        return plan_claude(pl);
    }
    if (given && azl_json_type(given) != AZL_JSON_OBJECT) {
        return refuse(pl, "thinking", "An object is expected.");
    }
    return (!given || without(pl, "thinking", 0)) &&
           (!effort || plan_effort(pl, effort));
}

/*
 * additionalModelRequestFields: the client's own, and of ours what it does not
 * say itself, because no member may come twice
 */

static int is_free(const plan_t *pl, const char *name)
{
    azl_json_t *value;

    return !azl_json_member(get(pl, "additionalModelRequestFields"), name,
                            &value);
}

static void write_field(plan_t *pl, const char *name, const char *value)
{
    if (value && is_free(pl, name)) {
        azl_write_str(&pl->rq.w, name, value);
    }
}

static void write_claude(plan_t *pl)
{
    azl_write_t *w = &pl->rq.w;

    if (is_free(pl, "thinking")) {
        azl_claude_write_thinking(w, &pl->claude, NULL);
    }
    if (pl->claude.effort && is_free(pl, "output_config")) {
        azl_write_open(w, "output_config", '{');
        azl_write_str(w, "effort", pl->claude.effort);
        azl_write_close(w, '}');
    }
}

static void write_nova(plan_t *pl)
{
    azl_write_t *w = &pl->rq.w;

    if ((pl->effort || pl->no_effort) && is_free(pl, "reasoningConfig")) {
        azl_write_open(w, "reasoningConfig", '{');
        azl_write_str(w, "type", pl->effort ? "enabled" : "disabled");
        if (pl->effort) {
            azl_write_str(w, "maxReasoningEffort", pl->effort);
        }
        azl_write_close(w, '}');
    }
}

static void write_effort(plan_t *pl)
{
    switch (pl->rq.memo->family->effort) {
    case AZL_BEDROCK_CLAUDE:
        write_claude(pl);
        break;
    case AZL_BEDROCK_OPENAI:
        write_field(pl, "reasoning_effort", pl->effort);
        break;
    case AZL_BEDROCK_QWEN:
        write_field(pl, "reasoning_config", pl->effort);
        break;
    case AZL_BEDROCK_NOVA:
        write_nova(pl);
        break;
    case AZL_BEDROCK_NO_EFFORT:
        break;
    }
}

/* Bedrock has no header for them. */
static void write_betas(plan_t *pl)
{
    azl_exchange_t *ex = pl->rq.ex;
    const char *betas =
        ex->client_headers ? apr_table_get(ex->client_headers, "anthropic-beta")
                           : NULL;
    char *last = NULL;
    char *word;

    if (!betas || !*betas || !pl->rq.memo->claude ||
        !is_free(pl, "anthropic_beta")) {
        return;
    }
    azl_write_open(&pl->rq.w, "anthropic_beta", '[');
    for (word = apr_strtok(apr_pstrdup(ex->pool, betas), ", ", &last); word;
         word = apr_strtok(NULL, ", ", &last)) {
        azl_write_str(&pl->rq.w, NULL, word);
    }
    azl_write_close(&pl->rq.w, ']');
}

static int write_top_k(plan_t *pl)
{
    const azl_json_t *json = get(pl, "top_k");
    const char *field = pl->rq.memo->family->top_k;
    azl_write_t *w = &pl->rq.w;

    if (!json) {
        return 1;
    }
    if (!azl_json_number(json)) {
        return refuse(pl, "top_k", "A number is expected.");
    }
    if (!field || !azl_bedrock_takes_sampling(pl, 1)) {
        return without(pl, "top_k", 0);
    }
    if (!is_free(pl, field)) {
        return 1;
    }
    if (strcmp(field, "inferenceConfig") == 0) {
        azl_write_open(w, field, '{');
        azl_write_json(w, "topK", json);
        azl_write_close(w, '}');
    }
    else {
        azl_write_json(w, field, json);
    }
    return 1;
}

static int copy_field(void *baton, const char *name, const azl_json_t *value)
{
    azl_write_json(baton, name, value);
    return 0;
}

int azl_bedrock_fields(plan_t *pl)
{
    const azl_json_t *given = get(pl, "additionalModelRequestFields");
    azl_write_t *w = &pl->rq.w;
    azl_write_t before = *w;
    apr_size_t len = w->out->len;
    apr_size_t opened;

    if (given && azl_json_type(given) != AZL_JSON_OBJECT) {
        return refuse(pl, "additionalModelRequestFields",
                      "An object is expected.");
    }
    azl_write_open(w, "additionalModelRequestFields", '{');
    opened = w->out->len;
    azl_json_each(given, copy_field, w);
    write_effort(pl);
    write_betas(pl);
    if (!write_top_k(pl)) {
        return 0;
    }
    if (w->out->len == opened) {
        *w = before; /* there are none */
        w->out->len = len;
        return 1;
    }
    azl_write_close(w, '}');
    return 1;
}
