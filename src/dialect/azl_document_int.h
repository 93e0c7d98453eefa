/*
 * The reading of one request body, shared by the files that do it: what is
 * refused and how it is said (azl_document_refuse.c), what the gateway itself
 * acts on (azl_document_member.c), and the walk through the body, which finds
 * out what stays (azl_document.c).
 *
 * What returns int is 1, or 0 when the error is set.
 */
#ifndef AZL_DOCUMENT_INT_H
#define AZL_DOCUMENT_INT_H

#include "azl_document.h"
#include "azl_members_int.h"

/* The state of one reading, on the stack. */
typedef struct azl_reader_t {
    apr_pool_t *p;
    azl_params_e params;
    azl_document_t *doc;
    azl_error_t *err;
    apr_uint64_t seen[AZL_MEMBERS_MAX / 64];
    int nmembers;
    int nkept;
    int n;                    /* choices asked for by the member n */
    int nprompts;             /* each has its own */
    int cache_key;            /* place in cache_keys[] plus 1; 0: none */
    int instructed;           /* the instructions are the prompt */
    const char *kept_end;     /* behind the last member that stays */
    const char *member_end;   /* behind the last member */
    const char *dropped_from; /* start of a run of members left out, or NULL */
} azl_reader_t;

/* The error for the client; its texts are not copied. */
int azl_document_refuse(azl_reader_t *rd, const char *code, const char *param,
                        const char *message);
int azl_document_refuse_twice(azl_reader_t *rd, const char *name);
int azl_document_refuse_spelling(azl_reader_t *rd, const char *name);
int azl_document_refuse_type(azl_reader_t *rd, const char *name,
                             const char *expected);
/* With line and column of what the scan stopped at. */
int azl_document_refuse_json(azl_reader_t *rd, const azl_scan_t *s);
/* A member that the surface does not define. */
int azl_document_refuse_unknown(azl_reader_t *rd, azl_span_t name);
/* A member name in a message: as the client wrote it if it looks like the
 * name of a parameter, else NULL. */
const char *azl_document_shown(apr_pool_t *p, azl_span_t name);
/* No escapes and no capital letters. */
int azl_document_plain(azl_span_t key);
/* The name in lower case, if it is short enough to be a member of ours, or
 * NULL. */
const char *azl_document_fold(char out[AZL_MEMBER_NAME_MAX + 1],
                              const char *name, apr_size_t len);
/* Which member this is: its index, or -1 if it is none of ours. What is given
 * twice, or could be read as another one, is refused. */
int azl_document_identify(azl_reader_t *rd, azl_span_t key, int *index);
/* What of a member the gateway itself acts on goes into the document. The
 * value has been scanned. */
int azl_document_member(azl_reader_t *rd, int index, const azl_value_t *v);

#endif /* AZL_DOCUMENT_INT_H */
