/*
 * The unit test cases, one line each: AZL_CASE(buf) stands for
 * `TCase *azl_test_buf(void)` in test_buf.c. Included several times by
 * main.c, hence without a guard.
 */
AZL_CASE(log)
AZL_CASE(crypto)
AZL_CASE(wildcard)
AZL_CASE(seal)
AZL_CASE(error)
AZL_CASE(key)
AZL_CASE(time)
AZL_CASE(file_read)
AZL_CASE(buf)
AZL_CASE(scan)
AZL_CASE(usage)
AZL_CASE(options)
AZL_CASE(json)
AZL_CASE(sse)
AZL_CASE(price)
AZL_CASE(record)
AZL_CASE(tap)
AZL_CASE(random)
AZL_CASE(multipart)
AZL_CASE(route)
AZL_CASE(catalog)
AZL_CASE(document)
AZL_CASE(dialect)
AZL_CASE(failure)
