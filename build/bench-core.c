/*
 * bench-core: what the core does for a request, alone, so that callgrind can
 * count its instructions.
 *
 *     bench-core                                  the names of what there is
 *     bench-core NAME TIMES SMALL-FILE LARGE-FILE do it that many times
 *
 * The files are request bodies, written by build/bench.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_crypto.h"
#include "azl_dialect.h"
#include "azl_document.h"
#include "azl_health.h"
#include "azl_key.h"
#include "azl_random.h"
#include "azl_record.h"
#include "azl_reply.h"
#include "azl_route.h"
#include "azl_routing.h"

#define KEYS 1000
#define KEY "sk-bench-0123456789abcdef0123456789abcdef"

#define SAFE "{\"filtered\":false,\"severity\":\"safe\"}"
#define FILTERS                                                                \
    "{\"hate\":" SAFE ",\"self_harm\":" SAFE ",\"sexual\":" SAFE               \
    ",\"violence\":" SAFE "}"

static const char small_answer[] =
    "{\"choices\":[{\"content_filter_results\":" FILTERS
    ",\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null,"
    "\"message\":{\"annotations\":[],\"content\":\"The quick brown fox "
    "jumps over the lazy dog near the river bank.\",\"refusal\":null,"
    "\"role\":\"assistant\"}}],\"created\":1762000000,"
    "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
    "\"model\":\"gpt-4.1-2025-04-14\",\"object\":\"chat.completion\","
    "\"usage\":{\"completion_tokens\":17,\"prompt_tokens\":200,"
    "\"total_tokens\":217}}";

static const char chunk[] =
    "data: {\"choices\":[{\"content_filter_results\":" FILTERS
    ",\"delta\":{\"content\":\" token\"},\"finish_reason\":null,"
    "\"index\":0,\"logprobs\":null}],\"created\":1762000000,"
    "\"id\":\"chatcmpl-BenchBenchBenchBenchBench01\","
    "\"model\":\"gpt-4.1-2025-04-14\",\"obfuscation\":\"Yx3qR0a\","
    "\"object\":\"chat.completion.chunk\","
    "\"system_fingerprint\":\"fp_07e970ab25\",\"usage\":null}\n\n";

/* As many deployments as a large group has, and processes as 5 000 streams
 * want. */
#define CHOICES 50
#define PROCESSES 26

/* What the work needs, made once. */
typedef struct bench_t {
    apr_pool_t *pool;
    apr_pool_t *once; /* cleared after each time */
    azl_span_t small;
    azl_span_t large;
    azl_endpoint_t endpoint;
    azl_deployment_t deployment;
    azl_reply_rules_t rules;
    azl_keyring_t *ring;
    azl_stream_t *stream;
    azl_buf_t *out;
    azl_record_t record;
    azl_model_t group;
    azl_load_t loads[CHOICES];
    azl_health_t *health[CHOICES];
} bench_t;

static void fail(const char *what)
{
    fprintf(stderr, "bench-core: %s\n", what);
    exit(1);
}

static void do_document(bench_t *b, azl_span_t body)
{
    azl_document_t doc;
    azl_error_t err;
    azl_body_t piece;

    if (!azl_document_read(b->once, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                           "application/json", body, &doc, &err)) {
        fail(err.message);
    }
    b->endpoint.dialect->body(b->once, &b->deployment, &doc, NULL, &piece);
}

static void do_document_1kb(bench_t *b)
{
    do_document(b, b->small);
}

static void do_document_114kb(bench_t *b)
{
    do_document(b, b->large);
}

static void do_route(bench_t *b)
{
    azl_route_t route;

    (void)b;
    if (!azl_route_find(&route, "", "POST", "/v1/chat/completions")) {
        fail("no route");
    }
}

static void do_key(bench_t *b)
{
    if (!azl_keyring_find(b->ring, azl_span_str(KEY), apr_time_now())) {
        fail("no key");
    }
}

static void do_reply(bench_t *b)
{
    azl_usage_t usage;

    azl_buf_clear(b->out);
    if (azl_reply_rewrite(&b->rules,
                          azl_span(small_answer, sizeof(small_answer) - 1),
                          b->out, &usage) != APR_SUCCESS) {
        fail("no answer");
    }
}

static void do_chunk(bench_t *b)
{
    azl_buf_clear(b->out);
    if (azl_stream_feed(b->stream, chunk, sizeof(chunk) - 1, b->out) !=
            APR_SUCCESS ||
        b->out->len == 0) {
        fail("no chunk");
    }
}

static void do_record(bench_t *b)
{
    azl_buf_clear(b->out);
    azl_record_write(b->out, &b->record);
}

static apr_uint32_t random_number(void *baton)
{
    (void)baton;
    return (apr_uint32_t)(azl_random_u64() >> 32);
}

static void do_choice(bench_t *b, azl_strategy_e strategy)
{
    const azl_deployment_t *out[2 * CHOICES];
    azl_routing_t how = {strategy, 1, azl_random_u64(), random_number, NULL};
    azl_load_t *load = &b->loads[how.affinity % CHOICES];
    apr_uint32_t bits = (apr_uint32_t)(how.affinity >> 32);
    int available;

    /* the load is never the same twice, as on a server */
    load->in_flight = bits % 100;
    load->requests = bits % 1000;
    load->tokens = bits % 1000000;
    load->first_token = 100000 + bits % 500000;
    if (azl_routing_order(&b->group, b->loads, NULL, &how, out, &available) !=
        CHOICES) {
        fail("no choice");
    }
}

static void do_choice_shuffle(bench_t *b)
{
    do_choice(b, AZL_STRATEGY_SHUFFLE);
}

static void do_choice_busy(bench_t *b)
{
    do_choice(b, AZL_STRATEGY_LEAST_BUSY);
}

static void do_choice_latency(bench_t *b)
{
    do_choice(b, AZL_STRATEGY_LATENCY);
}

static void do_choice_usage(bench_t *b)
{
    do_choice(b, AZL_STRATEGY_USAGE);
}

static void do_choice_cost(bench_t *b)
{
    do_choice(b, AZL_STRATEGY_COST);
}

static void do_choice_affinity(bench_t *b)
{
    do_choice(b, AZL_STRATEGY_AFFINITY);
}

/* What every strategy asks of each deployment, ... */
static void do_state(bench_t *b)
{
    apr_time_t now = apr_time_now();
    int i;

    for (i = 0; i < CHOICES; i++) {
        if (azl_health_state(b->health[i], now) != AZL_HEALTH_OK) {
            fail("not healthy");
        }
    }
}

/* ... and those that compare numbers. */
static void do_view(bench_t *b)
{
    apr_time_t now = apr_time_now();
    azl_health_view_t view;
    int i;

    for (i = 0; i < CHOICES; i++) {
        azl_health_view(b->health[i], now, &view);
        b->loads[i].in_flight = view.in_flight;
    }
}

static const struct {
    const char *name;
    void (*once)(bench_t *b);
} works[] = {
    {"route", do_route},
    {"key", do_key},
    {"document-1kb", do_document_1kb},
    {"document-114kb", do_document_114kb},
    {"reply-0.6kb", do_reply},
    {"chunk", do_chunk},
    {"record", do_record},
    {"choice-50-simple-shuffle", do_choice_shuffle},
    {"choice-50-least-busy", do_choice_busy},
    {"choice-50-latency", do_choice_latency},
    {"choice-50-usage", do_choice_usage},
    {"choice-50-cost", do_choice_cost},
    {"choice-50-cache-affinity", do_choice_affinity},
    {"state-50", do_state},
    {"view-50", do_view},
};

#define WORKS (sizeof(works) / sizeof(works[0]))

static azl_span_t read_file(apr_pool_t *p, const char *path)
{
    apr_file_t *f;
    apr_finfo_t info;
    char *data;

    if (apr_file_open(&f, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, p) !=
            APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, f) != APR_SUCCESS) {
        fail(path);
    }
    data = apr_palloc(p, (apr_size_t)info.size + 1);
    if (apr_file_read_full(f, data, (apr_size_t)info.size, NULL) !=
        APR_SUCCESS) {
        fail(path);
    }
    apr_file_close(f);
    return azl_span(data, (apr_size_t)info.size);
}

/* Processes that have begun to count. A place is only taken from who has
 * ended when another comes, so they need not stay. */
static void enter_processes(azl_shared_t *shared)
{
    pid_t pids[PROCESSES];
    int i;

    for (i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            pause();
            _exit(0);
        }
        if (pids[i] < 0 || azl_shared_enter(shared, pids[i]) != i) {
            fail("no place for a process");
        }
    }
    for (i = 0; i < PROCESSES; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
}

static void prepare_group(bench_t *b)
{
    azl_shared_sizes_t sizes = {PROCESSES, CHOICES, 1, 1};
    azl_shared_t *shared;
    int i;

    if (azl_shared_create(&shared, b->pool, &sizes) != APR_SUCCESS) {
        fail("no shared memory");
    }
    enter_processes(shared);
    b->group.deployments =
        apr_array_make(b->pool, CHOICES, sizeof(azl_deployment_t *));
    for (i = 0; i < CHOICES; i++) {
        azl_deployment_t *d = apr_pcalloc(b->pool, sizeof(*d));
        apr_uint64_t mark = azl_random_u64();

        d->weight = 1 + i % 5;
        d->rpm = 1000;
        d->tpm = 1000000;
        azl_price_init(&d->price);
        d->price.input = 1000000 + (azl_pico_t)(mark % 10) * 250000;
        d->price.output = 4 * d->price.input;
        memcpy(d->fingerprint, &mark, sizeof(mark));
        APR_ARRAY_PUSH(b->group.deployments, azl_deployment_t *) = d;
        b->loads[i].in_flight = (apr_uint32_t)i;
        b->loads[i].first_token = 100000 + i * 10000;
        b->health[i] = azl_shared_health(shared, d->fingerprint);
        if (!b->health[i]) {
            fail("no slot");
        }
    }
}

static void prepare(bench_t *b, char **argv)
{
    int i;

    memset(b, 0, sizeof(*b));
    apr_pool_create(&b->pool, NULL);
    apr_pool_create(&b->once, b->pool);
    b->small = read_file(b->pool, argv[3]);
    b->large = read_file(b->pool, argv[4]);
    b->endpoint.name = "azure";
    b->endpoint.url = "http://127.0.0.1";
    b->endpoint.dialect = azl_dialect_find("azure");
    b->deployment.endpoint = &b->endpoint;
    b->deployment.id = "azure/small";
    b->deployment.name = "small";
    b->deployment.name_json = "\"small\"";
    b->rules.op = AZL_OP_CHAT;
    b->rules.alias_json = "\"gpt-4.1\"";
    b->out = azl_buf_create(b->pool, 1024 * 1024);
    b->stream = azl_stream_create(b->pool, &b->rules);

    azl_crypto_init(b->pool);
    b->ring = azl_keyring_create(b->pool);
    for (i = 0; i < KEYS; i++) {
        const char *key = i ? apr_psprintf(b->pool, "sk-other-%d", i) : KEY;

        azl_keyring_add(b->ring, apr_psprintf(b->pool, "key-%d", i),
                        azl_key_digest_text(b->pool, azl_span_str(key)), 0,
                        NULL);
    }

    azl_record_init(&b->record);
    b->record.time = apr_time_now();
    b->record.request_id = "0123456789abcdef0123456789abcdef";
    b->record.key_name = "key-0";
    b->record.key_hash = "0123456789abcdef";
    b->record.surface = "chat";
    b->record.model = "small";
    b->record.deployment = "azure/small";
    b->record.endpoint = "azure";
    b->record.status = 200;
    b->record.attempts = 1;
    prepare_group(b);
}

int main(int argc, char **argv)
{
    bench_t b;
    long times;
    size_t i;

    if (argc != 1 && argc != 5) {
        fprintf(stderr, "usage: bench-core [NAME TIMES SMALL-FILE "
                        "LARGE-FILE]\n");
        return 2;
    }
    for (i = 0; argc == 1 && i < WORKS; i++) {
        puts(works[i].name);
    }
    if (argc == 1) {
        return 0;
    }
    apr_initialize();
    prepare(&b, argv);
    for (i = 0; i < WORKS && strcmp(works[i].name, argv[1]) != 0; i++) {
    }
    if (i == WORKS) {
        fail("there is no such work");
    }
    for (times = atol(argv[2]); times > 0; times--) {
        works[i].once(&b);
        apr_pool_clear(b.once);
    }
    apr_terminate();
    return 0;
}
