/*
 * gemini_fixture: one exchange with Google's API. JSON is written with single
 * quotes, as in dialect_fixture.h.
 */
#ifndef GEMINI_FIXTURE_H
#define GEMINI_FIXTURE_H

#include "azl_gemini_int.h"
#include "exchange_fixture.h"

#define GEMINI "https://generativelanguage.googleapis.com"
#define VERTEX "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu"

/* With everything in `p`, which may be that of one run of many. */
static inline azl_exchange_t *exchange_at(apr_pool_t *p, const char *url,
                                          const char *family)
{
    azl_exchange_t *ex =
        exchange_in(p, deployment_at("gemini", url, NULL, "model"));

    ex->family = family;
    return ex;
}

#endif /* GEMINI_FIXTURE_H */
