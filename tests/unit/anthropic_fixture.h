/*
 * anthropic_fixture: a chat as a request of the Messages API. Families:
 * "claude-opus-4-6" takes nearly everything, "claude-opus-5" thinks by itself
 * and takes no sampling, "claude-sonnet-4-5" thinks by budget, "claude-3-haiku"
 * knows little.
 */
#ifndef ANTHROPIC_FIXTURE_H
#define ANTHROPIC_FIXTURE_H

#include "azl_anthropic_int.h"
#include "translation_fixture.h"

#define ALL "claude-opus-4-6"
#define NEW "claude-opus-5"
#define BUDGET "claude-sonnet-4-5"
#define OLD "claude-3-haiku"
#define NEVER_FORCED "claude-fable-5"

#define ASK "'messages':[{'role':'user','content':'hi'}]"
#define ASKED                                                                  \
    "'messages':[{'role':'user','content':[{'type':'text','text':'hi'}]}]"
#define HEAD(max) "{'model':'up','max_tokens':" max ","
#define ALL_HEAD HEAD("128000")
#define BUDGET_HEAD HEAD("64000")
#define NEW_HEAD HEAD("128000")
#define OLD_HEAD HEAD("4096")

#define TOOL "{'type':'function','function':{'name':'f'}}"
#define TOOL_SENT                                                              \
    "{'name':'f','input_schema':{'type':'object','properties':{}}}"
#define CALL(id)                                                               \
    "{'id':'" id "','type':'function','function':{'name':'f','arguments':"     \
    "'{\\'a\\':1}'}}"
#define USE(id) "{'type':'tool_use','id':'" id "','name':'f','input':{'a':1}}"
#define RESULT(id) "{'role':'tool','tool_call_id':'" id "','content':'r'}"
#define RESULT_SENT(id)                                                        \
    "{'type':'tool_result','tool_use_id':'" id "','content':'r'}"
#define NEVER_TOOLS "'tools':[" TOOL_SENT "],'tool_choice':{'type':'none'}"

#define WITH(member) "{" ASK "," member "}"
#define PART(part) "{'messages':[{'role':'user','content':[" part "]}]}"
#define SENT_PART(part)                                                        \
    ALL_HEAD "'messages':[{'role':'user','content':[" part "]}]}"
#define IMAGE(url) PART("{'type':'image_url','image_url':{'url':'" url "'}}")
#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

static inline azl_exchange_t *asking(const char *url, const char *family,
                                     const char *hub)
{
    azl_deployment_t *d = deployment_at("anthropic", url, NULL, "up");

    return exchange_with(d, family, hub);
}

static inline const char *request(azl_exchange_t *ex)
{
    const azl_dialect_t *dialect = ex->deployment->endpoint->dialect;

    return asked(ex, dialect->outbound(ex->deployment, AZL_OP_CHAT));
}

typedef struct request_case_t {
    const char *family;
    const char *hub;
    const char *body;
    const char *dropped;
} request_case_t;

static inline void check_case(const request_case_t *c)
{
    azl_exchange_t *ex = asking("https://h", c->family, c->hub);

    ck_assert_str_eq(request(ex), quoted(c->body));
    ck_assert_str_eq(dropped_of(ex), c->dropped ? c->dropped : "");
}

#endif /* ANTHROPIC_FIXTURE_H */
