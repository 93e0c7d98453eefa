#include <string.h>

#include "azl_price.h"

#define PICO_DIGITS 12       /* 1 USD is 10^12 pico-dollars */
#define PER_MILLION_DIGITS 6 /* 1 USD per 10^6 tokens is 10^6 a token */
#define WHOLE_DIGITS_MAX 6   /* so that every price fits 63 bits */

static void clear_tier(azl_price_t *price)
{
    price->tier_above = 0;
    price->tier_input = AZL_PRICE_UNSET;
    price->tier_cached = AZL_PRICE_UNSET;
    price->tier_cache_write = AZL_PRICE_UNSET;
    price->tier_cache_write_1h = AZL_PRICE_UNSET;
    price->tier_output = AZL_PRICE_UNSET;
}

void azl_price_init(azl_price_t *price)
{
    price->input = AZL_PRICE_UNSET;
    price->cached = AZL_PRICE_UNSET;
    price->cache_write = AZL_PRICE_UNSET;
    price->cache_write_1h = AZL_PRICE_UNSET;
    price->audio_input = AZL_PRICE_UNSET;
    price->output = AZL_PRICE_UNSET;
    price->audio_output = AZL_PRICE_UNSET;
    price->second = AZL_PRICE_UNSET;
    clear_tier(price);
}

/* A plain decimal times 10^places. */
static int parse_decimal(const char *text, int places, azl_pico_t *out)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t fraction = 0;
    azl_pico_t n = 0;
    size_t i;

    if (text[whole] == '.') {
        fraction = strspn(text + whole + 1, digits);
        if (fraction == 0 || text[whole + 1 + fraction] != '\0') {
            return 0;
        }
    }
    else if (text[whole] != '\0') {
        return 0;
    }
    if (whole == 0 || whole > WHOLE_DIGITS_MAX || fraction > (size_t)places) {
        return 0;
    }
    for (i = 0; i < whole; i++) {
        n = n * 10 + text[i] - '0';
    }
    for (i = 0; i < (size_t)places; i++) {
        n = n * 10 + (i < fraction ? text[whole + 1 + i] - '0' : 0);
    }
    *out = n;
    return 1;
}

int azl_price_parse(const char *text, azl_pico_t *pico)
{
    return parse_decimal(text, PER_MILLION_DIGITS, pico);
}

int azl_price_parse_usd(const char *text, azl_pico_t *pico)
{
    return parse_decimal(text, PICO_DIGITS, pico);
}

static void override_one(azl_pico_t *base, azl_pico_t over)
{
    if (over != AZL_PRICE_UNSET) {
        *base = over;
    }
}

/* A price of one's own is not for a part only: the list's for the other part
 * goes with it. */
static void override_both(azl_pico_t *base, azl_pico_t over, azl_pico_t *part,
                          azl_pico_t over_part)
{
    if (over != AZL_PRICE_UNSET) {
        *base = over;
        *part = AZL_PRICE_UNSET;
    }
    override_one(part, over_part);
}

azl_price_t azl_price_override(const azl_price_t *base, const azl_price_t *over)
{
    azl_price_t price;

    if (!base) {
        return *over;
    }
    price = *base;
    if (over->input != AZL_PRICE_UNSET || over->output != AZL_PRICE_UNSET) {
        /* It would go on to bill long prompts at the list's price. */
        clear_tier(&price);
    }
    override_both(&price.input, over->input, &price.audio_input,
                  over->audio_input);
    override_one(&price.cached, over->cached);
    override_both(&price.cache_write, over->cache_write, &price.cache_write_1h,
                  over->cache_write_1h);
    override_both(&price.output, over->output, &price.audio_output,
                  over->audio_output);
    override_one(&price.second, over->second);
    if (over->tier_above != 0) {
        price.tier_above = over->tier_above;
    }
    override_one(&price.tier_input, over->tier_input);
    override_one(&price.tier_cached, over->tier_cached);
    override_one(&price.tier_cache_write, over->tier_cache_write);
    override_one(&price.tier_cache_write_1h, over->tier_cache_write_1h);
    override_one(&price.tier_output, over->tier_output);
    return price;
}

/* Add n units at this price. 0 if the price is not known or the sum leaves the
 * range: a wrong amount is worse than none. */
static int add_units(azl_pico_t *sum, azl_pico_t price, apr_int64_t n)
{
    azl_pico_t product;

    if (n == 0) {
        return 1;
    }
    return price != AZL_PRICE_UNSET &&
           !__builtin_mul_overflow(price, n, &product) &&
           !__builtin_add_overflow(*sum, product, sum);
}

static azl_pico_t or_else(azl_pico_t price, azl_pico_t otherwise)
{
    return price != AZL_PRICE_UNSET ? price : otherwise;
}

/* The prices this answer is billed at, every gap filled. */
static azl_price_t effective(const azl_price_t *price, const azl_usage_t *usage)
{
    azl_price_t e = *price;

    if (price->tier_above > 0 && usage->prompt > price->tier_above) {
        e.input = or_else(price->tier_input, price->input);
        e.cached = price->tier_cached;
        e.cache_write = price->tier_cache_write;
        e.cache_write_1h = price->tier_cache_write_1h;
        e.output = or_else(price->tier_output, price->output);
    }
    e.cached = or_else(e.cached, e.input);
    e.cache_write = or_else(e.cache_write, e.input);
    e.cache_write_1h = or_else(e.cache_write_1h, e.cache_write);
    e.audio_input = or_else(e.audio_input, e.input);
    e.audio_output = or_else(e.audio_output, e.output);
    return e;
}

/* Take a part off the whole, as far as it goes: whatever an upstream says, no
 * token is billed twice. */
static apr_int64_t take(apr_int64_t *whole, apr_int64_t part)
{
    apr_int64_t taken = part < *whole ? part : *whole;

    *whole -= taken;
    return taken;
}

/* All that is counted in tokens. 0: it is not known. */
static int add_tokens(azl_pico_t *sum, const azl_price_t *e,
                      const azl_usage_t *usage)
{
    apr_int64_t plain = usage->prompt;
    apr_int64_t spoken = usage->completion;
    apr_int64_t cached = take(&plain, usage->cached);
    apr_int64_t written = take(&plain, usage->cache_write);
    apr_int64_t hour = take(&written, usage->cache_write_1h);
    apr_int64_t heard = take(&plain, usage->audio_prompt);
    apr_int64_t voice = take(&spoken, usage->audio_completion);

    return add_units(sum, e->input, plain) &&
           add_units(sum, e->audio_input, heard) &&
           add_units(sum, e->cached, cached) &&
           add_units(sum, e->cache_write, written) &&
           add_units(sum, e->cache_write_1h, hour) &&
           add_units(sum, e->output, spoken) &&
           add_units(sum, e->audio_output, voice);
}

azl_pico_t azl_price_cost(const azl_price_t *price, const azl_usage_t *usage)
{
    azl_pico_t audio = 0;
    azl_pico_t sum = 0;
    azl_price_t e;

    if (!price || !usage->reported || usage->other_tier) {
        return AZL_PRICE_UNSET;
    }
    e = effective(price, usage);
    if (!add_tokens(&sum, &e, usage) ||
        !add_units(&audio, e.second, usage->duration_ms)) {
        return AZL_PRICE_UNSET;
    }
    return add_units(&sum, 1, audio / 1000 + (audio % 1000 >= 500))
               ? sum
               : AZL_PRICE_UNSET;
}

void azl_price_text(azl_pico_t cost, char out[AZL_PRICE_TEXT_MAX])
{
    /* From its last digit, and without a format: every answer has its cost in
     * a header, in a note and in its record. */
    char text[AZL_PRICE_TEXT_MAX];
    char *end = text + sizeof(text);
    char *at = end;
    int places;

    if (cost < 0) {
        out[0] = '\0';
        return;
    }
    for (places = PICO_DIGITS; places > 0; places--) {
        *--at = (char)('0' + cost % 10);
        cost /= 10;
    }
    while (end > at && end[-1] == '0') {
        end--;
    }
    if (end > at) {
        *--at = '.';
    }
    do {
        *--at = (char)('0' + cost % 10);
        cost /= 10;
    } while (cost);
    memcpy(out, at, (apr_size_t)(end - at));
    out[end - at] = '\0';
}
