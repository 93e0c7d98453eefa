/* Where Azure's own services are: for private and sovereign clouds, and for
 * whoever stands in for them in a test. */
#include "azl_directives_int.h"

#include <apr_strings.h>
#include <apr_uri.h>

/* scheme://host[:port][/path], without a slash at its end. */
static const char *read_base(cmd_parms *cmd, const char *arg, const char **base)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_uri_t uri;
    char *text;
    apr_size_t len;

    if (err) {
        return err;
    }
    if (apr_uri_parse(cmd->temp_pool, arg, &uri) != APR_SUCCESS ||
        !uri.scheme || !uri.hostname || !*uri.hostname || uri.query ||
        uri.fragment || uri.user ||
        (strcmp(uri.scheme, "https") != 0 && strcmp(uri.scheme, "http") != 0)) {
        return azl_cmd_complain(cmd, strchr(arg, '@') ? NULL : arg,
                                "must be a URL such as "
                                "https://login.microsoftonline.us");
    }
    text = apr_pstrdup(cmd->pool, arg);
    for (len = strlen(text); text[len - 1] == '/'; len--) {
        text[len - 1] = '\0';
    }
    *base = text;
    return NULL;
}

/* Clients show their secrets there. What AzureLITMetadata names is http
 * everywhere, and nothing is shown to it. */
const char *azl_cmd_authority(cmd_parms *cmd, void *dirconf, const char *arg)
{
    const char *err = read_base(cmd, arg, &azl_cmd_conf(cmd)->authority);

    (void)dirconf;
    if (!err) {
        azl_cmd_warn_open(cmd, NULL, arg);
    }
    return err;
}

const char *azl_cmd_metadata(cmd_parms *cmd, void *dirconf, const char *arg)
{
    (void)dirconf;
    return read_base(cmd, arg, &azl_cmd_conf(cmd)->metadata);
}
