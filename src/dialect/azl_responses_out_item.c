/*
 * What whole answers and streams of Responses have in common.
 */
#include "azl_responses_int.h"

azl_item_e azl_responses_item(const azl_object_t *item)
{
    static const struct {
        const char *type;
        azl_item_e kind;
    } kinds[] = {{"\"message\"", AZL_ITEM_MESSAGE},
                 {"\"reasoning\"", AZL_ITEM_REASONING},
                 {"\"function_call\"", AZL_ITEM_FUNCTION_CALL},
                 {"\"custom_tool_call\"", AZL_ITEM_CUSTOM_CALL}};
    const azl_value_t *type = azl_object_get(item, "type");
    apr_size_t i;

    for (i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (azl_span_is(type->raw, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    return AZL_ITEM_OTHER;
}

azl_span_t azl_responses_text(apr_pool_t *p, const azl_object_t *o,
                              const char *name)
{
    const azl_value_t *v = azl_object_get(o, name);
    const char *text =
        v && v->type == AZL_JSON_STRING ? azl_scan_text(p, v->raw) : NULL;

    return azl_span_str(text ? text : "");
}

const char *azl_responses_finish(const azl_value_t *status,
                                 const azl_value_t *details, int calls)
{
    const azl_value_t *reason;
    azl_object_t o;

    if (status ? azl_span_is(status->raw, "\"completed\"")
               : !details || details->type != AZL_JSON_OBJECT) {
        return calls ? "tool_calls" : "stop";
    }
    if (status && !azl_span_is(status->raw, "\"incomplete\"")) {
        return NULL;
    }
    reason = details && azl_object_open(&o, details->raw)
                 ? azl_object_get(&o, "reason")
                 : NULL;
    return reason && azl_span_is(reason->raw, "\"content_filter\"")
               ? "content_filter"
               : "length";
}

/*
 * Citations
 */

apr_int64_t azl_responses_characters(azl_span_t inside)
{
    apr_int64_t n = 0;
    apr_size_t i;

    for (i = 0; i < inside.len; ++i) {
        if (inside.at[i] == '\\') {
            i += inside.at[i + 1] == 'u' ? 5 : 1;
            ++n;
        }
        else {
            n += ((unsigned char)inside.at[i] & 0xc0) != 0x80;
        }
    }
    return n;
}

static void write_index(azl_write_t *w, const azl_object_t *o, const char *name,
                        apr_int64_t offset)
{
    const azl_value_t *v = azl_object_get(o, name);
    apr_int64_t n;

    if (v && azl_scan_uint(v->raw, &n)) {
        azl_write_int(w, name, n + offset);
    }
}

int azl_responses_citation(azl_write_t *w, azl_span_t raw, apr_int64_t offset,
                           int index)
{
    static const char *const texts[] = {"title", "url"};
    const azl_value_t *type;
    azl_object_t o;
    apr_size_t i;

    type = azl_object_open(&o, raw) ? azl_object_get(&o, "type") : NULL;
    if (!type || !azl_span_is(type->raw, "\"url_citation\"")) {
        return 0;
    }
    azl_write_open(w, NULL, '{');
    if (index >= 0) {
        azl_write_int(w, "index", index);
    }
    azl_write_str(w, "type", "url_citation");
    azl_write_open(w, "url_citation", '{');
    write_index(w, &o, "start_index", offset);
    write_index(w, &o, "end_index", offset);
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        const azl_value_t *v = azl_object_get(&o, texts[i]);

        if (v) {
            azl_write_raw(w, texts[i], v->raw);
        }
    }
    azl_write_close(w, '}');
    azl_write_close(w, '}');
    return 1;
}

/*
 * Reasoning
 */

void azl_responses_kept_init(azl_responses_kept_t *kept, azl_exchange_t *ex)
{
    kept->ex = ex;
    kept->items = ex->keep ? azl_buf_create(ex->pool, AZL_HUB_KEPT_MAX) : NULL;
}

void azl_responses_kept_item(azl_responses_kept_t *kept,
                             const azl_object_t *item)
{
    static const char *const names[] = {"id", "summary", "encrypted_content"};
    const azl_value_t *secret = azl_object_get(item, "encrypted_content");
    azl_write_t w;
    apr_size_t i;

    /* without, there is nothing that the provider could read again */
    if (!kept->items || !secret || !azl_value_is_text(secret)) {
        return;
    }
    azl_write_init(&w, kept->items);
    w.comma = kept->items->len > 0;
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "type", "reasoning");
    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        const azl_value_t *v = azl_object_get(item, names[i]);

        if (v) {
            azl_write_raw(&w, names[i], v->raw);
        }
    }
    azl_write_close(&w, '}');
}

/* Of too much nothing is kept: half of it would be refused. */
void azl_responses_kept_call(azl_responses_kept_t *kept, azl_span_t call_id)
{
    azl_buf_t *items = kept->items;

    if (!items) {
        return;
    }
    if (items->len && !items->failed && call_id.len) {
        kept->ex->keep(kept->ex->kept, AZL_RESPONSES_KIND, call_id,
                       azl_span(items->data, items->len));
    }
    azl_buf_clear(items);
}
