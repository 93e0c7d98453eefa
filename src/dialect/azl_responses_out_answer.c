/*
 * A whole answer of Responses as a chat's: all its items are one choice.
 *
 * Strings go over as they were written, without their quotes when they are
 * joined.
 */
#include <apr_strings.h>

#include "azl_failure_int.h"
#include "azl_responses_int.h"

/* The parts of the one message. */
typedef struct answer_t {
    azl_exchange_t *ex;
    azl_responses_kept_t kept;
    azl_buf_t *text; /* inside of JSON strings */
    azl_buf_t *refusal;
    azl_buf_t *reasoning;
    azl_buf_t *annotations; /* elements */
    azl_buf_t *logprobs;
    azl_buf_t *calls;
    int ncalls;
} answer_t;

static void add_inside(azl_buf_t *to, const azl_value_t *v)
{
    if (v && azl_value_is_text(v)) {
        azl_buf_append(to, v->raw.at + 1, v->raw.len - 2);
    }
}

/* A web citation; a chat has no other. */
static void add_annotation(answer_t *a, azl_span_t raw, apr_int64_t offset)
{
    azl_write_t w;

    azl_write_init(&w, a->annotations);
    w.comma = a->annotations->len > 0;
    azl_responses_citation(&w, raw, offset, -1);
}

typedef void element_fn(answer_t *a, azl_span_t raw, apr_int64_t offset);

static void each_element(answer_t *a, const azl_value_t *list, element_fn *fn,
                         apr_int64_t offset)
{
    azl_value_t v;
    azl_scan_t s;

    if (!list || list->type != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_init(&s, list->raw.at, list->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        fn(a, v.raw, offset);
    }
}

static void add_logprob(answer_t *a, azl_span_t raw, apr_int64_t offset)
{
    (void)offset;
    azl_buf_puts(a->logprobs, a->logprobs->len ? "," : "");
    azl_buf_span(a->logprobs, raw);
}

/* Text or a refusal of a message. */
static void add_part(answer_t *a, azl_span_t raw, apr_int64_t offset)
{
    azl_object_t o;

    (void)offset;
    if (azl_object_open(&o, raw)) {
        each_element(
            a, azl_object_get(&o, "annotations"), add_annotation,
            azl_responses_characters(azl_span(a->text->data, a->text->len)));
        each_element(a, azl_object_get(&o, "logprobs"), add_logprob, 0);
        add_inside(a->text, azl_object_get(&o, "text"));
        add_inside(a->refusal, azl_object_get(&o, "refusal"));
    }
}

/* A part of a reasoning's summary or of its own text. */
static void add_thought(answer_t *a, azl_span_t raw, apr_int64_t offset)
{
    const azl_value_t *text;
    azl_object_t o;

    (void)offset;
    text = azl_object_open(&o, raw) ? azl_object_get(&o, "text") : NULL;
    if (text && azl_value_is_text(text)) {
        azl_buf_puts(a->reasoning, a->reasoning->len ? "\\n\\n" : "");
        add_inside(a->reasoning, text);
    }
}

static void add_reasoning(answer_t *a, const azl_object_t *item)
{
    apr_size_t before = a->reasoning->len;

    azl_responses_kept_item(&a->kept, item);
    each_element(a, azl_object_get(item, "summary"), add_thought, 0);
    if (a->reasoning->len == before) {
        each_element(a, azl_object_get(item, "content"), add_thought, 0);
    }
}

static void add_call(answer_t *a, const azl_object_t *item, int custom)
{
    const char *kind = custom ? "custom" : "function";
    const char *member = custom ? "input" : "arguments";
    azl_span_t id = azl_responses_text(a->ex->pool, item, "call_id");
    const azl_value_t *name = azl_object_get(item, "name");
    const azl_value_t *text = azl_object_get(item, member);
    azl_write_t w;

    azl_responses_kept_call(&a->kept, id);
    azl_write_init(&w, a->calls);
    w.comma = a->ncalls++ > 0;
    azl_write_open(&w, NULL, '{');
    azl_write_text(&w, "id", id);
    azl_write_str(&w, "type", kind);
    azl_write_open(&w, kind, '{');
    azl_write_raw(&w, "name", name ? name->raw : azl_span_str("\"\""));
    if (text && text->type == AZL_JSON_STRING &&
        (custom || azl_value_is_text(text))) {
        azl_write_raw(&w, member, text->raw);
    }
    else {
        azl_write_str(&w, member, custom ? "" : "{}");
    }
    azl_write_close(&w, '}');
    azl_write_close(&w, '}');
}

static void add_item(answer_t *a, azl_span_t raw, apr_int64_t offset)
{
    azl_object_t item;

    (void)offset;
    if (!azl_object_open(&item, raw)) {
        return;
    }
    switch (azl_responses_item(&item)) {
    case AZL_ITEM_MESSAGE:
        each_element(a, azl_object_get(&item, "content"), add_part, 0);
        break;
    case AZL_ITEM_REASONING:
        add_reasoning(a, &item);
        break;
    case AZL_ITEM_FUNCTION_CALL:
        add_call(a, &item, 0);
        break;
    case AZL_ITEM_CUSTOM_CALL:
        add_call(a, &item, 1);
        break;
    default:
        break; /* what the provider did by itself */
    }
}

/*
 * Writing
 */

static void write_inside(azl_write_t *w, const char *name,
                         const azl_buf_t *inside)
{
    azl_write_name(w, name);
    azl_buf_puts(w->out, "\"");
    azl_buf_append(w->out, inside->data, inside->len);
    azl_buf_puts(w->out, "\"");
}

static void write_list(azl_write_t *w, const char *name,
                       const azl_buf_t *elements)
{
    azl_write_open(w, name, '[');
    azl_buf_append(w->out, elements->data, elements->len);
    azl_write_close(w, ']');
}

static void write_message(azl_write_t *w, const answer_t *a)
{
    azl_write_open(w, "message", '{');
    azl_write_str(w, "role", "assistant");
    if (a->text->len || (!a->ncalls && !a->refusal->len)) {
        write_inside(w, "content", a->text);
    }
    else {
        azl_write_null(w, "content");
    }
    if (a->refusal->len) {
        write_inside(w, "refusal", a->refusal);
    }
    else {
        azl_write_null(w, "refusal");
    }
    if (a->reasoning->len) {
        write_inside(w, "reasoning_content", a->reasoning);
    }
    write_list(w, "annotations", a->annotations);
    if (a->ncalls) {
        write_list(w, "tool_calls", a->calls);
    }
    azl_write_close(w, '}');
}

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

/* A member that means the same in both; what a chat must have is there in any
 * case. */
static void write_same(azl_write_t *w, const char *name, const azl_value_t *v,
                       azl_json_type_e type, const char *otherwise)
{
    if (v && v->type == type) {
        azl_write_raw(w, name, v->raw);
    }
    else if (otherwise) {
        azl_write_raw(w, name, azl_span_str(otherwise));
    }
}

static void write_logprobs(azl_write_t *w, const answer_t *a)
{
    if (!a->logprobs->len) {
        azl_write_null(w, "logprobs");
        return;
    }
    azl_write_open(w, "logprobs", '{');
    write_list(w, "content", a->logprobs);
    azl_write_null(w, "refusal");
    azl_write_close(w, '}');
}

static void write_answer(const answer_t *a, const azl_pair_t *pairs, int n,
                         const char *finish, azl_buf_t *out)
{
    const azl_value_t *usage = find(pairs, n, "usage");
    azl_usage_t counts;
    azl_write_t w;

    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    write_same(&w, "id", find(pairs, n, "id"), AZL_JSON_STRING, "\"\"");
    azl_write_str(&w, "object", "chat.completion");
    write_same(&w, "created", find(pairs, n, "created_at"), AZL_JSON_NUMBER,
               apr_psprintf(a->ex->pool, "%" APR_TIME_T_FMT,
                            apr_time_sec(a->ex->now)));
    azl_write_str(&w, "model", "");
    azl_write_open(&w, "choices", '[');
    azl_write_open(&w, NULL, '{');
    azl_write_int(&w, "index", 0);
    write_message(&w, a);
    write_logprobs(&w, a);
    azl_write_str(&w, "finish_reason", finish);
    azl_write_close(&w, '}');
    azl_write_close(&w, ']');
    memset(&counts, 0, sizeof(counts));
    if (usage && azl_usage_read(&counts, usage->raw)) {
        azl_write_name(&w, "usage");
        azl_hub_usage_write(out, &counts);
    }
    write_same(&w, "service_tier", find(pairs, n, "service_tier"),
               AZL_JSON_STRING, NULL);
    write_same(&w, "moderation", find(pairs, n, "moderation"), AZL_JSON_OBJECT,
               NULL);
    azl_write_close(&w, '}');
}

static void answer_init(answer_t *a, azl_exchange_t *ex)
{
    apr_pool_t *p = ex->pool;

    a->ex = ex;
    azl_responses_kept_init(&a->kept, ex);
    a->text = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    a->refusal = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    a->reasoning = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    a->annotations = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    a->logprobs = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    a->calls = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    a->ncalls = 0;
}

static void answer_free(answer_t *a)
{
    azl_buf_free(a->text);
    azl_buf_free(a->refusal);
    azl_buf_free(a->reasoning);
    azl_buf_free(a->annotations);
    azl_buf_free(a->logprobs);
    azl_buf_free(a->calls);
}

/* It says that it failed: an error document in place of an answer. */
static void write_failure(azl_exchange_t *ex, azl_span_t doc, azl_buf_t *out)
{
    azl_error_t err;

    azl_failure_event(ex->pool, ex->deployment, doc, &err);
    azl_error_write(out, &err);
}

apr_status_t azl_responses_answer(azl_exchange_t *ex, azl_span_t doc,
                                  azl_buf_t *out)
{
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(doc, pairs, AZL_PAIRS_MAX);
    const azl_value_t *output = find(pairs, n, "output");
    const azl_value_t *status = find(pairs, n, "status");
    const char *finish;
    answer_t a;

    if (status && azl_span_is(status->raw, "\"failed\"")) {
        write_failure(ex, doc, out);
        return APR_EGENERAL;
    }
    if (!output || output->type != AZL_JSON_ARRAY) {
        return APR_EGENERAL;
    }
    answer_init(&a, ex);
    each_element(&a, output, add_item, 0);
    finish = azl_responses_finish(status, find(pairs, n, "incomplete_details"),
                                  a.ncalls > 0);
    if (finish) {
        write_answer(&a, pairs, n, finish, out);
    }
    answer_free(&a);
    return finish && !out->failed ? APR_SUCCESS : APR_EGENERAL;
}
