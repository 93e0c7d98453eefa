/*
 * How much a model is to think, in the words of each family, and the thoughts
 * of former turns that have to come back.
 */
#include <apr_strings.h>

#include "azl_bedrock_int.h"

typedef azl_bedrock_plan_t plan_t;

/* A budget of thinking is at least this, and less than maxTokens. */
#define BUDGET_MIN 1024

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

/* A block of a client's that keeps them, in Anthropic's words. */
static void write_thought(azl_write_t *w, const azl_json_t *block)
{
    azl_span_t type = azl_json_text(azl_json_get(block, "type"));
    const azl_json_t *thinking = azl_json_get(block, "thinking");
    const azl_json_t *signature = azl_json_get(block, "signature");
    const azl_json_t *data = azl_json_get(block, "data");

    if (azl_span_is(type, "thinking") && azl_json_text(signature).len &&
        azl_json_type(thinking) == AZL_JSON_STRING) {
        azl_write_open(w, NULL, '{');
        azl_write_open(w, "reasoningContent", '{');
        azl_write_open(w, "reasoningText", '{');
        azl_write_json(w, "text", thinking);
        azl_write_json(w, "signature", signature);
        azl_write_close(w, '}');
        azl_write_close(w, '}');
        azl_write_close(w, '}');
    }
    else if (azl_span_is(type, "redacted_thinking") &&
             azl_json_text(data).len) {
        azl_write_open(w, NULL, '{');
        azl_write_open(w, "reasoningContent", '{');
        azl_write_json(w, "redactedContent", data);
        azl_write_close(w, '}');
        azl_write_close(w, '}');
    }
}

azl_span_t azl_bedrock_thoughts(azl_exchange_t *ex, const azl_json_t *message)
{
    const azl_json_t *blocks = azl_json_get(message, "thinking_blocks");
    const azl_json_t *call =
        azl_json_at(azl_json_get(message, "tool_calls"), 0);
    azl_span_t id = azl_json_text(azl_json_get(call, "id"));
    azl_buf_t *out;
    azl_write_t w;
    apr_size_t i;

    if (azl_json_length(blocks)) {
        out = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
        azl_write_init(&w, out);
        for (i = 0; i < azl_json_length(blocks); ++i) {
            write_thought(&w, azl_json_at(blocks, i));
        }
        if (out->len) {
            return azl_span(out->data, out->len);
        }
    }
    return id.len && ex->recall
               ? ex->recall(ex->kept, ex->pool, AZL_BEDROCK_KIND, id)
               : azl_span("", 0);
}

static int may_think(azl_exchange_t *ex)
{
    const azl_json_t *list = azl_json_get(ex->hub, "messages");
    apr_size_t i;

    for (i = azl_json_length(list); i > 0; --i) {
        const azl_json_t *message = azl_json_at(list, i - 1);
        const azl_json_t *role = azl_json_get(message, "role");

        if (is_text(role, "user")) {
            return 1;
        }
        if (is_text(role, "assistant") &&
            azl_json_length(azl_json_get(message, "tool_calls")) &&
            !azl_bedrock_thoughts(ex, message).len) {
            return 0;
        }
    }
    return 1;
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

typedef struct level_t {
    const char *name;
    int budget;        /* tokens */
    const char *three; /* for models that know low, medium and high */
    int claude[2];     /* the level, or the next best */
} level_t;

static const level_t levels[] = {
    {"minimal", 1024, "low", {AZL_EFFORT_LOW, 0}},
    {"low", 1024, "low", {AZL_EFFORT_LOW, 0}},
    {"medium", 2048, "medium", {AZL_EFFORT_MEDIUM, 0}},
    {"high", 4096, "high", {AZL_EFFORT_HIGH, 0}},
    {"xhigh", 8192, "high", {AZL_EFFORT_XHIGH, AZL_EFFORT_MAX}},
    {"max", 16384, "high", {AZL_EFFORT_MAX, 0}},
};

static const char *claude_level(int level)
{
    switch (level) {
    case AZL_EFFORT_LOW:
        return "low";
    case AZL_EFFORT_MEDIUM:
        return "medium";
    case AZL_EFFORT_HIGH:
        return "high";
    case AZL_EFFORT_XHIGH:
        return "xhigh";
    default:
        return "max";
    }
}

static int plan_none(plan_t *pl)
{
    switch (pl->rq.memo->family->effort) {
    case AZL_BEDROCK_CLAUDE:
        pl->no_effort = pl->rq.memo->claude->by_default;
        return 1;
    case AZL_BEDROCK_NOVA:
        pl->no_effort = 1;
        return 1;
    case AZL_BEDROCK_OPENAI:
        return without(pl, "reasoning_effort", 0); /* it always thinks */
    default:
        return 1;
    }
}

static int plan_claude(plan_t *pl, const level_t *level)
{
    const azl_claude_t *claude = pl->rq.memo->claude;

    if (claude->thinks == AZL_THINKS_NEVER) {
        return without(pl, "reasoning_effort", 0);
    }
    if (claude->thinks == AZL_THINKS_BUDGET) {
        pl->budget = level->budget;
    }
    else {
        pl->effort =
            claude_level(claude->efforts & level->claude[0] ? level->claude[0]
                                                            : level->claude[1]);
    }
    return 1;
}

static int plan_effort(plan_t *pl, const azl_json_t *json)
{
    const level_t *level = NULL;
    apr_size_t i;

    if (is_text(json, "none")) {
        return plan_none(pl);
    }
    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); ++i) {
        level = is_text(json, levels[i].name) ? &levels[i] : level;
    }
    if (!level) {
        return refuse(pl, "reasoning_effort",
                      "The effort must be none, minimal, low, medium, high, "
                      "xhigh or max.");
    }
    switch (pl->rq.memo->family->effort) {
    case AZL_BEDROCK_NO_EFFORT:
        return without(pl, "reasoning_effort", 0);
    case AZL_BEDROCK_CLAUDE:
        return plan_claude(pl, level);
    default:
        pl->effort = level->three;
        return 1;
    }
}

/* By a budget, which leaves no room for a tool that must be called. */
static int is_manual(const plan_t *pl)
{
    return pl->budget || is_text(azl_json_get(pl->given, "type"), "enabled");
}

static int claude_thinks(const plan_t *pl)
{
    if (pl->given) {
        return !is_text(azl_json_get(pl->given, "type"), "disabled");
    }
    return pl->effort || pl->budget ||
           (pl->rq.memo->claude->by_default && !pl->no_effort);
}

static void stop_thinking(plan_t *pl)
{
    pl->given = NULL;
    pl->budget = 0;
    pl->effort = NULL;
    pl->no_effort = pl->rq.memo->claude->by_default;
}

/* How long the answer may be, where a budget has to be less than that. */
static apr_int64_t answer_max(const plan_t *pl)
{
    return pl->max_tokens ? pl->max_tokens : pl->rq.memo->claude->default_out;
}

static int plan_claude_thinking(plan_t *pl)
{
    const char *member = pl->given ? "thinking" : "reasoning_effort";

    if ((is_manual(pl) &&
         (pl->as_tool || azl_tool_choice_is_forced(pl->rq.ex))) ||
        (pl->budget && answer_max(pl) <= BUDGET_MIN)) {
        if (!without(pl, member, 0)) {
            return 0;
        }
        stop_thinking(pl);
    }
    if (pl->budget) {
        pl->max_tokens = answer_max(pl);
        if (pl->budget >= pl->max_tokens) {
            pl->budget = pl->max_tokens - 1;
        }
    }
    /* The turn that goes on was thought about, and the client could not keep
     * the thoughts: this request goes without. */
    if (claude_thinks(pl) && !may_think(pl->rq.ex)) {
        stop_thinking(pl);
    }
    pl->rq.thinking = claude_thinks(pl);
    return 1;
}

int azl_bedrock_plan_thinking(plan_t *pl)
{
    const azl_json_t *effort = get(pl, "reasoning_effort");
    const azl_json_t *given = get(pl, "thinking");

    if (given) {
        if (azl_json_type(given) != AZL_JSON_OBJECT) {
            return refuse(pl, "thinking", "An object is expected.");
        }
        if (!pl->rq.memo->claude) {
            if (!without(pl, "thinking", 0)) {
                return 0;
            }
        }
        else {
            pl->given = given;
        }
    }
    if (effort && !pl->given && !plan_effort(pl, effort)) {
        return 0;
    }
    return !pl->rq.memo->claude || plan_claude_thinking(pl);
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

    if (pl->given && is_free(pl, "thinking")) {
        azl_write_json(w, "thinking", pl->given);
    }
    else if ((pl->no_effort || pl->budget || pl->effort) &&
             is_free(pl, "thinking")) {
        azl_write_open(w, "thinking", '{');
        azl_write_str(w, "type",
                      pl->no_effort ? "disabled"
                      : pl->budget  ? "enabled"
                                    : "adaptive");
        if (pl->budget) {
            azl_write_int(w, "budget_tokens", pl->budget);
        }
        azl_write_close(w, '}');
    }
    if (pl->effort && is_free(pl, "output_config")) {
        azl_write_open(w, "output_config", '{');
        azl_write_str(w, "effort", pl->effort);
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
