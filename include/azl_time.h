/*
 * azl_time: points in time as text, always UTC. Stateless.
 *
 * Written without the C library's calendar, which takes a process-wide lock
 * for the time zone that nobody needs here.
 */
#ifndef AZL_TIME_H
#define AZL_TIME_H

#include <apr_time.h>

#include "azl_span.h"

/* "2026-11-21T09:30:00.123Z" and its NUL. */
#define AZL_TIME_TEXT_LEN 25

/* RFC 3339 in UTC, cut (not rounded) to milliseconds: a record must not seem
 * to come from the future. Years 0 to 9999; what lies outside is clamped. */
void azl_time_text(apr_time_t t, char out[AZL_TIME_TEXT_LEN]);

/* Read "2026-11-21" (the first moment of that day, UTC) or RFC 3339 with a
 * time zone. 1, or 0 if it is neither; *only_date (may be NULL) says which. */
int azl_time_parse(azl_span_t text, apr_time_t *t, int *only_date);

#endif /* AZL_TIME_H */
