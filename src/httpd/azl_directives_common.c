#include "azl_directives_int.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_http.h"
#include "azl_httpd.h"
#include "azl_options.h"

#define CONNECT_TIME_MAX apr_time_from_sec(600)
#define TIME_MAX apr_time_from_sec(86400)

static const char *const own_scope_only =
    "is not allowed in <Directory>, <Location> or .htaccess: it belongs to "
    "the server or a <VirtualHost>";

azl_conf_t *azl_cmd_conf(cmd_parms *cmd)
{
    return azl_conf_get(cmd->server);
}

const char *azl_cmd_scope(cmd_parms *cmd)
{
    if (ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT)) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", own_scope_only,
                           NULL);
    }
    return NULL;
}

const char *azl_cmd_where(cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                        cmd->directive->line_num);
}

/* "AzureLITModel gpt-4.1: ..." */
const char *azl_cmd_complain(cmd_parms *cmd, const char *subject,
                             const char *what)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, subject ? " " : "",
                       subject ? subject : "", ": ", what, NULL);
}

const char *azl_cmd_secret(cmd_parms *cmd, const char *subject,
                           const char *value, const azl_secret_t **secret)
{
    int literal;
    const char *err = azl_option_secret(cmd->pool, value, secret, &literal);

    if (err) {
        return azl_cmd_complain(cmd, subject, err);
    }
    if (literal) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, cmd->server,
            AZLNO(
                0001) "%s: %s%s%s: the secret is written in the configuration; "
                      "use env:NAME or file:/path",
            azl_cmd_where(cmd), cmd->cmd->name, subject ? " " : "",
            subject ? subject : "");
    }
    return NULL;
}

void azl_cmd_warn_open(cmd_parms *cmd, const char *subject, const char *url)
{
    const char *host = azl_http_open_host(cmd->temp_pool, url);

    if (!host) {
        return;
    }
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, cmd->server,
        AZLNO(0166) "%s: %s%s%s: there is no TLS to %s, anyone between here "
                    "and there can read what is sent and change what comes "
                    "back; use https://",
        azl_cmd_where(cmd), cmd->cmd->name, subject ? " " : "",
        subject ? subject : "", host);
}

int azl_cmd_is_alias(const char *text)
{
    const char *at;

    for (at = text; *at; at++) {
        if (!apr_isalnum(*at) && !strchr("._-/:@+", *at)) {
            return 0;
        }
    }
    return at != text && at - text <= AZL_NAME_MAX;
}

const char *azl_cmd_target(const char *text)
{
    const char *slash = strchr(text, '/');

    return slash && slash != text && azl_cmd_is_alias(slash + 1) ? slash : NULL;
}

const char *azl_set_connect_time(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, apr_time_from_msec(1), CONNECT_TIME_MAX,
                               target)
               ? NULL
               : "a duration from 1ms to 600s";
}

const char *azl_set_time(apr_pool_t *p, void *target, const char *value)
{
    (void)p;
    return azl_option_duration(value, apr_time_from_msec(1), TIME_MAX, target)
               ? NULL
               : "a duration from 1ms to 86400s";
}
