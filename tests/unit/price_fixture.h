/*
 * price_fixture: prices and usages, and what comes of them as text.
 */
#ifndef PRICE_FIXTURE_H
#define PRICE_FIXTURE_H

#include <apr_strings.h>

#include "azl_price.h"
#include "azl_test.h"

#define USD APR_INT64_C(1000000000000)

static inline azl_pico_t rate(const char *text)
{
    azl_pico_t pico = -2;

    ck_assert_msg(azl_price_parse(text, &pico), "not read: %s", text);
    return pico;
}

static inline azl_price_t flat(const char *input, const char *cached,
                               const char *output)
{
    azl_price_t price;

    azl_price_init(&price);
    price.input = rate(input);
    if (cached) {
        price.cached = rate(cached);
    }
    if (output) {
        price.output = rate(output);
    }
    return price;
}

static inline azl_usage_t tokens(apr_int64_t prompt, apr_int64_t cached,
                                 apr_int64_t cache_write,
                                 apr_int64_t completion)
{
    azl_usage_t usage;

    memset(&usage, 0, sizeof(usage));
    usage.reported = 1;
    usage.prompt = prompt;
    usage.cached = cached;
    usage.cache_write = cache_write;
    usage.completion = completion;
    return usage;
}

static inline const char *text(azl_pico_t cost)
{
    char out[AZL_PRICE_TEXT_MAX];

    azl_price_text(cost, out);
    return apr_pstrdup(azl_test_pool, out);
}

static inline const char *cost(azl_price_t price, azl_usage_t usage)
{
    return text(azl_price_cost(&price, &usage));
}

#endif /* PRICE_FIXTURE_H */
