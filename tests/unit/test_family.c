#include "azl_family.h"
#include "dialect_fixture.h"

/* What goes out for a model of that name. */
static azl_body_t sent;

static const char *sent_as(azl_op_e op, const char *model, azl_params_e params,
                           const char *text)
{
    azl_deployment_t *d = deployment_at("openai", "https://h", NULL, "dep");
    const char *out = "";
    azl_document_t doc;
    azl_error_t err;
    int i;

    d->family = azl_family_find(model);
    ck_assert_msg(azl_document_read(azl_test_pool, op, params, NULL,
                                    quoted_span(text), &doc, &err),
                  "%s: %s", text, err.message);
    d->endpoint->dialect->body(azl_test_pool, d, &doc, NULL, &sent);
    for (i = 0; i < sent.npieces; ++i) {
        out =
            apr_pstrcat(azl_test_pool, out, azl_test_str(sent.pieces[i]), NULL);
    }
    return out;
}

static const char *sent_to(const char *model, azl_params_e params,
                           const char *text)
{
    return sent_as(AZL_OP_CHAT, model, params, text);
}

/* The same name stands for the same rules. */
static const struct {
    const char *name;
    const char *as; /* NULL: nothing is known */
} names[] = {
    {"gpt-5", "gpt-5"},
    {"gpt-5-mini-2025-08-07", "gpt-5"},
    {"openai/gpt-5-nano", "gpt-5"},
    {"openrouter/openai/GPT-5-Codex", "gpt-5-codex"},
    {"gpt-5-chat-latest", "gpt-5-chat"},
    {"gpt-5-search-api", "gpt-5-search"},
    {"gpt-5.1", "gpt-5.1"},
    {"gpt-5.1-2025-11-13", "gpt-5.1"},
    {"gpt-5.1-codex-mini", "gpt-5.1-codex"},
    {"gpt-5.1-codex-max-2026", "gpt-5.1-codex-max"},
    {"gpt-5-pro-2025-10-06", "gpt-5-pro"},
    {"gpt-5-codex", "openai/gpt-5-codex"},
    {"gpt-5.1-chat-latest", "gpt-5.1-chat"},
    {"gpt-5.6-sol", "gpt-5.6"},
    {"gpt-5.9", "gpt-5.10"}, /* not known yet: what takes least */
    {"gpt-5.9-pro", "gpt-5.10"},
    {"gpt-4-32k", "gpt-4"},
    {"gpt-4.1-mini", "gpt-4"},
    {"gpt-4o-mini", "gpt-4o"},
    {"gpt-4o-mini-search-preview", "gpt-4o-mini-search"},
    {"gpt-4o-search-preview-2025-03-11", "gpt-4o-search"},
    {"gpt-35-turbo", "gpt-35"},
    {"o1-mini", "o1"},
    {"o3", "o3"},
    {"azure/o4-mini", "o4"},
    {"o11y-bot", NULL},
    {"o", NULL},
    {"gpt-oss-120b", NULL},
    {"gpt-50", NULL},
    {"gpt-6", NULL},
    {"gpt-5/mistral", NULL},
    {"my-gpt-5", NULL},
    {"", NULL},
    {NULL, NULL},
};

START_TEST(families_by_name)
{
    const azl_family_t *family = azl_family_find(names[_i].name);

    ck_assert_ptr_eq(family,
                     names[_i].as ? azl_family_find(names[_i].as) : NULL);
    ck_assert(!names[_i].as || family);
}
END_TEST

#define ALL                                                                    \
    "{'max_tokens':9,'temperature':0.5,'top_p':0.5,'logprobs':true,"           \
    "'top_logprobs':2,'stop':'x','presence_penalty':1,'frequency_penalty':1,"  \
    "'logit_bias':{},'prediction':{},'reasoning_effort':'low','audio':{},"     \
    "'modalities':['audio'],'n':2,'seed':1,'tools':[],'tool_choice':'auto',"   \
    "'parallel_tool_calls':true,'messages':[],'model':'m'}"

/* What each family leaves out of everything there is. */
static const struct {
    const char *model;
    const char *dropped;
    int renames;
} families[] = {
    {"gpt-oss", "", 0},
    {"gpt-4.1", "reasoning_effort", 0},
    {"gpt-4o", "reasoning_effort", 0},
    {"gpt-3.5-turbo", "reasoning_effort", 0},
    {"gpt-5-chat", "reasoning_effort", 0},
    {"gpt-4o-search-preview",
     "temperature,logprobs,top_logprobs,presence_penalty,frequency_penalty,"
     "reasoning_effort,n,seed,tools,tool_choice,parallel_tool_calls",
     0},
    {"o1",
     "temperature,top_p,logprobs,top_logprobs,presence_penalty,"
     "frequency_penalty,logit_bias,prediction",
     1},
    {"o3",
     "temperature,top_p,logprobs,top_logprobs,stop,presence_penalty,"
     "frequency_penalty,logit_bias,prediction",
     1},
    {"gpt-5",
     "temperature,top_p,logprobs,top_logprobs,stop,presence_penalty,"
     "frequency_penalty,logit_bias,prediction,audio,modalities",
     1},
    {"gpt-5.1-codex", "temperature,top_p,logprobs,top_logprobs", 1},
    {"gpt-5.2", "temperature,top_p,logprobs,top_logprobs", 1},
    {"gpt-5.6", "temperature,top_p,logprobs,top_logprobs", 1},
};

START_TEST(what_each_family_takes)
{
    const char *out = sent_to(families[_i].model, AZL_PARAMS_DROP, ALL);

    ck_assert_str_eq(sent.dropped ? sent.dropped : "", families[_i].dropped);
    ck_assert_int_eq(strstr(out, "\"max_completion_tokens\":9,") != NULL,
                     families[_i].renames);
    ck_assert_int_eq(strstr(out, "\"max_tokens\":9,") != NULL,
                     !families[_i].renames);
}
END_TEST

/* Byte for byte, whatever stands around what is left out. */
static const struct {
    const char *model;
    const char *body;
    const char *sent;
    const char *dropped; /* NULL: nothing */
} drops[] = {
    {"o3", "{'model':'m','temperature':0.2,'n':2}", "{'model':'dep','n':2}",
     "temperature"},
    {"o3", "{'temperature':0.2,'model':'m'}", "{'model':'dep'}", "temperature"},
    {"o3", "{'model':'m' , 'temperature' : 0.2 }", "{'model':'dep' }",
     "temperature"},
    {"o3", "{ 'model':'m','top_p':1,\n 'temperature' : 0.2\n}",
     "{ 'model':'dep'\n}", "top_p,temperature"},
    {"o3", "{'top_p':1,'model':'m','stop':[',','}'],'n':1,'logit_bias':{}}",
     "{'model':'dep','n':1}", "top_p,stop,logit_bias"},
    /* what nobody takes beside it, before, behind and between */
    {"o3", "{'x':1,'top_p':1,'model':'m'}", "{'model':'dep'}", "top_p"},
    {"o3", "{'top_p':1,'x':1,'model':'m'}", "{'model':'dep'}", "top_p"},
    {"o3", "{'model':'m','top_p':1,'x':1}", "{'model':'dep'}", "top_p"},
    {"o3", "{'model':'m','x':1,'top_p':1}", "{'model':'dep'}", "top_p"},
    {"o3", "{'model':'m','x':1,'top_p':1,'y':2 , 'n':1,'z':1}",
     "{'model':'dep','n':1}", "top_p"},
    {"o3", "{'x':1,'model':'m','n':1,'y':1,'top_p':1}", "{'model':'dep','n':1}",
     "top_p"},
    /* nothing is left */
    {"o3", "{'top_p':1}", "{'model':'dep'}", "top_p"},
    {"o3", "{ 'x':1, 'top_p':1 }", "{'model':'dep'  }", "top_p"},
    /* renamed, in its place */
    {"o3", "{ 'max_tokens' : 5,'model':'m','top_p':1}",
     "{ 'max_completion_tokens' : 5,'model':'dep'}", "top_p"},
    {"o3", "{'max_completion_tokens':6,'max_tokens':5,'model':'m'}",
     "{'max_completion_tokens':6,'model':'dep'}", "max_tokens"},
    {"gpt-4o", "{'max_tokens':5,'model':'m'}", "{'max_tokens':5,'model':'dep'}",
     NULL},
    /* what says nothing may stay */
    {"o3", "{'model':'m','temperature':1,'top_p':null,'stop':null}",
     "{'model':'dep','temperature':1,'top_p':null,'stop':null}", NULL},
    {"o3", "{'temperature':1.00,'model':'m'}",
     "{'temperature':1.00,'model':'dep'}", NULL},
    {"o3", "{'temperature':1.01,'model':'m'}", "{'model':'dep'}",
     "temperature"},
    {"o3", "{'temperature':10,'model':'m'}", "{'model':'dep'}", "temperature"},
    {"gpt-5", "{'modalities':['text'],'model':'m'}",
     "{'modalities':['text'],'model':'dep'}", NULL},
    {"gpt-4o-search-preview", "{'n':1,'model':'m'}", "{'n':1,'model':'dep'}",
     NULL},
    /* sampling, where it depends on whether the model reasons */
    {"gpt-5.1", "{'model':'m','temperature':0}",
     "{'model':'dep','temperature':0}", NULL},
    {"gpt-5.1", "{'model':'m','temperature':0,'reasoning_effort':'none'}",
     "{'model':'dep','temperature':0,'reasoning_effort':'none'}", NULL},
    {"gpt-5.1", "{'model':'m','temperature':0,'reasoning_effort':null}",
     "{'model':'dep','temperature':0,'reasoning_effort':null}", NULL},
    {"gpt-5.1", "{'model':'m','temperature':0,'reasoning_effort':'low'}",
     "{'model':'dep','reasoning_effort':'low'}", "temperature"},
    {"gpt-5.5", "{'model':'m','temperature':0}", "{'model':'dep'}",
     "temperature"},
    {"gpt-5.5", "{'model':'m','reasoning_effort':'none','top_logprobs':1}",
     "{'model':'dep','reasoning_effort':'none','top_logprobs':1}", NULL},
    /* with all that is changed for everybody */
    {"gpt-5", "{'stop':'x','stream':true,'max_tokens':5,'model':'m'}",
     "{'stream_options':{'include_usage':true},'stream':true,"
     "'max_completion_tokens':5,'model':'dep'}",
     "stop"},
};

START_TEST(what_is_dropped)
{
    ck_assert_str_eq(sent_to(drops[_i].model, AZL_PARAMS_DROP, drops[_i].body),
                     quoted(drops[_i].sent));
    if (drops[_i].dropped) {
        ck_assert_str_eq(sent.dropped, drops[_i].dropped);
    }
    else {
        ck_assert_ptr_null(sent.dropped);
    }
    ck_assert_ptr_null(sent.refusal);
}
END_TEST

START_TEST(what_is_kept)
{
    ck_assert_str_eq(
        sent_to("o3", AZL_PARAMS_KEEP,
                "{'model':'m','x':1, 'max_tokens':5,'temperature':0 }"),
        quoted("{'model':'dep','x':1, 'max_completion_tokens':5,"
               "'temperature':0 }"));
    ck_assert_ptr_null(sent.dropped);
    ck_assert_ptr_null(sent.refusal);
}
END_TEST

START_TEST(what_is_refused)
{
    sent_to("o3", AZL_PARAMS_REJECT, "{'model':'m','stop':'x','top_p':1}");
    ck_assert_ptr_nonnull(sent.refusal);
    ck_assert_int_eq(sent.refusal->status, 400);
    ck_assert_str_eq(sent.refusal->code, "unsupported_parameter");
    ck_assert_str_eq(sent.refusal->param, "stop");
    ck_assert_ptr_nonnull(strstr(sent.refusal->message, "'stop'"));
    sent_to("o3", AZL_PARAMS_REJECT, "{'model':'m','max_tokens':5}");
    ck_assert_ptr_null(sent.refusal);
}
END_TEST

/* What becomes of each level: n, 1 to 4 (minimal to high), x and m stand for
 * the levels; "-": it stays. */
static const struct {
    const char *model;
    const char *becomes; /* in this order */
} efforts[] = {
    {"o3", "22---44"},
    {"o1", "22---44"},
    {"gpt-5", "1----44"},
    {"gpt-5-mini", "1----44"},
    {"gpt-5-codex", "22---44"},
    {"gpt-5-pro", "4444-44"},
    {"gpt-5.1", "-2---44"},
    {"gpt-5.1-codex", "22---44"},
    {"gpt-5.1-codex-max", "22----x"},
    {"gpt-5.1-chat", "333-333"},
    {"gpt-5.2", "-2----x"},
    {"gpt-5.2-codex", "22----x"},
    {"gpt-5.2-pro", "333---x"},
    {"gpt-5.4", "-2----x"},
    {"gpt-5.4-pro", "333---x"},
    {"gpt-5.5", "-2----x"},
    {"gpt-5.5-pro", "333---x"},
    {"gpt-5.6-sol", "-2-----"},
    {"gpt-5.9", "-------"},
    {"gpt-oss-120b", "-------"},
};

static const char *const levels[] = {"none", "minimal", "low", "medium",
                                     "high", "xhigh",   "max"};
#define NLEVELS ((int)(sizeof(levels) / sizeof(levels[0])))

static const char *body_of(azl_op_e op, const char *level)
{
    return apr_psprintf(azl_test_pool,
                        op == AZL_OP_CHAT
                            ? "{'model':'dep','reasoning_effort' : '%s'}"
                            : "{'reasoning':{ 'summary':null,'effort' : '%s'},"
                              "'model':'dep'}",
                        level);
}

static void check_effort(azl_op_e op, const char *model, const char *level,
                         const char *becomes)
{
    const char *body = body_of(op, level);
    const char *name =
        op == AZL_OP_CHAT ? "reasoning_effort" : "reasoning.effort";

    ck_assert_str_eq(sent_as(op, model, AZL_PARAMS_KEEP, body), quoted(body));
    ck_assert_ptr_null(sent.dropped);
    ck_assert_ptr_null(sent.refusal);
    ck_assert_str_eq(sent_as(op, model, AZL_PARAMS_DROP, body),
                     quoted(body_of(op, becomes)));
    if (level == becomes) {
        ck_assert_ptr_null(sent.dropped);
    }
    else {
        ck_assert_str_eq(sent.dropped, name);
    }
    sent_as(op, model, AZL_PARAMS_REJECT, body);
    if (level == becomes) {
        ck_assert_ptr_null(sent.refusal);
        return;
    }
    ck_assert_str_eq(sent.refusal->code, "unsupported_value");
    ck_assert_str_eq(sent.refusal->param, name);
    ck_assert_ptr_nonnull(
        strstr(sent.refusal->message,
               apr_psprintf(azl_test_pool, "Unsupported value: '%s'", level)));
    ck_assert_ptr_nonnull(strstr(sent.refusal->message,
                                 apr_psprintf(azl_test_pool, "'%s'", becomes)));
}

START_TEST(levels_of_effort)
{
    static const char codes[] = "n1234xm";
    int i;

    for (i = 0; i < NLEVELS; ++i) {
        char code = efforts[_i].becomes[i];
        const char *becomes =
            code == '-' ? levels[i] : levels[strchr(codes, code) - codes];

        check_effort(AZL_OP_CHAT, efforts[_i].model, levels[i], becomes);
        check_effort(AZL_OP_RESPONSES, efforts[_i].model, levels[i], becomes);
    }
}
END_TEST

/* What nobody has heard of is for the upstream to judge. */
START_TEST(unheard_efforts)
{
    static const char *const values[] = {"'ultra'", "''", "7", "null", "{}"};
    const char *body = apr_psprintf(
        azl_test_pool, "{'reasoning_effort':%s,'model':'dep'}", values[_i]);

    ck_assert_str_eq(sent_to("o3", AZL_PARAMS_DROP, body), quoted(body));
    ck_assert_ptr_null(sent.dropped);
    sent_to("o3", AZL_PARAMS_REJECT, body);
    ck_assert_ptr_null(sent.refusal);
}
END_TEST

/* With members that are left out, in any order. */
START_TEST(effort_beside_drops)
{
    ck_assert_str_eq(
        sent_to("gpt-5.2", AZL_PARAMS_DROP,
                "{'x':1,'temperature':0,'reasoning_effort':'minimal',"
                "'max_tokens':5,'top_p':0.1,'model':'m'}"),
        quoted("{'reasoning_effort':'low','max_completion_tokens':5,"
               "'model':'dep'}"));
    ck_assert_str_eq(sent.dropped, "temperature,top_p,reasoning_effort");
}
END_TEST

/* The same on /responses. */
static const struct {
    const char *model;
    const char *body;
    const char *sent;
    const char *dropped; /* NULL: nothing */
} responses[] = {
    {"gpt-5", "{'model':'m','temperature':0.2,'top_p':0.5,'top_logprobs':2}",
     "{'model':'dep'}", "temperature,top_p,top_logprobs"},
    {"gpt-5", "{'model':'m','temperature':1,'top_p':null}",
     "{'model':'dep','temperature':1,'top_p':null}", NULL},
    {"gpt-4.1", "{'temperature':0.2,'reasoning':{'effort':'low'},'model':'m'}",
     "{'temperature':0.2,'model':'dep'}", "reasoning"},
    {"gpt-4.1", "{'reasoning':{'summary':'auto'},'model':'m'}",
     "{'model':'dep'}", "reasoning"},
    {"gpt-4.1", "{'reasoning':{'effort':null,'summary':null},'model':'m'}",
     "{'reasoning':{'effort':null,'summary':null},'model':'dep'}", NULL},
    {"gpt-4.1", "{'reasoning':{},'model':'m'}",
     "{'reasoning':{},'model':'dep'}", NULL},
    {"gpt-4.1", "{'reasoning':null,'model':'m'}",
     "{'reasoning':null,'model':'dep'}", NULL},
    {"gpt-5.1", "{'temperature':0.2,'reasoning':{'effort':'none'},'model':'m'}",
     "{'temperature':0.2,'reasoning':{'effort':'none'},'model':'dep'}", NULL},
    {"gpt-5.1", "{'temperature':0.2,'reasoning':{'effort':null},'model':'m'}",
     "{'temperature':0.2,'reasoning':{'effort':null},'model':'dep'}", NULL},
    {"gpt-5.1", "{'temperature':0.2,'reasoning':{'effort':'low'},'model':'m'}",
     "{'reasoning':{'effort':'low'},'model':'dep'}", "temperature"},
    {"gpt-5.5",
     "{'temperature':0.2,'reasoning':{'summary':'auto'},'model':'m'}",
     "{'reasoning':{'summary':'auto'},'model':'dep'}", "temperature"},
    {"gpt-5.5", "{'temperature':0.2,'reasoning':{'effort':'none'},'model':'m'}",
     "{'temperature':0.2,'reasoning':{'effort':'none'},'model':'dep'}", NULL},
    /* OpenAI's least */
    {"gpt-4.1", "{'max_output_tokens':15,'model':'m'}",
     "{'max_output_tokens':16,'model':'dep'}", "max_output_tokens"},
    {"gpt-4.1", "{'max_output_tokens':16,'model':'m'}",
     "{'max_output_tokens':16,'model':'dep'}", NULL},
    {"gpt-4.1", "{'max_output_tokens':null,'model':'m'}",
     "{'max_output_tokens':null,'model':'dep'}", NULL},
    {"gpt-oss", "{'max_output_tokens':1,'temperature':0,'model':'m'}",
     "{'max_output_tokens':1,'temperature':0,'model':'dep'}", NULL},
    {"gpt-5.1",
     "{'max_output_tokens':1,'reasoning':{'effort':'max'},'model':'m'}",
     "{'max_output_tokens':16,'reasoning':{'effort':'high'},'model':'dep'}",
     "reasoning.effort,max_output_tokens"},
};

START_TEST(responses_too)
{
    ck_assert_str_eq(sent_as(AZL_OP_RESPONSES, responses[_i].model,
                             AZL_PARAMS_DROP, responses[_i].body),
                     quoted(responses[_i].sent));
    if (responses[_i].dropped) {
        ck_assert_str_eq(sent.dropped, responses[_i].dropped);
    }
    else {
        ck_assert_ptr_null(sent.dropped);
    }
    sent_as(AZL_OP_RESPONSES, responses[_i].model, AZL_PARAMS_KEEP,
            responses[_i].body);
    ck_assert_ptr_null(sent.dropped);
    sent_as(AZL_OP_RESPONSES, responses[_i].model, AZL_PARAMS_REJECT,
            responses[_i].body);
    ck_assert_int_eq(sent.refusal != NULL, responses[_i].dropped != NULL);
}
END_TEST

START_TEST(too_few_tokens_are_refused)
{
    sent_as(AZL_OP_RESPONSES, "o3", AZL_PARAMS_REJECT,
            "{'model':'m','max_output_tokens':3}");
    ck_assert_str_eq(sent.refusal->code, "unsupported_value");
    ck_assert_str_eq(sent.refusal->param, "max_output_tokens");
    ck_assert_ptr_nonnull(strstr(sent.refusal->message, "'3'"));
    ck_assert_ptr_nonnull(strstr(sent.refusal->message, "16"));
}
END_TEST

/* Other surfaces have members of the same names. */
START_TEST(which_surfaces_have_settings)
{
    static const struct {
        azl_op_e op;
        int n;
    } surfaces[] = {{AZL_OP_COMPLETIONS, 0},
                    {AZL_OP_MESSAGES, 0},
                    {AZL_OP_CHAT, 1},
                    {AZL_OP_RESPONSES, 1}};
    azl_document_t doc;
    azl_error_t err;
    int i;

    for (i = 0; i < 4; ++i) {
        ck_assert(azl_document_read(
            azl_test_pool, surfaces[i].op, AZL_PARAMS_KEEP, NULL,
            quoted_span("{'temperature':0}"), &doc, &err));
        ck_assert_int_eq(doc.nsettings, surfaces[i].n);
    }
    ck_assert_str_eq(doc.settings->name, "temperature");
    ck_assert_str_eq(azl_test_str(doc.settings->key), "\"temperature\"");
}
END_TEST

/* More than there is room for at first: each is found where it stands. */
START_TEST(a_request_with_many_settings)
{
    static const char *const members[] = {"max_completion_tokens",
                                          "temperature",
                                          "top_p",
                                          "logprobs",
                                          "top_logprobs",
                                          "stop",
                                          "presence_penalty",
                                          "frequency_penalty",
                                          "logit_bias",
                                          "reasoning_effort",
                                          "n",
                                          "seed",
                                          "prediction",
                                          "max_tokens"};
    const int n = (int)(sizeof(members) / sizeof(members[0]));
    const char *text = "{";
    azl_document_t doc;
    azl_error_t err;
    int i;

    for (i = 0; i < n; ++i) {
        text = apr_psprintf(azl_test_pool, "%s\"%s\":%d%s", text, members[i], i,
                            i + 1 < n ? "," : "}");
    }
    ck_assert(azl_document_read(azl_test_pool, AZL_OP_CHAT, AZL_PARAMS_KEEP,
                                NULL, azl_span(text, strlen(text)), &doc,
                                &err));
    ck_assert_int_eq(doc.nsettings, n);
    for (i = 0; i < n; ++i) {
        ck_assert_str_eq(doc.settings[i].name, members[i]);
        ck_assert_str_eq(azl_test_str(doc.settings[i].value.raw),
                         apr_itoa(azl_test_pool, i));
    }
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

TCase *azl_test_family(void)
{
    TCase *tc = azl_test_tcase("family");

    tcase_add_loop_test(tc, families_by_name, 0, ROWS(names));
    tcase_add_loop_test(tc, what_each_family_takes, 0, ROWS(families));
    tcase_add_loop_test(tc, what_is_dropped, 0, ROWS(drops));
    tcase_add_test(tc, what_is_kept);
    tcase_add_test(tc, what_is_refused);
    tcase_add_loop_test(tc, levels_of_effort, 0, ROWS(efforts));
    tcase_add_loop_test(tc, unheard_efforts, 0, 5);
    tcase_add_test(tc, effort_beside_drops);
    tcase_add_loop_test(tc, responses_too, 0, ROWS(responses));
    tcase_add_test(tc, too_few_tokens_are_refused);
    tcase_add_test(tc, which_surfaces_have_settings);
    tcase_add_test(tc, a_request_with_many_settings);
    return tc;
}
