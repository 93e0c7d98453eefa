/*
 * azurelitctl usage: sums over usage logs. One line at a time, so that a log
 * of any length needs the same memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_ctl.h"
#include "azl_ctl_usage.h"
#include "azl_time.h"

/* Records are below 2 KB; a longer line is something else. */
#define LINE_MAX_LEN 65536
#define KEY_HASH_LEN 16
#define USEC_PER_DAY (APR_USEC_PER_SEC * 86400)

static const char help[] =
    "usage: azurelitctl usage [OPTION...] FILE...\n"
    "\n"
    "Adds up usage logs (AzureLITUsageLog): requests, errors, tokens, the "
    "part\n"
    "of the prompt tokens that came from a cache, and the exact cost in US\n"
    "dollars. FILE may be - for standard input; compressed logs are read with\n"
    "zcat FILE | azurelitctl usage -\n"
    "\n"
    "  --from D          requests from D on\n"
    "  --to D            requests up to D: a day counts whole, a time is the\n"
    "                    first that no longer counts\n"
    "  --date D          requests of that day\n"
    "                    D is 2026-11-21 or 2026-11-21T10:00:00Z, days are "
    "UTC\n"
    "  --group-by G      a row for each key, model or day\n"
    "  --status S        requests that ended with this status: 429, or 4xx\n"
    "  --key-hash H      requests with this key: the key_hash of its records,\n"
    "                    or its digest sha256:...\n"
    "  --format F        table (as if not given), csv or json\n"
    "\n"
    "\"unpriced\" counts requests with tokens whose cost is not known, "
    "\"estimated\"\n"
    "those whose tokens and cost are an estimate: the provider did not get to\n"
    "say what it had counted.\n"
    "Lines that are no usage records are skipped and counted on standard\n"
    "error. Exit code 1 if a file cannot be read.\n";

typedef enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON } format_e;

typedef struct report_t {
    apr_time_t from; /* inclusive */
    apr_time_t to;   /* exclusive */
    int status_min;
    int status_max;
    const char *key_hash;
    format_e format;
    azl_ctl_sums_t *sums;
    apr_pool_t *scratch; /* of the line that is read */
    apr_int64_t broken;
} report_t;

static void take_line(report_t *r, const char *text, apr_size_t len)
{
    azl_ctl_line_t line;

    if (len > 0 && text[len - 1] == '\r') {
        len--;
    }
    if (len == 0) {
        return;
    }
    apr_pool_clear(r->scratch);
    if (!azl_ctl_line_read(r->scratch, azl_span(text, len), &line)) {
        r->broken++;
        return;
    }
    if (line.time < r->from || line.time >= r->to ||
        line.status < r->status_min || line.status > r->status_max) {
        return;
    }
    if (r->key_hash &&
        (!line.key_hash || strcmp(line.key_hash, r->key_hash) != 0)) {
        return;
    }
    azl_ctl_sums_add(r->sums, &line);
}

/* Take the whole lines of the buffer, move the rest to its front. *skipping
 * says that we are inside a line that was too long. */
static apr_size_t take_lines(report_t *r, char *buf, apr_size_t len,
                             int *skipping)
{
    const char *at = buf;
    const char *end = buf + len;
    const char *lf;

    while ((lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (!*skipping) {
            take_line(r, at, (apr_size_t)(lf - at));
        }
        *skipping = 0;
        at = lf + 1;
    }
    len = (apr_size_t)(end - at);
    if (len == LINE_MAX_LEN) {
        r->broken += !*skipping;
        *skipping = 1;
    }
    if (*skipping) {
        return 0;
    }
    memmove(buf, at, len);
    return len;
}

static int is_gzip(const char *buf, apr_size_t len)
{
    return len >= 2 && memcmp(buf, "\x1f\x8b", 2) == 0;
}

static int complain_read(const char *path, apr_status_t rv)
{
    char reason[120];

    azl_ctl_complain("cannot read %s: %s", path,
                     apr_strerror(rv, reason, sizeof(reason)));
    return AZL_CTL_FAILED;
}

static int read_log(report_t *r, apr_file_t *file, const char *path)
{
    char buf[LINE_MAX_LEN];
    apr_size_t len = 0;
    apr_size_t n;
    apr_status_t rv;
    int first = 1;
    int skipping = 0;

    for (;;) {
        n = sizeof(buf) - len;
        rv = apr_file_read(file, buf + len, &n);
        if (rv != APR_SUCCESS) {
            break;
        }
        if (first && is_gzip(buf, n)) {
            azl_ctl_complain("%s is compressed; use: zcat %s | azurelitctl "
                             "usage -",
                             path, path);
            return AZL_CTL_FAILED;
        }
        first = 0;
        len = take_lines(r, buf, len + n, &skipping);
    }
    /* A last line without its end is being written, or was cut off. */
    take_line(r, buf, len);
    return APR_STATUS_IS_EOF(rv) ? AZL_CTL_OK : complain_read(path, rv);
}

static int read_file(report_t *r, apr_pool_t *p, const char *path)
{
    apr_file_t *file;
    apr_status_t rv;
    int rc;

    if (strcmp(path, "-") == 0) {
        rv = apr_file_open_stdin(&file, p);
    }
    else {
        rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                           APR_FPROT_OS_DEFAULT, p);
    }
    if (rv != APR_SUCCESS) {
        return complain_read(path, rv);
    }
    rc = read_log(r, file, path);
    apr_file_close(file);
    return rc;
}

/* A day, or a moment; `end` asks for where it ends. */
static int parse_moment(const char *option, const char *text, int end,
                        apr_time_t *t)
{
    int only_date;

    if (!azl_time_parse(azl_span_str(text), t, &only_date)) {
        azl_ctl_complain("--%s must be a day like 2026-11-21 or a time like "
                         "2026-11-21T10:00:00Z",
                         option);
        return 0;
    }
    if (end && only_date) {
        *t += USEC_PER_DAY;
    }
    return 1;
}

static int parse_span(report_t *r, const char *from, const char *to,
                      const char *date)
{
    r->from = 0;
    r->to = APR_INT64_MAX;
    if (date && (from || to)) {
        azl_ctl_complain("--date goes with neither --from nor --to");
        return 0;
    }
    if (date && strlen(date) != strlen("2026-11-21")) {
        azl_ctl_complain("--date must be a day like 2026-11-21");
        return 0;
    }
    if (date) {
        return parse_moment("date", date, 0, &r->from) &&
               parse_moment("date", date, 1, &r->to);
    }
    return (!from || parse_moment("from", from, 0, &r->from)) &&
           (!to || parse_moment("to", to, 1, &r->to));
}

static int parse_status(report_t *r, const char *text)
{
    r->status_min = 0;
    r->status_max = 999;
    if (!text) {
        return 1;
    }
    if (strlen(text) == 3 && apr_isdigit(text[0])) {
        if (strcmp(text + 1, "xx") == 0) {
            r->status_min = (text[0] - '0') * 100;
            r->status_max = r->status_min + 99;
            return 1;
        }
        if (apr_isdigit(text[1]) && apr_isdigit(text[2])) {
            r->status_min = r->status_max = atoi(text);
            return 1;
        }
    }
    azl_ctl_complain("--status must be a status like 429 or a class like 4xx");
    return 0;
}

/* What records have is the first 16 digits of the digest. */
static int parse_key_hash(report_t *r, apr_pool_t *p, const char *text)
{
    static const char prefix[] = "sha256:";
    unsigned char bytes[AZL_SHA256_LEN];
    apr_size_t len = KEY_HASH_LEN / 2;
    char hex[KEY_HASH_LEN + 1];

    if (!text) {
        return 1;
    }
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0) {
        text += sizeof(prefix) - 1;
        len = AZL_SHA256_LEN;
    }
    if (!azl_hex_decode(azl_span_str(text), bytes, len)) {
        azl_ctl_complain("--key-hash must be the 16 hex digits of a record, or "
                         "sha256: and 64 hex digits");
        return 0;
    }
    azl_hex_encode(bytes, KEY_HASH_LEN / 2, hex);
    r->key_hash = apr_pstrdup(p, hex);
    return 1;
}

/* The position of the text in the list, `otherwise` for NULL, -1 if it is not
 * there. */
static int parse_word(const char *option, const char *text, int otherwise,
                      const char *const *list, const char *allowed)
{
    int i;

    if (!text) {
        return otherwise;
    }
    for (i = 0; list[i]; i++) {
        if (strcmp(list[i], text) == 0) {
            return i;
        }
    }
    azl_ctl_complain("--%s must be one of: %s", option, allowed);
    return -1;
}

static int run(report_t *r, apr_pool_t *p, const apr_array_header_t *files)
{
    int rc = AZL_CTL_OK;
    int i;

    for (i = 0; i < files->nelts; i++) {
        if (read_file(r, p, APR_ARRAY_IDX(files, i, const char *)) !=
            AZL_CTL_OK) {
            rc = AZL_CTL_FAILED;
        }
    }
    switch (r->format) {
    case FORMAT_TABLE:
        azl_ctl_print_table(p, r->sums);
        break;
    case FORMAT_CSV:
        azl_ctl_print_csv(p, r->sums);
        break;
    case FORMAT_JSON:
        azl_ctl_print_json(p, r->sums, r->broken);
        break;
    }
    if (r->broken > 0) {
        azl_ctl_complain("lines skipped because they are no usage records: "
                         "%" APR_INT64_T_FMT,
                         r->broken);
    }
    return rc;
}

int azl_ctl_usage(apr_pool_t *p, int argc, const char *const *argv)
{
    /* in the order of azl_ctl_group_e and format_e */
    static const char *const groups[] = {"none", "key", "model", "day", NULL};
    static const char *const formats[] = {"table", "csv", "json", NULL};
    const char *from = NULL, *to = NULL, *date = NULL, *group_by = NULL;
    const char *status = NULL, *key_hash = NULL, *format = NULL;
    const azl_ctl_option_t options[] = {
        {"from", &from, NULL},         {"to", &to, NULL},
        {"date", &date, NULL},         {"status", &status, NULL},
        {"group-by", &group_by, NULL}, {"key-hash", &key_hash, NULL},
        {"format", &format, NULL},     {NULL, NULL, NULL}};
    apr_array_header_t *files = apr_array_make(p, 4, sizeof(char *));
    report_t r;
    int group, f;
    int rc =
        azl_ctl_options("azurelitctl usage", help, options, argc, argv, files);

    if (rc >= 0) {
        return rc;
    }
    if (files->nelts == 0) {
        azl_ctl_complain("usage needs a usage log, or - for standard input");
        return AZL_CTL_USAGE;
    }
    memset(&r, 0, sizeof(r));
    group = parse_word("group-by", group_by, AZL_CTL_GROUP_NONE, groups,
                       "none, key, model, day");
    f = parse_word("format", format, FORMAT_TABLE, formats, "table, csv, json");
    if (group < 0 || f < 0 || !parse_span(&r, from, to, date) ||
        !parse_status(&r, status) || !parse_key_hash(&r, p, key_hash)) {
        return AZL_CTL_USAGE;
    }
    r.format = (format_e)f;
    r.sums = azl_ctl_sums_create(p, (azl_ctl_group_e)group);
    apr_pool_create(&r.scratch, p);
    return run(&r, p, files);
}
