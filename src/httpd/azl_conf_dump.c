/* `httpd -t -D DUMP_AZURELIT`: what the configuration comes to, once virtual
 * hosts have inherited, times have their defaults and fallbacks their own. */
#include "azl_hooks.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_core.h>

#include "azl_conf_int.h"
#include "azl_routing.h"

static const char *text_of_time(apr_pool_t *p, const char *name,
                                apr_interval_time_t time)
{
    if (time < 0) {
        return "";
    }
    if (time % APR_USEC_PER_SEC == 0) {
        return apr_psprintf(p, " %s=%" APR_TIME_T_FMT "s", name,
                            apr_time_sec(time));
    }
    return apr_psprintf(p, " %s=%" APR_TIME_T_FMT "ms", name,
                        apr_time_as_msec(time));
}

static const char *text_of_count(apr_pool_t *p, const char *name,
                                 apr_uint32_t count)
{
    return count ? apr_psprintf(p, " %s=%u", name, count) : "";
}

static const char *text_of_limits(apr_pool_t *p, const azl_limits_t *limits)
{
    return apr_pstrcat(
        p, text_of_time(p, "connect-timeout", limits->connect),
        text_of_time(p, "first-token-timeout", limits->first_token),
        text_of_time(p, "idle-timeout", limits->idle),
        text_of_time(p, "timeout", limits->total), NULL);
}

static void print_deployment(apr_file_t *out, const azl_deployment_t *d,
                             apr_pool_t *p)
{
    apr_file_printf(out, "    %s weight=%d order=%d%s%s%s%s%s\n", d->id,
                    d->weight, d->order, text_of_count(p, "rpm", d->rpm),
                    text_of_count(p, "tpm", d->tpm),
                    text_of_count(p, "max-parallel", d->max_parallel),
                    d->hard ? " limits=hard" : "",
                    text_of_limits(p, &d->limits));
    if (d->spill) {
        apr_file_printf(out, "      spill %s%s\n", d->spill->id,
                        text_of_limits(p, &d->spill->limits));
    }
}

static void print_fallbacks(apr_file_t *out, const azl_model_t *model,
                            int reason, apr_pool_t *p)
{
    const azl_fallback_t *fallback = (void *)model->fallbacks->elts;
    const char *names = "";
    int i;

    for (i = 0; i < model->fallbacks->nelts; i++) {
        if (fallback[i].on & reason) {
            names = apr_pstrcat(p, names, " ", fallback[i].model->alias, NULL);
        }
    }
    if (*names) {
        apr_file_printf(out, "    fallback on=%s%s\n",
                        azl_fallback_reason_name(reason), names);
    }
}

static void print_model(apr_file_t *out, const azl_model_t *model,
                        apr_pool_t *p)
{
    int i;

    apr_file_printf(out, "  %s %s%s\n", model->alias,
                    azl_strategy_name(model->strategy),
                    text_of_limits(p, &model->limits));
    for (i = 0; i < model->deployments->nelts; i++) {
        print_deployment(
            out, APR_ARRAY_IDX(model->deployments, i, azl_deployment_t *), p);
    }
    if (model->fallbacks) {
        print_fallbacks(out, model, AZL_FALLBACK_ERROR, p);
        print_fallbacks(out, model, AZL_FALLBACK_CONTEXT_WINDOW, p);
        print_fallbacks(out, model, AZL_FALLBACK_CONTENT_FILTER, p);
    }
}

static void print_server(apr_file_t *out, const server_rec *s, apr_pool_t *p)
{
    const azl_conf_t *conf = azl_conf_get(s);
    const azl_cooldown_t *cooldown = &conf->cooldown;
    int i;

    apr_file_printf(out, "AzureLIT %s",
                    s->server_hostname ? s->server_hostname : "");
    if (s->defn_name) {
        apr_file_printf(out, " (%s:%u)", s->defn_name, s->defn_line_number);
    }
    apr_file_printf(
        out, " mid-stream=%s%s", conf->mid_stream ? "continue" : "error",
        text_of_count(p, "max-in-flight", (apr_uint32_t)conf->max_in_flight));
    if (conf->body_time) {
        apr_file_printf(out, "%s min-rate=%" APR_INT64_T_FMT,
                        text_of_time(p, "body-timeout", conf->body_time),
                        conf->body_rate);
    }
    if (cooldown->time) {
        apr_file_printf(
            out, " cooldown: fails=%d%s%s percent=%d\n", cooldown->fails,
            text_of_time(p, "window", cooldown->window),
            text_of_time(p, "time", cooldown->time), cooldown->percent);
    }
    else {
        apr_file_printf(out, " cooldown: off\n");
    }
    for (i = 0; i < conf->catalog->order->nelts; i++) {
        print_model(out, APR_ARRAY_IDX(conf->catalog->order, i, azl_model_t *),
                    p);
    }
}

void azl_hook_test_config(apr_pool_t *pconf, server_rec *s)
{
    apr_file_t *out;

    if (!ap_exists_config_define("DUMP_AZURELIT") ||
        apr_file_open_stdout(&out, pconf) != APR_SUCCESS) {
        return;
    }
    for (; s; s = s->next) {
        if (azl_conf_get(s)->enabled == 1) {
            print_server(out, s, pconf);
        }
    }
}
