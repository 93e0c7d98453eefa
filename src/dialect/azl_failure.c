/*
 * What an upstream's refusal means, and how it is told to the client.
 *
 * The answer may come from the model service, from a gateway before it (Azure
 * API Management, a load balancer) or from nobody: it is read leniently and
 * only its words are kept, never its shape.
 */
#include <stdlib.h>

#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_failure_int.h"
#include "azl_identity.h"

/* More of an upstream's message is not passed on. */
#define MESSAGE_MAX 4096
/* The longest wait that an SDK honours: who is told to wait longer (one request
 * that is larger than the whole quota gets a day) need not ask again. */
#define RETRY_AFTER_HONOURED 120.0
/* A header value that is passed on as it is. */
#define RETRY_AFTER_TEXT_MAX 64
/* Seconds; a larger number in a message is no time to wait. */
#define WAIT_MAX 1e9

#define CODE_AUTHENTICATION "upstream_authentication_error"
#define CODE_TIMEOUT "upstream_timeout"
#define CODE_UNREACHABLE "upstream_unreachable"

int azl_failure_moves_on(int status)
{
    return status == 408 || status == 429 || (status >= 500 && status <= 504) ||
           status == 529;
}

/*
 * Nothing that tells where the upstream is or how to get in
 */

static int ends_word(char c)
{
    return c == '\0' || apr_isspace(c) || strchr("\"'`<>()[]{},;", c) != NULL;
}

static int word_has(azl_span_t word, azl_span_t part)
{
    apr_size_t i;

    for (i = 0; part.len > 0 && i + part.len <= word.len; ++i) {
        if (strncasecmp(word.at + i, part.at, part.len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The endpoint's host: with its port as configured, or the name alone if it
 * has a dot and so cannot be an ordinary word. */
static int names_host(azl_span_t word, const char *host)
{
    azl_span_t name = azl_span(host, strcspn(host, ":"));

    return word_has(word, azl_span_str(host)) ||
           (memchr(name.at, '.', name.len) && word_has(word, name));
}

static int starts_with(azl_span_t word, const char *prefix)
{
    apr_size_t len = strlen(prefix);

    return word.len > len && memcmp(word.at, prefix, len) == 0;
}

/* What we are known by there. */
static int has_secret(const azl_endpoint_t *e, azl_span_t text)
{
    return e && (azl_secret_is_in(e->credential, text) ||
                 (e->identity && azl_identity_is_in(e->identity, text)));
}

/* What a word of an upstream's message is replaced with; NULL: it stays. */
static const char *veil(azl_span_t word, const azl_endpoint_t *e)
{
    static const char *const hosts[] = {
        ".openai.azure.com", ".cognitiveservices.azure.com",
        ".services.ai.azure.com", ".api.cognitive.microsoft.com"};
    apr_size_t i;

    if (starts_with(word, "sk-") || has_secret(e, word)) {
        return "[removed]";
    }
    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); ++i) {
        if (word_has(word, azl_span_str(hosts[i]))) {
            return "[upstream]";
        }
    }
    if (e && e->host && names_host(word, e->host)) {
        return "[upstream]";
    }
    /* The client knows its stored responses by other ids. */
    return starts_with(word, "resp_") ? "[id]" : NULL;
}

/* At most `max` bytes, and no piece of a UTF-8 sequence at the end. */
static apr_size_t cut_text(const char *text, apr_size_t max)
{
    apr_size_t len = strlen(text);

    if (len > max) {
        len = max;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            --len;
        }
    }
    return len;
}

static const char *veiled(apr_pool_t *p, const azl_endpoint_t *e,
                          const char *text)
{
    /* No replacement is longer than ten times what it stands for. */
    azl_buf_t *out = azl_buf_create(p, 16 * MESSAGE_MAX);
    const char *end = text + cut_text(text, MESSAGE_MAX);
    const char *result;

    while (text < end) {
        const char *from = text;
        azl_span_t word;
        const char *instead;

        while (text < end && ends_word(*text)) {
            ++text;
        }
        azl_buf_append(out, from, (apr_size_t)(text - from));
        from = text;
        while (text < end && !ends_word(*text)) {
            ++text;
        }
        word = azl_span(from, (apr_size_t)(text - from));
        instead = word.len ? veil(word, e) : NULL;
        azl_buf_span(out, instead ? azl_span_str(instead) : word);
    }
    result = azl_buf_pstr(out, p);
    azl_buf_free(out);
    /* one that is more than a word */
    return has_secret(e, azl_span_str(result)) ? "[removed]" : result;
}

/*
 * When to come back
 */

/* Seconds in one unit as it follows a number: "s", "ms", "m", "minutes" ... */
static double unit(const char **at)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {
        {"millisecond", 0.001}, {"ms", 0.001}, {"minute", 60}, {"m", 60},
        {"hour", 3600},         {"h", 3600},   {"second", 1},  {"s", 1}};
    apr_size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        apr_size_t len = strlen(units[i].name);

        if (strncmp(*at, units[i].name, len) == 0) {
            *at += len;
            return units[i].seconds;
        }
    }
    return 1;
}

/* "7 seconds", "1.5s", "20ms", "6m0s": seconds, or -1. */
static double duration(const char *at)
{
    double total = -1;

    while (apr_isdigit(*at)) {
        char *end;
        double number = strtod(at, &end);

        at = *end == ' ' ? end + 1 : end;
        total = (total < 0 ? 0 : total) + number * unit(&at);
    }
    return total;
}

/* Azure tells the time in a sentence, not always in a header. */
static double wait_in_message(const char *message)
{
    static const char *const leads[] = {"retry after ", "try again in ",
                                        "retry in "};
    double seconds = -1;
    apr_size_t i;
    const char *at;

    for (i = 0; i < sizeof(leads) / sizeof(leads[0]) && seconds < 0; ++i) {
        for (at = message; *at && seconds < 0; ++at) {
            if (strncasecmp(at, leads[i], strlen(leads[i])) == 0) {
                seconds = duration(at + strlen(leads[i]));
            }
        }
    }
    return seconds;
}

/* A time to wait: a number, or a date. Nothing else that may stand there is
 * for the client. */
static const char *header(apr_pool_t *p, const apr_table_t *headers,
                          const char *name)
{
    const char *value = headers ? apr_table_get(headers, name) : NULL;
    apr_size_t len = value ? strlen(value) : 0;

    if (!len || len > RETRY_AFTER_TEXT_MAX ||
        (strspn(value, "0123456789.") != len &&
         apr_date_parse_http(value) == APR_DATE_BAD)) {
        return NULL;
    }
    return apr_pstrdup(p, value);
}

/* The seconds an error tells to wait, or -1. */
double azl_failure_wait(const azl_error_t *err)
{
    const char *after = err->retry_after;
    apr_time_t when;

    if (err->retry_after_ms && apr_isdigit(*err->retry_after_ms)) {
        return strtod(err->retry_after_ms, NULL) / 1000;
    }
    if (!after) {
        return -1;
    }
    if (apr_isdigit(*after)) {
        return strtod(after, NULL);
    }
    when = apr_date_parse_http(after);
    return when == APR_DATE_BAD
               ? -1
               : (double)(when - apr_time_now()) / APR_USEC_PER_SEC;
}

static void tell_wait(apr_pool_t *p, const apr_table_t *headers,
                      const char *message, azl_error_t *err)
{
    double seconds;

    err->retry_after_ms = header(p, headers, "retry-after-ms");
    err->retry_after = header(p, headers, "retry-after");
    if (!err->retry_after && !err->retry_after_ms && message) {
        seconds = wait_in_message(message);
        if (seconds >= 0 && seconds < WAIT_MAX) {
            apr_int64_t whole = (apr_int64_t)seconds;

            if (seconds > (double)whole) {
                err->retry_after_ms = apr_psprintf(p, "%.0f", seconds * 1000);
                ++whole;
            }
            err->retry_after = apr_psprintf(p, "%" APR_INT64_T_FMT, whole);
        }
    }
    if (azl_failure_wait(err) > RETRY_AFTER_HONOURED) {
        err->no_retry = 1;
    }
}

/*
 * The whole
 */

/* The deployment or the path to it is wrong: the operator's mistake, which the
 * client sees as a model that is not there. */
static int deployment_missing(int status, const azl_failure_words_t *words)
{
    if (status != 404 || !words->code) {
        return 0;
    }
    return strcmp(words->code, "DeploymentNotFound") == 0 ||
           strcmp(words->code, "model_not_found") == 0 ||
           (strcmp(words->code, "404") == 0 && words->message &&
            strcasecmp(words->message, "Resource not found") == 0);
}

/* Anthropic has no code for it. Where its language passes untouched nobody
 * else looks at the words. */
static const char *code_of(int status, const azl_failure_words_t *words)
{
    static const char too_long[] = "prompt is too long";

    if (!words->code && status == 400 && words->message &&
        strncmp(words->message, too_long, sizeof(too_long) - 1) == 0) {
        return "context_length_exceeded";
    }
    return words->code;
}

/* A type, a code or a name, if it is one. */
static const char *harmless(const azl_endpoint_t *e, const char *word)
{
    return word && !has_secret(e, azl_span_str(word)) ? word : NULL;
}

static void set_message(apr_pool_t *p, const azl_endpoint_t *e, int status,
                        const char *message, azl_error_t *err)
{
    err->message =
        message ? veiled(p, e, message)
                : apr_psprintf(p,
                               "The upstream service answered with status %d "
                               "and no explanation.",
                               status);
}

void azl_failure_tell(apr_pool_t *p, const azl_endpoint_t *e, int status,
                      const azl_failure_words_t *words, azl_error_t *err)
{
    static const azl_failure_words_t none;
    const char *type, *code;

    words = words ? words : &none;
    if (status == 401 || status == 403 || status == 407) {
        azl_error_set(err, 502, AZL_CLASS_AUTHENTICATION, "upstream_error",
                      CODE_AUTHENTICATION,
                      "The upstream service refused this server's own "
                      "credential. Your key is not the reason; the operator "
                      "has to look into it.");
        err->no_retry = 1;
        return;
    }
    if (deployment_missing(status, words)) {
        azl_error_set(err, 404, AZL_CLASS_VALIDATION, "invalid_request_error",
                      "model_not_found",
                      "The model is configured here, but what should serve it "
                      "does not exist at the upstream service; the operator "
                      "has to look into it.");
        err->param = "model";
        return;
    }
    if (status < 400 || status > 599) {
        azl_error_from_status(err, 502);
    }
    else {
        /* 529 is nobody's standard; 503 says the same. */
        azl_error_from_status(err, status == 529 ? 503 : status);
    }
    set_message(p, e, status, words->message, err);
    type = harmless(e, words->type);
    err->type = type ? type : err->type;
    code = harmless(e, code_of(status, words));
    err->code = code ? code : err->code;
    err->param = harmless(e, words->param);
    if (words->innererror.len && strcmp(err->code, "content_filter") == 0 &&
        !has_secret(e, words->innererror)) {
        err->innererror =
            apr_pstrmemdup(p, words->innererror.at, words->innererror.len);
    }
    if (strcmp(err->code, "insufficient_quota") == 0) {
        err->no_retry = 1;
    }
}

void azl_failure_read(apr_pool_t *p, const azl_deployment_t *d, int status,
                      const apr_table_t *headers, azl_span_t body,
                      azl_error_t *err)
{
    azl_failure_words_t words;

    azl_failure_words(p, body, &words);
    azl_failure_tell(p, d->endpoint, status, &words, err);
    if (azl_failure_moves_on(status)) {
        tell_wait(p, headers, status == 429 ? words.message : NULL, err);
    }
}

/* The HTTP status an error event's words stand for. */
static int status_of(const azl_failure_words_t *words)
{
    static const struct {
        const char *word;
        int status;
    } known[] = {
        {"rate_limit_exceeded", 429},     {"rate_limit_error", 429},
        {"too_many_requests", 429},       {"insufficient_quota", 429},
        {"content_filter", 400},          {"invalid_prompt", 400},
        {"context_length_exceeded", 400}, {"invalid_request_error", 400},
        {"service_unavailable", 503},     {"overloaded_error", 503},
        {"timeout_error", 504},           {"timeout", 504}};
    apr_size_t i;
    int number = words->code ? atoi(words->code) : 0;

    if (words->status) {
        return words->status;
    }
    if (number >= 400 && number <= 599) {
        return number;
    }
    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if ((words->code && strcasecmp(words->code, known[i].word) == 0) ||
            (words->type && strcasecmp(words->type, known[i].word) == 0)) {
            return known[i].status;
        }
    }
    return 500;
}

void azl_failure_event(apr_pool_t *p, const azl_deployment_t *d,
                       azl_span_t data, azl_error_t *err)
{
    azl_failure_words_t words;
    int status;

    azl_failure_words(p, data, &words);
    status = status_of(&words);
    azl_failure_tell(p, d ? d->endpoint : NULL, status, &words, err);
    if (azl_failure_moves_on(status)) {
        tell_wait(p, NULL, words.message, err);
    }
}

void azl_failure_transport(azl_error_t *err, int timed_out)
{
    if (timed_out) {
        azl_error_set(err, 504, AZL_CLASS_TIMEOUT, "server_error", CODE_TIMEOUT,
                      "The upstream service did not answer in time.");
    }
    else {
        azl_error_set(err, 502, AZL_CLASS_UNKNOWN, "server_error",
                      CODE_UNREACHABLE,
                      "The upstream service could not be reached or gave no "
                      "usable answer.");
    }
}

void azl_failure_no_credential(azl_error_t *err)
{
    azl_error_set(err, 502, AZL_CLASS_AUTHENTICATION, "server_error",
                  AZL_CODE_NO_CREDENTIAL,
                  "This server has no valid credential for the upstream "
                  "service at the moment. Your key is not the reason; the "
                  "operator has to look into it.");
}

/* How much a client can do with an error. */
static int usefulness(const azl_error_t *err)
{
    if (strcmp(err->code, CODE_TIMEOUT) == 0 ||
        strcmp(err->code, CODE_UNREACHABLE) == 0) {
        return 0;
    }
    if (strcmp(err->code, CODE_AUTHENTICATION) == 0 ||
        strcmp(err->code, AZL_CODE_NO_CREDENTIAL) == 0) {
        return 1;
    }
    if (err->status >= 500 || err->status == 408) {
        return 2;
    }
    if (err->status == 429) {
        return azl_failure_wait(err) < 0 ? 3 : 4;
    }
    /* The request itself is at fault: no candidate would take it. */
    return 5;
}

int azl_failure_better(const azl_error_t *a, const azl_error_t *b)
{
    int left = usefulness(a);
    int right = usefulness(b);

    if (left != right) {
        return right > left;
    }
    /* Told to wait, the shorter the better; both told nothing: the first. */
    return azl_failure_wait(b) >= 0 &&
           (azl_failure_wait(a) < 0 ||
            azl_failure_wait(b) < azl_failure_wait(a));
}
