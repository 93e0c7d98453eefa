/*
 * health_fixture: what the tests of a deployment's health share.
 */
#ifndef HEALTH_FIXTURE_H
#define HEALTH_FIXTURE_H

#include <stdatomic.h>

#include "store_fixture.h"

#define SEC APR_TIME_C(1000000)
#define MINUTE (60 * SEC)
/* The first moment of a minute, of a ten-second window and of a second. */
#define NOW (29000000 * MINUTE)
#define COOL (30 * SEC)

/* Three in ten seconds, or most of a minute's. */
static const azl_cooldown_t by_number = {3, 10 * SEC, COOL, 0};
static const azl_cooldown_t by_percent = {0, 10 * SEC, COOL, 50};
static const azl_cooldown_t never = {0, 10 * SEC, COOL, 0};
static const azl_cooldown_t no_cooldown = {3, 10 * SEC, 0, 50};

static inline azl_health_t *healthy(void)
{
    return health_of(segment(2, 1, 1, 0), 1);
}

static inline azl_health_view_t view_at(const azl_health_t *h, apr_time_t now)
{
    azl_health_view_t view;

    azl_health_view(h, now, &view);
    return view;
}

/* A failure like most: neither at once nor with a time of its own. */
static inline int failed(azl_health_t *h, apr_time_t now,
                         const azl_cooldown_t *rule)
{
    return azl_health_failure(h, now, rule, 500, 0, 0);
}

typedef struct work_t {
    azl_shared_t *shared;
    azl_health_t *h;
    int row;
    _Atomic int n; /* what a test counts itself */
} work_t;

static inline work_t work_for(int processes)
{
    work_t w;

    w.shared = segment(processes, 1, 1, 0);
    w.h = health_of(w.shared, 1);
    w.row = azl_shared_enter(w.shared, getpid());
    w.n = 0;
    return w;
}

#endif /* HEALTH_FIXTURE_H */
