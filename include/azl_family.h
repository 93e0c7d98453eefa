/*
 * azl_family: what a family of OpenAI's models takes of the settings of a chat
 * or a request to /responses.
 *
 * A table, static and read-only; pure functions.
 */
#ifndef AZL_FAMILY_H
#define AZL_FAMILY_H

#include "azl_document.h"

typedef struct azl_family_t azl_family_t;

/* By the model's public name ("gpt-5-mini", "openai/o3"; base-model= or else
 * the alias). NULL: nothing is known of it, so all is passed on. */
const azl_family_t *azl_family_find(const char *name);
/* 1 if the member max_tokens is called max_completion_tokens here. */
int azl_family_renames(const azl_family_t *family);
/* The settings of this document that the family does not take, a bit
 * 1 << azl_param_e for each. One that says nothing (null, or what holds
 * without it) is not among them. */
unsigned azl_family_refused(const azl_family_t *family,
                            const azl_document_t *doc);
/* The effort of reasoning that a document asks for, as a JSON string as it is
 * written; empty if it asks for none. */
azl_span_t azl_family_effort_of(const azl_document_t *doc);
/* The level that is nearest to this one (a word without quotes): the highest of
 * those that are not above it, else the lowest, "none" aside. NULL: the family
 * takes it, or it is not known whether. */
const char *azl_family_effort(const azl_family_t *family, azl_span_t word);
/* The levels the family takes: "'low', 'medium', 'high'". */
const char *azl_family_efforts(apr_pool_t *p, const azl_family_t *family);

#endif /* AZL_FAMILY_H */
