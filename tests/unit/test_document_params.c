#include "document_fixture.h"

static const struct {
    const char *body;
    const char *left;
    const char *names;
} dropping[] = {
    {"{'n':1}", "{'n':1}", NULL},
    {"{'x':1}", "{}", "x"},
    {"{ 'x' : 1 }", "{  }", "x"},
    {"{'x':1,'y':2}", "{}", "x,y"},
    {"{'x':1,'n':1}", "{'n':1}", "x"},
    {"{'n':1,'x':1}", "{'n':1}", "x"},
    {"{'n':1 , 'x':[1,{}] }", "{'n':1 }", "x"},
    {"{'n':1,'x':1,'user':'u'}", "{'n':1,'user':'u'}", "x"},
    {"{'x':1,'n':1,'y':2,'z':3,'user':'u','w':4,'v':5}", "{'n':1,'user':'u'}",
     "x,y,z,w,v"},
    {"{\n 'x':1,\n 'n':1,\n 'y':2\n}", "{\n 'n':1\n}", "x,y"},
    /* a name that is the client's own text is dropped but not repeated */
    {"{'n':1,'my secret':1,'x':1}", "{'n':1}", "x"},
    {"{'n':1,'\\u00e9':1}", "{'n':1}", NULL},
    {"{'n':1,'':1}", "{'n':1}", NULL},
};

START_TEST(unknown_members_are_dropped)
{
    ck_assert(reads(AZL_OP_CHAT, AZL_PARAMS_DROP, dropping[_i].body));
    ck_assert_str_eq(without_drops(), quoted(dropping[_i].left));
    if (dropping[_i].names) {
        ck_assert_str_eq(doc.dropped, dropping[_i].names);
    }
    else {
        ck_assert_ptr_null(doc.dropped);
    }
    ck_assert_int_eq(doc.empty, !strstr(dropping[_i].left, "'n'"));
}
END_TEST

/* Each surface's own members, written down a second time. */
static const struct {
    azl_op_e op;
    const char *names;
} surfaces[] = {
    {AZL_OP_CHAT,
     "messages model audio frequency_penalty presence_penalty function_call "
     "functions logit_bias logprobs top_logprobs max_completion_tokens "
     "max_tokens metadata modalities moderation n parallel_tool_calls "
     "prediction prompt_cache_key prompt_cache_options prompt_cache_retention "
     "reasoning_effort response_format safety_identifier seed service_tier "
     "stop store stream stream_options temperature top_p tool_choice tools "
     "user verbosity web_search_options data_sources user_security_context"},
    {AZL_OP_COMPLETIONS,
     "model prompt best_of echo frequency_penalty logit_bias logprobs "
     "max_tokens n presence_penalty seed stop stream stream_options suffix "
     "temperature top_p user"},
    {AZL_OP_EMBEDDINGS,
     "input model dimensions encoding_format user input_type"},
    {AZL_OP_RESPONSES,
     "model input instructions background context_management conversation "
     "include max_output_tokens max_tool_calls metadata moderation "
     "parallel_tool_calls previous_response_id prompt prompt_cache_key "
     "prompt_cache_options prompt_cache_retention reasoning "
     "safety_identifier service_tier store stream stream_options temperature "
     "text tool_choice tools top_logprobs top_p truncation user"},
    {AZL_OP_MODERATIONS, "input model"},
    {AZL_OP_IMAGES_GENERATIONS,
     "prompt model background moderation n output_compression output_format "
     "partial_images quality response_format size stream style user"},
    {AZL_OP_IMAGES_EDITS,
     "image images prompt background input_fidelity mask model moderation n "
     "output_compression output_format partial_images quality "
     "response_format size stream user"},
    {AZL_OP_AUDIO_SPEECH, "input model voice instructions response_format "
                          "speed stream_format"},
};

#define NSURFACES ((int)(sizeof(surfaces) / sizeof(surfaces[0])))

/* Unknown members around every one that chats have. */
START_TEST(as_many_drops_as_can_be)
{
    char *names = apr_pstrdup(azl_test_pool, surfaces[0].names);
    const char *left = "{";
    const char *body = "{'x':1";
    int n = 0;
    char *last;
    char *name;

    ck_assert_int_eq(surfaces[0].op, AZL_OP_CHAT);
    for (name = apr_strtok(names, " ", &last); name;
         name = apr_strtok(NULL, " ", &last)) {
        const char *value = strcmp(name, "model") ? "null" : "'m'";

        body = apr_psprintf(azl_test_pool, "%s,'%s':%s,'x%d':1", body, name,
                            value, n);
        left = apr_psprintf(azl_test_pool, "%s%s'%s':%s", left, n ? "," : "",
                            name, value);
        ++n;
    }
    ck_assert(reads(AZL_OP_CHAT, AZL_PARAMS_DROP,
                    apr_pstrcat(azl_test_pool, body, "}", NULL)));
    ck_assert_int_eq(doc.ndrops, n + 1);
    ck_assert_str_eq(without_drops(),
                     quoted(apr_pstrcat(azl_test_pool, left, "}", NULL)));
}
END_TEST

START_TEST(unknown_members_are_refused)
{
    ck_assert_str_eq(refusal(AZL_OP_CHAT, AZL_PARAMS_REJECT, "{'top_k':5}"),
                     "unknown_parameter top_k");
    ck_assert_str_eq(err.message, "Unknown parameter: 'top_k'.");
    ck_assert_str_eq(
        refusal(AZL_OP_CHAT, AZL_PARAMS_REJECT, "{'tell me a secret':5}"),
        "unknown_parameter");
    ck_assert_ptr_null(strstr(err.message, "secret"));
    ck_assert_str_eq(
        refusal(AZL_OP_EMBEDDINGS, AZL_PARAMS_REJECT, "{'messages':[]}"),
        "unknown_parameter messages");
}
END_TEST

START_TEST(every_member_is_known_where_it_belongs)
{
    char *names = apr_pstrdup(azl_test_pool, surfaces[_i].names);
    char *last;
    char *name;

    for (name = apr_strtok(names, " ", &last); name;
         name = apr_strtok(NULL, " ", &last)) {
        const char *value = strcmp(name, "model") ? "null" : "'m'";

        ck_assert_msg(
            reads(surfaces[_i].op, AZL_PARAMS_REJECT,
                  apr_psprintf(azl_test_pool, "{'%s':%s}", name, value)),
            "%s is refused", name);
    }
    ck_assert_str_eq(refusal(surfaces[_i].op, AZL_PARAMS_REJECT, "{'file':1}"),
                     "unknown_parameter file");
}
END_TEST

TCase *azl_test_document_params(void)
{
    TCase *tc = azl_test_tcase("document_params");

    tcase_add_loop_test(tc, unknown_members_are_dropped, 0,
                        (int)(sizeof(dropping) / sizeof(dropping[0])));
    tcase_add_test(tc, as_many_drops_as_can_be);
    tcase_add_test(tc, unknown_members_are_refused);
    tcase_add_loop_test(tc, every_member_is_known_where_it_belongs, 0,
                        NSURFACES);
    return tc;
}
