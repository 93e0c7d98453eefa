/*
 * azl_stream: the state of one event stream, shared by the files that each
 * know one surface.
 */
#ifndef AZL_STREAM_INT_H
#define AZL_STREAM_INT_H

#include "azl_document.h"
#include "azl_edit_int.h"
#include "azl_repeat_int.h"
#include "azl_reply.h"
#include "azl_sse.h"

/* OpenAI's limit on parallel tool calls; the SDKs hold on to it. */
#define AZL_TOOL_CALLS_MAX 128
/* A chunk's id and creation time as written; longer ones are not repeated. */
#define AZL_CHUNK_ID_MAX 128
#define AZL_CHUNK_CREATED_MAX 24
/* A usage object or a preamble that is kept for later; larger ones are let
 * go. */
#define AZL_KEPT_MAX (64 * 1024)

/* For a function with large locals that runs now and then: inlined, they would
 * lie on the stack of every event, and every page of it that was touched once
 * stays with the open stream. */
#define AZL_OWN_FRAME __attribute__((noinline))

/* What a stream has said about one tool call. */
typedef struct azl_tool_call_t {
    unsigned char said;   /* bits of azl_stream_delta.c */
    apr_uint32_t id_hash; /* 0: it has no id */
} azl_tool_call_t;

typedef struct azl_tool_calls_t {
    azl_tool_call_t call[AZL_TOOL_CALLS_MAX];
    unsigned char slot[AZL_TOOL_CALLS_MAX]; /* 1 + our index of theirs */
    int n;
    int last; /* index of the call that was added to last */
} azl_tool_calls_t;

/* What it has said about one choice. */
typedef struct azl_choice_t {
    struct azl_choice_t *next;
    int index;
    int role; /* who speaks */
    int finished;
    azl_tool_calls_t *tools; /* made with the first tool call */
} azl_choice_t;

/* Chat completions and completions. */
typedef struct azl_chunks_t {
    char id[AZL_CHUNK_ID_MAX]; /* JSON, of the first chunk that had one */
    apr_size_t id_len;
    char created[AZL_CHUNK_CREATED_MAX];
    apr_size_t created_len;
    azl_choice_t *choices; /* a list; each is made when first met */
    int nstarted;
    int nfinished;
    int usage_sent;
    int too_many;        /* tool calls, more than there is room for */
    azl_buf_t *usage;    /* last usage that came beside choices, or NULL */
    int resumed;         /* names are those of the first answer */
    azl_buf_t *preamble; /* what came before the id was known, or NULL */
    azl_repeat_t repeat; /* the last chunk, if the next may be like it */
} azl_chunks_t;

/* What differs between the surfaces. */
typedef struct azl_surface_t {
    /* An event with data that is neither empty nor [DONE]. */
    void (*event)(azl_stream_t *st, const azl_sse_event_t *ev);
    /* The last events before the end; NULL: none. */
    void (*last)(azl_stream_t *st);
    /* An error event. */
    void (*error)(azl_stream_t *st, const azl_error_t *err);
    int done; /* ends with [DONE], whether it came or not */
} azl_surface_t;

/* What comes is in an upstream's own language (azl_stream_translate.c). */
typedef struct azl_from_t {
    const azl_outbound_t *outbound; /* NULL: it is not */
    void *decoder;
    azl_sse_t *sse;
    azl_buf_t *hub; /* what the last feed has become */
} azl_from_t;

/* What is written leaves in the client's. */
typedef struct azl_to_t {
    const azl_inbound_t *inbound; /* NULL: as it is */
    void *encoder;
    azl_sse_t *sse;
    azl_buf_t *hub; /* not yet encoded */
    azl_buf_t *out; /* of the call that runs */
} azl_to_t;

struct azl_stream_t {
    apr_pool_t *pool;
    const azl_reply_rules_t *rules;
    const azl_surface_t *surface;
    azl_sse_t *sse;
    azl_buf_t *out; /* of the call that runs */
    azl_from_t from;
    azl_to_t to;
    azl_stream_state_t state;
    union { /* by surface: a stream is either of them */
        azl_chunks_t chunks;
        azl_sealed_ids_t *ids;
    };
    azl_usage_t told;         /* the last that was said of the usage */
    apr_uint64_t told_text;   /* state.text_bytes when its completion was */
    apr_uint64_t told_deltas; /* ... state.deltas */
    apr_size_t data_at;   /* where the data of the event begins in out */
    apr_int64_t sequence; /* last sequence_number of a Responses stream */
    int broken;           /* an event was too long: nothing more is read */
    azl_buf_t *said;      /* the text so far, or NULL */
    int said_other;       /* ... and more than can be kept */
};

/* Of a stream with from.outbound: what came, or that it has ended, into
 * from.hub. */
apr_status_t azl_stream_decode(azl_stream_t *st, const char *data,
                               apr_size_t len);
void azl_stream_decode_end(azl_stream_t *st);
/* Whatever is written from now on ends in `out`, when it is encoded. */
void azl_stream_write_to(azl_stream_t *st, azl_buf_t *out);
apr_status_t azl_stream_encode(azl_stream_t *st);

extern const azl_surface_t azl_surface_chunks;
extern const azl_surface_t azl_surface_responses;
extern const azl_surface_t azl_surface_messages;

/* Begin an event; `name` may be empty. The data follows. */
void azl_stream_begin(azl_stream_t *st, azl_span_t name);
/* End it. `source` is what the data was made from. */
void azl_stream_end(azl_stream_t *st, azl_span_t source);
/* An error event of the upstream, `data`: what it says goes into the state. */
void azl_stream_note_failure(azl_stream_t *st, azl_span_t data);
/* The same, and the client is told if it has seen content: without, the
 * attempt can still be given up silently. */
void azl_stream_fail(azl_stream_t *st, azl_span_t data);
/* Something that was generated is passed on: a JSON value, of which the text
 * counts. */
void azl_stream_count(azl_stream_t *st, const azl_value_t *v);
/* This much has been counted by the upstream, of all that was passed on. */
void azl_stream_told(azl_stream_t *st, const azl_usage_t *usage);
/* A choice has said something: the string `raw`, or what is no text (NULL).
 * Kept if the rules want it (azl_stream_said.c). */
void azl_stream_says(azl_stream_t *st, const azl_span_t *raw);
/* The error as OpenAI's chat streams have it. */
void azl_stream_error(azl_stream_t *st, const azl_error_t *err);

/* Where a choice has what it says: delta or text. */
const char *azl_delta_name(const azl_stream_t *st);
/* The number of a choice, or -1. A choice without one is the first. */
int azl_choice_index(const azl_object_t *o);
/* The state of a choice; NULL: it has said nothing yet. */
azl_choice_t *azl_choice_find(const azl_stream_t *st, int index);
/* Edit one choice of a chunk (azl_stream_choice.c). 1 if it says something and
 * so stays; else what was written of it has to be taken back. */
int azl_stream_choice(azl_stream_t *st, azl_edit_t *e, azl_object_t *o);
/* Edit the delta of a choice (azl_stream_delta.c) and return how many of its
 * members stay. Who speaks is said with the first delta of each choice, also
 * if the upstream forgot it, when something stays or `needed` says so. */
int azl_stream_delta(azl_stream_t *st, azl_edit_t *e, azl_choice_t *choice,
                     azl_span_t delta, int needed);

#endif /* AZL_STREAM_INT_H */
