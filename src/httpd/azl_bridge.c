#include "azl_bridge.h"

#include "azl_health.h"
#include "azl_httpd.h"

static int has_detour(const azl_deployment_t *d, azl_detour_e detour)
{
    return d->health && azl_health_detour(d->health, apr_time_now(), detour);
}

/* A chat with tools that the model is known to refuse. */
static int is_refused_by_name(const azl_document_t *doc, int bridge)
{
    return bridge == AZL_BRIDGE_TOOLS ||
           (bridge == AZL_BRIDGE_EFFORT && doc->effort.len);
}

static int wants_detour(const azl_document_t *doc, const azl_deployment_t *d)
{
    if (has_detour(d, AZL_DETOUR_CHAT)) {
        return 1;
    }
    return doc->tools && !azl_span_is(doc->effort, "\"none\"") &&
           (is_refused_by_name(doc, d->bridge) ||
            has_detour(d, AZL_DETOUR_TOOLS));
}

const azl_way_t *azl_bridge_way(const azl_request_t *ar,
                                const azl_deployment_t *d)
{
    azl_op_e op = ar->route.op;
    const azl_way_t *detour = &d->ways[AZL_WAY_DETOUR + op];

    return detour->url && wants_detour(&ar->doc, d) ? detour : &d->ways[op];
}

const azl_way_t *azl_bridge_after(request_rec *r, const azl_request_t *ar,
                                  const azl_deployment_t *d,
                                  const azl_way_t *taken,
                                  const azl_error_t *err)
{
    const azl_way_t *detour = &d->ways[AZL_WAY_DETOUR + ar->route.op];
    int tools;

    if (!taken || taken == detour || !detour->url ||
        !azl_bridge_refusal(err, &tools)) {
        return NULL;
    }
    if (!d->health ||
        azl_health_learn_detour(d->health, apr_time_now(),
                                tools ? AZL_DETOUR_TOOLS : AZL_DETOUR_CHAT)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      AZLNO(0120) "%s takes no chats%s: they go to its "
                                  "/responses, for an hour",
                      d->id, tools ? " with tools" : "");
    }
    return detour;
}
