/*
 * What goes to a server that resembles OpenAI's: the request as it would go to
 * OpenAI, and then its messages as this one takes them.
 */
#include <apr_strings.h>

#include "azl_openai_int.h"
#include "azl_turns_int.h"

typedef struct request_t {
    azl_exchange_t *ex;
    azl_edit_t edit;
    int quirks;
} request_t;

/*
 * Members and ids
 */

/* Those that Mistral defines for a message of this role. A null says nothing.
 */
static int is_plain(azl_span_t key, const azl_value_t *v, azl_span_t role)
{
    int tool = azl_span_is(role, "\"tool\"");
    int assistant = azl_span_is(role, "\"assistant\"");

    if (azl_span_is(key, "role") || azl_span_is(key, "content")) {
        return 1;
    }
    if (v->type == AZL_JSON_NULL) {
        return 0;
    }
    if (azl_span_is(key, "tool_calls") || azl_span_is(key, "prefix")) {
        return assistant;
    }
    return tool &&
           (azl_span_is(key, "tool_call_id") || azl_span_is(key, "name"));
}

static void shorten_id(request_t *rq, const azl_value_t *id)
{
    apr_pool_t *p = rq->ex->pool;
    azl_span_t text;

    if (!azl_value_is_text(id)) {
        return;
    }
    text = azl_span(id->raw.at + 1, id->raw.len - 2);
    if (!azl_turns_id_is_short(text)) {
        azl_edit_replace(
            &rq->edit, id->raw,
            azl_span_str(
                apr_pstrcat(p, "\"", azl_turns_short_id(p, text), "\"", NULL)));
    }
}

static void shorten_calls(request_t *rq, azl_span_t raw)
{
    const azl_value_t *id;
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, raw.at, raw.len);
    if (azl_scan_peek(&s) != AZL_JSON_ARRAY) {
        return;
    }
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        id = azl_object_open(&o, v.raw) ? azl_object_get(&o, "id") : NULL;
        if (id) {
            shorten_id(rq, id);
        }
    }
}

/*
 * Reasoning: with the calls it has led to it must come back, and only there
 */

/* The id of the first call, without quotes; empty if there is none. */
static azl_span_t first_call(const azl_object_t *message)
{
    const azl_value_t *calls = azl_object_get(message, "tool_calls");
    const azl_value_t *id;
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    if (!calls || calls->type != AZL_JSON_ARRAY) {
        return azl_span("", 0);
    }
    azl_scan_init(&s, calls->raw.at, calls->raw.len);
    azl_scan_enter(&s);
    if (azl_scan_element(&s) != 1 || azl_scan_value(&s, &v) != 1 ||
        !azl_object_open(&o, v.raw)) {
        return azl_span("", 0);
    }
    id = azl_object_get(&o, "id");
    return id && azl_value_is_text(id)
               ? azl_span(id->raw.at + 1, id->raw.len - 2)
               : azl_span("", 0);
}

static int is_reasoning(azl_span_t key)
{
    return azl_span_is(key, "reasoning_content") ||
           azl_span_is(key, "reasoning");
}

/* What a client did not hold; where it is gone, an empty one is taken. */
static void put_back(request_t *rq, azl_object_t *o, azl_span_t call)
{
    azl_exchange_t *ex = rq->ex;
    azl_span_t kept = azl_span("", 0);
    azl_span_t text;

    if (ex->recall) {
        kept = ex->recall(ex->kept, ex->pool, AZL_OPENAI_KIND, call);
    }
    text = azl_span_str(apr_psprintf(ex->pool, "\"%.*s\"", (int)kept.len,
                                     kept.len ? kept.at : ""));
    azl_edit_add(&rq->edit, &o->list, o->close, "reasoning_content", text);
}

/*
 * Messages
 */

/* Does a member of this message go on? */
static int stays(const request_t *rq, const azl_pair_t *pair, azl_span_t role,
                 azl_span_t call)
{
    if ((rq->quirks & AZL_QUIRK_LOOP_REASONING) && is_reasoning(pair->key)) {
        return call.len && azl_span_is(pair->key, "reasoning_content") &&
               pair->value.type == AZL_JSON_STRING;
    }
    return !(rq->quirks & AZL_QUIRK_PLAIN_MESSAGES) ||
           is_plain(pair->key, &pair->value, role);
}

static void edit_member(request_t *rq, const azl_pair_t *pair)
{
    int is_short = rq->quirks & AZL_QUIRK_SHORT_IDS;
    const azl_value_t *v = &pair->value;

    if (azl_span_is(pair->key, "role")) {
        if ((rq->quirks & AZL_QUIRK_NO_DEVELOPER) &&
            azl_span_is(v->raw, "\"developer\"")) {
            azl_edit_replace(&rq->edit, v->raw, azl_span_str("\"system\""));
        }
    }
    else if (is_short && azl_span_is(pair->key, "tool_call_id")) {
        shorten_id(rq, v);
    }
    else if (is_short && azl_span_is(pair->key, "tool_calls")) {
        shorten_calls(rq, v->raw);
    }
}

static void edit_message(request_t *rq, azl_span_t raw)
{
    const azl_value_t *v;
    azl_span_t role, call;
    azl_object_t o;
    int reasons = 0;
    int i;

    if (!azl_object_open(&o, raw)) {
        return; /* the server will say what it thinks of it */
    }
    v = azl_object_get(&o, "role");
    role = v ? v->raw : azl_span("", 0);
    call = first_call(&o);
    for (i = 0; i < o.n; ++i) {
        const azl_pair_t *pair = &o.pairs[i];

        if (!stays(rq, pair, role, call)) {
            azl_pair_drop(&rq->edit, &o.list, pair);
            continue;
        }
        reasons |= azl_span_is(pair->key, "reasoning_content");
        azl_pair_keep(&rq->edit, &o.list, pair);
        edit_member(rq, pair);
    }
    if ((rq->quirks & AZL_QUIRK_LOOP_REASONING) && call.len && !reasons) {
        put_back(rq, &o, call);
    }
    azl_edit_close(&rq->edit, &o.list, o.close);
}

/* The cursor before the list `messages`; 0: there is none. */
static int find_messages(azl_span_t body, azl_scan_t *s)
{
    azl_span_t key;
    azl_value_t v;

    azl_scan_init(s, body.at, body.len);
    azl_scan_enter(s);
    while (azl_scan_member(s, &key) == 1) {
        if (azl_span_is(key, "messages")) {
            return azl_scan_peek(s) == AZL_JSON_ARRAY;
        }
        azl_scan_value(s, &v);
    }
    return 0;
}

void azl_openai_messages(azl_exchange_t *ex, azl_span_t body, azl_buf_t *out)
{
    request_t rq;
    azl_value_t v;
    azl_scan_t s;

    rq.ex = ex;
    rq.quirks = ex->deployment->endpoint->quirks;
    rq.edit.out = out;
    rq.edit.from = body.at;
    if (find_messages(body, &s)) {
        azl_scan_enter(&s);
        while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
            edit_message(&rq, v.raw);
        }
    }
    azl_edit_copy(&rq.edit, azl_span_end(body));
}

/*
 * The request
 */

/* Names that were left out of it, with commas between them. */
static void note_names(azl_exchange_t *ex, const char *names)
{
    char *last = NULL;
    char *name;

    for (name = apr_strtok(apr_pstrdup(ex->pool, names), ",", &last); name;
         name = apr_strtok(NULL, ",", &last)) {
        azl_exchange_note(ex, name);
    }
}

/* The document as it was read, or read now. */
static int get_document(azl_exchange_t *ex, azl_document_t *doc,
                        azl_error_t *err)
{
    azl_buf_t *text;

    if (ex->doc) {
        *doc = *ex->doc;
        doc->params = ex->params;
        return 1;
    }
    text = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_json_write(text, ex->hub);
    return azl_document_read(ex->pool, AZL_OP_CHAT, ex->params, NULL,
                             azl_span(text->data, text->len), doc, err);
}

int azl_openai_request(azl_exchange_t *ex, azl_buf_t *out, azl_error_t *err)
{
    azl_document_t doc;
    azl_body_t body;
    azl_buf_t *flat;
    int i;

    if (!get_document(ex, &doc, err)) {
        return 0;
    }
    azl_dialect_splice(ex->pool, ex->deployment, AZL_MODEL_IN_BODY, &doc, NULL,
                       &body);
    if (body.refusal) {
        *err = *body.refusal;
        return 0;
    }
    if (body.dropped) {
        note_names(ex, body.dropped);
    }
    flat = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_buf_fit(flat, body.length);
    for (i = 0; i < body.npieces; ++i) {
        azl_buf_span(flat, body.pieces[i]);
    }
    out->failed |= flat->failed;
    azl_openai_messages(ex, azl_span(flat->data, flat->len), out);
    azl_buf_free(flat);
    return 1;
}
