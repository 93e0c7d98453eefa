#include <apr_buckets.h>
#include <http_protocol.h>

#include "azl_attempt.h"
#include "azl_hooks.h"
#include "azl_httpd.h"

static ap_filter_rec_t *body_filter_handle;

/*
 * The whole body in one go, whatever length was asked for: mod_proxy_http then
 * knows its length without spooling it, and a prompt never reaches a disk.
 */
static apr_status_t body_filter(ap_filter_t *f, apr_bucket_brigade *bb,
                                ap_input_mode_t mode, apr_read_type_e block,
                                apr_off_t readbytes)
{
    azl_attempt_t *at = f->ctx;
    int i;

    (void)block;
    (void)readbytes;
    if (mode != AP_MODE_READBYTES) {
        return mode == AP_MODE_INIT ? APR_SUCCESS : APR_ENOTIMPL;
    }
    for (i = 0; !at->body_served && i < at->body.npieces; i++) {
        azl_span_t piece = at->body.pieces[i];

        if (piece.len) {
            APR_BRIGADE_INSERT_TAIL(
                bb, apr_bucket_immortal_create(piece.at, piece.len,
                                               bb->bucket_alloc));
        }
    }
    at->body_served = 1;
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return APR_SUCCESS;
}

void azl_filter_body_register(void)
{
    body_filter_handle = ap_register_input_filter("AZURELIT_BODY", body_filter,
                                                  NULL, AP_FTYPE_RESOURCE);
}

ap_filter_t *azl_filter_body_add(azl_attempt_t *at)
{
    return ap_add_input_filter_handle(body_filter_handle, at, at->r,
                                      at->r->connection);
}
