/*
 * azl_tool_choice: which tools a chat offers and which of them is to be
 * called. Reads the hub's request; what it gives points into it.
 */
#ifndef AZL_TOOL_CHOICE_INT_H
#define AZL_TOOL_CHOICE_INT_H

#include "azl_hub.h"

typedef enum {
    AZL_TOOL_CHOICE_OPEN, /* nothing is said */
    AZL_TOOL_CHOICE_AUTO,
    AZL_TOOL_CHOICE_ANY,
    AZL_TOOL_CHOICE_NAMED,
    AZL_TOOL_CHOICE_NEVER
} azl_tool_choice_e;

typedef struct azl_tool_choice_t {
    azl_tool_choice_e what;
    const char *name;          /* of AZL_TOOL_CHOICE_NAMED */
    const char *only;          /* no other tool is to be declared; NULL: all.
                                  Not the client's: for upstreams that know no
                                  names here */
    const azl_json_t *allowed; /* the only tools there are, or NULL */
} azl_tool_choice_t;

/* The member tool_choice: 1, or 0 if it says nothing that is known. */
int azl_tool_choice_read(const azl_exchange_t *ex, azl_tool_choice_t *choice);
/* Is this tool one of those that may be called? */
int azl_tool_choice_has(const azl_tool_choice_t *choice, const char *name);
/* Is the model made to call a tool? */
int azl_tool_choice_is_forced(const azl_exchange_t *ex);
/* Are there any tools? */
int azl_tools_offered(const azl_exchange_t *ex);
/* The name of a tool's function; NULL: it has none. */
const char *azl_tool_name(const azl_json_t *tool);
/* The names of all that are called in the history (const char *), each once. */
apr_array_header_t *azl_tools_called(const azl_exchange_t *ex);

/*
 * A tool of ours whose arguments are the answer, where a model has no other way
 * to keep to a response_format
 */

#define AZL_JSON_TOOL "json_tool_call"

/* What the model is told about it, and what its arguments look like (NULL: any
 * object). */
const char *azl_json_tool_about(const azl_json_t *format);
const azl_json_t *azl_json_tool_schema(const azl_json_t *format);
/* It has to be called, or else one of the client's own that may be. */
void azl_json_tool_choose(const azl_exchange_t *ex, azl_tool_choice_t *choice);

#endif /* AZL_TOOL_CHOICE_INT_H */
