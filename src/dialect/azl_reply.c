#include <apr_errno.h>
#include <apr_lib.h>

#include "azl_edit_int.h"
#include "azl_embed_int.h"
#include "azl_reply.h"

/* The answer is a Response object (or says that one was deleted). */
static int is_response(azl_op_e op)
{
    return op == AZL_OP_RESPONSES || op == AZL_OP_RESPONSE_GET ||
           op == AZL_OP_RESPONSE_DELETE || op == AZL_OP_RESPONSE_CANCEL;
}

/* Of one choice. A message that has both names is left alone. */
static void rename_reasoning(azl_edit_t *e, azl_span_t choice)
{
    const azl_value_t *message;
    azl_object_t o, m;
    int i;

    if (!azl_object_open(&o, choice)) {
        return;
    }
    message = azl_object_get(&o, "message");
    if (!message || !azl_object_open(&m, message->raw) ||
        azl_object_get(&m, "reasoning_content")) {
        return;
    }
    for (i = 0; i < m.n; ++i) {
        if (azl_span_is(m.pairs[i].key, "reasoning")) {
            azl_edit_replace(e, m.pairs[i].key,
                             azl_span_str("reasoning_content"));
        }
    }
}

static void edit_choices(azl_edit_t *e, azl_span_t choices)
{
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, choices.at, choices.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        rename_reasoning(e, v.raw);
    }
}

void azl_reply_usage(const azl_reply_rules_t *rules, azl_span_t raw,
                     azl_usage_t *usage)
{
    if (rules->op == AZL_OP_MESSAGES) {
        azl_usage_read_messages(usage, raw);
    }
    else {
        azl_usage_read(usage, raw);
    }
}

apr_status_t azl_reply_rewrite(const azl_reply_rules_t *rules, azl_span_t doc,
                               azl_buf_t *out, azl_usage_t *usage)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    azl_sealed_ids_t last;
    azl_edit_t edit;
    int n = azl_pairs_read(doc, pairs, AZL_PAIRS_MAX);
    int i;

    if (n < 0) {
        return APR_EINVAL;
    }
    edit.out = out;
    edit.from = doc.at;
    if (is_response(rules->op)) {
        memset(&last, 0, sizeof(last));
        azl_edit_response(&edit, rules, &last, pairs, n);
    }
    for (i = 0; i < n; ++i) {
        const azl_value_t *v = &pairs[i].value;

        if (azl_span_is(pairs[i].key, "usage")) {
            azl_reply_usage(rules, v->raw, usage);
        }
        else if (azl_span_is(pairs[i].key, "service_tier")) {
            azl_usage_read_tier(usage, v->raw);
        }
        else if (azl_span_is(pairs[i].key, "background")) {
            azl_usage_read_background(usage, v->raw);
        }
        else if (rules->reasoning && rules->op == AZL_OP_CHAT &&
                 azl_span_is(pairs[i].key, "choices")) {
            edit_choices(&edit, v->raw);
        }
        else if (rules->base64 && azl_span_is(pairs[i].key, "data")) {
            azl_embed_edit(&edit, v->raw);
        }
        else if (azl_span_is(pairs[i].key, "model") &&
                 !is_response(rules->op)) {
            azl_edit_replace(&edit, v->raw, azl_span_str(rules->alias_json));
        }
    }
    azl_edit_copy(&edit, azl_span_end(doc));
    return out->failed ? APR_ENOSPC : APR_SUCCESS;
}

/* Behind the name and the colon; NULL: it is not this member's name. */
static const char *value_behind(const char *at, const char *end)
{
    while (at < end && apr_isspace(*at)) {
        ++at;
    }
    if (at == end || *at != ':') {
        return NULL;
    }
    do {
        ++at;
    } while (at < end && apr_isspace(*at));
    return at;
}

int azl_reply_has_arrays(azl_span_t start)
{
    static const char name[] = "\"embedding\"";
    const char *end = azl_span_end(start);
    const char *at = start.at;
    const char *value;

    while ((at = memchr(at, '"', (apr_size_t)(end - at))) &&
           (apr_size_t)(end - at) > strlen(name)) {
        value = memcmp(at, name, strlen(name)) == 0
                    ? value_behind(at + strlen(name), end)
                    : NULL;
        if (value) {
            return value < end && *value == '[';
        }
        ++at;
    }
    return 0;
}
