/*
 * The hub form: what is written in it, and streams that go through it between
 * two languages. The languages here are toys: an upstream that says one word
 * in each event, and a client that reads lines.
 */
#include "azl_hub.h"
#include "azl_reply.h"
#include "azl_write.h"
#include "dialect_fixture.h"

static azl_exchange_t *exchange(azl_params_e params)
{
    azl_exchange_t *ex = apr_pcalloc(azl_test_pool, sizeof(*ex));

    ex->pool = azl_test_pool;
    ex->request_id = "r1";
    ex->now = apr_time_from_sec(7);
    ex->params = params;
    return ex;
}

static azl_buf_t *buffer(void)
{
    return azl_buf_create(azl_test_pool, 65536);
}

/* ------------------------------------------------------- the writer */

START_TEST(written)
{
    azl_buf_t *out = buffer();
    azl_json_t *tree;
    azl_write_t w;

    ck_assert_ptr_null(azl_json_parse(
        azl_test_pool,
        quoted_span("{'z':1e400,'a':[0.1,-7,'/\\u00e9\\n',true,false,null],"
                    "'e':{}}"),
        &tree));
    azl_write_init(&w, out);
    azl_write_open(&w, NULL, '{');
    azl_write_str(&w, "s", "a\"b");
    azl_write_str(&w, "none", NULL);
    azl_write_open(&w, "list", '[');
    azl_write_int(&w, NULL, -3);
    azl_write_bool(&w, NULL, 1);
    azl_write_null(&w, NULL);
    azl_write_close(&w, ']');
    azl_write_open(&w, "empty", '[');
    azl_write_close(&w, ']');
    azl_write_text(&w, "t", azl_span("xyz", 2));
    azl_write_raw(&w, "raw", azl_span_str("[ 1 ]"));
    azl_write_json(&w, "tree", tree);
    azl_write_close(&w, '}');
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        quoted("{'s':'a\\\"b','none':null,'list':[-3,true,null],'empty':[],"
               "'t':'xy','raw':[ 1 ],'tree':{'z':1e400,"
               "'a':[0.1,-7,'/\xc3\xa9\\n',true,false,null],'e':{}}}"));
}
END_TEST

START_TEST(tree_read)
{
    azl_json_t *tree;

    azl_json_parse(azl_test_pool, quoted_span("{'n':null,'s':'a\\u0000b'}"),
                   &tree);
    ck_assert_ptr_null(azl_json_get(tree, "n"));
    ck_assert_ptr_null(azl_json_get(tree, "x"));
    ck_assert_ptr_null(azl_json_get(NULL, "x"));
    ck_assert_uint_eq(azl_json_text(azl_json_get(tree, "s")).len, 3);
    ck_assert_ptr_null(azl_json_text(tree).at);
}
END_TEST

/* ------------------------------------------- what cannot be carried */

START_TEST(left_out_or_refused)
{
    static const struct {
        azl_params_e params;
        int matters;
        int left_out;
    } cases[] = {{AZL_PARAMS_KEEP, 0, 1},   {AZL_PARAMS_KEEP, 1, 0},
                 {AZL_PARAMS_DROP, 0, 1},   {AZL_PARAMS_DROP, 1, 1},
                 {AZL_PARAMS_REJECT, 0, 0}, {AZL_PARAMS_REJECT, 1, 0}};
    azl_exchange_t *ex = exchange(cases[_i].params);
    azl_error_t err;

    ck_assert_int_eq(azl_exchange_without(ex, "n", cases[_i].matters, &err),
                     cases[_i].left_out);
    if (cases[_i].left_out) {
        ck_assert_str_eq(APR_ARRAY_IDX(ex->dropped, 0, const char *), "n");
    }
    else {
        ck_assert_ptr_null(ex->dropped);
        ck_assert_int_eq(err.status, 400);
        ck_assert_str_eq(err.code, "unsupported_parameter");
        ck_assert_str_eq(err.param, "n");
    }
}
END_TEST

/* They stand in a header of the answer. */
START_TEST(names_that_are_told)
{
    static const struct {
        const char *name;
        const char *told;
    } names[] = {
        {"messages[2].content", "messages[2].content"},
        {"top-k_1", "top-k_1"},
        {"", "(unknown)"},
        {"a\r\nX-More: b", "(unknown)"},
        {"a,b", "(unknown)"},
        {"\xc3\xa9", "(unknown)"},
        {"a23456789012345678901234567890123456789012345678901234567890123456",
         "(unknown)"},
    };
    azl_error_t err;
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        azl_exchange_t *ex = exchange(AZL_PARAMS_DROP);

        ck_assert_int_eq(azl_exchange_without(ex, names[i].name, 0, &err), 1);
        ck_assert_str_eq(APR_ARRAY_IDX(ex->dropped, 0, const char *),
                         names[i].told);
    }
}
END_TEST

/* Each once, and some whatever is configured. */
START_TEST(names_are_told_once)
{
    azl_exchange_t *ex = exchange(AZL_PARAMS_REJECT);
    azl_error_t err;

    azl_exchange_note(ex, "a");
    azl_exchange_note(ex, "b");
    azl_exchange_note(ex, "a");
    ck_assert_int_eq(azl_exchange_without(ex, "a", 0, &err), 0);
    ck_assert_int_eq(ex->dropped->nelts, 2);
    ck_assert_str_eq(APR_ARRAY_IDX(ex->dropped, 1, const char *), "b");
}
END_TEST

START_TEST(refused_with_its_path)
{
    azl_error_t err;

    ck_assert_int_eq(azl_exchange_refuse(exchange(AZL_PARAMS_DROP), &err,
                                         "messages[2].content[0]", "No."),
                     0);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.param, "messages[2].content[0]");
    ck_assert_str_eq(err.message, "No.");
}
END_TEST

/* ---------------------------------------------------- whole answers */

START_TEST(answer)
{
    azl_usage_t usage = {.reported = 1,
                         .prompt = 10,
                         .cached = 4,
                         .completion = 5,
                         .reasoning = 2};
    azl_hub_call_t *call;
    azl_hub_choice_t choices[2];
    azl_buf_t *out = buffer();

    memset(choices, 0, sizeof(choices));
    choices[0].content = azl_span("Hi\0", 3);
    choices[0].reasoning = azl_span_str("Hm");
    choices[0].finish = "stop";
    choices[0].more = quoted("'annotations':[]");
    choices[1].calls = apr_array_make(azl_test_pool, 2, sizeof(*call));
    call = apr_array_push(choices[1].calls);
    call->id = "c1";
    call->name = "f";
    call->arguments = "{\"a\":1}";
    call = apr_array_push(choices[1].calls);
    call->id = NULL;
    call->name = "g";
    call->arguments = "";
    choices[1].finish = "tool_calls";
    azl_hub_answer(exchange(AZL_PARAMS_KEEP), NULL, choices, 2, &usage, out);
    ck_assert_str_eq(
        azl_buf_pstr(out, azl_test_pool),
        quoted("{'id':'chatcmpl-r1','object':'chat.completion','created':7,"
               "'model':'','choices':[{'index':0,'message':{'role':'assistant',"
               "'content':'Hi\\u0000','refusal':null,"
               "'reasoning_content':'Hm',"
               "'annotations':[]},'logprobs':null,'finish_reason':'stop'},"
               "{'index':1,'message':{'role':'assistant','content':null,"
               "'refusal':null,'tool_calls':[{'id':'c1','type':'function',"
               "'function':{'name':'f','arguments':'{\\\"a\\\":1}'}},"
               "{'id':'call_r1_1','type':'function','function':{'name':'g',"
               "'arguments':'{}'}}]},'logprobs':null,"
               "'finish_reason':'tool_calls'}],'usage':{'prompt_tokens':10,"
               "'completion_tokens':5,'total_tokens':15,"
               "'prompt_tokens_details':{'cached_tokens':4,"
               "'cache_write_tokens':0},"
               "'completion_tokens_details':{'reasoning_tokens':2}}}"));
}
END_TEST

/* -------------------------------------------------- a toy upstream */

typedef struct toy_decoder_t {
    azl_hub_stream_t hub;
    int ended;
} toy_decoder_t;

static void *toy_decoder(azl_exchange_t *ex)
{
    toy_decoder_t *d = apr_pcalloc(ex->pool, sizeof(*d));

    azl_hub_stream_init(&d->hub, ex);
    return d;
}

static void toy_word(toy_decoder_t *d, azl_span_t word, azl_buf_t *out)
{
    azl_usage_t usage = {.reported = 1, .prompt = 3, .completion = 2};

    d->hub.out = out;
    if (azl_span_is(word, "stop")) {
        azl_hub_finish(&d->hub, 0, "stop");
        azl_hub_usage(&d->hub, &usage);
        d->ended = 1;
    }
    else if (azl_span_is(word, "fail")) {
        azl_hub_error(&d->hub, 529, "overloaded_error", NULL, "Too much.");
    }
    else if (azl_span_is(word, "tool")) {
        azl_hub_tool(&d->hub, 0, 0, azl_span_str("c1"), azl_span_str("f"));
        azl_hub_arguments_text(&d->hub, 0, 0, azl_span_str("{}"));
    }
    else {
        azl_hub_stream_id(&d->hub, azl_span_str("id-1"));
        azl_hub_delta_text(&d->hub, 0, "content", word);
    }
}

static void toy_event(void *decoder, const azl_sse_event_t *ev, azl_buf_t *out)
{
    if (!ev->comment) {
        toy_word(decoder, ev->data, out);
    }
}

/* The same word by word: each is one byte here; '!' cannot be understood. */
static apr_status_t toy_bytes(void *decoder, const char *data, apr_size_t len,
                              azl_buf_t *out)
{
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        if (data[i] == '!') {
            return APR_EGENERAL;
        }
        toy_word(decoder,
                 data[i] == '.' ? azl_span_str("stop") : azl_span(data + i, 1),
                 out);
    }
    return APR_SUCCESS;
}

static void toy_end(void *decoder, azl_buf_t *out)
{
    toy_decoder_t *d = decoder;

    d->hub.out = out;
    if (d->ended) {
        azl_hub_done(&d->hub);
    }
}

static const azl_outbound_t toy_events = {.stream_type = "text/event-stream",
                                          .decoder = toy_decoder,
                                          .event = toy_event,
                                          .end = toy_end};
static const azl_outbound_t toy_binary = {.stream_type = "toy/bytes",
                                          .decoder = toy_decoder,
                                          .bytes = toy_bytes,
                                          .end = toy_end};

/* ---------------------------------------------------- a toy client */

static void *toy_encoder(azl_exchange_t *ex)
{
    return ex;
}

static void toy_line(void *encoder, const azl_sse_event_t *ev, azl_buf_t *out)
{
    (void)encoder;
    azl_buf_puts(out, ev->comment ? "#" : "> ");
    azl_buf_span(out, ev->comment ? azl_span("", 0) : ev->data);
    azl_buf_puts(out, "\n");
}

static const azl_inbound_t toy_client = {.encoder = toy_encoder,
                                         .event = toy_line};

typedef struct toy_case_t {
    const azl_outbound_t *from;
    const azl_inbound_t *to;
    const char *expected;
    int complete;
} toy_case_t;

static void run_toy(apr_pool_t *p, void *baton, const azl_span_t *pieces,
                    int npieces)
{
    const toy_case_t *c = baton;
    azl_reply_rules_t rules = {.op = AZL_OP_CHAT,
                               .alias_json = "\"m\"",
                               .include_usage = 1,
                               .choices = 1};
    azl_exchange_t *ex = exchange(AZL_PARAMS_KEEP);
    azl_stream_t *st = azl_stream_create(p, &rules);
    azl_buf_t *out = azl_buf_create(p, 65536);
    apr_status_t rv = APR_SUCCESS;
    int i;

    ex->pool = p;
    azl_stream_from(st, c->from, ex);
    if (c->to) {
        azl_stream_to(st, c->to, ex);
    }
    for (i = 0; i < npieces && rv == APR_SUCCESS; ++i) {
        rv = azl_stream_feed(st, pieces[i].at, pieces[i].len, out);
    }
    ck_assert_int_eq(azl_stream_finish(st, out), c->complete);
    if (azl_stream_state(st)->failed) {
        /* 529 is told as 503 */
        ck_assert_int_eq(azl_stream_state(st)->error.status, 503);
    }
    ck_assert_str_eq(azl_buf_pstr(out, p), c->expected);
}

static void check_toy(const char *input, const azl_outbound_t *from,
                      const azl_inbound_t *to, const char *expected,
                      int complete)
{
    toy_case_t c = {from, to, quoted(expected), complete};

    azl_test_every_split(input, strlen(input), run_toy, &c);
}

#define HEAD                                                                   \
    "'id':'id-1','object':'chat.completion.chunk','created':7,'model':'m'"
#define HI                                                                     \
    "{" HEAD ",'choices':[{'index':0,'delta':{'content':'Hi',"                 \
    "'role':'assistant'},'finish_reason':null}]}"
#define STOP                                                                   \
    "{" HEAD ",'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]}"
/* The id is the request's as long as the upstream gave none. */
#define MADE                                                                   \
    "'id':'chatcmpl-r1','object':'chat.completion.chunk','created':7,"         \
    "'model':'m'"
#define USAGE "{" HEAD USAGE_OF
#define USAGE_OF                                                               \
    ",'choices':[],'usage':{'prompt_tokens':3,"                                \
    "'completion_tokens':2,'total_tokens':5,'prompt_tokens_details':"          \
    "{'cached_tokens':0,'cache_write_tokens':0},"                              \
    "'completion_tokens_details':{'reasoning_tokens':0}}}"
#define CUT                                                                    \
    "{'error':{'message':'The upstream service ended the stream before the "   \
    "answer was complete.','type':'server_error','param':null,"                \
    "'code':'stream_truncated'}}"

START_TEST(from_another_language)
{
    check_toy("data: Hi\n\ndata: stop\n\n", &toy_events, NULL,
              "data: " HI "\n\ndata: " STOP "\n\ndata: " USAGE
              "\n\ndata: [DONE]\n\n",
              1);
}
END_TEST

START_TEST(cut_in_another_language)
{
    check_toy("data: Hi\n\n", &toy_events, NULL,
              "data: " HI "\n\ndata: " CUT "\n\n", 0);
}
END_TEST

START_TEST(between_two_languages)
{
    check_toy("data: Hi\n\n:\n\ndata: stop\n\n", &toy_events, &toy_client,
              "> " HI "\n> " STOP "\n> " USAGE "\n> [DONE]\n", 1);
    check_toy("data: Hi\n\n", &toy_events, &toy_client, "> " HI "\n> " CUT "\n",
              0);
}
END_TEST

START_TEST(fails_in_the_middle)
{
    check_toy(
        "data: Hi\n\ndata: fail\n\n", &toy_events, &toy_client,
        "> " HI "\n> {'error':{'message':'Too much.',"
        "'type':'overloaded_error','param':null,'code':'server_error'}}\n",
        0);
}
END_TEST

#define LETTER(x, role)                                                        \
    "> {" HEAD ",'choices':[{'index':0,'delta':{'content':'" x "'" role        \
    "},'finish_reason':null}]}\n"

START_TEST(bytes)
{
    check_toy("ab.", &toy_binary, &toy_client,
              LETTER("a", ",'role':'assistant'")
                  LETTER("b", "") "> " STOP "\n> " USAGE "\n> [DONE]\n",
              1);
}
END_TEST

/* What came before it is shown, and then that it broke. */
START_TEST(bytes_that_are_garbage)
{
    check_toy("a!b.", &toy_binary, &toy_client,
              LETTER("a", ",'role':'assistant'") "> " CUT "\n", 0);
}
END_TEST

START_TEST(tool_call)
{
    check_toy("data: tool\n\ndata: stop\n\n", &toy_events, &toy_client,
              "> {" MADE ",'choices':[{'index':0,'delta':{'tool_calls':["
              "{'index':0,'id':'c1','type':'function','function':{"
              "'name':'f','arguments':''}}],'role':'assistant'},"
              "'finish_reason':null}]}\n"
              "> {" MADE ",'choices':[{'index':0,'delta':{'tool_calls':["
              "{'index':0,'function':{'arguments':'{}'}}]},"
              "'finish_reason':null}]}\n"
              "> {" MADE ",'choices':[{'index':0,'delta':{},"
              "'finish_reason':'stop'}]}\n"
              "> {" MADE USAGE_OF "\n> [DONE]\n",
              1);
}
END_TEST

TCase *azl_test_hub(void)
{
    TCase *tc = azl_test_tcase("hub");

    tcase_add_test(tc, names_that_are_told);
    tcase_add_test(tc, names_are_told_once);
    tcase_add_test(tc, written);
    tcase_add_test(tc, tree_read);
    tcase_add_loop_test(tc, left_out_or_refused, 0, 6);
    tcase_add_test(tc, refused_with_its_path);
    tcase_add_test(tc, answer);
    tcase_add_test(tc, from_another_language);
    tcase_add_test(tc, cut_in_another_language);
    tcase_add_test(tc, between_two_languages);
    tcase_add_test(tc, fails_in_the_middle);
    tcase_add_test(tc, bytes);
    tcase_add_test(tc, bytes_that_are_garbage);
    tcase_add_test(tc, tool_call);
    return tc;
}
