/*
 * azl_log: how the core says something to the operator without knowing httpd.
 *
 * One process-wide sink, set once by the program that links the core (the
 * module: ap_log_error; azurelitctl: standard error). Until then nothing is
 * printed. Levels are numerically httpd's APLOG_*. Every message starts with
 * its id: AZL_LOG(AZL_WARNING, p, AZLNO(0012) "price table %s: ...", path).
 * A prompt, an answer or a secret is never an argument.
 */
#ifndef AZL_LOG_H
#define AZL_LOG_H

#include <stdarg.h>

#include <apr_pools.h>

#define AZL_ERR 3
#define AZL_WARNING 4
#define AZL_NOTICE 5
#define AZL_INFO 6
#define AZL_DEBUG 7

/* One number per message, never reused; tests/guards checks it. */
#define AZLNO(n) "AZL" #n ": "

typedef void azl_log_sink_fn(void *baton, int level, const char *message);

void azl_log_set(azl_log_sink_fn *sink, void *baton);
void azl_log(int level, apr_pool_t *p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* AZL_LOG_H */
