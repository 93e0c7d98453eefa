/* Prices as text, and what an answer costs. */
#include "price_fixture.h"

START_TEST(parses)
{
    ck_assert_int_eq(rate("1.25"), 1250000);
    ck_assert_int_eq(rate("0"), 0);
    ck_assert_int_eq(rate("0.000001"), 1);
    ck_assert_int_eq(rate("2.00"), 2000000);
    ck_assert_int_eq(rate("999999.999999"), APR_INT64_C(999999999999));
    ck_assert_int_eq(rate("007"), 7000000);
}
END_TEST

START_TEST(parse_refuses)
{
    static const char *const bad[] = {
        "",        ".",    "1.",    ".5",    "-1",   "+1",
        "1e3",     "1,25", " 1",    "1 ",    "0x10", "1.0000001",
        "1000000", "$1",   "1.2.3", "1.25x", "NaN",  "1.25e-6"};
    azl_pico_t pico = 4711;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!azl_price_parse(bad[i], &pico), "read: %s", bad[i]);
    }
    ck_assert_int_eq(pico, 4711);
}
END_TEST

START_TEST(parses_amounts)
{
    azl_pico_t pico;

    ck_assert_int_eq(azl_price_parse_usd("0.0001", &pico), 1);
    ck_assert_int_eq(pico, APR_INT64_C(100000000));
    ck_assert_int_eq(azl_price_parse_usd("999999.999999999999", &pico), 1);
    ck_assert_int_eq(pico, 1000000 * USD - 1);
    ck_assert_int_eq(azl_price_parse_usd("1.0000000000001", &pico), 0);
    ck_assert_int_eq(azl_price_parse_usd("1000000", &pico), 0);
}
END_TEST

START_TEST(writes)
{
    static const struct {
        azl_pico_t pico;
        const char *text;
    } t[] = {
        {0, "0"},
        {1, "0.000000000001"},
        {330000000, "0.00033"},
        {50000000, "0.00005"},
        {USD, "1"},
        {10 * USD, "10"},
        {USD + USD / 2, "1.5"},
        {123 * USD + 1, "123.000000000001"},
        {APR_INT64_MAX, "9223372.036854775807"},
        {AZL_PRICE_UNSET, ""},
    };
    azl_pico_t back;
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        ck_assert_str_eq(text(t[i].pico), t[i].text);
        if (t[i].pico >= 0 && t[i].pico < 1000000 * USD) {
            ck_assert_int_eq(azl_price_parse_usd(t[i].text, &back), 1);
            ck_assert_int_eq(back, t[i].pico);
        }
    }
}
END_TEST

/* gpt-4.1 at 2.00/0.50/8.00, worked out by hand. */
START_TEST(cost_of_an_answer)
{
    azl_price_t p = flat("2.00", "0.50", "8.00");

    ck_assert_str_eq(cost(p, tokens(0, 0, 0, 0)), "0");
    ck_assert_str_eq(cost(p, tokens(1, 0, 0, 0)), "0.000002");
    ck_assert_str_eq(cost(p, tokens(25, 0, 0, 35)), "0.00033");
    ck_assert_str_eq(cost(p, tokens(2048, 1024, 0, 100)), "0.00336");
    /* What a binary float says about this is 4.9999999999999996e-05. */
    ck_assert_str_eq(cost(p, tokens(25, 0, 0, 0)), "0.00005");
}
END_TEST

START_TEST(reasoning_is_completion)
{
    azl_price_t p = flat("1.25", "0.125", "10.00");
    azl_usage_t u = tokens(8, 0, 0, 271);

    u.reasoning = 192;
    ck_assert_str_eq(cost(p, u), "0.00272");
}
END_TEST

START_TEST(cache_prices)
{
    azl_price_t p = flat("5.00", "0.50", "30.00");

    /* 1000 plain, 2000 read, 3000 written */
    ck_assert_str_eq(cost(p, tokens(6000, 2000, 3000, 0)), "0.021");
    p.cache_write = rate("6.25");
    ck_assert_str_eq(cost(p, tokens(6000, 2000, 3000, 0)), "0.02475");
    p.cached = AZL_PRICE_UNSET;
    ck_assert_str_eq(cost(p, tokens(6000, 2000, 3000, 0)), "0.03375");
}
END_TEST

/* An upstream that counts more cached tokens than there are. */
START_TEST(no_token_twice)
{
    azl_price_t p = flat("2.00", "0.50", "8.00");

    ck_assert_str_eq(cost(p, tokens(100, 150, 0, 0)), "0.00005");
    ck_assert_str_eq(cost(p, tokens(100, 60, 60, 0)), "0.00011");
    ck_assert_str_eq(cost(p, tokens(100, 150, 60, 0)), "0.00005");
}
END_TEST

START_TEST(caches_of_an_hour)
{
    azl_price_t p = flat("5.00", "0.50", "30.00");
    azl_usage_t u = tokens(6000, 2000, 3000, 0);

    /* 1000 plain, 2000 read, 2000 written for minutes and 1000 for an hour */
    u.cache_write_1h = 1000;
    ck_assert_str_eq(cost(p, u), "0.021");
    p.cache_write = rate("6.25");
    ck_assert_str_eq(cost(p, u), "0.02475");
    p.cache_write_1h = rate("10.00");
    ck_assert_str_eq(cost(p, u), "0.0285");
    /* no more than were written */
    u.cache_write_1h = 9000;
    ck_assert_str_eq(cost(p, u), "0.036");
    /* above the limit: its own, or what the limit has for every cache */
    p.tier_above = 5000;
    p.tier_input = rate("10.00");
    u.cache_write_1h = 1000;
    ck_assert_str_eq(cost(p, u), "0.06");
    p.tier_cache_write = rate("12.50");
    ck_assert_str_eq(cost(p, u), "0.0675");
    p.tier_cache_write_1h = rate("20.00");
    ck_assert_str_eq(cost(p, u), "0.075");
}
END_TEST

START_TEST(sound_and_text)
{
    azl_price_t p = flat("2.50", "1.25", "10.00");
    azl_usage_t u = tokens(1000, 0, 0, 100);

    u.audio_prompt = 800;
    u.audio_completion = 60;
    ck_assert_str_eq(cost(p, u), "0.0035");
    p.audio_input = rate("40.00");
    p.audio_output = rate("80.00");
    /* 200 and 800, 40 and 60 */
    ck_assert_str_eq(cost(p, u), "0.0377");
    /* none of them is also read from a cache, and none is more than all */
    u.cached = 500;
    ck_assert_str_eq(cost(p, u), "0.025825");
    u.cached = 0;
    u.audio_prompt = 2000;
    u.audio_completion = 200;
    ck_assert_str_eq(cost(p, u), "0.048");
    /* only sound has a price */
    p.input = AZL_PRICE_UNSET;
    p.output = AZL_PRICE_UNSET;
    ck_assert_str_eq(cost(p, u), "0.048");
    u.audio_completion = 99;
    ck_assert_str_eq(cost(p, u), "");
}
END_TEST

START_TEST(sound_in_long_prompts)
{
    azl_price_t p = flat("2.00", NULL, "10.00");
    azl_usage_t u = tokens(3000, 0, 0, 0);

    p.tier_above = 2000;
    p.tier_input = rate("4.00");
    u.audio_prompt = 1000;
    ck_assert_str_eq(cost(p, u), "0.012");
    p.audio_input = rate("3.00");
    ck_assert_str_eq(cost(p, u), "0.011");
}
END_TEST

START_TEST(tiers)
{
    azl_price_t p = flat("2.50", "0.25", "15.00");

    p.tier_above = 272000;
    p.tier_input = rate("5.00");
    p.tier_cached = rate("0.50");
    p.tier_output = rate("22.50");
    ck_assert_str_eq(cost(p, tokens(272000, 1000, 0, 1000)), "0.69275");
    ck_assert_str_eq(cost(p, tokens(272001, 1000, 0, 1000)), "1.378005");
    /* The gaps of a tier: cache at its input price, output as below it. */
    p.tier_cached = AZL_PRICE_UNSET;
    p.tier_output = AZL_PRICE_UNSET;
    ck_assert_str_eq(cost(p, tokens(272001, 1000, 1000, 1000)), "1.375005");
    p.tier_cache_write = rate("6.25");
    ck_assert_str_eq(cost(p, tokens(272001, 1000, 1000, 1000)), "1.376255");
    p.tier_input = AZL_PRICE_UNSET;
    p.tier_cache_write = AZL_PRICE_UNSET;
    ck_assert_str_eq(cost(p, tokens(300000, 0, 0, 0)), "0.75");
}
END_TEST

START_TEST(audio)
{
    azl_price_t p;
    azl_usage_t u = tokens(0, 0, 0, 0);

    azl_price_init(&p);
    u.duration_ms = 27000;
    ck_assert_str_eq(cost(p, u), "");
    ck_assert_int_eq(azl_price_parse_usd("0.0001", &p.second), 1);
    ck_assert_str_eq(cost(p, u), "0.0027");
    u.duration_ms = 1;
    ck_assert_str_eq(cost(p, u), "0.0000001");
    /* Half a pico-dollar goes up. */
    p.second = 500;
    ck_assert_str_eq(cost(p, u), "0.000000000001");
    p.second = 499;
    ck_assert_str_eq(cost(p, u), "0");
}
END_TEST

START_TEST(unknown_costs)
{
    azl_price_t p = flat("2.00", NULL, NULL);
    azl_usage_t u = tokens(10, 0, 0, 0);

    ck_assert_str_eq(cost(p, u), "0.00002"); /* an embedding: no output */
    ck_assert_int_eq(azl_price_cost(NULL, &u), AZL_PRICE_UNSET);
    u.completion = 1;
    ck_assert_str_eq(cost(p, u), "");
    u.completion = 0;
    u.other_tier = 1;
    ck_assert_str_eq(cost(p, u), "");
    u.other_tier = 0;
    u.reported = 0;
    ck_assert_str_eq(cost(p, u), "");
    azl_price_init(&p);
    ck_assert_str_eq(cost(p, tokens(10, 0, 0, 0)), "");
    ck_assert_str_eq(cost(p, tokens(10, 10, 0, 0)), "");
    ck_assert_str_eq(cost(p, tokens(10, 0, 10, 0)), "");
}
END_TEST

START_TEST(overflow_is_unknown)
{
    azl_price_t p = flat("999999", NULL, "999999");
    azl_usage_t seconds;

    ck_assert_str_eq(cost(p, tokens(APR_INT64_C(1000000000000), 0, 0, 0)), "");
    /* Each fits, the sum does not. */
    ck_assert_str_eq(cost(p, tokens(9000000, 0, 0, 1)), "8999991.999999");
    ck_assert_str_eq(cost(p, tokens(9000000, 0, 0, 9000000)), "");
    p.input = APR_INT64_MAX;
    p.second = 1000;
    seconds = tokens(1, 0, 0, 0);
    ck_assert_str_eq(cost(p, seconds), "9223372.036854775807");
    seconds.duration_ms = 1;
    ck_assert_str_eq(cost(p, seconds), "");
}
END_TEST

TCase *azl_test_price(void)
{
    TCase *tc = azl_test_tcase("price");

    tcase_add_test(tc, parses);
    tcase_add_test(tc, parse_refuses);
    tcase_add_test(tc, parses_amounts);
    tcase_add_test(tc, writes);
    tcase_add_test(tc, cost_of_an_answer);
    tcase_add_test(tc, reasoning_is_completion);
    tcase_add_test(tc, cache_prices);
    tcase_add_test(tc, no_token_twice);
    tcase_add_test(tc, caches_of_an_hour);
    tcase_add_test(tc, sound_and_text);
    tcase_add_test(tc, sound_in_long_prompts);
    tcase_add_test(tc, tiers);
    tcase_add_test(tc, audio);
    tcase_add_test(tc, unknown_costs);
    tcase_add_test(tc, overflow_is_unknown);
    return tc;
}
