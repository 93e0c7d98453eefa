/*
 * Upstreams that call tools without end, in one answer: something is kept of
 * each call, so there is an end to them.
 */
#include "azl_messages_int.h"
#include "frame_fixture.h"
#include "stream_fixture.h"
#include "translation_fixture.h"

#define OUT_MAX (64 * 1024 * 1024)

/* A stream of an upstream with this dialect, for a client of `inbound` (NULL:
 * of the hub). */
static azl_stream_t *stream_of(const char *dialect,
                               const azl_inbound_t *inbound)
{
    static azl_reply_rules_t rules;
    azl_buf_t *asked = azl_buf_create(azl_test_pool, 1024 * 1024);
    azl_deployment_t *d = NULL;
    const azl_outbound_t *outbound;
    azl_exchange_t *ex;
    azl_stream_t *st;
    azl_error_t err;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.include_usage = inbound != NULL;
    st = azl_stream_create(azl_test_pool, &rules);
    if (dialect) {
        d = deployment_at(dialect, "https://h", NULL, "up");
    }
    ex = exchange_with(d, "claude-sonnet-4-5",
                       "{'messages':[{'role':'user','content':'Hi'}]}");
    if (dialect) {
        outbound = d->endpoint->dialect->outbound(d, AZL_OP_CHAT);
        ck_assert_int_eq(outbound->request(ex, asked, &err), 1);
        azl_stream_from(st, outbound, ex);
    }
    if (inbound) {
        azl_stream_to(st, inbound, ex);
    }
    return st;
}

/* A call in a chunk of chat; `index`: what it says of its number. */
static void put_chunk(azl_buf_t *in, const char *index, int n, const char *name)
{
    azl_buf_puts(in,
                 quoted(apr_psprintf(
                     azl_test_pool,
                     "data: {'id':'c','choices':[{'index':0,'delta':{"
                     "'tool_calls':[{%s'id':'i%d','function':{'name':"
                     "'%s','arguments':'{}'}}]},'finish_reason':null}]}\n\n",
                     index, n, name)));
}

/* Call number `n` of a tool with this name, as the upstream writes it. */
static void put_call(azl_buf_t *in, const char *dialect, int n,
                     const char *name)
{
    const char *text;

    if (!dialect || strcmp(dialect, "databricks") == 0) {
        put_chunk(in, apr_psprintf(azl_test_pool, "'index':%d,", n), n, name);
    }
    else if (strcmp(dialect, "anthropic") == 0) {
        azl_buf_puts(
            in, quoted(apr_psprintf(
                    azl_test_pool,
                    "data: {'type':'content_block_start','index':%d,"
                    "'content_block':{'type':'tool_use','id':'i%d','name':'%s',"
                    "'input':{}}}\n\ndata: {'type':'content_block_stop',"
                    "'index':%d}\n\n",
                    n, n, name, n)));
    }
    else {
        text = quoted(apr_psprintf(azl_test_pool,
                                   "{'contentBlockIndex':%d,'start':{'toolUse':"
                                   "{'toolUseId':'i%d','name':'%s'}}}",
                                   n, n, name));
        put_event(azl_test_pool, in, "event", "contentBlockStart", text);
    }
}

static int count_of(const azl_buf_t *out, const char *what)
{
    const char *at = azl_buf_pstr(out, azl_test_pool);
    int n = 0;

    while ((at = strstr(at, what))) {
        ++n;
        ++at;
    }
    return n;
}

static const char *const dialects[] = {"anthropic", "databricks", "bedrock"};

START_TEST(calls_have_an_end)
{
    const char *dialect = dialects[_i];
    azl_stream_t *st = stream_of(dialect, NULL);
    const azl_stream_state_t *state = azl_stream_state(st);
    azl_buf_t *in = azl_buf_create(azl_test_pool, OUT_MAX);
    azl_buf_t *out = azl_buf_create(azl_test_pool, OUT_MAX);
    int i;

    for (i = 0; i < AZL_HUB_CALLS_MAX; ++i) {
        put_call(in, dialect, i, "f");
    }
    ck_assert_int_eq(azl_stream_feed(st, in->data, in->len, out), APR_SUCCESS);
    ck_assert_int_eq(count_of(out, "\"name\":\"f\""), AZL_HUB_CALLS_MAX);
    ck_assert_int_eq(state->failed, 0);
    azl_buf_clear(in);
    for (; i < AZL_HUB_CALLS_MAX + 9; ++i) {
        put_call(in, dialect, i, "f");
    }
    ck_assert_int_eq(azl_stream_feed(st, in->data, in->len, out), APR_SUCCESS);
    ck_assert_int_eq(count_of(out, "\"name\":\"f\""), AZL_HUB_CALLS_MAX);
    ck_assert_int_eq(count_of(out, "\"error\":"), 1);
    ck_assert_int_eq(state->failed, 1);
    ck_assert_int_eq(state->closed, 1);
    ck_assert_int_eq(state->error.status, 502);
    ck_assert_int_eq(azl_stream_finish(st, out), 0);
    ck_assert_int_eq(count_of(out, "[DONE]"), 0);
}
END_TEST

/* The same of servers that resemble OpenAI's, for clients of all surfaces:
 * calls with a number each, with none, and with the same. */
START_TEST(calls_in_chunks_have_an_end)
{
    static const char *const indexes[] = {NULL, "", "'index':0,"};
    static const azl_op_e ops[] = {AZL_OP_CHAT, AZL_OP_MESSAGES,
                                   AZL_OP_RESPONSES};
    static const char *const ends[] = {"data: {\"error\":", "event: error\n",
                                       "\"type\":\"response.failed\""};
    const char *index = indexes[_i / 3];
    azl_stream_t *st =
        stream_of(NULL, _i % 3 ? azl_inbound_of(ops[_i % 3]) : NULL);
    const azl_stream_state_t *state = azl_stream_state(st);
    azl_buf_t *in = azl_buf_create(azl_test_pool, OUT_MAX);
    azl_buf_t *out = azl_buf_create(azl_test_pool, OUT_MAX);
    int i;

    for (i = 0; i <= AZL_HUB_CALLS_MAX; ++i) {
        ck_assert_int_eq(state->failed, 0);
        azl_buf_clear(in);
        if (index) {
            put_chunk(in, index, i, "f");
        }
        else {
            put_call(in, NULL, i, "f");
        }
        ck_assert_int_eq(azl_stream_feed(st, in->data, in->len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(state->failed, 1);
    ck_assert_int_eq(state->closed, 1);
    ck_assert_int_eq(state->error.status, 502);
    ck_assert_str_eq(state->error.code, "too_many_tool_calls");
    azl_buf_puts(in, quoted("data: {'id':'c','choices':[{'index':0,'delta':{},"
                            "'finish_reason':'tool_calls'}]}\n\n" DONE));
    ck_assert_int_eq(azl_stream_feed(st, in->data, in->len, out), APR_SUCCESS);
    ck_assert_int_eq(azl_stream_finish(st, out), 0);
    ck_assert_int_eq(count_of(out, ends[_i % 3]), 1);
    ck_assert_int_eq(count_of(out, "i128"), 0);
    ck_assert_int_eq(count_of(out, "[DONE]"), 0);
    ck_assert_int_eq(count_of(out, "message_stop"), 0);
    ck_assert_int_eq(count_of(out, "response.completed"), 0);
}
END_TEST

/* Each of them has a name of 64 KB. */
START_TEST(names_have_an_end)
{
    const char *dialect = dialects[_i];
    azl_stream_t *st = stream_of(dialect, NULL);
    azl_buf_t *in = azl_buf_create(azl_test_pool, OUT_MAX);
    azl_buf_t *out = azl_buf_create(azl_test_pool, OUT_MAX);
    char *name = apr_palloc(azl_test_pool, 65537);
    int i;

    memset(name, 'n', 65536);
    name[65536] = '\0';
    for (i = 0; i < 20; ++i) {
        put_call(in, dialect, i, name);
    }
    ck_assert_int_eq(azl_stream_feed(st, in->data, in->len, out), APR_SUCCESS);
    ck_assert_int_eq(count_of(out, "\"name\":\"n"), 15);
    ck_assert_int_eq(azl_stream_state(st)->error.status, 502);
    ck_assert_int_eq(count_of(out, "\"error\":"), 1);
}
END_TEST

/* What waits for its turn in a stream of the Messages API. */
static void check_waiting(int calls, apr_size_t name, apr_size_t text)
{
    azl_stream_t *st = stream_of(NULL, azl_inbound_of(AZL_OP_MESSAGES));
    azl_buf_t *in = azl_buf_create(azl_test_pool, OUT_MAX);
    azl_buf_t *out = azl_buf_create(azl_test_pool, OUT_MAX);
    char *long_name = apr_palloc(azl_test_pool, name + 1);
    char *words = apr_palloc(azl_test_pool, text + 1);
    const char *chunk;
    apr_status_t rv = APR_SUCCESS;
    int i;

    memset(long_name, 'n', name);
    long_name[name] = '\0';
    memset(words, 'w', text);
    words[text] = '\0';
    for (i = 0; i < calls && rv == APR_SUCCESS; ++i) {
        azl_buf_clear(in);
        put_call(in, NULL, i, long_name);
        rv = azl_stream_feed(st, in->data, in->len, out);
    }
    chunk = quoted(apr_psprintf(azl_test_pool,
                                "data: {'id':'c','choices':[{'index':0,'delta':"
                                "{'content':'%s'},'finish_reason':null}]}\n\n",
                                words));
    for (i = 0; i < 3 && rv == APR_SUCCESS; ++i) {
        rv = azl_stream_feed(st, chunk, strlen(chunk), out);
    }
    ck_assert_int_eq(rv, APR_ENOSPC);
    ck_assert_int_eq(azl_stream_finish(st, out), 0);
    ck_assert_int_eq(count_of(out, "event: error\ndata: {\"type\":\"error\""),
                     1);
    ck_assert_int_eq(count_of(out, "message_stop"), 0);
}

START_TEST(what_waits_has_an_end)
{
    check_waiting(1, 1, 6 * 1024 * 1024);
    check_waiting(20, 1024 * 1024, 1);
}
END_TEST

TCase *azl_test_stream_calls(void)
{
    TCase *tc = azl_test_tcase("stream_calls");

    tcase_add_loop_test(tc, calls_have_an_end, 0,
                        sizeof(dialects) / sizeof(dialects[0]));
    tcase_add_loop_test(tc, calls_in_chunks_have_an_end, 0, 9);
    tcase_add_loop_test(tc, names_have_an_end, 0,
                        sizeof(dialects) / sizeof(dialects[0]));
    tcase_add_test(tc, what_waits_has_an_end);
    return tc;
}
