#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_dialect_int.h"

/* A response id as JSON: azl_seal.h takes 512 bytes, each of which may become
 * six. */
#define ID_JSON_MAX 4096
/* Model, stream options, usage inside them, previous response, what has been
 * said, the limit of tokens; and values that are not taken. */
#define EDITS_MAX (6 + AZL_FIT_SWAPS_MAX)

/* One change: `len` bytes at `at` become `text`. */
typedef struct edit_t {
    const char *at;
    apr_size_t len;
    azl_span_t text;
} edit_t;

typedef struct splicer_t {
    apr_pool_t *p;
    const azl_document_t *doc;
    edit_t *edits;
    int nedits;
    const char *insert; /* new members, each with the comma before it */
    int empty;          /* nothing of the client's is left */
} splicer_t;

static const azl_dialect_t *const dialects[] = {
    &azl_dialect_anthropic,  &azl_dialect_azure,  &azl_dialect_bedrock,
    &azl_dialect_databricks, &azl_dialect_gemini, &azl_dialect_openai,
};

#define NDIALECTS (sizeof(dialects) / sizeof(dialects[0]))

const azl_dialect_t *azl_dialect_find(const char *name)
{
    apr_size_t i;

    for (i = 0; i < NDIALECTS; ++i) {
        if (strcmp(dialects[i]->name, name) == 0) {
            return dialects[i];
        }
    }
    return NULL;
}

const char *azl_dialect_names(void)
{
    return "anthropic, azure, bedrock, databricks, gemini, openai";
}

void azl_dialect_credential(apr_pool_t *p, const azl_endpoint_t *e,
                            const azl_secret_t *secret, const char **name,
                            const char **value)
{
    const char *scheme;

    *name = *value = NULL;
    if (secret) {
        *name = e->dialect->credential(e, &scheme);
        *value = azl_secret_reveal(secret);
        if (*scheme) {
            *value = apr_pstrcat(p, scheme, *value, NULL);
        }
    }
}

static void add_edit(splicer_t *sp, const char *at, apr_size_t len,
                     const char *text)
{
    edit_t *e = &sp->edits[sp->nedits++];

    e->at = at;
    e->len = len;
    e->text = azl_span_str(text);
}

static void insert_member(splicer_t *sp, const char *member)
{
    sp->insert =
        sp->insert ? apr_pstrcat(sp->p, sp->insert, ",", member, NULL) : member;
}

static void edit_model(splicer_t *sp, const azl_deployment_t *d,
                       azl_model_place_e place)
{
    const azl_span_t *raw = &sp->doc->model_raw;

    if (raw->len) {
        add_edit(sp, raw->at, raw->len, d->name_json);
    }
    else if (place == AZL_MODEL_IN_BODY) {
        insert_member(sp, apr_pstrcat(sp->p, "\"model\":", d->name_json, NULL));
    }
}

/* Only these two can carry usage in their stream, and only when asked. */
static int usage_on_request(const azl_document_t *doc)
{
    return doc->stream &&
           (doc->op == AZL_OP_CHAT || doc->op == AZL_OP_COMPLETIONS);
}

static void edit_usage(splicer_t *sp, const azl_deployment_t *d)
{
    const azl_document_t *doc = sp->doc;
    const azl_value_t *options = &doc->stream_options;
    const char *at;

    if (!usage_on_request(doc) || doc->include_usage ||
        (d->endpoint->quirks & AZL_QUIRK_NO_STREAM_OPTIONS)) {
        return;
    }
    if (doc->include_usage_raw.len) {
        add_edit(sp, doc->include_usage_raw.at, doc->include_usage_raw.len,
                 "true");
    }
    else if (options->type == AZL_JSON_OBJECT) {
        at = options->raw.at + 1;
        while (apr_isspace(*at)) {
            ++at;
        }
        add_edit(sp, options->raw.at + 1, 0,
                 *at == '}' ? "\"include_usage\":true"
                            : "\"include_usage\":true,");
    }
    else if (options->raw.len) {
        add_edit(sp, options->raw.at, options->raw.len,
                 "{\"include_usage\":true}");
    }
    else {
        insert_member(sp, "\"stream_options\":{\"include_usage\":true}");
    }
}

static void edit_previous(splicer_t *sp, const char *upstream_id)
{
    const azl_span_t *raw = &sp->doc->previous_response_raw;
    azl_buf_t *json;

    if (!upstream_id || !raw->len) {
        return;
    }
    json = azl_buf_create(sp->p, ID_JSON_MAX);
    azl_buf_json_str(json, upstream_id);
    add_edit(sp, raw->at, raw->len, azl_buf_pstr(json, sp->p));
    azl_buf_free(json);
}

static int is_empty_list(azl_span_t list)
{
    const char *at = list.at + 1;

    while (apr_isspace(*at)) {
        ++at;
    }
    return *at == ']';
}

/* The answer so far becomes the last message, from which the upstream goes
 * on: Mistral and DeepSeek want that said in the message, vLLM beside it. */
static void edit_said(splicer_t *sp, const azl_deployment_t *d)
{
    const azl_document_t *doc = sp->doc;
    int prefix = d->endpoint->prefill == AZL_PREFILL_PREFIX;

    if (!doc->said) {
        return;
    }
    add_edit(sp, doc->prompt.at + doc->prompt.len - 1, 0,
             apr_pstrcat(sp->p, is_empty_list(doc->prompt) ? "" : ",",
                         "{\"role\":\"assistant\",\"content\":\"", doc->said,
                         prefix ? "\",\"prefix\":true}" : "\"}", NULL));
    if (!prefix) {
        insert_member(sp, "\"add_generation_prompt\":false,"
                          "\"continue_final_message\":true");
    }
}

/* A form: the field's content is the name itself, and a missing one becomes
 * a part before the first. */
static void edit_form(splicer_t *sp, const azl_deployment_t *d)
{
    const azl_document_t *doc = sp->doc;

    if (doc->model_raw.at) {
        add_edit(sp, doc->model_raw.at, doc->model_raw.len, d->name);
    }
    else {
        sp->insert = apr_pstrcat(
            sp->p, "--", doc->boundary,
            "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n",
            d->name, "\r\n", NULL);
    }
}

static void add_piece(azl_body_t *out, const char *at, apr_size_t len)
{
    if (len) {
        out->pieces[out->npieces++] = azl_span(at, len);
        out->length += len;
    }
}

static int by_position(const void *a, const void *b)
{
    const edit_t *left = a;
    const edit_t *right = b;

    if (left->at != right->at) {
        return left->at < right->at ? -1 : 1;
    }
    /* An empty field that is filled in, before what is dropped behind it. */
    return left->len < right->len ? -1 : left->len > right->len;
}

/* The edits never overlap, and only a new member stands where something else
 * may begin too: it is written first. */
static void cut(splicer_t *sp, azl_body_t *out)
{
    const azl_span_t *body = &sp->doc->body;
    const char *from = body->at;
    const char *insert_at = body->at + sp->doc->insert_at;
    int i;

    qsort(sp->edits, (size_t)sp->nedits, sizeof(*sp->edits), by_position);
    /* Each edit ends one piece and adds one; the insertion makes two more. */
    out->npieces = 0;
    out->length = 0;
    out->pieces = apr_palloc(sp->p, sizeof(azl_span_t) *
                                        (2 * (apr_size_t)sp->nedits + 4));
    if (sp->insert) {
        add_piece(out, from, (apr_size_t)(insert_at - from));
        add_piece(out, sp->insert, strlen(sp->insert));
        if (!sp->doc->multipart && !sp->empty) {
            add_piece(out, ",", 1);
        }
        from = insert_at;
    }
    for (i = 0; i < sp->nedits; ++i) {
        const edit_t *e = &sp->edits[i];

        add_piece(out, from, (apr_size_t)(e->at - from));
        add_piece(out, e->text.at, e->text.len);
        from = e->at + e->len;
    }
    add_piece(out, from, (apr_size_t)(body->at + body->len - from));
}

void azl_dialect_splice(apr_pool_t *p, const azl_deployment_t *d,
                        azl_model_place_e place, const azl_document_t *doc,
                        const char *previous_response_id, azl_body_t *out)
{
    splicer_t sp;
    azl_fit_t fit;
    int i;

    azl_fit(p, d, doc, &fit);
    out->dropped = fit.dropped;
    out->refusal = fit.refusal;
    memset(&sp, 0, sizeof(sp));
    sp.p = p;
    sp.doc = doc;
    sp.empty = fit.empty;
    sp.edits =
        apr_palloc(p, sizeof(edit_t) * ((apr_size_t)fit.ndrops + EDITS_MAX));
    for (i = 0; i < fit.ndrops; ++i) {
        add_edit(&sp, fit.drops[i].at, fit.drops[i].len, "");
    }
    for (i = 0; i < fit.nswaps; ++i) {
        add_edit(&sp, fit.swaps[i].at.at, fit.swaps[i].at.len,
                 fit.swaps[i].text);
    }
    if (fit.rename) {
        add_edit(&sp, fit.rename->key.at, fit.rename->key.len, fit.name);
    }
    if (!doc->multipart) {
        edit_model(&sp, d, place);
        edit_usage(&sp, d);
        edit_previous(&sp, previous_response_id);
        edit_said(&sp, d);
    }
    else if (place == AZL_MODEL_IN_BODY) {
        edit_form(&sp, d);
    }
    cut(&sp, out);
}

static int is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

const char *azl_dialect_segment(apr_pool_t *p, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, 3 * strlen(text) + 1);
    char *to = out;

    for (; *text; ++text) {
        if (is_unreserved(*text)) {
            *to++ = *text;
        }
        else {
            *to++ = '%';
            *to++ = hex[(unsigned char)*text >> 4];
            *to++ = hex[(unsigned char)*text & 0xf];
        }
    }
    *to = '\0';
    return out;
}

const char *azl_dialect_op_path(apr_pool_t *p, azl_op_e op,
                                const char *response_id)
{
    const char *path = azl_op_path(op);
    const char *tail;

    switch (op) {
    case AZL_OP_RESPONSE_GET:
    case AZL_OP_RESPONSE_DELETE:
        tail = NULL;
        break;
    case AZL_OP_RESPONSE_INPUT_ITEMS:
        tail = "/input_items";
        break;
    case AZL_OP_RESPONSE_CANCEL:
        tail = "/cancel";
        break;
    default:
        return path;
    }
    return response_id
               ? apr_pstrcat(p, path, "/", azl_dialect_segment(p, response_id),
                             tail, NULL)
               : NULL;
}

/* 1 if the member of a query has a name that may go on; its brackets may be
 * encoded. */
static int query_passes(azl_span_t member)
{
    static const char *const passed[] = {"include",
                                         "include[]",
                                         "include%5B%5D",
                                         "include%5b%5d",
                                         "limit",
                                         "order",
                                         "after",
                                         "before",
                                         "stream",
                                         "starting_after",
                                         "include_obfuscation"};
    const char *equals = memchr(member.at, '=', member.len);
    azl_span_t name = azl_span(
        member.at, equals ? (apr_size_t)(equals - member.at) : member.len);
    apr_size_t i;

    for (i = 0; i < sizeof(passed) / sizeof(passed[0]); ++i) {
        if (azl_span_is(name, passed[i])) {
            return 1;
        }
    }
    return 0;
}

const char *azl_dialect_query(apr_pool_t *p, azl_op_e op, const char *query)
{
    const char *out = NULL;

    if (op != AZL_OP_RESPONSE_GET && op != AZL_OP_RESPONSE_INPUT_ITEMS) {
        return NULL;
    }
    while (query && *query) {
        azl_span_t member = azl_span(query, strcspn(query, "&"));

        if (member.len && query_passes(member)) {
            const char *text = apr_pstrmemdup(p, member.at, member.len);

            out = out ? apr_pstrcat(p, out, "&", text, NULL) : text;
        }
        query += member.len;
        query += *query == '&';
    }
    return out;
}
