#include <apr_strings.h>

#include "azl_metrics_int.h"

/* Beyond this the buffer is given away. */
#define FLUSH_AT 32768

#define PICO_PER_MICRO 1000000
#define MICRO_PER_USD 1000000
#define PICO_PER_USD APR_INT64_C(1000000000000)

/* The largest number, and seconds with their fraction. */
#define NUMBER_MAX 32

/* ---- pieces ---- */

static void give(const azl_metrics_out_t *out)
{
    if (out->flush && out->buf->len >= FLUSH_AT) {
        out->flush(out->baton, out->buf);
    }
}

void azl_metrics_family(const azl_metrics_out_t *out, const char *name,
                        const char *type, const char *help)
{
    azl_buf_puts(out->buf, "# HELP ");
    azl_buf_puts(out->buf, name);
    azl_buf_puts(out->buf, " ");
    azl_buf_puts(out->buf, help);
    azl_buf_puts(out->buf, "\n# TYPE ");
    azl_buf_puts(out->buf, name);
    azl_buf_puts(out->buf, " ");
    azl_buf_puts(out->buf, type);
    azl_buf_puts(out->buf, "\n");
}

static void write_value(azl_buf_t *buf, const char *value)
{
    apr_size_t len;

    azl_buf_puts(buf, "\"");
    for (;;) {
        len = strcspn(value, "\\\"\n");
        azl_buf_append(buf, value, len);
        value += len;
        if (!*value) {
            break;
        }
        azl_buf_puts(buf, *value == '\n'  ? "\\n"
                          : *value == '"' ? "\\\""
                                          : "\\\\");
        value++;
    }
    azl_buf_puts(buf, "\"");
}

static void sample(const azl_metrics_out_t *out, const char *name,
                   const char *suffix, const azl_metrics_label_t *labels,
                   const char *value)
{
    const char *between = "{";

    azl_buf_puts(out->buf, name);
    azl_buf_puts(out->buf, suffix);
    for (; labels->name; labels++) {
        azl_buf_puts(out->buf, between);
        azl_buf_puts(out->buf, labels->name);
        azl_buf_puts(out->buf, "=");
        write_value(out->buf, labels->value);
        between = ",";
    }
    azl_buf_puts(out->buf, *between == ',' ? "} " : " ");
    azl_buf_puts(out->buf, value);
    azl_buf_puts(out->buf, "\n");
}

void azl_metrics_sample(const azl_metrics_out_t *out, const char *name,
                        const azl_metrics_label_t *labels, const char *value)
{
    sample(out, name, "", labels, value);
    give(out);
}

static const char *number(char text[NUMBER_MAX], apr_uint64_t n)
{
    apr_snprintf(text, NUMBER_MAX, "%" APR_UINT64_T_FMT, n);
    return text;
}

/* Microseconds as seconds. */
static const char *seconds(char text[NUMBER_MAX], apr_uint64_t us)
{
    apr_snprintf(text, NUMBER_MAX, "%" APR_UINT64_T_FMT ".%06u",
                 us / APR_USEC_PER_SEC, (unsigned)(us % APR_USEC_PER_SEC));
    return text;
}

/* ---- money ---- */

static void add_money(apr_uint64_t *usd, azl_pico_t *pico, apr_uint64_t micro,
                      apr_uint64_t rest)
{
    *usd += micro / MICRO_PER_USD + rest / PICO_PER_USD;
    *pico += (azl_pico_t)(micro % MICRO_PER_USD) * PICO_PER_MICRO;
    *pico += (azl_pico_t)(rest % PICO_PER_USD);
    *usd += (apr_uint64_t)(*pico / PICO_PER_USD);
    *pico %= PICO_PER_USD;
}

void azl_metrics_usd(apr_uint64_t usd, azl_pico_t pico,
                     char out[AZL_METRICS_USD_MAX])
{
    char fraction[AZL_PRICE_TEXT_MAX];

    azl_price_text(pico, fraction);
    /* "0" or "0.5": what follows the dollars is behind the nought */
    apr_snprintf(out, AZL_METRICS_USD_MAX, "%" APR_UINT64_T_FMT "%s", usd,
                 fraction + 1);
}

/* ---- families ---- */

typedef struct page_t {
    const azl_metrics_out_t *out;
    const char *name;  /* of the family */
    const char *model; /* the name of its label for the model */
    int at;            /* the count, or the first of them */
} page_t;

/* The labels of a caller, and one more. */
enum { CALLER_MODEL, CALLER_NAME, CALLER_HASH, CALLER_MORE, CALLER_LABELS };

static void caller_labels(azl_metrics_label_t l[CALLER_LABELS + 1],
                          const page_t *page,
                          const char *const labels[AZL_SERIES_LABELS],
                          const char *more)
{
    l[CALLER_MODEL].name = page->model;
    l[CALLER_MODEL].value = labels[0];
    l[CALLER_NAME].name = "api_key_alias";
    l[CALLER_NAME].value = labels[1];
    l[CALLER_HASH].name = "hashed_api_key";
    l[CALLER_HASH].value = labels[2];
    l[CALLER_MORE].name = more;
    l[CALLER_LABELS].name = NULL;
}

static void write_statuses(void *baton,
                           const char *const labels[AZL_SERIES_LABELS],
                           const apr_uint64_t *n)
{
    const page_t *page = baton;
    azl_metrics_label_t l[CALLER_LABELS + 1];
    char status[NUMBER_MAX], text[NUMBER_MAX];
    int i;

    caller_labels(l, page, labels, "status_code");
    for (i = 0; i < AZL_STATUSES + AZL_STATUS_CLASSES; i++) {
        if (!n[AZL_N_STATUS + i]) {
            continue;
        }
        if (i < AZL_STATUSES) {
            number(status, (apr_uint64_t)azl_metrics_statuses[i]);
        }
        else {
            apr_snprintf(status, sizeof(status), "%dxx", i - AZL_STATUSES + 2);
        }
        l[CALLER_MORE].value = status;
        azl_metrics_sample(page->out, page->name, l,
                           number(text, n[AZL_N_STATUS + i]));
    }
}

static void write_errors(void *baton,
                         const char *const labels[AZL_SERIES_LABELS],
                         const apr_uint64_t *n)
{
    const page_t *page = baton;
    azl_metrics_label_t l[CALLER_LABELS + 1];
    char text[NUMBER_MAX];
    int i;

    caller_labels(l, page, labels, "exception_class");
    for (i = AZL_CLASS_NONE + 1; i <= AZL_CLASS_UNKNOWN; i++) {
        if (n[AZL_N_ERROR + i]) {
            l[CALLER_MORE].value = azl_error_class_name((azl_error_class_e)i);
            azl_metrics_sample(page->out, page->name, l,
                               number(text, n[AZL_N_ERROR + i]));
        }
    }
}

static void write_caller(const page_t *page,
                         const char *const labels[AZL_SERIES_LABELS],
                         const char *value)
{
    azl_metrics_label_t l[CALLER_LABELS + 1];

    caller_labels(l, page, labels, NULL);
    azl_metrics_sample(page->out, page->name, l, value);
}

static void write_spend(void *baton,
                        const char *const labels[AZL_SERIES_LABELS],
                        const apr_uint64_t *n)
{
    char text[AZL_METRICS_USD_MAX];
    apr_uint64_t usd = 0;
    azl_pico_t pico = 0;

    add_money(&usd, &pico, n[AZL_N_MICRO], n[AZL_N_PICO]);
    azl_metrics_usd(usd, pico, text);
    write_caller(baton, labels, text);
}

static void write_total_tokens(void *baton,
                               const char *const labels[AZL_SERIES_LABELS],
                               const apr_uint64_t *n)
{
    char text[NUMBER_MAX];

    write_caller(baton, labels,
                 number(text, n[AZL_N_PROMPT] + n[AZL_N_COMPLETION]));
}

static void write_of_caller(void *baton,
                            const char *const labels[AZL_SERIES_LABELS],
                            const apr_uint64_t *n)
{
    const page_t *page = baton;
    char text[NUMBER_MAX];

    write_caller(page, labels, number(text, n[page->at]));
}

static void write_of_model(void *baton,
                           const char *const labels[AZL_SERIES_LABELS],
                           const apr_uint64_t *n)
{
    const page_t *page = baton;
    const azl_metrics_label_t l[] = {{page->model, labels[0]}, {NULL, NULL}};
    char text[NUMBER_MAX];

    azl_metrics_sample(page->out, page->name, l, number(text, n[page->at]));
}

static void write_of_fallback(void *baton,
                              const char *const labels[AZL_SERIES_LABELS],
                              const apr_uint64_t *n)
{
    const page_t *page = baton;
    const azl_metrics_label_t l[] = {
        {page->model, labels[0]}, {"fallback_model", labels[1]}, {NULL, NULL}};
    char text[NUMBER_MAX];

    azl_metrics_sample(page->out, page->name, l, number(text, n[page->at]));
}

/* Seconds without trailing zeros: "0.05", "60". */
static const char *limit_text(char text[NUMBER_MAX], apr_interval_time_t limit)
{
    char *end;

    seconds(text, (apr_uint64_t)limit);
    end = text + strlen(text);
    while (end[-1] == '0') {
        end--;
    }
    end[end[-1] == '.' ? -1 : 0] = '\0';
    return text;
}

static void write_histogram(const page_t *page, const char *model,
                            const apr_uint64_t *n,
                            const apr_interval_time_t *limits, int nlimits)
{
    azl_metrics_label_t l[] = {
        {page->model, model}, {"le", NULL}, {NULL, NULL}};
    char limit[NUMBER_MAX], text[NUMBER_MAX];
    apr_uint64_t sum = 0;
    int i;

    for (i = 0; i <= nlimits; i++) {
        sum += n[i];
    }
    if (!sum) {
        return;
    }
    sum = 0;
    for (i = 0; i <= nlimits; i++) {
        sum += n[i];
        l[1].value = i < nlimits ? limit_text(limit, limits[i]) : "+Inf";
        sample(page->out, page->name, "_bucket", l, number(text, sum));
    }
    l[1].name = NULL;
    sample(page->out, page->name, "_count", l, number(text, sum));
    sample(page->out, page->name, "_sum", l, seconds(text, n[nlimits + 1]));
    give(page->out);
}

static void write_latency(void *baton,
                          const char *const labels[AZL_SERIES_LABELS],
                          const apr_uint64_t *n)
{
    write_histogram(baton, labels[0], &n[AZL_N_LATENCY], azl_metrics_latency,
                    AZL_LATENCY_BUCKETS - 1);
}

static void write_first_token(void *baton,
                              const char *const labels[AZL_SERIES_LABELS],
                              const apr_uint64_t *n)
{
    write_histogram(baton, labels[0], &n[AZL_N_FIRST_TOKEN],
                    azl_metrics_first_token, AZL_FIRST_TOKEN_BUCKETS - 1);
}

typedef struct family_t {
    const char *name;
    const char *type;
    const char *help;
    azl_series_kind_e kind;
    azl_series_fn *write;
    const char *model;
    int at;
} family_t;

static const family_t families[] = {
    {"litellm_proxy_total_requests_metric_total", "counter",
     "Requests that are over.", AZL_SERIES_CALLER, write_statuses,
     "requested_model", 0},
    {"litellm_proxy_failed_requests_metric_total", "counter",
     "Requests that ended with an error.", AZL_SERIES_CALLER, write_errors,
     "requested_model", 0},
    {"azurelit_refused_requests_total", "counter",
     "Requests refused by a limit of this gateway.", AZL_SERIES_CALLER,
     write_of_caller, "requested_model", AZL_N_REFUSED},
    {"litellm_spend_metric_total", "counter", "Cost in US dollars, exact.",
     AZL_SERIES_CALLER, write_spend, "model", 0},
    {"azurelit_unpriced_requests_total", "counter",
     "Requests with tokens whose cost is not known.", AZL_SERIES_CALLER,
     write_of_caller, "model", AZL_N_UNPRICED},
    {"litellm_input_tokens_metric_total", "counter", "Prompt tokens.",
     AZL_SERIES_CALLER, write_of_caller, "model", AZL_N_PROMPT},
    {"litellm_output_tokens_metric_total", "counter", "Completion tokens.",
     AZL_SERIES_CALLER, write_of_caller, "model", AZL_N_COMPLETION},
    {"litellm_total_tokens_metric_total", "counter",
     "Prompt and completion tokens.", AZL_SERIES_CALLER, write_total_tokens,
     "model", 0},
    {"litellm_input_cached_tokens_metric_total", "counter",
     "Prompt tokens that came from the provider's cache.", AZL_SERIES_CALLER,
     write_of_caller, "model", AZL_N_CACHED},
    {"azurelit_input_cache_write_tokens_total", "counter",
     "Prompt tokens written to the provider's cache.", AZL_SERIES_CALLER,
     write_of_caller, "model", AZL_N_CACHE_WRITE},
    {"litellm_output_reasoning_tokens_metric_total", "counter",
     "Completion tokens spent on reasoning.", AZL_SERIES_CALLER,
     write_of_caller, "model", AZL_N_REASONING},
    {"litellm_request_total_latency_metric", "histogram",
     "Seconds from the request to the end of a good answer.", AZL_SERIES_MODEL,
     write_latency, "requested_model", 0},
    {"litellm_llm_api_time_to_first_token_metric", "histogram",
     "Seconds from the request to the first content of a stream.",
     AZL_SERIES_MODEL, write_first_token, "requested_model", 0},
    {"azurelit_retries_total", "counter", "Attempts beyond the first.",
     AZL_SERIES_MODEL, write_of_model, "requested_model", AZL_N_RETRIES},
    {"azurelit_malformed_chunks_total", "counter",
     "Events of streams that were no JSON and were left out.", AZL_SERIES_MODEL,
     write_of_model, "requested_model", AZL_N_MALFORMED},
    {"litellm_deployment_successful_fallbacks_total", "counter",
     "Requests that another model answered well.", AZL_SERIES_FALLBACK,
     write_of_fallback, "requested_model", AZL_N_FALLBACK_GOOD},
    {"litellm_deployment_failed_fallbacks_total", "counter",
     "Requests that another model did not answer, either.", AZL_SERIES_FALLBACK,
     write_of_fallback, "requested_model", AZL_N_FALLBACK_BAD},
};

void azl_metrics_write(const azl_metrics_out_t *out, azl_metrics_t *m,
                       apr_uint64_t scope)
{
    apr_size_t i;

    for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const family_t *f = &families[i];
        page_t page = {out, f->name, f->model, f->at};

        azl_metrics_family(out, f->name, f->type, f->help);
        azl_metrics_each(m, f->kind, scope, f->write, &page);
    }
}

/* ---- totals ---- */

static void add_totals(void *baton, const char *const labels[AZL_SERIES_LABELS],
                       const apr_uint64_t *n)
{
    azl_metrics_totals_t *totals = baton;
    int i;

    (void)labels;
    for (i = 0; i < AZL_STATUSES + AZL_STATUS_CLASSES; i++) {
        totals->requests += n[AZL_N_STATUS + i];
    }
    for (i = AZL_CLASS_NONE + 1; i <= AZL_CLASS_UNKNOWN; i++) {
        totals->failures += n[AZL_N_ERROR + i];
    }
    totals->prompt += n[AZL_N_PROMPT];
    totals->completion += n[AZL_N_COMPLETION];
    add_money(&totals->usd, &totals->pico, n[AZL_N_MICRO], n[AZL_N_PICO]);
}

void azl_metrics_totals(azl_metrics_t *m, apr_uint64_t scope,
                        azl_metrics_totals_t *totals)
{
    memset(totals, 0, sizeof(*totals));
    azl_metrics_each(m, AZL_SERIES_CALLER, scope, add_totals, totals);
}
