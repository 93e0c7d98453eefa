/*
 * The sums over usage records, by group.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "azl_ctl_usage.h"
#include "azl_time.h"

#define DAY_LEN 10 /* 2026-11-21 */
#define PICO_PER_USD APR_INT64_C(1000000000000)

static const char other[] = "(other)";

azl_ctl_sums_t *azl_ctl_sums_create(apr_pool_t *p, azl_ctl_group_e group)
{
    azl_ctl_sums_t *sums = apr_pcalloc(p, sizeof(*sums));

    sums->pool = p;
    sums->group = group;
    sums->rows = apr_hash_make(p);
    sums->responses = apr_hash_make(p);
    sums->total.label = "total";
    return sums;
}

/* The identity of a group; for keys the digest counts, and the name of a key
 * that was renamed makes a group of its own. */
static const char *group_id(azl_ctl_group_e group, const azl_ctl_line_t *line,
                            char *buf, apr_size_t size)
{
    char time[AZL_TIME_TEXT_LEN];

    switch (group) {
    case AZL_CTL_GROUP_KEY:
        apr_snprintf(buf, size, "%s %s", line->key_hash ? line->key_hash : "",
                     line->key_name ? line->key_name : "");
        return buf;
    case AZL_CTL_GROUP_MODEL:
        return line->model ? line->model : "";
    default:
        azl_time_text(line->time, time);
        apr_cpystrn(buf, time, DAY_LEN + 1);
        return buf;
    }
}

static const char *group_label(azl_ctl_group_e group,
                               const azl_ctl_line_t *line, const char *id)
{
    const char *label = id;

    if (group == AZL_CTL_GROUP_KEY) {
        label = line->key_name;
    }
    return label && *label ? label : "(none)";
}

static azl_ctl_row_t *row_of(azl_ctl_sums_t *sums, const azl_ctl_line_t *line)
{
    char buf[512];
    const char *id = group_id(sums->group, line, buf, sizeof(buf));
    azl_ctl_row_t *row = apr_hash_get(sums->rows, id, APR_HASH_KEY_STRING);

    if (row) {
        return row;
    }
    if (apr_hash_count(sums->rows) >= AZL_CTL_ROWS_MAX) {
        if (!sums->other) {
            sums->other = apr_pcalloc(sums->pool, sizeof(*row));
            sums->other->label = other;
        }
        return sums->other;
    }
    row = apr_pcalloc(sums->pool, sizeof(*row));
    row->label = apr_pstrdup(sums->pool, group_label(sums->group, line, id));
    if (sums->group == AZL_CTL_GROUP_KEY && line->key_hash) {
        row->key_hash = apr_pstrdup(sums->pool, line->key_hash);
    }
    apr_hash_set(sums->rows, apr_pstrdup(sums->pool, id), APR_HASH_KEY_STRING,
                 row);
    return row;
}

/* A sum that leaves the range stays at its end rather than turn negative. */
static void add_count(apr_int64_t *sum, apr_int64_t n)
{
    *sum = n > APR_INT64_MAX - *sum ? APR_INT64_MAX : *sum + n;
}

static void add_cost(azl_ctl_money_t *sum, azl_pico_t cost)
{
    sum->pico += cost % PICO_PER_USD;
    sum->usd += cost / PICO_PER_USD + sum->pico / PICO_PER_USD;
    sum->pico %= PICO_PER_USD;
}

static void add_line(azl_ctl_row_t *row, const azl_ctl_line_t *line)
{
    row->requests += !line->later;
    row->errors += line->failed && !line->later;
    row->unpriced += line->counted && line->cost == AZL_PRICE_UNSET;
    row->estimated += line->counted && line->estimated;
    add_count(&row->prompt, line->prompt);
    add_count(&row->cached, line->cached);
    add_count(&row->cache_write, line->cache_write);
    add_count(&row->completion, line->completion);
    add_count(&row->reasoning, line->reasoning);
    if (line->cost != AZL_PRICE_UNSET) {
        add_cost(&row->cost, line->cost);
        if (line->estimated) {
            add_cost(&row->estimated_cost, line->cost);
        }
    }
}

/* Several instances may each tell what a response has used. */
static int is_told_again(azl_ctl_sums_t *sums, const azl_ctl_line_t *line)
{
    if (!line->response || !line->counted) {
        return 0;
    }
    if (apr_hash_get(sums->responses, line->response, APR_HASH_KEY_STRING)) {
        return 1;
    }
    apr_hash_set(sums->responses, apr_pstrdup(sums->pool, line->response),
                 APR_HASH_KEY_STRING, "");
    return 0;
}

void azl_ctl_sums_add(azl_ctl_sums_t *sums, const azl_ctl_line_t *line)
{
    if (is_told_again(sums, line)) {
        return;
    }
    add_line(&sums->total, line);
    if (sums->group != AZL_CTL_GROUP_NONE) {
        add_line(row_of(sums, line), line);
    }
}

static int by_label(const void *a, const void *b)
{
    const azl_ctl_row_t *x = *(const azl_ctl_row_t *const *)a;
    const azl_ctl_row_t *y = *(const azl_ctl_row_t *const *)b;
    int rc = strcmp(x->label, y->label);

    if (rc == 0 && x->key_hash && y->key_hash) {
        rc = strcmp(x->key_hash, y->key_hash);
    }
    return rc;
}

static int by_cost(const void *a, const void *b)
{
    const azl_ctl_row_t *x = *(const azl_ctl_row_t *const *)a;
    const azl_ctl_row_t *y = *(const azl_ctl_row_t *const *)b;

    if (x->cost.usd != y->cost.usd) {
        return x->cost.usd > y->cost.usd ? -1 : 1;
    }
    if (x->cost.pico != y->cost.pico) {
        return x->cost.pico > y->cost.pico ? -1 : 1;
    }
    return by_label(a, b);
}

apr_array_header_t *azl_ctl_sums_rows(apr_pool_t *p, const azl_ctl_sums_t *sums)
{
    apr_array_header_t *rows =
        apr_array_make(p, (int)apr_hash_count(sums->rows) + 1, sizeof(void *));
    apr_hash_index_t *hi;
    void *row;

    for (hi = apr_hash_first(p, sums->rows); hi; hi = apr_hash_next(hi)) {
        apr_hash_this(hi, NULL, NULL, &row);
        APR_ARRAY_PUSH(rows, const azl_ctl_row_t *) = row;
    }
    qsort(rows->elts, (size_t)rows->nelts, sizeof(void *),
          sums->group == AZL_CTL_GROUP_DAY ? by_label : by_cost);
    if (sums->other) {
        APR_ARRAY_PUSH(rows, const azl_ctl_row_t *) = sums->other;
    }
    return rows;
}
