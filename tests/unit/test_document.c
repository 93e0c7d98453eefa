#include <apr_strings.h>

#include "azl_document.h"
#include "azl_routing.h"
#include "dialect_fixture.h"

static azl_document_t doc;
static azl_error_t err;

static int reads(azl_op_e op, azl_params_e params, const char *body)
{
    return azl_document_read(azl_test_pool, op, params, "application/json",
                             quoted_span(body), &doc, &err);
}

/* "code param" of the refusal, or "" if the document is taken. */
static const char *refusal(azl_op_e op, azl_params_e params, const char *body)
{
    if (reads(op, params, body)) {
        return "";
    }
    ck_assert_int_eq(err.status, 400);
    ck_assert_int_eq(err.cls, AZL_CLASS_VALIDATION);
    ck_assert_str_eq(err.type, "invalid_request_error");
    ck_assert_ptr_nonnull(err.message);
    return apr_pstrcat(azl_test_pool, err.code, err.param ? " " : "", err.param,
                       NULL);
}

#define REFUSES(op, body, expected)                                            \
    ck_assert_str_eq(refusal(op, AZL_PARAMS_KEEP, body), expected)

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

/* What is left when the drops are cut out. */
static const char *without_drops(void)
{
    const char *from = doc.body.at;
    const char *out = "";
    int i;

    for (i = 0; i < doc.ndrops; ++i) {
        ck_assert(doc.drops[i].at >= from);
        out = apr_pstrcat(
            azl_test_pool, out,
            apr_pstrmemdup(azl_test_pool, from, doc.drops[i].at - from), NULL);
        from = doc.drops[i].at + doc.drops[i].len;
    }
    return apr_pstrcat(
        azl_test_pool, out,
        apr_pstrmemdup(azl_test_pool, from, doc.body.at + doc.body.len - from),
        NULL);
}

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

/*
 * Forms
 */

#define FORM_TYPE "multipart/form-data; boundary=XyZ"

static int reads_form(azl_op_e op, azl_params_e params, const char *body)
{
    return azl_document_read(azl_test_pool, op, params, FORM_TYPE,
                             quoted_span(body), &doc, &err);
}

static const char *form_refusal(azl_params_e params, const char *body)
{
    return reads_form(AZL_OP_AUDIO_TRANSCRIPTIONS, params, body)
               ? ""
               : apr_pstrcat(azl_test_pool, err.code, err.param ? " " : "",
                             err.param, NULL);
}

#define PART(name, content)                                                    \
    "--XyZ\r\nContent-Disposition: form-data; name='" name "'\r\n\r\n" content \
    "\r\n"
#define FILE_PART(name)                                                        \
    "--XyZ\r\nContent-Disposition: form-data; name='" name                     \
    "'; filename='a.wav'\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n"
#define FORM_END "--XyZ--\r\n"

START_TEST(forms)
{
    ck_assert(reads_form(AZL_OP_AUDIO_TRANSCRIPTIONS, AZL_PARAMS_KEEP,
                         FILE_PART("file") PART("stream", "True")
                             PART("model", "whisper-1") FORM_END));
    ck_assert_int_eq(doc.multipart, 1);
    ck_assert_str_eq(doc.boundary, "XyZ");
    ck_assert_str_eq(doc.model, "whisper-1");
    ck_assert_str_eq(azl_test_str(doc.model_raw), "whisper-1");
    ck_assert_int_eq(doc.stream, 1);
    ck_assert_int_eq((int)doc.insert_at, 0);
    ck_assert_int_eq(doc.empty, 0);

    ck_assert(reads_form(AZL_OP_AUDIO_TRANSLATIONS, AZL_PARAMS_KEEP,
                         FILE_PART("file") PART("stream", "true") FORM_END));
    ck_assert_ptr_null(doc.model);
    ck_assert_int_eq(doc.stream, 0); /* translations have no streams */

    ck_assert(reads_form(AZL_OP_IMAGES_EDITS, AZL_PARAMS_REJECT,
                         FILE_PART("image[]") FILE_PART("image[]") PART(
                             "model", "") PART("stream", "false") FORM_END));
    ck_assert_ptr_null(doc.model);
    ck_assert_ptr_nonnull(doc.model_raw.at);
    ck_assert_int_eq(doc.stream, 0);
}
END_TEST

START_TEST(bad_forms)
{
    static const struct {
        const char *body;
        const char *expected;
    } cases[] = {
        {PART("model", "a") PART("model", "a") FORM_END,
         "duplicate_parameter model"},
        {PART("stream", "true") PART("stream", "true") FORM_END,
         "duplicate_parameter stream"},
        {PART("model[]", "a") FORM_END, "ambiguous_parameter model"},
        {PART("Model", "a") FORM_END, "ambiguous_parameter model"},
        {PART("api_base", "a") FORM_END, "forbidden_parameter api_base"},
        {PART("base_url[0]", "a") FORM_END, "ambiguous_parameter base_url"},
        {FILE_PART("model") FORM_END, "invalid_type model"},
        {"", "invalid_multipart"},
        {"--XyZ--\r\n", "invalid_multipart"},
        {PART("model", "a"), "invalid_multipart"},
        {"{'model':'a'}", "invalid_multipart"},
        {PART("include[]", "a") PART("include[]", "b") FORM_END, ""},
        {PART("prompt", "a") PART("prompt", "b") FORM_END, ""},
        {PART("x", "a") FORM_END, ""},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert_str_eq(form_refusal(AZL_PARAMS_KEEP, cases[i].body),
                         cases[i].expected);
    }
    ck_assert_str_eq(form_refusal(AZL_PARAMS_REJECT,
                                  PART("x", "a") PART("model", "m") FORM_END),
                     "unknown_parameter x");
}
END_TEST

START_TEST(a_model_with_a_nul_is_none)
{
    static const char body[] =
        "--XyZ\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\0b"
        "\r\n--XyZ--\r\n";

    ck_assert(!azl_document_read(
        azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS, AZL_PARAMS_KEEP, FORM_TYPE,
        azl_span(azl_test_exact(body, sizeof(body) - 1), sizeof(body) - 1),
        &doc, &err));
    ck_assert_str_eq(err.param, "model");
}
END_TEST

START_TEST(fields_are_dropped)
{
    static const struct {
        const char *body;
        const char *left;
    } cases[] = {
        {PART("x", "1") PART("model", "m") FORM_END,
         PART("model", "m") FORM_END},
        {PART("model", "m") PART("x", "1") FORM_END,
         PART("model", "m") FORM_END},
        {PART("x", "1") PART("model", "m") PART("y", "2") PART("z", "")
             FILE_PART("file") FILE_PART("w") FORM_END,
         PART("model", "m") FILE_PART("file") FORM_END},
        {PART("x", "1") FORM_END, FORM_END},
        {PART("x", "1") FILE_PART("y") FORM_END, FORM_END},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ck_assert(reads_form(AZL_OP_AUDIO_TRANSCRIPTIONS, AZL_PARAMS_DROP,
                             cases[i].body));
        ck_assert_str_eq(without_drops(), quoted(cases[i].left));
        ck_assert_int_eq(doc.empty, i > 2);
    }
}
END_TEST

START_TEST(types_of_content)
{
    azl_span_t json = quoted_span("{'model':'m'}");

    ck_assert(!azl_document_read(azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS,
                                 AZL_PARAMS_KEEP, "application/json", json,
                                 &doc, &err));
    ck_assert_str_eq(err.code, "invalid_content_type");
    ck_assert(!azl_document_read(azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS,
                                 AZL_PARAMS_KEEP, NULL, json, &doc, &err));
    ck_assert(!azl_document_read(azl_test_pool, AZL_OP_AUDIO_TRANSCRIPTIONS,
                                 AZL_PARAMS_KEEP, "multipart/form-data", json,
                                 &doc, &err));
    ck_assert_str_eq(err.code, "invalid_multipart");
    /* curl -d without a header says something else; the body counts */
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                "application/x-www-form-urlencoded", json, &doc,
                                &err));
    ck_assert_str_eq(doc.content_type, "application/x-www-form-urlencoded");
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                NULL, json, &doc, &err));
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
    tcase_add_loop_test(tc, unknown_members_are_dropped, 0,
                        (int)(sizeof(dropping) / sizeof(dropping[0])));
    tcase_add_test(tc, as_many_drops_as_can_be);
    tcase_add_test(tc, unknown_members_are_refused);
    tcase_add_loop_test(tc, every_member_is_known_where_it_belongs, 0,
                        NSURFACES);
    tcase_add_test(tc, forms);
    tcase_add_test(tc, bad_forms);
    tcase_add_test(tc, a_model_with_a_nul_is_none);
    tcase_add_test(tc, fields_are_dropped);
    tcase_add_test(tc, types_of_content);
    return tc;
}
