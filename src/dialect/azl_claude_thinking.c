/*
 * How much a Claude is to think, and the thoughts of former turns that have to
 * come back; the same wherever it is asked.
 */
#include "azl_anthropic_int.h"

/* A budget of thinking is at least this, and less than max_tokens. */
#define BUDGET_MIN 1024

static int is_text(const azl_json_t *json, const char *text)
{
    return azl_span_is(azl_json_text(json), text);
}

/*
 * Thoughts of former turns
 */

/* A block that the upstream would take back, without what it does not know. */
static void write_block(azl_write_t *w, const azl_json_t *block,
                        const azl_claude_memory_t *memory)
{
    azl_span_t type = azl_json_text(azl_json_get(block, "type"));
    const azl_json_t *thinking = azl_json_get(block, "thinking");
    const azl_json_t *signature = azl_json_get(block, "signature");
    const azl_json_t *data = azl_json_get(block, "data");

    if (azl_span_is(type, "thinking") && azl_json_text(signature).len &&
        azl_json_type(thinking) == AZL_JSON_STRING) {
        memory->thought(w, thinking, signature);
    }
    else if (azl_span_is(type, "redacted_thinking") &&
             azl_json_text(data).len) {
        memory->hidden(w, data);
    }
}

static azl_span_t given_thoughts(azl_exchange_t *ex, const azl_json_t *blocks,
                                 const azl_claude_memory_t *memory)
{
    azl_buf_t *out;
    azl_write_t w;
    apr_size_t i;

    if (!azl_json_length(blocks)) {
        return azl_span("", 0);
    }
    out = azl_buf_create(ex->pool, AZL_HUB_DOCUMENT_MAX);
    azl_write_init(&w, out);
    for (i = 0; i < azl_json_length(blocks); ++i) {
        write_block(&w, azl_json_at(blocks, i), memory);
    }
    return azl_span(out->data, out->len);
}

azl_span_t azl_claude_thoughts(azl_exchange_t *ex, const azl_json_t *message,
                               const azl_claude_memory_t *memory)
{
    azl_span_t thoughts =
        given_thoughts(ex, azl_json_get(message, "thinking_blocks"), memory);
    const azl_json_t *call =
        azl_json_at(azl_json_get(message, "tool_calls"), 0);
    azl_span_t id = azl_json_text(azl_json_get(call, "id"));

    if (!thoughts.len && id.len && ex->recall) {
        thoughts = ex->recall(ex->kept, ex->pool, memory->kind, id);
    }
    return thoughts;
}

/* Can the tool loop that runs (what follows the last word of the user) go on
 * with thinking: are the blocks of all its turns there? */
static int may_think(azl_exchange_t *ex, const azl_claude_memory_t *memory)
{
    const azl_json_t *list = azl_json_get(ex->hub, "messages");
    apr_size_t i;

    for (i = azl_json_length(list); i > 0; --i) {
        const azl_json_t *message = azl_json_at(list, i - 1);
        const azl_json_t *role = azl_json_get(message, "role");

        if (is_text(role, "user")) {
            return 1;
        }
        if (is_text(role, "assistant") &&
            azl_json_length(azl_json_get(message, "tool_calls")) &&
            !azl_claude_thoughts(ex, message, memory).len) {
            return 0;
        }
    }
    return 1;
}

/*
 * What is to be done
 */

typedef struct level_t {
    const char *name;
    int budget;    /* tokens */
    int levels[2]; /* the level, or the next best */
} level_t;

static const level_t levels[] = {
    {"minimal", 1024, {AZL_EFFORT_LOW, 0}},
    {"low", 1024, {AZL_EFFORT_LOW, 0}},
    {"medium", 2048, {AZL_EFFORT_MEDIUM, 0}},
    {"high", 4096, {AZL_EFFORT_HIGH, 0}},
    {"xhigh", 8192, {AZL_EFFORT_XHIGH, AZL_EFFORT_MAX}},
    {"max", 16384, {AZL_EFFORT_MAX, 0}},
};

static const char *level_name(int level)
{
    switch (level) {
    case AZL_EFFORT_LOW:
        return "low";
    case AZL_EFFORT_MEDIUM:
        return "medium";
    case AZL_EFFORT_HIGH:
        return "high";
    case AZL_EFFORT_XHIGH:
        return "xhigh";
    default:
        return "max";
    }
}

static const level_t *find_level(const azl_json_t *json)
{
    apr_size_t i;

    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); ++i) {
        if (is_text(json, levels[i].name)) {
            return &levels[i];
        }
    }
    return NULL;
}

int azl_claude_refuse_effort(azl_exchange_t *ex, azl_error_t *err)
{
    return azl_exchange_refuse(ex, err, "reasoning_effort",
                               "The effort must be none, minimal, low, "
                               "medium, high, xhigh or max.");
}

static int plan_effort(azl_exchange_t *ex, const azl_claude_t *family,
                       azl_claude_thinking_t *t, azl_error_t *err)
{
    const azl_json_t *json = azl_json_get(ex->hub, "reasoning_effort");
    const level_t *level = find_level(json);

    if (!json) {
        return 1;
    }
    if (is_text(json, "none")) {
        t->off = family->by_default;
        return 1;
    }
    if (!level) {
        return azl_claude_refuse_effort(ex, err);
    }
    if (family->thinks == AZL_THINKS_NEVER) {
        return azl_exchange_without(ex, "reasoning_effort", 0, err);
    }
    if (family->thinks == AZL_THINKS_BUDGET) {
        t->budget = level->budget;
        return 1;
    }
    t->adaptive = 1;
    t->effort =
        level_name(family->efforts & level->levels[0] ? level->levels[0]
                                                      : level->levels[1]);
    return 1;
}

/* By a budget, which leaves no room for a tool that must be called. */
static int is_manual(const azl_claude_thinking_t *t)
{
    return t->budget || is_text(azl_json_get(t->given, "type"), "enabled");
}

/* Will the model think? */
static int thinks(const azl_claude_t *family, const azl_claude_thinking_t *t)
{
    if (t->given) {
        return !is_text(azl_json_get(t->given, "type"), "disabled");
    }
    return t->adaptive || t->budget || (family->by_default && !t->off);
}

static void stop_thinking(const azl_claude_t *family, azl_claude_thinking_t *t)
{
    memset(t, 0, sizeof(*t));
    t->off = family->by_default;
}

int azl_claude_think(azl_exchange_t *ex, const azl_claude_t *family,
                     const azl_claude_memory_t *memory, apr_int64_t max_tokens,
                     int as_tool, azl_claude_thinking_t *t, azl_error_t *err)
{
    const char *member = "reasoning_effort";

    t->given = azl_json_get(ex->hub, "thinking");
    if (t->given) {
        member = "thinking";
        if (azl_json_type(t->given) != AZL_JSON_OBJECT) {
            return azl_exchange_refuse(ex, err, member,
                                       "An object is expected.");
        }
    }
    else if (!plan_effort(ex, family, t, err)) {
        return 0;
    }
    /* A tool that has to be called leaves no room for thinking by budget, nor
     * does an answer that is too short. */
    if ((is_manual(t) && (as_tool || azl_tool_choice_is_forced(ex))) ||
        (t->budget && max_tokens <= BUDGET_MIN)) {
        if (!azl_exchange_without(ex, member, 0, err)) {
            return 0;
        }
        stop_thinking(family, t);
    }
    if (t->budget >= max_tokens) {
        t->budget = max_tokens - 1;
    }
    /* The turn that goes on was thought about, and the client could not keep
     * the thoughts: this request goes without. */
    if (thinks(family, t) && !may_think(ex, memory)) {
        stop_thinking(family, t);
    }
    t->on = thinks(family, t);
    return 1;
}

void azl_claude_write_thinking(azl_write_t *w, const azl_claude_thinking_t *t,
                               const char *display)
{
    if (t->given) {
        azl_write_json(w, "thinking", t->given);
        return;
    }
    if (!t->off && !t->adaptive && !t->budget) {
        return;
    }
    azl_write_open(w, "thinking", '{');
    azl_write_str(w, "type",
                  t->off      ? "disabled"
                  : t->budget ? "enabled"
                              : "adaptive");
    if (t->budget) {
        azl_write_int(w, "budget_tokens", t->budget);
    }
    if (t->adaptive && display) {
        azl_write_str(w, "display", display);
    }
    azl_write_close(w, '}');
}
