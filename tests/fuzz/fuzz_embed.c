/*
 * fuzz_embed: answers with vectors and with ranks, of every upstream. What is
 * made of one is a JSON object; OpenAI's own form stays one when its vectors
 * become base64, and what it looks like is told from any part of it.
 *
 * Input: one byte for how many texts were sent (and whether base64 was asked
 * for), then the upstream's document.
 */
#include "azl_bedrock_invoke_int.h"
#include "azl_embed_int.h"
#include "azl_fuzz_stream.h"
#include "azl_gemini_int.h"
#include "azl_rerank_int.h"

#define HEAD 1

static void check_object(const azl_buf_t *out, const char *what)
{
    azl_fuzz_check_json(azl_fuzz_span(out), AZL_JSON_OBJECT, what);
}

static azl_exchange_t *exchange(apr_pool_t *p)
{
    return azl_fuzz_exchange(p, "bedrock",
                             "bedrock-runtime.eu-west-1.amazonaws.com", NULL);
}

static void check_answer(apr_pool_t *p, azl_exchange_t *ex,
                         const azl_outbound_t *outbound, azl_span_t doc)
{
    azl_buf_t *out = azl_buf_create(p, 32 * doc.len + 4096);

    if (outbound->answer(ex, doc, out) == APR_SUCCESS) {
        azl_fuzz_check(!out->failed, "there is room for the answer");
        check_object(out, "an answer is an object");
    }
}

static void check_vectors(apr_pool_t *p, azl_embed_memo_t *memo, azl_span_t doc)
{
    static const char *const models[] = {"titan-embed", "cohere.embed"};
    azl_exchange_t *ex = exchange(p);
    azl_deployment_t d = *ex->deployment;
    apr_size_t i;

    ex->memo = memo;
    check_answer(p, ex, &azl_gemini_batch, doc);
    check_answer(p, ex, &azl_gemini_predict, doc);
    ex->deployment = &d;
    for (i = 0; i < sizeof(models) / sizeof(models[0]); ++i) {
        d.name = models[i];
        check_answer(p, ex, azl_bedrock_invoked(&d, AZL_OP_EMBEDDINGS), doc);
    }
}

static void check_ranks(apr_pool_t *p, int count, azl_span_t doc)
{
    azl_exchange_t *ex = exchange(p);
    azl_rerank_memo_t memo = {count, NULL};
    azl_buf_t *out = azl_buf_create(p, 8 * doc.len + 4096);

    ex->memo = &memo;
    if (azl_rerank_answer(ex, doc, out) == APR_SUCCESS) {
        check_object(out, "a ranking is an object");
    }
}

static void check_rewrite(apr_pool_t *p, azl_span_t doc)
{
    azl_buf_t *out = azl_buf_create(p, 8 * doc.len + 4096);
    azl_reply_rules_t rules;
    azl_usage_t usage;

    memset(&rules, 0, sizeof(rules));
    memset(&usage, 0, sizeof(usage));
    rules.op = AZL_OP_EMBEDDINGS;
    rules.alias_json = "\"the-alias\"";
    rules.base64 = 1;
    if (azl_reply_rewrite(&rules, doc, out, &usage) == APR_SUCCESS) {
        check_object(out, "what is rewritten is an object");
    }
    azl_reply_has_arrays(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t in = azl_span((const char *)data, size);
    azl_embed_memo_t memo;
    azl_span_t doc;

    if (size < HEAD) {
        return 0;
    }
    azl_fuzz_take(&in, HEAD);
    doc = azl_span(azl_fuzz_copy(p, in.at, in.len), in.len);
    memset(&memo, 0, sizeof(memo));
    memo.count = data[0] & 3;
    memo.base64 = (data[0] & 4) != 0;
    check_vectors(p, &memo, doc);
    check_ranks(p, memo.count, doc);
    check_rewrite(p, doc);
    return 0;
}
