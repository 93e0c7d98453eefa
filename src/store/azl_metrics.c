#include "azl_metrics_int.h"

#include "azl_shared_int.h"

/* Beyond this share of the table searching would get slow. */
#define FULL_OF_4 3
/* At that share runs are short; the few that are longer count as full. */
#define PROBES 64

const int azl_metrics_statuses[AZL_STATUSES] = {200, 400, 401, 403, 404, 408,
                                                413, 429, 499, 500, 502, 503};

/* Half of the time a short answer takes, up to the longest reasoning. */
const apr_interval_time_t azl_metrics_latency[AZL_LATENCY_BUCKETS - 1] = {
    50000,    100000,   250000,   500000,    1000000,   2500000,  5000000,
    10000000, 20000000, 60000000, 120000000, 300000000, 600000000};

const apr_interval_time_t azl_metrics_first_token[AZL_FIRST_TOKEN_BUCKETS - 1] =
    {50000,   100000,  200000,  300000,   500000,   750000,  1000000,
     1500000, 2000000, 5000000, 10000000, 30000000, 60000000};

#define TEXT_SIZE (AZL_METRICS_SERIES_SIZE - 24)

typedef union body_t {
    apr_uint64_t n[TEXT_SIZE / sizeof(apr_uint64_t)];
    char text[TEXT_SIZE]; /* labels, each with its NUL, behind the counts */
} body_t;

typedef struct series_t {
    apr_uint64_t id; /* 0: free */
    apr_uint64_t scope;
    apr_uint32_t ready; /* labels, kind and scope are written */
    apr_uint32_t kind;
    body_t body;
} series_t;

/* The first place of an area, and behind it one series of each kind for what
 * finds no place of its own. */
typedef struct head_t {
    apr_uint64_t capacity;
    apr_uint64_t used;
    azl_metrics_t *former; /* the parent mapped both before it had children:
                              the address is the same in each of them */
    char padding[AZL_METRICS_SERIES_SIZE - 3 * sizeof(apr_uint64_t)];
} head_t;

struct azl_metrics_t {
    head_t head;
    series_t other[AZL_SERIES_KINDS];
    series_t series[];
};

_Static_assert(sizeof(series_t) == AZL_METRICS_SERIES_SIZE &&
                   sizeof(head_t) == AZL_METRICS_SERIES_SIZE &&
                   AZL_METRICS_SERIES_SIZE == AZL_SHARED_SERIES_SIZE,
               "the table must fit what the segment has for it");
_Static_assert((int)AZL_N_MODEL <= (int)AZL_N_MAX &&
                   (int)AZL_N_FALLBACK <= (int)AZL_N_MAX,
               "AZL_N_MAX must be the largest");

static const int counts_of[AZL_SERIES_KINDS] = {
    [AZL_SERIES_CALLER] = AZL_N_CALLER,
    [AZL_SERIES_MODEL] = AZL_N_MODEL,
    [AZL_SERIES_FALLBACK] = AZL_N_FALLBACK,
    [AZL_SERIES_DEPLOYMENT] = AZL_N_DEPLOYMENT};

static apr_uint64_t get(const apr_uint64_t *n)
{
    return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static void add(apr_uint64_t *n, apr_uint64_t more)
{
    __atomic_fetch_add(n, more, __ATOMIC_RELAXED);
}

static void add_positive(apr_uint64_t *n, apr_int64_t more)
{
    if (more > 0) {
        add(n, (apr_uint64_t)more);
    }
}

azl_metrics_t *azl_metrics_at(void *area, int series)
{
    azl_metrics_t *m = area;

    if (!m->head.capacity) {
        m->head.capacity = (apr_uint64_t)series - 1 - AZL_SERIES_KINDS;
    }
    return m;
}

azl_metrics_t *azl_metrics_of(azl_shared_t *shared)
{
    void *area = shared ? azl_shared_series_area(shared) : NULL;

    return area ? azl_metrics_at(area, azl_shared_sizes(shared)->series) : NULL;
}

static apr_uint64_t room(const azl_metrics_t *m)
{
    return m->head.capacity * FULL_OF_4 / 4;
}

/* ---- finding a series ---- */

static apr_uint64_t mix(apr_uint64_t hash, apr_uint64_t word)
{
    hash = (hash ^ word) * APR_UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static apr_uint64_t mix_text(apr_uint64_t hash, const char *text)
{
    apr_size_t len = *text ? strlen(text) : 0; /* most labels are empty */
    apr_uint64_t word;

    hash = mix(hash, len);
    for (; len >= sizeof(word); len -= sizeof(word), text += sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    if (len) {
        memcpy(&word, text, len);
    }
    return mix(hash, word);
}

typedef struct name_t {
    azl_series_kind_e kind;
    apr_uint64_t scope;
    const char *labels[AZL_SERIES_LABELS]; /* NULL: "None", as LiteLLM has it */
} name_t;

/* 64 bits of hash are the identity: with some thousand series two would meet
 * once in a million million tables. */
static apr_uint64_t identity(const name_t *name)
{
    apr_uint64_t hash = mix(name->scope, (apr_uint64_t)name->kind + 1);
    int i;

    for (i = 0; i < AZL_SERIES_LABELS; i++) {
        hash = mix_text(hash, name->labels[i]);
    }
    return hash ? hash : 1;
}

/* Several processes may do so at once: they write the same, so no word is
 * ever seen wrong. */
static void write_labels(series_t *series, const name_t *name)
{
    body_t body;
    apr_size_t words = sizeof(body.n) / sizeof(body.n[0]);
    apr_size_t first = (apr_size_t)counts_of[name->kind];
    char *at = (char *)&body.n[first];
    char *end = body.text + sizeof(body.text);
    apr_size_t w;
    int i;

    memset(at, 0, (apr_size_t)(end - at));
    for (i = 0; i < AZL_SERIES_LABELS; i++) {
        apr_size_t len = strlen(name->labels[i]);
        /* Each keeps a byte for its NUL. Names that configuration allows
         * always fit. */
        apr_size_t most =
            (apr_size_t)(end - at) - (apr_size_t)(AZL_SERIES_LABELS - i);

        len = len < most ? len : most;
        memcpy(at, name->labels[i], len);
        at += len + 1;
    }
    for (w = first; w < words; w++) {
        __atomic_store_n(&series->body.n[w], body.n[w], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&series->scope, name->scope, __ATOMIC_RELAXED);
    __atomic_store_n(&series->kind, (apr_uint32_t)name->kind, __ATOMIC_RELAXED);
    __atomic_store_n(&series->ready, 1, __ATOMIC_RELEASE);
}

/* The series of that identity; with `take` a free place becomes it. NULL if
 * there is neither. */
static series_t *find(azl_metrics_t *m, apr_uint64_t id, int take)
{
    apr_uint64_t i = (id >> 32) * m->head.capacity >> 32;
    int probe;

    for (probe = 0; probe < PROBES; probe++) {
        series_t *series = &m->series[i];
        apr_uint64_t seen = __atomic_load_n(&series->id, __ATOMIC_ACQUIRE);

        if (seen == 0) {
            if (!take || get(&m->head.used) >= room(m)) {
                return NULL;
            }
            if (__atomic_compare_exchange_n(&series->id, &seen, id, 0,
                                            __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
                add(&m->head.used, 1);
                return series;
            }
        }
        if (seen == id) {
            return series;
        }
        i = i + 1 < m->head.capacity ? i + 1 : 0;
    }
    return NULL;
}

static apr_uint64_t *counts(azl_metrics_t *m, const name_t *name)
{
    series_t *series = find(m, identity(name), 1);

    if (!series) {
        return m->other[name->kind].body.n;
    }
    /* Whoever took the place may have been killed before it wrote them. */
    if (!__atomic_load_n(&series->ready, __ATOMIC_ACQUIRE)) {
        write_labels(series, name);
    }
    return series->body.n;
}

/* ---- counting ---- */

static const char *text_or_none(const char *text)
{
    return text ? text : "None";
}

static int status_place(int status)
{
    int i;

    for (i = 0; i < AZL_STATUSES; i++) {
        if (azl_metrics_statuses[i] == status) {
            return AZL_N_STATUS + i;
        }
    }
    i = status / 100 - 2;
    /* what is no HTTP status is our own failure */
    return AZL_N_STATUS_CLASS +
           (i >= 0 && i < AZL_STATUS_CLASSES ? i : AZL_STATUS_CLASSES - 1);
}

static void count_cost(apr_uint64_t *n, const azl_record_t *rec)
{
    const azl_usage_t *usage = &rec->usage;

    if (rec->cost != AZL_PRICE_UNSET) {
        add_positive(&n[AZL_N_MICRO], rec->cost / 1000000);
        add_positive(&n[AZL_N_PICO], rec->cost % 1000000);
    }
    else if (usage->prompt > 0 || usage->completion > 0) {
        add(&n[AZL_N_UNPRICED], 1);
    }
}

static void count_caller(azl_metrics_t *m, apr_uint64_t scope,
                         const azl_record_t *rec,
                         const azl_metrics_more_t *more)
{
    const name_t name = {AZL_SERIES_CALLER,
                         scope,
                         {text_or_none(rec->model), text_or_none(rec->key_name),
                          text_or_none(rec->key_hash)}};
    apr_uint64_t *n = counts(m, &name);

    add(&n[status_place(rec->status)], 1);
    if (rec->error != AZL_CLASS_NONE) {
        add(&n[AZL_N_ERROR + rec->error], 1);
    }
    add_positive(&n[AZL_N_PROMPT], rec->usage.prompt);
    add_positive(&n[AZL_N_COMPLETION], rec->usage.completion);
    add_positive(&n[AZL_N_CACHED], rec->usage.cached);
    add_positive(&n[AZL_N_CACHE_WRITE], rec->usage.cache_write);
    add_positive(&n[AZL_N_REASONING], rec->usage.reasoning);
    add_positive(&n[AZL_N_REFUSED], more->refused);
    count_cost(n, rec);
}

static void observe(apr_uint64_t *buckets, const apr_interval_time_t *limits,
                    int nlimits, apr_interval_time_t value)
{
    int i = 0;

    while (i < nlimits && value > limits[i]) {
        i++;
    }
    add(&buckets[i], 1);
    add_positive(&buckets[nlimits + 1], value);
}

static void count_model(azl_metrics_t *m, apr_uint64_t scope,
                        const azl_record_t *rec, const azl_metrics_more_t *more)
{
    const name_t name = {AZL_SERIES_MODEL, scope, {rec->model, "", ""}};
    apr_uint64_t *n = counts(m, &name);

    /* How long a refusal took says nothing about the model. */
    if (rec->error == AZL_CLASS_NONE && rec->total >= 0) {
        observe(&n[AZL_N_LATENCY], azl_metrics_latency, AZL_LATENCY_BUCKETS - 1,
                rec->total);
    }
    if (rec->streamed && rec->first_token >= 0) {
        observe(&n[AZL_N_FIRST_TOKEN], azl_metrics_first_token,
                AZL_FIRST_TOKEN_BUCKETS - 1, rec->first_token);
    }
    add_positive(&n[AZL_N_RETRIES], rec->attempts - 1);
    add_positive(&n[AZL_N_MALFORMED], more->malformed);
}

static void count_fallback(azl_metrics_t *m, apr_uint64_t scope,
                           const char *model, const char *fallback, int good)
{
    const name_t name = {AZL_SERIES_FALLBACK, scope, {model, fallback, ""}};

    add(&counts(m, &name)[good ? AZL_N_FALLBACK_GOOD : AZL_N_FALLBACK_BAD], 1);
}

static void count_fallbacks(azl_metrics_t *m, apr_uint64_t scope,
                            const azl_record_t *rec,
                            const azl_metrics_more_t *more)
{
    int i;

    for (i = 0; more->failed && i < more->failed->nelts; i++) {
        count_fallback(m, scope, rec->model,
                       APR_ARRAY_IDX(more->failed, i, const char *), 0);
    }
    if (more->fallback) {
        count_fallback(m, scope, rec->model, more->fallback,
                       rec->error == AZL_CLASS_NONE);
    }
}

static void count_success(azl_metrics_t *m, apr_uint64_t scope,
                          const azl_record_t *rec)
{
    const name_t name = {
        AZL_SERIES_DEPLOYMENT, scope, {rec->deployment, "", ""}};

    add(&counts(m, &name)[AZL_N_SUCCESS], 1);
}

void azl_metrics_count(azl_metrics_t *m, apr_uint64_t scope,
                       const azl_record_t *rec, const azl_metrics_more_t *more)
{
    count_caller(m, scope, rec, more);
    if (rec->deployment && rec->error == AZL_CLASS_NONE) {
        count_success(m, scope, rec);
    }
    if (rec->model) {
        count_model(m, scope, rec, more);
        count_fallbacks(m, scope, rec, more);
    }
}

/* ---- looking ---- */

static int is_ready(const series_t *series)
{
    return __atomic_load_n(&series->ready, __ATOMIC_ACQUIRE) == 1;
}

static void labels_of(const series_t *series,
                      const char *labels[AZL_SERIES_LABELS])
{
    const char *at = (const char *)&series->body.n[counts_of[series->kind]];
    int i;

    for (i = 0; i < AZL_SERIES_LABELS; i++) {
        labels[i] = at;
        at += strlen(at) + 1;
    }
}

static void sum_up(apr_uint64_t *sum, const series_t *series, int ncounts)
{
    int i;

    for (i = 0; i < ncounts; i++) {
        sum[i] += get(&series->body.n[i]);
    }
}

/* Series that only processes of a former generation have needed so far. */
static void adopt(azl_metrics_t *m, const azl_metrics_t *former)
{
    apr_uint64_t i;

    for (i = 0; i < former->head.capacity; i++) {
        const series_t *series = &former->series[i];
        name_t name;

        if (is_ready(series)) {
            name.kind = (azl_series_kind_e)series->kind;
            name.scope = series->scope;
            labels_of(series, name.labels);
            counts(m, &name);
        }
    }
}

void azl_metrics_follow(azl_metrics_t *to, azl_metrics_t *from)
{
    to->head.former = from;
    adopt(to, from);
}

static void sum_other(azl_metrics_t *m, azl_series_kind_e kind,
                      apr_uint64_t *sum)
{
    const azl_metrics_t *at;
    apr_uint64_t i;

    for (at = m; at; at = at->head.former) {
        sum_up(sum, &at->other[kind], counts_of[kind]);
        for (i = 0; at != m && i < at->head.capacity; i++) {
            const series_t *series = &at->series[i];

            /* there was no room for it here */
            if (is_ready(series) && series->kind == (apr_uint32_t)kind &&
                !find(m, series->id, 0)) {
                sum_up(sum, series, counts_of[kind]);
            }
        }
    }
}

static int is_anything(const apr_uint64_t *n, int ncounts)
{
    apr_uint64_t any = 0;
    int i;

    for (i = 0; i < ncounts; i++) {
        any |= n[i];
    }
    return any != 0;
}

static void each_of_one(azl_metrics_t *m, const series_t *series,
                        azl_series_fn *fn, void *baton)
{
    const char *labels[AZL_SERIES_LABELS];
    apr_uint64_t n[AZL_N_MAX] = {0};
    azl_metrics_t *at;

    for (at = m; at; at = at->head.former) {
        const series_t *found = at == m ? series : find(at, series->id, 0);

        if (found) {
            sum_up(n, found, counts_of[series->kind]);
        }
    }
    labels_of(series, labels);
    fn(baton, labels, n);
}

void azl_metrics_each(azl_metrics_t *m, azl_series_kind_e kind,
                      apr_uint64_t scope, azl_series_fn *fn, void *baton)
{
    static const char *const labels[AZL_SERIES_LABELS] = {"other", "other",
                                                          "other"};
    apr_uint64_t other[AZL_N_MAX] = {0};
    const azl_metrics_t *former;
    apr_uint64_t i;

    for (former = m->head.former; former; former = former->head.former) {
        adopt(m, former);
    }
    for (i = 0; i < m->head.capacity; i++) {
        const series_t *series = &m->series[i];

        if (is_ready(series) && series->kind == (apr_uint32_t)kind &&
            (scope == AZL_METRICS_EVERY || series->scope == scope)) {
            each_of_one(m, series, fn, baton);
        }
    }
    sum_other(m, kind, other);
    if (is_anything(other, counts_of[kind])) {
        fn(baton, labels, other);
    }
}

void azl_metrics_fill(const azl_metrics_t *m, azl_metrics_fill_t *fill)
{
    fill->used = get(&m->head.used);
    fill->room = room(m);
}

apr_uint64_t azl_metrics_successes(azl_metrics_t *m, apr_uint64_t scope,
                                   const char *deployment)
{
    const name_t name = {AZL_SERIES_DEPLOYMENT, scope, {deployment, "", ""}};
    apr_uint64_t id = identity(&name);
    apr_uint64_t sum = 0;

    for (; m; m = m->head.former) {
        const series_t *series = find(m, id, 0);

        if (series) {
            sum_up(&sum, series, AZL_N_DEPLOYMENT);
        }
    }
    return sum;
}
