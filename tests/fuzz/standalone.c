/*
 * standalone: runs a fuzz target over the files and directories given on the
 * command line, without libFuzzer and with any compiler. `make check` replays
 * the corpora with it, and a crash that build/fuzz has found is replayed so.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "azl_fuzz.h"

static void die(const char *path, apr_status_t rv)
{
    char why[120];

    fprintf(stderr, "%s: %s\n", path, apr_strerror(rv, why, sizeof(why)));
    exit(EXIT_FAILURE);
}

static void replay_file(apr_pool_t *p, const char *path, apr_size_t size)
{
    char *data = apr_palloc(p, size + 1);
    apr_file_t *f;
    apr_status_t rv;

    rv = apr_file_open(&f, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, p);
    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(f, data, size, NULL);
    }
    /* An empty file is an input like any other. */
    if (rv != APR_SUCCESS && !(APR_STATUS_IS_EOF(rv) && size == 0)) {
        die(path, rv);
    }
    apr_file_close(f);
    /* Named before it runs: the last one named is the one that crashed. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)azl_fuzz_copy(p, data, size), size);
}

/* How many inputs a file (one) or a directory with all below it holds. */
static int replay(apr_pool_t *parent, const char *path)
{
    apr_finfo_t info, entry;
    apr_status_t rv;
    apr_pool_t *p;
    apr_dir_t *dir;
    int n = 0;

    apr_pool_create(&p, parent);
    rv = apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_SIZE, p);
    if (rv == APR_SUCCESS && info.filetype == APR_DIR) {
        rv = apr_dir_open(&dir, path, p);
        while (rv == APR_SUCCESS &&
               apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
            if (entry.name[0] != '.') {
                n += replay(p, apr_pstrcat(p, path, "/", entry.name, NULL));
            }
        }
    }
    else if (rv == APR_SUCCESS) {
        replay_file(p, path, (apr_size_t)info.size);
        n = 1;
    }
    if (rv != APR_SUCCESS) {
        die(path, rv);
    }
    apr_pool_destroy(p);
    return n;
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    int i, n = 0;

    if (apr_initialize() != APR_SUCCESS ||
        apr_pool_create(&p, NULL) != APR_SUCCESS) {
        return EXIT_FAILURE;
    }
    for (i = 1; i < argc; i++) {
        n += replay(p, argv[i]);
    }
    apr_pool_destroy(p);
    apr_terminate();
    printf("%d inputs replayed\n", n);
    /* A corpus that got lost must not look like one that passes. */
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
