/*
 * fuzz_keyfile: any bytes as a key file.
 *
 * - Every line is a key, a problem, or nothing; no problem has a word of the
 *   file in it that may be a key.
 * - What was added keeps its promises: a name, a digest of its own, a hash that
 *   is the start of it, and a lookup that does the same work for all.
 * - Written out again, the same keys are read.
 */
#include <string.h>

#include <apr_strings.h>

#include "azl_fuzz.h"
#include "azl_key.h"

static int count_lines(const char *data, apr_size_t len)
{
    int n = 0;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        n += data[i] == '\n';
    }
    return n + (len > 0 && data[len - 1] != '\n');
}

static azl_keyring_t *read_ring(apr_pool_t *p, azl_span_t file,
                                apr_array_header_t **problems)
{
    azl_keyring_t *ring = azl_keyring_create(p);

    *problems = apr_array_make(p, 4, sizeof(char *));
    azl_keyring_parse(ring, "keys", file, *problems);
    return ring;
}

/* A word of ours may have "sk-" in it ("desk-1" is a name), but starts with it
 * only when it is a key. */
static void check_problems(const apr_array_header_t *problems)
{
    int i;

    for (i = 0; i < problems->nelts; i++) {
        const char *text = APR_ARRAY_IDX(problems, i, const char *);

        azl_fuzz_check(strncmp(text, "keys:", 5) == 0, "the line is named");
        azl_fuzz_check(!strstr(text, " sk-") && !strstr(text, "'sk-") &&
                           !strstr(text, "=sk-"),
                       "no key is repeated");
    }
}

static void check_key(const azl_keyring_t *ring, const azl_key_t *key,
                      const azl_key_work_t *usual)
{
    char hex[2 * AZL_SHA256_LEN + 1];
    azl_key_work_t work;

    azl_hex_encode(key->digest, AZL_SHA256_LEN, hex);
    azl_fuzz_check(*key->name != '\0', "a key has a name");
    azl_fuzz_check(strlen(key->hash) == 16 && strncmp(hex, key->hash, 16) == 0,
                   "its hash is the start of its digest");
    azl_fuzz_check(key->expires >= 0, "it expires after 1970");
    azl_fuzz_check(!key->models || key->models->nelts > 0,
                   "an allow-list is not empty");
    azl_key_allows(key, key->name);
    azl_keyring_find_counted(ring, azl_span_str(key->name), 1, &work);
    azl_fuzz_check(work.hashes == usual->hashes &&
                       work.compares == usual->compares,
                   "a lookup does the same work for all");
}

static const char *written(apr_pool_t *p, const azl_keyring_t *ring)
{
    apr_array_header_t *lines = apr_array_make(p, 4, sizeof(char *));
    char hex[2 * AZL_SHA256_LEN + 1];
    int i;

    for (i = 0; i < azl_keyring_count(ring); i++) {
        const azl_key_t *key = azl_keyring_at(ring, i);

        azl_hex_encode(key->digest, AZL_SHA256_LEN, hex);
        APR_ARRAY_PUSH(lines, const char *) =
            apr_pstrcat(p, key->name, " sha256:", hex, "\r\n", NULL);
    }
    return apr_array_pstrcat(p, lines, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t file = azl_span(azl_fuzz_copy(p, data, size), size);
    apr_array_header_t *problems;
    azl_keyring_t *ring, *again;
    azl_key_work_t usual;
    int i;

    azl_fuzz_check(azl_crypto_init(p) == APR_SUCCESS, "there is a digest");
    ring = read_ring(p, file, &problems);
    azl_fuzz_check(azl_keyring_count(ring) + problems->nelts <=
                       count_lines(file.at, file.len),
                   "a line is one key or one problem");
    check_problems(problems);
    azl_keyring_find_counted(ring, azl_span(NULL, 0), 1, &usual);
    for (i = 0; i < azl_keyring_count(ring); i++) {
        check_key(ring, azl_keyring_at(ring, i), &usual);
    }
    again = read_ring(p, azl_span_str(written(p, ring)), &problems);
    azl_fuzz_check(problems->nelts == 0 &&
                       azl_keyring_count(again) == azl_keyring_count(ring),
                   "what was read can be written and read again");
    return 0;
}
