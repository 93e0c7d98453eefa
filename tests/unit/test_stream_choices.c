#include "stream_chat_fixture.h"

/* clang-format off: streams of macros and strings read like streams */

START_TEST(tool_calls_name_themselves_once)
{
    setup();
    becomes(
        CHUNK(DELTA("{'role':'assistant','tool_calls':[" FIRST_CALL "]}"))
        CALLS(
            "{'index':0,'id':null,'type':null,'function':{'name':null,"
            "'arguments':'{'}}")
        CALLS(
            "{'index':0,'id':'','type':'','function':{'name':'',"
            "'arguments':'}'}}")
        CALLS(
            "{'index':0,'id':'a','type':'function','function':{'name':'f',"
            "'arguments':' '}}")
        CALLS(
            "{'index':1,'id':'b','type':'function','function':{'name':'g',"
            "'arguments':'{}'}}")
        CALLS("{'index':0,'function':{'arguments':null}}") CHUNK(END_OF(0)),
        SENT(DELTA("{'role':'assistant','tool_calls':[" FIRST_CALL "]}"))
        SENT_CALLS("{'index':0,'function':{'arguments':'{'}}")
        SENT_CALLS("{'index':0,'function':{'arguments':'}'}}")
        SENT_CALLS("{'index':0,'function':{'arguments':' '}}")
        SENT_CALLS(
            "{'index':1,'id':'b','type':'function','function':{'name':'g',"
            "'arguments':'{}'}}")
        SENT_CALLS("{'index':0,'function':{}}") SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(tool_calls_are_completed)
{
    setup();
    /* arguments a text, if an empty one; a function is a function */
    becomes(
        CHUNK(DELTA(ROLE))
        CALLS("{'index':0,'id':'a','function':{'name':'f'}}")
        CALLS(
            "{'index':1,'id':'b','type':null,'function':{'name':'g',"
            "'arguments':null}}")
        CALLS("{'index':2,'id':'c','type':'custom','custom':{'name':'h'}}")
        CALLS("{'index':2,'custom':{'name':'h','input':'x'}}")
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE))
        SENT_CALLS(
            "{'index':0,'id':'a','function':{'name':'f','arguments':''},"
            "'type':'function'}")
        SENT_CALLS(
            "{'index':1,'id':'b','function':{'name':'g','arguments':''},"
            "'type':'function'}")
        SENT_CALLS(
            "{'index':2,'id':'c','type':'custom','custom':{'name':'h',"
            "'input':''}}")
        SENT_CALLS("{'index':2,'custom':{'input':'x'}}") SENT(END_OF(0)) DONE);
}
END_TEST

#define NEW_CALL(id, name)                                                     \
    "{'id':'" id "','type':'function','function':{'name':'" name               \
    "','arguments':''}}"
#define NEW_SENT(n, id, name)                                                  \
    "{'id':'" id "','type':'function','function':{'name':'" name               \
    "','arguments':''},'index':" #n "}"

START_TEST(tool_calls_without_numbers)
{
    setup();
    /* an id begins a call or goes on with the one that has it; without an id
     * a name begins one, and neither goes on with the last */
    becomes(
        CHUNK(DELTA(ROLE)) CALLS(NEW_CALL("a", "f") "," NEW_CALL("b", "f"))
        CALLS("{'function':{'arguments':'1'}}")
        CALLS("{'id':'a','function':{'arguments':'2'}}")
        CALLS("{'index':null,'function':{'arguments':'3'}}")
        CALLS("{'function':{'name':'g','arguments':'4'}}")
        CALLS("{'function':{'arguments':'5'}}") CHUNK(END_OF(0)),
        SENT(DELTA(ROLE))
        SENT_CALLS(NEW_SENT(0, "a", "f") "," NEW_SENT(1, "b", "f"))
        SENT_CALLS("{'function':{'arguments':'1'},'index':1}")
        SENT_CALLS("{'function':{'arguments':'2'},'index':0}")
        SENT_CALLS("{'index':0,'function':{'arguments':'3'}}")
        SENT_CALLS(
            "{'function':{'name':'g','arguments':'4'},'index':2,"
            "'type':'function'}")
        SENT_CALLS("{'function':{'arguments':'5'},'index':2}")
        SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(tool_calls_count_from_zero)
{
    setup();
    becomes(
        CHUNK(DELTA(ROLE))
        CALLS(
            "{'index':7,'id':'a','type':'function','function':{'name':'f',"
            "'arguments':''}}")
        CALLS("{'index':7,'function':{'arguments':'1'}}")
        CALLS(
            "{'index':2,'id':'b','type':'function','function':{'name':'f',"
            "'arguments':''}}")
        CALLS("{'index':7,'function':{'arguments':'2'}}") CHUNK(END_OF(0)),
        SENT(DELTA(ROLE))
        SENT_CALLS(
            "{'index':0,'id':'a','type':'function','function':{'name':'f',"
            "'arguments':''}}")
        SENT_CALLS("{'index':0,'function':{'arguments':'1'}}")
        SENT_CALLS(
            "{'index':1,'id':'b','type':'function','function':{'name':'f',"
            "'arguments':''}}")
        SENT_CALLS("{'index':0,'function':{'arguments':'2'}}")
        SENT(END_OF(0)) DONE);
    /* numbers and none mixed, and members that are not what they should be */
    becomes(
        CHUNK(DELTA(ROLE)) CALLS(FIRST_CALL)
        CALLS("{'index':0,'function':'x','x':null,'y':1,'custom':7}")
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE)) SENT_CALLS(FIRST_CALL)
        SENT_CALLS("{'index':0,'function':'x','y':1,'custom':7}")
        SENT(END_OF(0)) DONE);
    /* no calls at all */
    becomes(
        CHUNK(DELTA(ROLE))
        CALLS(
            "7,null,{'index':0,'id':'a','type':'function','function':{"
            "'name':'f','arguments':''}},[]")
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE)) SENT_CALLS(FIRST_CALL) SENT(END_OF(0)) DONE);
}
END_TEST

/* One that counts further than there can be calls: which of them this is could
 * not be remembered. (Calls without end: test_stream_calls.c.) */
START_TEST(no_numbers_beyond_those_of_calls)
{
    setup();
    check_stream(
        &c,
        CHUNK(DELTA(ROLE)) CALLS("{'index':127,'id':'a'}")
        CALLS("{'index':128,'id':'z'}," FIRST_CALL) CHUNK(END_OF(0)),
        SENT(DELTA(ROLE)) SENT_CALLS("{'index':0,'id':'a'}")
        "data: {'error':{'message':'The upstream service called more tools in "
        "one answer than can be passed on.','type':'server_error',"
        "'param':null,'code':'too_many_tool_calls'}}\n\n",
        CONTENT | CLOSED | FAILED);
}
END_TEST

START_TEST(choices_end_one_by_one)
{
    setup();
    /* what comes for a choice that has ended is left out */
    becomes(
        CHUNK(TWO_ROLE(0)) CHUNK(TWO_ROLE(1)) CHUNK(TWO(0, "a"))
        CHUNK(END_OF(0)) CHUNK(TWO(0, "late") "," TWO(1, "b"))
        CHUNK(TWO(1, "c") "," END_OF(0)) CHUNK(END_OF(1))
        CHUNK(TWO(1, "late")) DONE,
        SENT(TWO_ROLE(0)) SENT(TWO_ROLE(1)) SENT(TWO(0, "a")) SENT(END_OF(0))
        SENT(TWO(1, "b")) SENT(TWO(1, "c")) SENT(END_OF(1)) DONE);
    /* one after the other */
    becomes(
        CHUNK(TWO_ROLE(0)) CHUNK(END_OF(0)) CHUNK(TWO_ROLE(1))
        CHUNK(END_OF(1)) DONE,
        SENT(TWO_ROLE(0)) SENT(END_OF(0)) SENT(TWO_ROLE(1)) SENT(END_OF(1))
        DONE);
    /* one of them cut off: [DONE] does not make it whole */
    check_stream(&c,
        CHUNK(TWO_ROLE(0) "," TWO_ROLE(1)) CHUNK(END_OF(0)) DONE,
        SENT(TWO_ROLE(0) "," TWO_ROLE(1)) SENT(END_OF(0)) CUT,
        CONTENT | CLOSED);
}
END_TEST

START_TEST(choices_that_are_none)
{
    setup();
    becomes(
        CHUNK("null") CHUNK("7,[]," DELTA(ROLE) ",'x'")
        CHUNK("{'index':128,'delta':{'content':'x'}}")
        CHUNK("{'index':-1,'delta':{'content':'x'}}")
        CHUNK("{'index':'0','delta':{'content':'x'}}")
        CHUNK("{'delta':{'content':'x'}}") CHUNK("{'index':0,'delta':'text'}")
        CHUNK("{'index':0,'delta':{'content':'y'},'finish_reason':''}")
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE))
        SENT("{'delta':{'content':'x'},'index':0,'finish_reason':null}")
        SENT("{'index':0,'delta':{'content':'y'},'finish_reason':null}")
        SENT(END_OF(0)) DONE);
}
END_TEST

START_TEST(what_else_a_choice_says)
{
    setup();
    becomes(
        CHUNK(DELTA(ROLE))
        CHUNK(
            "{'index':0,'delta':{},'logprobs':{'content':[]},"
            "'finish_reason':null}")
        CHUNK("{'index':0,'delta':{},'logprobs':null,'finish_reason':null}")
        CHUNK(
            "{'index':0,'delta':{'audio':{'id':'a','data':'x'}},"
            "'finish_reason':null}")
        CHUNK(END_OF(0)),
        SENT(DELTA(ROLE))
        SENT(
            "{'index':0,'delta':{},'logprobs':{'content':[]},"
            "'finish_reason':null}")
        SENT(
            "{'index':0,'delta':{'audio':{'id':'a','data':'x'}},"
            "'finish_reason':null}")
        SENT(END_OF(0)) DONE);
}
END_TEST

TCase *azl_test_stream_choices(void)
{
    TCase *tc = azl_test_tcase("stream_choices");

    tcase_add_test(tc, tool_calls_name_themselves_once);
    tcase_add_test(tc, tool_calls_are_completed);
    tcase_add_test(tc, tool_calls_without_numbers);
    tcase_add_test(tc, tool_calls_count_from_zero);
    tcase_add_test(tc, no_numbers_beyond_those_of_calls);
    tcase_add_test(tc, choices_end_one_by_one);
    tcase_add_test(tc, choices_that_are_none);
    tcase_add_test(tc, what_else_a_choice_says);
    return tc;
}
