/*
 * A GenerateContentResponse, read once from front to back: a whole answer and
 * each event of a stream are one.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_gemini_int.h"

/* Ids of calls that everybody takes, and the longest of them. */
#define CALL_ID_MAX 64
/* The longest answer's id a call's own is made of: with what is added it
 * stays below the 40 bytes that OpenAI's chat takes. */
#define ANSWER_ID_MAX 28

static const azl_value_t none;

static azl_value_t get(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && v->type != AZL_JSON_NULL ? *v : none;
}

static apr_int64_t count(const azl_object_t *o, const char *name)
{
    apr_int64_t n = 0;
    azl_value_t v = get(o, name);

    return v.type == AZL_JSON_NUMBER && azl_scan_uint(v.raw, &n) ? n : 0;
}

static int is_plain(azl_span_t id, apr_size_t max)
{
    apr_size_t i;

    for (i = 0; i < id.len; ++i) {
        if (!apr_isalnum(id.at[i]) && id.at[i] != '_' && id.at[i] != '-') {
            return 0;
        }
    }
    return id.len > 0 && id.len <= max;
}

/* An id that needs no quoting anywhere, without its quotes; else empty. */
static azl_span_t plain_text(azl_value_t v)
{
    azl_span_t id = azl_span(NULL, 0);

    if (v.type == AZL_JSON_STRING) {
        id = azl_span(v.raw.at + 1, v.raw.len - 2);
    }
    return is_plain(id, CALL_ID_MAX) ? id : azl_span(NULL, 0);
}

static int read_call(const azl_value_t *call, azl_gemini_part_t *part)
{
    azl_object_t o;

    if (!azl_object_open(&o, call->raw)) {
        return 0;
    }
    part->name = get(&o, "name");
    part->args = get(&o, "args");
    part->id = get(&o, "id");
    return part->name.type == AZL_JSON_STRING &&
           (part->args.type == AZL_JSON_NONE ||
            part->args.type == AZL_JSON_OBJECT);
}

static int read_data(const azl_value_t *data, azl_gemini_part_t *part)
{
    azl_object_t o;

    if (!azl_object_open(&o, data->raw)) {
        return 0;
    }
    part->mime = get(&o, "mimeType");
    part->data = get(&o, "data");
    return part->mime.type == AZL_JSON_STRING &&
           part->data.type == AZL_JSON_STRING;
}

/* A part of a kind that is not known (code that was run) says nothing. */
static int read_part(azl_gemini_reader_t *rd, int candidate, azl_scan_t *s)
{
    azl_gemini_part_t part;
    azl_value_t nested;
    azl_object_t o;

    if (!azl_object_scan(&o, s)) {
        return 0;
    }
    memset(&part, 0, sizeof(part));
    part.text = get(&o, "text");
    part.thought = get(&o, "thought").type == AZL_JSON_TRUE;
    part.signature = get(&o, "thoughtSignature");
    nested = get(&o, "functionCall");
    if (nested.type != AZL_JSON_NONE && !read_call(&nested, &part)) {
        return 0;
    }
    nested = get(&o, "inlineData");
    if (nested.type != AZL_JSON_NONE && !read_data(&nested, &part)) {
        return 0;
    }
    rd->part(rd->baton, candidate, &part);
    return 1;
}

static int read_content(azl_gemini_reader_t *rd, int candidate,
                        const azl_value_t *content)
{
    azl_value_t parts;
    azl_object_t o;
    azl_scan_t s;
    int more;

    if (content->type == AZL_JSON_NONE) {
        return 1;
    }
    if (!azl_object_open(&o, content->raw)) {
        return 0;
    }
    parts = get(&o, "parts");
    if (parts.type == AZL_JSON_NONE) {
        return 1;
    }
    azl_scan_init(&s, parts.raw.at, parts.raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_enter(&s);
    while ((more = azl_scan_element(&s)) == 1) {
        if (!read_part(rd, candidate, &s)) {
            return 0;
        }
    }
    return more == 0;
}

/* A candidate without a number is the one that stands there. */
static int read_candidate(azl_gemini_reader_t *rd, int place, azl_scan_t *s)
{
    apr_int64_t index = place;
    azl_value_t content;
    azl_value_t reason;
    azl_value_t number;
    azl_object_t o;

    if (!azl_object_scan(&o, s)) {
        return 0;
    }
    number = get(&o, "index");
    if (number.type != AZL_JSON_NONE && !azl_scan_uint(number.raw, &index)) {
        return 0;
    }
    content = get(&o, "content");
    reason = get(&o, "finishReason");
    if (index >= AZL_CHOICES_MAX || !read_content(rd, (int)index, &content)) {
        return 0;
    }
    if (reason.type == AZL_JSON_STRING) {
        rd->finish(rd->baton, (int)index,
                   azl_span(reason.raw.at + 1, reason.raw.len - 2));
    }
    return 1;
}

static int read_candidates(azl_gemini_reader_t *rd, const azl_value_t *list)
{
    azl_scan_t s;
    int place = 0;
    int more;

    azl_scan_init(&s, list->raw.at, list->raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_enter(&s);
    while ((more = azl_scan_element(&s)) == 1) {
        if (!read_candidate(rd, place++, &s)) {
            return 0;
        }
    }
    return more == 0;
}

/* The Gemini API's word or Vertex's. */
static void read_tier(azl_gemini_reader_t *rd, azl_value_t v)
{
    static const struct {
        const char *theirs;
        const char *ours;
    } tiers[] = {
        {"\"standard\"", "default"},    {"\"flex\"", "flex"},
        {"\"priority\"", "priority"},   {"\"ON_DEMAND\"", "default"},
        {"\"ON_DEMAND_FLEX\"", "flex"}, {"\"ON_DEMAND_PRIORITY\"", "priority"}};
    apr_size_t i;

    for (i = 0; i < sizeof(tiers) / sizeof(tiers[0]); ++i) {
        if (azl_span_is(v.raw, tiers[i].theirs)) {
            rd->tier = tiers[i].ours;
        }
    }
}

/* How many tokens of a count are sound: its details have an entry for each
 * kind. */
static apr_int64_t sound(const azl_object_t *o, const char *details)
{
    azl_value_t list = get(o, details);
    azl_value_t v;
    azl_object_t one;
    azl_scan_t s;

    if (list.type != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_init(&s, list.raw.at, list.raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (azl_object_open(&one, v.raw) &&
            azl_span_is(get(&one, "modality").raw, "\"AUDIO\"")) {
            return count(&one, "tokenCount");
        }
    }
    return 0;
}

/* What was thought is not in the candidates' count, what tools have read not
 * in the prompt's; what was cached is in it. */
static int read_usage(azl_gemini_reader_t *rd, const azl_value_t *usage)
{
    azl_object_t o;

    if (!azl_object_open(&o, usage->raw)) {
        return 0;
    }
    rd->counted = 1;
    rd->usage.reported = 1;
    rd->usage.told =
        (get(&o, "promptTokenCount").type == AZL_JSON_NUMBER ? AZL_USAGE_PROMPT
                                                             : 0) |
        (get(&o, "candidatesTokenCount").type == AZL_JSON_NUMBER
             ? AZL_USAGE_COMPLETION
             : 0);
    rd->usage.prompt =
        count(&o, "promptTokenCount") + count(&o, "toolUsePromptTokenCount");
    rd->usage.cached = count(&o, "cachedContentTokenCount");
    rd->usage.audio_prompt =
        sound(&o, "promptTokensDetails") - sound(&o, "cacheTokensDetails");
    if (rd->usage.audio_prompt < 0) {
        rd->usage.audio_prompt = 0;
    }
    rd->usage.audio_completion = sound(&o, "candidatesTokensDetails");
    rd->usage.reasoning = count(&o, "thoughtsTokenCount");
    rd->usage.completion =
        count(&o, "candidatesTokenCount") + rd->usage.reasoning;
    read_tier(rd, get(&o, "serviceTier"));
    read_tier(rd, get(&o, "trafficType"));
    rd->usage.other_tier = rd->tier && strcmp(rd->tier, "default") != 0;
    return 1;
}

static int read_feedback(azl_gemini_reader_t *rd, const azl_value_t *feedback)
{
    azl_object_t o;

    if (!azl_object_open(&o, feedback->raw)) {
        return 0;
    }
    rd->blocked |= get(&o, "blockReason").type == AZL_JSON_STRING;
    return 1;
}

int azl_gemini_read(azl_gemini_reader_t *rd, azl_span_t doc)
{
    azl_value_t v;
    azl_object_t o;
    azl_scan_t s;

    azl_scan_init(&s, doc.at, doc.len);
    if (!azl_object_scan(&o, &s) || azl_scan_end(&s) != 1) {
        return 0;
    }
    rd->error = get(&o, "error");
    rd->id = plain_text(get(&o, "responseId"));
    rd->counted = 0;
    v = get(&o, "usageMetadata");
    if (v.type != AZL_JSON_NONE && !read_usage(rd, &v)) {
        return 0;
    }
    v = get(&o, "promptFeedback");
    if (v.type != AZL_JSON_NONE && !read_feedback(rd, &v)) {
        return 0;
    }
    v = get(&o, "candidates");
    return v.type == AZL_JSON_NONE || read_candidates(rd, &v);
}

/* What the words mean that are neither an ordinary end nor unknown. */
const char *azl_gemini_finish(azl_span_t reason, int calls)
{
    static const char *const filtered[] = {
        "SAFETY",          "RECITATION",   "LANGUAGE",
        "BLOCKLIST",       "SPII",         "PROHIBITED_CONTENT",
        "MODEL_ARMOR",     "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION"};
    apr_size_t i;

    if (azl_span_is(reason, "MAX_TOKENS")) {
        return "length";
    }
    for (i = 0; i < sizeof(filtered) / sizeof(filtered[0]); ++i) {
        if (azl_span_is(reason, filtered[i])) {
            return "content_filter";
        }
    }
    return calls ? "tool_calls" : "stop";
}

const char *azl_gemini_call_id(apr_pool_t *p, const azl_exchange_t *ex,
                               const azl_value_t *own, azl_span_t answer_id,
                               int candidate, int index)
{
    azl_span_t id = plain_text(*own);
    const char *base = ex->request_id;

    if (id.len) {
        return apr_pstrmemdup(p, id.at, id.len);
    }
    if (is_plain(answer_id, ANSWER_ID_MAX)) {
        base = apr_pstrmemdup(p, answer_id.at, answer_id.len);
    }
    return candidate ? apr_psprintf(p, "call_%s_%d_%d", base, candidate, index)
                     : apr_psprintf(p, "call_%s_%d", base, index);
}

static azl_span_t inside(const azl_value_t *string)
{
    return azl_span(string->raw.at + 1, string->raw.len - 2);
}

void azl_gemini_image_write(azl_buf_t *out, int index,
                            const azl_gemini_part_t *part)
{
    azl_buf_puts(out, "{\"index\":");
    azl_buf_int(out, index);
    azl_buf_puts(out, ",\"type\":\"image_url\",\"image_url\":{\"url\":"
                      "\"data:");
    azl_buf_span(out, inside(&part->mime));
    azl_buf_puts(out, ";base64,");
    azl_buf_span(out, inside(&part->data));
    azl_buf_puts(out, "\"}}");
}
