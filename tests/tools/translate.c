/*
 * translate: what the gateway makes of one exchange, without a gateway.
 *
 *     translate dialect=NAME url=URL [model=NAME] [family=NAME] [surface=NAME]
 *               op=OPERATION request=FILE [answer=FILE | stream=FILE]
 *               [failure=FILE status=N] [params=keep|drop|reject]
 *
 * The client's request goes to the upstream by the way that its operation has,
 * and the upstream's bytes come back. A stream is translated whole, cut in two
 * at every byte (at some, if it is long), and byte by byte.
 *
 * Prints one JSON object. Texts are strings in it, so that whoever reads it can
 * judge for himself whether they are JSON:
 *     error     the refusal of the request: status, code, param, message
 *     hub       the request in the hub form, if the client speaks another
 *     upstream  the request as it is sent
 *     dropped   members that were left out
 *     answer    what the client gets: a document, or a stream's events
 *     kept      state that was kept: {"kind/id": state}
 *     whole     whether the answer ended well
 *     runs      in how many ways the stream was cut
 *     differs   where it was cut when something else came of it; 0: byte by
 *               byte
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "azl_dialect.h"
#include "azl_reply.h"
#include "azl_write.h"

#define ALIAS "the-alias"
/* Bytes that all cuts of one stream may have to read together. */
#define CUTS_MAX ((apr_size_t)128 * 1024 * 1024)

typedef struct job_t {
    apr_pool_t *pool;
    apr_table_t *options;
    azl_deployment_t *deployment;
    const azl_way_t *way;
    azl_document_t doc;
    azl_exchange_t *ex;
    azl_reply_rules_t rules;
    azl_write_t w; /* what is printed */
} job_t;

/* What comes of one stream. */
typedef struct outcome_t {
    azl_buf_t *out;
    apr_table_t *kept;
    azl_stream_state_t state;
    apr_status_t rv;
    int whole;
} outcome_t;

static void die(const char *what, const char *which)
{
    fprintf(stderr, "translate: %s%s%s\n", what, which ? ": " : "",
            which ? which : "");
    exit(2);
}

static const char *option(const job_t *job, const char *name)
{
    return apr_table_get(job->options, name);
}

static const char *needed(const job_t *job, const char *name)
{
    const char *value = option(job, name);

    if (!value) {
        die("an option is missing", name);
    }
    return value;
}

static azl_span_t content(const azl_buf_t *buf)
{
    return azl_span(buf->data, buf->len);
}

static azl_span_t read_file(apr_pool_t *p, const char *path)
{
    apr_size_t len = 0;
    apr_finfo_t info;
    apr_file_t *f;
    char *data;

    if (apr_file_open(&f, path, APR_FOPEN_READ, 0, p) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, f) != APR_SUCCESS) {
        die("cannot be read", path);
    }
    data = apr_palloc(p, (apr_size_t)info.size + 1);
    if (info.size) {
        apr_file_read_full(f, data, (apr_size_t)info.size, &len);
    }
    apr_file_close(f);
    return azl_span(data, len);
}

/*
 * State
 */

static char *kept_name(apr_pool_t *p, const char *kind, azl_span_t id)
{
    return apr_pstrcat(p, kind, "/", apr_pstrmemdup(p, id.at, id.len), NULL);
}

static void keep(void *baton, const char *kind, azl_span_t id, azl_span_t state)
{
    apr_pool_t *p = apr_table_elts(baton)->pool;

    apr_table_setn(baton, kept_name(p, kind, id),
                   apr_pstrmemdup(p, state.at, state.len));
}

static azl_span_t recall(void *baton, apr_pool_t *p, const char *kind,
                         azl_span_t id)
{
    return azl_span_str(apr_table_get(baton, kept_name(p, kind, id)));
}

/*
 * The request
 */

static azl_op_e op_of(const char *name)
{
    int op;

    for (op = AZL_OP_NONE + 1; op <= AZL_OP_LAST_MODEL_CALL; ++op) {
        if (strcmp(azl_op_name((azl_op_e)op), name) == 0) {
            return (azl_op_e)op;
        }
    }
    die("no such operation", name);
    return AZL_OP_NONE;
}

static azl_params_e params_of(const char *name)
{
    if (!name || strcmp(name, "keep") == 0) {
        return AZL_PARAMS_KEEP;
    }
    return strcmp(name, "drop") == 0 ? AZL_PARAMS_DROP : AZL_PARAMS_REJECT;
}

static void make_deployment(job_t *job)
{
    apr_pool_t *p = job->pool;
    azl_endpoint_t *e = apr_pcalloc(p, sizeof(*e));
    azl_deployment_t *d = apr_pcalloc(p, sizeof(*d));
    const char *surface = option(job, "surface");
    const char *model = option(job, "model");
    const char *host;

    e->name = "here";
    e->url = needed(job, "url");
    host = strstr(e->url, "://");
    host = host ? host + strlen("://") : e->url;
    e->host = apr_pstrmemdup(p, host, strcspn(host, "/"));
    e->dialect = azl_dialect_find(needed(job, "dialect"));
    if (!e->dialect) {
        die("no such dialect", needed(job, "dialect"));
    }
    d->endpoint = e;
    d->name = model ? model : "model";
    d->name_json = apr_pstrcat(p, "\"", d->name, "\"", NULL);
    d->id = apr_pstrcat(p, "here/", d->name, NULL);
    d->responses_only = surface && strcmp(surface, "responses") == 0;
    d->chat_only = surface && strcmp(surface, "chat") == 0;
    d->ways = azl_dialect_ways(p, d);
    job->deployment = d;
}

static void make_exchange(job_t *job, azl_op_e op)
{
    azl_exchange_t *ex = apr_pcalloc(job->pool, sizeof(*ex));
    const char *family = option(job, "family");

    ex->pool = job->pool;
    ex->deployment = job->deployment;
    ex->alias = ALIAS;
    ex->family = family ? family : job->deployment->name;
    ex->op = op;
    ex->streamed = job->doc.stream;
    ex->params = params_of(option(job, "params"));
    ex->now = apr_time_from_sec(1700000000);
    ex->request_id = "0123456789abcdef0123456789abcdef";
    ex->keep = keep;
    ex->recall = recall;
    ex->kept = apr_table_make(job->pool, 4);
    job->ex = ex;
}

static int parse(job_t *job, azl_span_t doc, const azl_json_t **tree,
                 azl_error_t *err)
{
    azl_json_t *json = NULL;
    const char *why = azl_json_parse(job->pool, doc, &json);

    *tree = json;
    if (why) {
        azl_error_invalid(err, "invalid_json", NULL, why);
    }
    return why == NULL;
}

static int bring_in(job_t *job, azl_error_t *err)
{
    azl_buf_t *hub = azl_buf_create(job->pool, AZL_HUB_DOCUMENT_MAX);

    if (!parse(job, job->doc.body, &job->ex->client, err) ||
        !job->way->inbound->request(job->ex, hub, err)) {
        return 0;
    }
    azl_write_text(&job->w, "hub", content(hub));
    return azl_document_read(job->pool, AZL_OP_CHAT, AZL_PARAMS_KEEP, NULL,
                             content(hub), &job->doc, err);
}

static int send_out(job_t *job, azl_error_t *err)
{
    const azl_outbound_t *outbound = job->way->outbound;
    azl_buf_t *out = azl_buf_create(job->pool, AZL_HUB_DOCUMENT_MAX);
    azl_body_t body;
    int i;

    if (outbound) {
        if (!parse(job, job->doc.body, &job->ex->hub, err) ||
            !outbound->request(job->ex, out, err)) {
            return 0;
        }
    }
    else {
        job->deployment->endpoint->dialect->body(job->pool, job->deployment,
                                                 &job->doc, NULL, &body);
        for (i = 0; i < body.npieces; ++i) {
            azl_buf_span(out, body.pieces[i]);
        }
    }
    azl_write_text(&job->w, "upstream", content(out));
    return 1;
}

static int ask(job_t *job, azl_error_t *err)
{
    azl_op_e op = op_of(needed(job, "op"));

    make_deployment(job);
    job->way = &job->deployment->ways[op];
    if (!job->way->url) {
        die("the deployment does not have it", needed(job, "op"));
    }
    if (!azl_document_read(job->pool, op, AZL_PARAMS_KEEP, NULL,
                           read_file(job->pool, needed(job, "request")),
                           &job->doc, err)) {
        return 0;
    }
    make_exchange(job, op);
    if (job->way->inbound && !bring_in(job, err)) {
        return 0;
    }
    return send_out(job, err);
}

/*
 * Printing
 */

static void write_error(job_t *job, const char *name, const azl_error_t *err)
{
    azl_write_open(&job->w, name, '{');
    azl_write_int(&job->w, "status", err->status);
    azl_write_str(&job->w, "code", err->code);
    azl_write_str(&job->w, "param", err->param);
    azl_write_str(&job->w, "message", err->message);
    azl_write_close(&job->w, '}');
}

static void write_dropped(job_t *job)
{
    const apr_array_header_t *dropped = job->ex->dropped;
    int i;

    azl_write_open(&job->w, "dropped", '[');
    for (i = 0; dropped && i < dropped->nelts; ++i) {
        azl_write_str(&job->w, NULL, APR_ARRAY_IDX(dropped, i, const char *));
    }
    azl_write_close(&job->w, ']');
}

static int write_state(void *baton, const char *name, const char *state)
{
    azl_write_str(baton, name, state);
    return 1;
}

static void write_kept(job_t *job, const apr_table_t *kept)
{
    azl_write_open(&job->w, "kept", '{');
    apr_table_do(write_state, &job->w, kept, NULL);
    azl_write_close(&job->w, '}');
}

/*
 * Whole answers
 */

static void answer(job_t *job, azl_span_t doc)
{
    const azl_way_t *way = job->way;
    azl_buf_t *hub = azl_buf_create(job->pool, AZL_HUB_DOCUMENT_MAX);
    azl_buf_t *told = azl_buf_create(job->pool, AZL_HUB_DOCUMENT_MAX);
    azl_buf_t *out = azl_buf_create(job->pool, AZL_HUB_DOCUMENT_MAX);
    apr_status_t rv = APR_SUCCESS;
    azl_usage_t usage;

    memset(&usage, 0, sizeof(usage));
    if (way->outbound) {
        rv = way->outbound->answer(job->ex, doc, hub);
        doc = content(hub);
    }
    if (rv == APR_SUCCESS) {
        rv = azl_reply_rewrite(&job->rules, doc, told, &usage);
        doc = content(told);
    }
    if (rv == APR_SUCCESS && way->inbound) {
        rv = way->inbound->answer(job->ex, doc, out);
        doc = content(out);
    }
    azl_write_text(&job->w, "answer", doc);
    azl_write_bool(&job->w, "whole", rv == APR_SUCCESS);
    write_kept(job, job->ex->kept);
}

/* An error that the upstream answered with, in the hub's form. */
static void failure(job_t *job, azl_span_t body)
{
    const azl_outbound_t *outbound = job->way->outbound;
    azl_buf_t *out = azl_buf_create(job->pool, AZL_HUB_DOCUMENT_MAX);
    int status = atoi(needed(job, "status"));
    azl_error_t err;

    if (outbound && outbound->failure) {
        status = outbound->failure(job->ex, status, NULL, body, out);
        body = out->len ? content(out) : body;
    }
    azl_failure_read(job->pool, job->deployment, status,
                     apr_table_make(job->pool, 1), body, &err);
    write_error(job, "failure", &err);
}

/*
 * Streams
 */

/* In memory of its own, so that a byte too many is not the next piece's. */
static apr_status_t feed(azl_stream_t *st, azl_span_t piece, azl_buf_t *out)
{
    char *copy = malloc(piece.len ? piece.len : 1);
    apr_status_t rv;

    if (!copy) {
        die("no memory", NULL);
    }
    memcpy(copy, piece.at, piece.len);
    rv = azl_stream_feed(st, copy, piece.len, out);
    free(copy);
    return rv;
}

/* The first `cut` bytes, then the rest in pieces of `step`. */
static void run(job_t *job, apr_pool_t *p, azl_span_t in, apr_size_t cut,
                apr_size_t step, outcome_t *o)
{
    azl_exchange_t *ex = apr_pmemdup(p, job->ex, sizeof(*ex));
    azl_stream_t *st = azl_stream_create(p, &job->rules);
    apr_size_t at = 0;
    apr_size_t len = cut;

    ex->pool = p;
    o->kept = ex->kept = apr_table_make(p, 4);
    o->out = azl_buf_create(p, AZL_HUB_DOCUMENT_MAX);
    o->rv = APR_SUCCESS;
    if (job->way->outbound) {
        azl_stream_from(st, job->way->outbound, ex);
    }
    if (job->way->inbound) {
        azl_stream_to(st, job->way->inbound, ex);
    }
    while (o->rv == APR_SUCCESS && at < in.len) {
        len = len < in.len - at ? len : in.len - at;
        o->rv = feed(st, azl_span(in.at + at, len), o->out);
        at += len;
        len = step;
    }
    o->whole = azl_stream_finish(st, o->out);
    o->state = *azl_stream_state(st);
}

static int missing_state(void *baton, const char *name, const char *state)
{
    const char *other = apr_table_get(baton, name);

    return other && strcmp(other, state) == 0;
}

static int is_same(const outcome_t *a, const outcome_t *b)
{
    return a->rv == b->rv && a->whole == b->whole &&
           a->out->len == b->out->len &&
           (!a->out->len ||
            memcmp(a->out->data, b->out->data, a->out->len) == 0) &&
           memcmp(&a->state.usage, &b->state.usage, sizeof(a->state.usage)) ==
               0 &&
           apr_table_elts(a->kept)->nelts == apr_table_elts(b->kept)->nelts &&
           apr_table_do(missing_state, b->kept, a->kept, NULL);
}

static void try_cut(job_t *job, azl_span_t in, apr_size_t cut, apr_size_t step,
                    const outcome_t *expected)
{
    outcome_t o;
    apr_pool_t *p;

    apr_pool_create(&p, job->pool);
    run(job, p, in, cut, step, &o);
    if (!is_same(&o, expected)) {
        azl_write_int(&job->w, NULL, step == 1 ? 0 : (apr_int64_t)cut);
    }
    azl_buf_free(o.out);
    apr_pool_destroy(p);
}

static void stream(job_t *job, azl_span_t in)
{
    apr_size_t stride = 1 + (apr_size_t)in.len * in.len / CUTS_MAX;
    apr_int64_t runs = 1;
    outcome_t whole;
    apr_size_t cut;

    run(job, job->pool, in, in.len, in.len, &whole);
    azl_write_text(&job->w, "answer", content(whole.out));
    azl_write_bool(&job->w, "whole",
                   whole.rv == APR_SUCCESS && whole.whole &&
                       !whole.state.malformed);
    write_kept(job, whole.kept);
    azl_write_open(&job->w, "differs", '[');
    try_cut(job, in, 1, 1, &whole);
    for (cut = 1; cut < in.len; cut += stride) {
        try_cut(job, in, cut, in.len, &whole);
        ++runs;
    }
    azl_write_close(&job->w, ']');
    azl_write_int(&job->w, "runs", runs);
}

static void come_back(job_t *job)
{
    azl_reply_rules_t *rules = &job->rules;

    rules->op = job->way->op;
    rules->alias_json = "\"" ALIAS "\"";
    rules->include_usage = 1;
    rules->choices = job->doc.choices;
    if (option(job, "stream")) {
        stream(job, read_file(job->pool, option(job, "stream")));
    }
    else if (option(job, "failure")) {
        failure(job, read_file(job->pool, option(job, "failure")));
    }
    else if (option(job, "answer")) {
        answer(job, read_file(job->pool, option(job, "answer")));
    }
}

static void read_options(job_t *job, int argc, char **argv)
{
    int i;

    job->options = apr_table_make(job->pool, 8);
    for (i = 1; i < argc; ++i) {
        char *value = strchr(argv[i], '=');

        if (!value) {
            die("not name=value", argv[i]);
        }
        apr_table_setn(
            job->options,
            apr_pstrmemdup(job->pool, argv[i], (apr_size_t)(value - argv[i])),
            value + 1);
    }
}

int main(int argc, char **argv)
{
    azl_buf_t *out;
    azl_error_t err;
    job_t job;

    apr_initialize();
    atexit(apr_terminate);
    memset(&job, 0, sizeof(job));
    memset(&err, 0, sizeof(err));
    apr_pool_create(&job.pool, NULL);
    read_options(&job, argc, argv);
    out = azl_buf_create(job.pool, 4 * (apr_size_t)AZL_HUB_DOCUMENT_MAX);
    azl_write_init(&job.w, out);
    azl_write_open(&job.w, NULL, '{');
    if (ask(&job, &err)) {
        write_dropped(&job);
        come_back(&job);
    }
    else {
        write_error(&job, "error", &err);
    }
    azl_write_close(&job.w, '}');
    if (out->failed) {
        die("too large", NULL);
    }
    fwrite(out->data, 1, out->len, stdout);
    putchar('\n');
    return 0;
}
