/*
 * azl_error: what a client is told when there is no answer.
 *
 * A value; its strings live as long as the pool they were made in. The wire
 * form is OpenAI's: {"error":{"message","type","param","code"}} where code is
 * always a string (LiteLLM's object messages and number codes
 * break typed clients).
 */
#ifndef AZL_ERROR_H
#define AZL_ERROR_H

#include <apr_pools.h>

#include "azl_buf.h"

/* What went wrong, for the usage record. The names are part of its format:
 * azl_error_class_name(). */
typedef enum {
    AZL_CLASS_NONE = 0,
    AZL_CLASS_AUTHENTICATION, /* AuthenticationError */
    AZL_CLASS_RATE_LIMIT,     /* RateLimit */
    AZL_CLASS_TIMEOUT,        /* Timeout */
    AZL_CLASS_VALIDATION,     /* ValidationError */
    AZL_CLASS_TRUNCATED,      /* Truncated */
    AZL_CLASS_CLIENT_CLOSED,  /* ClientClosed */
    AZL_CLASS_UNKNOWN         /* Unknown; the last, counters go by it */
} azl_error_class_e;

typedef struct azl_error_t {
    int status;          /* HTTP status for the client */
    azl_error_class_e cls;
    const char *message; /* one sentence for a human; never NULL */
    const char *type;    /* "invalid_request_error" ...; never NULL */
    const char *param;   /* member at fault or NULL (written as null) */
    const char *code;    /* machine-readable; never NULL */
    const char *retry_after;    /* header value to pass on, or NULL */
    const char *retry_after_ms; /* likewise */
    const char *innererror; /* Azure's details as raw JSON, or NULL */
    int no_retry; /* tell the SDK that asking again is useless:
                     x-should-retry: false */
} azl_error_t;

/* Common errors of the client's making: 400, invalid_request_error. */
void azl_error_invalid(azl_error_t *e, const char *code, const char *param,
                       const char *message);
void azl_error_set(azl_error_t *e, int status, azl_error_class_e cls,
                   const char *type, const char *code, const char *message);
/* An error for a bare HTTP status that httpd or another module produced. */
void azl_error_from_status(azl_error_t *e, int status);
/* The JSON document. */
apr_status_t azl_error_write(azl_buf_t *out, const azl_error_t *e);
const char *azl_error_class_name(azl_error_class_e cls);

#endif /* AZL_ERROR_H */
