#include "azl_blob.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "azl_crypto.h"

/* A storage account's key has 64 bytes; room for what may come. */
#define KEY_MAX 256

/* Codes of errors are a few words without spaces. */
#define CODE_MAX 64

/* The canonical query has its parameters sorted; SAS have about a dozen. */
#define PARAMETERS_MAX 64

/* ---------------------------------------------------------------- secrets */

/* The value of one setting of "Name=value;Name=value"; a value may hold '='. */
static azl_span_t setting(azl_span_t text, const char *name)
{
    apr_size_t len = strlen(name);
    const char *at = text.at, *end = text.at + text.len;
    azl_span_t none = {NULL, 0};

    while (at < end) {
        const char *stop = memchr(at, ';', (apr_size_t)(end - at));

        stop = stop ? stop : end;
        if ((apr_size_t)(stop - at) > len && at[len] == '=' &&
            strncasecmp(at, name, len) == 0) {
            azl_span_t value = {at + len + 1,
                                (apr_size_t)(stop - at) - len - 1};

            return value;
        }
        at = stop + 1;
    }
    return none;
}

static azl_span_t trimmed(azl_span_t s)
{
    while (s.len && isspace((unsigned char)s.at[s.len - 1])) {
        s.len--;
    }
    while (s.len && isspace((unsigned char)s.at[0])) {
        s.at++;
        s.len--;
    }
    return s;
}

/* APR's decoder stops at what is no base64 and does not say so. */
static int is_base64(const char *text)
{
    apr_size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789+/");

    return n > 0 && strspn(text + n, "=") == strlen(text + n) &&
           strlen(text) % 4 == 0;
}

const char *azl_blob_connection(apr_pool_t *p, azl_span_t text,
                                azl_blob_access_t *access)
{
    azl_span_t account, key, sas;
    char encoded[KEY_MAX + 1];
    unsigned char bytes[KEY_MAX];
    apr_size_t len;

    text = trimmed(text);
    account = setting(text, "AccountName");
    key = setting(text, "AccountKey");
    sas = setting(text, "SharedAccessSignature");
    memset(access, 0, sizeof(*access));
    if (sas.len) {
        return azl_blob_sas(p, sas, access);
    }
    if (!account.len || !key.len) {
        return "a connection string has AccountName=...;AccountKey=... or "
               "SharedAccessSignature=...";
    }
    if (key.len <= KEY_MAX) {
        memcpy(encoded, key.at, key.len);
        encoded[key.len] = '\0';
        if (is_base64(encoded)) {
            len = (apr_size_t)apr_base64_decode_binary(bytes, encoded);
            access->key = azl_secret_make(p, azl_span((char *)bytes, len));
            access->account = apr_pstrmemdup(p, account.at, account.len);
        }
    }
    azl_crypto_wipe(encoded, sizeof(encoded));
    azl_crypto_wipe(bytes, sizeof(bytes));
    return access->key
               ? NULL
               : "the AccountKey of the connection string is not base64";
}

static int is_signature(const char *query)
{
    return strstr(query, "sig=") && !strpbrk(query, " \t\r\n#");
}

const char *azl_blob_sas(apr_pool_t *p, azl_span_t text,
                         azl_blob_access_t *access)
{
    memset(access, 0, sizeof(*access));
    text = trimmed(text);
    if (text.len && text.at[0] == '?') {
        text.at++;
        text.len--;
    }
    access->sas = azl_secret_make(p, text);
    if (!is_signature(azl_secret_reveal(access->sas))) {
        access->sas = NULL;
        return "a shared access signature is a query with sig=...";
    }
    return NULL;
}

const char *azl_blob_url(apr_pool_t *p, const char *url,
                         const azl_blob_access_t *access)
{
    return access->sas ? apr_pstrcat(p, url, strchr(url, '?') ? "&" : "?",
                                     azl_secret_reveal(access->sas), NULL)
                       : url;
}

/* -------------------------------------------------------------- signature */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *decoded(apr_pool_t *p, const char *text, apr_size_t len)
{
    char *out = apr_pstrmemdup(p, text, len);
    apr_size_t i, n = 0;

    for (i = 0; i < len; i++) {
        unsigned char byte;
        azl_span_t hex = {text + i + 1, 2};

        if (text[i] == '%' && i + 2 < len && azl_hex_decode(hex, &byte, 1)) {
            out[n++] = (char)byte;
            i += 2;
        }
        else {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
    return out;
}

/* "\nname:value" for each parameter, in their order. */
static const char *canonical_query(apr_pool_t *p, const char *query)
{
    const char *line[PARAMETERS_MAX];
    const char *text = "";
    int i, n = 0;

    while (*query && n < PARAMETERS_MAX) {
        apr_size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        apr_size_t name_len = equals ? (apr_size_t)(equals - query) : len;
        char *name = decoded(p, query, name_len), *at;

        for (at = name; *at; at++) {
            *at = (char)tolower((unsigned char)*at);
        }
        line[n++] = apr_pstrcat(
            p, "\n", name, ":",
            equals ? decoded(p, equals + 1, len - name_len - 1) : "", NULL);
        query += len + (query[len] == '&');
    }
    qsort(line, (size_t)n, sizeof(line[0]), by_name);
    for (i = 0; i < n; i++) {
        text = apr_pstrcat(p, text, line[i], NULL);
    }
    return text;
}

/* From its path on; NULL if there is none. */
static const char *path_of(const char *url)
{
    const char *at = strstr(url, "://");

    return at ? strchr(at + 3, '/') : NULL;
}

const char *azl_blob_string_to_sign(apr_pool_t *p, const char *url,
                                    const char *account, const char *etag,
                                    const char *date)
{
    const char *path = path_of(url);
    apr_size_t len;

    if (!path) {
        return NULL;
    }
    len = strcspn(path, "?#");
    /* The empty lines: Content-Encoding, -Language, -Length, -MD5, -Type,
     * Date (there is x-ms-date), If-Modified-Since, If-Match; then
     * If-None-Match, and two more for If-Unmodified-Since and Range. An
     * emulator has the account in its path, and so twice. */
    return apr_pstrcat(
        p, "GET\n\n\n\n\n\n\n\n\n", etag ? etag : "", "\n\n\n",
        "x-ms-date:", date, "\nx-ms-version:" AZL_BLOB_VERSION "\n/", account,
        apr_pstrmemdup(p, path, len),
        path[len] == '?' ? canonical_query(p, path + len + 1) : "", NULL);
}

static apr_status_t sign(apr_pool_t *p, const char *url,
                         const azl_blob_access_t *access, const char *etag,
                         const char *date, apr_table_t *headers)
{
    const char *text =
        azl_blob_string_to_sign(p, url, access->account, etag, date);
    unsigned char mac[AZL_SHA256_LEN];
    apr_status_t rv;
    char *encoded;

    if (!text) {
        return APR_EINVAL;
    }
    rv = azl_crypto_hmac_sha256(azl_secret_reveal(access->key),
                                azl_secret_len(access->key), text, strlen(text),
                                mac);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    encoded = apr_palloc(p, (apr_size_t)apr_base64_encode_len(sizeof(mac)));
    apr_base64_encode_binary(encoded, mac, sizeof(mac));
    apr_table_setn(
        headers, "Authorization",
        apr_pstrcat(p, "SharedKey ", access->account, ":", encoded, NULL));
    return APR_SUCCESS;
}

apr_status_t azl_blob_headers(apr_pool_t *p, const char *url,
                              const azl_blob_access_t *access, const char *etag,
                              apr_time_t now, apr_table_t *headers)
{
    char *date = apr_palloc(p, APR_RFC822_DATE_LEN);

    apr_rfc822_date(date, now);
    apr_table_setn(headers, "x-ms-date", date);
    apr_table_setn(headers, "x-ms-version", AZL_BLOB_VERSION);
    if (etag) {
        apr_table_setn(headers, "If-None-Match", etag);
    }
    return access->key ? sign(p, url, access, etag, date, headers)
                       : APR_SUCCESS;
}

/* ------------------------------------------------------------------ errors */

const char *azl_blob_error(apr_pool_t *p, azl_span_t body)
{
    static const char tag[] = "<Code>";
    apr_size_t i, n = 0;

    for (i = 0; i + sizeof(tag) - 1 < body.len; i++) {
        if (memcmp(body.at + i, tag, sizeof(tag) - 1) == 0) {
            const char *code = body.at + i + sizeof(tag) - 1;
            apr_size_t left = body.len - i - (sizeof(tag) - 1);

            while (n < left && n <= CODE_MAX &&
                   isalnum((unsigned char)code[n])) {
                n++;
            }
            return n && n <= CODE_MAX && n < left && code[n] == '<'
                       ? apr_pstrmemdup(p, code, n)
                       : NULL;
        }
    }
    return NULL;
}
