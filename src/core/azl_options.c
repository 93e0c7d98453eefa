#include "azl_options.h"

#include <stdlib.h>

#include <apr_env.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_file.h"

/* Keys and tokens are below 4 KB; a larger file is not a secret but a
 * mistake. */
#define SECRET_FILE_MAX 16384
/* No option has a longer name. */
#define OPTION_MAX 24

const char *azl_options_allowed(apr_pool_t *p, const azl_option_t *table)
{
    const char *names = "";

    for (; table->name; table++) {
        names =
            apr_pstrcat(p, names, *names ? ", " : "", table->name, "=", NULL);
    }
    return names;
}

static const azl_option_t *find_option(const azl_option_t *table,
                                       const char *word)
{
    apr_size_t len = strcspn(word, "=");

    for (; word[len] && table->name; table++) {
        if (strlen(table->name) == len &&
            strncmp(table->name, word, len) == 0) {
            return table;
        }
    }
    return NULL;
}

int azl_options_knows(const azl_option_t *table, const char *word)
{
    return find_option(table, word) != NULL;
}

/* A word that is no option may be a secret that slipped there. */
static const char *refuse(apr_pool_t *p, const azl_option_t *table,
                          const char *word)
{
    apr_size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz-");
    const char *allowed = azl_options_allowed(p, table);

    if (len && len <= OPTION_MAX && (!word[len] || word[len] == '=')) {
        return apr_psprintf(p, "unknown option '%.*s', allowed are: %s",
                            (int)len, word, allowed);
    }
    return apr_pstrcat(p, "what is no option=value, allowed are: ", allowed,
                       NULL);
}

const char *azl_options_parse(apr_pool_t *p, const azl_option_t *table,
                              void *target, int nwords,
                              const char *const *words)
{
    apr_uint32_t seen = 0;
    int i;

    for (i = 0; i < nwords; i++) {
        const char *eq = strchr(words[i], '=');
        const azl_option_t *option = find_option(table, words[i]);
        const char *err;
        apr_uint32_t bit;

        if (!option) {
            return refuse(p, table, words[i]);
        }
        bit = (apr_uint32_t)1 << (option - table);
        if (seen & bit) {
            return apr_psprintf(p, "option %s= is given twice", option->name);
        }
        seen |= bit;
        if (!eq[1]) {
            return apr_psprintf(p, "option %s= has no value", option->name);
        }
        err = option->set(p, (char *)target + option->offset, eq + 1);
        if (err) {
            return apr_psprintf(p, "option %s= must be %s", option->name, err);
        }
    }
    return NULL;
}

/* A run of digits, and what follows it. */
static int read_number(const char *value, apr_int64_t *n, const char **rest)
{
    char *end;

    if (!apr_isdigit(*value) || strspn(value, "0123456789") > 15) {
        return 0;
    }
    *n = apr_strtoi64(value, &end, 10);
    *rest = end;
    return 1;
}

int azl_option_int(const char *value, int min, int max, int *out)
{
    apr_int64_t n;
    const char *rest;

    if (!read_number(value, &n, &rest) || *rest || n < min || n > max) {
        return 0;
    }
    *out = (int)n;
    return 1;
}

int azl_option_duration(const char *value, apr_interval_time_t min,
                        apr_interval_time_t max, apr_interval_time_t *out)
{
    static const struct {
        const char *unit;
        apr_interval_time_t microseconds;
    } units[] = {{"ms", 1000},
                 {"", APR_USEC_PER_SEC},
                 {"s", APR_USEC_PER_SEC},
                 {"min", 60 * APR_USEC_PER_SEC},
                 {NULL, 0}};
    apr_int64_t n;
    const char *rest;
    int i;

    if (!read_number(value, &n, &rest) || n > APR_INT32_MAX) {
        return 0;
    }
    for (i = 0; units[i].unit; i++) {
        if (strcmp(units[i].unit, rest) == 0) {
            n *= units[i].microseconds;
            if (n < min || n > max) {
                return 0;
            }
            *out = n;
            return 1;
        }
    }
    return 0;
}

int azl_option_size(const char *value, apr_int64_t min, apr_int64_t max,
                    apr_int64_t *out)
{
    apr_int64_t n;
    const char *rest;
    int shift = 0;

    if (!read_number(value, &n, &rest) || n > ((apr_int64_t)1 << 42)) {
        return 0;
    }
    if (*rest) {
        switch (apr_tolower(*rest)) {
        case 'k':
            shift = 10;
            break;
        case 'm':
            shift = 20;
            break;
        case 'g':
            shift = 30;
            break;
        default:
            return 0;
        }
        if (rest[1]) {
            return 0;
        }
    }
    if (n > (max >> shift) || (n << shift) < min) {
        return 0;
    }
    *out = n << shift;
    return 1;
}

static const char *secret_from_file(apr_pool_t *p, const char *path,
                                    const azl_secret_t **secret)
{
    azl_span_t content;
    apr_status_t rv;
    char *text;

    rv = azl_file_read(p, path, SECRET_FILE_MAX, &content);
    if (rv != APR_SUCCESS) {
        return apr_psprintf(p, "cannot read file '%s': %s", path,
                            azl_file_reason(p, rv));
    }
    while (content.len && (content.at[content.len - 1] == '\n' ||
                           content.at[content.len - 1] == '\r')) {
        content.len--;
    }
    text = apr_pstrmemdup(p, content.at, content.len);
    if (!content.len || strlen(text) != content.len || strpbrk(text, "\r\n")) {
        return apr_psprintf(p, "file '%s' must hold the secret on one line",
                            path);
    }
    *secret = azl_secret_str(p, text);
    azl_crypto_wipe(text, content.len);
    azl_crypto_wipe((char *)content.at, content.len);
    return NULL;
}

/* Who writes the secret itself there has no such name. */
static int is_variable(const char *name)
{
    const char *at;

    for (at = name; apr_isalnum(*at) || *at == '_'; at++) {
    }
    return at != name && !*at && !apr_isdigit(*name);
}

const char *azl_option_secret(apr_pool_t *p, const char *value,
                              const azl_secret_t **secret, int *literal)
{
    *literal = 0;
    if (strncmp(value, "env:", 4) == 0) {
        char *text = NULL;

        if (!is_variable(value + 4)) {
            return "env: needs the name of an environment variable";
        }
        if (apr_env_get(&text, value + 4, p) != APR_SUCCESS || !text ||
            !*text) {
            return apr_psprintf(p, "environment variable '%s' is not set",
                                value + 4);
        }
        if (strpbrk(text, "\r\n")) {
            return apr_psprintf(p,
                                "environment variable '%s' holds a line "
                                "end",
                                value + 4);
        }
        *secret = azl_secret_str(p, text);
        return NULL;
    }
    if (strncmp(value, "file:", 5) == 0) {
        return secret_from_file(p, value + 5, secret);
    }
    *literal = 1;
    if (strncmp(value, AZL_SECRET_LITERAL, strlen(AZL_SECRET_LITERAL)) == 0) {
        value += strlen(AZL_SECRET_LITERAL);
        *literal = 0; /* nobody who says so has to be told */
    }
    *secret = azl_secret_str(p, value);
    return NULL;
}
