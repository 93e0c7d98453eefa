/*
 * azl_reply: an upstream's good answer, made the client's.
 *
 * Rules are a value made for each attempt and kept by the caller while the
 * answer passes. Whole documents are rewritten in one go, event streams
 * through an azl_stream_t, which belongs to one attempt and keeps nothing for
 * each token in any pool.
 */
#ifndef AZL_REPLY_H
#define AZL_REPLY_H

#include <apr_pools.h>

#include "azl_buf.h"
#include "azl_error.h"
#include "azl_hub.h"
#include "azl_route.h"
#include "azl_usage.h"

/* Longest single event (base64 images in a stream are several MB). */
#define AZL_STREAM_EVENT_MAX (16 * 1024 * 1024)

/* The client's id for an upstream's response id, or NULL to leave it. Called
 * once for each different id; the text must live as long as the rules. */
typedef const char *azl_reply_seal_fn(void *baton, azl_span_t upstream_id);

typedef struct azl_reply_rules_t {
    azl_op_e op;
    const char *alias_json; /* what `model` is to say, as a JSON string */
    const struct azl_deployment_t *deployment; /* whose answer it is; NULL: not
                                                  known */
    int keep_annotations;   /* leave Azure's filter results and obfuscation */
    int include_usage;      /* the client asked for usage in the stream */
    int choices;            /* as many were asked for; 0: not known */
    int reasoning;          /* chats: a message's `reasoning`, as vLLM has it,
                               becomes reasoning_content (in a stream it
                               always does) */
    int base64;             /* embeddings: vectors that come as arrays become
                               base64 */
    int keep_said;          /* of a stream: keep its text, so that another may
                               go on from there, and do not tell an error
                               after content, see azl_stream_resume() */
    azl_reply_seal_fn *seal; /* response ids; NULL: leave them */
    void *seal_baton;
} azl_reply_rules_t;

/* A whole JSON answer: `model` (and in Responses `id` and
 * previous_response_id) replaced, everything else byte for byte as it came.
 * Usage is read if there is any. APR_EINVAL if it is no JSON object (nothing
 * is written then), APR_ENOSPC if out is full. */
apr_status_t azl_reply_rewrite(const azl_reply_rules_t *rules, azl_span_t doc,
                               azl_buf_t *out, azl_usage_t *usage);

/* Read the usage object of such an answer, as its API has it. */
void azl_reply_usage(const azl_reply_rules_t *rules, azl_span_t raw,
                     azl_usage_t *usage);

/* Are the vectors of an embeddings answer arrays? Told from its beginning, as
 * soon as the first of them is in it. */
int azl_reply_has_arrays(azl_span_t start);

typedef struct azl_stream_t azl_stream_t;

typedef struct azl_stream_state_t {
    int content;  /* real content was written: text, a tool call, a refusal,
                     a finish. Not: preamble, role, empty delta */
    int finished; /* every choice that came has its finish_reason, or the
                     terminal Responses event came; after the upstream's end:
                     nothing is missing */
    int closed;   /* [DONE], a terminal Responses event or an error event was
                     written: nothing follows */
    int malformed; /* events that were no JSON and were left out */
    apr_uint64_t text_bytes; /* generated and written: text, arguments of
                                tools, refusals, reasoning; as JSON has it */
    apr_uint64_t deltas;     /* ... in so many pieces */
    int failed;   /* the upstream sent an error event; `error` says what */
    azl_error_t error;
    azl_usage_t usage; /* of the whole answer; until then nothing is reported */
} azl_stream_state_t;

azl_stream_t *azl_stream_create(apr_pool_t *p,
                                const azl_reply_rules_t *rules);
/* What is fed comes in this upstream's language; NULL: in that of the rules'
 * operation, as is assumed before. To be said before the first feed, or after
 * azl_stream_resume(). The rules' operation is the hub's. */
void azl_stream_from(azl_stream_t *st, const azl_outbound_t *outbound,
                     azl_exchange_t *ex);
/* What is written is to be in this client's language. To be said before the
 * first feed; the rules must ask for usage. */
void azl_stream_to(azl_stream_t *st, const azl_inbound_t *inbound,
                   azl_exchange_t *ex);
/* Re-encode what came and append it to `out`, whole events only. An error
 * event before any content writes nothing (the attempt failed, another may be
 * made); after it the error event is passed in OpenAI's form and the stream is
 * closed.
 * APR_SUCCESS; APR_ENOSPC when an event or `out` passes its cap, APR_EGENERAL
 * when what came cannot be understood any more. */
apr_status_t azl_stream_feed(azl_stream_t *st, const char *data,
                             apr_size_t len, azl_buf_t *out);
/* The upstream ended: what it has said whole, if without the last line end,
 * counts. azl_stream_finish() begins with it. */
void azl_stream_flush(azl_stream_t *st, azl_buf_t *out);
/* The upstream ended. Finished: the stream is closed as it must be (one
 * [DONE] where the surface has it, whether it came or not). Not finished, or
 * without a [DONE] of its own and fewer choices than were asked for: it was
 * cut: one error event, no [DONE]; returns 0 then, else 1. Does nothing when
 * already closed. */
int azl_stream_finish(azl_stream_t *st, azl_buf_t *out);
/* Every choice that was asked for has its end: if the upstream says no more,
 * nothing is missing but perhaps the usage. */
int azl_stream_is_whole(const azl_stream_t *st);
/* A feed has failed: what came is damaged, or larger than may be held. */
int azl_stream_is_broken(const azl_stream_t *st);
/* End a stream that cannot go on with this error. */
void azl_stream_abort(azl_stream_t *st, const azl_error_t *err,
                      azl_buf_t *out);
const azl_stream_state_t *azl_stream_state(const azl_stream_t *st);
/* What the answer has used. `cut`: it broke off, or nobody waits for its end;
 * then what the upstream has told so far counts and the rest is estimated, of a
 * prompt with so many bytes of text. */
void azl_stream_usage(const azl_stream_t *st, int cut,
                      apr_uint64_t prompt_text, azl_usage_t *usage);

/* Can another answer go on where this one broke off? Only a chat's with one
 * choice, which has said nothing but text and not more than
 * AZL_STREAM_SAID_MAX. The text so far as the inside of a JSON string, in the
 * stream's own memory; NULL: it cannot. */
#define AZL_STREAM_SAID_MAX (256 * 1024)
const char *azl_stream_said(azl_stream_t *st);
/* What is fed from now on comes from another upstream that goes on from the
 * text so far; the client sees one stream. Usage is counted anew. */
void azl_stream_resume(azl_stream_t *st);

#endif /* AZL_REPLY_H */
