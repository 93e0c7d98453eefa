#include "azl_directives_int.h"

#include <stddef.h>

#include <apr_strings.h>

#include "azl_options.h"
#include "azl_routing.h"

#define FAILS_MAX 1000
#define COOL_MIN apr_time_from_msec(100)
#define COOL_MAX apr_time_from_sec(3600)
/* What the counts in shared memory look back on. */
#define WINDOW_MIN apr_time_from_sec(1)
#define WINDOW_MAX apr_time_from_sec(600)
#define IN_FLIGHT_MAX 1000000

/* The server's own line about this alias, of AzureLITRouting or of
 * AzureLITTimeout. */
static const azl_alias_line_t *have_alias_line(const azl_conf_t *conf,
                                               const char *alias, int routing)
{
    const azl_alias_line_t *line = (void *)conf->alias_lines->elts;
    int i;

    for (i = 0; i < conf->alias_lines->nelts; i++) {
        if (strcmp(line[i].alias, alias) == 0 &&
            (line[i].strategy != AZL_STRATEGY_UNSET) == routing) {
            return &line[i];
        }
    }
    return NULL;
}

/* NULL with *line set to a new one, or what is wrong. */
static const char *push_alias_line(cmd_parms *cmd, const char *alias,
                                   int routing, azl_alias_line_t **line)
{
    azl_conf_t *conf = azl_cmd_conf(cmd);
    const azl_alias_line_t *have;

    if (!azl_cmd_is_alias(alias)) {
        return azl_cmd_complain(cmd, alias, AZL_ALIAS_SHAPE);
    }
    have = have_alias_line(conf, alias, routing);
    if (have) {
        return azl_cmd_complain(cmd, alias,
                                apr_pstrcat(cmd->pool,
                                            "has a line already, at ",
                                            have->where, NULL));
    }
    *line = apr_array_push(conf->alias_lines);
    (*line)->alias = apr_pstrdup(cmd->pool, alias);
    (*line)->strategy = AZL_STRATEGY_UNSET;
    azl_limits_unset(&(*line)->limits);
    (*line)->where = azl_cmd_where(cmd);
    return NULL;
}

const char *azl_cmd_routing(cmd_parms *cmd, void *dirconf, const char *first,
                            const char *second)
{
    const char *name = second ? second : first;
    const char *alias = second ? first : NULL;
    const char *err = azl_cmd_scope(cmd);
    azl_alias_line_t *line = NULL;
    int strategy = azl_strategy_find(name);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strategy == AZL_STRATEGY_UNSET) {
        return azl_cmd_complain(cmd, alias,
                                apr_pstrcat(cmd->pool, "'", name,
                                            "' is no strategy, use one of: ",
                                            azl_strategy_names(), NULL));
    }
    if (!alias) {
        azl_cmd_conf(cmd)->strategy = strategy;
        return NULL;
    }
    err = push_alias_line(cmd, alias, 1, &line);
    if (!err) {
        line->strategy = strategy;
    }
    return err;
}

static const azl_option_t timeout_options[] = {
    {"connect-timeout", azl_set_connect_time, offsetof(azl_limits_t, connect)},
    {"first-token-timeout", azl_set_time, offsetof(azl_limits_t, first_token)},
    {"idle-timeout", azl_set_time, offsetof(azl_limits_t, idle)},
    {"timeout", azl_set_time, offsetof(azl_limits_t, total)},
    {NULL, NULL, 0}};

const char *azl_cmd_timeout(cmd_parms *cmd, void *dirconf, int argc,
                            char *const argv[])
{
    const char *const *words = (const char *const *)argv;
    const char *alias = argc > 0 && !strchr(argv[0], '=') ? argv[0] : NULL;
    const char *err = azl_cmd_scope(cmd);
    azl_limits_t *limits = &azl_cmd_conf(cmd)->limits;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (alias) {
        azl_alias_line_t *line = NULL;

        err = push_alias_line(cmd, alias, 0, &line);
        if (err) {
            return err;
        }
        limits = &line->limits;
        words++;
        argc--;
    }
    if (argc == 0) {
        return azl_cmd_complain(
            cmd, alias,
            apr_pstrcat(cmd->pool, "needs at least one of: ",
                        azl_options_allowed(cmd->temp_pool, timeout_options),
                        NULL));
    }
    err = azl_options_parse(cmd->pool, timeout_options, limits, argc, words);
    return err ? azl_cmd_complain(cmd, alias, err) : NULL;
}

/*
 * AzureLITCooldown.
 */
static const char *set_fails(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 0, FAILS_MAX, target)
               ? NULL
               : "a number from 0 (any number) to 1000";
}

static const char *set_percent(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_int(value, 0, 100, target)
               ? NULL
               : "a number from 0 (any share) to 100";
}

static const char *set_window(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, WINDOW_MIN, WINDOW_MAX, target)
               ? NULL
               : "a duration from 1s to 600s";
}

static const char *set_cool_time(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, COOL_MIN, COOL_MAX, target)
               ? NULL
               : "a duration from 100ms to 3600s";
}

static const azl_option_t cooldown_options[] = {
    {"fails", set_fails, offsetof(azl_cooldown_t, fails)},
    {"window", set_window, offsetof(azl_cooldown_t, window)},
    {"time", set_cool_time, offsetof(azl_cooldown_t, time)},
    {"percent", set_percent, offsetof(azl_cooldown_t, percent)},
    {NULL, NULL, 0}};

const char *azl_cmd_cooldown(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[])
{
    azl_conf_t *conf = azl_cmd_conf(cmd);
    const char *err = azl_cmd_scope(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (argc == 0) {
        return azl_cmd_complain(
            cmd, NULL,
            apr_pstrcat(cmd->pool, "needs off, or at least one of: ",
                        azl_options_allowed(cmd->temp_pool, cooldown_options),
                        NULL));
    }
    if (argc == 1 && strcmp(argv[0], "off") == 0) {
        memset(&conf->cooldown, 0, sizeof(conf->cooldown));
        return NULL;
    }
    azl_cooldown_default(&conf->cooldown);
    err = azl_options_parse(cmd->pool, cooldown_options, &conf->cooldown, argc,
                            (const char *const *)argv);
    return err ? azl_cmd_complain(cmd, NULL, err) : NULL;
}

/*
 * AzureLITFallback.
 */
static const char *fb_on(apr_pool_t *p, void *target, const char *value)
{
    azl_fallback_line_t *line = target;
    char *last = NULL;
    const char *word;

    line->on = 0;
    for (word = apr_strtok(apr_pstrdup(p, value), ",", &last); word;
         word = apr_strtok(NULL, ",", &last)) {
        int reason = azl_fallback_reason(word);

        if (!reason || (line->on & reason)) {
            line->on = 0;
            break;
        }
        line->on |= reason;
    }
    return line->on ? NULL
                    : "any of error, context-window and content-filter, each "
                      "once, with commas between them";
}

static const char *fb_loop(apr_pool_t *p, void *target, const char *value)
{
    azl_fallback_line_t *line = target;

    (void)p;
    line->loops = strcmp(value, "end") == 0;
    return line->loops || strcmp(value, "error") == 0 ? NULL : "error or end";
}

static const azl_option_t fallback_options[] = {
    {"on", fb_on, 0}, {"loop", fb_loop, 0}, {NULL, NULL, 0}};

/* The aliases in front of the options; NULL, or what is wrong with one. */
static const char *read_targets(cmd_parms *cmd, azl_fallback_line_t *line,
                                int n, char *const argv[])
{
    const char **targets =
        apr_pcalloc(cmd->pool, sizeof(*targets) * ((apr_size_t)n + 1));
    int i, j;

    for (i = 0; i < n; i++) {
        if (!azl_cmd_is_alias(argv[i])) {
            return apr_pstrcat(cmd->pool, "'", argv[i],
                               "' cannot be an alias: " AZL_ALIAS_SHAPE, NULL);
        }
        for (j = 0; j < i && strcmp(targets[j], argv[i]) != 0; j++) {
        }
        if (j < i) {
            return apr_pstrcat(cmd->pool, "'", argv[i], "' is named twice",
                               NULL);
        }
        if (strcmp(argv[i], line->alias) == 0) {
            return "a fallback must be another alias";
        }
        targets[i] = apr_pstrdup(cmd->pool, argv[i]);
    }
    line->targets = targets;
    return NULL;
}

/* One line for one reason. */
static const char *check_reasons(cmd_parms *cmd,
                                 const azl_fallback_line_t *line)
{
    const azl_conf_t *conf = azl_cmd_conf(cmd);
    const azl_fallback_line_t *have = (void *)conf->fallbacks->elts;
    int i;

    for (i = 0; i < conf->fallbacks->nelts; i++, have++) {
        int both = have->on & line->on;

        if (both && strcmp(have->alias, line->alias) == 0) {
            return apr_pstrcat(cmd->pool, "on=", azl_fallback_reason_name(both),
                               " has a line already, at ", have->where,
                               "; name all fallbacks in one", NULL);
        }
    }
    return NULL;
}

const char *azl_cmd_fallback(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[])
{
    const char *err = azl_cmd_scope(cmd);
    azl_fallback_line_t line = {0};
    int n = 1;

    (void)dirconf;
    if (err) {
        return err;
    }
    while (n < argc && !strchr(argv[n], '=')) {
        n++;
    }
    if (argc < 2 || n < 2) {
        return azl_cmd_complain(cmd, NULL,
                                "needs an alias (or * for all) and at least "
                                "one other: AzureLITFallback alias "
                                "other-alias ... [on=error,...]");
    }
    if (strcmp(argv[0], "*") != 0 && !azl_cmd_is_alias(argv[0])) {
        return azl_cmd_complain(cmd, argv[0], AZL_ALIAS_SHAPE);
    }
    line.alias = apr_pstrdup(cmd->pool, argv[0]);
    line.on = AZL_FALLBACK_ERROR;
    line.where = azl_cmd_where(cmd);
    err = read_targets(cmd, &line, n - 1, argv + 1);
    if (!err) {
        err = azl_options_parse(cmd->pool, fallback_options, &line, argc - n,
                                (const char *const *)(argv + n));
    }
    if (!err) {
        err = check_reasons(cmd, &line);
    }
    if (err) {
        return azl_cmd_complain(cmd, line.alias, err);
    }
    APR_ARRAY_PUSH(azl_cmd_conf(cmd)->fallbacks, azl_fallback_line_t) = line;
    return NULL;
}

const char *azl_cmd_max_in_flight(cmd_parms *cmd, void *dirconf,
                                  const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    int *max = &azl_cmd_conf(cmd)->max_in_flight;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "off") == 0) {
        *max = 0;
    }
    else if (!azl_option_int(arg, 1, IN_FLIGHT_MAX, max)) {
        err = azl_cmd_complain(cmd, arg,
                               "must be off or a number from 1 to 1000000");
    }
    return err;
}

const char *azl_cmd_mid_stream(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "error") != 0 && strcmp(arg, "continue") != 0) {
        return azl_cmd_complain(cmd, arg, "must be error or continue");
    }
    azl_cmd_conf(cmd)->mid_stream = arg[0] == 'c';
    return NULL;
}
