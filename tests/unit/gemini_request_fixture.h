/*
 * gemini_request_fixture: a chat as Google has it. JSON is written with single
 * quotes, as in dialect_fixture.h.
 */
#ifndef GEMINI_REQUEST_FIXTURE_H
#define GEMINI_REQUEST_FIXTURE_H

#include "gemini_fixture.h"

static azl_exchange_t *ex;
static azl_error_t err;

static inline void setup_at(const char *url, const char *family)
{
    ex = exchange_at(azl_test_pool, url, family);
}

static inline void setup(void)
{
    setup_at(GEMINI, "gemini-2.5-flash");
}

/* The upstream's document of a chat; NULL: it is refused. */
static inline const char *asked(const char *chat)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    ex->hub = tree_of(azl_test_pool, quoted(chat));
    memset(&err, 0, sizeof(err));
    if (!azl_gemini_chat.request(ex, out, &err)) {
        return NULL;
    }
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    return azl_buf_pstr(out, azl_test_pool);
}

static inline void becomes(const char *chat, const char *document)
{
    const char *got = asked(chat);

    ck_assert_msg(
        got != NULL, "refused: %s (%s) in %s", err.message, err.param, chat);
    ck_assert_str_eq(got, quoted(document));
}

static inline void refused(const char *chat, const char *param)
{
    ck_assert_msg(!asked(chat), "taken: %s", chat);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.param, param);
}

#define CONFIG ",'generationConfig':{}}"
#define ASK "'messages':[{'role':'user','content':'Hi'}]"
#define ASKED "'contents':[{'role':'user','parts':[{'text':'Hi'}]}]"
#define FUNCTION(name) "{'type':'function','function':{'name':'" name "'}}"
#define USER(parts) "{'role':'user','parts':[" parts "]}"
#define MODEL(parts) "{'role':'model','parts':[" parts "]}"
#define TEXT(text) "{'text':'" text "'}"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"
#define CALLED(id, name, args)                                                 \
    "{'functionCall':{'id':'" id "','name':'" name "','args':" args "}}"
#define RESULT(id, name, object)                                               \
    "{'functionResponse':{'id':'" id "','name':'" name "','response':" object  \
    "}}"
#define TOOL(id, text)                                                         \
    "{'role':'tool','tool_call_id':'" id "','content':" text "}"

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

#endif /* GEMINI_REQUEST_FIXTURE_H */
