/*
 * The unit test cases, one line each: AZL_CASE(buf) stands for
 * `TCase *azl_test_buf(void)` in test_buf.c. Included several times by
 * main.c, hence without a guard.
 */
