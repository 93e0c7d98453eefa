/*
 * azl_price: what a token costs, and what an answer cost, exactly.
 *
 * Money is a whole number of pico-dollars (10^-12 USD): a price of "1.25" USD
 * per million tokens is 1 250 000 pico-dollars a token, so sums are exact and
 * no binary float is involved (LiteLLM answers 4.9999999999999996e-05).
 *
 * A table is read once per configuration into the pool given and is read-only
 * after that.
 */
#ifndef AZL_PRICE_H
#define AZL_PRICE_H

#include <apr_pools.h>

#include "azl_usage.h"

typedef apr_int64_t azl_pico_t;

/* "not given" */
#define AZL_PRICE_UNSET ((azl_pico_t)-1)

typedef struct azl_price_t {
    azl_pico_t input;       /* per token; AZL_PRICE_UNSET if unknown */
    azl_pico_t cached;      /* unset: as input */
    azl_pico_t cache_write; /* unset: as input */
    azl_pico_t cache_write_1h; /* kept for an hour; unset: as cache_write */
    azl_pico_t audio_input; /* unset: as input; has no tier */
    azl_pico_t output;
    azl_pico_t audio_output; /* unset: as output; has no tier */
    azl_pico_t second;      /* per second of audio */
    apr_int64_t tier_above; /* 0, or: with more prompt tokens than this the */
    azl_pico_t tier_input;  /* whole request is billed at these             */
    azl_pico_t tier_cached; /* unset: as tier_input */
    azl_pico_t tier_cache_write; /* unset: as tier_input */
    azl_pico_t tier_cache_write_1h; /* unset: as tier_cache_write */
    azl_pico_t tier_output;
} azl_price_t;

typedef struct azl_price_table_t azl_price_table_t;

void azl_price_init(azl_price_t *price);
/* "1.25" USD per million tokens -> pico-dollars per token. 1 if it is a plain
 * decimal with at most 6 places, below 10^6. */
int azl_price_parse(const char *text, azl_pico_t *pico);
/* "0.0001" USD -> pico-dollars: an amount of money, or the price of a second.
 * 1 if it is a plain decimal with at most 12 places, below 10^6. */
int azl_price_parse_usd(const char *text, azl_pico_t *pico);
/* Read a price file (format: docs/prices.md). NULL, or what is wrong with it,
 * naming the file and the entry. */
const char *azl_price_table_load(apr_pool_t *p, const char *path,
                                 azl_price_table_t **table);
/* NULL if the model has no price. The name must match exactly; a table entry
 * may list aliases (dated names). */
const azl_price_t *azl_price_find(const azl_price_table_t *table,
                                  const char *model);
/* Merge: every member set in `over` wins over `base` (NULL: none), each for
 * itself. An input or output price in `over` holds for prompts of every
 * length: the tier of `base` goes, and only one that `over` has itself counts.
 * It holds for sound, and one of cache writes for those of an hour, unless
 * `over` has a price for these too. */
azl_price_t azl_price_override(const azl_price_t *base,
                               const azl_price_t *over);
/* The cost of an answer; AZL_PRICE_UNSET when it cannot be known (no price at
 * all, no usage, another service tier, or a price that is needed is missing).
 * Seconds of audio are the only thing that is rounded, to the nearest
 * pico-dollar. */
azl_pico_t azl_price_cost(const azl_price_t *price, const azl_usage_t *usage);
/* Exact decimal USD, no exponent, no trailing zeros: "0.00033", "0". What is
 * unset has no text: "". */
#define AZL_PRICE_TEXT_MAX 32
void azl_price_text(azl_pico_t cost, char out[AZL_PRICE_TEXT_MAX]);

#endif /* AZL_PRICE_H */
