#include <sys/wait.h>
#include <unistd.h>

#include "azl_crypto.h"
#include "azl_random.h"
#include "azl_test.h"

START_TEST(bits_are_evenly_spread)
{
    int ones[64] = {0};
    int i, bit;

    azl_crypto_init(azl_test_pool);
    for (i = 0; i < 10000; i++) {
        apr_uint64_t n = azl_random_u64();

        for (bit = 0; bit < 64; bit++) {
            ones[bit] += (int)(n >> bit & 1);
        }
    }
    /* 5000 expected, standard deviation 50: eight of them */
    for (bit = 0; bit < 64; bit++) {
        ck_assert_int_gt(ones[bit], 4600);
        ck_assert_int_lt(ones[bit], 5400);
    }
}
END_TEST

START_TEST(a_forked_process_goes_its_own_way)
{
    apr_uint64_t theirs = 0, ours;
    int fds[2];
    pid_t pid;

    azl_crypto_init(azl_test_pool);
    azl_random_u64();
    ck_assert_int_eq(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        azl_random_forked();
        theirs = azl_random_u64();
        _exit(write(fds[1], &theirs, sizeof(theirs)) != sizeof(theirs));
    }
    ours = azl_random_u64();
    ck_assert_int_eq(read(fds[0], &theirs, sizeof(theirs)), sizeof(theirs));
    waitpid(pid, NULL, 0);
    close(fds[0]);
    close(fds[1]);
    ck_assert(ours != theirs);
}
END_TEST

TCase *azl_test_random(void)
{
    TCase *tc = azl_test_tcase("random");

    tcase_add_test(tc, bits_are_evenly_spread);
    tcase_add_test(tc, a_forked_process_goes_its_own_way);
    return tc;
}
