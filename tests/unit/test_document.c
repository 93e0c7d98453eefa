#include "azl_routing.h"
#include "document_fixture.h"

START_TEST(what_matters_is_found)
{
    ck_assert(reads(AZL_OP_CHAT, AZL_PARAMS_KEEP,
                    " {\n 'messages': [{'role':'user','content':'\\u00e9'}],"
                    " 'model' : 'a\\u002fb', 'stream':true,"
                    "'stream_options':{'include_usage':true}, 'x':{'model':1}"
                    "} "));
    ck_assert_str_eq(doc.model, "a/b");
    ck_assert_str_eq(azl_test_str(doc.model_raw), "\"a\\u002fb\"");
    ck_assert_int_eq(doc.stream, 1);
    ck_assert_int_eq(doc.include_usage, 1);
    ck_assert_str_eq(azl_test_str(doc.include_usage_raw), "true");
    ck_assert_int_eq((int)doc.insert_at, 2);
    ck_assert_int_eq(doc.empty, 0);
    ck_assert_int_eq(doc.multipart, 0);
    ck_assert_int_eq(doc.ndrops, 0);
    ck_assert_ptr_null(doc.dropped);
    ck_assert_ptr_null(doc.previous_response_id);
}
END_TEST

START_TEST(what_is_absent_is_empty)
{
    ck_assert(reads(AZL_OP_CHAT, AZL_PARAMS_KEEP, "{}"));
    ck_assert_ptr_null(doc.model);
    ck_assert_int_eq((int)doc.model_raw.len, 0);
    ck_assert_int_eq(doc.stream, 0);
    ck_assert_int_eq((int)doc.stream_options.raw.len, 0);
    ck_assert_int_eq(doc.empty, 1);
    ck_assert_int_eq((int)doc.insert_at, 1);

    ck_assert(reads(AZL_OP_CHAT, AZL_PARAMS_KEEP,
                    "{'stream':null,'stream_options':null,'model':''}"));
    ck_assert_int_eq(doc.stream, 0);
    ck_assert_int_eq(doc.include_usage, 0);
    ck_assert_int_eq(doc.stream_options.type, AZL_JSON_NULL);
    /* the Azure clients' way of naming the model in the path only */
    ck_assert_ptr_null(doc.model);
    ck_assert_str_eq(azl_test_str(doc.model_raw), "\"\"");
}
END_TEST

START_TEST(responses_go_on_from_others)
{
    ck_assert(reads(AZL_OP_RESPONSES, AZL_PARAMS_KEEP,
                    "{'previous_response_id':'resp_\\u0041'}"));
    ck_assert_str_eq(doc.previous_response_id, "resp_A");
    ck_assert_str_eq(azl_test_str(doc.previous_response_raw),
                     "\"resp_\\u0041\"");
    ck_assert(reads(AZL_OP_RESPONSES, AZL_PARAMS_KEEP,
                    "{'previous_response_id':null}"));
    ck_assert_ptr_null(doc.previous_response_id);
    /* nothing of a chat's */
    ck_assert(
        reads(AZL_OP_CHAT, AZL_PARAMS_KEEP, "{'previous_response_id':7}"));
    ck_assert_ptr_null(doc.previous_response_id);
}
END_TEST

START_TEST(streams_of_other_surfaces)
{
    ck_assert(
        reads(AZL_OP_AUDIO_SPEECH, AZL_PARAMS_KEEP, "{'stream_format':'sse'}"));
    ck_assert_int_eq(doc.stream, 1);
    ck_assert(reads(AZL_OP_AUDIO_SPEECH, AZL_PARAMS_KEEP,
                    "{'stream_format':'audio'}"));
    ck_assert_int_eq(doc.stream, 0);
    /* not a member of embeddings: it means nothing there */
    ck_assert(reads(AZL_OP_EMBEDDINGS, AZL_PARAMS_KEEP, "{'stream':'yes'}"));
    ck_assert_int_eq(doc.stream, 0);
    ck_assert(reads(AZL_OP_IMAGES_EDITS, AZL_PARAMS_KEEP,
                    "{'model':'m','stream':true}"));
    ck_assert_int_eq(doc.stream, 1);
    ck_assert_int_eq(doc.multipart, 0);
}
END_TEST

/* The prompt and the cache key as they were found, one after the other. */
static const char *affinity(azl_op_e op, const char *body)
{
    ck_assert(reads(op, AZL_PARAMS_KEEP, body));
    return apr_pstrcat(azl_test_pool, azl_test_str(doc.prompt), " ",
                       azl_test_str(doc.cache_key), NULL);
}

START_TEST(prompts_are_found)
{
    ck_assert_str_eq(affinity(AZL_OP_CHAT, "{}"), " ");
    ck_assert_str_eq(
        affinity(AZL_OP_CHAT, "{'n':1, 'messages' : [ {'role':'user'} ] }"),
        "[ {\"role\":\"user\"} ] ");
    ck_assert_str_eq(affinity(AZL_OP_COMPLETIONS, "{'prompt':'say'}"),
                     "\"say\" ");
    ck_assert_str_eq(affinity(AZL_OP_COMPLETIONS, "{'prompt':[1,2]}"),
                     "[1,2] ");
    ck_assert_str_eq(affinity(AZL_OP_RESPONSES, "{'input':'say'}"), "\"say\" ");
    /* nothing one could go by */
    ck_assert_str_eq(affinity(AZL_OP_CHAT, "{'messages':null}"), " ");
    ck_assert_str_eq(affinity(AZL_OP_COMPLETIONS, "{'prompt':{}}"), " ");
    ck_assert_str_eq(affinity(AZL_OP_MESSAGES, "{'messages':[1],'user':'u'}"),
                     "[1] ");
    /* members of other surfaces, and surfaces without prompt caches */
    ck_assert_str_eq(affinity(AZL_OP_CHAT, "{'prompt':'p','input':'i'}"), " ");
    ck_assert_str_eq(affinity(AZL_OP_EMBEDDINGS, "{'input':'i','user':'u'}"),
                     " ");
    ck_assert_str_eq(
        affinity(AZL_OP_IMAGES_GENERATIONS, "{'prompt':'p','user':'u'}"), " ");
}
END_TEST

START_TEST(long_instructions_are_the_prompt)
{
    const char *fill = azl_test_repeat("x", AZL_AFFINITY_PREFIX - 2);
    const char *enough =
        apr_pstrcat(azl_test_pool, "'instructions':'", fill, "'", NULL);
    const char *less =
        apr_pstrcat(azl_test_pool, "'instructions':'", fill + 1, "'", NULL);
    const char *found = apr_pstrcat(azl_test_pool, "\"", fill, "\" ", NULL);

    ck_assert_str_eq(
        affinity(AZL_OP_RESPONSES, apr_pstrcat(azl_test_pool, "{", enough,
                                               ",'input':'i'}", NULL)),
        found);
    ck_assert_str_eq(
        affinity(AZL_OP_RESPONSES, apr_pstrcat(azl_test_pool, "{'input':'i',",
                                               enough, "}", NULL)),
        found);
    ck_assert_str_eq(
        affinity(AZL_OP_RESPONSES,
                 apr_pstrcat(azl_test_pool, "{", less, ",'input':'i'}", NULL)),
        "\"i\" ");
    ck_assert_str_eq(
        affinity(AZL_OP_RESPONSES,
                 apr_pstrcat(azl_test_pool, "{'input':'i',", less, "}", NULL)),
        "\"i\" ");
    /* a template is no prompt */
    ck_assert_str_eq(
        affinity(AZL_OP_RESPONSES, "{'prompt':'pmpt_1','input':null}"), " ");
}
END_TEST

START_TEST(cache_keys_are_found)
{
    static const char *const best[] = {"'prompt_cache_key':'k'",
                                       "'safety_identifier':'s'", "'user':'u'"};
    static const char *const found[] = {" \"k\"", " \"s\"", " \"u\""};
    int i, j;

    for (i = 0; i < 3; ++i) {
        ck_assert_str_eq(
            affinity(AZL_OP_RESPONSES,
                     apr_pstrcat(azl_test_pool, "{", best[i], "}", NULL)),
            found[i]);
        for (j = 0; j < 3; ++j) {
            if (i != j) {
                ck_assert_str_eq(
                    affinity(AZL_OP_CHAT,
                             apr_pstrcat(azl_test_pool, "{", best[i], ",",
                                         best[j], "}", NULL)),
                    found[i < j ? i : j]);
            }
        }
    }
    ck_assert_str_eq(affinity(AZL_OP_COMPLETIONS, "{'user':'u'}"), " \"u\"");
    /* what says nothing hides nothing */
    ck_assert_str_eq(affinity(AZL_OP_CHAT,
                              "{'prompt_cache_key':'','safety_identifier':null,"
                              "'user':'u'}"),
                     " \"u\"");
    ck_assert_str_eq(affinity(AZL_OP_CHAT, "{'user':7}"), " ");
}
END_TEST

static int wants_base64(azl_op_e op, const char *body)
{
    ck_assert(reads(op, AZL_PARAMS_KEEP, body));
    return doc.base64;
}

START_TEST(vectors_as_base64)
{
    ck_assert(wants_base64(AZL_OP_EMBEDDINGS, "{'encoding_format':'base64'}"));
    ck_assert(!wants_base64(AZL_OP_EMBEDDINGS, "{'encoding_format':'float'}"));
    ck_assert(!wants_base64(AZL_OP_EMBEDDINGS, "{'encoding_format':null}"));
    ck_assert(!wants_base64(AZL_OP_EMBEDDINGS, "{}"));
    /* elsewhere it is no member of the surface */
    ck_assert(!wants_base64(AZL_OP_CHAT, "{'encoding_format':'base64'}"));
}
END_TEST

START_TEST(rerank_has_members)
{
    ck_assert(reads(AZL_OP_RERANK, AZL_PARAMS_REJECT,
                    "{'model':'m','query':'q','documents':['d'],'top_n':1,"
                    "'return_documents':true,'rank_fields':['text'],"
                    "'max_chunks_per_doc':1,'max_tokens_per_doc':1,"
                    "'priority':0}"));
    ck_assert(!reads(AZL_OP_EMBEDDINGS, AZL_PARAMS_REJECT, "{'query':'q'}"));
}
END_TEST

static int choices(azl_op_e op, const char *body)
{
    ck_assert(reads(op, AZL_PARAMS_KEEP, body));
    return doc.choices;
}

START_TEST(choices_that_are_asked_for)
{
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{}"), 1);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':2}"), 2);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':null}"), 1);
    /* a chat has one prompt, whatever it says */
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':2,'prompt':['a','b']}"), 2);
    /* for the upstream to refuse */
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':0}"), 1);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':-2}"), 1);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':2.5}"), 1);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':'2'}"), 1);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':128}"), 128);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':129}"), AZL_CHOICES_MAX);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':9223372036854775807}"),
                     AZL_CHOICES_MAX);
    ck_assert_int_eq(choices(AZL_OP_CHAT, "{'n':9223372036854775808}"), 1);
    /* where answers are no choices */
    ck_assert_int_eq(choices(AZL_OP_RESPONSES, "{'n':2}"), 1);
    ck_assert_int_eq(choices(AZL_OP_IMAGES_GENERATIONS, "{'n':2}"), 1);
}
END_TEST

START_TEST(choices_of_several_prompts)
{
    const azl_op_e op = AZL_OP_COMPLETIONS;

    ck_assert_int_eq(choices(op, "{'prompt':'a'}"), 1);
    ck_assert_int_eq(choices(op, "{'prompt':'a','n':3}"), 3);
    ck_assert_int_eq(choices(op, "{'prompt':['a']}"), 1);
    ck_assert_int_eq(choices(op, "{'prompt':['a','b'],'n':3}"), 6);
    ck_assert_int_eq(choices(op, "{'n':3,'prompt':[ 'a' , 'b' ]}"), 6);
    /* tokens: of one prompt, and of several */
    ck_assert_int_eq(choices(op, "{'prompt':[1,2,3]}"), 1);
    ck_assert_int_eq(choices(op, "{'prompt':[[1,2],[3],[4]]}"), 3);
    ck_assert_int_eq(choices(op, "{'prompt':[],'n':2}"), 2);
    ck_assert_int_eq(choices(op, "{'prompt':null}"), 1);
    ck_assert_int_eq(choices(op, "{'prompt':{'a':'b','c':'d'}}"), 1);
    ck_assert_int_eq(
        choices(op, "{'prompt':['a','b'],'n':9223372036854775807}"),
        AZL_CHOICES_MAX);
    ck_assert_int_eq(choices(op, apr_pstrcat(azl_test_pool, "{'prompt':[",
                                             azl_test_repeat("'a',", 64),
                                             "'a'],'n':2}", NULL)),
                     AZL_CHOICES_MAX);
}
END_TEST

START_TEST(wrong_types)
{
    REFUSES(AZL_OP_CHAT, "{'model':1}", "invalid_type model");
    REFUSES(AZL_OP_CHAT, "{'model':null}", "invalid_type model");
    REFUSES(AZL_OP_CHAT, "{'model':['a']}", "invalid_type model");
    REFUSES(AZL_OP_CHAT, "{'model':'\\u0000'}", "invalid_type model");
    REFUSES(AZL_OP_CHAT, "{'model':'\\ud800'}", "invalid_type model");
    REFUSES(AZL_OP_CHAT, "{'stream':'true'}", "invalid_type stream");
    REFUSES(AZL_OP_CHAT, "{'stream':1}", "invalid_type stream");
    REFUSES(AZL_OP_CHAT, "{'stream_options':true}",
            "invalid_type stream_options");
    REFUSES(AZL_OP_CHAT, "{'stream_options':[]}",
            "invalid_type stream_options");
    REFUSES(AZL_OP_CHAT, "{'stream_options':{'include_usage':1}}",
            "invalid_type stream_options.include_usage");
    REFUSES(AZL_OP_RESPONSES, "{'previous_response_id':7}",
            "invalid_type previous_response_id");
    REFUSES(AZL_OP_RESPONSES, "{'background':1}", "invalid_type background");
    REFUSES(AZL_OP_RESPONSES, "{'previous_response_id':'\\u0000'}",
            "invalid_type previous_response_id");
}
END_TEST

START_TEST(nothing_twice)
{
    static const char *const names[] = {"model",
                                        "stream",
                                        "stream_options",
                                        "previous_response_id",
                                        "n",
                                        "max_tokens",
                                        "max_completion_tokens",
                                        "messages",
                                        "input",
                                        "tools",
                                        "store",
                                        "temperature"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        const char *body = apr_psprintf(
            azl_test_pool, "{'%s':null,'x':1,'%s':null}", names[i], names[i]);

        /* whether the surface has the member or not */
        if (i > 0) {
            REFUSES(AZL_OP_CHAT, body,
                    apr_pstrcat(azl_test_pool, "duplicate_parameter ", names[i],
                                NULL));
        }
    }
    REFUSES(AZL_OP_CHAT, "{'model':'a','model':'a'}",
            "duplicate_parameter model");
    REFUSES(AZL_OP_CHAT,
            "{'stream_options':{'include_usage':true,'include_usage':true}}",
            "duplicate_parameter stream_options");
    REFUSES(AZL_OP_CHAT, "{'stream_options':{'x':1,'x':2}}",
            "duplicate_parameter stream_options");
    /* what nobody here reads may come as often as it likes */
    REFUSES(AZL_OP_CHAT, "{'x':1,'x':2}", "");
    REFUSES(AZL_OP_CHAT, "{'messages':[{'model':1,'model':2}]}", "");
}
END_TEST

START_TEST(no_second_spelling)
{
    REFUSES(AZL_OP_CHAT, "{'mod\\u0065l':'a'}", "ambiguous_parameter model");
    REFUSES(AZL_OP_CHAT, "{'\\u006d\\u006f\\u0064\\u0065\\u006c':'a'}",
            "ambiguous_parameter model");
    REFUSES(AZL_OP_CHAT, "{'m\\u0065ssages':[]}",
            "ambiguous_parameter messages");
    REFUSES(AZL_OP_CHAT, "{'api\\u005fbase':1}",
            "ambiguous_parameter api_base");
    REFUSES(AZL_OP_CHAT, "{'model':'a','Model':'b'}",
            "ambiguous_parameter model");
    REFUSES(AZL_OP_CHAT, "{'API_KEY':1}", "ambiguous_parameter api_key");
    REFUSES(AZL_OP_CHAT, "{'M\\u006fdel':'b'}", "ambiguous_parameter model");
    REFUSES(AZL_OP_CHAT, "{'stream_options':{'includ\\u0065_usage':true}}",
            "ambiguous_parameter stream_options");
    REFUSES(AZL_OP_CHAT, "{'stream_options':{'Include_usage':true}}",
            "ambiguous_parameter stream_options");
    /* names that are none of ours */
    REFUSES(AZL_OP_CHAT, "{'Messages':1,'mod\\u0000el':1,'\\ud800':1}", "");
    REFUSES(AZL_OP_CHAT, "{'\\u00e9':1,'n\\u006fpe':1,'M\\u0065ssages':1}", "");
    REFUSES(AZL_OP_CHAT,
            "{'A_name_that_is_longer_than_any_that_has_a_meaning':1}", "");
}
END_TEST

START_TEST(nothing_that_redirects)
{
    REFUSES(AZL_OP_CHAT, "{'api_base':'http://x'}",
            "forbidden_parameter api_base");
    REFUSES(AZL_OP_CHAT, "{'api_key':'x'}", "forbidden_parameter api_key");
    REFUSES(AZL_OP_EMBEDDINGS, "{'base_url':null}",
            "forbidden_parameter base_url");
    REFUSES(AZL_OP_CHAT, "{'metadata':{'api_key':'x'}}", "");
}
END_TEST

START_TEST(too_much)
{
    const char *many = azl_test_repeat("'x':1,", AZL_DOCUMENT_MEMBERS_MAX - 1);
    const char *options = azl_test_repeat("'x':1,", 2);
    int i;

    REFUSES(AZL_OP_CHAT, apr_pstrcat(azl_test_pool, "{", many, "'x':1}", NULL),
            "");
    REFUSES(AZL_OP_CHAT,
            apr_pstrcat(azl_test_pool, "{", many, "'x':1,'x':1}", NULL),
            "too_many_parameters");
    options = "'include_usage':true";
    for (i = 0; i < 15; ++i) {
        options = apr_psprintf(azl_test_pool, "%s,'o%d':1", options, i);
    }
    REFUSES(
        AZL_OP_CHAT,
        apr_pstrcat(azl_test_pool, "{'stream_options':{", options, "}}", NULL),
        "");
    REFUSES(AZL_OP_CHAT,
            apr_pstrcat(azl_test_pool, "{'stream_options':{", options,
                        ",'z':1}}", NULL),
            "ambiguous_parameter stream_options");
}
END_TEST

static const struct {
    const char *body;
    const char *where;
} broken[] = {
    {"", NULL},
    {"[]", "line 1, column 1"},
    {"'text'", "line 1, column 1"},
    {"null", "line 1, column 1"},
    {"{", "line 1, column 2"},
    {"{'model':'a'", "line 1, column 13"},
    {"{'model':'a',}", "line 1, column 14"},
    {"{'a':1} x", "line 1, column 9"},
    {"{'a':1}{}", "line 1, column 8"},
    {"{\n  'a': 01\n}", "line 2, column 9"},
    {"{'a':tru}", "line 1, column 6"},
    {"{'a':'\x01'}", "line 1, column 7"},
    {"{'a':[1,2}", "line 1, column 10"},
    {"{a:1}", "line 1, column 2"},
    {"\xef\xbb\xbf{}", "line 1, column 1"},
    {"nonsense", "line 1, column 1"},
};

START_TEST(no_json)
{
    ck_assert_str_eq(refusal(AZL_OP_CHAT, AZL_PARAMS_KEEP, broken[_i].body),
                     "invalid_json");
    if (broken[_i].where) {
        ck_assert_ptr_nonnull(strstr(err.message, broken[_i].where));
    }
}
END_TEST

START_TEST(cut_anywhere_it_is_no_document)
{
    const char *text =
        quoted("{'model':'a','stream':true,'messages':[{'content':"
               "'\\u00e9'}],'stream_options':{'include_usage':null}}");
    apr_size_t len = strlen(text);
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        azl_span_t part = azl_span(azl_test_exact(text, i), i);

        ck_assert(!azl_document_read(azl_test_pool, AZL_OP_CHAT,
                                     AZL_PARAMS_KEEP, NULL, part, &doc, &err));
        ck_assert_str_eq(err.code, "invalid_json");
    }
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                NULL, azl_span(azl_test_exact(text, len), len),
                                &doc, &err));
}
END_TEST

TCase *azl_test_document(void)
{
    TCase *tc = azl_test_tcase("document");

    tcase_add_test(tc, what_matters_is_found);
    tcase_add_test(tc, what_is_absent_is_empty);
    tcase_add_test(tc, responses_go_on_from_others);
    tcase_add_test(tc, streams_of_other_surfaces);
    tcase_add_test(tc, prompts_are_found);
    tcase_add_test(tc, long_instructions_are_the_prompt);
    tcase_add_test(tc, cache_keys_are_found);
    tcase_add_test(tc, vectors_as_base64);
    tcase_add_test(tc, rerank_has_members);
    tcase_add_test(tc, choices_that_are_asked_for);
    tcase_add_test(tc, choices_of_several_prompts);
    tcase_add_test(tc, wrong_types);
    tcase_add_test(tc, nothing_twice);
    tcase_add_test(tc, no_second_spelling);
    tcase_add_test(tc, nothing_that_redirects);
    tcase_add_test(tc, too_much);
    tcase_add_loop_test(tc, no_json, 0,
                        (int)(sizeof(broken) / sizeof(broken[0])));
    tcase_add_test(tc, cut_anywhere_it_is_no_document);
    return tc;
}
