/*
 * azl_options: the name=value words at the end of a directive. Stateless.
 *
 * A directive describes its options in a table; the parser and the error text
 * that lists what is allowed both come from it.
 */
#ifndef AZL_OPTIONS_H
#define AZL_OPTIONS_H

#include <apr_pools.h>
#include <apr_time.h>

#include "azl_secret.h"

/* Take over a value. NULL, or what would be right ("a number from 0 to 1000").
 * `target` is what azl_options_parse() was given, `offset` bytes further on. */
typedef const char *azl_option_fn(apr_pool_t *p, void *target,
                                  const char *value);

typedef struct azl_option_t {
    const char *name; /* without the =; the table ends with NULL */
    azl_option_fn *set;
    apr_size_t offset; /* of the member it sets; 0: it knows the whole */
} azl_option_t;

/* NULL, or a message that names the word at fault: an unknown option (with the
 * allowed ones), one given twice, one without a value, a bad value. */
const char *azl_options_parse(apr_pool_t *p, const azl_option_t *table,
                              void *target, int nwords,
                              const char *const *words);

/* 1 if a word is one of these options, whatever its value. */
int azl_options_knows(const azl_option_t *table, const char *word);
/* "weight=, order=": for error texts. */
const char *azl_options_allowed(apr_pool_t *p, const azl_option_t *table);

/* Values several directives share: 1 if well formed and in range. */
int azl_option_int(const char *value, int min, int max, int *out);
/* "250ms", "5s", "2min"; a bare number is in seconds. */
int azl_option_duration(const char *value, apr_interval_time_t min,
                        apr_interval_time_t max, apr_interval_time_t *out);
/* "1048576", "64k", "32M", "1G" in bytes. */
int azl_option_size(const char *value, apr_int64_t min, apr_int64_t max,
                    apr_int64_t *out);
/* A secret by reference: "env:NAME", "file:/path" (without a trailing line
 * end); one that says that it is one, "literal:...", as AzureLITConfig makes
 * them of what stands in its file; or any other text (*literal is set). NULL,
 * or what is wrong; never with the secret in it. */
#define AZL_SECRET_LITERAL "literal:"
const char *azl_option_secret(apr_pool_t *p, const char *value,
                              const azl_secret_t **secret, int *literal);

#endif /* AZL_OPTIONS_H */
