#include "azl_source.h"

#include <string.h>

#include <apr_strings.h>

#include "azl_blob.h"
#include "azl_file.h"
#include "azl_http.h"
#include "azl_identity.h"
#include "azl_options.h"

#define CONNECT_LIMIT apr_time_from_sec(5)
#define CALL_LIMIT apr_time_from_sec(15)

/* An entity tag is some 20 characters. */
#define ETAG_MAX 256

/* Of tokens for Azure Storage. */
#define STORAGE_SCOPE "https://storage.azure.com/.default"

static const char connection_string[] = "connection-string:";
static const char signature[] = "sas:";

struct azl_source_t {
    const char *path; /* of a file; NULL: the rest */
    const char *url;  /* without what of the credential belongs there */
    const char *shown;
    const char *host;
    const char *ca;
    /* reads the secret that stands at `reference`; NULL: there is none */
    const char *(*understand)(apr_pool_t *p, azl_span_t text,
                              azl_blob_access_t *access);
    const char *reference;    /* env:NAME or file:/path */
    azl_blob_access_t access; /* what it came to at the start */
    azl_identity_t *identity;
    char etag[ETAG_MAX]; /* of what was given last; "": nothing yet */
};

/* ------------------------------------------------------------------- setup */

static int is_http(const char *url)
{
    return strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
}

static const char *read_secret(apr_pool_t *p, azl_source_t *source)
{
    const azl_secret_t *text;
    const char *err;
    int literal;

    err = azl_option_secret(p, source->reference, &text, &literal);
    if (err) {
        return err;
    }
    if (literal) {
        return "the secret must be a reference: env:NAME or file:/path";
    }
    return source->understand(p, azl_span_str(azl_secret_reveal(text)),
                              &source->access);
}

static const char *make_identity(apr_pool_t *p, azl_source_t *source,
                                 const azl_source_setup_t *setup)
{
    const char *at = strstr(setup->url, "://") + 3;
    azl_identity_setup_t own;

    memset(&own, 0, sizeof(own));
    own.source = setup->credential;
    own.url = apr_pstrmemdup(
        p, setup->url, (apr_size_t)(at - setup->url) + strcspn(at, "/?#"));
    own.host = source->host;
    own.scope = azl_identity_takes_scope(own.source) ? STORAGE_SCOPE : NULL;
    own.tls_ca = setup->tls_ca;
    own.tls_verify = 1;
    return azl_identity_create(p, &own, &source->identity);
}

static const char *read_credential(apr_pool_t *p, azl_source_t *source,
                                   const azl_source_setup_t *setup)
{
    const char *credential = setup->credential;

    if (!credential || strcmp(credential, "none") == 0) {
        return NULL;
    }
    if (strncmp(credential, connection_string, sizeof(connection_string) - 1) ==
        0) {
        source->understand = azl_blob_connection;
        source->reference = credential + sizeof(connection_string) - 1;
        return read_secret(p, source);
    }
    if (strncmp(credential, signature, sizeof(signature) - 1) == 0) {
        source->understand = azl_blob_sas;
        source->reference = credential + sizeof(signature) - 1;
        return read_secret(p, source);
    }
    if (azl_identity_is(credential)) {
        return make_identity(p, source, setup);
    }
    return "credential= takes none, connection-string:env:NAME, "
           "connection-string:file:/path, sas:env:NAME, sas:file:/path or an "
           "identity such as managed-identity";
}

static const char *read_url(apr_pool_t *p, azl_source_t *source,
                            const azl_source_setup_t *setup)
{
    const char *at;

    if (strncmp(setup->url, "file:", 5) == 0) {
        source->path = setup->url + 5;
        source->shown = setup->url;
        return *source->path == '/' ? NULL : "file: wants an absolute path";
    }
    if (!is_http(setup->url)) {
        return "it takes https://host/path, http://host/path or file:/path";
    }
    at = strstr(setup->url, "://") + 3;
    source->host = apr_pstrmemdup(p, at, strcspn(at, "/?#"));
    source->shown = apr_pstrmemdup(p, setup->url, strcspn(setup->url, "?#"));
    if (!*source->host || at[strlen(source->host)] != '/') {
        return "the URL has no host or no path";
    }
    if (strchr(source->host, '@')) {
        return "the URL may not name a user: use credential=";
    }
    return NULL;
}

const char *azl_source_create(apr_pool_t *p, const azl_source_setup_t *setup,
                              azl_source_t **out)
{
    azl_source_t *source = apr_pcalloc(p, sizeof(*source));
    const char *err = read_url(p, source, setup);

    if (!err && source->path && setup->credential &&
        strcmp(setup->credential, "none") != 0) {
        err = "a file needs no credential";
    }
    if (!err) {
        err = read_credential(p, source, setup);
    }
    source->url = setup->url;
    source->ca = setup->tls_ca;
    *out = source;
    return err;
}

void azl_source_hosts(azl_source_t *source, const char *authority,
                      const char *metadata)
{
    if (source->identity) {
        azl_identity_hosts(source->identity, authority, metadata);
    }
}

const char *azl_source_shown(const azl_source_t *source)
{
    return source->shown;
}

apr_interval_time_t
azl_source_left(apr_time_t last, apr_interval_time_t interval, apr_time_t now)
{
    apr_time_t due = last + interval;

    if (!last || due <= now) {
        return 0;
    }
    /* a clock that was set back makes no wait longer */
    return due - now < interval ? due - now : interval;
}

void azl_source_forget(azl_source_t *source)
{
    source->etag[0] = '\0';
}

/* ----------------------------------------------------------------- reading */

static azl_source_result_e read_file(azl_source_t *source, apr_pool_t *p,
                                     azl_span_t *text, const char **problem)
{
    apr_status_t rv = azl_file_read(p, source->path, AZL_SOURCE_MAX, text);

    if (rv == APR_SUCCESS) {
        return AZL_SOURCE_READ;
    }
    *problem =
        rv == APR_ENOSPC ? "it is larger than 4 MB" : azl_file_reason(p, rv);
    return AZL_SOURCE_FAILED;
}

/* What authorizes now: another one may be in the file. One that is gone, or
 * that only root may read, is as it was at the start. NULL, or what is wrong
 * with it. */
static const char *current_access(const azl_source_t *source, apr_pool_t *p,
                                  azl_blob_access_t *access)
{
    const azl_secret_t *text;
    const char *err;
    int literal;

    *access = source->access;
    if (!source->understand ||
        azl_option_secret(p, source->reference, &text, &literal)) {
        return NULL;
    }
    err = source->understand(p, azl_span_str(azl_secret_reveal(text)), access);
    return err ? apr_pstrcat(p, "credential=: ", err, NULL) : NULL;
}

static apr_status_t authorize(azl_source_t *source, apr_pool_t *p,
                              const azl_blob_access_t *access, apr_time_t now,
                              apr_table_t *headers)
{
    azl_identity_call_t call;
    apr_status_t rv;

    rv = azl_blob_headers(p, source->url, access,
                          source->etag[0] ? source->etag : NULL, now, headers);
    if (rv != APR_SUCCESS || !source->identity) {
        return rv;
    }
    memset(&call, 0, sizeof(call));
    call.method = "GET";
    call.url = source->url;
    call.host = source->host;
    return azl_identity_authorize(source->identity, p, &call, now, headers);
}

static const char *const *lines_of(apr_pool_t *p, const apr_table_t *headers)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entry = (const void *)array->elts;
    const char **lines =
        apr_pcalloc(p, sizeof(*lines) * (apr_size_t)(array->nelts + 1));
    int i;

    for (i = 0; i < array->nelts; i++) {
        lines[i] = apr_pstrcat(p, entry[i].key, ": ", entry[i].val, NULL);
    }
    return lines;
}

static azl_source_result_e understand(azl_source_t *source, apr_pool_t *p,
                                      apr_time_t sent,
                                      const azl_http_answer_t *answer,
                                      azl_span_t *text, const char **problem)
{
    const char *code;

    if (answer->status == 304 && source->etag[0]) {
        return AZL_SOURCE_SAME;
    }
    if (answer->status == 200) {
        *text = answer->body;
        source->etag[0] = '\0';
        if (answer->etag && strlen(answer->etag) < ETAG_MAX) {
            strcpy(source->etag, answer->etag);
        }
        return AZL_SOURCE_READ;
    }
    if (answer->status == 401 && source->identity) {
        azl_identity_refused(source->identity, sent);
    }
    code = azl_blob_error(p, answer->body);
    *problem = apr_psprintf(p, "the answer is %d%s%s", answer->status,
                            code ? " " : "", code ? code : "");
    return AZL_SOURCE_FAILED;
}

azl_source_result_e azl_source_read(azl_source_t *source, apr_pool_t *p,
                                    apr_time_t now, int (*stop)(void *baton),
                                    void *baton, azl_span_t *text,
                                    const char **problem)
{
    apr_table_t *headers = apr_table_make(p, 4);
    azl_http_request_t request;
    azl_http_answer_t answer;
    azl_blob_access_t access;

    *problem = NULL;
    if (source->path) {
        return read_file(source, p, text, problem);
    }
    if (source->identity && azl_identity_changes(source->identity) &&
        azl_identity_refresh(source->identity, p, now, stop, baton, problem) ==
            AZL_IDENTITY_FAILED &&
        !azl_identity_ready(source->identity, now)) {
        return AZL_SOURCE_FAILED;
    }
    *problem = current_access(source, p, &access);
    if (*problem) {
        return AZL_SOURCE_FAILED;
    }
    if (authorize(source, p, &access, now, headers) != APR_SUCCESS) {
        *problem = "the request could not be authorized";
        return AZL_SOURCE_FAILED;
    }
    memset(&request, 0, sizeof(request));
    request.url = azl_blob_url(p, source->url, &access);
    request.headers = lines_of(p, headers);
    request.body = azl_span("", 0);
    request.ca = source->ca;
    request.verify = 1;
    request.connect_timeout = CONNECT_LIMIT;
    request.timeout = CALL_LIMIT;
    request.max = AZL_SOURCE_MAX;
    request.stop = stop;
    request.baton = baton;
    *problem = azl_http_call(p, &request, &answer);
    return *problem ? AZL_SOURCE_FAILED
                    : understand(source, p, now, &answer, text, problem);
}
