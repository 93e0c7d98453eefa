#include "azl_probe.h"

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_dialect.h"
#include "azl_http.h"
#include "azl_credential.h"
#include "azl_httpd.h"
#include "azl_identity.h"
#include "azl_store.h"

/* What is sent is below 1 KB. */
#define BODY_MAX 8192

/* Sixteen tokens are the least that /responses takes. */
static const char chat[] =
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"ping\"}],"
    "\"max_completion_tokens\":16}";
static const char responses[] =
    "{\"model\":\"m\",\"input\":\"ping\",\"max_output_tokens\":16,"
    "\"store\":false}";
static const char embeddings[] = "{\"model\":\"m\",\"input\":\"ping\"}";

/* Words in the names of models that make no text; asking them costs more than
 * a few tokens, or needs a file. */
static const char *const no_text[] = {
    "whisper", "transcribe", "tts",      "dall-e",     "image",
    "sora",    "video",      "realtime", "moderation", NULL};

static int names_any(const char *name, const char *const *words)
{
    for (; *words; words++) {
        if (ap_strcasestr(name, *words)) {
            return 1;
        }
    }
    return 0;
}

static azl_op_e op_of(const azl_model_t *model, const azl_deployment_t *d)
{
    static const char *const embed[] = {"embed", NULL};
    const char *name = d->base_model ? d->base_model : model->alias;

    if (d->responses_only) {
        return AZL_OP_RESPONSES;
    }
    if (names_any(name, embed) || names_any(d->name, embed)) {
        return AZL_OP_EMBEDDINGS;
    }
    return names_any(name, no_text) || names_any(d->name, no_text)
               ? AZL_OP_NONE
               : AZL_OP_CHAT;
}

/* For an upstream that speaks another language. */
static void translate_body(apr_pool_t *p, const azl_model_t *model,
                           const azl_deployment_t *d, azl_op_e op,
                           azl_span_t doc, azl_buf_t *buf)
{
    azl_json_t *hub = NULL;
    azl_exchange_t ex;
    azl_error_t err;

    azl_json_parse(p, doc, &hub);
    memset(&ex, 0, sizeof(ex));
    ex.pool = p;
    ex.deployment = d;
    ex.alias = model->alias;
    ex.family = d->base_model ? d->base_model : model->alias;
    ex.op = op;
    ex.params = AZL_PARAMS_DROP;
    ex.now = apr_time_now();
    ex.hub = hub;
    d->ways[op].outbound->request(&ex, buf, &err);
}

static azl_span_t make_body(apr_pool_t *p, const azl_model_t *model,
                            const azl_deployment_t *d, azl_op_e op)
{
    azl_buf_t *buf = azl_buf_create(p, BODY_MAX);
    azl_span_t text = azl_span_str(op == AZL_OP_CHAT        ? chat
                                   : op == AZL_OP_RESPONSES ? responses
                                                            : embeddings);
    azl_document_t doc;
    azl_error_t err;
    azl_body_t body;
    int i;

    if (d->ways[op].outbound) {
        translate_body(p, model, d, op, text, buf);
        return azl_span(azl_buf_pstr(buf, p), buf->len);
    }
    azl_document_read(p, op, AZL_PARAMS_KEEP, "application/json", text, &doc,
                      &err);
    d->endpoint->dialect->body(p, d, &doc, NULL, &body);
    for (i = 0; i < body.npieces; i++) {
        azl_buf_span(buf, body.pieces[i]);
    }
    return azl_span(azl_buf_pstr(buf, p), buf->len);
}

static const char *credential(apr_pool_t *p, const azl_endpoint_t *ep)
{
    const char *name, *value;

    if (!ep->credential || ep->identity) {
        return NULL;
    }
    azl_dialect_credential(p, ep, ep->credential, &name, &value);
    return apr_pstrcat(p, name, ": ", value, NULL);
}

/* Without a valid credential the endpoint says what it thinks of that. */
static void authorize(apr_pool_t *p, const azl_deployment_t *d, azl_op_e op,
                      azl_span_t body, apr_table_t *headers)
{
    azl_identity_call_t call;

    call.method = "POST";
    call.url = d->ways[op].url;
    call.host = d->endpoint->host;
    call.content_type = "application/json";
    call.body = &body;
    call.npieces = 1;
    azl_credential_set(p, d->endpoint, &call, headers);
}

/* NAME: value, each; ended by NULL. */
static const char *const *make_headers(apr_pool_t *p, const azl_deployment_t *d,
                                       azl_op_e op, azl_span_t body)
{
    const azl_dialect_t *dialect = d->endpoint->dialect;
    apr_array_header_t *list = apr_array_make(p, 8, sizeof(const char *));
    apr_table_t *more = apr_table_make(p, 4);
    const apr_table_entry_t *entry;
    int i;

    if (dialect->headers) {
        dialect->headers(d, op, NULL, more);
    }
    if (d->endpoint->identity) {
        authorize(p, d, op, body, more);
    }
    APR_ARRAY_PUSH(list, const char *) = "Content-Type: application/json";
    APR_ARRAY_PUSH(list, const char *) = "Accept: application/json";
    entry = (void *)apr_table_elts(more)->elts;
    for (i = 0; i < apr_table_elts(more)->nelts; i++) {
        APR_ARRAY_PUSH(list, const char *) =
            apr_pstrcat(p, entry[i].key, ": ", entry[i].val, NULL);
    }
    APR_ARRAY_PUSH(list, const char *) = credential(p, d->endpoint);
    APR_ARRAY_PUSH(list, const char *) = NULL;
    return (const char *const *)list->elts;
}

/* It refuses us, or is not there, or is not well. Anything else is an
 * answer. */
static int is_alive(int status)
{
    return status >= 200 && status != 401 && status != 403 && status != 404 &&
           !azl_failure_moves_on(status);
}

void azl_probe_ask(apr_pool_t *p, const azl_model_t *model,
                   const azl_deployment_t *d, apr_interval_time_t limit,
                   azl_probe_stop_fn *stop, azl_probe_t *probe)
{
    const azl_endpoint_t *ep = d->endpoint;
    azl_op_e op = op_of(model, d);
    azl_http_request_t request;
    azl_http_answer_t answer;

    memset(probe, 0, sizeof(*probe));
    memset(&request, 0, sizeof(request));
    if (op != AZL_OP_NONE) {
        request.url = d->ways[op].url;
    }
    if (!request.url) {
        return;
    }
    request.body = make_body(p, model, d, op);
    request.headers = make_headers(p, d, op, request.body);
    request.ca = ep->tls_ca;
    request.verify = ep->tls_verify;
    request.connect_timeout =
        d->limits.connect > 0 ? d->limits.connect : ep->connect_timeout;
    request.timeout = limit;
    request.stop = stop;
    probe->asked = 1;
    probe->why = azl_http_call(p, &request, &answer);
    probe->status = answer.status;
    probe->took = answer.took;
    probe->retry_after = answer.retry_after;
    probe->alive = !probe->why && is_alive(answer.status);
}

static int cools(const azl_health_t *h, apr_time_t now)
{
    return h && azl_health_state(h, now) == AZL_HEALTH_COOLING;
}

/* Would it leave nobody in this group? */
static int is_last_of(const azl_model_t *model, const azl_deployment_t *sick,
                      apr_time_t now)
{
    azl_deployment_t **d = (void *)model->deployments->elts;
    int member = 0, others = 0;
    int i;

    for (i = 0; i < model->deployments->nelts; i++) {
        const azl_deployment_t *one = d[i];

        for (; one; one = one->spill) {
            if (one->health == sick->health) {
                member = 1;
            }
            else {
                others += !cools(one->health, now) &&
                          !cools(one->endpoint->health, now);
            }
        }
    }
    return member && !others;
}

static int is_sole(const azl_conf_t *conf, const azl_deployment_t *d,
                   apr_time_t now)
{
    azl_model_t **model = (void *)conf->catalog->order->elts;
    int i;

    for (i = 0; i < conf->catalog->order->nelts; i++) {
        if (is_last_of(model[i], d, now)) {
            return 1;
        }
    }
    return 0;
}

static void learn_failure(const azl_conf_t *conf, azl_deployment_t *d,
                          const azl_probe_t *probe, apr_time_t now)
{
    /* what a client would be told of an endpoint that is not there */
    int status = probe->status ? probe->status : HTTP_BAD_GATEWAY;
    int sole = is_sole(conf, d, now);
    int began;

    began = azl_health_failure(d->health, now, &conf->cooldown, status,
                               probe->retry_after, sole);
    if (!began && !sole && !cools(d->health, now)) {
        /* nobody else asks it: one failure says enough */
        began = azl_health_cool(d->health, now, conf->cooldown.time, status);
    }
    if (began) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, conf->server,
                     AZLNO(0070) "%s did not answer a probe (%d%s%s) and cools "
                                 "down",
                     d->id, status, probe->why ? ": " : "",
                     probe->why ? probe->why : "");
    }
}

static void learn(const azl_conf_t *conf, azl_deployment_t *d,
                  const azl_probe_t *probe)
{
    apr_time_t now = apr_time_now();

    if (!probe->alive) {
        learn_failure(conf, d, probe, now);
    }
    else if (azl_health_success(d->health, now, probe->took, -1)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, conf->server,
                     AZLNO(0071) "%s answers a probe and is asked again",
                     d->id);
    }
}

void azl_probe_run(apr_pool_t *p, const azl_conf_t *conf,
                   const azl_model_t *model, azl_deployment_t *d,
                   apr_interval_time_t limit, azl_probe_stop_fn *stop,
                   azl_probe_t *probe)
{
    int row = azl_store_row();

    if (!d->health || op_of(model, d) == AZL_OP_NONE) {
        azl_probe_ask(p, model, d, limit, stop, probe);
        return;
    }
    azl_health_begin(d->health, row, apr_time_now(), 0);
    azl_probe_ask(p, model, d, limit, stop, probe);
    azl_health_end(d->health, row);
    if (probe->asked && !(stop && stop(NULL))) {
        learn(conf, d, probe);
    }
}
