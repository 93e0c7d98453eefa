/*
 * Tokens that are borne: what a token service of OAuth 2.0 gives out, those of
 * Databricks, and a file that another program writes.
 */
#include <strings.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "azl_file.h"
#include "azl_identity_int.h"
#include "azl_json.h"
#include "azl_options.h"

/* A token of Entra with many groups has a few KB. */
#define FILE_MAX (64 * 1024)
/* Whoever says more means something else. */
#define LIFETIME_MAX (10 * 365 * 86400)

apr_status_t azl_identity_bear(const azl_identity_t *id, apr_pool_t *p,
                               const azl_identity_value_t *value,
                               const azl_identity_call_t *call, apr_time_t now,
                               apr_table_t *headers)
{
    (void)id;
    (void)call;
    (void)now;
    apr_table_setn(headers, "Authorization",
                   apr_pstrcat(p, "Bearer ", value->bearer, NULL));
    return APR_SUCCESS;
}

/*
 * Token services
 */

/* What they say (RFC 6749, section 5.2), and what the operator can do. Their
 * own words may quote what was sent. */
static const struct {
    const char *code;
    const char *remedy;
} refusals[] = {
    {"invalid_grant", "is the key a current one, the account enabled and this "
                      "machine's clock right?"},
    {"invalid_client", "the client's id or secret is wrong, or has ended"},
    {"unauthorized_client", "this account may not ask for tokens"},
    {"access_denied", "this account may not ask for tokens"},
    {"invalid_scope", "this account may not have that scope"},
    {"invalid_request", "is this the right token service?"},
    {"unsupported_grant_type", "is this the right token service?"},
};

static const char *remedy_of_status(int status)
{
    if (status == 401 || status == 403) {
        return "the account is not accepted";
    }
    if (status == 429 || status >= 500) {
        return "it has troubles of its own";
    }
    return "is this the right token service?";
}

static const char *refusal(apr_pool_t *p, const azl_http_answer_t *got)
{
    azl_json_t *json = NULL;
    const char *code;
    apr_size_t i;

    azl_json_parse(p, got->body, &json);
    code = azl_json_string(azl_json_get(json, "error"));
    for (i = 0; code && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(refusals[i].code, code) == 0) {
            return apr_psprintf(p, "the token service answered %d %s: %s",
                                got->status, refusals[i].code,
                                refusals[i].remedy);
        }
    }
    return apr_psprintf(p, "the token service answered %d: %s", got->status,
                        remedy_of_status(got->status));
}

const char *azl_identity_take_token(apr_pool_t *p, azl_span_t answer,
                                    apr_time_t asked,
                                    azl_identity_value_t *value)
{
    const char *token, *type;
    apr_int64_t seconds;
    azl_json_t *json;

    if (azl_json_parse(p, answer, &json)) {
        return "the token service's answer is no JSON";
    }
    token = azl_json_string(azl_json_get(json, "access_token"));
    type = azl_json_string(azl_json_get(json, "token_type"));
    if (!azl_identity_is_word(token)) {
        return "the token service's answer has no token";
    }
    if (type && strcasecmp(type, "Bearer") != 0) {
        return "the token service's answer is no bearer token";
    }
    if (!azl_json_int(azl_json_get(json, "expires_in"), &seconds) ||
        seconds <= 0 || seconds > LIFETIME_MAX) {
        return "the token service does not say how long the token is good";
    }
    value->bearer = apr_pstrdup(value->pool, token);
    value->expires = asked + apr_time_from_sec(seconds);
    return NULL;
}

const char *azl_identity_token(azl_identity_t *id, apr_pool_t *p,
                               azl_http_request_t *request,
                               azl_identity_value_t *value)
{
    apr_time_t asked = apr_time_now();
    azl_http_answer_t got;
    const char *problem = azl_identity_http(id, p, request, &got);

    if (problem) {
        return apr_pstrcat(p, "the token service gave no answer: ", problem,
                           NULL);
    }
    return got.status == 200
               ? azl_identity_take_token(p, got.body, asked, value)
               : refusal(p, &got);
}

/*
 * Databricks
 */

#define DATABRICKS_FORM                                                        \
    "databricks:CLIENT-ID:env:NAME or databricks:CLIENT-ID:file:/path, with "  \
    "the secret in that place"

static const char *configure_databricks(azl_identity_t *id)
{
    const char *colon = strchr(id->rest, ':');
    const char *client, *secret, *both, *problem;
    int literal;
    char *text;

    if (!colon || colon == id->rest || !colon[1]) {
        return "it must be " DATABRICKS_FORM;
    }
    client = apr_pstrmemdup(id->pool, id->rest, (apr_size_t)(colon - id->rest));
    problem = azl_option_secret(id->pool, colon + 1, &secret, &literal);
    if (problem || literal) {
        return problem ? problem : "it must be " DATABRICKS_FORM;
    }
    both = apr_pstrcat(id->pool, client, ":", secret, NULL);
    text = apr_palloc(id->pool,
                      (apr_size_t)apr_base64_encode_len((int)strlen(both)));
    apr_base64_encode(text, both, (int)strlen(both));
    id->secret = apr_pstrcat(id->pool, "Authorization: Basic ", text, NULL);
    id->url = id->setup.token_url;
    if (!id->url) {
        id->url =
            apr_pstrcat(id->pool,
                        apr_pstrmemdup(id->pool, id->setup.url,
                                       azl_identity_origin(id->setup.url)),
                        "/oidc/v1/token", NULL);
    }
    return NULL;
}

static const char *fetch_databricks(azl_identity_t *id, apr_pool_t *p,
                                    azl_identity_value_t *value)
{
    const char *headers[] = {id->secret, AZL_IDENTITY_FORM, NULL};
    azl_http_request_t request;

    memset(&request, 0, sizeof(request));
    request.url = id->url;
    request.headers = headers;
    request.body = azl_span_str("grant_type=client_credentials&scope=all-apis");
    return azl_identity_token(id, p, &request, value);
}

static const char *const dialects_of_databricks[] = {"databricks", "openai",
                                                     "anthropic", NULL};

const azl_identity_kind_t azl_identity_databricks = {
    .name = "databricks",
    .form = DATABRICKS_FORM,
    .dialects = dialects_of_databricks,
    .token_url = 1,
    .secret = 1,
    .remote = 1,
    .configure = configure_databricks,
    .fetch = fetch_databricks,
    .authorize = azl_identity_bear};

/*
 * A file
 */

const char *azl_identity_read(apr_pool_t *p, const char *path, apr_off_t max,
                              azl_span_t *content)
{
    apr_status_t rv = azl_file_read(p, path, max, content);
    char problem[128];

    return rv == APR_SUCCESS
               ? NULL
               : apr_pstrcat(p, "the file cannot be read: ",
                             apr_strerror(rv, problem, sizeof(problem)), NULL);
}

static const char *configure_file(azl_identity_t *id)
{
    id->path = id->rest;
    return *id->path == '/' ? NULL : "the path of the file must begin with /";
}

static const char *fetch_file(azl_identity_t *id, apr_pool_t *p,
                              azl_identity_value_t *value)
{
    const char *problem;
    azl_span_t content;

    azl_identity_look(id, p, &id->seen);
    problem = azl_identity_read(p, id->path, FILE_MAX, &content);
    if (problem) {
        return problem;
    }
    value->bearer = azl_identity_word(value->pool, content);
    return value->bearer ? NULL
                         : "the file must hold one token and nothing else";
}

const azl_identity_kind_t azl_identity_token_file = {
    .name = "token-file",
    .form = "token-file:/path",
    .configure = configure_file,
    .fetch = fetch_file,
    .changed = azl_identity_file_changed,
    .authorize = azl_identity_bear};
