#include "azl_losses_int.h"

#include <stdlib.h>

#include <apr_lib.h>

typedef struct walk_t {
    azl_exchange_t *ex;
    const azl_loss_t *table;
    azl_loss_e others;
    azl_error_t *err;
} walk_t;

static int is_written(apr_pool_t *p, const azl_json_t *value, const char *json)
{
    azl_buf_t *text = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    int same;

    azl_json_write(text, value);
    same = azl_span_is(azl_span(text->data, text->len), json);
    azl_buf_free(text);
    return same;
}

static int asks_nothing(apr_pool_t *p, const azl_json_t *value,
                        const char *nothing)
{
    const char *number = azl_json_number(value);

    if (azl_json_type(value) == AZL_JSON_NULL) {
        return 1;
    }
    if (!nothing) {
        return 0;
    }
    if (number) {
        /* 1.0 is 1 */
        return apr_isdigit(*nothing) &&
               strtod(number, NULL) == strtod(nothing, NULL);
    }
    return is_written(p, value, nothing);
}

/* 1 ends the walk: refused. */
static int check_member(void *baton, const char *name, const azl_json_t *value)
{
    walk_t *w = baton;
    const azl_loss_t *row = w->table;
    azl_loss_e what;

    while (row->name && strcmp(row->name, name) != 0) {
        ++row;
    }
    what = row->name ? row->what : w->others;
    if (what == AZL_CARRIED || asks_nothing(w->ex->pool, value, row->nothing)) {
        return 0;
    }
    return !azl_exchange_without(w->ex, name, what == AZL_MATTERS, w->err);
}

int azl_losses(azl_exchange_t *ex, const azl_loss_t *table, azl_loss_e others,
               azl_error_t *err)
{
    walk_t w = {ex, table, others, err};

    return !azl_json_each(ex->hub, check_member, &w);
}
