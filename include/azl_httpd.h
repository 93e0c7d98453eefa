/*
 * azl_httpd: what every file that knows request_rec shares: the module record
 * (for configuration slots and log levels) and the way messages are logged.
 *
 * Not for mod_azurelit.c, whose AP_DECLARE_MODULE defines what is declared
 * here.
 */
#ifndef AZL_HTTPD_H
#define AZL_HTTPD_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "azl_log.h"

extern module AP_MODULE_DECLARE_DATA azurelit_module;
APLOG_USE_MODULE(azurelit);

#endif /* AZL_HTTPD_H */
