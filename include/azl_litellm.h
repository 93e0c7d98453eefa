/*
 * azl_litellm: LiteLLM's configuration (config.yaml) as directives.
 *
 * Pure: a document goes in, directives and messages come out, all in the pool
 * given; nothing is opened or asked but what the setup says. Nothing of the
 * document is ignored without a message. No message holds a secret.
 */
#ifndef AZL_LITELLM_H
#define AZL_LITELLM_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "azl_span.h"

typedef enum {
    AZL_LITELLM_WARNING,     /* it works, but could be better */
    AZL_LITELLM_UNSUPPORTED, /* there is nothing for this here: it is left
                                out */
    AZL_LITELLM_ERROR        /* it makes no sense */
} azl_litellm_severity_e;

typedef struct azl_litellm_message_t {
    int severity; /* azl_litellm_severity_e */
    int line;     /* of the document */
    const char *text;
} azl_litellm_message_t;

typedef struct azl_litellm_word_t {
    const char *text;
    const char *shown; /* NULL: as text. Else text holds a secret, and this is
                          what may be printed: a reference to where the secret
                          should be */
} azl_litellm_word_t;

typedef struct azl_litellm_directive_t {
    const char *name;
    apr_array_header_t *words; /* azl_litellm_word_t */
    int line;                  /* where the document says so */
} azl_litellm_directive_t;

typedef struct azl_litellm_setup_t {
    /* The value of an environment variable or NULL. If this is NULL, a
     * reference stays one: env:NAME or, where a directive has no such form,
     * ${NAME}. */
    const char *(*environment)(void *baton, const char *name);
    /* 1 if there is an endpoint of that name already; NULL: there is none. */
    int (*taken)(void *baton, const char *endpoint);
    void *baton;
} azl_litellm_setup_t;

typedef struct azl_litellm_t {
    apr_array_header_t *directives; /* azl_litellm_directive_t */
    apr_array_header_t *messages;   /* azl_litellm_message_t, by line */
    int count[AZL_LITELLM_ERROR + 1]; /* of messages, by severity */
    int secret; /* the first line with a secret itself; 0: there is none */
} azl_litellm_t;

azl_litellm_t *azl_litellm_read(apr_pool_t *p, azl_span_t doc,
                                const azl_litellm_setup_t *setup);
/* For the setup: the environment of this process; what is empty is not set. */
const char *azl_litellm_environment(void *baton, const char *name);
/* 1 if whoever is told that may not go on; with `strict` nothing may be left
 * out. */
int azl_litellm_is_wrong(const azl_litellm_message_t *message, int strict);
/* How many such messages there are. */
int azl_litellm_wrong(const azl_litellm_t *config, int strict);
/* The words behind the directive's name as httpd reads them, quoted where that
 * is needed; with the secrets, or as they may be printed. */
const char *azl_litellm_words(apr_pool_t *p,
                              const azl_litellm_directive_t *directive,
                              int secrets);

#endif /* AZL_LITELLM_H */
