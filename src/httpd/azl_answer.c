#include "azl_answer.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "azl_config_source.h"
#include "azl_httpd.h"
#include "azl_hub.h"
#include "azl_price.h"

/* One error document: message, code, Azure's details. */
#define ERROR_DOCUMENT_MAX (256 * 1024)

/* The same bits as the request id, in the form of LiteLLM's call id: a UUID.
 * Each group is followed by a dash in place of the NUL. */
static const char *call_id(request_rec *r, const azl_request_t *ar)
{
    static const int groups[] = {8, 4, 4, 4, 12, 0};
    const char *hex = ar->id + AZL_REQUEST_ID_LEN - 32;
    char *text = apr_palloc(r->pool, 32 + 5);
    char *at = text;
    int i;

    for (i = 0; groups[i]; i++) {
        memcpy(at, hex, (apr_size_t)groups[i]);
        at += groups[i];
        hex += groups[i];
        *at++ = '-';
    }
    at[-1] = '\0';
    return text;
}

void azl_answer_connection(request_rec *r)
{
    /* As if the client had asked for it: the answer is still chunked, and its
     * end known. HTTP/2 has a word of its own (GOAWAY). */
    if (azl_config_source_leaving() && !r->connection->master) {
        apr_table_setn(r->headers_in, "Connection", "close");
    }
}

void azl_answer_headers(request_rec *r, azl_request_t *ar)
{
    apr_table_t *headers = r->headers_out;

    azl_answer_connection(r);
    apr_table_setn(headers, "x-request-id", ar->id);
    if (ar->route.op == AZL_OP_MESSAGES ||
        ar->route.op == AZL_OP_COUNT_TOKENS) {
        apr_table_setn(headers, "request-id", ar->id); /* Anthropic's name */
    }
    if (!ar->recorded) {
        return;
    }
    /* Nobody else makes those of LiteLLM: they are added, not looked for among
     * each other. */
    apr_table_addn(headers, "x-litellm-call-id", call_id(r, ar));
    if (!ar->model) {
        return;
    }
    apr_table_addn(headers, "x-litellm-model-group",
                   ar->served ? ar->served->alias : ar->model->alias);
    if (ar->fallbacks) {
        apr_table_addn(headers, "x-litellm-attempted-fallbacks",
                       apr_itoa(r->pool, ar->fallbacks));
    }
    if (ar->rec.attempts > 0) {
        apr_table_addn(headers, "x-litellm-attempted-retries",
                       apr_itoa(r->pool, ar->rec.attempts - 1));
    }
    if (ar->rec.cost != AZL_PRICE_UNSET) {
        char text[AZL_PRICE_TEXT_MAX];

        azl_price_text(ar->rec.cost, text);
        apr_table_addn(headers, "x-litellm-response-cost",
                       apr_pstrdup(r->pool, text));
    }
}

/* Nothing here names a host, a region or an account. */
static int is_passed_header(const char *name, int unchanged)
{
    switch (name[0] | 0x20) {
    case 'x':
        return ap_cstr_casecmpn(name, "x-ratelimit-", 12) == 0;
    case 'a':
        return ap_cstr_casecmp(name, "apim-request-id") == 0;
    case 'c':
        if (ap_cstr_casecmpn(name, "Content-", 8) != 0) {
            return 0;
        }
        return (unchanged && ap_cstr_casecmp(name + 8, "Length") == 0) ||
               ap_cstr_casecmp(name + 8, "Disposition") == 0;
    case 'o':
        return ap_cstr_casecmp(name, "openai-processing-ms") == 0;
    case 'r':
        return ap_cstr_casecmp(name, "Retry-After") == 0 ||
               ap_cstr_casecmp(name, "retry-after-ms") == 0;
    default:
        return 0;
    }
}

void azl_answer_upstream_headers(request_rec *r, apr_table_t *headers,
                                 int unchanged)
{
    const apr_array_header_t *array = apr_table_elts(r->headers_out);
    const apr_table_entry_t *entry = (void *)array->elts;
    int i;

    for (i = 0; i < array->nelts; i++) {
        if (entry[i].key && is_passed_header(entry[i].key, unchanged)) {
            apr_table_addn(headers, entry[i].key, entry[i].val);
        }
    }
    r->headers_out = headers;
}

static int send_document(request_rec *r, const azl_buf_t *doc)
{
    apr_bucket_brigade *bb;
    apr_bucket *b;

    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (!r->header_only) {
        b = apr_bucket_transient_create(doc->data, doc->len, bb->bucket_alloc);
        APR_BRIGADE_INSERT_TAIL(bb, b);
    }
    b = apr_bucket_eos_create(bb->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, b);
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_destroy(bb);
    return OK;
}

int azl_answer_json(request_rec *r, int status, const azl_buf_t *doc)
{
    r->status = status;
    r->status_line = NULL;
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)doc->len);
    return send_document(r, doc);
}

void azl_answer_error_headers(const azl_error_t *err, const azl_request_t *ar,
                              apr_table_t *headers)
{
    if (ar && ar->route.allow && err->status == HTTP_METHOD_NOT_ALLOWED) {
        apr_table_setn(headers, "Allow", ar->route.allow);
    }
    if (err->status == HTTP_UNAUTHORIZED && ar && ar->refused) {
        apr_table_setn(headers, "WWW-Authenticate", "Bearer");
    }
    if (err->retry_after) {
        apr_table_setn(headers, "Retry-After", err->retry_after);
    }
    if (err->retry_after_ms) {
        apr_table_setn(headers, "retry-after-ms", err->retry_after_ms);
    }
    if (err->no_retry) {
        apr_table_setn(headers, "x-should-retry", "false");
    }
}

void azl_answer_error_write(azl_buf_t *doc, const azl_error_t *err,
                            const azl_request_t *ar)
{
    const azl_inbound_t *inbound = ar ? azl_inbound_of(ar->route.op) : NULL;

    if (inbound && inbound->error) {
        inbound->error(err, ar->id, doc);
    }
    else {
        azl_error_write(doc, err);
    }
}

int azl_answer_error(request_rec *r, azl_request_t *ar, const azl_error_t *err)
{
    azl_buf_t *doc = azl_buf_create(r->pool, ERROR_DOCUMENT_MAX);

    azl_answer_error_write(doc, err, ar);
    azl_answer_headers(r, ar);
    azl_answer_error_headers(err, ar, r->headers_out);
    return azl_answer_json(r, err->status, doc);
}
