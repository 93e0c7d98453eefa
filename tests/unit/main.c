/*
 * The unit tests of libazurelit: one program, one suite, one libcheck case for
 * each line of cases.h.
 *
 * Standard output is TAP, which `make check` counts; check's own closing line
 * follows for people. check's variables work as usual: CK_RUN_CASE=scan runs
 * one case, CK_FORK=no keeps everything in one process for a debugger.
 */
#include <stdlib.h>

#include <apr_general.h>
#include <check.h>

#define AZL_CASE(name) TCase *azl_test_##name(void);
#include "cases.h"
#undef AZL_CASE

typedef TCase *case_fn(void);

static case_fn *const cases[] = {
#define AZL_CASE(name) azl_test_##name,
#include "cases.h"
#undef AZL_CASE
};

/* check's 4 seconds are too few for split-at-every-byte tests under a
 * sanitizer on a busy machine; a test that hangs still ends. */
#define CASE_TIMEOUT "120"

int main(void)
{
    Suite *suite;
    SRunner *runner;
    apr_size_t i;
    int failed;

    if (apr_initialize() != APR_SUCCESS) {
        return EXIT_FAILURE;
    }
    atexit(apr_terminate);
    setenv("CK_DEFAULT_TIMEOUT", CASE_TIMEOUT, 0);

    suite = suite_create("azurelit");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        suite_add_tcase(suite, cases[i]());
    }
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
