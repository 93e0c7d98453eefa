/*
 * azurelitctl key: make, digest and check client keys.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_ctl.h"
#include "azl_file.h"
#include "azl_key.h"
#include "azl_time.h"

#define KEYFILE_MAX ((apr_off_t)64 << 20)

static const char help[] =
    "usage: azurelitctl key new [--name NAME]\n"
    "       azurelitctl key hash\n"
    "       azurelitctl key check FILE...\n"
    "\n"
    "new     prints a new key, then the directive that lets it in. The key is\n"
    "        shown this once: only its digest is ever stored. In a key file\n"
    "        (AzureLITKeyFile) the line is the same without \"AzureLITKey\".\n"
    "        --name NAME   what reports and records call it; if left out, a\n"
    "                      name made of its digest\n"
    "hash    reads a key (from a prompt, or from standard input) and prints\n"
    "        its digest. It is no argument, because other users can see "
    "those:\n"
    "            azurelitctl key hash < file-with-the-key\n"
    "check   reads key files as httpd would and prints what is wrong, which\n"
    "        keys have expired, and how many there are. Exit code 1 if a line\n"
    "        is wrong.\n";

static const azl_ctl_option_t no_options[] = {{NULL, NULL, NULL}};

static int parse_words(apr_pool_t *p, const azl_ctl_option_t *options, int argc,
                       const char *const *argv, apr_array_header_t **rest)
{
    *rest = apr_array_make(p, 4, sizeof(char *));
    return azl_ctl_options("azurelitctl key", help, options, argc, argv, *rest);
}

static int key_new(apr_pool_t *p, int argc, const char *const *argv)
{
    apr_array_header_t *rest;
    const char *name = NULL;
    const azl_ctl_option_t options[] = {{"name", &name, NULL},
                                        {NULL, NULL, NULL}};
    const char *key, *digest, *err;
    int rc = parse_words(p, options, argc, argv, &rest);

    if (rc >= 0) {
        return rc;
    }
    if (rest->nelts != 0) {
        azl_ctl_complain("key new takes no arguments; to name the key: --name "
                         "NAME");
        return AZL_CTL_USAGE;
    }
    key = azl_key_generate(p);
    digest = key ? azl_key_digest_text(p, azl_span_str(key)) : NULL;
    if (!digest) {
        azl_ctl_complain("no random bytes could be had");
        return AZL_CTL_FAILED;
    }
    if (!name) {
        name = apr_psprintf(p, "key-%.8s", strchr(digest, ':') + 1);
    }
    err = azl_keyring_add(azl_keyring_create(p), name, digest, 0, NULL);
    if (err) {
        azl_ctl_complain("--name: %s", err);
        return AZL_CTL_USAGE;
    }
    printf("%s\nAzureLITKey %s %s\n", key, name, digest);
    return AZL_CTL_OK;
}

/* Read one line, or ask for it. 0 if it does not fit or cannot be read; the
 * length is without the line end. */
static int read_secret(char *buf, apr_size_t size, apr_size_t *len)
{
    if (isatty(STDIN_FILENO)) {
        if (apr_password_get("Key: ", buf, &size) != APR_SUCCESS) {
            return 0;
        }
        *len = strlen(buf);
        return 1;
    }
    *len = fread(buf, 1, size, stdin);
    if (ferror(stdin) || *len == size) {
        return 0;
    }
    if (*len > 0 && buf[*len - 1] == '\n') {
        (*len)--;
        if (*len > 0 && buf[*len - 1] == '\r') {
            (*len)--;
        }
    }
    return 1;
}

/* A header value loses blanks at its ends, and no client can send the rest. */
static int is_sendable(const char *key, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (key[i] <= ' ' || key[i] > '~') {
            return 0;
        }
    }
    return 1;
}

static int key_hash(apr_pool_t *p, int argc, const char *const *argv)
{
    /* Room for a line end and for one byte too many. */
    char buf[AZL_KEY_TEXT_MAX + 3];
    apr_array_header_t *rest;
    apr_size_t len = 0;
    int rc = parse_words(p, no_options, argc, argv, &rest);

    if (rc >= 0) {
        return rc;
    }
    if (rest->nelts != 0) {
        azl_ctl_complain("key hash takes no arguments, because other users "
                         "can see them; it reads the key from standard input "
                         "or a prompt. Take the key you just typed for known "
                         "and make a new one");
        return AZL_CTL_USAGE;
    }
    if (!read_secret(buf, sizeof(buf), &len) || len > AZL_KEY_TEXT_MAX) {
        azl_ctl_complain("no key could be read; it has at most %d characters",
                         AZL_KEY_TEXT_MAX);
        rc = AZL_CTL_FAILED;
    }
    else if (len == 0 || !is_sendable(buf, len)) {
        azl_ctl_complain("a key is one word of visible ASCII characters");
        rc = AZL_CTL_FAILED;
    }
    else {
        puts(azl_key_digest_text(p, azl_span(buf, len)));
        rc = AZL_CTL_OK;
    }
    azl_crypto_wipe(buf, sizeof(buf));
    return rc;
}

static void print_problems(const apr_array_header_t *problems)
{
    int i;

    for (i = 0; i < problems->nelts; i++) {
        fprintf(stderr, "%s\n", APR_ARRAY_IDX(problems, i, const char *));
    }
}

static int print_expired(const azl_keyring_t *ring, const char *path)
{
    char when[AZL_TIME_TEXT_LEN];
    apr_time_t now = apr_time_now();
    int expired = 0;
    int i;

    for (i = 0; i < azl_keyring_count(ring); i++) {
        const azl_key_t *key = azl_keyring_at(ring, i);

        if (azl_key_expired(key, now)) {
            azl_time_text(key->expires, when);
            printf("%s: key '%s' expired at %s\n", path, key->name, when);
            expired++;
        }
    }
    return expired;
}

/* Each file for itself: two files may be for two servers. */
static int check_file(apr_pool_t *p, const char *path)
{
    azl_keyring_t *ring = azl_keyring_create(p);
    apr_array_header_t *problems = apr_array_make(p, 4, sizeof(char *));
    azl_span_t content;
    apr_status_t rv = azl_file_read(p, path, KEYFILE_MAX, &content);
    int expired;

    if (rv != APR_SUCCESS) {
        azl_ctl_complain("cannot read %s: %s", path, azl_file_reason(p, rv));
        return AZL_CTL_FAILED;
    }
    azl_keyring_parse(ring, path, content, problems);
    print_problems(problems);
    expired = print_expired(ring, path);
    printf("%s: %d keys, %d of them expired, %d wrong lines\n", path,
           azl_keyring_count(ring), expired, problems->nelts);
    return problems->nelts ? AZL_CTL_FAILED : AZL_CTL_OK;
}

static int key_check(apr_pool_t *p, int argc, const char *const *argv)
{
    apr_array_header_t *rest;
    int rc = parse_words(p, no_options, argc, argv, &rest);
    int i;

    if (rc >= 0) {
        return rc;
    }
    if (rest->nelts == 0) {
        azl_ctl_complain("key check needs a key file");
        return AZL_CTL_USAGE;
    }
    rc = AZL_CTL_OK;
    for (i = 0; i < rest->nelts; i++) {
        if (check_file(p, APR_ARRAY_IDX(rest, i, const char *)) != AZL_CTL_OK) {
            rc = AZL_CTL_FAILED;
        }
    }
    return rc;
}

int azl_ctl_key(apr_pool_t *p, int argc, const char *const *argv)
{
    static const azl_ctl_command_t commands[] = {{"new", key_new},
                                                 {"hash", key_hash},
                                                 {"check", key_check},
                                                 {NULL, NULL}};

    return azl_ctl_dispatch(p, commands, "azurelitctl key", help, argc, argv);
}
