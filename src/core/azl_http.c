/*
 * libcurl brings a dozen libraries along, more than a megabyte in each process.
 * Servers that never make such a call do without: it is opened for the first
 * one.
 */
#include "azl_http.h"

#include <dlfcn.h>
#include <pthread.h>
#include <strings.h>

#include <apr_strings.h>
#include <curl/curl.h>

#include "azl_buf.h"
#include "azl_crypto.h"

/* Its binary interface has kept this name since 2006. */
#define LIBCURL "libcurl.so.4"

#define USER_AGENT "mod_azurelit"

/* What a call needs while it is made. */
typedef struct call_t {
    const azl_http_request_t *request;
    azl_buf_t *body;
    apr_pool_t *pool;
    const char *etag; /* of the answer, once it has come */
} call_t;

/* What is used of it. */
static struct {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *curl);
    CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *curl);
    struct curl_slist *(*slist_append)(struct curl_slist *list,
                                       const char *text);
    void (*slist_free_all)(struct curl_slist *list);
} lib;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_open;

/* C has no conversion from an object's address to a function's; POSIX asks for
 * this one (dlsym, rationale). */
static int find(void *handle, const char *name, void *function)
{
    *(void **)function = dlsym(handle, name);
    return *(void **)function != NULL;
}

static void open_library(void)
{
    void *handle = dlopen(LIBCURL, RTLD_NOW | RTLD_LOCAL);

    is_open = handle && find(handle, "curl_global_init", &lib.global_init) &&
              find(handle, "curl_easy_init", &lib.easy_init) &&
              find(handle, "curl_easy_setopt", &lib.easy_setopt) &&
              find(handle, "curl_easy_perform", &lib.easy_perform) &&
              find(handle, "curl_easy_getinfo", &lib.easy_getinfo) &&
              find(handle, "curl_easy_cleanup", &lib.easy_cleanup) &&
              find(handle, "curl_slist_append", &lib.slist_append) &&
              find(handle, "curl_slist_free_all", &lib.slist_free_all) &&
              lib.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

apr_status_t azl_http_init(void)
{
    pthread_once(&once, open_library);
    return is_open ? APR_SUCCESS : APR_EDSOOPEN;
}

static size_t take_body(char *data, size_t size, size_t n, void *baton)
{
    call_t *call = baton;

    /* A body that is not wanted ends the call as soon as it begins. */
    return call->request->max &&
                   azl_buf_append(call->body, data, size * n) == APR_SUCCESS
               ? size * n
               : 0;
}

/* One line of the head. The answer proper is the last one: what an interim one
 * said is forgotten. */
static size_t take_header(char *data, size_t size, size_t n, void *baton)
{
    static const char etag[] = "etag:";
    apr_size_t len = size * n, name = sizeof(etag) - 1;
    call_t *call = baton;

    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
        call->etag = NULL;
    }
    else if (len > name && strncasecmp(data, etag, name) == 0) {
        char *value = apr_pstrmemdup(call->pool, data + name, len - name);

        apr_collapse_spaces(value, value);
        call->etag = value;
    }
    return len;
}

static int look_up(void *baton, curl_off_t dltotal, curl_off_t dlnow,
                   curl_off_t ultotal, curl_off_t ulnow)
{
    const azl_http_request_t *request = ((call_t *)baton)->request;

    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    return request->stop ? request->stop(request->baton) : 0;
}

static long milliseconds(apr_interval_time_t t)
{
    return t > 0 ? (long)((t + 999) / 1000) : 1;
}

static void set_tls(CURL *curl, const azl_http_request_t *request)
{
    lib.easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, request->verify ? 1L : 0L);
    lib.easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, request->verify ? 2L : 0L);
    lib.easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (request->ca) {
        lib.easy_setopt(curl, CURLOPT_CAINFO, request->ca);
        lib.easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
}

static void set_up(CURL *curl, call_t *call, struct curl_slist *headers)
{
    const azl_http_request_t *request = call->request;

    lib.easy_setopt(curl, CURLOPT_URL, request->url);
    lib.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    /* The environment of a server is nobody's to steer it with. */
    lib.easy_setopt(curl, CURLOPT_PROXY, "");
    lib.easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
    lib.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->body.len) {
        lib.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                        (curl_off_t)request->body.len);
        lib.easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at);
    }
    if (request->method) {
        lib.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
    lib.easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    lib.easy_setopt(curl, CURLOPT_WRITEDATA, call);
    lib.easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    lib.easy_setopt(curl, CURLOPT_HEADERDATA, call);
    lib.easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
    lib.easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    lib.easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    /* Signals are the process's, not a thread's. */
    lib.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    lib.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                    milliseconds(request->connect_timeout));
    lib.easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout));
    set_tls(curl, request);
}

static const char no_url[] = "this is no URL of http or https";

/* libcurl's own texts may hold names of hosts and files. */
static const char *reason(CURLcode rc)
{
    switch (rc) {
    case CURLE_URL_MALFORMAT:
        return no_url;
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the name of the host could not be resolved";
    case CURLE_COULDNT_CONNECT:
        return "the connection was refused";
    case CURLE_OPERATION_TIMEDOUT:
        return "it took too long";
    case CURLE_SSL_CACERT_BADFILE:
        return "the file of trusted authorities cannot be read";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the certificate is not accepted";
    case CURLE_SSL_CONNECT_ERROR:
        return "TLS failed";
    case CURLE_ABORTED_BY_CALLBACK:
        return "it was given up";
    case CURLE_WRITE_ERROR:
        return "the answer is too large";
    default:
        return "the connection broke, or what came is no HTTP";
    }
}

static void read_answer(CURL *curl, azl_http_answer_t *answer)
{
    curl_off_t took = 0, retry_after = 0;
    long status = 0;

    lib.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    lib.easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took);
    lib.easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    answer->status = (int)status;
    answer->took = took;
    answer->retry_after = retry_after ? apr_time_from_sec(retry_after) : -1;
}

static const char *perform(CURL *curl, apr_pool_t *p, call_t *call,
                           azl_http_answer_t *answer)
{
    CURLcode rc = lib.easy_perform(curl);

    read_answer(curl, answer);
    if (rc == CURLE_WRITE_ERROR && !call->request->max) {
        rc = CURLE_OK; /* we ended it, having its status */
    }
    if (rc != CURLE_OK) {
        answer->status = 0;
        return reason(rc);
    }
    if (call->body) {
        answer->body = azl_span_str(azl_buf_pstr(call->body, p));
        answer->body.len = call->body->len;
    }
    answer->etag = call->etag;
    return NULL;
}

static struct curl_slist *copy_headers(const char *const *headers)
{
    struct curl_slist *list = NULL;

    for (; headers && *headers; headers++) {
        struct curl_slist *longer = lib.slist_append(list, *headers);

        if (!longer) {
            break; /* out of memory: the call will fail, too */
        }
        list = longer;
    }
    return list;
}

static const char *call_out(apr_pool_t *p, const azl_http_request_t *request,
                            azl_http_answer_t *answer)
{
    struct curl_slist *headers = copy_headers(request->headers);
    CURL *curl = lib.easy_init();
    call_t call = {request, NULL, p, NULL};
    const char *err = "there is no memory";

    if (request->max) {
        call.body = azl_buf_create(p, request->max);
    }
    if (curl) {
        set_up(curl, &call, headers);
        err = perform(curl, p, &call, answer);
        lib.easy_cleanup(curl);
    }
    lib.slist_free_all(headers);
    if (call.body) {
        /* it may be a token */
        azl_crypto_wipe(call.body->data, call.body->len);
        azl_buf_free(call.body);
    }
    return err;
}

/* 127.0.0.0/8, but no name that begins like it. */
static int is_this_machine(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 &&
            strspn(host, "0123456789.") == strlen(host));
}

const char *azl_http_open_host(apr_pool_t *p, const char *url)
{
    static const char scheme[] = "http://";
    char *host, *user;

    if (strncasecmp(url, scheme, sizeof(scheme) - 1) != 0) {
        return NULL;
    }
    url += sizeof(scheme) - 1;
    host = apr_pstrmemdup(p, url, strcspn(url, "/?#"));
    user = strrchr(host, '@');
    host = user ? user + 1 : host;
    if (*host == '[' && strchr(host, ']')) {
        strchr(host, ']')[1] = '\0';
    }
    else {
        host[strcspn(host, ":")] = '\0';
    }
    return is_this_machine(host) ? NULL : host;
}

const char *azl_http_call(apr_pool_t *p, const azl_http_request_t *request,
                          azl_http_answer_t *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->retry_after = -1;
    answer->body = azl_span("", 0);
    if (strncmp(request->url, "http://", 7) != 0 &&
        strncmp(request->url, "https://", 8) != 0) {
        return no_url;
    }
    if (azl_http_init() != APR_SUCCESS) {
        return "libcurl (" LIBCURL ") is not installed";
    }
    return call_out(p, request, answer);
}
