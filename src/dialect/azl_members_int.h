/*
 * The top-level members of request bodies, known to the dialects only: which
 * surface defines which member, and which ones must not be ambiguous.
 */
#ifndef AZL_MEMBERS_INT_H
#define AZL_MEMBERS_INT_H

#include "azl_document.h"
#include "azl_route.h"

/* Read here: a spelling that only a lenient parser takes for the member is
 * refused as well. */
#define AZL_MEMBER_GUARDED 1
/* Never allowed in a body. */
#define AZL_MEMBER_REFUSED 2
/* What a provider's prompt cache goes by, or the caller's user does. */
#define AZL_MEMBER_CACHE_KEY 4
/* The prompt, where the surface is a chat, completions or responses. */
#define AZL_MEMBER_PROMPT 8

typedef struct azl_member_info_t {
    const char *name;
    unsigned char len;
    unsigned char flags;
    unsigned char param; /* azl_param_e, of chats and responses */
    unsigned surfaces; /* bit 1 << op for each operation that defines it */
} azl_member_info_t;

/* There are fewer names than this (a set of seen members is this large). */
#define AZL_MEMBERS_MAX 128
/* No name is longer. */
#define AZL_MEMBER_NAME_MAX 24

/* The index of a name, or -1 if no surface has it. */
int azl_member_find(const char *name, apr_size_t len);
/* By an index that azl_member_find() gave. */
const azl_member_info_t *azl_member_info(int index);
/* 1 if the operation's surface defines the member. */
int azl_member_defined(int index, azl_op_e op);

#endif /* AZL_MEMBERS_INT_H */
