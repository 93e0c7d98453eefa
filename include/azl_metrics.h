/*
 * azl_metrics: what is counted since the first start, over all processes.
 *
 * A table in shared memory (azl_shared.h) that outlives a graceful restart;
 * what a request adds is added once, when it is over, with a handful of
 * relaxed atomic additions: nothing waits, and a process that is killed takes
 * nothing back. A series is what is counted for one model and key, one model,
 * one model and fallback, or one deployment; it is made when it is first
 * needed and never goes. The table is bounded: when it is three quarters full,
 * what is new is counted together in one series, whose labels say "other".
 *
 * A scope separates what one master key may see from what another may: 64 bits
 * of any meaning but AZL_METRICS_EVERY. The series "other" belongs to all.
 */
#ifndef AZL_METRICS_H
#define AZL_METRICS_H

#include <apr_tables.h>

#include "azl_buf.h"
#include "azl_record.h"

struct azl_shared_t;

/* What each series takes of the segment. */
#define AZL_METRICS_SERIES_SIZE 512
/* Fewer would have no room for the series "other" and two more. */
#define AZL_METRICS_SERIES_MIN 9

typedef struct azl_metrics_t azl_metrics_t;

/* To whoever looks: all scopes. */
#define AZL_METRICS_EVERY 0

/* Zeroed memory of `series` times AZL_METRICS_SERIES_SIZE bytes, aligned to a
 * cache line, becomes a table; memory that is one already stays as it is. */
azl_metrics_t *azl_metrics_at(void *area, int series);
/* `to` is new and goes on where `from` was: what former processes still count
 * there is added whenever somebody looks. Both stay where they are for good. */
void azl_metrics_follow(azl_metrics_t *to, azl_metrics_t *from);
/* The table of a segment; NULL for NULL. */
azl_metrics_t *azl_metrics_of(struct azl_shared_t *shared);

/* What a record does not say. */
typedef struct azl_metrics_more_t {
    const char *fallback; /* alias of the model that answered in place of
                             rec->model; NULL: none did */
    const apr_array_header_t *failed; /* of const char *: aliases of those that
                                         were asked before, or in vain; NULL:
                                         none */
    int malformed;        /* events of a stream that were left out */
    int refused;          /* by a limit of ours */
} azl_metrics_more_t;

/* A request is over. */
void azl_metrics_count(azl_metrics_t *m, apr_uint64_t scope,
                       const azl_record_t *rec,
                       const azl_metrics_more_t *more);

/* Requests that a deployment answered well; for one scope only. */
apr_uint64_t azl_metrics_successes(azl_metrics_t *m, apr_uint64_t scope,
                                   const char *deployment);

/* How many series there are, and how many there can be. */
typedef struct azl_metrics_fill_t {
    apr_uint64_t used;
    apr_uint64_t room;
} azl_metrics_fill_t;
void azl_metrics_fill(const azl_metrics_t *m, azl_metrics_fill_t *fill);

/* What all series of a scope come to. */
typedef struct azl_metrics_totals_t {
    apr_uint64_t requests;
    apr_uint64_t failures;
    apr_uint64_t prompt;
    apr_uint64_t completion;
    apr_uint64_t usd;  /* cost: whole dollars */
    azl_pico_t pico;   /* and less than one more */
} azl_metrics_totals_t;
void azl_metrics_totals(azl_metrics_t *m, apr_uint64_t scope,
                        azl_metrics_totals_t *totals);
/* Dollars without an exponent or trailing zeros: "1234.5". */
#define AZL_METRICS_USD_MAX 40
void azl_metrics_usd(apr_uint64_t usd, azl_pico_t pico,
                     char out[AZL_METRICS_USD_MAX]);

/*
 * Prometheus' text format, version 0.0.4.
 */
#define AZL_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Where text goes. `flush` is called now and then to empty the buffer; NULL:
 * all of it is kept. */
typedef struct azl_metrics_out_t {
    azl_buf_t *buf;
    void (*flush)(void *baton, azl_buf_t *buf);
    void *baton;
} azl_metrics_out_t;

typedef struct azl_metrics_label_t {
    const char *name;
    const char *value; /* escaped as it is written */
} azl_metrics_label_t;

/* All that is counted here for a scope. */
void azl_metrics_write(const azl_metrics_out_t *out, azl_metrics_t *m,
                       apr_uint64_t scope);
/* For families whose values come from elsewhere: the two comment lines, then
 * each sample. `type` is "counter" or "gauge"; a counter's name ends with
 * _total. Labels end with a NULL name. */
void azl_metrics_family(const azl_metrics_out_t *out, const char *name,
                        const char *type, const char *help);
void azl_metrics_sample(const azl_metrics_out_t *out, const char *name,
                        const azl_metrics_label_t *labels, const char *value);

#endif /* AZL_METRICS_H */
