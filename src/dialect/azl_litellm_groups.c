/*
 * What is known when all of model_list has been read: other names of its
 * groups, and the shares within them.
 */
#include <apr_strings.h>

#include "azl_litellm_int.h"

/* AzureLITModel's weight= goes up to this. */
#define WEIGHT_MAX 1000

static const azl_lm_reason_t no_reasons[] = {{NULL, NULL}};

/*
 * Other names
 */

static void copy_group(azl_lm_t *lm, const char *alias, const char *of,
                       int line)
{
    int n = lm->deployments->nelts;
    int i;

    for (i = 0; i < n; i++) {
        azl_lm_deployment_t d =
            APR_ARRAY_IDX(lm->deployments, i, azl_lm_deployment_t);
        int based = 0, j;

        if (strcmp(d.alias, of) != 0) {
            continue;
        }
        d.alias = alias;
        d.line = line;
        d.options = apr_array_copy(lm->pool, d.options);
        for (j = 0; j < d.options->nelts; j++) {
            based |= strncmp(APR_ARRAY_IDX(d.options, j, const char *),
                             "base-model=", strlen("base-model=")) == 0;
        }
        if (!based) {
            APR_ARRAY_PUSH(d.options, const char *) =
                azl_lm_option(lm, "base-model", of);
        }
        APR_ARRAY_PUSH(lm->deployments, azl_lm_deployment_t) = d;
    }
    apr_hash_set(lm->aliases, alias, APR_HASH_KEY_STRING, alias);
}

static void read_alias(azl_lm_t *lm, const char *alias, const azl_yaml_t *yaml,
                       int line)
{
    const char *of = azl_yaml_text(yaml);
    int hidden = 0;

    if (azl_yaml_type(yaml) == AZL_YAML_MAP) {
        azl_lm_map_t *map = azl_lm_map(lm, "model_group_alias", yaml, line);
        int at;

        of = azl_lm_text(map, "model", &at);
        if (azl_lm_flag(map, "hidden", &hidden, &at) && hidden) {
            azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, at,
                       "model_group_alias '%s': hidden is not supported, it is "
                       "in the list of models",
                       alias);
        }
        azl_lm_rest(map, no_reasons);
    }
    if (!of || !apr_hash_get(lm->aliases, of, APR_HASH_KEY_STRING)) {
        azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, line,
                   "model_group_alias '%s' is left out: it names no model that "
                   "there is",
                   alias);
    }
    else if (apr_hash_get(lm->aliases, alias, APR_HASH_KEY_STRING)) {
        azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, line,
                   "model_group_alias '%s' is left out: there is a model of "
                   "that name",
                   alias);
    }
    else {
        copy_group(lm, alias, of, line);
    }
}

void azl_lm_aliases(azl_lm_t *lm, const azl_yaml_t *yaml, int line)
{
    azl_lm_map_t *map = azl_lm_map(lm, "model_group_alias", yaml, line);
    int i;

    for (i = 0; i < azl_yaml_length(map->yaml); i++) {
        read_alias(lm, azl_yaml_key(map->yaml, i), azl_yaml_at(map->yaml, i),
                   azl_yaml_key_line(map->yaml, i));
    }
}

/*
 * Weights. LiteLLM goes by the first of weight, rpm and tpm that the first
 * deployment of the group has; one without it gets no share.
 */

/* Deployments of which one is chosen by weight: those of a model with the same
 * order. */
typedef struct choice_t {
    const azl_lm_deployment_t *first;
    int kind;           /* what counts, an index of their weights; 3: nothing */
    apr_int64_t common; /* all weights are multiples of this */
    apr_int64_t max;    /* ... and at most this */
} choice_t;

static apr_int64_t divisor(apr_int64_t a, apr_int64_t b)
{
    while (b) {
        apr_int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static choice_t *choice_of(azl_lm_t *lm, apr_hash_t *choices,
                           const azl_lm_deployment_t *d)
{
    const char *key = apr_psprintf(lm->pool, "%d %s", d->order, d->alias);
    choice_t *choice = apr_hash_get(choices, key, APR_HASH_KEY_STRING);

    if (!choice) {
        choice = apr_pcalloc(lm->pool, sizeof(*choice));
        choice->first = d;
        while (choice->kind < 3 && d->weight[choice->kind] < 0) {
            choice->kind++;
        }
        apr_hash_set(choices, key, APR_HASH_KEY_STRING, choice);
    }
    return choice;
}

/* Each deployment's choice, in their order. */
static choice_t **read_choices(azl_lm_t *lm)
{
    const azl_lm_deployment_t *d = (void *)lm->deployments->elts;
    int n = lm->deployments->nelts;
    choice_t **of = apr_palloc(lm->pool, sizeof(*of) * (apr_size_t)(n + 1));
    apr_hash_t *choices = apr_hash_make(lm->pool);
    int i;

    for (i = 0; i < n; i++) {
        choice_t *choice = choice_of(lm, choices, &d[i]);

        of[i] = choice;
        if (choice->kind < 3 && d[i].weight[choice->kind] > 0) {
            apr_int64_t weight = d[i].weight[choice->kind];

            choice->common = divisor(weight, choice->common);
            choice->max = weight > choice->max ? weight : choice->max;
        }
    }
    return of;
}

static void say_no_weight(azl_lm_t *lm, const azl_lm_deployment_t *d,
                          const choice_t *choice)
{
    static const char *const names[] = {"weight", "rpm", "tpm"};

    azl_lm_say(lm, AZL_LITELLM_WARNING, d->line,
               "model '%s': this deployment has no %s, while that in line %d "
               "has one: as with LiteLLM it is asked only when no other can "
               "answer",
               d->alias, names[choice->kind], choice->first->line);
}

/* NULL: nobody says anything, all are alike. */
static const char *weight_of(azl_lm_t *lm, const azl_lm_deployment_t *d,
                             const choice_t *choice)
{
    apr_int64_t weight;

    if (choice->kind == 3) {
        return NULL;
    }
    weight = d->weight[choice->kind];
    if (weight < 0) {
        say_no_weight(lm, d, choice);
        weight = 0;
    }
    if (weight > 0) {
        weight = choice->max / choice->common <= WEIGHT_MAX
                     ? weight / choice->common
                     : weight / (choice->max / WEIGHT_MAX + 1);
        weight = weight ? weight : 1;
    }
    return weight == 1 ? NULL
                       : apr_psprintf(lm->pool, "%" APR_INT64_T_FMT, weight);
}

void azl_lm_write_models(azl_lm_t *lm)
{
    choice_t **choices = read_choices(lm);
    int i, j;

    for (i = 0; i < lm->deployments->nelts; i++) {
        const azl_lm_deployment_t *d =
            &APR_ARRAY_IDX(lm->deployments, i, azl_lm_deployment_t);
        const char *weight = weight_of(lm, d, choices[i]);
        azl_litellm_directive_t *directive =
            azl_lm_directive(lm, "AzureLITModel", d->line);

        azl_lm_word(directive, d->alias);
        azl_lm_word(directive, d->id);
        if (weight) {
            azl_lm_word(directive, azl_lm_option(lm, "weight", weight));
        }
        for (j = 0; j < d->options->nelts; j++) {
            azl_lm_word(directive, APR_ARRAY_IDX(d->options, j, const char *));
        }
        if (d->own_id) {
            azl_lm_word(directive, azl_lm_option(lm, "id", d->own_id));
        }
    }
}
