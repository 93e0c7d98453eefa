/*
 * One choice of a chunk: its annotations go, what the SDKs need comes in, and
 * when it has said its last nothing more of it passes.
 */
#include "azl_stream_int.h"

const char *azl_delta_name(const azl_stream_t *st)
{
    return st->rules->op == AZL_OP_CHAT ? "delta" : "text";
}

static int is_annotation(azl_span_t key)
{
    static const char prefix[] = "content_filter_";

    return key.len > sizeof(prefix) - 1 &&
           memcmp(key.at, prefix, sizeof(prefix) - 1) == 0;
}

int azl_choice_index(const azl_object_t *o)
{
    const azl_value_t *v = azl_object_get(o, "index");
    apr_int64_t index = 0;

    if (v && (!azl_scan_uint(v->raw, &index) || index >= AZL_CHOICES_MAX)) {
        return -1;
    }
    return (int)index;
}

azl_choice_t *azl_choice_find(const azl_stream_t *st, int index)
{
    azl_choice_t *choice = st->chunks.choices;

    while (choice && choice->index != index) {
        choice = choice->next;
    }
    return choice;
}

/* The state of a choice, made when it says something for the first time. */
static azl_choice_t *choice_begin(azl_stream_t *st, int index)
{
    azl_chunks_t *ch = &st->chunks;
    azl_choice_t *choice = azl_choice_find(st, index);

    if (!choice) {
        choice = apr_pcalloc(st->pool, sizeof(*choice));
        choice->index = index;
        choice->next = ch->choices;
        ch->choices = choice;
        ch->nstarted++;
        st->state.finished = 0;
    }
    return choice;
}

static void choice_finish(azl_stream_t *st, azl_choice_t *choice)
{
    azl_chunks_t *ch = &st->chunks;

    choice->finished = 1;
    ch->nfinished++;
    st->state.finished = ch->nfinished == ch->nstarted;
    st->state.content = 1;
}

/* What a choice says: the delta of a chat, the text of a completion. 1 if
 * something stays of it. */
static int edit_delta(azl_stream_t *st, azl_edit_t *e, azl_choice_t *choice,
                      const azl_value_t *v, int finishing)
{
    if (st->rules->op != AZL_OP_CHAT) {
        if (azl_value_is_text(v)) {
            st->state.content = 1;
            azl_stream_count(st, v);
        }
        return 1;
    }
    return azl_stream_delta(st, e, choice, v->raw, finishing) > 0;
}

/* Members that a client needs and the upstream left out. */
static void complete_choice(azl_stream_t *st, azl_edit_t *e, azl_object_t *o,
                            azl_choice_t *choice, int has_delta)
{
    if (!has_delta) {
        const char *empty = "\"\"";

        if (st->rules->op == AZL_OP_CHAT) {
            empty = choice && !choice->role ? "{\"role\":\"assistant\"}" : "{}";
        }
        azl_edit_add(e, &o->list, o->close, azl_delta_name(st),
                     azl_span_str(empty));
        if (choice) {
            choice->role = 1;
        }
    }
    if (!azl_object_get(o, "index")) {
        azl_edit_add(e, &o->list, o->close, "index", azl_span_str("0"));
    }
    if (!azl_object_get(o, "finish_reason")) {
        azl_edit_add(e, &o->list, o->close, "finish_reason",
                     azl_span_str("null"));
    }
}

/* 1 if the choice says something and so stays. */
static int write_choice(azl_stream_t *st, azl_edit_t *e, azl_object_t *o,
                        azl_choice_t *choice, const azl_value_t *delta,
                        int finishing)
{
    int has_delta = delta && delta->type != AZL_JSON_NULL;
    int says = finishing;
    int i;

    for (i = 0; i < o->n; ++i) {
        const azl_pair_t *pair = &o->pairs[i];
        const azl_value_t *v = &pair->value;

        if (is_annotation(pair->key) && !st->rules->keep_annotations) {
            azl_pair_drop(e, &o->list, pair);
        }
        else if (v == delta && has_delta) {
            azl_pair_keep(e, &o->list, pair);
            says |= edit_delta(st, e, choice, v, finishing);
        }
        else if (azl_span_is(pair->key, azl_delta_name(st))) {
            azl_pair_drop(e, &o->list, pair); /* null, or a second one */
        }
        else {
            azl_pair_keep(e, &o->list, pair);
            if (azl_span_is(pair->key, "finish_reason")) {
                if (azl_span_is(v->raw, "\"\"")) {
                    azl_edit_replace(e, v->raw, azl_span_str("null"));
                }
            }
            else if (!azl_span_is(pair->key, "index")) {
                says |= v->type != AZL_JSON_NULL;
            }
        }
    }
    complete_choice(st, e, o, choice, has_delta);
    azl_edit_close(e, &o->list, o->close);
    return says;
}

int azl_stream_choice(azl_stream_t *st, azl_edit_t *e, azl_object_t *o)
{
    azl_choice_t *choice;
    const azl_value_t *delta;
    const azl_value_t *finish;
    int index = azl_choice_index(o);
    int finishing, speaks, stays;

    if (index < 0) {
        return 0;
    }
    delta = azl_object_get(o, azl_delta_name(st));
    finish = azl_object_get(o, "finish_reason");
    finishing = finish && azl_value_is_text(finish);
    speaks = finishing || (delta && delta->type != AZL_JSON_NULL);
    choice = azl_choice_find(st, index);
    if (speaks && choice && choice->finished) {
        return 0; /* it has said its last */
    }
    if (!speaks && !st->rules->keep_annotations) {
        return 0;
    }
    if (speaks) {
        choice = choice_begin(st, index);
    }
    stays = write_choice(st, e, o, choice, speaks ? delta : NULL, finishing);
    if (finishing) {
        choice_finish(st, choice);
    }
    return stays;
}
