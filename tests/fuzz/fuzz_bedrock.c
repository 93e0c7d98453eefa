/*
 * fuzz_bedrock: what Bedrock sends, as a stream, as a whole answer and as an
 * error, and what clients ask of it. A stream is translated whole, cut once
 * and byte by byte, which must give the same bytes and the same end; every
 * event of it is one line with a JSON object or the last [DONE]. What is made
 * of a request, a whole answer or an error is a JSON object.
 *
 * Input: one byte of choices, two for the cut, then lines. Of a stream each is
 * a frame: 'e' for an event or 'x' for an exception, its type, a blank, its
 * payload; another line is the payload of a frame without a type. For the rest
 * they are one document.
 */
#include <apr_strings.h>

#include "../unit/frame_fixture.h"
#include "azl_bedrock_int.h"
#include "azl_fuzz_stream.h"

#define HEAD 3
/* The choices. */
#define JSON_TOOL 1 /* a tool stands for the text */
#define KEEPS 2     /* reasoning is kept */

/* Names that the request has replaced. */
static const azl_bedrock_name_t names[] = {{"an own name", "sent"}};

static void keep(void *baton, const char *kind, azl_span_t id, azl_span_t state)
{
    azl_buf_t *copy = azl_buf_create(baton, AZL_HUB_KEPT_MAX + 2);

    (void)kind;
    azl_fuzz_check(id.len > 0, "there is a call to keep it by");
    azl_buf_puts(copy, "[");
    azl_buf_span(copy, state);
    azl_buf_puts(copy, "]");
    azl_fuzz_check_json(azl_fuzz_span(copy), AZL_JSON_ARRAY,
                        "what is kept is a list of blocks");
}

static azl_exchange_t *exchange(apr_pool_t *p, int choices)
{
    azl_exchange_t *ex =
        azl_fuzz_exchange(p, "bedrock", "bedrock",
                          choices & JSON_TOOL ? "nova" : "claude-sonnet-4-5");
    azl_bedrock_memo_t *memo = apr_pcalloc(p, sizeof(*memo));

    ex->keep = choices & KEEPS ? keep : NULL;
    ex->kept = p;
    memo->family = azl_bedrock_family(ex->family);
    memo->json_tool = choices & JSON_TOOL;
    memo->names = apr_array_make(p, 1, sizeof(azl_bedrock_name_t));
    APR_ARRAY_PUSH(memo->names, azl_bedrock_name_t) = names[0];
    ex->memo = memo;
    return ex;
}

static azl_span_t frames_of(apr_pool_t *p, azl_span_t in)
{
    azl_buf_t *out = azl_buf_create(p, 256 * in.len + 4096);

    while (in.len) {
        const char *end = memchr(in.at, '\n', in.len);
        azl_span_t line =
            azl_fuzz_take(&in, end ? (apr_size_t)(end - in.at) : in.len);
        const char *blank = memchr(line.at, ' ', line.len);
        const char *kind = NULL;

        azl_fuzz_take(&in, 1);
        if (blank && (*line.at == 'e' || *line.at == 'x')) {
            kind = *line.at == 'e' ? "event" : "exception";
        }
        if (kind) {
            put_event(
                p, out, kind,
                apr_pstrmemdup(p, line.at + 1,
                               (apr_size_t)(blank - line.at - 1)),
                apr_pstrmemdup(p, blank + 1,
                               line.len - (apr_size_t)(blank + 1 - line.at)));
        }
        else {
            put_frame(out, azl_span("", 0), line);
        }
    }
    return azl_fuzz_span(out);
}

static azl_stream_t *start(apr_pool_t *p, const void *baton, azl_buf_t *kept)
{
    azl_exchange_t *ex = exchange(p, *(const int *)baton);
    azl_stream_t *st = azl_stream_create(p, azl_fuzz_chat_rules(p));

    (void)kept; /* it is looked at when it comes */
    azl_stream_from(st, azl_fuzz_outbound(ex), ex);
    return st;
}

static void check_request(azl_exchange_t *ex, azl_span_t doc)
{
    azl_buf_t *out = azl_buf_create(ex->pool, azl_fuzz_room(doc));
    azl_json_t *hub;
    azl_error_t err;

    if (azl_json_parse(ex->pool, doc, &hub)) {
        return;
    }
    ex->hub = hub;
    if (azl_bedrock_request(ex, out, &err)) {
        azl_fuzz_check(!out->failed, "there is room for the request");
        azl_fuzz_check_json(azl_fuzz_span(out), AZL_JSON_OBJECT,
                            "a request is an object");
    }
    else {
        azl_fuzz_check(err.status == 400, "who refuses says why");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_fuzz_stream_t how = {start, NULL, 0};
    azl_fuzz_told_t told;
    azl_exchange_t *ex;
    azl_span_t frames;
    int choices;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    choices = data[0];
    frames = frames_of(p, in);
    how.baton = &choices;
    how.room = azl_fuzz_room(frames);
    told = azl_fuzz_tell_all(p, &how, frames, data + 1);
    azl_fuzz_check_chunks(p, &told);
    in.at = azl_fuzz_copy(p, in.at, in.len);
    ex = exchange(p, choices);
    azl_fuzz_check_document(ex, azl_fuzz_outbound(ex), in);
    check_request(ex, in);
    return 0;
}
