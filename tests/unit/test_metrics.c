#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "azl_metrics.h"
#include "azl_test.h"

#define SCOPE 7
#define SERIES 64
#define NONE                                                                   \
    {                                                                          \
        NULL, NULL, 0, 0                                                       \
    }

static const azl_metrics_more_t nothing_more = NONE;

/* Memory that forked processes share. */
static azl_metrics_t *table(int series)
{
    void *area =
        mmap(NULL, (size_t)series * AZL_METRICS_SERIES_SIZE,
             PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(area, MAP_FAILED);
    return azl_metrics_at(area, series);
}

static azl_record_t record(const char *model, const char *key)
{
    azl_record_t rec;

    azl_record_init(&rec);
    rec.model = model;
    rec.key_name = key;
    rec.key_hash = key ? "0123456789abcdef" : NULL;
    rec.status = 200;
    rec.attempts = 1;
    rec.total = 200000;
    return rec;
}

static void count(azl_metrics_t *m, const azl_record_t *rec)
{
    azl_metrics_count(m, SCOPE, rec, &nothing_more);
}

static const char *text_of(azl_metrics_t *m, apr_uint64_t scope)
{
    azl_metrics_out_t out = {NULL, NULL, NULL};

    out.buf = azl_buf_create(azl_test_pool, 16 << 20);
    azl_metrics_write(&out, m, scope);
    ck_assert(!out.buf->failed);
    return azl_buf_pstr(out.buf, azl_test_pool);
}

/* The page has this line. */
static void has(const char *text, const char *line)
{
    const char *with_ends = apr_pstrcat(azl_test_pool, "\n", line, "\n", NULL);

    ck_assert_msg(strstr(text, with_ends) != NULL, "no line %s in:\n%s", line,
                  text);
}

static apr_uint64_t total_requests(azl_metrics_t *m)
{
    azl_metrics_totals_t totals;

    azl_metrics_totals(m, SCOPE, &totals);
    return totals.requests;
}

START_TEST(empty)
{
    const char *text = text_of(table(SERIES), SCOPE);

    has(text, "# TYPE litellm_spend_metric_total counter");
    has(text, "# TYPE litellm_request_total_latency_metric histogram");
    ck_assert_ptr_null(strchr(text, '{'));
}
END_TEST

START_TEST(one_request)
{
    azl_metrics_t *m = table(SERIES);
    azl_metrics_more_t more = {"m2", NULL, 3, 1};
    azl_record_t rec = record("m1", "team-a");
    const char *text;

    rec.usage.reported = 1;
    rec.usage.prompt = 100;
    rec.usage.cached = 40;
    rec.usage.cache_write = 5;
    rec.usage.completion = 20;
    rec.usage.reasoning = 8;
    rec.cost = 330000000; /* 0.00033 */
    rec.attempts = 3;
    rec.streamed = 1;
    rec.first_token = 150000;
    azl_metrics_count(m, SCOPE, &rec, &more);
    text = text_of(m, SCOPE);
#define WHO "api_key_alias=\"team-a\",hashed_api_key=\"0123456789abcdef\""
    has(text, "litellm_proxy_total_requests_metric_total{requested_model="
              "\"m1\"," WHO ",status_code=\"200\"} 1");
    has(text, "litellm_spend_metric_total{model=\"m1\"," WHO "} 0.00033");
    has(text, "litellm_input_tokens_metric_total{model=\"m1\"," WHO "} 100");
    has(text, "litellm_output_tokens_metric_total{model=\"m1\"," WHO "} 20");
    has(text, "litellm_total_tokens_metric_total{model=\"m1\"," WHO "} 120");
    has(text,
        "litellm_input_cached_tokens_metric_total{model=\"m1\"," WHO "} 40");
    has(text,
        "azurelit_input_cache_write_tokens_total{model=\"m1\"," WHO "} 5");
    has(text,
        "litellm_output_reasoning_tokens_metric_total{model=\"m1\"," WHO "} 8");
    has(text,
        "azurelit_refused_requests_total{requested_model=\"m1\"," WHO "} 1");
    has(text, "azurelit_unpriced_requests_total{model=\"m1\"," WHO "} 0");
#undef WHO
    has(text, "azurelit_retries_total{requested_model=\"m1\"} 2");
    has(text, "azurelit_malformed_chunks_total{requested_model=\"m1\"} 3");
    has(text, "litellm_deployment_successful_fallbacks_total{requested_model="
              "\"m1\",fallback_model=\"m2\"} 1");
    has(text, "litellm_deployment_failed_fallbacks_total{requested_model="
              "\"m1\",fallback_model=\"m2\"} 0");
    ck_assert_ptr_null(strstr(text, "exception_class"));
}
END_TEST

/* Each model that was asked in place of another, by what became of it. */
START_TEST(fallbacks)
{
    azl_metrics_t *m = table(SERIES);
    azl_metrics_more_t more = NONE;
    apr_array_header_t *failed =
        apr_array_make(azl_test_pool, 2, sizeof(const char *));
    azl_record_t rec = record("m1", "k");
    const char *text;

    APR_ARRAY_PUSH(failed, const char *) = "m2";
    more.failed = failed;
    more.fallback = "m3";
    azl_metrics_count(m, SCOPE, &rec, &more);
    APR_ARRAY_PUSH(failed, const char *) = "m3";
    more.fallback = NULL;
    rec.error = AZL_CLASS_UNKNOWN;
    azl_metrics_count(m, SCOPE, &rec, &more);
    text = text_of(m, SCOPE);
#define GOOD "litellm_deployment_successful_fallbacks_total"
#define BAD "litellm_deployment_failed_fallbacks_total"
    has(text, GOOD "{requested_model=\"m1\",fallback_model=\"m2\"} 0");
    has(text, GOOD "{requested_model=\"m1\",fallback_model=\"m3\"} 1");
    has(text, BAD "{requested_model=\"m1\",fallback_model=\"m2\"} 2");
    has(text, BAD "{requested_model=\"m1\",fallback_model=\"m3\"} 1");
#undef GOOD
#undef BAD
    ck_assert_ptr_null(strstr(text, "fallback_model=\"None\""));
}
END_TEST

START_TEST(buckets_add_up)
{
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record("m1", "k");
    const char *text;
    static const apr_interval_time_t totals[] = {50000, 50001, 700000000};
    int i;

    for (i = 0; i < 3; i++) {
        rec.total = totals[i];
        count(m, &rec);
    }
    /* neither a failure nor an answer that was no stream */
    rec.first_token = 5;
    rec.error = AZL_CLASS_TIMEOUT;
    rec.status = 504;
    count(m, &rec);
    text = text_of(m, SCOPE);
#define L "litellm_request_total_latency_metric_"
    has(text, L "bucket{requested_model=\"m1\",le=\"0.05\"} 1");
    has(text, L "bucket{requested_model=\"m1\",le=\"0.1\"} 2");
    has(text, L "bucket{requested_model=\"m1\",le=\"60\"} 2");
    has(text, L "bucket{requested_model=\"m1\",le=\"600\"} 2");
    has(text, L "bucket{requested_model=\"m1\",le=\"+Inf\"} 3");
    has(text, L "count{requested_model=\"m1\"} 3");
    has(text, L "sum{requested_model=\"m1\"} 700.100001");
#undef L
    ck_assert_ptr_null(strstr(text, "first_token_metric_bucket"));
    has(text, "litellm_proxy_failed_requests_metric_total{requested_model="
              "\"m1\",api_key_alias=\"k\",hashed_api_key=\"0123456789abcdef\","
              "exception_class=\"Timeout\"} 1");
}
END_TEST

START_TEST(statuses)
{
    static const int given[] = {200, 204, 302, 418, 429, 429, 507, 0, 999};
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record(NULL, NULL);
    const char *text;
    apr_size_t i;

    for (i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        rec.status = given[i];
        count(m, &rec);
    }
    text = text_of(m, SCOPE);
#define S                                                                      \
    "litellm_proxy_total_requests_metric_total{requested_model=\"None\","      \
    "api_key_alias=\"None\",hashed_api_key=\"None\",status_code="
    has(text, S "\"200\"} 1");
    has(text, S "\"2xx\"} 1");
    has(text, S "\"3xx\"} 1");
    has(text, S "\"4xx\"} 1");
    has(text, S "\"429\"} 2");
    has(text, S "\"5xx\"} 3");
#undef S
    ck_assert_uint_eq(total_requests(m), sizeof(given) / sizeof(given[0]));
}
END_TEST

START_TEST(labels_are_escaped)
{
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record("a\"b\\c\nd", "{k}");

    count(m, &rec);
    ck_assert_ptr_nonnull(strstr(text_of(m, SCOPE),
                                 "requested_model=\"a\\\"b\\\\c\\nd\","
                                 "api_key_alias=\"{k}\""));
}
END_TEST

/* Configuration allows no such name; it does no harm all the same. */
START_TEST(long_labels_are_cut)
{
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record(azl_test_repeat("x", 1000), "k");
    const char *text, *at;

    count(m, &rec);
    text = text_of(m, SCOPE);
    at = strstr(text, "requested_model=\"x");
    ck_assert_ptr_nonnull(at);
    at += strlen("requested_model=\"");
    ck_assert_uint_gt(strspn(at, "x"), 200);
    ck_assert_uint_lt(strspn(at, "x"), AZL_METRICS_SERIES_SIZE);
    ck_assert_int_eq(at[strspn(at, "x")], '"');
    ck_assert_uint_eq(total_requests(m), 1);
}
END_TEST

START_TEST(money_is_exact)
{
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record("m", "k");
    char text[AZL_METRICS_USD_MAX];
    azl_metrics_totals_t totals;
    int i;

    rec.cost = 1;
    for (i = 0; i < 3; i++) {
        count(m, &rec);
    }
    rec.cost = APR_INT64_C(9000000000000999999);
    for (i = 0; i < 5; i++) {
        count(m, &rec);
    }
    rec.cost = AZL_PRICE_UNSET;
    rec.usage.prompt = 1;
    count(m, &rec);
    azl_metrics_totals(m, SCOPE, &totals);
    azl_metrics_usd(totals.usd, totals.pico, text);
    ck_assert_str_eq(text, "45000000.000004999998");
    ck_assert_ptr_nonnull(
        strstr(text_of(m, SCOPE), "} 45000000.000004999998\n"));
    ck_assert_ptr_nonnull(strstr(text_of(m, SCOPE),
                                 "azurelit_unpriced_requests_total{model=\"m\","
                                 "api_key_alias=\"k\",hashed_api_key="
                                 "\"0123456789abcdef\"} 1\n"));
    azl_metrics_usd(0, 0, text);
    ck_assert_str_eq(text, "0");
    azl_metrics_usd(12, 0, text);
    ck_assert_str_eq(text, "12");
}
END_TEST

START_TEST(scopes_are_apart)
{
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record("m", "mine");

    count(m, &rec);
    rec.key_name = "theirs";
    azl_metrics_count(m, SCOPE + 1, &rec, &nothing_more);
    ck_assert_ptr_nonnull(strstr(text_of(m, SCOPE), "\"mine\""));
    ck_assert_ptr_null(strstr(text_of(m, SCOPE), "\"theirs\""));
    ck_assert_ptr_nonnull(strstr(text_of(m, SCOPE + 1), "\"theirs\""));
    ck_assert_ptr_null(strstr(text_of(m, SCOPE + 2), "\"m\""));
    ck_assert_ptr_nonnull(strstr(text_of(m, AZL_METRICS_EVERY), "\"mine\""));
    ck_assert_ptr_nonnull(strstr(text_of(m, AZL_METRICS_EVERY), "\"theirs\""));
}
END_TEST

#define MANY 100

static const char *name_of(int i)
{
    return apr_psprintf(azl_test_pool, "key-%d", i);
}

/* What finds no place is counted together; nothing is lost, and what has a
 * place keeps it. */
START_TEST(overflow)
{
    azl_metrics_t *m = table(SERIES);
    azl_metrics_fill_t fill;
    const char *text;
    int i, j;

    for (j = 0; j < 3; j++) {
        for (i = 0; i < MANY; i++) {
            azl_record_t rec = record(NULL, name_of(i));

            count(m, &rec);
        }
    }
    azl_metrics_fill(m, &fill);
    ck_assert_uint_lt(fill.room, MANY);
    ck_assert_uint_eq(fill.used, fill.room);
    text = text_of(m, SCOPE);
    ck_assert_uint_eq(total_requests(m), 3 * MANY);
    has(text, apr_psprintf(azl_test_pool,
                           "litellm_proxy_total_requests_metric_total{"
                           "requested_model=\"other\",api_key_alias=\"other\","
                           "hashed_api_key=\"other\",status_code=\"200\"} %d",
                           3 * (MANY - (int)fill.room)));
    has(text, "litellm_proxy_total_requests_metric_total{requested_model="
              "\"None\",api_key_alias=\"key-0\",hashed_api_key="
              "\"0123456789abcdef\",status_code=\"200\"} 3");
}
END_TEST

START_TEST(smallest_table)
{
    azl_metrics_t *m = table(AZL_METRICS_SERIES_MIN);
    azl_record_t rec = record("m", "k");
    int i;

    for (i = 0; i < 5; i++) {
        rec.key_name = name_of(i);
        count(m, &rec);
    }
    ck_assert_uint_eq(total_requests(m), 5);
}
END_TEST

/* Killed between taking a place and writing what it is for. */
START_TEST(half_made_series)
{
    azl_metrics_t *made = table(SERIES);
    azl_metrics_t *half = table(SERIES);
    azl_record_t rec = record("m", "k");
    int i;

    count(made, &rec);
    for (i = 5; i < SERIES; i++) {
        memcpy((char *)half + i * AZL_METRICS_SERIES_SIZE,
               (char *)made + i * AZL_METRICS_SERIES_SIZE,
               sizeof(apr_uint64_t));
    }
    ck_assert_ptr_null(strstr(text_of(half, SCOPE), "\"k\""));
    count(half, &rec);
    ck_assert_uint_eq(total_requests(half), 1);
    ck_assert_ptr_nonnull(strstr(text_of(half, SCOPE), "\"k\""));
}
END_TEST

START_TEST(deployments)
{
    azl_metrics_t *old = table(SERIES);
    azl_metrics_t *m = table(SERIES);
    azl_record_t rec = record("m", "k");

    rec.deployment = "swc/d1";
    count(old, &rec);
    azl_metrics_follow(m, old);
    count(old, &rec);
    count(m, &rec);
    rec.error = AZL_CLASS_TRUNCATED;
    count(m, &rec);
    ck_assert_uint_eq(azl_metrics_successes(m, SCOPE, "swc/d1"), 3);
    ck_assert_uint_eq(azl_metrics_successes(m, SCOPE, "swc/d2"), 0);
    ck_assert_uint_eq(azl_metrics_successes(m, SCOPE + 1, "swc/d1"), 0);
}
END_TEST

/* A larger segment: former processes go on counting in the old one. */
START_TEST(follows)
{
    azl_metrics_t *old = table(SERIES);
    azl_metrics_t *new = table(2 * SERIES);
    azl_metrics_t *newest = table(4 * SERIES);
    azl_record_t rec = record("m", "before");
    const char *text;

    count(old, &rec);
    azl_metrics_follow(new, old);
    count(old, &rec);
    count(new, &rec);
    azl_metrics_follow(newest, new);
    count(newest, &rec);
    count(old, &rec);
    rec.key_name = "late";
    count(old, &rec);
    text = text_of(newest, SCOPE);
#define S                                                                      \
    "litellm_proxy_total_requests_metric_total{requested_model=\"m\","         \
    "api_key_alias="
    has(text, S "\"before\",hashed_api_key=\"0123456789abcdef\","
                "status_code=\"200\"} 5");
    has(text, S "\"late\",hashed_api_key=\"0123456789abcdef\","
                "status_code=\"200\"} 1");
#undef S
    ck_assert_uint_eq(total_requests(newest), 6);
}
END_TEST

/* ... and needs what the new one has no room for. */
START_TEST(follows_when_full)
{
    azl_metrics_t *old = table(SERIES);
    azl_metrics_t *new = table(SERIES);
    int i;

    azl_metrics_follow(new, old);
    for (i = 0; i < 2 * MANY; i++) {
        azl_record_t rec = record("m", name_of(i));

        count(i < MANY ? new : old, &rec);
    }
    ck_assert_uint_eq(total_requests(new), 2 * MANY);
}
END_TEST

#define WORKERS 4
#define ROUNDS 20000
#define KEYS 8

static const char *const keys[KEYS] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void work(azl_metrics_t *m, int rounds)
{
    azl_record_t rec = record("m", "k");
    int i;

    rec.usage.prompt = 3;
    rec.cost = 1000001;
    for (i = 0; i < rounds; i++) {
        rec.key_name = keys[i % KEYS];
        count(m, &rec);
    }
}

static void check_work(azl_metrics_t *m, apr_uint64_t n)
{
    azl_metrics_totals_t totals;
    char text[AZL_METRICS_USD_MAX], wanted[AZL_METRICS_USD_MAX];
    azl_metrics_fill_t fill;

    azl_metrics_totals(m, SCOPE, &totals);
    ck_assert_uint_eq(totals.requests, n);
    ck_assert_uint_eq(totals.prompt, 3 * n);
    azl_metrics_usd(totals.usd, totals.pico, text);
    azl_metrics_usd(0, (azl_pico_t)(1000001 * n), wanted);
    ck_assert_str_eq(text, wanted);
    azl_metrics_fill(m, &fill);
    ck_assert_uint_eq(fill.used, KEYS + 1); /* and the model */
}

static void *APR_THREAD_FUNC thread_main(apr_thread_t *thread, void *m)
{
    (void)thread;
    work(m, ROUNDS);
    return NULL;
}

START_TEST(threads_count_exactly)
{
    azl_metrics_t *m = table(SERIES);
    apr_thread_t *threads[WORKERS];
    apr_status_t rv;
    int i;

    for (i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(
            apr_thread_create(&threads[i], NULL, thread_main, m, azl_test_pool),
            APR_SUCCESS);
    }
    for (i = 0; i < WORKERS; i++) {
        apr_thread_join(&rv, threads[i]);
    }
    check_work(m, WORKERS * ROUNDS);
}
END_TEST

START_TEST(processes_count_exactly)
{
    azl_metrics_t *m = table(SERIES);
    pid_t pids[WORKERS];
    int i, status;

    for (i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        ck_assert_int_ge(pids[i], 0);
        if (pids[i] == 0) {
            work(m, ROUNDS);
            raise(SIGKILL); /* nothing it counted goes with it */
        }
    }
    for (i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFSIGNALED(status));
    }
    check_work(m, WORKERS * ROUNDS);
}
END_TEST

typedef struct flushed_t {
    apr_size_t bytes;
    int times;
} flushed_t;

static void flush(void *baton, azl_buf_t *buf)
{
    flushed_t *flushed = baton;

    flushed->bytes += buf->len;
    flushed->times++;
    azl_buf_clear(buf);
}

START_TEST(large_pages_go_out_in_pieces)
{
    azl_metrics_t *m = table(4 * MANY);
    flushed_t flushed = {0, 0};
    azl_metrics_out_t out = {NULL, flush, &flushed};
    int i;

    for (i = 0; i < MANY; i++) {
        azl_record_t rec = record("m", name_of(i));

        count(m, &rec);
    }
    out.buf = azl_buf_create(azl_test_pool, 40000);
    azl_metrics_write(&out, m, SCOPE);
    ck_assert(!out.buf->failed);
    ck_assert_int_gt(flushed.times, 1);
    ck_assert_uint_eq(flushed.bytes + out.buf->len, strlen(text_of(m, SCOPE)));
}
END_TEST

TCase *azl_test_metrics(void)
{
    TCase *tc = azl_test_tcase("metrics");

    tcase_add_test(tc, empty);
    tcase_add_test(tc, one_request);
    tcase_add_test(tc, fallbacks);
    tcase_add_test(tc, buckets_add_up);
    tcase_add_test(tc, statuses);
    tcase_add_test(tc, labels_are_escaped);
    tcase_add_test(tc, long_labels_are_cut);
    tcase_add_test(tc, money_is_exact);
    tcase_add_test(tc, scopes_are_apart);
    tcase_add_test(tc, overflow);
    tcase_add_test(tc, smallest_table);
    tcase_add_test(tc, half_made_series);
    tcase_add_test(tc, deployments);
    tcase_add_test(tc, follows);
    tcase_add_test(tc, follows_when_full);
    tcase_add_test(tc, threads_count_exactly);
    tcase_add_test(tc, processes_count_exactly);
    tcase_add_test(tc, large_pages_go_out_in_pieces);
    return tc;
}
