#include "azl_http.h"

#include <curl/curl.h>

#include "azl_buf.h"

#define USER_AGENT "mod_azurelit"

/* What a call needs while it is made. */
typedef struct call_t {
    const azl_http_request_t *request;
    azl_buf_t *body;
} call_t;

apr_status_t azl_http_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? APR_SUCCESS
                                                             : APR_EGENERAL;
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
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, request->verify ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, request->verify ? 2L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (request->ca) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
}

static void set_up(CURL *curl, call_t *call, struct curl_slist *headers)
{
    const azl_http_request_t *request = call->request;

    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    /* The environment of a server is nobody's to steer it with. */
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->body.len) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    /* Signals are the process's, not a thread's. */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     milliseconds(request->connect_timeout));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout));
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

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    answer->status = (int)status;
    answer->took = took;
    answer->retry_after = retry_after ? apr_time_from_sec(retry_after) : -1;
}

static const char *perform(CURL *curl, apr_pool_t *p, call_t *call,
                           azl_http_answer_t *answer)
{
    CURLcode rc = curl_easy_perform(curl);

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
    return NULL;
}

static struct curl_slist *copy_headers(const char *const *headers)
{
    struct curl_slist *list = NULL;

    for (; headers && *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);

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
    CURL *curl = curl_easy_init();
    call_t call = {request, NULL};
    const char *err = "there is no memory";

    if (request->max) {
        call.body = azl_buf_create(p, request->max);
    }
    if (curl) {
        set_up(curl, &call, headers);
        err = perform(curl, p, &call, answer);
        curl_easy_cleanup(curl);
    }
    curl_slist_free_all(headers);
    if (call.body) {
        azl_buf_free(call.body);
    }
    return err;
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
    return call_out(p, request, answer);
}
