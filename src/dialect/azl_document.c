/*
 * azl_document: the walk through a request body, JSON or form, and what of it
 * stays, with commas and boundaries as they must be.
 */
#include <apr_strings.h>

#include "azl_document_int.h"
#include "azl_multipart.h"

/* There is room for so many settings at first: few requests have more. */
#define USUAL_SETTINGS 4

static void add_drop(azl_reader_t *rd, const char *from, const char *to)
{
    azl_document_t *doc = rd->doc;

    if (!doc->drops) {
        /* Neighbours are dropped as one. */
        doc->drops = apr_palloc(rd->p, sizeof(azl_span_t) *
                                           (AZL_DOCUMENT_MEMBERS_MAX / 2 + 1));
    }
    doc->drops[doc->ndrops++] = azl_span(from, (apr_size_t)(to - from));
}

static void drop_name(azl_reader_t *rd, azl_span_t name)
{
    const char *text = azl_document_shown(rd->p, name);

    if (text) {
        rd->doc->dropped =
            rd->doc->dropped
                ? apr_pstrcat(rd->p, rd->doc->dropped, ",", text, NULL)
                : text;
    }
}

/* A member from `start` to `end` stays: a run that ends before it takes the
 * comma between them along. */
static void keep_member(azl_reader_t *rd, const char *start, const char *end)
{
    if (rd->dropped_from) {
        add_drop(rd, rd->dropped_from, start);
        rd->dropped_from = NULL;
    }
    rd->nkept++;
    rd->kept_end = end;
    rd->member_end = end;
}

static void drop_member(azl_reader_t *rd, const char *start, const char *end)
{
    if (!rd->dropped_from) {
        rd->dropped_from = start;
    }
    rd->member_end = end;
}

/* A run at the end takes the comma before it along. */
static void drop_last(azl_reader_t *rd)
{
    if (rd->dropped_from) {
        add_drop(rd, rd->kept_end ? rd->kept_end : rd->dropped_from,
                 rd->member_end);
    }
}

/* Keep, drop or refuse a member or form field that stands from `start` to
 * `end`. */
static int place(azl_reader_t *rd, int index, azl_span_t name,
                 const char *start, const char *end)
{
    if (rd->params == AZL_PARAMS_KEEP ||
        azl_member_defined(index, rd->doc->op)) {
        keep_member(rd, start, end);
        return 1;
    }
    if (rd->params == AZL_PARAMS_REJECT) {
        return azl_document_refuse_unknown(rd, name);
    }
    drop_name(rd, name);
    drop_member(rd, start, end);
    return 1;
}

/* What a model may not take is left out where it is known which one is asked:
 * here only its place is remembered. */
static void note_setting(azl_reader_t *rd, const azl_member_info_t *info,
                         azl_span_t key, const azl_value_t *v)
{
    azl_document_t *doc = rd->doc;
    azl_setting_t *s, *all;

    if (!doc->settings) {
        doc->settings = apr_palloc(rd->p, sizeof(*s) * USUAL_SETTINGS);
    }
    else if (doc->nsettings == USUAL_SETTINGS) {
        all = apr_palloc(rd->p, sizeof(*s) * AZL_PARAM_LAST);
        memcpy(all, doc->settings, sizeof(*s) * USUAL_SETTINGS);
        doc->settings = all;
    }
    s = &doc->settings[doc->nsettings++];
    s->param = (azl_param_e)info->param;
    s->name = info->name;
    s->key = azl_span(key.at - 1, key.len + 2);
    s->value = *v;
}

static int read_member(azl_reader_t *rd, azl_span_t key, const azl_value_t *v)
{
    const azl_member_info_t *info;
    int index;

    if (++rd->nmembers > AZL_DOCUMENT_MEMBERS_MAX) {
        return azl_document_refuse(rd, "too_many_parameters", NULL,
                                   "The request has too many parameters.");
    }
    if (!azl_document_identify(rd, key, &index) ||
        !place(rd, index, key, key.at - 1, v->raw.at + v->raw.len)) {
        return 0;
    }
    if (!azl_member_defined(index, rd->doc->op)) {
        return 1;
    }
    info = azl_member_info(index);
    if (info->param &&
        (rd->doc->op == AZL_OP_CHAT || rd->doc->op == AZL_OP_RESPONSES)) {
        note_setting(rd, info, key, v);
    }
    return azl_document_member(rd, index, v);
}

static int read_json(azl_reader_t *rd)
{
    azl_document_t *doc = rd->doc;
    azl_span_t key;
    azl_value_t v;
    azl_scan_t s;
    int more;

    if (doc->body.len == 0) {
        return azl_document_refuse(
            rd, "invalid_json", NULL,
            "The request body is empty; a JSON object is expected.");
    }
    azl_scan_init(&s, doc->body.at, doc->body.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        if (azl_scan_value(&s, &v) == 1) {
            return azl_document_refuse(
                rd, "invalid_json", NULL,
                "The request body must be a JSON object: line 1, "
                "column 1.");
        }
        return azl_document_refuse_json(rd, &s);
    }
    azl_scan_enter(&s);
    doc->insert_at = (apr_size_t)(s.at - doc->body.at);
    while ((more = azl_scan_member(&s, &key)) == 1 &&
           azl_scan_value(&s, &v) == 1) {
        if (!read_member(rd, key, &v)) {
            return 0;
        }
    }
    if (more == 0) {
        azl_scan_end(&s);
    }
    if (s.error) {
        return azl_document_refuse_json(rd, &s);
    }
    drop_last(rd);
    doc->empty = rd->nkept == 0;
    if (rd->n * rd->nprompts < AZL_CHOICES_MAX) {
        doc->choices = rd->n * rd->nprompts;
    }
    else {
        doc->choices = AZL_CHOICES_MAX;
    }
    return 1;
}

static int is_true(azl_span_t content)
{
    char text[AZL_MEMBER_NAME_MAX + 1];

    return azl_document_fold(text, content.at, content.len) &&
           (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

/* The member a form field stands for: "image[]" and "image[0]" are "image". */
static azl_span_t field_name(azl_span_t name)
{
    const char *bracket = name.len ? memchr(name.at, '[', name.len) : NULL;

    return bracket ? azl_span(name.at, (apr_size_t)(bracket - name.at)) : name;
}

static int read_field(azl_reader_t *rd, const azl_part_t *part)
{
    azl_document_t *doc = rd->doc;
    azl_span_t content = part->content;

    if (azl_span_is(part->name, "model")) {
        if (part->has_filename || memchr(content.at, '\0', content.len)) {
            return azl_document_refuse_type(rd, "model", "a text field");
        }
        doc->model_raw = content;
        doc->model =
            content.len ? apr_pstrmemdup(rd->p, content.at, content.len) : NULL;
    }
    else if (azl_span_is(part->name, "stream")) {
        doc->stream = is_true(content);
    }
    return 1;
}

/* Fields may come twice (files do); only those that are read here must not. */
static int identify_field(azl_reader_t *rd, azl_span_t name, int *index)
{
    azl_span_t base = field_name(name);
    const azl_member_info_t *info;

    *index = azl_member_find(base.at, base.len);
    if (*index >= 0) {
        info = azl_member_info(*index);
        if (!(info->flags & AZL_MEMBER_GUARDED)) {
            return 1;
        }
        if (base.len != name.len) {
            return azl_document_refuse_spelling(rd, info->name);
        }
    }
    return azl_document_identify(rd, name, index);
}

static int read_part(azl_reader_t *rd, const azl_part_t *part)
{
    int index;

    return identify_field(rd, part->name, &index) &&
           place(rd, index, part->name, part->headers.at,
                 part->content.at + part->content.len) &&
           (!azl_member_defined(index, rd->doc->op) || read_field(rd, part));
}

static int read_multipart(azl_reader_t *rd)
{
    azl_document_t *doc = rd->doc;
    azl_multipart_t parts;
    const char *wrong;
    int i;

    doc->multipart = 1;
    doc->boundary = azl_multipart_boundary(rd->p, doc->content_type);
    wrong = doc->boundary
                ? azl_multipart_parse(rd->p, doc->boundary, doc->body.at,
                                      doc->body.len, &parts)
                : "the Content-Type has no usable boundary";
    if (!wrong && parts.nparts == 0) {
        wrong = "the form has no fields";
    }
    if (wrong) {
        return azl_document_refuse(rd, "invalid_multipart", NULL,
                                   apr_psprintf(rd->p,
                                                "The request body is not valid "
                                                "multipart/form-data: %s.",
                                                wrong));
    }
    doc->insert_at = 0; /* a form starts with its first boundary line */
    for (i = 0; i < parts.nparts; ++i) {
        if (!read_part(rd, &parts.parts[i])) {
            return 0;
        }
    }
    doc->empty = rd->nkept == 0;
    if (doc->empty) {
        /* Nothing stays but the closing delimiter; its dashes take the place
         * of the first one's. */
        rd->dropped_from = doc->body.at;
        rd->member_end += strlen("\r\n");
    }
    drop_last(rd);
    return 1;
}

int azl_document_read(apr_pool_t *p, azl_op_e op, azl_params_e params,
                      const char *content_type, azl_span_t body,
                      azl_document_t *doc, azl_error_t *err)
{
    static const char form[] = "multipart/form-data";
    azl_reader_t rd;
    int is_form =
        content_type && strncasecmp(content_type, form, sizeof(form) - 1) == 0;

    memset(doc, 0, sizeof(*doc));
    doc->op = op;
    doc->params = params;
    doc->body = body;
    doc->content_type = content_type;
    memset(&rd, 0, sizeof(rd));
    rd.p = p;
    rd.params = params;
    rd.doc = doc;
    rd.err = err;
    rd.n = 1;
    rd.nprompts = 1;

    if (azl_op_takes_multipart(op)) {
        if (is_form) {
            return read_multipart(&rd);
        }
        if (op != AZL_OP_IMAGES_EDITS) {
            return azl_document_refuse(
                &rd, "invalid_content_type", NULL,
                "This operation takes multipart/form-data.");
        }
    }
    return read_json(&rd);
}
