/*
 * azl_document_member: what the gateway takes from the members of a request:
 * the model, whether and how the answer is streamed, how many choices it has,
 * and what deployments are chosen by.
 */
#include <apr_lib.h>

#include "azl_document_int.h"
#include "azl_routing.h"

/* Members of stream_options; OpenAI defines two. */
#define STREAM_OPTIONS_MAX 16

static int read_boolean(azl_reader_t *rd, const char *name,
                        const azl_value_t *v, int *out)
{
    if (v->type != AZL_JSON_TRUE && v->type != AZL_JSON_FALSE &&
        v->type != AZL_JSON_NULL) {
        return azl_document_refuse_type(rd, name, "a boolean");
    }
    *out = v->type == AZL_JSON_TRUE;
    return 1;
}

static int read_model(azl_reader_t *rd, const azl_value_t *v)
{
    const char *text =
        v->type == AZL_JSON_STRING ? azl_scan_text(rd->p, v->raw) : NULL;

    if (!text) {
        return azl_document_refuse_type(rd, "model", "a string");
    }
    rd->doc->model_raw = v->raw;
    /* AzureOpenAI users who name the deployment in the URL send "". */
    rd->doc->model = *text ? text : NULL;
    return 1;
}

static int read_previous(azl_reader_t *rd, const azl_value_t *v)
{
    const char *text;

    if (v->type == AZL_JSON_NULL) {
        return 1;
    }
    text = v->type == AZL_JSON_STRING ? azl_scan_text(rd->p, v->raw) : NULL;
    if (!text) {
        return azl_document_refuse_type(rd, "previous_response_id", "a string");
    }
    rd->doc->previous_response_id = text;
    rd->doc->previous_response_raw = v->raw;
    return 1;
}

/* {"include_usage":...,"include_obfuscation":...}. The value has been checked,
 * so the scan cannot fail. */
static int read_stream_options(azl_reader_t *rd, const azl_value_t *v)
{
    azl_span_t keys[STREAM_OPTIONS_MAX];
    azl_span_t key;
    azl_value_t value;
    azl_scan_t s;
    int n = 0;
    int i;

    if (v->type == AZL_JSON_NULL) {
        rd->doc->stream_options = *v;
        return 1;
    }
    if (v->type != AZL_JSON_OBJECT) {
        return azl_document_refuse_type(rd, "stream_options", "an object");
    }
    rd->doc->stream_options = *v;
    azl_scan_init(&s, v->raw.at, v->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1) {
        azl_scan_value(&s, &value);
        for (i = 0; i < n; ++i) {
            if (keys[i].len == key.len &&
                memcmp(keys[i].at, key.at, key.len) == 0) {
                return azl_document_refuse_twice(rd, "stream_options");
            }
        }
        if (n == STREAM_OPTIONS_MAX || !azl_document_plain(key)) {
            return azl_document_refuse_spelling(rd, "stream_options");
        }
        keys[n++] = key;
        if (azl_span_is(key, "include_usage")) {
            rd->doc->include_usage_raw = value.raw;
            if (!read_boolean(rd, "stream_options.include_usage", &value,
                              &rd->doc->include_usage)) {
                return 0;
            }
        }
    }
    return 1;
}

/* A value that is no number of choices is for the upstream to refuse. */
static int read_n(const azl_value_t *v)
{
    apr_int64_t n;

    if (!azl_scan_uint(v->raw, &n) || n == 0) {
        return 1;
    }
    return n < AZL_CHOICES_MAX ? (int)n : AZL_CHOICES_MAX;
}

/* An array of texts or of token arrays has several prompts; one of numbers is
 * the tokens of one. The value has been checked, so the scan cannot fail. */
static int count_prompts(const azl_value_t *v)
{
    azl_value_t prompt;
    azl_scan_t s;
    int n = 0;

    if (v->type != AZL_JSON_ARRAY) {
        return 1;
    }
    azl_scan_init(&s, v->raw.at, v->raw.len);
    azl_scan_enter(&s);
    while (n < AZL_CHOICES_MAX && azl_scan_element(&s) == 1) {
        azl_scan_value(&s, &prompt);
        if (prompt.type != AZL_JSON_STRING && prompt.type != AZL_JSON_ARRAY) {
            return 1;
        }
        ++n;
    }
    return n ? n : 1;
}

/* Where answers have choices. */
static void read_choices(azl_reader_t *rd, azl_span_t name,
                         const azl_value_t *v)
{
    azl_op_e op = rd->doc->op;

    if (azl_span_is(name, "n") &&
        (op == AZL_OP_CHAT || op == AZL_OP_COMPLETIONS)) {
        rd->n = read_n(v);
    }
    else if (azl_span_is(name, "prompt") && op == AZL_OP_COMPLETIONS) {
        rd->nprompts = count_prompts(v);
    }
}

/* Members of /responses only. */
static int read_responses_member(azl_reader_t *rd, const char *name,
                                 const azl_value_t *v)
{
    if (strcmp(name, "previous_response_id") == 0) {
        return read_previous(rd, v);
    }
    if (strcmp(name, "background") == 0) {
        return read_boolean(rd, name, v, &rd->doc->background);
    }
    return 1;
}

/* What stands for a cache key, best last. A user is one because the prompts of
 * one user are more alike than those of several. */
static const char *const cache_keys[] = {"user", "safety_identifier",
                                         "prompt_cache_key"};

#define CACHE_KEYS ((int)(sizeof(cache_keys) / sizeof(cache_keys[0])))

static void read_cache_key(azl_reader_t *rd, const char *name,
                           const azl_value_t *v)
{
    int i;

    if (v->type != AZL_JSON_STRING || v->raw.len == strlen("\"\"")) {
        return;
    }
    for (i = rd->cache_key; i < CACHE_KEYS; ++i) {
        if (strcmp(name, cache_keys[i]) == 0) {
            rd->cache_key = i + 1;
            rd->doc->cache_key = v->raw;
            return;
        }
    }
}

/* Of responses the instructions come first in what the provider sees, and
 * many requests share them. Short ones say too little, and are not worth
 * caching without what follows. */
static void read_prompt(azl_reader_t *rd, const char *name,
                        const azl_value_t *v)
{
    if (v->type != AZL_JSON_STRING && v->type != AZL_JSON_ARRAY) {
        return;
    }
    if (rd->doc->op == AZL_OP_RESPONSES) {
        if (strcmp(name, "instructions") == 0) {
            if (v->raw.len < AZL_AFFINITY_PREFIX) {
                return;
            }
            rd->instructed = 1;
        }
        else if (rd->instructed || strcmp(name, "input") != 0) {
            return; /* "prompt" names a template there */
        }
    }
    rd->doc->prompt = v->raw;
}

/* What cache-affinity goes by. */
static void read_affinity(azl_reader_t *rd, const azl_member_info_t *info,
                          const azl_value_t *v)
{
    azl_op_e op = rd->doc->op;

    if (op != AZL_OP_CHAT && op != AZL_OP_COMPLETIONS &&
        op != AZL_OP_RESPONSES && op != AZL_OP_MESSAGES) {
        return;
    }
    if (info->flags & AZL_MEMBER_CACHE_KEY) {
        read_cache_key(rd, info->name, v);
    }
    else {
        read_prompt(rd, info->name, v);
    }
}

static int is_empty_list(azl_span_t list)
{
    const char *at = list.at + 1;

    while (apr_isspace(*at)) {
        ++at;
    }
    return *at == ']';
}

/* What some models take in one form only. */
static void read_needs(azl_reader_t *rd, azl_span_t name, const azl_value_t *v)
{
    if (azl_span_is(name, "tools")) {
        rd->doc->tools = v->type == AZL_JSON_ARRAY && !is_empty_list(v->raw);
    }
    else if (azl_span_is(name, "reasoning_effort") &&
             v->type == AZL_JSON_STRING) {
        rd->doc->effort = v->raw;
    }
}

int azl_document_member(azl_reader_t *rd, int index, const azl_value_t *v)
{
    const azl_member_info_t *info = azl_member_info(index);
    azl_span_t name = azl_span(info->name, info->len);

    if (info->flags & (AZL_MEMBER_CACHE_KEY | AZL_MEMBER_PROMPT)) {
        read_affinity(rd, info, v);
    }
    if (azl_span_is(name, "model")) {
        return read_model(rd, v);
    }
    if (azl_span_is(name, "stream")) {
        return read_boolean(rd, info->name, v, &rd->doc->stream);
    }
    if (azl_span_is(name, "stream_options")) {
        return read_stream_options(rd, v);
    }
    if (azl_span_is(name, "stream_format")) {
        rd->doc->stream = azl_span_is(v->raw, "\"sse\"");
    }
    if (azl_span_is(name, "encoding_format")) {
        rd->doc->base64 = azl_span_is(v->raw, "\"base64\"");
    }
    read_choices(rd, name, v);
    read_needs(rd, name, v);
    return rd->doc->op != AZL_OP_RESPONSES ||
           read_responses_member(rd, info->name, v);
}
