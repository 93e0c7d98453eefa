/*
 * gemini_answer_fixture: answers of Google. JSON is written with single quotes,
 * as in dialect_fixture.h.
 */
#ifndef GEMINI_ANSWER_FIXTURE_H
#define GEMINI_ANSWER_FIXTURE_H

#include "gemini_fixture.h"
#include "stream_fixture.h"

static azl_exchange_t *ex;

static inline void setup(void)
{
    ex = exchange_at(azl_test_pool, GEMINI, "gemini-3-pro");
}

#define USAGE                                                                  \
    "'usageMetadata':{'promptTokenCount':5,'toolUsePromptTokenCount':2,"       \
    "'candidatesTokenCount':3,'thoughtsTokenCount':4,"                         \
    "'cachedContentTokenCount':1,'totalTokenCount':14}"
#define USED                                                                   \
    ",'usage':{'prompt_tokens':7,'completion_tokens':7,'total_tokens':14,"     \
    "'prompt_tokens_details':{'cached_tokens':1,'cache_write_tokens':0},"      \
    "'completion_tokens_details':{'reasoning_tokens':4}}"
#define CHOICE(n, more, reason)                                                \
    "{'index':" #n ",'message':{'role':'assistant'," more "},"                 \
    "'logprobs':null,'finish_reason':'" reason "'}"
#define SAYS(text) "'content':" text ",'refusal':null"
#define PARTS(parts) "'content':{'parts':[" parts "],'role':'model'}"
#define ONE(parts, reason)                                                     \
    "'candidates':[{" PARTS(parts) ",'finishReason':'" reason "'}]"
#define CALLS(list) ",'tool_calls':[" list "]"
#define CALL(id, name, args)                                                   \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"          \
    "'arguments':'" args "'}}"

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

#endif /* GEMINI_ANSWER_FIXTURE_H */
