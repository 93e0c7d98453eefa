/*
 * azl_turns: a chat's messages for upstreams whose turns alternate (Anthropic's
 * Messages, Bedrock's Converse): what the system says stands apart, messages of
 * the same role become one turn, the results of tools are the user's and come
 * first in the turn behind the calls.
 *
 * The walk over the messages, and what can be wrong with them, is the same for
 * all; how a block is written each upstream says by a table of functions. A
 * value on the stack while one request is translated.
 */
#ifndef AZL_TURNS_INT_H
#define AZL_TURNS_INT_H

#include "azl_hub.h"
#include "azl_write.h"

typedef struct azl_turns_t azl_turns_t;

/* How blocks are written; `rq` is the upstream's own. */
typedef struct azl_turns_words_t {
    /* A block of text, which is not blank, of this message or part of one. */
    void (*text)(void *rq, azl_span_t text, const azl_json_t *of);
    /* One of a part that is no text. 1, or 0 with the error at `path`. */
    int (*media)(void *rq, const char *path, const azl_json_t *part);
    /* Blocks of reasoning that an assistant's message comes back with, as
     * elements of a JSON array; empty: none. */
    azl_span_t (*thoughts)(void *rq, const azl_json_t *message);
    /* A tool call; `input` is a JSON object. */
    void (*call)(void *rq, azl_span_t id, const char *name, azl_span_t input,
                 const azl_json_t *call);
    /* The result of one. 1, or 0 with the error; azl_turns_parts() and
     * azl_turns_refuse() help. */
    int (*result)(azl_turns_t *t, apr_size_t i, azl_span_t id,
                  const azl_json_t *message);
    /* A turn begins, and is about to be closed. NULL: nothing to do. */
    void (*begin)(void *rq);
    void (*end)(void *rq);
} azl_turns_words_t;

struct azl_turns_t {
    azl_exchange_t *ex;
    azl_error_t *err;
    azl_write_t *w;
    const azl_turns_words_t *words;
    void *rq;
    const azl_json_t *list;
    const char *role;        /* of the turn that is open; NULL: none is */
    const azl_json_t *calls; /* of the last assistant, that want results */
    unsigned char *answered; /* ... which have them */
    apr_size_t left;
    apr_size_t calls_at; /* index of that message */
};

/* The members `system` and `messages`. The first five members of `t` are
 * given, the others 0. 1, or 0 with the error. */
int azl_turns_write(azl_turns_t *t);

/* The parts of message i inside of a block, each as a block of its own. 1, or 0
 * with the error. */
int azl_turns_parts(azl_turns_t *t, apr_size_t i, const azl_json_t *content);
/* A 400 about a place in message i (".content"); returns 0. */
int azl_turns_refuse(azl_turns_t *t, apr_size_t i, const char *rest,
                     const char *message);
/* Nothing but white space. */
int azl_turns_is_blank(azl_span_t text);
/* Is the id of a call of letters, digits and these others, and not too long?
 */
int azl_turns_id_fits(azl_span_t id, const char *others, apr_size_t max);
/* What an id can be made of that does: the same for the call and its result. */
apr_uint64_t azl_turns_id_hash(azl_span_t id);
/* Mistral's models take ids of exactly nine letters or digits: whether it is
 * one, and one that is made of it. */
int azl_turns_id_is_short(azl_span_t id);
const char *azl_turns_short_id(apr_pool_t *p, azl_span_t id);

#endif /* AZL_TURNS_INT_H */
