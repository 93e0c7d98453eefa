/*
 * What is kept for clients that cannot carry it.
 */
#include <apr_strings.h>

#include "../../src/store/azl_stash_int.h"
#include "azl_crypto.h"
#include "store_fixture.h"

#define SIZE 65536
#define NOW apr_time_from_sec(1000)
#define LATER apr_time_from_sec(2000)

static azl_stash_t *stash_of(apr_size_t size)
{
    azl_stash_t *stash;

    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ck_assert_int_eq(azl_stash_create(&stash, azl_test_pool, size),
                     APR_SUCCESS);
    return stash;
}

/* Names as digests are: all their bits differ. */
static const unsigned char *name(apr_uint64_t number)
{
    apr_uint64_t *words = apr_palloc(azl_test_pool, AZL_STASH_NAME_LEN);

    words[0] = number * 0x9e3779b97f4a7c15u;
    words[1] = number * 0xc2b2ae3d27d4eb4fu;
    return (unsigned char *)words;
}

static azl_span_t text(apr_uint64_t number)
{
    return azl_span_str(apr_psprintf(
        azl_test_pool, "what is kept as number %" APR_UINT64_T_FMT, number));
}

static int has(azl_stash_t *stash, apr_uint64_t number, apr_time_t now)
{
    azl_span_t got = azl_stash_get(stash, azl_test_pool, name(number), now);

    if (!got.len) {
        return 0;
    }
    ck_assert(azl_span_is(got, text(number).at));
    return 1;
}

START_TEST(kept_and_given_back)
{
    azl_stash_t *stash = stash_of(SIZE);

    ck_assert(!has(stash, 1, NOW));
    azl_stash_put(stash, name(1), text(1), LATER);
    azl_stash_put(stash, name(2), text(2), LATER);
    ck_assert(has(stash, 1, NOW));
    ck_assert(has(stash, 2, NOW));
    ck_assert(!has(stash, 3, NOW));
}
END_TEST

START_TEST(for_a_time)
{
    azl_stash_t *stash = stash_of(SIZE);

    azl_stash_put(stash, name(1), text(1), LATER);
    ck_assert(has(stash, 1, LATER - 1));
    ck_assert(!has(stash, 1, LATER));
}
END_TEST

START_TEST(the_last_of_a_name_counts)
{
    azl_stash_t *stash = stash_of(SIZE);
    azl_span_t got;

    azl_stash_put(stash, name(1), azl_span_str("first"), LATER);
    azl_stash_put(stash, name(1), azl_span_str("second"), LATER);
    got = azl_stash_get(stash, azl_test_pool, name(1), NOW);
    ck_assert(azl_span_is(got, "second"));
}
END_TEST

/* Each fills a ring several times: what is there is right, the newest are
 * there, the oldest are not. */
START_TEST(the_newest_push_out_the_oldest)
{
    azl_stash_t *stash = stash_of(SIZE);
    apr_uint64_t i;
    int kept = 0;

    for (i = 1; i <= 5000; i++) {
        azl_stash_put(stash, name(i), text(i), LATER);
        ck_assert(has(stash, i, NOW));
    }
    for (i = 1; i <= 5000; i++) {
        kept += has(stash, i, NOW);
    }
    ck_assert(!has(stash, 1, NOW));
    ck_assert(has(stash, 4990, NOW));
    ck_assert_int_ge(kept, SIZE / 96 / 2);
    ck_assert_int_le(kept, SIZE / 64);
}
END_TEST

START_TEST(too_large)
{
    azl_stash_t *stash = stash_of(SIZE);
    char *large = apr_pcalloc(azl_test_pool, SIZE);

    memset(large, 'x', SIZE);
    azl_stash_put(stash, name(1), text(1), LATER);
    azl_stash_put(stash, name(2), azl_span(large, SIZE / 4), LATER);
    ck_assert_uint_eq(azl_stash_get(stash, azl_test_pool, name(2), NOW).len, 0);
    ck_assert(has(stash, 1, NOW));
}
END_TEST

/* Written in part by somebody who was killed: as if the bytes changed. */
START_TEST(torn)
{
    azl_stash_t *stash = stash_of(SIZE);
    char *ring;

    azl_stash_put(stash, name(1), text(1), LATER);
    ck_assert(has(stash, 1, NOW));
    ring = azl_stash_ring(stash);
    ring[AZL_STASH_HEAD + text(1).len - 1]++;
    ck_assert_uint_eq(azl_stash_get(stash, azl_test_pool, name(1), NOW).len, 0);
}
END_TEST

static int put_and_get(void *baton, int index)
{
    apr_pool_t *pool;
    int wrong = 0;
    apr_uint64_t i;

    apr_pool_create(&pool, NULL);
    for (i = 0; i < 3000; i++) {
        apr_uint64_t number = (apr_uint64_t)index * 100000 + i % 50 + 1;
        apr_uint64_t words[2] = {number * 0x9e3779b97f4a7c15u,
                                 number * 0xc2b2ae3d27d4eb4fu};
        const char *what =
            apr_psprintf(pool,
                         "number %" APR_UINT64_T_FMT " is long enough to "
                         "be torn",
                         number);
        azl_span_t got;

        azl_stash_put(baton, (unsigned char *)words, azl_span_str(what), LATER);
        got = azl_stash_get(baton, pool, (unsigned char *)words, NOW);
        wrong += got.len && !azl_span_is(got, what);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return wrong;
}

START_TEST(many_at_once)
{
    ck_assert_int_eq(crowd(THREADS, put_and_get, stash_of(8192)), 0);
}
END_TEST

TCase *azl_test_stash(void)
{
    TCase *tc = azl_test_tcase("stash");

    tcase_add_test(tc, kept_and_given_back);
    tcase_add_test(tc, for_a_time);
    tcase_add_test(tc, the_last_of_a_name_counts);
    tcase_add_test(tc, the_newest_push_out_the_oldest);
    tcase_add_test(tc, too_large);
    tcase_add_test(tc, torn);
    tcase_add_test(tc, many_at_once);
    return tc;
}
