/*
 * azl_wallet: what one process puts in the others find, whole or not at all;
 * one writes at a time, and who dies over it stops nobody.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_test.h"
#include "azl_wallet.h"

#define SLOTS 4
#define NOW apr_time_from_sec(1795262400)
#define LATER (NOW + apr_time_from_sec(60))

static azl_wallet_t *make(int n)
{
    azl_wallet_t *wallet;

    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    ck_assert_int_eq(azl_wallet_create(&wallet, azl_test_pool, n), APR_SUCCESS);
    return wallet;
}

static azl_wallet_slot_t *slot_of(azl_wallet_t *wallet, char name)
{
    unsigned char word[AZL_SEAL_FINGERPRINT_LEN];

    memset(word, name, sizeof(word));
    return azl_wallet_slot(wallet, word);
}

static const char *get(const azl_wallet_slot_t *slot)
{
    apr_uint64_t version;
    azl_span_t what = azl_wallet_get(slot, azl_test_pool, &version);

    ck_assert_uint_eq(version, azl_wallet_version(slot));
    return apr_pstrmemdup(azl_test_pool, what.at, what.len);
}

static void put(azl_wallet_slot_t *slot, const char *what)
{
    ck_assert_int_eq(azl_wallet_put(slot, azl_span_str(what)), APR_SUCCESS);
}

START_TEST(in_and_out)
{
    azl_wallet_slot_t *slot = slot_of(make(SLOTS), 'a');
    const char *large = azl_test_repeat("x", AZL_WALLET_MAX);

    ck_assert_uint_eq(azl_wallet_version(slot), 0);
    ck_assert_str_eq(get(slot), "");
    put(slot, "one");
    ck_assert_str_eq(get(slot), "one");
    put(slot, "two");
    ck_assert_uint_eq(azl_wallet_version(slot), 2);
    ck_assert_str_eq(get(slot), "two");
    put(slot, large);
    ck_assert_str_eq(get(slot), large);
    ck_assert_int_eq(azl_wallet_put(slot, azl_span_str(azl_test_repeat(
                                              "x", AZL_WALLET_MAX + 1))),
                     APR_ENOSPC);
    ck_assert_str_eq(get(slot), large);
}
END_TEST

/* How often that lies in the memory of the slot. */
static int count(const azl_wallet_slot_t *slot, const char *what)
{
    const char *at = (const void *)slot;
    const char *end = at + 2 * AZL_WALLET_MAX;
    int n = 0;

    while ((at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
        at++;
        n++;
    }
    return n;
}

START_TEST(what_was_replaced_is_gone)
{
    azl_wallet_slot_t *slot = slot_of(make(SLOTS), 'a');
    int i;

    put(slot, "token-0 and more");
    ck_assert_int_eq(count(slot, "token-0 and more"), 1);
    for (i = 1; i < 4; i++) {
        put(slot, apr_psprintf(azl_test_pool, "token-%d", i));
        ck_assert_int_eq(count(slot, "token-"), 1);
        ck_assert_int_eq(count(slot, " and more"), 0);
    }
}
END_TEST

/* What the kernel says of the memory at an address: "rd wr sh ...". */
static void flags_of(const void *address, char flags[256])
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    unsigned long from, to, at = (unsigned long)address;
    char line[512];
    int here = 0;

    ck_assert_ptr_nonnull(maps);
    *flags = '\0';
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            here = at >= from && at < to;
        }
        if (here) {
            sscanf(line, "VmFlags:%255[^\n]", flags);
        }
    }
    fclose(maps);
}

START_TEST(not_in_a_core_dump)
{
    azl_wallet_t *wallet = make(SLOTS);
    char flags[256];
    char name;

    for (name = 'a'; name < 'a' + SLOTS; name++) {
        flags_of(slot_of(wallet, name), flags);
        ck_assert_ptr_nonnull(strstr(flags, " sh"));
        ck_assert_msg(strstr(flags, " dd") != NULL, "%s", flags);
    }
}
END_TEST

START_TEST(names)
{
    azl_wallet_t *wallet = make(SLOTS);
    azl_wallet_slot_t *a = slot_of(wallet, 'a');
    char name;

    put(a, "one");
    ck_assert_ptr_eq(slot_of(wallet, 'a'), a);
    for (name = 'b'; name < 'a' + SLOTS; name++) {
        ck_assert_ptr_nonnull(slot_of(wallet, name));
    }
    ck_assert_ptr_null(slot_of(wallet, 'z'));
    /* what two configurations do not ask for goes to others, empty */
    azl_wallet_begin_generation(wallet);
    ck_assert_ptr_null(slot_of(wallet, 'z'));
    for (name = 'b'; name < 'a' + SLOTS; name++) {
        slot_of(wallet, name);
    }
    azl_wallet_begin_generation(wallet);
    ck_assert_ptr_eq(slot_of(wallet, 'z'), a);
    ck_assert_str_eq(get(a), "");
    ck_assert_uint_eq(azl_wallet_version(a), 0);
}
END_TEST

START_TEST(a_larger_one)
{
    azl_wallet_t *from = make(SLOTS), *to = make(2 * SLOTS);
    azl_wallet_slot_t *a = slot_of(from, 'a');

    put(a, "one");
    put(a, "two");
    azl_wallet_note(a, 1);
    slot_of(from, 'b');
    azl_wallet_inherit(to, from, azl_test_pool);
    ck_assert_int_eq(azl_wallet_size(to), 2 * SLOTS);
    ck_assert_str_eq(get(slot_of(to, 'a')), "two");
    ck_assert_str_eq(get(slot_of(to, 'b')), "");
    ck_assert_int_eq(azl_wallet_note(slot_of(to, 'a'), 0), 1);
    ck_assert_int_eq(azl_wallet_note(slot_of(to, 'a'), 0), 0);
}
END_TEST

START_TEST(one_at_a_time)
{
    azl_wallet_slot_t *slot = slot_of(make(SLOTS), 'a');
    apr_int64_t us = getpid(), parent = getppid();

    ck_assert_int_eq(azl_wallet_claim(slot, us, NOW, LATER), 1);
    ck_assert_int_eq(azl_wallet_claim(slot, us, NOW, LATER), 0);
    ck_assert_int_eq(azl_wallet_claim(slot, parent, NOW, LATER), 0);
    azl_wallet_release(slot, parent);
    ck_assert_int_eq(azl_wallet_claim(slot, parent, NOW, LATER), 0);
    azl_wallet_release(slot, us);
    ck_assert_int_eq(azl_wallet_claim(slot, parent, NOW, LATER), 1);
    /* a claim ends by itself */
    ck_assert_int_eq(azl_wallet_claim(slot, us, LATER, LATER), 0);
    ck_assert_int_eq(azl_wallet_claim(slot, us, LATER + apr_time_from_sec(1),
                                      LATER + apr_time_from_sec(60)),
                     1);
    azl_wallet_release(slot, parent);
    ck_assert_int_eq(azl_wallet_claim(slot, parent,
                                      LATER + apr_time_from_sec(1),
                                      LATER + apr_time_from_sec(60)),
                     0);
}
END_TEST

/* A clock that has been put back does not keep a claim for longer. */
START_TEST(a_clock_that_jumps)
{
    apr_time_t day = apr_time_from_sec(86400);
    azl_wallet_slot_t *slot = slot_of(make(SLOTS), 'a');
    apr_int64_t us = getpid(), parent = getppid();

    ck_assert_int_eq(azl_wallet_claim(slot, us, NOW, LATER), 1);
    ck_assert_int_eq(azl_wallet_claim(slot, parent, NOW - apr_time_from_sec(1),
                                      LATER - apr_time_from_sec(1)),
                     0);
    ck_assert_int_eq(azl_wallet_claim(slot, parent, NOW - day, LATER - day), 1);
}
END_TEST

/* ... and at once if its process is no more. */
START_TEST(who_is_killed)
{
    azl_wallet_slot_t *slot = slot_of(make(SLOTS), 'a');
    pid_t child = fork();
    int status;

    if (child == 0) {
        azl_wallet_claim(slot, getpid(), NOW, LATER);
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(azl_wallet_claim(slot, getpid(), NOW, LATER), 1);
}
END_TEST

#define WRITES 20000

/* A reader beside a writer never sees half of something. */
START_TEST(whole_or_nothing)
{
    azl_wallet_slot_t *slot = slot_of(make(SLOTS), 'a');
    const char *text[2] = {azl_test_repeat("a", 3000),
                           azl_test_repeat("b", 1500)};
    pid_t child = fork();
    apr_pool_t *p;
    int status, i;

    if (child == 0) {
        for (i = 0; i < WRITES; i++) {
            azl_wallet_put(slot, azl_span_str(text[i % 2]));
        }
        _exit(0);
    }
    apr_pool_create(&p, azl_test_pool);
    while (waitpid(child, &status, WNOHANG) == 0) {
        apr_uint64_t version;
        azl_span_t what = azl_wallet_get(slot, p, &version);

        if (what.len) {
            const char *same = text[*what.at == 'b'];

            ck_assert_uint_eq(what.len, strlen(same));
            ck_assert_int_eq(memcmp(what.at, same, what.len), 0);
        }
        apr_pool_clear(p);
    }
    ck_assert_str_eq(get(slot), text[1]);
}
END_TEST

TCase *azl_test_wallet(void)
{
    TCase *tc = azl_test_tcase("wallet");

    tcase_add_test(tc, in_and_out);
    tcase_add_test(tc, what_was_replaced_is_gone);
    tcase_add_test(tc, not_in_a_core_dump);
    tcase_add_test(tc, names);
    tcase_add_test(tc, a_larger_one);
    tcase_add_test(tc, one_at_a_time);
    tcase_add_test(tc, a_clock_that_jumps);
    tcase_add_test(tc, who_is_killed);
    tcase_add_test(tc, whole_or_nothing);
    return tc;
}
