/*
 * azl_record: the usage record of one request to a model. Metadata only:
 * there is no member a prompt, an answer or a secret could be put in.
 *
 * A value filled in as the request goes on and written once, at log time, as
 * one line of JSON. NULL strings and negative numbers are written as null. The
 * member names are a documented format (docs/usage-record.md).
 */
#ifndef AZL_RECORD_H
#define AZL_RECORD_H

#include <apr_time.h>

#include "azl_buf.h"
#include "azl_error.h"
#include "azl_price.h"

typedef struct azl_record_t {
    apr_time_t time;          /* when the request came */
    const char *request_id;
    const char *key_name;
    const char *key_hash;     /* 16 hex digits */
    const char *surface;      /* "chat", "responses", ... */
    const char *model;        /* the alias asked for */
    const char *deployment;   /* what served it, or was tried last */
    const char *endpoint;
    int status;               /* what the client got; 499 if it had gone */
    azl_error_class_e error;
    int attempts;             /* upstream attempts made */
    int streamed;
    azl_usage_t usage;
    azl_pico_t cost;          /* AZL_PRICE_UNSET: unknown */
    apr_interval_time_t first_token; /* from `time`, us; -1: none */
    apr_interval_time_t total;       /* us */
    apr_off_t bytes_in;       /* request body */
    apr_off_t bytes_out;      /* answer body as sent */
    const char *response;     /* of one made in the background: 16 hex digits
                                 that stand for its id */
} azl_record_t;

void azl_record_init(azl_record_t *rec);
/* One line, with its LF. */
apr_status_t azl_record_write(azl_buf_t *out, const azl_record_t *rec);

#endif /* AZL_RECORD_H */
