/*
 * azl_attempt: one try at one candidate.
 *
 * Lives in the request's pool (a pool of its own would cost each stream 8 KB);
 * its buffers are given back when the attempt is over. The body filter and the
 * reply filter work on it: the one serves its body, the other decides what the
 * answer is worth. Until `committed` the client has seen nothing and another
 * attempt can be made; after it the answer belongs to this deployment.
 */
#ifndef AZL_ATTEMPT_H
#define AZL_ATTEMPT_H

#include <httpd.h>
#include <util_filter.h>

#include "azl_buf.h"
#include "azl_dialect.h"
#include "azl_reply.h"
#include "azl_request.h"
#include "azl_tap.h"

typedef enum {
    AZL_REPLY_UNDECIDED = 0, /* nothing but flushes came yet */
    AZL_REPLY_HELD,     /* a JSON document, collected until its end */
    AZL_REPLY_TAPPED,   /* a JSON document too large for that, passing by */
    AZL_REPLY_STREAMED, /* server-sent events */
    AZL_REPLY_RAW,      /* audio, text: bytes that are nobody's business */
    AZL_REPLY_FAILED    /* swallowed; `error` says what it was */
} azl_reply_mode_e;

/* Why an attempt was ended from our side. */
typedef enum {
    AZL_END_NONE = 0,
    AZL_END_ENDLESS, /* it went on and on with what nobody wants */
    AZL_END_CLIENT_GONE,
    AZL_END_FIRST_TOKEN, /* time limits of that name */
    AZL_END_IDLE,
    AZL_END_TOTAL
} azl_end_e;

struct azl_attempt_t {
    request_rec *r;
    azl_request_t *ar;
    const azl_deployment_t *deployment;

    /* the watch's (azl_watch.h); moments, 0: none */
    apr_time_t started;
    apr_time_t authorized;     /* it has the credential of an identity */
    apr_time_t first_token_by; /* of a stream, until it is committed */
    apr_interval_time_t idle;  /* of a stream, from then on: longest silence */
    apr_time_t over_by;
    azl_end_e ended_by;
    int reused;           /* the connection had served before */
    struct azl_watch_t *watch; /* while the answer is read; else NULL */
    const struct ap_logconf *log; /* the request's, while it is kept quiet */
    int sent;             /* the whole request was on the wire */
    int heard;            /* ... and something came back */

    const azl_way_t *way; /* of a model call; else NULL */
    azl_exchange_t *exchange; /* of a way that translates (azl_translation.h) */
    azl_buf_t *translated; /* the body it made; given back on commit */
    int unfit;            /* this deployment cannot be asked that: `error` */
    int regretted;        /* a good status, and then an error in place of an
                             answer: `error` */
    const char *url; /* that is asked */
    azl_body_t body;
    int body_served;

    azl_reply_mode_e mode;
    azl_reply_rules_t rules;
    int status;           /* the upstream's */
    const apr_table_t *headers; /* likewise */
    azl_buf_t *in;        /* held document, or the start of an error's body */
    apr_size_t swallowed; /* bytes that came after the answer was decided */
    azl_buf_t *out;       /* re-encoded, not yet passed on */
    apr_bucket_brigade *bb;
    azl_stream_t *stream;
    azl_tap_t *tap;
    azl_tap_watch_t tap_watch[6];
    apr_uint64_t prompt_text; /* of a stream: how much of it, for estimates */
    azl_usage_t usage;
    int committed;        /* the client has been sent something */
    int ended;            /* ... and the end of it */
    int truncated;        /* ... which was not the answer's end */
    int severed;          /* ... and its form had no way to say so: the
                             client's connection was cut too */
    int interrupted;      /* ... and the client waits for more of the stream:
                             another attempt goes on, or azl_reply_give_up() */
    int continues;        /* it goes on with another's answer */
    int client_gone;      /* before it had all of it */
    azl_error_t error;    /* in mode FAILED */
};

/* What to attempt. */
typedef struct azl_attempt_plan_t {
    const azl_model_t *model;  /* the one that answers */
    const azl_deployment_t *deployment;
    const azl_way_t *way; /* of a model call; else NULL */
    const char *url;
    apr_time_t over_by; /* the request's own time limit */
    int fresh;          /* on a new connection */
    const azl_attempt_t *before; /* go on with this one's answer, or NULL */
} azl_attempt_plan_t;

/* Make one attempt. What it returns says how it went; with `committed` the
 * client has its answer. */
azl_attempt_t *azl_attempt_make(request_rec *r, azl_request_t *ar,
                                const azl_attempt_plan_t *plan);
/* Nobody goes on with its interrupted answer: the client is told. */
void azl_attempt_give_up(azl_attempt_t *at);
/* The answer is this deployment's from here on: what its health learns. Called
 * by the reply filter. */
void azl_attempt_committed(azl_attempt_t *at);

/* Of the time until its first token, or else of all its time; not negative
 * while there is any. */
apr_interval_time_t azl_attempt_time_left(const azl_attempt_t *at);

/* azl_attempt_cause.c: why it failed or was cut off, in words for the log, of
 * the request's pool or static. */
const char *azl_attempt_cause(const azl_attempt_t *at);

/* azl_filter_body.c */
ap_filter_t *azl_filter_body_add(azl_attempt_t *at);
/* azl_filter_reply.c */
ap_filter_t *azl_filter_reply_add(azl_attempt_t *at);
/* The call has returned: whatever mod_proxy left open is closed. `next` is
 * the filter behind the reply filter. */
void azl_reply_close(azl_attempt_t *at, ap_filter_t *next, int timed_out);
/* Nobody goes on with an interrupted answer: the client is told. */
void azl_reply_give_up(azl_attempt_t *at);

#endif /* AZL_ATTEMPT_H */
