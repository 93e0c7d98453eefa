#include "azl_log_buffer.h"

#include <string.h>

#include <apr_shm.h>

#include "azl_shared_int.h"

struct azl_log_part_t {
    _Alignas(AZL_CACHE_LINE) azl_word64_t pid; /* 0: nobody's */
    azl_word32_t len;                          /* whole lines */
    char text[AZL_LOG_PART_SIZE];
};

typedef struct head_t {
    _Alignas(AZL_CACHE_LINE) azl_word32_t torn;
} head_t;

struct azl_log_buffer_t {
    head_t *head;
    azl_log_part_t *parts; /* follow it */
    int n;
};

apr_status_t azl_log_buffer_create(azl_log_buffer_t **buffer, apr_pool_t *pool,
                                   int parts)
{
    azl_log_buffer_t *b = apr_palloc(pool, sizeof(*b));
    apr_size_t size =
        sizeof(head_t) + sizeof(azl_log_part_t) * (apr_size_t)parts;
    apr_uintptr_t base;
    apr_status_t rv;
    apr_shm_t *shm;

    /* zeroed pages; APR puts a word of its own in front */
    rv = apr_shm_create(&shm, size + AZL_CACHE_LINE, NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    base = (apr_uintptr_t)apr_shm_baseaddr_get(shm);
    base += (AZL_CACHE_LINE - base % AZL_CACHE_LINE) % AZL_CACHE_LINE;
    b->head = (head_t *)base;
    b->parts = (azl_log_part_t *)(b->head + 1);
    b->n = parts;
    *buffer = b;
    return APR_SUCCESS;
}

void azl_log_buffer_tear(azl_log_buffer_t *buffer)
{
    atomic_store(&buffer->head->torn, 1);
}

int azl_log_buffer_mend(azl_log_buffer_t *buffer)
{
    /* looked at before each write: by all of them, and hardly ever changed */
    return atomic_load(&buffer->head->torn) &&
           atomic_exchange(&buffer->head->torn, 0);
}

azl_log_part_t *azl_log_buffer_take(azl_log_buffer_t *buffer, apr_int64_t pid)
{
    int i;

    for (i = 0; i < buffer->n; i++) {
        apr_uint64_t nobody = 0;

        if (atomic_compare_exchange_strong(&buffer->parts[i].pid, &nobody,
                                           (apr_uint64_t)pid)) {
            return &buffer->parts[i];
        }
    }
    return NULL;
}

azl_log_part_t *azl_log_buffer_find(azl_log_buffer_t *buffer, apr_int64_t pid)
{
    int i;

    for (i = 0; i < buffer->n; i++) {
        if (atomic_load(&buffer->parts[i].pid) == (apr_uint64_t)pid) {
            return &buffer->parts[i];
        }
    }
    return NULL;
}

void azl_log_part_release(azl_log_part_t *part)
{
    atomic_store(&part->len, 0);
    atomic_store(&part->pid, 0);
}

int azl_log_part_put(azl_log_part_t *part, azl_span_t line)
{
    apr_uint32_t len = atomic_load(&part->len);

    if (line.len > sizeof(part->text) - len) {
        return 0;
    }
    memcpy(part->text + len, line.at, line.len);
    atomic_store(&part->len, len + (apr_uint32_t)line.len);
    return 1;
}

int azl_log_part_is_empty(const azl_log_part_t *part)
{
    return atomic_load(&part->len) == 0;
}

azl_span_t azl_log_part_take(azl_log_part_t *part)
{
    return azl_span(part->text, atomic_exchange(&part->len, 0));
}
