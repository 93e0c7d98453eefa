#include "azl_translation.h"

#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_httpd.h"
#include "azl_store.h"

/* Error documents are read up to 16 KB; OpenAI's form of one is not larger. */
#define FAILURE_MAX (64 * 1024)
/* A loop of tool calls may wait for a person to agree. */
#define KEPT_FOR apr_time_from_sec(3600)

int azl_translation_needed(const azl_attempt_t *at)
{
    return at->way && (at->way->inbound || at->way->outbound);
}

/* Whose it is, whose words they are, and the call they belong to. */
static void name_state(const azl_request_t *ar, const char *kind,
                       azl_span_t call_id, unsigned char name[AZL_SHA256_LEN])
{
    azl_span_t pieces[3];

    pieces[0] =
        azl_span((const char *)ar->key->digest, sizeof(ar->key->digest));
    pieces[1] = azl_span(kind, strlen(kind) + 1);
    pieces[2] = call_id;
    azl_crypto_sha256_pieces(pieces, 3, name);
}

static void keep(void *baton, const char *kind, azl_span_t call_id,
                 azl_span_t state)
{
    azl_request_t *ar = baton;
    unsigned char name[AZL_SHA256_LEN];

    if (state.len <= AZL_HUB_KEPT_MAX) {
        name_state(ar, kind, call_id, name);
        azl_stash_put(azl_store_stash(), name, state,
                      apr_time_now() + KEPT_FOR);
    }
}

static azl_span_t recall(void *baton, apr_pool_t *p, const char *kind,
                         azl_span_t call_id)
{
    unsigned char name[AZL_SHA256_LEN];

    name_state(baton, kind, call_id, name);
    return azl_stash_get(azl_store_stash(), p, name, apr_time_now());
}

static void begin_exchange(azl_attempt_t *at)
{
    const azl_request_t *ar = at->ar;
    const azl_deployment_t *d = at->deployment;
    azl_exchange_t *ex = apr_pcalloc(at->r->pool, sizeof(*ex));

    ex->pool = at->r->pool;
    ex->deployment = d;
    ex->alias = ar->served->alias;
    ex->plain = !d->endpoint->dialect->extras;
    ex->family = d->base_model ? d->base_model : ex->alias;
    ex->op = ar->route.op;
    ex->streamed = ar->doc.stream;
    ex->params = (azl_params_e)ar->conf->params;
    ex->now = ar->rec.time;
    ex->request_id = ar->id + AZL_REQUEST_ID_LEN - 32;
    ex->client_headers = at->r->headers_in;
    if (azl_store_stash()) {
        ex->keep = keep;
        ex->recall = recall;
        ex->kept = at->ar;
    }
    at->exchange = ex;
}

static int refuse_document(azl_request_t *ar, const char *why, azl_error_t *err)
{
    azl_error_invalid(
        err, "invalid_json", NULL,
        apr_pstrcat(ar->pool, "The request body is no JSON: ", why, NULL));
    return 0;
}

static int parse(azl_request_t *ar, azl_span_t doc, const azl_json_t **tree,
                 azl_error_t *err)
{
    azl_json_t *json;
    const char *why = azl_json_parse(ar->hub_pool, doc, &json);

    if (why) {
        return refuse_document(ar, why, err);
    }
    *tree = json;
    return 1;
}

/* The names of what was left out; a list that may grow by itself. */
static apr_array_header_t *names_of(apr_pool_t *p,
                                    const apr_array_header_t *names)
{
    return names ? apr_array_copy(p, names) : NULL;
}

/* The hub's document of what the client sent in its own language. It is made
 * once for all who can read it, but what was left out of it is told with
 * whichever attempt answers. */
static int bring_in(azl_attempt_t *at, azl_error_t *err)
{
    azl_request_t *ar = at->ar;
    azl_exchange_t *ex = at->exchange;
    azl_document_t *doc;
    azl_buf_t *text;

    if (!ar->client && !parse(ar, ar->body, &ar->client, err)) {
        return 0;
    }
    ex->client = ar->client;
    if (ar->hub_doc && ar->hub_plain == ex->plain) {
        ex->dropped = names_of(ex->pool, ar->hub_dropped);
        return 1;
    }
    text = azl_buf_create(ar->hub_pool, AZL_HUB_DOCUMENT_MAX);
    if (!at->way->inbound->request(ex, text, err)) {
        return 0;
    }
    if (text->failed) {
        return refuse_document(ar, "it is too large", err);
    }
    ar->hub_dropped = names_of(ar->pool, ex->dropped);
    ar->hub_plain = ex->plain;
    ar->hub = NULL; /* that was another one's */
    doc = apr_palloc(ar->hub_pool, sizeof(*doc));
    ar->hub_doc =
        azl_document_read(ar->hub_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP, NULL,
                          azl_span(text->data, text->len), doc, err)
            ? doc
            : NULL;
    return ar->hub_doc != NULL;
}

/* The upstream reads the hub's document itself. */
static int take_hub(azl_attempt_t *at, azl_error_t *err)
{
    azl_document_t *doc = at->ar->hub_doc;

    doc->params = (azl_params_e)at->ar->conf->params;
    at->deployment->endpoint->dialect->body(at->r->pool, at->deployment, doc,
                                            NULL, &at->body);
    if (at->body.refusal) {
        *err = *at->body.refusal;
        return 0;
    }
    return 1;
}

static int send_out(azl_attempt_t *at, azl_error_t *err)
{
    azl_request_t *ar = at->ar;
    azl_span_t doc = at->way->inbound ? ar->hub_doc->body : ar->body;
    /* One attempt may be given the client's own document and the next what
     * has been made of it: neither takes the other's. */
    const azl_json_t **tree = at->way->inbound ? &ar->hub : &ar->client;

    if (!*tree && !parse(ar, doc, tree, err)) {
        return 0;
    }
    at->exchange->hub = *tree;
    at->exchange->doc = at->way->inbound ? ar->hub_doc : &ar->doc;
    at->translated = azl_buf_create(at->r->pool, AZL_HUB_DOCUMENT_MAX);
    if (!at->way->outbound->request(at->exchange, at->translated, err)) {
        return 0;
    }
    if (at->translated->failed) {
        return refuse_document(ar, "it is too large", err);
    }
    at->body.pieces = apr_palloc(at->r->pool, sizeof(*at->body.pieces));
    at->body.pieces[0] = azl_span(at->translated->data, at->translated->len);
    at->body.npieces = 1;
    at->body.length = at->translated->len;
    return 1;
}

/* What the upstream takes no part of has a name in the hub's document; the
 * client has another one. */
static void name_place(azl_attempt_t *at, azl_error_t *err)
{
    const azl_inbound_t *inbound = at->way->inbound;

    if (inbound && inbound->place) {
        inbound->place(at->exchange, err);
    }
}

int azl_translation_request(azl_attempt_t *at, azl_error_t *err)
{
    azl_request_t *ar = at->ar;
    int ok;

    begin_exchange(at);
    if (!ar->hub_pool) {
        apr_pool_create(&ar->hub_pool, ar->pool);
        apr_pool_tag(ar->hub_pool, "azurelit_hub");
    }
    if (at->way->inbound && !bring_in(at, err)) {
        return 0;
    }
    ok = at->way->outbound ? send_out(at, err) : take_hub(at, err);
    if (!ok) {
        name_place(at, err);
    }
    return ok;
}

const char *azl_translation_stream_type(const azl_attempt_t *at)
{
    return at->way && at->way->outbound ? at->way->outbound->stream_type
                                        : "text/event-stream";
}

void azl_translation_stream(azl_attempt_t *at)
{
    azl_stream_from(at->stream, at->way->outbound, at->exchange);
    if (at->way->inbound && !at->continues) {
        azl_stream_to(at->stream, at->way->inbound, at->exchange);
    }
}

apr_status_t azl_translation_answer(azl_attempt_t *at, azl_span_t doc,
                                    azl_buf_t *out)
{
    const azl_way_t *way = at->way;
    azl_buf_t *hub = azl_buf_create(at->r->pool, AZL_HUB_DOCUMENT_MAX);
    azl_buf_t *told = hub;
    apr_status_t rv = APR_SUCCESS;

    if (way->outbound) {
        rv = way->outbound->answer(at->exchange, doc, hub);
        rv = rv == APR_SUCCESS && hub->failed ? APR_ENOSPC : rv;
        doc = azl_span(hub->data, hub->len);
        if (rv == APR_EGENERAL && hub->len) {
            azl_failure_event(at->r->pool, at->deployment, doc, &at->error);
            at->regretted = 1;
        }
    }
    if (rv == APR_SUCCESS) {
        told = way->inbound ? azl_buf_create(at->r->pool, AZL_HUB_DOCUMENT_MAX)
                            : out;
        rv = azl_reply_rewrite(&at->rules, doc, told, &at->usage);
    }
    if (rv == APR_SUCCESS && way->inbound) {
        rv = way->inbound->answer(at->exchange, azl_span(told->data, told->len),
                                  out);
        rv = rv == APR_SUCCESS && out->failed ? APR_ENOSPC : rv;
    }
    if (way->inbound && told != out && told != hub) {
        azl_buf_free(told);
    }
    azl_buf_free(hub);
    return rv;
}

azl_span_t azl_translation_failure(azl_attempt_t *at, azl_span_t body)
{
    const azl_outbound_t *outbound = at->way ? at->way->outbound : NULL;
    azl_buf_t *out;

    if (!outbound || !outbound->failure || !at->exchange) {
        return body;
    }
    out = azl_buf_create(at->r->pool, FAILURE_MAX);
    at->status =
        outbound->failure(at->exchange, at->status, at->headers, body, out);
    return out->len ? azl_span(out->data, out->len) : body;
}

void azl_translation_begun(azl_attempt_t *at)
{
    azl_request_t *ar = at->ar;

    if (at->translated) {
        azl_buf_free(at->translated);
    }
    if (at->exchange) {
        at->exchange->hub = NULL;
        at->exchange->client = NULL;
    }
    if (ar->hub_pool && !at->rules.keep_said) {
        apr_pool_destroy(ar->hub_pool);
        ar->hub_pool = NULL;
        ar->hub = NULL;
        ar->client = NULL;
        ar->hub_doc = NULL;
    }
}
