/*
 * azl_ctl_usage: the parts of `azurelitctl usage`: a line that was read, the
 * sums over lines, and how they are printed.
 */
#ifndef AZL_CTL_USAGE_H
#define AZL_CTL_USAGE_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_price.h"
#include "azl_span.h"

/* One usage record; texts are in the pool it was read to. */
typedef struct azl_ctl_line_t {
    apr_time_t time;
    const char *key_name; /* NULL: none */
    const char *key_hash;
    const char *model;
    apr_int64_t status;
    int failed;
    int counted; /* the upstream reported tokens */
    int estimated; /* ... or rather we did */
    apr_int64_t prompt;
    apr_int64_t cached;
    apr_int64_t cache_write;
    apr_int64_t completion;
    apr_int64_t reasoning;
    azl_pico_t cost; /* AZL_PRICE_UNSET: unknown */
    const char *response; /* made in the background; NULL: not */
    int later; /* tells what such a response has used: no request of its own */
} azl_ctl_line_t;

/* 1, or 0 if the text is no usage record. Members it does not know are
 * skipped. */
int azl_ctl_line_read(apr_pool_t *p, azl_span_t text, azl_ctl_line_t *line);

/* Dollars and the rest of a dollar apart: a fleet's year does not fit 63 bits
 * of pico-dollars. */
typedef struct azl_ctl_money_t {
    apr_int64_t usd;
    azl_pico_t pico; /* 0 <= pico < 1 USD */
} azl_ctl_money_t;

/* Sums. */
typedef struct azl_ctl_row_t {
    const char *label;
    const char *key_hash; /* with --group-by key */
    apr_int64_t requests;
    apr_int64_t errors;
    apr_int64_t unpriced; /* tokens were reported, but no cost is known */
    apr_int64_t estimated; /* tokens and cost are our estimate */
    apr_int64_t prompt;
    apr_int64_t cached;
    apr_int64_t cache_write;
    apr_int64_t completion;
    apr_int64_t reasoning;
    azl_ctl_money_t cost;
    azl_ctl_money_t estimated_cost; /* the part of it that is estimated */
} azl_ctl_row_t;

typedef enum {
    AZL_CTL_GROUP_NONE = 0,
    AZL_CTL_GROUP_KEY,
    AZL_CTL_GROUP_MODEL,
    AZL_CTL_GROUP_DAY
} azl_ctl_group_e;

typedef struct azl_ctl_sums_t {
    apr_pool_t *pool;
    azl_ctl_group_e group;
    apr_hash_t *rows; /* id of the group -> azl_ctl_row_t * */
    apr_hash_t *responses; /* whose tokens have been counted */
    azl_ctl_row_t *other;
    azl_ctl_row_t total;
} azl_ctl_sums_t;

/* At most AZL_CTL_ROWS_MAX groups are kept; what belongs to a further one is
 * added to the row "(other)", so that memory has a limit. */
#define AZL_CTL_ROWS_MAX 20000
azl_ctl_sums_t *azl_ctl_sums_create(apr_pool_t *p, azl_ctl_group_e group);
void azl_ctl_sums_add(azl_ctl_sums_t *sums, const azl_ctl_line_t *line);
/* The rows (const azl_ctl_row_t *) as they are to be printed: days in their
 * order, keys and models with the most expensive first, "(other)" last. */
apr_array_header_t *azl_ctl_sums_rows(apr_pool_t *p,
                                      const azl_ctl_sums_t *sums);

/* Print to standard output. `broken` is the number of lines that were skipped.
 */
void azl_ctl_print_table(apr_pool_t *p, const azl_ctl_sums_t *sums);
void azl_ctl_print_csv(apr_pool_t *p, const azl_ctl_sums_t *sums);
void azl_ctl_print_json(apr_pool_t *p, const azl_ctl_sums_t *sums,
                        apr_int64_t broken);

#endif /* AZL_CTL_USAGE_H */
