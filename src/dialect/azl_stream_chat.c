/*
 * Chunks of chat completions and of completions, as api.openai.com sends them.
 *
 * Azure opens with a chunk that has nothing but filter results, repeats them
 * beside every delta, and with the asynchronous filter sends choices without a
 * delta, also after the last word. Others leave out names, send null for what
 * they do not have, or tell usage beside the last delta. A chunk is checked
 * whole before anything of it is believed, and written in one pass; what turns
 * out to say nothing is cut off the output again.
 */
#include "azl_stream_int.h"

typedef enum {
    MEMBER_OTHER,
    MEMBER_ID,
    MEMBER_OBJECT,
    MEMBER_CREATED,
    MEMBER_MODEL,
    MEMBER_CHOICES,
    MEMBER_USAGE,
    MEMBER_ERROR,
    MEMBER_TIER,
    MEMBER_QUIET,      /* goes with every chunk, says nothing by itself */
    MEMBER_ANNOTATION, /* Azure's own */
    MEMBER_OBFUSCATION,
    MEMBER_COUNT
} member_e;

#define NAME(name, member)                                                     \
    {                                                                          \
        name, sizeof(name) - 1, member                                         \
    }

static const struct {
    const char *name;
    apr_size_t len;
    member_e member;
} member_names[] = {
    NAME("id", MEMBER_ID),
    NAME("model", MEMBER_MODEL),
    NAME("usage", MEMBER_USAGE),
    NAME("object", MEMBER_OBJECT),
    NAME("choices", MEMBER_CHOICES),
    NAME("created", MEMBER_CREATED),
    NAME("obfuscation", MEMBER_OBFUSCATION),
    NAME("service_tier", MEMBER_TIER),
    NAME("system_fingerprint", MEMBER_QUIET),
    NAME("error", MEMBER_ERROR),
    NAME("prompt_filter_results", MEMBER_ANNOTATION),
    NAME("prompt_annotations", MEMBER_ANNOTATION),
    NAME("content_filter_results", MEMBER_ANNOTATION),
    NAME("content_filter_offsets", MEMBER_ANNOTATION),
};

typedef struct chunk_t {
    azl_stream_t *st;
    azl_span_t data;
    azl_pair_t pairs[AZL_SMALL_PAIRS_MAX];
    unsigned char kind[AZL_SMALL_PAIRS_MAX];
    int n;
    const azl_value_t *member[MEMBER_COUNT]; /* by kind, or NULL */
    int nchoices;
    azl_span_t first;     /* choice */
    azl_object_t members; /* of the first choice; n is -1 if it is no object */
    azl_edit_t edit;
    int says; /* something the client has to see */
} chunk_t;

static member_e member_kind(azl_span_t key)
{
    apr_size_t i;

    for (i = 0; i < sizeof(member_names) / sizeof(member_names[0]); ++i) {
        if (key.len == member_names[i].len &&
            memcmp(key.at, member_names[i].name, key.len) == 0) {
            return member_names[i].member;
        }
    }
    return MEMBER_OTHER;
}

/* Nearly always there is one choice: its members are taken on the way, because
 * reading them again would cost as much as the whole chunk. */
static int read_first_choice(chunk_t *c, azl_scan_t *s)
{
    azl_value_t other;
    int ok;

    if (azl_scan_peek(s) == AZL_JSON_OBJECT) {
        c->first.at = s->at;
        ok = azl_object_scan(&c->members, s);
        c->first.len = (apr_size_t)(s->at - c->first.at);
    }
    else {
        c->members.n = -1;
        ok = azl_scan_value(s, &other) == 1;
        c->first = other.raw;
    }
    return ok;
}

static int read_choices(chunk_t *c, azl_scan_t *s, azl_value_t *v)
{
    const char *start = s->at;
    azl_value_t other;
    int more;

    azl_scan_enter(s);
    while ((more = azl_scan_element(s)) == 1) {
        if (c->nchoices++ == 0 ? !read_first_choice(c, s)
                               : azl_scan_value(s, &other) != 1) {
            return 0;
        }
    }
    v->type = AZL_JSON_ARRAY;
    v->raw = azl_span(start, (apr_size_t)(s->at - start));
    return more == 0;
}

static int read_member(chunk_t *c, azl_scan_t *s, azl_pair_t *pair)
{
    member_e kind = member_kind(pair->key);

    if (kind == MEMBER_CHOICES && c->member[kind]) {
        return 0; /* twice: which one is meant? */
    }
    c->kind[c->n] = (unsigned char)kind;
    c->member[kind] = &pair->value;
    if (kind == MEMBER_CHOICES && azl_scan_peek(s) == AZL_JSON_ARRAY) {
        return read_choices(c, s, &pair->value);
    }
    return azl_scan_value(s, &pair->value) == 1;
}

/* 1 if the event's data is an object. */
static int chunk_read(chunk_t *c, azl_stream_t *st, azl_span_t data)
{
    azl_scan_t s;
    int more = -1;

    c->st = st;
    c->data = data;
    c->n = 0;
    c->nchoices = 0;
    c->says = 0;
    memset(c->member, 0, sizeof(c->member));
    azl_scan_init(&s, data.at, data.len);
    if (azl_scan_peek(&s) != AZL_JSON_OBJECT || azl_scan_enter(&s) != 1) {
        return 0;
    }
    while (c->n < AZL_SMALL_PAIRS_MAX &&
           (more = azl_scan_member(&s, &c->pairs[c->n].key)) == 1) {
        if (!read_member(c, &s, &c->pairs[c->n])) {
            return 0;
        }
        ++c->n;
    }
    return more == 0 && azl_scan_end(&s) == 1;
}

static int is_object(const azl_value_t *v)
{
    return v && v->type == AZL_JSON_OBJECT;
}

static azl_span_t object_name(const azl_stream_t *st)
{
    return azl_span_str(st->rules->op == AZL_OP_CHAT
                            ? "\"chat.completion.chunk\""
                            : "\"text_completion\"");
}

/* No name, or the 0 that Azure has where no answer belongs to the chunk. */
static int is_unset(const azl_value_t *v)
{
    return !v || azl_value_is_blank(v) || azl_span_is(v->raw, "0");
}

static apr_size_t remember(char *to, apr_size_t size, azl_span_t raw)
{
    if (raw.len > size) {
        return 0;
    }
    memcpy(to, raw.at, raw.len);
    return raw.len;
}

static void learn_names(chunk_t *c)
{
    azl_chunks_t *ch = &c->st->chunks;
    const azl_value_t *id = c->member[MEMBER_ID];
    const azl_value_t *created = c->member[MEMBER_CREATED];

    if (!ch->id_len && id && azl_value_is_text(id)) {
        ch->id_len = remember(ch->id, sizeof(ch->id), id->raw);
    }
    if (!ch->created_len && created && created->type == AZL_JSON_NUMBER &&
        !is_unset(created)) {
        ch->created_len =
            remember(ch->created, sizeof(ch->created), created->raw);
    }
}

/*
 * Choices
 */

/* An element of `choices`; `o` is NULL if it is no object. */
static void edit_element(chunk_t *c, azl_list_t *list, azl_span_t raw,
                         azl_object_t *o)
{
    azl_list_t before = *list;
    const char *from = c->edit.from;
    apr_size_t len = c->edit.out->len;

    azl_edit_keep(&c->edit, list, raw.at, azl_span_end(raw));
    if (o && azl_stream_choice(c->st, &c->edit, o)) {
        c->says = 1;
        return;
    }
    /* What was written of it is taken back. */
    c->edit.from = from;
    c->edit.out->len = len;
    *list = before;
    azl_edit_drop(&c->edit, list, raw.at, azl_span_end(raw));
}

static AZL_OWN_FRAME void edit_elements(chunk_t *c, azl_list_t *list,
                                        azl_span_t raw)
{
    azl_object_t o;
    azl_value_t v;
    azl_scan_t s;

    azl_scan_init(&s, raw.at, raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        edit_element(c, list, v.raw, azl_object_open(&o, v.raw) ? &o : NULL);
    }
}

static void edit_choices(chunk_t *c, azl_span_t raw)
{
    azl_list_t list = {NULL, 0};

    if (c->nchoices == 1) {
        edit_element(c, &list, c->first,
                     c->members.n >= 0 ? &c->members : NULL);
    }
    else {
        edit_elements(c, &list, raw);
    }
    azl_edit_close(&c->edit, &list, azl_span_end(raw) - 1);
}

/*
 * Usage: exactly once and only to who asked, in a chunk without choices
 */

static void keep_for_later(azl_stream_t *st, azl_buf_t **buf, azl_span_t text)
{
    if (!*buf) {
        *buf = azl_buf_create(st->pool, AZL_KEPT_MAX);
    }
    azl_buf_clear(*buf);
    azl_buf_span(*buf, text);
}

static void edit_usage(chunk_t *c, azl_list_t *list, const azl_pair_t *pair)
{
    azl_chunks_t *ch = &c->st->chunks;
    const azl_value_t *v = &pair->value;

    if (!c->st->rules->include_usage) {
        azl_pair_drop(&c->edit, list, pair);
        return;
    }
    azl_pair_keep(&c->edit, list, pair);
    if (v->type != AZL_JSON_OBJECT) {
        return;
    }
    if (c->nchoices == 0 && !ch->usage_sent) {
        ch->usage_sent = 1;
        c->says = 1;
        return;
    }
    if (c->nchoices) {
        keep_for_later(c->st, &ch->usage, v->raw);
    }
    azl_edit_replace(&c->edit, v->raw, azl_span_str("null"));
}

/* The usage that came beside the last delta, as OpenAI sends it. */
static void last_chunk(azl_stream_t *st)
{
    azl_chunks_t *ch = &st->chunks;
    azl_span_t usage;

    if (!st->rules->include_usage || ch->usage_sent || !ch->usage ||
        !ch->usage->len) {
        return;
    }
    usage = azl_span(ch->usage->data, ch->usage->len);
    azl_stream_begin(st, azl_span("", 0));
    azl_buf_puts(st->out, "{\"id\":");
    azl_buf_span(st->out, ch->id_len ? azl_span(ch->id, ch->id_len)
                                     : azl_span_str("\"\""));
    azl_buf_puts(st->out, ",\"object\":");
    azl_buf_span(st->out, object_name(st));
    azl_buf_puts(st->out, ",\"created\":");
    azl_buf_span(st->out, ch->created_len
                              ? azl_span(ch->created, ch->created_len)
                              : azl_span_str("0"));
    azl_buf_puts(st->out, ",\"model\":");
    azl_buf_puts(st->out, st->rules->alias_json);
    azl_buf_puts(st->out, ",\"choices\":[],\"usage\":");
    azl_buf_span(st->out, usage);
    azl_buf_append(st->out, "}", 1);
    azl_stream_end(st, usage);
    ch->usage_sent = 1;
}

/*
 * The chunk
 */

/* A member that stays; an unset value becomes what is known. */
static void edit_name(chunk_t *c, azl_list_t *list, const azl_pair_t *pair,
                      const char *known, apr_size_t known_len)
{
    azl_pair_keep(&c->edit, list, pair);
    if (known_len && (is_unset(&pair->value) || c->st->chunks.resumed)) {
        azl_edit_replace(&c->edit, pair->value.raw, azl_span(known, known_len));
    }
}

static void edit_constant(chunk_t *c, azl_list_t *list, const azl_pair_t *pair,
                          azl_span_t value)
{
    azl_span_t raw = pair->value.raw;

    azl_pair_keep(&c->edit, list, pair);
    if (raw.len != value.len || memcmp(raw.at, value.at, raw.len) != 0) {
        azl_edit_replace(&c->edit, raw, value);
    }
}

static void edit_member(chunk_t *c, azl_list_t *list, const azl_pair_t *pair,
                        member_e kind)
{
    const azl_chunks_t *ch = &c->st->chunks;
    const azl_reply_rules_t *rules = c->st->rules;

    switch (kind) {
    case MEMBER_ID:
        edit_name(c, list, pair, ch->id, ch->id_len);
        break;
    case MEMBER_CREATED:
        edit_name(c, list, pair, ch->created, ch->created_len);
        break;
    case MEMBER_OBJECT:
        edit_constant(c, list, pair, object_name(c->st));
        break;
    case MEMBER_MODEL:
        edit_constant(c, list, pair, azl_span_str(rules->alias_json));
        break;
    case MEMBER_CHOICES:
        azl_pair_keep(&c->edit, list, pair);
        if (c->nchoices) {
            edit_choices(c, pair->value.raw);
        }
        else if (pair->value.type != AZL_JSON_ARRAY) {
            azl_edit_replace(&c->edit, pair->value.raw, azl_span_str("[]"));
        }
        break;
    case MEMBER_USAGE:
        edit_usage(c, list, pair);
        break;
    case MEMBER_ERROR: /* null */
        azl_pair_drop(&c->edit, list, pair);
        break;
    case MEMBER_ANNOTATION:
    case MEMBER_OBFUSCATION:
        if (!rules->keep_annotations) {
            azl_pair_drop(&c->edit, list, pair);
            break;
        }
        c->says |= kind == MEMBER_ANNOTATION;
        azl_pair_keep(&c->edit, list, pair);
        break;
    case MEMBER_TIER:
    case MEMBER_QUIET:
        azl_pair_keep(&c->edit, list, pair);
        break;
    default:
        c->says |= pair->value.type != AZL_JSON_NULL;
        azl_pair_keep(&c->edit, list, pair);
        break;
    }
}

/* Members that every chunk has and this one lacks. */
static void complete_chunk(chunk_t *c, azl_list_t *list, const char *close)
{
    const azl_chunks_t *ch = &c->st->chunks;
    azl_edit_t *e = &c->edit;

    if (!c->member[MEMBER_ID] && ch->id_len) {
        azl_edit_add(e, list, close, "id", azl_span(ch->id, ch->id_len));
    }
    if (!c->member[MEMBER_OBJECT]) {
        azl_edit_add(e, list, close, "object", object_name(c->st));
    }
    if (!c->member[MEMBER_CREATED] && ch->created_len) {
        azl_edit_add(e, list, close, "created",
                     azl_span(ch->created, ch->created_len));
    }
    if (!c->member[MEMBER_MODEL]) {
        azl_edit_add(e, list, close, "model",
                     azl_span_str(c->st->rules->alias_json));
    }
    if (!c->member[MEMBER_CHOICES]) {
        azl_edit_add(e, list, close, "choices", azl_span_str("[]"));
    }
}

static void write_chunk(chunk_t *c)
{
    azl_stream_t *st = c->st;
    azl_list_t list = {NULL, 0};
    apr_size_t before = st->out->len;
    const char *close = azl_span_end(c->data) - 1;
    int i;

    azl_stream_begin(st, azl_span("", 0));
    c->edit.out = st->out;
    c->edit.from = c->data.at;
    for (i = 0; i < c->n; ++i) {
        edit_member(c, &list, &c->pairs[i], (member_e)c->kind[i]);
    }
    complete_chunk(c, &list, close);
    azl_edit_close(&c->edit, &list, close);
    azl_edit_copy(&c->edit, azl_span_end(c->data));
    azl_stream_end(st, c->data);
    if (!c->says) {
        st->out->len = before;
    }
}

/* Azure's preamble belongs to no answer. Where annotations are wanted it waits
 * for the first chunk that does, and gets its names. */
static int is_preamble(const chunk_t *c)
{
    return c->st->rules->keep_annotations && !c->st->chunks.id_len &&
           c->nchoices == 0 && c->member[MEMBER_ANNOTATION];
}

static AZL_OWN_FRAME void write_preamble(azl_stream_t *st)
{
    azl_buf_t *kept = st->chunks.preamble;
    chunk_t c;

    if (kept && kept->len && st->chunks.id_len) {
        if (chunk_read(&c, st, azl_span(kept->data, kept->len))) {
            write_chunk(&c);
        }
        azl_buf_free(kept);
    }
}

/*
 * Chunks like the last one
 */

/*
 * What the next chunk may bring in place of this one's, if all that this one
 * does is to bring a text: it starts and ends nothing, so that the state of
 * the stream is the same before and after it.
 */
static AZL_OWN_FRAME int is_repeatable(const chunk_t *c, azl_span_t *word)
{
    const azl_value_t *finish, *v;
    const azl_choice_t *choice;
    azl_object_t delta;
    int index;

    if (c->st->rules->keep_annotations || c->nchoices != 1 ||
        c->members.n < 0) {
        return 0;
    }
    index = azl_choice_index(&c->members);
    choice = index < 0 ? NULL : azl_choice_find(c->st, index);
    finish = azl_object_get(&c->members, "finish_reason");
    v = azl_object_get(&c->members, azl_delta_name(c->st));
    if (!choice || choice->finished || !v ||
        (finish && finish->type != AZL_JSON_NULL)) {
        return 0;
    }
    if (c->st->rules->op == AZL_OP_CHAT) {
        if (!choice->role || !azl_object_open(&delta, v->raw) || delta.n != 1 ||
            !(azl_span_is(delta.pairs[0].key, "content") ||
              azl_span_is(delta.pairs[0].key, "reasoning_content"))) {
            return 0;
        }
        v = &delta.pairs[0].value;
    }
    *word = v->raw;
    return azl_value_is_text(v);
}

/* Behind the word, or none. */
static azl_span_t padding_of(const chunk_t *c, azl_span_t word)
{
    const azl_value_t *v = c->member[MEMBER_OBFUSCATION];

    if (v && v->type == AZL_JSON_STRING && v->raw.at > word.at) {
        return v->raw;
    }
    return azl_span(NULL, 0);
}

/* A call that nobody could answer must not be lost without a word: the chunk
 * that has it does not go out, and the answer ends there. */
static AZL_OWN_FRAME void refuse_calls(azl_stream_t *st, apr_size_t before)
{
    st->out->len = before;
    azl_stream_fail(
        st,
        azl_span_str("{\"error\":{\"status\":502,\"type\":\"server_error\","
                     "\"code\":\"too_many_tool_calls\",\"message\":"
                     "\"The upstream service called more tools in one answer "
                     "than can be passed on.\"}}"));
}

static void write_and_learn(chunk_t *c)
{
    azl_stream_t *st = c->st;
    azl_repeat_t *repeat = &st->chunks.repeat;
    apr_size_t before = st->out->len;
    azl_span_t word;
    int repeatable = is_repeatable(c, &word);

    azl_repeat_forget(repeat);
    write_chunk(c);
    if (st->chunks.too_many) {
        refuse_calls(st, before);
        return;
    }
    if (repeatable && st->out->len > before && !st->out->failed) {
        azl_repeat_learn(
            repeat, st->pool, c->data, word, padding_of(c, word),
            azl_span(st->out->data + before, st->out->len - before));
    }
}

static void chunk_event(azl_stream_t *st, const azl_sse_event_t *ev)
{
    const azl_value_t *error;
    int counted = 0;
    apr_size_t word;
    chunk_t c;

    word = ev->name.len
               ? 0
               : azl_repeat_apply(&st->chunks.repeat, ev->data, st->out);
    if (word) {
        st->state.text_bytes += word;
        st->state.deltas++;
        azl_stream_says(st, &st->chunks.repeat.word);
        return;
    }
    if (!chunk_read(&c, st, ev->data)) {
        st->state.malformed++;
        return;
    }
    error = c.member[MEMBER_ERROR];
    if ((error && error->type != AZL_JSON_NULL) ||
        azl_span_is(ev->name, "error")) {
        azl_stream_fail(st, ev->data);
        return;
    }
    if (is_object(c.member[MEMBER_USAGE])) {
        counted = azl_usage_read(&st->state.usage, c.member[MEMBER_USAGE]->raw);
    }
    if (c.member[MEMBER_TIER]) {
        azl_usage_read_tier(&st->state.usage, c.member[MEMBER_TIER]->raw);
    }
    learn_names(&c);
    if (is_preamble(&c)) {
        keep_for_later(st, &st->chunks.preamble, c.data);
        return;
    }
    write_preamble(st);
    write_and_learn(&c);
    if (counted) {
        azl_stream_told(st, &st->state.usage);
    }
}

const azl_surface_t azl_surface_chunks = {chunk_event, last_chunk,
                                          azl_stream_error, 1};
