#include <apr_strings.h>

#include "../../src/dialect/azl_repeat_int.h"
#include "azl_reply.h"
#include "azl_test.h"

static azl_span_t part(const char *text, const char *piece)
{
    return azl_span(strstr(text, piece), strlen(piece));
}

/* Learn from one chunk, then show it another. NULL: it was not like it. */
static const char *apply(const char *learned, const char *word,
                         const char *padding, const char *output,
                         const char *next)
{
    azl_repeat_t rep;
    azl_buf_t *out = azl_buf_create(azl_test_pool, 65536);

    memset(&rep, 0, sizeof(rep));
    azl_repeat_learn(&rep, azl_test_pool, azl_span_str(learned),
                     part(learned, word),
                     padding ? part(learned, padding) : azl_span(NULL, 0),
                     azl_span_str(output));
    if (!azl_repeat_apply(
            &rep, azl_span(azl_test_exact(next, strlen(next)), strlen(next)),
            out)) {
        ck_assert(out->len == 0);
        return NULL;
    }
    return azl_buf_pstr(out, azl_test_pool);
}

#define LEARNED "{\"a\":1,\"c\":\"one\",\"b\":2,\"o\":\"xyz\",\"t\":3}"
#define OUTPUT "data: {\"a\":1,\"c\":\"one\",\"b\":2,\"t\":3}\n\n"

static const char *next(const char *text)
{
    return apply(LEARNED, "\"one\"", "\"xyz\"", OUTPUT, text);
}

START_TEST(the_word_and_the_padding_may_change)
{
    ck_assert_str_eq(
        next("{\"a\":1,\"c\":\"a \\\"quoted\\\" \\u00e9\",\"b\":2,"
             "\"o\":\"\",\"t\":3}"),
        "data: {\"a\":1,\"c\":\"a \\\"quoted\\\" \\u00e9\",\"b\":2,"
        "\"t\":3}\n\n");
    ck_assert_str_eq(next("{\"a\":1,\"c\":\"x\",\"b\":2,\"o\":\"longer\","
                          "\"t\":3}"),
                     "data: {\"a\":1,\"c\":\"x\",\"b\":2,\"t\":3}\n\n");
}
END_TEST

START_TEST(nothing_else_may)
{
    static const char *const others[] = {
        "{\"a\":2,\"c\":\"x\",\"b\":2,\"o\":\"\",\"t\":3}",
        "{\"a\":1,\"c\":\"x\",\"b\":3,\"o\":\"\",\"t\":3}",
        "{\"a\":1,\"c\":\"x\",\"b\":2,\"o\":\"\",\"t\":4}",
        "{\"a\":1,\"c\":\"x\",\"b\":2,\"o\":\"\",\"t\":3} ",
        "{\"a\":1,\"c\":\"x\",\"b\":2,\"o\":\"\",\"t\":3",
        "{\"a\":1,\"c\":\"x\",\"b\":2,\"o\":5,\"t\":3}",
        "{\"a\":1,\"c\":\"x\",\"b\":2}",
        "{\"a\":1,\"c\":null,\"b\":2,\"o\":\"\",\"t\":3}",
        "{\"a\":1,\"c\":\"\",\"b\":2,\"o\":\"\",\"t\":3}",
        "{\"a\":1,\"c\":\"bad \\x escape\",\"b\":2,\"o\":\"\",\"t\":3}",
        "{\"a\":1,\"c\":\"raw \n line\",\"b\":2,\"o\":\"\",\"t\":3}",
        "{\"a\":1,\"c\":\"open",
        "{\"a\":1,\"c\":",
        "{",
        ""};
    size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_msg(next(others[i]) == NULL, "took %s", others[i]);
    }
}
END_TEST

START_TEST(without_padding)
{
    ck_assert_str_eq(apply("{\"c\":\"one\",\"b\":2}", "\"one\"", NULL,
                           "<\"one\">", "{\"c\":\"two\",\"b\":2}"),
                     "<\"two\">");
    ck_assert_ptr_null(apply("{\"c\":\"one\",\"b\":2}", "\"one\"", NULL,
                             "<\"one\">", "{\"c\":\"two\",\"b\":2}x"));
}
END_TEST

START_TEST(an_ambiguous_or_missing_word_is_not_learned)
{
    ck_assert_ptr_null(apply("{\"c\":\"m\",\"b\":2}", "\"m\"", NULL,
                             "{\"c\":\"m\",\"model\":\"m\"}",
                             "{\"c\":\"x\",\"b\":2}"));
    ck_assert_ptr_null(apply("{\"c\":\"m\",\"b\":2}", "\"m\"", NULL, "{}",
                             "{\"c\":\"x\",\"b\":2}"));
}
END_TEST

START_TEST(large_chunks_are_not_learned)
{
    const char *word = apr_pstrcat(
        azl_test_pool, "\"", azl_test_repeat("w", AZL_REPEAT_MAX), "\"", NULL);
    const char *source = apr_pstrcat(azl_test_pool, "{\"c\":", word, "}", NULL);

    ck_assert_ptr_null(apply(source, word, NULL, source, "{\"c\":\"x\"}"));
}
END_TEST

START_TEST(a_full_buffer_takes_nothing)
{
    azl_repeat_t rep;
    azl_buf_t *out = azl_buf_create(azl_test_pool, 8);
    const char *source = "{\"c\":\"one\",\"b\":2}";

    memset(&rep, 0, sizeof(rep));
    azl_repeat_learn(&rep, azl_test_pool, azl_span_str(source),
                     part(source, "\"one\""), azl_span(NULL, 0),
                     azl_span_str(source));
    ck_assert(azl_repeat_apply(&rep, azl_span_str(source), out));
    ck_assert(out->failed);
    ck_assert(out->len == 0);
}
END_TEST

/*
 * In a stream: a space after the brace makes every other chunk different from
 * the one before, so that nothing is ever repeated. The two must come out
 * alike.
 */
static char *stream(const char *const *events, int n, int spread,
                    azl_stream_state_t *state)
{
    azl_reply_rules_t rules;
    azl_stream_t *st;
    azl_buf_t *out = azl_buf_create(azl_test_pool, 1024 * 1024);
    char *text, *to, *from;
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    st = azl_stream_create(azl_test_pool, &rules);
    for (i = 0; i < n; i++) {
        const char *gap = spread && i % 2 ? " " : "";
        char *event =
            apr_psprintf(azl_test_pool, "data: {%s%s\n\n", gap, events[i] + 1);

        ck_assert(azl_stream_feed(st, event, strlen(event), out) ==
                  APR_SUCCESS);
    }
    azl_stream_finish(st, out);
    *state = *azl_stream_state(st);
    text = azl_buf_pstr(out, azl_test_pool);
    for (from = to = text; *from; from++) {
        if (!(from[0] == ' ' && from > text && from[-1] == '{')) {
            *to++ = *from;
        }
    }
    *to = '\0';
    return text;
}

#define CHUNK(delta, finish, padding)                                          \
    "{\"choices\":[{\"content_filter_results\":{},\"delta\":" delta            \
    ",\"finish_reason\":" finish                                               \
    ",\"index\":0}],\"created\":5,\"id\":\"c1\",\"model\":\"gpt\","            \
    "\"obfuscation\":\"" padding "\",\"object\":\"chat.completion.chunk\","    \
    "\"usage\":null}"

START_TEST(a_stream_comes_out_the_same)
{
    static const char *const events[] = {
        CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null", "a"),
        CHUNK("{\"content\":\"one\"}", "null", "bc"),
        CHUNK("{\"content\":\"two\"}", "null", ""),
        CHUNK("{\"content\":\"\"}", "null", "d"),
        CHUNK("{\"content\":\"thr\\\"ee\"}", "null", "d"),
        CHUNK("{\"content\":\"alias\"}", "null", "d"),
        CHUNK("{\"content\":\"four\"}", "null", "d"),
        CHUNK("{\"content\":\"five\"}", "null", "d"),
        CHUNK("{\"role\":\"assistant\",\"content\":\"six\"}", "null", "d"),
        CHUNK("{\"content\":\"seven\"}", "null", "d"),
        CHUNK("{\"reasoning_content\":\"hm\"}", "null", "d"),
        CHUNK("{\"reasoning_content\":\"hmm\"}", "null", "d"),
        CHUNK("{\"content\":\"last\"}", "\"stop\"", "d"),
        CHUNK("{\"content\":\"too late\"}", "null", "d"),
        CHUNK("{\"content\":\"too late again\"}", "null", "d"),
    };
    int n = sizeof(events) / sizeof(events[0]);
    azl_stream_state_t fast, slow;
    const char *a = stream(events, n, 0, &fast);
    const char *b = stream(events, n, 1, &slow);

    ck_assert_str_eq(a, b);
    ck_assert_ptr_nonnull(strstr(a, "\"content\":\"five\""));
    ck_assert_ptr_null(strstr(a, "too late"));
    ck_assert_ptr_null(strstr(a, "obfuscation"));
    ck_assert_int_eq(fast.content, slow.content);
    ck_assert_int_eq(fast.finished, slow.finished);
    ck_assert_int_eq(fast.malformed, slow.malformed);
}
END_TEST

TCase *azl_test_repeats(void)
{
    TCase *tc = azl_test_tcase("repeats");

    tcase_add_test(tc, the_word_and_the_padding_may_change);
    tcase_add_test(tc, nothing_else_may);
    tcase_add_test(tc, without_padding);
    tcase_add_test(tc, an_ambiguous_or_missing_word_is_not_learned);
    tcase_add_test(tc, large_chunks_are_not_learned);
    tcase_add_test(tc, a_full_buffer_takes_nothing);
    tcase_add_test(tc, a_stream_comes_out_the_same);
    return tc;
}
