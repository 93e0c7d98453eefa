#include "azl_attempt.h"

#include <apr_strings.h>

#include "azl_answer.h"
#include "azl_httpd.h"
#include "azl_upstream.h"

/* The client's id for a response of this deployment. */
static const char *seal_response_id(void *baton, azl_span_t upstream_id)
{
    azl_attempt_t *at = baton;
    azl_sealed_t what;

    if (!at->ar->conf->seal) {
        return NULL;
    }
    memcpy(what.deployment, at->deployment->fingerprint,
           AZL_SEAL_FINGERPRINT_LEN);
    memcpy(what.key, at->ar->key->digest, AZL_SEAL_FINGERPRINT_LEN);
    what.upstream_id =
        apr_pstrmemdup(at->r->pool, upstream_id.at, upstream_id.len);
    return azl_seal_make(at->r->pool, at->ar->conf->seal, &what);
}

static azl_attempt_t *attempt_create(request_rec *r, azl_request_t *ar,
                                     const azl_deployment_t *d)
{
    azl_attempt_t *at = apr_pcalloc(r->pool, sizeof(*at));

    at->r = r;
    at->ar = ar;
    at->deployment = d;
    at->rules.op = ar->route.op;
    at->rules.alias_json = ar->model->alias_json;
    at->rules.keep_annotations = d->endpoint->keep_annotations;
    at->rules.include_usage = ar->doc.include_usage;
    at->rules.choices = ar->doc.choices;
    at->rules.seal = seal_response_id;
    at->rules.seal_baton = at;
    if (ar->route.op <= AZL_OP_LAST_MODEL_CALL) {
        d->endpoint->dialect->body(r->pool, d, &ar->doc, ar->response_id,
                                   &at->body);
    }
    else {
        at->body.npieces = 1;
        at->body.pieces = &ar->body;
        at->body.length = ar->body.len;
    }
    return at;
}

/* The pool is the request's; what may be large is not in it. */
static void attempt_destroy(azl_attempt_t *at)
{
    if (at->in) {
        azl_buf_free(at->in);
    }
    if (at->out) {
        azl_buf_free(at->out);
    }
}

/* What the attempt was worth, in the record. */
static void account(azl_request_t *ar, azl_attempt_t *at)
{
    ar->rec.deployment = at->deployment->id;
    ar->rec.endpoint = at->deployment->endpoint->name;
    if (at->committed) {
        ar->rec.usage = at->usage;
        ar->rec.cost = azl_price_cost(&at->deployment->price, &at->usage);
        ar->rec.error = at->truncated ? AZL_CLASS_TRUNCATED : AZL_CLASS_NONE;
    }
}

static void call(request_rec *r, azl_request_t *ar, azl_attempt_t *at,
                 const char *url)
{
    ap_filter_t *body = azl_filter_body_add(at);
    ap_filter_t *reply = azl_filter_reply_add(at);
    azl_call_e result;

    ar->attempt = at;
    result = azl_upstream_call(r, ar, at->deployment->endpoint, url);
    ar->attempt = NULL;
    azl_reply_close(at, reply->next, result == AZL_CALL_TIMED_OUT);
    ap_remove_output_filter(reply);
    ap_remove_input_filter(body);
    if (result == AZL_CALL_CLIENT_GONE) {
        ar->rec.error = AZL_CLASS_CLIENT_CLOSED;
    }
}

static void log_malformed(const azl_attempt_t *at)
{
    int n = at->stream ? azl_stream_state(at->stream)->malformed : 0;

    if (n) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, at->r,
                      AZLNO(0032) "%s: %d events of %s were no JSON and were "
                                  "left out",
                      at->ar->id, n, at->deployment->id);
    }
}

/* One candidate. 1: the request is over. 0: *err says why it is not. */
static int attempt(request_rec *r, azl_request_t *ar, const azl_deployment_t *d,
                   const char *url, azl_error_t *err)
{
    azl_attempt_t *at = attempt_create(r, ar, d);
    int gone, over;

    ar->rec.attempts++;
    call(r, ar, at, url);
    account(ar, at);
    gone = azl_request_client_gone(r, ar);
    over = at->committed || gone;
    if (gone) {
        ar->rec.error = AZL_CLASS_CLIENT_CLOSED;
    }
    else if (at->truncated) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      AZLNO(0030) "%s: the answer of %s was cut off after its "
                                  "start; the client was told so",
                      ar->id, d->id);
    }
    log_malformed(at);
    *err = at->error;
    attempt_destroy(at);
    return over;
}

static void log_failure(request_rec *r, const azl_request_t *ar,
                        const azl_deployment_t *d, const azl_error_t *err,
                        int again)
{
    ap_log_rerror(APLOG_MARK,
                  err->status == HTTP_BAD_GATEWAY &&
                          !strcmp(err->code, "upstream_authentication_"
                                             "error")
                      ? APLOG_ERR
                      : APLOG_INFO,
                  0, r, AZLNO(0031) "%s: attempt %d at %s failed: %d %s%s",
                  ar->id, ar->rec.attempts, d->id, err->status, err->code,
                  again ? ", trying the next candidate" : "");
}

/* Leave out the candidates that have no such operation (Azure has no
 * moderations); a URL for each of the others. */
static const char **plan_urls(request_rec *r, azl_request_t *ar)
{
    const char **urls;
    int i, kept = 0;

    urls = apr_palloc(r->pool, sizeof(*urls) * (apr_size_t)ar->ncandidates);
    for (i = 0; i < ar->ncandidates; i++) {
        const azl_deployment_t *d = ar->candidates[i];

        urls[kept] = d->endpoint->dialect->url(r->pool, d, ar->route.op,
                                               ar->response_id, r->args);
        if (urls[kept]) {
            ar->candidates[kept++] = d;
        }
    }
    ar->ncandidates = kept;
    return urls;
}

static int answer_failure(request_rec *r, azl_request_t *ar,
                          const azl_error_t *err)
{
    r->headers_out = apr_table_copy(r->pool, ar->base_headers);
    ar->rec.error = err->cls;
    return azl_answer_error(r, ar, err);
}

int azl_attempts_run(request_rec *r, azl_request_t *ar)
{
    const char **urls = plan_urls(r, ar);
    azl_error_t best, err;
    int again = 1;
    int i;

    ar->base_headers = r->headers_out;
    azl_error_invalid(&best, "unsupported_operation", "model",
                      "No deployment of this model supports the operation.");
    for (i = 0; again && i < ar->ncandidates; i++) {
        memset(&err, 0, sizeof(err));
        if (attempt(r, ar, ar->candidates[i], urls[i], &err)) {
            return OK;
        }
        again = i + 1 < ar->ncandidates && i < ar->conf->retry &&
                azl_failure_moves_on(err.status);
        log_failure(r, ar, ar->candidates[i], &err, again);
        if (i == 0 || azl_failure_better(&best, &err)) {
            best = err;
        }
    }
    return answer_failure(r, ar, &best);
}
