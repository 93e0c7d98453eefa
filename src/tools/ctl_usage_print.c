/*
 * The report, for people (table), spreadsheets (CSV) and programs (JSON).
 */
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_ctl_usage.h"

/* A row of JSON is below 1 KB for any name a configuration allows. */
#define JSON_MAX ((apr_size_t)AZL_CTL_ROWS_MAX * 8192)

#define NCOUNTS 9

static const char *const count_names[NCOUNTS] = {
    "requests",           "errors",
    "unpriced",           "estimated",
    "prompt_tokens",      "cached_tokens",
    "cache_write_tokens", "completion_tokens",
    "reasoning_tokens"};

/* Shorter, so that a table fits a terminal. */
static const char *const column_titles[NCOUNTS] = {
    "requests", "errors",      "unpriced",   "estimated", "prompt",
    "cached",   "cache write", "completion", "reasoning"};

static void counts_of(const azl_ctl_row_t *row, apr_int64_t counts[NCOUNTS])
{
    counts[0] = row->requests;
    counts[1] = row->errors;
    counts[2] = row->unpriced;
    counts[3] = row->estimated;
    counts[4] = row->prompt;
    counts[5] = row->cached;
    counts[6] = row->cache_write;
    counts[7] = row->completion;
    counts[8] = row->reasoning;
}

static const char *group_name(azl_ctl_group_e group)
{
    switch (group) {
    case AZL_CTL_GROUP_KEY:
        return "key";
    case AZL_CTL_GROUP_MODEL:
        return "model";
    case AZL_CTL_GROUP_DAY:
        return "day";
    case AZL_CTL_GROUP_NONE:
        break;
    }
    return NULL;
}

static const char *cost_text(apr_pool_t *p, const azl_ctl_money_t *cost)
{
    char fraction[AZL_PRICE_TEXT_MAX];

    azl_price_text(cost->pico, fraction); /* "0" or "0.…" */
    return apr_psprintf(p, "%" APR_INT64_T_FMT "%s", cost->usd, fraction + 1);
}

/* Cached prompt tokens in thousandths of all; -1 if there were none. */
static int cached_share(const azl_ctl_row_t *row)
{
    double share =
        row->prompt > 0 ? (double)row->cached / (double)row->prompt : -0.001;

    return (int)(share * 1000 + (share < 0 ? -0.5 : 0.5));
}

static const char *share_percent(apr_pool_t *p, const azl_ctl_row_t *row)
{
    int share = cached_share(row);

    return share < 0 ? "-" : apr_psprintf(p, "%d.%d%%", share / 10, share % 10);
}

/* What cannot be known is empty in CSV and null in JSON. */
static const char *share_fraction(apr_pool_t *p, const azl_ctl_row_t *row,
                                  const char *unknown)
{
    int share = cached_share(row);

    return share < 0 ? unknown
                     : apr_psprintf(p, "%d.%03d", share / 1000, share % 1000);
}

/* ---- table ---- */

/* label, counts, cached share, cost, and how much of it is estimated */
#define NCELLS (NCOUNTS + 4)

typedef struct cells_t {
    const char *text[NCELLS];
} cells_t;

static void table_head(const char *group, cells_t *c)
{
    int i;

    c->text[0] = group ? group : "";
    for (i = 0; i < NCOUNTS; i++) {
        c->text[1 + i] = column_titles[i];
    }
    c->text[NCELLS - 3] = "cached %";
    c->text[NCELLS - 2] = "cost USD";
    c->text[NCELLS - 1] = "estimated USD";
}

static void table_cells(apr_pool_t *p, const azl_ctl_row_t *row, cells_t *c)
{
    apr_int64_t counts[NCOUNTS];
    int i;

    counts_of(row, counts);
    c->text[0] = row->key_hash
                     ? apr_psprintf(p, "%s %s", row->label, row->key_hash)
                     : row->label;
    for (i = 0; i < NCOUNTS; i++) {
        c->text[1 + i] = apr_psprintf(p, "%" APR_INT64_T_FMT, counts[i]);
    }
    c->text[NCELLS - 3] = share_percent(p, row);
    c->text[NCELLS - 2] = cost_text(p, &row->cost);
    c->text[NCELLS - 1] = cost_text(p, &row->estimated_cost);
}

/* Names come from a file anyone may have written to: no control character
 * reaches the terminal. */
static void print_label(const char *label, int width)
{
    int n = 0;

    for (; *label; label++, n++) {
        putchar((unsigned char)*label < ' ' || *label == 0x7f ? '?' : *label);
    }
    printf("%*s", width - n, "");
}

static void print_cells(const cells_t *c, const int width[NCELLS])
{
    int i;

    print_label(c->text[0], width[0]);
    for (i = 1; i < NCELLS; i++) {
        printf("  %*s", width[i], c->text[i]);
    }
    putchar('\n');
}

void azl_ctl_print_table(apr_pool_t *p, const azl_ctl_sums_t *sums)
{
    apr_array_header_t *rows = azl_ctl_sums_rows(p, sums);
    int width[NCELLS] = {0};
    cells_t *cells;
    int n, i, j;

    APR_ARRAY_PUSH(rows, const azl_ctl_row_t *) = &sums->total;
    n = rows->nelts + 1;
    cells = apr_palloc(p, (apr_size_t)n * sizeof(*cells));
    table_head(group_name(sums->group), &cells[0]);
    for (i = 1; i < n; i++) {
        table_cells(p, APR_ARRAY_IDX(rows, i - 1, const azl_ctl_row_t *),
                    &cells[i]);
    }
    for (i = 0; i < n; i++) {
        for (j = 0; j < NCELLS; j++) {
            int len = (int)strlen(cells[i].text[j]);

            width[j] = len > width[j] ? len : width[j];
        }
    }
    for (i = 0; i < n; i++) {
        print_cells(&cells[i], width);
    }
}

/* ---- CSV, RFC 4180 ---- */

static void csv_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text);
    }
    putchar('"');
}

static void csv_row(apr_pool_t *p, const azl_ctl_sums_t *sums,
                    const azl_ctl_row_t *row)
{
    apr_int64_t counts[NCOUNTS];
    int i;

    counts_of(row, counts);
    if (sums->group != AZL_CTL_GROUP_NONE) {
        csv_text(row->label);
        putchar(',');
    }
    if (sums->group == AZL_CTL_GROUP_KEY) {
        csv_text(row->key_hash ? row->key_hash : "");
        putchar(',');
    }
    for (i = 0; i < NCOUNTS; i++) {
        printf("%" APR_INT64_T_FMT ",", counts[i]);
    }
    printf("%s,%s,%s\r\n", share_fraction(p, row, ""), cost_text(p, &row->cost),
           cost_text(p, &row->estimated_cost));
}

/* Without a total, which a spreadsheet would add up once more; but a report
 * without groups is one. */
void azl_ctl_print_csv(apr_pool_t *p, const azl_ctl_sums_t *sums)
{
    const apr_array_header_t *rows = azl_ctl_sums_rows(p, sums);
    int i;

    if (sums->group != AZL_CTL_GROUP_NONE) {
        printf("%s,", group_name(sums->group));
    }
    if (sums->group == AZL_CTL_GROUP_KEY) {
        printf("key_hash,");
    }
    for (i = 0; i < NCOUNTS; i++) {
        printf("%s,", count_names[i]);
    }
    printf("cached_share,cost_usd,estimated_cost_usd\r\n");
    for (i = 0; i < rows->nelts; i++) {
        csv_row(p, sums, APR_ARRAY_IDX(rows, i, const azl_ctl_row_t *));
    }
    if (sums->group == AZL_CTL_GROUP_NONE) {
        csv_row(p, sums, &sums->total);
    }
}

/* ---- JSON ---- */

static void json_sums(apr_pool_t *p, azl_buf_t *b, const azl_ctl_row_t *row)
{
    apr_int64_t counts[NCOUNTS];
    int i;

    counts_of(row, counts);
    for (i = 0; i < NCOUNTS; i++) {
        azl_buf_puts(b, apr_psprintf(p, "\"%s\":%" APR_INT64_T_FMT ",",
                                     count_names[i], counts[i]));
    }
    azl_buf_puts(b, apr_psprintf(p,
                                 "\"cached_share\":%s,\"cost_usd\":%s,"
                                 "\"estimated_cost_usd\":%s}",
                                 share_fraction(p, row, "null"),
                                 cost_text(p, &row->cost),
                                 cost_text(p, &row->estimated_cost)));
}

static void json_row(apr_pool_t *p, azl_buf_t *b, azl_ctl_group_e group,
                     const azl_ctl_row_t *row)
{
    azl_buf_puts(b, apr_psprintf(p, "{\"%s\":", group_name(group)));
    azl_buf_json_str(b, row->label);
    if (group == AZL_CTL_GROUP_KEY) {
        azl_buf_puts(b, ",\"key_hash\":");
        azl_buf_json_str(b, row->key_hash);
    }
    azl_buf_puts(b, ",");
    json_sums(p, b, row);
}

void azl_ctl_print_json(apr_pool_t *p, const azl_ctl_sums_t *sums,
                        apr_int64_t broken)
{
    const apr_array_header_t *rows = azl_ctl_sums_rows(p, sums);
    azl_buf_t *b = azl_buf_create(p, JSON_MAX);
    int i;

    azl_buf_puts(b, "{\"group_by\":");
    azl_buf_json_str(b, group_name(sums->group));
    azl_buf_puts(b, ",\"groups\":[");
    for (i = 0; i < rows->nelts; i++) {
        azl_buf_puts(b, i ? ",\n" : "\n");
        json_row(p, b, sums->group,
                 APR_ARRAY_IDX(rows, i, const azl_ctl_row_t *));
    }
    azl_buf_puts(b, "],\n\"total\":{");
    json_sums(p, b, &sums->total);
    azl_buf_puts(b, ",\n\"broken_lines\":");
    azl_buf_int(b, broken);
    azl_buf_puts(b, "}\n");
    fwrite(b->data, 1, b->len, stdout);
}
