#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_strings.h>

#include "azl_file.h"
#include "azl_test.h"

START_TEST(reads_whole)
{
    azl_span_t content;

    ck_assert_int_eq(azl_file_read(azl_test_pool,
                                   azl_test_file("a", "line\nlast"), 9,
                                   &content),
                     APR_SUCCESS);
    ck_assert_str_eq(azl_test_str(content), "line\nlast");
    ck_assert_int_eq(content.at[content.len], '\0');
    ck_assert_int_eq(
        azl_file_read(azl_test_pool, azl_test_file("b", ""), 9, &content),
        APR_SUCCESS);
    ck_assert_uint_eq(content.len, 0);
}
END_TEST

START_TEST(refuses)
{
    azl_span_t content;
    const char *path = azl_test_file("a", "0123456789");

    ck_assert_int_eq(azl_file_read(azl_test_pool, path, 9, &content),
                     APR_ENOSPC);
    ck_assert_int_eq(azl_file_read(azl_test_pool, "/", 9, &content),
                     APR_EINVAL);
    ck_assert(APR_STATUS_IS_ENOENT(
        azl_file_read(azl_test_pool, "/nonexistent/file", 9, &content)));
}
END_TEST

/* Not waited for: a test that hangs is ended, and has failed. */
START_TEST(refuses_what_is_no_file)
{
    azl_span_t content;
    const char *pipe = azl_test_file("pipe", "");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    unlink(pipe);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    ck_assert_int_eq(azl_file_read(azl_test_pool, pipe, 9, &content),
                     APR_EINVAL);
    snprintf(name.sun_path, sizeof(name.sun_path), "%s",
             azl_test_file("socket", ""));
    unlink(name.sun_path);
    ck_assert_int_eq(bind(s, (void *)&name, sizeof(name)), 0);
    ck_assert_int_eq(azl_file_read(azl_test_pool, name.sun_path, 9, &content),
                     APR_EINVAL);
    close(s);
    ck_assert_int_eq(azl_file_read(azl_test_pool, "/dev/zero", 9, &content),
                     APR_EINVAL);
}
END_TEST

/* As a volume of Kubernetes has it: a link to a link. */
START_TEST(reads_behind_links)
{
    azl_span_t content;
    const char *path = azl_test_file("a", "behind");
    const char *link = apr_pstrcat(azl_test_pool, path, ".link", NULL);
    const char *far = apr_pstrcat(azl_test_pool, path, ".far", NULL);
    FILE *open_one = fopen(path, "r");

    unlink(link);
    unlink(far);
    ck_assert_int_eq(symlink(path, link), 0);
    ck_assert_int_eq(symlink(link, far), 0);
    ck_assert_int_eq(azl_file_read(azl_test_pool, far, 9, &content),
                     APR_SUCCESS);
    ck_assert_str_eq(azl_test_str(content), "behind");
    ck_assert_int_eq(azl_file_read(azl_test_pool,
                                   apr_psprintf(azl_test_pool, "/dev/fd/%d",
                                                fileno(open_one)),
                                   9, &content),
                     APR_SUCCESS);
    ck_assert_str_eq(azl_test_str(content), "behind");
    fclose(open_one);
}
END_TEST

/* What /proc has is a file, though one of no size. */
START_TEST(reads_what_has_no_size)
{
    static char seen[64 * 1024];
    azl_span_t content;
    FILE *f = fopen("/proc/self/auxv", "r");
    size_t len = fread(seen, 1, sizeof(seen), f);

    fclose(f);
    ck_assert_uint_gt(len, 0);
    ck_assert_int_eq(azl_file_read(azl_test_pool, "/proc/self/auxv",
                                   (apr_off_t)len, &content),
                     APR_SUCCESS);
    ck_assert_uint_eq(content.len, len);
    ck_assert_mem_eq(content.at, seen, len);
    ck_assert_int_eq(content.at[len], '\0');
    ck_assert_int_eq(azl_file_read(azl_test_pool, "/proc/self/auxv",
                                   (apr_off_t)len - 1, &content),
                     APR_ENOSPC);
}
END_TEST

/* ... and may be larger than the room that is begun with: here a line for each
 * page, as no two neighbours are alike. */
START_TEST(reads_much_of_no_size)
{
    enum { PAGES = 256 };
    size_t page = (size_t)getpagesize();
    char *region =
        mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *at;
    azl_span_t content;
    int i, found = 0;

    ck_assert_ptr_ne(region, MAP_FAILED);
    for (i = 0; i < PAGES; i += 2) {
        ck_assert_int_eq(mprotect(region + (size_t)i * page, page, PROT_NONE),
                         0);
    }
    ck_assert_int_eq(
        azl_file_read(azl_test_pool, "/proc/self/maps", 1 << 20, &content),
        APR_SUCCESS);
    at = content.at;
    for (i = 0; i < PAGES && at; i++) {
        at = strstr(
            at, apr_psprintf(azl_test_pool, "%lx-",
                             (unsigned long)region + (unsigned long)i * page));
        found += at != NULL;
    }
    ck_assert_int_eq(found, PAGES);
    ck_assert_uint_eq(strlen(content.at), content.len);
    munmap(region, PAGES * page);
}
END_TEST

START_TEST(says_why)
{
    ck_assert_str_eq(azl_file_reason(azl_test_pool, APR_EINVAL),
                     "it is not a regular file");
    ck_assert_str_eq(azl_file_reason(azl_test_pool, APR_ENOSPC),
                     "it is too large");
    ck_assert_str_eq(azl_file_reason(azl_test_pool, APR_ENOENT),
                     "No such file or directory");
}
END_TEST

TCase *azl_test_file_read(void)
{
    TCase *tc = azl_test_tcase("file_read");

    tcase_add_test(tc, reads_whole);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, refuses_what_is_no_file);
    tcase_add_test(tc, reads_behind_links);
    tcase_add_test(tc, reads_what_has_no_size);
    tcase_add_test(tc, reads_much_of_no_size);
    tcase_add_test(tc, says_why);
    return tc;
}
