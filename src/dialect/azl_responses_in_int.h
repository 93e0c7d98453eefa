/*
 * azl_responses_in: the input items of a request for Responses as the messages
 * of a chat. azl_responses_in_input.c goes from item to item, the others know
 * one kind each. All of it points into the client's document and lives as long
 * as one translation.
 */
#ifndef AZL_RESPONSES_IN_INT_H
#define AZL_RESPONSES_IN_INT_H

#include <apr_hash.h>

#include "azl_responses_int.h"

typedef struct azl_input_t {
    azl_responses_in_t *in;
    apr_pool_t *p;
    azl_write_t *w;
    const azl_json_t *items;
    apr_hash_t *called;   /* ids of calls */
    apr_hash_t *answered; /* ... that have a result */
    azl_write_t after;    /* parts that follow the results */
    apr_array_header_t *from; /* azl_input_part_t: where they were; NULL: that
                                 is not wanted */
    int messages;         /* that have begun, where one is sought */
} azl_input_t;

/* A part of a result. */
typedef struct azl_input_part_t {
    apr_size_t item;
    int part; /* of its output; -1: it has none */
} azl_input_part_t;

#define AZL_INPUT_NEEDS_CONTENT "A string or an array of parts is needed."

/* A 400 about a member of an item (NULL: the item), or about one part of the
 * member; both return 0. */
int azl_input_refuse(azl_input_t *m, apr_size_t item, const char *member,
                     const char *message);
int azl_input_refuse_part(azl_input_t *m, apr_size_t item, const char *member,
                          apr_size_t part);

/* A message of the chat begins. 1: it is the one that is sought. */
int azl_input_begin(azl_input_t *m, azl_span_t role);

/*
 * azl_responses_in_place.c: it was made of this
 */

void azl_input_found(azl_input_t *m, const char *path);
/* A message whose parts are those of the item's content. */
void azl_input_found_message(azl_input_t *m, apr_size_t item);
void azl_input_found_item(azl_input_t *m, apr_size_t item);
/* The assistant's, as azl_input_turn() has it. */
void azl_input_found_turn(azl_input_t *m, apr_size_t from, apr_size_t to);
/* Of m->from. */
void azl_input_found_after(azl_input_t *m);

/*
 * azl_responses_in_turn.c: what the assistant did
 */

typedef enum {
    AZL_INPUT_OTHER,
    AZL_INPUT_MESSAGE,
    AZL_INPUT_ANSWER, /* a message of the assistant */
    AZL_INPUT_CALL,
    AZL_INPUT_CUSTOM_CALL,
    AZL_INPUT_SEARCH_CALL,
    AZL_INPUT_RESULT,
    AZL_INPUT_FOUND, /* tools, the result of a search */
    AZL_INPUT_AGENT, /* a message of another agent */
    AZL_INPUT_TOOLS, /* stand with the others */
    AZL_INPUT_THOUGHT,
    AZL_INPUT_SERVED, /* by the provider, and the model has told what came of
                         it */
    AZL_INPUT_OWN     /* by the provider, and the answer is its own result */
} azl_input_e;

azl_input_e azl_input_kind(const azl_json_t *item);
int azl_input_is_call(azl_input_e kind);
/* How far the items from here make one message: something said and calls.
 * What is said after calls belongs to them, because their results follow.
 * `from`: they make none. */
apr_size_t azl_input_turn_end(const azl_input_t *m, apr_size_t from);
/* Write it. 1, or 0 with the error. */
int azl_input_turn(azl_input_t *m, apr_size_t from, apr_size_t to);

/*
 * azl_responses_in_result.c: what came of calls
 */

/* 1, or 0 with the error. */
int azl_input_result(azl_input_t *m, apr_size_t number, azl_input_e kind);
/* The row of results has ended: parts that had no place in them, as the
 * user's message. */
void azl_input_after(azl_input_t *m);

#endif /* AZL_RESPONSES_IN_INT_H */
