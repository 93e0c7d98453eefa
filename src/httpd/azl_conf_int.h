/*
 * azl_conf: what the files that read, complete and check a configuration
 * share. Functions on one server's configuration; no state.
 */
#ifndef AZL_CONF_INT_H
#define AZL_CONF_INT_H

#include "azl_conf.h"

/* Nothing set. */
void azl_limits_unset(azl_limits_t *limits);
/* Each member of its own: `own` where it is set, else `outer`. */
azl_limits_t azl_limits_merge(const azl_limits_t *own,
                              const azl_limits_t *outer);
void azl_cooldown_default(azl_cooldown_t *cooldown);
/* AZL_FALLBACK_... of "error"; 0 if there is none of that name. */
int azl_fallback_reason(const char *name);
/* The name of the lowest of these bits. */
const char *azl_fallback_reason_name(int reasons);

/* Lines of `add` come instead of those of `base` for the same alias and
 * reason. */
apr_array_header_t *azl_fallbacks_merge(apr_pool_t *p,
                                        const apr_array_header_t *base,
                                        const apr_array_header_t *add);

/* Fill the catalog's models from the AzureLITModel lines and what is said of
 * their aliases. NULL, or what is wrong. */
const char *azl_conf_resolve_models(azl_conf_t *conf,
                                    const azl_price_table_t *prices,
                                    apr_pool_t *p);
/* Then their fallbacks. `p` is the configuration's pool. */
const char *azl_conf_resolve_fallbacks(azl_conf_t *conf, apr_pool_t *p,
                                       apr_pool_t *ptemp);
/* The aliases there are, for error texts. */
const char *azl_conf_aliases(const azl_conf_t *conf, apr_pool_t *p);

#endif /* AZL_CONF_INT_H */
