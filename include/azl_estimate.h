/*
 * azl_estimate: tokens, where nobody has counted them. Stateless.
 *
 * Four bytes of text are taken for a token, which English prose and code come
 * near to. What comes of it is good for a sum over many broken answers, not
 * for one of them, and is marked as an estimate wherever it goes.
 */
#ifndef AZL_ESTIMATE_H
#define AZL_ESTIMATE_H

#include "azl_span.h"
#include "azl_usage.h"

/* How many bytes of text a JSON value holds: the contents of its strings, as
 * they are written there, but not the names of members, and no string that is
 * an image or another file (a data: URL, base64). The JSON has been checked
 * before; what is not well-formed gives some number. */
apr_uint64_t azl_estimate_text(azl_span_t json);

/* Put an estimate in the place of counts that never came: of a prompt with so
 * much text, and an answer of which `text` bytes in `deltas` events were seen.
 * No event brought less than a token. The service tier stays as it is. */
void azl_estimate_usage(azl_usage_t *u, apr_uint64_t prompt, apr_uint64_t text,
                        apr_uint64_t deltas);
/* The same for a stream that broke off: the parts in u->told stay as they are,
 * the others are estimated, and what was generated after the completion was
 * told is added to it. `text` and `deltas`: of what came since it was told, or
 * of all that came. u->estimated says what there was to estimate. */
void azl_estimate_rest(azl_usage_t *u, apr_uint64_t prompt, apr_uint64_t text,
                       apr_uint64_t deltas);

#endif /* AZL_ESTIMATE_H */
