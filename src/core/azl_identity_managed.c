/*
 * Managed identities: whatever runs on Azure asks something nearby for a token
 * and needs no secret of its own. Who is asked depends on where it runs, and
 * the environment tells, in the order of Microsoft's libraries (MSAL).
 */
#include <apr_escape.h>
#include <apr_strings.h>

#include "azl_identity_int.h"

#define IMDS_URL "http://169.254.169.254"
#define IMDS_ENV "AZURE_POD_IDENTITY_AUTHORITY_HOST"
#define IMDS_PATH "/metadata/identity/oauth2/token"
/* A machine's metadata service is away for a moment now and then, above all
 * while it is updated (410): it is asked that often, with a second between. */
#define TRIES 3
#define PAUSE apr_time_from_sec(1)
/* Of that second, after which is looked whether the process ends. */
#define PAUSE_STEP apr_time_from_msec(100)

/* How one of them is asked. */
typedef struct source_t {
    const char *version;
    const char *by_client; /* names of the parameters for who it is to be, */
    const char *by_object; /* NULL: that is not possible there */
    const char *by_resource;
    const char *named;  /* the variable with the client id, if none is said */
    const char *secret; /* the header for the secret; NULL: there is none */
    int metadata;       /* Metadata: true */
    int posts;          /* a form, not a query */
    int retries;
} source_t;

static const source_t app_service = {.version = "2019-08-01",
                                     .by_client = "client_id",
                                     .by_object = "object_id",
                                     .by_resource = "mi_res_id",
                                     .secret = "X-IDENTITY-HEADER",
                                     .metadata = 1};
/* The default identity of a cluster is one of those a user has assigned. */
static const source_t machine_learning = {.version = "2017-09-01",
                                          .by_client = "clientid",
                                          .named = "DEFAULT_IDENTITY_CLIENT_ID",
                                          .secret = "secret"};
static const source_t cloud_shell = {.metadata = 1, .posts = 1};
static const source_t imds = {.version = "2018-02-01",
                              .by_client = "client_id",
                              .by_object = "object_id",
                              .by_resource = "msi_res_id",
                              .metadata = 1,
                              .retries = 1};

#define MANAGED_FORM                                                           \
    "managed-identity, managed-identity:CLIENT-ID, "                           \
    "managed-identity:object-id:ID or managed-identity:/subscriptions/..."

/*
 * The configuration
 */

/* The URL that a variable has, as it is. NULL, or what is wrong with it. */
static const char *read_url(azl_identity_t *id, const char *name, char **url)
{
    *url = apr_pstrdup(id->pool, azl_identity_environment(name));
    return azl_identity_is_word(*url) && (strncmp(*url, "https://", 8) == 0 ||
                                          strncmp(*url, "http://", 7) == 0)
               ? NULL
               : apr_pstrcat(id->pool, name,
                             " of the environment must be a URL", NULL);
}

/* Without slashes at its end. */
static const char *find_metadata(azl_identity_t *id)
{
    const char *problem;
    char *url;
    apr_size_t len;

    id->metadata = IMDS_URL;
    if (!azl_identity_environment(IMDS_ENV)) {
        return NULL;
    }
    problem = read_url(id, IMDS_ENV, &url);
    for (len = strlen(url); len && url[len - 1] == '/'; len--) {
        url[len - 1] = '\0';
    }
    id->metadata = url;
    return problem;
}

static const char *find_source(azl_identity_t *id)
{
    const char *endpoint = azl_identity_environment("IDENTITY_ENDPOINT");
    const char *header = azl_identity_environment("IDENTITY_HEADER");
    const char *msi = azl_identity_environment("MSI_ENDPOINT");
    const char *secret = azl_identity_environment("MSI_SECRET");
    const char *problem;
    char *url = NULL;

    if (endpoint && header) {
        if (azl_identity_environment("IDENTITY_SERVER_THUMBPRINT")) {
            return "identities of Service Fabric are not supported";
        }
        id->own = &app_service;
        id->secret = azl_secret_str(id->pool, header);
        problem = read_url(id, "IDENTITY_ENDPOINT", &url);
    }
    else if (msi) {
        id->own = secret ? &machine_learning : &cloud_shell;
        id->secret = azl_secret_str(id->pool, secret);
        problem = read_url(id, "MSI_ENDPOINT", &url);
    }
    else if (endpoint) {
        problem = "identities of Azure Arc are not supported";
    }
    else {
        id->own = &imds;
        problem = find_metadata(id);
    }
    id->url = url;
    return problem;
}

static const char *not_there(azl_identity_t *id)
{
    return apr_pstrcat(id->pool, "where this runs, ", id->rest,
                       " cannot be asked for", NULL);
}

/* Which of the machine's identities. id->client is the parameter's value, and
 * id->section its name. */
static const char *choose(azl_identity_t *id)
{
    static const char object[] = "object-id:";
    const source_t *source = id->own;

    if (!id->rest && source->named) {
        id->rest =
            apr_pstrdup(id->pool, azl_identity_environment(source->named));
    }
    if (!id->rest) {
        return NULL;
    }
    id->client = id->rest;
    id->section = source->by_client;
    if (strncmp(id->rest, object, sizeof(object) - 1) == 0) {
        id->client = id->rest + sizeof(object) - 1;
        id->section = source->by_object;
    }
    if (*id->rest == '/') {
        id->section = source->by_resource;
    }
    else if (!azl_identity_is_id(id->client)) {
        return "it must be " MANAGED_FORM;
    }
    return id->section ? NULL : not_there(id);
}

static const char *configure_managed(azl_identity_t *id)
{
    const char *problem = find_source(id);

    if (!problem) {
        problem = choose(id);
    }
    return problem ? problem : azl_identity_entra_scope(id);
}

/*
 * Asking
 */

static const char *parameters(const azl_identity_t *id, apr_pool_t *p)
{
    const source_t *source = id->own;
    const char *text =
        azl_identity_field(p, "resource", azl_identity_resource(id, p));

    if (source->version) {
        text = apr_pstrcat(p, "api-version=", source->version, "&", text, NULL);
    }
    return id->section
               ? apr_pstrcat(p, text, "&",
                             azl_identity_field(p, id->section, id->client),
                             NULL)
               : text;
}

/* 1 if it has been given up. */
static int rest(const azl_identity_t *id)
{
    apr_interval_time_t left = PAUSE;

    for (; left > 0; left -= PAUSE_STEP) {
        if (id->stop && id->stop(id->baton)) {
            return 1;
        }
        apr_sleep(PAUSE_STEP);
    }
    return 0;
}

static int may_pass(const azl_http_answer_t *got)
{
    return got->status == 404 || got->status == 410 || got->status == 429 ||
           (got->status >= 500 && got->status <= 511);
}

static const char *ask(azl_identity_t *id, apr_pool_t *p,
                       azl_http_request_t *request, azl_identity_value_t *value)
{
    const source_t *source = id->own;
    int tries = source->retries ? TRIES : 1;
    azl_http_answer_t got;
    apr_time_t asked;
    const char *problem;

    do {
        asked = apr_time_now();
        problem = azl_identity_http(id, p, request, &got);
    } while (!problem && may_pass(&got) && --tries > 0 && !rest(id));
    if (problem) {
        return apr_pstrcat(p, "the token service gave no answer: ", problem,
                           NULL);
    }
    return azl_identity_token_of(id, p, &got, asked, value);
}

static const char *fetch_managed(azl_identity_t *id, apr_pool_t *p,
                                 azl_identity_value_t *value)
{
    const char *headers[4] = {NULL};
    const source_t *source = id->own;
    const char *url = id->url;
    azl_http_request_t request;
    int n = 0;

    memset(&request, 0, sizeof(request));
    if (source == &imds) {
        url = apr_pstrcat(p, id->metadata, IMDS_PATH, NULL);
    }
    request.headers = headers;
    if (source->metadata) {
        headers[n++] = "Metadata: true";
    }
    if (source->secret) {
        headers[n++] = apr_pstrcat(p, source->secret, ": ",
                                   azl_secret_reveal(id->secret), NULL);
    }
    if (source->posts) {
        headers[n++] = AZL_IDENTITY_FORM;
        request.body = azl_span_str(parameters(id, p));
    }
    else {
        url = apr_pstrcat(p, url, strchr(url, '?') ? "&" : "?",
                          parameters(id, p), NULL);
    }
    request.url = url;
    return ask(id, p, &request, value);
}

const azl_identity_kind_t azl_identity_managed = {
    .name = "managed-identity",
    .form = MANAGED_FORM,
    .optional = 1,
    .dialects = azl_identity_entra_dialects,
    .scope = 1,
    .remote = 1,
    .configure = configure_managed,
    .fetch = fetch_managed,
    .authorize = azl_identity_bear};
