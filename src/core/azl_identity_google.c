/*
 * Google's tokens: for a service account, which signs who it is (RFC 7523,
 * as https://developers.google.com/identity/protocols/oauth2/service-account
 * has it), or from the metadata of an instance or of a workload in GKE.
 */
#include <stdlib.h>

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_crypto.h"
#include "azl_identity_int.h"
#include "azl_json.h"

#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
/* "urn:ietf:params:oauth:grant-type:jwt-bearer" */
#define GRANT "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
/* As long as Google takes one at most, in seconds. */
#define ASSERTION_TIME 3600
/* Its parts are names and URLs. */
#define ASSERTION_MAX (16 * 1024)
/* They have 2 to 3 KB. */
#define FILE_MAX (64 * 1024)
#define METADATA_HOST "metadata.google.internal"
#define METADATA_PATH                                                          \
    "/computeMetadata/v1/instance/service-accounts/default/token"

static const char *const dialects[] = {"gemini", "anthropic", "openai", NULL};

typedef struct account_t {
    const char *email;
    const char *key_id;   /* NULL: not said */
    const char *audience; /* token_uri of the file */
    azl_crypto_rsa_t *key;
} account_t;

/*
 * A service account
 */

static int is_url(const char *text)
{
    return text &&
           (strncmp(text, "https://", 8) == 0 ||
            strncmp(text, "http://", 7) == 0) &&
           azl_identity_is_word(text);
}

static const char *copy(azl_identity_t *id, const azl_json_t *json,
                        const char *name)
{
    return apr_pstrdup(id->pool, azl_json_string(azl_json_get(json, name)));
}

static const char *read_account(azl_identity_t *id, const azl_json_t *json,
                                account_t *account)
{
    const char *type = azl_json_string(azl_json_get(json, "type"));
    const char *pem = azl_json_string(azl_json_get(json, "private_key"));

    if (type && strcmp(type, "service_account") != 0) {
        return "the file's \"type\" is not \"service_account\": make a key of "
               "a service account (gcloud iam service-accounts keys create)";
    }
    account->email = copy(id, json, "client_email");
    account->key_id = copy(id, json, "private_key_id");
    account->audience = copy(id, json, "token_uri");
    if (!account->email || !*account->email) {
        return "the file has no \"client_email\": it must be the JSON key of a "
               "service account";
    }
    if (!is_url(account->audience)) {
        return "the file's \"token_uri\" must be a URL such as "
               "https://oauth2.googleapis.com/token";
    }
    if (!pem || azl_crypto_rsa_read(id->pool, azl_span_str(pem),
                                    &account->key) != APR_SUCCESS) {
        return "the file's \"private_key\" must be an RSA key in PEM";
    }
    return NULL;
}

/* What is read lies in `p`. */
static const char *read_file(azl_identity_t *id, apr_pool_t *p,
                             account_t *account)
{
    const char *problem;
    azl_span_t content;
    azl_json_t *json;

    problem = azl_identity_read(p, id->rest, FILE_MAX, &content);
    if (problem) {
        return apr_pstrdup(id->pool, problem);
    }
    problem = azl_json_parse(p, content, &json);
    if (problem) {
        problem = apr_pstrcat(id->pool,
                              "the file is no JSON as service accounts have "
                              "it: ",
                              problem, NULL);
    }
    else {
        problem = read_account(id, json, account);
    }
    azl_crypto_wipe((char *)content.at, content.len);
    return problem;
}

static const char *configure_file(azl_identity_t *id)
{
    account_t *account = apr_pcalloc(id->pool, sizeof(*account));
    const char *problem;
    apr_pool_t *p;

    if (*id->rest != '/') {
        return "the path of the file must begin with /; without a file it is "
               "google:metadata";
    }
    apr_pool_create(&p, id->pool);
    problem = read_file(id, p, account);
    apr_pool_destroy(p);
    id->own = account;
    id->client = account->email;
    id->url = id->setup.token_url ? id->setup.token_url : account->audience;
    return problem;
}

static void put_part(azl_buf_t *out, apr_pool_t *p, const azl_buf_t *part)
{
    azl_buf_puts(out, azl_base64url_encode(p, (const unsigned char *)part->data,
                                           part->len));
}

static void write_head(azl_buf_t *out, const account_t *account)
{
    azl_buf_puts(out, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (account->key_id) {
        azl_buf_puts(out, ",\"kid\":");
        azl_buf_json_str(out, account->key_id);
    }
    azl_buf_puts(out, "}");
}

static void write_claims(azl_buf_t *out, const account_t *account,
                         apr_time_t now)
{
    azl_buf_puts(out, "{\"iss\":");
    azl_buf_json_str(out, account->email);
    azl_buf_puts(out, ",\"scope\":\"" SCOPE "\",\"aud\":");
    azl_buf_json_str(out, account->audience);
    azl_buf_puts(out, ",\"iat\":");
    azl_buf_int(out, apr_time_sec(now));
    azl_buf_puts(out, ",\"exp\":");
    azl_buf_int(out, apr_time_sec(now) + ASSERTION_TIME);
    azl_buf_puts(out, "}");
}

const char *azl_identity_assertion(const azl_identity_t *id, apr_pool_t *p,
                                   apr_time_t now, const char **assertion)
{
    const account_t *account = id->own;
    azl_buf_t *part = azl_buf_create(p, ASSERTION_MAX);
    azl_buf_t *text = azl_buf_create(p, ASSERTION_MAX);
    unsigned char *signature;
    apr_status_t rv;
    apr_size_t len;

    write_head(part, account);
    put_part(text, p, part);
    azl_buf_puts(text, ".");
    azl_buf_clear(part);
    write_claims(part, account, now);
    put_part(text, p, part);
    rv = part->failed || text->failed
             ? APR_ENOSPC
             : azl_crypto_rsa_sign(p, account->key,
                                   azl_span(text->data, text->len), &signature,
                                   &len);
    if (rv == APR_SUCCESS) {
        *assertion = apr_pstrcat(p, azl_buf_pstr(text, p), ".",
                                 azl_base64url_encode(p, signature, len), NULL);
    }
    azl_buf_free(part);
    azl_buf_free(text);
    return rv == APR_SUCCESS ? NULL : "the account's key could not sign";
}

static const char *fetch_account(azl_identity_t *id, apr_pool_t *p,
                                 azl_identity_value_t *value)
{
    static const char *const headers[] = {AZL_IDENTITY_FORM, NULL};
    const char *assertion, *problem;
    azl_http_request_t request;

    problem = azl_identity_assertion(id, p, apr_time_now(), &assertion);
    if (problem) {
        return problem;
    }
    memset(&request, 0, sizeof(request));
    request.url = id->url;
    request.headers = headers;
    request.body = azl_span_str(
        apr_pstrcat(p, "grant_type=" GRANT "&assertion=", assertion, NULL));
    return azl_identity_token(id, p, &request, value);
}

const azl_identity_kind_t azl_identity_google = {
    .name = "google",
    .form = "google:/path of a service account's JSON key, or google:metadata",
    .dialects = dialects,
    .token_url = 1,
    .remote = 1,
    .configure = configure_file,
    .fetch = fetch_account,
    .authorize = azl_identity_bear};

/*
 * Metadata
 */

static const char *configure_metadata(azl_identity_t *id)
{
    const char *host = getenv("GCE_METADATA_HOST");

    if (host && *host && !azl_identity_is_word(host)) {
        return "GCE_METADATA_HOST of the environment must be host or "
               "host:port";
    }
    id->url =
        apr_pstrcat(id->pool, "http://", host && *host ? host : METADATA_HOST,
                    METADATA_PATH, NULL);
    return NULL;
}

static const char *fetch_metadata(azl_identity_t *id, apr_pool_t *p,
                                  azl_identity_value_t *value)
{
    /* without it the service answers nobody */
    static const char *const headers[] = {"Metadata-Flavor: Google", NULL};
    azl_http_request_t request;

    memset(&request, 0, sizeof(request));
    request.url = id->url;
    request.headers = headers;
    return azl_identity_token(id, p, &request, value);
}

const azl_identity_kind_t azl_identity_google_metadata = {
    .name = "google:metadata",
    .dialects = dialects,
    .remote = 1,
    .configure = configure_metadata,
    .fetch = fetch_metadata,
    .authorize = azl_identity_bear};
