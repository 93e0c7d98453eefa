/*
 * Errors that httpd or another module answers below our path: a 401 or 404 of
 * ours, 403 from Require, 413, 403 from mod_security, 502 ... They are made
 * with an HTML document or an ErrorDocument; a filter puts the API's error
 * document in its place.
 */
#include "azl_hooks.h"

#include <http_core.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "azl_answer.h"
#include "azl_conf.h"
#include "azl_httpd.h"
#include "azl_request.h"

#define DOCUMENT_MAX (64 * 1024)

static ap_filter_rec_t *error_filter_handle;

/* The request that failed, when this one is the redirect to an
 * ErrorDocument. */
static const request_rec *first_request(const request_rec *r)
{
    while (r->prev) {
        r = r->prev;
    }
    return r;
}

static apr_status_t error_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    const request_rec *first = first_request(r);
    azl_request_t *ar = azl_request_get(first);
    int status = first->status;
    apr_bucket *b;
    azl_buf_t *doc;
    azl_error_t err;
    apr_status_t rv;

    for (b = APR_BRIGADE_FIRST(bb);
         b != APR_BRIGADE_SENTINEL(bb) && !APR_BUCKET_IS_EOS(b);
         b = APR_BUCKET_NEXT(b)) {
    }
    if (b == APR_BRIGADE_SENTINEL(bb)) {
        apr_brigade_cleanup(bb); /* the document to be replaced */
        return APR_SUCCESS;
    }
    apr_brigade_cleanup(bb);
    ap_remove_output_filter(f);

    if (ar && ar->refused && ar->error.status == status) {
        err = ar->error;
    }
    else {
        azl_error_from_status(&err, status);
    }
    doc = azl_buf_create(r->pool, DOCUMENT_MAX);
    azl_answer_error_write(doc, &err, ar);
    apr_table_setn(r->err_headers_out, "x-request-id",
                   ar ? ar->id : azl_request_new_id(r->pool));
    /* httpd's own, of the methods its handlers know */
    apr_table_unset(r->headers_out, "Allow");
    azl_answer_error_headers(&err, ar, r->err_headers_out);
    azl_answer_connection(r);
    r->status = status;
    r->status_line = NULL;
    r->content_encoding = NULL;
    apr_table_unset(r->headers_out, "Location");
    apr_table_unset(r->headers_out, "Content-Encoding");
    apr_table_unset(r->headers_out, "ETag");
    apr_table_unset(r->headers_out, "Last-Modified");
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)doc->len);
    if (!r->header_only) {
        b = apr_bucket_heap_create(doc->data, doc->len, NULL, bb->bucket_alloc);
        APR_BRIGADE_INSERT_TAIL(bb, b);
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    rv = ap_pass_brigade(f->next, bb);
    azl_buf_free(doc);
    return rv;
}

/*
 * Which errors are the API's: all of a request of ours, also one that another
 * module refused before we saw it; all below a base path of our own; and on a
 * server we share with other content (no base path) what was not found.
 */
static int is_api_error(const request_rec *first, const azl_conf_t *conf)
{
    azl_route_t route;

    if (azl_request_get(first) ||
        azl_route_find(&route, conf->base_path, first->method, first->uri)) {
        return 1;
    }
    return (*conf->base_path || first->status == HTTP_NOT_FOUND) &&
           azl_route_under(conf->base_path, first->uri);
}

/*
 * Runs for the error documents httpd makes itself, and (as insert_filter) for
 * every request: a redirect to an ErrorDocument is an ordinary one.
 */
void azl_hook_insert_error_filter(request_rec *r)
{
    const request_rec *first = first_request(r);
    const azl_conf_t *conf = azl_conf_get(first->server);

    if (conf->enabled == 1 && first->status >= 400 &&
        is_api_error(first, conf)) {
        ap_add_output_filter_handle(error_filter_handle, NULL, r,
                                    r->connection);
    }
}

/*
 * An ErrorDocument on another server becomes a redirect before any filter is
 * asked. Whoever may refuse a request of ours later (Require, mod_security ...)
 * finds none.
 */
int azl_hook_header_parser(request_rec *r)
{
    static const int refusals[] = {400, 401, 403, 404, 405, 406, 408, 409,
                                   410, 411, 413, 414, 415, 422, 423, 429,
                                   431, 451, 500, 501, 502, 503, 504, 507};
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_size_t i;

    if (!core->response_code_exprs || !azl_request_get(r)) {
        return DECLINED;
    }
    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        azl_request_no_error_document(r, refusals[i]);
    }
    return OK;
}

void azl_error_answer_register(void)
{
    /* behind every filter that would touch a document's text */
    error_filter_handle = ap_register_output_filter(
        "AZURELIT_ERROR", error_filter, NULL, AP_FTYPE_CONTENT_SET);
}
