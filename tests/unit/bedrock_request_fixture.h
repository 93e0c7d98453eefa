/*
 * bedrock_request_fixture: a chat as a request of Converse. JSON is written
 * with single quotes, as in dialect_fixture.h.
 */
#ifndef BEDROCK_REQUEST_FIXTURE_H
#define BEDROCK_REQUEST_FIXTURE_H

#include "bedrock_fixture.h"

static azl_exchange_t *ex;
static azl_error_t err;

#define CLAUDE "claude-sonnet-4-5"
#define OLD_CLAUDE "claude-3-5-sonnet"
#define NEW_CLAUDE "claude-opus-5"

static inline const char *asked(const char *family, const char *chat)
{
    ex = bedrock_in(azl_test_pool, family);
    return bedrock_asks(ex, chat, &err);
}

static inline void becomes(const char *family, const char *chat,
                           const char *document)
{
    const char *got = asked(family, chat);

    ck_assert_msg(got != NULL, "refused: %s (%s) in %s", err.message,
                  err.param, chat);
    ck_assert_str_eq(got, quoted(document));
}

static inline void refused(const char *family, const char *chat,
                           const char *param)
{
    ck_assert_msg(!asked(family, chat), "taken: %s", chat);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.param, param);
}

/* What a request with these members becomes, beside its message. */
#define ASK "'messages':[{'role':'user','content':'Hi'}]"
#define ASKED "'messages':[{'role':'user','content':[{'text':'Hi'}]}]"
#define NO_CONFIG ",'inferenceConfig':{}"

#define USER(parts) "{'role':'user','content':[" parts "]}"
#define MODEL(parts) "{'role':'assistant','content':[" parts "]}"
#define TEXT(text) "{'text':'" text "'}"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"
#define CALLS(list) "{'role':'assistant','tool_calls':[" list "]}"
#define USE(id, name, args)                                                    \
    "{'toolUse':{'toolUseId':'" id "','name':'" name "','input':" args "}}"
#define RESULT(id, content, more)                                              \
    "{'toolResult':{'toolUseId':'" id "','content':[" content "]" more "}}"
#define TOOL(id, more) "{'role':'tool','tool_call_id':'" id "'" more "}"
#define PNG "data:image/png;base64,AAAA"
#define IMAGE(url) "{'type':'image_url','image_url':{'url':'" url "'}}"
#define FILE_PART(members) "{'type':'file','file':{" members "}}"
#define DOC(format, name, data)                                                \
    "{'document':{'format':'" format "','name':'" name "','source':{'bytes':'" \
    data "'}}}"
/* What a history with calls and without tools declares. */
#define GONE(name)                                                             \
    "{'toolSpec':{'name':'" name "','description':'Not available any more: do" \
    " not call it.','inputSchema':{'json':{'type':'object','properties':{}}}}}"
#define CONFIG(list) ",'inferenceConfig':{},'toolConfig':{'tools':[" list "]}"

#define N(table) ((int)(sizeof(table) / sizeof(table[0])))

#define F(name) "{'type':'function','function':{'name':'" name "'}}"

#endif /* BEDROCK_REQUEST_FIXTURE_H */
