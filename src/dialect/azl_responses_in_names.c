/*
 * The tools of a client of Responses, and what each is called in a chat.
 *
 * A chat has one list of functions. In Responses tools stand in namespaces, in
 * the input as well, and some are no functions; so a function of the chat
 * stands for each that can be called, under a name that says which it was.
 */
#include <ctype.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_responses_int.h"

/* Between a namespace and a name in it; names of servers often end so. */
#define JOINT "__"
/* No function's name may be longer. */
#define NAME_MAX_SENT 64
/* Bytes of the hash that makes a name its own again, and what is left of the
 * name then. */
#define HASH_LEN 4
#define HEAD_MAX (NAME_MAX_SENT - 1 - 2 * HASH_LEN)

static azl_span_t text_of(const azl_json_t *json, const char *name)
{
    return azl_json_text(azl_json_get(json, name));
}

/*
 * Names
 */

/* By which a tool is found again: no name holds a NUL. */
static azl_span_t own_key(apr_pool_t *p, azl_span_t space, azl_span_t name)
{
    char *key = apr_palloc(p, space.len + 1 + name.len);

    if (space.len) {
        memcpy(key, space.at, space.len);
    }
    key[space.len] = '\0';
    memcpy(key + space.len + 1, name.at, name.len);
    return azl_span(key, space.len + 1 + name.len);
}

static int is_plain(azl_span_t name)
{
    apr_size_t i;

    for (i = 0; i < name.len; ++i) {
        if (!isalnum((unsigned char)name.at[i]) && name.at[i] != '_' &&
            name.at[i] != '-') {
            return 0;
        }
    }
    return name.len > 0 && name.len <= NAME_MAX_SENT;
}

static azl_span_t join(apr_pool_t *p, azl_span_t space, azl_span_t name)
{
    apr_size_t joint = strlen(JOINT);
    int ends = space.len > joint &&
               memcmp(azl_span_end(space) - joint, JOINT, joint) == 0;
    char *joined = apr_palloc(p, space.len + joint + name.len);
    apr_size_t len = space.len;

    memcpy(joined, space.at, len);
    if (!ends) {
        memcpy(joined + len, JOINT, joint);
        len += joint;
    }
    memcpy(joined + len, name.at, name.len);
    return azl_span(joined, len + name.len);
}

/* One that is too long, holds what no name may hold, or is another's. */
static azl_span_t with_hash(apr_pool_t *p, azl_span_t name, azl_span_t key)
{
    unsigned char digest[AZL_SHA256_LEN];
    char *sent = apr_palloc(p, NAME_MAX_SENT + 1);
    apr_size_t len = name.len < HEAD_MAX ? name.len : HEAD_MAX;
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        sent[i] = isalnum((unsigned char)name.at[i]) || name.at[i] == '-'
                      ? name.at[i]
                      : '_';
    }
    sent[len++] = '_';
    azl_crypto_sha256(key.at, key.len, digest);
    azl_hex_encode(digest, HASH_LEN, sent + len);
    return azl_span(sent, len + 2 * HASH_LEN);
}

/* A plain name stays what it is, whatever is in it: who takes it will say. */
static azl_span_t make_name(const azl_tools_t *t, azl_span_t space,
                            azl_span_t name, azl_span_t key)
{
    azl_span_t sent = space.len ? join(t->pool, space, name) : name;

    if ((space.len && !is_plain(sent)) ||
        apr_hash_get(t->sent, sent.at, (apr_ssize_t)sent.len)) {
        return with_hash(t->pool, sent, key);
    }
    return sent;
}

azl_span_t azl_tools_sent(const azl_tools_t *t, azl_span_t space,
                          azl_span_t name)
{
    azl_span_t key = own_key(t->pool, space, name);
    const azl_tool_t *tool = apr_hash_get(t->own, key.at, (apr_ssize_t)key.len);

    return tool ? tool->sent : make_name(t, space, name, key);
}

/*
 * Reading
 */

/* Where tools are read from. */
typedef struct reader_t {
    azl_tools_t *t;
    azl_error_t *err;
    azl_span_t space;        /* of the namespace that is read; empty: none */
    const azl_json_t *about; /* what it says of itself, until it was told */
} reader_t;

/* Told again, the last holds, in the place of the first. */
static int add_tool(reader_t *r, azl_tool_kind_e kind, azl_span_t name,
                    const azl_json_t *json, const char *path)
{
    azl_tools_t *t = r->t;
    azl_span_t key = own_key(t->pool, r->space, name);
    azl_tool_t *tool = apr_hash_get(t->own, key.at, (apr_ssize_t)key.len);

    if (!tool) {
        tool = apr_pcalloc(t->pool, sizeof(*tool));
        tool->space = r->space;
        tool->name = name;
        tool->sent = make_name(t, r->space, name, key);
        apr_hash_set(t->own, key.at, (apr_ssize_t)key.len, tool);
        apr_hash_set(t->sent, tool->sent.at, (apr_ssize_t)tool->sent.len, tool);
        APR_ARRAY_PUSH(t->list, azl_tool_t *) = tool;
    }
    tool->kind = kind;
    tool->json = json;
    tool->path = path;
    tool->about = r->about;
    r->about = NULL;
    return 1;
}

static int add_named(reader_t *r, azl_tool_kind_e kind, const azl_json_t *json,
                     const char *path)
{
    azl_span_t name = text_of(json, "name");

    if (!name.len) {
        return azl_responses_refuse(
            r->err, apr_pstrcat(r->t->pool, path, ".name", NULL),
            "A tool needs a name.");
    }
    return add_tool(r, kind, name, json, path);
}

typedef int read_fn(reader_t *r, const azl_json_t *json, const char *path);

static int read_list(reader_t *r, const azl_json_t *list, const char *path,
                     read_fn *read)
{
    apr_size_t i;

    if (azl_json_type(list) != AZL_JSON_ARRAY) {
        return azl_responses_refuse(r->err, path, "Tools are an array.");
    }
    for (i = 0; i < azl_json_length(list); ++i) {
        if (!read(r, azl_json_at(list, i),
                  apr_psprintf(r->t->pool, "%s[%d]", path, (int)i))) {
            return 0;
        }
    }
    return 1;
}

static int read_inner(reader_t *r, const azl_json_t *json, const char *path)
{
    azl_span_t type = text_of(json, "type");

    if (azl_span_is(type, "function")) {
        return add_named(r, AZL_TOOL_FUNCTION, json, path);
    }
    if (azl_span_is(type, "custom")) {
        return add_named(r, AZL_TOOL_CUSTOM, json, path);
    }
    return azl_responses_refuse(r->err, path,
                                "A tool in a namespace is of type function or "
                                "custom.");
}

static int read_space(reader_t *r, const azl_json_t *json, const char *path)
{
    reader_t inner = *r;

    inner.space = text_of(json, "name");
    if (!inner.space.len) {
        return azl_responses_refuse(
            r->err, apr_pstrcat(r->t->pool, path, ".name", NULL),
            "A namespace needs a name.");
    }
    inner.about = azl_json_get(json, "description");
    return read_list(&inner, azl_json_get(json, "tools"),
                     apr_pstrcat(r->t->pool, path, ".tools", NULL), read_inner);
}

/* A search that the client makes is a call like others. */
static int is_search(const azl_json_t *json, azl_span_t type)
{
    return azl_span_is(type, AZL_TOOL_SEARCH_NAME) &&
           azl_span_is(text_of(json, "execution"), "client");
}

static int read_tool(reader_t *r, const azl_json_t *json, const char *path)
{
    azl_span_t type = text_of(json, "type");
    azl_hosted_t *hosted;

    if (!type.len) {
        return azl_responses_refuse(r->err, path, "A tool needs a type.");
    }
    if (azl_span_is(type, "namespace")) {
        return read_space(r, json, path);
    }
    if (is_search(json, type)) {
        return add_tool(r, AZL_TOOL_SEARCH, azl_span_str(AZL_TOOL_SEARCH_NAME),
                        json, path);
    }
    if (azl_span_is(type, "function") || azl_span_is(type, "custom")) {
        return read_inner(r, json, path);
    }
    hosted = apr_array_push(r->t->hosted);
    hosted->path = path;
    hosted->type = type;
    return 1;
}

/* Items of the input declare tools too. */
static int read_items(reader_t *r, const azl_json_t *input)
{
    apr_size_t i;

    for (i = 0; i < azl_json_length(input); ++i) {
        const azl_json_t *item = azl_json_at(input, i);
        azl_span_t type = text_of(item, "type");

        if ((azl_span_is(type, "additional_tools") ||
             azl_span_is(type, "tool_search_output")) &&
            !read_list(r, azl_json_get(item, "tools"),
                       apr_psprintf(r->t->pool, "input[%d].tools", (int)i),
                       read_tool)) {
            return 0;
        }
    }
    return 1;
}

int azl_tools_read(azl_tools_t *t, apr_pool_t *p, const azl_json_t *client,
                   azl_error_t *err)
{
    const azl_json_t *tools = azl_json_get(client, "tools");
    reader_t r = {t, err, azl_span("", 0), NULL};

    t->pool = p;
    t->list = apr_array_make(p, 8, sizeof(azl_tool_t *));
    t->hosted = apr_array_make(p, 2, sizeof(azl_hosted_t));
    t->own = apr_hash_make(p);
    t->sent = apr_hash_make(p);
    return (!tools || read_list(&r, tools, "tools", read_tool)) &&
           read_items(&r, azl_json_get(client, "input"));
}
