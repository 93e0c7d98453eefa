/*
 * JSON schemas as Anthropic's structured output takes them: what it does not
 * know is left out, which makes a schema wider, never narrower. The model's
 * answer fits what is left.
 */
#include "azl_anthropic_int.h"

typedef struct schema_t {
    azl_write_t *w;
    const azl_json_t *json;
} schema_t;

static int is_one_of(const char *name, const char *const *names)
{
    for (; *names; ++names) {
        if (strcmp(name, *names) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Bounds and conditions. additionalProperties is written anew. */
static int is_left_out(const char *name)
{
    static const char *const names[] = {"minimum",
                                        "maximum",
                                        "exclusiveMinimum",
                                        "exclusiveMaximum",
                                        "multipleOf",
                                        "minLength",
                                        "maxLength",
                                        "pattern",
                                        "minItems",
                                        "maxItems",
                                        "uniqueItems",
                                        "contains",
                                        "minContains",
                                        "maxContains",
                                        "minProperties",
                                        "maxProperties",
                                        "propertyNames",
                                        "patternProperties",
                                        "dependentRequired",
                                        "dependentSchemas",
                                        "unevaluatedItems",
                                        "not",
                                        "if",
                                        "then",
                                        "else",
                                        "unevaluatedProperties",
                                        "additionalProperties",
                                        NULL};

    return is_one_of(name, names);
}

static int is_known_format(const azl_json_t *value)
{
    static const char *const formats[] = {
        "date-time", "time", "date", "duration", "email", "hostname",
        "uri",       "ipv4", "ipv6", "uuid",     NULL};
    const char *text = azl_json_string(value);

    return text && is_one_of(text, formats);
}

static int is_object_schema(const azl_json_t *schema)
{
    const azl_json_t *type = azl_json_get(schema, "type");
    apr_size_t i;

    for (i = 0; i < azl_json_length(type); ++i) {
        if (azl_span_is(azl_json_text(azl_json_at(type, i)), "object")) {
            return 1;
        }
    }
    return azl_span_is(azl_json_text(type), "object") ||
           azl_json_get(schema, "properties");
}

static int write_named(void *baton, const char *name, const azl_json_t *value)
{
    azl_anthropic_schema(baton, name, value);
    return 0;
}

static void write_list(azl_write_t *w, const char *name, const azl_json_t *list)
{
    apr_size_t i;

    azl_write_open(w, name, '[');
    for (i = 0; i < azl_json_length(list); ++i) {
        azl_anthropic_schema(w, NULL, azl_json_at(list, i));
    }
    azl_write_close(w, ']');
}

static int write_member(void *baton, const char *name, const azl_json_t *value)
{
    static const char *const maps[] = {"properties", "$defs", "definitions",
                                       NULL};
    static const char *const lists[] = {"anyOf", "allOf", "prefixItems", NULL};
    schema_t *s = baton;

    if (is_one_of(name, maps)) {
        azl_write_open(s->w, name, '{');
        azl_json_each(value, write_named, s->w);
        azl_write_close(s->w, '}');
    }
    else if (is_one_of(name, lists)) {
        write_list(s->w, name, value);
    }
    else if (strcmp(name, "oneOf") == 0) {
        if (!azl_json_get(s->json, "anyOf")) {
            write_list(s->w, "anyOf", value);
        }
    }
    else if (strcmp(name, "items") == 0) {
        azl_anthropic_schema(s->w, name, value);
    }
    else if (strcmp(name, "format") == 0) {
        if (is_known_format(value)) {
            azl_write_json(s->w, name, value);
        }
    }
    else if (!is_left_out(name)) {
        azl_write_json(s->w, name, value);
    }
    return 0;
}

void azl_anthropic_schema(azl_write_t *w, const char *name,
                          const azl_json_t *schema)
{
    schema_t s;

    if (azl_json_type(schema) != AZL_JSON_OBJECT) {
        azl_write_json(w, name, schema); /* true or false */
        return;
    }
    s.w = w;
    s.json = schema;
    azl_write_open(w, name, '{');
    azl_json_each(schema, write_member, &s);
    if (is_object_schema(schema)) {
        azl_write_bool(w, "additionalProperties", 0);
    }
    azl_write_close(w, '}');
}

static int copy_member(void *baton, const char *name, const azl_json_t *value)
{
    azl_write_json(baton, name, value);
    return 0;
}

void azl_anthropic_arguments(azl_write_t *w, const char *name,
                             const azl_json_t *schema, int strict)
{
    if (strict && azl_json_get(schema, "type")) {
        azl_anthropic_schema(w, name, schema);
        return;
    }
    azl_write_open(w, name, '{');
    if (!azl_json_get(schema, "type")) {
        azl_write_str(w, "type", "object");
    }
    if (azl_json_type(schema) == AZL_JSON_OBJECT) {
        azl_json_each(schema, copy_member, w);
    }
    else {
        azl_write_open(w, "properties", '{');
        azl_write_close(w, '}');
    }
    azl_write_close(w, '}');
}
