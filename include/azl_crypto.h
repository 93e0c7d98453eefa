/*
 * azl_crypto: the facade of OpenSSL; src/core/azl_crypto.c is the only file
 * that includes it. Stateless but for algorithm handles fetched once per
 * process by azl_crypto_init().
 */
#ifndef AZL_CRYPTO_H
#define AZL_CRYPTO_H

#include <apr_pools.h>

#include "azl_span.h"

#define AZL_SHA256_LEN 32
#define AZL_GCM_IV_LEN 12
#define AZL_GCM_TAG_LEN 16

/* Fetch the algorithms; handles are freed with the pool. Must be called once
 * before anything else here, and may be called again (configuration is read
 * twice). */
apr_status_t azl_crypto_init(apr_pool_t *p);
apr_status_t azl_crypto_sha256(const void *data, apr_size_t len,
                               unsigned char out[AZL_SHA256_LEN]);
/* The same for what lies in pieces. */
apr_status_t azl_crypto_sha256_pieces(const azl_span_t *pieces, int npieces,
                                      unsigned char out[AZL_SHA256_LEN]);
apr_status_t azl_crypto_hmac_sha256(const void *key, apr_size_t key_len,
                                    const void *data, apr_size_t len,
                                    unsigned char out[AZL_SHA256_LEN]);
/* From the operating system's generator. */
apr_status_t azl_crypto_random(void *out, apr_size_t len);
/* 1 if equal; takes the same time wherever they differ. */
int azl_crypto_equal(const void *a, const void *b, apr_size_t len);
/* AES-256-GCM. `out` has room for len bytes. */
apr_status_t azl_crypto_gcm_seal(const unsigned char key[AZL_SHA256_LEN],
                                 const unsigned char iv[AZL_GCM_IV_LEN],
                                 const void *data, apr_size_t len,
                                 unsigned char *out,
                                 unsigned char tag[AZL_GCM_TAG_LEN]);
/* APR_EINVAL if the tag does not fit. */
apr_status_t azl_crypto_gcm_open(const unsigned char key[AZL_SHA256_LEN],
                                 const unsigned char iv[AZL_GCM_IV_LEN],
                                 const void *data, apr_size_t len,
                                 const unsigned char tag[AZL_GCM_TAG_LEN],
                                 unsigned char *out);
/* An RSA key that signs. */
typedef struct azl_crypto_rsa_t azl_crypto_rsa_t;
/* Read a private key in PEM (PKCS#8 or PKCS#1, without a password); it is
 * freed with the pool. APR_EINVAL if it is none, or of another kind. */
apr_status_t azl_crypto_rsa_read(apr_pool_t *p, azl_span_t pem,
                                 azl_crypto_rsa_t **key);
/* RS256: PKCS #1 v1.5 with SHA-256. One thread at a time. */
apr_status_t azl_crypto_rsa_sign(apr_pool_t *p, const azl_crypto_rsa_t *key,
                                 azl_span_t data, unsigned char **signature,
                                 apr_size_t *len);
/* Overwrite a secret so that the compiler keeps the writes. */
void azl_crypto_wipe(void *data, apr_size_t len);

/* Lower-case hex, NUL-terminated: out holds 2 * len + 1 bytes. */
void azl_hex_encode(const unsigned char *data, apr_size_t len, char *out);
/* 1 if `hex` is exactly 2 * len hex digits. */
int azl_hex_decode(azl_span_t hex, unsigned char *out, apr_size_t len);
/* base64url without padding (RFC 4648, section 5). */
char *azl_base64url_encode(apr_pool_t *p, const unsigned char *data,
                           apr_size_t len);
/* NULL if it is none. */
unsigned char *azl_base64url_decode(apr_pool_t *p, azl_span_t text,
                                    apr_size_t *len);

#endif /* AZL_CRYPTO_H */
