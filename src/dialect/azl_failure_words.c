/*
 * The words of an upstream's error answer, whoever has written it: read
 * leniently, its shape forgotten.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_failure_int.h"

/* A longer type, code or parameter name is none. */
#define WORD_MAX 128

/* A string or number as text, or NULL. "null" and "" say nothing. */
static const char *word(apr_pool_t *p, const azl_value_t *v)
{
    const char *text = NULL;

    if (v->type == AZL_JSON_STRING) {
        text = azl_scan_text(p, v->raw);
    }
    else if (v->type == AZL_JSON_NUMBER && v->raw.len <= WORD_MAX) {
        text = apr_pstrmemdup(p, v->raw.at, v->raw.len);
    }
    return text && *text ? text : NULL;
}

static const char *short_word(apr_pool_t *p, const azl_value_t *v)
{
    const char *text = word(p, v);

    return text && strlen(text) <= WORD_MAX ? text : NULL;
}

/* A code is logged; a sentence in its place could quote the prompt. */
static const char *code_word(apr_pool_t *p, const azl_value_t *v)
{
    const char *text = short_word(p, v);
    const char *at = text;

    while (at && (apr_isalnum(*at) || (*at && strchr("_-.:/", *at)))) {
        at++;
    }
    return at && !*at ? text : NULL;
}

static void read_member(apr_pool_t *p, azl_span_t key, const azl_value_t *v,
                        azl_failure_words_t *words)
{
    if (azl_span_is(key, "message")) {
        words->message = word(p, v);
    }
    else if (azl_span_is(key, "type")) {
        /* "error" is the type of an event, and of every error on Azure's v1
         * surface */
        words->type =
            azl_span_is(v->raw, "\"error\"") ? NULL : short_word(p, v);
    }
    else if (azl_span_is(key, "param")) {
        words->param = words->param ? words->param : short_word(p, v);
    }
    else if (azl_span_is(key, "code")) {
        words->code = code_word(p, v);
    }
    else if (azl_span_is(key, "status")) {
        apr_int64_t n;

        if (azl_scan_uint(v->raw, &n) && n >= 400 && n <= 599) {
            words->status = (int)n;
        }
    }
    else if ((azl_span_is(key, "innererror") ||
              azl_span_is(key, "inner_error")) &&
             v->type == AZL_JSON_OBJECT) {
        words->innererror = v->raw;
    }
}

/* ["body","messages",0,"role"] is messages[0].role. */
static const char *read_place(apr_pool_t *p, azl_span_t raw)
{
    const char *path = NULL;
    azl_value_t v;
    azl_scan_t s;
    int first = 1;

    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return NULL;
    }
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        const char *step = short_word(p, &v);

        if (!step || (path && strlen(path) > WORD_MAX)) {
            return NULL;
        }
        if (first && strcmp(step, "body") == 0) {
            first = 0; /* says nothing */
            continue;
        }
        first = 0;
        path =
            v.type == AZL_JSON_NUMBER
                ? apr_pstrcat(p, path ? path : "", "[", step, "]", NULL)
                : apr_pstrcat(p, path ? path : "", path ? "." : "", step, NULL);
    }
    return path;
}

/* FastAPI's list of what is wrong with a request (vLLM, Mistral): the first. */
static void read_detail(apr_pool_t *p, azl_span_t list,
                        azl_failure_words_t *words)
{
    azl_value_t v;
    azl_span_t key;
    azl_scan_t s;

    azl_scan_init(&s, list.at, list.len);
    azl_scan_enter(&s);
    if (azl_scan_element(&s) != 1 || azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1 && azl_scan_value(&s, &v) == 1) {
        if (azl_span_is(key, "msg")) {
            words->message = word(p, &v);
        }
        else if (azl_span_is(key, "loc")) {
            words->param = read_place(p, v.raw);
        }
    }
}

/* A text, a list, or an object with the list in it. */
static void read_details(apr_pool_t *p, const azl_value_t *v,
                         azl_failure_words_t *words)
{
    azl_value_t inner;
    azl_span_t key;
    azl_scan_t s;

    if (v->type == AZL_JSON_STRING) {
        words->message = word(p, v);
    }
    else if (v->type == AZL_JSON_ARRAY) {
        read_detail(p, v->raw, words);
    }
    else if (v->type == AZL_JSON_OBJECT) {
        azl_scan_init(&s, v->raw.at, v->raw.len);
        azl_scan_enter(&s);
        while (azl_scan_member(&s, &key) == 1 &&
               azl_scan_value(&s, &inner) == 1) {
            if (azl_span_is(key, "detail") && inner.type == AZL_JSON_ARRAY) {
                read_detail(p, inner.raw, words);
            }
        }
    }
}

/* The members of an error object, or of what stands in its place. 1 if it held
 * a message or a code. */
static int read_object(apr_pool_t *p, azl_span_t raw,
                       azl_failure_words_t *words)
{
    azl_span_t inner = azl_span(NULL, 0);
    azl_value_t v;
    azl_span_t key;
    azl_scan_t s;

    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        return 0;
    }
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1 && azl_scan_value(&s, &v) == 1) {
        if (azl_span_is(key, "error") && v.type == AZL_JSON_OBJECT) {
            inner = v.raw;
        }
        else if (azl_span_is(key, "error") || azl_span_is(key, "detail") ||
                 (azl_span_is(key, "message") && v.type == AZL_JSON_OBJECT)) {
            if (!words->message) {
                read_details(p, &v, words);
            }
        }
        else {
            read_member(p, key, &v, words);
        }
    }
    if (s.error) {
        memset(words, 0, sizeof(*words));
        return 0;
    }
    if (inner.len) {
        memset(words, 0, sizeof(*words));
        return read_object(p, inner, words);
    }
    return words->message || words->code;
}

int azl_failure_words(apr_pool_t *p, azl_span_t body,
                      azl_failure_words_t *words)
{
    azl_value_t first;
    azl_scan_t s;

    memset(words, 0, sizeof(*words));
    azl_scan_init(&s, body.at, body.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return read_object(p, body, words);
    }
    /* Google's services put the one error into an array. */
    azl_scan_enter(&s);
    return azl_scan_element(&s) == 1 && azl_scan_value(&s, &first) == 1 &&
           read_object(p, first.raw, words);
}
