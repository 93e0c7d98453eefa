/*
 * The members of a chat request beside its messages and tools, as Google has
 * them: one table says what becomes of each.
 */
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_gemini_int.h"

static int refuse(const azl_gemini_request_t *rq, const char *path,
                  const char *message)
{
    return azl_exchange_refuse(rq->ex, rq->err, path, message);
}

static int without(const azl_gemini_request_t *rq, const char *member,
                   int matters)
{
    /* the tree of the request does not live as long as the list */
    return azl_exchange_without(rq->ex, apr_pstrdup(rq->ex->pool, member),
                                matters, rq->err);
}

static azl_json_t *member(const azl_gemini_request_t *rq, const char *name)
{
    return azl_json_get(rq->ex->hub, name);
}

static int is_word(const azl_json_t *value, const char *word)
{
    return azl_span_is(azl_json_text(value), word);
}

azl_json_t *azl_gemini_extension(const azl_gemini_request_t *rq,
                                 const char *camel, const char *snake)
{
    azl_json_t *value = member(rq, camel);

    return value ? value : member(rq, snake);
}

typedef int param_fn(const azl_gemini_request_t *rq, const char *name,
                     const azl_json_t *value, const char *theirs);

static int put_number(const azl_gemini_request_t *rq, const char *name,
                      const azl_json_t *value, const char *theirs)
{
    if (!azl_json_number(value)) {
        return refuse(rq, name, "This must be a number.");
    }
    azl_write_json(rq->w, theirs, value);
    return 1;
}

/* 0 is what all models do anyway. Those that think refuse to hear of it, but
 * on Vertex. */
static int put_penalty(const azl_gemini_request_t *rq, const char *name,
                       const azl_json_t *value, const char *theirs)
{
    const char *number = azl_json_number(value);

    if (number && strtod(number, NULL) == 0.0) {
        return 1;
    }
    if (rq->model->thinking != AZL_GEMINI_NO_THINKING && !rq->vertex) {
        return without(rq, name, 0);
    }
    return put_number(rq, name, value, theirs);
}

/* A stream that ends is whole only with as many; see azl_gemini_decoder(). */
static int put_choices(const azl_gemini_request_t *rq, const char *name,
                       const azl_json_t *value, const char *theirs)
{
    int *choices = apr_palloc(rq->ex->pool, sizeof(*choices));
    apr_int64_t n;

    if (!azl_json_int(value, &n) || n < 1 || n > AZL_CHOICES_MAX) {
        return refuse(rq, name, "This must be a number from 1 to 128.");
    }
    *choices = (int)n;
    rq->ex->memo = choices;
    if (n > 1) {
        azl_write_int(rq->w, theirs, n);
    }
    return 1;
}

static int put_old_limit(const azl_gemini_request_t *rq, const char *name,
                         const azl_json_t *value, const char *theirs)
{
    return member(rq, "max_completion_tokens")
               ? 1
               : put_number(rq, name, value, theirs);
}

static int put_stop(const azl_gemini_request_t *rq, const char *name,
                    const azl_json_t *value, const char *theirs)
{
    apr_size_t n = azl_json_length(value);
    apr_size_t i;

    if (azl_json_type(value) == AZL_JSON_STRING) {
        azl_write_open(rq->w, theirs, '[');
        azl_write_json(rq->w, NULL, value);
        azl_write_close(rq->w, ']');
        return 1;
    }
    if (azl_json_type(value) != AZL_JSON_ARRAY) {
        return refuse(rq, name, "This must be a string or a list of strings.");
    }
    for (i = 0; i < n; ++i) {
        if (azl_json_type(azl_json_at(value, i)) != AZL_JSON_STRING) {
            return refuse(rq,
                          apr_psprintf(rq->ex->pool, "%s[%d]", name, (int)i),
                          "This must be a string.");
        }
    }
    if (n) {
        azl_write_json(rq->w, theirs, value);
    }
    return 1;
}

static int put_format(const azl_gemini_request_t *rq, const char *name,
                      const azl_json_t *value, const char *theirs)
{
    const azl_json_t *type = azl_json_get(value, "type");
    azl_json_t *schema;

    if (is_word(type, "text")) {
        return 1;
    }
    if (!is_word(type, "json_object") && !is_word(type, "json_schema")) {
        return refuse(rq, "response_format.type",
                      "The type must be one of text, json_object and "
                      "json_schema.");
    }
    if (!rq->model->json_beside_tools && azl_json_length(member(rq, "tools"))) {
        return without(rq, name, 1);
    }
    azl_write_str(rq->w, theirs, "application/json");
    schema = azl_json_get(azl_json_get(value, "json_schema"), "schema");
    if (schema && is_word(type, "json_schema")) {
        azl_write_json(rq->w, "responseJsonSchema", schema);
    }
    return 1;
}

/* Text, and pictures from those models that draw. */
static int put_modalities(const azl_gemini_request_t *rq, const char *name,
                          const azl_json_t *value, const char *theirs)
{
    apr_size_t n = azl_json_length(value);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        const azl_json_t *one = azl_json_at(value, i);

        if (!is_word(one, "text") && !is_word(one, "image")) {
            return without(rq, name, 1);
        }
    }
    if (n == 0 || (n == 1 && is_word(azl_json_at(value, 0), "text"))) {
        return 1;
    }
    azl_write_open(rq->w, theirs, '[');
    for (i = 0; i < n; ++i) {
        azl_write_str(rq->w, NULL,
                      is_word(azl_json_at(value, i), "text") ? "TEXT"
                                                             : "IMAGE");
    }
    azl_write_close(rq->w, ']');
    return 1;
}

static int put_effort(const azl_gemini_request_t *rq, const char *name,
                      const azl_json_t *value, const char *theirs)
{
    const azl_gemini_model_t *model = rq->model;
    const char *word = azl_json_string(value);
    int effort = word ? azl_gemini_effort(word) : -1;

    if (effort < 0) {
        return refuse(rq, name,
                      "The effort must be one of none, minimal, low, "
                      "medium, high, xhigh and max.");
    }
    if (azl_gemini_extension(rq, "thinkingConfig", "thinking_config")) {
        return 1;
    }
    if (model->thinking == AZL_GEMINI_NO_THINKING) {
        return effort == 0 || without(rq, name, 0);
    }
    if (effort == 0 && model->always && !without(rq, name, 0)) {
        return 0;
    }
    azl_write_open(rq->w, theirs, '{');
    azl_write_raw(rq->w,
                  model->thinking == AZL_GEMINI_BUDGET ? "thinkingBudget"
                                                       : "thinkingLevel",
                  azl_span_str(model->effort[effort]));
    if (effort > 0) {
        azl_write_bool(rq->w, "includeThoughts", 1);
    }
    azl_write_close(rq->w, '}');
    return 1;
}

static int put_as_it_is(const azl_gemini_request_t *rq, const char *name,
                        const azl_json_t *value, const char *theirs)
{
    (void)name;
    azl_write_json(rq->w, theirs, value);
    return 1;
}

/* Written elsewhere, or of no meaning here. */
static int is_done(const azl_gemini_request_t *rq, const char *name,
                   const azl_json_t *value, const char *theirs)
{
    (void)rq;
    (void)name;
    (void)value;
    (void)theirs;
    return 1;
}

/* It does not exist, but the answer is the same kind of answer without it. */
static int leave_out(const azl_gemini_request_t *rq, const char *name,
                     const azl_json_t *value, const char *theirs)
{
    (void)value;
    (void)theirs;
    return without(rq, name, 0);
}

static int any_member(void *baton, const char *name, const azl_json_t *value)
{
    (void)baton;
    (void)name;
    (void)value;
    return 1;
}

/* What is false, zero or empty asks for nothing. */
static int asks_nothing(const azl_json_t *value)
{
    const char *number = azl_json_number(value);

    return azl_json_type(value) == AZL_JSON_FALSE ||
           (number && strtod(number, NULL) == 0.0) ||
           (azl_json_type(value) == AZL_JSON_OBJECT &&
            !azl_json_each(value, any_member, NULL));
}

static int leave_out_if_asked(const azl_gemini_request_t *rq, const char *name,
                              const azl_json_t *value, const char *theirs)
{
    (void)theirs;
    return asks_nothing(value) || without(rq, name, 0);
}

static int miss(const azl_gemini_request_t *rq, const char *name,
                const azl_json_t *value, const char *theirs)
{
    (void)theirs;
    return asks_nothing(value) || without(rq, name, 1);
}

/* One after the other is what is meant by false; nothing can hold it. */
static int put_parallel(const azl_gemini_request_t *rq, const char *name,
                        const azl_json_t *value, const char *theirs)
{
    (void)theirs;
    return azl_json_type(value) == AZL_JSON_TRUE || without(rq, name, 0);
}

static const struct {
    const char *name;
    param_fn *put;
    const char *theirs;
} params[] = {
    {"audio", miss, NULL},
    {"cache_control", is_done, NULL},
    {"cachedContent", is_done, NULL},
    {"cached_content", is_done, NULL},
    {"frequency_penalty", put_penalty, "frequencyPenalty"},
    {"function_call", is_done, NULL},
    {"functions", is_done, NULL},
    {"logit_bias", miss, NULL},
    {"logprobs", miss, NULL},
    {"max_completion_tokens", put_number, "maxOutputTokens"},
    {"max_tokens", put_old_limit, "maxOutputTokens"},
    {"messages", is_done, NULL},
    {"modalities", put_modalities, "responseModalities"},
    {"model", is_done, NULL},
    {"moderation", miss, NULL},
    {"n", put_choices, "candidateCount"},
    {"parallel_tool_calls", put_parallel, NULL},
    {"presence_penalty", put_penalty, "presencePenalty"},
    {"reasoning_effort", put_effort, "thinkingConfig"},
    {"response_format", put_format, "responseMimeType"},
    {"safetySettings", is_done, NULL},
    {"safety_settings", is_done, NULL},
    {"seed", put_number, "seed"},
    {"service_tier", is_done, NULL},
    {"stop", put_stop, "stopSequences"},
    {"store", leave_out_if_asked, NULL},
    {"stream", is_done, NULL},
    {"stream_options", is_done, NULL},
    {"temperature", put_number, "temperature"},
    {"thinkingConfig", put_as_it_is, "thinkingConfig"},
    {"thinking_config", put_as_it_is, "thinkingConfig"},
    {"tool_choice", is_done, NULL},
    {"tools", is_done, NULL},
    {"top_k", put_number, "topK"},
    {"top_logprobs", miss, NULL},
    {"top_p", put_number, "topP"},
    {"web_search_options", miss, NULL},
    /* metadata, user, verbosity, prediction, prompt_cache_..., and whatever
     * will be thought of */
    {NULL, leave_out, NULL},
};

static int put_param(void *baton, const char *name, const azl_json_t *value)
{
    const azl_gemini_request_t *rq = baton;
    apr_size_t i = 0;

    if (!value) {
        return 0;
    }
    while (params[i].name && strcmp(params[i].name, name) != 0) {
        ++i;
    }
    return !params[i].put(rq, name, value, params[i].theirs);
}

int azl_gemini_config(azl_gemini_request_t *rq)
{
    int ok;

    azl_write_open(rq->w, "generationConfig", '{');
    ok = !azl_json_each(rq->ex->hub, put_param, rq);
    azl_write_close(rq->w, '}');
    return ok;
}
