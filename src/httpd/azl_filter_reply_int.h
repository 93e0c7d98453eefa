/*
 * azl_filter_reply: what the files of the reply filter share. The filter
 * itself (azl_filter_reply.c) reads what mod_proxy hands it and decides what
 * kind of answer it is; documents and streams have a file each, and what goes
 * to the client goes through azl_filter_reply_out.c. Functions on an attempt;
 * no state. `next` is the filter behind the reply filter.
 */
#ifndef AZL_FILTER_REPLY_INT_H
#define AZL_FILTER_REPLY_INT_H

#include "azl_attempt.h"

/* ---- azl_filter_reply_out.c */

/* It is no answer: the client sees nothing of it. */
void azl_reply_fail(azl_attempt_t *at, const azl_error_t *err);
/* ... because the upstream did not send one, or none that can be read. */
void azl_reply_fail_transport(azl_attempt_t *at, int timed_out);
/* From here on the answer is this deployment's. */
void azl_reply_commit(azl_attempt_t *at);
/* Hand on what has been re-encoded, and with `eos` the end of it. */
apr_status_t azl_reply_pass(azl_attempt_t *at, ap_filter_t *next, int flush,
                            int eos);
/* End an answer that has no form in which to say that it is not whole. */
apr_status_t azl_reply_sever(azl_attempt_t *at, ap_filter_t *next);
/* The attempt's own, empty between two calls. */
apr_bucket_brigade *azl_reply_brigade(azl_attempt_t *at);

/* ---- azl_filter_reply_document.c: modes HELD and TAPPED */

/* A JSON document comes. */
void azl_reply_begin_document(azl_attempt_t *at);
/* These bytes of it; mode may turn from HELD to TAPPED. */
apr_status_t azl_reply_feed_document(azl_attempt_t *at, const char *data,
                                     apr_size_t len);
/* It is complete (`eos`), or may be handed on as far as it has come. */
apr_status_t azl_reply_settle_document(azl_attempt_t *at, ap_filter_t *next,
                                       int flush, int eos);
/* Does the document lack its end? */
int azl_reply_is_cut(const azl_attempt_t *at);
/* What a document that passes by has said of its usage so far. */
void azl_reply_read_tapped_usage(azl_attempt_t *at);

/* ---- azl_filter_reply_stream.c: mode STREAMED */

/* A stream's events are in, or its end is (`eos`). */
apr_status_t azl_reply_settle_stream(azl_attempt_t *at, ap_filter_t *next,
                                     int flush, int eos);
/* What has been counted so far, also of a stream that does not end. */
void azl_reply_read_stream_usage(azl_attempt_t *at);

#endif /* AZL_FILTER_REPLY_INT_H */
