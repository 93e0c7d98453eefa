/*
 * A chat completions request as a serving endpoint of Databricks takes it.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_databricks_int.h"

typedef azl_databricks_request_t request_t;

/* Longer names of members are not told to anybody. */
#define NAME_MAX_TOLD 64

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

typedef struct member_t {
    const char *name;
    enum {
        CARRIED, /* by what follows here */
        LESSER,  /* without it the answer comes about differently */
        MATTERS  /* ... means something else */
    } what;
    int claude;          /* azl_claude_plan() does not know that */
    const char *nothing; /* a value that says nothing; NULL: null alone */
} member_t;

static const member_t members[] = {
    {"messages", CARRIED, 0, NULL},
    {"model", CARRIED, 0, NULL},
    {"stream", CARRIED, 0, NULL},
    {"stream_options", CARRIED, 0, NULL},
    {"max_tokens", CARRIED, 0, NULL},
    {"max_completion_tokens", CARRIED, 0, NULL},
    {"stop", CARRIED, 0, NULL},
    {"temperature", CARRIED, 0, NULL},
    {"top_p", CARRIED, 0, NULL},
    {"top_k", CARRIED, 0, NULL},
    {"n", CARRIED, 0, NULL},
    {"tools", CARRIED, 0, NULL},
    {"tool_choice", CARRIED, 0, NULL},
    {"response_format", CARRIED, 0, NULL},
    {"reasoning_effort", CARRIED, 0, NULL},
    {"logprobs", MATTERS, 0, "false"},
    {"top_logprobs", MATTERS, 0, "0"},
    {"audio", MATTERS, 0, NULL},
    {"modalities", MATTERS, 0, "[\"text\"]"},
    {"moderation", MATTERS, 0, NULL},
    {"functions", MATTERS, 0, NULL},
    {"function_call", MATTERS, 0, NULL},
    {"web_search_options", MATTERS, 0, NULL},
    {"frequency_penalty", LESSER, 0, "0"},
    {"presence_penalty", LESSER, 0, "0"},
    {"store", LESSER, 0, "false"},
    {"parallel_tool_calls", LESSER, 1, "true"},
    {"user", LESSER, 1, NULL},
    {"safety_identifier", LESSER, 1, NULL},
    {"metadata", LESSER, 1, NULL},
    {"service_tier", LESSER, 1, "\"auto\""},
    {"cache_control", CARRIED, 1, NULL},
};

static const member_t *find_member(const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); ++i) {
        if (strcmp(members[i].name, name) == 0) {
            return &members[i];
        }
    }
    return NULL;
}

static int says_nothing(request_t *rq, const member_t *m,
                        const azl_json_t *value)
{
    const char *number = azl_json_number(value);
    azl_buf_t *text;
    int same;

    if (!value || !m->nothing) {
        return !value;
    }
    if (number) {
        return apr_isdigit(*m->nothing) && strtod(number, NULL) == 0;
    }
    text = azl_buf_create(rq->pl.rq.ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_json_write(text, value);
    same = azl_span_is(azl_span(text->data, text->len), m->nothing);
    azl_buf_free(text);
    return same;
}

/* A name of the client's own goes into a header only if it is a word. */
static const char *told_name(apr_pool_t *p, const char *name)
{
    apr_size_t len;

    for (len = 0; apr_isalnum(name[len]) || name[len] == '_'; ++len) {
    }
    return len && len <= NAME_MAX_TOLD && !name[len] ? apr_pstrdup(p, name)
                                                     : "(unknown)";
}

/* 1 ends the walk: refused. */
static int check_member(void *baton, const char *name, const azl_json_t *value)
{
    request_t *rq = baton;
    const member_t *m = find_member(name);

    if (rq->behind == AZL_BEHIND_CLAUDE && (!m || !m->claude)) {
        return 0; /* as everywhere for a Claude */
    }
    if (!m) {
        return value && !without(rq, told_name(rq->pl.rq.ex->pool, name), 0);
    }
    if (m->what == CARRIED || says_nothing(rq, m, value)) {
        return 0;
    }
    return !without(rq, m->name, m->what == MATTERS);
}

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
    const azl_claude_plan_t *pl = &rq->pl;
    azl_write_t *w = &rq->pl.rq.w;

    if (rq->behind != AZL_BEHIND_CLAUDE) {
        copy(rq, "reasoning_effort");
        return;
    }
    if (pl->given) {
        azl_write_json(w, "thinking", pl->given);
    }
    else if (pl->off || pl->adaptive || pl->budget) {
        azl_write_open(w, "thinking", '{');
        azl_write_str(w, "type",
                      pl->off      ? "disabled"
                      : pl->budget ? "enabled"
                                   : "adaptive");
        if (pl->budget && !pl->off) {
            azl_write_int(w, "budget_tokens", pl->budget);
        }
        azl_write_close(w, '}');
    }
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
    if (azl_json_each(ex->hub, check_member, &rq) ||
        (rq.behind == AZL_BEHIND_CLAUDE && !plan_claude(&rq, memo))) {
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
