#include <string.h>

#include "azl_record.h"
#include "azl_time.h"

void azl_record_init(azl_record_t *rec)
{
    memset(rec, 0, sizeof(*rec));
    rec->cost = AZL_PRICE_UNSET;
    rec->first_token = -1;
    rec->total = -1;
    rec->bytes_in = -1;
    rec->bytes_out = -1;
}

/* `name` comes with its comma, quotes and colon, as a span: the compiler knows
 * how long it is. */
static inline void put_text(azl_buf_t *out, azl_span_t name, const char *value)
{
    azl_buf_span(out, name);
    azl_buf_json_str(out, value);
}

static inline void put_int(azl_buf_t *out, azl_span_t name, apr_int64_t n)
{
    azl_buf_span(out, name);
    if (n < 0) {
        azl_buf_puts(out, "null");
    }
    else {
        azl_buf_int(out, n);
    }
}

/* n thousandths, with all three places. */
static inline void put_milli(azl_buf_t *out, azl_span_t name, apr_int64_t n)
{
    char fraction[4];

    azl_buf_span(out, name);
    if (n < 0) {
        azl_buf_puts(out, "null");
        return;
    }
    azl_buf_int(out, n / 1000);
    fraction[0] = '.';
    fraction[1] = (char)('0' + n % 1000 / 100);
    fraction[2] = (char)('0' + n % 100 / 10);
    fraction[3] = (char)('0' + n % 10);
    azl_buf_append(out, fraction, sizeof(fraction));
}

/* No usage is not a usage of 0. */
static void put_usage(azl_buf_t *out, const azl_usage_t *u)
{
    int known = u->reported;

    put_int(out, azl_span_str(",\"prompt_tokens\":"), known ? u->prompt : -1);
    put_int(out, azl_span_str(",\"cached_tokens\":"), known ? u->cached : -1);
    put_int(out, azl_span_str(",\"cache_write_tokens\":"),
            known ? u->cache_write : -1);
    put_int(out, azl_span_str(",\"completion_tokens\":"),
            known ? u->completion : -1);
    put_int(out, azl_span_str(",\"reasoning_tokens\":"),
            known ? u->reasoning : -1);
    put_milli(out, azl_span_str(",\"audio_seconds\":"),
              known ? u->duration_ms : -1);
}

/* What of the usage is an estimate; NULL: nothing. */
static const char *estimated_part(const azl_usage_t *u)
{
    static const char *const parts[] = {[0] = NULL,
                                        [AZL_USAGE_PROMPT] = "prompt",
                                        [AZL_USAGE_COMPLETION] = "completion",
                                        [AZL_USAGE_ALL] = "all"};

    return parts[u->estimated & AZL_USAGE_ALL];
}

/* Of the counts above, what has a price of its own. */
static void put_kinds(azl_buf_t *out, const azl_usage_t *u)
{
    int known = u->reported;

    put_int(out, azl_span_str(",\"cache_write_1h_tokens\":"),
            known ? u->cache_write_1h : -1);
    put_int(out, azl_span_str(",\"audio_prompt_tokens\":"),
            known ? u->audio_prompt : -1);
    put_int(out, azl_span_str(",\"audio_completion_tokens\":"),
            known ? u->audio_completion : -1);
}

static void put_cost(azl_buf_t *out, azl_pico_t cost)
{
    char text[AZL_PRICE_TEXT_MAX];

    azl_price_text(cost, text);
    azl_buf_puts(out, ",\"cost_usd\":");
    azl_buf_puts(out, *text ? text : "null");
}

apr_status_t azl_record_write(azl_buf_t *out, const azl_record_t *rec)
{
    char time[AZL_TIME_TEXT_LEN];

    azl_time_text(rec->time, time);
    azl_buf_puts(out, "{\"time\":\"");
    azl_buf_puts(out, time);
    azl_buf_puts(out, "\"");
    put_text(out, azl_span_str(",\"request_id\":"), rec->request_id);
    put_text(out, azl_span_str(",\"key_name\":"), rec->key_name);
    put_text(out, azl_span_str(",\"key_hash\":"), rec->key_hash);
    put_text(out, azl_span_str(",\"surface\":"), rec->surface);
    put_text(out, azl_span_str(",\"model\":"), rec->model);
    put_text(out, azl_span_str(",\"deployment\":"), rec->deployment);
    put_text(out, azl_span_str(",\"endpoint\":"), rec->endpoint);
    put_int(out, azl_span_str(",\"status\":"), rec->status);
    put_text(out, azl_span_str(",\"error\":"),
             azl_error_class_name(rec->error));
    put_int(out, azl_span_str(",\"attempts\":"), rec->attempts);
    azl_buf_puts(out, ",\"streamed\":");
    azl_buf_puts(out, rec->streamed ? "true" : "false");
    put_usage(out, &rec->usage);
    put_cost(out, rec->cost);
    put_milli(out, azl_span_str(",\"first_token_ms\":"), rec->first_token);
    put_milli(out, azl_span_str(",\"total_ms\":"), rec->total);
    put_int(out, azl_span_str(",\"bytes_in\":"), rec->bytes_in);
    put_int(out, azl_span_str(",\"bytes_out\":"), rec->bytes_out);
    azl_buf_puts(out, ",\"estimated\":");
    azl_buf_puts(out, rec->usage.estimated ? "true" : "false");
    put_text(out, azl_span_str(",\"response\":"), rec->response);
    put_text(out, azl_span_str(",\"estimated_part\":"),
             estimated_part(&rec->usage));
    put_kinds(out, &rec->usage);
    return azl_buf_puts(out, "}\n");
}
