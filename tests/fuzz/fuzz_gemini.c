/*
 * fuzz_gemini: what Google sends, as a stream, as a whole answer and as an
 * error. A stream is translated whole, cut once and byte by byte, which must
 * give the same bytes and the same end; every event of it is one line with a
 * JSON object or the last [DONE]. What is made of a whole answer or of an
 * error is a JSON object.
 *
 * Input: one byte for how many candidates were asked for, two for the cut,
 * then the upstream's bytes.
 */
#include "azl_fuzz_stream.h"
#include "azl_gemini_int.h"

#define HEAD 3

static azl_exchange_t *exchange(apr_pool_t *p, int *choices)
{
    azl_exchange_t *ex = azl_fuzz_exchange(
        p, "gemini", "generativelanguage.googleapis.com", "gemini-3-pro");

    ex->memo = choices;
    return ex;
}

static azl_stream_t *start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    azl_stream_t *st = azl_stream_create(p, azl_fuzz_chat_rules(p));

    (void)kept;
    azl_stream_from(st, &azl_gemini_chat,
                    exchange(p, apr_pmemdup(p, baton, sizeof(int))));
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_fuzz_stream_t how = {start, NULL, 0};
    azl_fuzz_told_t told;
    int choices;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    choices = 1 + (data[0] & 3);
    how.baton = &choices;
    how.room = azl_fuzz_room(in);
    told = azl_fuzz_tell_all(p, &how, in, data + 1);
    azl_fuzz_check_chunks(p, &told);
    in.at = azl_fuzz_copy(p, in.at, in.len);
    azl_fuzz_check_document(exchange(p, &choices), &azl_gemini_chat, in);
    return 0;
}
