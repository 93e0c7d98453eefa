/*
 * azl_candidates: the deployments of one model, as one request finds them.
 *
 * A stage belongs to one request and one model and lives in the request's
 * pool. It asks the shared health of each deployment what can be expected,
 * lets azl_routing put them in order, hands them out one after the other, and
 * reports back to the health what became of each.
 */
#ifndef AZL_CANDIDATES_H
#define AZL_CANDIDATES_H

#include "azl_request.h"

typedef struct azl_candidate_t {
    const azl_deployment_t *deployment;
    const azl_way_t *way;     /* of a model call; else NULL */
    const char *url;
    int turns;                /* attempts made */
    int again;                /* may have another turn */
    apr_time_t back_at;       /* ... from then on */
    int in_flight;            /* counted in its health */
} azl_candidate_t;

typedef struct azl_stage_t {
    request_rec *r;
    azl_request_t *ar;
    const azl_model_t *model;
    azl_candidate_t *candidates; /* in the order to be tried */
    int ncandidates;
    int navailable; /* the first ones; the others cool down or are full */
    int turns;      /* of all */
    apr_time_t room_at; /* some deployments were at a hard limit: when the first
                           of them may have room again. 0: none was */
} azl_stage_t;

azl_stage_t *azl_stage_create(request_rec *r, azl_request_t *ar,
                              const azl_model_t *model);
/* The next one that has had no turn, with its call begun; NULL if there is
 * none. One that cools down is handed out only when nothing else is left at
 * all, one that has just cooled down to one request at a time. */
azl_candidate_t *azl_stage_next(azl_stage_t *stage);
/* The next of those that can go on with an answer another has begun; likewise.
 */
azl_candidate_t *azl_stage_next_to_go_on(azl_stage_t *stage);
/* Of those that had their turn and may have another, the one that is back
 * first; *back_at: when. azl_stage_again() gives it that turn. */
azl_candidate_t *azl_stage_soonest(azl_stage_t *stage, apr_time_t *back_at);
/* Begin another call there; 0 if it is full, or another request is just finding
 * out whether it works again. */
int azl_stage_again(azl_stage_t *stage, azl_candidate_t *c);
/* Its call is over. */
void azl_stage_ended(azl_stage_t *stage, azl_candidate_t *c);
/* ... without an answer for the client. `status` is the upstream's; `blame`:
 * it counts against the deployment; wait: the upstream's word, -1: none.
 * However short that is, its next turn comes after a pause that grows. */
void azl_stage_failed(azl_stage_t *stage, azl_candidate_t *c, int status,
                      int blame, int again, apr_interval_time_t wait);
/* Why there is no candidate. */
void azl_stage_no_candidate(const azl_stage_t *stage, azl_error_t *err);

#endif /* AZL_CANDIDATES_H */
