/*
 * A chat's whole answer as a Response.
 */
#include <apr_strings.h>

#include "azl_responses_int.h"

static const azl_value_t *text_in(const azl_object_t *o, const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);

    return v && azl_value_is_text(v) ? v : NULL;
}

/* The first element of an array as an object. */
static int open_first(azl_object_t *o, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;

    if (!list || list->type != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    return azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1 &&
           azl_object_open(o, v.raw);
}

static void add_annotations(azl_told_item_t *item, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;

    if (!list || list->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        azl_told_annotation(item, v.raw);
    }
}

static void add_message(azl_told_t *told, const azl_object_t *message,
                        const azl_value_t *logprobs)
{
    const azl_value_t *content = text_in(message, "content");
    const azl_value_t *refusal = text_in(message, "refusal");
    azl_told_item_t *item;
    int parts = 0;

    if (!content && !refusal) {
        return;
    }
    item = azl_told_add(told, AZL_ITEM_MESSAGE);
    if (content) {
        azl_told_more(item->text, content->raw);
        item->text_part = parts++;
    }
    if (refusal) {
        azl_told_more(item->refusal, refusal->raw);
        item->refusal_part = parts;
    }
    add_annotations(item, azl_object_get(message, "annotations"));
    azl_told_logprobs(item, logprobs);
}

static void add_call(azl_told_t *told, azl_span_t raw)
{
    const azl_value_t *body, *v;
    azl_told_item_t *item;
    azl_object_t call, o;
    int custom;

    if (!azl_object_open(&call, raw)) {
        return;
    }
    custom = azl_object_get(&call, "custom") != NULL;
    body = azl_object_get(&call, custom ? "custom" : "function");
    if (!body || !azl_object_open(&o, body->raw)) {
        return;
    }
    item = azl_told_add(told,
                        custom ? AZL_ITEM_CUSTOM_CALL : AZL_ITEM_FUNCTION_CALL);
    v = text_in(&call, "id");
    item->call_id = v ? v->raw : item->call_id;
    v = text_in(&o, "name");
    item->name = v ? v->raw : item->name;
    azl_told_name(told, item);
    v = text_in(&o, custom ? "input" : "arguments");
    if (v) {
        azl_told_more(item->text, v->raw);
    }
    azl_told_settle(told, item);
}

static void add_calls(azl_told_t *told, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;

    if (!list || list->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        add_call(told, v.raw);
    }
}

static void add_reasoning(azl_told_t *told, const azl_object_t *message)
{
    const azl_value_t *thought = text_in(message, "reasoning_content");

    if (!thought) {
        thought = text_in(message, "reasoning");
    }
    if (thought) {
        azl_told_more(azl_told_add(told, AZL_ITEM_REASONING)->text,
                      thought->raw);
    }
}

apr_status_t azl_responses_told(azl_exchange_t *ex, azl_span_t hub,
                                azl_buf_t *out)
{
    const azl_value_t *v;
    azl_object_t doc, choice, message;
    azl_told_t told;
    azl_write_t w;

    if (!azl_object_open(&doc, hub) ||
        !open_first(&choice, azl_object_get(&doc, "choices"))) {
        return APR_EGENERAL;
    }
    v = azl_object_get(&choice, "message");
    if (!v || !azl_object_open(&message, v->raw)) {
        return APR_EGENERAL;
    }
    azl_told_init(&told, ex);
    add_reasoning(&told, &message);
    add_message(&told, &message, azl_object_get(&choice, "logprobs"));
    add_calls(&told, azl_object_get(&message, "tool_calls"));
    v = azl_object_get(&choice, "finish_reason");
    if (v) {
        azl_told_finish(&told, v->raw);
    }
    v = azl_object_get(&doc, "usage");
    if (v) {
        azl_usage_read(&told.usage, v->raw);
    }
    v = text_in(&doc, "service_tier");
    if (v) {
        told.tier = apr_pstrmemdup(ex->pool, v->raw.at, v->raw.len);
    }
    azl_write_init(&w, out);
    azl_told_write(&told, &w, NULL, told.reason ? "incomplete" : "completed",
                   NULL);
    return APR_SUCCESS;
}
