#include "azl_attempt.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_answer.h"
#include "azl_crypto.h"
#include "azl_health.h"
#include "azl_httpd.h"
#include "azl_store.h"
#include "azl_translation.h"
#include "azl_upstream.h"

/* What stands for a response made in the background, in records and in shared
 * memory: the same for everybody, and nothing that could be used as its id. */
static void name_response(azl_request_t *ar, azl_span_t upstream_id)
{
    unsigned char digest[AZL_SHA256_LEN];
    char hex[2 * sizeof(ar->response_word) + 1];

    azl_crypto_sha256(upstream_id.at, upstream_id.len, digest);
    memcpy(&ar->response_word, digest, sizeof(ar->response_word));
    azl_hex_encode(digest, sizeof(ar->response_word), hex);
    ar->rec.response = apr_pstrdup(ar->pool, hex);
}

/* The client's id for a response of this deployment. */
static const char *seal_response_id(void *baton, azl_span_t upstream_id)
{
    azl_attempt_t *at = baton;
    azl_sealed_t what;

    if (at->ar->doc.background && !at->ar->rec.response) {
        name_response(at->ar, upstream_id); /* its own comes first */
    }
    if (!at->ar->conf->seal) {
        return NULL;
    }
    if (at->ar->sealed_id && azl_span_is(upstream_id, at->ar->response_id)) {
        return at->ar->sealed_id; /* it may say another credential */
    }
    memcpy(what.deployment, at->deployment->fingerprint,
           AZL_SEAL_FINGERPRINT_LEN);
    memcpy(what.key, at->ar->key->digest, AZL_SEAL_FINGERPRINT_LEN);
    what.upstream_id =
        apr_pstrmemdup(at->r->pool, upstream_id.at, upstream_id.len);
    return azl_seal_make(at->r->pool, at->ar->conf->seal, &what);
}

/* Also a stored response can be had as a stream, and as it is made. */
static int is_streamed(const azl_attempt_t *at)
{
    return at->ar->doc.stream ||
           (at->ar->route.op == AZL_OP_RESPONSE_GET && at->r->args &&
            strstr(at->r->args, "stream=true"));
}

/* The moments after which it is not waited for any longer. */
static void set_limits(azl_attempt_t *at, apr_time_t request_over_by)
{
    const azl_limits_t *limits = &at->deployment->limits;
    int streamed = is_streamed(at);
    apr_interval_time_t total = limits->total;

    if (total < 0) {
        total = streamed ? AZL_TOTAL_STREAM_DEFAULT : AZL_TOTAL_DEFAULT;
    }
    at->started = apr_time_now();
    at->over_by = at->started + total;
    if (request_over_by && request_over_by < at->over_by) {
        at->over_by = request_over_by;
    }
    if (streamed) {
        apr_interval_time_t first = limits->first_token;

        if (at->ar->first_token_limit && at->ar->first_token_limit < first) {
            first = at->ar->first_token_limit;
        }
        at->first_token_by = at->started + first;
        at->idle = limits->idle;
    }
}

/* If this answer breaks off, may others go on with it? */
static int keep_said(const azl_request_t *ar, const azl_attempt_plan_t *plan)
{
    return ar->conf->mid_stream && ar->doc.stream &&
           ar->route.op == AZL_OP_CHAT && ar->doc.prompt.len &&
           *ar->doc.prompt.at == '[' && azl_model_may_go_on(plan->model);
}

/* It goes on with the stream of the one before. */
static void go_on(azl_attempt_t *at, const azl_attempt_t *before)
{
    at->continues = 1;
    at->committed = 1;
    at->interrupted = 1;
    at->stream = before->stream;
    /* empty, and needed if no answer comes: the client must be told */
    at->out = before->out;
    at->prompt_text = before->prompt_text; /* it is read once more */
    at->ar->doc.said = azl_stream_said(at->stream);
    azl_stream_resume(at->stream);
}

static azl_attempt_t *attempt_create(request_rec *r, azl_request_t *ar,
                                     const azl_attempt_plan_t *plan)
{
    const azl_deployment_t *d = plan->deployment;
    azl_attempt_t *at = apr_pcalloc(r->pool, sizeof(*at));

    at->r = r;
    at->ar = ar;
    at->deployment = d;
    at->way = plan->way;
    at->rules.op = at->way ? at->way->op : ar->route.op;
    at->rules.alias_json = plan->model->alias_json;
    at->rules.deployment = d;
    at->rules.keep_annotations = d->endpoint->keep_annotations;
    at->rules.include_usage =
        ar->doc.include_usage || (at->way && at->way->inbound);
    at->rules.choices = ar->doc.choices;
    at->rules.base64 = ar->doc.base64;
    at->rules.reasoning = strcmp(d->endpoint->dialect->name, "openai") == 0;
    at->rules.seal = seal_response_id;
    at->rules.seal_baton = at;
    at->rules.keep_said = keep_said(ar, plan);
    if (plan->before) {
        go_on(at, plan->before);
    }
    set_limits(at, plan->over_by);
    if (azl_translation_needed(at)) {
        at->unfit = !azl_translation_request(at, &at->error);
    }
    else if (at->way) {
        d->endpoint->dialect->body(r->pool, d, &ar->doc, ar->response_id,
                                   &at->body);
        if (at->body.refusal) {
            at->unfit = 1;
            at->error = *at->body.refusal;
        }
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
    if (at->translated) {
        azl_buf_free(at->translated);
    }
}

/* A header of the upstream's as a number; -1: none. */
static apr_int64_t number_of(const azl_attempt_t *at, const char *name)
{
    const char *text = apr_table_get(at->headers, name);

    return text && apr_isdigit(*text) ? apr_atoi64(text) : -1;
}

void azl_attempt_committed(azl_attempt_t *at)
{
    azl_health_t *health = at->deployment->health;
    azl_health_t *endpoint = at->deployment->endpoint->health;
    apr_time_t now = at->ar->rec.time + at->ar->rec.first_token;
    apr_interval_time_t took = now - at->started;
    int streamed = at->mode == AZL_REPLY_STREAMED;
    apr_int64_t requests, tokens;

    if (!health) {
        return;
    }
    if (azl_health_success(health, now, streamed ? -1 : took,
                           streamed ? took : -1)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, at->r,
                      AZLNO(0033) "%s answers again", at->deployment->id);
    }
    if (endpoint && azl_health_state(endpoint, now) != AZL_HEALTH_OK) {
        azl_health_success(endpoint, now, -1, -1);
    }
    requests = number_of(at, "x-ratelimit-remaining-requests");
    tokens = number_of(at, "x-ratelimit-remaining-tokens");
    if (requests >= 0 || tokens >= 0) {
        azl_health_limits(health, now, requests, tokens);
    }
}

/* What this attempt has used, beside those whose answer it goes on with. */
static void account_usage(azl_record_t *rec, const azl_attempt_t *at)
{
    azl_pico_t cost = azl_price_cost(&at->deployment->price, &at->usage);

    if (!at->continues) {
        rec->usage = at->usage;
        rec->cost = cost;
    }
    else if (at->usage.reported) {
        azl_usage_add(&rec->usage, &at->usage);
        rec->cost = rec->cost == AZL_PRICE_UNSET || cost == AZL_PRICE_UNSET
                        ? AZL_PRICE_UNSET
                        : rec->cost + cost;
    }
}

static void forget_usage(azl_record_t *rec)
{
    memset(&rec->usage, 0, sizeof(rec->usage));
    rec->cost = AZL_PRICE_UNSET;
}

/*
 * The usage of a response that the provider makes in the background comes with
 * the first answer that shows it complete, whoever asks and how often: that
 * one is recorded.
 */
static void account_background(azl_request_t *ar, const azl_attempt_t *at)
{
    azl_op_e op = ar->route.op;

    if (ar->doc.background && at->usage.estimated) {
        /* a stream that broke off: the provider goes on without us */
        forget_usage(&ar->rec);
        return;
    }
    if (!at->usage.background || !at->usage.reported || at->usage.estimated) {
        return;
    }
    if (op == AZL_OP_RESPONSE_GET || op == AZL_OP_RESPONSE_CANCEL) {
        name_response(ar, azl_span_str(ar->response_id));
        ar->rec.model = ar->model->alias;
        ar->recorded = 1;
    }
    if (ar->response_word && azl_store_shared() &&
        !azl_shared_once(azl_store_shared(), ar->response_word)) {
        ar->recorded = op <= AZL_OP_LAST_MODEL_CALL;
        forget_usage(&ar->rec);
    }
}

/* What the attempt was worth, in the record. */
static void account(azl_request_t *ar, azl_attempt_t *at)
{
    ar->rec.deployment = at->deployment->id;
    ar->rec.endpoint = at->deployment->endpoint->name;
    if (at->committed) {
        account_usage(&ar->rec, at);
        account_background(ar, at);
        ar->rec.error = at->truncated ? AZL_CLASS_TRUNCATED : AZL_CLASS_NONE;
        /* a stored response tells its usage to everybody who reads it */
        if (ar->recorded && ar->rec.usage.reported && at->usage.reported &&
            at->deployment->health) {
            azl_health_tokens(
                at->deployment->health, apr_time_now(),
                (apr_uint64_t)(at->usage.prompt + at->usage.completion));
        }
    }
}

apr_interval_time_t azl_attempt_time_left(const azl_attempt_t *at)
{
    apr_time_t until = at->over_by;

    if (at->first_token_by && at->first_token_by < until) {
        until = at->first_token_by;
    }
    return until - apr_time_now();
}

/* Also when it could not even be sent in time. */
static int timed_out(const azl_attempt_t *at, azl_call_e result)
{
    return result == AZL_CALL_TIMED_OUT ||
           at->ended_by >= AZL_END_FIRST_TOKEN ||
           (!at->sent && azl_attempt_time_left(at) <= 0);
}

static void call(request_rec *r, azl_request_t *ar, azl_attempt_t *at,
                 const azl_attempt_plan_t *plan)
{
    ap_filter_t *body = azl_filter_body_add(at);
    ap_filter_t *reply = azl_filter_reply_add(at);
    azl_call_e result;

    ar->attempt = at;
    result = azl_upstream_call(r, ar, plan->url, plan->fresh);
    ar->attempt = NULL;
    azl_reply_close(at, reply->next, timed_out(at, result));
    if (result == AZL_CALL_NO_CREDENTIAL) {
        azl_failure_no_credential(&at->error);
    }
    ap_remove_output_filter(reply);
    ap_remove_input_filter(body);
    /* An answer that was cut off without a form to say so takes the client's
     * connection along: it was not the client who left. */
    if (!at->severed && (result == AZL_CALL_CLIENT_GONE ||
                         at->ended_by == AZL_END_CLIENT_GONE ||
                         azl_request_client_gone(r, ar))) {
        at->client_gone = 1;
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
        at->ar->malformed = n;
    }
}

/* The client has its status and headers already: what mod_proxy makes of the
 * upstream's is not for it. */
static void call_behind_headers(request_rec *r, azl_request_t *ar,
                                azl_attempt_t *at,
                                const azl_attempt_plan_t *plan)
{
    apr_table_t *headers = r->headers_out;
    const char *status_line = r->status_line;
    const char *content_type = r->content_type;
    int status = r->status;

    call(r, ar, at, plan);
    r->headers_out = headers;
    r->status_line = status_line;
    r->content_type = content_type;
    r->status = status;
}

static void log_cut(const azl_attempt_t *at)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, at->r,
                  AZLNO(0030) "%s: the answer of %s was cut off after its "
                              "start, as the client was told: %s",
                  at->ar->id, at->deployment->id, azl_attempt_cause(at));
}

void azl_attempt_give_up(azl_attempt_t *at)
{
    azl_reply_give_up(at);
    at->ar->rec.error = AZL_CLASS_TRUNCATED;
    log_cut(at);
}

azl_attempt_t *azl_attempt_make(request_rec *r, azl_request_t *ar,
                                const azl_attempt_plan_t *plan)
{
    azl_attempt_t *at;

    ar->served = plan->before ? ar->served : plan->model;
    at = attempt_create(r, ar, plan);
    if (at->unfit) {
        at->mode = AZL_REPLY_FAILED;
        attempt_destroy(at);
        return at;
    }
    ar->rec.attempts++;
    if (at->continues) {
        call_behind_headers(r, ar, at, plan);
    }
    else {
        call(r, ar, at, plan);
    }
    account(ar, at);
    if (at->client_gone) {
        ar->rec.error = AZL_CLASS_CLIENT_CLOSED;
    }
    else if (at->truncated && !at->interrupted) {
        log_cut(at);
    }
    log_malformed(at);
    attempt_destroy(at);
    return at;
}
