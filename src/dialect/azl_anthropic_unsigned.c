/*
 * Thinking that no Claude has signed. What another model has thought, our own
 * encoder gives to clients of the Messages API with AZL_MESSAGES_UNSIGNED as
 * its signature, and with the history it comes back. Anthropic would refuse
 * it, so those blocks are cut out of the text; everything else stays as the
 * client wrote it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include <string.h>

#include <apr_strings.h>

#include "azl_anthropic_int.h"
#include "azl_messages_int.h"

#define SIGNATURE "\"" AZL_MESSAGES_UNSIGNED "\""

static int has(azl_span_t text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* What stands in a message. */
typedef struct turn_t {
    azl_span_t content; /* a list of blocks; empty: it is none */
    int user;
    int blocks;
    int ours;    /* of them are not signed */
    int calls;   /* ... call tools */
    int results; /* ... answer that */
} turn_t;

typedef struct walk_t {
    azl_edit_t edit;
    int ours; /* blocks of all messages */
    int lost; /* the loop of tools that runs was thought about by others */
} walk_t;

static int is_raw(const azl_value_t *v, const char *raw)
{
    return v && azl_span_is(v->raw, raw);
}

static int is_ours(const azl_object_t *block)
{
    return is_raw(azl_object_get(block, "type"), "\"thinking\"") &&
           is_raw(azl_object_get(block, "signature"), SIGNATURE);
}

static void read_block(turn_t *t, azl_span_t raw)
{
    const azl_value_t *type;
    azl_object_t o;

    t->blocks++;
    if (azl_object_open(&o, raw)) {
        type = azl_object_get(&o, "type");
        t->ours += is_ours(&o);
        t->calls += is_raw(type, "\"tool_use\"");
        t->results += is_raw(type, "\"tool_result\"");
    }
}

static void read_turn(turn_t *t, azl_span_t raw)
{
    const azl_value_t *content;
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    memset(t, 0, sizeof(*t));
    if (!azl_object_open(&o, raw)) {
        return;
    }
    t->user = is_raw(azl_object_get(&o, "role"), "\"user\"");
    content = azl_object_get(&o, "content");
    if (!content || content->type != AZL_JSON_ARRAY) {
        return;
    }
    t->content = content->raw;
    azl_scan_init(&s, content->raw.at, content->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        read_block(t, v.raw);
    }
}

/* What the whole conversation has of them. */
static void survey(walk_t *w, azl_span_t messages)
{
    azl_value_t v;
    azl_scan_t s;
    turn_t t;

    azl_scan_init(&s, messages.at, messages.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        read_turn(&t, v.raw);
        w->ours += t.ours;
        if (t.user && !t.results) {
            w->lost = 0; /* another loop begins */
        }
        w->lost |= t.ours && t.calls;
    }
}

static void edit_blocks(walk_t *w, azl_span_t content)
{
    azl_list_t list = {NULL, 0};
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, content.at, content.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (azl_object_open(&o, v.raw) && is_ours(&o)) {
            azl_edit_drop(&w->edit, &list, v.raw.at, azl_span_end(v.raw));
        }
        else {
            azl_edit_keep(&w->edit, &list, v.raw.at, azl_span_end(v.raw));
        }
    }
    azl_edit_close(&w->edit, &list, azl_span_end(content) - 1);
}

/* A turn without any block is refused, too. */
static void edit_messages(walk_t *w, azl_span_t messages)
{
    azl_list_t list = {NULL, 0};
    azl_value_t v;
    azl_scan_t s;
    turn_t t;

    azl_scan_init(&s, messages.at, messages.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        read_turn(&t, v.raw);
        if (t.ours && t.ours == t.blocks) {
            azl_edit_drop(&w->edit, &list, v.raw.at, azl_span_end(v.raw));
            continue;
        }
        azl_edit_keep(&w->edit, &list, v.raw.at, azl_span_end(v.raw));
        if (t.ours) {
            edit_blocks(w, t.content);
        }
    }
    azl_edit_close(&w->edit, &list, azl_span_end(messages) - 1);
}

static const azl_value_t *member(const azl_pair_t *pairs, int n,
                                 const char *name)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, name)) {
            return &pairs[i].value;
        }
    }
    return NULL;
}

/* By a budget: then each turn of the loop has to begin with its thoughts. */
static int is_manual(const azl_value_t *thinking)
{
    azl_object_t o;

    return thinking && azl_object_open(&o, thinking->raw) &&
           is_raw(azl_object_get(&o, "type"), "\"enabled\"");
}

/* Without thinking there is none to be cleared away, either: to ask for it is
 * an error. */
static int goes_along(const azl_pair_t *pair)
{
    return azl_span_is(pair->key, "thinking") ||
           (azl_span_is(pair->key, "context_management") &&
            has(pair->value.raw, "\"clear_thinking"));
}

azl_span_t azl_anthropic_disown(apr_pool_t *p, azl_span_t body,
                                apr_array_header_t **dropped)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    azl_list_t list = {NULL, 0};
    const azl_value_t *messages;
    int stops, n, i;
    walk_t w;

    *dropped = NULL;
    n = has(body, SIGNATURE) ? azl_pairs_read(body, pairs, AZL_PAIRS_MAX) : 0;
    messages = member(pairs, n, "messages");
    memset(&w, 0, sizeof(w));
    if (messages && messages->type == AZL_JSON_ARRAY) {
        survey(&w, messages->raw);
    }
    if (!w.ours) {
        return azl_span("", 0);
    }
    stops = w.lost && is_manual(member(pairs, n, "thinking"));
    if (stops) {
        *dropped = apr_array_make(p, 2, sizeof(const char *));
    }
    w.edit.out = azl_buf_create(p, body.len);
    w.edit.from = body.at;
    for (i = 0; i < n; ++i) {
        if (stops && goes_along(&pairs[i])) {
            azl_pair_drop(&w.edit, &list, &pairs[i]);
            APR_ARRAY_PUSH(*dropped, const char *) =
                apr_pstrmemdup(p, pairs[i].key.at, pairs[i].key.len);
            continue;
        }
        azl_pair_keep(&w.edit, &list, &pairs[i]);
        if (&pairs[i].value == messages) {
            edit_messages(&w, messages->raw);
        }
    }
    azl_edit_copy(&w.edit, azl_span_end(body));
    return azl_span(w.edit.out->data, w.edit.out->len);
}
