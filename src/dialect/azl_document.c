#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_document.h"
#include "azl_members_int.h"
#include "azl_multipart.h"
#include "azl_routing.h"

/* Members of stream_options; OpenAI defines two. */
#define STREAM_OPTIONS_MAX 16
/* A member name that is longer, or holds anything but these characters, is
 * the client's own text and is not repeated to anybody. */
#define NAME_SHOWN_MAX 64
#define NAME_SHOWN_CHARS                                                       \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]"

/* The state of one reading. */
typedef struct reader_t {
    apr_pool_t *p;
    azl_params_e params;
    azl_document_t *doc;
    azl_error_t *err;
    apr_uint64_t seen[AZL_MEMBERS_MAX / 64];
    int nmembers;
    int nkept;
    int n;                    /* choices asked for by the member n */
    int nprompts;             /* each has its own */
    int cache_key;            /* place in cache_keys[] plus 1; 0: none */
    int instructed;           /* the instructions are the prompt */
    const char *kept_end;     /* behind the last member that stays */
    const char *member_end;   /* behind the last member */
    const char *dropped_from; /* start of a run of members left out, or NULL */
} reader_t;

static int refuse(reader_t *rd, const char *code, const char *param,
                  const char *message)
{
    azl_error_invalid(rd->err, code, param, message);
    return 0;
}

/* A member name in a message: as the client wrote it if it looks like the
 * name of a parameter, else NULL. */
static const char *shown(apr_pool_t *p, azl_span_t name)
{
    const char *text;

    if (name.len == 0 || name.len > NAME_SHOWN_MAX) {
        return NULL;
    }
    text = apr_pstrmemdup(p, name.at, name.len);
    return strspn(text, NAME_SHOWN_CHARS) == name.len ? text : NULL;
}

static int refuse_twice(reader_t *rd, const char *name)
{
    return refuse(rd, "duplicate_parameter", name,
                  apr_psprintf(rd->p,
                               "The parameter '%s' is given more than once.",
                               name));
}

static int refuse_spelling(reader_t *rd, const char *name)
{
    return refuse(
        rd, "ambiguous_parameter", name,
        apr_psprintf(rd->p,
                     "A parameter name can be read as '%s' in another spelling "
                     "or with escapes; write it plainly.",
                     name));
}

static int refuse_type(reader_t *rd, const char *name, const char *expected)
{
    return refuse(rd, "invalid_type", name,
                  apr_psprintf(rd->p, "Invalid type for '%s': expected %s.",
                               name, expected));
}

static int refuse_json(reader_t *rd, const azl_scan_t *s)
{
    int line, column;

    azl_scan_position(rd->doc->body.at, rd->doc->body.len, s->error_at, &line,
                      &column);
    return refuse(rd, "invalid_json", NULL,
                  apr_psprintf(rd->p,
                               "The request body is not valid JSON: %s at line "
                               "%d, column %d.",
                               s->error, line, column));
}

/* The name in lower case, if it is short enough to be a member of ours. */
static const char *fold(char out[AZL_MEMBER_NAME_MAX + 1], const char *name,
                        apr_size_t len)
{
    apr_size_t i;

    if (len > AZL_MEMBER_NAME_MAX) {
        return NULL;
    }
    for (i = 0; i < len; ++i) {
        out[i] = (char)apr_tolower(name[i]);
    }
    out[len] = '\0';
    return out;
}

/* A name with escapes, or with capital letters: another parser than ours may
 * take it for a member that decides who is asked what. */
static int refuse_lookalike(reader_t *rd, azl_span_t key)
{
    const char *name = azl_scan_name(rd->p, key);
    char folded[AZL_MEMBER_NAME_MAX + 1];
    int escaped = memchr(key.at, '\\', key.len) != NULL;
    int index;

    if (!name || !fold(folded, name, strlen(name))) {
        return 1;
    }
    index = azl_member_find(folded, strlen(folded));
    if (index < 0) {
        return 1;
    }
    if ((azl_member_info(index)->flags & AZL_MEMBER_GUARDED) ||
        (escaped && azl_member_find(name, strlen(name)) == index)) {
        return refuse_spelling(rd, azl_member_info(index)->name);
    }
    return 1;
}

static int plainly_written(azl_span_t key)
{
    apr_size_t i;

    for (i = 0; i < key.len; ++i) {
        if (key.at[i] == '\\' || (key.at[i] >= 'A' && key.at[i] <= 'Z')) {
            return 0;
        }
    }
    return 1;
}

/* Which member this is: its index, or -1 if it is none of ours. 0 if it must
 * be refused. */
static int identify(reader_t *rd, azl_span_t key, int *index)
{
    const azl_member_info_t *info;
    apr_uint64_t bit;

    *index = azl_member_find(key.at, key.len);
    if (*index < 0) {
        return plainly_written(key) || refuse_lookalike(rd, key);
    }
    info = azl_member_info(*index);
    if (info->flags & AZL_MEMBER_REFUSED) {
        return refuse(rd, "forbidden_parameter", info->name,
                      apr_psprintf(rd->p,
                                   "The parameter '%s' is not allowed here: "
                                   "where requests go is configured on the "
                                   "server.",
                                   info->name));
    }
    bit = (apr_uint64_t)1 << (*index % 64);
    if (rd->seen[*index / 64] & bit) {
        return refuse_twice(rd, info->name);
    }
    rd->seen[*index / 64] |= bit;
    return 1;
}

static int refuse_unknown(reader_t *rd, azl_span_t name)
{
    const char *text = shown(rd->p, name);

    return refuse(rd, "unknown_parameter", text,
                  text ? apr_psprintf(rd->p, "Unknown parameter: '%s'.", text)
                       : "The request has a parameter that is not known here.");
}

static int read_boolean(reader_t *rd, const char *name, const azl_value_t *v,
                        int *out)
{
    if (v->type != AZL_JSON_TRUE && v->type != AZL_JSON_FALSE &&
        v->type != AZL_JSON_NULL) {
        return refuse_type(rd, name, "a boolean");
    }
    *out = v->type == AZL_JSON_TRUE;
    return 1;
}

static int read_model(reader_t *rd, const azl_value_t *v)
{
    const char *text =
        v->type == AZL_JSON_STRING ? azl_scan_text(rd->p, v->raw) : NULL;

    if (!text) {
        return refuse_type(rd, "model", "a string");
    }
    rd->doc->model_raw = v->raw;
    /* AzureOpenAI users who name the deployment in the URL send "". */
    rd->doc->model = *text ? text : NULL;
    return 1;
}

static int read_previous(reader_t *rd, const azl_value_t *v)
{
    const char *text;

    if (v->type == AZL_JSON_NULL) {
        return 1;
    }
    text = v->type == AZL_JSON_STRING ? azl_scan_text(rd->p, v->raw) : NULL;
    if (!text) {
        return refuse_type(rd, "previous_response_id", "a string");
    }
    rd->doc->previous_response_id = text;
    rd->doc->previous_response_raw = v->raw;
    return 1;
}

/* {"include_usage":...,"include_obfuscation":...}. The value has been checked,
 * so the scan cannot fail. */
static int read_stream_options(reader_t *rd, const azl_value_t *v)
{
    azl_span_t keys[STREAM_OPTIONS_MAX];
    azl_span_t key;
    azl_value_t value;
    azl_scan_t s;
    int n = 0;
    int i;

    if (v->type == AZL_JSON_NULL) {
        rd->doc->stream_options = *v;
        return 1;
    }
    if (v->type != AZL_JSON_OBJECT) {
        return refuse_type(rd, "stream_options", "an object");
    }
    rd->doc->stream_options = *v;
    azl_scan_init(&s, v->raw.at, v->raw.len);
    azl_scan_enter(&s);
    while (azl_scan_member(&s, &key) == 1) {
        azl_scan_value(&s, &value);
        for (i = 0; i < n; ++i) {
            if (keys[i].len == key.len &&
                memcmp(keys[i].at, key.at, key.len) == 0) {
                return refuse_twice(rd, "stream_options");
            }
        }
        if (n == STREAM_OPTIONS_MAX || !plainly_written(key)) {
            return refuse_spelling(rd, "stream_options");
        }
        keys[n++] = key;
        if (azl_span_is(key, "include_usage")) {
            rd->doc->include_usage_raw = value.raw;
            if (!read_boolean(rd, "stream_options.include_usage", &value,
                              &rd->doc->include_usage)) {
                return 0;
            }
        }
    }
    return 1;
}

/* A value that is no number of choices is for the upstream to refuse. */
static int read_n(const azl_value_t *v)
{
    apr_int64_t n;

    if (!azl_scan_uint(v->raw, &n) || n == 0) {
        return 1;
    }
    return n < AZL_CHOICES_MAX ? (int)n : AZL_CHOICES_MAX;
}

/* An array of texts or of token arrays has several prompts; one of numbers is
 * the tokens of one. The value has been checked, so the scan cannot fail. */
static int count_prompts(const azl_value_t *v)
{
    azl_value_t prompt;
    azl_scan_t s;
    int n = 0;

    if (v->type != AZL_JSON_ARRAY) {
        return 1;
    }
    azl_scan_init(&s, v->raw.at, v->raw.len);
    azl_scan_enter(&s);
    while (n < AZL_CHOICES_MAX && azl_scan_element(&s) == 1) {
        azl_scan_value(&s, &prompt);
        if (prompt.type != AZL_JSON_STRING && prompt.type != AZL_JSON_ARRAY) {
            return 1;
        }
        ++n;
    }
    return n ? n : 1;
}

/* Where answers have choices. */
static void read_choices(reader_t *rd, azl_span_t name, const azl_value_t *v)
{
    azl_op_e op = rd->doc->op;

    if (azl_span_is(name, "n") &&
        (op == AZL_OP_CHAT || op == AZL_OP_COMPLETIONS)) {
        rd->n = read_n(v);
    }
    else if (azl_span_is(name, "prompt") && op == AZL_OP_COMPLETIONS) {
        rd->nprompts = count_prompts(v);
    }
}

/* Members of /responses only. */
static int read_responses_member(reader_t *rd, const char *name,
                                 const azl_value_t *v)
{
    if (strcmp(name, "previous_response_id") == 0) {
        return read_previous(rd, v);
    }
    if (strcmp(name, "background") == 0) {
        return read_boolean(rd, name, v, &rd->doc->background);
    }
    return 1;
}

/* What stands for a cache key, best last. A user is one because the prompts of
 * one user are more alike than those of several. */
static const char *const cache_keys[] = {"user", "safety_identifier",
                                         "prompt_cache_key"};

#define CACHE_KEYS ((int)(sizeof(cache_keys) / sizeof(cache_keys[0])))

static void read_cache_key(reader_t *rd, const char *name, const azl_value_t *v)
{
    int i;

    if (v->type != AZL_JSON_STRING || v->raw.len == strlen("\"\"")) {
        return;
    }
    for (i = rd->cache_key; i < CACHE_KEYS; ++i) {
        if (strcmp(name, cache_keys[i]) == 0) {
            rd->cache_key = i + 1;
            rd->doc->cache_key = v->raw;
            return;
        }
    }
}

/* Of responses the instructions come first in what the provider sees, and
 * many requests share them. Short ones say too little, and are not worth
 * caching without what follows. */
static void read_prompt(reader_t *rd, const char *name, const azl_value_t *v)
{
    if (v->type != AZL_JSON_STRING && v->type != AZL_JSON_ARRAY) {
        return;
    }
    if (rd->doc->op == AZL_OP_RESPONSES) {
        if (strcmp(name, "instructions") == 0) {
            if (v->raw.len < AZL_AFFINITY_PREFIX) {
                return;
            }
            rd->instructed = 1;
        }
        else if (rd->instructed || strcmp(name, "input") != 0) {
            return; /* "prompt" names a template there */
        }
    }
    rd->doc->prompt = v->raw;
}

/* What cache-affinity goes by. */
static void read_affinity(reader_t *rd, const azl_member_info_t *info,
                          const azl_value_t *v)
{
    azl_op_e op = rd->doc->op;

    if (op != AZL_OP_CHAT && op != AZL_OP_COMPLETIONS &&
        op != AZL_OP_RESPONSES && op != AZL_OP_MESSAGES) {
        return;
    }
    if (info->flags & AZL_MEMBER_CACHE_KEY) {
        read_cache_key(rd, info->name, v);
    }
    else {
        read_prompt(rd, info->name, v);
    }
}

static int is_empty_list(azl_span_t list)
{
    const char *at = list.at + 1;

    while (apr_isspace(*at)) {
        ++at;
    }
    return *at == ']';
}

/* What some models take in one form only. */
static void read_needs(reader_t *rd, azl_span_t name, const azl_value_t *v)
{
    if (azl_span_is(name, "tools")) {
        rd->doc->tools = v->type == AZL_JSON_ARRAY && !is_empty_list(v->raw);
    }
    else if (azl_span_is(name, "reasoning_effort") &&
             v->type == AZL_JSON_STRING) {
        rd->doc->effort = v->raw;
    }
}

/* What of the members the gateway itself acts on. */
static int read_known(reader_t *rd, int index, const azl_value_t *v)
{
    const azl_member_info_t *info = azl_member_info(index);
    azl_span_t name = azl_span(info->name, info->len);

    if (info->flags & (AZL_MEMBER_CACHE_KEY | AZL_MEMBER_PROMPT)) {
        read_affinity(rd, info, v);
    }
    if (azl_span_is(name, "model")) {
        return read_model(rd, v);
    }
    if (azl_span_is(name, "stream")) {
        return read_boolean(rd, info->name, v, &rd->doc->stream);
    }
    if (azl_span_is(name, "stream_options")) {
        return read_stream_options(rd, v);
    }
    if (azl_span_is(name, "stream_format")) {
        rd->doc->stream = azl_span_is(v->raw, "\"sse\"");
    }
    if (azl_span_is(name, "encoding_format")) {
        rd->doc->base64 = azl_span_is(v->raw, "\"base64\"");
    }
    read_choices(rd, name, v);
    read_needs(rd, name, v);
    return rd->doc->op != AZL_OP_RESPONSES ||
           read_responses_member(rd, info->name, v);
}

static void add_drop(reader_t *rd, const char *from, const char *to)
{
    azl_document_t *doc = rd->doc;

    if (!doc->drops) {
        /* Neighbours are dropped as one. */
        doc->drops = apr_palloc(rd->p, sizeof(azl_span_t) *
                                           (AZL_DOCUMENT_MEMBERS_MAX / 2 + 1));
    }
    doc->drops[doc->ndrops++] = azl_span(from, (apr_size_t)(to - from));
}

static void drop_name(reader_t *rd, azl_span_t name)
{
    const char *text = shown(rd->p, name);

    if (text) {
        rd->doc->dropped =
            rd->doc->dropped
                ? apr_pstrcat(rd->p, rd->doc->dropped, ",", text, NULL)
                : text;
    }
}

/* A member from `start` to `end` stays: a run that ends before it takes the
 * comma between them along. */
static void keep_member(reader_t *rd, const char *start, const char *end)
{
    if (rd->dropped_from) {
        add_drop(rd, rd->dropped_from, start);
        rd->dropped_from = NULL;
    }
    rd->nkept++;
    rd->kept_end = end;
    rd->member_end = end;
}

static void drop_member(reader_t *rd, const char *start, const char *end)
{
    if (!rd->dropped_from) {
        rd->dropped_from = start;
    }
    rd->member_end = end;
}

/* A run at the end takes the comma before it along. */
static void drop_last(reader_t *rd)
{
    if (rd->dropped_from) {
        add_drop(rd, rd->kept_end ? rd->kept_end : rd->dropped_from,
                 rd->member_end);
    }
}

/* Keep, drop or refuse a member or form field that stands from `start` to
 * `end`. */
static int place(reader_t *rd, int index, azl_span_t name, const char *start,
                 const char *end)
{
    if (rd->params == AZL_PARAMS_KEEP ||
        azl_member_defined(index, rd->doc->op)) {
        keep_member(rd, start, end);
        return 1;
    }
    if (rd->params == AZL_PARAMS_REJECT) {
        return refuse_unknown(rd, name);
    }
    drop_name(rd, name);
    drop_member(rd, start, end);
    return 1;
}

/* What a model may not take is left out where it is known which one is asked:
 * here only its place is remembered. */
static void note_setting(reader_t *rd, const azl_member_info_t *info,
                         azl_span_t key, const azl_value_t *v)
{
    azl_document_t *doc = rd->doc;
    azl_setting_t *s;

    if (!doc->settings) {
        doc->settings =
            apr_palloc(rd->p, sizeof(*doc->settings) * AZL_PARAM_LAST);
    }
    s = &doc->settings[doc->nsettings++];
    s->param = (azl_param_e)info->param;
    s->name = info->name;
    s->key = azl_span(key.at - 1, key.len + 2);
    s->value = *v;
}

static int read_member(reader_t *rd, azl_span_t key, const azl_value_t *v)
{
    const azl_member_info_t *info;
    int index;

    if (++rd->nmembers > AZL_DOCUMENT_MEMBERS_MAX) {
        return refuse(rd, "too_many_parameters", NULL,
                      "The request has too many parameters.");
    }
    if (!identify(rd, key, &index) ||
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
    return read_known(rd, index, v);
}

static int read_json(reader_t *rd)
{
    azl_document_t *doc = rd->doc;
    azl_span_t key;
    azl_value_t v;
    azl_scan_t s;
    int more;

    if (doc->body.len == 0) {
        return refuse(rd, "invalid_json", NULL,
                      "The request body is empty; a JSON object is expected.");
    }
    azl_scan_init(&s, doc->body.at, doc->body.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT) {
        if (azl_scan_value(&s, &v) == 1) {
            return refuse(rd, "invalid_json", NULL,
                          "The request body must be a JSON object: line 1, "
                          "column 1.");
        }
        return refuse_json(rd, &s);
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
        return refuse_json(rd, &s);
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

    return fold(text, content.at, content.len) &&
           (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

/* The member a form field stands for: "image[]" and "image[0]" are "image". */
static azl_span_t field_name(azl_span_t name)
{
    const char *bracket = name.len ? memchr(name.at, '[', name.len) : NULL;

    return bracket ? azl_span(name.at, (apr_size_t)(bracket - name.at)) : name;
}

static int read_field(reader_t *rd, const azl_part_t *part)
{
    azl_document_t *doc = rd->doc;
    azl_span_t content = part->content;

    if (azl_span_is(part->name, "model")) {
        if (part->has_filename || memchr(content.at, '\0', content.len)) {
            return refuse_type(rd, "model", "a text field");
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
static int identify_field(reader_t *rd, azl_span_t name, int *index)
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
            return refuse_spelling(rd, info->name);
        }
    }
    return identify(rd, name, index);
}

static int read_part(reader_t *rd, const azl_part_t *part)
{
    int index;

    return identify_field(rd, part->name, &index) &&
           place(rd, index, part->name, part->headers.at,
                 part->content.at + part->content.len) &&
           (!azl_member_defined(index, rd->doc->op) || read_field(rd, part));
}

static int read_multipart(reader_t *rd)
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
        return refuse(rd, "invalid_multipart", NULL,
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
    reader_t rd;
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
            return refuse(&rd, "invalid_content_type", NULL,
                          "This operation takes multipart/form-data.");
        }
    }
    return read_json(&rd);
}
