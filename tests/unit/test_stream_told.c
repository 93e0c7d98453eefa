/*
 * What an answer has used that broke off: what the upstream has told of it
 * counts, the rest is estimated. Every input is fed in all its splits.
 */
#include <apr_base64.h>

#include "frame_fixture.h"
#include "stream_fixture.h"
#include "translation_fixture.h"

/* Of the prompt, for estimates: 1000 tokens. */
#define PROMPT_TEXT 4000

typedef struct told_case_t {
    const char *dialect;  /* of the upstream; NULL: nothing is translated */
    const char *url;      /* its; NULL: any */
    azl_op_e op;          /* what the upstream's stream is */
    int complete;         /* it did not break off */
    const char *expected; /* see usage_text() */
} told_case_t;

/* "prompt/cached/cache_write/completion what-is-estimated", "" for none. */
static const char *usage_text(apr_pool_t *p, const azl_usage_t *u)
{
    static const char *const parts[] = {"", " prompt", " completion", " all"};

    if (!u->reported) {
        return "";
    }
    return apr_psprintf(p, "%d/%d/%d/%d%s%s", (int)u->prompt, (int)u->cached,
                        (int)u->cache_write, (int)u->completion,
                        parts[u->estimated], u->other_tier ? " tier" : "");
}

static void run_told(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                     int npieces)
{
    const told_case_t *c = baton;
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    azl_buf_t *asked = azl_buf_create(p, 1024 * 1024);
    const azl_outbound_t *outbound;
    azl_reply_rules_t rules;
    azl_deployment_t *d;
    azl_exchange_t *ex;
    azl_usage_t usage;
    azl_stream_t *st;
    azl_error_t err;
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = c->op;
    rules.alias_json = "\"alias\"";
    st = azl_stream_create(p, &rules);
    if (c->dialect) {
        d = deployment_at(c->dialect, c->url ? c->url : "https://h", NULL,
                          "up");
        ex = exchange_with(d, "claude-sonnet-4-5",
                           "{'messages':[{'role':'user','content':'Hi'}]}");
        ex->pool = p;
        outbound = d->endpoint->dialect->outbound(d, c->op);
        if (c->op == AZL_OP_CHAT) {
            ck_assert_int_eq(outbound->request(ex, asked, &err), 1);
        }
        azl_stream_from(st, outbound, ex);
    }
    for (i = 0; i < npieces; ++i) {
        azl_stream_feed(st, pieces[i].at, pieces[i].len, out);
    }
    azl_stream_finish(st, out);
    azl_stream_usage(st, !c->complete, PROMPT_TEXT, &usage);
    ck_assert_str_eq(usage_text(p, &usage), c->expected);
    /* none of it is the client's */
    ck_assert_ptr_null(strstr(azl_buf_pstr(out, p), AZL_HUB_SO_FAR));
}

static void check_told(const char *dialect, azl_op_e op, const char *in,
                       const char *expected)
{
    const char *text = quoted(in);
    told_case_t c;

    memset(&c, 0, sizeof(c));
    c.dialect = dialect;
    c.op = op;
    c.expected = expected;
    azl_test_every_split(text, strlen(text), run_told, &c);
    if (strstr(in, DONE) || strstr(in, "message_stop")) {
        c.complete = 1;
        azl_test_every_split(text, strlen(text), run_told, &c);
    }
}

/*
 * The Messages API, as it is and made chunks of
 */

#define EV(type, more) "event: " type "\ndata: {'type':'" type "'" more "}\n\n"
#define START(usage)                                                           \
    EV("message_start",                                                        \
       ",'message':{'id':'msg_1','role':'assistant','model':'up','content':"   \
       "[],'usage':" usage "}")
#define TOLD                                                                   \
    "{'input_tokens':3,'cache_read_input_tokens':5,"                           \
    "'cache_creation_input_tokens':7,'output_tokens':2}"
#define BEGIN                                                                  \
    EV("content_block_start",                                                  \
       ",'index':0,'content_block':{'type':'text','text':''}")
#define SAYS(text)                                                             \
    EV("content_block_delta",                                                  \
       ",'index':0,'delta':{'type':'text_delta','text':'" text "'}")
#define COUNTED(reason, usage)                                                 \
    EV("message_delta", ",'delta':{'stop_reason':" reason "},'usage':" usage)
#define STOP EV("message_stop", "")
#define ERROR                                                                  \
    EV("error", ",'error':{'type':'overloaded_error','message':'busy'}")

static const struct {
    const char *in;
    const char *expected;
} messages[] = {
    /* cut: 41 bytes in two events are 11 tokens */
    {START(TOLD) BEGIN SAYS("0123456789012345678901234567890123456")
         SAYS("0123"),
     "15/5/7/11 completion"},
    {START(TOLD) BEGIN SAYS("a") SAYS("b") SAYS("c"), "15/5/7/3 completion"},
    /* a first count is the least there was */
    {START(TOLD) BEGIN SAYS("a"), "15/5/7/2 completion"},
    {START(TOLD) BEGIN SAYS("abcd") ERROR, "15/5/7/2 completion"},
    /* counted on the way, and something came behind */
    {START(TOLD) BEGIN SAYS("a") COUNTED("null", "{'output_tokens':20}"),
     "15/5/7/20"},
    {START(TOLD) BEGIN SAYS("a") COUNTED(
         "null", "{'output_tokens':20,'input_tokens':4}") SAYS("01234567"),
     "16/5/7/22 completion"},
    {START("{'input_tokens':3,'output_tokens':1,'service_tier':'priority'}")
         BEGIN SAYS("a"),
     "3/0/0/1 completion tier"},
    /* nothing was told */
    {START("null") BEGIN SAYS("01234567"), "1000/0/0/2 all"},
    {START("{'output_tokens':1}") BEGIN SAYS("01234567"), "1000/0/0/2 all"},
    /* only the end of the answer is told */
    {START("null") BEGIN SAYS("0123") COUNTED("null", "{'output_tokens':20}")
         SAYS("0123"),
     "1000/0/0/21 all"},
    /* whole, if its last event is missing or not */
    {START(TOLD) BEGIN SAYS("a") COUNTED("'end_turn'", "{'output_tokens':9}"),
     "15/5/7/9"},
    {START(TOLD) BEGIN SAYS("a") COUNTED("'end_turn'", "{'output_tokens':9}")
         STOP,
     "15/5/7/9"},
    /* at another list of prices, which is not lost on the way */
    {START("{'input_tokens':3,'output_tokens':1,'service_tier':'priority'}")
         BEGIN SAYS("a") COUNTED("'end_turn'", "{'output_tokens':9}") STOP,
     "3/0/0/9 tier"},
};

START_TEST(messages_made_chunks)
{
    check_told("anthropic", AZL_OP_CHAT, messages[_i].in,
               messages[_i].expected);
}
END_TEST

START_TEST(messages_that_pass)
{
    check_told(NULL, AZL_OP_MESSAGES, messages[_i].in, messages[_i].expected);
}
END_TEST

static void put_framed(azl_buf_t *out, const char *json)
{
    const char *text = quoted(json);
    char *code = apr_palloc(
        azl_test_pool, (apr_size_t)apr_base64_encode_len((int)strlen(text)));

    apr_base64_encode(code, text, (int)strlen(text));
    put_event(azl_test_pool, out, "event", "chunk",
              apr_pstrcat(azl_test_pool, "{\"bytes\":\"", code, "\"}", NULL));
}

/* InvokeModel: the same events in frames. */
START_TEST(messages_in_frames)
{
    static const azl_op_e ops[] = {AZL_OP_CHAT, AZL_OP_MESSAGES};
    azl_buf_t *in = azl_buf_create(azl_test_pool, 65536);
    told_case_t c;
    int i;

    put_framed(in,
               "{'type':'message_start','message':{'id':'msg_1','usage':" TOLD
               "}}");
    put_framed(in, "{'type':'content_block_start','index':0,'content_block':"
                   "{'type':'text','text':''}}");
    put_framed(in, "{'type':'content_block_delta','index':0,'delta':{'type':"
                   "'text_delta','text':'0123456789'}}");
    for (i = 0; i < 2; ++i) {
        memset(&c, 0, sizeof(c));
        c.dialect = "anthropic";
        c.url = "https://bedrock-runtime.eu-west-1.amazonaws.com";
        c.op = ops[i];
        c.expected = "15/5/7/3 completion";
        azl_test_every_split(in->data, in->len, run_told, &c);
    }
}
END_TEST

/*
 * Others
 */

#define PARTS(text, more)                                                      \
    "data: {'candidates':[{'index':0,'content':{'parts':[{'text':'" text       \
    "'}]}}]" more "}\n\n"
#define META(counts) ",'usageMetadata':{" counts "}"

START_TEST(gemini_counts_on)
{
    check_told("gemini", AZL_OP_CHAT,
               PARTS("abc", META("'promptTokenCount':10,"
                                 "'cachedContentTokenCount':4,"
                                 "'candidatesTokenCount':2,"
                                 "'thoughtsTokenCount':30"))
                   PARTS("def", META("'promptTokenCount':10,"
                                     "'cachedContentTokenCount':4,"
                                     "'candidatesTokenCount':5,"
                                     "'thoughtsTokenCount':30")),
               "10/4/0/35");
    /* the last two say nothing of it */
    check_told("gemini", AZL_OP_CHAT,
               PARTS("abc", META("'promptTokenCount':10,"
                                 "'candidatesTokenCount':2"))
                   PARTS("01234567", "") PARTS("0123", ""),
               "10/0/0/5 completion");
    /* at first there is only the prompt's */
    check_told("gemini", AZL_OP_CHAT,
               PARTS("01234567", META("'promptTokenCount':10"))
                   PARTS("0123", ""),
               "10/0/0/3 completion");
    check_told("gemini", AZL_OP_CHAT,
               PARTS("01234567", META("'trafficType':'ON_DEMAND_PRIORITY',"
                                      "'promptTokenCount':10,"
                                      "'candidatesTokenCount':2")),
               "10/0/0/2 tier");
    check_told("gemini", AZL_OP_CHAT, PARTS("01234567", ""), "1000/0/0/2 all");
}
END_TEST

#define PIECE(text, more)                                                      \
    "data: {'id':'c','choices':[{'index':0,'delta':{'content':'" text          \
    "'},'finish_reason':null}]" more "}\n\n"
#define COST(completion)                                                       \
    ",'usage':{'prompt_tokens':12,'completion_tokens':" #completion "}"

START_TEST(databricks_counts_on)
{
    check_told("databricks", AZL_OP_CHAT,
               PIECE("abc", COST(1)) PIECE("def", COST(4)), "12/0/0/4");
    check_told("databricks", AZL_OP_CHAT,
               PIECE("abc", COST(1)) PIECE("01234567", ""),
               "12/0/0/3 completion");
    check_told("databricks", AZL_OP_CHAT, PIECE("01234567", ""),
               "1000/0/0/2 all");
}
END_TEST

/* Chunks that pass as they are, of upstreams that count on (vLLM). */
START_TEST(chunks_that_count_on)
{
    check_told(NULL, AZL_OP_CHAT, PIECE("abc", COST(1)) PIECE("def", COST(4)),
               "12/0/0/4");
    check_told(NULL, AZL_OP_CHAT,
               PIECE("abc", COST(1)) PIECE("def", COST(4)) PIECE("01234567", "")
                   PIECE("0123", ""),
               "12/0/0/7 completion");
    check_told(NULL, AZL_OP_CHAT, PIECE("01234567", ""), "1000/0/0/2 all");
    check_told(NULL, AZL_OP_CHAT, CHUNK(DELTA(ROLE)), "");
}
END_TEST

/* Converse counts at the end only. */
START_TEST(converse_counts_at_the_end)
{
    azl_buf_t *in = azl_buf_create(azl_test_pool, 65536);
    told_case_t c;

    memset(&c, 0, sizeof(c));
    c.dialect = "bedrock";
    c.op = AZL_OP_CHAT;
    put_event(azl_test_pool, in, "event", "contentBlockDelta",
              quoted("{'contentBlockIndex':0,'delta':{'text':'01234567'}}"));
    c.expected = "1000/0/0/2 all";
    azl_test_every_split(in->data, in->len, run_told, &c);
    put_event(azl_test_pool, in, "event", "metadata",
              quoted("{'usage':{'inputTokens':2,'outputTokens':9,"
                     "'cacheWriteInputTokens':4}}"));
    c.expected = "6/0/4/9";
    azl_test_every_split(in->data, in->len, run_told, &c);
}
END_TEST

/* Another answer that goes on has its own counts. */
START_TEST(another_begins_anew)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_reply_rules_t rules;
    azl_usage_t usage;
    azl_stream_t *st;
    azl_span_t first = quoted_span(PIECE("abc", COST(4)));
    azl_span_t second = quoted_span(PIECE("01234567", ""));

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.keep_said = 1;
    st = azl_stream_create(azl_test_pool, &rules);
    azl_stream_feed(st, first.at, first.len, out);
    azl_stream_usage(st, 1, PROMPT_TEXT, &usage);
    ck_assert_str_eq(usage_text(azl_test_pool, &usage), "12/0/0/4");
    azl_stream_resume(st);
    azl_stream_feed(st, second.at, second.len, out);
    azl_stream_usage(st, 1, PROMPT_TEXT, &usage);
    ck_assert_str_eq(usage_text(azl_test_pool, &usage), "1000/0/0/2 all");
}
END_TEST

TCase *azl_test_stream_told(void)
{
    TCase *tc = azl_test_tcase("stream_told");

    tcase_add_loop_test(tc, messages_made_chunks, 0,
                        sizeof(messages) / sizeof(messages[0]));
    tcase_add_loop_test(tc, messages_that_pass, 0,
                        sizeof(messages) / sizeof(messages[0]));
    tcase_add_test(tc, messages_in_frames);
    tcase_add_test(tc, gemini_counts_on);
    tcase_add_test(tc, databricks_counts_on);
    tcase_add_test(tc, chunks_that_count_on);
    tcase_add_test(tc, converse_counts_at_the_end);
    tcase_add_test(tc, another_begins_anew);
    return tc;
}
