/*
 * azl_directives: what the files of src/httpd that each know some directives
 * share. Functions on a command that is being read; no state.
 */
#ifndef AZL_DIRECTIVES_INT_H
#define AZL_DIRECTIVES_INT_H

#include <httpd.h>
#include <http_config.h>

#include "azl_conf.h"

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
                           const char *value, const char **secret);

/* azl_directives_endpoint.c, azl_directives_model.c */
const char *azl_cmd_endpoint(cmd_parms *cmd, void *dirconf, int argc,
                             char *const argv[]);
const char *azl_cmd_model(cmd_parms *cmd, void *dirconf, int argc,
                          char *const argv[]);

#endif /* AZL_DIRECTIVES_INT_H */
