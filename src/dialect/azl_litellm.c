#include "azl_litellm.h"

#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_litellm_int.h"

static int by_line(const void *a, const void *b)
{
    const azl_litellm_message_t *left = a, *right = b;

    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    return strcmp(left->text, right->text);
}

static void say_twice(azl_lm_t *lm, const apr_array_header_t *twice)
{
    int i;

    for (i = 0; i < twice->nelts; i++) {
        const azl_yaml_note_t *note = &APR_ARRAY_IDX(twice, i, azl_yaml_note_t);

        azl_lm_say(lm, AZL_LITELLM_UNSUPPORTED, note->line, "%s", note->text);
    }
}

static void read_root(azl_lm_t *lm, azl_span_t doc)
{
    apr_array_header_t *twice =
        apr_array_make(lm->pool, 2, sizeof(azl_yaml_note_t));
    azl_yaml_note_t wrong;

    if (!azl_yaml_parse(lm->pool, doc, &lm->root, twice, &wrong)) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, wrong.line, "no YAML: %s",
                   wrong.text);
        return;
    }
    say_twice(lm, twice);
    if (azl_yaml_type(lm->root) != AZL_YAML_MAP) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, 1,
                   "no configuration of LiteLLM: it is a map with model_list "
                   "and others");
        return;
    }
    azl_lm_find_secrets(lm);
    azl_lm_settings(lm);
}

/* A line end would begin another directive where these are printed. */
static int has_controls(const char *text)
{
    while (*text && !azl_lm_control(text)) {
        text++;
    }
    return *text != '\0';
}

/* httpd takes ${NAME} in a line for a variable, and knows no way to write it
 * otherwise. */
static int has_variable(const azl_lm_t *lm, const char *text)
{
    const char *end;

    while ((text = strstr(text, "${")) && (end = strchr(text, '}'))) {
        const char *name =
            apr_pstrmemdup(lm->pool, text + 2, (apr_size_t)(end - text - 2));

        if (!apr_hash_get(lm->placeholders, name, APR_HASH_KEY_STRING)) {
            return 1;
        }
        text = end;
    }
    return 0;
}

static void check_word(azl_lm_t *lm, const azl_litellm_directive_t *directive,
                       const azl_litellm_word_t *word)
{
    if (has_controls(word->text)) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, directive->line,
                   "%s: a value with a line end or another control character "
                   "in it",
                   directive->name);
    }
    if (!lm->setup->environment &&
        has_variable(lm, word->shown ? word->shown : word->text)) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, directive->line,
                   "%s: a value with ${...} in it, which httpd takes for a "
                   "variable where it reads directives (AzureLITConfig does "
                   "not)",
                   directive->name);
    }
}

static void check_words(azl_lm_t *lm)
{
    const azl_litellm_directive_t *directive =
        (void *)lm->out->directives->elts;
    int i, j;

    for (i = 0; i < lm->out->directives->nelts; i++, directive++) {
        for (j = 0; j < directive->words->nelts; j++) {
            check_word(lm, directive,
                       &APR_ARRAY_IDX(directive->words, j, azl_litellm_word_t));
        }
    }
}

azl_litellm_t *azl_litellm_read(apr_pool_t *p, azl_span_t doc,
                                const azl_litellm_setup_t *setup)
{
    azl_litellm_t *out = apr_pcalloc(p, sizeof(*out));
    azl_lm_t lm;

    out->directives = apr_array_make(p, 16, sizeof(azl_litellm_directive_t));
    out->messages = apr_array_make(p, 4, sizeof(azl_litellm_message_t));
    memset(&lm, 0, sizeof(lm));
    lm.pool = p;
    lm.setup = setup;
    lm.out = out;
    lm.deployments = apr_array_make(p, 16, sizeof(azl_lm_deployment_t));
    lm.places = apr_hash_make(p);
    lm.aliases = apr_hash_make(p);
    lm.endpoints = apr_hash_make(p);
    lm.names = apr_hash_make(p);
    lm.placeholders = apr_hash_make(p);
    read_root(&lm, doc);
    check_words(&lm);
    if (out->messages->nelts) {
        qsort(out->messages->elts, (size_t)out->messages->nelts,
              sizeof(azl_litellm_message_t), by_line);
    }
    return out;
}

const char *azl_litellm_environment(void *baton, const char *name)
{
    const char *value = getenv(name);

    (void)baton;
    return value && *value ? value : NULL;
}

int azl_litellm_is_wrong(const azl_litellm_message_t *message, int strict)
{
    return message->severity == AZL_LITELLM_ERROR ||
           (strict && message->severity == AZL_LITELLM_UNSUPPORTED);
}

int azl_litellm_wrong(const azl_litellm_t *config, int strict)
{
    return config->count[AZL_LITELLM_ERROR] +
           (strict ? config->count[AZL_LITELLM_UNSUPPORTED] : 0);
}

/* Without quotes only what httpd cannot take for anything else; the value of a
 * variable may have spaces in it. */
static const char *quoted(apr_pool_t *p, const char *word)
{
    apr_size_t len = strlen(word), i;
    char *out, *to;

    for (i = 0; i < len &&
                (apr_isalnum(word[i]) || strchr("=:/._-,+@*%&?$#~", word[i]));
         i++) {
    }
    if (len && i == len && word[0] != '#') {
        return word;
    }
    out = to = apr_palloc(p, 2 * len + 3);
    *to++ = '"';
    for (i = 0; i < len; i++) {
        if (word[i] == '"' || word[i] == '\\') {
            *to++ = '\\';
        }
        *to++ = word[i];
    }
    *to++ = '"';
    *to = '\0';
    return out;
}

const char *azl_litellm_words(apr_pool_t *p,
                              const azl_litellm_directive_t *directive,
                              int secrets)
{
    apr_array_header_t *words =
        apr_array_make(p, directive->words->nelts, sizeof(char *));
    int i;

    for (i = 0; i < directive->words->nelts; i++) {
        const azl_litellm_word_t *word =
            &APR_ARRAY_IDX(directive->words, i, azl_litellm_word_t);

        APR_ARRAY_PUSH(words, const char *) =
            quoted(p, word->shown && !secrets ? word->shown : word->text);
    }
    return apr_array_pstrcat(p, words, ' ');
}
