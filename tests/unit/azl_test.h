/*
 * azl_test: what every unit test starts from.
 *
 * Each tests/unit/test_NAME.c includes this header, defines
 * `TCase *azl_test_NAME(void)` and has its line AZL_CASE(NAME) in cases.h,
 * which declares it. A test case made with azl_test_tcase() gives every test a
 * fresh pool, so what a test allocates is gone before the next one runs.
 */
#ifndef AZL_TEST_H
#define AZL_TEST_H

#include <check.h>

#include <apr_pools.h>

#include "azl_span.h"

#define AZL_CASE(name) TCase *azl_test_##name(void);
#include "cases.h"
#undef AZL_CASE

/* The pool of the test that runs. */
extern apr_pool_t *azl_test_pool;

/* A test case whose tests get their own azl_test_pool. */
TCase *azl_test_tcase(const char *name);

/* A span as a NUL-terminated copy, so that it can be compared with
 * ck_assert_str_eq() and shows up readably when it differs. */
const char *azl_test_str(azl_span_t s);

/* A heap copy of exactly these bytes with nothing behind them: reading one
 * byte too many is seen by valgrind and the address sanitizer. */
const char *azl_test_exact(const char *data, apr_size_t len);

/* `times` copies of a text in a row, NUL-terminated. */
char *azl_test_repeat(const char *text, apr_size_t times);

/* A file with this content in a temporary directory that goes away with the
 * test; returns its path. */
const char *azl_test_file(const char *name, const char *content);

/* Everything an incremental parser may get wrong, it gets wrong at a border
 * between two feeds. `run` is called with the input in one piece, cut once at
 * every position, byte by byte and, when it has at most AZL_TEST_PAIRS_MAX
 * bytes, cut at every pair of positions (equal ones give an empty piece).
 * The pieces are exact copies; the pool is cleared between two runs. */
#define AZL_TEST_PAIRS_MAX 160
typedef void azl_test_run_fn(apr_pool_t *p, void *baton,
                             const azl_span_t *pieces, int npieces);
void azl_test_every_split(const char *data, apr_size_t len,
                          azl_test_run_fn *run, void *baton);

#endif /* AZL_TEST_H */
