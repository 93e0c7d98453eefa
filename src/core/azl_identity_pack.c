/*
 * What one process of httpd knows of a credential, as bytes for the others.
 * Both sides are the same program: numbers are as they lie in memory.
 */
#include <apr_escape.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_identity_int.h"

/* The strings of a value. */
#define STRINGS 4

typedef struct packed_t {
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN]; /* whose it is */
    apr_time_t serial;                            /* 0: there is no value */
    apr_time_t expires;
    apr_time_t due;
    apr_time_t attempted;
    apr_time_t renew_at;
    apr_interval_time_t calm;
    apr_interval_time_t patience;
    apr_uint32_t len[STRINGS]; /* with the NUL; 0: NULL */
} packed_t;

int azl_identity_shares(const azl_identity_t *id)
{
    return id->kind->remote;
}

static const char *text(const char *value)
{
    return value ? value : "";
}

void azl_identity_name(const azl_identity_t *id, apr_pool_t *p,
                       unsigned char name[AZL_SEAL_FINGERPRINT_LEN])
{
    unsigned char digest[AZL_SHA256_LEN];
    const char *all = apr_pstrcat(
        p, id->kind->name, "\n", id->setup.source, "\n", text(id->scope), "\n",
        text(id->client), "\n", text(id->authority), "\n", text(id->metadata),
        "\n", text(id->url), "\n", text(id->setup.vault_credential), "\n",
        text(id->setup.tls_ca), id->setup.tls_verify ? "\n1" : "\n0", NULL);

    if (id->inner) {
        azl_identity_name(id->inner, p, name);
        all = apr_pstrcat(p, all, "\n",
                          apr_pescape_hex(p, name, AZL_SEAL_FINGERPRINT_LEN, 0),
                          NULL);
    }
    azl_crypto_sha256(all, strlen(all), digest);
    memcpy(name, digest, AZL_SEAL_FINGERPRINT_LEN);
}

const char *azl_identity_provider(const azl_identity_t *id, apr_pool_t *p)
{
    const char *url = id->url ? id->url : id->authority;

    url = url ? url : text(id->metadata);
    return apr_pstrmemdup(p, url, azl_identity_origin(url));
}

static void list_strings(const azl_identity_value_t *value,
                         const char *strings[STRINGS])
{
    strings[0] = value ? azl_secret_reveal(value->bearer) : NULL;
    strings[1] = value ? value->aws.id : NULL;
    strings[2] = value ? azl_secret_reveal(value->aws.secret) : NULL;
    strings[3] = value ? azl_secret_reveal(value->aws.token) : NULL;
}

/* The credential alone, without who asks the vault for it. */
static azl_span_t pack_one(const azl_identity_t *id, apr_pool_t *p)
{
    const char *strings[STRINGS];
    packed_t packed;
    apr_size_t len = sizeof(packed);
    char *out, *at;
    int i;

    memset(&packed, 0, sizeof(packed));
    azl_identity_name(id, p, packed.name);
    packed.serial = id->value ? id->serial : 0;
    packed.expires = id->value ? id->value->expires : 0;
    packed.due = id->due;
    packed.attempted = id->attempted;
    packed.renew_at = id->renew_at;
    packed.calm = id->calm;
    packed.patience = id->patience;
    list_strings(id->value, strings);
    for (i = 0; i < STRINGS; i++) {
        packed.len[i] = strings[i] ? (apr_uint32_t)strlen(strings[i]) + 1 : 0;
        len += packed.len[i];
    }
    at = out = apr_palloc(p, len);
    memcpy(at, &packed, sizeof(packed));
    at += sizeof(packed);
    for (i = 0; i < STRINGS; i++) {
        if (strings[i]) {
            memcpy(at, strings[i], packed.len[i]);
            at += packed.len[i];
        }
    }
    return azl_span(out, len);
}

azl_span_t azl_identity_pack(const azl_identity_t *id, apr_pool_t *p)
{
    azl_span_t own = pack_one(id, p), inner;
    char *both;

    if (!id->inner) {
        return own;
    }
    inner = pack_one(id->inner, p);
    both = apr_palloc(p, own.len + inner.len);
    memcpy(both, own.at, own.len);
    memcpy(both + own.len, inner.at, inner.len);
    azl_crypto_wipe((char *)own.at, own.len);
    azl_crypto_wipe((char *)inner.at, inner.len);
    return azl_span(both, own.len + inner.len);
}

/* How many bytes are one credential, by lengths that come to no more than what
 * is there, each string with a NUL at its end. 0: that is none of this one. */
static apr_size_t length_of(const azl_identity_t *id, apr_pool_t *p,
                            azl_span_t bytes, packed_t *packed)
{
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN];
    apr_size_t len = sizeof(*packed);
    int i;

    if (bytes.len < len) {
        return 0;
    }
    memcpy(packed, bytes.at, len);
    azl_identity_name(id, p, name);
    if (memcmp(packed->name, name, sizeof(name)) != 0) {
        return 0;
    }
    for (i = 0; i < STRINGS; i++) {
        apr_size_t n = packed->len[i];

        if (n > bytes.len - len || (n && bytes.at[len + n - 1])) {
            return 0;
        }
        len += n;
    }
    return len;
}

static azl_identity_value_t *read_value(const packed_t *packed, const char *at)
{
    azl_identity_value_t *value = azl_identity_value();
    const char *strings[STRINGS];
    int i;

    value->expires = packed->expires;
    for (i = 0; i < STRINGS; i++) {
        strings[i] = packed->len[i] ? at : NULL;
        at += packed->len[i];
    }
    value->bearer = azl_secret_str(value->pool, strings[0]);
    value->aws.id = apr_pstrdup(value->pool, strings[1]);
    value->aws.secret = azl_secret_str(value->pool, strings[2]);
    value->aws.token = azl_secret_str(value->pool, strings[3]);
    return value;
}

static void take(azl_identity_t *id, const packed_t *packed, const char *at)
{
    azl_identity_value_t *value = NULL;

    if (packed->serial && packed->serial != id->serial) {
        value = read_value(packed, at + sizeof(*packed));
        id->serial = packed->serial;
    }
    id->due = packed->due;
    id->attempted = packed->attempted;
    id->calm = packed->calm;
    id->patience = packed->patience;
    azl_identity_put(id, value, packed->renew_at);
}

int azl_identity_unpack(azl_identity_t *id, apr_pool_t *p, azl_span_t bytes)
{
    packed_t own, inner;
    apr_size_t len = length_of(id, p, bytes, &own);
    azl_span_t rest;

    if (!len) {
        return 0;
    }
    rest = azl_span(bytes.at + len, bytes.len - len);
    if (id->inner) {
        len = length_of(id->inner, p, rest, &inner);
        if (!len || len != rest.len) {
            return 0;
        }
        take(id->inner, &inner, rest.at);
    }
    else if (rest.len) {
        return 0;
    }
    take(id, &own, bytes.at);
    return 1;
}
