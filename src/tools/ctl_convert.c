/*
 * azurelitctl convert, check: LiteLLM's configuration as directives.
 */
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "azl_ctl.h"
#include "azl_file.h"
#include "azl_litellm.h"
#include "azl_yaml.h"

static const char convert_help[] =
    "usage: azurelitctl convert [--strict] FILE\n"
    "\n"
    "Prints what a configuration of LiteLLM (config.yaml) says as directives\n"
    "of mod_azurelit, the same that AzureLITConfig makes of it. What could "
    "not\n"
    "be converted is told with its line. os.environ/NAME becomes env:NAME for\n"
    "secrets and ${NAME} for all else. A secret is never printed: where the\n"
    "file has one itself, there stands the variable to put it into.\n"
    "  --strict   convert nothing if something is not supported\n"
    "\n"
    "exit codes: 0 done, 1 the file is wrong (or --strict), 2 wrong usage\n";

static const char check_help[] =
    "usage: azurelitctl check [--strict] FILE...\n"
    "\n"
    "Reads configurations of LiteLLM as AzureLITConfig would and tells what "
    "is\n"
    "wrong, what is not supported and what could be better, with file and\n"
    "line. Whether variables are set, files are there and values are in range\n"
    "is found out by `httpd -t`, which also checks files with directives.\n"
    "  --strict   what is not supported counts as wrong, as with\n"
    "             AzureLITConfig FILE strict\n"
    "\n"
    "exit codes: 0 all is well, 1 something is wrong, 2 wrong usage\n";

static const char *const severities[] = {"warning", "unsupported", "error"};

static void print_messages(const char *path, const azl_litellm_t *config)
{
    int i;

    for (i = 0; i < config->messages->nelts; i++) {
        const azl_litellm_message_t *message =
            &APR_ARRAY_IDX(config->messages, i, azl_litellm_message_t);

        fprintf(stderr, "%s:%d: %s: %s\n", path, message->line,
                severities[message->severity], message->text);
    }
}

/* What the file comes to, or NULL and a complaint. */
static azl_litellm_t *read_file(apr_pool_t *p, const char *path)
{
    static const azl_litellm_setup_t setup = {NULL, NULL, NULL};
    azl_litellm_t *config;
    azl_span_t content;
    apr_status_t rv = azl_file_read(p, path, AZL_YAML_SIZE_MAX, &content);

    if (rv != APR_SUCCESS) {
        azl_ctl_complain("cannot read %s: %s", path, azl_file_reason(p, rv));
        return NULL;
    }
    config = azl_litellm_read(p, content, &setup);
    print_messages(path, config);
    return config;
}

static void print_directives(apr_pool_t *p, const char *path,
                             const azl_litellm_t *config)
{
    int line = 0;
    int i;

    printf("# Made of %s by azurelitctl convert.\n", path);
    for (i = 0; i < config->directives->nelts; i++) {
        const azl_litellm_directive_t *directive =
            &APR_ARRAY_IDX(config->directives, i, azl_litellm_directive_t);

        if (directive->line != line) {
            line = directive->line;
            printf("# line %d\n", line);
        }
        printf("%s %s\n", directive->name, azl_litellm_words(p, directive, 0));
    }
}

int azl_ctl_convert(apr_pool_t *p, int argc, const char *const *argv)
{
    apr_array_header_t *files = apr_array_make(p, 1, sizeof(char *));
    int strict = 0;
    const azl_ctl_option_t options[] = {{"strict", NULL, &strict},
                                        {NULL, NULL, NULL}};
    const char *path;
    azl_litellm_t *config;
    int rc = azl_ctl_options("azurelitctl convert", convert_help, options, argc,
                             argv, files);

    if (rc >= 0) {
        return rc;
    }
    if (files->nelts != 1) {
        azl_ctl_complain("convert needs one file; see: azurelitctl convert "
                         "--help");
        return AZL_CTL_USAGE;
    }
    path = APR_ARRAY_IDX(files, 0, const char *);
    config = read_file(p, path);
    if (!config || azl_litellm_wrong(config, strict)) {
        return AZL_CTL_FAILED;
    }
    print_directives(p, path, config);
    return AZL_CTL_OK;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

static int count(const azl_litellm_t *config, const char *name)
{
    int n = 0;
    int i;

    for (i = 0; i < config->directives->nelts; i++) {
        n +=
            strcmp(APR_ARRAY_IDX(config->directives, i, azl_litellm_directive_t)
                       .name,
                   name) == 0;
    }
    return n;
}

static int check_file(apr_pool_t *p, const char *path, int strict)
{
    azl_litellm_t *config;

    if (ends_with(path, ".conf")) {
        azl_ctl_complain("%s: directives are checked by httpd itself: httpd "
                         "-t -c 'Include %s'",
                         path, path);
        return AZL_CTL_USAGE;
    }
    config = read_file(p, path);
    if (!config) {
        return AZL_CTL_FAILED;
    }
    printf("%s: %d deployments at %d endpoints, %d errors, %d not supported, "
           "%d warnings\n",
           path, count(config, "AzureLITModel"),
           count(config, "AzureLITEndpoint"), config->count[AZL_LITELLM_ERROR],
           config->count[AZL_LITELLM_UNSUPPORTED],
           config->count[AZL_LITELLM_WARNING]);
    return azl_litellm_wrong(config, strict) ? AZL_CTL_FAILED : AZL_CTL_OK;
}

int azl_ctl_check(apr_pool_t *p, int argc, const char *const *argv)
{
    apr_array_header_t *files = apr_array_make(p, 4, sizeof(char *));
    int strict = 0;
    const azl_ctl_option_t options[] = {{"strict", NULL, &strict},
                                        {NULL, NULL, NULL}};
    int rc = azl_ctl_options("azurelitctl check", check_help, options, argc,
                             argv, files);
    int i;

    if (rc >= 0) {
        return rc;
    }
    if (files->nelts == 0) {
        azl_ctl_complain("check needs a file; see: azurelitctl check --help");
        return AZL_CTL_USAGE;
    }
    rc = AZL_CTL_OK;
    for (i = 0; i < files->nelts; i++) {
        int one = check_file(p, APR_ARRAY_IDX(files, i, const char *), strict);

        rc = one > rc ? one : rc;
    }
    return rc;
}
