/*
 * Google's errors: {"error":{"code","message","status","details"}}, on some
 * paths inside an array.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_gemini_int.h"

/* How a status is called, for errors in a stream whose code is no HTTP
 * status. */
static const struct {
    const char *name;
    int status;
} statuses[] = {{"INVALID_ARGUMENT", 400},  {"FAILED_PRECONDITION", 400},
                {"OUT_OF_RANGE", 400},      {"UNAUTHENTICATED", 401},
                {"PERMISSION_DENIED", 403}, {"NOT_FOUND", 404},
                {"ABORTED", 409},           {"RESOURCE_EXHAUSTED", 429},
                {"CANCELLED", 499},         {"INTERNAL", 500},
                {"UNKNOWN", 500},           {"DATA_LOSS", 500},
                {"UNAVAILABLE", 503},       {"DEADLINE_EXCEEDED", 504}};

/* The member of a detail of this kind; NULL: there is none. */
static const char *detail(const azl_json_t *error, const char *kind,
                          const char *member)
{
    const azl_json_t *details = azl_json_get(error, "details");
    apr_size_t n = azl_json_length(details);
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        const azl_json_t *one = azl_json_at(details, i);
        const char *type = azl_json_string(azl_json_get(one, "@type"));
        const char *name = type ? strrchr(type, '.') : NULL;
        const char *value = azl_json_string(azl_json_get(one, member));

        if (name && value && strcmp(name + 1, kind) == 0) {
            return value;
        }
    }
    return NULL;
}

static int status_of(const azl_json_t *error, int status)
{
    const char *name = azl_json_string(azl_json_get(error, "status"));
    apr_int64_t code;
    apr_size_t i;

    if (status >= 400) {
        return status;
    }
    if (azl_json_int(azl_json_get(error, "code"), &code) && code >= 400 &&
        code <= 599) {
        return (int)code;
    }
    for (i = 0; name && i < sizeof(statuses) / sizeof(statuses[0]); ++i) {
        if (strcmp(statuses[i].name, name) == 0) {
            return statuses[i].status;
        }
    }
    return 500;
}

static int has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* A wrong key is told as if the request were wrong. */
static int is_bad_key(const azl_json_t *error, const char *message)
{
    const char *reason = detail(error, "ErrorInfo", "reason");

    return (reason && strncmp(reason, "API_KEY_", strlen("API_KEY_")) == 0) ||
           has(message, "API key not valid") || has(message, "API key expired");
}

static void refine(apr_pool_t *p, const azl_json_t *error,
                   azl_gemini_failure_t *f)
{
    const char *delay = detail(error, "RetryInfo", "retryDelay");

    if (f->status == 400 && is_bad_key(error, f->message)) {
        f->status = 401;
    }
    else if (f->status == 400 && has(f->message, "token count") &&
             has(f->message, "exceeds the maximum number of tokens")) {
        f->code = "context_length_exceeded";
    }
    else if (f->status == 404) {
        f->code = "model_not_found";
    }
    else if (f->status == 429 && delay && apr_isdigit(*delay) &&
             !has(f->message, "retry in ")) {
        /* as a sentence, which is where waits are looked for */
        f->message =
            apr_pstrcat(p, f->message, " Please retry in ", delay, ".", NULL);
    }
}

int azl_gemini_failure_read(apr_pool_t *p, int status, azl_span_t body,
                            azl_gemini_failure_t *f)
{
    azl_json_t *doc;
    azl_json_t *error;

    memset(f, 0, sizeof(*f));
    if (!body.len || azl_json_parse(p, body, &doc)) {
        return 0;
    }
    if (azl_json_type(doc) == AZL_JSON_ARRAY) {
        doc = azl_json_at(doc, 0);
    }
    error = azl_json_get(doc, "error");
    f->message = azl_json_string(azl_json_get(error, "message"));
    if (!f->message) {
        return 0;
    }
    f->status = status_of(error, status);
    refine(p, error, f);
    return 1;
}

int azl_gemini_failure(azl_exchange_t *ex, int status,
                       const apr_table_t *headers, azl_span_t body,
                       azl_buf_t *out)
{
    azl_gemini_failure_t f;

    (void)headers;
    if (!azl_gemini_failure_read(ex->pool, status, body, &f)) {
        return status;
    }
    azl_hub_error_write(out, f.status, NULL, f.code, f.message);
    return f.status;
}
