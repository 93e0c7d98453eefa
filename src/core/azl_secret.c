#include "azl_secret.h"

#include <strings.h>

#include "azl_crypto.h"

struct azl_secret_t {
    /* Always '\0': whoever takes the whole for a text sees an empty one. */
    char nothing[sizeof(apr_size_t)];
    apr_size_t len;
    char bytes[]; /* and a NUL */
};

static apr_status_t wipe(void *data)
{
    azl_secret_t *secret = data;

    azl_crypto_wipe(secret->bytes, secret->len);
    return APR_SUCCESS;
}

static azl_secret_t *copy(apr_pool_t *p, azl_span_t bytes)
{
    azl_secret_t *secret = apr_palloc(p, sizeof(*secret) + bytes.len + 1);

    memset(secret->nothing, 0, sizeof(secret->nothing));
    secret->len = bytes.len;
    if (bytes.len) {
        memcpy(secret->bytes, bytes.at, bytes.len);
    }
    secret->bytes[bytes.len] = '\0';
    return secret;
}

const azl_secret_t *azl_secret_make(apr_pool_t *p, azl_span_t bytes)
{
    azl_secret_t *secret = copy(p, bytes);

    apr_pool_cleanup_register(p, secret, wipe, apr_pool_cleanup_null);
    return secret;
}

const azl_secret_t *azl_secret_str(apr_pool_t *p, const char *text)
{
    return text ? azl_secret_make(p, azl_span_str(text)) : NULL;
}

const azl_secret_t *azl_secret_lend(apr_pool_t *p, const azl_secret_t *secret)
{
    return secret ? copy(p, azl_span(secret->bytes, secret->len)) : NULL;
}

const char *azl_secret_reveal(const azl_secret_t *secret)
{
    return secret ? secret->bytes : NULL;
}

apr_size_t azl_secret_len(const azl_secret_t *secret)
{
    return secret ? secret->len : 0;
}

int azl_secret_is_in(const azl_secret_t *secret, azl_span_t word)
{
    apr_size_t i, len = azl_secret_len(secret);

    for (i = 0; len > 0 && i + len <= word.len; i++) {
        if (strncasecmp(word.at + i, secret->bytes, len) == 0) {
            return 1;
        }
    }
    return 0;
}
