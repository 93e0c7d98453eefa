/*
 * azl_sigv4: AWS's Signature Version 4.
 *
 * A canonical form of the request is hashed, the hash signed with a key that
 * is derived from the secret for one day, region and service. AWS makes the
 * same form of what it receives: what the two see differently is a 403.
 */
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_sigv4.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define HEX_LEN (2 * AZL_SHA256_LEN + 1)
/* "20261121T093000Z", of which the first 8 are the day. */
#define MOMENT_LEN 17
#define DAY_LEN 8

typedef struct header_t {
    const char *name; /* in lower case */
    const char *value;
} header_t;

static void write_moment(apr_time_t now, char out[MOMENT_LEN])
{
    apr_time_exp_t t;
    apr_size_t len;

    apr_time_exp_gmt(&t, now);
    apr_strftime(out, &len, MOMENT_LEN, "%Y%m%dT%H%M%SZ", &t);
}

static int is_unreserved(char c)
{
    return apr_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Percent-encode all but unreserved characters and those in `kept`. */
static const char *encode(apr_pool_t *p, const char *text, const char *kept)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, 3 * strlen(text) + 1);
    char *to = out;

    for (; *text; text++) {
        if (is_unreserved(*text) || strchr(kept, *text)) {
            *to++ = *text;
        }
        else {
            *to++ = '%';
            *to++ = hex[(unsigned char)*text >> 4];
            *to++ = hex[(unsigned char)*text & 0xf];
        }
    }
    *to = '\0';
    return out;
}

/* Without ".", ".." and empty segments. */
static const char *normalise(apr_pool_t *p, const char *path)
{
    apr_size_t len = strlen(path);
    char *out = apr_palloc(p, len + 2);
    char *to = out;
    int slash = 0;

    while (*path) {
        apr_size_t n = strcspn(path, "/");

        if (n == 2 && memcmp(path, "..", n) == 0) {
            while (to > out && *--to != '/') {
            }
        }
        else if (n && (n != 1 || *path != '.')) {
            *to++ = '/';
            memcpy(to, path, n);
            to += n;
        }
        slash = path[n] == '/';
        path += n + (apr_size_t)slash;
    }
    if (to == out || slash) {
        *to++ = '/';
    }
    *to = '\0';
    return out;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The members of the query in order. A character that should have been encoded
 * is, as the other side does it. */
static const char *canonical_query(apr_pool_t *p, const char *query)
{
    apr_array_header_t *members = apr_array_make(p, 4, sizeof(const char *));
    char *text = apr_pstrdup(p, query ? query : "");
    char *state, *member;
    int i;

    for (member = apr_strtok(text, "&", &state); member;
         member = apr_strtok(NULL, "&", &state)) {
        const char *one = encode(p, member, "%=");

        /* names before values: "a=" sorts before "a-b=" */
        APR_ARRAY_PUSH(members, const char *) =
            strchr(one, '=') ? one : apr_pstrcat(p, one, "=", NULL);
    }
    for (i = 0; i < members->nelts; i++) {
        *strchr(APR_ARRAY_IDX(members, i, char *), '=') = '\1';
    }
    qsort(members->elts, (size_t)members->nelts, sizeof(const char *), by_text);
    for (i = 0; i < members->nelts; i++) {
        *strchr(APR_ARRAY_IDX(members, i, char *), '\1') = '=';
    }
    return apr_array_pstrcat(p, members, '&');
}

/* Without blanks around it, and with one for each run of them inside. */
static const char *trim(apr_pool_t *p, const char *value)
{
    char *out = apr_palloc(p, strlen(value) + 1);
    char *to = out;

    for (; *value; value++) {
        if (!apr_isspace(*value)) {
            *to++ = *value;
        }
        else if (to > out && to[-1] != ' ') {
            *to++ = ' ';
        }
    }
    if (to > out && to[-1] == ' ') {
        to--;
    }
    *to = '\0';
    return out;
}

static void add_header(apr_pool_t *p, apr_array_header_t *list,
                       const char *name, const char *value)
{
    header_t *h = apr_array_push(list);
    char *lower = apr_pstrdup(p, name);
    char *at;

    for (at = lower; *at; at++) {
        *at = (char)apr_tolower(*at);
    }
    h->name = lower;
    h->value = trim(p, value);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const header_t *)a)->name, ((const header_t *)b)->name);
}

static apr_array_header_t *list_headers(apr_pool_t *p, const azl_sigv4_t *what,
                                        const azl_aws_key_t *key,
                                        const char *moment)
{
    apr_array_header_t *list = apr_array_make(p, 8, sizeof(header_t));

    add_header(p, list, "host", what->host);
    add_header(p, list, "x-amz-date", moment);
    if (key->token) {
        add_header(p, list, "x-amz-security-token",
                   azl_secret_reveal(key->token));
    }
    if (what->headers) {
        const apr_array_header_t *more = apr_table_elts(what->headers);
        const apr_table_entry_t *e = (const void *)more->elts;
        int i;

        for (i = 0; i < more->nelts; i++) {
            add_header(p, list, e[i].key, e[i].val);
        }
    }
    qsort(list->elts, (size_t)list->nelts, sizeof(header_t), by_name);
    return list;
}

static apr_status_t hash_body(const azl_sigv4_t *what, char hex[HEX_LEN])
{
    unsigned char digest[AZL_SHA256_LEN];
    apr_status_t rv =
        azl_crypto_sha256_pieces(what->body, what->npieces, digest);

    azl_hex_encode(digest, sizeof(digest), hex);
    return rv;
}

static apr_status_t make_canonical(apr_pool_t *p, const azl_sigv4_t *what,
                                   const azl_aws_key_t *key, const char *moment,
                                   const char **text, const char **names)
{
    apr_array_header_t *list = list_headers(p, what, key, moment);
    const char *headers = "";
    char body[HEX_LEN];
    apr_status_t rv = hash_body(what, body);
    int i;

    *names = "";
    for (i = 0; i < list->nelts; i++) {
        const header_t *h = &APR_ARRAY_IDX(list, i, header_t);

        headers = apr_pstrcat(p, headers, h->name, ":", h->value, "\n", NULL);
        *names = apr_pstrcat(p, *names, i ? ";" : "", h->name, NULL);
    }
    /* The path is encoded once more than it is on the wire. */
    *text =
        apr_pstrcat(p, what->method, "\n",
                    encode(p, normalise(p, what->path ? what->path : ""), "/"),
                    "\n", canonical_query(p, what->query), "\n", headers, "\n",
                    *names, "\n", body, NULL);
    return rv;
}

apr_status_t azl_sigv4_canonical(apr_pool_t *p, const azl_sigv4_t *what,
                                 const azl_aws_key_t *key, apr_time_t now,
                                 const char **text, const char **signed_headers)
{
    char moment[MOMENT_LEN];

    write_moment(now, moment);
    return make_canonical(p, what, key, moment, text, signed_headers);
}

/* The key of a day, a region and a service, and with it the signature. */
static apr_status_t sign_text(const azl_sigv4_t *what, const char *day,
                              const char *secret, const char *text,
                              char hex[HEX_LEN])
{
    const char *const steps[] = {day, what->region, what->service, TERMINATOR,
                                 text};
    unsigned char mac[AZL_SHA256_LEN];
    const void *with = secret;
    apr_size_t len = strlen(secret);
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; rv == APR_SUCCESS && i < sizeof(steps) / sizeof(steps[0]);
         i++) {
        rv = azl_crypto_hmac_sha256(with, len, steps[i], strlen(steps[i]), mac);
        with = mac;
        len = sizeof(mac);
    }
    azl_hex_encode(mac, sizeof(mac), hex);
    azl_crypto_wipe(mac, sizeof(mac));
    return rv;
}

apr_status_t azl_sigv4_sign(apr_pool_t *p, const azl_sigv4_t *what,
                            const azl_aws_key_t *key, apr_time_t now,
                            apr_table_t *out)
{
    const char *canonical, *names, *scope, *text;
    unsigned char digest[AZL_SHA256_LEN];
    char hex[HEX_LEN], moment[MOMENT_LEN];
    const char *day;
    char *secret;
    apr_status_t rv;

    write_moment(now, moment);
    day = apr_pstrmemdup(p, moment, DAY_LEN);
    rv = make_canonical(p, what, key, moment, &canonical, &names);
    if (rv == APR_SUCCESS) {
        rv = azl_crypto_sha256(canonical, strlen(canonical), digest);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    azl_hex_encode(digest, sizeof(digest), hex);
    scope = apr_pstrcat(p, day, "/", what->region, "/", what->service,
                        "/" TERMINATOR, NULL);
    text = apr_pstrcat(p, ALGORITHM "\n", moment, "\n", scope, "\n", hex, NULL);
    secret = apr_pstrcat(p, "AWS4", azl_secret_reveal(key->secret), NULL);
    rv = sign_text(what, day, secret, text, hex);
    azl_crypto_wipe(secret, strlen(secret));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_table_set(out, "X-Amz-Date", moment);
    if (key->token) {
        apr_table_set(out, "X-Amz-Security-Token",
                      azl_secret_reveal(key->token));
    }
    apr_table_setn(out, "Authorization",
                   apr_pstrcat(apr_table_elts(out)->pool,
                               ALGORITHM " Credential=", key->id, "/", scope,
                               ", SignedHeaders=", names, ", Signature=", hex,
                               NULL));
    return APR_SUCCESS;
}
