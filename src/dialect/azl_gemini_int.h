/*
 * azl_gemini: Google's generateContent, as the Gemini API and Vertex AI have
 * it. The files are for one direction each; what they share is here.
 */
#ifndef AZL_GEMINI_INT_H
#define AZL_GEMINI_INT_H

#include "azl_dialect_int.h"
#include "azl_edit_int.h"
#include "azl_write.h"

/* Vertex AI: other paths, a token in place of a key, and no ids on calls. */
int azl_gemini_is_vertex(const azl_endpoint_t *e);
/* The model's name in paths and requests, without "models/". */
const char *azl_gemini_name(const azl_deployment_t *d);
/* Under which thought signatures are kept. Those of one host are not valid at
 * the other. */
const char *azl_gemini_kind(const azl_exchange_t *ex);

/*
 * What the models take (azl_gemini_models.c)
 */

typedef enum {
    AZL_GEMINI_NO_THINKING, /* to mention it is an error */
    AZL_GEMINI_BUDGET,      /* thinkingBudget, in tokens */
    AZL_GEMINI_LEVEL        /* thinkingLevel, a word */
} azl_gemini_thinking_e;

/* OpenAI's reasoning_effort: none, minimal, low, medium, high, xhigh, max. */
#define AZL_GEMINI_EFFORTS 7

typedef struct azl_gemini_model_t {
    const char *prefix; /* of the family's name ... */
    const char *word;   /* ... and what is somewhere in it */
    azl_gemini_thinking_e thinking;
    const char *effort[AZL_GEMINI_EFFORTS]; /* as JSON, by effort */
    int always;      /* thinking cannot be turned off */
    int takes_system; /* it has a systemInstruction */
    int wants_signature; /* a call without a thought signature is refused */
    int json_beside_tools; /* it can be asked for JSON and given functions */
} azl_gemini_model_t;

/* What is known of a family ("gemini-2.5-flash", "vertex_ai/gemini-3-pro");
 * never NULL: of an unknown one only what holds for all. */
const azl_gemini_model_t *azl_gemini_model(const char *family);
/* The place of an effort among all; -1: there is none of that name. */
int azl_gemini_effort(const char *name);

/*
 * Requests
 */

typedef struct azl_gemini_request_t {
    azl_exchange_t *ex;
    azl_write_t *w;
    azl_error_t *err;
    const azl_gemini_model_t *model;
    int vertex;
} azl_gemini_request_t;

/* "generationConfig"; notes what has no place (azl_gemini_config.c). 1, or 0
 * with the error. */
int azl_gemini_config(azl_gemini_request_t *rq);
/* What a client says that knows what Google calls it; NULL: it does not. */
azl_json_t *azl_gemini_extension(const azl_gemini_request_t *rq,
                                 const char *camel, const char *snake);

/* The conversation: "systemInstruction" and "contents"
 * (azl_gemini_contents.c). 1, or 0 with the error. */
int azl_gemini_contents(azl_exchange_t *ex, azl_write_t *w, azl_error_t *err);

/* One part of a user's message that is no text, at `path`
 * (azl_gemini_media.c). 1, or 0 with the error: a type that is not known, or
 * what only stands behind an address. */
int azl_gemini_media(azl_exchange_t *ex, azl_write_t *w, const char *type,
                     const azl_json_t *part, const char *path,
                     azl_error_t *err);

/*
 * Answers, whole or a piece of a stream (azl_gemini_read.c)
 */

/* One part of what a candidate says; what it has not is of type
 * AZL_JSON_NONE. */
typedef struct azl_gemini_part_t {
    azl_value_t text;
    int thought; /* the text is about how the answer comes about */
    azl_value_t name; /* of a function to be called; with the next three */
    azl_value_t args;
    azl_value_t id;
    azl_value_t signature;
    azl_value_t mime; /* of data that was made; with the next one */
    azl_value_t data;
} azl_gemini_part_t;

typedef struct azl_gemini_reader_t {
    void *baton;
    void (*part)(void *baton, int candidate, const azl_gemini_part_t *part);
    /* The candidate is finished; `reason` as Google says it. */
    void (*finish)(void *baton, int candidate, azl_span_t reason);
    /* What came beside the candidates. */
    azl_span_t id; /* the answer's, as plain text; empty: there is none */
    azl_value_t error;
    int blocked;        /* the prompt was refused, there will be no candidate */
    const char *tier; /* as OpenAI calls it; NULL: not said */
    azl_usage_t usage;  /* as far as reported */
    int counted;        /* ... in what was read last */
} azl_gemini_reader_t;

/* 1, or 0 when this is no answer; some parts may have been told then. */
int azl_gemini_read(azl_gemini_reader_t *rd, azl_span_t doc);
/* OpenAI's finish_reason. `calls`: the candidate has called a function. */
const char *azl_gemini_finish(azl_span_t reason, int calls);
/* The id of a call: the upstream's own if it is one that everybody takes, else
 * one made of the answer's id (empty: the request's) and two numbers. */
const char *azl_gemini_call_id(apr_pool_t *p, const azl_exchange_t *ex,
                               const azl_value_t *own, azl_span_t answer_id,
                               int candidate, int index);
/* A picture that was made, as the list of them has it that clients expect
 * beside the content: {"index":..,"type":"image_url","image_url":{"url":..}} */
void azl_gemini_image_write(azl_buf_t *out, int index,
                            const azl_gemini_part_t *part);

apr_status_t azl_gemini_answer(azl_exchange_t *ex, azl_span_t doc,
                               azl_buf_t *out);

/* Streams (azl_gemini_stream.c), see azl_outbound_t. */
void *azl_gemini_decoder(azl_exchange_t *ex);
void azl_gemini_event(void *decoder, const azl_sse_event_t *ev, azl_buf_t *out);
void azl_gemini_end(void *decoder, azl_buf_t *out);

/* An error document, or the error of a stream (azl_gemini_failure.c). */
typedef struct azl_gemini_failure_t {
    int status;       /* HTTP status it stands for */
    const char *code; /* OpenAI's; NULL: as the status has it */
    const char *message;
} azl_gemini_failure_t;

/* `status` is the one it came with, 0: none. 0 if it cannot be understood. */
int azl_gemini_failure_read(apr_pool_t *p, int status, azl_span_t body,
                            azl_gemini_failure_t *f);
int azl_gemini_failure(azl_exchange_t *ex, int status,
                       const apr_table_t *headers, azl_span_t body,
                       azl_buf_t *out);

/* Its memo: an int, how many candidates were asked for; NULL: one. */
extern const azl_outbound_t azl_gemini_chat;
/* Embeddings, at the Gemini API and on Vertex (azl_gemini_embed.c). */
extern const azl_outbound_t azl_gemini_batch;
extern const azl_outbound_t azl_gemini_predict;

#endif /* AZL_GEMINI_INT_H */
