#include "azl_yaml.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <yaml.h>

typedef struct pair_t {
    const char *key; /* NULL: of a list */
    int line;
    const azl_yaml_t *value;
} pair_t;

struct azl_yaml_t {
    azl_yaml_type_e type;
    int line;
    int nodes;                 /* it and what is in it */
    int plain;                 /* a scalar without quotes */
    const char *text;          /* of a scalar */
    apr_array_header_t *pairs; /* of a list or a map: pair_t */
    apr_hash_t *index;         /* of a map: key -> int *, its place */
};

typedef struct reader_t {
    apr_pool_t *pool;
    azl_span_t doc;
    yaml_parser_t parser;
    yaml_event_t event;
    apr_hash_t *anchors; /* name -> azl_yaml_t * */
    int nodes;           /* how many there are, were it all written out */
    apr_array_header_t *twice;
    azl_yaml_note_t *wrong;
} reader_t;

static int refuse(reader_t *r, int line, const char *text)
{
    r->wrong->line = line;
    r->wrong->text = text;
    return 0;
}

static int event_line(const reader_t *r)
{
    return (int)r->event.start_mark.line + 1;
}

/* Both numbers are at most AZL_YAML_NODES_MAX. */
static int count(reader_t *r, int nodes, int line)
{
    r->nodes += nodes;
    if (r->nodes > AZL_YAML_NODES_MAX) {
        return refuse(r, line, "the document is too large");
    }
    return 1;
}

/* Bytes that are no text have an offset and no line. */
static int line_at(const reader_t *r, apr_size_t offset)
{
    int line = 1;
    apr_size_t i;

    for (i = 0; i < offset && i < r->doc.len; i++) {
        line += r->doc.at[i] == '\n';
    }
    return line;
}

/* libyaml's texts are of its own making: they quote nothing. */
static int next(reader_t *r)
{
    const yaml_parser_t *parser = &r->parser;

    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event)) {
        return 1;
    }
    memset(&r->event, 0, sizeof(r->event));
    if (parser->error == YAML_READER_ERROR) {
        return refuse(r, line_at(r, parser->problem_offset),
                      apr_pstrdup(r->pool, parser->problem));
    }
    return refuse(r, (int)parser->problem_mark.line + 1,
                  apr_pstrcat(r->pool,
                              parser->problem ? parser->problem : "no memory",
                              parser->context ? " " : "",
                              parser->context ? parser->context : "", NULL));
}

static azl_yaml_t *make(reader_t *r, azl_yaml_type_e type)
{
    azl_yaml_t *yaml = apr_pcalloc(r->pool, sizeof(*yaml));

    yaml->type = type;
    yaml->line = event_line(r);
    if (type == AZL_YAML_LIST || type == AZL_YAML_MAP) {
        yaml->pairs = apr_array_make(r->pool, 8, sizeof(pair_t));
    }
    if (type == AZL_YAML_MAP) {
        yaml->index = apr_hash_make(r->pool);
    }
    return yaml;
}

static void push(azl_yaml_t *to, const char *key, int line,
                 const azl_yaml_t *value)
{
    pair_t *pair = apr_array_push(to->pairs);

    pair->key = key;
    pair->line = line;
    pair->value = value;
    if (key) {
        int *place = apr_palloc(to->pairs->pool, sizeof(*place));

        *place = to->pairs->nelts - 1;
        apr_hash_set(to->index, key, APR_HASH_KEY_STRING, place);
    }
}

static int is_one_of(const char *text, const char *const *words)
{
    for (; *words && strcmp(*words, text) != 0; words++) {
    }
    return *words != NULL;
}

static int is_null(const azl_yaml_t *yaml)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};

    return yaml->plain && is_one_of(yaml->text, nulls);
}

/* What a tag says of a scalar: 1 text, 0 as it looks, -1 something that there
 * is no use for. */
static int scalar_tag(const char *tag)
{
    static const char *const looks[] = {YAML_NULL_TAG, YAML_BOOL_TAG,
                                        YAML_INT_TAG, YAML_FLOAT_TAG, NULL};

    if (!tag) {
        return 0;
    }
    if (strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0) {
        return 1;
    }
    return is_one_of(tag, looks) ? 0 : -1;
}

static int read_scalar(reader_t *r, azl_yaml_t **yaml)
{
    const char *value = (const char *)r->event.data.scalar.value;
    apr_size_t len = r->event.data.scalar.length;
    int tag = scalar_tag((const char *)r->event.data.scalar.tag);

    if (tag < 0) {
        return refuse(r, event_line(r), "a tag (!...) that is not known");
    }
    if (memchr(value, '\0', len)) {
        return refuse(r, event_line(r), "a text with a NUL in it");
    }
    *yaml = make(r, AZL_YAML_SCALAR);
    (*yaml)->text = apr_pstrmemdup(r->pool, value, len);
    (*yaml)->plain =
        tag == 0 && (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ||
                     r->event.data.scalar.tag);
    if (is_null(*yaml)) {
        (*yaml)->type = AZL_YAML_NULL;
    }
    return 1;
}

static int read_node(reader_t *r, int depth, const azl_yaml_t **yaml);

static int read_list(reader_t *r, int depth, azl_yaml_t *list)
{
    const azl_yaml_t *entry;

    for (;;) {
        if (!next(r)) {
            return 0;
        }
        if (r->event.type == YAML_SEQUENCE_END_EVENT) {
            return 1;
        }
        if (!read_node(r, depth, &entry)) {
            return 0;
        }
        push(list, NULL, entry->line, entry);
    }
}

/* What the map has itself stays. */
static int merge_map(reader_t *r, azl_yaml_t *map, const azl_yaml_t *from,
                     int line)
{
    int i;

    for (i = 0; i < from->pairs->nelts; i++) {
        const pair_t *pair = &APR_ARRAY_IDX(from->pairs, i, pair_t);

        if (azl_yaml_find(map, pair->key) < 0) {
            if (!count(r, 1 + pair->value->nodes, line)) {
                return 0;
            }
            push(map, pair->key, pair->line, pair->value);
        }
    }
    return 1;
}

static int merge(reader_t *r, azl_yaml_t *map, const azl_yaml_t *from, int line)
{
    int i;

    if (azl_yaml_type(from) == AZL_YAML_MAP) {
        return merge_map(r, map, from, line);
    }
    for (i = 0; i < azl_yaml_length(from); i++) {
        const azl_yaml_t *one = azl_yaml_at(from, i);

        if (azl_yaml_type(one) != AZL_YAML_MAP) {
            break;
        }
        if (!merge_map(r, map, one, line)) {
            return 0;
        }
    }
    return azl_yaml_type(from) == AZL_YAML_LIST && i == azl_yaml_length(from)
               ? 1
               : refuse(r, line, "<< takes a map or a list of maps");
}

static void put(reader_t *r, azl_yaml_t *map, const azl_yaml_t *key,
                const azl_yaml_t *value)
{
    int have = azl_yaml_find(map, key->text);
    azl_yaml_note_t *note;
    pair_t *pair;

    if (have < 0) {
        push(map, key->text, key->line, value);
        return;
    }
    pair = &APR_ARRAY_IDX(map->pairs, have, pair_t);
    note = apr_array_push(r->twice);
    note->line = key->line;
    note->text = apr_psprintf(r->pool,
                              "'%s' stands in line %d already; the last one "
                              "counts",
                              key->text, pair->line);
    pair->line = key->line;
    pair->value = value;
}

static int read_map(reader_t *r, int depth, azl_yaml_t *map)
{
    apr_array_header_t *merged = apr_array_make(r->pool, 1, sizeof(pair_t));
    const azl_yaml_t *key, *value;
    int i;

    for (;;) {
        if (!next(r)) {
            return 0;
        }
        if (r->event.type == YAML_MAPPING_END_EVENT) {
            break;
        }
        if (!read_node(r, depth, &key)) {
            return 0;
        }
        if (!azl_yaml_text(key)) {
            return refuse(r, key->line, "a key must be a word");
        }
        if (!next(r) || !read_node(r, depth, &value)) {
            return 0;
        }
        if (key->plain && strcmp(key->text, "<<") == 0) {
            pair_t *pair = apr_array_push(merged);

            pair->line = key->line;
            pair->value = value;
        }
        else {
            put(r, map, key, value);
        }
    }
    for (i = 0; i < merged->nelts; i++) {
        const pair_t *pair = &APR_ARRAY_IDX(merged, i, pair_t);

        if (!merge(r, map, pair->value, pair->line)) {
            return 0;
        }
    }
    return 1;
}

static int is_tag(const yaml_char_t *tag, const char *usual)
{
    return !tag || strcmp((const char *)tag, usual) == 0 ||
           strcmp((const char *)tag, "!") == 0;
}

static int read_alias(reader_t *r, const azl_yaml_t **yaml)
{
    const char *name = (const char *)r->event.data.alias.anchor;

    *yaml = apr_hash_get(r->anchors, name, APR_HASH_KEY_STRING);
    /* one that stands within what it names is not there yet */
    return *yaml ? count(r, (*yaml)->nodes, event_line(r))
                 : refuse(r, event_line(r),
                          apr_pstrcat(r->pool, "*", name,
                                      " names nothing that stands before it",
                                      NULL));
}

/* The event is the first one of the node; then it is its last. */
static int read_node(reader_t *r, int depth, const azl_yaml_t **yaml)
{
    const char *anchor = NULL;
    azl_yaml_t *made = NULL;
    int before = r->nodes;
    int ok = 0;

    if (r->event.type == YAML_ALIAS_EVENT) {
        return read_alias(r, yaml);
    }
    if (!count(r, 1, event_line(r))) {
        return 0;
    }
    if (depth == AZL_YAML_DEPTH_MAX) {
        return refuse(r, event_line(r), "nested too deep");
    }
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        anchor = apr_pstrdup(r->pool, (char *)r->event.data.scalar.anchor);
        ok = read_scalar(r, &made);
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor =
            apr_pstrdup(r->pool, (char *)r->event.data.sequence_start.anchor);
        made = make(r, AZL_YAML_LIST);
        ok = is_tag(r->event.data.sequence_start.tag, YAML_SEQ_TAG)
                 ? read_list(r, depth + 1, made)
                 : refuse(r, made->line, "a tag (!...) that is not known");
        break;
    case YAML_MAPPING_START_EVENT:
        anchor =
            apr_pstrdup(r->pool, (char *)r->event.data.mapping_start.anchor);
        made = make(r, AZL_YAML_MAP);
        ok = is_tag(r->event.data.mapping_start.tag, YAML_MAP_TAG)
                 ? read_map(r, depth + 1, made)
                 : refuse(r, made->line, "a tag (!...) that is not known");
        break;
    default:
        return refuse(r, event_line(r), "something that cannot be there");
    }
    if (ok) {
        made->nodes = r->nodes - before;
    }
    if (ok && anchor) {
        apr_hash_set(r->anchors, anchor, APR_HASH_KEY_STRING, made);
    }
    *yaml = made;
    return ok;
}

/* One document, or none. */
static int read_stream(reader_t *r, const azl_yaml_t **root)
{
    *root = NULL;
    if (!next(r) || !next(r)) { /* the stream's start, then a document's */
        return 0;
    }
    if (r->event.type == YAML_STREAM_END_EVENT) {
        return 1;
    }
    if (!next(r) || !read_node(r, 0, root) || !next(r) || !next(r)) {
        return 0;
    }
    return r->event.type == YAML_STREAM_END_EVENT
               ? 1
               : refuse(r, event_line(r), "a second document");
}

int azl_yaml_parse(apr_pool_t *p, azl_span_t doc, const azl_yaml_t **root,
                   apr_array_header_t *twice, azl_yaml_note_t *wrong)
{
    reader_t r;
    int ok;

    memset(&r, 0, sizeof(r));
    r.pool = p;
    r.doc = doc;
    r.anchors = apr_hash_make(p);
    r.twice = twice;
    r.wrong = wrong;
    if (doc.len > AZL_YAML_SIZE_MAX) {
        return refuse(&r, 1, "the document is too large");
    }
    if (!yaml_parser_initialize(&r.parser)) {
        return refuse(&r, 1, "no memory");
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)doc.at,
                                 doc.len);
    ok = read_stream(&r, root);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return ok;
}

azl_yaml_type_e azl_yaml_type(const azl_yaml_t *yaml)
{
    return yaml ? yaml->type : AZL_YAML_NULL;
}

int azl_yaml_line(const azl_yaml_t *yaml)
{
    return yaml->line;
}

int azl_yaml_length(const azl_yaml_t *yaml)
{
    return yaml && yaml->pairs ? yaml->pairs->nelts : 0;
}

const azl_yaml_t *azl_yaml_at(const azl_yaml_t *yaml, int i)
{
    return APR_ARRAY_IDX(yaml->pairs, i, pair_t).value;
}

const char *azl_yaml_key(const azl_yaml_t *map, int i)
{
    return APR_ARRAY_IDX(map->pairs, i, pair_t).key;
}

int azl_yaml_key_line(const azl_yaml_t *map, int i)
{
    return APR_ARRAY_IDX(map->pairs, i, pair_t).line;
}

int azl_yaml_find(const azl_yaml_t *map, const char *key)
{
    const int *place = map && map->index
                           ? apr_hash_get(map->index, key, APR_HASH_KEY_STRING)
                           : NULL;

    return place ? *place : -1;
}

const azl_yaml_t *azl_yaml_get(const azl_yaml_t *map, const char *key)
{
    int i = azl_yaml_find(map, key);

    return i < 0 ? NULL : azl_yaml_at(map, i);
}

const char *azl_yaml_text(const azl_yaml_t *yaml)
{
    return azl_yaml_type(yaml) == AZL_YAML_SCALAR ? yaml->text : NULL;
}

int azl_yaml_bool(const azl_yaml_t *yaml, int *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON",  NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};

    if (azl_yaml_type(yaml) != AZL_YAML_SCALAR || !yaml->plain) {
        return 0;
    }
    *value = is_one_of(yaml->text, yes);
    return *value || is_one_of(yaml->text, no);
}
