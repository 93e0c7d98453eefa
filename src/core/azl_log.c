#include <apr_strings.h>

#include "azl_log.h"

/* Nearly every message fits here; only a longer one costs pool memory, which
 * on a stream would not come back until the stream ends. */
#define LINE_MAX_LEN 1024

static azl_log_sink_fn *log_sink;
static void *log_baton;

void azl_log_set(azl_log_sink_fn *sink, void *baton)
{
    log_sink = sink;
    log_baton = baton;
}

void azl_log(int level, apr_pool_t *p, const char *fmt, ...)
{
    char line[LINE_MAX_LEN];
    const char *message = line;
    va_list ap;
    int len;

    if (!log_sink) {
        return;
    }
    va_start(ap, fmt);
    len = apr_vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    /* apr_vsnprintf returns what it wrote, so a full line may be a cut one. */
    if (len >= LINE_MAX_LEN - 1 && p) {
        va_start(ap, fmt);
        message = apr_pvsprintf(p, fmt, ap);
        va_end(ap);
    }
    log_sink(log_baton, level, message);
}
