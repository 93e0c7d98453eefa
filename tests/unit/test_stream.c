/* What all streams have in common, and those whose events pass as they are. */
#include "stream_fixture.h"

/* clang-format off: streams of macros and strings read like streams */

static stream_case_t c;

static void setup(azl_op_e op)
{
    memset(&c, 0, sizeof(c));
    c.rules.op = op;
    c.rules.alias_json = "\"alias\"";
}

START_TEST(images)
{
    setup(AZL_OP_IMAGES_GENERATIONS);
    c.rules.choices = 1; /* it has none */
    c.usage = "5/9";
    check_stream(&c,
        "event: image_generation.partial_image\ndata: "
        "{'type':'image_generation.partial_image','b64_json':'AAA=',"
        "'usage':null}\n\n"
        "event: image_generation.completed\ndata: "
        "{'type':'image_generation.completed','model':'up',"
        "'usage':{'input_tokens':5,'output_tokens':9}}\n\n",
        "event: image_generation.partial_image\ndata: "
        "{'type':'image_generation.partial_image','b64_json':'AAA=',"
        "'usage':null}\n\n"
        "event: image_generation.completed\ndata: "
        "{'type':'image_generation.completed','model':'up',"
        "'usage':{'input_tokens':5,'output_tokens':9}}\n\n",
        ALL_WELL);
}
END_TEST

START_TEST(transcripts_and_speech)
{
    setup(AZL_OP_AUDIO_TRANSCRIPTIONS);
    check_stream(&c,
        "data: {'type':'transcript.text.delta','delta':'a'}\n\n"
        ": alive\n\n"
        "data: {'type':'transcript.text.done','text':\ndata:'a'}\n\n",
        "data: {'type':'transcript.text.delta','delta':'a'}\n\n"
        ":\n\n"
        "data: {'type':'transcript.text.done','text': 'a'}\n\n",
        ALL_WELL);
    setup(AZL_OP_AUDIO_SPEECH);
    c.malformed = 1;
    check_stream(&c,
        "data: {'type':'speech.audio.delta','audio':'AA'}\n\n"
        "data: nonsense\n\n"
        "event: speech.audio.done\ndata: {}\n\n",
        "data: {'type':'speech.audio.delta','audio':'AA'}\n\n"
        "event: speech.audio.done\ndata: {}\n\n",
        ALL_WELL);
}
END_TEST

START_TEST(ends_of_events_that_are_not_known)
{
    setup(AZL_OP_AUDIO_TRANSCRIPTIONS);
    /* a [DONE] that comes is an end, one that does not is not made up */
    check_stream(&c,
        "data: {'text':'a'}\n\n"
        DONE "data: {}\n\n",
        "data: {'text':'a'}\n\n"
        DONE,
        ALL_WELL);
    check_stream(&c, DONE, CUT, CLOSED);
    check_stream(&c,
        "data: {'text':'a'}\n\n",
        "data: {'text':'a'}\n\n"
        CUT,
        CONTENT | CLOSED);
}
END_TEST

START_TEST(errors_among_events)
{
    static const char *const errors[] = {
        "data: {'type':'error','message':'m'}\n\n",
        "data: {'error':{'message':'m'}}\n\n",
        "event: error\ndata: {'message':'m'}\n\n"};
    apr_size_t i;

    setup(AZL_OP_IMAGES_EDITS);
    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); ++i) {
        check_stream(&c, errors[i], "", FAILED);
        check_stream(&c,
            apr_pstrcat(azl_test_pool,
                "data: {'error':null}\n\n",
                errors[i],
                "data: {'type':'x.done'}\n\n",
                NULL),
            "data: {'error':null}\n\n"
            "data: {'error':{'message':'m','type':'server_error',"
            "'param':null,'code':'internal_error'}}\n\n",
            CONTENT | CLOSED | FAILED);
    }
}
END_TEST

#define CHAT_CHUNK                                                             \
    "data: {'id':'c','choices':[{'index':0,'delta':{'content':'x'}}]}\n\n"

/* The answer of a call that feeds `in`. */
static apr_status_t feed(azl_stream_t *st, const char *in, azl_buf_t *out)
{
    const char *text = quoted(in);

    return azl_stream_feed(st, text, strlen(text), out);
}

START_TEST(ended_by_us)
{
    static const azl_op_e ops[] = {AZL_OP_CHAT, AZL_OP_COMPLETIONS,
                                   AZL_OP_IMAGES_EDITS};
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_error_t err;
    apr_size_t i;

    azl_error_set(&err, 504, AZL_CLASS_TIMEOUT, "server_error", "slow",
                  "Too \"slow\".");
    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        azl_stream_t *st;

        setup(ops[i]);
        st = azl_stream_create(azl_test_pool, &c.rules);
        feed(st, CHAT_CHUNK, out);
        azl_buf_clear(out);
        azl_stream_abort(st, &err, out);
        ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                         quoted("data: {'error':{'message':'Too \\'slow\\'.',"
                                "'type':'server_error','param':null,'code':"
                                "'slow'}}\n\n"));
        ck_assert(azl_stream_state(st)->closed);
        /* once is enough, and nothing follows */
        azl_buf_clear(out);
        azl_stream_abort(st, &err, out);
        ck_assert_int_eq(feed(st, CHAT_CHUNK DONE, out), APR_SUCCESS);
        ck_assert_int_eq(azl_stream_finish(st, out), 0);
        ck_assert_int_eq((int)out->len, 0);
    }
}
END_TEST

START_TEST(failed_before_content_can_still_be_told)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_stream_t *st;

    setup(AZL_OP_CHAT);
    st = azl_stream_create(azl_test_pool, &c.rules);
    feed(st, "data: {'error':{'message':'m'}}\n\n", out);
    ck_assert_int_eq(azl_stream_finish(st, out), 0);
    ck_assert_int_eq((int)out->len, 0);
    azl_stream_abort(st, &azl_stream_state(st)->error, out);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted("data: {'error':{'message':'m','type':"
                            "'server_error','param':null,'code':"
                            "'internal_error'}}\n\n"));
}
END_TEST

START_TEST(finished_twice)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    azl_stream_t *st;

    setup(AZL_OP_CHAT);
    st = azl_stream_create(azl_test_pool, &c.rules);
    feed(st,
         "data: {'choices':[{'index':0,'delta':{'content':'x'},"
         "'finish_reason':'stop'}]}\n\n",
         out);
    azl_buf_clear(out);
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), DONE);
    azl_buf_clear(out);
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_int_eq((int)out->len, 0);
}
END_TEST

START_TEST(choices_that_never_come)
{
    setup(AZL_OP_CHAT);
    c.rules.choices = 2;
    check_stream(&c,
        CHUNK(TWO_ROLE(0)) CHUNK(TWO(0, "a")) CHUNK(END_OF(0)),
        SENT(TWO_ROLE(0)) SENT(TWO(0, "a")) SENT(END_OF(0)) CUT,
        CONTENT | CLOSED);
    /* also if usage that was kept back was to follow */
    c.rules.include_usage = 1;
    c.usage = "3/2";
    check_stream(&c,
        CHUNK(TWO_ROLE(0))
        "data: {" NAMES "'model':'up','choices':[" END_OF(0) "],'usage':"
        "{'prompt_tokens':3,'completion_tokens':2}}\n\n",
        SENT(TWO_ROLE(0))
        "data: {" NAMES "'model':'alias','choices':[" END_OF(0)
        "],'usage':null}\n\n" CUT,
        CONTENT | CLOSED);
    /* all of them */
    setup(AZL_OP_CHAT);
    c.rules.choices = 2;
    check_stream(&c,
        CHUNK(TWO(1, "b")) CHUNK(END_OF(1)) CHUNK(TWO(0, "a")) CHUNK(END_OF(0)),
        SENT("{'index':1,'delta':{'content':'b','role':'assistant'},"
             "'finish_reason':null}")
        SENT(END_OF(1))
        SENT("{'index':0,'delta':{'content':'a','role':'assistant'},"
             "'finish_reason':null}")
        SENT(END_OF(0)) DONE,
        ALL_WELL);
    /* the upstream's own end is one: it may not know n */
    check_stream(&c,
        CHUNK(TWO_ROLE(0)) CHUNK(END_OF(0)) DONE,
        SENT(TWO_ROLE(0)) SENT(END_OF(0)) DONE,
        ALL_WELL);
    check_stream(&c,
        CHUNK(TWO_ROLE(0)) CHUNK(END_OF(0)) "data: [DONE]\n",
        SENT(TWO_ROLE(0)) SENT(END_OF(0)) DONE,
        ALL_WELL);
    /* more than were asked for */
    c.rules.choices = 1;
    check_stream(&c,
        CHUNK(TWO_ROLE(0) "," TWO_ROLE(1)) CHUNK(END_OF(0)) CHUNK(END_OF(1)),
        SENT(TWO_ROLE(0) "," TWO_ROLE(1)) SENT(END_OF(0)) SENT(END_OF(1)) DONE,
        ALL_WELL);
    /* nobody knows how many */
    c.rules.choices = 0;
    check_stream(&c,
        CHUNK(TWO_ROLE(0)) CHUNK(END_OF(0)),
        SENT(TWO_ROLE(0)) SENT(END_OF(0)) DONE,
        ALL_WELL);
}
END_TEST

START_TEST(completions_of_several_prompts)
{
#define TEXT_OF(model, index, finish)                                          \
    "data: {'id':'c1','object':'text_completion','created':5,'model':'" model  \
    "','choices':[{'text':'a','index':" #index ",'finish_reason':" finish      \
    "}]}\n\n"
    setup(AZL_OP_COMPLETIONS);
    c.rules.choices = 2;
    check_stream(&c,
        TEXT_OF("up", 0, "'stop'"),
        TEXT_OF("alias", 0, "'stop'") CUT,
        CONTENT | CLOSED);
    check_stream(&c,
        TEXT_OF("up", 0, "'stop'") TEXT_OF("up", 1, "'stop'"),
        TEXT_OF("alias", 0, "'stop'") TEXT_OF("alias", 1, "'stop'") DONE,
        ALL_WELL);
}
END_TEST

START_TEST(no_half_events_when_there_is_no_room)
{
    const char *chunk = quoted(CHAT_CHUNK);
    apr_size_t room;

    setup(AZL_OP_CHAT);
    for (room = 1; room < 250; ++room) {
        azl_buf_t *out = azl_buf_create(azl_test_pool, room);
        azl_stream_t *st = azl_stream_create(azl_test_pool, &c.rules);
        apr_status_t rv = APR_SUCCESS;
        int events = 0;

        while (rv == APR_SUCCESS) {
            rv = azl_stream_feed(st, chunk, strlen(chunk), out);
            events += rv == APR_SUCCESS;
        }
        ck_assert_int_eq(rv, APR_ENOSPC);
        ck_assert(events == 0
                      ? out->len == 0
                      : memcmp(out->data + out->len - 2, "\n\n", 2) == 0);
        /* it stays refused, and does not end well */
        azl_buf_clear(out);
        ck_assert_int_eq(feed(st, CHAT_CHUNK, out), APR_ENOSPC);
        ck_assert_int_eq(azl_stream_finish(st, out), 0);
        ck_assert_int_eq(azl_stream_state(st)->finished, 0);
        azl_buf_free(out);
    }
}
END_TEST

START_TEST(events_that_are_too_long)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);
    const char *piece = azl_test_repeat("x", 1024 * 1024);
    azl_stream_t *st;
    apr_status_t rv;
    int i;

    setup(AZL_OP_CHAT);
    st = azl_stream_create(azl_test_pool, &c.rules);
    rv = feed(st, CHAT_CHUNK "data: {'x':'", out);
    for (i = 0; i < 17 && rv == APR_SUCCESS; ++i) {
        rv = azl_stream_feed(st, piece, 1024 * 1024, out);
    }
    ck_assert_int_eq(rv, APR_ENOSPC);
    ck_assert_int_eq(i, 16);
    azl_buf_clear(out);
    ck_assert_int_eq(azl_stream_finish(st, out), 0);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool), quoted(CUT));
}
END_TEST

START_TEST(long_lines)
{
    const char *text = azl_test_repeat("0123456789abcdef", 65536);
    const char *in = quoted(apr_pstrcat(
        azl_test_pool,
        "data: {'model':'up','choices':[{'index':0,'delta':{'content':'", text,
        "'},'finish_reason':'stop'}]}\n\n", NULL));
    azl_buf_t *out = azl_buf_create(azl_test_pool, 4 * 1024 * 1024);
    apr_size_t len = strlen(in);
    apr_size_t at = 0;
    azl_stream_t *st;

    setup(AZL_OP_CHAT);
    st = azl_stream_create(azl_test_pool, &c.rules);
    while (at < len) {
        apr_size_t piece = len - at < 1000 ? len - at : 1000;

        ck_assert_int_eq(azl_stream_feed(st, in + at, piece, out), APR_SUCCESS);
        at += piece;
    }
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_ptr_nonnull(strstr(azl_buf_pstr(out, azl_test_pool), text));
}
END_TEST

TCase *azl_test_stream(void)
{
    TCase *tc = azl_test_tcase("stream");

    tcase_add_test(tc, images);
    tcase_add_test(tc, transcripts_and_speech);
    tcase_add_test(tc, ends_of_events_that_are_not_known);
    tcase_add_test(tc, errors_among_events);
    tcase_add_test(tc, ended_by_us);
    tcase_add_test(tc, failed_before_content_can_still_be_told);
    tcase_add_test(tc, finished_twice);
    tcase_add_test(tc, choices_that_never_come);
    tcase_add_test(tc, completions_of_several_prompts);
    tcase_add_test(tc, no_half_events_when_there_is_no_room);
    tcase_add_test(tc, events_that_are_too_long);
    tcase_add_test(tc, long_lines);
    return tc;
}
