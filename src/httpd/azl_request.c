#include "azl_request.h"

#include <apr_strings.h>
#include <http_core.h>

#include "azl_crypto.h"
#include "azl_httpd.h"
#include "azl_random.h"

azl_request_t *azl_request_get(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &azurelit_module);
}

const char *azl_request_new_id(apr_pool_t *p)
{
    char *id = apr_palloc(p, AZL_REQUEST_ID_LEN + 1);
    apr_uint64_t bits[2];

    bits[0] = azl_random_u64();
    bits[1] = azl_random_u64();
    memcpy(id, "req_", 4);
    azl_hex_encode((const unsigned char *)bits, sizeof(bits), id + 4);
    return id;
}

azl_request_t *azl_request_create(request_rec *r, const azl_conf_t *conf,
                                  const azl_route_t *route)
{
    azl_request_t *ar = apr_pcalloc(r->pool, sizeof(*ar));

    ar->pool = r->pool;
    ar->conf = conf;
    ar->route = *route;
    ar->id = azl_request_new_id(r->pool);
    azl_record_init(&ar->rec);
    ar->rec.time = r->request_time;
    ar->rec.request_id = ar->id;
    ar->rec.surface = azl_op_name(route->op);
    ar->recorded = route->op > AZL_OP_NONE &&
                   route->op <= AZL_OP_LAST_MODEL_CALL &&
                   route->op != AZL_OP_COUNT_TOKENS; /* nobody pays for it */
    ap_set_module_config(r->request_config, &azurelit_module, ar);
    return ar;
}

void azl_request_no_error_document(request_rec *r, int status)
{
    /* an empty text, which azl_error_answer.c replaces */
    ap_custom_response(r, status, "\"");
}

int azl_request_client_gone(const request_rec *r, const azl_request_t *ar)
{
    /* The connection of an HTTP/2 stream is also called aborted when all of
     * the answer has been sent before its request is over. */
    return r->connection->aborted && !(r->connection->master && ar->handed_on);
}

void azl_request_refuse(azl_request_t *ar, const azl_error_t *err)
{
    ar->refused = 1;
    ar->error = *err;
    ar->rec.error = err->cls;
}

apr_uint32_t azl_request_random(void *baton)
{
    (void)baton;
    return (apr_uint32_t)(azl_random_u64() >> 32);
}
