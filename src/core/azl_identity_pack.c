/*
 * What one process of httpd knows of a credential, as bytes for the others.
 * Both sides are the same program: numbers are as they lie in memory.
 */
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_identity_int.h"

/* The strings of a value. */
#define STRINGS 4

typedef struct packed_t {
    apr_time_t serial; /* 0: there is no value */
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
        text(id->authority), "\n", text(id->metadata), "\n", text(id->url),
        "\n", text(id->setup.vault_credential), "\n", text(id->setup.tls_ca),
        id->setup.tls_verify ? "\n1" : "\n0", NULL);

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

azl_span_t azl_identity_pack(const azl_identity_t *id, apr_pool_t *p)
{
    const char *strings[STRINGS];
    packed_t packed;
    apr_size_t len = sizeof(packed);
    char *out, *at;
    int i;

    memset(&packed, 0, sizeof(packed));
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

/* 1 if the lengths come to what is there, each with a NUL at its end. */
static int is_whole(const packed_t *packed, azl_span_t bytes)
{
    apr_size_t left = bytes.len - sizeof(*packed);
    const char *at = bytes.at + sizeof(*packed);
    int i;

    for (i = 0; i < STRINGS; i++) {
        apr_size_t len = packed->len[i];

        if (len > left || (len && at[len - 1])) {
            return 0;
        }
        at += len;
        left -= len;
    }
    return left == 0;
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

int azl_identity_unpack(azl_identity_t *id, azl_span_t bytes)
{
    azl_identity_value_t *value = NULL;
    packed_t packed;

    if (bytes.len < sizeof(packed)) {
        return 0;
    }
    memcpy(&packed, bytes.at, sizeof(packed));
    if (!is_whole(&packed, bytes)) {
        return 0;
    }
    if (packed.serial && packed.serial != id->serial) {
        value = read_value(&packed, bytes.at + sizeof(packed));
        id->serial = packed.serial;
    }
    id->due = packed.due;
    id->attempted = packed.attempted;
    id->calm = packed.calm;
    id->patience = packed.patience;
    azl_identity_put(id, value, packed.renew_at);
    return 1;
}
