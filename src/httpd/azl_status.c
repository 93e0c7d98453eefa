#include "azl_page.h"

#include <apr_strings.h>
#include <http_main.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "azl_httpd.h"
#include "azl_metrics.h"
#include "azl_store.h"
#include "azl_survey.h"

static const char *escape(request_rec *r, const char *text)
{
    return ap_escape_html(r->pool, text);
}

static const char *milliseconds(request_rec *r, apr_interval_time_t t)
{
    return t > 0
               ? apr_psprintf(r->pool, "%" APR_TIME_T_FMT, apr_time_as_msec(t))
               : "-";
}

/* Until when, in seconds from now. */
static apr_time_t seconds_left(const azl_survey_t *item, apr_time_t now)
{
    const azl_health_view_t *view =
        item->endpoint_cools ? &item->endpoint : &item->view;

    return azl_survey_state(item) == AZL_HEALTH_COOLING &&
                   view->cool_until > now
               ? apr_time_sec(view->cool_until - now + APR_USEC_PER_SEC - 1)
               : 0;
}

static void html_totals(request_rec *r, const azl_metrics_totals_t *t,
                        const char *usd, apr_uint32_t in_flight)
{
    ap_rprintf(r,
               "<dl><dt>Requests to models: %" APR_UINT64_T_FMT
               ", failed: %" APR_UINT64_T_FMT ", in flight: %u</dt>\n"
               "<dt>Tokens in: %" APR_UINT64_T_FMT ", out: %" APR_UINT64_T_FMT
               "; cost: %s USD</dt></dl>\n",
               t->requests, t->failures, in_flight, t->prompt, t->completion,
               usd);
}

static void html_row(request_rec *r, const azl_survey_t *item, apr_time_t now)
{
    const azl_health_view_t *view = &item->view;

    ap_rprintf(r,
               "<tr><td>%s</td><td>%s</td><td>%u</td><td>%u</td><td>%u</td>"
               "<td>%" APR_TIME_T_FMT "</td><td>%s</td><td>%s</td>"
               "<td>%" APR_UINT64_T_FMT "</td><td>%" APR_UINT64_T_FMT
               "</td><td>%" APR_UINT64_T_FMT "</td></tr>\n",
               escape(r, item->deployment->id), azl_survey_state_name(item),
               view->in_flight, view->calls, view->failures,
               seconds_left(item, now), milliseconds(r, view->latency),
               milliseconds(r, view->first_token), view->total_calls,
               view->total_failures, view->total_cooldowns);
}

static void html(request_rec *r, const apr_array_header_t *list, apr_time_t now)
{
    int i;

    ap_rputs("<table border=\"0\"><tr><th>Deployment</th><th>State</th>"
             "<th>In flight</th><th>Calls this minute</th>"
             "<th>Failures this minute</th><th>Cools down, s</th>"
             "<th>Latency, ms</th><th>First token, ms</th><th>Calls</th>"
             "<th>Failures</th><th>Cool-downs</th></tr>\n",
             r);
    for (i = 0; i < list->nelts; i++) {
        html_row(r, &APR_ARRAY_IDX(list, i, azl_survey_t), now);
    }
    ap_rputs("</table>\n", r);
}

static void plain_totals(request_rec *r, const azl_metrics_totals_t *t,
                         const char *usd, apr_uint32_t in_flight)
{
    ap_rprintf(
        r,
        "AzurelitRequests: %" APR_UINT64_T_FMT
        "\nAzurelitFailures: %" APR_UINT64_T_FMT
        "\nAzurelitInFlight: %u\nAzurelitTokensIn: %" APR_UINT64_T_FMT
        "\nAzurelitTokensOut: %" APR_UINT64_T_FMT "\nAzurelitCostUSD: %s\n",
        t->requests, t->failures, in_flight, t->prompt, t->completion, usd);
}

static void plain_row(request_rec *r, int i, const azl_survey_t *item,
                      apr_time_t now)
{
    const azl_health_view_t *view = &item->view;
    const char *name = apr_psprintf(r->pool, "AzurelitDeployment[%d]", i);

    ap_rprintf(r, "%sId: %s\n%sState: %s\n", name, item->deployment->id, name,
               azl_survey_state_name(item));
    ap_rprintf(r, "%sInFlight: %u\n%sCallsMinute: %u\n%sFailuresMinute: %u\n",
               name, view->in_flight, name, view->calls, name, view->failures);
    ap_rprintf(r,
               "%sCoolsSeconds: %" APR_TIME_T_FMT
               "\n%sLatencyMs: %s\n%sFirstTokenMs: %s\n",
               name, seconds_left(item, now), name,
               milliseconds(r, view->latency), name,
               milliseconds(r, view->first_token));
    ap_rprintf(r,
               "%sCalls: %" APR_UINT64_T_FMT "\n%sFailures: %" APR_UINT64_T_FMT
               "\n%sCooldowns: %" APR_UINT64_T_FMT "\n",
               name, view->total_calls, name, view->total_failures, name,
               view->total_cooldowns);
}

/* Of the whole httpd, like everything else on that page. */
static int status_hook(request_rec *r, int flags)
{
    azl_metrics_t *m = azl_metrics_of(azl_store_shared());
    apr_time_t now = apr_time_now();
    const apr_array_header_t *list =
        azl_survey_servers(r->pool, ap_server_conf, AZL_METRICS_EVERY, now);
    apr_uint32_t in_flight =
        azl_survey_in_flight(ap_server_conf, AZL_METRICS_EVERY);
    azl_metrics_totals_t totals;
    char usd[AZL_METRICS_USD_MAX];
    int i;

    if (!list->nelts) {
        return DECLINED;
    }
    memset(&totals, 0, sizeof(totals));
    if (m) {
        azl_metrics_totals(m, AZL_METRICS_EVERY, &totals);
    }
    azl_metrics_usd(totals.usd, totals.pico, usd);
    if (flags & AP_STATUS_SHORT) {
        plain_totals(r, &totals, usd, in_flight);
        for (i = 0; i < list->nelts; i++) {
            plain_row(r, i, &APR_ARRAY_IDX(list, i, azl_survey_t), now);
        }
    }
    else {
        ap_rputs("<hr />\n<h2>mod_azurelit</h2>\n", r);
        html_totals(r, &totals, usd, in_flight);
        html(r, list, now);
    }
    return OK;
}

void azl_status_register_hooks(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
