#include <apr_file_io.h>

#include "azl_file.h"

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

    rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                       APR_FPROT_OS_DEFAULT, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = read_all(p, file, max, content);
    apr_file_close(file);
    return rv;
}
