#include <string.h>

#include "azl_error.h"

static const char type_request[] = "invalid_request_error";
static const char type_rate[] = "rate_limit_error";
static const char type_server[] = "server_error";

/* What a client is told when httpd or another module ended a request. The
 * message of a 401 is the one of an unknown key, so that who sends none, a
 * wrong one or an expired one learns the same. */
static const struct status_text {
    int status;
    azl_error_class_e cls;
    int no_retry;
    const char *type;
    const char *code;
    const char *message;
} status_texts[] = {
    {400, AZL_CLASS_VALIDATION, 0, type_request, "bad_request",
     "The request could not be understood."},
    {401, AZL_CLASS_AUTHENTICATION, 0, type_request, "invalid_api_key",
     "Incorrect API key provided. Send a valid key as a bearer token in the "
     "Authorization header, or in the api-key or x-api-key header."},
    {403, AZL_CLASS_AUTHENTICATION, 0, type_request, "permission_denied",
     "This request is not allowed."},
    {404, AZL_CLASS_VALIDATION, 0, type_request, "not_found",
     "There is nothing at this address."},
    {405, AZL_CLASS_VALIDATION, 0, type_request, "method_not_allowed",
     "This address does not support this method."},
    {408, AZL_CLASS_TIMEOUT, 0, type_request, "request_timeout",
     "The request did not arrive in time."},
    {411, AZL_CLASS_VALIDATION, 0, type_request, "length_required",
     "The request needs a Content-Length."},
    {413, AZL_CLASS_VALIDATION, 0, type_request, "request_too_large",
     "The request body is larger than this server accepts."},
    {414, AZL_CLASS_VALIDATION, 0, type_request, "uri_too_long",
     "The request address is longer than this server accepts."},
    {415, AZL_CLASS_VALIDATION, 0, type_request, "unsupported_media_type",
     "The Content-Type or Content-Encoding of the request is not supported."},
    {417, AZL_CLASS_VALIDATION, 0, type_request, "expectation_failed",
     "The Expect header of the request cannot be met."},
    {429, AZL_CLASS_RATE_LIMIT, 0, type_rate, "rate_limit_exceeded",
     "Too many requests. Try again later."},
    {431, AZL_CLASS_VALIDATION, 0, type_request, "headers_too_large",
     "The request headers are larger than this server accepts."},
    {499, AZL_CLASS_CLIENT_CLOSED, 0, type_request, "client_closed_request",
     "The client closed the connection."},
    {500, AZL_CLASS_UNKNOWN, 0, type_server, "internal_error",
     "The server had an error while processing the request."},
    {501, AZL_CLASS_UNKNOWN, 1, type_server, "not_implemented",
     "The server does not support what the request needs."},
    {502, AZL_CLASS_UNKNOWN, 0, type_server, "bad_gateway",
     "The upstream service could not be reached or gave no usable answer."},
    {503, AZL_CLASS_UNKNOWN, 0, type_server, "service_unavailable",
     "The service is temporarily unavailable. Try again later."},
    {504, AZL_CLASS_TIMEOUT, 0, type_server, "gateway_timeout",
     "The upstream service did not answer in time."},
};

#define NSTATUS_TEXTS (sizeof(status_texts) / sizeof(status_texts[0]))

void azl_error_set(azl_error_t *e, int status, azl_error_class_e cls,
                   const char *type, const char *code, const char *message)
{
    memset(e, 0, sizeof(*e));
    e->status = status;
    e->cls = cls;
    e->type = type;
    e->code = code;
    e->message = message;
}

void azl_error_invalid(azl_error_t *e, const char *code, const char *param,
                       const char *message)
{
    azl_error_set(e, 400, AZL_CLASS_VALIDATION, type_request, code, message);
    e->param = param;
}

void azl_error_from_status(azl_error_t *e, int status)
{
    apr_size_t i;

    for (i = 0; i < NSTATUS_TEXTS; i++) {
        const struct status_text *t = &status_texts[i];

        if (t->status == status) {
            azl_error_set(e, status, t->cls, t->type, t->code, t->message);
            e->no_retry = t->no_retry;
            return;
        }
    }
    if (status >= 400 && status < 500) {
        azl_error_set(e, status, AZL_CLASS_VALIDATION, type_request,
                      "request_failed", "The request could not be served.");
    }
    else if (status > 500 && status < 600) {
        azl_error_set(e, status, AZL_CLASS_UNKNOWN, type_server, "server_error",
                      "The server could not serve the request.");
    }
    else {
        /* No error status at all: whoever asks for an error made a mistake
         * of ours. */
        azl_error_from_status(e, 500);
    }
}

apr_status_t azl_error_write(azl_buf_t *out, const azl_error_t *e)
{
    azl_buf_puts(out, "{\"error\":{\"message\":");
    azl_buf_json_str(out, e->message);
    azl_buf_puts(out, ",\"type\":");
    azl_buf_json_str(out, e->type);
    azl_buf_puts(out, ",\"param\":");
    azl_buf_json_str(out, e->param);
    azl_buf_puts(out, ",\"code\":");
    azl_buf_json_str(out, e->code);
    if (e->innererror) {
        azl_buf_puts(out, ",\"innererror\":");
        azl_buf_puts(out, e->innererror);
    }
    return azl_buf_puts(out, "}}");
}

const char *azl_error_class_name(azl_error_class_e cls)
{
    switch (cls) {
    case AZL_CLASS_NONE:
        return NULL;
    case AZL_CLASS_AUTHENTICATION:
        return "AuthenticationError";
    case AZL_CLASS_RATE_LIMIT:
        return "RateLimit";
    case AZL_CLASS_TIMEOUT:
        return "Timeout";
    case AZL_CLASS_VALIDATION:
        return "ValidationError";
    case AZL_CLASS_TRUNCATED:
        return "Truncated";
    case AZL_CLASS_CLIENT_CLOSED:
        return "ClientClosed";
    case AZL_CLASS_UNKNOWN:
        break;
    }
    return "Unknown";
}
