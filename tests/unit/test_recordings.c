/*
 * Exchanges with real services, if there are any to replay: the environment
 * variable AZURELIT_RECORDINGS names a folder with one folder for each kind
 * (openai-chat, openai-responses, azure), in it one for each exchange, and in
 * that request.json and response.json or response.sse. The requests must be
 * understood and the answers keep their meaning.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_file_info.h>
#include <apr_file_io.h>

#include "../../src/dialect/azl_edit_int.h"
#include "azl_sse.h"
#include "dialect_fixture.h"

#define ALIAS "\"alias\""
#define SEALED "resp_sealed"

static const struct {
    const char *kind;
    azl_op_e op;
} kinds[] = {
    {"openai-chat", AZL_OP_CHAT},
    {"openai-responses", AZL_OP_RESPONSES},
    {"azure", AZL_OP_RESPONSES},
};

#define NKINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

/* What is compared of one exchange. */
typedef struct exchange_t {
    azl_op_e op;
    azl_document_t doc;
    azl_reply_rules_t rules;
    const char *expected; /* the transcript of the stream as it was recorded */
} exchange_t;

static const char *folder_of(const char *kind)
{
    const char *folder = getenv("AZURELIT_RECORDINGS");

    if (!folder || !*folder) {
        printf("# %s: skipped, AZURELIT_RECORDINGS names no folder\n", kind);
        return NULL;
    }
    return apr_pstrcat(azl_test_pool, folder, "/", kind, NULL);
}

static int read_file(const char *dir, const char *name, azl_span_t *text)
{
    const char *path = apr_pstrcat(azl_test_pool, dir, "/", name, NULL);
    apr_finfo_t info;
    apr_file_t *f;
    char *data;

    if (apr_file_open(&f, path, APR_FOPEN_READ, 0, azl_test_pool) !=
        APR_SUCCESS) {
        return 0;
    }
    ck_assert_int_eq(apr_file_info_get(&info, APR_FINFO_SIZE, f), APR_SUCCESS);
    data = apr_palloc(azl_test_pool, (apr_size_t)info.size + 1);
    ck_assert_int_eq(
        apr_file_read_full(f, data, (apr_size_t)info.size, &text->len),
        APR_SUCCESS);
    apr_file_close(f);
    text->at = azl_test_exact(data, text->len);
    return 1;
}

static const char *seal(void *baton, azl_span_t id)
{
    (void)baton;
    (void)id;
    return SEALED;
}

/* A member of an object as written, or NULL. */
static const azl_value_t *member(const azl_pair_t *pairs, int n,
                                 const char *name)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (azl_span_is(pairs[i].key, name)) {
            return &pairs[i].value;
        }
    }
    return NULL;
}

/*
 * Requests
 */

static int is_changed(azl_span_t key, const exchange_t *x)
{
    return azl_span_is(key, "model") ||
           azl_span_is(key, "previous_response_id") ||
           (azl_span_is(key, "stream_options") && x->doc.stream);
}

static void check_request(exchange_t *x, azl_span_t request)
{
    const azl_deployment_t *d = deployment_at("azure", "https://h", NULL, "d");
    azl_pair_t before[AZL_PAIRS_MAX], after[AZL_PAIRS_MAX];
    azl_buf_t *joined = azl_buf_create(azl_test_pool, 64 * 1024 * 1024);
    azl_body_t body;
    azl_error_t err;
    int n, m, i, added;

    ck_assert_msg(azl_document_read(azl_test_pool, x->op, AZL_PARAMS_REJECT,
                                    "application/json", request, &x->doc, &err),
                  "%s", err.message);
    d->endpoint->dialect->body(azl_test_pool, d, &x->doc, "resp_up", &body);
    for (i = 0; i < body.npieces; ++i) {
        azl_buf_span(joined, body.pieces[i]);
    }
    n = azl_pairs_read(request, before, AZL_PAIRS_MAX);
    m = azl_pairs_read(azl_span(joined->data, joined->len), after,
                       AZL_PAIRS_MAX);
    ck_assert_int_ge(n, 1);
    added = m - n;
    ck_assert_int_ge(added, 0);
    ck_assert_int_le(added, 1);
    for (i = 0; i < n; ++i) {
        ck_assert_str_eq(azl_test_str(after[i + added].key),
                         azl_test_str(before[i].key));
        if (!is_changed(before[i].key, x)) {
            ck_assert_str_eq(azl_test_str(after[i + added].value.raw),
                             azl_test_str(before[i].value.raw));
        }
    }
    ck_assert_str_eq(azl_test_str(member(after, m, "model")->raw), "\"d\"");
}

/*
 * Answers
 */

/* A Response (or chat completion) but for what is the client's. */
static void check_object(const exchange_t *x, azl_span_t was, azl_span_t is)
{
    azl_pair_t before[AZL_PAIRS_MAX], after[AZL_PAIRS_MAX];
    int n = azl_pairs_read(was, before, AZL_PAIRS_MAX);
    int m = azl_pairs_read(is, after, AZL_PAIRS_MAX);
    int i;

    ck_assert_int_ge(n, 1);
    ck_assert_int_eq(n, m);
    for (i = 0; i < n; ++i) {
        const char *value = azl_test_str(after[i].value.raw);
        int sealed = x->op == AZL_OP_RESPONSES &&
                     (azl_span_is(after[i].key, "id") ||
                      azl_span_is(after[i].key, "previous_response_id")) &&
                     before[i].value.type == AZL_JSON_STRING;

        ck_assert_str_eq(azl_test_str(after[i].key),
                         azl_test_str(before[i].key));
        if (azl_span_is(after[i].key, "model")) {
            ck_assert_str_eq(value, ALIAS);
        }
        else if (sealed) {
            ck_assert_str_eq(value, "\"" SEALED "\"");
        }
        else {
            ck_assert_str_eq(value, azl_test_str(before[i].value.raw));
        }
    }
}

static void check_answer(const exchange_t *x, azl_span_t answer)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, 64 * 1024 * 1024);
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n = azl_pairs_read(answer, pairs, AZL_PAIRS_MAX);
    const azl_value_t *told = member(pairs, n, "usage");
    azl_usage_t usage;

    memset(&usage, 0, sizeof(usage));
    ck_assert_int_eq(azl_reply_rewrite(&x->rules, answer, out, &usage),
                     APR_SUCCESS);
    check_object(x, answer, azl_span(out->data, out->len));
    ck_assert_int_eq(usage.reported, told && told->type == AZL_JSON_OBJECT);
}

/*
 * Streams: the transcript has what must not change, event by event
 */

static void write_pairs(azl_buf_t *out, const azl_pair_t *pairs, int n)
{
    int i;

    for (i = 0; i < n; ++i) {
        azl_span_t key = pairs[i].key;

        if (azl_span_is(key, "response")) {
            azl_pair_t inner[AZL_PAIRS_MAX];
            int m = azl_pairs_read(pairs[i].value.raw, inner, AZL_PAIRS_MAX);

            write_pairs(out, inner, m);
        }
        else if (!azl_span_is(key, "model") &&
                 !azl_span_is(key, "obfuscation") &&
                 !azl_span_is(key, "previous_response_id") &&
                 !(azl_span_is(key, "id") && pairs[i].value.raw.len > 6 &&
                   memcmp(pairs[i].value.raw.at, "\"resp_", 6) == 0)) {
            azl_buf_span(out, key);
            azl_buf_puts(out, "=");
            azl_buf_span(out, pairs[i].value.raw);
            azl_buf_puts(out, "\n");
        }
    }
}

static apr_status_t write_event(void *baton, const azl_sse_event_t *ev)
{
    azl_buf_t *out = baton;
    azl_pair_t pairs[AZL_PAIRS_MAX];
    int n;

    azl_buf_span(out, ev->name);
    azl_buf_puts(out, "\n");
    if (azl_span_is(ev->data, "[DONE]")) {
        azl_buf_puts(out, "[DONE]\n");
        return APR_SUCCESS;
    }
    n = azl_pairs_read(ev->data, pairs, AZL_PAIRS_MAX);
    ck_assert_int_ge(n, 1);
    write_pairs(out, pairs, n);
    return APR_SUCCESS;
}

static const char *transcript(apr_pool_t *p, const char *text, apr_size_t len)
{
    azl_buf_t *out = azl_buf_create(p, 64 * 1024 * 1024);
    azl_sse_t *sse = azl_sse_create(p, len + 1);
    const char *result;

    ck_assert_int_eq(azl_sse_feed(sse, text, len, write_event, out),
                     APR_SUCCESS);
    ck_assert_int_eq(azl_sse_finish(sse, write_event, out), APR_SUCCESS);
    result = azl_buf_pstr(out, p);
    azl_buf_free(out);
    return result;
}

static void replay_stream(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                          int npieces)
{
    const exchange_t *x = baton;
    azl_stream_t *st = azl_stream_create(p, &x->rules);
    azl_buf_t *out = azl_buf_create(p, 64 * 1024 * 1024);
    int i;

    for (i = 0; i < npieces; ++i) {
        ck_assert_int_eq(azl_stream_feed(st, pieces[i].at, pieces[i].len, out),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(azl_stream_finish(st, out), 1);
    ck_assert_int_eq(azl_stream_state(st)->malformed, 0);
    ck_assert_int_eq(azl_stream_state(st)->usage.reported, 1);
    ck_assert_str_eq(transcript(p, out->data, out->len), x->expected);
    ck_assert_ptr_nonnull(strstr(azl_buf_pstr(out, p), "\"model\":" ALIAS));
    azl_buf_free(out);
}

static int check_exchange(const char *dir, azl_op_e op)
{
    azl_span_t request, answer;
    exchange_t x;

    if (!read_file(dir, "request.json", &request)) {
        return 0;
    }
    memset(&x, 0, sizeof(x));
    x.op = op;
    check_request(&x, request);
    x.rules.op = op;
    x.rules.alias_json = ALIAS;
    x.rules.include_usage = x.doc.include_usage;
    x.rules.seal = seal;
    if (read_file(dir, "response.sse", &answer)) {
        ck_assert_int_eq(x.doc.stream, 1);
        x.expected = transcript(azl_test_pool, answer.at, answer.len);
        azl_test_every_split(answer.at, answer.len, replay_stream, &x);
    }
    else {
        ck_assert(read_file(dir, "response.json", &answer));
        ck_assert_int_eq(x.doc.stream, 0);
        check_answer(&x, answer);
    }
    return 1;
}

START_TEST(recorded_exchanges)
{
    const char *folder = folder_of(kinds[_i].kind);
    apr_finfo_t info;
    apr_dir_t *dir;
    int n = 0;

    if (!folder) {
        return;
    }
    ck_assert_int_eq(apr_dir_open(&dir, folder, azl_test_pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (info.name[0] != '.') {
            n += check_exchange(
                apr_pstrcat(azl_test_pool, folder, "/", info.name, NULL),
                kinds[_i].op);
        }
    }
    apr_dir_close(dir);
    ck_assert_int_gt(n, 0);
}
END_TEST

TCase *azl_test_recordings(void)
{
    TCase *tc = azl_test_tcase("recordings");

    /* tens of kilobytes cut at every byte take their time */
    tcase_set_timeout(tc, 900);
    tcase_add_loop_test(tc, recorded_exchanges, 0, NKINDS);
    return tc;
}
