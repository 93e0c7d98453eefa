#include "azl_directives_int.h"

#include <stddef.h>

#include <apr_strings.h>

#include "azl_options.h"

#define WEIGHT_MAX 1000
#define ORDER_MAX 100
/* Above what any provider grants one deployment. */
#define PER_MINUTE_MAX 2000000000
#define PARALLEL_MAX 100000

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
    azl_model_line_t *line = target;

    (void)p;
    line->responses_only = strcmp(value, "responses") == 0;
    line->chat_only = strcmp(value, "chat") == 0;
    return line->responses_only || line->chat_only || strcmp(value, "any") == 0
               ? NULL
               : "any, responses or chat";
}

static const char *set_price(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_price_parse(value, target)
               ? NULL
               : "US dollars per million tokens, like 1.25 (six places at "
                 "most)";
}

static const char *set_count(void *target, const char *value, int max)
{
    int n;

    if (!azl_option_int(value, 1, max, &n)) {
        return "a number, 1 or more (leave the option out for no limit)";
    }
    *(apr_uint32_t *)target = (apr_uint32_t)n;
    return NULL;
}

static const char *set_per_minute(apr_pool_t *p, void *target,
                                  const char *value)
{
    (void)p;
    return set_count(target, value, PER_MINUTE_MAX);
}

static const char *set_parallel(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return set_count(target, value, PARALLEL_MAX);
}

static const char *mo_limits(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    if (strcmp(value, "soft") == 0 || strcmp(value, "hard") == 0) {
        ((azl_model_line_t *)target)->hard = value[0] == 'h';
        return NULL;
    }
    return "soft (prefer others) or hard (refuse)";
}

static const char *mo_spill(apr_pool_t *p, void *target, const char *value)
{
    azl_model_line_t *line = target;

    line->spill = apr_pstrdup(p, value);
    return azl_cmd_target(value) ? NULL : "endpoint/deployment";
}

static const char *mo_id(apr_pool_t *p, void *target, const char *value)
{
    ((azl_model_line_t *)target)->id = apr_pstrdup(p, value);
    return azl_cmd_is_alias(value) ? NULL
                                   : "letters, digits and any of ._-/:@+";
}

static const azl_option_t model_options[] = {
    {"weight", mo_weight, 0},
    {"order", mo_order, 0},
    {"rpm", set_per_minute, offsetof(azl_model_line_t, rpm)},
    {"tpm", set_per_minute, offsetof(azl_model_line_t, tpm)},
    {"max-parallel", set_parallel, offsetof(azl_model_line_t, max_parallel)},
    {"limits", mo_limits, 0},
    {"spill", mo_spill, 0},
    {"connect-timeout", azl_set_connect_time,
     offsetof(azl_model_line_t, limits.connect)},
    {"first-token-timeout", azl_set_time,
     offsetof(azl_model_line_t, limits.first_token)},
    {"idle-timeout", azl_set_time, offsetof(azl_model_line_t, limits.idle)},
    {"timeout", azl_set_time, offsetof(azl_model_line_t, limits.total)},
    {"base-model", mo_base_model, 0},
    {"id", mo_id, 0},
    {"surface", mo_surface, 0},
    {"input-price", set_price, offsetof(azl_model_line_t, price.input)},
    {"cached-price", set_price, offsetof(azl_model_line_t, price.cached)},
    {"cache-write-price", set_price,
     offsetof(azl_model_line_t, price.cache_write)},
    {"cache-write-1h-price", set_price,
     offsetof(azl_model_line_t, price.cache_write_1h)},
    {"audio-input-price", set_price,
     offsetof(azl_model_line_t, price.audio_input)},
    {"audio-output-price", set_price,
     offsetof(azl_model_line_t, price.audio_output)},
    {"output-price", set_price, offsetof(azl_model_line_t, price.output)},
    {NULL, NULL, 0}};

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
    if (!azl_cmd_is_alias(argv[0])) {
        return azl_cmd_complain(cmd, argv[0], AZL_ALIAS_SHAPE);
    }
    slash = azl_cmd_target(argv[1]);
    if (!slash) {
        return azl_cmd_complain(cmd, argv[0],
                                apr_pstrcat(cmd->pool, "'", argv[1],
                                            "' must be "
                                            "endpoint/deployment",
                                            NULL));
    }
    line = apr_array_push(azl_cmd_conf(cmd)->models);
    memset(line, 0, sizeof(*line));
    azl_price_init(&line->price);
    azl_limits_unset(&line->limits);
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
