#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "azl_crypto.h"

/*
 * Fetching by name takes a lock and a look through the providers on each use
 * (SHA-256 of a 70-byte key: 500 ns with SHA256(), 185 ns with a handle that
 * was fetched before). Once made the handles are only read, so request
 * threads share them; a spare context is taken and given back.
 */
static struct {
    int users; /* configurations that hold the handles */
    EVP_MD *sha256;
    EVP_MD_CTX *spare; /* of a digest that is done; NULL: somebody uses it */
    EVP_CIPHER *gcm;
    EVP_MAC *hmac;
    EVP_MAC_CTX *hmac_sha256; /* template: the digest is set, the key is not */
} algorithms;

static void algorithms_free(void)
{
    EVP_MAC_CTX_free(algorithms.hmac_sha256);
    EVP_MAC_free(algorithms.hmac);
    EVP_CIPHER_free(algorithms.gcm);
    EVP_MD_CTX_free(algorithms.spare);
    EVP_MD_free(algorithms.sha256);
    memset(&algorithms, 0, sizeof(algorithms));
}

static apr_status_t algorithms_release(void *unused)
{
    (void)unused;
    if (--algorithms.users == 0) {
        algorithms_free();
    }
    return APR_SUCCESS;
}

static apr_status_t algorithms_fetch(void)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[2];

    algorithms.sha256 = EVP_MD_fetch(NULL, digest, NULL);
    algorithms.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    algorithms.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!algorithms.sha256 || !algorithms.gcm || !algorithms.hmac) {
        return APR_ENOTIMPL;
    }
    algorithms.hmac_sha256 = EVP_MAC_CTX_new(algorithms.hmac);
    params[0] =
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[1] = OSSL_PARAM_construct_end();
    if (!algorithms.hmac_sha256 ||
        !EVP_MAC_CTX_set_params(algorithms.hmac_sha256, params)) {
        return APR_ENOTIMPL;
    }
    return APR_SUCCESS;
}

apr_status_t azl_crypto_init(apr_pool_t *p)
{
    apr_status_t rv;

    if (algorithms.users == 0) {
        rv = algorithms_fetch();
        if (rv != APR_SUCCESS) {
            algorithms_free();
            return rv;
        }
    }
    algorithms.users++;
    apr_pool_cleanup_register(p, NULL, algorithms_release,
                              apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* Making a context costs as much as a key's digest. One is kept for whoever
 * comes next; who comes at the same time makes one for themselves. */
static EVP_MD_CTX *take_context(void)
{
    EVP_MD_CTX *ctx =
        __atomic_exchange_n(&algorithms.spare, NULL, __ATOMIC_ACQUIRE);

    return ctx ? ctx : EVP_MD_CTX_new();
}

static void give_back(EVP_MD_CTX *ctx)
{
    EVP_MD_CTX_free(
        __atomic_exchange_n(&algorithms.spare, ctx, __ATOMIC_ACQ_REL));
}

apr_status_t azl_crypto_sha256(const void *data, apr_size_t len,
                               unsigned char out[AZL_SHA256_LEN])
{
    azl_span_t piece = azl_span(data, len);

    return azl_crypto_sha256_pieces(&piece, 1, out);
}

apr_status_t azl_crypto_sha256_pieces(const azl_span_t *pieces, int npieces,
                                      unsigned char out[AZL_SHA256_LEN])
{
    EVP_MD_CTX *ctx;
    int ok, i;

    if (!algorithms.sha256) {
        return APR_EGENERAL;
    }
    ctx = take_context();
    ok = ctx && EVP_DigestInit_ex2(ctx, algorithms.sha256, NULL);
    for (i = 0; ok && i < npieces; i++) {
        ok = EVP_DigestUpdate(ctx, pieces[i].at, pieces[i].len);
    }
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
    give_back(ctx);
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t azl_crypto_hmac_sha256(const void *key, apr_size_t key_len,
                                    const void *data, apr_size_t len,
                                    unsigned char out[AZL_SHA256_LEN])
{
    EVP_MAC_CTX *ctx;
    size_t out_len = 0;
    int ok;

    if (!algorithms.hmac_sha256) {
        return APR_EGENERAL;
    }
    ctx = EVP_MAC_CTX_dup(algorithms.hmac_sha256);
    ok = ctx && EVP_MAC_init(ctx, key, key_len, NULL) &&
         EVP_MAC_update(ctx, data, len) &&
         EVP_MAC_final(ctx, out, &out_len, AZL_SHA256_LEN) &&
         out_len == AZL_SHA256_LEN;
    EVP_MAC_CTX_free(ctx);
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t azl_crypto_random(void *out, apr_size_t len)
{
    if (len > INT_MAX || RAND_bytes(out, (int)len) != 1) {
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

/* CRYPTO_memcmp() goes byte by byte, and each request compares its key's
 * digest with several. Words take the same time whatever is in them; the empty
 * assembler statement keeps the compiler from stopping at the first that
 * differs. */
int azl_crypto_equal(const void *a, const void *b, apr_size_t len)
{
    const unsigned char *left = a, *right = b;
    apr_uint64_t x, y, differs = 0;

    for (; len >= sizeof(x); len -= sizeof(x)) {
        memcpy(&x, left, sizeof(x));
        memcpy(&y, right, sizeof(y));
        differs |= x ^ y;
        __asm__("" : "+r"(differs));
        left += sizeof(x);
        right += sizeof(y);
    }
    differs |= (apr_uint64_t)CRYPTO_memcmp(left, right, len);
    return differs == 0;
}

apr_status_t azl_crypto_gcm_seal(const unsigned char key[AZL_SHA256_LEN],
                                 const unsigned char iv[AZL_GCM_IV_LEN],
                                 const void *data, apr_size_t len,
                                 unsigned char *out,
                                 unsigned char tag[AZL_GCM_TAG_LEN])
{
    EVP_CIPHER_CTX *ctx;
    int n = 0;
    int ok;

    if (!algorithms.gcm || len > INT_MAX) {
        return APR_EGENERAL;
    }
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx && EVP_EncryptInit_ex2(ctx, algorithms.gcm, key, iv, NULL) &&
         EVP_EncryptUpdate(ctx, out, &n, data, (int)len) &&
         EVP_EncryptFinal_ex(ctx, out + n, &n) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AZL_GCM_TAG_LEN, tag);
    EVP_CIPHER_CTX_free(ctx);
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t azl_crypto_gcm_open(const unsigned char key[AZL_SHA256_LEN],
                                 const unsigned char iv[AZL_GCM_IV_LEN],
                                 const void *data, apr_size_t len,
                                 const unsigned char tag[AZL_GCM_TAG_LEN],
                                 unsigned char *out)
{
    unsigned char expected[AZL_GCM_TAG_LEN];
    EVP_CIPHER_CTX *ctx;
    int n = 0;
    int ok;

    if (!algorithms.gcm || len > INT_MAX) {
        return APR_EGENERAL;
    }
    memcpy(expected, tag, sizeof(expected));
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx && EVP_DecryptInit_ex2(ctx, algorithms.gcm, key, iv, NULL) &&
         EVP_DecryptUpdate(ctx, out, &n, data, (int)len) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AZL_GCM_TAG_LEN,
                             expected);
    if (!ok) {
        EVP_CIPHER_CTX_free(ctx);
        return APR_EGENERAL;
    }
    ok = EVP_DecryptFinal_ex(ctx, out + n, &n) > 0;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        /* What did not authenticate is nobody's business. */
        azl_crypto_wipe(out, len);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

struct azl_crypto_rsa_t {
    EVP_PKEY *pkey;
};

/* OpenSSL would ask at the terminal. */
static int no_password(char *buf, int size, int writing, void *baton)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)baton;
    return -1;
}

static apr_status_t rsa_free(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

apr_status_t azl_crypto_rsa_read(apr_pool_t *p, azl_span_t pem,
                                 azl_crypto_rsa_t **key)
{
    EVP_PKEY *pkey = NULL;
    BIO *bio;

    *key = NULL;
    if (pem.len > INT_MAX) {
        return APR_EINVAL;
    }
    bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    if (bio) {
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
        BIO_free(bio);
    }
    /* what it says of a key that is none is not for whoever looks next */
    ERR_clear_error();
    if (!pkey || !EVP_PKEY_is_a(pkey, "RSA")) {
        EVP_PKEY_free(pkey);
        return APR_EINVAL;
    }
    *key = apr_palloc(p, sizeof(**key));
    (*key)->pkey = pkey;
    apr_pool_cleanup_register(p, pkey, rsa_free, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

apr_status_t azl_crypto_rsa_sign(apr_pool_t *p, const azl_crypto_rsa_t *key,
                                 azl_span_t data, unsigned char **signature,
                                 apr_size_t *len)
{
    size_t n = (size_t)EVP_PKEY_get_size(key->pkey);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok;

    *signature = apr_palloc(p, n);
    ok = ctx &&
         EVP_DigestSignInit(ctx, NULL, algorithms.sha256, NULL, key->pkey) &&
         EVP_DigestSign(ctx, *signature, &n, (const unsigned char *)data.at,
                        data.len) > 0;
    EVP_MD_CTX_free(ctx);
    *len = n;
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

void azl_crypto_wipe(void *data, apr_size_t len)
{
    OPENSSL_cleanse(data, len);
}

void azl_hex_encode(const unsigned char *data, apr_size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    apr_size_t i;

    for (i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int azl_hex_decode(azl_span_t hex, unsigned char *out, apr_size_t len)
{
    apr_size_t i;
    int high, low;

    if (hex.len != 2 * len) {
        return 0;
    }
    for (i = 0; i < len; i++) {
        high = hex_digit(hex.at[2 * i]);
        low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        out[i] = (unsigned char)(high << 4 | low);
    }
    return 1;
}

char *azl_base64url_encode(apr_pool_t *p, const unsigned char *data,
                           apr_size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
    char *out = apr_palloc(p, (len + 2) / 3 * 4 + 1);
    char *at = out;
    unsigned int bits;
    apr_size_t i;

    for (i = 0; i + 2 < len; i += 3) {
        bits =
            (unsigned)data[i] << 16 | (unsigned)data[i + 1] << 8 | data[i + 2];
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        *at++ = digits[bits >> 6 & 63];
        *at++ = digits[bits & 63];
    }
    if (i < len) {
        bits = (unsigned)data[i] << 16;
        if (i + 1 < len) {
            bits |= (unsigned)data[i + 1] << 8;
        }
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        if (i + 1 < len) {
            *at++ = digits[bits >> 6 & 63];
        }
    }
    *at = '\0';
    return out;
}

static int base64url_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '-') {
        return 62;
    }
    return c == '_' ? 63 : -1;
}

unsigned char *azl_base64url_decode(apr_pool_t *p, azl_span_t text,
                                    apr_size_t *len)
{
    unsigned char *out = apr_palloc(p, text.len / 4 * 3 + 3);
    unsigned int bits = 0;
    int have = 0;
    int digit;
    apr_size_t i;
    apr_size_t n = 0;

    for (i = 0; i < text.len; i++) {
        digit = base64url_digit(text.at[i]);
        if (digit < 0) {
            return NULL;
        }
        bits = bits << 6 | (unsigned)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (unsigned char)(bits >> have & 255);
        }
    }
    /* A lone last digit, or bits that belong to no byte: one text only may
     * stand for the same bytes. */
    if (have >= 6 || (bits & ((1u << have) - 1)) != 0) {
        return NULL;
    }
    *len = n;
    return out;
}
