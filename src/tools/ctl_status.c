/*
 * azurelitctl status: how the deployments of a running server are.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_ctl.h"
#include "azl_http.h"
#include "azl_json.h"
#include "azl_options.h"

#define ANSWER_MAX (8 * 1024 * 1024)
#define TIMEOUT apr_time_from_sec(10)
#define WATCH_MAX 86400
/* Begin at the top left, on an empty screen. */
#define CLEAR_SCREEN "\033[H\033[2J"

static const char help[] =
    "usage: azurelitctl status [OPTION...] URL\n"
    "\n"
    "Asks a running server for the state of its deployments (/health below "
    "URL,\n"
    "which is https://llm.example.com or http://127.0.0.1:4000/base) and "
    "prints\n"
    "a table. \"calls\" and \"failed\" are those of this minute, \"left\" is "
    "what the\n"
    "provider said last of its limits.\n"
    "\n"
    "  --key K      the master key: env:NAME or file:PATH. Other users can "
    "see\n"
    "               arguments, so it is not taken as one\n"
    "  --ca FILE    authorities to trust, PEM, for a server with a "
    "certificate\n"
    "               of its own\n"
    "  --watch S    again every S seconds, 1 to 86400, until it is "
    "interrupted\n"
    "\n"
    "Exit code 1 if a deployment is not well, or the server does not say.\n";

typedef struct status_t {
    azl_http_request_t request;
    int watch; /* seconds; 0: once */
} status_t;

enum {
    COLUMN_MODEL,
    COLUMN_DEPLOYMENT,
    COLUMN_STATE,
    COLUMN_IN_FLIGHT,
    COLUMN_CALLS,
    COLUMN_FAILED,
    COLUMN_LATENCY,
    COLUMN_FIRST_TOKEN,
    COLUMN_REQUESTS,
    COLUMN_TOKENS,
    COLUMN_WHY,
    COLUMNS
};

typedef struct column_t {
    const char *title;
    const char *member; /* of an entry */
    const char *unit;
    int number; /* to the right */
} column_t;

static const column_t columns[COLUMNS] = {
    [COLUMN_MODEL] = {"model", "model", "", 0},
    [COLUMN_DEPLOYMENT] = {"deployment", "deployment", "", 0},
    [COLUMN_STATE] = {"state", "state", "", 0},
    [COLUMN_IN_FLIGHT] = {"in flight", "in_flight", "", 1},
    [COLUMN_CALLS] = {"calls", "calls_this_minute", "", 1},
    [COLUMN_FAILED] = {"failed", "failures_this_minute", "", 1},
    [COLUMN_LATENCY] = {"latency", "latency_ms", " ms", 1},
    [COLUMN_FIRST_TOKEN] = {"first token", "first_token_ms", " ms", 1},
    [COLUMN_REQUESTS] = {"requests left", "remaining_requests", "", 1},
    [COLUMN_TOKENS] = {"tokens left", "remaining_tokens", "", 1},
    [COLUMN_WHY] = {"why", "why", "", 0}};

typedef struct row_t {
    const char *cell[COLUMNS];
} row_t;

/* Whatever answers, it must not steer the terminal. */
static const char *printable(apr_pool_t *p, const char *text)
{
    char *copy = apr_pstrdup(p, text);
    char *at;

    for (at = copy; *at; at++) {
        if (apr_iscntrl(*at)) {
            *at = '?';
        }
    }
    return copy;
}

static const char *cell(apr_pool_t *p, const azl_json_t *entry,
                        const column_t *column)
{
    azl_json_t *value;
    const char *text;

    if (!azl_json_member(entry, column->member, &value) || !value) {
        return "-";
    }
    text = azl_json_string(value);
    if (!text) {
        text = azl_json_number(value);
    }
    return text ? apr_pstrcat(p, printable(p, text), column->unit, NULL) : "?";
}

/* Returns how many there are, or -1 if there is no such list. */
static int add_list(apr_pool_t *p, const azl_json_t *json, const char *name,
                    apr_array_header_t *rows)
{
    azl_json_t *list;
    apr_size_t i;
    int c;

    if (!azl_json_member(json, name, &list)) {
        return -1;
    }
    for (i = 0; i < azl_json_length(list); i++) {
        row_t *row = apr_array_push(rows);

        for (c = 0; c < COLUMNS; c++) {
            row->cell[c] = cell(p, azl_json_at(list, i), &columns[c]);
        }
    }
    return (int)azl_json_length(list);
}

static void print_row(const row_t *row, const int width[COLUMNS])
{
    int c;

    for (c = 0; c < COLUMNS; c++) {
        /* nothing behind the last cell */
        int w = c == COLUMNS - 1 ? 0 : width[c];

        printf(columns[c].number ? "%s%*s" : "%s%-*s", c ? "  " : "", w,
               row->cell[c]);
    }
    putchar('\n');
}

static void print_table(const apr_array_header_t *rows)
{
    int width[COLUMNS] = {0};
    int i, c;

    for (i = 0; i < rows->nelts; i++) {
        for (c = 0; c < COLUMNS; c++) {
            int len = (int)strlen(APR_ARRAY_IDX(rows, i, row_t).cell[c]);

            width[c] = len > width[c] ? len : width[c];
        }
    }
    for (i = 0; i < rows->nelts; i++) {
        print_row(&APR_ARRAY_IDX(rows, i, row_t), width);
    }
}

static int print_health(apr_pool_t *p, const azl_json_t *json)
{
    apr_array_header_t *rows = apr_array_make(p, 16, sizeof(row_t));
    row_t *head = apr_array_push(rows);
    int c, bad, good;

    for (c = 0; c < COLUMNS; c++) {
        head->cell[c] = columns[c].title;
    }
    bad = add_list(p, json, "unhealthy_endpoints", rows);
    good = add_list(p, json, "healthy_endpoints", rows);
    if (bad < 0 || good < 0) {
        azl_ctl_complain("what answers is no mod_azurelit");
        return AZL_CTL_FAILED;
    }
    print_table(rows);
    printf("%d well, %d not\n", good, bad);
    return bad ? AZL_CTL_FAILED : AZL_CTL_OK;
}

static int complain_status(int status)
{
    switch (status) {
    case 401:
        azl_ctl_complain("the server wants its master key; see --key");
        break;
    case 403:
        azl_ctl_complain("the server wants its master key, and this is "
                         "another");
        break;
    default:
        azl_ctl_complain("the server answers %d", status);
    }
    return AZL_CTL_FAILED;
}

static int ask(apr_pool_t *p, const status_t *status)
{
    azl_http_answer_t answer;
    azl_json_t *json;
    const char *err = azl_http_call(p, &status->request, &answer);

    if (err) {
        azl_ctl_complain("the server cannot be asked: %s", err);
        return AZL_CTL_FAILED;
    }
    if (answer.status != 200) {
        return complain_status(answer.status);
    }
    if (azl_json_parse(p, answer.body, &json)) {
        azl_ctl_complain("what answers is no mod_azurelit");
        return AZL_CTL_FAILED;
    }
    return print_health(p, json);
}

/* Until somebody interrupts it, or nobody reads it any more. */
static int watch(apr_pool_t *p, const status_t *status)
{
    int tty = isatty(STDOUT_FILENO);
    apr_pool_t *round;
    int rc = AZL_CTL_OK;

    apr_pool_create(&round, p);
    while (!ferror(stdout)) {
        if (tty) {
            fputs(CLEAR_SCREEN, stdout);
        }
        rc = ask(round, status);
        fputs(tty ? "" : "\n", stdout);
        fflush(stdout);
        apr_pool_clear(round);
        apr_sleep(apr_time_from_sec(status->watch));
    }
    return rc;
}

static int set_key(apr_pool_t *p, status_t *status, const char *key)
{
    const char **headers = apr_pcalloc(p, 2 * sizeof(*headers));
    const azl_secret_t *secret;
    const char *err;
    int literal = 0;

    if (!key) {
        return 1;
    }
    if (strncmp(key, "env:", 4) != 0 && strncmp(key, "file:", 5) != 0) {
        azl_ctl_complain("--key must be env:NAME or file:PATH");
        return 0;
    }
    err = azl_option_secret(p, key, &secret, &literal);
    if (err) {
        azl_ctl_complain("--key: %s", err);
        return 0;
    }
    headers[0] = apr_pstrcat(p, "Authorization: Bearer ",
                             azl_secret_reveal(secret), NULL);
    status->request.headers = headers;
    return 1;
}

static void set_url(apr_pool_t *p, status_t *status, const char *base)
{
    char *url = apr_pstrdup(p, base);
    apr_size_t len = strlen(url);

    while (len && url[len - 1] == '/') {
        url[--len] = '\0';
    }
    status->request.url = apr_pstrcat(p, url, "/health", NULL);
}

int azl_ctl_status(apr_pool_t *p, int argc, const char *const *argv)
{
    const char *key = NULL, *every = NULL, *ca = NULL;
    const azl_ctl_option_t options[] = {{"key", &key, NULL},
                                        {"ca", &ca, NULL},
                                        {"watch", &every, NULL},
                                        {NULL, NULL, NULL}};
    apr_array_header_t *rest = apr_array_make(p, 2, sizeof(char *));
    status_t status;
    int rc =
        azl_ctl_options("azurelitctl status", help, options, argc, argv, rest);

    if (rc >= 0) {
        return rc;
    }
    if (rest->nelts != 1) {
        azl_ctl_complain("status needs one URL; see: azurelitctl status "
                         "--help");
        return AZL_CTL_USAGE;
    }
    memset(&status, 0, sizeof(status));
    if (every && !azl_option_int(every, 1, WATCH_MAX, &status.watch)) {
        azl_ctl_complain("--watch must be a number of seconds, 1 to 86400");
        return AZL_CTL_USAGE;
    }
    if (!set_key(p, &status, key)) {
        return AZL_CTL_USAGE;
    }
    set_url(p, &status, APR_ARRAY_IDX(rest, 0, const char *));
    status.request.body = azl_span("", 0);
    status.request.ca = ca;
    status.request.verify = 1;
    status.request.connect_timeout = TIMEOUT;
    status.request.timeout = TIMEOUT;
    status.request.max = ANSWER_MAX;
    if (azl_http_init() != APR_SUCCESS) {
        azl_ctl_complain("libcurl does not start");
        return AZL_CTL_FAILED;
    }
    return status.watch ? watch(p, &status) : ask(p, &status);
}
