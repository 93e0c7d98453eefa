/*
 * azl_directives: what the files of src/httpd that each know some directives
 * share. Functions on a command that is being read; no state.
 */
#ifndef AZL_DIRECTIVES_INT_H
#define AZL_DIRECTIVES_INT_H

#include <httpd.h>
#include <http_config.h>

#include "azl_conf_int.h"

/* Endpoint, key and model names appear in logs, headers and file formats. */
#define AZL_NAME_MAX 128

azl_conf_t *azl_cmd_conf(cmd_parms *cmd);
/* NULL, or the message for a directive that stands in a <Location> or the
 * like. */
const char *azl_cmd_scope(cmd_parms *cmd);
/* "file:line" of the directive. */
const char *azl_cmd_where(cmd_parms *cmd);
/* "AzureLITModel gpt-4.1: what is wrong"; `subject` may be NULL. */
const char *azl_cmd_complain(cmd_parms *cmd, const char *subject,
                             const char *what);
/* A secret by reference; a literal one is taken with a warning. NULL, or what
 * is wrong. */
const char *azl_cmd_secret(cmd_parms *cmd, const char *subject,
                           const char *value, const azl_secret_t **secret);

/* Warn if others can read what is sent to a URL, and change what comes from
 * there. Only its host is shown. */
void azl_cmd_warn_open(cmd_parms *cmd, const char *subject, const char *url);

/* An alias may look like "azure/gpt-4.1" or "gpt-4.1:fast". */
int azl_cmd_is_alias(const char *text);
#define AZL_ALIAS_SHAPE "an alias has letters, digits and any of ._-/:@+"
/* The slash of "endpoint/deployment"; NULL if that is not what it is. */
const char *azl_cmd_target(const char *text);

/* Options (azl_option_fn) that several directives have; the target is an
 * apr_interval_time_t. */
const char *azl_set_connect_time(apr_pool_t *p, void *target,
                                 const char *value);
const char *azl_set_time(apr_pool_t *p, void *target, const char *value);

/* azl_directives_endpoint.c, azl_directives_litellm.c, azl_directives_model.c,
 * azl_directives_routing.c, azl_directives_observe.c,
 * azl_directives_identity.c */
const char *azl_cmd_endpoint(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[]);
const char *azl_cmd_config_source(cmd_parms *cmd, void *dirconf, int argc,
                                  char *const argv[]);
const char *azl_cmd_litellm(cmd_parms *cmd, void *dirconf, const char *file,
                            const char *mode);
const char *azl_cmd_model(cmd_parms *cmd, void *dirconf, int argc,
                          char *const argv[]);
const char *azl_cmd_routing(cmd_parms *cmd, void *dirconf, const char *first,
                            const char *second);
const char *azl_cmd_timeout(cmd_parms *cmd, void *dirconf, int argc,
                            char *const argv[]);
const char *azl_cmd_cooldown(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[]);
const char *azl_cmd_fallback(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[]);
const char *azl_cmd_max_in_flight(cmd_parms *cmd, void *dirconf,
                                  const char *arg);
const char *azl_cmd_mid_stream(cmd_parms *cmd, void *dirconf,
                               const char *arg);
const char *azl_cmd_authority(cmd_parms *cmd, void *dirconf, const char *arg);
const char *azl_cmd_metadata(cmd_parms *cmd, void *dirconf, const char *arg);
const char *azl_cmd_metrics(cmd_parms *cmd, void *dirconf, const char *arg);
const char *azl_cmd_probe(cmd_parms *cmd, void *dirconf, const char *arg);

/* Read what AzureLITConfig names. `strict`: what is not supported is a mistake;
 * `references`: so is a secret. NULL, or what is wrong, for the command to
 * return. */
const char *azl_cmd_litellm_file(cmd_parms *cmd, const char *path, int strict,
                                 int references);

#endif /* AZL_DIRECTIVES_INT_H */
