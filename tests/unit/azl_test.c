/*
 * azl_test: the fixture and the helpers of the unit tests.
 */
#include <stdlib.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "azl_test.h"

/* Called by the address sanitizer where there is one: let a test see what
 * happens when memory runs out instead of ending the program. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

apr_pool_t *azl_test_pool;

static void setup(void)
{
    ck_assert_int_eq(apr_initialize(), APR_SUCCESS);
    ck_assert_int_eq(apr_pool_create(&azl_test_pool, NULL), APR_SUCCESS);
}

static void teardown(void)
{
    apr_pool_destroy(azl_test_pool);
    azl_test_pool = NULL;
    apr_terminate();
}

TCase *azl_test_tcase(const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, teardown);
    return tc;
}

const char *azl_test_str(azl_span_t s)
{
    return apr_pstrmemdup(azl_test_pool, s.len ? s.at : "", s.len);
}

static apr_status_t free_block(void *block)
{
    free(block);
    return APR_SUCCESS;
}

static char *exact_copy(apr_pool_t *p, const char *data, apr_size_t len)
{
    char *copy = malloc(len ? len : 1);

    ck_assert_ptr_nonnull(copy);
    if (len) {
        memcpy(copy, data, len);
    }
    apr_pool_cleanup_register(p, copy, free_block, apr_pool_cleanup_null);
    return copy;
}

const char *azl_test_exact(const char *data, apr_size_t len)
{
    return exact_copy(azl_test_pool, data, len);
}

char *azl_test_repeat(const char *text, apr_size_t times)
{
    apr_size_t i, len = strlen(text);
    char *out = apr_palloc(azl_test_pool, len * times + 1);

    for (i = 0; i < times; i++) {
        memcpy(out + i * len, text, len);
    }
    out[len * times] = '\0';
    return out;
}

static apr_status_t remove_file(void *path)
{
    unlink(path);
    return APR_SUCCESS;
}

static apr_status_t remove_dir(void *path)
{
    rmdir(path);
    return APR_SUCCESS;
}

/* One directory for each test: it is found again as pool user data. */
static const char *temp_dir(void)
{
    static const char key[] = "azl_test_dir";
    const char *base;
    void *found;
    char *dir;

    apr_pool_userdata_get(&found, key, azl_test_pool);
    if (found) {
        return found;
    }
    ck_assert_int_eq(apr_temp_dir_get(&base, azl_test_pool), APR_SUCCESS);
    dir = apr_pstrcat(azl_test_pool, base, "/azl_test.XXXXXX", NULL);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    apr_pool_userdata_setn(dir, key, remove_dir, azl_test_pool);
    return dir;
}

const char *azl_test_file(const char *name, const char *content)
{
    char *path = apr_pstrcat(azl_test_pool, temp_dir(), "/", name, NULL);
    apr_size_t len = strlen(content);
    apr_file_t *f;

    ck_assert_int_eq(
        apr_file_open(&f, path,
                      APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                      APR_FPROT_UREAD | APR_FPROT_UWRITE, azl_test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(apr_file_write_full(f, content, len, NULL), APR_SUCCESS);
    ck_assert_int_eq(apr_file_close(f), APR_SUCCESS);
    apr_pool_cleanup_register(azl_test_pool, path, remove_file,
                              apr_pool_cleanup_null);
    return path;
}

/* With sanitizers a run takes ten times as long: what is large is cut at every
 * seventh place there, and at every one without them. */
#ifdef __SANITIZE_ADDRESS__
#define LARGE 2048
#define STRIDE 7
#else
#define LARGE 0
#define STRIDE 1
#endif

typedef struct splitter_t {
    apr_pool_t *pool;
    const char *data;
    azl_test_run_fn *run;
    void *baton;
} splitter_t;

/* One run over data[0..ends[n-1]), cut where `ends` says. */
static void run_cut(splitter_t *sp, const apr_size_t *ends, int n)
{
    azl_span_t *pieces = apr_palloc(sp->pool, n * sizeof(*pieces));
    apr_size_t from = 0;
    int i;

    for (i = 0; i < n; i++) {
        pieces[i].len = ends[i] - from;
        pieces[i].at = exact_copy(sp->pool, sp->data + from, pieces[i].len);
        from = ends[i];
    }
    sp->run(sp->pool, sp->baton, pieces, n);
    apr_pool_clear(sp->pool);
}

void azl_test_every_split(const char *data, apr_size_t len,
                          azl_test_run_fn *run, void *baton)
{
    apr_size_t step = len > LARGE ? STRIDE : 1;
    apr_size_t i, j, ends[3];
    apr_size_t *each;
    splitter_t sp;

    sp.data = data;
    sp.run = run;
    sp.baton = baton;
    apr_pool_create(&sp.pool, azl_test_pool);

    run_cut(&sp, &len, 1);
    ends[1] = ends[2] = len;
    for (i = 0; i <= len; i += step) {
        ends[0] = i;
        run_cut(&sp, ends, 2);
        for (j = i; len <= AZL_TEST_PAIRS_MAX && j <= len; j++) {
            ends[1] = j;
            run_cut(&sp, ends, 3);
        }
        ends[1] = len;
    }

    each = apr_palloc(azl_test_pool, (len + 1) * sizeof(*each));
    for (i = 0; i < len; i++) {
        each[i] = i + 1;
    }
    run_cut(&sp, each, (int)len);
    apr_pool_destroy(sp.pool);
}
