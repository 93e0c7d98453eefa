#include "azl_directives_int.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_options.h"

#define WEIGHT_MAX 1000
#define ORDER_MAX 100

/* An alias may look like "azure/gpt-4.1" or "gpt-4.1:fast". */
static int is_alias(const char *text)
{
    const char *at;

    for (at = text; *at; at++) {
        if (!apr_isalnum(*at) && !strchr("._-/:@+", *at)) {
            return 0;
        }
    }
    return at != text && at - text <= AZL_NAME_MAX;
}

/*
 * The options of AzureLITModel.
 */
static const char *mo_weight(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 0, WEIGHT_MAX,
                          &((azl_model_line_t *)target)->weight)
               ? NULL
               : "a number from 0 to 1000";
}

static const char *mo_order(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 1, ORDER_MAX,
                          &((azl_model_line_t *)target)->order)
               ? NULL
               : "a number from 1 to 100, lower is tried first";
}

static const char *mo_base_model(apr_pool_t *p, void *target, const char *value)
{
    ((azl_model_line_t *)target)->base_model = apr_pstrdup(p, value);
    return NULL;
}

static const char *mo_surface(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    if (strcmp(value, "any") == 0 || strcmp(value, "responses") == 0) {
        ((azl_model_line_t *)target)->responses_only = value[0] == 'r';
        return NULL;
    }
    return "any or responses";
}

static const char *read_price(const char *value, azl_pico_t *price)
{
    return azl_price_parse(value, price)
               ? NULL
               : "US dollars per million tokens, like 1.25 (six places at "
                 "most)";
}

static const char *mo_input_price(apr_pool_t *p, void *target,
                                  const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.input);
}

static const char *mo_cached_price(apr_pool_t *p, void *target,
                                   const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.cached);
}

static const char *mo_cache_write_price(apr_pool_t *p, void *target,
                                        const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.cache_write);
}

static const char *mo_output_price(apr_pool_t *p, void *target,
                                   const char *value)
{
    (void)p;
    return read_price(value, &((azl_model_line_t *)target)->price.output);
}

static const azl_option_t model_options[] = {
    {"weight", mo_weight},
    {"order", mo_order},
    {"base-model", mo_base_model},
    {"surface", mo_surface},
    {"input-price", mo_input_price},
    {"cached-price", mo_cached_price},
    {"cache-write-price", mo_cache_write_price},
    {"output-price", mo_output_price},
    {NULL, NULL}};

const char *azl_cmd_model(cmd_parms *cmd, void *dirconf, int argc,
                          char *const argv[])
{
    const char *err = azl_cmd_scope(cmd);
    azl_model_line_t *line;
    const char *slash;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return azl_cmd_complain(cmd, NULL,
                                "needs an alias and a deployment: "
                                "AzureLITModel alias endpoint/deployment "
                                "[option=value ...]");
    }
    if (!is_alias(argv[0])) {
        return azl_cmd_complain(cmd, argv[0],
                                "an alias has letters, digits and any "
                                "of ._-/:@+");
    }
    slash = strchr(argv[1], '/');
    if (!slash || slash == argv[1] || !is_alias(slash + 1)) {
        return azl_cmd_complain(cmd, argv[0],
                                apr_pstrcat(cmd->pool, "'", argv[1],
                                            "' must be "
                                            "endpoint/deployment",
                                            NULL));
    }
    line = apr_array_push(azl_cmd_conf(cmd)->models);
    memset(line, 0, sizeof(*line));
    azl_price_init(&line->price);
    line->alias = apr_pstrdup(cmd->pool, argv[0]);
    line->endpoint =
        apr_pstrmemdup(cmd->pool, argv[1], (apr_size_t)(slash - argv[1]));
    line->deployment = apr_pstrdup(cmd->pool, slash + 1);
    line->weight = 1;
    line->order = 1;
    line->where = azl_cmd_where(cmd);
    err = azl_options_parse(cmd->pool, model_options, line, argc - 2,
                            (const char *const *)(argv + 2));
    return err ? azl_cmd_complain(cmd, line->alias, err) : NULL;
}
