/*
 * fuzz_anthropic: what Anthropic sends, as a stream, as a whole answer and as
 * an error. A stream is translated whole, cut once and byte by byte, which
 * must give the same bytes, the same end and the same state kept; every event
 * of it is one line with a JSON object or the last [DONE]. What is made of a
 * whole answer, of an error or to be kept is JSON.
 *
 * And what a client sends there, without thinking that is not Claude's: it is
 * JSON still, and has no more of it.
 *
 * Input: one byte of options (its lowest bit: a tool stands for the answer),
 * two for the cut, then the upstream's (or the client's) bytes.
 */
#include "azl_anthropic_int.h"
#include "azl_fuzz_claude.h"

static azl_exchange_t *exchange(apr_pool_t *p, int json_tool)
{
    azl_exchange_t *ex = azl_fuzz_exchange(p, "anthropic", "api.anthropic.com",
                                           "claude-opus-4-6");
    azl_anthropic_memo_t *memo = apr_pcalloc(p, sizeof(*memo));

    memo->family = azl_claude_find(ex->family);
    memo->json_tool = json_tool;
    ex->memo = memo;
    return ex;
}

static void check_disowned(apr_pool_t *p, azl_span_t in)
{
    apr_array_header_t *dropped;
    azl_span_t out;

    azl_fuzz_take(&in, AZL_FUZZ_CLAUDE_HEAD);
    in.at = azl_fuzz_copy(p, in.at, in.len);
    out = azl_anthropic_disown(p, in, &dropped);
    azl_fuzz_check(out.len || !dropped, "what goes along goes with something");
    if (out.len) {
        azl_fuzz_check(out.len < in.len, "something is gone");
        azl_fuzz_check_json(out, AZL_JSON_OBJECT, "it is an object still");
        azl_fuzz_check(!azl_anthropic_disown(p, out, &dropped).len,
                       "nothing more is to go");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);

    if (azl_fuzz_claude(p, exchange, in)) {
        check_disowned(p, in);
    }
    return 0;
}
