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

extern module AP_MODULE_DECLARE_DATA azurelit_module;
APLOG_USE_MODULE(azurelit);

/* The id every message starts with: one number each, never reused, explained
 * in docs/messages.md. */
#define AZLNO(n) "AZL" #n ": "

#endif /* AZL_HTTPD_H */
