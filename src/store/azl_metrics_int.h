/*
 * The series of azl_metrics, for the file that counts and the one that prints.
 */
#ifndef AZL_METRICS_INT_H
#define AZL_METRICS_INT_H

#include "azl_metrics.h"

typedef enum {
    AZL_SERIES_CALLER = 0, /* labels: model, key name, key hash */
    AZL_SERIES_MODEL,      /* label: model */
    AZL_SERIES_FALLBACK,   /* labels: model, fallback */
    AZL_SERIES_DEPLOYMENT, /* label: its id */
    AZL_SERIES_KINDS
} azl_series_kind_e;

#define AZL_SERIES_LABELS 3

/* Statuses with a place of their own; the rest goes by its class, 2xx to
 * 5xx. */
#define AZL_STATUSES 12
#define AZL_STATUS_CLASSES 4
extern const int azl_metrics_statuses[AZL_STATUSES];

/* What is counted of a caller. */
enum {
    AZL_N_STATUS = 0,
    AZL_N_STATUS_CLASS = AZL_N_STATUS + AZL_STATUSES,
    AZL_N_ERROR = AZL_N_STATUS_CLASS + AZL_STATUS_CLASSES,
    AZL_N_PROMPT = AZL_N_ERROR + AZL_CLASS_UNKNOWN + 1,
    AZL_N_COMPLETION,
    AZL_N_CACHED,
    AZL_N_CACHE_WRITE,
    AZL_N_REASONING,
    /* Cost: whole micro-dollars, and the sum of what was less than one. Each
     * lasts for 18 * 10^12 dollars or requests, a sum of pico-dollars would
     * only for 18 million dollars. */
    AZL_N_MICRO,
    AZL_N_PICO,
    AZL_N_UNPRICED,
    AZL_N_REFUSED,
    AZL_N_CALLER
};

/* ... of a model. Upper limits in microseconds; the last bucket has none. */
#define AZL_LATENCY_BUCKETS 14
#define AZL_FIRST_TOKEN_BUCKETS 14
extern const apr_interval_time_t azl_metrics_latency[AZL_LATENCY_BUCKETS - 1];
extern const apr_interval_time_t
    azl_metrics_first_token[AZL_FIRST_TOKEN_BUCKETS - 1];

enum {
    AZL_N_LATENCY = 0,
    AZL_N_LATENCY_SUM = AZL_N_LATENCY + AZL_LATENCY_BUCKETS, /* us */
    AZL_N_FIRST_TOKEN,
    AZL_N_FIRST_TOKEN_SUM = AZL_N_FIRST_TOKEN + AZL_FIRST_TOKEN_BUCKETS,
    AZL_N_RETRIES,
    AZL_N_MALFORMED,
    AZL_N_MODEL
};

/* ... of a model and its fallback. */
enum { AZL_N_FALLBACK_GOOD = 0, AZL_N_FALLBACK_BAD, AZL_N_FALLBACK };

/* ... of a deployment. */
enum { AZL_N_SUCCESS = 0, AZL_N_DEPLOYMENT };

/* The most of them; azl_metrics.c checks it. */
#define AZL_N_MAX AZL_N_CALLER

/* Each series of that kind and scope, and "other" if anything is in it; the
 * counts are those of all tables that follow each other. */
typedef void azl_series_fn(void *baton,
                           const char *const labels[AZL_SERIES_LABELS],
                           const apr_uint64_t *n);
void azl_metrics_each(azl_metrics_t *m, azl_series_kind_e kind,
                      apr_uint64_t scope, azl_series_fn *fn, void *baton);

#endif /* AZL_METRICS_INT_H */
