/*
 * Exchanges with real services over /responses, if there are any to replay
 * (see test_recordings.c for AZURELIT_RECORDINGS): their answers and streams
 * become those of a chat without losing a word or a call, and their requests
 * pass through both translations, or are refused by a place in them.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_file_info.h>
#include <apr_file_io.h>

#include "azl_buf.h"
#include "exchange_fixture.h"

#include "../../src/dialect/azl_responses_int.h"

static const char *const kinds[] = {"openai-responses", "azure"};

#define NKINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))
#define FILE_MAX (16 * 1024 * 1024)

static azl_exchange_t *exchange(apr_pool_t *p)
{
    return exchange_in(p, deployment_at("azure", "https://h", NULL, "d"));
}

static const char *read_recorded(const char *dir, const char *name)
{
    const char *path = apr_pstrcat(azl_test_pool, dir, "/", name, NULL);
    apr_finfo_t info;
    apr_file_t *f;
    char *text;

    if (apr_file_open(&f, path, APR_FOPEN_READ, 0, azl_test_pool) !=
        APR_SUCCESS) {
        return NULL;
    }
    ck_assert_int_eq(apr_file_info_get(&info, APR_FINFO_SIZE, f), APR_SUCCESS);
    ck_assert_int_lt(info.size, FILE_MAX);
    text = apr_pcalloc(azl_test_pool, (apr_size_t)info.size + 1);
    ck_assert_int_eq(apr_file_read_full(f, text, (apr_size_t)info.size, NULL),
                     APR_SUCCESS);
    apr_file_close(f);
    return text;
}

/*
 * What an answer says: its text, then "+ name arguments" for each call.
 */

static void add_call(azl_buf_t *out, const azl_json_t *call)
{
    azl_buf_puts(out, "\n+ ");
    azl_buf_span(out, azl_json_text(azl_json_get(call, "name")));
    azl_buf_puts(out, " ");
    azl_buf_span(out, azl_json_text(azl_json_get(call, "arguments")));
}

static void add_parts(azl_buf_t *out, const azl_json_t *item)
{
    const azl_json_t *parts = azl_json_get(item, "content");
    apr_size_t i;

    for (i = 0; i < azl_json_length(parts); ++i) {
        azl_buf_span(
            out, azl_json_text(azl_json_get(azl_json_at(parts, i), "text")));
    }
}

static const char *said_by_response(apr_pool_t *p, const azl_json_t *response)
{
    const azl_json_t *output = azl_json_get(response, "output");
    azl_buf_t *out = azl_buf_create(p, FILE_MAX);
    const char *said;
    int pass;
    apr_size_t i;

    for (pass = 0; pass < 2; ++pass) {
        for (i = 0; i < azl_json_length(output); ++i) {
            const azl_json_t *item = azl_json_at(output, i);
            azl_span_t type = azl_json_text(azl_json_get(item, "type"));

            if (pass == 0 && azl_span_is(type, "message")) {
                add_parts(out, item);
            }
            else if (pass == 1 && azl_span_is(type, "function_call")) {
                add_call(out, item);
            }
        }
    }
    said = azl_buf_pstr(out, p);
    azl_buf_free(out);
    return said;
}

static void check_answer(const char *text)
{
    azl_exchange_t *ex = exchange(azl_test_pool);
    azl_buf_t *out = azl_buf_create(azl_test_pool, FILE_MAX);
    azl_buf_t *said = azl_buf_create(azl_test_pool, FILE_MAX);
    const azl_json_t *response = tree_of(azl_test_pool, text);
    const azl_json_t *choice, *message, *calls;
    apr_size_t i;

    if (!azl_span_is(azl_json_text(azl_json_get(response, "status")),
                     "completed") ||
        !azl_json_get(response, "output")) {
        ck_assert_int_eq(
            azl_outbound_responses.answer(ex, azl_span_str(text), out),
            APR_EGENERAL);
        return;
    }
    ck_assert_int_eq(azl_outbound_responses.answer(ex, azl_span_str(text), out),
                     APR_SUCCESS);
    choice = azl_json_at(
        azl_json_get(tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool)),
                     "choices"),
        0);
    message = azl_json_get(choice, "message");
    calls = azl_json_get(message, "tool_calls");
    azl_buf_span(said, azl_json_text(azl_json_get(message, "content")));
    for (i = 0; i < azl_json_length(calls); ++i) {
        add_call(said, azl_json_get(azl_json_at(calls, i), "function"));
    }
    ck_assert_str_eq(azl_buf_pstr(said, azl_test_pool),
                     said_by_response(azl_test_pool, response));
}

/*
 * Streams: through both translations, to what the last event has
 */

typedef struct stream_t {
    const char *said;
} stream_t;

static apr_status_t read_last(void *baton, const azl_sse_event_t *ev)
{
    azl_buf_t *last = baton;

    azl_buf_clear(last);
    azl_buf_span(last, ev->data);
    return APR_SUCCESS;
}

static const char *last_response(apr_pool_t *p, const char *text,
                                 apr_size_t len)
{
    azl_sse_t *sse = azl_sse_create(p, FILE_MAX);
    azl_buf_t *last = azl_buf_create(p, FILE_MAX);
    const char *said;

    azl_sse_feed(sse, text, len, read_last, last);
    azl_sse_finish(sse, read_last, last);
    said = said_by_response(
        p, azl_json_get(tree_of(p, azl_buf_pstr(last, p)), "response"));
    azl_buf_free(last);
    return said;
}

static void replay(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                   int npieces)
{
    const stream_t *x = baton;
    azl_reply_rules_t rules = {.op = AZL_OP_CHAT,
                               .alias_json = "\"alias\"",
                               .include_usage = 1,
                               .choices = 1};
    azl_stream_t *st = azl_stream_create(p, &rules);
    azl_buf_t *out = azl_buf_create(p, FILE_MAX);
    azl_exchange_t *ex = exchange(p);
    int i;

    ex->client = tree_of(p, "{}");
    azl_stream_from(st, &azl_outbound_responses, ex);
    azl_stream_to(st, &azl_inbound_responses, ex);
    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_int_eq(azl_stream_state(st)->usage.reported, 1);
    ck_assert_str_eq(last_response(p, out->data, out->len), x->said);
    azl_buf_free(out);
}

static void check_stream(const char *text)
{
    stream_t x;

    x.said = last_response(azl_test_pool, text, strlen(text));
    azl_test_every_split(text, strlen(text), replay, &x);
}

/*
 * Requests
 */

static void check_request(const char *text)
{
    azl_exchange_t *ex = exchange(azl_test_pool);
    azl_buf_t *hub = azl_buf_create(azl_test_pool, FILE_MAX);
    azl_buf_t *out = azl_buf_create(azl_test_pool, FILE_MAX);
    azl_error_t err;

    ex->client = tree_of(azl_test_pool, text);
    if (!azl_inbound_responses.request(ex, hub, &err)) {
        ck_assert_int_eq(err.status, 400);
        ck_assert_ptr_nonnull(err.param);
        return;
    }
    ex->hub = tree_of(azl_test_pool, azl_buf_pstr(hub, azl_test_pool));
    ck_assert_msg(azl_outbound_responses.request(ex, out, &err), "%s in %s",
                  err.param, text);
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
}

static int check_exchange(const char *dir)
{
    const char *request = read_recorded(dir, "request.json");
    const char *stream = read_recorded(dir, "response.sse");
    const char *answer = read_recorded(dir, "response.json");

    if (request) {
        check_request(request);
    }
    if (stream) {
        check_stream(stream);
    }
    else if (answer) {
        check_answer(answer);
    }
    return stream || answer;
}

START_TEST(recorded_responses)
{
    const char *folder = getenv("AZURELIT_RECORDINGS");
    apr_finfo_t info;
    apr_dir_t *dir;
    int n = 0;

    if (!folder || !*folder) {
        printf("# %s to chats: skipped, AZURELIT_RECORDINGS names no folder\n",
               kinds[_i]);
        return;
    }
    folder = apr_pstrcat(azl_test_pool, folder, "/", kinds[_i], NULL);
    ck_assert_int_eq(apr_dir_open(&dir, folder, azl_test_pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (info.name[0] != '.') {
            n += check_exchange(
                apr_pstrcat(azl_test_pool, folder, "/", info.name, NULL));
        }
    }
    apr_dir_close(dir);
    ck_assert_int_gt(n, 0);
}
END_TEST

TCase *azl_test_responses_recordings(void)
{
    TCase *tc = azl_test_tcase("responses_recordings");

    /* tens of kilobytes cut at every byte take their time */
    tcase_set_timeout(tc, 900);
    tcase_add_loop_test(tc, recorded_responses, 0, NKINDS);
    return tc;
}
