/*
 * What is changed in a chat, or a request to /responses, for a family of models
 * or the quirks of a server, without a tree: the document says where its
 * settings stand, and which members are left out for everybody.
 */
#include <apr_strings.h>

#include "azl_dialect_int.h"
#include "azl_family.h"
#include "azl_unfit.h"

/* OpenAI's least for max_output_tokens. */
#define OUTPUT_MIN 16

/* What may stand between two members. */
static int is_between(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind it, where the next member begins or the object ends. */
static const char *skip_on(const char *at)
{
    while (is_between(*at)) {
        ++at;
    }
    return at;
}

/* Before it, where the last member ended or the object began. */
static const char *skip_back(const char *at)
{
    while (is_between(at[-1])) {
        --at;
    }
    return at;
}

/* A run of members without the comma that was to go with it. */
static azl_span_t bare(azl_span_t run)
{
    const char *from = skip_on(run.at);
    const char *to = skip_back(run.at + run.len);

    return azl_span(from, (apr_size_t)(to - from));
}

/* Another run, behind all before it; the two may be neighbours. */
static void add_run(azl_fit_t *fit, azl_span_t *runs, azl_span_t run)
{
    azl_span_t *last = fit->ndrops ? &runs[fit->ndrops - 1] : NULL;

    if (last && skip_on(last->at + last->len) == run.at) {
        last->len = (apr_size_t)(run.at + run.len - last->at);
    }
    else {
        runs[fit->ndrops++] = run;
    }
}

/* Each run takes the comma behind it along, the last member's the one before.
 */
static void take_commas(azl_fit_t *fit, azl_span_t *runs)
{
    int i;

    for (i = 0; i < fit->ndrops; ++i) {
        const char *from = runs[i].at;
        const char *to = from + runs[i].len;
        const char *next = skip_on(to);
        const char *before = skip_back(from);

        if (*next != '}') {
            to = next;
        }
        else if (before[-1] != '{') {
            from = before;
        }
        else {
            fit->empty = 1;
        }
        runs[i] = azl_span(from, (apr_size_t)(to - from));
    }
}

/* The document's own drops and the settings that are refused or unknown, both
 * in order of position. What is unknown is not told. */
static void drop(apr_pool_t *p, const azl_document_t *doc, unsigned refused,
                 unsigned unknown, azl_fit_t *fit)
{
    azl_span_t *runs =
        apr_palloc(p, sizeof(*runs) * ((apr_size_t)doc->ndrops +
                                       (apr_size_t)doc->nsettings));
    const char *names = NULL;
    int next = 0;
    int i;

    fit->ndrops = 0;
    for (i = 0; i < doc->nsettings; ++i) {
        const azl_setting_t *s = &doc->settings[i];
        const char *end = s->value.raw.at + s->value.raw.len;

        if (!((refused | unknown) & (1u << s->param))) {
            continue;
        }
        while (next < doc->ndrops && doc->drops[next].at < s->key.at) {
            add_run(fit, runs, bare(doc->drops[next++]));
        }
        add_run(fit, runs, azl_span(s->key.at, (apr_size_t)(end - s->key.at)));
        if (refused & (1u << s->param)) {
            names = names ? apr_pstrcat(p, names, ",", s->name, NULL) : s->name;
        }
    }
    while (next < doc->ndrops) {
        add_run(fit, runs, bare(doc->drops[next++]));
    }
    take_commas(fit, runs);
    fit->drops = runs;
    fit->dropped = names;
}

static const azl_setting_t *setting(const azl_document_t *doc, unsigned params)
{
    int i;

    for (i = 0; i < doc->nsettings; ++i) {
        if (params & (1u << doc->settings[i].param)) {
            return &doc->settings[i];
        }
    }
    return NULL;
}

/* A setting that is there without the other, which means the same. */
static const azl_setting_t *alone(const azl_document_t *doc, azl_param_e param,
                                  azl_param_e other)
{
    return setting(doc, 1u << other) ? NULL : setting(doc, 1u << param);
}

/* What the limit of tokens is called. */
static void fit_name(const azl_deployment_t *d, const azl_document_t *doc,
                     azl_fit_t *fit)
{
    if (d->endpoint->quirks & AZL_QUIRK_MAX_TOKENS) {
        fit->name = "\"max_tokens\"";
        fit->rename =
            alone(doc, AZL_PARAM_MAX_COMPLETION_TOKENS, AZL_PARAM_MAX_TOKENS);
    }
    else if (d->family && azl_family_renames(d->family)) {
        fit->name = "\"max_completion_tokens\"";
        fit->rename =
            alone(doc, AZL_PARAM_MAX_TOKENS, AZL_PARAM_MAX_COMPLETION_TOKENS);
    }
}

/* What the server does not know, whatever is configured: nobody asks it for
 * anything by that. */
static unsigned unknown_there(const azl_deployment_t *d,
                              const azl_document_t *doc)
{
    unsigned bit = 1u << AZL_PARAM_STREAM_OPTIONS;

    return (d->endpoint->quirks & AZL_QUIRK_NO_STREAM_OPTIONS) &&
                   setting(doc, bit)
               ? bit
               : 0;
}

/*
 * Values that are not taken
 */

/* A value that becomes the one that is nearest to it, or why the request is
 * refused. */
static void swap(apr_pool_t *p, azl_params_e params, const char *name,
                 azl_span_t raw, azl_span_t word, const char *nearest,
                 const char *taken, azl_fit_t *fit)
{
    azl_error_t *err;

    if (params == AZL_PARAMS_REJECT) {
        if (!fit->refusal) {
            err = apr_palloc(p, sizeof(*err));
            azl_unfit_value(p, name, word, taken, err);
            fit->refusal = err;
        }
        return;
    }
    fit->swaps[fit->nswaps].at = raw;
    fit->swaps[fit->nswaps++].text = nearest;
    fit->dropped =
        fit->dropped ? apr_pstrcat(p, fit->dropped, ",", name, NULL) : name;
}

static void fit_effort(apr_pool_t *p, const azl_family_t *family,
                       const azl_document_t *doc, azl_fit_t *fit)
{
    azl_span_t raw = azl_family_effort_of(doc);
    azl_span_t word;
    const char *nearest;

    if (!raw.len) {
        return;
    }
    word = azl_span(raw.at + 1, raw.len - 2);
    nearest = azl_family_effort(family, word);
    if (nearest) {
        swap(p, doc->params,
             doc->op == AZL_OP_CHAT ? "reasoning_effort" : "reasoning.effort",
             raw, word, apr_pstrcat(p, "\"", nearest, "\"", NULL),
             azl_family_efforts(p, family), fit);
    }
}

static void fit_length(apr_pool_t *p, const azl_document_t *doc, azl_fit_t *fit)
{
    const azl_setting_t *s = setting(doc, 1u << AZL_PARAM_MAX_OUTPUT_TOKENS);
    apr_int64_t n;

    if (s && azl_scan_uint(s->value.raw, &n) && n < OUTPUT_MIN) {
        swap(p, doc->params, s->name, s->value.raw, s->value.raw,
             APR_STRINGIFY(OUTPUT_MIN),
             "whole numbers from " APR_STRINGIFY(OUTPUT_MIN) " on", fit);
    }
}

void azl_fit(apr_pool_t *p, const azl_deployment_t *d,
             const azl_document_t *doc, azl_fit_t *fit)
{
    /* with keep the upstream says what it thinks of it */
    int judged = d->family && doc->params != AZL_PARAMS_KEEP;
    unsigned refused, unknown;
    azl_error_t *err;

    memset(fit, 0, sizeof(*fit));
    fit->ndrops = doc->ndrops;
    fit->drops = doc->drops;
    fit->empty = doc->empty;
    if ((!d->family && !d->endpoint->quirks) || !doc->nsettings) {
        return;
    }
    fit_name(d, doc, fit);
    unknown = unknown_there(d, doc);
    refused = judged ? azl_family_refused(d->family, doc) : 0;
    if (refused && doc->params == AZL_PARAMS_REJECT) {
        err = apr_palloc(p, sizeof(*err));
        azl_unfit_member(p, setting(doc, refused)->name, err);
        fit->refusal = err;
    }
    else if (refused | unknown) {
        drop(p, doc, refused, unknown, fit);
    }
    if (judged) {
        fit_effort(p, d->family, doc, fit);
        fit_length(p, doc, fit);
    }
}
