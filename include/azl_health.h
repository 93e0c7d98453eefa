/*
 * azl_health: what all processes know of one deployment (or one endpoint).
 *
 * A slot in shared memory (azl_shared.h), found once at start by fingerprint
 * and then used without any lock. Every function is safe in any thread of any
 * process and never waits. Times are apr_time_t, intervals microseconds; `now`
 * is given by the caller, so that a request asks for the time once and tests
 * can choose it; it must be the time of the call, as a time that lies back is
 * taken for a clock that was set back. That ends no cool-down later than its
 * length from now on.
 *
 * Windows ("this minute", azl_cooldown_t.window) follow each other without
 * overlap: at the border the count starts at 0, and a burst over it counts as
 * two. Cool-downs are kept in milliseconds and last 58 hours at most.
 */
#ifndef AZL_HEALTH_H
#define AZL_HEALTH_H

#include "azl_shared.h"

typedef struct azl_health_t azl_health_t;

/* When failures are too many. */
typedef struct azl_cooldown_t {
    int fails;                  /* that many in `window`: cool down; 0: never
                                   because of a number */
    apr_interval_time_t window; /* the same for all who use one slot */
    apr_interval_time_t time;   /* how long, when the provider does not say;
                                   0: no cool-down at all */
    int percent;                /* more than that of this minute's calls failed,
                                   of at least AZL_HEALTH_MIN_CALLS: cool down;
                                   0: never */
} azl_cooldown_t;

#define AZL_HEALTH_MIN_CALLS 4

typedef enum {
    AZL_HEALTH_OK = 0,
    AZL_HEALTH_COOLING,  /* nobody should ask */
    AZL_HEALTH_HALF_OPEN /* the time is over, nobody has had success yet: one
                            request may try */
} azl_health_state_e;

/* What can be read at once. */
typedef struct azl_health_view_t {
    azl_health_state_e state;
    apr_time_t cool_until;        /* while a request tries: when another may;
                                     0: healthy */
    int cool_status;              /* the HTTP status that started the last one;
                                     0: there was none */
    apr_uint32_t in_flight;
    apr_uint32_t calls;           /* that began this minute */
    apr_uint32_t failures;        /* that ended this minute */
    apr_uint64_t tokens;          /* this minute, in and out */
    apr_interval_time_t latency;     /* EWMA of whole answers; 0: unknown */
    apr_interval_time_t first_token; /* EWMA, streams; 0: unknown */
    apr_int64_t remaining_requests;  /* the provider's last word; -1: none */
    apr_int64_t remaining_tokens;
    apr_time_t limits_at;            /* when it said so */
    /* since the first start */
    apr_uint64_t total_calls;
    apr_uint64_t total_failures;
    apr_uint64_t total_cooldowns;
} azl_health_view_t;

/* Find or take the slot. NULL if there is no room. At start, in the parent. */
azl_health_t *
azl_shared_health(azl_shared_t *shared,
                  const unsigned char name[AZL_SEAL_FINGERPRINT_LEN]);

/* A call begins and ends. `max_parallel` 0: no limit; begin returns 0 when it
 * is full (then there is no end). */
int azl_health_begin(azl_health_t *h, int row, apr_time_t now,
                     apr_uint32_t max_parallel);
void azl_health_end(azl_health_t *h, int row);

/* A call was answered well. first_token -1: not a stream. Returns 1 if this
 * ended a cool-down whose time is over (the deployment has recovered); one that
 * still runs is what the provider asked for, or the answer to an older call. */
int azl_health_success(azl_health_t *h, apr_time_t now,
                       apr_interval_time_t latency,
                       apr_interval_time_t first_token);
/* Tokens of a call that is over, for this minute's count. */
void azl_health_tokens(azl_health_t *h, apr_time_t now, apr_uint64_t tokens);
/* A call failed, and that is the deployment's doing (not the client's). 429,
 * 401, 403, 404 and 408 count as too many at once, and so does any while half
 * open; for others `rule` decides. retry_after > 0: the provider's own time,
 * which also prolongs a cool-down that is running. `sole`: it is the last one
 * that its group has, count but do not cool. Returns 1 if a cool-down began, 0
 * if not (or one was already running). */
int azl_health_failure(azl_health_t *h, apr_time_t now,
                       const azl_cooldown_t *rule, int status,
                       apr_interval_time_t retry_after, int sole);
/* Cool down from outside (a probe that failed, an endpoint's credential), or
 * prolong the cool-down that is running. Returns 1 if it began. */
int azl_health_cool(azl_health_t *h, apr_time_t now,
                    apr_interval_time_t how_long, int status);

azl_health_state_e azl_health_state(const azl_health_t *h, apr_time_t now);
/* Half open: may this request be the one that tries? Only one at a time gets
 * 1; if it never comes back the next may try after `lease`. A success or a
 * failure ends it. In the other states: 1 if healthy, 0 if cooling. */
int azl_health_probe(azl_health_t *h, apr_time_t now,
                     apr_interval_time_t lease);

/* What a deployment has refused and takes in another form (azl_bridge.h).
 * After AZL_DETOUR_TIME it is asked again: behind the same name there may be
 * another model then. */
typedef enum {
    AZL_DETOUR_CHAT = 0, /* any chat */
    AZL_DETOUR_TOOLS,    /* a chat with tools by a model that thinks */
    AZL_DETOUR_COUNT
} azl_detour_e;
#define AZL_DETOUR_TIME apr_time_from_sec(3600)

int azl_health_detour(const azl_health_t *h, apr_time_t now,
                      azl_detour_e detour);
/* It has just refused. 1: that is new. */
int azl_health_learn_detour(azl_health_t *h, apr_time_t now,
                            azl_detour_e detour);

/* The provider's x-ratelimit-remaining-*; -1: not said. */
void azl_health_limits(azl_health_t *h, apr_time_t now,
                       apr_int64_t remaining_requests,
                       apr_int64_t remaining_tokens);
void azl_health_view(const azl_health_t *h, apr_time_t now,
                     azl_health_view_t *view);

#endif /* AZL_HEALTH_H */
