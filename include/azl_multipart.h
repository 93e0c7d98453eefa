/*
 * azl_multipart: finds the fields of a multipart/form-data body (RFC 7578,
 * RFC 2046 section 5.1) that is held in memory, and nothing more.
 *
 * Works on the caller's bytes and allocates nothing but the result in the
 * given pool. File contents are never looked at beyond the search for the
 * boundary.
 */
#ifndef AZL_MULTIPART_H
#define AZL_MULTIPART_H

#include <apr_pools.h>

#include "azl_span.h"

/* More parts than any OpenAI endpoint takes; more are refused. */
#define AZL_MULTIPART_PARTS_MAX 128
/* The header block of one part. */
#define AZL_MULTIPART_HEADER_MAX 8192

typedef struct azl_part_t {
    azl_span_t name; /* the name parameter, quotes removed */
    int has_filename;
    azl_span_t headers; /* header lines, each with its CRLF, without the final
                           empty line */
    azl_span_t content;
} azl_part_t;

typedef struct azl_multipart_t {
    int nparts;
    azl_part_t *parts;
} azl_multipart_t;

/* The boundary parameter of a Content-Type, which may be quoted; NULL if it
 * is not multipart/form-data or the boundary is missing or no RFC 2046
 * boundary (1 to 70 characters). */
const char *azl_multipart_boundary(apr_pool_t *p, const char *content_type);
/* NULL, or what is wrong with the body (static text, fits behind "the body is
 * no form: "). What could be read in two ways is an error: a part without a
 * name or with two, text before the first boundary or behind the last, a
 * boundary behind a bare line feed, no closing boundary, base64 content. So the
 * first boundary line stands at offset 0. */
const char *azl_multipart_parse(apr_pool_t *p, const char *boundary,
                                const char *body, apr_size_t len,
                                azl_multipart_t *out);
/* The first part of that name, NULL when there is none; *twice tells whether
 * there are more. */
const azl_part_t *azl_multipart_find(const azl_multipart_t *m, const char *name,
                                     int *twice);

#endif /* AZL_MULTIPART_H */
