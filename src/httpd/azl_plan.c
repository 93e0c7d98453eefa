#include "azl_plan.h"

#include <apr_strings.h>

#include "azl_admission.h"
#include "azl_httpd.h"

/* What OpenAI answers, word for word, so that clients recognise it; the same
 * for a model that is unknown and one this caller may not use. */
static void refuse_model(request_rec *r, azl_request_t *ar, const char *alias)
{
    azl_error_t err;

    azl_error_set(&err, HTTP_NOT_FOUND, AZL_CLASS_VALIDATION,
                  "invalid_request_error", "model_not_found",
                  apr_psprintf(r->pool,
                               "The model `%s` does not exist or you "
                               "do not have access to it.",
                               alias));
    azl_request_refuse(ar, &err);
}

static void refuse_response_id(request_rec *r, azl_request_t *ar,
                               const char *id, int previous)
{
    azl_error_t err;

    if (previous) {
        azl_error_invalid(&err, "previous_response_not_found",
                          "previous_response_id",
                          apr_psprintf(r->pool,
                                       "Previous response with id "
                                       "'%s' not found.",
                                       id));
    }
    else {
        azl_error_invalid(&err, "response_not_found", NULL,
                          apr_psprintf(r->pool,
                                       "Response with id '%s' not "
                                       "found.",
                                       id));
        err.status = HTTP_NOT_FOUND;
    }
    azl_request_refuse(ar, &err);
}

/* The longest name any alias can have is far below; what is longer is cut for
 * the message. */
static const char *printable_alias(apr_pool_t *p, azl_span_t text)
{
    return apr_pstrmemdup(p, text.at, text.len > 256 ? 256 : text.len);
}

typedef const azl_deployment_t *
find_fn(const azl_model_t *model,
        const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN],
        apr_size_t len);

/* The deployment of that fingerprint that answers for the model or for what
 * stands in for it. */
static const azl_deployment_t *
answers_for(const azl_model_t *model,
            const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN],
            apr_size_t len)
{
    const apr_array_header_t *list = model->fallbacks;
    const azl_deployment_t *d = azl_model_deployment(model, fingerprint, len);
    int i;

    for (i = 0; list && i < list->nelts && !d; i++) {
        d = azl_model_deployment(APR_ARRAY_IDX(list, i, azl_fallback_t).model,
                                 fingerprint, len);
    }
    return d;
}

/* ... for any model the caller may use. Stored responses are rare and models
 * few hundred: comparing them is cheaper than an index to keep. */
static const azl_deployment_t *
find_anywhere(azl_request_t *ar,
              const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN],
              apr_size_t len, find_fn *find)
{
    azl_model_t **model = (void *)ar->conf->catalog->order->elts;
    const azl_deployment_t *d;
    int i;

    for (i = 0; i < ar->conf->catalog->order->nelts; i++) {
        d = find(model[i], fingerprint, len);
        if (d && azl_key_allows(ar->key, model[i]->alias)) {
            ar->model = model[i];
            return d;
        }
    }
    return NULL;
}

/* The deployment of that fingerprint, for the model that was asked for or else
 * for any; whoever has it itself comes before those it stands in for. Who asks
 * with the same credential comes before who asks the same place with another
 * one, which is usually the same one in another file. */
static const azl_deployment_t *
stored_at(azl_request_t *ar,
          const unsigned char fingerprint[AZL_SEAL_FINGERPRINT_LEN])
{
    static const apr_size_t lens[] = {AZL_SEAL_FINGERPRINT_LEN,
                                      AZL_SEAL_PLACE_LEN};
    const azl_deployment_t *d = NULL;
    apr_size_t i;

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]) && !d; i++) {
        if (ar->model) {
            d = answers_for(ar->model, fingerprint, lens[i]);
            continue;
        }
        d = find_anywhere(ar, fingerprint, lens[i], azl_model_deployment);
        d = d ? d : find_anywhere(ar, fingerprint, lens[i], answers_for);
    }
    return d;
}

/*
 * A stored response: only the key that made it may use it, and only at the
 * deployment that has it. Whatever does not fit looks like an unknown id.
 */
static int plan_stored(request_rec *r, azl_request_t *ar, const char *id,
                       int previous)
{
    const azl_deployment_t *d = NULL;
    azl_sealed_t sealed;

    if (ar->conf->seal &&
        azl_seal_open(r->pool, ar->conf->seal, id, &sealed) == APR_SUCCESS &&
        memcmp(sealed.key, ar->key->digest, AZL_SEAL_FINGERPRINT_LEN) == 0) {
        d = stored_at(ar, sealed.deployment);
    }
    if (!d) {
        refuse_response_id(r, ar, id, previous);
        return 0;
    }
    ar->response_id = sealed.upstream_id;
    ar->sealed_id = id;
    ar->pinned = d;
    return 1;
}

/* A client may want to wait for less long than the configuration would let it;
 * LiteLLM's headers, in seconds. */
static apr_interval_time_t client_limit(request_rec *r, const char *name)
{
    const char *text = apr_table_get(r->headers_in, name);
    double seconds = text ? strtod(text, NULL) : 0;

    /* more than a day is no limit */
    return seconds > 0 && seconds < 86400
               ? (apr_interval_time_t)(seconds * APR_USEC_PER_SEC)
               : 0;
}

static void plan_model_call(request_rec *r, azl_request_t *ar)
{
    const char *alias;
    azl_error_t err;

    if (apr_table_get(r->headers_in, "Content-Encoding")) {
        azl_error_invalid(&err, "unsupported_content_encoding", NULL,
                          "The request body must not be compressed.");
        err.status = HTTP_UNSUPPORTED_MEDIA_TYPE;
        azl_request_refuse(ar, &err);
        return;
    }
    if (!azl_document_read(r->pool, ar->route.op,
                           (azl_params_e)ar->conf->params,
                           apr_table_get(r->headers_in, "Content-Type"),
                           ar->body, &ar->doc, &err)) {
        azl_request_refuse(ar, &err);
        return;
    }
    ar->rec.streamed = ar->doc.stream;
    ar->total_limit = client_limit(r, "x-litellm-timeout");
    if (ar->doc.stream) {
        ar->first_token_limit = client_limit(r, "x-litellm-stream-timeout");
    }
    /* Azure's way: the path decides, the body's model is decoration. */
    alias = ar->route.model.len ? printable_alias(r->pool, ar->route.model)
                                : ar->doc.model;
    if (!alias || !*alias) {
        azl_error_invalid(&err, "missing_required_parameter", "model",
                          "Missing required parameter: 'model'.");
        azl_request_refuse(ar, &err);
        return;
    }
    ar->model = azl_catalog_model(ar->conf->catalog, alias, strlen(alias));
    if (!ar->model || !azl_key_allows(ar->key, ar->model->alias)) {
        ar->model = NULL;
        refuse_model(r, ar, printable_alias(r->pool, azl_span_str(alias)));
        return;
    }
    ar->rec.model = ar->model->alias;
    if (ar->doc.previous_response_id) {
        plan_stored(r, ar, ar->doc.previous_response_id, 1);
    }
}

/* Does the operation need the body read? */
static int has_body(azl_op_e op)
{
    return op <= AZL_OP_LAST_MODEL_CALL || op == AZL_OP_RESPONSE_CANCEL;
}

int azl_plan(request_rec *r, azl_request_t *ar)
{
    azl_op_e op = ar->route.op;

    if (op <= AZL_OP_LAST_MODEL_CALL && !azl_admission_enter(r, ar)) {
        return OK;
    }
    if (has_body(op)) {
        int rc = azl_body_read(r, ar);

        if (rc != OK) {
            azl_admission_leave(ar);
            azl_request_no_error_document(r, rc);
            return rc;
        }
    }
    if (op <= AZL_OP_LAST_MODEL_CALL) {
        plan_model_call(r, ar);
    }
    else if (op >= AZL_OP_RESPONSE_GET && op <= AZL_OP_RESPONSE_CANCEL) {
        const char *id =
            apr_pstrmemdup(r->pool, ar->route.id.at, ar->route.id.len);

        plan_stored(r, ar, id, 0);
    }
    if (ar->refused) {
        azl_admission_leave(ar);
    }
    return OK;
}
