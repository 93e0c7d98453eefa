#include <apr_strings.h>

#include "azl_edit_int.h"

int azl_pairs_scan(azl_scan_t *s, azl_pair_t *pairs, int max)
{
    int n = 0;
    int more = -1;

    if (azl_scan_peek(s) != AZL_JSON_OBJECT || azl_scan_enter(s) != 1) {
        return -1;
    }
    while (n < max && (more = azl_scan_member(s, &pairs[n].key)) == 1 &&
           azl_scan_value(s, &pairs[n].value) == 1) {
        ++n;
    }
    return n < max && more == 0 ? n : -1;
}

int azl_pairs_read(azl_span_t doc, azl_pair_t *pairs, int max)
{
    azl_scan_t s;
    int n;

    azl_scan_init(&s, doc.at, doc.len);
    n = azl_pairs_scan(&s, pairs, max);
    return n >= 0 && azl_scan_end(&s) == 1 ? n : -1;
}

void azl_edit_add(azl_edit_t *e, azl_list_t *list, const char *close,
                  const char *name, azl_span_t value)
{
    if (list->kept_end) {
        azl_edit_copy(e, list->kept_end);
        azl_buf_append(e->out, ",", 1);
    }
    else {
        azl_edit_close(e, list, close);
        azl_edit_copy(e, close);
    }
    e->from = close;
    list->kept_end = close;
    azl_buf_append(e->out, "\"", 1);
    azl_buf_puts(e->out, name);
    azl_buf_append(e->out, "\":", 2);
    azl_buf_span(e->out, value);
}

azl_span_t azl_int_text(char text[AZL_INT_TEXT_MAX], int n)
{
    return azl_span(text,
                    (apr_size_t)apr_snprintf(text, AZL_INT_TEXT_MAX, "%d", n));
}

static const char *sealed_id(const azl_reply_rules_t *rules,
                             azl_sealed_id_t *last, azl_span_t id)
{
    if (last->len && last->len == id.len &&
        memcmp(last->id, id.at, id.len) == 0) {
        return last->sealed;
    }
    last->sealed = rules->seal(rules->seal_baton, id);
    last->len = id.len <= AZL_SEALED_ID_MAX ? id.len : 0;
    memcpy(last->id, id.at, last->len);
    return last->sealed;
}

void azl_edit_id(azl_edit_t *e, const azl_reply_rules_t *rules,
                 azl_sealed_id_t *last, const azl_value_t *id)
{
    azl_span_t text;
    const char *sealed;

    /* An id with escapes is nobody's; it would have to be decoded. */
    if (!rules->seal || !azl_value_is_text(id) ||
        memchr(id->raw.at, '\\', id->raw.len)) {
        return;
    }
    text = azl_span(id->raw.at + 1, id->raw.len - 2);
    sealed = sealed_id(rules, last, text);
    if (sealed) {
        azl_edit_copy(e, id->raw.at);
        azl_buf_json_str(e->out, sealed);
        e->from = azl_span_end(id->raw);
    }
}

void azl_edit_response(azl_edit_t *e, const azl_reply_rules_t *rules,
                       azl_sealed_ids_t *last, const azl_pair_t *pairs, int n)
{
    int i;

    for (i = 0; i < n; ++i) {
        const azl_value_t *v = &pairs[i].value;

        if (azl_span_is(pairs[i].key, "id")) {
            azl_edit_id(e, rules, &last->own, v);
        }
        else if (azl_span_is(pairs[i].key, "previous_response_id")) {
            azl_edit_id(e, rules, &last->previous, v);
        }
        else if (azl_span_is(pairs[i].key, "model")) {
            azl_edit_replace(e, v->raw, azl_span_str(rules->alias_json));
        }
    }
}
