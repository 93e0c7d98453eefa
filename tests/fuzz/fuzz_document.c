/*
 * fuzz_document: a request that is taken, spliced for every kind of upstream,
 * must be the same request but for what was to be changed: the model, usage in
 * streams, the previous response, the name of the limit of tokens, and members
 * that were to be dropped, for all or for a family of models. What is refused
 * gets a 400 that says why.
 *
 * Input: one byte for the operation, one for what happens to unknown members,
 * then the body. Forms have the boundary "b".
 */
#include <apr_strings.h>

#include "azl_dialect.h"
#include "azl_family.h"
#include "azl_fuzz.h"
#include "azl_multipart.h"

#define HEAD 2
#define NAME "the \"name\""
#define NAME_JSON "\"the \\\"name\\\"\""
#define PREVIOUS "resp_upstream"
#define FORM_TYPE "multipart/form-data; boundary=b"
/* What the new members may add before the client's first. */
#define ADDED_MAX 2
#define MEMBERS_MAX (AZL_DOCUMENT_MEMBERS_MAX + ADDED_MAX)

typedef struct member_t {
    azl_span_t key;
    azl_value_t value;
} member_t;

typedef struct object_t {
    member_t members[MEMBERS_MAX];
    int n;
} object_t;

static int same_span(azl_span_t a, azl_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static void read_object(azl_span_t text, object_t *o)
{
    azl_scan_t s;

    o->n = 0;
    azl_scan_init(&s, text.at, text.len);
    azl_fuzz_check(azl_scan_peek(&s) == AZL_JSON_OBJECT, "it is an object");
    azl_scan_enter(&s);
    while (o->n < MEMBERS_MAX &&
           azl_scan_member(&s, &o->members[o->n].key) == 1 &&
           azl_scan_value(&s, &o->members[o->n].value) == 1) {
        o->n++;
    }
    azl_fuzz_check(azl_scan_end(&s) == 1, "it is valid JSON");
}

static azl_span_t join(apr_pool_t *p, const azl_body_t *body)
{
    char *out = apr_palloc(p, body->length + 1);
    apr_size_t len = 0;
    int i;

    for (i = 0; i < body->npieces; ++i) {
        memcpy(out + len, body->pieces[i].at, body->pieces[i].len);
        len += body->pieces[i].len;
    }
    azl_fuzz_check(len == body->length, "the length is the pieces' sum");
    return azl_span(azl_fuzz_copy(p, out, len), len);
}

/* The same member; a family of models may know it by another name. */
static int same_key(int renamed, azl_span_t was, azl_span_t is)
{
    return same_span(was, is) || (renamed && azl_span_is(was, "max_tokens") &&
                                  azl_span_is(is, "max_completion_tokens"));
}

static int has(const object_t *o, const char *name)
{
    int i;

    for (i = 0; i < o->n; ++i) {
        if (azl_span_is(o->members[i].key, name)) {
            return 1;
        }
    }
    return 0;
}

static int wants_usage(const azl_document_t *doc)
{
    return doc->stream &&
           (doc->op == AZL_OP_CHAT || doc->op == AZL_OP_COMPLETIONS);
}

/* Stream options with usage asked for, and otherwise as they were. */
static void check_options(const azl_value_t *was, azl_span_t is)
{
    object_t before, after;
    int i, j;

    before.n = 0;
    if (was && was->type == AZL_JSON_OBJECT) {
        read_object(was->raw, &before);
    }
    read_object(is, &after);
    for (i = 0, j = 0; i < after.n; ++i) {
        if (azl_span_is(after.members[i].key, "include_usage")) {
            azl_fuzz_check(after.members[i].value.type == AZL_JSON_TRUE,
                           "usage is asked for");
            j += j < before.n &&
                 azl_span_is(before.members[j].key, "include_usage");
            continue;
        }
        azl_fuzz_check(
            j < before.n &&
                same_span(before.members[j].key, after.members[i].key) &&
                same_span(before.members[j].value.raw,
                          after.members[i].value.raw),
            "the other options are the same");
        ++j;
    }
    azl_fuzz_check(j == before.n, "no option is lost");
}

/* A member that was there before: is it what it has to be? */
static void check_member(const azl_document_t *doc, const member_t *was,
                         const member_t *is)
{
    azl_span_t value = is->value.raw;

    if (azl_span_is(is->key, "model")) {
        azl_fuzz_check(azl_span_is(value, NAME_JSON), "the model is ours");
    }
    else if (azl_span_is(is->key, "stream_options") && wants_usage(doc)) {
        check_options(&was->value, value);
    }
    else if (azl_span_is(is->key, "previous_response_id") &&
             doc->previous_response_id) {
        azl_fuzz_check(azl_span_is(value, "\"" PREVIOUS "\""),
                       "the previous response is the upstream's");
    }
    else {
        azl_fuzz_check(same_span(was->value.raw, value),
                       "other values are the same");
    }
}

static void check_json(const azl_document_t *doc, azl_span_t now,
                       azl_params_e params, const azl_family_t *family)
{
    object_t before, after;
    int i = 0;
    int j = 0;
    int renamed;

    read_object(doc->body, &before);
    read_object(now, &after);
    renamed = family && !has(&before, "max_completion_tokens");
    /* what was added stands in front */
    if (!doc->model_raw.len && i < after.n &&
        azl_span_is(after.members[i].key, "model") &&
        azl_span_is(after.members[i].value.raw, NAME_JSON)) {
        ++i;
    }
    if (wants_usage(doc) && !doc->stream_options.raw.len) {
        azl_fuzz_check(i < after.n &&
                           azl_span_is(after.members[i].key, "stream_options"),
                       "a stream asks for usage");
        check_options(NULL, after.members[i].value.raw);
        ++i;
    }
    for (; i < after.n; ++i, ++j) {
        while (
            params == AZL_PARAMS_DROP && j < before.n &&
            !same_key(renamed, before.members[j].key, after.members[i].key)) {
            azl_fuzz_check(!azl_span_is(before.members[j].key, "model"),
                           "the model is not dropped");
            ++j;
        }
        azl_fuzz_check(j < before.n && same_key(renamed, before.members[j].key,
                                                after.members[i].key),
                       "members stand where they stood");
        check_member(doc, &before.members[j], &after.members[i]);
    }
    azl_fuzz_check(j == before.n || params == AZL_PARAMS_DROP,
                   "no member is lost");
}

static void check_form(apr_pool_t *p, const azl_document_t *doc, azl_span_t now,
                       azl_params_e params, int in_body)
{
    azl_multipart_t before, after;
    int i = 0;
    int j = 0;
    int twice;

    azl_fuzz_check(
        !azl_multipart_parse(p, "b", doc->body.at, doc->body.len, &before),
        "the form was one");
    /* a form of nothing but dropped fields has only its end left */
    if (!in_body && doc->empty) {
        return;
    }
    azl_fuzz_check(!azl_multipart_parse(p, "b", now.at, now.len, &after),
                   "the form is one");
    if (in_body) {
        const azl_part_t *model = azl_multipart_find(&after, "model", &twice);

        azl_fuzz_check(model && !twice, "the form names one model");
        azl_fuzz_check(azl_span_is(model->content, NAME), "it is ours");
        i = !doc->model_raw.at;
    }
    for (; i < after.nparts; ++i, ++j) {
        while (params == AZL_PARAMS_DROP && j < before.nparts &&
               !same_span(before.parts[j].headers, after.parts[i].headers)) {
            ++j;
        }
        azl_fuzz_check(j < before.nparts && same_span(before.parts[j].headers,
                                                      after.parts[i].headers),
                       "parts stand where they stood");
        azl_fuzz_check(
            same_span(before.parts[j].content, after.parts[i].content) ||
                (in_body && azl_span_is(after.parts[i].name, "model")),
            "other parts are the same");
    }
    azl_fuzz_check(j == before.nparts || params == AZL_PARAMS_DROP,
                   "no part is lost");
}

static void check_body(apr_pool_t *p, const azl_document_t *doc,
                       const char *dialect, const char *api_version,
                       azl_params_e params, const char *model)
{
    azl_endpoint_t e;
    azl_deployment_t d;
    azl_body_t body;
    azl_span_t now;

    memset(&e, 0, sizeof(e));
    memset(&d, 0, sizeof(d));
    e.dialect = azl_dialect_find(dialect);
    e.url = "https://h";
    e.api_version = api_version;
    d.endpoint = &e;
    d.family = azl_family_find(model);
    d.name = NAME;
    d.name_json = NAME_JSON;
    e.dialect->body(p, &d, doc, PREVIOUS, &body);
    now = join(p, &body);
    if (doc->multipart) {
        check_form(p, doc, now, params, api_version == NULL);
    }
    else {
        check_json(doc, now, params, d.family);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_params_e params;
    azl_document_t doc;
    azl_error_t err;
    azl_op_e op;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    op = (azl_op_e)(AZL_OP_CHAT + data[0] % AZL_OP_LAST_MODEL_CALL);
    params = (azl_params_e)(data[1] % (AZL_PARAMS_REJECT + 1));
    in.at = azl_fuzz_copy(p, in.at, in.len);
    memset(&err, 0, sizeof(err));
    if (!azl_document_read(p, op, params,
                           azl_op_takes_multipart(op) ? FORM_TYPE : NULL, in,
                           &doc, &err)) {
        azl_fuzz_check(err.status == 400 && err.message && err.code && err.type,
                       "what is refused is told why");
        return 0;
    }
    check_body(p, &doc, "azure", NULL, params, "gpt-5");
    check_body(p, &doc, "azure", "2024-10-21", params, NULL);
    check_body(p, &doc, "openai", NULL, params, "gpt-5.1");
    return 0;
}
