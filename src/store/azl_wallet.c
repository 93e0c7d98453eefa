#include "azl_wallet.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <apr_shm.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_shared_int.h"

/* Of a sum: enough that nothing torn is taken for whole. */
#define SUM_LEN 8
/* A slot that neither this generation nor the one before it asked for may be
 * another's. */
#define GENERATIONS_KEPT 2
/* A reader that a writer overtakes looks again. Two writes while it copies are
 * rare, and what it misses it gets a moment later. */
#define LOOKS 3
/* A claim: the second it ends, and the process. */
#define PID_BITS 32
#define PID_MASK (((apr_uint64_t)1 << PID_BITS) - 1)

typedef struct record_t {
    unsigned char sum[SUM_LEN]; /* of what follows, up to its end */
    apr_uint64_t version;
    apr_uint64_t len;
    char what[AZL_WALLET_MAX];
} record_t;

struct azl_wallet_slot_t {
    _Alignas(AZL_CACHE_LINE) azl_word64_t name; /* 0: free */
    azl_word32_t generation;                    /* the last that asked for it */
    azl_word32_t trouble;
    azl_word64_t claim;   /* 0: nobody's */
    azl_word64_t version; /* odd and even take turns in the records */
    record_t records[2];
};

struct azl_wallet_t {
    azl_wallet_slot_t *slots;
    int n;
    apr_uint32_t generation;
};

apr_status_t azl_wallet_create(azl_wallet_t **wallet, apr_pool_t *pool, int n)
{
    azl_wallet_t *w = apr_pcalloc(pool, sizeof(*w));
    apr_size_t size = sizeof(azl_wallet_slot_t) * (apr_size_t)n;
    apr_status_t rv;
    apr_shm_t *shm;
    char *base;

    /* The kernel gives zeroed pages, those that nobody touches cost nothing;
     * APR puts a word of its own in front. */
    rv = apr_shm_create(&shm, size + AZL_CACHE_LINE, NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    base = apr_shm_baseaddr_get(shm);
#ifdef MADV_DONTDUMP
    {
        apr_uintptr_t page = (apr_uintptr_t)base & ~(apr_uintptr_t)4095;

        madvise((void *)page, size + AZL_CACHE_LINE, MADV_DONTDUMP);
    }
#endif
    base += (AZL_CACHE_LINE - (apr_uintptr_t)base % AZL_CACHE_LINE) %
            AZL_CACHE_LINE;
    w->slots = (azl_wallet_slot_t *)base;
    w->n = n;
    *wallet = w;
    return APR_SUCCESS;
}

int azl_wallet_size(const azl_wallet_t *wallet)
{
    return wallet->n;
}

void azl_wallet_begin_generation(azl_wallet_t *wallet)
{
    wallet->generation++;
}

static int is_stale(const azl_wallet_t *wallet, const azl_wallet_slot_t *slot)
{
    return wallet->generation - atomic_load(&slot->generation) >=
           GENERATIONS_KEPT;
}

/* Another's: what was in it goes. */
static void empty(azl_wallet_slot_t *slot)
{
    atomic_store(&slot->claim, 0);
    atomic_store(&slot->version, 0);
    atomic_store(&slot->trouble, 0);
    azl_crypto_wipe(slot->records, sizeof(slot->records));
}

static azl_wallet_slot_t *find(azl_wallet_t *wallet, apr_uint64_t name)
{
    azl_wallet_slot_t *free_one = NULL;
    int i;

    for (i = 0; i < wallet->n; i++) {
        azl_wallet_slot_t *slot = &wallet->slots[i];
        apr_uint64_t holder = atomic_load(&slot->name);

        if (holder == name) {
            return slot;
        }
        if (!free_one && (!holder || is_stale(wallet, slot))) {
            free_one = slot;
        }
    }
    if (free_one) {
        if (atomic_load(&free_one->name)) {
            empty(free_one);
        }
        atomic_store(&free_one->name, name);
    }
    return free_one;
}

azl_wallet_slot_t *
azl_wallet_slot(azl_wallet_t *wallet,
                const unsigned char name[AZL_SEAL_FINGERPRINT_LEN])
{
    azl_wallet_slot_t *slot;
    apr_uint64_t wanted;

    memcpy(&wanted, name, sizeof(wanted));
    wanted += wanted == 0; /* no digest is 0 in practice */
    slot = find(wallet, wanted);
    if (slot) {
        atomic_store(&slot->generation, wallet->generation);
    }
    return slot;
}

apr_uint64_t azl_wallet_version(const azl_wallet_slot_t *slot)
{
    return atomic_load(&slot->version);
}

static int sum_of(const record_t *record, azl_span_t what,
                  unsigned char sum[AZL_SHA256_LEN])
{
    azl_span_t pieces[2];

    pieces[0] = azl_span((const char *)&record->version,
                         sizeof(record->version) + sizeof(record->len));
    pieces[1] = what;
    return azl_crypto_sha256_pieces(pieces, 2, sum) == APR_SUCCESS;
}

/* What is there in that version, if it is whole. */
static azl_span_t read_record(const azl_wallet_slot_t *slot, apr_pool_t *p,
                              apr_uint64_t version)
{
    const record_t *from = &slot->records[version % 2];
    unsigned char sum[AZL_SHA256_LEN];
    record_t *copy = apr_palloc(p, sizeof(*copy));
    azl_span_t what = azl_span("", 0);

    memcpy(copy, from, offsetof(record_t, what));
    if (copy->version != version || copy->len > AZL_WALLET_MAX) {
        return what;
    }
    memcpy(copy->what, from->what, copy->len);
    atomic_thread_fence(memory_order_acquire);
    what = azl_span(copy->what, copy->len);
    return sum_of(copy, what, sum) && memcmp(sum, copy->sum, SUM_LEN) == 0
               ? what
               : azl_span("", 0);
}

azl_span_t azl_wallet_get(const azl_wallet_slot_t *slot, apr_pool_t *p,
                          apr_uint64_t *version)
{
    azl_span_t what = azl_span("", 0);
    int i;

    for (i = 0; i < LOOKS && !what.len; i++) {
        *version = atomic_load(&slot->version);
        if (!*version) {
            break;
        }
        what = read_record(slot, p, *version);
    }
    return what;
}

static int is_gone(apr_uint64_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Not one that ends later than any could that is made about now: the clock has
 * been put back since. */
static int is_held(apr_uint64_t claim, apr_time_t now, apr_time_t until)
{
    apr_int64_t end = (apr_int64_t)(claim >> PID_BITS);

    return end >= apr_time_sec(now) &&
           end <= apr_time_sec(until + until - now) &&
           !is_gone(claim & PID_MASK);
}

int azl_wallet_claim(azl_wallet_slot_t *slot, apr_int64_t pid, apr_time_t now,
                     apr_time_t until)
{
    apr_uint64_t held = atomic_load(&slot->claim);
    apr_uint64_t ours =
        (apr_uint64_t)apr_time_sec(until) << PID_BITS | (apr_uint64_t)pid;

    if (held && is_held(held, now, until)) {
        return 0;
    }
    return atomic_compare_exchange_strong(&slot->claim, &held, ours);
}

void azl_wallet_release(azl_wallet_slot_t *slot, apr_int64_t pid)
{
    apr_uint64_t held = atomic_load(&slot->claim);

    if ((held & PID_MASK) == (apr_uint64_t)pid) {
        atomic_compare_exchange_strong(&slot->claim, &held, 0);
    }
}

apr_status_t azl_wallet_put(azl_wallet_slot_t *slot, azl_span_t what)
{
    apr_uint64_t version = atomic_load(&slot->version) + 1;
    record_t *to = &slot->records[version % 2];
    record_t *before = &slot->records[(version + 1) % 2];
    unsigned char sum[AZL_SHA256_LEN];

    if (what.len > AZL_WALLET_MAX) {
        return APR_ENOSPC;
    }
    to->version = version;
    to->len = what.len;
    memcpy(to->what, what.at, what.len);
    if (!sum_of(to, what, sum)) {
        return APR_EGENERAL;
    }
    memcpy(to->sum, sum, SUM_LEN);
    atomic_thread_fence(memory_order_release);
    atomic_store(&slot->version, version);
    /* who is just reading it sees that, and takes the new one */
    azl_crypto_wipe(before->what, before->len);
    return APR_SUCCESS;
}

int azl_wallet_note(azl_wallet_slot_t *slot, int trouble)
{
    return (int)atomic_exchange(&slot->trouble, (apr_uint32_t)trouble);
}

void azl_wallet_inherit(azl_wallet_t *to, const azl_wallet_t *from,
                        apr_pool_t *p)
{
    int i;

    to->generation = from->generation;
    for (i = 0; i < from->n && i < to->n; i++) {
        const azl_wallet_slot_t *slot = &from->slots[i];
        apr_uint64_t version;
        azl_span_t what = azl_wallet_get(slot, p, &version);

        atomic_store(&to->slots[i].name, atomic_load(&slot->name));
        atomic_store(&to->slots[i].generation, atomic_load(&slot->generation));
        atomic_store(&to->slots[i].trouble, atomic_load(&slot->trouble));
        if (what.len) {
            azl_wallet_put(&to->slots[i], what);
            azl_crypto_wipe((char *)what.at, what.len);
        }
    }
}
