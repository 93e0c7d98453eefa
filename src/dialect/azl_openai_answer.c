/*
 * A whole answer of a server that resembles OpenAI's, mended.
 */
#include <apr_strings.h>

#include "azl_openai_int.h"

typedef struct answer_t {
    azl_mend_t mend;
    azl_list_t list; /* the document's members */
    azl_buf_t *failure;
} answer_t;

static const azl_value_t *find(const azl_pair_t *pairs, int n, const char *name)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, name)) {
            return &pairs[i].value;
        }
    }
    return NULL;
}

/* The next request of a loop of tools will need the reasoning before it. */
static void keep_reasoning(azl_exchange_t *ex, const azl_object_t *message,
                           azl_span_t call_id)
{
    const azl_value_t *text = azl_object_get(message, "reasoning_content");

    if ((ex->deployment->endpoint->quirks & AZL_QUIRK_LOOP_REASONING) &&
        ex->keep && call_id.len && text && azl_value_is_text(text)) {
        ex->keep(ex->kept, AZL_OPENAI_KIND, call_id,
                 azl_span(text->raw.at + 1, text->raw.len - 2));
    }
}

static int has_calls(const azl_object_t *choice)
{
    const azl_value_t *message = azl_object_get(choice, "message");
    const azl_value_t *calls;
    azl_object_t o;
    azl_scan_t s;

    if (!message || !azl_object_open(&o, message->raw)) {
        return 0;
    }
    calls = azl_object_get(&o, "tool_calls");
    if (!calls || calls->type != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_init(&s, calls->raw.at, calls->raw.len);
    azl_scan_enter(&s);
    return azl_scan_element(&s) == 1;
}

static void mend_message(answer_t *a, azl_span_t raw, int index)
{
    azl_mend_choice_t choice;
    azl_object_t o;

    if (azl_object_open(&o, raw)) {
        memset(&choice, 0, sizeof(choice));
        choice.index = index;
        azl_mend_message(&a->mend, &o, &choice);
        if (index == 0) {
            keep_reasoning(a->mend.ex, &o, a->mend.call_id);
        }
    }
}

/* A member of a choice; what stays as it is has been kept. */
static void mend_choice_member(answer_t *a, const azl_pair_t *pair, int index,
                               const char *finish)
{
    azl_edit_t *e = &a->mend.edit;

    if (azl_span_is(pair->key, "message")) {
        mend_message(a, pair->value.raw, index);
    }
    else if (azl_span_is(pair->key, "finish_reason") && finish) {
        azl_edit_replace(e, pair->value.raw, azl_span_str(finish));
    }
}

/* Members that every choice has, and this one lacks. */
static void complete_choice(answer_t *a, azl_object_t *o, int index,
                            const char *finish)
{
    static const struct {
        const char *name;
        const char *value; /* NULL: the choice's own */
    } members[] = {{"index", NULL},
                   {"message", "{\"role\":\"assistant\",\"content\":null}"},
                   {"logprobs", "null"}};
    char number[AZL_INT_TEXT_MAX];
    azl_edit_t *e = &a->mend.edit;
    apr_size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); ++i) {
        const azl_value_t *v = azl_object_get(o, members[i].name);

        if (!v || v->type == AZL_JSON_NULL) {
            azl_edit_add(e, &o->list, o->close, members[i].name,
                         members[i].value ? azl_span_str(members[i].value)
                                          : azl_int_text(number, index));
        }
    }
    if (!azl_object_get(o, "finish_reason")) {
        azl_edit_add(e, &o->list, o->close, "finish_reason",
                     azl_span_str(finish));
    }
}

/* 0: it is an error. */
static int mend_choice(answer_t *a, azl_span_t raw, int index)
{
    azl_edit_t *e = &a->mend.edit;
    const char *finish;
    azl_object_t o;
    int i;

    if (!azl_object_open(&o, raw)) {
        return 1;
    }
    if (azl_mend_failure(&o, a->failure)) {
        return 0;
    }
    finish = azl_mend_finish(&a->mend, azl_object_get(&o, "finish_reason"),
                             has_calls(&o));
    for (i = 0; i < o.n; ++i) {
        const azl_pair_t *pair = &o.pairs[i];

        if (azl_span_is(pair->key, "error") ||
            (pair->value.type == AZL_JSON_NULL &&
             !azl_span_is(pair->key, "finish_reason"))) {
            azl_pair_drop(e, &o.list, pair);
            continue;
        }
        azl_pair_keep(e, &o.list, pair);
        mend_choice_member(a, pair, index, finish);
    }
    complete_choice(a, &o, index, finish);
    azl_edit_close(e, &o.list, o.close);
    return 1;
}

/* How many choices there are; -1 if one of them is an error. */
static int mend_choices(answer_t *a, const azl_value_t *list)
{
    azl_value_t v;
    azl_scan_t s;
    int n = 0;

    if (!list || list->type != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (!mend_choice(a, v.raw, n++)) {
            return -1;
        }
    }
    return n;
}

/* A member that every answer has, where this one has none that says something.
 */
static void add_missing(answer_t *a, const azl_pair_t *pairs, int n,
                        const char *close, const char *name, azl_span_t value)
{
    const azl_value_t *v = find(pairs, n, name);

    if (!v || azl_value_is_blank(v)) {
        azl_edit_add(&a->mend.edit, &a->list, close, name, value);
    }
}

static int is_name(azl_span_t key)
{
    return azl_span_is(key, "id") || azl_span_is(key, "object") ||
           azl_span_is(key, "created") || azl_span_is(key, "model");
}

static int mend_member(answer_t *a, const azl_pair_t *pair)
{
    azl_edit_t *e = &a->mend.edit;

    if (is_name(pair->key) && azl_value_is_blank(&pair->value)) {
        azl_pair_drop(e, &a->list, pair); /* and is added */
        return 1;
    }
    azl_pair_keep(e, &a->list, pair);
    if (azl_span_is(pair->key, "choices")) {
        return mend_choices(a, &pair->value) > 0;
    }
    if (azl_span_is(pair->key, "usage")) {
        azl_mend_usage(&a->mend, pair->value.raw);
    }
    return 1;
}

/* What was written is taken back: an error document, if there is one, is what
 * the answer is. */
static apr_status_t fail(answer_t *a, azl_buf_t *out)
{
    azl_buf_clear(out);
    azl_buf_append(out, a->failure->data, a->failure->len);
    return APR_EGENERAL;
}

apr_status_t azl_openai_answer(azl_exchange_t *ex, azl_span_t doc,
                               azl_buf_t *out)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    const char *close = azl_span_end(doc) - 1;
    int n = azl_pairs_read(doc, pairs, AZL_PAIRS_MAX);
    const azl_value_t *error;
    answer_t a;
    int i;

    if (n < 0) {
        return APR_EGENERAL;
    }
    while (*close != '}') {
        --close;
    }
    memset(&a, 0, sizeof(a));
    azl_mend_init(&a.mend, ex, 0);
    a.failure = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    a.mend.edit.out = out;
    a.mend.edit.from = doc.at;
    error = find(pairs, n, "error");
    if (error && error->type != AZL_JSON_NULL) {
        azl_buf_span(a.failure, doc);
        return fail(&a, out);
    }
    if (!find(pairs, n, "choices")) {
        return APR_EGENERAL;
    }
    for (i = 0; i < n; ++i) {
        if (!mend_member(&a, &pairs[i])) {
            return fail(&a, out);
        }
    }
    add_missing(&a, pairs, n, close, "id", azl_mend_id(ex));
    add_missing(&a, pairs, n, close, "object",
                azl_span_str("\"chat.completion\""));
    add_missing(&a, pairs, n, close, "created",
                azl_span_str(apr_psprintf(ex->pool, "%" APR_TIME_T_FMT,
                                          apr_time_sec(ex->now))));
    add_missing(&a, pairs, n, close, "model", azl_span_str("\"\""));
    azl_edit_close(&a.mend.edit, &a.list, close);
    azl_edit_copy(&a.mend.edit, azl_span_end(doc));
    return APR_SUCCESS;
}
