/*
 * fuzz_openai: what servers that resemble OpenAI's send, as a stream and as a
 * whole answer, mended. A stream is translated whole, cut once and byte by
 * byte, which must give the same bytes, the same end and the same state kept;
 * every event of it is one line with a JSON object or the last [DONE]. What is
 * made of a whole answer is JSON, what is kept the inside of a JSON string.
 *
 * Input: one byte of options, which says nothing here, two for the cut, then
 * the upstream's bytes.
 */
#include "azl_fuzz_stream.h"
#include "azl_openai_int.h"

#define HEAD 3

static void keep(void *baton, const char *kind, azl_span_t id, azl_span_t state)
{
    azl_buf_t *kept = baton;

    (void)kind;
    azl_buf_clear(kept);
    azl_buf_puts(kept, "[\"");
    azl_buf_span(kept, state);
    azl_buf_puts(kept, "\"]");
    azl_fuzz_check(id.len > 0, "what is kept has a name");
}

static azl_exchange_t *exchange(apr_pool_t *p, azl_buf_t *kept)
{
    azl_exchange_t *ex = azl_fuzz_exchange(p, "openai", "server", "m");

    ((azl_endpoint_t *)ex->deployment->endpoint)->quirks =
        AZL_QUIRK_LOOP_REASONING;
    ex->keep = keep;
    ex->kept = kept;
    return ex;
}

static azl_stream_t *start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    azl_exchange_t *ex = exchange(p, kept);
    azl_stream_t *st = azl_stream_create(p, azl_fuzz_chat_rules(p));

    (void)baton;
    azl_stream_from(st, azl_fuzz_outbound(ex), ex);
    return st;
}

static void check_kept(const azl_buf_t *kept)
{
    if (kept->len) {
        azl_fuzz_check_json(azl_fuzz_span(kept), AZL_JSON_ARRAY,
                            "what is kept is text");
    }
}

static void check_document(apr_pool_t *p, azl_span_t in)
{
    azl_buf_t *kept = azl_buf_create(p, azl_fuzz_room(in));
    azl_exchange_t *ex = exchange(p, kept);

    in.at = azl_fuzz_copy(p, in.at, in.len);
    azl_fuzz_check_document(ex, azl_fuzz_outbound(ex), in);
    check_kept(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_fuzz_stream_t how = {start, NULL, 0};
    azl_fuzz_told_t told;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    how.room = azl_fuzz_room(in);
    told = azl_fuzz_tell_all(p, &how, in, data + 1);
    azl_fuzz_check_chunks(p, &told);
    check_kept(told.kept);
    check_document(p, in);
    return 0;
}
