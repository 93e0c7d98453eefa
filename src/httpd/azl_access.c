#include "azl_hooks.h"

#include <http_log.h>

#include "azl_httpd.h"
#include "azl_request.h"

/* A body that nobody will read keeps the connection from being used again:
 * httpd would have to swallow all of it first, and wait for it. */
static void drop_unread_body(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    if (apr_table_get(r->headers_in, "Transfer-Encoding") ||
        (length && strcmp(length, "0") != 0)) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
}

int azl_hook_access_checker(request_rec *r)
{
    azl_request_t *ar = azl_request_get(r);

    if (!ar) {
        return DECLINED;
    }
    if (!ar->refused) {
        return OK;
    }
    if (!ar->body.at) {
        drop_unread_body(r);
    }
    azl_request_no_error_document(r, ar->error.status);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  AZLNO(0011) "%s refused with %d %s", ar->id, ar->error.status,
                  ar->error.code);
    return ar->error.status;
}
