#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "azl_file.h"
#include "azl_json.h"
#include "azl_price.h"
#include "azl_time.h"

#define PRICE_FILE_MAX ((apr_off_t)16 << 20)

static const char unit[] = "USD per million tokens";

struct azl_price_table_t {
    apr_hash_t *models; /* name or alias -> azl_price_t * */
};

/* What is being read, and the first thing that is wrong with it. */
typedef struct reader_t {
    apr_pool_t *p;
    apr_pool_t *ptemp;
    const char *path;
    azl_price_table_t *table;
    const char *error;
    const char *model; /* the entry, for messages */
    const azl_json_t *aliases;
    int has_source;
    int has_date;
    azl_price_t *price;
} reader_t;

/* Keep what is wrong; the 1 it returns ends the walk over the members. */
static int complain(reader_t *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int complain(reader_t *r, const char *fmt, ...)
{
    const char *what;
    va_list ap;

    va_start(ap, fmt);
    what = apr_pvsprintf(r->ptemp, fmt, ap);
    va_end(ap);
    r->error =
        apr_pstrcat(r->p, r->path, ": ", r->model ? "model " : "",
                    r->model ? r->model : "", r->model ? ": " : "", what, NULL);
    return 1;
}

/* Prices are strings by preference; a number is taken as it was written. */
static const char *decimal_text(const azl_json_t *value)
{
    return azl_json_type(value) == AZL_JSON_STRING ? azl_json_string(value)
                                                   : azl_json_number(value);
}

/* The members that are USD per million tokens, in an entry and in its tier (0:
 * it has none, the price holds for prompts of every length). */
static const struct rate {
    const char *name;
    size_t in_entry;
    size_t in_tier;
} rates[] = {
    {"input", offsetof(azl_price_t, input), offsetof(azl_price_t, tier_input)},
    {"cached", offsetof(azl_price_t, cached),
     offsetof(azl_price_t, tier_cached)},
    {"cache_write", offsetof(azl_price_t, cache_write),
     offsetof(azl_price_t, tier_cache_write)},
    {"cache_write_1h", offsetof(azl_price_t, cache_write_1h),
     offsetof(azl_price_t, tier_cache_write_1h)},
    {"audio_input", offsetof(azl_price_t, audio_input), 0},
    {"audio_output", offsetof(azl_price_t, audio_output), 0},
    {"output", offsetof(azl_price_t, output),
     offsetof(azl_price_t, tier_output)},
    {NULL, 0, 0}};

static const struct rate *find_rate(const char *name)
{
    const struct rate *rate = rates;

    while (rate->name && strcmp(rate->name, name) != 0) {
        rate++;
    }
    return rate->name ? rate : NULL;
}

static int read_rate(reader_t *r, const char *name, const azl_json_t *value,
                     size_t offset)
{
    const char *text = decimal_text(value);

    if (!text ||
        !azl_price_parse(text, (azl_pico_t *)((char *)r->price + offset))) {
        return complain(r,
                        "\"%s\" must be USD per million tokens, like \"1.25\" "
                        "(at most 6 places)",
                        name);
    }
    return 0;
}

static int tier_member(void *baton, const char *name, const azl_json_t *value)
{
    reader_t *r = baton;
    const struct rate *rate = find_rate(name);

    if (rate && rate->in_tier) {
        return read_rate(r, name, value, rate->in_tier);
    }
    if (strcmp(name, "tokens") != 0) {
        return complain(r,
                        "\"above\": unknown member \"%s\", allowed are: "
                        "tokens, input, cached, cache_write, cache_write_1h, "
                        "output",
                        name);
    }
    if (!azl_json_int(value, &r->price->tier_above) ||
        r->price->tier_above <= 0) {
        return complain(r, "\"above\": \"tokens\" must be a number of prompt "
                           "tokens, like 272000");
    }
    return 0;
}

static int read_tier(reader_t *r, const azl_json_t *value)
{
    if (azl_json_each(value, tier_member, r)) {
        return 1;
    }
    if (r->price->tier_above == 0 || r->price->tier_input == AZL_PRICE_UNSET) {
        return complain(r, "\"above\" must be an object with at least "
                           "\"tokens\" and \"input\"");
    }
    return 0;
}

static int read_second(reader_t *r, const azl_json_t *value)
{
    const char *text = decimal_text(value);

    if (!text || !azl_price_parse_usd(text, &r->price->second)) {
        return complain(r, "\"second\" must be USD per second of audio, like "
                           "\"0.0001\" (at most 12 places)");
    }
    return 0;
}

static int is_date(const char *text)
{
    apr_time_t t;
    int only_date;

    /* Of some lists no more than the month is known. */
    return azl_time_parse(azl_span_str(text), &t, &only_date) && only_date;
}

static int read_date(reader_t *r, const azl_json_t *value)
{
    const char *text = azl_json_string(value);

    r->has_date = text && (is_date(text) ||
                           is_date(apr_pstrcat(r->ptemp, text, "-01", NULL)));
    return r->has_date ? 0
                       : complain(r, "\"date\" must be the day or month of the "
                                     "price list, like \"2026-07-31\"");
}

static int read_source(reader_t *r, const azl_json_t *value)
{
    const char *text = azl_json_string(value);

    r->has_source = text && *text;
    return r->has_source
               ? 0
               : complain(r, "\"source\" must say where the price is from");
}

static int entry_member(void *baton, const char *name, const azl_json_t *value)
{
    reader_t *r = baton;
    const struct rate *rate = find_rate(name);

    if (rate) {
        return read_rate(r, name, value, rate->in_entry);
    }
    if (strcmp(name, "model") == 0) {
        return 0; /* has been read before */
    }
    if (strcmp(name, "second") == 0) {
        return read_second(r, value);
    }
    if (strcmp(name, "above") == 0) {
        return read_tier(r, value);
    }
    if (strcmp(name, "source") == 0) {
        return read_source(r, value);
    }
    if (strcmp(name, "date") == 0) {
        return read_date(r, value);
    }
    if (strcmp(name, "aliases") == 0) {
        r->aliases = value;
        return azl_json_type(value) == AZL_JSON_ARRAY
                   ? 0
                   : complain(r, "\"aliases\" must be an array of names");
    }
    return complain(r,
                    "unknown member \"%s\", allowed are: model, aliases, "
                    "input, cached, cache_write, cache_write_1h, output, "
                    "audio_input, audio_output, second, above, source, date",
                    name);
}

static int add_name(reader_t *r, const char *name)
{
    if (!name || !*name) {
        return complain(r, "each alias must be a name");
    }
    if (apr_hash_get(r->table->models, name, APR_HASH_KEY_STRING)) {
        return complain(r, "'%s' has a price already", name);
    }
    apr_hash_set(r->table->models, apr_pstrdup(r->p, name), APR_HASH_KEY_STRING,
                 r->price);
    return 0;
}

static int read_entry(reader_t *r, const azl_json_t *entry)
{
    azl_json_t *model;
    apr_size_t i;

    r->model = NULL;
    r->aliases = NULL;
    r->has_source = 0;
    r->has_date = 0;
    r->price = apr_palloc(r->p, sizeof(*r->price));
    azl_price_init(r->price);

    if (!azl_json_member(entry, "model", &model) || !azl_json_string(model)) {
        return complain(r, "an entry of \"models\" has no \"model\"");
    }
    r->model = azl_json_string(model);
    if (azl_json_each(entry, entry_member, r)) {
        return 1;
    }
    if (r->price->input == AZL_PRICE_UNSET &&
        r->price->second == AZL_PRICE_UNSET) {
        return complain(r, "there must be \"input\" or \"second\"");
    }
    if (!r->has_source || !r->has_date) {
        return complain(r, "there must be \"source\" and \"date\"");
    }
    if (add_name(r, r->model)) {
        return 1;
    }
    for (i = 0; i < azl_json_length(r->aliases); i++) {
        if (add_name(r, azl_json_string(azl_json_at(r->aliases, i)))) {
            return 1;
        }
    }
    return 0;
}

static int document_member(void *baton, const char *name,
                           const azl_json_t *value)
{
    (void)value;
    if (strcmp(name, "about") == 0 || strcmp(name, "unit") == 0 ||
        strcmp(name, "models") == 0) {
        return 0;
    }
    return complain(baton,
                    "unknown member \"%s\", allowed are: about, unit, "
                    "models",
                    name);
}

static void read_document(reader_t *r, const azl_json_t *doc)
{
    azl_json_t *value;
    apr_size_t i;

    if (azl_json_each(doc, document_member, r)) {
        return;
    }
    /* LiteLLM's table has USD per token: taking it for this one would be
     * wrong by a factor of a million. */
    if (!azl_json_member(doc, "unit", &value) || !azl_json_string(value) ||
        strcmp(azl_json_string(value), unit) != 0) {
        complain(r, "\"unit\" must be \"%s\"", unit);
        return;
    }
    if (!azl_json_member(doc, "models", &value) ||
        azl_json_type(value) != AZL_JSON_ARRAY) {
        complain(r, "\"models\" must be an array");
        return;
    }
    for (i = 0; i < azl_json_length(value); i++) {
        if (read_entry(r, azl_json_at(value, i))) {
            return;
        }
    }
}

const char *azl_price_table_load(apr_pool_t *p, const char *path,
                                 azl_price_table_t **table)
{
    azl_json_t *doc;
    azl_span_t content;
    const char *err;
    apr_status_t rv;
    reader_t r;

    memset(&r, 0, sizeof(r));
    r.p = p;
    r.path = path;
    r.table = apr_palloc(p, sizeof(*r.table));
    r.table->models = apr_hash_make(p);
    apr_pool_create(&r.ptemp, p);

    rv = azl_file_read(r.ptemp, path, PRICE_FILE_MAX, &content);
    if (rv != APR_SUCCESS) {
        complain(&r, "cannot be read: %s", azl_file_reason(r.ptemp, rv));
    }
    else if ((err = azl_json_parse(r.ptemp, content, &doc)) != NULL) {
        complain(&r, "%s", err);
    }
    else {
        read_document(&r, doc);
    }
    apr_pool_destroy(r.ptemp);
    *table = r.table;
    return r.error;
}

const azl_price_t *azl_price_find(const azl_price_table_t *table,
                                  const char *model)
{
    return apr_hash_get(table->models, model, APR_HASH_KEY_STRING);
}
