/*
 * azl_document_refuse: which member a name is, what must not stand in a
 * request body, and how the client is told. Whatever two parsers could read in
 * two ways is refused, since the upstream has one of its own.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_document_int.h"

/* A member name that is longer, or holds anything but these characters, is
 * the client's own text and is not repeated to anybody. */
#define NAME_SHOWN_MAX 64
#define NAME_SHOWN_CHARS                                                       \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]"

int azl_document_refuse(azl_reader_t *rd, const char *code, const char *param,
                        const char *message)
{
    azl_error_invalid(rd->err, code, param, message);
    return 0;
}

const char *azl_document_shown(apr_pool_t *p, azl_span_t name)
{
    const char *text;

    if (name.len == 0 || name.len > NAME_SHOWN_MAX) {
        return NULL;
    }
    text = apr_pstrmemdup(p, name.at, name.len);
    return strspn(text, NAME_SHOWN_CHARS) == name.len ? text : NULL;
}

int azl_document_refuse_twice(azl_reader_t *rd, const char *name)
{
    return azl_document_refuse(
        rd, "duplicate_parameter", name,
        apr_psprintf(rd->p, "The parameter '%s' is given more than once.",
                     name));
}

int azl_document_refuse_spelling(azl_reader_t *rd, const char *name)
{
    return azl_document_refuse(
        rd, "ambiguous_parameter", name,
        apr_psprintf(rd->p,
                     "A parameter name can be read as '%s' in another spelling "
                     "or with escapes; write it plainly.",
                     name));
}

int azl_document_refuse_type(azl_reader_t *rd, const char *name,
                             const char *expected)
{
    return azl_document_refuse(
        rd, "invalid_type", name,
        apr_psprintf(rd->p, "Invalid type for '%s': expected %s.", name,
                     expected));
}

int azl_document_refuse_json(azl_reader_t *rd, const azl_scan_t *s)
{
    int line, column;

    azl_scan_position(rd->doc->body.at, rd->doc->body.len, s->error_at, &line,
                      &column);
    return azl_document_refuse(
        rd, "invalid_json", NULL,
        apr_psprintf(rd->p,
                     "The request body is not valid JSON: %s at line "
                     "%d, column %d.",
                     s->error, line, column));
}

int azl_document_refuse_unknown(azl_reader_t *rd, azl_span_t name)
{
    const char *text = azl_document_shown(rd->p, name);

    return azl_document_refuse(
        rd, "unknown_parameter", text,
        text ? apr_psprintf(rd->p, "Unknown parameter: '%s'.", text)
             : "The request has a parameter that is not known here.");
}

const char *azl_document_fold(char out[AZL_MEMBER_NAME_MAX + 1],
                              const char *name, apr_size_t len)
{
    apr_size_t i;

    if (len > AZL_MEMBER_NAME_MAX) {
        return NULL;
    }
    for (i = 0; i < len; ++i) {
        out[i] = (char)apr_tolower(name[i]);
    }
    out[len] = '\0';
    return out;
}

/* A name with escapes, or with capital letters: another parser than ours may
 * take it for a member that decides who is asked what. */
static int refuse_lookalike(azl_reader_t *rd, azl_span_t key)
{
    const char *name = azl_scan_name(rd->p, key);
    char folded[AZL_MEMBER_NAME_MAX + 1];
    int escaped = memchr(key.at, '\\', key.len) != NULL;
    int index;

    if (!name || !azl_document_fold(folded, name, strlen(name))) {
        return 1;
    }
    index = azl_member_find(folded, strlen(folded));
    if (index < 0) {
        return 1;
    }
    if ((azl_member_info(index)->flags & AZL_MEMBER_GUARDED) ||
        (escaped && azl_member_find(name, strlen(name)) == index)) {
        return azl_document_refuse_spelling(rd, azl_member_info(index)->name);
    }
    return 1;
}

int azl_document_plain(azl_span_t key)
{
    apr_size_t i;

    for (i = 0; i < key.len; ++i) {
        if (key.at[i] == '\\' || (key.at[i] >= 'A' && key.at[i] <= 'Z')) {
            return 0;
        }
    }
    return 1;
}

int azl_document_identify(azl_reader_t *rd, azl_span_t key, int *index)
{
    const azl_member_info_t *info;
    apr_uint64_t bit;

    *index = azl_member_find(key.at, key.len);
    if (*index < 0) {
        return azl_document_plain(key) || refuse_lookalike(rd, key);
    }
    info = azl_member_info(*index);
    if (info->flags & AZL_MEMBER_REFUSED) {
        return azl_document_refuse(
            rd, "forbidden_parameter", info->name,
            apr_psprintf(rd->p,
                         "The parameter '%s' is not allowed here: "
                         "where requests go is configured on the "
                         "server.",
                         info->name));
    }
    bit = (apr_uint64_t)1 << (*index % 64);
    if (rd->seen[*index / 64] & bit) {
        return azl_document_refuse_twice(rd, info->name);
    }
    rd->seen[*index / 64] |= bit;
    return 1;
}
