/*
 * The delta of one choice of a chat chunk.
 *
 * The SDKs' streaming helpers add deltas up member by member: strings are
 * joined, so what names something (role, id, type, function.name) must come
 * once, and null must not come where an earlier delta had said something.
 */
#include "azl_stream_int.h"

/* azl_tool_call_t.said */
#define SAID_ID 1
#define SAID_TYPE 2
#define SAID_NAME 4
#define SAID_SOMETHING 8

/* A delta says who speaks with this. */
#define ROLE "\"assistant\""

/* A member that says a name: it stays the first time it says something. */
static void keep_once(azl_edit_t *e, azl_object_t *o, const azl_pair_t *pair,
                      unsigned char *said, unsigned char bit)
{
    if ((*said & bit) || azl_value_is_blank(&pair->value)) {
        azl_pair_drop(e, &o->list, pair);
    }
    else {
        azl_pair_keep(e, &o->list, pair);
        *said |= bit;
    }
}

/* FNV-1a: tells the few ids of one answer apart. Never 0. */
static apr_uint32_t hash(azl_span_t s)
{
    apr_uint32_t h = 2166136261u;
    apr_size_t i;

    for (i = 0; i < s.len; ++i) {
        h = (h ^ (unsigned char)s.at[i]) * 16777619u;
    }
    return h ? h : 1;
}

/* A new call, or -1 if there are too many. */
static int add_call(azl_tool_calls_t *tools)
{
    return tools->n < AZL_TOOL_CALLS_MAX ? tools->n++ : -1;
}

/* Our index for the upstream's: ours count from 0 in the order in which calls
 * are first met, whatever the upstream counts. */
static int call_by_index(azl_tool_calls_t *tools, apr_int64_t index)
{
    int slot;

    if (index >= AZL_TOOL_CALLS_MAX) {
        return -1;
    }
    if (!tools->slot[index]) {
        slot = add_call(tools);
        if (slot < 0) {
            return -1;
        }
        tools->slot[index] = (unsigned char)(slot + 1);
    }
    return tools->slot[index] - 1;
}

/* Ollama gives whole calls, all of them with index 0: another id and a name
 * begin another call, which what follows with this index belongs to. */
static int other_call(azl_tool_calls_t *tools, int slot, apr_int64_t index,
                      const azl_value_t *id)
{
    apr_uint32_t known = tools->call[slot].id_hash;

    if (!known || known == hash(id->raw)) {
        return slot;
    }
    slot = add_call(tools);
    if (slot >= 0) {
        tools->slot[index] = (unsigned char)(slot + 1);
    }
    return slot;
}

/* Without an index: by its id if it has one; else what has a name begins a
 * call and what has none goes on with the last. */
static int call_without_index(azl_tool_calls_t *tools, const azl_value_t *id,
                              int has_name)
{
    int i;

    if (id && azl_value_is_text(id)) {
        apr_uint32_t id_hash = hash(id->raw);

        for (i = 0; i < tools->n; ++i) {
            if (tools->call[i].id_hash == id_hash) {
                return i;
            }
        }
        return add_call(tools);
    }
    return has_name || tools->n == 0 ? add_call(tools) : tools->last;
}

static int has_name(const azl_object_t *call)
{
    static const char *const bodies[] = {"function", "custom"};
    azl_pair_t pairs[AZL_SMALL_PAIRS_MAX];
    apr_size_t i;
    int j, n;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); ++i) {
        const azl_value_t *body = azl_object_get(call, bodies[i]);

        n = body ? azl_pairs_read(body->raw, pairs, AZL_SMALL_PAIRS_MAX) : 0;
        for (j = 0; j < n; ++j) {
            if (azl_span_is(pairs[j].key, "name") &&
                azl_value_is_text(&pairs[j].value)) {
                return 1;
            }
        }
    }
    return 0;
}

/* {"name":...,"arguments":...} of a function, {"name":...,"input":...} of a
 * custom tool. The first one has a text, if an empty one. */
static void edit_body(azl_edit_t *e, azl_tool_call_t *call, azl_span_t raw,
                      const char *text)
{
    azl_object_t o;
    int first = !(call->said & SAID_SOMETHING);
    int has_text = 0;
    int i;

    if (!azl_object_open(&o, raw)) {
        return;
    }
    for (i = 0; i < o.n; ++i) {
        const azl_pair_t *pair = &o.pairs[i];

        if (azl_span_is(pair->key, "name")) {
            keep_once(e, &o, pair, &call->said, SAID_NAME);
        }
        else if (pair->value.type == AZL_JSON_NULL) {
            azl_pair_drop(e, &o.list, pair);
        }
        else {
            azl_pair_keep(e, &o.list, pair);
            has_text |= azl_span_is(pair->key, text);
        }
    }
    if (first && !has_text) {
        azl_edit_add(e, &o.list, o.close, text, azl_span_str("\"\""));
    }
    azl_edit_close(e, &o.list, o.close);
}

/* One element of tool_calls, which is call `slot` of ours. */
static void edit_call(azl_edit_t *e, azl_tool_call_t *call, azl_object_t *o,
                      int slot, apr_int64_t index)
{
    const azl_value_t *function = azl_object_get(o, "function");
    char text[AZL_INT_TEXT_MAX];
    int indexed = 0;
    int i;

    for (i = 0; i < o->n; ++i) {
        const azl_pair_t *pair = &o->pairs[i];

        if (azl_span_is(pair->key, "index")) {
            indexed = 1;
            azl_pair_keep(e, &o->list, pair);
            if (index != slot) {
                azl_edit_replace(e, pair->value.raw, azl_int_text(text, slot));
            }
        }
        else if (azl_span_is(pair->key, "id")) {
            if (azl_value_is_text(&pair->value) && !call->id_hash) {
                call->id_hash = hash(pair->value.raw);
            }
            keep_once(e, o, pair, &call->said, SAID_ID);
        }
        else if (azl_span_is(pair->key, "type")) {
            keep_once(e, o, pair, &call->said, SAID_TYPE);
        }
        else if (pair->value.type == AZL_JSON_NULL) {
            azl_pair_drop(e, &o->list, pair);
        }
        else {
            azl_pair_keep(e, &o->list, pair);
            if (azl_span_is(pair->key, "function")) {
                edit_body(e, call, pair->value.raw, "arguments");
            }
            else if (azl_span_is(pair->key, "custom")) {
                edit_body(e, call, pair->value.raw, "input");
            }
        }
    }
    if (!indexed) {
        azl_edit_add(e, &o->list, o->close, "index", azl_int_text(text, slot));
    }
    if (!(call->said & SAID_TYPE) && function) {
        azl_edit_add(e, &o->list, o->close, "type",
                     azl_span_str("\"function\""));
        call->said |= SAID_TYPE;
    }
    azl_edit_close(e, &o->list, o->close);
    call->said |= SAID_SOMETHING;
}

/* 1 if the element stays. */
static int edit_element(azl_stream_t *st, azl_edit_t *e,
                        azl_tool_calls_t *tools, azl_list_t *list,
                        azl_span_t raw)
{
    const azl_value_t *index, *id;
    apr_int64_t given = -1;
    azl_object_t o;
    int slot;

    if (!azl_object_open(&o, raw)) {
        return 0;
    }
    index = azl_object_get(&o, "index");
    id = azl_object_get(&o, "id");
    if (index && azl_scan_uint(index->raw, &given)) {
        slot = call_by_index(tools, given);
        if (slot >= 0 && id && azl_value_is_text(id) && has_name(&o)) {
            slot = other_call(tools, slot, given, id);
        }
    }
    else {
        slot = call_without_index(tools, id, has_name(&o));
    }
    if (slot < 0) {
        st->chunks.too_many = 1;
        return 0;
    }
    tools->last = slot;
    azl_edit_keep(e, list, raw.at, azl_span_end(raw));
    edit_call(e, &tools->call[slot], &o, slot, given);
    return 1;
}

static AZL_OWN_FRAME void edit_tool_calls(azl_stream_t *st, azl_edit_t *e,
                                          azl_choice_t *choice, azl_span_t raw)
{
    azl_list_t list = {NULL, 0};
    azl_value_t v;
    azl_scan_t s;

    if (!choice->tools) {
        choice->tools = apr_pcalloc(st->pool, sizeof(*choice->tools));
    }
    azl_scan_init(&s, raw.at, raw.len);
    azl_scan_enter(&s);
    while (azl_scan_element(&s) == 1 && azl_scan_value(&s, &v) == 1) {
        if (!edit_element(st, e, choice->tools, &list, v.raw)) {
            azl_edit_drop(e, &list, v.raw.at, azl_span_end(v.raw));
        }
    }
    azl_edit_close(e, &list, azl_span_end(raw) - 1);
}

static int is_empty_array(const azl_value_t *v)
{
    azl_scan_t s;

    if (v->type != AZL_JSON_ARRAY) {
        return 0;
    }
    azl_scan_init(&s, v->raw.at, v->raw.len);
    azl_scan_enter(&s);
    return azl_scan_element(&s) == 0;
}

/* Members whose arrival means that the answer has begun. Text may be a string
 * or, from some upstreams, parts. */
static int is_content(const azl_pair_t *pair)
{
    static const char *const names[] = {
        "content",    "reasoning_content", "reasoning", "refusal",
        "tool_calls", "function_call",     "audio"};
    apr_size_t i;

    if (azl_value_is_blank(&pair->value) || is_empty_array(&pair->value)) {
        return 0;
    }
    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (azl_span_is(pair->key, names[i])) {
            return 1;
        }
    }
    return 0;
}

/* OpenAI itself writes these two as null beside the role. */
static int may_be_null(const azl_pair_t *pair)
{
    return azl_span_is(pair->key, "content") ||
           azl_span_is(pair->key, "refusal");
}

/* What vLLM, Ollama and others call it. */
static int is_reasoning(const azl_object_t *o, const azl_pair_t *pair)
{
    const azl_value_t *other;

    if (!azl_span_is(pair->key, "reasoning") ||
        !azl_value_is_text(&pair->value)) {
        return 0;
    }
    other = azl_object_get(o, "reasoning_content");
    return !other || other->type == AZL_JSON_NULL;
}

int azl_stream_delta(azl_stream_t *st, azl_edit_t *e, azl_choice_t *choice,
                     azl_span_t delta, int needed)
{
    const azl_value_t *role;
    azl_object_t o;
    int opens;
    int kept = 0;
    int i;

    if (!azl_object_open(&o, delta)) {
        return 0;
    }
    role = azl_object_get(&o, "role");
    opens = !choice->role && role && azl_value_is_text(role);
    for (i = 0; i < o.n; ++i) {
        const azl_pair_t *pair = &o.pairs[i];
        int stays =
            pair->value.type != AZL_JSON_NULL || (opens && may_be_null(pair));

        if (&pair->value == role) {
            stays = opens;
        }
        else if (azl_span_is(pair->key, "tool_calls")) {
            stays = pair->value.type == AZL_JSON_ARRAY &&
                    !is_empty_array(&pair->value);
        }
        if (!stays) {
            azl_pair_drop(e, &o.list, pair);
            continue;
        }
        ++kept;
        azl_pair_keep(e, &o.list, pair);
        if (is_reasoning(&o, pair)) {
            azl_edit_replace(e, pair->key, azl_span_str("reasoning_content"));
        }
        else if (azl_span_is(pair->key, "tool_calls")) {
            edit_tool_calls(st, e, choice, pair->value.raw);
        }
        if (is_content(pair)) {
            st->state.content = 1;
            azl_stream_count(st, &pair->value);
            azl_stream_says(st, azl_span_is(pair->key, "content") &&
                                        pair->value.type == AZL_JSON_STRING
                                    ? &pair->value.raw
                                    : NULL);
        }
    }
    if (opens) {
        choice->role = 1;
    }
    else if (!choice->role && st->rules->op == AZL_OP_CHAT &&
             (kept || needed)) {
        azl_edit_add(e, &o.list, o.close, "role", azl_span_str(ROLE));
        choice->role = 1;
    }
    azl_edit_close(e, &o.list, o.close);
    return kept;
}
