/*
 * azl_fuzz_claude: what the targets share whose upstreams answer for a Claude:
 * its stream, its whole answer and its error, from the same bytes. What is kept
 * meanwhile (its thoughts) is JSON.
 */
#ifndef AZL_FUZZ_CLAUDE_H
#define AZL_FUZZ_CLAUDE_H

#include "azl_fuzz_stream.h"

/* One byte of options (its lowest bit: a tool stands for the answer), two for
 * the cut. */
#define AZL_FUZZ_CLAUDE_HEAD 3

/* The exchange with its memo. */
typedef azl_exchange_t *azl_fuzz_claude_fn(apr_pool_t *p, int json_tool);

typedef struct azl_fuzz_claude_t {
    azl_fuzz_claude_fn *exchange;
    int json_tool;
} azl_fuzz_claude_t;

/* Each choice of an answer has its own. */
static inline void azl_fuzz_claude_keep(void *baton, const char *kind,
                                        azl_span_t id, azl_span_t state)
{
    azl_buf_t *kept = baton;

    (void)kind;
    azl_buf_clear(kept);
    azl_buf_puts(kept, "[");
    azl_buf_span(kept, state);
    azl_buf_puts(kept, "]");
    azl_fuzz_check(id.len > 0, "what is kept has a name");
}

static inline azl_exchange_t *
azl_fuzz_claude_exchange(apr_pool_t *p, const azl_fuzz_claude_t *claude,
                         azl_buf_t *kept)
{
    azl_exchange_t *ex = claude->exchange(p, claude->json_tool);

    ex->keep = azl_fuzz_claude_keep;
    ex->kept = kept;
    return ex;
}

static inline azl_stream_t *
azl_fuzz_claude_start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    azl_exchange_t *ex = azl_fuzz_claude_exchange(p, baton, kept);
    azl_stream_t *st = azl_stream_create(p, azl_fuzz_chat_rules(p));

    azl_stream_from(st, azl_fuzz_outbound(ex), ex);
    return st;
}

static inline void azl_fuzz_claude_check_kept(const azl_buf_t *kept)
{
    if (kept->len) {
        azl_fuzz_check_json(azl_fuzz_span(kept), AZL_JSON_ARRAY,
                            "what is kept is JSON");
    }
}

/* All that can be made of an input; 0: it has no head. */
static inline int azl_fuzz_claude(apr_pool_t *p, azl_fuzz_claude_fn *exchange,
                                  azl_span_t in)
{
    const uint8_t *head = (const uint8_t *)in.at;
    azl_fuzz_claude_t claude = {exchange, 0};
    azl_fuzz_stream_t how = {azl_fuzz_claude_start, &claude, 0};
    azl_fuzz_told_t told;
    azl_exchange_t *ex;
    azl_buf_t *kept;

    if (in.len < AZL_FUZZ_CLAUDE_HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, AZL_FUZZ_CLAUDE_HEAD);
    claude.json_tool = head[0] & 1;
    how.room = azl_fuzz_room(in);
    told = azl_fuzz_tell_all(p, &how, in, head + 1);
    azl_fuzz_check_chunks(p, &told);
    azl_fuzz_claude_check_kept(told.kept);
    kept = azl_buf_create(p, how.room);
    ex = azl_fuzz_claude_exchange(p, &claude, kept);
    in.at = azl_fuzz_copy(p, in.at, in.len);
    azl_fuzz_check_document(ex, azl_fuzz_outbound(ex), in);
    azl_fuzz_claude_check_kept(kept);
    return 1;
}

#endif /* AZL_FUZZ_CLAUDE_H */
