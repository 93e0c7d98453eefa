/*
 * What the members of a chat completions request become, decided before
 * anything is written, because they bear on each other: thinking on the tools
 * that are forced, sampling on thinking.
 */
#include "azl_anthropic_int.h"
#include "azl_losses_int.h"

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
    if (!plan_format(pl) || !plan_length(pl) ||
        !azl_claude_think(ex, pl->rq.memo->family, &azl_anthropic_memory,
                          pl->max_tokens, pl->as_tool != NULL, &pl->thinking,
                          pl->rq.err)) {
        return 0;
    }
    pl->rq.thinking = pl->thinking.on;
    return 1;
}
