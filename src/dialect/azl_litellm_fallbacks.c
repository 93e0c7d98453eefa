/*
 * fallbacks and their kin: lists of maps from a model to others.
 */
#include <apr_strings.h>

#include "azl_litellm_int.h"

typedef struct line_t {
    const char *alias;           /* or "*" */
    apr_array_header_t *targets; /* const char * */
    int line;
} line_t;

typedef struct kind_t {
    const char *key;
    const char *on; /* option; NULL: it is the default */
} kind_t;

static const kind_t kinds[] = {
    {"fallbacks", NULL},
    {"context_window_fallbacks", "on=context-window"},
    {"content_policy_fallbacks", "on=content-filter"}};

static int is_alias(const azl_lm_t *lm, const char *name)
{
    return apr_hash_get(lm->aliases, name, APR_HASH_KEY_STRING) != NULL;
}

static const line_t *find_line(const apr_array_header_t *lines,
                               const char *alias)
{
    int i;

    for (i = 0; i < lines->nelts; i++) {
        const line_t *line = &APR_ARRAY_IDX(lines, i, line_t);

        if (strcmp(line->alias, alias) == 0) {
            return line;
        }
    }
    return NULL;
}

/* Others that there are, each once. */
static apr_array_header_t *read_targets(azl_lm_t *lm, const char *alias,
                                        const azl_yaml_t *list, int line)
{
    apr_array_header_t *targets = apr_array_make(lm->pool, 4, sizeof(char *));
    int i, j;

    for (i = 0; i < azl_yaml_length(list); i++) {
        const char *name = azl_yaml_text(azl_yaml_at(list, i));

        if (!name || !is_alias(lm, name)) {
            azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, line,
                       "a fallback of '%s' is left out: %s%s%s", alias,
                       name ? "there is no model '"
                            : "it must be the name of "
                              "a model",
                       name ? name : "", name ? "'" : "");
            continue;
        }
        for (j = 0; j < targets->nelts &&
                    strcmp(APR_ARRAY_IDX(targets, j, char *), name) != 0;
             j++) {
        }
        if (j < targets->nelts || strcmp(name, alias) == 0) {
            azl_lm_say(lm, AZL_LITELLM_WARNING, line,
                       "a fallback of '%s' is left out: '%s' comes before it",
                       alias, name);
            continue;
        }
        APR_ARRAY_PUSH(targets, const char *) = name;
    }
    return targets;
}

static void add_line(azl_lm_t *lm, apr_array_header_t *lines, const char *alias,
                     const azl_yaml_t *list, int at)
{
    line_t *line;

    if (azl_yaml_type(list) != AZL_YAML_LIST) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, at,
                   "the fallbacks of '%s' must be a list", alias);
        return;
    }
    if (find_line(lines, alias)) {
        azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, at,
                   "the fallbacks of '%s' stand here again: those before count",
                   alias);
        return;
    }
    if (strcmp(alias, "*") != 0 && !is_alias(lm, alias)) {
        azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, at,
                   "the fallbacks of '%s' are left out: there is no such model",
                   alias);
        return;
    }
    line = apr_array_push(lines);
    line->alias = alias;
    line->targets = read_targets(lm, alias, list, at);
    line->line = at;
    if (line->targets->nelts == 0) {
        apr_array_pop(lines);
    }
}

static void read_lists(azl_lm_map_t *map, const char *key,
                       apr_array_header_t *lines)
{
    azl_lm_t *lm = map->lm;
    int at, i, j;
    const azl_yaml_t *list = azl_lm_take(map, key, &at);

    if (list && azl_yaml_type(list) != AZL_YAML_LIST) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, at, "%s.%s must be a list",
                   map->where, key);
        return;
    }
    for (i = 0; i < azl_yaml_length(list); i++) {
        const azl_yaml_t *one = azl_yaml_at(list, i);

        if (azl_yaml_type(one) != AZL_YAML_MAP) {
            azl_lm_say(lm, AZL_LITELLM_ERROR, azl_yaml_line(one),
                       "%s.%s: an entry must be a model with a list of others",
                       map->where, key);
            continue;
        }
        for (j = 0; j < azl_yaml_length(one); j++) {
            add_line(lm, lines, azl_yaml_key(one, j), azl_yaml_at(one, j),
                     azl_yaml_key_line(one, j));
        }
    }
}

/* Do the targets of this one lead back to `start`? */
static int leads_to(const apr_array_header_t *lines, const line_t *from,
                    const char *start, apr_hash_t *seen)
{
    int i;

    for (i = 0; from && i < from->targets->nelts; i++) {
        const char *name = APR_ARRAY_IDX(from->targets, i, const char *);

        if (strcmp(name, start) == 0) {
            return 1;
        }
        if (!apr_hash_get(seen, name, APR_HASH_KEY_STRING)) {
            apr_hash_set(seen, name, APR_HASH_KEY_STRING, name);
            if (leads_to(lines, find_line(lines, name), start, seen)) {
                return 1;
            }
        }
    }
    return 0;
}

static void write_lines(azl_lm_t *lm, const kind_t *kind,
                        const apr_array_header_t *lines)
{
    int i, j;

    for (i = 0; i < lines->nelts; i++) {
        const line_t *line = &APR_ARRAY_IDX(lines, i, line_t);
        azl_litellm_directive_t *directive =
            azl_lm_directive(lm, "AzureLITFallback", line->line);

        azl_lm_word(directive, line->alias);
        for (j = 0; j < line->targets->nelts; j++) {
            azl_lm_word(directive,
                        APR_ARRAY_IDX(line->targets, j, const char *));
        }
        if (kind->on) {
            azl_lm_word(directive, kind->on);
        }
        if (leads_to(lines, line, line->alias, apr_hash_make(lm->pool))) {
            azl_lm_word(directive, "loop=end");
        }
    }
}

void azl_lm_fallbacks(azl_lm_t *lm, azl_lm_map_t *router, azl_lm_map_t *litellm)
{
    apr_size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        apr_array_header_t *lines = apr_array_make(lm->pool, 4, sizeof(line_t));
        azl_lm_map_t *maps[2] = {router, litellm};
        const azl_yaml_t *all;
        int at, m;

        for (m = 0; m < 2; m++) {
            read_lists(maps[m], kinds[i].key, lines);
        }
        for (m = 0; m < 2 && !kinds[i].on; m++) {
            all = azl_lm_take(maps[m], "default_fallbacks", &at);
            if (all) {
                add_line(lm, lines, "*", all, at);
            }
        }
        write_lines(lm, &kinds[i], lines);
    }
}
