/*
 * A chat completions request as a serving endpoint of Databricks takes it.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_databricks_int.h"
#include "azl_losses_int.h"

typedef azl_databricks_request_t request_t;

static const azl_json_t *get(const request_t *rq, const char *name)
{
    return azl_json_get(rq->pl.rq.ex->hub, name);
}

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

static int without(request_t *rq, const char *name, int matters)
{
    return azl_exchange_without(rq->pl.rq.ex, name, matters, rq->pl.rq.err);
}

static int refuse(request_t *rq, const char *path, const char *message)
{
    return azl_exchange_refuse(rq->pl.rq.ex, rq->pl.rq.err, path, message);
}

/*
 * Members that Databricks has nothing for
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
    {"n", AZL_CARRIED, NULL},
    {"tools", AZL_CARRIED, NULL},
    {"tool_choice", AZL_CARRIED, NULL},
    {"response_format", AZL_CARRIED, NULL},
    {"reasoning_effort", AZL_CARRIED, NULL},
    {"logprobs", AZL_MATTERS, "false"},
    {"top_logprobs", AZL_MATTERS, "0"},
    {"audio", AZL_MATTERS, NULL},
    {"modalities", AZL_MATTERS, "[\"text\"]"},
    {"moderation", AZL_MATTERS, NULL},
    {"functions", AZL_MATTERS, NULL},
    {"function_call", AZL_MATTERS, NULL},
    {"web_search_options", AZL_MATTERS, NULL},
    {"frequency_penalty", AZL_LESSER, "0"},
    {"presence_penalty", AZL_LESSER, "0"},
    {"store", AZL_LESSER, "false"},
    {"parallel_tool_calls", AZL_LESSER, "true"},
    {"service_tier", AZL_LESSER, "\"auto\""},
    {"cache_control", AZL_CARRIED, NULL},
    {NULL, AZL_CARRIED, NULL},
};

/* What Anthropic carries of a chat to a Claude, and Databricks does not; the
 * rest is seen to by azl_claude_plan(). */
static const azl_loss_t losses_of_claude[] = {
    {"parallel_tool_calls", AZL_LESSER, "true"}, {"user", AZL_LESSER, NULL},
    {"safety_identifier", AZL_LESSER, NULL},     {"metadata", AZL_LESSER, NULL},
    {"service_tier", AZL_LESSER, "\"auto\""},    {NULL, AZL_CARRIED, NULL},
};

/*
 * What is behind the endpoint
 */

static int contains(const char *text, const char *part)
{
    apr_size_t i;

    for (; *text; ++text) {
        for (i = 0; part[i] && apr_tolower(text[i]) == part[i]; ++i) {
        }
        if (!part[i]) {
            return 1;
        }
    }
    return 0;
}

static azl_behind_e find_behind(const char *family)
{
    if (contains(family, "gemini")) {
        return AZL_BEHIND_GEMINI;
    }
    /* "sonnet-4-5" is one, too */
    return contains(family, "claude") || *azl_claude_find(family)->name
               ? AZL_BEHIND_CLAUDE
               : AZL_BEHIND_OTHER;
}

/* There is no place for a schema, nor for a strict tool. */
static int plan_claude(request_t *rq, azl_databricks_memo_t *memo)
{
    memo->family = *azl_claude_find(rq->pl.rq.ex->family);
    memo->family.structured = 0;
    memo->claude.family = &memo->family;
    memo->claude.hosting = AZL_HOSTING_BEDROCK;
    rq->pl.rq.memo = &memo->claude;
    return azl_claude_plan(&rq->pl);
}

/*
 * The members
 */

static int write_length(request_t *rq)
{
    const char *name = get(rq, "max_completion_tokens")
                           ? "max_completion_tokens"
                           : "max_tokens";
    const azl_json_t *json = get(rq, name);
    apr_int64_t n;

    if (rq->behind == AZL_BEHIND_CLAUDE) {
        azl_write_int(&rq->pl.rq.w, "max_tokens", rq->pl.max_tokens);
        return 1;
    }
    if (!json) {
        return 1;
    }
    if (!azl_json_int(json, &n) || n < 1) {
        return refuse(rq, name, "A whole number of at least 1 is expected.");
    }
    azl_write_int(&rq->pl.rq.w, "max_tokens", n);
    return 1;
}

static void copy(request_t *rq, const char *name)
{
    const azl_json_t *json = get(rq, name);

    if (json) {
        azl_write_json(&rq->pl.rq.w, name, json);
    }
}

/* What a Claude takes of them while it does not think. */
static int write_sampler(request_t *rq, const char *name, int taken)
{
    const azl_json_t *json = get(rq, name);
    const char *number = azl_json_number(json);

    if (!json) {
        return 1;
    }
    if (!number) {
        return refuse(rq, name, "A number is expected.");
    }
    if (rq->behind == AZL_BEHIND_CLAUDE) {
        if (!taken || !rq->pl.rq.memo->family->sampling || rq->pl.rq.thinking) {
            /* 1 is what happens anyway */
            return strtod(number, NULL) == 1.0 || without(rq, name, 0);
        }
        if (strcmp(name, "temperature") == 0 && strtod(number, NULL) > 1) {
            /* OpenAI's goes to 2, which is as hot as 1 there */
            number = "1";
        }
    }
    azl_write_raw(&rq->pl.rq.w, name, azl_span_str(number));
    return 1;
}

static int write_sampling(request_t *rq)
{
    int both = rq->behind == AZL_BEHIND_CLAUDE && get(rq, "temperature") &&
               rq->pl.rq.memo->family->one_sampler;

    return write_sampler(rq, "temperature", 1) &&
           write_sampler(rq, "top_p", !both) && write_sampler(rq, "top_k", 1);
}

/* Of a Claude the effort is said in Anthropic's words, of others in OpenAI's.
 */
static void write_thinking(request_t *rq)
{
    if (rq->behind != AZL_BEHIND_CLAUDE) {
        copy(rq, "reasoning_effort");
        return;
    }
    azl_claude_write_thinking(&rq->pl.rq.w, &rq->pl.thinking, NULL);
}

/* For a Claude a tool stands for it. */
static void write_format(request_t *rq)
{
    const azl_json_t *format = get(rq, "response_format");

    if (format && rq->behind != AZL_BEHIND_CLAUDE &&
        !is_text(azl_json_get(format, "type"), "text")) {
        azl_write_json(&rq->pl.rq.w, "response_format", format);
    }
}

/* Who has several answers at once is not a Claude; its plan has seen to it. */
static void write_rest(request_t *rq)
{
    copy(rq, "stop");
    if (rq->behind != AZL_BEHIND_CLAUDE) {
        copy(rq, "n");
    }
    if (rq->pl.rq.ex->streamed) {
        azl_write_bool(&rq->pl.rq.w, "stream", 1);
        if (rq->behind != AZL_BEHIND_GEMINI) {
            /* it tells the tokens by itself and refuses to be asked */
            azl_write_open(&rq->pl.rq.w, "stream_options", '{');
            azl_write_bool(&rq->pl.rq.w, "include_usage", 1);
            azl_write_close(&rq->pl.rq.w, '}');
        }
    }
}

int azl_databricks_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_databricks_memo_t *memo = apr_pcalloc(ex->pool, sizeof(*memo));
    request_t rq;

    memset(&rq, 0, sizeof(rq));
    ex->memo = memo;
    rq.pl.rq.ex = ex;
    rq.pl.rq.err = err;
    rq.behind = find_behind(ex->family);
    azl_write_init(&rq.pl.rq.w, out);
    if (rq.behind == AZL_BEHIND_CLAUDE) {
        if (!azl_losses(ex, losses_of_claude, AZL_CARRIED, err) ||
            !plan_claude(&rq, memo)) {
            return 0;
        }
    }
    else if (!azl_losses(ex, losses, AZL_LESSER, err)) {
        return 0;
    }
    if (rq.behind == AZL_BEHIND_CLAUDE) {
        /* for the request as a whole there is no place */
        azl_exchange_note_cache(ex, ex->hub);
    }
    else {
        azl_exchange_note_caches(ex);
        azl_exchange_note_thoughts(ex);
    }
    azl_write_open(&rq.pl.rq.w, NULL, '{');
    azl_write_str(&rq.pl.rq.w, "model", ex->deployment->name);
    if (!azl_databricks_messages(&rq) || !azl_databricks_tools(&rq) ||
        !write_length(&rq) || !write_sampling(&rq)) {
        return 0;
    }
    write_format(&rq);
    write_thinking(&rq);
    write_rest(&rq);
    azl_write_close(&rq.pl.rq.w, '}');
    return 1;
}
