/*
 * litellm_fixture: reads configurations of LiteLLM, and shows what they become:
 * "Endpoint name URL ..." in place of AzureLITEndpoint, and messages as
 * "3 error: text".
 */
#ifndef LITELLM_FIXTURE_H
#define LITELLM_FIXTURE_H

#include <apr_strings.h>

#include "azl_buf.h"
#include "azl_litellm.h"
#include "azl_litellm_int.h"
#include "azl_test.h"

#define TEXT_MAX (1024 * 1024)
#define KEY "api_key: os.environ/K"

/* The environment that these tests see. */
static inline const char *environment(void *baton, const char *name)
{
    static const char *const set[][2] = {
        {"BASE", "https://weu.openai.azure.com/"},
        {"AZURE_CLIENT_ID", "of-the-environment"},
        {"AWS_ACCESS_KEY_ID", "AKIA"},
        {"DATABRICKS_CLIENT_ID", "dbx-client"},
        {"SECONDS", "7"},
        {"PROJECT", "prj"},
        {"HOME", "/home/h"}};
    size_t i;

    (void)baton;
    for (i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        if (strcmp(set[i][0], name) == 0) {
            return set[i][1];
        }
    }
    return NULL;
}

static inline int is_taken(void *baton, const char *endpoint)
{
    return baton && strcmp(endpoint, baton) == 0;
}

static const azl_litellm_setup_t with_environment = {environment, is_taken,
                                                     NULL};
static const azl_litellm_setup_t without = {NULL, NULL, NULL};

static inline azl_litellm_t *read_with(const azl_litellm_setup_t *setup,
                                       const char *yaml)
{
    return azl_litellm_read(azl_test_pool, azl_span_str(yaml), setup);
}

static inline const char *lines_of(const azl_litellm_t *config, int secrets)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, TEXT_MAX);
    int i;

    for (i = 0; i < config->directives->nelts; i++) {
        const azl_litellm_directive_t *directive =
            &APR_ARRAY_IDX(config->directives, i, azl_litellm_directive_t);

        azl_buf_puts(out, strchr(directive->name, 'T') + 1);
        azl_buf_puts(out, " ");
        azl_buf_puts(out, azl_litellm_words(azl_test_pool, directive, secrets));
        azl_buf_puts(out, "\n");
    }
    return azl_buf_pstr(out, azl_test_pool);
}

/* "3 error: text" */
static inline const char *messages_of(const azl_litellm_t *config)
{
    static const char *const names[] = {"warning", "unsupported", "error"};
    azl_buf_t *out = azl_buf_create(azl_test_pool, TEXT_MAX);
    int i;

    for (i = 0; i < config->messages->nelts; i++) {
        const azl_litellm_message_t *message =
            &APR_ARRAY_IDX(config->messages, i, azl_litellm_message_t);

        azl_buf_puts(out,
                     apr_psprintf(azl_test_pool, "%d %s: %s\n", message->line,
                                  names[message->severity], message->text));
    }
    return azl_buf_pstr(out, azl_test_pool);
}

/* One model with these parameters. */
static inline const char *model(const char *params)
{
    return apr_pstrcat(azl_test_pool,
                       "model_list:\n  - model_name: m\n    litellm_params: {",
                       params, "}\n", NULL);
}

static inline const char *converted(const azl_litellm_setup_t *setup,
                                    const char *yaml)
{
    azl_litellm_t *config = read_with(setup, yaml);

    ck_assert_msg(config->messages->nelts == 0, "%s", messages_of(config));
    return lines_of(config, 0);
}

/* Any message with this line, severity and part of its text. */
static inline void check_said(const azl_litellm_t *config, int line,
                              int severity, const char *part)
{
    int i;

    for (i = 0; i < config->messages->nelts; i++) {
        const azl_litellm_message_t *message =
            &APR_ARRAY_IDX(config->messages, i, azl_litellm_message_t);

        if (message->line == line && message->severity == severity &&
            strstr(message->text, part)) {
            return;
        }
    }
    ck_abort_msg("no %d in line %d with '%s':\n%s", severity, line, part,
                 messages_of(config));
}

#define TWO_MODELS                                                             \
    "model_list:\n"                                                            \
    "- {model_name: a, litellm_params: {model: openai/a}}\n"                   \
    "- {model_name: b, litellm_params: {model: openai/b}}\n"
#define TWO_MODELS_LINES                                                       \
    "Endpoint openai https://api.openai.com/v1 dialect=openai "                \
    "credential=env:OPENAI_API_KEY\nModel a openai/a\nModel b openai/b\n"

#endif /* LITELLM_FIXTURE_H */
