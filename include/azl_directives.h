/*
 * azl_directives: the AzureLIT* configuration directives.
 *
 * The table belongs to the module record. Every handler checks what can be
 * checked of its own line at once, so that httpd names file and line; what
 * depends on other lines is checked by azl_conf_resolve().
 */
#ifndef AZL_DIRECTIVES_H
#define AZL_DIRECTIVES_H

#include <httpd.h>
#include <http_config.h>

extern const command_rec azl_directives[];

#endif /* AZL_DIRECTIVES_H */
