#include "azl_candidates.h"

#include <apr_strings.h>

#include "azl_bridge.h"
#include "azl_dialect.h"
#include "azl_health.h"
#include "azl_httpd.h"
#include "azl_routing.h"
#include "azl_store.h"

/* One that has cooled down is asked by one request; if that is not back by
 * then, by another. A first token usually takes less. */
#define PROBE_LEASE apr_time_from_sec(10)
/* Counts of requests and tokens start anew with each minute. */
#define LIMIT_WINDOW apr_time_from_sec(60)

/* Who says "in a day" means this request, which is larger than the quota. */
#define WAIT_BELIEVED apr_time_from_sec(3600)

/* Before the second turn; each further one comes after twice the time. */
#define PAUSE apr_time_from_msec(250)
#define PAUSE_MAX apr_time_from_sec(8)

/* Groups of up to this many need no memory of their own while they are put in
 * order. */
#define FEW 8

/* What counts anew with each minute. */
static int over_minute(const azl_deployment_t *d, const azl_health_view_t *view)
{
    return (d->rpm && view->calls >= d->rpm) ||
           (d->tpm && view->tokens >= d->tpm);
}

static int over_limits(const azl_deployment_t *d, const azl_health_view_t *view)
{
    return over_minute(d, view) ||
           (d->max_parallel && view->in_flight >= d->max_parallel);
}

/* When one that is over its limits may have room: with the next minute, or
 * when one of those in flight has its answer. */
static apr_time_t room_at(const azl_deployment_t *d,
                          const azl_health_view_t *view, apr_time_t now)
{
    return over_minute(d, view) ? now - now % LIMIT_WINDOW + LIMIT_WINDOW
                                : now + view->latency / d->max_parallel;
}

static void note_full(azl_stage_t *stage, const azl_deployment_t *d,
                      const azl_health_view_t *view, apr_time_t now)
{
    apr_time_t then = room_at(d, view, now);

    if (!stage->room_at || then < stage->room_at) {
        stage->room_at = then;
    }
}

static int has_limits(const azl_deployment_t *d)
{
    return d->rpm || d->tpm || d->max_parallel;
}

/* Whoever only draws lots need not know how busy a healthy deployment is. */
static int wants_numbers(const azl_deployment_t *d, azl_strategy_e strategy)
{
    return has_limits(d) ||
           (strategy != AZL_STRATEGY_SHUFFLE && strategy != AZL_STRATEGY_COST);
}

static void be_away(azl_load_t *load, apr_time_t back_at)
{
    load->unavailable = 1;
    if (back_at > load->back_at) {
        load->back_at = back_at;
    }
}

static void read_load(const azl_deployment_t *d, azl_strategy_e strategy,
                      apr_time_t now, azl_load_t *load)
{
    const azl_health_t *endpoint = d->endpoint->health;
    azl_health_view_t view;

    memset(load, 0, sizeof(*load));
    if (endpoint && azl_health_state(endpoint, now) == AZL_HEALTH_COOLING) {
        azl_health_view(endpoint, now, &view);
        be_away(load, view.cool_until);
    }
    if (!d->health ||
        (!wants_numbers(d, strategy) &&
         azl_health_state(d->health, now) != AZL_HEALTH_COOLING)) {
        return;
    }
    azl_health_view(d->health, now, &view);
    if (view.state == AZL_HEALTH_COOLING) {
        be_away(load, view.cool_until);
    }
    /* soft ones only step back, which is azl_routing's affair */
    if (d->hard && over_limits(d, &view)) {
        be_away(load, room_at(d, &view, now));
    }
    load->in_flight = view.in_flight;
    load->requests = view.calls;
    load->tokens = view.tokens;
    load->latency = view.latency;
    load->first_token = view.first_token;
}

/* The URL is NULL if it has no such operation. Azure has no moderations. */
static void find_way(const azl_stage_t *stage, azl_candidate_t *c)
{
    const azl_deployment_t *d = c->deployment;
    azl_op_e op = stage->ar->route.op;

    if (op > AZL_OP_LAST_MODEL_CALL) {
        c->url = d->endpoint->dialect->url(
            stage->r->pool, d, op, stage->ar->response_id, stage->r->args);
        return;
    }
    c->way = azl_bridge_way(stage->ar, d);
    c->url = stage->ar->doc.stream ? c->way->stream_url : c->way->url;
}

/* Who cannot be asked is none: it must not be put on trial for that. */
static void add_candidate(azl_stage_t *stage, const azl_deployment_t *d)
{
    azl_candidate_t *c = &stage->candidates[stage->ncandidates];

    c->deployment = d;
    find_way(stage, c);
    stage->ncandidates += c->url != NULL;
}

static void put_in_order(azl_stage_t *stage, apr_time_t now)
{
    const apr_array_header_t *list = stage->model->deployments;
    azl_deployment_t **d = (void *)list->elts;
    azl_load_t few[2 * FEW];
    const azl_deployment_t *few_out[2 * FEW];
    const azl_deployment_t **out = few_out;
    azl_load_t *loads = few;
    azl_load_t *spill_loads;
    azl_routing_t how;
    int i, n, available;

    if (list->nelts > FEW) {
        apr_size_t many = 2 * (apr_size_t)list->nelts;

        loads = apr_palloc(stage->r->pool, many * sizeof(*loads));
        out = apr_palloc(stage->r->pool, many * sizeof(*out));
    }
    spill_loads = loads + list->nelts;
    how.strategy = (azl_strategy_e)stage->model->strategy;
    how.streamed = stage->ar->doc.stream;
    how.affinity =
        how.strategy == AZL_STRATEGY_AFFINITY
            ? azl_affinity_hash(stage->ar->doc.cache_key, stage->ar->doc.prompt)
            : 0;
    how.random = azl_request_random;
    how.random_baton = NULL;
    for (i = 0; i < list->nelts; i++) {
        read_load(d[i], how.strategy, now, &loads[i]);
        if (d[i]->spill) {
            read_load(d[i]->spill, how.strategy, now, &spill_loads[i]);
        }
    }
    n = azl_routing_order(stage->model, loads, spill_loads, &how, out,
                          &available);
    for (i = 0; i < n; i++) {
        add_candidate(stage, out[i]);
        if (i + 1 == available) {
            stage->navailable = stage->ncandidates;
        }
    }
}

azl_stage_t *azl_stage_create(request_rec *r, azl_request_t *ar,
                              const azl_model_t *model)
{
    azl_deployment_t **d = (void *)model->deployments->elts;
    azl_stage_t *stage = apr_pcalloc(r->pool, sizeof(*stage));
    int n = model->deployments->nelts;

    stage->r = r;
    stage->ar = ar;
    stage->model = model;
    stage->candidates =
        apr_pcalloc(r->pool, 2 * (apr_size_t)n * sizeof(*stage->candidates));
    if (ar->pinned) {
        add_candidate(stage, ar->pinned);
        stage->navailable = stage->ncandidates;
    }
    else if (n == 1 && !d[0]->spill) {
        /* the last one standing is asked whatever its health */
        add_candidate(stage, d[0]);
        stage->navailable = stage->ncandidates;
    }
    else {
        put_in_order(stage, apr_time_now());
    }
    return stage;
}

static int is_cooling(const azl_health_t *h, apr_time_t now)
{
    return h && azl_health_state(h, now) == AZL_HEALTH_COOLING;
}

/* Of what has cooled down, one request at a time finds out whether it works
 * again. What cools down, perhaps since the order was made, is not asked. */
static int may_probe(azl_health_t *h, apr_time_t now)
{
    azl_health_state_e state = h ? azl_health_state(h, now) : AZL_HEALTH_OK;

    return state == AZL_HEALTH_OK || (state == AZL_HEALTH_HALF_OPEN &&
                                      azl_health_probe(h, now, PROBE_LEASE));
}

/* It has answered, if not what was hoped for: it works. */
static void end_probe(azl_health_t *h, apr_time_t now)
{
    if (h && azl_health_state(h, now) == AZL_HEALTH_HALF_OPEN) {
        azl_health_success(h, now, -1, -1);
    }
}

/* Begin a call at it; 0 if it is at a hard limit. */
static int begin(azl_stage_t *stage, azl_candidate_t *c, apr_time_t now)
{
    const azl_deployment_t *d = c->deployment;
    azl_health_view_t view;

    /* to look at what is stored is no call to the model */
    if (!d->health || stage->ar->route.op > AZL_OP_LAST_MODEL_CALL) {
        return 1;
    }
    if (d->hard && has_limits(d)) {
        azl_health_view(d->health, now, &view);
        if (over_limits(d, &view)) {
            note_full(stage, d, &view, now);
            return 0;
        }
    }
    if (!azl_health_begin(d->health, azl_store_row(), now,
                          d->hard ? d->max_parallel : 0)) {
        azl_health_view(d->health, now, &view);
        note_full(stage, d, &view, now);
        return 0;
    }
    c->in_flight = 1;
    return 1;
}

static int take(azl_stage_t *stage, azl_candidate_t *c, apr_time_t now)
{
    if (c->turns || !begin(stage, c, now)) {
        return 0;
    }
    c->turns = 1;
    stage->turns++;
    return 1;
}

azl_candidate_t *azl_stage_next(azl_stage_t *stage)
{
    apr_time_t now = apr_time_now();
    int alone = stage->ncandidates == 1;
    int i;

    for (i = 0; i < stage->navailable; i++) {
        azl_candidate_t *c = &stage->candidates[i];
        const azl_deployment_t *d = c->deployment;

        if (!c->turns &&
            (alone || (may_probe(d->endpoint->health, now) &&
                       may_probe(d->health, now))) &&
            take(stage, c, now)) {
            return c;
        }
    }
    /* better to ask one that cools down than nobody */
    for (i = 0; i < stage->ncandidates && !stage->turns; i++) {
        if (take(stage, &stage->candidates[i], now)) {
            return &stage->candidates[i];
        }
    }
    return NULL;
}

azl_candidate_t *azl_stage_next_to_go_on(azl_stage_t *stage)
{
    apr_time_t now = apr_time_now();
    int i;

    for (i = 0; i < stage->navailable; i++) {
        azl_candidate_t *c = &stage->candidates[i];
        const azl_deployment_t *d = c->deployment;

        if (d->endpoint->prefill != AZL_PREFILL_NONE && !c->turns &&
            may_probe(d->endpoint->health, now) && may_probe(d->health, now) &&
            take(stage, c, now)) {
            return c;
        }
    }
    return NULL;
}

/* When its pause and its cool-down, if it has one, are over. */
static apr_time_t is_back_at(const azl_candidate_t *c, apr_time_t now)
{
    azl_health_view_t view;

    if (!is_cooling(c->deployment->health, now)) {
        return c->back_at;
    }
    azl_health_view(c->deployment->health, now, &view);
    return view.cool_until > c->back_at ? view.cool_until : c->back_at;
}

azl_candidate_t *azl_stage_soonest(azl_stage_t *stage, apr_time_t *back_at)
{
    apr_time_t now = apr_time_now();
    azl_candidate_t *soonest = NULL;
    int i;

    for (i = 0; i < stage->ncandidates; i++) {
        azl_candidate_t *c = &stage->candidates[i];
        apr_time_t at = c->again ? is_back_at(c, now) : 0;

        if (c->again && (!soonest || at < *back_at)) {
            soonest = c;
            *back_at = at;
        }
    }
    return soonest;
}

int azl_stage_again(azl_stage_t *stage, azl_candidate_t *c)
{
    const azl_deployment_t *d = c->deployment;
    apr_time_t now = apr_time_now();

    c->again = 0;
    if (!may_probe(d->endpoint->health, now) || !may_probe(d->health, now)) {
        return 0;
    }
    c->turns++;
    stage->turns++;
    return begin(stage, c, now);
}

void azl_stage_ended(azl_stage_t *stage, azl_candidate_t *c)
{
    (void)stage;
    if (c->in_flight) {
        c->in_flight = 0;
        azl_health_end(c->deployment->health, azl_store_row());
    }
}

/* Would nobody be left if it cooled down? */
static int is_sole(const azl_stage_t *stage, const azl_candidate_t *sick,
                   apr_time_t now)
{
    int i;

    for (i = 0; i < stage->ncandidates; i++) {
        const azl_deployment_t *d = stage->candidates[i].deployment;

        if (d != sick->deployment && !is_cooling(d->endpoint->health, now) &&
            !is_cooling(d->health, now)) {
            return 0;
        }
    }
    return 1;
}

static apr_interval_time_t length_of(const azl_stage_t *stage,
                                     apr_interval_time_t wait)
{
    return wait > 0 ? wait : stage->ar->conf->cooldown.time;
}

/* Our own credential is wrong: so it is for every deployment there. */
static void blame_endpoint(azl_stage_t *stage, const azl_deployment_t *d,
                           int status, apr_time_t now)
{
    const azl_cooldown_t *rule = &stage->ar->conf->cooldown;
    const azl_endpoint_t *endpoint = d->endpoint;

    if (endpoint->health && rule->time > 0 &&
        !azl_health_failure(endpoint->health, now, rule, status, 0, 0)) {
        return; /* it has been said */
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, stage->r,
                  AZLNO(0034) "endpoint %s refuses our credential (%d); "
                              "correct what credential= of its "
                              "AzureLITEndpoint (%s) refers to",
                  endpoint->name, status, endpoint->where);
}

static void blame_deployment(azl_stage_t *stage, azl_candidate_t *c, int status,
                             apr_interval_time_t wait, apr_time_t now)
{
    const azl_deployment_t *d = c->deployment;
    int sole = is_sole(stage, c, now);

    if (d->health &&
        azl_health_failure(d->health, now, &stage->ar->conf->cooldown, status,
                           wait, sole)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, stage->r,
                      AZLNO(0035) "%s cools down for %d ms, because of %d",
                      d->id, (int)apr_time_as_msec(length_of(stage, wait)),
                      status);
    }
}

/* What the upstream says, but no tight loop. */
static apr_interval_time_t pause_after(int turns, apr_interval_time_t wait)
{
    apr_interval_time_t least = PAUSE;

    for (; turns > 1 && least < PAUSE_MAX; turns--) {
        least *= 2;
    }
    return wait > least ? wait : least;
}

void azl_stage_failed(azl_stage_t *stage, azl_candidate_t *c, int status,
                      int blame, int again, apr_interval_time_t wait)
{
    apr_time_t now = apr_time_now();

    c->again = again;
    c->back_at = now + pause_after(c->turns, wait);
    if (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN) {
        blame_endpoint(stage, c->deployment, status, now);
    }
    else if (status < 500) {
        end_probe(c->deployment->endpoint->health, now);
    }
    if (!blame) {
        if (status < 500) {
            end_probe(c->deployment->health, now);
        }
        return;
    }
    blame_deployment(stage, c, status, wait > WAIT_BELIEVED ? -1 : wait, now);
}

void azl_stage_no_candidate(const azl_stage_t *stage, azl_error_t *err)
{
    if (stage->room_at) {
        apr_interval_time_t wait = stage->room_at - apr_time_now();

        azl_error_from_status(err, HTTP_TOO_MANY_REQUESTS);
        err->message = "All deployments of this model are at their limit.";
        err->code = "model_rate_limit";
        /* whole seconds, and at least one */
        err->retry_after = apr_itoa(stage->r->pool,
                                    wait > 0 ? (int)apr_time_sec(wait) + 1 : 1);
        return;
    }
    azl_error_invalid(err, "unsupported_operation", "model",
                      "No deployment of this model supports the operation.");
}
