/*
 * Answers of the real Bedrock, if there are any to replay: the environment
 * variable AZURELIT_RECORDINGS names a folder with bedrock-converse and
 * bedrock-converse-stream, in them a folder for each exchange with
 * response.json or response.eventstream.bin. What was said must come out.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_file_info.h>

#include "azl_eventstream.h"
#include "azl_file.h"
#include "azl_stream_int.h"
#include "bedrock_fixture.h"

#define FILE_MAX (16 * 1024 * 1024)

/* What is compared: everything that is said, thought and called. */
typedef struct said_t {
    azl_buf_t *text;
    azl_buf_t *thought;
    azl_buf_t *calls; /* name and arguments, each */
    apr_int64_t prompt;
    apr_int64_t completion;
} said_t;

static said_t *silence(apr_pool_t *p)
{
    said_t *s = apr_pcalloc(p, sizeof(*s));

    s->text = azl_buf_create(p, FILE_MAX);
    s->thought = azl_buf_create(p, FILE_MAX);
    s->calls = azl_buf_create(p, FILE_MAX);
    return s;
}

static void add(azl_buf_t *out, const azl_json_t *json)
{
    azl_buf_span(out, azl_json_text(json));
}

static apr_int64_t number(const azl_json_t *json, const char *name)
{
    apr_int64_t n = 0;

    azl_json_int(azl_json_get(json, name), &n);
    return n;
}

static void add_usage(said_t *s, const azl_json_t *usage)
{
    s->prompt = number(usage, "inputTokens") +
                number(usage, "cacheReadInputTokens") +
                number(usage, "cacheWriteInputTokens");
    s->completion = number(usage, "outputTokens");
}

static void same(azl_buf_t *a, azl_buf_t *b)
{
    ck_assert_str_eq(azl_buf_pstr(a, azl_test_pool),
                     azl_buf_pstr(b, azl_test_pool));
}

static void check_same(said_t *was, said_t *is)
{
    same(was->text, is->text);
    same(was->thought, is->thought);
    same(was->calls, is->calls);
    ck_assert_int_eq(was->prompt, is->prompt);
    ck_assert_int_eq(was->completion, is->completion);
}

/*
 * The hub's form
 */

static void add_hub_usage(said_t *s, const azl_json_t *usage)
{
    if (usage) {
        s->prompt = number(usage, "prompt_tokens");
        s->completion = number(usage, "completion_tokens");
    }
}

/* A message or a delta. */
static void add_hub(said_t *s, const azl_json_t *message)
{
    const azl_json_t *calls = azl_json_get(message, "tool_calls");
    apr_size_t i;

    add(s->text, azl_json_get(message, "content"));
    add(s->thought, azl_json_get(message, "reasoning_content"));
    for (i = 0; i < azl_json_length(calls); ++i) {
        const azl_json_t *f = azl_json_get(azl_json_at(calls, i), "function");

        add(s->calls, azl_json_get(f, "name"));
        add(s->calls, azl_json_get(f, "arguments"));
    }
}

/*
 * Whole answers
 */

static void add_block(said_t *s, const azl_json_t *block)
{
    const azl_json_t *use = azl_json_get(block, "toolUse");
    const azl_json_t *reasoning = azl_json_get(block, "reasoningContent");

    add(s->text, azl_json_get(block, "text"));
    add(s->thought,
        azl_json_get(azl_json_get(reasoning, "reasoningText"), "text"));
    if (use) {
        add(s->calls, azl_json_get(use, "name"));
        azl_json_write(s->calls, azl_json_get(use, "input"));
    }
}

static azl_exchange_t *begin(apr_pool_t *p)
{
    azl_exchange_t *ex = bedrock_in(p, "claude-3-5-sonnet");
    azl_error_t err;

    ck_assert_ptr_nonnull(bedrock_asks(
        ex, "{'messages':[{'role':'user','content':'Hi'}]}", &err));
    return ex;
}

static void check_answer(azl_span_t doc)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, FILE_MAX);
    said_t *was = silence(azl_test_pool);
    said_t *is = silence(azl_test_pool);
    azl_json_t *json, *hub;
    const azl_json_t *content;
    apr_size_t i;

    ck_assert_ptr_null(azl_json_parse(azl_test_pool, doc, &json));
    content = azl_json_get(
        azl_json_get(azl_json_get(json, "output"), "message"), "content");
    for (i = 0; i < azl_json_length(content); ++i) {
        add_block(was, azl_json_at(content, i));
    }
    add_usage(was, azl_json_get(json, "usage"));
    ck_assert_int_eq(azl_bedrock_answer(begin(azl_test_pool), doc, out),
                     APR_SUCCESS);
    hub = tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    add_hub(is, azl_json_get(azl_json_at(azl_json_get(hub, "choices"), 0),
                             "message"));
    add_hub_usage(is, azl_json_get(hub, "usage"));
    check_same(was, is);
}

/*
 * Streams
 */

static apr_status_t add_frame(void *baton, const azl_frame_t *frame)
{
    said_t *s = baton;
    const azl_json_t *delta, *use, *reasoning;
    azl_json_t *json;

    ck_assert_ptr_null(azl_json_parse(azl_test_pool, frame->payload, &json));
    delta = azl_json_get(json, "delta");
    reasoning = azl_json_get(delta, "reasoningContent");
    use = azl_json_get(azl_json_get(json, "start"), "toolUse");
    add(s->text, azl_json_get(delta, "text"));
    add(s->thought, azl_json_get(reasoning, "text"));
    add(s->calls, azl_json_get(use, "name"));
    add(s->calls, azl_json_get(azl_json_get(delta, "toolUse"), "input"));
    if (azl_span_is(frame->event_type, "metadata")) {
        add_usage(s, azl_json_get(json, "usage"));
    }
    return APR_SUCCESS;
}

static apr_status_t add_event(void *baton, const azl_sse_event_t *ev)
{
    said_t *s = baton;
    azl_json_t *json;

    if (ev->comment || azl_span_is(ev->data, "[DONE]")) {
        return APR_SUCCESS;
    }
    ck_assert_ptr_null(azl_json_parse(azl_test_pool, ev->data, &json));
    add_hub(s, azl_json_get(azl_json_at(azl_json_get(json, "choices"), 0),
                            "delta"));
    add_hub_usage(s, azl_json_get(json, "usage"));
    return APR_SUCCESS;
}

/* All cuts give one text; that one is understood. */
typedef struct cuts_t {
    char *first;
} cuts_t;

static void run(apr_pool_t *p, void *baton, const azl_span_t *pieces, int n)
{
    cuts_t *cuts = baton;
    azl_exchange_t *ex = begin(p);
    azl_reply_rules_t rules;
    azl_stream_t *st;
    azl_buf_t *out = azl_buf_create(p, FILE_MAX);
    int i;

    memset(&rules, 0, sizeof(rules));
    rules.op = AZL_OP_CHAT;
    rules.alias_json = "\"alias\"";
    rules.include_usage = 1;
    st = azl_stream_create(p, &rules);
    azl_stream_from(st, converse_of(ex->deployment), ex);
    for (i = 0; i < n; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    if (!cuts->first) {
        cuts->first = azl_buf_pstr(out, azl_test_pool);
    }
    ck_assert_str_eq(azl_buf_pstr(out, p), cuts->first);
}

static void check_stream(azl_span_t bytes)
{
    azl_eventstream_t *es = azl_eventstream_create(azl_test_pool, FILE_MAX);
    azl_sse_t *sse = azl_sse_create(azl_test_pool, FILE_MAX);
    said_t *was = silence(azl_test_pool);
    said_t *is = silence(azl_test_pool);
    cuts_t cuts = {NULL};

    ck_assert_int_eq(
        azl_eventstream_feed(es, bytes.at, bytes.len, add_frame, was),
        APR_SUCCESS);
    ck_assert_int_eq(azl_eventstream_is_whole(es), 1);
    azl_test_every_split(bytes.at, bytes.len, run, &cuts);
    ck_assert_int_eq(
        azl_sse_feed(sse, cuts.first, strlen(cuts.first), add_event, is),
        APR_SUCCESS);
    check_same(was, is);
}

/*
 * The folder
 */

static void replay(const char *kind, const char *file,
                   void (*check)(azl_span_t))
{
    const char *folder = getenv("AZURELIT_RECORDINGS");
    apr_finfo_t info;
    azl_span_t content;
    apr_dir_t *dir;
    int n = 0;

    if (!folder || !*folder) {
        printf("# %s: skipped, AZURELIT_RECORDINGS names no folder\n", kind);
        return;
    }
    folder = apr_pstrcat(azl_test_pool, folder, "/", kind, NULL);
    ck_assert_int_eq(apr_dir_open(&dir, folder, azl_test_pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        const char *path =
            apr_pstrcat(azl_test_pool, folder, "/", info.name, "/", file, NULL);

        if (*info.name != '.' && azl_file_read(azl_test_pool, path, FILE_MAX,
                                               &content) == APR_SUCCESS) {
            check(content);
            ++n;
        }
    }
    apr_dir_close(dir);
    ck_assert_int_gt(n, 0);
    printf("# %s: %d\n", kind, n);
}

START_TEST(answers)
{
    replay("bedrock-converse", "response.json", check_answer);
}
END_TEST

START_TEST(streams)
{
    replay("bedrock-converse-stream", "response.eventstream.bin", check_stream);
}
END_TEST

TCase *azl_test_bedrock_recordings(void)
{
    TCase *tc = azl_test_tcase("bedrock_recordings");

    tcase_add_test(tc, answers);
    tcase_add_test(tc, streams);
    return tc;
}
