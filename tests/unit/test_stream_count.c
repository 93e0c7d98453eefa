/* What is counted of a stream while it passes, and when it is whole. */
#include "stream_fixture.h"

typedef struct count_case_t {
    azl_reply_rules_t rules;
    int bytes;
    int deltas;
    int whole; /* before the upstream has ended it */
} count_case_t;

static void run_count(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                      int npieces)
{
    const count_case_t *c = baton;
    azl_stream_t *st = azl_stream_create(p, &c->rules);
    azl_buf_t *out = azl_buf_create(p, 1024 * 1024);
    const azl_stream_state_t *state = azl_stream_state(st);
    int i;

    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq((int)state->text_bytes, c->bytes);
    ck_assert_int_eq((int)state->deltas, c->deltas);
    ck_assert_int_eq(azl_stream_is_whole(st), c->whole);
}

static void check_count(azl_op_e op, const char *in, int bytes, int deltas)
{
    const char *text = quoted(in);
    count_case_t c;

    memset(&c, 0, sizeof(c));
    c.rules.op = op;
    c.rules.alias_json = "\"alias\"";
    c.bytes = bytes;
    c.deltas = deltas;
    azl_test_every_split(text, strlen(text), run_count, &c);
}

#define TEXT(what) CHUNK(DELTA("{'content':'" what "'}"))

/* The third and the fourth are like the second: they are compared, not read. */
START_TEST(text)
{
    check_count(AZL_OP_CHAT, CHUNK(DELTA(ROLE)), 0, 0);
    check_count(AZL_OP_CHAT,
                CHUNK(DELTA(ROLE)) TEXT("one") TEXT("two") TEXT("three")
                    TEXT("\\n"),
                13, 4);
    check_count(AZL_OP_CHAT, TEXT("one") CHUNK(TWO(0, "abc") "," TWO(1, "de")),
                8, 3);
}
END_TEST

START_TEST(what_is_no_text)
{
    check_count(AZL_OP_CHAT,
                CHUNK(DELTA("{'refusal':'no'}"))
                    CHUNK(DELTA("{'reasoning_content':'hm m'}")),
                6, 2);
    /* all texts of a call: id, type, name and arguments */
    check_count(
        AZL_OP_CHAT,
        CHUNK(DELTA("{'tool_calls':[{'index':0,'id':'c','type':'function',"
                    "'function':{'name':'f','arguments':''}}]}"))
            CHUNK(DELTA("{'tool_calls':[{'index':0,"
                        "'function':{'arguments':'{\\'a\\''}}]}")),
        10 + 6, 2);
}
END_TEST

START_TEST(other_surfaces)
{
    check_count(AZL_OP_COMPLETIONS,
                "data: {'id':'c1','choices':[{'index':0,'text':'abc'}]}\n\n"
                "data: {'id':'c1','choices':[{'index':0,'text':''}]}\n\n",
                3, 1);
    check_count(AZL_OP_RESPONSES,
                "data: {'type':'response.output_text.delta','delta':'abc',"
                "'obfuscation':'xyz'}\n\n"
                "data: {'type':'response.output_text.delta','delta':''}\n\n"
                "data: {'type':'response.output_text.done','text':'abc'}\n\n",
                3, 1);
}
END_TEST

static void check_whole(int choices, const char *in, int whole)
{
    const char *text = quoted(in);
    count_case_t c;

    memset(&c, 0, sizeof(c));
    c.rules.op = AZL_OP_CHAT;
    c.rules.alias_json = "\"alias\"";
    c.rules.choices = choices;
    c.whole = whole;
    c.bytes = 2;
    c.deltas = 1;
    azl_test_every_split(text, strlen(text), run_count, &c);
}

START_TEST(whole)
{
    check_whole(1, TEXT("ab"), 0);
    check_whole(1, TEXT("ab") CHUNK(END_OF(0)), 1);
    check_whole(0, TEXT("ab") CHUNK(END_OF(0)), 1);
    check_whole(1, TEXT("ab") CHUNK(END_OF(0)) DONE, 1);
    check_whole(2, TEXT("ab") CHUNK(END_OF(0)), 0);
    check_whole(2, TEXT("ab") CHUNK(END_OF(0)) CHUNK(END_OF(1)), 1);
}
END_TEST

TCase *azl_test_stream_count(void)
{
    TCase *tc = azl_test_tcase("stream_count");

    tcase_add_test(tc, text);
    tcase_add_test(tc, what_is_no_text);
    tcase_add_test(tc, other_surfaces);
    tcase_add_test(tc, whole);
    return tc;
}
