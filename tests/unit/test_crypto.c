#include <limits.h>

#include "azl_crypto.h"
#include "azl_test.h"
#include "rsa_vectors.h"

static const char *hex(const unsigned char *data, apr_size_t len)
{
    char *out = apr_palloc(azl_test_pool, 2 * len + 1);

    azl_hex_encode(data, len, out);
    return out;
}

static const unsigned char *unhex(const char *text, apr_size_t *len)
{
    unsigned char *out = apr_palloc(azl_test_pool, strlen(text) / 2 + 1);

    *len = strlen(text) / 2;
    ck_assert_int_eq(azl_hex_decode(azl_span_str(text), out, *len), 1);
    return out;
}

static void start(void)
{
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
}

/* FIPS 180-4 examples, and the length of one of our keys. */
START_TEST(sha256_vectors)
{
    static const struct {
        const char *text;
        const char *digest;
    } t[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb924"
             "27ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223"
                "b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039"
         "a33ce45964ff2167f6ecedd419db06c1"},
    };
    unsigned char out[AZL_SHA256_LEN];
    apr_size_t i;

    start();
    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        ck_assert_int_eq(azl_crypto_sha256(t[i].text, strlen(t[i].text), out),
                         APR_SUCCESS);
        ck_assert_str_eq(hex(out, sizeof(out)), t[i].digest);
    }
}
END_TEST

/* RFC 4231, test cases 2 (short key) and 6 (key longer than a block). */
START_TEST(hmac_vectors)
{
    unsigned char out[AZL_SHA256_LEN];
    unsigned char key[131];
    static const char data2[] = "what do ya want for nothing?";
    static const char data6[] =
        "Test Using Larger Than Block-Size Key - Hash Key First";

    start();
    ck_assert_int_eq(
        azl_crypto_hmac_sha256("Jefe", 4, data2, sizeof(data2) - 1, out),
        APR_SUCCESS);
    ck_assert_str_eq(hex(out, sizeof(out)), "5bdcc146bf60754e6a042426089575c7"
                                            "5a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    ck_assert_int_eq(
        azl_crypto_hmac_sha256(key, sizeof(key), data6, sizeof(data6) - 1, out),
        APR_SUCCESS);
    ck_assert_str_eq(hex(out, sizeof(out)), "60e431591ee0b67f0d8a26aacbf5b77f"
                                            "8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

/* The GCM specification's test case 15 (256-bit key, 64 bytes). */
START_TEST(gcm_vector)
{
    apr_size_t len;
    const unsigned char *key = unhex("feffe9928665731c6d6a8f9467308308"
                                     "feffe9928665731c6d6a8f9467308308",
                                     &len);
    const unsigned char *iv = unhex("cafebabefacedbaddecaf888", &len);
    const unsigned char *text =
        unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd25"
              "5",
              &len);
    unsigned char sealed[64];
    unsigned char opened[64];
    unsigned char tag[AZL_GCM_TAG_LEN];

    start();
    ck_assert_uint_eq(len, 64);
    ck_assert_int_eq(azl_crypto_gcm_seal(key, iv, text, len, sealed, tag),
                     APR_SUCCESS);
    ck_assert_str_eq(
        hex(sealed, len),
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad");
    ck_assert_str_eq(hex(tag, sizeof(tag)), "b094dac5d93471bdec1a502270e3cc6c");
    ck_assert_int_eq(azl_crypto_gcm_open(key, iv, sealed, len, tag, opened),
                     APR_SUCCESS);
    ck_assert(memcmp(opened, text, len) == 0);
}
END_TEST

/* Any bit changed anywhere: refused, and nothing of the text left behind. */
START_TEST(gcm_refuses_changes)
{
    static const unsigned char zero[32];
    unsigned char key[AZL_SHA256_LEN] = {1};
    unsigned char iv[AZL_GCM_IV_LEN] = {2};
    unsigned char sealed[20];
    unsigned char out[20];
    unsigned char tag[AZL_GCM_TAG_LEN];
    unsigned char *parts[4];
    apr_size_t lens[4] = {sizeof(key), sizeof(iv), sizeof(sealed), sizeof(tag)};
    apr_size_t i, j;

    parts[0] = key;
    parts[1] = iv;
    parts[2] = sealed;
    parts[3] = tag;
    start();
    ck_assert_int_eq(
        azl_crypto_gcm_seal(key, iv, "twenty bytes of text", 20, sealed, tag),
        APR_SUCCESS);
    for (i = 0; i < 4; i++) {
        for (j = 0; j < lens[i]; j++) {
            parts[i][j] ^= 0x10;
            ck_assert_int_eq(
                azl_crypto_gcm_open(key, iv, sealed, sizeof(sealed), tag, out),
                APR_EINVAL);
            ck_assert(memcmp(out, zero, sizeof(out)) == 0);
            parts[i][j] ^= 0x10;
        }
    }
    ck_assert_int_eq(
        azl_crypto_gcm_open(key, iv, sealed, sizeof(sealed), tag, out),
        APR_SUCCESS);
}
END_TEST

/* OpenSSL counts in int: what does not fit is refused, not cut. */
START_TEST(too_long_is_refused)
{
    apr_size_t len = (apr_size_t)INT_MAX + 1;
    unsigned char b[AZL_SHA256_LEN] = {0};

    start();
    ck_assert_int_ne(azl_crypto_random(b, len), APR_SUCCESS);
    ck_assert_int_ne(azl_crypto_gcm_seal(b, b, b, len, b, b), APR_SUCCESS);
    ck_assert_int_ne(azl_crypto_gcm_open(b, b, b, len, b, b), APR_SUCCESS);
}
END_TEST

/* Configuration is read twice; the handles go with the last of its pools. */
START_TEST(init_counts_its_users)
{
    unsigned char out[AZL_SHA256_LEN] = {0};
    apr_pool_t *a, *b;

    ck_assert_int_ne(azl_crypto_sha256("x", 1, out), APR_SUCCESS);
    ck_assert_int_ne(azl_crypto_hmac_sha256("k", 1, "x", 1, out), APR_SUCCESS);
    ck_assert_int_ne(azl_crypto_gcm_seal(out, out, "x", 1, out, out),
                     APR_SUCCESS);
    ck_assert_int_ne(azl_crypto_gcm_open(out, out, "x", 1, out, out),
                     APR_SUCCESS);

    apr_pool_create(&a, azl_test_pool);
    apr_pool_create(&b, azl_test_pool);
    ck_assert_int_eq(azl_crypto_init(a), APR_SUCCESS);
    ck_assert_int_eq(azl_crypto_init(b), APR_SUCCESS);
    apr_pool_destroy(a);
    ck_assert_int_eq(azl_crypto_sha256("x", 1, out), APR_SUCCESS);
    apr_pool_destroy(b);
    ck_assert_int_ne(azl_crypto_sha256("x", 1, out), APR_SUCCESS);
    start();
    ck_assert_int_eq(azl_crypto_sha256("x", 1, out), APR_SUCCESS);
}
END_TEST

START_TEST(random_equal_wipe)
{
    static const unsigned char zero[32];
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};

    start();
    ck_assert_int_eq(azl_crypto_random(a, sizeof(a)), APR_SUCCESS);
    ck_assert_int_eq(azl_crypto_random(b, sizeof(b)), APR_SUCCESS);
    ck_assert_int_eq(azl_crypto_equal(a, b, sizeof(a)), 0);
    ck_assert_int_eq(azl_crypto_equal(a, a, sizeof(a)), 1);
    ck_assert_int_eq(azl_crypto_equal(a, zero, sizeof(a)), 0);
    azl_crypto_wipe(a, sizeof(a));
    ck_assert_int_eq(azl_crypto_equal(a, zero, sizeof(a)), 1);
}
END_TEST

/* Any one bit, in any word or in the bytes behind the last. */
START_TEST(equal_sees_every_bit)
{
    unsigned char a[20] = {0};
    unsigned char b[20] = {0};
    apr_size_t len, bit;

    for (len = 0; len <= sizeof(a); len++) {
        ck_assert_int_eq(azl_crypto_equal(a, b, len), 1);
        for (bit = 0; bit < 8 * sizeof(a); bit++) {
            b[bit / 8] ^= (unsigned char)(1 << bit % 8);
            ck_assert_int_eq(azl_crypto_equal(a, b, len), bit / 8 >= len);
            b[bit / 8] = 0;
        }
    }
}
END_TEST

START_TEST(hex_both_ways)
{
    static const unsigned char bytes[] = {0x00, 0x7f, 0x80, 0xff, 0x1a};
    unsigned char out[5];

    ck_assert_str_eq(hex(bytes, 5), "007f80ff1a");
    ck_assert_str_eq(hex(bytes, 0), "");
    ck_assert_int_eq(azl_hex_decode(azl_span_str("007F80fF1a"), out, 5), 1);
    ck_assert(memcmp(out, bytes, 5) == 0);
    ck_assert_int_eq(azl_hex_decode(azl_span_str("007F80fF1"), out, 5), 0);
    ck_assert_int_eq(azl_hex_decode(azl_span_str("007F80fF1a0"), out, 5), 0);
    ck_assert_int_eq(azl_hex_decode(azl_span_str("007F80fF1g"), out, 5), 0);
    ck_assert_int_eq(azl_hex_decode(azl_span_str("007F80fF:a"), out, 5), 0);
    ck_assert_int_eq(azl_hex_decode(azl_span_str("@07F80fF1a"), out, 5), 0);
    ck_assert_int_eq(azl_hex_decode(azl_span_str(""), out, 0), 1);
}
END_TEST

/* RFC 4648, section 10, in the alphabet of section 5, without padding. */
START_TEST(base64url_vectors)
{
    static const struct {
        const char *text;
        const char *encoded;
    } t[] = {{"", ""},
             {"f", "Zg"},
             {"fo", "Zm8"},
             {"foo", "Zm9v"},
             {"foob", "Zm9vYg"},
             {"fooba", "Zm9vYmE"},
             {"foobar", "Zm9vYmFy"},
             {"\xfb\xef\xff", "--__"}};
    apr_size_t i, len;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const unsigned char *data = (const unsigned char *)t[i].text;
        unsigned char *back;

        ck_assert_str_eq(
            azl_base64url_encode(azl_test_pool, data, strlen(t[i].text)),
            t[i].encoded);
        back = azl_base64url_decode(azl_test_pool, azl_span_str(t[i].encoded),
                                    &len);
        ck_assert_ptr_nonnull(back);
        ck_assert_uint_eq(len, strlen(t[i].text));
        ck_assert(memcmp(back, data, len) == 0);
    }
}
END_TEST

START_TEST(base64url_round_trip)
{
    unsigned char data[64];
    apr_size_t n, len;

    start();
    ck_assert_int_eq(azl_crypto_random(data, sizeof(data)), APR_SUCCESS);
    for (n = 0; n <= sizeof(data); n++) {
        const char *text = azl_base64url_encode(azl_test_pool, data, n);
        const char *exact = azl_test_exact(text, strlen(text));
        unsigned char *back = azl_base64url_decode(
            azl_test_pool, azl_span(exact, strlen(text)), &len);

        ck_assert_ptr_nonnull(back);
        ck_assert_uint_eq(len, n);
        ck_assert(memcmp(back, data, n) == 0);
    }
}
END_TEST

/* One text only stands for the same bytes: no padding, no stray bits. */
START_TEST(base64url_refuses)
{
    static const char *const bad[] = {"Z",     "Zg==", "Zm9v=", "Zm+v",  "Zm/v",
                                      "Zm9 v", "Zh",   "Zm9",   "Zm9vY", "Zm.v",
                                      "Zm[v",  "Zm{v", "Zm`v",  "Zm@v"};
    apr_size_t i, len;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(
            !azl_base64url_decode(azl_test_pool, azl_span_str(bad[i]), &len),
            "accepted: %s", bad[i]);
    }
}
END_TEST

START_TEST(rsa_vector)
{
    unsigned char *signature;
    azl_crypto_rsa_t *key;
    apr_size_t len;

    start();
    ck_assert_int_eq(
        azl_crypto_rsa_read(azl_test_pool, azl_span_str(RSA_KEY), &key),
        APR_SUCCESS);
    ck_assert_int_eq(azl_crypto_rsa_sign(azl_test_pool, key,
                                         azl_span_str(SIGNED_TEXT), &signature,
                                         &len),
                     APR_SUCCESS);
    ck_assert_str_eq(hex(signature, len), SIGNATURE);
}
END_TEST

START_TEST(keys_that_are_none)
{
    static const char *const texts[] = {
        "", "no key", "-----BEGIN PRIVATE KEY-----\n", EC_KEY, LOCKED_KEY,
    };
    azl_crypto_rsa_t *key;
    apr_size_t i;

    start();
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(
            azl_crypto_rsa_read(azl_test_pool, azl_span_str(texts[i]), &key),
            APR_EINVAL);
        ck_assert_ptr_null(key);
    }
    ck_assert_int_eq(
        azl_crypto_rsa_read(azl_test_pool,
                            azl_span(RSA_KEY, (apr_size_t)INT_MAX + 1), &key),
        APR_EINVAL);
}
END_TEST

TCase *azl_test_crypto(void)
{
    TCase *tc = azl_test_tcase("crypto");

    tcase_add_test(tc, sha256_vectors);
    tcase_add_test(tc, hmac_vectors);
    tcase_add_test(tc, gcm_vector);
    tcase_add_test(tc, gcm_refuses_changes);
    tcase_add_test(tc, too_long_is_refused);
    tcase_add_test(tc, rsa_vector);
    tcase_add_test(tc, keys_that_are_none);
    tcase_add_test(tc, init_counts_its_users);
    tcase_add_test(tc, random_equal_wipe);
    tcase_add_test(tc, equal_sees_every_bit);
    tcase_add_test(tc, hex_both_ways);
    tcase_add_test(tc, base64url_vectors);
    tcase_add_test(tc, base64url_round_trip);
    tcase_add_test(tc, base64url_refuses);
    return tc;
}
