/* AzureLITConfig: a configuration of LiteLLM, as if its directives stood in
 * its place. */
#include "azl_directives_int.h"

#include <apr_strings.h>

#include "azl_file.h"
#include "azl_httpd.h"
#include "azl_litellm.h"
#include "azl_yaml.h"

static int is_taken(void *baton, const char *endpoint)
{
    const azl_conf_t *conf = baton;
    azl_endpoint_t **have = (void *)conf->endpoints->elts;
    int i;

    for (i = 0; i < conf->endpoints->nelts; i++) {
        if (strcmp(have[i]->name, endpoint) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Errors are for azl_cmd_litellm_file() to return: httpd shows the first of
 * them, the log has them all. */
static void log_messages(cmd_parms *cmd, const char *path,
                         const azl_litellm_t *config, int strict)
{
    int i;

    for (i = 0; i < config->messages->nelts; i++) {
        const azl_litellm_message_t *message =
            &APR_ARRAY_IDX(config->messages, i, azl_litellm_message_t);

        if (azl_litellm_is_wrong(message, strict)) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, cmd->server,
                         AZLNO(0131) "%s:%d: %s", path, message->line,
                         message->text);
        }
        else {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cmd->server,
                         AZLNO(0130) "%s:%d: %s", path, message->line,
                         message->text);
        }
    }
}

/* Directives of that file: who complains of one names it and its line. */
static ap_directive_t *make_tree(cmd_parms *cmd, const char *path,
                                 const azl_litellm_t *config)
{
    ap_directive_t *first = NULL, *last = NULL;
    int i;

    for (i = 0; i < config->directives->nelts; i++) {
        const azl_litellm_directive_t *from =
            &APR_ARRAY_IDX(config->directives, i, azl_litellm_directive_t);
        ap_directive_t *to = apr_pcalloc(cmd->pool, sizeof(*to));

        to->directive = from->name;
        to->args = azl_litellm_words(cmd->pool, from, 1);
        to->filename = path;
        to->line_num = from->line;
        if (last) {
            last->next = to;
        }
        else {
            first = to;
        }
        last = to;
    }
    return first;
}

static const char *apply(cmd_parms *cmd, const char *path,
                         const azl_litellm_t *config)
{
    ap_directive_t *own = cmd->directive;
    const command_rec *command = cmd->cmd;
    void *info = cmd->info;
    const char *err;

    err = ap_walk_config(make_tree(cmd, path, config), cmd, cmd->context);
    cmd->directive = own;
    cmd->cmd = command;
    cmd->info = info;
    return err;
}

const char *azl_cmd_litellm_file(cmd_parms *cmd, const char *path, int strict,
                                 int references)
{
    azl_litellm_setup_t setup = {azl_litellm_environment, is_taken,
                                 azl_cmd_conf(cmd)};
    azl_litellm_t *config;
    azl_span_t content;
    apr_status_t rv;
    int wrong;

    rv = azl_file_read(cmd->temp_pool, path, AZL_YAML_SIZE_MAX, &content);
    if (rv != APR_SUCCESS) {
        return azl_cmd_complain(cmd, path, azl_file_reason(cmd->pool, rv));
    }
    config = azl_litellm_read(cmd->pool, content, &setup);
    log_messages(cmd, path, config, strict);
    wrong = azl_litellm_wrong(config, strict);
    if (wrong) {
        return azl_cmd_complain(
            cmd, path,
            apr_psprintf(cmd->pool,
                         "%d mistakes, which are told above with their lines; "
                         "azurelitctl check %s%s shows them too",
                         wrong, strict ? "--strict " : "", path));
    }
    if (references && config->secret) {
        return azl_cmd_complain(
            cmd, path,
            apr_psprintf(cmd->pool,
                         "what stands at line %d has a secret in it, and "
                         "would be kept on the disk: say os.environ/NAME",
                         config->secret));
    }
    return apply(cmd, path, config);
}

const char *azl_cmd_litellm(cmd_parms *cmd, void *dirconf, const char *file,
                            const char *mode)
{
    const char *err = azl_cmd_scope(cmd);
    const char *path;

    (void)dirconf;
    if (err) {
        return err;
    }
    if (mode && strcmp(mode, "strict") != 0) {
        return azl_cmd_complain(cmd, mode, "must be strict, or nothing");
    }
    path = ap_server_root_relative(cmd->pool, file);
    if (!path) {
        return azl_cmd_complain(cmd, file, "is no valid path");
    }
    return azl_cmd_litellm_file(cmd, path, mode != NULL, 0);
}
