#include <apr_errno.h>

#include "azl_reply.h"
#include "dialect_fixture.h"

static azl_usage_t usage;

static const char *seal(void *baton, azl_span_t id)
{
    (void)baton;
    return azl_span_is(id, "keep") ? NULL : "sealed";
}

/* The document after rewriting, "EINVAL" or "ENOSPC". */
static const char *rewritten_into(apr_size_t room, azl_op_e op, const char *doc)
{
    azl_reply_rules_t rules;
    azl_buf_t *out = azl_buf_create(azl_test_pool, room);
    apr_status_t rv;

    memset(&rules, 0, sizeof(rules));
    memset(&usage, 0, sizeof(usage));
    rules.op = op;
    rules.alias_json = "\"alias\"";
    rules.seal = seal;
    rv = azl_reply_rewrite(&rules, quoted_span(doc), out, &usage);
    if (rv == APR_EINVAL) {
        ck_assert_int_eq((int)out->len, 0);
        return "EINVAL";
    }
    return rv == APR_SUCCESS ? azl_buf_pstr(out, azl_test_pool) : "ENOSPC";
}

#define BECOMES(op, doc, expected)                                             \
    ck_assert_str_eq(rewritten_into(65536, op, doc), quoted(expected))

START_TEST(chat)
{
    BECOMES(AZL_OP_CHAT,
            " {'choices':[{'content_filter_results':{},'message':{'content':"
            "'\\u00e9'}}],\n'id':'chatcmpl-1', 'model' : 'gpt-4.1-2025-04-14' "
            ",'usage':{'prompt_tokens':3,'completion_tokens':2}} ",
            " {'choices':[{'content_filter_results':{},'message':{'content':"
            "'\\u00e9'}}],\n'id':'chatcmpl-1', 'model' : 'alias' "
            ",'usage':{'prompt_tokens':3,'completion_tokens':2}} ");
    ck_assert_int_eq((int)usage.prompt, 3);
    ck_assert_int_eq((int)usage.completion, 2);
}
END_TEST

START_TEST(what_is_not_there_is_not_made_up)
{
    BECOMES(AZL_OP_CHAT, "{}", "{}");
    BECOMES(AZL_OP_EMBEDDINGS, "{'data':[],'usage':null}",
            "{'data':[],'usage':null}");
    ck_assert_int_eq(usage.reported, 0);
    BECOMES(AZL_OP_MODERATIONS, "{'model':null,'x':{'model':'up'}}",
            "{'model':'alias','x':{'model':'up'}}");
    BECOMES(AZL_OP_IMAGES_GENERATIONS, "{'created':1,'data':[{'b64_json':''}]}",
            "{'created':1,'data':[{'b64_json':''}]}");
}
END_TEST

START_TEST(responses)
{
    static const azl_op_e ops[] = {AZL_OP_RESPONSES, AZL_OP_RESPONSE_GET,
                                   AZL_OP_RESPONSE_CANCEL};
    apr_size_t i;

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        BECOMES(ops[i],
                "{'id':'resp_1','model':'up','output':[{'id':'msg_1'}],"
                "'previous_response_id':'resp_0','usage':{'input_tokens':3,"
                "'output_tokens':2}}",
                "{'id':'sealed','model':'alias','output':[{'id':'msg_1'}],"
                "'previous_response_id':'sealed','usage':{'input_tokens':3,"
                "'output_tokens':2}}");
        ck_assert_int_eq((int)usage.prompt, 3);
        BECOMES(ops[i], "{'id':'keep','previous_response_id':null}",
                "{'id':'keep','previous_response_id':null}");
        BECOMES(ops[i], "{'id':7,'previous_response_id':''}",
                "{'id':7,'previous_response_id':''}");
    }
    BECOMES(AZL_OP_RESPONSE_DELETE, "{'id':'resp_1','deleted':true}",
            "{'id':'sealed','deleted':true}");
    /* a list of items: their ids are their own */
    BECOMES(AZL_OP_RESPONSE_INPUT_ITEMS,
            "{'object':'list','data':[{'id':'msg_1'}],'first_id':'msg_1'}",
            "{'object':'list','data':[{'id':'msg_1'}],'first_id':'msg_1'}");
}
END_TEST

#define USAGE "'usage':{'prompt_tokens':3,'completion_tokens':2}"

START_TEST(service_tiers)
{
    static const azl_op_e ops[] = {AZL_OP_CHAT, AZL_OP_COMPLETIONS,
                                   AZL_OP_RESPONSES, AZL_OP_RESPONSE_GET};
    apr_size_t i;

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        BECOMES(ops[i], "{'service_tier':'priority'," USAGE "}",
                "{'service_tier':'priority'," USAGE "}");
        ck_assert_int_eq(usage.other_tier, 1);
        ck_assert_int_eq((int)usage.prompt, 3);
        BECOMES(ops[i], "{" USAGE ",'service_tier':'flex'}",
                "{" USAGE ",'service_tier':'flex'}");
        ck_assert_int_eq(usage.other_tier, 1);
        BECOMES(ops[i], "{'service_tier':'default'," USAGE "}",
                "{'service_tier':'default'," USAGE "}");
        ck_assert_int_eq(usage.other_tier, 0);
        /* somebody else's */
        BECOMES(ops[i], "{'x':{'service_tier':'flex'}," USAGE "}",
                "{'x':{'service_tier':'flex'}," USAGE "}");
        ck_assert_int_eq(usage.other_tier, 0);
    }
}
END_TEST

START_TEST(no_documents)
{
    static const char *const docs[] = {
        "", "null", "[]", "'text'", "{", "{}x", "{'a':1", "{'a' 1}", "<html>"};
    apr_size_t i;

    for (i = 0; i < sizeof(docs) / sizeof(docs[0]); ++i) {
        BECOMES(AZL_OP_CHAT, docs[i], "EINVAL");
    }
    BECOMES(AZL_OP_CHAT,
            apr_pstrcat(azl_test_pool, "{", azl_test_repeat("'a':1,", 128),
                        "'a':1}", NULL),
            "EINVAL");
}
END_TEST

START_TEST(cut_anywhere)
{
    const char *doc = quoted("{'model':'up','usage':{'prompt_tokens':1},'x':"
                             "[1,{'y':'\\n'}]}");
    apr_size_t i;

    for (i = 0; i < strlen(doc); ++i) {
        BECOMES(AZL_OP_CHAT, apr_pstrmemdup(azl_test_pool, doc, i), "EINVAL");
    }
}
END_TEST

START_TEST(no_room)
{
    static const char doc[] = "{'model':'up'}";
    apr_size_t room;

    for (room = 1; room < sizeof("{'model':'alias'}") - 1; ++room) {
        ck_assert_str_eq(rewritten_into(room, AZL_OP_CHAT, doc), "ENOSPC");
    }
    ck_assert_str_eq(rewritten_into(room, AZL_OP_CHAT, doc),
                     quoted("{'model':'alias'}"));
}
END_TEST

TCase *azl_test_reply(void)
{
    TCase *tc = azl_test_tcase("reply");

    tcase_add_test(tc, chat);
    tcase_add_test(tc, what_is_not_there_is_not_made_up);
    tcase_add_test(tc, responses);
    tcase_add_test(tc, service_tiers);
    tcase_add_test(tc, no_documents);
    tcase_add_test(tc, cut_anywhere);
    tcase_add_test(tc, no_room);
    return tc;
}
