#include "azl_directives_int.h"

#include "azl_options.h"

/* A probe costs a few tokens: not more often than this. */
#define PROBE_MIN apr_time_from_sec(1)
#define PROBE_MAX apr_time_from_sec(86400)

const char *azl_cmd_metrics(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    azl_conf_t *conf = azl_cmd_conf(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "on") == 0) {
        conf->seen_by = AZL_SEEN_BY_MASTER;
    }
    else if (strcmp(arg, "off") == 0) {
        conf->seen_by = AZL_SEEN_BY_NOBODY;
    }
    else if (strcmp(arg, "open") == 0) {
        conf->seen_by = AZL_SEEN_BY_ANYBODY;
    }
    else {
        err = azl_cmd_complain(cmd, arg, "must be on, off or open");
    }
    return err;
}

const char *azl_cmd_probe(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = azl_cmd_scope(cmd);
    azl_conf_t *conf = azl_cmd_conf(cmd);

    (void)dirconf;
    if (err) {
        return err;
    }
    if (strcmp(arg, "off") == 0) {
        conf->probe = 0;
    }
    else if (!azl_option_duration(arg, PROBE_MIN, PROBE_MAX, &conf->probe)) {
        err = azl_cmd_complain(cmd, arg,
                               "must be off or a time from 1s to 86400s, "
                               "like 60s");
    }
    return err;
}
