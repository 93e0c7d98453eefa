#include "azl_repeat_int.h"

#include "azl_edit_int.h"

/* The string at `at` in the source, checked; NULL if there is none. */
static const char *string_end(const char *at, const char *end)
{
    azl_value_t v;
    azl_scan_t s;

    if (at == end || *at != '"') {
        return NULL;
    }
    azl_scan_init(&s, at, (apr_size_t)(end - at));
    return azl_scan_value(&s, &v) == 1 ? s.at : NULL;
}

/* Where the one and only copy of `word` stands; NULL if there are more. */
static const char *find_once(azl_span_t text, azl_span_t word)
{
    const char *end = azl_span_end(text);
    const char *found = NULL;
    const char *at = text.at;

    while ((apr_size_t)(end - at) >= word.len) {
        at = memchr(at, '"', (apr_size_t)(end - at) - word.len + 1);
        if (!at) {
            break;
        }
        if (memcmp(at, word.at, word.len) == 0) {
            if (found) {
                return NULL;
            }
            found = at;
        }
        at++;
    }
    return found;
}

static int copy(azl_buf_t **buf, apr_pool_t *p, azl_span_t text)
{
    if (!*buf) {
        *buf = azl_buf_create(p, AZL_REPEAT_MAX);
        azl_buf_fit(*buf, text.len);
    }
    azl_buf_clear(*buf);
    return azl_buf_span(*buf, text) == APR_SUCCESS;
}

void azl_repeat_learn(azl_repeat_t *rep, apr_pool_t *p, azl_span_t source,
                      azl_span_t word, azl_span_t padding, azl_span_t output)
{
    const char *found = find_once(output, word);

    rep->valid = 0;
    if (!found || !copy(&rep->source, p, source) ||
        !copy(&rep->output, p, output)) {
        return;
    }
    rep->head = (apr_size_t)(word.at - source.at);
    rep->middle_at = rep->head + word.len;
    rep->middle_end = source.len;
    rep->tail_at = source.len;
    if (padding.len) {
        rep->middle_end = (apr_size_t)(padding.at - source.at);
        rep->tail_at = rep->middle_end + padding.len;
    }
    rep->before = (apr_size_t)(found - output.at);
    rep->after_at = rep->before + word.len;
    rep->valid = 1;
}

void azl_repeat_forget(azl_repeat_t *rep)
{
    rep->valid = 0;
}

/* Do the next bytes equal those of the pattern from `from` to `to`? */
static const char *match(const azl_repeat_t *rep, const char *at,
                         const char *end, apr_size_t from, apr_size_t to)
{
    apr_size_t len = to - from;

    if ((apr_size_t)(end - at) < len ||
        memcmp(at, rep->source->data + from, len) != 0) {
        return NULL;
    }
    return at + len;
}

apr_size_t azl_repeat_apply(azl_repeat_t *rep, azl_span_t source,
                            azl_buf_t *out)
{
    const char *end = azl_span_end(source);
    const char *word, *at;
    apr_size_t len, before;

    if (!rep->valid) {
        return 0;
    }
    word = match(rep, source.at, end, 0, rep->head);
    at = word ? string_end(word, end) : NULL;
    if (!at || at - word <= 2) {
        return 0;
    }
    len = (apr_size_t)(at - word);
    at = match(rep, at, end, rep->middle_at, rep->middle_end);
    if (at && rep->tail_at > rep->middle_end) {
        at = string_end(at, end);
        if (at) {
            at = match(rep, at, end, rep->tail_at, rep->source->len);
        }
    }
    if (at != end) {
        return 0;
    }
    before = out->len;
    azl_buf_append(out, rep->output->data, rep->before);
    azl_buf_append(out, word, len);
    azl_buf_append(out, rep->output->data + rep->after_at,
                   rep->output->len - rep->after_at);
    if (out->failed) {
        out->len = before;
    }
    rep->word = azl_span(word, len);
    rep->hits++;
    return len - 2;
}
