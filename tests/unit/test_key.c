#include <apr_strings.h>

#include "azl_key.h"
#include "azl_test.h"
#include "azl_time.h"

#define NOW apr_time_from_sec(1795000000) /* 2026-11-18 */

static azl_keyring_t *new_ring(void)
{
    ck_assert_int_eq(azl_crypto_init(azl_test_pool), APR_SUCCESS);
    return azl_keyring_create(azl_test_pool);
}

static const char *digest_of(const char *key)
{
    return azl_key_digest_text(azl_test_pool, azl_span_str(key));
}

/* Add a key with options in one text, separated by blanks. */
static const char *add(azl_keyring_t *ring, const char *name, const char *key,
                       const char *options)
{
    char *copy = apr_pstrdup(azl_test_pool, options);
    const char *words[8];
    char *last;
    char *word;
    int n = 0;

    for (word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        words[n++] = word;
    }
    return azl_keyring_add(ring, name, digest_of(key), n, words);
}

static const char *found(const azl_keyring_t *ring, const char *key,
                         apr_time_t now)
{
    const azl_key_t *k = azl_keyring_find(
        ring, azl_span(azl_test_exact(key, strlen(key)), strlen(key)), now);

    return k ? k->name : "(none)";
}

START_TEST(finds)
{
    azl_keyring_t *ring = new_ring();
    const azl_key_t *key;

    ck_assert_str_eq(found(ring, "sk-a", NOW), "(none)");
    ck_assert_ptr_null(add(ring, "team-a", "sk-a", ""));
    ck_assert_ptr_null(add(ring, "team-b", "sk-b", ""));
    ck_assert_str_eq(found(ring, "sk-a", NOW), "team-a");
    ck_assert_str_eq(found(ring, "sk-b", NOW), "team-b");
    ck_assert_str_eq(found(ring, "sk-c", NOW), "(none)");
    ck_assert_str_eq(found(ring, "sk-", NOW), "(none)");
    ck_assert_str_eq(found(ring, "sk-aa", NOW), "(none)");
    ck_assert_str_eq(found(ring, "", NOW), "(none)");
    ck_assert_str_eq(found(ring, "team-a", NOW), "(none)");
    ck_assert_str_eq(found(ring, digest_of("sk-a"), NOW), "(none)");
    ck_assert_int_eq(azl_keyring_count(ring), 2);
    key = azl_keyring_at(ring, 1);
    ck_assert_str_eq(key->name, "team-b");
    ck_assert_uint_eq(strlen(key->hash), 16);
    ck_assert(strncmp(key->hash, digest_of("sk-b") + 7, 16) == 0);
    ck_assert_int_eq(key->master, 0);
    ck_assert_int_eq((int)key->expires, 0);
    ck_assert_ptr_null(key->models);
}
END_TEST

/* An absent header is a NULL span. */
START_TEST(finds_nothing_for_nothing)
{
    azl_keyring_t *ring = new_ring();

    ck_assert_ptr_null(add(ring, "empty", "", ""));
    ck_assert_ptr_null(azl_keyring_find(ring, azl_span(NULL, 0), NOW));
    ck_assert_ptr_null(azl_keyring_find(ring, azl_span("", 0), NOW));
}
END_TEST

START_TEST(length_limit)
{
    azl_keyring_t *ring = new_ring();
    const char *fits = azl_test_repeat("k", AZL_KEY_TEXT_MAX);
    const char *longer = azl_test_repeat("k", AZL_KEY_TEXT_MAX + 1);

    ck_assert_ptr_null(add(ring, "fits", fits, ""));
    ck_assert_ptr_null(add(ring, "longer", longer, ""));
    ck_assert_str_eq(found(ring, fits, NOW), "fits");
    ck_assert_str_eq(found(ring, longer, NOW), "(none)");
}
END_TEST

/* The stand-in that is hashed when nothing usable came is no key. */
START_TEST(stand_in_is_no_key)
{
    azl_keyring_t *ring = new_ring();
    const char *text =
        apr_pstrcat(azl_test_pool, "sk", azl_test_repeat("-", 44), NULL);

    ck_assert_ptr_null(add(ring, "dashes", text, ""));
    ck_assert_str_eq(found(ring, text, NOW), "dashes");
    ck_assert_ptr_null(azl_keyring_find(ring, azl_span(NULL, 0), NOW));
    ck_assert_str_eq(found(ring, azl_test_repeat("k", 9999), NOW), "(none)");
}
END_TEST

START_TEST(empty_slots_match_nothing)
{
    azl_keyring_t *ring = new_ring();
    static const char zeros[] =
        "sha256:"
        "0000000000000000000000000000000000000000000000000000000000000000";

    ck_assert_ptr_null(azl_keyring_add(ring, "zeros", zeros, 0, NULL));
    ck_assert_ptr_null(add(ring, "a", "sk-a", ""));
    ck_assert_str_eq(found(ring, "sk-a", NOW), "a");
    ck_assert_str_eq(found(ring, "sk-b", NOW), "(none)");
}
END_TEST

START_TEST(expires_at_its_moment)
{
    azl_keyring_t *ring = new_ring();
    apr_time_t at;

    ck_assert_int_eq(
        azl_time_parse(azl_span_str("2027-01-31T17:00:00Z"), &at, NULL), 1);
    ck_assert_ptr_null(
        add(ring, "hour", "sk-a", "expires=2027-01-31T18:00:00+01:00"));
    ck_assert_str_eq(found(ring, "sk-a", at - 1), "hour");
    ck_assert_str_eq(found(ring, "sk-a", at), "(none)");
    ck_assert_str_eq(found(ring, "sk-a", at + 1), "(none)");

    ck_assert_int_eq(
        azl_time_parse(azl_span_str("2027-01-31T00:00:00Z"), &at, NULL), 1);
    ck_assert_ptr_null(add(ring, "day", "sk-b", "expires=2027-01-31"));
    ck_assert_str_eq(found(ring, "sk-b", at - 1), "day");
    ck_assert_str_eq(found(ring, "sk-b", at), "(none)");
    ck_assert_int_eq(azl_key_expired(azl_keyring_at(ring, 1), at), 1);
    ck_assert_int_eq(azl_key_expired(azl_keyring_at(ring, 1), at - 1), 0);
}
END_TEST

START_TEST(allow_lists)
{
    azl_keyring_t *ring = new_ring();
    unsigned char digest[AZL_SHA256_LEN] = {7};
    const azl_key_t *key;

    ck_assert_ptr_null(add(ring, "some", "sk-a", "models=gpt-4.1,o3*"));
    ck_assert_ptr_null(add(ring, "all", "sk-b", "models=*"));
    ck_assert_ptr_null(add(ring, "free", "sk-c", ""));
    ck_assert_ptr_null(azl_keyring_add_master(ring, digest));
    key = azl_keyring_at(ring, 0);
    ck_assert_int_eq(azl_key_allows(key, "gpt-4.1"), 1);
    ck_assert_int_eq(azl_key_allows(key, "gpt-4.1-mini"), 0);
    ck_assert_int_eq(azl_key_allows(key, "o3-mini"), 1);
    ck_assert_int_eq(azl_key_allows(key, ""), 0);
    ck_assert_int_eq(azl_key_allows(azl_keyring_at(ring, 1), "x"), 1);
    ck_assert_int_eq(azl_key_allows(azl_keyring_at(ring, 2), "x"), 1);
    ck_assert_int_eq(azl_key_allows(azl_keyring_at(ring, 3), "x"), 1);
}
END_TEST

START_TEST(master)
{
    azl_keyring_t *ring = new_ring();
    unsigned char digest[AZL_SHA256_LEN];
    const azl_key_t *key;

    azl_crypto_sha256("sk-master", 9, digest);
    ck_assert_ptr_null(azl_keyring_add_master(ring, digest));
    key = azl_keyring_find(ring, azl_span_str("sk-master"), NOW);
    ck_assert_ptr_nonnull(key);
    ck_assert_str_eq(key->name, "master");
    ck_assert_int_eq(key->master, 1);
    /* A second one, by name; and the same key under another name. */
    digest[0] ^= 1;
    ck_assert_ptr_nonnull(azl_keyring_add_master(ring, digest));
    ck_assert_ptr_nonnull(add(ring, "other", "sk-master", ""));
    ck_assert_int_eq(azl_keyring_count(ring), 1);
}
END_TEST

/* Each refusal says what would be right, and none repeats the secret. */
START_TEST(refuses)
{
    static const char good[] =
        "sha256:"
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    static const struct {
        const char *name;
        const char *digest;
        const char *option;
        const char *says;
    } t[] = {
        {"team", "sk-SECRET", NULL, "azurelitctl key hash"},
        {"team", "SECRETwithoutprefix", NULL, "azurelitctl key hash"},
        {"team", "", NULL, "azurelitctl key hash"},
        {"team", "sha256:SECRET", NULL, "64 hex digits"},
        {"team", "sha256:", NULL, "64 hex digits"},
        {"sk-SECRET", good, NULL, "azurelitctl key hash"},
        {good, "team", NULL, "the name is missing"},
        {"", good, NULL, "1 to 64"},
        {"SECRET SECRET", good, NULL, "letters, digits"},
        {"SECRET\"", good, NULL, "letters, digits"},
        {"team", good, "sk-SECRET", "word 1 after the digest"},
        {"team", good, "SECRET=", "models=, expires=, max-parallel="},
        {"team", good, "modelsSECRET=a", "word 1 after the digest"},
        {"team", good, "models=", "models= has no value"},
        {"team", good, "models=a,,b", "commas between"},
        {"team", good, "models=,a", "commas between"},
        {"team", good, "models=a,", "commas between"},
        {"team", good, "expires=", "expires= has no value"},
        {"team", good, "expires=tomorrow", "2027-01-31"},
        {"team", good, "expires=2027-02-29", "2027-01-31"},
        {"team", good, "expires=1970-01-01", "2027-01-31"},
        {"team", good, "max-parallel=", "max-parallel= has no value"},
        {"team", good, "max-parallel=0", "1 to 100000"},
        {"team", good, "max-parallel=100001", "1 to 100000"},
        {"team", good, "max-parallel=many", "1 to 100000"},
    };
    azl_keyring_t *ring = new_ring();
    apr_size_t i;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const char *err = azl_keyring_add(ring, t[i].name, t[i].digest,
                                          t[i].option ? 1 : 0, &t[i].option);

        ck_assert_msg(err != NULL, "row %d was accepted", (int)i);
        ck_assert_msg(strstr(err, t[i].says) != NULL, "row %d: %s", (int)i,
                      err);
        ck_assert_msg(strstr(err, "SECRET") == NULL, "row %d: %s", (int)i, err);
    }
    ck_assert_ptr_nonnull(
        azl_keyring_add(ring, azl_test_repeat("n", 65), good, 0, NULL));
    ck_assert_ptr_null(
        azl_keyring_add(ring, azl_test_repeat("n", 64), good, 0, NULL));
    ck_assert_int_eq(azl_keyring_count(ring), 1);
}
END_TEST

START_TEST(refuses_twice)
{
    azl_keyring_t *ring = new_ring();

    ck_assert_ptr_null(add(ring, "a", "sk-a", ""));
    ck_assert_ptr_nonnull(strstr(add(ring, "a", "sk-b", ""), "named 'a'"));
    ck_assert_ptr_nonnull(
        strstr(add(ring, "b", "sk-a", ""), "same digest as key 'a'"));
    ck_assert_ptr_nonnull(
        strstr(add(ring, "c", "sk-c", "models=x models=y"), "given twice"));
    ck_assert_int_eq(azl_keyring_count(ring), 1);
    ck_assert_str_eq(found(ring, "sk-b", NOW), "(none)");
}
END_TEST

static azl_keyring_t *big_ring(int n)
{
    azl_keyring_t *ring = new_ring();
    int i;

    for (i = 0; i < n; i++) {
        const char *name = apr_psprintf(azl_test_pool, "k%d", i);

        ck_assert_ptr_null(add(ring, name,
                               apr_psprintf(azl_test_pool, "sk-%d", i),
                               i % 10 ? "" : "expires=2020-01-01"));
    }
    return ring;
}

START_TEST(ten_thousand_keys)
{
    azl_keyring_t *ring = big_ring(10000);
    int i;

    ck_assert_int_eq(azl_keyring_count(ring), 10000);
    for (i = 0; i < 10000; i++) {
        const char *name = apr_psprintf(azl_test_pool, "k%d", i);

        ck_assert_str_eq(
            found(ring, apr_psprintf(azl_test_pool, "sk-%d", i), NOW),
            i % 10 ? name : "(none)");
    }
    for (i = 10000; i < 12000; i++) {
        ck_assert_str_eq(
            found(ring, apr_psprintf(azl_test_pool, "sk-%d", i), NOW),
            "(none)");
    }
}
END_TEST

/* What a lookup costs tells nothing about what was presented, and hardly
 * depends on how many keys there are. */
START_TEST(same_work_for_every_answer)
{
    static const int sizes[] = {0, 1, 16, 17, 1000, 10000};
    static const char *const presented[] = {"sk-1", "sk-10", "sk-999999", ""};
    apr_size_t i, j;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        azl_keyring_t *ring = big_ring(sizes[i]);
        azl_key_work_t first = {0, 0};
        azl_key_work_t work;
        int k;

        azl_keyring_find_counted(ring, azl_span_str(presented[0]), NOW, &first);
        ck_assert_int_eq(first.hashes, 1);
        ck_assert_int_ge(first.compares, 1);
        ck_assert_int_le(first.compares, 16);
        for (j = 0; j < sizeof(presented) / sizeof(presented[0]); j++) {
            azl_keyring_find_counted(ring, azl_span_str(presented[j]), NOW,
                                     &work);
            ck_assert_int_eq(work.hashes, first.hashes);
            ck_assert_int_eq(work.compares, first.compares);
        }
        azl_keyring_find_counted(ring, azl_span(NULL, 0), NOW, &work);
        ck_assert_int_eq(work.hashes, first.hashes);
        ck_assert_int_eq(work.compares, first.compares);
        azl_keyring_find_counted(
            ring, azl_span_str(azl_test_repeat("k", 100000)), NOW, &work);
        ck_assert_int_eq(work.hashes, first.hashes);
        ck_assert_int_eq(work.compares, first.compares);
        for (k = 0; k < 1000; k++) {
            azl_keyring_find_counted(
                ring, azl_span_str(apr_psprintf(azl_test_pool, "sk-%d", k)),
                NOW, &work);
            ck_assert_int_eq(work.compares, first.compares);
        }
    }
}
END_TEST

/* A failing library must not let anyone in. */
START_TEST(no_crypto_no_key)
{
    apr_pool_t *p;
    azl_keyring_t *ring = azl_keyring_create(azl_test_pool);

    apr_pool_create(&p, azl_test_pool);
    ck_assert_int_eq(azl_crypto_init(p), APR_SUCCESS);
    ck_assert_ptr_null(add(ring, "a", "sk-a", ""));
    ck_assert_str_eq(found(ring, "sk-a", NOW), "a");
    apr_pool_destroy(p);
    ck_assert_str_eq(found(ring, "sk-a", NOW), "(none)");
    ck_assert_ptr_null(azl_key_digest_text(azl_test_pool, azl_span("a", 1)));
}
END_TEST

START_TEST(generates)
{
    azl_keyring_t *ring = new_ring();
    const char *a = azl_key_generate(azl_test_pool);
    const char *b = azl_key_generate(azl_test_pool);

    ck_assert_uint_eq(strlen(a), 3 + 43);
    ck_assert(strncmp(a, "sk-", 3) == 0);
    ck_assert_str_ne(a, b);
    ck_assert_ptr_null(add(ring, "a", a, ""));
    ck_assert_str_eq(found(ring, a, NOW), "a");
    ck_assert_str_eq(found(ring, b, NOW), "(none)");
}
END_TEST

START_TEST(digest_text)
{
    new_ring();
    ck_assert_str_eq(
        digest_of("test"),
        "sha256:"
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
}
END_TEST

static const char *file_with(const char *content)
{
    return azl_test_file("keys", content);
}

START_TEST(loads_a_file)
{
    azl_keyring_t *ring = new_ring();
    const char *content = apr_pstrcat(
        azl_test_pool, "# our keys\n\n  \t\r\n", "team-a  ", digest_of("sk-a"),
        "\n", "\tteam-b\t", digest_of("sk-b"),
        " models=gpt-*  expires=2027-01-31 # until the project ends\r\n",
        "team-c ", digest_of("sk-c"), " max-parallel=8", NULL);

    ck_assert_ptr_null(
        azl_keyring_load(ring, file_with(content), azl_test_pool));
    ck_assert_int_eq(azl_keyring_count(ring), 3);
    ck_assert_str_eq(found(ring, "sk-a", NOW), "team-a");
    ck_assert_str_eq(found(ring, "sk-b", NOW), "team-b");
    ck_assert_str_eq(found(ring, "sk-c", NOW), "team-c");
    ck_assert_int_eq(azl_key_allows(azl_keyring_at(ring, 1), "gpt-5"), 1);
    ck_assert_int_eq(azl_key_allows(azl_keyring_at(ring, 1), "o3"), 0);
    ck_assert_int_ne((int)(azl_keyring_at(ring, 1)->expires != 0), 0);
    ck_assert_uint_eq(azl_keyring_at(ring, 1)->max_parallel, 0);
    ck_assert_uint_eq(azl_keyring_at(ring, 2)->max_parallel, 8);
}
END_TEST

START_TEST(loads_an_empty_file)
{
    azl_keyring_t *ring = new_ring();

    ck_assert_ptr_null(azl_keyring_load(ring, file_with(""), azl_test_pool));
    ck_assert_int_eq(azl_keyring_count(ring), 0);
}
END_TEST

/* What is kept must not point into the pool the file was read to. */
START_TEST(load_keeps_nothing_in_ptemp)
{
    azl_keyring_t *ring = new_ring();
    const char *path = file_with(apr_pstrcat(
        azl_test_pool, "team ", digest_of("sk-a"), " models=abc,d*\n", NULL));
    const char *bad = azl_test_file("bad", "team sk-x\nother sk-y\n");
    const char *one = azl_test_file("one", "third sk-z\n");
    const char *err, *err1;
    apr_pool_t *ptemp;

    apr_pool_create(&ptemp, azl_test_pool);
    ck_assert_ptr_null(azl_keyring_load(ring, path, ptemp));
    err = azl_keyring_load(ring, bad, ptemp);
    err1 = azl_keyring_load(ring, one, ptemp);
    apr_pool_destroy(ptemp);
    ck_assert_str_eq(found(ring, "sk-a", NOW), "team");
    ck_assert_int_eq(azl_key_allows(azl_keyring_at(ring, 0), "dx"), 1);
    ck_assert_ptr_nonnull(strstr(err, "bad:1: "));
    ck_assert_ptr_nonnull(strstr(err1, "one:1: "));
}
END_TEST

START_TEST(load_names_the_line)
{
    azl_keyring_t *ring = new_ring();
    const char *err = azl_keyring_load(
        ring, file_with("# a\n\nteam sk-SECRET\n"), azl_test_pool);

    ck_assert_ptr_nonnull(strstr(err, "keys:3: "));
    ck_assert_ptr_nonnull(strstr(err, "azurelitctl key hash"));
    ck_assert_ptr_null(strstr(err, "SECRET"));
    ck_assert_ptr_null(strstr(err, "more"));
    err = azl_keyring_load(ring, file_with("a\nb\nc\n"), azl_test_pool);
    ck_assert_ptr_nonnull(strstr(err, "keys:1: "));
    ck_assert_ptr_nonnull(strstr(err, "and 2 more"));
    err = azl_keyring_load(ring, "/nonexistent/keys", azl_test_pool);
    ck_assert_ptr_nonnull(strstr(err, "cannot read key file /nonexistent"));
}
END_TEST

START_TEST(parse_goes_on_after_a_problem)
{
    azl_keyring_t *ring = new_ring();
    apr_array_header_t *problems =
        apr_array_make(azl_test_pool, 4, sizeof(char *));
    const char *a = digest_of("sk-a");
    const char *content =
        apr_pstrcat(azl_test_pool, "a ", a, "\n", "sk-SECRET ", a, "\n", "b ",
                    a, "\n", "c ", digest_of("sk-c"), " 1 2 3 4 5 6 7\n", "d ",
                    digest_of("sk-d"), "\n", NULL);

    azl_keyring_parse(ring, "f", azl_span_str(content), problems);
    ck_assert_int_eq(azl_keyring_count(ring), 2);
    ck_assert_str_eq(found(ring, "sk-d", NOW), "d");
    ck_assert_int_eq(problems->nelts, 3);
    ck_assert(strncmp(APR_ARRAY_IDX(problems, 0, char *), "f:2: ", 5) == 0);
    ck_assert_ptr_null(strstr(APR_ARRAY_IDX(problems, 0, char *), "SECRET"));
    ck_assert(strncmp(APR_ARRAY_IDX(problems, 1, char *), "f:3: ", 5) == 0);
    ck_assert_ptr_nonnull(
        strstr(APR_ARRAY_IDX(problems, 2, char *), "too many words"));
}
END_TEST

START_TEST(parse_refuses_binary)
{
    azl_keyring_t *ring = new_ring();
    apr_array_header_t *problems =
        apr_array_make(azl_test_pool, 4, sizeof(char *));

    azl_keyring_parse(ring, "f",
                      azl_span(azl_test_exact("a\0b\n# fine\nc\0", 13), 13),
                      problems);
    ck_assert_int_eq(problems->nelts, 2);
    ck_assert_ptr_nonnull(
        strstr(APR_ARRAY_IDX(problems, 0, char *), "f:1: there is a NUL"));
    ck_assert_ptr_nonnull(
        strstr(APR_ARRAY_IDX(problems, 1, char *), "f:3: there is a NUL"));
}
END_TEST

TCase *azl_test_key(void)
{
    TCase *tc = azl_test_tcase("key");

    tcase_add_test(tc, finds);
    tcase_add_test(tc, finds_nothing_for_nothing);
    tcase_add_test(tc, length_limit);
    tcase_add_test(tc, stand_in_is_no_key);
    tcase_add_test(tc, empty_slots_match_nothing);
    tcase_add_test(tc, expires_at_its_moment);
    tcase_add_test(tc, allow_lists);
    tcase_add_test(tc, master);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, refuses_twice);
    tcase_add_test(tc, ten_thousand_keys);
    tcase_add_test(tc, same_work_for_every_answer);
    tcase_add_test(tc, no_crypto_no_key);
    tcase_add_test(tc, generates);
    tcase_add_test(tc, digest_text);
    tcase_add_test(tc, loads_a_file);
    tcase_add_test(tc, loads_an_empty_file);
    tcase_add_test(tc, load_keeps_nothing_in_ptemp);
    tcase_add_test(tc, load_names_the_line);
    tcase_add_test(tc, parse_goes_on_after_a_problem);
    tcase_add_test(tc, parse_refuses_binary);
    return tc;
}
