/*
 * /model/info, as LiteLLM's clients know it: what is behind each model, and
 * where the configuration says so. Where that is, and what it is called there,
 * is for the master key.
 */
#include "azl_page.h"

#include <apr_strings.h>

#include "azl_answer.h"
#include "azl_dialect.h"
#include "azl_httpd.h"
#include "azl_write.h"

/* Ten thousand deployments with all there is to say. */
#define DOCUMENT_MAX (16 * 1024 * 1024)

static void write_count(azl_write_t *w, const char *name, apr_uint32_t n)
{
    if (n) {
        azl_write_int(w, name, n);
    }
}

/* Seconds, as LiteLLM counts. */
static void write_time(azl_write_t *w, const char *name,
                       apr_interval_time_t time)
{
    char text[AZL_PRICE_TEXT_MAX];

    if (time > 0) {
        azl_price_text(time * APR_USEC_PER_SEC, text);
        azl_write_raw(w, name, azl_span_str(text));
    }
}

/* Dollars a token. */
static void write_price(azl_write_t *w, const char *name, azl_pico_t price)
{
    char text[AZL_PRICE_TEXT_MAX];

    if (price != AZL_PRICE_UNSET) {
        azl_price_text(price, text);
        azl_write_raw(w, name, azl_span_str(text));
    }
}

static void write_place(azl_write_t *w, const azl_deployment_t *d,
                        apr_pool_t *p)
{
    const azl_endpoint_t *e = d->endpoint;

    azl_write_str(w, "model",
                  apr_pstrcat(p, e->dialect->name, "/", d->name, NULL));
    azl_write_str(w, "api_base", e->url);
    if (e->api_version) {
        azl_write_str(w, "api_version", e->api_version);
    }
    if (d->spill) {
        azl_write_str(w, "spill", d->spill->id);
    }
}

static void write_params(azl_write_t *w, const azl_model_t *model,
                         const azl_deployment_t *d, int all, apr_pool_t *p)
{
    azl_write_open(w, "litellm_params", '{');
    if (all) {
        write_place(w, d, p);
    }
    else {
        azl_write_str(w, "model", model->alias);
    }
    azl_write_int(w, "weight", d->weight);
    azl_write_int(w, "order", d->order);
    write_count(w, "rpm", d->rpm);
    write_count(w, "tpm", d->tpm);
    write_count(w, "max_parallel_requests", d->max_parallel);
    write_time(w, "timeout", d->limits.total);
    write_time(w, "stream_timeout", d->limits.first_token);
    azl_write_close(w, '}');
}

static void write_info(azl_write_t *w, const azl_deployment_t *d, int all)
{
    azl_write_open(w, "model_info", '{');
    azl_write_str(w, "id", d->public_id);
    azl_write_bool(w, "db_model", 0);
    azl_write_str(w, "base_model", d->base_model);
    azl_write_str(w, "mode", d->responses_only ? "responses" : NULL);
    azl_write_str(w, "litellm_provider",
                  all ? d->endpoint->dialect->name : NULL);
    write_price(w, "input_cost_per_token", d->price.input);
    write_price(w, "cache_read_input_token_cost", d->price.cached);
    write_price(w, "cache_creation_input_token_cost", d->price.cache_write);
    write_price(w, "output_cost_per_token", d->price.output);
    if (all) {
        azl_write_str(w, "source", d->where);
    }
    azl_write_close(w, '}');
}

static void write_model(azl_write_t *w, const azl_model_t *model, int all,
                        apr_pool_t *p)
{
    azl_deployment_t **d = (void *)model->deployments->elts;
    int i;

    for (i = 0; i < model->deployments->nelts; i++) {
        azl_write_open(w, NULL, '{');
        azl_write_str(w, "model_name", model->alias);
        write_params(w, model, d[i], all, p);
        write_info(w, d[i], all);
        azl_write_close(w, '}');
    }
}

int azl_page_model_info(request_rec *r, azl_request_t *ar)
{
    const apr_array_header_t *all = ar->conf->catalog->order;
    azl_model_t **model = (void *)all->elts;
    azl_buf_t *doc = azl_buf_create(r->pool, DOCUMENT_MAX);
    azl_write_t w;
    int i;

    azl_write_init(&w, doc);
    azl_write_open(&w, NULL, '{');
    azl_write_open(&w, "data", '[');
    for (i = 0; i < all->nelts; i++) {
        if (azl_key_allows(ar->key, model[i]->alias)) {
            write_model(&w, model[i], ar->key->master, r->pool);
        }
    }
    azl_write_close(&w, ']');
    azl_write_close(&w, '}');
    azl_answer_headers(r, ar);
    return azl_answer_json(r, HTTP_OK, doc);
}
