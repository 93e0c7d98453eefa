/*
 * Tokens that are borne: what a token service of OAuth 2.0 gives out, those of
 * Databricks, and a file that another program writes.
 */
#include <stdlib.h>
#include <strings.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_file.h"
#include "azl_identity_int.h"
#include "azl_json.h"
#include "azl_options.h"
#include "azl_time.h"

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
    apr_table_setn(
        headers, "Authorization",
        apr_pstrcat(p, "Bearer ", azl_secret_reveal(value->bearer), NULL));
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

/* What Entra says in a number of its own, where that is clearer. */
static const struct {
    int number;
    const char *remedy;
} numbers[] = {
    {7000215, "the client's secret is wrong; it must be the value and not the "
              "id of the secret"},
    {7000222, "the client's secret has ended: make a new one"},
    {7000112, "the application is disabled"},
    {700016, "there is no such application in that tenant"},
    {90002, "there is no such tenant"},
    {500011, "there is no such scope= in that tenant"},
    {70011, "scope= is not one that Entra knows"},
    {1002012, "scope= must end in /.default"},
    {700213, "the application has no federated credential for this subject"},
    {70021, "the application has no federated credential for this subject"},
    {700024, "the federated token has ended: does somebody renew its file?"},
    {53003, "a policy of conditional access forbids it"},
};

static const char *remedy_of_number(apr_int64_t number)
{
    apr_size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (numbers[i].number == number) {
            return numbers[i].remedy;
        }
    }
    return NULL;
}

/* Of an error of Entra; 0: it has none. */
static apr_int64_t number_of(const azl_json_t *json)
{
    apr_int64_t number = 0;

    azl_json_int(azl_json_at(azl_json_get(json, "error_codes"), 0), &number);
    return number > 0 ? number : 0;
}

/* IMDS has one code for everything, and a machine may have no identity. */
static int has_no_identity(const azl_json_t *json)
{
    const char *text = azl_json_string(azl_json_get(json, "error_description"));

    return text && strstr(text, "Identity not found") != NULL;
}

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

/* Its code, if it is one of those that mean something. */
static int find_refusal(const char *code)
{
    int i;

    for (i = 0; code && i < (int)(sizeof(refusals) / sizeof(refusals[0]));
         i++) {
        if (strcmp(refusals[i].code, code) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *refusal(apr_pool_t *p, const azl_http_answer_t *got)
{
    azl_json_t *json = NULL;
    const char *remedy;
    apr_int64_t number;
    int known;

    azl_json_parse(p, got->body, &json);
    known = find_refusal(azl_json_string(azl_json_get(json, "error")));
    number = number_of(json);
    remedy = remedy_of_number(number);
    if (!remedy && has_no_identity(json)) {
        remedy = "this machine has no such identity";
    }
    if (!remedy) {
        remedy =
            known >= 0 ? refusals[known].remedy : remedy_of_status(got->status);
    }
    return apr_psprintf(
        p, "the token service answered %d%s%s%s: %s", got->status,
        known >= 0 ? " " : "", known >= 0 ? refusals[known].code : "",
        number ? apr_psprintf(p, " AADSTS%" APR_INT64_T_FMT, number) : "",
        remedy);
}

/*
 * How long it is good
 */

/* Up to that many digits and nothing else. */
#define DIGITS_MAX 15

static int read_digits(const char *text, apr_int64_t *n)
{
    apr_size_t len = text ? strspn(text, "0123456789") : 0;

    if (!len || len > DIGITS_MAX || text[len]) {
        return 0;
    }
    *n = apr_atoi64(text);
    return 1;
}

/* A number, or one in a string. */
static int read_number(const azl_json_t *json, const char *name, apr_int64_t *n)
{
    const azl_json_t *member = azl_json_get(json, name);

    return azl_json_int(member, n) || read_digits(azl_json_string(member), n);
}

/* 1 if the text begins as the form does: 9 is a digit there. */
static int looks_like(const char *text, const char *form)
{
    for (; *form; text++, form++) {
        if (*form == '9' ? !apr_isdigit(*text) : *text != *form) {
            return 0;
        }
    }
    return 1;
}

/* " PM +00:00" behind the date of old hosts: what is left is the zone. */
static const char *skip_half(const char *text, int *hour)
{
    int pm = strncmp(text, " PM", 3) == 0;

    if (!pm && strncmp(text, " AM", 3) != 0) {
        return text;
    }
    if (pm && *hour < 12) {
        *hour += 12;
    }
    else if (!pm && *hour == 12) {
        *hour = 0;
    }
    return text + 3;
}

int azl_identity_moment(apr_pool_t *p, const char *text, apr_time_t *t)
{
    static const char us[] = "99/99/9999 99:99:99";
    static const char iso[] = "9999-99-99 99:99:99";
    const char *zone = text + sizeof(us) - 1;
    apr_int64_t seconds;
    int hour;

    if (read_digits(text, &seconds)) {
        if (seconds > APR_INT64_MAX / APR_USEC_PER_SEC) {
            return 0;
        }
        *t = apr_time_from_sec(seconds);
        return 1;
    }
    if (looks_like(text, us)) {
        hour = atoi(apr_pstrmemdup(p, text + 11, 2));
        zone = skip_half(zone, &hour);
        text = apr_psprintf(p, "%.4s-%.2s-%.2sT%02d:%.5s", text + 6, text,
                            text + 3, hour, text + 14);
    }
    else if (looks_like(text, iso)) {
        text = apr_psprintf(p, "%.10sT%.8s", text, text + 11);
    }
    else {
        return azl_time_parse(azl_span_str(text), t, NULL);
    }
    zone += *zone == ' ';
    text = apr_pstrcat(p, text, *zone ? zone : "Z", NULL);
    return azl_time_parse(azl_span_str(text), t, NULL);
}

/* How long it is good is a better word than until when, as our clock may be
 * wrong; but not everybody says that. */
static int read_end(apr_pool_t *p, const azl_json_t *json, apr_time_t asked,
                    apr_time_t *expires)
{
    const azl_json_t *on = azl_json_get(json, "expires_on");
    apr_int64_t seconds;

    if (read_number(json, "expires_in", &seconds)) {
        if (seconds <= 0 || seconds > LIFETIME_MAX) {
            return 0;
        }
        *expires = asked + apr_time_from_sec(seconds);
        return 1;
    }
    if (azl_json_int(on, &seconds)) {
        if (seconds <= 0 || seconds > apr_time_sec(asked) + LIFETIME_MAX) {
            return 0;
        }
        *expires = apr_time_from_sec(seconds);
        return 1;
    }
    return azl_json_string(on) &&
           azl_identity_moment(p, azl_json_string(on), expires);
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
    if (!read_end(p, json, asked, &value->expires)) {
        return "the token service does not say how long the token is good";
    }
    if (read_number(json, "refresh_in", &seconds) && seconds > 0 &&
        seconds <= LIFETIME_MAX) {
        value->refresh_in = apr_time_from_sec(seconds);
    }
    value->bearer = azl_secret_str(value->pool, token);
    azl_json_wipe(azl_json_get(json, "access_token"));
    return NULL;
}

/* Will it say the same until somebody changes something? */
static int is_final(int status)
{
    return status >= 400 && status < 500 && status != 404 && status != 408 &&
           status != 410 && status != 429;
}

const char *azl_identity_token_of(azl_identity_t *id, apr_pool_t *p,
                                  const azl_http_answer_t *got,
                                  apr_time_t asked, azl_identity_value_t *value)
{
    const char *problem;

    if (got->status == 200) {
        problem = azl_identity_take_token(p, got->body, asked, value);
        azl_crypto_wipe((char *)got->body.at, got->body.len);
        return problem;
    }
    id->hopeless = is_final(got->status);
    return refusal(p, got);
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
    return azl_identity_token_of(id, p, &got, asked, value);
}

/*
 * A client's secret
 */

const char *azl_identity_find_secret(azl_identity_t *id, const char *source)
{
    const char *problem;
    int literal;

    id->secret_source = source;
    problem = azl_option_secret(id->pool, source, &id->secret, &literal);
    return problem || !literal
               ? problem
               : apr_pstrcat(id->pool, "it must be ", id->kind->form, NULL);
}

const azl_secret_t *azl_identity_current_secret(const azl_identity_t *id,
                                                apr_pool_t *p)
{
    const azl_secret_t *secret;
    int literal;

    return azl_option_secret(p, id->secret_source, &secret, &literal)
               ? id->secret
               : secret;
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
    const char *problem;

    if (!colon || colon == id->rest || !colon[1]) {
        return "it must be " DATABRICKS_FORM;
    }
    id->client =
        apr_pstrmemdup(id->pool, id->rest, (apr_size_t)(colon - id->rest));
    problem = azl_identity_find_secret(id, colon + 1);
    if (problem) {
        return problem;
    }
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

/* RFC 7617. */
static const char *basic(const char *client, const azl_secret_t *secret,
                         apr_pool_t *p)
{
    char *both = apr_pstrcat(p, client, ":", azl_secret_reveal(secret), NULL);
    int len = (int)strlen(both);
    char *text = apr_palloc(p, (apr_size_t)apr_base64_encode_len(len));

    apr_base64_encode(text, both, len);
    azl_crypto_wipe(both, (apr_size_t)len);
    return apr_pstrcat(p, "Authorization: Basic ", text, NULL);
}

static const char *fetch_databricks(azl_identity_t *id, apr_pool_t *p,
                                    azl_identity_value_t *value)
{
    const char *headers[] = {NULL, AZL_IDENTITY_FORM, NULL};
    azl_http_request_t request;

    headers[0] = basic(id->client, azl_identity_current_secret(id, p), p);
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

    return rv == APR_SUCCESS ? NULL
                             : apr_pstrcat(p, "the file cannot be read: ",
                                           azl_file_reason(p, rv), NULL);
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
    value->bearer = azl_secret_str(value->pool, azl_identity_word(p, content));
    azl_crypto_wipe((char *)content.at, content.len);
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
