#include "azl_page.h"

#include <apr_strings.h>

#include "azl_answer.h"
#include "azl_httpd.h"
#include "azl_probe.h"
#include "azl_survey.h"
#include "azl_time.h"

/* Ten thousand deployments. */
#define DOCUMENT_MAX (8 * 1024 * 1024)

/* Somebody waits for all of them, one after the other. */
#define PROBE_LIMIT apr_time_from_sec(10)
#define PROBES_LIMIT apr_time_from_sec(60)

typedef struct question_t {
    const char *model; /* NULL: all */
    int probe;
} question_t;

static void read_question(request_rec *r, question_t *q)
{
    char *args = apr_pstrdup(r->pool, r->args ? r->args : "");
    char *state, *word;

    memset(q, 0, sizeof(*q));
    for (word = apr_strtok(args, "&", &state); word;
         word = apr_strtok(NULL, "&", &state)) {
        char *value = strchr(word, '=');

        if (!value) {
            continue;
        }
        *value++ = '\0';
        ap_unescape_urlencoded(value);
        if (strcmp(word, "model") == 0) {
            q->model = value;
        }
        else if (strcmp(word, "probe") == 0) {
            q->probe = strcmp(value, "1") == 0;
        }
    }
}

static void put_text(azl_buf_t *doc, const char *name, const char *value)
{
    azl_buf_puts(doc, ",\"");
    azl_buf_puts(doc, name);
    azl_buf_puts(doc, "\":");
    azl_buf_json_str(doc, value);
}

/* A negative one is not known. */
static void put_int(azl_buf_t *doc, const char *name, apr_int64_t n)
{
    azl_buf_puts(doc, ",\"");
    azl_buf_puts(doc, name);
    azl_buf_puts(doc, "\":");
    if (n < 0) {
        azl_buf_puts(doc, "null");
    }
    else {
        azl_buf_int(doc, n);
    }
}

static void put_average(azl_buf_t *doc, const char *name, apr_interval_time_t t)
{
    put_int(doc, name, t > 0 ? apr_time_as_msec(t) : -1);
}

static void put_state(azl_buf_t *doc, const azl_survey_t *item, apr_pool_t *p)
{
    const azl_health_view_t *view =
        item->endpoint_cools ? &item->endpoint : &item->view;
    const char *why = NULL;
    char until[AZL_TIME_TEXT_LEN];

    put_text(doc, "state", azl_survey_state_name(item));
    if (view->state != AZL_HEALTH_OK) {
        why = apr_psprintf(p,
                           item->endpoint_cools
                               ? "endpoint refuses the credential (%d)"
                               : "status %d",
                           view->cool_status);
        azl_time_text(view->cool_until, until);
    }
    put_text(doc, "why", why);
    put_text(doc, "until", why ? until : NULL);
}

static void put_probe(azl_buf_t *doc, const azl_probe_t *probe)
{
    azl_buf_puts(doc, ",\"probe\":");
    if (!probe->asked) {
        azl_buf_puts(doc, "null");
        return;
    }
    azl_buf_puts(doc, probe->alive ? "{\"ok\":true" : "{\"ok\":false");
    put_int(doc, "status", probe->status ? probe->status : -1);
    put_text(doc, "why", probe->why);
    put_int(doc, "took_ms", apr_time_as_msec(probe->took));
    azl_buf_puts(doc, "}");
}

/* No URL and no secret: who sees this need not know where it is. */
static void put_item(azl_buf_t *doc, const azl_survey_t *item,
                     const azl_probe_t *probe, apr_pool_t *p)
{
    const azl_deployment_t *d = item->deployment;
    const azl_health_view_t *view = &item->view;

    azl_buf_puts(doc, "{\"model\":");
    azl_buf_puts(doc, item->model->alias_json);
    put_text(doc, "deployment", d->id);
    put_text(doc, "model_id", d->public_id);
    put_state(doc, item, p);
    put_int(doc, "in_flight", view->in_flight);
    put_int(doc, "calls_this_minute", view->calls);
    put_int(doc, "failures_this_minute", view->failures);
    put_average(doc, "latency_ms", view->latency);
    put_average(doc, "first_token_ms", view->first_token);
    put_int(doc, "remaining_requests", view->remaining_requests);
    put_int(doc, "remaining_tokens", view->remaining_tokens);
    if (probe) {
        put_probe(doc, probe);
    }
    azl_buf_puts(doc, "}");
}

static int is_healthy(const azl_survey_t *item, const azl_probe_t *probe)
{
    return azl_survey_state(item) == AZL_HEALTH_OK &&
           (!probe || !probe->asked || probe->alive);
}

static void put_list(azl_buf_t *doc, const apr_array_header_t *list,
                     const azl_probe_t *probes, int healthy, apr_pool_t *p)
{
    int i, n = 0;

    azl_buf_puts(doc, healthy ? "{\"healthy_endpoints\":["
                              : ",\"unhealthy_endpoints\":[");
    for (i = 0; i < list->nelts; i++) {
        const azl_survey_t *item = &APR_ARRAY_IDX(list, i, azl_survey_t);
        const azl_probe_t *probe = probes ? &probes[i] : NULL;

        if (is_healthy(item, probe) == healthy) {
            azl_buf_puts(doc, n++ ? "," : "");
            put_item(doc, item, probe, p);
        }
    }
    azl_buf_puts(doc,
                 healthy ? "],\"healthy_count\":" : "],\"unhealthy_count\":");
    azl_buf_int(doc, n);
}

static void survey(const azl_conf_t *conf, const azl_model_t *model,
                   apr_array_header_t *list)
{
    azl_model_t **all = (void *)conf->catalog->order->elts;
    apr_time_t now = apr_time_now();
    int i;

    for (i = 0; i < conf->catalog->order->nelts; i++) {
        if (!model || model == all[i]) {
            azl_survey_model(list, conf, all[i], now);
        }
    }
}

/* What an earlier entry was told, if several aliases have that deployment. */
static const azl_probe_t *told(const apr_array_header_t *list,
                               const azl_probe_t *probes, int n)
{
    const azl_survey_t *item = &APR_ARRAY_IDX(list, n, azl_survey_t);
    int i;

    for (i = 0; i < n; i++) {
        if (memcmp(APR_ARRAY_IDX(list, i, azl_survey_t).deployment->fingerprint,
                   item->deployment->fingerprint,
                   AZL_SEAL_FINGERPRINT_LEN) == 0) {
            return &probes[i];
        }
    }
    return NULL;
}

static azl_probe_t *run_probes(request_rec *r, const apr_array_header_t *list)
{
    azl_probe_t *probes =
        apr_pcalloc(r->pool, (apr_size_t)(list->nelts + 1) * sizeof(*probes));
    apr_time_t end = apr_time_now() + PROBES_LIMIT;
    int i;

    for (i = 0; i < list->nelts; i++) {
        const azl_survey_t *item = &APR_ARRAY_IDX(list, i, azl_survey_t);
        const azl_probe_t *known = told(list, probes, i);
        apr_interval_time_t left = end - apr_time_now();

        if (known) {
            probes[i] = *known;
        }
        else if (left > 0) {
            azl_probe_run(r->pool, item->conf, item->model, item->deployment,
                          left < PROBE_LIMIT ? left : PROBE_LIMIT, NULL,
                          &probes[i]);
        }
    }
    return probes;
}

static int refuse(request_rec *r, azl_request_t *ar, int status,
                  azl_error_class_e cls, const char *code, const char *message)
{
    azl_error_t err;

    azl_error_set(&err, status, cls, "invalid_request_error", code, message);
    return azl_answer_error(r, ar, &err);
}

int azl_page_health(request_rec *r, azl_request_t *ar)
{
    apr_array_header_t *list =
        apr_array_make(r->pool, 16, sizeof(azl_survey_t));
    const azl_model_t *model = NULL;
    azl_probe_t *probes = NULL;
    question_t q;
    azl_buf_t *doc;

    read_question(r, &q);
    if (q.model) {
        model = azl_catalog_model(ar->conf->catalog, q.model, strlen(q.model));
        if (!model) {
            return refuse(r, ar, HTTP_NOT_FOUND, AZL_CLASS_VALIDATION,
                          "model_not_found", "There is no such model.");
        }
    }
    if (q.probe && !(ar->key && ar->key->master)) {
        return refuse(r, ar, HTTP_FORBIDDEN, AZL_CLASS_AUTHENTICATION,
                      "master_key_required",
                      "Probes cost tokens: they want the master key.");
    }
    survey(ar->conf, model, list);
    if (q.probe) {
        probes = run_probes(r, list);
        apr_array_clear(list);
        survey(ar->conf, model, list); /* as it is now */
    }
    doc = azl_buf_create(r->pool, DOCUMENT_MAX);
    put_list(doc, list, probes, 1, r->pool);
    put_list(doc, list, probes, 0, r->pool);
    azl_buf_puts(doc, "}");
    azl_answer_headers(r, ar);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    return azl_answer_json(r, HTTP_OK, doc);
}
