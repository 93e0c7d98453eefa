#include "azl_failover.h"

#include <apr_strings.h>

#include "azl_admission.h"
#include "azl_answer.h"
#include "azl_attempt.h"
#include "azl_bridge.h"
#include "azl_candidates.h"
#include "azl_dialect.h"
#include "azl_httpd.h"
#include "azl_identity.h"
#include "azl_watch.h"

/* Longer than this nobody waits on a thread of ours: the client is told how
 * long, and its SDK waits. */
#define WAIT_MAX apr_time_from_sec(5)

/* Whoever waits for less long than this, because the client wants it so or
 * because others have used up the time, learns nothing about a deployment:
 * good models think for longer. */
#define PATIENCE apr_time_from_sec(10)

/* Seconds; more can be written in a header than counted here. */
#define FOREVER 1e9

/* A connection that had been closed before says so within a round trip. One
 * that dies later may have been working on the request until then. */
#define STALE_WITHIN apr_time_from_sec(1)

/* A request on its way through the stages. */
typedef struct run_t {
    request_rec *r;
    azl_request_t *ar;
    apr_time_t over_by; /* 0: no limit of its own */
    int hurried;        /* ... which is the client's, not the operator's */
    int over;           /* the client has its answer, or has gone */
} run_t;

/* What an attempt that failed means for the next. */
typedef struct verdict_t {
    int status;    /* the upstream's, or what stands for its silence */
    int elsewhere; /* another deployment may do better */
    int blame;     /* it is the deployment's doing */
    int again;     /* the same one may, later */
    int reason;    /* AZL_FALLBACK_..., 0: no other model would do better */
    apr_interval_time_t wait; /* the upstream's own; -1: not said */
} verdict_t;

static int is_code(const azl_error_t *err, const char *code)
{
    return strcmp(err->code, code) == 0;
}

/* Said no, and did nothing. */
static int may_ask_again(int status)
{
    return status == 408 || status == 429 || status == 529 ||
           (status >= 500 && status <= 504 && status != 501);
}

static void judge_answer(const azl_attempt_t *at, verdict_t *v)
{
    const azl_error_t *err = &at->error;

    v->elsewhere =
        azl_failure_moves_on(err->status) || is_code(err, "model_not_found");
    v->again = may_ask_again(v->status) && !err->no_retry;
    if (is_code(err, "context_length_exceeded")) {
        v->reason = AZL_FALLBACK_CONTEXT_WINDOW;
        v->elsewhere = 0;
    }
    else if (is_code(err, "content_filter") ||
             is_code(err, "content_policy_violation")) {
        v->reason = AZL_FALLBACK_CONTENT_FILTER;
        v->elsewhere = 0;
    }
    else if (v->elsewhere) {
        v->reason = AZL_FALLBACK_ERROR;
    }
    v->blame = v->elsewhere;
}

/* Was it waited for as long as the operator wants it to be, or at least for
 * long? No key may make a deployment look ill to all others. */
static int had_its_time(const run_t *run, const azl_attempt_t *at)
{
    const azl_request_t *ar = run->ar;
    int cut_short = 0;

    if (at->ended_by == AZL_END_TOTAL) {
        cut_short = at->over_by == run->over_by &&
                    (run->hurried || ar->rec.attempts > 1);
    }
    else if (at->ended_by == AZL_END_FIRST_TOKEN) {
        cut_short = ar->first_token_limit &&
                    ar->first_token_limit < at->deployment->limits.first_token;
    }
    return !cut_short || apr_time_now() - at->started >= PATIENCE;
}

/* No answer that can be read: see azl_failover.h for what may be repeated. */
static void judge_silence(const run_t *run, const azl_attempt_t *at,
                          verdict_t *v)
{
    v->elsewhere = !(at->sent && run->ar->doc.background);
    v->again = !at->sent && !is_code(&at->error, AZL_CODE_NO_CREDENTIAL);
    v->reason = v->elsewhere ? AZL_FALLBACK_ERROR : 0;
    v->blame = v->elsewhere && had_its_time(run, at);
}

static void judge(const run_t *run, const azl_attempt_t *at, verdict_t *v)
{
    double seconds = azl_failure_wait(&at->error);

    memset(v, 0, sizeof(*v));
    v->wait =
        seconds < 0
            ? -1
            : (apr_interval_time_t)((seconds < FOREVER ? seconds : FOREVER) *
                                    APR_USEC_PER_SEC);
    if (at->unfit) {
        /* nobody was asked: another deployment may speak that */
        v->status = at->error.status;
        v->elsewhere = 1;
    }
    else if (at->status && (at->status < 200 || at->status > 299)) {
        v->status = at->status;
        judge_answer(at, v);
    }
    else if (at->regretted ||
             (at->stream && azl_stream_state(at->stream)->failed)) {
        /* 200, and then an error in place of content */
        v->status = at->error.status;
        judge_answer(at, v);
    }
    else {
        v->status = at->error.status;
        judge_silence(run, at, v);
    }
}

static void log_failure(const run_t *run, const azl_attempt_t *at,
                        const verdict_t *v)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, run->r,
                  AZLNO(0031) "%s: attempt %d at %s failed: %d %s, %s",
                  run->ar->id, run->ar->rec.attempts, at->deployment->id,
                  v->status, at->error.code, azl_attempt_cause(at));
}

/* The connection was dead before anything was read on it. */
static int was_stale(const azl_attempt_t *at)
{
    return at->reused && !at->heard && !at->committed &&
           at->ended_by == AZL_END_NONE &&
           apr_time_now() - at->started < STALE_WITHIN;
}

/* Our token was refused, and there is another one by now. */
static int is_renewed(const azl_attempt_t *at)
{
    azl_identity_t *id = at->deployment->endpoint->identity;

    return id && at->mode == AZL_REPLY_FAILED && !at->client_gone &&
           (at->status == HTTP_UNAUTHORIZED || at->status == HTTP_FORBIDDEN) &&
           azl_identity_renewed(id, at->authorized);
}

/* It does not take the request as it is, but another way. */
static int goes_another_way(const run_t *run, const azl_attempt_t *at,
                            azl_attempt_plan_t *plan)
{
    const azl_way_t *way =
        at->mode == AZL_REPLY_FAILED && !at->client_gone
            ? azl_bridge_after(run->r, run->ar, plan->deployment, plan->way,
                               &at->error)
            : NULL;

    if (way) {
        plan->way = way;
        plan->url = run->ar->doc.stream ? way->stream_url : way->url;
        plan->fresh = 0;
    }
    return way != NULL;
}

/* One deployment's turn: an attempt, and another if its connection was stale,
 * the token was refused or it wants to be asked in another way. */
static azl_attempt_t *try_deployment(run_t *run, azl_stage_t *stage,
                                     azl_candidate_t *c,
                                     const azl_attempt_t *before)
{
    azl_attempt_plan_t plan = {
        stage->model, c->deployment, c->way, c->url, run->over_by, 0, before};
    azl_attempt_t *at = azl_attempt_make(run->r, run->ar, &plan);

    if (was_stale(at) && !at->client_gone) {
        plan.fresh = 1;
        at = azl_attempt_make(run->r, run->ar, &plan);
    }
    if (is_renewed(at)) {
        at = azl_attempt_make(run->r, run->ar, &plan);
    }
    if (goes_another_way(run, at, &plan)) {
        at = azl_attempt_make(run->r, run->ar, &plan);
    }
    azl_stage_ended(stage, c);
    run->over = at->committed || at->client_gone;
    return at;
}

/* What broke off after its start counts against the deployment too. */
static void blame_if_cut(const run_t *run, azl_stage_t *stage,
                         azl_candidate_t *c, const azl_attempt_t *at)
{
    verdict_t v;

    if (at->client_gone) {
        return;
    }
    if (at->mode == AZL_REPLY_FAILED) {
        judge(run, at, &v); /* it was to go on, and did not begin to */
        azl_stage_failed(stage, c, v.status, v.blame, 0, v.wait);
    }
    else if (at->truncated && had_its_time(run, at)) {
        azl_stage_failed(stage, c, HTTP_BAD_GATEWAY, 1, 0, -1);
    }
}

/* Everybody's turn is over, one may have another after a while. NULL: nobody,
 * or too late. */
static azl_candidate_t *wait_for_one(run_t *run, azl_stage_t *stage)
{
    apr_time_t now = apr_time_now();
    apr_interval_time_t wait;
    azl_candidate_t *c;
    apr_time_t back_at;

    c = azl_stage_soonest(stage, &back_at);
    if (!c || back_at - now > WAIT_MAX) {
        return NULL;
    }
    wait = back_at > now ? back_at - now : 0;
    /* up to a quarter more, so that those who failed together do not come
     * back together */
    wait += (apr_interval_time_t)(azl_request_random(NULL) %
                                  (apr_uint32_t)(wait / 4 + 1));
    if (run->over_by && now + wait >= run->over_by) {
        return NULL;
    }
    if (azl_watch_pause(run->r, wait)) {
        run->ar->rec.error = AZL_CLASS_CLIENT_CLOSED;
        run->over = 1;
        if (!run->r->connection->master) {
            /* who has closed one half of it must not take an answer that
             * nobody has given for an empty one */
            run->r->connection->aborted = 1;
        }
        return NULL;
    }
    return azl_stage_again(stage, c) ? c : NULL;
}

static void log_go_on(const run_t *run, const azl_attempt_t *at,
                      const azl_candidate_t *c)
{
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, run->r,
                  AZLNO(0037) "%s: the answer of %s broke off, %s is asked to "
                              "go on with it",
                  run->ar->id, at->deployment->id, c->deployment->id);
}

static int is_late(const run_t *run)
{
    return run->over_by && apr_time_now() >= run->over_by;
}

/* Whoever can, goes on with an answer that broke off; `more` attempts at most.
 */
static azl_attempt_t *go_on_in_stage(run_t *run, azl_stage_t *stage,
                                     azl_attempt_t *at, int more)
{
    azl_candidate_t *c;

    while (more-- > 0 && at->interrupted && !at->client_gone && !is_late(run) &&
           (c = azl_stage_next_to_go_on(stage))) {
        log_go_on(run, at, c);
        at = try_deployment(run, stage, c, at);
        blame_if_cut(run, stage, c, at);
    }
    return at;
}

static void go_on(run_t *run, azl_stage_t *stage, azl_attempt_t *at)
{
    const apr_array_header_t *list = stage->model->fallbacks;
    int retry = run->ar->conf->retry;
    int i;

    at = go_on_in_stage(run, stage, at, retry + 1 - stage->turns);
    for (i = 0; list && i < list->nelts && at->interrupted; i++) {
        const azl_fallback_t *f = &APR_ARRAY_IDX(list, i, azl_fallback_t);

        if (f->on & AZL_FALLBACK_ERROR) {
            stage = azl_stage_create(run->r, run->ar, f->model);
            at = go_on_in_stage(run, stage, at, retry + 1);
        }
    }
    if (at->interrupted && !at->client_gone) {
        azl_attempt_give_up(at);
    }
    run->over = 1;
}

/* All attempts at one model. *err and *reason: why it has no answer. */
static void run_stage(run_t *run, azl_stage_t *stage, azl_error_t *err,
                      int *reason)
{
    int tries = 0;
    int told = 0; /* *err says why */

    *reason = AZL_FALLBACK_ERROR;
    while (tries <= run->ar->conf->retry) {
        azl_candidate_t *c = azl_stage_next(stage);
        azl_attempt_t *at;
        verdict_t v;

        if (!c && told) {
            c = wait_for_one(run, stage);
        }
        if (!c && !told) {
            azl_stage_no_candidate(stage, err);
        }
        if (!c || run->over) {
            return;
        }
        at = try_deployment(run, stage, c, NULL);
        if (run->over) {
            blame_if_cut(run, stage, c, at);
            go_on(run, stage, at);
            return;
        }
        judge(run, at, &v);
        log_failure(run, at, &v);
        if (!told || azl_failure_better(err, &at->error)) {
            *err = at->error;
        }
        told = 1;
        *reason = v.reason;
        if (at->unfit) {
            continue; /* nobody was asked, and nothing learnt of it */
        }
        azl_stage_failed(stage, c, v.status, v.blame, v.again, v.wait);
        tries++;
        if (!v.elsewhere || is_late(run)) {
            return;
        }
    }
}

static int answer_failure(const run_t *run, const azl_error_t *err)
{
    request_rec *r = run->r;

    azl_admission_leave(run->ar);
    r->headers_out = apr_table_copy(r->pool, run->ar->base_headers);
    run->ar->rec.error = err->cls;
    return azl_answer_error(r, run->ar, err);
}

static void log_fallback(const run_t *run, const azl_model_t *from,
                         const azl_model_t *to, const azl_error_t *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, run->r,
                  AZLNO(0036) "%s: %s has no answer (%d %s), %s is asked "
                              "instead",
                  run->ar->id, from->alias, err->status, err->code, to->alias);
}

static void note_failed(azl_request_t *ar, const azl_model_t *model)
{
    if (!ar->failed_fallbacks) {
        ar->failed_fallbacks =
            apr_array_make(ar->pool, 2, sizeof(const char *));
    }
    APR_ARRAY_PUSH(ar->failed_fallbacks, const char *) = model->alias;
}

/* The models that stand in for the first. 1: the request is over. */
static int run_fallbacks(run_t *run, const azl_error_t *first, int reason)
{
    const azl_model_t *from = run->ar->model;
    const apr_array_header_t *list = from->fallbacks;
    azl_error_t err = *first;
    int i;

    for (i = 0; list && i < list->nelts && reason; i++) {
        const azl_fallback_t *f = &APR_ARRAY_IDX(list, i, azl_fallback_t);
        azl_stage_t *stage;

        if (!(f->on & reason) || is_late(run)) {
            continue;
        }
        log_fallback(run, from, f->model, &err);
        run->ar->fallbacks++;
        stage = azl_stage_create(run->r, run->ar, f->model);
        run_stage(run, stage, &err, &reason);
        if (run->over) {
            return 1;
        }
        note_failed(run->ar, f->model);
        from = f->model;
    }
    return 0;
}

static void set_limit(run_t *run)
{
    const azl_request_t *ar = run->ar;
    apr_interval_time_t limit = ar->model ? ar->model->limits.total : -1;

    if (ar->total_limit && (limit < 0 || ar->total_limit < limit)) {
        limit = ar->total_limit;
        run->hurried = 1;
    }
    run->over_by = limit < 0 ? 0 : ar->rec.time + limit;
}

int azl_failover_run(request_rec *r, azl_request_t *ar)
{
    run_t run = {r, ar, 0, 0, 0};
    azl_error_t err;
    int reason;

    set_limit(&run);
    ar->base_headers = r->headers_out;
    run_stage(&run, azl_stage_create(r, ar, ar->model), &err, &reason);
    if (run.over || (!ar->pinned && run_fallbacks(&run, &err, reason))) {
        return OK;
    }
    ar->served = NULL;
    return answer_failure(&run, &err);
}
