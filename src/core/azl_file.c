#include "azl_file.h"

#include <apr_errno.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include "azl_crypto.h"

/* Of a file that does not say how long it is; doubled as often as needed. */
#define ROOM_FIRST 4096

/* In /proc, and in some file systems of programs, files have no size until
 * they are read. */
static apr_status_t read_unsized(apr_pool_t *p, apr_file_t *file, apr_off_t max,
                                 azl_span_t *content)
{
    apr_size_t room = ROOM_FIRST, len = 0, got;
    char *data = apr_palloc(p, room + 1);
    apr_status_t rv;

    while ((rv = apr_file_read_full(file, data + len, room - len, &got)) ==
               APR_SUCCESS &&
           (apr_off_t)room <= max) {
        char *more = apr_palloc(p, 2 * room + 1);

        memcpy(more, data, room);
        azl_crypto_wipe(data, room); /* it may be a secret */
        data = more;
        len = room;
        room *= 2;
    }
    len += got;
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv)) {
        return rv;
    }
    if ((apr_off_t)len > max) {
        return APR_ENOSPC;
    }
    data[len] = '\0';
    *content = azl_span(data, len);
    return APR_SUCCESS;
}

static apr_status_t read_all(apr_pool_t *p, apr_file_t *file, apr_off_t max,
                             azl_span_t *content)
{
    apr_finfo_t info;
    apr_size_t len;
    apr_status_t rv;
    char *data;

    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (info.filetype != APR_REG) {
        return APR_EINVAL;
    }
    if (info.size > max) {
        return APR_ENOSPC;
    }
    if (info.size == 0) {
        return read_unsized(p, file, max, content);
    }
    len = (apr_size_t)info.size;
    data = apr_palloc(p, len + 1);
    rv = apr_file_read_full(file, data, len, NULL);
    data[len] = '\0';
    *content = azl_span(data, len);
    return rv;
}

apr_status_t azl_file_read(apr_pool_t *p, const char *path, apr_off_t max,
                           azl_span_t *content)
{
    apr_file_t *file;
    apr_status_t rv;

    /* or a pipe would hold whoever opens it until somebody writes */
    rv = apr_file_open(&file, path,
                       APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_NONBLOCK,
                       APR_FPROT_OS_DEFAULT, p);
    if (rv != APR_SUCCESS) {
        return rv == ENXIO ? APR_EINVAL : rv; /* a socket cannot be opened */
    }
    rv = read_all(p, file, max, content);
    apr_file_close(file);
    return rv;
}

const char *azl_file_reason(apr_pool_t *p, apr_status_t rv)
{
    char reason[128];

    if (rv == APR_EINVAL) {
        return "it is not a regular file";
    }
    if (rv == APR_ENOSPC) {
        return "it is too large";
    }
    return apr_pstrdup(p, apr_strerror(rv, reason, sizeof(reason)));
}
