#include "azl_estimate.h"

#include <apr_lib.h>

#define BYTES_PER_TOKEN 4
/* So many characters of base64 in a row are no text: prose has a blank or a
 * mark, and what has none a backslash or a byte beyond ASCII. */
#define BLOB_SIZE 256

/* The quote that ends a string, or NULL. */
static const char *string_end(const char *at, const char *end)
{
    while ((at = memchr(at, '"', (apr_size_t)(end - at))) != NULL) {
        const char *back = at;

        while (back[-1] == '\\') {
            --back;
        }
        if ((at - back) % 2 == 0) {
            return at;
        }
        ++at;
    }
    return NULL;
}

static int is_base64(const char *at, const char *end)
{
    while (at < end && (apr_isalnum(*at) || *at == '+' || *at == '/' ||
                        *at == '-' || *at == '_' || *at == '=')) {
        ++at;
    }
    return at == end;
}

static int is_blob(const char *from, apr_size_t len)
{
    static const char url[] = "data:";

    return (len >= sizeof(url) - 1 &&
            memcmp(from, url, sizeof(url) - 1) == 0) ||
           (len >= BLOB_SIZE && is_base64(from, from + BLOB_SIZE));
}

static int is_name(const char *at, const char *end)
{
    while (at < end && apr_isspace(*at)) {
        ++at;
    }
    return at < end && *at == ':';
}

apr_uint64_t azl_estimate_text(azl_span_t json)
{
    const char *at = json.at;
    const char *end = json.at + json.len;
    apr_uint64_t bytes = 0;

    while (at < end && (at = memchr(at, '"', (apr_size_t)(end - at))) != NULL) {
        const char *from = at + 1;

        at = string_end(from, end);
        if (!at) {
            break;
        }
        if (!is_name(at + 1, end) && !is_blob(from, (apr_size_t)(at - from))) {
            bytes += (apr_uint64_t)(at - from);
        }
        ++at;
    }
    return bytes;
}

static apr_int64_t tokens(apr_uint64_t bytes)
{
    return (apr_int64_t)((bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN);
}

void azl_estimate_rest(azl_usage_t *u, apr_uint64_t prompt, apr_uint64_t text,
                       apr_uint64_t deltas)
{
    apr_int64_t rest = tokens(text);

    if (rest < (apr_int64_t)deltas) {
        rest = (apr_int64_t)deltas;
    }
    if (!(u->told & AZL_USAGE_PROMPT)) {
        u->prompt = tokens(prompt);
        u->estimated |= AZL_USAGE_PROMPT;
    }
    if (!(u->told & AZL_USAGE_COMPLETION)) {
        /* a count that was none of the whole is the least there was */
        u->completion = rest > u->completion ? rest : u->completion;
        u->estimated |= AZL_USAGE_COMPLETION;
    }
    else if (rest) {
        u->completion += rest;
        u->estimated |= AZL_USAGE_COMPLETION;
    }
    u->reported = 1;
}

void azl_estimate_usage(azl_usage_t *u, apr_uint64_t prompt, apr_uint64_t text,
                        apr_uint64_t deltas)
{
    int other_tier = u->other_tier;

    memset(u, 0, sizeof(*u));
    u->other_tier = other_tier;
    azl_estimate_rest(u, prompt, text, deltas);
}
