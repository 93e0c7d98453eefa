#include "azl_conf_int.h"

#include <apr_strings.h>

static const struct {
    int reason;
    const char *name;
} reasons[] = {{AZL_FALLBACK_ERROR, "error"},
               {AZL_FALLBACK_CONTEXT_WINDOW, "context-window"},
               {AZL_FALLBACK_CONTENT_FILTER, "content-filter"}};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

int azl_fallback_reason(const char *name)
{
    apr_size_t i;

    for (i = 0; i < REASONS; i++) {
        if (strcmp(reasons[i].name, name) == 0) {
            return reasons[i].reason;
        }
    }
    return 0;
}

const char *azl_fallback_reason_name(int bits)
{
    apr_size_t i = 0;

    while (i < REASONS - 1 && !(bits & reasons[i].reason)) {
        i++;
    }
    return reasons[i].name;
}

apr_array_header_t *azl_fallbacks_merge(apr_pool_t *p,
                                        const apr_array_header_t *base,
                                        const apr_array_header_t *add)
{
    const azl_fallback_line_t *old = (void *)base->elts;
    const azl_fallback_line_t *own = (void *)add->elts;
    apr_array_header_t *all =
        apr_array_make(p, base->nelts + add->nelts + 1, sizeof(*own));
    int i, j;

    for (i = 0; i < base->nelts; i++) {
        azl_fallback_line_t line = old[i];

        for (j = 0; j < add->nelts; j++) {
            if (strcmp(own[j].alias, line.alias) == 0) {
                line.on &= ~own[j].on;
            }
        }
        if (line.on) {
            APR_ARRAY_PUSH(all, azl_fallback_line_t) = line;
        }
    }
    apr_array_cat(all, add);
    return all;
}

static azl_model_t *find_model(const azl_conf_t *conf, const char *alias)
{
    return apr_hash_get(conf->catalog->models, alias, APR_HASH_KEY_STRING);
}

static const azl_fallback_line_t *find_line(const azl_conf_t *conf,
                                            const char *alias, int reason)
{
    const azl_fallback_line_t *line = (void *)conf->fallbacks->elts;
    int i;

    for (i = 0; i < conf->fallbacks->nelts; i++) {
        if ((line[i].on & reason) && strcmp(line[i].alias, alias) == 0) {
            return &line[i];
        }
    }
    return NULL;
}

static const char *check_aliases(const azl_conf_t *conf,
                                 const azl_fallback_line_t *line, apr_pool_t *p)
{
    const char *unknown = NULL;
    int i;

    if (strcmp(line->alias, "*") != 0 && !find_model(conf, line->alias)) {
        unknown = line->alias;
    }
    for (i = 0; line->targets[i] && !unknown; i++) {
        if (!find_model(conf, line->targets[i])) {
            unknown = line->targets[i];
        }
    }
    return unknown ? apr_psprintf(p,
                                  "%s: AzureLITFallback %s: alias '%s' is not "
                                  "defined by any AzureLITModel of this "
                                  "server; defined are: %s",
                                  line->where, line->alias, unknown,
                                  azl_conf_aliases(conf, p))
                   : NULL;
}

/*
 * Loops. Only lines of the aliases themselves make one: `*` skips what is in
 * the chain already.
 */
typedef struct walk_t {
    const azl_conf_t *conf;
    int reason;
    const char *start;
    apr_hash_t *seen; /* aliases that do not lead to `start` */
    apr_pool_t *p;
} walk_t;

/* The way back to the start as "b -> c -> start"; NULL: there is none. */
static const char *way_back(walk_t *walk, const char *alias)
{
    const azl_fallback_line_t *line =
        find_line(walk->conf, alias, walk->reason);
    int i;

    if (apr_hash_get(walk->seen, alias, APR_HASH_KEY_STRING)) {
        return NULL;
    }
    apr_hash_set(walk->seen, alias, APR_HASH_KEY_STRING, alias);
    for (i = 0; line && line->targets[i]; i++) {
        const char *way;

        if (strcmp(line->targets[i], walk->start) == 0) {
            way = walk->start;
        }
        else {
            way = way_back(walk, line->targets[i]);
        }
        if (way) {
            return apr_pstrcat(walk->p, alias, " -> ", way, NULL);
        }
    }
    return NULL;
}

static const char *check_loop(const azl_conf_t *conf,
                              const azl_fallback_line_t *line, int reason,
                              apr_pool_t *p)
{
    walk_t walk;
    const char *way;

    if (line->loops) {
        return NULL;
    }
    walk.conf = conf;
    walk.reason = reason;
    walk.start = line->alias;
    walk.seen = apr_hash_make(p);
    walk.p = p;
    way = way_back(&walk, line->alias);
    return way ? apr_psprintf(p,
                              "%s: AzureLITFallback %s: %s is a loop "
                              "(on=%s); a chain of fallbacks must end",
                              line->where, line->alias, way,
                              azl_fallback_reason_name(reason))
               : NULL;
}

/*
 * Chains: the fallbacks of an alias, each followed by its own.
 */
static int has_alias(const apr_array_header_t *chain, const char *alias)
{
    int i;

    for (i = 0; i < chain->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(chain, i, const char *), alias) == 0) {
            return 1;
        }
    }
    return 0;
}

/* chain[0] is the alias whose fallbacks are looked for. */
static void follow(const azl_conf_t *conf, const char *alias, int reason,
                   apr_array_header_t *chain)
{
    const azl_fallback_line_t *line = find_line(conf, alias, reason);
    int i;

    if (!line) {
        line = find_line(conf, "*", reason);
    }
    for (i = 0; line && line->targets[i]; i++) {
        if (!has_alias(chain, line->targets[i])) {
            APR_ARRAY_PUSH(chain, const char *) = line->targets[i];
            follow(conf, line->targets[i], reason, chain);
        }
    }
}

/* Entries are shared with the reasons before where that keeps the order. */
static void add_chain(const azl_conf_t *conf, azl_model_t *model, int reason,
                      const apr_array_header_t *chain, apr_pool_t *p)
{
    int from = 0;
    int i, j;

    for (i = 1; i < chain->nelts; i++) {
        const azl_model_t *target =
            find_model(conf, APR_ARRAY_IDX(chain, i, const char *));
        azl_fallback_t *have;

        if (!model->fallbacks) {
            model->fallbacks = apr_array_make(p, 4, sizeof(azl_fallback_t));
        }
        have = (void *)model->fallbacks->elts;
        for (j = from; j < model->fallbacks->nelts && have[j].model != target;
             j++) {
        }
        if (j < model->fallbacks->nelts) {
            have[j].on |= reason;
        }
        else {
            azl_fallback_t *more = apr_array_push(model->fallbacks);

            more->model = target;
            more->on = reason;
        }
        from = j + 1;
    }
}

static void complete_model(const azl_conf_t *conf, azl_model_t *model,
                           apr_pool_t *p, apr_pool_t *ptemp)
{
    apr_size_t i;

    for (i = 0; i < REASONS; i++) {
        apr_array_header_t *chain =
            apr_array_make(ptemp, 4, sizeof(const char *));

        APR_ARRAY_PUSH(chain, const char *) = model->alias;
        follow(conf, model->alias, reasons[i].reason, chain);
        add_chain(conf, model, reasons[i].reason, chain, p);
    }
}

const char *azl_conf_resolve_fallbacks(azl_conf_t *conf, apr_pool_t *p,
                                       apr_pool_t *ptemp)
{
    const azl_fallback_line_t *line = (void *)conf->fallbacks->elts;
    const char *err = NULL;
    apr_size_t j;
    int i;

    for (i = 0; i < conf->fallbacks->nelts && !err; i++) {
        err = check_aliases(conf, &line[i], p);
    }
    for (i = 0; i < conf->fallbacks->nelts && !err; i++) {
        for (j = 0; j < REASONS && !err; j++) {
            if (line[i].on & reasons[j].reason) {
                err = check_loop(conf, &line[i], reasons[j].reason, p);
            }
        }
    }
    if (err || conf->fallbacks->nelts == 0) {
        return err;
    }
    for (i = 0; i < conf->catalog->order->nelts; i++) {
        complete_model(conf,
                       APR_ARRAY_IDX(conf->catalog->order, i, azl_model_t *), p,
                       ptemp);
    }
    return NULL;
}
