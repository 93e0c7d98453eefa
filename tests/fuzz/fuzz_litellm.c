/*
 * fuzz_litellm: any bytes as a configuration of LiteLLM.
 *
 * - Every message and every directive has a line of the document; messages are
 *   in the order of lines, and there is one for each that was counted.
 * - What is printed in place of a secret is the name of a variable.
 * - The words of a directive come out as they went in when they are read as
 *   httpd reads them, and one that could end its line is an error.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_fuzz.h"
#include "azl_litellm.h"
#include "azl_yaml.h"

static const char *environment(void *baton, const char *name)
{
    (void)baton;
    return strchr(name, 'A') ? "https://host.test/value" : NULL;
}

/* Lines end with CR and LF, and in YAML with some of Unicode's, too. */
static int count_lines(azl_span_t doc)
{
    int n = 2;
    apr_size_t i;

    for (i = 0; i < doc.len; i++) {
        n += doc.at[i] == '\n' || doc.at[i] == '\r' ||
             (unsigned char)doc.at[i] >= 0x80;
    }
    return n;
}

static void check_messages(const azl_litellm_t *config, int lines)
{
    int count[AZL_LITELLM_ERROR + 1] = {0};
    int last = 0;
    int i;

    for (i = 0; i < config->messages->nelts; i++) {
        const azl_litellm_message_t *message =
            &APR_ARRAY_IDX(config->messages, i, azl_litellm_message_t);

        azl_fuzz_check(message->line >= last && message->line <= lines,
                       "messages are in the order of lines");
        azl_fuzz_check(*message->text != '\0', "a message says something");
        last = message->line;
        count[message->severity]++;
    }
    azl_fuzz_check(memcmp(count, config->count, sizeof(count)) == 0,
                   "messages are counted");
}

/* A word as httpd takes it off a line (ap_getword_conf). */
static const char *next_word(apr_pool_t *p, const char **line)
{
    const char *at = *line;
    char *word = apr_pcalloc(p, strlen(at) + 1);
    char *to = word;

    if (*at == '"') {
        for (at++; *at && *at != '"'; at++) {
            if (*at == '\\' && (at[1] == '\\' || at[1] == '"')) {
                at++;
            }
            *to++ = *at;
        }
        at++;
    }
    else {
        while (*at && !apr_isspace(*at)) {
            *to++ = *at++;
        }
    }
    while (apr_isspace(*at)) {
        at++;
    }
    *line = at;
    return word;
}

static int has_control(const char *text)
{
    while (*text && !apr_iscntrl(*text)) {
        text++;
    }
    return *text != '\0';
}

static void check_directive(apr_pool_t *p, const azl_litellm_t *config,
                            const azl_litellm_directive_t *directive, int lines)
{
    const char *line = azl_litellm_words(p, directive, 1);
    int i;

    azl_fuzz_check(strncmp(directive->name, "AzureLIT", 8) == 0 &&
                       directive->words->nelts > 0,
                   "a directive is one of ours and says something");
    azl_fuzz_check(directive->line >= 0 && directive->line <= lines,
                   "a directive has a line");
    for (i = 0; i < directive->words->nelts; i++) {
        const azl_litellm_word_t *word =
            &APR_ARRAY_IDX(directive->words, i, azl_litellm_word_t);

        azl_fuzz_check(strcmp(next_word(p, &line), word->text) == 0,
                       "httpd reads what was meant");
        azl_fuzz_check(!word->shown || strstr(word->shown, "env:AZURELIT_"),
                       "a secret is shown as a variable");
        azl_fuzz_check(!has_control(word->text) ||
                           config->count[AZL_LITELLM_ERROR] > 0,
                       "no word ends a line");
    }
    azl_fuzz_check(*line == '\0', "and nothing else");
}

static void check(apr_pool_t *p, azl_span_t doc,
                  const azl_litellm_setup_t *setup)
{
    azl_litellm_t *config = azl_litellm_read(p, doc, setup);
    int lines = count_lines(doc);
    int i;

    check_messages(config, lines);
    for (i = 0; i < config->directives->nelts; i++) {
        check_directive(
            p, config,
            &APR_ARRAY_IDX(config->directives, i, azl_litellm_directive_t),
            lines);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const azl_litellm_setup_t setups[] = {{NULL, NULL, NULL},
                                                 {environment, NULL, NULL}};
    apr_pool_t *p = azl_fuzz_pool();
    azl_span_t doc = azl_span(azl_fuzz_copy(p, data, size), size);

    check(p, doc, &setups[0]);
    check(p, doc, &setups[1]);
    return 0;
}
