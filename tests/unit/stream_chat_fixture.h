/*
 * stream_chat_fixture: what the tests of chat streams share.
 */
#ifndef STREAM_CHAT_FIXTURE_H
#define STREAM_CHAT_FIXTURE_H

#include "stream_fixture.h"

#define USAGE "{'prompt_tokens':3,'completion_tokens':2,'total_tokens':5}"
#define CALLS(calls) CHUNK(DELTA("{'tool_calls':[" calls "]}"))
#define SENT_CALLS(calls) SENT(DELTA("{'tool_calls':[" calls "]}"))
#define FIRST_CALL                                                             \
    "{'index':0,'id':'a','type':'function','function':{'name':'f',"            \
    "'arguments':''}}"

static stream_case_t c;

static inline void setup(void)
{
    memset(&c, 0, sizeof(c));
    c.rules.op = AZL_OP_CHAT;
}

/* The stream becomes this, and ends well. */
static inline void becomes(const char *in, const char *expected)
{
    check_stream(&c, in, expected, ALL_WELL);
}

#endif /* STREAM_CHAT_FIXTURE_H */
