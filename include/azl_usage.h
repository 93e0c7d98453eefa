/*
 * azl_usage: the tokens of one answer, as the upstream counted them or, where
 * it could not, as azl_estimate.h has them.
 *
 * A value. OpenAI's convention (its API reference): prompt includes cached
 * and cache-write tokens, completion includes reasoning tokens; details are
 * subsets and never added on top.
 *
 * A stream that breaks off may have told a part of it: `told` says which
 * counts are the upstream's, `estimated` which are ours.
 */
#ifndef AZL_USAGE_H
#define AZL_USAGE_H

#include <apr.h>

#include "azl_scan.h"

/* Parts of a usage, as bits. */
#define AZL_USAGE_PROMPT 1
#define AZL_USAGE_COMPLETION 2
#define AZL_USAGE_ALL (AZL_USAGE_PROMPT | AZL_USAGE_COMPLETION)

/* What Anthropic's totals leave out: tokens of a compaction, of an advisor,
 * which is another model, and of a model that had begun to answer when it
 * declined and another one took its place. */
typedef struct azl_usage_beside_t {
    apr_int64_t input; /* as Anthropic counts it, without the caches */
    apr_int64_t cached;
    apr_int64_t cache_write;
    apr_int64_t cache_write_1h;
    apr_int64_t completion;
    int other_model; /* some of them, or all totals, at a price of their own */
} azl_usage_beside_t;

typedef struct azl_usage_t {
    int reported; /* there are counts; else all of them are 0 */
    int told;     /* the parts that the upstream has counted */
    apr_int64_t prompt;
    apr_int64_t cached;
    apr_int64_t cache_write;
    apr_int64_t cache_write_1h; /* of these, kept for an hour */
    apr_int64_t audio_prompt;   /* of the prompt, sound */
    apr_int64_t completion;
    apr_int64_t reasoning;
    apr_int64_t audio_completion;
    apr_int64_t duration_ms; /* transcription billed by time; else 0 */
    int background; /* of a response the provider makes by itself: its usage
                       comes when somebody asks for it */
    int other_tier; /* billed at a service tier we have no price for */
    int fast;       /* of Messages: in a hurry, which has a price of its own */
    azl_usage_beside_t beside; /* of a Messages stream: in all counts above */
    int estimated; /* the parts whose counts are ours, if only for the rest */
} azl_usage_t;

/* Read a usage object: chat, completions, embeddings, responses, images and
 * transcriptions; null members, missing details, DeepSeek's top-level
 * reasoning_tokens, a completion that xAI counts without what was thought and
 * unknown members are all fine. 1 if it held any count;
 * 0 (and *u untouched) for null or anything else. The tier stays as it is: it
 * stands beside the usage. */
int azl_usage_read(azl_usage_t *u, azl_span_t raw);
/* Read a usage object of Anthropic's Messages API, whose input_tokens are those
 * that no cache had a part in, with its service_tier. In a stream they come in
 * pieces: each count replaces the one before, and what is missing stays, also
 * in `told`. Iterations that its totals leave out are added to them (see
 * azl_usage_beside_t). For what other models have used, and for what was
 * answered fast, there is no price: it counts as another tier. 1 if it held any
 * count, else 0 and *u untouched. */
int azl_usage_read_messages(azl_usage_t *u, azl_span_t raw);
/* Read an answer's `service_tier`: one that list prices are taken for
 * ("default", "auto", "standard", "scale") or another, such as "flex" or
 * "priority". What is no text, or an empty one, says nothing and changes
 * nothing; of several the last one counts. */
void azl_usage_read_tier(azl_usage_t *u, azl_span_t raw);

/* Read an answer's `background`. */
void azl_usage_read_background(azl_usage_t *u, azl_span_t raw);
/* Of the cache writes, those that are not kept for an hour; never below 0. */
apr_int64_t azl_usage_cache_write_5m(const azl_usage_t *u);
/* Add what another answer of the same request has used. */
void azl_usage_add(azl_usage_t *sum, const azl_usage_t *more);

#endif /* AZL_USAGE_H */
