/* The prices that a deployment has: of a file, and its own over those. */
#include <stdlib.h>

#include "price_fixture.h"

START_TEST(overrides_of_kinds)
{
    azl_price_t base = flat("2.00", "0.50", "8.00");
    azl_price_t over, p;

    base.cache_write = rate("2.50");
    base.cache_write_1h = rate("4.00");
    base.audio_input = rate("40.00");
    base.audio_output = rate("80.00");
    azl_price_init(&over);
    over.cached = 0;
    p = azl_price_override(&base, &over);
    ck_assert_int_eq(p.cache_write_1h, 4000000);
    ck_assert_int_eq(p.audio_input, 40000000);
    ck_assert_int_eq(p.audio_output, 80000000);
    /* a price of one's own holds for all kinds ... */
    over.input = 0;
    over.output = rate("1.00");
    over.cache_write = rate("3.00");
    p = azl_price_override(&base, &over);
    ck_assert_int_eq(p.cache_write_1h, AZL_PRICE_UNSET);
    ck_assert_int_eq(p.audio_input, AZL_PRICE_UNSET);
    ck_assert_int_eq(p.audio_output, AZL_PRICE_UNSET);
    /* ... but those that have one too */
    over.cache_write_1h = 1;
    over.audio_input = 2;
    over.audio_output = 3;
    over.tier_cache_write_1h = 4;
    p = azl_price_override(&base, &over);
    ck_assert_int_eq(p.cache_write_1h, 1);
    ck_assert_int_eq(p.audio_input, 2);
    ck_assert_int_eq(p.audio_output, 3);
    ck_assert_int_eq(p.tier_cache_write_1h, 4);
}
END_TEST

START_TEST(overrides)
{
    azl_price_t base = flat("2.00", "0.50", "8.00");
    azl_price_t over, p;

    azl_price_init(&over);
    over.output = rate("7.00");
    p = azl_price_override(NULL, &over);
    ck_assert_int_eq(p.input, AZL_PRICE_UNSET);
    ck_assert_int_eq(p.output, 7000000);

    base.tier_above = 272000;
    base.tier_input = rate("4.00");
    p = azl_price_override(&base, &over);
    ck_assert_int_eq(p.input, 2000000);
    ck_assert_int_eq(p.cached, 500000);
    ck_assert_int_eq(p.output, 7000000);
    ck_assert_int_eq(p.cache_write, AZL_PRICE_UNSET);

    over = p;
    over.input = 0;
    over.cached = 1;
    over.cache_write = 2;
    over.second = 3;
    over.tier_above = 4;
    over.tier_input = 5;
    over.tier_cached = 6;
    over.tier_cache_write = 7;
    over.tier_output = 8;
    p = azl_price_override(&base, &over);
    ck_assert_int_eq(p.input, 0);
    ck_assert_int_eq(p.cached, 1);
    ck_assert_int_eq(p.cache_write, 2);
    ck_assert_int_eq(p.second, 3);
    ck_assert_int_eq(p.tier_above, 4);
    ck_assert_int_eq(p.tier_input, 5);
    ck_assert_int_eq(p.tier_cached, 6);
    ck_assert_int_eq(p.tier_cache_write, 7);
    ck_assert_int_eq(p.tier_output, 8);
}
END_TEST

static azl_price_t tiered(void)
{
    azl_price_t p = flat("2.50", "0.25", "15.00");

    p.tier_above = 272000;
    p.tier_input = rate("5.00");
    p.tier_cached = rate("0.50");
    p.tier_cache_write = rate("6.25");
    p.tier_output = rate("22.50");
    return p;
}

/* The price of a deployment holds for prompts of every length. */
START_TEST(overrides_end_the_tier)
{
    azl_price_t base = tiered();
    azl_price_t input, output, p;

    azl_price_init(&input);
    input.input = rate("2.00");
    p = azl_price_override(&base, &input);
    ck_assert_int_eq((int)p.tier_above, 0);
    ck_assert_int_eq(p.tier_input, AZL_PRICE_UNSET);
    ck_assert_int_eq(p.tier_cached, AZL_PRICE_UNSET);
    ck_assert_int_eq(p.tier_cache_write, AZL_PRICE_UNSET);
    ck_assert_int_eq(p.tier_output, AZL_PRICE_UNSET);
    ck_assert_str_eq(cost(p, tokens(300000, 0, 0, 1000)), "0.615");

    azl_price_init(&output);
    output.output = rate("10.00");
    p = azl_price_override(&base, &output);
    ck_assert_int_eq((int)p.tier_above, 0);
    ck_assert_str_eq(cost(p, tokens(300000, 0, 0, 1000)), "0.76");

    /* a tier of its own, with nothing of the other one in its gaps */
    input.tier_above = 200000;
    input.tier_input = rate("3.00");
    p = azl_price_override(&base, &input);
    ck_assert_str_eq(cost(p, tokens(200000, 0, 0, 1000)), "0.415");
    ck_assert_str_eq(cost(p, tokens(200001, 1000, 0, 1000)), "0.615003");
}
END_TEST

START_TEST(overrides_that_leave_the_tier)
{
    azl_price_t base = tiered();
    azl_price_t over, p;

    azl_price_init(&over);
    over.cached = rate("0.20");
    over.cache_write = rate("3.00");
    over.second = 1;
    p = azl_price_override(&base, &over);
    ck_assert_int_eq((int)p.tier_above, 272000);
    ck_assert_int_eq(p.tier_input, 5000000);
    ck_assert_int_eq(p.tier_cached, 500000);
    ck_assert_int_eq(p.tier_cache_write, 6250000);
    ck_assert_int_eq(p.tier_output, 22500000);
    over.tier_output = rate("20.00");
    p = azl_price_override(&base, &over);
    ck_assert_int_eq((int)p.tier_above, 272000);
    ck_assert_int_eq(p.tier_input, 5000000);
    ck_assert_int_eq(p.tier_output, 20000000);
}
END_TEST

static const char *load(const char *content, azl_price_table_t **table)
{
    return azl_price_table_load(azl_test_pool, azl_test_file("prices", content),
                                table);
}

/* The document around one entry. */
static const char *load_entry(const char *entry, azl_price_table_t **table)
{
    return load(apr_pstrcat(azl_test_pool,
                            "{\"unit\":\"USD per million tokens\",\"models\":[",
                            entry, "]}", NULL),
                table);
}

START_TEST(loads)
{
    azl_price_table_t *table;
    const azl_price_t *p;
    const char *err = load(
        "{\"about\": \"test\", \"unit\": \"USD per million tokens\","
        " \"models\": [\n"
        "{\"model\":\"a\",\"aliases\":[\"a-1\",\"a-2\"],\"input\":\"2.50\","
        "\"cached\":0.250,\"cache_write\":\"3\",\"output\":15,"
        "\"cache_write_1h\":\"5\",\"audio_input\":\"40\","
        "\"audio_output\":\"80\","
        "\"above\":{\"tokens\":272000,\"input\":\"5\",\"cached\":\"0.5\","
        "\"cache_write\":\"6.25\",\"cache_write_1h\":\"10\","
        "\"output\":\"22.5\"},"
        "\"source\":\"x\",\"date\":\"2026-07-31\"},\n"
        "{\"model\":\"w\",\"second\":\"0.0001\",\"source\":\"x\","
        "\"date\":\"2026-07\"}]}",
        &table);

    ck_assert_msg(err == NULL, "%s", err);
    p = azl_price_find(table, "a");
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_eq(azl_price_find(table, "a-1"), p);
    ck_assert_ptr_eq(azl_price_find(table, "a-2"), p);
    ck_assert_ptr_null(azl_price_find(table, "a-3"));
    ck_assert_ptr_null(azl_price_find(table, "A"));
    ck_assert_int_eq(p->input, 2500000);
    ck_assert_int_eq(p->cached, 250000);
    ck_assert_int_eq(p->cache_write, 3000000);
    ck_assert_int_eq(p->cache_write_1h, 5000000);
    ck_assert_int_eq(p->audio_input, 40000000);
    ck_assert_int_eq(p->audio_output, 80000000);
    ck_assert_int_eq(p->output, 15000000);
    ck_assert_int_eq(p->second, AZL_PRICE_UNSET);
    ck_assert_int_eq(p->tier_above, 272000);
    ck_assert_int_eq(p->tier_input, 5000000);
    ck_assert_int_eq(p->tier_cached, 500000);
    ck_assert_int_eq(p->tier_cache_write, 6250000);
    ck_assert_int_eq(p->tier_cache_write_1h, 10000000);
    ck_assert_int_eq(p->tier_output, 22500000);
    p = azl_price_find(table, "w");
    ck_assert_int_eq(p->second, APR_INT64_C(100000000));
    ck_assert_int_eq(p->input, AZL_PRICE_UNSET);
    ck_assert_int_eq((int)p->tier_above, 0);
}
END_TEST

#define ORIGIN "\"source\":\"x\",\"date\":\"2026-07\"}"

START_TEST(load_refuses_entries)
{
    static const struct {
        const char *entry;
        const char *says;
    } t[] = {
        {"{\"input\":\"1\"," ORIGIN, "has no \"model\""},
        {"{\"model\":1,\"input\":\"1\"," ORIGIN, "has no \"model\""},
        {"17", "has no \"model\""},
        {"{\"model\":\"m\"," ORIGIN,
         "model m: there must be \"input\" or \"second\""},
        {"{\"model\":\"m\",\"input\":\"1\",\"date\":\"2026-07\"}",
         "model m: there must be \"source\" and \"date\""},
        {"{\"model\":\"m\",\"input\":\"1\",\"source\":\"x\"}",
         "model m: there must be \"source\" and \"date\""},
        {"{\"model\":\"m\",\"input\":\"1\",\"source\":\"\"}",
         "model m: \"source\" must"},
        {"{\"model\":\"m\",\"input\":\"1\",\"source\":7}",
         "model m: \"source\" must"},
        {"{\"model\":\"m\",\"date\":\"yesterday\"}", "model m: \"date\" must"},
        {"{\"model\":\"m\",\"date\":\"2026\"}", "model m: \"date\" must"},
        {"{\"model\":\"m\",\"date\":\"2026-07-01T00:00:00Z\"}",
         "model m: \"date\" must"},
        {"{\"model\":\"m\",\"date\":2026}", "model m: \"date\" must"},
        {"{\"model\":\"m\",\"input\":\"1e-6\"," ORIGIN,
         "model m: \"input\" must be USD per million"},
        {"{\"model\":\"m\",\"input\":1e-6," ORIGIN,
         "model m: \"input\" must be USD per million"},
        {"{\"model\":\"m\",\"input\":null," ORIGIN,
         "model m: \"input\" must be USD per million"},
        {"{\"model\":\"m\",\"cached\":\"-1\"," ORIGIN, "\"cached\" must be"},
        {"{\"model\":\"m\",\"output\":true," ORIGIN, "\"output\" must be"},
        {"{\"model\":\"m\",\"cache_write\":[]," ORIGIN,
         "\"cache_write\" must be"},
        {"{\"model\":\"m\",\"second\":\"a\"," ORIGIN, "\"second\" must be"},
        {"{\"model\":\"m\",\"second\":null," ORIGIN, "\"second\" must be"},
        {"{\"model\":\"m\",\"ouput\":\"1\"," ORIGIN,
         "unknown member \"ouput\", allowed are: model, aliases, input"},
        {"{\"model\":\"m\",\"aliases\":\"n\"," ORIGIN, "\"aliases\" must be"},
        {"{\"model\":\"m\",\"input\":\"1\",\"aliases\":[1]," ORIGIN,
         "each alias must be a name"},
        {"{\"model\":\"m\",\"input\":\"1\",\"aliases\":[\"\"]," ORIGIN,
         "each alias must be a name"},
        {"{\"model\":\"m\",\"input\":\"1\",\"aliases\":[\"m\"]," ORIGIN,
         "model m: 'm' has a price already"},
        {"{\"model\":\"m\",\"input\":\"1\"," ORIGIN
         ",{\"model\":\"n\",\"input\":\"1\",\"aliases\":[\"m\"]," ORIGIN,
         "model n: 'm' has a price already"},
        {"{\"model\":\"m\",\"input\":\"1\"," ORIGIN
         ",{\"model\":\"m\",\"input\":\"1\"," ORIGIN,
         "model m: 'm' has a price already"},
        {"{\"model\":\"m\",\"above\":17," ORIGIN, "\"above\" must be"},
        {"{\"model\":\"m\",\"above\":{}," ORIGIN, "\"above\" must be"},
        {"{\"model\":\"m\",\"above\":{\"tokens\":5}," ORIGIN,
         "\"above\" must be"},
        {"{\"model\":\"m\",\"above\":{\"input\":\"5\"}," ORIGIN,
         "\"above\" must be"},
        {"{\"model\":\"m\",\"above\":{\"tokens\":\"5\"}," ORIGIN,
         "\"tokens\" must be"},
        {"{\"model\":\"m\",\"above\":{\"tokens\":0}," ORIGIN,
         "\"tokens\" must be"},
        {"{\"model\":\"m\",\"above\":{\"input\":\"x\"}," ORIGIN,
         "\"input\" must be"},
        {"{\"model\":\"m\",\"above\":{\"audio_input\":\"1\"}," ORIGIN,
         "unknown member \"audio_input\", allowed are: tokens"},
        {"{\"model\":\"m\",\"audio_output\":\"x\"," ORIGIN,
         "\"audio_output\" must be"},
        {"{\"model\":\"m\",\"above\":{\"second\":\"1\"}," ORIGIN,
         "unknown member \"second\", allowed are: tokens"},
    };
    azl_price_table_t *table;
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const char *err = load_entry(t[i].entry, &table);

        ck_assert_msg(err != NULL, "accepted: %s", t[i].entry);
        ck_assert_msg(strstr(err, t[i].says) != NULL, "%s: %s", t[i].entry,
                      err);
        ck_assert_msg(strstr(err, "/prices: ") != NULL, "no file: %s", err);
    }
}
END_TEST

START_TEST(load_refuses_documents)
{
    static const struct {
        const char *content;
        const char *says;
    } t[] = {
        {"", "line 1, column 1"},
        {"{\"unit\":\"USD per million tokens\",\n\"models\":[}", "line 2"},
        {"{\"models\":[]}", "\"unit\" must be"},
        {"{\"unit\":\"USD per token\",\"models\":[]}", "\"unit\" must be"},
        {"{\"unit\":1,\"models\":[]}", "\"unit\" must be"},
        {"{\"unit\":\"USD per million tokens\"}", "\"models\" must be"},
        {"{\"unit\":\"USD per million tokens\",\"models\":{}}",
         "\"models\" must be"},
        /* LiteLLM's table */
        {"{\"gpt-4.1\":{\"input_cost_per_token\":2e-06}}",
         "unknown member \"gpt-4.1\""},
        {"[]", "\"unit\" must be"},
    };
    azl_price_table_t *table;
    const char *err;
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        err = load(t[i].content, &table);
        ck_assert_msg(err != NULL, "accepted: %s", t[i].content);
        ck_assert_msg(strstr(err, t[i].says) != NULL, "%s: %s", t[i].content,
                      err);
    }
    err = azl_price_table_load(azl_test_pool, "/nonexistent/p.json", &table);
    ck_assert(strncmp(err, "/nonexistent/p.json: cannot be read: ", 37) == 0);
}
END_TEST

/* The file we ship: some prices as everybody knows them. */
START_TEST(shipped_file)
{
    const char *dir = getenv("SRCDIR");
    azl_price_table_t *table;
    const azl_price_t *p;
    const char *err = azl_price_table_load(
        azl_test_pool,
        apr_pstrcat(azl_test_pool, dir ? dir : ".", "/conf/prices.json", NULL),
        &table);

    ck_assert_msg(err == NULL, "%s", err);
    p = azl_price_find(table, "gpt-4.1-2025-04-14");
    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq(cost(*p, tokens(25, 0, 0, 35)), "0.00033");
    p = azl_price_find(table, "gpt-5.4");
    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq(cost(*p, tokens(300000, 0, 0, 1000)), "1.5225");
    p = azl_price_find(table, "claude-sonnet-4-6");
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->cache_write_1h, 2 * p->input);
    ck_assert_int_eq(4 * p->cache_write, 5 * p->input);
    p = azl_price_find(table, "gemini-2.5-flash");
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->audio_input, 1000000);
    p = azl_price_find(table, "whisper-1");
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->second * 60, 6 * USD / 1000);
}
END_TEST

TCase *azl_test_price_table(void)
{
    TCase *tc = azl_test_tcase("price_table");

    tcase_add_test(tc, overrides_of_kinds);
    tcase_add_test(tc, overrides);
    tcase_add_test(tc, overrides_end_the_tier);
    tcase_add_test(tc, overrides_that_leave_the_tier);
    tcase_add_test(tc, loads);
    tcase_add_test(tc, load_refuses_entries);
    tcase_add_test(tc, load_refuses_documents);
    tcase_add_test(tc, shipped_file);
    return tc;
}
