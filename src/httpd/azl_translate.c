#include "azl_hooks.h"

#include <apr_strings.h>
#include <http_request.h>

#include "azl_conf.h"
#include "azl_httpd.h"
#include "azl_local.h"
#include "azl_plan.h"
#include "azl_request.h"

/* "Bearer", one or more spaces, the token (RFC 6750, section 2.1). */
static azl_span_t bearer_token(const char *header)
{
    if (ap_cstr_casecmpn(header, "Bearer", 6) != 0 || header[6] != ' ') {
        return azl_span("", 0);
    }
    header += 6;
    while (*header == ' ') {
        header++;
    }
    return azl_span_str(header);
}

/*
 * The key, wherever an SDK of OpenAI, Azure or Anthropic puts it: the first
 * header that has one. Other credentials in Authorization (Basic, for a
 * Require of httpd's own) are none.
 */
static azl_span_t presented_key(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");
    azl_span_t key = azl_span("", 0);

    if (value) {
        key = bearer_token(value);
    }
    if (!key.len && (value = apr_table_get(r->headers_in, "api-key"))) {
        key = azl_span_str(value);
    }
    if (!key.len && (value = apr_table_get(r->headers_in, "x-api-key"))) {
        key = azl_span_str(value);
    }
    return key;
}

static void refuse_method(azl_request_t *ar)
{
    azl_error_t err;

    azl_error_from_status(&err, HTTP_METHOD_NOT_ALLOWED);
    azl_request_refuse(ar, &err);
}

static void refuse_key(azl_request_t *ar)
{
    azl_error_t err;

    azl_error_set(&err, HTTP_UNAUTHORIZED, AZL_CLASS_AUTHENTICATION,
                  "invalid_request_error", "invalid_api_key",
                  "Incorrect API key provided. Pass a key of this gateway as "
                  "'Authorization: Bearer', 'api-key' or 'x-api-key'.");
    azl_request_refuse(ar, &err);
}

/* With `AllowEncodedSlashes NoDecode` the slash of "vendor/model" arrives as
 * %2F, as the SDKs write it. */
static void decode_model(request_rec *r, azl_route_t *route)
{
    char *text;

    if (memchr(route->model.at, '%', route->model.len)) {
        text = apr_pstrmemdup(r->pool, route->model.at, route->model.len);
        ap_unescape_url(text);
        route->model = azl_span_str(text);
    }
}

int azl_hook_translate_name(request_rec *r)
{
    const azl_conf_t *conf = azl_conf_get(r->server);
    azl_request_t *ar;
    azl_route_t route;

    if (conf->enabled != 1 ||
        !azl_route_find(&route, conf->base_path, r->method, r->uri)) {
        return DECLINED;
    }
    if (route.model.len) {
        decode_model(r, &route);
    }
    ar = azl_request_create(r, conf, &route);
    /* Nothing on disk stands behind it. */
    r->filename = r->uri;
    if (route.op == AZL_OP_NONE) {
        refuse_method(ar);
        return OK;
    }
    ar->key =
        azl_keyring_find(conf->keyring, presented_key(r), r->request_time);
    if (!ar->key) {
        if (!azl_local_is_open(ar)) {
            refuse_key(ar);
        }
        return OK;
    }
    ar->rec.key_name = ar->key->name;
    ar->rec.key_hash = ar->key->hash;
    return azl_plan(r, ar);
}

/* No directory to walk, no file to stat. */
int azl_hook_map_to_storage(request_rec *r)
{
    return azl_request_get(r) ? OK : DECLINED;
}

/* No media type to be guessed from a file name. */
int azl_hook_type_checker(request_rec *r)
{
    return azl_request_get(r) ? OK : DECLINED;
}
