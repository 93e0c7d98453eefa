#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_seal.h"
#include "azl_test.h"

static azl_seal_t *seal_with(const char *secret)
{
    azl_seal_t *seal;

    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    seal = azl_seal_create(azl_test_pool, secret, strlen(secret));
    ck_assert_ptr_nonnull(seal);
    return seal;
}

static azl_sealed_t example(const char *upstream_id)
{
    azl_sealed_t what;

    memcpy(what.deployment, "\0deploy\xff", AZL_SEAL_FINGERPRINT_LEN);
    memcpy(what.key, "KEYKEY\0\x80", AZL_SEAL_FINGERPRINT_LEN);
    what.upstream_id = upstream_id;
    return what;
}

START_TEST(opens_what_it_made)
{
    azl_seal_t *seal = seal_with("configuration");
    apr_size_t len;

    for (len = 1; len <= 512; len++) {
        azl_sealed_t what = example(azl_test_repeat("x", len));
        azl_sealed_t back;
        const char *id = azl_seal_make(azl_test_pool, seal, &what);

        ck_assert_ptr_nonnull(id);
        ck_assert_int_eq(azl_seal_open(azl_test_pool, seal, id, &back),
                         APR_SUCCESS);
        ck_assert_str_eq(back.upstream_id, what.upstream_id);
        ck_assert(memcmp(back.deployment, what.deployment, 8) == 0);
        ck_assert(memcmp(back.key, what.key, 8) == 0);
    }
}
END_TEST

START_TEST(shape)
{
    azl_sealed_t what = example("resp_68e9a0aa");
    const char *id =
        azl_seal_make(azl_test_pool, seal_with("configuration"), &what);

    ck_assert(strncmp(id, "resp_", 5) == 0);
    ck_assert_uint_eq(
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789-_"),
        strlen(id));
    ck_assert_ptr_null(strstr(id + 5, "68e9a0aa"));
}
END_TEST

/* Ids live as long as the responses at the upstream, longer than a release of
 * ours. Worked out with Python's hmac and cryptography from the description in
 * azl_seal.c. */
START_TEST(known_answer)
{
    azl_sealed_t what = example("resp_68e9a0aa");
    const char *known = apr_pstrcat(
        azl_test_pool, "resp_AUbv2okVgTCBUz", "__", "wWoU-jdOzHkfls762O8dR7k4",
        "h7kTUkB2f9u7RWJzGU38lYgJq9klX98cvamQHg", NULL);

    ck_assert_str_eq(
        azl_seal_make(azl_test_pool, seal_with("configuration"), &what), known);
}
END_TEST

/* A stream repeats the id in each event, and another process makes it too. */
START_TEST(same_content_same_id)
{
    azl_sealed_t what = example("resp_1");
    azl_sealed_t other = example("resp_2");
    const char *id = azl_seal_make(azl_test_pool, seal_with("a"), &what);

    ck_assert_str_eq(azl_seal_make(azl_test_pool, seal_with("a"), &what), id);
    ck_assert_str_ne(azl_seal_make(azl_test_pool, seal_with("b"), &what), id);
    ck_assert_str_ne(azl_seal_make(azl_test_pool, seal_with("a"), &other), id);
    other = what;
    other.key[7] ^= 1;
    ck_assert_str_ne(azl_seal_make(azl_test_pool, seal_with("a"), &other), id);
    other = what;
    other.deployment[0] ^= 1;
    ck_assert_str_ne(azl_seal_make(azl_test_pool, seal_with("a"), &other), id);
}
END_TEST

START_TEST(needs_an_id_that_fits)
{
    azl_seal_t *seal = seal_with("configuration");
    azl_sealed_t what = example(NULL);

    ck_assert_ptr_null(azl_seal_make(azl_test_pool, seal, &what));
    what.upstream_id = "";
    ck_assert_ptr_null(azl_seal_make(azl_test_pool, seal, &what));
    what.upstream_id = azl_test_repeat("x", 513);
    ck_assert_ptr_null(azl_seal_make(azl_test_pool, seal, &what));
}
END_TEST

START_TEST(another_secret_opens_nothing)
{
    azl_sealed_t what = example("resp_1");
    azl_sealed_t back;
    const char *id = azl_seal_make(azl_test_pool, seal_with("a"), &what);

    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal_with("b"), id, &back),
                     APR_EINVAL);
}
END_TEST

START_TEST(refuses_any_change)
{
    azl_seal_t *seal = seal_with("configuration");
    azl_sealed_t what = example("resp_68e9a0aa");
    azl_sealed_t back;
    char *id =
        apr_pstrdup(azl_test_pool, azl_seal_make(azl_test_pool, seal, &what));
    apr_size_t len = strlen(id);
    apr_size_t i;

    for (i = 0; i < len; i++) {
        char kept = id[i];

        id[i] = kept == 'A' ? 'B' : 'A';
        ck_assert_msg(azl_seal_open(azl_test_pool, seal, id, &back) ==
                          APR_EINVAL,
                      "changed at %d", (int)i);
        id[i] = kept;
    }
    for (i = 0; i < len; i++) {
        ck_assert_int_eq(azl_seal_open(azl_test_pool, seal,
                                       apr_pstrndup(azl_test_pool, id, i),
                                       &back),
                         APR_EINVAL);
    }
    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal,
                                   apr_pstrcat(azl_test_pool, id, "A", NULL),
                                   &back),
                     APR_EINVAL);
    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal, id, &back),
                     APR_SUCCESS);
}
END_TEST

START_TEST(refuses_what_was_never_ours)
{
    static const char *const bad[] = {
        "",
        "resp",
        "resp_",
        "resp_A",
        "resp_68e9a0aa00000000",
        "chatcmpl-123",
        "resp_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    azl_seal_t *seal = seal_with("configuration");
    azl_sealed_t back;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(azl_seal_open(azl_test_pool, seal, bad[i], &back) ==
                          APR_EINVAL,
                      "opened %s", bad[i]);
    }
    /* Long enough, but nobody sealed it; and of another version. */
    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal,
                                   apr_pstrcat(azl_test_pool, "resp_AQ",
                                               azl_test_repeat("A", 62), NULL),
                                   &back),
                     APR_EINVAL);
    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal,
                                   apr_pstrcat(azl_test_pool, "resp_Ag",
                                               azl_test_repeat("A", 62), NULL),
                                   &back),
                     APR_EINVAL);
    /* Longer than any of ours, below and above the length that is decoded. */
    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal,
                                   apr_pstrcat(azl_test_pool, "resp_A",
                                               azl_test_repeat("Q", 803), NULL),
                                   &back),
                     APR_EINVAL);
    ck_assert_int_eq(
        azl_seal_open(azl_test_pool, seal,
                      apr_pstrcat(azl_test_pool, "resp_A",
                                  azl_test_repeat("Q", 100003), NULL),
                      &back),
        APR_EINVAL);
}
END_TEST

START_TEST(no_crypto_no_id)
{
    azl_sealed_t what = example("resp_1");
    azl_sealed_t back;
    const char *id;
    azl_seal_t *seal;
    apr_pool_t *p;

    ck_assert_ptr_null(azl_seal_create(azl_test_pool, "a", 1));
    apr_pool_create(&p, azl_test_pool);
    ck_assert_int_eq(azl_crypto_init(p), APR_SUCCESS);
    seal = azl_seal_create(azl_test_pool, "a", 1);
    id = azl_seal_make(azl_test_pool, seal, &what);
    ck_assert_ptr_nonnull(id);
    apr_pool_destroy(p);
    ck_assert_ptr_null(azl_seal_make(azl_test_pool, seal, &what));
    ck_assert_int_eq(azl_seal_open(azl_test_pool, seal, id, &back), APR_EINVAL);
}
END_TEST

TCase *azl_test_seal(void)
{
    TCase *tc = azl_test_tcase("seal");

    tcase_add_test(tc, opens_what_it_made);
    tcase_add_test(tc, shape);
    tcase_add_test(tc, known_answer);
    tcase_add_test(tc, same_content_same_id);
    tcase_add_test(tc, needs_an_id_that_fits);
    tcase_add_test(tc, another_secret_opens_nothing);
    tcase_add_test(tc, refuses_any_change);
    tcase_add_test(tc, refuses_what_was_never_ours);
    tcase_add_test(tc, no_crypto_no_id);
    return tc;
}
