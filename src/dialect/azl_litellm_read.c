/*
 * Reading maps of LiteLLM's configuration entry by entry, and writing down
 * directives and messages.
 */
#include <stdarg.h>
#include <stdlib.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_litellm_int.h"
#include "azl_options.h"

#define REFERENCE "os.environ/"
/* environment_variables may refer to the environment, and on. */
#define REFERENCES_MAX 4
/* What fits into 64 bits whatever follows. */
#define DIGITS_MAX 17
#define EXPONENT_MAX 100

/* U+0080 to U+009F are C2 80 to C2 9F. */
int azl_lm_control(const char *at)
{
    if (apr_iscntrl(*at)) {
        return *at != '\0';
    }
    return *at == '\xc2' && (at[1] & 0xe0) == 0x80 ? 2 : 0;
}

void azl_lm_say(azl_lm_t *lm, int severity, int line, const char *fmt, ...)
{
    azl_litellm_message_t *message = apr_array_push(lm->out->messages);
    va_list ap;
    char *text, *at;

    va_start(ap, fmt);
    text = apr_pvsprintf(lm->pool, fmt, ap);
    va_end(ap);
    /* names of the document end up on terminals */
    for (at = text; *at; at++) {
        memset(at, '?', (size_t)azl_lm_control(at));
    }
    message->text = text;
    message->severity = severity;
    message->line = line;
    lm->out->count[severity]++;
}

azl_lm_map_t *azl_lm_map(azl_lm_t *lm, const char *where,
                         const azl_yaml_t *yaml, int line)
{
    azl_lm_map_t *map = apr_pcalloc(lm->pool, sizeof(*map));

    map->lm = lm;
    map->where = where;
    if (azl_yaml_type(yaml) == AZL_YAML_MAP) {
        map->yaml = yaml;
        map->taken =
            apr_pcalloc(lm->pool, (apr_size_t)azl_yaml_length(yaml) + 1);
    }
    else if (azl_yaml_type(yaml) != AZL_YAML_NULL) {
        azl_lm_say(lm, AZL_LITELLM_ERROR, line,
                   "%s must be a map of names "
                   "and values",
                   where);
    }
    return map;
}

const azl_yaml_t *azl_lm_take(azl_lm_map_t *map, const char *key, int *line)
{
    int i = azl_yaml_find(map->yaml, key);
    const azl_yaml_t *value;

    if (i < 0) {
        return map->more ? azl_lm_take(map->more, key, line) : NULL;
    }
    map->taken[i] = 1;
    *line = azl_yaml_key_line(map->yaml, i);
    value = azl_yaml_at(map->yaml, i);
    return azl_yaml_type(value) == AZL_YAML_NULL ? NULL : value;
}

const char *azl_lm_placeholder(azl_lm_t *lm, const char *name)
{
    apr_hash_set(lm->placeholders, name, APR_HASH_KEY_STRING, name);
    return apr_pstrcat(lm->pool, "${", name, "}", NULL);
}

/* What a variable of the document stands for: the text, or the name of one of
 * the environment. One that refers to itself, maybe by others, means that of
 * the environment. */
static void resolve(azl_lm_t *lm, azl_lm_value_t *value)
{
    int i;

    for (i = 0;
         value->text && strncmp(value->text, REFERENCE, strlen(REFERENCE)) == 0;
         i++) {
        const char *name = value->text + strlen(REFERENCE);
        const char *own;
        int line;

        own = lm->variables
                  ? azl_yaml_text(azl_lm_take(lm->variables, name, &line))
                  : NULL;
        if (own && i < REFERENCES_MAX && strcmp(own, value->text) != 0) {
            value->text = own;
            continue;
        }
        value->variable = name;
        value->text = lm->setup->environment
                          ? lm->setup->environment(lm->setup->baton, name)
                          : azl_lm_placeholder(lm, name);
        return;
    }
}

/* What a shell would let one be called, and what Kubernetes makes of others. */
static int is_variable_name(const char *name)
{
    const char *at = name;

    while (apr_isalnum(*at) || (*at && strchr("_-.", *at))) {
        at++;
    }
    return *name && !*at;
}

int azl_lm_value(azl_lm_map_t *map, const char *key, azl_lm_value_t *value)
{
    const azl_yaml_t *yaml;

    memset(value, 0, sizeof(*value));
    value->key = key;
    yaml = azl_lm_take(map, key, &value->line);
    if (!yaml) {
        return 0;
    }
    value->text = azl_yaml_text(yaml);
    if (!value->text) {
        azl_lm_say(map->lm, AZL_LITELLM_ERROR, value->line,
                   "%s.%s must be a single value", map->where, key);
        return 0;
    }
    resolve(map->lm, value);
    if (value->variable && !is_variable_name(value->variable)) {
        azl_lm_say(map->lm, AZL_LITELLM_ERROR, value->line,
                   "%s.%s: " REFERENCE " must be followed by the name of a "
                   "variable",
                   map->where, key);
        return 0;
    }
    return 1;
}

const char *azl_lm_text(azl_lm_map_t *map, const char *key, int *line)
{
    azl_lm_value_t value;

    if (!azl_lm_value(map, key, &value)) {
        return NULL;
    }
    *line = value.line;
    if (!value.text) {
        azl_lm_say(map->lm, AZL_LITELLM_ERROR, value.line,
                   "%s.%s: environment variable '%s' is not set", map->where,
                   key, value.variable);
    }
    return value.text;
}

/* "1.25e-06": the digits, how many of them stand behind the point, and where
 * they end. */
static const char *read_digits(const char *text, apr_int64_t *value,
                               int *behind)
{
    int point = 0, any = 0, digits = 0;

    *value = 0;
    *behind = 0;
    for (; apr_isdigit(*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = 1;
            continue;
        }
        any = 1;
        if (digits < DIGITS_MAX) {
            *value = *value * 10 + (*text - '0');
            *behind += point;
        }
        else {
            *behind -= !point; /* beyond what any price or time needs */
        }
        digits += *value != 0;
    }
    return any ? text : NULL;
}

int azl_lm_decimal(const char *text, int places, apr_int64_t *n)
{
    apr_int64_t value;
    int behind, shift, up = 0;

    text = read_digits(text, &value, &behind);
    if (!text) {
        return 0;
    }
    shift = places - behind;
    if (*text == 'e' || *text == 'E') {
        char *end;
        long exponent = strtol(text + 1, &end, 10);

        if (end == text + 1 || exponent < -EXPONENT_MAX ||
            exponent > EXPONENT_MAX) {
            return 0;
        }
        shift += (int)exponent;
        text = end;
    }
    if (*text) {
        return 0;
    }
    for (; shift > 0 && value; shift--) {
        if (value > APR_INT64_MAX / 10) {
            return 0;
        }
        value *= 10;
    }
    for (; shift < 0 && (value || up); shift++) {
        up = value % 10 >= 5;
        value /= 10;
    }
    *n = value + up;
    return 1;
}

/* As Python and YAML 1.1 have it, only between digits. */
static const char *without_underscores(apr_pool_t *p, const char *text)
{
    char *out = apr_palloc(p, strlen(text) + 1), *to = out;
    const char *at;

    for (at = text; *at; at++) {
        int between = at > text && apr_isdigit(at[-1]) && apr_isdigit(at[1]);

        if (*at != '_' || !between) {
            *to++ = *at;
        }
    }
    *to = '\0';
    return out;
}

/* 010 is 8 in YAML 1.1 and 10 everywhere else. */
static int is_octal(const char *text)
{
    return *text == '0' && apr_isdigit(text[1]);
}

int azl_lm_number(azl_lm_map_t *map, const char *key, int places,
                  apr_int64_t *n, int *line)
{
    const char *text = azl_lm_text(map, key, line);

    if (!text) {
        return 0;
    }
    if (strncmp(text, "${", 2) == 0) {
        azl_lm_say(map->lm, AZL_LITELLM_UNSUPPORTED, *line,
                   "%s.%s: a number cannot come from the environment in a "
                   "directive; write it down",
                   map->where, key);
        return 0;
    }
    text = without_underscores(map->lm->pool, text);
    if (is_octal(text) || !azl_lm_decimal(text, places, n)) {
        azl_lm_say(map->lm, AZL_LITELLM_ERROR, *line,
                   "%s.%s must be a number, of at least 0, as 12, 1_000, 0.5 "
                   "or 1.5e-6",
                   map->where, key);
        return 0;
    }
    return 1;
}

int azl_lm_flag(azl_lm_map_t *map, const char *key, int *flag, int *line)
{
    const azl_yaml_t *yaml = azl_lm_take(map, key, line);
    const char *text = azl_yaml_text(yaml);

    if (!yaml || azl_yaml_bool(yaml, flag)) {
        return yaml != NULL;
    }
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "True") == 0 ||
                 strcmp(text, "false") == 0 || strcmp(text, "False") == 0)) {
        *flag = apr_tolower(*text) == 't';
        return 1;
    }
    azl_lm_say(map->lm, AZL_LITELLM_ERROR, *line, "%s.%s must be true or false",
               map->where, key);
    return 0;
}

const char *azl_lm_seconds(azl_lm_map_t *map, const char *key, int *line)
{
    apr_int64_t ms;

    if (!azl_lm_number(map, key, 3, &ms, line)) {
        return NULL;
    }
    return ms % 1000 ? apr_psprintf(map->lm->pool, "%" APR_INT64_T_FMT "ms", ms)
                     : apr_psprintf(map->lm->pool, "%" APR_INT64_T_FMT "s",
                                    ms / 1000);
}

static int is_one_of(const char *key, const char *const *keys)
{
    while (*keys && strcmp(*keys, key) != 0) {
        keys++;
    }
    return *keys != NULL;
}

/* Does it change nothing that this is off? */
static int is_off_anyway(const azl_lm_map_t *map, const char *key)
{
    static const char *const on[] = {"health_check_details",
                                     "ignore_invalid_deployments", NULL};
    static const char *const off[] = {"allow_client_keepalive_override",
                                      "drop_params",
                                      "merge_reasoning_content_in_choices",
                                      "stream",
                                      "use_chat_completions_api",
                                      "use_in_pass_through",
                                      "use_litellm_proxy",
                                      "use_xai_oauth",
                                      NULL};

    return map->sent ? is_one_of(key, off) : !is_one_of(key, on);
}

static int says_nothing(const azl_lm_map_t *map, const char *key,
                        const azl_yaml_t *value)
{
    int on = 1;

    switch (azl_yaml_type(value)) {
    case AZL_YAML_NULL:
        return 1;
    case AZL_YAML_SCALAR:
        return azl_yaml_bool(value, &on) && !on && is_off_anyway(map, key);
    default:
        return azl_yaml_length(value) == 0;
    }
}

void azl_lm_rest(const azl_lm_map_t *map, const azl_lm_reason_t *reasons)
{
    int i;

    for (i = 0; i < azl_yaml_length(map->yaml); i++) {
        const char *key = azl_yaml_key(map->yaml, i);
        const azl_lm_reason_t *why = reasons;

        if (map->taken[i] ||
            says_nothing(map, key, azl_yaml_at(map->yaml, i))) {
            continue;
        }
        while (why->key && strcmp(why->key, key) != 0 &&
               strcmp(why->key, "*") != 0) {
            why++;
        }
        azl_lm_say(
            map->lm, AZL_LITELLM_UNSUPPORTED, azl_yaml_key_line(map->yaml, i),
            "%s%s%s is not supported%s%s", map->where, *map->where ? "." : "",
            key, why->key ? ": " : "", why->key ? why->reason : "");
    }
    if (map->more) {
        azl_lm_rest(map->more, reasons);
    }
}

void azl_lm_reference(azl_lm_t *lm, const char *name, azl_lm_value_t *value)
{
    memset(value, 0, sizeof(*value));
    value->key = name;
    value->text = apr_pstrcat(lm->pool, REFERENCE, name, NULL);
    if (lm->variables) {
        int i = azl_yaml_find(lm->variables->yaml, name);

        value->line = i < 0 ? 0 : azl_yaml_key_line(lm->variables->yaml, i);
    }
    resolve(lm, value);
}

const char *azl_lm_variable(azl_lm_t *lm, const char *name)
{
    azl_lm_value_t value;

    azl_lm_reference(lm, name, &value);
    return value.variable && !lm->setup->environment ? NULL : value.text;
}

azl_litellm_word_t azl_lm_secret(azl_lm_t *lm, const azl_lm_value_t *value,
                                 const char *placeholder)
{
    azl_litellm_word_t word;

    word.shown = NULL;
    if (value->variable) {
        word.text = apr_pstrcat(lm->pool, "env:", value->variable, NULL);
        return word;
    }
    azl_lm_say(lm, AZL_LITELLM_WARNING, value->line,
               "%s is the secret itself, which whoever may read this file has: "
               "say os.environ/NAME (converted to directives it is %s, which "
               "you have to set)",
               value->key, placeholder);
    azl_lm_found_secret(lm, value->line);
    word.text = apr_pstrcat(lm->pool, AZL_SECRET_LITERAL, value->text, NULL);
    word.shown = apr_pstrcat(lm->pool, "env:", placeholder, NULL);
    return word;
}

azl_litellm_directive_t *azl_lm_directive(azl_lm_t *lm, const char *name,
                                          int line)
{
    azl_litellm_directive_t *directive = apr_array_push(lm->out->directives);

    directive->name = name;
    directive->words = apr_array_make(lm->pool, 4, sizeof(azl_litellm_word_t));
    directive->line = line;
    return directive;
}

void azl_lm_word(azl_litellm_directive_t *directive, const char *text)
{
    azl_litellm_word_t *word = apr_array_push(directive->words);

    word->text = text;
    word->shown = NULL;
}

const char *azl_lm_option(azl_lm_t *lm, const char *name, const char *value)
{
    return apr_pstrcat(lm->pool, name, "=", value, NULL);
}
