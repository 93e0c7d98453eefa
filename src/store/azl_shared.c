#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <apr_shm.h>

#include "azl_shared_int.h"

/* A slot that neither this generation nor the one before it asked for may be
 * another's: processes of the one before may still be busy with it. */
#define GENERATIONS_KEPT 2

static apr_size_t to_line(apr_size_t n)
{
    return (n + AZL_CACHE_LINE - 1) & ~(apr_size_t)(AZL_CACHE_LINE - 1);
}

/* How large a table's elements are; returns where it ends that begins at
 * `at`. */
static apr_size_t measure(azl_shared_table_t *table, apr_size_t at, int n,
                          apr_size_t size, int rows)
{
    table->n = n;
    table->gate_at = size - sizeof(azl_gate_t);
    table->stride = size + to_line(sizeof(azl_word32_t) * (apr_size_t)rows);
    return at + table->stride * (apr_size_t)n;
}

static azl_gate_t *gate_at(const azl_shared_table_t *table, apr_size_t i)
{
    return (azl_gate_t *)(table->base + table->stride * i + table->gate_at);
}

static void open_table(azl_shared_table_t *table, char *base,
                       azl_shared_head_t *head)
{
    int i;

    table->base = base;
    for (i = 0; i < table->n; i++) {
        gate_at(table, (apr_size_t)i)->head = head;
    }
}

apr_status_t azl_shared_create(azl_shared_t **shared, apr_pool_t *pool,
                               const azl_shared_sizes_t *sizes)
{
    azl_shared_t *s = apr_pcalloc(pool, sizeof(*s));
    apr_size_t rows_at = sizeof(azl_shared_head_t);
    apr_size_t once_at, gates_at, health_at, series_at, all;
    apr_status_t rv;
    apr_shm_t *shm;
    char *base;

    if (sizes->processes < 0 || sizes->deployments < 0 || sizes->gates < 0 ||
        sizes->series < 0) {
        return APR_EINVAL;
    }
    s->sizes = *sizes;
    once_at =
        rows_at + to_line(sizeof(azl_word64_t) * (apr_size_t)sizes->processes);
    gates_at = once_at + sizeof(azl_word64_t) * AZL_ONCE_WORDS;
    health_at = measure(&s->gates, gates_at, sizes->gates, sizeof(azl_gate_t),
                        sizes->processes);
    series_at = measure(&s->health, health_at, sizes->deployments,
                        sizeof(azl_health_t), sizes->processes);
    all = series_at + AZL_SHARED_SERIES_SIZE * (apr_size_t)sizes->series;

    /* The kernel gives zeroed pages; APR puts a word of its own in front. */
    rv = apr_shm_create(&shm, all + AZL_CACHE_LINE - 1, NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    base = apr_shm_baseaddr_get(shm);
    base += to_line((apr_uintptr_t)base) - (apr_uintptr_t)base;

    s->head = (azl_shared_head_t *)base;
    s->rows = (azl_word64_t *)(base + rows_at);
    s->once = (azl_word64_t *)(base + once_at);
    open_table(&s->gates, base + gates_at, s->head);
    open_table(&s->health, base + health_at, s->head);
    s->series = base + series_at;
    *shared = s;
    return APR_SUCCESS;
}

const azl_shared_sizes_t *azl_shared_sizes(const azl_shared_t *shared)
{
    return &shared->sizes;
}

void *azl_shared_series_area(azl_shared_t *shared)
{
    return shared->sizes.series > 0 ? shared->series : NULL;
}

void azl_shared_inherit(azl_shared_t *to, const azl_shared_t *from)
{
    unsigned char name[AZL_SEAL_FINGERPRINT_LEN];
    int i, reused;

    atomic_store(&to->head->generation, atomic_load(&from->head->generation));
    azl_once_copy(to, from);
    for (i = 0; i < from->health.n; i++) {
        azl_gate_t *gate = gate_at(&from->health, (apr_size_t)i);
        apr_uint64_t known = atomic_load(&gate->name);
        azl_health_t *h;

        memcpy(name, &known, sizeof(name));
        if (known == 0 ||
            (h = azl_shared_take(to, &to->health, name, &reused)) == NULL) {
            continue;
        }
        azl_health_copy(h,
                        (azl_health_t *)((char *)gate - from->health.gate_at));
        atomic_store(&h->gate.generation, atomic_load(&gate->generation));
    }
}

/* ------------------------------------------------------------------ slots */

void azl_shared_begin_generation(azl_shared_t *shared)
{
    atomic_fetch_add(&shared->head->generation, 1);
}

static int is_stale(const azl_gate_t *gate)
{
    apr_uint32_t age =
        atomic_load(&gate->head->generation) - atomic_load(&gate->generation);

    return age >= GENERATIONS_KEPT && azl_gate_in_flight(gate) == 0;
}

/* Open addressing: from where the name points to on. An element that was taken
 * once never becomes free again, at most another's, so that a search may end
 * at the first that is free. */
static azl_gate_t *find_or_claim(const azl_shared_table_t *table,
                                 apr_uint64_t name)
{
    int i;

    for (i = 0; i < table->n; i++) {
        azl_gate_t *gate =
            gate_at(table, (name + (apr_size_t)i) % (apr_size_t)table->n);
        apr_uint64_t holder = 0;

        if (atomic_compare_exchange_strong(&gate->name, &holder, name) ||
            holder == name) {
            return gate;
        }
    }
    return NULL;
}

static azl_gate_t *claim_stale(const azl_shared_table_t *table,
                               apr_uint64_t name)
{
    int i;

    for (i = 0; i < table->n; i++) {
        azl_gate_t *gate = gate_at(table, (apr_size_t)i);
        apr_uint64_t holder = atomic_load(&gate->name);

        if (is_stale(gate) &&
            atomic_compare_exchange_strong(&gate->name, &holder, name)) {
            return gate;
        }
    }
    return NULL;
}

void *azl_shared_take(azl_shared_t *shared, const azl_shared_table_t *table,
                      const unsigned char name[AZL_SEAL_FINGERPRINT_LEN],
                      int *reused)
{
    apr_uint64_t wanted;
    azl_gate_t *gate;

    _Static_assert(sizeof(wanted) == AZL_SEAL_FINGERPRINT_LEN,
                   "a name is compared as one word");
    memcpy(&wanted, name, sizeof(wanted));
    /* 0 is what a free one has; no digest is 0 in practice. */
    wanted += wanted == 0;

    *reused = 0;
    gate = find_or_claim(table, wanted);
    if (gate == NULL) {
        gate = claim_stale(table, wanted);
        *reused = 1;
    }
    if (gate == NULL) {
        return NULL;
    }
    atomic_store(&gate->generation, atomic_load(&shared->head->generation));
    return (char *)gate - table->gate_at;
}

azl_gate_t *azl_shared_gate(azl_shared_t *shared,
                            const unsigned char name[AZL_SEAL_FINGERPRINT_LEN])
{
    int reused;

    return azl_shared_take(shared, &shared->gates, name, &reused);
}

/* ------------------------------------------------------------------- rows */

static int is_alive(apr_uint64_t pid)
{
    return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

static void empty_words(const azl_shared_table_t *table, int row)
{
    int i;

    for (i = 0; i < table->n; i++) {
        atomic_store(&azl_gate_words(gate_at(table, (apr_size_t)i))[row], 0);
    }
}

/*
 * Only one process empties a row: a second one that is late would take away
 * what the row's next owner has counted. It says who it is, so that its work
 * is taken up by another if it dies over it.
 */
static void empty_row(azl_shared_t *shared, int row, apr_uint64_t holder)
{
    if (atomic_compare_exchange_strong(&shared->rows[row], &holder,
                                       (apr_uint64_t)getpid() |
                                           AZL_ROW_EMPTYING)) {
        empty_words(&shared->gates, row);
        empty_words(&shared->health, row);
        atomic_store(&shared->rows[row], 0);
    }
}

static void use_row(azl_shared_t *shared, apr_uint32_t row)
{
    apr_uint32_t used = atomic_load(&shared->head->rows_used);

    while (used <= row && !atomic_compare_exchange_weak(
                              &shared->head->rows_used, &used, row + 1)) {
    }
}

int azl_shared_enter(azl_shared_t *shared, apr_int64_t pid)
{
    int i;

    /* A row of this pid is of a process that is gone, as this one is new. */
    for (i = 0; i < shared->sizes.processes; i++) {
        apr_uint64_t holder = atomic_load(&shared->rows[i]);
        apr_uint64_t of = holder & ~AZL_ROW_EMPTYING;

        if (of != 0 && (of == (apr_uint64_t)pid || !is_alive(of))) {
            empty_row(shared, i, holder);
        }
    }
    /* The lowest free one, so that few have to be added up. */
    for (i = 0; i < shared->sizes.processes; i++) {
        apr_uint64_t holder = 0;

        if (atomic_compare_exchange_strong(&shared->rows[i], &holder,
                                           (apr_uint64_t)pid)) {
            use_row(shared, (apr_uint32_t)i);
            return i;
        }
    }
    return -1;
}

void azl_shared_leave(azl_shared_t *shared, apr_int64_t pid)
{
    int i;

    for (i = 0; i < shared->sizes.processes; i++) {
        if (atomic_load(&shared->rows[i]) == (apr_uint64_t)pid) {
            empty_row(shared, i, (apr_uint64_t)pid);
        }
    }
}
