#include "azl_directives_int.h"

#include <stddef.h>

#include <apr_strings.h>
#include <http_core.h>

#include "azl_config_source.h"
#include "azl_file.h"
#include "azl_options.h"

/* Each change restarts httpd gracefully: not more often than this. */
#define INTERVAL_MIN apr_time_from_sec(1)
#define INTERVAL_MAX apr_time_from_sec(86400)
#define INTERVAL_DEFAULT apr_time_from_sec(60)

/* httpd reads its configuration in a second or two; name servers that are away
 * may make that some dozens. */
#define CHECK_MIN apr_time_from_sec(1)
#define CHECK_MAX apr_time_from_sec(3600)
#define CHECK_DEFAULT apr_time_from_sec(60)

/* What the line says. */
typedef struct words_t {
    const char *copy;
    apr_interval_time_t interval;
    apr_interval_time_t check_limit;
    const char *credential;
    const char *tls_ca;
    int strict;
} words_t;

static const char *set_text(apr_pool_t *p, void *target, const char *value)
{
    *(const char **)target = apr_pstrdup(p, value);
    return NULL;
}

static const char *set_path(apr_pool_t *p, void *target, const char *value)
{
    const char *path = ap_server_root_relative(p, value);

    *(const char **)target = path;
    return path ? NULL : "a path";
}

static const char *set_interval(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, INTERVAL_MIN, INTERVAL_MAX, target)
               ? NULL
               : "a time from 1s to 86400s, like 60s";
}

static const char *set_check_limit(apr_pool_t *p, void *target,
                                   const char *value)
{
    apr_interval_time_t limit;

    (void)p;
    if (!azl_option_duration(value, CHECK_MIN, CHECK_MAX, &limit) ||
        limit % APR_USEC_PER_SEC) {
        return "whole seconds from 1s to 3600s, like 60s";
    }
    *(apr_interval_time_t *)target = limit;
    return NULL;
}

static const char *set_strict(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    *(int *)target = strcmp(value, "on") == 0;
    return *(int *)target || strcmp(value, "off") == 0 ? NULL : "on or off";
}

static const azl_option_t source_options[] = {
    {"copy", set_path, offsetof(words_t, copy)},
    {"interval", set_interval, offsetof(words_t, interval)},
    {"check-limit", set_check_limit, offsetof(words_t, check_limit)},
    {"credential", set_text, offsetof(words_t, credential)},
    {"tls-ca", set_path, offsetof(words_t, tls_ca)},
    {"strict", set_strict, offsetof(words_t, strict)},
    {NULL, NULL, 0}};

/* Each has a copy of its own. */
static int is_copy_taken(const char *copy, apr_pool_t *pconf)
{
    const apr_array_header_t *lines = azl_config_sources(pconf);
    int i;

    for (i = 0; lines && i < lines->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(lines, i, azl_config_source_t *)->copy,
                   copy) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Without it nothing that comes could ever be taken. */
static int has_folder(const char *copy, apr_pool_t *p)
{
    apr_finfo_t info;

    return apr_stat(&info, ap_make_dirstr_parent(p, copy), APR_FINFO_TYPE, p) ==
               APR_SUCCESS &&
           info.filetype == APR_DIR;
}

static const char *make_line(cmd_parms *cmd, const char *url,
                             const words_t *words)
{
    azl_config_source_t *line = azl_config_source_add(cmd->pool);
    azl_source_setup_t setup;

    line->pool = cmd->pool;
    line->server = cmd->server;
    line->where = azl_cmd_where(cmd);
    line->copy = words->copy;
    line->next = apr_pstrcat(cmd->pool, words->copy, ".new", NULL);
    line->folder = apr_pstrcat(cmd->pool, words->copy, ".staging", NULL);
    line->staged = apr_pstrcat(cmd->pool, line->folder, "/candidate", NULL);
    line->define =
        apr_pstrcat(cmd->pool, AZL_CONFIG_CANDIDATE ":", words->copy, NULL);
    line->interval = words->interval;
    line->check_limit = words->check_limit;
    line->strict = words->strict;
    setup.url = apr_pstrdup(cmd->pool, url);
    setup.credential = words->credential;
    setup.tls_ca = words->tls_ca;
    return azl_source_create(cmd->pool, &setup, &line->source);
}

static int exists(const char *path, apr_pool_t *p)
{
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_TYPE, p) == APR_SUCCESS;
}

/* What has been fetched, or what is to take its place, for `httpd -t`. */
static const char *file_of(const azl_config_source_t *line, apr_pool_t *p)
{
    return (ap_exists_config_define(AZL_CONFIG_CANDIDATE) ||
            ap_exists_config_define(line->define)) &&
                   exists(line->next, p)
               ? line->next
               : line->copy;
}

static const char *load(cmd_parms *cmd, azl_config_source_t *line)
{
    const char *path = file_of(line, cmd->temp_pool);
    apr_status_t rv;
    azl_span_t text;

    rv = azl_file_read(cmd->temp_pool, path, AZL_SOURCE_MAX, &text);
    if (APR_STATUS_IS_ENOENT(rv)) {
        return NULL; /* it has not come yet */
    }
    if (rv != APR_SUCCESS) {
        return azl_cmd_complain(cmd, path, azl_file_reason(cmd->pool, rv));
    }
    line->loaded = 1;
    azl_crypto_sha256(text.at, text.len, line->digest);
    return azl_cmd_litellm_file(cmd, path, line->strict, 1);
}

/* AzureLITConfigSource URL copy=/path [interval=60s] [check-limit=60s]
 * [credential=...] [tls-ca=/path] [strict=on] */
const char *azl_cmd_config_source(cmd_parms *cmd, void *dirconf, int argc,
                                  char *const argv[])
{
    const char *err = azl_cmd_scope(cmd);
    words_t words = {NULL, INTERVAL_DEFAULT, CHECK_DEFAULT, NULL, NULL, 0};
    const apr_array_header_t *lines;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 1) {
        return azl_cmd_complain(cmd, NULL,
                                "needs a URL and copy=/path/of/the/copy.yaml");
    }
    /* what it says is needed for as long as the line is */
    err = azl_options_parse(cmd->pool, source_options, &words, argc - 1,
                            (const char *const *)argv + 1);
    if (!err && !words.copy) {
        err = "copy=/path is missing: the file where the last good "
              "configuration is kept";
    }
    if (!err && !has_folder(words.copy, cmd->temp_pool)) {
        err = "the folder of copy= does not exist; make it, for instance with "
              "install -d";
    }
    if (!err && is_copy_taken(words.copy, cmd->pool)) {
        err = "another AzureLITConfigSource has the same copy=";
    }
    if (!err) {
        err = make_line(cmd, argv[0], &words);
    }
    if (err) { /* without the URL, which may hold a signature */
        return azl_cmd_complain(cmd, NULL, err);
    }
    azl_cmd_warn_open(cmd, NULL, argv[0]);
    lines = azl_config_sources(cmd->pool);
    return load(cmd,
                APR_ARRAY_IDX(lines, lines->nelts - 1, azl_config_source_t *));
}
