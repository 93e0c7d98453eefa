/*
 * azurelitctl: the command line beside the module. It links the same core and
 * needs no httpd; only `status` needs the network.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_ctl.h"
#include "azl_version.h"

static const char help[] =
    "usage: azurelitctl COMMAND ...\n"
    "\n"
    "commands:\n"
    "  check       look over configurations of LiteLLM\n"
    "  convert     make directives of one\n"
    "  key new     make a client key, and its line for the configuration\n"
    "  key hash    the digest of a key you have\n"
    "  key check   look over key files\n"
    "  status      show how the deployments of a running server are\n"
    "  usage       report requests, tokens and cost from usage logs\n"
    "\n"
    "  --help      this text; after a command, the help of that command\n"
    "  --version   the version\n"
    "\n"
    "exit codes: 0 done, 1 failed or a fault was found, 2 wrong usage\n";

static const azl_ctl_command_t commands[] = {
    {"check", azl_ctl_check}, {"convert", azl_ctl_convert},
    {"key", azl_ctl_key},     {"status", azl_ctl_status},
    {"usage", azl_ctl_usage}, {NULL, NULL}};

void azl_ctl_complain(const char *fmt, ...)
{
    va_list ap;

    fputs("azurelitctl: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static int is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int azl_ctl_dispatch(apr_pool_t *p, const azl_ctl_command_t *table,
                     const char *what, const char *text, int argc,
                     const char *const *argv)
{
    if (argc > 0 && is_help(argv[0])) {
        fputs(text, stdout);
        return AZL_CTL_OK;
    }
    if (argc > 0) {
        for (; table->name; table++) {
            if (strcmp(table->name, argv[0]) == 0) {
                return table->run(p, argc - 1, argv + 1);
            }
        }
    }
    azl_ctl_complain(argc > 0 ? "there is no such command; see: %s --help"
                              : "a command is missing; see: %s --help",
                     what);
    return AZL_CTL_USAGE;
}

/* 1 if the word is this option; *value is what follows the =, or NULL. */
static int is_option(const char *word, const char *name, const char **value)
{
    apr_size_t len = strlen(name);

    if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, len) != 0) {
        return 0;
    }
    *value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
    return *value || word[2 + len] == '\0';
}

static const azl_ctl_option_t *find_option(const azl_ctl_option_t *options,
                                           const char *word, const char **value)
{
    for (; options->name; options++) {
        if (is_option(word, options->name, value)) {
            return options;
        }
    }
    return NULL;
}

int azl_ctl_options(const char *what, const char *text,
                    const azl_ctl_option_t *options, int argc,
                    const char *const *argv, apr_array_header_t *rest)
{
    const azl_ctl_option_t *option;
    const char *value;
    int literal = 0;
    int i;

    for (i = 0; i < argc; i++) {
        if (literal || argv[i][0] != '-' || strcmp(argv[i], "-") == 0) {
            APR_ARRAY_PUSH(rest, const char *) = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            literal = 1;
            continue;
        }
        if (is_help(argv[i])) {
            fputs(text, stdout);
            return AZL_CTL_OK;
        }
        option = find_option(options, argv[i], &value);
        if (!option) {
            azl_ctl_complain("word %d is no option; see: %s --help", i + 1,
                             what);
            return AZL_CTL_USAGE;
        }
        if (option->flag) {
            if (value) {
                azl_ctl_complain("--%s has no value", option->name);
                return AZL_CTL_USAGE;
            }
            *option->flag = 1;
            continue;
        }
        if (!value && ++i < argc) {
            value = argv[i];
        }
        if (!value || *option->value) {
            azl_ctl_complain(value ? "--%s is given twice"
                                   : "--%s needs a value",
                             option->name);
            return AZL_CTL_USAGE;
        }
        *option->value = value;
    }
    return -1;
}

int main(int argc, const char *const *argv, const char *const *env)
{
    apr_pool_t *p;
    int rc;

    if (apr_app_initialize(&argc, &argv, &env) != APR_SUCCESS) {
        return AZL_CTL_FAILED;
    }
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    if (azl_crypto_init(p) != APR_SUCCESS) {
        azl_ctl_complain("OpenSSL has no SHA-256, HMAC or AES-256-GCM");
        return AZL_CTL_FAILED;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("azurelitctl " AZL_VERSION);
        rc = AZL_CTL_OK;
    }
    else {
        rc = azl_ctl_dispatch(p, commands, "azurelitctl", help, argc - 1,
                              argv + 1);
    }
    /* A report cut off by a full disk must not look complete. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        azl_ctl_complain("cannot write to standard output");
        rc = AZL_CTL_FAILED;
    }
    return rc;
}
