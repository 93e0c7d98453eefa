/*
 * What the members of a chat completions request become, decided before
 * anything is written, because they bear on each other: thinking on the tools
 * that are forced, sampling on thinking.
 */
#include "azl_anthropic_int.h"
#include "azl_losses_int.h"

/* A budget of thinking is at least this, and less than max_tokens. */
#define BUDGET_MIN 1024

static const azl_json_t *get(const azl_claude_plan_t *pl, const char *name)
{
    return azl_json_get(pl->rq.ex->hub, name);
}

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static int without(azl_claude_plan_t *pl, const char *name, int matters)
{
    return azl_exchange_without(pl->rq.ex, name, matters, pl->rq.err);
}

static int refuse(azl_claude_plan_t *pl, const char *path, const char *message)
{
    return azl_exchange_refuse(pl->rq.ex, pl->rq.err, path, message);
}

/*
 * Members that Anthropic has nothing for
 */

static const azl_loss_t losses[] = {
    {"messages", AZL_CARRIED, NULL},
    {"model", AZL_CARRIED, NULL},
    {"stream", AZL_CARRIED, NULL},
    {"stream_options", AZL_CARRIED, NULL},
    {"max_tokens", AZL_CARRIED, NULL},
    {"max_completion_tokens", AZL_CARRIED, NULL},
    {"stop", AZL_CARRIED, NULL},
    {"temperature", AZL_CARRIED, NULL},
    {"top_p", AZL_CARRIED, NULL},
    {"top_k", AZL_CARRIED, NULL},
    {"tools", AZL_CARRIED, NULL},
    {"tool_choice", AZL_CARRIED, NULL},
    {"parallel_tool_calls", AZL_CARRIED, NULL},
    {"response_format", AZL_CARRIED, NULL},
    {"reasoning_effort", AZL_CARRIED, NULL},
    {"thinking", AZL_CARRIED, NULL},
    {"user", AZL_CARRIED, NULL},
    {"safety_identifier", AZL_CARRIED, NULL},
    {"metadata", AZL_CARRIED, NULL},
    {"service_tier", AZL_CARRIED, NULL},
    {"web_search_options", AZL_CARRIED, NULL},
    {"cache_control", AZL_CARRIED, NULL},
    {"n", AZL_MATTERS, "1"},
    {"logprobs", AZL_MATTERS, "false"},
    {"top_logprobs", AZL_MATTERS, "0"},
    {"audio", AZL_MATTERS, NULL},
    {"modalities", AZL_MATTERS, "[\"text\"]"},
    {"moderation", AZL_MATTERS, NULL},
    {"functions", AZL_MATTERS, NULL},
    {"function_call", AZL_MATTERS, NULL},
    {"frequency_penalty", AZL_LESSER, "0"},
    {"presence_penalty", AZL_LESSER, "0"},
    {"logit_bias", AZL_LESSER, NULL},
    {"prediction", AZL_LESSER, NULL},
    {"prompt_cache_key", AZL_LESSER, NULL},
    {"prompt_cache_options", AZL_LESSER, NULL},
    {"prompt_cache_retention", AZL_LESSER, NULL},
    {"seed", AZL_LESSER, NULL},
    {"store", AZL_LESSER, "false"},
    {"verbosity", AZL_LESSER, NULL},
    {NULL, AZL_CARRIED, NULL},
};

/*
 * Structured output
 */

/* Bedrock has it for models before those that think adaptively only. */
static int takes_schema(const azl_claude_plan_t *pl)
{
    const azl_claude_t *family = pl->rq.memo->family;

    return family->structured && (pl->rq.memo->hosting != AZL_HOSTING_BEDROCK ||
                                  family->thinks != AZL_THINKS_ADAPTIVE);
}

static int plan_format(azl_claude_plan_t *pl)
{
    const azl_json_t *format = get(pl, "response_format");
    const azl_json_t *type = azl_json_get(format, "type");
    const azl_json_t *schema =
        azl_json_get(azl_json_get(format, "json_schema"), "schema");

    if (!format || is_text(type, "text")) {
        return 1;
    }
    if (is_text(type, "json_schema")) {
        if (azl_json_type(schema) != AZL_JSON_OBJECT) {
            return refuse(pl, "response_format.json_schema.schema",
                          "The schema must be an object.");
        }
        if (takes_schema(pl)) {
            pl->as_schema = schema;
            return 1;
        }
    }
    else if (!is_text(type, "json_object")) {
        return refuse(pl, "response_format.type",
                      "The type must be text, json_object or json_schema.");
    }
    if (!pl->rq.memo->family->forces) {
        return without(pl, "response_format", 1);
    }
    pl->as_tool = format;
    pl->rq.memo->json_tool = 1;
    return 1;
}

/*
 * max_tokens
 */

static int plan_length(azl_claude_plan_t *pl)
{
    const char *name = "max_completion_tokens";
    const azl_claude_t *family = pl->rq.memo->family;
    const azl_json_t *json = get(pl, name);

    if (!json) {
        name = "max_tokens";
        json = get(pl, name);
    }
    if (!json) {
        pl->max_tokens = family->default_out;
        return 1;
    }
    if (!azl_json_int(json, &pl->max_tokens) || pl->max_tokens < 1) {
        return refuse(pl, name, "A whole number of at least 1 is expected.");
    }
    if (family->max_out && pl->max_tokens > family->max_out) {
        pl->max_tokens = family->max_out;
    }
    return 1;
}

/*
 * Thinking
 */

typedef struct effort_t {
    const char *name;
    int budget;    /* tokens */
    int levels[2]; /* the level, or the next best */
} effort_t;

static const effort_t efforts[] = {
    {"minimal", 1024, {AZL_EFFORT_LOW, 0}},
    {"low", 1024, {AZL_EFFORT_LOW, 0}},
    {"medium", 2048, {AZL_EFFORT_MEDIUM, 0}},
    {"high", 4096, {AZL_EFFORT_HIGH, 0}},
    {"xhigh", 8192, {AZL_EFFORT_XHIGH, AZL_EFFORT_MAX}},
    {"max", 16384, {AZL_EFFORT_MAX, 0}},
};

static const char *level_name(int level)
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

static const effort_t *find_effort(const azl_json_t *json)
{
    apr_size_t i;

    for (i = 0; i < sizeof(efforts) / sizeof(efforts[0]); ++i) {
        if (is_text(json, efforts[i].name)) {
            return &efforts[i];
        }
    }
    return NULL;
}

static int plan_effort(azl_claude_plan_t *pl, const azl_json_t *json)
{
    const azl_claude_t *family = pl->rq.memo->family;
    const effort_t *effort = find_effort(json);

    if (is_text(json, "none")) {
        pl->off = family->by_default;
        return 1;
    }
    if (!effort) {
        return refuse(pl, "reasoning_effort",
                      "The effort must be none, minimal, low, medium, high, "
                      "xhigh or max.");
    }
    if (family->thinks == AZL_THINKS_NEVER) {
        return without(pl, "reasoning_effort", 0);
    }
    if (family->thinks == AZL_THINKS_BUDGET) {
        pl->budget = effort->budget;
        return 1;
    }
    pl->adaptive = 1;
    pl->effort =
        level_name(family->efforts & effort->levels[0] ? effort->levels[0]
                                                       : effort->levels[1]);
    return 1;
}

static int is_manual(const azl_claude_plan_t *pl)
{
    return pl->budget || is_text(azl_json_get(pl->given, "type"), "enabled");
}

/* Will the model think? */
static int thinks(const azl_claude_plan_t *pl)
{
    if (pl->given) {
        return !is_text(azl_json_get(pl->given, "type"), "disabled");
    }
    return pl->adaptive || pl->budget ||
           (pl->rq.memo->family->by_default && !pl->off);
}

static void stop_thinking(azl_claude_plan_t *pl)
{
    pl->given = NULL;
    pl->adaptive = 0;
    pl->budget = 0;
    pl->effort = NULL;
    pl->off = pl->rq.memo->family->by_default;
}

static int plan_thinking(azl_claude_plan_t *pl)
{
    azl_exchange_t *ex = pl->rq.ex;
    const azl_json_t *effort = get(pl, "reasoning_effort");
    const char *member = "reasoning_effort";

    pl->given = get(pl, "thinking");
    if (pl->given) {
        member = "thinking";
        if (azl_json_type(pl->given) != AZL_JSON_OBJECT) {
            return refuse(pl, member, "An object is expected.");
        }
    }
    else if (effort && !plan_effort(pl, effort)) {
        return 0;
    }
    /* A tool that has to be called leaves no room for thinking by budget, nor
     * does an answer that is too short. */
    if ((is_manual(pl) && (pl->as_tool || azl_tool_choice_is_forced(ex))) ||
        (pl->budget && pl->max_tokens <= BUDGET_MIN)) {
        if (!without(pl, member, 0)) {
            return 0;
        }
        stop_thinking(pl);
    }
    if (pl->budget >= pl->max_tokens) {
        pl->budget = pl->max_tokens - 1;
    }
    /* The turn that goes on was thought about, and the client could not keep
     * the thoughts: this request goes without. */
    if (thinks(pl) && !azl_anthropic_may_think(ex)) {
        stop_thinking(pl);
    }
    pl->rq.thinking = thinks(pl);
    return 1;
}

int azl_claude_plan(azl_claude_plan_t *pl)
{
    azl_exchange_t *ex = pl->rq.ex;

    if (!azl_losses(ex, losses, AZL_LESSER, pl->rq.err)) {
        return 0;
    }
    if (pl->rq.memo->hosting == AZL_HOSTING_BEDROCK &&
        get(pl, "web_search_options") &&
        !without(pl, "web_search_options", 1)) {
        return 0;
    }
    return plan_format(pl) && plan_length(pl) && plan_thinking(pl);
}
