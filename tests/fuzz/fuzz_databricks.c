/*
 * fuzz_databricks: what serving endpoints of Databricks send, as a stream, as
 * a whole answer and as an error. A stream is translated whole, cut once and
 * byte by byte, which must give the same bytes, the same end and the same
 * state kept; every event of it is one line with a JSON object or the last
 * [DONE]. What is made of a whole answer, of an error or to be kept is JSON.
 *
 * Input: one byte of options (its lowest bit: a tool stands for the answer),
 * two for the cut, then the upstream's bytes.
 */
#include "azl_databricks_int.h"
#include "azl_fuzz_claude.h"

static azl_exchange_t *exchange(apr_pool_t *p, int json_tool)
{
    azl_exchange_t *ex =
        azl_fuzz_exchange(p, "databricks", "workspace", "claude-opus-4-6");
    azl_databricks_memo_t *memo = apr_pcalloc(p, sizeof(*memo));

    memo->claude.json_tool = json_tool;
    ex->memo = memo;
    return ex;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    azl_fuzz_claude(azl_fuzz_pool(), exchange,
                    azl_span((const char *)data, size));
    return 0;
}
