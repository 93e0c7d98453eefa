#include <string.h>

#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_seal.h"

/*
 * What is behind "resp_", in base64url:
 *
 *     version (1) | nonce (12) | tag (16) | AES-256-GCM of the content
 *     content: deployment (8) | key (8) | upstream id
 *
 * The nonce is an HMAC of the content under a key of its own. The same content
 * thus has the same nonce and the same id, and two contents share a nonce only
 * if two 96-bit HMACs collide.
 */
#define SEAL_VERSION 1
#define HEAD_LEN (1 + AZL_GCM_IV_LEN + AZL_GCM_TAG_LEN)
#define PARTIES_LEN ((apr_size_t)2 * AZL_SEAL_FINGERPRINT_LEN)
#define UPSTREAM_ID_MAX 512

static const char prefix[] = "resp_";
#define PREFIX_LEN (sizeof(prefix) - 1)

/* One secret, two independent keys: the label tells them apart. */
static const char label_content[] = "azurelit response id: content";
static const char label_nonce[] = "azurelit response id: nonce";

struct azl_seal_t {
    unsigned char content_key[AZL_SHA256_LEN];
    unsigned char nonce_key[AZL_SHA256_LEN];
};

static apr_status_t seal_wipe(void *data)
{
    azl_crypto_wipe(data, sizeof(azl_seal_t));
    return APR_SUCCESS;
}

azl_seal_t *azl_seal_create(apr_pool_t *p, const void *secret, apr_size_t len)
{
    azl_seal_t *seal = apr_palloc(p, sizeof(*seal));

    if (azl_crypto_hmac_sha256(secret, len, label_content,
                               sizeof(label_content) - 1,
                               seal->content_key) != APR_SUCCESS ||
        azl_crypto_hmac_sha256(secret, len, label_nonce,
                               sizeof(label_nonce) - 1,
                               seal->nonce_key) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(p, seal, seal_wipe, apr_pool_cleanup_null);
    return seal;
}

const char *azl_seal_make(apr_pool_t *p, const azl_seal_t *seal,
                          const azl_sealed_t *what)
{
    unsigned char content[PARTIES_LEN + UPSTREAM_ID_MAX];
    unsigned char sealed[HEAD_LEN + sizeof(content)];
    unsigned char mac[AZL_SHA256_LEN];
    unsigned char *nonce = sealed + 1;
    unsigned char *tag = nonce + AZL_GCM_IV_LEN;
    apr_size_t id_len = what->upstream_id ? strlen(what->upstream_id) : 0;
    apr_size_t len = PARTIES_LEN + id_len;

    if (id_len == 0 || id_len > UPSTREAM_ID_MAX) {
        return NULL;
    }
    memcpy(content, what->deployment, AZL_SEAL_FINGERPRINT_LEN);
    memcpy(content + AZL_SEAL_FINGERPRINT_LEN, what->key,
           AZL_SEAL_FINGERPRINT_LEN);
    memcpy(content + PARTIES_LEN, what->upstream_id, id_len);

    sealed[0] = SEAL_VERSION;
    if (azl_crypto_hmac_sha256(seal->nonce_key, sizeof(seal->nonce_key),
                               content, len, mac) != APR_SUCCESS) {
        return NULL;
    }
    memcpy(nonce, mac, AZL_GCM_IV_LEN);
    if (azl_crypto_gcm_seal(seal->content_key, nonce, content, len,
                            sealed + HEAD_LEN, tag) != APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrcat(p, prefix,
                       azl_base64url_encode(p, sealed, HEAD_LEN + len), NULL);
}

apr_status_t azl_seal_open(apr_pool_t *p, const azl_seal_t *seal,
                           const char *id, azl_sealed_t *what)
{
    unsigned char content[PARTIES_LEN + UPSTREAM_ID_MAX];
    const unsigned char *sealed;
    apr_size_t id_len = strlen(id);
    apr_size_t len;

    /* A longer text cannot be ours; do not decode a megabyte to learn it. */
    if (id_len <= PREFIX_LEN || id_len > 2 * (HEAD_LEN + sizeof(content)) ||
        memcmp(id, prefix, PREFIX_LEN) != 0) {
        return APR_EINVAL;
    }
    sealed = azl_base64url_decode(
        p, azl_span(id + PREFIX_LEN, id_len - PREFIX_LEN), &len);
    if (!sealed || len <= HEAD_LEN + PARTIES_LEN ||
        len > HEAD_LEN + sizeof(content) || sealed[0] != SEAL_VERSION) {
        return APR_EINVAL;
    }
    len -= HEAD_LEN;
    if (azl_crypto_gcm_open(seal->content_key, sealed + 1, sealed + HEAD_LEN,
                            len, sealed + 1 + AZL_GCM_IV_LEN,
                            content) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    memcpy(what->deployment, content, AZL_SEAL_FINGERPRINT_LEN);
    memcpy(what->key, content + AZL_SEAL_FINGERPRINT_LEN,
           AZL_SEAL_FINGERPRINT_LEN);
    what->upstream_id =
        apr_pstrndup(p, (const char *)content + PARTIES_LEN, len - PARTIES_LEN);
    return APR_SUCCESS;
}
