#include "stream_chat_fixture.h"

/* clang-format off: streams of macros and strings read like streams */

START_TEST(usage_beside_the_last_delta)
{
    static const char in[] =
        CHUNK(DELTA(ROLE)) "data: {" NAMES "'model':'up','choices':[" END_OF(
            0) "],'usage':" USAGE "}\n\n" DONE;

    setup();
    c.usage = "3/2";
    becomes(in, SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
    c.rules.include_usage = 1;
    becomes(in,
        SENT(DELTA(ROLE)) "data: {" NAMES "'model':'alias','choices':["
        END_OF(0) "],'usage':null}\n\n"
        "data: {" NAMES "'model':'alias','choices':[],'usage':" USAGE "}\n\n"
        DONE);
}
END_TEST

START_TEST(usage_is_told_once)
{
    setup();
    c.usage = "3/2";
    c.rules.include_usage = 1;
    /* counted on with every chunk, then alone, then again: the first that
     * stands alone is the client's, the last is ours */
    becomes(
        "data: {'usage':{'prompt_tokens':3,'completion_tokens':1},'id':'c1',"
        "'object':'chat.completion.chunk','created':5,'model':'up','choices':["
        DELTA(ROLE) "]}\n\n"
        CHUNK(END_OF(0)) "data: {'usage':" USAGE "," NAMES
        "'model':'up','choices':[]}\n\n"
        "data: {'usage':" USAGE "," NAMES "'model':'up'}\n\n"
        "data: {'usage':7," NAMES "'model':'up','choices':[]}\n\n"
        DONE,
        "data: {'usage':null," NAMES "'model':'alias','choices':["
        DELTA(ROLE) "]}\n\n"
        SENT(END_OF(0)) "data: {'usage':" USAGE "," NAMES
        "'model':'alias','choices':[]}\n\n"
        DONE);
    /* no choices, not even none */
    becomes(
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) "data: {" NAMES
        "'model':'up','choices':null,'usage':" USAGE "}\n\n"
        DONE,
        SENT(DELTA(ROLE)) SENT(END_OF(0)) "data: {" NAMES
        "'model':'alias','choices':[],'usage':" USAGE "}\n\n"
        DONE);
    becomes(
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) "data: {" NAMES
        "'model':'up','usage':" USAGE "}\n\n"
        DONE,
        SENT(DELTA(ROLE)) SENT(END_OF(0)) "data: {" NAMES
        "'model':'alias','usage':" USAGE ",'choices':[]}\n\n"
        DONE);
}
END_TEST

START_TEST(usage_with_no_names)
{
    setup();
    c.usage = "3/2";
    c.rules.include_usage = 1;
    becomes(
        "data: {'choices':[" END_OF(0) "],'usage':\ndata: " USAGE "}\n\n",
        "data: {'choices':[{'index':0,'delta':{'role':'assistant'},"
        "'finish_reason':'stop'}],'usage': null,"
        "'object':'chat.completion.chunk','model':'alias'}\n\n"
        "data: {'id':'','object':'chat.completion.chunk','created':0,"
        "'model':'alias','choices':[],'usage':" USAGE "}\n\n"
        DONE);
}
END_TEST

START_TEST(service_tiers)
{
#define TIER(model, tier, choices)                                             \
    "data: {" NAMES "'service_tier':" tier ",'model':'" model "','choices':["  \
    choices "]}\n\n"
#define LAST_TIER(model, tier)                                                 \
    "data: {" NAMES "'service_tier':" tier ",'model':'" model "','choices':["  \
    "],'usage':" USAGE "}\n\n"
    setup();
    c.usage = "3/2";
    c.other_tier = 1;
    becomes(
        TIER("up", "'priority'", DELTA(ROLE)) TIER("up", "null", END_OF(0))
        LAST_TIER("up", "null") DONE,
        TIER("alias", "'priority'", DELTA(ROLE))
        TIER("alias", "null", END_OF(0)) DONE);
    /* beside the usage, which this client does not get */
    becomes(
        TIER("up", "'auto'", DELTA(ROLE)) TIER("up", "'auto'", END_OF(0))
        LAST_TIER("up", "'flex'") DONE,
        TIER("alias", "'auto'", DELTA(ROLE)) TIER("alias", "'auto'", END_OF(0))
        DONE);
    c.other_tier = 0;
    becomes(
        TIER("up", "'default'", DELTA(ROLE)) TIER("up", "'default'", END_OF(0))
        LAST_TIER("up", "'default'") DONE,
        TIER("alias", "'default'", DELTA(ROLE))
        TIER("alias", "'default'", END_OF(0)) DONE);
}
END_TEST

START_TEST(usage_of_others)
{
    setup();
    c.usage = "9/4";
    becomes(
        CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)) "data: {" NAMES
        "'model':'up','choices':[],'usage':{'prompt_tokens':9,"
        "'completion_tokens':4,'total_tokens':13,'prompt_tokens_details':null,"
        "'reasoning_tokens':2}}\n\n"
        DONE,
        SENT(DELTA(ROLE)) SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(a_verdict_after_the_usage)
{
    static const char moderation[] =
        "data: {" NAMES "'model':'up','choices':[],'moderation':{'x':1},"
        "'usage':null,'obfuscation':'o'}\n\n" DONE;

    setup();
    becomes(
        apr_pstrcat(azl_test_pool,
            CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)),
            moderation,
            NULL),
        SENT(DELTA(ROLE)) SENT(END_OF(0)) "data: {" NAMES
        "'model':'alias','choices':[],'moderation':{'x':1}}\n\n"
        DONE);
    c.rules.include_usage = 1;
    c.usage = "3/2";
    becomes(
        apr_pstrcat(azl_test_pool,
            CHUNK(DELTA(ROLE)) CHUNK(END_OF(0)),
            "data: {" NAMES "'model':'up','choices':[],'usage':" USAGE "}\n\n",
            moderation,
            NULL),
        SENT(DELTA(ROLE)) SENT(END_OF(0)) "data: {" NAMES
        "'model':'alias','choices':[],'usage':" USAGE "}\n\n"
        "data: {" NAMES
        "'model':'alias','choices':[],'moderation':{'x':1},'usage':null}\n\n"
        DONE);
}
END_TEST

TCase *azl_test_stream_usage(void)
{
    TCase *tc = azl_test_tcase("stream_usage");

    tcase_add_test(tc, usage_beside_the_last_delta);
    tcase_add_test(tc, usage_is_told_once);
    tcase_add_test(tc, usage_with_no_names);
    tcase_add_test(tc, service_tiers);
    tcase_add_test(tc, usage_of_others);
    tcase_add_test(tc, a_verdict_after_the_usage);
    return tc;
}
