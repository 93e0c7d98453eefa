#include "azl_bedrock_invoke_int.h"
#include "azl_embed_int.h"
#include "azl_reply.h"
#include "gemini_fixture.h"

/* clang-format off: tables of JSON read like JSON */

#define BEDROCK "https://bedrock-runtime.eu-west-1.amazonaws.com"
#define AGENTS "https://bedrock-agent-runtime.eu-west-1.amazonaws.com"
#define NINETEEN                                                               \
    "'a','a','a','a','a','a','a','a','a','a','a','a','a','a','a','a','a','a'," \
    "'a',"
#define HUNDRED                                                                \
    NINETEEN NINETEEN NINETEEN NINETEEN NINETEEN "'a','a','a','a','a'"

static azl_exchange_t *ex;
static azl_error_t err;

/* A deployment of this name; what it is asked for by. */
static const azl_outbound_t *setup(const char *dialect, const char *url,
                                   const char *name, azl_op_e op)
{
    ex = exchange_at(azl_test_pool, url, name);
    ex->deployment = deployment_at(dialect, url, NULL, name);
    ex->op = op;
    return ex->deployment->endpoint->dialect->outbound(ex->deployment, op);
}

static const char *asked(const azl_outbound_t *outbound, const char *hub)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    ex->hub = tree_of(azl_test_pool, quoted(hub));
    memset(&err, 0, sizeof(err));
    if (!outbound->request(ex, out, &err)) {
        return NULL;
    }
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    return azl_buf_pstr(out, azl_test_pool);
}

static const char *answered(const azl_outbound_t *outbound, const char *answer)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);

    if (outbound->answer(ex, quoted_span(answer), out) != APR_SUCCESS) {
        return NULL;
    }
    tree_of(azl_test_pool, azl_buf_pstr(out, azl_test_pool));
    return azl_buf_pstr(out, azl_test_pool);
}

/*
 * Where to
 */

static const struct {
    const char *dialect;
    const char *url;
    const char *name;
    azl_op_e op;
    const char *whole; /* NULL: it has no such operation */
} places[] = {
    {"gemini", GEMINI, "e", AZL_OP_EMBEDDINGS,
     GEMINI "/v1beta/models/e:batchEmbedContents"},
    {"gemini", VERTEX, "e", AZL_OP_EMBEDDINGS,
     VERTEX "/publishers/google/models/e:predict"},
    {"gemini", GEMINI, "e", AZL_OP_RERANK, NULL},
    {"bedrock", BEDROCK, "amazon.titan-embed-text-v2:0", AZL_OP_EMBEDDINGS,
     BEDROCK "/model/amazon.titan-embed-text-v2%3A0/invoke"},
    {"bedrock", BEDROCK, "cohere.embed-v4:0", AZL_OP_EMBEDDINGS,
     BEDROCK "/model/cohere.embed-v4%3A0/invoke"},
    {"bedrock", BEDROCK, "amazon.nova-lite-v1:0", AZL_OP_EMBEDDINGS, NULL},
    {"bedrock", BEDROCK, "cohere.rerank-v3-5:0", AZL_OP_RERANK,
     BEDROCK "/model/cohere.rerank-v3-5%3A0/invoke"},
    {"bedrock", BEDROCK, "cohere.embed-v4:0", AZL_OP_RERANK, NULL},
    {"bedrock", AGENTS, "cohere.rerank-v3-5:0", AZL_OP_RERANK,
     AGENTS "/rerank"},
    {"bedrock", AGENTS, "cohere.embed-v4:0", AZL_OP_EMBEDDINGS, NULL},
    {"bedrock", AGENTS, "us.amazon.nova-pro-v1:0", AZL_OP_CHAT, NULL},
    {"openai", "https://api.cohere.com/v2", "rerank-v3.5", AZL_OP_RERANK,
     "https://api.cohere.com/v2/rerank"},
    {"azure", "https://x.openai.azure.com", "d", AZL_OP_RERANK, NULL},
};

START_TEST(urls)
{
    const azl_deployment_t *d = deployment_at(places[_i].dialect,
                                              places[_i].url, NULL,
                                              places[_i].name);
    const azl_dialect_t *dialect = d->endpoint->dialect;
    const char *url = dialect->url(azl_test_pool, d, places[_i].op, NULL, NULL);

    if (!places[_i].whole) {
        ck_assert_ptr_null(url);
        return;
    }
    ck_assert_str_eq(url, places[_i].whole);
    /* who speaks OpenAI's language is given what the client wrote */
    ck_assert_int_eq(dialect->outbound &&
                         dialect->outbound(d, places[_i].op) != NULL,
                     strcmp(dialect->name, "openai") != 0 &&
                         strcmp(dialect->name, "azure") != 0);
}
END_TEST

/* A profile says nothing by its name. */
START_TEST(a_base_model_tells)
{
    azl_deployment_t *d = deployment_at("bedrock", BEDROCK, NULL, "arn:x/y");

    ck_assert_ptr_null(azl_bedrock_invoked(d, AZL_OP_EMBEDDINGS));
    d->base_model = "cohere.embed-multilingual-v3";
    ck_assert_ptr_nonnull(azl_bedrock_invoked(d, AZL_OP_EMBEDDINGS));
}
END_TEST

/*
 * Requests
 */

#define TITAN "amazon.titan-embed-text-v2:0"
#define COHERE "cohere.embed-multilingual-v3"
#define BATCH(text, more)                                                      \
    "{'model':'models/e','content':{'parts':[{'text':'" text "'}]}" more "}"

static const struct {
    const char *dialect;
    const char *url;
    const char *name;
    const char *hub;
    const char *document; /* NULL: refused */
    const char *param;    /* at fault, or what was left out */
} asks[] = {
    {"gemini", GEMINI, "models/e", "{'model':'m','input':'A'}",
     "{'requests':[" BATCH("A", "") "]}", ""},
    {"gemini", GEMINI, "e",
     "{'input':['A','B\\n'],'dimensions':256,'encoding_format':'base64',"
     "'input_type':'search_query','user':'u'}",
     "{'requests':["
     BATCH("A", ",'taskType':'RETRIEVAL_QUERY','outputDimensionality':256") ","
     BATCH("B\\n", ",'taskType':'RETRIEVAL_QUERY','outputDimensionality':256")
     "]}", "user"},
    {"gemini", GEMINI, "e", "{'input':'A','input_type':'CODE'}",
     "{'requests':[" BATCH("A", ",'taskType':'CODE'") "]}", ""},
    {"gemini", GEMINI, "e", "{'input':[" HUNDRED ",'a']}", NULL, "input"},
    {"gemini", VERTEX, "e", "{'input':['A','B']}",
     "{'instances':[{'content':'A'},{'content':'B'}]}", ""},
    {"gemini", VERTEX, "e",
     "{'input':'A','dimensions':8,'input_type':'clustering'}",
     "{'instances':[{'content':'A','task_type':'CLUSTERING'}],"
     "'parameters':{'outputDimensionality':8}}", ""},
    {"bedrock", BEDROCK, TITAN, "{'input':['A'],'dimensions':256}",
     "{'inputText':'A','dimensions':256}", ""},
    {"bedrock", BEDROCK, TITAN, "{'input':'A','input_type':'search_query'}",
     "{'inputText':'A'}", "input_type"},
    {"bedrock", BEDROCK, TITAN, "{'input':['A','B']}", NULL, "input"},
    {"bedrock", BEDROCK, COHERE, "{'input':['A','B']}",
     "{'texts':['A','B'],'input_type':'search_document'}", ""},
    {"bedrock", BEDROCK, COHERE, "{'input':'A','input_type':'clustering'}",
     "{'texts':['A'],'input_type':'clustering'}", ""},
    {"bedrock", BEDROCK, "cohere.embed-v4:0", "{'input':'A','dimensions':256}",
     "{'texts':['A'],'input_type':'search_document','output_dimension':256}",
     ""},
    {"bedrock", BEDROCK, COHERE, "{'input':'A','dimensions':256}", NULL,
     "dimensions"},
    {"bedrock", BEDROCK, COHERE, "{'input':[" HUNDRED "]}", NULL, "input"},
    /* tokens are of another model's making */
    {"gemini", GEMINI, "e", "{'input':[1,2]}", NULL, "input[0]"},
    {"gemini", GEMINI, "e", "{'input':['A',[1,2]]}", NULL, "input[1]"},
    {"bedrock", BEDROCK, TITAN, "{'input':[[1]]}", NULL, "input[0]"},
    {"gemini", GEMINI, "e", "{'input':''}", NULL, "input"},
    {"gemini", GEMINI, "e", "{'input':['A','']}", NULL, "input[1]"},
    {"gemini", GEMINI, "e", "{'input':[]}", NULL, "input"},
    {"gemini", GEMINI, "e", "{}", NULL, "input"},
    {"gemini", GEMINI, "e", "{'input':'A','encoding_format':'hex'}", NULL,
     "encoding_format"},
    {"gemini", GEMINI, "e", "{'input':'A','encoding_format':1}", NULL,
     "encoding_format"},
    {"gemini", GEMINI, "e", "{'input':'A','dimensions':0}", NULL,
     "dimensions"},
};

START_TEST(requests)
{
    const azl_outbound_t *outbound = setup(
        asks[_i].dialect, asks[_i].url, asks[_i].name, AZL_OP_EMBEDDINGS);
    const char *got = asked(outbound, asks[_i].hub);

    if (!asks[_i].document) {
        ck_assert_msg(!got, "taken: %s", asks[_i].hub);
        ck_assert_int_eq(err.status, 400);
        ck_assert_str_eq(err.param, asks[_i].param);
        return;
    }
    ck_assert_msg(got != NULL, "refused: %s", err.message);
    ck_assert_str_eq(got, quoted(asks[_i].document));
    ck_assert_str_eq(dropped_by(ex), asks[_i].param);
}
END_TEST

START_TEST(members_may_be_refused)
{
    const azl_outbound_t *outbound =
        setup("bedrock", BEDROCK, TITAN, AZL_OP_EMBEDDINGS);

    ex->params = AZL_PARAMS_REJECT;
    ck_assert_ptr_null(asked(outbound, "{'input':'A','user':'u'}"));
    ck_assert_str_eq(err.param, "user");
    ck_assert_ptr_null(asked(outbound, "{'input':'A','input_type':'x'}"));
    ck_assert_str_eq(err.param, "input_type");
}
END_TEST

/*
 * Answers
 */

#define LIST(data, tokens)                                                     \
    "{'object':'list','data':[" data "],'model':'','usage':{'prompt_tokens':"  \
    #tokens ",'total_tokens':" #tokens "}}"
#define VECTOR(n, vector)                                                      \
    "{'object':'embedding','index':" #n ",'embedding':" vector "}"
/* 1.0, -0.5 and 3.25 as little-endian floats, by hand: 0000803f 000000bf
 * 00005040 */
#define FLOATS "[1, -0.5,3.25e0]"
#define BASE64 "'AACAPwAAAL8AAFBA'"

static const struct {
    const char *dialect;
    const char *url;
    const char *name;
    const char *hub;
    const char *answer;
    const char *document; /* NULL: it is no answer */
} answers[] = {
    {"gemini", GEMINI, "e", "{'input':['AAAAAA','BBB']}",
     "{'embeddings':[{'values':" FLOATS "},{'values':[ ]}]}",
     LIST(VECTOR(0, FLOATS) "," VECTOR(1, "[ ]"), 3)},
    {"gemini", GEMINI, "e",
     "{'input':['A'],'encoding_format':'base64'}",
     "{'embeddings':[{'values':" FLOATS "}],"
     "'usageMetadata':{'promptTokenCount':7}}",
     LIST(VECTOR(0, BASE64), 7)},
    {"gemini", VERTEX, "e", "{'input':['A','B'],'encoding_format':'float'}",
     "{'predictions':[{'embeddings':{'values':[1],"
     "'statistics':{'token_count':3,'truncated':false}}},"
     "{'embeddings':{'statistics':{'token_count':4.0},'values':[2]}}]}",
     LIST(VECTOR(0, "[1]") "," VECTOR(1, "[2]"), 7)},
    {"bedrock", BEDROCK, TITAN, "{'input':'A','encoding_format':'base64'}",
     "{'embedding':" FLOATS ",'inputTextTokenCount':5}",
     LIST(VECTOR(0, BASE64), 5)},
    {"bedrock", BEDROCK, COHERE, "{'input':['AAAA','B']}",
     "{'id':'x','embeddings':[[1,2],[3,4]]}",
     LIST(VECTOR(0, "[1,2]") "," VECTOR(1, "[3,4]"), 2)},
    {"bedrock", BEDROCK, COHERE, "{'input':'A','encoding_format':'base64'}",
     "{'embeddings':{'float':[" FLOATS "]}}", LIST(VECTOR(0, BASE64), 1)},
    /* what is none */
    {"gemini", GEMINI, "e", "{'input':['A','B']}",
     "{'embeddings':[{'values':[1]}]}", NULL},
    {"gemini", GEMINI, "e", "{'input':'A'}", "{'embeddings':{}}", NULL},
    {"gemini", GEMINI, "e", "{'input':'A'}", "[]", NULL},
    {"gemini", GEMINI, "e", "{'input':'A'}", "{'embeddings':[1]}", NULL},
    {"gemini", GEMINI, "e", "{'input':'A'}", "{'embeddings':[{}]}", NULL},
    {"gemini", GEMINI, "e", "{'input':'A'}",
     "{'embeddings':[{'values':[1,'2']}]}", NULL},
    {"gemini", GEMINI, "e", "{'input':'A','encoding_format':'base64'}",
     "{'embeddings':[{'values':[1,'2']}]}", NULL},
    {"gemini", GEMINI, "e", "{'input':'A','encoding_format':'base64'}",
     "{'embeddings':[{'values':'AAAA'}]}", NULL},
    {"gemini", VERTEX, "e", "{'input':'A'}",
     "{'predictions':[{'embeddings':[]}]}", NULL},
    {"bedrock", BEDROCK, TITAN, "{'input':'A'}", "[]", NULL},
    {"bedrock", BEDROCK, TITAN, "{'input':'A'}", "{'embedding':{}}", NULL},
    {"bedrock", BEDROCK, TITAN, "{'input':'A'}", "{}", NULL},
    {"bedrock", BEDROCK, COHERE, "{'input':'A'}", "{'embeddings':{}}", NULL},
    {"bedrock", BEDROCK, COHERE, "{'input':'A'}", "{'embeddings':[1]}", NULL},
    {"bedrock", BEDROCK, COHERE, "{'input':'A'}", "{'embeddings':[]}", NULL},
};

START_TEST(whole_answers)
{
    const azl_outbound_t *outbound =
        setup(answers[_i].dialect, answers[_i].url, answers[_i].name,
              AZL_OP_EMBEDDINGS);
    const char *got;

    ck_assert_ptr_nonnull(asked(outbound, answers[_i].hub));
    ex->hub = NULL; /* it is gone when the answer comes */
    got = answered(outbound, answers[_i].answer);
    if (!answers[_i].document) {
        ck_assert_msg(!got, "taken: %s", answers[_i].answer);
        return;
    }
    ck_assert_msg(got != NULL, "not taken: %s", answers[_i].answer);
    ck_assert_str_eq(got, quoted(answers[_i].document));
}
END_TEST

/* More than what is encoded at once: 100 floats, which are 400 bytes. */
START_TEST(long_vectors)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    char *many = apr_pstrcat(azl_test_pool, "[",
                             azl_test_repeat("1,", 99), "1]", NULL);
    const char *text;

    ck_assert(azl_embed_base64(out, azl_span_str(many)));
    text = azl_buf_pstr(out, azl_test_pool);
    /* 400 bytes: 133 groups of three and one byte */
    ck_assert_uint_eq(strlen(text), 2 + 134 * 4);
    ck_assert_str_eq(text + strlen(text) - 9, "AACAPw==\"");
}
END_TEST

/*
 * Upstreams that speak OpenAI's language but know no base64
 */

static const struct {
    int base64;
    const char *answer;
    const char *document;
} rewrites[] = {
    {1, "{'object':'list','data':[{'object':'embedding','index':0,"
        "'embedding':" FLOATS "},{'embedding': " FLOATS ",'x':1}],"
        "'model':'up'}",
     "{'object':'list','data':[{'object':'embedding','index':0,"
     "'embedding':" BASE64 "},{'embedding': " BASE64 ",'x':1}],"
     "'model':'alias'}"},
    /* what is right already, and what is no vector */
    {1, "{'data':[{'embedding':'AAAA'}]}", "{'data':[{'embedding':'AAAA'}]}"},
    {1, "{'data':[{'embedding':['a']},1,{'embedding':[1]}]}",
     "{'data':[{'embedding':['a']},1,{'embedding':[1]}]}"},
    {1, "{'data':{'embedding':[1]}}", "{'data':{'embedding':[1]}}"},
    {0, "{'data':[{'embedding':[1]}]}", "{'data':[{'embedding':[1]}]}"},
};

START_TEST(arrays_become_base64)
{
    azl_buf_t *out = azl_buf_create(azl_test_pool, EXCHANGE_OUT_MAX);
    azl_reply_rules_t rules;
    azl_usage_t usage;

    memset(&rules, 0, sizeof(rules));
    memset(&usage, 0, sizeof(usage));
    rules.op = AZL_OP_EMBEDDINGS;
    rules.alias_json = "\"alias\"";
    rules.base64 = rewrites[_i].base64;
    ck_assert_int_eq(azl_reply_rewrite(&rules,
                                       quoted_span(rewrites[_i].answer), out,
                                       &usage),
                     APR_SUCCESS);
    ck_assert_str_eq(azl_buf_pstr(out, azl_test_pool),
                     quoted(rewrites[_i].document));
}
END_TEST

static const struct {
    const char *start;
    int arrays;
} starts[] = {
    {"{'data':[{'object':'embedding','index':0,'embedding':[0.1", 1},
    {"{'data':[{'object':'embedding' , 'embedding' : [", 1},
    {"{'data':[{'embedding':'AAAA'},{'embedding':[1]}", 0},
    {"{'data':[{'embedding':", 0},
    {"{'data':[{'embedding'", 0},
    {"{'data':[{'object':'embedding'", 0},
    {"{}", 0},
};

START_TEST(arrays_by_the_beginning)
{
    ck_assert_int_eq(azl_reply_has_arrays(quoted_span(starts[_i].start)),
                     starts[_i].arrays);
}
END_TEST

/*
 * Rerank
 */

#define RERANK "cohere.rerank-v3-5:0"
#define SOURCE(text)                                                           \
    "{'type':'INLINE','inlineDocumentSource':{'type':'TEXT',"                  \
    "'textDocument':{'text':'" text "'}}}"
#define CONFIGURED(arn, n)                                                     \
    "'rerankingConfiguration':{'type':'BEDROCK_RERANKING_MODEL',"              \
    "'bedrockRerankingConfiguration':{'modelConfiguration':{'modelArn':'" arn  \
    "'},'numberOfResults':" #n "}}"

static const struct {
    const char *url;
    const char *name;
    const char *hub;
    const char *document; /* NULL: refused */
    const char *param;
} ranks[] = {
    {BEDROCK, RERANK, "{'model':'m','query':'Q','documents':['A','B']}",
     "{'query':'Q','documents':['A','B'],'api_version':2}", ""},
    {BEDROCK, "amazon.rerank-v1:0",
     "{'query':'Q','documents':['A',{'text':'B'}],'top_n':1,"
     "'return_documents':true,'max_tokens_per_doc':9}",
     "{'query':'Q','documents':['A','B'],'top_n':1}", "max_tokens_per_doc"},
    {AGENTS, RERANK, "{'query':'Q','documents':['A','B']}",
     "{'queries':[{'type':'TEXT','textQuery':{'text':'Q'}}],'sources':["
     SOURCE("A") "," SOURCE("B") "],"
     CONFIGURED("arn:aws:bedrock:eu-west-1::foundation-model/" RERANK, 2) "}",
     ""},
    {AGENTS, "arn:x", "{'query':'Q','documents':['A','B'],'top_n':1}",
     "{'queries':[{'type':'TEXT','textQuery':{'text':'Q'}}],'sources':["
     SOURCE("A") "," SOURCE("B") "]," CONFIGURED("arn:x", 1) "}", ""},
    {BEDROCK, RERANK, "{'documents':['A']}", NULL, "query"},
    {AGENTS, RERANK, "{'query':'','documents':['A']}", NULL, "query"},
    {BEDROCK, RERANK, "{'query':'Q'}", NULL, "documents"},
    {BEDROCK, RERANK, "{'query':'Q','documents':[]}", NULL, "documents"},
    {BEDROCK, RERANK, "{'query':'Q','documents':['A',{'title':'B'}]}", NULL,
     "documents[1]"},
    {BEDROCK, RERANK, "{'query':'Q','documents':['']}", NULL, "documents[0]"},
    {BEDROCK, RERANK, "{'query':'Q','documents':['A'],'top_n':0}", NULL,
     "top_n"},
    {BEDROCK, RERANK, "{'query':'Q','documents':['A'],'rank_fields':['x']}",
     NULL, "rank_fields"},
};

START_TEST(rerank_requests)
{
    const azl_outbound_t *outbound =
        setup("bedrock", ranks[_i].url, ranks[_i].name, AZL_OP_RERANK);
    const char *got = asked(outbound, ranks[_i].hub);

    if (!ranks[_i].document) {
        ck_assert_msg(!got, "taken: %s", ranks[_i].hub);
        ck_assert_int_eq(err.status, 400);
        ck_assert_str_eq(err.param, ranks[_i].param);
        return;
    }
    ck_assert_msg(got != NULL, "refused: %s", err.message);
    ck_assert_str_eq(got, quoted(ranks[_i].document));
    ck_assert_str_eq(dropped_by(ex), ranks[_i].param);
}
END_TEST

#define RANKED(list)                                                           \
    "{'id':'0123','results':[" list "],'meta':{'api_version':{'version':'2'}}}"

static const struct {
    const char *more; /* in the request */
    const char *answer;
    const char *document;
} rankings[] = {
    {"", "{'results':[{'index':1,'relevance_score':0.90},"
         "{'relevanceScore':1e-3,'index':0,'document':{}}]}",
     RANKED("{'index':1,'relevance_score':0.90},"
            "{'index':0,'relevance_score':1e-3}")},
    {",'return_documents':true",
     "{'results':[{'index':1,'relevance_score':1}]}",
     RANKED("{'index':1,'relevance_score':1,'document':{'text':'B'}}")},
    {",'return_documents':false", "{'results':[]}", RANKED("")},
    {"", "{'results':[{'index':2,'relevance_score':1}]}", NULL},
    {"", "{'results':[{'relevance_score':1}]}", NULL},
    {"", "{'results':[{'index':1}]}", NULL},
    {"", "{'results':[{'index':1,'relevance_score':'1'}]}", NULL},
    {"", "{'results':[1]}", NULL},
    {"", "{'results':{}}", NULL},
    {"", "[]", NULL},
};

START_TEST(rerank_answers)
{
    const azl_outbound_t *outbound =
        setup("bedrock", BEDROCK, RERANK, AZL_OP_RERANK);
    const char *got;

    ck_assert_ptr_nonnull(
        asked(outbound, apr_pstrcat(azl_test_pool,
                                    "{'query':'Q','documents':['A','B']",
                                    rankings[_i].more, "}", NULL)));
    ex->hub = NULL;
    got = answered(outbound, rankings[_i].answer);
    if (!rankings[_i].document) {
        ck_assert_ptr_null(got);
        return;
    }
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, quoted(rankings[_i].document));
}
END_TEST

/* clang-format on */

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

TCase *azl_test_embed(void)
{
    TCase *tc = azl_test_tcase("embed");

    tcase_add_loop_test(tc, urls, 0, N(places));
    tcase_add_test(tc, a_base_model_tells);
    tcase_add_loop_test(tc, requests, 0, N(asks));
    tcase_add_test(tc, members_may_be_refused);
    tcase_add_loop_test(tc, whole_answers, 0, N(answers));
    tcase_add_test(tc, long_vectors);
    tcase_add_loop_test(tc, arrays_become_base64, 0, N(rewrites));
    tcase_add_loop_test(tc, arrays_by_the_beginning, 0, N(starts));
    tcase_add_loop_test(tc, rerank_requests, 0, N(ranks));
    tcase_add_loop_test(tc, rerank_answers, 0, N(rankings));
    return tc;
}
