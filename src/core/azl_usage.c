#include <string.h>

#include <apr_lib.h>

#include "azl_usage.h"

/* No answer has a trillion tokens or seconds; a larger number is garbage, and
 * taking it seriously would let sums overflow. */
#define COUNT_MAX APR_INT64_C(1000000000000)
/* Of one answer; more could let sums overflow, too. */
#define ITERATIONS_MAX 1000

/* What was read so far. Some upstreams say a thing in two places; the one that
 * OpenAI defines wins, wherever it stands. */
typedef struct reading_t {
    azl_usage_t usage;
    apr_int64_t own_reasoning; /* DeepSeek: beside the details */
    apr_int64_t own_cached;
    apr_int64_t total; /* 0: it is not told */
    int has_reasoning;
    int has_cached;
} reading_t;

static int count(const azl_value_t *v, apr_int64_t *n)
{
    apr_int64_t got;

    if (v->type != AZL_JSON_NUMBER || !azl_scan_uint(v->raw, &got) ||
        got > COUNT_MAX) {
        return 0;
    }
    *n = got;
    return 1;
}

/* "12" or "12.345" seconds in milliseconds, further places cut off. */
static int milliseconds(const azl_value_t *v, apr_int64_t *ms)
{
    const char *end = v->raw.at + v->raw.len;
    const char *dot = memchr(v->raw.at, '.', v->raw.len);
    azl_value_t whole = *v;
    apr_int64_t n;
    int scale;

    if (dot) {
        whole.raw.len = (apr_size_t)(dot - v->raw.at);
    }
    if (!count(&whole, &n)) {
        return 0;
    }
    n *= 1000;
    for (scale = 100; dot && ++dot < end; scale /= 10) {
        if (!apr_isdigit(*dot)) {
            return 0; /* an exponent */
        }
        n += (apr_int64_t)(*dot - '0') * scale;
    }
    *ms = n;
    return 1;
}

/* How much of what was written to a cache is kept for an hour: Anthropic's
 * cache_creation. */
static void read_cache_times(azl_scan_t *s, apr_int64_t *hour)
{
    azl_span_t key;
    azl_value_t v;

    if (azl_scan_peek(s) != AZL_JSON_OBJECT) {
        azl_scan_value(s, &v);
        return;
    }
    azl_scan_enter(s);
    while (azl_scan_member(s, &key) == 1 && azl_scan_value(s, &v) == 1) {
        if (azl_span_is(key, "ephemeral_1h_input_tokens")) {
            count(&v, hour);
        }
    }
}

/* prompt_tokens_details and its namesakes; null and {} are usual. `audio` is
 * where those of this side belong. */
static void read_details(azl_scan_t *s, reading_t *r, apr_int64_t *audio)
{
    azl_span_t key;
    azl_value_t v;

    if (azl_scan_peek(s) != AZL_JSON_OBJECT) {
        azl_scan_value(s, &v);
        return;
    }
    azl_scan_enter(s);
    while (azl_scan_member(s, &key) == 1) {
        /* what LiteLLM calls it */
        if (azl_span_is(key, "cache_creation_token_details")) {
            read_cache_times(s, &r->usage.cache_write_1h);
            continue;
        }
        if (azl_scan_value(s, &v) != 1) {
            return;
        }
        if (azl_span_is(key, "audio_tokens")) {
            count(&v, audio);
        }
        else if (azl_span_is(key, "cached_tokens")) {
            r->has_cached |= count(&v, &r->usage.cached);
        }
        else if (azl_span_is(key, "cache_write_tokens")) {
            count(&v, &r->usage.cache_write);
        }
        else if (azl_span_is(key, "reasoning_tokens")) {
            r->has_reasoning |= count(&v, &r->usage.reasoning);
        }
    }
}

/* Transcriptions say "token". */
static int is_prompt_details(azl_span_t key)
{
    return azl_span_is(key, "prompt_tokens_details") ||
           azl_span_is(key, "input_tokens_details") ||
           azl_span_is(key, "input_token_details");
}

static int is_completion_details(azl_span_t key)
{
    return azl_span_is(key, "completion_tokens_details") ||
           azl_span_is(key, "output_tokens_details") ||
           azl_span_is(key, "output_token_details");
}

static void read_member(azl_span_t key, const azl_value_t *v, reading_t *r)
{
    azl_usage_t *u = &r->usage;

    if (azl_span_is(key, "prompt_tokens") || azl_span_is(key, "input_tokens")) {
        u->told |= count(v, &u->prompt) ? AZL_USAGE_PROMPT : 0;
    }
    else if (azl_span_is(key, "completion_tokens") ||
             azl_span_is(key, "output_tokens")) {
        u->told |= count(v, &u->completion) ? AZL_USAGE_COMPLETION : 0;
    }
    else if (azl_span_is(key, "total_tokens")) {
        count(v, &r->total);
    }
    else if (azl_span_is(key, "reasoning_tokens")) {
        count(v, &r->own_reasoning);
    }
    else if (azl_span_is(key, "prompt_cache_hit_tokens")) {
        count(v, &r->own_cached);
    }
    else if (azl_span_is(key, "seconds")) {
        u->told |= milliseconds(v, &u->duration_ms) ? AZL_USAGE_ALL : 0;
    }
}

int azl_usage_read(azl_usage_t *u, azl_span_t raw)
{
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;
    reading_t r;

    memset(&r, 0, sizeof(r));
    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1) {
        if (is_prompt_details(key)) {
            read_details(&s, &r, &r.usage.audio_prompt);
        }
        else if (is_completion_details(key)) {
            read_details(&s, &r, &r.usage.audio_completion);
        }
        else if (azl_scan_value(&s, &v) == 1) {
            read_member(key, &v, &r);
        }
    }
    if (azl_scan_end(&s) != 1 || !r.usage.told) {
        return 0;
    }
    r.usage.reported = 1;
    if (!r.has_reasoning) {
        r.usage.reasoning = r.own_reasoning;
    }
    if (!r.has_cached) {
        r.usage.cached = r.own_cached;
    }
    /* xAI counts what was thought beside the completion: the sum tells */
    if (r.total == r.usage.prompt + r.usage.completion + r.usage.reasoning) {
        r.usage.completion += r.usage.reasoning;
    }
    r.usage.other_tier = u->other_tier;
    r.usage.background = u->background;
    *u = r.usage;
    return 1;
}

/* How many of the tokens of an answer were thought. */
static void read_output_details(azl_scan_t *s, azl_usage_t *u)
{
    azl_span_t key;
    azl_value_t v;

    if (azl_scan_peek(s) != AZL_JSON_OBJECT) {
        azl_scan_value(s, &v);
        return;
    }
    azl_scan_enter(s);
    while (azl_scan_member(s, &key) == 1 && azl_scan_value(s, &v) == 1) {
        if (azl_span_is(key, "thinking_tokens")) {
            count(&v, &u->reasoning);
        }
    }
}

/* One of usage.iterations. */
typedef struct iteration_t {
    azl_span_t type; /* as JSON, like the model; empty: none */
    azl_span_t model;
    azl_usage_beside_t counts;
} iteration_t;

static void read_iteration(azl_span_t raw, iteration_t *it)
{
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;

    memset(it, 0, sizeof(*it));
    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1) {
        if (azl_span_is(key, "cache_creation")) {
            read_cache_times(&s, &it->counts.cache_write_1h);
            continue;
        }
        if (azl_scan_value(&s, &v) != 1) {
            return;
        }
        if (azl_span_is(key, "type")) {
            it->type = v.raw;
        }
        else if (azl_span_is(key, "model")) {
            it->model = v.raw;
        }
        else if (azl_span_is(key, "input_tokens")) {
            count(&v, &it->counts.input);
        }
        else if (azl_span_is(key, "cache_read_input_tokens")) {
            count(&v, &it->counts.cached);
        }
        else if (azl_span_is(key, "cache_creation_input_tokens")) {
            count(&v, &it->counts.cache_write);
        }
        else if (azl_span_is(key, "output_tokens")) {
            count(&v, &it->counts.completion);
        }
    }
}

static int is_fallback(const iteration_t *it)
{
    return azl_span_is(it->type, "\"fallback_message\"");
}

static int is_advisor(const iteration_t *it)
{
    return azl_span_is(it->type, "\"advisor_message\"");
}

/* Do the totals leave it out? Where a model has declined and another one
 * answered, they are those of the latter. What the first had said until then is
 * billed; if it had said nothing, what it read is not. */
static int is_beside(const iteration_t *it, const iteration_t *fallback)
{
    if (azl_span_is(it->type, "\"message\"")) {
        return it->counts.completion > 0 && it->model.len &&
               fallback->model.len &&
               !azl_span_equals(it->model, fallback->model);
    }
    return is_advisor(it) || azl_span_is(it->type, "\"compaction\"");
}

/* The iteration of the model that answered in place of another, if one has:
 * the last of them. 1 if it is a list. */
static int find_fallback(azl_scan_t *s, iteration_t *fallback)
{
    iteration_t it;
    azl_value_t v;
    int n;

    memset(fallback, 0, sizeof(*fallback));
    if (azl_scan_peek(s) != AZL_JSON_ARRAY) {
        azl_scan_value(s, &v);
        return 0;
    }
    azl_scan_enter(s);
    for (n = 0; azl_scan_element(s) == 1 && azl_scan_value(s, &v) == 1; n++) {
        if (n < ITERATIONS_MAX) {
            read_iteration(v.raw, &it);
            *fallback = is_fallback(&it) ? it : *fallback;
        }
    }
    return 1;
}

/* Of several lists the last one counts. */
static void read_iterations(azl_scan_t *s, azl_usage_t *u)
{
    azl_usage_beside_t *sum = &u->beside;
    azl_scan_t again = *s;
    iteration_t fallback, it;
    azl_value_t v;
    int n;

    if (!find_fallback(s, &fallback)) {
        return;
    }
    memset(sum, 0, sizeof(*sum));
    azl_scan_enter(&again);
    for (n = 0; n < ITERATIONS_MAX && azl_scan_element(&again) == 1 &&
                azl_scan_value(&again, &v) == 1;
         n++) {
        read_iteration(v.raw, &it);
        sum->other_model |= is_advisor(&it) || is_fallback(&it);
        if (is_beside(&it, &fallback)) {
            sum->input += it.counts.input;
            sum->cached += it.counts.cached;
            sum->cache_write += it.counts.cache_write;
            sum->cache_write_1h += it.counts.cache_write_1h;
            sum->completion += it.counts.completion;
        }
    }
}

/* Add what stands beside the totals, or (-1) take it out of them. */
static void put_beside(azl_usage_t *u, int sign)
{
    const azl_usage_beside_t *beside = &u->beside;

    u->cached += sign * beside->cached;
    u->cache_write += sign * beside->cache_write;
    u->cache_write_1h += sign * beside->cache_write_1h;
    u->completion += sign * beside->completion;
    u->prompt += sign * (beside->input + beside->cached + beside->cache_write);
    u->other_tier |= beside->other_model || u->fast;
}

int azl_usage_read_messages(azl_usage_t *u, azl_span_t raw)
{
    azl_usage_t got = *u;
    apr_int64_t input;
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;
    int told = 0;

    put_beside(&got, -1);
    input = got.prompt - got.cached - got.cache_write;
    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1) {
        if (azl_span_is(key, "iterations")) {
            read_iterations(&s, &got);
            continue;
        }
        if (azl_span_is(key, "output_tokens_details")) {
            read_output_details(&s, &got);
            continue;
        }
        if (azl_span_is(key, "cache_creation")) {
            read_cache_times(&s, &got.cache_write_1h);
            continue;
        }
        if (azl_scan_value(&s, &v) != 1) {
            break;
        }
        if (azl_span_is(key, "input_tokens")) {
            told |= count(&v, &input) ? AZL_USAGE_PROMPT : 0;
        }
        else if (azl_span_is(key, "cache_read_input_tokens")) {
            told |= count(&v, &got.cached) ? AZL_USAGE_PROMPT : 0;
        }
        else if (azl_span_is(key, "cache_creation_input_tokens")) {
            told |= count(&v, &got.cache_write) ? AZL_USAGE_PROMPT : 0;
        }
        else if (azl_span_is(key, "output_tokens")) {
            told |= count(&v, &got.completion) ? AZL_USAGE_COMPLETION : 0;
        }
        else if (azl_span_is(key, "service_tier")) {
            azl_usage_read_tier(&got, v.raw);
        }
        else if (azl_span_is(key, "speed")) {
            got.fast = azl_span_is(v.raw, "\"fast\"");
        }
    }
    if (azl_scan_end(&s) != 1 || !told) {
        return 0;
    }
    got.prompt = input + got.cached + got.cache_write;
    put_beside(&got, 1);
    got.reported = 1;
    got.told |= told;
    *u = got;
    return 1;
}

void azl_usage_read_tier(azl_usage_t *u, azl_span_t raw)
{
    static const char *const listed[] = {"\"default\"", "\"auto\"",
                                         "\"standard\"", "\"scale\""};
    apr_size_t i;

    if (raw.len == 0 || *raw.at != '"' || azl_span_is(raw, "\"\"")) {
        return;
    }
    u->other_tier = 1;
    for (i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        if (azl_span_is(raw, listed[i])) {
            u->other_tier = 0;
        }
    }
}

void azl_usage_read_background(azl_usage_t *u, azl_span_t raw)
{
    u->background = azl_span_is(raw, "true");
}

apr_int64_t azl_usage_cache_write_5m(const azl_usage_t *u)
{
    return u->cache_write > u->cache_write_1h
               ? u->cache_write - u->cache_write_1h
               : 0;
}

void azl_usage_add(azl_usage_t *sum, const azl_usage_t *more)
{
    sum->reported |= more->reported;
    sum->estimated |= more->estimated;
    sum->prompt += more->prompt;
    sum->cached += more->cached;
    sum->cache_write += more->cache_write;
    sum->cache_write_1h += more->cache_write_1h;
    sum->audio_prompt += more->audio_prompt;
    sum->completion += more->completion;
    sum->reasoning += more->reasoning;
    sum->audio_completion += more->audio_completion;
    sum->duration_ms += more->duration_ms;
    sum->other_tier |= more->other_tier;
}
