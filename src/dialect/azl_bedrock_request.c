/*
 * A chat completions request as a request of Converse.
 *
 * What the members become is decided before anything is written, because they
 * bear on each other: thinking on the tools that are forced, sampling on
 * thinking.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_bedrock_int.h"
#include "azl_losses_int.h"

/* What requestMetadata takes. */
#define METADATA_MAX 16
#define METADATA_LEN_MAX 256

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
 * Members that Converse has nothing for
 */

static const azl_loss_t losses[] = {
    {"additionalModelRequestFields", AZL_CARRIED, NULL},
    {"audio", AZL_MATTERS, NULL},
    {"cache_control", AZL_CARRIED, NULL},
    {"frequency_penalty", AZL_LESSER, "0"},
    {"function_call", AZL_MATTERS, NULL},
    {"functions", AZL_MATTERS, NULL},
    {"guardrailConfig", AZL_CARRIED, NULL},
    {"logit_bias", AZL_LESSER, NULL},
    {"logprobs", AZL_MATTERS, "false"},
    {"max_completion_tokens", AZL_CARRIED, NULL},
    {"max_tokens", AZL_CARRIED, NULL},
    {"messages", AZL_CARRIED, NULL},
    {"metadata", AZL_CARRIED, NULL},
    {"modalities", AZL_MATTERS, "[\"text\"]"},
    {"model", AZL_CARRIED, NULL},
    {"moderation", AZL_MATTERS, NULL},
    {"n", AZL_MATTERS, "1"},
    {"parallel_tool_calls", AZL_LESSER, "true"},
    {"performanceConfig", AZL_CARRIED, NULL},
    {"presence_penalty", AZL_LESSER, "0"},
    {"reasoning_effort", AZL_CARRIED, NULL},
    {"response_format", AZL_CARRIED, NULL},
    {"service_tier", AZL_CARRIED, NULL},
    {"stop", AZL_CARRIED, NULL},
    {"store", AZL_LESSER, "false"},
    {"stream", AZL_CARRIED, NULL},
    {"stream_options", AZL_CARRIED, NULL},
    {"temperature", AZL_CARRIED, NULL},
    {"thinking", AZL_CARRIED, NULL},
    {"tool_choice", AZL_CARRIED, NULL},
    {"tools", AZL_CARRIED, NULL},
    {"top_k", AZL_CARRIED, NULL},
    {"top_logprobs", AZL_MATTERS, "0"},
    {"top_p", AZL_CARRIED, NULL},
    {"web_search_options", AZL_MATTERS, NULL},
    {NULL, AZL_CARRIED, NULL},
};

/*
 * Structured output
 */

/* Of Claude's on Bedrock, those that think by budget or in both ways. */
static int takes_schema(const plan_t *pl)
{
    const azl_claude_t *claude = pl->rq.memo->claude;

    return claude ? claude->structured && claude->thinks != AZL_THINKS_ADAPTIVE
                  : pl->rq.memo->family->schema;
}

static int can_force(const plan_t *pl)
{
    const azl_claude_t *claude = pl->rq.memo->claude;

    return pl->rq.memo->family->choice != AZL_BEDROCK_AUTO_ONLY &&
           (!claude || claude->forces);
}

static int plan_format(plan_t *pl)
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
    if (!can_force(pl)) {
        return without(pl, "response_format", 1);
    }
    pl->as_tool = format;
    pl->rq.memo->json_tool = 1;
    return 1;
}

/* The schema goes as a text of its own. */
static void write_format(plan_t *pl)
{
    azl_write_t *w = &pl->rq.w;
    const azl_json_t *format =
        azl_json_get(get(pl, "response_format"), "json_schema");
    const char *name = azl_json_string(azl_json_get(format, "name"));
    const char *about = azl_json_string(azl_json_get(format, "description"));
    azl_buf_t *text;
    azl_write_t inner;

    if (!pl->as_schema) {
        return;
    }
    text = azl_buf_create(pl->rq.ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_write_init(&inner, text);
    if (pl->rq.memo->claude) {
        azl_anthropic_schema(&inner, NULL, pl->as_schema);
    }
    else {
        azl_write_json(&inner, NULL, pl->as_schema);
    }
    azl_write_open(w, "outputConfig", '{');
    azl_write_open(w, "textFormat", '{');
    azl_write_str(w, "type", "json_schema");
    azl_write_open(w, "structure", '{');
    azl_write_open(w, "jsonSchema", '{');
    azl_write_text(w, "schema", azl_span(text->data, text->len));
    if (name && *name) {
        azl_write_str(w, "name", name);
    }
    if (about && *about) {
        azl_write_str(w, "description", about);
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    azl_buf_free(text);
}

/*
 * inferenceConfig
 */

static int plan_length(plan_t *pl)
{
    const azl_claude_t *claude = pl->rq.memo->claude;
    const char *name = "max_completion_tokens";
    const azl_json_t *json = get(pl, name);

    if (!json) {
        name = "max_tokens";
        json = get(pl, name);
    }
    if (!json) {
        return 1;
    }
    if (!azl_json_int(json, &pl->max_tokens) || pl->max_tokens < 1) {
        return refuse(pl, name, "A whole number of at least 1 is expected.");
    }
    if (claude && claude->max_out && pl->max_tokens > claude->max_out) {
        pl->max_tokens = claude->max_out;
    }
    return 1;
}

/* What is nothing but white space is refused upstream. */
static int add_stop(plan_t *pl, const azl_json_t *json)
{
    azl_span_t text = azl_json_text(json);
    apr_size_t i;

    if (azl_json_type(json) != AZL_JSON_STRING) {
        return refuse(pl, "stop", "A text or a list of texts is expected.");
    }
    for (i = 0; i < text.len && apr_isspace(text.at[i]); ++i) {
    }
    if (i == text.len) {
        return without(pl, "stop", 1);
    }
    APR_ARRAY_PUSH(pl->stops, const azl_json_t *) = json;
    return 1;
}

static int plan_stop(plan_t *pl)
{
    const azl_json_t *json = get(pl, "stop");
    apr_size_t i;

    pl->stops = apr_array_make(pl->rq.ex->pool, 4, sizeof(azl_json_t *));
    if (json && azl_json_type(json) != AZL_JSON_ARRAY) {
        return add_stop(pl, json);
    }
    for (i = 0; i < azl_json_length(json); ++i) {
        if (!add_stop(pl, azl_json_at(json, i))) {
            return 0;
        }
    }
    return 1;
}

static int plan_sampler(plan_t *pl, const char *name, int taken,
                        const char **out)
{
    const azl_json_t *json = get(pl, name);
    const char *number = azl_json_number(json);

    if (!json) {
        return 1;
    }
    if (!number) {
        return refuse(pl, name, "A number is expected.");
    }
    if (azl_bedrock_takes_sampling(pl, taken)) {
        /* OpenAI's temperature goes to 2, which is as hot as 1 here */
        *out = strcmp(name, "temperature") == 0 && strtod(number, NULL) > 1
                   ? "1"
                   : number;
        return 1;
    }
    /* 1 is what happens anyway */
    return strtod(number, NULL) == 1.0 || without(pl, name, 0);
}

static int plan_sampling(plan_t *pl)
{
    const azl_claude_t *claude = pl->rq.memo->claude;
    int both = get(pl, "temperature") && claude && claude->one_sampler;

    if (pl->max_tokens && !azl_bedrock_takes_sampling(pl, 1) && !claude) {
        if (!without(pl, "max_tokens", 0)) {
            return 0;
        }
        pl->max_tokens = 0;
    }
    return plan_sampler(pl, "temperature", 1, &pl->temperature) &&
           plan_sampler(pl, "top_p", !both, &pl->top_p);
}

static void write_inference(plan_t *pl)
{
    azl_write_t *w = &pl->rq.w;
    int i;

    azl_write_open(w, "inferenceConfig", '{');
    if (pl->max_tokens) {
        azl_write_int(w, "maxTokens", pl->max_tokens);
    }
    if (pl->temperature) {
        azl_write_raw(w, "temperature", azl_span_str(pl->temperature));
    }
    if (pl->top_p) {
        azl_write_raw(w, "topP", azl_span_str(pl->top_p));
    }
    if (pl->stops->nelts) {
        azl_write_open(w, "stopSequences", '[');
        for (i = 0; i < pl->stops->nelts; ++i) {
            azl_write_json(w, NULL,
                           APR_ARRAY_IDX(pl->stops, i, const azl_json_t *));
        }
        azl_write_close(w, ']');
    }
    azl_write_close(w, '}');
}

/*
 * The rest
 */

static int plan_tier(plan_t *pl, const char **tier)
{
    static const struct {
        const char *ours;
        const char *theirs;
    } tiers[] = {{"auto", NULL},       {"default", "default"},
                 {"flex", "flex"},     {"priority", "priority"},
                 {"fast", "priority"}, {"reserved", "reserved"}};
    const azl_json_t *json = get(pl, "service_tier");
    apr_size_t i;

    for (i = 0; i < sizeof(tiers) / sizeof(tiers[0]); ++i) {
        if (is_text(json, tiers[i].ours)) {
            *tier = tiers[i].theirs;
            return 1;
        }
    }
    return !json || without(pl, "service_tier", 0);
}

typedef struct metadata_t {
    int count;
    int bad;
} metadata_t;

static int is_metadata_text(azl_span_t text)
{
    apr_size_t i;

    for (i = 0; i < text.len; ++i) {
        char c = text.at[i];

        if (!apr_isalnum(c) && !apr_isspace(c) &&
            (!c || !strchr(":_@$#=/+,-.", c))) {
            return 0;
        }
    }
    return text.len <= METADATA_LEN_MAX;
}

static int check_metadata(void *baton, const char *name,
                          const azl_json_t *value)
{
    metadata_t *m = baton;

    ++m->count;
    m->bad |= !*name || !is_metadata_text(azl_span_str(name)) ||
              azl_json_type(value) != AZL_JSON_STRING ||
              !is_metadata_text(azl_json_text(value));
    return 0;
}

static int write_metadata(plan_t *pl)
{
    const azl_json_t *json = get(pl, "metadata");
    metadata_t m = {0, 0};

    if (!json) {
        return 1;
    }
    azl_json_each(json, check_metadata, &m);
    if (azl_json_type(json) != AZL_JSON_OBJECT || m.bad ||
        m.count > METADATA_MAX) {
        return without(pl, "metadata", 0);
    }
    if (m.count) {
        azl_write_json(&pl->rq.w, "requestMetadata", json);
    }
    return 1;
}

/* What clients say that know Converse. */
static int write_extension(plan_t *pl, const char *name)
{
    const azl_json_t *json = get(pl, name);

    if (!json) {
        return 1;
    }
    if (azl_json_type(json) != AZL_JSON_OBJECT) {
        return refuse(pl, name, "An object is expected.");
    }
    azl_write_json(&pl->rq.w, name, json);
    return 1;
}

static int write_rest(plan_t *pl, const char *tier)
{
    azl_write_t *w = &pl->rq.w;

    if (tier) {
        azl_write_open(w, "serviceTier", '{');
        azl_write_str(w, "type", tier);
        azl_write_close(w, '}');
    }
    return write_metadata(pl) && write_extension(pl, "guardrailConfig") &&
           write_extension(pl, "performanceConfig");
}

static void make_memo(plan_t *pl)
{
    azl_exchange_t *ex = pl->rq.ex;
    azl_bedrock_memo_t *memo = apr_pcalloc(ex->pool, sizeof(*memo));

    memo->family = azl_bedrock_family(ex->family);
    memo->claude = memo->family->effort == AZL_BEDROCK_CLAUDE
                       ? azl_claude_find(ex->family)
                       : NULL;
    memo->names = apr_array_make(ex->pool, 2, sizeof(azl_bedrock_name_t));
    ex->memo = memo;
    pl->rq.memo = memo;
}

int azl_bedrock_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    const char *tier = NULL;
    plan_t pl;

    memset(&pl, 0, sizeof(pl));
    pl.rq.ex = ex;
    pl.rq.err = err;
    make_memo(&pl);
    azl_write_init(&pl.rq.w, out);
    if (!azl_losses(ex, losses, AZL_LESSER, err) || !plan_format(&pl) ||
        !plan_length(&pl) || !plan_stop(&pl) ||
        !azl_bedrock_plan_thinking(&pl) || !plan_sampling(&pl) ||
        !plan_tier(&pl, &tier)) {
        return 0;
    }
    /* for the request as a whole there is no cachePoint */
    azl_exchange_note_cache(ex, ex->hub);
    if (!pl.rq.memo->claude) {
        azl_exchange_note_thoughts(ex);
    }
    azl_write_open(&pl.rq.w, NULL, '{');
    if (!azl_bedrock_messages(&pl.rq)) {
        return 0;
    }
    write_inference(&pl);
    if (!azl_bedrock_tools(&pl.rq, pl.as_tool) || !azl_bedrock_fields(&pl) ||
        !write_rest(&pl, tier)) {
        return 0;
    }
    write_format(&pl);
    azl_write_close(&pl.rq.w, '}');
    return 1;
}
