#include "azl_page.h"

#include <apr_strings.h>
#include <http_main.h>
#include <http_protocol.h>

#include "azl_answer.h"
#include "azl_config_source.h"
#include "azl_dialect.h"
#include "azl_metrics.h"
#include "azl_store.h"
#include "azl_survey.h"

/* Between two flushes. */
#define PAGE_MAX (1024 * 1024)

#define TEXT_MAX 32

/* What Prometheus is to see of a deployment. */
typedef enum {
    STATE_HEALTHY = 0, /* LiteLLM's numbers */
    STATE_PARTIAL,
    STATE_OUTAGE
} state_e;

typedef struct page_t {
    request_rec *r;
    azl_metrics_t *m;
    apr_uint64_t scope;
} page_t;

/* The value of one deployment as text; NULL: it has none. */
typedef const char *value_fn(const page_t *page, const azl_survey_t *item,
                             char text[TEXT_MAX]);

static const char *whole(char text[TEXT_MAX], apr_uint64_t n)
{
    apr_snprintf(text, TEXT_MAX, "%" APR_UINT64_T_FMT, n);
    return text;
}

static const char *seconds(char text[TEXT_MAX], apr_interval_time_t t)
{
    apr_snprintf(text, TEXT_MAX, "%" APR_TIME_T_FMT ".%06d", apr_time_sec(t),
                 (int)apr_time_usec(t));
    return t > 0 ? text : NULL;
}

static const char *state(const page_t *page, const azl_survey_t *item,
                         char text[TEXT_MAX])
{
    azl_health_state_e now = azl_survey_state(item);

    (void)page;
    if (now == AZL_HEALTH_COOLING) {
        return whole(text, STATE_OUTAGE);
    }
    return whole(text, now == AZL_HEALTH_HALF_OPEN || item->view.failures
                           ? STATE_PARTIAL
                           : STATE_HEALTHY);
}

static const char *calls(const page_t *page, const azl_survey_t *item,
                         char text[TEXT_MAX])
{
    (void)page;
    return whole(text, item->view.total_calls);
}

static const char *successes(const page_t *page, const azl_survey_t *item,
                             char text[TEXT_MAX])
{
    return page->m ? whole(text, azl_metrics_successes(page->m, page->scope,
                                                       item->deployment->id))
                   : NULL;
}

static const char *failures(const page_t *page, const azl_survey_t *item,
                            char text[TEXT_MAX])
{
    (void)page;
    return whole(text, item->view.total_failures);
}

static const char *cooldowns(const page_t *page, const azl_survey_t *item,
                             char text[TEXT_MAX])
{
    (void)page;
    return whole(text, item->view.total_cooldowns);
}

static const char *in_flight(const page_t *page, const azl_survey_t *item,
                             char text[TEXT_MAX])
{
    (void)page;
    return whole(text, item->view.in_flight);
}

static const char *latency(const page_t *page, const azl_survey_t *item,
                           char text[TEXT_MAX])
{
    (void)page;
    return seconds(text, item->view.latency);
}

static const char *first_token(const page_t *page, const azl_survey_t *item,
                               char text[TEXT_MAX])
{
    (void)page;
    return seconds(text, item->view.first_token);
}

static const char *remaining(char text[TEXT_MAX], apr_int64_t n)
{
    return n < 0 ? NULL : whole(text, (apr_uint64_t)n);
}

static const char *remaining_requests(const page_t *page,
                                      const azl_survey_t *item,
                                      char text[TEXT_MAX])
{
    (void)page;
    return remaining(text, item->view.remaining_requests);
}

static const char *remaining_tokens(const page_t *page,
                                    const azl_survey_t *item,
                                    char text[TEXT_MAX])
{
    (void)page;
    return remaining(text, item->view.remaining_tokens);
}

typedef struct family_t {
    const char *name;
    const char *type;
    const char *help;
    value_fn *value;
} family_t;

static const family_t families[] = {
    {"litellm_deployment_state", "gauge",
     "0 healthy, 1 failed this minute or on trial, 2 cooling down.", state},
    {"litellm_deployment_total_requests_total", "counter",
     "Calls made, probes too.", calls},
    {"litellm_deployment_success_responses_total", "counter",
     "Requests that it answered well.", successes},
    {"litellm_deployment_failure_responses_total", "counter",
     "Calls that failed.", failures},
    {"litellm_deployment_cooled_down_total", "counter",
     "Cool-downs that began.", cooldowns},
    {"azurelit_deployment_in_flight_requests", "gauge", "Calls under way.",
     in_flight},
    {"azurelit_deployment_latency_seconds", "gauge",
     "How long answers take, moving average.", latency},
    {"azurelit_deployment_first_token_seconds", "gauge",
     "How long streams take to begin, moving average.", first_token},
    {"litellm_remaining_requests_metric", "gauge",
     "Requests left of its limit, as the provider said last.",
     remaining_requests},
    {"litellm_remaining_tokens_metric", "gauge",
     "Tokens left of its limit, as the provider said last.", remaining_tokens},
};

static void write_deployments(const azl_metrics_out_t *out, const page_t *page)
{
    const apr_array_header_t *list = azl_survey_servers(
        page->r->pool, ap_server_conf, page->scope, apr_time_now());
    char text[TEXT_MAX];
    apr_size_t f;
    int i;

    for (f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        azl_metrics_family(out, families[f].name, families[f].type,
                           families[f].help);
        for (i = 0; i < list->nelts; i++) {
            const azl_survey_t *item = &APR_ARRAY_IDX(list, i, azl_survey_t);
            const azl_deployment_t *d = item->deployment;
            const azl_metrics_label_t labels[] = {
                {"litellm_model_name", d->id},
                {"model_id", d->public_id},
                {"api_provider", d->endpoint->dialect->name},
                {NULL, NULL}};
            const char *value = families[f].value(page, item, text);

            if (value) {
                azl_metrics_sample(out, families[f].name, labels, value);
            }
        }
    }
}

static void write_one(const azl_metrics_out_t *out, const char *name,
                      const char *help, apr_uint64_t n)
{
    static const azl_metrics_label_t none[] = {{NULL, NULL}};
    char text[TEXT_MAX];

    azl_metrics_family(out, name, "gauge", help);
    azl_metrics_sample(out, name, none, whole(text, n));
}

/* Of this server as a whole. */
static void write_server(const azl_metrics_out_t *out, const page_t *page)
{
    write_one(out, "litellm_in_flight_requests",
              "Requests to models under way.",
              azl_survey_in_flight(ap_server_conf, page->scope));
    if (page->m) {
        azl_metrics_fill_t fill;

        azl_metrics_fill(page->m, &fill);
        write_one(out, "azurelit_series_used",
                  "Places in use in the table of what is counted.", fill.used);
        write_one(out, "azurelit_series_room",
                  "Places there are; then the series \"other\" takes what is "
                  "new.",
                  fill.room);
    }
}

/* What is known of a configuration that lies elsewhere. */
typedef struct source_family_t {
    const char *name;
    const char *type;
    const char *help;
    const char *(*value)(const azl_config_view_t *view, char text[TEXT_MAX]);
} source_family_t;

static const char *source_read(const azl_config_view_t *view,
                               char text[TEXT_MAX])
{
    return seconds(text, view->read);
}

static const char *source_changes(const azl_config_view_t *view,
                                  char text[TEXT_MAX])
{
    return whole(text, view->changes);
}

static const char *source_refused(const azl_config_view_t *view,
                                  char text[TEXT_MAX])
{
    return whole(text, view->refused);
}

static const char *source_failed(const azl_config_view_t *view,
                                 char text[TEXT_MAX])
{
    return whole(text, view->failed);
}

static const source_family_t source_families[] = {
    {"azurelit_config_source_read_timestamp_seconds", "gauge",
     "When the source of a configuration was read last.", source_read},
    {"azurelit_config_source_changes_total", "counter",
     "New configurations that were taken.", source_changes},
    {"azurelit_config_source_refused_total", "counter",
     "New configurations that were refused.", source_refused},
    {"azurelit_config_source_failed_total", "counter",
     "Times it could not be read.", source_failed},
};

static void write_sources(const azl_metrics_out_t *out)
{
    const apr_array_header_t *lines =
        azl_config_sources(ap_server_conf->process->pconf);
    char text[TEXT_MAX];
    apr_size_t f;
    int i;

    for (f = 0; lines && f < sizeof(source_families) / sizeof(*source_families);
         f++) {
        const source_family_t *family = &source_families[f];

        azl_metrics_family(out, family->name, family->type, family->help);
        for (i = 0; i < lines->nelts; i++) {
            azl_metrics_label_t labels[] = {
                {"source", NULL}, {"copy", NULL}, {NULL, NULL}};
            azl_config_view_t view;
            const char *value;

            azl_config_source_view(
                APR_ARRAY_IDX(lines, i, azl_config_source_t *), &view);
            /* several lines may have the same source, none the same copy */
            labels[0].value = view.shown;
            labels[1].value = view.copy;
            value = family->value(&view, text);
            if (value) {
                azl_metrics_sample(out, family->name, labels, value);
            }
        }
    }
}

static void pass(void *baton, azl_buf_t *buf)
{
    request_rec *r = baton;
    apr_bucket_brigade *bb;
    apr_bucket *b;

    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    b = apr_bucket_transient_create(buf->data, buf->len, bb->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, b);
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_destroy(bb);
    azl_buf_clear(buf);
}

int azl_page_metrics(request_rec *r, azl_request_t *ar)
{
    azl_metrics_out_t out = {azl_buf_create(r->pool, PAGE_MAX), pass, r};
    page_t page = {r, azl_metrics_of(azl_store_shared()), ar->conf->scope};

    azl_answer_headers(r, ar);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_set_content_type(r, AZL_METRICS_TYPE);
    if (r->header_only) {
        return OK;
    }
    write_server(&out, &page);
    write_deployments(&out, &page);
    write_sources(&out);
    if (page.m) {
        azl_metrics_write(&out, page.m, page.scope);
    }
    if (out.buf->len) {
        pass(r, out.buf);
    }
    return OK;
}
