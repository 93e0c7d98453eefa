/*
 * ConverseStream's frames as the client's stream, with every input fed in all
 * its splits.
 */
#include "azl_stream_int.h"
#include "bedrock_fixture.h"
#include "frame_fixture.h"
#include "stream_fixture.h"

/* clang-format off: tables of JSON read like JSON */

typedef struct bedrock_case_t {
    stream_case_t stream;
    const char *chat;   /* the request; NULL: a plain one */
    const char *kept;   /* by the call c1; NULL: nothing */
    int alone;          /* nobody keeps anything */
} bedrock_case_t;

static bedrock_case_t c;
static azl_buf_t *in;

static void run(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                int npieces)
{
    const bedrock_case_t *b = baton;
    const stream_case_t *sc = &b->stream;
    azl_exchange_t *ex = bedrock_in(p, "claude-3-5-sonnet");
    azl_stream_t *st = azl_stream_create(p, &sc->rules);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    const azl_stream_state_t *state = azl_stream_state(st);
    apr_status_t rv = APR_SUCCESS;
    azl_error_t err;
    int bits;
    int i;

    if (b->alone) {
        ex->keep = NULL;
    }
    ck_assert_ptr_nonnull(bedrock_asks(ex, b->chat, &err));
    azl_stream_from(st, converse_of(ex->deployment), ex);
    for (i = 0; i < npieces && rv == APR_SUCCESS; ++i) {
        rv = azl_stream_feed(st, pieces[i].at, pieces[i].len, out);
    }
    bits = azl_stream_finish(st, out) ? WHOLE : 0;
    bits |= state_bits(state);
    ck_assert_str_eq(azl_buf_pstr(out, p), sc->expected);
    ck_assert_int_eq(bits, sc->state);
    ck_assert_int_eq(state->usage.reported, sc->usage != NULL);
    ck_assert_int_eq(state->usage.other_tier, sc->other_tier);
    if (sc->usage) {
        ck_assert_str_eq(apr_psprintf(p, "%d/%d", (int)state->usage.prompt,
                             (int)state->usage.completion), sc->usage);
    }
    if (b->kept) {
        ck_assert_str_eq(apr_table_get(ex->kept, "bedrock/c1"), b->kept);
    }
    else {
        ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 0);
    }
}

static void fresh(const char *more)
{
    memset(&c, 0, sizeof(c));
    c.chat = apr_pstrcat(azl_test_pool, "{'messages':[{'role':'user','content':"
        "'Hi'}]", more, "}", NULL);
    in = azl_buf_create(azl_test_pool, 1024 * 1024);
}

static void event(const char *type, const char *payload)
{
    put_event(azl_test_pool, in, "event", type, quoted(payload));
}

static void check(const char *expected, int state)
{
    c.stream.rules.op = AZL_OP_CHAT;
    c.stream.rules.alias_json = "\"alias\"";
    c.stream.expected = quoted(expected);
    c.stream.state = state;
    azl_test_every_split(in->data, in->len, run, &c);
}

#define START event("messageStart", "{'role':'assistant','p':'abc'}")
#define BLOCK(n) "{'contentBlockIndex':" #n ","
#define SAY(n, text)                                                           \
    event("contentBlockDelta", BLOCK(n) "'delta':{'text':'" text "'},'p':'a'}")
#define THINK(n, member)                                                       \
    event("contentBlockDelta", BLOCK(n) "'delta':{'reasoningContent':{" member \
        "}}}")
#define CALL(n, id, name)                                                      \
    event("contentBlockStart", BLOCK(n) "'start':{'toolUse':{'toolUseId':'" id \
        "','name':'" name "'}}}")
#define INPUT(n, text)                                                         \
    event("contentBlockDelta", BLOCK(n) "'delta':{'toolUse':{'input':'" text   \
        "'}}}")
#define STOP(n) event("contentBlockStop", BLOCK(n) "'p':'a'}")
#define END(reason) event("messageStop", "{'stopReason':'" reason "'}")
#define METADATA(more)                                                         \
    event("metadata", "{'usage':{'inputTokens':2,'outputTokens':3,"            \
        "'cacheReadInputTokens':4},'metrics':{'latencyMs':1}" more "}")

#define HEAD                                                                   \
    "data: {'id':'chatcmpl-0123','object':'chat.completion.chunk','created':"  \
    "1700000000,'model':'alias','choices':["
#define HUB(delta)                                                             \
    HEAD "{'index':0,'delta':{" delta "},'finish_reason':null}]}\n\n"
#define HUB_END(reason)                                                        \
    HEAD "{'index':0,'delta':{},'finish_reason':'" reason "'}]}\n\n"
#define SPEAKS "'role':'assistant','content':''"
#define HUB_CALL(n, id, name)                                                  \
    HUB("'tool_calls':[{'index':" #n ",'id':'" id "','type':'function',"       \
        "'function':{'name':'" name "','arguments':''}}]")
#define HUB_INPUT(n, text)                                                     \
    HUB("'tool_calls':[{'index':" #n ",'function':{'arguments':'" text "'}}]")
#define ERROR(message, type, code)                                             \
    "data: {'error':{'message':'" message "','type':'" type                    \
    "','param':null,'code':'" code "'}}\n\n"

START_TEST(text)
{
    fresh("");
    c.stream.usage = "6/3";
    START;
    SAY(0, "Hi\\n");
    SAY(0, "");
    SAY(0, "\\u00e9");
    STOP(0);
    END("end_turn");
    METADATA("");
    check(HUB(SPEAKS) HUB("'content':'Hi\\n'") HUB("'content':'\\u00e9'")
        HUB_END("stop") DONE, ALL_WELL);
}
END_TEST

START_TEST(usage_for_the_client)
{
    fresh("");
    c.stream.usage = "6/3";
    c.stream.rules.include_usage = 1;
    c.stream.other_tier = 1;
    SAY(0, "Hi");
    END("max_tokens");
    METADATA(",'serviceTier':{'type':'flex'}");
    c.stream.rules.choices = 1;
    check(HUB("'content':'Hi','role':'assistant'") HUB_END("length")
        "data: {'id':'chatcmpl-0123','object':'chat.completion.chunk','created'"
        ":1700000000,'model':'alias','choices':[],'service_tier':'flex','usage'"
        ":{'prompt_tokens':6,'completion_tokens':3,'total_tokens':9,"
        "'prompt_tokens_details':{'cached_tokens':4,'cache_write_tokens':0},"
        "'completion_tokens_details':{'reasoning_tokens':0}}}\n\n" DONE,
        ALL_WELL);
}
END_TEST

START_TEST(calls)
{
    fresh(",'tools':[{'type':'function','function':{'name':'a.b'}}]");
    c.stream.usage = "6/3";
    START;
    SAY(0, "So");
    STOP(0);
    CALL(1, "c1", "f");
    INPUT(1, "");
    INPUT(1, "{\\'a\\'");
    INPUT(1, ":1}");
    STOP(1);
    CALL(2, "c2", "a_b_108bf50c");
    STOP(2);
    CALL(3, "", "g");
    INPUT(3, "{}");
    STOP(3);
    /* what is no call's, and what is new */
    INPUT(9, "{}");
    event("contentBlockStart", BLOCK(4) "'start':{'new':{}}}");
    event("contentBlockDelta", BLOCK(4) "'delta':{'new':{}}}");
    event("contentBlockDelta", BLOCK(4) "'x':1}");
    event("newEvent", "no JSON");
    END("tool_use");
    METADATA("");
    check(HUB(SPEAKS) HUB("'content':'So'") HUB_CALL(0, "c1", "f")
        HUB_INPUT(0, "{\\'a\\'") HUB_INPUT(0, ":1}") HUB_CALL(1, "c2", "a.b")
        HUB_INPUT(1, "{}") HUB_CALL(2, "call_0123_2", "g") HUB_INPUT(2, "{}")
        HUB_END("tool_calls") DONE, ALL_WELL);
}
END_TEST

/* Blocks may run at the same time. */
START_TEST(calls_side_by_side)
{
    fresh("");
    START;
    CALL(0, "c1", "f");
    CALL(1, "c2", "g");
    INPUT(0, "{");
    INPUT(1, "{");
    INPUT(0, "}");
    INPUT(1, "}");
    STOP(1);
    STOP(0);
    END("end_turn");
    check(HUB(SPEAKS) HUB_CALL(0, "c1", "f") HUB_CALL(1, "c2", "g")
        HUB_INPUT(0, "{") HUB_INPUT(1, "{") HUB_INPUT(0, "}")
        HUB_INPUT(1, "}") HUB_END("tool_calls") DONE, ALL_WELL);
}
END_TEST

START_TEST(json_from_a_tool)
{
    fresh(",'response_format':{'type':'json_object'}");
    START;
    CALL(0, "c1", "json_tool_call");
    INPUT(0, "{\\'a\\'");
    INPUT(0, ":1}");
    STOP(0);
    END("tool_use");
    check(HUB(SPEAKS) HUB("'content':'{\\'a\\''") HUB("'content':':1}'")
        HUB_END("stop") DONE, ALL_WELL);
}
END_TEST

START_TEST(thoughts)
{
    fresh("");
    c.kept = quoted("{'reasoningContent':{'reasoningText':{'text':'Hm \\'a\\''"
        ",'signature':'S=T='}}},{'reasoningContent':{'redactedContent':'R='}}");
    START;
    THINK(0, "'text':'Hm '");
    THINK(0, "'text':'\\'a\\''");
    THINK(0, "'signature':'S='");
    THINK(0, "'signature':'T='");
    STOP(0);
    THINK(1, "'redactedContent':'R='");
    STOP(1);
    CALL(2, "c1", "f");
    INPUT(2, "{}");
    STOP(2);
    END("tool_use");
    check(HUB(SPEAKS) HUB("'reasoning_content':'Hm '")
        HUB("'reasoning_content':'\\'a\\''") HUB_CALL(0, "c1", "f")
        HUB_INPUT(0, "{}") HUB_END("tool_calls") DONE, ALL_WELL);
}
END_TEST

START_TEST(thoughts_that_nobody_keeps)
{
    fresh("");
    c.alone = 1;
    THINK(0, "'text':'Hm'");
    THINK(0, "'signature':'S='");
    STOP(0);
    CALL(1, "c1", "f");
    INPUT(1, "{}");
    END("tool_use");
    check(HUB("'reasoning_content':'Hm','role':'assistant'")
        HUB_CALL(0, "c1", "f") HUB_INPUT(0, "{}") HUB_END("tool_calls") DONE,
        ALL_WELL);
}
END_TEST

/* Larger than what is kept of it: nothing is, and the stream goes on. */
START_TEST(thoughts_without_end)
{
    char *long_text = azl_test_repeat("x", 40000);
    azl_exchange_t *ex = bedrock_in(azl_test_pool, "claude");
    azl_buf_t *out = azl_buf_create(azl_test_pool, 1024 * 1024);
    const azl_outbound_t *converse = converse_of(ex->deployment);
    azl_error_t err;
    void *d;
    int i;

    fresh("");
    ck_assert_ptr_nonnull(bedrock_asks(ex, c.chat, &err));
    d = converse->decoder(ex);
    for (i = 0; i < 2; ++i) {
        event("contentBlockDelta", apr_pstrcat(azl_test_pool,
            BLOCK(0) "'delta':{'reasoningContent':{'text':'", long_text,
            "'}}}", NULL));
    }
    THINK(0, "'signature':'S='");
    STOP(0);
    CALL(1, "c1", "f");
    END("tool_use");
    ck_assert_int_eq(converse->bytes(d, in->data, in->len, out), APR_SUCCESS);
    ck_assert_int_eq(apr_table_elts(ex->kept)->nelts, 0);
}
END_TEST

static const struct {
    const char *type;
    const char *message;
    const char *error;
} exceptions[] = {
    {"throttlingException", "Slow",
        ERROR("Slow", "rate_limit_error", "rate_limit_exceeded")},
    {"internalServerException", "Oh",
        ERROR("Oh", "server_error", "internal_error")},
    {"serviceUnavailableException", "Oh",
        ERROR("Oh", "server_error", "service_unavailable")},
    {"modelStreamErrorException", "Oh",
        ERROR("Oh", "server_error", "bad_gateway")},
    {"validationException", "Bad",
        ERROR("Bad", "invalid_request_error", "bad_request")},
    {"validationException", "Input is too long for requested model.",
        ERROR("Input is too long for requested model.",
            "invalid_request_error", "context_length_exceeded")},
    {"newException", "New", ERROR("New", "server_error", "internal_error")},
};

START_TEST(exceptions_after_content)
{
    fresh("");
    START;
    SAY(0, "Hi");
    put_event(azl_test_pool, in, "exception", exceptions[_i].type,
        quoted(apr_pstrcat(azl_test_pool, "{'message':'",
            exceptions[_i].message, "'}", NULL)));
    SAY(0, "not any more");
    check(apr_pstrcat(azl_test_pool, HUB(SPEAKS) HUB("'content':'Hi'"),
        exceptions[_i].error, NULL), CONTENT | CLOSED | FAILED);
}
END_TEST

/* Nothing was said: another attempt can be made. */
START_TEST(an_exception_before_content)
{
    fresh("");
    START;
    put_event(azl_test_pool, in, "exception", "throttlingException", "{}");
    check(HUB(SPEAKS), FAILED);
}
END_TEST

START_TEST(an_error_without_payload)
{
    azl_buf_t *headers = azl_buf_create(azl_test_pool, 1024);

    fresh("");
    put_header(headers, ":message-type", "error");
    put_header(headers, ":error-code", "InternalServerException");
    put_frame(in, azl_span(headers->data, headers->len), azl_span("", 0));
    check("", FAILED);
}
END_TEST

START_TEST(cut_off)
{
    fresh("");
    START;
    SAY(0, "Hi");
    check(HUB(SPEAKS) HUB("'content':'Hi'") CUT, CONTENT | CLOSED);
    /* in the middle of a frame */
    END("end_turn");
    in->len -= 1;
    check(HUB(SPEAKS) HUB("'content':'Hi'") CUT, CONTENT | CLOSED);
}
END_TEST

/* What the last event would have told is not needed for a whole answer. */
START_TEST(without_metadata)
{
    fresh("");
    START;
    SAY(0, "Hi");
    END("end_turn");
    check(HUB(SPEAKS) HUB("'content':'Hi'") HUB_END("stop") DONE, ALL_WELL);
}
END_TEST

START_TEST(damaged)
{
    fresh("");
    START;
    SAY(0, "Hi");
    SAY(0, "!");
    in->data[in->len - 1] ^= 1;
    check(HUB(SPEAKS) HUB("'content':'Hi'") CUT, CONTENT | CLOSED);
    fresh("");
    SAY(0, "Hi");
    event("contentBlockDelta", "no JSON");
    check(HUB("'content':'Hi','role':'assistant'") CUT, CONTENT | CLOSED);
}
END_TEST

START_TEST(what_is_after_the_end)
{
    fresh("");
    c.stream.usage = "6/3";
    SAY(0, "Hi");
    END("end_turn");
    METADATA("");
    SAY(0, "more");
    put_event(azl_test_pool, in, "exception", "throttlingException", "{}");
    check(HUB("'content':'Hi','role':'assistant'") HUB_END("stop") DONE,
        ALL_WELL);
}
END_TEST

/* clang-format on */

TCase *azl_test_bedrock_stream(void)
{
    TCase *tc = azl_test_tcase("bedrock_stream");

    tcase_add_test(tc, text);
    tcase_add_test(tc, usage_for_the_client);
    tcase_add_test(tc, calls);
    tcase_add_test(tc, calls_side_by_side);
    tcase_add_test(tc, json_from_a_tool);
    tcase_add_test(tc, thoughts);
    tcase_add_test(tc, thoughts_that_nobody_keeps);
    tcase_add_test(tc, thoughts_without_end);
    tcase_add_loop_test(tc, exceptions_after_content, 0,
                        (int)(sizeof(exceptions) / sizeof(exceptions[0])));
    tcase_add_test(tc, an_exception_before_content);
    tcase_add_test(tc, an_error_without_payload);
    tcase_add_test(tc, cut_off);
    tcase_add_test(tc, without_metadata);
    tcase_add_test(tc, damaged);
    tcase_add_test(tc, what_is_after_the_end);
    return tc;
}
