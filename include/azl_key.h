/*
 * azl_key: client keys. Only their SHA-256 digests are ever held.
 *
 * A keyring is filled while the configuration is read, belongs to its pool and
 * is read-only afterwards, so that lookups need no lock. A lookup hashes what
 * the client presented, finds the slot by the first bytes of the digest (open
 * addressing, constant expected time with any number of keys) and compares
 * the digest in constant time. There is no code path on which a missing key
 * is cheaper than an unknown one.
 */
#ifndef AZL_KEY_H
#define AZL_KEY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "azl_crypto.h"
#include "azl_seal.h"
#include "azl_span.h"

/* What a client may present; longer is unknown without being hashed whole.
 * JWT-sized keys are not ours. */
#define AZL_KEY_TEXT_MAX 512

struct azl_gate_t;

typedef struct azl_key_t {
    const char *name;
    unsigned char digest[AZL_SHA256_LEN];
    const char *hash;                 /* first 16 hex digits, for records */
    const apr_array_header_t *models; /* patterns (char *); NULL: all */
    apr_time_t expires;               /* 0: never */
    int master;                       /* may use every model */
    apr_uint32_t max_parallel;        /* requests in flight; 0: no limit */
    struct azl_gate_t *gate;          /* that counts them; NULL: not shared */
} azl_key_t;

typedef struct azl_keyring_t azl_keyring_t;

azl_keyring_t *azl_keyring_create(apr_pool_t *p);
/* Add a key. `digest` is "sha256:" and 64 hex digits; `options` are words
 * models=a,b* and expires=YYYY-MM-DD or RFC 3339 (the moment from which the key
 * is no longer valid; of a date its first, UTC). NULL, or what is wrong and
 * what would be right: a literal key is refused with the command that makes a
 * digest (without repeating the key); a name or digest given twice is an
 * error. */
const char *azl_keyring_add(azl_keyring_t *ring, const char *name,
                            const char *digest, int noptions,
                            const char *const *options);
/* The master key's digest, as `name` "master". */
const char *azl_keyring_add_master(azl_keyring_t *ring,
                                   const unsigned char digest[AZL_SHA256_LEN]);
/* Read a key file: lines of `name sha256:digest [option...]`, # comments and
 * blank lines. NULL, or "file:line: what is wrong" of the first problem and how
 * many more there are. */
const char *azl_keyring_load(azl_keyring_t *ring, const char *path,
                             apr_pool_t *ptemp);
/* The same for the content of a file, whatever is wrong with it: adds what can
 * be added and one text (const char *, "label:line: ...", in the pool of
 * `problems`) for each line that cannot. */
void azl_keyring_parse(azl_keyring_t *ring, const char *label,
                       azl_span_t content, apr_array_header_t *problems);
int azl_keyring_count(const azl_keyring_t *ring);
/* The keys in the order they were added, 0 <= i < count. */
const azl_key_t *azl_keyring_at(const azl_keyring_t *ring, int i);
/* 1 if the key is past its date. */
int azl_key_expired(const azl_key_t *key, apr_time_t now);
/* The key or NULL: unknown, expired at `now`, empty or too long. The work done
 * is the same in all these cases. */
const azl_key_t *azl_keyring_find(const azl_keyring_t *ring,
                                  azl_span_t presented, apr_time_t now);
/* The same, and what it took: the promise above can be counted, where timing
 * it would only show the noise of the machine. */
typedef struct azl_key_work_t {
    int hashes;   /* digests computed */
    int compares; /* digests compared */
} azl_key_work_t;
const azl_key_t *azl_keyring_find_counted(const azl_keyring_t *ring,
                                          azl_span_t presented, apr_time_t now,
                                          azl_key_work_t *work);
/* 1 if the key's allow-list lets it use this alias. */
int azl_key_allows(const azl_key_t *key, const char *alias);
/* A new key: "sk-" and 256 random bits in base64url. */
const char *azl_key_generate(apr_pool_t *p);
/* "sha256:<64 hex>" of a key's text. */
const char *azl_key_digest_text(apr_pool_t *p, azl_span_t key);

#endif /* AZL_KEY_H */
