#include <string.h>

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_file.h"
#include "azl_key.h"
#include "azl_options.h"
#include "azl_time.h"
#include "azl_wildcard.h"

#define NAME_MAX_LEN 64
#define HASH_LEN 16
#define KEY_RANDOM_LEN 32 /* 256 bits */
#define KEYFILE_MAX ((apr_off_t)64 << 20)
#define LINE_WORDS_MAX 8
/* More than any server has threads. */
#define MAX_PARALLEL_MAX 100000

/* At most a quarter of the slots is taken, so that runs stay short: the
 * longest one decides what every lookup costs. */
#define SLOTS_MIN 64
#define SLOTS_PER_KEY 4

static const char digest_prefix[] = "sha256:";
#define DIGEST_PREFIX_LEN (sizeof(digest_prefix) - 1)

/* What is hashed when nothing (or too much) was presented: as long as a key
 * of ours. */
static const char no_key[] = "sk-"
                             "-------------------------------------------";

typedef struct slot_t {
    const azl_key_t *key; /* an empty one holds &nobody */
} slot_t;

struct azl_keyring_t {
    apr_pool_t *pool;
    apr_array_header_t *keys; /* azl_key_t * */
    apr_hash_t *names;        /* name -> azl_key_t * */
    slot_t *slots;
    apr_uint32_t nslots; /* a power of two */
    int probes;          /* slots a lookup looks at */
};

/* Stands in empty slots, so that these are compared like any other. Its digest
 * is no SHA-256 of anything anyone knows; a match is refused all the same. */
static const azl_key_t nobody;

static void slots_clear(azl_keyring_t *ring, apr_uint32_t nslots)
{
    apr_uint32_t i;

    ring->slots = apr_palloc(ring->pool, nslots * sizeof(*ring->slots));
    for (i = 0; i < nslots; i++) {
        ring->slots[i].key = &nobody;
    }
    ring->nslots = nslots;
    ring->probes = 1;
}

azl_keyring_t *azl_keyring_create(apr_pool_t *p)
{
    azl_keyring_t *ring = apr_pcalloc(p, sizeof(*ring));

    ring->pool = p;
    ring->keys = apr_array_make(p, 16, sizeof(azl_key_t *));
    ring->names = apr_hash_make(p);
    slots_clear(ring, SLOTS_MIN);
    return ring;
}

int azl_keyring_count(const azl_keyring_t *ring)
{
    return ring->keys->nelts;
}

const azl_key_t *azl_keyring_at(const azl_keyring_t *ring, int i)
{
    return APR_ARRAY_IDX(ring->keys, i, const azl_key_t *);
}

/* Digests are uniform already: their first bytes are the hash. */
static apr_uint32_t home_slot(const azl_keyring_t *ring,
                              const unsigned char *digest)
{
    apr_uint32_t h = (apr_uint32_t)digest[0] << 24 |
                     (apr_uint32_t)digest[1] << 16 |
                     (apr_uint32_t)digest[2] << 8 | digest[3];

    return h & (ring->nslots - 1);
}

static void slots_put(azl_keyring_t *ring, const azl_key_t *key)
{
    apr_uint32_t i = home_slot(ring, key->digest);
    int probes = 1;

    while (ring->slots[i].key != &nobody) {
        i = (i + 1) & (ring->nslots - 1);
        probes++;
    }
    ring->slots[i].key = key;
    if (probes > ring->probes) {
        ring->probes = probes;
    }
}

/* Look at every slot the digest can be in, whether it is found or not. */
static const azl_key_t *slots_find(const azl_keyring_t *ring,
                                   const unsigned char *digest, int *compares)
{
    const azl_key_t *found = &nobody;
    apr_uint32_t at = home_slot(ring, digest);
    int i;

    for (i = 0; i < ring->probes; i++) {
        apr_uint32_t slot = (at + (apr_uint32_t)i) & (ring->nslots - 1);
        const azl_key_t *key = ring->slots[slot].key;

        if (azl_crypto_equal(key->digest, digest, AZL_SHA256_LEN)) {
            found = key;
        }
        (*compares)++;
    }
    return found == &nobody ? NULL : found;
}

static const char *keyring_insert(azl_keyring_t *ring, azl_key_t *key)
{
    const azl_key_t *other;
    char hex[2 * AZL_SHA256_LEN + 1];
    int compares = 0;
    int i;

    if (apr_hash_get(ring->names, key->name, APR_HASH_KEY_STRING)) {
        return apr_psprintf(ring->pool,
                            "there is a key named '%s' already; give this one "
                            "a name of its own",
                            key->name);
    }
    other = slots_find(ring, key->digest, &compares);
    if (other) {
        return apr_psprintf(ring->pool,
                            "key '%s' has the same digest as key '%s'; make a "
                            "key for each with: azurelitctl key new",
                            key->name, other->name);
    }
    azl_hex_encode(key->digest, AZL_SHA256_LEN, hex);
    key->hash = apr_pstrndup(ring->pool, hex, HASH_LEN);
    APR_ARRAY_PUSH(ring->keys, azl_key_t *) = key;
    apr_hash_set(ring->names, key->name, APR_HASH_KEY_STRING, key);

    if ((apr_uint32_t)ring->keys->nelts * SLOTS_PER_KEY <= ring->nslots) {
        slots_put(ring, key);
        return NULL;
    }
    slots_clear(ring, ring->nslots * 2);
    for (i = 0; i < ring->keys->nelts; i++) {
        slots_put(ring, azl_keyring_at(ring, i));
    }
    return NULL;
}

/* Names end up in logs and reports, and in the columns of the key file. */
static const char *check_name(apr_pool_t *p, const char *name)
{
    apr_size_t len = strlen(name);
    apr_size_t i;

    /* Whoever swaps the columns must not find the key in the error log. */
    if (strncmp(name, "sk-", 3) == 0) {
        return "the first word is the name of the key, and a key itself must "
               "never be in a configuration: write its digest, which this "
               "command makes: azurelitctl key hash";
    }
    if (strncmp(name, digest_prefix, DIGEST_PREFIX_LEN) == 0) {
        return "the name is missing; write: name sha256:<64 hex digits>";
    }
    if (len == 0 || len > NAME_MAX_LEN) {
        return apr_psprintf(p, "the name must have 1 to %d characters",
                            NAME_MAX_LEN);
    }
    for (i = 0; i < len; i++) {
        if (!apr_isalnum(name[i]) && !strchr("._-@+/:", name[i])) {
            return "the name may have letters, digits and ._-@+/: only";
        }
    }
    return NULL;
}

static const char *read_digest(const char *text, unsigned char *digest)
{
    if (strncmp(text, digest_prefix, DIGEST_PREFIX_LEN) != 0) {
        return "the key is not a digest, and a key itself must never be in a "
               "configuration: write sha256:<64 hex digits>, which this "
               "command makes: azurelitctl key hash";
    }
    if (!azl_hex_decode(azl_span_str(text + DIGEST_PREFIX_LEN), digest,
                        AZL_SHA256_LEN)) {
        return "the digest must be sha256: and 64 hex digits, as this command "
               "makes it: azurelitctl key hash";
    }
    return NULL;
}

static const char *set_models(apr_pool_t *p, void *target, const char *value)
{
    azl_key_t *key = target;
    apr_array_header_t *models = apr_array_make(p, 4, sizeof(char *));
    const char *comma;

    for (;; value = comma + 1) {
        comma = strchr(value, ',');
        if (*value == '\0' || *value == ',') {
            return "model names with commas between them, * for any part";
        }
        APR_ARRAY_PUSH(models, const char *) =
            comma ? apr_pstrndup(p, value, (apr_size_t)(comma - value))
                  : apr_pstrdup(p, value);
        if (!comma) {
            break;
        }
    }
    key->models = models;
    return NULL;
}

static const char *set_expires(apr_pool_t *p, void *target, const char *value)
{
    azl_key_t *key = target;

    (void)p;
    /* 1970 stands for "never" in the struct. */
    if (!azl_time_parse(azl_span_str(value), &key->expires, NULL) ||
        key->expires <= 0) {
        return "a date like 2027-01-31 (UTC) or a time like "
               "2027-01-31T18:00:00Z";
    }
    return NULL;
}

static const char *set_max_parallel(apr_pool_t *p, void *target,
                                    const char *value)
{
    int n;

    (void)p;
    if (!azl_option_int(value, 1, MAX_PARALLEL_MAX, &n)) {
        return "a number from 1 to 100000";
    }
    ((azl_key_t *)target)->max_parallel = (apr_uint32_t)n;
    return NULL;
}

static const azl_option_t key_options[] = {
    {"models", set_models, 0},
    {"expires", set_expires, 0},
    {"max-parallel", set_max_parallel, 0},
    {NULL, NULL, 0}};

static const char *read_options(apr_pool_t *p, azl_key_t *key, int noptions,
                                const char *const *options)
{
    int i;

    /* Before the parser, whose message has the word in it: here the word may
     * be a key. */
    for (i = 0; i < noptions; i++) {
        if (!azl_options_knows(key_options, options[i])) {
            return apr_psprintf(p,
                                "word %d after the digest is no option of a "
                                "key, allowed are: %s",
                                i + 1, azl_options_allowed(p, key_options));
        }
    }
    return azl_options_parse(p, key_options, key, noptions, options);
}

const char *azl_keyring_add(azl_keyring_t *ring, const char *name,
                            const char *digest, int noptions,
                            const char *const *options)
{
    azl_key_t *key = apr_pcalloc(ring->pool, sizeof(*key));
    const char *err = check_name(ring->pool, name);

    if (!err) {
        err = read_digest(digest, key->digest);
    }
    if (!err) {
        err = read_options(ring->pool, key, noptions, options);
    }
    if (err) {
        return err;
    }
    key->name = apr_pstrdup(ring->pool, name);
    return keyring_insert(ring, key);
}

const char *azl_keyring_add_master(azl_keyring_t *ring,
                                   const unsigned char digest[AZL_SHA256_LEN])
{
    azl_key_t *key = apr_pcalloc(ring->pool, sizeof(*key));

    key->name = "master";
    key->master = 1;
    memcpy(key->digest, digest, AZL_SHA256_LEN);
    return keyring_insert(ring, key);
}

/* Cut a line into words at blanks, up to a word that starts with #. -1 if
 * there are more than fit. `line` is written to. */
static int split_words(char *line, const char **words)
{
    char *last = NULL;
    char *word;
    int n = 0;

    for (word = apr_strtok(line, " \t\r", &last); word && *word != '#';
         word = apr_strtok(NULL, " \t\r", &last)) {
        if (n == LINE_WORDS_MAX) {
            return -1;
        }
        words[n++] = word;
    }
    return n;
}

static const char *add_line(azl_keyring_t *ring, char *line)
{
    const char *words[LINE_WORDS_MAX];
    int n = split_words(line, words);

    if (n == 0) {
        return NULL;
    }
    if (n < 0) {
        return "too many words; write: name sha256:<64 hex digits> "
               "[models=a,b*] [expires=2027-01-31] [max-parallel=8]";
    }
    return azl_keyring_add(ring, words[0], n > 1 ? words[1] : "",
                           n > 2 ? n - 2 : 0, words + 2);
}

void azl_keyring_parse(azl_keyring_t *ring, const char *label,
                       azl_span_t content, apr_array_header_t *problems)
{
    const char *at = content.at;
    const char *end = content.at + content.len;
    apr_pool_t *scratch;
    int number;

    apr_pool_create(&scratch, problems->pool);
    for (number = 1; at < end; number++) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *eol = lf ? lf : end;
        const char *err;

        if (memchr(at, '\0', (size_t)(eol - at))) {
            err = "there is a NUL byte; this is no text file";
        }
        else {
            err = add_line(ring,
                           apr_pstrmemdup(scratch, at, (apr_size_t)(eol - at)));
        }
        if (err) {
            APR_ARRAY_PUSH(problems, const char *) =
                apr_psprintf(problems->pool, "%s:%d: %s", label, number, err);
        }
        apr_pool_clear(scratch);
        at = lf ? lf + 1 : end;
    }
    apr_pool_destroy(scratch);
}

const char *azl_keyring_load(azl_keyring_t *ring, const char *path,
                             apr_pool_t *ptemp)
{
    apr_array_header_t *problems = apr_array_make(ptemp, 1, sizeof(char *));
    const char *first;
    azl_span_t content;
    apr_status_t rv = azl_file_read(ptemp, path, KEYFILE_MAX, &content);

    if (rv != APR_SUCCESS) {
        return apr_psprintf(ring->pool, "cannot read key file %s: %s", path,
                            azl_file_reason(ptemp, rv));
    }
    azl_keyring_parse(ring, path, content, problems);
    if (problems->nelts == 0) {
        return NULL;
    }
    first = APR_ARRAY_IDX(problems, 0, const char *);
    if (problems->nelts == 1) {
        return apr_pstrdup(ring->pool, first);
    }
    return apr_psprintf(ring->pool,
                        "%s (and %d more; see: azurelitctl key check %s)",
                        first, problems->nelts - 1, path);
}

int azl_key_expired(const azl_key_t *key, apr_time_t now)
{
    return key->expires != 0 && now >= key->expires;
}

const azl_key_t *azl_keyring_find_counted(const azl_keyring_t *ring,
                                          azl_span_t presented, apr_time_t now,
                                          azl_key_work_t *work)
{
    unsigned char digest[AZL_SHA256_LEN];
    int usable = presented.len > 0 && presented.len <= AZL_KEY_TEXT_MAX;
    const azl_key_t *key;
    apr_status_t rv;

    memset(work, 0, sizeof(*work));
    if (!usable) {
        presented = azl_span(no_key, sizeof(no_key) - 1);
    }
    rv = azl_crypto_sha256(presented.at, presented.len, digest);
    work->hashes++;
    if (rv != APR_SUCCESS) {
        memset(digest, 0, sizeof(digest));
        usable = 0;
    }
    key = slots_find(ring, digest, &work->compares);
    if (!usable || !key || azl_key_expired(key, now)) {
        return NULL;
    }
    return key;
}

const azl_key_t *azl_keyring_find(const azl_keyring_t *ring,
                                  azl_span_t presented, apr_time_t now)
{
    azl_key_work_t work;

    return azl_keyring_find_counted(ring, presented, now, &work);
}

int azl_key_allows(const azl_key_t *key, const char *alias)
{
    int i;

    if (key->master || !key->models) {
        return 1;
    }
    for (i = 0; i < key->models->nelts; i++) {
        if (azl_wildcard_match(APR_ARRAY_IDX(key->models, i, const char *),
                               alias)) {
            return 1;
        }
    }
    return 0;
}

const char *azl_key_generate(apr_pool_t *p)
{
    unsigned char random[KEY_RANDOM_LEN];
    const char *key;

    if (azl_crypto_random(random, sizeof(random)) != APR_SUCCESS) {
        return NULL;
    }
    key = apr_pstrcat(p, "sk-", azl_base64url_encode(p, random, sizeof(random)),
                      NULL);
    azl_crypto_wipe(random, sizeof(random));
    return key;
}

const char *azl_key_digest_text(apr_pool_t *p, azl_span_t key)
{
    unsigned char digest[AZL_SHA256_LEN];
    char hex[2 * AZL_SHA256_LEN + 1];

    if (azl_crypto_sha256(key.at, key.len, digest) != APR_SUCCESS) {
        return NULL;
    }
    azl_hex_encode(digest, sizeof(digest), hex);
    return apr_pstrcat(p, digest_prefix, hex, NULL);
}
