/*
 * azl_usage: the tokens of one answer, as the upstream counted them.
 *
 * A value. OpenAI's convention (translation.md 1.2): prompt includes cached
 * and cache-write tokens, completion includes reasoning tokens; details are
 * subsets and never added on top.
 */
#ifndef AZL_USAGE_H
#define AZL_USAGE_H

#include <apr.h>

#include "azl_scan.h"

typedef struct azl_usage_t {
    int reported; /* the upstream said so; else all counts are 0 */
    apr_int64_t prompt;
    apr_int64_t cached;
    apr_int64_t cache_write;
    apr_int64_t completion;
    apr_int64_t reasoning;
    apr_int64_t duration_ms; /* transcription billed by time; else 0 */
} azl_usage_t;

/* Read a usage object: chat, completions, embeddings, responses, images and
 * transcriptions; null members, missing details, DeepSeek's top-level
 * reasoning_tokens and unknown members are all fine. 1 if it held any count;
 * 0 (and *u untouched) for null or anything else. */
int azl_usage_read(azl_usage_t *u, azl_span_t raw);

#endif /* AZL_USAGE_H */
