/*
 * One line of a usage log. Lines are what a crash or a full disk leaves of
 * them, so nothing is taken for granted.
 */
#include <string.h>

#include <apr_strings.h>

#include "azl_ctl_usage.h"
#include "azl_scan.h"
#include "azl_time.h"

/* No request has a trillion tokens; a larger number is no count. */
#define COUNT_MAX APR_INT64_C(1000000000000)
#define STATUS_MAX 999

static int read_text(apr_pool_t *p, const azl_value_t *v, const char **text)
{
    if (v->type == AZL_JSON_NULL) {
        return 1;
    }
    if (v->type != AZL_JSON_STRING) {
        return 0;
    }
    *text = azl_scan_text(p, v->raw);
    return *text != NULL;
}

static int read_count(const azl_value_t *v, apr_int64_t *n, int *counted)
{
    if (v->type == AZL_JSON_NULL) {
        return 1;
    }
    *counted = 1;
    return v->type == AZL_JSON_NUMBER && azl_scan_uint(v->raw, n) &&
           *n <= COUNT_MAX;
}

static int read_cost(apr_pool_t *p, const azl_value_t *v, azl_pico_t *cost)
{
    if (v->type == AZL_JSON_NULL) {
        return 1;
    }
    return v->type == AZL_JSON_NUMBER &&
           azl_price_parse_usd(apr_pstrmemdup(p, v->raw.at, v->raw.len), cost);
}

static int read_time(apr_pool_t *p, const azl_value_t *v, apr_time_t *time)
{
    const char *text = NULL;
    int only_date;

    return read_text(p, v, &text) && text &&
           azl_time_parse(azl_span_str(text), time, &only_date) && !only_date;
}

static int read_member(apr_pool_t *p, azl_span_t key, const azl_value_t *v,
                       azl_ctl_line_t *line)
{
    if (azl_span_is(key, "time")) {
        return read_time(p, v, &line->time);
    }
    if (azl_span_is(key, "status")) {
        return v->type == AZL_JSON_NUMBER &&
               azl_scan_uint(v->raw, &line->status) &&
               line->status <= STATUS_MAX;
    }
    if (azl_span_is(key, "key_name")) {
        return read_text(p, v, &line->key_name);
    }
    if (azl_span_is(key, "key_hash")) {
        return read_text(p, v, &line->key_hash);
    }
    if (azl_span_is(key, "model")) {
        return read_text(p, v, &line->model);
    }
    if (azl_span_is(key, "error")) {
        line->failed = v->type != AZL_JSON_NULL;
        return 1;
    }
    if (azl_span_is(key, "prompt_tokens")) {
        return read_count(v, &line->prompt, &line->counted);
    }
    if (azl_span_is(key, "cached_tokens")) {
        return read_count(v, &line->cached, &line->counted);
    }
    if (azl_span_is(key, "cache_write_tokens")) {
        return read_count(v, &line->cache_write, &line->counted);
    }
    if (azl_span_is(key, "completion_tokens")) {
        return read_count(v, &line->completion, &line->counted);
    }
    if (azl_span_is(key, "reasoning_tokens")) {
        return read_count(v, &line->reasoning, &line->counted);
    }
    if (azl_span_is(key, "estimated")) {
        line->estimated = azl_span_is(v->raw, "true");
        return 1;
    }
    if (azl_span_is(key, "response")) {
        return read_text(p, v, &line->response);
    }
    if (azl_span_is(key, "surface")) {
        line->later = azl_span_is(v->raw, "\"responses.get\"") ||
                      azl_span_is(v->raw, "\"responses.cancel\"");
        return 1;
    }
    if (azl_span_is(key, "cost_usd")) {
        return read_cost(p, v, &line->cost);
    }
    return 1;
}

int azl_ctl_line_read(apr_pool_t *p, azl_span_t text, azl_ctl_line_t *line)
{
    azl_scan_t s;
    azl_span_t key;
    azl_value_t v;

    memset(line, 0, sizeof(*line));
    line->time = -1;
    line->status = -1;
    line->cost = AZL_PRICE_UNSET;
    azl_scan_init(&s, text.at, text.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1 && azl_scan_value(&s, &v) == 1) {
        if (!read_member(p, key, &v, line)) {
            return 0;
        }
    }
    line->failed |= line->status >= 400;
    return azl_scan_end(&s) == 1 && line->time >= 0 && line->status >= 0;
}
