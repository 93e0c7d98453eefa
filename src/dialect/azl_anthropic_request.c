/*
 * A chat completions request as a request of the Messages API.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_anthropic_int.h"

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

static void write_output_config(azl_claude_plan_t *pl)
{
    azl_write_t *w = &pl->rq.w;

    if (!pl->thinking.effort && !pl->as_schema) {
        return;
    }
    azl_write_open(w, "output_config", '{');
    if (pl->thinking.effort) {
        azl_write_str(w, "effort", pl->thinking.effort);
    }
    if (pl->as_schema) {
        azl_write_open(w, "format", '{');
        azl_write_str(w, "type", "json_schema");
        azl_anthropic_schema(w, "schema", pl->as_schema);
        azl_write_close(w, '}');
    }
    azl_write_close(w, '}');
}

/*
 * Sampling
 */

/* 1: goes on; 0: does not; -1: refused. */
static int takes_sampling(azl_claude_plan_t *pl, const char *name,
                          const char *number, int taken)
{
    if (taken && pl->rq.memo->family->sampling && !pl->rq.thinking) {
        return 1;
    }
    /* 1 is what happens anyway */
    if (strtod(number, NULL) == 1.0) {
        return 0;
    }
    return without(pl, name, 0) ? 0 : -1;
}

static int write_sampler(azl_claude_plan_t *pl, const char *name, int taken)
{
    const azl_json_t *json = get(pl, name);
    const char *number = azl_json_number(json);
    int takes;

    if (!json) {
        return 1;
    }
    if (!number) {
        return refuse(pl, name, "A number is expected.");
    }
    takes = takes_sampling(pl, name, number, taken);
    if (takes > 0) {
        /* OpenAI's temperature goes to 2, which is as hot as 1 here */
        azl_write_raw(&pl->rq.w, name,
                      azl_span_str(strcmp(name, "temperature") == 0 &&
                                           strtod(number, NULL) > 1
                                       ? "1"
                                       : number));
    }
    return takes >= 0;
}

static int write_sampling(azl_claude_plan_t *pl)
{
    int both = get(pl, "temperature") && pl->rq.memo->family->one_sampler;

    return write_sampler(pl, "temperature", 1) &&
           write_sampler(pl, "top_p", !both) && write_sampler(pl, "top_k", 1);
}

/*
 * The rest
 */

static int write_stop(azl_claude_plan_t *pl, apr_array_header_t *texts)
{
    azl_write_t *w = &pl->rq.w;
    int i;

    if (!texts->nelts) {
        return 1;
    }
    azl_write_open(w, "stop_sequences", '[');
    for (i = 0; i < texts->nelts; ++i) {
        azl_write_json(w, NULL, APR_ARRAY_IDX(texts, i, const azl_json_t *));
    }
    azl_write_close(w, ']');
    return 1;
}

/* What is nothing but white space is refused upstream. */
static int add_stop(azl_claude_plan_t *pl, apr_array_header_t *texts,
                    const azl_json_t *json)
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
    APR_ARRAY_PUSH(texts, const azl_json_t *) = json;
    return 1;
}

static int carry_stop(azl_claude_plan_t *pl)
{
    const azl_json_t *json = get(pl, "stop");
    apr_array_header_t *texts =
        apr_array_make(pl->rq.ex->pool, 4, sizeof(azl_json_t *));
    apr_size_t i;

    if (!json) {
        return 1;
    }
    if (azl_json_type(json) != AZL_JSON_ARRAY) {
        return add_stop(pl, texts, json) && write_stop(pl, texts);
    }
    for (i = 0; i < azl_json_length(json); ++i) {
        if (!add_stop(pl, texts, azl_json_at(json, i))) {
            return 0;
        }
    }
    return write_stop(pl, texts);
}

static int count_other(void *baton, const char *name, const azl_json_t *value)
{
    (void)value;
    *(int *)baton |= strcmp(name, "user_id") != 0;
    return 0;
}

static int carry_user(azl_claude_plan_t *pl)
{
    const azl_json_t *metadata = get(pl, "metadata");
    const azl_json_t *user = get(pl, "safety_identifier");
    int others = 0;

    user = user ? user : get(pl, "user");
    user = user ? user : azl_json_get(metadata, "user_id");
    azl_json_each(metadata, count_other, &others);
    if (others && !without(pl, "metadata", 0)) {
        return 0;
    }
    if (azl_json_text(user).len) {
        azl_write_open(&pl->rq.w, "metadata", '{');
        azl_write_json(&pl->rq.w, "user_id", user);
        azl_write_close(&pl->rq.w, '}');
    }
    return 1;
}

static int carry_tier(azl_claude_plan_t *pl)
{
    const azl_json_t *tier = get(pl, "service_tier");

    if (!tier) {
        return 1;
    }
    if (is_text(tier, "auto") || is_text(tier, "default")) {
        azl_write_str(&pl->rq.w, "service_tier",
                      is_text(tier, "auto") ? "auto" : "standard_only");
        return 1;
    }
    return without(pl, "service_tier", 0);
}

/* Bedrock has no headers for them. */
static void write_bedrock(azl_write_t *w, azl_exchange_t *ex)
{
    const char *betas =
        ex->client_headers ? apr_table_get(ex->client_headers, "anthropic-beta")
                           : NULL;
    char *last = NULL;
    char *word;

    azl_write_str(w, "anthropic_version", "bedrock-2023-05-31");
    if (!betas || !*betas) {
        return;
    }
    azl_write_open(w, "anthropic_beta", '[');
    for (word = apr_strtok(apr_pstrdup(ex->pool, betas), ", ", &last); word;
         word = apr_strtok(NULL, ", ", &last)) {
        azl_write_str(w, NULL, word);
    }
    azl_write_close(w, ']');
}

static int copy_member(void *baton, const char *name, const azl_json_t *value)
{
    static const char *const elsewhere[] = {
        "model", "stream", "anthropic_version", "anthropic_beta"};
    apr_size_t i;

    for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); ++i) {
        if (strcmp(name, elsewhere[i]) == 0) {
            return 0;
        }
    }
    azl_write_json(baton, name, value);
    return 0;
}

/* The client's document, without thinking that is none of Claude's. */
static const azl_json_t *own_document(azl_exchange_t *ex)
{
    apr_array_header_t *dropped = NULL;
    azl_span_t text =
        ex->doc ? azl_anthropic_disown(ex->pool, ex->doc->body, &dropped)
                : azl_span("", 0);
    azl_json_t *json;
    int i;

    if (!text.len || azl_json_parse(ex->pool, text, &json)) {
        return ex->hub;
    }
    for (i = 0; dropped && i < dropped->nelts; ++i) {
        azl_exchange_note(ex, APR_ARRAY_IDX(dropped, i, const char *));
    }
    return json;
}

int azl_anthropic_hosted(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_write_t w;

    (void)err;
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    write_bedrock(&w, ex);
    azl_json_each(own_document(ex), copy_member, &w);
    azl_write_close(&w, '}');
    return 1;
}

/* What the hosting wants to know, and where. */
static void write_head(azl_claude_plan_t *pl)
{
    azl_exchange_t *ex = pl->rq.ex;
    azl_hosting_e hosting = pl->rq.memo->hosting;
    azl_write_t *w = &pl->rq.w;

    if (hosting == AZL_HOSTING_VERTEX) {
        azl_write_str(w, "anthropic_version", "vertex-2023-10-16");
    }
    else if (hosting == AZL_HOSTING_BEDROCK) {
        write_bedrock(w, ex);
    }
    else {
        azl_write_str(w, "model", ex->deployment->name);
    }
    azl_write_int(w, "max_tokens", pl->max_tokens);
    if (ex->streamed && hosting != AZL_HOSTING_BEDROCK) {
        azl_write_bool(w, "stream", 1);
    }
}

int azl_anthropic_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_anthropic_memo_t *memo = apr_pcalloc(ex->pool, sizeof(*memo));
    azl_claude_plan_t pl;

    memset(&pl, 0, sizeof(pl));
    memo->family = azl_claude_find(ex->family);
    memo->hosting = azl_anthropic_hosting(ex->deployment->endpoint);
    ex->memo = memo;
    pl.rq.ex = ex;
    pl.rq.err = err;
    pl.rq.memo = memo;
    azl_write_init(&pl.rq.w, out);
    if (!azl_claude_plan(&pl)) {
        return 0;
    }
    azl_write_open(&pl.rq.w, NULL, '{');
    write_head(&pl);
    azl_anthropic_cache(&pl.rq, ex->hub);
    if (!azl_anthropic_messages(&pl.rq) ||
        !azl_anthropic_tools(&pl.rq, pl.as_tool) || !write_sampling(&pl) ||
        !carry_stop(&pl) || !carry_user(&pl) || !carry_tier(&pl)) {
        return 0;
    }
    /* newer models leave the text out unless they are asked */
    azl_claude_write_thinking(
        &pl.rq.w, &pl.thinking,
        memo->family->thinks == AZL_THINKS_ADAPTIVE ? "summarized" : NULL);
    write_output_config(&pl);
    azl_write_close(&pl.rq.w, '}');
    return 1;
}
