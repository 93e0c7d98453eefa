#include "azl_hooks.h"

#include <apr_strings.h>

#include "azl_httpd.h"
#include "azl_metrics.h"
#include "azl_request.h"
#include "azl_store.h"
#include "azl_usage_log.h"

/* nginx's word for it, which log readers know: the client had gone before the
 * answer was complete. */
#define STATUS_CLIENT_CLOSED 499

/* The names are ours alone and come once. To look for each first would cost
 * more than the rest of the note: a table tells names apart by their first
 * four letters. */
static void add_note(request_rec *r, const char *name, const char *value)
{
    apr_table_addn(r->notes, name, value);
}

static void add_count(request_rec *r, const char *name, apr_int64_t n)
{
    add_note(r, name, apr_off_t_toa(r->pool, n));
}

/* %{azurelit-tokens-out}n and its siblings. */
static void add_notes(request_rec *r, const azl_record_t *rec)
{
    if (rec->usage.reported) {
        add_count(r, "azurelit-tokens-in", rec->usage.prompt);
        add_count(r, "azurelit-tokens-out", rec->usage.completion);
        add_count(r, "azurelit-tokens-cached", rec->usage.cached);
        add_count(r, "azurelit-tokens-reasoning", rec->usage.reasoning);
    }
    if (rec->cost != AZL_PRICE_UNSET) {
        char text[AZL_PRICE_TEXT_MAX];

        azl_price_text(rec->cost, text);
        add_note(r, "azurelit-cost", apr_pstrdup(r->pool, text));
    }
    add_note(r, "azurelit-request-id", rec->request_id);
    if (rec->key_hash) {
        add_note(r, "azurelit-key", rec->key_hash);
    }
    if (rec->model) {
        add_note(r, "azurelit-model", rec->model);
    }
    if (rec->deployment) {
        add_note(r, "azurelit-deployment", rec->deployment);
    }
}

static azl_error_class_e class_of_status(int status)
{
    azl_error_t err;

    azl_error_from_status(&err, status);
    return err.cls;
}

static void count(const azl_request_t *ar)
{
    azl_metrics_t *m = azl_metrics_of(azl_store_shared());
    const azl_record_t *rec = &ar->rec;
    azl_metrics_more_t more = {NULL, ar->failed_fallbacks, 0, 0};

    if (!m) {
        return;
    }
    if (ar->fallbacks && ar->served) {
        more.fallback = ar->served->alias;
    }
    more.malformed = ar->malformed;
    /* an upstream's own limits take an attempt to find out */
    more.refused = rec->error == AZL_CLASS_RATE_LIMIT && rec->attempts == 0;
    azl_metrics_count(m, ar->conf->scope, rec, &more);
}

int azl_hook_log_transaction(request_rec *r)
{
    azl_request_t *ar = azl_request_get(r);
    const request_rec *last = r;
    azl_record_t *rec;
    apr_status_t rv;

    if (!ar || !ar->recorded) {
        return DECLINED;
    }
    while (last->next) {
        last = last->next; /* an ErrorDocument answered */
    }
    rec = &ar->rec;
    if (rec->error == AZL_CLASS_NONE && azl_request_client_gone(r, ar)) {
        /* it had gone when the last of its answer was written */
        rec->error = AZL_CLASS_CLIENT_CLOSED;
    }
    rec->status = rec->error == AZL_CLASS_CLIENT_CLOSED ? STATUS_CLIENT_CLOSED
                                                        : last->status;
    if (rec->error == AZL_CLASS_NONE && last->status >= 400) {
        rec->error = class_of_status(last->status);
    }
    rec->total = apr_time_now() - rec->time;
    rec->bytes_out = last->bytes_sent;
    add_notes(r, rec);
    count(ar);
    if (ar->conf->log) {
        rv = azl_usage_log_write(ar->conf->log, r->pool, rec);
        if (rv != APR_SUCCESS) {
            ap_log_rerror(
                APLOG_MARK, APLOG_ERR, rv, r,
                AZLNO(0042) "%s: the usage record could not be written; free "
                            "space on the disk of the usage log",
                ar->id);
        }
    }
    return OK;
}
