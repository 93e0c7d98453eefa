#include "azl_local.h"

#include <apr_strings.h>

#include "azl_admission.h"
#include "azl_answer.h"
#include "azl_dialect.h"
#include "azl_httpd.h"
#include "azl_page.h"

/* Ten thousand models with long names. */
#define DOCUMENT_MAX (4 * 1024 * 1024)

static void write_model(azl_buf_t *doc, const azl_model_t *model)
{
    azl_buf_puts(doc, "{\"id\":");
    azl_buf_puts(doc, model->alias_json);
    azl_buf_puts(doc, ",\"object\":\"model\",\"created\":");
    azl_buf_int(doc, apr_time_sec(model->created));
    azl_buf_puts(doc, ",\"owned_by\":\"azurelit\"}");
}

static int answer_models(request_rec *r, azl_request_t *ar)
{
    const apr_array_header_t *all = ar->conf->catalog->order;
    azl_model_t **model = (void *)all->elts;
    azl_buf_t *doc = azl_buf_create(r->pool, DOCUMENT_MAX);
    int i, written = 0;

    azl_buf_puts(doc, "{\"object\":\"list\",\"data\":[");
    for (i = 0; i < all->nelts; i++) {
        if (azl_key_allows(ar->key, model[i]->alias)) {
            azl_buf_puts(doc, written++ ? "," : "");
            write_model(doc, model[i]);
        }
    }
    azl_buf_puts(doc, "]}");
    azl_answer_headers(r, ar);
    return azl_answer_json(r, HTTP_OK, doc);
}

static int answer_model(request_rec *r, azl_request_t *ar)
{
    const azl_model_t *model;
    azl_buf_t *doc;

    model = azl_catalog_model(ar->conf->catalog, ar->route.model.at,
                              ar->route.model.len);
    if (!model || !azl_key_allows(ar->key, model->alias)) {
        azl_error_t err;

        azl_error_set(&err, HTTP_NOT_FOUND, AZL_CLASS_VALIDATION,
                      "invalid_request_error", "model_not_found",
                      apr_psprintf(r->pool,
                                   "The model `%.*s` does not exist "
                                   "or you do not have access to it.",
                                   (int)ar->route.model.len,
                                   ar->route.model.at));
        return azl_answer_error(r, ar, &err);
    }
    doc = azl_buf_create(r->pool, DOCUMENT_MAX);
    write_model(doc, model);
    azl_answer_headers(r, ar);
    return azl_answer_json(r, HTTP_OK, doc);
}

static int answer_text(request_rec *r, azl_request_t *ar, int status,
                       const char *json)
{
    azl_buf_t *doc = azl_buf_create(r->pool, DOCUMENT_MAX);

    azl_buf_puts(doc, json);
    azl_answer_headers(r, ar);
    return azl_answer_json(r, status, doc);
}

/* A server that can serve nobody should be sent nobody. */
static int answer_readiness(request_rec *r, azl_request_t *ar)
{
    const char *reason = NULL;

    if (ar->conf->catalog->order->nelts == 0) {
        reason = "no models";
    }
    else if (azl_keyring_count(ar->conf->keyring) == 0) {
        reason = "no keys";
    }
    if (reason) {
        return answer_text(r, ar, HTTP_SERVICE_UNAVAILABLE,
                           apr_pstrcat(r->pool,
                                       "{\"status\":\"unhealthy\",\"db\":\"Not "
                                       "connected\",\"reason\":\"",
                                       reason, "\"}", NULL));
    }
    return answer_text(r, ar, HTTP_OK,
                       "{\"status\":\"healthy\",\"db\":\"Not connected\"}");
}

int azl_local_is_open(const azl_request_t *ar)
{
    switch (ar->route.op) {
    case AZL_OP_LIVENESS:
    case AZL_OP_READINESS:
        return 1;
    case AZL_OP_HEALTH:
    case AZL_OP_METRICS:
        return ar->conf->seen_by == AZL_SEEN_BY_ANYBODY;
    default:
        return 0;
    }
}

/* Names of models, deployments and keys, and what they cost. */
static int answer_page(request_rec *r, azl_request_t *ar)
{
    azl_error_t err;

    if (ar->conf->seen_by == AZL_SEEN_BY_NOBODY) {
        azl_error_from_status(&err, HTTP_NOT_FOUND);
        return azl_answer_error(r, ar, &err);
    }
    if (ar->conf->seen_by == AZL_SEEN_BY_MASTER && !ar->key->master) {
        azl_error_set(&err, HTTP_FORBIDDEN, AZL_CLASS_AUTHENTICATION,
                      "invalid_request_error", "master_key_required",
                      "Only the master key may ask for this.");
        return azl_answer_error(r, ar, &err);
    }
    return ar->route.op == AZL_OP_METRICS ? azl_page_metrics(r, ar)
                                          : azl_page_health(r, ar);
}

/* Somebody counts who knows how the model does. */
static int is_counted(const azl_model_t *model)
{
    azl_deployment_t **d = (void *)model->deployments->elts;
    int i;

    for (i = 0; i < model->deployments->nelts; i++) {
        if (d[i]->ways[AZL_OP_COUNT_TOKENS].url) {
            return 1;
        }
    }
    return 0;
}

static int answer_count(request_rec *r, azl_request_t *ar)
{
    azl_buf_t *doc;

    if (is_counted(ar->model)) {
        return DECLINED;
    }
    azl_admission_leave(ar);
    doc = azl_buf_create(r->pool, DOCUMENT_MAX);
    azl_dialect_count_tokens(ar->body, doc);
    azl_answer_headers(r, ar);
    return azl_answer_json(r, HTTP_OK, doc);
}

int azl_local_answer(request_rec *r, azl_request_t *ar)
{
    switch (ar->route.op) {
    case AZL_OP_MODELS:
        return answer_models(r, ar);
    case AZL_OP_MODEL:
        return answer_model(r, ar);
    case AZL_OP_MODEL_INFO:
        return azl_page_model_info(r, ar);
    case AZL_OP_LIVENESS:
        /* LiteLLM's body, a JSON string */
        return answer_text(r, ar, HTTP_OK, "\"I'm alive!\"");
    case AZL_OP_READINESS:
        return answer_readiness(r, ar);
    case AZL_OP_HEALTH:
    case AZL_OP_METRICS:
        return answer_page(r, ar);
    case AZL_OP_COUNT_TOKENS:
        return answer_count(r, ar);
    default:
        return DECLINED;
    }
}
