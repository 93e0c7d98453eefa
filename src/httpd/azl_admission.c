#include "azl_admission.h"

#include <apr_strings.h>

#include "azl_httpd.h"
#include "azl_store.h"

/* Nobody is told to wait longer than this. */
#define RETRY_AFTER_MAX 60

static int is_limited(const azl_request_t *ar)
{
    return ar->conf->max_in_flight > 0 || ar->key->max_parallel > 0;
}

void azl_admission_leave(azl_request_t *ar)
{
    if (!ar->admitted) {
        return;
    }
    ar->admitted = 0;
    if (ar->key->gate) {
        azl_gate_leave(ar->key->gate, azl_store_row());
    }
    azl_gate_leave(ar->conf->gate, azl_store_row());
    if (is_limited(ar)) {
        apr_time_t now = apr_time_now();

        azl_health_success(ar->conf->load, now, now - ar->rec.time, -1);
    }
}

/* The request is over, however it ended. */
static apr_status_t leave(void *data)
{
    azl_admission_leave(data);
    return APR_SUCCESS;
}

/* With `max` of them in flight, each taking as long as they do at present, one
 * ends after this many seconds. */
static const char *seconds_until_free(request_rec *r, const azl_conf_t *conf,
                                      apr_uint32_t max)
{
    azl_health_view_t view;
    apr_int64_t seconds;

    azl_health_view(conf->load, r->request_time, &view);
    seconds = apr_time_sec(view.latency / max + APR_USEC_PER_SEC - 1);
    if (seconds < 1) {
        seconds = 1;
    }
    return apr_itoa(r->pool,
                    seconds < RETRY_AFTER_MAX ? (int)seconds : RETRY_AFTER_MAX);
}

static void refuse_key(request_rec *r, azl_request_t *ar)
{
    azl_error_t err;

    azl_error_from_status(&err, HTTP_TOO_MANY_REQUESTS);
    err.code = "max_parallel_requests";
    err.message = apr_psprintf(r->pool,
                               "This key has %u requests in flight, which is "
                               "its limit.",
                               ar->key->max_parallel);
    err.retry_after = seconds_until_free(r, ar->conf, ar->key->max_parallel);
    azl_request_refuse(ar, &err);
}

static void refuse_server(request_rec *r, azl_request_t *ar)
{
    apr_uint32_t max = (apr_uint32_t)ar->conf->max_in_flight;
    azl_error_t err;

    azl_error_from_status(&err, HTTP_SERVICE_UNAVAILABLE);
    err.cls = AZL_CLASS_RATE_LIMIT;
    err.code = "server_overloaded";
    err.message = "This server has as many requests in flight as it takes. "
                  "Try again later.";
    err.retry_after = seconds_until_free(r, ar->conf, max);
    azl_request_refuse(ar, &err);
}

int azl_admission_enter(request_rec *r, azl_request_t *ar)
{
    const azl_conf_t *conf = ar->conf;
    int row = azl_store_row();

    if (!conf->gate) {
        return 1;
    }
    if (!azl_gate_enter(conf->gate, row, (apr_uint32_t)conf->max_in_flight)) {
        refuse_server(r, ar);
        return 0;
    }
    if (ar->key->gate &&
        !azl_gate_enter(ar->key->gate, row, ar->key->max_parallel)) {
        azl_gate_leave(conf->gate, row);
        refuse_key(r, ar);
        return 0;
    }
    ar->admitted = 1;
    apr_pool_cleanup_register(r->pool, ar, leave, apr_pool_cleanup_null);
    return 1;
}
