/*
 * azl_litellm: what the files that read LiteLLM's configuration share. Values
 * of one reading, in its pool.
 */
#ifndef AZL_LITELLM_INT_H
#define AZL_LITELLM_INT_H

#include <apr_hash.h>

#include "azl_litellm.h"
#include "azl_yaml.h"

/* A map that is read: what nobody took of it is told at the end. */
typedef struct azl_lm_map_t {
    struct azl_lm_t *lm;
    const char *where;      /* "router_settings" */
    const azl_yaml_t *yaml; /* NULL: there is none */
    char *taken;            /* a mark for each entry */
    int sent; /* LiteLLM puts what it does not know itself into requests */
    struct azl_lm_map_t *more; /* where to look for what is not in it */
} azl_lm_map_t;

typedef struct azl_lm_t {
    apr_pool_t *pool;
    const azl_litellm_setup_t *setup;
    azl_litellm_t *out;
    const azl_yaml_t *root;
    azl_lm_map_t *variables;         /* environment_variables */
    const azl_yaml_t *credentials;   /* credential_list */
    apr_array_header_t *deployments; /* azl_lm_deployment_t */
    apr_hash_t *places;    /* alias and id of one -> int *, where it is */
    apr_hash_t *aliases;   /* name -> name, of those that are answered */
    apr_hash_t *endpoints; /* all that makes one -> its name */
    apr_hash_t *names;     /* of endpoints */
    apr_hash_t *placeholders; /* names of variables that directives have */
    const char *tls;       /* option of https endpoints; NULL: none */
    int entra;             /* enable_azure_ad_token_refresh */
    int hard;              /* limits are enforced */
} azl_lm_t;

/* A scalar. */
typedef struct azl_lm_value_t {
    const char *key;
    int line;
    const char *text; /* NULL: a variable that is not set */
    const char *variable; /* of the environment that has it; NULL: the
                             document has it */
} azl_lm_value_t;

/* Why there is nothing for a key. */
typedef struct azl_lm_reason_t {
    const char *key; /* "*": any other; the table ends with NULL */
    const char *reason;
} azl_lm_reason_t;

/* Who serves a deployment. */
typedef struct azl_lm_target_t {
    const char *provider; /* LiteLLM's name */
    const char *dialect;
    const char *name; /* wish for the endpoint's; NULL: by the URL */
    const char *url;
    azl_litellm_word_t credential;
    apr_array_header_t *options; /* const char * */
    const char *deployment;
    const char *model; /* what LiteLLM knows it by; NULL: so */
    int responses; /* nothing else */
    int named;     /* the deployment's name is the model's */
} azl_lm_target_t;

/* What LiteLLM calls one. */
typedef struct azl_lm_provider_t {
    const char *name; /* what stands before the model's, with the slash */
    const char *dialect;
    const char *url;          /* NULL: api_base must say it */
    const char *url_variable; /* ... or this variable */
    const char *key_variable; /* NULL: no key is needed */
    const char *option;       /* of the endpoint, or NULL */
    int named;                /* deployments are called as their models */
    /* Fill in the target: 1, or 0 when it has been told why not. */
    int (*set)(azl_lm_map_t *params, const struct azl_lm_provider_t *provider,
               const char *model, azl_lm_target_t *target);
} azl_lm_provider_t;

typedef struct azl_lm_deployment_t {
    const char *alias;
    const char *id; /* endpoint/deployment */
    int order;
    int line;
    apr_int64_t weight[3];       /* weight, rpm, tpm in thousandths; -1: not
                                    said */
    apr_array_header_t *options; /* const char *, without weight= */
    const char *own_id;          /* model_info.id; NULL: none */
} azl_lm_deployment_t;

/* azl_litellm_read.c */
/* The bytes of the control character that is here; 0: there is none. Some
 * terminals take those beyond ASCII for commands, too. */
int azl_lm_control(const char *at);
void azl_lm_say(azl_lm_t *lm, int severity, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* An entry of a map as a map; `yaml` may be NULL. What is no map is told. */
azl_lm_map_t *azl_lm_map(azl_lm_t *lm, const char *where,
                         const azl_yaml_t *yaml, int line);
/* The value of a key, NULL if there is none or it is null. */
const azl_yaml_t *azl_lm_take(azl_lm_map_t *map, const char *key, int *line);
/* 1 if there is a scalar. */
int azl_lm_value(azl_lm_map_t *map, const char *key, azl_lm_value_t *value);
/* Its text, NULL if there is none; a variable that is not set is told. */
const char *azl_lm_text(azl_lm_map_t *map, const char *key, int *line);
/* 1 if there is a number, in units of 10^-places. */
int azl_lm_number(azl_lm_map_t *map, const char *key, int places,
                  apr_int64_t *n, int *line);
/* 1 if there is a boolean. */
int azl_lm_flag(azl_lm_map_t *map, const char *key, int *flag, int *line);
/* A number of seconds as "5s" or "2500ms"; NULL: none. */
const char *azl_lm_seconds(azl_lm_map_t *map, const char *key, int *line);
/* Tell what nobody took. */
void azl_lm_rest(const azl_lm_map_t *map, const azl_lm_reason_t *reasons);
/* What os.environ/NAME stands for. */
void azl_lm_reference(azl_lm_t *lm, const char *name, azl_lm_value_t *value);
/* "${NAME}", in a directive that is printed. */
const char *azl_lm_placeholder(azl_lm_t *lm, const char *name);
/* A variable of the document or of the environment; NULL: not set, or not
 * known. */
const char *azl_lm_variable(azl_lm_t *lm, const char *name);
/* "env:NAME", or the secret itself, with a warning. `placeholder` is the
 * variable it should be in. */
azl_litellm_word_t azl_lm_secret(azl_lm_t *lm, const azl_lm_value_t *value,
                                 const char *placeholder);
azl_litellm_directive_t *azl_lm_directive(azl_lm_t *lm, const char *name,
                                          int line);
void azl_lm_word(azl_litellm_directive_t *directive, const char *text);
/* "name=value" */
const char *azl_lm_option(azl_lm_t *lm, const char *name, const char *value);
/* 1 if the text is a decimal number; *n is in units of 10^-places, rounded. */
int azl_lm_decimal(const char *text, int places, apr_int64_t *n);

/* azl_litellm_provider.c: 1, or 0 when it has been told why not. */
int azl_lm_target(azl_lm_map_t *params, azl_lm_target_t *target);
/* What follows `start`, NULL if the text does not begin with it. */
const char *azl_lm_after(const char *text, const char *start);
/* Tell why a deployment is left out; 0. */
int azl_lm_refuse(azl_lm_map_t *params, int line, const char *reason);
/* name=value of the endpoint. */
void azl_lm_add(azl_lm_map_t *params, azl_lm_target_t *target,
                const char *name, const char *value);
/* A value of the document, else of the environment, where LiteLLM looks for it
 * by itself; NULL: neither. */
const char *azl_lm_text_or(azl_lm_map_t *params, const char *key,
                           const char *variable);
/* `ssl_verify` as an option of endpoints; NULL: none is needed. 1 if it is
 * said. */
int azl_lm_tls(azl_lm_map_t *map, const char **option);
/* A word without a secret. */
azl_litellm_word_t azl_lm_plain(const char *text);
/* WHO:SECRET */
azl_litellm_word_t azl_lm_with_secret(azl_lm_t *lm, const char *who,
                                      const azl_lm_value_t *secret,
                                      const azl_lm_target_t *target);
/* api_key, or the variable LiteLLM looks into. */
void azl_lm_set_key(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                    azl_lm_target_t *target);
/* api_base, or what the provider has; 0 and told if there is none. */
int azl_lm_set_url(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                   azl_lm_target_t *target, int line);
/* The URL without the first of these at its end, which other clients want. */
void azl_lm_cut_tail(azl_lm_map_t *params, azl_lm_target_t *target,
                     const char *const *tails);
/* A provider with a URL and a key. */
int azl_lm_set_simple(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                      const char *model, azl_lm_target_t *target);

/* azl_litellm_azure.c, azl_litellm_cloud.c: as azl_lm_provider_t.set */
int azl_lm_set_azure(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                     const char *model, azl_lm_target_t *target);
int azl_lm_set_azure_ai(azl_lm_map_t *params,
                        const azl_lm_provider_t *provider, const char *model,
                        azl_lm_target_t *target);
int azl_lm_set_vertex(azl_lm_map_t *params, const azl_lm_provider_t *provider,
                      const char *model, azl_lm_target_t *target);
int azl_lm_set_bedrock(azl_lm_map_t *params,
                       const azl_lm_provider_t *provider, const char *model,
                       azl_lm_target_t *target);
int azl_lm_set_databricks(azl_lm_map_t *params,
                          const azl_lm_provider_t *provider,
                          const char *model, azl_lm_target_t *target);

/* azl_litellm_models.c */
void azl_lm_credentials(azl_lm_t *lm, const azl_yaml_t *list, int line);
void azl_lm_models(azl_lm_t *lm, const azl_yaml_t *list);
/* azl_litellm_groups.c: other names of models (model_group_alias). */
void azl_lm_aliases(azl_lm_t *lm, const azl_yaml_t *map, int line);
void azl_lm_write_models(azl_lm_t *lm);

/* azl_litellm_secrets.c: all that look like one, whether they are used or not;
 * and one that is. */
void azl_lm_find_secrets(azl_lm_t *lm);
void azl_lm_found_secret(azl_lm_t *lm, int line);

/* azl_litellm_settings.c: all that is in the root. */
void azl_lm_settings(azl_lm_t *lm);
/* azl_litellm_fallbacks.c: with the keys of both maps. */
void azl_lm_fallbacks(azl_lm_t *lm, azl_lm_map_t *router,
                      azl_lm_map_t *litellm);

#endif /* AZL_LITELLM_INT_H */
