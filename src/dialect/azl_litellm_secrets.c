/*
 * Secrets that stand in LiteLLM's configuration, also where nothing here reads
 * them: whoever keeps the document keeps them too.
 */
#include <strings.h>

#include "azl_litellm_int.h"

/* Keys of secrets end like this, whatever their case. Not all that end with
 * token: prices and end-of-text marks do too. */
static const char *const endings[] = {
    "api_key",      "access_key",    "secret_key",   "master_key",
    "salt_key",     "private_key",   "_secret",      "password",
    "access_token", "session_token", "bearer_token", "auth_token",
    "ad_token",     "database_url",  "redis_url",    NULL};

/* Where the secret is, in place of itself. */
static const char *const references[] = {"os.environ/", "oidc/", NULL};

void azl_lm_found_secret(azl_lm_t *lm, int line)
{
    int *first = &lm->out->secret;

    *first = *first && *first < line ? *first : line;
}

static int names_a_secret(const char *key)
{
    size_t len = strlen(key), end;
    int i;

    for (i = 0; endings[i]; i++) {
        end = strlen(endings[i]);
        if (len >= end && strcasecmp(key + len - end, endings[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_secret(const azl_yaml_t *value)
{
    const char *text = azl_yaml_text(value);
    int flag, i;

    if (!text || !*text || azl_yaml_type(value) != AZL_YAML_SCALAR ||
        azl_yaml_bool(value, &flag)) {
        return 0;
    }
    for (i = 0; references[i]; i++) {
        if (azl_lm_after(text, references[i])) {
            return 0;
        }
    }
    return 1;
}

/* What an alias names is looked at once more: `left` ends that where a few
 * lines would be a billion. */
static void look(azl_lm_t *lm, const azl_yaml_t *yaml, int *left)
{
    int is_map = azl_yaml_type(yaml) == AZL_YAML_MAP;
    int i;

    for (i = 0; i < azl_yaml_length(yaml) && *left > 0; i++) {
        const azl_yaml_t *value = azl_yaml_at(yaml, i);

        (*left)--;
        if (is_map && is_secret(value) &&
            names_a_secret(azl_yaml_key(yaml, i))) {
            azl_lm_found_secret(lm, azl_yaml_key_line(yaml, i));
        }
        look(lm, value, left);
    }
}

void azl_lm_find_secrets(azl_lm_t *lm)
{
    int left = AZL_YAML_NODES_MAX;

    look(lm, lm->root, &left);
}
