/*
 * fuzz_multipart: the first line of the input is a Content-Type, the rest the
 * body. What is accepted must fit together without a gap, and must come to the
 * same parts when it is written anew.
 */
#include "azl_buf.h"
#include "azl_fuzz.h"
#include "azl_multipart.h"

static int same(azl_span_t a, azl_span_t b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.at, b.at, a.len));
}

/* The parts lie behind each other, and none holds what would end it. */
static void check_layout(apr_pool_t *p, const azl_multipart_t *m,
                         const char *boundary, azl_span_t body)
{
    const char *at = body.at, *end = body.at + body.len;
    azl_buf_t *delimiter = azl_buf_create(p, 100);
    const azl_part_t *part;
    int i, twice;

    azl_buf_puts(delimiter, "\r\n--");
    azl_buf_puts(delimiter, boundary);
    for (i = 0; i < m->nparts; i++) {
        part = &m->parts[i];
        azl_fuzz_check(part->headers.at > at, "headers follow a delimiter");
        at = part->headers.at + part->headers.len;
        azl_fuzz_check(at - 2 > part->headers.at && !memcmp(at - 2, "\r\n", 2),
                       "headers end with a line");
        azl_fuzz_check(part->content.at == at + 2 && !memcmp(at, "\r\n", 2),
                       "content follows the empty line");
        azl_fuzz_check(part->name.len && part->name.at > part->headers.at &&
                           part->name.at + part->name.len < at,
                       "the name is in the headers");
        at = part->content.at + part->content.len;
        azl_fuzz_check((apr_size_t)(end - at) > delimiter->len &&
                           !memcmp(at, delimiter->data, delimiter->len),
                       "a delimiter follows the content");
        azl_fuzz_check(!memmem(part->content.at, part->content.len,
                               delimiter->data, delimiter->len),
                       "content holds no delimiter");
        azl_fuzz_check(
            azl_multipart_find(m, azl_fuzz_text(p, part->name), &twice) != NULL,
            "a part is found by its name");
    }
}

static azl_buf_t *write_form(apr_pool_t *p, const azl_multipart_t *m,
                             const char *boundary, apr_size_t max)
{
    azl_buf_t *out = azl_buf_create(p, max);
    int i;

    for (i = 0; i < m->nparts; i++) {
        azl_buf_puts(out, "--");
        azl_buf_puts(out, boundary);
        azl_buf_puts(out, "\r\n");
        azl_buf_span(out, m->parts[i].headers);
        azl_buf_puts(out, "\r\n");
        azl_buf_span(out, m->parts[i].content);
        azl_buf_puts(out, "\r\n");
    }
    azl_buf_puts(out, "--");
    azl_buf_puts(out, boundary);
    azl_buf_puts(out, "--");
    azl_fuzz_check(!out->failed, "written anew, a form is not longer");
    return out;
}

static void check_rewritten(apr_pool_t *p, const azl_multipart_t *m,
                            const char *boundary, apr_size_t max)
{
    azl_buf_t *form = write_form(p, m, boundary, max);
    azl_multipart_t again;
    int i;

    azl_fuzz_check(
        !azl_multipart_parse(p, boundary, form->data, form->len, &again),
        "what was accepted is accepted again");
    azl_fuzz_check(again.nparts == m->nparts, "with as many parts");
    for (i = 0; i < m->nparts; i++) {
        azl_fuzz_check(same(again.parts[i].name, m->parts[i].name) &&
                           same(again.parts[i].content, m->parts[i].content) &&
                           again.parts[i].has_filename ==
                               m->parts[i].has_filename,
                       "and the same parts");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    const char *line_end = size ? memchr(data, '\n', size) : NULL;
    azl_span_t in = azl_span((const char *)data, size), type, body;
    const char *boundary;
    azl_multipart_t m;

    if (!line_end) {
        return 0;
    }
    type = azl_fuzz_take(&in, (apr_size_t)(line_end - in.at));
    azl_fuzz_take(&in, 1);
    body = azl_span(azl_fuzz_copy(p, in.at, in.len), in.len);
    boundary = azl_multipart_boundary(p, azl_fuzz_text(p, type));
    if (!boundary) {
        return 0;
    }
    azl_fuzz_check(*boundary && strlen(boundary) <= 70, "RFC 2046, 5.1.1");
    if (azl_multipart_parse(p, boundary, body.at, body.len, &m)) {
        azl_fuzz_check(m.nparts == 0, "a refused body has no parts");
        return 0;
    }
    check_layout(p, &m, boundary, body);
    check_rewritten(p, &m, boundary, body.len);
    return 0;
}
