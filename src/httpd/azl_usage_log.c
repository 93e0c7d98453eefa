#include "azl_usage_log.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include "azl_httpd.h"

/* A record is below 2 KB; names have their limits. */
#define RECORD_MAX 8192

struct azl_usage_log_t {
    const char *name;
    apr_file_t *file;
};

static apr_status_t open_file(apr_pool_t *pconf, const char *name,
                              apr_file_t **file)
{
    /* who pays, and what for, is for the operator's eyes */
    return apr_file_open(file, name,
                         APR_FOPEN_WRITE | APR_FOPEN_APPEND | APR_FOPEN_CREATE |
                             APR_FOPEN_LARGEFILE,
                         APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD,
                         pconf);
}

azl_usage_log_t *azl_usage_log_open(apr_pool_t *pconf, server_rec *s,
                                    const char *name)
{
    azl_usage_log_t *log = apr_pcalloc(pconf, sizeof(*log));
    apr_status_t rv;

    log->name = name;
    if (*name == '|') {
        piped_log *pl = ap_open_piped_log(pconf, name + 1);

        if (!pl) {
            ap_log_error(
                APLOG_MARK, APLOG_ERR, 0, s,
                AZLNO(
                    0040) "AzureLITUsageLog: the program of '%s' could not be "
                          "started",
                name);
            return NULL;
        }
        log->file = ap_piped_log_write_fd(pl);
        return log;
    }
    rv = open_file(pconf, name, &log->file);
    if (rv != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, s,
            AZLNO(
                0041) "AzureLITUsageLog: cannot open '%s'; the directory must "
                      "exist and be writable",
            name);
        return NULL;
    }
    return log;
}

apr_status_t azl_usage_log_write(azl_usage_log_t *log, apr_pool_t *p,
                                 const azl_record_t *rec)
{
    azl_buf_t *line = azl_buf_create(p, RECORD_MAX);
    apr_status_t rv = azl_record_write(line, rec);

    if (rv == APR_SUCCESS) {
        /* one write(2): appends of several processes never mix */
        rv = apr_file_write_full(log->file, line->data, line->len, NULL);
    }
    azl_buf_free(line);
    return rv;
}
